/*
 * Tests of the study `escape` and its parts: survival curves against textbook values, mean
 * first-passage times by quadrature against closed forms, first passages of simulated paths against
 * both. Run from the root of the project, whose recipe it reads.
 */
#include "analysis/first_passage.h"
#include "analysis/mean_passage.h"
#include "analysis/survival.h"
#include "experiments/cases/cases.h"
#include "experiments/recipe/study.h"
#include "experiments/results/results.h"
#include "sde/ensemble.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_sf_dawson.h>
#include <gsl/gsl_sf_erf.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- survival ---- */

/* Weeks of remission of 21 patients on 6-mercaptopurine, negative where censored: Freireich et al.,
 * Blood 21 (1963). Curve and errors are those of Kleinbaum and Klein, Survival Analysis, chapter 2,
 * intervals on the log(-log) scale those of the usual packages, to all digits that they print. */
static const double remission[] = {6,   6,   6,   -6, 7,  -9,  10,  -10, -11, 13, 16,
                                   -17, -19, -20, 22, 23, -25, -32, -32, -34, -35};
enum { PATIENTS = sizeof remission / sizeof *remission };

static const struct {
  double time, survival, se, low, high;
} published[] = {{6, .8571, .0764, .6197, .9516},  {7, .8067, .0869, .5631, .9228},
                 {10, .7529, .0963, .5032, .8894}, {13, .6902, .1068, .4316, .8491},
                 {16, .6275, .1141, .3675, .8049}, {22, .5378, .1282, .2678, .7468},
                 {23, .4482, .1346, .1881, .6801}};
enum { PUBLISHED = sizeof published / sizeof *published };

static struct survival remission_curve(double shift_of_censored)
{
  double time[PATIENTS];
  bool observed[PATIENTS];
  for (size_t i = 0; i < PATIENTS; i++) {
    size_t from = PATIENTS - 1 - i; /* not in the order of time */
    observed[i] = remission[from] > 0;
    time[i] = fabs(remission[from]) + (observed[i] ? 0 : shift_of_censored);
  }
  return survival_estimate(PATIENTS, time, observed);
}

START_TEST(kaplan_meier)
{
  struct survival curve = remission_curve(0);
  ck_assert_uint_eq(curve.steps, PUBLISHED);
  for (size_t i = 0; i < PUBLISHED; i++) {
    struct survival_point point = survival_at(&curve, published[i].time + 0.5, 1.959964);
    ck_assert_double_eq_tol(point.survival, published[i].survival, 5e-5);
    ck_assert_double_eq_tol(point.se, published[i].se, 5e-5);
    ck_assert_double_eq_tol(point.low, published[i].low, 5e-5);
    ck_assert_double_eq_tol(point.high, published[i].high, 5e-5);
  }
  struct survival_point before = survival_at(&curve, 5.9, 1.96);
  ck_assert(before.survival == 1 && before.se == 0 && before.low == 1 && before.high == 1);
  survival_free(&curve);
  /* Twin: a patient censored in week 6 is at risk of that week's events. */
  curve = remission_curve(-0.1);
  ck_assert_double_gt(fabs(survival_at(&curve, 6, 1.96).survival - published[0].survival), 5e-3);
  survival_free(&curve);
}
END_TEST

START_TEST(kaplan_meier_to_the_end)
{
  const double time[] = {1, 2, 4};
  const bool observed[] = {true, true, true};
  struct survival curve = survival_estimate(3, time, observed);
  struct survival_point last = survival_at(&curve, 4, 1.96);
  ck_assert(last.survival == 0 && last.se == 0 && last.low == 0 && last.high == 0);
  ck_assert_double_eq_tol(survival_at(&curve, 3, 1.96).survival, 1 / 3.0, 1e-15);
  survival_free(&curve);
}
END_TEST

/* By hand: up to the horizon 4 the times add to 1 + 2 + 3 + 4 + 4; in (2, 4] there are 1 + 2 + 2 of
 * them and one event, so that the tail's mean is 5. */
START_TEST(mean_by_hand)
{
  const double censored[] = {1, INFINITY, 2, NAN, 3, INFINITY};
  const double complete[] = {1, 2, 3, NAN, 4, 3};
  const double early[] = {1, 2, 1, INFINITY, 1, 1};
  double terms[6], sum = 0;
  struct survival_mean mean = survival_mean(6, censored, 4, terms);
  ck_assert_uint_eq(mean.counted, 5);
  ck_assert_uint_eq(mean.censored, 2);
  ck_assert_double_eq_tol(mean.restricted, 14 / 5.0, 1e-14);
  ck_assert_double_eq_tol(mean.mean, 14 / 5.0 + 2 / 5.0 * 5, 1e-14);
  ck_assert_double_nan(terms[3]);
  for (size_t i = 0; i < 6; i++)
    sum += isnan(terms[i]) ? 0 : terms[i];
  ck_assert_double_eq_tol(sum / 5, mean.mean, 1e-14);
  mean = survival_mean(6, complete, 4, terms);
  ck_assert_double_eq_tol(mean.mean, 13 / 5.0, 1e-14);
  ck_assert_double_eq(terms[4], 4);
  /* Nothing is known of a tail in which nothing happened. */
  mean = survival_mean(6, early, 4, terms);
  ck_assert_double_nan(mean.mean);
  ck_assert_double_eq_tol(mean.restricted, 10 / 6.0, 1e-14);
}
END_TEST

