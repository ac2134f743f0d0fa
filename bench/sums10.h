/*
 * The finite sum of the speed comparison, f_i(x) = 1/2 x^T A_i x - b_i^T x, i = 1 .. 256, in ten
 * dimensions, and the setting of m-USAM on it: shared by the plain-C baseline and the benchmark of
 * the library.
 */
#ifndef BENCH_SUMS10_H
#define BENCH_SUMS10_H

#include <math.h>
#include <stddef.h>

enum { SUMS10_DIM = 10, SUMS10_SAMPLES = 256, SUMS10_BATCH = 32, SUMS10_MICRO_BATCH = 4 };

static const double sums10_start = 1.0;
static const double sums10_eta = 0.05, sums10_rho = 0.1;

/* A_i[j][k], symmetric. */
static inline double sums10_hessian(size_t i, size_t j, size_t k)
{
  double angle = (double)(7 * i + 3 * (j + k));
  return j == k ? 1 + 0.3 * cos(angle) : 0.05 * cos(angle);
}

/* b_i[j] */
static inline double sums10_slope(size_t i, size_t j)
{
  return sin((double)(5 * i + 3 * j));
}

#endif
