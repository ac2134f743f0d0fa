/*
 * Tests of sde/wiener: increments that add up, whichever the step, block and number of components,
 * and that are Brownian; the integrals of a step composed of fine ones, and their laws. Statistical
 * tests are families at the false-alarm rate TESTING_LEVEL (1e-6).
 */
#include "sde/levy_area.h"
#include "sde/wiener.h"

#include "sde/status.h"
#include "tests/testing.h"

#include <float.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

enum { WIDTH = 72, DIM = 3, SIZE = WIDTH * DIM };

static struct sde_wiener wiener_of(double fine_step)
{
  return (struct sde_wiener){
      .stream = sde_stream_named(5, "wiener"), .noise_dim = DIM, .fine_step = fine_step};
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

/* ---- A step with its integrals ---- */

enum { PAIRS = DIM * (DIM - 1) / 2, NORMALS = 5, SETS = 7 };

static const unsigned sets[SETS] = {SDE_WIENER_INCREMENTS,
                                    SDE_WIENER_TIME_INTEGRALS,
                                    SDE_WIENER_LEVY_AREAS,
                                    SDE_WIENER_WEAK_AREAS,
                                    SDE_WIENER_NORMALS,
                                    SDE_WIENER_TIME_INTEGRALS | SDE_WIENER_LEVY_AREAS |
                                        SDE_WIENER_NORMALS,
                                    SDE_WIENER_TIME_INTEGRALS | SDE_WIENER_WEAK_AREAS};

/* A draw of its own memory. */
struct draw {
  struct sde_wiener_workspace *workspace;
  struct sde_increments is;
};

static struct draw draw_new(unsigned needs, double fine_step, uint64_t first_path, size_t width,
                            uint64_t first, uint64_t count)
{
  struct sde_wiener wiener = wiener_of(fine_step);
  wiener.needs = needs;
  wiener.normals = NORMALS;
  struct draw draw = {.workspace = sde_wiener_workspace_new(&wiener, width)};
  draw.is = sde_wiener_draw(&wiener, draw.workspace, first_path, width, first, count);
  return draw;
}

static void draw_free(struct draw *draw)
{
  sde_wiener_workspace_free(draw->workspace);
}

START_TEST(areas_are_counted)
{
  static const size_t areas[] = {0, 1, 3, 6, 10};
  for (size_t dim = 1; dim <= 5; dim++)
    ck_assert_uint_eq(sde_levy_area_count(dim), areas[dim - 1]);
}
END_TEST

START_TEST(a_draw_has_what_was_asked_for)
{
  unsigned areas = SDE_WIENER_LEVY_AREAS | SDE_WIENER_WEAK_AREAS;
  struct draw draw = draw_new(sets[_i], 0.1, 16, WIDTH, 5, 3);
  ck_assert_ptr_nonnull(draw.is.dw);
  ck_assert_int_eq(draw.is.time_integral != NULL, (sets[_i] & SDE_WIENER_TIME_INTEGRALS) != 0);
  ck_assert_int_eq(draw.is.area != NULL, (sets[_i] & areas) != 0);
  ck_assert_int_eq(draw.is.normal != NULL, (sets[_i] & SDE_WIENER_NORMALS) != 0);
  draw_free(&draw);
}
END_TEST

/* Whatever else is asked for, the increments are the same: to the bit for a finest step, and where
 * the root of the fine step is exact; else each of `count` terms is rounded at most twice. */
START_TEST(a_draw_has_the_increments)
{
  double dw[SIZE], scratch[SIZE];
  for (uint64_t count = 1; count <= 33; count += 8)
    for (size_t i = 0; i < STEPS; i++) {
      struct sde_wiener wiener = wiener_of(steps[i]);
      sde_wiener_increment(&wiener, 16, WIDTH, 640, count, dw, scratch);
      struct draw draw = draw_new(sets[_i], steps[i], 16, WIDTH, 640, count);
      double size = sqrt(steps[i]) * 8.5 * (double)count;
      if (count == 1 || sqrt(steps[i]) == 1 || sqrt(steps[i]) == 1.0 / 32)
        ck_assert_mem_eq(draw.is.dw, dw, sizeof dw);
      for (size_t k = 0; k < SIZE; k++)
        ck_assert_double_eq_tol(draw.is.dw[k], dw[k], size * (double)count * DBL_EPSILON);
      draw_free(&draw);
    }
}
END_TEST

/* The integrals over the fine steps of one path and pair of components, by sums over all steps, and
 * over all pairs of steps; I_(j,k) has dW_j first. */
struct sums {
  double w, time_integral, i_jk, i_kj;
};

static struct sums brute_force(const struct draw *fine, size_t count, double fine_step, size_t p,
                               size_t j, size_t k)
{
  struct sums sums = {0};
  for (size_t b = 0; b < count; b++) {
    const struct sde_increments *is = &fine[b].is;
    double dw_j = is->dw[j * WIDTH + p], dw_k = is->dw[k * WIDTH + p];
    double area = is->area[(k * (k - 1) / 2 + j) * WIDTH + p];
    sums.time_integral += is->time_integral[j * WIDTH + p] + sums.w * fine_step;
    sums.w += dw_j;
    sums.i_jk += dw_j * dw_k / 2 + area;
    sums.i_kj += dw_j * dw_k / 2 - area;
    for (size_t a = 0; a < b; a++) {
      sums.i_jk += fine[a].is.dw[j * WIDTH + p] * dw_k;
      sums.i_kj += fine[a].is.dw[k * WIDTH + p] * dw_j;
    }
  }
  return sums;
}

/* The largest differences of a draw of many steps from brute force: of time integrals, and of areas
 * with their sign or with the other, in units of the time's powers. */
struct differences {
  double time_integral, area, reversed;
};

static struct differences differences_of(const struct draw *whole, const struct draw *fine,
                                         size_t count, double fine_step)
{
  struct differences worst = {0};
  double time = fine_step * (double)count;
  for (size_t k = 1; k < DIM; k++)
    for (size_t j = 0; j < k; j++)
      for (size_t p = 0; p < WIDTH; p++) {
        struct sums sums = brute_force(fine, count, fine_step, p, j, k);
        double half = whole->is.dw[j * WIDTH + p] * whole->is.dw[k * WIDTH + p] / 2;
        double area = whole->is.area[(k * (k - 1) / 2 + j) * WIDTH + p];
        double time_integral = whole->is.time_integral[j * WIDTH + p];
        worst.time_integral =
            fmax(worst.time_integral, fabs(time_integral - sums.time_integral) / pow(time, 1.5));
        worst.area = fmax(
            worst.area, fmax(fabs(half + area - sums.i_jk), fabs(half - area - sums.i_kj)) / time);
        worst.reversed = fmax(worst.reversed, fabs(half - area - sums.i_jk) / time);
      }
  return worst;
}

/* Chen's relation over `count` steps, against sums over pairs of steps. Sums of some hundred terms
 * of a few units are right to 1e-13. */
START_TEST(integrals_are_composed)
{
  enum { COUNT = 12 };
  unsigned needs =
      SDE_WIENER_TIME_INTEGRALS | (_i == 0 ? SDE_WIENER_LEVY_AREAS : SDE_WIENER_WEAK_AREAS);
  struct draw fine[COUNT];
  for (uint64_t i = 0; i < COUNT; i++)
    fine[i] = draw_new(needs, 0.07, 16, WIDTH, 640 + i, 1);
  for (size_t count = 1; count <= COUNT; count++) {
    struct draw whole = draw_new(needs, 0.07, 16, WIDTH, 640, count);
    struct differences worst = differences_of(&whole, fine, count, 0.07);
    ck_assert_double_le(worst.time_integral, 1e-13);
    ck_assert_double_le(worst.area, 1e-13);
    /* The twins: areas of the other sign; and a step less. */
    ck_assert_double_ge(worst.reversed, 0.1);
    if (count > 1) {
      worst = differences_of(&whole, fine, count - 1, 0.07);
      ck_assert_double_ge(worst.time_integral, 0.01);
      ck_assert_double_ge(worst.area, 0.01);
    }
    draw_free(&whole);
  }
  for (size_t i = 0; i < COUNT; i++)
    draw_free(&fine[i]);
}
END_TEST

static void assert_piece(const double *some, const double *all, size_t rows, size_t width,
                         size_t start)
{
  for (size_t i = 0; all != NULL && i < rows; i++)
    ck_assert_mem_eq(some + i * width, all + i * WIDTH + start, width * sizeof *all);
}

START_TEST(same_draw_in_any_block)
{
  static const size_t widths[] = {8, 32, 64};
  struct draw all = draw_new(sets[_i], 0.07, 96, WIDTH, 8, 3);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t start = 0, width = widths[w]; start + width <= WIDTH; start += 8) {
      struct draw some = draw_new(sets[_i], 0.07, 96 + start, width, 8, 3);
      assert_piece(some.is.dw, all.is.dw, DIM, width, start);
      assert_piece(some.is.time_integral, all.is.time_integral, DIM, width, start);
      assert_piece(some.is.area, all.is.area, PAIRS, width, start);
      assert_piece(some.is.normal, all.is.normal, NORMALS, width, start);
      draw_free(&some);
    }
  draw_free(&all);
}
END_TEST

