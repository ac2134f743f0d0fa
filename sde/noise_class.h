/*
 * Noise classes, measured: what a system declares of its diffusion is held against the diffusion
 * itself at sample points before a run, because a scheme that trusts a wrong declaration silently
 * loses its order.
 */
#ifndef SDE_NOISE_CLASS_H
#define SDE_NOISE_CLASS_H

#include "sde/status.h"
#include "sde/system.h"

#include <stdbool.h>

/* The most special class that the diffusion shows at SDE_UNIT points scattered around `centre`
 * (dim numbers), at time 0. Rounding and differences in place of derivatives are allowed for; a
 * class is an observation at those points, no proof. */
enum sde_noise_class sde_noise_class_measured(const struct sde_system *system,
                                              const double *centre);

/* Is the class that the system declares borne out there? If not, the status says what was found. */
bool sde_noise_class_check(const struct sde_system *system, const double *centre,
                           struct sde_status *status);

#endif
