/*
 * Verdicts of the study `escape`: is a mean first-passage time the exact one, and do smaller
 * micro-batches leave sooner?
 */
#ifndef EXPERIMENTS_STUDIES_ESCAPE_JUDGE_H
#define EXPERIMENTS_STUDIES_ESCAPE_JUDGE_H

#include "analysis/survival.h"
#include "experiments/cases/cases.h"
#include "experiments/results/results.h"

/* One process of a case: what was measured, and what is known. */
struct escape {
  const struct run_case *one;
  size_t side; /* of the case */
  struct survival curve;
  struct survival_mean estimate;
  double se, scheme_error; /* the latter 0 of iterates */
  uint64_t diverged;
  double exact, exact_error; /* NAN where it is not known */
  char *reason;              /* why it is not; else NULL */
  double longer;             /* by which factor the overshoot of iterates prolongs it; or NAN */
};

/* For all processes of all cases, `count` of them. */
void escape_judge(struct results *results, const struct cases *cases, const struct escape *all,
                  size_t count);

#endif
