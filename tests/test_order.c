/*
 * The study `order`, run on recipes: slopes of exact errors on the golden quadratics, errors that
 * do not go to zero, slopes against rho by simulation; its verdicts, and those where the effect is
 * switched off or the iterates are of another optimizer; the oracle's observables.
 */
#include "analysis/fit.h"
#include "experiments/cases/case_analysis.h"
#include "experiments/cases/cases.h"
#include "experiments/recipe/study.h"
#include "experiments/results/results.h"
#include "experiments/results/verdict_groups.h"
#include "experiments/studies/judgement.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `twin` may change the cases before they are run. */
static struct outcome run_twin(const char *file, size_t overrides, const char *const *override,
                               void (*twin)(struct cases *cases))
{
  struct outcome run = outcome_prepare(file, overrides, override);
  if (twin != NULL)
    twin(run.cases);
  outcome_run(&run, 0);
  return run;
}

static struct outcome run_order(const char *file, size_t overrides, const char *const *override)
{
  return run_twin(file, overrides, override, NULL);
}

static json_t *fits_of(const struct outcome *run, size_t least)
{
  ck_assert_msg(run->status.code == SDE_OK, "%s", run->status.message);
  json_t *fits = json_object_get(results_summary(run->results), "fits");
  ck_assert_uint_ge(json_array_size(fits), least);
  return fits;
}

static bool is(const json_t *fit, const char *name, const char *text)
{
  return strcmp(json_string_value(json_object_get(fit, name)), text) == 0;
}

static const char golden[] = "experiments/recipes/golden-order.yaml";
static const char valley[] = "experiments/recipes/valley-order-rho.yaml";

/* SDE 0 has order 1 in eta, SDE 1 order 2, SDE 2 no term in rho. A trillion paths could not be
 * simulated. */
START_TEST(exact_slopes)
{
  const char *override[] = {"loss.data=data/quadratic4.csv", "paths=1000000000000"};
  struct outcome run = run_order(golden, 2, override);
  json_t *fits = fits_of(&run, 5 * 3 * 4), *fit;
  size_t i;
  json_array_foreach(fits, i, fit)
  {
    double slope = number_or_nan(fit, "slope");
    int sde = (int)number_or_nan(fit, "sde_index");
    ck_assert(json_is_true(json_object_get(fit, "exact")));
    ck_assert(number_or_nan(fit, "unresolved") == 0);
    if (sde == 2 && !is(fit, "optimizer", "sgd"))
      ck_assert_double_lt(slope, 0.5);
    else {
      int order = sde == 1 ? 2 : 1;
      ck_assert_double_eq_tol(slope, order, 0.05 * order);
      ck_assert_int_eq(judgement_slope(slope, 0, order, 0.1 * order), HOLDS_YES);
      ck_assert_int_eq(judgement_slope(slope, 0, 3 - order, 0.1 * (3 - order)), HOLDS_NO);
    }
  }
  outcome_free(&run);
}
END_TEST

/* Without the variance term the error stays; with it (rho_order 1) it falls on. */
START_TEST(without_variance_term)
{
  const char *override[] = {"loss.data=data/quadratic4.csv",
                            "sde=[{rho_order: 1}, {rho_order: 1, variance_term: false}]",
                            "optimizers=[{name: m-usam, micro_batch: 1}]"};
  struct outcome run = run_order(golden, 3, override);
  json_t *fits = fits_of(&run, 8), *fit;
  size_t i;
  json_array_foreach(fits, i, fit)
  {
    double slope = number_or_nan(fit, "slope");
    if (number_or_nan(fit, "sde_index") == 0)
      ck_assert_double_gt(slope, 0.9);
    else
      ck_assert_double_lt(slope, 0.5);
  }
  outcome_free(&run);
}
END_TEST

