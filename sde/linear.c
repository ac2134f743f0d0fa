/*
 * Linear-quadratic processes: see linear.h.
 */
#include "sde/linear.h"

#include "sde/block.h"
#include "sde/vector_math.h"

#include <gsl/gsl_linalg.h>
#include <math.h>

/* moments += increment moments over one learning-rate step, row i and column j of the increment at
 * [j*stride + i]. Not 1 + increment: for a small learning rate that would lose its last digits.
 * Matrices are padded by zeros, from size to stride, to what sde_vector_math's affine takes. */
struct sde_linear_map {
  size_t dim, size, stride;
  double eta;
  double *increment;
};

static size_t triangle(size_t n)
{
  return n * (n + 1) / 2;
}

size_t sde_linear_size(size_t dim)
{
  return triangle(dim + 1);
}

static double *square_new(size_t stride)
{
  return sde_alloc(stride, stride * sizeof(double));
}

static void swap(double **a, double **b)
{
  double *kept = *a;
  *a = *b;
  *b = kept;
}

/* out = a b. Stored by columns this is b a, but here all factors are polynomials in one matrix. */
static void multiply(size_t stride, const double *a, const double *b, double *out)
{
  sde_vector_math()->affine(stride, stride, a, NULL, stride, b, out);
}

/* One increment after the other: 1 + out = (1 + a)(1 + b). */
static void compose(size_t stride, const double *a, const double *b, double *out)
{
  multiply(stride, a, b, out);
  sde_block_add(stride * stride, 1, a, out);
  sde_block_add(stride * stride, 1, b, out);
}

/* The largest sum of sizes in one of the first columns; NaN where there is one. */
static double norm_of(size_t stride, size_t columns, const double *matrix)
{
  double norm = 0;
  for (size_t j = 0; j < columns && !isnan(norm); j++) {
    double sum = 0;
    for (size_t i = 0; i < stride; i++)
      sum += fabs(matrix[j * stride + i]);
    norm = sum <= norm ? norm : sum;
  }
  return norm;
}

/* The increment's row `entry` += factor (p z)(q z), where p and q have dim + 1 entries. */
static void add_product(struct sde_linear_map *map, size_t entry, double factor, const double *p,
                        const double *q)
{
  double *at = map->increment + entry;
  for (size_t a = 0; a <= map->dim; a++) {
    for (size_t b = 0; b < a; b++)
      at[(triangle(a) + b) * map->stride] += factor * (p[a] * q[b] + p[b] * q[a]);
    at[(triangle(a) + a) * map->stride] += factor * p[a] * q[a];
  }
}

/* D z = F + (eta/2) DF F for order 2, F for order 1: rows of d + 1, the constant last. */
static double *drift_new(const struct sde_linear_direction *direction, double eta, int eta_order)
{
  size_t d = direction->dim, row = d + 1;
  double *f = sde_alloc(d, row * sizeof *f), *drift = sde_alloc(d, row * sizeof *drift);
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++)
      f[i * row + j] = direction->matrix[i * d + j];
    f[i * row + d] = direction->constant[i];
  }
  for (size_t i = 0; i < d; i++) {
    sde_block_add(row, 1, f + i * row, drift + i * row);
    for (size_t k = 0; eta_order == 2 && k < d; k++)
      sde_block_add(row, eta / 2 * f[i * row + k], f + k * row, drift + i * row);
  }
  sde_free(f);
  return drift;
}

/* The increment over dt: of a step x - dt D + sqrt(eta dt) Sigma^(1/2) N, or, without the square
 * of dt D, of the moments' equations. */
static void set_increment(struct sde_linear_map *map, const struct sde_linear_direction *direction,
                          int eta_order, double dt, bool squared)
{
  size_t d = map->dim, row = d + 1, entry = 0;
  double *drift = drift_new(direction, map->eta, eta_order);
  double *unit = sde_alloc(d, row * sizeof *unit);
  for (size_t i = 0; i < d; i++) {
    unit[i * row + i] = 1;
    for (size_t k = 0; k <= i; k++, entry++) {
      const double *sigma = direction->covariance + entry * map->size;
      for (size_t pair = 0; pair < map->size; pair++)
        map->increment[pair * map->stride + entry] = map->eta * dt * sigma[pair];
      add_product(map, entry, -dt, unit + i * row, drift + k * row);
      add_product(map, entry, -dt, unit + k * row, drift + i * row);
      if (squared)
        add_product(map, entry, dt * dt, drift + i * row, drift + k * row);
    }
  }
  for (size_t i = 0; i < d; i++)
    for (size_t a = 0; a <= d; a++)
      map->increment[(triangle(d) + a) * map->stride + triangle(d) + i] = -dt * drift[i * row + a];
  sde_free(unit);
  sde_free(drift);
}

/* 1 + increment to a power, squaring by squaring. */
static void raise(struct sde_linear_map *map, uint64_t power)
{
  size_t stride = map->stride;
  double *base = map->increment, *result = square_new(stride), *next = square_new(stride);
  for (;; power /= 2) {
    if (power % 2 == 1) {
      compose(stride, result, base, next);
      swap(&result, &next);
    }
    if (power <= 1)
      break;
    compose(stride, base, base, next);
    swap(&base, &next);
  }
  map->increment = result;
  sde_free(base);
  sde_free(next);
}

