/*
 * The study `stationary`: long-run averages of iterates and SDEs beside the exact stationary
 * moments. After a burn-in each path is averaged over time; the averages of different paths are
 * independent, and are the batch means from which the standard errors come.
 */
#include "analysis/averages.h"
#include "experiments/cases/case_analysis.h"
#include "experiments/io/text.h"
#include "experiments/results/series.h"
#include "experiments/studies/comparison.h"
#include "experiments/studies/study.h"

#include <inttypes.h>
#include <math.h>

/* Where process 1 + 2 s stands in an ensemble of iterates, SDEs and companions. */
enum { EACH = 2 };

static const struct parameter_key keys[] = {
    {.name = "burn_in",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e300,
     .help = "stationary: time before averages begin; without it, half of `time`"},
    {.name = NULL}};

/* The same case with its processes averaged. */
static struct run_case average_case(const struct cases *cases, const struct run_case *one,
                                    const struct averages *quantities, uint64_t burn)
{
  struct run_case made = *one;
  const struct averages_plan plan = {
      .quantities = quantities,
      .observables = cases->observables,
      .burn = burn,
      .steps = one->steps,
      .paths = one->paths,
      .bound = parameters_real(cases->recipe->common, "divergence_bound")};
  made.iterates = averages_process_new(&plan, one->iterates);
  made.sde = sde_alloc(cases->recipe->sdes, sizeof *made.sde);
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    made.sde[s] = one->sde[s];
    made.sde[s].process = averages_process_new(&plan, one->sde[s].process);
    made.sde[s].companion = averages_process_new(&plan, one->sde[s].companion);
  }
  return made;
}

static void average_case_free(const struct cases *cases, struct run_case *made)
{
  averages_process_free(made->iterates);
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    averages_process_free(made->sde[s].process);
    averages_process_free(made->sde[s].companion);
  }
  sde_free(made->sde);
}

/* One quantity of one process: what was measured, and what is known. */
struct estimate {
  struct sde_moments moments;
  uint64_t diverged;
  double exact;        /* NAN where it is not known */
  double transient;    /* how far the exact one at the end of the burn-in still is from that */
  double scheme_error; /* 0 of iterates */
  struct sde_moments coupled_difference; /* iterates minus this, path by path */
};

/* A case's estimates, [(1 + sde)*quantity], iterates first; and why one has no exact moments. */
struct measured {
  const struct run_case *one;
  struct estimate *estimate;
  char **reason; /* [1 + sde]; NULL where exact moments are known */
};

static void measure(const struct cases *cases, const struct run_case *averaged,
                    const struct averages *quantities, const struct sde_ensemble_result *result,
                    size_t records, struct measured *measured)
{
  uint64_t paths = averaged->paths;
  double *iterates = averages_of(averaged->iterates);
  averages_linearise(quantities, paths, iterates);
  for (size_t q = 0; q < quantities->reported; q++)
    measured->estimate[q] =
        (struct estimate){.moments = sde_moments_of_values(paths, iterates + q * paths, NULL),
                          .diverged = result->diverged[records - 1]};
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    double *solution = averages_of(averaged->sde[s].process);
    double *companion = averages_of(averaged->sde[s].companion);
    averages_linearise(quantities, paths, solution);
    averages_linearise(quantities, paths, companion);
    for (size_t q = 0; q < quantities->reported; q++) {
      struct sde_moments pair =
          sde_moments_of_values(paths, solution + q * paths, companion + q * paths);
      measured->estimate[(1 + s) * quantities->reported + q] =
          (struct estimate){.moments = sde_moments_of_values(paths, solution + q * paths, NULL),
                            .diverged = result->diverged[(2 + EACH * s) * records - 1],
                            .scheme_error = comparison_scheme_error(&averaged->sde[s], pair),
                            .coupled_difference = sde_moments_of_values(paths, iterates + q * paths,
                                                                        solution + q * paths)};
    }
  }
}

/* The reported quantities where the oracle stands. */
static void read_oracle(const struct oracle *oracle, const struct averages *quantities,
                        const struct cases *cases, double *value)
{
  size_t d = cases->loss->dim;
  double *mean = sde_alloc(d, sizeof *mean), *covariance = sde_alloc(d, d * sizeof *covariance);
  oracle_moments(oracle, mean, covariance);
  for (size_t o = 0; o < quantities->observables; o++)
    value[o] = oracle_mean(oracle, o);
  for (size_t i = 0, q = quantities->observables; i < quantities->dim; i++)
    for (size_t k = 0; k <= i; k++)
      value[q++] = covariance[i * d + k];
  sde_free(mean);
  sde_free(covariance);
}

