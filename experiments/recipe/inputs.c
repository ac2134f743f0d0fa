/*
 * Inputs: see inputs.h.
 */
#include "experiments/recipe/inputs.h"

#include "experiments/recipe/schema.h"

/* The inputs of one section of the recipe. Frees the schema. */
static bool each_of(struct schema *schema, const struct parameters *parameters,
                    bool (*input)(void *context, const char *file, const char *place),
                    void *context)
{
  bool all = true;
  for (size_t i = 0; all && i < schema->count; i++) {
    const struct parameter_key *key = &schema->row[i].key;
    if (key->type != PARAMETER_FILE || schema->row[i].section != SCHEMA_VALUE ||
        !parameters_has(parameters, key->name))
      continue;
    size_t count;
    const char *const *files = parameters_texts(parameters, key->name, &count);
    for (size_t f = 0; all && f < count; f++)
      all = input(context, files[f], parameters_place(parameters, key->name));
  }
  schema_free(schema);
  return all;
}

bool recipe_each_input(const struct recipe *recipe,
                       bool (*input)(void *context, const char *file, const char *place),
                       void *context)
{
  const struct study_type *const only[] = {recipe->study, NULL};
  return each_of(schema_recipe(only, recipe->study), recipe->common, input, context) &&
         each_of(schema_loss(recipe->loss_type), recipe->loss, input, context);
}
