/*
 * Quasi-random Brownian paths: a few coarse increments of each path come from a randomised Sobol
 * net, by a Brownian bridge; what lies between them stays pseudo-random. Each path has the law of
 * Brownian motion, but those of a replicate are spread more evenly than chance would.
 */
#ifndef SDE_QUASI_H
#define SDE_QUASI_H

#include "sde/random.h"

#include <stddef.h>
#include <stdint.h>

/* Sobol's points as GSL has them go to 40 dimensions; a replicate has 2^24 points at most. */
enum { SDE_QUASI_DIMENSIONS = 40, SDE_QUASI_BITS = 24 };

/* Path p is point p % points of replicate p / points. A replicate's points are those of the net
 * with its own random digital shift, so that each is uniform, replicates are independent, and
 * the mean over one has no bias (L'Ecuyer, Lemieux, "Recent advances in randomized quasi-Monte
 * Carlo methods", 2002). The time is cut into `intervals`, of which number c spans the fine steps
 * begin[c] .. begin[c + 1] - 1; begin[intervals] is where the path ends, and no step from there on
 * may be asked for. Dimension j * components + k is the standard normal z_j of component k, and its
 * increment over interval c, in units of sqrt(fine step), is the sum over j of
 * bridge[c * intervals + j] z_j. */
struct sde_quasi {
  struct sde_stream shifts;
  size_t components; /* the first of the Wiener process: those that have such increments */
  size_t intervals;
  uint64_t points, *begin;
  double *bridge;
  uint64_t *direction; /* [dimension * SDE_QUASI_BITS + bit], of 52 bits */
};

/* For paths of this many fine steps; points is a power of two, at most 2^SDE_QUASI_BITS. There are
 * as many intervals as the dimensions and steps allow. Released with sde_quasi_free. */
struct sde_quasi *sde_quasi_new(struct sde_stream shifts, size_t noise_dim, uint64_t fine_steps,
                                uint64_t points);
void sde_quasi_free(struct sde_quasi *quasi);

/* components * intervals. */
size_t sde_quasi_dimensions(const struct sde_quasi *quasi);

/* The point of a path, in units of 2^-52: bits[dimension] below 2^52, shifted. */
void sde_quasi_point(const struct sde_quasi *quasi, uint64_t path, uint64_t *bits);

/* The coarse increments of paths first_path + p, in units of sqrt(fine step):
 * out[(c * components + k) * width + p]. */
void sde_quasi_increments(const struct sde_quasi *quasi, uint64_t first_path, size_t width,
                          double *out);

#endif
