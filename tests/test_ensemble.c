/*
 * Tests of sde/ensemble: the same bits for any threads and block width, moments against the
 * samples, divergence, pairs, progress, and a linear system against the exact moments of its
 * scheme.
 */
#include "sde/ensemble.h"

#include "sde/block.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* ---- Processes and observables made for the tests ---- */

static void *no_workspace_new(const struct sde_process *process, size_t width)
{
  (void)process, (void)width;
  return NULL;
}

static void no_workspace_free(const struct sde_process *process, void *workspace)
{
  (void)process, (void)workspace;
}

typedef void advance_function(const struct sde_process *process, void *workspace,
                              uint64_t first_path, size_t width, uint64_t step, double *x);

static struct sde_process process_of(size_t dim, const void *context, advance_function *advance)
{
  return (struct sde_process){.dim = dim,
                              .context = context,
                              .workspace_new = no_workspace_new,
                              .workspace_free = no_workspace_free,
                              .advance = advance};
}

/* x_1 = the path's number, x_2 += step + 1. */
static void counting(const struct sde_process *process, void *workspace, uint64_t first_path,
                     size_t width, uint64_t step, double *x)
{
  (void)process, (void)workspace;
  for (size_t p = 0; p < width; p++) {
    x[p] = (double)(first_path + p);
    x[width + p] += (double)(step + 1);
  }
}

/* dX = X^2 dt + 0.5 dW by Euler-Maruyama at dt = 1/8, on both components with noise of their own:
 * some paths blow up. The context is the stream. */
static void exploding(const struct sde_process *process, void *workspace, uint64_t first_path,
                      size_t width, uint64_t step, double *x)
{
  (void)workspace;
  struct sde_address at = {*(const struct sde_stream *)process->context, first_path, step};
  double *z = sde_alloc(process->dim, width * sizeof *z);
  sde_random_normals(&at, width, process->dim, z);
  for (size_t k = 0; k < process->dim * width; k++)
    x[k] += x[k] * x[k] / 8 + 0.5 * sqrt(0.125) * z[k];
  sde_free(z);
}

/* x_1, x_2, x_1 x_2 and x_1^2: four functions of a state of two. */
static void four(const void *context, void *workspace, size_t width, const double *x, double *out)
{
  (void)context, (void)workspace;
  memcpy(out, x, 2 * width * sizeof *out);
  for (size_t p = 0; p < width; p++) {
    out[2 * width + p] = x[p] * x[width + p];
    out[3 * width + p] = x[p] * x[p];
  }
}

static const struct sde_stream streams[] = {{1, 1}, {1, 2}, {1, 1}};
static const uint64_t steps[] = {0, 1, 7, 20};
static const struct sde_pair pairs[] = {{0, 1}, {2, 0}, {1, 2}};
static const double start[] = {0.2, -0.3};
enum { PROCESSES = 3, RECORDS = 4, PAIRS = 3, OBSERVABLES = 4, TABLE = RECORDS * OBSERVABLES };

/* Three exploding processes of which the first and the last share their stream, all recorded. */
static struct sde_ensemble exploding_ensemble(uint64_t paths, struct sde_process *storage,
                                              const struct sde_process **list)
{
  for (size_t i = 0; i < PROCESSES; i++) {
    storage[i] = process_of(2, &streams[i], exploding);
    list[i] = &storage[i];
  }
  return (struct sde_ensemble){.paths = paths,
                               .dim = 2,
                               .start = start,
                               .records = RECORDS,
                               .record_steps = steps,
                               .processes = PROCESSES,
                               .process = list,
                               .pairs = PAIRS,
                               .pair = pairs,
                               .observables = {OBSERVABLES, NULL, NULL, NULL, four},
                               .bound = 100,
                               .sample_paths = paths,
                               .threads = 1};
}

/* An ensemble of one process in one dimension whose observable is the state. */
static void state(const void *context, void *workspace, size_t width, const double *x, double *out)
{
  (void)context, (void)workspace;
  memcpy(out, x, width * sizeof *out);
}

static struct sde_ensemble simple_ensemble(uint64_t paths, const struct sde_process *const *process,
                                           size_t records, const uint64_t *record_steps)
{
  static const double zero[2] = {0, 0};
  return (struct sde_ensemble){.paths = paths,
                               .dim = (*process)->dim,
                               .start = zero,
                               .records = records,
                               .record_steps = record_steps,
                               .processes = 1,
                               .process = process,
                               .observables = {1, NULL, NULL, NULL, state},
                               .bound = 1e6,
                               .sample_paths = paths,
                               .threads = 1};
}

