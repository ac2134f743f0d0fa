/*
 * Tests of sde/exponential_euler: the matrices of its step, found by probing it, against exact
 * moments (closed forms in extended precision, sde/linear, the Lyapunov equation), against their
 * own composition over the Brownian path, and its refusals.
 */
#include "sde/block.h"
#include "sde/linear.h"
#include "sde/process.h"
#include "sde/scheme.h"
#include "sde/status.h"
#include "sde/wiener.h"
#include "tests/testing.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sf_bessel.h>
#include <math.h>
#include <string.h>

/* Exact answers must not round themselves. */
typedef long double real;

/* The error that is asked for, relative, of means and covariances. */
static const double asked = 1e-10;

enum { DIM_MAX = 8, SQUARE = DIM_MAX * DIM_MAX };

/* ---- A step's matrices ---- */

/* x' = decay x + mean + dw dW + integral I + rest zeta over dt; all matrices of DIM_MAX columns. */
struct map {
  size_t dim, noise_dim;
  real dt, mean[DIM_MAX], decay[SQUARE], dw[SQUARE], integral[SQUARE], rest[SQUARE];
};

static const struct sde_scheme *scheme(void)
{
  return sde_scheme_named("exponential-euler");
}

/* Path 0 starts from zero without noise, path 1 + j has a unit in input j; one so large that the
 * mean is not seen beside it, and a power of two. */
static struct map map_of(const struct sde_system *system, double dt)
{
  enum { WIDTH = 64 };
  const double far = 0x1p60;
  size_t dim = system->dim, noise_dim = system->noise_dim;
  struct sde_status status = {0};
  void *plan = scheme()->plan_new(system, dt, &status);
  ck_assert_msg(plan != NULL, "%s", status.message);
  ck_assert_uint_eq(scheme()->normals(system), dim);
  double *scratch = sde_alloc(sde_scheme_scratch(scheme(), system, WIDTH), sizeof *scratch);
  double *input = sde_alloc(4 * DIM_MAX * WIDTH, sizeof *input);
  size_t offset[] = {0, dim, dim + noise_dim, dim + 2 * noise_dim, 2 * dim + 2 * noise_dim};
  for (size_t j = 0; j < offset[4]; j++)
    input[j * WIDTH + 1 + j] = far;
  struct sde_step step = {.system = system,
                          .plan = plan,
                          .scratch = scratch,
                          .dt = dt,
                          .width = WIDTH,
                          .increments = {.dw = input + offset[1] * WIDTH,
                                         .time_integral = input + offset[2] * WIDTH,
                                         .normal = input + offset[3] * WIDTH}};
  scheme()->step(&step, input);
  struct map map = {dim, noise_dim, dt, {0}, {0}, {0}, {0}, {0}};
  real *matrices[] = {map.decay, map.dw, map.integral, map.rest};
  for (size_t i = 0; i < dim; i++) {
    map.mean[i] = input[i * WIDTH];
    for (size_t k = 0; k < 4; k++)
      for (size_t j = offset[k]; j < offset[k + 1]; j++)
        matrices[k][i * DIM_MAX + j - offset[k]] =
            ((real)input[i * WIDTH + 1 + j] - input[i * WIDTH]) / far;
  }
  scheme()->plan_free(plan);
  sde_free(scratch);
  sde_free(input);
  return map;
}

/* out += factor a b^T, of columns `inner`. */
static void add_transposed(size_t dim, size_t inner, real factor, const real *a, const real *b,
                           real *out)
{
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j < dim; j++)
      for (size_t k = 0; k < inner; k++)
        out[i * DIM_MAX + j] += factor * a[i * DIM_MAX + k] * b[j * DIM_MAX + k];
}

/* out += a b */
static void add_product(size_t dim, size_t columns, const real *a, const real *b, real *out)
{
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j < columns; j++)
      for (size_t k = 0; k < dim; k++)
        out[i * DIM_MAX + j] += a[i * DIM_MAX + k] * b[k * DIM_MAX + j];
}

/* The covariance of a step's noise; over a step dt, Var dW = dt, Cov(dW, I) = dt^2/2, Var I =
 * dt^3/3. */
static void noise_covariance(const struct map *map, real *out)
{
  size_t dim = map->dim, noise = map->noise_dim;
  real h = map->dt;
  memset(out, 0, SQUARE * sizeof *out);
  add_transposed(dim, noise, h, map->dw, map->dw, out);
  add_transposed(dim, noise, h * h / 2, map->dw, map->integral, out);
  add_transposed(dim, noise, h * h / 2, map->integral, map->dw, out);
  add_transposed(dim, noise, h * h * h / 3, map->integral, map->integral, out);
  add_transposed(dim, dim, 1, map->rest, map->rest, out);
}

/* What a law is: mean and covariance. */
struct law {
  real mean[DIM_MAX], covariance[SQUARE];
};

static void advance(const struct map *map, const real *noise, struct law *law)
{
  real mean[DIM_MAX], half[SQUARE] = {0}, covariance[SQUARE];
  for (size_t i = 0; i < map->dim; i++) {
    mean[i] = map->mean[i];
    for (size_t j = 0; j < map->dim; j++)
      mean[i] += map->decay[i * DIM_MAX + j] * law->mean[j];
  }
  memcpy(covariance, noise, sizeof covariance);
  add_product(map->dim, map->dim, map->decay, law->covariance, half);
  add_transposed(map->dim, map->dim, 1, half, map->decay, covariance);
  memcpy(law->mean, mean, sizeof mean);
  memcpy(law->covariance, covariance, sizeof covariance);
}

/* The largest error: of a mean relative to its size, of a covariance to the standard deviations. */
static real error_of(size_t dim, const struct law *law, const struct law *exact)
{
  real worst = 0;
  for (size_t i = 0; i < dim; i++) {
    worst = fmaxl(worst, fabsl(law->mean[i] / exact->mean[i] - 1));
    for (size_t j = 0; j < dim; j++) {
      real scale = sqrtl(exact->covariance[i * DIM_MAX + i] * exact->covariance[j * DIM_MAX + j]);
      real error = law->covariance[i * DIM_MAX + j] - exact->covariance[i * DIM_MAX + j];
      worst = fmaxl(worst, fabsl(error) / scale);
    }
  }
  return worst;
}

