/*
 * Features: the columns of a CSV file that a loss learns from. See features.h.
 */
#include "models/features.h"

#include "models/data.h"

#include <math.h>
#include <string.h>

/* The columns to read: the features in their order, then the target. */
struct selection {
  size_t features;
  struct data_wanted *wanted;
};

static bool find_column(const struct data_file *data, const struct parameters *parameters,
                        const char *key, const char *name, size_t *column,
                        struct sde_status *status)
{
  *column = data_file_column(data, name);
  if (*name != '\0' && *column < data_file_columns(data))
    return true;
  char names[512] = "";
  for (size_t i = 0; i < data_file_columns(data) && strlen(names) < 400; i++) {
    strncat(names, i == 0 ? "" : ", ", sizeof names - strlen(names) - 1);
    strncat(names, data_file_name(data, i), 64);
  }
  return sde_fail(status, SDE_INVALID, "%s: %s: there is no column '%s'; the columns of %s are %s",
                  parameters_place(parameters, key), key, name, data_file_path(data), names);
}

/* All columns but the target, and an index without a name. */
static void select_all(const struct data_file *data, size_t target, struct selection *selection)
{
  for (size_t i = 0; i < data_file_columns(data); i++)
    if (i != target && *data_file_name(data, i) != '\0')
      selection->wanted[selection->features++].column = i;
}

/* Those that `columns` names. */
static bool select_named(const struct data_file *data, const struct parameters *parameters,
                         size_t target, struct selection *selection, struct sde_status *status)
{
  size_t length;
  const char *const *names = parameters_texts(parameters, "columns", &length);
  bool *taken = sde_alloc(data_file_columns(data), sizeof *taken), good = true;
  for (size_t i = 0; good && i < length; i++) {
    size_t column;
    if (!find_column(data, parameters, "columns", names[i], &column, status))
      good = false;
    else if (taken[column])
      good = sde_fail(status, SDE_INVALID, "%s: column '%s' is named twice",
                      parameters_place(parameters, "columns"), names[i]);
    else if (column == target)
      good = sde_fail(status, SDE_INVALID, "%s: column '%s' is the target, not a feature",
                      parameters_place(parameters, "columns"), names[i]);
    else
      selection->wanted[selection->features++].column = column;
    taken[good ? column : 0] = true;
  }
  sde_free(taken);
  return good;
}

static bool select_columns(const struct data_file *data, const struct parameters *parameters,
                           bool intercept, bool classes, struct selection *selection,
                           struct sde_status *status)
{
  size_t target = data_file_columns(data) - 1;
  selection->wanted = sde_alloc(data_file_columns(data) + 1, sizeof *selection->wanted);
  if (parameters_has(parameters, "target") &&
      !find_column(data, parameters, "target", parameters_text(parameters, "target"), &target,
                   status))
    return false;
  if (!parameters_has(parameters, "columns"))
    select_all(data, target, selection);
  else if (!select_named(data, parameters, target, selection, status))
    return false;
  const char *positive = classes && parameters_has(parameters, "positive")
                             ? parameters_text(parameters, "positive")
                             : NULL;
  selection->wanted[selection->features] = (struct data_wanted){target, classes, positive};
  return selection->features > 0 || intercept ||
         sde_fail(status, SDE_INVALID, "%s: no feature column is left", data_file_path(data));
}

/* Moments of a column: the mean is mean + rest, sd the standard deviation. */
struct spread {
  double mean, rest, sd;
};

static double variance_about(double mean, double rest, size_t count, size_t stride,
                             const double *values)
{
  double variance = 0;
  for (size_t i = 0; i < count; i++) {
    double deviation = values[i * stride] - mean - rest;
    variance += deviation * deviation / (double)count;
  }
  return variance;
}

/* The moments of `count` numbers, `stride` apart. The mean of large numbers is rounded, which shows
 * beside a deviation that is small: the rest is then the mean of the deviations from it, which are
 * exact or nearly so. */
static struct spread spread_of(size_t count, size_t stride, const double *values)
{
  struct spread spread = {0, 0, 0};
  double rest = 0;
  for (size_t i = 0; i < count; i++)
    spread.mean += values[i * stride] / (double)count;
  spread.sd = sqrt(variance_about(spread.mean, 0, count, stride, values));
  for (size_t i = 0; i < count; i++)
    rest += (values[i * stride] - spread.mean) / (double)count;
  if (fabs(rest) > 1e-12 * spread.sd) {
    spread.rest = rest;
    spread.sd = sqrt(variance_about(spread.mean, rest, count, stride, values));
  }
  return spread;
}

