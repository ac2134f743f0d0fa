/*
 * Remainders: see remainder.h.
 */
#include "experiments/studies/remainder.h"

/* Does tr V, or E|g_I|, depend on x by the noise? */
static bool has_variance_term(const struct cases *cases, const struct optimizer *optimizer)
{
  return optimizer->type->perturbation != PERTURB_FULL_GRADIENT &&
         objective_batch_factor(cases->objective, optimizer->micro_batch) > 0 &&
         (optimizer->type->normalized || !objective_has_constant_noise(cases->objective));
}

bool remainder_is_first_order(const struct cases *cases, const struct optimizer *optimizer,
                              const struct limit_options *options)
{
  enum perturbation perturbation = optimizer->type->perturbation;
  if (perturbation == PERTURB_NOTHING)
    return false;
  return options->rho_order == LIMIT_RHO_ORDER_0 ||
         (options->rho_order == LIMIT_RHO_ORDER_1 && !options->variance_term &&
          has_variance_term(cases, optimizer));
}

bool remainder_has_higher_orders(const struct cases *cases, const struct optimizer *optimizer,
                                 const struct limit_options *options)
{
  return !cases->loss->quadratic || optimizer->type->normalized || options->eta_order != 1;
}

bool remainder_is_second_order(const struct cases *cases, const struct optimizer *optimizer,
                               const struct limit_options *options)
{
  return options->rho_order == LIMIT_RHO_ORDER_1 && optimizer->rho > 0 &&
         optimizer->type->perturbation != PERTURB_NOTHING &&
         remainder_has_higher_orders(cases, optimizer, options);
}
