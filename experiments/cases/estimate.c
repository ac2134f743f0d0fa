/*
 * Estimates: see estimate.h.
 */
#include "experiments/cases/estimate.h"

#include "experiments/cases/forms.h"
#include "experiments/cases/scheme_choice.h"
#include "experiments/studies/study.h"
#include "experiments/studies/tolerance.h"
#include "sde/block.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include <time.h>

/* Processor time of this thread: what others do on the machine is not the recipe's cost. */
static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds that one unit of paths takes for one learning-rate step of a process: steps are timed
 * until a hundredth of a second has passed. A process may have tables for its own steps alone, so
 * that paths which reach the last of them start again. */
static double unit_step_seconds(const struct sde_process *process, size_t dim, const double *start,
                                uint64_t horizon)
{
  void *workspace = process->workspace_new(process, SDE_UNIT);
  double *x = sde_alloc(process->dim * SDE_UNIT, sizeof(double));
  double begun = seconds_now(), elapsed;
  uint64_t steps = 0;
  do {
    if (steps % horizon == 0)
      sde_process_start(process, workspace, dim, start, 0, SDE_UNIT, x);
    process->advance(process, workspace, 0, SDE_UNIT, steps++ % horizon, x);
    elapsed = seconds_now() - begun;
  } while (elapsed < 0.01);
  sde_free(x);
  process->workspace_free(process, workspace);
  return elapsed / (double)steps;
}

static double observable_seconds(const struct cases *cases)
{
  const struct sde_observables *observables = cases->observables;
  void *workspace = observables->workspace_new(observables->context, SDE_UNIT);
  double *x = sde_alloc(cases->loss->dim * SDE_UNIT, sizeof(double));
  double *out = sde_alloc(observables->count * SDE_UNIT, sizeof(double));
  for (size_t i = 0; i < cases->loss->dim; i++)
    sde_block_fill(SDE_UNIT, cases->start[i], x + i * SDE_UNIT);
  double begun = seconds_now(), elapsed;
  size_t times = 0;
  do {
    observables->evaluate(observables->context, workspace, SDE_UNIT, x, out);
    times++;
    elapsed = seconds_now() - begun;
  } while (elapsed < 0.002);
  observables->workspace_free(workspace);
  sde_free(x);
  sde_free(out);
  return elapsed / (double)times;
}

/* Of a time for a unit of paths, that of all paths on all threads. */
static double of_paths(double unit, uint64_t paths)
{
  double units = (double)((paths + SDE_UNIT - 1) / SDE_UNIT), threads = omp_get_max_threads();
  return unit * units / (units < threads ? units : threads);
}

void estimate_add(struct estimate *estimate, const struct sde_process *process, size_t dim,
                  const double *start, uint64_t steps, uint64_t paths)
{
  if (paths == 0 || steps == 0)
    return;
  double substeps = process->substeps > 0 ? (double)process->substeps : 1;
  estimate->path_steps += substeps * (double)steps * (double)paths;
  estimate->seconds +=
      of_paths(unit_step_seconds(process, dim, start, steps) * (double)steps, paths);
}

void estimate_add_case(struct estimate *estimate, const struct cases *cases,
                       const struct run_case *one, bool companions, uint64_t paths)
{
  size_t sdes = cases->recipe->sdes, records;
  uint64_t walked = one->antithetic ? 2 * paths : paths;
  sde_free(case_record_steps(cases, one, &records));
  estimate_add(estimate, one->iterates, cases->loss->dim, cases->start, one->steps, walked);
  for (size_t s = 0; s < sdes; s++) {
    estimate_add(estimate, one->sde[s].process, cases->loss->dim, cases->start, one->steps, walked);
    if (companions)
      estimate_add(estimate, one->sde[s].companion, cases->loss->dim, cases->start, one->steps,
                   walked);
  }
  double recorded = (double)(records * (1 + sdes * (companions ? 2 : 1)));
  estimate->seconds += of_paths(observable_seconds(cases) * recorded, walked);
}

bool study_estimate_add(const struct cases *cases, struct estimate *estimate,
                        struct sde_status *status)
{
  const struct study_type *study = cases->recipe->study;
  if (study->estimate != NULL)
    return study->estimate(cases, estimate, status);
  for (size_t i = 0; i < cases->count; i++)
    estimate_add_case(estimate, cases, &cases->one[i], study->companions, cases->one[i].paths);
  return true;
}

static char *steps_text(double steps)
{
  return sde_format("%.3g", steps);
}

static char *seconds_text(double seconds)
{
  return sde_format(seconds < 10 ? "%.2g" : "%.0f", seconds);
}

/* "3", or "3 to 4" where the scheme is to be chosen by a pilot. */
static char *range_text(double least, double most, char *(*text_of)(double))
{
  char *low = text_of(least), *high = text_of(most);
  bool same = strcmp(low, high) == 0;
  char *text = sde_format("%s%s%s", low, same ? "" : " to ", same ? "" : high);
  sde_free(low);
  sde_free(high);
  return text;
}

void study_estimate(const struct cases *cases, FILE *out, struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  double cells = 0;
  struct estimate least = {0, 0}, most = {0, 0};
  char *forms = forms_text(cases, "# ");
  fputs(forms, out);
  sde_free(forms);
  if (!isnan(recipe_tolerance(recipe))) {
    tolerance_estimate(cases, out, status);
    return;
  }
  bool chosen = scheme_choice_estimate(recipe, &least, &most);
  if (!chosen) {
    if (!study_estimate_add(cases, &least, status))
      return;
    most = least;
  }
  for (size_t i = 0; i < cases->count; i++) {
    size_t records;
    sde_free(case_record_steps(cases, &cases->one[i], &records));
    double table = (double)records * (double)cases->observables->count *
                   (double)(1 + recipe->sdes * (recipe->study->companions ? 3 : 1));
    cells = table > cells ? table : cells;
  }
  /* A tally for each thread and each node of the merging tree, and what the tables hold. */
  double bytes = cells * 24 * (omp_get_max_threads() + 12) + 150 * cells * (double)cases->count;
  char *steps = range_text(least.path_steps, most.path_steps, steps_text);
  char *seconds = range_text(least.seconds, most.seconds, seconds_text);
  if (chosen && scheme_choice_leaves_substeps(recipe))
    fprintf(out,
            "# A pilot run chooses the substeps; %d are counted here, and k take about k/%d of "
            "that\n",
            SUBSTEPS_DEFAULT, SUBSTEPS_DEFAULT);
  if (recipe->study->ends_early)
    fputs("# At most, for paths that have left run no further:\n", out);
  fprintf(out, "# %zu cases, %s path-steps, about %s s on %d threads, about %.0f MB of memory\n",
          cases->count, steps, seconds, omp_get_max_threads(), 20 + bytes / 1e6);
  sde_free(seconds);
  sde_free(steps);
}
