/*
 * Trying a scheme on a recipe: see scheme_trial.h.
 */
#include "experiments/cases/scheme_trial.h"

#include "experiments/cases/case_run.h"
#include "experiments/io/progress.h"
#include "experiments/recipe/study.h"
#include "sde/block.h"

#include <math.h>
#include <string.h>

/* A pilot takes a part of the paths. It looks at a few times, of which the last is the end. */
enum { PILOT_PART = 20, PILOT_LEAST = 2000, PILOT_RECORDS = 4, SUBSTEPS_MOST = 4096 };

/* The next pilot may take this part of what earlier ones leave of their share of the work. */
static const double next_share = 0.5;

bool scheme_trial_is_automatic(const struct recipe *recipe, size_t sde)
{
  return strcmp(parameters_text(recipe->sde[sde], "scheme"), "auto") == 0;
}

bool scheme_trial_leaves_substeps(const struct recipe *recipe)
{
  for (size_t s = 0; s < recipe->sdes; s++)
    if (scheme_trial_is_automatic(recipe, s) && !parameters_has(recipe->sde[s], "substeps"))
      return true;
  return false;
}

/* The scheme's error of a case's SDE against its share of the sampling error at the case's own
 * number of paths, the worst over observables and recorded times. */
static double excess_of(const struct case_result *result, size_t sde)
{
  double worst = 0, paths = (double)result->one->paths;
  for (size_t r = 1; r < result->ensemble.records; r++)
    for (size_t o = 0; o < result->ensemble.observables; o++) {
      struct sde_moments iterates = case_moments(result, CASE_ITERATES, r, o);
      struct sde_moments solution = case_moments(result, case_side_of_sde(sde), r, o);
      struct sde_moments pair = case_companion_difference(result, sde, r, o);
      struct sde_moments coupled = case_iterates_difference(result, sde, r, o);
      const struct case_sde *of = &result->one->sde[sde];
      double se = of->coupled ? sde_moments_standard_error(coupled)
                              : hypot(sde_moments_standard_error(iterates),
                                      sde_moments_standard_error(solution));
      double sampling = se * sqrt(solution.n / paths);
      double error = case_scheme_error(of, pair);
      double excess = error == 0 ? 0 : error / (scheme_error_share * sampling);
      worst = isnan(excess) ? INFINITY : fmax(worst, excess);
    }
  return worst;
}

/* Is an SDE's step size what the pilot is about? Where some substeps are free, of those alone. */
static bool is_judged(const struct recipe *recipe, size_t sde)
{
  return scheme_trial_is_automatic(recipe, sde) &&
         !(scheme_trial_leaves_substeps(recipe) && parameters_has(recipe->sde[sde], "substeps"));
}

/* Work of a step: evaluations of the system, normals a Wiener process as one more. */
static double step_work(const struct sde_scheme *scheme, const struct sde_system *system, double dt)
{
  double normals = sde_scheme_normals(scheme, system, dt);
  return sde_scheme_evaluations(scheme, system) + normals / (double)system->noise_dim;
}

double scheme_trial_path_work(const struct cases *cases, const struct run_case *one,
                              uint64_t substeps)
{
  double each = 1, eta = one->optimizer.eta;
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    const struct parameters *given = cases->recipe->sde[s];
    bool free = scheme_trial_is_automatic(cases->recipe, s) && !parameters_has(given, "substeps");
    uint64_t own = free ? substeps : recipe_scheme(cases->recipe, s).substeps;
    double steps = (double)own * (own % 2 == 0 ? 1.5 : 3); /* with the companion's */
    each += steps * step_work(one->sde[s].scheme, &one->sde[s].system, eta / (double)own);
  }
  return (one->antithetic ? 2 : 1) * (double)one->steps * each;
}

double scheme_trial_run_work(const struct cases *cases, uint64_t substeps)
{
  double work = 0;
  for (size_t i = 0; i < cases->count; i++)
    work += (double)cases->one[i].paths * scheme_trial_path_work(cases, &cases->one[i], substeps);
  return work;
}

