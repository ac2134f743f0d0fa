/*
 * The golden case of theory.md section 9: loss, noise and update directions at one point, and the
 * mean loss at a later time: by exact moments made from the limit alone, and by simulation.
 */
#include "models/observables.h"
#include "sde/block.h"
#include "sde/ensemble.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>

static const struct limit_options exact = {
    1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO};
static const struct limit_options order1 = {
    1, LIMIT_RHO_ORDER_1, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO};
static const char *const with = "sampling=with-replacement";

static struct models_setup setup_of(const char *sampling, const char *optimizer, size_t batch,
                                    size_t micro_batch)
{
  return models_setup_new(models_golden.loss, sampling, optimizer, golden_rho, batch, micro_batch);
}

/* A block at one point. */
static void fill_point(const double x[2], double block[2 * SDE_UNIT])
{
  sde_block_fill(SDE_UNIT, x[0], block);
  sde_block_fill(SDE_UNIT, x[1], block + SDE_UNIT);
}

static double loss_at(const struct loss *loss, const double x[2])
{
  double block[2 * SDE_UNIT], f[SDE_UNIT], scratch[2 * SDE_UNIT];
  fill_point(x, block);
  loss_mean_value(loss, SDE_UNIT, block, f, scratch);
  return f[0];
}

START_TEST(loss_and_gradient)
{
  struct models_setup setup = setup_of(with, "sgd", 1, 1);
  double x[2 * SDE_UNIT], g[2 * SDE_UNIT], scratch[2 * SDE_UNIT];
  fill_point(golden_start, x);
  loss_mean_gradient(setup.loss, SDE_UNIT, x, g, scratch);
  ck_assert_double_eq_tol(loss_at(setup.loss, golden_start), golden_value, 1e-10);
  ck_assert_double_eq_tol(g[0], golden_gradient[0], 1e-10);
  ck_assert_double_eq_tol(g[SDE_UNIT], golden_gradient[1], 1e-10);
  models_setup_free(&setup);
}
END_TEST

/* V = (1/n) sum delta g_i delta g_i^T, its trace, and grad tr V = (2/n) sum delta H_i delta g_i,
 * where H may stand for delta H since the delta g_i sum to zero. */
START_TEST(gradient_noise)
{
  struct models_setup setup = setup_of(with, "sgd", 1, 1);
  double x[2 * SDE_UNIT], gi[2 * SDE_UNIT], hi[2 * SDE_UNIT], trace[SDE_UNIT];
  double scratch[4 * SDE_UNIT], v[4] = {0}, slope[2] = {0};
  fill_point(golden_start, x);
  for (size_t i = 0; i < GOLDEN_SAMPLES; i++) {
    objective_component_gradient(setup.objective, SDE_UNIT, i, x, gi);
    double delta[2] = {gi[0] - golden_gradient[0], gi[SDE_UNIT] - golden_gradient[1]};
    fill_point(delta, gi);
    objective_component_hessian_vector(setup.objective, SDE_UNIT, i, x, gi, hi);
    for (size_t k = 0; k < 4; k++)
      v[k] += delta[k / 2] * delta[k % 2] / GOLDEN_SAMPLES;
    slope[0] += 2 * hi[0] / GOLDEN_SAMPLES;
    slope[1] += 2 * hi[SDE_UNIT] / GOLDEN_SAMPLES;
  }
  objective_noise_trace(setup.objective, SDE_UNIT, x, trace, scratch);
  ck_assert_double_lt(models_distance(4, v, golden_noise), 1e-10);
  ck_assert_double_eq_tol(trace[0], golden_noise_trace, 1e-10);
  ck_assert_double_lt(models_distance(2, slope, golden_noise_trace_gradient), 1e-10);
  double sigma[4];
  models_moments(&setup.optimizer, exact, golden_start, NULL, sigma);
  ck_assert_double_lt(models_distance(4, sigma, golden_noise), 1e-10);
  models_setup_free(&setup);
}
END_TEST

/* E u, exactly and to first order in rho, which is exact for quadratics. */
START_TEST(mean_directions)
{
  const struct golden_mean *row = &golden_means[_i];
  char *sampling = sde_format("sampling=%s", row->sampling);
  struct models_setup setup = setup_of(sampling, row->optimizer, GOLDEN_BATCH, row->micro_batch);
  double f[2];
  models_moments(&setup.optimizer, exact, golden_start, f, NULL);
  ck_assert_double_lt(models_distance(2, f, row->mean), row->tolerance);
  models_moments(&setup.optimizer, order1, golden_start, f, NULL);
  ck_assert_double_lt(models_distance(2, f, row->mean), row->tolerance);
  models_setup_free(&setup);
  sde_free(sampling);
}
END_TEST

/* Rows differ by far more than they are compared to, unless they are one and the same algorithm. */
START_TEST(mean_directions_tell_rows_apart)
{
  for (size_t i = 0; i < GOLDEN_MEANS; i++)
    for (size_t k = 0; k < i; k++) {
      double apart = models_distance(2, golden_means[i].mean, golden_means[k].mean);
      ck_assert(apart == 0 || apart > 2e-3);
    }
}
END_TEST

