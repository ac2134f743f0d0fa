/*
 * Stationary densities: see density.h. Integrals run over an even grid by the cubic through four
 * nodes, of fourth order; the logarithm of the density is integrated, so that nothing overflows.
 */
#include "experiments/density.h"

#include "sde/block.h"
#include "sde/statistics.h"

#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

/* Nodes of the first grid and the largest: whole blocks. The cells of the Markov chain. */
enum { NODES_FIRST = 1024, NODES_MAX = 131072, CHAIN_MAX = 2048, ITERATIONS_MAX = 1000 };

/* By how much the logarithm falls to the ends, and what the distribution function may be off by. */
static const double far = 45, agreement = 1e-10;

/* A system with scratch for one block. */
struct evaluator {
  const struct sde_system *system;
  void *workspace;
  double *dw, *noise;
};

static struct evaluator evaluator_new(const struct sde_system *system)
{
  return (struct evaluator){system, sde_system_workspace_new(system, SDE_UNIT),
                            sde_alloc(system->noise_dim, SDE_UNIT * sizeof(double)),
                            sde_alloc(1, SDE_UNIT * sizeof(double))};
}

static void evaluator_free(struct evaluator *evaluator)
{
  sde_system_workspace_free(evaluator->system, evaluator->workspace);
  sde_free(evaluator->dw);
  sde_free(evaluator->noise);
}

/* Drift and variance of a block of points. */
static void evaluate(const struct evaluator *evaluator, const double *x, double *drift,
                     double *variance)
{
  const struct sde_system *system = evaluator->system;
  const struct sde_instant at = {0, 0, 0};
  system->evaluate(system, evaluator->workspace, &at, SDE_UNIT, x, NULL, drift, NULL);
  sde_block_fill(SDE_UNIT, 0, variance);
  for (size_t k = 0; k < system->noise_dim; k++) {
    double *dw = evaluator->dw + k * SDE_UNIT;
    sde_block_fill(SDE_UNIT, 1, dw);
    system->evaluate(system, evaluator->workspace, &at, SDE_UNIT, x, evaluator->dw, NULL,
                     evaluator->noise);
    sde_block_fill(SDE_UNIT, 0, dw);
    for (size_t p = 0; p < SDE_UNIT; p++)
      variance[p] += evaluator->noise[p] * evaluator->noise[p];
  }
}

/* int from node i to node i + 1 of the cubic through the four nodes around. */
static double cell_integral(size_t count, double step, const double *y, size_t i)
{
  if (i == 0)
    return step / 24 * (9 * y[0] + 19 * y[1] - 5 * y[2] + y[3]);
  if (i + 2 == count)
    return step / 24 * (9 * y[i + 1] + 19 * y[i] - 5 * y[i - 1] + y[i - 2]);
  return step / 24 * (13 * (y[i] + y[i + 1]) - y[i - 1] - y[i + 2]);
}

/* Values at the nodes of a grid. */
struct grid {
  size_t count;
  double low, step;
  double *drift, *variance;
  double *logarithm; /* of the density, the largest being 0 */
};

static void grid_free(struct grid *grid)
{
  sde_free(grid->drift);
  sde_free(grid->variance);
  sde_free(grid->logarithm);
}

static bool fill(const struct evaluator *evaluator, struct grid *grid, struct sde_status *status)
{
  for (size_t first = 0; first < grid->count; first += SDE_UNIT) {
    double x[SDE_UNIT];
    for (size_t p = 0; p < SDE_UNIT; p++)
      x[p] = grid->low + grid->step * (double)(first + p);
    evaluate(evaluator, x, grid->drift + first, grid->variance + first);
    for (size_t p = 0; p < SDE_UNIT; p++)
      if (!isfinite(grid->drift[first + p]) || !isfinite(grid->variance[first + p]) ||
          !(grid->variance[first + p] > 0))
        return sde_fail(status, SDE_INVALID,
                        "drift or noise is not finite, or the noise vanishes, at %g", x[p]);
  }
  return true;
}

static bool grid_new(const struct evaluator *evaluator, double low, double high, size_t count,
                     struct grid *grid, struct sde_status *status)
{
  *grid = (struct grid){count,
                        low,
                        (high - low) / (double)(count - 1),
                        sde_alloc(count, sizeof(double)),
                        sde_alloc(count, sizeof(double)),
                        sde_alloc(count, sizeof(double))};
  if (!fill(evaluator, grid, status)) {
    grid_free(grid);
    return false;
  }
  double *slope = sde_alloc(count, sizeof *slope), psi = 0, largest = -INFINITY;
  for (size_t i = 0; i < count; i++)
    slope[i] = 2 * grid->drift[i] / grid->variance[i];
  for (size_t i = 0; i < count; i++) {
    grid->logarithm[i] = psi - log(grid->variance[i]);
    largest = fmax(largest, grid->logarithm[i]);
    if (i + 1 < count)
      psi += cell_integral(count, grid->step, slope, i);
  }
  for (size_t i = 0; i < count; i++)
    grid->logarithm[i] -= largest;
  sde_free(slope);
  return true;
}

