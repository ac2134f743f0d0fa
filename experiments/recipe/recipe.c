/*
 * Recipes: a YAML tree read against the schema into parameters. See recipe.h.
 */
#include "experiments/recipe/recipe.h"

#include "experiments/io/sha256.h"
#include "experiments/io/text.h"
#include "experiments/io/yaml.h"
#include "experiments/recipe/data_file.h"
#include "experiments/recipe/recipe_comment.h"
#include "experiments/recipe/resolve.h"
#include "experiments/recipe/schema.h"
#include "experiments/recipe/study.h"
#include "sde/number.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* More steps than anybody waits for; step numbers stay exact in every type. */
#define STEPS_MAX 0x1p31

struct reader {
  const char *file;
  struct yaml *yaml;
  struct sde_status *status;
};

/* "PLACE: KEY is FOUND; accepted is ..." */
static bool refuse(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                   const char *found)
{
  char buffer[YAML_FOUND_SIZE], *accepted = schema_accepts(row);
  sde_fail(reader->status, SDE_INVALID, "%s: %s is %s; accepted is %s", yaml_place(node),
           row->key.name, found != NULL ? found : yaml_found(node, buffer), accepted);
  sde_free(accepted);
  return false;
}

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

/* A scalar as a list of one: the next item, or NULL at the end. */
static struct fy_node *next_item(struct fy_node *node, void **previous)
{
  if (fy_node_is_sequence(node))
    return fy_node_sequence_iterate(node, previous);
  struct fy_node *item = *previous == NULL ? node : NULL;
  *previous = node;
  return item;
}

/* The number of items of a list, or 1. */
static size_t item_count(struct fy_node *node)
{
  return fy_node_is_sequence(node) ? (size_t)fy_node_sequence_item_count(node) : 1;
}

static bool in_range(const struct parameter_key *key, double number)
{
  return (key->low_open ? number > key->low : number >= key->low) && number <= key->high;
}

/* One number, or truth value, of the row's type. */
static bool read_number(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                        double *number)
{
  const char *text = yaml_is_plain(node) && !yaml_is_null(node) ? yaml_scalar(node) : NULL;
  if (text != NULL && row->key.type == PARAMETER_BOOL) {
    *number = strcmp(text, "true") == 0;
    return *number == 1 || strcmp(text, "false") == 0 || refuse(reader, row, node, NULL);
  }
  bool whole = row->key.type == PARAMETER_COUNT;
  if (text != NULL && sde_number_read(strlen(text), text, number) && in_range(&row->key, *number) &&
      (!whole || *number == floor(*number)))
    return true;
  return refuse(reader, row, node, NULL);
}

/* The sentence that refuses a choice names the nearest one. */
static bool refuse_choice(struct reader *reader, const struct schema_row *row, struct fy_node *node)
{
  char buffer[YAML_FOUND_SIZE], *nearest = text_nearest(yaml_scalar(node), row->key.choices);
  char *found =
      nearest == NULL ? NULL : sde_format("%s, nearest is '%s'", yaml_found(node, buffer), nearest);
  refuse(reader, row, node, found);
  sde_free(nearest);
  sde_free(found);
  return false;
}

/* A text, a choice or the name of a file. Released with sde_free; NULL on failure. */
static char *read_text(struct reader *reader, const struct schema_row *row, struct fy_node *node)
{
  const struct parameter_key *key = &row->key;
  const char *text = yaml_is_null(node) ? NULL : yaml_scalar(node);
  if (text == NULL)
    refuse(reader, row, node, NULL);
  else if (key->type != PARAMETER_CHOICE || text_is_one_of(text, key->choices))
    return sde_strdup(text);
  else
    refuse_choice(reader, row, node);
  return NULL;
}

static bool read_numbers(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                         struct parameters *parameters)
{
  size_t count = 0;
  void *previous = NULL;
  struct fy_node *item;
  double *values = sde_alloc(item_count(node), sizeof *values);
  bool good = true;
  while (good && (item = next_item(node, &previous)) != NULL)
    good = read_number(reader, row, item, &values[count++]);
  if (good)
    parameters_add_numbers(parameters, row->key.name, count, values, yaml_place(node));
  sde_free(values);
  return good;
}

