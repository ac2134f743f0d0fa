/*
 * Update rules that are not affine: their means and covariances as theory.md section 12 has them,
 * ten-line references of PyTorch's Adam, RMSprop and nesterov, weak orders where nothing is random,
 * starts of the vectors beside x, their observables, and refusals.
 */
#include "models/observables.h"
#include "sde/block.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 64, STATE_MAX = 6 };

static const char with[] = "sampling=with-replacement";
static const struct limit_options exact = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};

static struct models_setup setup_of(const char *noise, const char *rule, double rho, size_t batch,
                                    size_t m, const char *update, const char *settings)
{
  struct models_setup setup = models_setup_new(models_golden.loss, noise, rule, rho, batch, m);
  setup.optimizer.eta = 0.1;
  models_set_update(&setup.optimizer, update, settings);
  return setup;
}

/* ---- one step, by all batches ---- */

/* A number of theory.md section 12: entry `column` of E U, or (row, column) of Cov U. */
enum { MEAN = -1 };
static const struct known {
  const char *update, *settings;
  size_t batch;
  int row, column;
  double value;
} known[] = {{"sign", "", 1, MEAN, 0, 0.75},
             {"sign", "", 1, MEAN, 1, -1},
             {"sign", "", 2, MEAN, 0, 0.9375},
             {"sign", "", 4, MEAN, 0, 0.99609375},
             {"rmsprop", "rate=2 denominator=old", 1, MEAN, 0, 1.4999999850},
             {"rmsprop", "rate=2 denominator=old", 1, MEAN, 1, -0.4687499977},
             {"rmsprop", "rate=2 denominator=old", 1, MEAN, 2, -4.1875},
             {"rmsprop", "rate=2 denominator=old", 1, MEAN, 3, 5.515625},
             {"rmsprop", "rate=2 denominator=old", 1, 2, 0, -3.7968749620},
             {"rmsprop", "rate=2 denominator=old", 1, 3, 2, 7.62890625},
             {"rmsprop", "rate=2 denominator=old", 2, MEAN, 2, -3.34375},
             {"rmsprop", "rate=2 denominator=old", 2, MEAN, 3, 5.87890625},
             {"rmsprop", "rate=2 denominator=old", 2, 2, 0, -2.2148437279},
             {"rmsprop", "rate=2", 1, MEAN, 0, 1.1710392092},
             {"rmsprop", "rate=2", 1, MEAN, 1, -0.4940171050},
             {"rmsprop", "beta=0.8", 1, MEAN, 2, -4.1875},
             {"rmsprop", "beta=0.8", 1, 2, 0, -2.7242845471},
             {"rmsprop", "rate=2", 2, MEAN, 0, 1.2562081137},
             {"rmsprop", "rate=2", 2, MEAN, 1, -0.5023388346},
             {"adam", "rates=1,2", 1, MEAN, 0, 0.1958094576},
             {"adam", "rates=1,2", 1, MEAN, 1, -0.1465448726},
             {"adam", "rates=1,2", 1, MEAN, 2, -1.4},
             {"adam", "rates=1,2", 1, MEAN, 3, 0.7375},
             {"adam", "betas=0.9,0.8", 1, MEAN, 4, -4.1875},
             {"adam", "betas=0.9,0.8", 1, MEAN, 5, 5.515625},
             {"adam", "rates=1,2", 1, 0, 0, 0.0030823194},
             {"adam", "rates=1,2", 1, 1, 0, -0.0005756684},
             {"adam", "rates=1,2", 1, 2, 0, -0.0500073999},
             {"adam", "rates=1,2", 1, 3, 0, 0.0137377334},
             {"adam", "rates=1,2", 1, 4, 0, -0.2144284499},
             {"adam", "rates=1,2", 1, 5, 0, -0.0681712419}};

static double found_of(const struct known *number, const char *settings)
{
  struct models_setup setup =
      setup_of(with, "sgd", 0, number->batch, number->batch, number->update, settings);
  size_t dim = optimizer_dim(&setup.optimizer);
  static const double states[][4] = {{1, 4}, {0.1, -0.2, 1, 4}};
  double y[STATE_MAX], f[STATE_MAX], sigma[STATE_MAX * STATE_MAX];
  memcpy(y, golden_start, sizeof golden_start);
  memcpy(y + 2, states[dim == 6], (dim - 2) * sizeof *y);
  models_moments(&setup.optimizer, exact, y, f, sigma);
  double found = number->row == MEAN ? f[number->column]
                                     : sigma[(size_t)number->row * dim + (size_t)number->column];
  models_setup_free(&setup);
  return found;
}

START_TEST(moments_are_those_of_theory)
{
  const struct known *number = &known[_i];
  ck_assert_double_eq_tol(found_of(number, number->settings), number->value, 6e-11);
}
END_TEST

