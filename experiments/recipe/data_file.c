/*
 * Data files: see data_file.h.
 */
#define _XOPEN_SOURCE 700 /* realpath */

#include "experiments/recipe/data_file.h"

#include "experiments/io/text.h"
#include "sde/status.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDERS = 5, PATH_SIZE = 4096 };

/* The folder of a path, by itself "." */
static char *folder_of(const char *path)
{
  const char *slash = strrchr(path, '/');
  if (slash == NULL)
    return sde_strdup(".");
  return slash == path ? sde_strdup("/") : sde_format("%.*s", (int)(slash - path), path);
}

/* data/ beside the folder that holds the executable: there in a source tree. */
static char *tree_folder(void)
{
  char path[PATH_SIZE];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0)
    return sde_strdup("data");
  path[length] = '\0';
  char *folder = folder_of(path), *parent = folder_of(folder);
  char *data = sde_format("%s/data", parent);
  sde_free(folder);
  sde_free(parent);
  return data;
}

static char *absolute_regular_file(const char *path)
{
  struct stat about;
  char *resolved = realpath(path, NULL), *copy = NULL;
  if (resolved != NULL && stat(resolved, &about) == 0 && S_ISREG(about.st_mode))
    copy = sde_strdup(resolved);
  free(resolved);
  return copy;
}

static char *find_in(size_t count, char *const *folders, const char *name, char **searched)
{
  struct text list = {0};
  char *found = NULL;
  for (size_t i = 0; i < count && found == NULL; i++) {
    bool again = i > 0 && strcmp(folders[i], folders[i - 1]) == 0;
    char *path = sde_format("%s/%s", folders[i], name);
    found = absolute_regular_file(path);
    sde_free(path);
    if (!again)
      text_add(&list, "%s%s", i == 0 ? "" : ", ", folders[i]);
  }
  *searched = list.data;
  return found;
}

char *data_file_find(const char *recipe, const char *name, char **searched)
{
  char *found;
  *searched = NULL;
  if (name[0] == '/') {
    found = absolute_regular_file(name);
    *searched = found == NULL ? folder_of(name) : NULL;
    return found;
  }
  char *folder = folder_of(recipe);
  char *folders[FOLDERS] = {folder, sde_strdup("."), sde_format("%s/../data", folder),
                            tree_folder(), sde_strdup(SHARPSDE_DATADIR "/data")};
  found = find_in(FOLDERS, folders, name, searched);
  for (size_t i = 0; i < FOLDERS; i++)
    sde_free(folders[i]);
  if (found != NULL) {
    sde_free(*searched);
    *searched = NULL;
  }
  return found;
}
