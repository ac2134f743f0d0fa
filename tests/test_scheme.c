/*
 * Tests of sde/scheme and of every scheme of the registry: one step against its formula, moments
 * against the scheme's exact ones, and the declared orders on equations whose solution is known on
 * each Brownian path.
 */
#include "sde/scheme.h"

#include "sde/block.h"
#include "sde/ensemble.h"
#include "sde/process.h"
#include "sde/status.h"
#include "sde/wiener.h"
#include "tests/testing.h"

#include <complex.h>
#include <float.h>
#include <gsl/gsl_fit.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <string.h>

/* Widest block that the solutions below are asked for, and most components. */
enum { WIDTH = 64, DIM_MAX = 4 };

/* ---- Equations with known solutions ---- */

/* An equation over [0, time]. solution: the end of the paths that sde/wiener gives in `steps` steps
 * of time; where the increments do not determine it, its expectation given them, which leaves a
 * mean square `unresolved` of which the scheme can know nothing. */
struct equation {
  struct sde_system system;
  double time, start[DIM_MAX];
  size_t weak_steps, weak_paths; /* the fewest, such that weak errors stand out of the noise */
  void (*solution)(const struct equation *equation, const struct sde_wiener *wiener, uint64_t steps,
                   uint64_t first_path, size_t width, double *x);
  double (*unresolved)(const struct equation *equation, uint64_t steps);
};

/* W(time), component k of path p at w[k*width + p]. */
static void brownian_end(const struct sde_wiener *wiener, uint64_t steps, uint64_t first_path,
                         size_t width, double *w)
{
  double scratch[DIM_MAX * WIDTH];
  sde_wiener_increment(wiener, first_path, width, 0, steps, w, scratch);
}

/* Coefficients: drift rates, and the row of each component in its noise. For a rotation: real and
 * imaginary part of a, then of each b_k. */
struct coefficients {
  double rate[2], row[2][2];
};

static double row_times(const struct sde_system *system, size_t i, size_t p, size_t width,
                        const double *w)
{
  const struct coefficients *coefficients = system->context;
  double sum = 0;
  for (size_t k = 0; k < system->noise_dim; k++)
    sum += coefficients->row[i][k] * w[k * width + p];
  return sum;
}

static double row_square(const struct sde_system *system, size_t i)
{
  const struct coefficients *coefficients = system->context;
  double sum = 0;
  for (size_t k = 0; k < system->noise_dim; k++)
    sum += coefficients->row[i][k] * coefficients->row[i][k];
  return sum;
}

/* Geometric Brownian motion, dX_i = X_i (rate_i dt + row_i dW). */
static void geometric(const struct sde_system *system, void *workspace,
                      const struct sde_instant *at, size_t width, const double *x, const double *dw,
                      double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct coefficients *coefficients = system->context;
  for (size_t i = 0; i < system->dim; i++)
    for (size_t p = 0; p < width; p++) {
      if (drift != NULL)
        drift[i * width + p] = coefficients->rate[i] * x[i * width + p];
      if (noise != NULL)
        noise[i * width + p] = x[i * width + p] * row_times(system, i, p, width, dw);
    }
}

static void geometric_solution(const struct equation *equation, const struct sde_wiener *wiener,
                               uint64_t steps, uint64_t first_path, size_t width, double *x)
{
  const struct sde_system *system = &equation->system;
  const struct coefficients *coefficients = system->context;
  double w[DIM_MAX * WIDTH];
  brownian_end(wiener, steps, first_path, width, w);
  for (size_t i = 0; i < system->dim; i++)
    for (size_t p = 0; p < width; p++)
      x[i * width + p] = equation->start[i] *
                         exp((coefficients->rate[i] - row_square(system, i) / 2) * equation->time +
                             row_times(system, i, p, width, w));
}

/* X_i = sinh(arsinh x_i + row_i W): dX_i = |row_i|^2 X_i / 2 dt + sqrt(1 + X_i^2) row_i dW. */
static void hyperbolic(const struct sde_system *system, void *workspace,
                       const struct sde_instant *at, size_t width, const double *x,
                       const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  for (size_t i = 0; i < system->dim; i++) {
    double rate = row_square(system, i) / 2;
    for (size_t p = 0; p < width; p++) {
      double here = x[i * width + p];
      if (drift != NULL)
        drift[i * width + p] = rate * here;
      if (noise != NULL)
        noise[i * width + p] = sqrt(1 + here * here) * row_times(system, i, p, width, dw);
    }
  }
}

