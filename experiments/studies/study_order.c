/*
 * The study `order`: the weak error |E phi(iterates) - E phi(SDE)| at the end time against eta and
 * against rho, with fitted slopes: from exact moments where an oracle applies, else by simulation.
 */
#include "analysis/error_line.h"
#include "experiments/cases/case_analysis.h"
#include "experiments/cases/case_run.h"
#include "experiments/cases/estimate.h"
#include "experiments/recipe/study.h"
#include "experiments/results/series.h"
#include "experiments/studies/comparison.h"
#include "experiments/studies/order_judge.h"

#include <math.h>
#include <string.h>

/* Start and end are recorded. */
enum { RECORDS = 2, END = RECORDS - 1 };

/* ---- measuring ---- */

/* The difference of means that were measured one by one. */
static void subtract(struct order_cell *cell)
{
  cell->difference = cell->iterates.value - cell->solution.value;
  cell->difference_se = hypot(cell->iterates.se, cell->solution.se);
}

/* Exact means of every side of a case into its cells, NAN where there are none; says whether
 * all are known. What stands in the way is noted, unless it was `said` last. */
static bool measure_exactly(const struct cases *cases, const struct run_case *one,
                            struct results *results, const char **said, struct order_cell *cell)
{
  size_t observables = cases->observables->count, sdes = cases->recipe->sdes;
  bool all = true;
  for (size_t side = 0; side < case_sides(cases); side++) {
    const char *why = NULL;
    struct oracle *oracle = case_oracle_new(cases, one, side, &why);
    if (oracle != NULL)
      oracle_advance(oracle, one->steps);
    else if (*said == NULL || strcmp(*said, why) != 0) {
      *said = why;
      char *label = case_label(one);
      results_note(results, false, "From %s, eta %g, rho %g on, simulated: %s\n", label,
                   one->optimizer.eta, one->optimizer.rho, why);
      sde_free(label);
    }
    for (size_t s = 0; s < sdes; s++)
      for (size_t o = 0; o < observables; o++) {
        struct order_cell *of = &cell[s * observables + o];
        struct order_mean mean = {oracle == NULL ? NAN : oracle_mean(oracle, o), 0, true};
        all &= !isnan(mean.value);
        if (side == CASE_ITERATES)
          of->iterates = mean;
        else if (side == case_side_of_sde(s))
          of->solution = mean;
      }
    oracle_free(oracle);
  }
  for (size_t k = 0; all && k < sdes * observables; k++)
    subtract(&cell[k]);
  return all;
}

static struct order_mean simulated_mean(struct sde_moments moments)
{
  return (struct order_mean){sde_moments_mean(moments), sde_moments_standard_error(moments), false};
}

/* Fill in the means of SDE s that are not known exactly. Where iterates and SDE share their
 * Brownian paths, their difference is taken path by path, of which alone the standard error is
 * right; the SDE's mean is then the simulated one, for the scheme's error to be that of both. */
static void fill_cells(const struct case_result *result, size_t s, struct order_cell *cell)
{
  for (size_t o = 0; o < result->ensemble.observables; o++) {
    struct order_cell *of = &cell[o];
    bool known = !isnan(of->iterates.value) && !isnan(of->solution.value);
    bool paired = result->one->sde[s].coupled && !known;
    if (isnan(of->iterates.value))
      of->iterates = simulated_mean(case_moments(result, CASE_ITERATES, END, o));
    if (isnan(of->solution.value) || paired) {
      struct sde_moments scheme = case_companion_difference(result, s, END, o);
      of->solution = simulated_mean(case_moments(result, case_side_of_sde(s), END, o));
      of->pair = sde_moments_mean(scheme);
      of->pair_se = sde_moments_standard_error(scheme);
    }
    subtract(of);
    if (paired) {
      struct sde_moments difference = case_iterates_difference(result, s, END, o);
      of->difference = sde_moments_mean(difference);
      of->difference_se = sde_moments_standard_error(difference);
    }
  }
}

/* Simulate a case, and fill in what is not known exactly. */
static void simulate(const struct cases *cases, const struct run_case *one, int threads,
                     struct results *results, struct progress *progress, struct order_cell *cell)
{
  uint64_t record_steps[RECORDS] = {0, one->steps};
  struct case_result result = case_run(&(struct case_ensemble){.cases = cases,
                                                               .one = one,
                                                               .companions = true,
                                                               .records = RECORDS,
                                                               .record_steps = record_steps,
                                                               .threads = threads,
                                                               .progress = progress});
  series_report_divergence(results, &result);
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    fill_cells(&result, s, cell + s * cases->observables->count);
  case_result_free(&result);
}

