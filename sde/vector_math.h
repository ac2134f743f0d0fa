/*
 * Vector mathematics: the hottest loops, written for each vector length: SLEEF's fixed-result
 * functions (finz with FMA, cinz without), and normals by polynomials, fused where the set has FMA.
 * The fused sets v3 and v4 agree in bits; v2 and portable C may differ from them.
 */
#ifndef SDE_VECTOR_MATH_H
#define SDE_VECTOR_MATH_H

#include <stddef.h>
#include <stdint.h>

/* Arrays have count items, count a multiple of 8; out may be in. */
struct sde_vector_math {
  const char *name; /* "x86-64-v3", ... */
  /* The words a[p], b[p] of Threefry-2x64-20 with this key and counter (first + p, counter). */
  void (*threefry)(size_t count, const uint64_t key[2], uint64_t first, uint64_t counter,
                   uint64_t *a, uint64_t *b);
  /* Box-Muller: z0, z1 independent standard normals from the words a, b, right to 4 units in the
   * last place. */
  void (*normals)(size_t count, const uint64_t *a, const uint64_t *b, double *z0, double *z1);
  void (*exp)(size_t count, const double *in, double *out);
  void (*log)(size_t count, const double *in, double *out);
  void (*log1p)(size_t count, const double *in, double *out);
  void (*sin)(size_t count, const double *in, double *out);
  void (*cos)(size_t count, const double *in, double *out);
  void (*tan)(size_t count, const double *in, double *out);
  void (*atan)(size_t count, const double *in, double *out);
  void (*sinh)(size_t count, const double *in, double *out);
  void (*cosh)(size_t count, const double *in, double *out);
  void (*tanh)(size_t count, const double *in, double *out);
  void (*pow)(size_t count, const double *base, const double *exponent, double *out);
  /* out[i*width + p] = constant[i] + sum_j matrix[i*columns + j] x[j*width + p], summed in the
   * order of j, fused in v3 and v4; constant may be NULL for zero, width is a multiple of 32, out
   * is not x. */
  void (*affine)(size_t rows, size_t columns, const double *matrix, const double *constant,
                 size_t width, const double *x, double *out);
};

/* The best set that this processor can run. x86-64-v3 and x86-64-v4 give the same bits;
 * x86-64-v2 and portable have no fused operation and may differ from them in the last place. */
const struct sde_vector_math *sde_vector_math(void);

/* Once, before anything is computed: sde_vector_math is this set from now on, so that a run repeats
 * the bits of another processor. */
void sde_vector_math_use(const struct sde_vector_math *set);

/* Each set by itself; NULL where it was not built or cannot run here. */
const struct sde_vector_math *sde_vector_math_named(const char *name);

#endif