static void hyperbolic_solution(const struct equation *equation, const struct sde_wiener *wiener,
                                uint64_t steps, uint64_t first_path, size_t width, double *x)
{
  double w[DIM_MAX * WIDTH];
  brownian_end(wiener, steps, first_path, width, w);
  for (size_t i = 0; i < equation->system.dim; i++)
    for (size_t p = 0; p < width; p++)
      x[i * width + p] =
          sinh(asinh(equation->start[i]) + row_times(&equation->system, i, p, width, w));
}

/* dZ = Z (a dt + b_1 dW_1 + b_2 dW_2) for complex numbers, that is with commuting matrices. */
static double complex complex_of(const double *parts)
{
  return parts[0] + I * parts[1];
}

static void rotation(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct coefficients *coefficients = system->context;
  for (size_t p = 0; p < width; p++) {
    double complex z = x[p] + I * x[width + p], a = complex_of(coefficients->rate), b = 0;
    for (size_t k = 0; noise != NULL && k < system->noise_dim; k++)
      b += complex_of(coefficients->row[k]) * dw[k * width + p];
    if (drift != NULL) {
      drift[p] = creal(a * z);
      drift[width + p] = cimag(a * z);
    }
    if (noise != NULL) {
      noise[p] = creal(b * z);
      noise[width + p] = cimag(b * z);
    }
  }
}

static void rotation_solution(const struct equation *equation, const struct sde_wiener *wiener,
                              uint64_t steps, uint64_t first_path, size_t width, double *x)
{
  const struct coefficients *coefficients = equation->system.context;
  double w[DIM_MAX * WIDTH];
  brownian_end(wiener, steps, first_path, width, w);
  for (size_t p = 0; p < width; p++) {
    double complex exponent = complex_of(coefficients->rate) * equation->time;
    for (size_t k = 0; k < equation->system.noise_dim; k++) {
      double complex b = complex_of(coefficients->row[k]);
      exponent += b * w[k * width + p] - b * b / 2 * equation->time;
    }
    double complex z = complex_of(equation->start) * cexp(exponent);
    x[p] = creal(z);
    x[width + p] = cimag(z);
  }
}

/* Ornstein-Uhlenbeck, dX = -rate X dt + row dW. */
static void ornstein_uhlenbeck(const struct sde_system *system, void *workspace,
                               const struct sde_instant *at, size_t width, const double *x,
                               const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct coefficients *coefficients = system->context;
  for (size_t p = 0; p < width; p++) {
    if (drift != NULL)
      drift[p] = -coefficients->rate[0] * x[p];
    if (noise != NULL)
      noise[p] = coefficients->row[0][0] * dw[p];
  }
}

/* The mean of exp(-rate (time - s)) over fine step i. */
static double mean_decay(const struct equation *equation, uint64_t steps, uint64_t i)
{
  const struct coefficients *coefficients = equation->system.context;
  double decay = coefficients->rate[0] * equation->time / (double)steps;
  return exp(-decay * (double)(steps - 1 - i)) * -expm1(-decay) / decay;
}

static void ornstein_uhlenbeck_solution(const struct equation *equation,
                                        const struct sde_wiener *wiener, uint64_t steps,
                                        uint64_t first_path, size_t width, double *x)
{
  const struct coefficients *coefficients = equation->system.context;
  double dw[WIDTH], scratch[WIDTH];
  sde_block_fill(width, equation->start[0] * exp(-coefficients->rate[0] * equation->time), x);
  for (uint64_t i = 0; i < steps; i++) {
    sde_wiener_increment(wiener, first_path, width, i, 1, dw, scratch);
    sde_block_add(width, coefficients->row[0][0] * mean_decay(equation, steps, i), dw, x);
  }
}

/* Variance of the integral of exp(-rate (time - s)) dW, less that of its expectation. */
static double ornstein_uhlenbeck_unresolved(const struct equation *equation, uint64_t steps)
{
  const struct coefficients *coefficients = equation->system.context;
  double rate = coefficients->rate[0], sigma = coefficients->row[0][0];
  double rest = -expm1(-2 * rate * equation->time) / (2 * rate);
  for (uint64_t i = 0; i < steps; i++)
    rest -= equation->time / (double)steps * pow(mean_decay(equation, steps, i), 2);
  return sigma * sigma * rest;
}

