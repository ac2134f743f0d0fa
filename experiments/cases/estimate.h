/*
 * Estimates: what a recipe will cost, from its sizes and a short timing of each process.
 */
#ifndef EXPERIMENTS_CASES_ESTIMATE_H
#define EXPERIMENTS_CASES_ESTIMATE_H

#include "experiments/cases/cases.h"
#include "experiments/cases/step_cost.h"

/* Steps of schemes and optimizers of all paths, which run.json has as run, their time on all threads
 * of OpenMP's, and the bytes of all threads' blocks in the ensemble that takes the most; timed with
 * one stopwatch. */
struct estimate {
  struct stopwatch *stopwatch;
  double path_steps, seconds, bytes;
};

/* Add so many paths of a process over so many of its steps, timed within these from `start`, dim
 * numbers as of an ensemble. */
void estimate_add(struct estimate *estimate, const struct sde_process *process, size_t dim,
                  const double *start, uint64_t steps, uint64_t paths);

/* Add a case of so many paths with its records: what case_run runs. */
void estimate_add_case(struct estimate *estimate, const struct cases *cases,
                       const struct run_case *one, bool companions, uint64_t paths);

/* Add what the recipe's study runs. False, and the status says why, where it cannot be run. */
bool estimate_add_study(const struct cases *cases, struct estimate *estimate,
                        struct sde_status *status);

#endif
