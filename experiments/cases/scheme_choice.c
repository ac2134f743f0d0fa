/*
 * The choice of scheme and substeps: see scheme_choice.h.
 */
#include "experiments/cases/scheme_choice.h"

#include "experiments/cases/case_run.h"
#include "experiments/io/progress.h"
#include "experiments/recipe/study.h"
#include "sde/block.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A pilot takes a part of the paths. It looks at a few times, of which the last is the end. From
 * PILOT_DECIDES paths a standard error is known to 1/sqrt(2 n), 9 %, and with fewer a pilot does not
 * decide, unless they are all that the run has. */
enum {
  PILOT_PART = 20,
  PILOT_LEAST = 2000,
  PILOT_DECIDES = 64,
  PILOT_RECORDS = 4,
  SUBSTEPS_MOST = 4096
};

/* Of the sampling error, so much may the scheme's be. */
static const double share = 0.5;

/* Of the work of the run that is chosen, so much may all pilots together be; and of what is left of
 * that, so much the next. */
static const double pilot_share = 0.25, next_share = 0.5;

/* What the choice is made for, and the work it took so far. */
struct choice {
  struct recipe *recipe;
  const struct cases *given; /* whose loss the others share */
  int threads;
  struct progress *progress;
  double spent;
  uint64_t own_work; /* path-steps of pilots on this rank */
  bool cramped;      /* a scheme was not tried, for want of work */
};

/* How trying a scheme ended: without room, a pilot that decides would take more than its share. */
enum outcome { TRIED, REFUSED, HOPELESS, NO_ROOM };

struct candidate {
  const struct sde_scheme *scheme;
  /* The scheme's error over its share of the sampling error, at `substeps`; INFINITY where that is
   * not known: paths diverged, or there was no sampling error. */
  double excess;
  bool diverged;
  double order; /* its weak order on the recipe's systems */
  double unit; /* cost of a step: evaluations of the system, normals a Wiener process as one more */
  uint64_t substeps;
  double work; /* of the whole run with it */
};

static bool is_automatic(const struct recipe *recipe, size_t sde)
{
  return strcmp(parameters_text(recipe->sde[sde], "scheme"), "auto") == 0;
}

/* Are the substeps left to the program too? */
bool scheme_choice_leaves_substeps(const struct recipe *recipe)
{
  for (size_t s = 0; s < recipe->sdes; s++)
    if (is_automatic(recipe, s) && !parameters_has(recipe->sde[s], "substeps"))
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
      double excess = error == 0 ? 0 : error / (share * sampling);
      worst = isnan(excess) ? INFINITY : fmax(worst, excess);
    }
  return worst;
}

/* Is an SDE's step size what the pilot is about? Where some substeps are free, of those alone. */
static bool is_judged(const struct recipe *recipe, size_t sde)
{
  return is_automatic(recipe, sde) &&
         !(scheme_choice_leaves_substeps(recipe) && parameters_has(recipe->sde[sde], "substeps"));
}

/* Work of a step: evaluations of the system, normals a Wiener process as one more. */
static double step_work(const struct sde_scheme *scheme, const struct sde_system *system, double dt)
{
  double normals = sde_scheme_normals(scheme, system, dt);
  return sde_scheme_evaluations(scheme, system) + normals / (double)system->noise_dim;
}

double scheme_choice_path_work(const struct cases *cases, const struct run_case *one,
                               uint64_t substeps)
{
  double each = 1, eta = one->optimizer.eta;
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    const struct parameters *given = cases->recipe->sde[s];
    bool free = is_automatic(cases->recipe, s) && !parameters_has(given, "substeps");
    uint64_t own = free ? substeps : recipe_scheme(cases->recipe, s).substeps;
    double steps = (double)own * (own % 2 == 0 ? 1.5 : 3); /* with the companion's */
    each += steps * step_work(one->sde[s].scheme, &one->sde[s].system, eta / (double)own);
  }
  return (one->antithetic ? 2 : 1) * (double)one->steps * each;
}

/* Of the run with the candidate, of whose scheme the cases are. */
static double run_work(const struct cases *cases, const struct candidate *candidate)
{
  double work = 0;
  for (size_t i = 0; i < cases->count; i++)
    work += (double)cases->one[i].paths *
            scheme_choice_path_work(cases, &cases->one[i], candidate->substeps);
  return work;
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
      candidate->unit =
          fmax(candidate->unit, step_work(candidate->scheme, system, cases->one[i].optimizer.eta));
      candidate->order = fmin(candidate->order, sde_scheme_weak_order(candidate->scheme, system));
    }
}

/* Paths of a case's pilot, where `most` is the most that any has. */
static uint64_t pilot_paths(const struct run_case *one, uint64_t most)
{
  uint64_t least = one->paths < PILOT_LEAST ? one->paths : PILOT_LEAST;
  uint64_t wanted = one->paths / PILOT_PART > least ? one->paths / PILOT_PART : least;
  return wanted < most ? wanted : most;
}

