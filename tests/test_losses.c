/*
 * Losses: every loss of the registry against finite differences; the values of the shipped ones
 * against code of their own; and the input they refuse.
 */
#include "models/data.h"
#include "sde/block.h"
#include "sde/random.h"
#include "tests/models_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDEST = 64, BLOCKS = 4 };

/* A block of random points near the start, directions, and a sample for each path. */
struct points {
  size_t dim, width;
  double *x, *v, *w;
  uint32_t index[WIDEST];
};

static struct points points_new(const struct loss *loss, size_t width, size_t block)
{
  struct points points = {.dim = loss->dim, .width = width};
  struct sde_address at = {sde_stream_named(1, "points"), block * width, 0};
  double **vectors[] = {&points.x, &points.v, &points.w};
  for (size_t k = 0; k < 3; k++) {
    *vectors[k] = sde_alloc(loss->dim, width * sizeof(double));
    at.step = k;
    sde_random_normals(&at, width, loss->dim, *vectors[k]);
  }
  for (size_t i = 0; i < loss->dim * width; i++)
    points.x[i] = 0.5 * points.x[i] + (loss->start == NULL ? 0 : loss->start[i / width]);
  sde_random_indices(&at, width, 1, (uint32_t)loss->samples, points.index);
  return points;
}

static void points_free(struct points *points)
{
  sde_free(points->x);
  sde_free(points->v);
  sde_free(points->w);
}

/* The largest over the paths of |a - b| / |b|. */
static double worst_relative(const struct points *at, const double *a, const double *b)
{
  double worst = 0;
  for (size_t p = 0; p < at->width; p++) {
    double error = 0, norm = 0;
    for (size_t i = p; i < at->dim * at->width; i += at->width) {
      error += (a[i] - b[i]) * (a[i] - b[i]);
      norm += b[i] * b[i];
    }
    worst = fmax(worst, sqrt(error / norm));
  }
  return worst;
}

/* The central difference of fourth order: one of second order is off by 1e-6 of the slope itself
 * where a residual, and with it the gradient, all but vanishes. */
static const double STEP = 2e-4;
static const struct {
  double at, weight;
} stencil[] = {{-2, 1 / 12.0}, {-1, -8 / 12.0}, {1, 8 / 12.0}, {2, -1 / 12.0}};

enum { STENCIL = sizeof stencil / sizeof *stencil };

static double gradient_error(const struct loss *loss, const struct points *at,
                             struct loss_samples samples)
{
  size_t size = at->dim * at->width;
  double *g = sde_alloc(size, sizeof *g), *slope = sde_alloc(size, sizeof *slope);
  double *y = sde_alloc(size, sizeof *y), f[WIDEST];
  loss->type->gradient(loss, at->width, samples, at->x, g);
  for (size_t start = 0; start < size; start += at->width)
    for (size_t k = 0; k < STENCIL; k++) {
      sde_block_shift(size, at->x, 0, at->v, y);
      for (size_t p = 0; p < at->width; p++)
        y[start + p] += stencil[k].at * STEP;
      loss->type->value(loss, at->width, samples, y, f);
      sde_block_add(at->width, stencil[k].weight / STEP, f, slope + start);
    }
  double worst = worst_relative(at, g, slope);
  sde_free(g);
  sde_free(slope);
  sde_free(y);
  return worst;
}

static double hessian_error(const struct loss *loss, const struct points *at,
                            struct loss_samples samples)
{
  size_t size = at->dim * at->width;
  double *hv = sde_alloc(size, sizeof *hv), *slope = sde_alloc(size, sizeof *slope);
  double *y = sde_alloc(size, sizeof *y), *g = sde_alloc(size, sizeof *g);
  loss->type->hessian_vector(loss, at->width, samples, at->x, at->v, hv);
  for (size_t k = 0; k < STENCIL; k++) {
    sde_block_shift(size, at->x, stencil[k].at * STEP, at->v, y);
    loss->type->gradient(loss, at->width, samples, y, g);
    sde_block_add(size, stencil[k].weight / STEP, g, slope);
  }
  double worst = worst_relative(at, hv, slope);
  sde_free(hv);
  sde_free(slope);
  sde_free(y);
  sde_free(g);
  return worst;
}

static double dot(const struct points *at, size_t p, const double *a, const double *b)
{
  double sum = 0;
  for (size_t i = p; i < at->dim * at->width; i += at->width)
    sum += a[i] * b[i];
  return sum;
}

