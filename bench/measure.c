/*
 * Measuring: see measure.h.
 */
#include "bench/measure.h"

#include "sde/ensemble.h"
#include "sde/random.h"
#include "sde/statistics.h"
#include "sde/status.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Paths in a block of normals: as many as the engine takes in ten dimensions with a first-level
 * cache of 32 KB. */
enum { WIDTH = 64 };

double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double median(const double *values, size_t count)
{
  double sorted[ROUNDS];
  return sorted[sde_sorted(count, values, sorted) / 2];
}

/* The columns that all rows have. */
static void begin_row(const struct bench *bench, const char *task, const char *variant, int threads,
                      int ranks, double value, const char *unit)
{
  fprintf(bench->csv, "%s,%s,%s,%s,%d,%d,%.6g,%s,", bench->date, bench->commit, task, variant,
          threads, ranks, value, unit);
  printf("%-9s %-22s %2d %-7s  %10.4g %-22s", task, variant, ranks > 1 ? ranks : threads,
         ranks > 1 ? "ranks" : "threads", value, unit);
}

void row(const struct bench *bench, const char *task, const char *variant, int threads,
         double value, const char *unit, double to_plain, double to_floor)
{
  begin_row(bench, task, variant, threads, 1, value, unit);
  if (to_plain > 0)
    fprintf(bench->csv, "%.4g", to_plain);
  fputc(',', bench->csv);
  if (to_floor > 0)
    fprintf(bench->csv, "%.4g", to_floor);
  fputc('\n', bench->csv);
  if (to_plain > 0)
    printf("  %6.2f x plain C", to_plain);
  if (to_floor > 0)
    printf("  %5.2f of the normals alone", to_floor);
  putchar('\n');
}

void row_of_ranks(const struct bench *bench, const char *task, const char *variant, int ranks,
                  double value, const char *unit)
{
  begin_row(bench, task, variant, 1, ranks, value, unit);
  fputs(",\n", bench->csv);
  putchar('\n');
}

double baseline_speed(const struct bench *bench, const char *program, uint64_t paths,
                      uint64_t steps, int threads)
{
  char command[512];
  snprintf(command, sizeof command, "%s/%s %llu %llu %d", bench->baselines, program,
           (unsigned long long)paths, (unsigned long long)steps, threads);
  FILE *pipe = popen(command, "r");
  double seconds = 0, speed = 0;
  if (pipe == NULL ||
      fscanf(pipe, "seconds %lf million-path-steps-per-second %lf", &seconds, &speed) != 2) {
    fprintf(stderr, "bench: %s gave no speed\n", command);
    exit(1);
  }
  pclose(pipe);
  return 1e6 * speed;
}

static void observe_first(const void *context, void *workspace, size_t width, const double *x,
                          double *out)
{
  (void)context, (void)workspace;
  memcpy(out, x, width * sizeof *out);
}

double process_speed(const struct sde_process *process, double start, uint64_t paths,
                     uint64_t steps, int threads)
{
  double *starts = sde_alloc(process->dim, sizeof *starts);
  for (size_t i = 0; i < process->dim; i++)
    starts[i] = start;
  struct sde_ensemble ensemble = {.paths = paths,
                                  .dim = process->dim,
                                  .start = starts,
                                  .records = 1,
                                  .record_steps = &steps,
                                  .processes = 1,
                                  .process = &process,
                                  .observables = {.count = 1, .evaluate = observe_first},
                                  .bound = 1e10,
                                  .threads = threads};
  double begun = seconds_now();
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  double elapsed = seconds_now() - begun;
  if (!(sde_moments_variance(sde_ensemble_moments(&result, 0, 0, 0)) > 0))
    abort();
  sde_ensemble_result_free(&result);
  sde_free(starts);
  return (double)paths * (double)steps / elapsed;
}

double solution_speed(const struct sde_system *system, const char *scheme, double start, double dt,
                      uint64_t paths, uint64_t steps, int threads)
{
  struct sde_status status = {SDE_OK, ""};
  struct sde_solution solution = {.system = system,
                                  .scheme = sde_scheme_named(scheme),
                                  .stream = sde_stream_named(1, "bench"),
                                  .eta = dt * (double)steps,
                                  .substeps = steps,
                                  .resolution = steps};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  if (process == NULL)
    abort();
  double speed = process_speed(process, start, paths, 1, threads) * (double)steps;
  sde_solution_process_free(process);
  return speed;
}

double normals_speed(size_t lanes, uint64_t paths, uint64_t steps, int threads)
{
  double begun = seconds_now();
#pragma omp parallel num_threads(threads)
  {
    double *z = sde_alloc(lanes * WIDTH, sizeof *z), sum = 0;
#pragma omp for schedule(dynamic, 1)
    for (uint64_t first = 0; first < paths; first += WIDTH) {
      struct sde_address at = {{1, 1}, first, 0};
      for (; at.step < steps; at.step++) {
        sde_random_normals(&at, WIDTH, lanes, z);
        sum += z[0];
      }
    }
    if (sum == 0)
      abort();
    sde_free(z);
  }
  return (double)paths * (double)steps / (seconds_now() - begun);
}
