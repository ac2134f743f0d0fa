/*
 * Levy areas: see levy_area.h.
 */
#include "sde/levy_area.h"

#include "sde/block.h"

#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_psi.h>
#include <math.h>
#include <string.h>

/* PATHS are worked on at once, so that a term's normals stay in the first caches. */
enum { PATHS = 64, WORD_BITS = 64 };

size_t sde_levy_area_count(size_t noise_dim)
{
  return noise_dim * (noise_dim - 1) / 2;
}

/* The tail's normals come first, one a pair; normals are drawn two by two, so the series starts
 * at an even lane. */
static size_t first_lane_of_series(size_t noise_dim)
{
  size_t pairs = sde_levy_area_count(noise_dim);
  return pairs + pairs % 2;
}

size_t sde_levy_area_terms(size_t noise_dim, double dt)
{
  double m = (double)noise_dim;
  size_t lanes = SDE_RANDOM_LANES - 1 - first_lane_of_series(noise_dim);
  double needed = ceil(sqrt(5 * m / (12 * M_PI * M_PI * dt)));
  double most = floor((double)lanes / (2 * m));
  return (size_t)fmax(1, fmin(needed, most));
}

size_t sde_levy_area_normals(size_t noise_dim, size_t terms)
{
  return 2 * noise_dim * terms + sde_levy_area_count(noise_dim);
}

size_t sde_levy_area_scratch(size_t noise_dim)
{
  return 2 * noise_dim * PATHS;
}

/* normal_then_y = factor (normal + root dW) */
SDE_VECTOR
static void shift_term(size_t noise_dim, size_t width, size_t count, double factor, double root,
                       const double *restrict dw, double *restrict y)
{
  for (size_t k = 0; k < noise_dim; k++)
    for (size_t p = 0; p < count; p++)
      y[k * count + p] = factor * (y[k * count + p] + root * dw[k * width + p]);
}

SDE_VECTOR
static void add_term(size_t noise_dim, size_t width, size_t count, const double *restrict x,
                     const double *restrict y, double *restrict area)
{
  for (size_t k = 1; k < noise_dim; k++)
    for (size_t j = 0; j < k; j++, area += width)
      for (size_t p = 0; p < count; p++)
        area[p] += x[j * count + p] * y[k * count + p] - y[j * count + p] * x[k * count + p];
}

/* u = G dW / (dt (1 + sqrt(1 + |dW|^2 / dt))), with G the antisymmetric matrix of the normals. */
SDE_VECTOR
static void contract(size_t noise_dim, double dt, size_t width, size_t count,
                     const double *restrict dw, const double *restrict normals,
                     double *restrict square, double *restrict u)
{
  for (size_t p = 0; p < count; p++)
    square[p] = 0;
  for (size_t k = 0; k < noise_dim; k++)
    for (size_t p = 0; p < count; p++) {
      square[p] += dw[k * width + p] * dw[k * width + p];
      u[k * count + p] = 0;
    }
  for (size_t k = 1; k < noise_dim; k++)
    for (size_t j = 0; j < k; j++, normals += width)
      for (size_t p = 0; p < count; p++) {
        u[j * count + p] += normals[p] * dw[k * width + p];
        u[k * count + p] -= normals[p] * dw[j * width + p];
      }
  for (size_t p = 0; p < count; p++)
    square[p] = 1 / (dt * (1 + sqrt(1 + square[p] / dt)));
  for (size_t k = 0; k < noise_dim; k++)
    for (size_t p = 0; p < count; p++)
      u[k * count + p] *= square[p];
}

/* G becomes scale (G + u dW^T - dW u^T). */
SDE_VECTOR
static void correlate(size_t noise_dim, double scale, size_t width, size_t count,
                      const double *restrict dw, const double *restrict u, double *restrict area)
{
  for (size_t k = 1; k < noise_dim; k++)
    for (size_t j = 0; j < k; j++, area += width)
      for (size_t p = 0; p < count; p++)
        area[p] = scale * (area[p] + u[j * count + p] * dw[k * width + p] -
                           dw[j * width + p] * u[k * count + p]);
}

static void add_series(const struct sde_address *at, size_t noise_dim, double dt, size_t terms,
                       size_t width, size_t count, const double *dw, double *scratch, double *area)
{
  double *x = scratch, *y = x + noise_dim * count;
  size_t lanes = 2 * noise_dim, first_lane = first_lane_of_series(noise_dim);
  for (size_t r = 1; r <= terms; r++, first_lane += lanes) {
    sde_random_normals_from(at, count, first_lane, lanes, scratch);
    shift_term(noise_dim, width, count, dt / (2 * M_PI * (double)r), sqrt(2 / dt), dw, y);
    add_term(noise_dim, width, count, x, y, area);
  }
}

void sde_levy_areas(const struct sde_address *at, size_t noise_dim, double dt, size_t terms,
                    size_t width, const double *dw, double *scratch, double *area)
{
  double left = gsl_sf_psi_1_int((int)terms + 1), scale = dt / (2 * M_PI) * sqrt(2 * left);
  sde_random_normals(at, width, sde_levy_area_count(noise_dim), area);
  for (size_t p = 0; p < width; p += PATHS) {
    size_t count = width - p < PATHS ? width - p : PATHS;
    struct sde_address here = {at->stream, at->first_path + p, at->step};
    double *square = scratch, *u = square + count;
    contract(noise_dim, dt, width, count, dw + p, area + p, square, u);
    correlate(noise_dim, scale, width, count, dw + p, u, area + p);
    add_series(&here, noise_dim, dt, terms, width, count, dw + p, scratch, area + p);
  }
}

/* out = dt/2 with the sign of the given bit of each word. */
SDE_VECTOR
static void signed_halves(size_t count, double dt, size_t bit, const uint64_t *restrict words,
                          double *restrict out)
{
  double half = dt / 2;
  uint64_t positive;
  memcpy(&positive, &half, sizeof positive);
  for (size_t p = 0; p < count; p++) {
    uint64_t value = positive | (words[p] >> bit) << (WORD_BITS - 1);
    memcpy(&out[p], &value, sizeof value);
  }
}

void sde_levy_area_signs(const struct sde_address *at, size_t noise_dim, double dt, size_t width,
                         double *area)
{
  uint64_t words[2][PATHS];
  size_t pairs = sde_levy_area_count(noise_dim);
  for (size_t p = 0; p < width; p += PATHS) {
    size_t count = width - p < PATHS ? width - p : PATHS;
    struct sde_address here = {at->stream, at->first_path + p, at->step};
    for (size_t pair = 0; pair < pairs; pair++) {
      if (pair % (2 * WORD_BITS) == 0)
        sde_random_bits(&here, count, pair / (2 * WORD_BITS), words[0], words[1]);
      signed_halves(count, dt, pair % WORD_BITS, words[pair / WORD_BITS % 2],
                    area + pair * width + p);
    }
  }
}
