/*
 * Update rules: the mean and covariance of one step of every pair of rules against its limit, over
 * many paths; and heavy ball on the golden case, exactly, by paths and by weak orders, as theory.md
 * section 12 has it. A wrong friction, a covariance whose vectors do not go together and a variance
 * that is off are noticed.
 */
#include "sde/block.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 64, PATHS = 1 << 17, STATE_MAX = 2 * UPDATE_VECTORS_MAX };

static const char with[] = "sampling=with-replacement";

/* A point of the state in its first vector at golden_start, elsewhere small. */
static void set_point(size_t dim, double *y)
{
  static const double extra[STATE_MAX] = {0, 0, 0.3, 0.2, 0.5, 0.7, 0.4, 0.6};
  memcpy(y, extra, dim * sizeof *y);
  memcpy(y, golden_start, sizeof golden_start);
}

/* ---- one step ---- */

/* Moments of U = (y - y')/eta over many paths: of its entries, and of the products of deviations
 * from a mean that is expected, [i*(i+1)/2 + k]. */
struct sample {
  struct sde_moments entry[STATE_MAX], product[STATE_MAX * (STATE_MAX + 1) / 2];
};

static void add_values(struct sde_moments *moments, const double *values)
{
  for (size_t p = 0; p < WIDTH; p++)
    *moments = sde_moments_merged(*moments, (struct sde_moments){.n = 1, .mean = values[p]});
}

static void add_block(struct sample *sample, size_t dim, const double *u, const double *mean)
{
  for (size_t i = 0; i < dim; i++) {
    add_values(&sample->entry[i], u + i * WIDTH);
    for (size_t k = 0; k <= i; k++) {
      double product[WIDTH];
      for (size_t p = 0; p < WIDTH; p++)
        product[p] = (u[i * WIDTH + p] - mean[i]) * (u[k * WIDTH + p] - mean[k]);
      add_values(&sample->product[i * (i + 1) / 2 + k], product);
    }
  }
}

static void draw_steps(const struct optimizer *optimizer, const double *y, const double *mean,
                       struct sample *sample)
{
  struct sde_process *process = optimizer_process_new(optimizer, sde_stream_named(1, "one step"));
  size_t dim = process->dim;
  void *workspace = process->workspace_new(process, WIDTH);
  double block[STATE_MAX * WIDTH];
  for (size_t path = 0; path < testing_size(PATHS); path += WIDTH) {
    for (size_t i = 0; i < dim; i++)
      sde_block_fill(WIDTH, y[i], block + i * WIDTH);
    process->advance(process, workspace, path, WIDTH, 3, block);
    for (size_t i = 0; i < dim * WIDTH; i++)
      block[i] = (y[i / WIDTH] - block[i]) / optimizer->eta;
    add_block(sample, dim, block, mean);
  }
  process->workspace_free(process, workspace);
  optimizer_process_free(process);
}

/* What does not vary must be right to the rounding of a difference over eta. */
static void add_comparison(struct testing_family *family, struct sde_moments sample, double exact,
                           const char *what, size_t i, size_t k)
{
  double off = sample.mean - exact, scale = fmax(1, fabs(exact));
  testing_add(family, fabs(off) < 1e-12 * scale ? 0 : off / sde_moments_standard_error(sample),
              "%s %zu %zu", what, i, k);
}

/* F and Sigma at a point: dim numbers and dim x dim. */
struct moments {
  double f[STATE_MAX], sigma[STATE_MAX * STATE_MAX];
};

static struct moments moments_at(const struct optimizer *optimizer, const double *y)
{
  static const struct limit_options exact = {
      .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};
  struct moments moments = {0};
  models_moments(optimizer, exact, y, moments.f, moments.sigma);
  return moments;
}

static struct testing_family compare(const struct optimizer *optimizer, const double *y,
                                     const struct moments *expected)
{
  struct testing_family family = {0};
  struct sample sample = {0};
  size_t dim = optimizer_dim(optimizer);
  draw_steps(optimizer, y, expected->f, &sample);
  for (size_t i = 0; i < dim; i++) {
    add_comparison(&family, sample.entry[i], expected->f[i], "mean", i, i);
    for (size_t k = 0; k <= i; k++)
      add_comparison(&family, sample.product[i * (i + 1) / 2 + k], expected->sigma[i * dim + k],
                     "covariance", i, k);
  }
  return family;
}

