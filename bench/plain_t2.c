/*
 * A baseline of `make bench`: m-USAM on the finite sum of sums10.h as plain C with GSL, one replica
 * at a time with the gradient of each sample by gsl_blas, threads over the replicas. It uses
 * nothing of the library.
 * Usage: plain_t2 PATHS STEPS THREADS
 */
#include "bench/plain.h"
#include "bench/sums10.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_matrix.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_vector.h>
#include <omp.h>
#include <stdio.h>

enum { DIM = SUMS10_DIM, SAMPLES = SUMS10_SAMPLES, MICRO = SUMS10_MICRO_BATCH };

struct sums {
  gsl_matrix *a[SAMPLES];
  gsl_vector *b[SAMPLES];
};

/* g = mean over the micro-batch of A_i x - b_i */
static void micro_gradient(const struct sums *sums, const size_t *index, const gsl_vector *x,
                           gsl_vector *g)
{
  gsl_vector_set_zero(g);
  for (size_t i = 0; i < MICRO; i++) {
    gsl_blas_dgemv(CblasNoTrans, 1.0 / MICRO, sums->a[index[i]], x, 1.0, g);
    gsl_blas_daxpy(-1.0 / MICRO, sums->b[index[i]], g);
  }
}

/* One replica from x_0; x holds the end, y, g and u are work space. */
static void simulate(const struct sums *sums, long steps, gsl_rng *rng, gsl_vector *x,
                     gsl_vector *y, gsl_vector *g, gsl_vector *u)
{
  size_t index[MICRO];
  gsl_vector_set_all(x, sums10_start);
  for (long step = 0; step < steps; step++) {
    gsl_vector_set_zero(u);
    for (size_t j = 0; j < SUMS10_BATCH / MICRO; j++) {
      for (size_t i = 0; i < MICRO; i++)
        index[i] = gsl_rng_uniform_int(rng, SAMPLES);
      micro_gradient(sums, index, x, g);
      gsl_vector_memcpy(y, x);
      gsl_blas_daxpy(sums10_rho, g, y);
      micro_gradient(sums, index, y, g);
      gsl_vector_add(u, g);
    }
    gsl_blas_daxpy(-sums10_eta * MICRO / SUMS10_BATCH, u, x);
  }
}

/* Sums of x_1 and x_1^2 at the end. */
static void simulate_all(const struct sums *sums, const struct plain_arguments *arguments,
                         double *first, double *second)
{
  double sum = 0, squares = 0;
#pragma omp parallel num_threads((int)arguments->threads) reduction(+ : sum, squares)
  {
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 1 + (unsigned long)omp_get_thread_num());
    gsl_vector *x = gsl_vector_alloc(DIM), *y = gsl_vector_alloc(DIM);
    gsl_vector *g = gsl_vector_alloc(DIM), *u = gsl_vector_alloc(DIM);
#pragma omp for schedule(static)
    for (long path = 0; path < arguments->paths; path++) {
      simulate(sums, arguments->steps, rng, x, y, g, u);
      sum += gsl_vector_get(x, 0);
      squares += gsl_vector_get(x, 0) * gsl_vector_get(x, 0);
    }
    gsl_vector_free(x);
    gsl_vector_free(y);
    gsl_vector_free(g);
    gsl_vector_free(u);
    gsl_rng_free(rng);
  }
  *first = sum;
  *second = squares;
}

int main(int argc, char **argv)
{
  struct plain_arguments arguments = plain_arguments(argc, argv);
  struct sums sums;
  double first, second, n = (double)arguments.paths;
  for (size_t i = 0; i < SAMPLES; i++) {
    sums.a[i] = gsl_matrix_alloc(DIM, DIM);
    sums.b[i] = gsl_vector_alloc(DIM);
    for (size_t j = 0; j < DIM; j++) {
      gsl_vector_set(sums.b[i], j, sums10_slope(i, j));
      for (size_t k = 0; k < DIM; k++)
        gsl_matrix_set(sums.a[i], j, k, sums10_hessian(i, j, k));
    }
  }
  double start = omp_get_wtime();
  simulate_all(&sums, &arguments, &first, &second);
  plain_report(&arguments, omp_get_wtime() - start);
  printf(" mean-x1 %.6f variance-x1 %.6f\n", first / n, (second - first * first / n) / (n - 1));
  for (size_t i = 0; i < SAMPLES; i++) {
    gsl_matrix_free(sums.a[i]);
    gsl_vector_free(sums.b[i]);
  }
  return 0;
}
