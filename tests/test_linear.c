/*
 * Tests of sde/linear: exact moments against the printed golden case, closed forms, enumeration of
 * all batches, Lyapunov equations, and the moments' equations solved in extended precision.
 */
#include "sde/linear.h"

#include "tests/golden.h"
#include "tests/testing.h"

#include <float.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <string.h>

/* A direction with its own arrays. */
struct direction {
  size_t dim;
  double *matrix, *constant, *covariance;
};

static struct direction direction_new(size_t dim)
{
  size_t pairs = (dim + 1) * (dim + 2) / 2;
  return (struct direction){dim, sde_alloc(dim, dim * sizeof(double)),
                            sde_alloc(dim, sizeof(double)),
                            sde_alloc(dim * (dim + 1) / 2, pairs * sizeof(double))};
}

static void direction_free(struct direction *direction)
{
  sde_free(direction->matrix);
  sde_free(direction->constant);
  sde_free(direction->covariance);
}

/* The coefficient of z_a z_b, in any order, in (Cov u)_ik. */
static double *coefficient(const struct direction *u, size_t i, size_t k, size_t a, size_t b)
{
  size_t pairs = (u->dim + 1) * (u->dim + 2) / 2, high = a > b ? a : b, low = a > b ? b : a;
  return &u->covariance[(i * (i + 1) / 2 + k) * pairs + high * (high + 1) / 2 + low];
}

/* The maps to be tested; order 0 stands for the iterates, substeps 0 for the SDE. */
struct kind {
  int order;
  uint64_t substeps;
};
static const struct kind kinds[] = {{0, 1}, {1, 0}, {2, 0}, {1, 3}, {2, 1}, {2, 6}};
enum { KINDS = sizeof kinds / sizeof *kinds };
static const struct kind iterates = {0, 1}, sde1 = {1, 0}, sde2 = {2, 0};

static struct sde_linear_map *try_map(const struct direction *u, struct kind kind, double eta,
                                      struct sde_status *status)
{
  struct sde_linear_direction view = {u->dim, u->matrix, u->constant, u->covariance};
  if (kind.order == 0)
    return sde_linear_iterates_new(&view, eta, "recipe:7", status);
  if (kind.substeps == 0)
    return sde_linear_sde_new(&view, eta, kind.order, "recipe:7", status);
  return sde_linear_euler_new(&view, eta, kind.order, kind.substeps, "recipe:7", status);
}

static struct sde_linear_map *map_of(const struct direction *u, struct kind kind, double eta)
{
  struct sde_status status = {0};
  struct sde_linear_map *map = try_map(u, kind, eta, &status);
  ck_assert_msg(map != NULL, "%s", status.message);
  return map;
}

/* Moments after some steps from a point; to be freed. */
static double *moments_after(const struct direction *u, struct kind kind, double eta,
                             uint64_t steps, const double *start)
{
  struct sde_linear_map *map = map_of(u, kind, eta);
  double *moments = sde_alloc(sde_linear_size(u->dim), sizeof *moments);
  sde_linear_point(u->dim, start, moments);
  sde_linear_advance(map, steps, moments);
  sde_linear_map_free(map);
  return moments;
}

/* Finite sums of f_i = x^T A_i x / 2 - b_i^T x: a[(s*dim + i)*dim + j], b[s*dim + i]. */
struct sum {
  size_t dim, samples;
  double *a, *b;
};

static struct sum sum_new(size_t dim, size_t samples)
{
  return (struct sum){dim, samples, sde_alloc(samples, dim * dim * sizeof(double)),
                      sde_alloc(samples, dim * sizeof(double))};
}

static struct sum golden_sum(void)
{
  struct sum sum = sum_new(2, GOLDEN_SAMPLES);
  for (size_t s = 0; s < GOLDEN_SAMPLES; s++) {
    memcpy(sum.a + 4 * s, golden_samples[s], 4 * sizeof(double));
    memcpy(sum.b + 2 * s, golden_samples[s] + 4, 2 * sizeof(double));
  }
  return sum;
}

/* A_i = 1 + B B^T / d. */
static struct sum random_sum(gsl_rng *rng, size_t dim, size_t samples)
{
  struct sum sum = sum_new(dim, samples);
  double *root = sde_alloc(dim, dim * sizeof *root);
  for (size_t s = 0; s < samples; s++) {
    for (size_t i = 0; i < dim * dim; i++)
      root[i] = gsl_ran_ugaussian(rng);
    for (size_t i = 0; i < dim; i++)
      for (size_t j = 0; j < dim; j++) {
        double *entry = &sum.a[(s * dim + i) * dim + j];
        *entry = i == j;
        for (size_t k = 0; k < dim; k++)
          *entry += root[i * dim + k] * root[j * dim + k] / (double)dim;
      }
    for (size_t i = 0; i < dim; i++)
      sum.b[s * dim + i] = gsl_ran_ugaussian(rng);
  }
  sde_free(root);
  return sum;
}

static void sum_free(struct sum *sum)
{
  sde_free(sum->a);
  sde_free(sum->b);
}