/* A rule whose exact limit draws directions afresh has none at a point; test_family.c has it. */
static bool has_limit_at_a_point(const struct optimizer *optimizer)
{
  return optimizer->rule->theory.depends != GRADIENT_OF_BATCH;
}

START_TEST(steps_have_the_mean_and_covariance_of_their_limit)
{
  const struct update_rule *update = update_rules()[_i];
  for (const struct gradient_rule *const *rule = gradient_rules(); *rule != NULL; rule++) {
    struct models_setup setup =
        models_setup_new(models_golden.loss, with, (*rule)->name, 0.3, 4, 2);
    models_set_update(&setup.optimizer, update->name, models_update_example(update->name));
    double y[STATE_MAX];
    set_point(optimizer_dim(&setup.optimizer), y);
    if (has_limit_at_a_point(&setup.optimizer)) {
      struct moments expected = moments_at(&setup.optimizer, y);
      struct testing_family family = compare(&setup.optimizer, y, &expected);
      ck_assert_msg(testing_agrees(&family), "%s, %s: %s is off by %g standard errors",
                    (*rule)->name, update->name, family.worst_name, family.worst);
    }
    models_setup_free(&setup);
  }
}
END_TEST

/* The limit of another friction, one without the covariance of x and p, one of too much noise and
 * one without the variance term are not that of the steps. */
enum mistake { FRICTION, CROSS_BLOCK, VARIANCE, VARIANCE_TERM, MISTAKES };

START_TEST(mistakes_in_one_step_are_noticed)
{
  struct models_setup setup = models_setup_new(models_golden.loss, with, "m-usam", 0.3, 4, 2);
  models_set_update(&setup.optimizer, "heavy-ball", "friction=2");
  struct optimizer wrong = setup.optimizer;
  double y[STATE_MAX];
  set_point(4, y);
  if (_i == FRICTION)
    models_set_update(&wrong, "heavy-ball", "friction=2.1");
  struct moments expected = moments_at(&wrong, y);
  if (_i == VARIANCE_TERM)
    models_moments(&wrong, (struct limit_options){.eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1},
                   y, expected.f, NULL);
  for (size_t i = 0; i < 4; i++)
    for (size_t k = 0; k < 4; k++) {
      if (_i == CROSS_BLOCK && i / 2 != k / 2)
        expected.sigma[i * 4 + k] = 0;
      if (_i == VARIANCE)
        expected.sigma[i * 4 + k] *= 1.25;
    }
  struct testing_family family = compare(&setup.optimizer, y, &expected);
  testing_assert_notices(&family);
  models_setup_free(&setup);
}
END_TEST

/* ---- momentum on the golden case ---- */

static const double friction = 2, horizon = 2;

/* E f at the horizon, theory.md section 12: of the iterates and the SDEs of order 1 and 2. */
static const struct row {
  const char *rule;
  double eta, iterates, order[2];
  const char *update; /* NULL: heavy-ball */
} rows[] = {{"sgd", 0.1, 0.181663223556, {0.196758461696, 0.181860989610}, NULL},
            {"sgd", 0.05, 0.192380153195, {0.200232642351, 0.192409832916}, NULL},
            {"m-usam", 0.1, 0.130320254605, {0.145560977331, 0.130576218891}, NULL},
            {"m-usam", 0.05, 0.138920222189, {0.146911875222, 0.138966531802}, NULL},
            {"sgd", 0.1, 0.175876128426, {0.189822584246, 0.176116924987}, "nesterov"},
            {"m-usam", 0.1, 0.127617489607, {0.141612231648, 0.127911381347}, "nesterov"}};
enum { ROWS = sizeof rows / sizeof *rows };

