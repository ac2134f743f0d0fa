/*
 * Networks: mlp and teacher-student against a forward pass of their own in complex long double
 * numbers, whose imaginary step gives the gradient without cancellation; large scores; the target
 * and the features; the teacher; and the input they refuse.
 */
#include "models/data.h"
#include "models/mlp_network.h"
#include "sde/block.h"
#include "tests/models_testing.h"
#include "tests/testing.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef long double complex number;

/* What is read from the file again, and the network, coded apart. `classes` is 1 for squares and 2
 * for logistic, which has one output. */
struct reference {
  size_t samples, features, hidden, classes, outputs, dim;
  double ridge;
  double *a, *y; /* a[sample*features + j] */
};

struct network_case {
  const char *loss, *file, *columns[5];
  size_t features, hidden, classes, outputs;
  bool standardize, standardize_target;
  double ridge, positive;
};

#define IRIS "sepal_length", "sepal_width", "petal_length", "petal_width", "species"
static const struct network_case cases[] = {
    {"mlp data=data/iris.csv output=softmax hidden=5 ridge=0.1",
     "data/iris.csv",
     {IRIS},
     4,
     5,
     3,
     3,
     true,
     false,
     0.1,
     -1},
    {"mlp data=data/iris.csv output=logistic positive=1 hidden=3 standardize=false ridge=0.2",
     "data/iris.csv",
     {IRIS},
     4,
     3,
     2,
     1,
     false,
     false,
     0.2,
     1},
    {"mlp data=data/breast_cancer.csv columns=mean_area,mean_texture output=logistic hidden=2",
     "data/breast_cancer.csv",
     {"mean_area", "mean_texture", "benign"},
     2,
     2,
     2,
     1,
     true,
     false,
     0,
     -1},
    {"mlp data=data/diabetes.csv columns=bmi,s5,bp output=squared hidden=4 ridge=0.3",
     "data/diabetes.csv",
     {"bmi", "s5", "bp", "progression"},
     3,
     4,
     1,
     1,
     true,
     true,
     0.3,
     -1},
    {"mlp data=data/iris.csv columns=petal_width target=petal_length output=squared hidden=64 "
     "standardize_target=false",
     "data/iris.csv",
     {"petal_width", "petal_length"},
     1,
     64,
     1,
     1,
     true,
     false,
     0,
     -1},
};
enum { CASES = sizeof cases / sizeof *cases };

static void standardize(double *values, size_t rows, size_t stride)
{
  long double sum = 0, square = 0;
  for (size_t i = 0; i < rows; i++)
    sum += values[i * stride];
  for (size_t i = 0; i < rows; i++)
    square += powl(values[i * stride] - sum / rows, 2);
  for (size_t i = 0; i < rows; i++)
    values[i * stride] = (double)((values[i * stride] - sum / rows) / sqrtl(square / rows));
}

static struct reference reference_new(const struct network_case *c)
{
  struct sde_status status = {SDE_OK, ""};
  struct data_table *table = data_table_read(c->file, &status);
  ck_assert_msg(table != NULL, "%s", status.message);
  struct reference r = {table->rows,
                        c->features,
                        c->hidden,
                        c->classes,
                        c->outputs,
                        0,
                        c->ridge,
                        sde_alloc(table->rows * c->features, sizeof(double)),
                        sde_alloc(table->rows, sizeof(double))};
  r.dim = r.hidden * (r.features + 1) + r.outputs * (r.hidden + 1);
  for (size_t j = 0; j <= r.features; j++) {
    size_t column = data_table_column(table, c->columns[j]);
    for (size_t i = 0; i < r.samples; i++)
      *(j < r.features ? &r.a[i * r.features + j] : &r.y[i]) =
          table->values[i * table->columns + column];
    if (j < r.features && c->standardize)
      standardize(r.a + j, r.samples, r.features);
  }
  if (c->standardize_target)
    standardize(r.y, r.samples, 1);
  for (size_t i = 0; i < r.samples && c->positive >= 0; i++)
    r.y[i] = r.y[i] == c->positive;
  data_table_free(table);
  return r;
}

