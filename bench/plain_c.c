/*
 * The baseline of `make bench`: the linear SDE of linear10.h by Euler-Maruyama as plain C with GSL,
 * one path at a time, threads over the paths. It uses nothing of the library.
 * Usage: plain_c PATHS STEPS THREADS
 */
#include "bench/linear10.h"
#include "bench/plain.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_matrix.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_vector.h>
#include <omp.h>
#include <stdio.h>

enum { DIM = LINEAR10_DIM };

/* Sums over the paths at the end time: of X_i, and of X_i X_j. */
struct sums {
  double first[DIM];
  double second[DIM][DIM];
};

/* One path from X_0; x holds the end, z and dx are work space. */
static void simulate(const gsl_matrix *A, const gsl_matrix *S, long steps, gsl_rng *rng,
                     gsl_vector *x, gsl_vector *z, gsl_vector *dx)
{
  const double dt = linear10_time_step, root_dt = sqrt(dt);
  gsl_vector_set_all(x, linear10_start);
  for (long step = 0; step < steps; step++) {
    for (size_t i = 0; i < DIM; i++)
      gsl_vector_set(z, i, gsl_ran_gaussian_ziggurat(rng, root_dt));
    gsl_blas_dgemv(CblasNoTrans, -dt, A, x, 0.0, dx);
    gsl_blas_dgemv(CblasNoTrans, 1.0, S, z, 1.0, dx);
    gsl_vector_add(x, dx);
  }
}

static void add_path(struct sums *sums, const gsl_vector *x)
{
  for (size_t i = 0; i < DIM; i++) {
    sums->first[i] += gsl_vector_get(x, i);
    for (size_t j = 0; j < DIM; j++)
      sums->second[i][j] += gsl_vector_get(x, i) * gsl_vector_get(x, j);
  }
}

static void add_sums(struct sums *total, const struct sums *part)
{
  for (size_t i = 0; i < DIM; i++) {
    total->first[i] += part->first[i];
    for (size_t j = 0; j < DIM; j++)
      total->second[i][j] += part->second[i][j];
  }
}

static void simulate_all(const gsl_matrix *A, const gsl_matrix *S, long paths, long steps,
                         int threads, struct sums *total)
{
#pragma omp parallel num_threads(threads)
  {
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 1 + (unsigned long)omp_get_thread_num());
    gsl_vector *x = gsl_vector_alloc(DIM), *z = gsl_vector_alloc(DIM), *dx = gsl_vector_alloc(DIM);
    struct sums part = {0};
#pragma omp for schedule(static)
    for (long path = 0; path < paths; path++) {
      simulate(A, S, steps, rng, x, z, dx);
      add_path(&part, x);
    }
#pragma omp critical
    add_sums(total, &part);
    gsl_vector_free(x);
    gsl_vector_free(z);
    gsl_vector_free(dx);
    gsl_rng_free(rng);
  }
}

/* Turn sums over paths into the mean and the covariance, in place. */
static void finish(struct sums *sums, long paths)
{
  double n = (double)paths;
  for (size_t i = 0; i < DIM; i++)
    sums->first[i] /= n;
  for (size_t i = 0; i < DIM; i++)
    for (size_t j = 0; j < DIM; j++)
      sums->second[i][j] = (sums->second[i][j] - n * sums->first[i] * sums->first[j]) / (n - 1);
}

int main(int argc, char **argv)
{
  struct plain_arguments arguments = plain_arguments(argc, argv);

  gsl_matrix *A = gsl_matrix_alloc(DIM, DIM), *S = gsl_matrix_alloc(DIM, DIM);
  for (size_t i = 0; i < DIM; i++) {
    for (size_t j = 0; j < DIM; j++) {
      gsl_matrix_set(A, i, j, linear10_rate(i, j));
      gsl_matrix_set(S, i, j, linear10_noise(i, j));
    }
  }

  struct sums sums = {0};
  double start = omp_get_wtime();
  simulate_all(A, S, arguments.paths, arguments.steps, (int)arguments.threads, &sums);
  finish(&sums, arguments.paths);
  double seconds = omp_get_wtime() - start;

  plain_report(&arguments, seconds);
  printf(" mean-x1 %.6f variance-x1 %.6f\n", sums.first[0], sums.second[0][0]);
  gsl_matrix_free(A);
  gsl_matrix_free(S);
  return 0;
}
