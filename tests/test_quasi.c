/*
 * Tests of quasi-random paths: a shifted net, Brownian motion in law, means of replicates without
 * bias and with the standard error that is told, and what they gain.
 */
#include "experiments/cases/unused.h"
#include "experiments/studies/studies.h"
#include "sde/inverse_normal.h"
#include "sde/quasi.h"
#include "sde/wiener.h"
#include "tests/golden_moments.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <signal.h>
#include <string.h>

enum { WIDTH = 8 };

static const char golden[] = "experiments/recipes/golden.yaml";
static const struct sde_stream shifts = {3, 4};

/* Against GSL's, in the middle and down to the least cell, both right to about 1e-15. */
START_TEST(inverse_normal_is_gsls)
{
  double probability[WIDTH], normal[WIDTH];
  for (int exponent = 1; exponent <= 53; exponent++)
    for (int part = 0; part < 64; part++) {
      double p = ldexp(1 + part / 64.0, -exponent) / 2;
      for (size_t i = 0; i < WIDTH; i++)
        probability[i] = i % 2 == 0 ? p : 1 - p;
      sde_inverse_normal(WIDTH, probability, normal);
      for (size_t i = 0; i < 2 && probability[i] < 1; i++) {
        double exact = gsl_cdf_ugaussian_Pinv(probability[i]);
        ck_assert_double_eq_tol(normal[i], exact, 1e-14 * (1 + fabs(exact)));
      }
    }
}
END_TEST

/* Of 2^k points each cell of 2^-k in each coordinate holds one, whatever the shift; pseudo-random
 * ones do not. The net is the same in all replicates but for the shift, without which their means
 * would be equal and tell no error. */
START_TEST(replicates_are_one_net_with_shifts)
{
  enum { POINTS = 64, REPLICATES = 10, DIMENSIONS = SDE_QUASI_DIMENSIONS };
  struct sde_quasi *quasi = sde_quasi_new(shifts, 4, 100, POINTS);
  ck_assert_uint_eq(sde_quasi_dimensions(quasi), DIMENSIONS);
  struct sde_moments shifted[DIMENSIONS] = {0}, twin[DIMENSIONS] = {0};
  for (uint64_t r = 0; r < REPLICATES; r++) {
    uint64_t seen[DIMENSIONS] = {0}, origin[DIMENSIONS], bits[DIMENSIONS];
    double sum[DIMENSIONS] = {0}, unshifted[DIMENSIONS] = {0};
    sde_quasi_point(quasi, r * POINTS, origin);
    for (uint64_t q = 0; q < POINTS; q++) {
      sde_quasi_point(quasi, r * POINTS + q, bits);
      for (size_t d = 0; d < DIMENSIONS; d++) {
        ck_assert_uint_lt(bits[d], (uint64_t)1 << 52);
        seen[d] |= (uint64_t)1 << (bits[d] >> 46);
        sum[d] += ldexp((double)bits[d], -52);
        unshifted[d] += ldexp((double)(bits[d] ^ origin[d]), -52);
      }
    }
    for (size_t d = 0; d < DIMENSIONS; d++) {
      ck_assert_uint_eq(seen[d], UINT64_MAX);
      shifted[d] = sde_moments_merged(shifted[d], (struct sde_moments){1, sum[d], 0});
      twin[d] = sde_moments_merged(twin[d], (struct sde_moments){1, unshifted[d], 0});
    }
  }
  for (size_t d = 0; d < DIMENSIONS; d++) {
    ck_assert_double_gt(sde_moments_standard_error(shifted[d]), 0);
    ck_assert_double_eq(sde_moments_standard_error(twin[d]), 0);
  }
  sde_quasi_free(quasi);
}
END_TEST

/* Pairs of coordinates are spread too, two directions that were exchanged or left out would not be:
 * 64 points of the first two dimensions have one in each of 8 x 8 cells. */
