/*
 * Moments of linear-quadratic processes that change with time: see linear_varying.h. With
 * z = (x, 1) and M = E z z^T, a step x - eta u takes M to B M B^T + eta^2 C with z -> B z in the mean
 * and C = E Cov u; an SDE has dM/dt = G M + M G^T + eta C.
 */
#include "sde/linear_varying.h"

#include "sde/linear.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>
#include <math.h>

static size_t triangle(size_t n)
{
  return n * (n + 1) / 2;
}

/* What the moments' equations need at one time: rows of dim + 1 of E u or of the SDE's -drift; M as
 * a full matrix, and a product. */
struct workspace {
  const struct sde_linear_varying *varying;
  int eta_order;
  struct sde_linear_instant instant;
  double *mean, *full, *product;
};

static struct workspace *workspace_new(const struct sde_linear_varying *varying, int eta_order)
{
  size_t d = varying->dim, row = d + 1;
  struct workspace *w = sde_alloc(1, sizeof *w);
  w->varying = varying;
  w->eta_order = eta_order;
  w->instant =
      (struct sde_linear_instant){sde_alloc(d, d * sizeof(double)), sde_alloc(d, sizeof(double)),
                                  sde_alloc(triangle(d), sde_linear_size(d) * sizeof(double)),
                                  sde_alloc(d, d * sizeof(double)), sde_alloc(d, sizeof(double))};
  w->mean = sde_alloc(row, row * sizeof(double));
  w->full = sde_alloc(row, row * sizeof(double));
  w->product = sde_alloc(row, row * sizeof(double));
  return w;
}

static void workspace_free(struct workspace *w)
{
  sde_free(w->instant.matrix);
  sde_free(w->instant.constant);
  sde_free(w->instant.covariance);
  sde_free(w->instant.matrix_slope);
  sde_free(w->instant.constant_slope);
  sde_free(w->mean);
  sde_free(w->full);
  sde_free(w->product);
  sde_free(w);
}

/* mean z = E u, or D: column d is that of the constant, and the last row is 0. */
static void set_mean(struct workspace *w)
{
  size_t d = w->varying->dim, row = d + 1;
  const struct sde_linear_instant *at = &w->instant;
  double half = w->eta_order == 2 ? w->varying->eta / 2 : 0;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j <= d; j++) {
      bool constant = j == d;
      double value = constant ? at->constant[i] : at->matrix[i * d + j];
      double slope = constant ? at->constant_slope[i] : at->matrix_slope[i * d + j];
      double product = 0;
      for (size_t k = 0; k < d; k++)
        product += at->matrix[i * d + k] * (constant ? at->constant[k] : at->matrix[k * d + j]);
      w->mean[i * row + j] = value + half * (product - slope);
    }
}

static void set_full(struct workspace *w, const double *moments)
{
  size_t row = w->varying->dim + 1;
  for (size_t a = 0; a < row; a++)
    for (size_t b = 0; b <= a; b++)
      w->full[a * row + b] = w->full[b * row + a] = moments[triangle(a) + b];
}

/* product = mean M. */
static void multiply(struct workspace *w)
{
  size_t row = w->varying->dim + 1;
  for (size_t i = 0; i < row; i++)
    for (size_t j = 0; j < row; j++) {
      double sum = 0;
      for (size_t k = 0; k < row; k++)
        sum += w->mean[i * row + k] * w->full[k * row + j];
      w->product[i * row + j] = sum;
    }
}

/* E of entry e of the covariance's lower triangle. */
static double mean_covariance(const struct workspace *w, size_t e, const double *moments)
{
  size_t pairs = sde_linear_size(w->varying->dim);
  double sum = 0;
  for (size_t pair = 0; pair < pairs; pair++)
    sum += w->instant.covariance[e * pairs + pair] * moments[pair];
  return sum;
}

/* change = -(mean M + M mean^T) * dt + noise * E Cov u, and with `squared` dt^2 mean M mean^T. */
static void set_change(struct workspace *w, double time, double dt, double noise, bool squared,
                       const double *moments, double *change)
{
  size_t d = w->varying->dim, row = d + 1;
  w->varying->at(w->varying->context, time, &w->instant);
  set_mean(w);
  set_full(w, moments);
  multiply(w);
  for (size_t a = 0; a < row; a++)
    for (size_t b = 0; b <= a; b++) {
      double value = -dt * (w->product[a * row + b] + w->product[b * row + a]);
      for (size_t k = 0; squared && k < row; k++)
        value += dt * dt * w->product[a * row + k] * w->mean[b * row + k];
      if (a < d)
        value += noise * mean_covariance(w, triangle(a) + b, moments);
      change[triangle(a) + b] = value;
    }
}

void sde_linear_varying_iterate(const struct sde_linear_varying *varying, uint64_t step,
                                double *moments)
{
  size_t size = sde_linear_size(varying->dim);
  double eta = varying->eta, *change = sde_alloc(size, sizeof *change);
  struct workspace *w = workspace_new(varying, 1);
  set_change(w, (double)step * eta, eta, eta * eta, true, moments, change);
  for (size_t k = 0; k < size; k++)
    moments[k] += change[k];
  workspace_free(w);
  sde_free(change);
}

static int derivative(double time, const double *moments, double *change, void *workspace)
{
  struct workspace *w = workspace;
  set_change(w, time, 1, w->varying->eta, false, moments, change);
  return GSL_SUCCESS;
}

void sde_linear_varying_solve(const struct sde_linear_varying *varying, int eta_order,
                              uint64_t step, double *moments)
{
  size_t size = sde_linear_size(varying->dim);
  struct workspace *w = workspace_new(varying, eta_order);
  gsl_odeiv2_system system = {derivative, NULL, size, w};
  double largest = 0, time = (double)step * varying->eta, eta = varying->eta;
  for (size_t k = 0; k < size; k++)
    largest = fmax(largest, fabs(moments[k]));
  gsl_odeiv2_driver *driver = gsl_odeiv2_driver_alloc_y_new(&system, gsl_odeiv2_step_rk8pd, eta / 4,
                                                            1e-14 * largest, 1e-13);
  gsl_odeiv2_driver_set_nmax(driver, 100000);
  bool good = isfinite(largest) &&
              gsl_odeiv2_driver_apply(driver, &time, time + eta, moments) == GSL_SUCCESS;
  for (size_t k = 0; !good && k < size; k++)
    moments[k] = NAN;
  gsl_odeiv2_driver_free(driver);
  workspace_free(w);
}
