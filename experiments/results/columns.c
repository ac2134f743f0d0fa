/*
 * Columns: see columns.h.
 */
#include "experiments/results/columns.h"

#include "experiments/io/json.h"
#include "experiments/io/text.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- fields ---- */

struct cell cell_of_text(const char *text)
{
  return (struct cell){.kind = text == NULL ? CELL_MISSING : CELL_TEXT, .text = text};
}

struct cell cell_of_made_text(char *text)
{
  return (struct cell){.kind = CELL_TEXT, .text = text, .made = text};
}

struct cell cell_of_whole(uint64_t number)
{
  return (struct cell){.kind = CELL_WHOLE, .whole = number};
}

struct cell cell_of_real(double number)
{
  return (struct cell){.kind = isnan(number) ? CELL_MISSING : CELL_REAL, .real = number};
}

struct cell cell_text(const void *field)
{
  return cell_of_text(*(const char *const *)field);
}

struct cell cell_real(const void *field)
{
  return cell_of_real(*(const double *)field);
}

struct cell cell_flag(const void *field)
{
  return (struct cell){.kind = CELL_FLAG, .flag = *(const bool *)field};
}

struct cell cell_unsigned(const void *field)
{
  return cell_of_whole(*(const unsigned *)field);
}

struct cell cell_unsigned_long(const void *field)
{
  return cell_of_whole(*(const unsigned long *)field);
}

struct cell cell_unsigned_long_long(const void *field)
{
  return cell_of_whole(*(const unsigned long long *)field);
}

struct cell cell_mean(const void *field)
{
  return cell_of_real(sde_moments_mean(*(const struct sde_moments *)field));
}

struct cell cell_standard_error(const void *field)
{
  return cell_of_real(sde_moments_standard_error(*(const struct sde_moments *)field));
}

struct cell cell_count(const void *field)
{
  return cell_of_whole((uint64_t)((const struct sde_moments *)field)->n);
}

static struct cell read_cell(const struct column *column, const void *row)
{
  return column->read((const char *)row + column->offset);
}

/* ---- the CSV table ---- */

/* The header row, released with sde_free. */
static char *header_of(const struct results *results, const struct column *column)
{
  struct text text = {0};
  bool updates = results_name_updates(results);
  for (; column->read != NULL; column++)
    if (column->name != NULL && (updates || !column->of_updates))
      text_add(&text, "%s%s", text.length == 0 ? "" : ",", column->name);
  return text.data;
}

static void write_cell(FILE *table, struct cell cell)
{
  switch (cell.kind) {
  case CELL_ABSENT:
  case CELL_MISSING:
    break;
  case CELL_TEXT:
    fputs(cell.text, table);
    break;
  case CELL_WHOLE:
    fprintf(table, "%" PRIu64, cell.whole);
    break;
  case CELL_REAL:
    results_number(table, cell.real);
    break;
  case CELL_FLAG:
    fputs(cell.flag ? "true" : "false", table);
    break;
  }
  sde_free(cell.made);
}

static FILE *table_of(struct results *results, const struct columns *columns)
{
  FILE *table = results_find_table(results, columns->file);
  if (table != NULL)
    return table;
  char *header = header_of(results, columns->column);
  table = results_table(results, columns->file, header);
  sde_free(header);
  return table;
}

void columns_begin(struct results *results, const struct columns *columns)
{
  table_of(results, columns);
}

void columns_write(struct results *results, const struct columns *columns, const void *row)
{
  FILE *table = table_of(results, columns);
  const char *separator = "";
  for (const struct column *column = columns->column; column->read != NULL; column++)
    if (column->name != NULL) {
      struct cell cell = read_cell(column, row);
      if (cell.kind == CELL_ABSENT)
        continue;
      fputs(separator, table);
      write_cell(table, cell);
      separator = ",";
    }
  fputc('\n', table);
}

/* ---- the summary ---- */