/* Mean A and b of the samples that are the digits of `tuple`, of this many digits. */
static void batch_mean(const struct sum *sum, size_t tuple, size_t digits, double *a, double *b)
{
  size_t d = sum->dim;
  memset(a, 0, d * d * sizeof *a);
  memset(b, 0, d * sizeof *b);
  for (size_t digit = 0; digit < digits; digit++, tuple /= sum->samples) {
    size_t s = tuple % sum->samples;
    for (size_t i = 0; i < d * d; i++)
      a[i] += sum->a[s * d * d + i] / (double)digits;
    for (size_t i = 0; i < d; i++)
      b[i] += sum->b[s * d + i] / (double)digits;
  }
}

static void full_mean(const struct sum *sum, double *a, double *b)
{
  memset(a, 0, sum->dim * sum->dim * sizeof *a);
  memset(b, 0, sum->dim * sizeof *b);
  for (size_t i = 0; i < sum->samples * sum->dim * sum->dim; i++)
    a[i % (sum->dim * sum->dim)] += sum->a[i] / (double)sum->samples;
  for (size_t i = 0; i < sum->samples * sum->dim; i++)
    b[i % sum->dim] += sum->b[i] / (double)sum->samples;
}

/* The direction z -> M_I z of every micro-batch I, all equally likely: maps[(I*dim + i)*(dim + 1) +
 * a]. The gradient is taken at x + rho (G x - h): G, h of the micro-batch, of the full sum for
 * n-usam. */
struct law {
  size_t dim, count;
  double *maps;
};

static void set_row(double *row, size_t d, size_t i, const double *a, const double *b, double rho,
                    const double *g, const double *h)
{
  for (size_t j = 0; j < d; j++) {
    row[j] = a[i * d + j];
    for (size_t k = 0; k < d; k++)
      row[j] += rho * a[i * d + k] * g[k * d + j];
  }
  row[d] = -b[i];
  for (size_t k = 0; k < d; k++)
    row[d] -= rho * a[i * d + k] * h[k];
}

static struct law law_of(const struct sum *sum, const char *optimizer, double rho, size_t m)
{
  size_t d = sum->dim;
  struct law law = {d, 1, NULL};
  for (size_t i = 0; i < m; i++)
    law.count *= sum->samples;
  law.maps = sde_alloc(law.count, d * (d + 1) * sizeof(double));
  double *a = sde_alloc(d, d * sizeof *a), *b = sde_alloc(d, sizeof *b);
  double *g = sde_alloc(d, d * sizeof *g), *h = sde_alloc(d, sizeof *h);
  bool full = strcmp(optimizer, "n-usam") == 0, none = strcmp(optimizer, "sgd") == 0;
  full_mean(sum, g, h);
  for (size_t tuple = 0; tuple < law.count; tuple++) {
    batch_mean(sum, tuple, m, a, b);
    for (size_t i = 0; i < d; i++)
      set_row(law.maps + (tuple * d + i) * (d + 1), d, i, a, b, none ? 0 : rho, full ? g : a,
              full ? h : b);
  }
  sde_free(a);
  sde_free(b);
  sde_free(g);
  sde_free(h);
  return law;
}

/* Mean and covariance of the mean of `parts` independent directions of the law. */
static struct direction direction_of(const struct law *law, size_t parts)
{
  size_t d = law->dim, row = d + 1;
  struct direction u = direction_new(d);
  double *mean = sde_alloc(d, row * sizeof *mean), weight = 1 / (double)law->count;
  for (size_t i = 0; i < law->count * d * row; i++)
    mean[i % (d * row)] += weight * law->maps[i];
  for (size_t i = 0; i < d; i++) {
    memcpy(u.matrix + i * d, mean + i * row, d * sizeof(double));
    u.constant[i] = mean[i * row + d];
  }
  for (size_t index = 0; index < law->count; index++) {
    const double *map = law->maps + index * d * row;
    for (size_t i = 0; i < d; i++)
      for (size_t k = 0; k <= i; k++)
        for (size_t a = 0; a <= d; a++)
          for (size_t b = 0; b <= d; b++)
            *coefficient(&u, i, k, a, b) += weight / (double)parts *
                                            (map[i * row + a] - mean[i * row + a]) *
                                            (map[k * row + b] - mean[k * row + b]);
  }
  sde_free(mean);
  return u;
}

static struct direction direction_from(const struct sum *sum, const char *optimizer, double rho,
                                       size_t batch, size_t m)
{
  struct law law = law_of(sum, optimizer, rho, m);
  struct direction u = direction_of(&law, batch / m);
  sde_free(law.maps);
  return u;
}

static struct direction golden_direction(const char *optimizer, size_t m)
{
  struct sum sum = golden_sum();
  struct direction u = direction_from(&sum, optimizer, golden_rho, GOLDEN_BATCH, m);
  sum_free(&sum);
  return u;
}

/* E f at golden_time. */
static double golden_loss_of(const struct direction *u, struct kind kind, double eta)
{
  struct sum sum = golden_sum();
  double a[4], b[2];
  full_mean(&sum, a, b);
  sum_free(&sum);
  for (size_t i = 0; i < 4; i++)
    a[i] /= 2;
  for (size_t i = 0; i < 2; i++)
    b[i] = -b[i];
  double *moments = moments_after(u, kind, eta, (uint64_t)lrint(golden_time / eta), golden_start);
  double loss = sde_linear_expectation(2, moments, a, b, 0);
  sde_free(moments);
  return loss;
}

/* E f of the SDE of order 2, row by row of golden_losses. */
static const double golden_order2[GOLDEN_LOSSES] = {
    -0.003335643108, -0.003342119310, -0.011325117736, -0.011598563055, -0.009988469681,
    -0.010718415211, -0.009578390979, -0.010303957735, -0.008718241721, -0.009434422963};