/* ---- Quadratics of condition number 1e6 ---- */

/* A = Q diag Q^T with the Walsh-Hadamard matrix for Q: for whole eigenvalues no entry is rounded,
 * which in itself would move the smallest eigenvalue by 1e-10 of it. */
struct quadratic {
  double scale; /* of the eigenvalues */
  size_t noise_dim;
  real noise[SQUARE]; /* S S^T in the eigenbasis */
  double a[SQUARE], centre[DIM_MAX], s[SQUARE];
};

static const double eigenvalue[DIM_MAX] = {1, 7, 52, 373, 2683, 19307, 138950, 1e6};
static const double start[DIM_MAX] = {3, -1, 2, 5, -4, 1, 0, 2};
static const double centre[DIM_MAX] = {3, 1, -4, 1, 5, -9, 2, 6};

/* sqrt(DIM_MAX) times entry i, k of Q. */
static double sign(size_t i, size_t k)
{
  size_t bits = i & k;
  return ((bits ^ bits >> 1 ^ bits >> 2) & 1) == 0 ? 1 : -1;
}

static void to_eigenbasis(const real *x, real *y)
{
  for (size_t k = 0; k < DIM_MAX; k++) {
    y[k] = 0;
    for (size_t i = 0; i < DIM_MAX; i++)
      y[k] += sign(i, k) * x[i] / sqrtl(DIM_MAX);
  }
}

/* Q^T M Q */
static void matrix_to_eigenbasis(const real *m, real *out)
{
  real half[SQUARE], column[DIM_MAX];
  for (size_t i = 0; i < DIM_MAX; i++)
    to_eigenbasis(m + i * DIM_MAX, half + i * DIM_MAX);
  for (size_t k = 0; k < DIM_MAX; k++) {
    for (size_t i = 0; i < DIM_MAX; i++)
      column[i] = half[i * DIM_MAX + k];
    real image[DIM_MAX];
    to_eigenbasis(column, image);
    for (size_t i = 0; i < DIM_MAX; i++)
      out[i * DIM_MAX + k] = image[i];
  }
}

/* Noise of each kind: isotropic; as the Hessian (label noise); three random columns. */
enum noise_kind { ISOTROPIC, HESSIAN, COLUMNS, NOISE_KINDS };

static struct quadratic quadratic_of(double scale, enum noise_kind kind)
{
  struct quadratic q = {.scale = scale, .noise_dim = kind == COLUMNS ? 3 : DIM_MAX};
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  for (size_t i = 0; i < DIM_MAX; i++) {
    q.centre[i] = centre[i];
    for (size_t j = 0; j < DIM_MAX; j++)
      for (size_t k = 0; k < DIM_MAX; k++)
        q.a[i * DIM_MAX + j] += sign(i, k) * sign(j, k) * scale * eigenvalue[k] / DIM_MAX;
    for (size_t k = 0; k < q.noise_dim; k++) {
      double *s = &q.s[i * q.noise_dim + k];
      *s = kind == ISOTROPIC ? (i == k ? 0.3 : 0)
           : kind == HESSIAN ? sign(i, k) * sqrt(scale * eigenvalue[k] / DIM_MAX)
                             : gsl_ran_ugaussian(rng);
    }
  }
  gsl_rng_free(rng);
  real product[SQUARE] = {0};
  for (size_t i = 0; i < DIM_MAX; i++)
    for (size_t j = 0; j < DIM_MAX; j++)
      for (size_t k = 0; k < q.noise_dim; k++)
        product[i * DIM_MAX + j] += (real)q.s[i * q.noise_dim + k] * q.s[j * q.noise_dim + k];
  matrix_to_eigenbasis(product, q.noise);
  return q;
}

static struct sde_system *system_of(const struct quadratic *q)
{
  return sde_linear_system_new(DIM_MAX, q->noise_dim, q->a, q->centre, q->s);
}

/* In the eigenbasis, from the start: each component by itself an Ornstein-Uhlenbeck process. */
static struct law exact_law(const struct quadratic *q, real time)
{
  struct law law;
  real from[DIM_MAX], to[DIM_MAX], x[DIM_MAX], c[DIM_MAX];
  for (size_t i = 0; i < DIM_MAX; i++) {
    x[i] = start[i];
    c[i] = q->centre[i];
  }
  to_eigenbasis(x, from);
  to_eigenbasis(c, to);
  for (size_t i = 0; i < DIM_MAX; i++) {
    real rate = (real)q->scale * eigenvalue[i];
    law.mean[i] = to[i] + expl(-rate * time) * (from[i] - to[i]);
    for (size_t j = 0; j < DIM_MAX; j++) {
      real both = rate + (real)q->scale * eigenvalue[j];
      law.covariance[i * DIM_MAX + j] = q->noise[i * DIM_MAX + j] * -expm1l(-both * time) / both;
    }
  }
  return law;
}

static struct law in_eigenbasis(const struct law *law)
{
  struct law out;
  to_eigenbasis(law->mean, out.mean);
  matrix_to_eigenbasis(law->covariance, out.covariance);
  return out;
}

static struct law law_of_start(void)
{
  struct law law = {{0}, {0}};
  for (size_t i = 0; i < DIM_MAX; i++)
    law.mean[i] = start[i];
  return law;
}

/* The worst error of the steps' law over `steps` steps of eta, looked at after 1, 2, 4, .. */
static real worst_error(const struct quadratic *q, const struct map *map, uint64_t steps)
{
  struct law law = law_of_start();
  real noise[SQUARE], worst = 0;
  noise_covariance(map, noise);
  for (uint64_t step = 1, look = 1; step <= steps; step++) {
    advance(map, noise, &law);
    if (step < look && step < steps)
      continue;
    look = 2 * step;
    struct law exact = exact_law(q, (real)step * map->dt), here = in_eigenbasis(&law);
    worst = fmaxl(worst, error_of(DIM_MAX, &here, &exact));
  }
  return worst;
}

