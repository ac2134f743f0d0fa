/*
 * Standard errors tell the truth: over 1000 seeds of cheap problems with exact answers, the
 * interval mean +- 1.96 standard errors covers the answer 93 to 97 % of the time.
 */
#include "analysis/drift_probe.h"
#include "experiments/cases/case_analysis.h"
#include "experiments/cases/case_run.h"
#include "experiments/studies/studies.h"
#include "tests/golden.h"
#include "tests/golden_moments.h"
#include "tests/models_testing.h"

#include <math.h>

/* A correct interval covers with probability 0.95 less 0.001 for Student's law of 255 degrees of
 * freedom, and less 0.001 or so for the skewness of the means (over 20000 seeds the counts below
 * were 94.7 to 95.1 %). At 0.948 a count over 1000 seeds has a standard deviation of 7 and is in
 * the band with probability 0.994 over the choice of seeds, all seven with 0.96. With half the
 * variance an interval covers with probability 0.834, in the band less than once in 1e18. Neither
 * seeds nor paths follow the suite's scale: the statement is about these numbers. */
enum { SEEDS = 1000, LEAST = 930, MOST = 970, PATHS = 256 };
static const double quantile = 1.96;

/* How many of the intervals cover the exact answer, and how many would if their standard errors
 * came from half the variance. */
struct tally {
  size_t covered, halved;
};

static void add(struct tally *tally, double estimate, double se, double exact)
{
  double off = fabs(estimate - exact);
  tally->covered += off <= quantile * se;
  tally->halved += off <= quantile * se * sqrt(0.5);
}

static void add_mean(struct tally *tally, struct sde_moments moments, double exact)
{
  add(tally, sde_moments_mean(moments), sde_moments_standard_error(moments), exact);
}

static bool is_in_band(size_t covered)
{
  return covered >= LEAST && covered <= MOST;
}

static void assert_tally(const struct tally *tally, const char *name)
{
  ck_assert_msg(is_in_band(tally->covered), "%s: %zu of %d intervals cover it", name,
                tally->covered, SEEDS);
  ck_assert_msg(!is_in_band(tally->halved), "%s: half the variance is not noticed, %zu of %d", name,
                tally->halved, SEEDS);
}

enum { SUBSTEPS = 4 };