static struct models_setup golden_setup(const struct row *row, double gamma)
{
  struct models_setup setup =
      models_setup_new(models_golden.loss, with, row->rule, golden_rho, GOLDEN_BATCH, 1);
  char settings[40];
  setup.optimizer.eta = row->eta;
  snprintf(settings, sizeof settings, "friction=%.17g", gamma);
  models_set_update(&setup.optimizer, row->update == NULL ? "heavy-ball" : row->update, settings);
  return setup;
}

/* E f from the moments of (x, p). */
static double mean_loss(const double *moments)
{
  double square[16] = {0}, linear[4] = {0};
  for (size_t i = 0; i < GOLDEN_SAMPLES; i++)
    for (size_t k = 0; k < 2; k++) {
      for (size_t j = 0; j < 2; j++)
        square[k * 4 + j] += golden_samples[i][2 * k + j] / (2 * GOLDEN_SAMPLES);
      linear[k] -= golden_samples[i][4 + k] / GOLDEN_SAMPLES;
    }
  return sde_linear_expectation(4, moments, square, linear, 0);
}

/* E x1 p1. */
static double mean_product(const double *moments)
{
  double square[16] = {[2] = 1}, linear[4] = {0};
  return sde_linear_expectation(4, moments, square, linear, 0);
}

/* Change a direction before it is followed. */
typedef void spoil(struct sde_linear_direction *direction);

static const struct limit_options whole = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};

/* A mean at the horizon by moments; order 0 is that of the iterates. */
static double exact_mean(const struct optimizer *optimizer, struct limit_options options, int order,
                         spoil *how, double (*mean)(const double *moments))
{
  struct sde_status status = {SDE_OK, ""};
  struct limit *limit = models_limit(optimizer, options);
  struct sde_linear_direction *direction = limit_direction_new(limit, NULL);
  ck_assert_ptr_nonnull(direction);
  if (how != NULL)
    how(direction);
  struct sde_linear_map *map =
      order == 0 ? sde_linear_iterates_new(direction, optimizer->eta, "golden", &status)
                 : sde_linear_sde_new(direction, optimizer->eta, order, "golden", &status);
  ck_assert_msg(map != NULL, "%s", status.message);
  double y[4], *moments = sde_alloc(sde_linear_size(4), sizeof *moments);
  optimizer_start(optimizer, golden_start, y);
  sde_linear_point(4, y, moments);
  sde_linear_advance(map, (uint64_t)llround(horizon / optimizer->eta), moments);
  double value = mean(moments);
  sde_free(moments);
  sde_linear_map_free(map);
  limit_direction_free(direction);
  limit_free(limit);
  return value;
}

/* How far the row is from its reference values, at most. */
static double largest_difference(const struct row *row, double gamma, spoil *how)
{
  struct models_setup setup = golden_setup(row, gamma);
  double most = fabs(exact_mean(&setup.optimizer, whole, 0, how, mean_loss) - row->iterates);
  for (int order = 1; order <= 2; order++)
    most = fmax(most, fabs(exact_mean(&setup.optimizer, whole, order, how, mean_loss) -
                           row->order[order - 1]));
  models_setup_free(&setup);
  return most;
}

START_TEST(exact_means_are_those_of_theory)
{
  ck_assert_double_lt(largest_difference(&rows[_i], friction, NULL), 1e-9);
}
END_TEST

/* The covariance of x and p: entries (i, k) with i of p and k of x. */
static void drop_cross_block(struct sde_linear_direction *direction)
{
  size_t pairs = (direction->dim + 1) * (direction->dim + 2) / 2;
  double *covariance = (double *)direction->covariance;
  for (size_t i = 2; i < 4; i++)
    for (size_t k = 0; k < 2; k++)
      for (size_t c = 0; c < pairs; c++)
        covariance[(i * (i + 1) / 2 + k) * pairs + c] = 0;
}

static void drop_noise_of_x(struct sde_linear_direction *direction)
{
  size_t pairs = (direction->dim + 1) * (direction->dim + 2) / 2;
  double *covariance = (double *)direction->covariance;
  for (size_t c = 0; c < 3 * pairs; c++)
    covariance[c] = 0;
  drop_cross_block(direction);
}

