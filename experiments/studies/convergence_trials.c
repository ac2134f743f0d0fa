/*
 * Trials of the study `converge`: see convergence_trials.h.
 */
#include "experiments/studies/convergence_trials.h"

#include "experiments/cases/case_analysis.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEWEST_POINTS = 3 };

enum sde_noise_class convergence_noise(const struct convergence_trial *trial)
{
  return trial->task.equation->system.noise;
}

double convergence_declared(const struct convergence_trial *trial)
{
  return trial->task.kind == EQUATION_ERROR_WEAK
             ? trial->task.scheme->weak_order
             : trial->task.scheme->on[convergence_noise(trial)].strong_order;
}

const char *convergence_kind(const struct convergence_trial *trial)
{
  return trial->task.kind == EQUATION_ERROR_STRONG ? "strong" : "weak";
}

/* Is the list without repetition? */
static bool check_names(const struct parameters *common, const char *key, struct sde_status *status)
{
  size_t count;
  const char *const *names = parameters_texts(common, key, &count);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < i; k++)
      if (strcmp(names[i], names[k]) == 0)
        return sde_fail(status, SDE_INVALID, "%s: %s names %s twice", parameters_place(common, key),
                        key, names[i]);
  return true;
}

static bool choose_schemes(struct convergence_trials *trials, struct sde_status *status)
{
  const struct parameters *common = trials->recipe->common;
  size_t all = 0, count = 0;
  while (sde_schemes()[all] != NULL)
    all++;
  const char *const *names = NULL;
  if (parameters_has(common, "schemes")) {
    names = parameters_texts(common, "schemes", &count);
    if (!check_names(common, "schemes", status))
      return false;
  }
  trials->scheme = sde_alloc((names == NULL ? all : count) + 1, sizeof(void *));
  if (names == NULL)
    memcpy(trials->scheme, sde_schemes(), all * sizeof(void *));
  for (size_t i = 0; i < count; i++)
    if ((trials->scheme[i] = sde_scheme_named(names[i])) == NULL)
      return sde_fail(status, SDE_INVALID,
                      "%s: there is no scheme '%s'; `sharpsde list schemes` names them",
                      parameters_place(common, "schemes"), names[i]);
  return true;
}

/* The equation of a name among the fixed ones; NULL for the optimizer's. */
static const struct equation *fixed_equation(const char *name)
{
  for (const struct equation *const *each = equation_table(); *each != NULL; each++)
    if (strcmp((*each)->name, name) == 0)
      return *each;
  return NULL;
}

static bool make_optimizer(struct convergence_trials *trials, struct sde_status *status)
{
  const struct cases *cases = trials->cases;
  if (trials->recipe->sdes == 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: the equation optimizer is the recipe's first sde, and there is none; name "
                    "other equations",
                    trials->recipe->file);
  if (cases->count > 1)
    results_note(trials->results, false,
                 "The equation optimizer is that of the first of %zu cases.\n", cases->count);
  trials->optimizer = case_equation_new(cases, &cases->one[0]);
  return true;
}

static bool choose_equations(struct convergence_trials *trials, struct sde_status *status)
{
  const struct parameters *common = trials->recipe->common;
  size_t fixed = 0, count;
  while (equation_table()[fixed] != NULL)
    fixed++;
  const char *const *names = NULL;
  if (!parameters_has(common, "equations"))
    count = fixed + 1;
  else if (check_names(common, "equations", status))
    names = parameters_texts(common, "equations", &count);
  else
    return false;
  trials->equation = sde_alloc(count + 1, sizeof(void *));
  for (size_t i = 0; i < count; i++) {
    trials->equation[i] = names == NULL ? equation_table()[i] : fixed_equation(names[i]);
    if (trials->equation[i] != NULL)
      continue;
    if (!make_optimizer(trials, status))
      return false;
    trials->equation[i] = trials->optimizer;
  }
  return true;
}

static int compare_steps(const void *left, const void *right)
{
  const uint64_t *a = left, *b = right;
  return (*a > *b) - (*a < *b);
}

static const struct equation_plan *plan_of(const struct equation *equation,
                                           const struct sde_scheme *scheme,
                                           enum equation_error kind)
{
  return &equation->plan[kind == EQUATION_ERROR_STRONG ? EQUATION_STRONG
                         : scheme->weak_order < 2      ? EQUATION_WEAK_1
                                                       : EQUATION_WEAK_2];
}

/* The recipe's steps, ascending, or the equation's own. */
static bool choose_steps(const struct convergence_trials *trials, struct convergence_trial *trial,
                         struct sde_status *status)
{
  const struct parameters *common = trials->recipe->common;
  const char *key = trial->task.kind == EQUATION_ERROR_STRONG ? "steps" : "weak_steps";
  const struct equation_plan *plan =
      plan_of(trial->task.equation, trial->task.scheme, trial->task.kind);
  trial->task.count = EQUATION_STEPS;
  memcpy(trial->steps, plan->steps, sizeof plan->steps);
  if (parameters_has(common, key)) {
    const double *given = parameters_reals(common, key, &trial->task.count);
    if (trial->task.count < FEWEST_POINTS || trial->task.count > CONVERGENCE_STEPS_MAX)
      return sde_fail(status, SDE_INVALID, "%s: %s fits a slope through %d to %d points, not %zu",
                      parameters_place(common, key), key, FEWEST_POINTS, CONVERGENCE_STEPS_MAX,
                      trial->task.count);
    for (size_t i = 0; i < trial->task.count; i++)
      trial->steps[i] = (uint64_t)given[i];
    qsort(trial->steps, trial->task.count, sizeof *trial->steps, compare_steps);
    for (size_t i = 1; i < trial->task.count; i++)
      if (trial->steps[i] == trial->steps[i - 1])
        return sde_fail(status, SDE_INVALID, "%s: %s names %" PRIu64 " twice",
                        parameters_place(common, key), key, trial->steps[i]);
  }
  trial->task.steps = trial->steps;
  return true;
}

