/*
 * Features: the columns of a CSV file that a loss learns from. See features.h.
 */
#include "models/features.h"

#include "models/data.h"

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
                           bool intercept, struct selection *selection, struct sde_status *status)
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
  return selection->count > 0 || intercept ||
         sde_fail(status, SDE_INVALID, "%s: no feature column is left", table->file);
}

/* Shift and scale count numbers, `stride` apart, to mean 0 and variance 1; false where they are
 * constant to rounding. */
static bool scale(size_t count, size_t stride, double *values)
{
  double mean = 0, variance = 0;
  for (size_t i = 0; i < count; i++)
    mean += values[i * stride] / (double)count;
  for (size_t i = 0; i < count; i++)
    variance += (values[i * stride] - mean) * (values[i * stride] - mean) / (double)count;
  if (!(variance > 1e-24 * mean * mean))
    return false;
  for (size_t i = 0; i < count; i++)
    values[i * stride] = (values[i * stride] - mean) / sqrt(variance);
  return true;
}

static bool fill(struct features *features, const struct parameters *parameters, bool intercept,
                 const struct data_table *table, const struct selection *selection,
                 struct sde_status *status)
{
  size_t columns = selection->count + intercept, n = table->rows;
  features->columns = columns;
  features->samples = n;
  features->a = sde_alloc(n, columns * sizeof(double));
  features->y = sde_alloc(n, sizeof(double));
  for (size_t i = 0; i < n; i++) {
    const double *row = table->values + i * table->columns;
    for (size_t j = 0; j < selection->count; j++)
      features->a[i * columns + j] = row[selection->column[j]];
    if (intercept)
      features->a[i * columns + columns - 1] = 1;
    features->y[i] = row[selection->target];
  }
  for (size_t j = 0; j < selection->count && parameters_bool(parameters, "standardize"); j++)
    if (!scale(n, columns, features->a + j))
      return sde_fail(status, SDE_INVALID,
                      "%s:1: column '%s' is constant and cannot be standardized; leave it out with "
                      "columns, or set standardize: false",
                      table->file, table->name[selection->column[j]]);
  return true;
}

bool features_read(struct features *features, const struct parameters *parameters, bool intercept,
                   struct sde_status *status)
{
  *features = (struct features){0};
  struct data_table *table = data_table_read(parameters_text(parameters, "data"), status);
  if (table == NULL)
    return false;
  struct selection selection = {0, 0, NULL};
  bool good = select_columns(table, parameters, intercept, &selection, status) &&
              fill(features, parameters, intercept, table, &selection, status);
  sde_free(selection.column);
  data_table_free(table);
  return good;
}

bool features_standardize_target(size_t samples, double *y, const struct parameters *parameters,
                                 struct sde_status *status)
{
  return scale(samples, 1, y) ||
         sde_fail(status, SDE_INVALID,
                  "%s: the target is constant and cannot be standardized; set "
                  "standardize_target: false",
                  parameters_place(parameters, "data"));
}

bool features_set_positive(size_t samples, double *y, const struct parameters *parameters,
                           struct sde_status *status)
{
  size_t positives = 0;
  bool named = parameters_has(parameters, "positive");
  for (size_t i = 0; i < samples; i++) {
    if (named)
      y[i] = y[i] == parameters_real(parameters, "positive");
    else if (y[i] != 0 && y[i] != 1)
      return sde_fail(status, SDE_INVALID,
                      "%s:%zu: the target is %g; it must be 0 or 1, or name the value that counts "
                      "as 1 with `positive:`",
                      parameters_text(parameters, "data"), i + 2, y[i]);
    positives += y[i] == 1;
  }
  return (positives > 0 && positives < samples) ||
         sde_fail(status, SDE_INVALID, "%s: all rows have one class; logistic needs both",
                  parameters_place(parameters, named ? "positive" : "data"));
}
