/*
 * Schedules: the factors of each shape with their derivatives, exact moments on the golden case as
 * theory.md section 12 has them, the drift of the limit at a time, weak orders, PyTorch's scheduler
 * and refusals. An SDE of second order without d_t F is noticed.
 */
#include "analysis/oracle.h"
#include "analysis/varying_direction.h"
#include "models/observables.h"
#include "sde/block.h"
#include "sde/linear.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 64, KEYS = 8 };

static const double horizon = 2;

/* The schedule "SHAPE key=value ...", or NULL and the status says why. */
static struct schedule *schedule_of(const char *text, struct sde_status *status)
{
  struct parameter_key keys[KEYS] = {{.name = "shape", .type = PARAMETER_TEXT}};
  char name[32], whole[160];
  sscanf(text, "%31s", name);
  const struct schedule_shape *shape = schedule_shape_named(name);
  ck_assert_msg(shape != NULL, "no shape is named %s", name);
  size_t count = 1;
  for (const struct parameter_key *key = shape->keys; key != NULL && key->name != NULL; key++)
    keys[count++] = *key;
  for (const struct parameter_key *key = schedule_keys; key->name != NULL; key++)
    keys[count++] = *key;
  snprintf(whole, sizeof whole, "shape=%s", text);
  struct parameters *given = models_parameters(keys, whole);
  struct schedule *schedule = schedule_new(given, horizon, status);
  parameters_free(given);
  return schedule;
}

/* ---- shapes ---- */

static const struct value {
  const char *text;
  double time, factor;
} values[] = {{"constant", 1.3, 1},
              {"step times=0.5,1.5 factors=0.1,0.3", 0.4999, 1},
              {"step times=0.5,1.5 factors=0.1,0.3", 0.5, 0.1},
              {"step times=0.5,1.5 factors=0.1,0.3", 1.6, 0.3},
              {"linear end=0.2", 0.5, 0.8},
              {"linear end=0.2", 2, 0.2},
              {"cosine end=0.2", 0.5, 0.88284271247461901},
              {"cosine end=0.2", 2, 0.2},
              {"exponential rate=1.5", 0.4, 0.54881163609402643},
              {"inverse-time rate=3", 0.5, 0.4},
              {"formula expression=1/(1+t)^2", 1, 0.25},
              {"linear end=0.2 warmup=0.5", 0.25, 0.5},
              {"linear end=0.2 warmup=0.5", 1.25, 0.6},
              {"exponential rate=1.5 warmup=1", 1.4, 0.54881163609402643}};
enum { VALUES = sizeof values / sizeof *values };

START_TEST(factors_are_those_of_their_formulas)
{
  const struct value *value = &values[_i];
  struct sde_status status = {SDE_OK, ""};
  struct schedule *schedule = schedule_of(value->text, &status);
  ck_assert_msg(schedule != NULL, "%s: %s", value->text, status.message);
  double slope, none, h = 1e-6, time = value->time - (value->time == 2 ? 2 * h : 0);
  ck_assert_double_eq_tol(schedule_factor(schedule, value->time, &slope), value->factor, 1e-15);
  schedule_factor(schedule, time, &slope);
  if (strncmp(value->text, "step", 4) != 0)
    ck_assert_double_eq_tol(
        (schedule_factor(schedule, time + h, &none) - schedule_factor(schedule, time - h, &none)) /
            (2 * h),
        slope, 1e-8);
  else
    ck_assert_double_eq(slope, 0);
  schedule_free(schedule);
}
END_TEST

/* A step at 0.3 counts for the third learning-rate step of 0.1, which is rounded to below it. */
START_TEST(a_step_begins_with_the_iterate_at_its_time)
{
  struct sde_status status = {SDE_OK, ""};
  struct schedule *schedule = schedule_of("step times=0.7 factors=0.5", &status);
  double slope;
  ck_assert_double_lt(7 * 0.1 - 1e-15, 0.7);
  ck_assert_double_eq(schedule_factor(schedule, 0.7 * (1 - 1e-15), &slope), 0.5);
  ck_assert_double_eq(schedule_factor(schedule, 0.6999, &slope), 1);
  schedule_free(schedule);
}
END_TEST

