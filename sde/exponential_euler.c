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
#include "sde/block.h"
#include "sde/random.h"
#include "sde/scheme.h"
#include "sde/vector_math.h"

#include <math.h>
#include <string.h>

/* Wider than double where the machine has it: of a stiff A the slow part is a small difference of
 * large entries, and doubling multiplies its errors. */
typedef long double real;

/* ---- The equation, learned from its system ---- */

/* drift = constant + slope x, noise = s dw; row-major. */
struct equation {
  size_t dim, noise_dim;
  real *slope, *constant, *s;
};

/* A system and a unit of points. */
struct probe {
  const struct sde_system *system;
  void *workspace;
  double *x, *dw, *drift, *noise;
};

static real *matrix_new(size_t rows, size_t columns)
{
  return sde_alloc(rows, columns * sizeof(real));
}

static struct equation equation_new(const struct sde_system *system)
{
  size_t dim = system->dim, noise_dim = system->noise_dim;
  return (struct equation){dim, noise_dim, matrix_new(dim, dim), matrix_new(dim, 1),
                           matrix_new(dim, noise_dim)};
}

static void equation_free(struct equation *equation)
{
  sde_free(equation->slope);
  sde_free(equation->constant);
  sde_free(equation->s);
}

static struct probe probe_new(const struct sde_system *system)
{
  size_t state = system->dim * SDE_UNIT, noise = system->noise_dim * SDE_UNIT;
  return (struct probe){.system = system,
                        .workspace = sde_system_workspace_new(system, SDE_UNIT),
                        .x = sde_alloc(state, sizeof(double)),
                        .dw = sde_alloc(noise, sizeof(double)),
                        .drift = sde_alloc(state, sizeof(double)),
                        .noise = sde_alloc(state, sizeof(double))};
}

static void probe_free(struct probe *probe)
{
  sde_system_workspace_free(probe->system, probe->workspace);
  sde_free(probe->x);
  sde_free(probe->dw);
  sde_free(probe->drift);
  sde_free(probe->noise);
}

static void evaluate(const struct probe *probe, const struct sde_instant *at)
{
  probe->system->evaluate(probe->system, probe->workspace, at, SDE_UNIT, probe->x, probe->dw,
                          probe->drift, probe->noise);
}

/* The start, and instants at other times, in other steps, on other paths. */
static const struct sde_instant instants[] = {
    {0, 0, 0}, {0.7310586, 4096, 117}, {61.803399, 1 << 20, 9001}, {47123.89, 1 << 24, 1 << 20}};
enum { INSTANTS = sizeof instants / sizeof *instants };

/* matrix = what output gains from units of `size` in each row of input, which is zero before and
 * after. */
static void learn_columns(const struct probe *probe, size_t columns, double size, double *input,
                          const double *output, const real *constant, real *matrix)
{
  for (size_t first = 0; first < columns; first += SDE_UNIT) {
    size_t count = columns - first < SDE_UNIT ? columns - first : SDE_UNIT;
    for (size_t p = 0; p < count; p++)
      input[(first + p) * SDE_UNIT + p] = size;
    evaluate(probe, &instants[0]);
    for (size_t i = 0; i < probe->system->dim; i++)
      for (size_t p = 0; p < count; p++)
        matrix[i * columns + first + p] =
            (output[i * SDE_UNIT + p] - (constant == NULL ? 0 : constant[i])) / size;
    for (size_t p = 0; p < count; p++)
      input[(first + p) * SDE_UNIT + p] = 0;
  }
}

/* Points so far out that the constant does not round the slope, and a power of two. */
static void learn(const struct probe *probe, struct equation *equation)
{
  const double far = 0x1p60;
  evaluate(probe, &instants[0]);
  for (size_t i = 0; i < equation->dim; i++)
    equation->constant[i] = probe->drift[i * SDE_UNIT];
  learn_columns(probe, equation->dim, far, probe->x, probe->drift, equation->constant,
                equation->slope);
  learn_columns(probe, equation->noise_dim, 1, probe->dw, probe->noise, NULL, equation->s);
}

/* ---- Is that the equation? ---- */

/* Normals times 2^-10, 2^-5, .., 2^10, which is about 1e-3 to 1e3, path by path. */
static void scatter(uint64_t step, size_t lanes, double *out)
{
  struct sde_address at = {sde_stream_named(0, "exponential euler"), 0, step};
  sde_random_normals(&at, SDE_UNIT, lanes, out);
  for (size_t k = 0; k < lanes * SDE_UNIT; k++)
    out[k] = ldexp(out[k], 5 * (int)(k % SDE_UNIT % 5) - 10);
}

