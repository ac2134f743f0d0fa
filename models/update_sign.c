/*
 * Sign descent: x' = x - eta sign(w), coordinate by coordinate, sign(0) = 0. theory.md section 12.
 * F = E sign(w) is not smooth where the law of a gradient has atoms at 0.
 */
#include "models/optimizer.h"

static void direction(const struct optimizer *optimizer, double time, size_t width, const double *y,
                      const double *w, double *u)
{
  (void)time, (void)y;
  size_t size = optimizer->objective->loss->dim * width;
  for (size_t i = 0; i < size; i++)
    u[i] = (double)((w[i] > 0) - (w[i] < 0));
}

extern const struct update_rule update_rule_sign;
const struct update_rule update_rule_sign = {
    .name = "sign",
    .summary = "a step of eta in each coordinate, along the sign of w",
    .direction = direction,
    .jumps = true,
    .update = "x <- x - eta sign(w)",
    .direction_text = "U = sign(w)",
    .fixed = "nothing besides; F = E sign(w) is smooth where the noise is, and no order is claimed "
             "where the sign of a sample's gradient changes"};
