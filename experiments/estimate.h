/*
 * Estimates: what a recipe will cost, from its sizes and a short timing of each process.
 */
#ifndef EXPERIMENTS_ESTIMATE_H
#define EXPERIMENTS_ESTIMATE_H

#include "experiments/recipe.h"

#include <stdio.h>

/* Make the recipe's cases, which checks what the reader could not, and print cases, path-steps,
 * memory and time to `out` as lines of YAML comments. */
bool study_estimate(const struct recipe *recipe, FILE *out, struct sde_status *status);

#endif
