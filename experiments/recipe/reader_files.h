/*
 * Reading the names of data files: where each is, and whether it is the one whose checksum the
 * recipe records.
 */
#ifndef EXPERIMENTS_RECIPE_READER_FILES_H
#define EXPERIMENTS_RECIPE_READER_FILES_H

#include "experiments/recipe/reader_values.h"

/* The files under a row, and their checksums under the next. */
bool reader_files(struct reader *reader, const struct schema_row *row, struct fy_node *map,
                  struct parameters *parameters);

#endif
