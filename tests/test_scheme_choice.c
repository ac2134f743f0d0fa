/*
 * Tests of experiments/scheme_choice: what a pilot run chooses keeps its promise against exact
 * means, is a function of the recipe alone, and is made where it is asked for and nowhere else.
 */
#include "experiments/cases/scheme_choice.h"
#include "experiments/cases/scheme_trial.h"

#include "experiments/cases/case_analysis.h"
#include "experiments/cases/case_run.h"
#include "experiments/io/progress.h"
#include "experiments/studies/comparison.h"
#include "experiments/studies/studies.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

enum { OVERRIDES_MOST = 16 };

/* The golden recipe with these overrides, ended by NULL, and its data found. */
static struct recipe *read_golden(const char *const *override)
{
  const char *all[OVERRIDES_MOST] = {"loss.data=data/quadratic4.csv", "eta=0.1", "paths=20000"};
  size_t count = 3;
  while (*override != NULL)
    all[count++] = *override++;
  struct sde_status status = {SDE_OK, ""};
  struct recipe *recipe =
      recipe_read("experiments/recipes/golden.yaml", study_types(), count, all, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  return recipe;
}

/* What was said, and the choice in the recipe. */
static char *choose(struct recipe *recipe, int threads)
{
  struct sde_status status = {SDE_OK, ""};
  struct scheme_choice chosen;
  ck_assert_msg(scheme_choose(recipe, NULL, threads, NULL, &chosen, &status), "%s", status.message);
  return chosen.said;
}

static const char *const second_order[] = {"sde={eta_order: 2, rho_order: exact}",
                                           "optimizers=[{name: m-usam, micro_batch: [4, 1]}]",
                                           "observables=[loss, x1]", NULL};

/* The worst ratio of the reported scheme error to the standard error of a difference over all rows
 * at the end; and each mean of the SDE within 4 standard errors of the exact one: 4 rows, which
 * fail by chance with probability 3e-4. */
static double worst_ratio(struct recipe *recipe, bool near_exact)
{
  struct sde_status status = {SDE_OK, ""};
  struct cases *cases = cases_new(recipe, &status);
  ck_assert_msg(cases != NULL, "%s", status.message);
  double worst = 0;
  for (size_t i = 0; i < cases->count; i++) {
    const struct run_case *one = &cases->one[i];
    const uint64_t end = one->steps;
    struct case_result result = case_run(&(struct case_ensemble){
        .cases = cases, .one = one, .companions = true, .records = 1, .record_steps = &end});
    const char *why;
    struct oracle *oracle = case_oracle_new(cases, one, case_side_of_sde(0), &why);
    ck_assert_ptr_nonnull(oracle);
    oracle_advance(oracle, end);
    for (size_t o = 0; o < 2; o++) {
      struct sde_moments iterates = case_moments(&result, CASE_ITERATES, 0, o);
      struct sde_moments sde = case_moments(&result, case_side_of_sde(0), 0, o);
      struct sde_moments difference = case_companion_difference(&result, 0, 0, o);
      double se = sde_moments_standard_error(sde);
      double error = case_scheme_error(&one->sde[0], difference);
      if (near_exact)
        ck_assert_double_le(fabs(sde_moments_mean(sde) - oracle_mean(oracle, o)), 4 * se);
      worst = fmax(worst, error / hypot(se, sde_moments_standard_error(iterates)));
    }
    oracle_free(oracle);
    case_result_free(&result);
  }
  cases_free(cases);
  return worst;
}

/* The second-order scheme at a few substeps; Euler-Maruyama there misses the promise, and so would
 * a choice that did not look at the error. */
START_TEST(the_schemes_error_is_below_half_of_the_sampling_error)
{
  struct recipe *recipe = read_golden(second_order);
  char *said = choose(recipe, 0);
  ck_assert_str_eq(recipe->automatic.scheme->name, "weak-second-order");
  ck_assert_uint_le(recipe->automatic.substeps, 8);
  ck_assert_ptr_nonnull(strstr(said, "weak-second-order"));
  ck_assert_ptr_nonnull(strstr(said, "euler-maruyama would take"));
  ck_assert_double_le(worst_ratio(recipe, true), 0.5);
  recipe->automatic.scheme = sde_scheme_named("euler-maruyama");
  ck_assert_double_gt(worst_ratio(recipe, false), 1);
  sde_free(said);
  recipe_free(recipe);
}
END_TEST

/* A hundred times the paths ask for smaller errors; a pilot sees no more than a part of them. */
START_TEST(more_paths_need_more_substeps)
{
  const char *const few[] = {second_order[0], second_order[1], second_order[2], "paths=1000", NULL};
  struct recipe *recipe = read_golden(few), *larger = read_golden(second_order);
  char *said = choose(recipe, 1), *more_said = choose(larger, 2), *again;
  ck_assert_uint_lt(recipe->automatic.substeps, larger->automatic.substeps);
  struct recipe_scheme first = larger->automatic;
  larger->automatic = (struct recipe_scheme){sde_scheme_named("euler-maruyama"), 3};
  again = choose(larger, 1);
  ck_assert_str_eq(again, more_said);
  ck_assert_ptr_eq(first.scheme, larger->automatic.scheme);
  ck_assert_uint_eq(first.substeps, larger->automatic.substeps);
  sde_free(said), sde_free(more_said), sde_free(again);
  recipe_free(recipe), recipe_free(larger);
}
END_TEST

/* On additive noise with a linear drift the exact scheme wins, at one substep. */
START_TEST(the_exact_scheme_is_taken_where_it_can_be)
{
  const char *const gaussian[] = {"sde={eta_order: 1}", "optimizers=[{name: sgd}]",
                                  "noise={sampling: gaussian}", "paths=2000", NULL};
  struct recipe *recipe = read_golden(gaussian);
  char *said = choose(recipe, 0);
  ck_assert_str_eq(recipe->automatic.scheme->name, "exponential-euler");
  ck_assert_uint_eq(recipe->automatic.substeps, 1);
  sde_free(said);
  recipe_free(recipe);
}
END_TEST

/* What the recipe says stands: its scheme, and its substeps; other studies choose nothing. */
START_TEST(the_recipe_is_obeyed)
{
  static const char *const stated[][3] = {{"sde={scheme: milstein, substeps: 3}", "paths=200"},
                                          {"sde={scheme: euler-maruyama}", "paths=200"},
                                          {"sde={}", "study=trajectory"}};
  static const struct {
    const char *scheme;
    uint64_t substeps;
  } expected[] = {{"milstein", 3}, {"euler-maruyama", 16}, {"euler-maruyama", 16}};
  struct recipe *recipe = read_golden(stated[_i]);
  ck_assert_ptr_null(choose(recipe, 0));
  ck_assert_str_eq(recipe_scheme(recipe, 0).scheme->name, expected[_i].scheme);
  ck_assert_uint_eq(recipe_scheme(recipe, 0).substeps, expected[_i].substeps);
  recipe_free(recipe);
}
END_TEST

START_TEST(given_substeps_are_kept)
{
  const char *const given[] = {"sde={substeps: 6}", "optimizers=[{name: sgd}]", "paths=2000", NULL};
  struct recipe *recipe = read_golden(given);
  char *said = choose(recipe, 0);
  ck_assert_ptr_nonnull(said);
  ck_assert_ptr_nonnull(strstr(said, " with the substeps given: "));
  ck_assert_uint_eq(recipe_scheme(recipe, 0).substeps, 6);
  sde_free(said);
  recipe_free(recipe);
}
END_TEST

/* A system that draws fresh directions each step has weak order 1 under every scheme, so that only
 * the cheapest step can pay. */
START_TEST(systems_that_draw_get_the_cheapest_step)
{
  const char *const drawn[] = {"sde={rho_order: exact, directions: 2}",
                               "optimizers=[{name: m-usam, micro_batch: 1}]", "paths=1000", NULL};
  struct recipe *recipe = read_golden(drawn);
  char *said = choose(recipe, 0);
  ck_assert_str_eq(recipe->automatic.scheme->name, "euler-maruyama");
  ck_assert_uint_gt(recipe->automatic.substeps, 1);
  sde_free(said);
  recipe_free(recipe);
}
END_TEST

/* The full batch has no noise to hold the scheme's error against, which is no divergence. */
START_TEST(without_sampling_error_the_default_is_taken)
{
  const char *const full[] = {"noise={sampling: without-replacement}", "optimizers=[{name: sgd}]",
                              "sde={}", "paths=2000", NULL};
  struct recipe *recipe = read_golden(full);
  char *said = choose(recipe, 0);
  ck_assert_ptr_nonnull(strstr(said, "there is no sampling error"));
  ck_assert_ptr_null(strstr(said, "diverged"));
  ck_assert_uint_eq(recipe->automatic.substeps, SUBSTEPS_DEFAULT);
  sde_free(said);
  recipe_free(recipe);
}
END_TEST

/* What one SDE's own coarse substeps miss is not scaled away with the other's. */
START_TEST(given_substeps_do_not_mix_with_free_ones)
{
  const char *const mixed[] = {"sde=[{substeps: 1}, {}]", "optimizers=[{name: sgd}]", "paths=4000",
                               NULL};
  const char *const alone[] = {"sde={}", "optimizers=[{name: sgd}]", "paths=4000", NULL};
  struct recipe *one = read_golden(mixed), *other = read_golden(alone);
  char *said = choose(one, 0), *other_said = choose(other, 0);
  ck_assert_ptr_eq(one->automatic.scheme, other->automatic.scheme);
  ck_assert_uint_eq(one->automatic.substeps, other->automatic.substeps);
  ck_assert_uint_eq(recipe_scheme(one, 0).substeps, 1);
  sde_free(said), sde_free(other_said);
  recipe_free(one), recipe_free(other);
}
END_TEST

/* What all paths of the recipe take with a scheme at so many substeps, and what one path a case
 * does. */
struct work {
  double all, path;
};

static struct work work_of(struct recipe *recipe, const char *scheme, uint64_t substeps)
{
  struct sde_status status = {SDE_OK, ""};
  recipe->automatic = (struct recipe_scheme){sde_scheme_named(scheme), substeps};
  struct cases *cases = cases_new(recipe, &status);
  ck_assert_msg(cases != NULL, "%s", status.message);
  struct work work = {0, 0};
  for (size_t i = 0; i < cases->count; i++) {
    double path = scheme_trial_path_work(cases, &cases->one[i], substeps);
    work.path += path;
    work.all += path * (double)cases->one[i].paths;
  }
  cases_free(cases);
  return work;
}

/* Euler-Maruyama evaluates the system once a step and draws a normal for each Wiener process: 2. At
 * 4 substeps, with the companion at 2, an SDE takes 6 steps; the iterates take one. At 1 substep
 * the companion has 2. */
START_TEST(work_is_counted_by_hand)
{
  const char *const plain[] = {"sde={}", "optimizers=[{name: sgd}]", "paths=10", "time=2", NULL};
  struct recipe *recipe = read_golden(plain);
  ck_assert_double_eq(work_of(recipe, "euler-maruyama", 4).path, 20 * (1 + 2 * 6));
  ck_assert_double_eq(work_of(recipe, "euler-maruyama", 1).all, 10 * 20 * (1 + 2 * 3));
  recipe_free(recipe);
}
END_TEST

/* All that the pilots have run, by the number of paths that progress has seen, is within a quarter
 * of the chosen run. The twin: with as many paths as there are, up to 2000, the pilots of both
 * schemes alone would be beyond it. */
START_TEST(pilots_take_a_quarter_of_the_run_at_most)
{
  static const char *const paths[] = {"paths=600", "paths=1000", "paths=2000", "paths=[700, 3000]"};
  const char *const given[] = {second_order[0], second_order[1], second_order[2], paths[_i], NULL};
  struct sde_status status = {SDE_OK, ""};
  struct recipe *recipe = read_golden(given);
  struct progress *progress = progress_new(0, false);
  struct scheme_choice chosen;
  ck_assert_msg(scheme_choose(recipe, NULL, 0, progress, &chosen, &status), "%s", status.message);
  ck_assert_ptr_nonnull(strstr(chosen.said, "A pilot run chose the scheme"));
  const char *name = recipe->automatic.scheme->name;
  uint64_t substeps = recipe->automatic.substeps;
  double run = work_of(recipe, name, substeps).all;
  ck_assert_double_eq_tol(chosen.run_work, run, 1e-9 * run);
  ck_assert_double_gt(chosen.pilot_work, 0);
  ck_assert_double_le(chosen.pilot_work, 0.25 * run);
  /* Each pilot has as many paths of every case as of the others, none less than Euler-Maruyama's
   * at a substep. */
  struct work least = work_of(recipe, "euler-maruyama", 1);
  size_t cases = _i == 3 ? 4 : 2;
  double paths_each = (double)progress_own_paths(progress) / (double)cases;
  ck_assert_double_ge(chosen.pilot_work, paths_each * least.path * (1 - 1e-12));
  double unbounded = least.all + work_of(recipe, "weak-second-order", 1).all;
  ck_assert_double_gt(unbounded, 0.25 * run);
  sde_free(chosen.said);
  progress_free(progress);
  recipe_free(recipe);
}
END_TEST

/* 64 paths are an eighth of 512: below that nothing is measured, and it is said. With one block
 * more there is a pilot. */
START_TEST(small_runs_choose_by_rule)
{
  const char *const few[] = {second_order[0], second_order[1], second_order[2], "paths=511", NULL};
  const char *const more[] = {second_order[0], second_order[1], second_order[2], "paths=512", NULL};
  struct recipe *recipe = read_golden(few), *larger = read_golden(more);
  struct sde_status status = {SDE_OK, ""};
  struct progress *progress = progress_new(0, false);
  struct scheme_choice chosen;
  ck_assert(scheme_choose(recipe, NULL, 0, progress, &chosen, &status));
  ck_assert_uint_eq(progress_own_paths(progress), 0);
  ck_assert_double_eq(chosen.pilot_work, 0);
  ck_assert_ptr_nonnull(strstr(chosen.said, "No pilot run chose the scheme"));
  ck_assert_ptr_nonnull(strstr(chosen.said, "not measured"));
  ck_assert_ptr_null(strstr(chosen.said, "predicted"));
  ck_assert_str_eq(recipe->automatic.scheme->name, "euler-maruyama");
  ck_assert_uint_eq(recipe->automatic.substeps, SUBSTEPS_DEFAULT);
  char *said = choose(larger, 0);
  ck_assert_ptr_nonnull(strstr(said, "A pilot run chose the scheme"));
  sde_free(said), sde_free(chosen.said);
  progress_free(progress);
  recipe_free(recipe), recipe_free(larger);
}
END_TEST

/* A scheme without an error needs no pilot. */
START_TEST(small_runs_take_the_exact_scheme)
{
  const char *const gaussian[] = {"sde={eta_order: 1}", "optimizers=[{name: sgd}]",
                                  "noise={sampling: gaussian}", "paths=100", NULL};
  struct recipe *recipe = read_golden(gaussian);
  char *said = choose(recipe, 0);
  ck_assert_str_eq(recipe->automatic.scheme->name, "exponential-euler");
  ck_assert_uint_eq(recipe->automatic.substeps, 1);
  ck_assert_ptr_nonnull(strstr(said, "By rule it is exponential-euler with 1 substep, which is "
                                     "exact in law"));
  sde_free(said);
  recipe_free(recipe);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("scheme_choice");
  TCase *choice = testing_case(suite, "choice");
  tcase_set_timeout(choice, 120);
  tcase_add_test(choice, the_schemes_error_is_below_half_of_the_sampling_error);
  tcase_add_test(choice, more_paths_need_more_substeps);
  tcase_add_test(choice, the_exact_scheme_is_taken_where_it_can_be);
  tcase_add_loop_test(choice, the_recipe_is_obeyed, 0, 3);
  tcase_add_test(choice, given_substeps_are_kept);
  tcase_add_test(choice, systems_that_draw_get_the_cheapest_step);
  tcase_add_test(choice, without_sampling_error_the_default_is_taken);
  tcase_add_test(choice, given_substeps_do_not_mix_with_free_ones);
  tcase_add_test(choice, work_is_counted_by_hand);
  tcase_add_loop_test(choice, pilots_take_a_quarter_of_the_run_at_most, 0, 4);
  tcase_add_test(choice, small_runs_choose_by_rule);
  tcase_add_test(choice, small_runs_take_the_exact_scheme);
  return testing_run(suite);
}
