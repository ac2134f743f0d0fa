/*
 * Objectives: batch factors, the laws of the draws, Gaussian noise of each structure, and the
 * observables.
 */
#include "models/observables.h"
#include "sde/block.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 64 };

/* A loss and an objective from texts. */
struct pair {
  struct loss *loss;
  struct objective *objective;
};

static struct pair pair_new(const char *loss, const char *noise)
{
  struct pair pair = {models_loss(loss, NULL), NULL};
  pair.objective = models_objective(pair.loss, noise, NULL);
  return pair;
}

static void pair_free(struct pair *pair)
{
  objective_free(pair->objective);
  loss_free(pair->loss);
}

struct factor_case {
  const char *sampling;
  size_t n, batch;
  double factor;
};

static const struct factor_case factors[] = {
    {"with-replacement", 4, 1, 1},
    {"with-replacement", 4, 4, 0.25},
    {"with-replacement", 4, 10, 0.1},
    {"with-replacement", 1, 1, 1}, /* V is zero then, not c */
    {"without-replacement", 4, 1, 1},
    {"without-replacement", 4, 2, 1 / 3.0},
    {"without-replacement", 4, 3, 1 / 9.0},
    {"without-replacement", 4, 4, 0},
    {"without-replacement", 1, 1, 0},
    {"without-replacement", 101, 20, 81 / 2000.0},
    {"gaussian", 4, 1, 1},
    {"gaussian", 4, 8, 0.125},
    {"gaussian", 1, 5, 0.2},
};

START_TEST(batch_factors)
{
  const struct factor_case *c = &factors[_i];
  char *loss = sde_format("valley samples=%zu standard_deviation=0", c->n);
  char *noise = sde_format("sampling=%s", c->sampling);
  struct pair pair = pair_new(loss, noise);
  ck_assert_double_eq_tol(objective_batch_factor(pair.objective, c->batch), c->factor, 1e-15);
  pair_free(&pair);
  sde_free(loss);
  sde_free(noise);
}
END_TEST

/* c(s) V is the covariance of all batch gradients, and is not with the other sampling's c. */
START_TEST(batch_factors_are_those_of_all_batches)
{
  struct pair with = pair_new(models_golden.loss, "sampling=with-replacement");
  struct pair without = pair_new(models_golden.loss, "sampling=without-replacement");
  for (size_t s = 1; s <= GOLDEN_SAMPLES; s++)
    for (int replacement = 0; replacement < 2; replacement++) {
      struct models_draw draw = {.replacement = replacement, .batch = s, .micro_batch = s};
      double mean[2], covariance[4], right[4], wrong[4];
      models_enumerate(&models_golden, draw, golden_start, mean, covariance);
      double c = objective_batch_factor(with.objective, s);
      double c_without = objective_batch_factor(without.objective, s);
      for (size_t k = 0; k < 4; k++) {
        right[k] = (replacement ? c : c_without) * golden_noise[k];
        wrong[k] = (replacement ? c_without : c) * golden_noise[k];
      }
      ck_assert_double_lt(models_distance(4, right, covariance), 1e-14);
      if (s > 1)
        ck_assert_double_gt(models_distance(4, wrong, covariance), 0.05);
    }
  pair_free(&with);
  pair_free(&without);
}
END_TEST

/* How often each ordered batch of four from four stands in the draws, by its number in base 4. */
enum { CODES = 256 };

static void count_batches(const struct objective *objective, size_t size, size_t count,
                          size_t paths, size_t counts[CODES])
{
  struct micro_batches batches = micro_batches_new(objective, size, count, WIDTH);
  memset(counts, 0, CODES * sizeof *counts);
  size_t beyond = 0;
  for (size_t path = 0; path < paths; path += WIDTH) {
    struct sde_address at = {sde_stream_named(3, "draws"), path, path % 4096};
    objective_draw(objective, &at, WIDTH, &batches);
    for (size_t p = 0; p < WIDTH; p++) {
      size_t code = 0;
      for (size_t i = 0; i < size * count; i++) {
        code = 4 * code + batches.index[i * WIDTH + p];
        beyond += batches.index[i * WIDTH + p] >= 4;
      }
      counts[code % CODES]++;
    }
  }
  ck_assert_uint_eq(beyond, 0);
  micro_batches_free(&batches);
}

