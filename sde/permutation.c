/*
 * Addressed permutations: see permutation.h.
 */
#include "sde/permutation.h"

#include "sde/status.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Of the network, a number of rounds beyond the four that make it look random. */
enum { ROUNDS = 8 };

/* The stream of a step's other draws is not that of its permutation. */
static const uint64_t APART = UINT64_C(0x9e3779b97f4a7c15);

struct sde_permutation {
  uint32_t n;
  unsigned half_bits;      /* a number has two halves of so many bits */
  uint64_t *key;           /* [round*width + path]; of a network */
  uint32_t *whole, *order; /* [element*width + path], and the identity; of shuffles */
  struct sde_address held; /* whose permutations these are, */
  size_t held_width;       /* of so many paths; 0: none yet */
};

struct sde_permutation *sde_permutation_new(uint32_t n, size_t width)
{
  assert(n >= 1 && n <= SDE_PERMUTATION_LARGEST);
  struct sde_permutation *permutation = sde_alloc(1, sizeof *permutation);
  permutation->n = n;
  if (n > SDE_PERMUTATION_SHUFFLED) {
    permutation->key = sde_alloc(ROUNDS, width * sizeof(uint64_t));
    while (((uint64_t)1 << 2 * permutation->half_bits) < n)
      permutation->half_bits++;
    return permutation;
  }
  permutation->whole = sde_alloc(n, width * sizeof(uint32_t));
  permutation->order = sde_alloc(n, sizeof(uint32_t));
  for (uint32_t i = 0; i < n; i++)
    permutation->order[i] = i;
  return permutation;
}

void sde_permutation_free(struct sde_permutation *permutation)
{
  if (permutation == NULL)
    return;
  sde_free(permutation->key);
  sde_free(permutation->whole);
  sde_free(permutation->order);
  sde_free(permutation);
}

static bool is_held(const struct sde_permutation *permutation, const struct sde_address *at,
                    size_t width)
{
  const struct sde_address *held = &permutation->held;
  return permutation->held_width == width && held->stream.seed == at->stream.seed &&
         held->stream.stream == at->stream.stream && held->first_path == at->first_path &&
         held->step == at->step;
}

/* Shuffle, or draw the keys of the network's rounds, for this address. */
static void hold(struct sde_permutation *permutation, const struct sde_address *at, size_t width)
{
  struct sde_address apart = *at;
  apart.stream.stream ^= APART;
  if (permutation->key == NULL)
    sde_random_selection(&apart, width, permutation->n, permutation->n, permutation->order,
                         permutation->whole);
  for (size_t k = 0; permutation->key != NULL && k < ROUNDS; k += 2)
    sde_random_bits(&apart, width, k / 2, permutation->key + k * width,
                    permutation->key + (k + 1) * width);
  permutation->held = *at;
  permutation->held_width = width;
}

/* The finalizer of MurmurHash3, by A. Appleby: each bit of the word changes half of the result's.
 */
static uint64_t mixed(uint64_t word)
{
  word = (word ^ (word >> 33)) * UINT64_C(0xff51afd7ed558ccd);
  word = (word ^ (word >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
  return word ^ (word >> 33);
}

/* The network: a bijection of the numbers of twice half_bits bits, whatever a round adds. */
static uint64_t network(const struct sde_permutation *permutation, size_t width, size_t path,
                        uint64_t number)
{
  unsigned bits = permutation->half_bits;
  uint64_t mask = ((uint64_t)1 << bits) - 1, left = number >> bits, right = number & mask;
  for (size_t round = 0; round < ROUNDS; round++) {
    uint64_t added = mixed(right ^ permutation->key[round * width + path]) & mask;
    uint64_t next = left ^ added;
    left = right;
    right = next;
  }
  return left << bits | right;
}

void sde_permutation_elements(struct sde_permutation *permutation, const struct sde_address *at,
                              size_t width, size_t first, size_t count, uint32_t *out)
{
  assert(first + count <= permutation->n);
  if (!is_held(permutation, at, width))
    hold(permutation, at, width);
  if (permutation->key == NULL) {
    memcpy(out, permutation->whole + first * width, count * width * sizeof *out);
    return;
  }
  for (size_t i = 0; i < count; i++)
    for (size_t p = 0; p < width; p++) {
      uint64_t number = first + i;
      do
        number = network(permutation, width, p, number);
      while (number >= permutation->n);
      out[i * width + p] = (uint32_t)number;
    }
}