/* ---- The same bits ---- */

static bool same_bits(const struct sde_ensemble_result *a, const struct sde_ensemble_result *b,
                      uint64_t samples)
{
  return memcmp(a->moments, b->moments, PROCESSES * TABLE * sizeof *a->moments) == 0 &&
         memcmp(a->differences, b->differences, PAIRS * TABLE * sizeof *a->differences) == 0 &&
         memcmp(a->diverged, b->diverged, PROCESSES * RECORDS * sizeof *a->diverged) == 0 &&
         memcmp(a->first_divergence, b->first_divergence,
                PROCESSES * sizeof *a->first_divergence) == 0 &&
         (samples == 0 ||
          memcmp(a->samples, b->samples, PROCESSES * TABLE * samples * sizeof *a->samples) == 0);
}

/* Numbers of paths: within a unit, about one, many, and so many that a chunk is many units. */
static const uint64_t counts[] = {1, 31, 32, 33, 65, 1000, 2048, 33000};
enum { COUNTS = sizeof counts / sizeof *counts };

START_TEST(same_bits_for_any_threads_and_width)
{
  static const size_t widths[] = {0, 32, 64, 96, 160};
  static const int threads[] = {1, 2, 3};
  struct sde_process storage[PROCESSES];
  const struct sde_process *list[PROCESSES];
  struct sde_ensemble ensemble = exploding_ensemble(counts[_i], storage, list);
  struct sde_ensemble_result reference = sde_ensemble_run(&ensemble);
  for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
      if (counts[_i] > 10000 && w + t != 2)
        continue;
      ensemble.threads = threads[t];
      ensemble.width = widths[w];
      struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
      ck_assert_msg(same_bits(&result, &reference, counts[_i]), "width %zu, %d threads", widths[w],
                    threads[t]);
      sde_ensemble_result_free(&result);
    }
  sde_ensemble_result_free(&reference);
}
END_TEST

/* As `counting`, but the paths of the first chunk wait until all others are done, or ten seconds.
 */
struct waiting {
  uint64_t paths, *done;
  bool *met;
};

static void waiting(const struct sde_process *process, void *workspace, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  const struct waiting *waiting = process->context;
  counting(process, workspace, first_path, width, step, x);
  uint64_t done = 0;
  if (first_path > 0) {
#pragma omp atomic
    *waiting->done += width;
    return;
  }
  for (size_t i = 0; i < 10000 && done + width < waiting->paths; i++) {
    nanosleep(&(struct timespec){0, 1000000}, NULL);
#pragma omp atomic read
    done = *waiting->done;
  }
  *waiting->met = done + width == waiting->paths;
}

/* A slow chunk holds up no other, and whatever comes before it the tree is the same. */
START_TEST(no_thread_waits_for_anothers_chunk)
{
  enum { PATHS = 64 * SDE_UNIT };
  uint64_t done = 0;
  bool met = false;
  struct waiting context = {PATHS, &done, &met};
  struct sde_process slow = process_of(2, &context, waiting), plain = process_of(2, NULL, counting);
  const struct sde_process *list = &slow;
  uint64_t once = 1;
  struct sde_ensemble ensemble = simple_ensemble(PATHS, &list, 1, &once);
  ensemble.threads = 2;
  ensemble.width = SDE_UNIT;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert(met);
  list = &plain;
  ensemble.threads = 1;
  struct sde_ensemble_result reference = sde_ensemble_run(&ensemble);
  ck_assert_mem_eq(result.moments, reference.moments, 2 * sizeof *result.moments);
  sde_ensemble_result_free(&result);
  sde_ensemble_result_free(&reference);
}
END_TEST

/* The twin: bits that depend on where a path stands would be noticed; here another stream. */
START_TEST(other_randomness_has_other_bits)
{
  struct sde_process storage[PROCESSES];
  const struct sde_process *list[PROCESSES];
  struct sde_ensemble ensemble = exploding_ensemble(1000, storage, list);
  struct sde_ensemble_result reference = sde_ensemble_run(&ensemble);
  storage[0].context = &streams[1];
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert(!same_bits(&result, &reference, 1000));
  sde_ensemble_result_free(&result);
  sde_ensemble_result_free(&reference);
}
END_TEST

