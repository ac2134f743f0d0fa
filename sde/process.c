/*
 * Processes: how they start, and the solution of an SDE by a scheme. See process.h.
 */
#include "sde/process.h"

#include "sde/block.h"
#include "sde/wiener.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void sde_process_begin(const struct sde_process *process, void *workspace, uint64_t first_path,
                       size_t width, double *x)
{
  if (process->begin != NULL)
    process->begin(process, workspace, first_path, width, x);
}

bool sde_process_failed(const struct sde_process *process, const void *workspace, size_t p)
{
  return process->failed != NULL && process->failed(process, workspace, p);
}

void sde_process_start(const struct sde_process *process, void *workspace, size_t dim,
                       const double *start, uint64_t first_path, size_t width, double *x)
{
  assert(dim <= process->dim);
  for (size_t i = 0; i < process->dim; i++)
    sde_block_fill(width, i < dim ? start[i] : 0, x + i * width);
  sde_process_begin(process, workspace, first_path, width, x);
}

/* The context of a process. */
struct solver {
  struct sde_solution solution;
  struct sde_wiener wiener;
  uint64_t stride; /* finest increments in a step */
  double dt;
  void *plan;
};

struct workspace {
  void *system;
  double *scheme;
  struct sde_wiener_workspace *wiener;
  struct sde_failures *failures; /* the system's, or NULL */
};

static void *workspace_new(const struct sde_process *process, size_t width)
{
  const struct solver *solver = process->context;
  const struct sde_solution *solution = &solver->solution;
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->system = sde_system_workspace_new(solution->system, width);
  workspace->scheme =
      sde_alloc(sde_scheme_scratch(solution->scheme, solution->system, width), sizeof(double));
  workspace->wiener = sde_wiener_workspace_new(&solver->wiener, width);
  workspace->failures = sde_system_failures(solution->system, workspace->system);
  return workspace;
}

static void workspace_free(const struct sde_process *process, void *memory)
{
  const struct solver *solver = process->context;
  struct workspace *workspace = memory;
  sde_system_workspace_free(solver->solution.system, workspace->system);
  sde_free(workspace->scheme);
  sde_wiener_workspace_free(workspace->wiener);
  sde_free(workspace);
}

static void begin(const struct sde_process *process, void *memory, uint64_t first_path,
                  size_t width, double *x)
{
  const struct solver *solver = process->context;
  const struct sde_start *start = solver->solution.start;
  struct workspace *workspace = memory;
  if (workspace->failures != NULL)
    sde_failures_clear(workspace->failures, width);
  if (start != NULL)
    start->draw(start->context, first_path, width, x);
}

static bool failed(const struct sde_process *process, const void *memory, size_t p)
{
  (void)process;
  const struct workspace *workspace = memory;
  return workspace->failures != NULL && workspace->failures->path[p];
}

/* Whatever the scheme has made of what the system left there. */
static void end_failed(const struct sde_failures *failures, size_t width, double *x)
{
  for (size_t p = 0; p < width; p++)
    if (failures->path[p])
      x[p] = NAN;
}

static void advance(const struct sde_process *process, void *memory, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  const struct solver *solver = process->context;
  const struct sde_solution *solution = &solver->solution;
  struct workspace *workspace = memory;
  uint64_t steps = solution->resolution / solver->stride;
  assert(step < SDE_RANDOM_STEPS / solution->resolution);
  for (uint64_t i = 0; i < steps; i++) {
    uint64_t index = step * steps + i, fine = index * solver->stride;
    struct sde_step one = {.system = solution->system,
                           .system_workspace = workspace->system,
                           .plan = solver->plan,
                           .scratch = workspace->scheme,
                           .at = {(double)index * solver->dt, first_path, fine},
                           .dt = solver->dt,
                           .width = width,
                           .increments = sde_wiener_draw(&solver->wiener, workspace->wiener,
                                                         first_path, width, fine, solver->stride)};
    solution->scheme->step(&one, x);
    if (solution->projection != NULL)
      solution->projection->project(solution->projection->context, width, x);
  }
  if (workspace->failures != NULL && workspace->failures->any)
    end_failed(workspace->failures, width, x);
}

static uint64_t fingerprint_of(const struct sde_solution *solution)
{
  const struct sde_system *system = solution->system;
  uint64_t eta;
  memcpy(&eta, &solution->eta, sizeof eta);
  const uint64_t all[] = {sde_hash(solution->scheme->name, strlen(solution->scheme->name)),
                          sde_hash(system->name, strlen(system->name)),
                          system->dim,
                          system->noise_dim,
                          system->noise,
                          solution->stream.seed,
                          solution->stream.stream,
                          eta,
                          solution->substeps,
                          solution->resolution,
                          solution->negated,
                          solution->quasi != NULL,
                          solution->start != NULL,
                          solution->projection != NULL};
  return sde_hash(all, sizeof all);
}

struct sde_process *sde_solution_process_new(const struct sde_solution *solution,
                                             struct sde_status *status)
{
  const struct sde_scheme *scheme = solution->scheme;
  const struct sde_system *system = solution->system;
  if (!solution->forced && !sde_scheme_accepts(scheme, system, status))
    return NULL;
  uint64_t stride = scheme->exact ? 1 : solution->resolution / solution->substeps;
  double fine_step = solution->eta / (double)solution->resolution;
  double dt = scheme->exact ? fine_step : solution->eta / (double)solution->substeps;
  void *plan = NULL;
  if (scheme->plan_new != NULL && (plan = scheme->plan_new(system, dt, status)) == NULL)
    return NULL;
  struct solver *solver = sde_alloc(1, sizeof *solver);
  *solver =
      (struct solver){.solution = *solution,
                      .wiener = {.stream = solution->stream,
                                 .noise_dim = system->noise_dim,
                                 .fine_step = fine_step,
                                 .negated = solution->negated,
                                 .quasi = solution->quasi,
                                 .needs = scheme->on[system->noise].needs,
                                 .normals = scheme->normals == NULL ? 0 : scheme->normals(system)},
                      .stride = stride,
                      .dt = dt,
                      .plan = plan};
  struct sde_process *process = sde_alloc(1, sizeof *process);
  *process = (struct sde_process){.dim = system->dim,
                                  .context = solver,
                                  .workspace_new = workspace_new,
                                  .workspace_free = workspace_free,
                                  .begin = begin,
                                  .advance = advance,
                                  .failed = failed,
                                  .fingerprint = fingerprint_of(solution),
                                  .substeps = solution->resolution / stride,
                                  .solution = &solver->solution};
  return process;
}

void sde_solution_process_free(struct sde_process *process)
{
  if (process == NULL)
    return;
  const struct solver *solver = process->context;
  if (solver->plan != NULL)
    solver->solution.scheme->plan_free(solver->plan);
  sde_free((void *)solver);
  sde_free(process);
}
