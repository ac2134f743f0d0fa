/*
 * The command `check`: a recipe, read, printed with every default, its cost estimated; nothing is
 * run and nothing written.
 */
#include "experiments/cases/unused.h"
#include "experiments/command/command.h"
#include "experiments/studies/estimate_text.h"
#include "experiments/studies/studies.h"

#include <stdio.h>
#include <string.h>

struct arguments {
  const char *recipe;
  size_t overrides;
  const char **override;
};

static bool parse(int argc, char **argv, struct arguments *arguments, struct sde_status *status)
{
  static const char usage[] = "usage: sharpsde check RECIPE [--set KEY=VALUE]...";
  for (int i = 1; i < argc; i++) {
    bool set = strcmp(argv[i], "--set") == 0;
    if (set && i + 1 == argc)
      return sde_fail(status, SDE_INVALID, "check: a value is missing after --set; %s", usage);
    if (set)
      arguments->override[arguments->overrides++] = argv[++i];
    else if (strncmp(argv[i], "--set=", 6) == 0)
      arguments->override[arguments->overrides++] = argv[i] + 6;
    else if (argv[i][0] == '-' && argv[i][1] != '\0')
      return sde_fail(status, SDE_INVALID, "check: unknown option '%s'; %s", argv[i], usage);
    else if (arguments->recipe != NULL)
      return sde_fail(status, SDE_INVALID, "check: more than one recipe is named; %s", usage);
    else
      arguments->recipe = argv[i];
  }
  return arguments->recipe != NULL ||
         sde_fail(status, SDE_INVALID, "check: no recipe is named; %s", usage);
}

/* Making the cases checks what the reader could not; nothing is printed of a recipe that fails. */
static void report(const struct recipe *recipe, struct sde_status *status)
{
  struct cases *cases = cases_rehearsed(recipe, status);
  if (cases == NULL || !study_check(recipe->study, cases, status)) {
    cases_free(cases);
    return;
  }
  char *unused = unused_keys(cases, "# ");
  printf("%s%s", recipe->resolved, unused);
  estimate_print(cases, stdout, status);
  sde_free(unused);
  cases_free(cases);
}

int command_check(int argc, char **argv)
{
  struct sde_status status = {SDE_OK, ""};
  struct arguments arguments = {.override = sde_alloc((size_t)argc, sizeof(char *))};
  struct recipe *recipe = NULL;
  if (parse(argc, argv, &arguments, &status))
    recipe = recipe_read(arguments.recipe, study_types(), arguments.overrides, arguments.override,
                         &status);
  if (recipe != NULL)
    report(recipe, &status);
  recipe_free(recipe);
  sde_free(arguments.override);
  return command_end(&status);
}
