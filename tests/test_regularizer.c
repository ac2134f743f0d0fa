/*
 * The drift probe: on quadratic losses the coefficient of grad tr V in the mean direction is
 * rho c(m)/2 for m-usam and 0 for n-usam, that of grad E|g_I| is rho; each beside a prediction that
 * must be refused.
 */
#include "experiments/drift_probe.h"
#include "experiments/study.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>

static const char *const with = "sampling=with-replacement";
static const char *const without = "sampling=without-replacement";
static const char *const diabetes = "linear-regression data=data/diabetes.csv";
enum { SEED = 1 };

struct probed {
  struct sde_moments coefficient;
  double se, predicted, rounding;
};

/* The coefficient measured at the golden start, or at the loss's own. */
static struct probed probe(const char *loss, const char *noise, const char *name, size_t batch,
                           size_t micro_batch, double rho, size_t paths)
{
  struct models_setup setup = models_setup_new(loss, noise, name, rho, batch, micro_batch);
  const double *start = setup.loss->start == NULL ? golden_start : setup.loss->start;
  struct sde_status status = {SDE_OK, ""};
  struct drift_probe *made = drift_probe_new(&setup.optimizer, start, SEED, "recipe:1", &status);
  ck_assert_msg(made != NULL, "%s", status.message);
  struct drift_probe_result result =
      drift_probe_run(made, sde_stream_named(SEED, name), testing_size(paths), 0, NULL, NULL);
  struct probed probed = {result.coefficient, result.se, made->predicted, made->rounding};
  ck_assert_uint_eq(result.not_finite, 0);
  drift_probe_result_free(&result);
  drift_probe_free(made);
  models_setup_free(&setup);
  return probed;
}

static double deviation(const struct probed *probed, double exact)
{
  return (sde_moments_mean(probed->coefficient) - exact) / probed->se;
}

/* c(m) of theory.md section 1, by its own code. */
static double factor(bool replacement, double n, double m)
{
  return replacement ? 1 / m : (n - m) / (m * (n - 1));
}

static const double rho = 0.1;

/* Enough draws for a standard error below 2 % at m = 16. */
static const struct problem {
  const char *loss, *noise;
  bool replacement;
  double samples;
  size_t batch, paths;
} problems[] = {
    {NULL, "sampling=with-replacement", true, 4, 16, 200000},
    {NULL, "sampling=without-replacement", false, 4, 4, 100000},
    {"linear-regression data=data/diabetes.csv", "sampling=with-replacement", true, 442, 16, 40000},
    {"linear-regression data=data/diabetes.csv", "sampling=without-replacement", false, 442, 16,
     40000}};
enum { PROBLEMS = sizeof problems / sizeof *problems };

static const char *loss_of(const struct problem *problem)
{
  return problem->loss == NULL ? models_golden.loss : problem->loss;
}

START_TEST(variance_coefficient)
{
  const struct problem *problem = &problems[_i];
  for (size_t m = 1; m <= problem->batch; m *= 2) {
    struct probed got =
        probe(loss_of(problem), problem->noise, "m-usam", problem->batch, m, rho, problem->paths);
    double exact = rho * factor(problem->replacement, problem->samples, (double)m) / 2;
    ck_assert_double_eq_tol(got.predicted, exact, 1e-15);
    /* A batch of all samples cut into single ones leaves nothing random but the order of a sum. */
    ck_assert_msg(fabs(sde_moments_mean(got.coefficient) - exact) < fmax(3 * got.se, got.rounding),
                  "m = %zu is off by %g standard errors", m, deviation(&got, exact));
    ck_assert_double_lt(got.se * sqrt(fmin(1, testing_scale())), fmax(0.02 * exact, got.rounding));
  }
}
END_TEST

START_TEST(full_gradient_has_none)
{
  const struct problem *problem = &problems[_i];
  struct probed got =
      probe(loss_of(problem), problem->noise, "n-usam", problem->batch, 1, rho, problem->paths);
  ck_assert_double_eq(got.predicted, 0);
  ck_assert(fabs(sde_moments_mean(got.coefficient)) < fmax(3 * got.se, got.rounding));
}
END_TEST

