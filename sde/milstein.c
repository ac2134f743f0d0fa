/*
 * Milstein: Euler-Maruyama plus sum_jk (Db_k b_j) I_(j,k), each derivative along b_j a difference
 * over sqrt(dt), from x + b_j sqrt(dt) (without the drift's part of Kloeden and Platen 1992, 11.1,
 * which changes no order), unless a system with diagonal noise gives it. Strong order 1 for every
 * noise, weak order 1; general noise needs Levy areas, and without them the scheme is for
 * commutative noise alone.
 */
#include "sde/block.h"
#include "sde/iterated_integrals.h"
#include "sde/scheme.h"

#include <math.h>

/* x += drift dt + column dW + (there - column) (dW^2 - dt) / (2 sqrt dt), entry by entry. */
SDE_VECTOR
static void advance_diagonal(size_t size, double dt, const double *restrict dw,
                             const double *restrict drift, const double *restrict column,
                             const double *restrict there, double *restrict x)
{
  double scale = 1 / (2 * sqrt(dt));
  for (size_t i = 0; i < size; i++) {
    double correction = (there[i] - column[i]) * (dw[i] * dw[i] - dt) * scale;
    x[i] = (x[i] + dt * drift[i]) + (column[i] * dw[i] + correction);
  }
}

/* x += drift dt + noise + product (dW^2 - dt) / 2, entry by entry. */
SDE_VECTOR
static void advance_with_derivative(size_t size, double dt, const double *restrict dw,
                                    const double *restrict drift, const double *restrict noise,
                                    const double *restrict product, double *restrict x)
{
  for (size_t i = 0; i < size; i++)
    x[i] = (x[i] + dt * drift[i]) + (noise[i] + 0.5 * product[i] * (dw[i] * dw[i] - dt));
}

static void diagonal_step_with_derivative(const struct sde_step *step, double *x)
{
  const struct sde_system *system = step->system;
  size_t size = system->dim * step->width;
  double *drift = step->scratch, *noise = drift + size, *product = noise + size;
  const double *dw = step->increments.dw;
  system->evaluate(system, step->system_workspace, &step->at, step->width, x, dw, drift, noise);
  system->own_derivative(system, step->system_workspace, &step->at, step->width, x, product);
  advance_with_derivative(size, step->dt, dw, drift, noise, product, x);
}

/* Diagonal noise: entry k of B 1 is b_kk, a function of x_k alone, so one product serves both the
 * noise and the differences, and one shifted point all columns. */
static void diagonal_step(const struct sde_step *step, double *x)
{
  const struct sde_system *system = step->system;
  size_t size = system->dim * step->width;
  double *drift = step->scratch, *column = drift + size, *point = column + size;
  double *there = point + size, *ones = there + size;
  sde_block_fill(size, 1, ones);
  system->evaluate(system, step->system_workspace, &step->at, step->width, x, ones, drift, column);
  sde_block_shift(size, x, sqrt(step->dt), column, point);
  system->evaluate(system, step->system_workspace, &step->at, step->width, point, ones, NULL,
                   there);
  advance_diagonal(size, step->dt, step->increments.dw, drift, column, there, x);
}

/* For each j, B at the point shifted along b_j, times the weights of j; and once, at x, times the
 * sum of all weights. */
static void correction(const struct sde_step *step, double *scratch, const double *x, double *sum)
{
  const struct sde_system *system = step->system;
  size_t width = step->width, noise_dim = system->noise_dim;
  size_t size = system->dim * width, noise_size = noise_dim * width;
  double *column = scratch, *point = column + size, *product = point + size;
  double *unit = scratch + 4 * size, *weights = unit + noise_size, *total = weights + noise_size;
  sde_block_fill(noise_size, 0, total);
  for (size_t j = 0; j < noise_dim; j++) {
    sde_block_fill(noise_size, 0, unit);
    sde_block_fill(width, 1, unit + j * width);
    system->evaluate(system, step->system_workspace, &step->at, width, x, unit, NULL, column);
    sde_block_shift(size, x, sqrt(step->dt), column, point);
    sde_iterated_integrals(&step->increments, j, noise_dim, step->dt, 1 / sqrt(step->dt), width,
                           weights);
    system->evaluate(system, step->system_workspace, &step->at, width, point, weights, NULL,
                     product);
    sde_block_add(size, 1, product, sum);
    sde_block_add(noise_size, 1, weights, total);
  }
  system->evaluate(system, step->system_workspace, &step->at, width, x, total, NULL, product);
  sde_block_add(size, -1, product, sum);
}

static void step(const struct sde_step *step, double *x)
{
  const struct sde_system *system = step->system;
  if (system->noise == SDE_NOISE_DIAGONAL) {
    if (system->own_derivative != NULL)
      diagonal_step_with_derivative(step, x);
    else
      diagonal_step(step, x);
    return;
  }
  size_t size = system->dim * step->width;
  double *drift = step->scratch, *noise = drift + size, *rest = noise + size;
  system->evaluate(system, step->system_workspace, &step->at, step->width, x, step->increments.dw,
                   drift, noise);
  if (system->noise != SDE_NOISE_ADDITIVE)
    correction(step, rest, x, noise);
  sde_block_add(size, step->dt, drift, x);
  sde_block_add(size, 1, noise, x);
}

extern const struct sde_scheme sde_milstein;
const struct sde_scheme sde_milstein = {
    .name = "milstein",
    .title = "Milstein, with Levy areas for general noise",
    .reference = "Kloeden and Platen 1992, section 11.1; Wiktorsson 2001",
    .weak_order = 1,
    .on = {[SDE_NOISE_ADDITIVE] = {.strong_order = 1, .evaluations = 1},
           [SDE_NOISE_SCALAR] = {.strong_order = 1, .evaluations = 2, .evaluations_a_noise = 2},
           [SDE_NOISE_DIAGONAL] = {.strong_order = 1, .evaluations = 2},
           [SDE_NOISE_COMMUTATIVE] = {.strong_order = 1,
                                      .evaluations = 2,
                                      .evaluations_a_noise = 2},
           [SDE_NOISE_GENERAL] = {.strong_order = 1,
                                  .needs = SDE_WIENER_LEVY_AREAS,
                                  .evaluations = 2,
                                  .evaluations_a_noise = 2}},
    .state_vectors = 6,
    .noise_vectors = 3,
    .step = step,
};

extern const struct sde_scheme sde_commutative_milstein;
const struct sde_scheme sde_commutative_milstein = {
    .name = "commutative-milstein",
    .title = "Milstein without Levy areas",
    .reference = "Kloeden and Platen 1992, section 11.1",
    .weak_order = 1,
    .on = {[SDE_NOISE_ADDITIVE] = {.strong_order = 1, .evaluations = 1},
           [SDE_NOISE_SCALAR] = {.strong_order = 1, .evaluations = 2, .evaluations_a_noise = 2},
           [SDE_NOISE_DIAGONAL] = {.strong_order = 1, .evaluations = 2},
           [SDE_NOISE_COMMUTATIVE] = {.strong_order = 1,
                                      .evaluations = 2,
                                      .evaluations_a_noise = 2},
           [SDE_NOISE_GENERAL] = {.evaluations = 2, .evaluations_a_noise = 2}},
    .state_vectors = 6,
    .noise_vectors = 3,
    .step = step,
};
