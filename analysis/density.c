/*
 * Stationary densities: see density.h. Integrals run over an even grid by the cubic through four
 * nodes, of fourth order; the logarithm of the density is integrated, so that nothing overflows.
 */
#include "analysis/density.h"

#include "analysis/density_grid.h"
#include "sde/block.h"
#include "sde/statistics.h"

#include <math.h>

/* Nodes of the first grid and the largest: whole blocks. */
enum { NODES_FIRST = 1024, NODES_MAX = 131072 };

/* By how much the logarithm falls to the ends; what the distribution function may be off by, and
 * by how much it must not be. */
static const double far = 45, agreement = 1e-10, useless = 1e-5;

/* A zero of the noise on the way from x to `to` becomes the end of the range if it repels; `beyond`
 * says that the density has fallen before: nothing gets there, but it is a better coordinate. */
static bool end_range(const struct line *line, double x, double to, bool beyond, double *end,
                      struct sde_status *status)
{
  struct line_zero zero;
  if (isfinite(*end) || !line_find_zero(line, x, to, &zero) || (beyond && zero.end != LINE_REPELS))
    return true;
  *end = zero.x;
  switch (zero.end) {
  case LINE_REPELS:
    return true;
  case LINE_DRAWS:
    return sde_fail(status, SDE_INVALID,
                    "there is none: the noise vanishes at %g, and paths are drawn to that point",
                    zero.x);
  case LINE_PASSES:
    return sde_fail(
        status, SDE_INVALID,
        "there is none around the start: the noise vanishes at %g, where paths pass and "
        "never come back",
        zero.x);
  case LINE_UNCERTAIN:
    break;
  }
  return sde_fail(status, SDE_INVALID,
                  "the noise vanishes at %g, in a way that leaves open whether paths pass", zero.x);
}

/* From a start where the noise vanishes the drift leads to one side: *inside is a point there. */
static bool leave_zero(const struct line *line, double start, struct density_range *range,
                       double *inside, struct sde_status *status)
{
  *inside = start;
  if (!line_vanishes(line, start))
    return true;
  double x[SDE_UNIT], drift[SDE_UNIT], variance[SDE_UNIT];
  sde_block_fill(SDE_UNIT, start, x);
  x[1] = start + 1e-3 * (1 + fabs(start));
  line_at(line, x, drift, variance);
  if (!isfinite(drift[0]) || !(fabs(drift[0]) > DENSITY_NEAREST * fabs(drift[1])))
    return sde_fail(status, SDE_INVALID,
                    "drift or noise is not finite, or both vanish, at the start, %g", start);
  *(drift[0] > 0 ? &range->low : &range->high) = start;
  *inside = start + (drift[0] > 0 ? 1e-3 : -1e-3) * (1 + fabs(start));
  return true;
}

/* Cut off, from outside, what is below e^-far and not between the start and the rest. */
static void trim(const struct density_grid *grid, double start, double *low, double *high)
{
  size_t i = 0, j = grid->count - 1;
  while (grid->logarithm[i + 1] < -far && grid->x[i + 1] < start)
    i++;
  while (grid->logarithm[j - 1] < -far && grid->x[j - 1] > start)
    j--;
  *high = *low + grid->step * (double)j;
  *low += grid->step * (double)i;
}

/* The density goes on to as near to an end, or as far, as numbers are good for. */
static bool refuse_end(double end, double reach, struct sde_status *status)
{
  if (!isfinite(end))
    return sde_fail(status, SDE_INVALID, "nothing holds the path within %g of zero", reach);
  return sde_fail(status, SDE_INVALID,
                  "the noise vanishes at %g, and the density reaches closer than can be resolved",
                  end);
}

/* Is the density small at the ends of the interval, and does the drift lead back? If both, the
 * interval is cut off where it is small. */
