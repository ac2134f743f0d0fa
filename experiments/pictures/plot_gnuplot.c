/*
 * gnuplot as a child process: see plot_gnuplot.h. It reads nothing from the terminal, and all that
 * it writes there is caught.
 */
#include "experiments/pictures/plot_gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The folders that may hold the scripts, as sentences name them; the second is NULL where the
 * user has chosen. */
static void script_folders(char *folders[2])
{
  const char *chosen = getenv("SHARPSDE_PLOTS");
  folders[1] = NULL;
  if (chosen != NULL && chosen[0] != '\0') {
    folders[0] = sde_strdup(chosen);
    return;
  }
  char executable[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
  executable[length > 0 ? length : 0] = '\0';
  for (int level = 0; level < 2; level++) {
    char *slash = strrchr(executable, '/');
    if (slash != NULL)
      *slash = '\0';
  }
  folders[0] = sde_format("%s/plots", executable);
  folders[1] = sde_strdup(SHARPSDE_DATADIR "/plots");
}

/* The absolute path of a script, or NULL with a sentence. */
char *plot_find_script(const char *name, struct sde_status *status)
{
  char *folders[2];
  script_folders(folders);
  char *script = NULL;
  for (int i = 0; i < 2 && folders[i] != NULL && script == NULL; i++) {
    char here[PATH_MAX] = "/";
    bool absolute = folders[i][0] == '/' || getcwd(here, sizeof here) == NULL;
    char *path = absolute ? sde_format("%s/%s", folders[i], name)
                          : sde_format("%s/%s/%s", here, folders[i], name);
    if (access(path, R_OK) == 0)
      script = path;
    else
      sde_free(path);
  }
  if (script == NULL)
    sde_fail(status, SDE_FAILED,
             "the pictures need %s, which is not in %s%s%s; SHARPSDE_PLOTS may name its folder",
             name, folders[0], folders[1] != NULL ? " nor in " : "",
             folders[1] != NULL ? folders[1] : "");
  sde_free(folders[0]);
  sde_free(folders[1]);
  return script;
}

/* In the child process; 127 tells that gnuplot could not be started. */
static _Noreturn void become_gnuplot(const char *folder, char *const arguments[], int output)
{
  int input = open("/dev/null", O_RDONLY);
  if (input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
      dup2(output, STDERR_FILENO) >= 0 && chdir(folder) == 0) {
    if (output > STDERR_FILENO)
      close(output);
    execvp(arguments[0], arguments);
  }
  _exit(127);
}

/* Read to its end and keep the last of it, where gnuplot's error stands, in one line. */
static void read_complaint(int input, char *text, size_t size)
{
  size_t kept = 0;
  for (;;) {
    if (kept == size - 1) {
      memmove(text, text + kept / 2, kept - kept / 2);
      kept -= kept / 2;
    }
    ssize_t got = read(input, text + kept, size - 1 - kept);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    kept += (size_t)got;
  }
  text[kept] = '\0';
  size_t used = 0;
  for (size_t i = 0; i < kept; i++) {
    bool blank = (unsigned char)text[i] <= ' ';
    if (!blank)
      text[used++] = text[i];
    else if (used > 0 && text[used - 1] != ' ')
      text[used++] = ' ';
  }
  text[used > 0 && text[used - 1] == ' ' ? used - 1 : used] = '\0';
}

bool plot_run_gnuplot(const char *folder, char *const arguments[], struct sde_status *status)
{
  int ends[2];
  if (pipe(ends) != 0)
    return sde_fail(status, SDE_FAILED, "gnuplot cannot be started: %s", strerror(errno));
  pid_t child = fork();
  if (child < 0) {
    sde_fail(status, SDE_FAILED, "gnuplot cannot be started: %s", strerror(errno));
    close(ends[0]);
    close(ends[1]);
    return false;
  }
  if (child == 0) {
    close(ends[0]);
    become_gnuplot(folder, arguments, ends[1]);
  }
  close(ends[1]);
  char complaint[512];
  read_complaint(ends[0], complaint, sizeof complaint);
  close(ends[0]);
  int result = 0;
  while (waitpid(child, &result, 0) < 0 && errno == EINTR)
    continue;
  if (WIFEXITED(result) && WEXITSTATUS(result) == 0)
    return true;
  if (WIFEXITED(result) && WEXITSTATUS(result) == 127)
    return sde_fail(status, SDE_FAILED,
                    "gnuplot is not found on PATH; the package gnuplot-nox has it");
  return sde_fail(status, SDE_FAILED, "gnuplot failed: %s",
                  complaint[0] != '\0' ? complaint : "it gave no reason");
}
