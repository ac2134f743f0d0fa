/*
 * Processes: anything that advances a block of paths by one learning-rate step. A discrete
 * optimizer is one; a scheme applied to an SDE, with several substeps, is another. Ensembles,
 * observables and statistics are written once, for processes.
 */
#ifndef SDE_PROCESS_H
#define SDE_PROCESS_H

#include "sde/random.h"
#include "sde/scheme.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sde_quasi;

struct sde_solution;

/* A process, by its functions; it owns nothing. The state of a path is its own: `dim` numbers, of
 * which the first are the coordinates that observables read, and whatever else the workspace holds
 * for the block. */
struct sde_process {
  size_t dim;
  const void *context;
  /* Scratch for one thread and blocks of this width, and what is kept of each path of the block
   * while it runs. */
  void *(*workspace_new)(const struct sde_process *process, size_t width);
  void (*workspace_free)(const struct sde_process *process, void *workspace);
  /* Paths first_path + p are about to take their first step in this workspace, and no other block
   * runs in it until they have taken their last: set what the workspace holds of each path. On
   * entry x[i*width + p] is the ensemble's start, followed by zeros where the process has more
   * coordinates; whoever starts elsewhere overwrites it, at random by numbers addressed by the
   * path. NULL where there is nothing to set. */
  void (*begin)(const struct sde_process *process, void *workspace, uint64_t first_path,
                size_t width, double *x);
  /* Advance x[i*width + p], path first_path + p, from step to step + 1. */
  void (*advance)(const struct sde_process *process, void *workspace, uint64_t first_path,
                  size_t width, uint64_t step, double *x);
  /* Has path p of the block failed since it began (sde/system.h: failures)? Its state is then not a
   * number. NULL for a process that cannot tell. */
  bool (*failed)(const struct sde_process *process, const void *workspace, size_t p);
  /* What a process writes down of each path as it goes, kept[row*kept_paths + path], or no rows. An
   * ensemble over several ranks gives what they kept to all. Only for ensembles with first_path 0
   * and at most kept_paths paths. */
  size_t kept_rows, kept_paths;
  double *kept;
  /* A hash of what it computes and which random numbers it draws: an ensemble ends ranks whose
   * hashes differ, since their paths do not belong together. 0 where nothing is told. */
  uint64_t fingerprint;
  uint64_t substeps; /* steps of a scheme in one of its own, in which work is counted; 0 for 1 */
  const struct sde_solution *solution; /* the SDE that it solves, and how; NULL where it is none */
};

/* Put a block of paths at the start, `dim` numbers, at most as many as the process has; further
 * coordinates become 0. Then the process begins. */
void sde_process_start(const struct sde_process *process, void *workspace, size_t dim,
                       const double *start, uint64_t first_path, size_t width, double *x);

/* What `begin` and `failed` do, or nothing where these are NULL: for processes that follow another
 * one, which must pass both on. */
void sde_process_begin(const struct sde_process *process, void *workspace, uint64_t first_path,
                       size_t width, double *x);
bool sde_process_failed(const struct sde_process *process, const void *workspace, size_t p);

/* Where paths start that do not start at the ensemble's point: x[i*width + p] of path
 * first_path + p, which holds that point on entry. Random numbers are addressed by the path. */
struct sde_start {
  const void *context;
  void (*draw)(const void *context, uint64_t first_path, size_t width, double *x);
};

/* What keeps paths in a set: x[i*width + p] is moved back into it after each step of the scheme.
 * Whatever the scheme, the weak order is then 1 at most where steps are folded back at a face (the
 * symmetrised scheme), and 1/2 where they are clipped; who speaks of orders must say so. Bossy,
 * Gobet, Talay, J. Appl. Probab. 41 (2004); Costantini, Pacchiarotti, Sartoretto, SIAM J. Appl.
 * Math. 58 (1998). */
struct sde_projection {
  const void *context;
  void (*project)(const void *context, size_t width, double *x);
};

/* How an SDE is solved: the learning-rate step eta is cut into `substeps` steps of the scheme, and
 * the Brownian path is drawn at `resolution` increments a learning-rate step (a multiple of
 * substeps). Two solutions with one stream and resolution see one Brownian path. */
struct sde_solution {
  const struct sde_system *system;
  const struct sde_scheme *scheme;
  struct sde_stream stream;
  double eta;
  uint64_t substeps, resolution;
  bool forced;                   /* on noise that the scheme refuses too, to show what that costs */
  bool negated;                  /* along the Brownian path -W */
  const struct sde_quasi *quasi; /* as in sde/wiener.h, for fine steps of `resolution`; or NULL */
  const struct sde_start *start; /* NULL: the ensemble's point */
  const struct sde_projection *projection; /* NULL: none */
};

/* The process of a solution; the solution is copied, what it points to must outlive the process.
 * NULL, and the status says why, where the scheme does not accept the system. */
struct sde_process *sde_solution_process_new(const struct sde_solution *solution,
                                             struct sde_status *status);
void sde_solution_process_free(struct sde_process *process);

#endif