static bool look(const struct line *line, struct density_range range, double start, double *low,
                 double *high, bool *low_ends, bool *high_ends, struct sde_status *status)
{
  struct density_grid grid;
  if (!density_grid_new(line, range, *low, *high, NODES_FIRST, &grid, status))
    return false;
  size_t last = grid.count - 1;
  *low_ends = grid.logarithm[0] < -far && grid.drift[0] > 0;
  *high_ends = grid.logarithm[last] < -far && grid.drift[last] < 0;
  if (*low_ends && *high_ends)
    trim(&grid, start, low, high);
  density_grid_free(&grid);
  return true;
}

/* The first interval of z, around x. */
static void begin(struct density_range range, double x, double *low, double *high)
{
  double z = density_z_of(range, x),
         scale = isfinite(range.low) || isfinite(range.high) ? 1 : 1 + fabs(x);
  *low = z - 1e-3 * scale;
  *high = z + 1e-3 * scale;
}

/* The interval of z outside of which the density is nothing: each end moves out by the length so
 * far until the density is small there and the drift leads back. A zero of the noise that is met
 * begins it anew, in another coordinate. */
static bool find_support(const struct line *line, double start, double reach,
                         struct density_range *range, double *low, double *high,
                         struct sde_status *status)
{
  double inside;
  bool low_ends = false, high_ends = false;
  if (!leave_zero(line, start, range, &inside, status))
    return false;
  begin(*range, inside, low, high);
  for (;;) {
    struct density_range before = *range, limits;
    double length = *high - *low;
    if (!end_range(line, inside, density_x_of(*range, *low - low_ends * length), low_ends,
                   &range->low, status) ||
        !end_range(line, inside, density_x_of(*range, *high + high_ends * length), high_ends,
                   &range->high, status))
      return false;
    if (range->low != before.low || range->high != before.high) {
      begin(*range, inside, low, high);
      low_ends = high_ends = false;
      continue;
    }
    if (!look(line, *range, inside, low, high, &low_ends, &high_ends, status))
      return false;
    if (low_ends && high_ends)
      return true;
    limits = density_limits_of(*range, inside, reach);
    if (!low_ends && *low <= limits.low)
      return refuse_end(range->low, reach, status);
    if (!high_ends && *high >= limits.high)
      return refuse_end(range->high, reach, status);
    length = *high - *low;
    *low = low_ends ? *low : fmax(*low - length, limits.low);
    *high = high_ends ? *high : fmin(*high + length, limits.high);
  }
}

/* p and its integral, both over the whole integral. */
static void integrate(const struct density_grid *grid, double *density, double *cumulative)
{
  for (size_t i = 0; i < grid->count; i++)
    density[i] = exp(grid->logarithm[i]);
  cumulative[0] = 0;
  for (size_t i = 0; i + 1 < grid->count; i++)
    cumulative[i + 1] =
        cumulative[i] + fmax(0, density_cell_integral(grid->count, grid->step, density, i));
  double total = cumulative[grid->count - 1];
  for (size_t i = 0; i < grid->count; i++)
    density[i] /= total * grid->stretch[i];
  sde_block_scale(grid->count, 1 / total, cumulative);
}

static bool density_on(const struct line *line, struct density_range range, double low, double high,
                       size_t count, struct density *density, struct sde_status *status)
{
  struct density_grid grid;
  if (!density_grid_new(line, range, low, high, count, &grid, status))
    return false;
  *density = (struct density){.count = count,
                              .step = grid.step,
                              .x = grid.x,
                              .stretch = grid.stretch,
                              .logarithm = grid.logarithm,
                              .density = sde_alloc(count, sizeof(double)),
                              .cumulative = sde_alloc(count, sizeof(double)),
                              .variance = grid.variance};
  integrate(&grid, density->density, density->cumulative);
  sde_free(grid.drift);
  return true;
}

/* The largest difference of the distribution functions at the nodes of the coarser one, or of the
 * cubics between them, of which the finer's is off by 1/16 of the coarser's. */