static bool is_constant(size_t count, size_t stride, const double *values)
{
  size_t i = 1;
  while (i < count && values[i * stride] == values[0])
    i++;
  return i == count;
}

/* Shift and scale numbers to mean 0 and variance 1, and those held out behind them by the same;
 * false where they are constant, or so nearly that their deviations have lost their digits, and
 * *why says so, for sde_free. */
static bool scale(size_t count, size_t held_out, size_t stride, double *values, char **why)
{
  struct spread spread = spread_of(count, stride, values);
  *why = NULL;
  if (is_constant(count, stride, values))
    *why = sde_strdup("constant");
  else if (!(spread.sd > 1e-12 * fabs(spread.mean)))
    *why = sde_format("nearly constant: its standard deviation is %.2g of its mean, so that few "
                      "of its digits are left,",
                      spread.sd / fabs(spread.mean));
  for (size_t i = 0; *why == NULL && i < count + held_out; i++)
    values[i * stride] = (values[i * stride] - spread.mean - spread.rest) / spread.sd;
  return *why == NULL;
}

static bool standardize(const struct features *features, const struct data_table *table,
                        struct sde_status *status)
{
  char *why;
  for (size_t j = 0; j + 1 < table->columns; j++) {
    if (scale(features->samples, features->held_out, features->columns, features->a + j, &why))
      continue;
    sde_fail(status, SDE_INVALID,
             "%s:1: column '%s' is %s and cannot be standardized; leave it out with columns, or "
             "set standardize: false",
             table->file, table->name[j], why);
    sde_free(why);
    return false;
  }
  return true;
}

/* Move the target, the last column of the table, out of it; where there is an intercept, its 1
 * takes that place, else the rows move together. */
static void split(struct features *features, bool intercept, struct data_table *table)
{
  size_t n = table->rows, wide = table->columns, columns = intercept ? wide : wide - 1;
  *features = (struct features){.samples = n - table->held_out,
                                .columns = columns,
                                .held_out = table->held_out,
                                .a = table->values,
                                .y = sde_alloc(n, sizeof(double)),
                                .note = table->dropped};
  table->values = NULL;
  table->dropped = NULL;
  for (size_t i = 0; i < n; i++) {
    features->y[i] = features->a[i * wide + wide - 1];
    if (intercept)
      features->a[i * wide + wide - 1] = 1;
    else
      memmove(features->a + i * columns, features->a + i * wide, columns * sizeof(double));
  }
}

static bool has_both_classes(const struct features *features, const struct parameters *parameters,
                             struct sde_status *status)
{
  size_t positives = 0;
  bool named = parameters_has(parameters, "positive");
  for (size_t i = 0; i < features->samples; i++)
    positives += features->y[i] == 1;
  if (positives > 0 && positives < features->samples)
    return true;
  return sde_fail(status, SDE_INVALID, "%s: all rows have one class%s%s%s; logistic needs both",
                  parameters_place(parameters, named ? "positive" : "data"),
                  named && positives == 0 ? ", none the target '" : "",
                  named && positives == 0 ? parameters_text(parameters, "positive") : "",
                  named && positives == 0 ? "'" : "");
}

bool features_read(struct features *features, const struct parameters *parameters, bool intercept,
                   bool classes, struct sde_status *status)
{
  *features = (struct features){0};
  struct data_format format = data_format_of(parameters);
  struct data_file *data = data_file_open(parameters_text(parameters, "data"), &format, status);
  if (data == NULL)
    return false;
  struct selection selection = {0, NULL};
  struct data_table *table = NULL;
  if (select_columns(data, parameters, intercept, classes, &selection, status))
    table = data_file_read(data, selection.features + 1, selection.wanted, status);
  bool good = table != NULL;
  if (good) {
    split(features, intercept, table);
    good = (!parameters_bool(parameters, "standardize") || standardize(features, table, status)) &&
           (!classes || has_both_classes(features, parameters, status));
  }
  data_table_free(table);
  sde_free(selection.wanted);
  data_file_close(data);
  return good;
}

bool features_standardize_target(size_t samples, size_t held_out, double *y,
                                 const struct parameters *parameters, struct sde_status *status)
{
  char *why;
  if (scale(samples, held_out, 1, y, &why))
    return true;
  sde_fail(status, SDE_INVALID,
           "%s: the target is %s and cannot be standardized; set standardize_target: false",
           parameters_place(parameters, "data"), why);
  sde_free(why);
  return false;
}
