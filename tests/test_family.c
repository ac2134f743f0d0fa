/*
 * The whole family: normalised optimizers, their limits and E|g_I| in every way it is computed,
 * rw-sam, and second order in eta; against enumeration, differences, quadrature and the values
 * printed in theory.md section 9. Each agreement has a twin that must be noticed.
 */
#include "models/enumeration.h"
#include "models/gaussian_norm.h"
#include "sde/block.h"
#include "sde/linear.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 64 };

static const struct limit_options exact = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};
static const struct limit_options order1 = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1, .variance_term = true};

static const char *const samplings[] = {"sampling=without-replacement",
                                        "sampling=with-replacement"};

static struct limit_options with_norm(enum limit_norm_source norm, size_t directions)
{
  struct limit_options options = order1;
  options.norm = norm;
  options.directions = directions;
  return options;
}

/* E|g_I| by enumeration, with gradients of the test's own code. */
static double mean_norm(const struct models_sum *sum, size_t m, bool replacement, const double x[2])
{
  struct enumeration all = enumeration_new(sum->samples, m, replacement);
  double mean = 0;
  for (size_t c = 0; c < all.count; c++) {
    double g[2] = {0, 0}, gi[2];
    for (size_t i = 0; i < m; i++) {
      sum->gradient(sum, all.index[c * m + i], x, gi);
      g[0] += gi[0] / (double)m;
      g[1] += gi[1] / (double)m;
    }
    mean += all.probability[c] * hypot(g[0], g[1]);
  }
  enumeration_free(&all);
  return mean;
}

