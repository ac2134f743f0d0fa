/*
 * The SDE with diagonal noise of the speed comparison, dX = -A X dt + diag(s_i sqrt(1 + X_i^2)) dW
 * in ten dimensions: shared by the plain-C baseline and the benchmark of the library.
 */
#ifndef BENCH_DIAGONAL10_H
#define BENCH_DIAGONAL10_H

#include "bench/linear10.h"

enum { DIAGONAL10_DIM = LINEAR10_DIM };

static const double diagonal10_start = 1.0;
static const double diagonal10_time_step = 0.001;

/* A[i][j] */
static inline double diagonal10_rate(size_t i, size_t j)
{
  return linear10_rate(i, j);
}

/* s_i */
static inline double diagonal10_noise(size_t i)
{
  return 0.2 + 0.03 * (double)i;
}

#endif
