/*
 * The direction of a Gaussian vector, regressed on it: by the trapezoid rule in the integrals of
 * theory.md section 4, in the eigenbasis of the covariance. See gaussian_direction.h.
 */
#include "models/gaussian_direction.h"

#include "models/factor.h"
#include "models/gaussian_norm_basis.h"
#include "sde/block.h"
#include "sde/status.h"
#include "sde/vector_math.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Scaled so that tr C + ||mu||^2 = 1, with C = diag lambda, q = 1/(1 + 2 s lambda), y = q mu and
 * m(s) = E exp(-s ||Z||^2) = (prod q)^(1/2) exp(-s mu.y):
 *   E e    = (1 / sqrt pi) int_0^inf s^(-1/2) m y ds,
 *   M      = (1 / sqrt pi) int_0^inf s^(-1/2) m (diag q - 2 s y y^T) ds, its derivative in mu,
 *   E e e^T = int_0^inf m (diag lambda q + y y^T) ds.
 *
 * s = exp(t - exp(-t)) leaves no tail at the left, where ds vanishes doubly exponentially, and half
 * the exponent of s at the right, as s = exp(t) does. The nearest singularity of m, s <= -1/2, is met
 * at |Im t| = 1.47, so that the rule's error is about exp(-2 pi 1.47 / STEP) = 1e-16. Each path stops
 * where (1 + s ||y||^2) m, which bounds every integrand times s but for a factor of a few, falls below
 * NEGLIGIBLE; the last node is where one dimension comes to it. */
static const double STEP = 0.25;
static const double NEGLIGIBLE = 1e-17;

/* Variances of the rest below this, of 1, are rounding. */
static const double FLOOR = 1e-13;

/* So is an eigenvalue below this share of tr C. M has an end in the range of C alone. */
static const double NULL_SHARE = 1e-13;

enum { FIRST_NODE = -18, NODES = 320, U = SDE_UNIT };

/* All arrays of paths are tiles of one unit, [k*U + p], in the eigenbasis. */
struct gaussian_direction_workspace {
  size_t dim;
  double s[NODES], first[NODES], second[NODES]; /* ds / sqrt(pi s) and ds, of the rule */
  double *lambda, *mu, *q, *y, *mean, *floor;
  double *diagonal;         /* of the part of M with q */
  double *slope, *spread;   /* lower triangles: M, and E e e^T, then Cov(rest) and its root */
  double *column;           /* [(k*dim + l)*U + p]: M diag lambda^(1/2) */
  double *given, *v, *rest; /* loaded, turned, and the result's two parts */
};

static size_t triangle(size_t n)
{
  return n * (n + 1) / 2;
}

/* By the fixed-result exponential, so that the nodes are the same bits on each machine. */
static void set_nodes(struct gaussian_direction_workspace *w)
{
  const struct sde_vector_math *math = sde_vector_math();
  double t[NODES], falling[NODES];
  for (size_t n = 0; n < NODES; n++) {
    t[n] = (FIRST_NODE + (double)n) * STEP;
    falling[n] = -t[n];
  }
  math->exp(NODES, falling, falling);
  for (size_t n = 0; n < NODES; n++)
    t[n] -= falling[n];
  math->exp(NODES, t, w->s);
  for (size_t n = 0; n < NODES; n++) {
    w->second[n] = STEP * w->s[n] * (1 + falling[n]);
    w->first[n] = w->second[n] / sqrt(M_PI * w->s[n]);
  }
}

static void list_arrays(struct gaussian_direction_workspace *w, size_t *count, double ***arrays,
                        size_t *sizes)
{
  size_t d = w->dim, t = triangle(d);
  double **all[] = {&w->lambda, &w->mu, &w->q,    &w->y,     &w->mean,   &w->floor, &w->diagonal,
                    &w->given,  &w->v,  &w->rest, &w->slope, &w->spread, &w->column};
  *count = sizeof all / sizeof *all;
  for (size_t i = 0; i < *count; i++) {
    arrays[i] = all[i];
    sizes[i] = i < *count - 3 ? d : i < *count - 1 ? t : d * d;
  }
}

enum { ARRAYS_MAX = 16 };

struct gaussian_direction_workspace *gaussian_direction_workspace_new(size_t dim)
{
  struct gaussian_direction_workspace *w = sde_alloc(1, sizeof *w);
  double **arrays[ARRAYS_MAX];
  size_t count, sizes[ARRAYS_MAX];
  w->dim = dim;
  set_nodes(w);
  list_arrays(w, &count, arrays, sizes);
  for (size_t i = 0; i < count; i++)
    *arrays[i] = sde_alloc(sizes[i], U * sizeof(double));
  return w;
}

