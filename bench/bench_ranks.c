/*
 * The benchmark of ranks: T1 on two ranks of one thread beside one, in interleaved pairs. Each run
 * is its own job; its time begins where all ranks have begun, and ends with the result.
 */
#include "bench/measure.h"
#include "sde/ranks.h"
#include "sde/status.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 1000, PATHS = 16384 };

/* Ends the program where no job can be started. The variables are Open MPI's; other launchers
 * do not know them. On a machine with other work Linux shares processors out to sessions: in one of
 * its own, by setsid(1), a rank gets what one alone gets, and not half of it. */
static double speed_of_job(const struct bench *bench, int ranks)
{
  char command[512];
  snprintf(
      command, sizeof command,
      "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
      "OMPI_MCA_rmaps_base_oversubscribe=1 mpirun -n %d --bind-to none setsid -w %s/bench --rank",
      ranks, bench->baselines);
  FILE *job = popen(command, "r");
  double speed = 0;
  if (job == NULL || fscanf(job, "path-steps-per-second %lf", &speed) != 1 || pclose(job) != 0) {
    fprintf(stderr, "bench: %s gave no speed\n", command);
    exit(1);
  }
  return speed;
}

void bench_ranks(const struct bench *bench)
{
  enum { MOST = 2 };
  double ratio[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    double one = speed_of_job(bench, 1);
    ratio[i] = speed_of_job(bench, MOST) / one;
  }
  row_of_ranks(bench, "ranks", "t1", MOST, median(ratio, ROUNDS), "times one rank");
}

int rank_of_bench(void)
{
  sde_ranks_begin();
  uint64_t *begun = sde_alloc(sde_ranks_count(), sizeof *begun);
  sde_ranks_gather(0, begun);
  double speed = t1_speed(PATHS, STEPS, 1);
  sde_free(begun);
  if (sde_ranks_rank() == 0)
    printf("path-steps-per-second %.9g\n", speed);
  sde_ranks_end();
  return 0;
}
