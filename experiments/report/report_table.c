/*
 * Tables in a report: see report_table.h.
 */
#include "experiments/report/report_table.h"

#include "experiments/report/report_html.h"
#include "experiments/report/report_prose.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 5 };

/* ---- reading ---- */

static size_t count_fields(const char *line)
{
  size_t fields = 1;
  for (; *line != '\0'; line++)
    fields += *line == ',';
  return fields;
}

/* Copies of the fields of a line; fields of the program's tables hold no commas. */
static void split(const char *line, size_t fields, char **field)
{
  for (size_t i = 0; i < fields; i++) {
    size_t length = strcspn(line, ",");
    field[i] = sde_format("%.*s", (int)length, line);
    line += length + (line[length] == ',');
  }
}

static bool read_line(FILE *file, char **line, size_t *capacity)
{
  ssize_t length = getline(line, capacity, file);
  if (length < 0)
    return false;
  (*line)[strcspn(*line, "\r\n")] = '\0';
  return true;
}

static void grow(struct report_table *table, size_t *room)
{
  if (table->rows < *room)
    return;
  size_t more = 2 * *room + 16;
  char **cell = sde_alloc(more * table->columns, sizeof *cell);
  if (table->rows > 0)
    memcpy(cell, table->cell, table->rows * table->columns * sizeof *cell);
  sde_free(table->cell);
  table->cell = cell;
  *room = more;
}

static bool read_rows(struct report_table *table, FILE *file, const char *path,
                      struct sde_status *status)
{
  char *line = NULL;
  size_t capacity = 0, room = 0;
  bool good = read_line(file, &line, &capacity) ||
              sde_fail(status, SDE_INVALID, "%s: the table has no header row", path);
  if (good) {
    table->columns = count_fields(line);
    table->name = sde_alloc(table->columns, sizeof *table->name);
    split(line, table->columns, table->name);
  }
  while (good && read_line(file, &line, &capacity)) {
    size_t fields = count_fields(line);
    grow(table, &room);
    good = fields == table->columns ||
           sde_fail(status, SDE_INVALID, "%s:%zu: the row has %zu fields; the header has %zu", path,
                    table->rows + 2, fields, table->columns);
    if (good)
      split(line, fields, &table->cell[table->rows++ * table->columns]);
  }
  free(line);
  return good;
}

bool report_table_csv(struct report_table *table, const char *path, struct sde_status *status)
{
  *table = (struct report_table){0};
  FILE *file = fopen(path, "r");
  if (file == NULL)
    return sde_fail(status, SDE_INVALID, "%s: %s; a finished run leaves this table", path,
                    strerror(errno));
  bool good = read_rows(table, file, path, status);
  if (good && ferror(file))
    good = sde_fail(status, SDE_FAILED, "%s: %s", path, strerror(errno));
  fclose(file);
  if (!good)
    report_table_free(table);
  return good;
}

void report_table_free(struct report_table *table)
{
  for (size_t i = 0; i < table->columns; i++)
    sde_free(table->name[i]);
  for (size_t i = 0; i < table->columns * table->rows; i++)
    sde_free(table->cell[i]);
  sde_free(table->name);
  sde_free(table->cell);
  *table = (struct report_table){0};
}

/* ---- from a summary ---- */

/* All values of an object, nested ones in their place: each is given to `visit`. */
typedef void visitor(struct report_table *table, const char *name, const json_t *value);

static void visit_object(struct report_table *table, const char *stem, const json_t *object,
                         visitor *visit)
{
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)object, key, value)
  {
    char *name = stem[0] == '\0' ? sde_strdup(key) : sde_format("%s_%s", stem, key);
    if (json_is_object(value))
      visit_object(table, name, value, visit);
    else
      visit(table, name, value);
    sde_free(name);
  }
}

static size_t column_of(const struct report_table *table, const char *name)
{
  size_t column = 0;
  while (column < table->columns && strcmp(table->name[column], name) != 0)
    column++;
  return column;
}

