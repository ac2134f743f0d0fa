/*
 * Reading maps of YAML: see reader.h.
 */
#include "experiments/recipe/reader.h"

#include "experiments/io/text.h"
#include "experiments/recipe/reader_files.h"

static bool unknown_key(struct reader *reader, struct fy_node *key, const struct schema *schema)
{
  const char *name = yaml_scalar(key);
  char found[YAML_FOUND_SIZE], *names = schema_names(schema), *list = text_comma_list(names);
  char *nearest = text_nearest(name, names);
  sde_fail(reader->status, SDE_INVALID, "%s: unknown key %s%s%s%s; accepted are %s",
           yaml_place(key), yaml_found(key, found), nearest == NULL ? "" : ", nearest is '",
           nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'", list);
  sde_free(nearest);
  sde_free(names);
  sde_free(list);
  return false;
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
  char *accepted = schema_accepts(row);
  sde_fail(reader->status, SDE_INVALID, "%s: %s is missing; accepted is %s", yaml_place(map),
           row->key.name, accepted);
  sde_free(accepted);
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
