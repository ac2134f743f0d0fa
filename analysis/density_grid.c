/*
 * The grid of a stationary density: see density_grid.h.
 */
#include "analysis/density_grid.h"

#include "sde/block.h"

#include <math.h>

double density_cell_integral(size_t count, double step, const double *y, size_t i)
{
  if (i == 0)
    return step / 24 * (9 * y[0] + 19 * y[1] - 5 * y[2] + y[3]);
  if (i + 2 == count)
    return step / 24 * (9 * y[i + 1] + 19 * y[i] - 5 * y[i - 1] + y[i - 2]);
  return step / 24 * (13 * (y[i] + y[i + 1]) - y[i - 1] - y[i + 2]);
}

double density_x_of(struct density_range range, double z)
{
  bool low = isfinite(range.low), high = isfinite(range.high);
  if (low && high)
    return z < 0 ? range.low + (range.high - range.low) * exp(z) / (1 + exp(z))
                 : range.high - (range.high - range.low) / (1 + exp(z));
  return low ? range.low + exp(z) : high ? range.high - exp(-z) : z;
}

double density_z_of(struct density_range range, double x)
{
  bool low = isfinite(range.low), high = isfinite(range.high);
  if (low && high)
    return log((x - range.low) / (range.high - x));
  return low ? log(x - range.low) : high ? -log(range.high - x) : x;
}

/* dx/dz */
static double stretch_of(struct density_range range, double z)
{
  bool low = isfinite(range.low), high = isfinite(range.high);
  if (low && high)
    return (range.high - range.low) / ((1 + exp(z)) * (1 + exp(-z)));
  return low ? exp(z) : high ? exp(-z) : 1;
}

struct density_range density_limits_of(struct density_range range, double x, double reach)
{
  double low = -reach, high = reach;
  if (isfinite(range.low))
    low = range.low + DENSITY_NEAREST * fmax(fabs(range.low), x - range.low);
  if (isfinite(range.high))
    high = range.high - DENSITY_NEAREST * fmax(fabs(range.high), range.high - x);
  return (struct density_range){density_z_of(range, low), density_z_of(range, high)};
}

void density_grid_free(struct density_grid *grid)
{
  sde_free(grid->x);
  sde_free(grid->stretch);
  sde_free(grid->drift);
  sde_free(grid->variance);
  sde_free(grid->logarithm);
}

static bool fill(const struct line *line, struct density_grid *grid, struct sde_status *status)
{
  for (size_t i = 0; i < grid->count; i++) {
    double z = grid->low + grid->step * (double)i;
    grid->x[i] = density_x_of(grid->range, z);
    grid->stretch[i] = stretch_of(grid->range, z);
  }
  for (size_t first = 0; first < grid->count; first += SDE_UNIT) {
    line_at(line, grid->x + first, grid->drift + first, grid->variance + first);
    for (size_t i = first; i < first + SDE_UNIT; i++)
      if (!isfinite(grid->drift[i]) || !isfinite(grid->variance[i]) || !(grid->variance[i] > 0))
        return sde_fail(status, SDE_INVALID,
                        "drift or noise is not finite, or the noise vanishes, at %g", grid->x[i]);
  }
  return true;
}

/* The logarithm from its value at node `from`, then less the largest; returns where that is. Far
 * from `from` it may be so large that nothing is left of its digits. */
static size_t sum_from(struct density_grid *grid, const double *slope, size_t from)
{
  double *logarithm = grid->logarithm;
  size_t top = from;
  logarithm[from] = 0;
  for (size_t i = from; i-- > 0;)
    logarithm[i] = logarithm[i + 1] - density_cell_integral(grid->count, grid->step, slope, i);
  for (size_t i = from; i + 1 < grid->count; i++)
    logarithm[i + 1] = logarithm[i] + density_cell_integral(grid->count, grid->step, slope, i);
  for (size_t i = 0; i < grid->count; i++)
    logarithm[i] += log(grid->stretch[i]) - log(grid->variance[i]);
  for (size_t i = 0; i < grid->count; i++)
    if (logarithm[i] > logarithm[top])
      top = i;
  double largest = logarithm[top];
  for (size_t i = 0; i < grid->count; i++)
    logarithm[i] -= largest;
  return top;
}

bool density_grid_new(const struct line *line, struct density_range range, double low, double high,
                      size_t count, struct density_grid *grid, struct sde_status *status)
{
  *grid = (struct density_grid){.range = range,
                                .count = count,
                                .low = low,
                                .step = (high - low) / (double)(count - 1),
                                .x = sde_alloc(count, sizeof(double)),
                                .stretch = sde_alloc(count, sizeof(double)),
                                .drift = sde_alloc(count, sizeof(double)),
                                .variance = sde_alloc(count, sizeof(double)),
                                .logarithm = sde_alloc(count, sizeof(double))};
  if (!fill(line, grid, status)) {
    density_grid_free(grid);
    return false;
  }
  double *slope = sde_alloc(count, sizeof *slope);
  for (size_t i = 0; i < count; i++)
    slope[i] = 2 * grid->drift[i] / grid->variance[i] * grid->stretch[i];
  size_t top = sum_from(grid, slope, 0);
  sum_from(grid, slope, top);
  sde_free(slope);
  return true;
}
