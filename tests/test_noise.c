/*
 * Structured noise: V, tr V and grad tr V of every structure against closed forms, differences and
 * drawn gradients; potentials against differences; Student t against its law; limits with noise
 * that depends on the state against quadrature over the noise; coupling. Each has a twin that must
 * be noticed.
 */
#include "experiments/cases/case_run.h"
#include "experiments/results/results.h"
#include "experiments/studies/studies.h"
#include "models/noise_basis.h"
#include "sde/block.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <string.h>

enum { WIDTH = 64 };

static const char VALLEY[] = "valley samples=5 standard_deviation=0.7";
static const char GOLDEN[] = "quadratic data=data/quadratic4.csv";
static const char LINE[] = "linear-regression data=data/iris.csv columns=petal_length";

/* Beyond what the keys of `noise:` hold, in two dimensions: V at x in closed form. */
struct structure_case {
  const char *loss, *keys;
  void (*covariance)(const double x[2], double v[4]);
};

static void set(double a, double b, double d, double v[4])
{
  v[0] = a;
  v[1] = v[2] = b;
  v[3] = d;
}

static void isotropic(const double x[2], double v[4])
{
  (void)x;
  set(0.25, 0, 0.25, v);
}

static void diagonal(const double x[2], double v[4])
{
  (void)x;
  set(0.16, 0, 0.64, v);
}

static void dense(const double x[2], double v[4])
{
  (void)x;
  set(2, 0.5, 1, v);
}

/* 4 e e^T, e = (0.6, 0.8) */
static void rank_one(const double x[2], double v[4])
{
  (void)x;
  set(1.44, 1.92, 2.56, v);
}

/* The same and 0.25 f f^T, f = (1, 0) */
static void rank_two(const double x[2], double v[4])
{
  (void)x;
  set(1.69, 1.92, 2.56, v);
}

/* The mean of the A_i is (1.25, 0.125; 0.125, 1). */
static const double golden_a = 1.25, golden_b = 0.125, golden_d = 1;

/* first e e^T + second f f^T, e and f the eigenvectors of (a, b; b, d), the larger first. */
static void spectral(double a, double b, double d, double first, double second, double v[4])
{
  double angle = atan2(2 * b, a - d) / 2, c = cos(angle), s = sin(angle);
  set(first * c * c + second * s * s, (first - second) * c * s, first * s * s + second * c * c, v);
}

/* Eigenvalues 3 (1, 2^-1.5) / (1 + 2^-1.5) */
static void power_law(const double x[2], double v[4])
{
  (void)x;
  double small = pow(2, -1.5);
  spectral(golden_a, golden_b, golden_d, 3 / (1 + small), 3 * small / (1 + small), v);
}

static void hessian(const double x[2], double v[4])
{
  (void)x;
  set(0.36 * golden_a, 0.36 * golden_b, 0.36 * golden_d, v);
}

static void multiplicative(const double x[2], double v[4])
{
  set(0.49 * x[0] * x[0], 0, 0.49 * x[1] * x[1], v);
}

static void both(const double x[2], double v[4])
{
  set(0.49 * x[0] * x[0] + 0.16, 0, 0.49 * x[1] * x[1] + 0.16, v);
}

static void label(const double x[2], double v[4])
{
  set(0.25 * x[1] * x[1], 0.25 * x[0] * x[1], 0.25 * x[0] * x[0], v);
}

/* A standardized feature and an intercept: (1/n) sum a_i a_i^T is the identity. */
static void label_of_a_line(const double x[2], double v[4])
{
  (void)x;
  set(0.25, 0, 0.25, v);
}

/* nu/(nu - 2) = 9/7 */
static void heavy(const double x[2], double v[4])
{
  both(x, v);
  for (size_t k = 0; k < 4; k++)
    v[k] *= 9.0 / 7;
}

static const struct structure_case structures[] = {
    {VALLEY, "standard_deviation=0.5", isotropic},
    {VALLEY, "structure=diagonal standard_deviations=0.4,0.8", diagonal},
    {GOLDEN, "structure=dense covariance=2,0.5;0.5,1", dense},
    {GOLDEN, "structure=low-rank standard_deviations=2 directions=3,4", rank_one},
    {GOLDEN, "structure=low-rank standard_deviations=0.5,2 directions=-7,0,3,4", rank_two},
    {GOLDEN, "structure=power-law exponent=1.5 total_variance=3", power_law},
    {GOLDEN, "structure=hessian standard_deviation=0.6", hessian},
    {VALLEY, "structure=multiplicative standard_deviation=0.7", multiplicative},
    {GOLDEN, "structure=multiplicative standard_deviation=0.7 additive_deviation=0.4", both},
    {VALLEY, "structure=label standard_deviation=0.5", label},
    {LINE, "structure=label standard_deviation=0.5", label_of_a_line},
    {VALLEY,
     "structure=multiplicative standard_deviation=0.7 additive_deviation=0.4 law=student-t "
     "degrees_of_freedom=9",
     heavy},
};
enum { STRUCTURES = sizeof structures / sizeof *structures };

static const double points[][2] = {{1.5, -1}, {1.8, 0.7}, {-0.7, 1.3}};
enum { POINTS = sizeof points / sizeof *points };

/* `start` may be NULL. */
struct made {
  struct loss *loss;
  struct objective *objective;
};

static struct made make(const char *loss, const char *keys, const double *start,
                        struct sde_status *status)
{
  struct made made = {models_loss(loss, NULL), NULL};
  struct sde_status own = {SDE_OK, ""};
  char *text = sde_format("sampling=gaussian %s", keys);
  struct parameters *parameters = models_parameters(noise_keys, text);
  made.objective = objective_new(made.loss, parameters, start, status == NULL ? &own : status);
  ck_assert_msg(made.objective != NULL || status != NULL, "%s: %s", keys, own.message);
  parameters_free(parameters);
  sde_free(text);
  return made;
}

static void unmake(struct made *made)
{
  objective_free(made->objective);
  loss_free(made->loss);
}

static struct made make_case(const struct structure_case *c)
{
  return make(c->loss, c->keys, golden_start, NULL);
}

static void fill_points(size_t width, const double x[2], double *block)
{
  sde_block_fill(width, x[0], block);
  sde_block_fill(width, x[1], block + width);
}

/* w J J^T at x by the components' gradients. */
static void covariance_of(const struct objective *objective, const double x[2], double v[4])
{
  double block[2 * SDE_UNIT], g[2 * SDE_UNIT];
  fill_points(SDE_UNIT, x, block);
  memset(v, 0, 4 * sizeof *v);
  for (size_t i = 0; i < objective->components; i++) {
    objective_component_gradient(objective, SDE_UNIT, i, block, g);
    for (size_t k = 0; k < 4; k++)
      v[k] += objective_component_weight(objective) * g[k / 2 * SDE_UNIT] * g[k % 2 * SDE_UNIT];
  }
}

static void traces_of(const struct objective *objective, const double x[2], double *trace,
                      double slope[2])
{
  double block[2 * SDE_UNIT], out[2 * SDE_UNIT], scratch[6 * SDE_UNIT];
  fill_points(SDE_UNIT, x, block);
  objective_noise_trace(objective, SDE_UNIT, block, out, scratch);
  *trace = out[7];
  objective_noise_trace_gradient(objective, SDE_UNIT, block, out, scratch);
  slope[0] = out[7];
  slope[1] = out[SDE_UNIT + 7];
}

/* V, tr V and, by differences of the closed form, grad tr V; the twin is V at another point, where
 * it depends on it, or twice as large. */
