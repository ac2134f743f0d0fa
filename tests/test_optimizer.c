/*
 * Optimizers: the mean and covariance of one step of every optimizer in the registry against its
 * exact limit, over many paths; and what the members of the family have in common, to the bit.
 */
#include "sde/block.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 64 };

static const char *const samplings[] = {
    "sampling=with-replacement", "sampling=without-replacement",
    "sampling=gaussian structure=dense covariance=0.25,0.1;0.1,0.13"};
enum { SAMPLINGS = sizeof samplings / sizeof *samplings };

static const size_t batches[][2] = {{1, 1}, {2, 1}, {4, 1}, {4, 2}, {4, 4}};
enum { BATCHES = sizeof batches / sizeof *batches, PATHS = 1 << 18 };

static const struct limit_options exact = {
    1, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_AUTO, LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO};

/* Normalised Gaussian micro-batches have no exact limit without sampling; test_family.c has them.
 * Noise potentials cannot be reweighted. */
static bool is_elsewhere(const struct gradient_rule *type, size_t sampling)
{
  return sampling == 2 && (type->theory.normalized || !models_is_of_the_paper(type)) &&
         models_perturbation(type) != PERTURB_FULL_GRADIENT;
}

/* Adds the sample of directions of a setup against F and Sigma of the limit of `optimizer`, or
 * where that is sampled of all its batches. */
static void compare(const struct optimizer *drawn, const struct optimizer *optimizer,
                    struct limit_options options, struct testing_family *family, const char *name)
{
  double f[2], sigma[4];
  if (models_is_reweighted(optimizer->rule))
    models_enumerate(&models_golden, models_draw_of(optimizer), golden_start, f, sigma);
  else
    models_moments(optimizer, options, golden_start, f, sigma);
  struct models_sample sample = models_directions(drawn, golden_start, testing_size(PATHS), f);
  models_sample_compare(&sample, f, sigma, family, name);
}

START_TEST(steps_have_the_mean_and_covariance_of_their_limit)
{
  const char *name = gradient_rules()[_i]->name;
  struct testing_family family = {0};
  for (size_t s = 0; s < SAMPLINGS; s++)
    for (size_t k = 0; k < BATCHES && !is_elsewhere(gradient_rules()[_i], s); k++) {
      struct models_setup setup = models_setup_new(models_golden.loss, samplings[s], name, 0.3,
                                                   batches[k][0], batches[k][1]);
      char label[80];
      snprintf(label, sizeof label, "%.32s, b = %zu, m = %zu", samplings[s], batches[k][0],
               setup.optimizer.micro_batch);
      compare(&setup.optimizer, &setup.optimizer, exact, &family, label);
      models_setup_free(&setup);
    }
  testing_assert_agrees(&family);
}
END_TEST

/* Not all samples of a batch, and a loss that is not quadratic. */
START_TEST(steps_in_the_valley_have_the_mean_and_covariance_of_all_batches)
{
  struct testing_family family = {0};
  for (size_t s = 0; s < 2; s++) {
    struct models_setup setup =
        models_setup_new(models_valley6.loss, samplings[s], gradient_rules()[_i]->name, 0.1, 4, 2);
    double mean[2], covariance[4];
    models_enumerate(&models_valley6, models_draw_of(&setup.optimizer), golden_start, mean,
                     covariance);
    struct models_sample sample =
        models_directions(&setup.optimizer, golden_start, testing_size(PATHS), mean);
    models_sample_compare(&sample, mean, covariance, &family, samplings[s]);
    models_setup_free(&setup);
  }
  testing_assert_agrees(&family);
}
END_TEST

enum { WITH, WITHOUT, NORMAL };

/* Directions that are not those of the limit they are compared with: b = 4 of both. */
struct mistake {
  const char *drawn;
  size_t drawn_sampling, drawn_m;
  const char *limit;
  size_t limit_sampling, limit_m;
  enum limit_rho_order rho_order;
  bool variance_term;
};

