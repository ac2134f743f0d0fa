/*
 * Tests of sde/scheme and of every scheme of the registry: one step against its formula, and the
 * declared strong orders on equations whose solution is known on each Brownian path. Weak orders
 * are in test_weak_order.c.
 */
#include "sde/levy_area.h"
#include "sde/scheme.h"

#include "sde/block.h"
#include "sde/ensemble.h"
#include "sde/process.h"
#include "sde/status.h"
#include "tests/known_equations.h"
#include "tests/testing.h"

#include <complex.h>
#include <float.h>
#include <gsl/gsl_fit.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <string.h>

enum { WIDTH = KNOWN_WIDTH, DIM = KNOWN_DIM };

static size_t schemes(void)
{
  size_t count = 0;
  while (sde_schemes()[count] != NULL)
    count++;
  return count;
}

static const struct sde_scheme *named(const char *name)
{
  const struct sde_scheme *scheme = sde_scheme_named(name);
  ck_assert_msg(scheme != NULL, "no scheme %s", name);
  return scheme;
}

/* ---- Strong errors ---- */

/* A process of one step that goes to the end of the equation's time: the scheme's end X_h, then
 * |X_h - X|^2, whose mean is the squared strong error. */
struct comparison {
  const struct known_equation *equation;
  const struct sde_process *solved;
  struct sde_stream stream;
  unsigned needs;
  uint64_t resolution;
};

static void *comparison_workspace_new(const struct sde_process *process, size_t width)
{
  const struct comparison *comparison = process->context;
  return comparison->solved->workspace_new(comparison->solved, width);
}

static void comparison_workspace_free(const struct sde_process *process, void *workspace)
{
  const struct comparison *comparison = process->context;
  comparison->solved->workspace_free(comparison->solved, workspace);
}

static void comparison_advance(const struct sde_process *process, void *workspace,
                               uint64_t first_path, size_t width, uint64_t step, double *x)
{
  const struct comparison *comparison = process->context;
  size_t dim = comparison->equation->system.dim;
  double exact[DIM * WIDTH], *square = x + dim * width;
  comparison->solved->advance(comparison->solved, workspace, first_path, width, step, x);
  known_solution(comparison->equation, comparison->stream, comparison->needs,
                 comparison->resolution, first_path, width, exact);
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++)
      square[p] += pow(x[i * width + p] - exact[i * width + p], 2);
}

static void last(const void *context, void *workspace, size_t width, const double *x, double *out)
{
  (void)workspace;
  const size_t *dim = context;
  memcpy(out, x + *dim * width, width * sizeof *out);
}

/* Is there a solution? Forced where the scheme refuses the class of noise. */
static bool accepts(const struct sde_scheme *scheme, const struct known_equation *equation)
{
  struct sde_solution solution = {.system = &equation->system,
                                  .scheme = scheme,
                                  .stream = {1, 2},
                                  .eta = 0.1,
                                  .substeps = 1,
                                  .resolution = 1};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  ck_assert_int_eq(status.code, process == NULL ? SDE_INVALID : SDE_OK);
  sde_solution_process_free(process);
  return process != NULL;
}

/* The scheme at `substeps` steps, on Brownian paths of twice as many increments, so that steps are
 * driven by sums: its mean square distance from the solution's expectation, given what it knows of
 * the Brownian path. Each (equation, scheme, substeps) has its own paths: then the errors at
 * several steps are independent, and a line through them has a standard error. */
