/*
 * The registry of commands: see command.h.
 */
#include "experiments/command/command.h"

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
