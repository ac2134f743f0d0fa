/*
 * Limits: drift and noise of every optimizer's SDE against brute-force enumeration of its update
 * directions, coded apart in models_testing.c; orders in rho by halving rho; Gaussian noise
 * against quadrature; sampled limits against exact ones. Each has a twin that must be noticed.
 */
#include "sde/block.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <gsl/gsl_integration.h>
#include <math.h>
#include <string.h>

/* A finite sum, a batch and its micro-batches. */
struct batch_case {
  const struct models_sum *sum;
  size_t batch, micro_batch;
};

static const struct batch_case batches[] = {
    {&models_golden, 1, 1},  {&models_golden, 2, 1},  {&models_golden, 2, 2},
    {&models_golden, 4, 1},  {&models_golden, 4, 2},  {&models_golden, 4, 4},
    {&models_golden, 6, 2},  {&models_skewed6, 2, 2}, {&models_skewed6, 4, 2},
    {&models_skewed6, 4, 4}, {&models_skewed6, 3, 3}, {&models_valley6, 1, 1},
    {&models_valley6, 2, 2}, {&models_valley6, 4, 1}, {&models_valley6, 4, 2},
    {&models_valley6, 6, 2}, {&models_valley3, 2, 1}, {&models_valley3, 2, 2},
    {&models_valley3, 3, 1}, {&models_valley2, 1, 1}, {&models_valley2, 2, 1},
    {&models_valley2, 2, 2},
};
enum { BATCHES = sizeof batches / sizeof *batches };

static const double points[][2] = {{1.5, -1}, {1.8, 0.7}, {-0.7, 1.3}};
enum { POINTS = sizeof points / sizeof *points };

static const char WITHOUT[] = "sampling=without-replacement", WITH[] = "sampling=with-replacement";
static const char *const samplings[] = {WITHOUT, WITH};

/* Can it be drawn with (1) or without (0) replacement? */
static bool possible(const struct batch_case *c, int replacement)
{
  return replacement || c->batch <= c->sum->samples;
}

static const struct limit_options exact = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};
static const struct limit_options order1 = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1, .variance_term = true};
static const struct limit_options order0 = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_0, .variance_term = true};
static const struct limit_options no_variance_term = {.eta_order = 1,
                                                      .rho_order = LIMIT_RHO_ORDER_1};

static struct limit_options options_of(int rho_order, int factor)
{
  return (struct limit_options){.eta_order = 1,
                                .rho_order = (enum limit_rho_order)rho_order,
                                .variance_term = true,
                                .factor = (enum limit_factor)factor};
}

static struct models_setup setup_of(const struct batch_case *c, const char *optimizer,
                                    int replacement, double rho)
{
  return models_setup_new(c->sum->loss, samplings[replacement], optimizer, rho, c->batch,
                          c->micro_batch);
}

/* Of every optimizer that can be enumerated, with the batch and micro-batch of c: check the limit
 * for both samplings, at every point, with each way to form the noise. */
static void check_enumerable(const struct batch_case *c,
                             void (*check)(const struct batch_case *c,
                                           const struct optimizer *optimizer, int factor,
                                           const double x[2]))
{
  for (const struct gradient_rule *const *type = gradient_rules(); *type != NULL; type++)
    for (int replacement = 0; replacement < 2 && !models_is_reweighted(*type); replacement++)
      for (size_t k = 0; k < POINTS && possible(c, replacement); k++) {
        struct models_setup setup = setup_of(c, (*type)->name, replacement, 0.1);
        for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++)
          check(c, &setup.optimizer, factor, points[k]);
        models_setup_free(&setup);
      }
}

/* How far F and Sigma are from E u and Cov u. */
struct distance {
  double drift, noise;
};

static struct distance distance_of(const struct optimizer *optimizer, struct limit_options options,
                                   const struct models_sum *sum, struct models_draw draw,
                                   const double x[2])
{
  double f[2], sigma[4], mean[2], covariance[4];
  models_moments(optimizer, options, x, f, sigma);
  models_enumerate(sum, draw, x, mean, covariance);
  return (struct distance){models_distance(2, f, mean), models_distance(4, sigma, covariance)};
}

static void assert_exact(const struct batch_case *c, const struct optimizer *optimizer, int factor,
                         const double x[2])
{
  struct distance off = distance_of(optimizer, options_of(LIMIT_RHO_ORDER_EXACT, factor), c->sum,
                                    models_draw_of(optimizer), x);
  ck_assert_msg(off.drift < 1e-10 && off.noise < 1e-10,
                "%s, b = %zu, m = %zu, %s, factor %d, x1 = %g: F is off by %g, Sigma by %g",
                optimizer->rule->name, c->batch, optimizer->micro_batch,
                samplings[optimizer->objective->sampling == OBJECTIVE_WITH_REPLACEMENT], factor,
                x[0], off.drift, off.noise);
}

START_TEST(exact_limits_are_the_moments_of_all_batches)
{
  check_enumerable(&batches[_i], assert_exact);
}
END_TEST

/* What the test above would see of a mistake: another m, another optimizer, another sampling. */
START_TEST(exact_limits_of_something_else_would_be_noticed)
{
  struct batch_case c = {&models_golden, 4, 2};
  for (int replacement = 0; replacement < 2; replacement++) {
    struct models_setup setup = setup_of(&c, "m-usam", replacement, 0.1);
    struct models_draw right = models_draw_of(&setup.optimizer), wrong;
    struct distance off;
    for (size_t m = 1; m <= 4; m *= 4) {
      wrong = right;
      wrong.micro_batch = m;
      off = distance_of(&setup.optimizer, exact, c.sum, wrong, golden_start);
      ck_assert(off.drift > 5e-3 && off.noise > 3e-4);
    }
    wrong = right;
    wrong.perturbation = PERTURB_FULL_GRADIENT;
    off = distance_of(&setup.optimizer, exact, c.sum, wrong, golden_start);
    ck_assert(off.drift > 1e-2 && off.noise > 1e-2 * replacement);
    wrong = right;
    wrong.replacement = !replacement;
    off = distance_of(&setup.optimizer, exact, c.sum, wrong, golden_start);
    ck_assert(off.drift > 5e-3 && off.noise > 1e-1);
    wrong = right;
    wrong.rho = 0.09;
    off = distance_of(&setup.optimizer, exact, c.sum, wrong, golden_start);
    ck_assert(off.drift > 1e-2 && off.noise > 1e-5);
    models_setup_free(&setup);
  }
}
END_TEST

START_TEST(order_0_is_the_equation_of_sgd)
{
  const struct batch_case *c = &batches[_i];
  for (const struct gradient_rule *const *type = gradient_rules(); *type != NULL; type++)
    for (int replacement = 0; replacement < 2 && possible(c, 0); replacement++) {
      struct models_setup setup = setup_of(c, (*type)->name, replacement, 0.1);
      struct models_draw sgd = models_draw_of(&setup.optimizer), own = sgd;
      sgd.perturbation = PERTURB_NOTHING;
      for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++) {
        struct limit_options options = options_of(LIMIT_RHO_ORDER_0, factor);
        struct distance off = distance_of(&setup.optimizer, options, c->sum, sgd, points[0]);
        ck_assert(off.drift < 1e-13 && off.noise < 1e-13);
        off = distance_of(&setup.optimizer, options, c->sum, own, points[0]);
        ck_assert(own.perturbation == PERTURB_NOTHING || !models_is_of_the_paper(*type) ||
                  off.drift > 1e-2);
      }
      models_setup_free(&setup);
    }
}
END_TEST

