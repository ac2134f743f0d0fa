/*
 * Heavy ball: SGD with momentum, p' = p - eta (gamma p + w), x' = x + eta p', with the friction
 * gamma held fixed as eta goes to 0: its SDE is underdamped Langevin dynamics of (x, p). theory.md
 * section 12. PyTorch's SGD with lr = eta^2 and momentum mu = 1 - eta gamma takes the same steps, its
 * buffer being -p/eta.
 */
#include "models/update_momentum.h"

/* U_x = -p' = -(1 - eta gamma) p + eta w, U_p = gamma p + w. */
static void affine(const struct optimizer *optimizer, struct update_affine *affine)
{
  double eta = optimizer->eta, gamma = update_momentum_friction(optimizer);
  affine->state[0][1] = -(1 - eta * gamma);
  affine->state[1][1] = gamma;
  affine->gradient[0] = eta;
  affine->gradient[1] = 1;
}

extern const struct update_rule update_rule_heavy_ball;
const struct update_rule update_rule_heavy_ball = {
    .name = "heavy-ball",
    .summary = "SGD with momentum: a step along p, which remembers the gradients",
    .extra = {{"p", 0}},
    .affine = affine,
    .keys = update_momentum_keys,
    .read = update_momentum_read,
    .describe = update_momentum_describe,
    .update = "p <- p - eta (gamma p + w), then x <- x + eta p",
    .direction_text = "U = (-(1 - eta gamma) p + eta w, gamma p + w) of y = (x, p)",
    .fixed =
        "the friction gamma: momentum mu = 1 - eta gamma. In PyTorch's SGD lr = eta^2, momentum "
        "= mu, and its buffer is -p/eta. With mu fixed instead, p relaxes within O(eta) and the "
        "iterates become those of SGD with learning rate eta^2/(1 - mu), which is lr/(1 - "
        "mu)"};
