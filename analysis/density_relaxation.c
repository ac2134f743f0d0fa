/*
 * How fast the law of a path comes to its stationary density: see density_relaxation in density.h.
 */
#include "analysis/density.h"

#include "sde/block.h"

#include <math.h>
#include <string.h>

enum { ITERATIONS_MAX = 1000, EULER_STEPS = 256 };

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
