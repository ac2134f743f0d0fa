/*
 * The body of one set of vector mathematics. The including file defines SET (the name of its
 * table), SET_NAME and LANES, and is compiled for the instruction set that LANES needs.
 */
#include "sde/vector_math.h"

#include <sleef.h>

#if LANES == 8
#include <immintrin.h>
typedef __m512d vector;
#define LOAD(p) _mm512_loadu_pd(p)
#define STORE(p, v) _mm512_storeu_pd(p, v)
#define LOG Sleef_finz_logd8_u35avx512f
#define SINCOSPI Sleef_finz_sincospid8_u35avx512f
#define PAIR Sleef___m512d_2
#define EXP Sleef_finz_expd8_u10avx512f
#define LOG1P Sleef_finz_log1pd8_u10avx512f
#define SQRT(v) _mm512_sqrt_pd(v)
#elif LANES == 4
#include <immintrin.h>
typedef __m256d vector;
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, v) _mm256_storeu_pd(p, v)
#define LOG Sleef_finz_logd4_u35avx2
#define SINCOSPI Sleef_finz_sincospid4_u35avx2
#define PAIR Sleef___m256d_2
#define EXP Sleef_finz_expd4_u10avx2
#define LOG1P Sleef_finz_log1pd4_u10avx2
#define SQRT(v) _mm256_sqrt_pd(v)
#elif LANES == 2
#include <immintrin.h>
typedef __m128d vector;
#define LOAD(p) _mm_loadu_pd(p)
#define STORE(p, v) _mm_storeu_pd(p, v)
#define LOG Sleef_cinz_logd2_u35sse4
#define SINCOSPI Sleef_cinz_sincospid2_u35sse4
#define PAIR Sleef___m128d_2
#define EXP Sleef_cinz_expd2_u10sse4
#define LOG1P Sleef_cinz_log1pd2_u10sse4
#define SQRT(v) _mm_sqrt_pd(v)
#else
#include <math.h>
typedef double vector;
#define LOAD(p) (*(p))
#define STORE(p, v) (*(p) = (v))
#define LOG Sleef_cinz_logd1_u35purec
#define SINCOSPI Sleef_cinz_sincospid1_u35purec
#define PAIR Sleef_double_2
#define EXP Sleef_cinz_expd1_u10purec
#define LOG1P Sleef_cinz_log1pd1_u10purec
#define SQRT(v) sqrt(v)
#endif

enum { PIECE = 64 };

/* Radius sqrt(-2 log(1 - u)) and angle 2 pi v from the upper 52 bits of each word; 1 - u lies in
 * (0, 1], so the logarithm is finite. */
static void normals(size_t count, const uint64_t *a, const uint64_t *b, double *z0, double *z1)
{
  double minus_log[PIECE], half_turns[PIECE];
  for (size_t start = 0; start < count; start += PIECE) {
    size_t piece = count - start < PIECE ? count - start : PIECE;
    for (size_t p = 0; p < piece; p++) {
      union {
        uint64_t word;
        double value;
      } u = {(a[start + p] >> 12) | UINT64_C(0x3ff0000000000000)},
        v = {(b[start + p] >> 12) | UINT64_C(0x3ff0000000000000)};
      minus_log[p] = 2 - u.value;
      half_turns[p] = 2 * v.value - 2;
    }
    for (size_t p = 0; p < piece; p += LANES)
      STORE(minus_log + p, LOG(LOAD(minus_log + p)));
    for (size_t p = 0; p < piece; p++)
      minus_log[p] = -2 * minus_log[p];
    for (size_t p = 0; p < piece; p += LANES) {
      vector radius = SQRT(LOAD(minus_log + p));
      PAIR sine_cosine = SINCOSPI(LOAD(half_turns + p));
      STORE(z0 + start + p, sine_cosine.y * radius);
      STORE(z1 + start + p, sine_cosine.x * radius);
    }
  }
}

static void exponential(size_t count, const double *in, double *out)
{
  for (size_t i = 0; i < count; i += LANES)
    STORE(out + i, EXP(LOAD(in + i)));
}

static void logarithm_1p(size_t count, const double *in, double *out)
{
  for (size_t i = 0; i < count; i += LANES)
    STORE(out + i, LOG1P(LOAD(in + i)));
}

extern const struct sde_vector_math SET;
const struct sde_vector_math SET = {SET_NAME, normals, exponential, logarithm_1p};
