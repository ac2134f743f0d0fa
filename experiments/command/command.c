/*
 * The registry of commands, and what they share: see command.h.
 */
#include "experiments/command/command.h"

#include "experiments/io/text.h"
#include "sde/ranks.h"

#include <stdio.h>
#include <string.h>

const struct command *commands(void)
{
  static const struct command all[] = {
#define COMMAND(id, about, words, choices, sample)                                                 \
  {.name = #id,                                                                                    \
   .summary = about,                                                                               \
   .arguments = words,                                                                             \
   .options = choices,                                                                             \
   .example = sample,                                                                              \
   .run = command_##id},
#include "experiments/command/commands.def"
#undef COMMAND
      {.name = NULL}};
  return all;
}

const struct command *command_named(const char *name)
{
  for (const struct command *command = commands(); command->name != NULL; command++)
    if (strcmp(command->name, name) == 0)
      return command;
  return NULL;
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
  const struct command *command = command_named(argv[0]);
  if (argc > 1 && argv[1][0] == '-')
    sde_fail(status, SDE_INVALID, "%s: unknown option '%s'; usage: sharpsde %s %s", argv[0],
             argv[1], argv[0], command->arguments);
  else
    sde_fail(status, SDE_INVALID, "%s: %s %s is named; usage: sharpsde %s %s", argv[0],
             argc < 2 ? "no" : "more than one", what, argv[0], command->arguments);
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
