/*
 * Tests of models/gaussian_direction: the regression of Z/||Z|| on Z against reference values, the
 * integrals of theory.md section 4 in extended precision, and sampling of Z + rho H Z/||Z||.
 */
#include "models/gaussian_direction.h"

#include "models/gaussian_norm.h"
#include "sde/block.h"
#include "sde/random.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <gsl/gsl_math.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIM_MAX = 20, W = SDE_UNIT, RANDOM_LAWS = 60 };

/* Z ~ N(mu, q diag(lambda) q^T), with q a reflection that mixes all coordinates, or 1. */
struct law {
  size_t dim;
  double mu[DIM_MAX], lambda[DIM_MAX], q[DIM_MAX][DIM_MAX];
};

static void turn(struct law *law, bool turned)
{
  double square = 0;
  for (size_t i = 0; i < law->dim; i++)
    square += (1 + 0.3 * (double)i) * (1 + 0.3 * (double)i);
  for (size_t i = 0; i < law->dim; i++)
    for (size_t j = 0; j < law->dim; j++)
      law->q[i][j] =
          (i == j) - (turned ? 2 * (1 + 0.3 * (double)i) * (1 + 0.3 * (double)j) / square : 0);
}

static double covariance_entry(const struct law *law, size_t i, size_t j)
{
  double sum = 0;
  for (size_t k = 0; k < law->dim; k++)
    sum += law->q[i][k] * law->lambda[k] * law->q[j][k];
  return sum;
}

/* E[Z/||Z||], E[Z Z^T/||Z||] and E[Z Z^T/||Z||^2]. */
struct moments {
  double mean[DIM_MAX], over_norm[DIM_MAX][DIM_MAX], over_square[DIM_MAX][DIM_MAX];
};

/* What the regression says: M C, Cov(rest) and E e. */
struct regression {
  double along[DIM_MAX][DIM_MAX], rest[DIM_MAX][DIM_MAX], mean[DIM_MAX];
};

static struct gaussian_norm_basis *basis_new(const struct law *law)
{
  double covariance[DIM_MAX * DIM_MAX] = {0};
  for (size_t i = 0; i < law->dim; i++)
    for (size_t j = 0; j < law->dim; j++)
      covariance[i * law->dim + j] = covariance_entry(law, i, j);
  return gaussian_norm_basis_new(law->dim, covariance);
}

/* Path j is asked about column j of C, and then about the unit vector j for the rest. */
static struct regression regression_of(const struct law *law)
{
  size_t d = law->dim;
  struct regression got;
  double mu[DIM_MAX * W], v[DIM_MAX * W] = {0}, dw[DIM_MAX * W] = {0}, none[DIM_MAX * W] = {0};
  double out[DIM_MAX * W];
  struct gaussian_norm_basis *basis = basis_new(law);
  struct gaussian_direction_workspace *w = gaussian_direction_workspace_new(d);
  struct gaussian_norm_workspace *norm = gaussian_norm_workspace_new(d);
  for (size_t i = 0; i < d; i++) {
    sde_block_fill(W, law->mu[i], mu + i * W);
    for (size_t j = 0; j < d; j++) {
      v[i * W + j] = covariance_entry(law, i, j);
      dw[i * W + j] = i == j;
    }
  }
  gaussian_direction_shared(basis, w, W, &(struct gaussian_direction_query){mu, v, none, 1}, out);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      got.along[i][j] = out[i * W + j];
  gaussian_direction_shared(basis, w, W, &(struct gaussian_direction_query){mu, none, dw, 1}, out);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++) {
      got.rest[i][j] = 0;
      for (size_t k = 0; k < d; k++)
        got.rest[i][j] += out[i * W + k] * out[j * W + k];
    }
  gaussian_norm_shared(basis, norm, W, mu, out, NULL);
  for (size_t i = 0; i < d; i++)
    got.mean[i] = out[i * W];
  gaussian_norm_workspace_free(norm);
  gaussian_direction_workspace_free(w);
  gaussian_norm_basis_free(basis);
  return got;
}

/* Stein: E[Z e^T] = C M + mu E[e]^T; and E[e e^T] = Cov(rest) + M C M + E e E e^T, where M C M =
 * (M C) C^-1 (M C)^T is formed in the eigenbasis. */
static struct moments moments_of(const struct law *law)
{
  size_t d = law->dim;
  struct regression got = regression_of(law);
  struct moments moments;
  for (size_t i = 0; i < d; i++) {
    moments.mean[i] = got.mean[i];
    for (size_t j = 0; j < d; j++) {
      double explained = 0;
      for (size_t k = 0; k < d; k++) {
        double left = 0, right = 0;
        for (size_t l = 0; l < d; l++) {
          left += got.along[i][l] * law->q[l][k];
          right += got.along[j][l] * law->q[l][k];
        }
        explained += law->lambda[k] > 0 ? left * right / law->lambda[k] : 0;
      }
      moments.over_norm[i][j] = got.along[j][i] + law->mu[i] * got.mean[j];
      moments.over_square[i][j] = got.rest[i][j] + explained + got.mean[i] * got.mean[j];
    }
  }
  return moments;
}