/* Row i of constant + matrix input at point p, and the sum of the sizes of its terms. */
static real row_at(size_t i, size_t p, size_t columns, const real *matrix, const real *constant,
                   const double *input, real *size)
{
  real sum = constant == NULL ? 0 : constant[i];
  *size = fabsl(sum);
  for (size_t j = 0; j < columns; j++) {
    real term = matrix[i * columns + j] * input[j * SDE_UNIT + p];
    sum += term;
    *size += fabsl(term);
  }
  return sum;
}

/* Is output = constant + matrix input at all points? A row may be off by 1e-11 of its own size,
 * which leaves a system room to sum over many samples and is less than the scheme promises, and by
 * the rounding of the largest row, which a system may have computed it from. */
static bool is_affine(size_t rows, size_t columns, const real *matrix, const real *constant,
                      const double *input, const double *output)
{
  for (size_t p = 0; p < SDE_UNIT; p++) {
    real size, largest = 0;
    for (size_t i = 0; i < rows; i++) {
      row_at(i, p, columns, matrix, constant, input, &size);
      largest = fmaxl(largest, size);
    }
    for (size_t i = 0; i < rows; i++) {
      real value = row_at(i, p, columns, matrix, constant, input, &size);
      if (!(fabsl(output[i * SDE_UNIT + p] - value) <= 1e-11L * size + 1e-14L * largest))
        return false;
    }
  }
  return true;
}

static bool refuse(const struct sde_system *system, const char *finding, struct sde_status *status)
{
  return sde_fail(
      status, SDE_INVALID,
      "scheme exponential-euler is exact where the drift is affine in x, the noise does "
      "not depend on x and neither depends on time, and for nothing else; %s: %s; take "
      "euler-maruyama or milstein",
      system->name, finding);
}

static bool holds(const struct probe *probe, const struct equation *equation,
                  struct sde_status *status)
{
  const struct sde_system *system = probe->system;
  size_t dim = equation->dim, noise_dim = equation->noise_dim;
  scatter(0, dim, probe->x);
  scatter(1, noise_dim, probe->dw);
  for (size_t t = 0; t < INSTANTS; t++) {
    evaluate(probe, &instants[t]);
    if (!is_affine(dim, dim, equation->slope, equation->constant, probe->x, probe->drift))
      return refuse(system,
                    t == 0 ? "the drift is not affine in x" : "the drift depends on the time",
                    status);
    if (system->noise != SDE_NOISE_ADDITIVE ||
        !is_affine(dim, noise_dim, equation->s, NULL, probe->dw, probe->noise))
      return refuse(system, t == 0 ? "the noise depends on x" : "the noise depends on the time",
                    status);
  }
  return true;
}

/* ---- The law of a step ---- */

/* All matrices are dim x dim, the root dim x roots. Multiplied by sqrt(h) S, u0 and u1 are the
 * coefficients of xi_0 and xi_1 in C, and sqrt(h) rest is a lower triangular factor of the rest's
 * covariance. The root has S S^T = root root^T and no more columns than dim. */
struct law {
  size_t dim, roots;
  real *root;
  real *decay; /* e^(-Ah) - 1, which keeps the digits of what hardly decays */
  real *u0, *u1, *rest;
};

/* a b, of rows x inner and inner x columns. */
static real *product_new(size_t rows, size_t inner, size_t columns, const real *a, const real *b)
{
  real *out = matrix_new(rows, columns);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < inner; j++) {
      real entry = a[i * inner + j];
      if (entry != 0)
        for (size_t k = 0; k < columns; k++)
          out[i * columns + k] += entry * b[j * columns + k];
    }
  return out;
}

/* The columns from `first` on of out, which has `wide` columns, += factor matrix. */
static void add_columns(size_t rows, size_t columns, real factor, const real *matrix, size_t wide,
                        size_t first, real *out)
{
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < columns; k++)
      out[i * wide + first + k] += factor * matrix[i * columns + k];
}

static void add(size_t dim, real factor, const real *matrix, real *out)
{
  add_columns(dim, dim, factor, matrix, dim, 0, out);
}

static real dot(size_t count, const real *a, const real *b)
{
  real sum = 0;
  for (size_t k = 0; k < count; k++)
    sum += a[k] * b[k];
  return sum;
}

/* F becomes a lower triangle, F F^T stays: Householder reflections of the columns. */
static void triangulate(size_t rows, size_t columns, real *f)
{
  for (size_t i = 0; i < rows && i < columns; i++) {
    real *v = f + i * columns + i;
    size_t count = columns - i;
    real norm = sqrtl(dot(count, v, v));
    if (norm == 0)
      continue;
    real diagonal = v[0] > 0 ? -norm : norm;
    v[0] -= diagonal;
    for (size_t r = i + 1; r < rows; r++) {
      real *row = f + r * columns + i, factor = dot(count, v, row) / (diagonal * v[0]);
      for (size_t k = 0; k < count; k++)
        row[k] += factor * v[k];
    }
    memset(v, 0, count * sizeof *v);
    v[0] = diagonal;
  }
}

