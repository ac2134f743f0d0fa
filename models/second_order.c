/*
 * The second order in eta: see second_order.h.
 */
#include "models/second_order.h"

#include "sde/status.h"

#include <math.h>

struct second_order_workspace second_order_workspace_new(size_t dim, size_t width)
{
  return (struct second_order_workspace){
      sde_alloc(width, sizeof(double)), sde_alloc(dim, width * sizeof(double)),
      sde_alloc(dim, width * sizeof(double)), sde_alloc(dim, width * sizeof(double))};
}

void second_order_workspace_free(struct second_order_workspace *workspace)
{
  sde_free(workspace->step);
  sde_free(workspace->before);
  sde_free(workspace->after);
  sde_free(workspace->end);
}

/* step[p] = h with h |a| = 1e-5 (1 + |x|), so that a(x + h a) and a(x - h a) differ by enough, or
 * `least` where that is more. */
static void difference_steps(size_t dim, size_t width, const double *x, const double *a,
                             double least, double *step)
{
  for (size_t p = 0; p < width; p++) {
    double xx = 0, aa = 0;
    for (size_t i = 0; i < dim; i++) {
      xx += x[i * width + p] * x[i * width + p];
      aa += a[i * width + p] * a[i * width + p];
    }
    step[p] = aa > 0 ? fmax(least, 1e-5 * (1 + sqrt(xx)) / sqrt(aa)) : 1;
  }
}

/* before and after: a at x - h a and x + h a. Both ends of a difference share what is drawn. Where a
 * is affine any step is exact: at least eta keeps its digits far from the optimum. */
static void differ_in_x(const struct second_order *order, struct second_order_workspace *w,
                        void *context, const struct sde_instant *at, size_t width, const double *x,
                        const double *drift)
{
  difference_steps(order->dim, width, x, drift, order->affine ? order->eta : 0, w->step);
  for (int sign = -1; sign <= 1; sign += 2) {
    for (size_t i = 0; i < order->dim * width; i++)
      w->end[i] = x[i] + sign * w->step[i % width] * drift[i];
    order->drift(context, at, 0, width, w->end, sign < 0 ? w->before : w->after);
  }
}

void second_order_apply(const struct second_order *order, struct second_order_workspace *w,
                        void *context, const struct sde_instant *at, size_t width, const double *x,
                        double *drift)
{
  size_t size = order->dim * width;
  struct sde_instant other = *at;
  other.step = ~at->step & (UINT64_MAX >> 30);
  differ_in_x(order, w, context, &other, width, x, drift);
  for (size_t i = 0; i < size; i++)
    drift[i] -= order->eta / 2 * (w->after[i] - w->before[i]) / (2 * w->step[i % width]);
  if (!order->varies)
    return;
  double ahead = order->eta / 64;
  order->drift(context, &other, -ahead, width, x, w->before);
  order->drift(context, &other, ahead, width, x, w->after);
  for (size_t i = 0; i < size; i++)
    drift[i] -= order->eta / 2 * (w->after[i] - w->before[i]) / (2 * ahead);
}
