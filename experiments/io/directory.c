/*
 * Directories: see directory.h.
 */
#include "experiments/io/directory.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* mkdir has failed with this error: is the folder there all the same? */
static bool is_folder(const char *path, int error, struct sde_status *status)
{
  struct stat about;
  bool there = stat(path, &about) == 0;
  if (there && S_ISDIR(about.st_mode))
    return true;
  if (there)
    return sde_fail(status, SDE_INVALID, "%s: is not a directory", path);
  if (errno == ENOENT && lstat(path, &about) == 0)
    return sde_fail(status, SDE_INVALID, "%s: is a link to nowhere; a directory is accepted", path);
  bool full = error == ENOSPC || error == EDQUOT || error == EIO;
  return sde_fail(status, full ? SDE_FAILED : SDE_INVALID, "%s: cannot be made: %s", path,
                  strerror(error));
}

bool directory_make(const char *directory, struct directory_made *made, struct sde_status *status)
{
  struct directory_made own = {.path = sde_strdup(directory)};
  bool good = true;
  for (char *end = own.path; good; end++) {
    end += strcspn(end, "/");
    char next = *end;
    *end = '\0';
    if (own.path[0] == '\0') /* the root */
      good = next != '\0';
    else if (mkdir(own.path, 0777) != 0)
      good = is_folder(own.path, errno, status);
    else if (own.outermost == 0)
      own.outermost = (size_t)(end - own.path);
    *end = next;
    if (next == '\0')
      break;
  }
  if (good && made != NULL)
    *made = own;
  else if (good)
    sde_free(own.path);
  else
    directory_unmake(&own);
  return good;
}

void directory_unmake(struct directory_made *made)
{
  size_t length = made->path == NULL ? 0 : strlen(made->path);
  for (; made->outermost > 0 && length >= made->outermost; length--)
    if (made->path[length] == '/' || made->path[length] == '\0') {
      made->path[length] = '\0';
      rmdir(made->path);
    }
  sde_free(made->path);
  *made = (struct directory_made){0};
}

bool directory_each(const char *path, bool (*entry)(void *context, const char *name), void *context)
{
  DIR *directory = opendir(path);
  bool all = true;
  for (struct dirent *next; directory != NULL && all && (next = readdir(directory)) != NULL;)
    if (strcmp(next->d_name, ".") != 0 && strcmp(next->d_name, "..") != 0)
      all = entry(context, next->d_name);
  if (directory != NULL)
    closedir(directory);
  return all;
}

static bool remove_file(void *context, const char *name)
{
  char *path = sde_format("%s/%s", (const char *)context, name);
  unlink(path);
  sde_free(path);
  return true;
}

void directory_remove(const char *path)
{
  directory_each(path, remove_file, (void *)path);
  rmdir(path);
}