/* Levy's area, the simplest noise that does not commute: dX_1 = dW_1, dX_2 = dW_2,
 * dX_3 = X_1 dW_2 - X_2 dW_1. */
static void levy_area(const struct sde_system *system, void *workspace,
                      const struct sde_instant *at, size_t width, const double *x, const double *dw,
                      double *drift, double *noise)
{
  (void)workspace, (void)at;
  if (drift != NULL)
    sde_block_fill(system->dim * width, 0, drift);
  for (size_t p = 0; noise != NULL && p < width; p++) {
    noise[p] = dw[p];
    noise[width + p] = dw[width + p];
    noise[2 * width + p] = x[p] * dw[width + p] - x[width + p] * dw[p];
  }
}

/* Given the increments, the area within each of them is 0 in expectation. */
static void levy_area_solution(const struct equation *equation, const struct sde_wiener *wiener,
                               uint64_t steps, uint64_t first_path, size_t width, double *x)
{
  double dw[2 * WIDTH], scratch[2 * WIDTH];
  sde_block_fill(equation->system.dim * width, 0, x);
  for (uint64_t i = 0; i < steps; i++) {
    sde_wiener_increment(wiener, first_path, width, i, 1, dw, scratch);
    for (size_t p = 0; p < width; p++) {
      x[2 * width + p] += x[p] * dw[width + p] - x[width + p] * dw[p];
      x[p] += dw[p];
      x[width + p] += dw[width + p];
    }
  }
}

/* The area within a step h has the mean square h^2. */
static double levy_area_unresolved(const struct equation *equation, uint64_t steps)
{
  return equation->time * equation->time / (double)steps;
}

/* clang-format off */
#define ROW(name, dim, noise_dim, class, function, ...)                                            \
  {name, dim, noise_dim, class, &(const struct coefficients)__VA_ARGS__, NULL, NULL, function}

/* The additive one first, the general one last, those that Milstein corrects between them. */
static const struct equation equations[] = {
    {ROW("Ornstein-Uhlenbeck", 1, 1, SDE_NOISE_ADDITIVE, ornstein_uhlenbeck, {{1}, {{0.5}}}),
     1, {2}, 8, 10000, ornstein_uhlenbeck_solution, ornstein_uhlenbeck_unresolved},
    {ROW("geometric", 1, 1, SDE_NOISE_SCALAR, geometric, {{0.5}, {{0.5}}}),
     1, {1}, 8, 10000, geometric_solution, NULL},
    {ROW("hyperbolic", 1, 1, SDE_NOISE_SCALAR, hyperbolic, {{0}, {{1}}}),
     0.25, {1.5}, 4, 20000, hyperbolic_solution, NULL},
    {ROW("rotation", 2, 1, SDE_NOISE_SCALAR, rotation, {{-0.4, 0.5}, {{0.4, 0.5}}}),
     1, {1, 0.5}, 8, 10000, rotation_solution, NULL},
    {ROW("diagonal geometric", 2, 2, SDE_NOISE_DIAGONAL, geometric,
         {{0.5, 0.6}, {{0.5, 0}, {0, 0.4}}}),
     1, {1, 2}, 8, 10000, geometric_solution, NULL},
    {ROW("diagonal hyperbolic", 2, 2, SDE_NOISE_DIAGONAL, hyperbolic, {{0}, {{1, 0}, {0, -0.8}}}),
     0.25, {1.5, -1}, 4, 20000, hyperbolic_solution, NULL},
    {ROW("commutative hyperbolic", 1, 2, SDE_NOISE_COMMUTATIVE, hyperbolic, {{0}, {{0.6, 0.8}}}),
     0.25, {1.5}, 4, 20000, hyperbolic_solution, NULL},
    {ROW("commutative geometric", 2, 2, SDE_NOISE_COMMUTATIVE, geometric,
         {{0.5, 0.6}, {{0.4, 0.3}, {-0.2, 0.4}}}),
     1, {1, 2}, 8, 10000, geometric_solution, NULL},
    {ROW("commutative rotation", 2, 2, SDE_NOISE_COMMUTATIVE, rotation,
         {{-0.4, 0.5}, {{0.4, 0.3}, {0.2, -0.5}}}),
     1, {1, 0.5}, 8, 10000, rotation_solution, NULL},
    {ROW("Levy area", 3, 2, SDE_NOISE_GENERAL, levy_area, {{0}, {{0}}}),
     1, {0}, 8, 10000, levy_area_solution, levy_area_unresolved},
};
/* clang-format on */

