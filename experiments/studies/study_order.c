/*
 * The study `order`: the weak error |E phi(iterates) - E phi(SDE)| at the end time against eta and
 * against rho, with fitted slopes: from exact moments where an oracle applies, else by simulation.
 */
#include "analysis/error_line.h"
#include "experiments/cases/case_analysis.h"
#include "experiments/cases/case_run.h"
#include "experiments/cases/estimate.h"
#include "experiments/io/text.h"
#include "experiments/recipe/study.h"
#include "experiments/results/case_columns.h"
#include "experiments/results/series.h"
#include "experiments/studies/comparison.h"
#include "experiments/studies/no_order.h"
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

/* A point of a line, and what was fitted to the line. */
struct row {
  const struct order_line *line;
  const struct run_case *one;
  size_t sde, unresolved;
  const char *observable, *versus;
  double eta, rho;
  struct error_line_point point;
  bool exact; /* the line */
  double slope, slope_se, low, high;
};

static struct cell case_words(const void *row)
{
  return cell_of_made_text(order_label(((const struct row *)row)->line));
}

static struct cell point_words(const void *row)
{
  const struct error_line *errors = &((const struct row *)row)->line->errors;
  return cell_of_made_text(sde_format("%zu of %zu, %s", errors->resolved, errors->count,
                                      errors->exact ? "exact" : "simulated"));
}

/* The local slopes from the largest point on. */
static struct cell local_words(const void *row)
{
  const struct error_line *errors = &((const struct row *)row)->line->errors;
  struct text text = {0};
  text_add(&text, "%s", "");
  for (size_t i = errors->count; i-- > 1;)
    text_add(&text, isnan(errors->point[i].local_slope) ? "- " : "%.3f ",
             errors->point[i].local_slope);
  return cell_of_made_text(text.data);
}

/* Against rho: what was subtracted. */
static struct cell floor_words(const void *given)
{
  const struct row *row = given;
  if (row->line->versus != ORDER_VERSUS_RHO || row->line->errors.count == 0)
    return cell_of_text(NULL);
  return cell_of_made_text(sde_format("floor %.3g +- %.1g", row->point.floor, row->point.floor_se));
}

static const struct columns columns = {
    "order.csv",
    (const struct column[]){
        {.heading = "case", .width = -36, .of_labels = true, COLUMN_OF_ROW(case_words)},
        COLUMNS_OF_OPTIMIZER(row),
        {"micro_batch", COLUMN_OF_ONE(row, cell_case_micro_batch)},
        {"batch", COLUMN_OF_ONE(row, cell_case_batch)},
        {"sde", "sde_index", COLUMN_FIELD(row, sde)},
        COLUMN_OF_OBSERVABLE(row, observable),
        {"versus", NULL, "vs", NULL, -4, 0, COLUMN_FIELD(row, versus)},
        {"eta", COLUMN_FIELD(row, eta)},
        {"rho", COLUMN_FIELD(row, rho)},
        {"error", COLUMN_FIELD(row, point.error)},
        {"se", COLUMN_FIELD(row, point.se)},
        {"scheme_error", COLUMN_FIELD(row, point.scheme_error)},
        {"floor", COLUMN_FIELD(row, point.floor)},
        {"floor_se", COLUMN_FIELD(row, point.floor_se)},
        {"local_slope", COLUMN_FIELD(row, point.local_slope)},
        {"resolved", COLUMN_FIELD(row, point.resolved)},
        {"exact", "", COLUMN_FIELD(row, point.exact)},
        {.key = "exact", COLUMN_FIELD(row, exact)},
        {"slope", NULL, "slope", NULL, 7, 5, COLUMN_FIELD(row, slope)},
        {"slope_se", NULL, "s.e.", " +- ", -7, 2, COLUMN_FIELD(row, slope_se)},
        {.heading = "fitted", .width = 8, .digits = 4, COLUMN_FIELD(row, low)},
        {.heading = "", .before = " to ", .width = -8, .digits = 4, COLUMN_FIELD(row, high)},
        {.heading = "points", .width = -18, COLUMN_OF_ROW(point_words)},
        {.key = "unresolved", COLUMN_FIELD(row, unresolved)},
        {.heading = "local slopes", .width = -12, COLUMN_OF_ROW(local_words)},
        {.heading = "", COLUMN_OF_ROW(floor_words)},
        {.read = NULL}}};

static const char *const keys_of_fits[] = {KEYS_OF_VARIANT, "observable", "sde_index", "versus",
                                           "slope",         "slope_se",   "exact",     NULL};
static const char *const keys_of_points[] = {
    "eta",          "rho",   "error",    "se",       "local_slope",
    "scheme_error", "floor", "floor_se", "resolved", NULL};
static const char *const keys_of_counts[] = {"unresolved", NULL};

/* The row of a point; without points, of the line alone. */
static struct row row_of(const struct cases *cases, const struct order_line *line, size_t point)
{
  const struct error_line *errors = &line->errors;
  struct row row = {.line = line,
                    .one = line->one,
                    .sde = line->sde,
                    .unresolved = errors->count - errors->resolved,
                    .observable = cases->observable_name[line->observable],
                    .versus = order_versus_name(line),
                    .eta = line->one->optimizer.eta,
                    .rho = line->one->optimizer.rho,
                    .exact = errors->exact,
                    .slope = errors->fit.slope,
                    .slope_se = errors->fit.se,
                    .low = errors->x_low,
                    .high = errors->x_high};
  if (point < errors->count) {
    row.point = errors->point[point];
    *(line->versus == ORDER_VERSUS_ETA ? &row.eta : &row.rho) = row.point.x;
  }
  return row;
}