/* The variance term is (rho/2) c(m) grad tr V, and without it every m-usam drifts like n-usam. */
START_TEST(variance_term)
{
  struct limit_options without_term = order1;
  without_term.variance_term = false;
  for (size_t m = 1; m <= GOLDEN_BATCH; m *= 2)
    for (int replacement = 0; replacement < 2; replacement++) {
      const char *sampling = replacement ? with : "sampling=without-replacement";
      struct models_setup setup = setup_of(sampling, "m-usam", GOLDEN_BATCH, m);
      double c = objective_batch_factor(setup.objective, m), term[2], f[2], bare[2];
      models_moments(&setup.optimizer, order1, golden_start, f, NULL);
      models_moments(&setup.optimizer, without_term, golden_start, bare, NULL);
      for (size_t k = 0; k < 2; k++) {
        term[k] = golden_rho / 2 * c * golden_noise_trace_gradient[k];
        f[k] -= bare[k];
      }
      ck_assert_double_lt(models_distance(2, f, term), 1e-13);
      ck_assert_double_lt(models_distance(2, bare, golden_means[GOLDEN_MEANS - 1].mean), 1e-10);
      models_setup_free(&setup);
    }
}
END_TEST

/* Cov u for m = 1, by every way to form the noise, also to first order in rho. */
START_TEST(covariance_of_single_samples)
{
  struct models_setup setup = setup_of(with, "m-usam", 1, 1);
  for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++)
    for (int order = LIMIT_RHO_ORDER_1; order <= LIMIT_RHO_ORDER_EXACT; order++) {
      double sigma[4];
      struct limit_options options = {
          1, (enum limit_rho_order)order, true, (enum limit_factor)factor, LIMIT_NORM_AUTO,
          0, LIMIT_COVARIANCE_AUTO};
      models_moments(&setup.optimizer, options, golden_start, NULL, sigma);
      ck_assert_double_lt(models_distance(4, sigma, golden_covariance), 1e-10);
      options.rho_order = LIMIT_RHO_ORDER_0;
      models_moments(&setup.optimizer, options, golden_start, NULL, sigma);
      ck_assert_double_gt(models_distance(4, sigma, golden_covariance), 0.1);
    }
  models_setup_free(&setup);
}
END_TEST

/* Moments m1, m2, P11, P12, P22 of x, and a quadratic function's mean from them by its values at
 * six nodes: weights with which the mean of any quadratic is a sum of values. */
enum { NODES = 6, MOMENTS = 5 };
static const double nodes[NODES][2] = {{0, 0}, {1, 0}, {0, 1}, {-1, 0}, {0, -1}, {1, 1}};

static void node_weights(const double m[MOMENTS], double weight[NODES])
{
  weight[0] = 1 - m[2] - m[4] + m[3];
  weight[1] = (m[0] + m[2]) / 2 - m[3];
  weight[2] = (m[1] + m[4]) / 2 - m[3];
  weight[3] = (m[2] - m[0]) / 2;
  weight[4] = (m[4] - m[1]) / 2;
  weight[5] = m[3];
}

/* Changes of the moments at each node, and the loss there. For iterates x - eta u, the change in
 * one step; for the SDE, the rate. F affine and Sigma quadratic close the moments. */
struct recursion {
  double change[NODES][MOMENTS], loss[NODES];
};

static struct recursion recursion_of(const struct optimizer *optimizer, bool iterates)
{
  static const size_t row[] = {0, 0, 1}, column[] = {0, 1, 1};
  struct recursion recursion;
  struct limit *limit = models_limit(optimizer, exact);
  double eta = optimizer->eta, step = iterates ? eta : 1;
  for (size_t k = 0; k < NODES; k++) {
    double f[2], sigma[4], *change = recursion.change[k];
    const double *x = nodes[k];
    models_limit_at(limit, eta, x, f, sigma);
    change[0] = -step * f[0];
    change[1] = -step * f[1];
    for (size_t e = 0; e < 3; e++) {
      size_t i = row[e], j = column[e];
      change[2 + e] = -step * (x[i] * f[j] + f[i] * x[j]) + step * eta * sigma[2 * i + j] +
                      (iterates ? eta * eta * f[i] * f[j] : 0);
    }
    recursion.loss[k] = loss_at(optimizer->objective->loss, x);
  }
  limit_free(limit);
  return recursion;
}

static void mean_change(const struct recursion *recursion, const double m[MOMENTS],
                        double change[MOMENTS])
{
  double weight[NODES];
  node_weights(m, weight);
  for (size_t e = 0; e < MOMENTS; e++) {
    change[e] = 0;
    for (size_t k = 0; k < NODES; k++)
      change[e] += weight[k] * recursion->change[k][e];
  }
}