START_TEST(the_first_plane_is_even)
{
  enum { POINTS = 64 };
  struct sde_quasi *quasi = sde_quasi_new(shifts, 4, 100, POINTS);
  uint64_t bits[SDE_QUASI_DIMENSIONS], seen = 0;
  for (uint64_t q = 0; q < POINTS; q++) {
    sde_quasi_point(quasi, q, bits);
    seen |= (uint64_t)1 << ((bits[0] >> 49) * 8 + (bits[1] >> 49));
  }
  ck_assert_uint_eq(seen, UINT64_MAX);
  sde_quasi_free(quasi);
}
END_TEST

enum { FINE = 7, SHOWN = 3, NUMBERS = FINE * SHOWN };

/* Fine increments of the first two components and the last, path 5 of each block of 8. */
static void draw_path(const struct sde_wiener *wiener, struct sde_wiener_workspace *workspace,
                      uint64_t block, double *numbers)
{
  const size_t shown[SHOWN] = {0, 1, wiener->noise_dim - 1};
  for (uint64_t step = 0; step < FINE; step++) {
    struct sde_increments drawn = sde_wiener_draw(wiener, workspace, block * WIDTH, WIDTH, step, 1);
    for (size_t i = 0; i < SHOWN; i++)
      numbers[step * SHOWN + i] = drawn.dw[shown[i] * WIDTH + 5];
  }
}

/* E dW_a dW_b of all pairs, over replicates of 8 points each, against dt where a = b, else 0: the
 * deviation of a product's mean is dt / sqrt(n), or sqrt(2) of it. */
static struct testing_family law_of(const struct sde_quasi *quasi, size_t noise_dim)
{
  enum { COUNT = 8000 };
  struct sde_wiener wiener = {
      .stream = {1, 2}, .noise_dim = noise_dim, .fine_step = 0.1, .quasi = quasi};
  struct sde_wiener_workspace *workspace = sde_wiener_workspace_new(&wiener, WIDTH);
  double sums[NUMBERS][NUMBERS] = {{0}}, means[NUMBERS] = {0}, numbers[NUMBERS];
  for (uint64_t block = 0; block < COUNT; block++) {
    draw_path(&wiener, workspace, block, numbers);
    for (size_t a = 0; a < NUMBERS; a++) {
      means[a] += numbers[a];
      for (size_t b = 0; b <= a; b++)
        sums[a][b] += numbers[a] * numbers[b];
    }
  }
  struct testing_family family = {0};
  double dt = wiener.fine_step, n = COUNT;
  for (size_t a = 0; a < NUMBERS; a++) {
    testing_add(&family, means[a] / sqrt(n * dt), "mean of increment %zu", a);
    for (size_t b = 0; b <= a; b++)
      testing_add(&family, (sums[a][b] / n - (a == b ? dt : 0)) / (dt * sqrt((a == b ? 2 : 1) / n)),
                  "increments %zu and %zu", a, b);
  }
  sde_wiener_workspace_free(workspace);
  return family;
}

/* With 12 components three intervals of unequal lengths; with 50 one, of the first 40 alone; with
 * three an interval a step. The twin has a bridge that is a quarter too wide over the first
 * interval. */
START_TEST(increments_are_brownian)
{
  static const size_t noise_dim[] = {12, 50, 3}, intervals[] = {3, 1, FINE};
  struct sde_quasi *quasi = sde_quasi_new(shifts, noise_dim[_i], FINE, WIDTH);
  ck_assert_uint_eq(quasi->intervals, intervals[_i]);
  struct testing_family family = law_of(quasi, noise_dim[_i]);
  testing_assert_agrees(&family);
  for (size_t j = 0; j < quasi->intervals; j++)
    quasi->bridge[j] *= 1.25;
  struct testing_family twin = law_of(quasi, noise_dim[_i]);
  testing_assert_notices(&twin);
  sde_quasi_free(quasi);
}
END_TEST

/* The fine steps of an interval add up to the net's increment, whatever was drawn before and
 * however wide the block; a step that was composed is the sum of its fine ones; rounding apart. */
