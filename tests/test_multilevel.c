/*
 * Tests of sde/multilevel and of the key `tolerance`: the true error over many seeds is the one
 * asked for, the sum telescopes to the mean of the finest step, and it takes fewer normals than
 * plain Monte Carlo does with the exact bias known.
 */
#include "sde/multilevel.h"

#include "experiments/cases/case_analysis.h"
#include "experiments/cases/unused.h"
#include "experiments/studies/studies.h"
#include "tests/golden_moments.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEEDS = 100, LEVELS_MOST = 32 };

static const char golden[] = "experiments/recipes/golden-multilevel.yaml";

/* 16 steps of eta, so that level l has 2^(l-4) substeps. */
static const char *const sixteen[] = {"loss.data=data/quadratic4.csv", "eta=0.1", "time=1.6",
                                      "optimizers=[{name: m-usam, micro_batch: 1}]"};
enum { SIXTEEN = sizeof sixteen / sizeof *sixteen, ETA_LEVEL = 4 };

/* A scale of 25 asks for the 1e-4 of the documentation. */
static const double full_tolerance = 5e-4;

static double tolerance_of_suite(void)
{
  return full_tolerance / sqrt(testing_scale());
}

static struct sde_multilevel *make(const struct cases *cases, const char *scheme, double tolerance,
                                   uint64_t seed, int threads, struct sde_status *status)
{
  struct sde_multilevel_problem problem = {.system = &cases->one[0].sde[0].system,
                                           .scheme = sde_scheme_named(scheme),
                                           .stream = sde_stream_named(seed, "test levels"),
                                           .time = parameters_real(cases->recipe->common, "time"),
                                           .shortest = cases->one[0].optimizer.eta / 65536,
                                           .start = cases->start,
                                           .observables = *cases->observables,
                                           .tolerance = tolerance,
                                           .bound = 1e8,
                                           .threads = threads};
  return sde_multilevel_new(&problem, status);
}

static struct sde_multilevel *run(const struct cases *cases, const char *scheme, double tolerance,
                                  uint64_t seed, int threads)
{
  struct sde_status status = {SDE_OK, ""};
  struct sde_multilevel *levels = make(cases, scheme, tolerance, seed, threads, &status);
  ck_assert_msg(levels != NULL, "%s", status.message);
  ck_assert_msg(sde_multilevel_run(levels, &status), "%s", status.message);
  ck_assert(levels->reached);
  return levels;
}

static double exact_mean(const struct cases *cases, size_t observable)
{
  const char *why;
  struct oracle *oracle = case_oracle_new(cases, &cases->one[0], case_side_of_sde(0), &why);
  ck_assert_ptr_nonnull(oracle);
  oracle_advance(oracle, cases->one[0].steps);
  double mean = oracle_mean(oracle, observable);
  oracle_free(oracle);
  return mean;
}

/* Over the seeds: the root-mean-square error against the exact mean, the largest in standard errors
 * after the bias bound is taken off, and the normals of one. */
struct seeds {
  double rms, worst, normals;
};

/* What is done with each seed's estimate. */
static struct seeds run_seeds(const struct cases *cases, double exact, double tolerance,
                              void (*use)(void *context, size_t seed,
                                          const struct sde_multilevel *levels),
                              void *context)
{
  struct seeds seeds = {.rms = 0};
  for (size_t i = 0; i < SEEDS; i++) {
    struct sde_multilevel *levels = run(cases, "euler-maruyama", tolerance, i + 1, 0);
    struct sde_multilevel_estimate estimate = sde_multilevel_estimate(levels, 0);
    double error = estimate.mean - exact;
    seeds.rms += error * error / SEEDS;
    seeds.worst = fmax(seeds.worst, (fabs(error) - estimate.bias_bound) / estimate.se);
    seeds.normals += levels->normals / SEEDS;
    if (use != NULL)
      use(context, i, levels);
    sde_multilevel_free(levels);
  }
  seeds.rms = sqrt(seeds.rms);
  return seeds;
}

/* The golden case. The mean of 100 squares, which is below the square of the tolerance, for
 * sampling takes three quarters of that and the bias is surely below its quarter, has the relative
 * deviation sqrt(2/100). No error is worse than 4.5 standard errors and the bias: one in 1e3
 * suites. */
