/*
 * Equations with known solutions. See known_equations.h.
 */
#include "tests/known_equations.h"

#include "sde/block.h"

#include <math.h>
#include <string.h>

enum { WIDTH = KNOWN_WIDTH, DIM = KNOWN_DIM };

double known_row_times(const struct sde_system *system, size_t i, const double *w, size_t stride)
{
  const struct known_coefficients *coefficients = system->context;
  double sum = 0;
  for (size_t k = 0; k < system->noise_dim; k++)
    sum += coefficients->row[i][k] * w[k * stride];
  return sum;
}

double known_row_square(const struct sde_system *system, size_t i)
{
  const struct known_coefficients *coefficients = system->context;
  double sum = 0;
  for (size_t k = 0; k < system->noise_dim; k++)
    sum += coefficients->row[i][k] * coefficients->row[i][k];
  return sum;
}

/* ---- Geometric Brownian motion: dX_i = X_i (rate_i dt + row_i dW) ---- */

static void geometric(const struct sde_system *system, void *workspace,
                      const struct sde_instant *at, size_t width, const double *x, const double *dw,
                      double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct known_coefficients *coefficients = system->context;
  for (size_t i = 0; i < system->dim; i++)
    for (size_t p = 0; p < width; p++) {
      if (drift != NULL)
        drift[i * width + p] = coefficients->rate[i] * x[i * width + p];
      if (noise != NULL)
        noise[i * width + p] = x[i * width + p] * known_row_times(system, i, dw + p, width);
    }
}

static void geometric_law(const struct known_equation *equation, double time, const double *w,
                          double sign, double *x)
{
  (void)sign;
  const struct sde_system *system = &equation->system;
  const struct known_coefficients *coefficients = system->context;
  for (size_t i = 0; i < system->dim; i++)
    x[i] =
        equation->start[i] * exp((coefficients->rate[i] - known_row_square(system, i) / 2) * time +
                                 known_row_times(system, i, w, 1));
}

/* ---- X_i = s_i sinh(arsinh x_i + row_i W), s_i = 1 + rate_i t: by Ito's formula
 * dX_i = (s_i' / s_i + |row_i|^2 / 2) X_i dt + sqrt(s_i^2 + X_i^2) row_i dW ---- */

static void hyperbolic(const struct sde_system *system, void *workspace,
                       const struct sde_instant *at, size_t width, const double *x,
                       const double *dw, double *drift, double *noise)
{
  (void)workspace;
  const struct known_coefficients *coefficients = system->context;
  for (size_t i = 0; i < system->dim; i++) {
    double scale = 1 + coefficients->rate[i] * at->time;
    double rate = coefficients->rate[i] / scale + known_row_square(system, i) / 2;
    for (size_t p = 0; p < width; p++) {
      double here = x[i * width + p];
      if (drift != NULL)
        drift[i * width + p] = rate * here;
      if (noise != NULL)
        noise[i * width + p] =
            sqrt(scale * scale + here * here) * known_row_times(system, i, dw + p, width);
    }
  }
}

static void hyperbolic_law(const struct known_equation *equation, double time, const double *w,
                           double sign, double *x)
{
  (void)sign;
  const struct known_coefficients *coefficients = equation->system.context;
  for (size_t i = 0; i < equation->system.dim; i++)
    x[i] = (1 + coefficients->rate[i] * time) *
           sinh(asinh(equation->start[i]) + known_row_times(&equation->system, i, w, 1));
}

/* ---- dZ = Z (a dt + b_1 dW_1 + b_2 dW_2) for complex numbers: with commuting matrices ---- */

double complex known_complex(const double *parts)
{
  return parts[0] + I * parts[1];
}