static bool read_texts(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                       struct parameters *parameters)
{
  size_t count = 0;
  void *previous = NULL;
  struct fy_node *item;
  char **values = sde_alloc(item_count(node), sizeof *values);
  bool good = true;
  while (good && (item = next_item(node, &previous)) != NULL) {
    values[count] = read_text(reader, row, item);
    good = values[count] != NULL;
    count += good;
  }
  if (good)
    parameters_add_texts(parameters, row->key.name, count, (const char *const *)values,
                         yaml_place(node));
  for (size_t i = 0; i < count; i++)
    sde_free(values[i]);
  sde_free(values);
  return good;
}

static bool check_square(struct reader *reader, const struct schema_row *row, struct fy_node *node)
{
  size_t rows = item_count(node);
  void *previous = NULL;
  struct fy_node *item = NULL;
  if (!fy_node_is_sequence(node))
    return refuse(reader, row, node, NULL);
  while ((item = fy_node_sequence_iterate(node, &previous)) != NULL)
    if (!fy_node_is_sequence(item) || item_count(item) != rows) {
      char *found = sde_format("not square, with %zu rows and one of %zu", rows, item_count(item));
      refuse(reader, row, item, found);
      sde_free(found);
      return false;
    }
  return true;
}

static bool read_matrix(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                        struct parameters *parameters)
{
  if (!check_square(reader, row, node))
    return false;
  size_t rows = item_count(node), count = 0;
  double *values = sde_alloc(rows * rows, sizeof *values);
  void *previous = NULL, *inner;
  struct fy_node *line, *item;
  bool good = true;
  while (good && (line = fy_node_sequence_iterate(node, &previous)) != NULL)
    for (inner = NULL; good && (item = fy_node_sequence_iterate(line, &inner)) != NULL;)
      good = read_number(reader, row, item, &values[count++]);
  if (good)
    parameters_add_matrix(parameters, row->key.name, rows, rows, values, yaml_place(node));
  sde_free(values);
  return good;
}

static bool read_value(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                       struct parameters *parameters)
{
  const struct parameter_key *key = &row->key;
  if (fy_node_is_sequence(node) && item_count(node) == 0)
    return refuse(reader, row, node, "an empty list");
  if (key->type == PARAMETER_MATRIX)
    return read_matrix(reader, row, node, parameters);
  if (fy_node_is_mapping(node) || (fy_node_is_sequence(node) && !key->list))
    return refuse(reader, row, node, NULL);
  if (key->type == PARAMETER_COUNT || key->type == PARAMETER_REAL || key->type == PARAMETER_BOOL)
    return read_numbers(reader, row, node, parameters);
  return read_texts(reader, row, node, parameters);
}

/* What a row of files and the row of their checksums are read from, and into. */
struct file_list {
  size_t count, sums; /* files; checksums that the recipe records */
  char **name, **found;
  char (*hex)[SHA256_HEX_SIZE];
  const char *const *recorded; /* [sums] */
};

/* Where a file is that the recipe names, in a folder with a name that can be written down. */
static bool find_file(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                      const struct file_list *list, size_t i, char **found)
{
  const char *sum = i < list->sums ? list->recorded[i] : NULL;
  char *why = NULL;
  *found = data_file_find(reader->file, list->name[i], sum, &why);
  if (*found == NULL)
    sde_fail(reader->status, SDE_INVALID, "%s: %s: %s", yaml_place(node), row->key.name, why);
  else if (text_bad_byte(strlen(*found), *found) != strlen(*found))
    sde_fail(reader->status, SDE_INVALID,
             "%s: %s: the path to %s is no UTF-8 text; accepted are folders with such names",
             yaml_place(node), row->key.name, list->name[i]);
  sde_free(why);
  return reader->status->code == SDE_OK;
}

