/*
 * One operation of a formula, for those who run few: the tape has formula_kernel.h.
 */
#ifndef MODELS_FORMULA_APPLY_H
#define MODELS_FORMULA_APPLY_H

#include "models/formula_op.h"

/* One operation on SDE_UNIT numbers; out may be a or b. */
void formula_apply(enum formula_op op, const double *a, const double *b, double *out);

#endif