/* The largest over the paths of |v.Hw - w.Hv|, relative to |v| |Hw|. */
static double asymmetry(const struct loss *loss, const struct points *at,
                        struct loss_samples samples)
{
  size_t size = at->dim * at->width;
  double *hv = sde_alloc(size, sizeof *hv), *hw = sde_alloc(size, sizeof *hw), worst = 0;
  loss->type->hessian_vector(loss, at->width, samples, at->x, at->v, hv);
  loss->type->hessian_vector(loss, at->width, samples, at->x, at->w, hw);
  for (size_t p = 0; p < at->width; p++)
    worst = fmax(worst, fabs(dot(at, p, at->v, hw) - dot(at, p, at->w, hv)) /
                            sqrt(dot(at, p, at->v, at->v) * dot(at, p, hw, hw)));
  sde_free(hv);
  sde_free(hw);
  return worst;
}

typedef double measurement(const struct loss *loss, const struct points *at,
                           struct loss_samples samples);

/* The worst of a measure over at least 128 points, for widths 32 and 64, strides 0 and 1. */
static double worst_of(const struct loss *loss, measurement *measure)
{
  double worst = 0;
  for (size_t width = SDE_UNIT; width <= WIDEST; width *= 2)
    for (size_t block = 0; block < BLOCKS; block++)
      for (size_t stride = 0; stride < 2; stride++) {
        struct points points = points_new(loss, width, block);
        double here = measure(loss, &points, (struct loss_samples){points.index, stride});
        worst = isfinite(here) ? fmax(worst, here) : INFINITY;
        points_free(&points);
      }
  return worst;
}

static struct loss *example(int i)
{
  return models_loss(models_loss_example(loss_types()[i]->name), NULL);
}

START_TEST(derivatives_match_finite_differences)
{
  struct loss *loss = example(_i);
  ck_assert_double_lt(worst_of(loss, gradient_error), 1e-6);
  ck_assert_double_lt(worst_of(loss, hessian_error), 1e-6);
  ck_assert_double_lt(worst_of(loss, asymmetry), 1e-13);
  loss_free(loss);
}
END_TEST

/* A loss whose derivatives are off by one part in 10^5 in one coordinate. */
struct nudged_type {
  struct loss_type type; /* first, so that a loss leads back to the exact one */
  const struct loss_type *exact;
};

static const struct loss_type *exact_type(const struct loss *loss)
{
  return ((const struct nudged_type *)loss->type)->exact;
}

static void nudged_gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                            const double *x, double *g)
{
  exact_type(loss)->gradient(loss, width, samples, x, g);
  sde_block_scale(width, 1 + 1e-5, g);
}

static void nudged_hessian(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *x, const double *v, double *hv)
{
  exact_type(loss)->hessian_vector(loss, width, samples, x, v, hv);
  sde_block_add(width, 1e-5, v + (loss->dim - 1) * width, hv);
}

START_TEST(wrong_derivatives_would_be_noticed)
{
  struct loss *loss = example(_i), nudged = *loss;
  struct nudged_type nudge = {*loss->type, loss->type};
  nudge.type.gradient = nudged_gradient;
  nudged.type = &nudge.type;
  ck_assert_double_gt(worst_of(&nudged, gradient_error), 2e-6);
  nudge.type = *loss->type;
  nudge.type.hessian_vector = nudged_hessian;
  ck_assert_double_gt(worst_of(&nudged, hessian_error), 2e-6);
  if (loss->dim > 1) /* in one dimension no Hessian is asymmetric */
    ck_assert_double_gt(worst_of(&nudged, asymmetry), 1e-8);
  loss_free(loss);
}
END_TEST

/* Path p of a wide block with its own samples, against a block of 32 for that sample and point
 * alone: the same bits. */
START_TEST(strides_and_widths_give_the_same_bits)
{
  struct loss *loss = example(_i);
  const struct loss_type *type = loss->type;
  struct points wide = points_new(loss, WIDEST, 0), narrow = points_new(loss, SDE_UNIT, 9);
  size_t size = loss->dim * WIDEST, wrong = 0;
  double *g = sde_alloc(size, sizeof *g), *hv = sde_alloc(size, sizeof *hv), f[WIDEST];
  double *g1 = sde_alloc(size, sizeof *g), *hv1 = sde_alloc(size, sizeof *hv), f1[WIDEST];
  struct loss_samples own = {wide.index, 1};
  type->value(loss, WIDEST, own, wide.x, f);
  type->gradient(loss, WIDEST, own, wide.x, g);
  type->hessian_vector(loss, WIDEST, own, wide.x, wide.v, hv);
  for (size_t p = 0; p < WIDEST; p++) {
    size_t lane = (p * 7) % SDE_UNIT;
    for (size_t i = 0; i < loss->dim; i++) {
      narrow.x[i * SDE_UNIT + lane] = wide.x[i * WIDEST + p];
      narrow.v[i * SDE_UNIT + lane] = wide.v[i * WIDEST + p];
    }
    struct loss_samples shared = {wide.index + p, 0};
    type->value(loss, SDE_UNIT, shared, narrow.x, f1);
    type->gradient(loss, SDE_UNIT, shared, narrow.x, g1);
    type->hessian_vector(loss, SDE_UNIT, shared, narrow.x, narrow.v, hv1);
    wrong += f[p] != f1[lane];
    for (size_t i = 0; i < loss->dim; i++)
      wrong += g[i * WIDEST + p] != g1[i * SDE_UNIT + lane] ||
               hv[i * WIDEST + p] != hv1[i * SDE_UNIT + lane];
  }
  ck_assert_uint_eq(wrong, 0);
  double *all[] = {g, hv, g1, hv1};
  for (size_t i = 0; i < 4; i++)
    sde_free(all[i]);
  points_free(&wide);
  points_free(&narrow);
  loss_free(loss);
}
END_TEST

