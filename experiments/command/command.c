/*
 * What commands share: see command.h.
 */
#include "experiments/command/command.h"

#include "experiments/io/text.h"
#include "sde/ranks.h"
#include "sde/status.h"

#include <stdio.h>
#include <string.h>

/* The arguments of a command for people. */
static const char *arguments_of(const char *command)
{
  static const char *const all[][2] = {
#define COMMAND(id, about, words, choices, sample) {#id, words},
#include "experiments/command/commands.def"
#undef COMMAND
  };
  size_t i = 0;
  while (strcmp(all[i][0], command) != 0)
    i++;
  return all[i][1];
}

int command_end(const struct sde_status *status)
{
  if (status->code != SDE_OK && sde_ranks_rank() == 0)
    fprintf(stderr, "sharpsde: %s\n", status->message);
  return (int)status->code;
}

const char *command_word(int argc, char **argv, const char *what, struct sde_status *status)
{
  if (argc == 2 && argv[1][0] != '-')
    return argv[1];
  const char *arguments = arguments_of(argv[0]);
  if (argc > 1 && argv[1][0] == '-')
    sde_fail(status, SDE_INVALID, "%s: unknown option '%s'; usage: sharpsde %s %s", argv[0],
             argv[1], argv[0], arguments);
  else
    sde_fail(status, SDE_INVALID, "%s: %s %s is named; usage: sharpsde %s %s", argv[0],
             argc < 2 ? "no" : "more than one", what, argv[0], arguments);
  return NULL;
}

bool command_unknown(const char *what, const char *name, const char *accepted,
                     struct sde_status *status)
{
  char *nearest = text_nearest(name, accepted), *list = text_comma_list(accepted);
  sde_fail(status, SDE_INVALID, "unknown %s '%s'%s%s%s; accepted are %s", what, name,
           nearest == NULL ? "" : ", nearest is '", nearest == NULL ? "" : nearest,
           nearest == NULL ? "" : "'", list);
  sde_free(nearest);
  sde_free(list);
  return false;
}
