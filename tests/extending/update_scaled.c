/*
 * An update rule with two vectors beside x that is not affine in w: averages q of w and v of w^2,
 * which starts at 1, and a step along w/(1 + v) + q.
 */
#include "models/optimizer.h"

static void direction(const struct optimizer *optimizer, double time, size_t width, const double *y,
                      const double *w, double *u)
{
  size_t size = optimizer->objective->loss->dim * width;
  const double *q = y + size, *v = q + size;
  (void)time;
  for (size_t i = 0; i < size; i++) {
    u[i] = w[i] / (1 + v[i]) + q[i];
    u[size + i] = q[i] - w[i];
    u[2 * size + i] = v[i] - w[i] * w[i];
  }
}

extern const struct update_rule update_rule_scaled;
const struct update_rule update_rule_scaled = {
    .name = "scaled",
    .summary = "a step along w over one and the average of its square, and the average of w",
    .extra = {{"q", 0}, {"v", 1}},
    .direction = direction,
    .update = "x <- x - eta (w/(1 + v) + q), q <- q - eta (q - w), v <- v - eta (v - w^2)",
    .direction_text = "U = (w/(1 + v) + q, q - w, v - w^2)",
    .fixed = "nothing besides"};
