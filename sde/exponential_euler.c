/*
 * Exponential Euler: exact in law for dX = (c - A X) dt + S dW with constant A, c and S, however
 * stiff. X' = e^(-Ah) X + int e^(-Au) c du + C, where C = int e^(-A(h-s)) S dW(s) is a regression
 * on the step's dW and int W ds, and a normal rest that is independent of both.
 *
 * Exactness: D. T. Gillespie, Phys. Rev. E 54, 1996. In Legendre polynomials phi_n of the time to
 * go, orthonormal on [0, h], C = sum_n U_n S xi_n, with U_n = int e^(-Au) phi_n(u) du and
 * independent standard normals xi_n (J. Foster, T. Lyons, H. Oberhauser, SIAM J. Numer. Anal. 58,
 * 2020): dW and int W ds are xi_0 and xi_1, the rest is all others. U_n is a power series where Ah
 * is small; a longer step is two halves, again and again. The rest's covariance is only ever kept
 * as a factor, so nothing is subtracted, and no e^(+Ah) appears.
 */
#include "sde/affine_law.h"
#include "sde/block.h"
#include "sde/scheme.h"
#include "sde/vector_math.h"

#include <math.h>
#include <string.h>

/* x'_i = kept_i x_i + constant_i + row i of the matrix times (x, dW, time integrals, normals). */
struct plan {
  size_t columns;
  double *kept, *constant, *matrix;
};

static void plan_free(void *memory)
{
  struct plan *plan = memory;
  sde_free(plan->kept);
  sde_free(plan->constant);
  sde_free(plan->matrix);
  sde_free(plan);
}

/* Row i of the matrix but for its columns of dW and the time integrals. A row keeps its x_i where
 * little of it decays: then the step adds what is small, with all of its digits. */
static void set_state_row(const struct sde_affine_law *law, size_t i, double dt, struct plan *plan)
{
  size_t dim = law->dim;
  double *row = plan->matrix + i * plan->columns, *normals = row + plan->columns - dim;
  for (size_t j = 0; j < dim; j++) {
    row[j] = (double)law->decay[i * dim + j];
    normals[j] = (double)(sqrtl((sde_wide)dt) * law->rest[i * dim + j]);
  }
  plan->kept[i] = row[i] > -0.5 ? 1 : 0;
  if (plan->kept[i] == 0)
    row[i] = (double)(1 + law->decay[i * dim + i]);
}

/* With xi_0 = dW / sqrt(h) and xi_1 = sqrt(12 / h^3) (I - h dW / 2), which is what phi_0 and phi_1
 * integrate to, C - sqrt(h) rest zeta = (u0 - sqrt(3) u1) S dW + (2 sqrt(3) / h) u1 S I. */
static struct plan *plan_of(const struct sde_affine_law *law,
                            const struct sde_affine_equation *equation, double dt)
{
  size_t dim = equation->dim, noise_dim = equation->noise_dim;
  struct plan *plan = sde_alloc(1, sizeof *plan);
  plan->columns = 2 * dim + 2 * noise_dim;
  plan->kept = sde_alloc(dim, sizeof(double));
  plan->constant = sde_alloc(dim, sizeof(double));
  plan->matrix = sde_alloc(dim, plan->columns * sizeof(double));
  sde_wide *constant = sde_wide_product(dim, dim, 1, law->u0, equation->constant);
  sde_wide *u0 = sde_wide_product(dim, dim, noise_dim, law->u0, equation->s);
  sde_wide *u1 = sde_wide_product(dim, dim, noise_dim, law->u1, equation->s);
  for (size_t i = 0; i < dim; i++) {
    set_state_row(law, i, dt, plan);
    plan->constant[i] = (double)((sde_wide)dt * constant[i]);
    double *dw = plan->matrix + i * plan->columns + dim, *integral = dw + noise_dim;
    for (size_t k = 0; k < noise_dim; k++) {
      sde_wide tilt = sqrtl(3) * u1[i * noise_dim + k];
      dw[k] = (double)(u0[i * noise_dim + k] - tilt);
      integral[k] = (double)(2 * tilt / (sde_wide)dt);
    }
  }
  sde_free(constant);
  sde_free(u0);
  sde_free(u1);
  return plan;
}

static bool is_finite(const struct plan *plan, size_t dim)
{
  bool finite = true;
  for (size_t i = 0; i < dim; i++)
    finite = finite && isfinite(plan->constant[i]);
  for (size_t k = 0; k < dim * plan->columns; k++)
    finite = finite && isfinite(plan->matrix[k]);
  return finite;
}

static void *plan_new(const struct sde_system *system, double dt, struct sde_status *status)
{
  struct sde_affine_equation equation;
  struct plan *plan = NULL;
  if (sde_affine_equation_learn(system, &equation, status)) {
    struct sde_affine_law law = sde_affine_law_new(&equation, dt);
    plan = plan_of(&law, &equation, dt);
    sde_affine_law_free(&law);
  }
  if (plan != NULL && !is_finite(plan, system->dim)) {
    sde_fail(status, SDE_INVALID,
             "scheme exponential-euler: in a step of %g the solution of %s grows out of the range "
             "of double precision; a shorter step is accepted",
             dt, system->name);
    plan_free(plan);
    plan = NULL;
  }
  sde_affine_equation_free(&equation);
  return plan;
}

static size_t normals(const struct sde_system *system)
{
  return system->dim;
}

/* x = kept x + change */
SDE_VECTOR
static void advance(size_t dim, size_t width, const double *restrict kept,
                    const double *restrict change, double *restrict x)
{
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++)
      x[i * width + p] = kept[i] * x[i * width + p] + change[i * width + p];
}

static void step(const struct sde_step *step, double *x)
{
  const struct plan *plan = step->plan;
  size_t dim = step->system->dim, width = step->width;
  size_t size = dim * width, noise_size = step->system->noise_dim * width;
  double *change = step->scratch, *input = change + size, *dw = input + size;
  double *time_integral = dw + noise_size, *normal = time_integral + noise_size;
  memcpy(input, x, size * sizeof *x);
  memcpy(dw, step->increments.dw, noise_size * sizeof *x);
  memcpy(time_integral, step->increments.time_integral, noise_size * sizeof *x);
  memcpy(normal, step->increments.normal, size * sizeof *x);
  sde_vector_math()->affine(dim, plan->columns, plan->matrix, plan->constant, width, input, change);
  advance(dim, width, plan->kept, change, x);
}

extern const struct sde_scheme sde_exponential_euler;
const struct sde_scheme sde_exponential_euler = {
    .name = "exponential-euler",
    .title = "Exponential Euler, exact for a drift affine in x",
    .reference = "Gillespie 1996; Foster, Lyons and Oberhauser 2020",
    .weak_order = INFINITY,
    .on = {[SDE_NOISE_ADDITIVE] = {.strong_order = INFINITY,
                                   .needs = SDE_WIENER_TIME_INTEGRALS | SDE_WIENER_NORMALS}},
    .exact = true,
    .state_vectors = 3,
    .noise_vectors = 2,
    .plan_new = plan_new,
    .plan_free = plan_free,
    .normals = normals,
    .step = step,
};
