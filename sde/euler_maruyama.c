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

static void step(const struct sde_step *step, double *x)
{
  size_t size = step->system->dim * step->width;
  double *drift = step->scratch, *noise = drift + size;
  step->system->evaluate(step->system, step->system_workspace, &step->at, step->width, x,
                         step->increments.dw, drift, noise);
  advance(size, step->dt, drift, noise, x);
}

extern const struct sde_scheme sde_euler_maruyama;
const struct sde_scheme sde_euler_maruyama = {
    .name = "euler-maruyama",
    .title = "Euler-Maruyama",
    .reference = "Kloeden and Platen 1992, section 10.2",
    .weak_order = 1,
    .on = {[SDE_NOISE_ADDITIVE] = {.strong_order = 1, .evaluations = 1},
           [SDE_NOISE_SCALAR] = {.strong_order = 0.5, .evaluations = 1},
           [SDE_NOISE_DIAGONAL] = {.strong_order = 0.5, .evaluations = 1},
           [SDE_NOISE_COMMUTATIVE] = {.strong_order = 0.5, .evaluations = 1},
           [SDE_NOISE_GENERAL] = {.strong_order = 0.5, .evaluations = 1}},
    .state_vectors = 2,
    .step = step,
};
