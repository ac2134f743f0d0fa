/*
 * Iterated Ito integrals: see iterated_integrals.h.
 */
#include "sde/iterated_integrals.h"

#include "sde/block.h"

/* out = scale (dW_j dW_k - correction) */
SDE_VECTOR
static void products(size_t width, double scale, double correction, const double *restrict dw_j,
                     const double *restrict dw_k, double *restrict out)
{
  for (size_t p = 0; p < width; p++)
    out[p] = (dw_j[p] * dw_k[p] - correction) * scale;
}

void sde_iterated_integrals(const struct sde_increments *increments, size_t j, size_t noise_dim,
                            double dt, double factor, size_t width, double *out)
{
  const double *dw = increments->dw, *area = increments->area;
  for (size_t k = 0; k < noise_dim; k++) {
    double *row = out + k * width;
    products(width, factor / 2, j == k ? dt : 0, dw + j * width, dw + k * width, row);
    if (area != NULL && j < k)
      sde_block_add(width, factor, area + (k * (k - 1) / 2 + j) * width, row);
    if (area != NULL && j > k)
      sde_block_add(width, -factor, area + (j * (j - 1) / 2 + k) * width, row);
  }
}
