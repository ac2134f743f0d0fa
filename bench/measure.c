/*
 * Measuring: see measure.h.
 */
#include "bench/measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double median(const double *values, size_t count)
{
  double sorted[ROUNDS];
  memcpy(sorted, values, count * sizeof *values);
  qsort(sorted, count, sizeof *sorted, compare_doubles);
  return sorted[count / 2];
}

void row(const struct bench *bench, const char *task, const char *variant, int threads,
         double value, const char *unit, double to_plain, double to_floor)
{
  fprintf(bench->csv, "%s,%s,%s,%s,%d,1,%.6g,%s,", bench->date, bench->commit, task, variant,
          threads, value, unit);
  if (to_plain > 0)
    fprintf(bench->csv, "%.4g", to_plain);
  fputc(',', bench->csv);
  if (to_floor > 0)
    fprintf(bench->csv, "%.4g", to_floor);
  fputc('\n', bench->csv);
  printf("%-9s %-22s %2d threads  %10.4g %-22s", task, variant, threads, value, unit);
  if (to_plain > 0)
    printf("  %6.2f x plain C", to_plain);
  if (to_floor > 0)
    printf("  %5.2f of the normals alone", to_floor);
  putchar('\n');
}

/* Path-steps a second that the baseline program prints of itself. */
double baseline_speed(const struct bench *bench, const char *program, uint64_t paths,
                      uint64_t steps, int threads)
{
  char command[512];
  snprintf(command, sizeof command, "%s/%s %llu %llu %d", bench->baselines, program,
           (unsigned long long)paths, (unsigned long long)steps, threads);
  FILE *pipe = popen(command, "r");
  double seconds = 0, speed = 0;
  if (pipe == NULL ||
      fscanf(pipe, "seconds %lf million-path-steps-per-second %lf", &seconds, &speed) != 2) {
    fprintf(stderr, "bench: %s gave no speed\n", command);
    exit(1);
  }
  pclose(pipe);
  return 1e6 * speed;
}