/* increment becomes exp(increment) - 1: Taylor's polynomial of a small part, then squarings. Eight
 * terms at a norm of 1/32 leave a relative error of 3e-18; more squarings lose no accuracy, as
 * compose never adds the 1. */
static void exponentiate(struct sde_linear_map *map)
{
  enum { TERMS = 8, SMALL = 32 };
  size_t stride = map->stride, count = stride * stride;
  double norm = SMALL * norm_of(stride, stride, map->increment);
  if (!isfinite(norm))
    return;
  int squarings;
  frexp(norm, &squarings);
  squarings = squarings < 0 ? 0 : squarings;
  double *part = map->increment, *sum = square_new(stride), *next = square_new(stride);
  sde_block_scale(count, ldexp(1, -squarings), part);
  for (int k = TERMS; k > 0; k--) {
    multiply(stride, part, sum, next);
    sde_block_add(count, 1, part, next);
    sde_block_scale(count, 1.0 / k, next);
    swap(&sum, &next);
  }
  for (; squarings > 0; squarings--) {
    compose(stride, sum, sum, next);
    swap(&sum, &next);
  }
  map->increment = sum;
  sde_free(part);
  sde_free(next);
}

static struct sde_linear_map *map_new(const struct sde_linear_direction *direction, double eta,
                                      const char *place, struct sde_status *status)
{
  if (direction->dim > SDE_LINEAR_LARGEST_DIM) {
    sde_fail(status, SDE_INVALID,
             "%s: exact moments of %zu dimensions take a matrix of %zu rows; at most %d dimensions "
             "are accepted",
             place, direction->dim, sde_linear_size(direction->dim), SDE_LINEAR_LARGEST_DIM);
    return NULL;
  }
  struct sde_linear_map *map = sde_alloc(1, sizeof *map);
  map->dim = direction->dim;
  map->size = sde_linear_size(direction->dim);
  map->stride = sde_block_padded(map->size);
  map->eta = eta;
  map->increment = square_new(map->stride);
  return map;
}

/* The map, if its numbers are finite. */
static struct sde_linear_map *checked(struct sde_linear_map *map, const char *place,
                                      struct sde_status *status)
{
  if (isfinite(norm_of(map->stride, map->size, map->increment)))
    return map;
  sde_fail(status, SDE_INVALID,
           "%s: exact moments at learning rate %g leave the range of double precision within one "
           "step; a smaller learning rate is accepted",
           place, map->eta);
  sde_linear_map_free(map);
  return NULL;
}

struct sde_linear_map *sde_linear_iterates_new(const struct sde_linear_direction *direction,
                                               double eta, const char *place,
                                               struct sde_status *status)
{
  return sde_linear_euler_new(direction, eta, 1, 1, place, status);
}

struct sde_linear_map *sde_linear_sde_new(const struct sde_linear_direction *direction, double eta,
                                          int eta_order, const char *place,
                                          struct sde_status *status)
{
  struct sde_linear_map *map = map_new(direction, eta, place, status);
  if (map == NULL)
    return NULL;
  set_increment(map, direction, eta_order, eta, false);
  exponentiate(map);
  return checked(map, place, status);
}

struct sde_linear_map *sde_linear_euler_new(const struct sde_linear_direction *direction,
                                            double eta, int eta_order, uint64_t substeps,
                                            const char *place, struct sde_status *status)
{
  struct sde_linear_map *map = map_new(direction, eta, place, status);
  if (map == NULL)
    return NULL;
  set_increment(map, direction, eta_order, eta / (double)substeps, true);
  raise(map, substeps);
  return checked(map, place, status);
}

void sde_linear_map_free(struct sde_linear_map *map)
{
  if (map == NULL)
    return;
  sde_free(map->increment);
  sde_free(map);
}

void sde_linear_point(size_t dim, const double *x, double *moments)
{
  for (size_t a = 0; a <= dim; a++)
    for (size_t b = 0; b <= a; b++)
      moments[triangle(a) + b] = (a < dim ? x[a] : 1) * (b < dim ? x[b] : 1);
}

void sde_linear_advance(const struct sde_linear_map *map, uint64_t steps, double *moments)
{
  double *change = sde_alloc(map->stride, sizeof *change);
  for (uint64_t step = 0; step < steps; step++) {
    sde_block_fill(map->stride, 0, change);
    for (size_t j = 0; j < map->size; j++)
      sde_block_add(map->stride, moments[j], map->increment + j * map->stride, change);
    sde_block_add(map->size, 1, change, moments);
  }
  sde_free(change);
}

/* The spectral radius on the `count` moments from `first` on, which must be closed: 1 + increment
 * is squared until norm(power 2^k)^(2^-k) has converged (Gelfand's formula). */
