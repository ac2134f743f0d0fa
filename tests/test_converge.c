/*
 * The study `converge` and what it rests on: the equations' declared noise and known solutions,
 * errors that are known exactly, orders that hold, and twins whose orders must not. And the page on
 * schemes, which has to say of each what the registry says.
 */
#include "experiments/cases/case_analysis.h"
#include "experiments/recipe/study.h"
#include "experiments/results/results.h"
#include "experiments/studies/convergence.h"
#include "experiments/studies/judgement.h"
#include "sde/noise_class.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char recipe_file[] = "experiments/recipes/converge.yaml";
static const char data[] = "loss.data=data/quadratic4.csv";

static const struct equation *named(const char *name)
{
  for (const struct equation *const *each = equation_table(); *each != NULL; each++)
    if (strcmp((*each)->name, name) == 0)
      return *each;
  ck_abort_msg("no equation %s", name);
  return NULL;
}

/* ---- Fits ---- */

/* An exact law has its slope whatever the weights; its standard error is what moving the points by
 * theirs, one by one, makes of it; and the bend holds back a point that would decide alone. */
START_TEST(bent_power_law)
{
  const double x[] = {1, 2, 4, 8}, error[] = {3, 12, 48, 192}, se[] = {0.03, 1e-6, 2, 1};
  struct fit fit = fit_bent_power(4, x, error, se, 0.05);
  double square = 0;
  ck_assert_double_eq_tol(fit.slope, 2, 1e-12);
  for (size_t i = 0; i < 4; i++) {
    double moved[] = {3, 12, 48, 192}, share = 1e-4 * se[i];
    moved[i] += share;
    square += pow((fit_bent_power(4, x, moved, se, 0.05).slope - 2) / 1e-4, 2);
  }
  ck_assert_double_eq_tol(fit.se, sqrt(square), 1e-3 * fit.se);
  const double bends[] = {3, 12, 48, 150}, sharp[] = {1e-9, 1e-9, 1, 1};
  ck_assert_double_gt(fit_bent_power(4, x, bends, sharp, 1e-9).slope, 1.9999);
  ck_assert_double_lt(fit_bent_power(4, x, bends, sharp, 0.05).slope, 1.95);
  ck_assert(isnan(fit_bent_power(2, x, error, se, 0.05).slope));
}
END_TEST

/* ---- The equations ---- */

START_TEST(all_equations_are_named)
{
  char *names = sde_strdup("");
  for (const struct equation *const *each = equation_table(); *each != NULL; each++) {
    char *longer = sde_format("%s%s ", names, (*each)->name);
    sde_free(names);
    names = longer;
  }
  char *all = sde_format("%soptimizer", names);
  ck_assert_str_eq(all, EQUATION_NAMES);
  sde_free(names);
  sde_free(all);
}
END_TEST

/* Every class has an equation, of just that class. */
START_TEST(noise_is_as_declared)
{
  bool seen[SDE_NOISE_CLASSES] = {false};
  for (const struct equation *const *each = equation_table(); *each != NULL; each++) {
    const struct sde_system *system = &(*each)->system;
    seen[system->noise] = true;
    ck_assert_int_eq(sde_noise_class_measured(system, (*each)->start), system->noise);
  }
  for (size_t noise = 0; noise < SDE_NOISE_CLASSES; noise++)
    ck_assert(seen[noise]);
}
END_TEST

/* ---- Lines, and whether their slopes hold ---- */

enum { OBSERVABLES_MAX = 4, STEPS = 4 };

struct measured {
  size_t lines;
  struct convergence line[OBSERVABLES_MAX];
};

static struct measured measure(const struct equation *equation, const struct sde_scheme *scheme,
                               enum equation_error kind, size_t paths)
{
  const struct equation_plan *plan =
      &equation->plan[kind == EQUATION_ERROR_STRONG ? EQUATION_STRONG : EQUATION_WEAK_1];
  struct convergence_task task = {.equation = equation,
                                  .scheme = scheme,
                                  .kind = kind,
                                  .count = STEPS,
                                  .steps = plan->steps,
                                  .paths = paths,
                                  .seed = 1,
                                  .bound = 1e8};
  struct measured measured = {.lines = convergence_lines(&task)};
  struct sde_status status = {SDE_OK, ""};
  ck_assert_uint_le(measured.lines, OBSERVABLES_MAX);
  ck_assert_msg(convergence_measure(&task, NULL, 1, measured.line, &status), "%s", status.message);
  return measured;
}

