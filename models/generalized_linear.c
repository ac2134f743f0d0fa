/*
 * Generalised linear losses: data and block kernels. See generalized_linear.h.
 */
#include "models/generalized_linear.h"

#include "models/data.h"
#include "sde/block.h"

#include <math.h>
#include <string.h>

/* Which columns of the table are features, in their order. */
struct selection {
  size_t count, target;
  size_t *column;
};

static bool find_column(const struct data_table *table, const struct parameters *parameters,
                        const char *key, const char *name, size_t *column,
                        struct sde_status *status)
{
  *column = data_table_column(table, name);
  if (*column < table->columns)
    return true;
  char names[512] = "";
  for (size_t i = 0; i < table->columns && strlen(names) < 400; i++) {
    strncat(names, i == 0 ? "" : ", ", sizeof names - strlen(names) - 1);
    strncat(names, table->name[i], 64);
  }
  return sde_fail(status, SDE_INVALID, "%s: %s: there is no column '%s'; the columns of %s are %s",
                  parameters_place(parameters, key), key, name, table->file, names);
}

static bool select_columns(const struct data_table *table, const struct parameters *parameters,
                           struct selection *selection, struct sde_status *status)
{
  selection->column = sde_alloc(table->columns, sizeof *selection->column);
  selection->target = table->columns - 1;
  if (parameters_has(parameters, "target") &&
      !find_column(table, parameters, "target", parameters_text(parameters, "target"),
                   &selection->target, status))
    return false;
  if (!parameters_has(parameters, "columns")) {
    for (size_t i = 0; i < table->columns; i++)
      if (i != selection->target)
        selection->column[selection->count++] = i;
  } else {
    size_t length;
    const char *const *names = parameters_texts(parameters, "columns", &length);
    for (size_t i = 0; i < length; i++) {
      size_t column;
      if (!find_column(table, parameters, "columns", names[i], &column, status))
        return false;
      for (size_t j = 0; j < selection->count; j++)
        if (selection->column[j] == column)
          return sde_fail(status, SDE_INVALID, "%s: column '%s' is named twice",
                          parameters_place(parameters, "columns"), names[i]);
      if (column == selection->target)
        return sde_fail(status, SDE_INVALID, "%s: column '%s' is the target, not a feature",
                        parameters_place(parameters, "columns"), names[i]);
      selection->column[selection->count++] = column;
    }
  }
  return selection->count > 0 || parameters_bool(parameters, "intercept") ||
         sde_fail(status, SDE_INVALID, "%s: no feature column is left", table->file);
}

/* Shift and scale column j of a to mean 0 and variance 1 over the rows. */
static bool standardize(double *a, size_t rows, size_t d, size_t j, const char *file,
                        const char *name, struct sde_status *status)
{
  double mean = 0, variance = 0;
  for (size_t i = 0; i < rows; i++)
    mean += a[i * d + j] / (double)rows;
  for (size_t i = 0; i < rows; i++)
    variance += (a[i * d + j] - mean) * (a[i * d + j] - mean) / (double)rows;
  if (!(variance > 1e-24 * mean * mean))
    return sde_fail(status, SDE_INVALID,
                    "%s:1: column '%s' is constant and cannot be standardized; leave it out with "
                    "columns, or set standardize: false",
                    file, name);
  for (size_t i = 0; i < rows; i++)
    a[i * d + j] = (a[i * d + j] - mean) / sqrt(variance);
  return true;
}

static bool fill(struct loss *loss, const struct parameters *parameters,
                 const struct data_table *table, const struct selection *selection,
                 struct generalized_linear *model, struct sde_status *status)
{
  bool intercept = parameters_bool(parameters, "intercept");
  size_t d = selection->count + intercept, n = table->rows;
  loss->dim = d;
  loss->samples = n;
  model->a = sde_alloc(n, d * sizeof(double));
  model->y = sde_alloc(n, sizeof(double));
  model->ridge = sde_alloc(d, sizeof(double));
  loss->start = sde_alloc(d, sizeof(double));
  for (size_t i = 0; i < n; i++) {
    const double *row = table->values + i * table->columns;
    for (size_t j = 0; j < selection->count; j++)
      model->a[i * d + j] = row[selection->column[j]];
    if (intercept)
      model->a[i * d + d - 1] = 1;
    model->y[i] = row[selection->target];
  }
  for (size_t j = 0; j < selection->count; j++) {
    model->ridge[j] = parameters_real(parameters, "ridge");
    if (parameters_bool(parameters, "standardize") &&
        !standardize(model->a, n, d, j, table->file, table->name[selection->column[j]], status))
      return false;
  }
  return true;
}

bool generalized_linear_create(struct loss *loss, const struct parameters *parameters,
                               struct generalized_linear *model, struct sde_status *status)
{
  loss->data = model;
  struct data_table *table = data_table_read(parameters_text(parameters, "data"), status);
  if (table == NULL)
    return false;
  struct selection selection = {0, 0, NULL};
  bool good = select_columns(table, parameters, &selection, status) &&
              fill(loss, parameters, table, &selection, model, status);
  sde_free(selection.column);
  data_table_free(table);
  return good;
}

