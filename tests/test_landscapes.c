/*
 * The nonconvex losses: what each promises of its minima, of its full loss and of its noise,
 * against closed forms coded apart from models/, and the input they refuse.
 */
#include "models/observables.h"
#include "sde/block.h"
#include "tests/models_testing.h"
#include "tests/testing.h"

#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Dimensions of the examples here. */
enum { LARGEST = 24 };

/* Value, gradient and Hessian h[i*d + j] at one point x, of one sample or, without, of the mean. */
struct expansion {
  double f, g[LARGEST], h[LARGEST * LARGEST];
};

static struct expansion expand(const struct loss *loss, const uint32_t *sample, const double *x)
{
  size_t d = loss->dim, size = d * SDE_UNIT;
  ck_assert_uint_le(d, LARGEST);
  struct expansion at;
  double *block = sde_alloc(size, sizeof *block), *unit = sde_alloc(size, sizeof *unit);
  double *out = sde_alloc(size, sizeof *out), *scratch = sde_alloc(size, sizeof *scratch);
  struct loss_samples samples = {sample, 0};
  for (size_t i = 0; i < d; i++)
    sde_block_fill(SDE_UNIT, x[i], block + i * SDE_UNIT);
  for (size_t i = 0; i < d; i++) /* path i of the block is along the coordinate i */
    unit[i * SDE_UNIT + i] = 1;
  if (sample == NULL)
    loss_mean_value(loss, SDE_UNIT, block, out, scratch);
  else
    loss->type->value(loss, SDE_UNIT, samples, block, out);
  at.f = out[0];
  if (sample == NULL)
    loss_mean_gradient(loss, SDE_UNIT, block, out, scratch);
  else
    loss->type->gradient(loss, SDE_UNIT, samples, block, out);
  for (size_t i = 0; i < d; i++)
    at.g[i] = out[i * SDE_UNIT];
  if (sample == NULL)
    loss_mean_hessian_vector(loss, SDE_UNIT, block, unit, out, scratch);
  else
    loss->type->hessian_vector(loss, SDE_UNIT, samples, block, unit, out);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      at.h[i * d + j] = out[i * SDE_UNIT + j];
  double *all[] = {block, unit, out, scratch};
  for (size_t k = 0; k < 4; k++)
    sde_free(all[k]);
  return at;
}

static double trace(size_t d, const double *matrix)
{
  double sum = 0;
  for (size_t i = 0; i < d; i++)
    sum += matrix[i * d + i];
  return sum;
}

/* V at x, [i*d + j], as an average over the samples. */
static void covariance(const struct loss *loss, const double *x, double *v)
{
  size_t d = loss->dim;
  struct expansion mean = expand(loss, NULL, x);
  memset(v, 0, d * d * sizeof *v);
  for (uint32_t s = 0; s < loss->samples; s++) {
    struct expansion at = expand(loss, &s, x);
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++)
        v[i * d + j] += (at.g[i] - mean.g[i]) * (at.g[j] - mean.g[j]) / (double)loss->samples;
  }
}

static double observed(const struct loss *loss, const char *name, const double *x)
{
  const struct loss_observable *own = loss->type->observables;
  while (own->name != NULL && strcmp(own->name, name) != 0)
    own++;
  ck_assert_ptr_nonnull(own->name);
  double block[LARGEST * SDE_UNIT], out[SDE_UNIT];
  for (size_t i = 0; i < loss->dim; i++)
    sde_block_fill(SDE_UNIT, x[i], block + i * SDE_UNIT);
  own->evaluate(loss, SDE_UNIT, block, out);
  return out[SDE_UNIT - 1];
}

/* Points that are the same in every run. */
static void random_point(const char *name, uint64_t number, size_t d, double *x)
{
  double normals[LARGEST * 8];
  sde_random_normals(&(struct sde_address){sde_stream_named(3, name), 0, number}, 8, d, normals);
  for (size_t i = 0; i < d; i++)
    x[i] = normals[i * 8];
}

static void assert_near(double value, double expected, double tolerance)
{
  ck_assert_msg(fabs(value - expected) <= tolerance, "%.17g is not %.17g to within %g", value,
                expected, tolerance);
}

/* The loss of a text with more keys behind it. */
static struct loss *loss_with(const char *text, const char *more)
{
  char *both = sde_format("%s %s", text, more);
  struct loss *loss = models_loss(both, NULL);
  sde_free(both);
  return loss;
}

/* ---- double-well ---- */

struct wells {
  double depth[2], curvature[2]; /* sharp, flat */
};