/* A rate that is 5 % off changes all that it counts in. */
START_TEST(another_rate_is_noticed)
{
  const struct known *number = &known[_i];
  if (strcmp(number->settings, "rate=2") == 0)
    ck_assert_double_gt(fabs(found_of(number, "rate=2.1") - number->value), 1e-3);
}
END_TEST

/* ---- PyTorch ---- */

/* One step of a reference on one number: w in, x, its buffers and the step's number. */
typedef void reference(double w, uint64_t step, double *x, double *first, double *second);

static void adam(double w, uint64_t step, double *x, double *first, double *second)
{
  double power = (double)(step + 1);
  *first = 0.9 * *first + (1 - 0.9) * w;
  *second = 0.99 * *second + (1 - 0.99) * w * w;
  double size = 0.1 / (1 - pow(0.9, power));
  *x -= size * *first / (sqrt(*second) / sqrt(1 - pow(0.99, power)) + 1e-3);
}

static void rmsprop(double w, uint64_t step, double *x, double *first, double *second)
{
  (void)step, (void)second;
  *first = 0.9 * *first + (1 - 0.9) * w * w;
  *x -= 0.1 * w / (sqrt(*first) + 1e-3);
}

static void nesterov(double w, uint64_t step, double *x, double *first, double *second)
{
  (void)step, (void)second;
  *first = 0.8 * *first + w;
  *x -= 0.1 * 0.1 * (w + 0.8 * *first);
}

static void heavy_ball(double w, uint64_t step, double *x, double *first, double *second)
{
  (void)step, (void)second;
  *first = 0.8 * *first + w;
  *x -= 0.1 * 0.1 * *first;
}

static const struct twin {
  const char *update, *settings;
  reference *step;
} twins[] = {{"adam", "betas=0.9,0.99 epsilon=1e-3 bias_correction=true", adam},
             {"rmsprop", "beta=0.9 epsilon=1e-3", rmsprop},
             {"nesterov", "momentum=0.8", nesterov},
             {"heavy-ball", "momentum=0.8", heavy_ball}};
enum { TWINS = sizeof twins / sizeof *twins };

/* The largest distance over 1000 steps of 64 paths, relative to the start. */
static double distance_to(const struct twin *twin, const char *settings)
{
  struct models_setup setup = setup_of(with, "m-usam", 0.1, 4, 2, twin->update, settings);
  struct sde_stream stream = sde_stream_named(5, "pytorch");
  struct sde_process *process = optimizer_process_new(&setup.optimizer, stream);
  struct optimizer_workspace *workspace = optimizer_workspace_new(&setup.optimizer, WIDTH);
  void *own = process->workspace_new(process, WIDTH);
  double y[STATE_MAX * WIDTH], x[2 * WIDTH], w[2 * WIDTH], most = 0;
  double first[2 * WIDTH] = {0}, second[2 * WIDTH] = {0};
  sde_process_start(process, own, 2, golden_start, 0, WIDTH, y);
  memcpy(x, y, sizeof x);
  for (uint64_t step = 0; step < 1000; step++) {
    process->advance(process, own, 0, WIDTH, step, y);
    optimizer_gradient(&setup.optimizer, workspace, &(struct sde_address){stream, 0, step}, WIDTH,
                       x, w);
    for (size_t i = 0; i < 2 * WIDTH; i++) {
      twin->step(w[i], step, &x[i], &first[i], &second[i]);
      most = fmax(most, fabs(x[i] - y[i]));
    }
  }
  process->workspace_free(process, own);
  optimizer_process_free(process);
  optimizer_workspace_free(workspace);
  models_setup_free(&setup);
  return most;
}

START_TEST(iterates_are_those_of_a_reference)
{
  ck_assert_double_lt(distance_to(&twins[_i], twins[_i].settings), 2e-14);
}
END_TEST

START_TEST(another_setting_is_not_the_reference)
{
  static const char *const other[] = {"betas=0.9,0.99 epsilon=1e-3", "beta=0.9 epsilon=1.1e-3",
                                      "momentum=0.79", "momentum=0.79"};
  ck_assert_double_gt(distance_to(&twins[_i], other[_i]), 1e-4);
}
END_TEST

/* ---- weak orders, where nothing is random ---- */

static const struct smooth {
  const char *update, *settings;
} smooths[] = {{"nesterov", "friction=2"},
               {"rmsprop", "rate=2 epsilon=0.1"},
               {"rmsprop", "rate=2 epsilon=0.1 denominator=old"},
               {"adam", "rates=1,2 epsilon=0.1"}};
enum { SMOOTHS = sizeof smooths / sizeof *smooths };

/* x and the vectors beside it at time 1, by iterates of gradient descent or usam, or by its SDE of an
 * order, which has no noise: the classical method of Runge and Kutta, eight steps an eta. */
