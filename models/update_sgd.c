/*
 * The update rule of SGD: x <- x - eta w, so that U = w and there is no state beside x.
 */
#include "models/optimizer.h"
#include "sde/block.h"

static void affine(const struct optimizer *optimizer, struct update_affine *affine)
{
  (void)optimizer;
  affine->gradient[0] = 1;
}

static void step(const struct optimizer *optimizer, double time, size_t width, const double *w,
                 double *y)
{
  (void)time;
  sde_block_add(optimizer->objective->loss->dim * width, -optimizer->eta, w, y);
}

extern const struct update_rule update_rule_sgd;
const struct update_rule update_rule_sgd = {.name = "sgd",
                                            .summary = "a step along w, without memory",
                                            .affine = affine,
                                            .step = step,
                                            .update = "x <- x - eta w",
                                            .direction_text = "U = w",
                                            .fixed = "nothing besides"};
