/*
 * Verdicts in a report: one sentence for the run, then what fails and what is open in full, and
 * what holds folded away.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_VERDICT_H
#define EXPERIMENTS_REPORT_REPORT_VERDICT_H

#include "experiments/io/text.h"
#include "experiments/report/report_run.h"

/* Append how many claims fail, are open and hold, and the clearest of them with its numbers. That
 * is the one of a number farthest from zero beside its error: of those that fail if any does; else
 * of what theory claims that holds, or is open; claims that only hold simulation against exact
 * numbers come last. */
void verdict_sentence(struct text *page, const struct report_run *run);

/* Append every claim with its mark and its evidence. */
void verdict_list(struct text *page, const struct report_run *run);

#endif