START_TEST(covariances_and_traces_are_those_in_closed_form)
{
  const struct structure_case *c = &structures[_i];
  struct made made = make_case(c);
  for (size_t k = 0; k < POINTS; k++) {
    static const double h = 1e-4;
    double v[4], found[4], other[4], trace, slope[2], difference[2];
    c->covariance(points[k], v);
    covariance_of(made.objective, points[k], found);
    ck_assert_double_lt(models_distance(4, found, v), 1e-12);
    c->covariance(points[(k + 1) % POINTS], other);
    bool moves = models_distance(4, other, v) > 0;
    ck_assert(moves == !objective_has_constant_noise(made.objective));
    ck_assert(!moves || models_distance(4, found, other) > 1e-2);
    traces_of(made.objective, points[k], &trace, slope);
    ck_assert_double_eq_tol(trace, v[0] + v[3], 1e-12);
    for (size_t j = 0; j < 2; j++) {
      double ahead[2] = {points[k][0], points[k][1]}, behind[2] = {ahead[0], ahead[1]}, w[4];
      ahead[j] += h;
      behind[j] -= h;
      c->covariance(ahead, w);
      c->covariance(behind, other);
      difference[j] = (w[0] + w[3] - other[0] - other[3]) / (2 * h);
    }
    ck_assert_double_lt(models_distance(2, slope, difference), 1e-9);
    ck_assert(!moves || hypot(slope[0], slope[1]) > 1e-2);
  }
  unmake(&made);
}
END_TEST

/* Gradients of micro-batches at x, as they are drawn. */
static struct models_sample drawn_gradients(const struct objective *objective, size_t m,
                                            const double x[2], const double mean[2])
{
  struct models_sample sample = {0};
  struct micro_batches batches = micro_batches_new(objective, m, 2, WIDTH);
  double block[2 * WIDTH], g[2 * WIDTH], scratch[2 * WIDTH];
  fill_points(WIDTH, x, block);
  size_t paths = testing_size(1 << 16);
  for (size_t path = 0; path < paths; path += WIDTH) {
    struct sde_address at = {sde_stream_named(2, "gradients"), path, path % 512};
    objective_draw(objective, &at, WIDTH, &batches);
    objective_micro_gradient(objective, WIDTH, &batches, 1, block, g, scratch);
    models_sample_add(&sample, WIDTH, g, mean);
  }
  micro_batches_free(&batches);
  return sample;
}

static void full_gradient(const struct loss *loss, const double x[2], double g[2])
{
  double block[2 * SDE_UNIT], out[2 * SDE_UNIT], scratch[2 * SDE_UNIT];
  fill_points(SDE_UNIT, x, block);
  loss_mean_gradient(loss, SDE_UNIT, block, out, scratch);
  g[0] = out[0];
  g[1] = out[SDE_UNIT];
}

/* Mean g and covariance V/m; the twin has the V/m of another m. */
START_TEST(drawn_gradients_have_this_covariance)
{
  const struct structure_case *c = &structures[_i];
  struct made made = make_case(c);
  double g[2], v[4], wrong[4];
  c->covariance(points[1], v);
  full_gradient(made.loss, points[1], g);
  for (size_t k = 0; k < 4; k++) {
    wrong[k] = v[k] / 2;
    v[k] /= 3;
  }
  struct models_sample sample = drawn_gradients(made.objective, 3, points[1], g);
  struct testing_family right = {0}, noticed = {0};
  models_sample_compare(&sample, g, v, &right, c->keys);
  models_sample_compare(&sample, g, wrong, &noticed, c->keys);
  testing_assert_agrees(&right);
  testing_assert_notices(&noticed);
  unmake(&made);
}
END_TEST

/* The Hessians' products of every potential against differences of its gradient along v; the twin
 * is v turned round. */
START_TEST(potentials_match_their_differences)
{
  static const double h = 1e-4;
  struct made made = make_case(&structures[_i]);
  const struct objective *objective = made.objective;
  double x[2 * WIDTH], v[2 * WIDTH], y[2 * WIDTH], hv[2 * WIDTH], side[2][2 * WIDTH];
  double worst = 0, size = 0, twin = 0;
  sde_random_normals(&(struct sde_address){sde_stream_named(3, "x"), 0, 0}, WIDTH, 2, x);
  sde_random_normals(&(struct sde_address){sde_stream_named(3, "v"), 0, 0}, WIDTH, 2, v);
  for (size_t i = 0; i < objective->components; i++) {
    objective_component_hessian_vector(objective, WIDTH, i, x, v, hv);
    for (int sign = -1; sign <= 1; sign += 2) {
      sde_block_shift(2 * WIDTH, x, sign * h, v, y);
      objective_component_gradient(objective, WIDTH, i, y, side[sign > 0]);
    }
    for (size_t k = 0; k < 2 * WIDTH; k++) {
      double difference = (side[1][k] - side[0][k]) / (2 * h);
      worst = fmax(worst, fabs(hv[k] - difference));
      twin = fmax(twin, fabs(hv[k] + difference));
      size = fmax(size, fabs(hv[k]));
    }
  }
  ck_assert(objective_has_constant_noise(objective) ? size == 0 : size > 0.1);
  ck_assert_double_le(worst, 1e-9 * size);
  ck_assert(size == 0 || twin > size);
  unmake(&made);
}
END_TEST

/* H_xi v of a random function is the derivative of its gradient. */
START_TEST(random_hessians_match_their_differences)
{
  static const double h = 1e-4;
  struct made made = make_case(&structures[_i]);
  const struct noise *noise = made.objective->noise;
  size_t size = 2 * WIDTH;
  double x[2 * WIDTH], v[2 * WIDTH], y[2 * WIDTH], scratch[2 * WIDTH], hv[2 * WIDTH] = {0};
  double side[2][2 * WIDTH] = {{0}};
  double *xi = sde_alloc(noise->components, WIDTH * sizeof *xi);
  struct sde_address at = {sde_stream_named(3, "xi"), 0, 0};
  sde_random_normals(&(struct sde_address){sde_stream_named(3, "x"), 0, 0}, WIDTH, 2, x);
  sde_random_normals(&(struct sde_address){sde_stream_named(3, "v"), 0, 0}, WIDTH, 2, v);
  noise_draw(noise, &at, WIDTH, 2, 1, xi);
  noise_add_hessian_vector(noise, WIDTH, x, xi, v, hv, scratch);
  for (int sign = -1; sign <= 1; sign += 2) {
    sde_block_shift(size, x, sign * h, v, y);
    noise_add_gradient(noise, WIDTH, y, xi, side[sign > 0], scratch);
  }
  for (size_t k = 0; k < size; k++)
    ck_assert_double_eq_tol(hv[k], (side[1][k] - side[0][k]) / (2 * h), 1e-9);
  sde_free(xi);
  unmake(&made);
}
END_TEST

/* In eleven dimensions: orthonormal directions, another seed others; the spectrum of V. */
START_TEST(random_bases_are_orthonormal)
{
  enum { D = 11, R = 4 };
  double basis[2][D * R], full[D * D], change = 0;
  for (uint64_t seed = 0; seed < 2; seed++) {
    noise_random_basis(D, R, seed, basis[seed]);
    for (size_t j = 0; j < R; j++)
      for (size_t k = 0; k < R; k++) {
        double sum = 0;
        for (size_t i = 0; i < D; i++)
          sum += basis[seed][i * R + j] * basis[seed][i * R + k];
        ck_assert_double_eq_tol(sum, j == k, 1e-14);
      }
  }
  for (size_t k = 0; k < D * R; k++)
    change = fmax(change, fabs(basis[0][k] - basis[1][k]));
  ck_assert_double_gt(change, 0.1);
  noise_random_basis(D, D, 0, full);
  for (size_t i = 0; i < D; i++)
    for (size_t k = 0; k < R; k++)
      ck_assert(full[i * D + k] == basis[0][i * R + k]);
}
END_TEST

/* V of a rotated power law has the trace and the determinant of its eigenvalues, and another
 * rotation for another seed; and is not the one along the Hessian. */