static const struct wells wells[] = {{{0.25, 0.25}, {8, 1}},   {{1, 0.1}, {50, 0.2}},
                                     {{0.1, 2}, {3, 3}},       {{1, 1}, {1, 1}},
                                     {{5, 0.01}, {1e4, 1}},    {{0.01, 5}, {1e4, 1}},
                                     {{0.3, 0.7}, {100, 0.1}}, {{1e3, 1e3}, {0.1, 0.1}}};

enum { WELLS = sizeof wells / sizeof *wells };

static struct loss *double_well(const struct wells *asked, const char *more)
{
  char *text =
      sde_format("double-well sharp_depth=%.17g flat_depth=%.17g sharp_curvature=%.17g "
                 "flat_curvature=%.17g %s",
                 asked->depth[0], asked->depth[1], asked->curvature[0], asked->curvature[1], more);
  struct loss *loss = models_loss(text, NULL);
  sde_free(text);
  return loss;
}

/* Far beyond both minima: a well of depth D and curvature k has a width of about sqrt(8 D / k). */
static double reach(const struct wells *asked)
{
  return 10 * (sqrt(asked->depth[0] / asked->curvature[0]) +
               sqrt(asked->depth[1] / asked->curvature[1]));
}

/* The zero of the slope on one side of the barrier, by bisection. */
static double minimum(const struct loss *loss, double far)
{
  double barrier = far * 1e-9, beyond = far;
  for (int i = 0; i < 200; i++) {
    double middle = (barrier + beyond) / 2;
    if (expand(loss, NULL, &middle).g[0] * far > 0)
      beyond = middle;
    else
      barrier = middle;
  }
  return beyond;
}

/* The largest relative distance of depths and curvatures from those in `asked`. */
static double wells_error(const struct loss *loss, const struct wells *asked)
{
  double worst = 0;
  for (size_t k = 0; k < 2; k++) {
    double x = minimum(loss, k == 0 ? -reach(asked) : reach(asked));
    struct expansion at = expand(loss, NULL, &x);
    worst = fmax(worst, fabs(-at.f / asked->depth[k] - 1));
    worst = fmax(worst, fabs(at.h[0] / asked->curvature[k] - 1));
  }
  return worst;
}

/* Rounding grows with the ratio of the slopes of phi in the two wells, at most 309 here. */
START_TEST(wells_have_their_depths_and_curvatures)
{
  const struct wells *asked = &wells[_i];
  struct loss *loss = double_well(asked, "");
  ck_assert_double_lt(wells_error(loss, asked), 1e-12);
  for (size_t k = 0; k < 4; k++) {
    struct wells other = *asked;
    *(k < 2 ? &other.depth[k] : &other.curvature[k - 2]) *= 1 + 1e-10;
    ck_assert_double_gt(wells_error(loss, &other), 5e-11);
  }
  loss_free(loss);
}
END_TEST

/* f = f' = 0 at the barrier; from far left to far right f falls, rises, falls and rises, and its
 * curvature changes sign but twice. */
START_TEST(wells_have_one_barrier_and_confine)
{
  enum { POINTS = 20001 };
  const struct wells *asked = &wells[_i];
  struct loss *loss = double_well(asked, "samples=1 standard_deviation=0");
  double zero = 0, far = reach(asked), last = 0, before = INFINITY;
  struct expansion at = expand(loss, NULL, &zero);
  double deep = fmax(asked->depth[0], asked->depth[1]);
  assert_near(at.f, 0, 1e-14 * deep);
  assert_near(at.g[0], 0, 1e-12 * sqrt(deep * asked->curvature[0]));
  ck_assert_double_lt(at.h[0], 0);
  size_t turns = 0, bends = 0;
  double curvature = INFINITY;
  for (int i = 0; i < POINTS; i++) {
    double x = far * (2.0 * i / (POINTS - 1) - 1);
    struct expansion here = expand(loss, NULL, &x);
    turns += i > 0 && (here.f > before) != (last > 0);
    last = i == 0 ? -1 : here.f - before;
    before = here.f;
    bends += (here.h[0] > 0) != (curvature > 0);
    curvature = here.h[0];
    ck_assert(i > 0 || here.g[0] < 0);
    ck_assert(i < POINTS - 1 || (here.g[0] > 0 && here.f > 10 * asked->depth[1]));
  }
  ck_assert_uint_eq(turns, 3);
  ck_assert_uint_eq(bends, 2);
  loss_free(loss);
}
END_TEST

