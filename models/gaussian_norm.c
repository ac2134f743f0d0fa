/*
 * Gaussian norms: one pair by the trapezoid rule of theory.md section 4, blocks by a shorter rule
 * in the same integrals. See gaussian_norm.h.
 */
#include "models/gaussian_norm.h"

#include "models/gaussian_norm_basis.h"
#include "sde/block.h"
#include "sde/status.h"
#include "sde/vector_math.h"

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Scaled so that tr C + ||mu||^2 = 1, with M(s) = E exp(-s ||Z||^2):
 *   E||Z|| = (1 / 2 sqrt pi) int_0^inf (1 - M(s)) s^(-3/2) ds,
 *   E[Z/||Z||] = (1 / sqrt pi) int_0^inf s^(-1/2) M(s) y(s) ds,  y = (I + 2 s C)^-1 mu,
 *   M = det(I + 2 s C)^(-1/2) exp(-s mu.y). */

/* One pair: s = e^t makes both integrands analytic for |Im t| < pi/2, so that the trapezoid rule's
 * error is about exp(-pi^2 / step); they decay like exp(-|t|/2), to 5e-17 at the ends. */
static const double LOG_STEP = 0.25;
enum { LOG_NODES = 300 }; /* on each side of t = 0 */

double gaussian_norm(size_t dim, const double *mu, const double *lambda, double *direction)
{
  double square = 0, sum = 0;
  for (size_t k = 0; k < dim; k++) {
    square += lambda[k] + mu[k] * mu[k];
    if (direction != NULL)
      direction[k] = 0;
  }
  if (square == 0)
    return 0;
  for (int n = -LOG_NODES; n <= LOG_NODES; n++) {
    double root = exp(n * LOG_STEP / 2), s = root * root / square, log_m = 0;
    for (size_t k = 0; k < dim; k++) {
      double x = 2 * s * lambda[k];
      log_m -= log1p(x) / 2 + s * mu[k] * mu[k] / (1 + x);
    }
    sum -= expm1(log_m) / root;
    for (size_t k = 0; direction != NULL && k < dim; k++)
      direction[k] += root * exp(log_m) / (1 + 2 * s * lambda[k]);
  }
  for (size_t k = 0; direction != NULL && k < dim; k++)
    direction[k] *= LOG_STEP / sqrt(M_PI) * mu[k] / sqrt(square);
  return sqrt(square) * LOG_STEP / (2 * sqrt(M_PI)) * sum;
}

/* Blocks: s = sinh^2 u. The integrands become even and analytic in u, so that the rule has no left
 * tail, and half the step is the same density of nodes at the right: |arg s| < pi/2 for
 * |Im u| < pi/4, with the nearest singularity, s = -1/2 for C = 1 in one dimension, on the edge of
 * that strip. The rule's error is about exp(-pi^2 / (2 STEP)) = 1e-15. For the norm, exp(-s) is
 * taken off, whose integral is known (C = 0, ||mu|| = 1):
 *   E||Z|| = 1 - (1 / sqrt pi) int_0^inf (M - exp(-s)) cosh u / sinh^2 u du,
 *   E[Z/||Z||] = (2 / sqrt pi) int_0^inf M y cosh u du.
 * With M <= (1 + 2 s)^(-1/2) and s ||y|| M <= 1 both integrands fall at least like exp(-u), and
 * much faster where the noise has several dimensions or is small beside mu.
 *
 * Each path stops at its own last node: where max(1/s, ||y||) M cosh u falls below NEGLIGIBLE,
 * which the last of the NODES always does. What is left out is then at most some 60 NEGLIGIBLE:
 * beyond s = 1, sqrt(s) M never grows by more than half (its logarithm has a derivative in log s of
 * at most (1/2)/(1 + s) where tr C > 1/2, else (1/2)/s^2) and ||y|| does not grow, so that each
 * later term is below 1.5 NEGLIGIBLE. Typical are 90 nodes for d = 2 and 30 for d = 11; the most
 * are needed beside noise of rank one for a tiny mu across it. */
static const double STEP = 1.0 / 7;
static const double NEGLIGIBLE = 1e-15;

enum { NODES = 256, U = SDE_UNIT };

