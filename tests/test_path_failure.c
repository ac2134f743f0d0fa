/*
 * Tests of paths on which an equation has no value: they end, whatever the scheme, and no other
 * path notices; an ensemble counts them with those that diverged and tells the two apart.
 */
#include "sde/block.h"
#include "sde/ensemble.h"
#include "sde/replicates.h"
#include "sde/status.h"
#include "tests/known_equations.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 64, FIRST = 128, FATAL = FIRST + 37, FATAL_STEP = 4 };

/* ---- A known equation that fails on one path ---- */

/* How: the report that is asked for; NAN alone, which leaves the list empty; or the report alone.
 */
enum manner { REPORTED, SILENT, REPORT_ALONE, NEVER, MANNERS };

struct frail {
  const struct sde_system *sound;
  enum manner manner;
};

struct frail_workspace {
  struct sde_failures failures;
  void *sound;
};

static void *frail_workspace_new(const struct sde_system *system, size_t width)
{
  const struct frail *frail = system->context;
  struct frail_workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->failures = sde_failures_new(width);
  workspace->sound = sde_system_workspace_new(frail->sound, width);
  return workspace;
}

static void frail_workspace_free(void *memory)
{
  struct frail_workspace *workspace = memory;
  sde_failures_free(&workspace->failures);
  sde_free(workspace->sound); /* known equations have none */
  sde_free(workspace);
}

static struct sde_failures *frail_failures(void *workspace)
{
  return &((struct frail_workspace *)workspace)->failures;
}

static void frail_evaluate(const struct sde_system *system, void *memory,
                           const struct sde_instant *at, size_t width, const double *x,
                           const double *dw, double *drift, double *noise)
{
  const struct frail *frail = system->context;
  struct frail_workspace *workspace = memory;
  frail->sound->evaluate(frail->sound, workspace->sound, at, width, x, dw, drift, noise);
  if (frail->manner == NEVER || at->step < FATAL_STEP || at->first_path > FATAL ||
      at->first_path + width <= FATAL)
    return;
  size_t p = FATAL - at->first_path;
  if (frail->manner != SILENT)
    sde_system_fail(&workspace->failures, p);
  if (frail->manner == REPORT_ALONE)
    return;
  for (size_t i = 0; i < system->dim; i++) {
    if (drift != NULL)
      drift[i * width + p] = NAN;
    if (noise != NULL)
      noise[i * width + p] = NAN;
  }
}

/* Two learning-rate steps of three substeps, so that the second fails from its second substep on.
 * Returns whether path p is said to have failed, for each. False where the scheme does not take the
 * equation, or solves it without evaluating it. */
static bool run_frail(const struct known_equation *equation, const struct sde_scheme *scheme,
                      enum manner manner, double *x, bool *failed)
{
  struct frail frail = {&equation->system, manner};
  struct sde_system system = equation->system;
  system.context = &frail;
  system.workspace_new = frail_workspace_new;
  system.workspace_free = frail_workspace_free;
  system.failures = frail_failures;
  system.evaluate = frail_evaluate;
  system.own_derivative = NULL;
  struct sde_solution solution = {.system = &system,
                                  .scheme = scheme,
                                  .stream = sde_stream_named(6, "frail"),
                                  .eta = 0.1,
                                  .substeps = 3,
                                  .resolution = 3};
  struct sde_status status = {0};
  if (scheme->exact)
    return false;
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  if (process == NULL)
    return false;
  void *workspace = process->workspace_new(process, WIDTH);
  sde_process_start(process, workspace, system.dim, equation->start, FIRST, WIDTH, x);
  for (uint64_t step = 0; step < 2; step++)
    process->advance(process, workspace, FIRST, WIDTH, step, x);
  for (size_t p = 0; p < WIDTH; p++)
    failed[p] = sde_process_failed(process, workspace, p);
  double anew[KNOWN_DIM * WIDTH];
  sde_process_start(process, workspace, system.dim, equation->start, FIRST, WIDTH, anew);
  for (size_t p = 0; p < WIDTH; p++)
    ck_assert(!sde_process_failed(process, workspace, p));
  process->workspace_free(process, workspace);
  sde_solution_process_free(process);
  return true;
}

/* Every scheme on every equation that it takes: the path that fails ends, also where the system
 * leaves numbers there, and the others keep their bits. Without a report (twin) it is as dead, but
 * nobody says that it has failed. */