START_TEST(paths_are_addressed)
{
  enum { NOISE = 12, WIDE = 16 };
  struct sde_quasi *quasi = sde_quasi_new(shifts, NOISE, FINE, WIDTH);
  struct sde_wiener wiener = {
      .stream = {1, 2}, .noise_dim = NOISE, .fine_step = 0.1, .quasi = quasi};
  struct sde_wiener_workspace *one = sde_wiener_workspace_new(&wiener, WIDTH);
  struct sde_wiener_workspace *wide = sde_wiener_workspace_new(&wiener, WIDE);
  double sum[NOISE * WIDTH], coarse[SDE_QUASI_DIMENSIONS * WIDTH];
  sde_quasi_increments(quasi, WIDTH, WIDTH, coarse);
  for (size_t c = quasi->intervals; c-- > 0;) {
    memset(sum, 0, sizeof sum);
    for (uint64_t step = quasi->begin[c]; step < quasi->begin[c + 1]; step++) {
      struct sde_increments drawn = sde_wiener_draw(&wiener, one, WIDTH, WIDTH, step, 1);
      const double *dw = sde_wiener_draw(&wiener, wide, 0, WIDE, step, 1).dw;
      for (size_t k = 0; k < NOISE; k++)
        for (size_t p = 0; p < WIDTH; p++) {
          ck_assert_double_eq(drawn.dw[k * WIDTH + p], dw[k * WIDE + WIDTH + p]);
          sum[k * WIDTH + p] += drawn.dw[k * WIDTH + p];
        }
      sde_wiener_draw(&wiener, one, 0, WIDTH, 0, 1);
    }
    uint64_t count = quasi->begin[c + 1] - quasi->begin[c];
    const double *dw = sde_wiener_draw(&wiener, one, WIDTH, WIDTH, quasi->begin[c], count).dw;
    for (size_t i = 0; i < NOISE * WIDTH; i++) {
      ck_assert_double_eq_tol(sum[i], sqrt(0.1) * coarse[c * NOISE * WIDTH + i], 1e-14);
      ck_assert_double_eq_tol(sum[i], dw[i], 1e-14);
    }
  }
  sde_wiener_workspace_free(one);
  sde_wiener_workspace_free(wide);
  sde_quasi_free(quasi);
}
END_TEST

static const char *const common[] = {"loss.data=data/quadratic4.csv", "eta=0.1",
                                     "optimizers=[{name: m-usam, micro_batch: 1}]", "records=1",
                                     "variance_reduction=quasi-random"};
enum { COMMON = sizeof common / sizeof *common, SUBSTEPS = 4 };

static struct outcome prepare(const char *paths, const char *seed, const char *more)
{
  const char *overrides[COMMON + 4] = {"sde.substeps=4"};
  memcpy(overrides + 1, common, sizeof common);
  overrides[COMMON + 1] = paths;
  overrides[COMMON + 2] = seed;
  overrides[COMMON + 3] = more;
  return outcome_prepare(golden, COMMON + 4, overrides);
}

static struct outcome run(const char *paths, const char *seed, int threads)
{
  struct outcome outcome = prepare(paths, seed, "observables=[loss, x1]");
  outcome_run(&outcome, threads);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  return outcome;
}

static double gain(const struct outcome *outcome, size_t row)
{
  return number(json_object_get(json_array_get(outcome->rows, row), "quasi_random"), "gain_sde");
}

/* Over the seeds: the mean loss less Euler-Maruyama's own exact mean, over the standard error, has
 * Student's law with 15 degrees of freedom: variance 15/13, and that of a sample's variance
 * (2 + 6/11)/n of its square. The twin takes paths for independent. */
START_TEST(means_are_unbiased_and_their_errors_honest)
{
  enum { SEEDS = 150, REPLICATES = 16 };
  double z[SEEDS], twin_z[SEEDS], student = 15.0 / 13, deviation = sqrt((2 + 6.0 / 11) / SEEDS);
  for (size_t i = 0; i < SEEDS; i++) {
    char *seed = sde_format("seed=%zu", i + 1);
    struct outcome outcome = run("paths=512", seed, 0);
    const json_t *sde = json_object_get(json_array_get(outcome.rows, 0), "sde");
    const json_t *iterates = json_object_get(json_array_get(outcome.rows, 0), "iterates");
    double exact = golden_euler_loss(outcome.cases, &outcome.cases->one[0], 0, SUBSTEPS);
    ck_assert_double_eq(number(sde, "n"), REPLICATES);
    ck_assert_double_eq(number(iterates, "n"), 512);
    z[i] = (number(sde, "mean") - exact) / number(sde, "se");
    twin_z[i] = z[i] / sqrt(gain(&outcome, 0));
    outcome_free(&outcome);
    sde_free(seed);
  }
  struct sde_moments all = sde_moments_of_values(SEEDS, z, NULL);
  struct sde_moments wrong = sde_moments_of_values(SEEDS, twin_z, NULL);
  struct testing_family family = {0}, twin = {0};
  testing_add_mean(&family, all, 0, "the mean of replicates");
  testing_add(&family, (sde_moments_variance(all) / student - 1) / deviation,
              "the standard error of replicates");
  testing_assert_agrees(&family);
  testing_add(&twin, (sde_moments_variance(wrong) / student - 1) / deviation,
              "paths taken for independent");
  testing_assert_notices(&twin);
}
END_TEST

