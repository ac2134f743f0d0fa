/*
 * Tests of sde/statistics: moments of a unit, and merges in any order and of any split, against
 * the two-pass formula in extended precision; intervals of few values against their coverage.
 */
#include "sde/statistics.h"

#include "sde/block.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <float.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>

enum { UNITS = 300, COUNT = UNITS * SDE_UNIT, SPLITS = 50 };

static struct sde_moments two_pass(size_t count, const double *values, const bool *alive)
{
  long double n = 0, sum = 0, m2 = 0;
  for (size_t i = 0; i < count; i++)
    if (alive[i]) {
      n++;
      sum += values[i];
    }
  for (size_t i = 0; i < count; i++)
    if (alive[i])
      m2 += (values[i] - sum / n) * (values[i] - sum / n);
  return (struct sde_moments){(double)n, n == 0 ? 0 : (double)(sum / n), (double)m2};
}

static void assert_moments(struct sde_moments got, struct sde_moments expected, double mean_error,
                           double m2_error)
{
  ck_assert_double_eq(got.n, expected.n);
  ck_assert_double_le(fabs(got.mean - expected.mean), mean_error * fabs(expected.mean));
  ck_assert_double_le(fabs(got.m2 - expected.m2), m2_error * expected.m2);
}

/* Normal numbers of a given mean and unit variance; about one in four is dead and NaN. */
static void draw(gsl_rng *rng, double mean, double *values, bool *alive)
{
  for (size_t i = 0; i < COUNT; i++) {
    alive[i] = gsl_rng_uniform(rng) < 0.75;
    values[i] = alive[i] ? mean + gsl_ran_ugaussian(rng) : NAN;
  }
}

START_TEST(unit_counts_the_living_only)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double values[COUNT];
  bool alive[COUNT];
  draw(rng, 3, values, alive);
  for (size_t i = 0; i < COUNT; i += SDE_UNIT)
    assert_moments(sde_moments_of_unit(values + i, alive + i),
                   two_pass(SDE_UNIT, values + i, alive + i), 1e-15, 4e-15);
  gsl_rng_free(rng);
}
END_TEST

START_TEST(unit_with_one_or_no_one_alive)
{
  double values[SDE_UNIT];
  bool alive[SDE_UNIT] = {false};
  for (size_t p = 0; p < SDE_UNIT; p++)
    values[p] = p % 2 == 0 ? NAN : INFINITY;
  struct sde_moments none = sde_moments_of_unit(values, alive);
  ck_assert(none.n == 0 && none.mean == 0 && none.m2 == 0);
  for (size_t p = 0; p < SDE_UNIT; p++) {
    double kept = values[p];
    values[p] = 0.1;
    alive[p] = true;
    struct sde_moments one = sde_moments_of_unit(values, alive);
    ck_assert(one.n == 1 && one.mean == 0.1 && one.m2 == 0);
    alive[p] = false;
    values[p] = kept;
  }
}
END_TEST

/* Not even where the square of the mean overflows. */
START_TEST(merging_nothing_changes_no_bit)
{
  struct sde_moments some = {5, _i == 0 ? 0.1 : 1e200, 0.7}, none = {0, 0, 0};
  struct sde_moments left = sde_moments_merged(none, some), right = sde_moments_merged(some, none);
  struct sde_moments nothing = sde_moments_merged(none, none);
  ck_assert(left.n == some.n && left.mean == some.mean && left.m2 == some.m2);
  ck_assert(right.n == some.n && right.mean == some.mean && right.m2 == some.m2);
  ck_assert(nothing.n == 0 && nothing.mean == 0 && nothing.m2 == 0);
}
END_TEST

/* {1, 2} with {3, 4, 8}, by hand. */
START_TEST(merging_known_samples)
{
  struct sde_moments both =
      sde_moments_merged((struct sde_moments){2, 1.5, 0.5}, (struct sde_moments){3, 5, 14});
  ck_assert_double_eq(both.n, 5);
  ck_assert_double_eq_tol(both.mean, 3.6, 1e-15);
  ck_assert_double_eq_tol(both.m2, 29.2, 1e-14);
  ck_assert_double_eq_tol(sde_moments_variance(both), 7.3, 4e-15);
  ck_assert_double_eq_tol(sde_moments_standard_error(both), sqrt(7.3 / 5), 1e-15);
}
END_TEST

/* Merges neighbours or strangers at random until one is left. */
static struct sde_moments merged_in_random_order(gsl_rng *rng, size_t count,
                                                 struct sde_moments *parts)
{
  while (count > 1) {
    size_t i = gsl_rng_uniform_int(rng, count);
    struct sde_moments part = parts[i];
    parts[i] = parts[--count];
    size_t j = gsl_rng_uniform_int(rng, count);
    parts[j] = gsl_rng_uniform(rng) < 0.5 ? sde_moments_merged(parts[j], part)
                                          : sde_moments_merged(part, parts[j]);
  }
  return parts[0];
}

