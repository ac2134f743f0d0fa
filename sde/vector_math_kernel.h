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
#define ALL(a) _mm512_set1_pd(a)
#define U10(name) Sleef_finz_##name##d8_u10avx512f
#define SQRT(v) _mm512_sqrt_pd(v)
#define FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define SELECT(sign, a, b) _mm512_mask_blend_pd(_mm512_movepi64_mask((__m512i)(sign)), b, a)
#elif LANES == 4
#include <immintrin.h>
typedef __m256d vector;
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, v) _mm256_storeu_pd(p, v)
#define ALL(a) _mm256_set1_pd(a)
#define U10(name) Sleef_finz_##name##d4_u10avx2
#define SQRT(v) _mm256_sqrt_pd(v)
#define FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define SELECT(sign, a, b) _mm256_blendv_pd(b, a, (vector)(sign))
#elif LANES == 2
#include <immintrin.h>
typedef __m128d vector;
#define LOAD(p) _mm_loadu_pd(p)
#define STORE(p, v) _mm_storeu_pd(p, v)
#define ALL(a) _mm_set1_pd(a)
#define U10(name) Sleef_cinz_##name##d2_u10sse4
#define SQRT(v) _mm_sqrt_pd(v)
#define FMA(a, b, c) ((a) * (b) + (c))
#define SELECT(sign, a, b) _mm_blendv_pd(b, a, (vector)(sign))
#else
#include <math.h>
typedef double vector;
#define LOAD(p) (*(p))
#define STORE(p, v) (*(p) = (v))
#define ALL(a) (a)
#define U10(name) Sleef_cinz_##name##d1_u10purec
#define SQRT(v) sqrt(v)
#define FMA(a, b, c) ((a) * (b) + (c))
#define SELECT(sign, a, b) ((sign) >> 63 ? (a) : (b))
#endif

enum { CHAINS = 4, ROWS = 5, TILE = 4 };

#if LANES > 1
typedef uint64_t words __attribute__((vector_size(8 * LANES)));
#else
typedef uint64_t words;
#endif

