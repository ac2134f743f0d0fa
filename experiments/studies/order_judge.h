/*
 * Verdicts of the study `order`: is a slope the one that theory predicts, and does an error stay
 * where the SDE leaves out a term?
 */
#ifndef EXPERIMENTS_STUDIES_ORDER_JUDGE_H
#define EXPERIMENTS_STUDIES_ORDER_JUDGE_H

#include "experiments/results/results.h"
#include "experiments/studies/order_lines.h"

/* One verdict over the observables of a variant, SDE and axis: `count` lines. A slope must be right
 * in all observables that say anything. The term that is left out need not be seen in all: in some
 * it may be small beside the rest, so that only all of them together can deny it. */
void order_judge(struct results *results, const struct order_grid *grid,
                 const struct order_line *line, size_t count, double quantile);

#endif
