/*
 * Tests of the state of a path: processes of different dims in one ensemble, extra coordinates that
 * observables do not see, random starts, and what a process keeps of each path of a block.
 */
#include "sde/block.h"
#include "sde/control_variate.h"
#include "sde/ensemble.h"
#include "sde/replicates.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

static void first_coordinate(const void *context, void *workspace, size_t width, const double *x,
                             double *out)
{
  (void)context, (void)workspace;
  memcpy(out, x, width * sizeof *out);
}

/* Coordinate 1, which is the velocity below. */
static void second_coordinate(const void *context, size_t record, size_t width, const double *x,
                              double *out)
{
  (void)context, (void)record;
  memcpy(out, x + width, width * sizeof *out);
}

/* ---- Positions and velocities beside positions ---- */

/* dX = V dt, dV = 0.7 dW, whose V is no coordinate of the ensemble's; and dX = 0.7 dW. In Euler's
 * steps h from X = x0, V = 0 the first has E X = x0 and Var X = 0.49 h^3 (n - 1) n (2n - 1)/6 after
 * n of them, the second 0.49 h n. */
enum { STEPS = 12, PAIR = 2 };
static const double x0 = 1.5, deviation = 0.7, h = 0.25;

struct pair_of_systems {
  struct sde_system *system[PAIR];
  struct sde_process *process[2 * PAIR]; /* the last two on -W */
};

static struct pair_of_systems systems_new(void)
{
  static const double a[] = {0, -1, 0, 0}, s[] = {0, 0.7}, zero = 0;
  struct pair_of_systems made = {.system = {sde_linear_system_new(2, 1, a, NULL, s),
                                            sde_linear_system_new(1, 1, &zero, NULL, &deviation)}};
  struct sde_status status = {SDE_OK, ""};
  for (size_t i = 0; i < 2 * PAIR; i++) {
    struct sde_solution solution = {.system = made.system[i % PAIR],
                                    .scheme = sde_scheme_named("euler-maruyama"),
                                    .stream = {5, i % PAIR},
                                    .eta = h,
                                    .substeps = 1,
                                    .resolution = 1,
                                    .negated = i >= PAIR};
    made.process[i] = sde_solution_process_new(&solution, &status);
    ck_assert_msg(made.process[i] != NULL, "%s", status.message);
  }
  return made;
}

static void systems_free(struct pair_of_systems *made)
{
  for (size_t i = 0; i < 2 * PAIR; i++)
    sde_solution_process_free(made->process[i]);
  for (size_t i = 0; i < PAIR; i++)
    sde_linear_system_free(made->system[i]);
}

static struct sde_ensemble ensemble_of(uint64_t paths, size_t processes,
                                       struct sde_process *const *process)
{
  static const uint64_t steps[] = {0, STEPS};
  return (struct sde_ensemble){.paths = paths,
                               .dim = 1,
                               .start = &x0,
                               .records = 2,
                               .record_steps = steps,
                               .processes = processes,
                               .process = (const struct sde_process *const *)process,
                               .observables = {.count = 1, .evaluate = first_coordinate},
                               .bound = 1e6,
                               .sample_paths = paths,
                               .threads = 2};
}

static double variance_of_position(void)
{
  double n = STEPS;
  return deviation * deviation * h * h * h * (n - 1) * n * (2 * n - 1) / 6;
}

/* Adds mean and variance after the last step, the latter as the mean of squared deviations. */
static void add_moments(struct testing_family *family, uint64_t paths, const double *sample,
                        double variance)
{
  struct sde_moments square = {0};
  double *deviations = sde_alloc(paths, sizeof *deviations);
  for (uint64_t p = 0; p < paths; p++)
    deviations[p] = (sample[p] - x0) * (sample[p] - x0);
  testing_add_mean(family, sde_moments_of_values(paths, sample, NULL), x0, "mean");
  square = sde_moments_of_values(paths, deviations, NULL);
  testing_add_mean(family, square, variance, "variance");
  sde_free(deviations);
}

/* In either order, so that a row which was too short would lie before or behind the other. */
START_TEST(dims_differ_in_an_ensemble)
{
  uint64_t paths = testing_size(20000);
  struct pair_of_systems made = systems_new();
  struct sde_process *list[PAIR] = {made.process[_i], made.process[1 - _i]};
  struct sde_ensemble ensemble = ensemble_of(paths, PAIR, list);
  struct sde_ensemble_result both = sde_ensemble_run(&ensemble);
  struct testing_family right = {0}, twin = {0};
  for (size_t i = 0; i < PAIR; i++) {
    bool moving = list[i]->dim == 2;
    double plain = deviation * deviation * h * STEPS, moved = variance_of_position();
    const double *last = both.samples + (2 * i + 1) * paths;
    ck_assert_double_eq(both.samples[2 * i * paths], x0);
    add_moments(&right, paths, last, moving ? moved : plain);
    add_moments(&twin, paths, last, moving ? plain : moved);
    /* Alone it has the same bits, for what stands beside it is nothing to it. */
    struct sde_ensemble single = ensemble_of(paths, 1, &list[i]);
    struct sde_ensemble_result alone = sde_ensemble_run(&single);
    ck_assert_mem_eq(alone.moments, both.moments + 2 * i, 2 * sizeof *alone.moments);
    sde_ensemble_result_free(&alone);
  }
  testing_assert_agrees(&right);
  testing_assert_notices(&twin);
  sde_ensemble_result_free(&both);
  systems_free(&made);
}
END_TEST