/* Independent paths would have gain 1, and one of 10 with the probability that chi-square with 15
 * degrees of freedom is below 1.5, 2e-6. The paths are those of the next power of two. */
START_TEST(the_golden_case_gains)
{
  struct outcome outcome = run("paths=4000", "seed=1", 0);
  const json_t *quasi = json_object_get(json_array_get(outcome.rows, 0), "quasi_random");
  ck_assert_double_eq(number(quasi, "paths"), 4096);
  ck_assert_double_eq(number(quasi, "replicates"), 16);
  ck_assert_double_eq(number(quasi, "dimensions"), 40);
  for (size_t row = 0; row < 2; row++)
    ck_assert_double_gt(gain(&outcome, row), 10);
  outcome_free(&outcome);
}
END_TEST

static struct outcome run_thousand(const char *seed, int threads)
{
  return run("paths=1000", seed, threads);
}

START_TEST(threads_do_not_matter)
{
  outcome_check_threads(run_thousand);
}
END_TEST

/* Schemes that draw more than increments, on Gaussian noise: the mean is within the scheme's error
 * and seven standard errors of the exact one, Student's quantile with 15 degrees of freedom at
 * 4e-6. */
START_TEST(other_schemes_take_them)
{
  static const char *const scheme[] = {"sde={scheme: weak-second-order, substeps: 4}",
                                       "sde={scheme: sra1, substeps: 4}",
                                       "sde={scheme: exponential-euler}"};
  const char *overrides[COMMON + 4] = {scheme[_i]};
  memcpy(overrides + 1, common, sizeof common);
  overrides[COMMON + 1] = "noise.sampling=gaussian";
  overrides[COMMON + 2] = "paths=1024";
  overrides[COMMON + 3] = "observables=[loss, x1]";
  struct outcome outcome = outcome_prepare(golden, COMMON + 4, overrides);
  outcome_run(&outcome, 0);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  ck_assert_str_eq(outcome.cases->one[0].sde[0].apart,
                   "its Brownian paths are quasi-random, those of the iterates are not");
  for (size_t i = 0; i < 2; i++) {
    const json_t *row = json_array_get(outcome.rows, i), *sde = json_object_get(row, "sde");
    ck_assert_double_le(fabs(number(sde, "mean") - number(row, "exact_sde")),
                        7 * number(sde, "se") + number(row, "scheme_error"));
    ck_assert_double_gt(gain(&outcome, i), 5);
  }
  outcome_free(&outcome);
}
END_TEST

/* Of 569 columns the net would have but 40; noise_factor: auto takes Cholesky's factor instead,
 * with two Wiener processes a coordinate for m-usam, or in matrix form, for m = 1, one; and a
 * column keeps its meaning where it is asked for. */
