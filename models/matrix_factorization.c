/*
 * Matrix factorisation f_s(U, V) = 1/2 ((U V^T)_ij - y_s)^2, a datum an entry (i, j) of a matrix
 * that is planted or read: U is rows x rank, V columns x rank, and minima are flat along U A,
 * V A^-T. Where every entry is fitted, tr H = |U|^2/rows + |V|^2/columns, and sigma^2 H is the
 * covariance of the gradient noise.
 */
#include "models/data.h"
#include "models/loss.h"
#include "models/planted.h"
#include "sde/block.h"

#include <math.h>
#include <string.h>

struct factorization {
  size_t rows, columns, rank;
  uint32_t *left, *right; /* [sample]: first components of rows i of U and j of V in x */
  double *y;              /* [sample] */
};

static const struct parameter_key keys[] = {
    {.name = "data",
     .type = PARAMETER_FILE,
     .help = "CSV file with the matrix, one header row above it; without it, a planted matrix"},
    DATA_KEYS,
    {.name = "rank",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e3,
     .fallback = "2",
     .help = "columns of U and V; the parameters are U by rows, then V by rows"},
    {.name = "rows",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e3,
     .help = "planted: rows of the matrix; without it, 5"},
    {.name = "columns",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e3,
     .help = "planted: columns of the matrix; without it, 4"},
    {.name = "planted_rank",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e3,
     .help = "planted: rank of the matrix, a product of Gaussian factors with entries of variance "
             "1; without it, 1"},
    PLANTED_KEYS("2", "0.5", "1", "standard deviation of the entries of the default start"),
    {.name = NULL}};

/* [i*columns + j], of the model's rows and columns. */
static double *planted_matrix(const struct factorization *model, const struct planted *planted,
                              size_t rank)
{
  size_t rows = model->rows, columns = model->columns;
  double *matrix = sde_alloc(rows, columns * sizeof *matrix);
  double *u = sde_alloc(rows, rank * sizeof *u), *v = sde_alloc(columns, rank * sizeof *v);
  planted_normals(planted, "left factor", rows * rank, 1, u);
  planted_normals(planted, "right factor", columns * rank, 1 / sqrt((double)rank), v);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++)
      for (size_t k = 0; k < rank; k++)
        matrix[i * columns + j] += u[i * rank + k] * v[j * rank + k];
  sde_free(u);
  sde_free(v);
  return matrix;
}

static void set_samples(struct factorization *model, const struct planted *planted,
                        const double *matrix)
{
  size_t entries = model->rows * model->columns, samples = entries * planted->labels;
  model->y = sde_alloc(samples, sizeof *model->y);
  model->left = sde_alloc(samples, sizeof *model->left);
  model->right = sde_alloc(samples, sizeof *model->right);
  planted_labels(planted, entries, matrix, model->y);
  for (size_t s = 0; s < samples; s++) {
    size_t entry = s / planted->labels, i = entry / model->columns, j = entry % model->columns;
    model->left[s] = (uint32_t)(i * model->rank);
    model->right[s] = (uint32_t)((model->rows + j) * model->rank);
  }
}

static void destroy(struct loss *loss)
{
  struct factorization *model = loss->data;
  if (model == NULL)
    return;
  sde_free(model->y);
  sde_free(model->left);
  sde_free(model->right);
  sde_free(model);
  sde_free((double *)loss->start);
}

static size_t planted_size(const struct parameters *parameters, const char *key, size_t fallback)
{
  return parameters_has(parameters, key) ? (size_t)parameters_u64(parameters, key) : fallback;
}

