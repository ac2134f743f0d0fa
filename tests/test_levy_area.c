/*
 * Tests of sde/levy_area: the areas against their definition path by path, against the area of the
 * path that the series stands for, and against Levy's laws given the increments and without them;
 * the error of few terms against Wiktorsson's theorem; and the two-point areas. Statistical tests
 * are families at the false-alarm rate TESTING_LEVEL (1e-6).
 */
#include "sde/levy_area.h"

#include "sde/block.h"
#include "sde/status.h"
#include "sde/wiener.h"
#include "tests/testing.h"

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_expint.h>
#include <math.h>
#include <string.h>

enum { MOST_DIM = 5, MOST_PAIRS = MOST_DIM * (MOST_DIM - 1) / 2, DRAWS = 1 << 18 };

static size_t pair_of(size_t j, size_t k)
{
  return k * (k - 1) / 2 + j;
}

static struct sde_address address(void)
{
  return (struct sde_address){sde_stream_named(3, "areas"), 0, 17};
}

/* Areas of many paths over one step, their increments normal, or w sqrt(dt) for every path. */
struct draw {
  size_t dim, terms, width;
  double dt, *dw, *area;
};

static struct draw draw_new(size_t dim, size_t terms, size_t width, double dt, const double *w)
{
  struct draw draw = {dim,
                      terms,
                      width,
                      dt,
                      sde_alloc(dim * width, sizeof(double)),
                      sde_alloc(sde_levy_area_count(dim) * width, sizeof(double))};
  struct sde_address increments = {sde_stream_named(3, "increments"), 0, 17}, at = address();
  sde_random_normals(&increments, width, dim, draw.dw);
  for (size_t i = 0; i < dim * width; i++)
    draw.dw[i] = sqrt(dt) * (w == NULL ? draw.dw[i] : w[i / width]);
  double *scratch = sde_alloc(sde_levy_area_scratch(dim), sizeof *scratch);
  sde_levy_areas(&at, dim, dt, terms, width, draw.dw, scratch, draw.area);
  sde_free(scratch);
  return draw;
}

static void draw_free(struct draw *draw)
{
  sde_free(draw->dw);
  sde_free(draw->area);
}

/* ---- The definition, path by path ---- */

/* The normals behind a draw: one a pair for the tail, one unused where their number is odd, then
 * X_1, Y_1, X_2, Y_2, ... of dim each. */
static double *normals_new(const struct draw *draw)
{
  size_t pairs = sde_levy_area_count(draw->dim),
         lanes = pairs + pairs % 2 + 2 * draw->dim * draw->terms;
  struct sde_address at = address();
  double *normals = sde_alloc(lanes, draw->width * sizeof *normals);
  sde_random_normals(&at, draw->width, lanes, normals);
  return normals;
}

/* X_r of component k; Y_r follows dim lanes later. r starts at 1. */
static double x_of(const struct draw *draw, const double *normals, size_t p, size_t r, size_t k)
{
  size_t pairs = sde_levy_area_count(draw->dim),
         first = pairs + pairs % 2 + 2 * draw->dim * (r - 1);
  return normals[(first + k) * draw->width + p];
}

static double y_of(const struct draw *draw, const double *normals, size_t p, size_t r, size_t k)
{
  return x_of(draw, normals, p, r, draw->dim + k);
}

/* (dt / 2 pi) sum_r (1/r) (X_j (Y_k + root dW_k) - X_k (Y_j + root dW_j)); root is sqrt(2/dt). */
static double series(const struct draw *draw, const double *normals, size_t p, size_t j, size_t k,
                     double root)
{
  double sum = 0, dw_j = draw->dw[j * draw->width + p], dw_k = draw->dw[k * draw->width + p];
  for (size_t r = 1; r <= draw->terms; r++)
    sum += (x_of(draw, normals, p, r, j) * (y_of(draw, normals, p, r, k) + root * dw_k) -
            x_of(draw, normals, p, r, k) * (y_of(draw, normals, p, r, j) + root * dw_j)) /
           (double)r;
  return draw->dt / (2 * M_PI) * sum;
}

/* Covariance of the pairs X_j V_k - V_j X_k where E V V' = second and X is standard normal. */
static void pair_covariance(size_t dim, const double *second, double factor, double *sum)
{
  size_t pairs = sde_levy_area_count(dim);
  for (size_t k = 1; k < dim; k++)
    for (size_t j = 0; j < k; j++)
      for (size_t m = 1; m < dim; m++)
        for (size_t l = 0; l < m; l++)
          sum[pair_of(j, k) * pairs + pair_of(l, m)] +=
              factor * ((j == l) * second[k * dim + m] - (j == m) * second[k * dim + l] -
                        (k == l) * second[j * dim + m] + (k == m) * second[j * dim + l]);
}