/* ---- Moments against samples ---- */

/* Up to rounding: equal values may have a mean that is off by an ulp, and m2 its square. */
static void assert_moments_of(struct sde_moments moments, size_t count, const double *values)
{
  long double n = 0, sum = 0, m2 = 0;
  for (size_t i = 0; i < count; i++)
    if (!isnan(values[i])) {
      n++;
      sum += values[i];
    }
  for (size_t i = 0; i < count; i++)
    if (!isnan(values[i]))
      m2 += (values[i] - sum / n) * (values[i] - sum / n);
  ck_assert_double_eq(moments.n, (double)n);
  if (n == 0)
    return;
  double mean = (double)(sum / n), rounding = 1e-15 * fabs(mean);
  ck_assert_double_le(fabs(moments.mean - mean), rounding + 1e-14 * sqrt((double)(m2 / n)));
  ck_assert_double_le(fabs(moments.m2 - (double)m2),
                      (double)n * rounding * rounding + 1e-13 * (double)m2);
}

START_TEST(moments_are_those_of_the_samples)
{
  uint64_t paths = counts[_i];
  struct sde_process storage[PROCESSES];
  const struct sde_process *list[PROCESSES];
  struct sde_ensemble ensemble = exploding_ensemble(paths, storage, list);
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  double *difference = sde_alloc(paths, sizeof *difference);
  for (size_t row = 0; row < PROCESSES * TABLE; row++)
    assert_moments_of(result.moments[row], paths, result.samples + row * paths);
  for (size_t pair = 0; pair < PAIRS; pair++)
    for (size_t k = 0; k < TABLE; k++) {
      const double *minuend = result.samples + (pairs[pair].minuend * TABLE + k) * paths;
      const double *subtrahend = result.samples + (pairs[pair].subtrahend * TABLE + k) * paths;
      for (size_t p = 0; p < paths; p++)
        difference[p] = minuend[p] - subtrahend[p];
      assert_moments_of(result.differences[pair * TABLE + k], paths, difference);
    }
  sde_free(difference);
  sde_ensemble_result_free(&result);
}
END_TEST

/* An ensemble that begins at a later path has the samples of one that goes on that far. */
START_TEST(later_paths_go_on)
{
  enum { BEFORE = 37, PATHS = 100 };
  struct sde_process storage[PROCESSES], later_storage[PROCESSES];
  const struct sde_process *list[PROCESSES], *later_list[PROCESSES];
  struct sde_ensemble all = exploding_ensemble(BEFORE + PATHS, storage, list);
  struct sde_ensemble later = exploding_ensemble(PATHS, later_storage, later_list);
  later.first_path = BEFORE;
  struct sde_ensemble_result whole = sde_ensemble_run(&all), part = sde_ensemble_run(&later);
  for (size_t row = 0; row < PROCESSES * TABLE; row++)
    ck_assert_int_eq(memcmp(whole.samples + row * (BEFORE + PATHS) + BEFORE,
                            part.samples + row * PATHS, PATHS * sizeof *part.samples),
                     0);
  later.first_path = 0;
  struct sde_ensemble_result first = sde_ensemble_run(&later);
  size_t last = PROCESSES * TABLE - 1;
  ck_assert_int_ne(memcmp(first.samples + last * PATHS, part.samples + last * PATHS,
                          PATHS * sizeof *part.samples),
                   0);
  sde_ensemble_result_free(&whole);
  sde_ensemble_result_free(&part);
  sde_ensemble_result_free(&first);
}
END_TEST

/* Processes of one stream differ by nothing; of two, the difference has both variances. */
START_TEST(pairs_see_shared_and_independent_randomness)
{
  struct sde_process storage[PROCESSES];
  const struct sde_process *list[PROCESSES];
  struct sde_ensemble ensemble = exploding_ensemble(testing_size(20000), storage, list);
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  for (size_t k = 0; k < TABLE; k++) {
    struct sde_moments shared = result.differences[1 * TABLE + k];
    ck_assert_double_eq(shared.n, result.moments[k].n);
    ck_assert(shared.mean == 0 && shared.m2 == 0);
  }
  /* At the first step all live: covariance is zero within 6 standard errors (rate 2e-9). */
  size_t k = OBSERVABLES;
  struct sde_moments independent = result.differences[k];
  double n = independent.n, first = result.moments[k].m2, second = result.moments[TABLE + k].m2;
  ck_assert_double_lt(fabs(independent.m2 - first - second), 12 * sqrt(first * second / n));
  ck_assert_double_gt(independent.m2, 0);
  sde_ensemble_result_free(&result);
}
END_TEST

