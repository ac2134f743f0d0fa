/*
 * Tests of models/gaussian_norm: one pair, a shared covariance and one a path against closed
 * forms, 40-digit values, the integrals in extended precision, differences and sampling.
 */
#include "models/gaussian_norm.h"

#include "sde/block.h"
#include "sde/random.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <gsl/gsl_math.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <string.h>

enum { DIM_MAX = 100, WIDTH = 2 * SDE_UNIT, RANDOM_PAIRS = 200 };

static const double TOLERANCE = 1e-12;

/* For the forms with a full matrix, turned pairs are rotated and others are left diagonal. */
struct pair {
  size_t dim;
  bool turned;
  double mu[DIM_MAX], lambda[DIM_MAX];
};

struct answer {
  double norm, direction[DIM_MAX];
};

/* What is tested, and what is broken on purpose, are methods. */
typedef struct answer (*method)(const struct pair *pair);

/* ---- The three entry points as methods ---- */

static struct answer one_pair(const struct pair *pair)
{
  struct answer answer;
  answer.norm = gaussian_norm(pair->dim, pair->mu, pair->lambda, answer.direction);
  return answer;
}

/* A random orthogonal matrix q[i*dim + k] by Gram and Schmidt, twice for full precision; or 1. */
static double *rotation_new(const struct pair *pair)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  size_t dim = pair->dim;
  double *q = sde_alloc(dim * dim, sizeof *q);
  for (size_t k = 0; k < dim; k++) {
    for (size_t i = 0; i < dim; i++)
      q[i * dim + k] = pair->turned ? gsl_ran_gaussian(rng, 1) : i == k;
    for (size_t pass = 0; pass < 2; pass++)
      for (size_t j = 0; j <= k; j++) {
        double along = 0;
        for (size_t i = 0; i < dim; i++)
          along += q[i * dim + k] * q[i * dim + j];
        for (size_t i = 0; i < dim; i++)
          q[i * dim + k] =
              j < k ? q[i * dim + k] - along * q[i * dim + j] : q[i * dim + k] / sqrt(along);
      }
  }
  gsl_rng_free(rng);
  return q;
}

/* The covariance q diag(lambda) q^T. */
static double *covariance_new(const struct pair *pair, const double *q)
{
  size_t dim = pair->dim;
  double *covariance = sde_alloc(dim * dim, sizeof *covariance);
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j <= i; j++) {
      long double sum = 0;
      for (size_t k = 0; k < dim; k++)
        sum += (long double)q[i * dim + k] * pair->lambda[k] * q[j * dim + k];
      covariance[i * dim + j] = covariance[j * dim + i] = (double)sum;
    }
  return covariance;
}

/* The pair, rotated, is path PATH of a block; its neighbours are other sizes of it. */
enum { PATH = 37 };

static double size_of_path(size_t p)
{
  return p == PATH ? 1 : pow(10, (double)(p % 13) - 6);
}

static double *block_mu_new(const struct pair *pair, const double *q)
{
  size_t dim = pair->dim;
  double *mu = sde_alloc(dim * WIDTH, sizeof *mu);
  for (size_t i = 0; i < dim; i++) {
    long double sum = 0;
    for (size_t k = 0; k < dim; k++)
      sum += (long double)q[i * dim + k] * pair->mu[k];
    for (size_t p = 0; p < WIDTH; p++)
      mu[i * WIDTH + p] = (double)sum * size_of_path(p);
  }
  return mu;
}

static struct answer rotated_back(const struct pair *pair, const double *q, const double *norm,
                                  const double *direction)
{
  size_t dim = pair->dim;
  struct answer answer = {.norm = norm[PATH]};
  for (size_t k = 0; k < dim; k++) {
    long double sum = 0;
    for (size_t i = 0; i < dim; i++)
      sum += (long double)q[i * dim + k] * direction[i * WIDTH + PATH];
    answer.direction[k] = (double)sum;
  }
  return answer;
}

static struct answer shared(const struct pair *pair)
{
  size_t dim = pair->dim;
  double *q = rotation_new(pair), *covariance = covariance_new(pair, q);
  double *mu = block_mu_new(pair, q), *direction = sde_alloc(dim * WIDTH, sizeof *direction);
  double norm[WIDTH];
  struct gaussian_norm_basis *basis = gaussian_norm_basis_new(dim, covariance);
  struct gaussian_norm_workspace *workspace = gaussian_norm_workspace_new(dim);
  gaussian_norm_shared(basis, workspace, WIDTH, mu, direction, norm);
  struct answer answer = rotated_back(pair, q, norm, direction);
  gaussian_norm_workspace_free(workspace);
  gaussian_norm_basis_free(basis);
  sde_free(q);
  sde_free(covariance);
  sde_free(mu);
  sde_free(direction);
  return answer;
}

