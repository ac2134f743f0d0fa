/*
 * Trials of the study `converge`: which schemes on which equations, for which errors and at how
 * many steps, as the recipe asks and the equations can show.
 */
#ifndef EXPERIMENTS_STUDIES_CONVERGENCE_TRIALS_H
#define EXPERIMENTS_STUDIES_CONVERGENCE_TRIALS_H

#include "experiments/results/results.h"
#include "experiments/studies/convergence.h"

enum { CONVERGENCE_STEPS_MAX = 16 };

/* One scheme on one equation, and what was measured. */
struct convergence_trial {
  struct convergence_task task;
  uint64_t steps[CONVERGENCE_STEPS_MAX];
  struct convergence *line; /* convergence_lines(&task) of them */
};

/* For all schemes and equations, for strong errors and for weak ones: those that are wanted. */
struct convergence_trials {
  const struct recipe *recipe;
  const struct cases *cases;
  struct results *results;
  const struct equation **equation; /* NULL at the end */
  const struct sde_scheme **scheme; /* likewise */
  struct equation *optimizer;
  size_t count;
  struct convergence_trial *trial;
};

/* Make the trials of trials->recipe, all else being zero, with empty lines; the results' notes tell
 * what is left out and why. False, and the status says why, where the recipe is mistaken or nothing
 * is left; released with convergence_trials_clear in each case. */
bool convergence_trials_make(struct convergence_trials *trials, int threads,
                             struct sde_status *status);
void convergence_trials_clear(struct convergence_trials *trials);

enum sde_noise_class convergence_noise(const struct convergence_trial *trial);

/* The order that the scheme declares for such errors on such noise. */
double convergence_declared(const struct convergence_trial *trial);

/* "strong" or "weak". */
const char *convergence_kind(const struct convergence_trial *trial);

#endif