static struct sde_moments squared_distance(const struct known_equation *equation,
                                           const struct sde_scheme *scheme, uint64_t substeps,
                                           size_t paths)
{
  const struct sde_system *system = &equation->system;
  unsigned needs = scheme->on[system->noise].needs;
  char *name = sde_format("%s by %s at %d", system->name, scheme->name, (int)substeps);
  struct sde_solution solution = {.system = system,
                                  .scheme = scheme,
                                  .eta = equation->time,
                                  .stream = sde_stream_named(1, name),
                                  .substeps = substeps,
                                  .resolution = 2 * substeps,
                                  .forced = true};
  struct sde_status status = {0};
  struct sde_process *solved = sde_solution_process_new(&solution, &status);
  ck_assert_msg(solved != NULL, "%s", status.message);
  struct comparison comparison = {equation, solved, solution.stream, needs, solution.resolution};
  struct sde_process process = {.dim = system->dim + 1,
                                .context = &comparison,
                                .workspace_new = comparison_workspace_new,
                                .workspace_free = comparison_workspace_free,
                                .advance = comparison_advance};
  double start[DIM + 1] = {0};
  memcpy(start, equation->start, system->dim * sizeof *start);
  struct sde_ensemble ensemble = {.paths = paths,
                                  .dim = process.dim,
                                  .start = start,
                                  .records = 1,
                                  .record_steps = &(uint64_t){1},
                                  .processes = 1,
                                  .process = &(const struct sde_process *){&process},
                                  .observables = {1, &system->dim, NULL, NULL, last},
                                  .bound = 1e12,
                                  .width = WIDTH,
                                  .threads = 1};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert_uint_eq(sde_ensemble_diverged(&result, 0, 0), 0);
  struct sde_moments square = sde_ensemble_moments(&result, 0, 0, 0);
  sde_ensemble_result_free(&result);
  sde_solution_process_free(solved);
  sde_free(name);
  return square;
}

/* What is unknown then. */
static double unresolved(const struct known_equation *equation, const struct sde_scheme *scheme,
                         uint64_t substeps)
{
  return known_unresolved(equation, scheme->on[equation->system.noise].needs, 2 * substeps);
}

/* ---- Orders ---- */

/* A slope over log step, its standard error, and the least error there in standard errors, as it
 * is at the full number of paths. */
struct order {
  double slope, slope_error, least;
};

enum { STEPS = 4, FEWEST = 16, PATHS = 10000 };

/* Orders, and what tells them apart, need their paths: they are cut to a fifth at most. */
static double order_scale(void)
{
  return fmax(testing_scale(), 0.2);
}

static size_t order_paths(size_t paths)
{
  return (size_t)(order_scale() * (double)paths);
}

static struct order strong_order(const struct known_equation *equation,
                                 const struct sde_scheme *scheme)
{
  double log_step[STEPS], log_error[STEPS], weight[STEPS];
  struct order order = {.least = INFINITY};
  for (size_t i = 0; i < STEPS; i++) {
    struct sde_moments square = squared_distance(equation, scheme, FEWEST << i, order_paths(PATHS));
    square.mean += unresolved(equation, scheme, FEWEST << i);
    double ratio = square.mean / sde_moments_standard_error(square);
    log_step[i] = -log((double)(FEWEST << i));
    log_error[i] = log(square.mean) / 2;
    weight[i] = 4 * ratio * ratio;
    order.least = fmin(order.least, ratio / sqrt(order_scale()));
  }
  double offset, offset_variance, covariance, variance, chi_square;
  gsl_fit_wlinear(log_step, 1, weight, 1, log_error, 1, STEPS, &offset, &order.slope,
                  &offset_variance, &covariance, &variance, &chi_square);
  order.slope_error = sqrt(variance);
  return order;
}

/* Three standard errors for chance, and 0.1 for the error's next term, smaller by the step or its
 * root, which bends the line. The bends being within 0.08 and the standard errors below
 * 0.06, a correct scheme fails one of the sixty orders with probability below 0.01 over seeds. */
static bool is_order(struct order order, double declared)
{
  return fabs(order.slope - declared) <= 3 * order.slope_error + 0.1;
}

/* Errors must stand six standard errors out of the noise at each step, or noise was fitted. */
static void assert_order(struct order order, double declared, const char *equation,
                         const char *scheme)
{
  ck_assert_msg(order.least > 6, "%s by %s: an error of only %.1f standard errors", equation,
                scheme, order.least);
  ck_assert_msg(is_order(order, declared), "%s by %s: order %.3f +- %.3f, not %g", equation, scheme,
                order.slope, order.slope_error, declared);
}

