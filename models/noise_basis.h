/*
 * Bases for noise: eigenvectors of the loss's Hessian, and random orthonormal vectors.
 */
#ifndef MODELS_NOISE_BASIS_H
#define MODELS_NOISE_BASIS_H

#include "models/loss.h"

/* The Hessian of the full loss at x (dim numbers): its eigenvalues, the largest first, and the
 * eigenvectors vector[i*dim + k]. False where x is NULL or the Hessian is not finite, and the
 * status says so; `place` is where the recipe asked for it. */
bool noise_hessian_basis(const struct loss *loss, const double *x, const char *place,
                         double *eigenvalue, double *vector, struct sde_status *status);

/* vector[i*count + k], k < count <= dim: orthonormal, distributed uniformly (Haar), a function of
 * the seed alone. */
void noise_random_basis(size_t dim, size_t count, uint64_t seed, double *vector);

#endif
