/*
 * Oracles: exact means of observables over time, without sampling error, where the loss is
 * quadratic and the optimizer's direction is affine in the parameters; from the moments of
 * sde/linear.h.
 */
#ifndef ANALYSIS_ORACLE_H
#define ANALYSIS_ORACLE_H

#include "models/limit.h"
#include "sde/ensemble.h"

struct oracle;

/* The oracle of an optimizer's iterates, or of the SDE of one of its limits, from the objective's
 * start on; or NULL where none applies: `why` then points to a constant sentence that says so. Up
 * to SDE_LINEAR_LARGEST_DIM dimensions. What it is given need not outlive it, but for the optimizer's
 * schedules. */
struct oracle *oracle_of_iterates(const struct optimizer *optimizer,
                                  const struct sde_observables *observables, const char **why);
struct oracle *oracle_of_limit(const struct optimizer *optimizer, const struct limit *limit,
                               const struct sde_observables *observables, const char **why);
void oracle_free(struct oracle *oracle);

/* Go on to this learning-rate step, which must not be before the last one asked for. */
void oracle_advance(struct oracle *oracle, uint64_t step);

/* Go to the stationary moments, of an optimizer without schedules; false, and the status says why,
 * where there are none. */
bool oracle_stationary(struct oracle *oracle, struct sde_status *status);

/* The exact mean of an observable where the oracle stands; NAN for an observable that is not a
 * quadratic polynomial. */
double oracle_mean(const struct oracle *oracle, size_t observable);

/* Exact mean and covariance of the first `dim` coordinates, those of x: mean[i],
 * covariance[i*dim + k]. */
void oracle_moments(const struct oracle *oracle, size_t dim, double *mean, double *covariance);

#endif