/* The declared one; SRA1's error of order 1.5 has second derivatives of the drift, and without it
 * the order is 2. */
static double expected_order(const struct sde_scheme *scheme, const struct known_equation *equation)
{
  bool better = strcmp(scheme->name, "sra1") == 0 && equation->affine;
  return better ? 2 : scheme->on[equation->system.noise].strong_order;
}

/* Every scheme of the registry on every equation: it has its declared order or it refuses. Who is
 * given Levy's area solves it. */
START_TEST(strong_order_is_as_declared)
{
  const struct sde_scheme *scheme = sde_schemes()[_i / KNOWN_EQUATIONS];
  const struct known_equation *equation = &known_equations[_i % KNOWN_EQUATIONS];
  const struct sde_scheme_class *on = &scheme->on[equation->system.noise];
  struct sde_status status = {0};
  ck_assert(sde_scheme_accepts(scheme, &equation->system, &status) == (on->strong_order > 0));
  if (!accepts(scheme, equation) || scheme->exact)
    return;
  if (equation == &known_equations[KNOWN_GENERAL] && (on->needs & SDE_WIENER_LEVY_AREAS))
    ck_assert_double_lt(squared_distance(equation, scheme, FEWEST, 1000).mean, 1e-28);
  else
    assert_order(strong_order(equation, scheme), expected_order(scheme, equation),
                 equation->system.name, scheme->name);
}
END_TEST

/* ---- Twins: orders that must not be found ---- */

/* Euler-Maruyama on noise that depends on the state is not of strong order 1. */
START_TEST(euler_maruyama_has_not_strong_order_1)
{
  ck_assert(!is_order(strong_order(&known_equations[_i], named("euler-maruyama")), 1));
}
END_TEST

/* Nor is Milstein where the class is misnamed, so that it corrects nothing (additive), or only each
 * component's own noise (diagonal). */
START_TEST(milstein_without_its_correction_has_not_strong_order_1)
{
  struct known_equation equation = known_equations[_i];
  equation.system.noise = SDE_NOISE_ADDITIVE;
  ck_assert(!is_order(strong_order(&equation, named("milstein")), 1));
}
END_TEST

START_TEST(milstein_with_half_its_correction_has_not_strong_order_1)
{
  struct known_equation equation = known_equations[KNOWN_GENERAL - 1];
  equation.system.noise = SDE_NOISE_DIAGONAL;
  ck_assert(!is_order(strong_order(&equation, named("milstein")), 1));
}
END_TEST

/* Without Levy areas on noise that does not commute it is of order 1/2. */
START_TEST(commutative_milstein_has_order_half_on_general_noise)
{
  struct order order = strong_order(&known_equations[_i], named("commutative-milstein"));
  ck_assert(!is_order(order, 1));
  assert_order(order, 0.5, known_equations[_i].system.name, "commutative-milstein");
}
END_TEST

/* A scheme with another step. */
static struct sde_scheme changed(const char *name,
                                 void (*step)(const struct sde_step *step, double *x))
{
  struct sde_scheme scheme = *named(name);
  scheme.name = "changed";
  scheme.step = step;
  return scheme;
}

static void reversed_area_step(const struct sde_step *step, double *x)
{
  struct sde_step other = *step;
  double area[DIM * WIDTH];
  size_t size = sde_levy_area_count(step->system->noise_dim) * step->width;
  sde_block_fill(size, 0, area);
  sde_block_add(size, -1, step->increments.area, area);
  other.increments.area = area;
  named("milstein")->step(&other, x);
}

START_TEST(milstein_with_reversed_areas_has_not_strong_order_1)
{
  struct sde_scheme reversed = changed("milstein", reversed_area_step);
  ck_assert(!is_order(strong_order(&known_equations[_i], &reversed), 1));
}
END_TEST

