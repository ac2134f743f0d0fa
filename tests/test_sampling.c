/*
 * Batches that are parts of an epoch, and SVAG: permutations are bijections and all of them equally
 * likely, an epoch visits each sample once, its mean over all orders is that of the modified flow,
 * and SVAG has the exact values of theory.md section 12. Twins lack the variance term, or mix
 * batches as l = 1 does.
 */
#include "analysis/oracle.h"
#include "models/observables.h"
#include "models/optimizer.h"
#include "sde/ensemble.h"
#include "sde/permutation.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 8, D = 2 };

/* ---- permutations ---- */

static const uint32_t sizes[] = {1,    2,    3,    4,    5,     17,     100,
                                 4095, 4096, 4097, 5000, 65536, 100003, 1000000};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* Elements are asked for in pieces, in any order, of several epochs in turn. */
START_TEST(permutations_are_bijections)
{
  uint32_t n = sizes[_i], piece = n / 3 + 1;
  struct sde_permutation *permutation = sde_permutation_new(n, WIDTH);
  uint32_t *element = sde_alloc(piece, WIDTH * sizeof *element);
  bool *seen = sde_alloc(2 * (size_t)n, WIDTH * sizeof *seen);
  for (uint32_t first = 0; first < n; first += piece)
    for (uint64_t epoch = 0; epoch < 2; epoch++) {
      struct sde_address at = {sde_stream_named(1, "epochs"), 40, epoch};
      size_t count = n - first < piece ? n - first : piece;
      sde_permutation_elements(permutation, &at, WIDTH, first, count, element);
      for (size_t i = 0; i < count * WIDTH; i++) {
        size_t place = (element[i] * 2 + epoch) * WIDTH + i % WIDTH;
        ck_assert_uint_lt(element[i], n);
        ck_assert_msg(!seen[place], "n %u: element %u stands twice", n, element[i]);
        seen[place] = true;
      }
    }
  sde_free(seen);
  sde_free(element);
  sde_permutation_free(permutation);
}
END_TEST

/* Each order of four is one of 24 cells. */
START_TEST(all_orders_are_equally_likely)
{
  struct testing_family family = {.comparisons = 2};
  size_t blocks = testing_size(24000) / WIDTH, counts[24] = {0}, first[16] = {0};
  struct sde_permutation *four = sde_permutation_new(4, WIDTH);
  struct sde_permutation *many = sde_permutation_new(6400, WIDTH);
  for (size_t b = 0; b < blocks; b++) {
    struct sde_address at = {sde_stream_named(2, "epochs"), b * WIDTH, b % 3};
    uint32_t element[4 * WIDTH], one[WIDTH];
    sde_permutation_elements(four, &at, WIDTH, 0, 4, element);
    sde_permutation_elements(many, &at, WIDTH, b % 6400, 1, one);
    for (size_t p = 0; p < WIDTH; p++) {
      size_t rank = 0;
      for (size_t i = 0; i < 4; i++) {
        size_t smaller = 0;
        for (size_t k = i + 1; k < 4; k++)
          smaller += element[k * WIDTH + p] < element[i * WIDTH + p];
        rank = rank * (4 - i) + smaller;
      }
      counts[rank]++;
      first[one[p] / 400]++;
    }
  }
  testing_add_uniform_cells(&family, 24, counts, "orders of four");
  testing_add_uniform_cells(&family, 16, first, "where an element of 6400 goes");
  testing_assert_agrees(&family);
  sde_permutation_free(four);
  sde_permutation_free(many);
}
END_TEST

/* ---- epochs ---- */

/* A batch of three of ten samples, cut into micro-batches of one or not: with the rest, which is
 * one sample, or without it. */
