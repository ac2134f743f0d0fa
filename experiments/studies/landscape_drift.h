/*
 * Does the drift of an SDE descend f + rho R? Drift and gradient beside each other on a grid.
 */
#ifndef EXPERIMENTS_STUDIES_LANDSCAPE_DRIFT_H
#define EXPERIMENTS_STUDIES_LANDSCAPE_DRIFT_H

#include "analysis/effective_loss.h"
#include "analysis/minima.h"
#include "experiments/cases/cases.h"
#include "experiments/results/results.h"

/* The verdict on SDE s of a case, at points of the window; none where its drift is no gradient by
 * theory, or is estimated. */
void landscape_drift_judge(struct results *results, const struct run_case *one, size_t s,
                           struct effective_loss *effective, const struct minima_box *box);

#endif