/* E V V' = 1 + 2 w w' of a term, w = dW / sqrt(dt). */
static void term_covariance(const struct draw *draw, size_t p, double factor, double *sum)
{
  double second[MOST_DIM * MOST_DIM] = {0};
  for (size_t i = 0; i < draw->dim * draw->dim; i++) {
    size_t j = i / draw->dim, k = i % draw->dim;
    second[i] =
        (j == k) + 2 / draw->dt * draw->dw[j * draw->width + p] * draw->dw[k * draw->width + p];
  }
  pair_covariance(draw->dim, second, factor, sum);
}

/* The symmetric root of a symmetric matrix, by its eigenvectors. */
static void symmetric_root(size_t n, double *matrix)
{
  double copy[MOST_PAIRS * MOST_PAIRS];
  memcpy(copy, matrix, n * n * sizeof *copy);
  gsl_matrix_view view = gsl_matrix_view_array(copy, n, n);
  gsl_vector *values = gsl_vector_alloc(n);
  gsl_matrix *vectors = gsl_matrix_alloc(n, n);
  gsl_eigen_symmv_workspace *workspace = gsl_eigen_symmv_alloc(n);
  gsl_eigen_symmv(&view.matrix, values, vectors, workspace);
  for (size_t i = 0; i < n * n; i++) {
    matrix[i] = 0;
    for (size_t l = 0; l < n; l++)
      matrix[i] += sqrt(fmax(0, gsl_vector_get(values, l))) * gsl_matrix_get(vectors, i / n, l) *
                   gsl_matrix_get(vectors, i % n, l);
  }
  gsl_vector_free(values);
  gsl_matrix_free(vectors);
  gsl_eigen_symmv_free(workspace);
}

/* sum of 1/r^2 over r > terms */
static double left_of(size_t terms)
{
  double left = M_PI * M_PI / 6;
  for (size_t r = 1; r <= terms; r++)
    left -= 1 / (double)(r * r);
  return left;
}

/* The tail: normals with the covariance of all later terms, by that matrix's own root. */
static void tail(const struct draw *draw, const double *normals, size_t p, double *out)
{
  size_t pairs = sde_levy_area_count(draw->dim);
  double root[MOST_PAIRS * MOST_PAIRS] = {0};
  term_covariance(draw, p, left_of(draw->terms), root);
  symmetric_root(pairs, root);
  for (size_t i = 0; i < pairs; i++) {
    out[i] = 0;
    for (size_t l = 0; l < pairs; l++)
      out[i] += draw->dt / (2 * M_PI) * root[i * pairs + l] * normals[l * draw->width + p];
  }
}

/* The largest difference of the areas from series and tail of the definition, in units of dt. */
static double mismatch(const struct draw *draw, double root, double with_tail)
{
  double worst = 0, *normals = normals_new(draw), of_tail[MOST_PAIRS];
  for (size_t p = 0; p < draw->width; p++) {
    tail(draw, normals, p, of_tail);
    for (size_t k = 1; k < draw->dim; k++)
      for (size_t j = 0; j < k; j++) {
        double defined = series(draw, normals, p, j, k, root) + with_tail * of_tail[pair_of(j, k)];
        worst = fmax(worst, fabs(draw->area[pair_of(j, k) * draw->width + p] - defined) / draw->dt);
      }
  }
  sde_free(normals);
  return worst;
}

static const struct {
  size_t dim, terms;
  double dt;
} definitions[] = {{2, 1, 0.1}, {2, 30, 1}, {3, 1, 2}, {3, 7, 0.01}, {4, 3, 1e-6}, {5, 2, 0.5}};
enum { DEFINITIONS = sizeof definitions / sizeof *definitions };

/* Wiktorsson's closed form of the root against the root by eigenvectors. */
START_TEST(areas_are_their_definition)
{
  struct draw draw =
      draw_new(definitions[_i].dim, definitions[_i].terms, 136, definitions[_i].dt, NULL);
  double root = sqrt(2 / draw.dt);
  ck_assert_double_le(mismatch(&draw, root, 1), 1e-13);
  /* The twins: no tail, a tail of the other sign, increments of the other sign. */
  ck_assert_double_ge(mismatch(&draw, root, 0), 1e-2);
  ck_assert_double_ge(mismatch(&draw, root, -1), 1e-2);
  ck_assert_double_ge(mismatch(&draw, -root, 1), 1e-2);
  draw_free(&draw);
}
END_TEST

