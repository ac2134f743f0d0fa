/*
 * The study `stationary`: long-run averages of iterates and SDEs beside the exact stationary
 * moments. After a burn-in each path is averaged over time; the averages of different paths are
 * independent, and are the batch means from which the standard errors come.
 */
#include "analysis/averages.h"
#include "experiments/cases/case_analysis.h"
#include "experiments/cases/case_run.h"
#include "experiments/io/text.h"
#include "experiments/recipe/study.h"
#include "experiments/results/case_columns.h"
#include "experiments/results/interval_words.h"
#include "experiments/results/series.h"
#include "experiments/studies/stationary_judge.h"

#include <math.h>

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

/* One quantity of one side: what was measured, and what is known. */
struct estimate {
  struct sde_moments moments;
  uint64_t diverged;
  double exact;        /* NAN where it is not known */
  double transient;    /* how far the exact one at the end of the burn-in still is from that */
  double scheme_error; /* 0 of iterates */
  struct sde_moments coupled_difference; /* iterates minus this, path by path */
};

/* A case's estimates, [side*reported + quantity]; and why one has no exact moments. */
struct measured {
  const struct run_case *one;
  struct estimate *estimate;
  char **reason; /* [side]; NULL where exact moments are known */
};

static void measure(const struct case_result *result, const struct averages *quantities,
                    struct measured *measured)
{
  const struct run_case *averaged = result->one;
  size_t end = case_end(result);
  uint64_t paths = averaged->paths;
  double *iterates = averages_of(averaged->iterates);
  averages_linearise(quantities, paths, iterates);
  for (size_t q = 0; q < quantities->reported; q++)
    measured->estimate[q] =
        (struct estimate){.moments = sde_moments_of_values(paths, iterates + q * paths, NULL),
                          .diverged = case_diverged(result, CASE_ITERATES, end)};
  for (size_t s = 0; s < result->processes.sdes; s++) {
    double *solution = averages_of(averaged->sde[s].process);
    double *companion = averages_of(averaged->sde[s].companion);
    averages_linearise(quantities, paths, solution);
    averages_linearise(quantities, paths, companion);
    for (size_t q = 0; q < quantities->reported; q++) {
      struct sde_moments pair =
          sde_moments_of_values(paths, solution + q * paths, companion + q * paths);
      measured->estimate[case_side_of_sde(s) * quantities->reported + q] =
          (struct estimate){.moments = sde_moments_of_values(paths, solution + q * paths, NULL),
                            .diverged = case_diverged(result, case_side_of_sde(s), end),
                            .scheme_error = case_scheme_error(&averaged->sde[s], pair),
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
  oracle_moments(oracle, d, mean, covariance);
  for (size_t o = 0; o < quantities->observables; o++)
    value[o] = oracle_mean(oracle, o);
  for (size_t i = 0, q = quantities->observables; i < quantities->dim; i++)
    for (size_t k = 0; k <= i; k++)
      value[q++] = covariance[i * d + k];
  sde_free(mean);
  sde_free(covariance);
}

/* Exact stationary values of one side; or the reason, released with sde_free, why there are
 * none. */
static char *add_exact(const struct cases *cases, const struct run_case *one, size_t side,
                       const struct averages *quantities, uint64_t burn, struct estimate *estimate)
{
  const char *why;
  struct sde_status status = {SDE_OK, ""};
  size_t count = quantities->reported;
  double *burnt = sde_alloc(2 * count, sizeof *burnt), *exact = burnt + count;
  for (size_t q = 0; q < count; q++)
    exact[q] = burnt[q] = NAN;
  struct oracle *oracle = case_oracle_new(cases, one, side, &why);
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
  size_t records, sides = case_sides(cases);
  struct measured measured = {one, sde_alloc(sides, quantities->reported * sizeof(struct estimate)),
                              sde_alloc(sides, sizeof(char *))};
  uint64_t *record_steps = case_record_steps(cases, one, &records);
  struct run_case averaged = average_case(cases, one, quantities, burn);
  struct case_result result = case_run(&(struct case_ensemble){.cases = cases,
                                                               .one = &averaged,
                                                               .companions = true,
                                                               .records = records,
                                                               .record_steps = record_steps,
                                                               .threads = threads,
                                                               .progress = progress});
  series_write(results, &result);
  series_report_divergence(results, &result);
  measure(&result, quantities, &measured);
  for (size_t side = 0; side < sides; side++)
    measured.reason[side] = add_exact(cases, one, side, quantities, burn,
                                      measured.estimate + side * quantities->reported);
  average_case_free(cases, &averaged);
  case_result_free(&result);
  sde_free(record_steps);
  return measured;
}

/* A quantity of one side, for stationary.csv and for people. */
struct row {
  const struct run_case *one;
  size_t side;
  const char *quantity;
  struct estimate estimate;
  double scheme_error; /* NAN of iterates */
};

static const struct columns columns = {
    "stationary.csv",
    (const struct column[]){
        COLUMNS_OF_CASE(row),
        COLUMNS_OF_SIDE(row),
        COLUMN_OF_OBSERVABLE(row, quantity),
        COLUMNS_OF_MOMENTS("", "", "average", row, estimate.moments),
        {"diverged", COLUMN_FIELD(row, estimate.diverged)},
        {"exact", NULL, "exact", NULL, 11, 5, COLUMN_FIELD(row, estimate.exact)},
        {"scheme_error", NULL, "scheme error", NULL, 12, 1, COLUMN_FIELD(row, scheme_error)},
        {.read = NULL}}};

static struct row row_of(const struct averages *quantities, const struct measured *measured,
                         size_t side, size_t q)
{
  const struct estimate *estimate = &measured->estimate[side * quantities->reported + q];
  return (struct row){.one = measured->one,
                      .side = side,
                      .quantity = quantities->name[q],
                      .estimate = *estimate,
                      .scheme_error = side == CASE_ITERATES ? NAN : estimate->scheme_error};
}

/* A quantity of the iterates beside that of an SDE, as `compare` has its rows in the summary. */
static struct comparison compare(const struct averages *quantities, const struct measured *measured,
                                 size_t s, size_t q)
{
  const struct estimate *iterates = &measured->estimate[q],
                        *solution = &iterates[case_side_of_sde(s) * quantities->reported];
  double mean = sde_moments_mean(iterates->moments) - sde_moments_mean(solution->moments);
  double path_se = sde_moments_standard_error(solution->coupled_difference);
  double independent_se = hypot(sde_moments_standard_error(iterates->moments),
                                sde_moments_standard_error(solution->moments));
  bool coupled = measured->one->sde[s].coupled;
  return (struct comparison){.one = measured->one,
                             .sde = s,
                             .name = quantities->name[q],
                             .time = (double)measured->one->steps * measured->one->optimizer.eta,
                             .iterates = iterates->moments,
                             .solution = solution->moments,
                             .iterates_diverged = iterates->diverged,
                             .solution_diverged = solution->diverged,
                             .difference =
                                 coupled ? sde_moments_mean(solution->coupled_difference) : mean,
                             .difference_se = coupled ? path_se : independent_se,
                             .difference_freedom = (double)measured->one->paths - 1,
                             .coupled = coupled,
                             .variance_reduction = coupled ? pow(independent_se / path_se, 2) : NAN,
                             .exact_iterates = iterates->exact,
                             .exact_solution = solution->exact,
                             .scheme_error = solution->scheme_error};
}

/* The rows of one SDE, and the verdict on them where it has no exact moments. */
static void report_pair(struct results *results, const struct averages *quantities,
                        const struct measured *measured, size_t s, double quantile, json_t *rows)
{
  size_t count = quantities->reported;
  struct comparison *pairs = sde_alloc(count, sizeof *pairs);
  for (size_t q = 0; q < count; q++) {
    pairs[q] = compare(quantities, measured, s, q);
    json_array_append_new(rows, comparison_json(&pairs[q]));
  }
  if (measured->reason[case_side_of_sde(s)] != NULL)
    stationary_judge_pair(results, count, pairs, quantile);
  sde_free(pairs);
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
    text_add(text, "%s%s: %s, exact %.4g%s", known++ == 0 ? "" : "; ", quantities->name[q],
             interval_words(mean, half).text, estimate->exact,
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
                  const struct measured *measured, size_t side, double quantile)
{
  enum holds holds = HOLDS_UNDECIDED;
  struct text text = {0};
  if (measured->reason[side] != NULL)
    text_add(&text, "%s", measured->reason[side]);
  else
    holds = judge_estimates(quantities, measured->estimate + side * quantities->reported, quantile,
                            &text);
  char *who = side == CASE_ITERATES ? sde_strdup("the iterates") : case_side_label(side);
  char *claim = stationary_claim(measured->one, who, "the exact stationary moments");
  results_verdict(results, claim, holds, "%s", text.data);
  sde_free(text.data);
  sde_free(who);
  sde_free(claim);
}

static double burn_in_of(const struct parameters *common)
{
  return parameters_has(common, "burn_in") ? parameters_real(common, "burn_in")
                                           : parameters_real(common, "time") / 2;
}

/* The last step of the burn-in of every case must leave one to average over. */
static bool check(const struct cases *cases, struct sde_status *status)
{
  const struct parameters *common = cases->recipe->common;
  double burn_in = burn_in_of(common);
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
    for (size_t side = 0; side < case_sides(cases); side++)
      for (size_t q = 0; q < quantities->reported; q++) {
        struct row row = row_of(quantities, &all[i], side, q);
        columns_write(results, &columns, &row);
        columns_print(results, &columns, &row);
      }
    for (size_t s = 0; s < sdes; s++)
      report_pair(results, quantities, &all[i], s, quantile, rows);
    for (size_t side = 0; side < case_sides(cases); side++)
      if (side == CASE_ITERATES || all[i].reason[side] == NULL)
        judge(results, quantities, &all[i], side, quantile);
  }
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "rows", rows);
}

static void measured_free(struct measured *measured, size_t sides)
{
  for (size_t side = 0; side < sides; side++)
    sde_free(measured->reason[side]);
  sde_free(measured->reason);
  sde_free(measured->estimate);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  double time = parameters_real(recipe->common, "time"), burn_in = burn_in_of(recipe->common);
  if (!check(cases, status))
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
               "Averages over time from %g to %g; standard errors are over independent paths\n",
               burn_in, time);
  columns_print_headings(results, &columns);
  report(results, cases, &quantities, all);
  for (size_t i = 0; i < cases->count; i++)
    measured_free(&all[i], case_sides(cases));
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
    .check = check,
    .run = run,
};