static const struct mistake mistakes[] = {
    {"usam", WITH, 4, "n-usam", WITH, 4, LIMIT_RHO_ORDER_EXACT, true},
    {"n-usam", WITH, 4, "usam", WITH, 4, LIMIT_RHO_ORDER_EXACT, true},
    {"usam", NORMAL, 4, "n-usam", NORMAL, 4, LIMIT_RHO_ORDER_EXACT, true},
    {"m-usam", WITH, 1, "m-usam", WITH, 2, LIMIT_RHO_ORDER_EXACT, true},
    {"m-usam", WITH, 2, "m-usam", WITH, 4, LIMIT_RHO_ORDER_EXACT, true},
    {"m-usam", WITHOUT, 2, "m-usam", WITHOUT, 1, LIMIT_RHO_ORDER_EXACT, true},
    {"m-usam", WITHOUT, 2, "m-usam", WITH, 2, LIMIT_RHO_ORDER_EXACT, true},
    {"sgd", WITH, 4, "sgd", WITHOUT, 4, LIMIT_RHO_ORDER_EXACT, true},
    {"m-usam", WITH, 2, "m-usam", WITH, 2, LIMIT_RHO_ORDER_1, false},
    {"m-usam", WITH, 2, "m-usam", WITH, 2, LIMIT_RHO_ORDER_0, true},
    {"sam", WITH, 4, "n-sam", WITH, 4, LIMIT_RHO_ORDER_EXACT, true},
    {"sam", WITH, 4, "usam", WITH, 4, LIMIT_RHO_ORDER_EXACT, true},
    {"m-sam", WITH, 1, "m-sam", WITH, 2, LIMIT_RHO_ORDER_EXACT, true},
    {"m-sam", WITHOUT, 2, "m-sam", WITH, 2, LIMIT_RHO_ORDER_EXACT, true},
    {"m-sam", WITH, 1, "m-sam", WITH, 1, LIMIT_RHO_ORDER_1, false},
    {"rw-sam", WITH, 4, "sam", WITH, 4, LIMIT_RHO_ORDER_EXACT, true},
};
enum { MISTAKES = sizeof mistakes / sizeof *mistakes };