/* One step of the classical Runge-Kutta method. */
static void runge_kutta(const struct recursion *recursion, double dt, double m[MOMENTS])
{
  static const double reach[] = {0, 0.5, 0.5, 1}, share[] = {1 / 6.0, 1 / 3.0, 1 / 3.0, 1 / 6.0};
  double slope[MOMENTS] = {0}, sum[MOMENTS] = {0};
  for (size_t stage = 0; stage < 4; stage++) {
    double at[MOMENTS];
    for (size_t e = 0; e < MOMENTS; e++)
      at[e] = m[e] + reach[stage] * dt * slope[e];
    mean_change(recursion, at, slope);
    for (size_t e = 0; e < MOMENTS; e++)
      sum[e] += share[stage] * dt * slope[e];
  }
  for (size_t e = 0; e < MOMENTS; e++)
    m[e] += sum[e];
}

/* E f at golden_time, with no sampling error. */
static double exact_loss(const struct golden_loss *row, bool iterates)
{
  struct models_setup setup = setup_of(with, row->optimizer, GOLDEN_BATCH, row->micro_batch);
  setup.optimizer.eta = row->eta;
  struct recursion recursion = recursion_of(&setup.optimizer, iterates);
  const double *x = golden_start;
  double m[MOMENTS] = {x[0], x[1], x[0] * x[0], x[0] * x[1], x[1] * x[1]};
  size_t steps = iterates ? (size_t)lround(golden_time / row->eta) : 2000;
  for (size_t k = 0; k < steps; k++)
    if (iterates) {
      double change[MOMENTS];
      mean_change(&recursion, m, change);
      for (size_t e = 0; e < MOMENTS; e++)
        m[e] += change[e];
    } else {
      runge_kutta(&recursion, golden_time / (double)steps, m);
    }
  double weight[NODES], mean = 0;
  node_weights(m, weight);
  for (size_t k = 0; k < NODES; k++)
    mean += weight[k] * recursion.loss[k];
  models_setup_free(&setup);
  return mean;
}

/* To the printed digits, by which iterates and SDE, optimizers and m are all told apart. */
START_TEST(exact_losses)
{
  const struct golden_loss *row = &golden_losses[_i];
  ck_assert_double_eq_tol(exact_loss(row, true), row->iterates, 1e-12);
  ck_assert_double_eq_tol(exact_loss(row, false), row->sde, 1e-12);
  for (size_t k = 0; k < GOLDEN_LOSSES; k++)
    ck_assert(fabs(row->iterates - golden_losses[k].sde) > 1e-5 &&
              (k == (size_t)_i || fabs(row->iterates - golden_losses[k].iterates) > 1e-5));
}
END_TEST

/* The loss of simulated iterates at golden_time. */
static struct sde_moments simulated_loss(const struct golden_loss *row)
{
  static const char *const name = "loss";
  struct models_setup setup = setup_of(with, row->optimizer, GOLDEN_BATCH, row->micro_batch);
  setup.optimizer.eta = row->eta;
  struct sde_status status = {SDE_OK, ""};
  struct sde_observables *loss =
      observables_new(setup.objective, 1, &name, "recipe:observables", &status);
  ck_assert_msg(loss != NULL, "%s", status.message);
  struct sde_process *process =
      optimizer_process_new(&setup.optimizer, sde_stream_named(1, "iterates"));
  uint64_t end = (uint64_t)llround(golden_time / row->eta);
  struct sde_ensemble ensemble = {.paths = testing_size(1 << 17),
                                  .dim = 2,
                                  .start = golden_start,
                                  .records = 1,
                                  .record_steps = &end,
                                  .processes = 1,
                                  .process = (const struct sde_process *const[]){process},
                                  .observables = *loss,
                                  .bound = 1e6,
                                  .threads = 1};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  struct sde_moments moments = sde_ensemble_moments(&result, 0, 0, 0);
  sde_ensemble_result_free(&result);
  optimizer_process_free(process);
  observables_free(loss);
  models_setup_free(&setup);
  return moments;
}

/* Each row of the table is one comparison at the family's level; the twin is that row's SDE. */
START_TEST(simulated_losses)
{
  const struct golden_loss *row = &golden_losses[_i];
  struct sde_moments sample = simulated_loss(row);
  struct testing_family right = {0}, wrong = {0};
  testing_add_mean(&right, sample, row->iterates, row->optimizer);
  testing_add_mean(&wrong, sample, row->sde, row->optimizer);
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("golden");
  TCase *point = testing_case(suite, "at one point");
  tcase_add_test(point, loss_and_gradient);
  tcase_add_test(point, gradient_noise);
  tcase_add_loop_test(point, mean_directions, 0, GOLDEN_MEANS);
  tcase_add_test(point, mean_directions_tell_rows_apart);
  tcase_add_test(point, variance_term);
  tcase_add_test(point, covariance_of_single_samples);
  TCase *later = testing_case(suite, "at a later time");
  tcase_add_loop_test(later, exact_losses, 0, GOLDEN_LOSSES);
  tcase_add_loop_test(later, simulated_losses, 0, GOLDEN_LOSSES);
  return testing_run(suite);
}