START_TEST(means_are_averages_over_samples)
{
  struct loss *loss = example(_i);
  struct points at = points_new(loss, WIDEST, 0);
  size_t size = loss->dim * WIDEST;
  double share = 1 / (double)loss->samples, f[WIDEST], fi[WIDEST], sum_f[WIDEST] = {0};
  double *sum[2], *mean[2], *one = sde_alloc(size, sizeof *one);
  for (size_t k = 0; k < 2; k++) {
    sum[k] = sde_alloc(size, sizeof(double));
    mean[k] = sde_alloc(size, sizeof(double));
  }
  for (uint32_t i = 0; i < loss->samples; i++) {
    struct loss_samples samples = {&i, 0};
    loss->type->value(loss, WIDEST, samples, at.x, fi);
    for (size_t p = 0; p < WIDEST; p++)
      sum_f[p] += share * fi[p];
    loss->type->gradient(loss, WIDEST, samples, at.x, one);
    sde_block_add(size, share, one, sum[0]);
    loss->type->hessian_vector(loss, WIDEST, samples, at.x, at.v, one);
    sde_block_add(size, share, one, sum[1]);
  }
  loss_mean_value(loss, WIDEST, at.x, f, one);
  loss_mean_gradient(loss, WIDEST, at.x, mean[0], one);
  loss_mean_hessian_vector(loss, WIDEST, at.x, at.v, mean[1], one);
  for (size_t p = 0; p < WIDEST; p++)
    ck_assert_double_eq_tol(f[p], sum_f[p], 1e-12 * fabs(f[p]));
  for (size_t k = 0; k < 2; k++) {
    ck_assert_double_lt(worst_relative(&at, mean[k], sum[k]), 1e-12);
    sde_free(sum[k]);
    sde_free(mean[k]);
  }
  sde_free(one);
  points_free(&at);
  loss_free(loss);
}
END_TEST

/* `quadratic` is a promise on which exact expansions rest: Hessians that do not depend on x. */
START_TEST(quadratic_says_whether_hessians_are_constant)
{
  struct loss *loss = example(_i);
  struct points at = points_new(loss, WIDEST, 0), elsewhere = points_new(loss, WIDEST, 1);
  size_t size = loss->dim * WIDEST;
  double *here = sde_alloc(size, sizeof *here), *there = sde_alloc(size, sizeof *there);
  struct loss_samples samples = {at.index, 1};
  loss->type->hessian_vector(loss, WIDEST, samples, at.x, at.v, here);
  loss->type->hessian_vector(loss, WIDEST, samples, elsewhere.x, at.v, there);
  if (loss->quadratic)
    ck_assert_double_lt(worst_relative(&at, here, there), 1e-12);
  else
    ck_assert_double_gt(worst_relative(&at, here, there), 1e-2);
  sde_free(here);
  sde_free(there);
  points_free(&at);
  points_free(&elsewhere);
  loss_free(loss);
}
END_TEST

START_TEST(names_find_their_type)
{
  const struct loss_type *type = loss_types()[_i];
  ck_assert_ptr_eq(loss_type_named(type->name), type);
  ck_assert_ptr_null(loss_type_named("no such loss"));
}
END_TEST

/* Generalised linear losses, coded again: a row of features, then y. */
static double reference_value(bool logistic, double ridge, size_t features, const double *row,
                              const double *x)
{
  double s = x[features], penalty = 0, y = row[features];
  for (size_t j = 0; j < features; j++) {
    s += row[j] * x[j];
    penalty += 0.5 * ridge * x[j] * x[j];
  }
  return penalty + (logistic ? (y == 1 ? log1p(exp(-s)) : log1p(exp(s))) : (s - y) * (s - y) / 2);
}

static void standardize_column(double *values, size_t rows, size_t columns, size_t column)
{
  double sum = 0, square = 0;
  for (size_t i = 0; i < rows; i++)
    sum += values[i * columns + column];
  for (size_t i = 0; i < rows; i++)
    square += pow(values[i * columns + column] - sum / (double)rows, 2);
  for (size_t i = 0; i < rows; i++)
    values[i * columns + column] =
        (values[i * columns + column] - sum / (double)rows) / sqrt(square / (double)rows);
}

