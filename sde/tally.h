/*
 * Tallies: what an ensemble counts on its way, in one piece of memory that ranks can send, and the
 * fixed binary tree along which the tallies of chunks are merged. The inside of sde/ensemble.h.
 */
#ifndef SDE_TALLY_H
#define SDE_TALLY_H

#include "sde/ensemble.h"

/* What a chunk, or a subtree of chunks, has counted: the tables of struct sde_ensemble_result, one
 * after the other in one piece of memory, which begins with the moments. */
struct sde_tally {
  struct sde_moments *moments, *differences;
  uint64_t *diverged, *failed, *first_divergence, *first_diverged;
};

/* The lengths of the tables, and of all together in words of 64 bits. */
struct sde_tally_sizes {
  size_t moments, differences, diverged, processes, words;
};
/* Those of an ensemble. */
struct sde_tally_sizes sde_tally_sizes_of(const struct sde_ensemble *ensemble);

/* A tally of nothing; `clear` makes it one again. */
struct sde_tally sde_tally_new(const struct sde_tally_sizes *sizes);
void sde_tally_clear(struct sde_tally *tally, const struct sde_tally_sizes *sizes);
void sde_tally_free(struct sde_tally *tally);

/* A path of this number has diverged after so many steps: the first, by steps and then by number,
 * is noted. */
void sde_tally_divergence(struct sde_tally *tally, size_t process, uint64_t step, uint64_t path);

/* Chunks that are finished, as subtrees of the fixed tree in the order of their chunks. The tallies
 * beyond `height` are spare; they are made when they are first needed. */
struct sde_tally_node {
  uint64_t first, chunks;
  struct sde_tally tally;
};

/* The tree of tallies that wait to be merged. */
struct sde_tally_tree {
  const struct sde_tally_sizes *sizes;
  size_t height, made;
  struct sde_tally_node *node;
};

/* An empty tree for chunks of so many threads. */
void sde_tally_tree_begin(struct sde_tally_tree *tree, const struct sde_tally_sizes *sizes,
                          int threads);

/* Put a subtree of chunks first .. first + chunks - 1 at its place, and merge it with what it
 * completes; `tally` are the words of its tally. One thread at a time. */
void sde_tally_tree_add(struct sde_tally_tree *tree, uint64_t first, uint64_t chunks,
                        const void *tally);

/* What all chunks of all ranks have counted, on each of them; the tree is released. */
struct sde_tally sde_tally_tree_finish(struct sde_tally_tree *tree);

#endif
