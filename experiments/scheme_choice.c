/*
 * The choice of scheme and substeps: see scheme_choice.h.
 */
#include "experiments/scheme_choice.h"

#include "experiments/cases.h"
#include "experiments/comparison.h"
#include "experiments/study.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A pilot takes a part of the paths. It looks at a few times, of which the last is the end. */
enum { PILOT_PART = 20, PILOT_LEAST = 2000, PILOT_RECORDS = 4, SUBSTEPS_MOST = 4096 };

/* Of the sampling error, so much may the scheme's be. */
static const double share = 0.5;

struct candidate {
  const struct sde_scheme *scheme;
  /* The scheme's error over its share of the sampling error, at `substeps`; INFINITY where that is
   * not known: paths diverged, or there was no sampling error. */
  double excess;
  bool diverged;
  double order; /* its weak order on the recipe's systems */
  double unit; /* cost of a step: evaluations of the system, normals a Wiener process as one more */
  uint64_t substeps;
  uint64_t own_work; /* path-steps of its pilots on this rank */
};

static bool is_automatic(const struct recipe *recipe, size_t sde)
{
  return strcmp(parameters_text(recipe->sde[sde], "scheme"), "auto") == 0;
}

/* Are the substeps left to the program too? */
static bool substeps_are_free(const struct recipe *recipe)
{
  for (size_t s = 0; s < recipe->sdes; s++)
    if (is_automatic(recipe, s) && !parameters_has(recipe->sde[s], "substeps"))
      return true;
  return false;
}

/* The scheme's error of a case's SDE against its share of the sampling error at the case's own
 * number of paths, the worst over observables and recorded times. */
static double excess_of(const struct cases *cases, const struct run_case *one, size_t sde,
                        const struct sde_ensemble_result *result, size_t records, double paths)
{
  size_t observables = cases->observables->count, sdes = cases->recipe->sdes;
  double worst = 0;
  for (size_t r = 1; r < records; r++)
    for (size_t o = 0; o < observables; o++) {
      struct sde_moments iterates = result->moments[r * observables + o];
      struct sde_moments solution =
          result->moments[((1 + 2 * sde) * records + r) * observables + o];
      struct sde_moments pair = result->differences[(sde * records + r) * observables + o];
      struct sde_moments coupled =
          result->differences[((sdes + sde) * records + r) * observables + o];
      double se = one->sde[sde].coupled ? sde_moments_standard_error(coupled)
                                        : hypot(sde_moments_standard_error(iterates),
                                                sde_moments_standard_error(solution));
      double sampling = se * sqrt(solution.n / paths);
      double error = comparison_scheme_error(&one->sde[sde], pair);
      double excess = error == 0 ? 0 : error / (share * sampling);
      worst = isnan(excess) ? INFINITY : fmax(worst, excess);
    }
  return worst;
}

/* Is an SDE's step size what the pilot is about? Where some substeps are free, of those alone. */
static bool is_judged(const struct recipe *recipe, size_t sde)
{
  return is_automatic(recipe, sde) &&
         !(substeps_are_free(recipe) && parameters_has(recipe->sde[sde], "substeps"));
}

/* Set what a step of the candidate costs, and its order, the worst over the SDEs of all cases. */
static void set_unit(const struct cases *cases, struct candidate *candidate)
{
  candidate->unit = 0;
  candidate->order = INFINITY;
  for (size_t i = 0; i < cases->count; i++)
    for (size_t s = 0; s < cases->recipe->sdes; s++) {
      const struct sde_system *system = &cases->one[i].sde[s].system;
      if (!is_automatic(cases->recipe, s))
        continue;
      double normals = sde_scheme_normals(candidate->scheme, system, cases->one[i].optimizer.eta);
      candidate->unit = fmax(candidate->unit, sde_scheme_evaluations(candidate->scheme, system) +
                                                  normals / (double)system->noise_dim);
      candidate->order = fmin(candidate->order, sde_scheme_weak_order(candidate->scheme, system));
    }
}