enum {
  EQUATIONS = sizeof equations / sizeof *equations,
  CORRECTED = 1,
  GENERAL = EQUATIONS - 1,
};

static size_t schemes(void)
{
  size_t count = 0;
  while (sde_schemes()[count] != NULL)
    count++;
  return count;
}

/* ---- Orders ---- */

/* A process of one step that goes to the end of the equation's time: the scheme's end X_h, then
 * |X_h - X|^2 and |X_h|^2 - |X|^2, of which the means are the squared strong and a weak error. */
struct comparison {
  const struct equation *equation;
  const struct sde_process *solved;
  struct sde_wiener wiener;
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
  double exact[DIM_MAX * WIDTH], *square = x + dim * width, *difference = square + width;
  comparison->solved->advance(comparison->solved, workspace, first_path, width, step, x);
  comparison->equation->solution(comparison->equation, &comparison->wiener, comparison->resolution,
                                 first_path, width, exact);
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++) {
      double error = x[i * width + p] - exact[i * width + p];
      square[p] += error * error;
      difference[p] += error * (x[i * width + p] + exact[i * width + p]);
    }
}

static void last_two(const void *context, void *workspace, size_t width, const double *x,
                     double *out)
{
  (void)workspace;
  const size_t *dim = context;
  memcpy(out, x + *dim * width, 2 * width * sizeof *out);
}

struct errors {
  struct sde_moments strong, weak;
};

/* The scheme at `substeps` steps, on Brownian paths of twice as many increments, so that steps are
 * driven by sums. Each (equation, scheme, substeps) has paths of its own: then the errors at
 * several steps are independent, and a line through them has a standard error. */
static struct errors errors_at(const struct equation *equation, const struct sde_scheme *scheme,
                               uint64_t substeps, size_t paths)
{
  const struct sde_system *system = &equation->system;
  char *name = sde_format("%s by %s at %d", system->name, scheme->name, (int)substeps);
  struct sde_solution solution = {.system = system,
                                  .scheme = scheme,
                                  .eta = equation->time,
                                  .stream = sde_stream_named(1, name),
                                  .substeps = substeps,
                                  .resolution = 2 * substeps};
  struct sde_status status = {0};
  struct sde_process *solved = sde_solution_process_new(&solution, &status);
  ck_assert_msg(solved != NULL, "%s", status.message);
  struct comparison comparison = {
      equation,
      solved,
      {solution.stream, system->noise_dim, solution.eta / (double)solution.resolution},
      solution.resolution};
  struct sde_process process = {system->dim + 2, &comparison, comparison_workspace_new,
                                comparison_workspace_free, comparison_advance};
  double start[DIM_MAX + 2] = {0};
  memcpy(start, equation->start, system->dim * sizeof *start);
  struct sde_ensemble ensemble = {.paths = paths,
                                  .dim = process.dim,
                                  .start = start,
                                  .records = 1,
                                  .record_steps = &(uint64_t){1},
                                  .processes = 1,
                                  .process = &(const struct sde_process *){&process},
                                  .observables = {2, &system->dim, NULL, NULL, last_two},
                                  .bound = 1e12,
                                  .width = WIDTH,
                                  .threads = 1};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert_uint_eq(result.diverged[0], 0);
  struct errors errors = {result.moments[0], result.moments[1]};
  if (equation->unresolved != NULL) {
    errors.strong.mean += equation->unresolved(equation, solution.resolution);
    errors.weak.mean -= equation->unresolved(equation, solution.resolution);
  }
  sde_ensemble_result_free(&result);
  sde_solution_process_free(solved);
  sde_free(name);
  return errors;
}

/* A slope over log step, its standard error, and the least error there in standard errors, as it
 * is at the full number of paths. */
struct order {
  double slope, slope_error, least;
};

enum { STEPS = 4 };

/* Orders, and what tells them apart, need their paths: they are cut to a fifth at most. */
static double order_scale(void)
{
  return fmax(testing_scale(), 0.2);
}

static size_t order_paths(size_t paths)
{
  return (size_t)(order_scale() * (double)paths);
}

