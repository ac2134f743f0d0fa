/*
 * What a measured coefficient of the regulariser's gradient says of the predicted one.
 */
#ifndef EXPERIMENTS_STUDIES_REGULARIZER_JUDGE_H
#define EXPERIMENTS_STUDIES_REGULARIZER_JUDGE_H

#include "experiments/results/results.h"

/* A coefficient, half its interval and what is predicted. */
struct regularizer_measured {
  double coefficient, half, predicted;
};

/* Without its part of order rho^2, which shows where the loss is not quadratic: by a second run at
 * half of rho. Over rho the coefficient is k + a rho + O(rho^2), so that twice that at rho/2 less
 * that at rho is rid of a rho; half of its interval is raised by what that part is at rho/2, for it
 * is estimated to leading order only. `whole` at rho, `part` at rho/2; the result is at rho. */
struct regularizer_measured regularizer_extrapolate(struct regularizer_measured whole,
                                                    struct regularizer_measured part);

/* Is a coefficient the predicted one, and told from half of it and from twice it? These the terms
 * of other micro-batches do not reach: c(2m) <= c(m)/2 and c(m/2) >= 2 c(m). Where 0 is predicted,
 * it must be told from `usam`, the coefficient of usam at the same batch. NO where the interval
 * excludes the prediction. */
enum holds regularizer_judge(struct regularizer_measured measured, double usam);

#endif
