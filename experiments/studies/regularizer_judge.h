/*
 * What a measured coefficient of the regulariser's gradient says of the predicted one.
 */
#ifndef EXPERIMENTS_STUDIES_REGULARIZER_JUDGE_H
#define EXPERIMENTS_STUDIES_REGULARIZER_JUDGE_H

#include "experiments/results/results.h"

/* Is a coefficient known to within `half` the predicted one, and told from half of it and from
 * twice it? These the terms of other micro-batches do not reach: c(2m) <= c(m)/2 and
 * c(m/2) >= 2 c(m). Where 0 is predicted, it must be told from `usam`, the coefficient of usam at
 * the same batch. NO where the interval excludes the prediction: away from quadratics, by half of
 * it (there by half of `usam` where it is 0) more, for a remainder of order rho^2 is in it. */
enum holds regularizer_judge(double coefficient, double half, double predicted, double usam,
                             bool quadratic);

#endif