void gaussian_direction_workspace_free(struct gaussian_direction_workspace *w)
{
  if (w == NULL)
    return;
  double **arrays[ARRAYS_MAX];
  size_t count, sizes[ARRAYS_MAX];
  list_arrays(w, &count, arrays, sizes);
  for (size_t i = 0; i < count; i++)
    sde_free(*arrays[i]);
  sde_free(w);
}

/* Scales mu and lambda. A sum that is not finite becomes NaN here. */
SDE_VECTOR
static void scale(size_t dim, double *restrict lambda, double *restrict mu, double *restrict size)
{
  double square[U];
  for (size_t p = 0; p < U; p++)
    square[p] = 0;
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++)
      square[p] += lambda[k * U + p] + mu[k * U + p] * mu[k * U + p];
  for (size_t p = 0; p < U; p++) {
    square[p] += square[p] - square[p];
    size[p] = square[p] != 0 ? sqrt(square[p]) : 1;
    square[p] = size[p] * size[p];
  }
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++) {
      lambda[k * U + p] /= square[p];
      mu[k * U + p] /= size[p];
    }
}

/* At one node, of each path: ||y||^2, prod q and the exponent -s mu.y. */
struct resolvent {
  double squared[U], determinant[U], exponent[U];
};

SDE_VECTOR
static void resolve(size_t dim, double s, const double *restrict lambda, const double *restrict mu,
                    double *restrict q, double *restrict y, struct resolvent *restrict r)
{
  for (size_t p = 0; p < U; p++) {
    r->squared[p] = 0;
    r->determinant[p] = 1;
    r->exponent[p] = 0;
  }
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++) {
      double inverse = 1 / (1 + 2 * s * lambda[k * U + p]), m = mu[k * U + p];
      q[k * U + p] = inverse;
      y[k * U + p] = inverse * m;
      r->determinant[p] *= inverse;
      r->exponent[p] -= s * m * m * inverse;
      r->squared[p] += inverse * m * inverse * m;
    }
}

/* The weights of a node's terms for each path; and does any path go on? keep is 1 until the terms
 * become negligible, then 0. */
struct weights {
  double first[U], second[U], cross[U], keep[U];
};

static bool weigh(const struct gaussian_direction_workspace *w, size_t n, const double *decay,
                  const struct resolvent *r, struct weights *weights)
{
  size_t kept = 0;
  for (size_t p = 0; p < U; p++) {
    double m = decay[p] * sqrt(r->determinant[p]) * weights->keep[p];
    weights->first[p] = w->first[n] * m;
    weights->second[p] = w->second[n] * m;
    weights->cross[p] = -2 * w->s[n] * weights->first[p];
    weights->keep[p] = (1 + w->s[n] * r->squared[p]) * m > NEGLIGIBLE ? 1 : 0;
    kept += weights->keep[p] > 0;
  }
  return kept > 0;
}

SDE_VECTOR
static void add_vectors(size_t dim, const struct weights *restrict weights,
                        const double *restrict q, const double *restrict y, double *restrict mean,
                        double *restrict diagonal)
{
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++) {
      mean[k * U + p] += weights->first[p] * y[k * U + p];
      diagonal[k * U + p] += weights->first[p] * q[k * U + p];
    }
}

SDE_VECTOR
static void add_matrices(size_t dim, const struct weights *restrict weights,
                         const double *restrict lambda, const double *restrict q,
                         const double *restrict y, double *restrict slope, double *restrict spread)
{
  for (size_t k = 0; k < dim; k++, slope += k * U, spread += k * U) {
    double cross[U], second[U];
    for (size_t p = 0; p < U; p++) {
      cross[p] = weights->cross[p] * y[k * U + p];
      second[p] = weights->second[p] * y[k * U + p];
    }
    for (size_t l = 0; l <= k; l++)
      for (size_t p = 0; p < U; p++) {
        slope[l * U + p] += cross[p] * y[l * U + p];
        spread[l * U + p] += second[p] * y[l * U + p];
      }
    for (size_t p = 0; p < U; p++)
      spread[k * U + p] += weights->second[p] * lambda[k * U + p] * q[k * U + p];
  }
}

/* Fills mean, diagonal, and the triangles with their parts in y y^T and lambda q. */
static void integrate(struct gaussian_direction_workspace *w)
{
  const struct sde_vector_math *math = sde_vector_math();
  size_t d = w->dim;
  struct resolvent r;
  struct weights weights;
  double decay[U];
  bool more = true;
  sde_block_fill(d * U, 0, w->mean);
  sde_block_fill(d * U, 0, w->diagonal);
  sde_block_fill(triangle(d) * U, 0, w->slope);
  sde_block_fill(triangle(d) * U, 0, w->spread);
  sde_block_fill(U, 1, weights.keep);
  for (size_t n = 0; more && n < NODES; n++) {
    resolve(d, w->s[n], w->lambda, w->mu, w->q, w->y, &r);
    math->exp(U, r.exponent, decay);
    more = weigh(w, n, decay, &r, &weights);
    add_vectors(d, &weights, w->q, w->y, w->mean, w->diagonal);
    add_matrices(d, &weights, w->lambda, w->q, w->y, w->slope, w->spread);
  }
}

