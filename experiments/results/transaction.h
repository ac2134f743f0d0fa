/*
 * Transactions: how the files of a result reach their directory. It is locked from the first check
 * to the end, against other runs of any process; files are written to a folder inside, and moved
 * into place together. What a process that died has left there is swept by the next one.
 */
#ifndef EXPERIMENTS_RESULTS_TRANSACTION_H
#define EXPERIMENTS_RESULTS_TRANSACTION_H

#include "sde/status.h"

struct transaction;

enum transaction_mode {
  TRANSACTION_NEW,     /* the directory is made, or is empty */
  TRANSACTION_REPLACE, /* the same, or what it holds may be replaced */
  TRANSACTION_ADD      /* it is there, and holds a run to which files are added */
};

/* NULL, and the status says why: SDE_INVALID for a directory that cannot be one, is not empty, or
 * to which another run is writing; SDE_FAILED where it cannot be written to. */
struct transaction *transaction_begin(const char *directory, enum transaction_mode mode,
                                      struct sde_status *status);

/* Refuse with SDE_INVALID a run that would remove or overwrite this file, which it reads; `place`
 * is where the file is named, or NULL where it is named by the user. */
bool transaction_spare(const struct transaction *transaction, const char *file, const char *place,
                       struct sde_status *status);

/* Where the files of the result are to be written. */
const char *transaction_folder(const struct transaction *transaction);

/* Move all files of the folder into the directory, run.json first. Where run.json and summary.json
 * are among them they replace a run: what its run.json lists and is not replaced goes. Until this
 * is called the run before is whole; where the process dies meanwhile, the next transaction moves
 * the rest. Further files may follow. */
bool transaction_commit(struct transaction *transaction, struct sde_status *status);

/* Discard what was not moved, unlock, release; a directory that was made and is empty goes. */
void transaction_end(struct transaction *transaction);

#endif