/* triangle = the lower triangle of a factor, which is overwritten; both have dim rows. Its columns'
 * signs are free: the diagonal is made positive, as Cholesky's is. */
static void set_triangle(size_t dim, size_t columns, real *factor, real *triangle)
{
  triangulate(dim, columns, factor);
  memset(triangle, 0, dim * dim * sizeof *triangle);
  for (size_t i = 0; i < dim; i++)
    for (size_t k = 0; k < columns && k <= i; k++)
      triangle[i * dim + k] =
          factor[k * columns + k] < 0 ? -factor[i * columns + k] : factor[i * columns + k];
}

/* At norm(Ah) <= 1/2 the terms left out are below 1e-22. */
enum { TERMS = 18 };

/* U_n / sqrt(h) = sqrt(2n+1) sum_j w(j,n) (-Ah)^j / (j+1)!, where the integrals of v^j P_n(2v-1)
 * over [0, 1] make w(j,n) = j! (j+1)! / ((j-n)! (j+n+1)!). minus_z is -Ah. */
static void set_short(struct law *law, const real *minus_z)
{
  size_t dim = law->dim, roots = law->roots, wide = (TERMS - 1) * roots;
  real *term = matrix_new(dim, dim), *factor = matrix_new(dim, wide);
  for (size_t i = 0; i < dim; i++)
    term[i * dim + i] = 1;
  for (size_t j = 0; j <= TERMS; j++) {
    real order = (real)j, weight = order / (order + 2);
    real *rooted = product_new(dim, dim, roots, term, law->root);
    real *next = product_new(dim, dim, dim, minus_z, term);
    add(dim, j == 0 ? 0 : order + 1, term, law->decay);
    add(dim, 1, term, law->u0);
    add(dim, sqrtl(3) * weight, term, law->u1);
    for (size_t n = 2; n <= j; n++) {
      weight *= (order - (real)n + 1) / (order + (real)n + 1);
      add_columns(dim, roots, sqrtl(2 * (real)n + 1) * weight, rooted, wide, (n - 2) * roots,
                  factor);
    }
    memset(term, 0, dim * dim * sizeof *term);
    add(dim, 1 / (order + 2), next, term);
    sde_free(rooted);
    sde_free(next);
  }
  set_triangle(dim, wide, factor, law->rest);
  sde_free(term);
  sde_free(factor);
}

/* h becomes 2h. What the earlier half brings decays over the later one. Among these four normals
 * xi_0, xi_1 of the halves, two combinations are those of the whole, the other two join the rest.
 */
static void set_double(struct law *law)
{
  size_t dim = law->dim, roots = law->roots, wide = 2 * dim + 2 * roots;
  const real half_root = sqrtl(0.5L), root3 = sqrtl(3);
  real *lost0 = product_new(dim, dim, dim, law->decay, law->u0);
  real *lost1 = product_new(dim, dim, dim, law->decay, law->u1);
  real *lost = product_new(dim, dim, dim, law->decay, law->rest);
  real *twice = product_new(dim, dim, dim, law->decay, law->decay);
  real *factor = matrix_new(dim, wide);
  add_columns(dim, dim, half_root, law->rest, wide, 0, factor);
  add_columns(dim, dim, half_root, lost, wide, 0, factor);
  add_columns(dim, dim, half_root, law->rest, wide, dim, factor);
  const real weights[2][3] = {{0, 0, -0.5L}, {-0.25L, root3 / 2, root3 / 4}};
  for (size_t k = 0; k < 2; k++) {
    real *detail = matrix_new(dim, dim);
    add(dim, weights[k][0], lost0, detail);
    add(dim, weights[k][1], law->u1, detail);
    add(dim, weights[k][2], lost1, detail);
    real *rooted = product_new(dim, dim, roots, detail, law->root);
    add_columns(dim, roots, 1, rooted, wide, 2 * dim + k * roots, factor);
    sde_free(detail);
    sde_free(rooted);
  }
  set_triangle(dim, wide, factor, law->rest);
  add(dim, -0.5L, law->u1, law->u1);
  add(dim, 0.25L, lost1, law->u1);
  add(dim, root3 / 4, lost0, law->u1);
  add(dim, 0.5L, lost0, law->u0);
  add(dim, 1, law->decay, law->decay);
  add(dim, 1, twice, law->decay);
  sde_free(lost0);
  sde_free(lost1);
  sde_free(lost);
  sde_free(twice);
  sde_free(factor);
}