/* The lower triangle of a covariance for all paths, each with its own size. */
static double *triangles_new(size_t dim, const double *covariance)
{
  double *block = sde_alloc(dim * (dim + 1) / 2 * WIDTH, sizeof *block);
  for (size_t j = 0; j < dim; j++)
    for (size_t k = 0; k <= j; k++)
      for (size_t p = 0; p < WIDTH; p++)
        block[(j * (j + 1) / 2 + k) * WIDTH + p] =
            covariance[j * dim + k] * gsl_pow_2(size_of_path(p % 7 == 0 ? p : PATH));
  return block;
}

static struct answer each(const struct pair *pair)
{
  size_t dim = pair->dim;
  double *q = rotation_new(pair), *covariance = covariance_new(pair, q);
  double *block = triangles_new(dim, covariance);
  double *mu = block_mu_new(pair, q), *direction = sde_alloc(dim * WIDTH, sizeof *direction);
  double norm[WIDTH];
  struct gaussian_norm_workspace *workspace = gaussian_norm_workspace_new(dim);
  gaussian_norm_each(workspace, WIDTH, block, mu, direction, norm);
  struct answer answer = rotated_back(pair, q, norm, direction);
  gaussian_norm_workspace_free(workspace);
  sde_free(q);
  sde_free(covariance);
  sde_free(block);
  sde_free(mu);
  sde_free(direction);
  return answer;
}

static const method methods[] = {one_pair, shared, each};
enum { METHODS = sizeof methods / sizeof *methods };

/* ---- Errors over a set of pairs ---- */

/* The larger of the norm's relative error and the direction's, against `length`. */
static double error_of(const struct pair *pair, const struct answer *got,
                       const struct answer *reference, double length)
{
  double norm = fabs(got->norm - reference->norm) / reference->norm, square = 0;
  for (size_t k = 0; k < pair->dim; k++)
    square += gsl_pow_2(got->direction[k] - reference->direction[k]);
  double worst = fmax(norm, length > 0 ? sqrt(square) / length : sqrt(square));
  return isnan(norm) || isnan(square) ? INFINITY : worst;
}

static double length_of(size_t dim, const double *vector)
{
  double square = 0;
  for (size_t k = 0; k < dim; k++)
    square += vector[k] * vector[k];
  return sqrt(square);
}

/* ---- The closed form where lambda_k = sigma^2 ---- */

/* 1F1(a; b; -x) for b > a, x >= 0 to about 1e-17. Below 400: Kummer's exp(-x) 1F1(b - a; b; x),
 * whose terms are all positive: no cancellation, some 1000 roundings of extended precision. Above:
 * the expansion for large x, whose terms fall until their index is near x > b, to below exp(-300);
 * what it neglects, the other solution, is of order exp(-x). */
static long double kummer_minus(long double a, long double b, long double x)
{
  long double sum = 0;
  if (x < 400) {
    long double term = 1;
    for (int k = 0; term > 1e-24L * sum; k++) {
      sum += term;
      term *= (b - a + k) * x / ((b + k) * (k + 1));
    }
    return expl(-x) * sum;
  }
  long double term = 1;
  for (int k = 0; fabsl(term) > 1e-24L * fabsl(sum); k++) {
    sum += term;
    term *= (a + k) * (a - b + 1 + k) / ((k + 1) * x);
  }
  return expl(lgammal(b) - lgammal(b - a) - a * logl(x)) * sum;
}

/* Gamma((d + 1)/2) / Gamma(d/2), from d = 1 or 2 up by Gamma(z + 1) = z Gamma(z). */
static long double gamma_ratio(size_t dim)
{
  long double root_pi = sqrtl(acosl(-1)), ratio = dim % 2 == 1 ? 1 / root_pi : root_pi / 2;
  for (size_t d = 2 - dim % 2; d < dim; d += 2)
    ratio *= (long double)(d + 1) / d;
  return ratio;
}

/* E||Z|| = sigma sqrt2 ratio 1F1(-1/2; d/2; -x), x = ||mu||^2 / (2 sigma^2), and its gradient by
 * d/dx 1F1(a; b; -x) = -(a/b) 1F1(a + 1; b + 1; -x). */