START_TEST(true_error_is_the_tolerance)
{
  const char *overrides[] = {"loss.data=data/quadratic4.csv", "eta=0.1",
                             "optimizers=[{name: m-usam, micro_batch: 1}]"};
  struct outcome outcome = outcome_prepare(golden, 3, overrides);
  double tolerance = tolerance_of_suite(), exact = exact_mean(outcome.cases, 0);
  struct seeds seeds = run_seeds(outcome.cases, exact, tolerance, NULL, NULL);
  printf("%d seeds, tolerance %.3g: root-mean-square error %.3g, %.3g normal draws each\n", SEEDS,
         tolerance, seeds.rms, seeds.normals);
  ck_assert_double_le(seeds.rms, tolerance);
  ck_assert_double_ge(seeds.rms, 0.4 * tolerance);
  ck_assert_double_le(seeds.worst, 4.5);
  outcome_free(&outcome);
}
END_TEST

/* Estimates less the mean of Euler-Maruyama at each one's finest step, in standard errors; and the
 * same with the correction of the second level left out. */
struct telescoped {
  double at_level[LEVELS_MOST], z[SEEDS], without[SEEDS];
};

static void standardise(void *context, size_t seed, const struct sde_multilevel *levels)
{
  struct telescoped *telescoped = context;
  struct sde_multilevel_estimate estimate = sde_multilevel_estimate(levels, 0);
  double error = estimate.mean - telescoped->at_level[levels->levels - 1];
  double dropped = sde_moments_mean(levels->level[levels->first + 1].difference[0]);
  telescoped->z[seed] = error / estimate.se;
  telescoped->without[seed] = (error - dropped) / estimate.se;
}

/* Unbiased at the finest step, with the standard error that is told: the variance of a standardised
 * estimate is 1. */
START_TEST(levels_sum_to_the_finest)
{
  struct outcome outcome = outcome_prepare(golden, SIXTEEN, sixteen);
  const struct cases *cases = outcome.cases;
  struct telescoped telescoped;
  for (size_t l = ETA_LEVEL; l < LEVELS_MOST; l++)
    telescoped.at_level[l] =
        golden_euler_loss(cases, &cases->one[0], 0, UINT64_C(1) << (l - ETA_LEVEL));
  run_seeds(cases, exact_mean(cases, 0), tolerance_of_suite(), standardise, &telescoped);
  struct sde_moments all = sde_moments_of_values(SEEDS, telescoped.z, NULL);
  struct testing_family family = {0}, twin = {0};
  testing_add_mean(&family, all, 0, "the mean at the finest step");
  testing_add(&family, (sde_moments_variance(all) - 1) / sqrt(2.0 / (SEEDS - 1)),
              "the standard error");
  testing_assert_agrees(&family);
  testing_add_mean(&twin, sde_moments_of_values(SEEDS, telescoped.without, NULL), 0,
                   "without the second level");
  testing_assert_notices(&twin);
  outcome_free(&outcome);
}
END_TEST

/* The SDE without the variance term is not the one with it: to the full tolerance at any scale, as
 * the term does not grow with the tolerance. */
START_TEST(another_equation_is_noticed)
{
  const char *overrides[SIXTEEN + 2];
  memcpy(overrides, sixteen, sizeof sixteen);
  overrides[SIXTEEN] = "rho=0.6";
  overrides[SIXTEEN + 1] = "sde={rho_order: 1, variance_term: true}";
  struct outcome with = outcome_prepare(golden, SIXTEEN + 2, overrides);
  overrides[SIXTEEN + 1] = "sde={rho_order: 1, variance_term: false}";
  struct outcome without = outcome_prepare(golden, SIXTEEN + 2, overrides);
  double tolerance = full_tolerance, exact = exact_mean(with.cases, 0);
  for (int i = 0; i < 2; i++) {
    const struct cases *cases = i == 0 ? with.cases : without.cases;
    struct sde_multilevel *levels = run(cases, "euler-maruyama", tolerance, 1, 0);
    double off = fabs(sde_multilevel_estimate(levels, 0).mean - exact);
    if (i == 0)
      ck_assert_double_le(off, 5 * tolerance);
    else
      ck_assert_double_ge(off, 10 * tolerance);
    sde_multilevel_free(levels);
  }
  outcome_free(&with);
  outcome_free(&without);
}
END_TEST

/* On one Brownian path the variances of the differences fall with the step at least like it (strong
 * order 1/2 and more, for the noise is small), those of single solutions do not; without coupling
 * the former would be twice the latter. */
