/*
 * Linear-quadratic processes whose direction changes with time: first and second moments, exactly,
 * of the iterates and of their SDEs of order 1 and 2 in the learning rate. Moments are laid out as
 * in linear.h.
 */
#ifndef SDE_LINEAR_VARYING_H
#define SDE_LINEAR_VARYING_H

#include "sde/status.h"

#include <stddef.h>
#include <stdint.h>

/* E u, Cov u as in struct sde_linear_direction, and the derivatives of E u in time: dim x dim and
 * dim numbers. */
struct sde_linear_instant {
  double *matrix, *constant, *covariance;
  double *matrix_slope, *constant_slope;
};

/* A direction as a function of time; filled in by the caller. */
struct sde_linear_varying {
  size_t dim;
  double eta;
  const void *context;
  void (*at)(const void *context, double time, struct sde_linear_instant *instant);
};

/* The moments after learning-rate step `step`, from time step * eta on: of the iterates, with the
 * direction at that time. */
void sde_linear_varying_iterate(const struct sde_linear_varying *varying, uint64_t step,
                                double *moments);

/* The same of dX = -D dt + sqrt(eta) Sigma^(1/2) dW with D = F, or D = F + (eta/2)(DF F - d_t F) for
 * eta_order 2, by the eighth-order method of Prince and Dormand to a relative error of 1e-13. Where
 * they leave the range of numbers, moments become NAN. */
void sde_linear_varying_solve(const struct sde_linear_varying *varying, int eta_order,
                              uint64_t step, double *moments);

#endif