void scheme_trial_set_unit(const struct cases *cases, struct scheme_candidate *candidate)
{
  candidate->unit = 0;
  candidate->order = INFINITY;
  for (size_t i = 0; i < cases->count; i++)
    for (size_t s = 0; s < cases->recipe->sdes; s++) {
      const struct sde_system *system = &cases->one[i].sde[s].system;
      if (!scheme_trial_is_automatic(cases->recipe, s))
        continue;
      candidate->unit =
          fmax(candidate->unit, step_work(candidate->scheme, system, cases->one[i].optimizer.eta));
      candidate->order = fmin(candidate->order, sde_scheme_weak_order(candidate->scheme, system));
    }
}

uint64_t scheme_trial_pilot_paths(const struct run_case *one, uint64_t most)
{
  uint64_t least = one->paths < PILOT_LEAST ? one->paths : PILOT_LEAST;
  uint64_t wanted = one->paths / PILOT_PART > least ? one->paths / PILOT_PART : least;
  return wanted < most ? wanted : most;
}

static double pilot_work(const struct cases *cases, uint64_t substeps, uint64_t most)
{
  double work = 0;
  for (size_t i = 0; i < cases->count; i++)
    work += (double)scheme_trial_pilot_paths(&cases->one[i], most) *
            scheme_trial_path_work(cases, &cases->one[i], substeps);
  return work;
}

bool scheme_trial_has_room(const struct cases *cases, double first_work)
{
  return pilot_work(cases, 1, SCHEME_TRIAL_DECIDES) <= next_share * scheme_trial_share * first_work;
}

/* The most paths a case that the pilot of the candidate may take: in whole blocks, for a part of
 * one takes as long. 0 where those are too few to decide. */
static uint64_t affordable(const struct scheme_trials *choice, const struct cases *cases,
                           const struct scheme_candidate *candidate,
                           const struct scheme_candidate *best)
{
  double chosen = best->scheme == NULL ? candidate->work : fmin(candidate->work, best->work);
  double allowed = next_share * (scheme_trial_share * chosen - choice->spent);
  uint64_t wanted = 0;
  for (size_t i = 0; i < cases->count; i++) {
    uint64_t own = scheme_trial_pilot_paths(&cases->one[i], UINT64_MAX);
    wanted = own > wanted ? own : wanted;
  }
  if (pilot_work(cases, candidate->substeps, wanted) <= allowed)
    return wanted;
  uint64_t fits = 0, beyond = wanted / SDE_UNIT + 1; /* blocks */
  while (beyond - fits > 1) {
    uint64_t middle = fits + (beyond - fits) / 2;
    if (pilot_work(cases, candidate->substeps, middle * SDE_UNIT) <= allowed)
      fits = middle;
    else
      beyond = middle;
  }
  return fits * SDE_UNIT >= SCHEME_TRIAL_DECIDES ? fits * SDE_UNIT : 0;
}

/* Have no paths of an SDE and its companion diverged? */
static bool is_stable(const struct case_result *result, size_t sde)
{
  size_t end = case_end(result), companion = case_companion(&result->processes, sde);
  return case_diverged(result, case_side_of_sde(sde), end) == 0 &&
         sde_ensemble_diverged(&result->ensemble, companion, end) == 0;
}

/* Run the pilot of one case with so many paths; false where paths diverged. */
static bool pilot(struct scheme_trials *choice, const struct cases *cases,
                  const struct run_case *one, uint64_t paths, struct scheme_candidate *candidate)
{
  struct run_case part = *one;
  part.replicates = 0; /* the sampling error is taken to be that of independent paths */
  choice->spent += (double)paths * scheme_trial_path_work(cases, one, candidate->substeps);
  uint64_t steps[PILOT_RECORDS + 1];
  size_t records = 1;
  steps[0] = 0;
  for (uint64_t r = 1; r <= PILOT_RECORDS; r++)
    if (one->steps * r / PILOT_RECORDS > steps[records - 1])
      steps[records++] = one->steps * r / PILOT_RECORDS;
  struct case_result result = case_run(&(struct case_ensemble){.cases = cases,
                                                               .one = &part,
                                                               .companions = true,
                                                               .paths = paths,
                                                               .records = records,
                                                               .record_steps = steps,
                                                               .threads = choice->threads,
                                                               .progress = choice->progress});
  choice->own_work += result.ensemble.own_work;
  bool stable = true;
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    if (is_judged(cases->recipe, s)) {
      stable = stable && is_stable(&result, s);
      candidate->excess = fmax(candidate->excess, excess_of(&result, s));
    }
  case_result_free(&result);
  return stable;
}

