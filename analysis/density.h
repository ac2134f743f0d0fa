/*
 * Stationary densities in one dimension. dX = a dt + s dW has
 *   p(x) = exp(int 2a/s^2 dx) / s^2, normalised
 * (Gardiner, Handbook of Stochastic Methods, 5.2.2; theory.md section 5); how fast the law of a
 * path comes to it; and the Kolmogorov-Smirnov distance of a sample from it. Drift and diffusion
 * are those of the very system that is simulated.
 */
#ifndef ANALYSIS_DENSITY_H
#define ANALYSIS_DENSITY_H

#include "sde/status.h"
#include "sde/system.h"

#include <stdbool.h>

/* A density on the nodes of a grid, filled in by density_new. */
struct density {
  size_t count; /* nodes, even in a coordinate z: x itself, or one that moves the points where the
                      noise vanishes to infinity */
  double step;  /* of z */
  double *x;    /* the nodes, ascending */
  double *stretch;                         /* dx/dz at each */
  double *logarithm;                       /* of the density of z at each, the largest being 0 */
  double *density, *cumulative, *variance; /* p, its distribution function and s^2 at each */
  double error; /* of the distribution function: how far half as many nodes move it */
};

/* The density of a system. The grid ends where that of z has fallen by e^45 from its largest value
 * and the drift leads back, seen from `start` on either side, and holds the start; it is refined
 * until half as many nodes move the distribution function by less than 1e-10, or 2^17 nodes are
 * reached. A second well behind a barrier that high is not found: no path gets there either. Where
 * the noise vanishes the path's side ends (line.h), if that end repels.
 *
 * False, and the status says why, where the system has several coordinates, drift and noise are not
 * finite, the noise vanishes at an end that does not repel, nothing holds the path within `reach`
 * of zero, the last two grids differ by more than 1e-5, or the last one does not fall to the
 * ends: such a density is none. The system's noise must not be drawn afresh at each evaluation. */
bool density_new(const struct sde_system *system, double start, double reach,
                 struct density *density, struct sde_status *status);
void density_free(struct density *density);

/* P(X <= x); and the x where it is `probability`. */
double density_cumulative(const struct density *density, double x);
double density_quantile(const struct density *density, double probability);

/* The law of a path from `start` comes to the stationary one like e^(-rate t), by the least
 * positive eigenvalue of the generator, that of a reversible Markov chain on the cells of the grid.
 * *distance is the largest distance of the chain's distribution function at this time from the
 * stationary one, all its eigenvalues included. False where there is no such rate, as the density
 * is 0 to a double between two wells. */
bool density_relaxation(const struct density *density, double start, double time, double *rate,
                        double *distance);

/* The largest distance of the sample's distribution function from the exact one; sorts the sample.
 * And that of two samples from each other; sorts both. */
double density_distance(const struct density *density, size_t count, double *sample);
double density_sample_distance(size_t count, double *sample, size_t other_count, double *other);

/* What the distance of n independent draws from their law exceeds with at most this probability:
 * P(D > d) <= 2 exp(-2 n d^2) for each n (Massart, Ann. Probab. 18 (1990)). */
double density_critical(size_t count, double level);

#endif