static void enlarge_noise(struct sde_linear_direction *direction)
{
  size_t entries = direction->dim * (direction->dim + 1) / 2;
  double *covariance = (double *)direction->covariance;
  for (size_t c = 0; c < entries * (direction->dim + 1) * (direction->dim + 2) / 2; c++)
    covariance[c] *= 1.05;
}

START_TEST(mistakes_in_exact_means_are_noticed)
{
  static spoil *const how[] = {drop_cross_block, drop_noise_of_x, enlarge_noise};
  ck_assert_double_gt(largest_difference(&rows[_i], 1.05 * friction, NULL), 1e-4);
  for (size_t k = 0; k < sizeof how / sizeof *how; k++)
    ck_assert_double_gt(largest_difference(&rows[_i], friction, how[k]), 1e-6);
}
END_TEST

/* To first order in rho, which is exact here, the SDE has the golden mean; without the variance
 * term that of m-usam has another, and that of sgd the same. */
START_TEST(the_variance_term_counts)
{
  const struct limit_options without = {.eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1};
  struct limit_options complete = without;
  complete.variance_term = true;
  struct models_setup setup = golden_setup(&rows[_i], friction);
  ck_assert_double_eq_tol(exact_mean(&setup.optimizer, complete, 1, NULL, mean_loss),
                          rows[_i].order[0], 1e-9);
  double mean = exact_mean(&setup.optimizer, without, 1, NULL, mean_loss);
  bool perturbed = setup.optimizer.rule->theory.depends != GRADIENT_UNPERTURBED;
  double off = fabs(mean - rows[_i].order[0]);
  ck_assert(perturbed ? off > 1e-4 : off < 1e-9);
  models_setup_free(&setup);
}
END_TEST

/* ---- by paths ---- */

/* The mean loss at the horizon over many paths of a process. */
static struct sde_moments mean_over_paths(const struct optimizer *optimizer,
                                          const struct sde_process *process)
{
  const struct loss *loss = optimizer->objective->loss;
  uint64_t steps = (uint64_t)llround(horizon / optimizer->eta);
  struct sde_moments moments = {0};
  void *workspace = process->workspace_new(process, WIDTH);
  double y[4 * WIDTH], value[WIDTH], scratch[2 * WIDTH];
  for (size_t path = 0; path < testing_size(1 << 15); path += WIDTH) {
    sde_process_start(process, workspace, 2, golden_start, path, WIDTH, y);
    for (uint64_t step = 0; step < steps; step++)
      process->advance(process, workspace, path, WIDTH, step, y);
    loss_mean_value(loss, WIDTH, y, value, scratch);
    add_values(&moments, value);
  }
  process->workspace_free(process, workspace);
  return moments;
}

static struct sde_moments mean_of_sde(const struct optimizer *optimizer, int order)
{
  struct limit_options options = {
      .eta_order = order, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};
  struct sde_status status = {SDE_OK, ""};
  struct limit *limit = models_limit(optimizer, options);
  struct sde_process *process = sde_solution_process_new(
      &(struct sde_solution){.system = limit_system(limit),
                             .scheme = sde_scheme_named("weak-second-order"),
                             .stream = sde_stream_named(7, "sde"),
                             .eta = optimizer->eta,
                             .substeps = 4,
                             .resolution = 4},
      &status);
  ck_assert_msg(process != NULL, "%s", status.message);
  struct sde_moments moments = mean_over_paths(optimizer, process);
  sde_solution_process_free(process);
  limit_free(limit);
  return moments;
}

START_TEST(paths_have_the_means_of_theory)
{
  const struct row *row = &rows[_i];
  struct models_setup setup = golden_setup(row, friction);
  struct testing_family family = {0};
  struct sde_process *process =
      optimizer_process_new(&setup.optimizer, sde_stream_named(7, "iterates"));
  testing_add_mean(&family, mean_over_paths(&setup.optimizer, process), row->iterates, "iterates");
  testing_add_mean(&family, mean_of_sde(&setup.optimizer, 1), row->order[0], "SDE of order 1");
  testing_add_mean(&family, mean_of_sde(&setup.optimizer, 2), row->order[1], "SDE of order 2");
  ck_assert_msg(family.worst < 4, "%s is off by %g standard errors", family.worst_name,
                family.worst);
  optimizer_process_free(process);
  models_setup_free(&setup);
}
END_TEST

