/*
 * Multiplicative noise: phi_k = s x_k^2 / 2, so that V = diag(s^2 x_k^2) grows with the parameters,
 * and where a constant part is asked for as many linear potentials beside them. See noise.h.
 */
#include "models/noise.h"
#include "sde/block.h"

struct multiplicative {
  double sigma, additive;
};

static bool create(struct noise *noise, const struct parameters *parameters, const double *start,
                   struct sde_status *status)
{
  (void)start, (void)status;
  struct multiplicative *data = sde_alloc(1, sizeof *data);
  data->sigma = parameters_real(parameters, "standard_deviation");
  data->additive = parameters_real(parameters, "additive_deviation");
  noise->data = data;
  noise->quadratic = true;
  noise->diagonal = data->additive == 0;
  noise->components = (noise->diagonal ? 1 : 2) * noise->loss->dim;
  return true;
}

static void gradient(const struct noise *noise, size_t width, size_t k, const double *x, double *g)
{
  const struct multiplicative *data = noise->data;
  size_t d = noise->loss->dim, row = k % d * width;
  sde_block_fill(d * width, 0, g);
  if (k < d)
    sde_block_add(width, data->sigma, x + row, g + row);
  else
    sde_block_fill(width, data->additive, g + row);
}

static void hessian_vector(const struct noise *noise, size_t width, size_t k, const double *x,
                           const double *v, double *hv)
{
  (void)x;
  const struct multiplicative *data = noise->data;
  size_t d = noise->loss->dim, row = k % d * width;
  sde_block_fill(d * width, 0, hv);
  if (k < d)
    sde_block_add(width, data->sigma, v + row, hv + row);
}

extern const struct noise_structure noise_multiplicative;
const struct noise_structure noise_multiplicative = {
    .name = "multiplicative",
    .summary = "V = diag(s^2 x_k^2 + additive_deviation^2), which depends on the state",
    .keys = (const char *const[]){"standard_deviation", "additive_deviation", NULL},
    .create = create,
    .gradient = gradient,
    .hessian_vector = hessian_vector};
