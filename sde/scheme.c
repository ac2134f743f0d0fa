/*
 * What a step of a scheme takes: see scheme.h.
 */
#include "sde/scheme.h"

#include "sde/levy_area.h"

void sde_step_evaluate(const struct sde_step *step, double later, const double *x, const double *dw,
                       double *drift, double *noise)
{
  struct sde_instant at = step->at;
  at.time += later;
  step->system->evaluate(step->system, step->system_workspace, &at, step->width, x, dw, drift,
                         noise);
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
  return (double)normals +
         (needs & SDE_WIENER_WEAK_AREAS ? (double)sde_levy_area_count(dim) / 64 : 0);
}
