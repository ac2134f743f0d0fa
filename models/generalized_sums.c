/*
 * Generalised linear losses in matrix form. See generalized_sums.h. Samples are taken in pieces
 * whatever the width, so a result does not depend on it.
 */
#include "models/generalized_sums.h"

#include "models/generalized_linear.h"
#include "models/tile.h"
#include "sde/block.h"

#include <float.h>
#include <string.h>

/* Samples in a piece, and tiles of paths that are summed in registers. Deviations are held for so
 * many paths and coordinates at a time. */
enum { PIECE = 32, STRIP = 4, TILES = 2, PATHS = TILES * TILE, GROUP = 16 };

/* For the samples of a piece and a unit of paths: [i*SDE_UNIT + p]. */
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

/* s_i = (ridge x).a_i */
SDE_VECTOR
static void ridge_margins(size_t d, size_t count, const double *restrict a,
                          const double *restrict ridge, size_t width, const double *restrict x,
                          double *restrict s)
{
  for (size_t i = 0; i < count; i++, a += d, s += SDE_UNIT) {
    for (size_t p = 0; p < SDE_UNIT; p++)
      s[p] = 0;
    for (size_t j = 0; j < d; j++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        s[p] += a[j] * ridge[j] * x[j * width + p];
  }
}

static bool has_ridge(const struct loss *loss)
{
  const struct generalized_linear *model = loss->data;
  for (size_t j = 0; j < loss->dim; j++)
    if (model->ridge[j] != 0)
      return true;
  return false;
}

bool generalized_linear_has_moments(const struct loss *loss, enum generalized_direction_order order,
                                    double rho)
{
  if (loss->type->mean_gradient != generalized_linear_mean_gradient)
    return false;
  return rho == 0 || order == GENERALIZED_DIRECTIONS_FIRST_ORDER || !has_ridge(loss);
}

static double square_of(size_t d, const double *a)
{
  double square = 0;
  for (size_t j = 0; j < d; j++)
    square += a[j] * a[j];
  return square;
}

/* At x + rho c_i a_i, of a loss without a ridge: s_i + rho c_i |a_i|^2. */
static void move_margins(size_t d, size_t count, const double *a, double rho, const double *c,
                         double *s)
{
  for (size_t i = 0; i < count; i++) {
    double square = square_of(d, a + i * d);
    for (size_t p = i * SDE_UNIT; p < (i + 1) * SDE_UNIT; p++)
      s[p] += rho * square * c[p];
  }
}

/* g_i + rho H_i g_i = (c_i + rho k_i (|a_i|^2 c_i + (ridge x).a_i)) a_i + rho ridge c_i a_i + ..,
 * with k_i the second derivative and the rest the same for all samples: c becomes the factor of
 * a_i, and k that of ridge a_i. margin is (ridge x).a_i, or NULL for zero. */
static void expand_scalars(size_t d, size_t count, const double *a, double rho,
                           const double *margin, double *c, double *k)
{
  for (size_t i = 0; i < count; i++) {
    double square = square_of(d, a + i * d);
    for (size_t p = i * SDE_UNIT; p < (i + 1) * SDE_UNIT; p++) {
      double along = square * c[p] + (margin == NULL ? 0 : margin[p]), own = c[p];
      c[p] = own + rho * k[p] * along;
      k[p] = rho * own;
    }
  }
}

/* The scalars of a piece for PATHS paths, and of the first of all samples, where the deviations
 * w_ij = c_i a_ij - c_0 a_0j start: they are of the size of the noise, and their products have its
 * digits, which those of the c_i a_ij lose where the mean is large beside it. */
struct scalars {
  size_t d, count;
  const double *a, *c;             /* [i*d + j], [i*SDE_UNIT + p] */
  const double *a_first, *c_first; /* [j], [p] */
  /* With a ridge, directions to first order have c_i + ridge_j k_i instead of c_i; else
   * NULL. */
  const double *ridge, *k, *k_first;
};

/* c_i of a tile of paths for a coordinate of this ridge; 0 where there is none. */
TILE_INLINE void set_scalar(const double *c, const double *k, double ridge, size_t t, tile_row *out)
{
  *out = ((const tile_row *)c)[t];
  if (ridge != 0)
    *out += ridge * ((const tile_row *)k)[t];
}

/* sum[p] += sum_i w_ij, unless sum is NULL; out[i*PATHS + p] = w_ij where they are kept, a constant
 * where this is inlined. */
TILE_INLINE void add_deviations(const struct scalars *of, size_t j, double ridge, bool keep,
                                double *out, double *sum)
{
  tile_row first[TILES], total[TILES];
  for (size_t t = 0; t < TILES; t++) {
    set_scalar(of->c_first, of->k_first, ridge, t, &first[t]);
    first[t] *= of->a_first[j];
    total[t] = (tile_row){0};
  }
  for (size_t i = 0; i < of->count; i++)
    for (size_t t = 0; t < TILES; t++) {
      tile_row c;
      set_scalar(of->c + i * SDE_UNIT, of->k + i * SDE_UNIT, ridge, t, &c);
      tile_row w = c * of->a[i * of->d + j] - first[t];
      if (keep)
        ((tile_row *)(out + i * PATHS))[t] = w;
      total[t] += w;
    }
  for (size_t t = 0; sum != NULL && t < TILES; t++)
    ((tile_row *)sum)[t] += total[t];
}

/* out[(r*PIECE + i)*PATHS + p] = w_ij for the coordinates j = from + r, unless out is NULL; their
 * sums over i are added to sum[r*width + p], unless that is NULL. */
SDE_VECTOR
static void deviations(const struct scalars *of, size_t from, size_t rows, size_t width,
                       double *restrict out, double *restrict sum)
{
  for (size_t r = 0; r < rows; r++) {
    double *row = sum == NULL ? NULL : sum + r * width;
    double ridge = of->ridge == NULL ? 0 : of->ridge[from + r];
    double *kept = out == NULL ? NULL : out + r * PIECE * PATHS;
    if (ridge != 0)
      add_deviations(of, from + r, ridge, kept != NULL, kept, row);
    else if (out == NULL)
      add_deviations(of, from + r, 0, false, NULL, row);
    else
      add_deviations(of, from + r, 0, true, kept, row);
  }
}

/* sum_jk += sum_i w_ij w_ik for `rows` coordinates from j and `columns` from k, one or two of each
 * that are constants where this is inlined; k <= j alone. */
TILE_INLINE void add_pairs(size_t count, size_t rows, size_t columns, const double *left,
                           const double *right, size_t j, size_t k, size_t width, double *sum)
{
  tile_row total[2][2][TILES] = {0};
  for (size_t i = 0; i < count; i++)
    for (size_t r = 0; r < rows; r++)
      for (size_t s = 0; s < columns; s++)
        for (size_t t = 0; t < TILES; t++)
          total[r][s][t] += ((const tile_row *)(left + (r * PIECE + i) * PATHS))[t] *
                            ((const tile_row *)(right + (s * PIECE + i) * PATHS))[t];
  for (size_t r = 0; r < rows; r++)
    for (size_t s = 0; s < columns && k + s <= j + r; s++)
      for (size_t t = 0; t < TILES; t++)
        ((tile_row *)(sum + ((j + r) * (j + r + 1) / 2 + k + s) * width))[t] += total[r][s][t];
}

/* The same for groups of coordinates that start at j0 and k0 <= j0. */
SDE_VECTOR
static void add_group(size_t count, size_t rows, size_t columns, const double *left,
                      const double *right, size_t j0, size_t k0, size_t width, double *sum)
{
  for (size_t r = 0; r < rows; r += 2)
    for (size_t s = 0; s < columns && k0 + s <= j0 + r; s += 2) {
      const double *w = left + r * PIECE * PATHS, *v = right + s * PIECE * PATHS;
      if (r + 1 < rows && s + 1 < columns)
        add_pairs(count, 2, 2, w, v, j0 + r, k0 + s, width, sum);
      else if (s + 1 < columns)
        add_pairs(count, 1, 2, w, v, j0 + r, k0 + s, width, sum);
      else
        add_pairs(count, 1, 1, w, v, j0 + r, k0 + s, width, sum);
    }
}

static size_t group_at(size_t d, size_t from)
{
  return d - from < GROUP ? d - from : GROUP;
}

/* Sums of w_i over a piece, and of their products unless second is NULL. */
static void add_moments(const struct scalars *of, size_t width, double *first, double *second)
{
  double left[GROUP * PIECE * PATHS], right[GROUP * PIECE * PATHS];
  for (size_t j = 0; j < of->d; j += GROUP) {
    size_t rows = group_at(of->d, j);
    deviations(of, j, rows, width, second == NULL ? NULL : left, first + j * width);
    for (size_t k = 0; second != NULL && k < j; k += GROUP) {
      deviations(of, k, GROUP, width, right, NULL);
      add_group(of->count, rows, GROUP, left, right, j, k, width, second);
    }
    if (second != NULL)
      add_group(of->count, rows, rows, left, left, j, j, width, second);
  }
}

/* Sums of the products of deviations become covariances, and what rounding may make of a variance:
 * some last digits of its sum, and of each c_i a_ij before the deviation was taken. mean is that of
 * the deviations. */
SDE_VECTOR
static void centre(const struct scalars *of, size_t width, double n, const double *restrict mean,
                   double *restrict covariance, double *restrict rounding)
{
  size_t d = of->d;
  for (size_t j = 0; j < d; j++) {
    const double *second = covariance + j * (j + 3) / 2 * width;
    double ridge = of->ridge == NULL ? 0 : of->ridge[j];
    for (size_t p = 0; p < SDE_UNIT; p++) {
      double c = ridge != 0 ? of->c_first[p] + ridge * of->k_first[p] : of->c_first[p];
      double digit = 2 * DBL_EPSILON * of->a_first[j] * c;
      rounding[j * width + p] = 1e-13 * (second[p] / n) + digit * digit;
    }
  }
  for (size_t j = 0; j < d; j++)
    for (size_t k = 0; k <= j; k++) {
      double *entry = covariance + (j * (j + 1) / 2 + k) * width;
      for (size_t p = 0; p < SDE_UNIT; p++)
        entry[p] = entry[p] / n - mean[j * width + p] * mean[k * width + p];
    }
}

/* mean = (mean + c_0 a_0) + ridge x, or + (ridge + rho ridge^2) x to first order: the deviations'
 * mean becomes the directions'. */
SDE_VECTOR
static void finish_directions(const struct scalars *of, size_t width, const double *restrict ridge,
                              double rho, const double *restrict x, double *restrict mean)
{
  for (size_t j = 0; j < of->d; j++) {
    double own = of->ridge == NULL ? 0 : ridge[j], slope = ridge[j] + rho * own * own;
    for (size_t p = 0; p < SDE_UNIT; p++) {
      double *entry = mean + j * width + p;
      double c = own != 0 ? of->c_first[p] + own * of->k_first[p] : of->c_first[p];
      *entry = *entry + c * of->a_first[j] + slope * x[j * width + p];
    }
  }
}

/* What is asked for of the directions. */
struct request {
  enum generalized_direction_order order;
  double rho;
  bool ridged; /* to first order, and the loss has a ridge */
};

/* The scalars of a piece: u_i = c_i a_i, but for what is the same for all samples, and k. */
static void direction_scalars(const struct loss *loss, const struct request *request, size_t first,
                              size_t width, const double *x, struct piece *piece)
{
  const struct generalized_linear *model = loss->data;
  size_t d = loss->dim, count = piece_at(loss, first);
  const double *a = model->a + first * d;
  bool expanded = request->order == GENERALIZED_DIRECTIONS_FIRST_ORDER && request->rho != 0;
  margins_at(loss, first, width, x, piece, piece->s);
  model->derivatives(count * SDE_UNIT, piece->s, piece->y, piece->c,
                     expanded ? piece->other : NULL);
  if (expanded) {
    if (request->ridged)
      ridge_margins(d, count, a, model->ridge, width, x, piece->s);
    expand_scalars(d, count, a, request->rho, request->ridged ? piece->s : NULL, piece->c,
                   piece->other);
  } else if (request->rho != 0) {
    move_margins(d, count, a, request->rho, piece->c, piece->s);
    model->derivatives(count * SDE_UNIT, piece->s, piece->y, piece->c, NULL);
  }
}

/* For a unit of paths, the sums being zero. */
static void unit_moments(const struct loss *loss, const struct request *request, size_t width,
                         const double *x, double *mean, double *covariance, double *rounding)
{
  const struct generalized_linear *model = loss->data;
  size_t d = loss->dim;
  double n = (double)loss->samples, c_first[SDE_UNIT], k_first[SDE_UNIT];
  const double *ridge = request->ridged ? model->ridge : NULL;
  struct piece piece;
  for (size_t first = 0; first < loss->samples; first += PIECE) {
    direction_scalars(loss, request, first, width, x, &piece);
    if (first == 0) {
      memcpy(c_first, piece.c, sizeof c_first);
      if (ridge != NULL)
        memcpy(k_first, piece.other, sizeof k_first);
    }
    for (size_t p = 0; p < SDE_UNIT; p += PATHS) {
      struct scalars of = {
          d,     piece_at(loss, first), model->a + first * d, piece.c + p, model->a, c_first + p,
          ridge, piece.other + p,       k_first + p};
      add_moments(&of, width, mean + p, covariance == NULL ? NULL : covariance + p);
    }
  }
  for (size_t j = 0; j < d; j++)
    sde_block_scale(SDE_UNIT, 1 / n, mean + j * width);
  struct scalars of = {d, 0, NULL, NULL, model->a, c_first, ridge, NULL, k_first};
  if (covariance != NULL)
    centre(&of, width, n, mean, covariance, rounding);
  finish_directions(&of, width, model->ridge, request->rho, x, mean);
}

void generalized_linear_moments(const struct loss *loss, size_t width,
                                enum generalized_direction_order order, double rho, const double *x,
                                double *mean, double *covariance, double *rounding)
{
  size_t d = loss->dim;
  struct request request = {
      order, rho, order == GENERALIZED_DIRECTIONS_FIRST_ORDER && rho != 0 && has_ridge(loss)};
  sde_block_fill(d * width, 0, mean);
  if (covariance != NULL)
    sde_block_fill(d * (d + 1) / 2 * width, 0, covariance);
  for (size_t p = 0; p < width; p += SDE_UNIT)
    unit_moments(loss, &request, width, x + p, mean + p, covariance == NULL ? NULL : covariance + p,
                 covariance == NULL ? NULL : rounding + p);
}
