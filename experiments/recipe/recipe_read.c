/*
 * Reading a recipe: its sections, and what holds between their keys. See recipe.h.
 */
#include "experiments/io/sha256.h"
#include "experiments/io/text.h"
#include "experiments/recipe/reader.h"
#include "experiments/recipe/recipe.h"
#include "experiments/recipe/recipe_comment.h"
#include "experiments/recipe/resolve.h"
#include "experiments/recipe/study.h"

#include <math.h>
#include <string.h>

/* More steps than anybody waits for; step numbers stay exact in every type. */
#define STEPS_MAX 0x1p31

static bool read_loss(struct reader *reader, struct fy_node *map, struct recipe *recipe)
{
  char *name = reader_choice(reader, map, schema_loss(NULL), "name");
  if (name == NULL)
    return false;
  recipe->loss_type = loss_type_named(name);
  sde_free(name);
  return reader_section(reader, map, schema_loss(recipe->loss_type), &recipe->loss);
}

/* The schema of an item of `sde:`, and of one of `optimizers:`, whose name decides. */
static struct schema *schema_of_sde(struct fy_node *item)
{
  (void)item;
  return schema_sde();
}

static struct schema *schema_of_optimizer(struct fy_node *item)
{
  struct fy_node *name = yaml_get(item, "name");
  const char *scalar = name == NULL ? NULL : yaml_scalar(name);
  return schema_optimizer(scalar == NULL ? NULL : gradient_rule_named(scalar));
}

/* A section of several maps, or one. */
static bool read_sections(struct reader *reader, const struct schema_row *row, struct fy_node *node,
                          struct schema *(*schema)(struct fy_node *item), size_t *count,
                          struct parameters ***parameters)
{
  char found[YAML_FOUND_SIZE];
  void *previous = NULL;
  struct fy_node *item;
  if (!fy_node_is_sequence(node) && !fy_node_is_mapping(node))
    return reader_refuse(reader, row, node, NULL);
  *parameters = sde_alloc(reader_item_count(node), sizeof **parameters);
  while ((item = reader_next_item(node, &previous)) != NULL) {
    if (!fy_node_is_mapping(item))
      return sde_fail(reader->status, SDE_INVALID,
                      "%s: an item of %s is %s; accepted is a map of keys", yaml_place(item),
                      row->key.name, yaml_found(item, found));
    if (!reader_section(reader, item, schema(item), &(*parameters)[(*count)++]))
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
  for (size_t i = 0; (item = reader_next_item(node, &previous)) != NULL; i++) {
    struct fy_node *map = yaml_get(item, "update");
    struct schema *schema = schema_optimizer(NULL);
    bool good = map == NULL || fy_node_is_mapping(map) ||
                reader_refuse(reader, schema_find(schema, "update"), map, NULL);
    schema_free(schema);
    char *name =
        good && map != NULL ? reader_choice(reader, map, schema_update(NULL), "name") : NULL;
    if (!good || (map != NULL && name == NULL))
      return false;
    const struct update_rule *rule = name == NULL ? NULL : update_rule_named(name);
    sde_free(name);
    if (rule != NULL && !reader_section(reader, map, schema_update(rule), &recipe->update[i]))
      return false;
  }
  return true;
}

/* The shape of each of eta and rho that the map names. */
static bool read_schedule(struct reader *reader, struct fy_node *map, struct recipe *recipe)
{
  struct parameters *none;
  recipe->schedule_place = sde_strdup(yaml_place(map));
  bool good = reader_section(reader, map, schema_schedule(), &none);
  parameters_free(none);
  struct schema *schema = schema_schedule();
  for (size_t i = 0; good && i < schema->count; i++) {
    struct fy_node *node = yaml_get(map, schema->row[i].key.name);
    if (node == NULL)
      continue;
    if (!fy_node_is_mapping(node)) {
      good = reader_refuse(reader, &schema->row[i], node, NULL);
      break;
    }
    char *name = reader_choice(reader, node, schema_shape(NULL), "shape");
    const struct schedule_shape *shape = name == NULL ? NULL : schedule_shape_named(name);
    sde_free(name);
    good = shape != NULL && reader_section(reader, node, schema_shape(shape), &recipe->schedule[i]);
  }
  schema_free(schema);
  return good;
}

static bool read_row_section(struct reader *reader, const struct schema_row *row,
                             struct recipe *recipe)
{
  struct fy_node *node = yaml_get(yaml_root(reader->yaml), row->key.name);
  bool one = row->section == SCHEMA_LOSS || row->section == SCHEMA_NOISE ||
             row->section == SCHEMA_OUTPUT || row->section == SCHEMA_SCHEDULE ||
             row->section == SCHEMA_DOMAIN;
  if (node == NULL)
    return true;
  if (one && !fy_node_is_mapping(node))
    return reader_refuse(reader, row, node, NULL);
  if (row->section == SCHEMA_LOSS)
    return read_loss(reader, node, recipe);
  if (row->section == SCHEMA_NOISE)
    return reader_section(reader, node, schema_noise(), &recipe->noise);
  if (row->section == SCHEMA_OUTPUT) {
    recipe->output_place = sde_strdup(yaml_place(node));
    return reader_section(reader, node, schema_output(), &recipe->output);
  }
  if (row->section == SCHEMA_DOMAIN) {
    recipe->domain_place = sde_strdup(yaml_place(node));
    return reader_section(reader, node, schema_domain(), &recipe->domain);
  }
  if (row->section == SCHEMA_SCHEDULE)
    return read_schedule(reader, node, recipe);
  if (row->section == SCHEMA_SDE) {
    recipe->sde_place = sde_strdup(yaml_place(node));
    return read_sections(reader, row, node, schema_of_sde, &recipe->sdes, &recipe->sde);
  }
  if (fy_node_is_sequence(node) && reader_item_count(node) == 0)
    return reader_refuse(reader, row, node, "an empty list");
  return read_sections(reader, row, node, schema_of_optimizer, &recipe->optimizers,
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
  char *study = reader_choice(reader, root, schema_recipe(recipe->studies, NULL), "study");
  if (study == NULL)
    return false;
  recipe->study = study_named(recipe->studies, study);
  sde_free(study);
  struct schema *schema = schema_recipe(recipe->studies, recipe->study);
  recipe->common = parameters_new();
  bool good = reader_map(reader, root, schema, recipe->common);
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