/* Slopes 1 and 2 within their intervals; what is not resolved has no slope. */
START_TEST(slopes_against_rho)
{
  const char *override[] = {"paths=5000", "rho=[0, 0.0025, 0.005, 0.01]"};
  struct outcome run = run_order(valley, 2, override);
  json_t *fits = fits_of(&run, 4), *fit;
  size_t i, fitted = 0;
  json_array_foreach(fits, i, fit)
  {
    ck_assert(is(fit, "versus", "rho"));
    struct fit found = {number_or_nan(fit, "slope"), number_or_nan(fit, "slope_se"), 0};
    if (3 - number_or_nan(fit, "unresolved") < 3) {
      ck_assert(json_is_null(json_object_get(fit, "slope")));
      continue;
    }
    double beta = 1 + number_or_nan(fit, "sde_index");
    ck_assert_int_eq(judgement_slope(found.slope, fit_half(found, 4), beta, 0.1 * beta), HOLDS_YES);
    ck_assert_int_eq(judgement_slope(found.slope, fit_half(found, 4), 3 - beta, 0.1), HOLDS_NO);
    fitted++;
  }
  ck_assert_uint_ge(fitted, 2);
  outcome_free(&run);
}
END_TEST

static const struct {
  const char *file, *override, *sentence;
} refused[] = {
    {valley, "rho=[0.1, 0.2, 0.3]", "rho lacks 0"},
    {valley, "rho=0.1", "eta must be a list"},
    {valley, "optimizers=[{name: sgd}]", "no optimizer here depends on rho"},
    {valley, "sde=[]", "needs an sde"},
};

START_TEST(refusals)
{
  const char *override[] = {refused[_i].override, "paths=64"};
  struct outcome run = run_order(refused[_i].file, 2, override);
  ck_assert_int_eq(run.status.code, SDE_INVALID);
  ck_assert_ptr_nonnull(strstr(run.status.message, refused[_i].sentence));
  outcome_free(&run);
}
END_TEST

/* How many verdicts whose claim has these words came out so. */
struct tally {
  size_t yes, no, open;
};

static struct tally count_verdicts(const struct outcome *run, const char *words)
{
  struct tally tally = {0, 0, 0};
  const json_t *verdicts = results_verdicts(run->results);
  for (size_t i = 0; i < json_array_size(verdicts); i++) {
    const json_t *verdict = json_array_get(verdicts, i);
    if (strstr(verdict_text(verdict, "claim"), words) == NULL)
      continue;
    tally.yes += verdict_holds(verdict) == HOLDS_YES;
    tally.no += verdict_holds(verdict) == HOLDS_NO;
    tally.open += verdict_holds(verdict) == HOLDS_UNDECIDED;
  }
  return tally;
}

static const char falls[] = "falls like", stays[] = "does not go to zero";
static const char data[] = "loss.data=data/quadratic4.csv";

static void assert_tally(struct tally tally, size_t yes, size_t no, size_t open)
{
  ck_assert_msg(tally.yes == yes && tally.no == no && tally.open == open,
                "%zu hold, %zu fail, %zu are open", tally.yes, tally.no, tally.open);
}

/* Five variants; for all but sgd, SDE 2 lacks the terms in rho. */
START_TEST(golden_verdicts)
{
  const char *override[] = {data};
  struct outcome run = run_order(golden, 1, override);
  assert_tally(count_verdicts(&run, stays), 4, 0, 0);
  assert_tally(count_verdicts(&run, falls), 11, 0, 0);
  assert_tally(count_verdicts(&run, "SDE 1: the error falls like eta^2"), 5, 0, 0);
  outcome_free(&run);
}
END_TEST

/* With rho next to nothing nothing can stay. Where eta is not small enough either to show how the
 * error falls, right theory must not fail. */
