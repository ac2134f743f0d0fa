/*
 * Fits: see fit.h.
 */
#include "experiments/fit.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_fit.h>
#include <math.h>

/* Half the distance of two whole slopes. */
static const double widest_half = 0.5;

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
    weight[i] = error[i] * error[i] / (se[i] * se[i]);
    exact |= !(se[i] > 0);
    spread |= x[i] != x[0];
  }
  if (count >= 3 && spread) {
    double intercept, cov00, cov01, cov11, misfit;
    if (exact)
      gsl_fit_linear(log_x, 1, log_error, 1, count, &intercept, &fit.slope, &cov00, &cov01, &cov11,
                     &misfit);
    else {
      gsl_fit_wlinear(log_x, 1, weight, 1, log_error, 1, count, &intercept, &fit.slope, &cov00,
                      &cov01, &cov11, &misfit);
      /* Where the points leave the power law by more than their errors, that widens the slope's. */
      double excess = fmax(1, misfit / (double)(count - 2));
      fit.freedom = excess > 1 ? count - 2 : 0;
      cov11 = excess * cov11 + common_variance(count, log_x, weight, error, common);
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

enum holds fit_judge(double slope, double half, double predicted, double tolerance)
{
  double away = fabs(slope - predicted);
  if (away - half > tolerance)
    return HOLDS_NO;
  return away - half <= tolerance && half < widest_half ? HOLDS_YES : HOLDS_UNDECIDED;
}
