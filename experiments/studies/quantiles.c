/*
 * Quantiles over time: see quantiles.h.
 */
#include "experiments/studies/quantiles.h"

#include "experiments/results/case_columns.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

struct quantile_row {
  const struct run_case *one;
  size_t side;
  const char *observable;
  double time, q05, q25, q50, q75, q95;
  size_t n;
};

static const struct columns quantiles = {
    "quantiles.csv", (const struct column[]){COLUMNS_OF_CASE(quantile_row),
                                             COLUMNS_OF_SIDE(quantile_row),
                                             COLUMN_OF_OBSERVABLE(quantile_row, observable),
                                             {"time", COLUMN_FIELD(quantile_row, time)},
                                             {"q05", COLUMN_FIELD(quantile_row, q05)},
                                             {"q25", COLUMN_FIELD(quantile_row, q25)},
                                             {"q50", COLUMN_FIELD(quantile_row, q50)},
                                             {"q75", COLUMN_FIELD(quantile_row, q75)},
                                             {"q95", COLUMN_FIELD(quantile_row, q95)},
                                             {"n", COLUMN_FIELD(quantile_row, n)},
                                             {.read = NULL}}};

/* The numbers among `paths` values, in ascending order; returns how many. */
static size_t sort_numbers(size_t paths, const double *value, double *sorted)
{
  size_t count = 0;
  for (size_t p = 0; p < paths; p++)
    if (isfinite(value[p]))
      sorted[count++] = value[p];
  gsl_sort(sorted, 1, count);
  return count;
}

static double quantile(const double *sorted, size_t count, double share)
{
  return count == 0 ? NAN : gsl_stats_quantile_from_sorted_data(sorted, 1, count, share);
}

void quantiles_write(struct results *results, const struct case_result *result, size_t paths)
{
  double *sorted = sde_alloc(paths, sizeof *sorted);
  columns_begin(results, &quantiles);
  for (size_t side = 0; side < case_sides(result->cases); side++)
    for (size_t o = 0; o < result->ensemble.observables; o++)
      for (size_t r = 0; r < result->ensemble.records; r++) {
        size_t n = sort_numbers(paths, case_samples(result, side, r, o), sorted);
        struct quantile_row row = {.one = result->one,
                                   .side = side,
                                   .observable = result->cases->observable_name[o],
                                   .time = case_time(result, r),
                                   .q05 = quantile(sorted, n, 0.05),
                                   .q25 = quantile(sorted, n, 0.25),
                                   .q50 = quantile(sorted, n, 0.5),
                                   .q75 = quantile(sorted, n, 0.75),
                                   .q95 = quantile(sorted, n, 0.95),
                                   .n = n};
        columns_write(results, &quantiles, &row);
      }
  sde_free(sorted);
}