/* Learning rates from norm(A) eta = 0.01 to 1e8 or, for the smaller scale, 1e-5 to 1e5. */
static const double rates[] = {1e-8, 1e-6, 1e-4, 0.01, 0.1, 1, 100};
enum { RATES = sizeof rates / sizeof *rates, SCALES = 2, QUADRATICS = SCALES * NOISE_KINDS };
static const double scales[SCALES] = {1, 0x1p-10};

static struct quadratic quadratic_number(int i)
{
  return quadratic_of(scales[i / NOISE_KINDS], (enum noise_kind)(i % NOISE_KINDS));
}

/* Each component in the eigenbasis by its own size, though variances differ by 1e6. */
START_TEST(stiff_quadratics_have_exact_moments)
{
  struct quadratic q = quadratic_number(_i);
  struct sde_system *system = system_of(&q);
  for (size_t r = 0; r < RATES; r++) {
    struct map map = map_of(system, rates[r]);
    real worst = worst_error(&q, &map, 3000);
    ck_assert_msg(worst < asked, "eta %g: error %Lg", rates[r], worst);
  }
  sde_linear_system_free(system);
}
END_TEST

/* The stationary covariance solves A V + V A^T = S S^T, whose solution in the eigenbasis is the
 * closed form at infinity. 120 doublings make 1e36 steps. Where less than 1e-5 of the slowest
 * component decays in a step, the rounding of what remains of it is more than 1e-11 of that. */
START_TEST(stiff_quadratics_have_the_stationary_law_of_lyapunov)
{
  struct quadratic q = quadratic_number(_i);
  struct sde_system *system = system_of(&q);
  for (size_t r = 0; r < RATES; r++) {
    if (q.scale * rates[r] < 0.9e-5)
      continue;
    struct map map = map_of(system, rates[r]);
    struct law law = {{0}, {0}};
    noise_covariance(&map, law.covariance);
    memcpy(law.mean, map.mean, sizeof law.mean);
    for (size_t doubling = 0; doubling < 120; doubling++) {
      real square[SQUARE] = {0};
      memcpy(map.mean, law.mean, sizeof law.mean);
      struct law noise = law;
      advance(&map, noise.covariance, &law);
      add_product(DIM_MAX, DIM_MAX, map.decay, map.decay, square);
      memcpy(map.decay, square, sizeof square);
    }
    struct law exact = exact_law(&q, INFINITY), here = in_eigenbasis(&law);
    real worst = error_of(DIM_MAX, &here, &exact);
    ck_assert_msg(worst < asked, "eta %g: error %Lg", rates[r], worst);
  }
  sde_linear_system_free(system);
}
END_TEST

/* ---- The moments of sde/linear ---- */

/* The largest difference of means and second moments after some steps from x, relative to the
 * largest of each. The drift is -a (x - c), the noise s. */
static double linear_mismatch(size_t dim, size_t noise_dim, const double *a, const double *c,
                              const double *s, double eta, uint64_t steps, const double *x)
{
  size_t pairs = sde_linear_size(dim), row = dim * (dim + 1) / 2;
  double *covariance = sde_alloc(row, pairs * sizeof *covariance), constant[DIM_MAX] = {0};
  for (size_t i = 0, entry = 0; i < dim; i++) {
    for (size_t j = 0; j < dim; j++)
      constant[i] -= a[i * dim + j] * c[j];
    for (size_t k = 0; k <= i; k++, entry++)
      for (size_t j = 0; j < noise_dim; j++)
        covariance[entry * pairs + pairs - 1] += s[i * noise_dim + j] * s[k * noise_dim + j] / eta;
  }
  struct sde_status status = {0};
  struct sde_linear_map *exact = sde_linear_sde_new(
      &(struct sde_linear_direction){dim, a, constant, covariance}, eta, 1, "test", &status);
  ck_assert_msg(exact != NULL, "%s", status.message);
  double *moments = sde_alloc(pairs, sizeof *moments);
  sde_linear_point(dim, x, moments);
  sde_linear_advance(exact, steps, moments);
  struct sde_system *system = sde_linear_system_new(dim, noise_dim, a, c, s);
  struct map map = map_of(system, eta);
  struct law law = {{0}, {0}};
  real noise[SQUARE], error[2] = {0}, size[2] = {0};
  noise_covariance(&map, noise);
  for (size_t i = 0; i < dim; i++)
    law.mean[i] = x[i];
  for (uint64_t step = 0; step < steps; step++)
    advance(&map, noise, &law);
  for (size_t i = 0; i < dim; i++) {
    error[0] = fmaxl(error[0], fabsl(law.mean[i] - moments[row + i]));
    size[0] = fmaxl(size[0], fabsl(law.mean[i]));
    for (size_t k = 0; k <= i; k++) {
      real second = law.covariance[i * DIM_MAX + k] + law.mean[i] * law.mean[k];
      error[1] = fmaxl(error[1], fabsl(second - moments[i * (i + 1) / 2 + k]));
      size[1] = fmaxl(size[1], fabsl(second));
    }
  }
  sde_linear_system_free(system);
  sde_linear_map_free(exact);
  sde_free(covariance);
  sde_free(moments);
  return (double)fmaxl(error[0] / size[0], error[1] / size[1]);
}

/* sde/linear itself is exact to the rounding of its double map times the condition number. */
START_TEST(stiff_quadratics_have_the_moments_of_sde_linear)
{
  struct quadratic q = quadratic_number(_i);
  for (size_t r = 0; r < RATES; r++) {
    double mismatch =
        linear_mismatch(DIM_MAX, q.noise_dim, q.a, q.centre, q.s, rates[r], 3000, start);
    ck_assert_msg(mismatch < asked, "eta %g: mismatch %g", rates[r], mismatch);
  }
}
END_TEST

/* A is not symmetric: a random block whose symmetric part is positive, and, for a singular one, a
 * last component that integrates the others. */
