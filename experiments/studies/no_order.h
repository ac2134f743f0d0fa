/*
 * Optimizers of which no order in eta is claimed: those whose momentum or decay rate is held fixed
 * while eta varies, so that they are others at each eta, and those whose F is not smooth.
 */
#ifndef EXPERIMENTS_STUDIES_NO_ORDER_H
#define EXPERIMENTS_STUDIES_NO_ORDER_H

#include "experiments/cases/case.h"
#include "experiments/results/results.h"

/* Warn of each such update rule. */
void no_order_report(struct results *results, const struct cases *cases);

#endif