void known_rotation(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                    size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct known_coefficients *coefficients = system->context;
  for (size_t p = 0; p < width; p++) {
    double complex z = x[p] + I * x[width + p], a = known_complex(coefficients->rate), b = 0;
    for (size_t k = 0; noise != NULL && k < system->noise_dim; k++)
      b += known_complex(coefficients->row[k]) * dw[k * width + p];
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

static void rotation_law(const struct known_equation *equation, double time, const double *w,
                         double sign, double *x)
{
  (void)sign;
  const struct known_coefficients *coefficients = equation->system.context;
  double complex exponent = known_complex(coefficients->rate) * time;
  for (size_t k = 0; k < equation->system.noise_dim; k++) {
    double complex b = known_complex(coefficients->row[k]);
    exponent += b * w[k] - b * b / 2 * time;
  }
  double complex z = known_complex(equation->start) * cexp(exponent);
  x[0] = creal(z);
  x[1] = cimag(z);
}

/* ---- Ornstein-Uhlenbeck, dX = -rate X dt + row dW ---- */

static void ornstein_uhlenbeck(const struct sde_system *system, void *workspace,
                               const struct sde_instant *at, size_t width, const double *x,
                               const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct known_coefficients *coefficients = system->context;
  for (size_t p = 0; p < width; p++) {
    if (drift != NULL)
      drift[p] = -coefficients->rate[0] * x[p];
    if (noise != NULL)
      noise[p] = coefficients->row[0][0] * dw[p];
  }
}

static void ornstein_uhlenbeck_law(const struct known_equation *equation, double time,
                                   const double *w, double sign, double *x)
{
  (void)sign;
  const struct known_coefficients *coefficients = equation->system.context;
  double rate = coefficients->rate[0];
  x[0] = equation->start[0] * exp(-rate * time) +
         coefficients->row[0][0] * sqrt(-expm1(-2 * rate * time) / (2 * rate * time)) * w[0];
}

/* Over fine step i, exp(-rate (time - s)) projected on the constants and on u - 1/2, u being the
 * part of the step that is left: the coefficients of dW, and of H = integral / step - dW / 2, whose
 * variance is step / 12. */
struct projection {
  double constant, slope;
};

static struct projection projected_decay(const struct known_equation *equation, unsigned needs,
                                         uint64_t steps, uint64_t i)
{
  const struct known_coefficients *coefficients = equation->system.context;
  double decay = coefficients->rate[0] * equation->time / (double)steps, lost = -expm1(-decay);
  double later = exp(-decay * (double)(steps - 1 - i));
  double first = (lost - decay * exp(-decay)) / (decay * decay) - lost / (2 * decay);
  return (struct projection){later * lost / decay,
                             needs & SDE_WIENER_TIME_INTEGRALS ? 12 * later * first : 0};
}

static void ornstein_uhlenbeck_solution(const struct known_equation *equation,
                                        const struct sde_wiener *wiener, uint64_t steps,
                                        uint64_t first_path, size_t width, double *x)
{
  const struct known_coefficients *coefficients = equation->system.context;
  struct sde_wiener_workspace *workspace = sde_wiener_workspace_new(wiener, width);
  double sigma = coefficients->row[0][0], step = wiener->fine_step;
  sde_block_fill(width, equation->start[0] * exp(-coefficients->rate[0] * equation->time), x);
  for (uint64_t i = 0; i < steps; i++) {
    struct sde_increments draw = sde_wiener_draw(wiener, workspace, first_path, width, i, 1);
    struct projection on = projected_decay(equation, wiener->needs, steps, i);
    sde_block_add(width, sigma * (on.constant - on.slope / 2), draw.dw, x);
    if (draw.time_integral != NULL)
      sde_block_add(width, sigma * on.slope / step, draw.time_integral, x);
  }
  sde_wiener_workspace_free(workspace);
}

/* Variance of the integral of exp(-rate (time - s)) dW, less that of its expectation. */
static double ornstein_uhlenbeck_unresolved(const struct known_equation *equation, unsigned needs,
                                            uint64_t steps)
{
  const struct known_coefficients *coefficients = equation->system.context;
  double rate = coefficients->rate[0], sigma = coefficients->row[0][0];
  double rest = -expm1(-2 * rate * equation->time) / (2 * rate);
  for (uint64_t i = 0; i < steps; i++) {
    struct projection on = projected_decay(equation, needs, steps, i);
    rest -= equation->time / (double)steps * (pow(on.constant, 2) + pow(on.slope, 2) / 12);
  }
  return sigma * sigma * rest;
}

/* ---- Y = x_1 + W: X_1 = e^(rate t) Y, X_2 = x_2 + the integral of Y^2, that is
 * dX_1 = rate X_1 dt + e^(rate t) dW, dX_2 = e^(-2 rate t) X_1^2 dt ---- */

static double growth(const struct sde_system *system, double time)
{
  const struct known_coefficients *coefficients = system->context;
  return exp(coefficients->rate[0] * time);
}

static void squares(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                    size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)workspace;
  const struct known_coefficients *coefficients = system->context;
  double scale = growth(system, at->time);
  for (size_t p = 0; p < width; p++) {
    if (drift != NULL) {
      drift[p] = coefficients->rate[0] * x[p];
      drift[width + p] = pow(x[p] / scale, 2);
    }
    if (noise != NULL) {
      noise[p] = scale * dw[p];
      noise[width + p] = 0;
    }
  }
}

/* Given its end w, W is w times the part of the time, and a bridge of covariance K(u, v) time, with
 * K = min(u, v) - u v. The integrals of K, u K and u v K over the unit square are 1/12, 1/24 and
 * 1/45; that of 2 K^2 is 1/45. */
static void squares_law(const struct known_equation *equation, double time, const double *w,
                        double sign, double *x)
{
  double start = equation->start[0], end = w[0];
  double variance = 4 * pow(time, 3) * (start * start / 12 + start * end / 12 + end * end / 45) +
                    pow(time, 4) / 45;
  x[0] = growth(&equation->system, time) * (start + end);
  x[1] = equation->start[1] + time * (start * start + start * end + end * end / 3) +
         time * time / 6 + sign * sqrt(variance);
}

/* Over a step, with H as above and the path's expectation dW (1 - u) + 6 H u (1 - u), the integral
 * of the square is step (dW^2/3 + dW H + 6/5 H^2) + step^2/15 in expectation; without H, whose
 * variance is step / 12, it is step dW^2/3 + step^2/6. */
static void squares_solution(const struct known_equation *equation, const struct sde_wiener *wiener,
                             uint64_t steps, uint64_t first_path, size_t width, double *x)
{
  struct sde_wiener_workspace *workspace = sde_wiener_workspace_new(wiener, width);
  double step = wiener->fine_step, *y = x, *integral = x + width;
  sde_block_fill(width, equation->start[0], y);
  sde_block_fill(width, equation->start[1], integral);
  for (uint64_t i = 0; i < steps; i++) {
    struct sde_increments draw = sde_wiener_draw(wiener, workspace, first_path, width, i, 1);
    for (size_t p = 0; p < width; p++) {
      double dw = draw.dw[p], h = 0, bridge = step / 6;
      if (draw.time_integral != NULL) {
        h = draw.time_integral[p] / step - dw / 2;
        bridge = 6 * h * h / 5 + step / 15;
      }
      integral[p] += step * (y[p] * y[p] + 2 * y[p] * (dw / 2 + h) + dw * dw / 3 + dw * h + bridge);
      y[p] += dw;
    }
  }
  sde_block_scale(width, growth(&equation->system, equation->time), y);
  sde_wiener_workspace_free(workspace);
}

/* The variance of the integral over a step is step^4/3 + 4 Y^2 step^3/3; that of its expectation
 * leaves step^4/9 + Y^2 step^3/3 of it without H, and 7/900 step^4 with it. */
static double squares_unresolved(const struct known_equation *equation, unsigned needs,
                                 uint64_t steps)
{
  double n = (double)steps, step = equation->time / n;
  if (needs & SDE_WIENER_TIME_INTEGRALS)
    return 7 * n * pow(step, 4) / 900;
  double squared = n * pow(equation->start[0], 2) + step * n * (n - 1) / 2;
  return squared * pow(step, 3) / 3 + n * pow(step, 4) / 9;
}

/* ---- Levy's area, the simplest noise that does not commute: dX_1 = dW_1, dX_2 = dW_2,
 * dX_3 = X_1 dW_2 - X_2 dW_1 ---- */

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

/* The mean square of the area over a time, given the increments, is (time^2 + time |w|^2) / 12. */
static void levy_area_law(const struct known_equation *equation, double time, const double *w,
                          double sign, double *x)
{
  const double *start = equation->start;
  double variance = (time * time + time * (w[0] * w[0] + w[1] * w[1])) / 12;
  x[0] = start[0] + w[0];
  x[1] = start[1] + w[1];
  x[2] = start[2] + start[0] * w[1] - start[1] * w[0] + 2 * sign * sqrt(variance);
}

/* Given the increments, the area within each of them is 0 in expectation. */
static void levy_area_solution(const struct known_equation *equation,
                               const struct sde_wiener *wiener, uint64_t steps, uint64_t first_path,
                               size_t width, double *x)
{
  struct sde_wiener_workspace *workspace = sde_wiener_workspace_new(wiener, width);
  for (size_t i = 0; i < equation->system.dim; i++)
    sde_block_fill(width, equation->start[i], x + i * width);
  for (uint64_t i = 0; i < steps; i++) {
    struct sde_increments draw = sde_wiener_draw(wiener, workspace, first_path, width, i, 1);
    const double *dw = draw.dw;
    for (size_t p = 0; p < width; p++) {
      x[2 * width + p] += x[p] * dw[width + p] - x[width + p] * dw[p];
      x[2 * width + p] += draw.area == NULL ? 0 : 2 * draw.area[p];
      x[p] += dw[p];
      x[width + p] += dw[width + p];
    }
  }
  sde_wiener_workspace_free(workspace);
}

/* The area within a step has the mean square step^2 / 4. */
static double levy_area_unresolved(const struct known_equation *equation, unsigned needs,
                                   uint64_t steps)
{
  return needs & SDE_WIENER_LEVY_AREAS ? 0 : equation->time * equation->time / (double)steps;
}

/* ---- With Y = y + W_1 and Z = z + the integral of Y dW_2: X_1 = sinh Y, X_2 = Z cosh Y, by Ito's
 * formula dX_1 = X_1/2 dt + cosh Y dW_1,
 * dX_2 = X_2/2 dt + X_1 X_2 / cosh Y dW_1 + Y cosh Y dW_2; from (sinh y, z cosh y). ---- */

static void hyperbolic_area(const struct sde_system *system, void *workspace,
                            const struct sde_instant *at, size_t width, const double *x,
                            const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  for (size_t p = 0; p < width; p++) {
    double one = x[p], two = x[width + p], cosine = sqrt(1 + one * one);
    if (noise != NULL) {
      noise[p] = cosine * dw[p];
      noise[width + p] = one * two / cosine * dw[p] + asinh(one) * cosine * dw[width + p];
    }
  }
  if (drift != NULL)
    sde_block_fill(system->dim * width, 0, drift);
  if (drift != NULL)
    sde_block_add(system->dim * width, 0.5, x, drift);
}

/* Given Y, Z is normal with the integral of Y^2 as its variance, whose expectation given the end of
 * Y is that of squares_law. */
static void hyperbolic_area_law(const struct known_equation *equation, double time, const double *w,
                                double sign, double *x)
{
  double start = asinh(equation->start[0]), y = start + w[0];
  double variance = time * (start * start + start * w[0] + w[0] * w[0] / 3) + time * time / 6;
  double z = equation->start[1] / cosh(start) + sign * sqrt(variance);
  x[0] = sinh(y);
  x[1] = z * cosh(y);
}

static void hyperbolic_area_solution(const struct known_equation *equation,
                                     const struct sde_wiener *wiener, uint64_t steps,
                                     uint64_t first_path, size_t width, double *x)
{
  struct sde_wiener_workspace *workspace = sde_wiener_workspace_new(wiener, width);
  double start = asinh(equation->start[0]), *y = x, *z = x + width;
  sde_block_fill(width, start, y);
  sde_block_fill(width, equation->start[1] / cosh(start), z);
  for (uint64_t i = 0; i < steps; i++) {
    struct sde_increments draw = sde_wiener_draw(wiener, workspace, first_path, width, i, 1);
    const double *dw = draw.dw;
    for (size_t p = 0; p < width; p++) {
      z[p] += (y[p] + dw[p] / 2) * dw[width + p] + (draw.area == NULL ? 0 : draw.area[p]);
      y[p] += dw[p];
    }
  }
  for (size_t p = 0; p < width; p++) {
    z[p] *= cosh(y[p]);
    y[p] = sinh(y[p]);
  }
  sde_wiener_workspace_free(workspace);
}

/* cosh^2 Y = (1 + cosh 2Y) / 2 at the end, times each step's mean square of the area given the
 * increments; the weight cosh 2Y, of mean cosh 2y e^(2 time), shifts dW_1 by +-2 step, as Girsanov
 * has it. */
static double hyperbolic_area_unresolved(const struct known_equation *equation, unsigned needs,
                                         uint64_t steps)
{
  if (needs & SDE_WIENER_LEVY_AREAS)
    return 0;
  double step = equation->time / (double)steps, start = asinh(equation->start[0]);
  double weight = cosh(2 * start) * exp(2 * equation->time), plain = step * step / 4;
  double shifted = plain + pow(step, 3) / 3;
  return (double)steps * (plain + weight * shifted) / 2;
}

/* ---- All of them ---- */

#define SYSTEM(name, dim, noise_dim, class, function, ...)                                         \
  {                                                                                                \
    name, dim, noise_dim, class, &(const struct known_coefficients)__VA_ARGS__, NULL, NULL,        \
        function, NULL, false, NULL                                                                \
  }

/* clang-format off */
const struct known_equation known_equations[KNOWN_EQUATIONS] = {
    {SYSTEM("Ornstein-Uhlenbeck", 1, 1, SDE_NOISE_ADDITIVE, ornstein_uhlenbeck, {{1}, {{0.5}}}),
     1, {2}, true, ornstein_uhlenbeck_law, ornstein_uhlenbeck_solution,
     ornstein_uhlenbeck_unresolved},
    {SYSTEM("squares", 2, 1, SDE_NOISE_ADDITIVE, squares, {{0.4}, {{0}}}),
     0.5, {0.5, 0.2}, false, squares_law, squares_solution, squares_unresolved},
    {SYSTEM("geometric", 1, 1, SDE_NOISE_SCALAR, geometric, {{0.5}, {{0.5}}}),
     1, {1}, true, geometric_law, NULL, NULL},
    {SYSTEM("hyperbolic", 1, 1, SDE_NOISE_SCALAR, hyperbolic, {{0.5}, {{1}}}),
     0.25, {1.5}, false, hyperbolic_law, NULL, NULL},
    {SYSTEM("rotation", 2, 1, SDE_NOISE_SCALAR, known_rotation, {{-0.4, 0.5}, {{0.4, 0.5}}}),
     1, {1, 0.5}, true, rotation_law, NULL, NULL},
    {SYSTEM("diagonal geometric", 2, 2, SDE_NOISE_DIAGONAL, geometric,
            {{0.5, 0.6}, {{0.5, 0}, {0, 0.4}}}),
     1, {1, 2}, true, geometric_law, NULL, NULL},
    {SYSTEM("diagonal hyperbolic", 2, 2, SDE_NOISE_DIAGONAL, hyperbolic,
            {{0.5, 0.3}, {{1, 0}, {0, -0.8}}}),
     0.25, {1.5, -1}, false, hyperbolic_law, NULL, NULL},
    {SYSTEM("commutative hyperbolic", 1, 2, SDE_NOISE_COMMUTATIVE, hyperbolic,
            {{0.5}, {{0.6, 0.8}}}),
     0.25, {1.5}, false, hyperbolic_law, NULL, NULL},
    {SYSTEM("commutative geometric", 2, 2, SDE_NOISE_COMMUTATIVE, geometric,
            {{0.5, 0.6}, {{0.4, 0.3}, {-0.2, 0.4}}}),
     1, {1, 2}, true, geometric_law, NULL, NULL},
    {SYSTEM("commutative rotation", 2, 2, SDE_NOISE_COMMUTATIVE, known_rotation,
            {{-0.4, 0.5}, {{0.4, 0.3}, {0.2, -0.5}}}),
     1, {1, 0.5}, true, rotation_law, NULL, NULL},
    {SYSTEM("Levy area", 3, 2, SDE_NOISE_GENERAL, levy_area, {{0}, {{0}}}),
     1, {0.3, -0.5, 0.2}, true, levy_area_law, levy_area_solution, levy_area_unresolved},
    {SYSTEM("hyperbolic area", 2, 2, SDE_NOISE_GENERAL, hyperbolic_area, {{0}, {{0}}}),
     0.25, {0.8, 0.5}, false, hyperbolic_area_law, hyperbolic_area_solution,
     hyperbolic_area_unresolved},
};
/* clang-format on */

static void brownian_end(const struct known_equation *equation, const struct sde_wiener *wiener,
                         uint64_t steps, uint64_t first_path, size_t width, double *x)
{
  size_t dim = equation->system.dim, noise_dim = equation->system.noise_dim;
  double w[DIM * WIDTH], scratch[DIM * WIDTH], end[DIM], there[DIM];
  sde_wiener_increment(wiener, first_path, width, 0, steps, w, scratch);
  for (size_t p = 0; p < width; p++) {
    for (size_t k = 0; k < noise_dim; k++)
      end[k] = w[k * width + p];
    equation->law(equation, equation->time, end, 0, there);
    for (size_t i = 0; i < dim; i++)
      x[i * width + p] = there[i];
  }
}

void known_solution(const struct known_equation *equation, struct sde_stream stream, unsigned needs,
                    uint64_t steps, uint64_t first_path, size_t width, double *x)
{
  struct sde_wiener wiener = {
      .stream = stream,
      .noise_dim = equation->system.noise_dim,
      .fine_step = equation->time / (double)steps,
      .needs = needs & (SDE_WIENER_TIME_INTEGRALS | SDE_WIENER_LEVY_AREAS),
  };
  if (equation->solution != NULL)
    equation->solution(equation, &wiener, steps, first_path, width, x);
  else
    brownian_end(equation, &wiener, steps, first_path, width, x);
}

double known_unresolved(const struct known_equation *equation, unsigned needs, uint64_t steps)
{
  return equation->unresolved == NULL ? 0 : equation->unresolved(equation, needs, steps);
}
