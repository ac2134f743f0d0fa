/*
 * Tests of sde/process: what the solution of an SDE tells its system, and the Brownian path that
 * solutions share.
 */
#include "sde/process.h"

#include "sde/block.h"
#include "sde/status.h"
#include "sde/wiener.h"
#include "tests/known_equations.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 64 };

/* A system without noise whose drift is what it is told: time, path, step and workspace. */
static void *telltale_workspace_new(const struct sde_system *system, size_t width)
{
  (void)system;
  double *workspace = sde_alloc(1, sizeof *workspace);
  *workspace = (double)width;
  return workspace;
}

static void telltale(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)x, (void)dw;
  const double told[] = {at->time, (double)at->first_path, (double)at->step,
                         *(const double *)workspace};
  for (size_t i = 0; i < system->dim; i++)
    sde_block_fill(width, told[i], drift + i * width);
  sde_block_fill(system->dim * width, 0, noise);
}

/* Substep i of learning-rate step n is told the time (n substeps + i) dt, and as its step the count
 * of finest increments until then, here two a substep: two step sizes then agree on it. */
START_TEST(systems_are_told_where_they_are)
{
  static const struct sde_system system = {.name = "telltale",
                                           .dim = 4,
                                           .noise_dim = 1,
                                           .noise = SDE_NOISE_ADDITIVE,
                                           .workspace_new = telltale_workspace_new,
                                           .workspace_free = sde_free,
                                           .evaluate = telltale};
  struct sde_solution solution = {.system = &system,
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = {1, 2},
                                  .eta = 0.3,
                                  .substeps = 3,
                                  .resolution = 6};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  solution.eta = 77; /* the process has its own copy */
  double x[4 * WIDTH] = {0}, steps = 0;
  void *workspace = process->workspace_new(process, WIDTH);
  for (uint64_t step = 5; step < 9; step++)
    process->advance(process, workspace, 4096, WIDTH, step, x);
  process->workspace_free(process, workspace);
  sde_solution_process_free(process);
  for (int i = 15; i < 27; i++)
    steps += 0.1 * i;
  for (size_t p = 0; p < WIDTH; p++) {
    ck_assert_double_eq_tol(x[p], 0.1 * steps, 1e-13);
    ck_assert_double_eq_tol(x[WIDTH + p], 12 * 0.1 * 4096, 1e-11);
    ck_assert_double_eq_tol(x[2 * WIDTH + p], 2 * steps, 1e-12);
    ck_assert_double_eq_tol(x[3 * WIDTH + p], 12 * 0.1 * WIDTH, 1e-12);
  }
}
END_TEST

/* dX = dW: where solutions of any substeps end is the Brownian path itself. */
static void end_of(const char *stream, uint64_t substeps, uint64_t resolution, double *x)
{
  double zero = 0, one = 1;
  struct sde_system *system = sde_linear_system_new(1, 1, &zero, NULL, &one);
  struct sde_solution solution = {.system = system,
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(3, stream),
                                  .eta = 0.7,
                                  .substeps = substeps,
                                  .resolution = resolution};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  void *workspace = process->workspace_new(process, WIDTH);
  sde_block_fill(WIDTH, 0, x);
  for (uint64_t step = 0; step < 10; step++)
    process->advance(process, workspace, 64, WIDTH, step, x);
  process->workspace_free(process, workspace);
  sde_solution_process_free(process);
  sde_linear_system_free(system);
}

static double largest_difference(const double *x, const double *y)
{
  double largest = 0;
  for (size_t p = 0; p < WIDTH; p++)
    largest = fmax(largest, fabs(x[p] - y[p]));
  return largest;
}

START_TEST(solutions_of_one_stream_and_resolution_share_the_path)
{
  double x[WIDTH], y[WIDTH], w[WIDTH], scratch[WIDTH];
  struct sde_wiener wiener = {
      .stream = sde_stream_named(3, "shared"), .noise_dim = 1, .fine_step = 0.7 / 12};
  sde_wiener_increment(&wiener, 64, WIDTH, 0, 120, w, scratch);
  for (uint64_t substeps = 1; substeps <= 12; substeps++)
    if (12 % substeps == 0) {
      end_of("shared", substeps, 12, x);
      ck_assert_double_lt(largest_difference(x, w), 1e-13);
    }
  end_of("other", 12, 12, y);
  ck_assert_double_gt(largest_difference(x, y), 0.1);
  end_of("shared", 12, 24, y);
  ck_assert_double_gt(largest_difference(x, y), 0.1);
}
END_TEST

/* Some steps of WIDTH paths in blocks of this width, put together. */
static void in_blocks(const struct sde_process *process, const struct known_equation *equation,
                      size_t width, double *out)
{
  size_t dim = equation->system.dim;
  for (size_t first = 0; first < WIDTH; first += width) {
    double x[KNOWN_DIM * WIDTH];
    void *workspace = process->workspace_new(process, width);
    for (size_t i = 0; i < dim; i++)
      sde_block_fill(width, equation->start[i], x + i * width);
    for (uint64_t step = 0; step < 3; step++)
      process->advance(process, workspace, 128 + first, width, step, x);
    for (size_t i = 0; i < dim; i++)
      memcpy(out + i * WIDTH + first, x + i * width, width * sizeof *out);
    process->workspace_free(process, workspace);
  }
}

/* Every scheme on every equation that it accepts has the same bits whatever the block width, and
 * paths that differ from each other. */
START_TEST(schemes_do_not_depend_on_the_block)
{
  const struct known_equation *equation = &known_equations[_i];
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct sde_solution solution = {.system = &equation->system,
                                    .scheme = *scheme,
                                    .stream = sde_stream_named(3, "blocks"),
                                    .eta = 0.1,
                                    .substeps = 2,
                                    .resolution = 6};
    struct sde_status status = {0};
    struct sde_process *process = sde_solution_process_new(&solution, &status);
    if (process == NULL)
      continue;
    double whole[KNOWN_DIM * WIDTH], parts[KNOWN_DIM * WIDTH];
    in_blocks(process, equation, WIDTH, whole);
    in_blocks(process, equation, SDE_UNIT, parts);
    ck_assert_mem_eq(whole, parts, equation->system.dim * WIDTH * sizeof *whole);
    ck_assert_double_ne(whole[0], whole[SDE_UNIT]);
    sde_solution_process_free(process);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("process");
  TCase *processes = testing_case(suite, "processes");
  tcase_add_test(processes, systems_are_told_where_they_are);
  tcase_add_test(processes, solutions_of_one_stream_and_resolution_share_the_path);
  tcase_add_loop_test(processes, schemes_do_not_depend_on_the_block, 0, KNOWN_EQUATIONS);
  return testing_run(suite);
}
