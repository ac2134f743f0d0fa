/*
 * The study `order`, run on recipes: slopes of exact errors on the golden quadratics, errors that
 * do not go to zero, slopes against rho by simulation; and its fits against known power laws.
 */
#include "experiments/cases.h"
#include "experiments/fit.h"
#include "experiments/results.h"
#include "experiments/study.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

/* A finished run; sentences are in `status` where there are no results. */
struct order_run {
  struct recipe *recipe;
  struct cases *cases;
  struct results *results;
  struct sde_status status;
};

static struct order_run run_order(const char *file, size_t overrides, const char *const *override)
{
  struct order_run run = {.status = {SDE_OK, ""}};
  run.recipe = recipe_read(file, overrides, override, &run.status);
  ck_assert_msg(run.recipe != NULL, "%s", run.status.message);
  run.cases = cases_new(run.recipe, &run.status);
  ck_assert_msg(run.cases != NULL, "%s", run.status.message);
  run.results = results_new(run.recipe);
  run.recipe->study->run(run.recipe, 0, NULL, run.cases, run.results, &run.status);
  return run;
}

static void free_run(struct order_run *run)
{
  results_free(run->results);
  cases_free(run->cases);
  recipe_free(run->recipe);
}

static json_t *fits_of(const struct order_run *run, size_t least)
{
  ck_assert_msg(run->status.code == SDE_OK, "%s", run->status.message);
  json_t *fits = json_object_get(results_summary(run->results), "fits");
  ck_assert_uint_ge(json_array_size(fits), least);
  return fits;
}

static double number(const json_t *fit, const char *name)
{
  const json_t *value = json_object_get(fit, name);
  return json_is_number(value) ? json_number_value(value) : NAN;
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
  struct order_run run = run_order(golden, 2, override);
  json_t *fits = fits_of(&run, 5 * 3 * 4), *fit;
  size_t i;
  json_array_foreach(fits, i, fit)
  {
    double slope = number(fit, "slope");
    int sde = (int)number(fit, "sde_index");
    ck_assert(json_is_true(json_object_get(fit, "exact")));
    ck_assert(number(fit, "unresolved") == 0);
    if (sde == 2 && !is(fit, "optimizer", "sgd"))
      ck_assert_double_lt(slope, 0.5);
    else {
      int order = sde == 1 ? 2 : 1;
      ck_assert_double_eq_tol(slope, order, 0.05 * order);
      ck_assert_int_eq(fit_judge(slope, 0, order, 0.1 * order), HOLDS_YES);
      ck_assert_int_eq(fit_judge(slope, 0, 3 - order, 0.1 * (3 - order)), HOLDS_NO);
    }
  }
  free_run(&run);
}
END_TEST

/* Without the variance term the error stays; with it (rho_order 1) it falls on. */
START_TEST(without_variance_term)
{
  const char *override[] = {"loss.data=data/quadratic4.csv",
                            "sde=[{rho_order: 1}, {rho_order: 1, variance_term: false}]",
                            "optimizers=[{name: m-usam, micro_batch: 1}]"};
  struct order_run run = run_order(golden, 3, override);
  json_t *fits = fits_of(&run, 8), *fit;
  size_t i;
  json_array_foreach(fits, i, fit)
  {
    double slope = number(fit, "slope");
    if (number(fit, "sde_index") == 0)
      ck_assert_double_gt(slope, 0.9);
    else
      ck_assert_double_lt(slope, 0.5);
  }
  free_run(&run);
}
END_TEST

/* Slopes 1 and 2 within their intervals; what is not resolved has no slope. */
START_TEST(slopes_against_rho)
{
  const char *override[] = {"paths=5000", "rho=[0, 0.0025, 0.005, 0.01]"};
  struct order_run run = run_order(valley, 2, override);
  json_t *fits = fits_of(&run, 4), *fit;
  size_t i, fitted = 0;
  json_array_foreach(fits, i, fit)
  {
    ck_assert(is(fit, "versus", "rho"));
    struct fit found = {number(fit, "slope"), number(fit, "slope_se"), 0};
    if (3 - number(fit, "unresolved") < 3) {
      ck_assert(json_is_null(json_object_get(fit, "slope")));
      continue;
    }
    double beta = 1 + number(fit, "sde_index");
    ck_assert_int_eq(fit_judge(found.slope, fit_half(found, 4), beta, 0.1 * beta), HOLDS_YES);
    ck_assert_int_eq(fit_judge(found.slope, fit_half(found, 4), 3 - beta, 0.1), HOLDS_NO);
    fitted++;
  }
  ck_assert_uint_ge(fitted, 2);
  free_run(&run);
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
  struct order_run run = run_order(refused[_i].file, 2, override);
  ck_assert_int_eq(run.status.code, SDE_INVALID);
  ck_assert_ptr_nonnull(strstr(run.status.message, refused[_i].sentence));
  free_run(&run);
}
END_TEST

START_TEST(power_laws)
{
  const double x[] = {1, 2, 4, 8}, none[4] = {0}, se[] = {0.3, 0.3, 0.3, 0.3};
  const double error[] = {3, 12, 48, 192};
  struct fit exact = fit_power(4, x, error, none, 0), sampled = fit_power(4, x, error, se, 0);
  ck_assert_double_eq_tol(exact.slope, 2, 1e-12);
  ck_assert_double_lt(exact.se, 1e-7);
  ck_assert_double_eq_tol(sampled.slope, 2, 1e-12);
  ck_assert_double_gt(sampled.se, 0);
  ck_assert_double_gt(fit_power(4, x, error, se, 0.5).se, sampled.se);
  ck_assert(isnan(fit_power(2, x, error, se, 0).slope));
  ck_assert_int_eq(fit_judge(NAN, NAN, 2, 0.2), HOLDS_UNDECIDED);
  ck_assert_int_eq(fit_judge(2, 0.7, 2, 0.2), HOLDS_UNDECIDED);
}
END_TEST

/* An error of the number subtracted from all of them moves the slope by as much as its standard
 * error says. */
START_TEST(common_error)
{
  const double x[] = {1, 2, 4}, error[] = {1, 2, 4}, se[] = {1e-6, 1e-6, 1e-6};
  const double shift = 1e-4, shifted[] = {1 + shift, 2 + shift, 4 + shift};
  double moved = fit_power(3, x, shifted, se, 0).slope - fit_power(3, x, error, se, 0).slope;
  struct fit fit = fit_power(3, x, error, se, shift);
  ck_assert_double_eq_tol(fit.se / fabs(moved), 1, 0.01);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("order");
  TCase *fits = testing_case(suite, "fits"), *study = testing_case(suite, "study");
  tcase_add_test(fits, power_laws);
  tcase_add_test(fits, common_error);
  tcase_add_test(study, exact_slopes);
  tcase_add_test(study, without_variance_term);
  tcase_add_test(study, slopes_against_rho);
  tcase_add_loop_test(study, refusals, 0, sizeof refused / sizeof *refused);
  return testing_run(suite);
}