START_TEST(levels_are_coupled)
{
  struct outcome outcome = outcome_prepare(golden, SIXTEEN, sixteen);
  struct sde_multilevel *levels = run(outcome.cases, "euler-maruyama", tolerance_of_suite(), 1, 0);
  ck_assert_uint_ge(levels->levels, levels->first + 4);
  for (size_t l = levels->first + 1; l + 1 < levels->levels; l++) {
    double coarse = sde_moments_variance(levels->level[l].difference[0]);
    double fine = sde_moments_variance(levels->level[l + 1].difference[0]);
    double single = sde_moments_variance(levels->level[l + 1].value[0]);
    ck_assert_double_le(fine, 0.6 * coarse);
    ck_assert_double_le(fine, 0.1 * single);
  }
  sde_multilevel_free(levels);
  outcome_free(&outcome);
}
END_TEST

/* Plain Monte Carlo by Euler-Maruyama at its best number of substeps, with its bias known exactly
 * and not estimated: (V / (tolerance^2 - bias^2)) steps of two normals. */
static double plain_normals(const struct cases *cases, double variance, double exact,
                            double tolerance)
{
  double least = INFINITY;
  for (uint64_t k = 1; k <= 1024; k++) {
    double bias = golden_euler_loss(cases, &cases->one[0], 0, k) - exact;
    double rest = tolerance * tolerance - bias * bias;
    double noise_dim = (double)cases->one[0].sde[0].system.noise_dim;
    double steps = (double)(cases->one[0].steps * k);
    if (rest > 0)
      least = fmin(least, variance / rest * steps * noise_dim);
  }
  return least;
}

/* The variance of f at the end time, from paths with 16 substeps. */
static double single_variance(const struct cases *cases)
{
  const struct sde_process *process = cases->one[0].sde[0].process;
  struct sde_ensemble ensemble = {.paths = testing_size(16384),
                                  .dim = cases->loss->dim,
                                  .start = cases->start,
                                  .records = 1,
                                  .record_steps = &cases->one[0].steps,
                                  .processes = 1,
                                  .process = &process,
                                  .observables = *cases->observables,
                                  .bound = 1e8};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  double variance = sde_moments_variance(sde_ensemble_moments(&result, 0, 0, 0));
  sde_ensemble_result_free(&result);
  return variance;
}

/* The golden case at its own time, at 1e-4, by optimizer. */
START_TEST(ten_times_fewer_normals)
{
  static const char *const optimizers[] = {"optimizers=[{name: sgd}]", "optimizers=[{name: usam}]",
                                           "optimizers=[{name: m-usam, micro_batch: 1}]"};
  const char *overrides[] = {"loss.data=data/quadratic4.csv", "eta=0.1", optimizers[_i]};
  struct outcome outcome = outcome_prepare(golden, 3, overrides);
  const double tolerance = 1e-4, exact = exact_mean(outcome.cases, 0);
  struct sde_multilevel *levels = run(outcome.cases, "euler-maruyama", tolerance, 1, 0);
  double needed = plain_normals(outcome.cases, single_variance(outcome.cases), exact, tolerance);
  struct sde_plain plain = sde_multilevel_plain(levels);
  printf("%s: %.3g normals, plain Euler-Maruyama %.3g by its exact bias, %.3g as reported\n",
         optimizers[_i], levels->normals, needed, plain.normals);
  ck_assert_double_ge(needed, 10 * levels->normals);
  ck_assert_double_le(fabs(sde_multilevel_estimate(levels, 0).mean - exact), 4.5 * tolerance);
  /* What is reported has its steps by powers of two, which costs up to a third more (at the least
   * of n / (1 - (c/n)^2), c sqrt(3), and the two nearest), and a bias and variance known to a
   * tenth, where the bias takes up to half of the square. */
  ck_assert_double_le(plain.normals, 1.6 * needed);
  ck_assert_double_ge(plain.normals, 0.8 * needed);
  sde_multilevel_free(levels);
  outcome_free(&outcome);
}
END_TEST

static bool same_estimate(const struct sde_multilevel *a, const struct sde_multilevel *b)
{
  struct sde_multilevel_estimate x = sde_multilevel_estimate(a, 0);
  struct sde_multilevel_estimate y = sde_multilevel_estimate(b, 0);
  return x.mean == y.mean && x.se == y.se && x.bias_bound == y.bias_bound &&
         a->normals == b->normals;
}

