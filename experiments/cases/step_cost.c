/*
 * The cost of a step: see step_cost.h.
 */
#include "experiments/cases/step_cost.h"

#include "sde/block.h"
#include "sde/status.h"

#include <math.h>
#include <string.h>
#include <time.h>

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
#include <malloc.h>
#define HEAP_IS_KNOWN 1
#else
#define HEAP_IS_KNOWN 0
#endif

/* A timing lasts `enough` seconds; once all have lasted `some_time`, one step, and after `too_long`
 * none where the work is known. A step is timed as a whole where its evaluations take less than
 * `short_step`. */
static const double enough = 0.01, some_time = 0.2, too_long = 0.4, short_step = 0.02;

struct timing {
  char *kind;
  struct step_cost cost;
};

struct stopwatch {
  size_t count, capacity;
  struct timing *timing;
  double spent;
  double seconds, work; /* of the timings whose work is known */
};

struct stopwatch *stopwatch_new(void)
{
  return sde_alloc(1, sizeof(struct stopwatch));
}

void stopwatch_free(struct stopwatch *stopwatch)
{
  for (size_t i = 0; i < stopwatch->count; i++)
    sde_free(stopwatch->timing[i].kind);
  sde_free(stopwatch->timing);
  sde_free(stopwatch);
}

bool stopwatch_recall(const struct stopwatch *stopwatch, const char *kind, struct step_cost *cost)
{
  size_t i = 0;
  while (i < stopwatch->count && strcmp(stopwatch->timing[i].kind, kind) != 0)
    i++;
  if (i < stopwatch->count)
    *cost = stopwatch->timing[i].cost;
  return i < stopwatch->count;
}

void stopwatch_keep(struct stopwatch *stopwatch, const struct step_kind *kind,
                    struct step_cost cost)
{
  if (!isnan(kind->work)) {
    stopwatch->seconds += cost.seconds;
    stopwatch->work += kind->work;
  }
  if (kind->name == NULL)
    return;
  if (stopwatch->count == stopwatch->capacity) {
    stopwatch->capacity = 2 * stopwatch->capacity + 8;
    struct timing *longer = sde_alloc(stopwatch->capacity, sizeof *longer);
    if (stopwatch->count > 0)
      memcpy(longer, stopwatch->timing, stopwatch->count * sizeof *longer);
    sde_free(stopwatch->timing);
    stopwatch->timing = longer;
  }
  stopwatch->timing[stopwatch->count++] = (struct timing){sde_strdup(kind->name), cost};
}

/* Processor time of this thread: what others do on the machine is not the recipe's cost. */
static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Bytes that are allocated now; 0 where the C library does not say. */
static double heap_bytes(void)
{
#if HEAP_IS_KNOWN
  struct mallinfo2 heap = mallinfo2();
  return (double)heap.uordblks + (double)heap.hblkhd;
#else
  return 0;
#endif
}

/* Steps are timed until they have lasted `least`. A process may have tables for its own steps
 * alone, so that paths which reach the last of them start again. */
static double time_steps(const struct sde_process *process, void *workspace, size_t dim,
                         const double *start, uint64_t horizon, double least)
{
  double *x = sde_alloc(process->dim, SDE_UNIT * sizeof *x);
  double begun = seconds_now(), elapsed;
  uint64_t steps = 0;
  do {
    if (steps % horizon == 0)
      sde_process_start(process, workspace, dim, start, 0, SDE_UNIT, x);
    process->advance(process, workspace, 0, SDE_UNIT, steps++ % horizon, x);
    elapsed = seconds_now() - begun;
  } while (elapsed < least);
  sde_free(x);
  return elapsed / (double)steps;
}

/* Seconds of one evaluation of a solution's system at the start; and of normals for it. */
static double time_evaluation(const struct sde_system *system, size_t dim, const double *start,
                              double *normals_seconds)
{
  size_t d = system->dim;
  double *x = sde_alloc(3 * d, SDE_UNIT * sizeof *x);
  double *dw = sde_alloc(system->noise_dim, SDE_UNIT * sizeof *dw);
  void *workspace = sde_system_workspace_new(system, SDE_UNIT);
  for (size_t i = 0; i < dim && i < d; i++)
    sde_block_fill(SDE_UNIT, start[i], x + i * SDE_UNIT);
  double begun = seconds_now();
  sde_random_normals(&(struct sde_address){{0, 0}, 0, 0}, SDE_UNIT, system->noise_dim, dw);
  *normals_seconds = seconds_now() - begun;
  begun = seconds_now();
  system->evaluate(system, workspace, &(struct sde_instant){0, 0, 0}, SDE_UNIT, x, dw,
                   x + d * SDE_UNIT, x + 2 * d * SDE_UNIT);
  double elapsed = seconds_now() - begun;
  sde_system_workspace_free(system, workspace);
  sde_free(x);
  sde_free(dw);
  return elapsed;
}

/* A step as its evaluations and normals; 0 for a process that is no solution. */
static double count_evaluations(const struct sde_process *process, size_t dim, const double *start)
{
  const struct sde_solution *solution = process->solution;
  if (solution == NULL)
    return 0;
  double substeps = (double)solution->substeps, dt = solution->eta / substeps, normals;
  double evaluation = time_evaluation(solution->system, dim, start, &normals);
  return substeps * (sde_scheme_evaluations(solution->scheme, solution->system) * evaluation +
                     sde_scheme_normals(solution->scheme, solution->system, dt) * normals /
                         (double)solution->system->noise_dim);
}

/* Are all timings together long enough, and is there something to infer this one from? */
static bool is_inferred(const struct stopwatch *stopwatch, const struct step_kind *kind)
{
  return stopwatch->spent > too_long && !isnan(kind->work) && stopwatch->work > 0;
}

static struct step_cost measure(const struct stopwatch *stopwatch, const struct step_kind *kind,
                                const struct sde_process *process, size_t dim, const double *start,
                                uint64_t horizon)
{
  bool inferred = is_inferred(stopwatch, kind);
  struct step_cost cost = {inferred ? kind->work * stopwatch->seconds / stopwatch->work
                                    : count_evaluations(process, dim, start),
                           0};
  double before = heap_bytes();
  void *workspace = process->workspace_new(process, SDE_UNIT);
  cost.bytes = heap_bytes() - before + (double)(process->dim * SDE_UNIT * sizeof(double));
  if (!inferred && cost.seconds < short_step)
    cost.seconds = time_steps(process, workspace, dim, start, horizon,
                              stopwatch->spent < some_time ? enough : 0);
  process->workspace_free(process, workspace);
  return cost;
}

struct step_cost step_cost(struct stopwatch *stopwatch, const struct step_kind *kind,
                           const struct sde_process *process, size_t dim, const double *start,
                           uint64_t horizon)
{
  struct step_cost cost;
  if (kind->name != NULL && stopwatch_recall(stopwatch, kind->name, &cost))
    return cost;
  bool inferred = is_inferred(stopwatch, kind);
  double begun = seconds_now();
  cost = measure(stopwatch, kind, process, dim, start, horizon);
  stopwatch->spent += seconds_now() - begun;
  stopwatch_keep(stopwatch, &(struct step_kind){kind->name, inferred ? NAN : kind->work}, cost);
  return cost;
}
