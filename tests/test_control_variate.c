/*
 * Tests of control variates: a linearised SDE whose moments are told right, means without bias and
 * with the standard error that is told, what is gained on a smooth loss, and that nothing is where
 * linearising is no help.
 */
#include "experiments/cases/unused.h"
#include "sde/control_variate.h"
#include "sde/linear.h"
#include "tests/golden_moments.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

static const char with[] = "variance_reduction=control-variate";
static const char golden[] = "experiments/recipes/golden.yaml";
static const char logistic[] = "experiments/recipes/breast-cancer.yaml";
static const char wells[] = "experiments/recipes/double-well-distances.yaml";

/* ---- Moments ---- */

/* The first coordinate. */
static void coordinate(const void *context, void *workspace, size_t width, const double *x,
                       double *out)
{
  (void)context, (void)workspace;
  memcpy(out, x, width * sizeof *out);
}

/* The largest error of m and C at time 1 of a linear SDE, against its exact moments, whose noise
 * has the variance `learning_rate` however long the step is. */
static double moments_error(const struct sde_system *system,
                            const struct sde_linear_direction *direction, uint64_t steps)
{
  static const double start[] = {1, -0.5};
  double eta = 1 / (double)steps, mean[2], covariance[4], exact_mean[2], exact[4], moments[6];
  struct sde_status status = {SDE_OK, ""};
  struct sde_observables observables = {.count = 1, .evaluate = coordinate};
  struct sde_solution solution = {
      .system = system, .stream = {1, 1}, .eta = eta, .substeps = 1, .resolution = 1};
  struct sde_control_variate *variate =
      sde_control_variate_new(&solution, 2, start, 10, &observables, 1, &steps, &status);
  ck_assert_msg(variate != NULL, "%s", status.message);
  sde_control_variate_moments(variate, 0, mean, covariance);
  struct sde_linear_map *map = sde_linear_sde_new(direction, 1, 1, "test", &status);
  ck_assert_msg(map != NULL, "%s", status.message);
  sde_linear_point(2, start, moments);
  sde_linear_advance(map, 1, moments);
  sde_linear_mean(2, moments, exact_mean);
  sde_linear_covariance(2, moments, exact);
  double worst = 0;
  for (size_t i = 0; i < 4; i++)
    worst = fmax(worst, fabs(covariance[i] - exact[i]));
  for (size_t i = 0; i < 2; i++)
    worst = fmax(worst, fabs(mean[i] - exact_mean[i]));
  ck_assert_double_eq_tol(sde_control_variate_mean(variate)[0], mean[0], 1e-12);
  sde_linear_map_free(map);
  sde_control_variate_free(variate);
  return worst;
}

/* For an SDE that is linear already, the moments converge to its own: the middle of the step
 * carries its noise, so with order 2, a ratio of 4 but for the next order. The twin has the noise
 * of another system, and converges to that. */
START_TEST(moments_converge_to_a_linear_sde)
{
  static const double a[] = {1, 0.7, -0.3, 0.5}, s[] = {0.8, 0.2, 0, 0.5};
  static const double wrong[] = {0.8, 0.2, 0, -0.5}, constant[] = {0, 0};
  double covariance[3 * 6] = {0};
  covariance[5] = 0.68;
  covariance[11] = 0.1;
  covariance[17] = 0.25;
  struct sde_linear_direction direction = {2, a, constant, covariance};
  struct sde_system *system = sde_linear_system_new(2, 2, a, NULL, s);
  struct sde_system *twin = sde_linear_system_new(2, 2, a, NULL, wrong);
  double coarse = moments_error(system, &direction, 16);
  double fine = moments_error(system, &direction, 32);
  ck_assert_double_le(coarse, 1e-3);
  ck_assert_double_eq_tol(coarse / fine, 4, 0.3);
  ck_assert_double_gt(moments_error(twin, &direction, 32), 0.05);
  sde_linear_system_free(system);
  sde_linear_system_free(twin);
}
END_TEST

