/*
 * Data: the CSV reader. See data.h.
 */
#include "models/data.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

struct reader {
  FILE *stream;
  char *text; /* the current line, of getline */
  size_t capacity, line, rows_capacity;
  struct data_table *table;
  struct sde_status *status;
};

/* The next line without its end; false at the end of the file. */
static bool next_line(struct reader *reader)
{
  ssize_t length = getline(&reader->text, &reader->capacity, reader->stream);
  if (length < 0)
    return false;
  reader->line++;
  if (strlen(reader->text) != (size_t)length)
    return sde_fail(reader->status, SDE_INVALID, "%s:%zu: a NUL byte; a CSV file is text",
                    reader->table->file, reader->line);
  while (length > 0 && (reader->text[length - 1] == '\n' || reader->text[length - 1] == '\r'))
    reader->text[--length] = '\0';
  if (reader->line == 1 && strncmp(reader->text, "\xef\xbb\xbf", 3) == 0)
    memmove(reader->text, reader->text + 3, (size_t)length - 2);
  return true;
}

static bool is_blank(const char *text)
{
  return text[strspn(text, " \t\r\n")] == '\0';
}

/* Cut the next cell off *rest: without surrounding blanks and quotes. *rest is NULL after the last
 * cell. */
static char *next_cell(char **rest)
{
  char *cell = *rest, *comma = strchr(cell, ',');
  *rest = comma == NULL ? NULL : comma + 1;
  char *end = comma == NULL ? cell + strlen(cell) : comma;
  while (isspace((unsigned char)*cell))
    cell++;
  while (end > cell && isspace((unsigned char)end[-1]))
    end--;
  if (end > cell + 1 && *cell == '"' && end[-1] == '"') {
    cell++;
    end--;
  }
  *end = '\0';
  return cell;
}

static size_t count_cells(const char *line)
{
  size_t count = 1;
  for (; *line != '\0'; line++)
    count += *line == ',';
  return count;
}

static bool read_header(struct reader *reader)
{
  struct data_table *table = reader->table;
  if (!next_line(reader) || is_blank(reader->text))
    return sde_fail(reader->status, SDE_INVALID,
                    "%s:1: no header; the first row must name the columns", table->file);
  size_t count = count_cells(reader->text);
  table->name = sde_alloc(count, sizeof *table->name);
  char *rest = reader->text;
  while (rest != NULL) {
    char *cell = next_cell(&rest), *end;
    strtod(cell, &end);
    if (*cell == '\0' || *end == '\0')
      return sde_fail(reader->status, SDE_INVALID,
                      "%s:1: column %zu is headed '%s'; the first row must name the columns",
                      table->file, table->columns + 1, cell);
    if (data_table_column(table, cell) < table->columns)
      return sde_fail(reader->status, SDE_INVALID,
                      "%s:1: two columns are named '%s'; names must differ", table->file, cell);
    table->name[table->columns++] = sde_strdup(cell);
  }
  return true;
}

static bool read_number(const struct reader *reader, const char *cell, size_t column, double *value)
{
  const struct data_table *table = reader->table;
  if (*cell == '\0')
    return sde_fail(reader->status, SDE_INVALID,
                    "%s:%zu: the cell of column '%s' is empty; every cell must hold a number",
                    table->file, reader->line, table->name[column]);
  char *end;
  *value = strtod(cell, &end);
  if (*end != '\0' || !isfinite(*value))
    return sde_fail(reader->status, SDE_INVALID,
                    "%s:%zu: '%s' in column '%s' is not a finite number", table->file, reader->line,
                    cell, table->name[column]);
  return true;
}

/* Room for one more row, doubling. */
static void grow(struct reader *reader)
{
  struct data_table *table = reader->table;
  if (table->rows < reader->rows_capacity)
    return;
  size_t capacity = reader->rows_capacity == 0 ? 256 : 2 * reader->rows_capacity;
  double *values = sde_alloc(capacity, table->columns * sizeof *values);
  size_t *line = sde_alloc(capacity, sizeof *line);
  if (table->rows > 0) {
    memcpy(values, table->values, table->rows * table->columns * sizeof *values);
    memcpy(line, table->line, table->rows * sizeof *line);
  }
  sde_free(table->values);
  sde_free(table->line);
  table->values = values;
  table->line = line;
  reader->rows_capacity = capacity;
}

static bool read_row(struct reader *reader)
{
  struct data_table *table = reader->table;
  size_t cells = count_cells(reader->text);
  if (cells != table->columns)
    return sde_fail(reader->status, SDE_INVALID,
                    "%s:%zu: the row has %zu cells; the header names %zu columns", table->file,
                    reader->line, cells, table->columns);
  grow(reader);
  char *rest = reader->text;
  for (size_t column = 0; column < table->columns; column++)
    if (!read_number(reader, next_cell(&rest), column,
                     &table->values[table->rows * table->columns + column]))
      return false;
  table->line[table->rows++] = reader->line;
  return true;
}

static bool read_rows(struct reader *reader)
{
  size_t blank = 0;
  while (next_line(reader)) {
    if (is_blank(reader->text)) {
      blank = blank == 0 ? reader->line : blank;
      continue;
    }
    if (blank != 0)
      return sde_fail(reader->status, SDE_INVALID,
                      "%s:%zu: blank line between rows; blank lines may only end the file",
                      reader->table->file, blank);
    if (!read_row(reader))
      return false;
  }
  if (reader->status->code != SDE_OK)
    return false;
  if (ferror(reader->stream))
    return sde_fail(reader->status, SDE_INVALID, "%s: cannot be read: %s", reader->table->file,
                    strerror(errno));
  if (reader->table->rows == 0)
    return sde_fail(reader->status, SDE_INVALID,
                    "%s:1: no rows below the header; at least one is needed", reader->table->file);
  return true;
}

struct data_table *data_table_read(const char *file, struct sde_status *status)
{
  struct reader reader = {.status = status, .table = sde_alloc(1, sizeof *reader.table)};
  struct stat about;
  reader.table->file = sde_strdup(file);
  reader.stream = fopen(file, "r");
  bool good;
  if (reader.stream == NULL || fstat(fileno(reader.stream), &about) != 0)
    good = sde_fail(status, SDE_INVALID, "%s: cannot be opened: %s", file, strerror(errno));
  else if (!S_ISREG(about.st_mode))
    good = sde_fail(status, SDE_INVALID, "%s: is not a regular file", file);
  else
    good = read_header(&reader) && read_rows(&reader);
  if (reader.stream != NULL)
    fclose(reader.stream);
  free(reader.text);
  if (good)
    return reader.table;
  data_table_free(reader.table);
  return NULL;
}

void data_table_free(struct data_table *table)
{
  if (table == NULL)
    return;
  for (size_t i = 0; i < table->columns; i++)
    sde_free(table->name[i]);
  sde_free(table->name);
  sde_free(table->file);
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
