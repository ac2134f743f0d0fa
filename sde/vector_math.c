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

const struct sde_vector_math *sde_vector_math(void)
{
  static const char *const best_first[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2"};
  for (size_t i = 0; i < sizeof best_first / sizeof *best_first; i++) {
    const struct sde_vector_math *set = sde_vector_math_named(best_first[i]);
    if (set != NULL)
      return set;
  }
  return &sde_vector_math_portable;
}
