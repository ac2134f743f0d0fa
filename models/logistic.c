/*
 * Logistic regression: l(s, y) = log(1 + e^s) - y s with y in {0, 1}, on the rows of a CSV file.
 */
#include "models/generalized_linear.h"
#include "models/generalized_sums.h"
#include "sde/block.h"
#include "sde/vector_math.h"

#include <math.h>

static const struct parameter_key keys[] = {
    GENERALIZED_LINEAR_KEYS, FEATURES_POSITIVE_KEY, {.name = NULL}};

enum { PIECE = 64 };

SDE_VECTOR
static void minus_absolute(size_t width, const double *restrict s, double *restrict out)
{
  for (size_t p = 0; p < width; p++)
    out[p] = -fabs(s[p]);
}

SDE_VECTOR
static void finish_value(size_t width, const double *restrict s, const double *restrict y,
                         double *restrict value)
{
  for (size_t p = 0; p < width; p++)
    value[p] += (s[p] > 0 ? s[p] : 0) - y[p] * s[p];
}

/* log(1 + e^s) = max(s, 0) + log1p(e^-|s|), which never overflows. */
static void link(size_t width, const double *s, const double *y, double *value)
{
  const struct sde_vector_math *math = sde_vector_math();
  minus_absolute(width, s, value);
  math->exp(width, value, value);
  math->log1p(width, value, value);
  finish_value(width, s, y, value);
}

/* With e = e^-|s|: sigma(|s|) = 1 / (1 + e), sigma(-|s|) = e / (1 + e). */
SDE_VECTOR
static void first_derivative(size_t width, const double *restrict s, const double *restrict y,
                             const double *restrict e, double *restrict first)
{
  for (size_t p = 0; p < width; p++)
    first[p] = (s[p] > 0 ? 1 : e[p]) / (1 + e[p]) - y[p];
}

SDE_VECTOR
static void second_derivative(size_t width, const double *restrict e, double *restrict second)
{
  for (size_t p = 0; p < width; p++)
    second[p] = e[p] / ((1 + e[p]) * (1 + e[p]));
}

static void derivatives(size_t width, const double *s, const double *y, double *first,
                        double *second)
{
  double e[PIECE];
  for (size_t start = 0; start < width; start += PIECE) {
    size_t piece = width - start < PIECE ? width - start : PIECE;
    minus_absolute(piece, s + start, e);
    sde_vector_math()->exp(piece, e, e);
    if (first != NULL)
      first_derivative(piece, s + start, y + start, e, first + start);
    if (second != NULL)
      second_derivative(piece, e, second + start);
  }
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  struct generalized_linear *model = sde_alloc(1, sizeof *model);
  *model = (struct generalized_linear){.link = link, .derivatives = derivatives};
  loss->classes = 2;
  return generalized_linear_create(loss, parameters, true, model, status);
}

extern const struct loss_type loss_logistic;
const struct loss_type loss_logistic = {
    .name = "logistic",
    .summary = "logistic regression on the rows of a CSV file, with a ridge term",
    .keys = keys,
    .create = create,
    .destroy = generalized_linear_destroy,
    .value = generalized_linear_value,
    .wrong = generalized_linear_wrong,
    .gradient = generalized_linear_gradient,
    .hessian_vector = generalized_linear_hessian_vector,
    .mean_gradient = generalized_linear_mean_gradient,
    .mean_hessian_vector = generalized_linear_mean_hessian_vector,
};
