/*
 * Addressed permutations of [0, n): one for each path and step of an address, each of the n!
 * equally likely, whose elements are found without the others. For what is drawn without
 * replacement over several steps: the step of the address is then the number of the epoch.
 */
#ifndef SDE_PERMUTATION_H
#define SDE_PERMUTATION_H

#include "sde/random.h"

/* Up to so many numbers permutations are shuffled whole (Fisher-Yates) and kept until another
 * address is asked for; beyond, element k is a Feistel network of k, walked along its cycle until
 * it is below n (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002), and
 * nothing is kept. */
enum { SDE_PERMUTATION_SHUFFLED = 4096 };

/* The most numbers, 2^31. */
#define SDE_PERMUTATION_LARGEST (UINT32_C(1) << 31)

struct sde_permutation;

/* Scratch of one thread for blocks of this width, of permutations of n numbers; n is from 1 to the
 * largest. */
struct sde_permutation *sde_permutation_new(uint32_t n, size_t width);
void sde_permutation_free(struct sde_permutation *permutation);

/* out[i*width + p] = element first + i, i below count, of the permutation of path p at the address;
 * first + count is at most n. */
void sde_permutation_elements(struct sde_permutation *permutation, const struct sde_address *at,
                              size_t width, size_t first, size_t count, uint32_t *out);

#endif
