/*
 * The study `order`: the weak error |E phi(iterates) - E phi(SDE)| at the end time against eta and
 * against rho, with fitted slopes: from exact moments where an oracle applies, else by simulation.
 */
#include "experiments/comparison.h"
#include "experiments/error_line.h"
#include "experiments/oracle.h"
#include "experiments/remainder.h"
#include "experiments/series.h"
#include "experiments/study.h"
#include "experiments/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Process 1 + 2 s of an ensemble is SDE s, the next its companion; start and end are recorded. */
enum { EACH = 2, RECORDS = 2 };

/* An exact error below this share of the means is rounding. */
static const double rounding = 1e-12;

/* A mean at the end time; without standard error where it is exact. */
struct mean {
  double value, se;
  bool exact;
};

/* One case, one SDE, one observable. */
struct cell {
  struct mean iterates, solution;
  double pair, pair_se;             /* solution minus companion; 0 where nothing was simulated */
  double difference, difference_se; /* iterates minus solution */
};

enum versus { VERSUS_ETA, VERSUS_RHO };

/* The recipe multiplied out: case ((outer*etas + e)*rhos + r)*variants + v, where outer counts
 * batches and numbers of paths, and v optimizers and micro-batches. */
struct grid {
  const struct cases *cases;
  size_t outer, etas, rhos, variants;
  const double *rho;
  struct cell *cell; /* [(case*sdes + sde)*observables + observable] */
};

/* The errors of one variant, SDE and observable along one axis, ascending. */
struct line {
  enum versus versus;
  const struct run_case *one; /* any of its cases */
  size_t sde, observable;
  struct error_line errors;
};

static const char *versus_name(const struct line *line)
{
  return line->versus == VERSUS_ETA ? "eta" : "rho";
}

static const struct limit_options *options_of(const struct line *line)
{
  return limit_options_of(line->one->sde[line->sde].limit);
}

/* ---- measuring ---- */

/* The difference of means that were measured one by one. */
static void subtract(struct cell *cell)
{
  cell->difference = cell->iterates.value - cell->solution.value;
  cell->difference_se = hypot(cell->iterates.se, cell->solution.se);
}

/* Exact means of every process of a case into its cells, NAN where there are none; says whether
 * all are known. What stands in the way is noted, unless it was `said` last. */
static bool measure_exactly(const struct cases *cases, const struct run_case *one,
                            struct results *results, const char **said, struct cell *cell)
{
  size_t observables = cases->observables->count, sdes = cases->recipe->sdes;
  bool all = true;
  for (int process = ORACLE_ITERATES; process < (int)sdes; process++) {
    const char *why = NULL;
    struct oracle *oracle = oracle_new(cases, one, process, &why);
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
        struct cell *of = &cell[s * observables + o];
        struct mean mean = {oracle == NULL ? NAN : oracle_mean(oracle, o), 0, true};
        all &= !isnan(mean.value);
        if (process == ORACLE_ITERATES)
          of->iterates = mean;
        else if (process == (int)s)
          of->solution = mean;
      }
    oracle_free(oracle);
  }
  for (size_t k = 0; all && k < sdes * observables; k++)
    subtract(&cell[k]);
  return all;
}

static struct mean simulated_mean(struct sde_moments moments)
{
  return (struct mean){sde_moments_mean(moments), sde_moments_standard_error(moments), false};
}

/* The moments of pair `pair` of an ensemble at the end time. */
static struct sde_moments last_difference(const struct sde_ensemble_result *result, size_t pair,
                                          size_t observables, size_t observable)
{
  return result->differences[(pair * RECORDS + RECORDS - 1) * observables + observable];
}

/* Fill in the means of SDE s that are not known exactly. Where iterates and SDE share their
 * Brownian paths, their difference is taken path by path, of which alone the standard error is
 * right; the SDE's mean is then the simulated one, for the scheme's error to be that of both. */
