/*
 * Tests of distances of laws: of samples against what is known in closed form or by brute force,
 * the floor and the critical value under equal laws, and the tables of a run. Run from the root of
 * the project, whose recipes it reads.
 */
#include "analysis/distance.h"
#include "experiments/cases/case_run.h"
#include "experiments/pictures/plot.h"
#include "experiments/recipe/study.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- samples ---- */

static void normals(const char *name, uint64_t step, size_t count, double mean, double deviation,
                    double *out)
{
  struct sde_address at = {sde_stream_named(1, name), 0, step};
  sde_random_normals(&at, count, 1, out);
  for (size_t i = 0; i < count; i++)
    out[i] = mean + deviation * out[i];
}

/* int |F - G| dx and sup |F - G| from their definitions, over all points of both samples. */
static void by_definition(size_t a_count, const double *a, size_t b_count, const double *b,
                          double *wasserstein, double *largest)
{
  size_t count = a_count + b_count;
  double *all = sde_alloc(count, sizeof *all);
  memcpy(all, a, a_count * sizeof *a);
  memcpy(all + a_count, b, b_count * sizeof *b);
  sde_sorted(count, all, all);
  *wasserstein = *largest = 0;
  for (size_t k = 0; k < count; k++) {
    double f = 0, g = 0;
    for (size_t i = 0; i < a_count; i++)
      f += a[i] <= all[k];
    for (size_t i = 0; i < b_count; i++)
      g += b[i] <= all[k];
    double gap = fabs(f / (double)a_count - g / (double)b_count);
    *largest = fmax(*largest, gap);
    if (k + 1 < count)
      *wasserstein += gap * (all[k + 1] - all[k]);
  }
  sde_free(all);
}

START_TEST(sorting_leaves_nan_out)
{
  double values[] = {3, NAN, -1, 2, NAN, 2}, out[6];
  ck_assert_uint_eq(sde_sorted(6, values, out), 4);
  ck_assert_uint_eq(sde_sorted(6, values, values), 4);
  static const double expected[] = {-1, 2, 2, 3};
  for (size_t i = 0; i < 4; i++) {
    ck_assert_double_eq(out[i], expected[i]);
    ck_assert_double_eq(values[i], expected[i]);
  }
}
END_TEST

/* Of unequal numbers, with ties: 1 to 9 against 1 to 9 values of a coarse lattice. */
START_TEST(agrees_with_the_definitions)
{
  enum { MOST = 9 };
  for (size_t n = 1; n <= MOST; n++)
    for (size_t m = 1; m <= MOST; m++) {
      double a[16], b[16], wasserstein, largest;
      normals("lattice a", n * 100 + m, 16, 0, 2, a);
      normals("lattice b", n * 100 + m, 16, 0.5, 2, b);
      for (size_t i = 0; i < MOST; i++) {
        a[i] = round(a[i]);
        b[i] = round(b[i]);
      }
      sde_sorted(n, a, a);
      sde_sorted(m, b, b);
      by_definition(n, a, m, b, &wasserstein, &largest);
      ck_assert_double_eq_tol(sde_wasserstein(n, a, m, b), wasserstein, 1e-13);
      ck_assert_double_eq_tol(sde_wasserstein(m, b, n, a), wasserstein, 1e-13);
      ck_assert_double_eq_tol(sde_kolmogorov_smirnov(n, a, m, b), largest, 1e-15);
    }
  ck_assert(isnan(sde_wasserstein(0, NULL, 1, (double[]){1})));
  ck_assert(isnan(sde_kolmogorov_smirnov(1, (double[]){1}, 0, NULL)));
  ck_assert(isnan(sde_kolmogorov_smirnov_critical(1, 0, 0.05)));
}
END_TEST

/* The twin: the mean distance of values as they were drawn is that of one coupling of the laws, and
 * not the least. */
START_TEST(of_a_shift)
{
  enum { N = 1024 };
  double *a = sde_alloc(N, sizeof *a), *b = sde_alloc(N, sizeof *b), unsorted = 0;
  normals("shift", 0, N, 0, 1, a);
  for (size_t i = 0; i < N; i++) {
    b[i] = a[(i + 1) % N] + 0.25;
    unsorted += fabs(a[i] - b[i]) / N;
  }
  sde_sorted(N, a, a);
  sde_sorted(N, b, b);
  ck_assert_double_eq_tol(sde_wasserstein(N, a, N, b), 0.25, 1e-14);
  ck_assert_double_gt(unsorted, 1);
  sde_free(a);
  sde_free(b);
}
END_TEST

