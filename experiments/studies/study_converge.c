/*
 * The study `converge`: strong and weak errors of every scheme against the step, on equations whose
 * solutions are known, with the orders that are fitted to them beside those that are declared.
 */
#include "experiments/cases/case_run.h"
#include "experiments/recipe/study.h"
#include "experiments/studies/convergence_judge.h"
#include "experiments/studies/convergence_table.h"

#include <inttypes.h>

static const struct parameter_key keys[] = {
    {.name = "equations",
     .type = PARAMETER_CHOICE,
     .list = true,
     .choices = EQUATION_NAMES,
     .help = "converge: what is solved; optimizer is the first SDE of the recipe; without it, all"},
    {.name = "schemes",
     .type = PARAMETER_TEXT,
     .list = true,
     .help = "converge: which schemes; without it, all of `sharpsde list schemes`"},
    {.name = "steps",
     .type = PARAMETER_COUNT,
     .list = true,
     .low = 1,
     .high = 1e6,
     .help = "converge: numbers of steps over the horizon for strong errors; without it, each "
             "equation's own"},
    {.name = "weak_steps",
     .type = PARAMETER_COUNT,
     .list = true,
     .low = 1,
     .high = 1e6,
     .help = "converge: the same for weak errors; without it, by equation and order"},
    {.name = "forced",
     .type = PARAMETER_BOOL,
     .fallback = "false",
     .help = "converge: also measure schemes on noise that they refuse, where they can be run"},
    {.name = NULL}};

static void report_divergence(const struct convergence_trials *trials,
                              const struct convergence_trial *trial)
{
  double most = parameters_real(trials->recipe->common, "max_diverged");
  for (size_t i = 0; i < trial->task.count; i++) {
    const struct convergence_point *point = &trial->line[0].point[i];
    if (point->diverged == 0)
      continue;
    results_note(trials->results, true,
                 "sharpsde: %s by %s at %" PRIu64 " steps: %" PRIu64 " of %" PRIu64
                 " paths diverged; the point is not fitted\n",
                 trial->task.equation->name, trial->task.scheme->name, point->steps,
                 point->diverged, point->paths);
    if ((double)point->diverged > most * (double)point->paths)
      results_fail(trials->results);
  }
}

/* The bar counts the path-steps of the cases, so work is scaled to those. */
static bool measure(struct convergence_trials *trials, struct progress *progress,
                    struct sde_status *status)
{
  double work = 0, shown = 0;
  for (size_t i = 0; i < trials->cases->count; i++)
    shown +=
        case_work(&trials->cases->one[i], trials->recipe->sdes, false, trials->cases->one[i].paths);
  for (size_t i = 0; i < trials->count; i++)
    work += convergence_work(&trials->trial[i].task);
  for (size_t i = 0; i < trials->count; i++) {
    struct convergence_trial *trial = &trials->trial[i];
    if (!convergence_measure(&trial->task, progress, shown / work, trial->line, status))
      return false;
    report_divergence(trials, trial);
  }
  return true;
}

/* For a family of all lines and known moments. */
static double quantile_of(const struct convergence_trials *trials)
{
  size_t comparisons = 0;
  double worst;
  for (size_t i = 0; i < trials->count; i++)
    comparisons += convergence_lines(&trials->trial[i].task);
  for (size_t e = 0; trials->equation[e] != NULL; e++)
    comparisons += convergence_worst_moment(trials, trials->equation[e], 1, &worst);
  return sde_family_quantile(parameters_real(trials->recipe->common, "level"), comparisons);
}

static void report(const struct convergence_trials *trials)
{
  struct results *results = trials->results;
  json_t *fits = json_array();
  double quantile = quantile_of(trials);
  for (size_t e = 0; trials->equation[e] != NULL; e++)
    results_note(results, false, "%-18s %s\n", trials->equation[e]->name,
                 trials->equation[e]->formula);
  convergence_print_headings(results);
  for (size_t i = 0; i < trials->count; i++)
    for (size_t k = 0; k < convergence_lines(&trials->trial[i].task); k++) {
      const struct convergence_trial *trial = &trials->trial[i];
      json_array_append_new(fits, convergence_report(results, trial, &trial->line[k]));
      convergence_judge_fit(results, trial, &trial->line[k], quantile);
    }
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "fits", fits);
  for (size_t e = 0; trials->equation[e] != NULL; e++)
    convergence_judge_moments(trials, trials->equation[e], quantile);
  convergence_write_schemes(trials);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  struct convergence_trials trials = {.recipe = recipe, .cases = cases, .results = results};
  bool good =
      convergence_trials_make(&trials, threads, status) && measure(&trials, progress, status);
  if (good)
    report(&trials);
  convergence_trials_clear(&trials);
  return good;
}

static bool estimate(const struct cases *cases, struct estimate *estimate,
                     struct sde_status *status)
{
  struct results *notes = results_new(cases->recipe);
  struct convergence_trials trials = {.recipe = cases->recipe, .cases = cases, .results = notes};
  bool good = convergence_trials_make(&trials, 0, status);
  for (size_t i = 0; good && i < trials.count; i++)
    convergence_estimate(&trials.trial[i].task, estimate);
  convergence_trials_clear(&trials);
  results_free(notes);
  return good;
}

static const char *const unused[] = {"records", "observables", "tolerance", "variance_reduction",
                                     NULL};

extern const struct study_type study_converge;
const struct study_type study_converge = {
    .name = "converge",
    .summary = "strong and weak errors of the schemes against the step, with fitted orders",
    .keys = keys,
    .unused = unused,
    .estimate = estimate,
    .run = run,
};