/* What is drawn for one purpose does not depend on what else is. */
START_TEST(purposes_do_not_disturb_each_other)
{
  struct draw all = draw_new(sets[5], 0.07, 16, WIDTH, 8, 3),
              times = draw_new(SDE_WIENER_TIME_INTEGRALS, 0.07, 16, WIDTH, 8, 3),
              areas = draw_new(SDE_WIENER_LEVY_AREAS, 0.07, 16, WIDTH, 8, 3),
              normals = draw_new(SDE_WIENER_NORMALS, 0.07, 16, WIDTH, 8, 3);
  assert_piece(times.is.time_integral, all.is.time_integral, DIM, WIDTH, 0);
  assert_piece(areas.is.area, all.is.area, PAIRS, WIDTH, 0);
  assert_piece(normals.is.normal, all.is.normal, NORMALS, WIDTH, 0);
  draw_free(&all);
  draw_free(&times);
  draw_free(&areas);
  draw_free(&normals);
}
END_TEST

/* The rows of a draw of `count` steps, each of mean 0 and variance 1: increments, what the time
 * integrals have beyond half of the increments, areas, normals. */
enum { ROWS = 2 * DIM + PAIRS + NORMALS };

static double *rows_new(size_t width, double fine_step, uint64_t count)
{
  struct draw draw = draw_new(sets[5], fine_step, 0, width, 640, count);
  double *rows = sde_alloc(ROWS * width, sizeof *rows), time = fine_step * (double)count;
  size_t size = DIM * width, areas = PAIRS * width;
  for (size_t i = 0; i < size; i++) {
    rows[i] = draw.is.dw[i] / sqrt(time);
    rows[size + i] =
        (draw.is.time_integral[i] - time / 2 * draw.is.dw[i]) / sqrt(pow(time, 3) / 12);
  }
  for (size_t i = 0; i < areas; i++)
    rows[2 * size + i] = draw.is.area[i] / (time / 2);
  memcpy(rows + 2 * size + areas, draw.is.normal, NORMALS * width * sizeof *rows);
  draw_free(&draw);
  return rows;
}