static void random_equation(size_t dim, size_t noise_dim, double scale, bool singular, double *a,
                            double *c, double *s)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double root[SQUARE], skew[SQUARE];
  for (size_t k = 0; k < dim * dim; k++) {
    root[k] = gsl_ran_ugaussian(rng);
    skew[k] = gsl_ran_ugaussian(rng);
  }
  for (size_t i = 0; i < dim; i++) {
    c[i] = gsl_ran_ugaussian(rng);
    for (size_t j = 0; j < dim; j++) {
      a[i * dim + j] = scale * (skew[i * dim + j] - skew[j * dim + i] + (i == j ? 0.01 : 0));
      for (size_t k = 0; k < dim; k++)
        a[i * dim + j] += scale * root[i * dim + k] * root[j * dim + k];
      if (singular && j == dim - 1)
        a[i * dim + j] = 0;
    }
    for (size_t k = 0; k < noise_dim; k++)
      s[i * noise_dim + k] = gsl_ran_ugaussian(rng);
  }
  gsl_rng_free(rng);
}

enum { RANDOM_DIM = 5 };

/* Here both are exact to rounding, 1e-15 times the steps. */
START_TEST(random_equations_have_the_moments_of_sde_linear)
{
  const double x[RANDOM_DIM] = {1, -2, 0.5, 3, -1};
  double a[SQUARE], c[DIM_MAX], s[SQUARE];
  for (double scale = 1e-6; scale < 50; scale *= 10) {
    random_equation(RANDOM_DIM, 3, scale, _i == 1, a, c, s);
    ck_assert_double_lt(linear_mismatch(RANDOM_DIM, 3, a, c, s, 0.1, 100, x), 1e-12);
    random_equation(RANDOM_DIM, 8, scale, _i == 1, a, c, s);
    ck_assert_double_lt(linear_mismatch(RANDOM_DIM, 8, a, c, s, 0.1, 100, x), 1e-12);
  }
}
END_TEST

/* ---- Twins: what must not pass ---- */

enum flaw { NO_NORMALS, NO_TIME_INTEGRALS, EULER, FLAWS };

/* At norm(A) eta = 1 each part matters; that Euler-Maruyama is stable there. */
START_TEST(exactness_needs_every_part)
{
  struct quadratic q = quadratic_of(1, ISOTROPIC);
  struct sde_system *system = system_of(&q);
  struct map map = map_of(system, 1e-6);
  sde_linear_system_free(system);
  ck_assert(worst_error(&q, &map, 100) < asked);
  if (_i == NO_NORMALS)
    memset(map.rest, 0, sizeof map.rest);
  if (_i == NO_TIME_INTEGRALS)
    memset(map.integral, 0, sizeof map.integral);
  for (size_t i = 0; _i == EULER && i < DIM_MAX; i++)
    for (size_t j = 0; j < DIM_MAX; j++)
      map.decay[i * DIM_MAX + j] = (i == j) - 1e-6L * q.a[i * DIM_MAX + j];
  ck_assert(worst_error(&q, &map, 100) > 1e4 * asked);
}
END_TEST

/* ---- One dimension ---- */

static struct map scalar_map(double a, double c, double s, double dt)
{
  struct sde_system *system = sde_linear_system_new(1, 1, &a, &c, &s);
  struct map map = map_of(system, dt);
  sde_linear_system_free(system);
  return map;
}

/* (1 - e^(-z)) / z and (1 - (1 + z) e^(-z)) / z^2, which is 1/2 - z/3 + z^2/8 - .. */
static real phi(real z)
{
  return -expm1l(-z) / z;
}

static real psi(real z)
{
  real sum = 0, power = 1;
  for (int k = 0; k < 30 && fabsl(z) < 0.1L; k++, power *= -z / k)
    sum += power / (k + 2);
  return fabsl(z) < 0.1L ? sum : (1 - (1 + z) * expl(-z)) / (z * z);
}

/* The variance that dW and I leave of int e^(-Au) dW, over h: the sum over n >= 2 of the squares of
 * sqrt(2n+1) int_0^1 e^(-zv) P_n(2v-1) dv, a modified spherical Bessel function of z/2. */
static real rest_variance(double z)
{
  int degrees = 15 + (int)(7 * sqrt(fabs(z))); /* then the terms are below 1e-40 */
  real sum = 0;
  for (int n = degrees; n >= 2; n--) {
    real bessel = gsl_sf_bessel_il_scaled(n, fabs(z) / 2);
    sum += (2 * (real)n + 1) * bessel * bessel;
  }
  return z < 0 ? sum * expl(-2 * z) : sum;
}

static void assert_near(real value, real exact, const char *what, double at)
{
  ck_assert_msg(fabsl(value - exact) <= asked * fabsl(exact), "%s at %g: %Lg, not %Lg", what, at,
                value, exact);
}

/* A row keeps its x where little decays, so that 1 - z is rounded only in this test; where much
 * decays, the rounding of x itself does not show. */
static void assert_scalar(double z, double c)
{
  const double dt = 0.37, a = z / dt, s = 0.7;
  struct map map = scalar_map(a, c, s, dt);
  real noise[SQUARE], h = dt, exact = (real)a * h;
  noise_covariance(&map, noise);
  ck_assert_msg(fabsl(map.decay[0] - expl(-exact)) <= 2e-16L * expl(-exact) + 1e-18L, "decay at %g",
                z);
  assert_near(map.mean[0], (real)a * c * h * phi(exact), "mean", z);
  assert_near(noise[0], (real)s * s * h * phi(2 * exact), "variance", z);
  assert_near(map.dw[0] * h + map.integral[0] * h * h / 2, s * h * phi(exact), "covariance with dW",
              z);
  assert_near(map.dw[0] * h * h / 2 + map.integral[0] * h * h * h / 3, s * h * h * psi(exact),
              "covariance with I", z);
  assert_near(map.rest[0] * map.rest[0], (real)s * s * h * rest_variance((double)exact), "rest", z);
}

START_TEST(ornstein_uhlenbeck_over_twelve_decades)
{
  for (int tenths = -80; tenths <= 40; tenths += 2)
    assert_scalar(pow(10, tenths / 10.0), 3);
}
END_TEST

