/*
 * Measuring: what the tasks of the benchmark share. Each runs what it compares in turn, ROUNDS
 * times, and prints medians.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

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

/* Of at most ROUNDS values. */
double median(const double *values, size_t count);

/* One row for people and for the CSV file; a ratio of 0 is none. */
void row(const struct bench *bench, const char *task, const char *variant, int threads,
         double value, const char *unit, double to_plain, double to_floor);

/* Path-steps a second that a program in plain C, called with paths, steps and threads, prints of
 * itself. */
double baseline_speed(const struct bench *bench, const char *program, uint64_t paths,
                      uint64_t steps, int threads);

/* The tasks that have files of their own. */
void bench_factor(const struct bench *bench);
void bench_formula(const struct bench *bench);

#endif
