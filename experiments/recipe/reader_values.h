/*
 * Reading values of YAML: texts, numbers, choices and matrices of one key, as its row of the schema
 * has it. Every mistake is a sentence with file and line that says what is accepted.
 */
#ifndef EXPERIMENTS_RECIPE_READER_VALUES_H
#define EXPERIMENTS_RECIPE_READER_VALUES_H

#include "experiments/io/yaml.h"
#include "experiments/recipe/schema.h"
#include "sde/status.h"

/* A recipe's file while it is read. */
struct reader {
  const char *file;
  struct yaml *yaml;
  struct sde_status *status;
};

/* "PLACE: KEY is FOUND; accepted is ...", with the node itself as what is found where `found` is
 * NULL. Returns false. */
bool reader_refuse(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                   const char *found);

/* A scalar as a list of one: the next item, or NULL at the end. */
struct fy_node *reader_next_item(struct fy_node *node, void **previous);

/* The number of items of a list, or 1. */
size_t reader_item_count(struct fy_node *node);

/* A text, a choice or the name of a file. Released with sde_free; NULL on failure. */
char *reader_text(struct reader *reader, const struct schema_row *row, struct fy_node *node);

/* The value, or list of values, of a key that names no files. */
bool reader_value(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                  struct parameters *parameters);

#endif
