/*
 * Affine limits: interpolation of drift and covariance, and their evaluation. See affine_limit.h.
 */
#include "models/affine_limit.h"

#include "models/factor.h"
#include "sde/block.h"
#include "sde/status.h"
#include "sde/vector_math.h"

#include <string.h>

static size_t triangle(size_t n)
{
  return n * (n + 1) / 2;
}

double affine_limit_cost(size_t dim, double normal_cost)
{
  double d = (double)dim;
  return d * d + (double)(triangle(dim) * triangle(dim + 1)) + d * d * d / 6 + d * normal_cost;
}

/* Points of interpolation, a path each: 0; e_a at 1 + a; -e_a at 1 + d + a; and e_a + e_b, b < a,
 * at 1 + 2d + a(a-1)/2 + b. */
static size_t minus_point(size_t d, size_t a)
{
  return 1 + d + a;
}

static size_t sum_point(size_t d, size_t a, size_t b)
{
  return 1 + 2 * d + a * (a - 1) / 2 + b;
}

size_t affine_points(size_t d)
{
  return sde_block_padded(1 + 2 * d + triangle(d) - d);
}

void affine_set_points(size_t d, size_t width, double *x)
{
  for (size_t a = 0; a < d; a++) {
    x[a * width + 1 + a] = 1;
    x[a * width + minus_point(d, a)] = -1;
    for (size_t b = 0; b < a; b++) {
      x[a * width + sum_point(d, a, b)] = 1;
      x[b * width + sum_point(d, a, b)] = 1;
    }
  }
}

/* values[(i*(i+1)/2 + k)*width + p] += noise_i noise_k. */
static void add_squares(size_t d, size_t width, const double *noise, double *values)
{
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k <= i; k++)
      for (size_t p = 0; p < width; p++)
        values[(triangle(i) + k) * width + p] += noise[i * width + p] * noise[k * width + p];
}

void affine_interpolate(size_t d, const double *value, double *coefficient)
{
  double *linear = coefficient + triangle(d), *square = coefficient;
  linear[d] = value[0];
  for (size_t a = 0; a < d; a++) {
    double plus = value[1 + a], minus = value[minus_point(d, a)];
    linear[a] = (plus - minus) / 2;
    square[triangle(a) + a] = (plus - value[0] + minus - value[0]) / 2;
  }
  for (size_t a = 0; a < d; a++)
    for (size_t b = 0; b < a; b++)
      square[triangle(a) + b] = value[sum_point(d, a, b)] - value[0] - linear[a] - linear[b] -
                                square[triangle(a) + a] - square[triangle(b) + b];
}

struct affine_coefficients affine_coefficients_new(const struct sde_system *general)
{
  size_t d = general->dim, width = affine_points(d);
  struct affine_coefficients learnt = {sde_alloc(d, d * sizeof(double)),
                                       sde_alloc(d, sizeof(double)),
                                       sde_alloc(triangle(d), triangle(d + 1) * sizeof(double))};
  double *x = sde_alloc(d, width * sizeof *x), *drift = sde_alloc(d, width * sizeof *drift);
  double *noise = sde_alloc(d, width * sizeof *noise);
  double *dw = sde_alloc(general->noise_dim, width * sizeof *dw);
  double *values = sde_alloc(triangle(d), width * sizeof *values);
  void *workspace = sde_system_workspace_new(general, width);
  struct sde_instant at = {0, 0, 0};
  affine_set_points(d, width, x);
  general->evaluate(general, workspace, &at, width, x, NULL, drift, NULL);
  for (size_t k = 0; k < general->noise_dim; k++) {
    sde_block_fill(width, 1, dw + k * width);
    general->evaluate(general, workspace, &at, width, x, dw, NULL, noise);
    sde_block_fill(width, 0, dw + k * width);
    add_squares(d, width, noise, values);
  }
  for (size_t i = 0; i < d; i++) {
    learnt.constant[i] = drift[i * width];
    for (size_t j = 0; j < d; j++)
      learnt.matrix[i * d + j] =
          (drift[i * width + 1 + j] - drift[i * width + minus_point(d, j)]) / 2;
  }
  for (size_t e = 0; e < triangle(d); e++)
    affine_interpolate(d, values + e * width, learnt.tensor + e * triangle(d + 1));
  sde_system_workspace_free(general, workspace);
  sde_free(x);
  sde_free(drift);
  sde_free(noise);
  sde_free(dw);
  sde_free(values);
  return learnt;
}

