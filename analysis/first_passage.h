/*
 * First passages: a process that follows another one and stops each path where one coordinate first
 * reaches a level. Paths of an SDE are tested for crossings between its time steps as well, by the
 * Brownian bridge; iterates exist on the grid only.
 */
#ifndef ANALYSIS_FIRST_PASSAGE_H
#define ANALYSIS_FIRST_PASSAGE_H

#include "sde/process.h"

#include <stdbool.h>

/* What is to be reached, and by how many paths. */
struct first_passage_target {
  size_t coordinate; /* from 0 */
  double boundary;
  bool above;   /* paths start below the boundary, and leave upwards */
  double bound; /* a path with a coordinate beyond it, or not finite, has diverged */
  uint64_t paths;
};

/* Iterates with a learning-rate step of eta: the time is that of the first step at or beyond the
 * boundary. The process is copied, what it points to must outlive the result. */
struct sde_process *first_passage_of_iterates(const struct sde_process *iterates, double eta,
                                              const struct first_passage_target *target);

/* The solution of an SDE, on the same Brownian path as that of sde_solution_process_new. A step of
 * length h from distance a > 0 to the boundary to distance b on the same side has crossed in
 * between with probability exp(-2 a b / (s^2 h)), s^2 h the variance of the coordinate's increment:
 * exact for constant coefficients (Gobet, Stochastic Process. Appl. 87 (2000)), of weak order 1 for
 * others. The uniform numbers that decide are of the stream `crossings`, one a step at the address
 * of its first Wiener increment, so that two step sizes share them. With `bridge` false only the
 * ends of steps are tested, and times are too long by O(sqrt(h)).
 *
 * Within a step that crosses, tau / (h - tau) has the inverse Gaussian law of mean a / |b|: tau is
 * set where that ratio is its mean, h a / (a + |b|), which is off by less than h.
 *
 * NULL, and the status says why, where the scheme does not accept the system. */
struct sde_process *first_passage_of_solution(const struct sde_solution *solution,
                                              const struct first_passage_target *target,
                                              struct sde_stream crossings, bool bridge,
                                              struct sde_status *status);

/* Release what either of them gave, with its times. */
void first_passage_free(struct sde_process *process);

/* [path]: the first-passage times, of the last ensemble that ran the process from step 0; INFINITY
 * where the boundary was not reached, NAN where the path diverged before. Owned by the process. */
const double *first_passage_times(const struct sde_process *process);

#endif