/* The time integral's expectation given the increment in its place. */
static void expected_integral_step(const struct sde_step *step, double *x)
{
  struct sde_step other = *step;
  double integral[DIM * WIDTH];
  size_t size = step->system->noise_dim * step->width;
  sde_block_fill(size, 0, integral);
  sde_block_add(size, step->dt / 2, step->increments.dw, integral);
  other.increments.time_integral = integral;
  named("sra1")->step(&other, x);
}

START_TEST(sra1_without_time_integrals_has_not_strong_order_1_5)
{
  struct sde_scheme bare = changed("sra1", expected_integral_step);
  ck_assert(!is_order(strong_order(&known_equations[_i], &bare), 1.5));
}
END_TEST

/* Euler-Maruyama whose increments are 20 % too large: its errors do not vanish with the step. */
static void louder_step(const struct sde_step *step, double *x)
{
  struct sde_step other = *step;
  double louder[DIM * WIDTH];
  sde_block_fill(step->system->noise_dim * step->width, 0, louder);
  sde_block_add(step->system->noise_dim * step->width, 1.2, step->increments.dw, louder);
  other.increments.dw = louder;
  named("euler-maruyama")->step(&other, x);
}

START_TEST(wrong_noise_has_no_order)
{
  struct sde_scheme louder = changed("euler-maruyama", louder_step);
  const struct known_equation *equation = &known_equations[_i];
  ck_assert(
      !is_order(strong_order(equation, &louder), louder.on[equation->system.noise].strong_order));
}
END_TEST

/* ---- Exact schemes ---- */

static void advanced(const struct known_equation *equation, const struct sde_scheme *scheme,
                     uint64_t substeps, uint64_t resolution, double *x)
{
  struct sde_solution solution = {.system = &equation->system,
                                  .scheme = scheme,
                                  .eta = equation->time,
                                  .stream = sde_stream_named(1, "exact"),
                                  .substeps = substeps,
                                  .resolution = resolution};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  ck_assert_msg(process != NULL, "%s", status.message);
  void *workspace = process->workspace_new(process, WIDTH);
  for (size_t i = 0; i < equation->system.dim; i++)
    sde_block_fill(WIDTH, equation->start[i], x + i * WIDTH);
  process->advance(process, workspace, 0, WIDTH, 0, x);
  process->workspace_free(process, workspace);
  sde_solution_process_free(process);
}

/* They have no order: steps of any length go the same path, and its distance from what the Brownian
 * path determines is what that leaves open. Euler-Maruyama has neither. */
START_TEST(exact_schemes_have_no_error)
{
  const struct sde_scheme *scheme = sde_schemes()[_i / KNOWN_EQUATIONS];
  const struct known_equation *equation = &known_equations[_i % KNOWN_EQUATIONS];
  if (!scheme->exact || !accepts(scheme, equation))
    return;
  double coarse[DIM * WIDTH], fine[DIM * WIDTH];
  size_t size = equation->system.dim * WIDTH;
  advanced(equation, scheme, 1, 12, coarse);
  advanced(equation, scheme, 4, 12, fine);
  ck_assert_mem_eq(coarse, fine, size * sizeof *fine);
  struct testing_family family = {0}, twin = {0};
  for (uint64_t steps = 1; steps <= 4; steps *= 2) {
    testing_add_mean(&family, squared_distance(equation, scheme, steps, 20000),
                     unresolved(equation, scheme, steps), equation->system.name);
    testing_add_mean(&twin, squared_distance(equation, named("euler-maruyama"), steps, 20000),
                     unresolved(equation, named("euler-maruyama"), steps), equation->system.name);
  }
  testing_assert_agrees(&family);
  testing_assert_notices(&twin);
}
END_TEST

/* ---- One step ---- */

/* x after one step of Milstein with the derivatives themselves: in each of these equations
 * (1/2) sum_jk Db_k b_j (dW_j dW_k - delta_jk dt) is x (s^2 - q) / 2, with s = sum_k row_k dW_k and
 * q = sum_k row_k^2 dt, in complex numbers for the rotation. */
