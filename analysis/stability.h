/*
 * Stability: three numbers that tell, before anything runs, whether iterates can follow their
 * limit. For the quadratic f = lambda x^2/2 the mean step of USAM multiplies x by
 * 1 - eta lambda (1 + rho lambda), so that the mean explodes where eta lambda (1 + rho lambda) > 2.
 * Where lambda < 0 and rho |lambda| > 1, the same product is positive: a saddle or maximum of f is a
 * minimum of f + rho R.
 */
#ifndef ANALYSIS_STABILITY_H
#define ANALYSIS_STABILITY_H

#include "models/optimizer.h"

/* What is found at a point. */
struct stability {
  double largest, smallest; /* curvatures: eigenvalues of the full loss's Hessian */
  double step;            /* eta lambda (1 + rho lambda) at the largest; rho only where it perturbs
                               by the gradient itself, not by its direction */
  double turning;         /* rho |lambda| at the smallest, where that is negative; else 0 */
  double noise_to_signal; /* sqrt(c(b) tr V) / |g|; NAN where V is not finite or g is zero */
};

/* At x, dim numbers. All NAN where the Hessian is not finite or the loss has too many dimensions
 * for it. */
struct stability stability_at(const struct optimizer *optimizer, const double *x);

/* The largest numbers of each kind, NAN aside, at the start and along the path of the mean step
 * x <- x - eta g(x + rho g(x)), `points` times over `steps` steps; the path ends where it is not
 * finite, or where the largest step says that it explodes. */
struct stability stability_along(const struct optimizer *optimizer, const double *start,
                                 uint64_t steps, size_t points);

#endif