/* ---- weak orders ---- */

/* log2 of the ratio of the errors of E x1 p1 at two learning rates. */
static double slope_between(const char *rule, double eta, int order, double gamma_of_sde)
{
  double error[2];
  for (size_t k = 0; k < 2; k++) {
    struct row row = {.rule = rule, .eta = eta / (double)(1 + k)};
    struct models_setup iterates = golden_setup(&row, friction);
    struct models_setup sde = golden_setup(&row, gamma_of_sde);
    error[k] = fabs(exact_mean(&iterates.optimizer, whole, 0, NULL, mean_product) -
                    exact_mean(&sde.optimizer, whole, order, NULL, mean_product));
    models_setup_free(&iterates);
    models_setup_free(&sde);
  }
  return log2(error[0] / error[1]);
}

START_TEST(weak_errors_fall_as_theory_has_it)
{
  static const char *const rules[] = {"sgd", "m-usam"};
  for (int order = 1; order <= 2; order++) {
    ck_assert_double_eq_tol(slope_between(rules[_i], 0.0125, order, friction), order, 0.12);
    ck_assert_double_lt(slope_between(rules[_i], 0.0125, order, 1.05 * friction), 0.5);
  }
}
END_TEST

/* ---- coupling, conventions, refusals ---- */

/* Gaussian noise drives iterates and SDE alike: the variance of their difference is far below that
 * of independent ones. */
START_TEST(heavy_ball_shares_its_brownian_path)
{
  struct models_setup setup = models_setup_new(
      models_golden.loss, "sampling=gaussian structure=isotropic standard_deviation=0.7", "sgd", 0,
      4, 4);
  models_set_update(&setup.optimizer, "heavy-ball", "friction=2");
  const struct optimizer *optimizer = &setup.optimizer;
  struct limit_options options = {.eta_order = 1,
                                  .rho_order = LIMIT_RHO_ORDER_EXACT,
                                  .variance_term = true,
                                  .factor = LIMIT_FACTOR_COLUMNS};
  struct sde_status status = {SDE_OK, ""};
  struct limit *limit = models_limit(optimizer, options);
  ck_assert(limit_has_potential_columns(limit));
  ck_assert_int_eq(limit_system(limit)->noise, SDE_NOISE_ADDITIVE);
  struct sde_solution solution = {.system = limit_system(limit),
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(7, "shared"),
                                  .eta = optimizer->eta,
                                  .substeps = 16,
                                  .resolution = 16};
  struct sde_process *sde = sde_solution_process_new(&solution, &status);
  struct optimizer_coupling coupling = {.resolution = 16,
                                        .wiener = {.stream = solution.stream,
                                                   .noise_dim = limit_system(limit)->noise_dim,
                                                   .fine_step = optimizer->eta / 16}};
  struct sde_process *iterates =
      optimizer_coupled_process_new(optimizer, sde_stream_named(7, "iterates"), &coupling);
  void *of_sde = sde->workspace_new(sde, WIDTH), *own = iterates->workspace_new(iterates, WIDTH);
  double y[4 * WIDTH], z[4 * WIDTH], variance[2] = {0, 0};
  sde_process_start(sde, of_sde, 2, golden_start, 0, WIDTH, y);
  sde_process_start(iterates, own, 2, golden_start, 0, WIDTH, z);
  for (uint64_t step = 0; step < 20; step++) {
    sde->advance(sde, of_sde, 0, WIDTH, step, y);
    iterates->advance(iterates, own, 0, WIDTH, step, z);
  }
  struct sde_moments difference = {0}, alone = {0};
  for (size_t p = 0; p < WIDTH; p++)
    z[p] -= y[p];
  add_values(&difference, z);
  add_values(&alone, y);
  variance[0] = sde_moments_variance(difference);
  variance[1] = sde_moments_variance(alone);
  ck_assert_double_lt(variance[0], 0.02 * variance[1]);
  sde->workspace_free(sde, of_sde);
  iterates->workspace_free(iterates, own);
  sde_solution_process_free(sde);
  optimizer_process_free(iterates);
  limit_free(limit);
  models_setup_free(&setup);
}
END_TEST

