/*
 * Tests of weak orders without Monte Carlo: the expectation over one step of a scheme is a sum over
 * the nodes of a cubature of its random numbers. Errors of one step, and of many where moments
 * close, are then exact to rounding; processes of many paths are compared with them.
 */
#include "sde/block.h"
#include "sde/ensemble.h"
#include "sde/levy_area.h"
#include "sde/linear.h"
#include "sde/process.h"
#include "sde/scheme.h"
#include "tests/golden.h"
#include "tests/known_equations.h"
#include "tests/models_testing.h"
#include "tests/testing.h"

#include <gsl/gsl_integration.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <string.h>

/* ---- Cubature ---- */

/* Nodes of independent numbers: standard normals by Gauss-Hermite, signs by both of them. Node p
 * has value[axis][digit of p], the first axis fastest. */
enum { AXES = 24, NODES = 24 };

struct axis {
  size_t count;
  double value[NODES], weight[NODES];
};

struct grid {
  size_t axes;
  struct axis axis[AXES];
};

static void add_normals(struct grid *grid, size_t nodes, size_t count)
{
  gsl_integration_fixed_workspace *rule =
      gsl_integration_fixed_alloc(gsl_integration_fixed_hermite, nodes, 0, 0.5, 0, 0);
  for (size_t k = 0; k < count; k++) {
    ck_assert_uint_lt(grid->axes, AXES);
    struct axis *axis = &grid->axis[grid->axes++];
    axis->count = nodes;
    for (size_t i = 0; i < nodes; i++) {
      axis->value[i] = gsl_integration_fixed_nodes(rule)[i];
      axis->weight[i] = gsl_integration_fixed_weights(rule)[i] / sqrt(2 * M_PI);
    }
  }
  gsl_integration_fixed_free(rule);
}

/* The two nodes of Gauss-Hermite are the signs. */
static void add_signs(struct grid *grid, size_t count)
{
  add_normals(grid, 2, count);
}

static size_t grid_nodes(const struct grid *grid)
{
  size_t nodes = 1;
  for (size_t a = 0; a < grid->axes; a++)
    nodes *= grid->axis[a].count;
  return nodes;
}

/* The numbers of node p, and its weight. */
static double grid_node(const struct grid *grid, size_t p, double *numbers)
{
  double weight = 1;
  for (size_t a = 0; a < grid->axes; a++) {
    size_t digit = p % grid->axis[a].count;
    numbers[a] = grid->axis[a].value[digit];
    weight *= grid->axis[a].weight[digit];
    p /= grid->axis[a].count;
  }
  return weight;
}

/* What a step is driven by, node p for path p; nodes beyond `count` have weight 0. */
struct cubature {
  size_t count, width;
  double *weight, *dw, *time_integral, *area, *normal;
};

/* What can be left out of a step on purpose. */
enum defect {
  NO_DEFECT,
  NO_AREAS,
  CONSTANT_SIGNS,
  NO_TIME_INTEGRALS, /* but their expectation given dW */
  ONE_DRIFT,         /* stages at another point than x have the drift at x */
  FROZEN_TIME        /* stages at a later time have coefficients at the step's beginning */
};

/* One of the equal parts of a step, from its numbers, is added to node p by Chen's relation. */
static void append(const struct cubature *cubature, size_t p, size_t noise_dim, double part,
                   const double *z, const double *z_integral, const double *sign)
{
  size_t width = cubature->width;
  double *dw = cubature->dw + p;
  if (cubature->area != NULL)
    for (size_t k = 0; k < noise_dim; k++)
      for (size_t j = 0; j < k; j++)
        cubature->area[(k * (k - 1) / 2 + j) * width + p] +=
            *sign++ * part / 2 + sqrt(part) * (dw[j * width] * z[k] - dw[k * width] * z[j]) / 2;
  for (size_t k = 0; k < noise_dim; k++) {
    if (cubature->time_integral != NULL)
      cubature->time_integral[k * width + p] +=
          part * (dw[k * width] + sqrt(part) * (z[k] / 2 + z_integral[k] / sqrt(12)));
    dw[k * width] += sqrt(part) * z[k];
  }
}

/* A step of the scheme, in `fine` parts, with this many nodes for each normal. Areas are signs,
 * which is right to weak order 2 for true ones too. */
