/*
 * Columns: what a row of results says, once for the CSV table, the summary and the terminal. A row
 * is a struct; a column names one of its fields and says how that is read, so that no output can
 * show a value under another's name.
 */
#ifndef EXPERIMENTS_RESULTS_COLUMNS_H
#define EXPERIMENTS_RESULTS_COLUMNS_H

#include "experiments/results/results.h"
#include "sde/statistics.h"

#include <stdint.h>

/* A value of a row. One that is missing is nothing in a CSV table, null in the summary and blank on
 * the terminal; so is a real number that is NAN. One that is absent is not there, nor is its column
 * or key. */
enum cell_kind { CELL_MISSING, CELL_TEXT, CELL_WHOLE, CELL_REAL, CELL_FLAG, CELL_ABSENT };

struct cell {
  enum cell_kind kind;
  union {
    const char *text;
    uint64_t whole;
    double real;
    bool flag;
  };
  char *made; /* a text made for this cell, released with it; else NULL */
};

struct column {
  const char *name;    /* in the CSV table; NULL: not there */
  const char *key;     /* in the summary, "key" or "object.key"; NULL: the name */
  const char *heading; /* on the terminal; NULL: not there */
  const char *before;  /* there between it and the column before; NULL: a space */
  int width;           /* there in characters, negative: at the left of them */
  int digits;          /* there of a real number; 0 for 6 */
  bool of_labels;      /* it grows there with the labels of the cases, results_set_label_width */
  bool of_updates;     /* its cells are absent where the recipe names no update rule */
  size_t offset;       /* of the field in the row */
  struct cell (*read)(const void *field);
};

/* A table: its file, and its columns, ended by one without `read`. */
struct columns {
  const char *file;
  const struct column *column;
};

/* ---- fields ---- */

struct cell cell_text(const void *field);          /* const char *; NULL is missing */
struct cell cell_real(const void *field);          /* double */
struct cell cell_flag(const void *field);          /* bool */
struct cell cell_unsigned(const void *field);      /* unsigned; so those below, for size_t */
struct cell cell_unsigned_long(const void *field); /* and uint64_t are one of them */
struct cell cell_unsigned_long_long(const void *field);
struct cell cell_mean(const void *field); /* of struct sde_moments */
struct cell cell_standard_error(const void *field);
struct cell cell_count(const void *field);

/* A cell of a value, for functions that compute it. */
struct cell cell_of_text(const char *text);
struct cell cell_of_made_text(char *text); /* released with the cell */
struct cell cell_of_whole(uint64_t number);
struct cell cell_of_real(double number);

/* clang-format off */

/* A column of a field of a row, `struct ROW`, read by its type. */
#define COLUMN_FIELD(ROW, FIELD) \
  .offset = offsetof(struct ROW, FIELD), .read = _Generic(((struct ROW *)0)->FIELD, \
    const char *: cell_text, char *: cell_text, double: cell_real, bool: cell_flag, \
    unsigned: cell_unsigned, unsigned long: cell_unsigned_long, \
    unsigned long long: cell_unsigned_long_long)

/* The same of a field of TYPE, read by a function of one's own. */
#define COLUMN_READ(ROW, FIELD, TYPE, READ) \
  .offset = offsetof(struct ROW, FIELD), .read = _Generic(((struct ROW *)0)->FIELD, TYPE: READ)

/* The same computed from the whole row. */
#define COLUMN_OF_ROW(READ) .offset = 0, .read = READ

/* Moments: "mean +- standard error" on the terminal, under a heading; NAMEmean, NAMEse and NAMEn in
 * the CSV table, and KEYmean, KEYse and KEYn in the summary. */
#define COLUMNS_OF_MOMENTS(NAME, KEY, HEADING, ROW, FIELD) \
  {NAME "mean", KEY "mean", HEADING, NULL, 11, 5, \
   COLUMN_READ(ROW, FIELD, struct sde_moments, cell_mean)}, \
  {NAME "se", KEY "se", "s.e.", " +- ", -8, 2, \
   COLUMN_READ(ROW, FIELD, struct sde_moments, cell_standard_error)}, \
  {NAME "n", KEY "n", COLUMN_READ(ROW, FIELD, struct sde_moments, cell_count)}

/* clang-format on */

/* ---- outputs ---- */

/* Make the CSV table, of no row as yet; append a row, where it is made if need be. */
void columns_begin(struct results *results, const struct columns *columns);
void columns_write(struct results *results, const struct columns *columns, const void *row);

/* A row as an object of the summary with these keys, ended by NULL, in this order. */
json_t *columns_json(const struct columns *columns, const char *const *keys, const void *row);

/* Print the headings, and a row, on the terminal. */
void columns_print_headings(struct results *results, const struct columns *columns);
void columns_print(struct results *results, const struct columns *columns, const void *row);

#endif
