/*
 * Task check: seconds and memory of the command on large data: `check`, and a run of one step, which
 * is reading, choosing the forms, and writing.
 */
#define _DEFAULT_SOURCE /* wait4 */
#include "bench/measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *create(const char *folder, const char *name)
{
  char path[100];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    fprintf(stderr, "bench: %s cannot be written\n", path);
    exit(1);
  }
  return file;
}

/* Rows of pseudo-random features of three digits, and a target of 0 and 1. */
static void write_data(const char *folder, size_t rows, size_t features)
{
  uint32_t state = 1;
  FILE *csv = create(folder, "d.csv");
  for (size_t j = 0; j < features; j++)
    fprintf(csv, "c%zu,", j);
  fprintf(csv, "y\n");
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < features; j++) {
      state = 1664525 * state + 1013904223;
      fprintf(csv, "%u,", (state >> 16) % 1000);
    }
    fprintf(csv, "%zu\n", i % 2);
  }
  fclose(csv);
}

static void write_recipe(const char *folder, const char *loss)
{
  FILE *recipe = create(folder, "r.yaml");
  fprintf(recipe,
          "study: compare\nloss: {name: %s, data: d.csv, target: y}\nbatch: 8\neta: 0.01\n"
          "rho: 0.05\ntime: 0.01\noptimizers: [{name: m-usam, micro_batch: 4}]\npaths: 16\n"
          "sde: {substeps: 1}\nrecords: 1\n",
          loss);
  fclose(recipe);
}

/* In the folder, without a drawing program, whose time is not the command's. */
static void measure(const struct bench *bench, const char *folder, const char *size,
                    const char *const *words)
{
  fflush(NULL);
  double begun = seconds_now();
  pid_t child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
        chdir(folder) == 0 && setenv("PATH", "/none", 1) == 0)
      execv(words[0], (char *const *)words);
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
    fprintf(stderr, "bench: %s %s failed on %s\n", words[0], words[1], size);
    exit(1);
  }
  char variant[80];
  snprintf(variant, sizeof variant, "%s %s", words[1], size);
  row(bench, "check", variant, bench->threads, seconds_now() - begun, "s", 0, 0);
  row(bench, "check", variant, bench->threads, 1.024e-3 * (double)usage.ru_maxrss, "MB", 0, 0);
}

void bench_check(const struct bench *bench)
{
  static const struct {
    const char *name, *loss;
    size_t rows, features;
  } sizes[] = {{"1e6 rows of 3", "logistic", 1000000, 3},
               {"200 rows of 5000", "linear-regression", 200, 5000},
               {"600 rows of 300", "linear-regression", 600, 300},
               {"40 rows of 80", "linear-regression", 40, 80}};
  char binary[4096], command[64], folder[] = "/tmp/sharpsde-bench-XXXXXX";
  snprintf(binary, sizeof binary, "%s/../sharpsde", bench->baselines);
  char *program = realpath(binary, NULL);
  if (program == NULL || mkdtemp(folder) == NULL) {
    fprintf(stderr, "bench: no %s, or no folder in /tmp\n", binary);
    exit(1);
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    write_data(folder, sizes[i].rows, sizes[i].features);
    write_recipe(folder, sizes[i].loss);
    measure(bench, folder, sizes[i].name, (const char *[]){program, "check", "r.yaml", NULL});
    measure(bench, folder, sizes[i].name,
            (const char *[]){program, "run", "r.yaml", "-o", "out", "--force", "--quiet", NULL});
  }
  free(program);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (system(command) != 0)
    fprintf(stderr, "bench: %s is left\n", folder);
}