/* Exact stationary values of one process; or the reason, released with sde_free, why there are
 * none. */
static char *add_exact(const struct cases *cases, const struct run_case *one, int process,
                       const struct averages *quantities, uint64_t burn, struct estimate *estimate)
{
  const char *why;
  struct sde_status status = {SDE_OK, ""};
  size_t count = quantities->reported;
  double *burnt = sde_alloc(2 * count, sizeof *burnt), *exact = burnt + count;
  for (size_t q = 0; q < count; q++)
    exact[q] = burnt[q] = NAN;
  struct oracle *oracle = case_oracle_new(cases, one, process, &why);
  char *reason = oracle == NULL ? sde_strdup(why) : NULL;
  if (oracle != NULL) {
    oracle_advance(oracle, burn);
    read_oracle(oracle, quantities, cases, burnt);
    if (oracle_stationary(oracle, &status))
      read_oracle(oracle, quantities, cases, exact);
    else
      reason = sde_strdup(status.message);
  }
  for (size_t q = 0; q < count; q++) {
    estimate[q].exact = exact[q];
    estimate[q].transient = fabs(burnt[q] - exact[q]);
  }
  oracle_free(oracle);
  sde_free(burnt);
  return reason;
}

/* Run one case, write its series and keep its estimates. */
static struct measured run_case(const struct cases *cases, const struct run_case *one,
                                const struct averages *quantities, uint64_t burn, int threads,
                                struct results *results, struct progress *progress)
{
  size_t records, processes = 1 + cases->recipe->sdes;
  struct measured measured = {one,
                              sde_alloc(processes, quantities->reported * sizeof(struct estimate)),
                              sde_alloc(processes, sizeof(char *))};
  uint64_t *record_steps = case_record_steps(cases, one, &records);
  struct run_case averaged = average_case(cases, one, quantities, burn);
  struct sde_ensemble_result result =
      case_run(cases, &averaged, true, 0, records, record_steps, threads, progress);
  series_write(results, cases, one, &result, EACH, records, record_steps);
  series_report_divergence(results, cases, one, &result, EACH, records);
  measure(cases, &averaged, quantities, &result, records, &measured);
  for (size_t process = 0; process < processes; process++)
    measured.reason[process] = add_exact(cases, one, (int)process - 1, quantities, burn,
                                         measured.estimate + process * quantities->reported);
  average_case_free(cases, &averaged);
  sde_ensemble_result_free(&result);
  sde_free(record_steps);
  return measured;
}

static void write_table(struct results *results, const struct averages *quantities,
                        const struct measured *measured, size_t processes)
{
  FILE *table = results_table(results, "stationary.csv",
                              "optimizer,micro_batch,batch,eta,rho,process,sde,observable,mean,"
                              "se,n,diverged,exact,scheme_error");
  for (size_t process = 0; process < processes; process++)
    for (size_t q = 0; q < quantities->reported; q++) {
      const struct estimate *estimate = &measured->estimate[process * quantities->reported + q];
      series_case_columns(table, measured->one);
      if (process == 0)
        fprintf(table, "iterates,,%s,", quantities->name[q]);
      else
        fprintf(table, "sde,%zu,%s,", process - 1, quantities->name[q]);
      results_number(table, sde_moments_mean(estimate->moments));
      fputc(',', table);
      results_number(table, sde_moments_standard_error(estimate->moments));
      fprintf(table, ",%.0f,%" PRIu64 ",", estimate->moments.n, estimate->diverged);
      results_number(table, estimate->exact);
      fputc(',', table);
      results_number(table, process == 0 ? NAN : estimate->scheme_error);
      fputc('\n', table);
    }
}

static json_t *side(const struct estimate *estimate)
{
  return json_pack("{s:o, s:o, s:I, s:I}", "mean",
                   results_json(sde_moments_mean(estimate->moments)), "se",
                   results_json(sde_moments_standard_error(estimate->moments)), "n",
                   (json_int_t)estimate->moments.n, "diverged", (json_int_t)estimate->diverged);
}