START_TEST(threads_do_not_matter)
{
  struct outcome outcome = outcome_prepare(golden, SIXTEEN, sixteen);
  struct sde_multilevel *one = run(outcome.cases, "euler-maruyama", 1e-3, 1, 1);
  struct sde_multilevel *three = run(outcome.cases, "euler-maruyama", 1e-3, 1, 3);
  struct sde_multilevel *other = run(outcome.cases, "euler-maruyama", 1e-3, 2, 1);
  ck_assert(same_estimate(one, three));
  ck_assert(!same_estimate(one, other));
  sde_multilevel_free(one);
  sde_multilevel_free(three);
  sde_multilevel_free(other);
  outcome_free(&outcome);
}
END_TEST

START_TEST(schemes_that_do_not_telescope_are_refused)
{
  struct outcome outcome = outcome_prepare(golden, SIXTEEN, sixteen);
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(make(outcome.cases, "weak-second-order", 1e-3, 1, 1, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "telescope"));
  ck_assert_int_eq(status.code, SDE_INVALID);
  status.code = SDE_OK;
  ck_assert_ptr_null(make(outcome.cases, "milstein", 1e-3, 1, 1, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "telescope"));
  outcome_free(&outcome);
}
END_TEST

/* dX3 = X1 dW2 - X2 dW1 with X1 = W1 and X2 = W2: twice the Levy area. */
static void evaluate_area(const struct sde_system *system, void *workspace,
                          const struct sde_instant *at, size_t width, const double *x,
                          const double *dw, double *drift, double *noise)
{
  (void)system, (void)workspace, (void)at;
  for (size_t i = 0; drift != NULL && i < 3 * width; i++)
    drift[i] = 0;
  for (size_t p = 0; noise != NULL && p < width; p++) {
    noise[p] = dw[p];
    noise[width + p] = dw[width + p];
    noise[2 * width + p] = x[p] * dw[width + p] - x[width + p] * dw[p];
  }
}

/* The square and the fourth power of X3. */
static void evaluate_even(const void *context, void *workspace, size_t width, const double *x,
                          double *out)
{
  (void)context, (void)workspace;
  for (size_t p = 0; p < width; p++) {
    out[p] = x[2 * width + p] * x[2 * width + p];
    out[width + p] = out[p] * out[p];
  }
}

/* The law after two steps of a scheme, each drawn whole or composed of two halves. */
static struct sde_ensemble_result two_steps(const char *scheme, uint64_t resolution)
{
  static const double start[3];
  const uint64_t end = 2;
  struct sde_status status = {SDE_OK, ""};
  struct sde_system system = {.name = "area",
                              .dim = 3,
                              .noise_dim = 2,
                              .noise = SDE_NOISE_GENERAL,
                              .evaluate = evaluate_area};
  struct sde_solution solution = {.system = &system,
                                  .scheme = sde_scheme_named(scheme),
                                  .stream = sde_stream_named(resolution, scheme),
                                  .eta = 1,
                                  .substeps = 1,
                                  .resolution = resolution};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  struct sde_ensemble ensemble = {.paths = 200000,
                                  .dim = 3,
                                  .start = start,
                                  .records = 1,
                                  .record_steps = &end,
                                  .processes = 1,
                                  .process = (const struct sde_process *const *)&process,
                                  .observables = {.count = 2, .evaluate = evaluate_even},
                                  .bound = 1e8};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  sde_solution_process_free(process);
  return result;
}

/* What a level adds with its fine step is what the next one takes off with its coarse step only if
 * a step has one law either way. Two steps by Euler-Maruyama have; those of the scheme with areas
 * agree in the second moment, which weak order 2 asks for, and not in the fourth. */
START_TEST(why_they_do_not_telescope)
{
  static const char *const schemes[] = {"euler-maruyama", "weak-second-order"};
  for (size_t i = 0; i < 2; i++) {
    struct sde_ensemble_result whole = two_steps(schemes[i], 1);
    struct sde_ensemble_result composed = two_steps(schemes[i], 2);
    struct testing_family same = {0}, fourth = {0};
    for (size_t k = 0; k < 2; k++) {
      struct sde_moments a = whole.moments[k], b = composed.moments[k];
      double z = (sde_moments_mean(a) - sde_moments_mean(b)) /
                 hypot(sde_moments_standard_error(a), sde_moments_standard_error(b));
      testing_add(k == 0 || i == 0 ? &same : &fourth, z, "%s, moment %zu", schemes[i], 2 * k + 2);
    }
    testing_assert_agrees(&same);
    if (i == 1)
      testing_assert_notices(&fourth);
    sde_ensemble_result_free(&whole);
    sde_ensemble_result_free(&composed);
  }
}
END_TEST