START_TEST(no_scheme_carries_a_path_on)
{
  const struct known_equation *equation = &known_equations[_i];
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    double x[MANNERS][KNOWN_DIM * WIDTH];
    bool failed[MANNERS][WIDTH];
    bool taken = true;
    for (size_t m = 0; m < MANNERS; m++)
      taken = taken && run_frail(equation, *scheme, (enum manner)m, x[m], failed[m]);
    for (size_t m = 0; taken && m < MANNERS; m++)
      for (size_t p = 0; p < WIDTH; p++) {
        bool fatal = FIRST + p == FATAL;
        ck_assert_int_eq(failed[m][p], fatal && (m == REPORTED || m == REPORT_ALONE));
        bool dead = false;
        for (size_t i = 0; i < equation->system.dim; i++) {
          dead |= isnan(x[m][i * WIDTH + p]);
          ck_assert(fatal || x[m][i * WIDTH + p] == x[NEVER][i * WIDTH + p]);
        }
        ck_assert_msg(dead == (fatal && m != NEVER), "%s", (*scheme)->name);
      }
  }
}
END_TEST

/* ---- Counted in an ensemble ---- */

/* dX = 3 X dt + 2 dW from 0.5: below zero it has no value, beyond 3 it has diverged. `frail` false
 * asks nobody whether it has a value. */
enum { STEPS = 12, PATHS = 700 };
static const double start = 0.5, bound = 3;

static void *list_new(const struct sde_system *system, size_t width)
{
  (void)system;
  struct sde_failures *failures = sde_alloc(1, sizeof *failures);
  *failures = sde_failures_new(width);
  return failures;
}

static void list_free(void *workspace)
{
  sde_failures_free(workspace);
  sde_free(workspace);
}

static struct sde_failures *list_of(void *workspace)
{
  return workspace;
}

static void positive(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  const bool *frail = system->context;
  (void)at;
  for (size_t p = 0; p < width; p++) {
    bool lost = *frail && x[p] < 0;
    if (lost)
      sde_system_fail(workspace, p);
    drift[p] = lost ? NAN : 3 * x[p];
    noise[p] = lost ? NAN : 2 * dw[p];
  }
}

static void first_coordinate(const void *context, void *workspace, size_t width, const double *x,
                             double *out)
{
  (void)context, (void)workspace;
  memcpy(out, x, width * sizeof *out);
}

static struct sde_ensemble_result run_positive(bool frail, double box, uint64_t first_path,
                                               bool antithetic, size_t width)
{
  static uint64_t all_steps[STEPS + 1];
  struct sde_system system = {.name = "positive",
                              .dim = 1,
                              .noise_dim = 1,
                              .noise = SDE_NOISE_ADDITIVE,
                              .context = &frail,
                              .workspace_new = list_new,
                              .workspace_free = list_free,
                              .failures = list_of,
                              .evaluate = positive};
  struct sde_process *process[2];
  struct sde_status status = {0};
  for (size_t i = 0; i < 2; i++) {
    struct sde_solution solution = {.system = &system,
                                    .scheme = sde_scheme_named("euler-maruyama"),
                                    .stream = {7, 7},
                                    .eta = 0.05,
                                    .substeps = 1,
                                    .resolution = 1,
                                    .negated = i == 1};
    process[i] = sde_solution_process_new(&solution, &status);
  }
  for (uint64_t step = 0; step <= STEPS; step++)
    all_steps[step] = step;
  struct sde_ensemble ensemble = {.paths = PATHS,
                                  .first_path = first_path,
                                  .dim = 1,
                                  .start = &start,
                                  .records = STEPS + 1,
                                  .record_steps = all_steps,
                                  .processes = antithetic ? 2 : 1,
                                  .process = (const struct sde_process *const *)process,
                                  .antithetic = antithetic,
                                  .observables = {.count = 1, .evaluate = first_coordinate},
                                  .bound = box,
                                  .sample_paths = PATHS,
                                  .width = width,
                                  .threads = 2};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  if (!antithetic && frail && first_path == 0) {
    struct sde_ensemble_result parts = sde_replicates_run(&ensemble, 4);
    ck_assert_mem_eq(parts.diverged, result.diverged, (STEPS + 1) * sizeof *parts.diverged);
    ck_assert_mem_eq(parts.failed, result.failed, (STEPS + 1) * sizeof *parts.failed);
    ck_assert_uint_eq(parts.first_divergence[0], result.first_divergence[0]);
    ck_assert_uint_eq(parts.first_diverged[0], result.first_diverged[0]);
    sde_ensemble_result_free(&parts);
  }
  sde_solution_process_free(process[0]);
  sde_solution_process_free(process[1]);
  return result;
}