/* A linear equation's path and its partner on -W have the mean that it has without noise, and so
 * they have when partners of other dims stand between them. */
START_TEST(partners_have_their_dims)
{
  struct pair_of_systems made = systems_new();
  struct sde_ensemble ensemble = ensemble_of(500, 2 * PAIR, made.process);
  ensemble.antithetic = true;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  for (size_t i = 0; i < 2 * PAIR; i++) {
    struct sde_moments last = sde_ensemble_moments(&result, i, 1, 0);
    double variance = sde_moments_variance(last);
    if (i >= PAIR) { /* a partner by itself */
      ck_assert_double_ge(variance, 0.1);
      continue;
    }
    ck_assert_double_eq_tol(last.mean, x0, 1e-14);
    ck_assert_double_le(variance, 1e-28);
  }
  sde_ensemble_result_free(&result);
  systems_free(&made);
}
END_TEST

/* Whatever replaces the observables reads the coordinates of its own process: here
 * the velocity, of variance 0.49 h n, beside the position. Replicates add up to the same. */
START_TEST(variates_read_all_of_their_process)
{
  enum { REPLICATES = 4 };
  uint64_t paths = REPLICATES * testing_size(4000);
  struct pair_of_systems made = systems_new();
  struct sde_process *list[] = {made.process[1], made.process[0]};
  struct sde_variate variate = {NULL, second_coordinate};
  struct sde_ensemble ensemble = ensemble_of(paths, 2, list);
  ensemble.variates = 1;
  ensemble.variate = &variate;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  double velocity = sde_moments_variance(sde_ensemble_moments(&result, 1, 1, 0));
  double exact = deviation * deviation * h * STEPS;
  ck_assert_double_eq(sde_ensemble_moments(&result, 1, 0, 0).mean, 0);
  ck_assert_double_eq_tol(velocity, exact, 6 * exact * sqrt(2 / (double)paths));
  ck_assert_double_gt(fabs(velocity / variance_of_position() - 1), 0.5);
  struct sde_ensemble_result replicated = sde_replicates_run(&ensemble, REPLICATES);
  for (size_t row = 0; row < 4; row++) {
    size_t i = row / 2, record = row % 2;
    struct sde_moments all = sde_ensemble_moments(&result, i, record, 0);
    struct sde_moments means = sde_ensemble_moments(&replicated, i, record, 0);
    ck_assert_double_eq(means.n, REPLICATES);
    ck_assert_double_eq_tol(means.mean, all.mean, 1e-13);
    ck_assert_double_eq_tol(sde_ensemble_pooled(&replicated, i, record, 0).m2, all.m2, 1e-9);
  }
  sde_ensemble_result_free(&replicated);
  sde_ensemble_result_free(&result);
  systems_free(&made);
}
END_TEST

/* A control variate from the position alone is that from the position and the velocity 0. */
START_TEST(control_variates_start_with_what_is_given)
{
  struct pair_of_systems made = systems_new();
  const struct sde_solution *solution = made.process[0]->solution;
  struct sde_observables observables = {.count = 1, .evaluate = first_coordinate};
  struct sde_status status = {SDE_OK, ""};
  const double start[] = {x0, 0}, moving[] = {x0, 1};
  const double *const given[] = {&x0, start, moving};
  const uint64_t end = STEPS;
  double mean[3];
  for (size_t i = 0; i < 3; i++) {
    struct sde_control_variate *variate = sde_control_variate_new(
        solution, i == 0 ? 1 : 2, given[i], 1e6, &observables, 1, &end, &status);
    ck_assert_msg(variate != NULL, "%s", status.message);
    mean[i] = sde_control_variate_mean(variate)[0];
    sde_control_variate_free(variate);
  }
  ck_assert_double_eq_tol(mean[0], x0, 1e-9);
  ck_assert_double_eq(mean[0], mean[1]);
  ck_assert_double_eq_tol(mean[2], x0 + h * STEPS, 1e-9);
  systems_free(&made);
}
END_TEST

/* ---- What begins with a path ---- */

