/*
 * What an ensemble leaves: moments of observables, of their differences, and single paths, by
 * process, record and observable. The functions below are the only place that knows how the arrays
 * are laid out.
 */
#ifndef SDE_ENSEMBLE_RESULT_H
#define SDE_ENSEMBLE_RESULT_H

#include "sde/statistics.h"

#include <stddef.h>
#include <stdint.h>

/* A diverged path leaves the statistics at the record after it diverged and never returns; the
 * means are then over survivors. The arrays are read with the functions below. */
struct sde_ensemble_result {
  size_t processes, pairs, records, observables;
  size_t sample_paths;             /* paths whose observables are kept */
  struct sde_moments *moments;     /* [(process*records + record)*observables + observable] */
  struct sde_moments *differences; /* [(pair*records + record)*observables + observable] */
  struct sde_moments *pooled;      /* as moments; NULL but for replicates, sde/replicates.h */
  uint64_t *diverged;              /* [process*records + record] */
  uint64_t *failed;                /* the same for those of them whose process had failed */
  uint64_t *first_divergence;      /* [process] */
  uint64_t *first_diverged;        /* [process] */
  double *samples;    /* [((process*records + record)*observables + observable)*sample_paths
                          + path]; NULL where none are kept */
  uint64_t own_paths; /* of the paths, those that this rank has run */
  uint64_t own_work;  /* their steps of schemes and optimizers, of all processes */
};

/* The moments of an observable of a process at a record, over the paths that live. */
struct sde_moments sde_ensemble_moments(const struct sde_ensemble_result *result, size_t process,
                                        size_t record, size_t observable);

/* The same of a pair's difference, path by path, over the paths that live in both processes. */
struct sde_moments sde_ensemble_difference(const struct sde_ensemble_result *result, size_t pair,
                                           size_t record, size_t observable);

/* The moments over all paths of all replicates, as if the paths were independent. */
struct sde_moments sde_ensemble_pooled(const struct sde_ensemble_result *result, size_t process,
                                       size_t record, size_t observable);

/* How many paths of a process have diverged by a record. */
uint64_t sde_ensemble_diverged(const struct sde_ensemble_result *result, size_t process,
                               size_t record);

/* How many of these diverged because the process failed on them (sde/system.h). */
uint64_t sde_ensemble_failed(const struct sde_ensemble_result *result, size_t process,
                             size_t record);

/* The step of a process' first divergence, and the number of the path that diverged then, the
 * lowest if several did; UINT64_MAX where no path has diverged. */
uint64_t sde_ensemble_first_divergence(const struct sde_ensemble_result *result, size_t process);
uint64_t sde_ensemble_first_diverged(const struct sde_ensemble_result *result, size_t process);

/* The observable along the first sample_paths paths, one number each, NAN once a path has diverged;
 * NULL where none are kept. */
const double *sde_ensemble_samples(const struct sde_ensemble_result *result, size_t process,
                                   size_t record, size_t observable);

/* Exchange all moments of a process and all those of a pair's difference. */
void sde_ensemble_exchange(struct sde_ensemble_result *result, size_t process, size_t pair);

/* The replicates of a process are no better than independent paths: its moments become the pooled
 * ones. */
void sde_ensemble_use_pooled(struct sde_ensemble_result *result, size_t process);

/* Release the tables of a result. */
void sde_ensemble_result_free(struct sde_ensemble_result *result);

#endif
