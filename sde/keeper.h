/*
 * Keepers: what chunks of ensembles have counted, kept while they run, so that a program that is
 * broken off can go on where it was, with the bits of one that is not. An ensemble's state is what
 * its finished chunks leave: subtrees of tallies, and the samples and rows of their paths.
 */
#ifndef SDE_KEEPER_H
#define SDE_KEEPER_H

#include "sde/ensemble.h"
#include "sde/tally.h"

/* Who keeps; filled in by the caller of ensembles, which come in the same order in each run. Its
 * functions are called by one thread at a time. */
struct sde_keeper {
  void *context;
  /* The next ensemble begins, told by its key: the same words whatever the ranks and threads. */
  void (*begin)(void *context, uint64_t key);
  /* Part i of what was kept of it before, each of one rank; NULL beyond the last. */
  const uint64_t *(*part)(void *context, size_t i);
  /* Is the state to be kept now? Asked after each chunk. */
  bool (*due)(void *context);
  /* Keep it: words that the keeper releases with sde_free; `whole` where the ensemble is done. */
  void (*keep)(void *context, bool whole, uint64_t *state, size_t words);
};

/* An ensemble that is kept while it runs: this rank's chunks are begin .. end - 1 of `chunk` paths
 * each, `samples` its table; nothing happens without a keeper. */
struct sde_kept {
  const struct sde_ensemble *ensemble;
  struct sde_tally_tree *tree;
  uint64_t chunk, begin, end;
  double *samples;
  bool *done; /* [chunk], those that were kept before, of all ranks; NULL for none */
};

/* Begin: restore what was kept before. Those subtrees that begin among this rank's chunks go into
 * its tree; samples and rows are restored whole. */
void sde_kept_begin(struct sde_kept *kept, uint64_t key);

/* Is a chunk done already? */
bool sde_kept_has(const struct sde_kept *kept, uint64_t chunk);

/* A chunk has been added to the tree; and all of this rank's have. */
void sde_kept_chunk(const struct sde_kept *kept);
void sde_kept_end(struct sde_kept *kept);

#endif