static void exact_milstein_step(const struct known_equation *equation, double dt, const double *dw,
                                double *x)
{
  const struct sde_system *system = &equation->system;
  const struct known_coefficients *coefficients = system->context;
  double drift[DIM * WIDTH], noise[DIM * WIDTH];
  bool turns = system->evaluate == known_rotation;
  system->evaluate(system, NULL, &(struct sde_instant){0, 0, 0}, WIDTH, x, dw, drift, noise);
  for (size_t i = 0; i < (turns ? 1 : system->dim); i++)
    for (size_t p = 0; p < WIDTH; p++) {
      double complex s = turns ? 0 : known_row_times(system, i, dw + p, WIDTH);
      double complex q = turns ? 0 : known_row_square(system, i) * dt;
      for (size_t k = 0; turns && k < system->noise_dim; k++) {
        double complex b = known_complex(coefficients->row[k]);
        s += b * dw[k * WIDTH + p];
        q += b * b * dt;
      }
      double complex z = x[i * WIDTH + p] + (turns ? I * x[WIDTH + p] : 0);
      z *= (s * s - q) / 2;
      noise[i * WIDTH + p] += creal(z);
      if (turns)
        noise[WIDTH + p] += cimag(z);
    }
  sde_block_add(system->dim * WIDTH, dt, drift, x);
  sde_block_add(system->dim * WIDTH, 1, noise, x);
}

static void draw(gsl_rng *rng, size_t count, double scale, double *out)
{
  for (size_t i = 0; i < count; i++)
    out[i] = scale * gsl_ran_ugaussian(rng);
}

static void step_once(const struct sde_scheme *scheme, const struct sde_system *system, double dt,
                      struct sde_increments increments, double *x)
{
  struct sde_status status = {0};
  void *plan = scheme->plan_new == NULL ? NULL : scheme->plan_new(system, dt, &status);
  struct sde_step step = {.system = system,
                          .plan = plan,
                          .scratch =
                              sde_alloc(sde_scheme_scratch(scheme, system, WIDTH), sizeof(double)),
                          .dt = dt,
                          .width = WIDTH,
                          .increments = increments};
  scheme->step(&step, x);
  sde_free(step.scratch);
  if (plan != NULL)
    scheme->plan_free(plan);
}

/* The largest difference of the scheme's steps from those of Milstein with derivatives. */
static double milstein_mismatch(const struct sde_scheme *scheme,
                                const struct known_equation *equation, double dt)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double x[DIM * WIDTH], expected[DIM * WIDTH], dw[DIM * WIDTH], worst = 0;
  for (size_t repeat = 0; repeat < 20; repeat++) {
    draw(rng, sizeof x / sizeof *x, 1, x);
    draw(rng, sizeof dw / sizeof *dw, sqrt(dt), dw);
    memcpy(expected, x, sizeof x);
    step_once(scheme, &equation->system, dt, (struct sde_increments){.dw = dw}, x);
    exact_milstein_step(equation, dt, dw, expected);
    for (size_t k = 0; k < equation->system.dim * WIDTH; k++)
      worst = fmax(worst, fabs(x[k] - expected[k]));
  }
  gsl_rng_free(rng);
  return worst;
}

/* Differences replace derivatives exactly where the noise is linear, and else to dt^(3/2). In
 * a step of 1e-8 the correction itself is of the order 1e-8, by which Euler-Maruyama is off. */
START_TEST(milstein_step_is_its_formula)
{
  const struct known_equation *equation = &known_equations[_i];
  for (size_t s = 0; s < 2; s++) {
    const struct sde_scheme *milstein = named(s == 0 ? "milstein" : "commutative-milstein");
    if (equation->affine)
      for (double dt = 1; dt > 1e-5; dt /= 10)
        ck_assert_double_lt(milstein_mismatch(milstein, equation, dt), 5e-14);
    else
      ck_assert_double_lt(milstein_mismatch(milstein, equation, 1e-4), 30 * pow(1e-4, 1.5));
    ck_assert_double_lt(milstein_mismatch(milstein, equation, 1e-8), 30e-12);
  }
  ck_assert_double_gt(milstein_mismatch(named("euler-maruyama"), equation, 1e-8), 5e-9);
}
END_TEST

