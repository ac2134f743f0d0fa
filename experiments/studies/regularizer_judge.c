/*
 * Judging coefficients of regularisers: see regularizer_judge.h.
 */
#include "experiments/studies/regularizer_judge.h"

#include <math.h>

enum holds regularizer_judge(double coefficient, double half, double predicted, double usam,
                             bool quadratic)
{
  bool zero = predicted == 0;
  double scale = zero ? usam : predicted;
  double off = fabs(coefficient - predicted) - half;
  if (off > 0)
    return quadratic || off > scale / 2 ? HOLDS_NO : HOLDS_UNDECIDED;
  double low = coefficient - half, high = coefficient + half;
  bool told = zero ? high < usam : low > predicted / 2 && high < 2 * predicted;
  return told ? HOLDS_YES : HOLDS_UNDECIDED;
}
