/*
 * CSV files as text: see csv.h.
 */
#include "models/csv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { BUFFER = 1 << 16, END = -1, FAILED = -2 };

struct csv {
  FILE *stream;
  char *file, *buffer;
  size_t at, filled; /* in the buffer */
  char separator;
  size_t line; /* of the next byte */
  bool after_return;
  /* The row: its cells one after another, each ended by a zero byte, and where each begins. */
  char *text;
  size_t length, capacity;
  size_t *begin, begins_capacity, cells_capacity;
  struct csv_row row;
};

const char *csv_separator_name(char separator)
{
  return separator == ';' ? "semicolon" : separator == '\t' ? "tab" : "comma";
}

/* ---- Bytes ---- */

static bool fill(struct csv *csv)
{
  csv->filled = fread(csv->buffer, 1, BUFFER, csv->stream);
  csv->at = 0;
  return csv->filled > 0;
}

/* The next byte, every line end as one '\n', or END. */
static int next_byte(struct csv *csv)
{
  do {
    if (csv->at == csv->filled && !fill(csv))
      return END;
    unsigned char byte = (unsigned char)csv->buffer[csv->at++];
    bool second = byte == '\n' && csv->after_return;
    csv->after_return = byte == '\r';
    if (second)
      continue;
    if (byte != '\n' && byte != '\r')
      return byte;
    csv->line++;
    return '\n';
  } while (true);
}

/* An array with room for `more` items beyond its length, doubled where it has none. */
static void *grown(void *array, size_t length, size_t more, size_t size, size_t *capacity)
{
  if (length + more <= *capacity)
    return array;
  *capacity = 2 * (length + more);
  void *longer = sde_alloc(*capacity, size);
  if (length > 0)
    memcpy(longer, array, length * size);
  sde_free(array);
  return longer;
}

static void add_byte(struct csv *csv, int byte)
{
  csv->text = grown(csv->text, csv->length, 1, 1, &csv->capacity);
  csv->text[csv->length++] = (char)byte;
}

/* ---- Cells ---- */

static bool is_blank(const struct csv *csv, int byte)
{
  return byte == ' ' || (byte == '\t' && csv->separator != '\t');
}

static bool ends_cell(const struct csv *csv, int byte)
{
  return byte == csv->separator || byte == '\n' || byte == END;
}

static int no_text(const struct csv *csv, struct sde_status *status)
{
  sde_fail(status, SDE_INVALID, "%s:%zu: a NUL byte; a CSV file is text in UTF-8", csv->file,
           csv->line);
  return FAILED;
}

/* The rest of a cell in quotes, and what ends it. */
static int read_quoted(struct csv *csv, struct sde_status *status)
{
  size_t opened = csv->line;
  int byte;
  while (true) {
    byte = next_byte(csv);
    if (byte == '"' && (byte = next_byte(csv)) != '"')
      break;
    if (byte == END) {
      sde_fail(status, SDE_INVALID, "%s:%zu: a quote opens a cell and none closes it", csv->file,
               opened);
      return FAILED;
    }
    if (byte == '\0')
      return no_text(csv, status);
    add_byte(csv, byte);
  }
  while (is_blank(csv, byte))
    byte = next_byte(csv);
  if (ends_cell(csv, byte))
    return byte;
  sde_fail(status, SDE_INVALID,
           "%s:%zu: text follows the closing quote of a cell; a quote within quotes is written "
           "twice, and cells are separated by a %s",
           csv->file, opened, csv_separator_name(csv->separator));
  return FAILED;
}

/* The rest of a cell that begins with a byte, and what ends it. */
static int read_plain(struct csv *csv, int byte, struct sde_status *status)
{
  size_t begin = csv->length;
  for (; !ends_cell(csv, byte); byte = next_byte(csv)) {
    if (byte == '\0')
      return no_text(csv, status);
    add_byte(csv, byte);
  }
  while (csv->length > begin && is_blank(csv, csv->text[csv->length - 1]))
    csv->length--;
  return byte;
}

/* The next cell into the row, and what ends it: the separator, '\n', END or FAILED. */
static int read_cell(struct csv *csv, int byte, struct sde_status *status)
{
  csv->begin = grown(csv->begin, csv->row.cells, 1, sizeof *csv->begin, &csv->begins_capacity);
  csv->begin[csv->row.cells++] = csv->length;
  while (is_blank(csv, byte))
    byte = next_byte(csv);
  csv->row.blank = csv->row.blank && byte != '"';
  byte = byte == '"' ? read_quoted(csv, status) : read_plain(csv, byte, status);
  add_byte(csv, '\0');
  return byte;
}

const struct csv_row *csv_next(struct csv *csv, struct sde_status *status)
{
  csv->row = (struct csv_row){.line = csv->line, .cell = csv->row.cell, .blank = true};
  csv->length = 0;
  int byte = next_byte(csv);
  if (byte == END) {
    if (ferror(csv->stream))
      sde_fail(status, SDE_INVALID, "%s: cannot be read: %s", csv->file, strerror(errno));
    return NULL;
  }
  while ((byte = read_cell(csv, byte, status)) == csv->separator)
    byte = next_byte(csv);
  if (byte == FAILED)
    return NULL;
  csv->row.blank = csv->row.blank && csv->row.cells == 1 && csv->length == 1;
  csv->row.cell =
      grown(csv->row.cell, 0, csv->row.cells, sizeof *csv->row.cell, &csv->cells_capacity);
  for (size_t i = 0; i < csv->row.cells; i++)
    csv->row.cell[i] = csv->text + csv->begin[i];
  return &csv->row;
}

