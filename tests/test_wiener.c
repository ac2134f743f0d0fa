/*
 * Tests of sde/wiener: increments that add up, whichever the step, block and number of components,
 * and that are Brownian. Statistical tests are families at the false-alarm rate TESTING_LEVEL
 * (1e-6), with exact sampling variances.
 */
#include "sde/wiener.h"

#include "sde/status.h"
#include "tests/testing.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { WIDTH = 72, DIM = 3, SIZE = WIDTH * DIM };

static struct sde_wiener wiener_of(double fine_step)
{
  return (struct sde_wiener){sde_stream_named(5, "wiener"), DIM, fine_step};
}

/* The increments over fine steps first .. first + count - 1 from the normals: summed in order, then
 * scaled once. */
static void from_normals(const struct sde_wiener *wiener, uint64_t first, uint64_t count,
                         double *dw)
{
  double z[SIZE];
  memset(dw, 0, SIZE * sizeof *dw);
  for (uint64_t i = 0; i < count; i++) {
    struct sde_address at = {wiener->stream, 16, first + i};
    sde_random_normals(&at, WIDTH, DIM, z);
    for (size_t k = 0; k < SIZE; k++)
      dw[k] += z[k];
  }
  for (size_t k = 0; k < SIZE; k++)
    dw[k] *= sqrt(wiener->fine_step);
}

static const double steps[] = {1, 0.1, 1.0 / 1024, 3e-7};
enum { STEPS = sizeof steps / sizeof *steps };

START_TEST(increments_are_sums_of_normals)
{
  struct sde_wiener wiener = wiener_of(steps[_i]);
  double dw[SIZE], expected[SIZE], scratch[SIZE];
  for (uint64_t count = 1; count <= 33; count += 4) {
    sde_wiener_increment(&wiener, 16, WIDTH, 1000 * count, count, dw, scratch);
    from_normals(&wiener, 1000 * count, count, expected);
    ck_assert_mem_eq(dw, expected, sizeof dw);
  }
}
END_TEST

/* The largest difference between the increment over `count` fine steps and the sum, in order, of
 * increments over `part` of them, in units of the absolute sum of the finest. */
static double mismatch(double fine_step, uint64_t count, uint64_t part)
{
  struct sde_wiener wiener = wiener_of(fine_step);
  double whole[SIZE], piece[SIZE], scratch[SIZE], sum[SIZE] = {0}, size[SIZE] = {0}, worst = 0;
  sde_wiener_increment(&wiener, 16, WIDTH, 640, count, whole, scratch);
  for (uint64_t first = 0; first < count; first++) {
    sde_wiener_increment(&wiener, 16, WIDTH, 640 + first, 1, piece, scratch);
    for (size_t k = 0; k < SIZE; k++)
      size[k] += fabs(piece[k]);
    if (first % part != 0)
      continue;
    sde_wiener_increment(&wiener, 16, WIDTH, 640 + first, part, piece, scratch);
    for (size_t k = 0; k < SIZE; k++)
      sum[k] += piece[k];
  }
  for (size_t k = 0; k < SIZE; k++)
    worst = fmax(worst, fabs(whole[k] - sum[k]) / size[k]);
  return worst;
}

/* A fine step of 4^-5 has the root 2^-5, by which scaling is exact: then the coarse increment is
 * the sum of the finest to the bit. Otherwise each of `count` terms is rounded at most twice. */
START_TEST(coarse_is_the_sum_of_fine)
{
  for (uint64_t count = 2; count <= 64; count *= 2) {
    ck_assert_double_eq(mismatch(1.0 / 1024, count, 1), 0);
    for (uint64_t part = 1; part < count; part *= 2)
      for (size_t i = 0; i < STEPS; i++)
        ck_assert_double_le(mismatch(steps[i], count, part), (double)count * DBL_EPSILON);
  }
  ck_assert_double_le(mismatch(0.1, 4, 2), 1e-15);
}
END_TEST

/* The twin: one fine step left out of 32 is far beyond rounding. */
START_TEST(missing_increment_would_be_noticed)
{
  struct sde_wiener wiener = wiener_of(0.1);
  double whole[SIZE], most[SIZE], scratch[SIZE], least = INFINITY;
  sde_wiener_increment(&wiener, 16, WIDTH, 640, 32, whole, scratch);
  sde_wiener_increment(&wiener, 16, WIDTH, 640, 31, most, scratch);
  for (size_t k = 0; k < SIZE; k++)
    least = fmin(least, fabs(whole[k] - most[k]));
  ck_assert_double_gt(least, 1e-9);
}
END_TEST

