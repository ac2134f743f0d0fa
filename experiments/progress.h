/*
 * Progress: a bar with rate and time left on a terminal; nothing where stderr is not one.
 */
#ifndef EXPERIMENTS_PROGRESS_H
#define EXPERIMENTS_PROGRESS_H

#include <stdint.h>

struct progress;

/* A bar over `total` units of work, or NULL where none is to be shown; every function takes NULL.
 * It shows itself on stderr. */
struct progress *progress_new(double total);

/* What runs now, and how much work it is; path counts are scaled to it. */
void progress_part(struct progress *progress, const char *label, double work, uint64_t paths);

/* As sde_ensemble.progress: paths done of the current part. */
void progress_paths(void *progress, uint64_t paths_done);

/* Clear the line and release. */
void progress_free(struct progress *progress);

#endif
