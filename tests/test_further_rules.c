/*
 * Gradient rules beyond arXiv 2509.18001: f-usam, f-sam, unified-sam and asam against values of
 * theory.md section 12, enumeration by other code, the rules that they become at the ends, and
 * their orders in rho.
 */
#include "sde/block.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>

static const char *const samplings[] = {"sampling=without-replacement",
                                        "sampling=with-replacement"};
static const char *const rules[] = {"f-usam", "f-sam", "unified-sam", "asam"};
enum { RULES = sizeof rules / sizeof *rules };

static struct limit_options options_of(enum limit_rho_order order)
{
  return (struct limit_options){.eta_order = 1, .rho_order = order, .variance_term = true};
}

static void moments_of(const char *rule, const char *sampling, double rho, size_t b, size_t m,
                       enum limit_rho_order order, double f[2], double sigma[4])
{
  struct models_setup setup = models_setup_new(models_golden.loss, sampling, rule, rho, b, m);
  models_moments(&setup.optimizer, options_of(order), golden_start, f, sigma);
  models_setup_free(&setup);
}

/* f-usam has the variance term alone: F at x0 for rho = 0.1. */
START_TEST(f_usam_has_the_drift_of_theory)
{
  static const double expected[2][2] = {{1.54453125, -0.9453125}, {1.5111328125, -0.939453125}};
  for (size_t k = 0; k < 2; k++)
    for (int order = LIMIT_RHO_ORDER_1; order <= LIMIT_RHO_ORDER_EXACT; order++) {
      double f[2], sigma[4];
      moments_of("f-usam", samplings[1], 0.1, 4, k == 0 ? 1 : 4, (enum limit_rho_order)order, f,
                 sigma);
      ck_assert_double_lt(models_distance(2, f, expected[k]), 1e-13);
      ck_assert_double_gt(models_distance(2, f, expected[1 - k]), 1e-3);
    }
}
END_TEST

/* Friendly USAM and n-USAM share out what m-USAM adds to the gradient of a quadratic. */
START_TEST(m_usam_is_the_sum_of_both_halves)
{
  double f[4][2], sigma[4];
  static const char *const all[] = {"sgd", "n-usam", "f-usam", "m-usam"};
  for (size_t k = 0; k < 4; k++)
    moments_of(all[k], samplings[1], 0.1, 4, 2, LIMIT_RHO_ORDER_EXACT, f[k], sigma);
  for (size_t i = 0; i < 2; i++)
    ck_assert_double_eq_tol(f[3][i] - f[0][i], f[1][i] + f[2][i] - 2 * f[0][i], 1e-13);
}
END_TEST

/* lambda of unified-sam: 0 is m-usam, 1 is m-sam, and the default is neither. */
START_TEST(unified_sam_has_both_ends)
{
  static const char *const ends[] = {"m-usam", "m-sam"};
  for (size_t end = 0; end < 2; end++) {
    double own[2], f[2], sigma_own[4], sigma[4];
    struct models_setup setup =
        models_setup_new(models_golden.loss, samplings[1], "unified-sam", 0.1, 4, 2);
    setup.optimizer.rule_setting[0] = 0.5;
    models_moments(&setup.optimizer, options_of(LIMIT_RHO_ORDER_EXACT), golden_start, own,
                   sigma_own);
    moments_of(ends[end], samplings[1], 0.1, 4, 2, LIMIT_RHO_ORDER_EXACT, f, sigma);
    ck_assert_double_gt(models_distance(2, own, f), 1e-3);
    setup.optimizer.rule_setting[0] = (double)end;
    models_moments(&setup.optimizer, options_of(LIMIT_RHO_ORDER_EXACT), golden_start, own,
                   sigma_own);
    ck_assert_double_lt(models_distance(2, own, f), 1e-13);
    ck_assert_double_lt(models_distance(4, sigma_own, sigma), 1e-13);
    models_setup_free(&setup);
  }
}
END_TEST