static inline vector number_of(words bits)
{
  vector number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

static inline words bits_of(vector number)
{
  words bits;
  memcpy(&bits, &number, sizeof bits);
  return bits;
}

static inline words words_at(const uint64_t *from)
{
  words bits;
  memcpy(&bits, from, sizeof bits);
  return bits;
}

/* The upper 52 bits of words as the mantissa of numbers in [1, 2). */
static inline vector mantissa(words bits)
{
  return number_of(bits >> 12 | UINT64_C(0x3ff0000000000000));
}

#if LANES > 1

#if LANES < 8 && !defined(__clang__)
/* By whole bytes in one operation, which clang finds by itself: eight of the twenty rotations of
 * Threefry. */
typedef uint8_t bytes __attribute__((vector_size(8 * LANES)));

static inline words rotated(words word, int by)
{
  if (by % 8 != 0)
    return word << by | word >> (64 - by);
  bytes from;
  for (int i = 0; i < 8 * LANES; i++)
    from[i] = (uint8_t)(i / 8 * 8 + (i + 8 - by / 8) % 8);
  return (words)__builtin_shuffle((bytes)word, from);
}
#else
static inline words rotated(words word, int by)
{
  return word << by | word >> (64 - by);
}
#endif

/* CHAINS vectors of counters, whose dependent operations then overlap. The macros below are
 * Threefry-2x64-20 as Random123 has it; the tests hold one against the other. */
#define EACH for (size_t k = 0; k < chains; k++)
#define ROUND(r) EACH a[k] += b[k], b[k] = rotated(b[k], r), b[k] ^= a[k]
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

/* A few rows at a time over a tile of vectors of paths, so that the sums stay in registers and
 * there are enough of them to hide the latency of multiply-add. */
static inline __attribute__((always_inline)) void affine_rows(
    size_t rows, size_t tile, size_t columns, const double *restrict matrix,
    const double *restrict constant, size_t width, const double *restrict x, double *restrict out)
{
  for (size_t start = 0; start < width; start += tile * LANES) {
    vector sum[ROWS][TILE];
    for (size_t i = 0; i < rows; i++)
      for (size_t t = 0; t < tile; t++)
        sum[i][t] = ALL(constant == NULL ? 0 : constant[i]);
    for (size_t j = 0; j < columns; j++) {
      vector entry[TILE];
      for (size_t t = 0; t < tile; t++)
        entry[t] = LOAD(x + j * width + start + t * LANES);
      for (size_t i = 0; i < rows; i++)
        for (size_t t = 0; t < tile; t++)
          sum[i][t] = FMA(ALL(matrix[i * columns + j]), entry[t], sum[i][t]);
    }
    for (size_t i = 0; i < rows; i++)
      for (size_t t = 0; t < tile; t++)
        STORE(out + i * width + start + t * LANES, sum[i][t]);
  }
}

static void affine(size_t rows, size_t columns, const double *matrix, const double *constant,
                   size_t width, const double *x, double *out)
{
  for (size_t i = 0; i < rows; i += ROWS) {
    const double *part = matrix + i * columns, *shift = constant == NULL ? NULL : constant + i;
    double *to = out + i * width;
    switch (rows - i) { /* each with a number of rows that the compiler knows */
    case 1:
      affine_rows(1, TILE, columns, part, shift, width, x, to);
      break;
    case 2:
      affine_rows(2, TILE, columns, part, shift, width, x, to);
      break;
    case 3:
      affine_rows(3, TILE / 2, columns, part, shift, width, x, to);
      break;
    case 4:
      affine_rows(4, TILE / 2, columns, part, shift, width, x, to);
      break;
    default:
      affine_rows(ROWS, TILE / 2, columns, part, shift, width, x, to);
    }
  }
}

/* -2 log x for normal x in (0, 1]: x = 2^k m with m in [sqrt(1/2), sqrt(2)) and, for
 * s = (m - 1) / (m + 1), log m = 2 artanh s. The polynomial is that of fdlibm's e_log.c, times -2;
 * the error is at most 3 units in the last place. */
static inline vector minus_twice_log(vector x)
{
  const uint64_t one = UINT64_C(0x3ff0000000000000), root_half = UINT64_C(0x3fe6a09e667f3bcd);
  words shifted = bits_of(x) + (one - root_half);
  vector k = number_of(shifted >> 52 | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023);
  vector m = number_of((shifted & UINT64_C(0x000fffffffffffff)) + root_half);
  vector s = (m - 1) / (m + 1), z = s * s, none = {0};
  vector sum = none - 2 * 1.479819860511658591e-01;
  sum = FMA(sum, z, none - 2 * 1.531383769920937332e-01);
  sum = FMA(sum, z, none - 2 * 1.818357216161805012e-01);
  sum = FMA(sum, z, none - 2 * 2.222219843214978396e-01);
  sum = FMA(sum, z, none - 2 * 2.857142874366239149e-01);
  sum = FMA(sum, z, none - 2 * 3.999999999940941908e-01);
  sum = FMA(sum, z, none - 2 * 6.666666666666735130e-01);
  sum = FMA(sum, z, none - 4);
  return FMA(k, none - 2 * 0.693147180559945309, s * sum);
}

/* Cosine and sine of angle in [-pi/4, pi/4]: the polynomials of fdlibm's k_cos.c and k_sin.c. */
static inline vector cosine(vector square)
{
  vector none = {0}, sum = none - 1.13596475577881948265e-11;
  sum = FMA(sum, square, none + 2.08757232129817482790e-09);
  sum = FMA(sum, square, none - 2.75573143513906633035e-07);
  sum = FMA(sum, square, none + 2.48015872894767294178e-05);
  sum = FMA(sum, square, none - 1.38888888888741095749e-03);
  sum = FMA(sum, square, none + 4.16666666666666019037e-02);
  sum = FMA(sum, square, none - 0.5);
  return FMA(sum, square, none + 1);
}

static inline vector sine(vector angle, vector square)
{
  vector none = {0}, sum = none + 1.58969099521155010221e-10;
  sum = FMA(sum, square, none - 2.50507602534068634195e-08);
  sum = FMA(sum, square, none + 2.75573137070700676789e-06);
  sum = FMA(sum, square, none - 1.98412698298579493134e-04);
  sum = FMA(sum, square, none + 8.33333333332248946124e-03);
  sum = FMA(sum, square, none - 1.66666666666666324348e-01);
  return FMA(sum * square, angle, angle);
}

/* Box-Muller: radius sqrt(-2 log(1 - u)) and angle 2 pi v. u is the upper 52 bits of a: as a
 * mantissa they give 1 + u, so that 1 - u lies in (0, 1] and its logarithm is finite. v is b in
 * 2^-64; an eighth of a turn further, the two upper bits of b are the nearest multiple of a quarter
 * turn and the next 52 the angle from it, so that none needs a reduction. An odd multiple exchanges
 * cosine and sine. */
static void normals(size_t count, const uint64_t *a, const uint64_t *b, double *z0, double *z1)
{
  const uint64_t sign = UINT64_C(1) << 63;
  /* Two passes: within each, the long chains of successive vectors overlap. */
  for (size_t p = 0; p < count; p += LANES)
    STORE(z0 + p, SQRT(minus_twice_log(2 - mantissa(words_at(a + p)))));
  for (size_t p = 0; p < count; p += LANES) {
    words quarter = words_at(b + p) + (sign >> 2), odd = quarter << 1;
    vector angle = (mantissa(quarter << 2) - 1.5) * 1.57079632679489661923, square = angle * angle;
    vector radius = LOAD(z0 + p), c = cosine(square) * radius, s = sine(angle, square) * radius;
    STORE(z0 + p, number_of(bits_of(SELECT(odd, s, c)) ^ ((quarter ^ odd) & sign)));
    STORE(z1 + p, number_of(bits_of(SELECT(odd, c, s)) ^ (quarter & sign)));
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