/* All paths' arrays are tiles of one unit: [k*U + p]. */
struct gaussian_norm_workspace {
  size_t dim;
  double s[NODES], cosh[NODES], exp_minus_s[NODES];
  double *covariance; /* lower triangle; after tridiagonalise, row i < dim holds reflector i */
  double *reflector_factor;  /* [i*U + p]: H_i = I - factor v v^T */
  double *diagonal, *beside; /* of 2 C, scaled; beside[k] stands between k - 1 and k */
  double *mu, *given, *y, *ratio, *direction;
};

static size_t triangle(size_t n)
{
  return n * (n + 1) / 2;
}

/* The nodes by the fixed-result exponential, so that they are the same bits on each machine. */
static void set_nodes(struct gaussian_norm_workspace *w)
{
  const struct sde_vector_math *math = sde_vector_math();
  double up[NODES], down[NODES];
  for (size_t n = 0; n < NODES; n++) {
    up[n] = (double)n * STEP;
    down[n] = -up[n];
  }
  math->exp(NODES, up, up);
  math->exp(NODES, down, down);
  for (size_t n = 0; n < NODES; n++) {
    double sinh = (up[n] - down[n]) / 2;
    w->cosh[n] = (up[n] + down[n]) / 2;
    w->s[n] = sinh * sinh;
    down[n] = -w->s[n];
  }
  math->exp(NODES, down, w->exp_minus_s);
}

struct gaussian_norm_workspace *gaussian_norm_workspace_new(size_t dim)
{
  struct gaussian_norm_workspace *w = sde_alloc(1, sizeof *w);
  w->dim = dim;
  set_nodes(w);
  double **tiles[] = {&w->reflector_factor, &w->diagonal, &w->beside, &w->mu, &w->y, &w->ratio,
                      &w->direction,        &w->given};
  for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
    *tiles[i] = sde_alloc(dim * U, sizeof(double));
  w->covariance = sde_alloc(triangle(dim) * U, sizeof(double));
  return w;
}

void gaussian_norm_workspace_free(struct gaussian_norm_workspace *w)
{
  if (w == NULL)
    return;
  double *tiles[] = {w->reflector_factor, w->diagonal, w->beside,    w->mu, w->y, w->ratio,
                     w->direction,        w->given,    w->covariance};
  for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
    sde_free(tiles[i]);
  sde_free(w);
}

struct gaussian_norm_basis *gaussian_norm_basis_new(size_t dim, const double *covariance)
{
  struct gaussian_norm_basis *basis = sde_alloc(1, sizeof *basis);
  basis->dim = dim;
  basis->eigenvalue = sde_alloc(dim, sizeof(double));
  basis->vectors = sde_alloc(dim * dim, sizeof(double));
  basis->transposed = sde_alloc(dim * dim, sizeof(double));
  double *copy = sde_alloc(dim * dim, sizeof *copy);
  for (size_t i = 0; i < dim * dim; i++)
    copy[i] = covariance[i];
  gsl_matrix_view matrix = gsl_matrix_view_array(copy, dim, dim);
  gsl_matrix_view vectors = gsl_matrix_view_array(basis->vectors, dim, dim);
  gsl_vector_view eigenvalue = gsl_vector_view_array(basis->eigenvalue, dim);
  gsl_eigen_symmv_workspace *workspace = gsl_eigen_symmv_alloc(dim);
  gsl_eigen_symmv(&matrix.matrix, &eigenvalue.vector, &vectors.matrix, workspace);
  gsl_eigen_symmv_free(workspace);
  sde_free(copy);
  for (size_t k = 0; k < dim; k++) {
    basis->eigenvalue[k] = fmax(basis->eigenvalue[k], 0);
    for (size_t i = 0; i < dim; i++)
      basis->transposed[k * dim + i] = basis->vectors[i * dim + k];
  }
  return basis;
}

void gaussian_norm_basis_free(struct gaussian_norm_basis *basis)
{
  if (basis == NULL)
    return;
  sde_free(basis->eigenvalue);
  sde_free(basis->vectors);
  sde_free(basis->transposed);
  sde_free(basis);
}

/* At one node, of each path: ||y||^2, 1 / det(I + 2 s C) and the exponent -s mu.y. */
struct resolvent {
  double squared[U], inverse_determinant[U], exponent[U];
};