static void reference_free(struct reference *r)
{
  sde_free(r->a);
  sde_free(r->y);
}

/* What a twin leaves out. */
enum broken { WHOLE, WITHOUT_BIAS, WITHOUT_RIDGE };

/* f_i at x: first the rows of W with their biases, then those of U. Scores are moderate here, so
 * that exponentials need no shift. */
static number reference_value(const struct reference *r, size_t sample, const number *x,
                              enum broken broken)
{
  number hidden[64], score[3] = {0}, penalty = 0, sum = 0;
  for (size_t k = 0; k < r->hidden; k++) {
    number z = 0;
    for (size_t j = 0; j < r->features; j++, x++) {
      z += *x * r->a[sample * r->features + j];
      penalty += *x * *x / 2;
    }
    z += broken == WITHOUT_BIAS ? 0 : *x;
    hidden[k] = ctanhl(z);
    x++;
  }
  for (size_t c = r->outputs == r->classes ? 0 : 1; c < r->classes; c++) {
    for (size_t k = 0; k < r->hidden; k++, x++) {
      score[c] += *x * hidden[k];
      penalty += *x * *x / 2;
    }
    score[c] += *x++;
  }
  penalty *= broken == WITHOUT_RIDGE ? 0 : r->ridge;
  if (r->classes == 1)
    return penalty + (score[0] - r->y[sample]) * (score[0] - r->y[sample]) / 2;
  for (size_t c = 0; c < r->classes; c++)
    sum += cexpl(score[c]);
  return penalty + clogl(sum) - score[(size_t)r->y[sample]];
}

/* Of path p: x + t v, and the gradient there by imaginary steps so small that their square is
 * nothing. */
static void reference_gradient(const struct reference *r, size_t sample, const double *x,
                               const double *v, long double t, size_t p, enum broken broken,
                               long double *g)
{
  const long double step = 1e-40L;
  number *at = sde_alloc(r->dim, sizeof *at);
  for (size_t i = 0; i < r->dim; i++)
    at[i] = x[i * SDE_UNIT + p] + t * v[i * SDE_UNIT + p];
  for (size_t i = 0; i < r->dim; i++) {
    at[i] += step * I;
    g[i] = cimagl(reference_value(r, sample, at, broken)) / step;
    at[i] = creall(at[i]);
  }
  sde_free(at);
}

/* H v by central differences of that gradient, of fourth order: off by step^4 / 30 times the fifth
 * derivative along v, whose entries are normals, and by 1e-19 / step. */
static void reference_hessian_vector(const struct reference *r, size_t sample, const double *x,
                                     const double *v, size_t p, long double *hv)
{
  static const long double at[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1}, step = 1e-4L;
  long double *g = sde_alloc(r->dim, sizeof *g);
  for (size_t k = 0; k < 4; k++) {
    reference_gradient(r, sample, x, v, at[k] * step, p, WHOLE, g);
    for (size_t i = 0; i < r->dim; i++)
      hv[i] += weight[k] * g[i] / (12 * step);
  }
  sde_free(g);
}

/* |a - b| / |b| of path p. */
static double relative(size_t dim, size_t p, const double *a, const long double *b)
{
  long double error = 0, norm = 0;
  for (size_t i = 0; i < dim; i++) {
    error += powl(a[i * SDE_UNIT + p] - b[i], 2);
    norm += b[i] * b[i];
  }
  return (double)sqrtl(error / norm);
}

struct points {
  double *x, *v;
  uint32_t index[SDE_UNIT];
};

/* Random points 0.5 about the start, or about 0 where there is no loss. */
static struct points points_new(const struct loss *loss, uint64_t block)
{
  struct points at = {sde_alloc(loss->dim, SDE_UNIT * sizeof(double)),
                      sde_alloc(loss->dim, SDE_UNIT * sizeof(double)),
                      {0}};
  struct sde_address address = {sde_stream_named(1, "network points"), block * SDE_UNIT, 0};
  sde_random_normals(&address, SDE_UNIT, loss->dim, at.x);
  address.step = 1;
  sde_random_normals(&address, SDE_UNIT, loss->dim, at.v);
  sde_random_indices(&address, SDE_UNIT, 1, (uint32_t)loss->samples, at.index);
  for (size_t i = 0; i < loss->dim * SDE_UNIT; i++)
    at.x[i] = 0.5 * at.x[i] + loss->start[i / SDE_UNIT];
  return at;
}