static uint64_t pilot_paths(const struct run_case *one)
{
  uint64_t least = one->paths < PILOT_LEAST ? one->paths : PILOT_LEAST;
  return one->paths / PILOT_PART > least ? one->paths / PILOT_PART : least;
}

/* Run the pilot of one case; false where paths diverged. */
static bool pilot(const struct cases *cases, const struct run_case *one, int threads,
                  struct candidate *candidate)
{
  struct run_case part = *one;
  part.replicates = 0; /* the sampling error is taken to be that of independent paths */
  part.paths = pilot_paths(one);
  uint64_t steps[PILOT_RECORDS + 1];
  size_t records = 1;
  steps[0] = 0;
  for (uint64_t r = 1; r <= PILOT_RECORDS; r++)
    if (one->steps * r / PILOT_RECORDS > steps[records - 1])
      steps[records++] = one->steps * r / PILOT_RECORDS;
  struct sde_ensemble_result result =
      case_run(cases, &part, true, 0, records, steps, threads, NULL);
  candidate->own_work += result.own_work;
  bool stable = true;
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    if (is_judged(cases->recipe, s)) {
      stable = stable && result.diverged[(2 + 2 * s) * records - 1] == 0 &&
               result.diverged[(3 + 2 * s) * records - 1] == 0;
      double excess = excess_of(cases, one, s, &result, records, (double)one->paths);
      candidate->excess = fmax(candidate->excess, excess);
    }
  sde_ensemble_result_free(&result);
  return stable;
}

/* Can the candidate not be cheaper than the best whatever its error? */
static bool is_hopeless(const struct candidate *candidate, const struct candidate *best)
{
  return best->scheme != NULL && best->excess <= 1 &&
         candidate->unit * (double)candidate->substeps >= best->unit * (double)best->substeps;
}

/* All cases at recipe->automatic, but no more than are needed to see that they diverge. False where
 * the scheme is refused or cannot pay. */
static bool try_substeps(struct recipe *recipe, int threads, const struct candidate *best,
                         struct candidate *candidate, struct sde_status *status)
{
  recipe->automatic = (struct recipe_scheme){candidate->scheme, candidate->substeps};
  struct cases *cases = cases_new(recipe, status);
  if (cases == NULL)
    return false;
  set_unit(cases, candidate);
  bool pays = !is_hopeless(candidate, best);
  candidate->excess = 0;
  candidate->diverged = false;
  for (size_t i = 0; pays && i < cases->count && !candidate->diverged; i++)
    candidate->diverged = !pilot(cases, &cases->one[i], threads, candidate);
  if (candidate->diverged)
    candidate->excess = INFINITY;
  cases_free(cases);
  return pays;
}

/* The fewest substeps, a power of two, that the error's order predicts to be enough. */
static void extrapolate(struct candidate *candidate)
{
  while (candidate->excess > 1 && candidate->substeps < SUBSTEPS_MOST) {
    candidate->substeps *= 2;
    candidate->excess *= pow(2, -candidate->order);
  }
}

static bool try_scheme(struct recipe *recipe, int threads, const struct candidate *best,
                       struct candidate *candidate, struct sde_status *status)
{
  bool free = substeps_are_free(recipe);
  candidate->substeps = 1;
  if (!try_substeps(recipe, threads, best, candidate, status))
    return false;
  while (free && candidate->diverged && candidate->substeps < 64) {
    candidate->substeps *= 4;
    if (!try_substeps(recipe, threads, best, candidate, status))
      return false;
  }
  if (free && isfinite(candidate->excess))
    extrapolate(candidate);
  return true;
}

/* Good enough and cheapest; where none is good enough, nearest to it. */
static bool is_better(const struct candidate *one, const struct candidate *other)
{
  if (one->excess <= 1 && other->excess <= 1)
    return one->unit * (double)one->substeps < other->unit * (double)other->substeps;
  return one->excess < other->excess;
}

