/*
 * Tests of antithetic paths: the negative of a Brownian path, means of pairs without bias and with
 * the standard error that is told, and what they gain where they can gain.
 */
#include "experiments/cases/unused.h"
#include "sde/wiener.h"
#include "tests/golden_moments.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 16, NOISE = 3, AREAS = 3 };

static const char golden[] = "experiments/recipes/golden.yaml";

/* dW, the time integrals and the normals of -W are those of W with the sign changed, the areas are
 * the same, for steps drawn whole and composed. */
START_TEST(negative_path)
{
  static const unsigned needs[] = {SDE_WIENER_INCREMENTS, SDE_WIENER_TIME_INTEGRALS,
                                   SDE_WIENER_LEVY_AREAS, SDE_WIENER_WEAK_AREAS,
                                   SDE_WIENER_NORMALS};
  struct sde_wiener wiener = {.stream = {1, 2},
                              .noise_dim = NOISE,
                              .fine_step = 0.1,
                              .needs = needs[_i],
                              .normals = NOISE},
                    negative = wiener;
  negative.negated = true;
  struct sde_wiener_workspace *one = sde_wiener_workspace_new(&wiener, WIDTH);
  struct sde_wiener_workspace *other = sde_wiener_workspace_new(&negative, WIDTH);
  for (uint64_t count = 1; count <= 3; count += 2) {
    struct sde_increments a = sde_wiener_draw(&wiener, one, 8, WIDTH, 4, count);
    struct sde_increments b = sde_wiener_draw(&negative, other, 8, WIDTH, 4, count);
    for (size_t i = 0; i < NOISE * WIDTH; i++) {
      ck_assert_double_eq(a.dw[i], -b.dw[i]);
      ck_assert_double_ne(a.dw[i], 0);
      if (needs[_i] == SDE_WIENER_TIME_INTEGRALS)
        ck_assert_double_eq(a.time_integral[i], -b.time_integral[i]);
      if (needs[_i] == SDE_WIENER_NORMALS)
        ck_assert_double_eq(a.normal[i], -b.normal[i]);
    }
    for (size_t i = 0; a.area != NULL && i < AREAS * WIDTH; i++)
      ck_assert_double_eq(a.area[i], b.area[i]);
  }
  sde_wiener_workspace_free(one);
  sde_wiener_workspace_free(other);
}
END_TEST

enum { GIVEN = 6 };

static struct outcome run(const char *paths, const char *seed, const char *noise, int threads)
{
  const char *overrides[] = {"loss.data=data/quadratic4.csv",
                             "eta=0.1",
                             "variance_reduction=antithetic",
                             "optimizers=[{name: m-usam, micro_batch: 1}]",
                             "observables=[loss, x1]",
                             "records=1",
                             paths,
                             seed,
                             noise};
  struct outcome outcome = outcome_prepare(golden, GIVEN + 3, overrides);
  outcome_run(&outcome, threads);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  return outcome;
}

static double gain(const struct outcome *outcome, size_t row, const char *side)
{
  return number(json_object_get(json_array_get(outcome->rows, row), "antithetic"), side);
}

/* Over the seeds: the mean loss of the SDE, standardised by Euler-Maruyama's own exact mean and the
 * standard error told; the twin takes the paths of a pair for independent. */
START_TEST(pairs_are_unbiased_and_their_errors_honest)
{
  enum { SEEDS = 150, PAIRS = 100 };
  double z[SEEDS], twin_z[SEEDS];
  for (size_t i = 0; i < SEEDS; i++) {
    char *seed = sde_format("seed=%zu", i + 1);
    struct outcome outcome = run("paths=199", seed, "noise.sampling=with-replacement", 1);
    const json_t *sde = json_object_get(json_array_get(outcome.rows, 0), "sde");
    double exact = golden_euler_loss(outcome.cases, &outcome.cases->one[0], 0, 16);
    ck_assert_double_eq(number(sde, "n"), PAIRS);
    z[i] = (number(sde, "mean") - exact) / number(sde, "se");
    twin_z[i] = z[i] / sqrt(gain(&outcome, 0, "gain_sde"));
    outcome_free(&outcome);
    sde_free(seed);
  }
  struct sde_moments all = sde_moments_of_values(SEEDS, z, NULL);
  struct sde_moments wrong = sde_moments_of_values(SEEDS, twin_z, NULL);
  struct testing_family family = {0}, twin = {0};
  testing_add_mean(&family, all, 0, "the mean of pairs");
  testing_add(&family, (sde_moments_variance(all) - 1) / sqrt(2.0 / (SEEDS - 1)),
              "the standard error of pairs");
  testing_assert_agrees(&family);
  testing_add(&twin, (sde_moments_variance(wrong) - 1) / sqrt(2.0 / (SEEDS - 1)),
              "paths taken for independent");
  testing_assert_notices(&twin);
}
END_TEST

