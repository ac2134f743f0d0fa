/*
 * Names of a run's SDEs: see sde_label.h.
 */
#include "experiments/results/sde_label.h"

#include "experiments/io/text.h"
#include "sde/status.h"

#include <string.h>

static bool differs(const json_t *sdes, const char *key)
{
  const json_t *first = json_object_get(json_array_get(sdes, 0), key);
  for (size_t i = 1; i < json_array_size(sdes); i++)
    if (!json_equal(json_object_get(json_array_get(sdes, i), key), first))
      return true;
  return false;
}

static const char *rho_text(const json_t *sde)
{
  const json_t *order = json_object_get(sde, "rho_order");
  if (json_is_string(order))
    return "exact in ρ";
  return json_integer_value(order) == 0 ? "ρ⁰" : "ρ¹";
}

static void add_substeps(struct text *text, const char *before, const json_t *sde)
{
  long long substeps = (long long)json_integer_value(json_object_get(sde, "substeps"));
  text_add(text, "%s%lld substep%s", before, substeps, substeps == 1 ? "" : "s");
}

/* In words, where the recipe says it; else NULL. */
static const char *covariance_of(const json_t *sde)
{
  const char *given = json_string_value(json_object_get(sde, "covariance"));
  return given == NULL                   ? NULL
         : strcmp(given, "leading") == 0 ? "leading noise"
                                         : "normalised covariance";
}

static void add_differences(struct text *text, const json_t *sdes, const json_t *sde)
{
  const char *of = json_string_value(json_object_get(sde, "of"));
  if (of != NULL)
    text_add(text, ", that of %s", of);
  if (differs(sdes, "eta_order"))
    text_add(text, ", %s order in η",
             json_integer_value(json_object_get(sde, "eta_order")) == 2 ? "2nd" : "1st");
  if (differs(sdes, "rho_order"))
    text_add(text, ", %s", rho_text(sde));
  /* The equation without terms in rho has none of them. */
  const json_t *order = json_object_get(sde, "rho_order");
  bool without = json_is_integer(order) && json_integer_value(order) == 0;
  if (differs(sdes, "variance_term") && !without)
    text_add(text, ", %s variance term",
             json_is_true(json_object_get(sde, "variance_term")) ? "with" : "no");
  if (json_is_false(json_object_get(sde, "noise")))
    text_add(text, ", no noise");
  const char *covariance = covariance_of(sde);
  if (covariance != NULL)
    text_add(text, ", %s", covariance);
  const char *scheme = json_string_value(json_object_get(sde, "scheme"));
  if (differs(sdes, "scheme") && scheme != NULL)
    text_add(text, ", %s", scheme);
  if (differs(sdes, "substeps"))
    add_substeps(text, ", ", sde);
}

char *sde_label(const json_t *sdes, size_t index)
{
  const json_t *sde = json_array_get(sdes, index);
  if (sde != NULL && json_array_size(sdes) == 1)
    return sde_strdup("SDE");
  struct text text = {0};
  text_add(&text, "SDE %zu", index);
  if (sde != NULL)
    add_differences(&text, sdes, sde);
  return text.data;
}

char *sde_description(const json_t *sde)
{
  struct text text = {0};
  const json_t *rho = json_object_get(sde, "rho_order");
  const char *scheme = json_string_value(json_object_get(sde, "scheme"));
  text_add(&text, "%s order in η, %s%s",
           json_integer_value(json_object_get(sde, "eta_order")) == 2 ? "second" : "first",
           json_is_string(rho)            ? "no expansion in ρ"
           : json_integer_value(rho) == 0 ? "no term in ρ"
                                          : "first order in ρ",
           json_is_false(json_object_get(sde, "variance_term")) ? ", without the variance term"
                                                                : "");
  if (json_is_false(json_object_get(sde, "noise")))
    text_add(&text, ", without the diffusion");
  const char *covariance = covariance_of(sde);
  if (covariance != NULL)
    text_add(&text, ", %s", covariance);
  if (scheme != NULL) {
    text_add(&text, "; solved by %s", scheme);
    add_substeps(&text, " with ", sde);
  }
  return text.data;
}
