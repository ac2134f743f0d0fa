/*
 * The study `escape`: how long iterates and SDEs take until a coordinate first reaches a boundary,
 * with survival curves, beside the exact mean first-passage time in one dimension. Paths that have
 * not left at the recipe's time are censored.
 */
#include "analysis/first_passage.h"
#include "analysis/mean_passage.h"
#include "experiments/cases/case_run.h"
#include "experiments/recipe/study.h"
#include "experiments/results/case_columns.h"
#include "experiments/results/series.h"
#include "experiments/studies/comparison.h"
#include "experiments/studies/escape_judge.h"

#include <math.h>

/* Half the width of a 95 % band in standard errors. */
static const double band = 1.96;

/* A walk with normal steps of standard deviation s overshoots a far level by 0.5826 s on average,
 * -zeta(1/2)/sqrt(2 pi): Siegmund, Adv. Appl. Probab. 11 (1979). */
static const double overshoot = 0.5826;

static const struct parameter_key keys[] = {
    {.name = "coordinate",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e6,
     .fallback = "1",
     .help = "escape: which coordinate of x is watched"},
    {.name = "boundary",
     .type = PARAMETER_REAL,
     .low = -1e300,
     .high = 1e300,
     .required = true,
     .help = "escape: a path has left when the coordinate reaches this level, from the side on "
             "which it starts; paths that have not by `time` are censored"},
    {.name = NULL}};

/* The level for every process, from the recipe; false where the start is on it. */
static bool read_target(const struct cases *cases, struct first_passage_target *target,
                        struct sde_status *status)
{
  const struct parameters *common = cases->recipe->common;
  uint64_t coordinate = parameters_u64(common, "coordinate");
  if (coordinate > cases->loss->dim)
    return sde_fail(status, SDE_INVALID,
                    "%s: coordinate is %llu; the loss %s has %zu, and they count from 1",
                    parameters_place(common, "coordinate"), (unsigned long long)coordinate,
                    cases->loss->type->name, cases->loss->dim);
  double boundary = parameters_real(common, "boundary");
  double start = cases->start[coordinate - 1];
  double bound = parameters_real(common, "divergence_bound");
  if (boundary == start || !(fabs(boundary) < bound))
    return sde_fail(status, SDE_INVALID,
                    "%s: boundary is %g; it must be within divergence_bound %g and not where "
                    "coordinate %llu starts, %g",
                    parameters_place(common, "boundary"), boundary, bound,
                    (unsigned long long)coordinate, start);
  *target = (struct first_passage_target){.coordinate = (size_t)coordinate - 1,
                                          .boundary = boundary,
                                          .above = boundary > start,
                                          .bound = bound};
  return true;
}

/* The same case with its processes stopped at the boundary. */
static struct run_case stopped_case(const struct cases *cases, const struct run_case *one,
                                    struct first_passage_target target, struct sde_status *status)
{
  struct run_case made = *one;
  struct sde_stream crossings = case_stream(cases, one, "crossings");
  target.paths = one->paths;
  made.iterates = first_passage_of_iterates(one->iterates, one->optimizer.eta, &target);
  made.sde = sde_alloc(cases->recipe->sdes, sizeof *made.sde);
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    made.sde[s] = one->sde[s];
    made.sde[s].process =
        first_passage_of_solution(one->sde[s].process->solution, &target, crossings, true, status);
    made.sde[s].companion = first_passage_of_solution(one->sde[s].companion->solution, &target,
                                                      crossings, true, status);
  }
  return made;
}

static void stopped_case_free(const struct cases *cases, struct run_case *made)
{
  first_passage_free(made->iterates);
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    first_passage_free(made->sde[s].process);
    first_passage_free(made->sde[s].companion);
  }
  sde_free(made->sde);
}

