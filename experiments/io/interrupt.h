/*
 * Interrupts: what must be undone where the program is told to end (SIGINT, SIGTERM, SIGHUP,
 * SIGXCPU) or exits before its time: temporary folders, locks, child processes. A guard stands for
 * one such thing, from the moment it is there until it is gone.
 */
#ifndef EXPERIMENTS_IO_INTERRUPT_H
#define EXPERIMENTS_IO_INTERRUPT_H

#include <stdbool.h>

/* On all ranks, before anything must be undone: from now on signals end the program in this way.
 * Ranks other than the first then wait half a second before they end, for launchers end a job at
 * once where one of its processes has ended, and the first has to clean. */
void interrupt_begin(void);

/* Guards nest; each is kept by who begins it and ends in the reverse order. `clean` is called once,
 * by another thread, and must not wait for the one that works; `left`, which may be NULL, ends the
 * sentence "interrupted by SIGTERM; ..." of the outermost guard that has one. */
struct interrupt_guard {
  void (*clean)(void *context);
  void *context;
  const char *left;
  struct interrupt_guard *outer;
};

/* With a guard, a signal cleans from the innermost guard outwards, prints the sentence and ends the
 * program with status 1; an exit cleans as well. Several ranks (sde/ranks.h) do not print it: one
 * that has failed has said so, and the launcher ends the others. A signal that was ignored when the
 * first guard began stays ignored, as nohup wants it. */
void interrupt_guard_begin(struct interrupt_guard *guard);

/* Does not return where the program has been interrupted. */
void interrupt_guard_end(struct interrupt_guard *guard);

/* What happens between these two is not interrupted but finished first; keep it short. Neither
 * nests. Where the program has been interrupted, interrupt_hold does not return. */
void interrupt_hold(void);
void interrupt_release(void);

/* Who works and wants to keep what it has before the program ends: where `waits` says so, a signal
 * leaves it up to 25 seconds for that, in which interrupt_is_pending, unless a second signal comes.
 * interrupt_end_here then ends the program; `left` ends the sentence instead of the guards'. NULL:
 * nobody does. */
void interrupt_wait_for(bool (*waits)(void *context), void *context);
bool interrupt_is_pending(void);
void interrupt_end_here(const char *left) __attribute__((noreturn));

#endif