/* The default start, and the noise: f is the mean, and V = sigma^2 + tau^2 (x - center)^2. */
START_TEST(wells_have_the_noise_of_their_formula)
{
  static const char *const centers[] = {"sharp", "flat", "barrier"};
  const struct wells *asked = &wells[1];
  struct loss *quiet = double_well(asked, "samples=1 standard_deviation=0 initial_minimum=flat");
  const double center[] = {minimum(quiet, -reach(asked)), minimum(quiet, reach(asked)), 0};
  assert_near(quiet->start[0], center[1], 1e-12);
  for (size_t c = 0; c < 3; c++)
    for (size_t samples = 3; samples < 9; samples += 5) {
      char *more = sde_format("samples=%zu standard_deviation=0.7 curvature_deviation=1.3 "
                              "curvature_center=%s",
                              samples, centers[c]);
      struct loss *loss = double_well(asked, more);
      ck_assert_uint_eq(loss->samples, samples);
      assert_near(loss->start[0], center[0], 1e-12);
      for (uint64_t point = 0; point < 20; point++) {
        double x, v, off;
        random_point("wells", point, 1, &x);
        struct expansion noisy = expand(loss, NULL, &x), clean = expand(quiet, NULL, &x);
        assert_near(noisy.f, clean.f, 1e-13 * (1 + fabs(clean.f)));
        assert_near(noisy.g[0], clean.g[0], 1e-13 * (1 + fabs(clean.g[0])));
        assert_near(noisy.h[0], clean.h[0], 1e-13 * (1 + fabs(clean.h[0])));
        covariance(loss, &x, &v);
        off = x - center[c];
        /* gradients of up to |g| leave a rounding of about |g| 1e-16 in each deviation */
        assert_near(v, 0.49 + 1.69 * off * off, 1e-12 * (1 + off * off + fabs(clean.g[0])));
      }
      loss_free(loss);
      sde_free(more);
    }
  loss_free(quiet);
}
END_TEST

/* ---- saddle ---- */

START_TEST(saddle_stands_between_its_minima)
{
  struct loss *loss = models_loss(
      "saddle stable_curvature=3 unstable_curvature=2 quartic=0.5 curvature_deviation=0.4", NULL);
  for (int side = -1; side <= 1; side++) {
    double x[] = {0, 2.0 * side}; /* sqrt(b/c) = 2 */
    struct expansion at = expand(loss, NULL, x);
    assert_near(at.f, side == 0 ? 0 : -2, 1e-14); /* -b^2/(4c) */
    assert_near(at.g[0], 0, 1e-14);
    assert_near(at.g[1], 0, 1e-14);
    assert_near(at.h[0], 3, 1e-14);
    assert_near(at.h[3], side == 0 ? -2 : 4, 1e-14);
    assert_near(at.h[1], 0, 0);
    assert_near(observed(loss, "unstable-squared", x), side == 0 ? 0 : 4, 0);
  }
  loss_free(loss);
}
END_TEST

START_TEST(saddle_has_the_noise_of_its_formula)
{
  for (size_t samples = 4; samples < 10; samples += 5) {
    char *more = sde_format("samples=%zu standard_deviation=0.7 curvature_deviation=1.3", samples);
    struct loss *loss =
        loss_with("saddle stable_curvature=3 unstable_curvature=2 quartic=0.5", more);
    for (uint64_t point = 0; point < 20; point++) {
      double x[2], v[4];
      random_point("saddle", point, 2, x);
      struct expansion at = expand(loss, NULL, x);
      double s = x[1] * x[1];
      assert_near(at.f, 0.5 * (3 * x[0] * x[0] - 2 * s) + 0.125 * s * s, 1e-13);
      assert_near(at.g[0], 3 * x[0], 1e-13);
      assert_near(at.g[1], -2 * x[1] + 0.5 * s * x[1], 1e-13);
      assert_near(at.h[3], -2 + 1.5 * s, 1e-13);
      covariance(loss, x, v);
      assert_near(v[0], 0.49, 1e-13);
      assert_near(v[1], 0, 1e-13);
      assert_near(v[3], 0.49 + 1.69 * s, 1e-12);
    }
    loss_free(loss);
    sde_free(more);
  }
}
END_TEST

/* ---- planted losses ---- */

/* A loss with a planted answer, and an x of that answer, found from outside. */
struct planted_case {
  const char *loss;
  void (*answer)(const struct loss *loss, double *x);
  double level, noise; /* label noise adds level sigma^2 to f; at the answer V = noise sigma^2 H */
};