START_TEST(every_shape_is_tried)
{
  const struct schedule_shape *shape = schedule_shapes()[_i];
  bool tried = false;
  for (size_t k = 0; k < VALUES; k++)
    tried |= strncmp(values[k].text, shape->name, strlen(shape->name)) == 0;
  ck_assert_msg(tried, "%s has no value here", shape->name);
  ck_assert_ptr_eq(schedule_shape_named(shape->name), shape);
  ck_assert(shape->summary[0] != '\0' && shape->formula[0] != '\0');
}
END_TEST

static const struct refusal {
  const char *text, *key, *words;
} refusals[] = {{"formula expression=1-t", "recipe:shape", "negative|-0.0002"},
                {"formula expression=1/(t-1)", "recipe:shape", "negative"},
                {"formula expression=1/(t-1)^2", "recipe:shape", "not a finite number|time 1:"},
                {"formula expression=sqrt(t)", "recipe:shape", "no finite derivative|time 0:"},
                {"formula expression=1+u", "recipe:expression", "'u'|column 3"},
                {"linear end=0 warmup=2", "recipe:warmup", "below the horizon 2"},
                {"step times=1,0.5 factors=1,1", "recipe:times", "ascend|0.5 follows 1"},
                {"step times=1,1.5 factors=1", "recipe:factors", "1 factors for 2 times"}};

START_TEST(bad_schedules_are_refused)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(schedule_of(refusals[_i].text, &status));
  models_assert_refused(&status, refusals[_i].key, refusals[_i].words);
}
END_TEST

/* ---- the golden case ---- */

/* An optimizer of the golden case with schedules, which are NULL where they are constant. */
struct golden {
  struct models_setup setup;
  struct schedule *schedule[2];
};

static struct golden golden_new(const char *rule, double eta, const char *of_eta,
                                const char *of_rho)
{
  struct sde_status status = {SDE_OK, ""};
  struct golden golden = {.setup = models_setup_new(models_golden.loss, "sampling=with-replacement",
                                                    rule, golden_rho, GOLDEN_BATCH, 1)};
  golden.schedule[0] = of_eta == NULL ? NULL : schedule_of(of_eta, &status);
  golden.schedule[1] = of_rho == NULL ? NULL : schedule_of(of_rho, &status);
  ck_assert_msg(status.code == SDE_OK, "%s", status.message);
  golden.setup.optimizer.eta = eta;
  golden.setup.optimizer.eta_schedule = golden.schedule[0];
  golden.setup.optimizer.rho_schedule = golden.schedule[1];
  return golden;
}

static void golden_free(struct golden *golden)
{
  models_setup_free(&golden->setup);
  schedule_free(golden->schedule[0]);
  schedule_free(golden->schedule[1]);
}

static const char *const names[] = {"loss", "x1"};
enum { LOSS, X1, NAMES };

static const struct limit_options whole = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};

/* Exact means at the horizon: of the iterates for order 0, else of the SDE of that order. */
static void set_exact(const struct optimizer *optimizer, int order, double mean[NAMES])
{
  struct sde_status status = {SDE_OK, ""};
  struct objective objective = *optimizer->objective;
  struct optimizer from_start = *optimizer;
  const char *why;
  double start[2] = {golden_start[0], golden_start[1]};
  objective.start = start;
  from_start.objective = &objective;
  struct sde_observables *observables =
      observables_new(&objective, NAMES, names, "recipe", &status);
  struct limit_options options = whole;
  options.eta_order = order == 0 ? 1 : order;
  struct limit *limit = models_limit(&from_start, options);
  struct oracle *oracle = order == 0 ? oracle_of_iterates(&from_start, observables, &why)
                                     : oracle_of_limit(&from_start, limit, observables, &why);
  ck_assert_msg(oracle != NULL, "%s", why);
  oracle_advance(oracle, (uint64_t)llround(horizon / optimizer->eta));
  for (size_t o = 0; o < NAMES; o++)
    mean[o] = oracle_mean(oracle, o);
  oracle_free(oracle);
  limit_free(limit);
  observables_free(observables);
}