SDE_VECTOR
static void resolve_diagonal(size_t dim, double s, const double *restrict diagonal,
                             const double *restrict mu, double *restrict y,
                             struct resolvent *restrict r)
{
  for (size_t p = 0; p < U; p++) {
    r->squared[p] = 0;
    r->inverse_determinant[p] = 1;
    r->exponent[p] = 0;
  }
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++) {
      double inverse = 1 / (1 + s * diagonal[k * U + p]);
      double m = mu[k * U + p], value = m * inverse;
      y[k * U + p] = value;
      r->inverse_determinant[p] *= inverse;
      r->exponent[p] -= s * m * value;
      r->squared[p] += value * value;
    }
}

/* By L D L^T. The pivots of I + 2 s C are at least 1; where rounding says less, for a huge s and a
 * C without full rank, 1 is nearer. */
SDE_VECTOR
static void resolve_tridiagonal(size_t dim, double s, const double *restrict diagonal,
                                const double *restrict beside, const double *restrict mu,
                                double *restrict ratio, double *restrict y,
                                struct resolvent *restrict r)
{
  double inverse[U], forward[U];
  for (size_t p = 0; p < U; p++) {
    r->inverse_determinant[p] = 1;
    r->exponent[p] = 0;
    inverse[p] = 0;
    forward[p] = 0;
  }
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++) {
      double coupling = s * beside[k * U + p], below = coupling * inverse[p];
      double pivot = 1 + s * diagonal[k * U + p] - coupling * below;
      pivot = pivot > 1 ? pivot : 1;
      forward[p] = mu[k * U + p] - below * forward[p];
      inverse[p] = 1 / pivot;
      ratio[k * U + p] = below;
      y[k * U + p] = forward[p] * inverse[p];
      r->inverse_determinant[p] *= inverse[p];
      r->exponent[p] -= s * forward[p] * y[k * U + p];
    }
  const double *last = y + (dim - 1) * U;
  for (size_t p = 0; p < U; p++)
    r->squared[p] = last[p] * last[p];
  for (size_t k = dim - 1; k-- > 0;)
    for (size_t p = 0; p < U; p++) {
      double value = y[k * U + p] - ratio[(k + 1) * U + p] * y[(k + 1) * U + p];
      y[k * U + p] = value;
      r->squared[p] += value * value;
    }
}

/* For each path: its sqrt(tr C + ||mu||^2), what makes 2 C of the scaled problem from C, the norm's
 * sum over the nodes so far, and 1 until the terms become negligible, then 0. */
struct unit {
  double size[U], factor[U], excess[U], keep[U];
};

/* Scales mu; the matrix is scaled where it is loaded. A sum that is not finite becomes NaN here. */
SDE_VECTOR
static void scale(size_t dim, const double *restrict trace, double *restrict mu,
                  struct unit *restrict unit)
{
  double square[U], inverse[U];
  for (size_t p = 0; p < U; p++)
    square[p] = trace[p];
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++)
      square[p] += mu[k * U + p] * mu[k * U + p];
  for (size_t p = 0; p < U; p++) {
    square[p] += square[p] - square[p];
    unit->size[p] = sqrt(square[p]);
    unit->keep[p] = square[p] != 0 ? 1 : 0;
    unit->factor[p] = square[p] != 0 ? 2 / square[p] : 0;
    inverse[p] = square[p] != 0 ? 1 / unit->size[p] : 0;
    unit->excess[p] = 0;
  }
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++)
      mu[k * U + p] *= inverse[p];
}

/* Adds the terms of one node; decay is exp(-s mu.y). Does any path go on? */
SDE_VECTOR
static bool add_terms(size_t dim, double s, double cosh, double exp_minus_s,
                      const double *restrict decay, const double *restrict y,
                      const struct resolvent *restrict r, struct unit *restrict unit,
                      double *restrict direction)
{
  /* At s = 0 the norm's integrand vanishes, and the even direction's counts half. */
  double norm_factor = s > 0 ? cosh / s : 0, direction_factor = s > 0 ? cosh : cosh / 2;
  double weight[U], bound = 1 / (s * s);
  for (size_t p = 0; p < U; p++) {
    double keep = unit->keep[p], m = decay[p] * sqrt(r->inverse_determinant[p]), growth = cosh * m;
    double largest = r->squared[p] > bound ? r->squared[p] : bound;
    unit->excess[p] += norm_factor * keep * (m - exp_minus_s);
    weight[p] = direction_factor * keep * m;
    unit->keep[p] = growth * growth * largest > NEGLIGIBLE * NEGLIGIBLE ? keep : 0;
  }
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < U; p++)
      direction[k * U + p] += weight[p] * y[k * U + p];
  unsigned kept = 0;
  for (size_t p = 0; p < U; p++)
    kept += unit->keep[p] > 0;
  return kept > 0;
}

