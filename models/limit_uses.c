/*
 * What of its options a limit uses, and whose Wiener processes drive it. See limit.h.
 */
#include "models/limit.h"
#include "models/limit_forms.h"

bool limit_uses_norm(const struct limit *limit)
{
  const struct limit_form *form = limit_form_of(limit);
  return form->options.rho_order == LIMIT_RHO_ORDER_1 && form->options.variance_term &&
         (form->kind == LIMIT_FORM_ENUMERATED || form->kind == LIMIT_FORM_NORM);
}

bool limit_uses_covariance(const struct limit *limit)
{
  return limit_form_of(limit)->kind == LIMIT_FORM_NORM;
}

bool limit_uses_directions(const struct limit *limit)
{
  const struct limit_form *form = limit_form_of(limit);
  return form->kind == LIMIT_FORM_SAMPLED ||
         (form->kind == LIMIT_FORM_NORM && form->norm == LIMIT_NORM_OF_FRESH);
}

bool limit_has_potential_columns(const struct limit *limit)
{
  const struct limit_form *form = limit_form_of(limit);
  bool components = form->kind == LIMIT_FORM_POINT || form->kind == LIMIT_FORM_EXPANDED ||
                    form->kind == LIMIT_FORM_NORM;
  return objective_is_gaussian(form->optimizer->objective) && components && !form->plan.cholesky &&
         form->options.factor != LIMIT_FACTOR_NONE;
}
