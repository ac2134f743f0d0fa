/*
 * A baseline of `make bench`: the SDE of diagonal10.h by Milstein's scheme as plain C with GSL, one
 * path at a time, threads over the paths. It uses nothing of the library.
 * Usage: plain_t1b PATHS STEPS THREADS
 */
#include "bench/diagonal10.h"
#include "bench/plain.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_matrix.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_vector.h>
#include <omp.h>
#include <stdio.h>

enum { DIM = DIAGONAL10_DIM };

/* One path from X_0; x holds the end, dx is work space. With b = s sqrt(1 + x^2), b b' = s^2 x. */
static void simulate(const gsl_matrix *A, const double *s, long steps, gsl_rng *rng, gsl_vector *x,
                     gsl_vector *dx)
{
  const double dt = diagonal10_time_step, root_dt = sqrt(dt);
  gsl_vector_set_all(x, diagonal10_start);
  for (long step = 0; step < steps; step++) {
    gsl_blas_dgemv(CblasNoTrans, -dt, A, x, 0.0, dx);
    for (size_t i = 0; i < DIM; i++) {
      double xi = gsl_vector_get(x, i), dw = gsl_ran_gaussian_ziggurat(rng, root_dt);
      double noise = s[i] * sqrt(1 + xi * xi) * dw + 0.5 * s[i] * s[i] * xi * (dw * dw - dt);
      gsl_vector_set(dx, i, gsl_vector_get(dx, i) + noise);
    }
    gsl_vector_add(x, dx);
  }
}

/* Sums of X_1 and X_1^2 at the end. */
static void simulate_all(const gsl_matrix *A, const double *s,
                         const struct plain_arguments *arguments, double *first, double *second)
{
  double sum = 0, squares = 0;
#pragma omp parallel num_threads((int)arguments->threads) reduction(+ : sum, squares)
  {
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 1 + (unsigned long)omp_get_thread_num());
    gsl_vector *x = gsl_vector_alloc(DIM), *dx = gsl_vector_alloc(DIM);
#pragma omp for schedule(static)
    for (long path = 0; path < arguments->paths; path++) {
      simulate(A, s, arguments->steps, rng, x, dx);
      sum += gsl_vector_get(x, 0);
      squares += gsl_vector_get(x, 0) * gsl_vector_get(x, 0);
    }
    gsl_vector_free(x);
    gsl_vector_free(dx);
    gsl_rng_free(rng);
  }
  *first = sum;
  *second = squares;
}

int main(int argc, char **argv)
{
  struct plain_arguments arguments = plain_arguments(argc, argv);
  gsl_matrix *A = gsl_matrix_alloc(DIM, DIM);
  double s[DIM], first, second, n = (double)arguments.paths;
  for (size_t i = 0; i < DIM; i++) {
    s[i] = diagonal10_noise(i);
    for (size_t j = 0; j < DIM; j++)
      gsl_matrix_set(A, i, j, diagonal10_rate(i, j));
  }
  double start = omp_get_wtime();
  simulate_all(A, s, &arguments, &first, &second);
  plain_report(&arguments, omp_get_wtime() - start);
  printf(" mean-x1 %.6f variance-x1 %.6f\n", first / n, (second - first * first / n) / (n - 1));
  gsl_matrix_free(A);
  return 0;
}
