/*
 * Noise factors: see factor.h.
 */
#include "models/factor.h"

#include "sde/block.h"

#include <math.h>
#include <string.h>

/* Beyond so many columns their Wiener increments take more memory than the samples they come from:
 * Cholesky is then taken where it costs up to so many times as much. */
enum { COLUMNS_MANY = 4096 };
static const double MEMORY_WORTH = 3;

double factor_memory_worth(size_t columns)
{
  return columns > COLUMNS_MANY ? MEMORY_WORTH : 1;
}

/* Is Cholesky's factor better than the columns, of these costs in multiply-adds? */
static bool is_cholesky_better(size_t dim, size_t columns, double by_cholesky, double by_columns,
                               enum limit_factor factor)
{
  double worth = factor_memory_worth(columns);
  switch (factor) {
  case LIMIT_FACTOR_AUTO:
    return by_cholesky < worth * by_columns;
  case LIMIT_FACTOR_REPEATED:
    return (double)dim * by_cholesky < worth * (double)columns * by_columns;
  case LIMIT_FACTOR_FEWEST:
    return dim < columns;
  default:
    return factor == LIMIT_FACTOR_CHOLESKY;
  }
}

struct factor_plan factor_plan(size_t dim, size_t columns, bool centred, enum limit_factor factor)
{
  double d = (double)dim, n = (double)columns;
  double by_columns = n * (FACTOR_NORMAL_COST + d);
  double by_cholesky = n * d * (d + 1) / 2 + d * d * d / 6 + d * FACTOR_NORMAL_COST;
  bool cholesky = is_cholesky_better(dim, columns, by_cholesky, by_columns, factor);
  return (struct factor_plan){dim, columns, cholesky, centred};
}

size_t factor_noise_dim(const struct factor_plan *plan)
{
  return plan->cholesky ? plan->dim : plan->columns;
}

struct factor_workspace factor_workspace_new(const struct factor_plan *plan, size_t width)
{
  size_t triangle = plan->cholesky ? plan->dim * (plan->dim + 1) / 2 : 0;
  return (struct factor_workspace){
      sde_alloc(plan->dim, width * sizeof(double)), sde_alloc(width, sizeof(double)),
      sde_alloc(plan->dim, width * sizeof(double)), sde_alloc(triangle, width * sizeof(double))};
}

void factor_workspace_free(struct factor_workspace *workspace)
{
  sde_free(workspace->sum);
  sde_free(workspace->weight);
  sde_free(workspace->mean);
  sde_free(workspace->covariance);
}

void factor_begin(const struct factor_plan *plan, struct factor_workspace *workspace, size_t width)
{
  sde_block_fill(plan->dim * width, 0, workspace->sum);
  sde_block_fill(width, 0, workspace->weight);
  sde_block_fill(plan->dim * width, 0, workspace->mean);
  if (plan->cholesky)
    sde_block_fill(plan->dim * (plan->dim + 1) / 2 * width, 0, workspace->covariance);
}

SDE_VECTOR
static void add_weights(size_t width, double root, const double *restrict dw,
                        double *restrict weight)
{
  for (size_t p = 0; p < width; p++)
    weight[p] += root * dw[p];
}

SDE_VECTOR
static void add_weighted(size_t dim, size_t width, double root, const double *restrict column,
                         const double *restrict dw, double *restrict sum)
{
  for (size_t j = 0; j < dim; j++)
    for (size_t p = 0; p < width; p++)
      sum[j * width + p] += root * dw[p] * column[j * width + p];
}

/* The same and the mean in one pass over a column that may not be in the nearest cache. */
SDE_VECTOR
static void add_weighted_and_mean(size_t dim, size_t width, double probability, double root,
                                  const double *restrict column, const double *restrict dw,
                                  double *restrict sum, double *restrict mean)
{
  for (size_t j = 0; j < dim; j++)
    for (size_t p = 0; p < width; p++) {
      double entry = column[j * width + p];
      sum[j * width + p] += root * dw[p] * entry;
      mean[j * width + p] += probability * entry;
    }
}

SDE_VECTOR
static void add_products(size_t dim, size_t width, double probability,
                         const double *restrict column, double *restrict covariance)
{
  for (size_t j = 0; j < dim; j++)
    for (size_t k = 0; k <= j; k++) {
      double *entry = covariance + (j * (j + 1) / 2 + k) * width;
      for (size_t p = 0; p < width; p++)
        entry[p] += probability * column[j * width + p] * column[k * width + p];
    }
}

