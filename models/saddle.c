/*
 * The saddle f(u, v) = 1/2 (a u^2 - b v^2) + 1/4 c v^4: the saddle stands at the origin, and two
 * minima at u = 0, v = +-sqrt(b/c), where f = -b^2/(4c) and f_vv = 2 b. Sample i adds
 * sigma (eps_i u + eps'_i v) + 1/2 tau eps''_i v^2, so that V = diag(sigma^2, sigma^2 + tau^2 v^2).
 */
#include "models/loss.h"
#include "models/scores.h"
#include "sde/block.h"

struct saddle {
  double a, b, c;
  double *slope_u;   /* sigma eps_i, and behind them ... */
  double *slope_v;   /* ... sigma eps'_i ... */
  double *curvature; /* ... and tau eps''_i */
};

static const struct parameter_key keys[] = {
    {.name = "stable_curvature",
     .type = PARAMETER_REAL,
     .low = 0,
     .low_open = true,
     .high = 1e6,
     .fallback = "1",
     .help = "a of f = (a u^2 - b v^2) / 2 + c v^4 / 4"},
    {.name = "unstable_curvature",
     .type = PARAMETER_REAL,
     .low = 0,
     .low_open = true,
     .high = 1e6,
     .fallback = "1",
     .help = "b; the minima are at u = 0, v = +-sqrt(b/c)"},
    {.name = "quartic",
     .type = PARAMETER_REAL,
     .low = 0,
     .low_open = true,
     .high = 1e6,
     .fallback = "1",
     .help = "c"},
    {.name = "samples",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e6,
     .fallback = "16",
     .help = "number n of samples; their three noises are uncorrelated, of mean 0 and variance 1"},
    {.name = "standard_deviation",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e6,
     .fallback = "1",
     .help = "sigma: sample i adds sigma (eps_i u + eps'_i v)"},
    {.name = "curvature_deviation",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .help = "tau: sample i adds tau eps''_i v^2 / 2, and V = diag(sigma^2, sigma^2 + tau^2 v^2)"},
    {.name = NULL}};

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  static const double start[] = {1, 0.1};
  size_t n = (size_t)parameters_u64(parameters, "samples");
  double sigma = parameters_real(parameters, "standard_deviation");
  double tau = parameters_real(parameters, "curvature_deviation");
  if (n < 4 && (sigma > 0 || tau > 0))
    return sde_fail(status, SDE_INVALID,
                    "%s: %zu samples cannot carry three uncorrelated noises; give at least 4, or "
                    "standard_deviation 0 and curvature_deviation 0",
                    parameters_place(parameters, "samples"), n);
  struct saddle *saddle = sde_alloc(1, sizeof *saddle);
  saddle->a = parameters_real(parameters, "stable_curvature");
  saddle->b = parameters_real(parameters, "unstable_curvature");
  saddle->c = parameters_real(parameters, "quartic");
  saddle->slope_u = sde_alloc(3 * n, sizeof *saddle->slope_u);
  saddle->slope_v = saddle->slope_u + n;
  saddle->curvature = saddle->slope_v + n;
  scores_uncorrelated(n, 3, (const double[]){sigma, sigma, tau}, saddle->slope_u);
  loss->dim = 2;
  loss->samples = n;
  loss->start = start;
  loss->data = saddle;
  return true;
}

static void destroy(struct loss *loss)
{
  struct saddle *saddle = loss->data;
  if (saddle == NULL)
    return;
  sde_free(saddle->slope_u);
  sde_free(saddle);
}

SDE_VECTOR
static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *restrict out)
{
  const struct saddle *saddle = loss->data;
  const double *restrict u = x, *restrict v = x + width;
  double a = saddle->a, b = saddle->b, c = saddle->c;
  for (size_t p = 0; p < width; p++) {
    uint32_t i = samples.index[p * samples.stride];
    double square = v[p] * v[p];
    out[p] = 0.5 * (a * u[p] * u[p] + (saddle->curvature[i] - b + 0.5 * c * square) * square) +
             saddle->slope_u[i] * u[p] + saddle->slope_v[i] * v[p];
  }
}

SDE_VECTOR
static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *x, double *g)
{
  const struct saddle *saddle = loss->data;
  const double *restrict u = x, *restrict v = x + width;
  double *restrict gu = g, *restrict gv = g + width;
  double a = saddle->a, b = saddle->b, c = saddle->c;
  for (size_t p = 0; p < width; p++) {
    uint32_t i = samples.index[p * samples.stride];
    gu[p] = a * u[p] + saddle->slope_u[i];
    gv[p] = (saddle->curvature[i] - b + c * v[p] * v[p]) * v[p] + saddle->slope_v[i];
  }
}

SDE_VECTOR
static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *x, const double *direction, double *hv)
{
  const struct saddle *saddle = loss->data;
  const double *restrict v = x + width;
  const double *restrict du = direction, *restrict dv = direction + width;
  double *restrict hu = hv, *restrict hw = hv + width;
  double a = saddle->a, b = saddle->b, c = saddle->c;
  for (size_t p = 0; p < width; p++) {
    uint32_t i = samples.index[p * samples.stride];
    hu[p] = a * du[p];
    hw[p] = (saddle->curvature[i] - b + 3 * c * v[p] * v[p]) * dv[p];
  }
}

static void unstable_squared(const struct loss *loss, size_t width, const double *x, double *out)
{
  (void)loss;
  for (size_t p = 0; p < width; p++)
    out[p] = x[width + p] * x[width + p];
}

static const struct loss_observable observables[] = {
    {"unstable-squared", "v^2, zero at the saddle and b/c at the minima", unstable_squared, NULL},
    {.name = NULL}};

extern const struct loss_type loss_saddle;
const struct loss_type loss_saddle = {
    .name = "saddle",
    .summary = "f = (a u^2 - b v^2) / 2 + c v^4 / 4: a saddle between two minima",
    .coordinates = "u v",
    .keys = keys,
    .create = create,
    .destroy = destroy,
    .value = value,
    .gradient = gradient,
    .hessian_vector = hessian_vector,
    .observables = observables,
};
