/*
 * The largest eigenvalue of the Hessian: see hessian_max.h. Every new vector is made orthogonal to
 * all before it, twice, so that the tridiagonal matrix has no spurious eigenvalues; its own largest
 * is found by bisection with Sturm's count. A unit of paths is worked on at a time.
 */
#include "models/hessian_max.h"

#include "sde/block.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { STEPS_MAX = 64 };

/* A remainder this small beside the matrix means that the vectors span an invariant subspace. */
static const double invariant = 1e-13;

static size_t steps_of(size_t dim)
{
  return dim < STEPS_MAX ? dim : STEPS_MAX;
}

/* The point, the vectors, the product and its scratch; alpha and beta. */
size_t hessian_max_scratch(size_t dim)
{
  size_t steps = steps_of(dim);
  return ((3 + steps) * dim + 2 * steps) * SDE_UNIT;
}

/* out[p] = a . b */
SDE_VECTOR
static void dot(size_t dim, const double *restrict a, const double *restrict b,
                double *restrict out)
{
  for (size_t p = 0; p < SDE_UNIT; p++)
    out[p] = 0;
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      out[p] += a[i * SDE_UNIT + p] * b[i * SDE_UNIT + p];
}

/* w -= factor[p] * v */
SDE_VECTOR
static void subtract(size_t dim, const double *restrict factor, const double *restrict v,
                     double *restrict w)
{
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      w[i * SDE_UNIT + p] -= factor[p] * v[i * SDE_UNIT + p];
}

/* out = factor[p] * w */
SDE_VECTOR
static void scale(size_t dim, const double *restrict factor, const double *restrict w,
                  double *restrict out)
{
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      out[i * SDE_UNIT + p] = factor[p] * w[i * SDE_UNIT + p];
}

/* A first vector that no symmetry of a loss makes orthogonal to the one that is sought. */
static void set_first(size_t dim, double *v)
{
  double square = 0, of = 0;
  for (size_t i = 0; i < dim; i++) {
    of = fmod(of + 0.7548776662466927, 1);
    square += (0.5 + of) * (0.5 + of);
    sde_block_fill(SDE_UNIT, 0.5 + of, v + i * SDE_UNIT);
  }
  sde_block_scale(dim * SDE_UNIT, 1 / sqrt(square), v);
}

/* How many eigenvalues of the tridiagonal matrix are below x; entries stand SDE_UNIT apart. */
static size_t count_below(size_t steps, const double *alpha, const double *beta, double x)
{
  size_t below = 0;
  double pivot = 1;
  for (size_t j = 0; j < steps; j++) {
    double off = j == 0 ? 0 : beta[(j - 1) * SDE_UNIT];
    pivot = alpha[j * SDE_UNIT] - x - off * off / pivot;
    if (pivot == 0)
      pivot = -DBL_MIN;
    below += pivot < 0;
  }
  return below;
}

/* To the rounding of the largest entries. */
static double largest_eigenvalue(size_t steps, const double *alpha, const double *beta)
{
  double size = 0;
  for (size_t j = 0; j < steps; j++)
    size += fabs(alpha[j * SDE_UNIT]) + (j + 1 < steps ? 2 * beta[j * SDE_UNIT] : 0);
  if (!isfinite(size))
    return NAN;
  double low = -size, high = size;
  while (high - low > DBL_EPSILON * size) {
    double middle = low + (high - low) / 2;
    if (count_below(steps, alpha, beta, middle) < steps)
      low = middle;
    else
      high = middle;
  }
  return low + (high - low) / 2;
}

/* For one unit of paths at x; each path has as many steps as it needs. */
static void find(const struct loss *loss, const double *x, double *out, double *vectors)
{
  size_t d = loss->dim, size = d * SDE_UNIT, steps = steps_of(d), needed[SDE_UNIT];
  double *w = vectors + steps * size, *rest = w + size;
  double *alpha = rest + size, *beta = alpha + steps * SDE_UNIT;
  double share[SDE_UNIT], norm[SDE_UNIT] = {0};
  for (size_t p = 0; p < SDE_UNIT; p++)
    needed[p] = steps;
  set_first(d, vectors);
  for (size_t j = 0; j < steps; j++) {
    double *a = alpha + j * SDE_UNIT, *b = beta + j * SDE_UNIT;
    loss_mean_hessian_vector(loss, SDE_UNIT, x, vectors + j * size, w, rest);
    dot(d, vectors + j * size, w, a);
    for (size_t pass = 0; pass < 2; pass++)
      for (size_t k = 0; k <= j; k++) {
        dot(d, vectors + k * size, w, share);
        subtract(d, share, vectors + k * size, w);
      }
    dot(d, w, w, b);
    for (size_t p = 0; p < SDE_UNIT; p++) {
      b[p] = sqrt(b[p]);
      norm[p] = fmax(norm[p], fabs(a[p]) + b[p]);
      bool ends = b[p] <= invariant * norm[p];
      needed[p] = ends && j + 1 < needed[p] ? j + 1 : needed[p];
      share[p] = ends ? 0 : 1 / b[p];
    }
    if (j + 1 < steps)
      scale(d, share, w, vectors + (j + 1) * size);
  }
  for (size_t p = 0; p < SDE_UNIT; p++)
    out[p] = largest_eigenvalue(needed[p], alpha + p, beta + p);
}

void hessian_max(const struct loss *loss, size_t width, const double *x, double *out,
                 double *scratch)
{
  size_t d = loss->dim;
  double *unit = scratch, *rest = unit + d * SDE_UNIT;
  for (size_t first = 0; first < width; first += SDE_UNIT) {
    for (size_t i = 0; i < d; i++)
      memcpy(unit + i * SDE_UNIT, x + i * width + first, SDE_UNIT * sizeof *x);
    find(loss, unit, out + first, rest);
  }
}
