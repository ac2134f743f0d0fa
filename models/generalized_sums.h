/*
 * Generalised linear losses in matrix form: sums over all samples for a block of paths. Gradients
 * are g_i = c_i a_i + ridge x with a scalar c_i a path, so that means and covariances are products
 * of the matrix of the c_i with the data, which is read in pieces that stay in the cache.
 */
#ifndef MODELS_GENERALIZED_SUMS_H
#define MODELS_GENERALIZED_SUMS_H

#include "models/loss.h"

/* The operations of struct loss_type over all samples: g[j*width + p] and hv[j*width + p]. */
void generalized_linear_mean_gradient(const struct loss *loss, size_t width, const double *x,
                                      double *g);
void generalized_linear_mean_hessian_vector(const struct loss *loss, size_t width, const double *x,
                                            const double *v, double *hv);

/* Directions of one sample each: u_i = g_i(x + rho g_i(x)), or to first order g_i + rho H_i g_i. */
enum generalized_direction_order {
  GENERALIZED_DIRECTIONS_EXACT,
  GENERALIZED_DIRECTIONS_FIRST_ORDER
};

/* Are they in this form? So for generalised linear losses where rho is 0, to first order, or
 * without a ridge. */
bool generalized_linear_has_moments(const struct loss *loss, enum generalized_direction_order order,
                                    double rho);

/* Moments of u_i over the samples, equally likely: mean[j*width + p], and the lower triangle of the
 * covariance, [(j*(j+1)/2 + k)*width + p], from deviations from the first sample, so that a mean
 * that is large beside the noise costs no digits. rounding[j*width + p] is what a variance may be
 * by rounding alone: the floor of factor_cholesky_above. covariance may be NULL, and rounding then
 * is not read; the mean has the same bits. */
void generalized_linear_moments(const struct loss *loss, size_t width,
                                enum generalized_direction_order order, double rho, const double *x,
                                double *mean, double *covariance, double *rounding);

#endif
