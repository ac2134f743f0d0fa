/*
 * The tables of a picture: see plot_tables.h.
 */
#include "experiments/pictures/plot_tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char updates[] = "optimizer,update,update_settings,";

/* One line, whose first three fields become one without spaces: "sgd,heavy-ball,friction 2,..."
 * becomes "sgd+heavy-ball(friction=2),...". */
static void write_joined(FILE *copy, char *line)
{
  char *update = strchr(line, ','), *settings = update == NULL ? NULL : strchr(update + 1, ',');
  char *rest = settings == NULL ? NULL : strchr(settings + 1, ',');
  if (rest == NULL) {
    fputs(line, copy);
    return;
  }
  *update = *settings = *rest = '\0';
  for (char *space = settings + 1; (space = strchr(space, ' ')) != NULL;)
    *space = '=';
  fprintf(copy, settings[1] == '\0' ? "%s+%s%s,%s" : "%s+%s(%s),%s", line, update + 1, settings + 1,
          rest + 1);
}

/* The table stands behind `updates`, with which its header begins. */
static bool copy_joined(FILE *table, const char *path, struct sde_status *status)
{
  FILE *copy = fopen(path, "w");
  if (copy == NULL)
    return sde_fail(status, SDE_FAILED, "%s: %s", path, strerror(errno));
  char *line = NULL;
  size_t size = 0;
  if (getline(&line, &size, table) >= 0)
    fprintf(copy, "optimizer,%s", line);
  while (getline(&line, &size, table) >= 0)
    write_joined(copy, line);
  free(line);
  if (fclose(copy) != 0)
    return sde_fail(status, SDE_FAILED, "%s: %s", path, strerror(errno));
  return true;
}

static bool place(const char *directory, const char *folder, const char *name,
                  struct sde_status *status)
{
  char *from = sde_format("%s/%s", directory, name), *to = sde_format("%s/%s", folder, name);
  char *target = sde_format("../%s", name), header[sizeof updates] = "";
  FILE *table = fopen(from, "r");
  bool ok = true;
  if (table != NULL) {
    size_t got = fread(header, 1, sizeof updates - 1, table);
    if (got == sizeof updates - 1 && strcmp(header, updates) == 0)
      ok = copy_joined(table, to, status);
    else if (symlink(target, to) != 0)
      ok = sde_fail(status, SDE_FAILED, "%s: %s", to, strerror(errno));
    fclose(table);
  }
  sde_free(from);
  sde_free(to);
  sde_free(target);
  return ok;
}

bool plot_tables_place(const char *directory, const char *folder, const char *names,
                       struct sde_status *status)
{
  bool ok = true;
  for (const char *name = names; ok && *name != '\0'; name += strspn(name, " ")) {
    char *one = sde_format("%.*s", (int)strcspn(name, " "), name);
    ok = place(directory, folder, one, status);
    name += strlen(one);
    sde_free(one);
  }
  return ok;
}

void plot_tables_remove(const char *folder, const char *names)
{
  for (const char *name = names; *name != '\0'; name += strspn(name, " ")) {
    int length = (int)strcspn(name, " ");
    char *path = sde_format("%s/%.*s", folder, length, name);
    unlink(path);
    sde_free(path);
    name += length;
  }
}
