/*
 * Optimizers of which no order in eta is claimed: see no_order.h.
 */
#include "experiments/studies/no_order.h"

#include <string.h>

bool no_order_is_claimed(const struct run_case *one, const struct limit_options *options)
{
  bool reshuffled = one->optimizer.objective->reshuffled;
  bool complete = reshuffled ? options->eta_order == 1 || options->variance_term
                             : options->factor != LIMIT_FACTOR_NONE;
  return complete && one->optimizer.objective->domain == NULL &&
         optimizer_has_smooth_limit(&one->optimizer);
}

/* Are they one optimizer at two eta, but for the settings of its update rule? */
static bool differ_in_settings(const struct optimizer *a, const struct optimizer *b)
{
  struct optimizer same = *b;
  same.eta = a->eta;
  memcpy(same.update_setting, a->update_setting, sizeof same.update_setting);
  return a->eta != b->eta && a->rho == b->rho && a->batch == b->batch &&
         a->micro_batch == b->micro_batch && optimizer_same_rules(a, &same) &&
         !optimizer_same_rules(a, b);
}

/* The case of the smallest eta that differs so; NULL where there is none. */
static const struct run_case *other_end(const struct cases *cases, const struct run_case *one)
{
  const struct run_case *end = NULL;
  for (size_t i = 0; i < cases->count; i++)
    if (differ_in_settings(&one->optimizer, &cases->one[i].optimizer) &&
        (end == NULL || cases->one[i].optimizer.eta < end->optimizer.eta))
      end = &cases->one[i];
  return end;
}

/* One warning for each update rule is enough. */
static bool is_first(const struct cases *cases, size_t index)
{
  for (size_t i = 0; i < index; i++)
    if (cases->one[i].optimizer.update == cases->one[index].optimizer.update)
      return false;
  return true;
}

void no_order_report(struct results *results, const struct cases *cases)
{
  if (cases->objective->domain != NULL)
    results_note(
        results, true,
        "Paths are kept in a box: no order in eta is claimed, for steps at the boundary have "
        "their own\n");
  for (size_t i = 0; i < cases->count; i++) {
    const struct run_case *one = &cases->one[i], *other = other_end(cases, one);
    const char *name = one->optimizer.update->name;
    if (is_first(cases, i) && !optimizer_has_smooth_limit(&one->optimizer))
      results_note(results, true,
                   "The mean update of %s jumps where a gradient of a sample changes its sign: no "
                   "order in eta is claimed for it\n",
                   name);
    if (other == NULL || !is_first(cases, i))
      continue;
    char *from = optimizer_update_label(&one->optimizer);
    char *to = optimizer_update_label(&other->optimizer);
    results_note(results, true,
                 "The update rule changes with eta: %s at eta %g is %s at eta %g. No order in eta "
                 "is claimed for it; give the setting that stays fixed as eta goes to 0 "
                 "(`sharpsde explain %s`)\n",
                 from, one->optimizer.eta, to, other->optimizer.eta, name);
    sde_free(from);
    sde_free(to);
  }
}
