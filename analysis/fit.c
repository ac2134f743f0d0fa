/*
 * Fits: see fit.h.
 */
#include "analysis/fit.h"

#include "sde/status.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_fit.h>
#include <math.h>

/* A line y = intercept + slope log x through weighted points, with the misfit's chi-square. */
struct line_fit {
  double intercept, slope, variance, misfit;
};

/* Weights are 1 / variance of log error, which is (se / error)^2. The error there is the fitted
 * one: weights by the measured errors would favour points that came out too large. */
static struct line_fit fit_weighted(size_t count, const double *log_x, const double *log_error,
                                    const double *se, double *weight)
{
  enum { PASSES = 8 };
  struct line_fit line = {0};
  for (int pass = 0; pass < PASSES; pass++) {
    double cov00, cov01;
    for (size_t i = 0; i < count; i++) {
      double size = pass == 0 ? log_error[i] : line.intercept + line.slope * log_x[i];
      weight[i] = exp(2 * (size - log(se[i])));
    }
    gsl_fit_wlinear(log_x, 1, weight, 1, log_error, 1, count, &line.intercept, &line.slope, &cov00,
                    &cov01, &line.variance, &line.misfit);
  }
  return line;
}

/* The part of the slope's variance that the common number causes: the slope is a sum of
 * a_i log error_i, in which a shift d of all errors becomes d sum a_i / error_i. */
static double common_variance(size_t count, const double *log_x, const double *weight,
                              const double *error, double common)
{
  double sum = 0, mean = 0, square = 0, shift = 0;
  for (size_t i = 0; i < count; i++) {
    sum += weight[i];
    mean += weight[i] * log_x[i];
  }
  mean /= sum;
  for (size_t i = 0; i < count; i++) {
    square += weight[i] * (log_x[i] - mean) * (log_x[i] - mean);
    shift += weight[i] * (log_x[i] - mean) / error[i];
  }
  shift *= common / square;
  return shift * shift;
}

struct fit fit_power(size_t count, const double *x, const double *error, const double *se,
                     double common)
{
  struct fit fit = {NAN, NAN, 0};
  double *log_x = sde_alloc(3 * count, sizeof *log_x);
  double *log_error = log_x + count, *weight = log_error + count;
  bool exact = false, spread = false;
  for (size_t i = 0; i < count; i++) {
    log_x[i] = log(x[i]);
    log_error[i] = log(error[i]);
    exact |= !(se[i] > 0);
    spread |= x[i] != x[0];
  }
  if (count >= 3 && spread) {
    double intercept, cov00, cov01, cov11, misfit;
    if (exact) {
      gsl_fit_linear(log_x, 1, log_error, 1, count, &intercept, &fit.slope, &cov00, &cov01, &cov11,
                     &misfit);
    } else {
      struct line_fit line = fit_weighted(count, log_x, log_error, se, weight);
      /* Where the points leave the power law by more than their errors, that widens the slope's. */
      double excess = fmax(1, line.misfit / (double)(count - 2));
      fit.slope = line.slope;
      fit.freedom = excess > 1 ? count - 2 : 0;
      cov11 = excess * line.variance + common_variance(count, log_x, weight, error, common);
    }
    fit.freedom = exact ? count - 2 : fit.freedom;
    fit.se = sqrt(cov11);
  }
  sde_free(log_x);
  return fit;
}

struct fit fit_bent_power(size_t count, const double *x, const double *error, const double *se,
                          double bend)
{
  double sum = 0, mean = 0, square = 0, slope = 0, variance = 0;
  double *weight = sde_alloc(count, sizeof *weight);
  for (size_t i = 0; i < count; i++) {
    weight[i] = 1 / (pow(se[i] / error[i], 2) + bend * bend);
    sum += weight[i];
    mean += weight[i] * log(x[i]);
  }
  mean /= sum;
  for (size_t i = 0; i < count; i++) {
    double away = weight[i] * (log(x[i]) - mean);
    square += away * (log(x[i]) - mean);
    slope += away * log(error[i]);
    variance += pow(away * se[i] / error[i], 2);
  }
  sde_free(weight);
  return count < 3 || !(square > 0) ? (struct fit){NAN, NAN, 0}
                                    : (struct fit){slope / square, sqrt(variance) / square, 0};
}

double fit_half(struct fit fit, double quantile)
{
  if (fit.freedom > 0)
    quantile = gsl_cdf_tdist_Qinv(gsl_cdf_ugaussian_Q(quantile), (double)fit.freedom);
  return quantile * fit.se;
}

/* Does the power law through these points predict more than `least` at x? */
static bool predicts(size_t count, const double *log_x, const double *log_error, const double *se,
                     double *weight, double x, double least)
{
  struct line_fit line = fit_weighted(count, log_x, log_error, se, weight);
  return exp(line.intercept + line.slope * log(x)) > least;
}

size_t fit_choose(size_t count, const double *x, const double *error, const double *se,
                  const double *least, bool *chosen)
{
  enum { START = 3 };
  size_t found = 0, exact = 0;
  double *log_x = sde_alloc(4 * count, sizeof *log_x);
  double *log_error = log_x + count, *known_se = log_error + count, *weight = known_se + count;
  for (size_t i = count; i-- > 0;) {
    bool sampled = se[i] > 0, nonzero = error[i] > fit_within_zero * se[i];
    bool clear = sampled && found >= START
                     ? predicts(found, log_x, log_error, known_se, weight, x[i], least[i])
                     : error[i] > least[i];
    chosen[i] = nonzero && clear;
    exact += chosen[i] && !sampled;
    if (!chosen[i] || !sampled)
      continue;
    log_x[found] = log(x[i]);
    log_error[found] = log(error[i]);
    known_se[found++] = se[i];
  }
  sde_free(log_x);
  return found + exact;
}