/* A delay of 0.5, then an exponential law of mean 1, seen until time 2: the mean is right, and its
 * standard error is the spread of many such means. The twin takes all of it for exponential. */
enum { REPLICATES = 1000, SIZE = 512 };

START_TEST(mean_of_censored_times)
{
  static double uniform[SIZE * REPLICATES], time[SIZE], terms[SIZE];
  struct testing_family right = {0}, wrong = {0};
  struct sde_moments means = {0, 0, 0}, naive = {0, 0, 0};
  double variance = 0;
  struct sde_address at = {sde_stream_named(1, "censored times"), 0, 0};
  sde_random_uniforms(&at, SIZE, REPLICATES, uniform);
  for (size_t r = 0; r < REPLICATES; r++) {
    double spent = 0, events = 0;
    for (size_t i = 0; i < SIZE; i++) {
      double drawn = 0.5 - log1p(-uniform[r * SIZE + i]);
      time[i] = drawn <= 2 ? drawn : INFINITY;
      spent += fmin(drawn, 2);
      events += drawn <= 2;
    }
    double mean = survival_mean(SIZE, time, 2, terms).mean, total = spent / events;
    struct sde_moments spread = sde_moments_of_values(SIZE, terms, NULL);
    variance += sde_moments_variance(spread) / SIZE / REPLICATES;
    means = sde_moments_merged(means, (struct sde_moments){1, mean, 0});
    naive = sde_moments_merged(naive, (struct sde_moments){1, total, 0});
  }
  /* The ratio S theta is biased by O(1/SIZE): theta = sum e / sum d with some 100 events, so by
   * 0.22 * 1/100; its sampling error over all replicates is larger only by half. */
  double off = fmax(0, fabs(sde_moments_mean(means) - 1.5) - 0.003);
  testing_add(&right, off / sde_moments_standard_error(means), "mean of the means");
  /* A sample variance of R nearly normal numbers has relative standard error sqrt(2/R). */
  double ratio = sde_moments_variance(means) / variance;
  testing_add(&right, (ratio - 1) / sqrt(2.0 / REPLICATES), "variance of the means");
  testing_assert_agrees(&right);
  testing_add(&wrong,
              (fabs(sde_moments_mean(naive) - 1.5) - 0.003) / sde_moments_standard_error(naive),
              "an exponential law from the start");
  testing_assert_notices(&wrong);
}
END_TEST

/* ---- mean first-passage times by quadrature ---- */

/* A system of one dimension from its drift and its diffusion. */
struct line {
  double (*drift)(double x);
  double (*diffusion)(double x);
};

static void line_evaluate(const struct sde_system *system, void *workspace,
                          const struct sde_instant *at, size_t width, const double *x,
                          const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct line *line = system->context;
  for (size_t p = 0; p < width; p++) {
    if (drift != NULL)
      drift[p] = line->drift(x[p]);
    if (noise != NULL)
      noise[p] = line->diffusion(x[p]) * dw[p];
  }
}

static struct sde_system line_system(const struct line *line)
{
  return (struct sde_system){.name = "line",
                             .dim = 1,
                             .noise_dim = 1,
                             .noise = SDE_NOISE_SCALAR,
                             .context = line,
                             .evaluate = line_evaluate};
}

static struct mean_passage passage_of(struct line line, double start, double boundary)
{
  struct sde_system system = line_system(&line);
  struct sde_status status = {SDE_OK, ""};
  struct mean_passage result;
  ck_assert_msg(mean_passage_time(&system, start, boundary, 1e30, &result, &status), "%s",
                status.message);
  return result;
}

/* The reported error is the truth or more, and is small. */
static void assert_time(struct mean_passage found, double exact)
{
  ck_assert_msg(fabs(found.mean / exact - 1) <= found.relative, "%.17g is not %.17g within %g",
                found.mean, exact, found.relative);
  ck_assert_double_lt(found.relative, 1e-8);
  ck_assert_double_eq_tol(found.logarithm, log(exact), 1e-8);
}

static double up(double x)
{
  return (void)x, 1.5;
}
static double down(double x)
{
  return (void)x, -1.5;
}
static double unit(double x)
{
  return (void)x, 1;
}
static double half(double x)
{
  return (void)x, 0.5;
}
static double ornstein(double x)
{
  return -2 * x;
}
static double ornstein_away(double x)
{
  return 2 * x;
}
static double kink(double x)
{
  return x > 0.3 ? -1.5 : 1.5;
}
static double root(double x)
{
  return sqrt(1 + x * x);
}
static double sinh_drift(double x)
{
  return 0.4 * sqrt(1 + x * x) + x / 2;
}

/* Constant drift k: (B - x) / k. */
START_TEST(linear_potential)
{
  assert_time(passage_of((struct line){up, unit}, -1, 2), 2);
  assert_time(passage_of((struct line){up, half}, 10, 10.75), 0.5);
  assert_time(passage_of((struct line){down, unit}, -1, -4), 2);
}
END_TEST

