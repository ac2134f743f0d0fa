/*
 * The fixed equations: see equation.h. Exact solutions: Kloeden and Platen 1992, section 4.4;
 * expectations by the moments of Gaussian variables.
 */
#include "analysis/equation.h"

#include <gsl/gsl_sf_bessel.h>
#include <math.h>

/* Drift rates, and for each coordinate its row in the noise. */
struct coefficients {
  double rate[2], row[2][2];
};

static const struct coefficients *coefficients_of(const struct sde_system *system)
{
  return system->context;
}

static double row_times(const struct sde_system *system, size_t i, size_t p, size_t width,
                        const double *w)
{
  const double *row = coefficients_of(system)->row[i];
  double sum = 0;
  for (size_t k = 0; k < system->noise_dim; k++)
    sum += row[k] * w[k * width + p];
  return sum;
}

/* The product of rows i and j. */
static double row_product(const struct sde_system *system, size_t i, size_t j)
{
  const struct coefficients *coefficients = coefficients_of(system);
  double sum = 0;
  for (size_t k = 0; k < system->noise_dim; k++)
    sum += coefficients->row[i][k] * coefficients->row[j][k];
  return sum;
}

/* ---- Ornstein-Uhlenbeck: dX = -rate X dt + row dW ---- */

static void ornstein_uhlenbeck(const struct sde_system *system, void *workspace,
                               const struct sde_instant *at, size_t width, const double *x,
                               const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  for (size_t p = 0; p < width; p++) {
    if (drift != NULL)
      drift[p] = -coefficients_of(system)->rate[0] * x[p];
    if (noise != NULL)
      noise[p] = row_times(system, 0, p, width, dw);
  }
}

/* (1/dt) times the integral of exp(-rate u) sqrt(2n+1) P_n(2 u/dt - 1) over [0, dt], but for the
 * sign (-1)^n: exp(-z) sqrt(2n+1) i_n(z) with z = rate dt / 2 (Abramowitz and Stegun 10.2.36). */
static double legendre_coefficient(int n, double z)
{
  return sqrt(2 * n + 1) * gsl_sf_bessel_il_scaled(n, z);
}

/* The integral of exp(-rate (dt - s)) dW_s is a sum over n of these coefficients times sqrt(dt) and
 * independent normals: the first is dW / sqrt(dt), the second is known with the time integral, and
 * all others are one. Nothing is subtracted, so the rest keeps its digits. */
static void ornstein_uhlenbeck_flow(const struct equation *equation, double dt,
                                    const struct sde_increments *increments, size_t width,
                                    double *x)
{
  enum { TERMS = 20 };
  const struct coefficients *coefficients = coefficients_of(&equation->system);
  double rate = coefficients->rate[0], decay = exp(-rate * dt), z = rate * dt / 2, rest = 0;
  double first = legendre_coefficient(0, z), second = sqrt(3) * legendre_coefficient(1, z);
  for (int n = TERMS; n > (increments->time_integral != NULL ? 1 : 0); n--)
    rest += pow(legendre_coefficient(n, z), 2);
  rest = sqrt(dt * rest);
  for (size_t p = 0; p < width; p++) {
    double dw = increments->dw[p], integral = first * dw + rest * increments->normal[p];
    if (increments->time_integral != NULL)
      integral -= second * (2 / dt * increments->time_integral[p] - dw);
    x[p] = decay * x[p] + coefficients->row[0][0] * integral;
  }
}

static void ornstein_uhlenbeck_expectations(const struct equation *equation, double *value)
{
  const struct coefficients *coefficients = coefficients_of(&equation->system);
  double rate = coefficients->rate[0], sigma = coefficients->row[0][0];
  value[0] = equation->start[0] * exp(-rate * equation->time);
  value[1] = value[0] * value[0] - sigma * sigma * expm1(-2 * rate * equation->time) / (2 * rate);
}

/* ---- Overdamped pendulum: dX = rate sin X dt + row dW; it bends, no solution is known ---- */

static void pendulum(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  for (size_t p = 0; p < width; p++) {
    if (drift != NULL)
      drift[p] = coefficients_of(system)->rate[0] * sin(x[p]);
    if (noise != NULL)
      noise[p] = row_times(system, 0, p, width, dw);
  }
}

/* ---- Geometric Brownian motion: dX_i = X_i (rate_i dt + row_i dW); its columns commute ---- */

