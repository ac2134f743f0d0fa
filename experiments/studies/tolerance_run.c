/*
 * Running a case to a tolerance: see tolerance_run.h.
 */
#include "experiments/studies/tolerance_run.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* The iterates' variance is first taken from so many paths; no step of an SDE is shorter than
 * eta/SUBSTEPS_MOST. */
enum { PILOT = 1024, GRAIN = 64, SUBSTEPS_MOST = 1 << 20 };

static const double paths_most = 0x1p40;

/* ---- How far it is ---- */

static void show(const struct tolerance_watch *watch, double paths, const char *levels,
                 double error)
{
  char *reached = isfinite(error) ? sde_format(", error %.2g of %.2g", error, watch->tolerance)
                                  : sde_strdup("");
  char *words = sde_format("%s: %s%.3g paths%s", watch->label, levels, paths, reached);
  progress_share(watch->progress, (watch->part + watch->share) / watch->parts, words);
  sde_free(reached);
  sde_free(words);
}

/* The largest root-mean-square error of an observable; NAN while a level is without paths. */
static double levels_error(const struct sde_multilevel *levels)
{
  double largest = 0;
  for (size_t o = 0; o < levels->problem.observables.count; o++) {
    struct sde_multilevel_estimate estimate = sde_multilevel_estimate(levels, o);
    double error = hypot(estimate.se, estimate.bias);
    largest = isnan(error) || isnan(largest) ? NAN : fmax(largest, error);
  }
  return largest;
}

static void watch_levels(void *context, const struct sde_multilevel *levels, double normals)
{
  struct tolerance_watch *watch = context;
  if (!progress_is_due(watch->progress))
    return;
  double paths = 0, share = watch->chosen ? normals / sde_multilevel_predicted(levels) : 0;
  watch->share = isnan(share) ? watch->share : fmin(share, 1);
  for (size_t l = 0; l < levels->levels; l++)
    paths += (double)levels->level[l].paths;
  char *finest = sde_format("%s, level %zu, ", levels->problem.scheme->name, levels->levels - 1);
  show(watch, paths, finest, levels_error(levels));
  sde_free(finest);
}

void tolerance_watch_next(struct tolerance_watch *watch, const struct run_case *one,
                          const char *what)
{
  char *label = case_label(one);
  sde_free(watch->label);
  watch->label = sde_format("%s, eta %g, %s", label, one->optimizer.eta, what);
  watch->part++;
  watch->chosen = false;
  watch->share = 0;
  sde_free(label);
}

/* ---- An SDE ---- */

static struct sde_multilevel *pilot(const struct cases *cases, const struct run_case *one,
                                    size_t sde, const struct sde_scheme *scheme, int threads,
                                    struct tolerance_answer *answer, struct sde_status *status)
{
  double time = parameters_real(cases->recipe->common, "time");
  struct sde_multilevel_problem problem = {
      .system = &one->sde[sde].system,
      .scheme = scheme,
      .stream = case_stream(cases, one, "sde levels"),
      .time = time,
      .shortest = one->optimizer.eta / SUBSTEPS_MOST,
      .start = one->start,
      .observables = *cases->observables,
      .tolerance = recipe_tolerance(cases->recipe),
      .bound = parameters_real(cases->recipe->common, "divergence_bound"),
      .keeper = answer->watch == NULL ? NULL : progress_keeper(answer->watch->progress),
      .threads = threads,
      .own_paths = &answer->own_paths,
      .own_work = &answer->own_work,
      .progress = answer->watch == NULL ? NULL : watch_levels,
      .progress_context = answer->watch};
  return sde_multilevel_new(&problem, status);
}

/* Does the recipe name the scheme, or leave the choice to the program? An exact scheme, where it is
 * accepted, leaves nothing to choose: no other could do with fewer normals. */
static bool is_candidate(const struct cases *cases, const struct run_case *one, size_t sde,
                         const struct sde_scheme *scheme)
{
  const char *named = parameters_text(cases->recipe->sde[sde], "scheme");
  struct sde_status refused = {SDE_OK, ""};
  const struct sde_system *system = &one->sde[sde].system;
  if (strcmp(named, "auto") != 0)
    return strcmp(scheme->name, named) == 0;
  for (const struct sde_scheme *const *other = sde_schemes(); *other != NULL; other++)
    if ((*other)->exact && !scheme->exact && sde_scheme_accepts(*other, system, &refused))
      return false;
  return sde_multilevel_accepts(scheme, system, &refused);
}

/* Keep what was tried, where it is predicted to take fewer normals than what is kept. */
static void keep_better(struct tolerance_answer *answer, struct sde_multilevel *tried)
{
  bool better = answer->levels == NULL ||
                sde_multilevel_predicted(tried) < sde_multilevel_predicted(answer->levels);
  struct sde_multilevel *dropped = better ? answer->levels : tried;
  answer->levels = better ? tried : answer->levels;
  if (dropped == NULL)
    return;
  answer->normals += dropped->normals;
  answer->evaluations += dropped->evaluations;
  sde_multilevel_free(dropped);
}