void generalized_linear_destroy(struct loss *loss)
{
  struct generalized_linear *model = loss->data;
  if (model == NULL)
    return;
  sde_free(model->a);
  sde_free(model->y);
  sde_free(model->ridge);
  sde_free(model);
  sde_free((double *)loss->start);
}

/* Paths are taken a unit at a time: the scalars of a unit then stay in registers and cache. */
struct unit {
  double s[SDE_UNIT], y[SDE_UNIT], value[SDE_UNIT], first[SDE_UNIT], second[SDE_UNIT];
};

/* s[p] = a_i . v and y[p] = y_i for the sample of each path; stride is a constant where this is
 * inlined. */
static inline void margins(const struct generalized_linear *model, size_t d, size_t width,
                           const uint32_t *restrict index, size_t stride, const double *restrict v,
                           double *restrict s, double *restrict y)
{
  for (size_t p = 0; p < SDE_UNIT; p++) {
    s[p] = 0;
    y[p] = model->y[index[p * stride]];
  }
  for (size_t j = 0; j < d; j++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      s[p] += model->a[index[p * stride] * d + j] * v[j * width + p];
}

SDE_VECTOR
static void margins_shared(const struct generalized_linear *model, size_t d, size_t width,
                           const uint32_t *index, const double *v, double *s, double *y)
{
  margins(model, d, width, index, 0, v, s, y);
}

SDE_VECTOR
static void margins_own(const struct generalized_linear *model, size_t d, size_t width,
                        const uint32_t *index, const double *v, double *s, double *y)
{
  margins(model, d, width, index, 1, v, s, y);
}

static void margins_of(const struct loss *loss, size_t width, struct loss_samples samples,
                       size_t start, const double *v, double *s, double *y)
{
  (samples.stride == 0 ? margins_shared : margins_own)(
      loss->data, loss->dim, width, samples.index + start * samples.stride, v + start, s, y);
}

/* out_j = coefficient a_ij + ridge_j v_j. */
static inline void combine(const struct generalized_linear *model, size_t d, size_t width,
                           const uint32_t *restrict index, size_t stride,
                           const double *restrict coefficient, const double *restrict v,
                           double *restrict out)
{
  for (size_t j = 0; j < d; j++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      out[j * width + p] =
          coefficient[p] * model->a[index[p * stride] * d + j] + model->ridge[j] * v[j * width + p];
}

SDE_VECTOR
static void combine_shared(const struct generalized_linear *model, size_t d, size_t width,
                           const uint32_t *index, const double *coefficient, const double *v,
                           double *out)
{
  combine(model, d, width, index, 0, coefficient, v, out);
}

SDE_VECTOR
static void combine_own(const struct generalized_linear *model, size_t d, size_t width,
                        const uint32_t *index, const double *coefficient, const double *v,
                        double *out)
{
  combine(model, d, width, index, 1, coefficient, v, out);
}

static void combine_of(const struct loss *loss, size_t width, struct loss_samples samples,
                       size_t start, const double *coefficient, const double *v, double *out)
{
  (samples.stride == 0 ? combine_shared : combine_own)(loss->data, loss->dim, width,
                                                       samples.index + start * samples.stride,
                                                       coefficient, v + start, out + start);
}

SDE_VECTOR
static void add_ridge(const struct generalized_linear *model, size_t d, size_t width,
                      const double *restrict x, double *restrict value)
{
  for (size_t j = 0; j < d; j++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      value[p] += 0.5 * model->ridge[j] * x[j * width + p] * x[j * width + p];
}

void generalized_linear_value(const struct loss *loss, size_t width, struct loss_samples samples,
                              const double *x, double *value)
{
  const struct generalized_linear *model = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    margins_of(loss, width, samples, start, x, unit.s, unit.y);
    model->link(SDE_UNIT, unit.s, unit.y, value + start);
    add_ridge(model, loss->dim, width, x + start, value + start);
  }
}

void generalized_linear_gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                                 const double *x, double *g)
{
  const struct generalized_linear *model = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    margins_of(loss, width, samples, start, x, unit.s, unit.y);
    model->derivatives(SDE_UNIT, unit.s, unit.y, unit.first, NULL);
    combine_of(loss, width, samples, start, unit.first, x, g);
  }
}

void generalized_linear_hessian_vector(const struct loss *loss, size_t width,
                                       struct loss_samples samples, const double *x,
                                       const double *v, double *hv)
{
  const struct generalized_linear *model = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    margins_of(loss, width, samples, start, x, unit.s, unit.y);
    model->derivatives(SDE_UNIT, unit.s, unit.y, NULL, unit.second);
    margins_of(loss, width, samples, start, v, unit.value, unit.y);
    for (size_t p = 0; p < SDE_UNIT; p++)
      unit.second[p] *= unit.value[p];
    combine_of(loss, width, samples, start, unit.second, v, hv);
  }
}
