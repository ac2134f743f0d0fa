/*
 * Distances: see distances.h.
 */
#include "experiments/studies/distances.h"

#include "experiments/results/series.h"

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

static void write_row(FILE *table, const struct cases *cases, const struct run_case *one, size_t s,
                      size_t o, double time, const struct distance *distance)
{
  const double numbers[] = {time,
                            distance->wasserstein,
                            distance->floor,
                            distance->floor_sd,
                            distance->scheme,
                            distance->kolmogorov_smirnov,
                            distance->critical};
  series_case_columns(table, one);
  fprintf(table, "%zu,%s,", s, cases->observable_name[o]);
  for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
    results_number(table, numbers[k]);
    fputc(',', table);
  }
  fprintf(table, "%zu,%zu\n", distance->n, distance->sde_n);
}

void distances_write(struct results *results, const struct case_result *result, size_t paths,
                     struct distance *end)
{
  FILE *table = results_table(results, "distances.csv",
                              "optimizer,micro_batch,batch,eta,rho,sde,observable,time,"
                              "wasserstein,floor,floor_sd,scheme,kolmogorov_smirnov,critical,"
                              "iterates_n,sde_n");
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
        write_row(table, cases, one, s, o, case_time(result, r), last);
      }
      sde_free(purpose);
    }
}

static json_t *summary_row(const struct cases *cases, const struct run_case *one, size_t s,
                           size_t o, const struct distance *distance)
{
  const struct optimizer *optimizer = &one->optimizer;
  return series_with_update(
      json_pack(
          "{s:s, s:o, s:I, s:f, s:f, s:i, s:s, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I}",
          "optimizer", optimizer->rule->name, "micro_batch", series_micro_batch(one), "batch",
          (json_int_t)optimizer->batch, "eta", optimizer->eta, "rho", optimizer->rho, "sde_index",
          (int)s, "observable", cases->observable_name[o], "time",
          (double)one->steps * optimizer->eta, "wasserstein", results_json(distance->wasserstein),
          "floor", results_json(distance->floor), "floor_sd", results_json(distance->floor_sd),
          "scheme", results_json(distance->scheme), "kolmogorov_smirnov",
          results_json(distance->kolmogorov_smirnov), "critical", results_json(distance->critical),
          "iterates_n", (json_int_t)distance->n, "sde_n", (json_int_t)distance->sde_n),
      one);
}

static void print(struct results *results, const struct cases *cases, const struct run_case *one,
                  size_t s, size_t o, const struct distance *distance)
{
  char *label = case_label(one);
  results_note(results, false,
               "%-13s %-7g %-6g %-3zu %-14s %9.4g %9.3g +- %-8.2g %7.1g %9.3g %9.3g\n", label,
               one->optimizer.eta, one->optimizer.rho, s, cases->observable_name[o],
               distance->wasserstein, distance->floor, distance->floor_sd, distance->scheme,
               distance->kolmogorov_smirnov, distance->critical);
  sde_free(label);
}

void distances_report(struct results *results, const struct cases *cases,
                      const struct distance *end)
{
  json_t *rows = json_array();
  results_note(results, false,
               "Distances of the laws of iterates and SDE at the end time; floor: were they equal\n"
               "%-13s %-7s %-6s %-3s %-14s %9s %-21s %7s %9s %9s\n",
               "optimizer", "eta", "rho", "SDE", "observable", "W1", "    floor +- spread",
               "scheme", "KS", "critical");
  for (size_t i = 0; i < cases->count; i++)
    for (size_t s = 0; s < cases->recipe->sdes; s++)
      for (size_t o = 0; o < cases->observables->count; o++, end++) {
        print(results, cases, &cases->one[i], s, o, end);
        json_array_append_new(rows, summary_row(cases, &cases->one[i], s, o, end));
      }
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "distances", rows);
}
