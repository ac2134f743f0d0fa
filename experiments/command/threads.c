/*
 * Threads: see threads.h. A quota of processor time, as containers and Slurm have it, is in no
 * count of processors; the kernel stops threads beyond it for a part of the time.
 */
#define _GNU_SOURCE /* pthread_getattr_np */
#include "experiments/command/threads.h"

#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of stack that a thread needs: the largest frames, of unit_moments and the networks, have
 * 70 to 100 kB, and few of them are open at once. */
enum { STACK_LEAST = 512 * 1024 };

/* ---- the quota ---- */

/* The first words of a file, at most two; how many there are. */
static int read_words(const char *path, char words[2][32])
{
  FILE *file = fopen(path, "r");
  int count = file == NULL ? 0 : fscanf(file, "%31s %31s", words[0], words[1]);
  if (file != NULL)
    fclose(file);
  return count < 0 ? 0 : count;
}

/* Processors by quota and period, both in microseconds; INFINITY without a limit. */
static double ratio_of(const char *quota, const char *period)
{
  double time = strtod(quota, NULL), each = strtod(period, NULL);
  return time > 0 && each > 0 ? time / each : INFINITY;
}

/* The limit of one group of version 2, whose cpu.max holds "QUOTA PERIOD" or "max PERIOD". */
static double quota_unified(const char *folder)
{
  char words[2][32], *path = sde_format("%s/cpu.max", folder);
  double ratio = read_words(path, words) == 2 ? ratio_of(words[0], words[1]) : INFINITY;
  sde_free(path);
  return ratio;
}

/* The limit of one group of version 1, which has a file for each; -1 stands for no limit. */
static double quota_legacy(const char *folder)
{
  char quota[2][32], period[2][32];
  char *first = sde_format("%s/cpu.cfs_quota_us", folder);
  char *second = sde_format("%s/cpu.cfs_period_us", folder);
  bool there = read_words(first, quota) > 0 && read_words(second, period) > 0;
  double ratio = there ? ratio_of(quota[0], period[0]) : INFINITY;
  sde_free(first);
  sde_free(second);
  return ratio;
}

/* The least of a group and those above it, up to the mount, where a container sees its own. */
static double quota_of_path(const char *mount, const char *group, double (*quota)(const char *))
{
  char *path = sde_format("%s%s", mount, group);
  size_t shortest = strlen(mount);
  double least = INFINITY;
  for (;;) {
    least = fmin(least, quota(path));
    char *slash = strrchr(path, '/');
    if (slash == NULL || (size_t)(slash - path) < shortest)
      break;
    *slash = '\0';
  }
  sde_free(path);
  return least;
}

/* Does a list "cpu,cpuacct" name the controller cpu? */
static bool has_cpu(const char *controllers)
{
  for (; *controllers != '\0'; controllers += *controllers == ',') {
    size_t length = strcspn(controllers, ",");
    if (length == 3 && strncmp(controllers, "cpu", 3) == 0)
      return true;
    controllers += length;
  }
  return false;
}

/* From a line "NUMBER:CONTROLLERS:GROUP" of /proc/self/cgroup; version 2 names no controllers. */
static double quota_of_line(const char *root, char *line)
{
  char *controllers = strchr(line, ':');
  char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
  if (group == NULL)
    return INFINITY;
  *group++ = '\0';
  group[strcspn(group, "\n")] = '\0';
  controllers++;
  bool unified = controllers[0] == '\0';
  if (!unified && !has_cpu(controllers))
    return INFINITY;
  char *mount = sde_format("%s/sys/fs/cgroup%s", root, unified ? "" : "/cpu");
  double ratio = quota_of_path(mount, group, unified ? quota_unified : quota_legacy);
  sde_free(mount);
  return ratio;
}

int threads_quota(const char *root)
{
  char *path = sde_format("%s/proc/self/cgroup", root), *line = NULL;
  size_t capacity = 0;
  double least = INFINITY;
  FILE *file = fopen(path, "r");
  while (file != NULL && getline(&line, &capacity, file) > 0)
    least = fmin(least, quota_of_line(root, line));
  if (file != NULL)
    fclose(file);
  free(line);
  sde_free(path);
  return least < THREADS_MOST ? (int)ceil(least) : 0;
}

/* ---- what OpenMP gives ---- */

void threads_begin(void)
{
  const char *chosen = getenv("OMP_NUM_THREADS");
  int threads = omp_get_max_threads(), quota = threads_quota("");
  if (chosen == NULL && quota > 0 && quota < threads)
    threads = quota;
  if (threads > THREADS_MOST)
    threads = omp_get_num_procs();
  if (threads > omp_get_thread_limit())
    threads = omp_get_thread_limit();
  omp_set_num_threads(threads);
}

/* The stack of the calling thread in bytes; SIZE_MAX where that cannot be asked. */
static size_t stack_size(void)
{
  size_t size = SIZE_MAX;
#ifdef __GLIBC__
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
  }
#endif
  return size;
}

int threads_start(int wanted, struct sde_status *status)
{
  int threads = wanted > 0 ? wanted : omp_get_max_threads();
  size_t least = SIZE_MAX;
#pragma omp parallel num_threads(threads) reduction(min : least)
  {
    least = stack_size();
#pragma omp single
    threads = omp_get_num_threads();
  }
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
  if (least >= STACK_LEAST)
    return threads;
  sde_fail(status, SDE_FAILED,
           "threads have %zu kB of stack and need %d; OMP_STACKSIZE or `ulimit -s` must give more",
           least / 1024, STACK_LEAST / 1024);
  return 0;
}
