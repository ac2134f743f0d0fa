/*
 * Unused keys: see unused.h.
 */
#include "experiments/cases/unused.h"

#include "experiments/io/text.h"
#include "experiments/recipe/study.h"

#include <math.h>
#include <string.h>

/* Options of an SDE that have an effect in some cases only. */
struct option {
  const char *key, *obstacle;
  bool (*uses)(const struct limit *limit);
};

static const struct option options[] = {
    {"norm", "needs E|g_I| in no case", limit_uses_norm},
    {"covariance", "needs the noise of SAM or m-SAM, without enumeration, in no case",
     limit_uses_covariance},
    {"directions", "draws nothing afresh in any case", limit_uses_directions}};

/* norm: auto and directions: 0 ask for nothing, though given. */
static bool asks(const struct parameters *sde, const char *key)
{
  if (strcmp(key, "covariance") == 0)
    return parameters_has(sde, key);
  return strcmp(key, "norm") == 0 ? strcmp(parameters_text(sde, key), "auto") != 0
                                  : parameters_u64(sde, key) > 0;
}

static bool is_used(const struct cases *cases, size_t sde, const struct option *option)
{
  for (size_t i = 0; i < cases->count; i++)
    if (option->uses(cases->one[i].sde[sde].limit))
      return true;
  return false;
}

static void add_options(const struct cases *cases, const char *margin, struct text *text)
{
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
      const struct parameters *sde = cases->recipe->sde[s];
      if (asks(sde, options[k].key) && !is_used(cases, s, &options[k]))
        text_add(text, "%s%s: %s has no effect: SDE %zu %s\n", margin,
                 parameters_place(sde, options[k].key), options[k].key, s, options[k].obstacle);
    }
}

/* A tolerance is for means at the end time, and chooses time steps for itself. */
static void add_replaced(const struct recipe *recipe, const char *margin, struct text *text)
{
  static const char *const keys[] = {"records", "distance_paths", "variance_reduction", "output"};
  static const char *const single[] = {"distance_paths", "output"};
  const char *why = recipe_antithetic(recipe)     ? "means of antithetic pairs are no single paths"
                    : recipe_quasi_random(recipe) ? "quasi-random paths are not independent"
                                                  : NULL;
  for (size_t k = 0; why != NULL && k < sizeof single / sizeof *single; k++)
    if (recipe_place_given(recipe, single[k]) != NULL)
      text_add(text, "%s%s: %s is not used: %s\n", margin, recipe_place_given(recipe, single[k]),
               single[k], why);
  if (recipe_quasi_random(recipe) && recipe->sdes == 0)
    text_add(text, "%s%s: variance_reduction has no effect: only SDEs have quasi-random paths\n",
             margin, recipe_place_given(recipe, "variance_reduction"));
  if (recipe_control_variate(recipe) && recipe->sdes == 0)
    text_add(text, "%s%s: variance_reduction has no effect: there is no SDE to have a control\n",
             margin, recipe_place_given(recipe, "variance_reduction"));
  if (isnan(recipe_tolerance(recipe)))
    return;
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
    const char *place = recipe_place_given(recipe, keys[k]);
    if (place != NULL)
      text_add(text,
               "%s%s: %s is not used: a run to a tolerance yields only means at the end time\n",
               margin, place, keys[k]);
  }
  for (size_t s = 0; s < recipe->sdes; s++)
    if (parameters_has(recipe->sde[s], "substeps"))
      text_add(text, "%s%s: substeps is not used: a tolerance chooses its own time steps\n", margin,
               parameters_place(recipe->sde[s], "substeps"));
}

/* What should be known of the results, whatever the keys. */
static void add_caution(const struct cases *cases, const char *margin, struct text *text)
{
  const struct noise *noise = cases->objective->noise;
  if (noise != NULL && noise_caution(noise) != NULL)
    text_add(text, "%s%s: %s\n", margin,
             parameters_place(cases->recipe->noise, "degrees_of_freedom"), noise_caution(noise));
}

char *unused_keys(const struct cases *cases, const char *margin)
{
  const struct recipe *recipe = cases->recipe;
  const struct study_type *study = recipe->study;
  struct text text = {0};
  text_add(&text, "%s", "");
  for (const char *const *key = study->unused; key != NULL && *key != NULL; key++) {
    const char *place = recipe_place_given(recipe, *key);
    if (place != NULL)
      text_add(&text, "%s%s: %s is not used by the study %s\n", margin, place, *key, study->name);
  }
  add_replaced(recipe, margin, &text);
  const char *output = recipe_place_given(recipe, "output");
  if (output != NULL && !study_uses(study, "output"))
    text_add(&text, "%s%s: output is not used by the study %s\n", margin, output, study->name);
  if (study_uses(study, "sde"))
    add_options(cases, margin, &text);
  add_caution(cases, margin, &text);
  if (cases->loss->note != NULL)
    text_add(&text, "%s%s\n", margin, cases->loss->note);
  return text.data;
}
