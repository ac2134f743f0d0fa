/*
 * The study `compare`: iterates beside the SDE over time, with the scheme's own error measured on
 * one Brownian path, and verdicts on the differences at the end time.
 */
#include "experiments/cases/case_run.h"
#include "experiments/io/progress.h"
#include "experiments/recipe/study.h"
#include "experiments/results/path_file.h"
#include "experiments/results/series.h"
#include "experiments/studies/comparison.h"
#include "experiments/studies/decay.h"
#include "experiments/studies/distances.h"
#include "experiments/studies/ends.h"
#include "experiments/studies/exact_means.h"
#include "experiments/studies/no_order.h"
#include "experiments/studies/tolerance.h"
#include "sde/quasi.h"

#include <inttypes.h>
#include <math.h>

static const struct parameter_key keys[] = {
    {.name = "distance_paths",
     .type = PARAMETER_COUNT,
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .help = "compare: how many paths, at most `paths`, are kept for the distances of the laws in "
             "distances.csv; 0 for none; each takes 8 bytes a record, observable and process (1 "
             "and 2 an SDE)"},
    {.name = NULL}};

static struct comparison compare(const struct case_result *result, size_t record, size_t sde,
                                 size_t observable)
{
  const struct run_case *one = result->one;
  size_t solved = case_side_of_sde(sde);
  struct sde_moments iterates = case_moments(result, CASE_ITERATES, record, observable);
  struct sde_moments solution = case_moments(result, solved, record, observable);
  struct sde_moments pair = case_companion_difference(result, sde, record, observable);
  struct sde_moments path_by_path = case_iterates_difference(result, sde, record, observable);
  bool coupled = one->sde[sde].coupled;
  double iterates_se = sde_moments_standard_error(iterates);
  double solution_se = sde_moments_standard_error(solution);
  double independent_se = hypot(iterates_se, solution_se);
  return (struct comparison){
      .one = one,
      .sde = sde,
      .observable = observable,
      .name = result->cases->observable_name[observable],
      .time = case_time(result, record),
      .iterates = iterates,
      .solution = solution,
      .iterates_diverged = case_diverged(result, CASE_ITERATES, record),
      .solution_diverged = case_diverged(result, solved, record),
      .start = sde_moments_mean(case_moments(result, CASE_ITERATES, 0, observable)),
      .difference = coupled ? sde_moments_mean(path_by_path)
                            : sde_moments_mean(iterates) - sde_moments_mean(solution),
      .difference_se = coupled ? sde_moments_standard_error(path_by_path) : independent_se,
      .difference_freedom =
          coupled ? path_by_path.n - 1
                  : sde_welch_freedom(iterates_se, iterates.n - 1, solution_se, solution.n - 1),
      .coupled = coupled,
      .variance_reduction =
          coupled ? pow(independent_se / sde_moments_standard_error(path_by_path), 2) : NAN,
      .iterates_gain = case_antithetic_gain(result, CASE_ITERATES, record, observable),
      .solution_gain = case_antithetic_gain(result, solved, record, observable),
      .quasi_gain = case_quasi_gain(result, solved, record, observable),
      .control = controls_gain(result, record, sde, observable),
      .exact_iterates = NAN,
      .exact_solution = NAN,
      .scheme_error = case_scheme_error(&one->sde[sde], pair)};
}

static void write_differences(struct results *results, const struct case_result *result)
{
  size_t sdes = result->processes.sdes, records = result->ensemble.records;
  size_t observables = result->ensemble.observables, count = 0;
  struct comparison *rows = sde_alloc(sdes * observables, records * sizeof *rows);
  for (size_t s = 0; s < sdes; s++)
    for (size_t o = 0; o < observables; o++)
      for (size_t r = 0; r < records; r++)
        rows[count++] = compare(result, r, s, o);
  comparison_write_differences(results, count, rows);
  sde_free(rows);
}