/* Component k at the time `part` of the step of the path that the series stands for: of the
 * Brownian bridge's Fourier coefficients, -X_r those of the cosines and -Y_r of the sines. */
static double path_at(const struct draw *draw, const double *normals, size_t p, size_t k,
                      double part)
{
  double sum = part * draw->dw[k * draw->width + p];
  for (size_t r = 1; r <= draw->terms; r++) {
    double angle = 2 * M_PI * (double)r * part;
    sum -= sqrt(draw->dt / 2) / (M_PI * (double)r) *
           (x_of(draw, normals, p, r, k) * (cos(angle) - 1) +
            y_of(draw, normals, p, r, k) * sin(angle));
  }
  return sum;
}

/* (I_(j,k) - I_(k,j)) / 2 by brute force, dW_j first in I_(j,k). The polygon's error falls like the
 * square of the pieces. */
static double polygon_area(const struct draw *draw, const double *normals, size_t p, size_t j,
                           size_t k)
{
  enum { PIECES = 4096 };
  double sum = 0, w_j = 0, w_k = 0;
  for (size_t i = 1; i <= PIECES; i++) {
    double next_j = path_at(draw, normals, p, j, (double)i / PIECES);
    double next_k = path_at(draw, normals, p, k, (double)i / PIECES);
    sum += (w_j * (next_k - w_k) - w_k * (next_j - w_j)) / 2;
    w_j = next_j;
    w_k = next_k;
  }
  return sum;
}

/* The sign of the areas: relative error (2 pi r / pieces)^2 / 6 = 6e-6 for the fifth term. */
START_TEST(series_is_the_area_of_its_path)
{
  struct draw draw = draw_new(3, 5, 8, 0.3, NULL);
  double *normals = normals_new(&draw), of_tail[MOST_PAIRS];
  for (size_t p = 0; p < draw.width; p++) {
    tail(&draw, normals, p, of_tail);
    for (size_t k = 1; k < 3; k++)
      for (size_t j = 0; j < k; j++) {
        double area = draw.area[pair_of(j, k) * draw.width + p] - of_tail[pair_of(j, k)];
        double brute_force = polygon_area(&draw, normals, p, j, k);
        ck_assert_double_eq_tol(area, brute_force, 2e-5 * draw.dt);
        /* The twin: the other sign. No area here is so small that it would not tell. */
        ck_assert_double_ge(fabs(area + brute_force), 1e-3 * draw.dt);
      }
  }
  sde_free(normals);
  draw_free(&draw);
}
END_TEST

START_TEST(same_areas_in_any_block)
{
  enum { WIDE = 200, DIM = 4, PAIRS = 6, TERMS = 5 };
  static const size_t widths[] = {8, 24, 32, 64, 72, 128};
  struct draw all = draw_new(DIM, TERMS, WIDE, 0.2, NULL);
  double signs[PAIRS * WIDE], dw[DIM * WIDE], some[PAIRS * WIDE], some_signs[PAIRS * WIDE],
      *scratch = sde_alloc(sde_levy_area_scratch(DIM), sizeof *scratch);
  struct sde_address at = address();
  sde_levy_area_signs(&at, DIM, 0.2, WIDE, signs);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t start = 0, width = widths[w]; start + width <= WIDE; start += 40) {
      struct sde_address here = {at.stream, at.first_path + start, at.step};
      for (size_t k = 0; k < DIM; k++)
        memcpy(dw + k * width, all.dw + k * WIDE + start, width * sizeof *dw);
      sde_levy_areas(&here, DIM, 0.2, TERMS, width, dw, scratch, some);
      sde_levy_area_signs(&here, DIM, 0.2, width, some_signs);
      for (size_t i = 0; i < PAIRS; i++) {
        ck_assert_mem_eq(some + i * width, all.area + i * WIDE + start, width * sizeof *dw);
        ck_assert_mem_eq(some_signs + i * width, signs + i * WIDE + start, width * sizeof *dw);
      }
    }
  sde_free(scratch);
  draw_free(&all);
}
END_TEST

/* ---- Laws ---- */