enum { RECORDS = 2 };

/* Half of a case's steps, and all. */
static void set_records(const struct run_case *one, uint64_t *record_steps)
{
  record_steps[0] = one->steps / 2;
  record_steps[1] = one->steps;
}

/* The controls of SDE 0 of a case at those records. */
static struct sde_control_variate *variate_of(const struct cases *cases)
{
  const struct run_case *one = &cases->one[0];
  struct sde_status status = {SDE_OK, ""};
  uint64_t record_steps[RECORDS];
  set_records(one, record_steps);
  struct sde_control_variate *variate =
      sde_control_variate_new(one->sde[0].process->solution, cases->loss->dim, cases->start, 1e8,
                              cases->observables, RECORDS, record_steps, &status);
  ck_assert_msg(variate != NULL, "%s", status.message);
  return variate;
}

static struct sde_ensemble_result run_pairs(const struct cases *cases,
                                            const struct sde_control_variate *variate,
                                            uint64_t first_path, uint64_t paths)
{
  const struct run_case *one = &cases->one[0];
  const struct sde_process *const process[] = {one->sde[0].process,
                                               sde_control_variate_process(variate)};
  static const struct sde_pair pair = {0, 1};
  struct sde_variate function = sde_control_variate_functions(variate);
  uint64_t record_steps[RECORDS];
  set_records(one, record_steps);
  struct sde_ensemble ensemble = {.paths = paths,
                                  .first_path = first_path,
                                  .dim = cases->loss->dim,
                                  .start = cases->start,
                                  .records = RECORDS,
                                  .record_steps = record_steps,
                                  .processes = 2,
                                  .process = process,
                                  .pairs = 1,
                                  .pair = &pair,
                                  .variates = 1,
                                  .variate = &function,
                                  .observables = *cases->observables,
                                  .bound = 1e8};
  return sde_ensemble_run(&ensemble);
}

enum { OBSERVABLES = 3 };

static struct outcome prepare_logistic(const char *eta, const char *how, const char *paths,
                                       const char *seed)
{
  const char *overrides[] = {"loss.data=data/breast_cancer.csv",
                             "time=4",
                             "records=2",
                             "optimizers=[{name: sgd}]",
                             "observables=[loss, gradient-norm-squared, x2]",
                             eta,
                             how,
                             paths,
                             seed};
  return outcome_prepare(logistic, sizeof overrides / sizeof *overrides, overrides);
}

/* On a loss that is not quadratic the sampled controls have the mean that is told; the twin's is of
 * half the learning rate, whose noise has half the variance. */
START_TEST(controls_have_their_means)
{
  struct outcome outcome = prepare_logistic("eta=0.4", with, "paths=2", "seed=1");
  struct outcome half = prepare_logistic("eta=0.2", with, "paths=2", "seed=1");
  struct sde_control_variate *variate = variate_of(outcome.cases);
  struct sde_control_variate *other = variate_of(half.cases);
  struct sde_ensemble_result result = run_pairs(outcome.cases, variate, 0, testing_size(20000));
  struct testing_family family = {0}, twin = {0};
  for (size_t row = 0; row < RECORDS * OBSERVABLES; row++) {
    struct sde_moments control =
        sde_ensemble_moments(&result, 1, row / OBSERVABLES, row % OBSERVABLES);
    testing_add_mean(&family, control, sde_control_variate_mean(variate)[row], "a control");
    testing_add_mean(&twin, control, sde_control_variate_mean(other)[row], "of another eta");
  }
  testing_assert_agrees(&family);
  testing_assert_notices(&twin);
  sde_ensemble_result_free(&result);
  sde_control_variate_free(variate);
  sde_control_variate_free(other);
  outcome_free(&outcome);
  outcome_free(&half);
}
END_TEST

/* ---- Means ---- */

static double control(const struct outcome *outcome, size_t row, const char *what)
{
  return number(json_object_get(json_array_get(outcome->rows, row), "control_variate"), what);
}

