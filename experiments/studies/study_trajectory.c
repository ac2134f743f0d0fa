/*
 * The study `trajectory`: mean curves of iterates and SDEs over time, and a few paths of each.
 */
#include "experiments/cases/case_run.h"
#include "experiments/io/progress.h"
#include "experiments/recipe/study.h"
#include "experiments/results/path_file.h"
#include "experiments/results/series.h"

static const struct parameter_key keys[] = {
    {.name = "sample_paths",
     .type = PARAMETER_COUNT,
     .low = 0,
     .high = 1000,
     .fallback = "3",
     .help = "trajectory: how many single paths of each process go to trajectory.csv"},
    {.name = NULL}};

static void write_paths(struct results *results, const struct case_result *result, size_t paths)
{
  FILE *table = results_table(results, "trajectory.csv",
                              "optimizer,micro_batch,batch,eta,rho,process,sde,path,observable,"
                              "time,value");
  const struct cases *cases = result->cases;
  for (size_t side = 0; side < case_sides(cases); side++)
    for (size_t path = 0; path < paths; path++)
      for (size_t o = 0; o < result->ensemble.observables; o++)
        for (size_t r = 0; r < result->ensemble.records; r++) {
          series_case_columns(table, result->one);
          if (side == CASE_ITERATES)
            fputs("iterates,,", table);
          else
            fprintf(table, "sde,%zu,", case_sde_of_side(side));
          fprintf(table, "%zu,%s,", path, cases->observable_name[o]);
          results_number(table, case_time(result, r));
          fputc(',', table);
          results_number(table, case_samples(result, side, r, o)[path]);
          fputc('\n', table);
        }
}

static json_t *final_means(const struct case_result *result, size_t side)
{
  const struct run_case *one = result->one;
  size_t end = case_end(result);
  json_t *means = json_object();
  for (size_t o = 0; o < result->ensemble.observables; o++) {
    struct sde_moments moments = case_moments(result, side, end, o);
    json_object_set_new(means, result->cases->observable_name[o],
                        json_pack("{s:o, s:o}", "mean", results_json(sde_moments_mean(moments)),
                                  "se", results_json(sde_moments_standard_error(moments))));
  }
  bool iterates = side == CASE_ITERATES;
  return series_with_update(
      json_pack("{s:s, s:o, s:I, s:f, s:f, s:s, s:o, s:f, s:I, s:o}", "optimizer",
                one->optimizer.rule->name, "micro_batch", series_micro_batch(one), "batch",
                (json_int_t)one->optimizer.batch, "eta", one->optimizer.eta, "rho",
                one->optimizer.rho, "process", iterates ? "iterates" : "sde", "sde_index",
                iterates ? json_null() : json_integer((json_int_t)case_sde_of_side(side)), "time",
                case_time(result, end), "diverged", (json_int_t)case_diverged(result, side, end),
                "observables", means),
      one);
}

static void print_final(struct results *results, const struct case_result *result, size_t side)
{
  const struct optimizer *optimizer = &result->one->optimizer;
  char *label = case_label(result->one), *who = case_side_label(side);
  results_note(results, false, "%-14s eta %-8g rho %-8g %-9s", label, optimizer->eta,
               optimizer->rho, who);
  for (size_t o = 0; o < result->ensemble.observables; o++) {
    struct sde_moments moments = case_moments(result, side, case_end(result), o);
    results_note(results, false, "  %s %.6g +- %.2g", result->cases->observable_name[o],
                 sde_moments_mean(moments), sde_moments_standard_error(moments));
  }
  results_note(results, false, "\n");
  sde_free(label);
  sde_free(who);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  (void)status;
  json_t *rows = json_array();
  results_note(results, false, "At the end time, mean and standard error:\n");
  for (size_t i = 0; i < cases->count; i++) {
    const struct run_case *one = &cases->one[i];
    size_t records, paths = (size_t)parameters_u64(recipe->common, "sample_paths");
    uint64_t *record_steps = case_record_steps(cases, one, &records);
    if (paths > one->paths)
      paths = (size_t)one->paths;
    size_t single = (size_t)path_file_paths(one, recipe);
    struct case_result result =
        case_run(&(struct case_ensemble){.cases = cases,
                                         .one = one,
                                         .sample_paths = paths > single ? paths : single,
                                         .records = records,
                                         .record_steps = record_steps,
                                         .threads = threads,
                                         .progress = progress});
    series_write(results, &result);
    if (single > 0)
      path_file_add(results_path_file(results), &result);
    write_paths(results, &result, paths);
    series_report_divergence(results, &result);
    for (size_t side = 0; side < case_sides(cases); side++) {
      json_array_append_new(rows, final_means(&result, side));
      print_final(results, &result, side);
    }
    case_result_free(&result);
    sde_free(record_steps);
  }
  json_object_set_new(results_summary(results), "rows", rows);
  return true;
}

static const char *const unused[] = {"level", "tolerance", "variance_reduction", NULL};

extern const struct study_type study_trajectory;
const struct study_type study_trajectory = {
    .name = "trajectory",
    .summary = "mean curves of iterates and SDEs over time, and a few single paths",
    .keys = keys,
    .unused = unused,
    .keeps_paths = true,
    .run = run,
};
