/*
 * Addressed randomness: every number is a pure function of (seed, stream, path, step, lane), so a
 * result is the same whatever the order of work, the threads or the block width. The bits come
 * from Threefry-2x64-20 of Random123 (Salmon, Moraes, Dror, Shaw, SC 2011, "Parallel random
 * numbers: as easy as 1, 2, 3").
 */
#ifndef SDE_RANDOM_H
#define SDE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* A stream is a process and a purpose. Two processes share their randomness if and only if they
 * name the same stream. */
struct sde_stream {
  uint64_t seed, stream;
};

/* The stream of a name such as "iterates m-usam m=2"; names are hashed to 64 bits. */
struct sde_stream sde_stream_named(uint64_t seed, const char *name);

/* A hash of 64 bits, FNV-1a: for names, and to see whether two have the same bytes. Not for
 * anything that an adversary writes. Fowler, Noll, Vo, draft-eastlake-fnv. */
uint64_t sde_hash(const void *data, size_t bytes);

/* Steps and lanes are below these; beyond, an address would be another one's too. */
#define SDE_RANDOM_STEPS (UINT64_C(1) << 40)
#define SDE_RANDOM_LANES ((size_t)1 << 25)

/* Where in a stream: the block's first path (path p of the block is first_path + p) and the step
 * (below SDE_RANDOM_STEPS). Whoever forms an address out of bounds is stopped by an assertion. */
struct sde_address {
  struct sde_stream stream;
  uint64_t first_path;
  uint64_t step;
};

/* In all that follows out holds lanes * width numbers, lane l of path p at out[l * width + p];
 * lanes is at most SDE_RANDOM_LANES and width a multiple of 8. A longer call repeats the numbers of
 * a shorter one and adds to them. */

/* Standard normals: Box-Muller, two lanes from the two words. Their range is bounded by 8.5. */
void sde_random_normals(const struct sde_address *at, size_t width, size_t lanes, double *out);

/* Lanes first_lane .. first_lane + lanes - 1 of the above, the first of them now at out[p], so that
 * a long row of normals need not be held at once; first_lane is even. */
void sde_random_normals_from(const struct sde_address *at, size_t width, size_t first_lane,
                             size_t lanes, double *out);

/* Uniform on [0, 1), multiples of 2^-52. */
void sde_random_uniforms(const struct sde_address *at, size_t width, size_t lanes, double *out);

/* Uniform indices in [0, n), with replacement; n at most 2^31. Probabilities are 1/n to within
 * 2^-52. */
void sde_random_indices(const struct sde_address *at, size_t width, size_t lanes, uint32_t n,
                        uint32_t *out);

/* lanes different indices in [0, n), each ordered selection equally likely (Fisher-Yates). The
 * identity must stand in permutation[0..n-1]; it stands there again on return. */
void sde_random_selection(const struct sde_address *at, size_t width, size_t lanes, uint32_t n,
                          uint32_t *permutation, uint32_t *out);

/* The raw bits: a[p], b[p] are the two words of Threefry-2x64-20 with key (seed, stream) and
 * counter (first_path + p, step * 2^24 + call). */
void sde_random_bits(const struct sde_address *at, size_t width, uint64_t call, uint64_t *a,
                     uint64_t *b);

#endif