static json_t *summary_row(const struct averages *quantities, const struct measured *measured,
                           size_t s, size_t q)
{
  const struct run_case *one = measured->one;
  const struct estimate *iterates = &measured->estimate[q];
  const struct estimate *solution = &measured->estimate[(1 + s) * quantities->reported + q];
  bool coupled = one->sde[s].coupled;
  struct sde_moments path_by_path = solution->coupled_difference;
  double difference =
      coupled ? sde_moments_mean(path_by_path)
              : sde_moments_mean(iterates->moments) - sde_moments_mean(solution->moments);
  double path_se = sde_moments_standard_error(path_by_path);
  double independent_se = hypot(sde_moments_standard_error(iterates->moments),
                                sde_moments_standard_error(solution->moments));
  return json_pack(
      "{s:s, s:o, s:I, s:f, s:f, s:s, s:f, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:b, "
      "s:o, s:o}",
      "optimizer", one->optimizer.type->name, "micro_batch", series_micro_batch(one), "batch",
      (json_int_t)one->optimizer.batch, "eta", one->optimizer.eta, "rho", one->optimizer.rho,
      "observable", quantities->name[q], "time", (double)one->steps * one->optimizer.eta,
      "sde_index", (int)s, "iterates", side(iterates), "sde", side(solution), "exact_iterates",
      results_json(iterates->exact), "exact_sde", results_json(solution->exact), "difference",
      results_json(difference), "difference_se", results_json(coupled ? path_se : independent_se),
      "coupled", coupled, "variance_reduction",
      results_json(coupled ? pow(independent_se / path_se, 2) : NAN), "scheme_error",
      results_json(solution->scheme_error));
}

/* Is every estimate within its interval of the exact value? Where the burn-in has left something to
 * be seen in one of them, which also spreads into the covariances, a miss decides nothing. The
 * evidence is added to the text. */
static enum holds judge_estimates(const struct averages *quantities,
                                  const struct estimate *estimate, double quantile,
                                  struct text *text)
{
  size_t known = 0, agreeing = 0;
  bool unsettled = false;
  for (size_t q = 0; q < quantities->reported; q++, estimate++) {
    if (isnan(estimate->exact))
      continue;
    double mean = sde_moments_mean(estimate->moments);
    double half = sde_student_quantile(quantile, estimate->moments.n - 1) *
                      sde_moments_standard_error(estimate->moments) +
                  estimate->scheme_error;
    unsettled |= !(estimate->transient <= half);
    bool agrees = fabs(mean - estimate->exact) <= half;
    agreeing += agrees;
    text_add(text, "%s%s: %.4g +- %.2g, exact %.4g%s", known++ == 0 ? "" : "; ",
             quantities->name[q], mean, half, estimate->exact,
             results_flag(agrees ? HOLDS_YES : HOLDS_NO));
  }
  if (known == 0)
    text_add(text, "no observable has an exact mean");
  else if (agreeing < known && unsettled)
    text_add(text, "; at the end of the burn-in the exact moments are still off by more than this: "
                   "burn_in is too short");
  return known > 0 && agreeing == known ? HOLDS_YES
         : known == 0 || unsettled      ? HOLDS_UNDECIDED
                                        : HOLDS_NO;
}

static void judge(struct results *results, const struct averages *quantities,
                  const struct measured *measured, size_t process, double quantile)
{
  enum holds holds = HOLDS_UNDECIDED;
  struct text text = {0};
  if (measured->reason[process] != NULL)
    text_add(&text, "%s", measured->reason[process]);
  else
    holds = judge_estimates(quantities, measured->estimate + process * quantities->reported,
                            quantile, &text);
  char *label = case_label(measured->one);
  const struct optimizer *optimizer = &measured->one->optimizer;
  char *who = process == 0 ? sde_strdup("the iterates") : sde_format("SDE %zu", process - 1);
  char *claim = sde_format("%s, b %zu, eta %g, rho %g: long-run averages of %s are the exact "
                           "stationary moments",
                           label, optimizer->batch, optimizer->eta, optimizer->rho, who);
  results_verdict(results, claim, holds, "%s", text.data);
  sde_free(text.data);
  sde_free(label);
  sde_free(who);
  sde_free(claim);
}

