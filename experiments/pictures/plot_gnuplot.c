/*
 * gnuplot as a child process: see plot_gnuplot.h. It reads nothing from the terminal, and all that
 * it writes there is caught.
 */
#include "experiments/pictures/plot_gnuplot.h"

#include "experiments/io/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

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

/* The seconds that gnuplot has for a picture. */
static bool time_limit(double *seconds, struct sde_status *status)
{
  const char *chosen = getenv("SHARPSDE_PLOT_SECONDS");
  char *end = NULL;
  *seconds = 60;
  if (chosen == NULL || chosen[0] == '\0')
    return true;
  *seconds = strtod(chosen, &end);
  return (*end == '\0' && *seconds > 0 && *seconds <= 1e6) ||
         sde_fail(
             status, SDE_FAILED,
             "SHARPSDE_PLOT_SECONDS is %s; a number of seconds from above 0 to 1e6 is accepted",
             chosen);
}

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* In the child process; 127 tells that gnuplot could not be started. */
static _Noreturn void become_gnuplot(const char *folder, char *const arguments[], int output,
                                     pid_t parent)
{
  setpgid(0, 0);
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  if (getppid() != parent) /* which has died before it could be tied to it */
    _exit(127);
  int input = open("/dev/null", O_RDONLY);
  if (input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
      dup2(output, STDERR_FILENO) >= 0 && chdir(folder) == 0) {
    if (output > STDERR_FILENO)
      close(output);
    execvp(arguments[0], arguments);
  }
  _exit(127);
}

/* gnuplot at work. */
struct drawing {
  pid_t child; /* and its group of processes */
  int output;  /* what it says */
  char said[512];
  size_t kept;
  int result; /* of waitpid, once it has ended */
};

static void kill_group(void *context)
{
  const struct drawing *drawing = context;
  kill(-drawing->child, SIGKILL);
}

/* Read what is there and keep the last of it, where gnuplot's error stands; false at its end. */
static bool listen_once(struct drawing *drawing)
{
  size_t size = sizeof drawing->said;
  if (drawing->kept == size - 1) {
    size_t half = drawing->kept / 2;
    memmove(drawing->said, drawing->said + half, drawing->kept - half);
    drawing->kept -= half;
  }
  ssize_t got = read(drawing->output, drawing->said + drawing->kept, size - 1 - drawing->kept);
  drawing->kept += got > 0 ? (size_t)got : 0;
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Listen until gnuplot has ended, though a process that it started may hold its output; false where
 * the time is over before. */
static bool wait_for_end(struct drawing *drawing, double seconds)
{
  double end = seconds_now() + seconds;
  struct pollfd listen = {.fd = drawing->output, .events = POLLIN};
  for (;;) {
    int ready = poll(&listen, 1, 20);
    if (ready > 0 && !listen_once(drawing)) {
      listen.fd = -1; /* poll then only waits */
      listen.revents = 0;
    }
    pid_t ended = waitpid(drawing->child, &drawing->result, WNOHANG);
    if (ended == drawing->child)
      break;
    if (seconds_now() > end)
      return false;
  }
  while (listen.fd >= 0 && poll(&listen, 1, 0) > 0 && listen_once(drawing))
    continue;
  return true;
}

/* What gnuplot has said, in one line. */
static const char *complaint(struct drawing *drawing)
{
  char *text = drawing->said;
  size_t used = 0;
  for (size_t i = 0; i < drawing->kept; i++) {
    bool blank = (unsigned char)text[i] <= ' ';
    if (!blank)
      text[used++] = text[i];
    else if (used > 0 && text[used - 1] != ' ')
      text[used++] = ' ';
  }
  text[used > 0 && text[used - 1] == ' ' ? used - 1 : used] = '\0';
  return text[0] != '\0' ? text : "it gave no reason";
}

static bool start(const char *folder, char *const arguments[], struct drawing *drawing,
                  struct sde_status *status)
{
  int ends[2];
  if (pipe(ends) != 0)
    return sde_fail(status, SDE_FAILED, "gnuplot cannot be started: %s", strerror(errno));
  pid_t parent = getpid();
  unsetenv("GNUTERM");
  drawing->output = ends[0];
  drawing->child = fork();
  if (drawing->child == 0) {
    close(ends[0]);
    become_gnuplot(folder, arguments, ends[1], parent);
  }
  close(ends[1]);
  if (drawing->child > 0) {
    setpgid(drawing->child, drawing->child); /* as it does itself, whoever is first */
    return true;
  }
  sde_fail(status, SDE_FAILED, "gnuplot cannot be started: %s", strerror(errno));
  close(ends[0]);
  return false;
}

bool plot_run_gnuplot(const char *folder, char *const arguments[], struct sde_status *status)
{
  double seconds;
  struct drawing drawing = {0};
  if (!time_limit(&seconds, status) || !start(folder, arguments, &drawing, status))
    return false;
  struct interrupt_guard guard = {.clean = kill_group, .context = &drawing};
  interrupt_guard_begin(&guard);
  bool ended = wait_for_end(&drawing, seconds);
  kill_group(&drawing); /* and what it may have left running */
  while (!ended && waitpid(drawing.child, &drawing.result, 0) < 0 && errno == EINTR)
    continue;
  interrupt_guard_end(&guard);
  close(drawing.output);
  if (!ended)
    return sde_fail(status, SDE_FAILED,
                    "gnuplot has not finished after %g s and was ended; SHARPSDE_PLOT_SECONDS may "
                    "give it longer",
                    seconds);
  if (WIFEXITED(drawing.result) && WEXITSTATUS(drawing.result) == 0)
    return true;
  if (WIFEXITED(drawing.result) && WEXITSTATUS(drawing.result) == 127)
    return sde_fail(status, SDE_FAILED,
                    "gnuplot is not found on PATH; the package gnuplot-nox has it");
  return sde_fail(status, SDE_FAILED, "gnuplot failed: %s", complaint(&drawing));
}
