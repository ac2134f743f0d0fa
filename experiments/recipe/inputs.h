/*
 * Inputs: the files that a recipe names, which are read by its loss and its study.
 */
#ifndef EXPERIMENTS_RECIPE_INPUTS_H
#define EXPERIMENTS_RECIPE_INPUTS_H

#include "experiments/recipe/recipe.h"

/* Call for each file, by the path it was found at, with the place where the recipe names it
 * (parameters_place), until false comes back; whether that never happened. */
bool recipe_each_input(const struct recipe *recipe,
                       bool (*input)(void *context, const char *file, const char *place),
                       void *context);

#endif