/* The labels of matrix-factorization, [s]: 1/2 y^2 at U V' = 0, and 1/2 (1 - y)^2 where U V' holds
 * ones alone, where only the first columns of U and V, of a given rank, are 1. */
static void read_labels(const struct loss *loss, size_t rank, double *y)
{
  double zero[LARGEST] = {0}, one[LARGEST] = {0};
  for (size_t i = 0; i < loss->dim; i += rank)
    one[i] = 1;
  for (uint32_t s = 0; s < loss->samples; s++)
    y[s] = expand(loss, &s, zero).f - expand(loss, &s, one).f + 0.5;
}

enum { ROWS = 5, COLUMNS = 4, RANK = 2, ENTRIES = ROWS * COLUMNS };

/* The planted matrix: the mean of the labels of each entry. */
static void read_matrix(const struct loss *loss, double *matrix)
{
  double y[4 * ENTRIES];
  size_t labels = loss->samples / ENTRIES;
  ck_assert_uint_le(labels, 4);
  read_labels(loss, RANK, y);
  memset(matrix, 0, ENTRIES * sizeof *matrix);
  for (size_t s = 0; s < loss->samples; s++)
    matrix[s / labels] += y[s] / (double)labels;
}

/* The singular value decomposition of the planted matrix, cut at the rank and spread unevenly over
 * U and V; singular values beyond are given back. */
static double factor(const struct loss *loss, double *x)
{
  double matrix[ENTRIES], right[COLUMNS * COLUMNS], singular[COLUMNS], work[COLUMNS];
  read_matrix(loss, matrix);
  gsl_matrix_view a = gsl_matrix_view_array(matrix, ROWS, COLUMNS);
  gsl_matrix_view v = gsl_matrix_view_array(right, COLUMNS, COLUMNS);
  gsl_vector_view s = gsl_vector_view_array(singular, COLUMNS);
  gsl_vector_view w = gsl_vector_view_array(work, COLUMNS);
  gsl_linalg_SV_decomp(&a.matrix, &v.matrix, &s.vector, &w.vector);
  for (size_t k = 0; k < RANK; k++) {
    for (size_t i = 0; i < ROWS; i++)
      x[i * RANK + k] = matrix[i * COLUMNS + k] * pow(singular[k], 0.3);
    for (size_t j = 0; j < COLUMNS; j++)
      x[(ROWS + j) * RANK + k] = right[j * COLUMNS + k] * pow(singular[k], 0.7);
  }
  ck_assert_double_gt(singular[RANK - 1], 0.1);
  return singular[RANK];
}

static void factorized(const struct loss *loss, double *x)
{
  factor(loss, x);
}

/* w*_j from |w - w*|^2 at w = 0 and at w = e_j. */
static void planted_weights(const struct loss *loss, double *x)
{
  size_t features = loss->dim / 2;
  double zero[LARGEST] = {0};
  for (size_t j = 0; j < features; j++) {
    double unit[LARGEST] = {0};
    unit[j] = 1;
    double change = observed(loss, "weight-error", unit) - observed(loss, "weight-error", zero);
    double weight = (1 - change) / 2;
    x[j] = sqrt(fmax(weight, 0));
    x[features + j] = sqrt(fmax(-weight, 0));
  }
}

/* The signal up to its sign, from (x.s)^2 at e_j and at e_1 + e_j. */
static void planted_signal(const struct loss *loss, double *x)
{
  for (size_t j = 0; j < loss->dim; j++) {
    double unit[LARGEST] = {0};
    unit[j] = 1;
    double square = observed(loss, "overlap-squared", unit);
    unit[0] += 1;
    double both = observed(loss, "overlap-squared", unit);
    x[j] = j == 0 ? sqrt(square) : (both - square - x[0] * x[0]) / (2 * x[0]);
  }
}

static const struct planted_case planted_cases[] = {
    {"matrix-factorization rows=5 columns=4 rank=2 planted_rank=2", factorized, 0.5, 1},
    {"diagonal-network rows=7 features=5 nonzeros=3", planted_weights, 0.5, 1},
    /* f_yx = -s a, H = 2 s^2 a a' */
    {"phase-retrieval measurements=30 dimension=4", planted_signal, 0.25, 0.5}};

enum { PLANTED = sizeof planted_cases / sizeof *planted_cases };