/* W1(N(0,1), N(0,s^2)) = |s - 1| E|Z|, E|Z| = sqrt(2/pi). The estimate is, but for the few values
 * where F and G cross, mean |b| - mean |a|, of variance (1 - 2/pi)(1 + s^2)/n; what these values
 * add is O(1/n), for n = 16384 a hundredth of the standard error. The twin: |s^2 - 1|. */
START_TEST(of_two_normal_laws)
{
  enum { N = 16384, REPEATS = 20 };
  static const double deviations[] = {0.5, 1.5, 2, 3};
  struct testing_family good = {0}, twin = {0};
  double *a = sde_alloc(N, sizeof *a), *b = sde_alloc(N, sizeof *b);
  for (size_t k = 0; k < sizeof deviations / sizeof *deviations; k++) {
    double s = deviations[k], mean_length = sqrt(2 / acos(-1));
    double se = sqrt((1 - mean_length * mean_length) * (1 + s * s) / N);
    for (size_t r = 0; r < REPEATS; r++) {
      normals("normal a", k * REPEATS + r, N, 0, 1, a);
      normals("normal b", k * REPEATS + r, N, 0, s, b);
      sde_sorted(N, a, a);
      sde_sorted(N, b, b);
      double distance = sde_wasserstein(N, a, N, b);
      testing_add(&good, (distance - fabs(s - 1) * mean_length) / se, "s = %g", s);
      testing_add(&twin, (distance - fabs(s * s - 1) * mean_length) / se, "s = %g", s);
    }
  }
  testing_assert_agrees(&good);
  testing_assert_notices(&twin);
  sde_free(a);
  sde_free(b);
}
END_TEST

/* ---- under equal laws ---- */

enum { VALUES = 256, PAIRS = 400 };

/* Over many pairs of samples, moved apart by `shift`: the mean of W1 - floor, and how many
 * Kolmogorov-Smirnov distances are beyond what is critical at 0.05. On a lattice or not. */
static struct sde_moments excess(double shift, bool lattice, size_t *beyond)
{
  double *a = sde_alloc(VALUES, sizeof *a), *b = sde_alloc(VALUES, sizeof *b), over[PAIRS];
  struct sde_stream stream = sde_stream_named(1, "splits");
  *beyond = 0;
  for (size_t k = 0; k < PAIRS; k++) {
    normals("equal a", k, VALUES, 0, 1, a);
    normals("equal b", k, VALUES, shift, 1, b);
    for (size_t i = 0; lattice && i < VALUES; i++) {
      a[i] = round(2 * a[i]) / 2;
      b[i] = round(2 * b[i]) / 2;
    }
    a[7] = NAN; /* a diverged path: the numbers differ */
    struct distance distance = distance_between(VALUES, a, b, stream, k, 0.05);
    ck_assert_uint_eq(distance.n, VALUES - 1);
    ck_assert_uint_eq(distance.sde_n, VALUES);
    over[k] = distance.wasserstein - distance.floor;
    *beyond += distance.kolmogorov_smirnov > distance.critical;
  }
  sde_free(a);
  sde_free(b);
  return sde_moments_of_values(PAIRS, over, NULL);
}

/* Where the laws are equal each split of the pool is as likely as the one observed, so W1 and its
 * floor have the same mean, exactly. The twin: a shift by a fifth. Five standard deviations of a
 * binomial above what is critical; by a shift most are beyond. */
START_TEST(floor_under_equal_laws)
{
  struct testing_family good = {0}, twin = {0};
  size_t beyond;
  double most = 0.05 * PAIRS + 5 * sqrt(0.05 * 0.95 * PAIRS);
  testing_add_mean(&good, excess(0, false, &beyond), 0, "W1 - floor");
  ck_assert_double_le((double)beyond, most);
  ck_assert_uint_gt(beyond, 0);
  testing_add_mean(&good, excess(0, true, &beyond), 0, "W1 - floor on a lattice");
  ck_assert_double_le((double)beyond, most);
  testing_add_mean(&twin, excess(0.2, false, &beyond), 0, "W1 - floor of a shift");
  ck_assert_double_gt((double)beyond, most);
  testing_assert_agrees(&good);
  testing_assert_notices(&twin);
}
END_TEST

/* Samples that depend on each other, as with a common Brownian path: the distance is that of the
 * laws, with less noise than the floor says. */
