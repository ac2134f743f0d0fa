/*
 * Checkpoints: see checkpoint.h. A file is a head of lines (what it is, the version, the kernels),
 * the resolved recipe, the states of ensembles in the order of their calls, and the checksum of all
 * that. What was read and not come to yet is written again by rank 0.
 */
#include "experiments/results/checkpoint.h"

#include "experiments/io/directory.h"
#include "experiments/io/interrupt.h"
#include "experiments/io/sha256.h"
#include "experiments/io/text.h"
#include "sde/ranks.h"
#include "sde/status.h"
#include "sde/vector_math.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME "checkpoint"

/* The state of an ensemble, of one rank. */
struct entry {
  uint64_t call, key, whole, words;
  uint64_t *state;
};
enum { ENTRY_HEAD = 4 };

struct entries {
  size_t count, capacity;
  struct entry *entry;
};

struct checkpoint {
  const struct recipe *recipe;
  char *directory;
  size_t settings;
  double seconds, begun, written; /* between writing; times of the monotonic clock */
  struct entries read, own;
  uint64_t call, key; /* of the ensemble that runs, from 1 on */
  bool runs;
  struct sde_keeper keeper;
};

/* ---- files ---- */

bool checkpoint_is_file(const char *name)
{
  size_t length = strlen(NAME);
  return strncmp(name, NAME, length) == 0 && (name[length] == '\0' || name[length] == '.');
}

static bool is_other(void *context, const char *name)
{
  (void)context;
  return !checkpoint_is_file(name);
}

bool checkpoint_is_in(const char *directory)
{
  return !directory_each(directory, is_other, NULL);
}

static bool remove_one(void *directory, const char *name)
{
  if (checkpoint_is_file(name)) {
    char *path = sde_format("%s/%s", (const char *)directory, name);
    unlink(path);
    sde_free(path);
  }
  return true;
}

void checkpoint_remove(const char *directory)
{
  directory_each(directory, remove_one, (void *)directory);
}

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- entries ---- */

static void add(struct entries *entries, struct entry entry)
{
  if (entries->count == entries->capacity) {
    entries->capacity = 2 * entries->capacity + 16;
    struct entry *longer = sde_alloc(entries->capacity, sizeof *longer);
    if (entries->count > 0)
      memcpy(longer, entries->entry, entries->count * sizeof *longer);
    sde_free(entries->entry);
    entries->entry = longer;
  }
  entries->entry[entries->count++] = entry;
}

static void entries_free(struct entries *entries)
{
  for (size_t i = 0; i < entries->count; i++)
    sde_free(entries->entry[i].state);
  sde_free(entries->entry);
}

/* ---- writing ---- */

/* Kernels with and without fused operations differ in last places. */
static const char *kernels(void)
{
  const char *name = sde_vector_math()->name;
  return strstr(name, "v3") != NULL || strstr(name, "v4") != NULL ? "fused" : name;
}

static char *head_of(void)
{
  return sde_format("sharpsde checkpoint 1\nversion %s\nkernels %s\n", SHARPSDE_VERSION, kernels());
}

static void put_entries(FILE *file, const struct entries *entries, uint64_t after)
{
  for (size_t i = 0; i < entries->count; i++) {
    const struct entry *entry = &entries->entry[i];
    if (entry->call <= after)
      continue;
    const uint64_t head[ENTRY_HEAD] = {entry->call, entry->key, entry->whole, entry->words};
    fwrite(head, sizeof *head, ENTRY_HEAD, file);
    fwrite(entry->state, sizeof *entry->state, entry->words, file);
  }
}

/* All of it but the checksum, in memory. */
static char *compose(const struct checkpoint *checkpoint, size_t *length)
{
  char *bytes = NULL, *head = head_of();
  FILE *file = open_memstream(&bytes, length);
  if (file == NULL)
    sde_ranks_stop("out of memory");
  uint64_t recipe = strlen(checkpoint->recipe->resolved);
  fputs(head, file);
  fwrite(&recipe, sizeof recipe, 1, file);
  fputs(checkpoint->recipe->resolved, file);
  put_entries(file, &checkpoint->own, 0);
  if (sde_ranks_rank() == 0)
    put_entries(file, &checkpoint->read, checkpoint->call);
  if (fclose(file) != 0)
    sde_ranks_stop("out of memory");
  sde_free(head);
  return bytes;
}

static bool put_file(const char *path, size_t length, const char *bytes)
{
  char hex[SHA256_HEX_SIZE];
  sha256_bytes(length, bytes, hex);
  FILE *file = fopen(path, "wb");
  if (file == NULL)
    return false;
  bool good = fwrite(bytes, 1, length, file) == length && fputs(hex, file) >= 0 &&
              fflush(file) == 0 && fsync(fileno(file)) == 0;
  return fclose(file) == 0 && good;
}