struct linear_case {
  const char *loss, *file;
  const char *columns[3]; /* two features, then the target */
  bool standardize, standardize_target;
  double ridge, positive;
};

static const struct linear_case linear_cases[] = {
    {"linear-regression data=data/diabetes.csv columns=s5,bmi ridge=0.3",
     "data/diabetes.csv",
     {"s5", "bmi", "progression"},
     true,
     true,
     0.3,
     0},
    {"linear-regression data=data/diabetes.csv columns=bmi,age target=bp standardize=false "
     "standardize_target=false",
     "data/diabetes.csv",
     {"bmi", "age", "bp"},
     false,
     false,
     0,
     0},
    {"logistic data=data/breast_cancer.csv columns=mean_area,mean_texture ridge=0.02",
     "data/breast_cancer.csv",
     {"mean_area", "mean_texture", "benign"},
     true,
     false,
     0.02,
     1},
    {"logistic data=data/iris.csv columns=petal_length,sepal_width positive=2 standardize=false",
     "data/iris.csv",
     {"petal_length", "sepal_width", "species"},
     false,
     false,
     0,
     2},
};

/* The two features and the target of a case, [row*3 + column]. */
static double *reference_rows(const struct linear_case *c, size_t *rows)
{
  struct sde_status status = {SDE_OK, ""};
  struct data_table *table = data_table_read(c->file, &status);
  ck_assert_msg(table != NULL, "%s", status.message);
  double *values = sde_alloc(table->rows, 3 * sizeof *values);
  for (size_t k = 0; k < 3; k++) {
    size_t column = data_table_column(table, c->columns[k]);
    for (size_t i = 0; i < table->rows; i++)
      values[3 * i + k] = table->values[i * table->columns + column];
    if (k < 2 ? c->standardize : c->standardize_target)
      standardize_column(values, table->rows, 3, k);
  }
  for (size_t i = 0; c->positive > 0 && i < table->rows; i++)
    values[3 * i + 2] = values[3 * i + 2] == c->positive;
  *rows = table->rows;
  data_table_free(table);
  return values;
}

START_TEST(regressions_have_the_values_of_their_formulas)
{
  const struct linear_case *c = &linear_cases[_i];
  size_t rows;
  double *values = reference_rows(c, &rows), f[SDE_UNIT];
  struct loss *loss = models_loss(c->loss, NULL);
  ck_assert_uint_eq(loss->dim, 3);
  ck_assert_uint_eq(loss->samples, rows);
  ck_assert(loss->start[0] == 0 && loss->start[1] == 0 && loss->start[2] == 0);
  struct points at = points_new(loss, SDE_UNIT, 0);
  for (uint32_t i = 0; i < rows; i++) {
    loss->type->value(loss, SDE_UNIT, (struct loss_samples){&i, 0}, at.x, f);
    double worst = 0;
    for (size_t p = 0; p < SDE_UNIT; p++) {
      double x[3] = {at.x[p], at.x[SDE_UNIT + p], at.x[2 * SDE_UNIT + p]};
      double expected = reference_value(c->positive > 0, c->ridge, 2, values + 3 * i, x);
      worst = fmax(worst, fabs(f[p] - expected) / fmax(expected, 1e-3));
    }
    ck_assert_double_lt(worst, 1e-11);
  }
  points_free(&at);
  loss_free(loss);
  sde_free(values);
}
END_TEST

/* Without columns: all but the target, in their order, whatever the target's place. */
START_TEST(columns_default_to_all_but_the_target)
{
  char *file = models_file("a,y,b\n1,10,2\n3,20,4\n5,40,8\n"), f_text[2][256];
  static const char *const keys = "target=y standardize=false standardize_target=false";
  snprintf(f_text[0], sizeof f_text[0], "linear-regression data=%s %s", file, keys);
  snprintf(f_text[1], sizeof f_text[1], "linear-regression data=%s %s columns=a,b", file, keys);
  double f[2][SDE_UNIT], scratch[3 * SDE_UNIT];
  for (size_t k = 0; k < 2; k++) {
    struct loss *loss = models_loss(f_text[k], NULL);
    struct points at = points_new(loss, SDE_UNIT, 0);
    loss_mean_value(loss, SDE_UNIT, at.x, f[k], scratch);
    points_free(&at);
    loss_free(loss);
  }
  for (size_t p = 0; p < SDE_UNIT; p++)
    ck_assert(f[0][p] == f[1][p]);
  models_file_remove(file);
}
END_TEST

