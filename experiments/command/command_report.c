/*
 * The command `report`: one HTML page about one run or several.
 */
#include "experiments/command/command.h"
#include "experiments/report/report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* -o FILE, once; the directories are then argv[optind..argc). */
static bool parse(int argc, char **argv, const char **output, struct sde_status *status)
{
  optind = 1;
  for (int option; (option = getopt(argc, argv, ":o:")) != -1;) {
    if (option != 'o')
      return sde_fail(status, SDE_INVALID, "report: %s %s; accepted is -o FILE",
                      option == ':' ? "a value is missing after" : "unknown option",
                      argv[optind - 1]);
    if (*output != NULL)
      return sde_fail(status, SDE_INVALID, "report: -o is given twice; give it once");
    *output = optarg;
  }
  return optind < argc ||
         sde_fail(status, SDE_INVALID,
                  "report: no directory is named; usage: sharpsde report DIR... [-o FILE]");
}

/* Each is a directory, and no two are the same. */
static bool check_directories(int count, char *const *directory, struct sde_status *status)
{
  for (int i = 0; i < count; i++) {
    struct stat about, other;
    if (stat(directory[i], &about) != 0)
      return sde_fail(status, SDE_INVALID, "%s: %s; accepted is the directory of a run",
                      directory[i], strerror(errno));
    if (!S_ISDIR(about.st_mode))
      return sde_fail(status, SDE_INVALID,
                      "%s: is not a directory; accepted is the directory of a run", directory[i]);
    for (int k = 0; k < i; k++)
      if (stat(directory[k], &other) == 0 && other.st_dev == about.st_dev &&
          other.st_ino == about.st_ino)
        return sde_fail(status, SDE_INVALID, "%s: the run is named twice; name each once",
                        directory[i]);
  }
  return true;
}

/* Where the page goes: its folder and its name, which are released with sde_free. */
static bool split(const char *output, char **folder, char **name, struct sde_status *status)
{
  const char *slash = strrchr(output, '/');
  struct stat about;
  *name = sde_strdup(slash == NULL ? output : slash + 1);
  *folder = slash == NULL     ? sde_strdup(".")
            : slash == output ? sde_strdup("/")
                              : sde_format("%.*s", (int)(slash - output), output);
  if ((*name)[0] == '\0' || (stat(output, &about) == 0 && S_ISDIR(about.st_mode)))
    return sde_fail(status, SDE_INVALID, "-o %s: a directory; accepted is the name of a file",
                    output);
  if (stat(*folder, &about) != 0 || !S_ISDIR(about.st_mode))
    return sde_fail(status, SDE_INVALID, "-o %s: there is no directory %s", output, *folder);
  return true;
}

static bool report(int count, char **directory, const char *chosen, struct sde_status *status)
{
  char *output = chosen != NULL ? sde_strdup(chosen)
                 : count == 1   ? sde_format("%s/report.html", directory[0])
                                : sde_strdup("report.html");
  char *folder = NULL, *name = NULL;
  bool good = check_directories(count, directory, status) &&
              split(output, &folder, &name, status) &&
              report_write((size_t)count, (const char *const *)directory, folder, name, status);
  if (good)
    printf("%s\n", output);
  sde_free(folder);
  sde_free(name);
  sde_free(output);
  return good;
}

int command_report(int argc, char **argv)
{
  struct sde_status status = {SDE_OK, ""};
  const char *output = NULL;
  if (parse(argc, argv, &output, &status))
    report(argc - optind, argv + optind, output, &status);
  return command_end(&status);
}