static json_t *quasi_json(const struct comparison *row)
{
  const struct sde_quasi *quasi = row->one->sde[row->sde].quasi;
  return json_pack("{s:I, s:I, s:I, s:o}", "replicates", (json_int_t)row->one->replicates, "paths",
                   (json_int_t)row->one->paths, "dimensions",
                   (json_int_t)sde_quasi_dimensions(quasi), "gain_sde",
                   results_json(row->quasi_gain));
}

/* Paths of a case whose observables are kept. */
static uint64_t kept_paths(const struct cases *cases, const struct run_case *one)
{
  uint64_t wanted = parameters_u64(cases->recipe->common, "distance_paths");
  if (cases->recipe->sdes == 0 || one->antithetic || one->replicates > 0)
    return 0;
  return wanted < one->paths ? wanted : one->paths;
}

/* Run one case, write its tables, and keep its comparisons and distances at the end time. */
static bool run_case(const struct cases *cases, const struct run_case *one, int threads,
                     struct results *results, struct progress *progress, struct comparison *kept,
                     struct exact_gaps *gaps, struct distance *distances, struct sde_status *status)
{
  size_t records;
  uint64_t paths = kept_paths(cases, one), single = path_file_paths(one, cases->recipe);
  uint64_t kept_samples = paths > single ? paths : single;
  uint64_t *record_steps = case_record_steps(cases, one, &records);
  struct controls *controls = NULL;
  if (recipe_control_variate(cases->recipe)) {
    controls = controls_new(cases, one, records, record_steps, threads, status);
    if (controls == NULL) {
      sde_free(record_steps);
      return false;
    }
  }
  struct case_result result = case_run(&(struct case_ensemble){.cases = cases,
                                                               .one = one,
                                                               .companions = true,
                                                               .controls = controls,
                                                               .sample_paths = kept_samples,
                                                               .records = records,
                                                               .record_steps = record_steps,
                                                               .threads = threads,
                                                               .progress = progress});
  series_write(results, &result);
  write_differences(results, &result);
  if (single > 0)
    path_file_add(results_path_file(results), &result);
  if (paths > 0)
    distances_write(results, &result, (size_t)paths, distances);
  series_report_divergence(results, &result);
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    for (size_t o = 0; o < cases->observables->count; o++)
      kept[s * cases->observables->count + o] = compare(&result, case_end(&result), s, o);
  exact_means_set(cases, one, kept, gaps);
  case_result_free(&result);
  controls_free(controls);
  sde_free(record_steps);
  return true;
}

/* The same to a tolerance: means at the end time alone, no series. */
static bool run_to_tolerance(const struct cases *cases, const struct run_case *one, int threads,
                             struct results *results, struct progress *progress,
                             struct comparison *kept, struct exact_gaps *gaps, json_t **multilevel,
                             struct sde_status *status)
{
  struct tolerance_case *done = tolerance_run(cases, one, threads, progress, results, kept, status);
  if (done == NULL)
    return false;
  exact_means_set(cases, one, kept, gaps);
  tolerance_write(results, done);
  tolerance_print(results, done);
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    for (size_t o = 0; o < cases->observables->count; o++)
      *multilevel++ = tolerance_json(done, s, o);
  tolerance_case_free(done);
  return true;
}

/* What is said first: from the iterates, once a case, and every SDE. */
static void report_ends(const struct cases *cases, struct results *results,
                        const struct comparison *all, size_t count)
{
  struct end_mean *ends = sde_alloc(2 * count, sizeof *ends);
  size_t made = 0;
  for (const struct comparison *row = all; row < all + count; row++) {
    if (row->sde == 0)
      ends[made++] = (struct end_mean){
          row->one, CASE_ITERATES, row->observable, row->iterates, row->exact_iterates, row->start,
          0};
    ends[made++] = (struct end_mean){row->one,         case_side_of_sde(row->sde), row->observable,
                                     row->solution,    row->exact_solution,        row->start,
                                     row->scheme_error};
  }
  ends_report(results, cases, made, ends);
  sde_free(ends);
}