/* Paths and steps by number: the moments of 0 .. n - 1, and sums of 1 .. step. */
START_TEST(paths_and_steps_have_their_numbers)
{
  uint64_t paths = counts[_i];
  struct sde_process process = process_of(2, NULL, counting);
  const struct sde_process *list = &process;
  struct sde_ensemble ensemble = simple_ensemble(paths, &list, RECORDS, steps);
  ensemble.observables = (struct sde_observables){OBSERVABLES, NULL, NULL, NULL, four};
  ensemble.sample_paths = paths < 100 ? paths : 100;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  double n = (double)paths;
  for (size_t record = 1; record < RECORDS; record++) {
    struct sde_moments path = result.moments[record * OBSERVABLES];
    struct sde_moments sum = result.moments[record * OBSERVABLES + 1];
    double s = (double)steps[record];
    ck_assert_double_eq(path.n, n);
    ck_assert_double_eq_tol(path.mean, (n - 1) / 2, 1e-14 * n);
    ck_assert_double_eq_tol(path.m2, n * (n * n - 1) / 12, 1e-14 * n * n * n);
    ck_assert(sum.n == n && sum.mean == s * (s + 1) / 2 && sum.m2 == 0);
    for (uint64_t p = 0; p < ensemble.sample_paths; p++)
      ck_assert_double_eq(result.samples[record * OBSERVABLES * ensemble.sample_paths + p],
                          (double)p);
  }
  ck_assert_uint_eq(result.first_divergence[0], UINT64_MAX);
  sde_ensemble_result_free(&result);
}
END_TEST

/* Some samples are the first of all samples, and whether they are kept changes nothing else. */
START_TEST(keeping_samples_changes_nothing)
{
  enum { PATHS = 1000, SOME = 70 };
  struct sde_process storage[PROCESSES];
  const struct sde_process *list[PROCESSES];
  struct sde_ensemble ensemble = exploding_ensemble(PATHS, storage, list);
  struct sde_ensemble_result all = sde_ensemble_run(&ensemble);
  ensemble.sample_paths = SOME;
  struct sde_ensemble_result some = sde_ensemble_run(&ensemble);
  ensemble.sample_paths = 0;
  struct sde_ensemble_result none = sde_ensemble_run(&ensemble);
  ck_assert(same_bits(&all, &some, 0));
  ck_assert(same_bits(&all, &none, 0));
  ck_assert_ptr_null(none.samples);
  for (size_t row = 0; row < PROCESSES * TABLE; row++)
    ck_assert_mem_eq(some.samples + row * SOME, all.samples + row * PATHS,
                     SOME * sizeof *all.samples);
  sde_ensemble_result_free(&all);
  sde_ensemble_result_free(&some);
  sde_ensemble_result_free(&none);
}
END_TEST

/* ---- Divergence ---- */

/* At the step after FATAL + (path mod 3) a path with path mod 5 < 4 leaves as its class says, and
 * is back at the next step; those of class 4 stand at the bound, which is not beyond it. */
enum { FATAL = 4, CLASSES = 5 };

static void leaving(const struct sde_process *process, void *workspace, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  (void)process, (void)workspace;
  static const double away[CLASSES] = {NAN, INFINITY, -1.0000001e6, 2e6, -1e6};
  for (size_t p = 0; p < width; p++) {
    uint64_t path = first_path + p;
    x[p] = step == FATAL + path % 3 ? away[path % CLASSES] : (double)(path % 7);
  }
}