static void end_of(const struct smooth *smooth, const char *rule, double eta, int order,
                   double *end)
{
  struct models_setup setup =
      setup_of("sampling=without-replacement", rule, 0.1, 4, 4, smooth->update, smooth->settings);
  setup.optimizer.eta = eta;
  models_set_update(&setup.optimizer, smooth->update, smooth->settings);
  size_t dim = optimizer_dim(&setup.optimizer), size = dim * WIDTH, steps = (size_t)lround(1 / eta);
  double y[STATE_MAX * WIDTH];
  sde_block_fill(size, 0.5, y);
  sde_block_fill(WIDTH, golden_start[0], y);
  sde_block_fill(WIDTH, golden_start[1], y + WIDTH);
  if (order == 0) {
    struct sde_process *process =
        optimizer_process_new(&setup.optimizer, sde_stream_named(1, "orders"));
    void *workspace = process->workspace_new(process, WIDTH);
    for (size_t step = 0; step < steps; step++)
      process->advance(process, workspace, 0, WIDTH, step, y);
    process->workspace_free(process, workspace);
    optimizer_process_free(process);
  } else {
    struct limit_options options = exact;
    options.eta_order = order;
    struct limit *limit = models_limit(&setup.optimizer, options);
    const struct sde_system *system = limit_system(limit);
    void *workspace = sde_system_workspace_new(system, WIDTH);
    double slope[4][STATE_MAX * WIDTH], point[STATE_MAX * WIDTH], h = eta / 8;
    static const double ahead[] = {0, 0.5, 0.5, 1}, weight[] = {1, 2, 2, 1};
    for (size_t step = 0; step < 8 * steps; step++) {
      for (size_t k = 0; k < 4; k++) {
        memcpy(point, y, size * sizeof *y);
        if (k > 0)
          sde_block_add(size, h * ahead[k], slope[k - 1], point);
        system->evaluate(system, workspace, &(struct sde_instant){h * (double)step, 0, step}, WIDTH,
                         point, NULL, slope[k], NULL);
      }
      for (size_t k = 0; k < 4; k++)
        sde_block_add(size, h / 6 * weight[k], slope[k], y);
    }
    sde_system_workspace_free(system, workspace);
    limit_free(limit);
  }
  for (size_t i = 0; i < dim; i++)
    end[i] = y[i * WIDTH];
  models_setup_free(&setup);
}

START_TEST(errors_fall_by_the_order)
{
  static const char *const rules[] = {"sgd", "usam"};
  const struct smooth *smooth = &smooths[_i / 2];
  for (int order = 1; order <= 2; order++) {
    double error[2];
    for (size_t k = 0; k < 2; k++) {
      double eta = k == 0 ? 0.003125 : 0.0015625;
      double iterates[STATE_MAX], sde[STATE_MAX];
      end_of(smooth, rules[_i % 2], eta, 0, iterates);
      end_of(smooth, rules[_i % 2], eta, order, sde);
      error[k] = models_distance(2, iterates, sde);
    }
    ck_assert_double_eq_tol(log2(error[0] / error[1]), order, 0.06);
  }
}
END_TEST

/* ---- starts and observables ---- */

START_TEST(vectors_start_where_they_are_given)
{
  static const struct parameter_key keys[] = {
      {.name = "q", .type = PARAMETER_REAL, .list = true},
      {.name = "v", .type = PARAMETER_REAL, .list = true},
      {.name = "betas", .type = PARAMETER_REAL, .list = true},
      {.name = "epsilon", .type = PARAMETER_REAL},
      {.name = "bias_correction", .type = PARAMETER_BOOL},
      {.name = NULL}};
  static const char *const texts[] = {"v=1,4 q=0.5", "", "v=1,2,3"};
  static const double starts[][4] = {{0.5, 0.5, 1, 4}, {0, 0, 0, 0}};
  struct models_setup setup = setup_of(with, "sgd", 0, 1, 1, "adam", "rates=1,2");
  for (size_t k = 0; k < 3; k++) {
    struct sde_status status = {SDE_OK, ""};
    char text[120];
    snprintf(text, sizeof text, "betas=0.9,0.9 epsilon=0.1 bias_correction=false %s", texts[k]);
    struct parameters *given = models_parameters(keys, text);
    double y[STATE_MAX];
    if (optimizer_read(&setup.optimizer, NULL, given, &status)) {
      optimizer_start(&setup.optimizer, golden_start, y);
      ck_assert_double_eq(models_distance(4, y + 2, starts[k]), 0);
    } else
      models_assert_refused(&status, "recipe:v", "3 numbers|2 coordinates");
    ck_assert((k == 2) == (status.code != SDE_OK));
    parameters_free(given);
  }
  models_setup_free(&setup);
}
END_TEST