/* The checksum of a file, which must be the recorded one; `node` is that of the checksums. */
static bool sum_file(struct reader *reader, const struct schema_row *row, struct fy_node *files,
                     struct fy_node *node, struct file_list *list, size_t i)
{
  if (!sha256_of_file(list->found[i], list->hex[i]))
    return sde_fail(reader->status, SDE_INVALID, "%s: %s cannot be read: %s", yaml_place(files),
                    list->found[i], strerror(errno));
  if (list->recorded == NULL ||
      (i < list->sums && strcasecmp(list->recorded[i], list->hex[i]) == 0))
    return true;
  return sde_fail(reader->status, SDE_INVALID,
                  "%s: data file changed: %s has SHA-256 %s; accepted is the file as it was, or "
                  "no %s",
                  yaml_place(node), list->found[i], list->hex[i], row->key.name);
}

/* The names of the files, and the checksums that the recipe records unless the files were named anew
 * on the command line; `read` keeps the latter. */
static bool read_file_names(struct reader *reader, const struct schema_row *row,
                            struct fy_node *files, struct fy_node *sums, struct file_list *list,
                            struct parameters *read)
{
  bool stale = sums != NULL && yaml_is_override(files) && !yaml_is_override(sums);
  void *previous = NULL;
  struct fy_node *item;
  while ((item = next_item(files, &previous)) != NULL) {
    char *name = read_text(reader, row, item);
    if (name == NULL)
      return false;
    list->name[list->count++] = name;
  }
  if (sums == NULL || stale)
    return true;
  if (!read_value(reader, row + 1, sums, read))
    return false;
  list->recorded = parameters_texts(read, row[1].key.name, &list->sums);
  return true;
}

/* Files are kept with the place where they are and their checksums; written again, by their names
 * alone, so that a recipe is the same on every machine. */
static void keep_files(const struct schema_row *row, struct fy_node *files,
                       const struct file_list *list, struct parameters *parameters)
{
  const char **sums = sde_alloc(list->count, sizeof *sums);
  const char **names = sde_alloc(list->count, sizeof *names);
  for (size_t i = 0; i < list->count; i++) {
    sums[i] = list->hex[i];
    names[i] = data_file_portable_name(list->name[i]);
  }
  parameters_add_files(parameters, row->key.name, list->count, (const char *const *)list->found,
                       names, yaml_place(files));
  parameters_add_texts(parameters, row[1].key.name, list->count, sums, yaml_place(files));
  sde_free(sums);
  sde_free(names);
}

/* The files under a row, and their checksums under the next. */
static bool read_files(struct reader *reader, const struct schema_row *row, struct fy_node *map,
                       struct parameters *parameters)
{
  struct fy_node *files = yaml_get(map, row->key.name), *sums = yaml_get(map, row[1].key.name);
  if (files == NULL)
    return true;
  if (fy_node_is_mapping(files) || (fy_node_is_sequence(files) && !row->key.list))
    return refuse(reader, row, files, NULL);
  if (fy_node_is_sequence(files) && item_count(files) == 0)
    return refuse(reader, row, files, "an empty list");
  size_t most = item_count(files);
  struct parameters *read = parameters_new();
  struct file_list list = {.name = sde_alloc(most, sizeof *list.name),
                           .found = sde_alloc(most, sizeof *list.found),
                           .hex = sde_alloc(most, sizeof *list.hex)};
  bool good = read_file_names(reader, row, files, sums, &list, read);
  for (size_t i = 0; good && i < list.count; i++)
    good = find_file(reader, row, files, &list, i, &list.found[i]) &&
           sum_file(reader, row + 1, files, sums, &list, i);
  if (good)
    keep_files(row, files, &list, parameters);
  for (size_t i = 0; i < most; i++) {
    sde_free(list.name[i]);
    sde_free(list.found[i]);
  }
  sde_free(list.name), sde_free(list.found), sde_free(list.hex);
  parameters_free(read);
  return good;
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
      good =
          sde_fail(reader->status, SDE_INVALID, "%s: duplicate key '%s'; accepted is each key once",
                   yaml_place(key), row->key.name);
    else
      seen[row - schema->row] = true;
  }
  sde_free(seen);
  return good;
}