static struct answer isotropic(const struct pair *pair)
{
  long double b = pair->dim / 2.0L, sigma = sqrtl(pair->lambda[0]), square = 0;
  for (size_t k = 0; k < pair->dim; k++)
    square += (long double)pair->mu[k] * pair->mu[k];
  long double x = square / (2 * pair->lambda[0]);
  long double factor = sqrtl(2) * gamma_ratio(pair->dim);
  struct answer answer = {.norm = (double)(sigma * factor * kummer_minus(-0.5L, b, x))};
  for (size_t k = 0; k < pair->dim; k++)
    answer.direction[k] =
        (double)(pair->mu[k] / sigma * factor / (2 * b) * kummer_minus(0.5L, b + 1, x));
  return answer;
}

/* 1F1(-1/2; d/2; -x) and 1F1(1/2; d/2 + 1; -x) to 22 digits (mpmath), on both sides of 400. */
static const struct {
  long double d, x, norm, direction;
} kummer_values[] = {
    {1, 0.5L, 1.462155051604782226777L, 0.8556243918921488031733L},
    {2, 30, 6.232110726268504023112L, 0.2042737064939893767227L},
    {10, 399, 9.210384246660315222011L, 0.1141295724144626946229L},
    {100, 399, 3.002585100811069851936L, 0.3346950502537042177321L},
    {10, 401, 9.233181947297549244324L, 0.1138477822533660680901L},
    {100, 401, 3.009271558616816929775L, 0.3339515568349840365568L},
    {1, 5e5L, 1253.314137315500251208L, 0.001253314137315500251208L},
};

START_TEST(reference_is_right_to_1e_16)
{
  for (size_t i = 0; i < sizeof kummer_values / sizeof *kummer_values; i++) {
    long double b = kummer_values[i].d / 2, x = kummer_values[i].x;
    long double norm = kummer_minus(-0.5L, b, x) / kummer_values[i].norm - 1;
    long double direction = kummer_minus(0.5L, b + 1, x) / kummer_values[i].direction - 1;
    ck_assert_msg(fabsl(norm) < 1e-16L && fabsl(direction) < 1e-16L, "%g: off by %Lg, %Lg",
                  (double)x, norm, direction);
  }
}
END_TEST

/* The largest error for each d and mu, over twelve decades of lambda in half decades. */
static double worst_isotropic(method evaluate, size_t dim, bool along_axis)
{
  double worst = 0;
  for (int half_decade = -12; half_decade <= 12; half_decade++) {
    struct pair pair = {.dim = dim, .turned = true};
    for (size_t k = 0; k < dim; k++) {
      pair.lambda[k] = pow(10, half_decade / 2.0);
      pair.mu[k] = along_axis ? (k == 0) : (k % 2 == 0 ? 1 : -0.5) / sqrt((double)dim);
    }
    struct answer got = evaluate(&pair), reference = isotropic(&pair);
    worst = fmax(worst, error_of(&pair, &got, &reference, length_of(dim, reference.direction)));
  }
  return worst;
}

static const size_t dims[] = {1, 2, 10, 100};
enum { DIMS = sizeof dims / sizeof *dims };

START_TEST(isotropic_closed_form)
{
  method evaluate = methods[_i];
  for (size_t i = 0; i < DIMS; i++)
    for (int along_axis = 0; along_axis <= 1; along_axis++) {
      double worst = worst_isotropic(evaluate, dims[i], along_axis);
      ck_assert_msg(worst < TOLERANCE, "d = %zu: off by %g", dims[i], worst);
    }
}
END_TEST

/* E(k) with 1 - k^2 = complement by the arithmetic-geometric mean; GSL's own is off by 2e-12 where
 * the complement is 1e-8. */
static long double elliptic_e(long double complement)
{
  long double a = 1, b = sqrtl(complement), power = 0.5L, sum = power * (1 - complement);
  while (a - b > 1e-12L) {
    long double mean = (a + b) / 2, half = (a - b) / 2;
    b = sqrtl(a * b);
    a = mean;
    power *= 2;
    sum += power * half * half;
  }
  return acosl(-1) / (a + b) * (1 - sum);
}