static void fill_cells(const struct sde_ensemble_result *result, const struct run_case *one,
                       size_t sdes, size_t s, size_t observables, struct cell *cell)
{
  size_t process = 1 + EACH * s;
  for (size_t o = 0; o < observables; o++) {
    struct cell *of = &cell[o];
    bool known = !isnan(of->iterates.value) && !isnan(of->solution.value);
    bool paired = one->sde[s].coupled && !known;
    if (isnan(of->iterates.value))
      of->iterates = simulated_mean(result->moments[(RECORDS - 1) * observables + o]);
    if (isnan(of->solution.value) || paired) {
      struct sde_moments scheme = last_difference(result, s, observables, o);
      of->solution =
          simulated_mean(result->moments[(process * RECORDS + RECORDS - 1) * observables + o]);
      of->pair = sde_moments_mean(scheme);
      of->pair_se = sde_moments_standard_error(scheme);
    }
    subtract(of);
    if (paired) {
      struct sde_moments difference = last_difference(result, sdes + s, observables, o);
      of->difference = sde_moments_mean(difference);
      of->difference_se = sde_moments_standard_error(difference);
    }
  }
}

/* Simulate a case, and fill in what is not known exactly. */
static void simulate(const struct cases *cases, const struct run_case *one, int threads,
                     struct results *results, struct progress *progress, struct cell *cell)
{
  size_t observables = cases->observables->count, sdes = cases->recipe->sdes;
  uint64_t record_steps[RECORDS] = {0, one->steps};
  struct sde_ensemble_result result =
      case_run(cases, one, true, 0, RECORDS, record_steps, threads, progress);
  series_report_divergence(results, cases, one, &result, EACH, RECORDS);
  for (size_t s = 0; s < sdes; s++)
    fill_cells(&result, one, sdes, s, observables, cell + s * observables);
  sde_ensemble_result_free(&result);
}

/* ---- lines ---- */

static const struct cell *cell_at(const struct grid *grid, size_t index, const struct line *line)
{
  const struct cases *cases = grid->cases;
  return &grid->cell[(index * cases->recipe->sdes + line->sde) * cases->observables->count +
                     line->observable];
}

/* A cell's error; `zero` is the cell at rho = 0 that is subtracted, or NULL. */
static struct error_point make_point(const struct line *line, const struct run_case *one,
                                     const struct cell *cell, const struct cell *zero)
{
  static const struct cell nothing = {.difference = 0};
  const struct cell *less = zero == NULL ? &nothing : zero;
  const struct case_sde *sde = &one->sde[line->sde];
  /* The scheme's error at rho = 0 is that of the same equation to order 1 in rho: it cancels. */
  double step_factor = 1 / case_companion_part(sde);
  return (struct error_point){
      .x = line->versus == VERSUS_ETA ? one->optimizer.eta : one->optimizer.rho,
      .difference = cell->difference - less->difference,
      .own_se = cell->difference_se,
      .se = hypot(cell->difference_se, less->difference_se),
      .floor = less->difference,
      .floor_se = less->difference_se,
      .scheme_error =
          step_factor * (fabs(cell->pair - less->pair) + 2 * hypot(cell->pair_se, less->pair_se)),
      .rounding = rounding * (fabs(cell->iterates.value) + fabs(less->iterates.value)),
      .exact = cell->iterates.exact && cell->solution.exact};
}

/* The line whose first case is `first`; its cases are `stride` apart, `count` of them. */
static void make_line(const struct grid *grid, struct line *line, size_t first, size_t stride,
                      size_t count)
{
  const struct run_case *all = grid->cases->one;
  const struct cell *zero = NULL;
  if (line->versus == VERSUS_RHO)
    for (size_t i = 0; i < count; i++)
      if (all[first + i * stride].optimizer.rho == 0)
        zero = cell_at(grid, first + i * stride, line);
  line->one = &all[first];
  line->errors.axis = versus_name(line);
  line->errors.point = sde_alloc(count, sizeof *line->errors.point);
  for (size_t i = 0; i < count; i++) {
    size_t index = first + i * stride;
    const struct cell *cell = cell_at(grid, index, line);
    if (cell != zero)
      line->errors.point[line->errors.count++] = make_point(line, &all[index], cell, zero);
  }
  error_line_fit(&line->errors);
}

/* ---- tables ---- */

static double eta_of(const struct line *line, const struct error_point *point)
{
  return line->versus == VERSUS_ETA ? point->x : line->one->optimizer.eta;
}

static double rho_of(const struct line *line, const struct error_point *point)
{
  return line->versus == VERSUS_RHO ? point->x : line->one->optimizer.rho;
}

