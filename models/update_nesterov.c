/*
 * Nesterov's momentum: p' = p - eta (gamma p + w) as heavy ball, and x' = x + eta ((1 - eta gamma) p'
 * - eta w), with the friction gamma held fixed as eta goes to 0. theory.md section 12. PyTorch's SGD
 * with nesterov=True, lr = eta^2 and momentum mu = 1 - eta gamma takes the same steps, its buffer
 * being -p/eta.
 */
#include "models/update_momentum.h"

/* With mu = 1 - eta gamma: U_x = -mu p' + eta w = -mu^2 p + eta (1 + mu) w, U_p = gamma p + w. */
static void affine(const struct optimizer *optimizer, struct update_affine *affine)
{
  double eta = optimizer->eta, gamma = update_momentum_friction(optimizer), mu = 1 - eta * gamma;
  affine->state[0][1] = -mu * mu;
  affine->state[1][1] = gamma;
  affine->gradient[0] = eta * (1 + mu);
  affine->gradient[1] = 1;
}

extern const struct update_rule update_rule_nesterov;
const struct update_rule update_rule_nesterov = {
    .name = "nesterov",
    .summary = "SGD with Nesterov's momentum: a step along where p leads, and along w",
    .extra = {{"p", 0}},
    .affine = affine,
    .keys = update_momentum_keys,
    .read = update_momentum_read,
    .describe = update_momentum_describe,
    .update = "p <- p - eta (gamma p + w), then x <- x + eta ((1 - eta gamma) p - eta w)",
    .direction_text =
        "U = (-mu^2 p + eta (1 + mu) w, gamma p + w) of y = (x, p), mu = 1 - eta gamma",
    .fixed =
        "the friction gamma: momentum mu = 1 - eta gamma. In PyTorch's SGD with nesterov=True lr = "
        "eta^2, momentum = mu, and its buffer is -p/eta. With mu fixed instead, p relaxes within "
        "O(eta) and the iterates become those of SGD with learning rate eta^2/(1 - mu), which is "
        "lr/(1 - mu)"};