START_TEST(rotated_power_laws_keep_their_spectrum)
{
  double v[3][4], along[4], small = pow(2, -1.5), total = 1 + small;
  for (size_t seed = 0; seed < 3; seed++) {
    char *keys = sde_format("structure=power-law exponent=1.5 total_variance=3 basis=rotated "
                            "direction_seed=%zu",
                            seed);
    struct made made = make(GOLDEN, keys, NULL, NULL);
    covariance_of(made.objective, points[0], v[seed]);
    ck_assert_double_eq_tol(v[seed][0] + v[seed][3], 3, 1e-13);
    ck_assert_double_eq_tol(v[seed][0] * v[seed][3] - v[seed][1] * v[seed][2],
                            9 * small / (total * total), 1e-13);
    unmake(&made);
    sde_free(keys);
  }
  power_law(points[0], along);
  for (size_t seed = 0; seed < 3; seed++)
    ck_assert(models_distance(4, v[seed], v[(seed + 1) % 3]) > 1e-2 &&
              models_distance(4, v[seed], along) > 1e-2);
}
END_TEST

/* At (1.5, -1) the valley's Hessian (v^2, 2 u v - 1; ., u^2) has a negative eigenvalue, which is
 * left out; and it is taken at the start that is given, not at the loss's own. */
START_TEST(hessian_noise_takes_the_positive_part_at_the_start)
{
  double a = 1, b = 2 * 1.5 * -1 - 1, d = 2.25, v[4], expected[4], whole[4];
  double larger = (a + d) / 2 + sqrt((a - d) * (a - d) / 4 + b * b);
  struct made made = make(VALLEY, "structure=hessian standard_deviation=0.5", golden_start, NULL);
  covariance_of(made.objective, points[2], v);
  spectral(a, b, d, 0.25 * larger, 0, expected);
  ck_assert_double_lt(models_distance(4, v, expected), 1e-12);
  set(0.25 * a, 0.25 * b, 0.25 * d, whole);
  ck_assert_double_gt(models_distance(4, v, whole), 0.1);
  unmake(&made);
  made = make(VALLEY, "structure=hessian standard_deviation=0.5", NULL, NULL); /* (2, 0.5) */
  covariance_of(made.objective, points[2], v);
  set(0.25 * 0.25, 0.25, 0.25 * 4, expected);
  ck_assert_double_lt(models_distance(4, v, expected), 1e-12);
  unmake(&made);
}
END_TEST

/* ---- Student t ---- */

static double freedom;

static double student_law(double t)
{
  return gsl_cdf_tdist_P(t, freedom);
}

/* Scaled to variance one; where there is none, of half as many degrees of freedom more. */
static double neighbour_law(double t)
{
  return freedom > 2 ? gsl_cdf_tdist_P(t * sqrt(freedom / (freedom - 2)), freedom)
                     : gsl_cdf_tdist_P(t, 1.5 * freedom);
}

/* Drawn one a batch, against the law; the twin is another. */
START_TEST(student_draws_follow_their_law)
{
  static const double freedoms[] = {0.5, 1, 1.5, 3, 9};
  size_t paths = testing_size(1 << 17);
  freedom = freedoms[_i];
  double *t = sde_alloc(paths, sizeof *t), xi[4 * WIDTH];
  char *keys = sde_format("law=student-t degrees_of_freedom=%g", freedom);
  struct made made = make(VALLEY, keys, NULL, NULL);
  for (size_t path = 0; path < paths; path += WIDTH) {
    struct sde_address at = {sde_stream_named(5, "t"), path, 9};
    noise_draw(made.objective->noise, &at, WIDTH, 1, 2, xi);
    memcpy(t + path, xi + 3 * WIDTH, WIDTH * sizeof *t);
  }
  struct testing_family right = {0}, wrong = {0};
  testing_add_law(&right, paths, t, student_law, "Student t");
  testing_add_law(&wrong, paths, t, neighbour_law, "another");
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
  sde_free(t);
  sde_free(keys);
  unmake(&made);
}
END_TEST

/* A mean of two t of one degree of freedom is one (Cauchy), and not smaller: no c(s) = 1/s. */
START_TEST(means_of_cauchy_draws_are_cauchy)
{
  size_t paths = testing_size(1 << 16);
  double *t = sde_alloc(paths, sizeof *t), xi[2 * WIDTH];
  struct made made = make(VALLEY, "law=student-t degrees_of_freedom=1", NULL, NULL);
  freedom = 1;
  for (size_t path = 0; path < paths; path += WIDTH) {
    struct sde_address at = {sde_stream_named(5, "t"), path, 9};
    noise_draw(made.objective->noise, &at, WIDTH, 2, 1, xi);
    memcpy(t + path, xi, WIDTH * sizeof *t);
  }
  struct testing_family right = {0}, wrong = {0};
  testing_add_law(&right, paths, t, student_law, "mean of two");
  for (size_t k = 0; k < paths; k++)
    t[k] *= sqrt(2);
  testing_add_law(&wrong, paths, t, student_law, "as if it had a variance");
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
  sde_free(t);
  unmake(&made);
}
END_TEST

/* Every path, component and micro-batch draws its own; narrow blocks give the same bits. */
START_TEST(student_draws_belong_to_their_address)
{
  enum { COUNT = 3, SIZE = 2 };
  struct made made = make(VALLEY, "law=student-t degrees_of_freedom=3", NULL, NULL);
  double xi[2 * COUNT * WIDTH], narrow[2 * COUNT * SDE_UNIT];
  struct sde_address at = {sde_stream_named(6, "t"), 128, 4};
  noise_draw(made.objective->noise, &at, WIDTH, SIZE, COUNT, xi);
  for (size_t start = 0; start < WIDTH; start += SDE_UNIT) {
    struct sde_address here = at;
    here.first_path += start;
    noise_draw(made.objective->noise, &here, SDE_UNIT, SIZE, COUNT, narrow);
    for (size_t k = 0; k < 2 * COUNT; k++)
      ck_assert(memcmp(narrow + k * SDE_UNIT, xi + k * WIDTH + start, SDE_UNIT * sizeof *narrow) ==
                0);
  }
  for (size_t k = 1; k < 2 * COUNT * WIDTH; k++)
    for (size_t l = 0; l < k; l++)
      ck_assert(xi[k] != xi[l]);
  unmake(&made);
}
END_TEST

/* ---- limits: F and Sigma with noise that depends on the state ---- */

/* A random function in d = 2 by its own code: g_xi(x). */
struct random_case {
  const char *loss, *keys;
  size_t potentials;
  void (*gradient)(const double x[2], const double *xi, double g[2]);
};

static void valley_gradient(const double x[2], double g[2])
{
  g[0] = (x[0] * x[1] - 1) * x[1];
  g[1] = (x[0] * x[1] - 1) * x[0];
}

static void valley_multiplicative(const double x[2], const double *xi, double g[2])
{
  valley_gradient(x, g);
  g[0] += 0.7 * x[0] * xi[0];
  g[1] += 0.7 * x[1] * xi[1];
}

static void valley_both(const double x[2], const double *xi, double g[2])
{
  valley_multiplicative(x, xi, g);
  g[0] += 0.4 * xi[2];
  g[1] += 0.4 * xi[3];
}

/* f_xi = (u v - 1 - 0.5 xi)^2 / 2 up to what does not depend on x. */
static void valley_label(const double x[2], const double *xi, double g[2])
{
  g[0] = (x[0] * x[1] - 1 - 0.5 * xi[0]) * x[1];
  g[1] = (x[0] * x[1] - 1 - 0.5 * xi[0]) * x[0];
}

static void golden_multiplicative(const double x[2], const double *xi, double g[2])
{
  g[0] = golden_a * x[0] + golden_b * x[1] - 0.25 + 0.7 * x[0] * xi[0];
  g[1] = golden_b * x[0] + golden_d * x[1] - 0.125 + 0.7 * x[1] * xi[1];
}