/* Each sample is fitted at the planted answer, and the gradient noise vanishes there. */
START_TEST(planted_answers_fit_without_noise)
{
  const struct planted_case *c = &planted_cases[_i];
  struct loss *loss = loss_with(c->loss, "labels=1 standard_deviation=0");
  double x[LARGEST], v[LARGEST * LARGEST], elsewhere[LARGEST];
  c->answer(loss, x);
  for (uint32_t s = 0; s < loss->samples; s++)
    ck_assert_double_lt(expand(loss, &s, x).f, 1e-26);
  covariance(loss, x, v);
  ck_assert_double_lt(trace(loss->dim, v), 1e-25);
  random_point("elsewhere", 0, loss->dim, elsewhere);
  ck_assert_double_gt(expand(loss, NULL, elsewhere).f, 1e-2);
  covariance(loss, elsewhere, v);
  ck_assert_double_gt(trace(loss->dim, v), 1e-2);
  loss_free(loss);
}
END_TEST

/* The norm of V - factor H, relative to that of V. */
static double noise_error(const struct loss *loss, double factor_of_hessian, const double *x)
{
  double v[LARGEST * LARGEST], off = 0, norm = 0;
  struct expansion at = expand(loss, NULL, x);
  covariance(loss, x, v);
  for (size_t i = 0; i < loss->dim * loss->dim; i++) {
    off += pow(v[i] - factor_of_hessian * at.h[i], 2);
    norm += v[i] * v[i];
  }
  return sqrt(off / norm);
}

/* Label noise adds a constant to f, whatever the number of labels, and at the planted answer, still
 * a minimum, V = sigma^2 H (half of it for phase retrieval); elsewhere it is not. */
START_TEST(label_noise_is_proportional_to_the_hessian)
{
  const struct planted_case *c = &planted_cases[_i];
  struct loss *clean = loss_with(c->loss, "labels=1 standard_deviation=0");
  static const char *const noises[] = {"labels=2 standard_deviation=0.6",
                                       "labels=3 standard_deviation=0.6"};
  double x[LARGEST], elsewhere[LARGEST], own[LARGEST];
  c->answer(clean, x);
  random_point("elsewhere", 1, clean->dim, elsewhere);
  for (size_t k = 0; k < 2; k++) {
    struct loss *loss = loss_with(c->loss, noises[k]);
    ck_assert_uint_eq(loss->samples, (k + 2) * clean->samples);
    c->answer(loss, own);
    ck_assert_double_lt(models_distance(loss->dim, own, x), 1e-12);
    struct expansion at = expand(loss, NULL, x), there = expand(loss, NULL, elsewhere);
    struct expansion expected = expand(clean, NULL, elsewhere);
    assert_near(at.f, c->level * 0.36, 1e-13);
    assert_near(there.f, expected.f + c->level * 0.36, 1e-13 * (1 + expected.f));
    for (size_t i = 0; i < loss->dim; i++) {
      assert_near(at.g[i], 0, 1e-12);
      assert_near(there.g[i], expected.g[i], 1e-12 * (1 + fabs(expected.g[i])));
    }
    ck_assert_double_lt(noise_error(loss, 0.36 * c->noise, x), 1e-12);
    ck_assert_double_gt(noise_error(loss, 0.36 * c->noise, elsewhere), 0.1);
    loss_free(loss);
  }
  loss_free(clean);
}
END_TEST

/* The seed of the loss makes data and start; the same seed the same bits. */
START_TEST(seeds_plant_the_data)
{
  const struct planted_case *c = &planted_cases[_i];
  struct loss *loss[] = {loss_with(c->loss, ""), loss_with(c->loss, "seed=1"),
                         loss_with(c->loss, "seed=2 initial_scale=2")};
  double x[LARGEST], f[3];
  random_point("seeds", 0, loss[0]->dim, x);
  for (size_t k = 0; k < 3; k++)
    f[k] = expand(loss[k], NULL, x).f;
  ck_assert(f[0] == f[1] && f[0] != f[2]);
  ck_assert(memcmp(loss[0]->start, loss[1]->start, loss[0]->dim * sizeof(double)) == 0);
  ck_assert(memcmp(loss[0]->start, loss[2]->start, loss[0]->dim * sizeof(double)) != 0);
  for (size_t k = 0; k < 3; k++)
    loss_free(loss[k]);
}
END_TEST

/* ---- matrix-factorization ---- */

