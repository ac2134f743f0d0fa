/*
 * The program sharpsde: finds the command, or its help, and sees to it that all that was printed
 * arrived.
 */
#include "experiments/command/command.h"
#include "experiments/command/threads.h"
#include "experiments/io/text.h"
#include "sde/ranks.h"
#include "sde/status.h"

#include <ctype.h>
#include <errno.h>
#include <gsl/gsl_errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const struct command *command)
{
  if (command != NULL) {
    printf("usage: sharpsde %s %s\n\n%c%s\n\n%s\nexample: %s\n", command->name, command->arguments,
           toupper((unsigned char)command->summary[0]), command->summary + 1, command->options,
           command->example);
    return;
  }
  printf("usage: sharpsde COMMAND ...\n\n"
         "SDE approximations of SGD and the SAM family, beside the optimizers themselves.\n\n");
  for (command = commands(); command->name != NULL; command++)
    printf("  %-8s %s\n", command->name, command->summary);
  printf("\n  sharpsde COMMAND --help   about one command\n"
         "  sharpsde --version        the version\n\n"
         "A first run: sharpsde new compare > first.yaml; sharpsde run first.yaml\n\n"
         "Exit status: 0 done; 1 the run failed; 2 the input is wrong.\n");
}

static bool is_help(const char *word)
{
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool asks_for_help(int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    if (is_help(argv[i]))
      return true;
  return false;
}

static const struct command *find(const char *name, struct sde_status *status)
{
  const struct command *command = command_named(name);
  struct text names = {0};
  if (command != NULL)
    return command;
  for (command = commands(); command->name != NULL; command++)
    text_add(&names, "%s ", command->name);
  text_add(&names, "help --help --version");
  command_unknown("command", name, names.data, status);
  sde_free(names.data);
  return NULL;
}

static int dispatch(int argc, char **argv)
{
  struct sde_status status = {SDE_OK, ""};
  bool help = argc > 1 && (is_help(argv[1]) || strcmp(argv[1], "help") == 0);
  const struct command *command = NULL;
  if (argc < 2)
    sde_fail(&status, SDE_INVALID, "no command is named; `sharpsde --help` lists them");
  else if (strcmp(argv[1], "--version") == 0)
    printf("sharpsde %s\n", SHARPSDE_VERSION);
  else if (!help || argc > 2)
    command = find(argv[help ? 2 : 1], &status);
  if (command != NULL && !help && !asks_for_help(argc - 1, argv + 1))
    return command->run(argc - 1, argv + 1);
  if (status.code == SDE_OK && (help || command != NULL) && sde_ranks_rank() == 0)
    print_help(command);
  return command_end(&status);
}

/* GSL aborts by itself. What is checked where it is called, or is right as it is returned, passes:
 * a search that makes no progress, a number that underflows. After anything else there is no number
 * to go on with. */
static void end_on_gsl_error(const char *reason, const char *file, int line, int code)
{
  if (code == GSL_ENOPROG || code == GSL_EUNDRFLW)
    return;
  fprintf(stderr, "sharpsde: the run failed: %s (GSL, %s:%d)\n", reason, file, line);
  exit(SDE_FAILED);
}

/* Only a run is the work of several ranks; whatever else is asked for, rank 0 does, and by itself,
 * for it may run ensembles too. */
static bool take_part(int argc, char **argv)
{
  bool first = sde_ranks_rank() == 0;
  if (argc > 1 && strcmp(argv[1], "run") == 0)
    return true;
  sde_ranks_alone();
  return first;
}

/* Did all that was printed arrive? */
static int end_output(int code)
{
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout))
    return code;
  fprintf(stderr, "sharpsde: standard output cannot be written%s%s\n", errno == 0 ? "" : ": ",
          errno == 0 ? "" : strerror(errno));
  return code == SDE_OK ? SDE_FAILED : code;
}

int main(int argc, char **argv)
{
  gsl_set_error_handler(end_on_gsl_error);
  signal(SIGXFSZ, SIG_IGN); /* a file that grows beyond `ulimit -f` is then an error like others */
  threads_begin();
  sde_ranks_begin();
  int code = take_part(argc, argv) ? dispatch(argc, argv) : SDE_OK;
  code = end_output(code);
  sde_ranks_end();
  return code;
}