/* w->direction in the basis of w->mu, and the norms, of one unit. */
static void integrate(struct gaussian_norm_workspace *w, bool diagonal, struct unit *unit,
                      double *norm)
{
  const struct sde_vector_math *math = sde_vector_math();
  struct resolvent r;
  double decay[U];
  bool more = true;
  sde_block_fill(w->dim * U, 0, w->direction);
  for (size_t n = 0; more && n < NODES; n++) {
    if (diagonal)
      resolve_diagonal(w->dim, w->s[n], w->diagonal, w->mu, w->y, &r);
    else
      resolve_tridiagonal(w->dim, w->s[n], w->diagonal, w->beside, w->mu, w->ratio, w->y, &r);
    math->exp(U, r.exponent, decay);
    more = add_terms(w->dim, w->s[n], w->cosh[n], w->exp_minus_s[n], decay, w->y, &r, unit,
                     w->direction);
  }
  sde_block_scale(w->dim * U, 2 * STEP / sqrt(M_PI), w->direction);
  for (size_t p = 0; norm != NULL && p < U; p++)
    norm[p] = unit->size[p] * (1 - STEP / sqrt(M_PI) * unit->excess[p]);
}

void gaussian_norm_shared(const struct gaussian_norm_basis *basis,
                          struct gaussian_norm_workspace *w, size_t width, const double *mu,
                          double *direction, double *norm)
{
  const struct sde_vector_math *math = sde_vector_math();
  size_t dim = basis->dim;
  double sum = 0, trace[U];
  for (size_t k = 0; k < dim; k++)
    sum += basis->eigenvalue[k];
  sde_block_fill(U, sum, trace);
  for (size_t start = 0; start < width; start += U) {
    struct unit unit;
    sde_block_load(dim, width, mu + start, w->given);
    math->affine(dim, dim, basis->transposed, NULL, U, w->given, w->mu);
    scale(dim, trace, w->mu, &unit);
    for (size_t k = 0; k < dim; k++)
      for (size_t p = 0; p < U; p++)
        w->diagonal[k * U + p] = basis->eigenvalue[k] * unit.factor[p];
    integrate(w, true, &unit, norm == NULL ? NULL : norm + start);
    if (direction == NULL)
      continue;
    math->affine(dim, dim, basis->vectors, NULL, U, w->direction, w->given);
    sde_block_store(dim, width, w->given, direction + start);
  }
}

/* Makes row i of the lower triangle, i >= 2, the vector v of the reflection that takes its first i
 * entries to (0, .., 0, beside). A row that is zero to underflow is left as it is. */
SDE_VECTOR
static void make_reflector(size_t i, double *restrict row, double *restrict factor,
                           double *restrict beside)
{
  double square[U];
  for (size_t p = 0; p < U; p++)
    square[p] = 0;
  for (size_t k = 0; k < i; k++)
    for (size_t p = 0; p < U; p++)
      square[p] += row[k * U + p] * row[k * U + p];
  double *edge = row + (i - 1) * U;
  for (size_t p = 0; p < U; p++) {
    bool usable = !(square[p] < 1e-200);
    double length = sqrt(square[p]), onto = edge[p] > 0 ? -length : length;
    factor[p] = usable ? 1 / (square[p] - edge[p] * onto) : 0;
    beside[p] = usable ? onto : 0;
    edge[p] -= onto;
  }
}