/* ---- Systems with known answers ---- */

/* The first coordinate and its square. */
static void evaluate_powers(const void *context, void *workspace, size_t width, const double *x,
                            double *out)
{
  (void)context, (void)workspace;
  for (size_t p = 0; p < width; p++) {
    out[p] = x[p];
    out[width + p] = x[p] * x[p];
  }
}

/* dX = -a X dt + s dW from 1, to time 1. */
static struct sde_multilevel *linear(const char *scheme, double a, double s, double tolerance,
                                     uint64_t seed, struct sde_system **system,
                                     struct sde_status *status)
{
  static const double start = 1;
  *system = sde_linear_system_new(1, 1, &a, NULL, &s);
  struct sde_multilevel_problem problem = {.system = *system,
                                           .scheme = sde_scheme_named(scheme),
                                           .stream = sde_stream_named(seed, "linear"),
                                           .time = 1,
                                           .shortest = 0x1p-14,
                                           .start = &start,
                                           .observables = {.count = 2, .evaluate = evaluate_powers},
                                           .tolerance = tolerance,
                                           .bound = 1e8};
  return sde_multilevel_new(&problem, status);
}

/* E X = e^-a, E X^2 = e^-2a + s^2 (1 - e^-2a) / 2a: both observables to one tolerance, by schemes
 * of weak order 1 and 2 and by the exact one, which takes a single step and nothing to
 * telescope. */
START_TEST(every_observable_and_scheme)
{
  static const char *const schemes[] = {"euler-maruyama", "milstein", "weak-second-order", "sra1",
                                        "exponential-euler"};
  const double a = 2, s = 1, tolerance = 4e-3;
  const double exact[] = {exp(-a), exp(-2 * a) + s * s * (1 - exp(-2 * a)) / (2 * a)};
  double squares[2] = {0, 0};
  enum { RUNS = 40 };
  for (uint64_t seed = 0; seed < RUNS; seed++) {
    struct sde_status status = {SDE_OK, ""};
    struct sde_system *system;
    struct sde_multilevel *levels = linear(schemes[_i], a, s, tolerance, seed, &system, &status);
    ck_assert_msg(levels != NULL && sde_multilevel_run(levels, &status), "%s", status.message);
    ck_assert(levels->reached);
    bool one_level = strcmp(schemes[_i], "exponential-euler") == 0;
    ck_assert_uint_eq(levels->levels == 1, one_level);
    for (size_t o = 0; o < 2; o++)
      squares[o] += pow(sde_multilevel_estimate(levels, o).mean - exact[o], 2) / RUNS;
    sde_multilevel_free(levels);
    sde_linear_system_free(system);
  }
  /* The mean of 40 squares is below its expectation and three deviations, sqrt(2/40) each. */
  for (size_t o = 0; o < 2; o++)
    ck_assert_double_le(squares[o], tolerance * tolerance * (1 + 3 * sqrt(2.0 / RUNS)));
  /* The observable that asks for more decides, and it has no paths to spare. */
  ck_assert_double_ge(fmax(squares[0], squares[1]), 0.2 * tolerance * tolerance);
}
END_TEST

/* With a = 100 the first levels are unstable, which the choice of the first level sees. */
START_TEST(stiff_systems_start_at_a_stable_step)
{
  struct sde_status status = {SDE_OK, ""};
  struct sde_system *system;
  struct sde_multilevel *levels = linear("euler-maruyama", 100, 5, 3e-3, 1, &system, &status);
  ck_assert_msg(levels != NULL && sde_multilevel_run(levels, &status), "%s", status.message);
  ck_assert_uint_ge(levels->level[levels->first].steps, 64);
  ck_assert_double_le(fabs(sde_multilevel_estimate(levels, 1).mean - 25.0 / 200), 4.5 * 3e-3);
  sde_multilevel_free(levels);
  sde_linear_system_free(system);
}
END_TEST

/* With a = 2000 both solutions of a pair leave the bound at 8 steps: that is one pair lost of each
 * path, not two; at steps below 2/a none is. */
