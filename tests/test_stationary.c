/*
 * Tests of the study `stationary`: long-run averages against exact stationary moments, on the
 * golden quadratic and on an Ornstein-Uhlenbeck process, and what it says where there are none. Run
 * from the root of the project, whose recipe it reads.
 */
#include "experiments/cases/cases.h"
#include "experiments/recipe/study.h"
#include "experiments/results/results.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OVERRIDES_MAX = 12 };

static struct outcome outcome_of(const char *const *overrides, size_t paths)
{
  char *all_paths = sde_format("paths=%zu", paths);
  const char *override[OVERRIDES_MAX] = {all_paths, "loss.data=data/quadratic4.csv"};
  size_t count = 2;
  for (; overrides[count - 2] != NULL; count++)
    override[count] = overrides[count - 2];
  struct outcome outcome =
      outcome_prepare("experiments/recipes/golden-stationary.yaml", count, override);
  outcome_run(&outcome, 1);
  sde_free(all_paths);
  return outcome;
}

static struct outcome run(const char *const *overrides, size_t paths)
{
  struct outcome outcome = outcome_of(overrides, paths);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  return outcome;
}

/* The row of an optimizer and an observable. */
static const json_t *row_of(const struct outcome *outcome, const char *optimizer, double eta,
                            const char *observable)
{
  size_t i;
  json_t *row;
  json_array_foreach(outcome->rows, i, row)
  {
    if (strcmp(json_string_value(json_object_get(row, "optimizer")), optimizer) == 0 &&
        strcmp(json_string_value(json_object_get(row, "observable")), observable) == 0 &&
        number(row, "eta") == eta)
      return row;
  }
  ck_abort_msg("no row of %s, %s at eta %g", optimizer, observable, eta);
}

/* Adds the estimate of "iterates" or "sde" against a value; an SDE may be off by its scheme's
 * error. */
static void add(struct testing_family *family, const json_t *row, const char *side, double exact)
{
  const json_t *estimate = json_object_get(row, side);
  double off = fabs(number(estimate, "mean") - exact);
  if (strcmp(side, "sde") == 0)
    off = fmax(0, off - number(row, "scheme_error"));
  testing_add(family, off / number(estimate, "se"), "%s of the %s", side,
              json_string_value(json_object_get(row, "observable")));
}

static const char *const optimizers[] = {"sgd", "n-usam", "m-usam"};
static const char *const observables[] = {"loss", "x1", "x2", "cov11", "cov12", "cov22"};
enum { OPTIMIZERS = 3, OBSERVABLES = 6 };

/* How many verdicts say this, of true, false and null. */
static size_t verdicts(const struct outcome *outcome, const char *directory, json_type type)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_msg(results_write(outcome->results, directory, &status), "%s", status.message);
  size_t i, count = 0;
  json_t *verdict;
  json_array_foreach(json_object_get(results_summary(outcome->results), "verdicts"), i, verdict)
      count += json_typeof(json_object_get(verdict, "holds")) == type;
  return count;
}

/* The twins: the SDE's exact values are not those of the iterates, from which they differ by
 * O(eta); nor are those of m-usam with m = 1 those of n-usam. Here and below all paths are run at
 * every scale: fewer would not tell the twins apart. */
START_TEST(golden)
{
  static const char *const etas[] = {"eta=0.2", "eta=0.1"};
  const char *const overrides[] = {etas[_i], "records=2", NULL};
  double eta = _i == 0 ? 0.2 : 0.1;
  struct outcome outcome = run(overrides, 1024);
  struct testing_family right = {0};
  ck_assert_uint_eq(json_array_size(outcome.rows), OPTIMIZERS * OBSERVABLES);
  for (size_t k = 0; k < OPTIMIZERS; k++) {
    struct testing_family wrong = {0};
    for (size_t o = 0; o < OBSERVABLES; o++) {
      const json_t *row = row_of(&outcome, optimizers[k], eta, observables[o]);
      add(&right, row, "iterates", number(row, "exact_iterates"));
      add(&right, row, "sde", number(row, "exact_sde"));
      add(&wrong, row, "iterates", number(row, "exact_sde"));
    }
    testing_assert_notices(&wrong);
  }
  testing_assert_agrees(&right);
  struct testing_family other = {0};
  for (size_t o = 0; o < OBSERVABLES; o++)
    add(&other, row_of(&outcome, "m-usam", eta, observables[o]), "iterates",
        number(row_of(&outcome, "n-usam", eta, observables[o]), "exact_iterates"));
  testing_assert_notices(&other);
  outcome_free(&outcome);
}
END_TEST

/* With constant noise covariance Sigma = V/b the SDE of sgd has A S + S A = eta Sigma, and the
 * iterates A S + S A - eta A S A = eta Sigma; A is the mean of the golden A_i. */