static struct cubature cubature_new(const struct sde_scheme *scheme,
                                    const struct sde_system *system, double dt, size_t fine,
                                    size_t nodes)
{
  unsigned needs = scheme->on[system->noise].needs;
  size_t noise_dim = system->noise_dim, pairs = sde_levy_area_count(noise_dim), normals = 0;
  bool times = needs & SDE_WIENER_TIME_INTEGRALS;
  bool areas = needs & (SDE_WIENER_WEAK_AREAS | SDE_WIENER_LEVY_AREAS);
  struct grid grid = {0};
  for (size_t i = 0; i < fine; i++) {
    add_normals(&grid, nodes, noise_dim);
    add_normals(&grid, nodes, times ? noise_dim : 0);
    add_signs(&grid, areas ? pairs : 0);
  }
  if (needs & SDE_WIENER_NORMALS) {
    normals = scheme->normals(system);
    add_normals(&grid, scheme->exact ? nodes : 2, normals);
  }
  size_t count = grid_nodes(&grid), width = sde_block_padded(count);
  struct cubature cubature = {count,
                              width,
                              sde_alloc(width, sizeof(double)),
                              sde_alloc(noise_dim, width * sizeof(double)),
                              times ? sde_alloc(noise_dim, width * sizeof(double)) : NULL,
                              areas ? sde_alloc(pairs + 1, width * sizeof(double)) : NULL,
                              normals > 0 ? sde_alloc(normals, width * sizeof(double)) : NULL};
  for (size_t p = 0; p < count; p++) {
    double numbers[AXES], *next = numbers;
    cubature.weight[p] = grid_node(&grid, p, numbers);
    for (size_t i = 0; i < fine; i++) {
      const double *z = next, *z_integral = z + noise_dim;
      const double *sign = z_integral + (times ? noise_dim : 0);
      append(&cubature, p, noise_dim, dt / (double)fine, z, z_integral, sign);
      next += (size_t)(sign - z) + (areas ? pairs : 0);
    }
    for (size_t l = 0; l < normals; l++)
      cubature.normal[l * width + p] = next[l];
  }
  return cubature;
}

static void cubature_free(struct cubature *cubature)
{
  sde_free(cubature->weight);
  sde_free(cubature->dw);
  sde_free(cubature->time_integral);
  sde_free(cubature->area);
  sde_free(cubature->normal);
}

static void damage(struct cubature *cubature, const struct sde_system *system, double dt,
                   enum defect defect)
{
  size_t size = system->noise_dim * cubature->width;
  if (defect == NO_AREAS) {
    sde_free(cubature->area);
    cubature->area = NULL;
  }
  if (defect == CONSTANT_SIGNS)
    sde_block_fill(size, 1, cubature->normal);
  if (defect == NO_TIME_INTEGRALS) {
    sde_block_fill(size, 0, cubature->time_integral);
    sde_block_add(size, dt / 2, cubature->dw, cubature->time_integral);
  }
}

/* A system whose later stages are not told where and when they are. */
struct frozen {
  const struct sde_system *system;
  enum defect defect;
  double time;
  const double *start;
};

static void frozen_evaluate(const struct sde_system *system, void *workspace,
                            const struct sde_instant *at, size_t width, const double *x,
                            const double *dw, double *drift, double *noise)
{
  const struct frozen *frozen = system->context;
  struct sde_instant then = *at;
  if (frozen->defect == FROZEN_TIME)
    then.time = frozen->time;
  frozen->system->evaluate(frozen->system, workspace, &then, width, x, dw, drift, noise);
  if (frozen->defect == ONE_DRIFT && drift != NULL)
    frozen->system->evaluate(frozen->system, workspace, &then, width, frozen->start, NULL, drift,
                             NULL);
}

/* The points x[i*width + p] where the scheme takes `start` at the nodes; NULL where it refuses. */
static double *stepped(const struct sde_scheme *scheme, const struct sde_system *system, double dt,
                       const struct cubature *cubature, const double *start, enum defect defect,
                       struct sde_status *status)
{
  size_t width = cubature->width, size = system->dim * width;
  const void *plan = scheme->plan_new == NULL ? NULL : scheme->plan_new(system, dt, status);
  if (scheme->plan_new != NULL && plan == NULL)
    return NULL;
  double *x = sde_alloc(size, sizeof *x), *origin = sde_alloc(size, sizeof *origin);
  for (size_t i = 0; i < system->dim; i++)
    sde_block_fill(width, start[i], x + i * width);
  memcpy(origin, x, size * sizeof *x);
  struct frozen frozen = {system, defect, 0, origin};
  struct sde_system changed = *system;
  if (defect == ONE_DRIFT || defect == FROZEN_TIME) {
    changed.context = &frozen;
    changed.evaluate = frozen_evaluate;
  }
  struct sde_step step = {
      .system = &changed,
      .system_workspace = sde_system_workspace_new(system, width),
      .plan = plan,
      .scratch = sde_alloc(sde_scheme_scratch(scheme, system, width), sizeof(double)),
      .dt = dt,
      .width = width,
      .increments = {cubature->dw, cubature->time_integral, cubature->area, cubature->normal}};
  scheme->step(&step, x);
  sde_system_workspace_free(system, step.system_workspace);
  sde_free(step.scratch);
  sde_free(origin);
  if (plan != NULL)
    scheme->plan_free((void *)plan);
  return x;
}

/* ---- One step: local weak errors, of order p + 1 for weak order p ---- */

static size_t schemes(void)
{
  size_t count = 0;
  while (sde_schemes()[count] != NULL)
    count++;
  return count;
}

/* All monomials up to degree 4, with exponents digits of k to base 5: of degree 2 at most in the
 * last component, as the laws of known_equations.h want it. Those that are not wanted are 0. */
enum { MONOMIALS = 125, BASE = 5 };

static double monomial(size_t dim, const double *x, size_t k)
{
  double product = 1;
  size_t degree = 0;
  for (size_t i = 0; i < dim; i++, k /= BASE) {
    size_t power = k % BASE;
    degree += power;
    product *= gsl_pow_uint(x[i], (unsigned)power);
    if (i > 0 && i + 1 == dim && power > 2)
      return 0;
  }
  return degree <= 4 && k == 0 ? product : 0;
}