static void geometric(const struct sde_system *system, void *workspace,
                      const struct sde_instant *at, size_t width, const double *x, const double *dw,
                      double *drift, double *noise)
{
  (void)workspace, (void)at;
  for (size_t i = 0; i < system->dim; i++)
    for (size_t p = 0; p < width; p++) {
      if (drift != NULL)
        drift[i * width + p] = coefficients_of(system)->rate[i] * x[i * width + p];
      if (noise != NULL)
        noise[i * width + p] = x[i * width + p] * row_times(system, i, p, width, dw);
    }
}

static void geometric_flow(const struct equation *equation, double dt,
                           const struct sde_increments *increments, size_t width, double *x)
{
  const struct sde_system *system = &equation->system;
  for (size_t i = 0; i < system->dim; i++) {
    double rate = coefficients_of(system)->rate[i] - row_product(system, i, i) / 2;
    for (size_t p = 0; p < width; p++)
      x[i * width + p] *= exp(rate * dt + row_times(system, i, p, width, increments->dw));
  }
}

static void geometric_expectations(const struct equation *equation, double *value)
{
  const struct sde_system *system = &equation->system;
  const double *rate = coefficients_of(system)->rate;
  for (size_t k = 0; k < equation->observables; k++) {
    int i = equation->observable[k].i, j = equation->observable[k].j;
    value[k] = equation->start[i] * exp(rate[i] * equation->time);
    if (j != EQUATION_ALONE)
      value[k] *= equation->start[j] *
                  exp((rate[j] + row_product(system, (size_t)i, (size_t)j)) * equation->time);
  }
}

/* ---- X_i = sinh(arsinh x_i + rate_i t + row_i W):
 *   dX_i = (rate_i sqrt(1 + X_i^2) + |row_i|^2 X_i / 2) dt + sqrt(1 + X_i^2) row_i dW ---- */

static void hyperbolic(const struct sde_system *system, void *workspace,
                       const struct sde_instant *at, size_t width, const double *x,
                       const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  for (size_t i = 0; i < system->dim; i++) {
    double rate = coefficients_of(system)->rate[i], square = row_product(system, i, i);
    for (size_t p = 0; p < width; p++) {
      double here = x[i * width + p], root = sqrt(1 + here * here);
      if (drift != NULL)
        drift[i * width + p] = rate * root + square / 2 * here;
      if (noise != NULL)
        noise[i * width + p] = root * row_times(system, i, p, width, dw);
    }
  }
}

static void hyperbolic_flow(const struct equation *equation, double dt,
                            const struct sde_increments *increments, size_t width, double *x)
{
  const struct sde_system *system = &equation->system;
  for (size_t i = 0; i < system->dim; i++) {
    double turn = coefficients_of(system)->rate[i] * dt;
    for (size_t p = 0; p < width; p++)
      x[i * width + p] =
          sinh(asinh(x[i * width + p]) + turn + row_times(system, i, p, width, increments->dw));
  }
}

/* E cosh(mean + Z) for a Gaussian Z of this variance. */
static double mean_cosh(double mean, double variance)
{
  return cosh(mean) * exp(variance / 2);
}

/* sinh a sinh b = (cosh(a + b) - cosh(a - b)) / 2 */
static void hyperbolic_expectations(const struct equation *equation, double *value)
{
  const struct sde_system *system = &equation->system;
  const double *start = equation->start, *rate = coefficients_of(system)->rate;
  double time = equation->time;
  for (size_t k = 0; k < equation->observables; k++) {
    int i = equation->observable[k].i, j = equation->observable[k].j;
    double a = asinh(start[i]) + rate[i] * time;
    double own = row_product(system, (size_t)i, (size_t)i) * time;
    value[k] = sinh(a) * exp(own / 2);
    if (j == EQUATION_ALONE)
      continue;
    double b = asinh(start[j]) + rate[j] * time;
    double other = row_product(system, (size_t)j, (size_t)j) * time;
    double both = 2 * row_product(system, (size_t)i, (size_t)j) * time;
    value[k] = (mean_cosh(a + b, own + other + both) - mean_cosh(a - b, own + other - both)) / 2;
  }
}

/* ---- X_1 = sinh U, X_2 = exp(-rate t) V cosh U with dU = dW_1, dV = s U dW_2. By Ito's formula
 *   dX_1 = X_1 / 2 dt + root dW_1,  root = sqrt(1 + X_1^2),
 *   dX_2 = (1/2 - rate) X_2 dt + X_1 X_2 / root dW_1 + exp(-rate t) s arsinh(X_1) root dW_2,
 * and Db_1 b_2 - Db_2 b_1 = (0, -exp(-rate t) s root) is not 0; time enters. ---- */

