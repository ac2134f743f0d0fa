/*
 * Ranks of a program built without MPI: one. See ranks.h.
 */
#include "sde/ranks.h"

#include <stdio.h>
#include <stdlib.h>

void sde_ranks_begin(void)
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