static void note_column(struct report_table *table, const char *name, const json_t *value)
{
  (void)value;
  if (column_of(table, name) < table->columns)
    return;
  char **names = sde_alloc(table->columns + 1, sizeof *names);
  if (table->columns > 0)
    memcpy(names, table->name, table->columns * sizeof *names);
  sde_free(table->name);
  table->name = names;
  table->name[table->columns++] = sde_strdup(name);
}

static char *text_of_value(const json_t *value)
{
  char buffer[TEXT_NUMBER_SIZE];
  if (json_is_string(value))
    return sde_strdup(json_string_value(value));
  if (json_is_integer(value))
    return sde_format("%lld", (long long)json_integer_value(value));
  if (json_is_real(value))
    return sde_strdup(text_number(json_real_value(value), buffer));
  if (json_is_boolean(value))
    return sde_strdup(json_is_true(value) ? "true" : "false");
  return sde_strdup("");
}

static char *text_of_list(const json_t *list)
{
  struct text text = {0};
  size_t i;
  json_t *value;
  json_array_foreach((json_t *)list, i, value)
  {
    if (json_is_object(value) || json_is_array(value)) {
      sde_free(text.data);
      return sde_format("%zu", json_array_size(list));
    }
    char *one = json_is_real(value) ? sde_format("%.*g", DIGITS, json_real_value(value))
                                    : text_of_value(value);
    text_add(&text, "%s%s", i == 0 ? "" : " to ", one);
    sde_free(one);
  }
  return text.data == NULL ? sde_strdup("") : text.data;
}

/* Fills the last row. */
static void note_cell(struct report_table *table, const char *name, const json_t *value)
{
  char **cell = &table->cell[(table->rows - 1) * table->columns + column_of(table, name)];
  sde_free(*cell);
  *cell = json_is_array(value) ? text_of_list(value) : text_of_value(value);
}

void report_table_json(struct report_table *table, const json_t *list)
{
  size_t i, room = 0;
  json_t *object;
  *table = (struct report_table){0};
  json_array_foreach((json_t *)list, i, object) visit_object(table, "", object, note_column);
  json_array_foreach((json_t *)list, i, object)
  {
    grow(table, &room);
    table->rows++;
    for (size_t c = 0; c < table->columns; c++)
      table->cell[(table->rows - 1) * table->columns + c] = sde_strdup("");
    visit_object(table, "", object, note_cell);
  }
}

/* ---- what is in it ---- */

static bool read_number(const char *text, double *number)
{
  char *end;
  *number = strtod(text, &end);
  return text[0] != '\0' && *end == '\0';
}

static bool ends_in(const char *name, const char *end)
{
  size_t length = strlen(name), tail = strlen(end);
  return strcmp(name, end) == 0 || (length > tail && name[length - tail - 1] == '_' &&
                                    strcmp(name + length - tail, end) == 0);
}

static const char *cell_of(const struct report_table *table, size_t row, size_t column)
{
  return table->cell[row * table->columns + column];
}

/* The column of the paths that a column *diverged leaves, or `columns` where there is none. */
static size_t left_of(const struct report_table *table, size_t diverged)
{
  const char *name = table->name[diverged];
  char *left = sde_format("%.*sn", (int)(strlen(name) - strlen("diverged")), name);
  size_t column = column_of(table, left);
  sde_free(left);
  return column;
}

size_t report_table_lost(const struct report_table *table)
{
  size_t lost = 0;
  bool *is_lost = sde_alloc(table->rows + 1, sizeof *is_lost);
  for (size_t c = 0; c < table->columns; c++) {
    size_t left = ends_in(table->name[c], "diverged") ? left_of(table, c) : table->columns;
    double diverged, paths;
    for (size_t r = 0; left < table->columns && r < table->rows; r++)
      is_lost[r] |= read_number(cell_of(table, r, c), &diverged) && diverged > 0 &&
                    read_number(cell_of(table, r, left), &paths) && paths == 0;
  }
  for (size_t r = 0; r < table->rows; r++)
    lost += is_lost[r];
  sde_free(is_lost);
  return lost;
}

