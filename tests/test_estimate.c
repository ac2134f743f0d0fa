/*
 * Tests of estimates: a processor that times more steps than the horizon has must still stay within
 * the horizon, beyond which a process has no tables; and timings together must be short.
 */

#include "experiments/cases/estimate.h"
#include "experiments/recipe/study.h"
#include "experiments/studies/estimate_text.h"
#include "sde/block.h"
#include "sde/status.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { HORIZON = 3, DIM = 2 };

/* A process without any work, so that every processor is fast; it notes what it is asked for. */
struct notes {
  uint64_t calls, last, wrong_starts;
};

static void *no_workspace(const struct sde_process *process, size_t width)
{
  (void)process, (void)width;
  return NULL;
}

static void no_workspace_free(const struct sde_process *process, void *workspace)
{
  (void)process, (void)workspace;
}

/* Each step adds 1 to the state, which begins at 5, 6. */
static void count_step(const struct sde_process *process, void *workspace, uint64_t first_path,
                       size_t width, uint64_t step, double *x)
{
  (void)workspace, (void)first_path;
  struct notes *notes = (struct notes *)process->context;
  notes->calls++;
  notes->last = step > notes->last ? step : notes->last;
  for (size_t i = 0; i < DIM; i++)
    for (size_t p = 0; p < width; p++) {
      notes->wrong_starts += x[i * width + p] != (double)(5 + i + step);
      x[i * width + p] += 1;
    }
}

static struct sde_process counting(const struct notes *notes)
{
  return (struct sde_process){.dim = DIM,
                              .context = notes,
                              .workspace_new = no_workspace,
                              .workspace_free = no_workspace_free,
                              .advance = count_step};
}

START_TEST(timed_steps_stay_within_the_horizon)
{
  static const double start[DIM] = {5, 6};
  struct notes notes = {0, 0, 0};
  struct estimate estimate = {.stopwatch = stopwatch_new()};
  struct sde_process process = counting(&notes);
  estimate_add(&estimate, &process, DIM, start, HORIZON, 640);
  ck_assert_uint_gt(notes.calls, 10 * HORIZON);
  ck_assert_uint_eq(notes.last, HORIZON - 1);
  ck_assert_uint_eq(notes.wrong_starts, 0);
  ck_assert_double_eq(estimate.path_steps, 640 * HORIZON);
  ck_assert_double_gt(estimate.seconds, 0);
  stopwatch_free(estimate.stopwatch);
}
END_TEST

START_TEST(nothing_is_timed_where_nothing_runs)
{
  static const double start[DIM] = {5, 6};
  struct notes notes = {0, 0, 0};
  struct estimate estimate = {.stopwatch = stopwatch_new()};
  struct sde_process process = counting(&notes);
  estimate_add(&estimate, &process, DIM, start, 0, 640);
  estimate_add(&estimate, &process, DIM, start, HORIZON, 0);
  ck_assert_uint_eq(notes.calls, 0);
  ck_assert_double_eq(estimate.seconds, 0);
  stopwatch_free(estimate.stopwatch);
}
END_TEST

/* A step that takes SLOW seconds of this thread. */
static const double SLOW = 0.03;

static void slow_step(const struct sde_process *process, void *workspace, uint64_t first_path,
                      size_t width, uint64_t step, double *x)
{
  (void)workspace, (void)first_path, (void)width, (void)step, (void)x;
  ((struct notes *)process->context)->calls++;
  clock_t begun = clock();
  while ((double)(clock() - begun) < SLOW * CLOCKS_PER_SEC)
    ;
}

/* Of hundred kinds of steps that take long a few are timed, however many there are; the rest is
 * inferred from its work. Two of one kind are timed once. */
START_TEST(all_timings_together_are_short)
{
  enum { KINDS = 100, TIMED_MOST = 20 };
  static const double start[DIM] = {5, 6};
  struct notes notes = {0, 0, 0};
  struct stopwatch *stopwatch = stopwatch_new();
  struct sde_process process = counting(&notes);
  struct step_cost cost = {0, 0};
  process.advance = slow_step;
  for (size_t i = 0; i < KINDS; i++)
    for (size_t again = 0; again < 2; again++) {
      char *name = sde_format("kind %zu", i);
      struct step_kind kind = {name, i + 1 == KINDS ? 30 : 10};
      cost = step_cost(stopwatch, &kind, &process, DIM, start, HORIZON);
      sde_free(name);
      ck_assert_double_ge(cost.seconds, 0.9 * SLOW);
    }
  ck_assert_uint_ge(notes.calls, 2);
  ck_assert_uint_le(notes.calls, TIMED_MOST);
  ck_assert_double_ge(cost.seconds, 3 * 0.9 * SLOW);
  stopwatch_free(stopwatch);
}
END_TEST

/* Of steps whose work is not known nothing can be inferred. */
START_TEST(unknown_steps_are_all_timed)
{
  enum { KINDS = 20 };
  static const double start[DIM] = {5, 6};
  struct notes notes = {0, 0, 0};
  struct stopwatch *stopwatch = stopwatch_new();
  struct sde_process process = counting(&notes);
  process.advance = slow_step;
  for (size_t i = 0; i < KINDS; i++)
    step_cost(stopwatch, &(struct step_kind){NULL, NAN}, &process, DIM, start, HORIZON);
  ck_assert_uint_eq(notes.calls, KINDS);
  stopwatch_free(stopwatch);
}
END_TEST

/* Quasi-random paths have intervals up to the horizon alone. Here it is so short that no processor
 * is too slow to time steps beyond it. */
START_TEST(quasi_random_paths_are_timed_within_their_intervals)
{
  static const char *const overrides[] = {"loss.data=data/quadratic4.csv", "eta=0.1", "time=0.2",
                                          "paths=2048", "variance_reduction=quasi-random"};
  struct outcome outcome = outcome_prepare("experiments/recipes/golden.yaml", 5, overrides);
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  estimate_print(outcome.cases, out, &outcome.status);
  fclose(out);
  ck_assert_int_eq(outcome.status.code, SDE_OK);
  ck_assert_ptr_nonnull(strstr(text, "path-steps"));
  free(text);
  outcome_free(&outcome);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("estimate");
  TCase *estimates = testing_case(suite, "estimates");
  tcase_add_test(estimates, timed_steps_stay_within_the_horizon);
  tcase_add_test(estimates, nothing_is_timed_where_nothing_runs);
  tcase_add_test(estimates, all_timings_together_are_short);
  tcase_add_test(estimates, unknown_steps_are_all_timed);
  tcase_add_test(estimates, quasi_random_paths_are_timed_within_their_intervals);
  return testing_run(suite);
}
