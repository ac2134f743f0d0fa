/*
 * Series: see series.h.
 */
#include "experiments/results/series.h"

#include "models/formula.h"

#include <inttypes.h>
#include <math.h>

void series_case_columns(FILE *table, const struct run_case *one)
{
  const struct optimizer *optimizer = &one->optimizer;
  fprintf(table, "%s,", optimizer->rule->name);
  if (optimizer->rule->micro_batch != MICRO_BATCH_NONE)
    fprintf(table, "%zu", optimizer->micro_batch);
  fprintf(table, ",%zu,", optimizer->batch);
  results_number(table, optimizer->eta);
  fputc(',', table);
  results_number(table, optimizer->rho);
  fputc(',', table);
}

json_t *series_micro_batch(const struct run_case *one)
{
  return one->optimizer.rule->micro_batch == MICRO_BATCH_NONE
             ? json_null()
             : json_integer((json_int_t)one->optimizer.micro_batch);
}

/* "iterates", "SDE 1", "SDE 1 (companion)"; released with sde_free. */
static char *process_name(size_t process, size_t each)
{
  return process == 0 ? sde_strdup("iterates")
                      : sde_format("SDE %zu%s", (process - 1) / each,
                                   (process - 1) % each == 1 ? " (companion)" : "");
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

/* Has a process means that are not numbers, though paths survive? A formula has none where one
 * of its operations has none, which its derivatives need not show. */
static void report_undefined(struct results *results, const struct cases *cases,
                             const struct run_case *one, const struct sde_ensemble_result *result,
                             size_t process, size_t each, size_t records,
                             const uint64_t *record_steps)
{
  size_t observables = cases->observables->count, count = records * observables, first = 0;
  const struct sde_moments *moments = result->moments + process * count;
  while (first < count && (moments[first].n == 0 || isfinite(moments[first].mean)))
    first++;
  char *partial = first < count ? formula_partial(cases->loss) : NULL;
  if (partial == NULL)
    return;
  char *label = case_label(one), *what = process_name(process, each);
  results_note(results, true,
               "sharpsde: %s, eta %g, rho %g, %s: the mean of %s is not a number at time %g, as "
               "happens where the formula has no value, by %s\n",
               label, one->optimizer.eta, one->optimizer.rho, what,
               cases->observable_name[first % observables],
               (double)record_steps[first / observables] * one->optimizer.eta, partial);
  sde_free(label);
  sde_free(what);
  sde_free(partial);
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
  report_undefined(results, cases, one, result, 0, each, records, record_steps);
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    report_undefined(results, cases, one, result, 1 + each * s, each, records, record_steps);
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
    char *label = case_label(one), *what = process_name(process, each);
    char *partial = formula_partial(cases->loss);
    results_note(results, true,
                 "sharpsde: %s, eta %g, rho %g, %s: %" PRIu64 " of %" PRIu64
                 " paths diverged, the first at time %g; %s%s%s\n",
                 label, one->optimizer.eta, one->optimizer.rho, what, diverged, one->paths,
                 (double)result->first_divergence[process] * one->optimizer.eta,
                 series_survivors(diverged, (double)one->paths),
                 partial == NULL ? ""
                                 : "; a path diverges also where the formula has no value, by ",
                 partial == NULL ? "" : partial);
    sde_free(label);
    sde_free(what);
    sde_free(partial);
    if ((double)diverged > allowed * (double)one->paths)
      results_fail(results);
  }
}