static void print(struct results *results, const struct averages *quantities,
                  const struct measured *measured, size_t processes)
{
  char *label = case_label(measured->one);
  for (size_t process = 0; process < processes; process++)
    for (size_t q = 0; q < quantities->reported; q++) {
      const struct estimate *estimate = &measured->estimate[process * quantities->reported + q];
      char *who = process == 0 ? sde_strdup("iterates") : sde_format("SDE %zu", process - 1);
      results_note(results, false, "%-13s %-7g %-6g %-8s %-14s %11.5g +- %-8.2g", label,
                   measured->one->optimizer.eta, measured->one->optimizer.rho, who,
                   quantities->name[q], sde_moments_mean(estimate->moments),
                   sde_moments_standard_error(estimate->moments));
      if (isnan(estimate->exact))
        results_note(results, false, " %11s", "-");
      else
        results_note(results, false, " %11.5g", estimate->exact);
      if (process > 0)
        results_note(results, false, "  %.1g", estimate->scheme_error);
      results_note(results, false, "\n");
      sde_free(who);
    }
  sde_free(label);
}

/* The last step of the burn-in of every case must leave one to average over. */
static bool check_burn_in(const struct cases *cases, double burn_in, struct sde_status *status)
{
  const struct parameters *common = cases->recipe->common;
  for (size_t i = 0; i < cases->count; i++)
    if (!(burn_in / cases->one[i].optimizer.eta <= (double)cases->one[i].steps - 0.5))
      return sde_fail(status, SDE_INVALID,
                      "%s: burn_in is %g and leaves nothing of time %g to average over; accepted "
                      "is less than time by a learning rate or more",
                      parameters_has(common, "burn_in") ? parameters_place(common, "burn_in")
                                                        : parameters_place(common, "time"),
                      burn_in, parameters_real(common, "time"));
  return true;
}

static void report(struct results *results, const struct cases *cases,
                   const struct averages *quantities, const struct measured *all)
{
  size_t sdes = cases->recipe->sdes;
  double quantile = sde_family_quantile(parameters_real(cases->recipe->common, "level"),
                                        cases->count * (1 + sdes) * quantities->reported);
  json_t *rows = json_array();
  for (size_t i = 0; i < cases->count; i++) {
    write_table(results, quantities, &all[i], 1 + sdes);
    print(results, quantities, &all[i], 1 + sdes);
    for (size_t s = 0; s < sdes; s++)
      for (size_t q = 0; q < quantities->reported; q++)
        json_array_append_new(rows, summary_row(quantities, &all[i], s, q));
    for (size_t process = 0; process < 1 + sdes; process++)
      judge(results, quantities, &all[i], process, quantile);
  }
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "rows", rows);
}

static void measured_free(struct measured *measured, size_t processes)
{
  for (size_t process = 0; process < processes; process++)
    sde_free(measured->reason[process]);
  sde_free(measured->reason);
  sde_free(measured->estimate);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  double time = parameters_real(recipe->common, "time");
  double burn_in = parameters_has(recipe->common, "burn_in")
                       ? parameters_real(recipe->common, "burn_in")
                       : time / 2;
  if (!check_burn_in(cases, burn_in, status))
    return false;
  struct averages quantities =
      averages_new(cases->observables->count, cases->observable_name, cases->loss->dim);
  struct measured *all = sde_alloc(cases->count, sizeof *all);
  for (size_t i = 0; i < cases->count; i++)
    all[i] = run_case(cases, &cases->one[i], &quantities,
                      (uint64_t)llround(burn_in / cases->one[i].optimizer.eta), threads, results,
                      progress);
  if (quantities.dim == 0)
    results_note(results, false, "Covariances are left out: more than %d dimensions\n",
                 AVERAGES_LARGEST_DIM);
  results_note(results, false,
               "Averages over time from %g to %g; standard errors are over independent paths\n"
               "%-13s %-7s %-6s %-8s %-14s %-23s %11s  %s\n",
               burn_in, time, "optimizer", "eta", "rho", "process", "observable", "average",
               "exact", "scheme error");
  report(results, cases, &quantities, all);
  for (size_t i = 0; i < cases->count; i++)
    measured_free(&all[i], 1 + recipe->sdes);
  sde_free(all);
  averages_free(&quantities);
  return true;
}

static const char *const unused[] = {"tolerance", "variance_reduction", NULL};

extern const struct study_type study_stationary;
const struct study_type study_stationary = {
    .name = "stationary",
    .summary = "long-run mean, covariance and loss beside the exact stationary ones",
    .keys = keys,
    .unused = unused,
    .companions = true,
    .run = run,
};