START_TEST(a_pair_is_lost_once)
{
  struct sde_status status = {SDE_OK, ""};
  struct sde_system *system;
  struct sde_multilevel *levels = linear("euler-maruyama", 2000, 5, 3e-3, 1, &system, &status);
  ck_assert_msg(levels != NULL, "%s", status.message);
  ck_assert_uint_gt(levels->stable, 3);
  ck_assert_uint_eq(levels->level[3].diverged, levels->level[3].paths);
  ck_assert_uint_eq(levels->level[levels->levels - 1].diverged, 0);
  sde_multilevel_free(levels);
  sde_linear_system_free(system);
}
END_TEST

START_TEST(what_cannot_be_met_is_said)
{
  struct sde_status status = {SDE_OK, ""};
  struct sde_system *system;
  ck_assert_ptr_null(linear("euler-maruyama", 2, 1, 1e-9, 1, &system, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "tolerance 1e-09 would take "));
  ck_assert_int_eq(status.code, SDE_INVALID);
  sde_linear_system_free(system);
  status.code = SDE_OK;
  ck_assert_ptr_null(linear("euler-maruyama", 1e12, 1, 1e-2, 1, &system, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "diverge under euler-maruyama at every step"));
  ck_assert_int_eq(status.code, SDE_FAILED);
  sde_linear_system_free(system);
}
END_TEST

/* ---- The recipe ---- */

static struct outcome run_golden(const char *more)
{
  const char *overrides[] = {"loss.data=data/quadratic4.csv", "tolerance=1e-3",
                             "observables=[loss, x1]",
                             "optimizers=[{name: m-usam, micro_batch: 1}]", more};
  struct outcome outcome = outcome_prepare(golden, 5, overrides);
  outcome_run(&outcome, 2);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  return outcome;
}

/* Rows keep their contract: means with standard errors within the tolerance, exact means beside;
 * the levels sum to the mean. */
START_TEST(rows_tell_the_levels)
{
  struct outcome outcome = run_golden("eta=0.1");
  const json_t *summary = results_summary(outcome.results);
  ck_assert(json_is_null(json_object_get(summary, "paths")));
  ck_assert_double_eq(number(summary, "tolerance"), 1e-3);
  ck_assert_uint_eq(json_array_size(outcome.rows), 2);
  for (size_t i = 0; i < 2; i++) {
    const json_t *row = json_array_get(outcome.rows, i), *told = json_object_get(row, "multilevel");
    const json_t *levels = json_object_get(told, "levels"), *sde = json_object_get(row, "sde");
    double sum = 0, variance = 0, paths = 0;
    for (size_t l = 0; l < json_array_size(levels); l++) {
      const json_t *level = json_array_get(levels, l);
      sum += number(level, "mean");
      variance += number(level, "variance") / number(level, "paths");
      paths += number(level, "paths");
      ck_assert_double_eq_tol(number(level, "substeps"), 0.05 * number(level, "steps"), 1e-12);
    }
    ck_assert_double_eq_tol(number(sde, "mean"), sum, 1e-12);
    ck_assert_double_eq_tol(number(sde, "se"), sqrt(variance), 1e-12);
    ck_assert_double_eq(number(sde, "n"), paths);
    ck_assert_double_le(hypot(number(sde, "se"), number(row, "scheme_error")), 1e-3);
    ck_assert_double_le(number(json_object_get(row, "iterates"), "se"), 1e-3);
    ck_assert_double_le(fabs(sum - number(row, "exact_sde")), 4.5e-3);
    const json_t *plain = json_array_get(json_object_get(told, "plain"), 0);
    ck_assert_double_eq_tol(number(told, "gain"),
                            number(plain, "normals") / number(told, "normals"), 1e-12);
    ck_assert_double_gt(number(told, "gain"), 1);
  }
  outcome_free(&outcome);
}
END_TEST

/* Additive noise under `auto`: the exact scheme takes fewest normals, and Euler-Maruyama is told of
 * beside it. */
