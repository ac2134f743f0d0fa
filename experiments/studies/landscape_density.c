/*
 * Stationary densities in one dimension: see landscape_density.h.
 */
#include "experiments/studies/landscape_density.h"

#include "analysis/density.h"
#include "analysis/effective_loss.h"
#include "experiments/cases/case_run.h"
#include "experiments/results/case_columns.h"
#include "experiments/results/series.h"

#include <math.h>
#include <string.h>

/* What the window leaves out of a density at each end, and the margin around the rest. */
static const double tail = 1e-4, margin = 0.05;

/* One SDE of a case beside its iterates. */
struct comparison {
  const struct run_case *one;
  size_t sde;
  struct density density;
  char *reason;         /* why no exact density is known; else NULL */
  double rate, settled; /* of relaxation, and how far the law still is from it at the end */
  size_t n, iterates_n;
  double *sample, *iterates;          /* at the end time, without diverged paths; sorted */
  double distance, iterates_distance; /* NAN where there is none */
  double critical, scheme, diverged;  /* what the distance may be: by sampling, ... */
};

/* The numbers that are some, in a new array. */
static double *kept(const double *samples, size_t paths, size_t *count)
{
  double *made = sde_alloc(paths, sizeof *made);
  *count = 0;
  for (size_t p = 0; p < paths; p++)
    if (!isnan(samples[p]))
      made[(*count)++] = samples[p];
  return made;
}

static void find_density(const struct cases *cases, struct comparison *comparison)
{
  const struct run_case *one = comparison->one;
  const struct limit *limit = one->sde[comparison->sde].limit;
  struct sde_status status = {SDE_OK, ""};
  if (limit_uses_directions(limit))
    comparison->reason = sde_strdup("drift and noise come from fresh micro-batches each step");
  else if (!density_new(limit_system(limit), cases->start[0],
                        parameters_real(cases->recipe->common, "divergence_bound"),
                        &comparison->density, &status))
    comparison->reason = sde_strdup(status.message);
  else if (!density_relaxation(&comparison->density, cases->start[0],
                               (double)one->steps * one->optimizer.eta, &comparison->rate,
                               &comparison->settled))
    comparison->reason = sde_strdup("how fast the law of a path comes to it cannot be found");
}

/* Distances, and what they may be: the scheme's part is the distance of the companion's paths,
 * extrapolated by the scheme's weak order as case_scheme_error does. */
static void measure(struct comparison *comparison, const double *companion, size_t paths,
                    double level)
{
  size_t n;
  double *other = kept(companion, paths, &n);
  const struct case_sde *sde = &comparison->one->sde[comparison->sde];
  double moved = density_sample_distance(comparison->n, comparison->sample, n, other);
  comparison->scheme = moved / case_companion_part(sde);
  comparison->diverged = (double)(paths - comparison->n) / (double)paths;
  comparison->critical = density_critical(comparison->n, level);
  comparison->distance = comparison->iterates_distance = NAN;
  if (comparison->reason == NULL && comparison->n > 0)
    comparison->distance =
        density_distance(&comparison->density, comparison->n, comparison->sample);
  if (comparison->reason == NULL && comparison->iterates_n > 0)
    comparison->iterates_distance =
        density_distance(&comparison->density, comparison->iterates_n, comparison->iterates);
  sde_free(other);
}

/* Run a case to its end and fill its comparisons, one an SDE. */
static void run_case(const struct cases *cases, const struct run_case *one, double level,
                     int threads, struct progress *progress, struct results *results,
                     struct comparison *comparisons)
{
  static const char *const name = "x1";
  struct sde_status status = {SDE_OK, ""};
  struct sde_observables *coordinate =
      observables_new(cases->objective, 1, &name, "landscape", &status);
  size_t paths = (size_t)one->paths;
  struct case_result result = case_run(&(struct case_ensemble){.cases = cases,
                                                               .one = one,
                                                               .companions = true,
                                                               .observables = coordinate,
                                                               .sample_paths = one->paths,
                                                               .records = 1,
                                                               .record_steps = &one->steps,
                                                               .threads = threads,
                                                               .progress = progress});
  series_report_divergence(results, &result);
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    struct comparison *comparison = &comparisons[s];
    const double *iterates = case_samples(&result, CASE_ITERATES, 0, 0);
    const double *solution = case_samples(&result, case_side_of_sde(s), 0, 0);
    *comparison = (struct comparison){.one = one, .sde = s};
    comparison->iterates = kept(iterates, paths, &comparison->iterates_n);
    comparison->sample = kept(solution, paths, &comparison->n);
    find_density(cases, comparison);
    measure(comparison, case_companion_samples(&result, s, 0, 0), paths, level);
  }
  case_result_free(&result);
  observables_free(coordinate);
}