double report_table_greatest(const struct report_table *table, const char *name)
{
  double greatest = -1, number;
  for (size_t c = 0; c < table->columns; c++)
    for (size_t r = 0; ends_in(table->name[c], name) && r < table->rows; r++)
      if (read_number(table->cell[r * table->columns + c], &number))
        greatest = fmax(greatest, number);
  return greatest;
}

static bool is_constant(const struct report_table *table, size_t column)
{
  for (size_t r = 1; r < table->rows; r++)
    if (strcmp(cell_of(table, r, column), cell_of(table, 0, column)) != 0)
      return false;
  return table->rows > 0;
}

static bool is_numeric(const struct report_table *table, size_t column)
{
  double number;
  for (size_t r = 0; r < table->rows; r++) {
    const char *cell = cell_of(table, r, column);
    if (cell[0] != '\0' && !read_number(cell, &number))
      return false;
  }
  return true;
}

/* Does the next column hold the standard errors of this one: X and X_se, X_mean and X_se, or a
 * column of any name and se? */
static bool has_error(const struct report_table *table, size_t column)
{
  if (column + 1 >= table->columns)
    return false;
  const char *name = table->name[column], *next = table->name[column + 1];
  size_t length = strlen(name);
  if (strcmp(next, "se") == 0)
    return true;
  if (ends_in(name, "mean") && length > 5)
    length -= 5;
  return strncmp(next, name, length) == 0 && strcmp(next + length, "_se") == 0;
}

/* ---- as HTML ---- */

/* Append numbers, set as in the page's sentences; they are released. */
static void add_numbers(struct text *page, char *numbers)
{
  html_prose(page, numbers);
  sde_free(numbers);
}

static void add_number(struct text *page, double number)
{
  bool whole = number == floor(number) && fabs(number) < 1e15;
  add_numbers(page, whole ? sde_format("%.0f", number) : sde_format("%.*g", DIGITS, number));
}

static void add_cell_text(struct text *page, const char *cell)
{
  double number;
  if (read_number(cell, &number))
    add_number(page, number);
  else if (strcmp(cell, "true") == 0 || strcmp(cell, "false") == 0)
    text_add(page, "%s", cell[0] == 't' ? "yes" : "no");
  else
    html_text(page, cell);
}

/* A value and its error, which has two digits, to the same decimal place. */
static void add_estimate(struct text *page, const char *cell, const char *error)
{
  double value, se;
  if (!read_number(cell, &value) || !read_number(error, &se) || !(se > 0) || !isfinite(se)) {
    add_cell_text(page, cell);
    if (read_number(cell, &value) && read_number(error, &se))
      add_numbers(page, sde_format(" +- %g", se));
    return;
  }
  int places = 1 - (int)floor(log10(se));
  if (places < 0 || places > 8)
    add_numbers(page, sde_format("%.*g +- %.2g", DIGITS, value, se));
  else
    add_numbers(page, sde_format("%.*f +- %.*f", places, value, places, se));
}

static void add_name(struct text *page, const char *name)
{
  char *spaced = sde_strdup(name);
  for (char *at = spaced; *at != '\0'; at++)
    if (*at == '_')
      *at = ' ';
  html_text(page, spaced);
  sde_free(spaced);
}

/* What is known of a column, from one pass over all rows. */
struct column {
  bool shown, numeric, error; /* error: the next column holds its standard errors */
};

static void add_header(struct text *page, const struct report_table *table,
                       const struct column *column)
{
  text_add(page, "<thead><tr>");
  for (size_t c = 0; c < table->columns; c++) {
    if (!column[c].shown)
      continue;
    bool error = column[c].error;
    text_add(page, "<th scope=\"col\"%s>", column[c].numeric ? " class=\"number\"" : "");
    add_name(page, table->name[c]);
    text_add(page, "%s</th>", error ? " ± se" : "");
    c += error;
  }
  text_add(page, "</tr></thead>\n");
}