static struct survival curve_of(uint64_t paths, const double *time, double horizon)
{
  double *seen = sde_alloc((size_t)paths, sizeof *seen);
  bool *observed = sde_alloc((size_t)paths, sizeof *observed);
  size_t count = 0;
  for (uint64_t p = 0; p < paths; p++)
    if (!isnan(time[p])) {
      observed[count] = time[p] <= horizon;
      seen[count++] = fmin(time[p], horizon);
    }
  struct survival curve = survival_estimate(count, seen, observed);
  sde_free(seen);
  sde_free(observed);
  return curve;
}

/* What the stopped process has shown; the linear terms of its mean go to `terms`, [path]. */
static struct escape measure(const struct run_case *one, size_t side,
                             const struct sde_process *stopped, double *terms)
{
  const double *time = first_passage_times(stopped);
  double horizon = (double)one->steps * one->optimizer.eta;
  struct escape made = {.one = one, .side = side, .exact = NAN, .exact_error = NAN};
  made.longest = made.longer = NAN;
  made.curve = curve_of(one->paths, time, horizon);
  made.estimate = survival_mean((size_t)one->paths, time, horizon, terms);
  made.diverged = one->paths - made.estimate.counted;
  made.se = sde_moments_standard_error(sde_moments_of_values(one->paths, terms, NULL));
  if (escape_mean_unknown(&made.estimate) != NULL)
    made.estimate.mean = made.se = NAN;
  return made;
}

/* The exact mean time from farther and farther behind, until that hardly adds to it. */
static double longest_mean(const struct sde_system *system, double start,
                           const struct first_passage_target *target, double known)
{
  double longest = known;
  for (double far = 1; far <= 1024; far *= 2) {
    struct sde_status status = {SDE_OK, ""};
    struct mean_passage from;
    double behind = start + far * (start - target->boundary);
    if (!(fabs(behind) < target->bound) ||
        !mean_passage_time(system, behind, target->boundary, target->bound, &from, &status) ||
        (far > 8 && from.mean < 1.05 * longest))
      return fmax(longest, status.code == SDE_OK && fabs(behind) < target->bound ? from.mean : 0);
    longest = fmax(longest, from.mean);
  }
  return longest;
}

/* The exact mean of an SDE; or the reason, in `reason`, why there is none. With a boundary that is
 * further by the overshoot, how much longer iterates take. */
static void add_exact(const struct cases *cases, const struct first_passage_target *target,
                      struct escape *escape)
{
  const struct run_case *one = escape->one;
  const struct limit *limit = one->sde[case_sde_of_side(escape->side)].limit;
  const struct sde_system *system = limit_system(limit);
  struct sde_status status = {SDE_OK, ""};
  struct mean_passage exact, further;
  double start = cases->start[target->coordinate];
  if (limit_uses_directions(limit)) {
    escape->reason = sde_strdup("drift and noise come from fresh micro-batches each step");
    return;
  }
  if (!mean_passage_time(system, start, target->boundary, target->bound, &exact, &status)) {
    escape->reason = sde_strdup(status.message);
    return;
  }
  escape->exact = exact.mean;
  escape->exact_error = exact.mean * exact.relative;
  escape->longest = longest_mean(system, start, target, exact.mean);
  double step = sqrt(mean_passage_variance(system, target->boundary) * one->optimizer.eta);
  double shift = overshoot * (target->above ? step : -step);
  if (mean_passage_time(system, start, target->boundary + shift, target->bound, &further, &status))
    escape->longer = exp(further.logarithm - exact.logarithm);
}

