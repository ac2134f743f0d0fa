/*
 * Data: from the cells of a CSV file to numbers. See data.h.
 */
#include "models/data.h"

#include "models/csv.h"
#include "models/data_held_out.h"
#include "sde/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct data_file {
  struct csv *csv;
  char *file;
  struct data_format format;
  size_t columns;
  char **name;
};

static char separator_of(const char *name)
{
  return strcmp(name, "semicolon") == 0 ? ';' : strcmp(name, "tab") == 0 ? '\t' : ',';
}

struct data_format data_format_of(const struct parameters *parameters)
{
  struct data_format format = {0};
  if (parameters_has(parameters, "separator"))
    format.separator = separator_of(parameters_text(parameters, "separator"));
  if (parameters_has(parameters, "decimal"))
    format.decimal = strcmp(parameters_text(parameters, "decimal"), "comma") == 0 ? ',' : '.';
  format.drop_missing = parameters_has(parameters, "missing") &&
                        strcmp(parameters_text(parameters, "missing"), "drop") == 0;
  if (parameters_has(parameters, "test_data") || parameters_has(parameters, "holdout"))
    format.held_out = parameters;
  return format;
}

bool data_format_is_absent(const struct parameters *parameters, struct sde_status *status)
{
  static const char *const keys[] = {"separator", "decimal", "missing", "test_data", "holdout"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (parameters_has(parameters, keys[i]))
      return sde_fail(status, SDE_INVALID, "%s: %s has no effect without data; leave it out",
                      parameters_place(parameters, keys[i]), keys[i]);
  return true;
}

/* ---- The header ---- */

static int compare_names(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool check_differ(const struct data_file *data, struct sde_status *status)
{
  char **sorted = sde_alloc(data->columns, sizeof *sorted);
  bool good = true;
  memcpy(sorted, data->name, data->columns * sizeof *sorted);
  qsort(sorted, data->columns, sizeof *sorted, compare_names);
  for (size_t i = 1; good && i < data->columns; i++)
    good = strcmp(sorted[i], sorted[i - 1]) != 0 ||
           sde_fail(status, SDE_INVALID, "%s:1: two columns are named '%s'; names must differ",
                    data->file, sorted[i]);
  sde_free(sorted);
  return good;
}

static bool check_name(const struct data_file *data, size_t column, struct sde_status *status)
{
  const char *name = data->name[column];
  double number;
  bool is_number = sde_number_read(strlen(name), name, &number);
  if (is_number || (*name == '\0' && (column > 0 || data->columns == 1)))
    return sde_fail(status, SDE_INVALID,
                    "%s:1: column %zu is headed '%s'; the first row must name the columns",
                    data->file, column + 1, name);
  for (const char *at = name; *at != '\0'; at++)
    if ((unsigned char)*at < ' ')
      return sde_fail(status, SDE_INVALID,
                      "%s:1: the name of column %zu holds a line end or a control character; "
                      "accepted are visible characters",
                      data->file, column + 1);
  return true;
}

static bool read_header(struct data_file *data, struct sde_status *status)
{
  const struct csv_row *row = csv_next(data->csv, status);
  if (status->code != SDE_OK)
    return false;
  if (row == NULL || row->blank)
    return sde_fail(status, SDE_INVALID, "%s:1: no header; the first row must name the columns",
                    data->file);
  data->name = sde_alloc(row->cells, sizeof *data->name);
  for (; data->columns < row->cells; data->columns++)
    data->name[data->columns] = sde_strdup(row->cell[data->columns]);
  for (size_t i = 0; i < data->columns; i++)
    if (!check_name(data, i, status))
      return false;
  return check_differ(data, status);
}

struct data_file *data_file_open(const char *file, const struct data_format *format,
                                 struct sde_status *status)
{
  struct data_file *data = sde_alloc(1, sizeof *data);
  data->file = sde_strdup(file);
  if (format != NULL)
    data->format = *format;
  data->csv = csv_open(file, data->format.separator, status);
  if (data->csv != NULL && read_header(data, status))
    return data;
  data_file_close(data);
  return NULL;
}

void data_file_close(struct data_file *data)
{
  if (data == NULL)
    return;
  for (size_t i = 0; i < data->columns; i++)
    sde_free(data->name[i]);
  sde_free(data->name);
  sde_free(data->file);
  csv_close(data->csv);
  sde_free(data);
}

const char *data_file_path(const struct data_file *data)
{
  return data->file;
}

size_t data_file_columns(const struct data_file *data)
{
  return data->columns;
}

const char *data_file_name(const struct data_file *data, size_t column)
{
  return data->name[column];
}

size_t data_file_column(const struct data_file *data, const char *name)
{
  size_t column = 0;
  while (column < data->columns && strcmp(data->name[column], name) != 0)
    column++;
  return column;
}

/* ---- Cells ---- */

struct reader {
  struct data_file *data;
  const struct data_wanted *wanted;
  struct data_table *table;
  struct sde_status *status;
  size_t line, capacity;
  /* How many rows have missing cells, and where the first such cell is. */
  size_t dropped, dropped_line, dropped_column;
};

/* As R, pandas and databases write it. */
static bool is_missing(const char *cell)
{
  static const char *const words[] = {"",    "NA",   "N/A",  "n/a",  "#N/A", "<NA>", "NaN",   "nan",
                                      "NAN", "null", "NULL", "Null", "None", "none", "#NULL!"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(cell, words[i]) == 0)
      return true;
  return false;
}

/* The whole cell as a number with the file's decimal sign. */
static bool parse(const struct data_file *data, char *cell, double *number)
{
  if (data->format.decimal != ',')
    return sde_number_read(strlen(cell), cell, number);
  char *comma = strchr(cell, ',');
  if (strchr(cell, '.') != NULL)
    return false;
  if (comma != NULL)
    *comma = '.';
  bool good = sde_number_read(strlen(cell), cell, number);
  if (comma != NULL)
    *comma = ',';
  return good;
}

/* What can be done about a cell that is no number. */
static char *advice(const struct reader *reader, char *cell, const struct data_wanted *wanted)
{
  const struct data_format *format = &reader->data->format;
  struct data_file other = {.format = {.decimal = format->decimal == ',' ? '.' : ','}};
  const char *digits = cell + (*cell == '-' || *cell == '+');
  double number;
  if (is_missing(cell))
    return sde_strdup("; a row with a missing cell is left out where `missing: drop` is said");
  if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
    return sde_strdup(" in decimal digits; hexadecimal ones are not read");
  if (parse(&other, cell, &number))
    return sde_format("; `decimal: %s` reads it as %.17g",
                      format->decimal == ',' ? "point" : "comma", number);
  if (wanted->is_class)
    return sde_format("; `positive: %s` would count it as 1 and all others as 0", cell);
  return sde_strdup("");
}

static bool refuse(struct reader *reader, char *cell, const struct data_wanted *wanted)
{
  const char *name = reader->data->name[wanted->column];
  if (*cell == '\0')
    return sde_fail(reader->status, SDE_INVALID,
                    "%s:%zu: the cell of column '%s' is empty; every cell must hold a %s, or the "
                    "recipe must say `missing: drop`",
                    reader->data->file, reader->line, name,
                    wanted->positive != NULL ? "value" : "number");
  char *more = advice(reader, cell, wanted);
  sde_fail(reader->status, SDE_INVALID, "%s:%zu: '%.60s' in column '%s' is not a finite number%s",
           reader->data->file, reader->line, cell, name, more);
  sde_free(more);
  return false;
}

/* One value of a row. */
static bool read_value(struct reader *reader, char *cell, const struct data_wanted *wanted,
                       double *value)
{
  struct data_file *data = reader->data;
  double number, positive;
  bool is_number = parse(data, cell, &number);
  *value = number;
  if (wanted->positive != NULL) {
    const char *text = wanted->positive;
    bool is_same =
        sde_number_read(strlen(text), text, &positive) && is_number && number == positive;
    *value = is_same || strcmp(cell, text) == 0;
    return !is_missing(cell) || refuse(reader, cell, wanted);
  }
  if (!is_number)
    return refuse(reader, cell, wanted);
  return !wanted->is_class || number == 0 || number == 1 ||
         sde_fail(reader->status, SDE_INVALID,
                  "%s:%zu: the target is %s; it must be 0 or 1, or name the value that counts as 1 "
                  "with `positive:`",
                  data->file, reader->line, cell);
}

/* ---- Rows ---- */

/* Is the row left out for a missing cell? */
static bool is_dropped(struct reader *reader, const struct csv_row *row)
{
  if (!reader->data->format.drop_missing)
    return false;
  for (size_t k = 0; k < reader->table->columns; k++) {
    size_t column = reader->wanted[k].column;
    if (!is_missing(row->cell[column]))
      continue;
    if (reader->dropped++ == 0) {
      reader->dropped_line = row->line;
      reader->dropped_column = column;
    }
    return true;
  }
  return false;
}

static bool read_row(struct reader *reader, const struct csv_row *row)
{
  struct data_table *table = reader->table;
  reader->line = row->line;
  if (row->cells != reader->data->columns)
    return sde_fail(reader->status, SDE_INVALID,
                    "%s:%zu: the row has %zu cells; the header names %zu columns", table->file,
                    row->line, row->cells, reader->data->columns);
  if (is_dropped(reader, row))
    return true;
  double *values = table->values + table->rows * table->columns;
  for (size_t k = 0; k < table->columns; k++)
    if (!read_value(reader, row->cell[reader->wanted[k].column], &reader->wanted[k], &values[k]))
      return false;
  table->line[table->rows++] = row->line;
  return true;
}

static bool read_rows(struct reader *reader)
{
  size_t blank = 0;
  const struct csv_row *row;
  while ((row = csv_next(reader->data->csv, reader->status)) != NULL) {
    if (row->blank) {
      blank = blank == 0 ? row->line : blank;
      continue;
    }
    if (blank != 0)
      return sde_fail(reader->status, SDE_INVALID,
                      "%s:%zu: blank line between rows; blank lines may only end the file",
                      reader->table->file, blank);
    if (!read_row(reader, row))
      return false;
  }
  if (reader->status->code != SDE_OK)
    return false;
  if (reader->table->rows > 0)
    return true;
  if (reader->dropped > 0)
    return sde_fail(reader->status, SDE_INVALID,
                    "%s: a cell is missing in all %zu rows; at least one row must be whole",
                    reader->table->file, reader->dropped);
  return sde_fail(reader->status, SDE_INVALID,
                  "%s:1: no rows below the header; at least one is needed", reader->table->file);
}

static struct data_table *read_table(struct data_file *data, size_t count,
                                     const struct data_wanted *wanted, struct sde_status *status)
{
  size_t capacity = csv_rows_most(data->csv);
  struct data_table *table = sde_alloc(1, sizeof *table);
  *table = (struct data_table){.file = sde_strdup(data->file),
                               .columns = count,
                               .name = sde_alloc(count, sizeof *table->name),
                               .line = sde_alloc(capacity, sizeof *table->line),
                               .values = sde_alloc(capacity, count * sizeof *table->values)};
  for (size_t k = 0; k < count; k++)
    table->name[k] = sde_strdup(data->name[wanted[k].column]);
  struct reader reader = {.data = data, .wanted = wanted, .table = table, .status = status};
  if (!read_rows(&reader)) {
    data_table_free(table);
    return NULL;
  }
  const char *slash = strrchr(data->file, '/');
  if (reader.dropped > 0)
    table->dropped = sde_format(
        "%s: %zu of %zu rows are left out, where a cell is missing, the first in line %zu, column "
        "'%s'",
        slash == NULL ? data->file : slash + 1, reader.dropped, reader.dropped + table->rows,
        reader.dropped_line, data->name[reader.dropped_column]);
  return table;
}

struct data_table *data_file_read(struct data_file *data, size_t count,
                                  const struct data_wanted *wanted, struct sde_status *status)
{
  struct data_table *table = read_table(data, count, wanted, status);
  if (table == NULL || data->format.held_out == NULL ||
      data_hold_out(table, &data->format, wanted, status))
    return table;
  data_table_free(table);
  return NULL;
}

struct data_table *data_table_read_as(const char *file, const struct data_format *format,
                                      struct sde_status *status)
{
  struct data_file *data = data_file_open(file, format, status);
  if (data == NULL)
    return NULL;
  size_t first = *data->name[0] == '\0', count = data->columns - first;
  struct data_wanted *wanted = sde_alloc(count, sizeof *wanted);
  for (size_t k = 0; k < count; k++)
    wanted[k].column = first + k;
  struct data_table *table = data_file_read(data, count, wanted, status);
  sde_free(wanted);
  data_file_close(data);
  return table;
}

struct data_table *data_table_read(const char *file, struct sde_status *status)
{
  return data_table_read_as(file, NULL, status);
}

void data_table_free(struct data_table *table)
{
  if (table == NULL)
    return;
  for (size_t i = 0; i < table->columns; i++)
    sde_free(table->name[i]);
  sde_free(table->name);
  sde_free(table->file);
  sde_free(table->dropped);
  sde_free(table->line);
  sde_free(table->values);
  sde_free(table);
}

size_t data_table_column(const struct data_table *table, const char *name)
{
  size_t column = 0;
  while (column < table->columns && strcmp(table->name[column], name) != 0)
    column++;
  return column;
}