static void *count_new(const struct sde_process *process, size_t width)
{
  (void)process;
  return sde_alloc(width, sizeof(double));
}

static void count_free(const struct sde_process *process, void *workspace)
{
  (void)process;
  sde_free(workspace);
}

/* The workspace counts the steps of each path of the block; x is the count. */
static void count_begin(const struct sde_process *process, void *workspace, uint64_t first_path,
                        size_t width, double *x)
{
  (void)process, (void)first_path, (void)x;
  sde_block_fill(width, 0, workspace);
}

static void count_advance(const struct sde_process *process, void *workspace, uint64_t first_path,
                          size_t width, uint64_t step, double *x)
{
  (void)process, (void)first_path, (void)step;
  double *count = workspace;
  for (size_t p = 0; p < width; p++)
    x[p] = ++count[p];
}

/* A thread runs many blocks in one workspace. The twin never begins, and counts on. */
START_TEST(each_path_begins_anew)
{
  struct sde_process process = {.dim = 1,
                                .workspace_new = count_new,
                                .workspace_free = count_free,
                                .begin = count_begin,
                                .advance = count_advance};
  struct sde_process *list = &process;
  struct sde_ensemble ensemble = ensemble_of(1000, 1, &list);
  ensemble.threads = 1;
  ensemble.width = SDE_UNIT;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert_double_eq(sde_ensemble_moments(&result, 0, 0, 0).mean, x0);
  ck_assert_double_eq(sde_ensemble_moments(&result, 0, 1, 0).mean, STEPS);
  ck_assert_double_eq(sde_ensemble_moments(&result, 0, 1, 0).m2, 0);
  sde_ensemble_result_free(&result);
  process.begin = NULL;
  result = sde_ensemble_run(&ensemble);
  ck_assert_double_gt(sde_ensemble_moments(&result, 0, 1, 0).mean, 10 * STEPS);
  sde_ensemble_result_free(&result);
}
END_TEST

/* x_i ~ N(start_i, 1), of the stream in the context; it then stays there. */
static void normal_begin(const struct sde_process *process, void *workspace, uint64_t first_path,
                         size_t width, double *x)
{
  struct sde_address at = {*(const struct sde_stream *)process->context, first_path, 0};
  double *normal = sde_alloc(process->dim, width * sizeof *normal);
  (void)workspace;
  sde_random_normals(&at, width, process->dim, normal);
  sde_block_add(process->dim * width, 1, normal, x);
  sde_free(normal);
}

static void *nothing_new(const struct sde_process *process, size_t width)
{
  (void)process, (void)width;
  return NULL;
}

static void nothing_free(const struct sde_process *process, void *workspace)
{
  (void)process, (void)workspace;
}

static void stay(const struct sde_process *process, void *workspace, uint64_t first_path,
                 size_t width, uint64_t step, double *x)
{
  (void)process, (void)workspace, (void)first_path, (void)width, (void)step, (void)x;
}

static const struct sde_stream start_streams[] = {{8, 1}, {8, 2}, {8, 1}};

static struct sde_process starting_anywhere(const struct sde_stream *stream, size_t dim)
{
  return (struct sde_process){.dim = dim,
                              .context = stream,
                              .workspace_new = nothing_new,
                              .workspace_free = nothing_free,
                              .begin = normal_begin,
                              .advance = stay};
}

/* Starts have the law that they are drawn from, with the bits of any width and threads, and paths
 * of one stream start at one point though their dims differ; those of two do not. */
START_TEST(random_starts_are_addressed)
{
  enum { PROCESSES = 3 };
  uint64_t paths = testing_size(20000);
  static const struct sde_pair pairs[] = {{0, 2}, {0, 1}};
  struct sde_process process[PROCESSES], *list[PROCESSES];
  for (size_t i = 0; i < PROCESSES; i++) {
    process[i] = starting_anywhere(&start_streams[i], i + 1);
    list[i] = &process[i];
  }
  struct sde_ensemble ensemble = ensemble_of(paths, PROCESSES, list);
  ensemble.pairs = 2;
  ensemble.pair = pairs;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  struct testing_family family = {0};
  for (size_t i = 0; i < PROCESSES; i++)
    add_moments(&family, paths, result.samples + 2 * i * paths, 1);
  testing_assert_agrees(&family);
  ck_assert_double_eq(sde_ensemble_difference(&result, 0, 0, 0).m2, 0);
  ck_assert_double_gt(sde_moments_variance(sde_ensemble_difference(&result, 1, 0, 0)), 1);
  ensemble.threads = 1;
  ensemble.width = 3 * SDE_UNIT;
  struct sde_ensemble_result other = sde_ensemble_run(&ensemble);
  ck_assert_mem_eq(result.samples, other.samples, 2 * PROCESSES * paths * sizeof(double));
  ck_assert_mem_eq(result.moments, other.moments, 2 * PROCESSES * sizeof *other.moments);
  sde_ensemble_result_free(&other);
  sde_ensemble_result_free(&result);
}
END_TEST

