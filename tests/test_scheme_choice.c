/*
 * Tests of experiments/scheme_choice: what a pilot run chooses keeps its promise against exact
 * means, is a function of the recipe alone, and is made where it is asked for and nowhere else.
 */
#include "experiments/scheme_choice.h"

#include "experiments/cases.h"
#include "experiments/comparison.h"
#include "experiments/oracle.h"
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
  struct recipe *recipe = recipe_read("experiments/recipes/golden.yaml", count, all, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  return recipe;
}

/* What was said, and the choice in the recipe. */
static char *choose(struct recipe *recipe, int threads)
{
  struct sde_status status = {SDE_OK, ""};
  char *said;
  ck_assert_msg(scheme_choose(recipe, threads, &said, &(uint64_t){0}, &status), "%s", status.message);
  return said;
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
    struct sde_ensemble_result result = case_run(cases, one, true, 0, 1, &end, 0, NULL);
    const char *why;
    struct oracle *oracle = oracle_new(cases, one, 0, &why);
    ck_assert_ptr_nonnull(oracle);
    oracle_advance(oracle, end);
    for (size_t o = 0; o < 2; o++) {
      struct sde_moments iterates = result.moments[o], sde = result.moments[2 + o];
      double se = sde_moments_standard_error(sde);
      double error = comparison_scheme_error(&one->sde[0], result.differences[o]);
      if (near_exact)
        ck_assert_double_le(fabs(sde_moments_mean(sde) - oracle_mean(oracle, o)), 4 * se);
      worst = fmax(worst, error / hypot(se, sde_moments_standard_error(iterates)));
    }
    oracle_free(oracle);
    sde_ensemble_result_free(&result);
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

/* The full batch has no noise: nothing to hold the scheme's error against, which is no divergence. */
START_TEST(without_sampling_error_the_default_is_taken)
{
  const char *const full[] = {"noise={sampling: without-replacement}", "optimizers=[{name: sgd}]",
                              "sde={}", "paths=200", NULL};
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
  const char *const alone[] = {"sde=[{}, {}]", "optimizers=[{name: sgd}]", "paths=4000", NULL};
  struct recipe *one = read_golden(mixed), *other = read_golden(alone);
  char *said = choose(one, 0), *other_said = choose(other, 0);
  ck_assert_ptr_eq(one->automatic.scheme, other->automatic.scheme);
  ck_assert_uint_eq(one->automatic.substeps, other->automatic.substeps);
  ck_assert_uint_eq(recipe_scheme(one, 0).substeps, 1);
  sde_free(said), sde_free(other_said);
  recipe_free(one), recipe_free(other);
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
  return testing_run(suite);
}
