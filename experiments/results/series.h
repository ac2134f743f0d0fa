/*
 * Series: the rows of series.csv, the means of observables over time, and what became of paths.
 */
#ifndef EXPERIMENTS_RESULTS_SERIES_H
#define EXPERIMENTS_RESULTS_SERIES_H

#include "experiments/cases/case_result.h"
#include "experiments/results/columns.h"

/* An observable of a side at a record: a row of series.csv. */
struct series_row {
  const struct run_case *one;
  size_t side;
  const char *observable;
  double time;
  struct sde_moments moments;
  uint64_t diverged;
};
extern const struct columns series_columns;
struct series_row series_row_of(const struct case_result *result, size_t side, size_t record,
                                size_t observable);

/* Append a case's rows to series.csv: its iterates and each SDE, each record, each observable. Warn
 * where a mean is not a number because a formula has no value where paths have gone. */
void series_write(struct results *results, const struct case_result *result);

/* What means rest on where so many of the paths diverged: "means are over the survivors". */
const char *series_survivors(uint64_t diverged, double paths);

/* Warn of paths that diverged, and fail the run where they are more than max_diverged allows. */
void series_report_divergence(struct results *results, const struct case_result *result);

#endif
