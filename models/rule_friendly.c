/*
 * Friendly SAM: the full gradient is taken out of the perturbation, e_j = g_Ij - g, as it is or
 * normalised. T. Li et al., CVPR 2024; theory.md section 12. For f-usam F = grad (f + rho/2 c(m) tr V)
 * to first order in rho, exactly for quadratics: the variance term alone.
 */
#include "models/optimizer.h"
#include "sde/block.h"

#include <math.h>

struct workspace {
  double *gradient, *scratch; /* dim * width each: g, and for its mean */
};

static void *workspace_new(const struct optimizer *optimizer, size_t width)
{
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t dim = optimizer->objective->loss->dim;
  workspace->gradient = sde_alloc(dim, width * sizeof(double));
  workspace->scratch = sde_alloc(dim, width * sizeof(double));
  return workspace;
}

static void workspace_free(void *memory)
{
  struct workspace *workspace = memory;
  sde_free(workspace->gradient);
  sde_free(workspace->scratch);
  sde_free(workspace);
}

static void perturb(const struct gradient_draw *draw, size_t width, const double *x, double *e)
{
  const struct loss *loss = draw->optimizer->objective->loss;
  struct workspace *workspace = draw->workspace;
  loss_mean_gradient(loss, width, x, workspace->gradient, workspace->scratch);
  sde_block_add(loss->dim * width, -1, workspace->gradient, e);
}

/* Where g_Ij is g, as of a micro-batch of all samples, their difference is rounding, not a direction:
 * below this part of g it is zero. */
static const double ROUNDING = 1e-12;

static void perturb_by_unit(const struct gradient_draw *draw, size_t width, const double *x,
                            double *e)
{
  size_t dim = draw->optimizer->objective->loss->dim;
  const double *g = ((const struct workspace *)draw->workspace)->gradient;
  perturb(draw, width, x, e);
  for (size_t p = 0; p < width; p++) {
    double square = 0, full = 0;
    for (size_t i = 0; i < dim; i++) {
      square += e[i * width + p] * e[i * width + p];
      full += g[i * width + p] * g[i * width + p];
    }
    double factor = square > ROUNDING * ROUNDING * full ? 1 / sqrt(square) : 0;
    for (size_t i = 0; i < dim; i++)
      e[i * width + p] *= factor;
  }
}

extern const struct gradient_rule gradient_rule_f_usam, gradient_rule_f_sam;
const struct gradient_rule gradient_rule_f_usam = {
    .name = "f-usam",
    .summary = "unnormalised friendly SAM: the micro-batch gradient less the full one perturbs",
    .micro_batch = MICRO_BATCH_GIVEN,
    .theory = {.depends = GRADIENT_OF_MICRO_BATCH,
               .regularizer = REGULARIZER_HALF_NOISE_TRACE,
               .affine = true,
               .expands = true},
    .perturb = perturb,
    .workspace_new = workspace_new,
    .workspace_free = workspace_free,
    .update = "u = (m/b) sum_j g_Ij(x + rho (g_Ij(x) - g(x))), micro-batches I_1 .. I_(b/m) "
              "partition B",
    .regularizer = "R = 1/2 c(m) tr V",
    .theorem = "none; friendly SAM, CVPR 2024, without its norm"};

const struct gradient_rule gradient_rule_f_sam = {
    .name = "f-sam",
    .summary = "friendly SAM: the micro-batch gradient less the full one, normalised, perturbs",
    .micro_batch = MICRO_BATCH_GIVEN,
    .theory = {.depends = GRADIENT_OF_MICRO_BATCH, .normalized = true, .expands = true},
    .perturb = perturb_by_unit,
    .workspace_new = workspace_new,
    .workspace_free = workspace_free,
    .update =
        "u = (m/b) sum_j g_Ij(x + rho (g_Ij(x) - g(x))/|g_Ij(x) - g(x)|), micro-batches I_1 .. "
        "I_(b/m) partition B",
    .regularizer = "none in closed form; F = g + rho (grad E|d| + H E[d/|d|])",
    .theorem = "none; friendly SAM, CVPR 2024"};
