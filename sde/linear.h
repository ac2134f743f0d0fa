/*
 * Linear-quadratic processes: where the mean update direction is affine in x and its covariance
 * quadratic, first and second moments close, and are followed exactly: of the discrete iterates,
 * of their SDEs of order 1 and 2 in the learning rate, and of Euler-Maruyama itself.
 */
#ifndef SDE_LINEAR_H
#define SDE_LINEAR_H

#include "sde/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A random update direction u at x. With z = (x_1, .., x_d, 1) and pairs = (d+1)(d+2)/2:
 *   E u_i = sum_j matrix[i*dim + j] x_j + constant[i]
 *   (Cov u)_ik = sum_(b <= a) covariance[(i*(i+1)/2 + k)*pairs + a*(a+1)/2 + b] z_a z_b, k <= i
 * which must be positive semidefinite at every x. */
struct sde_linear_direction {
  size_t dim;
  const double *matrix, *constant, *covariance;
};

/* The largest dim: a map holds a square matrix of about dim^2/2 rows, 6 MB for this dim; building
 * it takes twice more for a while, and O(dim^6) operations, some 2 seconds for this dim. */
enum { SDE_LINEAR_LARGEST_DIM = 40 };

/* Moments are an array of sde_linear_size(dim) numbers: E z_a z_b, b <= a, at a*(a+1)/2 + b, which
 * is the lower triangle of E x x^T by rows, then E x, then 1. */
size_t sde_linear_size(size_t dim);

/* How moments change over one learning-rate step. Below, F = E u, Sigma = Cov u, and the learning
 * rate is eta > 0. The direction is not needed once the map is made. NULL, and the status says why,
 * where dim is too large or the map not finite; `place` is where the recipe asked for it. */
struct sde_linear_map;

/* Iterates: x - eta u, with an independent u each step. */
struct sde_linear_map *sde_linear_iterates_new(const struct sde_linear_direction *direction,
                                               double eta, const char *place,
                                               struct sde_status *status);

/* SDE: dX = -D dt + sqrt(eta) Sigma^(1/2) dW, with D = F for eta_order 1 and D = F + (eta/2) DF F
 * for eta_order 2 (Li, Tai, E, JMLR 20, 2019); by the matrix exponential of the moments'
 * equations (L. Arnold, "Stochastic Differential Equations", 1974, section 8.5). */
struct sde_linear_map *sde_linear_sde_new(const struct sde_linear_direction *direction, double eta,
                                          int eta_order, const char *place,
                                          struct sde_status *status);

/* Euler-Maruyama on that SDE with time step eta/substeps, substeps >= 1. With eta_order 1 and one
 * substep it has the moments of the iterates. */
struct sde_linear_map *sde_linear_euler_new(const struct sde_linear_direction *direction,
                                            double eta, int eta_order, uint64_t substeps,
                                            const char *place, struct sde_status *status);

/* Release a map; NULL is allowed. */
void sde_linear_map_free(struct sde_linear_map *map);

/* The moments of one point x. */
void sde_linear_point(size_t dim, const double *x, double *moments);

/* Advance moments by this many learning-rate steps, at dim^4/4 multiply-adds each. Where they grow
 * out of range they become infinite or NaN. */
void sde_linear_advance(const struct sde_linear_map *map, uint64_t steps, double *moments);

/* The moments that are kept, and reached from anywhere. SDE_INVALID where there are none: where the
 * linear part of the map has a spectral radius of 1 or more (eigenvalues with a real part of 0 or
 * more for an SDE), or so little less that double precision cannot tell: one part in 1e12. */
bool sde_linear_stationary(const struct sde_linear_map *map, const char *place, double *moments,
                           struct sde_status *status);

/* mean[i] = E x_i; covariance[i*dim + k] = Cov(x_i, x_k), to a few 1e-16 of the second moments. */
void sde_linear_mean(size_t dim, const double *moments, double *mean);
void sde_linear_covariance(size_t dim, const double *moments, double *covariance);

/* E of x^T square x + linear^T x + constant; `square` is dim x dim, symmetric. */
double sde_linear_expectation(size_t dim, const double *moments, const double *square,
                              const double *linear, double constant);

#endif