/* Without an intercept nothing is added, and f_i = 1/2 (a x - y)^2. */
START_TEST(intercept_can_be_left_out)
{
  char *file = models_file("a,y\n2,1\n3,1\n"), text[256];
  snprintf(text, sizeof text,
           "linear-regression data=%s intercept=false standardize=false "
           "standardize_target=false ridge=0.5",
           file);
  struct loss *loss = models_loss(text, NULL);
  ck_assert_uint_eq(loss->dim, 1);
  double x[SDE_UNIT], f[SDE_UNIT], scratch[SDE_UNIT];
  sde_block_fill(SDE_UNIT, 2, x);
  loss_mean_value(loss, SDE_UNIT, x, f, scratch);
  ck_assert_double_eq_tol(f[7], (9 + 25) / 4.0 + 1, 1e-13);
  loss_free(loss);
  models_file_remove(file);
}
END_TEST

/* Margins s = +-1000: f = max(s, 0) - y s, its slope 0 or +-1, no overflow and no NaN. */
START_TEST(logistic_survives_large_margins)
{
  char *file = models_file("a,y\n1,0\n1,1\n"), text[256];
  snprintf(text, sizeof text, "logistic data=%s intercept=false standardize=false", file);
  struct loss *loss = models_loss(text, NULL);
  double x[SDE_UNIT], one[SDE_UNIT], out[SDE_UNIT];
  sde_block_fill(SDE_UNIT, 1, one);
  for (uint32_t i = 0; i < 2; i++)
    for (int sign = -1; sign <= 1; sign += 2) {
      struct loss_samples samples = {&i, 0};
      bool wrong_side = (sign > 0) != (i == 1);
      sde_block_fill(SDE_UNIT, 1000 * sign, x);
      loss->type->value(loss, SDE_UNIT, samples, x, out);
      ck_assert_double_eq_tol(out[0], wrong_side ? 1000 : 0, 1e-12);
      loss->type->gradient(loss, SDE_UNIT, samples, x, out);
      ck_assert_double_eq_tol(out[0], wrong_side ? sign : 0, 1e-12);
      loss->type->hessian_vector(loss, SDE_UNIT, samples, x, one, out);
      ck_assert_double_eq_tol(out[0], 0, 1e-12);
    }
  loss_free(loss);
  models_file_remove(file);
}
END_TEST

/* g_i = (u v - y_i) (v, u), so that the labels can be read off at (1, 1). */
static void check_labels(size_t n, double sigma)
{
  char text[96];
  snprintf(text, sizeof text, "valley samples=%zu standard_deviation=%g", n, sigma);
  struct loss *loss = models_loss(text, NULL);
  ck_assert_uint_eq(loss->samples, n);
  double x[2 * SDE_UNIT], g[2 * SDE_UNIT], sum = 0, square = 0;
  sde_block_fill(2 * SDE_UNIT, 1, x);
  for (uint32_t i = 0; i < n; i++) {
    loss->type->gradient(loss, SDE_UNIT, (struct loss_samples){&i, 0}, x, g);
    ck_assert(g[0] == g[SDE_UNIT]);
    sum += 1 - g[0];
    square += g[0] * g[0];
  }
  ck_assert_double_eq_tol(sum / (double)n, 1, 1e-13 * (1 + sigma));
  ck_assert_double_eq_tol(square / (double)n, sigma * sigma, 1e-12 * (1 + sigma * sigma));
  loss_free(loss);
}

START_TEST(valley_labels_have_mean_one_and_variance_sigma_squared)
{
  check_labels(1, 0);
  check_labels(2, 1);
  check_labels(7, 0.3);
  check_labels(16, 1);
  check_labels(1000, 25);
}
END_TEST

START_TEST(valley_minima_fill_uv_equal_one)
{
  struct loss *loss = models_loss("valley samples=7 standard_deviation=0.7", NULL);
  double x[2 * SDE_UNIT], g[2 * SDE_UNIT], f[SDE_UNIT], scratch[2 * SDE_UNIT];
  for (size_t p = 0; p < SDE_UNIT; p++) {
    x[p] = (p % 2 == 0 ? 1 : -1) * exp(0.2 * (double)p - 3);
    x[SDE_UNIT + p] = 1 / x[p];
  }
  loss_mean_gradient(loss, SDE_UNIT, x, g, scratch);
  loss_mean_value(loss, SDE_UNIT, x, f, scratch);
  for (size_t p = 0; p < SDE_UNIT; p++) {
    ck_assert_double_lt(hypot(g[p], g[SDE_UNIT + p]), 1e-13 * hypot(x[p], x[SDE_UNIT + p]));
    ck_assert_double_eq_tol(f[p], 0.49 / 2, 1e-13); /* what the labels leave */
  }
  loss_free(loss);
}
END_TEST