/* Write a line, point by point, and print it; as an object of the summary. */
static json_t *report_line(struct results *results, const struct cases *cases,
                           const struct order_line *line)
{
  json_t *points = json_array();
  columns_begin(results, &columns);
  for (size_t i = 0; i < line->errors.count; i++) {
    struct row row = row_of(cases, line, i);
    columns_write(results, &columns, &row);
    json_array_append_new(points, columns_json(&columns, keys_of_points, &row));
  }
  struct row row = row_of(cases, line, 0);
  columns_print(results, &columns, &row);
  json_t *fit = columns_json(&columns, keys_of_fits, &row);
  json_object_set_new(fit, "range",
                      json_pack("[o, o]", results_json(row.low), results_json(row.high)));
  json_object_set_new(fit, "points", points);
  json_object_update_new(fit, columns_json(&columns, keys_of_counts, &row));
  return fit;
}

/* ---- the study ---- */

/* All but the cells. */
static struct order_grid grid_of(const struct cases *cases)
{
  const struct parameters *common = cases->recipe->common;
  struct order_grid grid = {.cases = cases, .etas = parameters_count(common, "eta")};
  grid.rho = parameters_reals(common, "rho", &grid.rhos);
  grid.outer = parameters_count(common, "batch") * parameters_count(common, "paths");
  grid.variants = cases->count / (grid.outer * grid.etas * grid.rhos);
  return grid;
}

static bool check(const struct cases *cases, struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  struct order_grid grid = grid_of(cases);
  if (recipe->sdes == 0)
    return sde_fail(status, SDE_INVALID, "%s: order needs an sde to compare the iterates with",
                    recipe->file);
  if (grid.etas == 1 && grid.rhos < 3)
    return sde_fail(status, SDE_INVALID,
                    "%s: order fits a slope; eta must be a list of three or more, or rho a list "
                    "of 0 and three or more others",
                    parameters_place(recipe->common, "eta"));
  if (grid.etas == 1 && !order_has_floor(&grid))
    return sde_fail(status, SDE_INVALID,
                    "%s: rho lacks 0; against rho the error at rho = 0 is the floor that is "
                    "subtracted, so rho: [0, ...] is needed",
                    parameters_place(recipe->common, "rho"));
  return order_has_lines(&grid) ||
         sde_fail(status, SDE_INVALID, "%s: order finds no slope; no optimizer here depends on rho",
                  parameters_place(recipe->common, "rho"));
}

static void note_floor(struct results *results, const struct order_grid *grid)
{
  if (grid->rhos > 1 && !order_has_floor(grid))
    results_note(results, false,
                 "%s: rho lacks 0, the floor to subtract, so no slope against rho is fitted\n",
                 parameters_place(grid->cases->recipe->common, "rho"));
}

static void report(struct results *results, const struct order_grid *grid,
                   const struct order_line *lines, size_t count)
{
  json_t *fits = json_array();
  size_t observables = grid->cases->observables->count;
  double quantile = comparison_quantile(grid->cases, count);
  results_note(results, false,
               "Weak error at the end time: slope +- standard error over the range fitted, points "
               "resolved,\nlocal slopes from the largest on; unresolved points are not fitted\n");
  columns_print_headings(results, &columns);
  for (size_t i = 0; i < count; i++)
    json_array_append_new(fits, report_line(results, grid->cases, &lines[i]));
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "fits", fits);
  for (size_t i = 0; i < count; i += observables)
    order_judge(results, grid, &lines[i], observables, quantile);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  size_t each = recipe->sdes * cases->observables->count;
  struct order_grid grid = grid_of(cases);
  if (!check(cases, status))
    return false;
  note_floor(results, &grid);
  no_order_report(results, cases);
  grid.cell = sde_alloc(cases->count * each, sizeof *grid.cell);
  const char *said = NULL;
  for (size_t i = 0; i < cases->count; i++)
    if (!measure_exactly(cases, &cases->one[i], results, &said, grid.cell + i * each))
      simulate(cases, &cases->one[i], threads, results, progress, grid.cell + i * each);
  struct order_line *lines = sde_alloc(2 * cases->count * each, sizeof *lines);
  size_t count = order_lines_make(&grid, lines);
  report(results, &grid, lines, count);
  for (size_t i = 0; i < count; i++)
    sde_free(lines[i].errors.point);
  sde_free(lines);
  sde_free(grid.cell);
  return true;
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

/* Points enough for a slope. */
static const char *const starter[] = {"eta", "[0.2, 0.1, 0.05, 0.025]", NULL};

extern const struct study_type study_order;
const struct study_type study_order = {
    .name = "order",
    .summary = "weak error against eta and rho with fitted slopes, exact where moments are known",
    .unused = unused,
    .companions = true,
    .starter = starter,
    .check = check,
    .estimate = estimate,
    .takes_schedules = true,
    .run = run,
};
