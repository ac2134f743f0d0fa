/*
 * Rows that are held out: see data_held_out.h.
 */
#include "models/data_held_out.h"

#include "sde/block.h"
#include "sde/number.h"
#include "sde/permutation.h"

#include <math.h>
#include <string.h>

/* Put the table's rows in this order. */
static void reorder(struct data_table *table, const size_t *order)
{
  size_t *line = sde_alloc(table->rows, sizeof *line);
  double *values = sde_alloc(table->rows, table->columns * sizeof *values);
  for (size_t i = 0; i < table->rows; i++) {
    line[i] = table->line[order[i]];
    memcpy(values + i * table->columns, table->values + order[i] * table->columns,
           table->columns * sizeof *values);
  }
  sde_free(table->line);
  sde_free(table->values);
  table->line = line;
  table->values = values;
}

/* Is the text "NAME = number"? */
static bool read_part(const char *text, const char *name, double *number)
{
  size_t length = strlen(name);
  const char *equals = " = ";
  if (strncmp(text, name, length) != 0 || strncmp(text + length, equals, strlen(equals)) != 0)
    return false;
  text += length + strlen(equals);
  return sde_number_read(strlen(text), text, number);
}

/* The fraction and the seed of `holdout`; each is a text "name = number". */
static bool read_holdout(const struct parameters *parameters, double *fraction, double *seed,
                         struct sde_status *status)
{
  size_t count;
  const char *const *items = parameters_texts(parameters, "holdout", &count);
  *fraction = -1;
  *seed = 1;
  for (size_t i = 0; i < count; i++)
    if (!read_part(items[i], "fraction", fraction) && !read_part(items[i], "seed", seed))
      return sde_fail(status, SDE_INVALID,
                      "%s: '%s' is no part of holdout; accepted are a fraction and a seed",
                      parameters_place(parameters, "holdout"), items[i]);
  if (!(*fraction > 0 && *fraction < 1) || !(*seed >= 0 && *seed < 0x1p53 && *seed == floor(*seed)))
    return sde_fail(
        status, SDE_INVALID,
        "%s: holdout needs a fraction between 0 and 1, and a seed that is a whole number "
        "from 0",
        parameters_place(parameters, "holdout"));
  return true;
}

/* Move a fraction of the rows, drawn by the seed, behind the others; both keep their order. */
static bool hold_out(struct data_table *table, const struct parameters *parameters,
                     struct sde_status *status)
{
  double fraction, seed;
  if (!read_holdout(parameters, &fraction, &seed, status))
    return false;
  size_t n = table->rows, held = (size_t)llround(fraction * (double)n), at = 0;
  if (held == 0 || held == n || n > UINT32_MAX / 2)
    return sde_fail(
        status, SDE_INVALID,
        "%s: holdout: a fraction of %g of %zu rows is %zu of them; some must be held out, "
        "and some be left",
        parameters_place(parameters, "holdout"), fraction, n, held);
  struct sde_permutation *permutation = sde_permutation_new((uint32_t)n, SDE_UNIT);
  uint32_t *drawn = sde_alloc(n, SDE_UNIT * sizeof *drawn);
  struct sde_address address = {sde_stream_named((uint64_t)seed, "holdout"), 0, 0};
  sde_permutation_elements(permutation, &address, SDE_UNIT, 0, n, drawn);
  size_t *order = sde_alloc(n, sizeof *order);
  for (size_t pass = 0; pass < 2; pass++) /* the place of a row in the permutation tells its side */
    for (size_t i = 0; i < n; i++)
      if ((drawn[i * SDE_UNIT] < held) == (pass == 1))
        order[at++] = i;
  reorder(table, order);
  table->held_out = held;
  sde_free(order);
  sde_free(drawn);
  sde_permutation_free(permutation);
  return true;
}

/* Put the rows of the other table behind those of this. */
static void append(struct data_table *table, const struct data_table *other)
{
  size_t rows = table->rows + other->rows, columns = table->columns;
  size_t *line = sde_alloc(rows, sizeof *line);
  double *values = sde_alloc(rows, columns * sizeof *values);
  memcpy(line, table->line, table->rows * sizeof *line);
  memcpy(line + table->rows, other->line, other->rows * sizeof *line);
  memcpy(values, table->values, table->rows * columns * sizeof *values);
  memcpy(values + table->rows * columns, other->values, other->rows * columns * sizeof *values);
  sde_free(table->line);
  sde_free(table->values);
  table->line = line;
  table->values = values;
  table->rows = rows;
  table->held_out = other->rows;
}

/* Read the same columns, by their names, from the file of what is held out. */
static bool read_test(struct data_table *table, const struct data_format *format,
                      const struct data_wanted *wanted, struct sde_status *status)
{
  struct data_format own = *format;
  own.held_out = NULL;
  struct data_file *data =
      data_file_open(parameters_text(format->held_out, "test_data"), &own, status);
  struct data_wanted *same = sde_alloc(table->columns, sizeof *same);
  bool good = data != NULL;
  for (size_t k = 0; good && k < table->columns; k++) {
    same[k] = wanted[k];
    same[k].column = data_file_column(data, table->name[k]);
    good = same[k].column < data_file_columns(data) ||
           sde_fail(status, SDE_INVALID, "%s:1: there is no column '%s', which %s has",
                    data_file_path(data), table->name[k], table->file);
  }
  struct data_table *other = good ? data_file_read(data, table->columns, same, status) : NULL;
  if (other != NULL)
    append(table, other);
  data_table_free(other);
  data_file_close(data);
  sde_free(same);
  return other != NULL;
}

bool data_hold_out(struct data_table *table, const struct data_format *format,
                   const struct data_wanted *wanted, struct sde_status *status)
{
  const struct parameters *held = format->held_out;
  bool file = parameters_has(held, "test_data");
  if (file && parameters_has(held, "holdout"))
    return sde_fail(status, SDE_INVALID,
                    "%s: test_data and holdout both say what is not learnt from; give one of them",
                    parameters_place(held, "holdout"));
  return file ? read_test(table, format, wanted, status) : hold_out(table, held, status);
}
