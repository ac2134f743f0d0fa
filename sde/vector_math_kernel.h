/*
 * The body of one set of vector mathematics. The including file defines SET (the name of its
 * table), SET_NAME and LANES, and is compiled for the instruction set that LANES needs.
 */
#include "sde/vector_math.h"

#include <Random123/threefry.h>
#include <sleef.h>
#include <string.h>

#if LANES == 8
#include <immintrin.h>
typedef __m512d vector;
#define LOAD(p) _mm512_loadu_pd(p)
#define STORE(p, v) _mm512_storeu_pd(p, v)
#define LOG Sleef_finz_logd8_u35avx512f
#define SINCOSPI Sleef_finz_sincospid8_u35avx512f
#define PAIR Sleef___m512d_2
#define U10(name) Sleef_finz_##name##d8_u10avx512f
#define SQRT(v) _mm512_sqrt_pd(v)
#elif LANES == 4
#include <immintrin.h>
typedef __m256d vector;
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, v) _mm256_storeu_pd(p, v)
#define LOG Sleef_finz_logd4_u35avx2
#define SINCOSPI Sleef_finz_sincospid4_u35avx2
#define PAIR Sleef___m256d_2
#define U10(name) Sleef_finz_##name##d4_u10avx2
#define SQRT(v) _mm256_sqrt_pd(v)
#elif LANES == 2
#include <immintrin.h>
typedef __m128d vector;
#define LOAD(p) _mm_loadu_pd(p)
#define STORE(p, v) _mm_storeu_pd(p, v)
#define LOG Sleef_cinz_logd2_u35sse4
#define SINCOSPI Sleef_cinz_sincospid2_u35sse4
#define PAIR Sleef___m128d_2
#define U10(name) Sleef_cinz_##name##d2_u10sse4
#define SQRT(v) _mm_sqrt_pd(v)
#else
#include <math.h>
typedef double vector;
#define LOAD(p) (*(p))
#define STORE(p, v) (*(p) = (v))
#define LOG Sleef_cinz_logd1_u35purec
#define SINCOSPI Sleef_cinz_sincospid1_u35purec
#define PAIR Sleef_double_2
#define U10(name) Sleef_cinz_##name##d1_u10purec
#define SQRT(v) sqrt(v)
#endif

enum { CHAINS = 4, TILE = 4 };

/* The upper 52 bits of words as the mantissa of numbers in [1, 2). */
#if LANES > 1
typedef uint64_t words __attribute__((vector_size(8 * LANES)));

static inline vector mantissa(const uint64_t *bits)
{
  words word;
  memcpy(&word, bits, sizeof word);
  return (vector)((word >> 12) | UINT64_C(0x3ff0000000000000));
}
#else
static inline vector mantissa(const uint64_t *bits)
{
  uint64_t word = (*bits >> 12) | UINT64_C(0x3ff0000000000000);
  double value;
  memcpy(&value, &word, sizeof value);
  return value;
}
#endif

#if LANES > 1

/* CHAINS vectors of counters, whose dependent operations then overlap. The macros below are
 * Threefry-2x64-20 as Random123 has it; the tests hold one against the other. */
#define EACH for (size_t k = 0; k < chains; k++)
#define ROUND(r) EACH a[k] += b[k], b[k] = (b[k] << r) | (b[k] >> (64 - r)), b[k] ^= a[k]
#define ROUNDS_EVEN                                                                                \
  ROUND(R_64x2_0_0);                                                                               \
  ROUND(R_64x2_1_0);                                                                               \
  ROUND(R_64x2_2_0);                                                                               \
  ROUND(R_64x2_3_0)
#define ROUNDS_ODD                                                                                 \
  ROUND(R_64x2_4_0);                                                                               \
  ROUND(R_64x2_5_0);                                                                               \
  ROUND(R_64x2_6_0);                                                                               \
  ROUND(R_64x2_7_0)
#define INJECT(x, y) EACH a[k] += x, b[k] += y

