/*
 * Data: a table of numbers from a CSV file with one header row.
 */
#ifndef MODELS_DATA_H
#define MODELS_DATA_H

#include "sde/status.h"

#include <stddef.h>

/* A table as read. */
struct data_table {
  char *file;
  size_t rows, columns;
  char **name;    /* of each column */
  size_t *line;   /* of the file, for each row */
  double *values; /* [row*columns + column] */
};

/* Read a CSV file: comma-separated, one header row that names the columns, then rows of finite
 * numbers. CRLF line ends, a byte-order mark, blank lines at the end and quoted names are accepted.
 * NULL, and the status says FILE:LINE, for anything else. */
struct data_table *data_table_read(const char *file, struct sde_status *status);
void data_table_free(struct data_table *table);

/* The column of a name, or table->columns. */
size_t data_table_column(const struct data_table *table, const char *name);

#endif
