/*
 * Schemes: one step of an Ito equation on a block of paths. A scheme declares its orders and the
 * noise classes for which it keeps them, and refuses any other by name.
 *
 * To add one: write sde/NAME.c that ends with its `const struct sde_scheme`, and give it a row in
 * schemes.def. The generic tests then measure its orders.
 */
#ifndef SDE_SCHEME_H
#define SDE_SCHEME_H

#include "sde/status.h"
#include "sde/system.h"
#include "sde/wiener.h"

#include <stdbool.h>
#include <stddef.h>

/* One step: from time at.time over dt, on a Brownian path's increments. */
struct sde_step {
  const struct sde_system *system;
  void *system_workspace;
  const void *plan; /* the scheme's own, NULL for most */
  double *scratch;
  struct sde_instant at;
  double dt;
  size_t width;
  struct sde_increments increments;
};

/* The system of a step at x, at a time `later` than the step's beginning; as system->evaluate. */
void sde_step_evaluate(const struct sde_step *step, double later, const double *x, const double *dw,
                       double *drift, double *noise);

/* What a scheme says of itself on one class of noise. */
struct sde_scheme_class {
  double strong_order; /* 0 where the class is not accepted */
  unsigned needs;      /* of the Brownian path: enum sde_wiener_needs */
  /* Calls of the system's evaluate in a step, at most: this many, and this many for each Wiener
   * process. */
  double evaluations, evaluations_a_noise;
};

/* A scheme: a row of the registry. */
struct sde_scheme {
  const char *name, *title, *reference;
  double weak_order;
  struct sde_scheme_class on[SDE_NOISE_CLASSES];
  /* Exact in law whatever the step: then orders are INFINITY, and a step of any length is made of
   * the finest ones, so that it is exact on the Brownian path too. */
  bool exact;
  /* Scratch: this many vectors of dim and of noise_dim numbers per path. */
  size_t state_vectors, noise_vectors;
  /* What can be prepared for all steps of one system and step size; NULL where there is nothing.
   * Returns NULL, and the status says why, where the system is not one for the scheme. */
  void *(*plan_new)(const struct sde_system *system, double dt, struct sde_status *status);
  void (*plan_free)(void *plan);
  size_t (*normals)(const struct sde_system *system); /* for SDE_WIENER_NORMALS, else NULL */
  /* x[i*width + p] is advanced in place. */
  void (*step)(const struct sde_step *step, double *x);
};

/* All schemes, ended by NULL. */
const struct sde_scheme *const *sde_schemes(void);

/* The scheme of a name, or NULL. */
const struct sde_scheme *sde_scheme_named(const char *name);

/* Does the scheme keep its order on this system? If not, the status says which class it is, and
 * which schemes take it. */
bool sde_scheme_accepts(const struct sde_scheme *scheme, const struct sde_system *system,
                        struct sde_status *status);

/* The weak order of the scheme on this system: 1 at most where the system draws. */
double sde_scheme_weak_order(const struct sde_scheme *scheme, const struct sde_system *system);

/* Doubles of scratch that a step needs. */
size_t sde_scheme_scratch(const struct sde_scheme *scheme, const struct sde_system *system,
                          size_t width);

/* Calls of evaluate in a step, and standard normals (or as many random bits' worth) a path. */
double sde_scheme_evaluations(const struct sde_scheme *scheme, const struct sde_system *system);
double sde_scheme_normals(const struct sde_scheme *scheme, const struct sde_system *system,
                          double dt);

#endif
