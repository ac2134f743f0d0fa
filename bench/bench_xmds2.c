/*
 * The benchmark beside XMDS2, where that is installed: T1 and T1b by its Euler scheme, from
 * bench/t1.xmds and bench/t1b.xmds, on as many MPI ranks as the engine has threads.
 */
#include "bench/measure.h"

#include <stdlib.h>
#include <unistd.h>

/* As in the files. */
enum { XMDS2_PATHS = 16384, XMDS2_STEPS = 1000 };

static void xmds2_missing(const char *what)
{
  printf("xmds2: %s; T1 and T1b by XMDS2 are left out\n", what);
}

/* Path-steps a second of a compiled simulation, its start by mpirun included. */
static double xmds2_speed(const char *directory, const char *task, int ranks)
{
  char command[512];
  snprintf(command, sizeof command,
           "cd %s && OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
           "mpirun --oversubscribe -n %d ./%s >log 2>&1",
           directory, ranks, task);
  double begun = seconds_now();
  if (system(command) != 0) {
    fprintf(stderr, "bench: %s failed\n", command);
    exit(1);
  }
  return (double)XMDS2_PATHS * XMDS2_STEPS / (seconds_now() - begun);
}

static void beside(const struct bench *bench, const char *directory, const char *task,
                   double (*engine)(uint64_t, uint64_t, int))
{
  double theirs[ROUNDS], ours[ROUNDS], ratio[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    ours[i] = engine(XMDS2_PATHS, XMDS2_STEPS, bench->threads);
    theirs[i] = xmds2_speed(directory, task, bench->threads);
    ratio[i] = ours[i] / theirs[i];
  }
  char variant[64];
  snprintf(variant, sizeof variant, "%s by xmds2", task);
  row(bench, "xmds2", variant, bench->threads, 1e-6 * median(theirs, ROUNDS),
      "million path-steps/s", 0, 0);
  snprintf(variant, sizeof variant, "%s by the engine", task);
  row(bench, "xmds2", variant, bench->threads, median(ratio, ROUNDS), "times xmds2", 0, 0);
}

void bench_xmds2(const struct bench *bench)
{
  if (system("command -v xmds2 mpirun >/dev/null") != 0) {
    xmds2_missing("it is not installed");
    return;
  }
  char directory[] = "/tmp/sharpsde-xmds2-XXXXXX", command[512];
  if (mkdtemp(directory) == NULL) {
    xmds2_missing("no temporary directory");
    return;
  }
  snprintf(command, sizeof command,
           "cp bench/t1.xmds bench/t1b.xmds %s && cd %s && xmds2 t1.xmds >log 2>&1 && "
           "xmds2 t1b.xmds >log 2>&1",
           directory, directory);
  if (system(command) == 0) {
    beside(bench, directory, "t1", t1_speed);
    beside(bench, directory, "t1b", t1b_speed);
  } else {
    xmds2_missing("it did not compile bench/t1.xmds and bench/t1b.xmds");
  }
  snprintf(command, sizeof command, "rm -rf %s", directory);
  if (system(command) != 0)
    fprintf(stderr, "bench: %s was left behind\n", directory);
}