/* sum += weight times each monomial of x. */
static void add_monomials(size_t dim, double weight, const double *x, double *sum)
{
  for (size_t k = 0; k < MONOMIALS; k++)
    sum[k] += weight * monomial(dim, x, k);
}

/* Their expectations at the law of x(time). */
static void law_monomials(const struct known_equation *equation, double time, double *sum)
{
  size_t noise_dim = equation->system.noise_dim;
  struct grid grid = {0};
  add_normals(&grid, 16, noise_dim);
  add_signs(&grid, 1);
  memset(sum, 0, MONOMIALS * sizeof *sum);
  for (size_t p = 0; p < grid_nodes(&grid); p++) {
    double numbers[AXES], x[KNOWN_DIM], weight = grid_node(&grid, p, numbers);
    double sign = numbers[noise_dim];
    for (size_t k = 0; k < noise_dim; k++)
      numbers[k] *= sqrt(time);
    equation->law(equation, time, numbers, sign, x);
    add_monomials(equation->system.dim, weight, x, sum);
  }
}

/* The norm over all monomials of the error of one step dt from the start. */
static double local_error(const struct sde_scheme *scheme, const struct known_equation *equation,
                          double dt, size_t fine, enum defect defect)
{
  const struct sde_system *system = &equation->system;
  size_t dim = system->dim, nodes = fine > 1 && system->noise_dim > 1 ? 6 : 10;
  struct cubature cubature = cubature_new(scheme, system, dt, fine, nodes);
  damage(&cubature, system, dt, defect);
  struct sde_status status = {0};
  double *x = stepped(scheme, system, dt, &cubature, equation->start, defect, &status);
  ck_assert_msg(x != NULL, "%s", status.message);
  double sum[MONOMIALS] = {0}, exact[MONOMIALS], square = 0;
  for (size_t p = 0; p < cubature.count; p++) {
    double here[KNOWN_DIM];
    for (size_t i = 0; i < dim; i++)
      here[i] = x[i * cubature.width + p];
    add_monomials(dim, cubature.weight[p], here, sum);
  }
  law_monomials(equation, dt, exact);
  for (size_t k = 0; k < MONOMIALS; k++)
    square += pow(sum[k] - exact[k], 2);
  sde_free(x);
  cubature_free(&cubature);
  return sqrt(square);
}

/* log2 of three errors, each at half the step of the one before, has two slopes. They are off by
 * the error's next term, in proportion to the step, and hence are extrapolated. */
static double extrapolated(const double error[3])
{
  return 2 * log2(error[1] / error[2]) - log2(error[0] / error[1]);
}

static double weak_order(const struct sde_scheme *scheme, const struct known_equation *equation,
                         size_t fine, enum defect defect)
{
  double error[3];
  for (int i = 0; i < 3; i++)
    error[i] = local_error(scheme, equation, ldexp(1, -8 - i), fine, defect);
  return extrapolated(error) - 1;
}

/* The next but one term of the error is left, of the order of the squared step, and of its root for
 * the one-sided differences of Milstein. */
static const double tolerance = 0.02;

/* NULL where the scheme refuses the equation, as it declares or as its plan says. */
static const struct sde_scheme *accepted(int i)
{
  const struct sde_scheme *scheme = sde_schemes()[i / KNOWN_EQUATIONS];
  const struct sde_system *system = &known_equations[i % KNOWN_EQUATIONS].system;
  struct sde_status status = {0};
  if (!sde_scheme_accepts(scheme, system, &status)) {
    ck_assert_double_eq(scheme->on[system->noise].strong_order, 0);
    return NULL;
  }
  if (scheme->plan_new == NULL)
    return scheme;
  void *plan = scheme->plan_new(system, 0.1, &status);
  ck_assert(plan != NULL || status.code == SDE_INVALID);
  if (plan != NULL)
    scheme->plan_free(plan);
  return plan == NULL ? NULL : scheme;
}

/* Levy's area is solved by whom it is given to. */
static bool is_given(const struct sde_scheme *scheme, const struct known_equation *equation,
                     unsigned areas)
{
  return equation == &known_equations[KNOWN_GENERAL] &&
         (scheme->on[SDE_NOISE_GENERAL].needs & areas);
}

/* Every scheme on every equation, in steps of one fine step and of two. */
START_TEST(weak_order_is_as_declared)
{
  const struct sde_scheme *scheme = accepted(_i);
  const struct known_equation *equation = &known_equations[_i % KNOWN_EQUATIONS];
  if (scheme == NULL || is_given(scheme, equation, SDE_WIENER_LEVY_AREAS))
    return;
  for (size_t fine = 1; fine <= 2 && !scheme->exact; fine++) {
    double order = weak_order(scheme, equation, fine, NO_DEFECT);
    ck_assert_msg(fabs(order - scheme->weak_order) < tolerance, "%s by %s: weak order %.3f, not %g",
                  equation->system.name, scheme->name, order, scheme->weak_order);
  }
  if (scheme->exact)
    ck_assert_double_lt(local_error(scheme, equation, 0.5, 1, NO_DEFECT), 1e-12);
}
END_TEST

