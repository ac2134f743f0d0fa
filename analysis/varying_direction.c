/*
 * Directions with schedules: see varying_direction.h. A quadratic loss makes w of an affine rule
 * affine in rho: E w is a straight line in the factor r of rho and Cov w a parabola, known from
 * their values at three r. The factor s of eta multiplies U_x.
 */
#include "analysis/varying_direction.h"

#include "sde/linear.h"

#include <string.h>

enum { KNOWN = 3 };
static const double known_factor[KNOWN] = {0, 0.5, 1};

struct varying_direction {
  struct optimizer optimizer;
  size_t dim, x_dim;
  /* At these factors of rho; where rho has no schedule, the last one alone. */
  struct sde_linear_direction *known[KNOWN];
};

static struct sde_linear_direction *direction_at(struct optimizer optimizer, double factor,
                                                 const struct limit_options *options,
                                                 const struct affine_frame *frame)
{
  struct sde_status status = {SDE_OK, ""};
  optimizer.rho *= factor;
  optimizer.eta_schedule = optimizer.rho_schedule = NULL;
  struct limit *limit =
      limit_new(&optimizer, options, sde_stream_named(0, "oracle"), "oracle", &status);
  struct sde_linear_direction *direction = limit == NULL ? NULL : limit_direction_new(limit, frame);
  limit_free(limit);
  return direction;
}

struct varying_direction *varying_direction_new(const struct optimizer *optimizer,
                                                const struct limit_options *options,
                                                const struct affine_frame *frame)
{
  struct varying_direction *varying = sde_alloc(1, sizeof *varying);
  /* A direction of the rule's own need not be a polynomial in rho. */
  bool good = optimizer->rho_schedule == NULL || optimizer->rule->direction == NULL;
  varying->optimizer = *optimizer;
  varying->dim = optimizer_dim(optimizer);
  varying->x_dim = optimizer->objective->loss->dim;
  for (size_t k = optimizer->rho_schedule == NULL ? KNOWN - 1 : 0; good && k < KNOWN; k++) {
    varying->known[k] = direction_at(*optimizer, known_factor[k], options, frame);
    good = varying->known[k] != NULL;
  }
  if (good)
    return varying;
  varying_direction_free(varying);
  return NULL;
}

void varying_direction_free(struct varying_direction *varying)
{
  if (varying == NULL)
    return;
  for (size_t k = 0; k < KNOWN; k++)
    limit_direction_free(varying->known[k]);
  sde_free(varying);
}

/* The weight of each known direction in the parabola through all of them at r, by Lagrange, and the
 * derivative of the weight. */
static void set_weights(const struct varying_direction *varying, double r, double *weight,
                        double *slope)
{
  for (size_t k = 0; k < KNOWN; k++) {
    double others[2], scale = 1;
    for (size_t i = 0, count = 0; i < KNOWN; i++)
      if (i != k) {
        others[count++] = known_factor[i];
        scale *= known_factor[k] - known_factor[i];
      }
    weight[k] = (r - others[0]) * (r - others[1]) / scale;
    slope[k] = (2 * r - others[0] - others[1]) / scale;
    if (varying->optimizer.rho_schedule == NULL) {
      weight[k] = k == KNOWN - 1;
      slope[k] = 0;
    }
  }
}

static void direction_at_time(const void *context, double time, struct sde_linear_instant *at)
{
  const struct varying_direction *varying = context;
  struct optimizer_factors factors = optimizer_factors_at(&varying->optimizer, time);
  size_t d = varying->dim, pairs = sde_linear_size(d);
  double weight[KNOWN], slope[KNOWN];
  set_weights(varying, factors.rho, weight, slope);
  memset(at->matrix, 0, d * d * sizeof(double));
  memset(at->constant, 0, d * sizeof(double));
  memset(at->covariance, 0, d * (d + 1) / 2 * pairs * sizeof(double));
  memset(at->matrix_slope, 0, d * d * sizeof(double));
  memset(at->constant_slope, 0, d * sizeof(double));
  for (size_t k = 0; k < KNOWN; k++) {
    const struct sde_linear_direction *known = varying->known[k];
    for (size_t i = 0, entry = 0; known != NULL && i < d; i++) {
      bool of_x = i < varying->x_dim;
      double s = of_x ? factors.eta : 1, s_slope = of_x ? factors.eta_slope : 0;
      double change = s_slope * weight[k] + s * slope[k] * factors.rho_slope;
      at->constant[i] += s * weight[k] * known->constant[i];
      at->constant_slope[i] += change * known->constant[i];
      for (size_t j = 0; j < d; j++) {
        at->matrix[i * d + j] += s * weight[k] * known->matrix[i * d + j];
        at->matrix_slope[i * d + j] += change * known->matrix[i * d + j];
      }
      for (size_t j = 0; j <= i; j++, entry++) {
        double both = s * (j < varying->x_dim ? factors.eta : 1) * weight[k];
        for (size_t pair = 0; pair < pairs; pair++)
          at->covariance[entry * pairs + pair] += both * known->covariance[entry * pairs + pair];
      }
    }
  }
}

struct sde_linear_varying varying_direction_moments(const struct varying_direction *varying)
{
  return (struct sde_linear_varying){.dim = varying->dim,
                                     .eta = varying->optimizer.eta,
                                     .context = varying,
                                     .at = direction_at_time};
}