/* theory.md section 4 as it stands, by the trapezoid rule in log s, in the eigenbasis of C. */
static struct moments integrals(const struct law *law)
{
  size_t d = law->dim;
  long double m[DIM_MAX], square = 0;
  static long double mean[DIM_MAX], first[DIM_MAX][DIM_MAX], second[DIM_MAX][DIM_MAX];
  memset(mean, 0, sizeof mean);
  memset(first, 0, sizeof first);
  memset(second, 0, sizeof second);
  for (size_t k = 0; k < d; k++) {
    m[k] = 0;
    for (size_t i = 0; i < d; i++)
      m[k] += (long double)law->q[i][k] * law->mu[i];
    square += law->lambda[k] + m[k] * m[k];
  }
  for (int n = -600; n <= 600; n++) {
    long double s = expl(n * 0.125L) / square, log_m = 0, y[DIM_MAX];
    for (size_t k = 0; k < d; k++) {
      long double x = 2 * s * law->lambda[k];
      log_m -= log1pl(x) / 2 + s * m[k] * m[k] / (1 + x);
      y[k] = m[k] / (1 + x);
    }
    long double ds = 0.125L * s * expl(log_m), root = ds / sqrtl(s * acosl(-1));
    for (size_t k = 0; k < d; k++) {
      mean[k] += root * y[k];
      for (size_t l = 0; l < d; l++) {
        long double b = y[k] * y[l] + (k == l ? law->lambda[k] / (1 + 2 * s * law->lambda[k]) : 0);
        first[k][l] += root * b;
        second[k][l] += ds * b;
      }
    }
  }
  struct moments out = {0};
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < d; k++) {
      out.mean[i] += (double)(law->q[i][k] * mean[k]);
      for (size_t j = 0; j < d; j++)
        for (size_t l = 0; l < d; l++) {
          out.over_norm[i][j] += law->q[i][k] * (double)first[k][l] * law->q[j][l];
          out.over_square[i][j] += law->q[i][k] * (double)second[k][l] * law->q[j][l];
        }
    }
  return out;
}

/* The largest difference, E[Z Z^T/||Z||] on the scale of the size of Z. */
static double worst_difference(const struct law *law, const struct moments *a,
                               const struct moments *b)
{
  double square = 0, worst = 0;
  for (size_t k = 0; k < law->dim; k++)
    square += law->lambda[k] + law->mu[k] * law->mu[k];
  for (size_t i = 0; i < law->dim; i++)
    for (size_t j = 0; j < law->dim; j++) {
      worst = fmax(worst, fabs(a->over_norm[i][j] - b->over_norm[i][j]) / sqrt(square));
      worst = fmax(worst, fabs(a->over_square[i][j] - b->over_square[i][j]));
    }
  return worst;
}

/* ---- Values ---- */

static const struct law reference = {
    3, {0.3, -0.2, 0.1}, {0.04, 0.01, 0.09}, {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
static const double first_row_mean[] = {0.576743342890, -0.435606826083, 0.169537807869};
static const double first_row_over_norm[] = {0.227756031916, -0.110237542162, 0.045410948818};
static const double first_row_over_square[] = {0.442286542421, -0.223721209401, 0.074816030001};

static double worst_reference(const struct law *law)
{
  struct moments got = moments_of(law);
  double worst = 0;
  for (size_t j = 0; j < 3; j++) {
    worst = fmax(worst, fabs(got.mean[j] - first_row_mean[j]));
    worst = fmax(worst, fabs(got.over_norm[0][j] - first_row_over_norm[j]));
    worst = fmax(worst, fabs(got.over_square[0][j] - first_row_over_square[j]));
  }
  return worst;
}

START_TEST(twelve_digits_of_theory)
{
  ck_assert_double_le(worst_reference(&reference), 0.6e-12);
  struct law twin = reference;
  twin.lambda[1] *= 1 + 1e-9;
  ck_assert_double_gt(worst_reference(&twin), 1e-11);
}
END_TEST

/* In one dimension e is a sign: E e = erf(mu/(2 lambda)^(1/2)), E e^2 = 1, M = 2 density of 0. */
START_TEST(one_dimension_is_a_sign)
{
  static const double ratios[] = {0, 1e-3, 0.3, 1, 3, 5};
  for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
    struct law law = {1, {0.7 * ratios[i]}, {0.49}, {{1}}};
    double mean = erf(ratios[i] / M_SQRT2);
    double slope = 2 / (0.7 * sqrt(2 * M_PI)) * exp(-ratios[i] * ratios[i] / 2);
    struct regression got = regression_of(&law);
    ck_assert_double_eq_tol(got.along[0][0], slope * 0.49, 1e-13);
    ck_assert_double_eq_tol(got.rest[0][0], 1 - mean * mean - slope * slope * 0.49, 2e-13);
  }
}
END_TEST

/* Around 0, isotropic: e is uniform on the sphere and independent of ||Z||, so that M is
 * E||Z||/(d lambda) and Cov(rest) is 1/d - (E||Z||)^2/(d^2 lambda), times the identity. */
START_TEST(no_mean_is_a_random_unit_vector)
{
  for (size_t d = 1; d <= DIM_MAX; d++) {
    struct law law = {.dim = d};
    double zero[DIM_MAX] = {0}, n = (double)d;
    sde_block_fill(d, 0.3, law.lambda);
    turn(&law, false);
    double norm = gaussian_norm(d, zero, law.lambda, NULL);
    struct regression got = regression_of(&law);
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++) {
        double rest = 1 / n - norm * norm / (n * n * 0.3);
        ck_assert_double_eq_tol(got.along[i][j], i == j ? norm / n : 0, 1e-13);
        ck_assert_double_eq_tol(got.rest[i][j], i == j ? rest : 0, 2e-13);
      }
  }
}
END_TEST