/* ---- the window and the bins ---- */

static void widen(struct minima_box *box, double low, double high)
{
  box->low[0] = fmin(box->low[0], low);
  box->high[0] = fmax(box->high[0], high);
}

/* By the densities that are known, and the samples where none is. */
static void find_window(const struct comparison *all, size_t count, struct minima_box *box)
{
  box->low[0] = INFINITY;
  box->high[0] = -INFINITY;
  for (size_t i = 0; i < count; i++)
    if (all[i].reason == NULL)
      widen(box, density_quantile(&all[i].density, tail),
            density_quantile(&all[i].density, 1 - tail));
  for (size_t i = 0; i < count && !(box->low[0] < box->high[0]); i++)
    for (size_t p = 0; p < all[i].n; p++)
      widen(box, all[i].sample[p], all[i].sample[p]);
  if (!(box->low[0] < box->high[0]))
    widen(box, -all[0].one->optimizer.eta, all[0].one->optimizer.eta);
  double more = margin * (box->high[0] - box->low[0]);
  box->low[0] -= more;
  box->high[0] += more;
}

/* How many of the ascending numbers lie in [low, high). */
static size_t count_between(size_t count, const double *sorted, double low, double high)
{
  size_t inside = 0;
  for (size_t i = 0; i < count; i++)
    inside += sorted[i] >= low && sorted[i] < high;
  return inside;
}

/* The density in a bin, by the share of a sample that lies in it. */
struct share {
  double density, se;
};

/* A bin, and the densities there. */
struct bin_row {
  const struct run_case *one;
  size_t sde;
  double x, width, f, effective, exact;
  struct share simulated, iterates;
};

static const struct columns bin_columns = {
    "density.csv", (const struct column[]){COLUMNS_OF_CASE(bin_row),
                                           COLUMN_OF_SDE(bin_row),
                                           {"x", COLUMN_FIELD(bin_row, x)},
                                           {"width", COLUMN_FIELD(bin_row, width)},
                                           {"f", COLUMN_FIELD(bin_row, f)},
                                           {"effective", COLUMN_FIELD(bin_row, effective)},
                                           {"exact", COLUMN_FIELD(bin_row, exact)},
                                           {"simulated", COLUMN_FIELD(bin_row, simulated.density)},
                                           {"simulated_se", COLUMN_FIELD(bin_row, simulated.se)},
                                           {"iterates", COLUMN_FIELD(bin_row, iterates.density)},
                                           {"iterates_se", COLUMN_FIELD(bin_row, iterates.se)},
                                           {.read = NULL}}};

static struct share share_of(size_t count, const double *sorted, double low, double width)
{
  double share = (double)count_between(count, sorted, low, low + width) / (double)count;
  return (struct share){share / width, sqrt(share * (1 - share) / (double)count) / width};
}

/* The bins of one SDE. */
static void write_bins(const struct minima_box *box, const struct comparison *comparison,
                       struct results *results)
{
  const struct density *density = &comparison->density;
  struct effective_loss *effective = effective_loss_new(&comparison->one->optimizer);
  size_t bins = box->resolution;
  double width = (box->high[0] - box->low[0]) / (double)bins;
  for (size_t b = 0; b < bins; b++) {
    double low = box->low[0] + width * (double)b;
    struct bin_row row = {.one = comparison->one,
                          .sde = comparison->sde,
                          .x = low + width / 2,
                          .width = width,
                          .f = NAN,
                          .effective = NAN,
                          .exact = NAN,
                          .simulated = share_of(comparison->n, comparison->sample, low, width),
                          .iterates =
                              share_of(comparison->iterates_n, comparison->iterates, low, width)};
    if (effective != NULL)
      effective_loss_at(effective, 1, &row.x, &row.f, &row.effective);
    if (comparison->reason == NULL)
      row.exact =
          (density_cumulative(density, low + width) - density_cumulative(density, low)) / width;
    columns_write(results, &bin_columns, &row);
  }
  effective_loss_free(effective);
}

/* ---- what is said ---- */

static struct cell time_of(const void *row)
{
  const struct run_case *one = ((const struct comparison *)row)->one;
  return cell_of_real((double)one->steps * one->optimizer.eta);
}

