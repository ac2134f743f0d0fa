/*
 * Exact mean losses under Euler-Maruyama. See golden_moments.h.
 */
#include "tests/golden_moments.h"

#include "sde/linear.h"
#include "tests/golden.h"

#include <check.h>

/* f = x^T square x + linear^T x, the mean of the golden samples; returns E f. */
static double mean_loss(const double *moments)
{
  double square[4] = {0}, linear[2] = {0};
  for (size_t i = 0; i < GOLDEN_SAMPLES; i++) {
    for (size_t k = 0; k < 4; k++)
      square[k] += golden_samples[i][k] / (2 * GOLDEN_SAMPLES);
    for (size_t k = 0; k < 2; k++)
      linear[k] -= golden_samples[i][4 + k] / GOLDEN_SAMPLES;
  }
  return sde_linear_expectation(2, moments, square, linear, 0);
}

double golden_euler_loss(const struct cases *cases, const struct run_case *one, size_t sde,
                         uint64_t substeps)
{
  struct sde_status status = {SDE_OK, ""};
  const struct limit *limit = one->sde[sde].limit;
  struct sde_linear_direction *direction = limit_direction_new(limit, NULL);
  ck_assert_ptr_nonnull(direction);
  struct sde_linear_map *map =
      sde_linear_euler_new(direction, one->optimizer.eta, limit_options_of(limit)->eta_order,
                           substeps, "golden", &status);
  ck_assert_msg(map != NULL, "%s", status.message);
  double moments[6];
  ck_assert_uint_eq(sde_linear_size(2), sizeof moments / sizeof *moments);
  sde_linear_point(2, cases->start, moments);
  sde_linear_advance(map, one->steps, moments);
  sde_linear_map_free(map);
  limit_direction_free(direction);
  return mean_loss(moments);
}
