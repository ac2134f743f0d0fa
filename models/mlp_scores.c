/*
 * The losses of a network's scores: squared and softmax. See mlp_scores.h.
 */
#include "models/mlp_scores.h"

#include "sde/block.h"
#include "sde/vector_math.h"

#include <string.h>

/* Shift the scores of each path so that the largest is 0; top[p] is its class. Softmax is the same
 * and nothing overflows. */
SDE_VECTOR
static void shift_scores(size_t classes, double *restrict s, double *restrict top)
{
  double largest[SDE_UNIT];
  for (size_t p = 0; p < SDE_UNIT; p++) {
    largest[p] = s[p];
    top[p] = 0;
  }
  for (size_t c = 1; c < classes; c++)
    for (size_t p = 0; p < SDE_UNIT; p++) {
      double here = s[c * SDE_UNIT + p];
      top[p] = here > largest[p] ? (double)c : top[p];
      largest[p] = here > largest[p] ? here : largest[p];
    }
  for (size_t c = 0; c < classes; c++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      s[c * SDE_UNIT + p] -= largest[p];
}

/* rest[p] = sum of e^s over all classes but the top one, whose e^s is 1. */
SDE_VECTOR
static void sum_rest(size_t classes, const double *restrict e, const double *restrict top,
                     double *restrict rest)
{
  for (size_t p = 0; p < SDE_UNIT; p++)
    rest[p] = 0;
  for (size_t c = 0; c < classes; c++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      rest[p] += (double)c == top[p] ? 0 : e[c * SDE_UNIT + p];
}

/* share = e^s of the shifted scores, and rest. */
static void exponentials(size_t classes, double *score, double *share, double *rest)
{
  double top[SDE_UNIT];
  shift_scores(classes, score, top);
  sde_vector_math()->exp(classes * SDE_UNIT, score, share);
  sum_rest(classes, share, top, rest);
}

SDE_VECTOR
static void subtract_own_score(size_t classes, const double *restrict s, const double *restrict y,
                               double *restrict value)
{
  for (size_t c = 0; c < classes; c++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      value[p] -= (double)c == y[p] ? s[c * SDE_UNIT + p] : 0;
}

SDE_VECTOR
static void squared_value(const double *restrict s, const double *restrict y,
                          double *restrict value)
{
  for (size_t p = 0; p < SDE_UNIT; p++)
    value[p] = 0.5 * (s[p] - y[p]) * (s[p] - y[p]);
}

void mlp_scores_value(size_t classes, double *score, const double *y, double *share, double *value)
{
  if (classes == 1) {
    squared_value(score, y, value);
    return;
  }
  exponentials(classes, score, share, value);
  sde_vector_math()->log1p(SDE_UNIT, value, value);
  subtract_own_score(classes, score, y, value);
}

/* e^s becomes softmax(s), and first = softmax(s) - (1 for the class y): there minus the sum of the
 * others, which does not cancel. */
SDE_VECTOR
static void softmax_first(size_t classes, const double *restrict rest, const double *restrict y,
                          double *restrict share, double *restrict first)
{
  double others[SDE_UNIT] = {0};
  for (size_t c = 0; c < classes; c++)
    for (size_t p = 0; p < SDE_UNIT; p++) {
      share[c * SDE_UNIT + p] /= 1 + rest[p];
      others[p] += (double)c == y[p] ? 0 : share[c * SDE_UNIT + p];
    }
  for (size_t c = 0; c < classes; c++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      first[c * SDE_UNIT + p] = (double)c == y[p] ? -others[p] : share[c * SDE_UNIT + p];
}

/* The derivative of softmax(s)_c along s_dot, sum_d share_c share_d (s_dot_c - s_dot_d), which does
 * not cancel where one share is nearly 1. */
SDE_VECTOR
static void softmax_second(size_t classes, const double *restrict share,
                           const double *restrict s_dot, double *restrict second)
{
  for (size_t c = 0; c < classes; c++) {
    double sum[SDE_UNIT] = {0};
    for (size_t d = 0; d < classes; d++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        sum[p] += share[d * SDE_UNIT + p] * (s_dot[c * SDE_UNIT + p] - s_dot[d * SDE_UNIT + p]);
    for (size_t p = 0; p < SDE_UNIT; p++)
      second[c * SDE_UNIT + p] = share[c * SDE_UNIT + p] * sum[p];
  }
}

void mlp_scores_first(size_t classes, double *score, const double *y, double *share, double *first)
{
  double rest[SDE_UNIT];
  if (classes == 1) {
    sde_block_shift(SDE_UNIT, score, -1, y, first);
    return;
  }
  exponentials(classes, score, share, rest);
  softmax_first(classes, rest, y, share, first);
}

void mlp_scores_second(size_t classes, const double *share, const double *score_dot, double *second)
{
  if (classes == 1)
    memcpy(second, score_dot, SDE_UNIT * sizeof *second);
  else
    softmax_second(classes, share, score_dot, second);
}
