/*
 * Directories: made with all that is missing above them, and what was made taken away again; looked
 * into; emptied.
 */
#ifndef EXPERIMENTS_IO_DIRECTORY_H
#define EXPERIMENTS_IO_DIRECTORY_H

#include "sde/status.h"

/* A path of which folders were made: the outermost is the first `outermost` bytes; 0 where all were
 * there. Starts as {0}. */
struct directory_made {
  char *path;
  size_t outermost;
};

/* Make every missing folder of the path. SDE_INVALID where it cannot be one: below a file, a link
 * that leads nowhere, a name that is too long. `made` may be NULL, or is what directory_unmake
 * takes. */
bool directory_make(const char *path, struct directory_made *made, struct sde_status *status);

/* Remove, of the folders that were made, those that are empty, and release. */
void directory_unmake(struct directory_made *made);

/* Call for each entry but . and .. until false comes back; whether that never happened. True where
 * the directory cannot be read. */
bool directory_each(const char *path, bool (*entry)(void *context, const char *name),
                    void *context);

/* Remove a folder with the files in it, of which none is a folder; what cannot be removed stays. */
void directory_remove(const char *path);

#endif