/* Random laws, of every rank, with noise from a hundredth to a hundred times the mean. */
static struct law random_law(gsl_rng *rng)
{
  struct law law = {.dim = 1 + gsl_rng_uniform_int(rng, 12)};
  double ratio = pow(10, gsl_ran_flat(rng, -2, 2));
  size_t rank = 1 + gsl_rng_uniform_int(rng, law.dim);
  for (size_t k = 0; k < law.dim; k++) {
    law.mu[k] = gsl_ran_gaussian(rng, 1);
    law.lambda[k] = k < rank ? pow(ratio * pow(10, gsl_ran_flat(rng, -1, 0)), 2) : 0;
  }
  turn(&law, true);
  return law;
}

START_TEST(random_laws_by_the_integrals)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (size_t i = 0; i < RANDOM_LAWS; i++) {
    struct law law = random_law(rng);
    struct moments got = moments_of(&law), exact = integrals(&law);
    double trace = 0;
    for (size_t k = 0; k < law.dim; k++)
      trace += exact.over_square[k][k];
    ck_assert_double_eq_tol(trace, 1, 1e-14);
    ck_assert_double_lt(worst_difference(&law, &got, &exact), 1e-12 * (double)law.dim);
  }
  gsl_rng_free(rng);
}
END_TEST

/* ---- Samples ---- */

/* H of the directions that are sampled: symmetric, neither definite nor diagonal. */
static double hessian(size_t i, size_t j)
{
  return i == j ? 1 + 0.5 * (double)i : 0.4 / (1 + (double)(i + j)) - 0.3;
}

static const double RHO = 0.5;

/* Z + rho H Z/||Z|| less its mean, for a unit of draws: u[i*W + p]. */
static void sample_directions(const struct law *law, const double *centre, uint64_t first,
                              double *u)
{
  size_t d = law->dim;
  double xi[DIM_MAX * W], z[DIM_MAX];
  struct sde_address at = {{19, d}, first, 0};
  sde_random_normals(&at, W, d, xi);
  for (size_t p = 0; p < W; p++) {
    double square = 0;
    for (size_t i = 0; i < d; i++) {
      z[i] = law->mu[i];
      for (size_t k = 0; k < d; k++)
        z[i] += law->q[i][k] * sqrt(law->lambda[k]) * xi[k * W + p];
      square += z[i] * z[i];
    }
    for (size_t i = 0; i < d; i++) {
      u[i * W + p] = z[i] - centre[i];
      for (size_t j = 0; j < d; j++)
        u[i * W + p] += RHO * hessian(i, j) * z[j] / sqrt(square);
    }
  }
}

/* Cov(Z + rho H e) = (1 + rho H M) C (1 + rho M H) + rho^2 H Cov(rest) H, whose middle part is
 * C + rho (H M C + (H M C)^T) + rho^2 H M C M H; `parts`: as written, without the rest, or C alone. */
static double closed_form(const struct law *law, const struct regression *got,
                          const struct moments *moments, size_t i, size_t j, int parts)
{
  size_t d = law->dim;
  double sum = covariance_entry(law, i, j);
  for (size_t k = 0; parts > 0 && k < d; k++) {
    sum += RHO * (hessian(i, k) * got->along[k][j] + hessian(j, k) * got->along[k][i]);
    for (size_t l = 0; l < d; l++) {
      double spread = moments->over_square[k][l] - got->mean[k] * got->mean[l];
      sum += RHO * RHO * hessian(i, k) * hessian(j, l) *
             (parts == 2 ? spread : spread - got->rest[k][l]);
    }
  }
  return sum;
}