static void noncommutative(const struct sde_system *system, void *workspace,
                           const struct sde_instant *at, size_t width, const double *x,
                           const double *dw, double *drift, double *noise)
{
  (void)workspace;
  const struct coefficients *coefficients = coefficients_of(system);
  double rate = coefficients->rate[1], decay = coefficients->row[1][1] * exp(-rate * at->time);
  for (size_t p = 0; drift != NULL && p < width; p++) {
    drift[p] = x[p] / 2;
    drift[width + p] = (0.5 - rate) * x[width + p];
  }
  for (size_t p = 0; noise != NULL && p < width; p++) {
    double root = sqrt(1 + x[p] * x[p]);
    noise[p] = root * dw[p];
    noise[width + p] =
        x[p] * x[width + p] / root * dw[p] + decay * asinh(x[p]) * root * dw[width + p];
  }
}

/* From time 0 on; V grows by s (U dW_2 + I_(1,2)). */
static void noncommutative_flow(const struct equation *equation, double dt,
                                const struct sde_increments *increments, size_t width, double *x)
{
  const struct coefficients *coefficients = coefficients_of(&equation->system);
  const double *dw = increments->dw, *area = increments->area;
  double decay = exp(-coefficients->rate[1] * dt), s = coefficients->row[1][1];
  for (size_t p = 0; p < width; p++) {
    double u = asinh(x[p]), v = x[width + p] / sqrt(1 + x[p] * x[p]);
    v += s * (u * dw[width + p] + dw[p] * dw[width + p] / 2 + area[p]);
    u += dw[p];
    x[p] = sinh(u);
    x[width + p] = decay * v * cosh(u);
  }
}

/* Given W_1, V is Gaussian with mean V_0 and variance s^2 times the integral of U^2; and
 * E exp(2 U_T) U_s^2 = exp(2 U_0 + 2 T) ((U_0 + 2 s)^2 + s). */
static void noncommutative_expectations(const struct equation *equation, double *value)
{
  const struct coefficients *coefficients = coefficients_of(&equation->system);
  double t = equation->time, decay = exp(-coefficients->rate[1] * t);
  double s = coefficients->row[1][1];
  double u = asinh(equation->start[0]), v = equation->start[1] / cosh(u);
  double plain = u * u * t + t * t / 2; /* the integral of E U^2 */
  double around = plain + 4 * t * t * t / 3;
  double tilted = (exp(2 * u + 2 * t) * (around + 2 * u * t * t) +
                   exp(-2 * u + 2 * t) * (around - 2 * u * t * t)) /
                  2;
  value[0] = decay * equation->start[1] * exp(t / 2);
  value[1] = decay * decay * (v * v * (1 + mean_cosh(2 * u, 4 * t)) + s * s * (plain + tilted)) / 2;
}

/* ---- the table ---- */

static const struct equation_observable on_a_line[] = {{"x1", 0, EQUATION_ALONE}, {"x1^2", 0, 0}};
static const struct equation_observable on_a_plane[] = {{"x1", 0, EQUATION_ALONE}, {"x1 x2", 0, 1}};
static const struct equation_observable of_the_second[] = {{"x2", 1, EQUATION_ALONE},
                                                           {"x2^2", 1, 1}};

#define COEFFICIENTS(...) (&(const struct coefficients){__VA_ARGS__})
#define OBSERVABLES(list) .observables = sizeof(list) / sizeof *(list), .observable = (list)

static const struct equation table_ornstein_uhlenbeck = {
    .name = "ornstein-uhlenbeck",
    .formula = "dX = -X dt + 0.5 dW",
    .system = {.name = "Ornstein-Uhlenbeck",
               .dim = 1,
               .noise_dim = 1,
               .noise = SDE_NOISE_ADDITIVE,
               .context = COEFFICIENTS({1}, {{0.5}}),
               .evaluate = ornstein_uhlenbeck},
    .time = 1,
    .start = (const double[]){2},
    OBSERVABLES(on_a_line),
    .plan = {{{16, 32, 64, 128}, 0.3}, {{16, 32, 64, 128}, 0.3}, {{6, 9, 14, 20}, 8}},
    .strong_from = 1,
    .strong_to = 1,
    .strong_why = "a linear drift lacks the terms that make the order of others a half",
    .flow = ornstein_uhlenbeck_flow,
    .flow_needs = SDE_WIENER_NORMALS,
    .expectations = ornstein_uhlenbeck_expectations,
};

