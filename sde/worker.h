/*
 * Workers: what one thread of an ensemble holds, and how it takes a block of paths through all
 * processes from the start to the last record. The inside of sde/ensemble.h.
 */
#ifndef SDE_WORKER_H
#define SDE_WORKER_H

#include "sde/ensemble.h"
#include "sde/tally.h"

/* alive[process*width + p], and of the dead failed[..]; valid[..] are those that count at a record;
 * values[(process*O + observable)*width + p]. */
struct sde_worker {
  size_t width;
  double **x;
  void **process_workspace;
  void *observable_workspace;
  bool *alive, *failed, *valid, *both;
  double *values, *difference;
  struct sde_tally tally;
};

/* A worker with blocks of this width, a multiple of SDE_UNIT. */
struct sde_worker sde_worker_new(const struct sde_ensemble *ensemble,
                                 const struct sde_tally_sizes *sizes, size_t width);
void sde_worker_free(const struct sde_ensemble *ensemble, struct sde_worker *worker);

/* Run the ensemble's paths first .. end - 1, of which the worker's tally then tells, and put what
 * is kept of them in `samples`, a table as of struct sde_ensemble_result. */
void sde_worker_run(const struct sde_ensemble *ensemble, struct sde_worker *worker, uint64_t first,
                    uint64_t end, const struct sde_tally_sizes *sizes, double *samples);

#endif