/* What distances are divided by when rho is halved: 4 where they are O(rho^2), 2 where O(rho). */
static struct distance ratio_of(const struct distance off[2])
{
  return (struct distance){off[0].drift / off[1].drift, off[0].noise / off[1].noise};
}

/* `against` is what is enumerated; its rho is replaced. */
struct halving {
  struct distance at, ratio;
};

static struct halving halving_of(struct optimizer optimizer, struct limit_options options,
                                 const struct models_sum *sum, struct models_draw against,
                                 const double x[2])
{
  struct distance off[2];
  for (size_t k = 0; k < 2; k++) {
    optimizer.rho = against.rho = k == 0 ? 1e-4 : 5e-5;
    off[k] = distance_of(&optimizer, options, sum, against, x);
  }
  return (struct halving){off[0], ratio_of(off)};
}

static bool is_about(double expected, double ratio)
{
  return ratio > 0.875 * expected && ratio < 1.125 * expected;
}

static const double ROUNDING = 1e-13;

/* To first order in rho: F and Sigma miss by O(rho^2), and not at all where the theory says so: F
 * of quadratics; Sigma of quadratics for m = 1 and m-SAM, of n-USAM, and of a batch that is all
 * samples. */
static void assert_order_1(const struct batch_case *c, const struct optimizer *optimizer,
                           int factor, const double x[2])
{
  bool replacement = optimizer->objective->sampling == OBJECTIVE_WITH_REPLACEMENT;
  enum perturbation by = models_perturbation(optimizer->rule);
  size_t m = optimizer->micro_batch;
  if (!models_is_of_the_paper(optimizer->rule))
    return;
  bool drift_exact = c->sum->quadratic || by == PERTURB_NOTHING;
  bool linear = m == 1 || optimizer->rule->theory.normalized; /* Sigma is that of g_I + rho H_I e */
  bool noise_exact = by != PERTURB_MICRO_GRADIENT || (c->sum->quadratic && linear) ||
                     (!replacement && c->batch == c->sum->samples && (m == 1 || m == c->batch));
  /* Every e of m-SAM in the valley is (v, u) or its opposite: the rho^2 of u has no noise. */
  bool noise_better = !c->sum->quadratic && optimizer->rule->theory.normalized;
  struct halving h = halving_of(*optimizer, options_of(LIMIT_RHO_ORDER_1, factor), c->sum,
                                models_draw_of(optimizer), x);
  ck_assert_msg((drift_exact ? h.at.drift < ROUNDING : is_about(4, h.ratio.drift)) &&
                    (noise_exact    ? h.at.noise < ROUNDING
                     : noise_better ? h.at.noise < 1e-11
                                    : is_about(4, h.ratio.noise)),
                "%s, b = %zu, m = %zu, %s, factor %d, x1 = %g: F is off by %g, Sigma by %g, for "
                "rho/2 by %g and %g of it",
                optimizer->rule->name, c->batch, m, samplings[replacement], factor, x[0],
                h.at.drift, h.at.noise, 1 / h.ratio.drift, 1 / h.ratio.noise);
}

START_TEST(order_1_misses_by_rho_squared)
{
  check_enumerable(&batches[_i], assert_order_1);
}
END_TEST

/* Sigma for m = 1 with replacement is Cov u of a quadratic whatever rho, the drift as well. */
START_TEST(order_1_is_exact_for_quadratics_and_single_samples)
{
  for (size_t b = 1; b <= 4; b *= 2)
    for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++) {
      struct batch_case c = {&models_golden, b, 1};
      struct models_setup setup = setup_of(&c, "m-usam", 1, 0.5);
      struct limit_options options = options_of(LIMIT_RHO_ORDER_1, factor);
      struct models_draw draw = models_draw_of(&setup.optimizer);
      for (size_t k = 0; k < POINTS; k++) {
        struct distance off = distance_of(&setup.optimizer, options, c.sum, draw, points[k]);
        ck_assert(off.drift < 1e-12 && off.noise < 1e-12);
      }
      draw.rho = 0.49;
      struct distance off = distance_of(&setup.optimizer, options, c.sum, draw, points[0]);
      ck_assert(off.drift > 1e-3 && off.noise > 1e-3);
      models_setup_free(&setup);
    }
}
END_TEST

/* Twins of order_1_misses_by_rho_squared: what is compared differs by O(rho), by a wide margin. */
static void assert_wide(const char *name, double at, double ratio, double right,
                        const struct optimizer *optimizer, const char *what)
{
  ck_assert_msg(is_about(2, ratio) && at > 10 * right && at > 1e4 * ROUNDING,
                "%s, b = %zu, m = %zu: %s is off by %g, by %g of it for rho/2, and by %g when "
                "right",
                what, optimizer->batch, optimizer->micro_batch, name, at, 1 / ratio, right);
}

static void assert_drift_off(const struct optimizer *optimizer, struct limit_options options,
                             const struct batch_case *c, struct models_draw wrong,
                             const double x[2], const char *what)
{
  struct halving right = halving_of(*optimizer, order1, c->sum, models_draw_of(optimizer), x);
  struct halving off = halving_of(*optimizer, options, c->sum, wrong, x);
  assert_wide("F", off.at.drift, off.ratio.drift, right.at.drift, optimizer, what);
}

/* Without the variance term, with another m, with n-usam for usam, with the other sampling's c(m),
 * the drift is wrong to first order wherever the two differ at all. */
START_TEST(wrong_drifts_would_be_noticed)
{
  const struct batch_case *c = &batches[_i];
  size_t n = c->sum->samples, m = c->micro_batch;
  for (int replacement = 0; replacement < 2 && possible(c, replacement); replacement++)
    for (size_t k = 0; k < POINTS; k++) {
      struct models_setup setup = setup_of(c, "m-usam", replacement, 0.1);
      struct models_draw own = models_draw_of(&setup.optimizer), wrong = own;
      bool vanishes = !replacement && m == n; /* c(m) = 0 */
      if (!vanishes) {
        assert_drift_off(&setup.optimizer, no_variance_term, c, own, points[k],
                         "variance term left out");
        wrong.perturbation = PERTURB_FULL_GRADIENT;
        assert_drift_off(&setup.optimizer, order1, c, wrong, points[k], "n-usam for usam");
      }
      wrong = own;
      wrong.micro_batch = m == 1 ? c->batch : 1;
      if (wrong.micro_batch != m)
        assert_drift_off(&setup.optimizer, order1, c, wrong, points[k], "m changed");
      wrong = own;
      wrong.replacement = !replacement;
      if (m > 1 && c->batch <= n)
        assert_drift_off(&setup.optimizer, order1, c, wrong, points[k], "c(m) exchanged");
      models_setup_free(&setup);
    }
}
END_TEST

/* Sigma too tells m and the optimizers apart, to first order in rho; m only where the noise has a
 * third moment, which that of a valley has not. */
static void assert_noise_off(const struct optimizer *optimizer, struct limit_options options,
                             const struct batch_case *c, struct models_draw wrong, const char *what)
{
  const double *x = points[1];
  struct halving right = halving_of(*optimizer, order1, c->sum, models_draw_of(optimizer), x);
  struct halving off = halving_of(*optimizer, options, c->sum, wrong, x);
  assert_wide("Sigma", off.at.noise, off.ratio.noise, right.at.noise, optimizer, what);
}