/* Where there is no room for a checkpoint, the run goes on without; the one before stays. */
static void write_file(struct checkpoint *checkpoint)
{
  size_t length, rank = sde_ranks_rank();
  char *bytes = compose(checkpoint, &length);
  char *number = rank == 0 ? sde_strdup("") : sde_format(".%zu", rank);
  char *path = sde_format("%s/" NAME "%s", checkpoint->directory, number);
  char *beside = sde_format("%s/.sharpsde." NAME "%s", checkpoint->directory, number);
  if (!put_file(beside, length, bytes) || rename(beside, path) != 0)
    unlink(beside);
  checkpoint->written = seconds_now();
  free(bytes); /* of open_memstream */
  sde_free(number);
  sde_free(beside);
  sde_free(path);
}

/* ---- as a keeper ---- */

static void begin_ensemble(void *context, uint64_t key)
{
  struct checkpoint *checkpoint = context;
  checkpoint->call++;
  checkpoint->key = key;
  checkpoint->runs = true;
}

static const uint64_t *part_of(void *context, size_t part)
{
  struct checkpoint *checkpoint = context;
  for (size_t i = 0; i < checkpoint->read.count; i++) {
    const struct entry *entry = &checkpoint->read.entry[i];
    if (entry->call != checkpoint->call)
      continue;
    if (entry->key != checkpoint->key)
      sde_ranks_stop("the checkpoint is of a run that took another way; begin anew with --force");
    if (part-- == 0)
      return entry->state;
  }
  return NULL;
}

/* A short run leaves nothing. */
static bool is_long(const struct checkpoint *checkpoint)
{
  return seconds_now() - checkpoint->begun >= checkpoint->seconds;
}

static bool is_due(void *context)
{
  struct checkpoint *checkpoint = context;
  if (interrupt_is_pending())
    return is_long(checkpoint);
  return seconds_now() - checkpoint->written >= checkpoint->seconds;
}

static void keep(void *context, bool whole, uint64_t *state, size_t words)
{
  struct checkpoint *checkpoint = context;
  struct entries *own = &checkpoint->own;
  struct entry entry = {checkpoint->call, checkpoint->key, whole, words, state};
  if (own->count > 0 && own->entry[own->count - 1].call == checkpoint->call) {
    sde_free(own->entry[own->count - 1].state);
    own->entry[own->count - 1] = entry;
  } else {
    add(own, entry);
  }
  if (!whole || is_due(checkpoint))
    write_file(checkpoint);
  if (interrupt_is_pending() && is_long(checkpoint)) {
    char *left = sde_format("after %zu of %zu settings; go on with --resume", own->count - !whole,
                            checkpoint->settings);
    interrupt_end_here(left);
  }
  checkpoint->runs = !whole;
}

/* Does an interruption wait for the end of a chunk? */
static bool waits(void *context)
{
  const struct checkpoint *checkpoint = context;
  return checkpoint->runs && is_long(checkpoint);
}

const struct sde_keeper *checkpoint_keeper(const struct checkpoint *checkpoint)
{
  return &checkpoint->keeper;
}

/* ---- reading ---- */

/* Bytes of a file, and how many; NULL where it cannot be read. */
static char *bytes_of(const char *path, size_t *length)
{
  FILE *file = fopen(path, "rb");
  long size = -1;
  if (file != NULL && fseek(file, 0, SEEK_END) == 0)
    size = ftell(file);
  char *bytes = size < 0 ? NULL : sde_alloc((size_t)size + 1, 1);
  *length = size < 0 ? 0 : (size_t)size;
  if (bytes != NULL) {
    rewind(file);
    if (fread(bytes, 1, *length, file) != *length) {
      sde_free(bytes);
      bytes = NULL;
    }
  }
  if (file != NULL)
    fclose(file);
  return bytes;
}

static bool refuse(const char *path, const char *why, struct sde_status *status)
{
  return sde_fail(status, SDE_INVALID, "%s: %s; begin anew with --force, or choose another -o",
                  path, why);
}

/* Do two lines differ in what the results depend on? How often a run writes is not. */
static bool differ(const char *line, size_t length, const char *other, size_t other_length)
{
  static const char key[] = "checkpoint:";
  if (strncmp(line, key, strlen(key)) == 0 && strncmp(other, key, strlen(key)) == 0)
    return false;
  return length != other_length || memcmp(line, other, length) != 0;
}

/* Is it the recipe of this run? If not, the status shows the first lines that differ. */
static bool is_same_recipe(const char *path, const char *kept, size_t length, const char *resolved,
                           struct sde_status *status)
{
  const char *end = kept + length;
  while (kept < end || *resolved != '\0') {
    const char *stop = kept < end ? memchr(kept, '\n', (size_t)(end - kept)) : NULL;
    size_t there = (size_t)((stop == NULL ? end : stop) - kept), here = strcspn(resolved, "\n");
    if (differ(kept, there, resolved, here)) {
      char *why =
          sde_format("the checkpoint is of another recipe: it has '%.*s' where this run has "
                     "'%.*s'",
                     (int)there, kept, (int)here, resolved);
      refuse(path, why, status);
      sde_free(why);
      return false;
    }
    kept += there + (stop != NULL);
    resolved += here + (resolved[here] == '\n');
  }
  return true;
}

