/*
 * Noise with a factor J that is given: isotropic, diagonal, dense and low-rank. See noise.h.
 */
#include "models/noise.h"
#include "models/noise_basis.h"

#include <math.h>

static void set_columns(struct noise *noise, size_t columns)
{
  noise->components = columns;
  noise->factor = sde_alloc(noise->loss->dim, columns * sizeof(double));
}

static bool create_isotropic(struct noise *noise, const struct parameters *parameters,
                             const double *start, struct sde_status *status)
{
  (void)start, (void)status;
  size_t d = noise->loss->dim;
  set_columns(noise, d);
  for (size_t i = 0; i < d; i++)
    noise->factor[i * d + i] = parameters_real(parameters, "standard_deviation");
  return true;
}

static bool create_diagonal(struct noise *noise, const struct parameters *parameters,
                            const double *start, struct sde_status *status)
{
  (void)start;
  size_t length, d = noise->loss->dim;
  if (!parameters_has(parameters, "standard_deviations"))
    return sde_fail(status, SDE_INVALID,
                    "%s: diagonal noise needs standard_deviations, a list of %zu numbers",
                    parameters_place(parameters, "structure"), d);
  const double *deviations = parameters_reals(parameters, "standard_deviations", &length);
  if (length != d)
    return sde_fail(status, SDE_INVALID,
                    "%s: standard_deviations has %zu entries; the loss has %zu coordinates",
                    parameters_place(parameters, "standard_deviations"), length, d);
  set_columns(noise, d);
  for (size_t i = 0; i < d; i++)
    noise->factor[i * d + i] = deviations[i];
  return true;
}

static bool check_covariance(const double *v, size_t d, const char *place,
                             struct sde_status *status)
{
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < i; j++)
      if (fabs(v[i * d + j] - v[j * d + i]) > 1e-12 * fmax(fabs(v[i * d + j]), fabs(v[j * d + i])))
        return sde_fail(status, SDE_INVALID,
                        "%s: the covariance is not symmetric: entry (%zu,%zu) is %g and (%zu,%zu) "
                        "is %g; they must be equal",
                        place, j + 1, i + 1, v[j * d + i], i + 1, j + 1, v[i * d + j]);
  return true;
}

/* The semidefinite Cholesky factor of V, row-major lower triangular: a pivot that vanishes to
 * rounding leaves a zero column. False where a pivot is negative beyond rounding. */
static bool semidefinite_cholesky(const double *v, size_t d, double *factor)
{
  const double rounding = 1e-12 * (double)d;
  for (size_t j = 0; j < d; j++) {
    double tolerance = rounding * fabs(v[j * d + j]);
    for (size_t i = j; i < d; i++) {
      double rest = v[i * d + j];
      for (size_t k = 0; k < j; k++)
        rest -= factor[i * d + k] * factor[j * d + k];
      double pivot = i == j ? rest : factor[j * d + j];
      if (i == j && rest < -tolerance)
        return false;
      if (i == j)
        factor[j * d + j] = rest > tolerance ? sqrt(rest) : 0;
      else if (pivot > 0)
        factor[i * d + j] = rest / pivot;
      else if (fabs(rest) > sqrt(tolerance * fabs(v[i * d + i])))
        return false;
    }
  }
  return true;
}

static bool create_dense(struct noise *noise, const struct parameters *parameters,
                         const double *start, struct sde_status *status)
{
  (void)start;
  size_t rows, columns, d = noise->loss->dim;
  if (!parameters_has(parameters, "covariance"))
    return sde_fail(status, SDE_INVALID, "%s: dense noise needs covariance, a %zu x %zu matrix",
                    parameters_place(parameters, "structure"), d, d);
  const double *v = parameters_matrix(parameters, "covariance", &rows, &columns);
  const char *place = parameters_place(parameters, "covariance");
  if (rows != d || columns != d)
    return sde_fail(status, SDE_INVALID,
                    "%s: covariance is %zu x %zu; the loss has %zu coordinates", place, rows,
                    columns, d);
  if (!check_covariance(v, d, place, status))
    return false;
  set_columns(noise, d);
  return semidefinite_cholesky(v, d, noise->factor) ||
         sde_fail(status, SDE_INVALID, "%s: the covariance is not positive semidefinite", place);
}

/* The directions of a list, one after another, each scaled to length 1. */
static bool given_directions(const struct parameters *parameters, size_t d, size_t rank,
                             double *vector, struct sde_status *status)
{
  size_t length;
  const double *given = parameters_reals(parameters, "directions", &length);
  const char *place = parameters_place(parameters, "directions");
  if (length != d * rank)
    return sde_fail(status, SDE_INVALID,
                    "%s: directions has %zu numbers; for %zu standard_deviations and %zu "
                    "coordinates it must have %zu, one direction after another",
                    place, length, rank, d, d * rank);
  for (size_t k = 0; k < rank; k++) {
    double square = 0;
    for (size_t i = 0; i < d; i++)
      square += given[k * d + i] * given[k * d + i];
    if (!(square > 0 && isfinite(square)))
      return sde_fail(status, SDE_INVALID, "%s: direction %zu has no length; it must not be zero",
                      place, k + 1);
    for (size_t i = 0; i < d; i++)
      vector[i * rank + k] = given[k * d + i] / sqrt(square);
  }
  return true;
}

static bool create_low_rank(struct noise *noise, const struct parameters *parameters,
                            const double *start, struct sde_status *status)
{
  (void)start;
  size_t rank, d = noise->loss->dim;
  if (!parameters_has(parameters, "standard_deviations"))
    return sde_fail(status, SDE_INVALID,
                    "%s: low-rank noise needs standard_deviations, one a direction, at most %zu",
                    parameters_place(parameters, "structure"), d);
  const double *deviations = parameters_reals(parameters, "standard_deviations", &rank);
  if (rank == 0 || rank > d)
    return sde_fail(status, SDE_INVALID,
                    "%s: standard_deviations has %zu entries, one a direction; a loss of %zu "
                    "coordinates takes from 1 to %zu",
                    parameters_place(parameters, "standard_deviations"), rank, d, d);
  set_columns(noise, rank);
  if (!parameters_has(parameters, "directions"))
    noise_random_basis(d, rank, parameters_u64(parameters, "direction_seed"), noise->factor);
  else if (!given_directions(parameters, d, rank, noise->factor, status))
    return false;
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < rank; k++)
      noise->factor[i * rank + k] *= deviations[k];
  return true;
}

extern const struct noise_structure noise_isotropic, noise_diagonal, noise_dense, noise_low_rank;

const struct noise_structure noise_isotropic = {
    .name = "isotropic",
    .summary = "V = s^2 times the identity",
    .keys = (const char *const[]){"standard_deviation", NULL},
    .create = create_isotropic};

const struct noise_structure noise_diagonal = {
    .name = "diagonal",
    .summary = "V is diagonal with s_1^2, .., s_d^2",
    .keys = (const char *const[]){"standard_deviations", NULL},
    .create = create_diagonal};

const struct noise_structure noise_dense = {.name = "dense",
                                            .summary = "V is given in full",
                                            .keys = (const char *const[]){"covariance", NULL},
                                            .create = create_dense};

const struct noise_structure noise_low_rank = {
    .name = "low-rank",
    .summary = "V = sum_k s_k^2 e_k e_k' over a few unit vectors e_k, given or random orthonormal",
    .keys = (const char *const[]){"standard_deviations", "directions", "direction_seed", NULL},
    .create = create_low_rank};
