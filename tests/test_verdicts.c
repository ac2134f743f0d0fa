/*
 * Verdicts on whole recipes whose numbers are right: none may fail; and their like that are wrong,
 * of which none may hold. Each recipe of tests/verdicts says what it is; overrides make others of
 * its kind. Run from the root of the project.
 */
#define _DEFAULT_SOURCE
#include "analysis/stability.h"
#include "experiments/studies/stability_report.h"
#include "experiments/studies/studies.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tally {
  size_t yes, no, open;
};

/* The verdicts whose claim has these words. */
static struct tally tally_of(const struct outcome *outcome, const char *words)
{
  struct tally tally = {0, 0, 0};
  size_t i;
  json_t *verdict;
  json_array_foreach(json_object_get(results_summary(outcome->results), "verdicts"), i, verdict)
  {
    const json_t *holds = json_object_get(verdict, "holds");
    if (strstr(json_string_value(json_object_get(verdict, "claim")), words) == NULL)
      continue;
    tally.yes += json_is_true(holds);
    tally.no += json_is_false(holds);
    tally.open += json_is_null(holds);
  }
  return tally;
}

/* The summary holds the verdicts only once it is written. */
static void write(const struct outcome *outcome)
{
  struct sde_status status = {SDE_OK, ""};
  char directory[] = "/tmp/sharpsde-verdicts-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(directory));
  ck_assert_msg(results_write(outcome->results, directory, &status), "%s", status.message);
  char *remove_all = sde_format("rm -r %s", directory);
  ck_assert_int_eq(system(remove_all), 0);
  sde_free(remove_all);
}

static struct outcome run(const char *name, const char *const *override)
{
  size_t count = 0;
  while (count < 6 && override[count] != NULL)
    count++;
  char *file = sde_format("tests/verdicts/%s.yaml", name);
  struct outcome outcome = outcome_prepare(file, count, override);
  sde_free(file);
  outcome_run(&outcome, 0);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  write(&outcome);
  return outcome;
}

/* Right recipes: no verdict with these words fails, and so many hold. */
static const struct {
  const char *name, *words, *override[7];
  size_t least; /* that hold */
} right[] = {
    /* An error that falls faster than eta, or changes its sign, is bounded by eta. */
    {"falls-faster", "falls like", {NULL}, 1},
    {"falls-faster", "falls like", {"seed=2", "eta=[0.1, 0.05]"}, 1},
    {"falls-faster", "falls like", {"seed=3", "eta=[0.25, 0.125]", "observables=[loss]"}, 0},
    {"falls-faster", "falls like", {"seed=4", "optimizers=[{name: sgd}, {name: n-usam}]"}, 2},
    {"anisotropic", "", {"paths=500"}, 10},
    {"anisotropic", "", {"paths=500", "eta=[0.2, 0.1]", "time=1", "seed=2"}, 10},
    {"finite-sum", "", {"paths=500"}, 28},
    {"finite-sum", "falls like", {"paths=100", "seed=5", "eta=[0.05, 0.025]"}, 7},
    {"one-dimension", "", {"paths=2000"}, 0},
    {"one-dimension", "", {"paths=2000", "seed=2", "start=[1.5]"}, 0},
    /* Without a variance there is no standard error to judge by. */
    {"student-t", "iterates have the exact mean", {NULL}, 0},
    {"student-t", "iterates have the exact mean", {"seed=7", "noise.degrees_of_freedom=3.5"}, 0},
    {"student-t", "", {"seed=9", "noise.degrees_of_freedom=2.5", "observables=[loss]"}, 0},
    /* A remainder of order rho^2 denies no coefficient. */
    {"remainder", "", {"paths=4000", "rho=0.2"}, 0},
    {"remainder", "", {"paths=4000", "rho=0.3", "seed=2"}, 0},
    {"remainder", "", {"paths=20000", "rho=0.01", "seed=3"}, 1},
    /* No long time of many is seen. */
    {"skewed", "exact mean", {NULL}, 0},
    {"skewed", "exact mean", {"seed=11"}, 0},
    {"skewed", "exact mean", {"seed=5", "paths=150"}, 0},
    {"tail", "", {NULL}, 0},
    {"saddle-exit", "", {"paths=100"}, 0},
};

START_TEST(right_recipes_do_not_fail)
{
  struct outcome outcome = run(right[_i].name, right[_i].override);
  struct tally tally = tally_of(&outcome, right[_i].words);
  ck_assert_msg(tally.no == 0 && tally.yes >= right[_i].least, "%s: %zu hold, %zu fail, %zu open",
                right[_i].name, tally.yes, tally.no, tally.open);
  outcome_free(&outcome);
}
END_TEST

/* The twins: iterates that are those of sgd, beside the SDEs of m-usam. By exact means at smaller
 * eta, and by simulated ones at three. */
