/*
 * Reweighted SAM: its scores, their softmax, and the row. See rule_rw_sam.h.
 */
#include "models/rule_rw_sam.h"

#include "models/optimizer.h"
#include "sde/block.h"
#include "sde/vector_math.h"

#include <math.h>
#include <string.h>

const struct parameter_key rw_sam_keys[] = {
    {.name = "lambda",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e9,
     .help = "rw-sam: weights are exp(lambda s_i), s_i the gradient norm of sample i; 0 is sam "
             "(default 1)"},
    {.name = "norms",
     .type = PARAMETER_CHOICE,
     .choices = "finite-difference exact",
     .help = "rw-sam: s_i by one extra forward pass (default) or exactly"},
    {.name = "delta",
     .type = PARAMETER_REAL,
     .low = 0,
     .low_open = true,
     .high = 1,
     .help = "rw-sam: step of the finite difference (default 1e-4)"},
    {.name = NULL}};

struct workspace {
  double *gradient, *moved;   /* dim * width: of a sample; x + delta z */
  double *score, *difference; /* batch * width; width */
};

void *rw_sam_workspace_new(const struct optimizer *optimizer, size_t width)
{
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t dim = optimizer->objective->loss->dim;
  workspace->gradient = sde_alloc(dim, width * sizeof(double));
  workspace->moved = sde_alloc(dim, width * sizeof(double));
  workspace->score = sde_alloc(optimizer->batch, width * sizeof(double));
  workspace->difference = sde_alloc(width, sizeof(double));
  return workspace;
}

void rw_sam_workspace_free(void *memory)
{
  struct workspace *workspace = memory;
  sde_free(workspace->gradient);
  sde_free(workspace->moved);
  sde_free(workspace->score);
  sde_free(workspace->difference);
  sde_free(workspace);
}

SDE_VECTOR
static void sum_squares(size_t dim, size_t width, const double *restrict v, double *restrict sum)
{
  for (size_t p = 0; p < width; p++)
    sum[p] = 0;
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++)
      sum[p] += v[i * width + p] * v[i * width + p];
}

/* x + delta z in workspace->moved: z has entries +-1, and its stream is the batch's with another
 * name. */
static void move_along_signs(const struct gradient_draw *draw, struct workspace *workspace,
                             size_t width, const double *x, double delta)
{
  size_t dim = draw->optimizer->objective->loss->dim;
  struct sde_address own = *draw->at;
  own.stream.stream = ~own.stream.stream;
  sde_random_uniforms(&own, width, dim, workspace->moved);
  for (size_t i = 0; i < dim * width; i++)
    workspace->moved[i] = x[i] + (workspace->moved[i] < 0.5 ? -1 : 1) * delta;
}

/* score[i*width + p] = s_i of sample i of the batch: |g_i|, or its estimate along z. */
static void score_samples(const struct gradient_draw *draw, struct workspace *workspace,
                          size_t width, const double *x)
{
  const struct optimizer *optimizer = draw->optimizer;
  const struct loss *loss = optimizer->objective->loss;
  double delta = optimizer->rule_setting[RW_SAM_DELTA];
  bool exact = optimizer->rule_setting[RW_SAM_EXACT_NORMS] != 0;
  if (!exact)
    move_along_signs(draw, workspace, width, x, delta);
  for (size_t i = 0; i < optimizer->batch; i++) {
    struct loss_samples samples = micro_batches_sample(draw->batches, width, 0, i);
    double *score = workspace->score + i * width;
    if (exact) {
      loss->type->gradient(loss, width, samples, x, workspace->gradient);
      sum_squares(loss->dim, width, workspace->gradient, score);
      for (size_t p = 0; p < width; p++)
        score[p] = sqrt(score[p]);
    } else {
      loss->type->value(loss, width, samples, x, score);
      loss->type->value(loss, width, samples, workspace->moved, workspace->difference);
      for (size_t p = 0; p < width; p++)
        score[p] = fabs(workspace->difference[p] - score[p]) / delta;
    }
  }
}