static struct outcome prepare_golden(const char *eta, const char *paths, const char *seed)
{
  const char *overrides[] = {"loss.data=data/quadratic4.csv",
                             "variance_reduction=control-variate",
                             "optimizers=[{name: m-usam, micro_batch: 1}]",
                             "observables=[loss, x1]",
                             "records=2",
                             eta,
                             paths,
                             seed};
  return outcome_prepare(golden, sizeof overrides / sizeof *overrides, overrides);
}

static struct outcome run_golden(const char *paths, const char *seed, int threads)
{
  struct outcome outcome = prepare_golden("eta=0.1", paths, seed);
  outcome_run(&outcome, threads);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  return outcome;
}

/* E c of the loss. */
static double golden_control_mean(const char *eta)
{
  struct outcome outcome = prepare_golden(eta, "paths=2", "seed=1");
  struct sde_control_variate *variate = variate_of(outcome.cases);
  double mean = sde_control_variate_mean(variate)[2]; /* of two observables, at the end */
  sde_control_variate_free(variate);
  outcome_free(&outcome);
  return mean;
}

/* Over the seeds: the mean loss of the SDE, whose noise depends on the state, standardised by
 * Euler-Maruyama's own exact mean and the standard error told. The twins: a control with the mean
 * of half the learning rate, and the standard error of paths without a control. */
START_TEST(means_are_unbiased_and_their_errors_honest)
{
  enum { SEEDS = 150, PATHS = 200 };
  double z[SEEDS], wrong_mean[SEEDS], wrong_error[SEEDS];
  double shift = golden_control_mean("eta=0.05") - golden_control_mean("eta=0.1");
  for (size_t i = 0; i < SEEDS; i++) {
    char *seed = sde_format("seed=%zu", i + 1);
    struct outcome outcome = run_golden("paths=200", seed, 1);
    const json_t *sde = json_object_get(json_array_get(outcome.rows, 0), "sde");
    double exact = golden_euler_loss(outcome.cases, &outcome.cases->one[0], 0, 16);
    ck_assert_double_eq(number(sde, "n"), PATHS);
    z[i] = (number(sde, "mean") - exact) / number(sde, "se");
    wrong_mean[i] = z[i] + control(&outcome, 0, "factor") * shift / number(sde, "se");
    wrong_error[i] = z[i] / sqrt(control(&outcome, 0, "gain_sde"));
    outcome_free(&outcome);
    sde_free(seed);
  }
  struct sde_moments all = sde_moments_of_values(SEEDS, z, NULL);
  struct sde_moments errors = sde_moments_of_values(SEEDS, wrong_error, NULL);
  struct testing_family family = {0}, means = {0}, plain = {0};
  testing_add_mean(&family, all, 0, "the mean with a control");
  testing_add(&family, (sde_moments_variance(all) - 1) / sqrt(2.0 / (SEEDS - 1)),
              "the standard error with a control");
  testing_assert_agrees(&family);
  testing_add_mean(&means, sde_moments_of_values(SEEDS, wrong_mean, NULL), 0, "another eta's mean");
  testing_assert_notices(&means);
  testing_add(&plain, (sde_moments_variance(errors) - 1) / sqrt(2.0 / (SEEDS - 1)),
              "the standard error without a control");
  testing_assert_notices(&plain);
}
END_TEST

