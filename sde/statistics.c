/*
 * Statistics: see statistics.h.
 */
#include "sde/statistics.h"

#include "sde/block.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

enum { LANES = 8 };

/* A sum in a fixed order: LANES partial sums, added in their order. */
static double sum_of(const double *values)
{
  double lanes[LANES] = {0};
  for (size_t p = 0; p < SDE_UNIT; p += LANES)
    for (size_t l = 0; l < LANES; l++)
      lanes[l] += values[p + l];
  double sum = 0;
  for (size_t l = 0; l < LANES; l++)
    sum += lanes[l];
  return sum;
}

struct sde_moments sde_moments_of_unit(const double *values, const bool *alive)
{
  double masked[SDE_UNIT];
  struct sde_moments moments = {0, 0, 0};
  for (size_t p = 0; p < SDE_UNIT; p++) {
    masked[p] = alive[p] ? values[p] : 0;
    moments.n += alive[p];
  }
  if (moments.n == 0)
    return moments;
  /* Corrected once, so that equal values have exactly their value as mean and no spread. */
  moments.mean = sum_of(masked) / moments.n;
  for (size_t p = 0; p < SDE_UNIT; p++)
    masked[p] = alive[p] ? values[p] - moments.mean : 0;
  moments.mean += sum_of(masked) / moments.n;
  for (size_t p = 0; p < SDE_UNIT; p++) {
    double deviation = alive[p] ? values[p] - moments.mean : 0;
    masked[p] = deviation * deviation;
  }
  moments.m2 = sum_of(masked);
  return moments;
}

struct sde_moments sde_moments_of_values(size_t count, const double *a, const double *b)
{
  struct sde_moments moments = {0, 0, 0};
  for (size_t first = 0; first < count; first += SDE_UNIT) {
    double value[SDE_UNIT] = {0};
    bool counted[SDE_UNIT] = {false};
    for (size_t i = 0; i < SDE_UNIT && first + i < count; i++) {
      value[i] = a[first + i] - (b == NULL ? 0 : b[first + i]);
      counted[i] = !isnan(value[i]);
    }
    moments = sde_moments_merged(moments, sde_moments_of_unit(value, counted));
  }
  return moments;
}

struct sde_moments sde_moments_merged(struct sde_moments a, struct sde_moments b)
{
  if (a.n == 0)
    return b;
  if (b.n == 0)
    return a;
  double n = a.n + b.n, delta = b.mean - a.mean;
  return (struct sde_moments){n, a.mean + delta * (b.n / n),
                              a.m2 + b.m2 + delta * delta * (a.n * b.n / n)};
}

double sde_moments_variance(struct sde_moments moments)
{
  return moments.n < 2 ? NAN : moments.m2 / (moments.n - 1);
}

double sde_moments_standard_error(struct sde_moments moments)
{
  return sqrt(sde_moments_variance(moments) / moments.n);
}

double sde_moments_mean(struct sde_moments moments)
{
  return moments.n == 0 ? NAN : moments.mean;
}

double sde_family_quantile(double level, size_t comparisons)
{
  return gsl_cdf_ugaussian_Qinv(level / (2 * (double)(comparisons == 0 ? 1 : comparisons)));
}

double sde_student_quantile(double quantile, double freedom)
{
  if (!(freedom > 0))
    return INFINITY;
  if (isinf(freedom))
    return quantile;
  return gsl_cdf_tdist_Qinv(gsl_cdf_ugaussian_Q(quantile), freedom);
}

double sde_welch_freedom(double a_se, double a_freedom, double b_se, double b_freedom)
{
  double a = a_se * a_se, b = b_se * b_se, share = a / (a + b);
  if (a + b == 0)
    return fmin(a_freedom, b_freedom);
  return 1 / (share * share / a_freedom + (1 - share) * (1 - share) / b_freedom);
}

static int compare(const void *left, const void *right)
{
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

size_t sde_sorted(size_t count, const double *values, double *out)
{
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (!isnan(values[i]))
      out[kept++] = values[i];
  qsort(out, kept, sizeof *out, compare);
  return kept;
}

/* Along both quantile functions; probabilities in units of 1/(n m), so that none is rounded. */
double sde_wasserstein(size_t a_count, const double *a, size_t b_count, const double *b)
{
  double sum = 0;
  for (size_t i = 0, j = 0, at = 0; i < a_count && j < b_count;) {
    size_t a_end = (i + 1) * b_count, b_end = (j + 1) * a_count;
    size_t end = a_end < b_end ? a_end : b_end;
    sum += (double)(end - at) * fabs(a[i] - b[j]);
    i += end == a_end;
    j += end == b_end;
    at = end;
  }
  return sum / ((double)a_count * (double)b_count); /* 0/0 where either is empty */
}

double sde_kolmogorov_smirnov(size_t a_count, const double *a, size_t b_count, const double *b)
{
  double largest = a_count == 0 || b_count == 0 ? NAN : 0;
  for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
    double x = fmin(a[i], b[j]);
    while (i < a_count && a[i] <= x)
      i++;
    while (j < b_count && b[j] <= x)
      j++;
    largest = fmax(largest, fabs((double)i / (double)a_count - (double)j / (double)b_count));
  }
  return largest;
}

double sde_kolmogorov_smirnov_critical(size_t a_count, size_t b_count, double level)
{
  if (a_count == 0 || b_count == 0)
    return NAN;
  return sqrt(log(2 / level) / 2 * (1 / (double)a_count + 1 / (double)b_count));
}
