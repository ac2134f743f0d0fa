/*
 * What several runs have in common and what not: the keys of their recipes that differ, and their
 * results side by side.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_COMPARISON_H
#define EXPERIMENTS_REPORT_REPORT_COMPARISON_H

#include "experiments/io/text.h"
#include "experiments/report/report_run.h"

/* What a run is called among others: the last part of its directory; released with sde_free. */
char *report_run_name(const struct report_run *run);

/* A table of the keys that are not the same in all recipes, a column a run. */
void report_differing_keys(struct text *page, size_t runs, const struct report_run *run);

/* A table of the means that two runs or more have, with their standard errors, a column a run. */
void report_common_means(struct text *page, size_t runs, const struct report_run *run);

#endif
