/*
 * The choice of scheme and substeps where a recipe leaves it to the program: by a pilot run, so
 * that the scheme's error stays below half of the sampling error, at the least cost.
 */
#ifndef EXPERIMENTS_CASES_SCHEME_CHOICE_H
#define EXPERIMENTS_CASES_SCHEME_CHOICE_H

#include "experiments/cases/cases.h"
#include "experiments/cases/estimate.h"
#include "experiments/recipe/recipe.h"
#include "sde/status.h"

struct progress;

/* What was chosen and why, in a sentence for people (released with sde_free; NULL where nothing was
 * to be chosen). What the pilots took, and the run takes, in evaluations of an SDE's system, where
 * a path's normals count as one more for each Wiener process and a step of the iterates as one;
 * run_work is 0 where no pilot decided: none ran, or there was no sampling error to go by. */
struct scheme_choice {
  char *said;
  double pilot_work, run_work;
  uint64_t own_work; /* path-steps of the pilots on this rank */
};

/* Where the recipe's study chooses and an SDE says `scheme: auto`: try each scheme of the registry
 * on a part of the paths and set recipe->automatic. All that is tried takes at most a quarter of
 * the run's work; where that is too little for a pilot, the choice is by rule. It is a function of
 * the recipe alone. `cases` are the recipe's, whose data are then not read again, or NULL;
 * `progress` may be NULL. False, and the status says why, where the recipe cannot be run. */
bool scheme_choose(struct recipe *recipe, const struct cases *cases, int threads,
                   struct progress *progress, struct scheme_choice *chosen,
                   struct sde_status *status);

/* What the choice and the run may take: `least` by the first scheme without a pilot, `most` where
 * each is tried and the dearest taken, both with the substeps that `check` takes for a recipe's.
 * `least` holds the stopwatch. False where nothing is to be chosen. */
bool scheme_choice_estimate(const struct cases *cases, struct estimate *least,
                            struct estimate *most);

#endif
