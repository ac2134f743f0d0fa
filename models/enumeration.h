/*
 * Enumeration: all micro-batches of m of n samples, or all ordered draws, with their probabilities,
 * for exact means and covariances of update directions.
 */
#ifndef MODELS_ENUMERATION_H
#define MODELS_ENUMERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The micro-batches of m samples, c below count. */
struct enumeration {
  size_t size, count; /* m, number of micro-batches */
  /* [c*m + i]. Of micro-batches ascending in i: multisets with replacement, else sets. */
  uint32_t *index;
  double *probability; /* [c] */
};

/* The number of micro-batches, C(n + m - 1, m) with replacement and C(n, m) without; SIZE_MAX
 * where it is larger than `limit`. */
size_t enumeration_count(size_t n, size_t m, bool replacement, size_t limit);

/* All of them, in lexicographic order; enumeration_count must not be SIZE_MAX. */
struct enumeration enumeration_new(size_t n, size_t m, bool replacement);

/* The same of ordered draws, n^m with replacement and n!/(n - m)! without: for a batch that is cut
 * into several micro-batches. */
size_t enumeration_ordered_count(size_t n, size_t m, bool replacement, size_t limit);
struct enumeration enumeration_ordered_new(size_t n, size_t m, bool replacement);
void enumeration_free(struct enumeration *enumeration);

/* Have the micro-batches c and e no sample in common? */
bool enumeration_disjoint(const struct enumeration *enumeration, size_t c, size_t e);

#endif