/* dX = -theta X dt + s dW: sqrt(pi)/theta int e^(u^2) (1 + erf u) du in u = x sqrt(theta)/s, here
 * by its own adaptive quadrature; for far boundaries by Dawson's integral. */
static double ornstein_integrand(double u, void *unused)
{
  return (void)unused, exp(u * u) * gsl_sf_erfc(-u);
}

static double ornstein_time(double theta, double s, double start, double boundary)
{
  gsl_integration_workspace *workspace = gsl_integration_workspace_alloc(1000);
  gsl_function f = {ornstein_integrand, NULL};
  double scale = sqrt(theta) / s, value, error;
  gsl_integration_qag(&f, scale * start, scale * boundary, 0, 1e-12, 1000, 6, workspace, &value,
                      &error);
  gsl_integration_workspace_free(workspace);
  return sqrt(acos(-1)) / theta * value;
}

START_TEST(ornstein_uhlenbeck)
{
  static const double ends[][2] = {{0, 0.2}, {0, 1}, {-0.7, 0.9}, {0.5, 0.8}, {-3, -1}, {0, 2}};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    double exact = ornstein_time(2, 0.5, ends[i][0], ends[i][1]);
    assert_time(passage_of((struct line){ornstein, half}, ends[i][0], ends[i][1]), exact);
    assert_time(passage_of((struct line){ornstein, half}, -ends[i][0], -ends[i][1]), exact);
    /* Twins: another variance is another time, and with the drift reversed there is none. */
    struct mean_passage other = passage_of((struct line){ornstein, unit}, ends[i][0], ends[i][1]);
    ck_assert_double_gt(fabs(other.mean / exact - 1), 0.01);
  }
  struct line away = {ornstein_away, half};
  struct sde_system system = line_system(&away);
  struct sde_status status = {SDE_OK, ""};
  struct mean_passage result;
  ck_assert(!mean_passage_time(&system, 0, 1, 1e3, &result, &status));
  ck_assert_ptr_nonnull(strstr(status.message, "nothing holds the path"));
}
END_TEST

/* At u = 45 the time is e^2020: from 0, 2 sqrt(pi)/theta e^(u^2) Dawson(u), where 1 + erf is 2 but
 * near 0, which does not count. */
START_TEST(beyond_double)
{
  double u = 45, boundary = u * 0.5 / sqrt(2);
  struct mean_passage found = passage_of((struct line){ornstein, half}, 0, boundary);
  double exact = log(2 * sqrt(acos(-1)) / 2) + u * u + log(gsl_sf_dawson(u));
  ck_assert_double_eq_tol(found.logarithm, exact, 1e-9);
  ck_assert(isinf(found.mean));
}
END_TEST

/* Drift k towards c, a jump: from c + y to c + B, (2 (e^(cB) - e^(cy))/c - (B - y))/k with c =
 * 2k/s^2; from below c by the linear potential first. */
START_TEST(jump_of_the_drift)
{
  double k = 1.5, c = 2 * k, top = 1.1;
  double exact = (2 * expm1(c * top) / c - top) / k;
  assert_time(passage_of((struct line){kink, unit}, 0.3, 1.4), exact);
  assert_time(passage_of((struct line){kink, unit}, -0.2, 1.4), exact + 0.5 / k);
}
END_TEST

/* X = sinh Y with dY = 0.4 dt + dW has multiplicative noise and, far out, an Ito drift that leads
 * away: (arsinh B - arsinh x)/0.4. Twin: with the Stratonovich drift it is another. */
static double stratonovich_drift(double x)
{
  return 0.4 * sqrt(1 + x * x);
}

START_TEST(multiplicative_noise)
{
  double exact = (asinh(2) - asinh(-0.5)) / 0.4;
  assert_time(passage_of((struct line){sinh_drift, root}, -0.5, 2), exact);
  struct line other = {stratonovich_drift, root};
  ck_assert_double_gt(fabs(passage_of(other, -0.5, 2).mean / exact - 1), 0.1);
}
END_TEST

static double nowhere(double x)
{
  return (void)x, 0;
}

static double to_one(double x)
{
  return 1 - x;
}
static double to_minus_one(double x)
{
  return -1 - x;
}
static double growing(double x)
{
  return sqrt(0.5) * x;
}
static double growing_faster(double x)
{
  return sqrt(2) * x;
}
static double logistic(double x)
{
  return x * (1 - x);
}
static double dying(double x)
{
  return -x;
}
static double jumping(double x)
{
  return x > 0.3 ? 1 : 2;
}
static double singular(double x)
{
  return 1 / (x - 0.3);
}

/* dX = (1 - X) dt + sqrt(k) X dW never comes to 0, an entrance: the inner integral of z^(-2 - 2/k)
 * e^(-2/(kz)) is an incomplete gamma function in 2/(kz). Here T = int y^c e^(c/y) Gamma(1 + c, c/y)
 * c^-c dy, c = 2/k. For the logistic X (1 - X), which nothing leads away from 0, it is int
 * y^-c e^(cy) gamma(c - 1, cy) c^(2 - c) dy. */
