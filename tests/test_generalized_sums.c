/*
 * Generalised linear losses in matrix form, beside sums over the samples one by one, for numbers of
 * samples that fill pieces and that do not, with and without a ridge and an intercept.
 */
#include "models/generalized_sums.h"
#include "sde/block.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 64, MOST = 8 };

struct data_case {
  const char *loss, *keys;
  size_t samples, features;
  double repeat; /* the last feature is this times the first, if not zero */
};

static const struct data_case cases[] = {
    {"logistic", "ridge=0", 77, 5, 0},
    {"logistic", "ridge=0.3", 64, 4, 0},
    {"logistic", "ridge=0 intercept=false", 5, 3, 0},
    {"logistic", "ridge=0", 40, 4, -2},
    {"linear-regression", "ridge=0", 77, 6, 0},
    {"linear-regression", "ridge=0.1 intercept=false", 33, 2, 0},
};
enum { CASES = sizeof cases / sizeof *cases };

static struct loss *loss_of(const struct data_case *c)
{
  size_t size = 0;
  char *text = NULL;
  FILE *csv = open_memstream(&text, &size);
  double z[MOST * SDE_UNIT];
  for (size_t j = 0; j < c->features; j++)
    fprintf(csv, "x%zu,", j + 1);
  fprintf(csv, "y\n");
  for (size_t i = 0; i < c->samples; i++) {
    sde_random_normals(&(struct sde_address){{9, c->samples}, 0, i}, SDE_UNIT, MOST, z);
    for (size_t j = 0; j < c->features; j++)
      fprintf(csv, "%.17g,",
              j + 1 == c->features && c->repeat != 0 ? c->repeat * z[0] : z[j * SDE_UNIT] + 0.3);
    fprintf(csv, "%d\n", i % 3 == 0);
  }
  fclose(csv);
  char *file = models_file(text);
  char *described = sde_format("%s data=%s target=y standardize=false %s", c->loss, file, c->keys);
  struct loss *loss = models_loss(described, NULL);
  sde_free(described);
  models_file_remove(file);
  free(text);
  return loss;
}

/* The largest |a - b| over the largest |b|. */
static double relative(size_t count, const double *a, const double *b)
{
  double apart = 0, size = 0;
  for (size_t i = 0; i < count; i++) {
    apart = fmax(apart, fabs(a[i] - b[i]));
    size = fmax(size, fabs(b[i]));
  }
  return apart / size;
}

/* Sums of at most 77 numbers in another order: some tens of rounding errors. The twin leaves a
 * sample out. */
START_TEST(means_are_means_over_samples)
{
  struct loss *loss = loss_of(&cases[_i]);
  size_t size = loss->dim * WIDTH;
  double x[2 * MOST * WIDTH], g[MOST * WIDTH], hv[MOST * WIDTH], part[MOST * WIDTH];
  double expected_g[MOST * WIDTH] = {0}, expected_hv[MOST * WIDTH] = {0}, without[MOST * WIDTH];
  const double *v = x + size;
  sde_random_normals(&(struct sde_address){{5, 5}, 0, 0}, WIDTH, 2 * loss->dim, x);
  for (uint32_t i = 0; i < loss->samples; i++) {
    memcpy(without, expected_g, size * sizeof *g);
    loss->type->gradient(loss, WIDTH, (struct loss_samples){&i, 0}, x, part);
    sde_block_add(size, 1 / (double)loss->samples, part, expected_g);
    loss->type->hessian_vector(loss, WIDTH, (struct loss_samples){&i, 0}, x, v, part);
    sde_block_add(size, 1 / (double)loss->samples, part, expected_hv);
  }
  loss_mean_gradient(loss, WIDTH, x, g, part);
  loss_mean_hessian_vector(loss, WIDTH, x, v, hv, part);
  ck_assert_double_lt(relative(size, g, expected_g), 1e-13);
  ck_assert_double_lt(relative(size, hv, expected_hv), 1e-13);
  ck_assert_double_gt(relative(size, g, without), 1e-4);
  loss_free(loss);
}
END_TEST

/* Mean and covariance of u_i = g_i(x + rho g_i(x)). */
static void moments_by_samples(const struct loss *loss, double rho, const double *x, double *mean,
                               double *covariance)
{
  size_t d = loss->dim, size = d * WIDTH;
  double n = (double)loss->samples, g[MOST * WIDTH], point[MOST * WIDTH], u[MOST * WIDTH];
  memset(mean, 0, size * sizeof *mean);
  memset(covariance, 0, d * (d + 1) / 2 * WIDTH * sizeof *covariance);
  for (int pass = 0; pass < 2; pass++)
    for (uint32_t i = 0; i < loss->samples; i++) {
      loss->type->gradient(loss, WIDTH, (struct loss_samples){&i, 0}, x, g);
      sde_block_shift(size, x, rho, g, point);
      loss->type->gradient(loss, WIDTH, (struct loss_samples){&i, 0}, point, u);
      if (pass == 0) {
        sde_block_add(size, 1 / n, u, mean);
        continue;
      }
      sde_block_add(size, -1, mean, u);
      for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k <= j; k++)
          for (size_t p = 0; p < WIDTH; p++)
            covariance[(j * (j + 1) / 2 + k) * WIDTH + p] +=
                u[j * WIDTH + p] * u[k * WIDTH + p] / n;
    }
}

/* The covariance is a difference of moments of the size of the data, of about 1. The twin has
 * another rho. */
