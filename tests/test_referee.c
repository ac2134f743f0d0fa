/*
 * The referee: terms that are planted are found and named with their coefficients, alone and
 * together, and noise is not; SDEs that belong to an algorithm pass on two problems of different
 * dimension, and those that do not are found out by what they lack.
 */
#include "analysis/referee.h"
#include "experiments/cases/cases.h"
#include "experiments/recipe/study.h"
#include "experiments/results/results.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

/* ---- the dictionary ---- */

enum { ROWS = 30, TERMS = REFEREE_TERMS };

/* Terms that differ, and noise. */
static void make_terms(double term[TERMS * ROWS], double noise[ROWS])
{
  for (size_t k = 0; k < TERMS; k++)
    for (size_t i = 0; i < ROWS; i++)
      term[k * ROWS + i] = sin(1.3 * (double)((k + 1) * (i + 2)) + (double)k);
  for (size_t i = 0; i < ROWS; i++)
    noise[i] = sin(17.1 * (double)(i * i + 1));
}

START_TEST(a_planted_term_is_named)
{
  double term[TERMS * ROWS], noise[ROWS], mismatch[ROWS];
  static const double planted[] = {1, 2, -0.37};
  size_t collinear, of = (size_t)_i / 3;
  struct referee_missing missing[3];
  make_terms(term, noise);
  for (size_t i = 0; i < ROWS; i++)
    mismatch[i] = planted[_i % 3] * (term[of * ROWS + i] + 1e-3 * noise[i]);
  ck_assert_uint_eq(referee_find(ROWS, mismatch, term, 3, missing, &collinear), 1);
  ck_assert_uint_eq(missing[0].term, of);
  ck_assert_double_gt(missing[0].se, 0);
  ck_assert_double_lt(fabs(missing[0].coefficient - planted[_i % 3]), 5 * missing[0].se);
  ck_assert_double_gt(missing[0].explained, 0.9999);
  ck_assert_uint_eq(collinear, TERMS);
}
END_TEST

START_TEST(two_planted_terms_are_named)
{
  double term[TERMS * ROWS], noise[ROWS], mismatch[ROWS];
  size_t collinear;
  struct referee_missing missing[3];
  make_terms(term, noise);
  for (size_t i = 0; i < ROWS; i++)
    mismatch[i] = term[1 * ROWS + i] - 0.5 * term[5 * ROWS + i];
  ck_assert_uint_eq(referee_find(ROWS, mismatch, term, 3, missing, &collinear), 2);
  ck_assert_uint_eq(missing[0].term, 1);
  ck_assert_uint_eq(missing[1].term, 5);
  ck_assert_double_eq_tol(missing[0].coefficient, 1, 1e-12);
  ck_assert_double_eq_tol(missing[1].coefficient, -0.5, 1e-12);
}
END_TEST

/* Two terms that are one: one is named, and the other beside it. A mismatch that is none of them is
 * not explained. */
START_TEST(what_cannot_be_told_is_said)
{
  double term[TERMS * ROWS], noise[ROWS];
  size_t collinear;
  struct referee_missing missing[3];
  make_terms(term, noise);
  for (size_t i = 0; i < ROWS; i++)
    term[4 * ROWS + i] = 3 * term[2 * ROWS + i];
  ck_assert_uint_eq(referee_find(ROWS, term + 2 * ROWS, term, 3, missing, &collinear), 1);
  ck_assert_uint_eq(missing[0].term + collinear, 6);
  size_t count = referee_find(ROWS, noise, term, 3, missing, &collinear);
  ck_assert_double_lt(missing[count - 1].explained, 0.9);
}
END_TEST

/* ---- the study ---- */

/* A recipe of two parameters, and one of six with a loss that is not quadratic. */
static const struct problem {
  const char *recipe;
  const char *override[5];
  double tolerance;
} problems[] = {
    {"golden",
     {"eta=0.1", "rho=0.1", "batch=4", "study=referee", "loss.data=data/quadratic4.csv"},
     1e-9},
    {"breast-cancer",
     {"eta=0.1", "rho=0.01", "batch=4", "study=referee", "loss.data=data/breast_cancer.csv"},
     0.05}};