size_t csv_rows_most(struct csv *csv)
{
  off_t place = ftello(csv->stream);
  size_t ends = 0, at = csv->at, filled = csv->filled;
  char *kept = sde_alloc(BUFFER, 1), before = '\0';
  memcpy(kept, csv->buffer, filled);
  do {
    for (size_t i = csv->at; i < csv->filled; i++) {
      char byte = csv->buffer[i];
      ends += byte == '\r' || (byte == '\n' && before != '\r');
      before = byte;
    }
  } while (fill(csv));
  fseeko(csv->stream, place, SEEK_SET);
  sde_free(csv->buffer);
  csv->buffer = kept;
  csv->at = at;
  csv->filled = filled;
  return ends + 1;
}

/* ---- The file ---- */

/* What the beginning of a file shows of how its cells are separated. */
struct look {
  size_t commas, semicolons, tabs; /* in the header, outside quotes */
  bool decimal_commas;             /* below it, a comma between two digits */
};

static bool is_digit(char byte)
{
  return byte >= '0' && byte <= '9';
}

static struct look look_at(size_t length, const char *text)
{
  struct look look = {0};
  bool quoted = false;
  size_t i = 0;
  for (; i < length && (quoted || (text[i] != '\n' && text[i] != '\r')); i++) {
    quoted = quoted != (text[i] == '"');
    look.commas += !quoted && text[i] == ',';
    look.semicolons += !quoted && text[i] == ';';
    look.tabs += !quoted && text[i] == '\t';
  }
  for (i++; i + 1 < length; i++)
    look.decimal_commas |= text[i] == ',' && is_digit(text[i - 1]) && is_digit(text[i + 1]);
  return look;
}

/* Are the header's cells separated as was said, or by commas where nothing was? */
static bool check_separator(const struct csv *csv, char named, struct sde_status *status)
{
  struct look look = look_at(csv->filled - csv->at, csv->buffer + csv->at);
  size_t others = look.semicolons > look.tabs ? look.semicolons : look.tabs;
  char other = look.semicolons > look.tabs ? ';' : '\t';
  size_t own = named == ';' ? look.semicolons : named == '\t' ? look.tabs : look.commas;
  if (named != 0 && named != ',' && look.commas > others) {
    others = look.commas;
    other = ',';
  }
  if (named == 0 ? others <= look.commas : own > 0 || others == 0)
    return true;
  bool decimal = other != ',' && look.decimal_commas;
  return sde_fail(
      status, SDE_INVALID,
      "%s:1: the header's cells are separated by %ss; they must be separated by %ss, or the "
      "recipe must say `separator: %s`%s",
      csv->file, csv_separator_name(other), csv_separator_name(csv->separator),
      csv_separator_name(other), decimal ? " and, for its numbers, `decimal: comma`" : "");
}

static bool check_encoding(const struct csv *csv, struct sde_status *status)
{
  const unsigned char *bytes = (const unsigned char *)csv->buffer;
  bool utf16 = csv->filled >= 2 &&
               ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff));
  return !utf16 || sde_fail(status, SDE_INVALID,
                            "%s:1: this is UTF-16 text; a CSV file must be in UTF-8", csv->file);
}

static bool open_stream(struct csv *csv, struct sde_status *status)
{
  struct stat about;
  if (stat(csv->file, &about) != 0)
    return sde_fail(status, SDE_INVALID, "%s: cannot be opened: %s", csv->file, strerror(errno));
  if (!S_ISREG(about.st_mode)) /* before it is opened: a pipe without a writer would wait */
    return sde_fail(status, SDE_INVALID, "%s: is %s, not a regular file", csv->file,
                    S_ISDIR(about.st_mode)    ? "a directory"
                    : S_ISFIFO(about.st_mode) ? "a pipe"
                    : S_ISSOCK(about.st_mode) ? "a socket"
                                              : "a device");
  csv->stream = fopen(csv->file, "rb");
  return csv->stream != NULL ||
         sde_fail(status, SDE_INVALID, "%s: cannot be opened: %s", csv->file, strerror(errno));
}

struct csv *csv_open(const char *file, char separator, struct sde_status *status)
{
  struct csv *csv = sde_alloc(1, sizeof *csv);
  csv->file = sde_strdup(file);
  csv->buffer = sde_alloc(BUFFER, 1);
  csv->separator = separator == 0 ? ',' : separator;
  csv->line = 1;
  if (open_stream(csv, status)) {
    fill(csv);
    if (csv->filled >= 3 && memcmp(csv->buffer, "\xef\xbb\xbf", 3) == 0)
      csv->at = 3;
    if (check_encoding(csv, status) && check_separator(csv, separator, status))
      return csv;
  }
  csv_close(csv);
  return NULL;
}

void csv_close(struct csv *csv)
{
  if (csv == NULL)
    return;
  if (csv->stream != NULL)
    fclose(csv->stream);
  sde_free(csv->row.cell);
  sde_free(csv->begin);
  sde_free(csv->text);
  sde_free(csv->buffer);
  sde_free(csv->file);
  sde_free(csv);
}