START_TEST(an_epoch_visits_every_sample_once)
{
  static const struct {
    const char *noise;
    size_t steps, last;
  } kinds[] = {{"sampling=reshuffle rest=drop", 3, 3}, {"sampling=reshuffle rest=keep", 4, 1}};
  size_t kind = (size_t)_i / 2, m = _i % 2 == 0 ? 1 : 3;
  struct models_setup setup =
      models_setup_new("valley samples=10", kinds[kind].noise, "m-usam", 0.1, 3, m);
  struct sde_status status = {SDE_OK, ""};
  ck_assert_msg(objective_accepts(setup.objective, 3, m, "recipe", &status), "%s", status.message);
  ck_assert_uint_eq(objective_epoch_steps(setup.objective, 3), kinds[kind].steps);
  struct micro_batches batches = micro_batches_new(setup.objective, m, 3 / m, WIDTH);
  size_t other_order = 0;
  for (uint64_t epoch = 0; epoch < 5; epoch++) {
    unsigned seen[10 * WIDTH] = {0};
    for (size_t k = 0; k < kinds[kind].steps; k++) {
      struct sde_address at = {sde_stream_named(3, "iterates"), 16, epoch * kinds[kind].steps + k};
      objective_draw(setup.objective, &at, WIDTH, &batches);
      size_t samples = batches.size * batches.count;
      ck_assert_uint_eq(samples, k + 1 == kinds[kind].steps ? kinds[kind].last : 3);
      for (size_t i = 0; i < samples * WIDTH; i++) {
        seen[batches.index[i] * WIDTH + i % WIDTH]++;
        other_order += k == 0 && batches.index[i] != batches.index[i - i % WIDTH];
      }
    }
    for (size_t p = 0; p < WIDTH; p++) {
      size_t visits = 0;
      for (size_t i = 0; i < 10; i++) {
        ck_assert_uint_le(seen[i * WIDTH + p], 1);
        visits += seen[i * WIDTH + p];
      }
      ck_assert_uint_eq(visits, kind == 0 ? 9 : 10);
    }
  }
  ck_assert_msg(other_order > 0, "all paths have the same order");
  micro_batches_free(&batches);
  models_setup_free(&setup);
}
END_TEST

/* x after an epoch of SGD with batches of b of four samples, by hand, averaged over all 24 orders.
 */
static void mean_over_orders(const struct objective *objective, double eta, size_t b,
                             double mean[D])
{
  double orders = 0;
  mean[0] = mean[1] = 0;
  for (uint32_t code = 0; code < 256; code++) {
    uint32_t order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
    unsigned mask = 1u << order[0] | 1u << order[1] | 1u << order[2] | 1u << order[3];
    if (mask != 15)
      continue;
    double x[D * WIDTH], g[D * WIDTH];
    for (size_t i = 0; i < D * WIDTH; i++)
      x[i] = golden_start[i / WIDTH];
    for (size_t k = 0; k < 4; k += b) {
      double sum[D] = {0};
      for (size_t j = 0; j < b; j++) {
        objective_component_gradient(objective, WIDTH, order[k + j], x, g);
        for (size_t i = 0; i < D; i++)
          sum[i] += g[i * WIDTH] / (double)b;
      }
      for (size_t i = 0; i < D * WIDTH; i++)
        x[i] -= eta * sum[i / WIDTH];
    }
    orders++;
    for (size_t i = 0; i < D; i++)
      mean[i] += x[i * WIDTH];
  }
  for (size_t i = 0; i < D; i++)
    mean[i] /= orders;
}

/* The drift's flow over a time, by the classical Runge-Kutta method with so many steps. */
static void flow(const struct sde_system *system, double time, double x[D * WIDTH])
{
  enum { STEPS = 64, SIZE = D * WIDTH };
  static const double ahead[] = {0, 0.5, 0.5, 1}, weight[] = {1, 2, 2, 1};
  double h = time / STEPS;
  void *workspace = sde_system_workspace_new(system, WIDTH);
  for (size_t step = 0; step < STEPS; step++) {
    double k[SIZE] = {0}, at[SIZE], sum[SIZE] = {0};
    for (size_t stage = 0; stage < 4; stage++) {
      for (size_t i = 0; i < SIZE; i++)
        at[i] = x[i] + ahead[stage] * h * k[i];
      system->evaluate(system, workspace, &(struct sde_instant){0}, WIDTH, at, NULL, k, NULL);
      for (size_t i = 0; i < SIZE; i++)
        sum[i] += weight[stage] / 6 * k[i];
    }
    for (size_t i = 0; i < SIZE; i++)
      x[i] += h * sum[i];
  }
  sde_system_workspace_free(system, workspace);
}

/* How far the flow is from the mean after an epoch. */
static double epoch_error(double eta, size_t b, bool term)
{
  struct models_setup setup =
      models_setup_new(models_golden.loss, "sampling=reshuffle", "sgd", 0, b, b);
  setup.optimizer.eta = eta;
  struct limit *limit = models_limit(
      &setup.optimizer, (struct limit_options){
                            .eta_order = 2, .rho_order = LIMIT_RHO_ORDER_0, .variance_term = term});
  double mean[D], x[D * WIDTH];
  for (size_t i = 0; i < D * WIDTH; i++)
    x[i] = golden_start[i / WIDTH];
  mean_over_orders(setup.objective, eta, b, mean);
  flow(limit_system(limit), eta * 4 / (double)b, x);
  double error = hypot(x[0] - mean[0], x[WIDTH] - mean[1]);
  limit_free(limit);
  models_setup_free(&setup);
  return error;
}

/* The mean over all orders is that of the modified flow to O(eta^3) an epoch, without the variance
 * term to O(eta^2): Smith et al., ICLR 2021. */
