/*
 * Tables in a report: from a CSV file of a run, or from a list of objects in its summary. Columns
 * that are the same in every row become a sentence, a value and its standard error one column, and
 * what is long is cut, with a sentence that says so.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_TABLE_H
#define EXPERIMENTS_REPORT_REPORT_TABLE_H

#include "experiments/io/text.h"
#include "sde/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* cell[row * columns + column]; "" is no value. */
struct report_table {
  size_t columns, rows;
  char **name, **cell;
};

/* Read FILE.csv: a header row, then rows of as many fields; errors name FILE:LINE. */
bool report_table_csv(struct report_table *table, const char *path, struct sde_status *status);

/* The objects of a list, their own objects flattened to NAME_KEY; a list within is told by its
 * length, or by its numbers where it holds nothing else. */
void report_table_json(struct report_table *table, const json_t *list);

void report_table_free(struct report_table *table);

/* The greatest number in the columns whose name is, or ends in an underscore and, `name`; negative
 * where there is none. */
double report_table_greatest(const struct report_table *table, const char *name);

/* The rows in which all paths diverged: a column *diverged is positive, and its *n is 0. */
size_t report_table_lost(const struct report_table *table);

/* Append the table, called `title`, in a box that can be folded. More than `most` rows are cut;
 * `file` has all of them. */
void report_table_html(struct text *page, const struct report_table *table, const char *title,
                       const char *file, size_t most, bool open);

#endif
