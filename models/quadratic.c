/*
 * The finite-sum quadratic f_i(x) = 1/2 x^T A_i x - b_i^T x, with A_i and b_i from a CSV file.
 */
#include "models/data.h"
#include "models/loss.h"
#include "models/tile.h"
#include "sde/block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Kernels for paths that each look at samples of their own read a sample's numbers in a row, for
 * TILE paths at a time, and transpose what they make of them. A sum is kept for a block of paths:
 * beyond SUM_MOST numbers it would leave the second-level cache. */
enum { SUM_MOST = 1024 };
/* The arrays of samples, each a row in `all` and then in `packed`:
 * A by columns and b as a last one, each padded with zeros to `padded` numbers;
 * the lower triangle of A by rows, then b, padded to loss->sum_size numbers. */
struct quadratic {
  size_t padded, stride;
  double *all, *packed;
};

static size_t whole_tiles(size_t count)
{
  return (count + TILE - 1) / TILE * TILE;
}

static const struct parameter_key keys[] = {
    {.name = "data",
     .type = PARAMETER_FILE,
     .required = true,
     .help = "CSV file, a row a sample: columns A11,A12,..,Add (by rows, symmetric), b1,..,bd"},
    DATA_KEYS,
    {.name = NULL}};

/* The d with d*d + d columns, or 0. */
static size_t dimension_of(size_t columns)
{
  size_t d = 1;
  while (d * d + d < columns)
    d++;
  return d * d + d == columns ? d : 0;
}

static bool check_names(const struct data_table *table, size_t d, struct sde_status *status)
{
  const char *separator = d < 10 ? "" : "_";
  for (size_t k = 0; k < table->columns; k++) {
    char expected[64];
    if (k < d * d)
      snprintf(expected, sizeof expected, "A%zu%s%zu", k / d + 1, separator, k % d + 1);
    else
      snprintf(expected, sizeof expected, "b%zu", k - d * d + 1);
    if (strcmp(table->name[k], expected) != 0)
      return sde_fail(status, SDE_INVALID,
                      "%s:1: column %zu is named '%s'; for a quadratic in %zu dimensions it must "
                      "be '%s' (A by rows, then b)",
                      table->file, k + 1, table->name[k], d, expected);
  }
  return true;
}

static bool check_symmetry(const struct data_table *table, size_t d, struct sde_status *status)
{
  for (size_t row = 0; row < table->rows; row++)
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < i; j++) {
        const double *a = table->values + row * table->columns;
        double above = a[j * d + i], below = a[i * d + j];
        if (fabs(above - below) > 1e-12 * fmax(fabs(above), fabs(below)))
          return sde_fail(status, SDE_INVALID,
                          "%s:%zu: the matrix is not symmetric: entry (%zu,%zu) is %g and "
                          "(%zu,%zu) is %g; they must be equal",
                          table->file, table->line[row], j + 1, i + 1, above, i + 1, j + 1, below);
      }
  return true;
}

static void destroy(struct loss *loss)
{
  struct quadratic *quadratic = loss->data;
  if (quadratic == NULL)
    return;
  sde_free(quadratic->all);
  sde_free(quadratic->packed);
  sde_free(quadratic);
}

/* From a row of the file. */
static void pack(const struct loss *loss, struct quadratic *quadratic, size_t sample,
                 const double *values)
{
  size_t d = loss->dim;
  double *all = quadratic->all + sample * quadratic->stride;
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++)
      all[j * quadratic->padded + i] = values[i * d + j];
    all[d * quadratic->padded + i] = values[d * d + i];
  }
  if (loss->sum_size == 0)
    return;
  double *packed = quadratic->packed + sample * loss->sum_size;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j <= i; j++)
      *packed++ = values[i * d + j];
  memcpy(packed, values + d * d, d * sizeof *packed);
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  struct data_format format = data_format_of(parameters);
  struct data_table *table =
      data_table_read_as(parameters_text(parameters, "data"), &format, status);
  if (table == NULL)
    return false;
  size_t d = dimension_of(table->columns);
  bool good = d > 0 || sde_fail(status, SDE_INVALID,
                                "%s:1: %zu columns; a quadratic in d dimensions has d*d + d "
                                "(2, 6, 12, 20, ...)",
                                table->file, table->columns);
  good = good && check_names(table, d, status) && check_symmetry(table, d, status);
  if (good) {
    struct quadratic *quadratic = sde_alloc(1, sizeof *quadratic);
    loss->note = table->dropped;
    table->dropped = NULL;
    size_t sum_size = whole_tiles(d * (d + 3) / 2);
    loss->dim = d;
    loss->samples = table->rows - table->held_out;
    loss->held_out = table->held_out;
    loss->sum_size = sum_size <= SUM_MOST ? sum_size : 0;
    loss->quadratic = true;
    loss->data = quadratic;
    quadratic->padded = whole_tiles(d);
    quadratic->stride = (d + 1) * quadratic->padded;
    quadratic->all = sde_alloc(table->rows * quadratic->stride, sizeof(double));
    quadratic->packed = sde_alloc(table->rows * loss->sum_size, sizeof(double));
    for (size_t row = 0; row < table->rows; row++)
      pack(loss, quadratic, row, table->values + row * table->columns);
  }
  data_table_free(table);
  return good;
}

