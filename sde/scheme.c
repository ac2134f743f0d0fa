/*
 * The registry of schemes: see scheme.h.
 */
#include "sde/scheme.h"

#include "sde/levy_area.h"

#include <string.h>

#define SDE_SCHEME(name) extern const struct sde_scheme sde_##name;
#include "sde/schemes.def"
#undef SDE_SCHEME

void sde_step_evaluate(const struct sde_step *step, double later, const double *x, const double *dw,
                       double *drift, double *noise)
{
  struct sde_instant at = step->at;
  at.time += later;
  step->system->evaluate(step->system, step->system_workspace, &at, step->width, x, dw, drift,
                         noise);
}

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

double sde_scheme_weak_order(const struct sde_scheme *scheme, const struct sde_system *system)
{
  return system->draws && scheme->weak_order > 1 ? 1 : scheme->weak_order;
}

size_t sde_scheme_scratch(const struct sde_scheme *scheme, const struct sde_system *system,
                          size_t width)
{
  return (scheme->state_vectors * system->dim + scheme->noise_vectors * system->noise_dim) * width;
}

double sde_scheme_evaluations(const struct sde_scheme *scheme, const struct sde_system *system)
{
  const struct sde_scheme_class *on = &scheme->on[system->noise];
  return on->evaluations + on->evaluations_a_noise * (double)system->noise_dim;
}

double sde_scheme_normals(const struct sde_scheme *scheme, const struct sde_system *system,
                          double dt)
{
  size_t dim = system->noise_dim, normals = dim;
  unsigned needs = scheme->on[system->noise].needs;
  if (needs & SDE_WIENER_TIME_INTEGRALS)
    normals += dim;
  if (needs & SDE_WIENER_LEVY_AREAS)
    normals += sde_levy_area_normals(dim, sde_levy_area_terms(dim, dt));
  if (needs & SDE_WIENER_NORMALS)
    normals += scheme->normals(system);
  /* A sign costs a bit, a normal 64 of them. */
  return (double)normals + (needs & SDE_WIENER_WEAK_AREAS ? (double)sde_wiener_areas(dim) / 64 : 0);
}