START_TEST(wrong_noises_would_be_noticed)
{
  static const struct batch_case cases[] = {{&models_golden, 4, 2}, {&models_skewed6, 4, 2}};
  const struct batch_case *c = &cases[_i];
  struct models_setup setup = setup_of(c, "m-usam", 1, 0.1);
  struct models_draw own = models_draw_of(&setup.optimizer), wrong = own;
  assert_noise_off(&setup.optimizer, order0, c, own, "order 0");
  wrong.perturbation = PERTURB_FULL_GRADIENT;
  assert_noise_off(&setup.optimizer, order1, c, wrong, "n-usam for usam");
  wrong = own;
  wrong.micro_batch = 1;
  assert_noise_off(&setup.optimizer, order1, c, wrong, "m = 1 for 2");
  wrong.micro_batch = 4;
  assert_noise_off(&setup.optimizer, order1, c, wrong, "m = 4 for 2");
  models_setup_free(&setup);
}
END_TEST

/* Real data, m = 1: E u and Cov u are sums over the n samples. */
static void single_sample_moments(const struct optimizer *optimizer, const double *x, double *mean,
                                  double *covariance)
{
  const struct loss *loss = optimizer->objective->loss;
  size_t d = loss->dim, n = loss->samples, size = d * SDE_UNIT;
  double c = objective_batch_factor(optimizer->objective, optimizer->batch);
  double *block = sde_alloc(size, sizeof(double)), *y = sde_alloc(size, sizeof(double));
  double *g = sde_alloc(size, sizeof(double)), *u = sde_alloc(n * d, sizeof(double));
  for (size_t i = 0; i < d; i++)
    sde_block_fill(SDE_UNIT, x[i], block + i * SDE_UNIT);
  memset(mean, 0, d * sizeof *mean);
  memset(covariance, 0, d * d * sizeof *covariance);
  for (uint32_t k = 0; k < n; k++) {
    struct loss_samples sample = {&k, 0};
    loss->type->gradient(loss, SDE_UNIT, sample, block, g);
    sde_block_shift(size, block, optimizer->rho, g, y);
    loss->type->gradient(loss, SDE_UNIT, sample, y, g);
    for (size_t i = 0; i < d; i++) {
      u[k * d + i] = g[i * SDE_UNIT];
      mean[i] += g[i * SDE_UNIT] / (double)n;
    }
  }
  for (size_t k = 0; k < n; k++)
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++)
        covariance[i * d + j] +=
            c * (u[k * d + i] - mean[i]) * (u[k * d + j] - mean[j]) / (double)n;
  sde_free(block);
  sde_free(y);
  sde_free(g);
  sde_free(u);
}

/* |a - b| / |b| */
static double relative(size_t count, const double *a, const double *b)
{
  double *zero = sde_alloc(count, sizeof *zero);
  double result = models_distance(count, a, b) / models_distance(count, zero, b);
  sde_free(zero);
  return result;
}

/* Relative distances of F and Sigma, of any dimension; of Sigma NaN where there is no noise. */
static struct distance single_sample_distance(const struct optimizer *optimizer,
                                              struct limit_options options, const double *x)
{
  size_t d = optimizer->objective->loss->dim;
  double *f = sde_alloc(d, sizeof(double)), *sigma = sde_alloc(d, d * sizeof(double));
  double *mean = sde_alloc(d, sizeof(double)), *covariance = sde_alloc(d, d * sizeof(double));
  single_sample_moments(optimizer, x, mean, covariance);
  models_moments(optimizer, options, x, f, sigma);
  struct distance off = {relative(d, f, mean), relative(d * d, sigma, covariance)};
  sde_free(f);
  sde_free(sigma);
  sde_free(mean);
  sde_free(covariance);
  return off;
}

/* A point beside the start. */
static double *point_new(const struct loss *loss)
{
  double *x = sde_alloc(loss->dim, sizeof *x);
  for (size_t i = 0; i < loss->dim; i++)
    x[i] = 0.3 * sin(1 + 2.7 * (double)i) + (loss->start == NULL ? 0 : loss->start[i]);
  return x;
}

START_TEST(exact_limits_of_every_loss_for_single_samples)
{
  const char *loss = models_loss_example(loss_types()[_i]->name);
  for (int replacement = 0; replacement < 2; replacement++) {
    struct models_setup setup =
        models_setup_new(loss, samplings[replacement], "m-usam", 0.05, 2, 1);
    double *x = point_new(setup.loss);
    for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++) {
      struct distance off =
          single_sample_distance(&setup.optimizer, options_of(LIMIT_RHO_ORDER_EXACT, factor), x);
      ck_assert_double_lt(off.drift, 1e-10);
      if (objective_batch_factor(setup.objective, 2) > 0)
        ck_assert_double_lt(off.noise, 1e-10);
    }
    sde_free(x);
    models_setup_free(&setup);
  }
}
END_TEST

/* The same to first order in rho: exact for quadratics, else off by O(rho^2). */
START_TEST(order_1_limits_of_every_loss_for_single_samples)
{
  struct models_setup setup = models_setup_new(models_loss_example(loss_types()[_i]->name),
                                               samplings[1], "m-usam", 0.01, 4, 1);
  double *x = point_new(setup.loss);
  for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++) {
    struct distance off[2];
    for (size_t k = 0; k < 2; k++) {
      setup.optimizer.rho = k == 0 ? 2e-4 : 1e-4;
      off[k] = single_sample_distance(&setup.optimizer, options_of(LIMIT_RHO_ORDER_1, factor), x);
    }
    struct distance ratio = ratio_of(off);
    if (setup.loss->quadratic)
      ck_assert(off[0].drift < 1e-11 && off[0].noise < 1e-11);
    else
      ck_assert(is_about(4, ratio.drift) && is_about(4, ratio.noise));
  }
  sde_free(x);
  models_setup_free(&setup);
}
END_TEST

/* At x = (2, -1) each g_i is zero, with no rounding, so that every optimizer stands still, the
 * normalised ones too, with no noise but for the rounding of Sigma elsewhere. */
START_TEST(nothing_moves_where_every_sample_is_fitted)
{
  static const double x[] = {2, -1};
  char *file = models_file("a,b,y\n1,0,2\n0,1,-1\n1,1,1\n-2,3,-7\n0.5,0.25,0.75\n");
  char *loss = sde_format("linear-regression data=%s standardize=false standardize_target=false "
                          "intercept=false",
                          file);
  for (const struct gradient_rule *const *type = gradient_rules(); *type != NULL; type++)
    for (int order = LIMIT_RHO_ORDER_0; order <= LIMIT_RHO_ORDER_EXACT; order++) {
      if (models_is_reweighted(*type) && order == LIMIT_RHO_ORDER_1)
        continue;
      for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++) {
        struct models_setup setup = models_setup_new(loss, samplings[1], (*type)->name, 0.1, 4, 2);
        double f[2], sigma[4], elsewhere[4], zero[4] = {0};
        struct limit_options options = options_of(order, factor);
        models_moments(&setup.optimizer, options, x, f, sigma);
        models_moments(&setup.optimizer, options, zero, NULL, elsewhere);
        ck_assert_double_lt(models_distance(2, f, zero), 1e-13);
        ck_assert_double_lt(models_distance(4, sigma, zero),
                            1e-14 * models_distance(4, elsewhere, zero));
        models_setup_free(&setup);
      }
    }
  models_file_remove(file);
  sde_free(loss);
}
END_TEST

/* Limits of every form: what the tests below ask of all of them. */
struct form_case {
  const char *loss, *noise, *optimizer;
  size_t batch, micro_batch;
  struct limit_options options;
};

