/*
 * Means to a tolerance, from what the runs of a case gave: see tolerance.h.
 */
#include "experiments/studies/tolerance.h"

#include "experiments/results/series.h"
#include "experiments/studies/tolerance_run.h"
#include "sde/block.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

/* Moments with this mean and standard error. */
static struct sde_moments moments_of(struct sde_multilevel_estimate estimate)
{
  double n = estimate.paths;
  return (struct sde_moments){n, estimate.mean, pow(estimate.se, 2) * n * (n - 1)};
}

static uint64_t sde_diverged(const struct sde_multilevel *levels)
{
  uint64_t diverged = 0;
  for (size_t l = levels->first; l < levels->levels; l++)
    diverged += levels->level[l].diverged;
  return diverged;
}

static double start_of(const struct cases *cases, size_t observable)
{
  const struct sde_observables *observables = cases->observables;
  size_t dim = cases->one[0].dim;
  double *x = sde_alloc(dim * SDE_UNIT, sizeof *x);
  double *value = sde_alloc(observables->count * SDE_UNIT, sizeof *value);
  void *workspace = observables->workspace_new(observables->context, SDE_UNIT);
  for (size_t i = 0; i < dim; i++)
    sde_block_fill(SDE_UNIT, cases->one[0].start[i], x + i * SDE_UNIT);
  observables->evaluate(observables->context, workspace, SDE_UNIT, x, value);
  double start = value[observable * SDE_UNIT];
  observables->workspace_free(workspace);
  sde_free(x);
  sde_free(value);
  return start;
}

static struct comparison row_of(const struct tolerance_case *done, size_t sde, size_t observable)
{
  const struct sde_multilevel *levels = done->answer[sde].levels;
  struct sde_multilevel_estimate estimate = sde_multilevel_estimate(levels, observable);
  struct sde_moments iterates = done->iterates[observable], solution = moments_of(estimate);
  double iterates_se = sde_moments_standard_error(iterates);
  return (struct comparison){.one = done->one,
                             .sde = sde,
                             .observable = observable,
                             .name = done->cases->observable_name[observable],
                             .time = (double)done->one->steps * done->one->optimizer.eta,
                             .iterates = iterates,
                             .solution = solution,
                             .iterates_diverged = done->iterates_diverged,
                             .solution_diverged = sde_diverged(levels),
                             .start = start_of(done->cases, observable),
                             .difference = sde_moments_mean(iterates) - estimate.mean,
                             .difference_se = hypot(iterates_se, estimate.se),
                             .difference_freedom = sde_welch_freedom(iterates_se, iterates.n - 1,
                                                                     estimate.se, solution.n - 1),
                             .variance_reduction = NAN,
                             .iterates_gain = NAN,
                             .solution_gain = NAN,
                             .quasi_gain = NAN,
                             .control = {NAN, NAN, NAN},
                             .exact_iterates = NAN,
                             .exact_solution = NAN,
                             .scheme_error = estimate.bias_bound};
}

static void report_divergence(struct results *results, const struct tolerance_case *done,
                              const char *what, uint64_t diverged, double paths)
{
  double allowed = parameters_real(done->cases->recipe->common, "max_diverged");
  if (diverged == 0)
    return;
  char *label = case_label(done->one);
  results_note(results, true,
               "sharpsde: %s, eta %g, rho %g, %s: %" PRIu64 " of %.0f paths diverged; %s\n", label,
               done->one->optimizer.eta, done->one->optimizer.rho, what, diverged, paths,
               series_survivors(diverged, paths));
  sde_free(label);
  if ((double)diverged > allowed * paths)
    results_fail(results);
}

static void report(struct results *results, const struct tolerance_case *done)
{
  double paths = done->iterates[0].n + (double)done->iterates_diverged;
  report_divergence(results, done, "iterates", done->iterates_diverged, paths);
  for (size_t s = 0; s < done->cases->recipe->sdes; s++) {
    const struct sde_multilevel *levels = done->answer[s].levels;
    char *name = sde_format("SDE %zu", s);
    paths = 0;
    for (size_t l = levels->first; l < levels->levels; l++)
      paths += (double)levels->level[l].paths;
    report_divergence(results, done, name, sde_diverged(levels), paths);
    if (!levels->reached)
      results_note(results, true,
                   "sharpsde: SDE %zu, eta %g: the tolerance is not met: the bias is not surely "
                   "below half of it at the shortest step\n",
                   s, done->one->optimizer.eta);
    sde_free(name);
  }
}

struct tolerance_case *tolerance_run(const struct cases *cases, const struct run_case *one,
                                     int threads, struct progress *progress,
                                     struct results *results, struct comparison *rows,
                                     struct sde_status *status)
{
  size_t sdes = cases->recipe->sdes, observables = cases->observables->count;
  struct tolerance_case *done = sde_alloc(1, sizeof *done);
  *done = (struct tolerance_case){.cases = cases,
                                  .one = one,
                                  .answer = sde_alloc(sdes, sizeof *done->answer),
                                  .iterates = sde_alloc(observables, sizeof *done->iterates)};
  struct tolerance_watch watch = {.progress = progress,
                                  .parts = (double)(cases->count * (1 + sdes)),
                                  .part = (double)((size_t)(one - cases->one) * (1 + sdes)) - 1,
                                  .tolerance = recipe_tolerance(cases->recipe)};
  tolerance_watch_next(&watch, one, "iterates");
  bool good = tolerance_run_iterates(done, threads, &watch, status);
  for (size_t s = 0; good && s < sdes; s++) {
    char *what = sde_format("SDE %zu", s);
    tolerance_watch_next(&watch, one, what);
    sde_free(what);
    done->answer[s].watch = &watch;
    good = tolerance_run_sde(cases, one, s, threads, &done->answer[s], status);
    progress_ran(progress, done->answer[s].own_paths, done->answer[s].own_work);
    done->answer[s].watch = NULL;
  }
  sde_free(watch.label);
  if (!good) {
    tolerance_case_free(done);
    return NULL;
  }
  for (size_t s = 0; s < sdes; s++)
    for (size_t o = 0; o < observables; o++)
      rows[s * observables + o] = row_of(done, s, o);
  report(results, done);
  return done;
}

void tolerance_case_free(struct tolerance_case *done)
{
  if (done == NULL)
    return;
  for (size_t s = 0; s < done->cases->recipe->sdes; s++)
    sde_multilevel_free(done->answer[s].levels);
  sde_free(done->answer);
  sde_free(done->iterates);
  sde_free(done);
}

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool tolerance_estimate(const struct cases *cases, FILE *out, struct sde_status *status)
{
  double normals = 0, taken = 0, begun = seconds_now();
  for (size_t i = 0; i < cases->count; i++)
    for (size_t s = 0; s < cases->recipe->sdes; s++) {
      struct tolerance_answer answer = {.levels = NULL};
      if (!tolerance_choose(cases, &cases->one[i], s, 0, &answer, status))
        return false;
      normals += answer.normals + sde_multilevel_predicted(answer.levels);
      taken += answer.normals + answer.levels->normals;
      sde_multilevel_free(answer.levels);
    }
  double seconds = seconds_now() - begun;
  if (taken > 0)
    fprintf(out,
            "# %zu cases; after a pilot of their SDEs about %.2g normal draws, about %.0f s; the "
            "iterates come on top\n",
            cases->count, normals, seconds * normals / taken);
  return true;
}