START_TEST(central_norms_in_one_and_two_dimensions)
{
  method evaluate = methods[_i];
  struct pair line = {.dim = 1, .lambda = {1}}, plane = {.dim = 2, .lambda = {1, 1}};
  ck_assert_double_eq_tol(evaluate(&line).norm, sqrt(2 / M_PI), TOLERANCE);
  ck_assert_double_eq_tol(evaluate(&plane).norm, sqrt(M_PI / 2), TOLERANCE);
  for (int decade = -12; decade <= 0; decade++) {
    plane.lambda[1] = pow(10, decade);
    double elliptic = (double)elliptic_e(plane.lambda[1]);
    struct answer got = evaluate(&plane);
    ck_assert_double_eq_tol(got.norm, sqrt(2 / M_PI) * elliptic, TOLERANCE);
    ck_assert_double_eq(got.direction[0], 0);
    ck_assert_double_eq(got.direction[1], 0);
  }
}
END_TEST

START_TEST(one_dimension_is_the_error_function)
{
  method evaluate = methods[_i];
  for (int decade = -8; decade <= 2; decade++) {
    struct pair pair = {.dim = 1, .mu = {-pow(10, decade)}, .lambda = {2}};
    ck_assert_double_eq_tol(evaluate(&pair).direction[0] / erf(pair.mu[0] / 2), 1, TOLERANCE);
  }
}
END_TEST

/* ---- Unequal lambda ---- */

/* E||Z|| and E[Z/||Z||] from the integrals of theory.md section 4 in 40 digits (mpmath). */
static const struct {
  double mu[3], lambda[3], norm, direction[3];
} values[] = {
    {{0.3, -0.2, 0.001},
     {1, 1e-6, 0},
     0.8780455092567002314,
     {0.22708423008516047255, -0.37044881961647222355, 0.0018522624937954736975}},
    {{2, -1, 0.5},
     {0.5, 2, 1e-3},
     2.6520083249260886141,
     {0.76867866386074627555, -0.32794559880842419799, 0.21194459053451867528}},
    {{1e-3, -2e-3, 1e-5},
     {1e-2, 0, 0},
     0.079874839657517207454,
     {0.0079720682886044532697, -0.074417202334078865338, 0.00037208601167039432669}},
    {{5, 1, -3},
     {1e-9, 1e-4, 30},
     7.5932275291511063222,
     {0.72531074525801077778, 0.14506177772162028228, -0.30838668467099210569}},
};
enum { VALUES = sizeof values / sizeof *values };

static struct pair value_pair(size_t i)
{
  struct pair pair = {.dim = 3, .turned = true};
  memcpy(pair.mu, values[i].mu, sizeof values[i].mu);
  memcpy(pair.lambda, values[i].lambda, sizeof values[i].lambda);
  return pair;
}

static double worst_value(method evaluate)
{
  double worst = 0;
  for (size_t i = 0; i < VALUES; i++) {
    struct pair pair = value_pair(i);
    struct answer got = evaluate(&pair), reference = {.norm = values[i].norm};
    memcpy(reference.direction, values[i].direction, sizeof values[i].direction);
    worst = fmax(worst, error_of(&pair, &got, &reference, 1));
  }
  return worst;
}

START_TEST(forty_digit_values)
{
  double worst = worst_value(methods[_i]);
  ck_assert_msg(worst < TOLERANCE, "off by %g", worst);
}
END_TEST

/* The integrals by the trapezoid rule in t = log s, in extended precision and on a wider range. */
static struct answer integrals(const struct pair *pair, long double step)
{
  long double square = 0, sum = 0, direction[DIM_MAX] = {0}, b[DIM_MAX];
  for (size_t k = 0; k < pair->dim; k++)
    square += pair->lambda[k] + (long double)pair->mu[k] * pair->mu[k];
  for (long n = lrintl(-90 / step); n <= lrintl(90 / step); n++) {
    long double s = expl(n * step) / square, root = expl(n * step / 2), log_m = 0;
    for (size_t k = 0; k < pair->dim; k++) {
      b[k] = 1 / (1 + 2 * s * pair->lambda[k]);
      log_m -= log1pl(2 * s * pair->lambda[k]) / 2 + s * b[k] * pair->mu[k] * pair->mu[k];
    }
    sum -= expm1l(log_m) / root;
    for (size_t k = 0; k < pair->dim; k++)
      direction[k] += root * b[k] * expl(log_m);
  }
  long double factor = step / sqrtl(acosl(-1)), root = sqrtl(square);
  struct answer answer = {.norm = (double)(root * factor / 2 * sum)};
  for (size_t k = 0; k < pair->dim; k++)
    answer.direction[k] = (double)(factor * pair->mu[k] / root * direction[k]);
  return answer;
}