static void points_free(struct points *at)
{
  sde_free(at->x);
  sde_free(at->v);
}

struct errors {
  double value, gradient, hessian_vector;
};

/* The worst over paths [0, count) of a block, of value, gradient and H v. */
static struct errors errors_at(const struct loss *loss, const struct reference *r,
                               const struct points *at, size_t stride, size_t count,
                               enum broken broken)
{
  size_t dim = loss->dim;
  struct loss_samples samples = {at->index, stride};
  double f[SDE_UNIT], *g = sde_alloc(dim, SDE_UNIT * sizeof *g);
  double *hv = sde_alloc(dim, SDE_UNIT * sizeof *hv);
  struct errors worst = {0, 0, 0};
  loss->type->value(loss, SDE_UNIT, samples, at->x, f);
  loss->type->gradient(loss, SDE_UNIT, samples, at->x, g);
  loss->type->hessian_vector(loss, SDE_UNIT, samples, at->x, at->v, hv);
  for (size_t p = 0; p < count; p++) {
    long double *expected = sde_alloc(dim, sizeof *expected);
    number *x = sde_alloc(dim, sizeof *x);
    size_t sample = at->index[p * stride];
    for (size_t i = 0; i < dim; i++)
      x[i] = at->x[i * SDE_UNIT + p];
    long double value = creall(reference_value(r, sample, x, broken));
    worst.value = fmax(worst.value, (double)(fabsl(f[p] - value) / value));
    reference_gradient(r, sample, at->x, at->v, 0, p, broken, expected);
    worst.gradient = fmax(worst.gradient, relative(dim, p, g, expected));
    memset(expected, 0, dim * sizeof *expected);
    reference_hessian_vector(r, sample, at->x, at->v, p, expected);
    worst.hessian_vector = fmax(worst.hessian_vector, relative(dim, p, hv, expected));
    sde_free(expected);
    sde_free(x);
  }
  sde_free(g);
  sde_free(hv);
  return worst;
}

/* 128 random points, each output, both strides. Rounding: 1e-16 of each of dim terms, which cancel
 * in part where a residual is small. */
START_TEST(values_and_derivatives_are_those_of_another_forward_pass)
{
  const struct network_case *c = &cases[_i];
  struct loss *loss = models_loss(c->loss, NULL);
  struct reference r = reference_new(c);
  ck_assert_uint_eq(loss->dim, r.dim);
  ck_assert_uint_eq(loss->samples, r.samples);
  size_t count = r.dim > 100 ? 4 : SDE_UNIT; /* dim * hidden operations a gradient */
  for (uint64_t block = 0; block < 4; block++) {
    struct points at = points_new(loss, block);
    for (size_t stride = 0; stride < 2; stride++) {
      struct errors worst = errors_at(loss, &r, &at, stride, count, WHOLE);
      ck_assert_double_lt(worst.value, 1e-12);
      ck_assert_double_lt(worst.gradient, 1e-12);
      ck_assert_double_lt(worst.hessian_vector, 1e-10);
    }
    points_free(&at);
  }
  reference_free(&r);
  loss_free(loss);
}
END_TEST

/* The comparison is not blind: a bias or the ridge left out is seen. */
START_TEST(what_is_left_out_is_noticed)
{
  struct loss *loss = models_loss(cases[0].loss, NULL);
  struct reference r = reference_new(&cases[0]);
  struct points at = points_new(loss, 0);
  ck_assert_double_gt(errors_at(loss, &r, &at, 1, 4, WITHOUT_BIAS).gradient, 1e-2);
  ck_assert_double_gt(errors_at(loss, &r, &at, 1, 4, WITHOUT_RIDGE).gradient, 1e-2);
  points_free(&at);
  reference_free(&r);
  loss_free(loss);
}
END_TEST