static struct law sampled_law(size_t dim)
{
  struct law law = {.dim = dim};
  for (size_t k = 0; k < dim; k++) {
    law.mu[k] = 0.3 / (1 + (double)k) * (k % 2 == 0 ? 1 : -1);
    law.lambda[k] = 0.2 / (1 + 0.5 * (double)k);
  }
  turn(&law, true);
  return law;
}

static const size_t sampled_dims[] = {1, 3, 20};

START_TEST(samples_have_this_covariance)
{
  struct law law = sampled_law(sampled_dims[_i]);
  size_t d = law.dim, draws = testing_size(1 << 19);
  struct regression got = regression_of(&law);
  struct moments moments = moments_of(&law);
  struct testing_family family[3] = {{0}};
  struct sde_moments(*products)[DIM_MAX] = calloc(DIM_MAX, sizeof *products);
  double centre[DIM_MAX], u[DIM_MAX * W], product[W];
  bool alive[W];
  memset(alive, true, sizeof alive);
  for (size_t i = 0; i < d; i++) {
    centre[i] = law.mu[i];
    for (size_t j = 0; j < d; j++)
      centre[i] += RHO * hessian(i, j) * got.mean[j];
  }
  for (size_t first = 0; first < draws; first += W) {
    sample_directions(&law, centre, first, u);
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j <= i; j++) {
        for (size_t p = 0; p < W; p++)
          product[p] = u[i * W + p] * u[j * W + p];
        products[i][j] = sde_moments_merged(products[i][j], sde_moments_of_unit(product, alive));
      }
  }
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j <= i; j++)
      for (int parts = 0; parts < 3; parts++)
        testing_add_mean(&family[parts], products[i][j],
                         closed_form(&law, &got, &moments, i, j, parts), "Cov u");
  free(products);
  testing_assert_agrees(&family[2]);
  ck_assert_double_lt(family[2].worst, 5);
  testing_assert_notices(&family[1]);
  testing_assert_notices(&family[0]);
}
END_TEST

/* ---- Properties ---- */

START_TEST(nothing_and_no_noise)
{
  struct law law = {.dim = 3};
  turn(&law, true);
  for (int mean = 0; mean < 2; mean++) {
    law.mu[1] = mean;
    struct regression got = regression_of(&law);
    for (size_t i = 0; i < 3; i++)
      for (size_t j = 0; j < 3; j++) {
        ck_assert_double_eq(got.along[i][j], 0);
        ck_assert_double_eq(got.rest[i][j], 0);
      }
  }
}
END_TEST

/* A path that is not finite is NaN, and its neighbours keep their bits. */
START_TEST(neighbours_change_no_bit)
{
  struct law law = sampled_law(4);
  struct gaussian_norm_basis *basis = basis_new(&law);
  struct gaussian_direction_workspace *w = gaussian_direction_workspace_new(4);
  double mu[8 * W], v[8 * W], dw[8 * W], before[8 * W], after[8 * W];
  struct sde_address at = {{23, 1}, 0, 0};
  sde_random_normals(&at, 2 * W, 4, mu);
  at.step = 1;
  sde_random_normals(&at, 2 * W, 4, v);
  at.step = 2;
  sde_random_normals(&at, 2 * W, 4, dw);
  struct gaussian_direction_query query = {mu, v, dw, 0.7};
  gaussian_direction_shared(basis, w, 2 * W, &query, before);
  mu[3] = NAN;
  mu[W + 1] = 1e3;
  gaussian_direction_shared(basis, w, 2 * W, &query, after);
  for (size_t i = 0; i < 4; i++)
    for (size_t p = 0; p < 2 * W; p++) {
      if (p == 3)
        ck_assert(isnan(after[i * 2 * W + p]));
      else if (p != W + 1)
        ck_assert(memcmp(&before[i * 2 * W + p], &after[i * 2 * W + p], sizeof(double)) == 0);
    }
  gaussian_direction_workspace_free(w);
  gaussian_norm_basis_free(basis);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("gaussian_direction");
  TCase *tests = testing_case(suite, "gaussian_direction");
  tcase_add_test(tests, twelve_digits_of_theory);
  tcase_add_test(tests, one_dimension_is_a_sign);
  tcase_add_test(tests, no_mean_is_a_random_unit_vector);
  tcase_add_test(tests, random_laws_by_the_integrals);
  tcase_add_loop_test(tests, samples_have_this_covariance, 0, 3);
  tcase_add_test(tests, nothing_and_no_noise);
  tcase_add_test(tests, neighbours_change_no_bit);
  return testing_run(suite);
}
