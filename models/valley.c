/*
 * The valley f_i(u, v) = 1/2 (u v - y_i)^2 with y_i = 1 + sigma eps_i, a two-parameter matrix
 * factorisation: minima fill u v = 1, where tr V = sigma^2 (u^2 + v^2). theory.md section 5.
 */
#include "models/loss.h"
#include "models/scores.h"
#include "sde/block.h"

struct valley {
  double sigma;
  double *y; /* samples numbers */
};

static const struct parameter_key keys[] = {
    {.name = "samples",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e6,
     .fallback = "16",
     .help = "number n of samples; eps_i are n normal scores with mean 0 and variance 1"},
    {.name = "standard_deviation",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e6,
     .fallback = "1",
     .help = "standard deviation sigma of the labels y_i = 1 + sigma eps_i"},
    {.name = NULL}};

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  static const double start[] = {2, 0.5};
  size_t n = (size_t)parameters_u64(parameters, "samples");
  double sigma = parameters_real(parameters, "standard_deviation");
  if (n == 1 && sigma > 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: one sample has no label noise; give at least 2 samples, or "
                    "standard_deviation 0",
                    parameters_place(parameters, "samples"));
  struct valley *valley = sde_alloc(1, sizeof *valley);
  valley->sigma = sigma;
  valley->y = sde_alloc(n, sizeof(double));
  scores_normal(n, sigma, valley->y);
  for (size_t i = 0; i < n; i++)
    valley->y[i] += 1;
  loss->dim = 2;
  loss->samples = n;
  loss->predictions = 1;
  loss->start = start;
  loss->data = valley;
  return true;
}

static void destroy(struct loss *loss)
{
  struct valley *valley = loss->data;
  if (valley == NULL)
    return;
  sde_free(valley->y);
  sde_free(valley);
}

SDE_VECTOR
static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *out)
{
  const struct valley *valley = loss->data;
  const double *restrict u = x, *restrict v = x + width;
  for (size_t p = 0; p < width; p++) {
    double residual = u[p] * v[p] - valley->y[samples.index[p * samples.stride]];
    out[p] = 0.5 * residual * residual;
  }
}

SDE_VECTOR
static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *x, double *g)
{
  const struct valley *valley = loss->data;
  const double *restrict u = x, *restrict v = x + width;
  double *restrict gu = g, *restrict gv = g + width;
  for (size_t p = 0; p < width; p++) {
    double residual = u[p] * v[p] - valley->y[samples.index[p * samples.stride]];
    gu[p] = residual * v[p];
    gv[p] = residual * u[p];
  }
}

SDE_VECTOR
static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *x, const double *direction, double *hv)
{
  const struct valley *valley = loss->data;
  const double *restrict u = x, *restrict v = x + width;
  const double *restrict du = direction, *restrict dv = direction + width;
  double *restrict hu = hv, *restrict hw = hv + width;
  for (size_t p = 0; p < width; p++) {
    double mixed = 2 * u[p] * v[p] - valley->y[samples.index[p * samples.stride]];
    hu[p] = v[p] * v[p] * du[p] + mixed * dv[p];
    hw[p] = mixed * du[p] + u[p] * u[p] * dv[p];
  }
}

/* h = u v for every sample. */
SDE_VECTOR
static void prediction_gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                                const double *x, double *g)
{
  (void)loss, (void)samples;
  for (size_t p = 0; p < width; p++) {
    g[p] = x[width + p];
    g[width + p] = x[p];
  }
}

static void prediction_hessian_vector(const struct loss *loss, size_t width,
                                      struct loss_samples samples, const double *x,
                                      const double *direction, double *hv)
{
  (void)x;
  prediction_gradient(loss, width, samples, direction, hv);
}

static void imbalance(const struct loss *loss, size_t width, const double *x, double *out)
{
  (void)loss;
  for (size_t p = 0; p < width; p++)
    out[p] = x[p] * x[p] - x[width + p] * x[width + p];
}

/* eta sigma^2 c(b) from the noise, and 2 rho sigma^2 c(m) from the variance term. */
static double imbalance_decay(const struct loss *loss, const struct loss_setting *setting)
{
  const struct valley *valley = loss->data;
  return valley->sigma * valley->sigma *
         (setting->eta * setting->batch_factor + 2 * setting->rho * setting->micro_factor);
}

static void product(const struct loss *loss, size_t width, const double *x, double *out)
{
  (void)loss;
  for (size_t p = 0; p < width; p++)
    out[p] = x[p] * x[width + p];
}

static const struct loss_observable observables[] = {
    {"imbalance", "u^2 - v^2, zero at the flattest minimum", imbalance, imbalance_decay},
    {"product", "u v, one at every minimum", product, NULL},
    {.name = NULL}};

extern const struct loss_type loss_valley;
const struct loss_type loss_valley = {
    .name = "valley",
    .summary = "f_i = 1/2 (u v - y_i)^2: a curve of minima, the flattest at u = v",
    .coordinates = "u v",
    .keys = keys,
    .create = create,
    .destroy = destroy,
    .value = value,
    .gradient = gradient,
    .hessian_vector = hessian_vector,
    .observables = observables,
    .prediction_gradient = prediction_gradient,
    .prediction_hessian_vector = prediction_hessian_vector,
};