static struct sde_moments moments_of(size_t count, const double *values)
{
  bool alive[SDE_UNIT];
  struct sde_moments moments = {0};
  memset(alive, true, sizeof alive);
  for (size_t i = 0; i < count; i += SDE_UNIT)
    moments = sde_moments_merged(moments, sde_moments_of_unit(values + i, alive));
  return moments;
}

/* Second moments of the areas, in units of dt^2, against (1/24) of the covariance of a term's pairs
 * at the increments of path 0, which all paths share; or without increments 1/4 for each. */
static void add_second_moments(struct testing_family *family, const struct draw *draw, bool given)
{
  size_t pairs = sde_levy_area_count(draw->dim), width = draw->width;
  double exact[MOST_PAIRS * MOST_PAIRS] = {0}, *products = sde_alloc(width, sizeof *products);
  for (size_t i = 0; i < pairs; i++)
    exact[i * pairs + i] = given ? 0 : 0.25;
  if (given)
    term_covariance(draw, 0, 1.0 / 24, exact);
  for (size_t i = 0; i < pairs; i++)
    for (size_t l = 0; l <= i; l++) {
      for (size_t p = 0; p < width; p++)
        products[p] = draw->area[i * width + p] * draw->area[l * width + p] / (draw->dt * draw->dt);
      testing_add_mean(family, moments_of(width, products), exact[i * pairs + l],
                       i == l ? "variance" : "covariance");
    }
  sde_free(products);
}

/* Areas have no covariance with the increments nor with their products. */
static void add_increments(struct testing_family *family, const struct draw *draw)
{
  size_t width = draw->width;
  double *products = sde_alloc(width, sizeof *products);
  for (size_t i = 0; i < sde_levy_area_count(draw->dim); i++)
    for (size_t k = 0; k < draw->dim; k++) {
      const double *area = draw->area + i * width, *dw = draw->dw + k * width;
      for (size_t p = 0; p < width; p++)
        products[p] = area[p] * dw[p];
      testing_add_mean(family, moments_of(width, products), 0, "with an increment");
      for (size_t p = 0; p < width; p++)
        products[p] = area[p] * dw[p] * draw->dw[p];
      testing_add_mean(family, moments_of(width, products), 0, "with a product of increments");
    }
  sde_free(products);
}

static const double given_increments[] = {0.7, -1.3, 0.4, 1.1};

/* The tail makes second moments exact for any number of terms. */
START_TEST(second_moments_given_the_increments)
{
  static const size_t terms[] = {1, 2, 10};
  struct testing_family family = {0};
  for (size_t dim = 2; dim <= 4; dim++)
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
      struct draw draw = draw_new(dim, terms[i], testing_size(DRAWS), 0.3, given_increments);
      add_second_moments(&family, &draw, true);
      draw_free(&draw);
    }
  testing_assert_agrees(&family);
}
END_TEST

START_TEST(second_moments_without_the_increments)
{
  struct testing_family family = {0};
  struct draw draw = draw_new(4, 2, testing_size(DRAWS), 0.3, NULL);
  add_second_moments(&family, &draw, false);
  add_increments(&family, &draw);
  testing_assert_agrees(&family);
  draw_free(&draw);
}
END_TEST

/* The areas of a draw without their tail, or with all of the tail's normals independent, as if its
 * covariance were a multiple of the identity with the right trace. */
static void break_tail(struct draw *draw, bool independent)
{
  double *normals = normals_new(draw), of_tail[MOST_PAIRS], square = 0;
  for (size_t k = 0; k < draw->dim; k++)
    square += given_increments[k] * given_increments[k];
  double size =
      draw->dt / (2 * M_PI) * sqrt(left_of(draw->terms) * (2 + 4 * square / (double)draw->dim));
  for (size_t p = 0; p < draw->width; p++) {
    tail(draw, normals, p, of_tail);
    for (size_t i = 0; i < sde_levy_area_count(draw->dim); i++)
      draw->area[i * draw->width + p] +=
          (independent ? size * normals[i * draw->width + p] : 0) - of_tail[i];
  }
  sde_free(normals);
}

/* The twins: two terms without their tail, and with a tail that does not know the increments. */
START_TEST(wrong_tail_would_be_noticed)
{
  struct testing_family family = {0};
  struct draw draw = draw_new(3, 2, testing_size(DRAWS / 4), 0.3, given_increments);
  break_tail(&draw, _i == 1);
  add_second_moments(&family, &draw, true);
  testing_assert_notices(&family);
  draw_free(&draw);
}
END_TEST

