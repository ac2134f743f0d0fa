/*
 * Ranks of an MPI job. See ranks.h. Calls that decide what comes next exchange what kind of call
 * they are first, so that ranks that came to different places notice it instead of taking each
 * other's numbers.
 */
#include "sde/random.h"
#include "sde/ranks.h"
#include "sde/status.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Set at the beginning, as MPI itself is; no communicator for a program that does not begin. */
static MPI_Comm world = MPI_COMM_NULL;

/* For exit() somewhere below, of which MPI would hear nothing. */
static void end_unfinished_job(void)
{
  int finished;
  MPI_Finalized(&finished);
  if (!finished)
    MPI_Abort(MPI_COMM_WORLD, SDE_FAILED);
}

void sde_ranks_begin(void)
{
  int provided;
  MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  atexit(end_unfinished_job);
  if (provided < MPI_THREAD_FUNNELED)
    sde_ranks_stop("this MPI does not allow threads in its processes");
  MPI_Comm_dup(MPI_COMM_WORLD, &world);
}

void sde_ranks_alone(void)
{
  MPI_Comm_free(&world);
  MPI_Comm_dup(MPI_COMM_SELF, &world);
}

void sde_ranks_end(void)
{
  MPI_Comm_free(&world);
  MPI_Finalize();
}

size_t sde_ranks_count(void)
{
  int count = 1;
  if (world != MPI_COMM_NULL)
    MPI_Comm_size(world, &count);
  return (size_t)count;
}

size_t sde_ranks_rank(void)
{
  int rank = 0;
  if (world != MPI_COMM_NULL)
    MPI_Comm_rank(world, &rank);
  return (size_t)rank;
}

_Noreturn void sde_ranks_stop(const char *sentence)
{
  if (sde_ranks_rank() != 0)
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
  fprintf(stderr, "sharpsde: %s\n", sentence);
  exit(SDE_FAILED);
}

/* ---- waiting ---- */

/* MPI waits at full speed, which takes the processor from what is waited for where there are more
 * processes than processors. Here a rank looks again at once for a while, then after longer and
 * longer naps, of a millisecond at most: an ensemble takes far longer. */
enum { EAGER_LOOKS = 1000, NAP_LEAST = 10000, NAP_MOST = 1000000 };

struct patience {
  int looks;
  long nap; /* nanoseconds */
};

static void be_patient(struct patience *patience)
{
  if (patience->looks++ < EAGER_LOOKS)
    return;
  patience->nap = patience->nap == 0 ? NAP_LEAST : 2 * patience->nap;
  patience->nap = patience->nap < NAP_MOST ? patience->nap : NAP_MOST;
  nanosleep(&(struct timespec){.tv_nsec = patience->nap}, NULL);
}

static void await(MPI_Request request)
{
  struct patience patience = {0, 0};
  int done = 0;
  for (MPI_Test(&request, &done, MPI_STATUS_IGNORE); !done;
       MPI_Test(&request, &done, MPI_STATUS_IGNORE))
    be_patient(&patience);
}

static void await_message(int from, MPI_Status *about)
{
  struct patience patience = {0, 0};
  int here = 0;
  for (MPI_Iprobe(from, 0, world, &here, about); !here; MPI_Iprobe(from, 0, world, &here, about))
    be_patient(&patience);
}

static void broadcast(void *data, int count, MPI_Datatype type, int from)
{
  MPI_Request request;
  MPI_Ibcast(data, count, type, from, world, &request);
  await(request);
}

/* ---- exchanges ---- */

enum call { AGREE = 1, DIFFERING, GATHER };

/* all[rank] = value of each rank; false where they do not make the same call. */
static bool exchange(enum call call, uint64_t value, uint64_t *all)
{
  size_t count = sde_ranks_count();
  uint64_t mine[2] = {call, value};
  uint64_t *both = sde_alloc(count, sizeof mine);
  MPI_Request request;
  MPI_Iallgather(mine, 2, MPI_UINT64_T, both, 2, MPI_UINT64_T, world, &request);
  await(request);
  bool same = true;
  for (size_t r = 0; r < count; r++) {
    same = same && both[2 * r] == call;
    all[r] = both[2 * r + 1];
  }
  sde_free(both);
  return same;
}

