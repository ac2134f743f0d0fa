/*
 * The direction of a limit whose optimizer has schedules, as a function of time: for exact moments.
 * theory.md section 12.
 */
#ifndef ANALYSIS_VARYING_DIRECTION_H
#define ANALYSIS_VARYING_DIRECTION_H

#include "models/affine_frame.h"
#include "models/limit.h"
#include "sde/linear_varying.h"

struct varying_direction;

/* In x - centre of the frame, as limit_direction_new; the optimizer's schedules must outlive it.
 * NULL where that is, or where rho has a schedule and the rule a direction of its own. */
struct varying_direction *varying_direction_new(const struct optimizer *optimizer,
                                                const struct limit_options *options,
                                                const struct affine_frame *frame);
void varying_direction_free(struct varying_direction *direction);

/* For sde/linear_varying.h; it refers to the direction. */
struct sde_linear_varying varying_direction_moments(const struct varying_direction *direction);

#endif