static struct cell transient(const void *given)
{
  const struct comparison *row = given;
  return cell_of_real(row->reason == NULL ? row->settled : NAN);
}

static struct cell relaxation_time(const void *given)
{
  const struct comparison *row = given;
  return cell_of_real(row->reason == NULL ? 1 / row->rate : NAN);
}

static const struct columns columns = {
    NULL, (const struct column[]){
              COLUMNS_OF_CASE(comparison),
              COLUMN_OF_SDE(comparison),
              {"time", COLUMN_OF_ROW(time_of)},
              {"n", COLUMN_FIELD(comparison, n)},
              {"distance", NULL, "distance", NULL, 9, 3, COLUMN_FIELD(comparison, distance)},
              {"critical", NULL, "critical", NULL, 9, 3, COLUMN_FIELD(comparison, critical)},
              {"scheme_error", NULL, "scheme", NULL, 9, 2, COLUMN_FIELD(comparison, scheme)},
              {"transient", NULL, "transient", NULL, 9, 2, COLUMN_OF_ROW(transient)},
              {"relaxation_time", NULL, "relaxation", NULL, 10, 3, COLUMN_OF_ROW(relaxation_time)},
              {"iterates_distance", NULL, "iterates", NULL, 9, 3,
               COLUMN_FIELD(comparison, iterates_distance)},
              {.read = NULL}}};

static const char *const keys_of_rows[] = {KEYS_OF_CASE,
                                           "sde_index",
                                           "time",
                                           "n",
                                           "distance",
                                           "critical",
                                           "scheme_error",
                                           "transient",
                                           "relaxation_time",
                                           "iterates_distance",
                                           NULL};

/* What the distance may be on top of sampling. */
static double blur(const struct comparison *comparison)
{
  return comparison->scheme + comparison->settled + comparison->diverged +
         comparison->density.error;
}

static enum holds judge(const struct comparison *comparison)
{
  double other = blur(comparison);
  if (comparison->reason != NULL || isnan(comparison->distance) || !(other <= comparison->critical))
    return HOLDS_UNDECIDED;
  return comparison->distance <= comparison->critical + other ? HOLDS_YES : HOLDS_NO;
}

static void verdict(struct results *results, const struct comparison *comparison)
{
  const struct optimizer *optimizer = &comparison->one->optimizer;
  char *label = case_label(comparison->one);
  char *claim =
      sde_format("%s, b %zu, eta %g, rho %g: at the end time SDE %zu has its exact "
                 "stationary density",
                 label, optimizer->batch, optimizer->eta, optimizer->rho, comparison->sde);
  enum holds holds = judge(comparison);
  if (comparison->reason != NULL)
    results_verdict(results, claim, holds, "%s", comparison->reason);
  else
    results_verdict(
        results, claim, holds,
        "Kolmogorov-Smirnov distance %.3g of %zu independent paths, where sampling allows "
        "%.3g, the scheme adds up to %.2g, what is left of the start %.2g (relaxation "
        "time %.3g)%s",
        comparison->distance, comparison->n, comparison->critical, comparison->scheme,
        comparison->settled, 1 / comparison->rate,
        holds == HOLDS_UNDECIDED ? ": more substeps or a longer time are needed" : "");
  sde_free(claim);
  sde_free(label);
}

void landscape_density_report(const struct cases *cases, struct minima_box *box, int threads,
                              struct progress *progress, struct results *results)
{
  size_t sdes = cases->recipe->sdes, count = cases->count * sdes;
  double level = parameters_real(cases->recipe->common, "level") / (double)count;
  struct comparison *all = sde_alloc(count, sizeof *all);
  json_t *rows = json_array();
  for (size_t i = 0; i < cases->count; i++)
    run_case(cases, &cases->one[i], level, threads, progress, results, all + i * sdes);
  if (!(box->low[0] < box->high[0]))
    find_window(all, count, box);
  results_note(results, false, "Kolmogorov-Smirnov distances from the exact stationary density\n");
  columns_print_headings(results, &columns);
  for (size_t k = 0; k < count; k++) {
    write_bins(box, &all[k], results);
    json_array_append_new(rows, columns_json(&columns, keys_of_rows, &all[k]));
    columns_print(results, &columns, &all[k]);
    verdict(results, &all[k]);
  }
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "rows", rows);
  for (size_t k = 0; k < count; k++) {
    density_free(&all[k].density);
    sde_free(all[k].reason);
    sde_free(all[k].sample);
    sde_free(all[k].iterates);
  }
  sde_free(all);
}