static const double printed = 6e-13; /* half of the last printed digit */

START_TEST(golden_losses_to_the_printed_digits)
{
  const struct golden_loss *row = &golden_losses[_i];
  struct direction u = golden_direction(row->optimizer, row->micro_batch);
  ck_assert_double_eq_tol(golden_loss_of(&u, iterates, row->eta), row->iterates, printed);
  ck_assert_double_eq_tol(golden_loss_of(&u, sde1, row->eta), row->sde, printed);
  ck_assert_double_eq_tol(golden_loss_of(&u, sde2, row->eta), golden_order2[_i], printed);
  direction_free(&u);
}
END_TEST

/* What may go wrong moves E f by far more than it is compared to: the other order, another
 * micro-batch, the variance term left out (n-usam's drift), the noise left out. */
START_TEST(golden_losses_notice_what_is_broken)
{
  const struct golden_loss *row = &golden_losses[_i];
  struct direction u = golden_direction(row->optimizer, row->micro_batch);
  struct direction other = golden_direction(row->optimizer, row->micro_batch == 1 ? 2 : 1);
  struct direction bare = golden_direction("n-usam", GOLDEN_BATCH);
  const double exact[] = {row->iterates, row->sde, golden_order2[_i]};
  const struct kind right[] = {iterates, sde1, sde2}, wrong[] = {sde2, sde2, sde1};
  bool sam = strcmp(row->optimizer, "usam") == 0 || strcmp(row->optimizer, "m-usam") == 0;
  for (size_t k = 0; k < 3; k++) {
    ck_assert_double_gt(fabs(golden_loss_of(&u, wrong[k], row->eta) - exact[k]), 1e-5);
    if (sam)
      ck_assert_double_gt(fabs(golden_loss_of(&other, right[k], row->eta) - exact[k]), 1e-4);
  }
  memcpy(bare.covariance, u.covariance, 3 * 6 * sizeof(double));
  memset(u.covariance, 0, 3 * 6 * sizeof(double));
  for (size_t k = 0; k < 3; k++) {
    ck_assert_double_gt(fabs(golden_loss_of(&u, right[k], row->eta) - exact[k]), 1e-3);
    if (sam)
      ck_assert_double_gt(fabs(golden_loss_of(&bare, right[k], row->eta) - exact[k]), 1e-4);
  }
  direction_free(&u);
  direction_free(&other);
  direction_free(&bare);
}
END_TEST

/* The weak error falls like eta to the order of the SDE: slopes of a fit from T/32 to T/512. */
START_TEST(weak_error_has_the_order_of_the_sde)
{
  const struct golden_loss *row = &golden_losses[_i];
  struct direction u = golden_direction(row->optimizer, row->micro_batch);
  for (int order = 1; order <= 2; order++) {
    double slope = 0;
    for (int k = -2; k <= 2; k++) {
      double eta = ldexp(golden_time, k - 7);
      struct kind sde = {order, 0};
      slope +=
          k / 10.0 * log2(fabs(golden_loss_of(&u, sde, eta) - golden_loss_of(&u, iterates, eta)));
    }
    ck_assert_double_eq_tol(slope, order, order == 1 ? 0.05 : 0.1);
  }
  direction_free(&u);
}
END_TEST

/* One dimension: E u = a (x - c), Var u = s^2 + q^2 (x - c)^2. In units of a learning-rate step the
 * mean's distance from c is multiplied by `factor`, the second moment about c by `square`, plus
 * `added`. */
struct scalar {
  double a, c, s, q;
};
static const struct scalar scalars[] = {
    {1, 0, 1, 0}, {0.7, -2, 0.3, 0}, {2, 5, 0, 1.5}, {1.3, 1, 0.5, 0.8}, {-0.5, 1, 0.5, 0.8}};
enum { SCALARS = sizeof scalars / sizeof *scalars };

static struct direction scalar_direction(struct scalar p)
{
  struct direction u = direction_new(1);
  u.matrix[0] = p.a;
  u.constant[0] = -p.a * p.c;
  *coefficient(&u, 0, 0, 0, 0) = p.q * p.q;
  *coefficient(&u, 0, 0, 1, 0) = -2 * p.q * p.q * p.c;
  *coefficient(&u, 0, 0, 1, 1) = p.s * p.s + p.q * p.q * p.c * p.c;
  return u;
}

/* E (X - c) and E (X - c)^2 at time k eta from distance 1, in extended precision. */
static void scalar_moments(struct scalar p, struct kind kind, long double eta, uint64_t steps,
                           long double out[2])
{
  long double a = kind.order == 2 ? p.a + eta / 2 * p.a * p.a : p.a, n = (long double)steps;
  long double rate, growth, added;
  if (kind.substeps == 0) {
    rate = -a * eta * n;
    growth = (-2 * a + eta * p.q * p.q) * eta * n;
    added = eta * p.s * p.s / (-2 * a + eta * p.q * p.q);
  } else {
    long double h = eta / (long double)kind.substeps;
    long double one = -2 * h * a + h * h * a * a + eta * h * p.q * p.q;
    n *= (long double)kind.substeps;
    rate = n * log1pl(-h * a);
    growth = n * log1pl(one);
    added = eta * h * p.s * p.s / one;
  }
  out[0] = expl(rate);
  out[1] = expl(growth) + added * expm1l(growth);
}