START_TEST(verdicts_without_effect)
{
  static const char *const coarse[][3] = {{"eta=[0.8, 0.4, 0.2]", "time=8", "rho=1e-9"},
                                          {"eta=[0.4, 0.2, 0.1]", "time=2", "rho=1e-9"},
                                          {"eta=[0.2, 0.1, 0.05]", "time=8", "rho=1e-9"},
                                          {"eta=[10, 20, 5]", "time=200", "rho=0.1"}};
  for (size_t i = 0; i < sizeof coarse / sizeof *coarse; i++) {
    const char *override[] = {data, coarse[i][0], coarse[i][1], coarse[i][2]};
    struct outcome run = run_order(golden, 4, override);
    ck_assert_uint_eq(count_verdicts(&run, stays).yes, 0);
    if (i < 3)
      ck_assert_uint_eq(count_verdicts(&run, falls).no, 0);
    outcome_free(&run);
  }
  const char *fine[] = {data, "rho=1e-9"};
  struct outcome run = run_order(golden, 2, fine);
  assert_tally(count_verdicts(&run, stays), 0, 4, 0);
  assert_tally(count_verdicts(&run, falls), 11, 0, 0);
  outcome_free(&run);
}
END_TEST

static void become_sgd(struct cases *cases)
{
  for (size_t i = 0; i < cases->count; i++)
    cases->one[i].optimizer.rule = gradient_rule_named("sgd");
}

/* The twin's iterates are those of sgd, its SDE is that of usam. */
START_TEST(wrong_iterates_are_noticed)
{
  const char *override[] = {data, "optimizers=[{name: usam}]", "sde=[{rho_order: exact}]"};
  struct outcome run = run_order(golden, 3, override);
  assert_tally(count_verdicts(&run, falls), 1, 0, 0);
  outcome_free(&run);
  run = run_twin(golden, 3, override, become_sgd);
  assert_tally(count_verdicts(&run, falls), 0, 1, 0);
  outcome_free(&run);
}
END_TEST

/* At this eta the error at rho = 0 is above what rho adds, and without it subtracted the slope
 * would be far from 1. */
START_TEST(floor_is_subtracted)
{
  const char *override[] = {data, "optimizers=[{name: m-usam, micro_batch: 1}]", "eta=0.0625",
                            "rho=[0, 0.001, 0.002, 0.004, 0.008]", "sde=[{rho_order: 0}]"};
  struct outcome run = run_order(golden, 5, override);
  json_t *fits = fits_of(&run, 4), *fit;
  size_t i;
  json_array_foreach(fits, i, fit)
  {
    const json_t *point = json_array_get(json_object_get(fit, "points"), 0);
    ck_assert_double_eq_tol(number_or_nan(fit, "slope"), 1, 0.05);
    ck_assert_double_gt(fabs(number_or_nan(point, "floor")), number_or_nan(point, "error"));
  }
  assert_tally(count_verdicts(&run, "falls like rho^1"), 1, 0, 0);
  outcome_free(&run);
}
END_TEST

/* With one substep Euler-Maruyama errs by as much as the iterates do: beyond the sampling error,
 * at the largest eta, and still that point is not fitted. Against eta nothing falls here, for the
 * part of order rho^2 stays, and the claim reserves it. */
START_TEST(scheme_error_is_heeded)
{
  const char *override[] = {"paths=5000", "eta=[0.2, 0.1, 0.05]", "rho=0.03", "time=0.4",
                            "sde=[{eta_order: 1, rho_order: 1, substeps: 1}]"};
  struct outcome run = run_order(valley, 5, override);
  json_t *fits = fits_of(&run, 2), *fit, *point;
  size_t i, k, hidden = 0;
  json_array_foreach(fits, i, fit) json_array_foreach(json_object_get(fit, "points"), k, point)
  {
    bool beyond = number_or_nan(point, "error") > 4 * number_or_nan(point, "se");
    if (number_or_nan(point, "error") > number_or_nan(point, "scheme_error"))
      continue;
    hidden += beyond;
    ck_assert(json_is_false(json_object_get(point, "resolved")));
  }
  ck_assert_uint_ge(hidden, 1);
  assert_tally(count_verdicts(&run, falls), 0, 0, 1);
  outcome_free(&run);
}
END_TEST