/* Fits log |error| / power: power 2 for mean squares. */
static struct order fitted_order(size_t fewest, const struct sde_moments *errors, double power)
{
  double log_step[STEPS], log_error[STEPS], weight[STEPS];
  struct order order = {.least = INFINITY};
  for (size_t i = 0; i < STEPS; i++) {
    double ratio = fabs(errors[i].mean) / sde_moments_standard_error(errors[i]);
    log_step[i] = -log((double)(fewest << i));
    log_error[i] = log(fabs(errors[i].mean)) / power;
    weight[i] = power * power * ratio * ratio;
    order.least = fmin(order.least, ratio / sqrt(order_scale()));
  }
  double offset, offset_variance, covariance, variance, chi_square;
  gsl_fit_wlinear(log_step, 1, weight, 1, log_error, 1, STEPS, &offset, &order.slope,
                  &offset_variance, &covariance, &variance, &chi_square);
  order.slope_error = sqrt(variance);
  return order;
}

static struct order strong_order(const struct equation *equation, const struct sde_scheme *scheme)
{
  enum { FEWEST = 16, PATHS = 10000 };
  struct sde_moments errors[STEPS];
  for (size_t i = 0; i < STEPS; i++)
    errors[i] = errors_at(equation, scheme, FEWEST << i, order_paths(PATHS)).strong;
  return fitted_order(FEWEST, errors, 2);
}

/* The error is of the order of the step and its deviation of the root at least, so that paths in
 * proportion to the steps keep each point as far out of the noise. */
static struct order weak_order(const struct equation *equation, const struct sde_scheme *scheme,
                               size_t paths)
{
  size_t fewest = equation->weak_steps;
  struct sde_moments errors[STEPS];
  for (size_t i = 0; i < STEPS; i++)
    errors[i] = errors_at(equation, scheme, fewest << i, order_paths(paths << i)).weak;
  return fitted_order(fewest, errors, 1);
}

/* Three standard errors for chance, and 0.1 for the error's next term, smaller by the step or its
 * root, which bends the line. The bends being within 0.08 and the standard errors below
 * 0.06, a correct scheme fails one of the forty orders with probability below 0.01 over seeds. */
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

/* Every scheme of the registry on every equation: it has its declared orders or it refuses. */
START_TEST(strong_order_is_as_declared)
{
  const struct sde_scheme *scheme = sde_schemes()[_i / EQUATIONS];
  const struct equation *equation = &equations[_i % EQUATIONS];
  struct sde_status status = {0};
  if (sde_scheme_accepts(scheme, &equation->system, &status))
    assert_order(strong_order(equation, scheme), scheme->strong_order[equation->system.noise],
                 equation->system.name, scheme->name);
  else
    ck_assert_double_eq(scheme->strong_order[equation->system.noise], 0);
}
END_TEST

START_TEST(weak_order_is_as_declared)
{
  const struct sde_scheme *scheme = sde_schemes()[_i / EQUATIONS];
  const struct equation *equation = &equations[_i % EQUATIONS];
  struct sde_status status = {0};
  if (sde_scheme_accepts(scheme, &equation->system, &status))
    assert_order(weak_order(equation, scheme, equation->weak_paths), scheme->weak_order,
                 equation->system.name, scheme->name);
  else
    ck_assert_int_eq(status.code, SDE_INVALID);
}
END_TEST

/* ---- Twins: orders that must not be found ---- */

/* Euler-Maruyama on noise that depends on the state is not of strong order 1. */
START_TEST(euler_maruyama_has_not_strong_order_1)
{
  ck_assert(!is_order(strong_order(&equations[_i], sde_scheme_named("euler-maruyama")), 1));
}
END_TEST

/* Nor is Milstein where the class is misnamed, so that it corrects nothing (additive), or as if the
 * columns commuted; or only for each component's own noise (diagonal). */
START_TEST(milstein_without_its_correction_has_not_strong_order_1)
{
  struct equation equation = equations[_i];
  equation.system.noise = _i == GENERAL ? SDE_NOISE_COMMUTATIVE : SDE_NOISE_ADDITIVE;
  ck_assert(!is_order(strong_order(&equation, sde_scheme_named("milstein")), 1));
}
END_TEST

START_TEST(milstein_with_half_its_correction_has_not_strong_order_1)
{
  struct equation equation = equations[GENERAL - 1];
  equation.system.noise = SDE_NOISE_DIAGONAL;
  ck_assert(!is_order(strong_order(&equation, sde_scheme_named("milstein")), 1));
}
END_TEST

