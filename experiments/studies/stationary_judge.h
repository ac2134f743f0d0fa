/*
 * The long-run averages of an SDE beside those of the iterates, where no exact moments are known:
 * does it have them, or how far is it off and why? Private to the study `stationary`.
 */
#ifndef EXPERIMENTS_STUDIES_STATIONARY_JUDGE_H
#define EXPERIMENTS_STUDIES_STATIONARY_JUDGE_H

#include "experiments/studies/comparison.h"

/* "sam, b 1, eta 0.01, rho 0.1: long-run averages of WHO are WHAT", released with sde_free. */
char *stationary_claim(const struct run_case *one, const char *who, const char *what);

/* Add the verdict on one SDE of a case from `count` averages, a comparison each. `quantile` is that
 * of the normal law for one interval of the run's. */
void stationary_judge_pair(struct results *results, size_t count, const struct comparison *rows,
                           double quantile);

#endif
