/*
 * Threads: how many a run takes, by the processors that it may use and what OpenMP's environment
 * says, and whether they can work.
 */
#ifndef EXPERIMENTS_COMMAND_THREADS_H
#define EXPERIMENTS_COMMAND_THREADS_H

#include "sde/status.h"

enum { THREADS_MOST = 4096 };

/* Once, before anything runs in parallel: OpenMP's default number of threads becomes one that
 * the machine has. Where OMP_NUM_THREADS does not say, the quota of the container counts. */
void threads_begin(void);

/* Start as many threads as asked for, 0 for the default, and keep to the number that OpenMP gave:
 * OMP_THREAD_LIMIT and OMP_DYNAMIC may make it less. Returns it; 0 with SDE_FAILED where their
 * stacks are too small to work on. */
int threads_start(int wanted, struct sde_status *status);

/* Processors that the control groups of this process grant, rounded up; 0 where they set no limit.
 * `root` is put before /proc and /sys: "", but in tests. */
int threads_quota(const char *root);

#endif