/* From ten dimensions on, names hold a separator: A1_10 and A11_0 would else be one. */
START_TEST(quadratic_in_ten_dimensions)
{
  char header[1000] = "", row[1000] = "";
  for (int i = 1; i <= 10; i++)
    for (int j = 1; j <= 10; j++) {
      sprintf(header + strlen(header), "A%d_%d,", i, j);
      sprintf(row + strlen(row), "%d,", i == j ? i : 0);
    }
  for (int i = 1; i <= 10; i++) {
    sprintf(header + strlen(header), "b%d%s", i, i < 10 ? "," : "\n");
    sprintf(row + strlen(row), "%d%s", -i, i < 10 ? "," : "\n");
  }
  char *csv = sde_format("%s%s", header, row), *file = models_file(csv);
  char *text = sde_format("quadratic data=%s", file);
  struct loss *loss = models_loss(text, NULL);
  ck_assert_uint_eq(loss->dim, 10);
  ck_assert_uint_eq(loss->samples, 1);
  double x[10 * SDE_UNIT], f[SDE_UNIT], scratch[10 * SDE_UNIT];
  sde_block_fill(10 * SDE_UNIT, 2, x);
  loss_mean_value(loss, SDE_UNIT, x, f, scratch);
  ck_assert_double_eq_tol(f[31], 55 * (2 + 2), 1e-12); /* sum over i of i/2 * 4 + i * 2 */
  loss_free(loss);
  models_file_remove(file);
  sde_free(text);
  sde_free(csv);
}
END_TEST

struct bad_loss {
  const char *loss, *csv; /* the loss without its data key */
  const char *place;      /* "FILE:LINE" with %s for the file, or a recipe's key */
  const char *words;
};

static const struct bad_loss bad_losses[] = {
    {"quadratic", "A11,A12,A21,A22,b1,b2\n1,0,0,1,0,0\n1,0.5,0.25,1,0,0\n", "%s:3",
     "not symmetric|(1,2)|0.5|(2,1)|0.25"},
    {"quadratic", "A11,A12,A21,A22,b1,b2\n1,0,1e-9,1,0,0\n", "%s:2", "not symmetric"},
    {"quadratic", "A11,A21,A12,A22,b1,b2\n1,0,0,1,0,0\n", "%s:1", "column 2|'A21'|'A12'"},
    {"quadratic", "b1,b2,A11,A12,A21,A22\n1,0,0,1,0,0\n", "%s:1", "column 1|'b1'|'A11'"},
    {"quadratic", "A11,A12,A21,A22,b1\n1,0,0,1,0\n", "%s:1", "5 columns|d*d + d"},
    {"quadratic", "A11\n1\n", "%s:1", "1 columns|d*d + d"},
    {"quadratic", "A11,b1\n1,\n", "%s:2", "empty"},
    {"linear-regression", "a,b,y\n1,5,2\n2,5,4\n3,5,5\n", "%s:1", "'b'|constant|standardize"},
    {"linear-regression", "a,b,y\n1,0.1,2\n2,0.1,4\n3,0.1,5\n", "%s:1", "'b'|constant"},
    {"linear-regression", "a,y\n1,7\n2,7\n", "recipe:data", "target|constant|standardize_target"},
    {"linear-regression columns=a,zz", "a,b,y\n1,2,3\n2,3,5\n", "recipe:columns",
     "no column 'zz'|a, b, y"},
    {"linear-regression target=zz", "a,b,y\n1,2,3\n2,3,5\n", "recipe:target",
     "no column 'zz'|a, b, y"},
    {"linear-regression columns=a,b,a", "a,b,y\n1,2,3\n2,3,5\n", "recipe:columns", "'a'|twice"},
    {"linear-regression columns=a,y", "a,b,y\n1,2,3\n2,3,5\n", "recipe:columns", "'y'|target"},
    {"linear-regression intercept=false", "y\n3\n5\n", "%s", "no feature"},
    {"linear-regression", "a,y\n1,2\n2,x\n", "%s:3", "'x'|'y'"},
    {"logistic", "a,y\n1,0\n2,1\n3,2\n", "%s:4", "target| 2;|0 or 1|positive"},
    {"logistic", "a,y\n1,0\n2,0.5\n", "%s:3", "target|0.5|0 or 1"},
    {"logistic", "a,y\n1,0\n2,0\n", "recipe:data", "one class"},
    {"logistic positive=3", "a,y\n1,0\n2,1\n", "recipe:positive", "one class"},
    {"logistic", "a,b,y\n4,1,0\n4,2,1\n", "%s:1", "'a'|constant"},
    {"linear-regression", "a,b,y\n0,1000000000001,3\n1,1000000000002,3\n2,1000000000003,4\n",
     "%s:1", "'b' is nearly constant|8.2e-13 of its mean|standardize: false"},
    {"linear-regression", "a,y\n0,1e15\n1,1000000000000001\n", "recipe:data",
     "the target is nearly constant|5e-16 of its mean|standardize_target: false"},
    {"logistic", "age,height,ill\n72.9,1.84,yes\n62.0,1.71,no\n", "%s:2",
     "'yes'|'ill'|not a finite number|`positive: yes`"},
    {"logistic positive=Yes", "age,ill\n72.9,yes\n62.0,no\n", "recipe:positive",
     "one class|none the target 'Yes'"},
    {"logistic positive=yes", "age,ill\n72.9,yes\n62.0,\n", "%s:3", "'ill'|empty"},
    {"logistic positive=yes", "age,ill\n72.9,yes\n62.0,NA\n", "%s:3", "'NA'|'ill'"},
    {"logistic target=krank", "Alter (Jahre),Geschlecht,krank\n72.9,weiblich,1\n71,x,0\n", "%s:2",
     "'weiblich'|'Geschlecht'|not a finite number"},
    {"linear-regression columns=a separator=semicolon", "a,b,y\n1,2,3\n2,3,5\n", "%s:1",
     "separated by commas"},
    {"formula expression=0.5*(u-a)^2 parameters=u sample_parameters=a", "a,b\n1,x\n0x2,y\n", "%s:3",
     "'0x2'|'a'|hexadecimal"},
    {"matrix-factorization rank=1", "a,b\n1,2\n3,x\n", "%s:3", "'x'|'b'"},
};

