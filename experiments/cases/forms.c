/*
 * Forms: see forms.h.
 */
#include "experiments/cases/forms.h"

#include "experiments/io/text.h"
#include "experiments/recipe/study.h"
#include "models/limit_forms.h"

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

/* "sgd; m-sam m=2" of one form: a label may have commas. */
static char *all_served(const struct cases *cases, size_t first, size_t sde)
{
  struct text text = {0};
  for (size_t i = first; i < cases->count; i++) {
    if (strcmp(description_of(cases, i, sde), description_of(cases, first, sde)) != 0 ||
        !is_first(cases, i, sde, true))
      continue;
    char *name = served_by(cases, i);
    text_add(&text, "%s%s", text.length == 0 ? "" : "; ", name);
    sde_free(name);
  }
  return text.data;
}

/* The same as the names of results: [{"optimizer": "m-sam", "update": "sgd"}, ...]. */
static json_t *optimizers_served(const struct cases *cases, size_t first, size_t sde)
{
  json_t *served = json_array();
  for (size_t i = first; i < cases->count; i++) {
    if (strcmp(description_of(cases, i, sde), description_of(cases, first, sde)) != 0)
      continue;
    const struct optimizer *optimizer = &cases->one[i].optimizer;
    json_t *names = json_pack("{s:s, s:s}", "optimizer", optimizer->rule->name, "update",
                              optimizer->update->name);
    bool seen = false;
    for (size_t k = 0; k < json_array_size(served) && !seen; k++)
      seen = json_equal(json_array_get(served, k), names);
    if (!seen)
      json_array_append(served, names);
    json_decref(names);
  }
  return served;
}

char *forms_text(const struct cases *cases, const char *margin)
{
  struct text text = {0};
  text_add(&text, "%s", "");
  for (size_t s = 0; study_uses(cases->recipe->study, "sde") && s < cases->recipe->sdes; s++)
    for (size_t i = 0; i < cases->count; i++)
      if (is_first(cases, i, s, false)) {
        char *served = all_served(cases, i, s);
        text_add(&text, "%sSDE %zu of %s: %s\n", margin, s, served, description_of(cases, i, s));
        sde_free(served);
      }
  return text.data;
}

/* ---- expectations ---- */

/* How normalised forms to first order in rho are computed; the batch is a micro-batch where m is b.
 */
static char *norm_expectation(const struct limit_form *form)
{
  bool normal = objective_is_gaussian(form->optimizer->objective);
  switch (form->norm) {
  case LIMIT_NORM_OF_MEAN:
    return sde_strdup("|g| stands for E|g_I|, which leaves the variance out");
  case LIMIT_NORM_OF_FRESH:
    return sde_format("grad E|g_I| is sampled from %zu fresh micro-batches per step",
                      form->directions);
  case LIMIT_NORM_OF_GAUSSIAN_NOISE:
  case LIMIT_NORM_OF_CLOSURE:
    break;
  }
  return sde_strdup(normal ? "grad E|g_I| is the integral for a normal g_I, which it is"
                           : "grad E|g_I| is that of a Gaussian closure: g_I of samples is taken "
                             "as normal, with mean g and covariance c(m) V");
}

/* How E u and Cov u are computed. */
static char *expectation(const struct limit_form *form)
{
  bool potentials = form->optimizer->objective->sampling == OBJECTIVE_GAUSSIAN;
  const char *linear =
      form->options.rho_order == LIMIT_RHO_ORDER_1 ? ", each to first order in rho" : "";
  switch (form->kind) {
  case LIMIT_FORM_ENUMERATED:
    return sde_format("E and Cov are over all %zu %s, enumerated%s", form->enumeration.count,
                      form->whole_batches ? "batches" : "micro-batches", linear);
  case LIMIT_FORM_SAMPLED:
    return sde_format("E and Cov are sampled from %zu fresh directions per step%s",
                      form->directions, linear);
  case LIMIT_FORM_NORM: {
    char *norm = norm_expectation(form);
    char *both = sde_format(
        "%s; Sigma is %s", norm,
        form->normalized
            ? "the covariance of g_I + rho H g_I/|g_I|, in closed form"
            : "its leading part c(b) V, right where |g| is large beside the deviation of "
              "g_I: near a minimum it lacks most of the noise");
    sde_free(norm);
    return both;
  }
  case LIMIT_FORM_POINT:
  case LIMIT_FORM_EXPANDED:
    break;
  }
  return sde_format("E and Cov are in closed form, from all %s",
                    potentials ? "noise potentials" : "samples");
}

json_t *forms_json(const struct cases *cases)
{
  json_t *forms = json_array();
  for (size_t s = 0; study_uses(cases->recipe->study, "sde") && s < cases->recipe->sdes; s++)
    for (size_t i = 0; i < cases->count; i++) {
      if (!is_first(cases, i, s, false))
        continue;
      char *served = all_served(cases, i, s);
      char *how = expectation(limit_form_of(cases->one[i].sde[s].limit));
      json_array_append_new(forms, json_pack("{s:i, s:s, s:o, s:s, s:s}", "sde_index", (int)s,
                                             "serves", served, "optimizers",
                                             optimizers_served(cases, i, s), "description",
                                             description_of(cases, i, s), "expectations", how));
      sde_free(how);
      sde_free(served);
    }
  return forms;
}
