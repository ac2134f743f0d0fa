/*
 * Stability of a recipe's cases: said before its results, with warnings where iterates explode or
 * rho turns a saddle or maximum into a minimum.
 */
#ifndef EXPERIMENTS_STUDIES_STABILITY_REPORT_H
#define EXPERIMENTS_STUDIES_STABILITY_REPORT_H

#include "experiments/cases/cases.h"
#include "experiments/results/results.h"

/* One entry a case in the summary's `stability`; a warning each for the case that is worst. */
void stability_report(struct results *results, const struct cases *cases);

#endif