START_TEST(the_mean_of_an_epoch_is_that_of_the_flow)
{
  size_t b = _i == 0 ? 1 : 2;
  for (double eta = 0.01; eta > 0.002; eta /= 2) {
    double with = log2(epoch_error(eta, b, true) / epoch_error(eta / 2, b, true));
    double without = log2(epoch_error(eta, b, false) / epoch_error(eta / 2, b, false));
    ck_assert_msg(fabs(with - 3) < 0.1, "eta %g, b %zu: slope %g", eta, b, with);
    ck_assert_msg(fabs(without - 2) < 0.1, "eta %g, b %zu: slope %g without the term", eta, b,
                  without);
  }
}
END_TEST

/* ---- SVAG ---- */

/* E f at T = 2 of the golden case, b = 1, eta = 0.2: theory.md section 12. */
static const struct {
  const char *noise;
  double loss;
} svag[] = {{"sampling=with-replacement", 0.031994739171},
            {"sampling=with-replacement svag=1", 0.031994739171},
            {"sampling=with-replacement svag=2", 0.033723821849},
            {"sampling=with-replacement svag=4", 0.034868766242},
            {"sampling=with-replacement svag=8", 0.035505374926},
            {"sampling=with-replacement svag=16", 0.035839023443}};
enum { SVAG = sizeof svag / sizeof *svag };

static const char *const names[] = {"loss"};

static struct models_setup svag_setup(size_t k, double start[D])
{
  struct models_setup setup = models_setup_new(models_golden.loss, svag[k].noise, "sgd", 0, 1, 1);
  memcpy(start, golden_start, D * sizeof *start);
  sde_free(setup.objective->start);
  setup.objective->start = sde_alloc(D, sizeof(double));
  memcpy(setup.objective->start, start, D * sizeof *start);
  setup.optimizer.eta = 0.2;
  return setup;
}

START_TEST(svag_has_the_exact_means)
{
  double start[D];
  struct models_setup setup = svag_setup((size_t)_i, start);
  struct sde_status status = {SDE_OK, ""};
  const char *why;
  struct sde_observables *observables = observables_new(setup.objective, 1, names, "r", &status);
  struct oracle *oracle = oracle_of_iterates(&setup.optimizer, observables, &why);
  ck_assert_msg(oracle != NULL, "%s", why);
  oracle_advance(oracle, 10);
  ck_assert_double_eq_tol(oracle_mean(oracle, 0), svag[_i].loss, 1e-12);
  oracle_free(oracle);
  observables_free(observables);
  models_setup_free(&setup);
}
END_TEST

/* One step of the simulated iterates has the mean of SGD's and its variance, for any l: l steps of
 * eta/l with l times the variance each, but for what the drift does in between. */
START_TEST(svag_is_simulated_as_it_is_followed)
{
  struct testing_family family = {.comparisons = SVAG - 1};
  for (size_t k = 1; k < SVAG; k++) {
    double start[D];
    struct models_setup setup = svag_setup(k, start);
    struct sde_status status = {SDE_OK, ""};
    struct sde_observables *observables = observables_new(setup.objective, 1, names, "r", &status);
    struct sde_process *process =
        optimizer_process_new(&setup.optimizer, sde_stream_named(5, svag[k].noise));
    uint64_t end = 10;
    struct sde_ensemble_result result =
        sde_ensemble_run(&(struct sde_ensemble){.paths = testing_size(200000),
                                                .dim = D,
                                                .start = start,
                                                .records = 1,
                                                .record_steps = &end,
                                                .processes = 1,
                                                .process = (const struct sde_process *[]){process},
                                                .observables = *observables,
                                                .bound = 1e8});
    testing_add_mean(&family, sde_ensemble_moments(&result, 0, 0, 0), svag[k].loss, svag[k].noise);
    sde_ensemble_result_free(&result);
    optimizer_process_free(process);
    observables_free(observables);
    models_setup_free(&setup);
  }
  testing_assert_agrees(&family);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("sampling");
  TCase *permutation = testing_case(suite, "permutations");
  tcase_add_loop_test(permutation, permutations_are_bijections, 0, SIZES);
  tcase_add_test(permutation, all_orders_are_equally_likely);
  TCase *epoch = testing_case(suite, "epochs");
  tcase_add_loop_test(epoch, an_epoch_visits_every_sample_once, 0, 4);
  tcase_add_loop_test(epoch, the_mean_of_an_epoch_is_that_of_the_flow, 0, 2);
  TCase *steps = testing_case(suite, "svag");
  tcase_add_loop_test(steps, svag_has_the_exact_means, 0, SVAG);
  tcase_add_test(steps, svag_is_simulated_as_it_is_followed);
  return testing_run(suite);
}