/* Of both equations with diagonal noise b b' is row^2 x. */
static void own_derivative(const struct sde_system *system, void *workspace,
                           const struct sde_instant *at, size_t width, const double *x,
                           double *product)
{
  (void)workspace, (void)at;
  for (size_t i = 0; i < system->dim; i++)
    for (size_t p = i * width; p < (i + 1) * width; p++)
      product[p] = known_row_square(system, i) * x[p];
}

/* The correction on the other side. */
static void negated_derivative(const struct sde_system *system, void *workspace,
                               const struct sde_instant *at, size_t width, const double *x,
                               double *product)
{
  own_derivative(system, workspace, at, width, x, product);
  sde_block_scale(system->dim * width, -1, product);
}

static struct known_equation with_derivative(size_t index,
                                             void (*derivative)(const struct sde_system *, void *,
                                                                const struct sde_instant *, size_t,
                                                                const double *, double *))
{
  struct known_equation equation = known_equations[index];
  ck_assert_int_eq(equation.system.noise, SDE_NOISE_DIAGONAL);
  equation.system.own_derivative = derivative;
  return equation;
}

/* With the derivative Milstein's step is its formula at any length, linear noise or not. */
START_TEST(milstein_takes_the_derivative_that_is_given)
{
  struct known_equation equation = with_derivative(_i, own_derivative);
  for (double dt = 1; dt > 1e-5; dt /= 10)
    ck_assert_double_lt(milstein_mismatch(named("milstein"), &equation, dt), 5e-14);
  equation = with_derivative(_i, negated_derivative);
  ck_assert_double_gt(milstein_mismatch(named("milstein"), &equation, 1e-2), 1e-4);
}
END_TEST

START_TEST(milstein_with_derivative_has_strong_order_1)
{
  struct known_equation equation = with_derivative(_i, own_derivative);
  assert_order(strong_order(&equation, named("milstein")), 1, equation.system.name, "milstein");
  equation = with_derivative(_i, negated_derivative);
  ck_assert(!is_order(strong_order(&equation, named("milstein")), 1));
}
END_TEST

START_TEST(euler_maruyama_step_is_its_formula)
{
  const struct sde_system *system = &known_equations[_i].system;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double x[DIM * WIDTH], expected[DIM * WIDTH], dw[DIM * WIDTH], drift[DIM * WIDTH],
      noise[DIM * WIDTH], dt = 0.01;
  draw(rng, sizeof x / sizeof *x, 1, x);
  draw(rng, sizeof dw / sizeof *dw, sqrt(dt), dw);
  gsl_rng_free(rng);
  system->evaluate(system, NULL, &(struct sde_instant){0, 0, 0}, WIDTH, x, dw, drift, noise);
  for (size_t k = 0; k < system->dim * WIDTH; k++)
    expected[k] = x[k] + (drift[k] * dt + noise[k]);
  step_once(named("euler-maruyama"), system, dt, (struct sde_increments){.dw = dw}, x);
  ck_assert_mem_eq(x, expected, system->dim * WIDTH * sizeof *x);
}
END_TEST

/* With noise that does not depend on the state there is nothing to correct. */
START_TEST(milstein_is_euler_maruyama_for_additive_noise)
{
  const struct sde_system *system = &known_equations[0].system;
  double x[WIDTH] = {1}, y[WIDTH] = {1}, dw[WIDTH];
  sde_block_fill(WIDTH, 0.1, dw);
  step_once(named("milstein"), system, 0.01, (struct sde_increments){.dw = dw}, x);
  step_once(named("euler-maruyama"), system, 0.01, (struct sde_increments){.dw = dw}, y);
  for (size_t p = 0; p < WIDTH; p++)
    ck_assert_double_le(fabs(x[p] - y[p]), DBL_EPSILON);
}
END_TEST

