/*
 * Iterated Ito integrals of the Wiener processes over a step, of multiplicity two: from the
 * increments and, where they were drawn, the areas (Kloeden and Platen 1992, section 5.2).
 */
#ifndef SDE_ITERATED_INTEGRALS_H
#define SDE_ITERATED_INTEGRALS_H

#include "sde/wiener.h"

#include <stddef.h>

/* out[k*width + p] = factor I_(j,k) for each k below noise_dim, where I_(j,k) integrates dW_j first
 * over a step dt; without areas its half from the products, which is all that commutes. */
void sde_iterated_integrals(const struct sde_increments *increments, size_t j, size_t noise_dim,
                            double dt, double factor, size_t width, double *out);

#endif
