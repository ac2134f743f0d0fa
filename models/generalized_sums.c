/*
 * Generalised linear losses in matrix form. See generalized_sums.h. Samples are taken in pieces
 * whatever the width, so a result does not depend on it.
 */
#include "models/generalized_sums.h"

#include "models/generalized_linear.h"
#include "models/tile.h"
#include "sde/block.h"

/* Samples in a piece, and tiles of paths that are summed in registers. */
enum { PIECE = 32, STRIP = 4 };

/* Of the samples of a piece, for a unit of paths: [i*SDE_UNIT + p]. */
struct piece {
  double s[PIECE * SDE_UNIT], y[PIECE * SDE_UNIT], c[PIECE * SDE_UNIT], other[PIECE * SDE_UNIT];
};

/* s_i = a_i . v, and y_i, for `count` samples from this row of data. */
SDE_VECTOR
static void margins(size_t d, size_t count, const double *restrict a, const double *restrict y,
                    size_t width, const double *restrict v, double *restrict s,
                    double *restrict target)
{
  for (size_t i = 0; i < count; i++, a += d) {
    for (size_t p = 0; p < SDE_UNIT; p += STRIP * TILE) {
      tile_row sum[STRIP];
      for (size_t t = 0; t < STRIP; t++)
        sum[t] = (tile_row){0};
      for (size_t j = 0; j < d; j++) {
        const tile_row *column = (const tile_row *)(v + j * width + p);
        for (size_t t = 0; t < STRIP; t++)
          sum[t] += a[j] * column[t];
      }
      for (size_t t = 0; t < STRIP; t++)
        ((tile_row *)(s + i * SDE_UNIT + p))[t] = sum[t];
    }
    for (size_t p = 0; p < SDE_UNIT; p++)
      target[i * SDE_UNIT + p] = y[i];
  }
}

/* sum[p] += sum_i c_i z_i with z shared by the paths. */
TILE_INLINE void add_product(size_t count, const double *c, const double *z, double *sum)
{
  for (size_t p = 0; p < SDE_UNIT; p += STRIP * TILE) {
    tile_row *out = (tile_row *)(sum + p), total[STRIP];
    for (size_t t = 0; t < STRIP; t++)
      total[t] = (tile_row){0};
    for (size_t i = 0; i < count; i++) {
      const tile_row *row = (const tile_row *)(c + i * SDE_UNIT + p);
      for (size_t t = 0; t < STRIP; t++)
        total[t] += row[t] * z[i];
    }
    for (size_t t = 0; t < STRIP; t++)
      out[t] += total[t];
  }
}

/* sum_j += sum_i c_i a_ij */
SDE_VECTOR
static void add_first(size_t d, size_t count, const double *restrict a, const double *restrict c,
                      size_t width, double *restrict sum)
{
  double z[PIECE];
  for (size_t j = 0; j < d; j++) {
    for (size_t i = 0; i < count; i++)
      z[i] = a[i * d + j];
    add_product(count, c, z, sum + j * width);
  }
}

/* sum_jk += sum_i c_i^2 a_ij a_ik; the squares are left in the place of c. */
SDE_VECTOR
static void add_second(size_t d, size_t count, const double *restrict a, double *restrict c,
                       size_t width, double *restrict sum)
{
  double z[PIECE];
  for (size_t i = 0; i < count * SDE_UNIT; i++)
    c[i] *= c[i];
  for (size_t j = 0; j < d; j++)
    for (size_t k = 0; k <= j; k++, sum += width) {
      for (size_t i = 0; i < count; i++)
        z[i] = a[i * d + j] * a[i * d + k];
      add_product(count, c, z, sum);
    }
}

static size_t piece_at(const struct loss *loss, size_t first)
{
  return loss->samples - first < PIECE ? loss->samples - first : PIECE;
}

static void margins_at(const struct loss *loss, size_t first, size_t width, const double *v,
                       struct piece *piece, double *s)
{
  const struct generalized_linear *model = loss->data;
  margins(loss->dim, piece_at(loss, first), model->a + first * loss->dim, model->y + first, width,
          v, s, piece->y);
}

/* out = out / n + ridge v */
SDE_VECTOR
static void finish_mean(size_t d, size_t width, double n, const double *restrict ridge,
                        const double *restrict v, double *restrict out)
{
  for (size_t j = 0; j < d; j++)
    for (size_t p = j * width; p < (j + 1) * width; p++)
      out[p] = out[p] / n + ridge[j] * v[p];
}

