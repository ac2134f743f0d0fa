/*
 * Mean first-passage times in one dimension by quadrature. For dX = a dt + s dW from x to a
 * boundary B above it, with reflection far below,
 *   T(x) = int_x^B e^Psi(y) int_{-inf}^y 2/s^2(z) e^-Psi(z) dz dy,  Psi' = -2a/s^2
 * (Gardiner, Handbook of Stochastic Methods, 5.2.7; theory.md section 5); for a boundary below, the
 * mirror image. Drift and diffusion are those of the very system that is simulated.
 */
#ifndef ANALYSIS_MEAN_PASSAGE_H
#define ANALYSIS_MEAN_PASSAGE_H

#include "sde/status.h"
#include "sde/system.h"

#include <stdbool.h>

/* A mean first-passage time. */
struct mean_passage {
  double logarithm; /* of the time, which may itself be beyond the range of double */
  double mean;      /* INFINITY there */
  double relative;  /* estimate of the relative error */
};

/* The mean time from `start` to `boundary`. Pieces of Gauss-Legendre quadrature are halved until
 * Psi changes by little in each and twice the nodes see the same integrals, jumps of the drift
 * included; the error is how far the result moves when all pieces are halved once more. The far end
 * is where e^-Psi 2/s^2, integrated over intervals of doubling length, has fallen by e^45 from the
 * most that it comes to behind the start.
 *
 * A point behind the start where the noise vanishes is that far end, if paths are kept away from it
 * (line.h). False, and the status says why, where the system has several coordinates; the time is
 * infinite, for the noise vanishes at a point that ends all ways to the boundary, or from which
 * there is none back; the noise vanishes at the start, or a drift leads through such a point to the
 * boundary; nothing holds the path within `reach` of zero on the other side; or halves of a piece
 * do not come to agree. The system's noise must not be drawn afresh at each evaluation. */
bool mean_passage_time(const struct sde_system *system, double start, double boundary, double reach,
                       struct mean_passage *result, struct sde_status *status);

/* The variance of the increment of the system at x, per unit of time: s^2. */
double mean_passage_variance(const struct sde_system *system, double x);

#endif
