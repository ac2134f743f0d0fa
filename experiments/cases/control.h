/*
 * Control variates of a case (recipe key variance_reduction: control-variate): a linearised
 * companion of each of its SDEs, the factors from a pilot of their own paths, and what they gain.
 */
#ifndef EXPERIMENTS_CASES_CONTROL_H
#define EXPERIMENTS_CASES_CONTROL_H

#include "experiments/cases/case_result.h"

struct controls;

/* With a pilot run for the factors. The pilot's paths are others than the case's, so that the
 * factors do not know them and a mean has no bias. NULL, and the status says why, where an SDE
 * has no control variate. */
struct controls *controls_new(const struct cases *cases, const struct run_case *one, size_t records,
                              const uint64_t *record_steps, int threads, struct sde_status *status);
void controls_free(struct controls *controls);

/* Has each SDE of the case one? Without the pilot. */
bool controls_check(const struct cases *cases, const struct run_case *one,
                    struct sde_status *status);

/* Into the ensemble of case_run: put the linearised companions at the end of its `process`, which
 * has room for one more an SDE, and pairs (SDE, control) at their place in `pair`. */
void controls_add(const struct controls *controls, const struct case_processes *processes,
                  struct sde_ensemble *ensemble, const struct sde_process **process,
                  struct sde_pair *pair);

/* What a control gains in one mean. */
struct control_gain {
  double factor;
  /* The variance of a path without control over that with it; INFINITY but for rounding, NAN where
   * nothing varies. The same for equal numbers of evaluations of drift and noise, pilot and set-up
   * included; NAN where the scheme takes none. */
  double variance, evaluations;
};

/* The gains of a result that has controls; all NAN where it has none. */
struct control_gain controls_gain(const struct case_result *result, size_t record, size_t sde,
                                  size_t observable);

#endif