static const struct equation table_pendulum = {
    .name = "pendulum",
    .formula = "dX = sin X dt + 1.5 dW",
    .system = {.name = "pendulum",
               .dim = 1,
               .noise_dim = 1,
               .noise = SDE_NOISE_ADDITIVE,
               .context = COEFFICIENTS({1}, {{1.5}}),
               .evaluate = pendulum},
    .time = 1,
    .start = (const double[]){1},
    OBSERVABLES(on_a_line),
    .plan = {{{32, 64, 128, 256}, 0.3}, {{8, 16, 32, 64}, 2}, {{6, 9, 14, 20}, 10}},
    .strong_to = INFINITY,
};

static const struct equation table_geometric = {
    .name = "geometric",
    .formula = "dX = X (-dt + 0.5 dW)",
    .system = {.name = "geometric Brownian motion",
               .dim = 1,
               .noise_dim = 1,
               .noise = SDE_NOISE_SCALAR,
               .context = COEFFICIENTS({-1}, {{0.5}}),
               .evaluate = geometric},
    .time = 1,
    .start = (const double[]){1},
    OBSERVABLES(on_a_line),
    .plan = {{{64, 128, 256, 512}, 1}, {{8, 16, 32, 64}, 2}, {{6, 9, 14, 20}, 5}},
    .strong_to = INFINITY,
    .flow = geometric_flow,
    .expectations = geometric_expectations,
};

static const struct equation table_hyperbolic = {
    .name = "hyperbolic",
    .formula = "X1 = sinh(arsinh 0.5 + t + W1), X2 = sinh(arsinh 1 + t + 0.8 W2)",
    .system = {.name = "hyperbolic",
               .dim = 2,
               .noise_dim = 2,
               .noise = SDE_NOISE_DIAGONAL,
               .context = COEFFICIENTS({1, 1}, {{1, 0}, {0, 0.8}}),
               .evaluate = hyperbolic},
    .time = 0.5,
    .start = (const double[]){0.5, 1},
    OBSERVABLES(on_a_plane),
    .plan = {{{64, 128, 256, 512}, 1}, {{16, 32, 64, 128}, 2}, {{6, 9, 14, 20}, 20}},
    .strong_to = INFINITY,
    .flow = hyperbolic_flow,
    .expectations = hyperbolic_expectations,
};

static const struct equation table_commutative = {
    .name = "commutative",
    .formula = "dX1 = X1 (-dt + 0.4 dW1 + 0.3 dW2), dX2 = X2 (-0.8 dt - 0.2 dW1 + 0.4 dW2)",
    .system = {.name = "geometric Brownian motions",
               .dim = 2,
               .noise_dim = 2,
               .noise = SDE_NOISE_COMMUTATIVE,
               .context = COEFFICIENTS({-1, -0.8}, {{0.4, 0.3}, {-0.2, 0.4}}),
               .evaluate = geometric},
    .time = 1,
    .start = (const double[]){1, 2},
    OBSERVABLES(on_a_plane),
    .plan = {{{64, 128, 256, 512}, 1}, {{8, 16, 32, 64}, 1}, {{6, 9, 14, 20}, 4}},
    .strong_to = INFINITY,
    .flow = geometric_flow,
    .expectations = geometric_expectations,
};

static const struct equation table_noncommutative = {
    .name = "noncommutative",
    .formula = "X1 = sinh W1, X2 = exp(-4 t) V cosh W1 with V = 4 + 4 int W1 dW2",
    .system = {.name = "noncommutative",
               .dim = 2,
               .noise_dim = 2,
               .noise = SDE_NOISE_GENERAL,
               .context = COEFFICIENTS({0, 4}, {{1}, {0, 4}}),
               .evaluate = noncommutative},
    .time = 0.3,
    .start = (const double[]){0, 4},
    OBSERVABLES(of_the_second),
    .plan = {{{64, 128, 256, 512}, 0.5}, {{8, 16, 32, 64}, 2}, {{7, 10, 14, 20}, 20}},
    .strong_to = INFINITY,
    .flow = noncommutative_flow,
    .flow_needs = SDE_WIENER_LEVY_AREAS,
    .expectations = noncommutative_expectations,
};

const struct equation *const *equation_table(void)
{
  static const struct equation *const all[] = {&table_ornstein_uhlenbeck,
                                               &table_pendulum,
                                               &table_geometric,
                                               &table_hyperbolic,
                                               &table_commutative,
                                               &table_noncommutative,
                                               NULL};
  return all;
}

void equation_observe(const struct equation_observable *observable, size_t width, const double *x,
                      double *out)
{
  const double *first = x + (size_t)observable->i * width;
  for (size_t p = 0; p < width; p++)
    out[p] =
        first[p] * (observable->j == EQUATION_ALONE ? 1 : x[(size_t)observable->j * width + p]);
}
