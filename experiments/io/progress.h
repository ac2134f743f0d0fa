/*
 * Progress: a bar with rate and time left on a terminal; nothing where stderr is not one. It also
 * counts the paths that this rank has run.
 */
#ifndef EXPERIMENTS_IO_PROGRESS_H
#define EXPERIMENTS_IO_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress;
struct sde_keeper;

/* The progress of a run with `total` units of work; every function takes NULL. The bar shows itself
 * on stderr where that is a terminal and `shown` is true. */
struct progress *progress_new(double total, bool shown);

/* Who keeps what the ensembles of the run have done; NULL: nobody, as where there is no progress.
 */
void progress_set_keeper(struct progress *progress, const struct sde_keeper *keeper);
const struct sde_keeper *progress_keeper(const struct progress *progress);

/* So much more work in all, where it is not known beforehand; and words before the labels. */
void progress_expect(struct progress *progress, double more);
void progress_phase(struct progress *progress, const char *phase);

/* What runs now, and how much work it is; path counts are scaled to it. */
void progress_part(struct progress *progress, const char *label, double work, uint64_t paths);

/* As sde_ensemble.progress: paths done of the current part. */
void progress_paths(void *progress, uint64_t paths_done);

/* Work that is not known in path-steps: what share of it is done, and how far it is in words. They
 * are shown where progress_is_due, which spares the caller making them. */
bool progress_is_due(const struct progress *progress);
void progress_share(struct progress *progress, double share, const char *words);

/* Paths that this rank has run of an ensemble, and their path-steps, own_work of its result; and of
 * all ensembles. */
void progress_ran(struct progress *progress, uint64_t own_paths, uint64_t own_work);
uint64_t progress_own_paths(const struct progress *progress);
uint64_t progress_own_work(const struct progress *progress);

/* Clear the line, where no more is to be shown. */
void progress_end(struct progress *progress);

/* Release. */
void progress_free(struct progress *progress);

#endif