/* The same numbers in files of several kinds: the losses are the same. The text columns are not
 * asked for. */
static const struct {
  const char *name, *loss, *csv, *other, *other_csv;
  double tolerance;
} same_losses[] = {
    {"a text column", "logistic target=k columns=a,h",
     "a,h,sex,k\n72.9,1.84,m,1\n71,1.56,m,0\n62,1.71,f,0\n", "logistic target=k",
     "a,h,k\n72.9,1.84,1\n71,1.56,0\n62,1.71,0\n", 0},
    {"an index", "logistic",
     "\"\",\"a, years\",\"k\"\n\"0\",72.9,\"1\"\n\"1\",71,\"0\"\n\"2\",62,\"0\"\n", "logistic",
     "a,k\n72.9,1\n71,0\n62,0\n", 0},
    {"yes and no", "logistic positive=yes", "a,k\n72.9,yes\n71,no\n62,no\n", "logistic",
     "a,k\n72.9,1\n71,0\n62,0\n", 0},
    {"no and yes", "logistic positive=no", "a,k\n72.9,yes\n71,no\n62,no\n", "logistic positive=0",
     "a,k\n72.9,1\n71,0\n62,0\n", 0},
    {"a number as text", "logistic positive=2", "a,k\n72.9,1\n71,2.0\n62,2e0\n", "logistic",
     "a,k\n72.9,0\n71,1\n62,1\n", 0},
    {"words of a network", "mlp output=logistic hidden=2 positive=+", "a,k\n72.9,+\n71,-\n62,-\n",
     "mlp output=logistic hidden=2", "a,k\n72.9,1\n71,0\n62,0\n", 0},
    {"semicolons", "linear-regression separator=semicolon decimal=comma",
     "a;y\n72,9;1\n71;0,5\n62;2\n", "linear-regression", "a,y\n72.9,1\n71,0.5\n62,2\n", 0},
    {"missing cells", "linear-regression missing=drop columns=a target=y",
     "a,b,y\n72.9,,1\n,1,7\n71,2,0.5\n62,,2\n60,1,NA\n", "linear-regression",
     "a,y\n72.9,1\n71,0.5\n62,2\n", 0},
    {"a quadratic with an index", "quadratic separator=tab", "\tA11\tb1\n0\t1\t2\n1\t3\t4\n",
     "quadratic", "A11,b1\n1,2\n3,4\n", 0},
    {"a formula beside text", "formula expression=0.5*(u-a)^2 parameters=u sample_parameters=a",
     "n,a\nx,1\ny,3\n", "formula expression=0.5*(u-a)^2 parameters=u sample_parameters=a",
     "a\n1\n3\n", 0},
    {"a matrix", "matrix-factorization rank=1 decimal=comma separator=tab", "a\tb\n1,5\t2\n3\t4\n",
     "matrix-factorization rank=1", "a,b\n1.5,2\n3,4\n", 0},
    {"large and near", "linear-regression",
     "a,y\n1000000000001,1\n1000000000004,5\n1000000000009,2\n1000000000011,3\n",
     "linear-regression", "a,y\n1,1\n4,5\n9,2\n11,3\n", 1e-14},
    {"large and near by a fraction", "linear-regression",
     "a,y\n67108864.25,1\n67108864.5,5\n67108865,2\n", "linear-regression",
     "a,y\n0.25,1\n0.5,5\n1,2\n", 1e-14},
};
enum { SAME_LOSSES = sizeof same_losses / sizeof *same_losses };

