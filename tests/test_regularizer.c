/*
 * The drift probe: on quadratic losses the coefficient of grad tr V in the mean direction is
 * rho c(m)/2 for m-usam and 0 for n-usam, that of grad E|g_I| is rho. The norm table: E|g_s| as in
 * theory.md section 9. Each beside a value that must be refused. Run from the root of the project.
 */
#include "analysis/drift_probe.h"
#include "experiments/studies/norms.h"
#include "experiments/studies/regularizer_judge.h"
#include "experiments/studies/studies.h"
#include "models/gaussian_norm.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
      drift_probe_run(made, sde_stream_named(SEED, name), testing_size(paths), 0, NULL, NULL, NULL);
  struct probed probed = {result.coefficient, result.se, made->predicted, made->rounding};
  ck_assert_uint_eq(result.not_finite, 0);
  drift_probe_result_free(&result);
  drift_probe_free(made);
  models_setup_free(&setup);
  return probed;
}

/* The mean direction is that of the gradient rule, whatever update rule steps along it: with the
 * state (x, p) of heavy ball, or with sign, the probe is the same to the bit. */
START_TEST(the_probe_is_that_of_the_gradient_rule)
{
  static const char *const rules[] = {"m-usam", "m-sam", "n-sam"};
  static const double start[2] = {1.5, -1};
  struct sde_moments coefficient[3];
  for (size_t k = 0; k < 3; k++) {
    struct models_setup setup =
        models_setup_new(models_golden.loss, "sampling=with-replacement", rules[_i], 0.1, 4, 2);
    if (k > 0)
      models_set_update(&setup.optimizer, k == 1 ? "heavy-ball" : "sign",
                        k == 1 ? "friction=2" : "");
    struct sde_status status = {SDE_OK, ""};
    struct drift_probe *made = drift_probe_new(&setup.optimizer, start, SEED, "recipe:1", &status);
    ck_assert_msg(made != NULL, "%s", status.message);
    struct drift_probe_result result =
        drift_probe_run(made, sde_stream_named(SEED, "probe"), 640, 1, NULL, NULL, NULL);
    coefficient[k] = result.coefficient;
    drift_probe_result_free(&result);
    drift_probe_free(made);
    models_setup_free(&setup);
    ck_assert_double_eq(coefficient[k].mean, coefficient[0].mean);
    ck_assert_double_eq(coefficient[k].m2, coefficient[0].m2);
  }
}
END_TEST

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

/* The interval of a YES excludes what micro-batches of half and of twice the size would have. */
START_TEST(coefficients_are_judged)
{
  const double usam = 0.003125;
  static const struct {
    struct regularizer_measured measured;
    enum holds holds;
  } judged[] = {
      {{0.00049, 0.00048, 0.000625}, HOLDS_UNDECIDED},
      {{0.0006, 0.0001, 0.000625}, HOLDS_YES},
      {{0.0006, 0.00001, 0.000625}, HOLDS_NO},
      {{1, 0.51, 1}, HOLDS_UNDECIDED},
      {{1.5, 0.51, 1}, HOLDS_UNDECIDED},
      {{1.4, 0.5, 1}, HOLDS_YES},
      {{NAN, NAN, 1}, HOLDS_UNDECIDED},
      /* No term is predicted. */
      {{0.001, 0.0015, 0}, HOLDS_YES},
      {{0.002, 0.0021, 0}, HOLDS_UNDECIDED},
      {{0.003, 0.0015, 0}, HOLDS_NO},
  };
  for (size_t i = 0; i < sizeof judged / sizeof *judged; i++)
    ck_assert_msg(regularizer_judge(judged[i].measured, usam) == judged[i].holds, "case %zu", i);
}
END_TEST

/* The part of order rho^2 of coefficient = rho/2 + a rho^2 is taken off, and its next order counts
 * in the interval; a wrong coefficient beside it is still noticed. */
