/*
 * What a recipe says: see recipe.h.
 */
#include "experiments/recipe/recipe.h"

#include "experiments/recipe/study.h"

#include <math.h>
#include <string.h>

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

double recipe_checkpoint_seconds(const struct recipe *recipe)
{
  return parameters_has(recipe->common, "checkpoint")
             ? parameters_real(recipe->common, "checkpoint")
             : 60;
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
  for (size_t i = 0; i < RECIPE_SCHEDULES; i++)
    parameters_free(recipe->schedule[i]);
  sde_free(recipe->optimizer);
  sde_free(recipe->update);
  sde_free(recipe->sde);
  sde_free(recipe->sde_place);
  sde_free(recipe->output_place);
  sde_free(recipe->schedule_place);
  sde_free(recipe->domain_place);
  parameters_free(recipe->domain);
  sde_free(recipe->file);
  sde_free(recipe->comment);
  sde_free(recipe->resolved);
  sde_free(recipe);
}

void recipe_each_file(const struct recipe *recipe, void (*each)(void *context, const char *path),
                      void *context)
{
  for (const struct parameter_key *key = recipe->loss_type->keys; key != NULL && key->name != NULL;
       key++) {
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
  const char *section = strcmp(key, "sde") == 0        ? recipe->sde_place
                        : strcmp(key, "output") == 0   ? recipe->output_place
                        : strcmp(key, "schedule") == 0 ? recipe->schedule_place
                        : strcmp(key, "domain") == 0   ? recipe->domain_place
                                                       : NULL;
  if (section != NULL)
    return strcmp(section, "default") == 0 ? NULL : section;
  return parameters_given(recipe->common, key) ? parameters_place(recipe->common, key) : NULL;
}