void factor_add(const struct factor_plan *plan, struct factor_workspace *workspace, size_t width,
                size_t i, double probability, const double *column, const double *dw)
{
  size_t dim = plan->dim;
  double root = sqrt(probability);
  if (plan->centred && (dw == NULL || plan->cholesky))
    sde_block_add(dim * width, probability, column, workspace->mean);
  if (dw == NULL)
    return;
  if (plan->cholesky) {
    add_products(dim, width, probability, column, workspace->covariance);
    return;
  }
  dw += i * width;
  add_weights(width, root, dw, workspace->weight);
  if (plan->centred)
    add_weighted_and_mean(dim, width, probability, root, column, dw, workspace->sum,
                          workspace->mean);
  else
    add_weighted(dim, width, root, column, dw, workspace->sum);
}

/* 1 / sqrt(pivot), or 0 for a pivot that vanishes to rounding. floor may be NULL. */
static inline double inverse_root(double pivot, double diagonal, const double *floor)
{
  bool positive = pivot > 1e-13 * diagonal && (floor == NULL || pivot > *floor);
  return positive ? 1 / sqrt(pivot) : 0;
}

SDE_VECTOR
void factor_cholesky_above(size_t dim, size_t width, const double *restrict floor,
                           double *restrict covariance)
{
  for (size_t start = 0; start < width; start += SDE_UNIT)
    for (size_t j = 0; j < dim; j++) {
      double inverse[SDE_UNIT], rest[SDE_UNIT];
      double *row_j = covariance + j * (j + 1) / 2 * width + start;
      for (size_t i = j; i < dim; i++) {
        double *row_i = covariance + i * (i + 1) / 2 * width + start;
        for (size_t p = 0; p < SDE_UNIT; p++)
          rest[p] = row_i[j * width + p];
        for (size_t k = 0; k < j; k++)
          for (size_t p = 0; p < SDE_UNIT; p++)
            rest[p] -= row_i[k * width + p] * row_j[k * width + p];
        if (i == j)
          for (size_t p = 0; p < SDE_UNIT; p++)
            inverse[p] = inverse_root(rest[p], row_j[j * width + p],
                                      floor == NULL ? NULL : floor + j * width + start + p);
        for (size_t p = 0; p < SDE_UNIT; p++)
          row_i[j * width + p] = rest[p] * inverse[p];
      }
    }
}

void factor_cholesky(size_t dim, size_t width, double *covariance)
{
  factor_cholesky_above(dim, width, NULL, covariance);
}

/* What rounding may make of a variance that is a second moment less the square of a mean. */
SDE_VECTOR
static void second_moment_floor(size_t dim, size_t width, const double *restrict covariance,
                                double *restrict floor)
{
  for (size_t j = 0; j < dim; j++)
    for (size_t p = 0; p < width; p++)
      floor[j * width + p] = 1e-13 * covariance[j * (j + 3) / 2 * width + p];
}

SDE_VECTOR
static void subtract_mean_products(size_t dim, size_t width, const double *restrict mean,
                                   double *restrict covariance)
{
  for (size_t j = 0; j < dim; j++)
    for (size_t k = 0; k <= j; k++)
      for (size_t p = 0; p < width; p++)
        covariance[(j * (j + 1) / 2 + k) * width + p] -= mean[j * width + p] * mean[k * width + p];
}

SDE_VECTOR
void factor_multiply(size_t dim, size_t width, double scale, const double *restrict lower,
                     const double *restrict dw, double *restrict out)
{
  for (size_t j = 0; j < dim; j++) {
    double *row = out + j * width;
    for (size_t p = 0; p < width; p++)
      row[p] = 0;
    for (size_t k = 0; k <= j; k++)
      for (size_t p = 0; p < width; p++)
        row[p] += lower[(j * (j + 1) / 2 + k) * width + p] * dw[k * width + p];
    for (size_t p = 0; p < width; p++)
      row[p] *= scale;
  }
}

/* out = scale * (sum - weight * mean). */
SDE_VECTOR
static void centred_sum(size_t dim, size_t width, double scale, const double *restrict sum,
                        const double *restrict weight, const double *restrict mean,
                        double *restrict out)
{
  for (size_t j = 0; j < dim; j++)
    for (size_t p = 0; p < width; p++)
      out[j * width + p] = scale * (sum[j * width + p] - weight[p] * mean[j * width + p]);
}

void factor_finish(const struct factor_plan *plan, struct factor_workspace *workspace, size_t width,
                   double scale, const double *dw, double *out)
{
  if (!plan->cholesky) {
    centred_sum(plan->dim, width, scale, workspace->sum, workspace->weight, workspace->mean, out);
    return;
  }
  second_moment_floor(plan->dim, width, workspace->covariance, workspace->sum);
  if (plan->centred)
    subtract_mean_products(plan->dim, width, workspace->mean, workspace->covariance);
  factor_cholesky_above(plan->dim, width, workspace->sum, workspace->covariance);
  factor_multiply(plan->dim, width, scale, workspace->covariance, dw, out);
}
