/*
 * Checkpoints: what the ensembles of a run have counted so far, in one file of its directory for
 * each rank, replaced whole, so that a run that was interrupted goes on with --resume and ends with
 * the bytes of one that was not, for any threads and ranks before and after.
 */
#ifndef EXPERIMENTS_RESULTS_CHECKPOINT_H
#define EXPERIMENTS_RESULTS_CHECKPOINT_H

#include "experiments/recipe/recipe.h"
#include "sde/keeper.h"

struct checkpoint;

/* Is there a checkpoint in the directory? And is this the name of such a file? */
bool checkpoint_is_in(const char *directory);
bool checkpoint_is_file(const char *name);

/* A checkpoint of a run of the recipe into the directory, which has so many settings; nothing is
 * written before the recipe's `checkpoint` seconds have passed. */
struct checkpoint *checkpoint_new(const struct recipe *recipe, const char *directory,
                                  size_t settings);
void checkpoint_free(struct checkpoint *checkpoint);

/* All ranks together: read what is there. SDE_INVALID where it is of another recipe, other data,
 * another seed or version, or damaged; the status names what differs. */
bool checkpoint_read(struct checkpoint *checkpoint, struct sde_status *status);

/* What ensembles take; and once the results are in their place, or begin anew, the files go. */
const struct sde_keeper *checkpoint_keeper(const struct checkpoint *checkpoint);
void checkpoint_remove(const char *directory);

#endif
