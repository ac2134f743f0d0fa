/*
 * Ranks of a program built without MPI: one. See ranks.h.
 */
#include "sde/ranks.h"

#include <stdio.h>
#include <stdlib.h>

/* What launchers tell each of the processes that they start: how many, and which. */
static const char *const launchers[][2] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                           {"PMI_SIZE", "PMI_RANK"}};

/* Several of this program would do the same work and write over each other. */
void sde_ranks_begin(void)
{
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
    const char *size = getenv(launchers[i][0]), *rank = getenv(launchers[i][1]);
    if (size == NULL || rank == NULL || atol(size) < 2)
      continue;
    if (atol(rank) == 0)
      fprintf(stderr,
              "sharpsde: one of %s processes of an MPI job, but built without MPI; `make MPI=1` "
              "builds it with it\n",
              size);
    exit(SDE_INVALID);
  }
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