/* On dX = -a X dt + s dW, x' = (1 - a h + (a h)^2 / 2) x + s (dW - a I), I the time integral. */
START_TEST(sra1_step_is_its_formula)
{
  const struct sde_system *system = &known_equations[0].system;
  const struct known_coefficients *coefficients = system->context;
  double a = coefficients->rate[0], s = coefficients->row[0][0], dt = 0.3;
  double x[WIDTH], dw[WIDTH], integral[WIDTH], expected[WIDTH];
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  draw(rng, WIDTH, 1, x);
  draw(rng, WIDTH, 1, dw);
  draw(rng, WIDTH, 1, integral);
  gsl_rng_free(rng);
  for (size_t p = 0; p < WIDTH; p++)
    expected[p] = (1 - a * dt + a * a * dt * dt / 2) * x[p] + s * (dw[p] - a * integral[p]);
  step_once(named("sra1"), system, dt, (struct sde_increments){.dw = dw, .time_integral = integral},
            x);
  for (size_t p = 0; p < WIDTH; p++)
    ck_assert_double_le(fabs(x[p] - expected[p]), 8 * DBL_EPSILON);
}
END_TEST

/* Counts what is asked of a system. */
struct counter {
  const struct sde_system *system;
  size_t *evaluations;
};

static void counted_evaluate(const struct sde_system *system, void *workspace,
                             const struct sde_instant *at, size_t width, const double *x,
                             const double *dw, double *drift, double *noise)
{
  const struct counter *counter = system->context;
  ++*counter->evaluations;
  counter->system->evaluate(counter->system, workspace, at, width, x, dw, drift, noise);
}

START_TEST(evaluations_are_as_declared)
{
  const struct sde_scheme *scheme = sde_schemes()[_i / KNOWN_EQUATIONS];
  const struct known_equation *equation = &known_equations[_i % KNOWN_EQUATIONS];
  if (!accepts(scheme, equation))
    return;
  size_t evaluations = 0;
  struct counter counter = {&equation->system, &evaluations};
  struct known_equation counted = *equation;
  counted.system.context = &counter;
  counted.system.evaluate = counted_evaluate;
  double x[DIM * WIDTH], declared = sde_scheme_evaluations(scheme, &counted.system);
  advanced(&counted, scheme, 1, 1, x);
  size_t once = evaluations;
  advanced(&counted, scheme, 5, 5, x);
  ck_assert_double_eq((double)(evaluations - 2 * once), 4 * declared);
}
END_TEST

/* ---- The registry, and what schemes refuse ---- */

START_TEST(schemes_are_found_by_name)
{
  ck_assert_uint_ge(schemes(), 2);
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    ck_assert_ptr_eq(sde_scheme_named((*scheme)->name), *scheme);
    ck_assert_uint_gt(strlen((*scheme)->title), 0);
    ck_assert_uint_gt(strlen((*scheme)->reference), 0);
    ck_assert_double_gt((*scheme)->weak_order, 0);
    ck_assert((*scheme)->exact == isinf((*scheme)->weak_order));
  }
  ck_assert_ptr_null(sde_scheme_named("no-such-scheme"));
  ck_assert_ptr_null(sde_scheme_named(""));
}
END_TEST

/* A class that is not accepted is refused by name, with the schemes that take it, unless forced. */
START_TEST(schemes_refuse_what_they_do_not_accept)
{
  static const struct {
    const char *scheme;
    size_t equation;
    const char *words[4];
  } rows[] = {
      {"commutative-milstein",
       KNOWN_GENERAL,
       {"general", "2 Wiener", "euler-maruyama", "milstein"}},
      {"sra1", 2, {"scalar", "geometric", "euler-maruyama", "weak-second-order"}},
      {"exponential-euler", 3, {"scalar", "hyperbolic", "euler-maruyama", "milstein"}},
  };
  const struct sde_scheme *scheme = named(rows[_i].scheme);
  const struct sde_system *system = &known_equations[rows[_i].equation].system;
  struct sde_solution solution = {.system = system,
                                  .scheme = scheme,
                                  .stream = {1, 2},
                                  .eta = 0.1,
                                  .substeps = 1,
                                  .resolution = 1};
  struct sde_status status = {0};
  ck_assert(!sde_scheme_accepts(scheme, system, &status));
  ck_assert_int_eq(status.code, SDE_INVALID);
  ck_assert_ptr_nonnull(strstr(status.message, scheme->name));
  for (size_t w = 0; w < 4; w++)
    ck_assert_msg(strstr(status.message, rows[_i].words[w]) != NULL, "%s", status.message);
  status = (struct sde_status){0};
  ck_assert_ptr_null(sde_solution_process_new(&solution, &status));
  ck_assert_int_eq(status.code, SDE_INVALID);
  sde_solution_process_free(NULL);
}
END_TEST

