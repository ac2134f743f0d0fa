/*
 * Equations on which schemes are measured: Ito equations over a horizon, each with what is known of
 * its solution: the flow along a Brownian path, expectations at the end, or neither.
 */
#ifndef ANALYSIS_EQUATION_H
#define ANALYSIS_EQUATION_H

#include "models/limit.h"
#include "sde/system.h"
#include "sde/wiener.h"

#include <stddef.h>
#include <stdint.h>

/* The function x_i x_j of the state; x_i alone where j is EQUATION_ALONE. */
enum { EQUATION_ALONE = -1 };
struct equation_observable {
  const char *name;
  int i, j;
};

/* Numbers of steps over the horizon at which errors show their order, and how many paths resolve
 * them at the fewest, as a multiple of those asked for. */
enum { EQUATION_STEPS = 4 };
struct equation_plan {
  uint64_t steps[EQUATION_STEPS];
  double paths;
};

/* For strong errors, and weak ones of schemes of weak order 1, and of 2 and more. */
enum { EQUATION_STRONG, EQUATION_WEAK_1, EQUATION_WEAK_2, EQUATION_PLANS };

/* An equation with its plans, and what is known of its solution. */
struct equation {
  const char *name, *formula;
  struct sde_system system;
  double time;
  const double *start; /* system.dim numbers */
  size_t observables;  /* whose weak errors are taken */
  const struct equation_observable *observable;
  struct equation_plan plan[EQUATION_PLANS];
  /* Declared strong orders that the equation can show, ends included, and why no others. */
  double strong_from, strong_to;
  const char *strong_why;
  /* The exact flow of x[i*width + p] over a time dt with these increments, of `flow_needs`; where
   * these hold SDE_WIENER_NORMALS, one a path is used, dt is a finest step, and time integrals are
   * heeded where there are any. NULL where no flow is known. */
  void (*flow)(const struct equation *equation, double dt, const struct sde_increments *increments,
               size_t width, double *x);
  unsigned flow_needs;
  /* value[k] = E of observable k at the end; NULL where they are not known. */
  void (*expectations)(const struct equation *equation, double *value);
  /* The same of Euler-Maruyama with this many steps. */
  void (*euler_expectations)(const struct equation *equation, uint64_t steps, double *value);
  const void *context;
};

/* The fixed equations, ended by NULL, and the names of them all, `optimizer` included. */
const struct equation *const *equation_table(void);
#define EQUATION_NAMES                                                                             \
  "ornstein-uhlenbeck pendulum geometric hyperbolic commutative noncommutative optimizer"

/* The SDE of an optimizer's limit over a time, which its iterates take `steps` steps for, from a
 * start; with exact moments where it has any. `label` names the optimizer for people. Released with
 * equation_optimizer_free, before what it points to: the limit, its optimizer and the start. */
struct equation *equation_optimizer_new(const struct optimizer *optimizer,
                                        const struct limit *limit, const char *label,
                                        const double *start, double time, uint64_t steps);
void equation_optimizer_free(struct equation *equation);

/* out[p] = observable at x[i*width + p]. */
void equation_observe(const struct equation_observable *observable, size_t width, const double *x,
                      double *out);

#endif
