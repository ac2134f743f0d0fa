/*
 * Judging coefficients of regularisers: see regularizer_judge.h.
 */
#include "experiments/studies/regularizer_judge.h"

#include <math.h>

struct regularizer_measured regularizer_extrapolate(struct regularizer_measured whole,
                                                    struct regularizer_measured part)
{
  /* Coefficients at rho/2 count twice at rho. */
  double at_rho = whole.coefficient, from_half = 2 * part.coefficient;
  double second_order = fabs(at_rho - from_half);
  return (struct regularizer_measured){
      2 * from_half - at_rho, hypot(4 * part.half, whole.half) + second_order, whole.predicted};
}

enum holds regularizer_judge(struct regularizer_measured measured, double usam)
{
  double low = measured.coefficient - measured.half, high = measured.coefficient + measured.half;
  double predicted = measured.predicted;
  bool zero = predicted == 0;
  if (predicted < low || predicted > high)
    return HOLDS_NO;
  bool told = zero ? high < usam && low > -usam : low > predicted / 2 && high < 2 * predicted;
  return told ? HOLDS_YES : HOLDS_UNDECIDED;
}