/* What becomes of a path whose free course is known: the step after which it is dead, and why. */
struct fate {
  uint64_t step;
  bool failed;
};

static struct fate fate_of(const double *samples, size_t path)
{
  for (uint64_t step = 0; step <= STEPS; step++) {
    double x = samples[step * PATHS + path];
    if (fabs(x) > bound)
      return (struct fate){step, false};
    if (x < 0)
      return (struct fate){step + 1, true};
  }
  return (struct fate){UINT64_MAX, false};
}

/* Step by step the ensemble counts as dead, and as failed, what the paths of an equation that has
 * values everywhere say, and names the first. The twin of the latter has no path that fails. */
START_TEST(ensembles_tell_failures_from_divergence)
{
  uint64_t first_path = _i == 0 ? 0 : 4096;
  struct sde_ensemble_result free_course = run_positive(false, 1e6, first_path, false, 0);
  struct sde_ensemble_result result = run_positive(true, bound, first_path, false, SDE_UNIT);
  uint64_t first = UINT64_MAX, number = UINT64_MAX, failures = 0;
  for (uint64_t step = 0; step <= STEPS; step++) {
    uint64_t dead = 0, failed = 0;
    for (size_t p = 0; p < PATHS; p++) {
      struct fate fate = fate_of(free_course.samples, p);
      dead += fate.step <= step;
      failed += fate.step <= step && fate.failed;
      if (fate.step < first || (fate.step == first && first_path + p < number)) {
        first = fate.step;
        number = first_path + p;
      }
    }
    ck_assert_uint_eq(sde_ensemble_diverged(&result, 0, step), dead);
    ck_assert_uint_eq(sde_ensemble_failed(&result, 0, step), failed);
    ck_assert_uint_eq(free_course.failed[step], 0);
    failures = failed;
  }
  ck_assert_uint_gt(failures, PATHS / 10);
  ck_assert_uint_gt(sde_ensemble_diverged(&result, 0, STEPS), failures + PATHS / 10);
  ck_assert_uint_eq(sde_ensemble_first_divergence(&result, 0), first);
  ck_assert_uint_eq(sde_ensemble_first_diverged(&result, 0), number);
  ck_assert_uint_eq(free_course.first_diverged[0], UINT64_MAX);
  sde_ensemble_result_free(&result);
  sde_ensemble_result_free(&free_course);
}
END_TEST

/* A pair has failed where either of its paths has, and diverges with the first of them. */
START_TEST(a_pair_fails_with_either)
{
  struct sde_ensemble_result free_course = run_positive(false, 1e6, 0, true, 0);
  struct sde_ensemble_result pairs = run_positive(true, bound, 0, true, 0);
  /* The samples of the first process are means of pairs. */
  const double *partner = free_course.samples + (STEPS + 1) * PATHS;
  double *own = sde_alloc((STEPS + 1) * PATHS, sizeof *own);
  for (size_t i = 0; i < (STEPS + 1) * PATHS; i++)
    own[i] = 2 * free_course.samples[i] - partner[i];
  uint64_t dead = 0, failed = 0, partners = 0, first = UINT64_MAX;
  for (size_t p = 0; p < PATHS; p++) {
    struct fate one = fate_of(own, p), other = fate_of(partner, p);
    bool one_dead = one.step <= STEPS, other_dead = other.step <= STEPS;
    dead += one_dead || other_dead;
    failed += (one_dead && one.failed) || (other_dead && other.failed);
    partners += other_dead && other.failed;
    uint64_t earlier = one.step < other.step ? one.step : other.step;
    first = earlier < first ? earlier : first;
  }
  ck_assert_uint_eq(pairs.diverged[STEPS], dead);
  ck_assert_uint_eq(pairs.failed[STEPS], failed);
  ck_assert_uint_eq(pairs.failed[2 * STEPS + 1], partners);
  ck_assert_uint_gt(failed, partners);
  ck_assert_uint_eq(pairs.first_divergence[0], first);
  sde_free(own);
  sde_ensemble_result_free(&pairs);
  sde_ensemble_result_free(&free_course);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("path_failure");
  TCase *schemes = testing_case(suite, "schemes");
  tcase_add_loop_test(schemes, no_scheme_carries_a_path_on, 0, KNOWN_EQUATIONS);
  TCase *ensembles = testing_case(suite, "ensembles");
  tcase_add_loop_test(ensembles, ensembles_tell_failures_from_divergence, 0, 2);
  tcase_add_test(ensembles, a_pair_fails_with_either);
  return testing_run(suite);
}
