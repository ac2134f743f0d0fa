/*
 * Processes: the solution of an SDE by a scheme. See process.h.
 */
#include "sde/process.h"

#include "sde/wiener.h"

struct workspace {
  void *system;
  double *scheme, *dw, *fine;
};

static void *workspace_new(const struct sde_process *process, size_t width)
{
  const struct sde_solution *solution = process->context;
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t noise_size = solution->system->noise_dim * width;
  workspace->system = sde_system_workspace_new(solution->system, width);
  workspace->scheme =
      sde_alloc(sde_scheme_scratch(solution->scheme, solution->system, width), sizeof(double));
  workspace->dw = sde_alloc(noise_size, sizeof(double));
  workspace->fine = sde_alloc(noise_size, sizeof(double));
  return workspace;
}

static void workspace_free(const struct sde_process *process, void *memory)
{
  const struct sde_solution *solution = process->context;
  struct workspace *workspace = memory;
  sde_system_workspace_free(solution->system, workspace->system);
  sde_free(workspace->scheme);
  sde_free(workspace->dw);
  sde_free(workspace->fine);
  sde_free(workspace);
}

static void advance(const struct sde_process *process, void *memory, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  const struct sde_solution *solution = process->context;
  struct workspace *workspace = memory;
  struct sde_wiener wiener = {solution->stream, solution->system->noise_dim,
                              solution->eta / (double)solution->resolution};
  uint64_t stride = solution->resolution / solution->substeps;
  double dt = solution->eta / (double)solution->substeps;
  for (uint64_t i = 0; i < solution->substeps; i++) {
    uint64_t index = step * solution->substeps + i;
    struct sde_instant at = {(double)index * dt, first_path, index * stride};
    sde_wiener_increment(&wiener, first_path, width, index * stride, stride, workspace->dw,
                         workspace->fine);
    solution->scheme->step(solution->system, workspace->system, workspace->scheme, &at, dt, width,
                           workspace->dw, x);
  }
}

struct sde_process *sde_solution_process_new(const struct sde_solution *solution,
                                             struct sde_status *status)
{
  if (!sde_scheme_accepts(solution->scheme, solution->system, status))
    return NULL;
  struct sde_solution *copy = sde_alloc(1, sizeof *copy);
  *copy = *solution;
  struct sde_process *process = sde_alloc(1, sizeof *process);
  *process = (struct sde_process){.dim = solution->system->dim,
                                  .context = copy,
                                  .workspace_new = workspace_new,
                                  .workspace_free = workspace_free,
                                  .advance = advance};
  return process;
}

void sde_solution_process_free(struct sde_process *process)
{
  if (process == NULL)
    return;
  sde_free((void *)process->context);
  sde_free(process);
}
