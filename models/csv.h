/*
 * CSV files as text: rows of cells, as RFC 4180 has them and as spreadsheets write them. What the
 * cells mean is for models/data.h.
 */
#ifndef MODELS_CSV_H
#define MODELS_CSV_H

#include "sde/status.h"

#include <stdbool.h>
#include <stddef.h>

/* A row: its cells, without the blanks around them and without quotes, until the next is read. */
struct csv_row {
  size_t line, cells; /* the line of the file where it begins */
  char **cell;
  bool blank; /* nothing but blanks */
};

struct csv;

/* Open a regular file whose cells are separated by a comma, a semicolon or a tab; for 0, by commas,
 * and a header that seems to be separated otherwise is refused. Cells may stand in quotes, with
 * quotes in them doubled; lines end in LF, CRLF or CR; a UTF-8 byte-order mark is passed over.
 * NULL, and the status says why. */
struct csv *csv_open(const char *file, char separator, struct sde_status *status);
void csv_close(struct csv *csv);

/* The next row, owned by the file; NULL at its end, and where the status says what is wrong. */
const struct csv_row *csv_next(struct csv *csv, struct sde_status *status);

/* No file has more rows than this from the present one on. Reads the rest of the file. */
size_t csv_rows_most(struct csv *csv);

/* "comma", "semicolon", "tab": as the key `separator` has it. */
const char *csv_separator_name(char separator);

#endif
