/*
 * Generalised linear losses in matrix form, beside sums over the samples one by one, for numbers of
 * samples that fill pieces and that do not, with and without a ridge and an intercept, near the
 * optimum and where the gradient is large beside its noise.
 */
#include "models/factor.h"
#include "models/generalized_sums.h"
#include "sde/block.h"
#include "tests/models_testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 64, MOST = 24 };

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
    {"linear-regression", "ridge=0", 45, 18, 0}, /* more coordinates than are held at a time */
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

/* Mean and covariance of u_i = g_i(x + rho g_i(x)), or g_i + rho H_i g_i. */
static void moments_by_samples(const struct loss *loss, enum generalized_direction_order order,
                               double rho, const double *x, double *mean, double *covariance)
{
  size_t d = loss->dim, size = d * WIDTH;
  double n = (double)loss->samples, g[MOST * WIDTH], point[MOST * WIDTH], u[MOST * WIDTH];
  memset(mean, 0, size * sizeof *mean);
  memset(covariance, 0, d * (d + 1) / 2 * WIDTH * sizeof *covariance);
  for (int pass = 0; pass < 2; pass++)
    for (uint32_t i = 0; i < loss->samples; i++) {
      loss->type->gradient(loss, WIDTH, (struct loss_samples){&i, 0}, x, g);
      if (order == GENERALIZED_DIRECTIONS_EXACT) {
        sde_block_shift(size, x, rho, g, point);
        loss->type->gradient(loss, WIDTH, (struct loss_samples){&i, 0}, point, u);
      } else {
        loss->type->hessian_vector(loss, WIDTH, (struct loss_samples){&i, 0}, x, g, point);
        sde_block_shift(size, g, rho, point, u);
      }
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

/* Sums in another order of deviations from another point, which are of about 1. The twin has
 * another rho. */
START_TEST(moments_are_those_of_the_samples)
{
  struct loss *loss = loss_of(&cases[_i]);
  size_t d = loss->dim, size = d * WIDTH, triangle = d * (d + 1) / 2 * WIDTH;
  double x[MOST * WIDTH], mean[MOST * WIDTH], expected_mean[MOST * WIDTH], rounding[MOST * WIDTH];
  static double covariance[MOST * MOST * WIDTH], expected[MOST * MOST * WIDTH];
  sde_random_normals(&(struct sde_address){{5, 5}, 0, 0}, WIDTH, d, x);
  bool plain = strstr(cases[_i].keys, "ridge=0 ") != NULL || strcmp(cases[_i].keys, "ridge=0") == 0;
  ck_assert(generalized_linear_has_moments(loss, GENERALIZED_DIRECTIONS_EXACT, 0));
  ck_assert(generalized_linear_has_moments(loss, GENERALIZED_DIRECTIONS_EXACT, 0.2) == plain);
  for (double rho = 0; rho < (plain ? 0.3 : 0.1); rho += 0.2) {
    generalized_linear_moments(loss, WIDTH, GENERALIZED_DIRECTIONS_EXACT, rho, x, mean, covariance,
                               rounding);
    moments_by_samples(loss, GENERALIZED_DIRECTIONS_EXACT, rho, x, expected_mean, expected);
    ck_assert_double_lt(relative(size, mean, expected_mean), 1e-13);
    ck_assert_double_lt(relative(triangle, covariance, expected), 1e-13);
    if (rho > 0) {
      moments_by_samples(loss, GENERALIZED_DIRECTIONS_EXACT, 0.9 * rho, x, expected_mean, expected);
      ck_assert_double_gt(relative(size, mean, expected_mean), 1e-5);
      ck_assert_double_gt(relative(triangle, covariance, expected), 1e-5);
    }
    generalized_linear_moments(loss, WIDTH, GENERALIZED_DIRECTIONS_EXACT, rho, x, expected_mean,
                               NULL, NULL);
    ck_assert_mem_eq(mean, expected_mean, size * sizeof *mean);
  }
  loss_free(loss);
}
END_TEST

/* To first order in rho, with a ridge or without. The twin is exact in rho, which is the same for
 * linear regression: there another rho. */
START_TEST(moments_to_first_order_are_those_of_the_samples)
{
  static const double rho = 0.2;
  struct loss *loss = loss_of(&cases[_i]);
  size_t d = loss->dim, size = d * WIDTH, triangle = d * (d + 1) / 2 * WIDTH;
  double x[MOST * WIDTH], mean[MOST * WIDTH], expected_mean[MOST * WIDTH], rounding[MOST * WIDTH];
  static double covariance[MOST * MOST * WIDTH], expected[MOST * MOST * WIDTH];
  sde_random_normals(&(struct sde_address){{5, 5}, 0, 0}, WIDTH, d, x);
  ck_assert(generalized_linear_has_moments(loss, GENERALIZED_DIRECTIONS_FIRST_ORDER, rho));
  generalized_linear_moments(loss, WIDTH, GENERALIZED_DIRECTIONS_FIRST_ORDER, rho, x, mean,
                             covariance, rounding);
  moments_by_samples(loss, GENERALIZED_DIRECTIONS_FIRST_ORDER, rho, x, expected_mean, expected);
  ck_assert_double_lt(relative(size, mean, expected_mean), 1e-13);
  ck_assert_double_lt(relative(triangle, covariance, expected), 1e-13);
  bool logistic = strcmp(cases[_i].loss, "logistic") == 0;
  moments_by_samples(loss,
                     logistic ? GENERALIZED_DIRECTIONS_EXACT : GENERALIZED_DIRECTIONS_FIRST_ORDER,
                     logistic ? rho : 0.9 * rho, x, expected_mean, expected);
  ck_assert_double_gt(relative(size, mean, expected_mean), 1e-4);
  ck_assert_double_gt(relative(triangle, covariance, expected), 1e-4);
  generalized_linear_moments(loss, WIDTH, GENERALIZED_DIRECTIONS_FIRST_ORDER, rho, x, expected_mean,
                             NULL, NULL);
  ck_assert_mem_eq(mean, expected_mean, size * sizeof *mean);
  loss_free(loss);
}
END_TEST

/* 100,000 samples: F of m-usam to order 1 in rho, and its noise for unit increments, which is the
 * covariance's lower factor. Sums of so many numbers round by some 1e-14 of their terms; 1e-10 is
 * asked for. Twins: the variance term is left out, and divided by m = 2. */
START_TEST(order_1_of_many_samples)
{
  static const struct data_case many = {"logistic", "ridge=0.01", 100000, 4, 0};
  struct loss *loss = loss_of(&many);
  struct objective *objective = models_objective(loss, "sampling=with-replacement", NULL);
  struct optimizer optimizer = models_optimizer(objective, "m-usam", 0.1, 4, 1);
  struct limit_options options = {
      .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1, .variance_term = true};
  size_t d = loss->dim;
  double x[MOST], block[MOST * WIDTH], f[MOST], sigma[MOST * MOST];
  double mean[MOST * WIDTH], full[MOST], half[MOST];
  static double covariance[MOST * MOST * WIDTH], expected[MOST * MOST];
  for (size_t j = 0; j < d; j++) {
    x[j] = 0.3 * (double)j - 0.4;
    sde_block_fill(WIDTH, x[j], block + j * WIDTH);
  }
  struct limit *limit = models_limit(&optimizer, options);
  ck_assert_uint_eq(limit_system(limit)->noise_dim, d);
  models_limit_at(limit, optimizer.eta, x, f, sigma);
  limit_free(limit);
  moments_by_samples(loss, GENERALIZED_DIRECTIONS_FIRST_ORDER, optimizer.rho, block, mean,
                     covariance);
  for (size_t j = 0; j < d; j++) {
    full[j] = mean[j * WIDTH];
    for (size_t k = 0; k < d; k++)
      expected[j * d + k] =
          covariance[(j > k ? j * (j + 1) / 2 + k : k * (k + 1) / 2 + j) * WIDTH] / 4;
  }
  ck_assert_double_lt(relative(d, f, full), 1e-10);
  ck_assert_double_lt(relative(d * d, sigma, expected), 1e-10);
  options.variance_term = false;
  models_moments(&optimizer, options, x, f, NULL);
  ck_assert_double_gt(relative(d, f, full), 1e-3);
  for (size_t j = 0; j < d; j++)
    half[j] = (full[j] + f[j]) / 2;
  ck_assert_double_gt(relative(d, half, full), 1e-3);
  objective_free(objective);
  loss_free(loss);
}
END_TEST

/* A block of 32 paths has the bits of the same paths in a block of 64. */
START_TEST(width_does_not_change_bits)
{
  struct loss *loss = loss_of(&cases[_i]);
  size_t d = loss->dim, entries = d * (d + 1) / 2;
  double x[MOST * WIDTH], half[MOST * SDE_UNIT], mean[MOST * WIDTH], half_mean[MOST * SDE_UNIT];
  double rounding[MOST * WIDTH];
  static double covariance[MOST * MOST * WIDTH], half_covariance[MOST * MOST * SDE_UNIT];
  sde_random_normals(&(struct sde_address){{5, 5}, 0, 0}, WIDTH, d, x);
  for (size_t j = 0; j < d; j++)
    memcpy(half + j * SDE_UNIT, x + j * WIDTH + SDE_UNIT, SDE_UNIT * sizeof *x);
  generalized_linear_moments(loss, WIDTH, GENERALIZED_DIRECTIONS_EXACT, 0, x, mean, covariance,
                             rounding);
  generalized_linear_moments(loss, SDE_UNIT, GENERALIZED_DIRECTIONS_EXACT, 0, half, half_mean,
                             half_covariance, rounding);
  for (size_t j = 0; j < d; j++)
    ck_assert_mem_eq(half_mean + j * SDE_UNIT, mean + j * WIDTH + SDE_UNIT,
                     SDE_UNIT * sizeof *mean);
  for (size_t e = 0; e < entries; e++)
    ck_assert_mem_eq(half_covariance + e * SDE_UNIT, covariance + e * WIDTH + SDE_UNIT,
                     SDE_UNIT * sizeof *mean);
  loss_free(loss);
}
END_TEST

static const char WITH[] = "sampling=with-replacement", WITHOUT[] = "sampling=without-replacement";

/* F and Sigma of the limits by a column and a Wiener process a sample, and by Cholesky's factor in
 * matrix form: one law. One case has a semidefinite covariance. */
START_TEST(limits_agree_with_columns)
{
  static const struct {
    const char *optimizer;
    enum limit_rho_order order;
    bool variance_term;
    const char *sampling;
  } limits[] = {
      {"sgd", LIMIT_RHO_ORDER_0, true, WITH},
      {"n-usam", LIMIT_RHO_ORDER_EXACT, true, WITH},
      {"m-usam", LIMIT_RHO_ORDER_EXACT, true, WITH},
      {"m-usam", LIMIT_RHO_ORDER_1, true, WITH},
      {"m-usam", LIMIT_RHO_ORDER_1, false, WITH},
      {"m-usam", LIMIT_RHO_ORDER_EXACT, true, WITHOUT},
      {"m-usam", LIMIT_RHO_ORDER_1, true, WITHOUT},
  };
  struct loss *loss = loss_of(&cases[_i]);
  size_t d = loss->dim;
  double x[MOST], f[2][MOST], sigma[2][MOST * MOST], other[MOST * MOST];
  for (size_t j = 0; j < d; j++)
    x[j] = 0.3 * (double)j - 0.4;
  for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
    struct objective *objective = models_objective(loss, limits[k].sampling, NULL);
    struct optimizer optimizer = models_optimizer(objective, limits[k].optimizer, 0.3, 4, 1);
    for (int cholesky = 0; cholesky < 2; cholesky++) {
      struct limit_options options = {.eta_order = 1,
                                      .rho_order = limits[k].order,
                                      .variance_term = limits[k].variance_term,
                                      .factor =
                                          cholesky ? LIMIT_FACTOR_CHOLESKY : LIMIT_FACTOR_COLUMNS};
      struct limit *limit = models_limit(&optimizer, options);
      ck_assert_uint_eq(limit_system(limit)->noise_dim, cholesky ? d : loss->samples);
      models_limit_at(limit, optimizer.eta, x, f[cholesky], sigma[cholesky]);
      limit_free(limit);
    }
    ck_assert_double_lt(relative(d, f[1], f[0]), 1e-13);
    ck_assert_double_lt(relative(d * d, sigma[1], sigma[0]), 1e-12);
    if (k > 0)
      ck_assert_double_gt(relative(d * d, sigma[1], other), 1e-3); /* without a perturbation */
    else
      memcpy(other, sigma[1], sizeof other);
    objective_free(objective);
  }
  loss_free(loss);
}
END_TEST

/* Linear regression of y = offset + z on features that do not vary: gradients at x in all of them
 * are (s - offset - z_i) a, s = a.x. */
enum { FAR_SAMPLES = 200 };
static const double offsets[] = {1e3, 1e5, 1e7, 1e11};
enum { OFFSETS = sizeof offsets / sizeof *offsets };

static struct loss *far_loss(double offset, const char *names, const char *features)
{
  size_t size = 0;
  char *text = NULL;
  double z[SDE_UNIT];
  FILE *csv = open_memstream(&text, &size);
  fprintf(csv, "%s,y\n", names);
  for (size_t i = 0; i < FAR_SAMPLES; i++) {
    sde_random_normals(&(struct sde_address){{9, 1}, 0, i}, SDE_UNIT, 1, z);
    fprintf(csv, "%s,%.17g\n", features, offset + z[0]);
  }
  fclose(csv);
  char *file = models_file(text);
  char *described = sde_format("linear-regression data=%s target=y standardize=false "
                               "standardize_target=false intercept=false",
                               file);
  struct loss *loss = models_loss(described, NULL);
  sde_free(described);
  models_file_remove(file);
  free(text);
  return loss;
}

/* E u^2 - (E u)^2 of the gradients of one coordinate at x. */
static double variance_of_moments(const struct loss *loss, const double *x)
{
  double g[SDE_UNIT], block[SDE_UNIT], first = 0, second = 0;
  for (size_t p = 0; p < SDE_UNIT; p++)
    block[p] = x[0];
  for (uint32_t i = 0; i < FAR_SAMPLES; i++) {
    loss->type->gradient(loss, SDE_UNIT, (struct loss_samples){&i, 0}, block, g);
    first += g[0] / FAR_SAMPLES;
    second += g[0] * g[0] / FAR_SAMPLES;
  }
  return second - first * first;
}

/* The noise far from the optimum is that of columns a sample: sums of 200 deviations of the same
 * numbers in another order. For m-usam a column's residual at x + rho g is that of the rounded
 * point, two last digits of the offset beside a deviation of about 1 (squared: twice that); 1e-8 at
 * 1e7. So it is for what auto learns of sgd, at other points than x. The twin is the difference
 * of moments, which loses (offset/1)^2 of 1e16. */
START_TEST(noise_is_right_where_the_gradient_is_large)
{
  static const char *const optimizers[] = {"sgd", "m-usam"};
  struct loss *loss = far_loss(offsets[_i], "x1", "1");
  struct objective *objective = models_objective(loss, "sampling=with-replacement", NULL);
  double x = 0.3, f[3], sigma[3], moved = 1e-12 + 4 * DBL_EPSILON * offsets[_i];
  for (size_t k = 0; k < sizeof optimizers / sizeof *optimizers; k++) {
    struct optimizer optimizer = models_optimizer(objective, optimizers[k], 0.1, 4, 1);
    static const enum limit_factor factors[3] = {LIMIT_FACTOR_COLUMNS, LIMIT_FACTOR_CHOLESKY,
                                                 LIMIT_FACTOR_AUTO};
    for (int by = 0; by < 3; by++) {
      struct limit_options options = {.eta_order = 1,
                                      .rho_order = LIMIT_RHO_ORDER_EXACT,
                                      .variance_term = true,
                                      .factor = factors[by]};
      models_moments(&optimizer, options, &x, &f[by], &sigma[by]);
      ck_assert_double_lt(relative(1, &f[by], &f[0]), 1e-15);
      bool here = k == 0 && factors[by] != LIMIT_FACTOR_AUTO;
      ck_assert_double_lt(relative(1, &sigma[by], &sigma[0]), here ? 1e-12 : moved);
    }
    ck_assert(sigma[0] > 0.15 && sigma[0] < 0.4); /* about 1/4, times 1.1^2 */
    if (k == 0 && offsets[_i] >= 1e7) {
      double lost = variance_of_moments(loss, &x) / 4;
      ck_assert_double_gt(relative(1, &lost, &sigma[0]), 1e-4);
    }
  }
  objective_free(objective);
  loss_free(loss);
}
END_TEST

/* Two features (1, -3): L L^T is the covariance v (1, -3)(1, -3)^T, of which every column but the
 * first is zero, though -3 c_i is rounded by itself. The twin's floor is relative to the variance
 * alone, and takes that rounding for noise. */
START_TEST(null_directions_have_no_noise_where_the_gradient_is_large)
{
  struct loss *loss = far_loss(offsets[_i], "x1,x2", "1,-3");
  double x[2 * WIDTH], mean[2 * WIDTH], rounding[2 * WIDTH];
  double covariance[3 * WIDTH], lower[3 * WIDTH], twin[3 * WIDTH];
  size_t kept = 0;
  sde_random_normals(&(struct sde_address){{5, 5}, 0, 0}, WIDTH, 2, x);
  generalized_linear_moments(loss, WIDTH, GENERALIZED_DIRECTIONS_EXACT, 0, x, mean, covariance,
                             rounding);
  memcpy(lower, covariance, sizeof lower);
  memcpy(twin, covariance, sizeof twin);
  factor_cholesky_above(2, WIDTH, rounding, lower);
  factor_cholesky(2, WIDTH, twin);
  for (size_t p = 0; p < WIDTH; p++) {
    const double *l = lower + p, *c = covariance + p;
    double product[3] = {l[0] * l[0], l[0] * l[WIDTH],
                         l[WIDTH] * l[WIDTH] + l[2 * WIDTH] * l[2 * WIDTH]};
    double digit = 3 * DBL_EPSILON * offsets[_i]; /* of an entry whose deviation is about 3 */
    ck_assert(c[0] > 0.7 && c[0] < 1.4);
    for (size_t e = 0; e < 3; e++)
      ck_assert_double_eq_tol(product[e], c[e * WIDTH], 1e-13 * c[2 * WIDTH] + digit * digit);
    ck_assert(l[2 * WIDTH] == 0);
    kept += twin[2 * WIDTH + p] > 0;
  }
  ck_assert(offsets[_i] < 1e11 || kept > 0);
  loss_free(loss);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("generalized sums");
  TCase *tests = testing_case(suite, "sums");
  tcase_add_loop_test(tests, means_are_means_over_samples, 0, CASES);
  tcase_add_loop_test(tests, moments_are_those_of_the_samples, 0, CASES);
  tcase_add_loop_test(tests, moments_to_first_order_are_those_of_the_samples, 0, CASES);
  tcase_add_test(tests, order_1_of_many_samples);
  tcase_add_loop_test(tests, width_does_not_change_bits, 0, CASES);
  tcase_add_loop_test(tests, limits_agree_with_columns, 0, CASES);
  tcase_add_loop_test(tests, noise_is_right_where_the_gradient_is_large, 0, OFFSETS);
  tcase_add_loop_test(tests, null_directions_have_no_noise_where_the_gradient_is_large, 0, OFFSETS);
  return testing_run(suite);
}
