/*
 * Milstein for additive, scalar, diagonal and commutative noise, derivative-free: Euler-Maruyama
 * plus (1/2) sum_jk (Db_k b_j) (dW_j dW_k - delta_jk dt), each derivative along b_j a difference
 * over sqrt(dt), from x + b_j sqrt(dt) (without the drift's part of Kloeden and Platen 1992, 11.1,
 * which changes no order). Strong order 1, weak order 1.
 */
#include "sde/block.h"
#include "sde/scheme.h"

#include <math.h>

/* Diagonal noise: entry k of B 1 is b_kk, a function of x_k alone, so one shifted point serves all
 * columns and the weight (dW_k^2 - dt) / (2 sqrt dt) is applied entry by entry. */
static void diagonal_correction(const struct sde_system *system, void *system_workspace,
                                double *scratch, const struct sde_instant *at, double dt,
                                size_t width, const double *dw, const double *x, double *sum)
{
  size_t size = system->dim * width;
  double *column = scratch, *point = column + size, *there = point + size, *ones = there + size;
  double root = sqrt(dt);
  sde_block_fill(size, 1, ones);
  system->evaluate(system, system_workspace, at, width, x, ones, NULL, column);
  sde_block_shift(size, x, root, column, point);
  system->evaluate(system, system_workspace, at, width, point, ones, NULL, there);
  for (size_t i = 0; i < size; i++)
    sum[i] += (there[i] - column[i]) * (dw[i] * dw[i] - dt) / (2 * root);
}

/* weights[k*width + p] = (dW_j dW_k - delta_jk dt) / (2 sqrt dt). */
SDE_VECTOR
static void iterated_integrals(size_t j, size_t noise_dim, double dt, size_t width,
                               const double *restrict dw, double *restrict weights)
{
  double scale = 1 / (2 * sqrt(dt));
  for (size_t k = 0; k < noise_dim; k++)
    for (size_t p = 0; p < width; p++)
      weights[k * width + p] = (dw[j * width + p] * dw[k * width + p] - (j == k ? dt : 0)) * scale;
}

/* Commutative (and scalar) noise: for each j, B at the point shifted along b_j, times the weights
 * of j; and once, at x, times the sum of all weights. */
static void commutative_correction(const struct sde_system *system, void *system_workspace,
                                   double *scratch, const struct sde_instant *at, double dt,
                                   size_t width, const double *dw, const double *x, double *sum)
{
  size_t size = system->dim * width, noise_size = system->noise_dim * width;
  double *column = scratch, *point = column + size, *product = point + size;
  double *unit = scratch + 4 * size, *weights = unit + noise_size, *total = weights + noise_size;
  sde_block_fill(noise_size, 0, total);
  for (size_t j = 0; j < system->noise_dim; j++) {
    sde_block_fill(noise_size, 0, unit);
    sde_block_fill(width, 1, unit + j * width);
    system->evaluate(system, system_workspace, at, width, x, unit, NULL, column);
    sde_block_shift(size, x, sqrt(dt), column, point);
    iterated_integrals(j, system->noise_dim, dt, width, dw, weights);
    system->evaluate(system, system_workspace, at, width, point, weights, NULL, product);
    sde_block_add(size, 1, product, sum);
    sde_block_add(noise_size, 1, weights, total);
  }
  system->evaluate(system, system_workspace, at, width, x, total, NULL, product);
  sde_block_add(size, -1, product, sum);
}

static void step(const struct sde_system *system, void *system_workspace, double *scratch,
                 const struct sde_instant *at, double dt, size_t width, const double *dw, double *x)
{
  size_t size = system->dim * width;
  double *drift = scratch, *noise = drift + size, *rest = noise + size;
  system->evaluate(system, system_workspace, at, width, x, dw, drift, noise);
  if (system->noise == SDE_NOISE_DIAGONAL)
    diagonal_correction(system, system_workspace, rest, at, dt, width, dw, x, noise);
  else if (system->noise != SDE_NOISE_ADDITIVE)
    commutative_correction(system, system_workspace, rest, at, dt, width, dw, x, noise);
  sde_block_add(size, dt, drift, x);
  sde_block_add(size, 1, noise, x);
}

extern const struct sde_scheme sde_milstein;
const struct sde_scheme sde_milstein = {
    .name = "milstein",
    .title = "Milstein, derivative-free",
    .reference = "Kloeden and Platen 1992, section 11.1",
    .strong_order = {1, 1, 1, 1, 0},
    .weak_order = 1,
    .state_vectors = 6,
    .noise_vectors = 3,
    .step = step,
};
