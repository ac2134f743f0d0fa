/*
 * Averages over time: processes that advance as others do and average observables, and products for
 * covariances, along each path.
 */
#ifndef ANALYSIS_AVERAGES_H
#define ANALYSIS_AVERAGES_H

#include "sde/ensemble.h"
#include "sde/process.h"

/* The largest dimension whose covariances are estimated (cov11 to cov99). */
enum { AVERAGES_LARGEST_DIM = 9 };

/* What is averaged: observables; then, up to AVERAGES_LARGEST_DIM dimensions, the
 * products x_i x_k, k <= i, which become covariances, and last x itself, which they need. */
struct averages {
  size_t observables, products, dim, reported, all;
  char **name; /* of the reported: observables and covariances */
};

/* Averages of a process in dim dimensions, with observables of these names. */
struct averages averages_new(size_t observables, const char *const *name, size_t dim);
void averages_free(struct averages *quantities);

/* What is averaged of which paths: from step `burn` on to the last of `steps`. */
struct averages_plan {
  const struct averages *quantities;
  const struct sde_observables *observables;
  uint64_t burn, steps, paths;
  double bound; /* a path with a coordinate beyond it, or not finite, has diverged */
};

/* The process `inner` with averages. The plan is copied; what it and the process point to must
 * outlive the result. */
struct sde_process *averages_process_new(const struct averages_plan *plan,
                                         const struct sde_process *inner);
void averages_process_free(struct sde_process *process);

/* What it has averaged, [quantity*paths + path]; NAN of a path that diverged. */
double *averages_of(const struct sde_process *process);

/* In place of the averages of x_i x_k on each path, with a_i those of x_i and M_i their mean over
 * paths: (x_i x_k) - M_k a_i - M_i a_k + M_i M_k. Its mean over paths is the covariance of x over
 * time and paths, and its spread is that of the delta method. */
void averages_linearise(const struct averages *quantities, uint64_t paths, double *average);

#endif