/* A random pair in 1 to 11 dimensions: lambda over `decades` decades with some zeros, mu over half
 * as many below its size, which is 1e-6 to 1e6 times the noise's. */
static struct pair random_pair(gsl_rng *rng, double decades)
{
  struct pair pair = {.dim = 1 + gsl_rng_uniform_int(rng, 11)};
  double size = pow(10, gsl_ran_flat(rng, -6, 6));
  for (size_t k = 0; k < pair.dim; k++) {
    bool noisy = k == 0 || gsl_rng_uniform(rng) < 0.8;
    pair.lambda[k] = noisy ? pow(10, gsl_ran_flat(rng, -decades, 0)) : 0;
    pair.mu[k] = size * gsl_ran_gaussian(rng, 1) * pow(10, gsl_ran_flat(rng, -decades / 2, 0));
  }
  return pair;
}

/* Rounding moves the eigenvalues of a full matrix by 1e-16 of the largest, and a direction by about
 * the root of that where mu is as small: turned pairs are kept away from there. */
static double worst_random(method evaluate, bool turned)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double worst = 0;
  for (int i = 0; i < RANDOM_PAIRS; i++) {
    struct pair pair = random_pair(rng, turned ? 2 : 12);
    pair.turned = turned;
    struct answer got = evaluate(&pair), reference = integrals(&pair, 1 / 8.0L);
    worst = fmax(worst, error_of(&pair, &got, &reference, 1));
  }
  gsl_rng_free(rng);
  return worst;
}

START_TEST(random_pairs_by_the_integrals)
{
  double worst = worst_random(methods[_i], false);
  ck_assert_msg(worst < TOLERANCE, "aligned: off by %g", worst);
  worst = worst_random(methods[_i], true);
  ck_assert_msg(worst < TOLERANCE, "turned: off by %g", worst);
}
END_TEST

/* The slowest integrand there is: beside noise of rank one the direction across it falls off only
 * where s mu^2 > 1. */
START_TEST(small_mean_across_noise_of_rank_one)
{
  for (int decade = -20; decade <= 0; decade++)
    for (int along = 0; along <= 1; along++) {
      struct pair pair = {.dim = 2, .mu = {along, pow(10, decade)}, .lambda = {1, 0}};
      struct answer got = methods[_i](&pair), reference = integrals(&pair, 1 / 8.0L);
      double error = error_of(&pair, &got, &reference, 1);
      ck_assert_msg(error < TOLERANCE, "1e%d: off by %g", decade, error);
    }
}
END_TEST

/* ---- Twins: what the tolerances notice ---- */

static struct answer coarse_step(const struct pair *pair)
{
  return integrals(pair, 0.5L);
}

static struct answer without_last_lambda(const struct pair *pair)
{
  struct pair less = *pair;
  less.lambda[less.dim - 1] = 0;
  return one_pair(&less);
}

static struct answer direction_of_the_mean(const struct pair *pair)
{
  struct answer answer = one_pair(pair);
  double length = length_of(pair->dim, pair->mu);
  for (size_t k = 0; k < pair->dim; k++)
    answer.direction[k] = length > 0 ? pair->mu[k] / length : 0;
  return answer;
}

START_TEST(twins_are_noticed)
{
  static const method twins[] = {coarse_step, without_last_lambda, direction_of_the_mean};
  method twin = twins[_i];
  ck_assert_double_gt(worst_value(twin), 10 * TOLERANCE);
  ck_assert_double_gt(worst_random(twin, false), 10 * TOLERANCE);
  for (size_t i = 0; i < DIMS; i++)
    ck_assert_double_gt(worst_isotropic(twin, dims[i], false), 10 * TOLERANCE);
}
END_TEST

/* ---- The direction is the norm's gradient, and the law's mean ---- */

/* d/dmu_k E||Z|| by differences of sixth order: the step's seventh derivative and the norm's
 * rounding each leave less than 1e-12. */
static double difference(method evaluate, const struct pair *pair, size_t k)
{
  static const double weight[] = {3.0 / 4, -3.0 / 20, 1.0 / 60};
  double step = 4e-3, sum = 0;
  for (int i = 1; i <= 3; i++) {
    struct pair right = *pair, left = *pair;
    right.mu[k] += i * step;
    left.mu[k] -= i * step;
    sum += weight[i - 1] * (evaluate(&right).norm - evaluate(&left).norm);
  }
  return sum / step;
}