/* Euler-Maruyama whose increments are 20 % too large goes to the solution of another equation. */
static void louder_step(const struct sde_step *step, double *x)
{
  struct sde_step other = *step;
  size_t size = step->system->noise_dim * step->width;
  double *louder = sde_alloc(size, sizeof *louder);
  sde_block_add(size, 1.2, step->increments.dw, louder);
  other.increments.dw = louder;
  sde_scheme_named("euler-maruyama")->step(&other, x);
  sde_free(louder);
}

START_TEST(wrong_noise_has_no_order)
{
  struct sde_scheme louder = *sde_scheme_named("euler-maruyama");
  louder.step = louder_step;
  double order = weak_order(&louder, &known_equations[_i], 1, NO_DEFECT);
  ck_assert_msg(fabs(order) < tolerance, "weak order %.3f, not 0", order);
}
END_TEST

/* ---- One step of systems whose coefficients are random polynomials in x_1, x_2 and t: the
 * expectation of phi is phi + h L phi + (h^2/2) L^2 phi + O(h^3), L being their generator ---- */

/* sum of c[a][b][c] x_1^a x_2^b t^c; degrees stay below DEGREES. */
enum { DEGREES = 10, NOISES = 3 };

struct polynomial {
  double c[DEGREES][DEGREES][DEGREES];
};

/* A polynomial of degree 2. */
static void set_random(gsl_rng *rng, struct polynomial *p)
{
  *p = (struct polynomial){0};
  for (size_t a = 0; a <= 2; a++)
    for (size_t b = 0; a + b <= 2; b++)
      for (size_t c = 0; a + b + c <= 2; c++)
        p->c[a][b][c] = gsl_ran_flat(rng, -1, 1);
}

static double value(const struct polynomial *p, double x1, double x2, double t)
{
  double sum = 0;
  for (size_t a = 0; a <= 2; a++)
    for (size_t b = 0; a + b <= 2; b++)
      for (size_t c = 0; a + b + c <= 2; c++)
        sum += p->c[a][b][c] * gsl_pow_uint(x1, (unsigned)a) * gsl_pow_uint(x2, (unsigned)b) *
               gsl_pow_uint(t, (unsigned)c);
  return sum;
}

/* sum += factor p q */
static void add_product(double factor, const struct polynomial *p, const struct polynomial *q,
                        struct polynomial *sum)
{
  for (size_t i = 0; i < DEGREES * DEGREES * DEGREES; i++) {
    size_t a = i / (DEGREES * DEGREES), b = i / DEGREES % DEGREES, c = i % DEGREES;
    if (p->c[a][b][c] == 0)
      continue;
    for (size_t d = 0; a + d < DEGREES; d++)
      for (size_t e = 0; b + e < DEGREES; e++)
        for (size_t f = 0; c + f < DEGREES; f++)
          sum->c[a + d][b + e][c + f] += factor * p->c[a][b][c] * q->c[d][e][f];
  }
}

/* By x_1, x_2 or t. */
static struct polynomial derivative(size_t by, const struct polynomial *p)
{
  struct polynomial out = {0};
  for (size_t a = 0; a < DEGREES; a++)
    for (size_t b = 0; b < DEGREES; b++)
      for (size_t c = 0; c < DEGREES; c++) {
        const size_t power[3] = {a, b, c};
        if (power[by] > 0)
          out.c[a - (by == 0)][b - (by == 1)][c - (by == 2)] = (double)power[by] * p->c[a][b][c];
      }
  return out;
}

struct polynomials {
  struct sde_system system;
  struct polynomial drift[2], column[NOISES][2];
};

static void polynomials_evaluate(const struct sde_system *system, void *workspace,
                                 const struct sde_instant *at, size_t width, const double *x,
                                 const double *dw, double *drift, double *noise)
{
  (void)workspace;
  const struct polynomials *all = system->context;
  for (size_t i = 0; i < 2; i++)
    for (size_t p = 0; p < width; p++) {
      double x1 = x[p], x2 = x[width + p], sum = 0;
      if (drift != NULL)
        drift[i * width + p] = value(&all->drift[i], x1, x2, at->time);
      for (size_t k = 0; noise != NULL && k < system->noise_dim; k++)
        sum += value(&all->column[k][i], x1, x2, at->time) * dw[k * width + p];
      if (noise != NULL)
        noise[i * width + p] = sum;
    }
}

