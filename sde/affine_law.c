/*
 * The law of a step of an equation with affine drift and constant noise. See affine_law.h.
 *
 * U_n is a power series where Ah is small; a longer step is two halves, again and again. The rest's
 * covariance is only ever kept as a factor, so nothing is subtracted, and no e^(+Ah) appears.
 */
#include "sde/affine_law.h"

#include <math.h>
#include <string.h>

sde_wide *sde_wide_product(size_t rows, size_t inner, size_t columns, const sde_wide *a,
                           const sde_wide *b)
{
  sde_wide *out = sde_wide_new(rows, columns);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < inner; j++) {
      sde_wide entry = a[i * inner + j];
      if (entry != 0)
        for (size_t k = 0; k < columns; k++)
          out[i * columns + k] += entry * b[j * columns + k];
    }
  return out;
}

/* The columns from `first` on of out, which has `wide` columns, += factor matrix. */
static void add_columns(size_t rows, size_t columns, sde_wide factor, const sde_wide *matrix,
                        size_t wide, size_t first, sde_wide *out)
{
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < columns; k++)
      out[i * wide + first + k] += factor * matrix[i * columns + k];
}

static void add(size_t dim, sde_wide factor, const sde_wide *matrix, sde_wide *out)
{
  add_columns(dim, dim, factor, matrix, dim, 0, out);
}

static sde_wide dot(size_t count, const sde_wide *a, const sde_wide *b)
{
  sde_wide sum = 0;
  for (size_t k = 0; k < count; k++)
    sum += a[k] * b[k];
  return sum;
}

/* F becomes a lower triangle, F F^T stays: Householder reflections of the columns. */
static void triangulate(size_t rows, size_t columns, sde_wide *f)
{
  for (size_t i = 0; i < rows && i < columns; i++) {
    sde_wide *v = f + i * columns + i;
    size_t count = columns - i;
    sde_wide norm = sqrtl(dot(count, v, v));
    if (norm == 0)
      continue;
    sde_wide diagonal = v[0] > 0 ? -norm : norm;
    v[0] -= diagonal;
    for (size_t r = i + 1; r < rows; r++) {
      sde_wide *row = f + r * columns + i, factor = dot(count, v, row) / (diagonal * v[0]);
      for (size_t k = 0; k < count; k++)
        row[k] += factor * v[k];
    }
    memset(v, 0, count * sizeof *v);
    v[0] = diagonal;
  }
}

/* triangle = the lower triangle of a factor, which is overwritten; both have dim rows. Its columns'
 * signs are free: the diagonal is made positive, as Cholesky's is. */
static void set_triangle(size_t dim, size_t columns, sde_wide *factor, sde_wide *triangle)
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
static void set_short(struct sde_affine_law *law, const sde_wide *minus_z)
{
  size_t dim = law->dim, roots = law->roots, wide = (TERMS - 1) * roots;
  sde_wide *term = sde_wide_new(dim, dim), *factor = sde_wide_new(dim, wide);
  for (size_t i = 0; i < dim; i++)
    term[i * dim + i] = 1;
  for (size_t j = 0; j <= TERMS; j++) {
    sde_wide order = (sde_wide)j, weight = order / (order + 2);
    sde_wide *rooted = sde_wide_product(dim, dim, roots, term, law->root);
    sde_wide *next = sde_wide_product(dim, dim, dim, minus_z, term);
    add(dim, j == 0 ? 0 : order + 1, term, law->decay);
    add(dim, 1, term, law->u0);
    add(dim, sqrtl(3) * weight, term, law->u1);
    for (size_t n = 2; n <= j; n++) {
      weight *= (order - (sde_wide)n + 1) / (order + (sde_wide)n + 1);
      add_columns(dim, roots, sqrtl(2 * (sde_wide)n + 1) * weight, rooted, wide, (n - 2) * roots,
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
static void set_double(struct sde_affine_law *law)
{
  size_t dim = law->dim, roots = law->roots, wide = 2 * dim + 2 * roots;
  const sde_wide half_root = sqrtl(0.5L), root3 = sqrtl(3);
  sde_wide *lost0 = sde_wide_product(dim, dim, dim, law->decay, law->u0);
  sde_wide *lost1 = sde_wide_product(dim, dim, dim, law->decay, law->u1);
  sde_wide *lost = sde_wide_product(dim, dim, dim, law->decay, law->rest);
  sde_wide *twice = sde_wide_product(dim, dim, dim, law->decay, law->decay);
  sde_wide *factor = sde_wide_new(dim, wide);
  add_columns(dim, dim, half_root, law->rest, wide, 0, factor);
  add_columns(dim, dim, half_root, lost, wide, 0, factor);
  add_columns(dim, dim, half_root, law->rest, wide, dim, factor);
  const sde_wide weights[2][3] = {{0, 0, -0.5L}, {-0.25L, root3 / 2, root3 / 4}};
  for (size_t k = 0; k < 2; k++) {
    sde_wide *detail = sde_wide_new(dim, dim);
    add(dim, weights[k][0], lost0, detail);
    add(dim, weights[k][1], law->u1, detail);
    add(dim, weights[k][2], lost1, detail);
    sde_wide *rooted = sde_wide_product(dim, dim, roots, detail, law->root);
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
static sde_wide *root_new(const struct sde_affine_equation *equation, size_t *roots)
{
  size_t dim = equation->dim, columns = equation->noise_dim;
  sde_wide *s = sde_wide_new(dim, columns);
  memcpy(s, equation->s, dim * columns * sizeof *s);
  *roots = columns;
  if (columns <= dim)
    return s;
  sde_wide *root = sde_wide_new(dim, dim);
  set_triangle(dim, columns, s, root);
  sde_free(s);
  *roots = dim;
  return root;
}

struct sde_affine_law sde_affine_law_new(const struct sde_affine_equation *equation, double dt)
{
  size_t dim = equation->dim;
  struct sde_affine_law law = {.dim = dim,
                               .decay = sde_wide_new(dim, dim),
                               .u0 = sde_wide_new(dim, dim),
                               .u1 = sde_wide_new(dim, dim),
                               .rest = sde_wide_new(dim, dim)};
  law.root = root_new(equation, &law.roots);
  sde_wide *minus_z = sde_wide_new(dim, dim), norm = 0;
  for (size_t i = 0; i < dim; i++) {
    sde_wide sum = 0;
    for (size_t j = 0; j < dim; j++) {
      minus_z[i * dim + j] = (sde_wide)dt * equation->slope[i * dim + j];
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

void sde_affine_law_free(struct sde_affine_law *law)
{
  sde_free(law->root);
  sde_free(law->decay);
  sde_free(law->u0);
  sde_free(law->u1);
  sde_free(law->rest);
}