START_TEST(scalar_closed_forms)
{
  struct scalar p = scalars[_i % SCALARS];
  struct kind kind = kinds[_i / SCALARS];
  struct direction u = scalar_direction(p);
  for (double eta = 1e-6; eta < 0.5; eta *= 7)
    for (uint64_t steps = 1; steps <= 1000; steps *= 10) {
      double start = p.c + 1;
      long double exact[2];
      scalar_moments(p, kind, eta, steps, exact);
      double *moments = moments_after(&u, kind, eta, steps, &start);
      double mean = p.c + (double)exact[0];
      double second = (double)(exact[1] + 2 * p.c * exact[0] + p.c * p.c);
      double size = 1 + p.c * p.c + fabs(second), tolerance = 1e-15 * (5 + sqrt(10.0 * steps));
      ck_assert_double_eq_tol(moments[1], mean, tolerance * size);
      ck_assert_double_eq_tol(moments[0], second, tolerance * size);
      ck_assert_double_eq(moments[2], 1);
      sde_free(moments);
    }
  direction_free(&u);
}
END_TEST

/* Far beyond what a step can resolve an SDE has reached its stationary law: exp(-20000) = 0. */
START_TEST(stiff_equations_reach_their_stationary_law)
{
  struct direction u = scalar_direction((struct scalar){1e4, 3, 50, 0});
  double start = -7, *moments = moments_after(&u, sde1, 2, 1, &start), variance;
  sde_linear_covariance(1, moments, &variance);
  ck_assert_double_eq_tol(moments[1], 3, 1e-12);
  ck_assert_double_eq_tol(variance, 2 * 2500 / 2e4, 1e-12);
  sde_free(moments);
  direction_free(&u);
}
END_TEST

/* E z z^T in extended precision: q[a*(d+1) + b]. */
enum { REFERENCE_ROW = 12 };
typedef long double reference[REFERENCE_ROW * REFERENCE_ROW];

/* D z, whose last row is 0. */
static void reference_drift(const struct direction *u, int order, double eta, reference drift)
{
  size_t d = u->dim, row = d + 1;
  memset(drift, 0, sizeof(reference));
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j <= d; j++) {
      drift[i * row + j] = j < d ? u->matrix[i * d + j] : u->constant[i];
      for (size_t k = 0; order == 2 && k < d; k++)
        drift[i * row + j] += (long double)eta / 2 * u->matrix[i * d + k] *
                              (j < d ? u->matrix[k * d + j] : u->constant[k]);
    }
  }
}

/* rate = -D q - q D^T + eta Sigma(q) + dt D q D^T. */
static void reference_rate(const struct direction *u, const reference drift, long double eta,
                           long double dt, const reference q, reference rate)
{
  size_t d = u->dim, row = d + 1;
  reference dq;
  memset(rate, 0, sizeof(reference));
  memset(dq, 0, sizeof dq);
  for (size_t i = 0; i < row; i++)
    for (size_t j = 0; j < row; j++)
      for (size_t k = 0; k < row; k++)
        dq[i * row + j] += drift[i * row + k] * q[k * row + j];
  for (size_t i = 0; i < row; i++)
    for (size_t j = 0; j < row; j++) {
      long double *entry = &rate[i * row + j];
      *entry = -dq[i * row + j] - dq[j * row + i];
      for (size_t k = 0; k < row; k++)
        *entry += dt * dq[i * row + k] * drift[j * row + k];
      for (size_t a = 0; i < d && j < d && a <= d; a++)
        for (size_t b = 0; b <= a; b++)
          *entry += eta * *coefficient(u, i > j ? i : j, i > j ? j : i, a, b) * q[a * row + b];
    }
}

/* Over eta: by steps of the scheme, or by Taylor's series in time on 8 parts. */
static void reference_advance(const struct direction *u, struct kind kind, double eta, reference q)
{
  enum { PARTS = 8, TERMS = 20 };
  reference drift, rate, term;
  size_t count = (u->dim + 1) * (u->dim + 1), parts = kind.substeps == 0 ? PARTS : kind.substeps;
  long double dt = (long double)eta / (long double)parts;
  reference_drift(u, kind.order, eta, drift);
  for (size_t part = 0; part < parts; part++) {
    memcpy(term, q, sizeof term);
    for (size_t k = 1; k <= (kind.substeps == 0 ? TERMS : 1); k++) {
      reference_rate(u, drift, eta, kind.substeps == 0 ? 0 : dt, term, rate);
      for (size_t i = 0; i < count; i++) {
        term[i] = rate[i] * dt / (long double)k;
        q[i] += term[i];
      }
    }
  }
}

static const size_t dims[] = {1, 2, 5, 11};
enum { DIMS = sizeof dims / sizeof *dims, STEPS = 10 };