/* Offsets, and what rounding may do to m2: values of size K standard deviations lose up to a few
 * K DBL_EPSILON of it (Chan, Golub and LeVeque, section 3), where E x^2 - (E x)^2 loses K^2. */
static const double offsets[] = {1, -1e3, 1e6, 1e9};

START_TEST(any_split_in_any_order)
{
  double offset = offsets[_i];
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double *values = sde_alloc(COUNT, sizeof *values);
  bool *alive = sde_alloc(COUNT, sizeof *alive);
  struct sde_moments *parts = sde_alloc(COUNT, sizeof *parts);
  draw(rng, offset, values, alive);
  struct sde_moments exact = two_pass(COUNT, values, alive);
  for (size_t split = 0; split < SPLITS; split++) {
    size_t count = 0;
    for (size_t i = 0; i < COUNT;) {
      /* A unit, or one value by itself; the dead make empty parts. */
      bool unit = gsl_rng_uniform(rng) < 0.2 && i + SDE_UNIT <= COUNT;
      parts[count++] =
          unit ? sde_moments_of_unit(values + i, alive + i) : two_pass(1, values + i, alive + i);
      i += unit ? SDE_UNIT : 1;
    }
    assert_moments(merged_in_random_order(rng, count, parts), exact, 1e-14,
                   fmax(1e-14, 4 * fabs(offset) * DBL_EPSILON));
  }
  sde_free(values);
  sde_free(alive);
  sde_free(parts);
  gsl_rng_free(rng);
}
END_TEST

/* The twin: the formula that merging replaces does not pass the same bound. */
START_TEST(textbook_formula_would_be_noticed)
{
  double offset = offsets[_i], sum = 0, squares = 0;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double *values = sde_alloc(COUNT, sizeof *values);
  bool *alive = sde_alloc(COUNT, sizeof *alive);
  draw(rng, offset, values, alive);
  struct sde_moments exact = two_pass(COUNT, values, alive);
  for (size_t i = 0; i < COUNT; i++) {
    sum += alive[i] ? values[i] : 0;
    squares += alive[i] ? values[i] * values[i] : 0;
  }
  double m2 = squares - sum * sum / exact.n;
  ck_assert_double_gt(fabs(m2 - exact.m2), 4 * fabs(offset) * DBL_EPSILON * exact.m2);
  sde_free(values);
  sde_free(alive);
  gsl_rng_free(rng);
}
END_TEST

START_TEST(no_value_has_no_mean_and_one_no_variance)
{
  struct sde_moments none = {0, 0, 0}, one = {1, 3, 0};
  ck_assert_double_nan(sde_moments_mean(none));
  ck_assert_double_nan(sde_moments_variance(none));
  ck_assert_double_nan(sde_moments_standard_error(none));
  ck_assert_double_eq(sde_moments_mean(one), 3);
  ck_assert_double_nan(sde_moments_variance(one));
  ck_assert_double_nan(sde_moments_standard_error(one));
}
END_TEST

/* Two-sided quantiles: 1.96, Bonferroni's 2.807 for ten at 5 %, and 4.89 for one in a million. */
START_TEST(family_quantiles)
{
  ck_assert_double_eq_tol(sde_family_quantile(0.05, 1), 1.959963984540054, 1e-12);
  ck_assert_double_eq_tol(sde_family_quantile(0.05, 10), 2.807033768343811, 1e-12);
  ck_assert_double_eq_tol(sde_family_quantile(1e-6, 1), 4.891638475698790, 1e-11);
  ck_assert_double_eq(sde_family_quantile(0.05, 0), sde_family_quantile(0.05, 1));
  for (size_t n = 1; n < 1000; n++)
    ck_assert_double_lt(sde_family_quantile(0.01, n), sde_family_quantile(0.01, n + 1));
}
END_TEST

/* Student's two-sided 95 % quantiles, as tables have them. */
START_TEST(student_quantiles)
{
  static const double table[][2] = {{1, 12.7062047361747},  {2, 4.30265272974946},
                                    {3, 3.18244630528371},  {7, 2.36462425159278},
                                    {15, 2.13144954555978}, {120, 1.97993040508242}};
  double normal = sde_family_quantile(0.05, 1);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    ck_assert_double_eq_tol(sde_student_quantile(normal, table[i][0]), table[i][1],
                            1e-10 * table[i][1]);
  ck_assert_double_eq_tol(sde_student_quantile(normal, 1e7), normal, 1e-6);
  ck_assert_double_eq(sde_student_quantile(normal, INFINITY), normal);
  ck_assert_double_eq(sde_student_quantile(normal, 0), INFINITY);
  ck_assert_double_eq(sde_student_quantile(normal, NAN), INFINITY);
}
END_TEST

