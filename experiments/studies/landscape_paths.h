/*
 * The sample paths of the study `landscape`, and the window that they ask for.
 */
#ifndef EXPERIMENTS_STUDIES_LANDSCAPE_PATHS_H
#define EXPERIMENTS_STUDIES_LANDSCAPE_PATHS_H

#include "analysis/minima.h"
#include "experiments/cases/cases.h"
#include "experiments/results/results.h"

struct progress;

/* How many sample paths of a case are run. */
uint64_t landscape_paths_count(const struct cases *cases, const struct run_case *one);

/* Run those of all cases, write them to paths.csv, and where the recipe leaves a side of the window
 * open, set it to hold the start and the paths. */
void landscape_paths_run(const struct cases *cases, struct minima_box *box, int threads,
                         struct progress *progress, struct results *results);

#endif