static const struct random_case randoms[] = {
    {VALLEY, "structure=multiplicative standard_deviation=0.7", 2, valley_multiplicative},
    {VALLEY, "structure=multiplicative standard_deviation=0.7 additive_deviation=0.4", 4,
     valley_both},
    {VALLEY, "structure=label standard_deviation=0.5", 1, valley_label},
    {GOLDEN, "structure=multiplicative standard_deviation=0.7", 2, golden_multiplicative},
};
enum { RANDOMS = sizeof randoms / sizeof *randoms };

/* The update direction of one micro-batch, unnormalised. */
static void direction(const struct random_case *c, enum perturbation by, double rho,
                      const double x[2], const double *xi, double u[2])
{
  static const double none[4] = {0};
  double e[2] = {0, 0}, y[2];
  if (by != PERTURB_NOTHING)
    c->gradient(x, by == PERTURB_FULL_GRADIENT ? none : xi, e);
  for (size_t k = 0; k < 2; k++)
    y[k] = x[k] + rho * e[k];
  c->gradient(y, xi, u);
}

/* E u and Cov u by Gauss-Hermite quadrature over the noise of one micro-batch; the b/m of a batch
 * are independent. Exact: u has degree 3 in each xi_k. Taken about u without noise, against
 * cancellation. */
static void quadrature(const struct random_case *c, const struct optimizer *optimizer,
                       const double x[2], double mean[2], double covariance[4])
{
  enum { NODES = 6 };
  static const double none[4] = {0};
  double m = (double)optimizer->micro_batch, b = (double)optimizer->batch, second[4] = {0};
  double middle[2], away[2] = {0, 0};
  size_t all = 1;
  gsl_integration_fixed_workspace *rule =
      gsl_integration_fixed_alloc(gsl_integration_fixed_hermite, NODES, 0, m / 2, 0, 0);
  const double *node = gsl_integration_fixed_nodes(rule);
  const double *weight = gsl_integration_fixed_weights(rule);
  for (size_t k = 0; k < c->potentials; k++)
    all *= NODES;
  direction(c, models_perturbation(optimizer->rule), optimizer->rho, x, none, middle);
  for (size_t i = 0; i < all; i++) {
    double xi[4] = {0}, share = 1, u[2];
    size_t code = i;
    for (size_t k = 0; k < c->potentials; k++, code /= NODES) {
      xi[k] = node[code % NODES];
      share *= weight[code % NODES] * sqrt(m / (2 * acos(-1)));
    }
    direction(c, models_perturbation(optimizer->rule), optimizer->rho, x, xi, u);
    for (size_t k = 0; k < 2; k++) {
      u[k] -= middle[k];
      away[k] += share * u[k];
    }
    for (size_t k = 0; k < 4; k++)
      second[k] += share * u[k / 2] * u[k % 2];
  }
  for (size_t k = 0; k < 4; k++)
    covariance[k] = (second[k] - away[k / 2] * away[k % 2]) * m / b;
  for (size_t k = 0; k < 2; k++)
    mean[k] = middle[k] + away[k];
  gsl_integration_fixed_free(rule);
}

static struct models_setup setup_of(const struct random_case *c, const char *name, double rho,
                                    size_t m)
{
  char *noise = sde_format("sampling=gaussian %s", c->keys);
  struct models_setup setup = models_setup_new(c->loss, noise, name, rho, 4, m);
  sde_free(noise);
  return setup;
}

static const struct limit_options exact = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};
static const struct limit_options order1 = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1, .variance_term = true};
static const struct limit_options order0 = {
    .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_0, .variance_term = true};
static const struct limit_options no_variance_term = {.eta_order = 1,
                                                      .rho_order = LIMIT_RHO_ORDER_1};

/* How far F and Sigma are from E u and Cov u. */
struct distance {
  double drift, noise;
};

static struct distance distance_of(const struct random_case *c, const struct optimizer *optimizer,
                                   struct limit_options options, const double x[2])
{
  double f[2], sigma[4], mean[2], covariance[4];
  quadrature(c, optimizer, x, mean, covariance);
  models_moments(optimizer, options, x, f, sigma);
  return (struct distance){models_distance(2, f, mean), models_distance(4, sigma, covariance)};
}

/* What the distances are divided by when rho is halved. */
static struct distance halved(const struct random_case *c, struct optimizer optimizer,
                              struct limit_options options, const double x[2])
{
  struct distance off[2];
  for (size_t half = 0; half < 2; half++) {
    optimizer.rho = half ? 5e-5 : 1e-4;
    off[half] = distance_of(c, &optimizer, options, x);
  }
  return (struct distance){off[0].drift / off[1].drift, off[0].noise / off[1].noise};
}

static bool is_about(double expected, double ratio)
{
  return ratio > 0.875 * expected && ratio < 1.125 * expected;
}

/* The micro-batch perturbs: to first order in rho F and Sigma miss by O(rho^2), F of a quadratic
 * not at all. Twins miss by O(rho): order 0, F without the variance term, and c(m) of another m. */
START_TEST(order_1_misses_by_rho_squared)
{
  const struct random_case *c = &randoms[_i];
  for (size_t k = 0; k < POINTS; k++)
    for (size_t m = 1; m <= 4; m *= 2)
      for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++) {
        struct models_setup setup = setup_of(c, "m-usam", 1e-4, m);
        struct limit_options options = order1;
        options.factor = (enum limit_factor)factor;
        struct distance ratio = halved(c, setup.optimizer, options, points[k]);
        if (setup.loss->quadratic)
          ck_assert_double_lt(distance_of(c, &setup.optimizer, options, points[k]).drift, 1e-13);
        else
          ck_assert_msg(is_about(4, ratio.drift), "F: %g", ratio.drift);
        ck_assert_msg(is_about(4, ratio.noise), "Sigma: %g", ratio.noise);
        ratio = halved(c, setup.optimizer, order0, points[k]);
        ck_assert(is_about(2, ratio.drift) && is_about(2, ratio.noise));
        ratio = halved(c, setup.optimizer, no_variance_term, points[k]);
        ck_assert(is_about(2, ratio.drift) && is_about(4, ratio.noise));
        models_setup_free(&setup);
      }
}
END_TEST

/* What does not perturb with noise is exact for any rho. */
START_TEST(points_are_exact)
{
  static const char *const names[] = {"sgd", "n-usam"};
  const struct random_case *c = &randoms[_i];
  for (size_t n = 0; n < 2; n++)
    for (size_t k = 0; k < POINTS; k++)
      for (int factor = LIMIT_FACTOR_AUTO; factor <= LIMIT_FACTOR_CHOLESKY; factor++) {
        struct models_setup setup = setup_of(c, names[n], 0.2, 4);
        struct limit_options options = exact;
        options.factor = (enum limit_factor)factor;
        struct distance off = distance_of(c, &setup.optimizer, options, points[k]);
        ck_assert_msg(off.drift < 1e-12 && off.noise < 1e-12, "F is off by %g, Sigma by %g",
                      off.drift, off.noise);
        off = distance_of(c, &setup.optimizer, order0, points[k]);
        ck_assert(n == 0 || (off.drift > 1e-2 && off.noise > 1e-3));
        models_setup_free(&setup);
      }
}
END_TEST

/* The optimizer's own directions, and the exact limit, which samples them, have the moments of the
 * quadrature; the twin has those without the noise's part in the perturbation. */
