/*
 * The linear SDE of the speed comparison, dX = -A X dt + S dW in ten dimensions with dense constant
 * A and S: shared by the plain-C baseline and the benchmark of the library.
 */
#ifndef BENCH_LINEAR10_H
#define BENCH_LINEAR10_H

#include <math.h>
#include <stddef.h>

enum { LINEAR10_DIM = 10 };

static const double linear10_start = 1.0; /* every component of X_0 */
static const double linear10_time_step = 0.001;

/* A[i][j], the rate matrix of the drift -A X. */
static inline double linear10_rate(size_t i, size_t j)
{
  return (i == j ? 1.0 : 0.0) + 0.1 * cos((double)(i + 2 * j));
}

/* S[i][j], the noise matrix. */
static inline double linear10_noise(size_t i, size_t j)
{
  return (i == j ? 0.5 : 0.0) + 0.05 * sin((double)(2 * i + j));
}

#endif