/* ---- tables ---- */

static double eta_of(const struct order_line *line, const struct error_line_point *point)
{
  return line->versus == ORDER_VERSUS_ETA ? point->x : line->one->optimizer.eta;
}

static double rho_of(const struct order_line *line, const struct error_line_point *point)
{
  return line->versus == ORDER_VERSUS_RHO ? point->x : line->one->optimizer.rho;
}

static void write_line(struct results *results, const struct cases *cases,
                       const struct order_line *line)
{
  FILE *table = results_table(results, "order.csv",
                              "optimizer,micro_batch,batch,sde,observable,versus,eta,rho,error,se,"
                              "scheme_error,floor,floor_se,local_slope,resolved,exact,slope,"
                              "slope_se");
  for (size_t i = 0; i < line->errors.count; i++) {
    const struct error_line_point *point = &line->errors.point[i];
    const struct optimizer *optimizer = &line->one->optimizer;
    fprintf(table, "%s,", optimizer->rule->name);
    series_update_columns(table, line->one);
    if (optimizer->rule->micro_batch != MICRO_BATCH_NONE)
      fprintf(table, "%zu", optimizer->micro_batch);
    fprintf(table, ",%zu,%zu,%s,%s,", optimizer->batch, line->sde,
            cases->observable_name[line->observable], order_versus_name(line));
    const double numbers[] = {eta_of(line, point), rho_of(line, point), point->error,
                              point->se,           point->scheme_error, point->floor,
                              point->floor_se,     point->local_slope};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
      results_number(table, numbers[k]);
      fputc(',', table);
    }
    fprintf(table, "%s,%s,", point->resolved ? "true" : "false", point->exact ? "true" : "false");
    results_number(table, line->errors.fit.slope);
    fputc(',', table);
    results_number(table, line->errors.fit.se);
    fputc('\n', table);
  }
}

static json_t *summary_fit(const struct cases *cases, const struct order_line *line)
{
  const struct optimizer *optimizer = &line->one->optimizer;
  const struct error_line *errors = &line->errors;
  json_t *points = json_array();
  for (size_t i = 0; i < errors->count; i++) {
    const struct error_line_point *point = &errors->point[i];
    json_array_append_new(
        points, json_pack("{s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "eta",
                          eta_of(line, point), "rho", rho_of(line, point), "error",
                          results_json(point->error), "se", results_json(point->se), "local_slope",
                          results_json(point->local_slope), "scheme_error",
                          results_json(point->scheme_error), "floor", results_json(point->floor),
                          "floor_se", results_json(point->floor_se), "resolved", point->resolved));
  }
  return series_with_update(
      json_pack("{s:s, s:o, s:I, s:s, s:i, s:s, s:o, s:o, s:b, s:[o, o], s:o, s:I}", "optimizer",
                optimizer->rule->name, "micro_batch", series_micro_batch(line->one), "batch",
                (json_int_t)optimizer->batch, "observable",
                cases->observable_name[line->observable], "sde_index", (int)line->sde, "versus",
                order_versus_name(line), "slope", results_json(errors->fit.slope), "slope_se",
                results_json(errors->fit.se), "exact", errors->exact, "range",
                results_json(errors->x_low), results_json(errors->x_high), "points", points,
                "unresolved", (json_int_t)(errors->count - errors->resolved)),
      line->one);
}

static void print_line(struct results *results, const struct cases *cases,
                       const struct order_line *line)
{
  const struct error_line *errors = &line->errors;
  char *label = order_label(line);
  results_note(results, false, "%-36s %-14s %-4s", label, cases->observable_name[line->observable],
               order_versus_name(line));
  if (isnan(errors->fit.slope))
    results_note(results, false, " %-18s %-20s", "not fitted", "");
  else
    results_note(results, false, " %7.4f +- %-7.2g %8.4g to %-8.4g", errors->fit.slope,
                 errors->fit.se, errors->x_low, errors->x_high);
  results_note(results, false, " %zu of %zu, %s; local", errors->resolved, errors->count,
               errors->exact ? "exact" : "simulated");
  for (size_t i = errors->count; i-- > 1;)
    results_note(results, false, isnan(errors->point[i].local_slope) ? " -" : " %.3f",
                 errors->point[i].local_slope);
  if (line->versus == ORDER_VERSUS_RHO && errors->count > 0)
    results_note(results, false, "; floor %.3g +- %.1g", errors->point[0].floor,
                 errors->point[0].floor_se);
  results_note(results, false, "\n");
  sde_free(label);
}