START_TEST(direction_is_the_gradient)
{
  method evaluate = methods[_i];
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (int i = 0; i < 20; i++) {
    struct pair pair = {.dim = 1 + (size_t)i % 5, .turned = true};
    for (size_t k = 0; k < pair.dim; k++) {
      pair.lambda[k] = gsl_ran_flat(rng, 0.2, 2);
      pair.mu[k] = gsl_ran_gaussian(rng, 1);
    }
    struct answer got = evaluate(&pair);
    for (size_t k = 0; k < pair.dim; k++)
      ck_assert_double_eq_tol(difference(evaluate, &pair, k), got.direction[k], 1e-11);
  }
  gsl_rng_free(rng);
}
END_TEST

/* Z = mu + A xi with A of these rows; the second is the valley's noise, of rank one. */
static const struct {
  size_t dim, noise_dim;
  double mu[3], a[9];
} laws[] = {
    {3, 3, {0.4, -0.3, 0.2}, {1, 0, 0, -0.7, 0.5, 0, 0.2, 0.4, 0.1}},
    {2, 1, {0.5, -0.1}, {1.2, 0.4}},
    {3, 2, {0, 0, 0}, {1, 0, 1, 1, 0, 3}},
};

enum { NORM = 3, MEANS };

static void sample_law(size_t l, struct sde_moments *means)
{
  size_t dim = laws[l].dim, draws = testing_size(1 << 19);
  bool alive[SDE_UNIT];
  double xi[3 * SDE_UNIT], unit[MEANS][SDE_UNIT];
  memset(alive, true, sizeof alive);
  for (size_t first = 0; first < draws; first += SDE_UNIT) {
    struct sde_address at = {{17, l}, first, 0};
    sde_random_normals(&at, SDE_UNIT, laws[l].noise_dim, xi);
    for (size_t p = 0; p < SDE_UNIT; p++) {
      double z[3];
      for (size_t i = 0; i < dim; i++) {
        z[i] = laws[l].mu[i];
        for (size_t k = 0; k < laws[l].noise_dim; k++)
          z[i] += laws[l].a[i * laws[l].noise_dim + k] * xi[k * SDE_UNIT + p];
      }
      unit[NORM][p] = length_of(dim, z);
      for (size_t i = 0; i < dim; i++)
        unit[i][p] = z[i] / unit[NORM][p];
    }
    for (size_t i = 0; i < MEANS; i++)
      if (i < dim || i == NORM)
        means[i] = sde_moments_merged(means[i], sde_moments_of_unit(unit[i], alive));
  }
}

/* Norm and directions of a law by the shared and the each form, compared with its sample. */
static void compare_law(size_t l, double scale, struct testing_family *family)
{
  size_t dim = laws[l].dim;
  struct sde_moments means[MEANS] = {{0, 0, 0}};
  double covariance[9], block[6 * SDE_UNIT], mu[3 * SDE_UNIT];
  double direction[3 * SDE_UNIT], norm[SDE_UNIT];
  sample_law(l, means);
  for (size_t i = 0; i < dim; i++) {
    sde_block_fill(SDE_UNIT, laws[l].mu[i], mu + i * SDE_UNIT);
    for (size_t j = 0; j < dim; j++) {
      double sum = 0;
      for (size_t k = 0; k < laws[l].noise_dim; k++)
        sum += laws[l].a[i * laws[l].noise_dim + k] * laws[l].a[j * laws[l].noise_dim + k];
      covariance[i * dim + j] = scale * sum;
      if (j <= i)
        sde_block_fill(SDE_UNIT, scale * sum, block + (i * (i + 1) / 2 + j) * SDE_UNIT);
    }
  }
  struct gaussian_norm_basis *basis = gaussian_norm_basis_new(dim, covariance);
  struct gaussian_norm_workspace *workspace = gaussian_norm_workspace_new(dim);
  for (int form = 0; form < 2; form++) {
    if (form == 0)
      gaussian_norm_shared(basis, workspace, SDE_UNIT, mu, direction, norm);
    else
      gaussian_norm_each(workspace, SDE_UNIT, block, mu, direction, norm);
    testing_add_mean(family, means[NORM], norm[5], "norm");
    for (size_t i = 0; i < dim; i++)
      testing_add_mean(family, means[i], direction[i * SDE_UNIT + 5], "direction");
  }
  gaussian_norm_workspace_free(workspace);
  gaussian_norm_basis_free(basis);
}

START_TEST(samples_have_these_means)
{
  struct testing_family family = {0}, twin = {0};
  for (size_t l = 0; l < sizeof laws / sizeof *laws; l++) {
    compare_law(l, 1, &family);
    compare_law(l, 1.05, &twin);
  }
  testing_assert_agrees(&family);
  ck_assert_double_lt(family.worst, 5);
  testing_assert_notices(&twin);
}
END_TEST

