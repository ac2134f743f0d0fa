/*
 * Ends: what users come for, from the means at the end time, said before anything else: by how much
 * the size of the micro-batch, or the optimizer, changes an observable of the iterates; and where
 * iterates and SDE differ by as much as the value itself, by which factor, and the likely cause.
 */
#ifndef EXPERIMENTS_STUDIES_ENDS_H
#define EXPERIMENTS_STUDIES_ENDS_H

#include "experiments/cases/cases.h"
#include "experiments/results/results.h"

/* A mean at the end time of one side of a case. */
struct end_mean {
  const struct run_case *one;
  size_t side, observable;
  struct sde_moments moments;
  double exact;        /* NAN where it is not known */
  double start;        /* the observable at time 0 */
  double scheme_error; /* 0 of iterates */
};

/* Leads of the results (results_lead), and all comparisons in `sharpness` and `large_differences` of
 * the summary. Differences between cases are of independent paths, or exact where both means are;
 * their intervals hold together at the recipe's level. Means without a standard error (tails.h) are
 * left out. */
void ends_report(struct results *results, const struct cases *cases, size_t count,
                 const struct end_mean *all);

#endif
