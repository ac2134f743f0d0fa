/*
 * Ensembles: many paths of several processes side by side, in blocks over threads, reduced to
 * moments of observables at recorded steps. No path is stored unless it is asked for. A result has
 * the same bits for any number of ranks (sde/ranks.h) and of threads, and any block width.
 */
#ifndef SDE_ENSEMBLE_H
#define SDE_ENSEMBLE_H

#include "sde/process.h"
#include "sde/statistics.h"

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
  int threads;           /* of this rank; 0 for OpenMP's choice */
  void (*progress)(void *context, uint64_t paths_done);
  void *progress_context;
};

/* With P processes, R records and O observables. A diverged path leaves the statistics at the
 * record after it diverged and never returns; the means are then over survivors. */
struct sde_ensemble_result {
  struct sde_moments *moments;     /* [(process*R + record)*O + observable] */
  struct sde_moments *differences; /* [(pair*R + record)*O + observable] */
  uint64_t *diverged;              /* [process*R + record]: paths that have diverged by then */
  uint64_t *failed;                /* likewise: those of them whose process had failed */
  uint64_t *first_divergence;      /* [process]: step of the first, UINT64_MAX where none */
  uint64_t *first_diverged;        /* [process]: that path's number, of several the lowest */
  double *samples;                 /* [((process*R + record)*O + observable)*S + path] or NULL */
  uint64_t own_paths;              /* of the paths, those that this rank has run */
  uint64_t own_work;               /* their steps of schemes and optimizers, of all processes */
};

/* Run. Several ranks run one ensemble together, each a part of the paths in proportion to its
 * threads, and all have the whole result. The caller releases its arrays with
 * sde_ensemble_result_free; `samples` may be taken out. */
struct sde_ensemble_result sde_ensemble_run(const struct sde_ensemble *ensemble);
void sde_ensemble_result_free(struct sde_ensemble_result *result);

#endif
