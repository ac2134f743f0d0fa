/*
 * Progress: see progress.h.
 */
#include "experiments/io/progress.h"

#include "sde/status.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24 };

struct progress {
  double total, before, part; /* work in all, of finished parts, of this part */
  uint64_t paths;
  const char *phase, *label;
  bool visible;
  double started, shown;
  uint64_t own_paths, own_work;
  const struct sde_keeper *keeper;
};

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct progress *progress_new(double total, bool shown)
{
  struct progress *progress = sde_alloc(1, sizeof *progress);
  progress->total = total;
  progress->phase = "";
  progress->visible = shown && isatty(STDERR_FILENO);
  progress->started = seconds_now();
  return progress;
}

void progress_set_keeper(struct progress *progress, const struct sde_keeper *keeper)
{
  progress->keeper = keeper;
}

const struct sde_keeper *progress_keeper(const struct progress *progress)
{
  return progress == NULL ? NULL : progress->keeper;
}

void progress_part(struct progress *progress, const char *label, double work, uint64_t paths)
{
  if (progress == NULL)
    return;
  progress->before += progress->part;
  progress->part = work;
  progress->label = label;
  progress->paths = paths;
}

void progress_expect(struct progress *progress, double more)
{
  if (progress != NULL)
    progress->total += more;
}

void progress_phase(struct progress *progress, const char *phase)
{
  if (progress != NULL)
    progress->phase = phase;
}

/* At most ten times a second. */
bool progress_is_due(const struct progress *progress)
{
  return progress != NULL && progress->visible && seconds_now() - progress->shown >= 0.1;
}

void progress_share(struct progress *progress, double share, const char *words)
{
  if (!progress_is_due(progress))
    return;
  progress->shown = seconds_now();
  char bar[BAR + 1];
  for (int i = 0; i < BAR; i++)
    bar[i] = i < share * BAR ? '#' : '.';
  bar[BAR] = '\0';
  fprintf(stderr, "\r\033[K[%s] %3.0f %%  %s%s", bar, 100 * share, progress->phase, words);
  fflush(stderr);
}

void progress_paths(void *context, uint64_t paths_done)
{
  struct progress *progress = context;
  if (!progress_is_due(progress))
    return;
  double done = progress->before + progress->part * (double)paths_done / (double)progress->paths;
  double share = done / progress->total, elapsed = seconds_now() - progress->started;
  double left = share > 0 ? elapsed * (1 - share) / share : 0;
  char *words = sde_format("%.3g M path-steps/s  %.0f s left  %s", done / elapsed / 1e6, left,
                           progress->label);
  progress_share(progress, share, words);
  sde_free(words);
}

void progress_ran(struct progress *progress, uint64_t own_paths, uint64_t own_work)
{
  if (progress == NULL)
    return;
  progress->own_paths += own_paths;
  progress->own_work += own_work;
}

uint64_t progress_own_paths(const struct progress *progress)
{
  return progress == NULL ? 0 : progress->own_paths;
}

uint64_t progress_own_work(const struct progress *progress)
{
  return progress == NULL ? 0 : progress->own_work;
}

void progress_end(struct progress *progress)
{
  if (progress == NULL || !progress->visible)
    return;
  progress->visible = false;
  fprintf(stderr, "\r\033[K");
  fflush(stderr);
}

void progress_free(struct progress *progress)
{
  progress_end(progress);
  sde_free(progress);
}
