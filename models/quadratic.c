/*
 * The finite-sum quadratic f_i(x) = 1/2 x^T A_i x - b_i^T x, with A_i and b_i from a CSV file.
 */
#include "models/data.h"
#include "models/loss.h"
#include "sde/block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct quadratic {
  double *a; /* [(sample*d + i)*d + j] */
  double *b; /* [sample*d + i] */
};

static const struct parameter_key keys[] = {
    {.name = "data",
     .type = PARAMETER_FILE,
     .required = true,
     .help = "CSV file, a row a sample: columns A11,A12,..,Add (by rows, symmetric), b1,..,bd"},
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
  sde_free(quadratic->a);
  sde_free(quadratic->b);
  sde_free(quadratic);
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  struct data_table *table = data_table_read(parameters_text(parameters, "data"), status);
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
    quadratic->a = sde_alloc(table->rows * d, d * sizeof(double));
    quadratic->b = sde_alloc(table->rows, d * sizeof(double));
    for (size_t row = 0; row < table->rows; row++) {
      const double *values = table->values + row * table->columns;
      memcpy(quadratic->a + row * d * d, values, d * d * sizeof(double));
      memcpy(quadratic->b + row * d, values + d * d, d * sizeof(double));
    }
    loss->dim = d;
    loss->samples = table->rows;
    loss->quadratic = true;
    loss->data = quadratic;
  }
  data_table_free(table);
  return good;
}

/* out_i = sum_j A_ij v_j - constant * b_i; stride is a constant where this is inlined. */
static inline void affine(const struct quadratic *quadratic, size_t d, size_t width,
                          const uint32_t *restrict index, size_t stride, double constant,
                          const double *restrict v, double *restrict out)
{
  for (size_t i = 0; i < d; i++) {
    double *row = out + i * width;
    for (size_t p = 0; p < width; p++)
      row[p] = -constant * quadratic->b[index[p * stride] * d + i];
    for (size_t j = 0; j < d; j++) {
      const double *entry = quadratic->a + i * d + j, *column = v + j * width;
      for (size_t p = 0; p < width; p++)
        row[p] += entry[index[p * stride] * d * d] * column[p];
    }
  }
}

SDE_VECTOR
static void affine_shared(const struct quadratic *quadratic, size_t d, size_t width,
                          const uint32_t *index, double constant, const double *v, double *out)
{
  affine(quadratic, d, width, index, 0, constant, v, out);
}

SDE_VECTOR
static void affine_own(const struct quadratic *quadratic, size_t d, size_t width,
                       const uint32_t *index, double constant, const double *v, double *out)
{
  affine(quadratic, d, width, index, 1, constant, v, out);
}

static void apply(const struct loss *loss, size_t width, struct loss_samples samples,
                  double constant, const double *v, double *out)
{
  (samples.stride == 0 ? affine_shared : affine_own)(loss->data, loss->dim, width, samples.index,
                                                     constant, v, out);
}

static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *out)
{
  const struct quadratic *quadratic = loss->data;
  size_t d = loss->dim;
  for (size_t p = 0; p < width; p++) {
    const double *a = quadratic->a + samples.index[p * samples.stride] * d * d;
    const double *b = quadratic->b + samples.index[p * samples.stride] * d;
    double sum = 0;
    for (size_t i = 0; i < d; i++) {
      double row = 0;
      for (size_t j = 0; j < d; j++)
        row += a[i * d + j] * x[j * width + p];
      sum += x[i * width + p] * (0.5 * row - b[i]);
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
};
