/*
 * A gradient rule that looks behind: w = g_I(x - rho g_I(x)), whose perturbation is that of m-USAM
 * with the other sign. Its row has no closed form, so its SDE comes from all micro-batches or from
 * fresh ones.
 */
#include "models/optimizer.h"
#include "sde/block.h"

static void perturb(const struct gradient_draw *draw, size_t width, const double *x, double *e)
{
  (void)x;
  sde_block_scale(draw->optimizer->objective->loss->dim * width, -1, e);
}

extern const struct gradient_rule gradient_rule_behind;
const struct gradient_rule gradient_rule_behind = {
    .name = "behind",
    .summary = "the gradient at a point behind, along that of the micro-batch",
    .micro_batch = MICRO_BATCH_GIVEN,
    .theory = {.depends = GRADIENT_OF_MICRO_BATCH, .affine = true, .expands = true},
    .perturb = perturb,
    .update = "u = (m/b) sum_j g_Ij(x - rho g_Ij(x)), micro-batches I_1 .. I_(b/m) partition B",
    .regularizer = "that of m-usam with the other sign",
    .theorem = "none; an example"};
