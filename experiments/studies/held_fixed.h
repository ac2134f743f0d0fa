/*
 * What changes with eta unasked: a momentum or a decay rate that a recipe holds fixed while eta
 * varies is another friction or rate at each eta, of which no order in eta is known.
 */
#ifndef EXPERIMENTS_STUDIES_HELD_FIXED_H
#define EXPERIMENTS_STUDIES_HELD_FIXED_H

#include "experiments/cases/case.h"
#include "experiments/results/results.h"

/* Warn of each optimizer whose update rule has other settings at another eta. */
void held_fixed_report(struct results *results, const struct cases *cases);

#endif
