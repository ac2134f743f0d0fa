/*
 * Data files: see data_file.h.
 */
#define _XOPEN_SOURCE 700 /* realpath */

#include "experiments/recipe/data_file.h"

#include "experiments/io/sha256.h"
#include "experiments/io/text.h"
#include "sde/status.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

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

const char *data_file_portable_name(const char *name)
{
  const char *slash = strrchr(name, '/');
  if (name[0] == '/' && slash[1] != '\0')
    return slash + 1;
  while (strncmp(name, "./", 2) == 0 && name[2] != '\0' && name[2] != '/')
    name += 2;
  return name;
}

/* What a search went through: files of the name, where there was none, and the first thing of the
 * name that is no file. */
struct search {
  const char *sha256; /* of the file that is meant, or NULL */
  char *first, *match;
  struct text folders;
  char *obstacle;
};

static const char *kind_of(mode_t mode)
{
  return S_ISDIR(mode)    ? "a directory"
         : S_ISFIFO(mode) ? "a pipe"
         : S_ISSOCK(mode) ? "a socket"
                          : "a device";
}

/* Look at one path; true where the search is over. */
static bool look_at(struct search *search, const char *path)
{
  struct stat about;
  char hex[SHA256_HEX_SIZE];
  if (stat(path, &about) != 0)
    return false;
  if (!S_ISREG(about.st_mode)) {
    const char *shown = strncmp(path, "./", 2) == 0 ? path + 2 : path;
    if (search->obstacle == NULL)
      search->obstacle =
          sde_format("%s is %s; accepted is a regular file", shown, kind_of(about.st_mode));
    return false;
  }
  char *resolved = realpath(path, NULL);
  if (resolved == NULL)
    return false;
  if (search->first == NULL)
    search->first = sde_strdup(resolved);
  if (search->sha256 != NULL && sha256_of_file(resolved, hex) &&
      strcasecmp(hex, search->sha256) == 0)
    search->match = sde_strdup(resolved);
  free(resolved);
  return search->sha256 == NULL || search->match != NULL;
}

static bool look_in(struct search *search, size_t count, char *const *folders, const char *name)
{
  bool over = false;
  for (size_t i = 0; i < count && !over; i++) {
    char *path = sde_format("%s/%s", folders[i], name);
    over = look_at(search, path);
    sde_free(path);
  }
  return over;
}

/* The files that the run which left the recipe in this folder has read. */
static void look_in_run(struct search *search, const char *folder, const char *name)
{
  char *path = sde_format("%s/run.json", folder);
  json_t *run = json_load_file(path, 0, NULL), *file;
  size_t i;
  json_array_foreach(json_object_get(run, "data"), i, file)
  {
    const char *found = json_string_value(file),
               *slash = found == NULL ? NULL : strrchr(found, '/');
    if (slash != NULL && strcmp(slash + 1, name) == 0 && look_at(search, found))
      break;
  }
  json_decref(run);
  sde_free(path);
}

/* Where a name is looked for as it stands. */
static bool look_as_named(struct search *search, char *folder, const char *name)
{
  if (name[0] == '/') {
    char *own = folder_of(name);
    text_add(&search->folders, "%s", own);
    sde_free(own);
    return look_at(search, name);
  }
  char *folders[] = {folder, ".", sde_format("%s/../data", folder), tree_folder(),
                     SHARPSDE_DATADIR "/data"};
  enum { FOLDERS = sizeof folders / sizeof *folders };
  for (size_t i = 0; i < FOLDERS; i++)
    if (i == 0 || strcmp(folders[i], folders[i - 1]) != 0)
      text_add(&search->folders, "%s%s", i == 0 ? "" : ", ", folders[i]);
  bool over = look_in(search, FOLDERS, folders, name);
  sde_free(folders[2]);
  sde_free(folders[3]);
  return over;
}

char *data_file_find(const char *recipe, const char *name, const char *sha256, char **why)
{
  struct search search = {.sha256 = sha256};
  char *folder = folder_of(recipe), *near[] = {folder, "."};
  const char *slash = strrchr(name, '/'), *bare = slash == NULL ? name : slash + 1;
  if (!look_as_named(&search, folder, name) && sha256 != NULL &&
      (slash == NULL || !look_in(&search, 2, near, bare)))
    look_in_run(&search, folder, bare);
  char *found = search.match != NULL ? search.match : search.first;
  if (search.match != NULL)
    sde_free(search.first);
  *why = NULL;
  if (found == NULL && search.obstacle != NULL)
    *why = sde_strdup(search.obstacle);
  else if (found == NULL)
    *why = sde_format("file not found: %s; searched in %s", name, search.folders.data);
  sde_free(search.obstacle);
  sde_free(search.folders.data);
  sde_free(folder);
  return found;
}