static bool is_asked(const struct recipe *recipe)
{
  if (!isnan(recipe_tolerance(recipe))) /* then each case chooses for itself */
    return false;
  for (size_t s = 0; recipe->study->chooses_scheme && s < recipe->sdes; s++)
    if (is_automatic(recipe, s))
      return true;
  return false;
}

/* "4 substeps"; of the recipe's own number there is nothing to say. */
static char *substeps_text(const struct candidate *candidate)
{
  return sde_format("%" PRIu64 " substep%s", candidate->substeps,
                    candidate->substeps == 1 ? "" : "s");
}

/* What is known of the error of the choice. */
static char *error_text(const struct candidate *best)
{
  return isfinite(best->excess) ? sde_format("its error is predicted at %.2g of the sampling error",
                                             share * best->excess)
         : best->diverged
             ? sde_strdup("paths of the pilot diverged, so nothing is known of its error")
             : sde_strdup("there is no sampling error in the pilot to hold its error against");
}

static char *sentence(bool free, const struct candidate *best, const struct candidate *first)
{
  char *chosen = free ? substeps_text(best) : sde_strdup("the substeps given");
  char *error = error_text(best), *other = sde_strdup("");
  if (free && best->scheme != first->scheme && isfinite(first->excess)) {
    char *needed = substeps_text(first);
    sde_free(other);
    other = sde_format("; %s would take %s%s", first->scheme->name, needed,
                       first->excess > 1 ? " or more" : "");
    sde_free(needed);
  }
  char *said = sde_format("A pilot run chose the scheme %s with %s: %s%s\n", best->scheme->name,
                          chosen, error, other);
  sde_free(chosen), sde_free(error), sde_free(other);
  return said;
}

bool scheme_choose(struct recipe *recipe, int threads, char **said, uint64_t *own_work,
                   struct sde_status *status)
{
  *said = NULL;
  if (!is_asked(recipe))
    return true;
  struct candidate first = {0}, best = {0};
  double order = 0;
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct candidate candidate = {.scheme = *scheme};
    struct sde_status refused = {SDE_OK, ""};
    /* The first is for every noise; another can only pay by a greater order. */
    if ((*scheme)->weak_order <= order)
      continue;
    bool tried = try_scheme(recipe, threads, &best, &candidate, &refused);
    *own_work += candidate.own_work;
    if (!tried) {
      if (first.scheme == NULL)
        return sde_fail(status, refused.code, "%s", refused.message);
      continue;
    }
    order = candidate.order;
    if (first.scheme == NULL)
      first = best = candidate;
    else if (is_better(&candidate, &best))
      best = candidate;
  }
  if (isinf(best.excess) && !best.diverged)
    best.substeps = SUBSTEPS_DEFAULT;
  recipe->automatic = (struct recipe_scheme){best.scheme, best.substeps};
  *said = sentence(substeps_are_free(recipe), &best, &first);
  return true;
}

bool scheme_choice_estimate(const struct recipe *recipe, struct estimate *least,
                            struct estimate *most)
{
  if (!is_asked(recipe))
    return false;
  struct estimate pilots = {0, 0};
  double order = 0;
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct sde_status refused = {SDE_OK, ""};
    struct candidate candidate = {.scheme = *scheme};
    struct recipe trial = *recipe;
    trial.automatic = (struct recipe_scheme){*scheme, SUBSTEPS_DEFAULT};
    struct cases *cases = (*scheme)->weak_order > order ? cases_new(&trial, &refused) : NULL;
    if (cases == NULL)
      continue;
    set_unit(cases, &candidate);
    struct estimate all = {0, 0};
    for (size_t i = 0; i < cases->count; i++)
      estimate_add_case(&pilots, cases, &cases->one[i], true, pilot_paths(&cases->one[i]));
    study_estimate_add(cases, &all, &refused);
    cases_free(cases);
    all.path_steps += pilots.path_steps;
    all.seconds += pilots.seconds;
    if (order == 0)
      *least = *most = all;
    most->path_steps = fmax(most->path_steps, all.path_steps);
    most->seconds = fmax(most->seconds, all.seconds);
    order = candidate.order;
  }
  return order > 0;
}
