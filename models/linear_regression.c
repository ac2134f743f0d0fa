/*
 * Linear regression: l(s, y) = 1/2 (s - y)^2 on the rows of a CSV file.
 */
#include "models/generalized_linear.h"
#include "sde/block.h"

#include <math.h>

static const struct parameter_key keys[] = {
    GENERALIZED_LINEAR_KEYS,
    {.name = "standardize_target",
     .type = PARAMETER_BOOL,
     .fallback = "true",
     .help = "shift and scale the target to mean 0 and variance 1"},
    {.name = NULL}};

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

static bool standardize_target(const struct loss *loss, const struct parameters *parameters,
                               struct generalized_linear *model, struct sde_status *status)
{
  double n = (double)loss->samples, mean = 0, variance = 0;
  for (size_t i = 0; i < loss->samples; i++)
    mean += model->y[i] / n;
  for (size_t i = 0; i < loss->samples; i++)
    variance += (model->y[i] - mean) * (model->y[i] - mean) / n;
  if (!(variance > 1e-24 * mean * mean))
    return sde_fail(status, SDE_INVALID,
                    "%s: the target is constant and cannot be standardized; set "
                    "standardize_target: false",
                    parameters_place(parameters, "data"));
  for (size_t i = 0; i < loss->samples; i++)
    model->y[i] = (model->y[i] - mean) / sqrt(variance);
  return true;
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  struct generalized_linear *model = sde_alloc(1, sizeof *model);
  *model = (struct generalized_linear){.link = link, .derivatives = derivatives};
  loss->quadratic = true;
  return generalized_linear_create(loss, parameters, model, status) &&
         (!parameters_bool(parameters, "standardize_target") ||
          standardize_target(loss, parameters, model, status));
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
};
