/*
 * Transactions: see transaction.h. In the directory of a result stand, while one is open, the lock,
 * the folder of what is being written, and for a moment that of what is whole and being moved: from
 * the renaming of the one into the other on the new result counts, and moving it can be repeated.
 */
#include "experiments/results/transaction.h"

#include "experiments/io/directory.h"
#include "experiments/io/interrupt.h"
#include "experiments/results/checkpoint.h"
#include "experiments/results/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK ".sharpsde.lock"
#define WRITTEN ".sharpsde.new"
#define WHOLE ".sharpsde.whole"
#define PICTURES ".plot-XXXXXX" /* as mkdtemp names it */

struct transaction {
  char *directory, *lock_path, *written, *whole;
  struct directory_made made;
  int lock;
  char *left; /* what is said of an interruption once files have been moved */
  struct interrupt_guard guard;
};

/* ---- what the directory holds ---- */

static bool is_pictures_folder(const char *name)
{
  size_t fixed = strcspn(PICTURES, "X");
  return strlen(name) == strlen(PICTURES) && strncmp(name, PICTURES, fixed) == 0;
}

/* Nothing in it but what a transaction leaves that was killed, and the system's own. */
static bool counts_as_nothing(void *context, const char *name)
{
  (void)context;
  return strcmp(name, LOCK) == 0 || strcmp(name, WRITTEN) == 0 || strcmp(name, WHOLE) == 0 ||
         is_pictures_folder(name) || strcmp(name, "lost+found") == 0;
}

static bool is_free(const char *directory, enum transaction_mode mode, struct sde_status *status)
{
  if (mode != TRANSACTION_NEW || directory_each(directory, counts_as_nothing, NULL))
    return true;
  if (checkpoint_is_in(directory))
    return sde_fail(
        status, SDE_INVALID,
        "%s: the directory holds the checkpoint of a run that was interrupted; go on with "
        "it with --resume, begin anew with --force, or choose another with -o",
        directory);
  json_t *run = result_run_json(directory);
  sde_fail(status, SDE_INVALID,
           "%s: the directory exists and %s; choose another with -o, or overwrite the run in it "
           "with --force",
           directory, run != NULL ? "holds a run" : "is not empty");
  json_decref(run);
  return false;
}

static bool sweep_pictures(void *context, const char *name)
{
  if (is_pictures_folder(name)) {
    char *folder = sde_format("%s/%s", (const char *)context, name);
    directory_remove(folder);
    sde_free(folder);
  }
  return true;
}

/* Remove what was written and not moved. The one who writes may be at it still. */
static void sweep(const struct transaction *transaction)
{
  for (int again = 0; again < 1000 && access(transaction->written, F_OK) == 0; again++)
    directory_remove(transaction->written);
  directory_each(transaction->directory, sweep_pictures, transaction->directory);
}

/* ---- the lock ---- */

/* Take the lock on the open file; where the file system knows none, the lock is whose file is new.
 * False, and *holder is who has it, as far as is known. */
