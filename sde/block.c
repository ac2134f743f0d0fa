/*
 * Blocks: arithmetic on all numbers of a block. See block.h.
 */
#include "sde/block.h"

#include <string.h>

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

void sde_block_load(size_t rows, size_t width, const double *block, double *unit)
{
  for (size_t k = 0; k < rows; k++)
    memcpy(unit + k * SDE_UNIT, block + k * width, SDE_UNIT * sizeof *unit);
}

void sde_block_store(size_t rows, size_t width, const double *unit, double *block)
{
  for (size_t k = 0; k < rows; k++)
    memcpy(block + k * width, unit + k * SDE_UNIT, SDE_UNIT * sizeof *unit);
}