START_TEST(accepting_leaves_the_status_alone)
{
  static const char *const names[] = {"euler-maruyama", "milstein", "weak-second-order"};
  struct sde_status status = {0};
  for (size_t i = 0; i < KNOWN_EQUATIONS; i++)
    for (size_t s = 0; s < sizeof names / sizeof *names; s++)
      ck_assert(sde_scheme_accepts(named(names[s]), &known_equations[i].system, &status));
  ck_assert_int_eq(status.code, SDE_OK);
  ck_assert_str_eq(status.message, "");
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("scheme");
  int pairs = (int)(schemes() * KNOWN_EQUATIONS);
  TCase *registry = testing_case(suite, "registry");
  tcase_add_test(registry, schemes_are_found_by_name);
  tcase_add_loop_test(registry, schemes_refuse_what_they_do_not_accept, 0, 3);
  tcase_add_test(registry, accepting_leaves_the_status_alone);
  TCase *steps = testing_case(suite, "steps");
  tcase_add_loop_test(steps, milstein_step_is_its_formula, KNOWN_ADDITIVE, KNOWN_GENERAL);
  tcase_add_loop_test(steps, milstein_takes_the_derivative_that_is_given, KNOWN_DIAGONAL,
                      KNOWN_DIAGONAL + 2);
  tcase_add_loop_test(steps, euler_maruyama_step_is_its_formula, 0, KNOWN_EQUATIONS);
  tcase_add_test(steps, milstein_is_euler_maruyama_for_additive_noise);
  tcase_add_test(steps, sra1_step_is_its_formula);
  tcase_add_loop_test(steps, evaluations_are_as_declared, 0, pairs);
  TCase *orders = testing_case(suite, "orders");
  tcase_add_loop_test(orders, strong_order_is_as_declared, 0, pairs);
  tcase_add_loop_test(orders, milstein_with_derivative_has_strong_order_1, KNOWN_DIAGONAL,
                      KNOWN_DIAGONAL + 2);
  tcase_add_loop_test(orders, exact_schemes_have_no_error, 0, pairs);
  TCase *twins = testing_case(suite, "twins");
  tcase_add_loop_test(twins, euler_maruyama_has_not_strong_order_1, KNOWN_ADDITIVE,
                      KNOWN_EQUATIONS);
  tcase_add_loop_test(twins, milstein_without_its_correction_has_not_strong_order_1, KNOWN_ADDITIVE,
                      KNOWN_EQUATIONS);
  tcase_add_test(twins, milstein_with_half_its_correction_has_not_strong_order_1);
  tcase_add_loop_test(twins, commutative_milstein_has_order_half_on_general_noise, KNOWN_GENERAL,
                      KNOWN_EQUATIONS);
  tcase_add_loop_test(twins, milstein_with_reversed_areas_has_not_strong_order_1, KNOWN_GENERAL,
                      KNOWN_EQUATIONS);
  tcase_add_loop_test(twins, sra1_without_time_integrals_has_not_strong_order_1_5, 0,
                      KNOWN_ADDITIVE);
  tcase_add_loop_test(twins, wrong_noise_has_no_order, 0, KNOWN_EQUATIONS);
  return testing_run(suite);
}