static bool holds_each_once(size_t code)
{
  unsigned seen = 0;
  for (size_t i = 0; i < 4; i++, code /= 4)
    seen |= 1u << code % 4;
  return seen == 15;
}

START_TEST(batches_with_replacement_are_equally_likely)
{
  struct pair pair = pair_new(models_golden.loss, "sampling=with-replacement");
  size_t counts[CODES];
  struct testing_family family = {0};
  count_batches(pair.objective, 2, 2, testing_size(1 << 18), counts);
  testing_add_uniform_cells(&family, CODES, counts, "ordered batches of 4 in two micro-batches");
  count_batches(pair.objective, 4, 1, testing_size(1 << 18), counts);
  testing_add_uniform_cells(&family, CODES, counts, "ordered batches of 4");
  testing_assert_agrees(&family);
  pair_free(&pair);
}
END_TEST

/* The whole ordered selection, so also its partition into micro-batches, is uniform. */
START_TEST(selections_without_replacement_are_equally_likely)
{
  struct pair pair = pair_new(models_golden.loss, "sampling=without-replacement");
  size_t counts[CODES], selections[24], found = 0, total = 0;
  size_t paths = testing_size(1 << 17);
  count_batches(pair.objective, 2, 2, paths, counts);
  for (size_t code = 0; code < CODES; code++)
    if (holds_each_once(code)) {
      total += counts[code];
      selections[found++] = counts[code];
    }
  ck_assert_uint_eq(found, 24);
  ck_assert_uint_eq(total, paths);
  struct testing_family family = {0};
  testing_add_uniform_cells(&family, 24, selections, "ordered selections of 4");
  testing_assert_agrees(&family);
  pair_free(&pair);
}
END_TEST

/* The mean of m normals has variance 1/m; those of two micro-batches are independent. */
static struct models_sample gaussian_weights(size_t size)
{
  struct pair pair = pair_new(models_golden.loss, "sampling=gaussian");
  struct micro_batches batches = micro_batches_new(pair.objective, size, 2, WIDTH);
  struct models_sample sample = {0};
  size_t paths = testing_size(1 << 16);
  for (size_t path = 0; path < paths; path += WIDTH) {
    struct sde_address at = {sde_stream_named(4, "weights"), path, 0};
    objective_draw(pair.objective, &at, WIDTH, &batches);
    double both[2 * WIDTH]; /* component 2 of each micro-batch */
    memcpy(both, batches.weight + WIDTH, WIDTH * sizeof *both);
    memcpy(both + WIDTH, batches.weight + 3 * WIDTH, WIDTH * sizeof *both);
    models_sample_add(&sample, WIDTH, both, (double[2]){0, 0});
  }
  micro_batches_free(&batches);
  pair_free(&pair);
  return sample;
}

START_TEST(gaussian_weights_are_means_of_m_normals)
{
  static const double mean[2] = {0, 0};
  struct models_sample sample = gaussian_weights(3);
  struct testing_family right = {0}, wrong = {0};
  models_sample_compare(&sample, mean, (double[4]){1 / 3.0, 0, 0, 1 / 3.0}, &right, "m = 3");
  models_sample_compare(&sample, mean, (double[4]){1 / 2.0, 0, 0, 1 / 2.0}, &wrong, "m = 2");
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
}
END_TEST

