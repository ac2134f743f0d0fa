/*
 * What the library's analysis makes of a case: see case_analysis.h.
 */
#include "experiments/cases/case_analysis.h"

struct oracle *case_oracle_new(const struct cases *cases, const struct run_case *one, size_t side,
                               const char **why)
{
  return side == CASE_ITERATES
             ? oracle_of_iterates(&one->optimizer, cases->observables, why)
             : oracle_of_limit(&one->optimizer, one->sde[case_sde_of_side(side)].limit,
                               cases->observables, why);
}

struct equation *case_equation_new(const struct cases *cases, const struct run_case *one)
{
  char *label = case_label(one);
  struct equation *equation =
      equation_optimizer_new(&one->optimizer, one->sde[0].limit, label, one->start,
                             parameters_real(cases->recipe->common, "time"), one->steps);
  sde_free(label);
  return equation;
}
