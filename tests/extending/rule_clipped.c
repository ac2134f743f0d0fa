/*
 * A gradient rule that is no gradient at a perturbed point: w_j = g_Ij / (1 + |g_Ij|^2), clipped
 * smoothly for each micro-batch.
 */
#include "models/optimizer.h"

static void direction(const struct gradient_draw *draw, size_t width, const double *x, double *w)
{
  const struct objective *objective = draw->optimizer->objective;
  size_t dim = objective->loss->dim;
  objective_micro_gradient(objective, width, draw->batches, draw->micro_batch, x, w, draw->scratch);
  for (size_t p = 0; p < width; p++) {
    double square = 0;
    for (size_t i = 0; i < dim; i++)
      square += w[i * width + p] * w[i * width + p];
    for (size_t i = 0; i < dim; i++)
      w[i * width + p] /= 1 + square;
  }
}

extern const struct gradient_rule gradient_rule_clipped;
const struct gradient_rule gradient_rule_clipped = {
    .name = "clipped",
    .summary = "the gradient of each micro-batch, clipped smoothly",
    .micro_batch = MICRO_BATCH_GIVEN,
    .theory = {.depends = GRADIENT_OF_MICRO_BATCH},
    .direction = direction,
    .update = "u = (m/b) sum_j g_Ij(x)/(1 + |g_Ij(x)|^2)",
    .regularizer = "none: nothing is perturbed",
    .theorem = "none; an example"};
