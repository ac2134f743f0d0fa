/*
 * Wiener increments: a Brownian path of noise_dim components is a row of independent increments
 * over the finest step; a coarser increment is the sum of its fine ones, so that two step sizes
 * see one path.
 */
#ifndef SDE_WIENER_H
#define SDE_WIENER_H

#include "sde/random.h"

#include <stddef.h>
#include <stdint.h>

struct sde_wiener {
  struct sde_stream stream;
  size_t noise_dim;
  double fine_step; /* the time that one finest increment spans */
};

/* dw[k*width + p] = increment of component k over fine steps first .. first + count - 1, for paths
 * first_path + p. scratch has noise_dim * width numbers. */
void sde_wiener_increment(const struct sde_wiener *wiener, uint64_t first_path, size_t width,
                          uint64_t first, uint64_t count, double *dw, double *scratch);

#endif
