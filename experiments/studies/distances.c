/*
 * Distances: see distances.h.
 */
#include "experiments/studies/distances.h"

#include "experiments/results/case_columns.h"

#include <math.h>
#include <string.h>

/* SDE and companion share a Brownian path, so the distance of their samples is hardly sampling
 * error: extrapolated by the scheme's weak order as case_scheme_error does. */
static double scheme_part(const struct case_sde *sde, size_t count, const double *solution,
                          const double *companion)
{
  double *a = sde_alloc(count, sizeof *a), *b = sde_alloc(count, sizeof *b);
  size_t n = sde_sorted(count, solution, a), companion_n = sde_sorted(count, companion, b);
  double moved = sde_wasserstein(n, a, companion_n, b);
  sde_free(a);
  sde_free(b);
  return moved / case_companion_part(sde);
}

/* The level of each of the distances at the end time, which together have the recipe's. */
static double level_of_each(const struct cases *cases)
{
  size_t count = cases->count * cases->recipe->sdes * cases->observables->count;
  return parameters_real(cases->recipe->common, "level") / (double)count;
}

/* The distance of an observable's laws at a time. */
struct row {
  const struct run_case *one;
  size_t sde;
  const char *observable;
  double time;
  struct distance distance;
};

static const struct columns columns = {
    "distances.csv",
    (const struct column[]){
        COLUMNS_OF_CASE(row),
        COLUMN_OF_SDE(row),
        COLUMN_OF_OBSERVABLE(row, observable),
        {"time", COLUMN_FIELD(row, time)},
        {"wasserstein", NULL, "W1", NULL, 9, 4, COLUMN_FIELD(row, distance.wasserstein)},
        {"floor", NULL, "floor", NULL, 9, 3, COLUMN_FIELD(row, distance.floor)},
        {"floor_sd", NULL, "spread", " +- ", -8, 2, COLUMN_FIELD(row, distance.floor_sd)},
        {"scheme", NULL, "scheme", NULL, 7, 1, COLUMN_FIELD(row, distance.scheme)},
        {"kolmogorov_smirnov", NULL, "KS", NULL, 9, 3,
         COLUMN_FIELD(row, distance.kolmogorov_smirnov)},
        {"critical", NULL, "critical", NULL, 9, 3, COLUMN_FIELD(row, distance.critical)},
        {"iterates_n", COLUMN_FIELD(row, distance.n)},
        {"sde_n", COLUMN_FIELD(row, distance.sde_n)},
        {.read = NULL}}};

static const char *const keys[] = {
    KEYS_OF_CASE, "sde_index", "observable",         "time",     "wasserstein", "floor",
    "floor_sd",   "scheme",    "kolmogorov_smirnov", "critical", "iterates_n",  "sde_n",
    NULL};

void distances_write(struct results *results, const struct case_result *result, size_t paths,
                     struct distance *end)
{
  const struct cases *cases = result->cases;
  const struct run_case *one = result->one;
  size_t observables = cases->observables->count;
  double level = level_of_each(cases);
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    for (size_t o = 0; o < observables; o++) {
      char *purpose = sde_format("distances sde=%zu %s", s, cases->observable_name[o]);
      struct sde_stream stream = case_stream(cases, one, purpose);
      struct distance *last = &end[s * observables + o];
      for (size_t r = 0; r < result->ensemble.records; r++) {
        const double *iterates = case_samples(result, CASE_ITERATES, r, o);
        const double *solution = case_samples(result, case_side_of_sde(s), r, o);
        const double *companion = case_companion_samples(result, s, r, o);
        *last = distance_between(paths, iterates, solution, stream, result->record_steps[r], level);
        last->scheme = scheme_part(&one->sde[s], paths, solution, companion);
        struct row row = {one, s, cases->observable_name[o], case_time(result, r), *last};
        columns_write(results, &columns, &row);
      }
      sde_free(purpose);
    }
}

void distances_report(struct results *results, const struct cases *cases,
                      const struct distance *end)
{
  json_t *rows = json_array();
  results_note(results, false,
               "Distances of the laws of iterates and SDE at the end time; floor: were they "
               "equal\n");
  columns_print_headings(results, &columns);
  for (size_t i = 0; i < cases->count; i++)
    for (size_t s = 0; s < cases->recipe->sdes; s++)
      for (size_t o = 0; o < cases->observables->count; o++) {
        const struct run_case *one = &cases->one[i];
        double time = (double)one->steps * one->optimizer.eta;
        struct row row = {one, s, cases->observable_name[o], time, *end++};
        columns_print(results, &columns, &row);
        json_array_append_new(rows, columns_json(&columns, keys, &row));
      }
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "distances", rows);
}