START_TEST(directions_have_the_moments_of_the_quadrature)
{
  const struct random_case *c = &randoms[_i];
  struct testing_family right = {0}, wrong = {0};
  for (size_t m = 1; m <= 4; m *= 4) {
    struct models_setup setup = setup_of(c, "m-usam", 0.2, m);
    struct optimizer full = setup.optimizer;
    double mean[2], covariance[4], other[2], others[4], spurious[4];
    quadrature(c, &setup.optimizer, points[1], mean, covariance);
    full.rule = gradient_rule_named("n-usam");
    quadrature(c, &full, points[1], other, others);
    struct models_sample drawn =
        models_directions(&setup.optimizer, points[1], testing_size(1 << 17), mean);
    struct models_sample sampled =
        models_drift_sample(&setup.optimizer, exact, points[1], testing_size(1 << 14), mean);
    for (size_t k = 0; k < 4; k++)
      spurious[k] = covariance[k] / 16;
    models_sample_compare(&drawn, mean, covariance, &right, c->keys);
    models_sample_compare(&sampled, mean, spurious, &right, c->keys);
    models_sample_compare(&drawn, other, others, &wrong, c->keys);
    models_setup_free(&setup);
  }
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
}
END_TEST

/* m-SAM of a quadratic with quadratic potentials: F = g + rho grad E|g_I| exactly, by the Gaussian
 * integral at each x, whose covariance depends on x; the twin has |g|. */
START_TEST(normalised_drifts_of_multiplicative_noise)
{
  struct testing_family right = {0}, wrong = {0};
  for (size_t m = 1; m <= 4; m *= 2) {
    struct models_setup setup = setup_of(&randoms[3], "m-sam", 0.5, m);
    double f[2], other[2];
    models_moments(&setup.optimizer, order1, points[1], f, NULL);
    models_moments(&setup.optimizer, no_variance_term, points[1], other, NULL);
    struct models_sample drawn =
        models_directions(&setup.optimizer, points[1], testing_size(1 << 17), f);
    models_compare_means(&drawn, f, &right, "directions");
    models_compare_means(&drawn, other, &wrong, "n-sam");
    models_setup_free(&setup);
  }
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
}
END_TEST

/* Their noise where J does not depend on x: Cov u exactly, at the minimum, near it and far from it,
 * by columns and by Cholesky; the twin has the leading part c(b) V. */
static void compare_normalised_noise(const char *keys, struct testing_family *right,
                                     struct testing_family *wrong)
{
  /* The zero of g of the golden case, where A x = b, and two more. */
  static const double centre[2] = {0.189873417721519, 0.10126582278481013};
  struct random_case c = {GOLDEN, keys, 2, NULL};
  for (size_t m = 1; m <= 4; m *= 2)
    for (size_t k = 0; k < 3; k++) {
      double x[2] = {centre[0] + 0.3 * (double)(k * k), centre[1] - 0.2 * (double)k};
      double f[2], sigma[4], by_cholesky[4], leading[4];
      struct models_setup setup = setup_of(&c, "m-sam", 0.5, m);
      struct limit_options options = order1;
      models_moments(&setup.optimizer, options, x, f, sigma);
      options.factor = LIMIT_FACTOR_CHOLESKY;
      models_moments(&setup.optimizer, options, x, NULL, by_cholesky);
      ck_assert_double_lt(models_distance(4, sigma, by_cholesky), 1e-12);
      options.covariance = LIMIT_COVARIANCE_LEADING;
      models_moments(&setup.optimizer, options, x, NULL, leading);
      struct models_sample drawn = models_directions(&setup.optimizer, x, testing_size(1 << 17), f);
      models_sample_compare(&drawn, f, sigma, right, keys);
      models_sample_compare(&drawn, f, leading, wrong, keys);
      models_setup_free(&setup);
    }
}

START_TEST(normalised_noise_of_constant_potentials)
{
  static const char *const keys[] = {"standard_deviation=0.3",
                                     "structure=low-rank standard_deviations=0.4 directions=1,2",
                                     "structure=dense covariance=0.2,0.1;0.1,0.3",
                                     "structure=diagonal standard_deviations=0.01,1"};
  struct testing_family right = {0}, wrong = {0};
  compare_normalised_noise(keys[_i], &right, &wrong);
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
}
END_TEST

/* No closed form is claimed for noise that depends on x, nor for another law. */
START_TEST(closed_forms_are_claimed_where_they_are)
{
  static const struct {
    const char *keys;
    bool known;
  } all[] = {{"standard_deviation=0.3", true},
             {"structure=multiplicative standard_deviation=0.3", false},
             {"standard_deviation=1.5 law=student-t degrees_of_freedom=3", false}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    struct random_case c = {GOLDEN, all[i].keys, 2, NULL};
    struct models_setup setup = setup_of(&c, "m-sam", 0.5, 2);
    struct limit_options options = order1;
    struct sde_status status = {SDE_OK, ""};
    options.covariance = LIMIT_COVARIANCE_NORMALIZED;
    struct limit *limit =
        limit_new(&setup.optimizer, &options, (struct sde_stream){1, 1}, "recipe:sde", &status);
    ck_assert((limit != NULL) == all[i].known);
    if (limit == NULL)
      models_assert_refused(&status, "recipe:sde", "covariance: normalized|leading|exact");
    limit_free(limit);
    models_setup_free(&setup);
  }
}
END_TEST

/* The same for Student t, whose E|g_I| comes from fresh micro-batches, J constant or not. */
START_TEST(normalised_drifts_of_heavy_tails)
{
  static const char *const keys[] = {"standard_deviation=1.5 law=student-t degrees_of_freedom=3",
                                     "structure=multiplicative law=student-t degrees_of_freedom=3"};
  struct testing_family right = {0}, wrong = {0};
  for (size_t m = 1; m <= 2; m++) {
    struct random_case c = {GOLDEN, keys[_i], 2, NULL};
    struct models_setup setup = setup_of(&c, "m-sam", 1, m);
    double start[2] = {0, 0}, other[2], mean[2];
    size_t paths = testing_size(1 << 16);
    struct models_sample fresh =
        models_drift_sample(&setup.optimizer, order1, points[1], paths, start);
    struct models_sample drawn = models_directions(&setup.optimizer, points[1], paths, start);
    models_moments(&setup.optimizer, no_variance_term, points[1], other, NULL);
    for (size_t k = 0; k < 2; k++) {
      double se = hypot(sde_moments_standard_error(fresh.entry[k]),
                        sde_moments_standard_error(drawn.entry[k]));
      mean[k] = sde_moments_mean(fresh.entry[k]);
      testing_add(&right, (mean[k] - sde_moments_mean(drawn.entry[k])) / se, "m = %zu", m);
    }
    models_compare_means(&drawn, other, &wrong, "n-sam");
    models_setup_free(&setup);
  }
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
}
END_TEST

/* Student t with constant J on a quadratic: Sigma has the variance nu/(nu - 2), here 3. */
START_TEST(heavy_tails_enter_the_limit_by_their_variance)
{
  static const char *const keys[] = {"standard_deviation=0.5 law=student-t degrees_of_freedom=3",
                                     "standard_deviation=0.5"};
  double sigma[2][4], f[2][2];
  for (size_t k = 0; k < 2; k++) {
    struct random_case c = {GOLDEN, keys[k], 2, NULL};
    struct models_setup setup = setup_of(&c, "usam", 0.2, 4);
    models_moments(&setup.optimizer, order1, golden_start, f[k], sigma[k]);
    models_setup_free(&setup);
  }
  for (size_t k = 0; k < 4; k++)
    ck_assert_double_eq_tol(sigma[0][k], 3 * sigma[1][k], 1e-13);
  ck_assert(models_distance(2, f[0], f[1]) == 0);
  ck_assert_double_gt(sigma[1][0], 1e-2);
}
END_TEST

struct class_case {
  const char *loss, *keys, *optimizer;
  enum limit_rho_order order;
  enum limit_factor factor;
  enum sde_noise_class noise;
};