static void add_rows(struct text *page, const struct report_table *table,
                     const struct column *column, size_t most)
{
  text_add(page, "<tbody>\n");
  for (size_t r = 0; r < table->rows && r < most; r++) {
    text_add(page, "<tr>");
    for (size_t c = 0; c < table->columns; c++) {
      if (!column[c].shown)
        continue;
      bool error = column[c].error;
      text_add(page, "<td%s>", column[c].numeric ? " class=\"number\"" : "");
      if (error)
        add_estimate(page, cell_of(table, r, c), cell_of(table, r, c + 1));
      else
        add_cell_text(page, cell_of(table, r, c));
      text_add(page, "</td>");
      c += error;
    }
    text_add(page, "</tr>\n");
  }
  text_add(page, "</tbody>\n");
}

/* Which columns are shown: of several rows, those that differ, and those of an error with their
 * value. At least one is. */
static struct column *choose_columns(const struct report_table *table)
{
  struct column *column = sde_alloc(table->columns, sizeof *column);
  bool any = false;
  for (size_t c = 0; c < table->columns; c++) {
    column[c].numeric = is_numeric(table, c);
    column[c].error = column[c].numeric && has_error(table, c);
    column[c].shown = table->rows < 2 || !is_constant(table, c) ||
                      (column[c].error && !is_constant(table, c + 1));
  }
  for (size_t c = 0; c < table->columns; c++) {
    any = any || column[c].shown;
    if (column[c].shown && column[c].error)
      column[++c].shown = true;
  }
  if (!any && table->columns > 0)
    column[0].shown = true;
  return column;
}

/* "Constant columns: batch 4, rho 0.1. Without a value: exact." */
static void add_constants(struct text *page, const struct report_table *table,
                          const struct column *column)
{
  const char *start = "<p class=\"quiet\">Constant columns: ", *separator = start;
  for (size_t c = 0; c < table->columns; c++) {
    if (column[c].shown || cell_of(table, 0, c)[0] == '\0')
      continue;
    text_add(page, "%s", separator);
    add_name(page, table->name[c]);
    text_add(page, " ");
    add_cell_text(page, cell_of(table, 0, c));
    separator = ", ";
  }
  text_add(page, "%s", separator == start ? "" : ".</p>\n");
  separator = start = "<p class=\"quiet\">Without a value in any row: ";
  for (size_t c = 0; c < table->columns; c++) {
    if (column[c].shown || cell_of(table, 0, c)[0] != '\0')
      continue;
    text_add(page, "%s", separator);
    add_name(page, table->name[c]);
    separator = ", ";
  }
  text_add(page, "%s", separator == start ? "" : ".</p>\n");
}

void report_table_html(struct text *page, const struct report_table *table, const char *title,
                       const char *file, size_t most, bool open)
{
  struct column *column = choose_columns(table);
  text_add(page, "<details%s><summary>", open ? " open" : "");
  html_text(page, title);
  text_add(page, " <span class=\"quiet\">(%zu row%s)</span></summary>\n", table->rows,
           table->rows == 1 ? "" : "s");
  if (table->rows > most) {
    text_add(page, "<p>Rows 1 to %zu of %zu: %zu rows were left out; all are in <code>", most,
             table->rows, table->rows - most);
    html_text(page, file);
    text_add(page, "</code>.</p>\n");
  }
  if (table->rows > 1)
    add_constants(page, table, column);
  if (table->rows > 0) {
    text_add(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html_text(page, title);
    text_add(page, "\"><table>\n");
    add_header(page, table, column);
    add_rows(page, table, column, most);
    text_add(page, "</table></div>\n");
  }
  text_add(page, "</details>\n");
  sde_free(column);
}
