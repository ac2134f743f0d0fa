/*
 * Series: the rows of series.csv, the means of observables over time, and what became of paths.
 */
#ifndef EXPERIMENTS_RESULTS_SERIES_H
#define EXPERIMENTS_RESULTS_SERIES_H

#include "experiments/cases/case_result.h"
#include "experiments/results/results.h"

/* Append a case's rows to series.csv: its iterates and each SDE, each record, each observable. Warn
 * where a mean is not a number because a formula has no value where paths have gone. */
void series_write(struct results *results, const struct case_result *result);

/* What means rest on where so many of the paths diverged: "means are over the survivors". */
const char *series_survivors(uint64_t diverged, double paths);

/* Warn of paths that diverged, and fail the run where they are more than max_diverged allows. */
void series_report_divergence(struct results *results, const struct case_result *result);

#endif