static void release(struct measured *measured)
{
  for (size_t k = 0; k < measured->lines; k++)
    convergence_clear(&measured->line[k]);
}

/* As the study judges, one line at four standard errors. */
static enum holds judged(const struct convergence *line, double order)
{
  return judgement_slope(line->fit.slope, fit_half(line->fit, 4), order, 0.1);
}

static const struct sde_scheme *euler(void)
{
  return sde_scheme_named("euler-maruyama");
}

static const struct sde_scheme *milstein(void)
{
  return sde_scheme_named("milstein");
}

START_TEST(orders_exchanged_do_not_hold)
{
  const char *const names[] = {"geometric", "hyperbolic", "commutative", "noncommutative"};
  struct measured half = measure(named(names[_i]), euler(), EQUATION_ERROR_STRONG, 800);
  struct measured whole = measure(named(names[_i]), milstein(), EQUATION_ERROR_STRONG, 800);
  ck_assert_int_eq(judged(half.line, 0.5), HOLDS_YES);
  ck_assert_int_eq(judged(half.line, 1), HOLDS_NO);
  ck_assert_int_eq(judged(whole.line, 1), HOLDS_YES);
  ck_assert_int_eq(judged(whole.line, 0.5), HOLDS_NO);
  release(&half);
  release(&whole);
}
END_TEST

/* Milstein that takes the noise for additive corrects nothing. */
START_TEST(scheme_without_its_correction_does_not_hold)
{
  struct equation equation = *named("geometric");
  equation.system.noise = SDE_NOISE_ADDITIVE;
  struct measured measured = measure(&equation, milstein(), EQUATION_ERROR_STRONG, 800);
  ck_assert_int_eq(judged(measured.line, 1), HOLDS_NO);
  ck_assert_double_lt(measured.line[0].fit.slope, 0.7);
  release(&measured);
}
END_TEST

/* An equation whose drift is another than its solution's: errors that do not go to zero. */
static void twice_the_drift(const struct sde_system *system, void *workspace,
                            const struct sde_instant *at, size_t width, const double *x,
                            const double *dw, double *drift, double *noise)
{
  named("geometric")->system.evaluate(system, workspace, at, width, x, dw, drift, noise);
  for (size_t p = 0; drift != NULL && p < width; p++)
    drift[p] *= 2;
}

START_TEST(wrong_equation_does_not_hold)
{
  struct equation equation = *named("geometric");
  equation.system.evaluate = twice_the_drift;
  struct measured strong = measure(&equation, milstein(), EQUATION_ERROR_STRONG, 800);
  struct measured weak = measure(&equation, euler(), EQUATION_ERROR_WEAK, 5000);
  ck_assert_int_eq(judged(strong.line, 1), HOLDS_NO);
  for (size_t k = 0; k < weak.lines; k++)
    ck_assert_int_eq(judged(&weak.line[k], 1), HOLDS_NO);
  release(&strong);
  release(&weak);
}
END_TEST

/* ---- Moments of the solutions ---- */

static void add_moments(struct testing_family *family, const struct measured *measured,
                        const char *name)
{
  for (size_t k = 0; k < measured->lines; k++)
    for (size_t i = 0; i < measured->line[k].count; i++) {
      const struct convergence_point *point = &measured->line[k].point[i];
      testing_add(family, (point->mean - point->expectation) / point->mean_se, "%s of %s",
                  measured->line[k].observable->name, name);
    }
}

START_TEST(solutions_have_their_moments)
{
  struct testing_family family = {0};
  for (const struct equation *const *each = equation_table(); *each != NULL; each++) {
    if ((*each)->expectations == NULL)
      continue;
    struct measured measured = measure(*each, euler(), EQUATION_ERROR_WEAK, testing_size(5000));
    add_moments(&family, &measured, (*each)->name);
    release(&measured);
  }
  ck_assert_uint_ge(family.comparisons, 40);
  testing_assert_agrees(&family);
}
END_TEST

