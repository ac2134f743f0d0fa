/*
 * An update rule with two vectors beside x, affine in w: heavy ball with friction 1, and a, a
 * running average of x: a' = a + eta (x - a).
 */
#include "models/optimizer.h"

static void affine(const struct optimizer *optimizer, struct update_affine *affine)
{
  double eta = optimizer->eta, gamma = 1;
  affine->state[0][1] = -(1 - eta * gamma);
  affine->gradient[0] = eta;
  affine->state[1][1] = gamma;
  affine->gradient[1] = 1;
  affine->state[2][0] = -1;
  affine->state[2][2] = 1;
}

extern const struct update_rule update_rule_averaged;
const struct update_rule update_rule_averaged = {
    .name = "averaged",
    .summary = "heavy ball with friction 1 beside a running average of x",
    .extra = {{"p", 0}, {"a", 0}},
    .affine = affine,
    .update = "p <- p - eta (p + w), x <- x + eta p, a <- a + eta (x - a)",
    .direction_text = "U = (-(1 - eta) p + eta w, p + w, a - x)",
    .fixed = "the friction 1"};