/* The twin: one pair of the other sign. (All of the other sign have the same law.) */
START_TEST(wrong_sign_of_a_pair_would_be_noticed)
{
  struct testing_family family = {0};
  struct draw draw = draw_new(3, 2, testing_size(DRAWS), 0.3, given_increments);
  for (size_t p = 0; p < draw.width; p++)
    draw.area[draw.width + p] *= -1;
  add_second_moments(&family, &draw, true);
  testing_assert_notices(&family);
  draw_free(&draw);
}
END_TEST

/* Characteristic function of lambda times the area of a plane where x = lambda dt/2 and the
 * increments have the square q there, in units of dt: of the true area (terms 0; Levy's formula
 * given the increments), or of `terms` terms and the tail, factor by factor. */
static double characteristic_given(size_t terms, double x, double q)
{
  if (terms == 0)
    return x / sinh(x) * exp(-q / 2 * (x / tanh(x) - 1));
  double product = exp(-x * x / (M_PI * M_PI) * left_of(terms) * (1 + q));
  for (size_t r = 1; r <= terms; r++) {
    double square = x / (M_PI * (double)r) * x / (M_PI * (double)r);
    product *= exp(-square * q / (1 + square)) / (1 + square);
  }
  return product;
}

/* Without the increments: q is twice an exponential, E exp(-rate q) = 1 / (1 + 2 rate). The true
 * one is Levy's 1 / cosh(x). */
static double characteristic(size_t terms, double x)
{
  if (terms == 0)
    return 1 / cosh(x);
  double at_0 = characteristic_given(terms, x, 0);
  return at_0 / (1 + 2 * log(at_0 / characteristic_given(terms, x, 1)));
}

/* A sum of the areas with weights, which is that of one or two orthogonal planes. */
struct combination {
  size_t dim;
  double weight[6];
  double normal[3]; /* three components: of the plane; the weights are its lambda times this */
};

static const struct combination combinations[] = {
    {2, {1}, {0}},
    {3, {2.0 / 3, 2.0 / 3, 1.0 / 3}, {1.0 / 3, -2.0 / 3, 2.0 / 3}},
    {4, {1, 0, 0, 0, 0, 0.5}, {0}},
};
enum { COMBINATIONS = sizeof combinations / sizeof *combinations };

/* Given the increments w, or without them where w is NULL. The areas are those of X x V: A_(2,3),
 * -A_(1,3), A_(1,2) are its components, so weights make a plane with that normal. */
static double combined(const struct combination *one, size_t terms, double x, const double *w)
{
  if (w == NULL)
    return characteristic(terms, x) * (one->dim == 4 ? characteristic(terms, x / 2) : 1);
  double q = w[0] * w[0] + w[1] * w[1];
  if (one->dim == 3) {
    double along = w[0] * one->normal[0] + w[1] * one->normal[1] + w[2] * one->normal[2];
    q += w[2] * w[2] - along * along;
  }
  double other = one->dim == 4 ? w[2] * w[2] + w[3] * w[3] : 0;
  return characteristic_given(terms, x, q) *
         (one->dim == 4 ? characteristic_given(terms, x / 2, other) : 1);
}

/* Means of cos(lambda A) against the function of `terms` terms. */
static void add_characteristic(struct testing_family *family, const struct combination *one,
                               const struct draw *draw, size_t terms, const double *w)
{
  static const double xs[] = {0.5, 1.5, 3, 4.4};
  size_t width = draw->width;
  double *cosines = sde_alloc(width, sizeof *cosines);
  for (size_t i = 0; i < sizeof xs / sizeof *xs; i++) {
    for (size_t p = 0; p < width; p++) {
      double sum = 0;
      for (size_t l = 0; l < sde_levy_area_count(one->dim); l++)
        sum += one->weight[l] * draw->area[l * width + p];
      cosines[p] = cos(2 * xs[i] / draw->dt * sum);
    }
    testing_add_mean(family, moments_of(width, cosines), combined(one, terms, xs[i], w),
                     w == NULL ? "characteristic function" : "given the increments");
  }
  sde_free(cosines);
}