static inline __attribute__((always_inline)) void threefry_chains(size_t chains,
                                                                  const uint64_t key[3],
                                                                  uint64_t first, uint64_t counter,
                                                                  uint64_t *out_a, uint64_t *out_b)
{
  static const uint64_t lane_numbers[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  words a[CHAINS], b[CHAINS], lane;
  memcpy(&lane, lane_numbers, sizeof lane);
  EACH a[k] = lane + (first + k * LANES + key[0]), b[k] = 0 * lane + (counter + key[1]);
  ROUNDS_EVEN;
  INJECT(key[1], key[2] + 1);
  ROUNDS_ODD;
  INJECT(key[2], key[0] + 2);
  ROUNDS_EVEN;
  INJECT(key[0], key[1] + 3);
  ROUNDS_ODD;
  INJECT(key[1], key[2] + 4);
  ROUNDS_EVEN;
  INJECT(key[2], key[0] + 5);
  EACH memcpy(out_a + k * LANES, &a[k], sizeof a[k]), memcpy(out_b + k * LANES, &b[k], sizeof b[k]);
}

static void threefry(size_t count, const uint64_t key[2], uint64_t first, uint64_t counter,
                     uint64_t *a, uint64_t *b)
{
  const uint64_t extended[3] = {key[0], key[1], SKEIN_KS_PARITY64 ^ key[0] ^ key[1]};
  size_t p = 0;
  for (; p + CHAINS * LANES <= count; p += CHAINS * LANES)
    threefry_chains(CHAINS, extended, first + p, counter, a + p, b + p);
  for (; p < count; p += LANES)
    threefry_chains(1, extended, first + p, counter, a + p, b + p);
}

#else

static void threefry(size_t count, const uint64_t key[2], uint64_t first, uint64_t counter,
                     uint64_t *a, uint64_t *b)
{
  threefry2x64_key_t both = {{key[0], key[1]}};
  for (size_t p = 0; p < count; p++) {
    threefry2x64_ctr_t word = {{first + p, counter}};
    word = threefry2x64(word, both);
    a[p] = word.v[0];
    b[p] = word.v[1];
  }
}

#endif

/* Two rows at a time over TILE vectors of paths, so that the sums stay in registers. */
static inline __attribute__((always_inline)) void affine_rows(
    size_t rows, size_t columns, const double *restrict matrix, const double *restrict constant,
    size_t width, const double *restrict x, double *restrict out)
{
  for (size_t start = 0; start < width; start += TILE * LANES) {
    vector sum[2][TILE];
    for (size_t i = 0; i < rows; i++)
      for (size_t t = 0; t < TILE; t++)
        sum[i][t] = (vector){0} + (constant == NULL ? 0 : constant[i]);
    for (size_t j = 0; j < columns; j++)
      for (size_t t = 0; t < TILE; t++) {
        vector entry = LOAD(x + j * width + start + t * LANES);
        for (size_t i = 0; i < rows; i++)
          sum[i][t] += matrix[i * columns + j] * entry;
      }
    for (size_t i = 0; i < rows; i++)
      for (size_t t = 0; t < TILE; t++)
        STORE(out + i * width + start + t * LANES, sum[i][t]);
  }
}

static void affine(size_t rows, size_t columns, const double *matrix, const double *constant,
                   size_t width, const double *x, double *out)
{
  size_t i = 0;
  for (; i + 2 <= rows; i += 2)
    affine_rows(2, columns, matrix + i * columns, constant == NULL ? NULL : constant + i, width, x,
                out + i * width);
  if (i < rows)
    affine_rows(1, columns, matrix + i * columns, constant == NULL ? NULL : constant + i, width, x,
                out + i * width);
}

/* Radius sqrt(-2 log(1 - u)) and angle 2 pi v from the upper 52 bits of each word: as a mantissa
 * they give 1 + u in [1, 2), so that 1 - u lies in (0, 1] and its logarithm is finite. */
static void normals(size_t count, const uint64_t *a, const uint64_t *b, double *z0, double *z1)
{
  /* Two passes: within each, the long chains of successive vectors overlap. */
  for (size_t p = 0; p < count; p += LANES)
    STORE(z0 + p, LOG(2 - mantissa(a + p)));
  for (size_t p = 0; p < count; p += LANES) {
    PAIR sine_cosine = SINCOSPI(2 * mantissa(b + p) - 2);
    vector radius = SQRT(-2 * LOAD(z0 + p));
    STORE(z0 + p, sine_cosine.y * radius);
    STORE(z1 + p, sine_cosine.x * radius);
  }
}

/* Every function of one number that SLEEF has within 1 ulp, and its power. */
#define FUNCTION(name)                                                                             \
  static void vector_##name(size_t count, const double *in, double *out)                           \
  {                                                                                                \
    for (size_t i = 0; i < count; i += LANES)                                                      \
      STORE(out + i, U10(name)(LOAD(in + i)));                                                     \
  }
FUNCTION(exp)
FUNCTION(log)
FUNCTION(log1p)
FUNCTION(sin)
FUNCTION(cos)
FUNCTION(tan)
FUNCTION(atan)
FUNCTION(sinh)
FUNCTION(cosh)
FUNCTION(tanh)

static void vector_pow(size_t count, const double *base, const double *exponent, double *out)
{
  for (size_t i = 0; i < count; i += LANES)
    STORE(out + i, U10(pow)(LOAD(base + i), LOAD(exponent + i)));
}

extern const struct sde_vector_math SET;
const struct sde_vector_math SET = {
    .name = SET_NAME,
    .threefry = threefry,
    .normals = normals,
    .exp = vector_exp,
    .log = vector_log,
    .log1p = vector_log1p,
    .sin = vector_sin,
    .cos = vector_cos,
    .tan = vector_tan,
    .atan = vector_atan,
    .sinh = vector_sinh,
    .cosh = vector_cosh,
    .tanh = vector_tanh,
    .pow = vector_pow,
    .affine = affine,
};
