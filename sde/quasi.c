/*
 * Quasi-random Brownian paths: see quasi.h.
 */
#include "sde/quasi.h"

#include "sde/block.h"
#include "sde/inverse_normal.h"
#include "sde/status.h"

#include <gsl/gsl_qrng.h>
#include <math.h>
#include <string.h>

enum { DIGITS = 52 };

size_t sde_quasi_dimensions(const struct sde_quasi *quasi)
{
  return quasi->components * quasi->intervals;
}

static void read_point(gsl_qrng *sobol, size_t dimensions, uint64_t *bits)
{
  double point[SDE_QUASI_DIMENSIONS];
  gsl_qrng_get(sobol, point);
  for (size_t d = 0; d < dimensions; d++)
    bits[d] = (uint64_t)ldexp(point[d], DIGITS);
}

/* GSL gives the points 1, 2, .. in the order of Gray's code, in which point 2^k and the one before
 * differ by the direction number k alone; point 0 is the origin. */
static void read_directions(struct sde_quasi *quasi)
{
  size_t dimensions = sde_quasi_dimensions(quasi);
  gsl_qrng *sobol = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)dimensions);
  uint64_t before[SDE_QUASI_DIMENSIONS] = {0}, here[SDE_QUASI_DIMENSIONS];
  size_t bit = 0;
  for (uint64_t n = 1; n < quasi->points; n++) {
    read_point(sobol, dimensions, here);
    if (n == (uint64_t)1 << bit) {
      for (size_t d = 0; d < dimensions; d++)
        quasi->direction[d * SDE_QUASI_BITS + bit] = here[d] ^ before[d];
      bit++;
    }
    memcpy(before, here, dimensions * sizeof *here);
  }
  gsl_qrng_free(sobol);
}

/* A stretch of intervals whose two ends the bridge has reached. */
struct stretch {
  size_t first, end;
};

/* w[b * intervals + j] is the coefficient of z_j in W at the boundary b: first at the end, then
 * half way between neighbours, the widest stretches first. Between times s < t < u, given both
 * ends, W_t is normal with the mean between theirs and the variance (t - s)(u - t)/(u - s). */
static void build_bridge(const struct sde_quasi *quasi, double *w)
{
  size_t count = quasi->intervals, head = 0, tail = 0, used = 1;
  struct stretch queue[2 * SDE_QUASI_DIMENSIONS];
  w[count * count] = sqrt((double)quasi->begin[count]);
  queue[tail++] = (struct stretch){0, count};
  while (head < tail) {
    struct stretch open = queue[head++];
    if (open.end - open.first < 2)
      continue;
    size_t middle = open.first + (open.end - open.first) / 2;
    double left = (double)(quasi->begin[middle] - quasi->begin[open.first]);
    double right = (double)(quasi->begin[open.end] - quasi->begin[middle]);
    for (size_t j = 0; j < used; j++)
      w[middle * count + j] =
          (right * w[open.first * count + j] + left * w[open.end * count + j]) / (left + right);
    w[middle * count + used++] = sqrt(left * right / (left + right));
    queue[tail++] = (struct stretch){open.first, middle};
    queue[tail++] = (struct stretch){middle, open.end};
  }
}

static void set_bridge(struct sde_quasi *quasi)
{
  size_t count = quasi->intervals;
  double *w = sde_alloc((count + 1) * count, sizeof *w);
  build_bridge(quasi, w);
  for (size_t i = 0; i < count * count; i++)
    quasi->bridge[i] = w[count + i] - w[i];
  sde_free(w);
}