struct gamma_integrand {
  double c;
  bool logistic;
};

static double gamma_integrand(double y, void *parameters)
{
  const struct gamma_integrand *of = parameters;
  double c = of->c;
  if (of->logistic)
    return pow(y, -c) * exp(c * y) * gsl_sf_gamma_inc_P(c - 1, c * y) * gsl_sf_gamma(c - 1) *
           pow(c, 2 - c);
  return pow(y, c) * exp(c / y) * gsl_sf_gamma_inc(1 + c, c / y) * pow(c, -c);
}

static double gamma_time(double k, bool is_logistic, double start, double boundary)
{
  gsl_integration_workspace *workspace = gsl_integration_workspace_alloc(1000);
  struct gamma_integrand of = {2 / k, is_logistic};
  gsl_function f = {gamma_integrand, &of};
  double value, error;
  gsl_integration_qag(&f, start, boundary, 0, 1e-12, 1000, 6, workspace, &value, &error);
  gsl_integration_workspace_free(workspace);
  return value;
}

START_TEST(ends_where_the_noise_vanishes)
{
  static const double ends[][2] = {{1, 1.5}, {0.3, 2}, {1, 4}, {0.05, 0.1}};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    double from = ends[i][0], to = ends[i][1], exact = gamma_time(0.5, false, from, to);
    assert_time(passage_of((struct line){to_one, growing}, from, to), exact);
    assert_time(passage_of((struct line){to_minus_one, growing}, -from, -to), exact);
    assert_time(passage_of((struct line){to_one, growing_faster}, from, to),
                gamma_time(2, false, from, to));
    assert_time(passage_of((struct line){logistic, growing}, from, to),
                gamma_time(0.5, true, from, to));
    /* Twin: from the same drift with other noise. */
    struct mean_passage other = passage_of((struct line){to_one, growing_faster}, from, to);
    ck_assert_double_gt(fabs(other.mean / exact - 1), 1e-3);
  }
  assert_time(passage_of((struct line){to_one, growing_faster}, 1, 2), 2.5);
  /* The point is between two intervals behind the start, the first of which is an eighth of the way
   * to the boundary and seen in 1024 steps. */
  for (double steps = 0; steps <= 2; steps += 0.25) {
    double length = 0.1, from = length * (1 + steps / 1024), to = from + 8 * length;
    assert_time(passage_of((struct line){logistic, growing}, from, to),
                gamma_time(0.5, true, from, to));
  }
}
END_TEST

/* The time through a jump of the noise: constant drift k, so (B - x)/k whatever the noise. */
START_TEST(jump_of_the_noise)
{
  struct mean_passage found = passage_of((struct line){up, jumping}, 0, 1);
  ck_assert_double_gt(found.mean, 0);
  assert_time(found, 1 / 1.5);
}
END_TEST

