/*
 * The operations of a formula: see formula_op.h.
 */
#include "models/formula_op.h"

size_t formula_operands(enum formula_op op)
{
  return op < FORMULA_NEGATE ? 0 : op < FORMULA_ADD ? 1 : 2;
}
