/*
 * T1b of the benchmark: the SDE with diagonal noise of diagonal10.h by Milstein's scheme through
 * the public engine, as a user would write it, beside plain C and the normals alone.
 */
#include "bench/diagonal10.h"
#include "bench/measure.h"
#include "sde/block.h"
#include "sde/vector_math.h"

enum { DIM = DIAGONAL10_DIM, STEPS = 1000, PATHS = 8192 };

struct diagonal {
  double minus_a[DIM * DIM], s[DIM];
};

SDE_VECTOR
static void diagonal_noise(size_t width, const double *restrict s, const double *restrict x,
                           const double *restrict dw, double *restrict noise)
{
  for (size_t i = 0; i < DIM; i++)
    for (size_t p = i * width; p < (i + 1) * width; p++)
      noise[p] = s[i] * sqrt(1 + x[p] * x[p]) * dw[p];
}

/* With b = s sqrt(1 + x^2), b b' = s^2 x. */
SDE_VECTOR
static void diagonal_derivative(size_t width, const double *restrict s, const double *restrict x,
                                double *restrict product)
{
  for (size_t i = 0; i < DIM; i++)
    for (size_t p = i * width; p < (i + 1) * width; p++)
      product[p] = s[i] * s[i] * x[p];
}

static void evaluate(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct diagonal *diagonal = system->context;
  if (drift != NULL)
    sde_vector_math()->affine(DIM, DIM, diagonal->minus_a, NULL, width, x, drift);
  if (noise != NULL)
    diagonal_noise(width, diagonal->s, x, dw, noise);
}

static void own_derivative(const struct sde_system *system, void *workspace,
                           const struct sde_instant *at, size_t width, const double *x,
                           double *product)
{
  (void)workspace, (void)at;
  const struct diagonal *diagonal = system->context;
  diagonal_derivative(width, diagonal->s, x, product);
}

double t1b_speed(uint64_t paths, uint64_t steps, int threads)
{
  struct diagonal diagonal;
  for (size_t i = 0; i < DIM; i++) {
    diagonal.s[i] = diagonal10_noise(i);
    for (size_t j = 0; j < DIM; j++)
      diagonal.minus_a[i * DIM + j] = -diagonal10_rate(i, j);
  }
  const struct sde_system system = {.name = "diagonal10",
                                    .dim = DIM,
                                    .noise_dim = DIM,
                                    .noise = SDE_NOISE_DIAGONAL,
                                    .context = &diagonal,
                                    .evaluate = evaluate,
                                    .own_derivative = own_derivative};
  return solution_speed(&system, "milstein", diagonal10_start, diagonal10_time_step, paths, steps,
                        threads);
}

void bench_t1b(const struct bench *bench)
{
  double ours[ROUNDS], plain[ROUNDS], to_plain[ROUNDS], to_floor[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    ours[i] = t1b_speed(PATHS, STEPS, bench->threads);
    plain[i] = baseline_speed(bench, "plain_t1b", PATHS, STEPS, bench->threads);
    to_plain[i] = ours[i] / plain[i];
    to_floor[i] = ours[i] / normals_speed(DIM, PATHS, STEPS, bench->threads);
  }
  row(bench, "t1b", "plain-c", bench->threads, 1e-6 * median(plain, ROUNDS), "million path-steps/s",
      1, 0);
  row(bench, "t1b", "engine", bench->threads, 1e-6 * median(ours, ROUNDS), "million path-steps/s",
      median(to_plain, ROUNDS), median(to_floor, ROUNDS));
}