START_TEST(planted_matrices_have_their_rank)
{
  struct loss *loss = models_loss(planted_cases[0].loss, NULL);
  double x[LARGEST], left = 0, right = 0;
  ck_assert_double_lt(factor(loss, x), 1e-13);
  for (size_t i = 0; i < loss->dim; i++)
    *(i < ROWS * RANK ? &left : &right) += x[i] * x[i];
  assert_near(trace(loss->dim, expand(loss, NULL, x).h), left / ROWS + right / COLUMNS, 1e-12);
  assert_near(observed(loss, "imbalance", x), left - right, 1e-13);
  ck_assert_double_gt(fabs(left - right), 0.1);
  loss_free(loss);
  loss = models_loss("matrix-factorization rows=5 columns=4 rank=2 planted_rank=3", NULL);
  ck_assert_double_gt(factor(loss, x), 0.1);
  loss_free(loss);
}
END_TEST

/* f, g and tr V of matrix-factorization at x, coded again, with the labels as read. */
static struct expansion reference_factorization(const struct loss *loss, const double *x,
                                                double *noise_trace)
{
  struct expansion at = {.f = 0};
  double y[4 * ENTRIES], n = (double)loss->samples, square = 0;
  size_t labels = loss->samples / ENTRIES;
  read_labels(loss, RANK, y);
  for (size_t s = 0; s < loss->samples; s++) {
    size_t left = s / labels / COLUMNS * RANK, right = (ROWS + s / labels % COLUMNS) * RANK;
    double r = x[left] * x[right] + x[left + 1] * x[right + 1] - y[s];
    at.f += 0.5 * r * r / n;
    for (size_t k = 0; k < RANK; k++) {
      at.g[left + k] += r * x[right + k] / n;
      at.g[right + k] += r * x[left + k] / n;
      square += r * r * (x[left + k] * x[left + k] + x[right + k] * x[right + k]) / n;
    }
  }
  *noise_trace = square;
  for (size_t i = 0; i < loss->dim; i++)
    *noise_trace -= at.g[i] * at.g[i];
  return at;
}

/* A gradient flow conserves |U|^2 - |V|^2: U.g_U = V.g_V. */
START_TEST(factorizations_have_the_values_of_their_formula)
{
  struct loss *loss = loss_with(planted_cases[0].loss, "labels=3 standard_deviation=0.6");
  for (uint64_t point = 0; point < 10; point++) {
    double x[LARGEST], v[LARGEST * LARGEST], noise, conserved = 0, size = 0;
    random_point("factors", point, loss->dim, x);
    struct expansion at = expand(loss, NULL, x);
    struct expansion expected = reference_factorization(loss, x, &noise);
    covariance(loss, x, v);
    assert_near(at.f, expected.f, 1e-12 * expected.f);
    assert_near(trace(loss->dim, v), noise, 1e-11 * noise);
    for (size_t i = 0; i < loss->dim; i++) {
      assert_near(at.g[i], expected.g[i], 1e-12 * (1 + fabs(expected.g[i])));
      conserved += (i < ROWS * RANK ? 1 : -1) * x[i] * at.g[i];
      size += fabs(x[i] * at.g[i]);
    }
    assert_near(conserved, 0, 1e-14 * size);
  }
  loss_free(loss);
}
END_TEST

START_TEST(matrices_are_read_from_files)
{
  char *file = models_file("a,b,c\n1,2,3\n4,5,6\n");
  char *text = sde_format("matrix-factorization data=%s rank=2 standard_deviation=0", file);
  struct loss *loss = models_loss(text, NULL);
  double y[12];
  ck_assert_uint_eq(loss->dim, 10);
  ck_assert_uint_eq(loss->samples, 12);
  read_labels(loss, 2, y);
  for (size_t s = 0; s < 12; s++)
    assert_near(y[s], (double)(s / 2 + 1), 1e-13);
  loss_free(loss);
  sde_free(text);
  models_file_remove(file);
}
END_TEST

/* ---- diagonal-network ---- */

/* tr H = 4/n sum a_ij^2 (u_j^2 + v_j^2) at the planted answer, with a_ij^2 from the values at
 * u = e_j and v = e_j, 1/2 (a - y)^2 and 1/2 (a + y)^2. */
