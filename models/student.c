/*
 * Student's t: see student.h.
 */
#include "models/student.h"

#include "sde/block.h"
#include "sde/vector_math.h"

#include <gsl/gsl_math.h>
#include <math.h>

enum { U = SDE_UNIT };

/* From words to (u, 2 pi v): the middles of 2^52 intervals of (0, 1), so that u is never 0. */
SDE_VECTOR
static void uniforms(const uint64_t *restrict a, const uint64_t *restrict b, double *restrict u,
                     double *restrict angle)
{
  for (size_t p = 0; p < U; p++) {
    u[p] = ((double)(a[p] >> 12) + 0.5) * 0x1p-52;
    angle[p] = 2 * M_PI * (((double)(b[p] >> 12) + 0.5) * 0x1p-52);
  }
}

/* sum += t of one call */
static void add_draw(double nu, const struct sde_address *at, uint64_t call, double *sum)
{
  const struct sde_vector_math *math = sde_vector_math();
  uint64_t a[U], b[U];
  double power[U], angle[U];
  sde_random_bits(at, U, call, a, b);
  uniforms(a, b, power, angle);
  math->log(U, power, power);
  for (size_t p = 0; p < U; p++)
    power[p] *= -2 / nu;
  math->exp(U, power, power);
  math->cos(U, angle, angle);
  for (size_t p = 0; p < U; p++)
    sum[p] += sqrt(nu * fmax(power[p] - 1, 0)) * angle[p];
}

void student_means(double degrees_of_freedom, const struct sde_address *at, size_t width,
                   size_t size, size_t count, double *out)
{
  for (size_t start = 0; start < width; start += U) {
    struct sde_address here = *at;
    here.first_path += start;
    for (size_t k = 0; k < count; k++) {
      double *mean = out + k * width + start;
      sde_block_fill(U, 0, mean);
      for (size_t i = 0; i < size; i++)
        add_draw(degrees_of_freedom, &here, (uint64_t)(k * size + i), mean);
      sde_block_scale(U, 1 / (double)size, mean);
    }
  }
}
