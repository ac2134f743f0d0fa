/*
 * The benchmark: the engine beside plain C and beside its own normals, in interleaved pairs on the
 * same threads. Prints ratios and appends rows to a CSV file; it judges nothing.
 */
#include "bench/measure.h"
#include "sde/system.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STEPS = 1000, PATHS = 8192 };

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

static void bench_threads(const struct bench *bench)
{
  double ratio[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    double one = t1_speed(PATHS, STEPS, 1);
    ratio[i] = t1_speed(PATHS, STEPS, bench->threads) / one;
  }
  row(bench, "threads", "t1", bench->threads, median(ratio, ROUNDS), "times one thread", 0, 0);
}

/* Peak memory of a child that runs few steps of many paths; the system reports the largest child
 * so far, so small runs come first. */
static double peak_megabytes(uint64_t paths, uint64_t steps, int threads)
{
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    t1_speed(paths, steps, threads);
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
  row(bench, "memory", "1e5 paths", bench->threads, peak_megabytes(100000, 4, bench->threads), "MB",
      0, 0);
  row(bench, "memory", "1e8 paths", bench->threads, peak_megabytes(100000000, 1, bench->threads),
      "MB", 0, 0);
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

/* Few paths first: bench_memory sees the largest run so far. */
static const struct task {
  const char *name;
  void (*run)(const struct bench *bench);
} tasks[] = {{"memory", bench_memory}, {"t1", bench_t1},         {"t1b", bench_t1b},
             {"t2", bench_t2},         {"xmds2", bench_xmds2},   {"threads", bench_threads},
             {"update", bench_update}, {"factor", bench_factor}, {"formula", bench_formula},
             {"ranks", bench_ranks},   {"check", bench_check}};

/* Without names all, but that for which the program must be built with MPI. */
static bool asked_for(const struct task *task, int count, char **names)
{
  for (int i = 0; i < count; i++)
    if (strcmp(names[i], task->name) == 0)
      return true;
  return count == 0 && task->run != bench_ranks;
}

int main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], "--rank") == 0)
    return rank_of_bench();
  if (argc < 5 || strcmp(argv[1], "--csv") != 0 || strcmp(argv[3], "--baselines") != 0) {
    fprintf(stderr, "usage: bench --csv FILE --baselines DIRECTORY [TASK...]\n");
    return 2;
  }
  struct bench bench = {.baselines = argv[4], .threads = omp_get_max_threads()};
  double total, stolen, total_end, stolen_end;
  open_bench(&bench, argv[2]);
  processor_ticks(&total, &stolen);
  for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
    if (asked_for(&tasks[i], argc - 5, argv + 5))
      tasks[i].run(&bench);
  processor_ticks(&total_end, &stolen_end);
  printf("medians of %d interleaved rounds; %.1f %% of processor time was stolen\n", ROUNDS,
         100 * (stolen_end - stolen) / (total_end - total));
  return fclose(bench.csv) == 0 ? 0 : 1;
}
