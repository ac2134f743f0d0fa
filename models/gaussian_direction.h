/*
 * The direction e = Z/||Z|| of Z ~ N(mu, C), regressed on Z: e = E e + M (Z - mu) + rest, with
 * M = d E e / d mu and a rest that is uncorrelated with Z. It gives the covariance of Z + rho H e in
 * closed form, by its part along Z and its rest. theory.md section 4; arXiv 2509.18001, theorem 3.8.
 */
#ifndef MODELS_GAUSSIAN_DIRECTION_H
#define MODELS_GAUSSIAN_DIRECTION_H

#include "models/gaussian_norm.h"

/* Stein: Cov(Z, e) = C M, so that Cov(rest) = Cov e - M C M, which is positive semidefinite. Both
 * are right to 1e-13, on the scale where tr C + ||mu||^2 = 1. A rest of a variance below 1e-13, beside
 * noise far smaller than mu, counts as none. C = 0 and mu = 0 have direction 0, without a rest. */

/* Scratch of one thread, for every width, and its release. width is a multiple of SDE_UNIT. A
 * path's results are the same bits whatever other paths stand beside it. */
struct gaussian_direction_workspace;
struct gaussian_direction_workspace *gaussian_direction_workspace_new(size_t dim);
void gaussian_direction_workspace_free(struct gaussian_direction_workspace *workspace);

/* What a regression is asked about, for a block of paths, [i*width + p] each: mu; v, in the range of
 * C (what is not, does not count); dw, increments for the rest; and its factor. */
struct gaussian_direction_query {
  const double *mu, *v, *dw;
  double scale;
};

/* out = M v + scale * Cov(rest)^(1/2) dw, [i*width + p], for a covariance C that all paths share;
 * out may be an array of the query. */
void gaussian_direction_shared(const struct gaussian_norm_basis *basis,
                               struct gaussian_direction_workspace *workspace, size_t width,
                               const struct gaussian_direction_query *query, double *out);

#endif
