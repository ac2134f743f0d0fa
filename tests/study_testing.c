/*
 * Running a study in a test: see study_testing.h.
 */
#include "tests/study_testing.h"

#include "experiments/studies/studies.h"
#include "tests/testing.h"

#include <math.h>

struct outcome outcome_prepare(const char *file, size_t count, const char *const *overrides)
{
  struct outcome outcome = {.status = {SDE_OK, ""}};
  outcome.recipe = recipe_read(file, study_types(), count, overrides, &outcome.status);
  ck_assert_msg(outcome.recipe != NULL, "%s", outcome.status.message);
  outcome.cases = cases_new(outcome.recipe, &outcome.status);
  ck_assert_msg(outcome.cases != NULL, "%s", outcome.status.message);
  outcome.results = results_new(outcome.recipe);
  return outcome;
}

void outcome_run(struct outcome *outcome, int threads)
{
  outcome->good = outcome->recipe->study->run(outcome->recipe, threads, NULL, outcome->cases,
                                              outcome->results, &outcome->status);
  outcome->rows = json_object_get(results_summary(outcome->results), "rows");
}

void outcome_free(struct outcome *outcome)
{
  results_free(outcome->results);
  cases_free(outcome->cases);
  recipe_free(outcome->recipe);
}

void outcome_check_threads(struct outcome (*run)(const char *seed, int threads))
{
  struct outcome one = run("seed=1", 1), three = run("seed=1", 3), other = run("seed=2", 1);
  ck_assert(json_equal(one.rows, three.rows));
  ck_assert(!json_equal(one.rows, other.rows));
  outcome_free(&one);
  outcome_free(&three);
  outcome_free(&other);
}

double number(const json_t *object, const char *name)
{
  json_t *value = json_object_get(object, name);
  ck_assert_msg(json_is_number(value), "%s is no number", name);
  return json_number_value(value);
}

double number_or_nan(const json_t *object, const char *name)
{
  const json_t *value = json_object_get(object, name);
  return json_is_number(value) ? json_number_value(value) : NAN;
}
