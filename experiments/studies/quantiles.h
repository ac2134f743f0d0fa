/*
 * Quantiles over time: how observables spread over the paths of a case, the rows of quantiles.csv.
 */
#ifndef EXPERIMENTS_STUDIES_QUANTILES_H
#define EXPERIMENTS_STUDIES_QUANTILES_H

#include "experiments/cases/case_result.h"
#include "experiments/results/results.h"

/* The most paths from which they are taken: those beyond change a quantile by little, and each is
 * kept in memory until the case is done. */
enum { QUANTILES_MOST_PATHS = 1000 };

/* Append a case's rows: the 5, 25, 50, 75 and 95 % quantiles of each observable of its iterates and
 * each SDE at each record, over the first `paths` sample paths of the result, but for those that
 * have diverged. */
void quantiles_write(struct results *results, const struct case_result *result, size_t paths);

#endif
