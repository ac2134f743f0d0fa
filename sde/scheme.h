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

#include <stdbool.h>
#include <stddef.h>

struct sde_scheme {
  const char *name, *title, *reference;
  /* Orders for each noise class; strong_order is 0 where the class is not accepted. */
  double strong_order[SDE_NOISE_CLASSES];
  double weak_order;
  /* Scratch: this many vectors of dim and of noise_dim numbers a path. */
  size_t state_vectors, noise_vectors;
  /* One step from x at at->time over dt, driven by the increments dw[k*width + p]; x is advanced
   * in place. */
  void (*step)(const struct sde_system *system, void *system_workspace, double *scratch,
               const struct sde_instant *at, double dt, size_t width, const double *dw, double *x);
};

/* All schemes, ended by NULL. */
const struct sde_scheme *const *sde_schemes(void);

/* The scheme of a name, or NULL. */
const struct sde_scheme *sde_scheme_named(const char *name);

/* Does the scheme keep its order on this system? If not, the status says which class it is, and
 * which schemes take it. */
bool sde_scheme_accepts(const struct sde_scheme *scheme, const struct sde_system *system,
                        struct sde_status *status);

/* Doubles of scratch that a step needs. */
size_t sde_scheme_scratch(const struct sde_scheme *scheme, const struct sde_system *system,
                          size_t width);

#endif
