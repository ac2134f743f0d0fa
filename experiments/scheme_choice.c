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
  double excess; /* the scheme's error over its share of the sampling error, at `substeps` */
  double unit; /* cost of a step: evaluations of the system, normals a Wiener process as one more */
  uint64_t substeps;
};

static bool is_automatic(const struct recipe *recipe, size_t sde)
{
  return strcmp(parameters_text(recipe->sde[sde], "scheme"), "auto") == 0;
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
      worst = fmax(worst, error == 0 ? 0 : error / (share * sampling));
    }
  return worst;
}

/* Run the pilot of one case; false where paths diverged. */
static bool pilot(const struct cases *cases, const struct run_case *one, int threads,
                  struct candidate *candidate)
{
  struct run_case part = *one;
  uint64_t least = one->paths < PILOT_LEAST ? one->paths : PILOT_LEAST;
  part.paths = one->paths / PILOT_PART > least ? one->paths / PILOT_PART : least;
  uint64_t steps[PILOT_RECORDS + 1];
  size_t records = 1;
  steps[0] = 0;
  for (uint64_t r = 1; r <= PILOT_RECORDS; r++)
    if (one->steps * r / PILOT_RECORDS > steps[records - 1])
      steps[records++] = one->steps * r / PILOT_RECORDS;
  struct sde_ensemble_result result =
      case_run(cases, &part, true, 0, records, steps, threads, NULL);
  bool stable = true;
  for (size_t s = 0; s < cases->recipe->sdes; s++)
    if (is_automatic(cases->recipe, s)) {
      stable = stable && result.diverged[(2 + 2 * s) * records - 1] == 0 &&
               result.diverged[(3 + 2 * s) * records - 1] == 0;
      double excess = excess_of(cases, one, s, &result, records, (double)one->paths);
      candidate->excess = fmax(candidate->excess, excess);
      const struct sde_system *system = sde_solution_of(one->sde[s].process)->system;
      double normals = sde_scheme_normals(candidate->scheme, system, one->optimizer.eta);
      candidate->unit = fmax(candidate->unit, sde_scheme_evaluations(candidate->scheme, system) +
                                                  normals / (double)system->noise_dim);
    }
  sde_ensemble_result_free(&result);
  return stable;
}

/* All cases at recipe->automatic, but no more than are needed to see that they diverge. */
static bool try_substeps(struct recipe *recipe, int threads, struct candidate *candidate,
                         struct sde_status *status)
{
  recipe->automatic = (struct recipe_scheme){candidate->scheme, candidate->substeps};
  struct cases *cases = cases_new(recipe, status);
  if (cases == NULL)
    return false;
  candidate->excess = candidate->unit = 0;
  for (size_t i = 0; i < cases->count; i++)
    if (!pilot(cases, &cases->one[i], threads, candidate)) {
      candidate->excess = INFINITY;
      break;
    }
  cases_free(cases);
  return true;
}

/* The fewest substeps, a power of two, that the error's order predicts to be enough. */
static void extrapolate(struct candidate *candidate)
{
  double order = candidate->scheme->weak_order;
  while (candidate->excess > 1 && candidate->substeps < SUBSTEPS_MOST) {
    candidate->substeps *= 2;
    candidate->excess *= pow(2, -order);
  }
}

/* Are the substeps left to the program too? */
static bool substeps_are_free(const struct recipe *recipe)
{
  for (size_t s = 0; s < recipe->sdes; s++)
    if (is_automatic(recipe, s) && !parameters_has(recipe->sde[s], "substeps"))
      return true;
  return false;
}

static bool try_scheme(struct recipe *recipe, int threads, struct candidate *candidate,
                       struct sde_status *status)
{
  bool free = substeps_are_free(recipe);
  candidate->substeps = 1;
  if (!try_substeps(recipe, threads, candidate, status))
    return false;
  while (free && isinf(candidate->excess) && candidate->substeps < 64) {
    candidate->substeps *= 4;
    if (!try_substeps(recipe, threads, candidate, status))
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
  return isfinite(best->excess)
             ? sde_format("its error is predicted at %.2g of the sampling error",
                          share * best->excess)
             : sde_strdup("paths of the pilot diverged, so nothing is known of its error");
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

bool scheme_choose(struct recipe *recipe, int threads, char **said, struct sde_status *status)
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
    if (!try_scheme(recipe, threads, &candidate, &refused)) {
      if (first.scheme == NULL)
        return sde_fail(status, refused.code, "%s", refused.message);
      continue;
    }
    order = (*scheme)->weak_order;
    if (first.scheme == NULL)
      first = best = candidate;
    else if (is_better(&candidate, &best))
      best = candidate;
  }
  recipe->automatic = (struct recipe_scheme){best.scheme, best.substeps};
  *said = sentence(substeps_are_free(recipe), &best, &first);
  return true;
}
