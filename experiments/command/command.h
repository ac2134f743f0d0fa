/*
 * Commands: `sharpsde NAME ARGUMENTS`.
 *
 * To add one: write experiments/command/command_NAME.c with its function command_NAME, and give it
 * a row in commands.def. The row gives it a place in `sharpsde --help`, and its own help page.
 */
#ifndef EXPERIMENTS_COMMAND_COMMAND_H
#define EXPERIMENTS_COMMAND_COMMAND_H

#include "sde/status.h"

/* Each takes its arguments, argv[0] being its own name, and returns the exit status: a code of
 * sde/status.h. What it prints on standard output is flushed, and checked, by the caller. */
#define COMMAND(name, ...) int command_##name(int argc, char **argv);
#include "experiments/command/commands.def"
#undef COMMAND

struct command {
  const char *name, *summary, *arguments, *options, *example;
  int (*run)(int argc, char **argv);
};

/* All commands, ended by a NULL name; the one of a name, or NULL. */
const struct command *commands(void);
const struct command *command_named(const char *name);

/* Print the sentence of a failure on stderr, if there is one and this is rank 0; returns the
 * code. */
int command_end(const struct sde_status *status);

/* A command that takes one word and nothing else: that word; NULL, and the status says why. */
const char *command_word(int argc, char **argv, const char *what, struct sde_status *status);

/* Refuse a name that is not among the accepted ones, which are separated by spaces. */
bool command_unknown(const char *what, const char *name, const char *accepted,
                     struct sde_status *status);

#endif