START_TEST(the_dead_are_counted_and_never_return)
{
  static const uint64_t at[] = {3, 4, 5, 6, 7, 100};
  static const uint64_t lost[] = {0, 0, 1, 2, 3, 3}; /* thirds of those that leave */
  enum { PATHS = 15 * 70 + 11, LAST = sizeof at / sizeof *at };
  struct sde_process process = process_of(1, NULL, leaving);
  const struct sde_process *list = &process;
  struct sde_ensemble ensemble = simple_ensemble(PATHS, &list, LAST, at);
  ensemble.width = _i % 2 == 0 ? 32 : 96;
  ensemble.threads = 1 + _i / 2;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  for (size_t record = 0; record < LAST; record++) {
    uint64_t dead = 0, wrong = 0;
    for (uint64_t p = 0; p < PATHS; p++) {
      bool gone = p % CLASSES < 4 && p % 3 < lost[record];
      dead += gone;
      wrong += !!isnan(result.samples[record * PATHS + p]) != gone;
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(result.diverged[record], dead);
    ck_assert_double_eq(result.moments[record].n, (double)(PATHS - dead));
    assert_moments_of(result.moments[record], PATHS, result.samples + record * PATHS);
  }
  ck_assert_uint_eq(result.first_divergence[0], FATAL + 1);
  sde_ensemble_result_free(&result);
}
END_TEST

/* All paths leave at once, in the second component: nothing is left to average. */
static void all_leaving(const struct sde_process *process, void *workspace, uint64_t first_path,
                        size_t width, uint64_t step, double *x)
{
  (void)process, (void)workspace, (void)first_path;
  sde_block_fill(width, step == 2 ? NAN : 1, x + width);
}

START_TEST(no_survivor_has_no_mean)
{
  static const uint64_t at[] = {2, 3, 9};
  struct sde_process process = process_of(2, NULL, all_leaving);
  const struct sde_process *list = &process;
  struct sde_ensemble ensemble = simple_ensemble(50, &list, 3, at);
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert_uint_eq(result.diverged[0], 0);
  ck_assert_double_eq(result.moments[0].n, 50);
  for (size_t record = 1; record < 3; record++) {
    ck_assert_uint_eq(result.diverged[record], 50);
    ck_assert_double_eq(result.moments[record].n, 0);
    ck_assert_double_nan(sde_moments_mean(result.moments[record]));
  }
  ck_assert_uint_eq(result.first_divergence[0], 3);
  sde_ensemble_result_free(&result);
}
END_TEST

/* Paths of an SDE that explodes: counts rise with time, agree with the samples that are missing and
 * with n; a pair lives while both live; the first death is no later than a count that is not 0. */
START_TEST(an_exploding_equation_is_counted)
{
  enum { PATHS = 5000 };
  struct sde_process storage[PROCESSES];
  const struct sde_process *list[PROCESSES];
  struct sde_ensemble ensemble = exploding_ensemble(PATHS, storage, list);
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  for (size_t i = 0; i < PROCESSES; i++)
    for (size_t record = 0; record < RECORDS; record++) {
      const uint64_t *diverged = &result.diverged[i * RECORDS + record];
      uint64_t missing = 0;
      for (size_t p = 0; p < PATHS; p++)
        missing += !!isnan(result.samples[(i * TABLE + record * OBSERVABLES) * PATHS + p]);
      ck_assert_uint_eq(*diverged, missing);
      ck_assert_double_eq(result.moments[i * TABLE + record * OBSERVABLES].n,
                          (double)(PATHS - missing));
      ck_assert(record == 0 ? *diverged == 0 : *diverged >= diverged[-1]);
      ck_assert_int_eq(*diverged > 0, result.first_divergence[i] <= steps[record]);
    }
  /* Enough die, and enough live, for the test to say something. */
  uint64_t dead = result.diverged[RECORDS - 1];
  ck_assert_uint_gt(dead, PATHS / 100);
  ck_assert_uint_lt(dead, PATHS / 2);
  sde_ensemble_result_free(&result);
}
END_TEST

/* ---- Progress, workspaces, and shapes at their limits ---- */

struct progress {
  uint64_t calls, last, disorder;
};

static void note_progress(void *context, uint64_t paths_done)
{
  struct progress *progress = context;
  progress->calls++;
  progress->disorder += paths_done <= progress->last;
  progress->last = paths_done;
}

START_TEST(progress_rises_to_all_paths)
{
  struct sde_process process = process_of(2, NULL, counting);
  const struct sde_process *list = &process;
  struct sde_ensemble ensemble = simple_ensemble(counts[_i], &list, RECORDS, steps);
  struct progress progress = {0};
  ensemble.progress = note_progress;
  ensemble.progress_context = &progress;
  ensemble.threads = 2;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert_uint_gt(progress.calls, 0);
  ck_assert_uint_eq(progress.disorder, 0);
  ck_assert_uint_eq(progress.last, counts[_i]);
  sde_ensemble_result_free(&result);
}
END_TEST

/* Workspaces of the block's width, one a thread, each used by its owner and freed once. */
struct open_workspaces {
  int processes, observables, wrong;
};

struct labelled {
  size_t width;
};

static void *labelled_new(int *open, size_t width)
{
  struct labelled *labelled = sde_alloc(1, sizeof *labelled);
  labelled->width = width;
#pragma omp atomic
  *open += 1;
  return labelled;
}

static void check_width(struct open_workspaces *open, const struct labelled *labelled, size_t width)
{
  int wrong = labelled->width != width;
#pragma omp atomic
  open->wrong += wrong;
}

static void *owner_new(const struct sde_process *process, size_t width)
{
  return labelled_new(&((struct open_workspaces *)process->context)->processes, width);
}

static void owner_free(const struct sde_process *process, void *workspace)
{
  struct open_workspaces *open = (struct open_workspaces *)process->context;
#pragma omp atomic
  open->processes -= 1;
  sde_free(workspace);
}

static void owner_advance(const struct sde_process *process, void *workspace, uint64_t first_path,
                          size_t width, uint64_t step, double *x)
{
  (void)first_path, (void)step, (void)x;
  check_width((struct open_workspaces *)process->context, workspace, width);
}

/* sde/ensemble gives the freeing function no context: the count of those of observables only
 * rises, and the leak check of the sanitizers sees to the rest. */
static void *reader_new(const void *context, size_t width)
{
  return labelled_new(&((struct open_workspaces *)context)->observables, width);
}

static void reader_evaluate(const void *context, void *workspace, size_t width, const double *x,
                            double *out)
{
  check_width((struct open_workspaces *)context, workspace, width);
  memcpy(out, x, width * sizeof *out);
}

START_TEST(workspaces_are_made_used_and_freed)
{
  struct open_workspaces open = {0, 0, 0};
  struct sde_process process = {.dim = 1,
                                .context = &open,
                                .workspace_new = owner_new,
                                .workspace_free = owner_free,
                                .advance = owner_advance};
  const struct sde_process *list[] = {&process, &process};
  struct sde_ensemble ensemble = simple_ensemble(1000, list, RECORDS, steps);
  ensemble.processes = 2;
  ensemble.observables = (struct sde_observables){1, &open, reader_new, sde_free, reader_evaluate};
  ensemble.width = 96;
  ensemble.threads = 2;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert_int_eq(open.processes, 0);
  ck_assert_int_ge(open.observables, 1);
  ck_assert_int_le(open.observables, 2);
  ck_assert_int_eq(open.wrong, 0);
  sde_ensemble_result_free(&result);
}
END_TEST

START_TEST(no_record_and_no_path)
{
  struct sde_process storage[PROCESSES];
  const struct sde_process *list[PROCESSES];
  struct sde_ensemble ensemble = exploding_ensemble(100, storage, list);
  ensemble.records = 0;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  ck_assert_uint_eq(result.first_divergence[0], UINT64_MAX);
  sde_ensemble_result_free(&result);
  ensemble = exploding_ensemble(0, storage, list);
  result = sde_ensemble_run(&ensemble);
  for (size_t row = 0; row < PROCESSES * TABLE; row++)
    ck_assert_double_eq(result.moments[row].n, 0);
  ck_assert_uint_eq(result.diverged[PROCESSES * RECORDS - 1], 0);
  ck_assert_uint_eq(result.first_divergence[0], UINT64_MAX);
  sde_ensemble_result_free(&result);
}
END_TEST

/* So many paths that chunks are more than 1024: the numbers 0 to n - 1 have mean (n - 1)/2, and
 * squared deviations n (n^2 - 1)/12. Of some thirty merges each is off by a few roundings. */
START_TEST(millions_of_paths_are_merged)
{
  const uint64_t paths = 4500001, last = 1;
  const double n = (double)paths;
  struct sde_process process = process_of(2, NULL, counting);
  const struct sde_process *list = &process;
  struct sde_ensemble ensemble = simple_ensemble(paths, &list, 1, &last);
  ensemble.bound = n;
  ensemble.sample_paths = 0;
  struct sde_ensemble_result one = sde_ensemble_run(&ensemble);
  ensemble.threads = 2;
  struct sde_ensemble_result two = sde_ensemble_run(&ensemble);
  ck_assert(memcmp(one.moments, two.moments, sizeof *one.moments) == 0);
  ck_assert_double_eq(one.moments->n, n);
  ck_assert_double_eq_tol(one.moments->mean, (n - 1) / 2, 1e-12 * n);
  ck_assert_double_eq_tol(one.moments->m2 / (n * (n * n - 1) / 12), 1, 1e-12);
  ck_assert_uint_eq(one.own_paths, paths);
  sde_ensemble_result_free(&one);
  sde_ensemble_result_free(&two);
}
END_TEST

/* One record at the end is the end of many; the start alone is the start. */
START_TEST(records_do_not_disturb_the_paths)
{
  struct sde_process storage[PROCESSES];
  const struct sde_process *list[PROCESSES];
  struct sde_ensemble ensemble = exploding_ensemble(500, storage, list);
  struct sde_ensemble_result many = sde_ensemble_run(&ensemble);
  ensemble.records = 1;
  ensemble.record_steps = &steps[RECORDS - 1];
  struct sde_ensemble_result one = sde_ensemble_run(&ensemble);
  for (size_t i = 0; i < PROCESSES; i++) {
    size_t last = i * TABLE + (RECORDS - 1) * OBSERVABLES;
    ck_assert_mem_eq(one.moments + i * OBSERVABLES, many.moments + last,
                     OBSERVABLES * sizeof *one.moments);
    ck_assert_uint_eq(one.diverged[i], many.diverged[i * RECORDS + RECORDS - 1]);
    ck_assert_uint_eq(one.first_divergence[i], many.first_divergence[i]);
  }
  sde_ensemble_result_free(&one);
  ensemble.record_steps = &steps[0];
  one = sde_ensemble_run(&ensemble);
  ck_assert_double_eq(one.moments[0].n, 500);
  ck_assert_double_eq_tol(one.moments[0].mean, start[0], 1e-15);
  ck_assert_double_eq_tol(one.moments[0].m2, 0, 1e-28);
  sde_ensemble_result_free(&one);
  sde_ensemble_result_free(&many);
}
END_TEST

/* ---- A linear system against the exact moments of Euler-Maruyama ---- */

enum { DIM = 3, NOISE_DIM = 2, MOMENTS = DIM + DIM * DIM };
static const double matrix_a[DIM * DIM] = {1, 0.5, -0.2, -0.3, 0.8, 0.4, 0.1, -0.6, 1.5};
static const double matrix_s[DIM * NOISE_DIM] = {0.5, -0.2, 0.3, 0.4, -0.1, 0.6};
static const double centre[DIM] = {0.5, -1, 0.25};
static const double linear_start[DIM] = {1, 2, -1};

/* x_i, then x_i x_j. */
static void first_and_second(const void *context, void *workspace, size_t width, const double *x,
                             double *out)
{
  (void)context, (void)workspace;
  memcpy(out, x, DIM * width * sizeof *out);
  for (size_t i = 0; i < DIM; i++)
    for (size_t j = 0; j < DIM; j++)
      for (size_t p = 0; p < width; p++)
        out[(DIM + i * DIM + j) * width + p] = x[i * width + p] * x[j * width + p];
}

/* One step: the mean m - h A (m - c), the covariance (1 - h A) C (1 - h A)' + h S S'. */
static void exact_step(double h, double *mean, double *covariance)
{
  double propagator[DIM * DIM], half[DIM * DIM], next[DIM];
  for (size_t i = 0; i < DIM; i++) {
    next[i] = mean[i];
    for (size_t j = 0; j < DIM; j++) {
      propagator[i * DIM + j] = (i == j) - h * matrix_a[i * DIM + j];
      next[i] -= h * matrix_a[i * DIM + j] * (mean[j] - centre[j]);
    }
  }
  memcpy(mean, next, sizeof next);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, DIM, DIM, DIM, 1, propagator, DIM,
              covariance, DIM, 0, half, DIM);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, DIM, DIM, DIM, 1, half, DIM, propagator, DIM,
              0, covariance, DIM);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, DIM, DIM, NOISE_DIM, h, matrix_s, NOISE_DIM,
              matrix_s, NOISE_DIM, 1, covariance, DIM);
}

