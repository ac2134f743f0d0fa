/*
 * Friction and momentum: see update_momentum.h.
 */
#include "models/update_momentum.h"

#include <stdio.h>

const struct parameter_key update_momentum_keys[] = {
    {.name = "friction",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e300,
     .help = "gamma, with momentum mu = 1 - eta gamma; at most 1/eta; give this or "
             "momentum"},
    {.name = "momentum",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1,
     .help = "mu, with friction gamma = (1 - mu)/eta; give this or friction"},
    {.name = NULL}};

enum { FRICTION };

bool update_momentum_read(const struct parameters *given, struct optimizer *optimizer,
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
  if (!friction && parameters_real(given, "momentum") >= 1)
    return sde_fail(status, SDE_INVALID, "%s: momentum %g has no friction; it must be below 1",
                    parameters_place(given, "momentum"), parameters_real(given, "momentum"));
  if (gamma * optimizer->eta > 1)
    return sde_fail(status, SDE_INVALID,
                    "%s: friction %g at eta %g is a momentum of %g; friction must be at most "
                    "1/eta = %g, where the momentum 1 - eta friction is 0",
                    parameters_place(given, "friction"), gamma, optimizer->eta,
                    1 - gamma * optimizer->eta, 1 / optimizer->eta);
  optimizer->update_setting[FRICTION] = gamma;
  return true;
}

void update_momentum_describe(const struct optimizer *optimizer, char text[UPDATE_SETTINGS_SIZE])
{
  snprintf(text, UPDATE_SETTINGS_SIZE, "friction %.10g", optimizer->update_setting[FRICTION]);
}

double update_momentum_friction(const struct optimizer *optimizer)
{
  return optimizer->update_setting[FRICTION];
}
