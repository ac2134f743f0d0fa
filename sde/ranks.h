/*
 * Ranks: the processes of an MPI job, which all run one deterministic program on the same input and
 * share the work of ensembles. ranks_mpi.c has them (make MPI=1); ranks_one.c is a program alone,
 * and so is a program of the former that does not begin.
 */
#ifndef SDE_RANKS_H
#define SDE_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sde_status;

/* Once, at the start of the program, and at its end, where the ranks wait for each other. A program
 * built without MPI that was started several times over ends here, with SDE_INVALID. A rank that
 * exits in between ends the whole job with SDE_FAILED. MPI is called by the thread that begins
 * (MPI_THREAD_FUNNELED), but for the call that ends the job, which any thread may make. */
void sde_ranks_begin(void);
void sde_ranks_end(void);

/* All ranks together: from here on each is a program alone, rank 0 of 1, until the end. */
void sde_ranks_alone(void);

/* How many there are, at least 1, and which this one is, from 0. Rank 0 alone writes files and
 * speaks to the user. */
size_t sde_ranks_count(void);
size_t sde_ranks_rank(void);

/* What follows is called by all ranks together, in the same order; where they disagree, the job
 * ends with a sentence. With one rank each does nothing, except where noted. */

/* Where any rank has failed, all have: with the status of the first that did, its message led by
 * "rank R: " unless that is rank 0. Returns whether none has. Does so of one rank too. */
bool sde_ranks_agree(struct sde_status *status);

/* The first rank whose bytes are not those of rank 0, by a hash of 64 bits; 0 where there is
 * none. */
size_t sde_ranks_differing(const void *data, size_t bytes);

/* all[rank] = what the rank gave as mine; of one rank too. */
void sde_ranks_gather(uint64_t mine, uint64_t *all);

/* Bring what the ranks hold together on rank 0, along a binomial tree: of two neighbours the later
 * packs what it has, `words` numbers released with sde_free, and the earlier merges it; either then
 * stands for the ranks of both. log2(ranks) messages one after the other, each of less than 2^31
 * words. */
void sde_ranks_reduce(void *context, uint64_t *(*pack)(void *context, size_t *words),
                      void (*merge)(void *context, const uint64_t *later));

/* Words of rank 0 to all; less than 2^31. */
void sde_ranks_broadcast(void *data, size_t words);

/* rows[row*length + i], of which rank r has those with first[r] <= i < first[r + 1] and gets those
 * of the others; first[0] = 0, first[ranks] <= length, and less than 2^31. */
void sde_ranks_share(double *rows, size_t count, size_t length, const uint64_t *first);

/* Print a sentence on stderr and end the job, of all ranks, with SDE_FAILED. A rank other than the
 * first waits a second before, in which that may say the same; so it is said once. */
void sde_ranks_stop(const char *sentence) __attribute__((noreturn));

#endif