/* Shifted by the largest score. */
void rw_sam_softmax(size_t batch, size_t width, double lambda, double *score)
{
  const struct sde_vector_math *math = sde_vector_math();
  double largest[SDE_UNIT], sum[SDE_UNIT];
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    for (size_t p = 0; p < SDE_UNIT; p++) {
      largest[p] = score[start + p];
      sum[p] = 0;
    }
    for (size_t i = 1; i < batch; i++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        largest[p] = fmax(largest[p], score[i * width + start + p]);
    for (size_t i = 0; i < batch; i++) {
      double *row = score + i * width + start;
      for (size_t p = 0; p < SDE_UNIT; p++)
        row[p] = lambda * (row[p] - largest[p]);
      math->exp(SDE_UNIT, row, row);
      for (size_t p = 0; p < SDE_UNIT; p++)
        sum[p] += row[p];
    }
    for (size_t i = 0; i < batch; i++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        score[i * width + start + p] /= sum[p];
  }
}

/* With lambda = 0 the weights are equal, and the sum is formed as that of sam is, so that the two
 * have the same bits. */
void rw_sam_reweight(const struct gradient_draw *draw, size_t width, const double *x, double *e)
{
  const struct optimizer *optimizer = draw->optimizer;
  const struct loss *loss = optimizer->objective->loss;
  struct workspace *workspace = draw->workspace;
  double lambda = optimizer->rule_setting[RW_SAM_LAMBDA];
  if (lambda == 0) {
    objective_micro_gradient(optimizer->objective, width, draw->batches, 0, x, e, draw->scratch);
    return;
  }
  score_samples(draw, workspace, width, x);
  rw_sam_softmax(optimizer->batch, width, lambda, workspace->score);
  sde_block_fill(loss->dim * width, 0, e);
  for (size_t i = 0; i < optimizer->batch; i++) {
    struct loss_samples samples = micro_batches_sample(draw->batches, width, 0, i);
    loss->type->gradient(loss, width, samples, x, workspace->gradient);
    for (size_t j = 0; j < loss->dim; j++)
      for (size_t p = 0; p < width; p++)
        e[j * width + p] += workspace->score[i * width + p] * workspace->gradient[j * width + p];
  }
}

static void perturb(const struct gradient_draw *draw, size_t width, const double *x, double *e)
{
  rw_sam_reweight(draw, width, x, e);
  gradient_perturb_by_unit(draw, width, x, e);
}

bool rw_sam_read(const struct parameters *given, struct optimizer *optimizer,
                 struct sde_status *status)
{
  bool delta = given != NULL && parameters_has(given, "delta");
  bool lambda = given != NULL && parameters_has(given, "lambda");
  bool exact = given != NULL && parameters_has(given, "norms") &&
               strcmp(parameters_text(given, "norms"), "exact") == 0;
  optimizer->rule_setting[RW_SAM_LAMBDA] = lambda ? parameters_real(given, "lambda") : 1;
  optimizer->rule_setting[RW_SAM_DELTA] = delta ? parameters_real(given, "delta") : 1e-4;
  optimizer->rule_setting[RW_SAM_EXACT_NORMS] = exact;
  if (optimizer->objective->sampling == OBJECTIVE_GAUSSIAN)
    return sde_fail(status, SDE_INVALID,
                    "%s: %s weights samples; noise.sampling must be with-replacement or "
                    "without-replacement",
                    given == NULL ? "optimizer" : parameters_place(given, "name"),
                    optimizer->rule->name);
  if (exact && delta)
    return sde_fail(status, SDE_INVALID,
                    "%s: norms: exact takes no finite difference, so delta has no effect; leave "
                    "one of them out",
                    parameters_place(given, "delta"));
  return true;
}

extern const struct gradient_rule gradient_rule_rw_sam;
const struct gradient_rule gradient_rule_rw_sam = {
    .name = "rw-sam",
    .summary = "SAM whose perturbation weights samples by their gradient norms",
    .micro_batch = MICRO_BATCH_NONE,
    .theory = {.depends = GRADIENT_OF_BATCH, .normalized = true},
    .perturb = perturb,
    .workspace_new = rw_sam_workspace_new,
    .workspace_free = rw_sam_workspace_free,
    .keys = rw_sam_keys,
    .read = rw_sam_read,
    .update = "u = g_B(x + rho h/|h|), h = sum_i p_i g_i(x), p_i ~ exp(lambda s_i), i in B",
    .regularizer = "none in closed form: F = E u itself",
    .theorem = "none; the algorithm of the paper's section on reweighted SAM"};
