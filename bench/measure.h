/*
 * Measuring: what the tasks of the benchmark share. Each runs what it compares in turn, ROUNDS
 * times, and prints medians.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "sde/process.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { ROUNDS = 7 };

struct bench {
  FILE *csv;
  char date[32], commit[64];
  const char *baselines; /* the directory of the programs in plain C */
  int threads;
};

double seconds_now(void);

/* The median of at most ROUNDS values. */
double median(const double *values, size_t count);

/* One row for people and for the CSV file; a ratio of 0 is none. */
void row(const struct bench *bench, const char *task, const char *variant, int threads,
         double value, const char *unit, double to_plain, double to_floor);

/* The same of so many ranks of one thread, without ratios. */
void row_of_ranks(const struct bench *bench, const char *task, const char *variant, int ranks,
                  double value, const char *unit);

/* Path-steps a second that a program in plain C, called with paths, steps and threads, prints of
 * itself. */
double baseline_speed(const struct bench *bench, const char *program, uint64_t paths,
                      uint64_t steps, int threads);

/* Path-steps a second of a process through the public engine, each component from `start`; and of
 * the solution of a system with steps of this length. */
double process_speed(const struct sde_process *process, double start, uint64_t paths,
                     uint64_t steps, int threads);
double solution_speed(const struct sde_system *system, const char *scheme, double start, double dt,
                      uint64_t paths, uint64_t steps, int threads);

/* The floor: as many path-steps with `lanes` normals each, and nothing else. */
double normals_speed(size_t lanes, uint64_t paths, uint64_t steps, int threads);

/* The engine's path-steps a second of T1 and T1b. */
double t1_speed(uint64_t paths, uint64_t steps, int threads);
double t1b_speed(uint64_t paths, uint64_t steps, int threads);

/* The tasks that have files of their own. */
void bench_t1(const struct bench *bench);
void bench_t1b(const struct bench *bench);
void bench_xmds2(const struct bench *bench);
void bench_t2(const struct bench *bench);
void bench_factor(const struct bench *bench);
void bench_formula(const struct bench *bench);
void bench_update(const struct bench *bench);
void bench_ranks(const struct bench *bench);
void bench_check(const struct bench *bench);

/* What a rank of bench_ranks runs instead of the program. */
int rank_of_bench(void);

#endif