/* Does the scheme run here at all? On noise that it refuses, it does if it says what a step would
 * cost there; then its strong error alone is taken, for that is the order that it would lose. */
static bool is_wanted(const struct convergence_trials *trials,
                      const struct convergence_trial *trial)
{
  const struct sde_scheme *scheme = trial->task.scheme;
  const struct equation *equation = trial->task.equation;
  const struct sde_scheme_class *on = &scheme->on[convergence_noise(trial)];
  bool strong = trial->task.kind == EQUATION_ERROR_STRONG;
  if (trial->task.forced)
    return strong && on->evaluations > 0 && equation->strong_from <= 0.5 &&
           parameters_bool(trials->recipe->common, "forced");
  if (!strong || (scheme->exact && equation->flow != NULL))
    return true;
  bool shown = on->strong_order >= equation->strong_from && on->strong_order <= equation->strong_to;
  if (scheme->exact)
    results_note(trials->results, false,
                 "%s does not show that %s is exact on a path: its solution is not known\n",
                 equation->name, scheme->name);
  else if (!shown)
    results_note(trials->results, false, "%s does not show the strong order %g of %s: %s\n",
                 equation->name, on->strong_order, scheme->name, equation->strong_why);
  return shown && !scheme->exact;
}

/* A scheme that is made for some equations of a class only says so when it prepares for one. */
static bool takes_equation(const struct convergence_trials *trials,
                           const struct convergence_trial *trial)
{
  struct sde_status refused = {SDE_OK, ""};
  const struct equation *equation = trial->task.equation;
  struct sde_solution solution = {.system = &equation->system,
                                  .scheme = trial->task.scheme,
                                  .eta = equation->time,
                                  .substeps = 1,
                                  .resolution = 1,
                                  .forced = trial->task.forced};
  struct sde_process *process = sde_solution_process_new(&solution, &refused);
  sde_solution_process_free(process);
  if (process == NULL && trial->task.kind == EQUATION_ERROR_STRONG)
    results_note(trials->results, false, "%s by %s is left out: %s\n", equation->name,
                 trial->task.scheme->name, refused.message);
  return process != NULL;
}

static bool add_trial(struct convergence_trials *trials, const struct equation *equation,
                      const struct sde_scheme *scheme, enum equation_error kind, int threads,
                      struct sde_status *status)
{
  const struct parameters *common = trials->recipe->common;
  double paths = (double)trials->cases->one[0].paths;
  struct convergence_trial *trial = &trials->trial[trials->count];
  *trial = (struct convergence_trial){
      .task = {.equation = equation,
               .scheme = scheme,
               .kind = kind,
               .forced = scheme->on[equation->system.noise].strong_order == 0,
               .paths = (uint64_t)ceil(paths * plan_of(equation, scheme, kind)->paths),
               .seed = parameters_u64(common, "seed"),
               .bound = parameters_real(common, "divergence_bound"),
               .threads = threads}};
  if (!is_wanted(trials, trial) || !takes_equation(trials, trial))
    return true;
  if (!choose_steps(trials, trial, status))
    return false;
  trial->line = sde_alloc(convergence_lines(&trial->task), sizeof *trial->line);
  trials->count++;
  return true;
}

bool convergence_trials_make(struct convergence_trials *trials, int threads,
                             struct sde_status *status)
{
  size_t most = 0;
  if (!choose_schemes(trials, status) || !choose_equations(trials, status))
    return false;
  for (size_t e = 0; trials->equation[e] != NULL; e++)
    for (size_t s = 0; trials->scheme[s] != NULL; s++)
      most += 2;
  trials->trial = sde_alloc(most, sizeof *trials->trial);
  for (size_t e = 0; trials->equation[e] != NULL; e++)
    for (size_t s = 0; trials->scheme[s] != NULL; s++)
      for (int kind = EQUATION_ERROR_STRONG; kind <= EQUATION_ERROR_WEAK; kind++)
        if (!add_trial(trials, trials->equation[e], trials->scheme[s], kind, threads, status))
          return false;
  return trials->count > 0 ||
         sde_fail(status, SDE_INVALID, "%s: no scheme of the recipe takes any of its equations",
                  parameters_place(trials->recipe->common, "equations"));
}

void convergence_trials_clear(struct convergence_trials *trials)
{
  for (size_t i = 0; i < trials->count; i++) {
    struct convergence_trial *trial = &trials->trial[i];
    for (size_t k = 0; k < convergence_lines(&trial->task); k++)
      convergence_clear(&trial->line[k]);
    sde_free(trial->line);
  }
  sde_free(trials->trial);
  sde_free(trials->equation);
  sde_free(trials->scheme);
  equation_optimizer_free(trials->optimizer);
}
