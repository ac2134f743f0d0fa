/*
 * The optimizers of a recipe: an item of `optimizers:` gives one for each of its micro-batches, by
 * its gradient rule and its update rule.
 */
#ifndef EXPERIMENTS_CASES_CASE_OPTIMIZER_H
#define EXPERIMENTS_CASES_CASE_OPTIMIZER_H

#include "experiments/recipe/recipe.h"
#include "models/optimizer.h"
#include "models/program_rule.h"

/* How many optimizers an item gives. */
size_t case_optimizer_count(const struct recipe *recipe, size_t item);

/* The one of this number, on an optimizer whose objective, eta, rho and batch are set. `place` is
 * where the recipe gives the size of its micro-batches. False, and the status says why, where the
 * item gives what its rules do not accept. *program is the rule of lines of the recipe, to be
 * released by the caller, or NULL. */
bool case_optimizer_make(const struct recipe *recipe, size_t item, size_t number,
                         struct optimizer *optimizer, struct program_rule **program,
                         const char **place, struct sde_status *status);

/* The update rule of an item of `optimizers:`. */
const struct update_rule *case_optimizer_update(const struct recipe *recipe, size_t item);

#endif
