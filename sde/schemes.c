/*
 * The registry of schemes: see scheme.h.
 */
#include "sde/scheme.h"

#include <string.h>

#define SDE_SCHEME(name) extern const struct sde_scheme sde_##name;
#include "sde/schemes.def"
#undef SDE_SCHEME

const struct sde_scheme *const *sde_schemes(void)
{
  static const struct sde_scheme *const all[] = {
#define SDE_SCHEME(name) &sde_##name,
#include "sde/schemes.def"
#undef SDE_SCHEME
      NULL};
  return all;
}

const struct sde_scheme *sde_scheme_named(const char *name)
{
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++)
    if (strcmp((*scheme)->name, name) == 0)
      return *scheme;
  return NULL;
}

bool sde_scheme_accepts(const struct sde_scheme *scheme, const struct sde_system *system,
                        struct sde_status *status)
{
  if (scheme->on[system->noise].strong_order > 0)
    return true;
  char accepted[256] = "";
  for (const struct sde_scheme *const *other = sde_schemes(); *other != NULL; other++)
    if ((*other)->on[system->noise].strong_order > 0) {
      size_t used = strlen(accepted);
      strncat(accepted, used == 0 ? "" : ", ", sizeof accepted - used - 1);
      strncat(accepted, (*other)->name, sizeof accepted - strlen(accepted) - 1);
    }
  return sde_fail(status, SDE_INVALID,
                  "scheme %s would lose its order on %s noise (%s, %zu Wiener processes); "
                  "for such noise take %s",
                  scheme->name, sde_noise_class_name(system->noise), system->name,
                  system->noise_dim, accepted);
}
