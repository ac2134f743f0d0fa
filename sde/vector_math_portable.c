/*
 * Vector mathematics in portable C, for any processor. See vector_math.h.
 */
#define SET sde_vector_math_portable
#define SET_NAME "portable"
#define LANES 1
#include "sde/vector_math_kernel.h"