/* Read all values of a map, filling in defaults; of its sections only that they are there. */
static bool read_map(struct reader *reader, struct fy_node *map, const struct schema *schema,
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
      good = read_files(reader, row, map, parameters);
    else if (!row->checksum && node != NULL && row->section == SCHEMA_VALUE)
      good = read_value(reader, row, node, parameters);
    if (!good)
      return false;
  }
  return true;
}

/* The choice that decides which other keys a map has, read before them; released with sde_free.
 * NULL on failure. Frees the schema. */
static char *read_choice(struct reader *reader, struct fy_node *map, struct schema *schema,
                         const char *name)
{
  const struct schema_row *row = schema_find(schema, name);
  struct fy_node *node = yaml_get(map, name);
  char *choice = NULL;
  if (node == NULL)
    missing(reader, map, schema, row);
  else
    choice = read_text(reader, row, node);
  schema_free(schema);
  return choice;
}

/* A section that is one map. Frees the schema. */
static bool read_section(struct reader *reader, struct fy_node *map, struct schema *schema,
                         struct parameters **parameters)
{
  *parameters = parameters_new();
  bool good = read_map(reader, map, schema, *parameters);
  schema_free(schema);
  return good;
}

static bool read_loss(struct reader *reader, struct fy_node *map, struct recipe *recipe)
{
  char *name = read_choice(reader, map, schema_loss(NULL), "name");
  if (name == NULL)
    return false;
  recipe->loss_type = loss_type_named(name);
  sde_free(name);
  return read_section(reader, map, schema_loss(recipe->loss_type), &recipe->loss);
}

/* A section of several maps, or one. */
static bool read_sections(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                          struct schema *(*schema)(void), size_t *count,
                          struct parameters ***parameters)
{
  char found[YAML_FOUND_SIZE];
  void *previous = NULL;
  struct fy_node *item;
  if (!fy_node_is_sequence(node) && !fy_node_is_mapping(node))
    return refuse(reader, row, node, NULL);
  *parameters = sde_alloc(item_count(node), sizeof **parameters);
  while ((item = next_item(node, &previous)) != NULL) {
    if (!fy_node_is_mapping(item))
      return sde_fail(reader->status, SDE_INVALID,
                      "%s: an item of %s is %s; accepted is a map of keys", yaml_place(item),
                      row->key.name, yaml_found(item, found));
    if (!read_section(reader, item, schema(), &(*parameters)[(*count)++]))
      return false;
  }
  return true;
}

/* The update rule of each item of `optimizers:` that gives one. */
static bool read_updates(struct reader *reader, struct fy_node *node, struct recipe *recipe)
{
  void *previous = NULL;
  struct fy_node *item;
  recipe->update = sde_alloc(recipe->optimizers, sizeof *recipe->update);
  for (size_t i = 0; (item = next_item(node, &previous)) != NULL; i++) {
    struct fy_node *map = yaml_get(item, "update");
    struct schema *schema = schema_optimizer();
    bool good = map == NULL || fy_node_is_mapping(map) ||
                refuse(reader, schema_find(schema, "update"), map, NULL);
    schema_free(schema);
    char *name = good && map != NULL ? read_choice(reader, map, schema_update(NULL), "name") : NULL;
    if (!good || (map != NULL && name == NULL))
      return false;
    const struct update_rule *rule = name == NULL ? NULL : update_rule_named(name);
    sde_free(name);
    if (rule != NULL && !read_section(reader, map, schema_update(rule), &recipe->update[i]))
      return false;
  }
  return true;
}