/* One address gives one batch whatever the width; another step, path or stream another. */
START_TEST(draws_belong_to_their_address)
{
  static const char *const noises[] = {"sampling=with-replacement", "sampling=without-replacement",
                                       "sampling=gaussian"};
  for (size_t k = 0; k < 3; k++) {
    struct pair pair = pair_new("valley samples=1000", noises[k]);
    struct optimizer sgd = models_optimizer(pair.objective, "sgd", 0, 4, 4);
    struct optimizer_workspace *workspace = optimizer_workspace_new(&sgd, WIDTH);
    double x[2 * WIDTH], u[4][2 * WIDTH], narrow[2 * SDE_UNIT];
    sde_block_fill(2 * WIDTH, 0.5, x);
    struct sde_stream stream = sde_stream_named(1, "one"), other = sde_stream_named(1, "other");
    struct sde_address at[4] = {{stream, 0, 5}, {stream, 0, 6}, {stream, 64, 5}, {other, 0, 5}};
    size_t same[4] = {0}, moved = 0;
    for (size_t a = 0; a < 4; a++) {
      optimizer_gradient(&sgd, workspace, &at[a], WIDTH, x, u[a]);
      for (size_t p = 0; p < WIDTH; p++)
        same[a] += u[a][p] == u[0][p];
    }
    optimizer_workspace_free(workspace);
    workspace = optimizer_workspace_new(&sgd, SDE_UNIT);
    optimizer_gradient(&sgd, workspace, &(struct sde_address){stream, SDE_UNIT, 5}, SDE_UNIT, x,
                       narrow);
    for (size_t p = 0; p < SDE_UNIT; p++)
      moved += narrow[p] != u[0][SDE_UNIT + p];
    ck_assert_uint_eq(same[0], WIDTH);
    ck_assert_uint_eq(moved, 0);
    for (size_t a = 1; a < 4; a++)
      ck_assert_uint_le(same[a], 2);
    optimizer_workspace_free(workspace);
    pair_free(&pair);
  }
}
END_TEST

/* The gradient of a micro-batch is the mean over its samples, each at the path's own point. */
START_TEST(micro_gradients_average_their_samples)
{
  struct pair pair = pair_new(models_golden.loss, "sampling=without-replacement");
  struct micro_batches batches = micro_batches_new(pair.objective, 2, 2, WIDTH);
  double x[2 * WIDTH], g[2 * WIDTH], scratch[2 * WIDTH], worst = 0;
  struct sde_address at = {sde_stream_named(5, "points"), 0, 0};
  sde_random_normals(&at, WIDTH, 2, x);
  objective_draw(pair.objective, &at, WIDTH, &batches);
  for (size_t j = 0; j < 2; j++) {
    objective_micro_gradient(pair.objective, WIDTH, &batches, j, x, g, scratch);
    for (size_t p = 0; p < WIDTH; p++) {
      double here[2] = {x[p], x[WIDTH + p]}, sum[2] = {0, 0}, gi[2];
      for (size_t i = 0; i < 2; i++) {
        models_golden.gradient(&models_golden, batches.index[(2 * j + i) * WIDTH + p], here, gi);
        sum[0] += gi[0] / 2;
        sum[1] += gi[1] / 2;
      }
      worst = fmax(worst, hypot(g[p] - sum[0], g[WIDTH + p] - sum[1]));
    }
  }
  ck_assert_double_lt(worst, 1e-14);
  micro_batches_free(&batches);
  pair_free(&pair);
}
END_TEST

struct gaussian_case {
  const char *noise;
  double v[4];
};

