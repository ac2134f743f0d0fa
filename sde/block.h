/*
 * Blocks: paths are advanced many at a time, as a structure of arrays. Component i of path p of a
 * block of `width` paths stands at x[i * width + p], so that the innermost loop runs over paths.
 */
#ifndef SDE_BLOCK_H
#define SDE_BLOCK_H

#include <stddef.h>

/* Paths that are reduced together, whatever the block width: a block is one or more whole units,
 * so a result does not depend on the width. */
#define SDE_UNIT 32

/* The least width of a block that holds so many lanes: whole units. */
static inline size_t sde_block_padded(size_t lanes)
{
  return (lanes + SDE_UNIT - 1) / SDE_UNIT * SDE_UNIT;
}

/* Hot loops over the paths of a block are compiled for each level of the x86-64 instruction set
 * and chosen when the program starts. No contraction to fused operations is allowed (the Makefile
 * sets -ffp-contract=off), so each version gives the same bits. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) && !defined(SDE_PORTABLE)
#define SDE_VECTOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SDE_VECTOR
#endif

/* Arithmetic on all numbers of a block; count is dim * width, arrays do not overlap. */

/* sum += factor * more */
void sde_block_add(size_t count, double factor, const double *more, double *sum);

/* values *= factor */
void sde_block_scale(size_t count, double factor, double *values);

/* out = x + factor * direction */
void sde_block_shift(size_t count, const double *x, double factor, const double *direction,
                     double *out);

/* out = value */
void sde_block_fill(size_t count, double value, double *out);

/* The rows of one unit of paths, of a block whose rows have `width` numbers, to and from rows of
 * SDE_UNIT numbers. `block` points to the unit's first path. */
void sde_block_load(size_t rows, size_t width, const double *block, double *unit);
void sde_block_store(size_t rows, size_t width, const double *unit, double *block);

#endif
