/*
 * What a reader must know before the rest of a report: diverged and censored paths, unresolved
 * fits, claims that do not hold or are open, pictures that are missing.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_ATTENTION_H
#define EXPERIMENTS_REPORT_REPORT_ATTENTION_H

#include "experiments/io/text.h"
#include "experiments/report/report_run.h"

/* Append items of a list, one a matter; `refused` is NULL or why pictures could not be shown. How
 * many there are. */
size_t report_attention(struct text *items, const struct report_run *run, const char *refused);

#endif