/* Adds the moments of a linear system with these matrices to the family, at three times. */
static void add_linear(struct testing_family *family, const double *a, const double *c,
                       const double *s)
{
  static const uint64_t times[] = {1, 3, 8};
  enum { SUBSTEPS = 3, TIMES = sizeof times / sizeof *times };
  struct sde_system *system = sde_linear_system_new(DIM, NOISE_DIM, a, c, s);
  struct sde_solution solution = {.system = system,
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(4, "linear"),
                                  .eta = 0.3,
                                  .substeps = SUBSTEPS,
                                  .resolution = 2 * SUBSTEPS};
  struct sde_status status = {0};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  const struct sde_process *list = process;
  struct sde_ensemble ensemble = simple_ensemble(testing_size(200000), &list, TIMES, times);
  ensemble.start = linear_start;
  ensemble.observables = (struct sde_observables){MOMENTS, NULL, NULL, NULL, first_and_second};
  ensemble.sample_paths = 0;
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  double mean[DIM], covariance[DIM * DIM] = {0};
  memcpy(mean, linear_start, sizeof mean);
  uint64_t step = 0;
  for (size_t record = 0; record < TIMES; record++) {
    for (; step < SUBSTEPS * times[record]; step++)
      exact_step(solution.eta / SUBSTEPS, mean, covariance);
    const struct sde_moments *moments = result.moments + record * MOMENTS;
    for (size_t i = 0; i < DIM; i++) {
      testing_add_mean(family, moments[i], mean[i], "mean");
      for (size_t j = 0; j <= i; j++)
        testing_add_mean(family, moments[DIM + i * DIM + j],
                         covariance[i * DIM + j] + mean[i] * mean[j], "second moment");
    }
  }
  sde_ensemble_result_free(&result);
  sde_solution_process_free(process);
  sde_linear_system_free(system);
}