START_TEST(moments_against_extended_precision)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  size_t d = dims[_i % DIMS], row = d + 1;
  struct kind kind = kinds[_i / DIMS];
  struct sum sum = random_sum(rng, d, 7);
  struct direction u = direction_from(&sum, "usam", 0.1, 1, 1);
  double start[REFERENCE_ROW];
  reference q;
  for (size_t i = 0; i < d; i++)
    start[i] = gsl_ran_ugaussian(rng);
  start[d] = 1;
  for (double eta = 0.3; eta > 1e-4; eta /= 10) {
    for (size_t i = 0; i < row * row; i++)
      q[i] = (long double)start[i / row] * start[i % row];
    for (size_t step = 0; step < STEPS; step++)
      reference_advance(&u, kind, eta, q);
    double *moments = moments_after(&u, kind, eta, STEPS, start);
    for (size_t a = 0; a <= d; a++)
      for (size_t b = 0; b <= a; b++) {
        double size = 1 + (double)sqrtl(fabsl(q[a * row + a] * q[b * row + b]));
        ck_assert_double_eq_tol(moments[a * (a + 1) / 2 + b], (double)q[a * row + b], 1e-13 * size);
      }
    sde_free(moments);
  }
  direction_free(&u);
  sum_free(&sum);
  gsl_rng_free(rng);
}
END_TEST

/* x' = x - eta u, u the mean over the batch's micro-batches: those of the digits of `index`. */
static void apply(const struct law *law, size_t index, size_t parts, double eta, const double x[2],
                  double next[2])
{
  next[0] = x[0];
  next[1] = x[1];
  for (size_t part = 0; part < parts; part++, index /= law->count) {
    const double *map = law->maps + index % law->count * 6;
    for (size_t i = 0; i < 2; i++)
      next[i] -= eta / (double)parts * (map[3 * i] * x[0] + map[3 * i + 1] * x[1] + map[3 * i + 2]);
  }
}

static void add_moments(const double x[2], double weight, double moments[6])
{
  double point[6];
  sde_linear_point(2, x, point);
  for (size_t i = 0; i < 6; i++)
    moments[i] += weight * point[i];
}

/* One step and two from a random point, over all 4^4 batches, whatever the micro-batch size. */
static const size_t micro_batches[] = {1, 2, 4};
START_TEST(iterates_against_all_batches)
{
  enum { BATCHES = 256 };
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  struct sum sum = golden_sum();
  size_t m = micro_batches[_i], parts = GOLDEN_BATCH / m;
  struct law law = law_of(&sum, "m-usam", golden_rho, m);
  struct direction u = direction_of(&law, parts);
  double eta = 0.2, one[6] = {0}, two[6] = {0}, x[2], y[2], z[2];
  for (size_t i = 0; i < 2; i++)
    x[i] = gsl_ran_gaussian(rng, 2);
  for (size_t first = 0; first < BATCHES; first++) {
    apply(&law, first, parts, eta, x, y);
    add_moments(y, 1.0 / BATCHES, one);
    for (size_t second = 0; second < BATCHES; second++) {
      apply(&law, second, parts, eta, y, z);
      add_moments(z, 1.0 / BATCHES / BATCHES, two);
    }
  }
  double *after_one = moments_after(&u, iterates, eta, 1, x);
  double *after_two = moments_after(&u, iterates, eta, 2, x);
  for (size_t i = 0; i < 6; i++) {
    ck_assert_double_eq_tol(after_one[i], one[i], 1e-13);
    ck_assert_double_eq_tol(after_two[i], two[i], 1e-12);
  }
  sde_free(after_one);
  sde_free(after_two);
  sde_free(law.maps);
  direction_free(&u);
  sum_free(&sum);
  gsl_rng_free(rng);
}
END_TEST

/* Euler-Maruyama of order 1 at step eta is the iterates to the bit, and with ever smaller steps it
 * comes to the SDE, halving its distance with each halving. */
START_TEST(euler_lies_between_iterates_and_sde)
{
  struct direction u = golden_direction("m-usam", 1);
  ck_assert_double_eq(golden_loss_of(&u, (struct kind){1, 1}, 0.1),
                      golden_loss_of(&u, iterates, 0.1));
  for (int order = 1; order <= 2; order++) {
    double exact = golden_loss_of(&u, (struct kind){order, 0}, 0.1);
    double coarse = golden_loss_of(&u, (struct kind){order, 1 << 12}, 0.1) - exact;
    double fine = golden_loss_of(&u, (struct kind){order, 1 << 13}, 0.1) - exact;
    ck_assert_double_eq_tol(coarse / fine, 2, 1e-3);
  }
  direction_free(&u);
}
END_TEST

/* A three-dimensional OU process with a matrix that is neither symmetric nor normal. */
static const double ou_matrix[9] = {1, 0.5, 0, -0.4, 2, 0.3, 0.2, 0, 0.7};
static const double ou_centre[3] = {1, -2, 0.5};
static const double ou_sigma[9] = {2, 0.5, -0.3, 0.5, 1, 0.2, -0.3, 0.2, 0.6};

static struct direction ou_direction(void)
{
  struct direction u = direction_new(3);
  memcpy(u.matrix, ou_matrix, sizeof ou_matrix);
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 3; j++) {
      u.constant[i] -= ou_matrix[i * 3 + j] * ou_centre[j];
      if (j <= i)
        *coefficient(&u, i, j, 3, 3) = ou_sigma[i * 3 + j];
    }
  return u;
}

static void product(CBLAS_TRANSPOSE_t transpose, double factor, const double *a, const double *b,
                    double *sum)
{
  gsl_matrix_const_view left = gsl_matrix_const_view_array(a, 3, 3);
  gsl_matrix_const_view right = gsl_matrix_const_view_array(b, 3, 3);
  gsl_matrix_view out = gsl_matrix_view_array(sum, 3, 3);
  gsl_blas_dgemm(CblasNoTrans, transpose, factor, &left.matrix, &right.matrix, 1, &out.matrix);
}

