/*
 * Tiles: four numbers at a time, for kernels that the compiler does not vectorise well by itself.
 */
#ifndef MODELS_TILE_H
#define MODELS_TILE_H

enum { TILE = 4 };

/* TILE numbers anywhere in an array of double. */
typedef double tile_row __attribute__((vector_size(32), aligned(8), may_alias));

/* For what SDE_VECTOR functions share: else it would be compiled once, for the smallest
 * instruction set. */
#define TILE_INLINE static inline __attribute__((always_inline))

#endif