START_TEST(growth_is_exact_too)
{
  for (double z = -1e-8; z > -100; z *= 3)
    assert_scalar(z, 3);
}
END_TEST

/* The constant of the drift would round the slope where a unit is small beside the centre. */
START_TEST(a_far_centre_costs_no_digits)
{
  for (double z = 1e-6; z < 1e3; z *= 10)
    assert_scalar(z, 1e12 / 7);
}
END_TEST

START_TEST(brownian_motion_is_its_increment)
{
  struct map map = scalar_map(0, 5, 0.7, 0.3);
  ck_assert(map.decay[0] == 1 && map.mean[0] == 0 && map.dw[0] == 0.7);
  ck_assert(map.integral[0] == 0 && map.rest[0] == 0);
}
END_TEST

/* dX_1 = dW, dX_2 = X_1 dt, dX_3 = X_2 dt: X_2 gains I itself, and X_3 gains int (h-s)^2/2 dW,
 * which is h I/2 - h^2 dW/12 and a rest of variance h^5/720. */
START_TEST(a_chain_of_three_integrators)
{
  const double a[9] = {0, 0, 0, -1, 0, 0, 0, -1, 0}, s[3] = {1, 0, 0};
  struct sde_system *system = sde_linear_system_new(3, 1, a, NULL, s);
  for (double h = 1e-3; h < 1e4; h *= 10) {
    struct map map = map_of(system, h);
    const real decay[3][3] = {{1, 0, 0}, {h, 1, 0}, {h * (real)h / 2, h, 1}};
    const real dw[3] = {1, 0, -h * (real)h / 12}, integral[3] = {0, 1, h / 2};
    const real rest = h * (real)h * sqrtl(h / 720);
    for (size_t i = 0; i < 3; i++) {
      for (size_t j = 0; j < 3; j++)
        ck_assert(fabsl(map.decay[i * DIM_MAX + j] - decay[i][j]) <= 1e-15L * decay[i][j]);
      ck_assert(fabsl(map.dw[i * DIM_MAX] - dw[i]) <= 1e-15L * decay[i][0]);
      ck_assert(fabsl(map.integral[i * DIM_MAX] - integral[i]) <= 1e-15L * fmaxl(1, integral[i]));
      real square = 0;
      for (size_t j = 0; j < 3; j++)
        square += map.rest[i * DIM_MAX + j] * map.rest[i * DIM_MAX + j];
      ck_assert(fabsl(sqrtl(square) - (i == 2 ? rest : 0)) <= 1e-15L * rest);
    }
  }
  sde_linear_system_free(system);
}
END_TEST

/* The noise reaches component i only as int (h-s)^i/i! dW: what C leaves out of its expansion shows
 * nowhere else. */
START_TEST(a_chain_of_eight_integrators)
{
  double a[SQUARE] = {0}, s[DIM_MAX] = {1};
  for (size_t i = 1; i < DIM_MAX; i++)
    a[i * DIM_MAX + i - 1] = -1;
  struct sde_system *system = sde_linear_system_new(DIM_MAX, 1, a, NULL, s);
  for (double h = 1e-3; h < 1e4; h *= 10) {
    struct map map = map_of(system, h);
    real noise[SQUARE], weight[DIM_MAX] = {1};
    noise_covariance(&map, noise);
    for (size_t i = 1; i < DIM_MAX; i++)
      weight[i] = weight[i - 1] * h / (real)i;
    for (size_t i = 0; i < DIM_MAX; i++)
      for (size_t j = 0; j < DIM_MAX; j++)
        assert_near(noise[i * DIM_MAX + j], h * weight[i] * weight[j] / (real)(i + j + 1),
                    "covariance", h);
  }
  sde_linear_system_free(system);
}
END_TEST

/* Rounding 1 - 1.3e-8 is off by up to 5.5e-17 in each of 1e6 steps; rounding x is not one-sided. */
START_TEST(small_decays_keep_their_digits)
{
  enum { WIDTH = SDE_UNIT, STEPS = 1000000 };
  const double a = 1, s = 1, dt = 1.3e-8, zero[WIDTH] = {0};
  struct sde_system *system = sde_linear_system_new(1, 1, &a, NULL, &s);
  struct sde_status status = {0};
  void *plan = scheme()->plan_new(system, dt, &status);
  double *scratch = sde_alloc(sde_scheme_scratch(scheme(), system, WIDTH), sizeof *scratch);
  double x[WIDTH];
  for (size_t p = 0; p < WIDTH; p++)
    x[p] = 1 + (double)p / WIDTH;
  struct sde_step step = {.system = system,
                          .plan = plan,
                          .scratch = scratch,
                          .dt = dt,
                          .width = WIDTH,
                          .increments = {.dw = zero, .time_integral = zero, .normal = zero}};
  for (size_t k = 0; k < STEPS; k++)
    scheme()->step(&step, x);
  real decay = expl(-(real)dt * STEPS), rounded = powl((double)expl(-(real)dt), STEPS);
  for (size_t p = 0; p < WIDTH; p++)
    ck_assert_double_lt(fabs((double)(x[p] / (1 + (real)p / WIDTH) / decay - 1)), 2e-12);
  ck_assert_double_gt(fabs((double)(rounded / decay - 1)), 1e-11);
  scheme()->plan_free(plan);
  sde_free(scratch);
  sde_linear_system_free(system);
}
END_TEST

/* ---- The Brownian path ---- */

/* A step's decay and mean, and the covariances of its noise with dW, with I and with itself. */
struct joint {
  real decay[SQUARE], mean[DIM_MAX], with_dw[SQUARE], with_integral[SQUARE], own[SQUARE];
};

static struct joint joint_of(const struct map *map)
{
  struct joint joint;
  real h = map->dt;
  memcpy(joint.decay, map->decay, sizeof joint.decay);
  memcpy(joint.mean, map->mean, sizeof joint.mean);
  noise_covariance(map, joint.own);
  for (size_t k = 0; k < SQUARE; k++) {
    joint.with_dw[k] = map->dw[k] * h + map->integral[k] * h * h / 2;
    joint.with_integral[k] = map->dw[k] * h * h / 2 + map->integral[k] * h * h * h / 3;
  }
  return joint;
}

