/*
 * One operation of a formula on a unit of paths, as a function. See formula_apply.h.
 */
#include "models/formula_apply.h"

#include "models/formula_kernel.h"

SDE_VECTOR
void formula_apply(enum formula_op op, const double *a, const double *b, double *out)
{
  apply(op, a, b, out);
}
