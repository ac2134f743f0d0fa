/*
 * Averages over time: processes that advance as others do and average observables, and products for
 * covariances, along each path.
 */
#ifndef ANALYSIS_AVERAGES_H
#define ANALYSIS_AVERAGES_H

#include "experiments/cases/cases.h"

/* The largest dimension whose covariances are estimated (cov11 to cov99). */
enum { AVERAGES_LARGEST_DIM = 9 };

/* What is averaged: the recipe's observables; then, up to AVERAGES_LARGEST_DIM dimensions, the
 * products x_i x_k, k <= i, which become covariances, and last x itself, which they need. */
struct averages {
  size_t observables, products, dim, reported, all;
  char **name; /* of the reported: observables and covariances */
};

struct averages averages_new(const struct cases *cases);
void averages_free(struct averages *quantities);

/* `inner`, a process of the case, with averages from step `burn` on to the last; what it points to
 * must outlive it. */
struct sde_process *averages_process_new(const struct cases *cases, const struct run_case *one,
                                         const struct averages *quantities, uint64_t burn,
                                         const struct sde_process *inner);
void averages_process_free(struct sde_process *process);

/* What it has averaged, [quantity*paths + path]; NAN of a path that diverged. */
double *averages_of(const struct sde_process *process);

/* In place of the averages of x_i x_k on each path, with a_i those of x_i and M_i their mean over
 * paths: (x_i x_k) - M_k a_i - M_i a_k + M_i M_k. Its mean over paths is the covariance of x over
 * time and paths, and its spread is that of the delta method. */
void averages_linearise(const struct averages *quantities, uint64_t paths, double *average);

#endif