/* For few terms too the law is known exactly; with 64 it is Levy's to within 3e-7. */
START_TEST(characteristic_functions)
{
  static const size_t terms[] = {1, 2, 5, 64};
  static const double still[4] = {0};
  const double *increments[] = {NULL, still, given_increments};
  const struct combination *one = &combinations[_i];
  struct testing_family family = {0};
  for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
    for (size_t w = 0; w < 3; w++) {
      size_t paths = testing_size(terms[i] == 64 ? DRAWS / 8 : DRAWS);
      struct draw draw = draw_new(one->dim, terms[i], paths, 0.3, increments[w]);
      add_characteristic(&family, one, &draw, terms[i], increments[w]);
      if (terms[i] == 64)
        add_characteristic(&family, one, &draw, 0, increments[w]);
      draw_free(&draw);
    }
  for (double x = 0.25; x <= 8; x += 0.25)
    for (size_t w = 0; w < 3; w++)
      ck_assert_double_eq_tol(combined(one, 64, x, increments[w]),
                              combined(one, 0, x, increments[w]), 3e-7);
  testing_assert_agrees(&family);
}
END_TEST

/* The twin: one term is not enough for Levy's law, by 0.013 at x = 4.4, ten standard errors. */
START_TEST(too_few_terms_would_be_noticed)
{
  static const double still[2] = {0};
  struct testing_family family = {0};
  struct draw draw = draw_new(2, 1, testing_size(8 * DRAWS), 0.3, still);
  add_characteristic(&family, &combinations[0], &draw, 0, still);
  testing_assert_notices(&family);
  draw_free(&draw);
}
END_TEST

static double secant_law(double x)
{
  return M_2_PI * atan(exp(M_PI_2 * x));
}

static double logistic_law(double x)
{
  return 1 / (1 + exp(-x));
}

/* 1 / cosh(lambda dt/2) is the hyperbolic secant law; a path that returns to 0 has an area with the
 * logistic law, by (lambda dt/2) / sinh(lambda dt/2). By their differences of characteristic
 * functions 32 terms are within 1e-6 of them, far below the distance that can be seen. */
static void add_laws(struct testing_family *family, size_t terms, size_t paths)
{
  static const double still[2] = {0};
  struct draw free_end = draw_new(2, terms, paths, 0.3, NULL),
              returned = draw_new(2, terms, paths, 0.3, still);
  for (size_t p = 0; p < paths; p++) {
    free_end.area[p] *= 2 / 0.3;
    returned.area[p] *= 2 * M_PI / 0.3;
  }
  testing_add_law(family, paths, free_end.area, secant_law, "secant");
  testing_add_law(family, paths, returned.area, logistic_law, "logistic");
  draw_free(&free_end);
  draw_free(&returned);
}

START_TEST(areas_follow_levys_law)
{
  struct testing_family family = {0};
  add_laws(&family, 32, testing_size(DRAWS));
  testing_assert_agrees(&family);
}
END_TEST

/* ---- The number of terms ---- */

/* Wiktorsson's bound for n terms: the mean squared error of a pair, in units of dt^2, where the
 * squared increments have their expectation. */
static double bound(size_t dim, size_t n)
{
  double m = (double)dim;
  return 5 * m / (12 * M_PI * M_PI * (double)(n * n));
}

/* ... and the least number of terms for dt^3. */
START_TEST(terms_meet_the_bound)
{
  static const double steps[] = {2, 0.5, 0.1, 0.01, 1e-3, 1e-5, 1e-7};
  for (size_t dim = 2; dim <= 40; dim++)
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
      size_t terms = sde_levy_area_terms(dim, steps[i]);
      ck_assert_double_le(bound(dim, terms), steps[i]);
      if (terms > 1)
        ck_assert_double_gt(bound(dim, terms - 1), steps[i]);
      ck_assert_uint_eq(sde_levy_area_normals(dim, terms),
                        2 * dim * terms + sde_levy_area_count(dim));
    }
  ck_assert_uint_eq(sde_levy_area_terms(2, 0.01), 3);
  ck_assert_uint_eq(sde_levy_area_terms(10, 0.01), 7);
  ck_assert_uint_eq(sde_levy_area_terms(40, 0.1), 5);
  ck_assert_uint_eq(sde_levy_area_terms(1, 0.1), 1);
}
END_TEST

/* However small the step, the lanes of an address are enough. */
START_TEST(terms_have_lanes)
{
  for (size_t dim = 2; dim <= 8190; dim *= 4) {
    size_t pairs = sde_levy_area_count(dim), lanes = pairs + pairs % 2;
    lanes += 2 * dim * sde_levy_area_terms(dim, 1e-30);
    ck_assert_uint_lt(lanes, UINT64_C(1) << 25);
    ck_assert_uint_ge(lanes + 2 * dim, UINT64_C(1) << 25);
  }
  ck_assert_uint_eq(sde_levy_area_terms(8190, 1e-30), 1);
}
END_TEST