START_TEST(second_order_is_taken_off)
{
  for (double a = -1; a <= 1; a += 0.5)
    for (double cubic = -1; cubic <= 1; cubic += 1)
      for (int wrong = 0; wrong < 2; wrong++) {
        double r = 0.05, factor = wrong ? 1 : 0.5;
        struct regularizer_measured whole = {factor * r + a * r * r + cubic * r * r * r, 1e-5,
                                             r / 2};
        struct regularizer_measured part = {factor * r / 2 + a * r * r / 4 + cubic * r * r * r / 8,
                                            1e-5, r / 4};
        struct regularizer_measured made = regularizer_extrapolate(whole, part);
        enum holds holds = regularizer_judge(made, 1);
        if (fabs(a) < 0.1 && fabs(cubic) > 0)
          ck_assert_int_ne(holds, wrong ? HOLDS_YES : HOLDS_NO);
        else
          ck_assert_int_eq(holds, wrong ? HOLDS_NO : HOLDS_YES);
      }
}
END_TEST

/* Where grad E|g_I| is sampled, its own error is in that of the coefficient, and it is as large as
 * the slopes of many seeds vary: over 40 of them by a factor within 0.5 to 1.6, 4.5 standard
 * errors of a standard deviation. */
START_TEST(sampled_slope_has_an_error)
{
  enum { PROBES = 40 };
  struct models_setup setup = models_setup_new(diabetes, with, "sam", rho, 8, 8);
  struct sde_status status = {SDE_OK, ""};
  struct sde_moments along = {0};
  double square = 0, reference = 0;
  for (uint64_t seed = 1; seed <= PROBES; seed++) {
    struct drift_probe *made =
        drift_probe_new(&setup.optimizer, setup.loss->start, seed, "recipe:1", &status);
    ck_assert_msg(made != NULL, "%s", status.message);
    double length = 0;
    for (size_t i = 0; i < made->dim; i++)
      length += made->slope[i] * made->slope[i];
    along = sde_moments_merged(along, (struct sde_moments){1, sqrt(length), 0});
    square += made->predicted_se * made->predicted_se / PROBES;
    reference = made->predicted;
    if (seed == 1) {
      struct drift_probe_result result =
          drift_probe_run(made, sde_stream_named(SEED, "se"), 640, 1, NULL, NULL, NULL);
      ck_assert_double_gt(made->predicted_se, 0);
      ck_assert_double_eq_tol(
          result.se, hypot(sde_moments_standard_error(result.coefficient), made->predicted_se),
          1e-12 * result.se);
      ck_assert_double_gt(result.se, (1 + 1e-6) * sde_moments_standard_error(result.coefficient));
      drift_probe_result_free(&result);
    }
    drift_probe_free(made);
  }
  double spread = reference * sqrt(sde_moments_variance(along)) / sde_moments_mean(along);
  ck_assert_msg(spread > 0.5 * sqrt(square) && spread < 1.6 * sqrt(square),
                "the slope varies by %g, its standard error is %g", spread, sqrt(square));
  models_setup_free(&setup);
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
  struct drift_probe_result one = drift_probe_run(made, stream, 2000, 1, NULL, NULL, NULL);
  struct drift_probe_result two = drift_probe_run(made, stream, 2000, 2, NULL, NULL, NULL);
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
  const struct study_type *study = study_named(study_types(), "regularizer");
  ck_assert_ptr_nonnull(study);
  ck_assert_str_eq(study->unused[0], "eta");
}
END_TEST

/* E|g_s| for s = 1, 2, 4, as printed; without replacement a batch of 4 is all samples. */
enum { SIZES = 3 };
static const size_t three_sizes[SIZES] = {1, 2, 4};
static const double norms_with[SIZES] = {1.884187177872, 1.813452810266, 1.787244961116};
static const double norms_without[SIZES] = {1.884187177872, 1.789874687731, 1.768871462261};

