/*
 * What update rules with running averages share: rates c, or beta = 1 - eta c, and epsilon.
 */
#ifndef MODELS_UPDATE_AVERAGES_H
#define MODELS_UPDATE_AVERAGES_H

#include "models/optimizer.h"

/* A key `epsilon`, in a table of keys. */
#define UPDATE_EPSILON_KEY                                                                         \
  {                                                                                                \
    .name = "epsilon", .type = PARAMETER_REAL, .low = 0, .low_open = true, .high = 1e300,          \
    .fallback = "1e-8", .help = "added to the root of v"                                           \
  }

/* From the key `rate_name` with this many numbers c, or `beta_name` with numbers beta, of which one
 * must be given: settings 0, 1, .. become c. A rate is above 0 and at most 1/eta, a beta is from 0
 * and below 1. False, and the status says why, where that is not so. */
bool update_averages_read(const struct parameters *given, const char *rate_name,
                          const char *beta_name, size_t count, struct optimizer *optimizer,
                          struct sde_status *status);

#endif