/* The sum over r > terms of the covariances of the pairs given the terms' own
 * V_r = Y_r + sqrt(2) w: the first LAST one by one, the others by their mean. */
enum { LAST = 200 };
static void drawn_covariance(const struct draw *draw, const double *y, size_t p, size_t terms,
                             double *sum)
{
  size_t dim = draw->dim, width = draw->width;
  double v[MOST_DIM], second[MOST_DIM * MOST_DIM] = {0};
  term_covariance(draw, p, left_of(LAST), sum);
  for (size_t r = LAST; r > terms; r--) {
    for (size_t k = 0; k < dim; k++)
      v[k] = y[(r * dim + k) * width + p] + sqrt(2 / draw->dt) * draw->dw[k * width + p];
    for (size_t i = 0; i < dim * dim; i++)
      second[i] = v[i / dim] * v[i % dim];
    pair_covariance(dim, second, 1 / (double)(r * r), sum);
  }
}

/* Y_r, r <= LAST, of all paths. */
static double *later_normals_new(const struct draw *draw)
{
  struct sde_address at = {sde_stream_named(3, "terms"), 0, 17};
  size_t lanes = (LAST + 1) * draw->dim;
  double *y = sde_alloc(lanes, draw->width * sizeof *y);
  sde_random_normals(&at, draw->width, lanes, y);
  return y;
}

/* Squared error of each path's areas in units of dt^2: given V_r, r > terms, the true remainder is
 * R G with the root R of its covariance and normals G, and the tail is the mean covariance's root
 * times the same G. Without the tail the error is R G itself. */
static struct sde_moments squared_errors(const struct draw *draw, const double *y, size_t terms,
                                         bool with_tail)
{
  size_t pairs = sde_levy_area_count(draw->dim);
  double *errors = sde_alloc(draw->width, sizeof *errors);
  for (size_t p = 0; p < draw->width; p++) {
    double drawn[MOST_PAIRS * MOST_PAIRS] = {0}, mean[MOST_PAIRS * MOST_PAIRS] = {0};
    drawn_covariance(draw, y, p, terms, drawn);
    symmetric_root(pairs, drawn);
    term_covariance(draw, p, left_of(terms), mean);
    symmetric_root(pairs, mean);
    for (size_t i = 0; i < pairs * pairs; i++)
      errors[p] += pow((drawn[i] - with_tail * mean[i]) / (2 * M_PI), 2);
  }
  struct sde_moments moments = moments_of(draw->width, errors);
  sde_free(errors);
  return moments;
}

/* Wiktorsson's theorem, on the roots that areas_are_their_definition found in the code: the mean
 * square error is below the bound, and falls like 1/(n + 1/2)^2 for 1/(n + 1/2) = the sum of
 * 1/r^2, r > n, and its third of a cube that of 1/r^4, to this order. The twin, without the tail,
 * has the second moment of the remainder, which falls like 1/(n + 1/2). */
START_TEST(error_falls_like_the_square_of_the_terms)
{
  size_t dim = (size_t)_i, paths = testing_size(1024), enough = sde_levy_area_terms(dim, 0.01);
  struct testing_family family = {0};
  struct draw draw = draw_new(dim, 1, paths, 0.3, NULL);
  double *y = later_normals_new(&draw), scaled[2], twins[2];
  for (size_t i = 0; i < 2; i++) {
    size_t n = i == 0 ? 4 : 16;
    struct sde_moments with = squared_errors(&draw, y, n, true),
                       without = squared_errors(&draw, y, n, false);
    scaled[i] = with.mean * pow((double)n + 0.5, 2);
    twins[i] = without.mean * pow((double)n + 0.5, 2);
    ck_assert_double_le(with.mean + 5 * sde_moments_standard_error(with), bound(dim, n));
    testing_add_mean(&family, without,
                     (double)sde_levy_area_count(dim) / 4 * left_of(n) / (M_PI * M_PI / 6),
                     "remainder");
  }
  /* Terms beyond that order are a tenth, sampling errors 5% each; the twin's ratio is 16.5/4.5. */
  ck_assert_double_eq_tol(scaled[1] / scaled[0], 1, 0.5);
  ck_assert_double_ge(twins[1] / twins[0], 2.5);
  testing_assert_agrees(&family);
  struct sde_moments with = squared_errors(&draw, y, enough, true),
                     without = squared_errors(&draw, y, enough, false);
  ck_assert_double_le(with.mean + 5 * sde_moments_standard_error(with), 0.01);
  ck_assert_double_ge(without.mean - 5 * sde_moments_standard_error(without), 0.01);
  sde_free(y);
  draw_free(&draw);
}
END_TEST

