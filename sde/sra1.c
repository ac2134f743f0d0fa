/*
 * SRA1: a Runge-Kutta method for additive noise, of strong order 1.5 and weak order 2. With a the
 * drift, h = dt, I_0 = the time integrals of dW over the step, divided by h,
 *   x' = x + (h/3) a(t, x) + (2h/3) a(t + 3h/4, x + (3h/4) a + (3/2) B(t) I_0)
 *        + B(t) I_0 + B(t + h) (dW - I_0).
 * Roessler (SIAM J. Numer. Anal. 48, 2010) has B(t + h) I_0 in the argument of a, which would be
 * one evaluation more and the same orders.
 */
#include "sde/block.h"
#include "sde/scheme.h"

static void step(const struct sde_step *step, double *x)
{
  size_t size = step->system->dim * step->width, noise_size = step->system->noise_dim * step->width;
  double dt = step->dt;
  double *drift = step->scratch, *noise = drift + size, *point = noise + size;
  double *late_drift = point + size, *late_noise = late_drift + size, *dw = late_noise + size;
  sde_block_fill(noise_size, 0, dw);
  sde_block_add(noise_size, 1 / dt, step->increments.time_integral, dw);
  sde_step_evaluate(step, 0, x, dw, drift, noise);
  sde_block_shift(size, x, 0.75 * dt, drift, point);
  sde_block_add(size, 1.5, noise, point);
  sde_step_evaluate(step, 0.75 * dt, point, NULL, late_drift, NULL);
  sde_block_shift(noise_size, step->increments.dw, -1 / dt, step->increments.time_integral, dw);
  sde_step_evaluate(step, dt, x, dw, NULL, late_noise);
  sde_block_add(size, dt / 3, drift, x);
  sde_block_add(size, 2 * dt / 3, late_drift, x);
  sde_block_add(size, 1, noise, x);
  sde_block_add(size, 1, late_noise, x);
}

extern const struct sde_scheme sde_sra1;
const struct sde_scheme sde_sra1 = {
    .name = "sra1",
    .title = "Roessler's SRA1 for additive noise",
    .reference = "Roessler, SIAM J. Numer. Anal. 48, 2010",
    .weak_order = 2,
    .on = {[SDE_NOISE_ADDITIVE] = {.strong_order = 1.5,
                                   .needs = SDE_WIENER_TIME_INTEGRALS,
                                   .evaluations = 3}},
    .state_vectors = 5,
    .noise_vectors = 1,
    .step = step,
};