static double spectral_radius(const struct sde_linear_map *map, size_t first, size_t count)
{
  size_t stride = sde_block_padded(count);
  double *power = square_new(stride), *next = square_new(stride), logarithm = 0;
  for (size_t j = 0; j < count; j++)
    for (size_t i = 0; i < count; i++)
      power[j * stride + i] = (i == j) + map->increment[(first + j) * map->stride + first + i];
  for (double weight = 1; weight > 1e-9; weight /= 2) {
    double norm = norm_of(stride, count, power);
    logarithm += weight * log(norm);
    if (norm == 0)
      break;
    sde_block_scale(stride * stride, 1 / norm, power);
    multiply(stride, power, power, next);
    swap(&power, &next);
  }
  sde_free(power);
  sde_free(next);
  return exp(logarithm);
}

/* Is the symmetric matrix of this lower triangle positive definite? It is overwritten. */
static bool is_definite(size_t dim, double *lower)
{
  for (size_t i = 0; i < dim; i++)
    for (size_t k = 0; k <= i; k++) {
      double *a = lower + triangle(i), *b = lower + triangle(k);
      for (size_t l = 0; l < k; l++)
        a[k] -= a[l] * b[l];
      if (k < i)
        a[k] /= b[k];
      else if (a[i] > 0)
        a[i] = sqrt(a[i]);
      else
        return false;
    }
  return true;
}

/* Solves (linear part of the increment) moments = -right for all moments but the constant 1, from
 * its factors; false where they are singular. */
static bool solve(const gsl_matrix *lu, const gsl_permutation *order, const gsl_vector *right,
                  double *moments)
{
  for (size_t i = 0; i < lu->size1; i++)
    if (gsl_matrix_get(lu, i, i) == 0)
      return false;
  gsl_vector_view solution = gsl_vector_view_array(moments, lu->size1);
  gsl_linalg_LU_solve(lu, order, right, &solution.vector);
  gsl_vector_scale(&solution.vector, -1);
  return true;
}

/* The map takes covariances to covariances, so it contracts if and only if there is a positive
 * definite P with map(P) - P = -1 (H. Schneider, "Positive operators and an inertia theorem",
 * Numerische Mathematik 7, 1965); the mean then contracts too. */
static bool contracts(const struct sde_linear_map *map, const gsl_matrix *lu,
                      const gsl_permutation *order)
{
  double largest = 1e12 / norm_of(map->stride, triangle(map->dim), map->increment);
  gsl_vector *one = gsl_vector_calloc(lu->size1);
  double *p = sde_alloc(map->size, sizeof *p);
  for (size_t i = 0; i < map->dim; i++)
    gsl_vector_set(one, triangle(i) + i, 1);
  bool holds = solve(lu, order, one, p);
  for (size_t i = 0; i < map->dim; i++)
    holds = holds && p[triangle(i) + i] < largest;
  holds = holds && is_definite(map->dim, p);
  gsl_vector_free(one);
  sde_free(p);
  return holds;
}

bool sde_linear_stationary(const struct sde_linear_map *map, const char *place, double *moments,
                           struct sde_status *status)
{
  size_t unknowns = map->size - 1, second = triangle(map->dim);
  gsl_matrix *lu = gsl_matrix_alloc(unknowns, unknowns);
  gsl_permutation *order = gsl_permutation_alloc(unknowns);
  for (size_t j = 0; j < unknowns; j++)
    for (size_t i = 0; i < unknowns; i++)
      gsl_matrix_set(lu, i, j, map->increment[j * map->stride + i]);
  int sign;
  gsl_linalg_LU_decomp(lu, order, &sign);
  bool exists = contracts(map, lu, order);
  if (exists) {
    gsl_vector_const_view constant =
        gsl_vector_const_view_array(map->increment + unknowns * map->stride, unknowns);
    solve(lu, order, &constant.vector, moments);
    moments[unknowns] = 1;
  }
  gsl_matrix_free(lu);
  gsl_permutation_free(order);
  return exists ||
         sde_fail(status, SDE_INVALID,
                  "%s: no stationary moments at learning rate %g: over one step the linear map of "
                  "second moments has spectral radius %.6g, of the mean %.6g; both must be below 1",
                  place, map->eta, spectral_radius(map, 0, second),
                  spectral_radius(map, second, map->dim));
}

void sde_linear_mean(size_t dim, const double *moments, double *mean)
{
  for (size_t i = 0; i < dim; i++)
    mean[i] = moments[triangle(dim) + i];
}

void sde_linear_covariance(size_t dim, const double *moments, double *covariance)
{
  const double *mean = moments + triangle(dim);
  for (size_t i = 0; i < dim; i++)
    for (size_t k = 0; k <= i; k++)
      covariance[i * dim + k] = covariance[k * dim + i] =
          moments[triangle(i) + k] - mean[i] * mean[k];
}

double sde_linear_expectation(size_t dim, const double *moments, const double *square,
                              const double *linear, double constant)
{
  double sum = constant;
  for (size_t i = 0; i < dim; i++) {
    sum += linear[i] * moments[triangle(dim) + i];
    for (size_t k = 0; k < dim; k++)
      sum += square[i * dim + k] * moments[k <= i ? triangle(i) + k : triangle(k) + i];
  }
  return sum;
}
