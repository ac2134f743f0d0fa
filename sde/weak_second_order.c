/*
 * Weak order 2, derivative-free: the Milstein-Talay method of Abdulle, Vilmart and Zygalakis (SIAM
 * J. Sci. Comput. 35, 2013, A1792), with fewer evaluations. With f the drift, B = (b_1 .. b_m),
 * h = dt, and independent random signs chi,
 *   Y = x + h f + B dW,  K+- = x + (h/2) f +- sqrt(h/2) B chi,
 *   x' = x + (h/2) (f + f(Y)) + (1/2) (B(K+) + B(K-)) dW + sum_jk (Db_k b_j) I_(j,k).
 * The derivatives along b_j are differences to x + sqrt(h) chi_j b_j: what such a difference has in
 * excess is odd in chi_j, as nothing else is, so that it is in no expectation before h^3, and one
 * side is enough. Where each coordinate has but one b_k (scalar and diagonal noise), the difference
 * of B at K+ and K- is that derivative, as in Platen's method (Kloeden and Platen 1992, 15.1), and
 * no chi is needed. Time is a coordinate without noise: Y is at t + h, K+- are at t + h/2.
 */
#include "sde/block.h"
#include "sde/iterated_integrals.h"
#include "sde/scheme.h"

#include <math.h>
#include <string.h>

/* sum += factor a b */
SDE_VECTOR
static void add_product(size_t count, double factor, const double *restrict a,
                        const double *restrict b, double *restrict sum)
{
  for (size_t i = 0; i < count; i++)
    sum[i] += factor * a[i] * b[i];
}

/* Adds a multiple of each row of `more`, path by path: sum += factor multiple more. */
static void add_multiple(size_t rows, size_t width, double factor, const double *multiple,
                         const double *more, double *sum)
{
  for (size_t i = 0; i < rows; i++)
    add_product(width, factor, multiple, more + i * width, sum + i * width);
}

/* x' = x + (h/2) (drift + later) + noise */
static void advance(const struct sde_step *step, const double *drift, const double *later,
                    const double *noise, double *x)
{
  size_t size = step->system->dim * step->width;
  sde_block_add(size, step->dt / 2, drift, x);
  sde_block_add(size, step->dt / 2, later, x);
  sde_block_add(size, 1, noise, x);
}

/* ---- Additive noise: B varies with time alone ---- */

static void additive_step(const struct sde_step *step, double *x)
{
  size_t size = step->system->dim * step->width;
  double *drift = step->scratch, *noise = drift + size, *point = noise + size;
  double *later = point + size, *later_noise = later + size;
  sde_step_evaluate(step, 0, x, step->increments.dw, drift, noise);
  sde_block_shift(size, x, step->dt, drift, point);
  sde_block_add(size, 1, noise, point);
  sde_step_evaluate(step, step->dt, point, step->increments.dw, later, later_noise);
  sde_block_add(size, 1, later_noise, noise);
  sde_block_scale(size, 0.5, noise);
  advance(step, drift, later, noise, x);
}

/* ---- Scalar and diagonal noise: one Wiener process for each coordinate ---- */

/* The weights of B(K+) (side 1) and B(K-) (side -1): dW / 2 +- I_(k,k) / (2 sqrt(h/2)). */
SDE_VECTOR
static void side_weights(size_t count, double side, double dt, const double *restrict dw,
                         double *restrict weights)
{
  double scale = side / (4 * sqrt(dt / 2));
  for (size_t i = 0; i < count; i++)
    weights[i] = dw[i] / 2 + (dw[i] * dw[i] - dt) * scale;
}

static void single_step(const struct sde_step *step, double *x)
{
  const struct sde_system *system = step->system;
  size_t size = system->dim * step->width, noise_size = system->noise_dim * step->width;
  double dt = step->dt;
  double *drift = step->scratch, *later = drift + size, *column = later + size;
  double *point = column + size, *noise = point + size, *product = noise + size;
  double *weights = product + size;
  sde_block_fill(noise_size, 1, weights);
  sde_step_evaluate(step, 0, x, weights, drift, column);
  sde_block_shift(size, x, dt, drift, point);
  if (system->noise == SDE_NOISE_DIAGONAL)
    add_product(size, 1, column, step->increments.dw, point);
  else
    add_multiple(system->dim, step->width, 1, step->increments.dw, column, point);
  sde_step_evaluate(step, dt, point, NULL, later, NULL);
  sde_block_fill(size, 0, noise);
  for (int side = 1; side >= -1; side -= 2) {
    sde_block_shift(size, x, dt / 2, drift, point);
    sde_block_add(size, side * sqrt(dt / 2), column, point);
    side_weights(noise_size, side, dt, step->increments.dw, weights);
    sde_step_evaluate(step, dt / 2, point, weights, NULL, product);
    sde_block_add(size, 1, product, noise);
  }
  advance(step, drift, later, noise, x);
}

/* ---- Commutative and general noise ---- */

