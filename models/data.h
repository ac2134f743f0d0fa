/*
 * Data: tables of numbers from CSV files with one header row. Only the columns that are asked for
 * are read as numbers.
 */
#ifndef MODELS_DATA_H
#define MODELS_DATA_H

#include "models/parameters.h"
#include "sde/status.h"

#include <stdbool.h>
#include <stddef.h>

/* Rows for the key tables of the losses that read data. */
#define DATA_KEYS                                                                                  \
  {.name = "separator",                                                                            \
   .type = PARAMETER_CHOICE,                                                                       \
   .choices = "comma semicolon tab",                                                               \
   .help = "what stands between the cells; without it, commas"},                                   \
      {.name = "decimal",                                                                          \
       .type = PARAMETER_CHOICE,                                                                   \
       .choices = "point comma",                                                                   \
       .help = "what stands before the fraction of a number; without it, a point"},                \
      {.name = "missing",                                                                          \
       .type = PARAMETER_CHOICE,                                                                   \
       .choices = "refuse drop",                                                                   \
       .help = "rows where a cell is empty, NA, NaN or null: refuse the file, or drop the row; "   \
               "without it, refuse"},                                                              \
      {.name = "test_data",                                                                        \
       .type = PARAMETER_FILE,                                                                     \
       .help = "CSV file of samples that are not learnt from: what test-loss and others are of"},  \
  {                                                                                                \
    .name = "holdout", .type = PARAMETER_NAMED, .list = true,                                      \
    .help =                                                                                        \
        "the same out of data: {fraction: 0.2, seed: 1}, of the rows those that the seed draws"    \
  }

/* How a file is written, and whether rows with missing cells are dropped. 0 for what is not said:
 * then a file that seems to be written otherwise is refused by name. */
struct data_format {
  char separator, decimal;
  bool drop_missing;
  const struct parameters *held_out; /* where test_data or holdout is given; else NULL */
};

/* That of the keys above; and for a loss that was given no file, that none of them is given. */
struct data_format data_format_of(const struct parameters *parameters);
bool data_format_is_absent(const struct parameters *parameters, struct sde_status *status);

/* A column to read. Numbers; or where it is one of classes, 1 where the cell is `positive` and else
 * 0, or without `positive` 0 and 1 as they stand. */
struct data_wanted {
  size_t column;
  bool is_class;
  const char *positive;
};

/* A table as read. */
struct data_table {
  char *file;
  size_t rows, columns;
  size_t held_out; /* of the rows, the last: those that are not learnt from */
  char **name;     /* of each column */
  size_t *line;    /* of the file, for each row */
  double *values;  /* [row*columns + column] */
  char *dropped;   /* a sentence on the rows that were left out; NULL where none were */
};

/* A file whose header was read: the names of its columns, which differ. The first may be without a
 * name, "": tables with an index are written so. NULL, and the status says why. */
struct data_file;
struct data_file *data_file_open(const char *file, const struct data_format *format,
                                 struct sde_status *status);
void data_file_close(struct data_file *data);
const char *data_file_path(const struct data_file *data);
size_t data_file_columns(const struct data_file *data);
const char *data_file_name(const struct data_file *data, size_t column);

/* The column of a name, or their number. */
size_t data_file_column(const struct data_file *data, const char *name);

/* Read the rows, once, of `count` columns in the order wanted; those that are held out by the
 * format come last, with columns of the same names where they have a file of their own. NULL, and
 * the status says FILE:LINE, where a cell of theirs is no finite decimal number. */
struct data_table *data_file_read(struct data_file *data, size_t count,
                                  const struct data_wanted *wanted, struct sde_status *status);

/* All columns with a name, for NULL of a file of commas and decimal points. */
struct data_table *data_table_read_as(const char *file, const struct data_format *format,
                                      struct sde_status *status);
struct data_table *data_table_read(const char *file, struct sde_status *status);
void data_table_free(struct data_table *table);

/* The column of a name, or table->columns. */
size_t data_table_column(const struct data_table *table, const char *name);

#endif