START_TEST(floor_of_coupled_samples)
{
  double a[VALUES], b[VALUES];
  normals("coupled", 0, VALUES, 0, 1, a);
  for (size_t i = 0; i < VALUES; i++)
    b[i] = a[i] + 0.001;
  struct distance distance = distance_between(VALUES, a, b, sde_stream_named(1, "splits"), 0, 0.05);
  ck_assert_double_eq_tol(distance.wasserstein, 0.001, 1e-14);
  ck_assert_double_gt(distance.floor, 0.03);
}
END_TEST

START_TEST(no_survivors)
{
  const double none[] = {NAN, NAN}, some[] = {1, 2}, same[] = {3, 3};
  struct sde_stream stream = sde_stream_named(1, "splits");
  struct distance distance = distance_between(2, none, some, stream, 0, 0.05);
  ck_assert(isnan(distance.wasserstein) && isnan(distance.floor) && isnan(distance.floor_sd));
  ck_assert(isnan(distance.kolmogorov_smirnov) && isnan(distance.critical));
  distance = distance_between(2, same, same, stream, 0, 0.05);
  ck_assert_double_eq(distance.wasserstein, 0);
  ck_assert_double_eq(distance.floor, 0);
  ck_assert_double_eq(distance.kolmogorov_smirnov, 0);
}
END_TEST

/* ---- a run ---- */

static struct outcome run(size_t count, const char *const *overrides)
{
  struct outcome outcome =
      outcome_prepare("experiments/recipes/double-well-distances.yaml", count, overrides);
  outcome_run(&outcome, 1);
  ck_assert_msg(outcome.good, "%s", outcome.status.message);
  return outcome;
}

/* At the end time, of the only case. */
static double at_end(const struct outcome *outcome, size_t row, const char *name)
{
  json_t *rows = json_object_get(results_summary(outcome->results), "distances");
  json_t *value = json_object_get(json_array_get(rows, row), name);
  ck_assert_msg(json_is_number(value), "row %zu has no %s", row, name);
  return json_number_value(value);
}

/* Without the variance term the law of the SDE is further from that of the iterates, by more than
 * what sampling can do: W1 is a metric, so each empirical law moves it by no more than its own
 * distance from the true one, the floor over sqrt 2, and four times do so in the difference (the
 * iterates twice). With the term the distance is above its floor too, as the expansion in rho is
 * poor here: without it the laws cannot be told apart. */
START_TEST(variance_term)
{
  static const char *const overrides[] = {"optimizers=[{name: m-usam, micro_batch: 1}]",
                                          "observables=[x1]", "records=1"};
  struct outcome outcome = run(3, overrides);
  double with = at_end(&outcome, 0, "wasserstein"), without = at_end(&outcome, 1, "wasserstein");
  ck_assert_double_gt(with, 5 * at_end(&outcome, 0, "floor"));
  ck_assert_double_gt(without, with + 4 / sqrt(2) * at_end(&outcome, 1, "floor"));
  ck_assert_double_gt(at_end(&outcome, 0, "kolmogorov_smirnov"), at_end(&outcome, 0, "critical"));
  ck_assert_double_lt(at_end(&outcome, 2, "kolmogorov_smirnov"), at_end(&outcome, 2, "critical"));
  outcome_free(&outcome);
}
END_TEST

/* A copy, ascending; none is missing. */
static double *sorted(size_t count, const double *sample)
{
  double *made = sde_alloc(count, sizeof *made);
  ck_assert_uint_eq(sde_sorted(count, sample, made), count);
  return made;
}

/* The rows are those of the samples that are asked for, and of no other process or observable: the
 * iterates' stand first, then those of each SDE followed by its companion's. */