START_TEST(mistakes_would_be_noticed)
{
  const struct mistake *wrong = &mistakes[_i];
  struct models_setup drawn = models_setup_new(models_golden.loss, samplings[wrong->drawn_sampling],
                                               wrong->drawn, 0.3, 4, wrong->drawn_m);
  struct models_setup limit = models_setup_new(models_golden.loss, samplings[wrong->limit_sampling],
                                               wrong->limit, 0.3, 4, wrong->limit_m);
  struct limit_options options = exact;
  options.rho_order = wrong->rho_order;
  options.variance_term = wrong->variance_term;
  struct testing_family family = {0};
  compare(&drawn.optimizer, &limit.optimizer, options, &family, wrong->drawn);
  testing_assert_notices(&family);
  models_setup_free(&drawn);
  models_setup_free(&limit);
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

/* The same where only the optimizer, rho and m are chosen. */
static void directions_of(const char *name, size_t sampling, double rho, size_t m,
                          double u[2 * WIDTH])
{
  struct models_setup setup =
      models_setup_new(models_valley6.loss, samplings[sampling], name, rho, 4, m);
  directions(&setup.optimizer, u);
  models_setup_free(&setup);
}

START_TEST(usam_and_sam_are_m_usam_and_m_sam_with_the_whole_batch)
{
  static const char *const pairs[][2] = {{"usam", "m-usam"}, {"sam", "m-sam"}};
  for (size_t k = 0; k < 2; k++) {
    double u[2 * WIDTH], same[2 * WIDTH], other[2 * WIDTH];
    directions_of(pairs[k][0], (size_t)_i, 0.2, 4, u);
    directions_of(pairs[k][1], (size_t)_i, 0.2, 4, same);
    directions_of(pairs[k][1], (size_t)_i, 0.2, 2, other);
    ck_assert(memcmp(u, same, sizeof u) == 0);
    ck_assert_double_gt(models_distance(2 * WIDTH, u, other), 1e-2);
  }
}
END_TEST

/* Micro-batches of indices are the batch cut in pieces, so that their mean is its mean but for
 * rounding; those of Gaussian noise are draws of their own. */
START_TEST(without_radius_every_optimizer_is_sgd)
{
  double sgd[2 * WIDTH], u[2 * WIDTH];
  directions_of("sgd", (size_t)_i, 0.2, 4, sgd);
  for (const struct gradient_rule *const *type = gradient_rules(); *type != NULL; type++) {
    directions_of((*type)->name, (size_t)_i, 0, 4, u);
    ck_assert(memcmp(u, sgd, sizeof u) == 0);
    directions_of((*type)->name, (size_t)_i, 0, 2, u);
    if (_i != NORMAL)
      ck_assert_double_lt(models_distance(2 * WIDTH, u, sgd), 1e-13);
    if (is_elsewhere(*type, (size_t)_i) && models_is_reweighted(*type))
      continue;
    directions_of((*type)->name, (size_t)_i, 0.2, 4, u);
    if (models_perturbation(*type) != PERTURB_NOTHING)
      ck_assert_double_gt(models_distance(2 * WIDTH, u, sgd), 1e-2);
  }
}
END_TEST

/* b = n without replacement: sgd sees the full gradient, usam and sam the full gradient
 * twice, and m-usam and m-sam still the random partition. */
START_TEST(a_batch_of_all_samples_has_no_noise)
{
  static const char *const names[] = {"sgd", "usam", "n-usam", "m-usam", "sam", "n-sam", "m-sam"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    struct models_setup setup =
        models_setup_new(models_golden.loss, samplings[WITHOUT], names[k], 0.3, 4, 2);
    struct models_sample sample =
        models_directions(&setup.optimizer, golden_start, WIDTH, golden_gradient);
    double variance = sde_moments_variance(sample.entry[0]);
    ck_assert(setup.optimizer.micro_batch < 4 ? variance > 1e-6 : variance < 1e-28);
    if (strcmp(names[k], "sgd") == 0)
      ck_assert_double_eq_tol(sample.entry[0].mean, golden_gradient[0], 1e-14);
    models_setup_free(&setup);
  }
}
END_TEST

/* The iterates are x - eta u, drawn from the process's stream at its paths and steps. */
START_TEST(iterates_take_steps_of_minus_eta_u)
{
  struct models_setup setup =
      models_setup_new(models_valley6.loss, samplings[WITH], gradient_rules()[_i]->name, 0.1, 4, 2);
  struct sde_stream stream = sde_stream_named(5, "iterates");
  struct sde_process *process = optimizer_process_new(&setup.optimizer, stream);
  struct optimizer_workspace *workspace = optimizer_workspace_new(&setup.optimizer, WIDTH);
  void *memory = process->workspace_new(process, WIDTH);
  double x[2 * WIDTH], expected[2 * WIDTH], u[2 * WIDTH];
  sde_block_fill(2 * WIDTH, 0.8, x);
  memcpy(expected, x, sizeof x);
  for (uint64_t step = 3; step < 6; step++) {
    struct sde_address at = {stream, 192, step};
    optimizer_gradient(&setup.optimizer, workspace, &at, WIDTH, expected, u);
    sde_block_add(2 * WIDTH, -setup.optimizer.eta, u, expected);
    process->advance(process, memory, 192, WIDTH, step, x);
  }
  ck_assert_uint_eq(process->dim, 2);
  ck_assert(memcmp(x, expected, sizeof x) == 0);
  process->workspace_free(process, memory);
  optimizer_process_free(process);
  optimizer_workspace_free(workspace);
  models_setup_free(&setup);
}
END_TEST

START_TEST(rows_of_the_registry_are_whole)
{
  const struct gradient_rule *type = gradient_rules()[_i];
  ck_assert_ptr_eq(gradient_rule_named(type->name), type);
  const char *const texts[] = {type->summary, type->update, type->regularizer, type->theorem};
  for (size_t i = 0; i < 4; i++)
    ck_assert(texts[i] != NULL && texts[i][0] != '\0');
  ck_assert_ptr_null(gradient_rule_named("no such optimizer"));
}
END_TEST

int main(void)
{
  int types = 0;
  while (gradient_rules()[types] != NULL)
    types++;
  Suite *suite = suite_create("optimizer");
  TCase *moments = testing_case(suite, "moments of a step");
  tcase_add_loop_test(moments, steps_have_the_mean_and_covariance_of_their_limit, 0, types);
  tcase_add_loop_test(moments, steps_in_the_valley_have_the_mean_and_covariance_of_all_batches, 0,
                      types);
  tcase_add_loop_test(moments, mistakes_would_be_noticed, 0, MISTAKES);
  TCase *family = testing_case(suite, "the family");
  tcase_add_loop_test(family, usam_and_sam_are_m_usam_and_m_sam_with_the_whole_batch, 0, SAMPLINGS);
  tcase_add_loop_test(family, without_radius_every_optimizer_is_sgd, 0, SAMPLINGS);
  tcase_add_test(family, a_batch_of_all_samples_has_no_noise);
  tcase_add_loop_test(family, iterates_take_steps_of_minus_eta_u, 0, types);
  tcase_add_loop_test(family, rows_of_the_registry_are_whole, 0, types);
  return testing_run(suite);
}