static bool is_area(size_t row)
{
  return row >= 2 * DIM && row < 2 * DIM + PAIRS;
}

/* Second moments of the rows, by the products' own mean square: areas have no covariance with
 * anything, but are not independent. */
static void add_second_moments(struct testing_family *family, size_t width, const double *rows)
{
  for (size_t i = 0; i < ROWS; i++)
    for (size_t l = 0; l <= i; l++) {
      double sum = 0, square = 0;
      for (size_t p = 0; p < width; p++) {
        double product = rows[i * width + p] * rows[l * width + p] - (i == l);
        sum += product;
        square += product * product;
      }
      testing_add(family, sum / sqrt(square), "rows %zu and %zu", l, i);
    }
}

static double secant_law(double x)
{
  return M_2_PI * atan(exp(M_PI_2 * x));
}

START_TEST(integrals_have_their_law)
{
  static const uint64_t counts[] = {1, 2, 8};
  struct testing_family family = {0};
  size_t width = testing_size(100000);
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    double *rows = rows_new(width, 0.01, counts[c]);
    add_second_moments(&family, width, rows);
    for (size_t i = 0; i < ROWS; i++)
      testing_add_law(&family, width, rows + i * width,
                      is_area(i) ? secant_law : gsl_cdf_ugaussian_P, "law of a row");
    sde_free(rows);
  }
  testing_assert_agrees(&family);
}
END_TEST

/* The twins: normals of the increments' stream; a step of two that has lost the areas within them,
 * which are half of the mean square. */
START_TEST(wrong_integrals_would_be_noticed)
{
  struct testing_family family = {0};
  size_t width = testing_size(10000);
  double *rows = rows_new(width, 0.01, 2);
  struct draw first = draw_new(SDE_WIENER_INCREMENTS, 0.01, 0, width, 640, 1),
              second = draw_new(SDE_WIENER_INCREMENTS, 0.01, 0, width, 641, 1);
  for (size_t p = 0; p < width; p++) {
    if (_i == 0)
      rows[(ROWS - 1) * width + p] = first.is.dw[p] / sqrt(0.01);
    else
      rows[2 * DIM * width + p] =
          (first.is.dw[p] * second.is.dw[width + p] - first.is.dw[width + p] * second.is.dw[p]) /
          0.02;
  }
  add_second_moments(&family, width, rows);
  testing_assert_notices(&family);
  sde_free(rows);
  draw_free(&first);
  draw_free(&second);
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
  TCase *draws = testing_case(suite, "draws");
  tcase_add_test(draws, areas_are_counted);
  tcase_add_loop_test(draws, a_draw_has_what_was_asked_for, 0, SETS);
  tcase_add_loop_test(draws, a_draw_has_the_increments, 0, SETS);
  tcase_add_loop_test(draws, integrals_are_composed, 0, 2);
  tcase_add_loop_test(draws, same_draw_in_any_block, 0, SETS);
  tcase_add_test(draws, purposes_do_not_disturb_each_other);
  TCase *law = testing_case(suite, "law");
  tcase_add_test(law, integrals_have_their_law);
  tcase_add_loop_test(law, wrong_integrals_would_be_noticed, 0, 2);
  tcase_add_test(law, increments_are_brownian);
  tcase_add_test(law, wrong_variance_would_be_noticed);
  return testing_run(suite);
}