/* ---- Properties ---- */

/* Jensen: a mean over s times as many samples has C/s, and a smaller norm, at least ||mu||. */
START_TEST(less_noise_is_a_smaller_norm)
{
  method evaluate = methods[_i];
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (int i = 0; i < 50; i++) {
    struct pair pair = random_pair(rng, 2);
    pair.turned = true;
    double length = length_of(pair.dim, pair.mu), before = INFINITY;
    for (int halvings = 0; halvings < 8; halvings++) {
      double norm = evaluate(&pair).norm;
      ck_assert_double_lt(norm, before * (1 + 1e-14));
      ck_assert_double_ge(norm, length * (1 - 1e-14));
      before = norm;
      for (size_t k = 0; k < pair.dim; k++)
        pair.lambda[k] /= 2;
    }
  }
  gsl_rng_free(rng);
}
END_TEST

START_TEST(no_noise_no_mean_and_neither)
{
  method evaluate = methods[_i];
  struct pair still = {.dim = 3, .mu = {3, 0, -4}}, zero = {.dim = 3}, central = {.dim = 3};
  struct answer got = evaluate(&still);
  ck_assert_double_eq_tol(got.norm, 5, 5 * TOLERANCE);
  for (size_t k = 0; k < 3; k++) {
    ck_assert_double_eq_tol(got.direction[k], still.mu[k] / 5, TOLERANCE);
    central.lambda[k] = 2;
  }
  got = evaluate(&zero);
  ck_assert_double_eq(got.norm, 0);
  for (size_t k = 0; k < 3; k++)
    ck_assert_double_eq(got.direction[k], 0);
  got = evaluate(&central);
  ck_assert_double_eq_tol(got.norm, 4 / sqrt(M_PI), TOLERANCE);
  for (size_t k = 0; k < 3; k++)
    ck_assert_double_eq(got.direction[k], 0);
}
END_TEST

/* ---- Blocks ---- */

/* A block of random paths in DIM dimensions, and all that is asked of it by one form. */
enum { DIM = 4, ENTRIES = DIM * (DIM + 1) / 2, PATHS = 3 * SDE_UNIT };

struct block {
  double mu[DIM * PATHS], covariance[ENTRIES * PATHS], direction[DIM * PATHS], norm[PATHS];
};

static struct block *block_new(unsigned long seed)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, seed);
  struct block *block = sde_alloc(1, sizeof *block);
  for (size_t p = 0; p < PATHS; p++) {
    double size = pow(10, gsl_ran_flat(rng, -6, 6)), a[DIM * DIM];
    for (size_t i = 0; i < DIM * DIM; i++)
      a[i] = gsl_ran_gaussian(rng, 1);
    for (size_t j = 0; j < DIM; j++) {
      block->mu[j * PATHS + p] = size * gsl_ran_gaussian(rng, 1);
      for (size_t k = 0; k <= j; k++)
        for (size_t i = 0; i < DIM; i++)
          block->covariance[(j * (j + 1) / 2 + k) * PATHS + p] += a[j * DIM + i] * a[k * DIM + i];
    }
  }
  gsl_rng_free(rng);
  return block;
}

/* The covariance that is shared is that of the block's path 0. */
static void evaluate_block(struct block *block, bool is_shared, double *direction, double *norm)
{
  struct gaussian_norm_workspace *workspace = gaussian_norm_workspace_new(DIM);
  double covariance[DIM * DIM];
  for (size_t j = 0; j < DIM; j++)
    for (size_t k = 0; k <= j; k++)
      covariance[j * DIM + k] = covariance[k * DIM + j] =
          block->covariance[(j * (j + 1) / 2 + k) * PATHS];
  struct gaussian_norm_basis *basis = gaussian_norm_basis_new(DIM, covariance);
  if (is_shared)
    gaussian_norm_shared(basis, workspace, PATHS, block->mu, direction, norm);
  else
    gaussian_norm_each(workspace, PATHS, block->covariance, block->mu, direction, norm);
  gaussian_norm_basis_free(basis);
  gaussian_norm_workspace_free(workspace);
}

/* Path q of `to` becomes path p of `from`. */
static void copy_path(const struct block *from, size_t p, struct block *to, size_t q)
{
  for (size_t i = 0; i < DIM; i++)
    to->mu[i * PATHS + q] = from->mu[i * PATHS + p];
  for (size_t i = 0; i < ENTRIES; i++)
    to->covariance[i * PATHS + q] = from->covariance[i * PATHS + p];
}