static bool read_row_section(struct reader *reader, const struct schema_row *row,
                             struct recipe *recipe)
{
  struct fy_node *node = yaml_get(yaml_root(reader->yaml), row->key.name);
  bool one =
      row->section == SCHEMA_LOSS || row->section == SCHEMA_NOISE || row->section == SCHEMA_OUTPUT;
  if (one && !fy_node_is_mapping(node))
    return refuse(reader, row, node, NULL);
  if (row->section == SCHEMA_LOSS)
    return read_loss(reader, node, recipe);
  if (row->section == SCHEMA_NOISE)
    return read_section(reader, node, schema_noise(), &recipe->noise);
  if (row->section == SCHEMA_OUTPUT) {
    recipe->output_place = sde_strdup(yaml_place(node));
    return read_section(reader, node, schema_output(), &recipe->output);
  }
  if (row->section == SCHEMA_SDE) {
    recipe->sde_place = sde_strdup(yaml_place(node));
    return read_sections(reader, row, node, schema_sde, &recipe->sdes, &recipe->sde);
  }
  if (fy_node_is_sequence(node) && item_count(node) == 0)
    return refuse(reader, row, node, "an empty list");
  return read_sections(reader, row, node, schema_optimizer, &recipe->optimizers,
                       &recipe->optimizer) &&
         read_updates(reader, node, recipe);
}

/* T/eta is a whole number, to 1e-9 of itself. */
static bool check_steps(struct reader *reader, const struct recipe *recipe)
{
  char eta_text[TEXT_NUMBER_SIZE], time_text[TEXT_NUMBER_SIZE];
  double time = parameters_real(recipe->common, "time");
  size_t count;
  const double *eta = parameters_reals(recipe->common, "eta", &count);
  for (size_t i = 0; i < count; i++) {
    double steps = time / eta[i];
    if (steps <= STEPS_MAX && round(steps) >= 1 && fabs(steps - round(steps)) <= 1e-9 * steps)
      continue;
    return sde_fail(reader->status, SDE_INVALID,
                    "%s: time %s is %.10g steps of eta %s; accepted is a whole number of steps "
                    "from 1 to %.0f",
                    parameters_place(recipe->common, "eta"), text_number(time, time_text), steps,
                    text_number(eta[i], eta_text), STEPS_MAX);
  }
  return true;
}

/* Paths and a tolerance exclude each other where the study takes a tolerance. */
static bool check_tolerance(struct reader *reader, const struct recipe *recipe)
{
  const struct parameters *common = recipe->common;
  if (isnan(recipe_tolerance(recipe)) || !parameters_given(common, "paths"))
    return true;
  return sde_fail(reader->status, SDE_INVALID,
                  "%s: tolerance is given, and paths (%s) too; accepted is one of them, for each "
                  "decides the other",
                  parameters_place(common, "tolerance"), parameters_place(common, "paths"));
}

static bool read_recipe(struct reader *reader, struct recipe *recipe)
{
  struct fy_node *root = yaml_root(reader->yaml);
  char *study = read_choice(reader, root, schema_recipe(recipe->studies, NULL), "study");
  if (study == NULL)
    return false;
  recipe->study = study_named(recipe->studies, study);
  sde_free(study);
  struct schema *schema = schema_recipe(recipe->studies, recipe->study);
  recipe->common = parameters_new();
  bool good = read_map(reader, root, schema, recipe->common);
  for (size_t i = 0; good && i < schema->count; i++)
    if (schema->row[i].section != SCHEMA_VALUE)
      good = read_row_section(reader, &schema->row[i], recipe);
  schema_free(schema);
  return good && check_steps(reader, recipe) && check_tolerance(reader, recipe);
}

struct recipe *recipe_read(const char *file, const struct study_type *const *studies,
                           size_t overrides, const char *const *override, struct sde_status *status)
{
  struct reader reader = {
      .file = yaml_file_label(file), .yaml = yaml_read(file, status), .status = status};
  if (reader.yaml == NULL)
    return NULL;
  struct recipe *recipe = sde_alloc(1, sizeof *recipe);
  recipe->file = sde_strdup(reader.file);
  recipe->comment = recipe_comment(yaml_text(reader.yaml));
  recipe->studies = studies;
  recipe->automatic = (struct recipe_scheme){sde_scheme_named("euler-maruyama"), SUBSTEPS_DEFAULT};
  bool good = true;
  for (size_t i = 0; good && i < overrides; i++)
    good = yaml_override(reader.yaml, override[i], status);
  good = good && read_recipe(&reader, recipe);
  yaml_free(reader.yaml);
  if (!good) {
    recipe_free(recipe);
    return NULL;
  }
  recipe->resolved = resolve(recipe);
  sha256_bytes(strlen(recipe->resolved), recipe->resolved, recipe->sha256);
  return recipe;
}