START_TEST(observables_read_the_state)
{
  static const char *const names[] = {"p2", "momentum-squared", "kinetic-energy", "total-energy",
                                      "loss"};
  static const char *const of_adam[] = {"q1", "v2"};
  struct sde_status status = {SDE_OK, ""};
  struct models_setup setup = setup_of(with, "sgd", 0, 1, 1, "heavy-ball", "friction=1");
  double y[STATE_MAX * WIDTH], out[5 * WIDTH];
  for (size_t i = 0; i < STATE_MAX; i++)
    sde_block_fill(WIDTH, (double)i + 0.5, y + i * WIDTH);
  struct sde_observables *observables = observables_of_state_new(
      setup.objective, update_rule_named("heavy-ball"), 5, names, "recipe", &status);
  void *workspace = observables->workspace_new(observables->context, WIDTH);
  observables->evaluate(observables->context, workspace, WIDTH, y, out);
  const double expected[] = {3.5, 18.5, 9.25, 9.25 + out[4 * WIDTH], out[4 * WIDTH]};
  for (size_t o = 0; o < 5; o++)
    ck_assert_double_eq(out[o * WIDTH + 7], expected[o]);
  observables->workspace_free(workspace);
  observables_free(observables);
  observables = observables_of_state_new(setup.objective, update_rule_named("adam"), 2, of_adam,
                                         "recipe", &status);
  observables->evaluate(observables->context, NULL, WIDTH, y, out);
  ck_assert_double_eq(out[0], 2.5);
  ck_assert_double_eq(out[WIDTH], 5.5);
  observables_free(observables);
  ck_assert_ptr_null(observables_new(setup.objective, 1, names, "recipe:9", &status));
  models_assert_refused(&status, "recipe:9", "'p2'|update rule");
  models_setup_free(&setup);
}
END_TEST

/* ---- refusals ---- */

static const struct refusal {
  const char *update, *settings, *place, *words;
} refusals[] = {{"heavy-ball", "momentum=1", "recipe:momentum", "below 1"},
                {"nesterov", "momentum=1", "recipe:momentum", "below 1"},
                {"nesterov", "friction=11", "recipe:friction", "at most 1/eta = 10"},
                {"nesterov", "", "update", "needs friction or momentum"},
                {"rmsprop", "rate=11", "recipe:rate", "at most 1/eta = 10"},
                {"rmsprop", "beta=1", "recipe:beta", "below 1"},
                {"rmsprop", "rate=1 beta=0.9", "recipe:name", "not both"},
                {"adam", "betas=0.9,1", "recipe:betas", "below 1"},
                {"adam", "betas=0.9", "recipe:betas", "1 numbers|takes 2"},
                {"adam", "rates=0,1", "recipe:rates", "above 0"}};

START_TEST(bad_settings_are_refused)
{
  const struct refusal *refusal = &refusals[_i];
  struct parameter_key keys[12] = {{.name = "name", .type = PARAMETER_TEXT}};
  struct sde_status status = {SDE_OK, ""};
  struct models_setup setup = models_setup_new(models_golden.loss, with, "sgd", 0, 1, 1);
  char text[80];
  setup.optimizer.eta = 0.1;
  setup.optimizer.update = update_rule_named(refusal->update);
  const struct parameter_key *own = setup.optimizer.update->keys;
  for (size_t k = 0; own[k].name != NULL; k++)
    keys[k + 1] = own[k];
  snprintf(text, sizeof text, "name=x %s", refusal->settings);
  struct parameters *given = models_parameters(keys, text);
  ck_assert(!optimizer_read(&setup.optimizer, NULL, given, &status));
  models_assert_refused(&status,
                        strcmp(refusal->place, "update") == 0 ? "recipe:name" : refusal->place,
                        refusal->words);
  parameters_free(given);
  models_setup_free(&setup);
}
END_TEST

int main(void)
{
  int count = (int)(sizeof known / sizeof *known);
  Suite *suite = suite_create("update rules");
  TCase *step = testing_case(suite, "one step");
  tcase_add_loop_test(step, moments_are_those_of_theory, 0, count);
  tcase_add_loop_test(step, another_rate_is_noticed, 0, count);
  TCase *pytorch = testing_case(suite, "pytorch");
  tcase_add_loop_test(pytorch, iterates_are_those_of_a_reference, 0, TWINS);
  tcase_add_loop_test(pytorch, another_setting_is_not_the_reference, 0, TWINS);
  TCase *orders = testing_case(suite, "orders");
  tcase_add_loop_test(orders, errors_fall_by_the_order, 0, 2 * SMOOTHS);
  TCase *others = testing_case(suite, "others");
  tcase_add_test(others, vectors_start_where_they_are_given);
  tcase_add_test(others, observables_read_the_state);
  tcase_add_loop_test(others, bad_settings_are_refused, 0,
                      (int)(sizeof refusals / sizeof *refusals));
  return testing_run(suite);
}