/* chi in place of normals. */
static void signs(size_t count, const double *normal, double *chi)
{
  for (size_t i = 0; i < count; i++)
    chi[i] = copysign(1, normal[i]);
}

/* noise += sum_jk (Db_k b_j) I_(j,k) and along = B chi: for each j, chi_j / sqrt(h) times B at the
 * shifted point less B at x, times the vector of the I_(j,k). The columns of B at x, which make the
 * shifts, also make what is subtracted, B times `total`. */
static void correction(const struct sde_step *step, const double *x, const double *chi,
                       double *scratch, double *along, double *noise)
{
  size_t dim = step->system->dim, noise_dim = step->system->noise_dim, width = step->width;
  double root = sqrt(step->dt);
  double *column = scratch, *point = column + dim * width, *product = column;
  double *total = point + dim * width, *weights = total + noise_dim * width, *unit = weights;
  sde_block_fill(noise_dim * width, 0, total);
  for (size_t j = 0; j < noise_dim; j++) {
    sde_iterated_integrals(&step->increments, j, noise_dim, step->dt, 1 / root, width, weights);
    add_multiple(noise_dim, width, 1, chi + j * width, weights, total);
  }
  sde_block_fill(dim * width, 0, along);
  for (size_t j = 0; j < noise_dim; j++) {
    sde_block_fill(noise_dim * width, 0, unit);
    sde_block_fill(width, 1, unit + j * width);
    sde_step_evaluate(step, 0, x, unit, NULL, column);
    add_multiple(dim, width, 1, chi + j * width, column, along);
    add_multiple(dim, width, -1, total + j * width, column, noise);
    memcpy(point, x, dim * width * sizeof *point);
    add_multiple(dim, width, root, chi + j * width, column, point);
    sde_iterated_integrals(&step->increments, j, noise_dim, step->dt, 1 / root, width, weights);
    sde_step_evaluate(step, 0, point, weights, NULL, product);
    add_multiple(dim, width, 1, chi + j * width, product, noise);
  }
}

static void columns_step(const struct sde_step *step, double *x)
{
  size_t size = step->system->dim * step->width, noise_size = step->system->noise_dim * step->width;
  double dt = step->dt;
  double *drift = step->scratch, *later = drift + size, *noise = later + size;
  double *along = noise + size, *rest = along + size, *chi = rest + 2 * size + 2 * noise_size;
  double *product = rest, *point = product + size;
  sde_step_evaluate(step, 0, x, step->increments.dw, drift, noise);
  sde_block_shift(size, x, dt, drift, point);
  sde_block_add(size, 1, noise, point);
  sde_step_evaluate(step, dt, point, NULL, later, NULL);
  sde_block_fill(size, 0, noise);
  signs(noise_size, step->increments.normal, chi);
  correction(step, x, chi, rest, along, noise);
  for (int side = 1; side >= -1; side -= 2) {
    sde_block_shift(size, x, dt / 2, drift, point);
    sde_block_add(size, side * sqrt(dt / 2), along, point);
    sde_step_evaluate(step, dt / 2, point, step->increments.dw, NULL, product);
    sde_block_add(size, 0.5, product, noise);
  }
  advance(step, drift, later, noise, x);
}

/* ---- The scheme ---- */

static void step(const struct sde_step *step, double *x)
{
  switch (step->system->noise) {
  case SDE_NOISE_ADDITIVE:
    additive_step(step, x);
    break;
  case SDE_NOISE_SCALAR:
  case SDE_NOISE_DIAGONAL:
    single_step(step, x);
    break;
  default:
    columns_step(step, x);
  }
}

/* One sign for each Wiener process. */
static size_t normals(const struct sde_system *system)
{
  return system->noise_dim;
}

extern const struct sde_scheme sde_weak_second_order;
const struct sde_scheme sde_weak_second_order = {
    .name = "weak-second-order",
    .title = "Milstein-Talay of weak order 2, derivative-free",
    .reference = "Abdulle, Vilmart and Zygalakis 2013; Kloeden and Platen 1992, section 15.1",
    .weak_order = 2,
    .on = {[SDE_NOISE_ADDITIVE] = {.strong_order = 1, .evaluations = 2},
           [SDE_NOISE_SCALAR] = {.strong_order = 1, .evaluations = 4},
           [SDE_NOISE_DIAGONAL] = {.strong_order = 1, .evaluations = 4},
           [SDE_NOISE_COMMUTATIVE] = {.strong_order = 1,
                                      .needs = SDE_WIENER_NORMALS,
                                      .evaluations = 4,
                                      .evaluations_a_noise = 2},
           [SDE_NOISE_GENERAL] = {.strong_order = 0.5,
                                  .needs = SDE_WIENER_NORMALS | SDE_WIENER_WEAK_AREAS,
                                  .evaluations = 4,
                                  .evaluations_a_noise = 2}},
    .state_vectors = 6,
    .noise_vectors = 3,
    .normals = normals,
    .step = step,
};
