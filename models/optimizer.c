/*
 * Optimizers: the update direction of the whole family, and the iterates as a process. See
 * optimizer.h.
 */
#include "models/optimizer.h"

#include "sde/block.h"

#include <string.h>

const struct parameter_key optimizer_keys[] = {
    {.name = "micro_batch",
     .type = PARAMETER_COUNT,
     .list = true,
     .low = 1,
     .high = 2147483648.0,
     .help = "m, the samples that share one perturbation; it divides batch"},
    {.name = NULL}};

#define OPTIMIZER(id, label, what_perturbs, micro, about, u, r, where)                             \
  static const struct optimizer_type id = {.name = label,                                          \
                                           .summary = about,                                       \
                                           .perturbation = what_perturbs,                          \
                                           .micro_batch = micro,                                   \
                                           .update = u,                                            \
                                           .regularizer = r,                                       \
                                           .theorem = where};
#include "models/optimizers.def"
#undef OPTIMIZER

const struct optimizer_type *const *optimizer_types(void)
{
  static const struct optimizer_type *const all[] = {
#define OPTIMIZER(id, ...) &id,
#include "models/optimizers.def"
#undef OPTIMIZER
      NULL};
  return all;
}

const struct optimizer_type *optimizer_type_named(const char *name)
{
  for (const struct optimizer_type *const *type = optimizer_types(); *type != NULL; type++)
    if (strcmp((*type)->name, name) == 0)
      return *type;
  return NULL;
}

struct optimizer_workspace {
  struct micro_batches batches;
  double *perturbation, *point, *gradient, *scratch; /* dim * width each */
};

struct optimizer_workspace *optimizer_workspace_new(const struct optimizer *optimizer, size_t width)
{
  struct optimizer_workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t size = optimizer->objective->loss->dim * width;
  workspace->batches = micro_batches_new(optimizer->objective, optimizer->micro_batch,
                                         optimizer->batch / optimizer->micro_batch, width);
  workspace->perturbation = sde_alloc(size, sizeof(double));
  workspace->point = sde_alloc(size, sizeof(double));
  workspace->gradient = sde_alloc(size, sizeof(double));
  workspace->scratch = sde_alloc(size, sizeof(double));
  return workspace;
}

void optimizer_workspace_free(struct optimizer_workspace *workspace)
{
  micro_batches_free(&workspace->batches);
  sde_free(workspace->perturbation);
  sde_free(workspace->point);
  sde_free(workspace->gradient);
  sde_free(workspace->scratch);
  sde_free(workspace);
}

/* The point x + rho p at which micro-batch j is evaluated. */
static const double *perturbed_point(const struct optimizer *optimizer,
                                     struct optimizer_workspace *workspace, size_t width, size_t j,
                                     const double *x)
{
  const struct objective *objective = optimizer->objective;
  enum perturbation by = optimizer->type->perturbation;
  if (by == PERTURB_NOTHING || optimizer->rho == 0)
    return x;
  if (by == PERTURB_FULL_GRADIENT)
    loss_mean_gradient(objective->loss, width, x, workspace->perturbation, workspace->scratch);
  else
    objective_micro_gradient(objective, width, &workspace->batches, j, x, workspace->perturbation,
                             workspace->scratch);
  sde_block_shift(objective->loss->dim * width, x, optimizer->rho, workspace->perturbation,
                  workspace->point);
  return workspace->point;
}

void optimizer_direction(const struct optimizer *optimizer, struct optimizer_workspace *workspace,
                         const struct sde_address *at, size_t width, const double *x, double *u)
{
  const struct objective *objective = optimizer->objective;
  size_t size = objective->loss->dim * width;
  objective_draw(objective, at, width, &workspace->batches);
  memset(u, 0, size * sizeof *u);
  for (size_t j = 0; j < workspace->batches.count; j++) {
    const double *point = perturbed_point(optimizer, workspace, width, j, x);
    objective_micro_gradient(objective, width, &workspace->batches, j, point, workspace->gradient,
                             workspace->scratch);
    sde_block_add(size, 1 / (double)workspace->batches.count, workspace->gradient, u);
  }
}

/* The iterates as a process. */
struct iterates {
  const struct optimizer *optimizer;
  struct sde_stream stream;
};

struct iterates_workspace {
  struct optimizer_workspace *optimizer;
  double *u;
};

static void *workspace_new(const struct sde_process *process, size_t width)
{
  const struct iterates *iterates = process->context;
  struct iterates_workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->optimizer = optimizer_workspace_new(iterates->optimizer, width);
  workspace->u = sde_alloc(process->dim * width, sizeof(double));
  return workspace;
}

static void workspace_free(const struct sde_process *process, void *memory)
{
  (void)process;
  struct iterates_workspace *workspace = memory;
  optimizer_workspace_free(workspace->optimizer);
  sde_free(workspace->u);
  sde_free(workspace);
}

static void advance(const struct sde_process *process, void *memory, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  const struct iterates *iterates = process->context;
  struct iterates_workspace *workspace = memory;
  struct sde_address at = {iterates->stream, first_path, step};
  optimizer_direction(iterates->optimizer, workspace->optimizer, &at, width, x, workspace->u);
  sde_block_add(process->dim * width, -iterates->optimizer->eta, workspace->u, x);
}

struct sde_process *optimizer_process_new(const struct optimizer *optimizer,
                                          struct sde_stream stream)
{
  struct iterates *iterates = sde_alloc(1, sizeof *iterates);
  *iterates = (struct iterates){optimizer, stream};
  struct sde_process *process = sde_alloc(1, sizeof *process);
  *process = (struct sde_process){.dim = optimizer->objective->loss->dim,
                                  .context = iterates,
                                  .workspace_new = workspace_new,
                                  .workspace_free = workspace_free,
                                  .advance = advance};
  return process;
}

void optimizer_process_free(struct sde_process *process)
{
  if (process == NULL)
    return;
  sde_free((void *)process->context);
  sde_free(process);
}
