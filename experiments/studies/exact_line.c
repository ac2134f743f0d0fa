/*
 * Exact lines: see exact_line.h.
 */
#include "experiments/studies/exact_line.h"

#include "analysis/oracle.h"
#include "analysis/stability.h"

#include <math.h>
#include <string.h>

/* At most so many halves, and operations of the moments at each. */
enum { HALVES = 8, LARGEST_DIM = 10 };
static const double operations_max = 1e8;

/* An exact error below this share of the means is rounding. */
static const double rounding = 1e-12;

static bool mean_at(struct oracle *oracle, uint64_t steps, size_t observable, double *mean)
{
  if (oracle != NULL) {
    oracle_advance(oracle, steps);
    *mean = oracle_mean(oracle, observable);
  }
  bool known = oracle != NULL && isfinite(*mean);
  oracle_free(oracle);
  return known;
}

/* The exact difference at the case's eta over 2^halves. */
static bool make_point(const struct cases *cases, const struct run_case *one, size_t sde,
                       size_t observable, int halves, struct error_line_point *point)
{
  struct optimizer optimizer = one->optimizer;
  uint64_t steps = one->steps << halves;
  const char *why;
  double iterates, solution;
  optimizer.eta = ldexp(one->optimizer.eta, -halves);
  if (!mean_at(oracle_of_iterates(&optimizer, cases->observables, &why), steps, observable,
               &iterates) ||
      !mean_at(oracle_of_limit(&optimizer, one->sde[sde].limit, cases->observables, &why), steps,
               observable, &solution))
    return false;
  *point = (struct error_line_point){.x = optimizer.eta,
                                     .difference = iterates - solution,
                                     .rounding = rounding * (fabs(iterates) + fabs(solution)),
                                     .exact = true};
  return true;
}

void exact_line_extend(const struct cases *cases, const struct run_case *one, size_t sde,
                       size_t observable, struct error_line *line)
{
  if (one->dim > LARGEST_DIM || !optimizer_steps_along_gradient(&one->optimizer) ||
      stability_at(&one->optimizer, one->start).step > 2)
    return;
  struct error_line_point *longer = sde_alloc(line->count + HALVES, sizeof *longer);
  memcpy(longer, line->point, line->count * sizeof *longer);
  double step = pow((double)one->dim, 4) / 2; /* operations of a step of the moments, about */
  for (int halves = 1;
       halves <= HALVES && ldexp((double)one->steps * step, halves) < operations_max; halves++)
    line->count += make_point(cases, one, sde, observable, halves, &longer[line->count]);
  sde_free(line->point);
  line->point = longer;
  error_line_fit(line);
}