struct sde_quasi *sde_quasi_new(struct sde_stream shifts, size_t noise_dim, uint64_t fine_steps,
                                uint64_t points)
{
  struct sde_quasi *quasi = sde_alloc(1, sizeof *quasi);
  size_t components = noise_dim < SDE_QUASI_DIMENSIONS ? noise_dim : SDE_QUASI_DIMENSIONS;
  size_t most = SDE_QUASI_DIMENSIONS / components;
  size_t intervals = fine_steps < most ? (size_t)fine_steps : most;
  *quasi = (struct sde_quasi){
      .shifts = shifts,
      .components = components,
      .intervals = intervals,
      .points = points,
      .begin = sde_alloc(intervals + 1, sizeof *quasi->begin),
      .bridge = sde_alloc(intervals * intervals, sizeof *quasi->bridge),
      .direction = sde_alloc(components * intervals * SDE_QUASI_BITS, sizeof *quasi->direction)};
  for (size_t c = 0; c <= intervals; c++)
    quasi->begin[c] = fine_steps / intervals * c + fine_steps % intervals * c / intervals;
  read_directions(quasi);
  set_bridge(quasi);
  return quasi;
}

void sde_quasi_free(struct sde_quasi *quasi)
{
  if (quasi == NULL)
    return;
  sde_free(quasi->begin);
  sde_free(quasi->bridge);
  sde_free(quasi->direction);
  sde_free(quasi);
}

static void read_shift(const struct sde_quasi *quasi, uint64_t replicate, uint64_t *shift)
{
  struct sde_address at = {quasi->shifts, replicate, 0};
  uint64_t a[SDE_UNIT], b[SDE_UNIT];
  for (size_t d = 0; d < sde_quasi_dimensions(quasi); d++) {
    if (d % 2 == 0)
      sde_random_bits(&at, SDE_UNIT, d / 2, a, b);
    shift[d] = (d % 2 == 0 ? a[0] : b[0]) >> (64 - DIGITS);
  }
}

static void shifted_point(const struct sde_quasi *quasi, uint64_t point, const uint64_t *shift,
                          uint64_t *bits)
{
  for (size_t d = 0; d < sde_quasi_dimensions(quasi); d++) {
    const uint64_t *direction = quasi->direction + d * SDE_QUASI_BITS;
    bits[d] = shift[d];
    for (uint64_t gray = point ^ (point >> 1); gray != 0; gray >>= 1)
      bits[d] ^= *direction++ & -(gray & 1);
  }
}

void sde_quasi_point(const struct sde_quasi *quasi, uint64_t path, uint64_t *bits)
{
  uint64_t shift[SDE_QUASI_DIMENSIONS];
  read_shift(quasi, path / quasi->points, shift);
  shifted_point(quasi, path % quasi->points, shift, bits);
}

/* One path; the rows of out are width numbers apart. The uniforms are the middles of cells of
 * 2^-52, so that 0 and 1 are not met. */
static void bridge_path(const struct sde_quasi *quasi, const uint64_t *bits, size_t width,
                        double *out)
{
  size_t count = quasi->intervals, components = quasi->components;
  double uniform[SDE_QUASI_DIMENSIONS], z[SDE_QUASI_DIMENSIONS];
  for (size_t d = 0; d < SDE_QUASI_DIMENSIONS; d++)
    uniform[d] = d < sde_quasi_dimensions(quasi) ? ldexp((double)bits[d] + 0.5, -DIGITS) : 0.5;
  sde_inverse_normal(SDE_QUASI_DIMENSIONS, uniform, z);
  for (size_t c = 0; c < count; c++)
    for (size_t k = 0; k < components; k++) {
      double sum = 0;
      for (size_t j = 0; j < count; j++)
        sum += quasi->bridge[c * count + j] * z[j * components + k];
      out[(c * components + k) * width] = sum;
    }
}

void sde_quasi_increments(const struct sde_quasi *quasi, uint64_t first_path, size_t width,
                          double *out)
{
  uint64_t shift[SDE_QUASI_DIMENSIONS], bits[SDE_QUASI_DIMENSIONS];
  for (size_t p = 0; p < width; p++) {
    uint64_t path = first_path + p;
    if (p == 0 || path % quasi->points == 0)
      read_shift(quasi, path / quasi->points, shift);
    shifted_point(quasi, path % quasi->points, shift, bits);
    bridge_path(quasi, bits, width, out + p);
  }
}
