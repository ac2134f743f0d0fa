/*
 * Forms: see forms.h.
 */
#include "experiments/forms.h"

#include "experiments/study.h"
#include "experiments/text.h"

#include <string.h>

static const char *description_of(const struct cases *cases, size_t index, size_t sde)
{
  return limit_description(cases->one[index].sde[sde].limit);
}

/* What a form may depend on: optimizer, micro-batch, batch, and whether rho is 0. */
static char *served_by(const struct cases *cases, size_t index)
{
  const struct parameters *common = cases->recipe->common;
  const struct run_case *one = &cases->one[index];
  struct text text = {0};
  char *label = case_label(one);
  text_add(&text, "%s", label);
  if (parameters_count(common, "batch") > 1)
    text_add(&text, " b=%zu", one->optimizer.batch);
  if (parameters_count(common, "rho") > 1 && one->optimizer.rho == 0)
    text_add(&text, " rho=0");
  sde_free(label);
  return text.data;
}

/* Is this the first case of an SDE with its description, and where `same_name` is asked for, with
 * its name too? */
static bool is_first(const struct cases *cases, size_t index, size_t sde, bool same_name)
{
  char *name = served_by(cases, index);
  bool first = true;
  for (size_t i = 0; first && i < index; i++) {
    char *other = served_by(cases, i);
    first = strcmp(description_of(cases, i, sde), description_of(cases, index, sde)) != 0 ||
            (same_name && strcmp(name, other) != 0);
    sde_free(other);
  }
  sde_free(name);
  return first;
}

static void add_form(const struct cases *cases, size_t first, size_t sde, struct text *text)
{
  const char *separator = "";
  for (size_t i = first; i < cases->count; i++) {
    if (strcmp(description_of(cases, i, sde), description_of(cases, first, sde)) != 0 ||
        !is_first(cases, i, sde, true))
      continue;
    char *name = served_by(cases, i);
    text_add(text, "%s%s", separator, name);
    separator = ", ";
    sde_free(name);
  }
  text_add(text, ": %s\n", description_of(cases, first, sde));
}

char *forms_text(const struct cases *cases, const char *margin)
{
  struct text text = {0};
  text_add(&text, "%s", "");
  for (size_t s = 0; study_uses(cases->recipe->study, "sde") && s < cases->recipe->sdes; s++)
    for (size_t i = 0; i < cases->count; i++)
      if (is_first(cases, i, s, false)) {
        text_add(&text, "%sSDE %zu of ", margin, s);
        add_form(cases, i, s, &text);
      }
  return text.data;
}