/* With and without a control the means of a loss that is not quadratic agree, on other paths. */
START_TEST(a_nonlinear_mean_is_that_without_control)
{
  struct outcome outcome = prepare_logistic("eta=0.4", with, "paths=500", "seed=1");
  struct outcome plain =
      prepare_logistic("eta=0.4", "variance_reduction=none", "paths=8000", "seed=2");
  outcome_run(&outcome, 0);
  outcome_run(&plain, 0);
  ck_assert_msg(outcome.good && plain.good, "%s", outcome.status.message);
  struct testing_family family = {0};
  for (size_t row = 0; row < OBSERVABLES; row++) {
    const json_t *a = json_object_get(json_array_get(outcome.rows, row), "sde");
    const json_t *b = json_object_get(json_array_get(plain.rows, row), "sde");
    testing_add(&family,
                (number(a, "mean") - number(b, "mean")) / hypot(number(a, "se"), number(b, "se")),
                "row %zu", row);
    /* 500 paths with a control are worth more than 500 * 10 without. */
    ck_assert_double_gt(control(&outcome, row, "gain_sde"), 10);
    ck_assert_double_gt(control(&outcome, row, "gain_evaluations"), 2);
    ck_assert_double_eq_tol(control(&outcome, row, "factor"), 1, 0.2);
    ck_assert(!json_object_get(json_array_get(plain.rows, row), "control_variate"));
  }
  testing_assert_agrees(&family);
  outcome_free(&outcome);
  outcome_free(&plain);
}
END_TEST

/* From the top between two wells, for long enough that paths lie in either, the linearised path is
 * far away: the factor sees it, so that no more is lost than what the factor of a pilot of n paths
 * costs, 1/n. The twin takes the factor for 1. */
START_TEST(useless_controls_do_no_harm)
{
  static const char *const overrides[] = {"variance_reduction=control-variate",
                                          "paths=600",
                                          "distance_paths=0",
                                          "records=1",
                                          "time=20",
                                          "start=[0.0]",
                                          "optimizers=[{name: sgd}]",
                                          "observables=[loss]",
                                          "sde={scheme: euler-maruyama, substeps: 2}"};
  struct outcome outcome = outcome_prepare(wells, sizeof overrides / sizeof *overrides, overrides);
  outcome_run(&outcome, 0);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  double gain = control(&outcome, 0, "gain_sde");
  ck_assert_double_gt(gain, 0.95);
  ck_assert_double_lt(gain, 2);
  struct sde_control_variate *variate = variate_of(outcome.cases);
  struct sde_ensemble_result result = run_pairs(outcome.cases, variate, 0, 600);
  ck_assert_double_gt(sde_moments_variance(sde_ensemble_difference(&result, 0, RECORDS - 1, 0)),
                      2 * sde_moments_variance(sde_ensemble_moments(&result, 0, RECORDS - 1, 0)));
  sde_ensemble_result_free(&result);
  sde_control_variate_free(variate);
  outcome_free(&outcome);
}
END_TEST

/* The factor of the loss at the end time, from 200 paths from this one on. */
static double factor_from(const struct outcome *outcome, uint64_t first_path)
{
  struct sde_control_variate *variate = variate_of(outcome->cases);
  struct sde_ensemble_result result = run_pairs(outcome->cases, variate, first_path, 200);
  double factor = sde_control_variate_factor(sde_ensemble_moments(&result, 0, RECORDS - 1, 0),
                                             sde_ensemble_moments(&result, 1, RECORDS - 1, 0),
                                             sde_ensemble_difference(&result, 0, RECORDS - 1, 0));
  sde_ensemble_result_free(&result);
  sde_control_variate_free(variate);
  return factor;
}

/* The factor is that of paths beyond all that a recipe may ask for, not of the estimate's own. */
START_TEST(the_pilot_has_its_own_paths)
{
  struct outcome outcome = run_golden("paths=200", "seed=1", 1);
  double factor = control(&outcome, 0, "factor");
  ck_assert_double_eq(factor, factor_from(&outcome, (uint64_t)1 << 41));
  ck_assert_double_ne(factor, factor_from(&outcome, 0));
  outcome_free(&outcome);
}
END_TEST

static struct outcome run_thousand(const char *seed, int threads)
{
  return run_golden("paths=1000", seed, threads);
}

START_TEST(threads_do_not_matter)
{
  outcome_check_threads(run_thousand);
}
END_TEST

/* Without its own noise the drift x^2 explodes at time 1. */
static void explode(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                    size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)system, (void)workspace, (void)at;
  for (size_t p = 0; p < width; p++) {
    if (drift != NULL)
      drift[p] = x[p] * x[p];
    if (noise != NULL)
      noise[p] = dw[p];
  }
}