static double pilot_work(const struct cases *cases, uint64_t substeps, uint64_t most)
{
  double work = 0;
  for (size_t i = 0; i < cases->count; i++)
    work += (double)pilot_paths(&cases->one[i], most) *
            scheme_choice_path_work(cases, &cases->one[i], substeps);
  return work;
}

/* The most paths a case that the pilot of the candidate may take: in whole blocks, for a part of
 * one takes as long. 0 where those are too few to decide. */
static uint64_t affordable(const struct choice *choice, const struct cases *cases,
                           const struct candidate *candidate, const struct candidate *best)
{
  double chosen = best->scheme == NULL ? candidate->work : fmin(candidate->work, best->work);
  double allowed = next_share * (pilot_share * chosen - choice->spent);
  uint64_t wanted = 0;
  for (size_t i = 0; i < cases->count; i++) {
    uint64_t own = pilot_paths(&cases->one[i], UINT64_MAX);
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
  return fits * SDE_UNIT >= PILOT_DECIDES ? fits * SDE_UNIT : 0;
}

/* Have no paths of an SDE and its companion diverged? */
static bool is_stable(const struct case_result *result, size_t sde)
{
  size_t end = case_end(result), companion = case_companion(&result->processes, sde);
  return case_diverged(result, case_side_of_sde(sde), end) == 0 &&
         sde_ensemble_diverged(&result->ensemble, companion, end) == 0;
}

/* Run the pilot of one case with so many paths; false where paths diverged. */
static bool pilot(struct choice *choice, const struct cases *cases, const struct run_case *one,
                  uint64_t paths, struct candidate *candidate)
{
  struct run_case part = *one;
  part.replicates = 0; /* the sampling error is taken to be that of independent paths */
  choice->spent += (double)paths * scheme_choice_path_work(cases, one, candidate->substeps);
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
static bool is_hopeless(const struct candidate *candidate, const struct candidate *best)
{
  return best->scheme != NULL && best->excess <= 1 &&
         candidate->unit * (double)candidate->substeps >= best->unit * (double)best->substeps;
}

/* The fewest substeps, a power of two, that the error's order predicts to be enough. */
static void extrapolate(struct candidate *candidate)
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
    work += case_work(one, cases->recipe->sdes, true, pilot_paths(one, most));
  }
  return work;
}

/* All cases with the candidate, but no more than are needed to see that they diverge. */
static enum outcome try_substeps(struct choice *choice, const struct candidate *best,
                                 struct candidate *candidate, struct sde_status *status)
{
  choice->recipe->automatic = (struct recipe_scheme){candidate->scheme, candidate->substeps};
  struct cases *cases = cases_sharing(choice->given, choice->recipe, status);
  if (cases == NULL)
    return REFUSED;
  set_unit(cases, candidate);
  candidate->work = run_work(cases, candidate);
  uint64_t paths = affordable(choice, cases, candidate, best);
  enum outcome outcome = is_hopeless(candidate, best) ? HOPELESS : paths == 0 ? NO_ROOM : TRIED;
  candidate->excess = 0;
  candidate->diverged = false;
  if (outcome == TRIED)
    progress_expect(choice->progress, path_steps(cases, paths));
  for (size_t i = 0; outcome == TRIED && i < cases->count && !candidate->diverged; i++)
    candidate->diverged =
        !pilot(choice, cases, &cases->one[i], pilot_paths(&cases->one[i], paths), candidate);
  if (candidate->diverged)
    candidate->excess = INFINITY;
  if (outcome == TRIED && scheme_choice_leaves_substeps(choice->recipe) &&
      isfinite(candidate->excess))
    extrapolate(candidate);
  candidate->work = run_work(cases, candidate);
  cases_free(cases);
  return outcome;
}

static enum outcome try_scheme(struct choice *choice, const struct candidate *best,
                               struct candidate *candidate, struct sde_status *status)
{
  bool free = scheme_choice_leaves_substeps(choice->recipe);
  candidate->substeps = 1;
  enum outcome outcome = try_substeps(choice, best, candidate, status);
  while (outcome == TRIED && free && candidate->diverged && candidate->substeps < 64) {
    candidate->substeps *= 4;
    outcome = try_substeps(choice, best, candidate, status);
  }
  return outcome;
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

static char *sentence(const struct choice *choice, const struct candidate *best,
                      const struct candidate *first)
{
  bool free = scheme_choice_leaves_substeps(choice->recipe);
  char *chosen = free ? substeps_text(best) : sde_strdup("the substeps given");
  char *error = error_text(best), *other = sde_strdup("");
  if (free && best->scheme != first->scheme && isfinite(first->excess)) {
    char *needed = substeps_text(first);
    sde_free(other);
    other = sde_format("; %s would take %s%s", first->scheme->name, needed,
                       first->excess > 1 ? " or more" : "");
    sde_free(needed);
  }
  char *said = sde_format("A pilot run chose the scheme %s with %s: %s%s%s\n", best->scheme->name,
                          chosen, error, other,
                          choice->cramped ? "; not all schemes were tried, for pilots may take a "
                                            "quarter of the run's work"
                                          : "");
  sde_free(chosen), sde_free(error), sde_free(other);
  return said;
}

/* Where the run is too small for a pilot: a scheme that is exact on these SDEs, else the one for
 * every noise with the default number of substeps. */
static char *choose_by_rule(const struct choice *choice, const struct sde_scheme *every)
{
  struct recipe *recipe = choice->recipe;
  struct recipe_scheme rule = {every, SUBSTEPS_DEFAULT};
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct sde_status refused = {SDE_OK, ""};
    if (!(*scheme)->exact)
      continue;
    recipe->automatic = (struct recipe_scheme){*scheme, 1};
    struct cases *cases = cases_sharing(choice->given, recipe, &refused);
    if (cases != NULL)
      rule = recipe->automatic;
    cases_free(cases);
  }
  recipe->automatic = rule;
  char *substeps = substeps_text(&(struct candidate){.substeps = rule.substeps});
  char *said = sde_format(
      "No pilot run chose the scheme: it may take a quarter of the run's work, which is not enough "
      "for %d paths a case. By rule it is %s with %s%s\n",
      PILOT_DECIDES, rule.scheme->name,
      scheme_choice_leaves_substeps(recipe) ? substeps : "the substeps given",
      rule.scheme->exact ? ", which is exact in law on these SDEs"
                         : "; its error was not measured beforehand");
  sde_free(substeps);
  return said;
}

