/*
 * What update rules with momentum share: the friction gamma, or the momentum mu = 1 - eta gamma, as
 * their key.
 */
#ifndef MODELS_UPDATE_MOMENTUM_H
#define MODELS_UPDATE_MOMENTUM_H

#include "models/optimizer.h"

/* Their keys: friction, momentum and the start of p. */
extern const struct parameter_key update_momentum_keys[];

/* As `read` and `describe` of update_rule.h. */
bool update_momentum_read(const struct parameters *given, struct optimizer *optimizer,
                          struct sde_status *status);
void update_momentum_describe(const struct optimizer *optimizer, char text[UPDATE_SETTINGS_SIZE]);

/* gamma. */
double update_momentum_friction(const struct optimizer *optimizer);

#endif