START_TEST(few_wiener_processes_are_preferred)
{
  static const char *const factor[] = {"sde.noise_factor=auto", "sde.noise_factor=auto",
                                       "sde.noise_factor=columns"};
  static const char *const optimizer[] = {"optimizers=[{name: m-usam, micro_batch: 8}]",
                                          "optimizers=[{name: m-usam, micro_batch: 1}]",
                                          "optimizers=[{name: m-usam, micro_batch: 1}]"};
  static const size_t noise_dim[] = {12, 6, 569}, intervals[] = {3, 6, 1};
  for (size_t i = 0; i < 3; i++) {
    const char *overrides[] = {"loss.data=data/breast_cancer.csv",
                               "variance_reduction=quasi-random", "eta=0.2", optimizer[i],
                               factor[i]};
    struct outcome outcome = outcome_prepare("experiments/recipes/breast-cancer.yaml",
                                             sizeof overrides / sizeof *overrides, overrides);
    const struct case_sde *sde = &outcome.cases->one[0].sde[0];
    ck_assert_uint_eq(sde->system.noise_dim, noise_dim[i]);
    ck_assert_uint_eq(sde->quasi->intervals, intervals[i]);
    outcome_free(&outcome);
  }
}
END_TEST

START_TEST(what_it_does_not_go_with_is_said)
{
  struct sde_status status = {SDE_OK, ""};
  const char *few[COMMON + 1] = {"paths=511"};
  memcpy(few + 1, common, sizeof common);
  struct recipe *recipe = recipe_read(golden, study_types(), COMMON + 1, few, &status);
  ck_assert_ptr_null(cases_new(recipe, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "--set paths: 511 paths; variance_reduction: "
                                               "quasi-random takes 16 replicates of 32"));
  recipe_free(recipe);
  const char *const both[] = {"variance_reduction=[antithetic, quasi-random]"};
  ck_assert_ptr_null(recipe_read(golden, study_types(), 1, both, &status));
  struct outcome outcome = prepare("paths=512", "sde=[]", "distance_paths=50");
  char *unused = unused_keys(outcome.cases, "");
  ck_assert_ptr_nonnull(strstr(unused, "variance_reduction has no effect: only SDEs"));
  ck_assert_ptr_nonnull(strstr(unused, "distance_paths is not used: quasi-random paths"));
  sde_free(unused);
  outcome_free(&outcome);
  outcome = outcome_prepare("experiments/recipes/golden-multilevel.yaml", COMMON, common);
  unused = unused_keys(outcome.cases, "");
  ck_assert_ptr_nonnull(strstr(unused, "variance_reduction is not used: a run to a tolerance"));
  ck_assert(!recipe_quasi_random(outcome.recipe));
  sde_free(unused);
  outcome_free(&outcome);
}
END_TEST

/* There is no interval beyond the last fine step: whoever asks for one is stopped, and the memory
 * behind the intervals is not read. */
START_TEST(no_increment_lies_beyond_the_last)
{
  enum { STEPS = 6 };
  struct sde_quasi *quasi = sde_quasi_new(shifts, 1, STEPS, 64);
  struct sde_wiener wiener = {.stream = shifts, .noise_dim = 1, .fine_step = 0.5, .quasi = quasi};
  struct sde_wiener_workspace *workspace = sde_wiener_workspace_new(&wiener, WIDTH);
  for (uint64_t step = 0; step < STEPS + (uint64_t)_i; step++)
    sde_wiener_draw(&wiener, workspace, 0, WIDTH, step, 1);
  sde_wiener_workspace_free(workspace);
  sde_quasi_free(quasi);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("quasi");
  TCase *tests = testing_case(suite, "quasi-random paths");
  tcase_set_timeout(tests, 300);
  tcase_add_test(tests, inverse_normal_is_gsls);
  tcase_add_test(tests, replicates_are_one_net_with_shifts);
  tcase_add_test(tests, the_first_plane_is_even);
  tcase_add_loop_test(tests, increments_are_brownian, 0, 3);
  tcase_add_test(tests, paths_are_addressed);
  tcase_add_test(tests, means_are_unbiased_and_their_errors_honest);
  tcase_add_test(tests, the_golden_case_gains);
  tcase_add_test(tests, threads_do_not_matter);
  tcase_add_loop_test(tests, other_schemes_take_them, 0, 3);
  tcase_add_test(tests, few_wiener_processes_are_preferred);
  tcase_add_test(tests, what_it_does_not_go_with_is_said);
  tcase_add_loop_test(tests, no_increment_lies_beyond_the_last, 0, 1);
  tcase_add_loop_test_raise_signal(tests, no_increment_lies_beyond_the_last, SIGABRT, 1, 2);
  return testing_run(suite);
}
