/*
 * Vector mathematics: the portable set, and the choice among the sets. See vector_math.h.
 */
#include "sde/vector_math.h"

#include <sleef.h>
#include <string.h>

#define SET sde_vector_math_portable
#define SET_NAME "portable"
#define LANES 1
#include "sde/vector_math_kernel.h"

#if defined(__x86_64__) && !defined(SDE_PORTABLE)
extern const struct sde_vector_math sde_vector_math_v2, sde_vector_math_v3, sde_vector_math_v4;
#endif

/* Called in hot loops: each test reads one word that the compiler's run-time library has set. */
const struct sde_vector_math *sde_vector_math(void)
{
#if defined(__x86_64__) && !defined(SDE_PORTABLE)
  if (__builtin_cpu_supports("x86-64-v4"))
    return &sde_vector_math_v4;
  if (__builtin_cpu_supports("x86-64-v3"))
    return &sde_vector_math_v3;
  if (__builtin_cpu_supports("x86-64-v2"))
    return &sde_vector_math_v2;
#endif
  return &sde_vector_math_portable;
}

const struct sde_vector_math *sde_vector_math_named(const char *name)
{
#if defined(__x86_64__) && !defined(SDE_PORTABLE)
  if (strcmp(name, "x86-64-v4") == 0)
    return __builtin_cpu_supports("x86-64-v4") ? &sde_vector_math_v4 : NULL;
  if (strcmp(name, "x86-64-v3") == 0)
    return __builtin_cpu_supports("x86-64-v3") ? &sde_vector_math_v3 : NULL;
  if (strcmp(name, "x86-64-v2") == 0)
    return __builtin_cpu_supports("x86-64-v2") ? &sde_vector_math_v2 : NULL;
#endif
  return strcmp(name, "portable") == 0 ? &sde_vector_math_portable : NULL;
}
