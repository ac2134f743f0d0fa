/*
 * The diagonal linear network f_i(u, v) = 1/2 (<w, a_i> - y_i)^2, w = u*u - v*v by coordinates, on
 * a planted sparse regression: Gaussian a_i and y_i = <w*, a_i> + noise, the first entries of w*
 * being 1, -1, 1, ... With fewer rows than features its minima fill a manifold, and tr H and label
 * noise favour a small sum of a_ij^2 (u_j^2 + v_j^2), which is sparse (J. HaoChen, C. Wei, J. Lee,
 * T. Ma, COLT 2021, "Shape matters").
 */
#include "models/loss.h"
#include "models/planted.h"
#include "sde/block.h"

#include <math.h>

struct diagonal_network {
  size_t features;
  double *a;      /* [sample*features + j] */
  double *y;      /* [sample] */
  double *weight; /* w* */
};

static const struct parameter_key keys[] = {
    {.name = "rows",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e7,
     .fallback = "6",
     .help = "number of vectors a_i of independent standard normals"},
    {.name = "features",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e5,
     .fallback = "10",
     .help = "length of u, v and w = u*u - v*v; the parameters are u, then v"},
    {.name = "nonzeros",
     .type = PARAMETER_COUNT,
     .low = 0,
     .high = 1e5,
     .fallback = "2",
     .help = "how many entries of the planted w*, the first ones, are 1, -1, 1, ...; the rest are "
             "0"},
    PLANTED_KEYS("2", "0.5", "0.5", "every entry of the default start"),
    {.name = NULL}};

static void set_data(struct diagonal_network *network, const struct planted *planted, size_t rows,
                     size_t nonzeros)
{
  size_t features = network->features;
  double *clean = sde_alloc(rows, sizeof *clean);
  network->a = planted_features(planted, rows, features);
  network->y = sde_alloc(rows * planted->labels, sizeof(double));
  network->weight = sde_alloc(features, sizeof(double));
  for (size_t j = 0; j < nonzeros; j++)
    network->weight[j] = j % 2 == 0 ? 1 : -1;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < nonzeros; j++)
      clean[i] += network->weight[j] * network->a[i * planted->labels * features + j];
  planted_labels(planted, rows, clean, network->y);
  sde_free(clean);
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  size_t rows = (size_t)parameters_u64(parameters, "rows");
  size_t features = (size_t)parameters_u64(parameters, "features");
  size_t nonzeros = (size_t)parameters_u64(parameters, "nonzeros");
  struct planted planted;
  if (nonzeros > features)
    return sde_fail(status, SDE_INVALID,
                    "%s: nonzeros %zu is above the %zu features; it can be at most that",
                    parameters_place(parameters, "nonzeros"), nonzeros, features);
  if (!planted_read(&planted, parameters, status) ||
      !planted_fits(&planted, rows, features + 1, parameters_place(parameters, "rows"), status))
    return false;
  struct diagonal_network *network = sde_alloc(1, sizeof *network);
  network->features = features;
  set_data(network, &planted, rows, nonzeros);
  double *start = sde_alloc(2 * features, sizeof *start);
  sde_block_fill(2 * features, planted.initial_scale, start);
  loss->dim = 2 * features;
  loss->samples = rows * planted.labels;
  loss->start = start;
  loss->data = network;
  return true;
}

static void destroy(struct loss *loss)
{
  struct diagonal_network *network = loss->data;
  if (network == NULL)
    return;
  sde_free(network->a);
  sde_free(network->y);
  sde_free(network->weight);
  sde_free(network);
  sde_free((double *)loss->start);
}

/* For a unit of paths that begins at x: residual[p] = <w, a> - y for the sample of each path;
 * stride is a constant where this is inlined. */
static inline void residuals(const struct diagonal_network *network, size_t width,
                             const uint32_t *restrict index, size_t stride,
                             const double *restrict x, double *restrict residual)
{
  size_t features = network->features;
  const double *u = x, *v = x + features * width;
  for (size_t p = 0; p < SDE_UNIT; p++)
    residual[p] = -network->y[index[p * stride]];
  for (size_t j = 0; j < features; j++, u += width, v += width)
    for (size_t p = 0; p < SDE_UNIT; p++)
      residual[p] += network->a[index[p * stride] * features + j] * (u[p] * u[p] - v[p] * v[p]);
}

/* slope[p], the derivative of that residual along the direction d. */
static inline void slopes(const struct diagonal_network *network, size_t width,
                          const uint32_t *restrict index, size_t stride, const double *restrict x,
                          const double *restrict d, double *restrict slope)
{
  size_t features = network->features;
  const double *u = x, *v = x + features * width, *du = d, *dv = d + features * width;
  for (size_t p = 0; p < SDE_UNIT; p++)
    slope[p] = 0;
  for (size_t j = 0; j < features; j++, u += width, v += width, du += width, dv += width)
    for (size_t p = 0; p < SDE_UNIT; p++)
      slope[p] += 2 * network->a[index[p * stride] * features + j] * (u[p] * du[p] - v[p] * dv[p]);
}