/* S where it has no more columns than rows, else a triangle. */
static real *root_new(const struct equation *equation, size_t *roots)
{
  size_t dim = equation->dim, columns = equation->noise_dim;
  real *s = matrix_new(dim, columns);
  memcpy(s, equation->s, dim * columns * sizeof *s);
  *roots = columns;
  if (columns <= dim)
    return s;
  real *root = matrix_new(dim, dim);
  set_triangle(dim, columns, s, root);
  sde_free(s);
  *roots = dim;
  return root;
}

/* O(dim^3) operations in extended precision for each doubling, of which there are log2 of
 * norm(A) dt: a second in all for dim 100. */
static struct law law_new(const struct equation *equation, double dt)
{
  size_t dim = equation->dim;
  struct law law = {.dim = dim,
                    .decay = matrix_new(dim, dim),
                    .u0 = matrix_new(dim, dim),
                    .u1 = matrix_new(dim, dim),
                    .rest = matrix_new(dim, dim)};
  law.root = root_new(equation, &law.roots);
  real *minus_z = matrix_new(dim, dim), norm = 0;
  for (size_t i = 0; i < dim; i++) {
    real sum = 0;
    for (size_t j = 0; j < dim; j++) {
      minus_z[i * dim + j] = (real)dt * equation->slope[i * dim + j];
      sum += fabsl(minus_z[i * dim + j]);
    }
    norm = fmaxl(norm, sum);
  }
  int doublings;
  frexpl(2 * norm, &doublings); /* norm / 2^doublings < 1/2 */
  doublings = doublings < 0 ? 0 : doublings;
  for (size_t k = 0; k < dim * dim; k++)
    minus_z[k] = ldexpl(minus_z[k], -doublings);
  set_short(&law, minus_z);
  for (; doublings > 0; doublings--)
    set_double(&law);
  sde_free(minus_z);
  return law;
}

static void law_free(struct law *law)
{
  sde_free(law->root);
  sde_free(law->decay);
  sde_free(law->u0);
  sde_free(law->u1);
  sde_free(law->rest);
}

/* ---- The scheme ---- */

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
static void set_state_row(const struct law *law, size_t i, double dt, struct plan *plan)
{
  size_t dim = law->dim;
  double *row = plan->matrix + i * plan->columns, *normals = row + plan->columns - dim;
  for (size_t j = 0; j < dim; j++) {
    row[j] = (double)law->decay[i * dim + j];
    normals[j] = (double)(sqrtl((real)dt) * law->rest[i * dim + j]);
  }
  plan->kept[i] = row[i] > -0.5 ? 1 : 0;
  if (plan->kept[i] == 0)
    row[i] = (double)(1 + law->decay[i * dim + i]);
}

/* With xi_0 = dW / sqrt(h) and xi_1 = sqrt(12 / h^3) (I - h dW / 2), which is what phi_0 and phi_1
 * integrate to, C - sqrt(h) rest zeta = (u0 - sqrt(3) u1) S dW + (2 sqrt(3) / h) u1 S I. */
static struct plan *plan_of(const struct law *law, const struct equation *equation, double dt)
{
  size_t dim = equation->dim, noise_dim = equation->noise_dim;
  struct plan *plan = sde_alloc(1, sizeof *plan);
  plan->columns = 2 * dim + 2 * noise_dim;
  plan->kept = sde_alloc(dim, sizeof(double));
  plan->constant = sde_alloc(dim, sizeof(double));
  plan->matrix = sde_alloc(dim, plan->columns * sizeof(double));
  real *constant = product_new(dim, dim, 1, law->u0, equation->constant);
  real *u0 = product_new(dim, dim, noise_dim, law->u0, equation->s);
  real *u1 = product_new(dim, dim, noise_dim, law->u1, equation->s);
  for (size_t i = 0; i < dim; i++) {
    set_state_row(law, i, dt, plan);
    plan->constant[i] = (double)((real)dt * constant[i]);
    double *dw = plan->matrix + i * plan->columns + dim, *integral = dw + noise_dim;
    for (size_t k = 0; k < noise_dim; k++) {
      real tilt = sqrtl(3) * u1[i * noise_dim + k];
      dw[k] = (double)(u0[i * noise_dim + k] - tilt);
      integral[k] = (double)(2 * tilt / (real)dt);
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
  struct probe probe = probe_new(system);
  struct equation equation = equation_new(system);
  struct plan *plan = NULL;
  learn(&probe, &equation);
  if (holds(&probe, &equation, status)) {
    struct law law = law_new(&equation, dt);
    plan = plan_of(&law, &equation, dt);
    law_free(&law);
  }
  if (plan != NULL && !is_finite(plan, system->dim)) {
    sde_fail(status, SDE_INVALID,
             "scheme exponential-euler: in a step of %g the solution of %s grows out of the range "
             "of double precision; a shorter step is accepted",
             dt, system->name);
    plan_free(plan);
    plan = NULL;
  }
  probe_free(&probe);
  equation_free(&equation);
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