START_TEST(ornstein_uhlenbeck)
{
  const char *const overrides[] = {"noise.sampling=gaussian",
                                   "noise.structure=dense",
                                   "noise.covariance=[[1.0, 0.3], [0.3, 0.5]]",
                                   "optimizers=[{name: sgd}]",
                                   "eta=0.1",
                                   "records=2",
                                   NULL};
  struct outcome outcome = run(overrides, 1024);
  const double eta = 0.1, a[2][2] = {{1.25, 0.125}, {0.125, 1}};
  const double sigma[2][2] = {{0.25, 0.075}, {0.075, 0.125}};
  const json_t *row[2][2];
  for (size_t i = 0; i < 2; i++)
    for (size_t k = 0; k < 2; k++)
      row[i][k] = row_of(&outcome, "sgd", eta,
                         i + k == 0   ? "cov11"
                         : i + k == 1 ? "cov12"
                                      : "cov22");
  struct testing_family right = {0}, wrong = {0};
  for (size_t i = 0; i < 2; i++)
    for (size_t k = 0; k < 2; k++) {
      double sde = 0, iterates = 0;
      for (size_t j = 0; j < 2; j++) {
        sde += a[i][j] * number(row[j][k], "exact_sde") + number(row[i][j], "exact_sde") * a[j][k];
        iterates += a[i][j] * number(row[j][k], "exact_iterates") +
                    number(row[i][j], "exact_iterates") * a[j][k];
        for (size_t l = 0; l < 2; l++)
          iterates -= eta * a[i][j] * number(row[j][l], "exact_iterates") * a[l][k];
      }
      ck_assert_double_eq_tol(sde, eta * sigma[i][k], 1e-14);
      ck_assert_double_eq_tol(iterates, eta * sigma[i][k], 1e-14);
      add(&right, row[i][k], "sde", number(row[i][k], "exact_sde"));
      add(&right, row[i][k], "iterates", number(row[i][k], "exact_iterates"));
      add(&wrong, row[i][k], "iterates", number(row[i][k], "exact_sde"));
    }
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
  outcome_free(&outcome);
}
END_TEST

/* Standard errors are those of independent paths: over seeds, deviations from the exact values in
 * standard errors have a mean square of 1. */
START_TEST(standard_errors)
{
  enum { SEEDS = 40 };
  struct testing_family family = {0};
  struct sde_moments squares[OBSERVABLES] = {{0, 0, 0}};
  for (size_t seed = 1; seed <= SEEDS; seed++) {
    char *text = sde_format("seed=%zu", seed);
    const char *const overrides[] = {text,        "eta=0.2",        "optimizers=[{name: sgd}]",
                                     "records=1", "sde.substeps=1", NULL};
    struct outcome outcome = run(overrides, testing_size(256));
    for (size_t o = 0; o < OBSERVABLES; o++) {
      const json_t *row = row_of(&outcome, "sgd", 0.2, observables[o]);
      const json_t *estimate = json_object_get(row, "iterates");
      double z =
          (number(estimate, "mean") - number(row, "exact_iterates")) / number(estimate, "se");
      squares[o] = sde_moments_merged(squares[o], (struct sde_moments){1, z * z, 0});
    }
    outcome_free(&outcome);
    sde_free(text);
  }
  for (size_t o = 0; o < OBSERVABLES; o++)
    testing_add_mean(&family, squares[o], 1, observables[o]);
  testing_assert_agrees(&family);
}
END_TEST

static void remove_files(const char *folder)
{
  static const char *const files[] = {"recipe.yaml", "series.csv", "stationary.csv",
                                      "summary.json"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *path = sde_format("%s/%s", folder, files[i]);
    ck_assert_int_eq(remove(path), 0);
    sde_free(path);
  }
  ck_assert_int_eq(remove(folder), 0);
}

/* No stationary law, or none that is known: estimates without exact values, and open verdicts. A
 * short burn-in leaves verdicts open too, and a long one decides them. */
START_TEST(open_verdicts)
{
  static const struct {
    const char *override[5];
    size_t holds, fails, open;
  } expected[] = {
      {{"eta=2", "divergence_bound=1e100", "sde=[]", "optimizers=[{name: sgd}]"}, 0, 0, 1},
      {{"optimizers=[{name: n-sam}]", "eta=0.2", "sde=[]"}, 0, 0, 1},
      {{"time=2", "burn_in=1", "eta=0.2", "optimizers=[{name: sgd}]"}, 0, 0, 2},
      {{"eta=0.2", "optimizers=[{name: sgd}]"}, 2, 0, 0},
  };
  char folder[] = "/tmp/sharpsde-stationary-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(folder));
  struct outcome outcome = run(expected[_i].override, testing_size(1024));
  ck_assert_uint_eq(verdicts(&outcome, folder, JSON_TRUE), expected[_i].holds);
  ck_assert_uint_eq(verdicts(&outcome, folder, JSON_FALSE), expected[_i].fails);
  ck_assert_uint_eq(verdicts(&outcome, folder, JSON_NULL), expected[_i].open);
  outcome_free(&outcome);
  remove_files(folder);
}
END_TEST