START_TEST(moments_are_those_of_the_samples)
{
  struct loss *loss = loss_of(&cases[_i]);
  size_t d = loss->dim, size = d * WIDTH, triangle = d * (d + 1) / 2 * WIDTH;
  double x[MOST * WIDTH], mean[MOST * WIDTH], expected_mean[MOST * WIDTH];
  static double covariance[MOST * MOST * WIDTH], expected[MOST * MOST * WIDTH];
  sde_random_normals(&(struct sde_address){{5, 5}, 0, 0}, WIDTH, d, x);
  bool plain = strstr(cases[_i].keys, "ridge=0 ") != NULL || strcmp(cases[_i].keys, "ridge=0") == 0;
  ck_assert(generalized_linear_has_moments(loss, 0));
  ck_assert(generalized_linear_has_moments(loss, 0.2) == plain);
  for (double rho = 0; rho < (plain ? 0.3 : 0.1); rho += 0.2) {
    generalized_linear_moments(loss, WIDTH, rho, x, mean, covariance);
    moments_by_samples(loss, rho, x, expected_mean, expected);
    ck_assert_double_lt(relative(size, mean, expected_mean), 1e-13);
    ck_assert_double_lt(relative(triangle, covariance, expected), 1e-13);
    if (rho > 0) {
      moments_by_samples(loss, 0.9 * rho, x, expected_mean, expected);
      ck_assert_double_gt(relative(size, mean, expected_mean), 1e-5);
      ck_assert_double_gt(relative(triangle, covariance, expected), 1e-5);
    }
    generalized_linear_moments(loss, WIDTH, rho, x, expected_mean, NULL);
    ck_assert_mem_eq(mean, expected_mean, size * sizeof *mean);
  }
  loss_free(loss);
}
END_TEST

/* A block of 32 paths has the bits of the same paths in a block of 64. */
START_TEST(width_does_not_change_bits)
{
  struct loss *loss = loss_of(&cases[_i]);
  size_t d = loss->dim, entries = d * (d + 1) / 2;
  double x[MOST * WIDTH], half[MOST * SDE_UNIT], mean[MOST * WIDTH], half_mean[MOST * SDE_UNIT];
  static double covariance[MOST * MOST * WIDTH], half_covariance[MOST * MOST * SDE_UNIT];
  sde_random_normals(&(struct sde_address){{5, 5}, 0, 0}, WIDTH, d, x);
  for (size_t j = 0; j < d; j++)
    memcpy(half + j * SDE_UNIT, x + j * WIDTH + SDE_UNIT, SDE_UNIT * sizeof *x);
  generalized_linear_moments(loss, WIDTH, 0, x, mean, covariance);
  generalized_linear_moments(loss, SDE_UNIT, 0, half, half_mean, half_covariance);
  for (size_t j = 0; j < d; j++)
    ck_assert_mem_eq(half_mean + j * SDE_UNIT, mean + j * WIDTH + SDE_UNIT,
                     SDE_UNIT * sizeof *mean);
  for (size_t e = 0; e < entries; e++)
    ck_assert_mem_eq(half_covariance + e * SDE_UNIT, covariance + e * WIDTH + SDE_UNIT,
                     SDE_UNIT * sizeof *mean);
  loss_free(loss);
}
END_TEST

/* F and Sigma of the limits by a column and a Wiener process a sample, and by Cholesky's factor in
 * matrix form: one law. One case has a semidefinite covariance. */
START_TEST(limits_agree_with_columns)
{
  static const struct {
    const char *optimizer;
    enum rho_order order;
  } limits[] = {{"sgd", RHO_ORDER_0}, {"n-usam", RHO_ORDER_EXACT}, {"m-usam", RHO_ORDER_EXACT}};
  struct loss *loss = loss_of(&cases[_i]);
  struct objective *objective = models_objective(loss, "sampling=with-replacement", NULL);
  size_t d = loss->dim;
  double x[MOST], f[2][MOST], sigma[2][MOST * MOST], other[MOST * MOST];
  for (size_t j = 0; j < d; j++)
    x[j] = 0.3 * (double)j - 0.4;
  for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
    struct optimizer optimizer = models_optimizer(objective, limits[k].optimizer, 0.3, 4, 1);
    for (int cholesky = 0; cholesky < 2; cholesky++) {
      struct limit_options options = {.eta_order = 1,
                                      .rho_order = limits[k].order,
                                      .variance_term = true,
                                      .factor = cholesky ? FACTOR_CHOLESKY : FACTOR_COLUMNS};
      models_moments(&optimizer, options, x, f[cholesky], sigma[cholesky]);
    }
    ck_assert_double_lt(relative(d, f[1], f[0]), 1e-13);
    ck_assert_double_lt(relative(d * d, sigma[1], sigma[0]), 1e-12);
    if (k > 0)
      ck_assert_double_gt(relative(d * d, sigma[1], other), 1e-3); /* without a perturbation */
    else
      memcpy(other, sigma[1], sizeof other);
  }
  objective_free(objective);
  loss_free(loss);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("generalized sums");
  TCase *tests = testing_case(suite, "sums");
  tcase_add_loop_test(tests, means_are_means_over_samples, 0, CASES);
  tcase_add_loop_test(tests, moments_are_those_of_the_samples, 0, CASES);
  tcase_add_loop_test(tests, width_does_not_change_bits, 0, CASES);
  tcase_add_loop_test(tests, limits_agree_with_columns, 0, CASES);
  return testing_run(suite);
}