static double change(const struct density *coarse, const struct density *fine)
{
  double largest = 0;
  for (size_t i = 0; i + 1 < coarse->count; i++) {
    double middle = coarse->x[i] + (coarse->x[i + 1] - coarse->x[i]) / 2;
    double at = coarse->cumulative[i] - density_cumulative(fine, coarse->x[i]);
    double between = density_cumulative(coarse, middle) - density_cumulative(fine, middle);
    largest = fmax(largest, fmax(fabs(at), fabs(between) / 16));
  }
  return largest;
}

/* Do the last two grids agree, and is it still nothing at the ends, which the first one saw? */
static bool is_resolved(const struct density *density)
{
  const double *logarithm = density->logarithm;
  return density->error <= useless && logarithm[0] < -far / 2 &&
         logarithm[density->count - 1] < -far / 2;
}

bool density_new(const struct sde_system *system, double start, double reach,
                 struct density *density, struct sde_status *status)
{
  if (system->dim != 1)
    return sde_fail(status, SDE_INVALID,
                    "an exact stationary density is known in one dimension, and there are %zu",
                    system->dim);
  struct line line = line_new(system);
  struct density_range range = {-INFINITY, INFINITY};
  struct density coarse = {0};
  double low = 0, high = 0;
  *density = (struct density){0};
  bool good = find_support(&line, start, reach, &range, &low, &high, status) &&
              density_on(&line, range, low, high, NODES_FIRST, density, status);
  for (size_t count = 2 * NODES_FIRST; good && count <= NODES_MAX; count *= 2) {
    coarse = *density;
    *density = (struct density){0};
    good = density_on(&line, range, low, high, count, density, status);
    if (good)
      density->error = change(&coarse, density);
    density_free(&coarse);
    if (good && density->error < agreement)
      break;
  }
  line_free(&line);
  if (good && !is_resolved(density)) {
    good = sde_fail(status, SDE_INVALID, "%zu nodes are too few to integrate it", density->count);
    density_free(density);
    *density = (struct density){0};
  }
  return good;
}

void density_free(struct density *density)
{
  sde_free(density->x);
  sde_free(density->stretch);
  sde_free(density->logarithm);
  sde_free(density->density);
  sde_free(density->cumulative);
  sde_free(density->variance);
}

/* The largest i with x[i] <= x, which is inside. */
static size_t node_below(const struct density *density, double x)
{
  size_t low = 0, high = density->count - 1;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    *(density->x[middle] <= x ? &low : &high) = middle;
  }
  return low;
}

/* Between nodes by the cubic with the slopes p, kept between its ends. */
double density_cumulative(const struct density *density, double x)
{
  if (!(x > density->x[0]))
    return 0;
  if (x >= density->x[density->count - 1])
    return 1;
  size_t i = node_below(density, x);
  double h = density->x[i + 1] - density->x[i], t = (x - density->x[i]) / h, s = 1 - t;
  double a = density->cumulative[i], b = density->cumulative[i + 1];
  double value = s * s * (1 + 2 * t) * a + t * t * (1 + 2 * s) * b +
                 h * t * s * (s * density->density[i] - t * density->density[i + 1]);
  return fmin(fmax(value, a), b);
}

double density_quantile(const struct density *density, double probability)
{
  double low = density->x[0], high = density->x[density->count - 1];
  for (;;) {
    double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high)
      return middle;
    if (density_cumulative(density, middle) < probability)
      low = middle;
    else
      high = middle;
  }
}

/* ---- samples ---- */

double density_distance(const struct density *density, size_t count, double *sample)
{
  double n = (double)count, largest = 0;
  sde_sorted(count, sample, sample);
  for (size_t i = 0; i < count; i++) {
    double exact = density_cumulative(density, sample[i]);
    largest = fmax(largest, fmax(exact - (double)i / n, (double)(i + 1) / n - exact));
  }
  return largest;
}

double density_sample_distance(size_t count, double *sample, size_t other_count, double *other)
{
  sde_sorted(count, sample, sample);
  sde_sorted(other_count, other, other);
  return sde_kolmogorov_smirnov(count, sample, other_count, other);
}

double density_critical(size_t count, double level)
{
  return sqrt(log(2 / level) / (2 * (double)count));
}
