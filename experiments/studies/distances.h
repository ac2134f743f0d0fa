/*
 * Distances between the law of the iterates and that of an SDE over time, an observable at a time:
 * Wasserstein's of order 1 with its noise floor, and Kolmogorov's and Smirnov's. They compare whole
 * laws where means alone may agree.
 */
#ifndef EXPERIMENTS_STUDIES_DISTANCES_H
#define EXPERIMENTS_STUDIES_DISTANCES_H

#include "analysis/distance.h"
#include "experiments/cases/case_result.h"
#include "experiments/results/results.h"

/* Write a case's distances, of the first `paths` sample paths of a run with companions, to
 * distances.csv; those at the last record to end[sde*observables + observable]. */
void distances_write(struct results *results, const struct case_result *result, size_t paths,
                     struct distance *end);

/* The distances at the end time of all cases, case by case as written above: to the summary and to
 * the notes. */
void distances_report(struct results *results, const struct cases *cases,
                      const struct distance *end);

#endif
