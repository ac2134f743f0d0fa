/*
 * The resolved recipe: see resolve.h. One value is written as an item, several as a list; one SDE
 * as a map, so that `--set sde.substeps=...` works on it.
 */
#include "experiments/recipe/resolve.h"

#include "experiments/io/text.h"
#include "experiments/recipe/recipe.h"
#include "experiments/recipe/schema.h"
#include "experiments/recipe/study.h"
#include "models/objective.h"

#include <math.h>
#include <string.h>

static void add_number(struct text *text, enum parameter_type type, double number)
{
  char buffer[TEXT_NUMBER_SIZE];
  if (type == PARAMETER_BOOL)
    text_add(text, "%s", number == 1 ? "true" : "false");
  else if (type == PARAMETER_COUNT)
    text_add(text, "%.0f", number);
  else
    text_add(text, "%s", text_number(number, buffer));
}

static void add_texts(struct text *text, const struct parameters *parameters,
                      const struct parameter_key *key)
{
  size_t count;
  const char *const *values = parameters_names(parameters, key->name, &count);
  text_add(text, "%s", count == 1 ? "" : "[");
  for (size_t i = 0; i < count; i++) {
    text_add(text, "%s", i == 0 ? "" : ", ");
    if (key->type == PARAMETER_CHOICE)
      text_add(text, "%s", values[i]); /* a plain word, or a number that is read as one */
    else
      text_add_yaml(text, values[i]);
  }
  text_add(text, "%s", count == 1 ? "" : "]");
}

static void add_numbers(struct text *text, const struct parameters *parameters,
                        const struct parameter_key *key)
{
  size_t count;
  const double *values = parameters_reals(parameters, key->name, &count);
  text_add(text, "%s", count == 1 ? "" : "[");
  for (size_t i = 0; i < count; i++) {
    text_add(text, "%s", i == 0 ? "" : ", ");
    add_number(text, key->type, values[i]);
  }
  text_add(text, "%s", count == 1 ? "" : "]");
}

static void add_matrix(struct text *text, const struct parameters *parameters, const char *name)
{
  size_t rows, columns;
  const double *values = parameters_matrix(parameters, name, &rows, &columns);
  for (size_t i = 0; i < rows; i++) {
    text_add(text, "%s", i == 0 ? "[" : ", ");
    for (size_t j = 0; j < columns; j++) {
      text_add(text, "%s", j == 0 ? "[" : ", ");
      add_number(text, PARAMETER_REAL, values[i * columns + j]);
    }
    text_add(text, "]");
  }
  text_add(text, "]");
}

static void add_value(struct text *text, const struct parameter_key *key,
                      const struct parameters *parameters)
{
  switch (key->type) {
  case PARAMETER_COUNT:
  case PARAMETER_REAL:
  case PARAMETER_BOOL:
    add_numbers(text, parameters, key);
    break;
  case PARAMETER_CHOICE:
  case PARAMETER_TEXT:
  case PARAMETER_FILE:
  case PARAMETER_NAMED:
    add_texts(text, parameters, key);
    break;
  case PARAMETER_MATRIX:
    add_matrix(text, parameters, key->name);
    break;
  }
  text_add(text, "\n");
}

/* The keys of a section, the first line after `first`, each other one after `margin`; without the
 * defaults of keys that are not used, where `uses` says which are. */
static void add_map(struct text *text, struct schema *schema, const struct parameters *parameters,
                    bool (*uses)(const struct parameters *parameters, const char *key),
                    const char *first, const char *margin)
{
  for (size_t i = 0; i < schema->count; i++) {
    const struct parameter_key *key = &schema->row[i].key;
    bool counts =
        uses == NULL || parameters_given(parameters, key->name) || uses(parameters, key->name);
    if (!parameters_has(parameters, key->name) || !counts)
      continue;
    text_add(text, "%s%s: ", first, key->name);
    add_value(text, key, parameters);
    first = margin;
  }
  schema_free(schema);
}

static void add_optimizer(struct text *text, const struct recipe *recipe, size_t i)
{
  const struct parameters *update = recipe->update[i];
  add_map(text, schema_optimizer(NULL), recipe->optimizer[i], NULL, "  - ", "    ");
  if (update == NULL)
    return;
  text_add(text, "    update:\n");
  add_map(text, schema_update(update_rule_named(parameters_text(update, "name"))), update, NULL,
          "      ", "      ");
}

static void add_schedules(struct text *text, const struct recipe *recipe)
{
  struct schema *schema = schema_schedule();
  for (size_t i = 0; i < RECIPE_SCHEDULES; i++) {
    const struct parameters *given = recipe->schedule[i];
    if (given == NULL)
      continue;
    text_add(text, "  %s:\n", schema->row[i].key.name);
    add_map(text, schema_shape(schedule_shape_named(parameters_text(given, "shape"))), given, NULL,
            "    ", "    ");
  }
  schema_free(schema);
}

static void add_section(struct text *text, const struct recipe *recipe, enum schema_section section)
{
  text_add(text, section == SCHEMA_SDE && recipe->sdes == 0 ? " []\n" : "\n");
  if (section == SCHEMA_LOSS)
    add_map(text, schema_loss(recipe->loss_type), recipe->loss, NULL, "  ", "  ");
  else if (section == SCHEMA_NOISE)
    add_map(text, schema_noise(), recipe->noise, noise_uses, "  ", "  ");
  else if (section == SCHEMA_OUTPUT)
    add_map(text, schema_output(), recipe->output, NULL, "  ", "  ");
  else if (section == SCHEMA_DOMAIN)
    add_map(text, schema_domain(), recipe->domain, NULL, "  ", "  ");
  else if (section == SCHEMA_SCHEDULE)
    add_schedules(text, recipe);
  else if (section == SCHEMA_OPTIMIZERS)
    for (size_t i = 0; i < recipe->optimizers; i++)
      add_optimizer(text, recipe, i);
  else if (recipe->sdes == 1)
    add_map(text, schema_sde(), recipe->sde[0], NULL, "  ", "  ");
  else
    for (size_t i = 0; i < recipe->sdes; i++)
      add_map(text, schema_sde(), recipe->sde[i], NULL, "  - ", "    ");
}

/* Keys that a tolerance takes the place of. */
static bool is_replaced(const struct recipe *recipe, const char *key)
{
  return !isnan(recipe_tolerance(recipe)) && recipe_place_given(recipe, key) == NULL &&
         (strcmp(key, "paths") == 0 || strcmp(key, "records") == 0 ||
          strcmp(key, "variance_reduction") == 0 || strcmp(key, "distance_paths") == 0);
}

char *resolve(const struct recipe *recipe)
{
  struct text text = {0};
  struct schema *schema = schema_recipe(recipe->studies, recipe->study);
  for (size_t i = 0; i < schema->count; i++) {
    const struct schema_row *row = &schema->row[i];
    bool section = row->section != SCHEMA_VALUE;
    bool counts = study_uses(recipe->study, row->key.name) ||
                  recipe_place_given(recipe, row->key.name) != NULL;
    bool absent = (row->section == SCHEMA_SCHEDULE && recipe->schedule_place == NULL) ||
                  (row->section == SCHEMA_DOMAIN && recipe->domain == NULL);
    if (!counts || absent || is_replaced(recipe, row->key.name) ||
        (!section && !parameters_has(recipe->common, row->key.name)))
      continue;
    text_add(&text, "%s:%s", row->key.name, section ? "" : " ");
    if (section)
      add_section(&text, recipe, row->section);
    else
      add_value(&text, &row->key, recipe->common);
  }
  schema_free(schema);
  return text.data;
}