/* Random ones of the class: commutative columns are multiples of one of them. */
static void set_polynomials(enum sde_noise_class noise, struct polynomials *all)
{
  static const size_t noises[SDE_NOISE_CLASSES] = {2, 1, 2, 2, NOISES};
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  *all = (struct polynomials){.system = {.name = "polynomials",
                                         .dim = 2,
                                         .noise_dim = noises[noise],
                                         .noise = noise,
                                         .context = all,
                                         .evaluate = polynomials_evaluate}};
  for (size_t i = 0; i < 2; i++) {
    set_random(rng, &all->drift[i]);
    for (size_t k = 0; k < noises[noise]; k++)
      set_random(rng, &all->column[k][i]);
    if (noise == SDE_NOISE_COMMUTATIVE) {
      all->column[1][i] = (struct polynomial){0};
      add_product(-0.7, &(struct polynomial){{{{1}}}}, &all->column[0][i], &all->column[1][i]);
    }
  }
  for (size_t i = 0; i < 2; i++)
    for (size_t k = 0; k < noises[noise]; k++)
      for (size_t a = 0; a <= 2; a++)
        for (size_t b = 0; b <= 2; b++)
          for (size_t c = 0; c <= 2; c++)
            if ((noise == SDE_NOISE_ADDITIVE && a + b > 0) ||
                (noise == SDE_NOISE_DIAGONAL && (i != k || (i == 0 ? b : a) > 0)))
              all->column[k][i].c[a][b][c] = 0;
  gsl_rng_free(rng);
}

/* phi_t + sum_i a_i phi_i + (1/2) sum_ij (B B^T)_ij phi_ij */
static struct polynomial generated(const struct polynomials *all, const struct polynomial *phi)
{
  struct polynomial out = derivative(2, phi);
  for (size_t i = 0; i < 2; i++) {
    struct polynomial slope = derivative(i, phi);
    add_product(1, &all->drift[i], &slope, &out);
    for (size_t j = 0; j < 2; j++) {
      struct polynomial second = derivative(j, &slope), covariance = {0};
      for (size_t k = 0; k < all->system.noise_dim; k++)
        add_product(0.5, &all->column[k][i], &all->column[k][j], &covariance);
      add_product(1, &covariance, &second, &out);
    }
  }
  return out;
}

/* The scheme's expectation of phi after a step from 0, less that of the expansion. */
static double expansion_error(const struct sde_scheme *scheme, const struct polynomials *all,
                              double dt, enum defect defect)
{
  const double start[2] = {0, 0};
  struct cubature cubature = cubature_new(scheme, &all->system, dt, 1, 4);
  damage(&cubature, &all->system, dt, defect);
  struct sde_status status = {0};
  double *x = stepped(scheme, &all->system, dt, &cubature, start, defect, &status), square = 0;
  ck_assert_msg(x != NULL, "%s", status.message);
  for (size_t a = 0; a <= 3; a++)
    for (size_t b = a == 0 ? 1 : 0; a + b <= 3; b++) {
      struct polynomial phi = {0};
      phi.c[a][b][0] = 1;
      struct polynomial first = generated(all, &phi), second = generated(all, &first);
      double sum = -dt * first.c[0][0][0] - dt * dt / 2 * second.c[0][0][0];
      for (size_t p = 0; p < cubature.count; p++)
        sum += cubature.weight[p] * gsl_pow_uint(x[p], (unsigned)a) *
               gsl_pow_uint(x[cubature.width + p], (unsigned)b);
      square += sum * sum;
    }
  sde_free(x);
  cubature_free(&cubature);
  return sqrt(square);
}

static double expansion_order(const struct sde_scheme *scheme, const struct polynomials *all,
                              enum defect defect)
{
  double error[3];
  for (int i = 0; i < 3; i++)
    error[i] = expansion_error(scheme, all, ldexp(1, -8 - i), defect);
  return extrapolated(error) - 1;
}

/* Every scheme on every class: the expansion is good enough to tell orders 1 and 2. */
START_TEST(weak_order_is_that_of_the_expansion)
{
  const struct sde_scheme *scheme = sde_schemes()[_i / SDE_NOISE_CLASSES];
  enum sde_noise_class noise = (enum sde_noise_class)(_i % SDE_NOISE_CLASSES);
  if (scheme->exact || scheme->on[noise].strong_order == 0)
    return;
  struct polynomials *all = sde_alloc(1, sizeof *all);
  set_polynomials(noise, all);
  double order = expansion_order(scheme, all, NO_DEFECT);
  ck_assert_msg(fabs(order - scheme->weak_order) < tolerance, "%s noise by %s: weak order %.3f",
                sde_noise_class_name(noise), scheme->name, order);
  sde_free(all);
}
END_TEST

/* Whatever is left out of a scheme of order 2 leaves it with order 1, where it matters. */
START_TEST(what_is_left_out_costs_the_order)
{
  static const struct {
    const char *scheme;
    enum defect defect;
    enum sde_noise_class first, last;
  } twins[] = {
      {"weak-second-order", NO_AREAS, SDE_NOISE_GENERAL, SDE_NOISE_GENERAL},
      {"weak-second-order", CONSTANT_SIGNS, SDE_NOISE_COMMUTATIVE, SDE_NOISE_GENERAL},
      {"weak-second-order", ONE_DRIFT, SDE_NOISE_ADDITIVE, SDE_NOISE_GENERAL},
      {"weak-second-order", FROZEN_TIME, SDE_NOISE_ADDITIVE, SDE_NOISE_GENERAL},
      {"sra1", NO_TIME_INTEGRALS, SDE_NOISE_ADDITIVE, SDE_NOISE_ADDITIVE},
      {"sra1", ONE_DRIFT, SDE_NOISE_ADDITIVE, SDE_NOISE_ADDITIVE},
      {"sra1", FROZEN_TIME, SDE_NOISE_ADDITIVE, SDE_NOISE_ADDITIVE},
  };
  struct polynomials *all = sde_alloc(1, sizeof *all);
  for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
    for (int noise = (int)twins[i].first; noise <= (int)twins[i].last; noise++) {
      set_polynomials((enum sde_noise_class)noise, all);
      double order = expansion_order(sde_scheme_named(twins[i].scheme), all, twins[i].defect);
      ck_assert_msg(order < 1.1, "%s with defect %d on %s noise has weak order %.3f",
                    twins[i].scheme, (int)twins[i].defect,
                    sde_noise_class_name((enum sde_noise_class)noise), order);
    }
  sde_free(all);
}
END_TEST