/* Twins: the measurement refuses c(2m), another optimizer's prediction, another sampling's c(m). */
START_TEST(wrong_predictions_are_noticed)
{
  const char *loss = models_golden.loss;
  for (size_t m = 1; m <= 4; m *= 2) {
    struct testing_family doubled = {0};
    struct probed got = probe(loss, with, "m-usam", 16, m, rho, 40000);
    testing_add(&doubled, deviation(&got, rho * factor(true, 4, 2 * (double)m) / 2), "c(2m)");
    testing_assert_notices(&doubled);
  }
  struct testing_family exchanged = {0}, unlike = {0};
  struct probed micro = probe(loss, with, "m-usam", 16, 2, rho, 40000);
  struct probed full = probe(loss, with, "n-usam", 16, 1, rho, 40000);
  testing_add(&exchanged, deviation(&micro, full.predicted), "m-usam as n-usam");
  testing_assert_notices(&exchanged);
  exchanged = (struct testing_family){0};
  testing_add(&exchanged, deviation(&full, micro.predicted), "n-usam as m-usam");
  testing_assert_notices(&exchanged);
  testing_add(&unlike, deviation(&micro, rho * factor(false, 4, 2) / 2), "the other sampling");
  testing_assert_notices(&unlike);
  struct probed drawn_without = probe(loss, without, "m-usam", 4, 2, rho, 40000);
  unlike = (struct testing_family){0};
  testing_add(&unlike, deviation(&drawn_without, rho * factor(true, 4, 2) / 2), "with");
  testing_assert_notices(&unlike);
}
END_TEST

/* grad E|g_I| has the coefficient rho: by enumeration, by the Gaussian integral, and sampled. */
START_TEST(normalised_coefficient)
{
  static const struct {
    const char *loss, *noise, *name;
    size_t batch, micro_batch, paths;
  } rows[] = {{NULL, "sampling=with-replacement", "m-sam", 8, 1, 20000},
              {NULL, "sampling=with-replacement", "m-sam", 8, 4, 20000},
              {NULL, "sampling=without-replacement", "m-sam", 4, 2, 20000},
              {NULL, "sampling=with-replacement", "n-sam", 8, 8, 20000},
              {NULL, "sampling=gaussian", "sam", 4, 4, 20000},
              {"linear-regression data=data/diabetes.csv", "sampling=with-replacement", "sam", 8, 8,
               20000}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *loss = rows[i].loss == NULL ? models_golden.loss : rows[i].loss;
    struct probed got = probe(loss, rows[i].noise, rows[i].name, rows[i].batch, rows[i].micro_batch,
                              rho, rows[i].paths);
    ck_assert_double_eq(got.predicted, rho);
    ck_assert_msg(fabs(deviation(&got, rho)) < 4, "row %zu is off by %g standard errors", i,
                  deviation(&got, rho));
    ck_assert_msg(fabs(deviation(&got, 1.2 * rho)) > 4, "row %zu would not notice 1.2 rho", i);
  }
}
END_TEST

/* The result does not depend on the number of threads. */
START_TEST(same_bits_for_any_threads)
{
  struct models_setup setup = models_setup_new(diabetes, with, "m-usam", rho, 16, 4);
  struct sde_status status = {SDE_OK, ""};
  struct drift_probe *made =
      drift_probe_new(&setup.optimizer, setup.loss->start, SEED, "recipe:1", &status);
  struct sde_stream stream = sde_stream_named(SEED, "threads");
  struct drift_probe_result one = drift_probe_run(made, stream, 2000, 1, NULL, NULL);
  struct drift_probe_result two = drift_probe_run(made, stream, 2000, 2, NULL, NULL);
  ck_assert(one.coefficient.mean == two.coefficient.mean);
  ck_assert(one.se == two.se);
  drift_probe_result_free(&one);
  drift_probe_result_free(&two);
  drift_probe_free(made);
  models_setup_free(&setup);
}
END_TEST

static void refused(const char *loss, const char *noise, const char *name, double radius,
                    const char *words)
{
  struct models_setup setup = models_setup_new(loss, noise, name, radius, 4, 4);
  const double *start = setup.loss->start == NULL ? golden_start : setup.loss->start;
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(drift_probe_new(&setup.optimizer, start, SEED, "recipe:1", &status));
  models_assert_refused(&status, "recipe:1", words);
  models_setup_free(&setup);
}

START_TEST(refusals)
{
  refused(models_golden.loss, with, "sgd", rho, "no regulariser in closed form|m-usam|n-sam");
  refused(models_golden.loss, with, "rw-sam", rho, "no regulariser in closed form");
  refused(models_golden.loss, with, "usam", 0, "rho 0|above 0");
  refused(models_golden.loss, "sampling=gaussian", "usam", rho,
          "grad tr V vanishes|index sampling");
}
END_TEST

START_TEST(study_is_registered)
{
  const struct study_type *study = study_type_named("regularizer");
  ck_assert_ptr_nonnull(study);
  ck_assert_str_eq(study->unused[0], "eta");
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("regularizer");
  TCase *tests = testing_case(suite, "probe");
  tcase_add_loop_test(tests, variance_coefficient, 0, PROBLEMS);
  tcase_add_loop_test(tests, full_gradient_has_none, 0, PROBLEMS);
  tcase_add_test(tests, wrong_predictions_are_noticed);
  tcase_add_test(tests, normalised_coefficient);
  tcase_add_test(tests, same_bits_for_any_threads);
  tcase_add_test(tests, refusals);
  tcase_add_test(tests, study_is_registered);
  return testing_run(suite);
}