/* The entries of a file whose checksum is right. */
static void read_entries(struct checkpoint *checkpoint, const char *at, const char *end)
{
  uint64_t head[ENTRY_HEAD];
  while (at < end) {
    memcpy(head, at, sizeof head);
    at += sizeof head;
    struct entry entry = {head[0], head[1], head[2], head[3], sde_alloc(head[3], sizeof(uint64_t))};
    memcpy(entry.state, at, head[3] * sizeof(uint64_t));
    at += head[3] * sizeof(uint64_t);
    add(&checkpoint->read, entry);
  }
}

static bool read_bytes(struct checkpoint *checkpoint, const char *path, const char *bytes,
                       size_t length, struct sde_status *status)
{
  char hex[SHA256_HEX_SIZE], *head = head_of();
  size_t digits = SHA256_HEX_SIZE - 1, own = strlen(head), first = strcspn(head, "\n");
  bool ours = length > digits + own && strncmp(bytes, head, first) == 0, good = false;
  uint64_t recipe = 0;
  if (ours)
    sha256_bytes(length - digits, bytes, hex);
  if (!ours || memcmp(hex, bytes + length - digits, digits) != 0) {
    refuse(path, "the checkpoint is damaged", status);
  } else if (strncmp(bytes, head, own) != 0) {
    char *why = sde_format("the checkpoint is of another version or processor: it has '%.*s' where "
                           "this is '%.*s'",
                           (int)strcspn(bytes + first + 1, "\n"), bytes + first + 1,
                           (int)strcspn(head + first + 1, "\n"), head + first + 1);
    refuse(path, why, status);
    sde_free(why);
  } else {
    memcpy(&recipe, bytes + own, sizeof recipe);
    good = is_same_recipe(path, bytes + own + sizeof recipe, (size_t)recipe,
                          checkpoint->recipe->resolved, status);
  }
  if (good)
    read_entries(checkpoint, bytes + own + sizeof recipe + recipe, bytes + length - digits);
  sde_free(head);
  return good;
}

struct reading {
  struct checkpoint *checkpoint;
  struct sde_status *status;
};

static bool read_one(void *context, const char *name)
{
  const struct reading *reading = context;
  if (!checkpoint_is_file(name))
    return true;
  char *path = sde_format("%s/%s", reading->checkpoint->directory, name);
  size_t length;
  char *bytes = bytes_of(path, &length);
  bool good = bytes != NULL ? read_bytes(reading->checkpoint, path, bytes, length, reading->status)
                            : refuse(path, strerror(errno), reading->status);
  sde_free(bytes);
  sde_free(path);
  return good;
}

/* All ranks take parts in one order. */
static int by_call(const void *a, const void *b)
{
  const struct entry *x = a, *y = b;
  if (x->call != y->call)
    return x->call < y->call ? -1 : 1;
  uint64_t p = x->words > 1 ? x->state[1] : 0, q = y->words > 1 ? y->state[1] : 0;
  return p != q ? (p < q ? -1 : 1) : (x->words > y->words) - (x->words < y->words);
}

bool checkpoint_read(struct checkpoint *checkpoint, struct sde_status *status)
{
  struct reading reading = {checkpoint, status};
  directory_each(checkpoint->directory, read_one, &reading);
  if (checkpoint->read.count > 1)
    qsort(checkpoint->read.entry, checkpoint->read.count, sizeof *checkpoint->read.entry, by_call);
  return sde_ranks_agree(status);
}

/* ---- */

struct checkpoint *checkpoint_new(const struct recipe *recipe, const char *directory,
                                  size_t settings)
{
  struct checkpoint *checkpoint = sde_alloc(1, sizeof *checkpoint);
  *checkpoint = (struct checkpoint){.recipe = recipe,
                                    .directory = sde_strdup(directory),
                                    .settings = settings,
                                    .seconds = recipe_checkpoint_seconds(recipe),
                                    .begun = seconds_now()};
  checkpoint->written = checkpoint->begun;
  checkpoint->keeper = (struct sde_keeper){
      .context = checkpoint, .begin = begin_ensemble, .part = part_of, .due = is_due, .keep = keep};
  interrupt_wait_for(waits, checkpoint);
  return checkpoint;
}

void checkpoint_free(struct checkpoint *checkpoint)
{
  if (checkpoint == NULL)
    return;
  interrupt_wait_for(NULL, NULL);
  entries_free(&checkpoint->read);
  entries_free(&checkpoint->own);
  sde_free(checkpoint->directory);
  sde_free(checkpoint);
}
