/*
 * The cost of a step: seconds and memory that a process takes for a unit of paths, timed for as
 * short a while as shows it. What is timed once is known for all of its kind, and once all timings
 * together have taken long, the rest is inferred from their work.
 */
#ifndef EXPERIMENTS_CASES_STEP_COST_H
#define EXPERIMENTS_CASES_STEP_COST_H

#include "sde/process.h"

#include <stdbool.h>

/* Seconds of one learning-rate step of SDE_UNIT paths; bytes of a workspace and of the state. */
struct step_cost {
  double seconds, bytes;
};

/* What was timed so far; released with stopwatch_free. */
struct stopwatch;
struct stopwatch *stopwatch_new(void);
void stopwatch_free(struct stopwatch *stopwatch);

/* What is timed. Two of one kind take the same time: NULL where nothing is known of that. Work is
 * about proportional to time, in multiply-adds of a path; NAN where it is not known. */
struct step_kind {
  const char *name;
  double work;
};

/* What is known of a kind, and what is to be known. */
bool stopwatch_recall(const struct stopwatch *stopwatch, const char *kind, struct step_cost *cost);
void stopwatch_keep(struct stopwatch *stopwatch, const struct step_kind *kind,
                    struct step_cost cost);

/* Time steps below the horizon from `start`, dim numbers as of an ensemble. Where a step of a
 * solution takes long, its evaluations are timed and counted instead. */
struct step_cost step_cost(struct stopwatch *stopwatch, const struct step_kind *kind,
                           const struct sde_process *process, size_t dim, const double *start,
                           uint64_t horizon);

#endif