/* Euler-Maruyama whose increments are 20 % too large: its errors do not vanish with the step. */
static void louder_step(const struct sde_system *system, void *workspace, double *scratch,
                        const struct sde_instant *at, double dt, size_t width, const double *dw,
                        double *x)
{
  double louder[DIM_MAX * WIDTH];
  sde_block_fill(system->noise_dim * width, 0, louder);
  sde_block_add(system->noise_dim * width, 1.2, dw, louder);
  sde_scheme_named("euler-maruyama")->step(system, workspace, scratch, at, dt, width, louder, x);
}

START_TEST(wrong_noise_has_no_order)
{
  struct sde_scheme louder = *sde_scheme_named("euler-maruyama");
  louder.name = "louder";
  louder.step = louder_step;
  const struct equation *equation = &equations[_i];
  ck_assert(
      !is_order(strong_order(equation, &louder), louder.strong_order[equation->system.noise]));
  ck_assert(!is_order(weak_order(equation, &louder, 5000), louder.weak_order));
}
END_TEST

/* ---- One step ---- */

/* x after one step of Milstein with the derivatives themselves: in each of these equations
 * (1/2) sum_jk Db_k b_j (dW_j dW_k - delta_jk dt) is x (s^2 - q) / 2, with s = sum_k row_k dW_k and
 * q = sum_k row_k^2 dt, in complex numbers for the rotation. */