static void write_line(struct results *results, const struct cases *cases, const struct line *line)
{
  FILE *table = results_table(results, "order.csv",
                              "optimizer,micro_batch,batch,sde,observable,versus,eta,rho,error,se,"
                              "scheme_error,floor,floor_se,local_slope,resolved,exact,slope,"
                              "slope_se");
  for (size_t i = 0; i < line->errors.count; i++) {
    const struct error_point *point = &line->errors.point[i];
    const struct optimizer *optimizer = &line->one->optimizer;
    fprintf(table, "%s,", optimizer->type->name);
    if (optimizer->type->micro_batch != MICRO_NONE)
      fprintf(table, "%zu", optimizer->micro_batch);
    fprintf(table, ",%zu,%zu,%s,%s,", optimizer->batch, line->sde,
            cases->observable_name[line->observable], versus_name(line));
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

static json_t *summary_fit(const struct cases *cases, const struct line *line)
{
  const struct optimizer *optimizer = &line->one->optimizer;
  const struct error_line *errors = &line->errors;
  json_t *points = json_array();
  for (size_t i = 0; i < errors->count; i++) {
    const struct error_point *point = &errors->point[i];
    json_array_append_new(
        points, json_pack("{s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "eta",
                          eta_of(line, point), "rho", rho_of(line, point), "error",
                          results_json(point->error), "se", results_json(point->se), "local_slope",
                          results_json(point->local_slope), "scheme_error",
                          results_json(point->scheme_error), "floor", results_json(point->floor),
                          "floor_se", results_json(point->floor_se), "resolved", point->resolved));
  }
  return json_pack("{s:s, s:o, s:I, s:s, s:i, s:s, s:o, s:o, s:b, s:[o, o], s:o, s:I}", "optimizer",
                   optimizer->type->name, "micro_batch", series_micro_batch(line->one), "batch",
                   (json_int_t)optimizer->batch, "observable",
                   cases->observable_name[line->observable], "sde_index", (int)line->sde, "versus",
                   versus_name(line), "slope", results_json(errors->fit.slope), "slope_se",
                   results_json(errors->fit.se), "exact", errors->exact, "range",
                   results_json(errors->x_low), results_json(errors->x_high), "points", points,
                   "unresolved", (json_int_t)(errors->count - errors->resolved));
}

/* "m-usam m=2, b 4, rho 0.1, SDE 0", with what the line holds fixed; released with sde_free. */
static char *line_label(const struct line *line)
{
  char *name = case_label(line->one);
  const struct optimizer *optimizer = &line->one->optimizer;
  bool eta = line->versus == VERSUS_ETA;
  char *label = sde_format("%s, b %zu, %s %g, SDE %zu", name, optimizer->batch, eta ? "rho" : "eta",
                           eta ? optimizer->rho : optimizer->eta, line->sde);
  sde_free(name);
  return label;
}

static void print_line(struct results *results, const struct cases *cases, const struct line *line)
{
  const struct error_line *errors = &line->errors;
  char *label = line_label(line);
  results_note(results, false, "%-36s %-14s %-4s", label, cases->observable_name[line->observable],
               versus_name(line));
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
  if (line->versus == VERSUS_RHO && errors->count > 0)
    results_note(results, false, "; floor %.3g +- %.1g", errors->point[0].floor,
                 errors->point[0].floor_se);
  results_note(results, false, "\n");
  sde_free(label);
}

/* ---- verdicts ---- */

/* Does the SDE leave out a term of first order in rho that this case has? */
static bool lacks_first_order(const struct grid *grid, const struct line *line)
{
  const struct optimizer *optimizer = &line->one->optimizer;
  return (line->versus == VERSUS_RHO || optimizer->rho > 0) &&
         remainder_is_first_order(grid->cases, optimizer, options_of(line));
}

/* The slope that theory predicts; 0 where it predicts none. */
static double predicted_slope(const struct grid *grid, const struct line *line)
{
  const struct limit_options *options = options_of(line);
  if (line->versus == VERSUS_ETA)
    return options->eta_order;
  return lacks_first_order(grid, line) ? 1 : options->rho_order == RHO_ORDER_1 ? 2 : 0;
}

/* Does the predicted slope hold until terms of order rho^2 show only? */
static bool is_reserved(const struct grid *grid, const struct line *line)
{
  return line->versus == VERSUS_ETA &&
         remainder_is_second_order(grid->cases, &line->one->optimizer, options_of(line));
}

static char *claim_of(const struct grid *grid, const struct line *line, bool plateau)
{
  char *label = line_label(line);
  char *claim =
      plateau ? sde_format("%s: most of the error does not go to zero with eta, since the SDE "
                           "leaves out a term of order rho",
                           label)
              : sde_format("%s: the error falls like %s^%g%s", label, versus_name(line),
                           predicted_slope(grid, line),
                           is_reserved(grid, line) ? ", until terms of order rho^2 show" : "");
  sde_free(label);
  return claim;
}

/* One verdict over the observables of a variant, SDE and axis: `count` lines. A slope must be right
 * in all observables that say anything. The term that is left out need not be seen in all: in some
 * it may be small beside the rest, so that only all of them together can deny it. */
static void judge_lines(struct results *results, const struct grid *grid, const struct line *line,
                        size_t count, double quantile)
{
  double predicted = predicted_slope(grid, line);
  bool plateau = line->versus == VERSUS_ETA && lacks_first_order(grid, line);
  if (predicted == 0)
    return;
  struct text evidence = {0};
  size_t yes = 0, no = 0;
  for (size_t o = 0; o < count; o++) {
    char words[128];
    const struct error_line *errors = &line[o].errors;
    enum holds one = plateau
                         ? error_line_judge_plateau(errors, options_of(line)->eta_order, quantile,
                                                    sizeof words, words)
                         : error_line_judge_slope(errors, predicted, quantile, sizeof words, words);
    yes += one == HOLDS_YES;
    no += one == HOLDS_NO && !is_reserved(grid, line);
    text_add(&evidence, "%s%s: %s%s", o == 0 ? "" : "; ",
             grid->cases->observable_name[line[o].observable], words,
             strstr(words, "(open") != NULL ? "" : results_flag(one));
  }
  bool denied = plateau ? no == count : no > 0;
  char *claim = claim_of(grid, line, plateau);
  results_verdict(results, claim,
                  denied    ? HOLDS_NO
                  : yes > 0 ? HOLDS_YES
                            : HOLDS_UNDECIDED,
                  "%s%s", plateau ? "difference " : "slope ", evidence.data);
  sde_free(evidence.data);
  sde_free(claim);
}

/* ---- the study ---- */

/* Lines of all SDEs and observables from one case on; `line` is advanced past them. */
static void add_lines(const struct grid *grid, struct line **line, enum versus versus, size_t first,
                      size_t stride, size_t count)
{
  for (size_t s = 0; s < grid->cases->recipe->sdes; s++)
    for (size_t o = 0; o < grid->cases->observables->count; o++) {
      **line = (struct line){.versus = versus, .sde = s, .observable = o};
      make_line(grid, (*line)++, first, stride, count);
    }
}

static bool has_floor(const struct grid *grid)
{
  for (size_t r = 0; r < grid->rhos; r++)
    if (grid->rho[r] == 0)
      return true;
  return false;
}

/* Every line of the recipe; returns how many. There is room for two a cell. */
static size_t make_lines(const struct grid *grid, struct line *lines)
{
  struct line *line = lines;
  size_t v = grid->variants;
  for (size_t i = 0; i < grid->outer; i++)
    for (size_t k = 0; k < v; k++) {
      size_t first = i * grid->etas * grid->rhos * v + k;
      bool moves = grid->cases->one[first].optimizer.type->perturbation != PERTURB_NOTHING;
      for (size_t r = 0; r < (moves ? grid->rhos : 1) && grid->etas > 1; r++)
        add_lines(grid, &line, VERSUS_ETA, first + r * v, grid->rhos * v, grid->etas);
      for (size_t e = 0; e < grid->etas && moves && grid->rhos > 2 && has_floor(grid); e++)
        add_lines(grid, &line, VERSUS_RHO, first + e * grid->rhos * v, v, grid->rhos);
    }
  return (size_t)(line - lines);
}

static bool check(const struct grid *grid, struct results *results, struct sde_status *status)
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
  if (grid->rhos > 1 && !has_floor(grid)) {
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

static void report(struct results *results, const struct grid *grid, const struct line *lines,
                   size_t count)
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
    judge_lines(results, grid, &lines[i], observables, quantile);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  size_t each = recipe->sdes * cases->observables->count;
  struct grid grid = {.cases = cases, .etas = parameters_count(recipe->common, "eta")};
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
  struct line *lines = sde_alloc(2 * cases->count * each, sizeof *lines);
  size_t count = make_lines(&grid, lines);
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

static const char *const unused[] = {"records", "tolerance", "variance_reduction", NULL};

extern const struct study_type study_order;
const struct study_type study_order = {
    .name = "order",
    .summary = "weak error against eta and rho with fitted slopes, exact where moments are known",
    .unused = unused,
    .companions = true,
    .run = run,
};