bool scheme_choose(struct recipe *recipe, const struct cases *cases, int threads,
                   struct progress *progress, struct scheme_choice *chosen,
                   struct sde_status *status)
{
  *chosen = (struct scheme_choice){NULL, 0, 0, 0};
  if (!is_asked(recipe))
    return true;
  struct choice choice = {
      .recipe = recipe, .given = cases, .threads = threads, .progress = progress};
  struct candidate first = {0}, best = {0};
  double order = 0;
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct candidate candidate = {.scheme = *scheme};
    struct sde_status refused = {SDE_OK, ""};
    /* The first is for every noise; another can only pay by a greater order. */
    if ((*scheme)->weak_order <= order)
      continue;
    enum outcome outcome = try_scheme(&choice, &best, &candidate, &refused);
    choice.cramped |= outcome == NO_ROOM;
    if (outcome == REFUSED && first.scheme == NULL)
      return sde_fail(status, refused.code, "%s", refused.message);
    if (outcome == NO_ROOM && first.scheme == NULL) {
      *chosen = (struct scheme_choice){choose_by_rule(&choice, *scheme), choice.spent, 0,
                                       choice.own_work};
      return true;
    }
    if (outcome != TRIED)
      continue;
    order = candidate.order;
    if (first.scheme == NULL)
      first = best = candidate;
    else if (is_better(&candidate, &best))
      best = candidate;
  }
  if (isinf(best.excess) && !best.diverged) {
    best.substeps = SUBSTEPS_DEFAULT;
    best.work = 0; /* which was that of another number of substeps */
  }
  recipe->automatic = (struct recipe_scheme){best.scheme, best.substeps};
  *chosen = (struct scheme_choice){sentence(&choice, &best, &first), choice.spent, best.work,
                                   choice.own_work};
  return true;
}

/* Would a pilot that decides, at one substep, have room beside a run of the first scheme? */
static bool is_within_reach(const struct cases *cases, double first_work)
{
  return pilot_work(cases, 1, PILOT_DECIDES) <= next_share * pilot_share * first_work;
}

bool scheme_choice_estimate(const struct cases *given, struct estimate *least,
                            struct estimate *most)
{
  const struct recipe *recipe = given->recipe;
  if (!is_asked(recipe))
    return false;
  struct estimate pilots = {.stopwatch = least->stopwatch};
  double order = 0, first = 0;
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct sde_status refused = {SDE_OK, ""};
    struct candidate candidate = {.scheme = *scheme};
    struct recipe trial = *recipe;
    trial.automatic = (struct recipe_scheme){*scheme, SUBSTEPS_DEFAULT};
    struct cases *cases =
        (*scheme)->weak_order > order ? cases_sharing(given, &trial, &refused) : NULL;
    if (cases == NULL)
      continue;
    set_unit(cases, &candidate);
    candidate.substeps = SUBSTEPS_DEFAULT;
    candidate.work = run_work(cases, &candidate);
    first = order == 0 ? candidate.work : first;
    if (order > 0 && !is_within_reach(cases, first)) {
      cases_free(cases);
      continue;
    }
    struct estimate all = {.stopwatch = least->stopwatch};
    for (size_t i = 0; i < cases->count; i++)
      estimate_add_case(&pilots, cases, &cases->one[i], true,
                        pilot_paths(&cases->one[i], UINT64_MAX));
    estimate_add_study(cases, &all, &refused);
    cases_free(cases);
    if (order == 0)
      *least = *most = all;
    all.path_steps += fmin(pilots.path_steps, pilot_share * all.path_steps);
    all.seconds += fmin(pilots.seconds, pilot_share * all.seconds);
    most->path_steps = fmax(most->path_steps, all.path_steps);
    most->seconds = fmax(most->seconds, all.seconds);
    most->bytes = fmax(most->bytes, fmax(pilots.bytes, all.bytes));
    order = candidate.order;
  }
  return order > 0;
}