static void exact_milstein_step(const struct equation *equation, double dt, const double *dw,
                                double *x)
{
  const struct sde_system *system = &equation->system;
  const struct coefficients *coefficients = system->context;
  double drift[DIM_MAX * WIDTH], noise[DIM_MAX * WIDTH];
  bool turns = system->evaluate == rotation;
  system->evaluate(system, NULL, NULL, WIDTH, x, dw, drift, noise);
  for (size_t i = 0; i < (turns ? 1 : system->dim); i++)
    for (size_t p = 0; p < WIDTH; p++) {
      double complex s = turns ? 0 : row_times(system, i, p, WIDTH, dw);
      double complex q = turns ? 0 : row_square(system, i) * dt;
      for (size_t k = 0; turns && k < system->noise_dim; k++) {
        double complex b = complex_of(coefficients->row[k]);
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
                      const double *dw, double *x)
{
  double *scratch = sde_alloc(sde_scheme_scratch(scheme, system, WIDTH), sizeof *scratch);
  struct sde_instant at = {0, 0, 0};
  scheme->step(system, NULL, scratch, &at, dt, WIDTH, dw, x);
  sde_free(scratch);
}

/* The largest difference of the scheme's steps from those of Milstein with derivatives. */
static double milstein_mismatch(const struct sde_scheme *scheme, const struct equation *equation,
                                double dt)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double x[DIM_MAX * WIDTH], expected[DIM_MAX * WIDTH], dw[DIM_MAX * WIDTH], worst = 0;
  for (size_t repeat = 0; repeat < 20; repeat++) {
    draw(rng, sizeof x / sizeof *x, 1, x);
    draw(rng, sizeof dw / sizeof *dw, sqrt(dt), dw);
    memcpy(expected, x, sizeof x);
    step_once(scheme, &equation->system, dt, dw, x);
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
  const struct equation *equation = &equations[_i];
  const struct sde_scheme *milstein = sde_scheme_named("milstein");
  if (equation->system.evaluate == hyperbolic)
    ck_assert_double_lt(milstein_mismatch(milstein, equation, 1e-4), 30 * pow(1e-4, 1.5));
  else
    for (double dt = 1; dt > 1e-5; dt /= 10)
      ck_assert_double_lt(milstein_mismatch(milstein, equation, dt), 5e-14);
  ck_assert_double_lt(milstein_mismatch(milstein, equation, 1e-8), 30e-12);
  ck_assert_double_gt(milstein_mismatch(sde_scheme_named("euler-maruyama"), equation, 1e-8), 5e-9);
}
END_TEST

START_TEST(euler_maruyama_step_is_its_formula)
{
  const struct sde_system *system = &equations[_i].system;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double x[DIM_MAX * WIDTH], expected[DIM_MAX * WIDTH], dw[DIM_MAX * WIDTH], drift[DIM_MAX * WIDTH],
      noise[DIM_MAX * WIDTH], dt = 0.01;
  draw(rng, sizeof x / sizeof *x, 1, x);
  draw(rng, sizeof dw / sizeof *dw, sqrt(dt), dw);
  gsl_rng_free(rng);
  system->evaluate(system, NULL, NULL, WIDTH, x, dw, drift, noise);
  for (size_t k = 0; k < system->dim * WIDTH; k++)
    expected[k] = x[k] + (drift[k] * dt + noise[k]);
  step_once(sde_scheme_named("euler-maruyama"), system, dt, dw, x);
  ck_assert_mem_eq(x, expected, system->dim * WIDTH * sizeof *x);
}
END_TEST

/* With noise that does not depend on the state there is nothing to correct. */
START_TEST(milstein_is_euler_maruyama_for_additive_noise)
{
  const struct sde_system *system = &equations[0].system;
  double x[WIDTH] = {1}, y[WIDTH] = {1}, dw[WIDTH];
  sde_block_fill(WIDTH, 0.1, dw);
  step_once(sde_scheme_named("milstein"), system, 0.01, dw, x);
  step_once(sde_scheme_named("euler-maruyama"), system, 0.01, dw, y);
  for (size_t p = 0; p < WIDTH; p++)
    ck_assert_double_le(fabs(x[p] - y[p]), DBL_EPSILON);
}
END_TEST

/* ---- Moments of the schemes ---- */

/* Two steps of 1/2 of the scheme, for dZ = Z (a dt + sum b_k dW_k): a step multiplies E Z by
 * 1 + a h and E |Z|^2 by |1 + a h|^2 + s h, to which Milstein adds s^2 h^2 / 2; s = sum |b_k|^2. */
/* clang-format off */
static const struct equation linear_noise[] = {
    {ROW("geometric", 1, 1, SDE_NOISE_SCALAR, geometric, {{0.5}, {{1}}}), 1, {1}, 0, 0, NULL, NULL},
    {ROW("rotation", 2, 2, SDE_NOISE_COMMUTATIVE, rotation,
         {{-0.5, 1}, {{0.6, 0.4}, {0.2, -0.7}}}),
     1, {1, 0.5}, 0, 0, NULL, NULL},
};
/* clang-format on */
enum { LINEAR_NOISE = sizeof linear_noise / sizeof *linear_noise };

static void state_and_square(const void *context, void *workspace, size_t width, const double *x,
                             double *out)
{
  (void)workspace;
  size_t dim = *(const size_t *)context;
  memcpy(out, x, dim * width * sizeof *out);
  memset(out + dim * width, 0, width * sizeof *out);
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++)
      out[dim * width + p] += x[i * width + p] * x[i * width + p];
}

/* Adds the comparison of the named scheme's moments with the exact ones of Milstein or, where
 * `corrected` is false, of Euler-Maruyama. */
static void add_moments(struct testing_family *family, const struct equation *equation,
                        const char *scheme, bool corrected)
{
  enum { SUBSTEPS = 2 };
  const struct sde_system *system = &equation->system;
  const struct coefficients *coefficients = system->context;
  struct sde_solution solution = {
      system,  sde_scheme_named(scheme), sde_stream_named(2, scheme), equation->time, SUBSTEPS,
      SUBSTEPS};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  struct sde_ensemble ensemble = {
      .paths = order_paths(400000),
      .dim = system->dim,
      .start = equation->start,
      .records = 1,
      .record_steps = &(uint64_t){1},
      .processes = 1,
      .process = &(const struct sde_process *){process},
      .observables = {system->dim + 1, &system->dim, NULL, NULL, state_and_square},
      .bound = 1e12,
      .threads = 1};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  double h = equation->time / SUBSTEPS, s = 0;
  bool turns = system->dim == 2;
  for (size_t k = 0; k < system->noise_dim; k++)
    s += pow(cabs(turns ? complex_of(coefficients->row[k]) : coefficients->row[0][k]), 2);
  double complex mean = turns ? complex_of(equation->start) : equation->start[0];
  double complex drift = 1 + h * (turns ? complex_of(coefficients->rate) : coefficients->rate[0]);
  double square = pow(cabs(mean), 2);
  for (size_t i = 0; i < SUBSTEPS; i++) {
    mean *= drift;
    square *= pow(cabs(drift), 2) + s * h + (corrected ? s * s * h * h / 2 : 0);
  }
  testing_add_mean(family, result.moments[0], creal(mean), "mean of x1");
  if (turns)
    testing_add_mean(family, result.moments[1], cimag(mean), "mean of x2");
  testing_add_mean(family, result.moments[system->dim], square, "mean square");
  sde_ensemble_result_free(&result);
  sde_solution_process_free(process);
}

/* False-alarm rate 1e-6 a family. The twin exchanges the schemes. */
START_TEST(moments_are_the_schemes_own)
{
  struct testing_family family = {0}, exchanged = {0}, other = {0};
  add_moments(&family, &linear_noise[_i], "euler-maruyama", false);
  add_moments(&family, &linear_noise[_i], "milstein", true);
  testing_assert_agrees(&family);
  add_moments(&exchanged, &linear_noise[_i], "euler-maruyama", true);
  testing_assert_notices(&exchanged);
  add_moments(&other, &linear_noise[_i], "milstein", false);
  testing_assert_notices(&other);
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
  }
  ck_assert_ptr_null(sde_scheme_named("no-such-scheme"));
  ck_assert_ptr_null(sde_scheme_named(""));
}
END_TEST

