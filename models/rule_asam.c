/*
 * Adaptive SAM: e_j = T^2 g_Ij/|T g_Ij| with T = diag |x|, which does not change where coordinates
 * are rescaled. Kwon, Kim, Park, Choi, ICML 2021; theory.md section 12.
 */
#include "models/optimizer.h"

#include <math.h>

static void perturb(const struct gradient_draw *draw, size_t width, const double *x, double *e)
{
  size_t dim = draw->optimizer->objective->loss->dim;
  for (size_t p = 0; p < width; p++) {
    double square = 0;
    for (size_t i = 0; i < dim; i++)
      square += pow(x[i * width + p] * e[i * width + p], 2);
    double factor = square > 0 ? 1 / sqrt(square) : 0;
    for (size_t i = 0; i < dim; i++)
      e[i * width + p] *= factor * x[i * width + p] * x[i * width + p];
  }
}

extern const struct gradient_rule gradient_rule_asam;
const struct gradient_rule gradient_rule_asam = {
    .name = "asam",
    .summary = "adaptive SAM: the perturbation scales with the parameters",
    .micro_batch = MICRO_BATCH_GIVEN,
    .theory = {.depends = GRADIENT_OF_MICRO_BATCH, .normalized = true, .expands = true},
    .perturb = perturb,
    .update = "u = (m/b) sum_j g_Ij(x + rho T^2 g_Ij(x)/|T g_Ij(x)|), T = diag |x|, micro-batches "
              "I_1 .. I_(b/m) partition B",
    .regularizer = "none in closed form: F = E u itself",
    .theorem = "none; adaptive SAM, ICML 2021"};