START_TEST(neighbours_change_no_bit)
{
  bool is_shared = _i == 1;
  struct block *block = block_new(1), *other = block_new(2);
  copy_path(block, 0, other, 0);
  evaluate_block(block, is_shared, block->direction, block->norm);
  for (size_t p = 0; p < PATHS; p++) {
    size_t q = 1 + (7 * p + 3) % (PATHS - 1), broken = q == 1 ? 2 : q - 1;
    copy_path(block, p, other, q);
    other->mu[PATHS + broken] = p % 2 == 0 ? NAN : INFINITY;
    evaluate_block(other, is_shared, other->direction, other->norm);
    ck_assert_mem_eq(other->norm + q, block->norm + p, sizeof(double));
    ck_assert(isnan(other->norm[broken]));
    for (size_t i = 0; i < DIM; i++) {
      ck_assert_mem_eq(other->direction + i * PATHS + q, block->direction + i * PATHS + p,
                       sizeof(double));
      ck_assert(isnan(other->direction[i * PATHS + broken]));
    }
    other->mu[PATHS + broken] = 0;
  }
  sde_free(block);
  sde_free(other);
}
END_TEST

START_TEST(broken_covariances_are_nan)
{
  static const double bad[] = {NAN, INFINITY, -INFINITY};
  for (size_t b = 0; b < sizeof bad / sizeof *bad; b++)
    for (size_t e = 0; e < ENTRIES; e++) {
      struct block *block = block_new(3);
      block->covariance[e * PATHS + 8] = bad[b];
      evaluate_block(block, false, block->direction, block->norm);
      for (size_t p = 7; p <= 9; p++)
        for (size_t i = 0; i < DIM; i++) {
          ck_assert_msg(isnan(block->norm[p]) == (p == 8), "entry %zu = %g", e, bad[b]);
          ck_assert(isnan(block->direction[i * PATHS + p]) == (p == 8));
        }
      sde_free(block);
    }
}
END_TEST

START_TEST(results_may_be_left_out_or_replace_mu)
{
  bool is_shared = _i == 1;
  struct block *block = block_new(4);
  double norm[PATHS], direction[DIM * PATHS];
  evaluate_block(block, is_shared, block->direction, block->norm);
  evaluate_block(block, is_shared, NULL, norm);
  ck_assert_mem_eq(norm, block->norm, sizeof norm);
  evaluate_block(block, is_shared, direction, NULL);
  ck_assert_mem_eq(direction, block->direction, sizeof direction);
  evaluate_block(block, is_shared, block->mu, NULL);
  ck_assert_mem_eq(block->mu, direction, sizeof direction);
  double alone = gaussian_norm(1, (double[]){1}, (double[]){1}, NULL), one_direction;
  ck_assert_double_eq(alone, gaussian_norm(1, (double[]){1}, (double[]){1}, &one_direction));
  sde_free(block);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("gaussian_norm");
  TCase *tests = testing_case(suite, "gaussian_norm");
  tcase_add_test(tests, reference_is_right_to_1e_16);
  tcase_add_loop_test(tests, isotropic_closed_form, 0, METHODS);
  tcase_add_loop_test(tests, central_norms_in_one_and_two_dimensions, 0, METHODS);
  tcase_add_loop_test(tests, one_dimension_is_the_error_function, 0, METHODS);
  tcase_add_loop_test(tests, forty_digit_values, 0, METHODS);
  tcase_add_loop_test(tests, random_pairs_by_the_integrals, 0, METHODS);
  tcase_add_loop_test(tests, small_mean_across_noise_of_rank_one, 0, METHODS);
  tcase_add_loop_test(tests, twins_are_noticed, 0, 3);
  tcase_add_loop_test(tests, direction_is_the_gradient, 0, METHODS);
  tcase_add_test(tests, samples_have_these_means);
  tcase_add_loop_test(tests, less_noise_is_a_smaller_norm, 0, METHODS);
  tcase_add_loop_test(tests, no_noise_no_mean_and_neither, 0, METHODS);
  tcase_add_loop_test(tests, neighbours_change_no_bit, 0, 2);
  tcase_add_test(tests, broken_covariances_are_nan);
  tcase_add_loop_test(tests, results_may_be_left_out_or_replace_mu, 0, 2);
  return testing_run(suite);
}
