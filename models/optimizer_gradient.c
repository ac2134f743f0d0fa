/*
 * The random vector w: see optimizer_gradient.h.
 */
#include "models/optimizer_gradient.h"

#include "sde/block.h"

#include <string.h>

struct optimizer_workspace *optimizer_workspace_of(const struct optimizer *optimizer,
                                                   struct micro_batches batches, size_t width)
{
  const struct gradient_rule *rule = optimizer->rule;
  struct optimizer_workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t dim = optimizer->objective->loss->dim;
  workspace->batches = batches;
  workspace->rule = rule->workspace_new == NULL ? NULL : rule->workspace_new(optimizer, width);
  workspace->rule_free = rule->workspace_free;
  workspace->program = optimizer->program == NULL
                           ? NULL
                           : program_workspace_new(optimizer->program, optimizer->objective,
                                                   optimizer->batch, optimizer->micro_batch, width);
  workspace->perturbation = sde_alloc(dim, width * sizeof(double));
  workspace->point = sde_alloc(dim, width * sizeof(double));
  workspace->product = sde_alloc(dim, width * sizeof(double));
  workspace->gradient = sde_alloc(dim, width * sizeof(double));
  workspace->scratch = sde_alloc(dim, width * sizeof(double));
  return workspace;
}

struct optimizer_workspace *optimizer_workspace_new(const struct optimizer *optimizer, size_t width)
{
  size_t m = optimizer->micro_batch, count = optimizer->batch / m;
  return optimizer_workspace_of(optimizer, micro_batches_new(optimizer->objective, m, count, width),
                                width);
}

void optimizer_workspace_free(struct optimizer_workspace *workspace)
{
  if (workspace == NULL)
    return;
  if (workspace->rule != NULL)
    workspace->rule_free(workspace->rule);
  program_workspace_free(workspace->program);
  micro_batches_free(&workspace->batches);
  sde_free(workspace->perturbation);
  sde_free(workspace->point);
  sde_free(workspace->product);
  sde_free(workspace->gradient);
  sde_free(workspace->scratch);
  sde_free(workspace);
}

void optimizer_run_program(const struct optimizer *optimizer, struct optimizer_workspace *workspace,
                           const struct sde_address *at, double number, size_t width,
                           const double *y, double *next)
{
  const struct program_step step = {.objective = optimizer->objective,
                                    .eta = optimizer->eta,
                                    .rho = optimizer->rho,
                                    .time = number * optimizer->eta,
                                    .number = number,
                                    .batch = optimizer->batch,
                                    .micro_batch = optimizer->micro_batch,
                                    .at = at,
                                    .batches = &workspace->batches};
  program_run(optimizer->program, workspace->program, &step, width, y, next);
}

void optimizer_perturb_point(const struct optimizer *optimizer,
                             struct optimizer_workspace *workspace, size_t width, const double *x,
                             double *e)
{
  struct gradient_draw draw = {
      .optimizer = optimizer, .workspace = workspace->rule, .scratch = workspace->scratch};
  if (optimizer->rule->perturb != NULL)
    optimizer->rule->perturb(&draw, width, x, e);
}

/* What comes into a rule's perturb: the gradient at x that e_j begins with. */
static void begin_perturbation(const struct gradient_draw *draw, size_t width, const double *x,
                               double *e)
{
  const struct objective *objective = draw->optimizer->objective;
  enum gradient_dependence on = draw->optimizer->rule->theory.depends;
  if (on == GRADIENT_OF_POINT)
    loss_mean_gradient(objective->loss, width, x, e, draw->scratch);
  else if (on == GRADIENT_OF_MICRO_BATCH)
    objective_micro_gradient(objective, width, draw->batches, draw->micro_batch, x, e,
                             draw->scratch);
}

/* w = g_Ij(x) + rho H_Ij(x) e_j. */
static void linear_gradient(const struct gradient_draw *draw, struct optimizer_workspace *workspace,
                            size_t width, const double *x, double *w)
{
  const struct optimizer *optimizer = draw->optimizer;
  const struct gradient_rule *rule = optimizer->rule;
  const struct objective *objective = optimizer->objective;
  size_t size = objective->loss->dim * width, j = draw->micro_batch;
  begin_perturbation(draw, width, x, workspace->perturbation);
  if (rule->theory.depends == GRADIENT_OF_MICRO_BATCH)
    memcpy(workspace->point, workspace->perturbation, size * sizeof *w);
  else
    objective_micro_gradient(objective, width, draw->batches, j, x, workspace->point,
                             draw->scratch);
  if (rule->perturb != NULL)
    rule->perturb(draw, width, x, workspace->perturbation);
  objective_micro_hessian_vector(objective, width, draw->batches, j, x, workspace->perturbation,
                                 workspace->product, draw->scratch);
  sde_block_shift(size, workspace->point, optimizer->rho, workspace->product, w);
}

void optimizer_micro_gradient(const struct optimizer *optimizer,
                              struct optimizer_workspace *workspace, const struct sde_address *at,
                              enum gradient_expansion expansion, size_t width, size_t j,
                              const double *x, double *w)
{
  const struct gradient_rule *rule = optimizer->rule;
  const struct objective *objective = optimizer->objective;
  struct gradient_draw draw = {.optimizer = optimizer,
                               .at = at,
                               .batches = &workspace->batches,
                               .micro_batch = j,
                               .workspace = workspace->rule,
                               .scratch = workspace->scratch};
  const double *point = x;
  if (rule->direction != NULL && expansion != GRADIENT_PLAIN) {
    rule->direction(&draw, width, x, w);
    return;
  }
  bool perturbed = expansion != GRADIENT_PLAIN && optimizer->rho != 0 &&
                   rule->theory.depends != GRADIENT_UNPERTURBED;
  if (perturbed && expansion == GRADIENT_LINEAR_IN_RHO) {
    linear_gradient(&draw, workspace, width, x, w);
    return;
  }
  if (perturbed) {
    begin_perturbation(&draw, width, x, workspace->perturbation);
    if (rule->perturb != NULL)
      rule->perturb(&draw, width, x, workspace->perturbation);
    sde_block_shift(objective->loss->dim * width, x, optimizer->rho, workspace->perturbation,
                    workspace->point);
    point = workspace->point;
  }
  objective_micro_gradient(objective, width, &workspace->batches, j, point, w, workspace->scratch);
}

void optimizer_batch_gradient(const struct optimizer *optimizer,
                              struct optimizer_workspace *workspace, const struct sde_address *at,
                              enum gradient_expansion expansion, size_t width, const double *x,
                              double *w)
{
  size_t size = optimizer->objective->loss->dim * width, count = workspace->batches.count;
  sde_block_fill(size, 0, w);
  for (size_t j = 0; j < count; j++) {
    optimizer_micro_gradient(optimizer, workspace, at, expansion, width, j, x, workspace->gradient);
    sde_block_add(size, 1 / (double)count, workspace->gradient, w);
  }
}

void optimizer_gradient(const struct optimizer *optimizer, struct optimizer_workspace *workspace,
                        const struct sde_address *at, size_t width, const double *x, double *w)
{
  objective_draw(optimizer->objective, at, width, &workspace->batches);
  optimizer_batch_gradient(optimizer, workspace, at, GRADIENT_EXACT, width, x, w);
}

void gradient_perturb_by_unit(const struct gradient_draw *draw, size_t width, const double *x,
                              double *e)
{
  (void)x;
  gradient_normalize(draw->optimizer->objective->loss->dim, width, e);
}