/* ---- Many steps of affine systems: a step is x -> A x + c with random A and c, which is a linear
 * map of E z z^T, z = (x, 1) ---- */

enum { Z = KNOWN_DIM, ENTRIES = Z * Z };

/* E z z^T, entry (i, j) at i*size + j, becomes matrix times itself. */
struct moment_map {
  size_t size; /* of z */
  double matrix[ENTRIES][ENTRIES];
};

/* The images of 0 and of the unit vectors at the nodes give A and c of each of them. */
static struct moment_map *moment_map_new(const struct sde_scheme *scheme,
                                         const struct sde_system *system, double dt)
{
  size_t dim = system->dim, size = dim + 1;
  struct cubature cubature = cubature_new(scheme, system, dt, 1, 3);
  struct moment_map *map = sde_alloc(1, sizeof *map);
  double *image[Z], start[Z] = {0};
  for (size_t j = 0; j <= dim; j++) {
    struct sde_status status = {0};
    memset(start, 0, sizeof start);
    if (j < dim)
      start[j] = 1;
    image[j] = stepped(scheme, system, dt, &cubature, start, NO_DEFECT, &status);
    ck_assert_msg(image[j] != NULL, "%s", status.message);
  }
  map->size = size;
  for (size_t p = 0; p < cubature.count; p++) {
    double m[Z][Z] = {{0}};
    for (size_t i = 0; i < dim; i++) {
      m[i][dim] = image[dim][i * cubature.width + p];
      for (size_t j = 0; j < dim; j++)
        m[i][j] = image[j][i * cubature.width + p] - m[i][dim];
    }
    m[dim][dim] = 1;
    for (size_t row = 0; row < size * size; row++)
      for (size_t column = 0; column < size * size; column++)
        map->matrix[row][column] +=
            cubature.weight[p] * m[row / size][column / size] * m[row % size][column % size];
  }
  for (size_t j = 0; j <= dim; j++)
    sde_free(image[j]);
  cubature_free(&cubature);
  return map;
}

static void set_point(const double *start, size_t size, double *moments)
{
  for (size_t i = 0; i < size; i++)
    for (size_t j = 0; j < size; j++)
      moments[i * size + j] = (i + 1 < size ? start[i] : 1) * (j + 1 < size ? start[j] : 1);
}

static void advance_moments(const struct moment_map *map, size_t steps, double *moments)
{
  size_t entries = map->size * map->size;
  for (size_t s = 0; s < steps; s++) {
    double before[ENTRIES];
    memcpy(before, moments, entries * sizeof *before);
    for (size_t row = 0; row < entries; row++) {
      moments[row] = 0;
      for (size_t column = 0; column < entries; column++)
        moments[row] += map->matrix[row][column] * before[column];
    }
  }
}

static double difference(size_t count, const double *a, const double *b)
{
  double square = 0;
  for (size_t i = 0; i < count; i++)
    square += pow(a[i] - b[i], 2);
  return sqrt(square);
}

/* E z z^T of the law at the equation's time. */
static void law_moments(const struct known_equation *equation, double *moments)
{
  size_t dim = equation->system.dim, noise_dim = equation->system.noise_dim;
  struct grid grid = {0};
  add_normals(&grid, 24, noise_dim);
  add_signs(&grid, 1);
  memset(moments, 0, ENTRIES * sizeof *moments);
  for (size_t p = 0; p < grid_nodes(&grid); p++) {
    double numbers[AXES], x[Z], weight = grid_node(&grid, p, numbers), sign = numbers[noise_dim];
    for (size_t k = 0; k < noise_dim; k++)
      numbers[k] *= sqrt(equation->time);
    equation->law(equation, equation->time, numbers, sign, x);
    double here[ENTRIES];
    set_point(x, dim + 1, here);
    for (size_t e = 0; e < (dim + 1) * (dim + 1); e++)
      moments[e] += weight * here[e];
  }
}

static double global_error(const struct sde_scheme *scheme, const struct known_equation *equation,
                           size_t steps)
{
  size_t size = equation->system.dim + 1;
  double moments[ENTRIES], exact[ENTRIES];
  struct moment_map *map =
      moment_map_new(scheme, &equation->system, equation->time / (double)steps);
  set_point(equation->start, size, moments);
  advance_moments(map, steps, moments);
  law_moments(equation, exact);
  sde_free(map);
  return difference(size * size, moments, exact);
}