void generalized_linear_mean_gradient(const struct loss *loss, size_t width, const double *x,
                                      double *g)
{
  const struct generalized_linear *model = loss->data;
  size_t d = loss->dim;
  struct piece piece;
  sde_block_fill(d * width, 0, g);
  for (size_t start = 0; start < width; start += SDE_UNIT)
    for (size_t first = 0; first < loss->samples; first += PIECE) {
      size_t count = piece_at(loss, first);
      margins_at(loss, first, width, x + start, &piece, piece.s);
      model->derivatives(count * SDE_UNIT, piece.s, piece.y, piece.c, NULL);
      add_first(d, count, model->a + first * d, piece.c, width, g + start);
    }
  finish_mean(d, width, (double)loss->samples, model->ridge, x, g);
}

void generalized_linear_mean_hessian_vector(const struct loss *loss, size_t width, const double *x,
                                            const double *v, double *hv)
{
  const struct generalized_linear *model = loss->data;
  size_t d = loss->dim;
  struct piece piece;
  sde_block_fill(d * width, 0, hv);
  for (size_t start = 0; start < width; start += SDE_UNIT)
    for (size_t first = 0; first < loss->samples; first += PIECE) {
      size_t count = piece_at(loss, first);
      margins_at(loss, first, width, x + start, &piece, piece.s);
      model->derivatives(count * SDE_UNIT, piece.s, piece.y, NULL, piece.c);
      margins_at(loss, first, width, v + start, &piece, piece.other);
      for (size_t i = 0; i < count * SDE_UNIT; i++)
        piece.c[i] *= piece.other[i];
      add_first(d, count, model->a + first * d, piece.c, width, hv + start);
    }
  finish_mean(d, width, (double)loss->samples, model->ridge, v, hv);
}

bool generalized_linear_has_moments(const struct loss *loss, double rho)
{
  if (loss->type->mean_gradient != generalized_linear_mean_gradient)
    return false;
  const struct generalized_linear *model = loss->data;
  for (size_t j = 0; j < loss->dim; j++)
    if (rho != 0 && model->ridge[j] != 0)
      return false;
  return true;
}

/* At x + rho c_i a_i, of a loss without a ridge: s_i + rho c_i |a_i|^2. */
static void move_margins(size_t d, size_t count, const double *a, double rho, const double *c,
                         double *s)
{
  for (size_t i = 0; i < count; i++) {
    double square = 0;
    for (size_t j = 0; j < d; j++)
      square += a[i * d + j] * a[i * d + j];
    for (size_t p = i * SDE_UNIT; p < (i + 1) * SDE_UNIT; p++)
      s[p] += rho * square * c[p];
  }
}

/* Second moments of the c_i a_i become covariances. */
SDE_VECTOR
static void centre(size_t d, size_t width, double n, const double *restrict mean,
                   double *restrict covariance)
{
  for (size_t j = 0; j < d; j++)
    for (size_t p = 0; p < width; p++) {
      double square = mean[j * width + p] * mean[j * width + p];
      double *variance = covariance + j * (j + 3) / 2 * width + p, second = *variance / n;
      *variance = second - square > 1e-13 * second ? second - square : 0;
    }
  for (size_t j = 1; j < d; j++)
    for (size_t k = 0; k < j; k++)
      for (size_t p = 0; p < width; p++) {
        double *entry = covariance + (j * (j + 1) / 2 + k) * width + p;
        bool varies = covariance[j * (j + 3) / 2 * width + p] > 0 &&
                      covariance[k * (k + 3) / 2 * width + p] > 0;
        *entry = varies ? *entry / n - mean[j * width + p] * mean[k * width + p] : 0;
      }
}

void generalized_linear_moments(const struct loss *loss, size_t width, double rho, const double *x,
                                double *mean, double *covariance)
{
  const struct generalized_linear *model = loss->data;
  size_t d = loss->dim;
  double n = (double)loss->samples;
  struct piece piece;
  sde_block_fill(d * width, 0, mean);
  if (covariance != NULL)
    sde_block_fill(d * (d + 1) / 2 * width, 0, covariance);
  for (size_t start = 0; start < width; start += SDE_UNIT)
    for (size_t first = 0; first < loss->samples; first += PIECE) {
      size_t count = piece_at(loss, first);
      const double *a = model->a + first * d;
      margins_at(loss, first, width, x + start, &piece, piece.s);
      model->derivatives(count * SDE_UNIT, piece.s, piece.y, piece.c, NULL);
      if (rho != 0) {
        move_margins(d, count, a, rho, piece.c, piece.s);
        model->derivatives(count * SDE_UNIT, piece.s, piece.y, piece.c, NULL);
      }
      add_first(d, count, a, piece.c, width, mean + start);
      if (covariance != NULL)
        add_second(d, count, a, piece.c, width, covariance + start);
    }
  sde_block_scale(d * width, 1 / n, mean);
  if (covariance != NULL)
    centre(d, width, n, mean, covariance);
  for (size_t j = 0; j < d; j++)
    sde_block_add(width, model->ridge[j], x + j * width, mean + j * width);
}
