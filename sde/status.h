/*
 * Statuses: how a function says that it could not do what was asked, in a sentence for the user.
 * Also the one place where memory is taken: out of memory ends the program there, so that callers
 * stay straight-line.
 */
#ifndef SDE_STATUS_H
#define SDE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* Codes are the exit statuses of the command: what the user got wrong is told from what failed. */
enum sde_code {
  SDE_OK = 0,
  SDE_FAILED = 1, /* the run itself failed: diverged, disk full */
  SDE_INVALID = 2 /* the user's input is wrong */
};

/* The first failure wins: a later sde_fail on the same status changes nothing. */
struct sde_status {
  enum sde_code code;
  char message[1024];
};

/* Record a failure and its sentence (printf format). Returns false, so that a function can end
 * with `return sde_fail(status, SDE_INVALID, "%s:%d: ...", ...)`. */
bool sde_fail(struct sde_status *status, enum sde_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* count * size bytes, zeroed and aligned to 64; never NULL. The multiplication is checked; where
 * it overflows or memory is exhausted the program ends with a sentence and status 1. */
void *sde_alloc(size_t count, size_t size) __attribute__((returns_nonnull));

/* Release what sde_alloc gave; NULL is allowed. */
void sde_free(void *memory);

/* A copy of text, released with sde_free. */
char *sde_strdup(const char *text);

/* printf into a new string, released with sde_free. */
char *sde_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