/* Every scheme on every affine equation. */
START_TEST(moments_have_the_declared_order)
{
  const struct sde_scheme *scheme = accepted(_i);
  const struct known_equation *equation = &known_equations[_i % KNOWN_EQUATIONS];
  if (scheme == NULL || !equation->affine)
    return;
  if (scheme->exact || is_given(scheme, equation, SDE_WIENER_LEVY_AREAS | SDE_WIENER_WEAK_AREAS)) {
    ck_assert_double_lt(global_error(scheme, equation, 3), 1e-13);
    return;
  }
  double error[3];
  for (int i = 0; i < 3; i++)
    error[i] = global_error(scheme, equation, (size_t)128 << i);
  double order = extrapolated(error);
  ck_assert_msg(fabs(order - scheme->weak_order) < tolerance, "%s by %s: weak order %.3f, not %g",
                equation->system.name, scheme->name, order, scheme->weak_order);
}
END_TEST

/* ---- The second-order SDE of m-usam on the golden case, with a column for each sample ---- */

struct golden_case {
  struct models_setup setup;
  struct limit *limit;
  struct sde_linear_direction *direction;
  const struct sde_system *system;
  size_t steps; /* of the learning rate, to golden_time */
};

/* In place: the limit points to the optimizer. */
static void golden_case_make(struct golden_case *golden, size_t steps)
{
  golden->steps = steps;
  golden->setup = models_setup_new(models_golden.loss, "sampling=with-replacement", "m-usam",
                                   golden_rho, GOLDEN_BATCH, 1);
  golden->setup.optimizer.eta = golden_time / (double)steps;
  golden->limit =
      models_limit(&golden->setup.optimizer,
                   (struct limit_options){2, LIMIT_RHO_ORDER_EXACT, true, LIMIT_FACTOR_COLUMNS,
                                          LIMIT_NORM_AUTO, 0, LIMIT_COVARIANCE_AUTO});
  golden->direction = limit_direction_new(golden->limit, NULL);
  golden->system = limit_system(golden->limit);
  ck_assert_uint_eq(golden->system->noise_dim, GOLDEN_SAMPLES);
  ck_assert_int_eq(golden->system->noise, SDE_NOISE_GENERAL);
}

static void golden_case_free(struct golden_case *golden)
{
  limit_direction_free(golden->direction);
  limit_free(golden->limit);
  models_setup_free(&golden->setup);
}

/* E z z^T at golden_time by a map of sde/linear. */
static void linear_moments(const struct golden_case *golden, struct sde_linear_map *map,
                           double *moments)
{
  double packed[6];
  ck_assert_ptr_nonnull(map);
  sde_linear_point(2, golden_start, packed);
  sde_linear_advance(map, golden->steps, packed);
  sde_linear_map_free(map);
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 3; j++)
      moments[i * 3 + j] = packed[i > j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i];
}

static void golden_moments(const struct golden_case *golden, const char *scheme, size_t substeps,
                           double *moments)
{
  double dt = golden->setup.optimizer.eta / (double)substeps;
  struct moment_map *map = moment_map_new(sde_scheme_named(scheme), golden->system, dt);
  set_point(golden_start, 3, moments);
  advance_moments(map, golden->steps * substeps, moments);
  sde_free(map);
}

/* Euler-Maruyama's moments are those that sde/linear has for it, which shows that the cubature is
 * right; the others' go to those of the SDE with their orders. */
START_TEST(golden_moments_have_the_declared_order)
{
  static const char *const names[] = {"euler-maruyama", "weak-second-order"};
  struct golden_case golden;
  golden_case_make(&golden, 20);
  double eta = golden.setup.optimizer.eta, moments[9], exact[9], error[3];
  struct sde_status status = {0};
  linear_moments(&golden, sde_linear_euler_new(golden.direction, eta, 2, 3, "", &status), exact);
  golden_moments(&golden, "euler-maruyama", 3, moments);
  ck_assert_double_lt(difference(9, moments, exact), 1e-12);
  linear_moments(&golden, sde_linear_sde_new(golden.direction, eta, 2, "", &status), exact);
  for (size_t s = 0; s < sizeof names / sizeof *names; s++) {
    for (size_t i = 0; i < 3; i++) {
      golden_moments(&golden, names[s], (size_t)8 << i, moments);
      error[i] = difference(9, moments, exact);
    }
    ck_assert_double_lt(fabs(extrapolated(error) - sde_scheme_named(names[s])->weak_order),
                        tolerance);
  }
  golden_case_free(&golden);
}
END_TEST

/* At eta = 0.01 and one step a learning-rate step, the second-order scheme misses the exact moments
 * by a fifth at most of what Euler-Maruyama misses them by at 8 substeps (1.3e-5 against
 * 4.2e-4). */
START_TEST(golden_moments_are_better_than_those_of_eight_substeps)
{
  struct golden_case golden;
  golden_case_make(&golden, 200);
  double moments[9], exact[9];
  struct sde_status status = {0};
  linear_moments(&golden,
                 sde_linear_sde_new(golden.direction, golden.setup.optimizer.eta, 2, "", &status),
                 exact);
  golden_moments(&golden, "euler-maruyama", 8, moments);
  double by_euler = difference(9, moments, exact);
  golden_moments(&golden, "weak-second-order", 1, moments);
  double by_second_order = difference(9, moments, exact);
  ck_assert_msg(by_second_order <= by_euler / 5, "%g and %g", by_second_order, by_euler);
  golden_case_free(&golden);
}
END_TEST