/* One tanh unit on the constant input: s = tanh(w). Its two formulas meet at 1/2; both are right to
 * a few roundings, 2^-53 each. */
START_TEST(tanh_is_right_to_rounding)
{
  static const double end[] = {1e-300, 1e-8, 0.49999999999999994, 0.5, 20, 1000, 1e300, INFINITY};
  double one = 1, zero = 0, x[3] = {0, 1, 0}, s;
  struct mlp_network network = {1, 1, 1, 1, &one, &zero, NULL};
  double worst = 0;
  for (size_t i = 0; i < 2000 + 2 * sizeof end / sizeof *end; i++) {
    size_t e = i - 2000;
    x[0] = i < 2000 ? ((double)i - 999.5) / 250 : (e % 2 == 0 ? 1 : -1) * end[e / 2];
    mlp_network_scores(&network, 1, x, &s);
    worst = fmax(worst, (double)fabsl(s / tanhl(x[0]) - 1));
  }
  ck_assert_double_lt(worst, 5 * 0x1p-53);
  x[0] = NAN;
  mlp_network_scores(&network, 1, x, &s);
  ck_assert(isnan(s));
}
END_TEST

/* With the rows of W zero, the scores of every sample are the biases of U. */
static void set_scores(const struct loss *loss, size_t classes, const double *score, double *x)
{
  const struct mlp_network *network = loss->data;
  sde_block_fill(loss->dim * SDE_UNIT, 0, x);
  for (size_t c = 0; c < classes; c++)
    sde_block_fill(SDE_UNIT, score[c],
                   x + (loss->dim - (classes - 1 - c) * (network->hidden + 1) - 1) * SDE_UNIT);
}

/* Scores of 700 and more overflow in e^s; f = log sum e^s - s_y is exact, its slope a share. */
START_TEST(large_scores_do_not_overflow)
{
  static const double score[3] = {-2000, 1000, 999};
  static const uint32_t first_of[3] = {0, 50, 100}; /* rows of iris.csv */
  struct loss *loss = models_loss("mlp data=data/iris.csv output=softmax hidden=2", NULL);
  size_t dim = loss->dim;
  double *x = sde_alloc(dim, SDE_UNIT * sizeof *x), *g = sde_alloc(dim, SDE_UNIT * sizeof *g);
  double f[SDE_UNIT], share = 1 / (1 + exp(-1)), log_sum = 1000 + log1p(exp(-1));
  set_scores(loss, 3, score, x);
  for (size_t c = 0; c < 3; c++) {
    struct loss_samples samples = {&first_of[c], 0};
    loss->type->value(loss, SDE_UNIT, samples, x, f);
    ck_assert_double_eq_tol(f[3], log_sum - score[c], 1e-12);
    loss->type->gradient(loss, SDE_UNIT, samples, x, g);
    ck_assert_double_eq_tol(g[(dim - 7) * SDE_UNIT], c == 0 ? -1 : 0, 1e-15);
    ck_assert_double_eq_tol(g[(dim - 4) * SDE_UNIT], share - (c == 1), 1e-15);
    ck_assert_double_eq_tol(g[(dim - 1) * SDE_UNIT], 1 - share - (c == 2), 1e-15);
    loss->type->hessian_vector(loss, SDE_UNIT, samples, x, x, g);
    for (size_t i = 0; i < dim * SDE_UNIT; i++)
      ck_assert(isfinite(g[i]));
  }
  sde_free(x);
  sde_free(g);
  loss_free(loss);
}
END_TEST

/* The three biases of U shifted by one number: the same f, gradient and H v. The rounding is that
 * of scores about 1000. */