START_TEST(same_path_in_any_block_and_number_of_components)
{
  enum { HALF = 32 };
  struct sde_wiener wiener = wiener_of(0.01), two = wiener;
  two.noise_dim = 2;
  double wide[2 * HALF * DIM], left[HALF * DIM], right[HALF * DIM], fewer[2 * HALF * 2],
      scratch[2 * HALF * DIM];
  sde_wiener_increment(&wiener, 96, 2 * HALF, 8, 4, wide, scratch);
  sde_wiener_increment(&wiener, 96, HALF, 8, 4, left, scratch);
  sde_wiener_increment(&wiener, 96 + HALF, HALF, 8, 4, right, scratch);
  sde_wiener_increment(&two, 96, 2 * HALF, 8, 4, fewer, scratch);
  for (size_t k = 0; k < DIM; k++) {
    ck_assert_mem_eq(wide + 2 * HALF * k, left + HALF * k, HALF * sizeof *wide);
    ck_assert_mem_eq(wide + 2 * HALF * k + HALF, right + HALF * k, HALF * sizeof *wide);
  }
  ck_assert_mem_eq(wide, fewer, sizeof fewer);
}
END_TEST

/* Coarse increments over `count` fine steps and the next `count`, for many paths. */
static double *increments_new(size_t width, double fine_step, uint64_t count)
{
  struct sde_wiener wiener = wiener_of(fine_step);
  double *dw = sde_alloc(2 * DIM * width, sizeof *dw),
         *scratch = sde_alloc(DIM * width, sizeof *dw);
  sde_wiener_increment(&wiener, 0, width, 0, count, dw, scratch);
  sde_wiener_increment(&wiener, 0, width, count, count, dw + DIM * width, scratch);
  sde_free(scratch);
  return dw;
}

/* Means, variances against `variance` and fourth moments of the six components, and their
 * correlations: components of one increment, and increments one after the other. */
static void add_brownian(struct testing_family *family, size_t width, const double *dw,
                         double variance)
{
  double n = (double)width;
  for (size_t i = 0; i < 2 * DIM; i++) {
    double mean = 0, square = 0, fourth = 0;
    for (size_t p = 0; p < width; p++) {
      double z = dw[i * width + p] / sqrt(variance);
      mean += z;
      square += z * z - 1;
      fourth += z * z * z * z - 3;
    }
    testing_add(family, mean / sqrt(n), "mean %zu", i);
    testing_add(family, square / sqrt(2 * n), "variance %zu", i);
    testing_add(family, fourth / sqrt(96 * n), "fourth moment %zu", i);
    for (size_t j = 0; j < i; j++) {
      double product = 0;
      for (size_t p = 0; p < width; p++)
        product += dw[i * width + p] * dw[j * width + p] / variance;
      testing_add(family, product / sqrt(n), "covariance %zu %zu", j, i);
    }
  }
}

START_TEST(increments_are_brownian)
{
  struct testing_family family = {0};
  size_t width = testing_size(200000);
  for (uint64_t count = 1; count <= 16; count *= 4) {
    double *dw = increments_new(width, 0.01, count);
    add_brownian(&family, width, dw, 0.01 * (double)count);
    sde_free(dw);
  }
  testing_assert_agrees(&family);
}
END_TEST

/* The twin: a variance off by ten of its standard errors. */
START_TEST(wrong_variance_would_be_noticed)
{
  struct testing_family family = {0};
  size_t width = testing_size(200000);
  double *dw = increments_new(width, 0.01, 4);
  add_brownian(&family, width, dw, 0.04 * (1 + 10 * sqrt(2 / (double)width)));
  testing_assert_notices(&family);
  sde_free(dw);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("wiener");
  TCase *sums = testing_case(suite, "sums");
  tcase_add_loop_test(sums, increments_are_sums_of_normals, 0, STEPS);
  tcase_add_test(sums, coarse_is_the_sum_of_fine);
  tcase_add_test(sums, missing_increment_would_be_noticed);
  tcase_add_test(sums, same_path_in_any_block_and_number_of_components);
  TCase *law = testing_case(suite, "law");
  tcase_add_test(law, increments_are_brownian);
  tcase_add_test(law, wrong_variance_would_be_noticed);
  return testing_run(suite);
}