START_TEST(samples_in_their_places)
{
  enum { KEPT = 96, OBSERVABLES = 2, SDES = 3 };
  static const char *const overrides[] = {"optimizers=[{name: m-usam, micro_batch: 1}]", "time=2",
                                          "records=4", "paths=128", "distance_paths=96"};
  struct outcome outcome = run(5, overrides);
  const struct run_case *one = &outcome.cases->one[0];
  struct case_result result = case_run(&(struct case_ensemble){.cases = outcome.cases,
                                                               .one = one,
                                                               .companions = true,
                                                               .sample_paths = KEPT,
                                                               .records = 1,
                                                               .record_steps = &one->steps,
                                                               .threads = 1});
  const double *sample = result.ensemble.samples;
  for (size_t s = 0; s < SDES; s++)
    for (size_t o = 0; o < OBSERVABLES; o++) {
      const double *of_sde = sample + ((1 + 2 * s) * OBSERVABLES + o) * KEPT;
      double *iterates = sorted(KEPT, sample + o * KEPT), *sde = sorted(KEPT, of_sde);
      double *companion = sorted(KEPT, of_sde + OBSERVABLES * KEPT);
      size_t row = s * OBSERVABLES + o;
      ck_assert_double_eq(at_end(&outcome, row, "wasserstein"),
                          sde_wasserstein(KEPT, iterates, KEPT, sde));
      ck_assert_double_eq(at_end(&outcome, row, "kolmogorov_smirnov"),
                          sde_kolmogorov_smirnov(KEPT, iterates, KEPT, sde));
      /* Half or twice the step, and weak order 1. */
      double part = fabs(1 - 1 / one->sde[s].ratio);
      ck_assert_double_eq_tol(at_end(&outcome, row, "scheme") * part,
                              sde_wasserstein(KEPT, sde, KEPT, companion), 1e-15);
      ck_assert_double_eq_tol(at_end(&outcome, row, "critical"),
                              sde_kolmogorov_smirnov_critical(KEPT, KEPT, 0.05 / 6), 1e-15);
      ck_assert_double_eq(at_end(&outcome, row, "sde_n"), KEPT);
      sde_free(iterates), sde_free(sde), sde_free(companion);
    }
  case_result_free(&result);
  outcome_free(&outcome);
}
END_TEST

/* ---- files ---- */

static size_t lines_of(const char *directory, const char *name)
{
  char *path = sde_format("%s/%s", directory, name);
  FILE *file = fopen(path, "r");
  size_t lines = 0;
  for (int c; file != NULL && (c = fgetc(file)) != EOF;)
    lines += c == '\n';
  if (file != NULL)
    fclose(file);
  sde_free(path);
  return lines;
}

/* Kept paths are no more than there are; pictures of it beside those of the series; none of both
 * where none are kept. */
START_TEST(table_and_picture)
{
  const char *overrides[] = {"time=2", "records=4", "paths=64",
                             _i == 0 ? "distance_paths=1e6" : "distance_paths=0"};
  static const char *const names[] = {"recipe.yaml",     "summary.json", "series.csv",
                                      "differences.csv", "compare.csv",  "distances.csv"};
  struct outcome outcome = run(4, overrides);
  struct sde_status status = {SDE_OK, ""};
  struct plot_files files;
  char directory[] = "/tmp/sharpsde-distances-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(directory));
  ck_assert_msg(results_write(outcome.results, directory, &status), "%s", status.message);
  ck_assert_uint_eq(lines_of(directory, "distances.csv"), _i == 0 ? 1 + 2 * 3 * 2 * 5 : 0);
  ck_assert_msg(plot_run(directory, "compare", "`touch pwned` <ρ>", &files, &status), "%s",
                status.message);
  ck_assert_uint_eq(files.count, _i == 0 ? 4 : 2);
  for (size_t i = 0; i < files.count; i++) {
    char *path = sde_format("%s/%s", directory, files.names[i]);
    ck_assert_int_eq(unlink(path), 0);
    sde_free(path);
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char *path = sde_format("%s/%s", directory, names[i]);
    unlink(path);
    sde_free(path);
  }
  ck_assert_int_eq(rmdir(directory), 0); /* nothing else is left in it */
  plot_files_free(&files);
  outcome_free(&outcome);
}
END_TEST

int main(void)
{
  setenv("SHARPSDE_PLOTS", "plots", 1);
  Suite *suite = suite_create("distances");
  TCase *samples = testing_case(suite, "samples");
  tcase_add_test(samples, sorting_leaves_nan_out);
  tcase_add_test(samples, agrees_with_the_definitions);
  tcase_add_test(samples, of_a_shift);
  tcase_add_test(samples, of_two_normal_laws);
  TCase *equal = testing_case(suite, "equal laws");
  tcase_add_test(equal, floor_under_equal_laws);
  tcase_add_test(equal, floor_of_coupled_samples);
  tcase_add_test(equal, no_survivors);
  TCase *runs = testing_case(suite, "runs");
  tcase_add_test(runs, variance_term);
  tcase_add_test(runs, samples_in_their_places);
  tcase_add_loop_test(runs, table_and_picture, 0, 2);
  return testing_run(suite);
}
