/*
 * The choice of scheme and substeps where a recipe leaves it to the program: by a pilot run, so
 * that the scheme's error stays below half of the sampling error, at the least cost.
 */
#ifndef EXPERIMENTS_SCHEME_CHOICE_H
#define EXPERIMENTS_SCHEME_CHOICE_H

#include "experiments/estimate.h"
#include "experiments/recipe.h"
#include "sde/status.h"

/* Where the recipe's study chooses and an SDE says `scheme: auto`: try each scheme of the registry
 * on a part of the paths, set recipe->automatic, and tell in a sentence what was chosen and why
 * (*said, released with sde_free; NULL where nothing was to be chosen). The choice is a function of
 * the recipe alone. The path-steps of this rank are added to *own_work. False, and the status says
 * why, where the recipe cannot be run. */
bool scheme_choose(struct recipe *recipe, int threads, char **said, uint64_t *own_work,
                   struct sde_status *status);

/* What the choice and the run may take: `least` where the first scheme is good enough, `most` where
 * each is tried and the dearest taken, both with the substeps that `check` takes for a recipe's.
 * False where nothing is to be chosen. */
bool scheme_choice_estimate(const struct recipe *recipe, struct estimate *least,
                            struct estimate *most);

#endif