struct recipe_scheme recipe_scheme(const struct recipe *recipe, size_t sde)
{
  const struct parameters *given = recipe->sde[sde];
  const struct sde_scheme *scheme = sde_scheme_named(parameters_text(given, "scheme"));
  struct recipe_scheme chosen = {scheme, SUBSTEPS_DEFAULT};
  if (scheme == NULL)
    chosen = recipe->automatic;
  if (parameters_has(given, "substeps"))
    chosen.substeps = parameters_u64(given, "substeps");
  return chosen;
}

double recipe_tolerance(const struct recipe *recipe)
{
  bool asked =
      parameters_has(recipe->common, "tolerance") && study_uses(recipe->study, "tolerance");
  return asked ? parameters_real(recipe->common, "tolerance") : NAN;
}

static bool reduces_variance(const struct recipe *recipe, const char *how)
{
  return study_uses(recipe->study, "variance_reduction") && isnan(recipe_tolerance(recipe)) &&
         strcmp(parameters_text(recipe->common, "variance_reduction"), how) == 0;
}

bool recipe_names_updates(const struct recipe *recipe)
{
  for (size_t i = 0; i < recipe->optimizers; i++)
    if (recipe->update[i] != NULL)
      return true;
  return false;
}

bool recipe_antithetic(const struct recipe *recipe)
{
  return reduces_variance(recipe, "antithetic");
}

bool recipe_control_variate(const struct recipe *recipe)
{
  return reduces_variance(recipe, "control-variate");
}

bool recipe_quasi_random(const struct recipe *recipe)
{
  return reduces_variance(recipe, "quasi-random");
}

void recipe_free(struct recipe *recipe)
{
  if (recipe == NULL)
    return;
  for (size_t i = 0; i < recipe->optimizers; i++)
    parameters_free(recipe->optimizer[i]);
  for (size_t i = 0; recipe->update != NULL && i < recipe->optimizers; i++)
    parameters_free(recipe->update[i]);
  for (size_t i = 0; i < recipe->sdes; i++)
    parameters_free(recipe->sde[i]);
  parameters_free(recipe->common);
  parameters_free(recipe->loss);
  parameters_free(recipe->noise);
  parameters_free(recipe->output);
  sde_free(recipe->optimizer);
  sde_free(recipe->update);
  sde_free(recipe->sde);
  sde_free(recipe->sde_place);
  sde_free(recipe->output_place);
  sde_free(recipe->file);
  sde_free(recipe->comment);
  sde_free(recipe->resolved);
  sde_free(recipe);
}

void recipe_each_file(const struct recipe *recipe, void (*each)(void *context, const char *path),
                      void *context)
{
  for (const struct parameter_key *key = recipe->loss_type->keys; key->name != NULL; key++) {
    size_t count = 0;
    const char *const *path = key->type == PARAMETER_FILE && parameters_has(recipe->loss, key->name)
                                  ? parameters_texts(recipe->loss, key->name, &count)
                                  : NULL;
    for (size_t i = 0; i < count; i++)
      each(context, path[i]);
  }
}

const char *recipe_place_given(const struct recipe *recipe, const char *key)
{
  const char *section = strcmp(key, "sde") == 0      ? recipe->sde_place
                        : strcmp(key, "output") == 0 ? recipe->output_place
                                                     : NULL;
  if (section != NULL)
    return strcmp(section, "default") == 0 ? NULL : section;
  return parameters_given(recipe->common, key) ? parameters_place(recipe->common, key) : NULL;
}
