/*
 * Reading maps of YAML: see reader.h.
 */
#include "experiments/recipe/reader.h"

#include "experiments/io/text.h"
#include "experiments/recipe/reader_files.h"

#include <string.h>

/* What other programs call some of the keys. */
static const struct {
  const char *other, *name;
} synonyms[] = {
    {"learning_rate", "eta"},
    {"lr", "eta"},
    {"step_size", "eta"},
    {"radius", "rho"},
    {"batch_size", "batch"},
    {"horizon", "time"},
    {"T", "time"},
    {"num_paths", "paths"},
    {"trajectories", "paths"},
    {"microbatch", "micro_batch"},
    {"m", "micro_batch"},
    {"initial", "start"},
    {"x0", "start"},
    {"model", "loss"},
    {"order", "eta_order"},
};

/* The key that is meant: by what others call it, or by its letters; NULL where none is near. */
static char *meant_key(const char *word, const struct schema *schema)
{
  for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
    if (strcmp(word, synonyms[i].other) == 0 && schema_find(schema, synonyms[i].name) != NULL)
      return sde_strdup(synonyms[i].name);
  char *names = schema_names(schema), *nearest = text_nearest(word, names);
  sde_free(names);
  return nearest;
}

static bool unknown_key(struct reader *reader, struct fy_node *key, const struct schema *schema)
{
  const char *name = yaml_scalar(key);
  char found[YAML_FOUND_SIZE], *names = schema_names(schema), *list = text_comma_list(names);
  char *nearest = meant_key(name, schema);
  sde_fail(reader->status, SDE_INVALID, "%s: unknown key %s%s%s%s; accepted are %s",
           yaml_place(key), yaml_found(key, found), nearest == NULL ? "" : ", nearest is '",
           nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'", list);
  sde_free(nearest);
  sde_free(names);
  sde_free(list);
  return false;
}

/* One sentence on all required keys that are not there, of which `first` is the first. */
static void missing_keys(struct reader *reader, struct fy_node *map, const struct schema *schema,
                         const struct schema_row *first)
{
  struct text names = {0}, accepted = {0};
  size_t count = 0;
  for (const struct schema_row *row = first; row < schema->row + schema->count; row++) {
    if (!row->key.required || yaml_get(map, row->key.name) != NULL)
      continue;
    char *accepts = schema_accepts(row);
    text_add(&names, "%s%s", count == 0 ? "" : ", ", row->key.name);
    text_add(&accepted, "%s%s: %s", count == 0 ? "" : "; ", row->key.name, accepts);
    count++;
    sde_free(accepts);
  }
  size_t lead = strlen(first->key.name) + 2;
  sde_fail(reader->status, SDE_INVALID, "%s: %s %s missing; accepted %s %s", yaml_place(map),
           names.data, count == 1 ? "is" : "are", count == 1 ? "is" : "are",
           accepted.data + (count == 1 ? lead : 0));
  sde_free(names.data);
  sde_free(accepted.data);
}

/* A required key is not there; where another key looks like it misspelt, that is the mistake. */
static bool missing(struct reader *reader, struct fy_node *map, const struct schema *schema,
                    const struct schema_row *row)
{
  void *previous = NULL;
  struct fy_node_pair *pair;
  while ((pair = fy_node_mapping_iterate(map, &previous)) != NULL) {
    struct fy_node *key = fy_node_pair_key(pair);
    char *nearest = schema_find(schema, yaml_scalar(key)) != NULL
                        ? NULL
                        : text_nearest(yaml_scalar(key), row->key.name);
    sde_free(nearest);
    if (nearest != NULL)
      return unknown_key(reader, key, schema);
  }
  missing_keys(reader, map, schema, row);
  return false;
}

/* Every key of the map is known and given once. */
static bool check_keys(struct reader *reader, struct fy_node *map, const struct schema *schema)
{
  bool *seen = sde_alloc(schema->count, sizeof *seen), good = true;
  void *previous = NULL;
  struct fy_node_pair *pair;
  while (good && (pair = fy_node_mapping_iterate(map, &previous)) != NULL) {
    struct fy_node *key = fy_node_pair_key(pair);
    const struct schema_row *row = schema_find(schema, yaml_scalar(key));
    if (row == NULL)
      good = unknown_key(reader, key, schema);
    else if (seen[row - schema->row])
      good = sde_fail(reader->status, SDE_INVALID, "%s: '%s' is given twice", yaml_place(key),
                      row->key.name);
    else
      seen[row - schema->row] = true;
  }
  sde_free(seen);
  return good;
}

bool reader_map(struct reader *reader, struct fy_node *map, const struct schema *schema,
                struct parameters *parameters)
{
  if (!check_keys(reader, map, schema))
    return false;
  for (size_t i = 0; i < schema->count; i++) {
    const struct schema_row *row = &schema->row[i];
    const char *name = row->key.name;
    struct fy_node *node = yaml_get(map, name);
    bool good = true;
    if (node == NULL && row->key.required)
      return missing(reader, map, schema, row);
    if (node == NULL && row->key.fallback != NULL)
      node = yaml_add_default(reader->yaml, map, name, row->key.fallback);
    if (row->key.type == PARAMETER_FILE && row->section == SCHEMA_VALUE)
      good = reader_files(reader, row, map, parameters);
    else if (!row->checksum && node != NULL && row->section == SCHEMA_VALUE)
      good = reader_value(reader, row, node, parameters);
    if (!good)
      return false;
  }
  return true;
}

char *reader_choice(struct reader *reader, struct fy_node *map, struct schema *schema,
                    const char *name)
{
  const struct schema_row *row = schema_find(schema, name);
  struct fy_node *node = yaml_get(map, name);
  char *choice = NULL;
  if (node == NULL)
    missing(reader, map, schema, row);
  else
    choice = reader_text(reader, row, node);
  schema_free(schema);
  return choice;
}

bool reader_section(struct reader *reader, struct fy_node *map, struct schema *schema,
                    struct parameters **parameters)
{
  *parameters = parameters_new();
  bool good = reader_map(reader, map, schema, *parameters);
  schema_free(schema);
  return good;
}
