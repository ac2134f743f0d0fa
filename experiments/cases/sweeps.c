/*
 * Sweeps: see sweeps.h.
 */
#include "experiments/cases/sweeps.h"

#include <string.h>

static bool check_numbers(const struct parameters *parameters, const char *key,
                          struct sde_status *status)
{
  size_t count;
  if (!parameters_has(parameters, key))
    return true;
  const double *value = parameters_reals(parameters, key, &count);
  for (size_t i = 1; i < count; i++)
    for (size_t k = 0; k < i; k++)
      if (value[i] == value[k])
        return sde_fail(status, SDE_INVALID, "%s: %s has %.17g twice; give each value once",
                        parameters_place(parameters, key), key, value[i]);
  return true;
}

bool sweeps_check_lists(const struct recipe *recipe, struct sde_status *status)
{
  static const char *const keys[] = {"batch", "paths", "eta", "rho"};
  bool good = true;
  for (size_t i = 0; good && i < sizeof keys / sizeof *keys; i++)
    good = check_numbers(recipe->common, keys[i], status);
  for (size_t i = 0; good && i < recipe->optimizers; i++)
    good = check_numbers(recipe->optimizer[i], "micro_batch", status);
  return good;
}

static bool check_optimizers(const struct cases *cases, size_t variants, struct sde_status *status)
{
  for (size_t i = 1; i < variants; i++)
    for (size_t k = 0; k < i; k++) {
      const struct optimizer *a = &cases->one[i].optimizer, *b = &cases->one[k].optimizer;
      if (!optimizer_same_rules(a, b))
        continue;
      char *label = case_label(&cases->one[i]);
      sde_fail(status, SDE_INVALID, "%s: optimizers has %s twice; give each optimizer once",
               cases->recipe->file, label);
      sde_free(label);
      return false;
    }
  return true;
}

/* Are scheme and substeps given alike? What the program chooses may come out alike. */
static bool same_solution(const struct parameters *a, const struct parameters *b)
{
  bool free = !parameters_has(a, "substeps");
  return strcmp(parameters_text(a, "scheme"), parameters_text(b, "scheme")) == 0 &&
         free == !parameters_has(b, "substeps") &&
         (free || parameters_u64(a, "substeps") == parameters_u64(b, "substeps"));
}

/* The gradient rule whose SDE is offered; "" for the optimizer's own. */
static const char *rule_of(const struct parameters *sde)
{
  return parameters_has(sde, "of") ? parameters_text(sde, "of") : "";
}

static bool same_sde(const struct cases *cases, size_t i, size_t k)
{
  const struct case_sde *a = &cases->one[0].sde[i], *b = &cases->one[0].sde[k];
  const struct limit_options *x = limit_options_of(a->limit), *y = limit_options_of(b->limit);
  return x->eta_order == y->eta_order && x->rho_order == y->rho_order &&
         x->variance_term == y->variance_term && x->factor == y->factor && x->norm == y->norm &&
         x->covariance == y->covariance && x->directions == y->directions &&
         strcmp(rule_of(cases->recipe->sde[i]), rule_of(cases->recipe->sde[k])) == 0 &&
         same_solution(cases->recipe->sde[i], cases->recipe->sde[k]);
}

bool sweeps_check_cases(const struct cases *cases, size_t variants, struct sde_status *status)
{
  if (!check_optimizers(cases, variants, status))
    return false;
  for (size_t i = 1; cases->count > 0 && i < cases->recipe->sdes; i++)
    for (size_t k = 0; k < i; k++)
      if (same_sde(cases, i, k))
        return sde_fail(status, SDE_INVALID, "%s: SDE %zu is SDE %zu once more; give each sde once",
                        cases->recipe->file, i, k);
  return true;
}