/* slope += diag diagonal, and column = slope diag lambda^(1/2). */
SDE_VECTOR
static void form_columns(size_t dim, const double *restrict lambda, const double *restrict diagonal,
                         double *restrict slope, double *restrict column)
{
  double root[U];
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++)
      slope[(triangle(k) + k) * U + p] += diagonal[k * U + p];
  for (size_t l = 0; l < dim; l++) {
    for (size_t p = 0; p < U; p++)
      root[p] = sqrt(lambda[l * U + p]);
    for (size_t k = 0; k < dim; k++) {
      size_t entry = k > l ? triangle(k) + l : triangle(l) + k;
      for (size_t p = 0; p < U; p++)
        column[(k * dim + l) * U + p] = root[p] * slope[entry * U + p];
    }
  }
}

/* spread -= mean mean^T + column column^T. */
SDE_VECTOR
static void subtract_regression(size_t dim, const double *restrict mean,
                                const double *restrict column, double *restrict spread)
{
  double sum[U];
  for (size_t k = 0; k < dim; k++)
    for (size_t l = 0; l <= k; l++) {
      double *entry = spread + (triangle(k) + l) * U;
      for (size_t p = 0; p < U; p++)
        sum[p] = mean[k * U + p] * mean[l * U + p];
      for (size_t j = 0; j < dim; j++)
        for (size_t p = 0; p < U; p++)
          sum[p] += column[(k * dim + j) * U + p] * column[(l * dim + j) * U + p];
      for (size_t p = 0; p < U; p++)
        entry[p] -= sum[p];
    }
}

/* out += (1/size) M v, without the coordinates of v in the null space of C. */
SDE_VECTOR
static void add_slope(size_t dim, const double *restrict lambda, const double *restrict slope,
                      const double *restrict size, double *restrict v, double *restrict out)
{
  double trace[U];
  for (size_t p = 0; p < U; p++)
    trace[p] = 0;
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++)
      trace[p] += lambda[k * U + p];
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++)
      v[k * U + p] = lambda[k * U + p] > NULL_SHARE * trace[p] ? v[k * U + p] / size[p] : 0;
  for (size_t k = 0; k < dim; k++)
    for (size_t l = 0; l < dim; l++) {
      size_t entry = k > l ? triangle(k) + l : triangle(l) + k;
      for (size_t p = 0; p < U; p++)
        out[k * U + p] += slope[entry * U + p] * v[l * U + p];
    }
}

/* w->rest = M v + factor * Cov(rest)^(1/2) dw of the unit whose lambda, mu and v stand in the
 * workspace, and whose dw stands in w->given. */
static void regress(struct gaussian_direction_workspace *w, double factor)
{
  double size[U];
  scale(w->dim, w->lambda, w->mu, size);
  integrate(w);
  form_columns(w->dim, w->lambda, w->diagonal, w->slope, w->column);
  subtract_regression(w->dim, w->mean, w->column, w->spread);
  sde_block_fill(w->dim * U, FLOOR, w->floor);
  factor_cholesky_above(w->dim, U, w->floor, w->spread);
  factor_multiply(w->dim, U, factor, w->spread, w->given, w->rest);
  add_slope(w->dim, w->lambda, w->slope, size, w->v, w->rest);
}

void gaussian_direction_shared(const struct gaussian_norm_basis *basis,
                               struct gaussian_direction_workspace *w, size_t width,
                               const struct gaussian_direction_query *query, double *out)
{
  const struct sde_vector_math *math = sde_vector_math();
  size_t d = basis->dim;
  for (size_t start = 0; start < width; start += U) {
    for (size_t k = 0; k < d; k++)
      sde_block_fill(U, basis->eigenvalue[k], w->lambda + k * U);
    sde_block_load(d, width, query->mu + start, w->given);
    math->affine(d, d, basis->transposed, NULL, U, w->given, w->mu);
    sde_block_load(d, width, query->v + start, w->given);
    math->affine(d, d, basis->transposed, NULL, U, w->given, w->v);
    sde_block_load(d, width, query->dw + start, w->given);
    regress(w, query->scale);
    math->affine(d, d, basis->vectors, NULL, U, w->rest, w->given);
    sde_block_store(d, width, w->given, out + start);
  }
}
