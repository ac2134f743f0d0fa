/*
 * Wiener increments: see wiener.h.
 */
#include "sde/wiener.h"

#include "sde/block.h"

#include <math.h>

void sde_wiener_increment(const struct sde_wiener *wiener, uint64_t first_path, size_t width,
                          uint64_t first, uint64_t count, double *dw, double *scratch)
{
  size_t size = wiener->noise_dim * width;
  struct sde_address at = {wiener->stream, first_path, first};
  sde_random_normals(&at, width, wiener->noise_dim, dw);
  for (uint64_t i = 1; i < count; i++) {
    at.step = first + i;
    sde_random_normals(&at, width, wiener->noise_dim, scratch);
    sde_block_add(size, 1, scratch, dw);
  }
  sde_block_scale(size, sqrt(wiener->fine_step), dw);
}
