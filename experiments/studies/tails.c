/*
 * Tails: see tails.h.
 */
#include "experiments/studies/tails.h"

#include <math.h>
#include <string.h>

double tails_degrees_of_freedom(const struct cases *cases)
{
  const struct noise *noise = cases->objective->noise;
  return noise != NULL && noise->law == NOISE_LAW_STUDENT_T ? noise->degrees_of_freedom : INFINITY;
}

/* Is it a coordinate, x1, x2, ...? */
static bool is_coordinate(const char *name)
{
  return name[0] == 'x' && name[1] != '\0' && strspn(name + 1, "0123456789") == strlen(name + 1);
}

bool tails_are_heavy(const struct cases *cases, const struct optimizer *optimizer,
                     size_t observable)
{
  bool linear = cases->loss->quadratic && is_coordinate(cases->observable_name[observable]);
  bool products = optimizer->rho > 0 && gradient_rule_sees_noise(optimizer->rule) &&
                  !objective_has_constant_noise(cases->objective);
  double order = (linear ? 2 : 4) * (products ? 2 : 1);
  return tails_degrees_of_freedom(cases) <= order;
}
