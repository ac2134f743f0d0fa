/*
 * Vector mathematics: the choice among the sets. See vector_math.h.
 */
#include "sde/vector_math.h"

#include <sleef.h>
#include <stdbool.h>
#include <string.h>

extern const struct sde_vector_math sde_vector_math_portable;

#if defined(__x86_64__) && !defined(SDE_PORTABLE)
extern const struct sde_vector_math sde_vector_math_v2, sde_vector_math_v3, sde_vector_math_v4;

/* What the kernels of each level need of the processor, by features: clang 14 does not know the
 * levels by name. Every processor with these has the rest of its level. Each test reads a word that
 * the compiler's run-time library has set, so asking in hot loops is cheap. */
static inline bool has_v2(void)
{
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
}

static inline bool has_v3(void)
{
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static inline bool has_v4(void)
{
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

/* Set at the start of a program, if at all, and never again: kernels are asked for without a
 * context, deep in hot loops. */
static const struct sde_vector_math *chosen;

void sde_vector_math_use(const struct sde_vector_math *set)
{
  chosen = set;
}

const struct sde_vector_math *sde_vector_math(void)
{
  if (chosen != NULL)
    return chosen;
#if defined(__x86_64__) && !defined(SDE_PORTABLE)
  if (has_v4())
    return &sde_vector_math_v4;
  if (has_v3())
    return &sde_vector_math_v3;
  if (has_v2())
    return &sde_vector_math_v2;
#endif
  return &sde_vector_math_portable;
}

const struct sde_vector_math *sde_vector_math_named(const char *name)
{
#if defined(__x86_64__) && !defined(SDE_PORTABLE)
  if (strcmp(name, "x86-64-v4") == 0)
    return has_v4() ? &sde_vector_math_v4 : NULL;
  if (strcmp(name, "x86-64-v3") == 0)
    return has_v3() ? &sde_vector_math_v3 : NULL;
  if (strcmp(name, "x86-64-v2") == 0)
    return has_v2() ? &sde_vector_math_v2 : NULL;
#endif
  return strcmp(name, "portable") == 0 ? &sde_vector_math_portable : NULL;
}
