/*
 * Heavy ball: SGD with momentum, p' = p - eta (gamma p + w), x' = x + eta p', with the friction
 * gamma held fixed as eta goes to 0: its SDE is underdamped Langevin dynamics of (x, p). theory.md
 * section
 * 12. PyTorch's SGD with lr = eta^2 and momentum mu = 1 - eta gamma takes the same steps, its
 * buffer being -p/eta.
 */
#include "models/optimizer.h"

#include <stdio.h>

static const struct parameter_key keys[] = {
    {.name = "friction",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e300,
     .help = "heavy-ball: gamma, with momentum mu = 1 - eta gamma; at most 1/eta; give this or "
             "momentum"},
    {.name = "momentum",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1,
     .help = "heavy-ball: mu, with friction gamma = (1 - mu)/eta; give this or friction"},
    {.name = NULL}};

enum { FRICTION };

static bool read(const struct parameters *given, struct optimizer *optimizer,
                 struct sde_status *status)
{
  const char *name = optimizer->update->name;
  bool friction = given != NULL && parameters_has(given, "friction");
  bool momentum = given != NULL && parameters_has(given, "momentum");
  if (friction == momentum)
    return sde_fail(status, SDE_INVALID,
                    "%s: %s needs friction or momentum%s; friction is (1 - momentum)/eta",
                    given == NULL ? "update" : parameters_place(given, "name"), name,
                    friction ? ", not both" : "");
  double gamma = friction ? parameters_real(given, "friction")
                          : (1 - parameters_real(given, "momentum")) / optimizer->eta;
  if (gamma * optimizer->eta > 1)
    return sde_fail(status, SDE_INVALID,
                    "%s: friction %g at eta %g is a momentum of %g; friction must be at most "
                    "1/eta = %g, where the momentum 1 - eta friction is 0",
                    parameters_place(given, "friction"), gamma, optimizer->eta,
                    1 - gamma * optimizer->eta, 1 / optimizer->eta);
  optimizer->update_setting[FRICTION] = gamma;
  return true;
}

/* U_x = -p' = -(1 - eta gamma) p + eta w, U_p = gamma p + w. */
static void affine(const struct optimizer *optimizer, struct update_affine *affine)
{
  double eta = optimizer->eta, gamma = optimizer->update_setting[FRICTION];
  affine->state[0][1] = -(1 - eta * gamma);
  affine->state[1][1] = gamma;
  affine->gradient[0] = eta;
  affine->gradient[1] = 1;
}

static void describe(const struct optimizer *optimizer, char text[UPDATE_SETTINGS_SIZE])
{
  snprintf(text, UPDATE_SETTINGS_SIZE, "friction %.10g", optimizer->update_setting[FRICTION]);
}

extern const struct update_rule update_rule_heavy_ball;
const struct update_rule update_rule_heavy_ball = {
    .name = "heavy-ball",
    .summary = "SGD with momentum: a step along p, which remembers the gradients",
    .extra = {{"p", 0}},
    .affine = affine,
    .keys = keys,
    .read = read,
    .describe = describe,
    .update = "p <- p - eta (gamma p + w), then x <- x + eta p",
    .direction_text = "U = (-(1 - eta gamma) p + eta w, gamma p + w) of y = (x, p)",
    .fixed =
        "the friction gamma: momentum mu = 1 - eta gamma. In PyTorch's SGD lr = eta^2, momentum "
        "= mu, and its buffer is -p/eta. With mu fixed instead, p relaxes within O(eta) and the "
        "iterates become those of SGD with learning rate eta^2/(1 - mu), which is lr/(1 - "
        "mu)"};
