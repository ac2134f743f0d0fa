/*
 * Ranks of a program built without MPI: one. See ranks.h.
 */
#include "sde/ranks.h"
#include "sde/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What launchers tell each of the processes that they start: how many, and which. Open MPI's
 * daemons are themselves a step of Slurm's, whose numbers their processes inherit, so that the
 * first launcher that is found is the one. PMIx tells which alone. */
static const struct {
  const char *size, *rank;
} launchers[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                 {"PMI_SIZE", "PMI_RANK"},
                 {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},
                 {NULL, "PMIX_RANK"}};

/* Ends a process that is one of several; where their number is not known rank 0 goes on, and rank 1
 * says it for the others. */
static void end_one_of(const char *size, long rank)
{
  if (size == NULL ? rank < 1 : atol(size) < 2)
    return;
  bool speaks = rank == (size == NULL);
  if (speaks)
    fprintf(stderr,
            "sharpsde: one of %s processes of an MPI job, but built without MPI; `make MPI=1` "
            "builds it with it\n",
            size == NULL ? "several" : size);
  else /* a launcher ends all as the first one ends, so that one must have spoken */
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
  exit(SDE_INVALID);
}

/* Several of this program would do the same work and write over each other. */
void sde_ranks_begin(void)
{
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
    const char *size = launchers[i].size == NULL ? NULL : getenv(launchers[i].size);
    const char *rank = getenv(launchers[i].rank);
    if (rank == NULL || (launchers[i].size != NULL && size == NULL))
      continue;
    end_one_of(size, atol(rank));
    return;
  }
}

void sde_ranks_alone(void)
{
}

void sde_ranks_end(void)
{
}

size_t sde_ranks_count(void)
{
  return 1;
}

size_t sde_ranks_rank(void)
{
  return 0;
}

bool sde_ranks_agree(struct sde_status *status)
{
  return status->code == SDE_OK;
}

size_t sde_ranks_differing(const void *data, size_t bytes)
{
  (void)data, (void)bytes;
  return 0;
}

void sde_ranks_gather(uint64_t mine, uint64_t *all)
{
  all[0] = mine;
}

void sde_ranks_reduce(void *context, uint64_t *(*pack)(void *context, size_t *words),
                      void (*merge)(void *context, const uint64_t *later))
{
  (void)context, (void)pack, (void)merge;
}

void sde_ranks_broadcast(void *data, size_t words)
{
  (void)data, (void)words;
}

void sde_ranks_share(double *rows, size_t count, size_t length, const uint64_t *first)
{
  (void)rows, (void)count, (void)length, (void)first;
}

_Noreturn void sde_ranks_stop(const char *sentence)
{
  fprintf(stderr, "sharpsde: %s\n", sentence);
  exit(SDE_FAILED);
}