/* E f of plain SGD with s = 1/(1 + t), theory.md section 12: iterates, SDEs of order 1 and 2. */
static const struct row {
  double eta, mean[3];
} rows[] = {{0.1, {0.110366009501, 0.131534657905, 0.111423892330}},
            {0.05, {0.119764331746, 0.130411981627, 0.120041274263}}};

START_TEST(exact_means_are_those_of_theory)
{
  static const char *const written[] = {"inverse-time rate=1", "formula expression=1/(1+t)"};
  for (size_t k = 0; k < 2; k++) {
    struct golden golden = golden_new("sgd", rows[_i].eta, written[k], NULL);
    for (int order = 0; order <= 2; order++) {
      double mean[NAMES];
      set_exact(&golden.setup.optimizer, order, mean);
      ck_assert_double_eq_tol(mean[LOSS], rows[_i].mean[order], 1e-12);
    }
    golden_free(&golden);
  }
}
END_TEST

/* F is affine, so the mean of the iterates goes by F at the mean, with eta and rho of the step. */
START_TEST(iterates_take_eta_and_rho_of_their_step)
{
  struct golden golden = golden_new("m-usam", 0.1, "cosine end=0.1 warmup=0.5", "linear end=3");
  struct optimizer now = golden.setup.optimizer;
  double x[2], f[2], mean[NAMES];
  memcpy(x, golden_start, sizeof x);
  now.eta_schedule = now.rho_schedule = NULL;
  for (int step = 0; step < 20; step++) {
    struct optimizer_factors factors = optimizer_factors_at(&golden.setup.optimizer, 0.1 * step);
    now.rho = golden.setup.optimizer.rho * factors.rho;
    models_moments(&now, whole, x, f, NULL);
    for (size_t i = 0; i < 2; i++)
      x[i] -= 0.1 * factors.eta * f[i];
  }
  set_exact(&golden.setup.optimizer, 0, mean);
  ck_assert_double_eq_tol(mean[X1], x[0], 1e-12);
  golden_free(&golden);
}
END_TEST

/* ---- the limit at a time ---- */

