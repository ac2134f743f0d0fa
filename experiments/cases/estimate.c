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

static double time_observables(const struct cases *cases)
{
  const struct sde_observables *observables = cases->observables;
  void *workspace = observables->workspace_new(observables->context, SDE_UNIT);
  double *x = sde_alloc(cases->one[0].dim * SDE_UNIT, sizeof(double));
  double *out = sde_alloc(observables->count * SDE_UNIT, sizeof(double));
  for (size_t i = 0; i < cases->one[0].dim; i++)
    sde_block_fill(SDE_UNIT, cases->one[0].start[i], x + i * SDE_UNIT);
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

/* Bytes of a unit of paths; all cases have the same observables. */
static double observable_seconds(const struct estimate *estimate, const struct cases *cases)
{
  struct step_kind kind = {"observables", NAN};
  struct step_cost cost;
  if (!stopwatch_recall(estimate->stopwatch, kind.name, &cost)) {
    cost = (struct step_cost){time_observables(cases), 0};
    stopwatch_keep(estimate->stopwatch, &kind, cost);
  }
  return cost.seconds;
}

static double threads_of(double units)
{
  double threads = omp_get_max_threads();
  return units < threads ? units : threads;
}

static double units_of(uint64_t paths)
{
  return (double)((paths + SDE_UNIT - 1) / SDE_UNIT);
}

/* From the time of a unit of paths, that of all paths on all threads. */
static double of_paths(double unit, uint64_t paths)
{
  return unit * units_of(paths) / threads_of(units_of(paths));
}

/* Add a process of some kind; returns the bytes of a unit of its paths. */
static double add(struct estimate *estimate, const struct step_kind *kind,
                  const struct sde_process *process, size_t dim, const double *start,
                  uint64_t steps, uint64_t paths)
{
  if (paths == 0 || steps == 0)
    return 0;
  double substeps = process->substeps > 0 ? (double)process->substeps : 1;
  struct step_cost cost = step_cost(estimate->stopwatch, kind, process, dim, start, steps);
  estimate->path_steps += substeps * (double)steps * (double)paths;
  estimate->seconds += of_paths(cost.seconds * (double)steps, paths);
  return cost.bytes;
}

/* Blocks of processes that run together, so many bytes a unit of paths. */
static void add_bytes(struct estimate *estimate, double unit, size_t width, uint64_t paths)
{
  double bytes = unit * (double)(width / SDE_UNIT) * threads_of(units_of(paths));
  estimate->bytes = fmax(estimate->bytes, bytes);
}

void estimate_add(struct estimate *estimate, const struct sde_process *process, size_t dim,
                  const double *start, uint64_t steps, uint64_t paths)
{
  struct step_kind unknown = {NULL, NAN};
  double unit = add(estimate, &unknown, process, dim, start, steps, paths);
  struct sde_ensemble alone = {.paths = paths,
                               .dim = dim,
                               .processes = 1,
                               .process = (const struct sde_process *[]){process}};
  if (paths > 0)
    add_bytes(estimate, unit, sde_ensemble_width(&alone), paths);
}

/* Multiply-adds of a step of the iterates: a gradient of each sample of the batch, two where the
 * first perturbs, and where the full gradient does, that of all. */
static double iterates_work(const struct optimizer *optimizer)
{
  const struct objective *objective = optimizer->objective;
  double d = (double)objective->loss->dim, n = (double)objective->components;
  bool full = optimizer->rule->theory.depends == GRADIENT_OF_POINT;
  return 4 * d * (double)optimizer->batch + (full ? 2 * d * n : 0);
}

static double solution_work(const struct case_sde *sde, const struct sde_process *process)
{
  return (double)process->substeps * sde_scheme_evaluations(sde->scheme, &sde->system) *
         limit_cost(sde->limit);
}

/* Iterates of other learning rates and radii take the same time, but without a perturbation less.
 */
static char *name_of(const struct run_case *one, const char *what)
{
  char *label = case_label(one);
  char *name = sde_format("%s b=%zu%s %s", label, one->optimizer.batch,
                          one->optimizer.rho == 0 ? " rho=0" : "", what);
  sde_free(label);
  return name;
}

static char *solution_name(const struct run_case *one, const struct case_sde *sde,
                           const struct sde_process *process)
{
  const struct sde_solution *solution = process->solution;
  char *what =
      sde_format("sde %zu by %s/%.0f of %.0f%s: %s", sde->index, sde->scheme->name,
                 (double)process->substeps, (double)solution->resolution,
                 solution->quasi == NULL ? "" : ", quasi-random", limit_description(sde->limit));
  char *name = name_of(one, what);
  sde_free(what);
  return name;
}

/* What an ensemble of a case runs together. */
struct together {
  struct sde_ensemble ensemble;
  const struct sde_process **process;
  double unit; /* bytes */
};

static void add_together(struct estimate *estimate, const struct run_case *one,
                         const struct sde_process *process, char *name, double work,
                         struct together *all)
{
  struct step_kind kind = {name, work};
  double times = one->antithetic ? 2 : 1;
  all->unit +=
      times * add(estimate, &kind, process, one->dim, one->start, one->steps, all->ensemble.paths);
  all->process[all->ensemble.processes++] = process;
  sde_free(name);
}

/* Affine limits that take long to learn are learnt of each SDE, and for the exact means again of
 * the SDE and of the iterates; on one thread, so many multiply-adds a second. */
static const double LEARNT = 3, LEARNING_RATE = 2e9;

void estimate_add_case(struct estimate *estimate, const struct cases *cases,
                       const struct run_case *one, bool companions, uint64_t paths)
{
  size_t sdes = cases->recipe->sdes, records;
  uint64_t walked = one->antithetic ? 2 * paths : paths;
  const struct sde_process **process = sde_alloc(1 + 2 * sdes, sizeof *process);
  struct together all = {{.paths = walked, .dim = one->dim, .process = process}, process, 0};
  sde_free(case_record_steps(cases, one, &records));
  add_together(estimate, one, one->iterates, name_of(one, "iterates"),
               iterates_work(&one->optimizer), &all);
  for (size_t s = 0; s < sdes; s++) {
    const struct case_sde *sde = &one->sde[s];
    estimate->seconds += LEARNT * limit_cost_left_out(sde->limit) / LEARNING_RATE;
    add_together(estimate, one, sde->process, solution_name(one, sde, sde->process),
                 solution_work(sde, sde->process), &all);
    if (companions)
      add_together(estimate, one, sde->companion, solution_name(one, sde, sde->companion),
                   solution_work(sde, sde->companion), &all);
  }
  if (walked > 0)
    add_bytes(estimate, all.unit, sde_ensemble_width(&all.ensemble), walked);
  double recorded = (double)(records * (1 + sdes * (companions ? 2 : 1)));
  estimate->seconds += of_paths(observable_seconds(estimate, cases) * recorded, walked);
  sde_free(process);
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
