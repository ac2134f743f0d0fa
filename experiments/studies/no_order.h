/*
 * Optimizers of which no order in eta is claimed: those whose momentum or decay rate is held fixed
 * while eta varies, so that they are others at each eta, and those whose F is not smooth.
 */
#ifndef EXPERIMENTS_STUDIES_NO_ORDER_H
#define EXPERIMENTS_STUDIES_NO_ORDER_H

#include "experiments/cases/case.h"
#include "experiments/results/results.h"

/* Is an order in eta claimed of a case's difference from this SDE? Not where F is not smooth, nor
 * where the SDE lacks its noise, or the variance term of reshuffled batches, and is off by a part
 * of order eta of which no more is known. */
bool no_order_is_claimed(const struct run_case *one, const struct limit_options *options);

/* Warn of each such update rule. */
void no_order_report(struct results *results, const struct cases *cases);

#endif