static const struct gaussian_case gaussians[] = {
    {"sampling=gaussian", {1, 0, 0, 1}},
    {"sampling=gaussian standard_deviation=0.3", {0.09, 0, 0, 0.09}},
    {"sampling=gaussian standard_deviation=0", {0, 0, 0, 0}},
    {"sampling=gaussian structure=diagonal standard_deviations=0.5,2", {0.25, 0, 0, 4}},
    {"sampling=gaussian structure=diagonal standard_deviations=0,2", {0, 0, 0, 4}},
    {"sampling=gaussian structure=dense covariance=2,0.5;0.5,1", {2, 0.5, 0.5, 1}},
    {"sampling=gaussian structure=dense covariance=2,-1;-1,1", {2, -1, -1, 1}},
    {"sampling=gaussian structure=dense covariance=1,2;2,4", {1, 2, 2, 4}}, /* of rank one */
    {"sampling=gaussian structure=dense covariance=0.01,-0.03;-0.03,0.09",
     {0.01, -0.03, -0.03, 0.09}},
    {"sampling=gaussian structure=dense covariance=0,0;0,3", {0, 0, 0, 3}},
    {"sampling=gaussian structure=dense covariance=0,0;0,0", {0, 0, 0, 0}},
    {"sampling=gaussian structure=dense covariance=4e-20,1e-20;1e-20,4e-20",
     {4e-20, 1e-20, 1e-20, 4e-20}},
    {"sampling=gaussian structure=dense covariance=1e8,0;0,1e-8", {1e8, 0, 0, 1e-8}},
};

/* V = J J^T, entry by entry as exactly as its diagonal allows; tr V is the noise trace. */
START_TEST(gaussian_factor_is_a_root_of_the_covariance)
{
  const double *v = gaussians[_i].v;
  struct pair pair = pair_new(models_golden.loss, gaussians[_i].noise);
  const double *factor = pair.objective->noise->factor;
  size_t k = pair.objective->components;
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 2; j++) {
      double sum = 0;
      for (size_t c = 0; c < k; c++)
        sum += factor[i * k + c] * factor[j * k + c];
      ck_assert_double_le(fabs(sum - v[2 * i + j]), 1e-12 * sqrt(v[3 * i] * v[3 * j]));
    }
  double x[2 * SDE_UNIT] = {0}, trace[SDE_UNIT], scratch[4 * SDE_UNIT];
  objective_noise_trace(pair.objective, SDE_UNIT, x, trace, scratch);
  ck_assert_double_le(fabs(trace[5] - (v[0] + v[3])), 1e-12 * (v[0] + v[3]));
  pair_free(&pair);
}
END_TEST

/* Rank two in four dimensions: V = C C^T with C of two columns. */
START_TEST(gaussian_factor_of_a_singular_covariance)
{
  static const double c[4][2] = {{1, 0}, {0.3, 0}, {-2, 0.7}, {0.1, 0.2}};
  char covariance[512] = "";
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 4; j++)
      sprintf(covariance + strlen(covariance), "%.17g%s", c[i][0] * c[j][0] + c[i][1] * c[j][1],
              j < 3 ? "," : ";");
  covariance[strlen(covariance) - 1] = '\0';
  char *noise = sde_format("sampling=gaussian structure=dense covariance=%s", covariance);
  struct pair pair = pair_new("linear-regression data=data/iris.csv columns=petal_length,"
                              "petal_width,sepal_width",
                              noise);
  const double *factor = pair.objective->noise->factor;
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 4; j++) {
      double sum = 0;
      for (size_t k = 0; k < pair.objective->components; k++)
        sum +=
            factor[i * pair.objective->components + k] * factor[j * pair.objective->components + k];
      ck_assert_double_eq_tol(sum, c[i][0] * c[j][0] + c[i][1] * c[j][1], 1e-12);
    }
  pair_free(&pair);
  sde_free(noise);
}
END_TEST

struct bad_noise {
  const char *noise, *place, *words;
};