/* The drift and the noise of a limit at a time are those of the exact moments: D and s^2 Sigma. */
START_TEST(the_limit_changes_with_time)
{
  static const char *const rules[] = {"sgd", "m-usam"};
  for (int order = 1; order <= 2; order++) {
    struct golden golden = golden_new(rules[_i], 0.1, "cosine end=0.1", "exponential rate=0.7");
    const struct optimizer *optimizer = &golden.setup.optimizer;
    struct limit_options options = whole;
    options.eta_order = order;
    struct limit *limit = models_limit(optimizer, options);
    const struct sde_system *system = limit_system(limit);
    struct affine_frame *frame = affine_frame_unit(2);
    struct varying_direction *direction = varying_direction_new(optimizer, &options, frame);
    struct sde_linear_varying varying = varying_direction_moments(direction);
    double m[4], c[2], covariance[18], m_slope[4], c_slope[2];
    varying.at(varying.context, 0.8,
               &(struct sde_linear_instant){m, c, covariance, m_slope, c_slope});
    void *workspace = sde_system_workspace_new(system, WIDTH);
    double x[2 * WIDTH], drift[2 * WIDTH], *dw = sde_alloc(system->noise_dim, WIDTH * sizeof *dw);
    double noise[2 * WIDTH], variance = 0, expected = 0, f[2];
    sde_block_fill(WIDTH, golden_start[0], x);
    sde_block_fill(WIDTH, golden_start[1], x + WIDTH);
    for (size_t k = 0; k < system->noise_dim; k++)
      dw[k * WIDTH + k] = 1;
    system->evaluate(system, workspace, &(struct sde_instant){0.8, 0, 0}, WIDTH, x, dw, drift,
                     noise);
    for (size_t i = 0; i < 2; i++)
      f[i] = c[i] + m[2 * i] * golden_start[0] + m[2 * i + 1] * golden_start[1];
    for (size_t i = 0; i < 2; i++) {
      double slope =
          c_slope[i] + m_slope[2 * i] * golden_start[0] + m_slope[2 * i + 1] * golden_start[1];
      double second = m[2 * i] * f[0] + m[2 * i + 1] * f[1] - slope;
      ck_assert_double_eq_tol(-drift[i * WIDTH], f[i] + (order == 2 ? 0.05 * second : 0), 1e-9);
    }
    for (size_t k = 0; k < system->noise_dim; k++)
      variance += noise[k] * noise[k];
    const double z[3] = {golden_start[0], golden_start[1], 1};
    for (size_t a = 0, pair = 0; a < 3; a++)
      for (size_t b = 0; b <= a; b++)
        expected += covariance[pair++] * z[a] * z[b];
    ck_assert_double_eq_tol(variance, 0.1 * expected, 1e-10);
    sde_free(dw);
    sde_system_workspace_free(system, workspace);
    varying_direction_free(direction);
    affine_frame_free(frame);
    limit_free(limit);
    golden_free(&golden);
  }
}
END_TEST

START_TEST(without_noise_the_drift_stays)
{
  struct golden golden = golden_new("m-usam", 0.1, NULL, NULL);
  struct limit_options options = whole;
  options.factor = LIMIT_FACTOR_NONE;
  double f[2], sigma[4], with_noise[2], none[4];
  models_moments(&golden.setup.optimizer, whole, golden_start, with_noise, none);
  ck_assert_double_gt(none[0], 0.01);
  models_moments(&golden.setup.optimizer, options, golden_start, f, sigma);
  ck_assert_double_lt(models_distance(2, f, with_noise), 1e-14);
  for (size_t i = 0; i < 4; i++)
    ck_assert_double_eq(sigma[i], 0);
  golden_free(&golden);
}
END_TEST

/* ---- weak orders ---- */

/* The error of E x1 of the SDE of an order; without d_t F the drift is that of order 1 and
 * (eta/2) DF F. */
static double error_of(const char *rule, double eta, int order, bool without)
{
  struct golden golden = golden_new(rule, eta, "exponential rate=1", "linear end=0.5");
  struct optimizer *optimizer = &golden.setup.optimizer;
  double iterates[NAMES], sde[NAMES], x[2];
  set_exact(optimizer, 0, iterates);
  set_exact(optimizer, order, sde);
  if (without) {
    struct affine_frame *frame = affine_frame_unit(2);
    struct varying_direction *direction = varying_direction_new(optimizer, &whole, frame);
    struct sde_linear_varying varying = varying_direction_moments(direction);
    memcpy(x, golden_start, sizeof x);
    enum { PARTS = 400 };
    double m[4], c[2], covariance[18], m_slope[4], c_slope[2], dt = horizon / PARTS;
    for (int k = 0; k < PARTS; k++) { /* the midpoint rule, whose error is far below the other */
      double f[2], half[2] = {x[0], x[1]};
      for (int stage = 0; stage < 2; stage++) {
        varying.at(varying.context, dt * (k + 0.5 * stage),
                   &(struct sde_linear_instant){m, c, covariance, m_slope, c_slope});
        for (size_t i = 0; i < 2; i++)
          f[i] = c[i] + m[2 * i] * half[0] + m[2 * i + 1] * half[1];
        for (size_t i = 0; i < 2; i++)
          half[i] = x[i] - (stage == 0 ? dt / 2 : dt) *
                               (f[i] + eta / 2 * (m[2 * i] * f[0] + m[2 * i + 1] * f[1]));
      }
      memcpy(x, half, sizeof x);
    }
    sde[X1] = x[0];
    varying_direction_free(direction);
    affine_frame_free(frame);
  }
  golden_free(&golden);
  return fabs(sde[X1] - iterates[X1]);
}