START_TEST(diagonal_networks_have_the_trace_of_their_formula)
{
  struct loss *loss = loss_with(planted_cases[1].loss, "labels=1 standard_deviation=0");
  double x[LARGEST], zero[LARGEST] = {0}, sum = 0;
  planted_weights(loss, x);
  for (uint32_t s = 0; s < loss->samples; s++)
    for (size_t j = 0; j < 5; j++) {
      double unit[2][LARGEST] = {{0}, {0}};
      unit[0][j] = unit[1][5 + j] = 1;
      double square =
          expand(loss, &s, unit[0]).f + expand(loss, &s, unit[1]).f - 2 * expand(loss, &s, zero).f;
      sum += 4 * square * (x[j] * x[j] + x[5 + j] * x[5 + j]) / (double)loss->samples;
    }
  assert_near(trace(loss->dim, expand(loss, NULL, x).h), sum, 1e-12 * sum);
  static const double planted[] = {1, -1, 1, 0, 0};
  for (size_t j = 0; j < 5; j++)
    assert_near(x[j] * x[j] - x[5 + j] * x[5 + j], planted[j], 1e-13);
  assert_near(observed(loss, "weight-l1", x), 3, 1e-13);
  assert_near(observed(loss, "weight-error", x), 0, 1e-26);
  for (size_t i = 0; i < 10; i++)
    assert_near(loss->start[i], 0.5, 0);
  loss_free(loss);
}
END_TEST

/* Samples are linear in w = u*u - v*v, and quartic in u and v: with residual r(w), f = r^2/2. */
START_TEST(diagonal_networks_see_their_weights_only)
{
  struct loss *loss = models_loss(planted_cases[1].loss, NULL);
  for (uint32_t s = 0; s < loss->samples; s++) {
    double x[LARGEST], y[LARGEST], shift = 0.7;
    random_point("weights", s, loss->dim, x);
    for (size_t j = 0; j < 5; j++) {
      y[j] = sqrt(x[j] * x[j] + shift);
      y[5 + j] = sqrt(x[5 + j] * x[5 + j] + shift);
    }
    double f = expand(loss, &s, x).f;
    assert_near(expand(loss, &s, y).f, f, 1e-12 * (1 + f));
  }
  loss_free(loss);
}
END_TEST

/* ---- phase-retrieval ---- */

START_TEST(signals_have_norm_one_and_no_sign)
{
  struct loss *loss = models_loss(planted_cases[2].loss, NULL);
  double x[LARGEST], minus[LARGEST], norm = 0, zero[LARGEST] = {0};
  planted_signal(loss, x);
  for (size_t j = 0; j < 4; j++) {
    minus[j] = -x[j];
    norm += x[j] * x[j];
  }
  assert_near(norm, 1, 1e-13);
  ck_assert_double_lt(expand(loss, NULL, minus).f, 1e-26);
  assert_near(observed(loss, "signal-distance", x), 0, 1e-26);
  assert_near(observed(loss, "signal-distance", minus), 0, 1e-26);
  assert_near(observed(loss, "signal-distance", zero), 1, 1e-13);
  assert_near(observed(loss, "overlap-squared", minus), 1, 1e-13);
  loss_free(loss);
}
END_TEST

/* Gaussian vectors: 4 f(0) averages y^2, E y^2 = 3, Var y^2 = 105 - 9; tr H at the signal averages
 * 2 y |a|^2, E y |a|^2 = d + 2, Var y |a|^2 = 189 - 25 for d = 3. Each with its standard error. */
static void compare_measurements(double fourth_moment, struct testing_family *family)
{
  const double n = 20000;
  struct loss *loss = models_loss("phase-retrieval measurements=20000 dimension=3", NULL);
  double x[3], zero[3] = {0};
  planted_signal(loss, x);
  testing_add(family, (4 * expand(loss, NULL, zero).f - fourth_moment) / sqrt(96 / n),
              "the mean of y^2");
  testing_add(family, (trace(3, expand(loss, NULL, x).h) / 2 - 5) / sqrt(164 / n),
              "the mean of y |a|^2");
  loss_free(loss);
}

START_TEST(measurements_are_gaussian)
{
  struct testing_family family = {0};
  compare_measurements(3, &family);
  testing_assert_agrees(&family);
}
END_TEST

/* Uniform features of variance 1 have E y^2 = 3 - 6/5 sum s_j^4, at most 2.6 in d = 3. */
START_TEST(other_measurements_would_be_noticed)
{
  struct testing_family family = {0};
  compare_measurements(2.6, &family);
  testing_assert_notices(&family);
}
END_TEST