/* Run one case; escape[side] is filled. */
static bool run_case(const struct cases *cases, const struct run_case *one,
                     const struct first_passage_target *target, int threads,
                     struct results *results, struct progress *progress, struct escape *escape,
                     struct sde_status *status)
{
  const uint64_t record_steps[] = {0, one->steps};
  struct run_case stopped = stopped_case(cases, one, *target, status);
  bool good = status->code == SDE_OK;
  if (good) {
    struct case_result result = case_run(&(struct case_ensemble){.cases = cases,
                                                                 .one = &stopped,
                                                                 .companions = true,
                                                                 .records = 2,
                                                                 .record_steps = record_steps,
                                                                 .threads = threads,
                                                                 .progress = progress});
    series_report_divergence(results, &result);
    case_result_free(&result);
    double *terms = sde_alloc(2 * (size_t)one->paths, sizeof *terms);
    escape[CASE_ITERATES] = measure(one, CASE_ITERATES, stopped.iterates, terms);
    for (size_t s = 0; s < cases->recipe->sdes; s++) {
      size_t side = case_side_of_sde(s);
      struct escape companion = measure(one, side, stopped.sde[s].companion, terms + one->paths);
      escape[side] = measure(one, side, stopped.sde[s].process, terms);
      escape[side].scheme_error = case_scheme_error(
          &one->sde[s], sde_moments_of_values(one->paths, terms, terms + one->paths));
      survival_free(&companion.curve);
      add_exact(cases, target, &escape[side]);
    }
    sde_free(terms);
  }
  stopped_case_free(cases, &stopped);
  return good;
}

/* ---- tables and summary ---- */

static struct cell scheme_error(const void *row)
{
  const struct escape *escape = row;
  return cell_of_real(escape->side == CASE_ITERATES ? NAN : escape->scheme_error);
}

static bool is_extrapolated(const struct escape *escape)
{
  return escape->estimate.censored > 0 && !isnan(escape->estimate.mean);
}

static struct cell extrapolated(const void *row)
{
  return (struct cell){.kind = CELL_FLAG, .flag = is_extrapolated(row)};
}

/* Behind a mean that rests on the tail of censored paths, or in its place. */
static struct cell mark(const void *row)
{
  const struct escape *escape = row;
  if (isnan(escape->estimate.mean) && escape->estimate.counted == escape->estimate.censored)
    return cell_of_made_text(
        sde_format("> %g, no path left", (double)escape->one->steps * escape->one->optimizer.eta));
  return cell_of_text(is_extrapolated(escape)        ? "extrapolated"
                      : isnan(escape->estimate.mean) ? "not known"
                                                     : "");
}

static const struct columns columns = {
    "escape.csv",
    (const struct column[]){
        COLUMNS_OF_CASE(escape),
        COLUMNS_OF_SIDE(escape),
        {"mean", NULL, "mean", NULL, 10, 5, COLUMN_FIELD(escape, estimate.mean)},
        {"se", NULL, "s.e.", " +- ", -8, 2, COLUMN_FIELD(escape, se)},
        {.heading = "", .width = -12, COLUMN_OF_ROW(mark)},
        {.key = "extrapolated", COLUMN_OF_ROW(extrapolated)},
        {"n", COLUMN_FIELD(escape, estimate.counted)},
        {"censored", NULL, "censored", NULL, 8, 0, COLUMN_FIELD(escape, estimate.censored)},
        {"diverged", COLUMN_FIELD(escape, diverged)},
        {"restricted_mean", COLUMN_FIELD(escape, estimate.restricted)},
        {"exact", NULL, "exact", NULL, 10, 5, COLUMN_FIELD(escape, exact)},
        {"exact_error", COLUMN_FIELD(escape, exact_error)},
        {"scheme_error", NULL, "scheme error", NULL, 12, 1, COLUMN_OF_ROW(scheme_error)},
        {"longer", NULL, "longer", NULL, 8, 3, COLUMN_FIELD(escape, longer)},
        {.read = NULL}}};

static const char *const keys_of_rows[] = {
    KEYS_OF_CASE, "process",  "sde_index",       "mean",  "se",          "extrapolated", "n",
    "censored",   "diverged", "restricted_mean", "exact", "exact_error", "scheme_error", NULL};

/* A point of a survival curve. */
struct curve_row {
  const struct run_case *one;
  size_t side;
  double time;
  struct survival_point at;
};

