/*
 * The benchmark: the engine beside plain C and beside its own normals, in interleaved pairs on the
 * same threads. Prints ratios and appends rows to a CSV file; it judges nothing.
 */
#include "bench/linear10.h"
#include "models/limit.h"
#include "sde/ensemble.h"
#include "sde/vector_math.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 7, STEPS = 1000, PATHS = 8192, WIDTH = 32 };

struct bench {
  FILE *csv;
  char date[32], commit[64];
  const char *plain;
  int threads;
};

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Ticks of all processors, and those that a hypervisor gave to others. */
static void processor_ticks(double *total, double *stolen)
{
  double tick[8] = {0};
  FILE *stat = fopen("/proc/stat", "r");
  *total = *stolen = 0;
  if (stat == NULL)
    return;
  if (fscanf(stat, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &tick[0], &tick[1], &tick[2], &tick[3],
             &tick[4], &tick[5], &tick[6], &tick[7]) == 8)
    *stolen = tick[7];
  for (size_t i = 0; i < 8; i++)
    *total += tick[i];
  fclose(stat);
}

static int compare_doubles(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(const double *values, size_t count)
{
  double sorted[ROUNDS];
  memcpy(sorted, values, count * sizeof *values);
  qsort(sorted, count, sizeof *sorted, compare_doubles);
  return sorted[count / 2];
}

static void row(const struct bench *bench, const char *task, const char *variant, int threads,
                double value, const char *unit, double to_plain, double to_floor)
{
  fprintf(bench->csv, "%s,%s,%s,%s,%d,1,%.6g,%s,", bench->date, bench->commit, task, variant,
          threads, value, unit);
  if (to_plain > 0)
    fprintf(bench->csv, "%.4g", to_plain);
  fputc(',', bench->csv);
  if (to_floor > 0)
    fprintf(bench->csv, "%.4g", to_floor);
  fputc('\n', bench->csv);
  printf("%-9s %-22s %2d threads  %10.4g %-22s", task, variant, threads, value, unit);
  if (to_plain > 0)
    printf("  %6.2f x plain C", to_plain);
  if (to_floor > 0)
    printf("  %5.2f of the normals alone", to_floor);
  putchar('\n');
}

static void observe_state(const void *context, void *workspace, size_t width, const double *x,
                          double *out)
{
  (void)context, (void)workspace;
  memcpy(out, x, LINEAR10_DIM * width * sizeof *out);
}

/* Path-steps a second of the linear SDE through the public engine. */
static double engine_speed(uint64_t paths, uint64_t steps, int threads)
{
  double a[LINEAR10_DIM * LINEAR10_DIM], s[LINEAR10_DIM * LINEAR10_DIM], start[LINEAR10_DIM];
  for (size_t i = 0; i < LINEAR10_DIM; i++) {
    start[i] = linear10_start;
    for (size_t j = 0; j < LINEAR10_DIM; j++) {
      a[i * LINEAR10_DIM + j] = linear10_rate(i, j);
      s[i * LINEAR10_DIM + j] = linear10_noise(i, j);
    }
  }
  struct sde_status status = {SDE_OK, ""};
  struct sde_system *system = sde_linear_system_new(LINEAR10_DIM, LINEAR10_DIM, a, NULL, s);
  struct sde_solution solution = {.system = system,
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(1, "bench"),
                                  .eta = linear10_time_step * (double)steps,
                                  .substeps = steps,
                                  .resolution = steps};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  uint64_t record = 1;
  struct sde_ensemble ensemble = {.paths = paths,
                                  .dim = LINEAR10_DIM,
                                  .start = start,
                                  .records = 1,
                                  .record_steps = &record,
                                  .processes = 1,
                                  .process = (const struct sde_process *const *)&process,
                                  .observables = {.count = LINEAR10_DIM, .evaluate = observe_state},
                                  .bound = 1e10,
                                  .threads = threads};
  double begun = seconds_now();
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  double elapsed = seconds_now() - begun;
  if (!(sde_moments_variance(result.moments[0]) > 0))
    abort();
  sde_ensemble_result_free(&result);
  sde_solution_process_free(process);
  sde_linear_system_free(system);
  return (double)paths * (double)steps / elapsed;
}

/* The floor: the normals of as many path-steps, and nothing else. */
static double normals_speed(uint64_t paths, uint64_t steps, int threads)
{
  double begun = seconds_now();
#pragma omp parallel num_threads(threads)
  {
    double *z = sde_alloc(LINEAR10_DIM * WIDTH, sizeof *z), sum = 0;
#pragma omp for schedule(dynamic, 1)
    for (uint64_t first = 0; first < paths; first += WIDTH) {
      struct sde_address at = {{1, 1}, first, 0};
      for (; at.step < steps; at.step++) {
        sde_random_normals(&at, WIDTH, LINEAR10_DIM, z);
        sum += z[0];
      }
    }
    if (sum == 0)
      abort();
    sde_free(z);
  }
  return (double)paths * (double)steps / (seconds_now() - begun);
}

/* Path-steps a second that the baseline program prints of itself. */
static double plain_speed(const struct bench *bench, uint64_t paths, uint64_t steps, int threads)
{
  char command[512];
  snprintf(command, sizeof command, "%s %llu %llu %d", bench->plain, (unsigned long long)paths,
           (unsigned long long)steps, threads);
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

/* T1: the linear SDE beside plain C and the normals alone, on the same threads in turn. */
static void bench_t1(const struct bench *bench)
{
  double ours[ROUNDS], plain[ROUNDS], floor[ROUNDS], to_plain[ROUNDS], to_floor[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    ours[i] = engine_speed(PATHS, STEPS, bench->threads);
    plain[i] = plain_speed(bench, PATHS, STEPS, bench->threads);
    floor[i] = normals_speed(PATHS, STEPS, bench->threads);
    to_plain[i] = ours[i] / plain[i];
    to_floor[i] = ours[i] / floor[i];
  }
  row(bench, "t1", "plain-c", bench->threads, 1e-6 * median(plain, ROUNDS), "million path-steps/s",
      1, 0);
  row(bench, "t1", "engine", bench->threads, 1e-6 * median(ours, ROUNDS), "million path-steps/s",
      median(to_plain, ROUNDS), median(to_floor, ROUNDS));
  row(bench, "normals", sde_vector_math()->name, bench->threads,
      1e9 * bench->threads / (LINEAR10_DIM * median(floor, ROUNDS)), "ns a normal and thread", 0,
      0);
}

static void bench_threads(const struct bench *bench)
{
  double ratio[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    double one = engine_speed(PATHS, STEPS, 1);
    ratio[i] = engine_speed(PATHS, STEPS, bench->threads) / one;
  }
  row(bench, "threads", "t1", bench->threads, median(ratio, ROUNDS), "times one thread", 0, 0);
}

/* Peak memory of a child that runs few steps of many paths; the system reports the largest child
 * so far, so small runs come first. */
static double peak_megabytes(uint64_t paths, int threads)
{
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    engine_speed(paths, 4, threads);
    _exit(0);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    fprintf(stderr, "bench: the memory run failed\n");
    exit(1);
  }
  struct rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  return (double)usage.ru_maxrss / 1024;
}

static void bench_memory(const struct bench *bench)
{
  row(bench, "memory", "1e5 paths", bench->threads, peak_megabytes(100000, bench->threads), "MB", 0,
      0);
  row(bench, "memory", "1e7 paths", bench->threads, peak_megabytes(10000000, bench->threads), "MB",
      0, 0);
}

/* Microseconds a path and evaluation of m-USAM's SDE on n samples in d dimensions, with this noise
 * factor: synthetic quadratics would do as well; these are least squares on random rows. */
static double factor_microseconds(const struct objective *objective, enum noise_factor factor)
{
  struct optimizer optimizer = {.type = optimizer_type_named("m-usam"),
                                .objective = objective,
                                .eta = 0.1,
                                .rho = 0.1,
                                .batch = 8,
                                .micro_batch = 4};
  struct limit_options options = {
      .eta_order = 1, .rho_order = RHO_ORDER_1, .variance_term = true, .factor = factor};
  struct sde_status status = {SDE_OK, ""};
  struct limit *limit =
      limit_new(&optimizer, &options, sde_stream_named(1, "factor"), "bench", &status);
  struct sde_solution solution = {.system = limit_system(limit),
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(1, "factor"),
                                  .eta = 0.001,
                                  .substeps = 1,
                                  .resolution = 1};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  void *workspace = process->workspace_new(process, WIDTH);
  double *x = sde_alloc(process->dim * WIDTH, sizeof *x);
  uint64_t steps = 0;
  double begun = seconds_now(), elapsed;
  do {
    process->advance(process, workspace, 0, WIDTH, steps++, x);
    elapsed = seconds_now() - begun;
  } while (elapsed < 0.1);
  process->workspace_free(process, workspace);
  sde_free(x);
  sde_solution_process_free(process);
  limit_free(limit);
  return 1e6 * elapsed / ((double)steps * WIDTH);
}

/* A least-squares objective on n rows of d - 1 random features and an intercept, by way of a
 * temporary CSV file. */
static struct objective *random_objective(size_t n, size_t d)
{
  char file[] = "/tmp/sharpsde-bench-XXXXXX";
  FILE *csv = fdopen(mkstemp(file), "w");
  double z[64 * 8];
  for (size_t j = 0; j < d; j++)
    fprintf(csv, "c%zu%c", j, j + 1 < d ? ',' : '\n');
  for (size_t i = 0; i < n; i++) {
    struct sde_address at = {{1, 1}, i, 0};
    sde_random_normals(&at, 8, d, z);
    for (size_t j = 0; j < d; j++)
      fprintf(csv, "%.6f%c", z[j * 8], j + 1 < d ? ',' : '\n');
  }
  fclose(csv);
  static const double yes = 1, no = 0;
  const char *path = file, *sampling = "with-replacement";
  struct parameters *parameters = parameters_new(), *noise = parameters_new();
  parameters_add_texts(parameters, "data", 1, &path, "bench");
  parameters_add_numbers(parameters, "standardize", 1, &no, "bench");
  parameters_add_numbers(parameters, "intercept", 1, &yes, "bench");
  parameters_add_numbers(parameters, "ridge", 1, &no, "bench");
  parameters_add_numbers(parameters, "standardize_target", 1, &no, "bench");
  parameters_add_texts(noise, "sampling", 1, &sampling, "bench");
  struct sde_status status = {SDE_OK, ""};
  struct loss *loss = loss_new(loss_type_named("linear-regression"), parameters, &status);
  struct objective *objective = objective_new(loss, noise, NULL, &status);
  unlink(file);
  parameters_free(parameters);
  parameters_free(noise);
  return objective;
}

static void bench_factor(const struct bench *bench)
{
  static const size_t sizes[][2] = {{442, 2}, {442, 4}, {442, 6}, {442, 11}, {569, 31}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct objective *objective = random_objective(sizes[i][0], sizes[i][1]);
    double columns[ROUNDS], cholesky[ROUNDS];
    for (size_t j = 0; j < ROUNDS; j++) {
      columns[j] = factor_microseconds(objective, FACTOR_COLUMNS);
      cholesky[j] = factor_microseconds(objective, FACTOR_CHOLESKY);
    }
    char variant[64];
    snprintf(variant, sizeof variant, "columns n=%zu d=%zu", sizes[i][0], sizes[i][1]);
    row(bench, "factor", variant, 1, median(columns, ROUNDS), "us a path and step", 0, 0);
    snprintf(variant, sizeof variant, "cholesky n=%zu d=%zu", sizes[i][0], sizes[i][1]);
    row(bench, "factor", variant, 1, median(cholesky, ROUNDS), "us a path and step", 0, 0);
    loss_free((struct loss *)objective->loss);
    objective_free(objective);
  }
}

/* The valley as built in, and as a formula. */
static struct loss *valley_loss(bool formula)
{
  static const double samples = 16, deviation = 1;
  static const char *const expression = "0.5*(u*v - 1 - e)^2", *const names[] = {"u", "v"},
                           *const noise = "e";
  struct sde_status status = {SDE_OK, ""};
  struct parameters *parameters = parameters_new();
  parameters_add_numbers(parameters, "samples", 1, &samples, "bench");
  if (formula) {
    parameters_add_texts(parameters, "expression", 1, &expression, "bench");
    parameters_add_texts(parameters, "parameters", 2, names, "bench");
    parameters_add_texts(parameters, "sample_parameters", 1, &noise, "bench");
  } else {
    parameters_add_numbers(parameters, "standard_deviation", 1, &deviation, "bench");
  }
  const char *name = formula ? "formula" : "valley";
  struct loss *loss = loss_new(loss_type_named(name), parameters, &status);
  parameters_free(parameters);
  if (loss == NULL)
    abort();
  return loss;
}

/* Evaluations a second on one thread of the value (0), the gradient (1) or the Hessian-vector
 * product (2), a sample a path. */
static double loss_speed(const struct loss *loss, int what)
{
  enum { CALLS = 400000 };
  struct sde_address at = {{1, 1}, 0, 0};
  double x[4 * WIDTH], out[2 * WIDTH];
  uint32_t index[WIDTH];
  sde_random_normals(&at, WIDTH, 4, x);
  sde_random_indices(&at, WIDTH, 1, (uint32_t)loss->samples, index);
  struct loss_samples samples = {index, 1};
  double begun = seconds_now();
  for (size_t i = 0; i < CALLS; i++) {
    if (what == 0)
      loss->type->value(loss, WIDTH, samples, x, out);
    else if (what == 1)
      loss->type->gradient(loss, WIDTH, samples, x, out);
    else
      loss->type->hessian_vector(loss, WIDTH, samples, x, x + 2 * WIDTH, out);
  }
  return CALLS * (double)WIDTH / (seconds_now() - begun);
}

static void bench_formula(const struct bench *bench)
{
  static const char *const what[] = {"value", "gradient", "hessian-vector"};
  struct loss *valley = valley_loss(false), *formula = valley_loss(true);
  for (int k = 0; k < 3; k++) {
    double built_in[ROUNDS], own[ROUNDS], ratio[ROUNDS];
    char variant[64];
    for (size_t i = 0; i < ROUNDS; i++) {
      built_in[i] = loss_speed(valley, k);
      own[i] = loss_speed(formula, k);
      ratio[i] = own[i] / built_in[i];
    }
    snprintf(variant, sizeof variant, "valley %s", what[k]);
    row(bench, "built-in", variant, 1, 1e-6 * median(built_in, ROUNDS), "million a second", 0, 0);
    row(bench, "formula", variant, 1, 1e-6 * median(own, ROUNDS), "million a second", 0, 0);
    row(bench, "formula", variant, 1, median(ratio, ROUNDS), "of the built-in", 0, 0);
  }
  loss_free(valley);
  loss_free(formula);
}

static void open_bench(struct bench *bench, const char *csv)
{
  time_t now = time(NULL);
  struct tm utc;
  strftime(bench->date, sizeof bench->date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  FILE *git = popen("git rev-parse --short HEAD 2>/dev/null", "r");
  if (git == NULL || fscanf(git, "%63s", bench->commit) != 1)
    snprintf(bench->commit, sizeof bench->commit, "unknown");
  if (git != NULL)
    pclose(git);
  bool fresh = access(csv, F_OK) != 0;
  bench->csv = fopen(csv, "a");
  if (bench->csv == NULL) {
    fprintf(stderr, "bench: %s cannot be written\n", csv);
    exit(1);
  }
  if (fresh)
    fprintf(bench->csv, "date,commit,task,variant,threads,ranks,value,unit,ratio_to_plain_c,"
                        "ratio_to_floor\n");
}

int main(int argc, char **argv)
{
  if (argc != 5 || strcmp(argv[1], "--csv") != 0 || strcmp(argv[3], "--plain") != 0) {
    fprintf(stderr, "usage: bench --csv FILE --plain PLAIN_C\n");
    return 2;
  }
  struct bench bench = {.plain = argv[4], .threads = omp_get_max_threads()};
  double total, stolen, total_end, stolen_end;
  open_bench(&bench, argv[2]);
  processor_ticks(&total, &stolen);
  bench_memory(&bench);
  bench_t1(&bench);
  bench_threads(&bench);
  bench_factor(&bench);
  bench_formula(&bench);
  processor_ticks(&total_end, &stolen_end);
  printf("medians of %d interleaved rounds; %.1f %% of processor time was stolen\n", ROUNDS,
         100 * (stolen_end - stolen) / (total_end - total));
  return fclose(bench.csv) == 0 ? 0 : 1;
}
