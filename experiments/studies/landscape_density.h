/*
 * The one-dimensional half of the study `landscape`: the effective potential, and the stationary
 * density of each SDE, exact, beside what its paths and the iterates show at the end time.
 */
#ifndef EXPERIMENTS_STUDIES_LANDSCAPE_DENSITY_H
#define EXPERIMENTS_STUDIES_LANDSCAPE_DENSITY_H

#include "analysis/minima.h"
#include "experiments/cases/cases.h"
#include "experiments/results/results.h"

struct progress;

/* Run all cases, and write density.csv, the summary's rows and a verdict for each SDE: that the
 * Kolmogorov-Smirnov distance of its paths at the end time from the exact density is no larger than
 * sampling allows, at the recipe's level for all of them together. Each path gives one number, so
 * that they are independent; what the scheme, the finite time and diverged paths may add is
 * estimated, and where it is more than sampling allows nothing is decided.
 *
 * box->resolution bins cover the window [box->low[0], box->high[0]]; where that is empty it is set
 * to hold all but 1e-4 of each exact density on both sides. */
void landscape_density_report(const struct cases *cases, struct minima_box *box, int threads,
                              struct progress *progress, struct results *results);

#endif