START_TEST(times_that_are_infinite)
{
  static const struct {
    struct line line;
    double start, boundary;
    const char *words;
  } rows[] = {
      {{to_one, growing}, 1, -0.5, "infinite: the noise vanishes at 0, before the boundary"},
      {{dying, growing}, 1, -0.5, "infinite: the noise vanishes at 0, before the boundary"},
      {{dying, growing}, 1, 2, "infinite: the noise vanishes at 0, behind the start"},
      {{to_minus_one, growing}, 1, 2, "infinite: the noise vanishes at 0, behind the start"},
      {{to_one, growing}, -1, 1, "vanishes, at 0, between the start and the boundary"},
      {{to_one, growing}, 0, 1, "the noise vanishes at the start, 0"},
      {{singular, unit}, 0, 1, "where it has a pole"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct sde_system system = line_system(&rows[i].line);
    struct sde_status status = {SDE_OK, ""};
    struct mean_passage result;
    ck_assert_msg(
        !mean_passage_time(&system, rows[i].start, rows[i].boundary, 1e8, &result, &status),
        "not: %s", rows[i].words);
    ck_assert_msg(strstr(status.message, rows[i].words) != NULL, "%s", status.message);
  }
}
END_TEST

START_TEST(quadrature_refuses)
{
  static const struct {
    struct line line;
    const char *words;
  } rows[] = {{{nowhere, unit}, "nothing holds the path"},
              {{down, unit}, "nothing holds the path"},
              {{up, nowhere}, "noise vanishes"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct sde_system system = line_system(&rows[i].line);
    struct sde_status status = {SDE_OK, ""};
    struct mean_passage result;
    ck_assert(!mean_passage_time(&system, 0, 1, 1e8, &result, &status));
    ck_assert_msg(strstr(status.message, rows[i].words) != NULL, "%s", status.message);
  }
}
END_TEST

/* ---- first passages of paths ---- */

static void no_observables(const void *context, void *workspace, size_t width, const double *x,
                           double *out)
{
  (void)context, (void)workspace, (void)width, (void)x, (void)out;
}

/* Run the process for so many steps; times are then in it. */
static void run_process(const struct sde_process *process, const double *start, uint64_t paths,
                        uint64_t steps, size_t width, int threads)
{
  const uint64_t record_steps[] = {0, steps};
  struct sde_ensemble ensemble = {.paths = paths,
                                  .dim = process->dim,
                                  .start = start,
                                  .records = 2,
                                  .record_steps = record_steps,
                                  .processes = 1,
                                  .process = &process,
                                  .observables = {.evaluate = no_observables},
                                  .bound = 1e8,
                                  .width = width,
                                  .threads = threads};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  sde_ensemble_result_free(&result);
}

/* x grows by 0.1 a step, and jumps beyond every bound at step 7. */
static void *nothing_new(const struct sde_process *process, size_t width)
{
  (void)process, (void)width;
  return NULL;
}
static void nothing_free(const struct sde_process *process, void *workspace)
{
  (void)process, (void)workspace;
}
static void climb(const struct sde_process *process, void *workspace, uint64_t first_path,
                  size_t width, uint64_t step, double *x)
{
  (void)process, (void)workspace, (void)first_path;
  for (size_t p = 0; p < width; p++)
    x[p] = step == 7 ? NAN : x[p] + 0.1;
}

START_TEST(iterates_are_seen_on_the_grid)
{
  static const struct {
    double boundary, time;
  } rows[] = {{0.35, 4 * 0.5}, {0.05, 0.5}, {1.05, NAN}};
  struct sde_process climbing = {
      .dim = 1, .workspace_new = nothing_new, .workspace_free = nothing_free, .advance = climb};
  double start = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (uint64_t steps = 1; steps <= 9; steps += 8) {
      struct first_passage_target target = {
          .boundary = rows[i].boundary, .above = true, .bound = 1e8, .paths = 40};
      struct sde_process *process = first_passage_of_iterates(&climbing, 0.5, &target);
      run_process(process, &start, 40, steps, 0, 1);
      double expected = steps == 9 || rows[i].time == 0.5 ? rows[i].time : INFINITY;
      for (size_t p = 0; p < 40; p++) {
        double time = first_passage_times(process)[p];
        ck_assert(isnan(expected) ? isnan(time) : time == expected);
      }
      first_passage_free(process);
    }
}
END_TEST

/* Brownian motion in two dimensions, one step of length 1 from 0; the variance of the second
 * coordinate, s^2 = 0.6^2 + 0.8^2 + 0.5^2, comes from three columns. It reaches B in that time with
 * probability 2 (1 - Phi(B/s)), upwards or downwards, whatever the number of steps; seen at the
 * ends of steps alone, twin, with less. */
static double share_that_leaves(double boundary, uint64_t substeps, bool bridge)
{
  const double a[4] = {0}, s[] = {1, 0, 0.3, 0.6, 0.8, 0.5}, start[2] = {0};
  size_t paths = testing_size(40000), left = 0;
  struct sde_system *system = sde_linear_system_new(2, 3, a, NULL, s);
  struct sde_status status = {SDE_OK, ""};
  struct sde_solution solution = {.system = system,
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(1, "brownian"),
                                  .eta = 1,
                                  .substeps = substeps,
                                  .resolution = 4};
  struct first_passage_target target = {
      .coordinate = 1, .boundary = boundary, .above = boundary > 0, .bound = 1e8, .paths = paths};
  struct sde_process *process = first_passage_of_solution(
      &solution, &target, sde_stream_named(1, "crossings"), bridge, &status);
  ck_assert_msg(process != NULL, "%s", status.message);
  run_process(process, start, paths, 1, 0, 0);
  for (size_t p = 0; p < paths; p++) {
    double time = first_passage_times(process)[p];
    ck_assert(time == INFINITY || (time >= 0 && time <= 1));
    left += time < INFINITY;
  }
  first_passage_free(process);
  sde_linear_system_free(system);
  return (double)left / (double)paths;
}

START_TEST(bridge_is_exact_for_brownian_motion)
{
  double deviation = sqrt(0.36 + 0.64 + 0.25), n = (double)testing_size(40000);
  struct testing_family right = {0}, wrong = {0};
  for (int sign = -1; sign <= 1; sign += 2)
    for (uint64_t substeps = 1; substeps <= 4; substeps *= 2) {
      double boundary = sign * 0.9, exact = 2 * gsl_cdf_ugaussian_Q(0.9 / deviation);
      double se = sqrt(exact * (1 - exact) / n);
      testing_add(&right, (share_that_leaves(boundary, substeps, true) - exact) / se, "%d substeps",
                  (int)substeps);
      testing_add(&wrong, (share_that_leaves(boundary, substeps, false) - exact) / se,
                  "%d substeps", (int)substeps);
    }
  testing_assert_agrees(&right);
  testing_assert_notices(&wrong);
}
END_TEST

/* dX = -X dt + 0.5 dW from 0 to 0.75. The mean, as the study takes it, and what it would be at the
 * ends of steps alone: there the level is further by 0.58 steps, which makes the time longer by
 * Psi' = 2 B/s^2 = 6 times that, some 20 %. */
struct measured {
  double mean, se;
};

static struct measured ornstein_mean(const struct sde_system *system, uint64_t substeps,
                                     bool bridge, size_t width, int threads)
{
  const double start = 0;
  size_t paths = testing_size(4096);
  uint64_t steps = 750;
  double eta = 0.08;
  struct sde_status status = {SDE_OK, ""};
  struct sde_solution solution = {.system = system,
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(1, "ornstein"),
                                  .eta = eta,
                                  .substeps = substeps,
                                  .resolution = 8};
  struct first_passage_target target = {
      .boundary = 0.75, .above = true, .bound = 1e8, .paths = paths};
  struct sde_process *process = first_passage_of_solution(
      &solution, &target, sde_stream_named(1, "crossings"), bridge, &status);
  ck_assert_msg(process != NULL, "%s", status.message);
  run_process(process, &start, paths, steps, width, threads);
  double *terms = sde_alloc(paths, sizeof *terms);
  struct survival_mean mean =
      survival_mean(paths, first_passage_times(process), (double)steps * eta, terms);
  struct sde_moments moments = sde_moments_of_values(paths, terms, NULL);
  sde_free(terms);
  first_passage_free(process);
  return (struct measured){mean.mean, sde_moments_standard_error(moments)};
}

START_TEST(bridge_of_an_ornstein_uhlenbeck_process)
{
  const double a = 1, s = 0.5;
  struct sde_system *system = sde_linear_system_new(1, 1, &a, NULL, &s);
  double exact = ornstein_time(1, 0.5, 0, 0.75);
  struct measured fine = ornstein_mean(system, 8, true, 0, 0);
  struct measured coarse = ornstein_mean(system, 4, true, 0, 0);
  struct measured ends = ornstein_mean(system, 8, false, 0, 0);
  /* Of weak order 1, the error at h is the difference between 2h and h. */
  double scheme = fabs(coarse.mean - fine.mean);
  ck_assert_double_lt(scheme, 3 * fine.se);
  ck_assert_msg(fabs(fine.mean - exact) < 3 * fine.se + scheme, "%g +- %g, exact %g", fine.mean,
                fine.se, exact);
  ck_assert_msg(testing_scale() < 1 ||
                    (ends.mean - exact > 4 * ends.se + scheme && ends.mean > 1.1 * exact),
                "%g +- %g, exact %g", ends.mean, ends.se, exact);
  sde_linear_system_free(system);
}
END_TEST

/* Neither the threads nor the width of a block decide a bit. */
START_TEST(same_bits)
{
  const double a = 1, s = 0.5;
  struct sde_system *system = sde_linear_system_new(1, 1, &a, NULL, &s);
  struct measured one = ornstein_mean(system, 2, true, 32, 1);
  struct measured two = ornstein_mean(system, 2, true, 256, 2);
  ck_assert(one.mean == two.mean && one.se == two.se);
  sde_linear_system_free(system);
}
END_TEST

/* ---- the study ---- */

enum { OVERRIDES_MAX = 16 };

static struct outcome outcome_of(const char *const *overrides, size_t paths)
{
  char *all_paths = sde_format("paths=%zu", testing_size(paths));
  /* Of few samples, for speed. */
  const char *override[OVERRIDES_MAX] = {all_paths, "loss.samples=4"};
  size_t count = 2;
  for (; overrides[count - 2] != NULL; count++)
    override[count] = overrides[count - 2];
  struct outcome outcome = outcome_prepare("experiments/recipes/escape.yaml", count, override);
  outcome_run(&outcome, 0);
  sde_free(all_paths);
  return outcome;
}

static struct outcome run(const char *const *overrides, size_t paths)
{
  struct outcome outcome = outcome_of(overrides, paths);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  return outcome;
}

/* The row of an optimizer, and micro-batch where it is not 0, of an SDE, or of iterates at -1. */
static const json_t *row_of(const struct outcome *outcome, const char *optimizer, int m, int sde)
{
  size_t i;
  json_t *row;
  json_array_foreach(outcome->rows, i, row)
  {
    const json_t *index = json_object_get(row, "sde_index");
    const json_t *micro = json_object_get(row, "micro_batch");
    bool named = strcmp(json_string_value(json_object_get(row, "optimizer")), optimizer) == 0;
    if (named && (m == 0 || json_integer_value(micro) == m) &&
        (sde < 0 ? json_is_null(index)
                 : json_is_integer(index) && json_integer_value(index) == sde))
      return row;
  }
  ck_abort_msg("no row of %s", optimizer);
}

/* How many standard errors the mean is off, beyond the scheme's error. */
static double deviation(const json_t *row, double exact)
{
  double off = fabs(number(row, "mean") - exact) - number(row, "scheme_error");
  return fmax(0, off) / number(row, "se");
}

/* What the verdicts on a claim that contains the words say: true, false or null, all alike. */
static json_type verdict_on(const struct outcome *outcome, const char *words)
{
  size_t i;
  json_t *verdict;
  json_type found = JSON_OBJECT;
  json_array_foreach(json_object_get(results_summary(outcome->results), "verdicts"), i, verdict)
  {
    const char *claim = json_string_value(json_object_get(verdict, "claim"));
    json_type holds = json_typeof(json_object_get(verdict, "holds"));
    if (strstr(claim, words) == NULL)
      continue;
    ck_assert_msg(found == JSON_OBJECT || found == holds, "%s", claim);
    found = holds;
  }
  return found;
}

static void write(const struct outcome *outcome)
{
  struct sde_status status = {SDE_OK, ""};
  char directory[] = "/tmp/sharpsde-escape-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(directory));
  ck_assert_msg(results_write(outcome->results, directory, &status), "%s", status.message);
  char *remove_all = sde_format("rm -r %s", directory);
  ck_assert_int_eq(system(remove_all), 0);
  sde_free(remove_all);
}

/* SDE 0 has the variance term, SDE 1 has not; rho_order 1 with one micro-batch of two. */
#define BOTH "sde=[{substeps: 8}, {substeps: 8, variance_term: false}]"

/* From the sharp minimum to the flat one and back: the SDEs of sgd and m-sam leave after the exact
 * time. Twins: without the variance term that of m-sam is another time, with every level shifted as
 * the grid of the iterates shifts it also that of sgd. */
START_TEST(exact_times_there_and_back)
{
  static const char *const there[] = {
      "eta=0.05", "time=40", "optimizers=[{name: sgd}, {name: m-sam, micro_batch: 1}]", BOTH, NULL};
  static const char *const back[] = {"eta=0.2",
                                     "time=120",
                                     "start=[1.15]",
                                     "boundary=-0.2",
                                     "optimizers=[{name: sgd}, {name: m-sam, "
                                     "micro_batch: 1}]",
                                     BOTH,
                                     NULL};
  struct outcome outcome = run(_i == 0 ? there : back, 1024);
  write(&outcome);
  json_type verdict = verdict_on(&outcome, "exact mean first-passage time");
  ck_assert(verdict == JSON_TRUE || (verdict == JSON_NULL && testing_scale() < 1));
  static const char *const optimizers[] = {"sgd", "m-sam"};
  for (size_t k = 0; k < 2; k++)
    for (int sde = 0; sde < 2; sde++) {
      const json_t *row = row_of(&outcome, optimizers[k], 0, sde);
      double exact = number(row, "exact");
      ck_assert_msg(deviation(row, exact) < 3, "%s, SDE %d is off by %g: %g +- %g, exact %g",
                    optimizers[k], sde, deviation(row, exact), number(row, "mean"),
                    number(row, "se"), exact);
      ck_assert_double_lt(number(row, "exact_error"), 1e-6 * exact);
      ck_assert_double_lt(number(row, "scheme_error"), 0.1 * exact);
    }
  const json_t *with = row_of(&outcome, "m-sam", 0, 0), *without = row_of(&outcome, "m-sam", 0, 1);
  double other = number(without, "exact");
  ck_assert_msg(testing_scale() < 1 || deviation(with, other) > 4,
                "with the term %g, without it the exact time is %g", number(with, "mean"), other);
  outcome_free(&outcome);
}
END_TEST

/* Smaller m leaves sooner with the variance term; without it nothing can be told. */
START_TEST(smaller_micro_batches_leave_sooner)
{
  static const char *const overrides[] = {
      "eta=0.05", "time=40", "optimizers=[{name: m-usam, micro_batch: [2, 1]}]",
      "sde=[{substeps: 4}, {substeps: 4, variance_term: false}]", NULL};
  struct outcome outcome = run(overrides, 1024);
  write(&outcome);
  if (testing_scale() >= 1) {
    ck_assert_int_eq(verdict_on(&outcome, "iterates: the smaller m"), JSON_TRUE);
    ck_assert_int_eq(verdict_on(&outcome, "SDE 0: the smaller m"), JSON_TRUE);
  }
  ck_assert_int_eq(verdict_on(&outcome, "SDE 1: the smaller m"), JSON_NULL);
  const json_t *one = row_of(&outcome, "m-usam", 1, 0), *two = row_of(&outcome, "m-usam", 2, 0);
  ck_assert_double_lt(number(one, "exact"), number(two, "exact"));
  ck_assert(json_is_null(json_object_get(row_of(&outcome, "m-usam", 1, -1), "exact")));
  outcome_free(&outcome);
}
END_TEST

/* A horizon of a third of the mean: most are censored, and the mean is still the exact one. */
START_TEST(most_are_censored)
{
  static const char *const overrides[] = {"eta=0.05", "time=8", "optimizers=[{name: sgd}]",
                                          "sde={substeps: 8}", NULL};
  struct outcome outcome = run(overrides, 4096);
  const json_t *row = row_of(&outcome, "sgd", 0, 0);
  double n = number(row, "n"), censored = number(row, "censored");
  ck_assert_double_gt(censored, 0.6 * n);
  ck_assert_msg(deviation(row, number(row, "exact")) < 3, "%g +- %g, exact %g", number(row, "mean"),
                number(row, "se"), number(row, "exact"));
  ck_assert_double_lt(number(row, "restricted_mean"), 8);
  outcome_free(&outcome);
}
END_TEST

/* Left of the sharp well the paths leave soon; those that cross into the flat one are trapped there
 * for some hundred times longer. Few of these leave by the horizon, so that the tail seen is of the
 * others: nothing is decided. Twins: with a boundary between the wells there is no trap and the
 * verdict holds with as many censored; of complete times too few decide nothing either. */
#define WELLS                                                                                      \
  "loss={name: double-well, sharp_depth: 0.05, flat_depth: 0.3, sharp_curvature: 4, "              \
  "flat_curvature: 2}"
START_TEST(a_trap_is_not_an_exponential_tail)
{
  static const struct {
    const char *boundary, *time, *paths;
    json_type verdict;
  } cases[] = {{"boundary=-0.5", "time=10", "paths=2000", JSON_NULL},
               {"boundary=0.25", "time=4", "paths=2000", JSON_TRUE},
               {"boundary=0.25", "time=400", "paths=2000", JSON_TRUE},
               {"boundary=0.25", "time=400", "paths=64", JSON_NULL}};
  if (testing_scale() < 1 && _i != 3)
    return;
  const char *override[] = {WELLS,
                            "noise={sampling: gaussian, standard_deviation: 1}",
                            "batch=1",
                            "eta=0.1",
                            "rho=0",
                            "optimizers=[{name: sgd}]",
                            "sde={rho_order: 0, substeps: 16}",
                            cases[_i].boundary,
                            cases[_i].time,
                            cases[_i].paths};
  struct outcome outcome = outcome_prepare("experiments/recipes/escape.yaml",
                                           sizeof override / sizeof *override, override);
  outcome_run(&outcome, 0);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  const json_t *row = row_of(&outcome, "sgd", 0, 0);
  write(&outcome);
  ck_assert_int_eq(number(row, "censored") > 100, _i < 2);
  ck_assert_msg(verdict_on(&outcome, "exact mean") == cases[_i].verdict,
                "%s: %g +- %g, exact %g, %g censored", cases[_i].boundary, number(row, "mean"),
                number(row, "se"), number(row, "exact"), number(row, "censored"));
  outcome_free(&outcome);
}
END_TEST

START_TEST(several_dimensions)
{
  static const char *const overrides[] = {"loss={name: quadratic, data: data/quadratic4.csv}",
                                          "start=[1.5, -1]",
                                          "coordinate=2",
                                          "boundary=0.5",
                                          "eta=0.1",
                                          "time=5",
                                          "optimizers=[{name: sgd}]",
                                          "sde={substeps: 2}",
                                          NULL};
  struct outcome outcome = run(overrides, 256);
  write(&outcome);
  const json_t *row = row_of(&outcome, "sgd", 0, 0);
  ck_assert(json_is_null(json_object_get(row, "exact")));
  ck_assert_double_gt(number(row, "mean"), 0.1);
  ck_assert_int_eq(verdict_on(&outcome, "exact mean"), JSON_NULL);
  outcome_free(&outcome);
}
END_TEST

START_TEST(refusals)
{
  static const struct {
    const char *override, *words;
  } rows[] = {{"coordinate=2", "coordinate is 2; the loss double-well has 1"},
              {"boundary=1e9", "it must be within divergence_bound"},
              {"start=[0.2]", "not where coordinate 1 starts, 0.2"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *const overrides[] = {rows[i].override, "sde={substeps: 2}", NULL};
    struct outcome outcome = outcome_of(overrides, 64);
    ck_assert(!outcome.good);
    ck_assert_int_eq(outcome.status.code, SDE_INVALID);
    ck_assert_msg(strstr(outcome.status.message, rows[i].words) != NULL, "%s",
                  outcome.status.message);
    outcome_free(&outcome);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("escape");
  TCase *survival = testing_case(suite, "survival");
  tcase_add_test(survival, kaplan_meier);
  tcase_add_test(survival, kaplan_meier_to_the_end);
  tcase_add_test(survival, mean_by_hand);
  tcase_add_test(survival, mean_of_censored_times);
  TCase *quadrature = testing_case(suite, "quadrature");
  tcase_add_test(quadrature, linear_potential);
  tcase_add_test(quadrature, ornstein_uhlenbeck);
  tcase_add_test(quadrature, beyond_double);
  tcase_add_test(quadrature, jump_of_the_drift);
  tcase_add_test(quadrature, multiplicative_noise);
  tcase_add_test(quadrature, quadrature_refuses);
  tcase_add_test(quadrature, ends_where_the_noise_vanishes);
  tcase_add_test(quadrature, jump_of_the_noise);
  tcase_add_test(quadrature, times_that_are_infinite);
  TCase *paths = testing_case(suite, "paths");
  tcase_add_test(paths, iterates_are_seen_on_the_grid);
  tcase_add_test(paths, bridge_is_exact_for_brownian_motion);
  tcase_add_test(paths, bridge_of_an_ornstein_uhlenbeck_process);
  tcase_add_test(paths, same_bits);
  TCase *study = testing_case(suite, "study");
  tcase_add_loop_test(study, exact_times_there_and_back, 0, 2);
  tcase_add_test(study, smaller_micro_batches_leave_sooner);
  tcase_add_test(study, most_are_censored);
  tcase_add_loop_test(study, a_trap_is_not_an_exponential_tail, 0, 4);
  tcase_add_test(study, several_dimensions);
  tcase_add_test(study, refusals);
  return testing_run(suite);
}