static bool take_lock(int file, bool created, long *holder)
{
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  *holder = 0;
  if (fcntl(file, F_SETLK, &whole) == 0)
    return true;
  if (errno != EACCES && errno != EAGAIN)
    return created;
  if (fcntl(file, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK)
    *holder = (long)whole.l_pid;
  return false;
}

/* Is the locked file still the one at its path? Who had the lock before may have removed it. */
static bool is_current(int file, const char *path)
{
  struct stat held, there;
  return fstat(file, &held) == 0 && stat(path, &there) == 0 && held.st_ino == there.st_ino &&
         held.st_dev == there.st_dev;
}

static bool refuse_locked(const struct transaction *transaction, long holder,
                          struct sde_status *status)
{
  if (holder > 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: process %ld is writing to this directory; wait for its end, or choose "
                    "another with -o",
                    transaction->directory, holder);
  return sde_fail(status, SDE_INVALID,
                  "%s: another process is writing to this directory; wait for its end, or choose "
                  "another with -o; if there is none, remove %s",
                  transaction->directory, transaction->lock_path);
}

/* One attempt; *again where the directory, or the lock's file, went away meanwhile. */
static bool try_lock(struct transaction *transaction, bool *again, struct sde_status *status)
{
  *again = false;
  int file = open(transaction->lock_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  bool created = file >= 0;
  if (!created && errno == EEXIST)
    file = open(transaction->lock_path, O_RDWR | O_CLOEXEC);
  if (file < 0) {
    *again = errno == ENOENT;
    return *again || sde_fail(status, SDE_FAILED, "%s: cannot be written to: %s",
                              transaction->directory, strerror(errno));
  }
  long holder;
  bool taken = take_lock(file, created, &holder);
  *again = taken && !is_current(file, transaction->lock_path);
  if (taken && !*again) {
    transaction->lock = file;
    return true;
  }
  close(file);
  return *again || refuse_locked(transaction, holder, status);
}

/* Make the directory and lock it. */
static bool lock(struct transaction *transaction, enum transaction_mode mode,
                 struct sde_status *status)
{
  for (int attempt = 0; attempt < 1000; attempt++) {
    bool again;
    directory_unmake(&transaction->made);
    if (mode != TRANSACTION_ADD &&
        !directory_make(transaction->directory, &transaction->made, status))
      return false;
    bool settled = access(transaction->whole, F_OK) != 0;
    if ((settled && !is_free(transaction->directory, mode, status)) ||
        !try_lock(transaction, &again, status))
      return false;
    if (!again)
      return true;
    if (mode == TRANSACTION_ADD && access(transaction->directory, F_OK) != 0)
      break;
  }
  return sde_fail(status, SDE_FAILED, "%s: cannot be locked: the directory comes and goes",
                  transaction->directory);
}

/* ---- moving ---- */

struct move {
  const struct transaction *transaction;
  struct sde_status *status;
};

static bool move_file(void *context, const char *name)
{
  const struct move *move = context;
  char *from = sde_format("%s/%s", move->transaction->whole, name);
  char *to = sde_format("%s/%s", move->transaction->directory, name);
  bool good = rename(from, to) == 0 ||
              sde_fail(move->status, SDE_FAILED, "%s: cannot be written: %s", to, strerror(errno));
  sde_free(from);
  sde_free(to);
  return good;
}

static bool is_whole(const struct transaction *transaction, const char *name)
{
  char *path = sde_format("%s/%s", transaction->whole, name);
  bool there = access(path, F_OK) == 0;
  sde_free(path);
  return there;
}

/* Where a new result is to be moved, and none of it has been, remove the files of the run before
 * that it does not replace. */
static void remove_previous(const struct transaction *transaction)
{
  bool replaces = is_whole(transaction, "run.json") && is_whole(transaction, "summary.json");
  json_t *run = replaces ? result_run_json(transaction->directory) : NULL;
  size_t i;
  json_t *file;
  json_array_foreach(json_object_get(run, "files"), i, file)
  {
    const char *name = json_string_value(file);
    if (name == NULL || strchr(name, '/') != NULL || is_whole(transaction, name))
      continue;
    char *old = sde_format("%s/%s", transaction->directory, name);
    unlink(old);
    sde_free(old);
  }
  json_decref(run);
}

/* Move what is whole into place, run.json first: whatever stops this, the next transaction does the
 * rest. */
static bool settle(const struct transaction *transaction, struct sde_status *status)
{
  struct move move = {transaction, status};
  remove_previous(transaction);
  bool good = !is_whole(transaction, "run.json") || move_file(&move, "run.json");
  good = good && directory_each(transaction->whole, move_file, &move);
  directory_remove(transaction->whole);
  return good;
}

/* A folder of the user's that has the name of a file of ours. */
static bool is_replaceable(void *context, const char *name)
{
  const struct move *move = context;
  char *path = sde_format("%s/%s", move->transaction->directory, name);
  struct stat about;
  bool good =
      lstat(path, &about) != 0 || !S_ISDIR(about.st_mode) ||
      sde_fail(move->status, SDE_FAILED, "%s: is a directory; a file is to be written here", path);
  sde_free(path);
  return good;
}

bool transaction_commit(struct transaction *transaction, struct sde_status *status)
{
  struct move move = {transaction, status};
  if (!directory_each(transaction->written, is_replaceable, &move))
    return false;
  interrupt_hold();
  bool good = rename(transaction->written, transaction->whole) == 0 ||
              sde_fail(status, SDE_FAILED, "%s: cannot be written to: %s", transaction->directory,
                       strerror(errno));
  good = good && settle(transaction, status);
  transaction->guard.left = transaction->left;
  interrupt_release();
  return good && (mkdir(transaction->written, 0777) == 0 ||
                  sde_fail(status, SDE_FAILED, "%s: cannot be written to: %s",
                           transaction->directory, strerror(errno)));
}

/* ---- what must be spared ---- */

/* A file that is read, and the run that stands in the directory. */
struct input {
  const char *directory;
  struct stat about;
  const json_t *run;
};

/* Is this entry of the directory another file than the input, or none that a run would touch? */
static bool is_other(void *context, const char *name)
{
  const struct input *input = context;
  if (!result_file_is_known(name) && !result_run_lists(input->run, name))
    return true;
  char *path = sde_format("%s/%s", input->directory, name);
  struct stat about;
  bool other = stat(path, &about) != 0 || about.st_ino != input->about.st_ino ||
               about.st_dev != input->about.st_dev;
  sde_free(path);
  return other;
}

bool transaction_spare(const struct transaction *transaction, const char *file, const char *place,
                       struct sde_status *status)
{
  struct input input = {.directory = transaction->directory};
  if (stat(file, &input.about) != 0)
    return true;
  json_t *run = result_run_json(transaction->directory);
  input.run = run;
  bool spared = directory_each(transaction->directory, is_other, &input);
  json_decref(run);
  return spared || sde_fail(status, SDE_INVALID,
                            "%s%s%s: the run reads this file and would overwrite it in %s; choose "
                            "another directory with -o",
                            place == NULL ? "" : place, place == NULL ? "" : ": ", file,
                            transaction->directory);
}

/* ---- beginning and end ---- */

const char *transaction_folder(const struct transaction *transaction)
{
  return transaction->written;
}

/* The lock goes last, while it is still held. */
static void abandon(void *context)
{
  struct transaction *transaction = context;
  if (transaction->lock >= 0) {
    sweep(transaction);
    unlink(transaction->lock_path);
    close(transaction->lock);
  }
  transaction->lock = -1;
  directory_unmake(&transaction->made);
}

static bool begin(struct transaction *transaction, enum transaction_mode mode,
                  struct sde_status *status)
{
  if (!lock(transaction, mode, status))
    return false;
  if (access(transaction->whole, F_OK) == 0 && !settle(transaction, status))
    return false;
  sweep(transaction);
  return is_free(transaction->directory, mode, status) &&
         (mkdir(transaction->written, 0777) == 0 ||
          sde_fail(status, SDE_FAILED, "%s: cannot be written to: %s", transaction->directory,
                   strerror(errno)));
}

struct transaction *transaction_begin(const char *directory, enum transaction_mode mode,
                                      struct sde_status *status)
{
  if (directory[0] == '\0') {
    sde_fail(status, SDE_INVALID, "-o: the directory has no name; give one");
    return NULL;
  }
  struct transaction *transaction = sde_alloc(1, sizeof *transaction);
  *transaction = (struct transaction){
      .directory = sde_strdup(directory),
      .lock_path = sde_format("%s/" LOCK, directory),
      .written = sde_format("%s/" WRITTEN, directory),
      .whole = sde_format("%s/" WHOLE, directory),
      .left = sde_format("the results are in %s, the pictures may "
                         "be missing",
                         directory),
      .lock = -1,
      .guard = {.clean = abandon, .context = transaction, .left = "nothing was written"}};
  interrupt_guard_begin(&transaction->guard);
  interrupt_hold();
  bool begun = begin(transaction, mode, status);
  interrupt_release();
  if (begun)
    return transaction;
  transaction_end(transaction);
  return NULL;
}

void transaction_end(struct transaction *transaction)
{
  if (transaction == NULL)
    return;
  interrupt_guard_end(&transaction->guard);
  abandon(transaction);
  sde_free(transaction->directory);
  sde_free(transaction->lock_path);
  sde_free(transaction->written);
  sde_free(transaction->whole);
  sde_free(transaction->left);
  sde_free(transaction);
}
