/*
 * Vector mathematics for x86-64-v4: this file is compiled for that instruction set and called only
 * where the processor has it. See vector_math.h.
 */
#define SET sde_vector_math_v4
#define SET_NAME "x86-64-v4"
#define LANES 8
#include "sde/vector_math_kernel.h"
