/*
 * Levy areas: of the Brownian path within one step, given its increments, by the truncated Fourier
 * series of Kloeden, Platen and Wright (Stoch. Anal. Appl. 10, 1992) with the tail's correction of
 * M. Wiktorsson (Ann. Appl. Probab. 11, 2001); and their two-point substitutes for weak schemes.
 */
#ifndef SDE_LEVY_AREA_H
#define SDE_LEVY_AREA_H

#include "sde/random.h"

#include <stddef.h>
#include <stdint.h>

/* Number of areas of noise_dim components, one a pair. */
size_t sde_levy_area_count(size_t noise_dim);

/* Terms n of the series for which the mean square error of each area is at most dt^3, so that the
 * strong order 1 is kept; at least 1. The error is that of the best coupling, and bounded by
 * Wiktorsson's theorem, on average over pairs: (m + 4 |dW|^2/dt) dt^2 / (12 pi^2 n^2), m =
 * noise_dim, with |dW|^2/dt at its expectation m. (Measured for m = 2, 3, 4: a thirteenth of the
 * bound or less.) Where the 2^25 lanes of an address hold fewer terms, as many as they hold.
 * noise_dim is at most 8190. */
size_t sde_levy_area_terms(size_t noise_dim, double dt);

/* Standard normals per path that `terms` terms and the correction cost. */
size_t sde_levy_area_normals(size_t noise_dim, size_t terms);

/* Numbers of scratch that sde_levy_areas needs, whatever the width. */
size_t sde_levy_area_scratch(size_t noise_dim);

/* area[(k*(k-1)/2 + j)*width + p], j < k, as in struct sde_increments, given dw[k*width + p] over a
 * step dt: of X, Y and G standard normals at the address `at`, whose stream serves nothing else,
 *   (dt/2pi) sum_r (1/r) (X_j V_k - V_j X_k),  V = Y + sqrt(2/dt) dW,  r = 1 .. terms,
 * and the normal remainder with the covariance of all later terms given dW, which makes the areas'
 * covariances given dW exact whatever the number of terms. width is a multiple of 8. */
void sde_levy_areas(const struct sde_address *at, size_t noise_dim, double dt, size_t terms,
                    size_t width, const double *dw, double *scratch, double *area);

/* Two-point areas +-dt/2, each sign with probability 1/2: the moments of the areas that weak order
 * 2 asks for (Kloeden and Platen 1992, 14.2). The same stream serves nothing else. */
void sde_levy_area_signs(const struct sde_address *at, size_t noise_dim, double dt, size_t width,
                         double *area);

#endif