/* A rank that came here because it failed has the word; the others leave it time. */
static _Noreturn void come_apart(const struct sde_status *status)
{
  if (status != NULL && status->code != SDE_OK) {
    fprintf(stderr, "sharpsde: rank %zu: %s\n", sde_ranks_rank(), status->message);
    MPI_Abort(MPI_COMM_WORLD, (int)status->code);
  }
  nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
  sde_ranks_stop(
      "the ranks have come to different places; are their programs or machines unequal?");
}

bool sde_ranks_agree(struct sde_status *status)
{
  size_t count = sde_ranks_count(), failed = 0;
  if (count == 1)
    return status->code == SDE_OK;
  uint64_t *code = sde_alloc(count, sizeof *code);
  if (!exchange(AGREE, status->code, code))
    come_apart(status);
  while (failed < count && code[failed] == SDE_OK)
    failed++;
  sde_free(code);
  if (failed == count)
    return true;
  broadcast(status, sizeof *status, MPI_BYTE, (int)failed);
  if (failed > 0) {
    char *led = sde_format("rank %zu: %s", failed, status->message);
    snprintf(status->message, sizeof status->message, "%.*s", (int)sizeof status->message - 1, led);
    sde_free(led);
  }
  return false;
}

size_t sde_ranks_differing(const void *data, size_t bytes)
{
  size_t count = sde_ranks_count(), differing = 1;
  if (count == 1)
    return 0;
  uint64_t *hash = sde_alloc(count, sizeof *hash);
  if (!exchange(DIFFERING, sde_hash(data, bytes), hash))
    come_apart(NULL);
  while (differing < count && hash[differing] == hash[0])
    differing++;
  sde_free(hash);
  return differing == count ? 0 : differing;
}

void sde_ranks_gather(uint64_t mine, uint64_t *all)
{
  all[0] = mine;
  if (sde_ranks_count() > 1 && !exchange(GATHER, mine, all))
    come_apart(NULL);
}

/* ---- results ---- */

/* MPI counts in int. */
static int count_of(uint64_t words)
{
  if (words > INT_MAX)
    sde_ranks_stop("more than 2^31 numbers at once are too many for ranks to exchange; keep fewer "
                   "paths or records");
  return (int)words;
}

static uint64_t *receive(int from)
{
  MPI_Status about;
  int words;
  await_message(from, &about);
  MPI_Get_count(&about, MPI_UINT64_T, &words);
  uint64_t *buffer = sde_alloc((size_t)words, sizeof *buffer);
  MPI_Recv(buffer, words, MPI_UINT64_T, from, 0, world, MPI_STATUS_IGNORE);
  return buffer;
}

void sde_ranks_reduce(void *context, uint64_t *(*pack)(void *context, size_t *words),
                      void (*merge)(void *context, const uint64_t *later))
{
  size_t count = sde_ranks_count(), rank = sde_ranks_rank(), words;
  for (size_t distance = 1; distance < count; distance *= 2) {
    if (rank % (2 * distance) != 0) {
      uint64_t *packed = pack(context, &words);
      MPI_Request request;
      MPI_Isend(packed, count_of(words), MPI_UINT64_T, (int)(rank - distance), 0, world, &request);
      await(request);
      sde_free(packed);
      return;
    }
    if (rank + distance < count) {
      uint64_t *later = receive((int)(rank + distance));
      merge(context, later);
      sde_free(later);
    }
  }
}

void sde_ranks_broadcast(void *data, size_t words)
{
  if (sde_ranks_count() > 1)
    broadcast(data, count_of(words), MPI_UINT64_T, 0);
}

void sde_ranks_share(double *rows, size_t count, size_t length, const uint64_t *first)
{
  size_t ranks = sde_ranks_count();
  if (ranks == 1)
    return;
  int *held = sde_alloc(ranks, sizeof *held), *offset = sde_alloc(ranks, sizeof *offset);
  for (size_t r = 0; r < ranks; r++) {
    held[r] = count_of(first[r + 1] - first[r]);
    offset[r] = count_of(first[r]);
  }
  for (size_t row = 0; row < count; row++) {
    MPI_Request request;
    MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, rows + row * length, held, offset,
                    MPI_DOUBLE, world, &request);
    await(request);
  }
  sde_free(held);
  sde_free(offset);
}