static double *stationary_of(const struct direction *u, struct kind kind, double eta)
{
  struct sde_status status = {0};
  struct sde_linear_map *map = map_of(u, kind, eta);
  double *moments = sde_alloc(sde_linear_size(u->dim), sizeof *moments);
  ck_assert_msg(sde_linear_stationary(map, "recipe:7", moments, &status), "%s", status.message);
  sde_linear_map_free(map);
  return moments;
}

/* D S + S D^T = eta Sigma for the SDE, and - h D S D^T for a scheme of step h, with the drift of
 * the learning rate's order: by how much the entries of S miss it at most, in units of the
 * roundings of the left-hand side, epsilon 2 |D| times the largest second moment, of which S is a
 * difference. */
static double lyapunov_residual(const struct direction *u, struct kind kind, int order, double eta)
{
  double s[9], d[9], ds[9] = {0}, rest[9] = {0}, residual = 0, norm = 0, largest = 0;
  double *moments = stationary_of(u, kind, eta);
  sde_linear_covariance(3, moments, s);
  memcpy(d, ou_matrix, sizeof d);
  if (order == 2)
    product(CblasNoTrans, eta / 2, ou_matrix, ou_matrix, d);
  product(CblasNoTrans, 1, d, s, ds);
  product(CblasTrans, 1, s, d, rest);
  if (kind.substeps > 0)
    product(CblasTrans, -eta / (double)kind.substeps, ds, d, rest);
  for (size_t i = 0; i < 9; i++) {
    ck_assert(isfinite(s[i]));
    residual = fmax(residual, fabs(ds[i] + rest[i] - eta * ou_sigma[i]));
  }
  for (size_t i = 0; i < 3; i++)
    norm = fmax(norm, fabs(d[3 * i]) + fabs(d[3 * i + 1]) + fabs(d[3 * i + 2]));
  for (size_t i = 0; i < 6; i++)
    largest = fmax(largest, fabs(moments[i]));
  sde_free(moments);
  return residual / (DBL_EPSILON * 2 * norm * largest);
}

/* Elimination leaves a backward error of some epsilon of the map's increment times the moments: a
 * few of the units above, as the increment is about eta times the left-hand side, and as many come
 * from the squarings to an exponential. Measured are 5.6 at most, over all kinds and 5981 learning
 * rates from 0.002 to 0.6, with the fused vector mathematics and with the portable one: 7, which is
 * 4.5e-14 at most at 0.3. The twin has the drift of the other order. */
START_TEST(stationary_covariance_solves_lyapunov)
{
  struct kind kind = kinds[_i];
  int order = kind.order == 2 ? 2 : 1;
  double mean[3];
  struct direction u = ou_direction();
  for (double eta = 0.02; eta < 0.61; eta += 0.02) {
    ck_assert_double_le(lyapunov_residual(&u, kind, order, eta), 7);
    ck_assert_double_ge(lyapunov_residual(&u, kind, 3 - order, eta), 1e10);
  }
  double *moments = stationary_of(&u, kind, 0.3);
  sde_linear_mean(3, moments, mean);
  for (size_t i = 0; i < 3; i++)
    ck_assert_double_eq_tol(mean[i], ou_centre[i], 1e-15);
  sde_free(moments);
  direction_free(&u);
}
END_TEST

/* C(t) = S - e^(-Dt) S e^(-D^T t) and E X(t) = c + e^(-Dt) (x - c). */
START_TEST(ou_covariance_at_any_time)
{
  double eta = 0.3, start[3] = {2, 2, 2}, s[9], c[9], mean[3], power[9], half[9] = {0}, rest[9];
  uint64_t steps = 6;
  struct direction u = ou_direction();
  double *stationary = stationary_of(&u, sde1, eta);
  double *moments = moments_after(&u, sde1, eta, steps, start);
  sde_linear_covariance(3, stationary, s);
  sde_linear_covariance(3, moments, c);
  sde_linear_mean(3, moments, mean);
  double exponent[9];
  for (size_t i = 0; i < 9; i++)
    exponent[i] = -eta * (double)steps * ou_matrix[i];
  gsl_matrix_view in = gsl_matrix_view_array(exponent, 3, 3);
  gsl_matrix_view out = gsl_matrix_view_array(power, 3, 3);
  gsl_linalg_exponential_ss(&in.matrix, &out.matrix, GSL_PREC_DOUBLE);
  memcpy(rest, s, sizeof rest);
  product(CblasNoTrans, 1, power, s, half);
  product(CblasTrans, -1, half, power, rest);
  for (size_t i = 0; i < 9; i++)
    ck_assert_double_eq_tol(c[i], rest[i], 1e-14);
  for (size_t i = 0; i < 3; i++) {
    double expected = ou_centre[i];
    for (size_t j = 0; j < 3; j++)
      expected += power[i * 3 + j] * (start[j] - ou_centre[j]);
    ck_assert_double_eq_tol(mean[i], expected, 1e-14);
  }
  sde_free(moments);
  sde_free(stationary);
  direction_free(&u);
}
END_TEST

