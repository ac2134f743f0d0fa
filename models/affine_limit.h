/*
 * Affine limits: where every f_i is quadratic, F is affine in x and Sigma is quadratic in x. Both
 * are then known from their values at a few points, and evaluating them costs the same however
 * many samples or micro-batches they come from.
 */
#ifndef MODELS_AFFINE_LIMIT_H
#define MODELS_AFFINE_LIMIT_H

#include "models/affine_frame.h"

/* Multiply-adds, and normals, that one evaluation takes per path. */
double affine_limit_cost(size_t dim, double normal_cost);

/* Multiply-adds that learning takes, where one evaluation of the system that is learnt from, with
 * noise_dim Wiener processes, takes evaluation_cost. Learning may also need more memory than it is
 * worth, about dim^4/4 numbers twice: then INFINITY. */
double affine_limit_learning_cost(size_t dim, size_t noise_dim, double evaluation_cost);

/* Drift and covariance sum_k b_k b_k^T of a system as polynomials in y = x - centre of a frame: the
 * drift is matrix y + constant, and entry i*(i+1)/2 + k of the covariance's lower triangle is
 * sum_(b <= a) tensor[entry*pairs + a*(a+1)/2 + b] z_a z_b with z = (y_1, .., y_d, 1) and
 * pairs = (d+1)(d+2)/2. */
struct affine_coefficients {
  double *matrix, *constant, *tensor;
};

/* The system with the drift and covariance of `general`, whose drift must be affine and its
 * covariance quadratic, learnt by evaluating it about the frame's centre, and with drift a -
 * (eta/2) Da a instead of a (eta 0 for a itself). `general` is evaluated here and may then be
 * released; the frame must outlive it. The noise of the result is a Cholesky factor with dim Wiener
 * processes. NULL where drift or noise, at points about the centre, at rest, on the way from the
 * start to it and beyond, are not those of `general` by more than no estimate would show: where
 * polynomials do not have their digits. */
struct sde_system *affine_limit_new(const struct sde_system *general,
                                    const struct affine_frame *frame, double eta);
/* The same of zeros, learnt from nothing: it takes as long to evaluate, which is all that it is for. */
struct sde_system *affine_limit_blank(const struct sde_system *general,
                                      const struct affine_frame *frame);
void affine_limit_free(struct sde_system *system);

/* Those of a system that affine_limit_new made, owned by it. */
const struct affine_coefficients *affine_limit_coefficients(const struct sde_system *system);

#endif