START_TEST(weak_errors_fall_as_theory_has_it)
{
  static const char *const rules[] = {"sgd", "m-usam"};
  for (int order = 1; order <= 2; order++)
    ck_assert_double_eq_tol(log2(error_of(rules[_i], 0.0125, order, false) /
                                 error_of(rules[_i], 0.00625, order, false)),
                            order, 0.05);
  ck_assert_double_eq_tol(
      log2(error_of(rules[_i], 0.0125, 2, true) / error_of(rules[_i], 0.00625, 2, true)), 1, 0.1);
}
END_TEST

/* ---- PyTorch ---- */

/* SGD with momentum 0.8 under a scheduler of lr: buffer <- mu buffer + w, x <- x - lr_k buffer. */
START_TEST(momentum_under_a_schedule_is_pytorchs)
{
  struct golden golden = golden_new("sgd", 0.1, "cosine end=0 warmup=0.3", NULL);
  struct optimizer *optimizer = &golden.setup.optimizer;
  models_set_update(optimizer, "heavy-ball", "momentum=0.8");
  struct sde_stream stream = sde_stream_named(5, "pytorch");
  struct sde_process *process = optimizer_process_new(optimizer, stream);
  struct optimizer_workspace *workspace = optimizer_workspace_new(optimizer, WIDTH);
  void *own = process->workspace_new(process, WIDTH);
  double y[4 * WIDTH], x[2 * WIDTH], buffer[2 * WIDTH] = {0}, w[2 * WIDTH];
  sde_process_start(process, own, 2, golden_start, 0, WIDTH, y);
  memcpy(x, y, sizeof x);
  for (uint64_t step = 0; step < 20; step++) {
    double slope, lr = 0.01 * schedule_factor(golden.schedule[0], 0.1 * (double)step, &slope);
    process->advance(process, own, 0, WIDTH, step, y);
    optimizer_gradient(optimizer, workspace, &(struct sde_address){stream, 0, step}, WIDTH, x, w);
    for (size_t i = 0; i < 2 * WIDTH; i++) {
      buffer[i] = 0.8 * buffer[i] + w[i];
      x[i] -= lr * buffer[i];
    }
  }
  ck_assert_double_lt(models_distance(2 * WIDTH, x, y), 1e-13);
  process->workspace_free(process, own);
  optimizer_process_free(process);
  optimizer_workspace_free(workspace);
  golden_free(&golden);
}
END_TEST

int main(void)
{
  int shapes = 0;
  while (schedule_shapes()[shapes] != NULL)
    shapes++;
  Suite *suite = suite_create("schedule");
  TCase *shape = testing_case(suite, "shapes");
  tcase_add_loop_test(shape, factors_are_those_of_their_formulas, 0, VALUES);
  tcase_add_test(shape, a_step_begins_with_the_iterate_at_its_time);
  tcase_add_loop_test(shape, every_shape_is_tried, 0, shapes);
  tcase_add_loop_test(shape, bad_schedules_are_refused, 0,
                      (int)(sizeof refusals / sizeof *refusals));
  TCase *golden = testing_case(suite, "golden");
  tcase_add_loop_test(golden, exact_means_are_those_of_theory, 0, 2);
  tcase_add_test(golden, iterates_take_eta_and_rho_of_their_step);
  tcase_add_loop_test(golden, the_limit_changes_with_time, 0, 2);
  tcase_add_test(golden, without_noise_the_drift_stays);
  tcase_add_loop_test(golden, weak_errors_fall_as_theory_has_it, 0, 2);
  tcase_add_test(golden, momentum_under_a_schedule_is_pytorchs);
  return testing_run(suite);
}