/* out_i = sum_j A_ij v_j - constant * b_i, of one sample. */
SDE_VECTOR
static void affine_shared(const struct quadratic *quadratic, size_t d, size_t width,
                          const uint32_t *index, double constant, const double *restrict v,
                          double *restrict out)
{
  size_t padded = quadratic->padded;
  const double *sample = quadratic->all + *index * quadratic->stride;
  for (size_t i = 0; i < d; i++) {
    double *row = out + i * width;
    for (size_t p = 0; p < width; p++)
      row[p] = -constant * sample[d * padded + i];
    for (size_t j = 0; j < d; j++) {
      double entry = sample[j * padded + i];
      for (size_t p = 0; p < width; p++)
        row[p] += entry * v[j * width + p];
    }
  }
}

/* Column q of the tile to out[q*width ..]. */
TILE_INLINE void store_transposed(const tile_row *tile, size_t width, double *out)
{
  tile_row even_low = __builtin_shufflevector(tile[0], tile[1], 0, 4, 2, 6);
  tile_row odd_low = __builtin_shufflevector(tile[0], tile[1], 1, 5, 3, 7);
  tile_row even_high = __builtin_shufflevector(tile[2], tile[3], 0, 4, 2, 6);
  tile_row odd_high = __builtin_shufflevector(tile[2], tile[3], 1, 5, 3, 7);
  tile_row column[TILE] = {__builtin_shufflevector(even_low, even_high, 0, 1, 4, 5),
                           __builtin_shufflevector(odd_low, odd_high, 0, 1, 4, 5),
                           __builtin_shufflevector(even_low, even_high, 2, 3, 6, 7),
                           __builtin_shufflevector(odd_low, odd_high, 2, 3, 6, 7)};
  for (size_t q = 0; q < TILE; q++)
    memcpy(out + q * width, &column[q], sizeof column[q]);
}

/* The same for samples of the paths' own: rows i to i + tiles * TILE, tiles a constant where this
 * is inlined. */
TILE_INLINE void affine_rows(const struct quadratic *quadratic, size_t d, size_t width, size_t i,
                             size_t tiles, const uint32_t *restrict index, double constant,
                             const double *restrict v, double *restrict out)
{
  size_t padded = quadratic->padded;
  tile_row rows[4][TILE];
  for (size_t q = 0; q < TILE; q++) {
    const double *sample = quadratic->all + index[q] * quadratic->stride + i;
    const tile_row *column = (const tile_row *)(sample + d * padded);
    tile_row sum[4];
    for (size_t t = 0; t < tiles; t++)
      sum[t] = -constant * column[t];
    for (size_t j = 0; j < d; j++) {
      column = (const tile_row *)(sample + j * padded);
      for (size_t t = 0; t < tiles; t++)
        sum[t] += column[t] * v[j * width + q];
    }
    for (size_t t = 0; t < tiles; t++)
      rows[t][q] = sum[t];
  }
  for (size_t t = 0; t < tiles; t++, i += TILE) {
    double last[TILE * TILE];
    bool whole = i + TILE <= d;
    store_transposed(rows[t], whole ? width : TILE, whole ? out + i * width : last);
    for (size_t k = i; !whole && k < d; k++)
      memcpy(out + k * width, last + (k - i) * TILE, TILE * sizeof *last);
  }
}

SDE_VECTOR
static void affine_own(const struct quadratic *quadratic, size_t d, size_t width,
                       const uint32_t *index, double constant, const double *v, double *out)
{
  for (size_t p = 0; p < width; p += TILE)
    for (size_t i = 0; i < d; i += 4 * TILE) {
      size_t rows = d - i;
      size_t tiles = rows > 3 * TILE ? 4 : rows > 2 * TILE ? 3 : rows > TILE ? 2 : 1;
      switch (tiles) {
      case 1:
        affine_rows(quadratic, d, width, i, 1, index + p, constant, v + p, out + p);
        break;
      case 2:
        affine_rows(quadratic, d, width, i, 2, index + p, constant, v + p, out + p);
        break;
      case 3:
        affine_rows(quadratic, d, width, i, 3, index + p, constant, v + p, out + p);
        break;
      default:
        affine_rows(quadratic, d, width, i, 4, index + p, constant, v + p, out + p);
      }
    }
}

static void apply(const struct loss *loss, size_t width, struct loss_samples samples,
                  double constant, const double *v, double *out)
{
  (samples.stride == 0 ? affine_shared : affine_own)(loss->data, loss->dim, width, samples.index,
                                                     constant, v, out);
}

