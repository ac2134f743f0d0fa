/*
 * The operations of a formula on a unit of paths, inline: the tape runs millions of them, and a
 * call for each takes half as long again.
 */
#ifndef MODELS_FORMULA_KERNEL_H
#define MODELS_FORMULA_KERNEL_H

#include "models/formula_op.h"
#include "sde/block.h"
#include "sde/vector_math.h"

#include <math.h>

/* out may be a or b, number by number: simd says that no other overlap exists. */
#define EACH _Pragma("omp simd") for (size_t p = 0; p < SDE_UNIT; p++) out[p]

/* log(1 + exp(a)) = max(a, 0) + log(1 + exp(-|a|)) */
static inline void softplus(const struct sde_vector_math *math, const double *a, double *out)
{
  double tail[SDE_UNIT];
  for (size_t p = 0; p < SDE_UNIT; p++)
    tail[p] = -fabs(a[p]);
  math->exp(SDE_UNIT, tail, tail);
  math->log1p(SDE_UNIT, tail, tail);
  EACH = (a[p] > 0 ? a[p] : a[p] * 0) + tail[p]; /* a NaN stays one */
}

static inline void transcendental(enum formula_op op, const double *a, const double *b, double *out)
{
  const struct sde_vector_math *math = sde_vector_math();
  switch (op) {
  case FORMULA_EXP:
    math->exp(SDE_UNIT, a, out);
    break;
  case FORMULA_LOG:
    math->log(SDE_UNIT, a, out);
    break;
  case FORMULA_LOG1P:
    math->log1p(SDE_UNIT, a, out);
    break;
  case FORMULA_SIN:
    math->sin(SDE_UNIT, a, out);
    break;
  case FORMULA_COS:
    math->cos(SDE_UNIT, a, out);
    break;
  case FORMULA_TAN:
    math->tan(SDE_UNIT, a, out);
    break;
  case FORMULA_ATAN:
    math->atan(SDE_UNIT, a, out);
    break;
  case FORMULA_SINH:
    math->sinh(SDE_UNIT, a, out);
    break;
  case FORMULA_COSH:
    math->cosh(SDE_UNIT, a, out);
    break;
  case FORMULA_TANH:
    math->tanh(SDE_UNIT, a, out);
    break;
  case FORMULA_SOFTPLUS:
    softplus(math, a, out);
    break;
  default:
    math->pow(SDE_UNIT, a, b, out);
    break;
  }
}

static inline __attribute__((always_inline)) void apply(enum formula_op op, const double *a,
                                                        const double *b, double *out)
{
  switch (op) {
  case FORMULA_NUMBER: /* a copy */
    EACH = a[p];
    break;
  case FORMULA_NEGATE:
    EACH = -a[p];
    break;
  case FORMULA_ADD:
    EACH = a[p] + b[p];
    break;
  case FORMULA_SUBTRACT:
    EACH = a[p] - b[p];
    break;
  case FORMULA_MULTIPLY:
    EACH = a[p] * b[p];
    break;
  case FORMULA_DIVIDE:
    EACH = a[p] / b[p];
    break;
  case FORMULA_SQRT:
    EACH = sqrt(a[p]);
    break;
  default:
    transcendental(op, a, b, out);
    break;
  }
}

#endif