/* g + rho grad phi(x), phi by differences of fourth order. */
static void regularized_gradient(const struct models_sum *sum, size_t m, bool replacement,
                                 double rho, const double x[2], double f[2])
{
  static const double h = 1e-3, offset[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
  f[0] = f[1] = 0;
  for (size_t i = 0; i < sum->samples; i++) {
    double gi[2];
    sum->gradient(sum, i, x, gi);
    f[0] += gi[0] / (double)sum->samples;
    f[1] += gi[1] / (double)sum->samples;
  }
  for (size_t k = 0; k < 2; k++)
    for (size_t s = 0; s < 4; s++) {
      double y[2] = {x[0], x[1]};
      y[k] += offset[s] * h;
      f[k] += rho * weight[s] * mean_norm(sum, m, replacement, y) / (12 * h);
    }
}

static bool is_full(const struct optimizer *optimizer)
{
  return models_perturbation(optimizer->rule) == PERTURB_FULL_GRADIENT;
}

/* E u of the sam form to the printed digits, exact and to first order in rho, which is exact for
 * quadratics; E|g_I|; and F = grad(f + rho E|g_I|). The n-variant is that of a batch of all
 * samples. */
START_TEST(mean_directions_and_norms)
{
  const struct golden_norm *row = &golden_norms[_i];
  char *sampling = sde_format("sampling=%s", row->sampling);
  struct models_setup setup = models_setup_new(models_golden.loss, sampling, row->optimizer,
                                               golden_rho, GOLDEN_BATCH, row->micro_batch);
  bool replacement = !is_full(&setup.optimizer) && row->sampling[4] == '-';
  double f[2], gradient[2];
  models_moments(&setup.optimizer, exact, golden_start, f, NULL);
  ck_assert_double_lt(models_distance(2, f, row->mean), 8e-9);
  models_moments(&setup.optimizer, order1, golden_start, f, NULL);
  ck_assert_double_lt(models_distance(2, f, row->mean), 8e-9);
  double norm = mean_norm(&models_golden, row->micro_batch, replacement, golden_start);
  ck_assert_double_eq_tol(norm, row->norm, 1e-12);
  regularized_gradient(&models_golden, row->micro_batch, replacement, golden_rho, golden_start,
                       gradient);
  ck_assert_double_lt(models_distance(2, f, gradient), 1e-10);
  for (size_t k = 0; k < GOLDEN_NORMS; k++)
    ck_assert((golden_norms[k].norm == row->norm) ==
              (models_distance(2, golden_norms[k].mean, row->mean) < 5e-4));
  models_setup_free(&setup);
  sde_free(sampling);
}
END_TEST

static const char *const normalized[] = {"sam", "n-sam", "m-sam"};

/* E u and Cov u against all batches; the twins: not normalised, another m, another sampling. */
START_TEST(exact_limits_are_the_moments_of_all_batches)
{
  static const double points[][2] = {{1.5, -1}, {1.8, 0.7}, {-0.7, 1.3}};
  for (size_t b = 2; b <= 4; b += 2)
    for (int replacement = 0; replacement < 2; replacement++)
      for (size_t k = 0; k < 3; k++)
        for (size_t m = 1; m <= b; m *= 2) {
          struct models_setup setup = models_setup_new(models_golden.loss, samplings[replacement],
                                                       normalized[_i], 0.1, b, m);
          struct models_draw wrong = models_draw_of(&setup.optimizer);
          double f[2], sigma[4], mean[2], covariance[4];
          models_moments(&setup.optimizer, exact, points[k], f, sigma);
          models_enumerate(&models_golden, wrong, points[k], mean, covariance);
          ck_assert_double_lt(models_distance(2, f, mean), 1e-10);
          ck_assert_double_lt(models_distance(4, sigma, covariance), 1e-10);
          wrong.normalized = false;
          models_enumerate(&models_golden, wrong, points[k], mean, covariance);
          ck_assert_double_gt(models_distance(2, f, mean), 1e-3);
          wrong.normalized = true;
          wrong.micro_batch = wrong.micro_batch == b ? 1 : b;
          models_enumerate(&models_golden, wrong, points[k], mean, covariance);
          ck_assert(is_full(&setup.optimizer) || models_distance(2, f, mean) > 1e-5);
          models_setup_free(&setup);
        }
}
END_TEST

/* |F(rho_order 1) - E u| and its ratio at rho and rho/2, in the valley. */
static double drift_ratio(const char *name, int replacement, struct limit_options options,
                          const double x[2])
{
  double off[2];
  for (size_t half = 0; half < 2; half++) {
    struct models_setup setup = models_setup_new(models_valley6.loss, samplings[replacement], name,
                                                 half ? 5e-4 : 1e-3, 4, 2);
    double f[2], mean[2], covariance[4];
    models_moments(&setup.optimizer, options, x, f, NULL);
    models_enumerate(&models_valley6, models_draw_of(&setup.optimizer), x, mean, covariance);
    off[half] = models_distance(2, f, mean);
    models_setup_free(&setup);
  }
  return off[0] / off[1];
}

START_TEST(order_1_drifts_miss_by_rho_squared)
{
  static const double points[][2] = {{1.5, -1}, {1.8, 0.7}, {-0.7, 1.3}, {2, 0.9}};
  struct limit_options order0 = order1, bare = order1;
  order0.rho_order = LIMIT_RHO_ORDER_0;
  bare.variance_term = false;
  for (int replacement = 0; replacement < 2; replacement++)
    for (size_t k = 0; k < 4; k++) {
      ck_assert_double_eq_tol(drift_ratio(normalized[_i], replacement, order1, points[k]), 4, 0.1);
      ck_assert_double_eq_tol(drift_ratio(normalized[_i], replacement, order0, points[k]), 2, 0.1);
      /* Where gradients point both ways, E|g_I| is not |g|. */
      if (strcmp(normalized[_i], "m-sam") == 0 && k == 1)
        ck_assert_double_eq_tol(drift_ratio("m-sam", replacement, bare, points[k]), 2, 0.1);
    }
}
END_TEST

/* Without the variance term m-sam drifts as n-sam does, and with it as it does not. */
START_TEST(variance_term)
{
  struct limit_options bare = order1;
  bare.variance_term = false;
  for (size_t s = 0; s < 3; s++)
    for (size_t m = 1; m <= 2; m++) {
      const char *noise = s < 2 ? samplings[s] : "sampling=gaussian standard_deviation=0.5";
      struct models_setup micro =
          models_setup_new(models_golden.loss, noise, "m-sam", golden_rho, 4, m);
      struct models_setup full =
          models_setup_new(models_golden.loss, noise, "n-sam", golden_rho, 4, m);
      double f[2], whole[2], expected[2];
      models_moments(&micro.optimizer, bare, golden_start, f, NULL);
      models_moments(&micro.optimizer, order1, golden_start, whole, NULL);
      models_moments(&full.optimizer, order1, golden_start, expected, NULL);
      ck_assert_double_lt(models_distance(2, f, expected), 1e-13);
      ck_assert_double_gt(models_distance(2, whole, expected), 5e-4);
      models_setup_free(&micro);
      models_setup_free(&full);
    }
}
END_TEST

/* F at x, of a limit or of all batches, for its Jacobian by differences of fourth order. */
struct field {
  const struct optimizer *optimizer;
  const struct models_sum *sum; /* all batches of it; NULL: the limit of first order in eta */
  enum limit_rho_order rho_order;
};

static void field_at(const struct field *field, const double x[2], double f[2])
{
  struct limit_options options = order1;
  double covariance[4];
  options.rho_order = field->rho_order;
  if (field->sum != NULL)
    models_enumerate(field->sum, models_draw_of(field->optimizer), x, f, covariance);
  else
    models_moments(field->optimizer, options, x, f, NULL);
}

/* F + (eta/2) DF F */
static void second_order(const struct field *field, const double x[2], double out[2])
{
  static const double h = 5e-4, offset[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
  double f[2], slope[2] = {0, 0};
  field_at(field, x, f);
  for (size_t k = 0; k < 2; k++)
    for (size_t s = 0; s < 4; s++) {
      double y[2] = {x[0], x[1]}, fy[2];
      y[k] += offset[s] * h;
      field_at(field, y, fy);
      slope[0] += weight[s] * fy[0] / (12 * h) * f[k];
      slope[1] += weight[s] * fy[1] / (12 * h) * f[k];
    }
  out[0] = f[0] + field->optimizer->eta / 2 * slope[0];
  out[1] = f[1] + field->optimizer->eta / 2 * slope[1];
}

/* Every optimizer that needs no sampling, on a sum: the drift and, unchanged, the noise; by
 * columns too, where a quadratic's limit is not interpolated. */
static void assert_second_order(const struct models_sum *sum, const char *name,
                                enum limit_rho_order rho_order, enum limit_factor factor,
                                const double x[2], double tolerance)
{
  for (int replacement = 0; replacement < 2; replacement++) {
    struct models_setup setup =
        models_setup_new(sum->loss, samplings[replacement], name, 0.1, 4, 2);
    struct field field = {&setup.optimizer, rho_order == LIMIT_RHO_ORDER_EXACT ? sum : NULL,
                          rho_order};
    struct limit_options options = {
        .eta_order = 2, .rho_order = rho_order, .variance_term = true, .factor = factor};
    double f[2], sigma[4], expected[2], first[2], noise[4];
    models_moments(&setup.optimizer, options, x, f, sigma);
    second_order(&field, x, expected);
    double off = models_distance(2, f, expected);
    ck_assert_msg(off < tolerance, "%s, rho_order %d, %s: F is off by %g", name, (int)rho_order,
                  sum->loss, off);
    options.eta_order = 1;
    models_moments(&setup.optimizer, options, x, first, noise);
    ck_assert_double_gt(models_distance(2, first, expected), 1e-2);
    ck_assert_double_lt(models_distance(4, sigma, noise), 1e-13);
    models_setup_free(&setup);
  }
}

START_TEST(second_order_in_eta)
{
  const struct gradient_rule *type = gradient_rules()[_i];
  static const double beside[2] = {1.8, 0.9670}; /* no g_I changes its sign near by */
  for (int order = LIMIT_RHO_ORDER_0; order <= LIMIT_RHO_ORDER_EXACT; order++)
    for (int factor = LIMIT_FACTOR_AUTO;
         factor <= LIMIT_FACTOR_CHOLESKY && !models_is_reweighted(type); factor++) {
      assert_second_order(&models_golden, type->name, (enum limit_rho_order)order,
                          (enum limit_factor)factor, golden_start, 1e-9);
      assert_second_order(&models_valley6, type->name, (enum limit_rho_order)order,
                          (enum limit_factor)factor, beside, 1e-6);
    }
}
END_TEST

/* Fresh directions a step, to second order in eta: DF and F come from others, else the product of
 * their errors, here of the size of eta/2 tr(Cov), would stay. */
START_TEST(sampled_second_order_is_unbiased)
{
  for (int which = 0; which < 2; which++) {
    struct models_setup setup =
        models_setup_new(models_golden.loss, samplings[1], which ? "m-sam" : "m-usam", 0.3, 1, 1);
    setup.optimizer.eta = 0.5;
    struct limit_options options = exact;
    options.eta_order = 2;
    options.directions = 2;
    struct field field = {&setup.optimizer, &models_golden, LIMIT_RHO_ORDER_EXACT};
    double expected[2], biased[2];
    second_order(&field, golden_start, expected);
    struct models_sample sample = models_drift_sample(&setup.optimizer, options, golden_start,
                                                      testing_size(1 << 19), expected);
    struct testing_family right = {0}, wrong = {0};
    models_compare_means(&sample, expected, &right, setup.optimizer.rule->name);
    testing_assert_agrees(&right);
    /* Shared directions would add (eta/2) E (Du - DF)(u - F) / 2; for rho = 0, (eta/8)
     * grad tr V. */
    for (size_t k = 0; k < 2; k++)
      biased[k] = expected[k] + setup.optimizer.eta / 8 * golden_noise_trace_gradient[k];
    models_compare_means(&sample, biased, &wrong, setup.optimizer.rule->name);
    testing_assert_notices(&wrong);
    models_setup_free(&setup);
  }
}
END_TEST

/* H v of the golden quadratic. */
static void golden_hessian_vector(const double v[2], double hv[2])
{
  hv[0] = hv[1] = 0;
  for (size_t i = 0; i < GOLDEN_SAMPLES; i++)
    for (size_t k = 0; k < 2; k++)
      hv[k] +=
          (golden_samples[i][2 * k] * v[0] + golden_samples[i][2 * k + 1] * v[1]) / GOLDEN_SAMPLES;
}

/* Gaussian noise of the diagonal covariance (0.16, 0.64): F = g + rho H E[Z/|Z|] exactly. */
START_TEST(gaussian_noise_by_the_integral)
{
  for (size_t m = 1; m <= 4; m *= 2) {
    struct models_setup setup = models_setup_new(
        models_golden.loss, "sampling=gaussian structure=diagonal standard_deviations=0.4,0.8",
        "m-sam", golden_rho, 4, m);
    double c = 1 / (double)m, direction[2], other[2], moved[2], f[2], wrong[2];
    gaussian_norm(2, golden_gradient, (double[]){0.16 * c, 0.64 * c}, direction);
    gaussian_norm(2, golden_gradient, (double[]){0.16 * c / 2, 0.64 * c / 2}, other);
    golden_hessian_vector(direction, moved);
    golden_hessian_vector(other, wrong);
    for (size_t k = 0; k < 2; k++) {
      moved[k] = golden_gradient[k] + golden_rho * moved[k];
      wrong[k] = golden_gradient[k] + golden_rho * wrong[k];
    }
    models_moments(&setup.optimizer, order1, golden_start, f, NULL);
    ck_assert_double_lt(models_distance(2, f, moved), 1e-12);
    ck_assert_double_gt(models_distance(2, f, wrong), 1e-4);
    models_setup_free(&setup);
  }
}
END_TEST

/* Directions drawn afresh have that mean, for a quadratic; and the sampled exact limit too. The
 * twin is the drift of n-sam. */
START_TEST(gaussian_noise_by_fresh_draws)
{
  static const char noise[] = "sampling=gaussian structure=dense covariance=2.5,1;1,1.3";
  struct testing_family right = {0}, wrong = {0};
  struct limit_options bare = order1;
  bare.variance_term = false;
  for (size_t m = 1; m <= 4; m *= 2) {
    struct models_setup setup = models_setup_new(models_golden.loss, noise, "m-sam", 1, 4, m);
    double f[2], other[2];
    models_moments(&setup.optimizer, order1, golden_start, f, NULL);
    models_moments(&setup.optimizer, bare, golden_start, other, NULL);
    struct models_sample drawn =
        models_directions(&setup.optimizer, golden_start, testing_size(1 << 18), f);
    struct models_sample sampled =
        models_drift_sample(&setup.optimizer, exact, golden_start, testing_size(1 << 14), f);
    models_compare_means(&drawn, f, &right, "directions");
    models_compare_means(&sampled, f, &right, "sampled limit");
    models_compare_means(&drawn, other, &wrong, "n-sam");
    models_setup_free(&setup);
  }
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
}
END_TEST

/* E|Z|, Z ~ N(g, V/m), in the eigenbasis of a 2 x 2 covariance. */
static double closure_norm(const struct models_sum *sum, size_t m, const double x[2])
{
  double g[2] = {0, 0}, v[3] = {0, 0, 0}, n = (double)sum->samples;
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < sum->samples; i++) {
      double gi[2];
      sum->gradient(sum, i, x, gi);
      g[0] += pass ? 0 : gi[0] / n;
      g[1] += pass ? 0 : gi[1] / n;
      v[0] += pass * (gi[0] - g[0]) * (gi[0] - g[0]) / n;
      v[1] += pass * (gi[0] - g[0]) * (gi[1] - g[1]) / n;
      v[2] += pass * (gi[1] - g[1]) * (gi[1] - g[1]) / n;
    }
  double angle = atan2(2 * v[1], v[0] - v[2]) / 2, c = cos(angle), s = sin(angle), s2 = 2 * s * c;
  double mu[2] = {c * g[0] + s * g[1], c * g[1] - s * g[0]};
  double lambda[2] = {c * c * v[0] + s2 * v[1] + s * s * v[2],
                      s * s * v[0] - s2 * v[1] + c * c * v[2]};
  for (size_t k = 0; k < 2; k++)
    lambda[k] = fmax(lambda[k], 0) / (double)m;
  return gaussian_norm(2, mu, lambda, NULL);
}

/* The Gaussian integral for finite sums: grad E|Z|, which is near grad E|g_I| for m = 4, nearer
 * than H g/|g|. */
START_TEST(gaussian_closure_of_finite_sums)
{
  struct models_setup setup =
      models_setup_new(models_golden.loss, samplings[1], "m-sam", golden_rho, 4, 4);
  struct limit_options bare = order1;
  bare.variance_term = false;
  double closure[2], enumerated[2], plain[2], gradient[2], zero[2] = {0, 0};
  models_moments(&setup.optimizer, with_norm(LIMIT_NORM_GAUSSIAN, 0), golden_start, closure, NULL);
  models_moments(&setup.optimizer, with_norm(LIMIT_NORM_ENUMERATE, 0), golden_start, enumerated,
                 NULL);
  models_moments(&setup.optimizer, bare, golden_start, plain, NULL);
  for (size_t k = 0; k < 2; k++) {
    static const double h = 1e-3;
    double y[2] = {golden_start[0], golden_start[1]}, value[2];
    for (size_t side = 0; side < 2; side++) {
      y[k] = golden_start[k] + (side ? h : -h);
      value[side] = closure_norm(&models_golden, 4, y);
    }
    gradient[k] = golden_gradient[k] + golden_rho * (value[1] - value[0]) / (2 * h);
  }
  ck_assert_double_lt(models_distance(2, closure, gradient), 1e-6);
  double size = models_distance(2, enumerated, golden_gradient);
  ck_assert_double_gt(models_distance(2, enumerated, zero), size);
  ck_assert_double_lt(models_distance(2, closure, enumerated), 0.03 * size);
  ck_assert_double_gt(models_distance(2, closure, enumerated), 1e-6 * size);
  ck_assert_double_lt(models_distance(2, closure, enumerated),
                      0.8 * models_distance(2, plain, enumerated));
  models_setup_free(&setup);
}
END_TEST

/* f = g + rho grad E|Z|, Z ~ N(g, V/m), by differences of step h. */
static void closure_drift(const struct models_sum *sum, size_t m, const double x[2], double rho,
                          double h, double f[2])
{
  f[0] = f[1] = 0;
  for (size_t i = 0; i < sum->samples; i++) {
    double gi[2];
    sum->gradient(sum, i, x, gi);
    f[0] += gi[0] / (double)sum->samples;
    f[1] += gi[1] / (double)sum->samples;
  }
  for (size_t k = 0; k < 2; k++)
    for (int sign = -1; sign <= 1; sign += 2) {
      double y[2] = {x[0], x[1]};
      y[k] += sign * h;
      f[k] += sign * rho * closure_norm(sum, m, y) / (2 * h);
    }
}

/* The covariance is that of a micro-batch, V/m, and not that of the batch, V/b. At (1.5, -1) in the
 * valley V is singular, and E|Z| smooth in its range alone. The differences of the reference are
 * off by up to 1e-8. */
START_TEST(gaussian_closure_is_of_the_micro_batch)
{
  const struct models_sum *sum = _i ? &models_valley6 : &models_golden;
  static const double points[][2] = {{1.5, -1}, {1.8, 0.7}, {-0.2, 0.1}};
  for (size_t m = 1; m <= 2; m++) {
    double apart = 0;
    for (size_t k = 0; k < 3; k++) {
      struct models_setup setup =
          models_setup_new(sum->loss, samplings[1], "m-sam", golden_rho, 4, m);
      double f[2], right[2], wrong[2];
      models_moments(&setup.optimizer, with_norm(LIMIT_NORM_GAUSSIAN, 0), points[k], f, NULL);
      closure_drift(sum, m, points[k], golden_rho, 1e-4, right);
      closure_drift(sum, 4, points[k], golden_rho, 1e-4, wrong);
      ck_assert_double_lt(models_distance(2, f, right), 1e-6);
      apart = fmax(apart, models_distance(2, f, wrong));
      models_setup_free(&setup);
    }
    ck_assert_double_gt(apart, 1e-3);
  }
}
END_TEST

static void pure_gradient(const struct models_sum *sum, size_t i, const double x[2], double g[2])
{
  (void)sum;
  const double *a = golden_samples[i];
  g[0] = a[0] * x[0] + a[1] * x[1];
  g[1] = a[2] * x[0] + a[3] * x[1];
}

/* Where every f_i is a form of degree 2 without a linear part, E|Z| grows like |x|, so its gradient
 * is the same at x and at s x, and F + (eta/2) DF F is H x + (eta/2) H^2 x to O(1): however small
 * or large s is, no fixed step of a difference suits both. */
START_TEST(gaussian_closure_at_any_scale)
{
  static const double scales[] = {1e-12, 1e-5, 1, 1e7};
  static const double x[2] = {1.5, -1}, eta = 0.1;
  char *file = models_file("A11,A12,A21,A22,b1,b2\n2,0.5,0.5,1,0,0\n1,-0.25,-0.25,0.5,0,0\n"
                           "1.5,0,0,2,0,0\n0.5,0.25,0.25,0.5,0,0\n");
  char *loss = sde_format("quadratic data=%s", file);
  struct models_sum sum = {loss, true, GOLDEN_SAMPLES, pure_gradient};
  double s = scales[_i], y[2] = {s * x[0], s * x[1]}, f[2], f2[2], right[2];
  struct models_setup setup = models_setup_new(loss, samplings[1], "m-sam", s, 4, 2);
  setup.optimizer.eta = eta;
  struct limit_options second = with_norm(LIMIT_NORM_GAUSSIAN, 0);
  second.eta_order = 2;
  models_moments(&setup.optimizer, with_norm(LIMIT_NORM_GAUSSIAN, 0), y, f, NULL);
  closure_drift(&sum, 2, x, 1, 1e-3, right);
  /* With rho = s the two parts of F are of one size; right has an error of h^2. */
  ck_assert_double_lt(fabs(f[0] / s - right[0]), 1e-6);
  ck_assert_double_lt(fabs(f[1] / s - right[1]), 1e-6);
  setup.optimizer.rho = 1;
  models_moments(&setup.optimizer, with_norm(LIMIT_NORM_GAUSSIAN, 0), y, f, NULL);
  models_moments(&setup.optimizer, second, y, f2, NULL);
  if (s > 1) {
    static const double h[2][2] = {{1.25, 0.125}, {0.125, 1}};
    for (size_t i = 0; i < 2; i++) {
      double added = eta / 2 * (h[i][0] * f[0] + h[i][1] * f[1]);
      ck_assert_double_lt(fabs(f2[i] - f[i] - added), 1e-5 * fabs(added));
    }
  }
  models_setup_free(&setup);
  models_file_remove(file);
  sde_free(loss);
}
END_TEST

/* Fresh micro-batches a step: the mean of the drift is that by enumeration; the twin's m is
 * another. */
START_TEST(sampled_norms_are_unbiased)
{
  static const double beside[2] = {1.8, 0.7};
  for (int replacement = 0; replacement < 2; replacement++) {
    const struct models_sum *sum = _i ? &models_valley6 : &models_golden;
    const double *x = _i ? beside : golden_start;
    struct models_setup setup =
        models_setup_new(sum->loss, samplings[replacement], "m-sam", 1, 4, 2);
    struct models_setup other =
        models_setup_new(sum->loss, samplings[replacement], "m-sam", 1, 4, 1);
    double f[2], wrong[2];
    models_moments(&setup.optimizer, with_norm(LIMIT_NORM_ENUMERATE, 0), x, f, NULL);
    models_moments(&other.optimizer, with_norm(LIMIT_NORM_ENUMERATE, 0), x, wrong, NULL);
    struct models_sample sample = models_drift_sample(
        &setup.optimizer, with_norm(LIMIT_NORM_SAMPLE, 3), x, testing_size(1 << 18), f);
    struct testing_family right = {0}, noticed = {0};
    struct models_sample fewer = models_drift_sample(
        &setup.optimizer, with_norm(LIMIT_NORM_SAMPLE, 2), x, testing_size(1 << 18), f);
    /* Each of the micro-batches of a step is a separate draw. */
    ck_assert_double_eq_tol(
        sde_moments_variance(fewer.entry[0]) / sde_moments_variance(sample.entry[0]), 1.5, 0.1);
    models_compare_means(&sample, f, &right, samplings[replacement]);
    models_compare_means(&sample, wrong, &noticed, samplings[replacement]);
    testing_assert_agrees(&right);
    testing_assert_notices(&noticed);
    models_setup_free(&setup);
    models_setup_free(&other);
  }
}
END_TEST

/* Proposition 3.9, on random vectors g_i of its own instance: n of 2 to 6 in d = 1 to 3. */
struct vectors {
  size_t n, d;
  double g[6 * 3];
};

static struct vectors vectors_of(size_t instance)
{
  double numbers[18 * SDE_UNIT];
  struct vectors v = {.n = 2 + instance % 5, .d = 1 + instance / 5 % 3};
  sde_random_normals(&(struct sde_address){sde_stream_named(39, "g"), instance * SDE_UNIT, 0},
                     SDE_UNIT, 18, numbers);
  for (size_t i = 0; i < 18; i++)
    v.g[i] = numbers[i * SDE_UNIT];
  return v;
}

/* sum_c p_c |g_I|^power */
static double mean_power(const struct vectors *v, size_t m, bool replacement, double power)
{
  struct enumeration all = enumeration_new(v->n, m, replacement);
  double mean = 0;
  for (size_t c = 0; c < all.count; c++) {
    double square = 0;
    for (size_t k = 0; k < v->d; k++) {
      double sum = 0;
      for (size_t i = 0; i < m; i++)
        sum += v->g[all.index[c * m + i] * v->d + k] / (double)m;
      square += sum * sum;
    }
    mean += all.probability[c] * pow(square, power / 2);
  }
  enumeration_free(&all);
  return mean;
}

START_TEST(norms_do_not_increase_with_the_micro_batch)
{
  size_t smaller = 0, steps = 0, concave_increases = 0;
  for (size_t instance = 0; instance < 1000; instance++)
    for (int replacement = 0; replacement < 2; replacement++) {
      struct vectors v = vectors_of(instance);
      double last = INFINITY, last_concave = INFINITY;
      for (size_t m = 1; m <= (replacement ? 4 : v.n); m++) {
        double norm = mean_power(&v, m, replacement, 1);
        double concave = mean_power(&v, m, replacement, -1);
        ck_assert_msg(norm <= last + 1e-14, "instance %zu, m = %zu, %s: %.17g after %.17g",
                      instance, m, samplings[replacement], norm, last);
        steps += m > 1;
        smaller += norm < last - 1e-6 && m > 1;
        concave_increases += concave > last_concave + 1e-14;
        last = norm;
        last_concave = concave;
      }
    }
  /* It does fall mostly, and what is not convex in g_I increases: the twin. */
  ck_assert_uint_gt(smaller, steps * 9 / 10);
  ck_assert_uint_gt(concave_increases, 1000);
}
END_TEST

/* Directions of a block at one address, each path at its own point. */
static void directions(const struct optimizer *optimizer, double u[2 * WIDTH])
{
  double x[2 * WIDTH];
  sde_random_normals(&(struct sde_address){sde_stream_named(2, "x"), 0, 0}, WIDTH, 2, x);
  struct optimizer_workspace *workspace = optimizer_workspace_new(optimizer, WIDTH);
  struct sde_address at = {sde_stream_named(2, "batch"), 128, 7};
  optimizer_gradient(optimizer, workspace, &at, WIDTH, x, u);
  optimizer_workspace_free(workspace);
}

START_TEST(reweighting_by_nothing_is_sam)
{
  for (int norms = 0; norms < 2; norms++)
    for (int replacement = 0; replacement < 2; replacement++)
      for (size_t b = 1; b <= 4; b++) {
        struct models_setup sam =
            models_setup_new(models_golden.loss, samplings[replacement], "sam", 0.2, b, b);
        struct models_setup rw =
            models_setup_new(models_golden.loss, samplings[replacement], "rw-sam", 0.2, b, b);
        double u[2 * WIDTH], same[2 * WIDTH];
        rw.optimizer.rule_setting[RW_SAM_EXACT_NORMS] = norms;
        rw.optimizer.rule_setting[RW_SAM_LAMBDA] = 0;
        directions(&sam.optimizer, u);
        directions(&rw.optimizer, same);
        ck_assert(memcmp(u, same, sizeof u) == 0);
        rw.optimizer.rule_setting[RW_SAM_LAMBDA] = 1;
        directions(&rw.optimizer, same);
        ck_assert(b == 1 ? models_distance(2 * WIDTH, u, same) < 1e-13
                         : models_distance(2 * WIDTH, u, same) > 1e-2);
        models_setup_free(&sam);
        models_setup_free(&rw);
      }
}
END_TEST

/* b = n without replacement: the perturbation is along the largest g_i, here that of sample 1 of
 * the golden case, |g_1| = (1.5, -0.25); not the smallest, nor the mean. */
START_TEST(reweighting_by_much_follows_the_largest_gradient)
{
  double largest = 0, u[2], covariance[4], f[2] = {0, 0}, e[2] = {0, 0}, other[2], sam[2], h[2];
  struct models_setup setup =
      models_setup_new(models_golden.loss, samplings[0], "rw-sam", golden_rho, 4, 4);
  setup.optimizer.rule_setting[RW_SAM_LAMBDA] = 1e5;
  for (size_t i = 0; i < GOLDEN_SAMPLES; i++) {
    double g[2];
    models_golden.gradient(&models_golden, i, golden_start, g);
    if (hypot(g[0], g[1]) > largest) {
      largest = hypot(g[0], g[1]);
      e[0] = g[0] / largest;
      e[1] = g[1] / largest;
    }
  }
  golden_hessian_vector(e, h);
  for (size_t k = 0; k < 2; k++)
    f[k] = golden_gradient[k] + golden_rho * h[k];
  struct models_sample sample = models_directions(&setup.optimizer, golden_start, WIDTH, f);
  for (size_t k = 0; k < 2; k++)
    u[k] = sample.entry[k].mean;
  ck_assert_double_lt(models_distance(2, u, f), 1e-13);
  ck_assert_double_lt(sde_moments_variance(sample.entry[0]), 1e-26);
  struct models_draw draw = models_draw_of(&setup.optimizer);
  draw.lambda = 1;
  models_enumerate(&models_golden, draw, golden_start, other, covariance);
  draw.lambda = 0;
  models_enumerate(&models_golden, draw, golden_start, sam, covariance);
  ck_assert_double_gt(models_distance(2, u, other), 1e-3);
  ck_assert_double_gt(models_distance(2, u, sam), 1e-3);
  models_setup_free(&setup);
}
END_TEST

START_TEST(weights_sum_to_one)
{
  enum { BATCH = 5 };
  static const double lambdas[] = {0, 1e-3, 1, 30, 1e4, 1e300};
  double scores[BATCH * WIDTH], weight[BATCH * WIDTH];
  sde_random_uniforms(&(struct sde_address){sde_stream_named(4, "s"), 0, 0}, WIDTH, BATCH, scores);
  for (size_t l = 0; l < sizeof lambdas / sizeof *lambdas; l++) {
    memcpy(weight, scores, sizeof scores);
    rw_sam_softmax(BATCH, WIDTH, lambdas[l], weight);
    for (size_t p = 0; p < WIDTH; p++) {
      double sum = 0;
      for (size_t i = 0; i < BATCH; i++) {
        double own = weight[i * WIDTH + p], total = 0;
        for (size_t k = 0; k < BATCH; k++)
          total += exp(lambdas[l] * (scores[k * WIDTH + p] - scores[i * WIDTH + p]));
        ck_assert_double_eq_tol(own, 1 / total, 1e-14);
        sum += own;
      }
      ck_assert_double_eq_tol(sum, 1, 1e-15 * BATCH);
    }
  }
}
END_TEST

/* Through the directions: lambda s_i = 1e4 and more overflow exp, and 0/0 is NaN. */
START_TEST(large_scores_do_not_overflow)
{
  for (double lambda = 1; lambda < 1e10; lambda *= 10) {
    double u[2 * WIDTH], largest = 0;
    struct models_setup setup = models_setup_new("valley samples=6 standard_deviation=1e4",
                                                 samplings[1], "rw-sam", 0.1, 4, 4);
    setup.optimizer.rule_setting[RW_SAM_LAMBDA] = lambda;
    directions(&setup.optimizer, u);
    for (size_t i = 0; i < 2 * WIDTH; i++) {
      ck_assert(isfinite(u[i]));
      largest = fmax(largest, fabs(u[i]));
    }
    ck_assert_double_gt(largest, 1e3);
    models_setup_free(&setup);
  }
}
END_TEST

/* Scores are |g_i.z| + O(delta): halving delta halves what it changes in the directions. */
START_TEST(estimated_scores_converge_with_delta)
{
  static const double deltas[] = {1e-7, 2e-3, 1e-3};
  double u[3][2 * WIDTH];
  for (size_t k = 0; k < 3; k++) {
    struct models_setup setup =
        models_setup_new(models_golden.loss, samplings[1], "rw-sam", 0.5, 4, 4);
    setup.optimizer.rule_setting[RW_SAM_EXACT_NORMS] = false;
    setup.optimizer.rule_setting[RW_SAM_DELTA] = deltas[k];
    directions(&setup.optimizer, u[k]);
    models_setup_free(&setup);
  }
  double far = models_distance(2 * WIDTH, u[1], u[0]);
  double near = models_distance(2 * WIDTH, u[2], u[0]);
  ck_assert(far > 1e-6 && far < 1e-1);
  ck_assert_double_eq_tol(far / near, 2, 0.05);
}
END_TEST

/* That they are these products is seen through the mean direction over all batches and z, where
 * errors of first order in delta cancel between z and -z. The twin is exact norms. */
START_TEST(estimated_scores_are_products_with_z)
{
  double off[2];
  for (size_t half = 0; half < 2; half++) {
    struct models_setup setup =
        models_setup_new(models_golden.loss, samplings[1], "rw-sam", 0.5, 2, 2);
    setup.optimizer.rule_setting[RW_SAM_EXACT_NORMS] = false;
    setup.optimizer.rule_setting[RW_SAM_DELTA] = half ? 1e-3 : 2e-3;
    setup.optimizer.rule_setting[RW_SAM_LAMBDA] = 4;
    struct models_draw draw = models_draw_of(&setup.optimizer);
    double mean[2], covariance[4], limit[2], norms[2], others[4];
    models_enumerate(&models_golden, draw, golden_start, mean, covariance);
    draw.delta = 0;
    models_enumerate(&models_golden, draw, golden_start, limit, others);
    off[half] = models_distance(2, mean, limit);
    draw.exact_norms = true;
    models_enumerate(&models_golden, draw, golden_start, norms, others);
    struct models_sample sample =
        models_directions(&setup.optimizer, golden_start, testing_size(1 << 18), mean);
    struct testing_family right = {0}, wrong = {0};
    models_sample_compare(&sample, mean, covariance, &right, "along z");
    models_compare_means(&sample, norms, &wrong, "exact norms");
    testing_assert_agrees(&right);
    testing_assert_notices(&wrong);
    models_setup_free(&setup);
  }
  ck_assert_double_lt(off[0], 1e-3);
  ck_assert_double_eq_tol(off[0] / off[1], 4, 0.05);
}
END_TEST

/* Both ways to have its scores; the twin is the drift of sam. */
START_TEST(reweighted_limits_are_unbiased)
{
  for (int norms = 0; norms < 2; norms++) {
    struct models_setup setup =
        models_setup_new(models_golden.loss, samplings[1], "rw-sam", 0.5, 4, 4);
    setup.optimizer.rule_setting[RW_SAM_EXACT_NORMS] = norms;
    struct models_draw draw = models_draw_of(&setup.optimizer);
    double mean[2], covariance[4], spurious[4], sam[2], others[4];
    models_enumerate(&models_golden, draw, golden_start, mean, covariance);
    draw.lambda = 0;
    models_enumerate(&models_golden, draw, golden_start, sam, others);
    for (size_t k = 0; k < 4; k++)
      spurious[k] = covariance[k] / 16;
    struct models_sample sample =
        models_drift_sample(&setup.optimizer, exact, golden_start, testing_size(1 << 16), mean);
    struct testing_family right = {0}, wrong = {0};
    models_sample_compare(&sample, mean, spurious, &right, "rw-sam");
    models_compare_means(&sample, sam, &wrong, "sam");
    testing_assert_agrees(&right);
    testing_assert_notices(&wrong);
    models_setup_free(&setup);
  }
}
END_TEST

static void assert_refused(const char *noise, const char *name, struct limit_options options,
                           const char *words)
{
  struct models_setup setup = models_setup_new(models_golden.loss, noise, name, 0.1, 4, 2);
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(
      limit_new(&setup.optimizer, &options, sde_stream_named(1, ""), "recipe:12", &status));
  models_assert_refused(&status, "recipe:12", words);
  models_setup_free(&setup);
}

START_TEST(impossible_limits_are_refused)
{
  struct limit_options bare = exact;
  bare.variance_term = false;
  assert_refused("", "rw-sam", order1, "rw-sam|rho_order|0 or exact");
  assert_refused("", "sam", bare, "variance_term|rho_order 1");
}
END_TEST

/* At a minimum where all g_i are zero nothing perturbs, the point stays, and there is no NaN; the
 * twin stands beside it. */
START_TEST(zero_gradients_do_not_perturb)
{
  const struct gradient_rule *type = gradient_rules()[_i];
  for (size_t s = 0; s < 2; s++) {
    struct models_setup setup = models_setup_new("valley samples=3 standard_deviation=0",
                                                 samplings[s], type->name, 0.1, 2, 1);
    for (int order = LIMIT_RHO_ORDER_0; order <= LIMIT_RHO_ORDER_EXACT; order++)
      for (int eta_order = 1; eta_order <= 2; eta_order++) {
        struct limit_options options = {.eta_order = eta_order,
                                        .rho_order = (enum limit_rho_order)order,
                                        .variance_term = true};
        static const double minimum[] = {2, 0.5}, beside[] = {2, 0.25}, zero[4] = {0};
        double f[2], sigma[4];
        if (models_is_reweighted(type) && order == LIMIT_RHO_ORDER_1)
          continue;
        models_moments(&setup.optimizer, options, minimum, f, sigma);
        ck_assert(models_distance(2, f, zero) == 0 && models_distance(4, sigma, zero) == 0);
        models_moments(&setup.optimizer, options, beside, f, NULL);
        ck_assert_double_gt(models_distance(2, f, zero), 0.1);
        struct models_sample at = models_directions(&setup.optimizer, minimum, WIDTH, zero);
        ck_assert(at.entry[0].mean == 0 && at.product[2].mean == 0);
      }
    models_setup_free(&setup);
  }
}
END_TEST

/* No noise at all, or a mean of zero; E|Z| has a kink there, which differences smooth. */
START_TEST(zero_gradients_do_not_perturb_the_integral)
{
  static const double minimum[] = {2, 0.5}, zero[2] = {0};
  for (int norm = LIMIT_NORM_GAUSSIAN; norm <= LIMIT_NORM_SAMPLE; norm++)
    for (int noise = 0; noise < (norm == LIMIT_NORM_SAMPLE ? 1 : 2); noise++) {
      struct models_setup setup = models_setup_new(
          "valley samples=3 standard_deviation=0",
          noise ? "sampling=gaussian standard_deviation=0.5" : samplings[1], "m-sam", 0.1, 2, 1);
      double f[2];
      models_moments(&setup.optimizer, with_norm((enum limit_norm_source)norm, 2), minimum, f,
                     NULL);
      ck_assert_double_lt(models_distance(2, f, zero), 1e-5);
      models_setup_free(&setup);
    }
}
END_TEST

/* E f at golden_time by a map of sde/linear. */
static double linear_loss(struct sde_linear_map *map, double eta)
{
  double moments[6], mean[2], second[4], f = 0;
  ck_assert_ptr_nonnull(map);
  ck_assert_uint_eq(sde_linear_size(2), 6);
  sde_linear_point(2, golden_start, moments);
  sde_linear_advance(map, (uint64_t)llround(golden_time / eta), moments);
  sde_linear_map_free(map);
  sde_linear_mean(2, moments, mean);
  sde_linear_covariance(2, moments, second);
  for (size_t k = 0; k < 4; k++)
    second[k] += mean[k / 2] * mean[k % 2];
  for (size_t i = 0; i < GOLDEN_SAMPLES; i++) {
    for (size_t k = 0; k < 4; k++)
      f += golden_samples[i][k] * second[k] / 2 / GOLDEN_SAMPLES;
    f -= (golden_samples[i][4] * mean[0] + golden_samples[i][5] * mean[1]) / GOLDEN_SAMPLES;
  }
  return f;
}

/* All thirty numbers of section 9, whatever eta_order and factor the limit was asked for. */
START_TEST(exact_moments_are_those_printed)
{
  const struct golden_loss *row = &golden_losses[_i];
  for (int eta_order = 1; eta_order <= 2; eta_order++)
    for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++) {
      struct models_setup setup = models_setup_new(models_golden.loss, samplings[1], row->optimizer,
                                                   golden_rho, GOLDEN_BATCH, row->micro_batch);
      setup.optimizer.eta = row->eta;
      struct limit_options options = exact;
      options.eta_order = eta_order;
      options.factor = (enum limit_factor)factor;
      struct limit *limit = models_limit(&setup.optimizer, options);
      struct sde_linear_direction *direction = limit_direction_new(limit, NULL);
      ck_assert_ptr_nonnull(direction);
      struct sde_status status = {SDE_OK, ""};
      double iterates =
          linear_loss(sde_linear_iterates_new(direction, row->eta, "", &status), row->eta);
      double sde = linear_loss(sde_linear_sde_new(direction, row->eta, 1, "", &status), row->eta);
      double sde2 = linear_loss(sde_linear_sde_new(direction, row->eta, 2, "", &status), row->eta);
      ck_assert_double_eq_tol(iterates, row->iterates, 1e-12);
      ck_assert_double_eq_tol(sde, row->sde, 1e-12);
      ck_assert_double_eq_tol(sde2, row->sde2, 1e-12);
      ck_assert(fabs(sde2 - row->iterates) > 1e-5 && fabs(sde2 - row->sde) > 1e-4);
      limit_direction_free(direction);
      limit_free(limit);
      models_setup_free(&setup);
    }
}
END_TEST

