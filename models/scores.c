/*
 * Scores: fixed numbers that stand for noise. See scores.h.
 */
#include "models/scores.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_math.h>
#include <math.h>

void scores_normal(size_t n, double deviation, double *score)
{
  double square = 0;
  for (size_t i = 0; i < n; i++) {
    score[i] = n == 1 ? 0 : gsl_cdf_ugaussian_Pinv(((double)i + 0.5) / (double)n);
    square += score[i] * score[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++)
    score[i] = square > 0 ? deviation * score[i] / sqrt(square) : 0;
}

void scores_uncorrelated(size_t n, size_t count, const double *deviation, double *score)
{
  for (size_t k = 0; k < count; k++, score += n) {
    double harmonic = (double)(k / 2 + 1), square = 0;
    for (size_t i = 0; i < n; i++) {
      double angle = 2 * M_PI * harmonic * (double)i / (double)n;
      score[i] = k % 2 == 0 ? cos(angle) : sin(angle);
      square += score[i] * score[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++)
      score[i] = deviation[k] > 0 ? deviation[k] * score[i] / sqrt(square) : 0;
  }
}