static const struct bad_noise bad_noises[] = {
    {"sampling=gaussian structure=dense covariance=1,0.5;0.25,1", "recipe:covariance",
     "not symmetric|(1,2)|0.5|(2,1)|0.25"},
    {"sampling=gaussian structure=dense covariance=1,2;2,1", "recipe:covariance",
     "not positive semidefinite"},
    {"sampling=gaussian structure=dense covariance=0,1;1,1", "recipe:covariance",
     "not positive semidefinite"},
    {"sampling=gaussian structure=dense covariance=1,0;0,-1e-3", "recipe:covariance",
     "not positive semidefinite"},
    {"sampling=gaussian structure=dense covariance=-1,0;0,-1", "recipe:covariance",
     "not positive semidefinite"},
    {"sampling=gaussian structure=dense covariance=1e8,0;0,-1e-8", "recipe:covariance",
     "not positive semidefinite"},
    {"sampling=gaussian structure=dense covariance=1,0,0;0,1,0;0,0,1", "recipe:covariance",
     "3 x 3|2 coordinates"},
    {"sampling=gaussian structure=dense", "recipe:structure", "needs covariance|2 x 2"},
    {"sampling=gaussian structure=diagonal", "recipe:structure", "needs standard_deviations|2"},
    {"sampling=gaussian structure=diagonal standard_deviations=1,2,3", "recipe:standard_deviations",
     "3 entries|2 coordinates"},
};

START_TEST(bad_noise_is_refused)
{
  struct loss *loss = models_loss(models_golden.loss, NULL);
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(models_objective(loss, bad_noises[_i].noise, &status));
  models_assert_refused(&status, bad_noises[_i].place, bad_noises[_i].words);
  loss_free(loss);
}
END_TEST

START_TEST(impossible_batches_are_refused)
{
  struct pair without = pair_new(models_golden.loss, "sampling=without-replacement");
  struct pair with = pair_new(models_golden.loss, "sampling=with-replacement");
  struct sde_status good = {SDE_OK, ""}, large = good, uneven = good, none = good;
  ck_assert(objective_accepts(without.objective, 4, 2, "recipe:7", &good));
  ck_assert(objective_accepts(with.objective, 8, 1, "recipe:7", &good));
  ck_assert_int_eq(good.code, SDE_OK);
  ck_assert(!objective_accepts(without.objective, 6, 2, "recipe:7", &large));
  models_assert_refused(&large, "recipe:7", "6|without replacement|4 samples|with-replacement");
  ck_assert(!objective_accepts(with.objective, 8, 3, "recipe:7", &uneven));
  models_assert_refused(&uneven, "recipe:7", "micro_batch 3|divide|8");
  ck_assert(!objective_accepts(with.objective, 2, 4, "recipe:7", &none));
  models_assert_refused(&none, "recipe:7", "micro_batch 4|divide|2");
  pair_free(&without);
  pair_free(&with);
}
END_TEST

/* Observables of one name or several at a block of points: out[o*WIDTH + p]. */
static void observe(const struct objective *objective, size_t count, const char *const *names,
                    const double *x, double *out)
{
  struct sde_status status = {SDE_OK, ""};
  struct sde_observables *observables = observables_of_state_new(
      objective, update_rule_named("heavy-ball"), count, names, "recipe:observables", &status);
  ck_assert_msg(observables != NULL, "%s", status.message);
  ck_assert_uint_eq(observables->count, count);
  void *workspace = observables->workspace_new(observables->context, WIDTH);
  observables->evaluate(observables->context, workspace, WIDTH, x, out);
  observables->workspace_free(workspace);
  observables_free(observables);
}

/* tr V = (1/n) sum |g_i|^2 - |g|^2 and tr H by differences of g, at one path of the block. */
static void reference_traces(const struct loss *loss, const double *x, size_t p, double *noise,
                             double *hessian)
{
  size_t d = loss->dim;
  double *y = sde_alloc(d, SDE_UNIT * sizeof *y), *g = sde_alloc(d, SDE_UNIT * sizeof *g);
  double *mean = sde_alloc(d, sizeof *mean), n = (double)loss->samples, step = 1e-5, square = 0;
  *hessian = 0;
  /* Lane 0 stands at x, lanes 1 and 2 on both sides of it along the coordinate j. */
  for (size_t j = 0; j < d; j++) {
    for (size_t i = 0; i < d; i++)
      sde_block_fill(SDE_UNIT, x[i * WIDTH + p], y + i * SDE_UNIT);
    y[j * SDE_UNIT + 1] += step;
    y[j * SDE_UNIT + 2] -= step;
    for (uint32_t k = 0; k < loss->samples; k++) {
      loss->type->gradient(loss, SDE_UNIT, (struct loss_samples){&k, 0}, y, g);
      *hessian += (g[j * SDE_UNIT + 1] - g[j * SDE_UNIT + 2]) / (2 * step * n);
      mean[j] += g[j * SDE_UNIT] / n;
      square += g[j * SDE_UNIT] * g[j * SDE_UNIT] / n;
    }
  }
  *noise = square;
  for (size_t j = 0; j < d; j++)
    *noise -= mean[j] * mean[j];
  sde_free(y);
  sde_free(g);
  sde_free(mean);
}