/* Of `steps` steps of the map as one: what a step brings decays over the later ones, and its dW
 * stands in I for all the time that follows. */
static struct joint joint_of_steps(const struct map *map, size_t steps)
{
  struct joint one = joint_of(map), all = joint_of(map);
  size_t dim = map->dim, noise = map->noise_dim;
  for (size_t step = 1; step < steps; step++) {
    struct joint next = one;
    struct law law = {{0}, {0}};
    memcpy(law.mean, all.mean, sizeof law.mean);
    memcpy(law.covariance, all.own, sizeof law.covariance);
    advance(map, one.own, &law);
    memcpy(next.mean, law.mean, sizeof law.mean);
    memcpy(next.own, law.covariance, sizeof law.covariance);
    memset(next.decay, 0, sizeof next.decay);
    add_product(dim, dim, map->decay, all.decay, next.decay);
    for (size_t k = 0; k < SQUARE; k++)
      all.with_integral[k] += map->dt * all.with_dw[k];
    add_product(dim, noise, map->decay, all.with_dw, next.with_dw);
    add_product(dim, noise, map->decay, all.with_integral, next.with_integral);
    all = next;
  }
  return all;
}

/* Relative to the standard deviations. */
static void assert_same_joint(const struct map *map, const struct joint *a, const struct joint *b)
{
  real h = map->dt, largest = 1;
  for (size_t i = 0; i < map->dim; i++) {
    real deviation = sqrtl(b->own[i * DIM_MAX + i]);
    for (size_t j = 0; j < map->dim; j++) {
      size_t k = i * DIM_MAX + j;
      largest = fmaxl(largest, fabsl(b->decay[k]));
      ck_assert(fabsl(a->own[k] - b->own[k]) <= asked * deviation * sqrtl(b->own[j * DIM_MAX + j]));
      ck_assert(fabsl(a->with_dw[k] - b->with_dw[k]) <= asked * deviation * sqrtl(h));
      ck_assert(fabsl(a->with_integral[k] - b->with_integral[k]) <=
                asked * deviation * h * sqrtl(h / 3));
    }
    ck_assert(fabsl(a->mean[i] - b->mean[i]) <= asked * fabsl(b->mean[i]));
  }
  for (size_t k = 0; k < SQUARE; k++)
    ck_assert(fabsl(a->decay[k] - b->decay[k]) <= asked * largest);
}

/* One step is three of a third, jointly with what they see of the path: from stiff to mild, and
 * with a singular A. The doubling in the scheme never meets a third. */
START_TEST(a_step_is_composed_of_finer_ones)
{
  double a[SQUARE], c[DIM_MAX], s[SQUARE];
  for (double scale = 1e-8; scale < 1e6; scale *= 10)
    for (size_t noise_dim = 1; noise_dim <= 7; noise_dim += 3) {
      random_equation(RANDOM_DIM, noise_dim, scale, _i == 1, a, c, s);
      struct sde_system *system = sde_linear_system_new(RANDOM_DIM, noise_dim, a, c, s);
      struct map whole = map_of(system, 3), third = map_of(system, 1);
      struct joint steps = joint_of_steps(&third, 3), once = joint_of(&whole);
      assert_same_joint(&whole, &once, &steps);
      sde_linear_system_free(system);
    }
}
END_TEST

/* The end of paths `first_path` on, after 4 learning-rate steps of 0.5. */
static void end_of(const char *name, uint64_t substeps, uint64_t resolution, uint64_t first_path,
                   size_t width, double *x)
{
  double a[SQUARE], c[DIM_MAX], s[SQUARE];
  random_equation(RANDOM_DIM, 3, 1, true, a, c, s);
  struct sde_system *system = sde_linear_system_new(RANDOM_DIM, 3, a, c, s);
  struct sde_solution solution = {.system = system,
                                  .scheme = sde_scheme_named(name),
                                  .stream = sde_stream_named(3, "exponential"),
                                  .eta = 0.5,
                                  .substeps = substeps,
                                  .resolution = resolution};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  ck_assert_msg(process != NULL, "%s", status.message);
  void *workspace = process->workspace_new(process, width);
  sde_block_fill(RANDOM_DIM * width, 1, x);
  for (uint64_t step = 0; step < 4; step++)
    process->advance(process, workspace, first_path, width, step, x);
  process->workspace_free(process, workspace);
  sde_solution_process_free(process);
  sde_linear_system_free(system);
}

START_TEST(substeps_and_blocks_change_no_bit)
{
  enum { WIDTH = 2 * SDE_UNIT };
  double x[RANDOM_DIM * WIDTH], y[RANDOM_DIM * WIDTH], half[RANDOM_DIM * SDE_UNIT];
  end_of("exponential-euler", 1, 12, 64, WIDTH, x);
  for (uint64_t substeps = 2; substeps <= 12; substeps++)
    if (12 % substeps == 0) {
      end_of("exponential-euler", substeps, 12, 64, WIDTH, y);
      ck_assert_mem_eq(x, y, sizeof x);
    }
  end_of("exponential-euler", 1, 12, 64 + SDE_UNIT, SDE_UNIT, half);
  for (size_t i = 0; i < RANDOM_DIM; i++)
    ck_assert_mem_eq(x + i * WIDTH + SDE_UNIT, half + i * SDE_UNIT, SDE_UNIT * sizeof *x);
}
END_TEST

/* dX = -1.5 (X - 0.4) dt + 0.8 dW from 2 over time 1, by the scheme and by Euler-Maruyama on the
 * same increments: moments of the end X, of its square, and of the square of the distance. */
static const double rate = 1.5, level = 0.4, deviation = 0.8, from = 2;
struct pair {
  struct sde_moments mean, square, distance;
};