static struct loss *loss_of_csv(const char *loss, const char *csv)
{
  char *file = models_file(csv), *text = sde_format("%s data=%s", loss, file);
  struct loss *made = models_loss(text, NULL);
  models_file_remove(file);
  sde_free(text);
  return made;
}

START_TEST(same_in_another_dress)
{
  struct loss *one = loss_of_csv(same_losses[_i].loss, same_losses[_i].csv);
  struct loss *other = loss_of_csv(same_losses[_i].other, same_losses[_i].other_csv);
  ck_assert_uint_eq(one->samples, other->samples);
  ck_assert_uint_eq(one->dim, other->dim);
  ck_assert_int_eq(one->note != NULL, strstr(same_losses[_i].loss, "missing=drop") != NULL);
  size_t size = one->dim * SDE_UNIT;
  double *x = sde_alloc(size, sizeof *x), *g = sde_alloc(size, sizeof *g);
  double *h = sde_alloc(size, sizeof *h);
  sde_random_normals(&(struct sde_address){{5, 1}, 0, 0}, SDE_UNIT, one->dim, x);
  for (uint32_t i = 0; i < one->samples; i++) {
    one->type->gradient(one, SDE_UNIT, (struct loss_samples){&i, 0}, x, g);
    other->type->gradient(other, SDE_UNIT, (struct loss_samples){&i, 0}, x, h);
    for (size_t k = 0; k < size; k++)
      ck_assert_msg(fabs(g[k] - h[k]) <= same_losses[_i].tolerance * (1 + fabs(h[k])),
                    "%s: sample %u: %.17g is %.17g there", same_losses[_i].name, i, g[k], h[k]);
  }
  sde_free(x), sde_free(g), sde_free(h);
  loss_free(one);
  loss_free(other);
}
END_TEST

START_TEST(bad_input_is_refused)
{
  const struct bad_loss *bad = &bad_losses[_i];
  char *file = models_file(bad->csv), place[256], text[256];
  snprintf(text, sizeof text, "%s data=%s", bad->loss, file);
  snprintf(place, sizeof place, "%s%s", bad->place[0] == '%' ? file : "",
           bad->place + (bad->place[0] == '%' ? 2 : 0));
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(models_loss(text, &status));
  models_assert_refused(&status, place, bad->words);
  models_file_remove(file);
}
END_TEST

START_TEST(missing_data_is_refused)
{
  static const char *const names[] = {"quadratic", "linear-regression", "logistic"};
  for (size_t i = 0; i < 3; i++) {
    char *text = sde_format("%s data=no/such.csv", names[i]);
    struct sde_status status = {SDE_OK, ""};
    ck_assert_ptr_null(models_loss(text, &status));
    models_assert_refused(&status, "no/such.csv", "cannot be opened");
    sde_free(text);
  }
}
END_TEST

START_TEST(valley_of_one_noisy_sample_is_refused)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(models_loss("valley samples=1 standard_deviation=0.5", &status));
  models_assert_refused(&status, "recipe:samples", "one sample|at least 2");
}
END_TEST

static void add_generic_tests(Suite *suite)
{
  int types = 0;
  while (loss_types()[types] != NULL)
    types++;
  TCase *tests = testing_case(suite, "every loss");
  tcase_add_loop_test(tests, derivatives_match_finite_differences, 0, types);
  tcase_add_loop_test(tests, wrong_derivatives_would_be_noticed, 0, types);
  tcase_add_loop_test(tests, strides_and_widths_give_the_same_bits, 0, types);
  tcase_add_loop_test(tests, means_are_averages_over_samples, 0, types);
  tcase_add_loop_test(tests, quadratic_says_whether_hessians_are_constant, 0, types);
  tcase_add_loop_test(tests, names_find_their_type, 0, types);
}

int main(void)
{
  Suite *suite = suite_create("losses");
  add_generic_tests(suite);
  TCase *values = testing_case(suite, "values");
  tcase_add_loop_test(values, regressions_have_the_values_of_their_formulas, 0,
                      sizeof linear_cases / sizeof *linear_cases);
  tcase_add_test(values, columns_default_to_all_but_the_target);
  tcase_add_test(values, intercept_can_be_left_out);
  tcase_add_test(values, logistic_survives_large_margins);
  tcase_add_test(values, valley_labels_have_mean_one_and_variance_sigma_squared);
  tcase_add_test(values, valley_minima_fill_uv_equal_one);
  tcase_add_test(values, quadratic_in_ten_dimensions);
  TCase *refusals = testing_case(suite, "refusals");
  tcase_add_loop_test(refusals, bad_input_is_refused, 0, sizeof bad_losses / sizeof *bad_losses);
  tcase_add_test(refusals, missing_data_is_refused);
  tcase_add_loop_test(refusals, same_in_another_dress, 0, SAME_LOSSES);
  tcase_add_test(refusals, valley_of_one_noisy_sample_is_refused);
  return testing_run(suite);
}
