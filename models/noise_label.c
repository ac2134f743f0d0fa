/*
 * Label noise: fresh labels y_i + s xi_i each step under a squared loss of predictions h_i, which
 * is phi_i = -(s / sqrt n) h_i for one sample's V = (s^2/n) sum_i grad h_i grad h_i^T: the Hessian
 * of a fitted loss, along the path. theory.md sections 1 and 5.
 */
#include "models/noise.h"
#include "sde/block.h"

#include <math.h>
#include <string.h>

/* data is the factor -s / sqrt n. */
static double factor_of(const struct noise *noise)
{
  return *(const double *)noise->data;
}

static void gradient(const struct noise *noise, size_t width, size_t k, const double *x, double *g)
{
  const struct loss *loss = noise->loss;
  uint32_t index = (uint32_t)k;
  loss->type->prediction_gradient(loss, width, (struct loss_samples){&index, 0}, x, g);
  sde_block_scale(loss->dim * width, factor_of(noise), g);
}

static void hessian_vector(const struct noise *noise, size_t width, size_t k, const double *x,
                           const double *v, double *hv)
{
  const struct loss *loss = noise->loss;
  uint32_t index = (uint32_t)k;
  loss->type->prediction_hessian_vector(loss, width, (struct loss_samples){&index, 0}, x, v, hv);
  sde_block_scale(loss->dim * width, factor_of(noise), hv);
}

static bool refuse(const struct loss *loss, const char *place, struct sde_status *status)
{
  char *names = sde_strdup("");
  for (const struct loss_type *const *type = loss_types(); *type != NULL; type++)
    if ((*type)->prediction_gradient != NULL) {
      char *longer = sde_format("%s%s%s", names, names[0] == '\0' ? "" : ", ", (*type)->name);
      sde_free(names);
      names = longer;
    }
  sde_fail(status, SDE_INVALID,
           "%s: label noise needs the predictions of a squared loss, which the loss %s does not "
           "give; accepted are the losses %s",
           place, loss->type->name, names);
  sde_free(names);
  return false;
}

/* Predictions of a quadratic loss are linear. */
static void set_factor(struct noise *noise)
{
  size_t d = noise->loss->dim, n = noise->components;
  double *x = sde_alloc(2 * d, SDE_UNIT * sizeof *x), *g = x + d * SDE_UNIT;
  noise->factor = sde_alloc(d, n * sizeof(double));
  for (size_t k = 0; k < n; k++) {
    gradient(noise, SDE_UNIT, k, x, g);
    for (size_t i = 0; i < d; i++)
      noise->factor[i * n + k] = g[i * SDE_UNIT];
  }
  sde_free(x);
}

static bool create(struct noise *noise, const struct parameters *parameters, const double *start,
                   struct sde_status *status)
{
  (void)start;
  const struct loss *loss = noise->loss;
  if (loss->predictions == 0)
    return refuse(loss, parameters_place(parameters, "structure"), status);
  double *factor = sde_alloc(1, sizeof *factor);
  *factor = -parameters_real(parameters, "standard_deviation") / sqrt((double)loss->predictions);
  noise->data = factor;
  noise->components = loss->predictions;
  if (loss->quadratic)
    set_factor(noise);
  return true;
}

extern const struct noise_structure noise_label;
const struct noise_structure noise_label = {
    .name = "label",
    .summary = "fresh labels with standard deviation s each step, for squared losses of labels: "
               "V = s^2/n sum_i grad h_i grad h_i' over the predictions h_i",
    .keys = (const char *const[]){"standard_deviation", NULL},
    .create = create,
    .gradient = gradient,
    .hessian_vector = hessian_vector};