static const struct class_case classes[] = {
    {VALLEY, "structure=multiplicative", "sgd", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_DIAGONAL},
    {VALLEY, "structure=multiplicative", "m-sam", LIMIT_RHO_ORDER_0, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_DIAGONAL},
    {VALLEY, "structure=multiplicative", "sgd", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_CHOLESKY,
     SDE_NOISE_GENERAL},
    {VALLEY, "structure=multiplicative additive_deviation=1", "sgd", LIMIT_RHO_ORDER_1,
     LIMIT_FACTOR_COLUMNS, SDE_NOISE_GENERAL},
    {VALLEY, "structure=multiplicative", "n-usam", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_GENERAL},
    {VALLEY, "structure=multiplicative", "m-usam", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_GENERAL},
    {GOLDEN, "structure=multiplicative", "m-usam", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_GENERAL},
    {VALLEY, "structure=multiplicative", "m-sam", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_GENERAL},
    {VALLEY, "structure=label", "sgd", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS, SDE_NOISE_SCALAR},
    {VALLEY, "structure=label", "m-usam", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_SCALAR},
    {LINE, "structure=label", "m-usam", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_ADDITIVE},
    {GOLDEN, "structure=power-law basis=rotated", "m-usam", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_ADDITIVE},
    {VALLEY, "structure=hessian", "m-sam", LIMIT_RHO_ORDER_0, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_ADDITIVE},
    {VALLEY, "structure=hessian", "m-sam", LIMIT_RHO_ORDER_1, LIMIT_FACTOR_COLUMNS,
     SDE_NOISE_GENERAL},
};
enum { CLASSES = sizeof classes / sizeof *classes };

/* Sigma at x and beside it, along each coordinate: additive where it stays, diagonal where entry
 * (k, k) alone moves with x_k, and no other. */
START_TEST(noise_classes_are_true)
{
  const struct class_case *c = &classes[_i];
  struct random_case like = {c->loss, c->keys, 0, NULL};
  struct models_setup setup = setup_of(&like, c->optimizer, 0.1, 2);
  struct limit_options options = order1;
  double here[4], moved[4];
  options.rho_order = c->order;
  options.factor = c->factor;
  struct limit *limit = models_limit(&setup.optimizer, options);
  ck_assert_int_eq(limit_system(limit)->noise, c->noise);
  models_limit_at(limit, setup.optimizer.eta, points[1], NULL, here);
  bool stays = true;
  for (size_t k = 0; k < 2; k++) {
    double x[2] = {points[1][0], points[1][1]};
    x[k] += 0.1;
    models_limit_at(limit, setup.optimizer.eta, x, NULL, moved);
    stays = stays && models_distance(4, here, moved) < 1e-12;
    if (c->noise == SDE_NOISE_DIAGONAL)
      ck_assert(moved[1] == 0 && moved[3 * (1 - k)] == here[3 * (1 - k)]);
  }
  ck_assert(stays == (c->noise == SDE_NOISE_ADDITIVE));
  limit_free(limit);
  models_setup_free(&setup);
}
END_TEST

/* SGD on x^2/2 with multiplicative noise: E x^2 grows by (1 - eta)^2 + eta^2 s^2 / b a step; the
 * twin's noise does not depend on x. With m-usam the exact moments are not claimed. */
START_TEST(exact_moments_of_multiplicative_noise)
{
  char *file = models_file("A11,b1\n1,0\n");
  char *loss = sde_format("quadratic data=%s", file);
  for (int constant = 0; constant < 2; constant++) {
    struct random_case c = {loss,
                            constant ? "standard_deviation=0.8"
                                     : "structure=multiplicative standard_deviation=0.8",
                            1, NULL};
    struct models_setup setup = setup_of(&c, "sgd", 0, 4);
    struct limit *limit = models_limit(&setup.optimizer, exact);
    struct sde_linear_direction *direction_of_sgd = limit_direction_new(limit, NULL);
    ck_assert_ptr_nonnull(direction_of_sgd);
    setup.objective->noise->quadratic = false; /* as of a structure of higher degree */
    ck_assert_ptr_null(limit_direction_new(limit, NULL));
    setup.objective->noise->quadratic = true;
    struct sde_status status = {SDE_OK, ""};
    double eta = setup.optimizer.eta, moments[3], x = 1.5;
    struct sde_linear_map *map = sde_linear_iterates_new(direction_of_sgd, eta, "", &status);
    sde_linear_point(1, &x, moments);
    sde_linear_advance(map, 7, moments);
    double expected = x * x * pow((1 - eta) * (1 - eta) + eta * eta * 0.64 / 4, 7);
    ck_assert((fabs(moments[0] - expected) < 1e-13) == !constant);
    sde_linear_map_free(map);
    limit_direction_free(direction_of_sgd);
    limit_free(limit);
    setup.optimizer.rule = gradient_rule_named("usam");
    setup.optimizer.rho = 0.1;
    limit = models_limit(&setup.optimizer, exact);
    direction_of_sgd = limit_direction_new(limit, NULL);
    ck_assert((direction_of_sgd != NULL) == constant);
    limit_direction_free(direction_of_sgd);
    limit_free(limit);
    models_setup_free(&setup);
  }
  sde_free(loss);
  models_file_remove(file);
}
END_TEST

/* ---- what the recipes claim ---- */

/* E f and E |x|^2 at rest, and of which m. */
static void at_rest(const char *basis, const char *name, size_t m, double *loss, double *square)
{
  static const double curvature[] = {4, 1, 0.25, 0.0625};
  char *keys = sde_format("structure=power-law exponent=1.5 total_variance=2 basis=%s", basis);
  struct random_case c = {"quadratic data=data/spectrum4.csv", keys, 4, NULL};
  struct made made = make(c.loss, c.keys, (double[4]){0}, NULL);
  struct optimizer optimizer = models_optimizer(made.objective, name, 0.1, 4, m);
  struct limit *limit = models_limit(&optimizer, order1);
  struct sde_linear_direction *u = limit_direction_new(limit, NULL);
  struct sde_status status = {SDE_OK, ""};
  struct sde_linear_map *map = sde_linear_sde_new(u, optimizer.eta, 1, "", &status);
  double moments[15], covariance[16];
  ck_assert(sde_linear_stationary(map, "", moments, &status));
  sde_linear_covariance(4, moments, covariance);
  *loss = *square = 0;
  for (size_t k = 0; k < 4; k++) {
    *square += covariance[5 * k];
    *loss += curvature[k] / 2 * covariance[5 * k];
  }
  sde_linear_map_free(map);
  limit_direction_free(u);
  limit_free(limit);
  unmake(&made);
  sde_free(keys);
}

/* power-law-noise.yaml: E f = eta tr V / (4 b) whatever the basis, E |x|^2 not; m does nothing. */
START_TEST(power_law_noise_at_rest)
{
  double loss[3], square[3];
  at_rest("hessian", "sgd", 4, &loss[0], &square[0]);
  at_rest("rotated", "sgd", 4, &loss[1], &square[1]);
  ck_assert_double_eq_tol(loss[0], 0.0125, 1e-14);
  ck_assert_double_eq_tol(loss[1], 0.0125, 1e-14);
  ck_assert(square[0] < 0.0506 && square[1] > 0.126);
  for (size_t k = 0; k < 3; k++)
    at_rest("hessian", "m-usam", (size_t)1 << k, &loss[k], &square[k]);
  ck_assert(loss[0] == loss[1] && loss[0] == loss[2] && square[0] == square[2]);
  ck_assert_double_gt(loss[0], 0.0157);
}
END_TEST

/* label-noise.yaml: on the minima the generator of the SDE makes E(u^2 - v^2) decay at the rate
 * eta c(b) + 2 rho c(m), to leading order; without the variance term at the first part alone. */
static double imbalance_decay(size_t m, struct limit_options options)
{
  static const double tiny = 1e-4, x[2] = {1.7, 1 / 1.7};
  struct random_case c = {"valley samples=1 standard_deviation=0", "structure=label", 1, NULL};
  struct models_setup setup = setup_of(&c, "m-usam", tiny, m);
  double f[2], sigma[4];
  setup.optimizer.eta = tiny;
  models_moments(&setup.optimizer, options, x, f, sigma);
  models_setup_free(&setup);
  return (2 * (x[0] * f[0] - x[1] * f[1]) - tiny * (sigma[0] - sigma[3])) /
         (tiny * (x[0] * x[0] - x[1] * x[1]));
}

