/*
 * Blocks: arithmetic on all numbers of a block. See block.h.
 */
#include "sde/block.h"

SDE_VECTOR
void sde_block_add(size_t count, double factor, const double *restrict more, double *restrict sum)
{
  for (size_t i = 0; i < count; i++)
    sum[i] += factor * more[i];
}

SDE_VECTOR
void sde_block_scale(size_t count, double factor, double *restrict values)
{
  for (size_t i = 0; i < count; i++)
    values[i] *= factor;
}

SDE_VECTOR
void sde_block_shift(size_t count, const double *restrict x, double factor,
                     const double *restrict direction, double *restrict out)
{
  for (size_t i = 0; i < count; i++)
    out[i] = x[i] + factor * direction[i];
}

SDE_VECTOR
void sde_block_fill(size_t count, double value, double *restrict out)
{
  for (size_t i = 0; i < count; i++)
    out[i] = value;
}