/* No exact moments where F is not affine, or is estimated. */
static void assert_direction(const char *loss, const char *name, struct limit_options options,
                             bool expected)
{
  struct models_setup setup = models_setup_new(loss, samplings[1], name, 0.1, 4, 2);
  struct limit *limit = models_limit(&setup.optimizer, options);
  struct sde_linear_direction *direction = limit_direction_new(limit, NULL);
  ck_assert_msg((direction != NULL) == expected, "%s of %s", name, loss);
  limit_direction_free(direction);
  limit_free(limit);
  models_setup_free(&setup);
}

START_TEST(exact_moments_exist_for_affine_limits_alone)
{
  struct limit_options sampled = exact, order0 = order1;
  sampled.directions = 3;
  order0.rho_order = LIMIT_RHO_ORDER_0;
  for (const struct gradient_rule *const *type = gradient_rules(); *type != NULL; type++) {
    assert_direction(models_golden.loss, (*type)->name, exact, !(*type)->theory.normalized);
    if (!models_is_reweighted(*type))
      assert_direction(models_golden.loss, (*type)->name, order1, !(*type)->theory.normalized);
    assert_direction(models_golden.loss, (*type)->name, order0, true);
    assert_direction(models_valley6.loss, (*type)->name, exact, false);
  }
  assert_direction(models_golden.loss, "m-usam", sampled, false);
}
END_TEST