static struct norm_table norms(const char *loss, const char *noise, size_t paths, int threads)
{
  struct models_setup setup = models_setup_new(loss, noise, "sam", rho, 4, 4);
  const double *start = setup.loss->start == NULL ? golden_start : setup.loss->start;
  struct norm_table table =
      norm_table_new(setup.objective, start, SIZES, three_sizes, sde_stream_named(SEED, "norms"),
                     testing_size(paths), threads, NULL, NULL, NULL);
  models_setup_free(&setup);
  ck_assert_uint_eq(table.not_finite, 0);
  return table;
}

/* How far a sampled mean is off, in standard errors. */
static double off(struct sde_moments sampled, double exact)
{
  return (sde_moments_mean(sampled) - exact) / sde_moments_standard_error(sampled);
}

/* 12 digits are printed. Draws enough that the other sampling's value at s = 2 is 20 standard
 * errors off, and 7 at a tenth of the draws. */
START_TEST(norms_of_section_9)
{
  const char *noise = _i == 0 ? with : without;
  const double *right = _i == 0 ? norms_with : norms_without;
  const double *wrong = _i == 0 ? norms_without : norms_with;
  struct norm_table table = norms(models_golden.loss, noise, 400000, 0);
  ck_assert_double_eq_tol(table.full, 1.768871462261, 1e-12);
  for (size_t k = 0; k < SIZES; k++) {
    const struct norm_table_row *row = &table.row[k];
    ck_assert_uint_eq(row->size, three_sizes[k]);
    ck_assert_double_eq_tol(row->exact, right[k], 1e-12);
    double below = k + 1 < SIZES ? right[k + 1] : table.full;
    /* Without replacement all draws of 4 are equal but for the order of the sum. */
    if (_i == 1 && k == SIZES - 1) {
      ck_assert(fabs(sde_moments_mean(row->sampled) - right[k]) < 1e-12);
      continue;
    }
    ck_assert_msg(fabs(off(row->sampled, right[k])) < 4, "s = %zu is off by %g standard errors",
                  row->size, off(row->sampled, right[k]));
    ck_assert_msg(fabs(off(row->fall, right[k] - below)) < 4,
                  "the fall after s = %zu is off by %g standard errors", row->size,
                  off(row->fall, right[k] - below));
  }
  /* Twins: the other sampling's value, by enumeration and by draws; the next size's. */
  ck_assert_double_gt(fabs(table.row[1].exact - wrong[1]), 0.02);
  ck_assert_double_gt(fabs(off(table.row[1].sampled, wrong[1])), 4);
  ck_assert_double_gt(fabs(off(table.row[0].sampled, right[1])), 4);
  ck_assert_int_eq(norms_judge(&table, 0.05), HOLDS_YES);
  norm_table_free(&table);
}
END_TEST

/* The closure by the eigenvectors of V in closed form and the other quadrature. */
static double golden_closure(double c)
{
  double a = golden_noise[0], b = golden_noise[1], d = golden_noise[3];
  double root = hypot((a - d) / 2, b), angle = atan2(2 * b, a - d) / 2;
  double lambda[2] = {c * ((a + d) / 2 + root), c * ((a + d) / 2 - root)};
  double mu[2] = {cos(angle) * golden_gradient[0] + sin(angle) * golden_gradient[1],
                  cos(angle) * golden_gradient[1] - sin(angle) * golden_gradient[0]};
  return gaussian_norm(2, mu, lambda, NULL);
}

/* Each of both quadratures is right to 1e-12 of the value. With Gaussian noise of that covariance
 * the closure is the law. Twins: c(s) of the other sampling, the covariance of a batch of 2 s. */