START_TEST(wrong_iterates_fail)
{
  static const char *const override[][4] = {
      {"paths=100", "optimizers=[{name: m-usam, micro_batch: 1}]", "eta=[0.1, 0.05]", "rho=0.1"},
      {"paths=100", "optimizers=[{name: usam}]", "eta=[0.05, 0.025]", "rho=0.3"},
      {"paths=100", "optimizers=[{name: n-usam}]", "eta=0.05", "rho=0.2"}};
  for (size_t k = 0; k < 3; k++) {
    struct outcome outcome = outcome_prepare("tests/verdicts/finite-sum.yaml", 4, override[k]);
    for (size_t i = 0; i < outcome.cases->count; i++)
      outcome.cases->one[i].optimizer.rule = gradient_rule_named("sgd");
    outcome_run(&outcome, 0);
    write(&outcome);
    struct tally falls = tally_of(&outcome, "iterates and SDE 0 falls like");
    ck_assert_uint_eq(falls.yes, 0);
    ck_assert_uint_eq(falls.no, k < 2);
    outcome_free(&outcome);
  }
}
END_TEST

/* A mean that rests on a tail that still changes is not told, of iterates and in two dimensions;
 * one that is extrapolated says so, and one that is complete does not. */
START_TEST(censored_means_are_marked)
{
  static const char *const none[] = {NULL};
  static const char *const other[] = {"seed=8", "paths=600", NULL};
  static const char *const single[] = {"boundary=0.45", "time=0.4", NULL};
  for (int k = 0; k < 2; k++) {
    struct outcome outcome = run("tail", k == 0 ? none : other);
    for (size_t i = 0; i < 2; i++) {
      const json_t *row = json_array_get(outcome.rows, i);
      ck_assert(json_is_null(json_object_get(row, "mean")));
      ck_assert(json_is_false(json_object_get(row, "extrapolated")));
      ck_assert_double_gt(number(row, "restricted_mean"), 0);
    }
    outcome_free(&outcome);
  }
  struct outcome outcome = run("tail", single);
  const json_t *row = json_array_get(outcome.rows, 1);
  ck_assert_int_eq(json_is_true(json_object_get(row, "extrapolated")),
                   !json_is_null(json_object_get(row, "mean")) && number(row, "censored") > 0);
  outcome_free(&outcome);
}
END_TEST

/* eta lambda (1 + rho lambda) by hand, and what the report warns of. */
START_TEST(stability_is_told)
{
  static const struct {
    const char *name, *override, *warning;
  } told[] = {{"unstable", "paths=64", "the iterates explode"},
              {"unstable", "eta=0.2", NULL},
              {"unstable", "rho=1.5", "the iterates explode"},
              {"himmelblau", "paths=64", "turns saddles and maxima"},
              {"himmelblau", "rho=0.05", "turns saddles and maxima"},
              {"himmelblau", "rho=0.001", NULL}};
  for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
    char *file = sde_format("tests/verdicts/%s.yaml", told[i].name);
    struct outcome outcome = outcome_prepare(file, 1, &told[i].override);
    stability_report(outcome.results, outcome.cases);
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    results_print_warnings(outcome.results, stream);
    fclose(stream);
    if (told[i].warning == NULL)
      ck_assert_msg(text[0] == '\0', "%s: %s", told[i].override, text);
    else
      ck_assert_msg(strstr(text, told[i].warning) != NULL, "%s: %s", told[i].override, text);
    free(text);
    sde_free(file);
    outcome_free(&outcome);
  }
  struct outcome outcome = outcome_prepare("tests/verdicts/unstable.yaml", 0, NULL);
  const struct run_case *usam = &outcome.cases->one[1];
  struct stability at = stability_at(&usam->optimizer, usam->start);
  ck_assert_double_eq_tol(at.largest, 4, 1e-12);
  ck_assert_double_eq_tol(at.step, 0.6 * 4 * 1.4, 1e-12);
  ck_assert_double_eq(at.turning, 0);
  outcome_free(&outcome);
}
END_TEST

/* No claim about eta -> 0 holds where the iterates explode at the eta of the recipe. */
START_TEST(where_iterates_explode_no_order_holds)
{
  static const char *const two[] = {"eta=[0.6, 0.55]", "time=6.6", "paths=64", NULL};
  struct outcome outcome = run("unstable", two);
  ck_assert_uint_eq(tally_of(&outcome, "falls like").yes, 0);
  outcome_free(&outcome);
}
END_TEST

/* ---- what is said first ---- */

static const json_t *sharpness_row(const struct outcome *outcome, const char *optimizer,
                                   const char *observable)
{
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(results_summary(outcome->results), "sharpness"), i, row)
  {
    if (strcmp(json_string_value(json_object_get(row, "optimizer")), optimizer) == 0 &&
        strcmp(json_string_value(json_object_get(row, "observable")), observable) == 0)
      return row;
  }
  ck_abort_msg("no difference of %s in %s", optimizer, observable);
}