/* Means of |error| and se of the point at the largest eta under Gaussian noise. */
static void gaussian_point(const char *factor, double *error, double *se)
{
  const char *override[] = {"paths=2000", "eta=[0.1, 0.05, 0.025]",     "rho=0.05",
                            "time=0.4",   "noise={sampling: gaussian}", factor};
  struct outcome run = run_order(valley, 6, override);
  json_t *point = json_array_get(json_object_get(json_array_get(fits_of(&run, 2), 0), "points"), 2);
  ck_assert_double_eq(number_or_nan(point, "eta"), 0.1);
  *error = number_or_nan(point, "error");
  *se = number_or_nan(point, "se");
  outcome_free(&run);
}

/* Where iterates and SDE share their Brownian paths, the standard error is that of the differences
 * path by path; by Cholesky they cannot share them. Both see the same error. */
START_TEST(differences_are_paired)
{
  double paired, paired_se, apart, apart_se;
  gaussian_point("sde=[{eta_order: 1, rho_order: 1, substeps: 16, noise_factor: columns}]", &paired,
                 &paired_se);
  gaussian_point("sde=[{eta_order: 1, rho_order: 1, substeps: 16, noise_factor: cholesky}]", &apart,
                 &apart_se);
  ck_assert_double_lt(paired_se, apart_se / 3);
  ck_assert_double_lt(fabs(paired - apart), 4 * hypot(paired_se, apart_se));
}
END_TEST

/* x1^2, x1^3 and |x1|. */
static void *no_workspace(const void *context, size_t width)
{
  (void)context;
  (void)width;
  return NULL;
}

static void free_nothing(void *workspace)
{
  (void)workspace;
}

static void evaluate_powers(const void *context, void *workspace, size_t width, const double *x,
                            double *out)
{
  (void)context;
  (void)workspace;
  for (size_t p = 0; p < width; p++) {
    out[p] = x[p] * x[p];
    out[width + p] = x[p] * x[p] * x[p];
    out[2 * width + p] = fabs(x[p]);
  }
}

START_TEST(oracle_takes_quadratics_only)
{
  struct sde_observables powers = {.count = 3,
                                   .workspace_new = no_workspace,
                                   .workspace_free = free_nothing,
                                   .evaluate = evaluate_powers};
  const char *override[] = {data}, *why;
  struct outcome run = run_order(golden, 1, override);
  struct cases cases = *run.cases;
  cases.observables = &powers;
  struct oracle *oracle = case_oracle_new(&cases, &cases.one[0], CASE_ITERATES, &why);
  ck_assert_ptr_nonnull(oracle);
  ck_assert_double_eq_tol(oracle_mean(oracle, 0), pow(run.cases->start[0], 2), 1e-12);
  ck_assert(isnan(oracle_mean(oracle, 1)));
  ck_assert(isnan(oracle_mean(oracle, 2)));
  oracle_free(oracle);
  outcome_free(&run);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("order");
  TCase *study = testing_case(suite, "study"), *verdicts = testing_case(suite, "verdicts");
  tcase_add_test(study, exact_slopes);
  tcase_add_test(study, without_variance_term);
  tcase_add_test(study, slopes_against_rho);
  tcase_add_loop_test(study, refusals, 0, sizeof refused / sizeof *refused);
  tcase_add_test(verdicts, golden_verdicts);
  tcase_add_test(verdicts, verdicts_without_effect);
  tcase_add_test(verdicts, wrong_iterates_are_noticed);
  tcase_add_test(verdicts, floor_is_subtracted);
  tcase_add_test(verdicts, scheme_error_is_heeded);
  tcase_add_test(verdicts, differences_are_paired);
  tcase_add_test(verdicts, oracle_takes_quadratics_only);
  return testing_run(suite);
}