/* x and p of one path of 50 steps, for a friction or a momentum, and PyTorch's SGD by its own
 * formulas: buffer <- mu buffer + w, x <- x - lr buffer. */
START_TEST(momentum_is_pytorchs)
{
  struct models_setup setup = models_setup_new(models_golden.loss, with, "sgd", 0, 4, 4);
  models_set_update(&setup.optimizer, "heavy-ball", "momentum=0.8");
  struct optimizer *optimizer = &setup.optimizer;
  struct sde_stream stream = sde_stream_named(5, "pytorch");
  struct sde_process *process = optimizer_process_new(optimizer, stream);
  struct optimizer_workspace *workspace = optimizer_workspace_new(optimizer, WIDTH);
  void *own = process->workspace_new(process, WIDTH);
  double y[4 * WIDTH], x[2 * WIDTH], buffer[2 * WIDTH] = {0}, w[2 * WIDTH];
  double mu = 0.8, eta = optimizer->eta, lr = eta * eta;
  sde_process_start(process, own, 2, golden_start, 0, WIDTH, y);
  memcpy(x, y, sizeof x);
  for (uint64_t step = 0; step < 50; step++) {
    process->advance(process, own, 0, WIDTH, step, y);
    optimizer_gradient(optimizer, workspace, &(struct sde_address){stream, 0, step}, WIDTH, x, w);
    for (size_t i = 0; i < 2 * WIDTH; i++) {
      buffer[i] = mu * buffer[i] + w[i];
      x[i] -= lr * buffer[i];
    }
  }
  ck_assert_double_lt(models_distance(2 * WIDTH, x, y), 1e-12);
  for (size_t i = 0; i < 2 * WIDTH; i++)
    ck_assert_double_eq_tol(y[2 * WIDTH + i], -buffer[i] * eta, 1e-12);
  process->workspace_free(process, own);
  optimizer_process_free(process);
  optimizer_workspace_free(workspace);
  models_setup_free(&setup);
}
END_TEST

START_TEST(rows_of_the_registry_are_whole)
{
  const struct update_rule *rule = update_rules()[_i];
  ck_assert_ptr_eq(update_rule_named(rule->name), rule);
  const char *const texts[] = {rule->summary, rule->update, rule->direction_text, rule->fixed};
  for (size_t i = 0; i < 4; i++)
    ck_assert_msg(texts[i] != NULL && texts[i][0] != '\0', "%s", rule->name);
  ck_assert((rule->affine == NULL) != (rule->direction == NULL));
  ck_assert((rule->keys == NULL) == (rule->read == NULL));
  ck_assert_ptr_null(update_rule_named("no such rule"));
}
END_TEST

int main(void)
{
  int rules = 0;
  while (update_rules()[rules] != NULL)
    rules++;
  Suite *suite = suite_create("update");
  TCase *step = testing_case(suite, "one step");
  tcase_add_loop_test(step, steps_have_the_mean_and_covariance_of_their_limit, 0, rules);
  tcase_add_loop_test(step, mistakes_in_one_step_are_noticed, 0, MISTAKES);
  TCase *golden = testing_case(suite, "golden");
  tcase_add_loop_test(golden, exact_means_are_those_of_theory, 0, ROWS);
  tcase_add_loop_test(golden, mistakes_in_exact_means_are_noticed, 0, ROWS);
  tcase_add_loop_test(golden, the_variance_term_counts, 0, ROWS);
  tcase_add_loop_test(golden, paths_have_the_means_of_theory, 0, ROWS);
  tcase_add_loop_test(golden, weak_errors_fall_as_theory_has_it, 0, 2);
  TCase *others = testing_case(suite, "others");
  tcase_add_test(others, heavy_ball_shares_its_brownian_path);
  tcase_add_test(others, momentum_is_pytorchs);
  tcase_add_loop_test(others, rows_of_the_registry_are_whole, 0, rules);
  return testing_run(suite);
}