/* The golden m-USAM, five learning-rate steps long, beside its SDE. */
static struct recipe *read_golden(const char *noise, size_t seed, const char *observables,
                                  const char *paths)
{
  char *seed_text = sde_format("seed=%zu", seed);
  char *substeps = sde_format("sde.substeps=%d", SUBSTEPS);
  const char *override[] = {"loss.data=data/quadratic4.csv",
                            "optimizers=[{name: m-usam, micro_batch: 2}]",
                            observables,
                            "eta=0.1",
                            "time=0.5",
                            noise,
                            seed_text,
                            paths,
                            substeps};
  struct sde_status status = {SDE_OK, ""};
  struct recipe *recipe = recipe_read("experiments/recipes/golden.yaml", study_types(),
                                      sizeof override / sizeof *override, override, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  sde_free(seed_text);
  sde_free(substeps);
  return recipe;
}

/* Mean losses of the iterates and of the SDE as Euler-Maruyama solves it, and the mean of their
 * difference path by path. Twins of the last: as if the paths were independent, and as if the SDE
 * were solved without error. */
struct means {
  struct tally iterates, solution, difference, unpaired, unsolved;
};

static void add_result(struct means *means, const struct case_result *result, double iterates,
                       double euler, double sde)
{
  struct sde_moments of_iterates = case_moments(result, CASE_ITERATES, 0, 0);
  struct sde_moments of_sde = case_moments(result, case_side_of_sde(0), 0, 0);
  struct sde_moments difference = case_iterates_difference(result, 0, 0, 0);
  add_mean(&means->iterates, of_iterates, iterates);
  add_mean(&means->solution, of_sde, euler);
  add_mean(&means->difference, difference, iterates - euler);
  add_mean(&means->unsolved, difference, iterates - sde);
  add(&means->unpaired, sde_moments_mean(difference),
      hypot(sde_moments_standard_error(of_iterates), sde_moments_standard_error(of_sde)),
      iterates - euler);
}

static struct case_result run_to_end(const struct cases *cases, const struct run_case *one)
{
  return case_run(&(struct case_ensemble){
      .cases = cases, .one = one, .records = 1, .record_steps = &one->steps, .threads = 1});
}

static double exact_mean(const struct cases *cases, const struct run_case *one, size_t side)
{
  const char *why;
  struct oracle *oracle = case_oracle_new(cases, one, side, &why);
  ck_assert_msg(oracle != NULL, "%s", why);
  oracle_advance(oracle, one->steps);
  double mean = oracle_mean(oracle, 0);
  oracle_free(oracle);
  return mean;
}

static void add_seed(struct means *means, const char *noise, size_t seed)
{
  struct sde_status status = {SDE_OK, ""};
  char *paths = sde_format("paths=%d", PATHS);
  struct recipe *recipe = read_golden(noise, seed, "observables=[loss]", paths);
  sde_free(paths);
  struct cases *cases = cases_new(recipe, &status);
  ck_assert_msg(cases != NULL, "%s", status.message);
  const struct run_case *one = &cases->one[0];
  ck_assert_uint_eq(cases->count, 1);
  struct case_result result = run_to_end(cases, one);
  add_result(means, &result, exact_mean(cases, one, CASE_ITERATES),
             golden_euler_loss(cases, one, 0, SUBSTEPS),
             exact_mean(cases, one, case_side_of_sde(0)));
  case_result_free(&result);
  cases_free(cases);
  recipe_free(recipe);
}

START_TEST(mean_losses_under_index_sampling)
{
  struct means means = {0};
  for (size_t seed = 1; seed <= SEEDS; seed++)
    add_seed(&means, "noise.sampling=with-replacement", seed);
  assert_tally(&means.iterates, "iterates");
  assert_tally(&means.solution, "SDE");
  assert_tally(&means.unpaired, "difference of independent means");
}
END_TEST

/* Iterates and SDE share a Brownian path, and the error of their difference is that of the paired
 * differences. */
START_TEST(mean_losses_under_gaussian_noise)
{
  struct means means = {0};
  for (size_t seed = 1; seed <= SEEDS; seed++)
    add_seed(&means, "noise.sampling=gaussian", seed);
  assert_tally(&means.iterates, "iterates");
  assert_tally(&means.solution, "SDE");
  assert_tally(&means.difference, "coupled difference");
  ck_assert_uint_gt(means.unpaired.covered, MOST);
  ck_assert_uint_lt(means.unsolved.covered, LEAST);
}
END_TEST

/* x1 of iterates under Gaussian noise is a linear function of normals, so Student's intervals are
 * exact on few paths; the twin's normal quantile covers 86 % on 4 paths and 93 % on 16, and no
 * count says which law it was beyond that. */
START_TEST(mean_coordinates_on_few_paths)
{
  static const size_t counts[] = {4, 8, 16};
  size_t paths = counts[_i], covered = 0, twin = 0;
  double wide = sde_student_quantile(quantile, (double)paths - 1);
  char *paths_text = sde_format("paths=%zu", paths);
  for (size_t seed = 1; seed <= SEEDS; seed++) {
    struct sde_status status = {SDE_OK, ""};
    struct recipe *recipe =
        read_golden("noise.sampling=gaussian", seed, "observables=[x1]", paths_text);
    struct cases *cases = cases_new(recipe, &status);
    ck_assert_msg(cases != NULL, "%s", status.message);
    const struct run_case *one = &cases->one[0];
    struct case_result result = run_to_end(cases, one);
    struct sde_moments iterates = case_moments(&result, CASE_ITERATES, 0, 0);
    double off = fabs(sde_moments_mean(iterates) - exact_mean(cases, one, CASE_ITERATES));
    double se = sde_moments_standard_error(iterates);
    covered += off <= wide * se;
    twin += off <= quantile * se;
    case_result_free(&result);
    cases_free(cases);
    recipe_free(recipe);
  }
  ck_assert_msg(is_in_band(covered), "%zu paths: %zu of %d", paths, covered, SEEDS);
  ck_assert_msg(paths > 8 || !is_in_band(twin), "%zu paths: normal quantiles go unnoticed, %zu",
                paths, twin);
  sde_free(paths_text);
}
END_TEST

/* The regulariser's coefficient, rho c(m)/2 with c(2) = 1/2 and exact on quadratics. */
START_TEST(regularizer_coefficient)
{
  struct models_setup setup = models_setup_new(models_golden.loss, "sampling=with-replacement",
                                               "m-usam", golden_rho, GOLDEN_BATCH, 2);
  struct sde_status status = {SDE_OK, ""};
  struct drift_probe *probe = drift_probe_new(&setup.optimizer, golden_start, 1, "golden", &status);
  ck_assert_msg(probe != NULL, "%s", status.message);
  struct tally tally = {0, 0};
  for (size_t seed = 1; seed <= SEEDS; seed++) {
    struct drift_probe_result result =
        drift_probe_run(probe, sde_stream_named(seed, "coverage"), PATHS, 1, NULL, NULL, NULL);
    add(&tally, sde_moments_mean(result.coefficient), result.se, golden_rho / 4);
    drift_probe_result_free(&result);
  }
  assert_tally(&tally, "coefficient");
  drift_probe_free(probe);
  models_setup_free(&setup);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("coverage");
  TCase *tests = testing_case(suite, "intervals");
  tcase_add_test(tests, mean_losses_under_index_sampling);
  tcase_add_test(tests, mean_losses_under_gaussian_noise);
  tcase_add_loop_test(tests, mean_coordinates_on_few_paths, 0, 3);
  tcase_add_test(tests, regularizer_coefficient);
  return testing_run(suite);
}