/* F and Sigma by enumeration in other code; another rule, or rho, is noticed. */
START_TEST(limits_are_the_moments_of_all_batches)
{
  for (size_t s = 0; s < 2; s++)
    for (size_t m = 1; m <= 4; m *= 2) {
      double f[2], sigma[4], mean[2], covariance[4];
      struct models_setup setup =
          models_setup_new(models_golden.loss, samplings[s], rules[_i], 0.1, 4, m);
      setup.optimizer.rule_setting[0] = 0.3; /* lambda of unified-sam */
      struct models_draw draw = models_draw_of(&setup.optimizer);
      models_moments(&setup.optimizer, options_of(LIMIT_RHO_ORDER_EXACT), golden_start, f, sigma);
      models_enumerate(&models_golden, draw, golden_start, mean, covariance);
      ck_assert_double_lt(models_distance(2, f, mean), 1e-12);
      ck_assert_double_lt(models_distance(4, sigma, covariance), 1e-12);
      draw.rho = 0.11;
      models_enumerate(&models_golden, draw, golden_start, mean, covariance);
      bool alone = draw.perturbation == PERTURB_DEVIATION && s == 0 && m == 4;
      ck_assert(alone || models_distance(2, f, mean) > 1e-3);
      models_setup_free(&setup);
    }
}
END_TEST

/* To first order in rho F is off by rho^2 on a loss that is not quadratic; to order 0 by rho. */
START_TEST(drifts_have_their_order_in_rho)
{
  static const double x[2] = {1.5, 0.8};
  for (int order = LIMIT_RHO_ORDER_0; order <= LIMIT_RHO_ORDER_1; order++) {
    double off[2];
    for (size_t k = 0; k < 2; k++) {
      struct models_setup setup = models_setup_new(models_valley6.loss, samplings[1], rules[_i],
                                                   k == 0 ? 2e-3 : 1e-3, 2, 1);
      double f[2], exact[2];
      models_moments(&setup.optimizer, options_of((enum limit_rho_order)order), x, f, NULL);
      models_moments(&setup.optimizer, options_of(LIMIT_RHO_ORDER_EXACT), x, exact, NULL);
      off[k] = models_distance(2, f, exact);
      models_setup_free(&setup);
    }
    ck_assert_double_eq_tol(log2(off[0] / off[1]), order + 1, 0.05);
  }
}
END_TEST

/* Where a micro-batch is all samples, f-sam perturbs nothing: rounding is no direction. */
START_TEST(f_sam_of_all_samples_is_sgd)
{
  double f[2], sigma[4];
  moments_of("f-sam", samplings[0], 0.5, 4, 4, LIMIT_RHO_ORDER_EXACT, f, sigma);
  double sgd[2], none[4];
  moments_of("sgd", samplings[0], 0.5, 4, 4, LIMIT_RHO_ORDER_EXACT, sgd, none);
  ck_assert_double_lt(models_distance(2, f, sgd), 1e-14);
}
END_TEST

/* What f-usam has of the variance term is left out by rho_order 0, and not by its own key. */
START_TEST(the_variance_term_alone_is_not_left_out)
{
  struct models_setup setup =
      models_setup_new(models_golden.loss, samplings[1], "f-usam", 0.1, 4, 1);
  struct limit_options options = options_of(LIMIT_RHO_ORDER_1);
  struct sde_status status = {SDE_OK, ""};
  options.variance_term = false;
  ck_assert_ptr_null(
      limit_new(&setup.optimizer, &options, sde_stream_named(1, "limit"), "recipe:sde", &status));
  models_assert_refused(&status, "recipe:sde", "variance term is all|rho_order 0");
  models_setup_free(&setup);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("further rules");
  TCase *rule = testing_case(suite, "rules");
  tcase_add_test(rule, f_usam_has_the_drift_of_theory);
  tcase_add_test(rule, m_usam_is_the_sum_of_both_halves);
  tcase_add_test(rule, unified_sam_has_both_ends);
  tcase_add_loop_test(rule, limits_are_the_moments_of_all_batches, 0, RULES);
  tcase_add_loop_test(rule, drifts_have_their_order_in_rho, 0, RULES);
  tcase_add_test(rule, f_sam_of_all_samples_is_sgd);
  tcase_add_test(rule, the_variance_term_alone_is_not_left_out);
  return testing_run(suite);
}