/* What is offered for m-usam with m = 1, and what it lacks: coefficients by terms. */
static const struct offer {
  const char *sde;
  bool drift, diffusion; /* do the claims hold? */
  double lacks[REFEREE_TERMS];
} offers[] = {
    {"sde=[{rho_order: 1}]", true, true, {0}},
    {"sde=[{rho_order: exact}]", true, true, {0}},
    {"sde=[{rho_order: exact, eta_order: 2}]", true, true, {0}},
    {"sde=[{rho_order: 1, variance_term: false}]", false, true, {0, 1}},
    {"sde=[{rho_order: 1, of: n-usam}]", false, true, {0, 1}},
    {"sde=[{rho_order: 1, of: usam}]", false, true, {0, 0.75}},
    {"sde=[{rho_order: 0}]", true, true, {1, 1}},
    {"sde=[{rho_order: 1, of: f-usam}]", false, true, {1}},
    {"sde=[{rho_order: 1, of: sgd}]", false, true, {1, 1}},
    {"sde=[{rho_order: 1, noise: false}]", true, false, {0}},
};
enum { OFFERS = sizeof offers / sizeof *offers, PROBLEMS = sizeof problems / sizeof *problems };

static bool holds(const struct outcome *outcome, const char *part)
{
  const json_t *verdicts = results_verdicts(outcome->results);
  size_t found = 0;
  bool held = false;
  for (size_t i = 0; i < json_array_size(verdicts); i++) {
    const json_t *verdict = json_array_get(verdicts, i);
    if (strstr(json_string_value(json_object_get(verdict, "claim")), part) == NULL)
      continue;
    found++;
    held = json_is_true(json_object_get(verdict, "holds"));
    ck_assert(held || json_is_false(json_object_get(verdict, "holds")));
  }
  ck_assert_uint_eq(found, 1);
  return held;
}

START_TEST(offers_are_judged)
{
  const struct problem *problem = &problems[_i / OFFERS];
  const struct offer *offer = &offers[_i % OFFERS];
  char *file = sde_format("experiments/recipes/%s.yaml", problem->recipe);
  const char *override[] = {problem->override[0],
                            problem->override[1],
                            problem->override[2],
                            problem->override[3],
                            problem->override[4],
                            "optimizers=[{name: m-usam, micro_batch: 1}]",
                            "noise={sampling: with-replacement}",
                            offer->sde};
  struct outcome outcome = outcome_prepare(file, sizeof override / sizeof *override, override);
  outcome_run(&outcome, 1);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  ck_assert_msg(holds(&outcome, "the drift is") == offer->drift, "%s: drift", offer->sde);
  ck_assert_msg(holds(&outcome, "the diffusion is") == offer->diffusion, "%s: diffusion",
                offer->sde);
  const json_t *missing = json_object_get(results_summary(outcome.results), "missing");
  double found[REFEREE_TERMS] = {0};
  for (size_t i = 0; i < json_array_size(missing); i++) {
    const json_t *row = json_array_get(missing, i);
    size_t k = 0;
    while (strcmp(referee_term_names[k], json_string_value(json_object_get(row, "term"))) != 0)
      k++;
    found[k] = json_real_value(json_object_get(row, "coefficient"));
  }
  for (size_t k = 0; k < REFEREE_TERMS; k++)
    ck_assert_msg(fabs(found[k] - offer->lacks[k]) <= problem->tolerance, "%s: %s is %g, not %g",
                  offer->sde, referee_term_names[k], found[k], offer->lacks[k]);
  outcome_free(&outcome);
  sde_free(file);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("referee");
  TCase *dictionary = testing_case(suite, "dictionary");
  tcase_add_loop_test(dictionary, a_planted_term_is_named, 0, 3 * TERMS);
  tcase_add_test(dictionary, two_planted_terms_are_named);
  tcase_add_test(dictionary, what_cannot_be_told_is_said);
  TCase *study = testing_case(suite, "study");
  tcase_add_loop_test(study, offers_are_judged, 0, PROBLEMS * OFFERS);
  return testing_run(suite);
}