/* Over m, tr V of the valley differs as is seen, exact means where they are known; the twin is SGD,
 * to which m is nothing: its interval holds 0. */
START_TEST(sharpness_is_told)
{
  static const char *const exact[] = {"paths=64", "eta=0.05", NULL};
  struct outcome outcome = run("finite-sum", exact);
  const json_t *row = sharpness_row(&outcome, "m-usam m=1", "noise-trace");
  ck_assert_double_eq(number(row, "half_interval"), 0);
  ck_assert_double_eq_tol(number(row, "difference"), -0.0128, 2e-4);
  ck_assert_str_eq(json_string_value(json_object_get(row, "beside")), "m-usam m=4");
  outcome_free(&outcome);
  for (int twin = 0; twin < 2; twin++) {
    const char *override[] = {"paths=400", "time=4", "records=2"};
    outcome = outcome_prepare("experiments/recipes/valley.yaml", 3, override);
    for (size_t i = 0; twin && i < outcome.cases->count; i++)
      outcome.cases->one[i].optimizer.rule = gradient_rule_named("sgd");
    outcome_run(&outcome, 0);
    size_t i, resolved = 0, told = 0;
    json_array_foreach(json_object_get(results_summary(outcome.results), "sharpness"), i, row)
    {
      told++;
      resolved += fabs(number(row, "difference")) > number(row, "half_interval");
    }
    if (twin)
      ck_assert_msg(resolved == 0, "%zu of %zu", resolved, told);
    else
      ck_assert_msg(resolved >= 4, "%zu of %zu", resolved, told);
    outcome_free(&outcome);
  }
}
END_TEST

/* An SDE that is far from the iterates is said so, with the factor; one that is near is not. */
START_TEST(large_differences_are_told)
{
  static const char *const few[] = {"paths=64", NULL}, *const stable[] = {"paths=64", "eta=0.1",
                                                                          NULL};
  struct outcome outcome = run("unstable", few);
  const json_t *large = json_object_get(results_summary(outcome.results), "large_differences");
  ck_assert_double_gt(number(large, "factor"), 1000);
  ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(large, "cause")), "explode"));
  outcome_free(&outcome);
  outcome = run("unstable", stable);
  ck_assert_ptr_null(json_object_get(results_summary(outcome.results), "large_differences"));
  outcome_free(&outcome);
}
END_TEST

/* ---- sweeps ---- */

START_TEST(duplicates_are_refused)
{
  static const struct {
    const char *override, *words;
  } twice[] = {{"eta=[0.1, 0.1]", "eta has"},
               {"rho=[0.1, 0.2, 0.1]", "rho has"},
               {"batch=[4, 4]", "batch has"},
               {"paths=[100, 100]", "paths has"},
               {"observables=[loss, x1, loss]", "'loss' stands there twice"},
               {"optimizers=[{name: m-usam, micro_batch: [2, 2]}]", "micro_batch has"},
               {"optimizers=[{name: sgd}, {name: sgd}]", "sgd twice"},
               {"optimizers=[{name: m-usam, micro_batch: [2, 1]}, {name: m-usam, micro_batch: 1}]",
                "m-usam m=1 twice"},
               {"sde=[{}, {rho_order: 1}]", "SDE 1 is SDE 0"}};
  for (size_t i = 0; i < sizeof twice / sizeof *twice; i++) {
    struct sde_status status = {SDE_OK, ""};
    struct recipe *recipe = recipe_read("tests/verdicts/anisotropic.yaml", study_types(), 1,
                                        &twice[i].override, &status);
    ck_assert_msg(recipe != NULL, "%s", status.message);
    struct cases *cases = cases_new(recipe, &status);
    ck_assert_ptr_null(cases);
    ck_assert_int_eq(status.code, SDE_INVALID);
    ck_assert_msg(strstr(status.message, twice[i].words) != NULL, "%s", status.message);
    recipe_free(recipe);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("verdicts");
  TCase *recipes = testing_case(suite, "recipes"), *others = testing_case(suite, "others");
  tcase_add_loop_test(recipes, right_recipes_do_not_fail, 0, sizeof right / sizeof *right);
  tcase_add_test(others, wrong_iterates_fail);
  tcase_add_test(others, censored_means_are_marked);
  tcase_add_test(others, stability_is_told);
  tcase_add_test(others, where_iterates_explode_no_order_holds);
  tcase_add_test(others, sharpness_is_told);
  tcase_add_test(others, large_differences_are_told);
  tcase_add_test(others, duplicates_are_refused);
  return testing_run(suite);
}