/* For one area the error's limit is known:
 *   n^2 E|error|^2 -> dt^2 / (12 pi^2) E (1 + 2q) / (2 + 2q),
 * with q = |dW|^2 / dt twice an exponential. The next order is 1/(3n) of it at most. */
START_TEST(error_of_one_area)
{
  enum { TERMS = 16 };
  struct draw draw = draw_new(2, 1, testing_size(16384), 0.3, NULL);
  double *y = later_normals_new(&draw), square = pow(TERMS + 0.5, 2);
  struct sde_moments with = squared_errors(&draw, y, TERMS, true);
  double limit = (1 - exp(0.5) / 4 * gsl_sf_expint_E1(0.5)) / (12 * M_PI * M_PI);
  ck_assert_double_eq_tol(with.mean * square, limit,
                          5 * sde_moments_standard_error(with) * square + limit / (3 * TERMS));
  sde_free(y);
  draw_free(&draw);
}
END_TEST

/* ---- Two-point areas ---- */

START_TEST(signs_are_the_bits)
{
  enum { DIM = 18, PAIRS = 153, WIDTH = 72 };
  struct sde_address at = address();
  uint64_t words[4][WIDTH];
  double area[PAIRS * WIDTH];
  sde_levy_area_signs(&at, DIM, 0.2, WIDTH, area);
  for (size_t call = 0; call < 2; call++)
    sde_random_bits(&at, WIDTH, call, words[2 * call], words[2 * call + 1]);
  for (size_t i = 0; i < PAIRS * WIDTH; i++) {
    bool negative = words[i / WIDTH / 64][i % WIDTH] >> (i / WIDTH % 64) & 1;
    ck_assert_double_eq(area[i], negative ? -0.1 : 0.1);
  }
}
END_TEST

/* Means and products two by two, of mean 0 and variance 1 in units of dt/2. */
START_TEST(signs_are_independent)
{
  enum { DIM = 6, PAIRS = 15 };
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS / 4);
  struct sde_address at = address();
  double *sign = sde_alloc(PAIRS * width, sizeof *sign);
  sde_levy_area_signs(&at, DIM, 2, width, sign);
  for (size_t i = 0; i < PAIRS; i++)
    for (size_t l = 0; l <= i; l++) {
      double sum = 0;
      for (size_t p = 0; p < width; p++)
        sum += sign[i * width + p] * (i == l ? 1 : sign[l * width + p]);
      testing_add(&family, sum / sqrt((double)width), "signs %zu %zu", l, i);
    }
  testing_assert_agrees(&family);
  sde_free(sign);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("levy_area");
  TCase *definition = testing_case(suite, "definition");
  tcase_add_loop_test(definition, areas_are_their_definition, 0, DEFINITIONS);
  tcase_add_test(definition, series_is_the_area_of_its_path);
  tcase_add_test(definition, same_areas_in_any_block);
  TCase *moments = testing_case(suite, "moments");
  tcase_add_test(moments, second_moments_given_the_increments);
  tcase_add_test(moments, second_moments_without_the_increments);
  tcase_add_loop_test(moments, wrong_tail_would_be_noticed, 0, 2);
  tcase_add_test(moments, wrong_sign_of_a_pair_would_be_noticed);
  TCase *law = testing_case(suite, "law");
  tcase_add_loop_test(law, characteristic_functions, 0, COMBINATIONS);
  tcase_add_test(law, too_few_terms_would_be_noticed);
  tcase_add_test(law, areas_follow_levys_law);
  TCase *terms = testing_case(suite, "terms");
  tcase_add_test(terms, terms_meet_the_bound);
  tcase_add_test(terms, terms_have_lanes);
  tcase_add_loop_test(terms, error_falls_like_the_square_of_the_terms, 2, 5);
  tcase_add_test(terms, error_of_one_area);
  TCase *signs = testing_case(suite, "signs");
  tcase_add_test(signs, signs_are_the_bits);
  tcase_add_test(signs, signs_are_independent);
  return testing_run(suite);
}