/* The area left out of the solution: Milstein, which has it, does not converge to that, and the
 * second moment lacks the area's part. */
static void without_area(const struct equation *equation, double dt,
                         const struct sde_increments *increments, size_t width, double *x)
{
  struct sde_increments less = *increments;
  double *none = sde_alloc(width, sizeof *none);
  less.area = none;
  named("noncommutative")->flow(equation, dt, &less, width, x);
  sde_free(none);
}

START_TEST(solution_without_area_does_not_hold)
{
  struct testing_family family = {0};
  struct equation equation = *named("noncommutative");
  equation.flow = without_area;
  struct measured strong = measure(&equation, milstein(), EQUATION_ERROR_STRONG, 500);
  struct measured weak = measure(&equation, euler(), EQUATION_ERROR_WEAK, 10000);
  ck_assert_int_eq(judged(strong.line, 1), HOLDS_NO);
  add_moments(&family, &weak, equation.name);
  testing_assert_notices(&family);
  release(&strong);
  release(&weak);
}
END_TEST

/* ---- The SDE of an optimizer, whose errors are known exactly ---- */

static struct outcome prepare(size_t overrides, const char *const *override)
{
  return outcome_prepare(recipe_file, overrides, override);
}

static struct outcome run_study(size_t overrides, const char *const *override)
{
  struct outcome run = prepare(overrides, override);
  outcome_run(&run, 0);
  return run;
}

/* Euler-Maruyama's weak error, from the exact moments of both; the twin has another step. */
static void add_errors(struct testing_family *family, const struct equation *equation,
                       const struct measured *measured, uint64_t factor)
{
  double exact[OBSERVABLES_MAX], euler_s[OBSERVABLES_MAX];
  equation->expectations(equation, exact);
  for (size_t i = 0; i < STEPS; i++) {
    equation->euler_expectations(equation, factor * measured->line[0].point[i].steps, euler_s);
    for (size_t k = 0; k < measured->lines; k++) {
      const struct convergence_point *point = &measured->line[k].point[i];
      testing_add(family, (point->error - fabs(euler_s[k] - exact[k])) / point->se,
                  "%s at %d steps", measured->line[k].observable->name, (int)point->steps);
    }
  }
}

START_TEST(weak_errors_are_the_exact_ones)
{
  struct outcome run = prepare(1, (const char *const[]){data});
  struct equation *equation = case_equation_new(run.cases, &run.cases->one[0]);
  struct measured measured = measure(equation, euler(), EQUATION_ERROR_WEAK, testing_size(500));
  struct testing_family family = {0}, twin = {0};
  ck_assert_str_eq(measured.line[0].against, "exact moments");
  add_errors(&family, equation, &measured, 1);
  testing_assert_agrees(&family);
  add_errors(&twin, equation, &measured, 2);
  testing_assert_notices(&twin);
  release(&measured);
  equation_optimizer_free(equation);
  outcome_free(&run);
}
END_TEST

/* Moments after one learning-rate step 0.01 of 200 are those that the oracle's map gives. */
START_TEST(exact_moments_are_the_oracles)
{
  struct outcome run = prepare(1, (const char *const[]){data});
  struct equation *equation = case_equation_new(run.cases, &run.cases->one[0]);
  struct sde_linear_direction *direction =
      limit_direction_new(run.cases->one[0].sde[0].limit, NULL);
  struct sde_linear_map *map = sde_linear_sde_new(direction, 0.01, 2, "test", &run.status);
  double moments[6], value[OBSERVABLES_MAX];
  sde_linear_point(2, run.cases->start, moments);
  sde_linear_advance(map, 200, moments);
  equation->expectations(equation, value);
  ck_assert_double_eq_tol(value[0], moments[3], 1e-12);
  ck_assert_double_eq_tol(value[1], moments[0], 1e-12);
  sde_linear_map_free(map);
  limit_direction_free(direction);
  equation_optimizer_free(equation);
  outcome_free(&run);
}
END_TEST