/* Can the candidate not be cheaper than the best whatever its error? */
static bool is_hopeless(const struct scheme_candidate *candidate,
                        const struct scheme_candidate *best)
{
  return best->scheme != NULL && best->excess <= 1 &&
         candidate->unit * (double)candidate->substeps >= best->unit * (double)best->substeps;
}

/* The fewest substeps, a power of two, that the error's order predicts to be enough. */
static void extrapolate(struct scheme_candidate *candidate)
{
  while (candidate->excess > 1 && candidate->substeps < SUBSTEPS_MOST) {
    candidate->substeps *= 2;
    candidate->excess *= pow(2, -candidate->order);
  }
}

static double path_steps(const struct cases *cases, uint64_t most)
{
  double work = 0;
  for (size_t i = 0; i < cases->count; i++) {
    const struct run_case *one = &cases->one[i];
    work += case_work(one, cases->recipe->sdes, true, scheme_trial_pilot_paths(one, most));
  }
  return work;
}

/* All cases with the candidate, but no more than are needed to see that they diverge. */
static enum scheme_outcome try_substeps(struct scheme_trials *choice,
                                        const struct scheme_candidate *best,
                                        struct scheme_candidate *candidate,
                                        struct sde_status *status)
{
  choice->recipe->automatic = (struct recipe_scheme){candidate->scheme, candidate->substeps};
  struct cases *cases = cases_sharing(choice->given, choice->recipe, status);
  if (cases == NULL)
    return SCHEME_REFUSED;
  scheme_trial_set_unit(cases, candidate);
  candidate->work = scheme_trial_run_work(cases, candidate->substeps);
  uint64_t paths = affordable(choice, cases, candidate, best);
  enum scheme_outcome outcome = is_hopeless(candidate, best) ? SCHEME_HOPELESS
                                : paths == 0                 ? SCHEME_NO_ROOM
                                                             : SCHEME_TRIED;
  candidate->excess = 0;
  candidate->diverged = false;
  if (outcome == SCHEME_TRIED)
    progress_expect(choice->progress, path_steps(cases, paths));
  for (size_t i = 0; outcome == SCHEME_TRIED && i < cases->count && !candidate->diverged; i++)
    candidate->diverged = !pilot(choice, cases, &cases->one[i],
                                 scheme_trial_pilot_paths(&cases->one[i], paths), candidate);
  if (candidate->diverged)
    candidate->excess = INFINITY;
  if (outcome == SCHEME_TRIED && scheme_trial_leaves_substeps(choice->recipe) &&
      isfinite(candidate->excess))
    extrapolate(candidate);
  candidate->work = scheme_trial_run_work(cases, candidate->substeps);
  cases_free(cases);
  return outcome;
}

enum scheme_outcome scheme_trial_run(struct scheme_trials *choice,
                                     const struct scheme_candidate *best,
                                     struct scheme_candidate *candidate, struct sde_status *status)
{
  bool free = scheme_trial_leaves_substeps(choice->recipe);
  candidate->substeps = 1;
  enum scheme_outcome outcome = try_substeps(choice, best, candidate, status);
  while (outcome == SCHEME_TRIED && free && candidate->diverged && candidate->substeps < 64) {
    candidate->substeps *= 4;
    outcome = try_substeps(choice, best, candidate, status);
  }
  return outcome;
}