START_TEST(what_has_no_control_is_refused)
{
  struct sde_system system = {
      .dim = 1, .noise_dim = 1, .noise = SDE_NOISE_ADDITIVE, .evaluate = explode};
  struct sde_observables observables = {.count = 1, .evaluate = coordinate};
  struct sde_solution solution = {
      .system = &system, .stream = {1, 1}, .eta = 0.1, .substeps = 1, .resolution = 1};
  struct sde_status status = {SDE_OK, ""};
  double start = 1;
  uint64_t steps = 15;
  ck_assert_ptr_null(
      sde_control_variate_new(&solution, 1, &start, 100, &observables, 1, &steps, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "without noise the SDE leaves the bound 100"));
  system.draws = true;
  status = (struct sde_status){SDE_OK, ""};
  ck_assert(!sde_control_variate_accepts(&solution, steps, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "draws random numbers afresh"));
  system.draws = false;
  struct sde_quasi *quasi = sde_quasi_new((struct sde_stream){1, 2}, 1, steps, 16);
  solution.quasi = quasi;
  status = (struct sde_status){SDE_OK, ""};
  ck_assert(!sde_control_variate_accepts(&solution, steps, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "Brownian paths are quasi-random"));
  solution.quasi = NULL;
  sde_quasi_free(quasi);
  status = (struct sde_status){SDE_OK, ""};
  ck_assert(!sde_control_variate_accepts(&solution, (uint64_t)1 << 26, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "numbers are accepted"));
}
END_TEST

/* Without an SDE there is nothing to control; where the scheme evaluates nothing, or nothing
 * varies, there is no gain to tell; and a mean that is known exactly is said to be. */
START_TEST(what_it_does_not_help_is_said)
{
  static const char *const none[] = {"loss.data=data/quadratic4.csv", with, "sde=[]"};
  struct outcome outcome = outcome_prepare(golden, 3, none);
  char *unused = unused_keys(outcome.cases, "");
  ck_assert_ptr_nonnull(strstr(unused, "variance_reduction has no effect: there is no SDE"));
  sde_free(unused);
  outcome_free(&outcome);
  static const char *const exact[] = {"loss.data=data/quadratic4.csv",
                                      with,
                                      "noise.sampling=gaussian",
                                      "eta=0.1",
                                      "paths=200",
                                      "optimizers=[{name: sgd}]",
                                      "observables=[loss, noise-trace]",
                                      "sde={scheme: exponential-euler}"};
  outcome = outcome_prepare(golden, sizeof exact / sizeof *exact, exact);
  outcome_run(&outcome, 0);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  const json_t *loss = json_object_get(json_array_get(outcome.rows, 0), "control_variate");
  const json_t *trace = json_object_get(json_array_get(outcome.rows, 1), "control_variate");
  ck_assert_double_gt(number(loss, "gain_sde"), 100);
  ck_assert(isnan(number_or_nan(loss, "gain_evaluations")));
  ck_assert(isnan(number_or_nan(trace, "gain_sde")));
  ck_assert_double_eq(number(trace, "factor"), 0);
  outcome_free(&outcome);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("control_variate");
  TCase *tests = testing_case(suite, "control variates");
  tcase_set_timeout(tests, 300);
  tcase_add_test(tests, moments_converge_to_a_linear_sde);
  tcase_add_test(tests, controls_have_their_means);
  tcase_add_test(tests, means_are_unbiased_and_their_errors_honest);
  tcase_add_test(tests, a_nonlinear_mean_is_that_without_control);
  tcase_add_test(tests, useless_controls_do_no_harm);
  tcase_add_test(tests, the_pilot_has_its_own_paths);
  tcase_add_test(tests, threads_do_not_matter);
  tcase_add_test(tests, what_has_no_control_is_refused);
  tcase_add_test(tests, what_it_does_not_help_is_said);
  return testing_run(suite);
}
