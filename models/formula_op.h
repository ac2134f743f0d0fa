/*
 * The operations of a formula: what a node of its graph, or an instruction of its tape, may
 * be. formula_kernel.h computes them.
 */
#ifndef MODELS_FORMULA_OP_H
#define MODELS_FORMULA_OP_H

#include <stddef.h>

/* What a node is: a leaf, an operation on one operand, or one on two. */
enum formula_op {
  FORMULA_NUMBER,
  FORMULA_PARAMETER, /* leaf: x[a], a coordinate */
  FORMULA_DIRECTION, /* leaf: v[a] */
  FORMULA_SAMPLE,    /* leaf: the sample's value a */
  FORMULA_NEGATE,
  FORMULA_SQRT,
  FORMULA_EXP,
  FORMULA_LOG,
  FORMULA_LOG1P,
  FORMULA_SIN,
  FORMULA_COS,
  FORMULA_TAN,
  FORMULA_ATAN,
  FORMULA_SINH,
  FORMULA_COSH,
  FORMULA_TANH,
  FORMULA_SOFTPLUS, /* log(1 + exp(a)), without overflow */
  FORMULA_ADD,      /* this and what follows: of two operands */
  FORMULA_SUBTRACT,
  FORMULA_MULTIPLY,
  FORMULA_DIVIDE,
  FORMULA_POWER
};

/* How many of a and b are operands: 0 for a leaf, else 1 or 2. */
size_t formula_operands(enum formula_op op);

#endif