START_TEST(a_common_shift_of_the_scores_does_nothing)
{
  struct loss *loss = models_loss("mlp data=data/iris.csv output=softmax hidden=5", NULL);
  struct points at = points_new(loss, 0);
  size_t dim = loss->dim, size = dim * SDE_UNIT;
  double f[2][SDE_UNIT], *out[4];
  struct loss_samples samples = {at.index, 1};
  for (size_t k = 0; k < 4; k++)
    out[k] = sde_alloc(size, sizeof(double));
  for (size_t k = 0; k < 2; k++) {
    loss->type->value(loss, SDE_UNIT, samples, at.x, f[k]);
    loss->type->gradient(loss, SDE_UNIT, samples, at.x, out[k]);
    loss->type->hessian_vector(loss, SDE_UNIT, samples, at.x, at.v, out[2 + k]);
    for (size_t c = 0; c < 3; c++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        at.x[(dim - 1 - 6 * c) * SDE_UNIT + p] += 1000;
  }
  double worst = 0;
  for (size_t p = 0; p < SDE_UNIT; p++)
    worst = fmax(worst, fabs(f[1][p] - f[0][p]));
  for (size_t i = 0; i < size; i++)
    worst = fmax(worst, fmax(fabs(out[1][i] - out[0][i]), fabs(out[3][i] - out[2][i]) / 10));
  ck_assert_double_lt(worst, 1e-11);
  for (size_t k = 0; k < 4; k++)
    sde_free(out[k]);
  points_free(&at);
  loss_free(loss);
}
END_TEST

/* Softmax of two classes depends on the difference of its rows alone, and is then logistic. */
START_TEST(logistic_is_softmax_of_two_classes)
{
  static const char *const keys = "data=data/breast_cancer.csv columns=mean_area,mean_texture "
                                  "hidden=2";
  char text[2][128];
  snprintf(text[0], sizeof text[0], "mlp output=logistic %s", keys);
  snprintf(text[1], sizeof text[1], "mlp output=softmax %s", keys);
  struct loss *one = models_loss(text[0], NULL), *two = models_loss(text[1], NULL);
  ck_assert_uint_eq(one->dim, 2 * 3 + 3);
  ck_assert_uint_eq(two->dim, 2 * 3 + 2 * 3);
  struct points at = points_new(two, 0);
  double x[9 * SDE_UNIT], f[2][SDE_UNIT];
  memcpy(x, at.x, 6 * SDE_UNIT * sizeof *x);
  sde_block_shift(3 * SDE_UNIT, at.x + 9 * SDE_UNIT, -1, at.x + 6 * SDE_UNIT, x + 6 * SDE_UNIT);
  one->type->value(one, SDE_UNIT, (struct loss_samples){at.index, 1}, x, f[0]);
  two->type->value(two, SDE_UNIT, (struct loss_samples){at.index, 1}, at.x, f[1]);
  for (size_t p = 0; p < SDE_UNIT; p++)
    ck_assert_double_eq_tol(f[0][p], f[1][p], 1e-13);
  points_free(&at);
  loss_free(one);
  loss_free(two);
}
END_TEST

/* Classes are the different targets in ascending order, whatever they are and stand. */
START_TEST(classes_are_numbered_in_ascending_order)
{
  char *file = models_file("a,y\n1,7\n2,-3\n4,0.5\n5,7\n7,-3\n"), text[128];
  snprintf(text, sizeof text, "mlp output=softmax data=%s hidden=1", file);
  struct loss *loss = models_loss(text, NULL);
  static const double class[] = {2, 0, 1, 2, 0};
  const struct mlp_network *network = loss->data;
  ck_assert_uint_eq(network->classes, 3);
  ck_assert_mem_eq(network->y, class, sizeof class);
  loss_free(loss);
  models_file_remove(file);
}
END_TEST

/* The default start: the same every time, another for another seed, linear in the scale. */
START_TEST(the_default_start_is_small_and_of_its_seed)
{
  static const char *const texts[] = {"", " initial_scale=2", " seed=2", ""};
  double mean_square = 0;
  struct loss *loss[4];
  for (size_t k = 0; k < 4; k++) {
    char text[128];
    snprintf(text, sizeof text, "mlp data=data/iris.csv output=softmax hidden=20%s", texts[k]);
    loss[k] = models_loss(text, NULL);
  }
  size_t dim = loss[0]->dim, other = 0;
  for (size_t i = 0; i < dim; i++) {
    double length = i < 100 ? 5 : 21;
    mean_square += loss[0]->start[i] * loss[0]->start[i] * length / (double)dim;
    ck_assert(loss[0]->start[i] == loss[3]->start[i]);
    ck_assert_double_eq_tol(loss[1]->start[i], 4 * loss[0]->start[i], 1e-14);
    other += loss[2]->start[i] != loss[0]->start[i];
  }
  ck_assert_uint_eq(other, dim);
  /* 4 standard errors sqrt(2 / dim) of the mean square of dim normals, dim = 163 */
  ck_assert_double_eq_tol(mean_square / 0.25, 1, 4 * sqrt(2 / (double)dim));
  for (size_t k = 0; k < 4; k++)
    loss_free(loss[k]);
}
END_TEST

/* The teacher's numbers as a student's: further hidden units have zero weights out. */
static void set_teacher(const struct loss *loss, size_t teacher_hidden, double *x)
{
  const struct mlp_network *student = loss->data;
  struct mlp_network teacher = *student;
  struct planted planted = {.seed = 5};
  teacher.hidden = teacher_hidden;
  double *numbers = sde_alloc(mlp_network_dim(&teacher), sizeof *numbers);
  mlp_network_random(&teacher, &planted, "teacher", 3, numbers);
  size_t first = teacher_hidden * teacher.inputs, student_first = student->hidden * student->inputs;
  sde_block_fill(loss->dim * SDE_UNIT, 0.7, x);
  sde_block_fill((student->hidden + 1) * SDE_UNIT, 0, x + student_first * SDE_UNIT);
  for (size_t i = 0; i < mlp_network_dim(&teacher); i++) {
    size_t to = i < first                    ? i
                : i - first < teacher_hidden ? student_first + i - first
                                             : loss->dim - 1;
    sde_block_fill(SDE_UNIT, numbers[i], x + to * SDE_UNIT);
  }
  sde_free(numbers);
}

/* At the teacher f is what the labels leave, sigma^2 / 2, and its gradient is zero; each datum has
 * its labels; elsewhere f is larger. */
static void check_teacher(size_t hidden, size_t labels, double sigma)
{
  char text[160];
  snprintf(text, sizeof text,
           "teacher-student rows=40 inputs=3 hidden=%zu teacher_hidden=2 teacher_scale=3 seed=5 "
           "labels=%zu standard_deviation=%g",
           hidden, labels, sigma);
  struct loss *loss = models_loss(text, NULL);
  ck_assert_uint_eq(loss->samples, 40 * labels);
  ck_assert_uint_eq(loss->dim, hidden * 4 + hidden + 1);
  double *x = sde_alloc(loss->dim, SDE_UNIT * sizeof *x), *g = sde_alloc(loss->dim, 8 * SDE_UNIT);
  double *scratch = sde_alloc(loss->dim, SDE_UNIT * sizeof *x), f[SDE_UNIT];
  set_teacher(loss, 2, x);
  loss_mean_value(loss, SDE_UNIT, x, f, scratch);
  loss_mean_gradient(loss, SDE_UNIT, x, g, scratch);
  ck_assert_double_eq_tol(f[0], sigma * sigma / 2, 1e-13);
  for (size_t i = 0; i < loss->dim; i++)
    ck_assert_double_eq_tol(g[i * SDE_UNIT], 0, 1e-13);
  x[0] += 0.1;
  x[loss->dim * SDE_UNIT - 1] += 0.1;
  loss_mean_value(loss, SDE_UNIT, x, f, scratch);
  ck_assert_double_gt(f[0], sigma * sigma / 2 + 1e-5);
  ck_assert_double_eq_tol(f[SDE_UNIT - 1], sigma * sigma / 2 + 0.005, 1e-13);
  sde_free(x);
  sde_free(g);
  sde_free(scratch);
  loss_free(loss);
}

START_TEST(the_teacher_is_a_minimum)
{
  check_teacher(2, 1, 0);
  check_teacher(6, 1, 0);
  check_teacher(2, 3, 0.5);
  check_teacher(5, 2, 1.5);
}
END_TEST

struct bad_network {
  const char *loss, *csv;    /* the loss without its data key */
  const char *place, *words; /* "FILE:LINE" with %s for the file, or a recipe's key */
};

static const struct bad_network bad_networks[] = {
    {"output=softmax", "a,y\n1,2\n2,2\n", "recipe:data", "one value|2 to 16 classes"},
    {"output=softmax",
     "a,y\n1,1\n2,2\n3,3\n4,4\n5,5\n6,6\n7,7\n8,8\n9,9\n1,10\n1,11\n1,12\n1,13\n1,14\n1,15\n"
     "1,16\n1,17\n",
     "recipe:data", "more different values|2 to 16 classes|squared"},
    {"output=logistic", "a,y\n1,0\n2,1\n3,2\n", "%s:4", "target| 2;|0 or 1|positive"},
    {"output=logistic positive=3", "a,y\n1,0\n2,1\n", "recipe:positive", "one class"},
    {"output=softmax positive=1", "a,y\n1,0\n2,1\n", "recipe:positive",
     "no effect|output: softmax|output: logistic"},
    {"output=logistic standardize_target=true", "a,y\n1,0\n2,1\n", "recipe:standardize_target",
     "no effect|output: logistic|output: squared"},
    {"output=squared", "a,y\n1,4\n2,4\n", "recipe:data", "target|constant|standardize_target"},
    {"output=softmax target=zz", "a,b,y\n1,2,3\n2,3,5\n", "recipe:target",
     "no column 'zz'|a, b, y"},
    {"output=softmax columns=a,zz", "a,b,y\n1,2,3\n2,3,5\n", "recipe:columns", "no column 'zz'"},
    {"output=softmax", "a,b,y\n1,4,0\n2,4,1\n", "%s:1", "'b'|constant|standardize"},
    {"output=softmax", "a,y\n1,0\n2,x\n", "%s:3", "'x'|'y'"},
};

START_TEST(bad_networks_are_refused)
{
  const struct bad_network *bad = &bad_networks[_i];
  char *file = models_file(bad->csv);
  bool in_file = bad->place[0] == '%';
  char *text = sde_format("mlp %s data=%s", bad->loss, file);
  char *place = sde_format("%s%s", in_file ? file : "", bad->place + (in_file ? 2 : 0));
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(models_loss(text, &status));
  models_assert_refused(&status, place, bad->words);
  sde_free(text);
  sde_free(place);
  models_file_remove(file);
}
END_TEST

START_TEST(missing_data_and_noise_of_one_label_are_refused)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(models_loss("mlp output=softmax data=no/such.csv", &status));
  models_assert_refused(&status, "no/such.csv", "cannot be opened");
  status = (struct sde_status){SDE_OK, ""};
  ck_assert_ptr_null(models_loss("teacher-student labels=1 standard_deviation=0.5", &status));
  models_assert_refused(&status, "recipe:labels", "no noise");
  status = (struct sde_status){SDE_OK, ""};
  ck_assert_ptr_null(models_loss("teacher-student rows=1e7 inputs=1e5", &status));
  models_assert_refused(&status, "recipe:rows", "at most");
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("networks");
  TCase *derivatives = testing_case(suite, "derivatives");
  tcase_add_loop_test(derivatives, values_and_derivatives_are_those_of_another_forward_pass, 0,
                      CASES);
  tcase_add_test(derivatives, what_is_left_out_is_noticed);
  TCase *values = testing_case(suite, "values");
  tcase_add_test(values, tanh_is_right_to_rounding);
  tcase_add_test(values, large_scores_do_not_overflow);
  tcase_add_test(values, a_common_shift_of_the_scores_does_nothing);
  tcase_add_test(values, logistic_is_softmax_of_two_classes);
  tcase_add_test(values, classes_are_numbered_in_ascending_order);
  tcase_add_test(values, the_default_start_is_small_and_of_its_seed);
  tcase_add_test(values, the_teacher_is_a_minimum);
  TCase *refusals = testing_case(suite, "refusals");
  tcase_add_loop_test(refusals, bad_networks_are_refused, 0,
                      sizeof bad_networks / sizeof *bad_networks);
  tcase_add_test(refusals, missing_data_and_noise_of_one_label_are_refused);
  return testing_run(suite);
}