/* out = coefficient grad residual, where grad residual = (2 u*a, -2 v*a); with a direction d also
 * + residual (2 d_u*a, -2 d_v*a). */
static inline void combine(const struct diagonal_network *network, size_t width,
                           const uint32_t *restrict index, size_t stride, const double *restrict x,
                           const double *restrict coefficient, const double *restrict d,
                           const double *restrict residual, double *restrict out)
{
  size_t features = network->features, half = features * width;
  for (size_t j = 0; j < features; j++)
    for (size_t p = 0; p < SDE_UNIT; p++) {
      double a = 2 * network->a[index[p * stride] * features + j];
      size_t at = j * width + p;
      double along_u = coefficient[p] * x[at], along_v = coefficient[p] * x[half + at];
      out[at] = a * (d == NULL ? along_u : along_u + residual[p] * d[at]);
      out[half + at] = -a * (d == NULL ? along_v : along_v + residual[p] * d[half + at]);
    }
}

/* f_i to out, its gradient to g, the product of its Hessian with d to hv: what is not NULL. */
static inline void evaluate(const struct diagonal_network *network, size_t width,
                            const uint32_t *samples, size_t stride, const double *x,
                            const double *d, double *out, double *g, double *hv)
{
  double residual[SDE_UNIT], slope[SDE_UNIT];
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    const uint32_t *index = samples + start * stride;
    residuals(network, width, index, stride, x + start, residual);
    for (size_t p = 0; out != NULL && p < SDE_UNIT; p++)
      out[start + p] = 0.5 * residual[p] * residual[p];
    if (g != NULL)
      combine(network, width, index, stride, x + start, residual, NULL, NULL, g + start);
    if (hv != NULL) {
      slopes(network, width, index, stride, x + start, d + start, slope);
      combine(network, width, index, stride, x + start, slope, d + start, residual, hv + start);
    }
  }
}

SDE_VECTOR
static void evaluate_shared(const struct diagonal_network *network, size_t width,
                            const uint32_t *samples, const double *x, const double *d, double *out,
                            double *g, double *hv)
{
  evaluate(network, width, samples, 0, x, d, out, g, hv);
}

SDE_VECTOR
static void evaluate_own(const struct diagonal_network *network, size_t width,
                         const uint32_t *samples, const double *x, const double *d, double *out,
                         double *g, double *hv)
{
  evaluate(network, width, samples, 1, x, d, out, g, hv);
}

static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *out)
{
  (samples.stride == 0 ? evaluate_shared : evaluate_own)(loss->data, width, samples.index, x, NULL,
                                                         out, NULL, NULL);
}

static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *x, double *g)
{
  (samples.stride == 0 ? evaluate_shared : evaluate_own)(loss->data, width, samples.index, x, NULL,
                                                         NULL, g, NULL);
}

static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *x, const double *v, double *hv)
{
  (samples.stride == 0 ? evaluate_shared : evaluate_own)(loss->data, width, samples.index, x, v,
                                                         NULL, NULL, hv);
}

static double weight_of(size_t features, size_t width, const double *x, size_t j, size_t p)
{
  double u = x[j * width + p], v = x[(features + j) * width + p];
  return u * u - v * v;
}

static void weight_error(const struct loss *loss, size_t width, const double *x, double *out)
{
  const struct diagonal_network *network = loss->data;
  for (size_t p = 0; p < width; p++) {
    out[p] = 0;
    for (size_t j = 0; j < network->features; j++) {
      double error = weight_of(network->features, width, x, j, p) - network->weight[j];
      out[p] += error * error;
    }
  }
}

static void weight_l1(const struct loss *loss, size_t width, const double *x, double *out)
{
  const struct diagonal_network *network = loss->data;
  for (size_t p = 0; p < width; p++) {
    out[p] = 0;
    for (size_t j = 0; j < network->features; j++)
      out[p] += fabs(weight_of(network->features, width, x, j, p));
  }
}

static const struct loss_observable observables[] = {
    {"weight-error", "squared distance of w = u*u - v*v to the planted w*", weight_error, NULL},
    {"weight-l1", "sum of |w_j|, smooth where no w_j is zero", weight_l1, NULL},
    {.name = NULL}};

extern const struct loss_type loss_diagonal_network;
const struct loss_type loss_diagonal_network = {
    .name = "diagonal-network",
    .summary = "f_i = 1/2 (<u*u - v*v, a_i> - y_i)^2: a diagonal linear network on a planted "
               "sparse regression",
    .coordinates = "u v",
    .keys = keys,
    .create = create,
    .destroy = destroy,
    .value = value,
    .gradient = gradient,
    .hessian_vector = hessian_vector,
    .observables = observables,
};