/* Summary, tables, verdicts and what is printed of all rows. multilevel[row] is NULL without. */
static void report(const struct cases *cases, struct results *results, const struct comparison *all,
                   size_t count, json_t *const *multilevel, const struct exact_gaps *gaps,
                   const struct distance *distances)
{
  const struct recipe *recipe = cases->recipe;
  bool distant = isnan(recipe_tolerance(recipe));
  json_t *rows = json_array();
  for (size_t i = 0; i < count; i++) {
    json_t *row = comparison_json(&all[i]);
    if (all[i].one->antithetic)
      json_object_set_new(row, "antithetic",
                          json_pack("{s:o, s:o}", "gain_iterates",
                                    results_json(all[i].iterates_gain), "gain_sde",
                                    results_json(all[i].solution_gain)));
    if (all[i].one->replicates > 0)
      json_object_set_new(row, "quasi_random", quasi_json(&all[i]));
    if (!isnan(all[i].control.factor))
      json_object_set_new(row, "control_variate",
                          json_pack("{s:o, s:o, s:o}", "gain_sde",
                                    results_json(all[i].control.variance), "gain_evaluations",
                                    results_json(all[i].control.evaluations), "factor",
                                    results_json(all[i].control.factor)));
    if (multilevel[i] != NULL)
      json_object_set(row, "multilevel", multilevel[i]);
    json_array_append_new(rows, row);
    comparison_write(results, &all[i]);
  }
  json_object_set_new(results_summary(results), "rows", rows);
  double quantile = comparison_quantile(cases, count);
  report_ends(cases, results, all, count);
  exact_means_note(results, gaps);
  comparison_print(results, cases, all, count);
  if (distant && count > 0 && kept_paths(cases, &cases->one[0]) > 0)
    distances_report(results, cases, distances);
  if (distant && recipe->sdes == 0 && parameters_u64(recipe->common, "distance_paths") > 0)
    results_note(results, false, "no distances of laws: there is no SDE\n");
  comparison_verdicts(results, cases, all, count);
  exact_means_verdicts(results, cases, all, count, quantile, gaps);
  for (size_t i = 0; i < count; i++)
    if (all[i].sde == 0)
      decay_report(results, cases, &all[i], sde_student_quantile(quantile, all[i].iterates.n - 1));
}

static bool check(const struct cases *cases, struct sde_status *status)
{
  bool good = true, by_paths = isnan(recipe_tolerance(cases->recipe));
  for (size_t i = 0; good && i < cases->count; i++)
    if (by_paths && recipe_control_variate(cases->recipe))
      good = controls_check(cases, &cases->one[i], status);
  return good;
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  bool good = true, by_paths = isnan(recipe_tolerance(recipe));
  size_t each = recipe->sdes * cases->observables->count, count = cases->count * each;
  struct comparison *all = sde_alloc(count, sizeof *all);
  struct exact_gaps gaps = {0};
  struct distance *distances = sde_alloc(count, sizeof *distances);
  json_t **multilevel = sde_alloc(count, sizeof *multilevel);
  for (size_t i = 0; good && i < cases->count; i++)
    if (by_paths)
      good = run_case(cases, &cases->one[i], threads, results, progress, all + i * each, &gaps,
                      distances + i * each, status);
    else
      good = run_to_tolerance(cases, &cases->one[i], threads, results, progress, all + i * each,
                              &gaps, multilevel + i * each, status);
  if (good)
    report(cases, results, all, count, multilevel, &gaps, distances);
  no_order_report(results, cases);
  for (size_t i = 0; i < count; i++)
    json_decref(multilevel[i]);
  exact_gaps_free(&gaps);
  sde_free(multilevel);
  sde_free(distances);
  sde_free(all);
  return good;
}

extern const struct study_type study_compare;
const struct study_type study_compare = {
    .name = "compare",
    .summary = "iterates beside the SDE over time, with the scheme's error and verdicts",
    .keys = keys,
    .companions = true,
    .keeps_paths = true,
    .chooses_scheme = true,
    .check = check,
    .takes_schedules = true,
    .run = run,
};
