/*
 * Multilevel Monte Carlo: E phi(X_T) of an SDE to a requested root-mean-square error, by a
 * telescoping sum over time steps that halve from level to level. Only the differences of
 * neighbours on one Brownian path are needed at the fine steps, and these take few paths.
 */
#ifndef SDE_MULTILEVEL_H
#define SDE_MULTILEVEL_H

#include "sde/ensemble.h"
#include "sde/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sde_multilevel;

/* The system must not depend on time otherwise than by X: a step need not divide any unit of it. */
struct sde_multilevel_problem {
  const struct sde_system *system;
  const struct sde_scheme *scheme;
  struct sde_stream stream; /* levels draw different paths of it */
  double time;              /* T */
  double shortest;          /* no time step is below it */
  const double *start;      /* dim numbers */
  struct sde_observables observables;
  double tolerance; /* of the root-mean-square error, each observable's */
  double bound;     /* as in an ensemble */
  int threads;
  /* NULL, or where the paths that this rank runs, and their path-steps, are added. */
  uint64_t *own_paths, *own_work;
  /* NULL, or told now and then while paths run: the levels without those, and the normals that all
   * have taken with those. */
  void (*progress)(void *context, const struct sde_multilevel *multilevel, double normals);
  void *progress_context;
  const struct sde_keeper *keeper; /* as of an ensemble */
};

/* Level l has 2^l steps. It estimates phi at its own step, and phi at this step less phi at the
 * step of level l - 1 on the same path. */
struct sde_level {
  uint64_t steps, paths;
  uint64_t diverged;                      /* of the paths; of pairs, those that lost either */
  double normals;                         /* that one path of the difference draws */
  double evaluations;                     /* of the system, likewise */
  struct sde_moments *value, *difference; /* [observable]; level 0 has no difference */
  struct sde_moments *fine, *coarse;      /* of the two that the differences are between */
};

/* A run: what was asked for, the levels tried and in use, and what they took. */
struct sde_multilevel {
  struct sde_multilevel_problem problem;
  double weak_order;
  size_t stable; /* from this level on no path diverged in the pilot */
  size_t first;  /* this level gives its mean, the levels above it their differences */
  size_t levels;
  struct sde_level *level;     /* those below first were tried and are not used */
  double normals, evaluations; /* that all took, what was tried included */
  bool reached;                /* false where the bias stays too large at the shortest step */
};

/* Can levels of the scheme be told apart by their step alone? Not where Levy areas come in: those
 * of a whole step are approximations in law, and composed of two halves they have another law than
 * drawn at once, so that the sum of the differences would not telescope. The status says why. */
bool sde_multilevel_accepts(const struct sde_scheme *scheme, const struct sde_system *system,
                            struct sde_status *status);

/* Try levels from a single step on, with a small number of paths each, until the bias seems to be
 * small enough, and choose the first level. NULL, and the status says why, where the scheme is
 * refused or paths diverge at any step. Released with sde_multilevel_free. */
struct sde_multilevel *sde_multilevel_new(const struct sde_multilevel_problem *problem,
                                          struct sde_status *status);
void sde_multilevel_free(struct sde_multilevel *multilevel);

/* Normals that the run is predicted to take, those taken included. */
double sde_multilevel_predicted(const struct sde_multilevel *multilevel);

/* Draw paths, as many on each level as sqrt(variance / normals) asks for, and add levels, until the
 * mean square error is below tolerance^2: a quarter of it for the bias, the rest for sampling
 * (Giles, Operations Research 56:607, 2008; Acta Numerica 24:259, 2015, algorithm 1). The result is
 * a function of the problem alone, without its threads. False, and the status says why, where a
 * level would take 2^40 paths or more. */
bool sde_multilevel_run(struct sde_multilevel *multilevel, struct sde_status *status);

/* What is known of E phi(X_T) for an observable. */
struct sde_multilevel_estimate {
  double mean, se;
  double paths; /* over all levels in use */
  /* The bias at the finest step: the largest of what the last three differences say by the weak
   * order, and with two of the smallest of their standard errors added. */
  double bias, bias_bound;
};

/* The estimate of one of the problem's observables after a run that returned true. */
struct sde_multilevel_estimate sde_multilevel_estimate(const struct sde_multilevel *multilevel,
                                                       size_t observable);

/* What plain Monte Carlo with the same scheme takes for the same tolerance, at the number of steps
 * that is best for it: paths V / (tolerance^2 - bias^2), the most that an observable asks for. */
struct sde_plain {
  uint64_t steps;
  double paths, normals, evaluations;
};

/* The same for a run that has returned true, from the variances and differences it measured. */
struct sde_plain sde_multilevel_plain(const struct sde_multilevel *multilevel);

#endif