/* x -= factor (v.x) v. */
SDE_VECTOR
static void reflect(size_t i, const double *restrict v, const double *restrict factor,
                    double *restrict x)
{
  double along[U];
  for (size_t p = 0; p < U; p++)
    along[p] = 0;
  for (size_t k = 0; k < i; k++)
    for (size_t p = 0; p < U; p++)
      along[p] += v[k * U + p] * x[k * U + p];
  for (size_t p = 0; p < U; p++)
    along[p] *= factor[p];
  for (size_t k = 0; k < i; k++)
    for (size_t p = 0; p < U; p++)
      x[k * U + p] -= along[p] * v[k * U + p];
}

/* A = H A H for the first i rows of the lower triangle: A -= v q^T + q v^T with
 * q = factor A v - (factor^2 / 2) (v.A v) v. */
SDE_VECTOR
static void reflect_matrix(size_t i, const double *restrict v, const double *restrict factor,
                           double *restrict matrix, double *restrict q)
{
  double along[U];
  for (size_t p = 0; p < U; p++)
    along[p] = 0;
  for (size_t j = 0; j < i; j++) {
    const double *row = matrix + j * (j + 1) / 2 * U;
    for (size_t p = 0; p < U; p++)
      q[j * U + p] = row[j * U + p] * v[j * U + p];
    for (size_t k = 0; k < j; k++)
      for (size_t p = 0; p < U; p++) {
        q[j * U + p] += row[k * U + p] * v[k * U + p];
        q[k * U + p] += row[k * U + p] * v[j * U + p];
      }
  }
  for (size_t j = 0; j < i; j++)
    for (size_t p = 0; p < U; p++)
      along[p] += q[j * U + p] * v[j * U + p];
  for (size_t j = 0; j < i; j++)
    for (size_t p = 0; p < U; p++)
      q[j * U + p] = factor[p] * (q[j * U + p] - factor[p] / 2 * along[p] * v[j * U + p]);
  for (size_t j = 0; j < i; j++) {
    double *row = matrix + j * (j + 1) / 2 * U;
    for (size_t k = 0; k <= j; k++)
      for (size_t p = 0; p < U; p++)
        row[k * U + p] -= v[j * U + p] * q[k * U + p] + q[j * U + p] * v[k * U + p];
  }
}

/* Householder's reduction from the last row up, of the matrix and of mu with it: no iteration, so
 * that the paths of a unit go through it side by side, as they would not through an eigensolver. */
static void tridiagonalise(struct gaussian_norm_workspace *w)
{
  for (size_t i = w->dim; i-- > 2;) {
    double *row = w->covariance + triangle(i) * U, *factor = w->reflector_factor + i * U;
    make_reflector(i, row, factor, w->beside + i * U);
    reflect_matrix(i, row, factor, w->covariance, w->y);
    reflect(i, row, factor, w->mu);
  }
  if (w->dim > 1)
    memcpy(w->beside + U, w->covariance + U, U * sizeof *w->beside);
  for (size_t k = 0; k < w->dim; k++)
    memcpy(w->diagonal + k * U, w->covariance + (triangle(k) + k) * U, U * sizeof *w->diagonal);
}

SDE_VECTOR
static void load_covariance(size_t entries, size_t width, const double *restrict block,
                            const double *restrict factor, double *restrict tile)
{
  for (size_t e = 0; e < entries; e++)
    for (size_t p = 0; p < U; p++)
      tile[e * U + p] = block[e * width + p] * factor[p];
}

void gaussian_norm_each(struct gaussian_norm_workspace *w, size_t width, const double *covariance,
                        const double *mu, double *direction, double *norm)
{
  size_t dim = w->dim;
  for (size_t start = 0; start < width; start += U) {
    struct unit unit;
    double trace[U];
    sde_block_fill(U, 0, trace);
    for (size_t k = 0; k < dim; k++)
      sde_block_add(U, 1, covariance + (triangle(k) + k) * width + start, trace);
    sde_block_load(dim, width, mu + start, w->mu);
    scale(dim, trace, w->mu, &unit);
    load_covariance(triangle(dim), width, covariance + start, unit.factor, w->covariance);
    tridiagonalise(w);
    integrate(w, false, &unit, norm == NULL ? NULL : norm + start);
    if (direction == NULL)
      continue;
    for (size_t i = 2; i < dim; i++)
      reflect(i, w->covariance + triangle(i) * U, w->reflector_factor + i * U, w->direction);
    sde_block_store(dim, width, w->direction, direction + start);
  }
}