static struct sde_process *process_of(const struct sde_system *system, const char *name,
                                      uint64_t resolution)
{
  struct sde_solution solution = {.system = system,
                                  .scheme = sde_scheme_named(name),
                                  .stream = sde_stream_named(4, "pair"),
                                  .eta = 1,
                                  .substeps = resolution,
                                  .resolution = resolution};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  ck_assert_msg(process != NULL, "%s", status.message);
  return process;
}

static void add_unit(struct sde_moments *moments, const double *values)
{
  bool alive[SDE_UNIT];
  memset(alive, true, sizeof alive);
  *moments = sde_moments_merged(*moments, sde_moments_of_unit(values, alive));
}

static struct pair sampled_pair(uint64_t resolution, size_t paths)
{
  struct sde_system *system = sde_linear_system_new(1, 1, &rate, &level, &deviation);
  struct sde_process *process[] = {process_of(system, "exponential-euler", resolution),
                                   process_of(system, "euler-maruyama", resolution)};
  void *workspace[2];
  for (size_t k = 0; k < 2; k++)
    workspace[k] = process[k]->workspace_new(process[k], SDE_UNIT);
  struct pair pair = {0};
  for (size_t first = 0; first < paths; first += SDE_UNIT) {
    double x[2][SDE_UNIT], square[SDE_UNIT], distance[SDE_UNIT];
    for (size_t k = 0; k < 2; k++) {
      sde_block_fill(SDE_UNIT, from, x[k]);
      process[k]->advance(process[k], workspace[k], first, SDE_UNIT, 0, x[k]);
    }
    for (size_t p = 0; p < SDE_UNIT; p++) {
      square[p] = x[0][p] * x[0][p];
      distance[p] = (x[0][p] - x[1][p]) * (x[0][p] - x[1][p]);
    }
    add_unit(&pair.mean, x[0]);
    add_unit(&pair.square, square);
    add_unit(&pair.distance, distance);
  }
  for (size_t k = 0; k < 2; k++) {
    process[k]->workspace_free(process[k], workspace[k]);
    sde_solution_process_free(process[k]);
  }
  sde_linear_system_free(system);
  return pair;
}

/* The mean square distance between the solution and Euler-Maruyama on its increments: with Y' =
 * (1 - a h) Y + a c h + s dW, moments of (X, Y) are followed by the true solution's own law. */
static real euler_distance(uint64_t resolution)
{
  real h = 1 / (real)resolution, e = expl(-rate * h), keep = 1 - rate * h, s = deviation;
  real x = from, y = from, xx = 0, xy = 0, yy = 0;
  for (uint64_t step = 0; step < resolution; step++) {
    x = level + e * (x - level);
    y = level + keep * (y - level);
    xx = e * e * xx + s * s * h * phi(2 * rate * h);
    xy = e * keep * xy + s * s * h * phi(rate * h);
    yy = keep * keep * yy + s * s * h;
  }
  return (x - y) * (x - y) + xx - 2 * xy + yy;
}

/* Mean and mean square of the exact law, and the distance that Euler-Maruyama must have, which
 * falls like the square of its step. Given another path than its own it would be far off. */
START_TEST(paths_are_those_of_euler_maruyama_in_the_limit)
{
  struct testing_family family = {0};
  real mean = level + expl(-rate) * (from - level);
  real variance = deviation * (real)deviation * phi(2 * (real)rate);
  for (uint64_t resolution = 1; resolution <= 1024; resolution *= 4) {
    struct pair pair = sampled_pair(resolution, testing_size(4096));
    testing_add_mean(&family, pair.mean, (double)mean, "mean");
    testing_add_mean(&family, pair.square, (double)(mean * mean + variance), "mean square");
    testing_add_mean(&family, pair.distance, (double)euler_distance(resolution), "distance");
  }
  testing_assert_agrees(&family);
  ck_assert_double_eq_tol((double)(euler_distance(1024) / euler_distance(4096)), 16, 0.1);
}
END_TEST

/* ---- What is refused ---- */

/* What is wrong with a system, in its drift or in its noise. */
enum oddity {
  CUBIC,
  SLIGHTLY_NONLINEAR,
  FAR_NONLINEAR,
  SECOND_ROW,
  NOT_A_NUMBER,
  RANDOM_DRIFT,
  DRIFT_IN_TIME,
  MULTIPLICATIVE,
  SLIGHTLY_MULTIPLICATIVE,
  NOISE_IN_TIME,
  ODDITIES,
  LONG_SUM = ODDITIES, /* nothing but rounding */
};

static const char *const findings[ODDITIES] = {
    [CUBIC] = "the drift is not affine in x",
    [SLIGHTLY_NONLINEAR] = "the drift is not affine in x",
    [FAR_NONLINEAR] = "the drift is not affine in x",
    [SECOND_ROW] = "the drift is not affine in x",
    [NOT_A_NUMBER] = "the drift is not affine in x",
    [RANDOM_DRIFT] = "the drift depends on the time",
    [DRIFT_IN_TIME] = "the drift depends on the time",
    [MULTIPLICATIVE] = "the noise depends on x",
    [SLIGHTLY_MULTIPLICATIVE] = "the noise depends on x",
    [NOISE_IN_TIME] = "the noise depends on the time",
};

static double odd_drift(enum oddity oddity, const struct sde_instant *at, size_t i, double x)
{
  double sum = 0;
  switch (oddity) {
  case CUBIC:
    return -x * x * x;
  case SLIGHTLY_NONLINEAR:
    return -x - 1e-9 * sin(x);
  case FAR_NONLINEAR:
    return fmin(1 - x, 100);
  case SECOND_ROW:
    return i == 1 ? -1e-4 * tanh(x) : -1e4 * x;
  case NOT_A_NUMBER:
    return log(x);
  case RANDOM_DRIFT:
    return -x + 1e-3 * (double)(at->first_path % 7);
  case DRIFT_IN_TIME:
    return -x * exp(-1e-4 * at->time);
  case LONG_SUM:
    for (int k = 1; k < 10000; k++)
      sum += (double)k / 7 - x / (double)k;
    return sum;
  default:
    return 3 - x;
  }
}