START_TEST(stationary_is_where_many_steps_lead)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  struct sum sum = random_sum(rng, 5, 7);
  struct direction u = direction_from(&sum, "m-usam", 0.1, 2, 1);
  double start[5] = {3, -1, 2, 0, 5};
  double *stationary = stationary_of(&u, kinds[_i], 0.05);
  double *moments = moments_after(&u, kinds[_i], 0.05, 2000, start);
  for (size_t i = 0; i < sde_linear_size(5); i++)
    ck_assert_double_eq_tol(moments[i], stationary[i], 1e-14);
  struct sde_linear_map *map = map_of(&u, kinds[_i], 0.05);
  sde_linear_advance(map, 1, stationary);
  for (size_t i = 0; i < sde_linear_size(5); i++)
    ck_assert_double_eq_tol(moments[i], stationary[i], 1e-14);
  sde_linear_map_free(map);
  sde_free(stationary);
  sde_free(moments);
  direction_free(&u);
  sum_free(&sum);
  gsl_rng_free(rng);
}
END_TEST

static bool is_stable(const struct direction *u, struct kind kind, double eta,
                      struct sde_status *status)
{
  struct sde_linear_map *map = map_of(u, kind, eta);
  double *moments = sde_alloc(sde_linear_size(u->dim), sizeof *moments);
  *status = (struct sde_status){0};
  bool stable = sde_linear_stationary(map, "recipe:7", moments, status);
  ck_assert_int_eq(status->code, stable ? SDE_OK : SDE_INVALID);
  ck_assert(stable || strncmp(status->message, "recipe:7: ", 10) == 0);
  sde_free(moments);
  sde_linear_map_free(map);
  return stable;
}

/* Var u = q^2 x^2 makes E x^2 grow from eta = 2a/(a^2 + q^2) on for the iterates and 2a/q^2 for the
 * SDE, though the mean still settles. */
START_TEST(stationary_ends_at_the_known_learning_rate)
{
  struct scalar p = {1.5, 2, 0.3, 1.2};
  struct direction u = scalar_direction(p);
  struct sde_status status;
  double limit[] = {2 * p.a / (p.a * p.a + p.q * p.q), 2 * p.a / (p.q * p.q)};
  struct kind kind[] = {iterates, sde1};
  for (size_t k = 0; k < 2; k++) {
    ck_assert(is_stable(&u, kind[k], limit[k] * (1 - 1e-9), &status));
    ck_assert(!is_stable(&u, kind[k], limit[k] * (1 + 1e-9), &status));
    ck_assert_ptr_nonnull(strstr(status.message, "of second moments has spectral radius 1, "));
  }
  ck_assert(!is_stable(&u, iterates, 1, &status));
  ck_assert_str_eq(status.message,
                   "recipe:7: no stationary moments at learning rate 1: over one step the linear "
                   "map of second moments has spectral radius 1.69, of the mean 0.5; both must be "
                   "below 1");
  direction_free(&u);
}
END_TEST

/* A mean that flees, one that rotates, one that a step throws onto its centre, and a direction
 * without any force, also where rounding has left a little. */
START_TEST(stationary_refused)
{
  struct sde_status status;
  struct direction flees = scalar_direction((struct scalar){-0.1, 0, 1, 0});
  ck_assert(!is_stable(&flees, sde1, 0.1, &status) && !is_stable(&flees, iterates, 0.1, &status));
  struct direction jumps = scalar_direction((struct scalar){1, 0, 1, 1.1});
  ck_assert(!is_stable(&jumps, iterates, 1, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "radius 1.21, of the mean 0;"));
  struct direction plane = direction_new(2);
  plane.matrix[1] = -(plane.matrix[2] = 1);
  ck_assert(!is_stable(&plane, sde1, 0.5, &status) && !is_stable(&plane, iterates, 0.5, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "radius 1.25, of the mean 1.11803;"));
  for (double rounding = -1e-15; rounding < 2e-15; rounding += 1e-15) {
    plane.matrix[0] = plane.matrix[3] = plane.matrix[1] = plane.matrix[2] = 0.1;
    plane.matrix[0] += rounding;
    for (size_t k = 0; k < KINDS; k++) {
      ck_assert(!is_stable(&plane, kinds[k], 0.1, &status));
      ck_assert_ptr_nonnull(strstr(status.message, "radius 1, of the mean 1;"));
    }
  }
  direction_free(&flees);
  direction_free(&jumps);
  direction_free(&plane);
}
END_TEST

START_TEST(too_much_is_refused)
{
  struct sde_status status = {0};
  struct direction large = {SDE_LINEAR_LARGEST_DIM + 1, NULL, NULL, NULL};
  for (size_t k = 0; k < KINDS; k++) {
    status = (struct sde_status){0};
    ck_assert_ptr_null(try_map(&large, kinds[k], 0.1, &status));
    ck_assert_int_eq(status.code, SDE_INVALID);
    ck_assert_str_eq(status.message,
                     "recipe:7: exact moments of 41 dimensions take a matrix of 903 rows; at most "
                     "40 dimensions are accepted");
  }
  struct direction wild = scalar_direction((struct scalar){-1e9, 0, 1, 0});
  struct direction infinite = scalar_direction((struct scalar){1e300, 0, 1e300, 0});
  const struct direction *directions[] = {&wild, &infinite};
  for (size_t k = 0; k < 2; k++) {
    status = (struct sde_status){0};
    ck_assert_ptr_null(try_map(directions[k], sde1, 2, &status));
    ck_assert_int_eq(status.code, SDE_INVALID);
    ck_assert_str_eq(status.message,
                     "recipe:7: exact moments at learning rate 2 leave the range of double "
                     "precision within one step; a smaller learning rate is accepted");
  }
  sde_linear_map_free(NULL);
  direction_free(&wild);
  direction_free(&infinite);
}
END_TEST

