/*
 * Running a case: its processes in one ensemble.
 */
#ifndef EXPERIMENTS_CASES_CASE_RUN_H
#define EXPERIMENTS_CASES_CASE_RUN_H

#include "experiments/cases/case_result.h"

struct progress;

/* What is run: every side of a case and, where companions are asked for, the companion of each
 * SDE; partners of all where paths are antithetic, control variates where there are some. */
struct case_ensemble {
  const struct cases *cases;
  const struct run_case *one;
  bool companions;
  uint64_t paths;                            /* at most the case's; 0 for all of them */
  const struct sde_observables *observables; /* NULL for the recipe's */
  const struct controls *controls;           /* of these records, with companions; NULL for none */
  uint64_t sample_paths;                     /* keep the observables of at most this many paths */
  size_t records;
  const uint64_t *record_steps; /* ascending; must outlive the result */
  int threads;                  /* 0 for all */
  struct progress *progress;    /* may be NULL */
};

/* Run it; the result is released with case_result_free. */
struct case_result case_run(const struct case_ensemble *run);

/* Path-steps of so many paths of a case: what progress counts. */
double case_work(const struct run_case *one, size_t sdes, bool companions, uint64_t paths);

#endif