/* The noise of samples depends on the state, weakly, so that coordinates gain much; iterates that
 * draw samples have no negative, and gain nothing: a ratio of two variances from 2000 each, one of
 * them of means of pairs, within 6 of its deviations, sqrt(2/2000 + 2/2000). */
START_TEST(samples_have_no_negative)
{
  struct outcome outcome = run("paths=4000", "seed=1", "noise.sampling=with-replacement", 0);
  ck_assert_double_gt(gain(&outcome, 0, "gain_sde"), 3);
  ck_assert_double_gt(gain(&outcome, 1, "gain_sde"), 50);
  for (size_t row = 0; row < 2; row++)
    ck_assert_double_eq_tol(gain(&outcome, row, "gain_iterates"), 1, 0.3);
  outcome_free(&outcome);
}
END_TEST

/* With additive noise and a linear drift a coordinate's mean over a pair is the mean itself, for
 * iterates on the SDE's Brownian path too; both keep their exact means. */
START_TEST(gaussian_coordinates_are_exact)
{
  struct outcome outcome = run("paths=2000", "seed=1", "noise.sampling=gaussian", 0);
  const json_t *row = json_array_get(outcome.rows, 1);
  ck_assert_double_le(number(json_object_get(row, "sde"), "se"), 1e-12);
  ck_assert_double_le(number(json_object_get(row, "iterates"), "se"), 1e-12);
  ck_assert_double_eq_tol(number(json_object_get(row, "iterates"), "mean"),
                          number(row, "exact_iterates"), 1e-12);
  ck_assert_double_le(fabs(number(json_object_get(row, "sde"), "mean") - number(row, "exact_sde")),
                      number(row, "scheme_error"));
  ck_assert_double_gt(gain(&outcome, 0, "gain_iterates"), 1);
  outcome_free(&outcome);
}
END_TEST

static struct outcome run_thousand(const char *seed, int threads)
{
  return run("paths=1000", seed, "noise.sampling=gaussian", threads);
}

START_TEST(threads_do_not_matter)
{
  outcome_check_threads(run_thousand);
}
END_TEST

/* Means of pairs have another law than paths, so there are no distances; a tolerance takes none. */
START_TEST(what_it_does_not_go_with_is_said)
{
  const char *const distances[] = {"loss.data=data/quadratic4.csv", "distance_paths=50",
                                   "variance_reduction=antithetic"};
  struct outcome outcome = outcome_prepare(golden, 3, distances);
  char *unused = unused_keys(outcome.cases, "");
  ck_assert_ptr_nonnull(strstr(unused, "distance_paths is not used: means of antithetic pairs"));
  sde_free(unused);
  outcome_free(&outcome);
  const char *const tolerance[] = {"loss.data=data/quadratic4.csv",
                                   "variance_reduction=antithetic"};
  outcome = outcome_prepare("experiments/recipes/golden-multilevel.yaml", 2, tolerance);
  unused = unused_keys(outcome.cases, "");
  ck_assert_ptr_nonnull(strstr(unused, "variance_reduction is not used: a run to a tolerance"));
  ck_assert(!recipe_antithetic(outcome.recipe));
  sde_free(unused);
  outcome_free(&outcome);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("antithetic");
  TCase *tests = testing_case(suite, "pairs");
  tcase_set_timeout(tests, 300);
  tcase_add_loop_test(tests, negative_path, 0, 5);
  tcase_add_test(tests, pairs_are_unbiased_and_their_errors_honest);
  tcase_add_test(tests, samples_have_no_negative);
  tcase_add_test(tests, gaussian_coordinates_are_exact);
  tcase_add_test(tests, threads_do_not_matter);
  tcase_add_test(tests, what_it_does_not_go_with_is_said);
  return testing_run(suite);
}
