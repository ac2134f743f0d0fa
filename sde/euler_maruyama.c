/*
 * Euler-Maruyama: X' = X + a dt + sum_k b_k dW_k. Strong order 1/2 (1 for additive noise), weak
 * order 1. Kloeden and Platen, "Numerical Solution of Stochastic Differential Equations", 10.2.
 */
#include "sde/block.h"
#include "sde/scheme.h"

SDE_VECTOR
static void advance(size_t count, double dt, const double *restrict drift,
                    const double *restrict noise, double *restrict x)
{
  for (size_t i = 0; i < count; i++)
    x[i] += drift[i] * dt + noise[i];
}

static void step(const struct sde_system *system, void *system_workspace, double *scratch,
                 const struct sde_instant *at, double dt, size_t width, const double *dw, double *x)
{
  size_t size = system->dim * width;
  double *drift = scratch, *noise = scratch + size;
  system->evaluate(system, system_workspace, at, width, x, dw, drift, noise);
  advance(size, dt, drift, noise, x);
}

extern const struct sde_scheme sde_euler_maruyama;
const struct sde_scheme sde_euler_maruyama = {
    .name = "euler-maruyama",
    .title = "Euler-Maruyama",
    .reference = "Kloeden and Platen 1992, section 10.2",
    .strong_order = {1, 0.5, 0.5, 0.5, 0.5},
    .weak_order = 1,
    .state_vectors = 2,
    .step = step,
};