/* Equal halves add up; one alone counts alone; and always between the smaller and the sum. */
START_TEST(welch_degrees_of_freedom)
{
  ck_assert_double_eq_tol(sde_welch_freedom(0.3, 7, 0.3, 7), 14, 1e-13);
  ck_assert_double_eq(sde_welch_freedom(0.3, 7, 0, 3), 7);
  ck_assert_double_eq(sde_welch_freedom(0, 7, 0.3, 3), 3);
  ck_assert_double_eq(sde_welch_freedom(0, 7, 0, 3), 3);
  for (double ratio = 1e-3; ratio < 1e3; ratio *= 1.3) {
    double freedom = sde_welch_freedom(1, 7, ratio, 3);
    ck_assert_double_ge(freedom, 3);
    ck_assert_double_le(freedom, 10 + 1e-12);
  }
}
END_TEST

static struct sde_moments sample_of(gsl_rng *rng, size_t count, double deviation)
{
  struct sde_moments moments = {0, 0, 0};
  for (size_t i = 0; i < count; i++)
    moments =
        sde_moments_merged(moments, (struct sde_moments){1, deviation * gsl_ran_ugaussian(rng), 0});
  return moments;
}

enum { SAMPLES = 40000 };

/* Of means of few normal values the intervals cover 0 as often as they say; of normal quantiles,
 * the twin, too seldom: 70 % at n = 2 to 93 % at n = 16. Four binomial standard deviations. */
START_TEST(few_values_cover)
{
  static const size_t counts[] = {2, 3, 4, 8, 16};
  static const double levels[] = {0.05, 0.001};
  double level = levels[_i], slack = 4 * sqrt(level * (1 - level) / SAMPLES);
  double normal = sde_family_quantile(level, 1);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    double missed = 0, twin = 0, wide = sde_student_quantile(normal, (double)counts[c] - 1);
    for (size_t i = 0; i < SAMPLES; i++) {
      struct sde_moments sample = sample_of(rng, counts[c], 3);
      double z = fabs(sde_moments_mean(sample)) / sde_moments_standard_error(sample);
      missed += z > wide;
      twin += z > normal;
    }
    ck_assert_double_eq_tol(missed / SAMPLES, level, slack);
    ck_assert_double_gt(twin / SAMPLES, level + slack);
  }
  gsl_rng_free(rng);
}
END_TEST

/* Differences of means of unequal sizes and variances. Welch's approximation is within 1 % of the
 * level here (exact where one variance rules); normal quantiles miss by 1.5 % or more. */
START_TEST(differences_of_few_values_cover)
{
  static const size_t counts[][2] = {{4, 4}, {4, 16}, {16, 4}, {8, 8}};
  static const double deviations[] = {0.2, 1, 5};
  double normal = sde_family_quantile(0.05, 1), slack = 4 * sqrt(0.05 * 0.95 / SAMPLES);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
    for (size_t k = 0; k < sizeof deviations / sizeof *deviations; k++) {
      double missed = 0, twin = 0, n = (double)counts[c][0], m = (double)counts[c][1];
      for (size_t i = 0; i < SAMPLES; i++) {
        struct sde_moments a = sample_of(rng, counts[c][0], 1);
        struct sde_moments b = sample_of(rng, counts[c][1], deviations[k]);
        double a_se = sde_moments_standard_error(a), b_se = sde_moments_standard_error(b);
        double z = fabs(sde_moments_mean(a) - sde_moments_mean(b)) / hypot(a_se, b_se);
        missed += z > sde_student_quantile(normal, sde_welch_freedom(a_se, n - 1, b_se, m - 1));
        twin += z > normal;
      }
      ck_assert_double_eq_tol(missed / SAMPLES, 0.05, 0.01 + slack);
      ck_assert_double_gt(twin / SAMPLES, missed / SAMPLES);
    }
  gsl_rng_free(rng);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("statistics");
  TCase *unit = testing_case(suite, "unit");
  tcase_add_test(unit, unit_counts_the_living_only);
  tcase_add_test(unit, unit_with_one_or_no_one_alive);
  TCase *merges = testing_case(suite, "merges");
  tcase_add_loop_test(merges, merging_nothing_changes_no_bit, 0, 2);
  tcase_add_test(merges, merging_known_samples);
  tcase_add_loop_test(merges, any_split_in_any_order, 0, sizeof offsets / sizeof *offsets);
  tcase_add_loop_test(merges, textbook_formula_would_be_noticed, 1,
                      sizeof offsets / sizeof *offsets);
  TCase *summaries = testing_case(suite, "summaries");
  tcase_add_test(summaries, no_value_has_no_mean_and_one_no_variance);
  tcase_add_test(summaries, family_quantiles);
  tcase_add_test(summaries, student_quantiles);
  tcase_add_test(summaries, welch_degrees_of_freedom);
  TCase *coverage = testing_case(suite, "coverage");
  tcase_add_loop_test(coverage, few_values_cover, 0, 2);
  tcase_add_test(coverage, differences_of_few_values_cover);
  return testing_run(suite);
}