START_TEST(traces_match_brute_force_for_every_loss)
{
  static const char *const names[] = {"hessian-trace", "noise-trace"};
  struct pair pair = pair_new(models_loss_example(loss_types()[_i]->name), "");
  size_t size = pair.loss->dim * WIDTH;
  double *x = sde_alloc(size, sizeof *x), out[2 * WIDTH], hessian, noise;
  sde_random_normals(&(struct sde_address){sde_stream_named(6, "x"), 0, 0}, WIDTH, pair.loss->dim,
                     x);
  observe(pair.objective, 2, names, x, out);
  for (size_t p = 0; p < WIDTH; p += 13) {
    reference_traces(pair.loss, x, p, &noise, &hessian);
    ck_assert_double_eq_tol(out[p], hessian, 1e-6 * fabs(hessian));
    ck_assert_double_eq_tol(out[WIDTH + p], noise, 1e-10 * noise);
  }
  sde_free(x);
  pair_free(&pair);
}
END_TEST

START_TEST(observables_of_the_golden_case)
{
  static const char *const names[] = {
      "x2", "loss", "gradient-norm-squared", "noise-trace", "hessian-trace", "norm-squared", "x1"};
  struct pair pair = pair_new(models_golden.loss, "");
  double x[2 * WIDTH], out[7 * WIDTH];
  sde_block_fill(WIDTH, golden_start[0], x);
  sde_block_fill(WIDTH, golden_start[1], x + WIDTH);
  observe(pair.objective, 7, names, x, out);
  const double *g = golden_gradient;
  double expected[] = {-1,
                       golden_value,
                       g[0] * g[0] + g[1] * g[1],
                       golden_noise_trace,
                       (2 + 1 + 1 + 0.5 + 1.5 + 2 + 0.5 + 0.5) / 4,
                       3.25,
                       1.5};
  for (size_t o = 0; o < 7; o++)
    for (size_t p = 0; p < WIDTH; p++)
      ck_assert_double_eq_tol(out[o * WIDTH + p], expected[o], 1e-13);
  pair_free(&pair);
}
END_TEST

/* tr H = u^2 + v^2 where u v = 1, and tr V = sigma^2 (u^2 + v^2) everywhere; not the same. */
START_TEST(valley_traces_are_its_sharpness)
{
  static const char *const names[] = {"hessian-trace", "noise-trace", "imbalance", "product"};
  struct pair pair = pair_new("valley samples=9 standard_deviation=0.6", "");
  double x[2 * WIDTH], out[4 * WIDTH];
  for (size_t p = 0; p < WIDTH; p++) {
    x[p] = exp(0.1 * (double)p - 3);
    x[WIDTH + p] = p % 2 == 0 ? 1 / x[p] : 0.2 * (double)p - 5;
  }
  observe(pair.objective, 4, names, x, out);
  for (size_t p = 0; p < WIDTH; p++) {
    double u = x[p], v = x[WIDTH + p], sharpness = u * u + v * v;
    ck_assert_double_eq_tol(out[p], sharpness, 1e-12 * sharpness);
    ck_assert_double_eq_tol(out[WIDTH + p], 0.36 * sharpness, 1e-12 * sharpness);
    ck_assert_double_eq_tol(out[2 * WIDTH + p], u * u - v * v, 1e-12 * sharpness);
    ck_assert_double_eq_tol(out[3 * WIDTH + p], u * v, 1e-12 * sharpness);
  }
  pair_free(&pair);
}
END_TEST

