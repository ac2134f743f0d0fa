/*
 * The equation dX = (constant + slope X) dt + S dW of a system, learned by evaluating it, and only
 * accepted where more evaluations agree. For exponential Euler alone.
 */
#ifndef SDE_AFFINE_EQUATION_H
#define SDE_AFFINE_EQUATION_H

#include "sde/status.h"
#include "sde/system.h"

#include <stdbool.h>
#include <stddef.h>

/* Wider than double where the machine has it: of a stiff A the slow part is a small difference of
 * large entries, and doubling multiplies its errors. */
typedef long double sde_wide;

/* A matrix of zeros, released with sde_free. */
sde_wide *sde_wide_new(size_t rows, size_t columns);

/* drift = constant + slope x, noise = s dw; row-major. */
struct sde_affine_equation {
  size_t dim, noise_dim;
  sde_wide *slope, *constant, *s;
};

/* Learn the equation; false, and the status says why, where the system has no such one. Release it
 * with sde_affine_equation_free either way. */
bool sde_affine_equation_learn(const struct sde_system *system,
                               struct sde_affine_equation *equation, struct sde_status *status);
void sde_affine_equation_free(struct sde_affine_equation *equation);

#endif
