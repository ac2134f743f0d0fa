/*
 * Series: see series.h.
 */
#include "experiments/series.h"

#include <inttypes.h>
#include <math.h>

void series_case_columns(FILE *table, const struct run_case *one)
{
  const struct optimizer *optimizer = &one->optimizer;
  fprintf(table, "%s,", optimizer->type->name);
  if (optimizer->type->micro_batch != MICRO_NONE)
    fprintf(table, "%zu", optimizer->micro_batch);
  fprintf(table, ",%zu,", optimizer->batch);
  results_number(table, optimizer->eta);
  fputc(',', table);
  results_number(table, optimizer->rho);
  fputc(',', table);
}

json_t *series_micro_batch(const struct run_case *one)
{
  return one->optimizer.type->micro_batch == MICRO_NONE
             ? json_null()
             : json_integer((json_int_t)one->optimizer.micro_batch);
}

/* The rows of one process, `sde` its index or -1 for the iterates. */
static void write_process(FILE *table, const struct cases *cases, const struct run_case *one,
                          const struct sde_ensemble_result *result, size_t process, int sde,
                          size_t records, const uint64_t *record_steps)
{
  size_t observables = cases->observables->count;
  for (size_t o = 0; o < observables; o++)
    for (size_t r = 0; r < records; r++) {
      struct sde_moments moments = result->moments[(process * records + r) * observables + o];
      series_case_columns(table, one);
      if (sde < 0)
        fprintf(table, "iterates,,%s,", cases->observable_name[o]);
      else
        fprintf(table, "sde,%d,%s,", sde, cases->observable_name[o]);
      results_number(table, (double)record_steps[r] * one->optimizer.eta);
      fputc(',', table);
      results_number(table, sde_moments_mean(moments));
      fputc(',', table);
      results_number(table, sde_moments_standard_error(moments));
      fprintf(table, ",%.0f,%" PRIu64 "\n", moments.n, result->diverged[process * records + r]);
    }
}

void series_write(struct results *results, const struct cases *cases, const struct run_case *one,
                  const struct sde_ensemble_result *result, size_t each, size_t records,
                  const uint64_t *record_steps)
{
  FILE *table = results_table(results, "series.csv",
                              "optimizer,micro_batch,batch,eta,rho,process,sde,observable,time,"
                              "mean,se,n,diverged");
  write_process(table, cases, one, result, 0, -1, records, record_steps);
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    write_process(table, cases, one, result, 1 + each * s, (int)s, records, record_steps);
}

const char *series_survivors(uint64_t diverged, double paths)
{
  return (double)diverged < paths ? "means are over the survivors"
                                  : "none survived, so there is no mean";
}

void series_report_divergence(struct results *results, const struct cases *cases,
                              const struct run_case *one, const struct sde_ensemble_result *result,
                              size_t each, size_t records)
{
  double allowed = parameters_real(cases->recipe->common, "max_diverged");
  for (size_t process = 0; process < 1 + each * cases->recipe->sdes; process++) {
    uint64_t diverged = result->diverged[(process + 1) * records - 1];
    if (diverged == 0)
      continue;
    char *label = case_label(one);
    char *what = process == 0 ? sde_strdup("iterates")
                              : sde_format("SDE %zu%s", (process - 1) / each,
                                           (process - 1) % each == 1 ? " (companion)" : "");
    results_note(results, true,
                 "sharpsde: %s, eta %g, rho %g, %s: %" PRIu64 " of %" PRIu64
                 " paths diverged, the first at time %g; %s\n",
                 label, one->optimizer.eta, one->optimizer.rho, what, diverged, one->paths,
                 (double)result->first_divergence[process] * one->optimizer.eta,
                 series_survivors(diverged, (double)one->paths));
    sde_free(label);
    sde_free(what);
    if ((double)diverged > allowed * (double)one->paths)
      results_fail(results);
  }
}
