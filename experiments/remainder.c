/*
 * Remainders: see remainder.h.
 */
#include "experiments/remainder.h"

bool remainder_is_first_order(const struct cases *cases, const struct optimizer *optimizer,
                              const struct limit_options *options)
{
  enum perturbation perturbation = optimizer->type->perturbation;
  if (perturbation == PERTURB_NOTHING)
    return false;
  bool varies = perturbation != PERTURB_FULL_GRADIENT &&
                objective_batch_factor(cases->objective, optimizer->micro_batch) > 0;
  return options->rho_order == RHO_ORDER_0 ||
         (options->rho_order == RHO_ORDER_1 && !options->variance_term && varies);
}

bool remainder_is_second_order(const struct cases *cases, const struct optimizer *optimizer,
                               const struct limit_options *options)
{
  bool exact_drift = cases->loss->quadratic && !optimizer->type->normalized;
  return options->rho_order == RHO_ORDER_1 && optimizer->rho > 0 &&
         optimizer->type->perturbation != PERTURB_NOTHING &&
         !(exact_drift && options->eta_order == 1);
}
