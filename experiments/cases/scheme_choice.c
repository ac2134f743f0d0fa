/*
 * The choice of scheme and substeps: see scheme_choice.h.
 */
#include "experiments/cases/scheme_choice.h"

#include "experiments/cases/scheme_trial.h"
#include "experiments/recipe/study.h"

#include <inttypes.h>
#include <math.h>

/* Good enough and cheapest; where none is good enough, nearest to it. */
static bool is_better(const struct scheme_candidate *one, const struct scheme_candidate *other)
{
  if (one->excess <= 1 && other->excess <= 1)
    return one->unit * (double)one->substeps < other->unit * (double)other->substeps;
  return one->excess < other->excess;
}

static bool is_asked(const struct recipe *recipe)
{
  if (!isnan(recipe_tolerance(recipe))) /* then each case chooses for itself */
    return false;
  if (recipe->domain != NULL) /* the boundary takes the order of all others */
    return false;
  for (size_t s = 0; recipe->study->chooses_scheme && s < recipe->sdes; s++)
    if (scheme_trial_is_automatic(recipe, s))
      return true;
  return false;
}

/* "4 substeps"; of the recipe's own number there is nothing to say. */
static char *substeps_text(const struct scheme_candidate *candidate)
{
  return sde_format("%" PRIu64 " substep%s", candidate->substeps,
                    candidate->substeps == 1 ? "" : "s");
}

/* What is known of the error of the choice. */
static char *error_text(const struct scheme_candidate *best)
{
  return isfinite(best->excess) ? sde_format("its error is predicted at %.2g of the sampling error",
                                             scheme_error_share * best->excess)
         : best->diverged
             ? sde_strdup("paths of the pilot diverged, so nothing is known of its error")
             : sde_strdup("there is no sampling error in the pilot to hold its error against");
}

static char *sentence(const struct scheme_trials *choice, const struct scheme_candidate *best,
                      const struct scheme_candidate *first)
{
  bool free = scheme_trial_leaves_substeps(choice->recipe);
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
static char *choose_by_rule(const struct scheme_trials *choice, const struct sde_scheme *every)
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
  char *substeps = substeps_text(&(struct scheme_candidate){.substeps = rule.substeps});
  char *said = sde_format(
      "No pilot run chose the scheme: it may take a quarter of the run's work, which is not enough "
      "for %d paths a case. By rule it is %s with %s%s\n",
      SCHEME_TRIAL_DECIDES, rule.scheme->name,
      scheme_trial_leaves_substeps(recipe) ? substeps : "the substeps given",
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
  struct scheme_trials choice = {
      .recipe = recipe, .given = cases, .threads = threads, .progress = progress};
  struct scheme_candidate first = {0}, best = {0};
  double order = 0;
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct scheme_candidate candidate = {.scheme = *scheme};
    struct sde_status refused = {SDE_OK, ""};
    /* The first is for every noise; another can only pay by a greater order. */
    if ((*scheme)->weak_order <= order)
      continue;
    enum scheme_outcome outcome = scheme_trial_run(&choice, &best, &candidate, &refused);
    choice.cramped |= outcome == SCHEME_NO_ROOM;
    if (outcome == SCHEME_REFUSED && first.scheme == NULL)
      return sde_fail(status, refused.code, "%s", refused.message);
    if (outcome == SCHEME_NO_ROOM && first.scheme == NULL) {
      *chosen = (struct scheme_choice){choose_by_rule(&choice, *scheme), choice.spent, 0,
                                       choice.own_work};
      return true;
    }
    if (outcome != SCHEME_TRIED)
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

/* What a run takes by the scheme of the cases; its pilot is added to those of the schemes before.
 */
static void estimate_scheme(const struct cases *cases, struct estimate *pilots,
                            struct estimate *all)
{
  struct sde_status refused = {SDE_OK, ""};
  *all = (struct estimate){.stopwatch = pilots->stopwatch};
  for (size_t i = 0; i < cases->count; i++)
    estimate_add_case(pilots, cases, &cases->one[i], true,
                      scheme_trial_pilot_paths(&cases->one[i], UINT64_MAX));
  estimate_add_study(cases, all, &refused);
}

static void widen(struct estimate *most, const struct estimate *all, const struct estimate *pilots)
{
  most->path_steps =
      fmax(most->path_steps,
           all->path_steps + fmin(pilots->path_steps, scheme_trial_share * all->path_steps));
  most->seconds =
      fmax(most->seconds, all->seconds + fmin(pilots->seconds, scheme_trial_share * all->seconds));
  most->bytes = fmax(most->bytes, fmax(pilots->bytes, all->bytes));
}

bool scheme_choice_estimate(const struct cases *given, struct estimate *least,
                            struct estimate *most)
{
  const struct recipe *recipe = given->recipe;
  if (!is_asked(recipe))
    return false;
  struct estimate pilots = {.stopwatch = least->stopwatch}, all;
  double order = 0, first = 0;
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct sde_status refused = {SDE_OK, ""};
    struct scheme_candidate candidate = {.scheme = *scheme, .substeps = SUBSTEPS_DEFAULT};
    struct recipe trial = *recipe;
    trial.automatic = (struct recipe_scheme){*scheme, SUBSTEPS_DEFAULT};
    struct cases *cases =
        (*scheme)->weak_order > order ? cases_sharing(given, &trial, &refused) : NULL;
    if (cases == NULL)
      continue;
    if (order == 0)
      first = scheme_trial_run_work(cases, SUBSTEPS_DEFAULT);
    if (order == 0 || scheme_trial_has_room(cases, first)) {
      estimate_scheme(cases, &pilots, &all);
      if (order == 0)
        *least = *most = all;
      widen(most, &all, &pilots);
      scheme_trial_set_unit(cases, &candidate);
      order = candidate.order;
    }
    cases_free(cases);
  }
  return order > 0;
}
