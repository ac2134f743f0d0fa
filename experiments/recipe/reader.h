/*
 * Reading maps of YAML against the schema, into parameters.
 */
#ifndef EXPERIMENTS_RECIPE_READER_H
#define EXPERIMENTS_RECIPE_READER_H

#include "experiments/recipe/reader_values.h"

/* Read all values of a map, filling in defaults; of its sections only that they are there. */
bool reader_map(struct reader *reader, struct fy_node *map, const struct schema *schema,
                struct parameters *parameters);

/* A section that is one map. Frees the schema. */
bool reader_section(struct reader *reader, struct fy_node *map, struct schema *schema,
                    struct parameters **parameters);

/* The choice that decides which other keys a map has, read before them; released with sde_free.
 * NULL on failure. Frees the schema. */
char *reader_choice(struct reader *reader, struct fy_node *map, struct schema *schema,
                    const char *name);

#endif
