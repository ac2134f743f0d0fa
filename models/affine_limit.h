/*
 * Affine limits: where every f_i is quadratic, F is affine in x and Sigma is quadratic in x. Both
 * are then known from their values at a few points, and evaluating them costs the same however
 * many samples or micro-batches they come from.
 */
#ifndef MODELS_AFFINE_LIMIT_H
#define MODELS_AFFINE_LIMIT_H

#include "sde/system.h"

#include <stdbool.h>

/* Multiply-adds, and normals, that one evaluation takes a path. */
double affine_limit_cost(size_t dim, double normal_cost);

/* Drift and covariance sum_k b_k b_k^T of a system as polynomials: the drift is
 * matrix x + constant, and entry i*(i+1)/2 + k of the covariance's lower triangle is
 * sum_(b <= a) tensor[entry*pairs + a*(a+1)/2 + b] z_a z_b with z = (x_1, .., x_d, 1) and
 * pairs = (d+1)(d+2)/2. */
struct affine_coefficients {
  double *matrix, *constant, *tensor;
};

/* Those of a system whose drift is affine and whose covariance is quadratic, by evaluating it. */
struct affine_coefficients affine_coefficients_new(const struct sde_system *general);
void affine_coefficients_free(struct affine_coefficients *coefficients);

/* Points that determine a quadratic polynomial in d variables: their number, rounded up to a block
 * width; the points x[i*width + p], which must be zero before; and the coefficients, in the order
 * of a row of the tensor, from its values at them. */
size_t affine_points(size_t d);
void affine_set_points(size_t d, size_t width, double *x);
void affine_interpolate(size_t d, const double *value, double *coefficient);

/* The system with the drift and covariance of `general`, as for affine_coefficients_new, and with
 * drift a - (eta/2) Da a in the place of a (eta 0 for a itself). `general` is evaluated here and
 * may then be released. The noise of the result is a Cholesky factor with dim Wiener processes. */
struct sde_system *affine_limit_new(const struct sde_system *general, double eta);
void affine_limit_free(struct sde_system *system);

#endif