/* Fill rows, columns and *matrix, [i*columns + j], from the file or by planting. */
static bool read_matrix(struct loss *loss, struct factorization *model, struct planted *planted,
                        const struct parameters *parameters, double **matrix,
                        struct sde_status *status)
{
  static const char *const keys_of_planted[] = {"rows", "columns", "planted_rank"};
  if (!parameters_has(parameters, "data")) {
    model->rows = planted_size(parameters, "rows", 5);
    model->columns = planted_size(parameters, "columns", 4);
    *matrix = planted_matrix(model, planted, planted_size(parameters, "planted_rank", 1));
    return data_format_is_absent(parameters, status);
  }
  for (size_t k = 0; k < sizeof keys_of_planted / sizeof *keys_of_planted; k++)
    if (parameters_has(parameters, keys_of_planted[k]))
      return sde_fail(status, SDE_INVALID,
                      "%s: %s is of a planted matrix, but data gives one; accepted is one of both",
                      parameters_place(parameters, keys_of_planted[k]), keys_of_planted[k]);
  struct data_format format = data_format_of(parameters);
  if (format.held_out != NULL)
    return sde_fail(status, SDE_INVALID,
                    "%s: the rows of a matrix are no samples of which some can be held out",
                    parameters_place(parameters, parameters_has(parameters, "holdout")
                                                     ? "holdout"
                                                     : "test_data"));
  struct data_table *table =
      data_table_read_as(parameters_text(parameters, "data"), &format, status);
  if (table == NULL)
    return false;
  size_t size = table->rows * table->columns * sizeof **matrix;
  model->rows = table->rows;
  model->columns = table->columns;
  *matrix = memcpy(sde_alloc(1, size), table->values, size);
  loss->note = table->dropped;
  table->dropped = NULL;
  data_table_free(table);
  return true;
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  struct factorization *model = sde_alloc(1, sizeof *model);
  struct planted planted;
  double *matrix = NULL;
  model->rank = (size_t)parameters_u64(parameters, "rank");
  loss->data = model;
  bool good = planted_read(&planted, parameters, status) &&
              read_matrix(loss, model, &planted, parameters, &matrix, status) &&
              planted_fits(&planted, model->rows * model->columns, 2,
                           parameters_place(parameters, "rank"), status);
  if (good) {
    set_samples(model, &planted, matrix);
    loss->dim = (model->rows + model->columns) * model->rank;
    loss->samples = model->rows * model->columns * planted.labels;
    double *start = sde_alloc(loss->dim, sizeof *start);
    planted_normals(&planted, "start", loss->dim, planted.initial_scale, start);
    loss->start = start;
  }
  sde_free(matrix);
  return good;
}

/* For a unit of paths that begins at x: residual[p] = (U V^T)_ij - y for the sample of each path;
 * stride is a constant where this is inlined. */
static inline void residuals(const struct factorization *model, size_t width,
                             const uint32_t *restrict index, size_t stride,
                             const double *restrict x, double *restrict residual)
{
  for (size_t p = 0; p < SDE_UNIT; p++)
    residual[p] = -model->y[index[p * stride]];
  for (size_t k = 0; k < model->rank; k++)
    for (size_t p = 0; p < SDE_UNIT; p++) {
      size_t left = (model->left[index[p * stride]] + k) * width + p;
      size_t right = (model->right[index[p * stride]] + k) * width + p;
      residual[p] += x[left] * x[right];
    }
}

/* slope[p], the derivative of that residual along the direction d. */
static inline void slopes(const struct factorization *model, size_t width,
                          const uint32_t *restrict index, size_t stride, const double *restrict x,
                          const double *restrict d, double *restrict slope)
{
  for (size_t p = 0; p < SDE_UNIT; p++)
    slope[p] = 0;
  for (size_t k = 0; k < model->rank; k++)
    for (size_t p = 0; p < SDE_UNIT; p++) {
      size_t left = (model->left[index[p * stride]] + k) * width + p;
      size_t right = (model->right[index[p * stride]] + k) * width + p;
      slope[p] += x[left] * d[right] + d[left] * x[right];
    }
}

/* out = coefficient grad residual, which is V_j in row i of U, U_i in row j of V and else zero;
 * with a direction d also + residual (d_V, d_U) there. out is zero before. */
