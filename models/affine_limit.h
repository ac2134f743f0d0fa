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

/* The system with the drift and covariance of `general`, whose drift must be affine and whose
 * covariance sum_k b_k b_k^T quadratic in x. It is evaluated here and may then be released. The
 * noise of the result is a Cholesky factor with dim Wiener processes. */
struct sde_system *affine_limit_new(const struct sde_system *general);
void affine_limit_free(struct sde_system *system);

#endif