START_TEST(auto_takes_the_fewest_normals)
{
  const char *overrides[] = {"loss.data=data/quadratic4.csv", "tolerance=2e-4", "eta=0.1",
                             "optimizers=[{name: sgd}]", "noise.sampling=gaussian"};
  struct outcome outcome = outcome_prepare(golden, 5, overrides);
  outcome_run(&outcome, 2);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  const json_t *row = json_array_get(outcome.rows, 0), *told = json_object_get(row, "multilevel");
  ck_assert_str_eq(json_string_value(json_object_get(told, "scheme")), "exponential-euler");
  ck_assert_uint_eq(json_array_size(json_object_get(told, "levels")), 1);
  const json_t *plain = json_object_get(told, "plain");
  ck_assert_uint_eq(json_array_size(plain), 2);
  ck_assert_str_eq(json_string_value(json_object_get(json_array_get(plain, 1), "scheme")),
                   "euler-maruyama");
  ck_assert_double_gt(number(told, "gain_over_euler_maruyama"), 10);
  ck_assert_double_eq_tol(number(told, "gain"), 1, 0.1);
  ck_assert_double_eq(number(row, "scheme_error"), 0);
  outcome_free(&outcome);
}
END_TEST

static void refused(size_t count, const char *const *overrides, const char *part)
{
  struct sde_status status = {SDE_OK, ""};
  struct recipe *recipe = recipe_read(golden, study_types(), count, overrides, &status);
  struct cases *cases = recipe == NULL ? NULL : cases_new(recipe, &status);
  ck_assert_ptr_null(cases);
  ck_assert_msg(strstr(status.message, part) != NULL, "%s", status.message);
  recipe_free(recipe);
}

START_TEST(mistakes_are_said)
{
  const char *const both[] = {"loss.data=data/quadratic4.csv", "paths=100"};
  const char *const negative[] = {"loss.data=data/quadratic4.csv", "tolerance=0"};
  const char *const scheme[] = {"loss.data=data/quadratic4.csv", "sde.scheme=weak-second-order"};
  refused(2, both, "golden-multilevel.yaml:19: tolerance is given, and paths (--set paths) too");
  refused(2, negative, "tolerance is '0'; accepted is a finite number above 0");
  refused(2, scheme, "--set sde.scheme: scheme weak-second-order takes Levy areas");
}
END_TEST

/* The resolved recipe can be run again; keys that a tolerance makes idle are named, and so is the
 * tolerance under another study, where paths count. */
START_TEST(the_recipe_is_told_what_counts)
{
  const char *const more[] = {"loss.data=data/quadratic4.csv", "records=5", "sde.substeps=4"};
  struct outcome outcome = outcome_prepare(golden, 3, more);
  char *unused = unused_keys(outcome.cases, "");
  ck_assert_ptr_nonnull(strstr(unused, "--set records: records is not used"));
  ck_assert_ptr_nonnull(strstr(unused, "--set sde.substeps: substeps is not used"));
  ck_assert_ptr_null(strstr(outcome.recipe->resolved, "\npaths:"));
  ck_assert_ptr_nonnull(strstr(outcome.recipe->resolved, "\ntolerance: 0.0001\n"));
  sde_free(unused);
  outcome_free(&outcome);
  const char *const other[] = {"loss.data=data/quadratic4.csv", "study=trajectory", "paths=10"};
  outcome = outcome_prepare(golden, 3, other);
  unused = unused_keys(outcome.cases, "");
  ck_assert_ptr_nonnull(strstr(unused, "tolerance is not used by the study trajectory"));
  ck_assert(isnan(recipe_tolerance(outcome.recipe)));
  sde_free(unused);
  outcome_free(&outcome);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("multilevel");
  TCase *error = testing_case(suite, "error"), *levels = testing_case(suite, "levels");
  TCase *recipe = testing_case(suite, "recipe");
  tcase_set_timeout(error, 600);
  tcase_add_test(error, true_error_is_the_tolerance);
  tcase_add_test(error, levels_sum_to_the_finest);
  tcase_add_loop_test(error, ten_times_fewer_normals, 0, 3);
  tcase_add_test(levels, another_equation_is_noticed);
  tcase_add_test(levels, levels_are_coupled);
  tcase_add_test(levels, threads_do_not_matter);
  tcase_add_test(levels, schemes_that_do_not_telescope_are_refused);
  tcase_add_test(levels, why_they_do_not_telescope);
  tcase_add_loop_test(levels, every_observable_and_scheme, 0, 5);
  tcase_add_test(levels, stiff_systems_start_at_a_stable_step);
  tcase_add_test(levels, a_pair_is_lost_once);
  tcase_add_test(levels, what_cannot_be_met_is_said);
  tcase_add_test(recipe, rows_tell_the_levels);
  tcase_add_test(recipe, auto_takes_the_fewest_normals);
  tcase_add_test(recipe, mistakes_are_said);
  tcase_add_test(recipe, the_recipe_is_told_what_counts);
  return testing_run(suite);
}