static inline void scatter(const struct factorization *model, size_t width,
                           const uint32_t *restrict index, size_t stride, const double *restrict x,
                           const double *restrict coefficient, const double *restrict d,
                           const double *restrict residual, double *restrict out)
{
  for (size_t k = 0; k < model->rank; k++)
    for (size_t p = 0; p < SDE_UNIT; p++) {
      size_t left = (model->left[index[p * stride]] + k) * width + p;
      size_t right = (model->right[index[p * stride]] + k) * width + p;
      double to_left = coefficient[p] * x[right], to_right = coefficient[p] * x[left];
      out[left] = d == NULL ? to_left : to_left + residual[p] * d[right];
      out[right] = d == NULL ? to_right : to_right + residual[p] * d[left];
    }
}

/* f_s to out, its gradient to g, the product of its Hessian with d to hv: what is not NULL; g and
 * hv are zero before. */
static inline void evaluate(const struct factorization *model, size_t width,
                            const uint32_t *samples, size_t stride, const double *x,
                            const double *d, double *out, double *g, double *hv)
{
  double residual[SDE_UNIT], slope[SDE_UNIT];
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    const uint32_t *index = samples + start * stride;
    residuals(model, width, index, stride, x + start, residual);
    for (size_t p = 0; out != NULL && p < SDE_UNIT; p++)
      out[start + p] = 0.5 * residual[p] * residual[p];
    if (g != NULL)
      scatter(model, width, index, stride, x + start, residual, NULL, NULL, g + start);
    if (hv != NULL) {
      slopes(model, width, index, stride, x + start, d + start, slope);
      scatter(model, width, index, stride, x + start, slope, d + start, residual, hv + start);
    }
  }
}

SDE_VECTOR
static void evaluate_shared(const struct factorization *model, size_t width,
                            const uint32_t *samples, const double *x, const double *d, double *out,
                            double *g, double *hv)
{
  evaluate(model, width, samples, 0, x, d, out, g, hv);
}

SDE_VECTOR
static void evaluate_own(const struct factorization *model, size_t width, const uint32_t *samples,
                         const double *x, const double *d, double *out, double *g, double *hv)
{
  evaluate(model, width, samples, 1, x, d, out, g, hv);
}

static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *out)
{
  (samples.stride == 0 ? evaluate_shared : evaluate_own)(loss->data, width, samples.index, x, NULL,
                                                         out, NULL, NULL);
}

static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *x, double *g)
{
  memset(g, 0, loss->dim * width * sizeof *g);
  (samples.stride == 0 ? evaluate_shared : evaluate_own)(loss->data, width, samples.index, x, NULL,
                                                         NULL, g, NULL);
}

static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *x, const double *v, double *hv)
{
  memset(hv, 0, loss->dim * width * sizeof *hv);
  (samples.stride == 0 ? evaluate_shared : evaluate_own)(loss->data, width, samples.index, x, v,
                                                         NULL, NULL, hv);
}

static void imbalance(const struct loss *loss, size_t width, const double *x, double *out)
{
  const struct factorization *model = loss->data;
  size_t left = model->rows * model->rank;
  memset(out, 0, width * sizeof *out);
  for (size_t i = 0; i < loss->dim; i++)
    for (size_t p = 0; p < width; p++)
      out[p] += (i < left ? 1 : -1) * x[i * width + p] * x[i * width + p];
}

static const struct loss_observable observables[] = {
    {"imbalance", "|U|^2 - |V|^2, which a gradient flow conserves", imbalance, NULL},
    {.name = NULL}};

extern const struct loss_type loss_matrix_factorization;
const struct loss_type loss_matrix_factorization = {
    .name = "matrix-factorization",
    .summary = "f_s = 1/2 ((U V')_ij - y_s)^2 over the entries of a matrix, planted or from a CSV "
               "file: flat valleys of minima",
    .coordinates = "u v",
    .keys = keys,
    .create = create,
    .destroy = destroy,
    .value = value,
    .gradient = gradient,
    .hessian_vector = hessian_vector,
    .observables = observables,
};