/* Covariances are symmetric, and positive semidefinite up to rounding, at every time. */
START_TEST(covariances_are_semidefinite)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  size_t d = dims[_i];
  struct sum sum = random_sum(rng, d, 3);
  struct direction u = direction_from(&sum, "usam", 0.1, 1, 1);
  gsl_eigen_symm_workspace *workspace = gsl_eigen_symm_alloc(d);
  gsl_vector *eigenvalues = gsl_vector_alloc(d);
  double start[11], c[121];
  for (size_t i = 0; i < d; i++)
    start[i] = gsl_ran_ugaussian(rng);
  for (size_t k = 0; k < KINDS; k++)
    for (uint64_t steps = 0; steps < 100; steps = 2 * steps + 1) {
      double *moments = moments_after(&u, kinds[k], 0.02, steps, start), second = 0;
      sde_linear_covariance(d, moments, c);
      for (size_t i = 0; i < d; i++) {
        second += moments[i * (i + 1) / 2 + i];
        for (size_t j = 0; j < d; j++)
          ck_assert_double_eq(c[i * d + j], c[j * d + i]);
        ck_assert(steps > 0 ? c[i * d + i] > 0 : c[i * d + i] == 0);
      }
      gsl_matrix_view view = gsl_matrix_view_array(c, d, d);
      gsl_eigen_symm(&view.matrix, eigenvalues, workspace);
      ck_assert_double_ge(gsl_vector_min(eigenvalues), -1e-14 * second);
      sde_free(moments);
    }
  gsl_vector_free(eigenvalues);
  gsl_eigen_symm_free(workspace);
  direction_free(&u);
  sum_free(&sum);
  gsl_rng_free(rng);
}
END_TEST

/* A quadratic observable of moments that are a mixture of two points. */
START_TEST(expectation_of_a_mixture)
{
  static const double points[2][3] = {{1, -2, 0.5}, {0.3, 4, -1}};
  static const double square[9] = {1, 0.5, -2, 0.5, 3, 0.25, -2, 0.25, -1}, linear[3] = {2, -1, 3};
  double one[10], both[10] = {0}, expected = 0, mean[3];
  for (size_t p = 0; p < 2; p++) {
    const double *x = points[p];
    sde_linear_point(3, x, one);
    for (size_t i = 0; i < 10; i++)
      both[i] += (p == 0 ? 0.25 : 0.75) * one[i];
    double value = x[0] * x[0] + 3 * x[1] * x[1] - x[2] * x[2] + x[0] * x[1] - 4 * x[0] * x[2] +
                   0.5 * x[1] * x[2] + 2 * x[0] - x[1] + 3 * x[2] + 7;
    ck_assert_double_eq_tol(sde_linear_expectation(3, one, square, linear, 7), value, 1e-13);
    expected += (p == 0 ? 0.25 : 0.75) * value;
  }
  ck_assert_double_eq_tol(sde_linear_expectation(3, both, square, linear, 7), expected, 1e-13);
  double covariance[9];
  sde_linear_mean(3, both, mean);
  sde_linear_covariance(3, both, covariance);
  for (size_t i = 0; i < 9; i++) {
    double a = points[1][i / 3] - points[0][i / 3], b = points[1][i % 3] - points[0][i % 3];
    ck_assert_double_eq_tol(covariance[i], 0.25 * 0.75 * a * b, 1e-14);
    ck_assert_double_eq_tol(mean[i / 3], points[0][i / 3] + 0.75 * a, 1e-15);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("linear");
  TCase *moments = testing_case(suite, "moments");
  tcase_add_loop_test(moments, golden_losses_to_the_printed_digits, 0, GOLDEN_LOSSES);
  tcase_add_loop_test(moments, golden_losses_notice_what_is_broken, 0, GOLDEN_LOSSES);
  tcase_add_loop_test(moments, weak_error_has_the_order_of_the_sde, 0, GOLDEN_LOSSES);
  tcase_add_loop_test(moments, scalar_closed_forms, 0, KINDS * SCALARS);
  tcase_add_test(moments, stiff_equations_reach_their_stationary_law);
  tcase_add_loop_test(moments, moments_against_extended_precision, 0, KINDS * DIMS);
  tcase_add_loop_test(moments, iterates_against_all_batches, 0, 3);
  tcase_add_test(moments, euler_lies_between_iterates_and_sde);
  tcase_add_test(moments, ou_covariance_at_any_time);
  tcase_add_loop_test(moments, covariances_are_semidefinite, 0, DIMS);
  tcase_add_test(moments, expectation_of_a_mixture);
  tcase_add_test(moments, too_much_is_refused);
  TCase *stationary = testing_case(suite, "stationary");
  tcase_add_loop_test(stationary, stationary_covariance_solves_lyapunov, 0, KINDS);
  tcase_add_loop_test(stationary, stationary_is_where_many_steps_lead, 0, KINDS);
  tcase_add_test(stationary, stationary_ends_at_the_known_learning_rate);
  tcase_add_test(stationary, stationary_refused);
  return testing_run(suite);
}
