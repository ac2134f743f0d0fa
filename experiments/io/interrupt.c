/*
 * Interrupts: see interrupt.h. A handler may do next to nothing, so it wakes a thread that waits at
 * a pipe and does the cleaning. Signals and exit come without a context: what they must find is the
 * one thing in this program that is not passed as an argument.
 */
#include "experiments/io/interrupt.h"

#include "sde/ranks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct {
  int number;
  const char *name;
} signals[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}, {SIGXCPU, "SIGXCPU"}};

enum { SIGNALS = sizeof signals / sizeof *signals };

static struct {
  pthread_mutex_t busy; /* held while something must not be interrupted, and for good by an end */
  struct interrupt_guard *innermost;
  bool begun, alone, first;     /* of the ranks */
  int listen;                   /* where the thread waits */
  volatile sig_atomic_t wake;   /* where the handler writes to */
  bool (*waits)(void *context); /* NULL: nobody keeps anything */
  void *context;
  volatile sig_atomic_t pending, kept;
  const char *left; /* what is said where something was kept */
} state = {.busy = PTHREAD_MUTEX_INITIALIZER};

static void on_signal(int number)
{
  int kept = errno;
  unsigned char byte = (unsigned char)number;
  if (write(state.wake, &byte, 1) < 0)
    _exit(1); /* nobody listens any more */
  errno = kept;
}

/* Clean all; returns what the sentence says of the rest. */
static const char *clean_all(void)
{
  const char *left = NULL;
  for (struct interrupt_guard *guard = state.innermost; guard != NULL; guard = guard->outer) {
    guard->clean(guard->context);
    left = guard->left != NULL ? guard->left : left;
  }
  state.innermost = NULL;
  return left;
}

/* Let who works keep what it has, until it has or another signal comes. */
static void let_keep(void)
{
  enum { TENTHS = 250 };
  state.pending = 1;
  for (int i = 0; i < TENTHS && !state.kept; i++) {
    struct pollfd again = {.fd = state.listen, .events = POLLIN};
    if (poll(&again, 1, 100) > 0)
      return;
  }
}

static void *wait_for_signal(void *context)
{
  unsigned char number = 0;
  (void)context;
  while (read(state.listen, &number, 1) != 1)
    if (errno != EINTR)
      return NULL;
  if (state.waits != NULL && state.waits(state.context))
    let_keep();
  if (!state.first)
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
  pthread_mutex_lock(&state.busy);
  const char *left = clean_all(), *name = "a signal";
  if (state.kept)
    left = state.left;
  for (size_t i = 0; i < SIGNALS; i++)
    if (signals[i].number == number)
      name = signals[i].name;
  if (state.alone)
    fprintf(stderr, "%ssharpsde: interrupted by %s%s%s\n", isatty(STDERR_FILENO) ? "\n" : "", name,
            left == NULL ? ""
            : state.kept ? " "
                         : "; ",
            left == NULL ? "" : left);
  _exit(1);
}

/* An exit in the middle of the work: out of memory, a number that GSL cannot give. */
static void on_exit_of_program(void)
{
  if (pthread_mutex_trylock(&state.busy) == 0)
    clean_all();
}

static void handle_signals(void)
{
  for (size_t i = 0; i < SIGNALS; i++) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(signals[i].number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
      sigaction(signals[i].number, &action, NULL);
  }
}

/* Where no pipe or thread can be made, signals end the program as they do by default. */
static void begin(void)
{
  int ends[2];
  pthread_t thread;
  state.begun = true;
  state.alone = sde_ranks_count() == 1;
  state.first = sde_ranks_rank() == 0;
  atexit(on_exit_of_program);
  if (pipe(ends) != 0)
    return;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  state.listen = ends[0];
  state.wake = ends[1];
  if (pthread_create(&thread, NULL, wait_for_signal, NULL) != 0)
    return;
  pthread_detach(thread);
  handle_signals();
}

void interrupt_begin(void)
{
  if (!state.begun)
    begin();
}

void interrupt_guard_begin(struct interrupt_guard *guard)
{
  interrupt_begin();
  pthread_mutex_lock(&state.busy);
  guard->outer = state.innermost;
  state.innermost = guard;
  pthread_mutex_unlock(&state.busy);
}

void interrupt_guard_end(struct interrupt_guard *guard)
{
  pthread_mutex_lock(&state.busy);
  state.innermost = guard->outer;
  pthread_mutex_unlock(&state.busy);
}

void interrupt_hold(void)
{
  pthread_mutex_lock(&state.busy);
}

void interrupt_release(void)
{
  pthread_mutex_unlock(&state.busy);
}

void interrupt_wait_for(bool (*waits)(void *context), void *context)
{
  pthread_mutex_lock(&state.busy);
  state.waits = waits;
  state.context = context;
  pthread_mutex_unlock(&state.busy);
}

bool interrupt_is_pending(void)
{
  return state.pending != 0;
}

void interrupt_end_here(const char *left)
{
  state.left = left;
  state.kept = 1;
  for (;;)
    pause();
}