bool tolerance_choose(const struct cases *cases, const struct run_case *one, size_t sde,
                      int threads, struct tolerance_answer *answer, struct sde_status *status)
{
  struct sde_status first = {SDE_OK, ""};
  answer->euler.paths = NAN;
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct sde_status refused = {SDE_OK, ""};
    bool candidate = is_candidate(cases, one, sde, *scheme);
    bool euler = strcmp((*scheme)->name, "euler-maruyama") == 0;
    if (!candidate && !euler)
      continue;
    struct sde_multilevel *tried = pilot(cases, one, sde, *scheme, threads, answer, &refused);
    if (tried == NULL && candidate && first.code == SDE_OK)
      first = refused;
    if (tried != NULL && euler)
      answer->euler = sde_multilevel_plain(tried);
    if (tried != NULL && candidate)
      keep_better(answer, tried);
    else
      sde_multilevel_free(tried);
  }
  return answer->levels != NULL ||
         sde_fail(status, first.code, "%s: %s",
                  parameters_place(cases->recipe->common, "tolerance"), first.message);
}

bool tolerance_run_sde(const struct cases *cases, const struct run_case *one, size_t sde,
                       int threads, struct tolerance_answer *answer, struct sde_status *status)
{
  struct sde_status failed = {SDE_OK, ""};
  if (!tolerance_choose(cases, one, sde, threads, answer, status))
    return false;
  if (answer->watch != NULL)
    answer->watch->chosen = true;
  if (!sde_multilevel_run(answer->levels, &failed))
    return sde_fail(status, failed.code, "%s: %s",
                    parameters_place(cases->recipe->common, "tolerance"), failed.message);
  answer->normals += answer->levels->normals;
  answer->evaluations += answer->levels->evaluations;
  answer->same = sde_multilevel_plain(answer->levels);
  if (strcmp(answer->levels->problem.scheme->name, "euler-maruyama") == 0)
    answer->euler = answer->same;
  return true;
}

/* ---- The iterates ---- */

/* A round of them. */
struct round {
  struct tolerance_watch *watch;
  const struct tolerance_case *done;
  uint64_t before, wanted;
};

static void watch_iterates(void *context, uint64_t paths_done)
{
  const struct round *round = context;
  struct tolerance_watch *watch = round->watch;
  if (!progress_is_due(watch->progress))
    return;
  double paths = (double)(round->before + paths_done), error = 0;
  for (size_t o = 0; o < round->done->cases->observables->count; o++) {
    double variance = sde_moments_variance(round->done->iterates[o]);
    error = isnan(variance) ? NAN : fmax(error, sqrt(variance / paths));
  }
  watch->share = paths / (double)round->wanted;
  show(watch, paths, "", error);
}

static void draw_iterates(struct tolerance_case *done, uint64_t first, uint64_t paths, int threads,
                          struct tolerance_watch *watch)
{
  const struct cases *cases = done->cases;
  const struct sde_process *process = done->one->iterates;
  struct round round = {watch, done, first, first + paths};
  struct sde_ensemble ensemble = {.paths = paths,
                                  .first_path = first,
                                  .dim = done->one->dim,
                                  .start = done->one->start,
                                  .records = 1,
                                  .record_steps = &done->one->steps,
                                  .processes = 1,
                                  .process = &process,
                                  .observables = *cases->observables,
                                  .bound =
                                      parameters_real(cases->recipe->common, "divergence_bound"),
                                  .keeper = progress_keeper(watch->progress),
                                  .threads = threads,
                                  .progress = watch_iterates,
                                  .progress_context = &round};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  for (size_t o = 0; o < cases->observables->count; o++)
    done->iterates[o] =
        sde_moments_merged(done->iterates[o], sde_ensemble_moments(&result, 0, 0, o));
  done->iterates_diverged += sde_ensemble_diverged(&result, 0, 0);
  progress_ran(watch->progress, result.own_paths, result.own_work);
  sde_ensemble_result_free(&result);
}

/* Paths that some observable's standard error still lacks, in whole grains, after `paths` of which
 * not all survived: as many of those to come are taken not to survive. */
static double lacking_iterates(const struct tolerance_case *done, uint64_t paths, double tolerance)
{
  double lacking = 0;
  for (size_t o = 0; o < done->cases->observables->count; o++) {
    double survivors = done->iterates[o].n;
    double wanted = fmax(PILOT, sde_moments_variance(done->iterates[o]) / (tolerance * tolerance));
    if (wanted > survivors && survivors > 0) /* without any there is nothing to go by */
      lacking = fmax(lacking, (wanted - survivors) * (double)paths / survivors);
  }
  return GRAIN * ceil(lacking / GRAIN);
}

bool tolerance_run_iterates(struct tolerance_case *done, int threads, struct tolerance_watch *watch,
                            struct sde_status *status)
{
  const struct recipe *recipe = done->cases->recipe;
  double tolerance = recipe_tolerance(recipe), more = PILOT;
  for (uint64_t paths = 0; more > 0; more = lacking_iterates(done, paths, tolerance)) {
    double wanted = (double)paths + more;
    if (!(wanted < paths_most))
      return sde_fail(status, SDE_INVALID,
                      "%s: tolerance %g would take %.2g paths of the iterates; below %.2g are "
                      "accepted",
                      parameters_place(recipe->common, "tolerance"), tolerance, wanted, paths_most);
    draw_iterates(done, paths, (uint64_t)more, threads, watch);
    paths += (uint64_t)more;
  }
  return true;
}
