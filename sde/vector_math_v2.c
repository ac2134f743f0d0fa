/*
 * Vector mathematics for x86-64-v2: this file is compiled for that instruction set and called only
 * where the processor has it. See vector_math.h.
 */
#define SET sde_vector_math_v2
#define SET_NAME "x86-64-v2"
#define LANES 2
#include "sde/vector_math_kernel.h"
