/*
 * Addressed randomness: see random.h.
 */
#include "sde/random.h"

#include "sde/block.h"
#include "sde/vector_math.h"

#include <Random123/threefry.h>
#include <assert.h>
#include <string.h>

/* Two lanes a call. */
enum { CALL_BITS = 24, CALLS = 1 << CALL_BITS, CHUNK = 64 };
_Static_assert(SDE_RANDOM_LANES == 2 * (size_t)CALLS, "every lane has a call");
_Static_assert(SDE_RANDOM_STEPS == UINT64_C(1) << (64 - CALL_BITS), "step and call fill a word");

uint64_t sde_hash(const void *data, size_t bytes)
{
  const unsigned char *byte = data;
  uint64_t hash = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < bytes; i++)
    hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
  return hash;
}

struct sde_stream sde_stream_named(uint64_t seed, const char *name)
{
  /* After the hash one Threefry, so that near names give unrelated streams. */
  size_t length = strlen(name);
  threefry2x64_ctr_t mixed = {{sde_hash(name, length), length}};
  threefry2x64_key_t zero = {{0, 0}};
  mixed = threefry2x64(mixed, zero);
  return (struct sde_stream){seed, mixed.v[0]};
}

static void bits_of(const struct sde_address *at, size_t width, uint64_t call, uint64_t *a,
                    uint64_t *b)
{
  const uint64_t key[2] = {at->stream.seed, at->stream.stream};
  sde_vector_math()->threefry(width, key, at->first_path, (at->step << CALL_BITS) | call, a, b);
}

/* Otherwise a step's calls would run into the next step, a step's upper bits would be lost, or
 * paths would wrap round to the first. */
static void check_address(const struct sde_address *at, size_t width, uint64_t first_call,
                          uint64_t calls)
{
  (void)at, (void)width, (void)first_call, (void)calls; /* where asserts are left out */
  assert(at->step < SDE_RANDOM_STEPS);
  assert(width == 0 || at->first_path <= UINT64_MAX - (width - 1));
  assert(first_call <= CALLS && calls <= CALLS - first_call);
}

void sde_random_bits(const struct sde_address *at, size_t width, uint64_t call, uint64_t *a,
                     uint64_t *b)
{
  check_address(at, width, call, 1);
  bits_of(at, width, call, a, b);
}

/* The words of one call for `count` paths from path p of the block. */
static void words_of(const struct sde_address *at, size_t p, size_t count, uint64_t call,
                     uint64_t words[2][CHUNK])
{
  struct sde_address here = *at;
  here.first_path += p;
  bits_of(&here, count, call, words[0], words[1]);
}

static size_t chunk_at(size_t p, size_t width)
{
  return width - p < CHUNK ? width - p : CHUNK;
}

/* Two lanes a call, made by `transform` from the two words; an odd last lane leaves one unused.
 * The first of them is lane 2 * first_call. Chunks of paths keep the words in the first-level
 * cache. */
static void fill(const struct sde_address *at, size_t width, size_t first_call, size_t lanes,
                 double *out,
                 void (*transform)(size_t, const uint64_t *, const uint64_t *, double *, double *))
{
  uint64_t words[2][CHUNK];
  double unused[CHUNK];
  check_address(at, width, first_call, lanes / 2 + lanes % 2);
  for (size_t lane = 0; lane < lanes; lane += 2)
    for (size_t p = 0; p < width; p += CHUNK) {
      size_t count = chunk_at(p, width);
      words_of(at, p, count, first_call + lane / 2, words);
      double *even = out + lane * width + p;
      transform(count, words[0], words[1], even, lane + 1 < lanes ? even + width : unused);
    }
}

void sde_random_normals(const struct sde_address *at, size_t width, size_t lanes, double *out)
{
  fill(at, width, 0, lanes, out, sde_vector_math()->normals);
}

void sde_random_normals_from(const struct sde_address *at, size_t width, size_t first_lane,
                             size_t lanes, double *out)
{
  fill(at, width, first_lane / 2, lanes, out, sde_vector_math()->normals);
}

/* The upper 52 bits as the mantissa of a number in [1, 2), less one. */
static inline double unit_interval(uint64_t bits)
{
  uint64_t word = (bits >> 12) | UINT64_C(0x3ff0000000000000);
  double value;
  memcpy(&value, &word, sizeof value);
  return value - 1;
}

SDE_VECTOR
static void uniforms(size_t count, const uint64_t *a, const uint64_t *b, double *u0, double *u1)
{
  for (size_t p = 0; p < count; p++) {
    u0[p] = unit_interval(a[p]);
    u1[p] = unit_interval(b[p]);
  }
}

void sde_random_uniforms(const struct sde_address *at, size_t width, size_t lanes, double *out)
{
  fill(at, width, 0, lanes, out, uniforms);
}

/* u < 1 - 2^-53 and n <= 2^31 keep the product below n after rounding. */
static inline uint32_t index_below(uint32_t n, uint64_t bits)
{
  return (uint32_t)(int32_t)(unit_interval(bits) * n);
}

SDE_VECTOR
static void indices_below(size_t count, uint32_t n, const uint64_t *bits, uint32_t *out)
{
  for (size_t p = 0; p < count; p++)
    out[p] = index_below(n, bits[p]);
}

void sde_random_indices(const struct sde_address *at, size_t width, size_t lanes, uint32_t n,
                        uint32_t *out)
{
  uint64_t words[2][CHUNK];
  check_address(at, width, 0, lanes / 2 + lanes % 2);
  for (size_t lane = 0; lane < lanes; lane += 2)
    for (size_t p = 0; p < width; p += CHUNK) {
      size_t count = chunk_at(p, width);
      words_of(at, p, count, lane / 2, words);
      for (size_t i = 0; i < 2 && lane + i < lanes; i++)
        indices_below(count, n, words[i], out + (lane + i) * width + p);
    }
}

static void swap(uint32_t *permutation, uint32_t i, uint32_t j)
{
  uint32_t kept = permutation[i];
  permutation[i] = permutation[j];
  permutation[j] = kept;
}

void sde_random_selection(const struct sde_address *at, size_t width, size_t lanes, uint32_t n,
                          uint32_t *permutation, uint32_t *out)
{
  uint64_t words[2][CHUNK];
  check_address(at, width, 0, lanes / 2 + lanes % 2);
  assert(lanes <= n);
  /* First the swap targets of all lanes, then path by path the shuffle and its undoing. */
  for (uint32_t lane = 0; lane < lanes; lane += 2)
    for (size_t p = 0; p < width; p += CHUNK) {
      size_t count = chunk_at(p, width);
      words_of(at, p, count, lane / 2, words);
      for (uint32_t i = lane; i < lane + 2 && i < lanes; i++)
        for (size_t q = 0; q < count; q++)
          out[i * width + p + q] = i + index_below(n - i, words[i - lane][q]);
    }
  for (size_t p = 0; p < width; p++) {
    for (uint32_t i = 0; i < lanes; i++)
      swap(permutation, i, out[i * width + p]);
    for (uint32_t i = (uint32_t)lanes; i-- > 0;) {
      uint32_t selected = permutation[i];
      swap(permutation, i, out[i * width + p]);
      out[i * width + p] = selected;
    }
  }
}
