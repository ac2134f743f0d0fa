/*
 * An optimizer whose lines stand in the recipe: `{name: rule, label, constants, state, step}`.
 */
#ifndef EXPERIMENTS_CASES_CASE_PROGRAM_H
#define EXPERIMENTS_CASES_CASE_PROGRAM_H

#include "experiments/recipe/recipe.h"
#include "models/program_rule.h"

/* Is this item of `optimizers:` one? */
bool case_program_is_given(const struct parameters *given);

/* What the item is called in tables: its label in small letters, digits and hyphens, or "rule";
 * released with sde_free. */
char *case_program_name(const struct parameters *given);

/* The rule of an item, for a loss of this objective; NULL, and the status says why. */
struct program_rule *case_program_new(const struct parameters *given,
                                      const struct parameters *update,
                                      const struct objective *objective, struct sde_status *status);

/* May the item have no key of this kind of optimizer? False, and the status names one that it has. */
bool case_program_is_absent(const struct parameters *given, struct sde_status *status);

#endif