static json_t *json_of(struct cell cell)
{
  json_t *value = cell.kind == CELL_TEXT    ? json_text(cell.text)
                  : cell.kind == CELL_WHOLE ? json_integer((json_int_t)cell.whole)
                  : cell.kind == CELL_REAL  ? results_json(cell.real)
                  : cell.kind == CELL_FLAG  ? json_boolean(cell.flag)
                                            : json_null();
  sde_free(cell.made);
  return value;
}

static const char *key_of(const struct column *column)
{
  return column->key != NULL ? column->key : column->name;
}

/* Where a column's key is this one, or a key of the object of this name: what is behind the dot, or
 * "". Else NULL. */
static const char *rest_of_key(const struct column *column, const char *key)
{
  const char *own = key_of(column);
  size_t length = strlen(key);
  if (own == NULL || strncmp(own, key, length) != 0)
    return NULL;
  return own[length] == '\0' ? "" : own[length] == '.' ? own + length + 1 : NULL;
}

static void set_key(json_t *object, const struct columns *columns, const char *key, const void *row)
{
  bool found = false;
  for (const struct column *column = columns->column; column->read != NULL; column++) {
    const char *rest = rest_of_key(column, key);
    if (rest == NULL)
      continue;
    found = true;
    struct cell cell = read_cell(column, row);
    if (cell.kind == CELL_ABSENT)
      continue;
    json_t *value = json_of(cell);
    if (rest[0] == '\0') {
      json_object_set_new(object, key, value);
      continue;
    }
    if (json_object_get(object, key) == NULL)
      json_object_set_new(object, key, json_object());
    json_object_set_new(json_object_get(object, key), rest, value);
  }
  assert(found);
}

json_t *columns_json(const struct columns *columns, const char *const *keys, const void *row)
{
  json_t *object = json_object();
  for (; *keys != NULL; keys++)
    set_key(object, columns, *keys, row);
  return object;
}

/* ---- the terminal ---- */

static void add_cell(const struct column *column, struct cell cell, int width, struct text *line)
{
  int digits = column->digits == 0 ? 6 : column->digits;
  switch (cell.kind) {
  case CELL_ABSENT:
  case CELL_MISSING:
    text_add(line, "%*s", width, "");
    break;
  case CELL_TEXT:
    text_add(line, "%*s", width, cell.text);
    break;
  case CELL_WHOLE:
    text_add(line, "%*" PRIu64, width, cell.whole);
    break;
  case CELL_REAL:
    text_add(line, "%*.*g", width, digits, cell.real);
    break;
  case CELL_FLAG:
    text_add(line, "%*s", width, cell.flag ? "yes" : "no");
    break;
  }
  sde_free(cell.made);
}

static bool is_blank(struct cell cell)
{
  return cell.kind == CELL_MISSING || cell.kind == CELL_ABSENT ||
         (cell.kind == CELL_TEXT && cell.text[0] == '\0');
}

/* Print a line, the headings where `row` is NULL, without the blanks at its end. */
static void print_line(struct results *results, const struct columns *columns, const void *row)
{
  struct text line = {0};
  for (const struct column *column = columns->column; column->read != NULL; column++) {
    if (column->heading == NULL)
      continue;
    struct cell cell = {.kind = CELL_TEXT, .text = column->heading};
    if (row != NULL)
      cell = read_cell(column, row);
    const char *before = column->before == NULL ? " " : column->before;
    if (line.length > 0)
      text_add(&line, "%*s", (int)strlen(before), is_blank(cell) ? "" : before);
    add_cell(column, cell, column->width - (column->of_labels ? results_label_excess(results) : 0),
             &line);
  }
  while (line.length > 0 && line.data[line.length - 1] == ' ')
    line.length--;
  results_note(results, false, "%.*s\n", (int)line.length, line.length > 0 ? line.data : "");
  sde_free(line.data);
}

void columns_print_headings(struct results *results, const struct columns *columns)
{
  print_line(results, columns, NULL);
}

void columns_print(struct results *results, const struct columns *columns, const void *row)
{
  print_line(results, columns, row);
}