static double odd_noise(enum oddity oddity, const struct sde_instant *at, double x, double dw)
{
  switch (oddity) {
  case MULTIPLICATIVE:
    return x * dw;
  case SLIGHTLY_MULTIPLICATIVE:
    return (1 + 1e-8 * cos(x)) * dw;
  case NOISE_IN_TIME:
    return dw / (1 + 1e-6 * at->time);
  default:
    return 0.1 * dw;
  }
}

static void odd(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)workspace;
  enum oddity oddity = *(const enum oddity *)system->context;
  for (size_t i = 0; i < system->dim; i++)
    for (size_t k = i * width; k < (i + 1) * width; k++) {
      drift[k] = odd_drift(oddity, at, i, x[k]);
      noise[k] = odd_noise(oddity, at, x[k], dw[k]);
    }
}

static struct sde_process *odd_process(enum oddity oddity, enum sde_noise_class noise,
                                       struct sde_status *status)
{
  struct sde_system system = {
      .name = "odd", .dim = 2, .noise_dim = 2, .noise = noise, .context = &oddity, .evaluate = odd};
  struct sde_solution solution = {.system = &system,
                                  .scheme = scheme(),
                                  .eta = 0.1,
                                  .substeps = 1,
                                  .resolution = 1,
                                  .forced = true};
  *status = (struct sde_status){0};
  return sde_solution_process_new(&solution, status);
}

START_TEST(what_is_not_affine_is_refused)
{
  struct sde_status status;
  ck_assert_ptr_null(odd_process((enum oddity)_i, SDE_NOISE_ADDITIVE, &status));
  ck_assert_int_eq(status.code, SDE_INVALID);
  char *sentence =
      sde_format("scheme exponential-euler is exact where the drift is affine in x, the noise does "
                 "not depend on x and neither depends on time, and for nothing else; odd: %s; take "
                 "euler-maruyama or milstein",
                 findings[_i]);
  ck_assert_str_eq(status.message, sentence);
  ck_assert_ptr_nonnull(sde_scheme_named("euler-maruyama"));
  ck_assert_ptr_nonnull(sde_scheme_named("milstein"));
  sde_free(sentence);
}
END_TEST

/* Rounding is no refusal; a class that is not additive is one, also where the scheme is forced. */
START_TEST(rounding_is_accepted)
{
  struct sde_status status;
  struct sde_process *process = odd_process(LONG_SUM, SDE_NOISE_ADDITIVE, &status);
  ck_assert_msg(process != NULL, "%s", status.message);
  sde_solution_process_free(process);
  ck_assert_ptr_null(odd_process(LONG_SUM, SDE_NOISE_GENERAL, &status));
  ck_assert_ptr_nonnull(strstr(status.message, findings[MULTIPLICATIVE]));
}
END_TEST

START_TEST(growth_out_of_range_is_refused)
{
  const double a = -1, s = 1;
  struct sde_system *system = sde_linear_system_new(1, 1, &a, NULL, &s);
  struct sde_status status = {0};
  ck_assert_ptr_null(scheme()->plan_new(system, 800, &status));
  ck_assert_int_eq(status.code, SDE_INVALID);
  ck_assert_str_eq(status.message,
                   "scheme exponential-euler: in a step of 800 the solution of linear grows out of "
                   "the range of double precision; a shorter step is accepted");
  sde_linear_system_free(system);
}
END_TEST

START_TEST(what_the_scheme_says_of_itself)
{
  const double a[4] = {1, 0, 0, 1}, s[6] = {1, 2, 3, 4, 5, 6};
  struct sde_system *system = sde_linear_system_new(2, 3, a, NULL, s);
  ck_assert(scheme()->exact && isinf(scheme()->weak_order));
  ck_assert_double_eq(sde_scheme_evaluations(scheme(), system), 0);
  ck_assert_double_eq(sde_scheme_normals(scheme(), system, 0.1), 3 + 3 + 2);
  for (int noise = 0; noise < SDE_NOISE_CLASSES; noise++) {
    struct sde_status status = {0};
    system->noise = (enum sde_noise_class)noise;
    ck_assert(sde_scheme_accepts(scheme(), system, &status) == (noise == SDE_NOISE_ADDITIVE));
  }
  sde_linear_system_free(system);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("exponential_euler");
  TCase *stiff = testing_case(suite, "stiff");
  tcase_add_loop_test(stiff, stiff_quadratics_have_exact_moments, 0, QUADRATICS);
  tcase_add_loop_test(stiff, stiff_quadratics_have_the_stationary_law_of_lyapunov, 0, QUADRATICS);
  tcase_add_loop_test(stiff, stiff_quadratics_have_the_moments_of_sde_linear, 0, QUADRATICS);
  tcase_add_loop_test(stiff, random_equations_have_the_moments_of_sde_linear, 0, 2);
  tcase_add_loop_test(stiff, exactness_needs_every_part, 0, FLAWS);
  TCase *known = testing_case(suite, "known");
  tcase_add_test(known, ornstein_uhlenbeck_over_twelve_decades);
  tcase_add_test(known, growth_is_exact_too);
  tcase_add_test(known, a_far_centre_costs_no_digits);
  tcase_add_test(known, brownian_motion_is_its_increment);
  tcase_add_test(known, a_chain_of_three_integrators);
  tcase_add_test(known, a_chain_of_eight_integrators);
  tcase_add_test(known, small_decays_keep_their_digits);
  TCase *paths = testing_case(suite, "paths");
  tcase_add_loop_test(paths, a_step_is_composed_of_finer_ones, 0, 2);
  tcase_add_test(paths, substeps_and_blocks_change_no_bit);
  tcase_add_test(paths, paths_are_those_of_euler_maruyama_in_the_limit);
  TCase *refused = testing_case(suite, "refused");
  tcase_add_loop_test(refused, what_is_not_affine_is_refused, 0, ODDITIES);
  tcase_add_test(refused, rounding_is_accepted);
  tcase_add_test(refused, growth_out_of_range_is_refused);
  tcase_add_test(refused, what_the_scheme_says_of_itself);
  return testing_run(suite);
}
