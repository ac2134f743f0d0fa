/*
 * The sample paths of the study `landscape`: see landscape_paths.h.
 */
#include "experiments/studies/landscape_paths.h"

#include "experiments/cases/case_run.h"
#include "experiments/results/case_columns.h"
#include "experiments/results/series.h"

#include <math.h>

/* A window found from the paths is wider than they are by this share, and no side is shorter than
 * this share of the other. */
static const double margin = 0.2, narrowest = 0.2;

/* The sample paths of one case, of its coordinates. */
struct trail {
  const struct run_case *one;
  size_t paths, records; /* none where the recipe asks for no paths */
  uint64_t *record_steps;
  struct case_result result;
};

uint64_t landscape_paths_count(const struct cases *cases, const struct run_case *one)
{
  uint64_t wanted = parameters_u64(cases->recipe->common, "sample_paths");
  return wanted < one->paths ? wanted : one->paths;
}

static struct trail trail_new(const struct cases *cases, const struct run_case *one, int threads,
                              struct progress *progress, struct results *results)
{
  static const char *const names[] = {"x1", "x2"};
  struct sde_status status = {SDE_OK, ""};
  struct trail trail = {.one = one, .paths = (size_t)landscape_paths_count(cases, one)};
  if (trail.paths == 0)
    return trail;
  struct sde_observables *coordinates =
      observables_new(cases->objective, cases->loss->dim, names, "landscape", &status);
  trail.record_steps = case_record_steps(cases, one, &trail.records);
  trail.result = case_run(&(struct case_ensemble){.cases = cases,
                                                  .one = one,
                                                  .paths = trail.paths,
                                                  .observables = coordinates,
                                                  .sample_paths = trail.paths,
                                                  .records = trail.records,
                                                  .record_steps = trail.record_steps,
                                                  .threads = threads,
                                                  .progress = progress});
  series_report_divergence(results, &trail.result);
  observables_free(coordinates);
  return trail;
}

static void trail_free(struct trail *trail)
{
  sde_free(trail->record_steps);
  case_result_free(&trail->result);
}

/* A point of a path. */
struct trail_row {
  const struct run_case *one;
  size_t side, path;
  double time, x, y;
};

static const struct columns trail_columns = {
    "paths.csv", (const struct column[]){COLUMNS_OF_CASE(trail_row),
                                         COLUMNS_OF_SIDE(trail_row),
                                         {"path", COLUMN_FIELD(trail_row, path)},
                                         {"time", COLUMN_FIELD(trail_row, time)},
                                         {"x", COLUMN_FIELD(trail_row, x)},
                                         {"y", COLUMN_FIELD(trail_row, y)},
                                         {.read = NULL}}};

static void write_trail(struct results *results, const struct cases *cases,
                        const struct trail *trail)
{
  const struct case_result *result = &trail->result;
  columns_begin(results, &trail_columns);
  for (size_t side = 0; side < case_sides(cases); side++)
    for (size_t path = 0; path < trail->paths; path++)
      for (size_t r = 0; r < trail->records; r++) {
        struct trail_row row = {.one = trail->one,
                                .side = side,
                                .path = path,
                                .time = case_time(result, r),
                                .x = case_samples(result, side, r, 0)[path],
                                .y = case_samples(result, side, r, 1)[path]};
        columns_write(results, &trail_columns, &row);
      }
}

/* Where a side is empty: around the start and the paths. */
static void find_window(const struct cases *cases, const struct trail *trails,
                        struct minima_box *box)
{
  double low[MINIMA_DIM], high[MINIMA_DIM], longest = 0;
  for (size_t k = 0; k < MINIMA_DIM; k++) {
    low[k] = high[k] = cases->start[k];
    for (size_t i = 0; i < cases->count; i++)
      for (size_t side = 0; side < case_sides(cases); side++)
        for (size_t r = 0; r < trails[i].records; r++)
          for (size_t path = 0; path < trails[i].paths; path++) {
            double x = case_samples(&trails[i].result, side, r, k)[path];
            low[k] = fmin(low[k], x); /* NAN, of a diverged path, does not count */
            high[k] = fmax(high[k], x);
          }
    longest = fmax(longest, high[k] - low[k]);
  }
  if (!(longest > 0))
    longest = 1;
  for (size_t k = 0; k < MINIMA_DIM; k++) {
    if (box->low[k] < box->high[k])
      continue;
    double middle = (low[k] + high[k]) / 2, side = fmax(high[k] - low[k], narrowest * longest);
    box->low[k] = middle - (0.5 + margin) * side;
    box->high[k] = middle + (0.5 + margin) * side;
  }
}

void landscape_paths_run(const struct cases *cases, struct minima_box *box, int threads,
                         struct progress *progress, struct results *results)
{
  struct trail *trails = sde_alloc(cases->count, sizeof *trails);
  for (size_t i = 0; i < cases->count; i++) {
    trails[i] = trail_new(cases, &cases->one[i], threads, progress, results);
    write_trail(results, cases, &trails[i]);
  }
  find_window(cases, trails, box);
  for (size_t i = 0; i < cases->count; i++)
    trail_free(&trails[i]);
  sde_free(trails);
}
