/*
 * Linear regression: l(s, y) = 1/2 (s - y)^2 on the rows of a CSV file.
 */
#include "models/generalized_linear.h"
#include "models/generalized_sums.h"
#include "sde/block.h"

static const struct parameter_key keys[] = {
    GENERALIZED_LINEAR_KEYS, FEATURES_STANDARDIZE_TARGET_KEY, {.name = NULL}};

SDE_VECTOR
static void link(size_t width, const double *restrict s, const double *restrict y,
                 double *restrict value)
{
  for (size_t p = 0; p < width; p++)
    value[p] = 0.5 * (s[p] - y[p]) * (s[p] - y[p]);
}

SDE_VECTOR
static void residuals(size_t width, const double *restrict s, const double *restrict y,
                      double *restrict first)
{
  for (size_t p = 0; p < width; p++)
    first[p] = s[p] - y[p];
}

static void derivatives(size_t width, const double *s, const double *y, double *first,
                        double *second)
{
  if (first != NULL)
    residuals(width, s, y, first);
  for (size_t p = 0; second != NULL && p < width; p++)
    second[p] = 1;
}

/* h_i = a_i . x */
static void prediction_gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                                const double *x, double *g)
{
  (void)x;
  const struct generalized_linear *model = loss->data;
  for (size_t j = 0; j < loss->dim; j++)
    for (size_t p = 0; p < width; p++)
      g[j * width + p] = model->a[samples.index[p * samples.stride] * loss->dim + j];
}

static void prediction_hessian_vector(const struct loss *loss, size_t width,
                                      struct loss_samples samples, const double *x, const double *v,
                                      double *hv)
{
  (void)samples, (void)x, (void)v;
  sde_block_fill(loss->dim * width, 0, hv);
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  struct generalized_linear *model = sde_alloc(1, sizeof *model);
  *model = (struct generalized_linear){.link = link, .derivatives = derivatives};
  loss->quadratic = true;
  if (!generalized_linear_create(loss, parameters, false, model, status))
    return false;
  loss->predictions = loss->samples;
  return !parameters_bool(parameters, "standardize_target") ||
         features_standardize_target(loss->samples, loss->held_out, model->y, parameters, status);
}

extern const struct loss_type loss_linear_regression;
const struct loss_type loss_linear_regression = {
    .name = "linear-regression",
    .summary = "least squares f_i = 1/2 (a_i.x - y_i)^2 + ridge on the rows of a CSV file",
    .keys = keys,
    .create = create,
    .destroy = generalized_linear_destroy,
    .value = generalized_linear_value,
    .gradient = generalized_linear_gradient,
    .hessian_vector = generalized_linear_hessian_vector,
    .mean_gradient = generalized_linear_mean_gradient,
    .mean_hessian_vector = generalized_linear_mean_hessian_vector,
    .prediction_gradient = prediction_gradient,
    .prediction_hessian_vector = prediction_hessian_vector,
};
