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
  double longest;            /* about the greatest exact mean from any place behind; NAN without */
  double longer;             /* by which factor the overshoot of iterates prolongs it; or NAN */
};

/* Why the mean time is not known though there are paths, or NULL: some are censored, and none left
 * in the second half of the time, or the rate of leaving still changed then, so that no tail is
 * known to go on from there. */
const char *escape_mean_unknown(const struct survival_mean *estimate);

/* For all processes of all cases, `count` of them. */
void escape_judge(struct results *results, const struct cases *cases, const struct escape *all,
                  size_t count);

#endif