/* 27 comparisons at 5.5 standard errors: false-alarm rate 1e-6 for all of them. */
START_TEST(linear_system_has_its_exact_moments)
{
  struct testing_family family = {0};
  add_linear(&family, matrix_a, centre, matrix_s);
  testing_assert_agrees(&family);
}
END_TEST

/* The twins: one entry of S, of A or of c changed; the transposes; and the covariance alone. */
START_TEST(changed_linear_system_would_be_noticed)
{
  double a[DIM * DIM], c[DIM], s[DIM * NOISE_DIM];
  struct testing_family family = {0};
  memcpy(a, matrix_a, sizeof a);
  memcpy(c, centre, sizeof c);
  memcpy(s, matrix_s, sizeof s);
  switch (_i) {
  case 0:
    s[3] += 0.15;
    break;
  case 1:
    a[5] += 0.15;
    break;
  case 2:
    c[1] += 0.15;
    break;
  case 3:
    for (size_t i = 0; i < DIM; i++)
      for (size_t j = 0; j < DIM; j++)
        a[i * DIM + j] = matrix_a[j * DIM + i];
    break;
  default:
    s[1] = -s[1];
  }
  add_linear(&family, a, c, s);
  testing_assert_notices(&family);
}
END_TEST

static void add_divergence_and_limits(Suite *suite)
{
  TCase *divergence = testing_case(suite, "divergence");
  tcase_add_loop_test(divergence, the_dead_are_counted_and_never_return, 0, 4);
  tcase_add_test(divergence, no_survivor_has_no_mean);
  tcase_add_test(divergence, an_exploding_equation_is_counted);
  TCase *limits = testing_case(suite, "limits");
  tcase_add_loop_test(limits, progress_rises_to_all_paths, 0, COUNTS);
  tcase_add_test(limits, workspaces_are_made_used_and_freed);
  tcase_add_test(limits, no_record_and_no_path);
  tcase_add_test(limits, millions_of_paths_are_merged);
  tcase_add_test(limits, records_do_not_disturb_the_paths);
}

int main(void)
{
  Suite *suite = suite_create("ensemble");
  TCase *bits = testing_case(suite, "bits");
  tcase_add_loop_test(bits, same_bits_for_any_threads_and_width, 0, COUNTS);
  tcase_add_test(bits, no_thread_waits_for_anothers_chunk);
  tcase_add_test(bits, other_randomness_has_other_bits);
  TCase *moments = testing_case(suite, "moments");
  tcase_add_loop_test(moments, moments_are_those_of_the_samples, 0, COUNTS);
  tcase_add_test(moments, later_paths_go_on);
  tcase_add_test(moments, pairs_see_shared_and_independent_randomness);
  tcase_add_loop_test(moments, paths_and_steps_have_their_numbers, 0, COUNTS);
  tcase_add_test(moments, keeping_samples_changes_nothing);
  add_divergence_and_limits(suite);
  TCase *linear = testing_case(suite, "linear");
  tcase_add_test(linear, linear_system_has_its_exact_moments);
  tcase_add_loop_test(linear, changed_linear_system_would_be_noticed, 0, 5);
  return testing_run(suite);
}