/* For one sample and all paths, a tile of them at a time; in the order of value() for each path. */
SDE_VECTOR
static void value_shared(const struct quadratic *quadratic, size_t d, size_t width,
                         const uint32_t *index, const double *x, double *out)
{
  const double *a = quadratic->all + index[0] * quadratic->stride;
  for (size_t p = 0; p < width; p += TILE) {
    double sum[TILE] = {0};
    for (size_t i = 0; i < d; i++) {
      double row[TILE] = {0};
      for (size_t j = 0; j < d; j++)
        for (size_t q = 0; q < TILE; q++)
          row[q] += a[j * quadratic->padded + i] * x[j * width + p + q];
      for (size_t q = 0; q < TILE; q++)
        sum[q] += x[i * width + p + q] * (0.5 * row[q] - a[d * quadratic->padded + i]);
    }
    memcpy(out + p, sum, sizeof sum);
  }
}

static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *out)
{
  const struct quadratic *quadratic = loss->data;
  size_t d = loss->dim;
  if (samples.stride == 0) {
    value_shared(quadratic, d, width, samples.index, x, out);
    return;
  }
  for (size_t p = 0; p < width; p++) {
    const double *a = quadratic->all + samples.index[p * samples.stride] * quadratic->stride;
    double sum = 0;
    for (size_t i = 0; i < d; i++) {
      double row = 0;
      for (size_t j = 0; j < d; j++)
        row += a[j * quadratic->padded + i] * x[j * width + p];
      sum += x[i * width + p] * (0.5 * row - a[d * quadratic->padded + i]);
    }
    out[p] = sum;
  }
}

static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *x, double *g)
{
  apply(loss, width, samples, 1, x, g);
}

static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *x, const double *v, double *hv)
{
  (void)x;
  apply(loss, width, samples, 0, v, hv);
}

/* row = the sum of the packed numbers of `count` samples, in their order, two at a time. */
TILE_INLINE void add_samples(size_t tiles, size_t count, const tile_row *restrict packed,
                             const uint32_t *restrict index, size_t width, tile_row *restrict row)
{
  const tile_row *first = packed + index[0] * tiles, *second = packed + index[width] * tiles;
  size_t i = 2;
  if (count % 2 == 1) {
    for (size_t t = 0; t < tiles; t++)
      row[t] = first[t];
    i = 1;
  } else {
    for (size_t t = 0; t < tiles; t++)
      row[t] = first[t] + second[t];
  }
  for (; i < count; i += 2) {
    first = packed + index[i * width] * tiles;
    second = packed + index[(i + 1) * width] * tiles;
    for (size_t t = 0; t < tiles; t++)
      row[t] = row[t] + first[t] + second[t];
  }
}

/* sum[e*width + p] = sum_i packed number e of sample index[i*width + p]. */
SDE_VECTOR
static void sum_packed(size_t tiles, size_t width, size_t count, const tile_row *packed,
                       const uint32_t *restrict index, double *restrict sum)
{
  tile_row row[TILE][SUM_MOST / TILE];
  for (size_t p = 0; p < width; p += TILE) {
    for (size_t q = 0; q < TILE; q++)
      add_samples(tiles, count, packed, index + p + q, width, row[q]);
    for (size_t t = 0; t < tiles; t++) {
      tile_row tile[TILE];
      for (size_t q = 0; q < TILE; q++)
        tile[q] = row[q][t];
      store_transposed(tile, width, sum + t * TILE * width + p);
    }
  }
}

static void sum(const struct loss *loss, size_t width, size_t count, const uint32_t *index,
                double *out)
{
  const struct quadratic *quadratic = loss->data;
  sum_packed(loss->sum_size / TILE, width, count, (const tile_row *)quadratic->packed, index, out);
}

/* g_i = sum_j A_ij x_j - b_i with a matrix for each path: row i of the triangle, then column i. */
SDE_VECTOR
static void sum_apply(size_t d, size_t width, const double *restrict sum, const double *restrict x,
                      double *restrict g)
{
  enum { STRIP = 2 * TILE };
  const double *b = sum + d * (d + 1) / 2 * width;
  for (size_t p = 0; p < width; p += STRIP)
    for (size_t i = 0; i < d; i++) {
      const double *entry = sum + i * (i + 1) / 2 * width + p, *own = x + p;
      const tile_row *slope = (const tile_row *)(b + i * width + p);
      tile_row low = -slope[0], high = -slope[1];
      for (size_t j = 0; j < d; j++, own += width) {
        const tile_row *a = (const tile_row *)entry, *v = (const tile_row *)own;
        low += a[0] * v[0];
        high += a[1] * v[1];
        entry += (j < i ? 1 : j + 1) * width;
      }
      tile_row *out = (tile_row *)(g + i * width + p);
      out[0] = low;
      out[1] = high;
    }
}

static void sum_gradient(const struct loss *loss, size_t width, const double *sum, const double *x,
                         double *g)
{
  sum_apply(loss->dim, width, sum, x, g);
}

extern const struct loss_type loss_quadratic;
const struct loss_type loss_quadratic = {
    .name = "quadratic",
    .summary = "finite sum of quadratics f_i = 1/2 x'A_i x - b_i'x from a CSV file",
    .keys = keys,
    .create = create,
    .destroy = destroy,
    .value = value,
    .gradient = gradient,
    .hessian_vector = hessian_vector,
    .sum = sum,
    .sum_gradient = sum_gradient,
};