int main(void)
{
  int types = 0;
  while (gradient_rules()[types] != NULL)
    types++;
  Suite *suite = suite_create("family");
  TCase *sam = testing_case(suite, "normalised");
  tcase_add_loop_test(sam, mean_directions_and_norms, 0, GOLDEN_NORMS);
  tcase_add_loop_test(sam, exact_limits_are_the_moments_of_all_batches, 0, 3);
  tcase_add_loop_test(sam, order_1_drifts_miss_by_rho_squared, 0, 3);
  tcase_add_test(sam, variance_term);
  tcase_add_test(sam, norms_do_not_increase_with_the_micro_batch);
  tcase_add_loop_test(sam, zero_gradients_do_not_perturb, 0, types);
  tcase_add_test(sam, zero_gradients_do_not_perturb_the_integral);
  TCase *norm = testing_case(suite, "sources of the norm");
  tcase_add_test(norm, gaussian_noise_by_the_integral);
  tcase_add_test(norm, gaussian_noise_by_fresh_draws);
  tcase_add_test(norm, gaussian_closure_of_finite_sums);
  tcase_add_loop_test(norm, gaussian_closure_is_of_the_micro_batch, 0, 2);
  tcase_add_loop_test(norm, gaussian_closure_at_any_scale, 0, 4);
  tcase_add_loop_test(norm, sampled_norms_are_unbiased, 0, 2);
  TCase *eta = testing_case(suite, "second order");
  tcase_add_loop_test(eta, second_order_in_eta, 0, types);
  tcase_add_test(eta, sampled_second_order_is_unbiased);
  tcase_add_loop_test(eta, exact_moments_are_those_printed, 0, GOLDEN_LOSSES);
  tcase_add_test(eta, exact_moments_exist_for_affine_limits_alone);
  TCase *reweighted = testing_case(suite, "reweighted");
  tcase_add_test(reweighted, reweighting_by_nothing_is_sam);
  tcase_add_test(reweighted, reweighting_by_much_follows_the_largest_gradient);
  tcase_add_test(reweighted, weights_sum_to_one);
  tcase_add_test(reweighted, large_scores_do_not_overflow);
  tcase_add_test(reweighted, estimated_scores_converge_with_delta);
  tcase_add_test(reweighted, estimated_scores_are_products_with_z);
  tcase_add_test(reweighted, reweighted_limits_are_unbiased);
  tcase_add_test(reweighted, impossible_limits_are_refused);
  return testing_run(suite);
}