START_TEST(closure_is_gaussian)
{
  static const char *const gaussian =
      "sampling=gaussian structure=dense covariance=0.84375,-0.3046875;-0.3046875,0.36328125";
  const char *const noises[] = {with, without, gaussian};
  for (size_t i = 0; i < 3; i++) {
    struct norm_table table = norms(models_golden.loss, noises[i], 400000, 0);
    for (size_t k = 0; k < SIZES; k++) {
      double c = factor(i != 1, 4, (double)three_sizes[k]);
      ck_assert_double_eq_tol(table.row[k].gaussian, golden_closure(c), 1e-11);
      double other = factor(i == 1, 4, (double)three_sizes[k]);
      if (k > 0)
        ck_assert_double_gt(fabs(table.row[k].gaussian - golden_closure(other)), 0.01);
    }
    if (i < 2)
      ck_assert_double_gt(fabs(table.row[0].gaussian - table.row[0].exact), 1e-3);
    else {
      struct testing_family halved = {0};
      for (size_t k = 0; k < SIZES; k++) {
        double c = 1 / (double)three_sizes[k];
        ck_assert_double_eq(table.row[k].exact, table.row[k].gaussian);
        ck_assert_double_lt(fabs(off(table.row[k].sampled, table.row[k].exact)), 4);
        testing_add(&halved, off(table.row[k].sampled, golden_closure(c / 2)), "c(2s)");
      }
      testing_assert_notices(&halved);
    }
    norm_table_free(&table);
  }
}
END_TEST

/* 442 samples have too many batches of 4 to enumerate; the heavy tails leave the closure 18 % too
 * long at s = 1, which the draws tell apart from the exact value. */
START_TEST(norms_on_real_data)
{
  struct norm_table table = norms(diabetes, with, 40000, 0),
                    again = norms(diabetes, with, 40000, 1);
  for (size_t k = 0; k < 2; k++) {
    ck_assert_double_lt(fabs(off(table.row[k].sampled, table.row[k].exact)), 4);
    ck_assert_double_gt(fabs(off(table.row[k].sampled, table.row[k].gaussian)), 4);
  }
  ck_assert(isnan(table.row[2].exact));
  ck_assert_int_eq(norms_judge(&table, 0.05), HOLDS_YES);
  for (size_t k = 0; k < SIZES; k++) { /* the same bits for any threads */
    ck_assert(table.row[k].sampled.mean == again.row[k].sampled.mean);
    ck_assert(table.row[k].fall.m2 == again.row[k].fall.m2);
  }
  norm_table_free(&table);
  norm_table_free(&again);
}
END_TEST

/* A table of two sizes: exact values, and sampled falls with their standard error, from 100
 * draws. |g| = 1. */
static enum holds judged(double exact_1, double exact_2, double fall_1, double fall_2, double se)
{
  double m2 = se * se * 100 * 99;
  struct norm_table_row rows[] = {{1, {100, 2, m2}, {100, fall_1, m2}, exact_1, 2},
                                  {2, {100, 2, m2}, {100, fall_2, m2}, exact_2, 2}};
  struct norm_table table = {.count = 2, .row = rows, .full = 1, .rounding = 1e-12};
  return norms_judge(&table, 0.05);
}

START_TEST(proposition_is_judged)
{
  ck_assert_int_eq(judged(2, 1.5, -9, -9, 0.1), HOLDS_YES); /* exact values go before draws */
  ck_assert_int_eq(judged(1, 1 + 1e-13, 9, 9, 0.1), HOLDS_YES);
  ck_assert_int_eq(judged(1.5, 2, 9, 9, 0.1), HOLDS_NO);
  ck_assert_int_eq(judged(2, 0.9, 9, 9, 0.1), HOLDS_NO); /* below |g| */
  ck_assert_int_eq(judged(NAN, NAN, 0.5, 0.5, 0.1), HOLDS_YES);
  ck_assert_int_eq(judged(NAN, NAN, 0.5, 0.1, 0.1), HOLDS_UNDECIDED);
  ck_assert_int_eq(judged(NAN, NAN, 0.1, -0.5, 0.1), HOLDS_NO);
  ck_assert_int_eq(judged(2, NAN, 0.5, -0.1, 0.1), HOLDS_UNDECIDED);
  ck_assert_int_eq(judged(NAN, 1.5, 0.5, -9, 0.1), HOLDS_YES);
  /* 2.1 standard errors decide alone, but not as one of two at 5 %. */
  ck_assert_int_eq(judged(NAN, 1.5, 0.21, 0, 0.1), HOLDS_YES);
  ck_assert_int_eq(judged(NAN, NAN, 0.21, 0.5, 0.1), HOLDS_UNDECIDED);
  ck_assert_int_eq(judged(NAN, NAN, NAN, 0.5, 0.1), HOLDS_UNDECIDED);
}
END_TEST

