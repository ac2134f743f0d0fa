/*
 * Estimates: see estimate.h.
 */
#include "experiments/cases/estimate.h"

#include "experiments/recipe/study.h"
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

/* From the time of a unit of paths, that of all paths on all threads. */
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
  estimate_add(estimate, one->iterates, one->dim, one->start, one->steps, walked);
  for (size_t s = 0; s < sdes; s++) {
    estimate_add(estimate, one->sde[s].process, one->dim, one->start, one->steps, walked);
    if (companions)
      estimate_add(estimate, one->sde[s].companion, one->dim, one->start, one->steps, walked);
  }
  double recorded = (double)(records * (1 + sdes * (companions ? 2 : 1)));
  estimate->seconds += of_paths(observable_seconds(cases) * recorded, walked);
}

bool estimate_add_study(const struct cases *cases, struct estimate *estimate,
                        struct sde_status *status)
{
  const struct study_type *study = cases->recipe->study;
  if (study->estimate != NULL)
    return study->estimate(cases, estimate, status);
  for (size_t i = 0; i < cases->count; i++)
    estimate_add_case(estimate, cases, &cases->one[i], study->companions, cases->one[i].paths);
  return true;
}
