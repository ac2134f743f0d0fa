/*
 * Stationary densities: see density.h. Integrals run over an even grid by the cubic through four
 * nodes, of fourth order; the logarithm of the density is integrated, so that nothing overflows.
 */
#include "experiments/density.h"

#include "experiments/line.h"
#include "sde/block.h"
#include "sde/statistics.h"

#include <math.h>
#include <string.h>

/* Nodes of the first grid and the largest: whole blocks. */
enum { NODES_FIRST = 1024, NODES_MAX = 131072, ITERATIONS_MAX = 1000, EULER_STEPS = 256 };

/* By how much the logarithm falls to the ends; what the distribution function may be off by, and
 * by how much it must not be. */
static const double far = 45, agreement = 1e-10, useless = 1e-5;

/* How near to a point where the noise vanishes drift and noise are still known beside their
 * rounding, as a share of that point or of the distance of the start. */
static const double nearest = 1e-10;

/* int from node i to node i + 1 of the cubic through the four nodes around. */
static double cell_integral(size_t count, double step, const double *y, size_t i)
{
  if (i == 0)
    return step / 24 * (9 * y[0] + 19 * y[1] - 5 * y[2] + y[3]);
  if (i + 2 == count)
    return step / 24 * (9 * y[i + 1] + 19 * y[i] - 5 * y[i - 1] + y[i - 2]);
  return step / 24 * (13 * (y[i] + y[i + 1]) - y[i - 1] - y[i + 2]);
}

/* ---- coordinates ---- */

/* The interval that the path keeps to, an end being infinite where nothing ends it: x = z;
 * low + e^z; high - e^-z; low + (high - low)/(1 + e^-z). */
struct range {
  double low, high;
};

static double x_of(struct range range, double z)
{
  bool low = isfinite(range.low), high = isfinite(range.high);
  if (low && high)
    return z < 0 ? range.low + (range.high - range.low) * exp(z) / (1 + exp(z))
                 : range.high - (range.high - range.low) / (1 + exp(z));
  return low ? range.low + exp(z) : high ? range.high - exp(-z) : z;
}

static double z_of(struct range range, double x)
{
  bool low = isfinite(range.low), high = isfinite(range.high);
  if (low && high)
    return log((x - range.low) / (range.high - x));
  return low ? log(x - range.low) : high ? -log(range.high - x) : x;
}

/* dx/dz */
static double stretch_of(struct range range, double z)
{
  bool low = isfinite(range.low), high = isfinite(range.high);
  if (low && high)
    return (range.high - range.low) / ((1 + exp(z)) * (1 + exp(-z)));
  return low ? exp(z) : high ? exp(-z) : 1;
}

/* How far z may go from x: to where numbers still tell the distance of an end, or to `reach`. */
static struct range limits_of(struct range range, double x, double reach)
{
  double low = -reach, high = reach;
  if (isfinite(range.low))
    low = range.low + nearest * fmax(fabs(range.low), x - range.low);
  if (isfinite(range.high))
    high = range.high - nearest * fmax(fabs(range.high), range.high - x);
  return (struct range){z_of(range, low), z_of(range, high)};
}

/* Values at the nodes of a grid, even in z. */
struct grid {
  struct range range;
  size_t count;
  double low, step;
  double *x, *stretch, *drift, *variance;
  double *logarithm; /* of the density of z, the largest being 0 */
};

static void grid_free(struct grid *grid)
{
  sde_free(grid->x);
  sde_free(grid->stretch);
  sde_free(grid->drift);
  sde_free(grid->variance);
  sde_free(grid->logarithm);
}

