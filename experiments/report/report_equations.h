/*
 * The section of a report on the equations that were solved.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_EQUATIONS_H
#define EXPERIMENTS_REPORT_REPORT_EQUATIONS_H

#include "experiments/io/text.h"
#include "experiments/report/report_run.h"

/* Append, for each optimizer of the recipe, its update and each SDE of the summary; for the study
 * `converge` its equations first. `level` is that of the headings within, `prefix` begins ids. */
void report_equations(struct text *page, const struct report_run *run, const char *prefix,
                      int level);

/* SDE `index` of the summary in words; of a run to a tolerance without scheme and substeps, which
 * each case has chosen for itself. Released with sde_free. */
char *report_sde_description(const struct report_run *run, size_t index);

#endif
