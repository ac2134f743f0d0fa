/*
 * The study `trajectory`: mean curves of iterates and SDEs over time, and a few paths of each.
 */
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

static void write_paths(struct results *results, const struct cases *cases,
                        const struct run_case *one, const struct sde_ensemble_result *result,
                        size_t paths, size_t records, const uint64_t *record_steps)
{
  FILE *table = results_table(results, "trajectory.csv",
                              "optimizer,micro_batch,batch,eta,rho,process,sde,path,observable,"
                              "time,value");
  size_t observables = cases->observables->count;
  for (size_t process = 0; process < 1 + cases->recipe->sdes; process++)
    for (size_t path = 0; path < paths; path++)
      for (size_t o = 0; o < observables; o++)
        for (size_t r = 0; r < records; r++) {
          series_case_columns(table, one);
          if (process == 0)
            fputs("iterates,,", table);
          else
            fprintf(table, "sde,%zu,", process - 1);
          fprintf(table, "%zu,%s,", path, cases->observable_name[o]);
          results_number(table, (double)record_steps[r] * one->optimizer.eta);
          fputc(',', table);
          results_number(
              table, result->samples[((process * records + r) * observables + o) * paths + path]);
          fputc('\n', table);
        }
}

static json_t *final_means(const struct cases *cases, const struct run_case *one,
                           const struct sde_ensemble_result *result, size_t process, size_t records)
{
  json_t *means = json_object();
  size_t observables = cases->observables->count;
  for (size_t o = 0; o < observables; o++) {
    struct sde_moments moments = result->moments[((process + 1) * records - 1) * observables + o];
    json_object_set_new(means, cases->observable_name[o],
                        json_pack("{s:o, s:o}", "mean", results_json(sde_moments_mean(moments)),
                                  "se", results_json(sde_moments_standard_error(moments))));
  }
  uint64_t diverged = result->diverged[(process + 1) * records - 1];
  return json_pack("{s:s, s:o, s:I, s:f, s:f, s:s, s:o, s:f, s:I, s:o}", "optimizer",
                   one->optimizer.rule->name, "micro_batch", series_micro_batch(one), "batch",
                   (json_int_t)one->optimizer.batch, "eta", one->optimizer.eta, "rho",
                   one->optimizer.rho, "process", process == 0 ? "iterates" : "sde", "sde_index",
                   process == 0 ? json_null() : json_integer((json_int_t)process - 1), "time",
                   (double)one->steps * one->optimizer.eta, "diverged", (json_int_t)diverged,
                   "observables", means);
}

static void print_final(struct results *results, const struct cases *cases,
                        const struct run_case *one, const struct sde_ensemble_result *result,
                        size_t process, size_t records)
{
  char *label = case_label(one);
  char *who = process == 0 ? sde_strdup("iterates") : sde_format("SDE %zu", process - 1);
  results_note(results, false, "%-14s eta %-8g rho %-8g %-9s", label, one->optimizer.eta,
               one->optimizer.rho, who);
  for (size_t o = 0; o < cases->observables->count; o++) {
    struct sde_moments moments =
        result->moments[((process + 1) * records - 1) * cases->observables->count + o];
    results_note(results, false, "  %s %.6g +- %.2g", cases->observable_name[o],
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
    size_t single = (size_t)path_file_paths(one, recipe), kept = paths > single ? paths : single;
    struct sde_ensemble_result result =
        case_run(cases, one, false, kept, records, record_steps, threads, progress);
    series_write(results, cases, one, &result, 1, records, record_steps);
    path_file_add(results, cases, one, &result, 1, kept, records, record_steps);
    path_file_trim(result.samples, (1 + recipe->sdes) * records * cases->observables->count, kept,
                   paths);
    write_paths(results, cases, one, &result, paths, records, record_steps);
    series_report_divergence(results, cases, one, &result, 1, records);
    for (size_t process = 0; process < 1 + recipe->sdes; process++) {
      json_array_append_new(rows, final_means(cases, one, &result, process, records));
      print_final(results, cases, one, &result, process, records);
    }
    sde_ensemble_result_free(&result);
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
