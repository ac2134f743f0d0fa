/*
 * Noise with a given spectrum or that of the Hessian: power-law and hessian. J is constant, made
 * where the paths start; noise that follows the Hessian along the path is label noise.
 */
#include "models/noise.h"
#include "models/noise_basis.h"

#include <math.h>
#include <string.h>

/* J = vector diag(sqrt(variance)) */
static void scale_columns(size_t d, const double *variance, double *vector)
{
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < d; k++)
      vector[i * d + k] *= sqrt(variance[k]);
}

/* variance[k - 1] = total k^-exponent / sum_j j^-exponent */
static void power_law(size_t d, double exponent, double total, double *variance)
{
  double sum = 0;
  for (size_t k = d; k-- > 0;) {
    variance[k] = pow((double)(k + 1), -exponent);
    sum += variance[k];
  }
  for (size_t k = 0; k < d; k++)
    variance[k] *= total / sum;
}

static bool create_power_law(struct noise *noise, const struct parameters *parameters,
                             const double *start, struct sde_status *status)
{
  size_t d = noise->loss->dim;
  double *variance = sde_alloc(d, sizeof *variance);
  bool good = true;
  noise->components = d;
  noise->factor = sde_alloc(d, d * sizeof(double));
  if (strcmp(parameters_text(parameters, "basis"), "rotated") == 0)
    noise_random_basis(d, d, parameters_u64(parameters, "direction_seed"), noise->factor);
  else
    good = noise_hessian_basis(noise->loss, start, parameters_place(parameters, "structure"),
                               variance, noise->factor, status);
  if (good) {
    power_law(d, parameters_real(parameters, "exponent"),
              parameters_real(parameters, "total_variance"), variance);
    scale_columns(d, variance, noise->factor);
  }
  sde_free(variance);
  return good;
}

static bool create_hessian(struct noise *noise, const struct parameters *parameters,
                           const double *start, struct sde_status *status)
{
  size_t d = noise->loss->dim;
  const char *place = parameters_place(parameters, "structure");
  double sigma = parameters_real(parameters, "standard_deviation");
  double *variance = sde_alloc(d, sizeof *variance);
  noise->components = d;
  noise->factor = sde_alloc(d, d * sizeof(double));
  bool good = noise_hessian_basis(noise->loss, start, place, variance, noise->factor, status);
  if (good && !(variance[0] > 0))
    good = sde_fail(status, SDE_INVALID,
                    "%s: the Hessian at start has no positive eigenvalue, so that hessian noise "
                    "vanishes; another start is needed",
                    place);
  for (size_t k = 0; k < d; k++)
    variance[k] = sigma * sigma * fmax(variance[k], 0);
  if (good)
    scale_columns(d, variance, noise->factor);
  sde_free(variance);
  return good;
}

extern const struct noise_structure noise_power_law, noise_hessian;

const struct noise_structure noise_power_law = {
    .name = "power-law",
    .summary = "V has eigenvalues proportional to k^-exponent, along the eigenvectors of the "
               "Hessian at start (the largest of both together) or rotated at random",
    .keys = (const char *const[]){"exponent", "total_variance", "basis", "direction_seed", NULL},
    .create = create_power_law};

const struct noise_structure noise_hessian = {
    .name = "hessian",
    .summary = "V = s^2 times the positive part of the Hessian at start, and stays so; noise that "
               "follows the Hessian along the path is label noise",
    .keys = (const char *const[]){"standard_deviation", NULL},
    .create = create_hessian};