/* Would normal quantiles, the twin, call an estimate of this run wrong? */
static bool normal_quantile_misses(const struct outcome *outcome)
{
  double quantile = sde_family_quantile(0.05, 2 * OBSERVABLES);
  bool missed = false;
  for (size_t o = 0; o < OBSERVABLES; o++) {
    const json_t *row = row_of(outcome, "sgd", 0.2, observables[o]);
    const json_t *iterates = json_object_get(row, "iterates"), *sde = json_object_get(row, "sde");
    missed |= fabs(number(iterates, "mean") - number(row, "exact_iterates")) >
              quantile * number(iterates, "se");
    missed |= fabs(number(sde, "mean") - number(row, "exact_sde")) >
              quantile * number(sde, "se") + number(row, "scheme_error");
  }
  return missed;
}

/* On 2 to 16 paths the verdicts are false in one run of twenty, or less; of 40 runs in no more than
 * 2 and four standard deviations (1.4). */
START_TEST(few_paths_accuse_nobody)
{
  enum { RUNS = 40, MOST = 7 };
  static const size_t counts[] = {2, 4, 16};
  size_t accused = 0, twin = 0;
  char folder[] = "/tmp/sharpsde-stationary-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(folder));
  for (size_t seed = 1; seed <= RUNS; seed++) {
    char *seed_text = sde_format("seed=%zu", seed), *paths = sde_format("paths=%zu", counts[_i]);
    const char *const overrides[] = {seed_text,   "eta=0.2",        "optimizers=[{name: sgd}]",
                                     "records=1", "sde.substeps=2", paths,
                                     NULL};
    struct outcome outcome = run(overrides, testing_size(64));
    accused += verdicts(&outcome, folder, JSON_FALSE) > 0;
    twin += normal_quantile_misses(&outcome);
    outcome_free(&outcome);
    sde_free(seed_text);
    sde_free(paths);
  }
  remove_files(folder);
  ck_assert_uint_le(accused, MOST);
  ck_assert_msg(counts[_i] > 4 || twin > MOST, "normal quantiles miss in %zu runs only", twin);
}
END_TEST

/* Isotropic noise commutes with A, so Euler-Maruyama of step h has the stationary covariance
 * S(h) = eta c (2 A - h A^2)^-1: one substep makes h = eta, its companion h = eta/2, and the
 * scheme's error is Richardson's 2 |S(eta) - S(eta/2)| and sampling, small on one Brownian path. */
START_TEST(scheme_error_is_the_schemes)
{
  const double eta = 0.2, variance = 0.25, a[2][2] = {{1.25, 0.125}, {0.125, 1}};
  const char *const overrides[] = {"noise.sampling=gaussian",
                                   "optimizers=[{name: sgd}]",
                                   "eta=0.2",
                                   "records=2",
                                   "sde.substeps=1",
                                   NULL};
  struct outcome outcome = run(overrides, testing_size(4096));
  double s[3][2]; /* S11 and S22 at h = 0, eta/2 and eta */
  for (size_t k = 0; k < 3; k++) {
    double h = (double)k * eta / 2, m[2][2];
    for (size_t i = 0; i < 2; i++)
      for (size_t j = 0; j < 2; j++)
        m[i][j] = 2 * a[i][j] - h * (a[i][0] * a[0][j] + a[i][1] * a[1][j]);
    double scale = eta * variance / (m[0][0] * m[1][1] - m[0][1] * m[1][0]);
    s[k][0] = scale * m[1][1];
    s[k][1] = scale * m[0][0];
  }
  for (size_t i = 0; i < 2; i++) {
    const json_t *row = row_of(&outcome, "sgd", eta, i == 0 ? "cov11" : "cov22");
    ck_assert_double_eq_tol(number(row, "exact_sde"), s[0][i], 1e-9);
    ck_assert_double_eq_tol(number(row, "exact_iterates"), s[2][i], 1e-9);
    double expected = 2 * fabs(s[2][i] - s[1][i]);
    ck_assert_double_eq_tol(number(row, "scheme_error") / expected, 1, 0.2);
    /* It covers the scheme's own error, to leading order in the step. */
    ck_assert_double_eq_tol(number(row, "scheme_error") / fabs(s[2][i] - s[0][i]), 1, 0.3);
  }
  outcome_free(&outcome);
}
END_TEST

START_TEST(burn_in_refused)
{
  const char *const overrides[] = {"burn_in=60", NULL};
  struct outcome outcome = outcome_of(overrides, testing_size(64));
  ck_assert(!outcome.good);
  ck_assert_int_eq(outcome.status.code, SDE_INVALID);
  ck_assert_msg(strstr(outcome.status.message, "burn_in is 60 and leaves nothing of time 60") !=
                    NULL,
                "%s", outcome.status.message);
  outcome_free(&outcome);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("stationary");
  TCase *moments = testing_case(suite, "moments");
  tcase_add_loop_test(moments, golden, 0, 2);
  tcase_add_test(moments, ornstein_uhlenbeck);
  tcase_add_test(moments, standard_errors);
  tcase_add_test(moments, scheme_error_is_the_schemes);
  TCase *words = testing_case(suite, "verdicts");
  tcase_add_loop_test(words, open_verdicts, 0, 4);
  tcase_add_loop_test(words, few_paths_accuse_nobody, 0, 3);
  tcase_add_test(words, burn_in_refused);
  return testing_run(suite);
}