/* ---- Processes: many paths of some steps, each made of some fine ones ---- */

/* The entries (i, j) of z z^T, j <= i, without the last, which is 1. */
static void second_moments(const void *context, void *workspace, size_t width, const double *x,
                           double *out)
{
  (void)workspace;
  const size_t dim = *(const size_t *)context;
  for (size_t i = 0; i <= dim; i++)
    for (size_t j = 0; j <= i && j < dim; j++, out += width)
      for (size_t p = 0; p < width; p++)
        out[p] = x[j * width + p] * (i < dim ? x[i * width + p] : 1);
}

/* Two steps of 1, in which schemes differ by more than 7 standard errors of this many paths. */
enum { SUBSTEPS = 2, FINE = 3, PATHS = 200000 };
static const double long_time = 2;

static struct sde_ensemble_result sampled(const struct sde_scheme *scheme,
                                          const struct known_equation *equation)
{
  const struct sde_system *system = &equation->system;
  char *name = sde_format("moments of %s by %s", system->name, scheme->name);
  struct sde_solution solution = {.system = system,
                                  .scheme = scheme,
                                  .stream = sde_stream_named(4, name),
                                  .eta = long_time,
                                  .substeps = SUBSTEPS,
                                  .resolution = SUBSTEPS * FINE};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  ck_assert_msg(process != NULL, "%s", status.message);
  struct sde_ensemble ensemble = {.paths = PATHS,
                                  .dim = system->dim,
                                  .start = equation->start,
                                  .records = 1,
                                  .record_steps = &(uint64_t){1},
                                  .processes = 1,
                                  .process = &(const struct sde_process *){process},
                                  .observables = {(system->dim + 1) * (system->dim + 2) / 2 - 1,
                                                  &system->dim, NULL, NULL, second_moments},
                                  .bound = 1e12,
                                  .threads = 1};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert_uint_eq(result.diverged[0], 0);
  sde_solution_process_free(process);
  sde_free(name);
  return result;
}

/* Compares with the scheme's moments. */
static void add_comparisons(struct testing_family *family, const struct sde_scheme *scheme,
                            const struct known_equation *equation,
                            const struct sde_ensemble_result *sample)
{
  size_t dim = equation->system.dim, size = dim + 1, observable = 0;
  double moments[ENTRIES];
  struct moment_map *map = moment_map_new(scheme, &equation->system, long_time / SUBSTEPS);
  set_point(equation->start, size, moments);
  advance_moments(map, SUBSTEPS, moments);
  for (size_t i = 0; i <= dim; i++)
    for (size_t j = 0; j <= i && j < dim; j++)
      testing_add_mean(family, sample->moments[observable++], moments[i * size + j],
                       equation->system.name);
  sde_free(map);
}

/* Every scheme on every affine equation. The twin has another scheme's moments, where they are
 * other ones. */
START_TEST(processes_have_the_moments_of_their_scheme)
{
  const struct sde_scheme *scheme = accepted(_i);
  const struct known_equation *equation = &known_equations[_i % KNOWN_EQUATIONS];
  if (scheme == NULL || !equation->affine)
    return;
  struct testing_family family = {0}, exchanged = {0};
  struct sde_ensemble_result sample = sampled(scheme, equation);
  add_comparisons(&family, scheme, equation, &sample);
  testing_assert_agrees(&family);
  bool is_euler = strcmp(scheme->name, "euler-maruyama") == 0;
  const struct sde_scheme *other = sde_scheme_named(is_euler ? "milstein" : "euler-maruyama");
  add_comparisons(&exchanged, other, equation, &sample);
  bool additive = equation->system.noise == SDE_NOISE_ADDITIVE;
  if (!additive || scheme->weak_order > 1)
    testing_assert_notices(&exchanged);
  sde_ensemble_result_free(&sample);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("weak order");
  TCase *local = testing_case(suite, "local");
  tcase_add_loop_test(local, weak_order_is_as_declared, 0, (int)(schemes() * KNOWN_EQUATIONS));
  tcase_add_loop_test(local, wrong_noise_has_no_order, 0, KNOWN_EQUATIONS);
  tcase_add_loop_test(local, weak_order_is_that_of_the_expansion, 0,
                      (int)(schemes() * SDE_NOISE_CLASSES));
  tcase_add_test(local, what_is_left_out_costs_the_order);
  TCase *global = testing_case(suite, "global");
  tcase_add_loop_test(global, moments_have_the_declared_order, 0,
                      (int)(schemes() * KNOWN_EQUATIONS));
  tcase_add_test(global, golden_moments_have_the_declared_order);
  tcase_add_test(global, golden_moments_are_better_than_those_of_eight_substeps);
  TCase *processes = testing_case(suite, "processes");
  tcase_add_loop_test(processes, processes_have_the_moments_of_their_scheme, 0,
                      (int)(schemes() * KNOWN_EQUATIONS));
  return testing_run(suite);
}
