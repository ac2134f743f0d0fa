/*
 * Remainders: see remainder.h.
 */
#include "experiments/studies/remainder.h"

/* May the noise add a term to R that depends on x? Constant noise adds none by tr V. */
static bool has_variance_term(const struct cases *cases, const struct optimizer *optimizer)
{
  const struct gradient_rule *rule = optimizer->rule;
  bool by_trace =
      rule->theory.regularizer != 0 && (rule->theory.regularizer & REGULARIZER_MEAN_NORM) == 0;
  return gradient_rule_sees_noise(rule) &&
         objective_batch_factor(cases->objective, optimizer->micro_batch) > 0 &&
         !(by_trace && objective_has_constant_noise(cases->objective));
}

bool remainder_is_first_order(const struct cases *cases, const struct optimizer *optimizer,
                              const struct limit_options *options)
{
  if (optimizer->rule->theory.depends == GRADIENT_UNPERTURBED)
    return false;
  return options->rho_order == LIMIT_RHO_ORDER_0 ||
         (options->rho_order == LIMIT_RHO_ORDER_1 && !options->variance_term &&
          has_variance_term(cases, optimizer));
}

bool remainder_has_higher_orders(const struct cases *cases, const struct optimizer *optimizer,
                                 const struct limit_options *options)
{
  return !cases->loss->quadratic || !optimizer->rule->theory.affine || options->eta_order != 1;
}

bool remainder_is_second_order(const struct cases *cases, const struct optimizer *optimizer,
                               const struct limit_options *options)
{
  return options->rho_order == LIMIT_RHO_ORDER_1 && optimizer->rho > 0 &&
         optimizer->rule->theory.depends != GRADIENT_UNPERTURBED &&
         remainder_has_higher_orders(cases, optimizer, options);
}