/* The interval outside of which the density is nothing: each end moves out by the length so far
 * until the density is small there and the drift leads back. */
static bool find_support(const struct evaluator *evaluator, double start, double reach, double *low,
                         double *high, struct sde_status *status)
{
  double length = 1e-3 * (1 + fabs(start));
  *low = start - length;
  *high = start + length;
  for (;;) {
    struct grid grid;
    if (!grid_new(evaluator, *low, *high, NODES_FIRST, &grid, status))
      return false;
    size_t last = grid.count - 1;
    bool low_ends = grid.logarithm[0] < -far && grid.drift[0] > 0;
    bool high_ends = grid.logarithm[last] < -far && grid.drift[last] < 0;
    if (low_ends && high_ends) {
      size_t i = 0, j = last;
      while (grid.logarithm[i + 1] < -far)
        i++;
      while (grid.logarithm[j - 1] < -far)
        j--;
      *high = *low + grid.step * (double)j;
      *low += grid.step * (double)i;
    }
    grid_free(&grid);
    if (low_ends && high_ends)
      return true;
    length = *high - *low;
    *low -= low_ends ? 0 : length;
    *high += high_ends ? 0 : length;
    if (*low < -reach || *high > reach)
      return sde_fail(status, SDE_INVALID, "nothing holds the path within %g of zero", reach);
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
  sde_block_scale(grid->count, 1 / total, density);
  sde_block_scale(grid->count, 1 / total, cumulative);
}

static bool density_on(const struct evaluator *evaluator, double low, double high, size_t count,
                       struct density *density, struct sde_status *status)
{
  struct grid grid;
  if (!grid_new(evaluator, low, high, count, &grid, status))
    return false;
  *density = (struct density){.count = count,
                              .low = low,
                              .step = grid.step,
                              .density = sde_alloc(count, sizeof(double)),
                              .cumulative = sde_alloc(count, sizeof(double)),
                              .variance = sde_alloc(count, sizeof(double))};
  integrate(&grid, density->density, density->cumulative);
  memcpy(density->variance, grid.variance, count * sizeof(double));
  grid_free(&grid);
  return true;
}

/* The largest difference of the distribution functions at the nodes of the coarser one. */
static double change(const struct density *coarse, const struct density *fine)
{
  double largest = 0;
  for (size_t i = 0; i < coarse->count; i++) {
    double x = coarse->low + coarse->step * (double)i;
    largest = fmax(largest, fabs(coarse->cumulative[i] - density_cumulative(fine, x)));
  }
  return largest;
}

bool density_new(const struct sde_system *system, double start, double reach,
                 struct density *density, struct sde_status *status)
{
  if (system->dim != 1)
    return sde_fail(status, SDE_INVALID,
                    "an exact stationary density is known in one dimension, and there are %zu",
                    system->dim);
  struct evaluator evaluator = evaluator_new(system);
  struct density coarse = {0};
  double low, high;
  bool good = find_support(&evaluator, start, reach, &low, &high, status) &&
              density_on(&evaluator, low, high, NODES_FIRST, density, status);
  for (size_t count = 2 * NODES_FIRST; good && count <= NODES_MAX; count *= 2) {
    coarse = *density;
    good = density_on(&evaluator, low, high, count, density, status);
    if (good)
      density->error = change(&coarse, density);
    density_free(&coarse);
    if (good && density->error < agreement)
      break;
  }
  evaluator_free(&evaluator);
  return good;
}

void density_free(struct density *density)
{
  sde_free(density->density);
  sde_free(density->cumulative);
  sde_free(density->variance);
}

/* Between nodes by the cubic with the slopes p, kept between its ends. */
double density_cumulative(const struct density *density, double x)
{
  double at = (x - density->low) / density->step;
  if (!(at > 0))
    return 0;
  if (at >= (double)(density->count - 1))
    return 1;
  size_t i = (size_t)at;
  double t = at - (double)i, s = 1 - t, h = density->step;
  double a = density->cumulative[i], b = density->cumulative[i + 1];
  double value = s * s * (1 + 2 * t) * a + t * t * (1 + 2 * s) * b +
                 h * t * s * (s * density->density[i] - t * density->density[i + 1]);
  return fmin(fmax(value, a), b);
}

double density_quantile(const struct density *density, double probability)
{
  double low = density->low, high = low + density->step * (double)(density->count - 1);
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

/* The chain's cells are `stride` cells of the grid, its inner edges nodes of it. The deviation u of
 * a distribution function at the edges follows du_j/dt = c_j [(u_{j+1} - u_j)/m_j -
 * (u_j - u_{j-1})/m_{j-1}], m the masses of the cells, c = s^2 p/(2 h): v = u/sqrt(c) has a
 * symmetric positive definite tridiagonal matrix. */
struct chain {
  size_t edges;
  gsl_vector *diagonal, *off, *root; /* root: sqrt(c) */
};

static struct chain chain_new(const struct density *density, size_t stride)
{
  size_t cells = (density->count - 1) / stride, edges = cells - 1;
  struct chain chain = {edges, gsl_vector_calloc(edges), gsl_vector_calloc(edges - 1),
                        gsl_vector_calloc(edges)};
  double *mass = sde_alloc(cells, sizeof *mass), h = density->step * (double)stride;
  for (size_t i = 0; i < cells * stride; i++)
    mass[i / stride] += fmax(0, cell_integral(density->count, density->step, density->density, i));
  for (size_t j = 0; j < edges; j++) {
    size_t node = (j + 1) * stride;
    double c = density->variance[node] * density->density[node] / (2 * h);
    gsl_vector_set(chain.root, j, sqrt(c));
    gsl_vector_set(chain.diagonal, j, c * (1 / mass[j] + 1 / mass[j + 1]));
    if (j > 0)
      gsl_vector_set(chain.off, j - 1, -sqrt(c) * gsl_vector_get(chain.root, j - 1) / mass[j]);
  }
  sde_free(mass);
  return chain;
}

static void chain_free(struct chain *chain)
{
  gsl_vector_free(chain->diagonal);
  gsl_vector_free(chain->off);
  gsl_vector_free(chain->root);
}

static double product(const gsl_vector *a, const gsl_vector *b)
{
  double sum = 0;
  for (size_t i = 0; i < a->size; i++)
    sum += gsl_vector_get(a, i) * gsl_vector_get(b, i);
  return sum;
}

/* The least eigenvalue, by inverse iteration from `v`, which becomes its vector of length 1. */
static double least_eigenvalue(const struct chain *chain, gsl_vector *v)
{
  gsl_vector *next = gsl_vector_alloc(chain->edges);
  double value = 0;
  for (size_t k = 0; k < ITERATIONS_MAX; k++) {
    double before = value;
    gsl_vector_scale(v, 1 / sqrt(product(v, v)));
    gsl_linalg_solve_symm_tridiag(chain->diagonal, chain->off, v, next);
    value = 1 / product(v, next);
    gsl_vector_memcpy(v, next);
    if (fabs(value - before) <= 1e-13 * value)
      break;
  }
  gsl_vector_scale(v, 1 / sqrt(product(v, v)));
  gsl_vector_free(next);
  return value;
}

void density_relaxation(const struct density *density, double start, double time, double *rate,
                        double *distance)
{
  size_t stride = (density->count + CHAIN_MAX - 1) / CHAIN_MAX;
  struct chain chain = chain_new(density, stride);
  gsl_vector *first = gsl_vector_alloc(chain.edges), *v = gsl_vector_alloc(chain.edges);
  for (size_t j = 0; j < chain.edges; j++) {
    size_t node = (j + 1) * stride;
    double x = density->low + density->step * (double)node, h = density->step * (double)stride;
    double risen = fmin(fmax((x - start) / h + 0.5, 0), 1); /* the mean step around the edge */
    double deviation = risen - density->cumulative[node];
    gsl_vector_set(first, j, deviation / gsl_vector_get(chain.root, j));
    gsl_vector_set(v, j, gsl_vector_get(chain.root, j)); /* positive, as the first vector is */
  }
  *rate = least_eigenvalue(&chain, v);
  double weight = fabs(product(v, first)), largest = 0;
  for (size_t j = 0; j < chain.edges; j++)
    largest = fmax(largest, fabs(gsl_vector_get(v, j) * gsl_vector_get(chain.root, j)));
  *distance = exp(-*rate * time) * weight * largest;
  gsl_vector_free(first);
  gsl_vector_free(v);
  chain_free(&chain);
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