/* ---- the study ---- */

static bool check(const struct order_grid *grid, struct results *results, struct sde_status *status)
{
  const struct recipe *recipe = grid->cases->recipe;
  if (recipe->sdes == 0)
    return sde_fail(status, SDE_INVALID, "%s: order needs an sde to compare the iterates with",
                    recipe->file);
  if (grid->etas == 1 && grid->rhos < 3)
    return sde_fail(status, SDE_INVALID,
                    "%s: order fits a slope; eta must be a list of three or more, or rho a list "
                    "of 0 and three or more others",
                    parameters_place(recipe->common, "eta"));
  if (grid->rhos > 1 && !order_has_floor(grid)) {
    const char *place = parameters_place(recipe->common, "rho");
    if (grid->etas == 1)
      return sde_fail(status, SDE_INVALID,
                      "%s: rho lacks 0; against rho the error at rho = 0 is the floor that is "
                      "subtracted, so rho: [0, ...] is needed",
                      place);
    results_note(results, false,
                 "%s: rho lacks 0, the floor to subtract, so no slope against rho is fitted\n",
                 place);
  }
  return true;
}

static void report(struct results *results, const struct order_grid *grid,
                   const struct order_line *lines, size_t count)
{
  json_t *fits = json_array();
  size_t observables = grid->cases->observables->count;
  double quantile = comparison_quantile(grid->cases, count);
  results_note(results, false,
               "Weak error at the end time: slope +- standard error over the range fitted, points "
               "resolved,\nlocal slopes from the largest on; unresolved points are not fitted\n"
               "%-36s %-14s %-4s %-18s %-20s\n",
               "case", "observable", "vs", " slope", "    range");
  for (size_t i = 0; i < count; i++) {
    json_array_append_new(fits, summary_fit(grid->cases, &lines[i]));
    write_line(results, grid->cases, &lines[i]);
    print_line(results, grid->cases, &lines[i]);
  }
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "fits", fits);
  for (size_t i = 0; i < count; i += observables)
    order_judge(results, grid, &lines[i], observables, quantile);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  size_t each = recipe->sdes * cases->observables->count;
  struct order_grid grid = {.cases = cases, .etas = parameters_count(recipe->common, "eta")};
  grid.rho = parameters_reals(recipe->common, "rho", &grid.rhos);
  grid.outer =
      parameters_count(recipe->common, "batch") * parameters_count(recipe->common, "paths");
  grid.variants = cases->count / (grid.outer * grid.etas * grid.rhos);
  if (!check(&grid, results, status))
    return false;
  grid.cell = sde_alloc(cases->count * each, sizeof *grid.cell);
  const char *said = NULL;
  for (size_t i = 0; i < cases->count; i++)
    if (!measure_exactly(cases, &cases->one[i], results, &said, grid.cell + i * each))
      simulate(cases, &cases->one[i], threads, results, progress, grid.cell + i * each);
  struct order_line *lines = sde_alloc(2 * cases->count * each, sizeof *lines);
  size_t count = order_lines_make(&grid, lines);
  if (count > 0)
    report(results, &grid, lines, count);
  else
    sde_fail(status, SDE_INVALID, "%s: order finds no slope; no optimizer here depends on rho",
             parameters_place(recipe->common, "rho"));
  for (size_t i = 0; i < count; i++)
    sde_free(lines[i].errors.point);
  sde_free(lines);
  sde_free(grid.cell);
  return count > 0;
}

/* The cases that are not known exactly. */
static bool estimate(const struct cases *cases, struct estimate *estimate,
                     struct sde_status *status)
{
  (void)status;
  size_t each = cases->recipe->sdes * cases->observables->count;
  struct results *notes = results_new(cases->recipe);
  struct order_cell *cell = sde_alloc(each, sizeof *cell);
  const char *said = NULL;
  for (size_t i = 0; i < cases->count; i++)
    if (!measure_exactly(cases, &cases->one[i], notes, &said, cell))
      estimate_add_case(estimate, cases, &cases->one[i], true, cases->one[i].paths);
  sde_free(cell);
  results_free(notes);
  return true;
}

static const char *const unused[] = {"records", "tolerance", "variance_reduction", NULL};

extern const struct study_type study_order;
const struct study_type study_order = {
    .name = "order",
    .summary = "weak error against eta and rho with fitted slopes, exact where moments are known",
    .unused = unused,
    .companions = true,
    .estimate = estimate,
    .run = run,
};