static bool fill(const struct line *line, struct grid *grid, struct sde_status *status)
{
  for (size_t i = 0; i < grid->count; i++) {
    double z = grid->low + grid->step * (double)i;
    grid->x[i] = x_of(grid->range, z);
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
static size_t sum_from(struct grid *grid, const double *slope, size_t from)
{
  double *logarithm = grid->logarithm;
  size_t top = from;
  logarithm[from] = 0;
  for (size_t i = from; i-- > 0;)
    logarithm[i] = logarithm[i + 1] - cell_integral(grid->count, grid->step, slope, i);
  for (size_t i = from; i + 1 < grid->count; i++)
    logarithm[i + 1] = logarithm[i] + cell_integral(grid->count, grid->step, slope, i);
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

/* From z = low to high. */
static bool grid_new(const struct line *line, struct range range, double low, double high,
                     size_t count, struct grid *grid, struct sde_status *status)
{
  *grid = (struct grid){.range = range,
                        .count = count,
                        .low = low,
                        .step = (high - low) / (double)(count - 1),
                        .x = sde_alloc(count, sizeof(double)),
                        .stretch = sde_alloc(count, sizeof(double)),
                        .drift = sde_alloc(count, sizeof(double)),
                        .variance = sde_alloc(count, sizeof(double)),
                        .logarithm = sde_alloc(count, sizeof(double))};
  if (!fill(line, grid, status)) {
    grid_free(grid);
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

/* ---- the support ---- */

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
static bool leave_zero(const struct line *line, double start, struct range *range, double *inside,
                       struct sde_status *status)
{
  *inside = start;
  if (!line_vanishes(line, start))
    return true;
  double x[SDE_UNIT], drift[SDE_UNIT], variance[SDE_UNIT];
  sde_block_fill(SDE_UNIT, start, x);
  x[1] = start + 1e-3 * (1 + fabs(start));
  line_at(line, x, drift, variance);
  if (!isfinite(drift[0]) || !(fabs(drift[0]) > nearest * fabs(drift[1])))
    return sde_fail(status, SDE_INVALID,
                    "drift or noise is not finite, or both vanish, at the start, %g", start);
  *(drift[0] > 0 ? &range->low : &range->high) = start;
  *inside = start + (drift[0] > 0 ? 1e-3 : -1e-3) * (1 + fabs(start));
  return true;
}

/* Cut off, from outside, what is below e^-far and not between the start and the rest. */
static void trim(const struct grid *grid, double start, double *low, double *high)
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
static bool look(const struct line *line, struct range range, double start, double *low,
                 double *high, bool *low_ends, bool *high_ends, struct sde_status *status)
{
  struct grid grid;
  if (!grid_new(line, range, *low, *high, NODES_FIRST, &grid, status))
    return false;
  size_t last = grid.count - 1;
  *low_ends = grid.logarithm[0] < -far && grid.drift[0] > 0;
  *high_ends = grid.logarithm[last] < -far && grid.drift[last] < 0;
  if (*low_ends && *high_ends)
    trim(&grid, start, low, high);
  grid_free(&grid);
  return true;
}

/* The first interval of z, around x. */
static void begin(struct range range, double x, double *low, double *high)
{
  double z = z_of(range, x), scale = isfinite(range.low) || isfinite(range.high) ? 1 : 1 + fabs(x);
  *low = z - 1e-3 * scale;
  *high = z + 1e-3 * scale;
}

/* The interval of z outside of which the density is nothing: each end moves out by the length so
 * far until the density is small there and the drift leads back. A zero of the noise that is met
 * begins it anew, in another coordinate. */
static bool find_support(const struct line *line, double start, double reach, struct range *range,
                         double *low, double *high, struct sde_status *status)
{
  double inside;
  bool low_ends = false, high_ends = false;
  if (!leave_zero(line, start, range, &inside, status))
    return false;
  begin(*range, inside, low, high);
  for (;;) {
    struct range before = *range, limits;
    double length = *high - *low;
    if (!end_range(line, inside, x_of(*range, *low - low_ends * length), low_ends, &range->low,
                   status) ||
        !end_range(line, inside, x_of(*range, *high + high_ends * length), high_ends, &range->high,
                   status))
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
    limits = limits_of(*range, inside, reach);
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
static void integrate(const struct grid *grid, double *density, double *cumulative)
{
  for (size_t i = 0; i < grid->count; i++)
    density[i] = exp(grid->logarithm[i]);
  cumulative[0] = 0;
  for (size_t i = 0; i + 1 < grid->count; i++)
    cumulative[i + 1] = cumulative[i] + fmax(0, cell_integral(grid->count, grid->step, density, i));
  double total = cumulative[grid->count - 1];
  for (size_t i = 0; i < grid->count; i++)
    density[i] /= total * grid->stretch[i];
  sde_block_scale(grid->count, 1 / total, cumulative);
}

static bool density_on(const struct line *line, struct range range, double low, double high,
                       size_t count, struct density *density, struct sde_status *status)
{
  struct grid grid;
  if (!grid_new(line, range, low, high, count, &grid, status))
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
  struct range range = {-INFINITY, INFINITY};
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

/* ---- relaxation ---- */

/* The chain's cells are those of the grid, its edges the inner nodes. The deviation u of a
 * distribution function at the edges follows
 *   du_j/dt = -(B u)_j = c_j [(u_{j+1} - u_j)/m_{j+1} - (u_j - u_{j-1})/m_j], u = 0 at both ends,
 * m the masses of the cells and c = s^2 p/(2 h) in z. */
struct chain {
  size_t edges;
  double *mass, *c;  /* of cell j, below edge j, and of edge j: relative to the largest density */
  double *down, *up; /* c_j/m_j and c_j/m_{j+1}, which do not underflow far out */
};

/* int e^(logarithm - base) dz over a cell, the logarithm being straight between nodes: far out it
 * falls by much from node to node. */
static double mass_of(const struct density *density, size_t cell, double base)
{
  const double *logarithm = density->logarithm + cell;
  double rise = logarithm[1] - logarithm[0];
  return density->step * exp(logarithm[0] - base) * (fabs(rise) < 1e-8 ? 1 : expm1(rise) / rise);
}

static struct chain chain_new(const struct density *density)
{
  size_t cells = density->count - 1, edges = cells - 1;
  struct chain chain = {.edges = edges,
                        .mass = sde_alloc(cells, sizeof(double)),
                        .c = sde_alloc(edges, sizeof(double)),
                        .down = sde_alloc(edges, sizeof(double)),
                        .up = sde_alloc(edges, sizeof(double))};
  for (size_t j = 0; j < cells; j++)
    chain.mass[j] = mass_of(density, j, 0);
  for (size_t j = 0; j < edges; j++) {
    double base = density->logarithm[j + 1], stretch = density->stretch[j + 1];
    double rate = density->variance[j + 1] / (stretch * stretch) / (2 * density->step);
    chain.c[j] = rate * exp(base);
    chain.down[j] = rate / mass_of(density, j, base);
    chain.up[j] = rate / mass_of(density, j + 1, base);
  }
  return chain;
}

static void chain_free(struct chain *chain)
{
  sde_free(chain->mass);
  sde_free(chain->c);
  sde_free(chain->down);
  sde_free(chain->up);
}

/* B^-1 r for r >= 0. With q_j = (u_j - u_{j-1})/m_j it is c_j (q_j - q_{j+1}) = r_j and sum m q =
 * 0; q falls, and u is summed from the end where its terms have one sign, so that nothing cancels
 * however slow the chain is. q is scratch, of one number a cell. */
static void chain_solve(const struct chain *chain, const double *r, double *u, double *q)
{
  size_t cells = chain->edges + 1;
  double rise = 0, total = 0, mean = 0, sum = 0;
  for (size_t j = 0; j < cells; j++) {
    q[j] = rise;
    mean += chain->mass[j] * rise;
    total += chain->mass[j];
    if (j < chain->edges)
      rise += r[j] / chain->c[j];
  }
  size_t positive = 0;
  for (size_t j = 0; j < cells; j++) {
    q[j] = mean / total - q[j];
    positive += q[j] > 0;
  }
  for (size_t j = 0; j < positive && j < chain->edges; j++)
    u[j] = sum += chain->mass[j] * q[j];
  sum = 0;
  for (size_t j = chain->edges; j-- > positive;)
    u[j] = sum -= chain->mass[j + 1] * q[j + 1];
}

static double weighted(const struct chain *chain, const double *a, const double *b)
{
  double sum = 0;
  for (size_t j = 0; j < chain->edges; j++)
    sum += a[j] * b[j] / chain->c[j];
  return sum;
}

/* The least eigenvalue of B, which is symmetric in the product with the weights 1/c, by inverse
 * iteration from the positive vector c; NAN where numbers run out. */
static double least_eigenvalue(const struct chain *chain)
{
  size_t edges = chain->edges;
  double *v = sde_alloc(3 * edges + 1, sizeof *v), *next = v + edges, *q = next + edges;
  double value = 0;
  for (size_t j = 0; j < edges; j++)
    v[j] = chain->c[j];
  for (size_t k = 0; k < ITERATIONS_MAX; k++) {
    double before = value, largest = 0;
    chain_solve(chain, v, next, q);
    value = weighted(chain, v, v) / weighted(chain, v, next);
    for (size_t j = 0; j < edges; j++)
      largest = fmax(largest, next[j]);
    for (size_t j = 0; j < edges; j++)
      v[j] = next[j] / largest;
    if (fabs(value - before) <= 1e-13 * value)
      break;
  }
  sde_free(v);
  return value;
}

/* The part of the chain around the bulk, without ends so far out that their density underflows. */
static struct chain chain_inside(const struct chain *chain)
{
  static const double nothing = 1e-250;
  struct chain part = *chain;
  size_t first = 0, last = chain->edges - 1;
  while (first < last && chain->mass[first + 1] < nothing)
    first++;
  while (first < last && chain->mass[last] < nothing)
    last--;
  part.edges = last - first + 1;
  part.mass += first;
  part.c += first;
  return part;
}

/* u becomes (1 + t/n B)^-n u: implicit Euler, whose steps never make |u| larger, by elimination
 * without cancellation: gap is 1 - ratio of the row before. scratch: 2 numbers an edge. */
static void advance(const struct chain *chain, double t, size_t n, double *u, double *scratch)
{
  size_t edges = chain->edges;
  double *ratio = scratch, *inverse = scratch + edges, dt = t / (double)n, gap = 1;
  for (size_t j = 0; j < edges; j++) {
    double down = dt * chain->down[j], up = dt * chain->up[j];
    inverse[j] = 1 / (1 + up + down * gap);
    ratio[j] = up * inverse[j];
    gap = (1 + down * gap) * inverse[j];
  }
  for (size_t step = 0; step < n; step++) {
    u[0] *= inverse[0];
    for (size_t j = 1; j < edges; j++)
      u[j] = (u[j] + dt * chain->down[j] * u[j - 1]) * inverse[j];
    for (size_t j = edges - 1; j-- > 0;)
      u[j] += ratio[j] * u[j + 1];
  }
}

/* The largest entry of e^(-t B) first, by implicit Euler with n, 2n and 4n steps and its errors of
 * first and second order in the step extrapolated away. */
static double largest_after(const struct chain *chain, double t, const double *first)
{
  static const double share[] = {1.0 / 3, -2, 8.0 / 3};
  size_t edges = chain->edges;
  double *sum = sde_alloc(4 * edges, sizeof *sum), *u = sum + edges, *scratch = u + edges;
  double largest = 0;
  for (size_t k = 0; k < 3; k++) {
    memcpy(u, first, edges * sizeof *u);
    advance(chain, t, (size_t)EULER_STEPS << k, u, scratch);
    sde_block_add(edges, share[k], u, sum);
  }
  for (size_t j = 0; j < edges; j++)
    largest = fmax(largest, fabs(sum[j]));
  sde_free(sum);
  return fmin(largest, 1);
}

bool density_relaxation(const struct density *density, double start, double time, double *rate,
                        double *distance)
{
  struct chain chain = chain_new(density);
  double *first = sde_alloc(chain.edges, sizeof *first);
  for (size_t j = 0; j < chain.edges; j++) {
    /* the mean step around the edge */
    double height = density->step * density->stretch[j + 1];
    double risen = fmin(fmax((density->x[j + 1] - start) / height + 0.5, 0), 1);
    first[j] = risen - density->cumulative[j + 1];
  }
  *distance = largest_after(&chain, time, first);
  struct chain inside = chain_inside(&chain);
  *rate = least_eigenvalue(&inside);
  sde_free(first);
  chain_free(&chain);
  return isfinite(*rate) && *rate > 0 && isfinite(*distance);
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