/* ---- The study ---- */

static bool is(const json_t *fit, const char *name, const char *text)
{
  const char *value = json_string_value(json_object_get(fit, name));
  return value != NULL && strcmp(value, text) == 0;
}

static const json_t *find_fit(const struct outcome *run, const char *equation, const char *scheme,
                              const char *kind)
{
  size_t i;
  json_t *fit;
  json_array_foreach(json_object_get(results_summary(run->results), "fits"), i, fit)
  {
    if (is(fit, "equation", equation) && is(fit, "scheme", scheme) && is(fit, "kind", kind))
      return fit;
  }
  return NULL;
}

/* Fits of a scheme on the equations of a class: it has a strong and a weak one on each class that
 * it accepts and none on others, exact ones without a slope. */
static void assert_fits(const struct outcome *run, const struct sde_scheme *scheme)
{
  bool strong[SDE_NOISE_CLASSES] = {false}, weak[SDE_NOISE_CLASSES] = {false};
  size_t i;
  json_t *fit;
  json_array_foreach(json_object_get(results_summary(run->results), "fits"), i, fit)
  {
    if (!is(fit, "scheme", scheme->name) || json_is_true(json_object_get(fit, "forced")))
      continue;
    int noise = 0;
    while (!is(fit, "noise_class", sde_noise_class_name((enum sde_noise_class)noise)))
      noise++;
    bool is_strong = is(fit, "kind", "strong");
    *(is_strong ? &strong[noise] : &weak[noise]) = true;
    double declared = is_strong ? scheme->on[noise].strong_order : scheme->weak_order;
    ck_assert(json_is_true(json_object_get(fit, "exact")) == scheme->exact);
    if (scheme->exact)
      ck_assert(json_is_null(json_object_get(fit, "slope")) && isinf(declared));
    else
      ck_assert_double_eq(number_or_nan(fit, "declared"), declared);
  }
  for (size_t noise = 0; noise < SDE_NOISE_CLASSES; noise++) {
    ck_assert_msg(strong[noise] == (scheme->on[noise].strong_order > 0), "%s", scheme->name);
    ck_assert_msg(weak[noise] == (scheme->on[noise].strong_order > 0), "%s", scheme->name);
  }
}

/* How many verdicts are printed with this word. */
static size_t verdicts(const struct outcome *run, const char *word)
{
  char *text = NULL, *line;
  size_t length, count = 0;
  FILE *memory = open_memstream(&text, &length);
  results_print(run->results, memory);
  fclose(memory);
  for (line = text; line != NULL; line = strchr(line, '\n')) {
    line += *line == '\n';
    count += strncmp(line, word, strlen(word)) == 0;
  }
  free(text);
  return count;
}

/* A thirtieth of the recipe's paths: nothing is refuted, and most is confirmed. */
START_TEST(every_scheme_on_every_noise)
{
  struct outcome run = run_study(2, (const char *const[]){data, "paths=300"});
  ck_assert_msg(run.status.code == SDE_OK, "%s", run.status.message);
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++)
    assert_fits(&run, *scheme);
  ck_assert_uint_eq(verdicts(&run, "fails:"), 0);
  ck_assert_uint_ge(verdicts(&run, "holds:"), 2 * verdicts(&run, "undecided:"));
  const json_t *forced = find_fit(&run, "noncommutative", "commutative-milstein", "strong");
  ck_assert(json_is_true(json_object_get(forced, "forced")));
  ck_assert_double_eq_tol(number_or_nan(forced, "slope"), 0.5,
                          0.1 + 3 * number_or_nan(forced, "slope_se"));
  ck_assert_ptr_null(find_fit(&run, "noncommutative", "commutative-milstein", "weak"));
  ck_assert_ptr_null(find_fit(&run, "ornstein-uhlenbeck", "sra1", "strong"));
  outcome_free(&run);
}
END_TEST