START_TEST(label_noise_has_the_one_over_m_law)
{
  for (size_t m = 1; m <= 4; m *= 2) {
    double full = 0.25 + 2 / (double)m;
    ck_assert_double_eq_tol(imbalance_decay(m, order1), full, 1e-2 * full);
    ck_assert_double_eq_tol(imbalance_decay(m, no_variance_term), 0.25, 1e-2);
  }
}
END_TEST

/* The mean passage time of process `which` in heavy-tails.yaml, and its standard error. */
static double passage_time(const char *noise, size_t which, double *se)
{
  struct sde_status status = {SDE_OK, ""};
  const char *override[] = {noise, "paths=256", "time=1000"};
  struct recipe *recipe =
      recipe_read("experiments/recipes/heavy-tails.yaml", study_types(), 3, override, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  struct cases *cases = cases_new(recipe, &status);
  ck_assert_msg(cases != NULL, "%s", status.message);
  struct results *results = results_new(recipe);
  ck_assert_msg(recipe->study->run(recipe, 1, NULL, cases, results, &status), "%s", status.message);
  const json_t *row = json_array_get(json_object_get(results_summary(results), "rows"), which);
  ck_assert_msg(row != NULL, "%s", json_dumps(results_summary(results), 0));
  double mean = json_number_value(json_object_get(row, "mean"));
  *se = json_number_value(json_object_get(row, "se"));
  results_free(results);
  cases_free(cases);
  recipe_free(recipe);
  return mean;
}

/* heavy-tails.yaml: Student t leaves at a fifth of the SDE's time; the twin, Gaussian noise of the
 * same variance, leaves with the SDE. */
START_TEST(heavy_tails_leave_by_jumps)
{
  static const char student[] = "noise={sampling: gaussian, standard_deviation: 0.5, law: "
                                "student-t, degrees_of_freedom: 3}",
                    gaussian[] = "noise={sampling: gaussian, standard_deviation: 0.8660254}";
  double se[4], heavy = passage_time(student, 0, &se[0]), sde = passage_time(student, 1, &se[1]);
  double normal = passage_time(gaussian, 0, &se[2]);
  ck_assert_double_gt(sde / 3 - heavy, 4 * hypot(se[0], se[1] / 3));
  ck_assert_double_lt(fabs(sde - normal), 4 * hypot(se[1], se[2]));
}
END_TEST

/* ---- coupling ---- */

struct coupling_case {
  const char *noise, *optimizer, *sde;
  bool coupled;
  double
      most; /* E|difference|^2 over E|spread|^2 of the SDE, at most; or at least, if not coupled */
};

static const struct coupling_case couplings[] = {
    {"structure: multiplicative, standard_deviation: 0.3", "{name: sgd}", "{substeps: 1}", true,
     1e-24},
    {"structure: multiplicative, standard_deviation: 0.3, additive_deviation: 0.2",
     "{name: n-usam}", "{substeps: 1, rho_order: exact}", true, 1e-24},
    {"structure: label, standard_deviation: 0.5", "{name: sgd}", "{substeps: 1}", true, 1e-24},
    {"structure: multiplicative, standard_deviation: 0.3", "{name: m-usam, micro_batch: 4}",
     "{substeps: 4}", true, 2e-2},
    {"structure: label, standard_deviation: 0.5", "{name: m-usam, micro_batch: 4}", "{substeps: 4}",
     true, 2e-2},
    {"standard_deviation: 0.3", "{name: sam}", "{substeps: 4}", true, 2e-2},
    {"standard_deviation: 0.3", "{name: m-sam, micro_batch: 4}", "{substeps: 4}", true, 2e-2},
    {"structure: label, standard_deviation: 0.5", "{name: sgd}",
     "{substeps: 4, noise_factor: cholesky}", false, 0.5},
    {"structure: label, standard_deviation: 0.5", "{name: m-usam, micro_batch: 4}",
     "{substeps: 4, rho_order: exact, directions: 2}", false, 0.5},
    {"standard_deviation: 0.3, law: student-t, degrees_of_freedom: 5", "{name: sgd}",
     "{substeps: 1}", false, 0.5},
};
enum { COUPLINGS = sizeof couplings / sizeof *couplings };

/* Euler-Maruyama at step eta is the iterates where u is g + J xi, path by path; else the two stay
 * near; where they are not coupled, and said so, they do not. */
START_TEST(iterates_share_the_brownian_path)
{
  const struct coupling_case *c = &couplings[_i];
  char *override[] = {sde_format("noise={sampling: gaussian, %s}", c->noise),
                      sde_format("optimizers=[%s]", c->optimizer),
                      sde_format("sde=[%s]", c->sde),
                      sde_strdup("observables=[x1]"),
                      sde_strdup("eta=0.02"),
                      sde_strdup("rho=0.02"),
                      sde_strdup("time=1"),
                      sde_strdup("paths=512")};
  enum { OVERRIDES = sizeof override / sizeof *override };
  struct sde_status status = {SDE_OK, ""};
  struct recipe *recipe = recipe_read("experiments/recipes/valley.yaml", study_types(), OVERRIDES,
                                      (const char *const *) override, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  struct cases *cases = cases_new(recipe, &status);
  ck_assert_msg(cases != NULL, "%s", status.message);
  const struct run_case *one = &cases->one[0];
  ck_assert(one->sde[0].coupled == c->coupled);
  struct case_result result = case_run(&(struct case_ensemble){
      .cases = cases, .one = one, .records = 1, .record_steps = &one->steps, .threads = 1});
  struct sde_moments difference = case_iterates_difference(&result, 0, 0, 0);
  double mean = sde_moments_mean(difference),
         square = sde_moments_variance(difference) + mean * mean;
  double ratio = square / sde_moments_variance(case_moments(&result, case_side_of_sde(0), 0, 0));
  ck_assert_msg(c->coupled ? ratio <= c->most : ratio >= c->most, "ratio %g", ratio);
  case_result_free(&result);
  cases_free(cases);
  recipe_free(recipe);
  for (size_t k = 0; k < OVERRIDES; k++)
    sde_free(override[k]);
}
END_TEST

/* ---- refusals ---- */

struct refusal {
  const char *loss, *keys, *place, *words;
};

static const struct refusal refusals[] = {
    {GOLDEN, "structure=low-rank", "recipe:structure", "low-rank|standard_deviations|at most 2"},
    {GOLDEN, "structure=low-rank standard_deviations=1,1,1", "recipe:standard_deviations",
     "3 entries|from 1 to 2"},
    {GOLDEN, "structure=low-rank standard_deviations=1 directions=1,2,3", "recipe:directions",
     "3 numbers|must have 2"},
    {GOLDEN, "structure=low-rank standard_deviations=1,1 directions=1,2,0,0", "recipe:directions",
     "direction 2|not be zero"},
    {GOLDEN, "structure=low-rank standard_deviations=1 directions=1,2 direction_seed=3",
     "recipe:direction_seed", "no effect with directions|accepted is no directions"},
    {GOLDEN, "structure=power-law direction_seed=3", "recipe:direction_seed",
     "no effect with basis: hessian|basis: rotated"},
    {GOLDEN, "structure=power-law", "recipe:structure", "Hessian at start|no default|2 numbers"},
    {GOLDEN, "structure=hessian", "recipe:structure", "Hessian at start|give start"},
    {GOLDEN, "structure=label", "recipe:structure",
     "label noise|quadratic|linear-regression, valley"},
    {GOLDEN, "exponent=2", "recipe:exponent",
     "no effect with structure: isotropic|structure: power-law"},
    {GOLDEN, "structure=dense standard_deviation=1", "recipe:standard_deviation",
     "structure: dense|structure: isotropic, hessian, multiplicative or label"},
    {GOLDEN, "structure=isotropic additive_deviation=1", "recipe:additive_deviation",
     "structure: isotropic|structure: multiplicative"},
    {GOLDEN, "degrees_of_freedom=3", "recipe:degrees_of_freedom",
     "no effect with law: gaussian|law: student-t"},
    {GOLDEN, "law=student-t", "recipe:law", "needs degrees_of_freedom|above 2"},
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

START_TEST(bad_noise_is_refused)
{
  const struct refusal *r = &refusals[_i];
  struct sde_status status = {SDE_OK, ""};
  struct made made = make(r->loss, r->keys, NULL, &status);
  ck_assert_ptr_null(made.objective);
  models_assert_refused(&status, r->place, r->words);
  unmake(&made);
}
END_TEST

/* A start on the valley's ridge: the Hessian at 0 is (0, -1; -1, 0), whose positive part exists;
 * that of -x^2/2 has none. */
START_TEST(a_hessian_without_positive_part_is_refused)
{
  char *file = models_file("A11,b1\n-1,0\n"), *loss = sde_format("quadratic data=%s", file);
  struct sde_status status = {SDE_OK, ""};
  double zero[2] = {0, 0};
  struct made made = make(loss, "structure=hessian", zero, &status);
  ck_assert_ptr_null(made.objective);
  models_assert_refused(&status, "recipe:structure", "no positive eigenvalue|another start");
  unmake(&made);
  made = make(VALLEY, "structure=hessian", zero, NULL);
  unmake(&made);
  models_file_remove(file);
  sde_free(loss);
}
END_TEST

/* Infinite variance: no SDE, no tr V; iterates run, with a caution. Just above 2 there are both. */
START_TEST(infinite_variance_is_said)
{
  static const char *const keys[] = {"law=student-t degrees_of_freedom=2",
                                     "law=student-t degrees_of_freedom=2.5",
                                     "law=student-t degrees_of_freedom=4.5"};
  static const char *const trace = "noise-trace";
  for (size_t k = 0; k < 3; k++) {
    struct random_case c = {GOLDEN, keys[k], 2, NULL};
    struct models_setup setup = setup_of(&c, "m-usam", 0.1, 2);
    struct sde_status sde = {SDE_OK, ""}, observable = {SDE_OK, ""};
    struct limit *limit =
        limit_new(&setup.optimizer, &order1, sde_stream_named(1, ""), "recipe:9", &sde);
    struct sde_observables *observables =
        observables_new(setup.objective, 1, &trace, "recipe:8", &observable);
    const char *caution = noise_caution(setup.objective->noise);
    if (k == 0) {
      models_assert_refused(&sde, "recipe:9",
                            "assumptions fail: infinite variance|degrees_of_freedom 2|sde: []");
      models_assert_refused(&observable, "recipe:8", "noise-trace|infinite variance|above 2");
      struct models_sample drawn = models_directions(&setup.optimizer, points[0], WIDTH, points[0]);
      ck_assert(isfinite(drawn.entry[0].mean));
    }
    ck_assert((limit == NULL) == (k == 0) && (observables == NULL) == (k == 0));
    ck_assert((caution == NULL) == (k == 2));
    ck_assert(k == 2 || strstr(caution, k == 0 ? "infinite variance" : "fourth moment") != NULL);
    observables_free(observables);
    limit_free(limit);
    models_setup_free(&setup);
  }
}
END_TEST

/* A default that does not count is not written into the resolved recipe. */
START_TEST(keys_count_where_they_are_read)
{
  static const struct {
    const char *keys, *key;
    bool used;
  } uses[] = {{"structure=low-rank", "direction_seed", true},
              {"structure=low-rank directions=1", "direction_seed", false},
              {"structure=power-law", "direction_seed", false},
              {"structure=power-law basis=rotated", "direction_seed", true},
              {"structure=hessian", "standard_deviation", true},
              {"structure=power-law", "standard_deviation", false},
              {"law=student-t", "degrees_of_freedom", true},
              {"", "law", true},
              {"", "additive_deviation", false}};
  for (size_t k = 0; k < sizeof uses / sizeof *uses; k++) {
    char *text = sde_format("sampling=gaussian %s", uses[k].keys);
    struct parameters *parameters = models_parameters(noise_keys, text);
    ck_assert(noise_uses(parameters, uses[k].key) == uses[k].used);
    parameters_free(parameters);
    sde_free(text);
  }
}
END_TEST

/* Every structure stands in the table of closed forms. */
START_TEST(every_structure_is_tested)
{
  for (const struct noise_structure *const *all = noise_structures(); *all != NULL; all++) {
    char *name = sde_format("structure=%s ", (*all)->name);
    bool found = strcmp((*all)->name, "isotropic") == 0; /* the default */
    for (size_t k = 0; k < STRUCTURES; k++)
      found = found || strncmp(structures[k].keys, name, strlen(name)) == 0;
    ck_assert_msg(found, "%s has no closed form in the table", name);
    sde_free(name);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("noise");
  TCase *structure = testing_case(suite, "structures");
  tcase_add_test(structure, every_structure_is_tested);
  tcase_add_loop_test(structure, covariances_and_traces_are_those_in_closed_form, 0, STRUCTURES);
  tcase_add_loop_test(structure, drawn_gradients_have_this_covariance, 0, STRUCTURES);
  tcase_add_loop_test(structure, potentials_match_their_differences, 0, STRUCTURES);
  tcase_add_loop_test(structure, random_hessians_match_their_differences, 0, STRUCTURES);
  tcase_add_test(structure, random_bases_are_orthonormal);
  tcase_add_test(structure, rotated_power_laws_keep_their_spectrum);
  tcase_add_test(structure, hessian_noise_takes_the_positive_part_at_the_start);
  TCase *student = testing_case(suite, "student");
  tcase_add_loop_test(student, student_draws_follow_their_law, 0, 5);
  tcase_add_test(student, means_of_cauchy_draws_are_cauchy);
  tcase_add_test(student, student_draws_belong_to_their_address);
  TCase *limits = testing_case(suite, "limits");
  tcase_add_loop_test(limits, order_1_misses_by_rho_squared, 0, RANDOMS);
  tcase_add_loop_test(limits, points_are_exact, 0, RANDOMS);
  tcase_add_loop_test(limits, directions_have_the_moments_of_the_quadrature, 0, RANDOMS);
  tcase_add_test(limits, normalised_drifts_of_multiplicative_noise);
  tcase_add_loop_test(limits, normalised_drifts_of_heavy_tails, 0, 2);
  tcase_add_loop_test(limits, normalised_noise_of_constant_potentials, 0, 4);
  tcase_add_test(limits, closed_forms_are_claimed_where_they_are);
  tcase_add_test(limits, heavy_tails_enter_the_limit_by_their_variance);
  tcase_add_loop_test(limits, noise_classes_are_true, 0, CLASSES);
  tcase_add_test(limits, exact_moments_of_multiplicative_noise);
  TCase *recipes = testing_case(suite, "recipes");
  tcase_add_test(recipes, power_law_noise_at_rest);
  tcase_add_test(recipes, label_noise_has_the_one_over_m_law);
  tcase_add_test(recipes, heavy_tails_leave_by_jumps);
  TCase *coupling = testing_case(suite, "coupling");
  tcase_add_loop_test(coupling, iterates_share_the_brownian_path, 0, COUPLINGS);
  TCase *refused = testing_case(suite, "refused");
  tcase_add_loop_test(refused, bad_noise_is_refused, 0, REFUSALS);
  tcase_add_test(refused, a_hessian_without_positive_part_is_refused);
  tcase_add_test(refused, infinite_variance_is_said);
  tcase_add_test(refused, keys_count_where_they_are_read);
  return testing_run(suite);
}