/* The file that a run of a recipe leaves, or NULL; *norms is what its summary has of them. Released
 * with sde_free. */
static char *table_of_run(const char *file, const char *data, const char *name, json_t **norms_of)
{
  struct sde_status status = {SDE_OK, ""};
  const char *override[] = {data, "paths=640"};
  struct recipe *recipe = recipe_read(file, study_types(), 2, override, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  struct cases *cases = cases_new(recipe, &status);
  ck_assert_msg(cases != NULL, "%s", status.message);
  struct results *results = results_new(recipe);
  ck_assert_msg(recipe->study->run(recipe, 1, NULL, cases, results, &status), "%s", status.message);
  char folder[] = "/tmp/sharpsde-norms-XXXXXX", *text = NULL;
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_msg(results_write(results, folder, &status), "%s", status.message);
  static const char *const files[] = {"norms.csv", "recipe.yaml", "summary.json", "regularizer.csv",
                                      "drift.csv"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *path = sde_format("%s/%s", folder, files[i]);
    FILE *stream = strcmp(files[i], name) == 0 ? fopen(path, "r") : NULL;
    if (stream != NULL) {
      text = sde_alloc(10000, 1);
      ck_assert_uint_lt(fread(text, 1, 9999, stream), 9999);
      fclose(stream);
    }
    unlink(path);
    sde_free(path);
  }
  ck_assert_int_eq(rmdir(folder), 0);
  *norms_of = json_deep_copy(json_object_get(results_summary(results), "norms"));
  results_free(results);
  cases_free(cases);
  recipe_free(recipe);
  return text;
}

START_TEST(study_leaves_norms)
{
  json_t *rows;
  char *text = table_of_run("experiments/recipes/golden-norms.yaml",
                            "loss.data=data/quadratic4.csv", "norms.csv", &rows);
  ck_assert_uint_eq(json_array_size(rows), SIZES);
  ck_assert_ptr_nonnull(text);
  const char *line = text, *header = "size,mean,se,exact,gaussian,full_gradient,n\n";
  ck_assert_int_eq(strncmp(line, header, strlen(header)), 0);
  for (size_t k = 0; k < SIZES; k++) {
    size_t size;
    double mean, se, exact, gaussian, full, n;
    line = strchr(line, '\n') + 1;
    ck_assert_int_eq(sscanf(line, "%zu,%lf,%lf,%lf,%lf,%lf,%lf\n", &size, &mean, &se, &exact,
                            &gaussian, &full, &n),
                     7);
    ck_assert_uint_eq(size, three_sizes[k]);
    ck_assert_double_eq(n, 640);
    ck_assert_double_eq_tol(exact, norms_with[k], 1e-12);
    ck_assert_double_eq_tol(gaussian, golden_closure(1 / (double)size), 1e-11);
    ck_assert_double_eq_tol(full, 1.768871462261, 1e-12);
    ck_assert_double_lt(fabs(mean - exact), 4 * se);
    const json_t *row = json_array_get(rows, k);
    ck_assert_double_eq(json_number_value(json_object_get(row, "exact")), exact);
    ck_assert_double_eq(json_number_value(json_object_get(row, "mean")), mean);
  }
  ck_assert_str_eq(strchr(line, '\n'), "\n");
  json_decref(rows);
  sde_free(text);
}
END_TEST

/* How the verdict on m-usam begins. */
static void assert_verdict(size_t overrides, const char *const *override, const char *begin)
{
  struct sde_status status = {SDE_OK, ""};
  struct recipe *recipe = recipe_read("experiments/recipes/golden-regularizer.yaml", study_types(),
                                      overrides, override, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  struct cases *cases = cases_new(recipe, &status);
  ck_assert_msg(cases != NULL, "%s", status.message);
  struct results *results = results_new(recipe);
  ck_assert_msg(recipe->study->run(recipe, 1, NULL, cases, results, &status), "%s", status.message);
  char *text = NULL;
  size_t length = 0;
  FILE *stream = open_memstream(&text, &length);
  results_print(results, stream);
  fclose(stream);
  const char *verdict = strstr(text, ": the mean direction has the variance term");
  ck_assert_ptr_nonnull(verdict);
  while (verdict > text && verdict[-1] != '\n')
    verdict--;
  ck_assert_msg(strncmp(verdict, begin, strlen(begin)) == 0, "%s", verdict);
  free(text);
  results_free(results);
  cases_free(cases);
  recipe_free(recipe);
}

/* Too few draws tell c(16) from 0, not from c(8) and c(32); enough do. In the valley at this rho
 * the remainder is many times the term, which theory allows: nothing is decided. */
START_TEST(study_judges)
{
  const char *few[] = {"loss.data=data/quadratic4.csv",
                       "optimizers=[{name: m-usam, micro_batch: [16, 8]}]", "rho=0.02",
                       "paths=1000"};
  assert_verdict(4, few, "undecided:");
  const char *enough[] = {few[0], few[1], few[2], "paths=20000"};
  assert_verdict(4, enough, "holds:");
  const char *remote[] = {"loss={name: valley, samples: 16, standard_deviation: 1}", few[1],
                          "rho=0.5", "paths=1000"};
  assert_verdict(4, remote, "undecided:");
}
END_TEST

/* Where no optimizer is normalised, E|g_s| is no regulariser, and there is no table. */
START_TEST(no_norms_without_normalised)
{
  json_t *rows;
  char *text = table_of_run("experiments/recipes/diabetes-regularizer.yaml",
                            "loss.data=data/diabetes.csv", "norms.csv", &rows);
  ck_assert_ptr_null(text);
  ck_assert_ptr_null(rows);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("regularizer");
  TCase *tests = testing_case(suite, "probe");
  TCase *same = tcase_create("update rules");
  tcase_add_loop_test(same, the_probe_is_that_of_the_gradient_rule, 0, 3);
  suite_add_tcase(suite, same);
  tcase_add_loop_test(tests, variance_coefficient, 0, PROBLEMS);
  tcase_add_loop_test(tests, full_gradient_has_none, 0, PROBLEMS);
  tcase_add_test(tests, wrong_predictions_are_noticed);
  tcase_add_test(tests, normalised_coefficient);
  tcase_add_test(tests, coefficients_are_judged);
  tcase_add_test(tests, second_order_is_taken_off);
  tcase_add_test(tests, sampled_slope_has_an_error);
  tcase_add_test(tests, same_bits_for_any_threads);
  tcase_add_test(tests, refusals);
  tcase_add_test(tests, study_is_registered);
  TCase *table = testing_case(suite, "norms");
  tcase_add_loop_test(table, norms_of_section_9, 0, 2);
  tcase_add_test(table, closure_is_gaussian);
  tcase_add_test(table, norms_on_real_data);
  tcase_add_test(table, proposition_is_judged);
  tcase_add_test(table, study_leaves_norms);
  tcase_add_test(table, no_norms_without_normalised);
  tcase_add_test(testing_case(suite, "study"), study_judges);
  return testing_run(suite);
}