void affine_coefficients_free(struct affine_coefficients *coefficients)
{
  sde_free(coefficients->matrix);
  sde_free(coefficients->constant);
  sde_free(coefficients->tensor);
}

/* products[(a*(a+1)/2 + b)*width + p] = z_a z_b. */
SDE_VECTOR
static void multiply_pairs(size_t d, size_t width, const double *restrict x,
                           double *restrict products)
{
  for (size_t a = 0; a < d; a++)
    for (size_t b = 0; b <= a; b++)
      for (size_t p = 0; p < width; p++)
        products[(a * (a + 1) / 2 + b) * width + p] = x[a * width + p] * x[b * width + p];
  double *last = products + d * (d + 1) / 2 * width;
  for (size_t i = 0; i < d * width; i++)
    last[i] = x[i];
  for (size_t p = 0; p < width; p++)
    last[d * width + p] = 1;
}

static void *workspace_new(const struct sde_system *system, size_t width)
{
  return sde_alloc(triangle(system->dim + 1) + triangle(system->dim), width * sizeof(double));
}

static void evaluate(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)at;
  const struct affine_coefficients *affine = system->context;
  const struct sde_vector_math *math = sde_vector_math();
  size_t d = system->dim, pairs = triangle(d + 1);
  if (drift != NULL)
    math->affine(d, d, affine->matrix, affine->constant, width, x, drift);
  if (dw == NULL)
    return;
  double *products = workspace, *covariance = products + pairs * width;
  multiply_pairs(d, width, x, products);
  math->affine(triangle(d), pairs, affine->tensor, NULL, width, products, covariance);
  factor_cholesky(d, width, covariance);
  factor_multiply(d, width, 1, covariance, dw, noise);
}

/* a - (eta/2) Da a of a = matrix x + constant, in place. */
static void second_order(size_t d, double eta, struct affine_coefficients *drift)
{
  double *matrix = sde_alloc(d, d * sizeof *matrix), *constant = sde_alloc(d, sizeof *constant);
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < d; k++) {
      double entry = drift->matrix[i * d + k];
      constant[i] += entry * drift->constant[k];
      for (size_t j = 0; j < d; j++)
        matrix[i * d + j] += entry * drift->matrix[k * d + j];
    }
  sde_block_add(d * d, -eta / 2, matrix, drift->matrix);
  sde_block_add(d, -eta / 2, constant, drift->constant);
  sde_free(matrix);
  sde_free(constant);
}

struct sde_system *affine_limit_new(const struct sde_system *general, double eta)
{
  size_t d = general->dim;
  struct affine_coefficients *affine = sde_alloc(1, sizeof *affine);
  *affine = affine_coefficients_new(general);
  second_order(d, eta, affine);
  struct sde_system *system = sde_alloc(1, sizeof *system);
  *system = (struct sde_system){.name = general->name,
                                .dim = d,
                                .noise_dim = d,
                                .noise = d == 1 ? SDE_NOISE_SCALAR : SDE_NOISE_GENERAL,
                                .context = affine,
                                .workspace_new = workspace_new,
                                .workspace_free = sde_free,
                                .evaluate = evaluate};
  return system;
}

void affine_limit_free(struct sde_system *system)
{
  if (system == NULL)
    return;
  affine_coefficients_free((struct affine_coefficients *)system->context);
  sde_free((void *)system->context);
  sde_free(system);
}