static const struct columns curves = {
    "survival.csv", (const struct column[]){COLUMNS_OF_CASE(curve_row),
                                            COLUMNS_OF_SIDE(curve_row),
                                            {"time", COLUMN_FIELD(curve_row, time)},
                                            {"survival", COLUMN_FIELD(curve_row, at.survival)},
                                            {"se", COLUMN_FIELD(curve_row, at.se)},
                                            {"low", COLUMN_FIELD(curve_row, at.low)},
                                            {"high", COLUMN_FIELD(curve_row, at.high)},
                                            {.read = NULL}}};

static void write_curve(struct results *results, const struct cases *cases,
                        const struct escape *escape)
{
  size_t records;
  uint64_t *steps = case_record_steps(cases, escape->one, &records);
  for (size_t r = 0; r < records; r++) {
    double time = (double)steps[r] * escape->one->optimizer.eta;
    struct curve_row row = {escape->one, escape->side, time,
                            survival_at(&escape->curve, time, band)};
    columns_write(results, &curves, &row);
  }
  sde_free(steps);
}

static void note_method(struct results *results, const struct cases *cases,
                        const struct escape *all, size_t count)
{
  bool censored = false, known = false;
  const char *unknown = NULL;
  for (size_t i = 0; i < count; i++) {
    censored |= is_extrapolated(&all[i]);
    unknown = unknown == NULL ? escape_mean_unknown(&all[i].estimate) : unknown;
    known |= !isnan(all[i].longer);
  }
  if (censored)
    results_note(
        results, false,
        "Where paths are censored, the mean beyond time %g is that of the exponential tail of the "
        "second half\n",
        parameters_real(cases->recipe->common, "time"));
  if (unknown != NULL)
    results_note(results, false, "A mean is not known: %s\n", unknown);
  results_note(
      results, false, "%sIterates are seen on the grid and overshoot%s\n\n",
      cases->recipe->sdes == 0 ? "" : "SDE paths are tested for crossings between their steps. ",
      known ? ": they take about `longer` times the exact time, to leading order in eta" : "");
}

static bool check(const struct cases *cases, struct sde_status *status)
{
  struct first_passage_target target;
  return read_target(cases, &target, status);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  (void)recipe;
  struct first_passage_target target = {0};
  if (!read_target(cases, &target, status))
    return false;
  size_t each = case_sides(cases), count = cases->count * each;
  struct escape *all = sde_alloc(count, sizeof *all);
  bool good = true;
  for (size_t i = 0; good && i < cases->count; i++)
    good = run_case(cases, &cases->one[i], &target, threads, results, progress, all + i * each,
                    status);
  results_note(results, false,
               "Time until coordinate %zu reaches %g; standard errors are over independent paths\n",
               target.coordinate + 1, target.boundary);
  columns_print_headings(results, &columns);
  json_t *rows = json_array();
  for (size_t i = 0; good && i < count; i++) {
    columns_write(results, &columns, &all[i]);
    write_curve(results, cases, &all[i]);
    columns_print(results, &columns, &all[i]);
    json_array_append_new(rows, columns_json(&columns, keys_of_rows, &all[i]));
  }
  if (good) {
    note_method(results, cases, all, count);
    escape_judge(results, cases, all, count);
  }
  json_object_set_new(results_summary(results), "rows", rows);
  for (size_t i = 0; i < count; i++) {
    survival_free(&all[i].curve);
    sde_free(all[i].reason);
  }
  sde_free(all);
  return good;
}

static const char *const unused[] = {"observables", "tolerance", "variance_reduction", NULL};

extern const struct study_type study_escape;
const struct study_type study_escape = {
    .name = "escape",
    .summary = "first-passage times and survival curves, beside the exact mean in one dimension",
    .keys = keys,
    .unused = unused,
    .companions = true,
    .ends_early = true,
    .check = check,
    .run = run,
};