/* f_i = 1/4 (x' A_i x - y_i)^2 with A_i of rank one: A_i = -H_i(0) / y_i. */
START_TEST(phases_have_the_values_of_their_formula)
{
  struct loss *loss = models_loss(planted_cases[2].loss, NULL);
  double zero[LARGEST] = {0}, x[4];
  random_point("phases", 0, 4, x);
  for (uint32_t s = 0; s < loss->samples; s++) {
    struct expansion origin = expand(loss, &s, zero), at = expand(loss, &s, x);
    double y = sqrt(4 * origin.f), form = 0, slope[4] = {0};
    for (size_t i = 0; i < 4; i++)
      for (size_t j = 0; j < 4; j++)
        slope[i] -= origin.h[i * 4 + j] / y * x[j];
    for (size_t i = 0; i < 4; i++)
      form += slope[i] * x[i];
    double scale = (form + y) * (form + y);
    assert_near(at.f, 0.25 * (form - y) * (form - y), 1e-12 * scale);
    for (size_t i = 0; i < 4; i++)
      assert_near(at.g[i], (form - y) * slope[i], 1e-12 * scale);
    for (size_t i = 0; i < 4; i++)
      for (size_t j = 0; j < 4; j++)
        assert_near(origin.h[i * 4 + j] * origin.h[i * 4 + j], origin.h[i * 5] * origin.h[j * 5],
                    1e-12 * pow(trace(4, origin.h), 2));
  }
  loss_free(loss);
}
END_TEST

/* ---- what is refused ---- */

static const struct {
  const char *loss, *place, *words;
} refusals[] = {
    {"double-well sharp_curvature=1 flat_curvature=2", "recipe:sharp_curvature",
     "1 is below|2|at least"},
    {"double-well flat_curvature=9", "recipe:flat_curvature", "sharp_curvature 8|9|at least"},
    {"double-well samples=2", "recipe:samples", "2 samples|at least 3|standard_deviation 0"},
    {"double-well samples=1 standard_deviation=0 curvature_deviation=1", "recipe:samples",
     "at least 3"},
    {"saddle samples=3", "recipe:samples", "3 samples|at least 4|standard_deviation 0"},
    {"matrix-factorization labels=1", "recipe:labels", "one label|at least 2"},
    {"phase-retrieval standard_deviation=0.5", "recipe:standard_deviation",
     "one label|at least 2|standard_deviation 0"},
    {"diagonal-network nonzeros=11", "recipe:nonzeros", "11|10 features|at most"},
    {"diagonal-network rows=1e6 features=1e3", "recipe:rows", "1000000 data|at most 2e+08"},
    {"phase-retrieval measurements=1e6 dimension=1e3", "recipe:measurements", "at most 2e+08"},
    {"matrix-factorization rows=1e3 columns=1e3 rank=1 labels=1e3", "recipe:rank",
     "1000000 data|1000 labels|at most 2e+08"},
    {"matrix-factorization data=no/such.csv", "no/such.csv", "cannot be opened"},
    {"matrix-factorization data=data/iris.csv rows=150", "recipe:rows", "rows|data|one of both"},
};

START_TEST(bad_input_is_refused)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(models_loss(refusals[_i].loss, &status));
  models_assert_refused(&status, refusals[_i].place, refusals[_i].words);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("landscapes");
  TCase *well = testing_case(suite, "double-well");
  tcase_add_loop_test(well, wells_have_their_depths_and_curvatures, 0, WELLS);
  tcase_add_loop_test(well, wells_have_one_barrier_and_confine, 0, WELLS);
  tcase_add_test(well, wells_have_the_noise_of_their_formula);
  TCase *saddle = testing_case(suite, "saddle");
  tcase_add_test(saddle, saddle_stands_between_its_minima);
  tcase_add_test(saddle, saddle_has_the_noise_of_its_formula);
  TCase *planted = testing_case(suite, "planted");
  tcase_add_loop_test(planted, planted_answers_fit_without_noise, 0, PLANTED);
  tcase_add_loop_test(planted, label_noise_is_proportional_to_the_hessian, 0, PLANTED);
  tcase_add_loop_test(planted, seeds_plant_the_data, 0, PLANTED);
  tcase_add_test(planted, planted_matrices_have_their_rank);
  tcase_add_test(planted, factorizations_have_the_values_of_their_formula);
  tcase_add_test(planted, matrices_are_read_from_files);
  tcase_add_test(planted, diagonal_networks_have_the_trace_of_their_formula);
  tcase_add_test(planted, diagonal_networks_see_their_weights_only);
  tcase_add_test(planted, signals_have_norm_one_and_no_sign);
  tcase_add_test(planted, measurements_are_gaussian);
  tcase_add_test(planted, other_measurements_would_be_noticed);
  tcase_add_test(planted, phases_have_the_values_of_their_formula);
  TCase *refused = testing_case(suite, "refusals");
  tcase_add_loop_test(refused, bad_input_is_refused, 0, sizeof refusals / sizeof *refusals);
  return testing_run(suite);
}
