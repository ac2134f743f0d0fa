/*
 * Ensembles: many paths of several processes side by side, in blocks over threads, reduced to
 * moments of observables at recorded steps. No path is stored unless it is asked for. A result has
 * the same bits for any number of ranks (sde/ranks.h) and of threads, and any block width.
 */
#ifndef SDE_ENSEMBLE_H
#define SDE_ENSEMBLE_H

#include "sde/ensemble_result.h"
#include "sde/process.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Functions of the state, evaluated together: out[o*width + p]. Workspaces as for a process. They
 * read the first coordinates x[i*width + p], i below the ensemble's dim, of every process; what a
 * process has beyond them is its own affair. */
struct sde_observables {
  size_t count;
  const void *context;
  void *(*workspace_new)(const void *context, size_t width);
  void (*workspace_free)(void *workspace);
  void (*evaluate)(const void *context, void *workspace, size_t width, const double *x,
                   double *out);
};

/* A difference of two processes path by path; meaningful where they share a stream. */
struct sde_pair {
  size_t minuend, subtrahend;
};

/* Functions that replace the observables of one process, as many of them, at a record;
 * they read all coordinates of that process. */
struct sde_variate {
  const void *context;
  void (*evaluate)(const void *context, size_t record, size_t width, const double *x, double *out);
};

struct sde_keeper;

/* What is run: each process from the start, on the same path numbers. Processes may have different
 * dims, each at least `dim`. */
struct sde_ensemble {
  uint64_t paths;
  uint64_t first_path; /* the paths are first_path + 0 .. paths - 1 of the processes' streams */
  size_t dim;          /* the coordinates that all processes have in common, the first of each */
  const double *start; /* dim numbers: where paths start, but for what a process' begin does */
  size_t records;
  const uint64_t *record_steps; /* ascending; step 0 is the start */
  size_t processes;
  const struct sde_process *const *process;
  /* Antithetic paths: the second half of the processes are partners of the first, and where those
   * are recorded, observables are the means of a path and its partner's, which both must live. Of
   * the partners their own are recorded. */
  bool antithetic;
  size_t pairs;
  const struct sde_pair *pair;
  /* Control variates: the last processes, `variates` of them, have these functions instead of
   * the observables, and a pair has minuend - factor (subtrahend - mean) instead of the
   * difference, [(pair*records + record)*observables + observable]; NULL for 1 and for 0. */
  size_t variates;
  const struct sde_variate *variate;
  const double *pair_factor, *pair_mean;
  struct sde_observables observables;
  double bound;          /* a path with a coordinate beyond it, or not finite, has diverged */
  uint64_t sample_paths; /* keep the observables of this many paths, 0 for none */
  size_t width;          /* block width, a multiple of SDE_UNIT; 0 for the default */
  const struct sde_keeper *keeper; /* keeps what is done (sde/keeper.h); NULL for none */
  int threads;                     /* of this rank; 0 for OpenMP's choice */
  void (*progress)(void *context, uint64_t paths_done);
  void *progress_context;
};

/* The width of the blocks in which it runs: that of the ensemble, or the default. */
size_t sde_ensemble_width(const struct sde_ensemble *ensemble);

/* Run. Several ranks run one ensemble together, each a part of the paths in proportion to its
 * threads, and all have the whole result. The caller releases it with sde_ensemble_result_free. */
struct sde_ensemble_result sde_ensemble_run(const struct sde_ensemble *ensemble);

#endif