START_TEST(milstein_refuses_general_noise)
{
  struct sde_status status = {0};
  const struct sde_scheme *milstein = sde_scheme_named("milstein");
  const struct sde_system *system = &equations[GENERAL].system;
  struct sde_solution solution = {system, milstein, {1, 2}, 0.1, 1, 1};
  ck_assert(!sde_scheme_accepts(milstein, system, &status));
  ck_assert_int_eq(status.code, SDE_INVALID);
  ck_assert_ptr_nonnull(strstr(status.message, "milstein"));
  ck_assert_ptr_nonnull(strstr(status.message, "general"));
  ck_assert_ptr_nonnull(strstr(status.message, "Levy area"));
  ck_assert_ptr_nonnull(strstr(status.message, "euler-maruyama"));
  status = (struct sde_status){0};
  ck_assert_ptr_null(sde_solution_process_new(&solution, &status));
  ck_assert_int_eq(status.code, SDE_INVALID);
  sde_solution_process_free(NULL);
}
END_TEST

START_TEST(accepting_leaves_the_status_alone)
{
  struct sde_status status = {0};
  for (size_t i = 0; i < EQUATIONS; i++) {
    ck_assert(
        sde_scheme_accepts(sde_scheme_named("euler-maruyama"), &equations[i].system, &status));
    if (equations[i].system.noise != SDE_NOISE_GENERAL)
      ck_assert(sde_scheme_accepts(sde_scheme_named("milstein"), &equations[i].system, &status));
  }
  ck_assert_int_eq(status.code, SDE_OK);
  ck_assert_str_eq(status.message, "");
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("scheme");
  TCase *registry = testing_case(suite, "registry");
  tcase_add_test(registry, schemes_are_found_by_name);
  tcase_add_test(registry, milstein_refuses_general_noise);
  tcase_add_test(registry, accepting_leaves_the_status_alone);
  TCase *steps = testing_case(suite, "steps");
  tcase_add_loop_test(steps, milstein_step_is_its_formula, CORRECTED, GENERAL);
  tcase_add_loop_test(steps, euler_maruyama_step_is_its_formula, 0, EQUATIONS);
  tcase_add_test(steps, milstein_is_euler_maruyama_for_additive_noise);
  tcase_add_loop_test(steps, moments_are_the_schemes_own, 0, LINEAR_NOISE);
  TCase *orders = testing_case(suite, "orders");
  tcase_add_loop_test(orders, strong_order_is_as_declared, 0, (int)(schemes() * EQUATIONS));
  tcase_add_loop_test(orders, weak_order_is_as_declared, 0, (int)(schemes() * EQUATIONS));
  TCase *twins = testing_case(suite, "twins");
  tcase_add_loop_test(twins, euler_maruyama_has_not_strong_order_1, CORRECTED, EQUATIONS);
  tcase_add_loop_test(twins, milstein_without_its_correction_has_not_strong_order_1, CORRECTED,
                      EQUATIONS);
  tcase_add_test(twins, milstein_with_half_its_correction_has_not_strong_order_1);
  tcase_add_loop_test(twins, wrong_noise_has_no_order, 0, EQUATIONS);
  return testing_run(suite);
}
