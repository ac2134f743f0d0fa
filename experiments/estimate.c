/*
 * Estimates: see estimate.h.
 */
#include "experiments/estimate.h"

#include "experiments/forms.h"
#include "experiments/study.h"
#include "experiments/tolerance.h"
#include "sde/block.h"

#include <math.h>
#include <omp.h>
#include <time.h>

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds that one unit of paths takes for one learning-rate step of a process: steps are timed
 * until a fiftieth of a second has passed. */
static double unit_step_seconds(const struct sde_process *process, const double *start)
{
  void *workspace = process->workspace_new(process, SDE_UNIT);
  double *x = sde_alloc(process->dim * SDE_UNIT, sizeof(double));
  for (size_t i = 0; i < process->dim; i++)
    sde_block_fill(SDE_UNIT, start[i], x + i * SDE_UNIT);
  double begun = seconds_now(), elapsed;
  uint64_t steps = 0;
  do {
    process->advance(process, workspace, 0, SDE_UNIT, steps++, x);
    elapsed = seconds_now() - begun;
  } while (elapsed < 0.02);
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
  double begun = seconds_now();
  observables->evaluate(observables->context, workspace, SDE_UNIT, x, out);
  double elapsed = seconds_now() - begun;
  observables->workspace_free(workspace);
  sde_free(x);
  sde_free(out);
  return elapsed;
}

static double case_seconds(const struct cases *cases, const struct run_case *one, bool companions)
{
  size_t records;
  sde_free(case_record_steps(cases, one, &records));
  size_t processes = 1 + cases->recipe->sdes * (companions ? 2 : 1);
  double step = unit_step_seconds(one->iterates, cases->start);
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    step += unit_step_seconds(one->sde[s].process, cases->start);
    if (companions)
      step += unit_step_seconds(one->sde[s].companion, cases->start);
  }
  double unit =
      step * (double)one->steps + observable_seconds(cases) * (double)(records * processes);
  double units = (double)((one->paths + SDE_UNIT - 1) / SDE_UNIT);
  double threads = omp_get_max_threads();
  return unit * units / (units < threads ? units : threads);
}

void study_estimate(const struct cases *cases, FILE *out, struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  bool companions = recipe->study->companions;
  double seconds = 0, work = 0, cells = 0;
  char *forms = forms_text(cases, "# ");
  fputs(forms, out);
  sde_free(forms);
  if (!isnan(recipe_tolerance(recipe))) {
    tolerance_estimate(cases, out, status);
    return;
  }
  for (size_t i = 0; i < cases->count; i++) {
    const struct run_case *one = &cases->one[i];
    size_t records;
    sde_free(case_record_steps(cases, one, &records));
    seconds += case_seconds(cases, one, companions);
    work += case_work(one, recipe->sdes, companions);
    double table = (double)records * (double)cases->observables->count *
                   (double)(1 + recipe->sdes * (companions ? 3 : 1));
    cells = table > cells ? table : cells;
  }
  /* A tally for each thread and each node of the merging tree, and what the tables hold. */
  double bytes = cells * 24 * (omp_get_max_threads() + 12) + 150 * cells * (double)cases->count;
  fprintf(out,
          "# %zu cases, %.3g path-steps, about %.0f s on %d threads, about %.0f MB of memory\n",
          cases->count, work, seconds, omp_get_max_threads(), 20 + bytes / 1e6);
}
