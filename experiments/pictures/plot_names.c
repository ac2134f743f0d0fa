/*
 * Names in the order of their first appearance: see plot_names.h. A linear search, for a table has
 * few of them.
 */
#include "experiments/pictures/plot_names.h"

#include "sde/status.h"

#include <string.h>

size_t plot_names_index(struct plot_names *names, const char *name)
{
  for (size_t i = 0; i < names->count; i++)
    if (strcmp(names->name[i], name) == 0)
      return i;
  char **longer = sde_alloc(names->count + 1, sizeof *longer);
  if (names->count > 0)
    memcpy(longer, names->name, names->count * sizeof *longer);
  sde_free(names->name);
  names->name = longer;
  names->name[names->count] = sde_strdup(name);
  return names->count++;
}

void plot_names_clear(struct plot_names *names)
{
  for (size_t i = 0; i < names->count; i++)
    sde_free(names->name[i]);
  sde_free(names->name);
}

void plot_extend(char **text, char *more)
{
  char *joined = sde_format("%s%s", *text, more);
  sde_free(*text);
  sde_free(more);
  *text = joined;
}