/* A path that starts outside the box, in whichever coordinate, is counted from the start on. */
START_TEST(starts_beyond_the_bound_are_counted)
{
  enum { PATHS = 1000 };
  struct sde_process process = starting_anywhere(&start_streams[0], (size_t)_i + 1),
                     *list = &process;
  struct sde_ensemble ensemble = ensemble_of(PATHS, 1, &list);
  ensemble.bound = 2;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  uint64_t missing = 0;
  for (size_t p = 0; p < PATHS; p++)
    missing += !!isnan(result.samples[p]);
  /* P(|1.5 + Z| > 2) = 0.309; of the further ones P(|Z| > 2) = 0.046 each. */
  double live = 0.691 * pow(0.9545, _i);
  ck_assert_uint_eq(result.diverged[0], missing);
  ck_assert_double_eq_tol((double)missing / PATHS, 1 - live, 6 * sqrt(0.25 / PATHS));
  ck_assert_uint_eq(result.first_divergence[0], 0);
  sde_ensemble_result_free(&result);
}
END_TEST

static void draw_start(const void *context, uint64_t first_path, size_t width, double *x)
{
  const double *deviation_of_start = context;
  struct sde_address at = {{8, 4}, first_path, 0};
  double *normal = sde_alloc(width, sizeof *normal);
  sde_random_normals(&at, width, 1, normal);
  sde_block_add(width, *deviation_of_start, normal, x);
  sde_free(normal);
}

/* dX = -(X - 1.5) dt + dW is stationary from N(1.5, 1/2) on, by exponential Euler exactly; from the
 * point 1.5 (twin) it is not, and has the variance (1 - e^(-2t))/2. */
START_TEST(solutions_start_where_they_are_told)
{
  static const double unit = 1, spread = 0.70710678118654752;
  static const struct sde_start stationary = {&spread, draw_start};
  uint64_t paths = testing_size(20000);
  struct sde_system *system = sde_linear_system_new(1, 1, &unit, &x0, &unit);
  struct testing_family right = {0}, twin = {0};
  for (size_t i = 0; i < 2; i++) {
    struct sde_solution solution = {.system = system,
                                    .scheme = sde_scheme_named("exponential-euler"),
                                    .stream = {5, 9},
                                    .eta = 0.02,
                                    .substeps = 1,
                                    .resolution = 1,
                                    .start = i == 0 ? &stationary : NULL};
    struct sde_status status = {SDE_OK, ""};
    struct sde_process *process = sde_solution_process_new(&solution, &status);
    ck_assert_msg(process != NULL, "%s", status.message);
    struct sde_ensemble ensemble = ensemble_of(paths, 1, &process);
    struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
    double variance = i == 0 ? 0.5 : (1 - exp(-2 * 0.02 * STEPS)) / 2;
    add_moments(&right, paths, result.samples + paths, variance);
    if (i == 1)
      add_moments(&twin, paths, result.samples + paths, 0.5);
    sde_ensemble_result_free(&result);
    sde_solution_process_free(process);
  }
  testing_assert_agrees(&right);
  testing_assert_notices(&twin);
  sde_linear_system_free(system);
}
END_TEST

/* ---- What a process says that it solves ---- */

START_TEST(a_solution_is_told_apart)
{
  struct pair_of_systems made = systems_new();
  struct sde_process plain = starting_anywhere(&start_streams[0], 1);
  ck_assert_ptr_null(plain.solution);
  for (size_t i = 0; i < 2 * PAIR; i++) {
    ck_assert_ptr_eq(made.process[i]->solution->system, made.system[i % PAIR]);
    ck_assert_int_eq(made.process[i]->solution->negated, i >= PAIR);
  }
  systems_free(&made);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("path_state");
  TCase *dims = testing_case(suite, "dims");
  tcase_add_loop_test(dims, dims_differ_in_an_ensemble, 0, 2);
  tcase_add_test(dims, partners_have_their_dims);
  tcase_add_test(dims, variates_read_all_of_their_process);
  tcase_add_test(dims, control_variates_start_with_what_is_given);
  TCase *begins = testing_case(suite, "begin");
  tcase_add_test(begins, each_path_begins_anew);
  tcase_add_test(begins, random_starts_are_addressed);
  tcase_add_loop_test(begins, starts_beyond_the_bound_are_counted, 0, 3);
  tcase_add_test(begins, solutions_start_where_they_are_told);
  tcase_add_test(begins, a_solution_is_told_apart);
  return testing_run(suite);
}
