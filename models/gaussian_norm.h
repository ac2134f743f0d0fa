/*
 * Gaussian norms: E||Z|| and its gradient E[Z/||Z||] in mu, for Z ~ N(mu, C). They are the
 * regulariser of the normalised algorithms, and its drift, where the micro-batch gradient is
 * Gaussian or taken as such (C = c(m) V). arXiv 2509.18001, theorems 3.6 to 3.8; theory.md 4.
 */
#ifndef MODELS_GAUSSIAN_NORM_H
#define MODELS_GAUSSIAN_NORM_H

#include <stddef.h>

/* Everywhere: norms are right to 1e-12 of themselves, directions (at most 1 long) to 1e-12, for
 * covariances of any rank; what is known to rounding only, such as the null space of a full
 * matrix, counts as given. Z = 0 has direction 0, so that mu = 0 has direction 0 and C = 0 gives
 * ||mu|| and mu/||mu||. A number that is not finite makes its path's results NaN and touches no
 * other path. Squares of mu and the trace of C must not overflow or underflow. */

/* E||Z|| for independent components Z_k ~ N(mu[k], lambda[k]), lambda >= 0, by the integrals of
 * theory.md section 4 as they stand; direction[k] = E[Z_k/||Z||] unless it is NULL. Costs 601
 * values of each integrand: for tests, reports and single points. */
double gaussian_norm(size_t dim, const double *mu, const double *lambda, double *direction);

/* For blocks. A workspace serves one thread, for every width; width is a multiple of SDE_UNIT. A
 * path's results are the same bits whatever other paths stand beside it. */
struct gaussian_norm_workspace;

/* Scratch for this many components, and its release. */
struct gaussian_norm_workspace *gaussian_norm_workspace_new(size_t dim);
void gaussian_norm_workspace_free(struct gaussian_norm_workspace *workspace);

/* A covariance that all paths share, by its eigenvectors; covariance[i*dim + j] is symmetric
 * positive semidefinite (to rounding: negative eigenvalues count as 0) and finite. */
struct gaussian_norm_basis;

/* From covariance[i*dim + j], and its release. */
struct gaussian_norm_basis *gaussian_norm_basis_new(size_t dim, const double *covariance);
void gaussian_norm_basis_free(struct gaussian_norm_basis *basis);

/* direction[i*width + p] = E[Z_i/||Z||] and norm[p] = E||Z|| for Z ~ N(mu, C), C shared,
 * mu[i*width + p]. Either result may be NULL; direction may be mu. */
void gaussian_norm_shared(const struct gaussian_norm_basis *basis,
                          struct gaussian_norm_workspace *workspace, size_t width, const double *mu,
                          double *direction, double *norm);

/* The same for a covariance of each path's own: entry (j, k), k <= j, of path p stands at
 * covariance[(j*(j+1)/2 + k)*width + p]. */
void gaussian_norm_each(struct gaussian_norm_workspace *workspace, size_t width,
                        const double *covariance, const double *mu, double *direction,
                        double *norm);

#endif