static const char VALLEY[] = "valley samples=6", VALLEY4[] = "valley samples=4",
                  VALLEY24[] = "valley samples=24", VALLEY25[] = "valley samples=25",
                  VALLEY44[] = "valley samples=44", VALLEY45[] = "valley samples=45",
                  VALLEY500[] = "valley samples=500",
                  GOLDEN[] = "quadratic data=data/quadratic4.csv",
                  SKEWED[] = "quadratic data=tests/skewed6.csv", NORMAL[] = "sampling=gaussian",
                  GROWING[] = "sampling=gaussian structure=multiplicative additive_deviation=0.5",
                  LABEL[] = "sampling=gaussian structure=label",
                  HEAVY[] = "sampling=gaussian law=student-t degrees_of_freedom=5";

static const struct form_case forms[] = {
    {VALLEY,
     WITH,
     "sgd",
     2,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "n-usam",
     2,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_CHOLESKY, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_CHOLESKY, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITHOUT,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 5,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     NORMAL,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_CHOLESKY, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     NORMAL,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     NORMAL,
     "sgd",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     NORMAL,
     "n-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_CHOLESKY, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {GOLDEN,
     NORMAL,
     "usam",
     4,
     4,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {GOLDEN,
     WITH,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {GOLDEN,
     WITH,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {SKEWED,
     WITHOUT,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "n-sam",
     4,
     4,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "m-sam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "m-sam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_CHOLESKY, LIMIT_NORM_AUTO, 5,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "m-sam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_GAUSSIAN, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "m-sam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, false, LIMIT_FACTOR_CHOLESKY, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITHOUT,
     "m-sam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     NORMAL,
     "m-sam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     NORMAL,
     "sam",
     4,
     4,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     GROWING,
     "sgd",
     4,
     4,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     GROWING,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {GOLDEN,
     GROWING,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_CHOLESKY, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     GROWING,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 5,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     GROWING,
     "m-sam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     LABEL,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     LABEL,
     "m-sam",
     4,
     2,
     {2, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     HEAVY,
     "m-sam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 3, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     HEAVY,
     "m-usam",
     4,
     2,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 3,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "rw-sam",
     4,
     4,
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
      LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITH,
     "m-usam",
     4,
     2,
     {2, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
    {VALLEY,
     WITHOUT,
     "m-sam",
     4,
     2,
     {2, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 5, LIMIT_COVARIANCE_AUTO}},
};
enum { FORMS = sizeof forms / sizeof *forms, WIDE = 64 };

static struct models_setup form_setup(const struct form_case *form)
{
  return models_setup_new(form->loss, form->noise, form->optimizer, 0.1, form->batch,
                          form->micro_batch);
}

/* A limit, on blocks of WIDE paths. */
struct trial {
  struct models_setup setup; /* of a form; else empty */
  struct limit *limit;
  const struct sde_system *system;
  void *workspace;
  double x[2 * WIDE], *dw, drift[2 * WIDE], noise[2 * WIDE];
};

static const struct sde_instant instant = {0, 64, 3};

static void trial_begin(struct trial *trial, const struct optimizer *optimizer,
                        struct limit_options options)
{
  trial->limit = models_limit(optimizer, options);
  trial->system = limit_system(trial->limit);
  trial->workspace = sde_system_workspace_new(trial->system, WIDE);
  trial->dw = sde_alloc(trial->system->noise_dim, WIDE * sizeof(double));
}

static void trial_evaluate(struct trial *trial, struct sde_instant at, const double *x,
                           const double *dw, double *drift, double *noise)
{
  trial->system->evaluate(trial->system, trial->workspace, &at, WIDE, x, dw, drift, noise);
}

/* For an optimizer, with all paths at x. */
static struct trial *trial_at(const struct optimizer *optimizer, struct limit_options options,
                              const double x[2])
{
  struct trial *trial = sde_alloc(1, sizeof *trial);
  trial_begin(trial, optimizer, options);
  for (size_t i = 0; i < 2; i++)
    sde_block_fill(WIDE, x[i], trial->x + i * WIDE);
  return trial;
}

/* For a form, evaluated at random points with random increments. */
static struct trial *trial_new(const struct form_case *form)
{
  struct trial *trial = sde_alloc(1, sizeof *trial);
  trial->setup = form_setup(form);
  trial_begin(trial, &trial->setup.optimizer, form->options);
  struct sde_address at = {sde_stream_named(8, "trial"), 0, 0};
  sde_random_normals(&at, WIDE, 2, trial->x);
  at.step = 1;
  sde_random_normals(&at, WIDE, trial->system->noise_dim, trial->dw);
  trial_evaluate(trial, instant, trial->x, trial->dw, trial->drift, trial->noise);
  return trial;
}

static void trial_free(struct trial *trial)
{
  sde_system_workspace_free(trial->system, trial->workspace);
  limit_free(trial->limit);
  models_setup_free(&trial->setup);
  sde_free(trial->dw);
  sde_free(trial);
}

START_TEST(narrow_blocks_give_the_same_bits)
{
  struct trial *trial = trial_new(&forms[_i]);
  const struct sde_system *system = trial->system;
  double x[2 * SDE_UNIT], drift[2 * SDE_UNIT], noise[2 * SDE_UNIT];
  double *dw = sde_alloc(system->noise_dim, SDE_UNIT * sizeof *dw);
  void *workspace = sde_system_workspace_new(system, SDE_UNIT);
  for (size_t start = 0; start < WIDE; start += SDE_UNIT) {
    struct sde_instant at = instant;
    at.first_path += start;
    for (size_t i = 0; i < 2; i++)
      memcpy(x + i * SDE_UNIT, trial->x + i * WIDE + start, SDE_UNIT * sizeof *x);
    for (size_t k = 0; k < system->noise_dim; k++)
      memcpy(dw + k * SDE_UNIT, trial->dw + k * WIDE + start, SDE_UNIT * sizeof *dw);
    system->evaluate(system, workspace, &at, SDE_UNIT, x, dw, drift, noise);
    for (size_t i = 0; i < 2; i++) {
      size_t there = i * WIDE + start, bytes = SDE_UNIT * sizeof *drift;
      ck_assert(memcmp(drift + i * SDE_UNIT, trial->drift + there, bytes) == 0);
      ck_assert(memcmp(noise + i * SDE_UNIT, trial->noise + there, bytes) == 0);
    }
  }
  sde_system_workspace_free(system, workspace);
  sde_free(dw);
  trial_free(trial);
}
END_TEST

/* Also after the workspace was used elsewhere. */
START_TEST(drift_and_noise_alone_give_the_same_bits)
{
  struct trial *trial = trial_new(&forms[_i]);
  double drift[2 * WIDE], noise[2 * WIDE], elsewhere[2 * WIDE];
  sde_block_fill(2 * WIDE, 3, elsewhere);
  trial_evaluate(trial, instant, elsewhere, trial->dw, drift, noise);
  trial_evaluate(trial, instant, trial->x, NULL, drift, NULL);
  ck_assert(memcmp(drift, trial->drift, sizeof drift) == 0);
  trial_evaluate(trial, instant, elsewhere, NULL, drift, NULL);
  trial_evaluate(trial, instant, trial->x, trial->dw, NULL, noise);
  ck_assert(memcmp(noise, trial->noise, sizeof noise) == 0);
  trial_free(trial);
}
END_TEST

/* noise(2 dw - dw') = 2 noise(dw) - noise(dw') for other increments dw'. */
START_TEST(noise_is_linear_in_the_increments)
{
  struct trial *trial = trial_new(&forms[_i]);
  size_t count = trial->system->noise_dim * WIDE;
  double *other = sde_alloc(count, sizeof(double)), *both = sde_alloc(count, sizeof(double));
  double noise[2][2 * WIDE];
  for (size_t k = 0; k < count; k++)
    other[k] = trial->dw[count - 1 - k];
  sde_block_shift(count, trial->dw, -0.5, other, both);
  sde_block_scale(count, 2, both);
  trial_evaluate(trial, instant, trial->x, other, NULL, noise[0]);
  trial_evaluate(trial, instant, trial->x, both, NULL, noise[1]);
  sde_block_add(2 * WIDE, 1, noise[0], noise[1]);
  sde_block_scale(2 * WIDE, 0.5, noise[1]);
  ck_assert_double_lt(relative(2 * WIDE, noise[1], trial->noise), 1e-13);
  sde_free(other);
  sde_free(both);
  trial_free(trial);
}
END_TEST

/* Additive noise is the same at every point, and nothing else is called additive. */
START_TEST(noise_classes_are_true)
{
  struct trial *trial = trial_new(&forms[_i]);
  const struct sde_system *system = trial->system;
  double noise[2 * WIDE], elsewhere[2 * WIDE];
  sde_block_shift(2 * WIDE, trial->x, 0.1, trial->x, elsewhere);
  trial_evaluate(trial, instant, elsewhere, trial->dw, NULL, noise);
  double change = relative(2 * WIDE, noise, trial->noise);
  ck_assert(system->noise == SDE_NOISE_ADDITIVE ? change < 1e-14 : change > 1e-4);
  ck_assert(system->noise != SDE_NOISE_SCALAR || system->noise_dim == 1);
  trial_free(trial);
}
END_TEST

/* Gaussian noise: V = J J^T for any x. */
struct gaussian_case {
  const char *noise;
  double factor[4];
};

static const char DENSE[] = "sampling=gaussian structure=dense covariance=0.25,0.1;0.1,0.13";

static const struct gaussian_case gaussians[] = {
    {"sampling=gaussian standard_deviation=0.5", {0.5, 0, 0, 0.5}},
    {"sampling=gaussian structure=diagonal standard_deviations=0.4,0.8", {0.4, 0, 0, 0.8}},
    {DENSE, {0.5, 0, 0.2, 0.3}},
    {"sampling=gaussian structure=dense covariance=0.25,0.1;0.1,0.04", {0.5, 0, 0.2, 0}},
};
enum { GAUSSIANS = sizeof gaussians / sizeof *gaussians };

/* out = a b, 2 x 2. */
static void multiply(const double a[4], const double b[4], double out[4])
{
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 2; j++)
      out[2 * i + j] = a[2 * i] * b[j] + a[2 * i + 1] * b[2 + j];
}

/* share * (l factor)(l factor)^T */
static void propagated(double share, const double l[4], const double factor[4], double out[4])
{
  double lf[4];
  multiply(l, factor, lf);
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 2; j++)
      out[2 * i + j] = share * (lf[2 * i] * lf[2 * j] + lf[2 * i + 1] * lf[2 * j + 1]);
}

/* On a quadratic u = (1 + rho H)(g + J xi): F = g + rho H g and Sigma = c(b) L V L, L = 1 + rho H;
 * the perturbation of n-usam has no noise: F the same, Sigma = c(b) V. */
START_TEST(gaussian_limits_of_a_quadratic)
{
  static const size_t b = 6;
  double rho = 0.2, l[4] = {1, 0, 0, 1}, identity[4] = {1, 0, 0, 1}, moved[2], plain[4], spread[4];
  for (size_t i = 0; i < GOLDEN_SAMPLES; i++)
    for (size_t k = 0; k < 4; k++)
      l[k] += rho * golden_samples[i][k] / GOLDEN_SAMPLES;
  const double *g = golden_gradient;
  moved[0] = l[0] * g[0] + l[1] * g[1];
  moved[1] = l[2] * g[0] + l[3] * g[1];
  propagated(1.0 / b, identity, gaussians[_i].factor, plain);
  propagated(1.0 / b, l, gaussians[_i].factor, spread);
  ck_assert_double_gt(models_distance(4, plain, spread), 1e-2); /* or nothing could be noticed */
  for (const struct gradient_rule *const *type = gradient_rules(); *type != NULL; type++)
    for (int order = LIMIT_RHO_ORDER_0;
         order <= LIMIT_RHO_ORDER_EXACT && !(*type)->theory.normalized &&
         models_is_of_the_paper(*type);
         order++)
      for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++) {
        struct models_setup setup =
            models_setup_new(models_golden.loss, gaussians[_i].noise, (*type)->name, rho, b, 2);
        enum perturbation by =
            order == LIMIT_RHO_ORDER_0 ? PERTURB_NOTHING : models_perturbation(*type);
        double f[2], sigma[4];
        models_moments(&setup.optimizer, options_of(order, factor), golden_start, f, sigma);
        ck_assert_double_lt(models_distance(2, f, by == PERTURB_NOTHING ? g : moved), 1e-13);
        ck_assert_double_lt(
            models_distance(4, sigma, by == PERTURB_MICRO_GRADIENT ? spread : plain), 1e-13);
        models_setup_free(&setup);
      }
}
END_TEST

static void valley_gradient(const double x[2], double g[2])
{
  g[0] = (x[0] * x[1] - 1) * x[1];
  g[1] = (x[0] * x[1] - 1) * x[0];
}

/* E u and Cov u of m-usam in the valley with Gaussian noise, by Gauss-Hermite quadrature over the
 * noise of one micro-batch; the b/m of a batch are independent. Exact: u is cubic in xi. */
static void gaussian_valley(const double factor[4], double rho, size_t b, size_t m,
                            const double x[2], double mean[2], double covariance[4])
{
  enum { NODES = 6 };
  gsl_integration_fixed_workspace *rule =
      gsl_integration_fixed_alloc(gsl_integration_fixed_hermite, NODES, 0, 0.5 * (double)m, 0, 0);
  const double *node = gsl_integration_fixed_nodes(rule);
  const double *weight = gsl_integration_fixed_weights(rule);
  double share = (double)m / (2 * acos(-1)), g[2], second[4] = {0};
  valley_gradient(x, g);
  mean[0] = mean[1] = 0;
  for (size_t i = 0; i < NODES; i++)
    for (size_t j = 0; j < NODES; j++) {
      double noise[2] = {factor[0] * node[i] + factor[1] * node[j],
                         factor[2] * node[i] + factor[3] * node[j]};
      double y[2] = {x[0] + rho * (g[0] + noise[0]), x[1] + rho * (g[1] + noise[1])}, u[2];
      valley_gradient(y, u);
      for (size_t k = 0; k < 2; k++) {
        u[k] += noise[k];
        mean[k] += share * weight[i] * weight[j] * u[k];
      }
      for (size_t k = 0; k < 4; k++)
        second[k] += share * weight[i] * weight[j] * u[k / 2] * u[k % 2];
    }
  for (size_t k = 0; k < 4; k++)
    covariance[k] = (second[k] - mean[k / 2] * mean[k % 2]) * (double)m / (double)b;
  gsl_integration_fixed_free(rule);
}

static struct distance gaussian_distance(const struct gaussian_case *c,
                                         const struct optimizer *optimizer,
                                         struct limit_options options, const double x[2])
{
  double f[2], sigma[4], mean[2], covariance[4];
  gaussian_valley(c->factor, optimizer->rho, optimizer->batch, optimizer->micro_batch, x, mean,
                  covariance);
  models_moments(optimizer, options, x, f, sigma);
  return (struct distance){models_distance(2, f, mean), models_distance(4, sigma, covariance)};
}

/* To first order in rho, in the valley; the twin takes F and Sigma of another order. */
START_TEST(gaussian_order_1_misses_by_rho_squared)
{
  const struct gaussian_case *c = &gaussians[_i];
  struct models_setup setup = models_setup_new(models_valley2.loss, c->noise, "m-usam", 0, 4, 2);
  for (size_t k = 0; k < POINTS; k++) {
    struct distance off[2], off0[2];
    for (size_t half = 0; half < 2; half++) {
      setup.optimizer.rho = half ? 5e-5 : 1e-4;
      off[half] = gaussian_distance(c, &setup.optimizer, order1, points[k]);
      off0[half] = gaussian_distance(c, &setup.optimizer, order0, points[k]);
    }
    struct distance ratio = ratio_of(off), ratio0 = ratio_of(off0);
    ck_assert(is_about(4, ratio.drift) && is_about(4, ratio.noise));
    ck_assert(is_about(2, ratio0.drift) && is_about(2, ratio0.noise));
  }
  models_setup_free(&setup);
}
END_TEST

/* The drift, and the noise over sqrt(eta), of a sampled limit with standard normal increments,
 * over many paths and steps. */
static void sampled_moments(const struct optimizer *optimizer, struct limit_options options,
                            const double x[2], const double f[2], struct models_sample *drift,
                            struct models_sample *noise)
{
  struct trial *trial = trial_at(optimizer, options, x);
  double *a = trial->drift, *b = trial->noise;
  size_t paths = testing_size(1 << 18);
  for (size_t path = 0; path < paths; path += WIDE) {
    struct sde_instant at = {0, path % 4096, path / 4096};
    sde_random_normals(&(struct sde_address){sde_stream_named(9, "dw"), path, 0}, WIDE,
                       trial->system->noise_dim, trial->dw);
    trial_evaluate(trial, at, trial->x, trial->dw, a, b);
    sde_block_scale(2 * WIDE, -1, a);
    sde_block_scale(2 * WIDE, 1 / sqrt(optimizer->eta), b);
    models_sample_add(drift, WIDE, a, f);
    models_sample_add(noise, WIDE, b, (double[2]){0, 0});
  }
  trial_free(trial);
}

/* A setup whose exact F and Sigma are known, and the number of directions to sample. */
struct sampled_case {
  const struct models_sum *sum;
  const char *noise;
  size_t batch, micro_batch;
  enum limit_factor factor;
  size_t directions; /* 0: the default, 16, which only Gaussian noise takes here */
};

static const struct sampled_case sampled_cases[] = {
    {&models_golden, WITH, 4, 2, LIMIT_FACTOR_COLUMNS, 3},
    {&models_golden, WITH, 4, 1, LIMIT_FACTOR_CHOLESKY, 3},
    {&models_golden, WITHOUT, 4, 2, LIMIT_FACTOR_COLUMNS, 3},
    {&models_valley6, WITHOUT, 4, 2, LIMIT_FACTOR_CHOLESKY, 3},
    {&models_golden, WITHOUT, 4, 4, LIMIT_FACTOR_CHOLESKY, 3},
    {&models_valley2, DENSE, 4, 2, LIMIT_FACTOR_COLUMNS, 3},
    {&models_valley2, DENSE, 4, 2, LIMIT_FACTOR_CHOLESKY, 0},
};
enum { SAMPLED_CASES = sizeof sampled_cases / sizeof *sampled_cases };

static void known_moments(const struct sampled_case *c, const struct optimizer *optimizer,
                          double mean[2], double covariance[4])
{
  if (optimizer->objective->sampling == OBJECTIVE_GAUSSIAN)
    gaussian_valley(gaussians[2].factor, optimizer->rho, c->batch, c->micro_batch, golden_start,
                    mean, covariance);
  else
    models_enumerate(c->sum, models_draw_of(optimizer), golden_start, mean, covariance);
}

/* One sampled case against F and Sigma: the drift is the mean of S directions, so that its own
 * covariance is Sigma / S. */
static void compare_sampled(const struct sampled_case *c, const struct optimizer *optimizer,
                            const double f[2], const double sigma[4], struct testing_family *family)
{
  struct models_sample drift = {0}, noise = {0};
  struct limit_options options = options_of(LIMIT_RHO_ORDER_EXACT, c->factor);
  double spurious[4], directions = c->directions == 0 ? 16 : (double)c->directions;
  options.directions = c->directions;
  sampled_moments(optimizer, options, golden_start, f, &drift, &noise);
  for (size_t k = 0; k < 4; k++)
    spurious[k] = sigma[k] / directions;
  models_sample_compare(&drift, f, spurious, family, "drift");
  models_sample_compare(&noise, (double[2]){0, 0}, sigma, family, "noise");
}

static struct models_setup sampled_setup(const struct sampled_case *c)
{
  return models_setup_new(c->sum->loss, c->noise, "m-usam", 0.2, c->batch, c->micro_batch);
}

START_TEST(sampled_limits_are_unbiased)
{
  const struct sampled_case *c = &sampled_cases[_i];
  struct models_setup setup = sampled_setup(c);
  double mean[2], covariance[4];
  known_moments(c, &setup.optimizer, mean, covariance);
  struct testing_family family = {0};
  compare_sampled(c, &setup.optimizer, mean, covariance, &family);
  testing_assert_agrees(&family);
  models_setup_free(&setup);
}
END_TEST

/* Twins: a covariance divided by S and not by S - 1; another m. */
START_TEST(biased_limits_would_be_noticed)
{
  const struct sampled_case *c = &sampled_cases[0];
  struct models_setup setup = sampled_setup(c);
  double mean[2], covariance[4], wrong[4];
  known_moments(c, &setup.optimizer, mean, covariance);
  struct testing_family divided = {0}, other = {0};
  for (size_t k = 0; k < 4; k++)
    wrong[k] = covariance[k] * 2 / 3;
  compare_sampled(c, &setup.optimizer, mean, wrong, &divided);
  testing_assert_notices(&divided);
  setup.optimizer.micro_batch = 4;
  compare_sampled(c, &setup.optimizer, mean, covariance, &other);
  testing_assert_notices(&other);
  models_setup_free(&setup);
}
END_TEST

/* Fresh directions each step, the same at the same step. */
START_TEST(sampled_limits_draw_afresh_each_step)
{
  static const struct form_case form = {VALLEY,
                                        WITH,
                                        "m-usam",
                                        4,
                                        2,
                                        {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS,
                                         LIMIT_NORM_AUTO, 5, LIMIT_COVARIANCE_AUTO}};
  struct trial *trial = trial_new(&form);
  double drift[2 * WIDE];
  struct sde_instant at = instant;
  for (at.step = 0; at.step < 6; at.step++) {
    size_t same = 0;
    trial_evaluate(trial, at, trial->x, NULL, drift, NULL);
    for (size_t p = 0; p < WIDE; p++)
      same += drift[p] == trial->drift[p];
    ck_assert(at.step == instant.step ? same == WIDE : same < WIDE / 8);
  }
  trial_free(trial);
}
END_TEST

/* Neighbouring steps share no direction: their drifts' errors are uncorrelated. */
START_TEST(sampled_limits_are_independent_from_step_to_step)
{
  struct models_setup setup =
      models_setup_new(models_golden.loss, samplings[1], "m-usam", 0.1, 4, 2);
  struct limit_options options = exact;
  options.directions = 5;
  struct trial *trial = trial_at(&setup.optimizer, options, golden_start);
  double f[2], covariance[4], drift[2][2 * WIDE], both[2 * WIDE];
  models_enumerate(&models_golden, models_draw_of(&setup.optimizer), golden_start, f, covariance);
  struct models_sample sample = {0};
  size_t paths = testing_size(1 << 16);
  for (size_t path = 0; path < paths; path += WIDE) {
    for (size_t step = 0; step < 2; step++) {
      struct sde_instant at = {0, path, 10 + step};
      trial_evaluate(trial, at, trial->x, NULL, drift[step], NULL);
    }
    memcpy(both, drift[0], WIDE * sizeof *both); /* the first coordinate, at both steps */
    memcpy(both + WIDE, drift[1], WIDE * sizeof *both);
    models_sample_add(&sample, WIDE, both, (double[2]){-f[0], -f[0]});
  }
  double variance = covariance[0] / 5;
  struct testing_family family = {0};
  models_sample_compare(&sample, (double[2]){-f[0], -f[0]}, (double[4]){variance, 0, 0, variance},
                        &family, "two steps");
  testing_assert_agrees(&family);
  trial_free(trial);
  models_setup_free(&setup);
}
END_TEST

/* On the valley's minima, where only unnormalised drifts are smooth, the generator of the exact
 * SDE makes E(u^2 - v^2) decay at the rate that the loss declares, to leading order in eta and rho;
 * theory.md section 5. */
static double imbalance_decay(const struct optimizer *optimizer, double u)
{
  double x[2] = {u, 1 / u}, f[2], sigma[4];
  models_moments(optimizer, exact, x, f, sigma);
  return (2 * (x[0] * f[0] - x[1] * f[1]) - optimizer->eta * (sigma[0] - sigma[3])) /
         (x[0] * x[0] - x[1] * x[1]);
}

static double declared_decay(const struct optimizer *optimizer, size_t m)
{
  const struct loss *loss = optimizer->objective->loss;
  const struct loss_observable *imbalance = loss->type->observables;
  while (strcmp(imbalance->name, "imbalance") != 0)
    imbalance++;
  bool micro = models_perturbation(optimizer->rule) == PERTURB_MICRO_GRADIENT ||
               models_perturbation(optimizer->rule) == PERTURB_DEVIATION;
  struct loss_setting setting = {optimizer->eta, optimizer->rho,
                                 objective_batch_factor(optimizer->objective, optimizer->batch),
                                 micro ? objective_batch_factor(optimizer->objective, m) : 0};
  return imbalance->decay_rate(loss, &setting);
}

START_TEST(valley_imbalance_decays_at_its_rate)
{
  static const double tiny = 1e-4;
  bool smooth = !gradient_rules()[_i]->theory.normalized;
  for (int replacement = 0; replacement < 2; replacement++)
    for (size_t m = 1; m <= 4 && smooth; m *= 2) {
      struct models_setup setup = models_setup_new(models_valley6.loss, samplings[replacement],
                                                   gradient_rules()[_i]->name, tiny, 4, m);
      setup.optimizer.eta = tiny;
      double rate = imbalance_decay(&setup.optimizer, 1.7);
      double declared = declared_decay(&setup.optimizer, setup.optimizer.micro_batch);
      ck_assert_double_eq_tol(rate, declared, 1e-2 * declared);
      if (models_perturbation(setup.optimizer.rule) == PERTURB_MICRO_GRADIENT)
        ck_assert_double_gt(
            fabs(rate - declared_decay(&setup.optimizer, setup.optimizer.micro_batch + 1)),
            5e-2 * declared);
      models_setup_free(&setup);
    }
}
END_TEST

struct description_case {
  struct form_case form;
  const char *words[3];
};

static const struct description_case descriptions[] = {
    {{VALLEY,
      WITH,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"rho_order 1", "columns", "6 Wiener processes"}},
    {{VALLEY,
      WITH,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_CHOLESKY, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"rho_order 1", "Cholesky", "4 Wiener processes"}},
    {{VALLEY,
      WITH,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"rho_order exact", "21 micro-batches enumerated", "columns"}},
    {{VALLEY,
      WITHOUT,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"15 micro-batches enumerated", "Cholesky", "2 Wiener processes"}},
    {{VALLEY500,
      WITH,
      "m-usam",
      4,
      1,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"500 micro-batches enumerated", "Cholesky", "general"}},
    /* 990 micro-batches are few, 1035 are many; of 24 samples 276 * 231 pairs, of 25 300 * 253 */
    {{VALLEY44,
      WITH,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"990 micro-batches enumerated", "Cholesky", "general"}},
    {{VALLEY45,
      WITH,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"16 fresh directions", "Cholesky", "2 Wiener processes"}},
    {{VALLEY24,
      WITHOUT,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"276 micro-batches enumerated", "Cholesky", "general"}},
    {{VALLEY25,
      WITHOUT,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"16 fresh directions", "Cholesky", "2 Wiener processes"}},
    {{VALLEY25,
      WITHOUT,
      "usam",
      2,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"300 micro-batches enumerated", "Cholesky", "general"}},
    {{VALLEY4,
      WITH,
      "usam",
      4,
      4,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 7,
       LIMIT_COVARIANCE_AUTO}},
     {"7 fresh directions", "columns", "7 Wiener processes"}},
    {{SKEWED,
      WITH,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
     {"rho_order 1", "affine", "2 Wiener processes"}},
    {{VALLEY,
      WITH,
      "sgd",
      4,
      4,
      {1, LIMIT_RHO_ORDER_0, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"rho_order 0", "columns", "6 Wiener processes"}},
    {{VALLEY,
      NORMAL,
      "n-usam",
      4,
      4,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
     {"rho_order 1", "2 Wiener processes", "additive"}},
    {{VALLEY,
      WITH,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"rho_order 1", "21 micro-batches enumerated", "21 Wiener processes"}},
    {{VALLEY,
      WITH,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, false, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"rho_order 1", "|g| instead of E|g_I|", "6 Wiener processes"}},
    {{VALLEY,
      WITH,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_GAUSSIAN, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"rho_order 1", "E|g_I| by the Gaussian integral", "6 Wiener processes"}},
    {{VALLEY,
      NORMAL,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_LEADING}},
     {"E|g_I| by the Gaussian integral", "leading noise c(b) V alone", "additive"}},
    {{VALLEY,
      NORMAL,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"E|g_I| by the Gaussian integral", "covariance of g_I/|g_I| with it",
      "4 Wiener processes, general"}},
    {{VALLEY,
      WITH,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_SAMPLE, 0,
       LIMIT_COVARIANCE_AUTO}},
     {"rho_order 1", "E|g_I| from 16 fresh micro-batches per step", "6 Wiener processes"}},
};

START_TEST(descriptions_say_what_was_chosen)
{
  const struct description_case *c = &descriptions[_i];
  struct trial *trial = trial_new(&c->form);
  const char *description = limit_description(trial->limit);
  for (size_t i = 0; i < 3; i++)
    ck_assert_msg(strstr(description, c->words[i]) != NULL, "'%s' does not say '%s'", description,
                  c->words[i]);
  trial_free(trial);
}
END_TEST

/* Under Gaussian noise with as many potentials as dimensions, the number of Wiener processes does
 * not tell whether they drive the potentials. */
START_TEST(only_columns_of_potentials_are_said_to_be_so)
{
  static const struct {
    const char *noise, *optimizer;
    struct limit_options options;
    bool columns;
  } cases[] = {
      {NORMAL,
       "m-usam",
       {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
        LIMIT_COVARIANCE_AUTO},
       true},
      {NORMAL,
       "m-sam",
       {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
        LIMIT_COVARIANCE_LEADING},
       true},
      {NORMAL,
       "n-sam",
       {2, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
        LIMIT_COVARIANCE_AUTO},
       true},
      {NORMAL,
       "m-sam",
       {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 2,
        LIMIT_COVARIANCE_AUTO},
       false},
      {NORMAL,
       "m-usam",
       {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_CHOLESKY, LIMIT_NORM_AUTO, 0,
        LIMIT_COVARIANCE_AUTO},
       false},
      {WITH,
       "m-usam",
       {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_COLUMNS, LIMIT_NORM_AUTO, 0,
        LIMIT_COVARIANCE_AUTO},
       false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct form_case form = {GOLDEN, cases[i].noise, cases[i].optimizer, 4, 2, cases[i].options};
    struct trial *trial = trial_new(&form);
    if (strcmp(cases[i].noise, NORMAL) == 0)
      ck_assert_uint_eq(limit_system(trial->limit)->noise_dim, 2);
    ck_assert_msg(limit_has_potential_columns(trial->limit) == cases[i].columns, "case %zu: %s", i,
                  limit_description(trial->limit));
    trial_free(trial);
  }
}
END_TEST

/* What is refused; options that follow the advice of the sentence; and its words. */
struct refusal_case {
  struct form_case refused;
  struct limit_options advised;
  const char *words;
};

static const struct refusal_case refusals[] = {
    {{GOLDEN,
      WITH,
      "m-usam",
      4,
      2,
      {0, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO},
     "eta_order 0|1 or 2"},
    {{GOLDEN,
      WITH,
      "m-usam",
      4,
      2,
      {3, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
     {2, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO},
     "eta_order 3|1 or 2"},
    {{GOLDEN,
      WITH,
      "usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, false, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_1, false, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO},
     "variance_term: false|rho_order 1|drift of usam"},
    {{GOLDEN,
      WITH,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, false, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_1, false, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO},
     "variance_term: false|rho_order 1|drift of m-sam"},
    {{GOLDEN,
      WITH,
      "rw-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, false, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0,
       LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO},
     "rw-sam has no term of the variance|variance_term must be true"},
    {{GOLDEN,
      WITH,
      "rw-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_0, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO},
     "rw-sam has no expansion in rho|rho_order must be 0 or exact"},
    {{GOLDEN,
      WITH,
      "m-usam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 1,
       LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 2, LIMIT_COVARIANCE_AUTO},
     "one direction|directions must be at least 2"},
    {{GOLDEN,
      NORMAL,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_ENUMERATE, 0,
       LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_GAUSSIAN, 0, LIMIT_COVARIANCE_AUTO},
     "norm: enumerate|Gaussian noise|norm must be auto or gaussian"},
    {{GOLDEN,
      NORMAL,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_SAMPLE, 0, LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO},
     "norm: sample|Gaussian noise|norm must be auto or gaussian"},
    {{GOLDEN,
      HEAVY,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_ENUMERATE, 0,
       LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_SAMPLE, 0, LIMIT_COVARIANCE_AUTO},
     "norm: enumerate|Student t noise|norm must be auto, gaussian or sample"},
    {{GOLDEN,
      WITH,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_ENUMERATE, 5,
       LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_ENUMERATE, 0,
      LIMIT_COVARIANCE_AUTO},
     "norm: enumerate draws no directions|directions must be 0"},
    {{VALLEY45,
      WITH,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_ENUMERATE, 0,
       LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_SAMPLE, 0, LIMIT_COVARIANCE_AUTO},
     "m-sam has more than 1024 micro-batches of 2 of 45 samples|auto, gaussian or sample"},
    {{VALLEY25,
      WITHOUT,
      "m-sam",
      4,
      2,
      {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_ENUMERATE, 0,
       LIMIT_COVARIANCE_AUTO}},
     {1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_GAUSSIAN, 0, LIMIT_COVARIANCE_AUTO},
     "more than 65536 ordered pairs of disjoint micro-batches of 2 of 25|auto, gaussian or sample"},
};

START_TEST(impossible_limits_are_refused)
{
  const struct refusal_case *c = &refusals[_i];
  struct models_setup setup = form_setup(&c->refused);
  struct sde_status status = {SDE_OK, ""};
  struct sde_stream stream = sde_stream_named(1, "");
  ck_assert_ptr_null(
      limit_new(&setup.optimizer, &c->refused.options, stream, "recipe:12", &status));
  models_assert_refused(&status, "recipe:12", c->words);
  limit_free(models_limit(&setup.optimizer, c->advised));
  models_setup_free(&setup);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("limit");
  TCase *enumerated = testing_case(suite, "enumerated");
  tcase_add_loop_test(enumerated, exact_limits_are_the_moments_of_all_batches, 0, BATCHES);
  tcase_add_test(enumerated, exact_limits_of_something_else_would_be_noticed);
  tcase_add_loop_test(enumerated, order_0_is_the_equation_of_sgd, 0, BATCHES);
  tcase_add_loop_test(enumerated, order_1_misses_by_rho_squared, 0, BATCHES);
  tcase_add_test(enumerated, order_1_is_exact_for_quadratics_and_single_samples);
  tcase_add_loop_test(enumerated, wrong_drifts_would_be_noticed, 0, BATCHES);
  tcase_add_loop_test(enumerated, wrong_noises_would_be_noticed, 0, 2);
  tcase_add_test(enumerated, nothing_moves_where_every_sample_is_fitted);
  int types = 0;
  while (loss_types()[types] != NULL)
    types++;
  TCase *data = testing_case(suite, "every loss");
  tcase_add_loop_test(data, exact_limits_of_every_loss_for_single_samples, 0, types);
  tcase_add_loop_test(data, order_1_limits_of_every_loss_for_single_samples, 0, types);
  int optimizers = 0;
  while (gradient_rules()[optimizers] != NULL)
    optimizers++;
  tcase_add_loop_test(enumerated, valley_imbalance_decays_at_its_rate, 0, optimizers);
  TCase *every_form = testing_case(suite, "every form");
  tcase_add_loop_test(every_form, narrow_blocks_give_the_same_bits, 0, FORMS);
  tcase_add_loop_test(every_form, drift_and_noise_alone_give_the_same_bits, 0, FORMS);
  tcase_add_loop_test(every_form, noise_is_linear_in_the_increments, 0, FORMS);
  tcase_add_loop_test(every_form, noise_classes_are_true, 0, FORMS);
  tcase_add_loop_test(every_form, descriptions_say_what_was_chosen, 0,
                      sizeof descriptions / sizeof *descriptions);
  tcase_add_test(every_form, only_columns_of_potentials_are_said_to_be_so);
  tcase_add_loop_test(every_form, impossible_limits_are_refused, 0,
                      sizeof refusals / sizeof *refusals);
  TCase *gaussian = testing_case(suite, "gaussian");
  tcase_add_loop_test(gaussian, gaussian_limits_of_a_quadratic, 0, GAUSSIANS);
  tcase_add_loop_test(gaussian, gaussian_order_1_misses_by_rho_squared, 0, GAUSSIANS);
  TCase *sampled = testing_case(suite, "sampled");
  tcase_add_loop_test(sampled, sampled_limits_are_unbiased, 0, SAMPLED_CASES);
  tcase_add_test(sampled, biased_limits_would_be_noticed);
  tcase_add_test(sampled, sampled_limits_draw_afresh_each_step);
  tcase_add_test(sampled, sampled_limits_are_independent_from_step_to_step);
  return testing_run(suite);
}
