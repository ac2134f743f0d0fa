/*
 * The command line of the baselines in plain C, and the line in which they report their speed.
 */
#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct plain_arguments {
  long paths, steps, threads;
};

static inline bool plain_count(const char *text, long low, long *count)
{
  char *end;
  *count = strtol(text, &end, 10);
  return end != text && *end == '\0' && *count >= low && *count <= 1000000000;
}

static inline struct plain_arguments plain_arguments(int argc, char **argv)
{
  struct plain_arguments arguments;
  if (argc != 4 || !plain_count(argv[1], 2, &arguments.paths) ||
      !plain_count(argv[2], 1, &arguments.steps) || !plain_count(argv[3], 1, &arguments.threads)) {
    fprintf(stderr, "usage: %s PATHS STEPS THREADS (whole numbers; at least 2 paths)\n", argv[0]);
    exit(2);
  }
  return arguments;
}

/* Without the line's end: results follow. */
static inline void plain_report(const struct plain_arguments *arguments, double seconds)
{
  printf("seconds %.3f million-path-steps-per-second %.4f", seconds,
         1e-6 * (double)arguments->paths * (double)arguments->steps / seconds);
}

#endif