/* The last sample counts as held out; test-error, which needs classes, is looked at in
 * tests/test_held_out.c. */
START_TEST(every_listed_observable_exists)
{
  struct pair pair = pair_new(models_golden.loss, "");
  struct loss *loss = (struct loss *)pair.objective->loss;
  loss->held_out = 1;
  loss->samples--;
  double x[4 * WIDTH] = {0}, out[WIDTH];
  size_t listed = 0;
  for (const struct observable_type *const *type = observable_types(); *type != NULL; type++) {
    const char *name = strncmp((*type)->name, "x1", 2) == 0   ? "x1"
                       : strncmp((*type)->name, "p1", 2) == 0 ? "p1"
                                                              : (*type)->name;
    listed++;
    if (strcmp(name, "test-error") == 0)
      continue;
    observe(pair.objective, 1, &name, x, out);
    ck_assert(isfinite(out[0]));
  }
  ck_assert_uint_eq(listed, 14);
  pair_free(&pair);
}
END_TEST

START_TEST(unknown_observables_are_refused)
{
  static const char *const wrong[] = {
      "lose", "x3", "x0", "x", "x1y", "x01", "X1", "x-1", "imbalanc", "", "x99999999999999999999"};
  struct pair pair = pair_new(models_valley2.loss, "");
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *names[] = {"loss", wrong[i]};
    char *words = sde_format("'%s'|loss|gradient-norm-squared|noise-trace|hessian-trace|"
                             "hessian-max|norm-squared|imbalance|product|x1 to x2",
                             wrong[i]);
    struct sde_status status = {SDE_OK, ""};
    ck_assert_ptr_null(observables_new(pair.objective, 2, names, "recipe:9", &status));
    models_assert_refused(&status, "recipe:9", words);
    sde_free(words);
  }
  struct pair other = pair_new(models_golden.loss, "");
  const char *foreign = "imbalance";
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(observables_new(other.objective, 1, &foreign, "recipe:9", &status));
  models_assert_refused(&status, "recipe:9", "'imbalance'");
  pair_free(&other);
  pair_free(&pair);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("objective");
  TCase *draws = testing_case(suite, "draws");
  tcase_add_loop_test(draws, batch_factors, 0, sizeof factors / sizeof *factors);
  tcase_add_test(draws, batch_factors_are_those_of_all_batches);
  tcase_add_test(draws, batches_with_replacement_are_equally_likely);
  tcase_add_test(draws, selections_without_replacement_are_equally_likely);
  tcase_add_test(draws, gaussian_weights_are_means_of_m_normals);
  tcase_add_test(draws, draws_belong_to_their_address);
  tcase_add_test(draws, micro_gradients_average_their_samples);
  tcase_add_test(draws, impossible_batches_are_refused);
  TCase *gaussian = testing_case(suite, "gaussian");
  tcase_add_loop_test(gaussian, gaussian_factor_is_a_root_of_the_covariance, 0,
                      sizeof gaussians / sizeof *gaussians);
  tcase_add_test(gaussian, gaussian_factor_of_a_singular_covariance);
  tcase_add_loop_test(gaussian, bad_noise_is_refused, 0, sizeof bad_noises / sizeof *bad_noises);
  TCase *observed = testing_case(suite, "observables");
  int types = 0;
  while (loss_types()[types] != NULL)
    types++;
  tcase_add_loop_test(observed, traces_match_brute_force_for_every_loss, 0, types);
  tcase_add_test(observed, observables_of_the_golden_case);
  tcase_add_test(observed, valley_traces_are_its_sharpness);
  tcase_add_test(observed, every_listed_observable_exists);
  tcase_add_test(observed, unknown_observables_are_refused);
  return testing_run(suite);
}
