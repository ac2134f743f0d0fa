/*
 * What is asked of a loss that is a formula of the recipe, beyond what is asked of each loss.
 */
#ifndef MODELS_FORMULA_H
#define MODELS_FORMULA_H

#include "models/loss.h"

/* Which operations of a formula have no value at some points, and where it stands: "log in column 5
 * of the expression at FILE:LINE". NULL where it has none, or the loss is no formula; released with
 * sde_free. */
char *formula_partial(const struct loss *loss);

#endif
