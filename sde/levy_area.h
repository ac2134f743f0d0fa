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

/* Terms of the series for which the areas' mean square error is at most dt^3 (so that the strong
 * order 1 is kept), from the step and the number of components; at least 1. */
size_t sde_levy_area_terms(size_t noise_dim, double dt);

/* Standard normals a path that `terms` terms and the correction cost. */
size_t sde_levy_area_normals(size_t noise_dim, size_t terms);

/* Numbers of scratch that sde_levy_areas needs. */
size_t sde_levy_area_scratch(size_t noise_dim, size_t terms, size_t width);

/* area[(k*(k-1)/2 + j)*width + p], j < k, as in struct sde_increments, given dw[k*width + p] over a
 * step dt; the random numbers stand at the address `at`, whose stream serves nothing else. */
void sde_levy_areas(const struct sde_address *at, size_t noise_dim, double dt, size_t terms,
                    size_t width, const double *dw, double *scratch, double *area);

/* Two-point areas +-dt/2, each sign with probability 1/2: the moments of the areas that weak order
 * 2 asks for (Kloeden and Platen 1992, 14.2). The same stream serves nothing else. */
void sde_levy_area_signs(const struct sde_address *at, size_t noise_dim, double dt, size_t width,
                         double *area);

#endif