static const struct {
  const char *override, *sentence;
} refused[] = {
    {"steps=[8, 16]", "steps fits a slope through 3 to 16 points, not 2"},
    {"weak_steps=8", "weak_steps fits a slope"},
    {"steps=[8, 16, 8]", "steps names 8 twice"},
    {"equations=[geometric, geometric]", "equations names geometric twice"},
    {"schemes=[milstein, no-such]", "there is no scheme 'no-such'"},
    {"sde=[]", "the equation optimizer is the recipe's first sde"},
};

START_TEST(refusals)
{
  const char *override[] = {data, refused[_i].override, "paths=64"};
  struct outcome run = run_study(3, override);
  ck_assert_int_eq(run.status.code, SDE_INVALID);
  ck_assert_msg(strstr(run.status.message, refused[_i].sentence) != NULL, "%s", run.status.message);
  outcome_free(&run);
}
END_TEST

START_TEST(nothing_to_measure)
{
  const char *override[] = {data, "equations=geometric", "schemes=sra1"};
  struct outcome run = run_study(3, override);
  ck_assert_int_eq(run.status.code, SDE_INVALID);
  ck_assert_ptr_nonnull(strstr(run.status.message, "no scheme of the recipe takes"));
  outcome_free(&run);
}
END_TEST

/* ---- The page on schemes ---- */

static void assert_row(const char *page, const struct sde_scheme *scheme, int noise)
{
  double strong = scheme->on[noise].strong_order;
  char *row =
      sde_format("\n| %s | %s |", scheme->name, sde_noise_class_name((enum sde_noise_class)noise));
  const char *found = strstr(page, row);
  ck_assert_msg(found != NULL, "docs/schemes.md has no row%s", row);
  for (; found != NULL; found = strstr(found + 1, row)) {
    char strong_cell[32] = "", weak_cell[32] = "", expected[2][32] = {"refused", "refused"};
    double orders[] = {strong, scheme->weak_order};
    ck_assert_int_eq(
        sscanf(found + strlen(row), "%*[^|]| %31[^ ] |%*[^|]| %31[^ ] |", strong_cell, weak_cell),
        2);
    for (size_t k = 0; strong > 0 && k < 2; k++) {
      if (isinf(orders[k]))
        strcpy(expected[k], "exact");
      else
        snprintf(expected[k], sizeof expected[k], "%g", orders[k]);
    }
    ck_assert_msg(strcmp(strong_cell, expected[0]) == 0, "docs/schemes.md, %s: strong order %s",
                  row, strong_cell);
    ck_assert_msg(strcmp(weak_cell, expected[1]) == 0, "docs/schemes.md, %s: weak order %s", row,
                  weak_cell);
  }
  sde_free(row);
}

/* A run of converge.yaml and scripts/schemes_table.sh put a new scheme there. */
START_TEST(page_says_what_the_registry_says)
{
  static char page[1 << 16];
  FILE *file = fopen("docs/schemes.md", "r");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_gt(fread(page, 1, sizeof page - 1, file), 0);
  fclose(file);
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++)
    for (int noise = 0; noise < SDE_NOISE_CLASSES; noise++)
      assert_row(page, *scheme, noise);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("converge");
  TCase *known = testing_case(suite, "equations"), *twins = testing_case(suite, "twins");
  TCase *study = testing_case(suite, "study"), *page = testing_case(suite, "page");
  tcase_add_test(known, bent_power_law);
  tcase_add_test(known, all_equations_are_named);
  tcase_add_test(known, noise_is_as_declared);
  tcase_add_test(known, solutions_have_their_moments);
  tcase_add_test(known, exact_moments_are_the_oracles);
  tcase_add_test(known, weak_errors_are_the_exact_ones);
  tcase_add_loop_test(twins, orders_exchanged_do_not_hold, 0, 4);
  tcase_add_test(twins, scheme_without_its_correction_does_not_hold);
  tcase_add_test(twins, wrong_equation_does_not_hold);
  tcase_add_test(twins, solution_without_area_does_not_hold);
  tcase_add_test(study, every_scheme_on_every_noise);
  tcase_add_loop_test(study, refusals, 0, sizeof refused / sizeof *refused);
  tcase_add_test(study, nothing_to_measure);
  tcase_add_test(page, page_says_what_the_registry_says);
  return testing_run(suite);
}
