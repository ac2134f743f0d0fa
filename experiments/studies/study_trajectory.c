/*
 * The study `trajectory`: mean curves of iterates and SDEs over time, a few paths of each, and how
 * all spread.
 */
#include "experiments/cases/case_run.h"
#include "experiments/io/progress.h"
#include "experiments/recipe/study.h"
#include "experiments/results/case_columns.h"
#include "experiments/results/path_file.h"
#include "experiments/results/series.h"
#include "experiments/studies/ends.h"
#include "experiments/studies/quantiles.h"

#include <math.h>

static const struct parameter_key keys[] = {
    {.name = "sample_paths",
     .type = PARAMETER_COUNT,
     .low = 0,
     .high = 1000,
     .fallback = "3",
     .help = "trajectory: how many single paths of each process go to trajectory.csv"},
    {.name = NULL}};

/* An observable of a path at a time. */
struct path_row {
  const struct run_case *one;
  size_t side, path;
  const char *observable;
  double time, value;
};

static const struct columns trajectory = {
    "trajectory.csv", (const struct column[]){COLUMNS_OF_CASE(path_row),
                                              COLUMNS_OF_SIDE(path_row),
                                              {"path", COLUMN_FIELD(path_row, path)},
                                              COLUMN_OF_OBSERVABLE(path_row, observable),
                                              {"time", COLUMN_FIELD(path_row, time)},
                                              {"value", COLUMN_FIELD(path_row, value)},
                                              {.read = NULL}}};

/* Paths that are kept of a case: those that are written and those of which quantiles are taken. */
struct kept {
  size_t shown, single, spread, all;
};

static size_t at_most(uint64_t count, const struct run_case *one)
{
  return (size_t)(count < one->paths ? count : one->paths);
}

/* Paths of which quantiles are taken: as many as fit into 64 MB, and a hundred at least. */
static size_t spread_paths(const struct cases *cases, const struct run_case *one, size_t records)
{
  size_t each = records * cases->observables->count * case_sides(cases) * sizeof(double);
  size_t fit = ((size_t)1 << 26) / each;
  fit = fit < 100 ? 100 : fit > QUANTILES_MOST_PATHS ? QUANTILES_MOST_PATHS : fit;
  return one->paths > 1 ? at_most(fit, one) : 0;
}

static struct kept kept_of(const struct cases *cases, const struct run_case *one, size_t records)
{
  const struct recipe *recipe = cases->recipe;
  struct kept kept = {.shown = at_most(parameters_u64(recipe->common, "sample_paths"), one),
                      .single = (size_t)path_file_paths(one, recipe),
                      .spread = spread_paths(cases, one, records)};
  kept.all = kept.shown > kept.single ? kept.shown : kept.single;
  kept.all = kept.all > kept.spread ? kept.all : kept.spread;
  return kept;
}

static void write_paths(struct results *results, const struct case_result *result, size_t paths)
{
  columns_begin(results, &trajectory);
  for (size_t side = 0; side < case_sides(result->cases); side++)
    for (size_t path = 0; path < paths; path++)
      for (size_t o = 0; o < result->ensemble.observables; o++)
        for (size_t r = 0; r < result->ensemble.records; r++) {
          struct path_row row = {.one = result->one,
                                 .side = side,
                                 .path = path,
                                 .observable = result->cases->observable_name[o],
                                 .time = case_time(result, r),
                                 .value = case_samples(result, side, r, o)[path]};
          columns_write(results, &trajectory, &row);
        }
}

static const char *const keys_of_ends[] = {KEYS_OF_CASE, "process",  "sde_index",
                                           "time",       "diverged", NULL};
static const char *const keys_of_means[] = {"mean", "se", NULL};

/* Print the means of a side at the end time; as an object of the summary. */
static json_t *report_end(struct results *results, const struct case_result *result, size_t side)
{
  size_t end = case_end(result);
  struct series_row row = series_row_of(result, side, end, 0);
  json_t *object = columns_json(&series_columns, keys_of_ends, &row), *means = json_object();
  for (size_t o = 0; o < result->ensemble.observables; o++) {
    row = series_row_of(result, side, end, o);
    columns_print(results, &series_columns, &row);
    json_object_set_new(means, row.observable, columns_json(&series_columns, keys_of_means, &row));
  }
  json_object_set_new(object, "observables", means);
  return object;
}

/* The means of all sides at the end time, beside those at the start. */
static void keep_ends(const struct case_result *result, struct end_mean *ends)
{
  size_t end = case_end(result);
  for (size_t side = 0; side < case_sides(result->cases); side++)
    for (size_t o = 0; o < result->ensemble.observables; o++)
      *ends++ = (struct end_mean){.one = result->one,
                                  .side = side,
                                  .observable = o,
                                  .moments = case_moments(result, side, end, o),
                                  .exact = NAN,
                                  .start = sde_moments_mean(case_moments(result, side, 0, o))};
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  (void)recipe, (void)status;
  json_t *rows = json_array();
  size_t each = case_sides(cases) * cases->observables->count;
  struct end_mean *ends = sde_alloc(cases->count * each, sizeof *ends);
  results_note(results, false, "At the end time, mean +- standard error\n");
  columns_print_headings(results, &series_columns);
  for (size_t i = 0; i < cases->count; i++) {
    const struct run_case *one = &cases->one[i];
    size_t records;
    uint64_t *record_steps = case_record_steps(cases, one, &records);
    struct kept kept = kept_of(cases, one, records);
    struct case_result result = case_run(&(struct case_ensemble){.cases = cases,
                                                                 .one = one,
                                                                 .sample_paths = kept.all,
                                                                 .records = records,
                                                                 .record_steps = record_steps,
                                                                 .threads = threads,
                                                                 .progress = progress});
    series_write(results, &result);
    if (kept.single > 0)
      path_file_add(results_path_file(results), &result);
    write_paths(results, &result, kept.shown);
    if (kept.spread > 0)
      quantiles_write(results, &result, kept.spread);
    series_report_divergence(results, &result);
    keep_ends(&result, ends + i * each);
    for (size_t side = 0; side < case_sides(cases); side++)
      json_array_append_new(rows, report_end(results, &result, side));
    case_result_free(&result);
    sde_free(record_steps);
  }
  json_object_set_new(results_summary(results), "rows", rows);
  ends_report(results, cases, cases->count * each, ends);
  sde_free(ends);
  return true;
}

static const char *const unused[] = {"tolerance", "variance_reduction", NULL};

extern const struct study_type study_trajectory;
const struct study_type study_trajectory = {
    .name = "trajectory",
    .summary = "mean curves of iterates and SDEs over time, and a few single paths",
    .keys = keys,
    .unused = unused,
    .keeps_paths = true,
    .takes_schedules = true,
    .run = run,
};
