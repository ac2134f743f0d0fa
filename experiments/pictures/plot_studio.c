/*
 * Where pictures of a run are made: see plot_studio.h. Text of the user's reaches gnuplot only as
 * an argument that its script shows, and file names are chosen here: gnuplot would run backquotes
 * in a script and commands in file names that begin with < or |.
 */
#include "experiments/pictures/plot_studio.h"

#include "experiments/pictures/plot_gnuplot.h"
#include "experiments/pictures/plot_names.h"
#include "experiments/results/sde_label.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  TITLE_WIDTH = 100, /* bytes in a line of the title */
  CAPTION_WIDTH = 130
};

/* The text in lines of at most `width` bytes, broken at spaces where there are any. What an
 * svg may not hold is parted by a space (]]>) or becomes one (control characters). */
static char *wrap_text(const char *title, size_t width)
{
  size_t length = strlen(title);
  char *lines = sde_alloc(2 * length + 1, 1);
  size_t used = 0, start = 0, space = 0; /* of this line: its first byte, its last space */
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)title[i];
    bool begins_character = (byte & 0xC0) != 0x80;
    if (used - start >= width && begins_character) {
      if (space > start) {
        lines[space] = '\n';
        start = space + 1;
      } else {
        lines[used++] = '\n';
        start = used;
      }
    }
    if (byte == '>' && i >= 2 && title[i - 1] == ']' && title[i - 2] == ']')
      lines[used++] = ' ';
    lines[used] = byte < 0x20 || byte == 0x7F ? ' ' : title[i];
    if (lines[used] == ' ')
      space = used;
    used++;
  }
  return lines;
}

/* The kinds of file in the order of enum plot_format, with the bytes that end a whole one (gnuplot
 * does not notice a full disk). */
static const struct {
  const char *extension, *ending;
} formats[] = {{"svg", "</svg>"}, {"png", "IEND\xAE\x42\x60\x82"}, {"pdf", "%%EOF"}, {"gif", ";"}};

enum { FORMATS = sizeof formats / sizeof formats[0] };

/* Whether the file ends so, not counting newlines. */
static bool ends_with(const char *path, const char *ending)
{
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return false;
  char tail[16];
  size_t length = strlen(ending);
  size_t got =
      fseek(file, -(long)sizeof tail, SEEK_END) == 0 ? fread(tail, 1, sizeof tail, file) : 0;
  fclose(file);
  while (got > 0 && tail[got - 1] == '\n')
    got--;
  return got >= length && memcmp(tail + got - length, ending, length) == 0;
}

static char *heading(const struct plot_wish *wish)
{
  char *title = wrap_text(wish->title, TITLE_WIDTH);
  if (wish->caption != NULL && wish->caption[0] != '\0') {
    plot_extend(&title, sde_strdup("\f"));
    plot_extend(&title, wrap_text(wish->caption, CAPTION_WIDTH));
  }
  return title;
}

/* The picture gnuplot has made goes to its place, where it is whole. */
static bool accept_picture(const struct plot_studio *studio, const char *file, const char *ending,
                           struct sde_status *status)
{
  char *made = sde_format("%s/%s", studio->folder, file);
  char *final = sde_format("%s/%s", studio->goal, file);
  bool ok = true;
  if (access(made, F_OK) != 0)
    ok = sde_fail(status, SDE_FAILED, "%s/%s: gnuplot has drawn nothing", studio->directory, file);
  else if (!ends_with(made, ending))
    ok = sde_fail(status, SDE_FAILED, "%s/%s: gnuplot could not write it whole; is the disk full?",
                  studio->directory, file);
  else if (rename(made, final) != 0)
    ok = sde_fail(status, SDE_FAILED, "%s: %s", final, strerror(errno));
  sde_free(made);
  sde_free(final);
  return ok;
}

static bool draw_format(const struct plot_studio *studio, size_t format, const char *name,
                        char *const details[PLOT_DETAILS], struct sde_status *status)
{
  char *file = sde_format("%s.%s", name, formats[format].extension);
  char *arguments[9 + PLOT_DETAILS] = {
      "gnuplot",     "-d",         "-c", studio->script, (char *)formats[format].extension, file,
      studio->title, studio->sdes, NULL};
  for (size_t i = 0; i < PLOT_DETAILS && details[i] != NULL; i++)
    arguments[8 + i] = details[i];
  bool ok = plot_run_gnuplot(studio->folder, arguments, status) &&
            accept_picture(studio, file, formats[format].ending, status);
  if (ok) {
    struct plot_names names = {studio->files->count, studio->files->names};
    plot_names_index(&names, file);
    *studio->files = (struct plot_files){names.count, names.name};
  } else {
    char *made = sde_format("%s/%s", studio->folder, file);
    unlink(made);
    sde_free(made);
  }
  sde_free(file);
  return ok;
}

bool plot_studio_draw(const struct plot_studio *studio, const char *name,
                      char *const details[PLOT_DETAILS], struct sde_status *status)
{
  bool ok = true;
  for (size_t i = 0; ok && i < FORMATS; i++)
    if (studio->wanted & 1U << i)
      ok = draw_format(studio, i, name, details, status);
  return ok;
}

bool plot_formats_add(unsigned *set, const char *name, struct sde_status *status)
{
  for (size_t i = 0; i < FORMATS; i++)
    if (strcmp(formats[i].extension, name) == 0) {
      *set |= 1U << i;
      return true;
    }
  return sde_fail(status, SDE_INVALID, "format `%s` is not known; accepted are svg, png, pdf, gif",
                  name);
}

/* "its name" of each SDE in the run's summary, with spaces between; empty where it has none. */
static char *describe_sdes(const char *directory)
{
  char *path = sde_format("%s/summary.json", directory), *text = sde_strdup("");
  json_t *summary = json_load_file(path, 0, NULL);
  const json_t *sdes = json_object_get(summary, "sdes");
  for (size_t i = 0; i < json_array_size(sdes); i++) {
    char *label = sde_label(sdes, i);
    plot_extend(&text, sde_format("\"%s\" ", label));
    sde_free(label);
  }
  json_decref(summary);
  sde_free(path);
  return text;
}

bool plot_studio_open(struct plot_studio *studio, const char *directory, const char *script,
                      const struct plot_wish *wish, struct plot_files *files,
                      struct sde_status *status)
{
  *studio = (struct plot_studio){.directory = directory,
                                 .goal = wish->folder != NULL ? wish->folder : directory,
                                 .wanted = wish->formats,
                                 .files = files};
  studio->script = plot_find_script(script, status);
  if (studio->script == NULL)
    return false;
  studio->title = heading(wish);
  studio->sdes = describe_sdes(directory);
  studio->folder = sde_format("%s/.plot-XXXXXX", directory);
  if (mkdtemp(studio->folder) != NULL)
    return true;
  sde_free(studio->folder);
  studio->folder = NULL;
  return sde_fail(status, SDE_FAILED, "%s: %s", directory, strerror(errno));
}

void plot_studio_close(struct plot_studio *studio)
{
  if (studio->folder != NULL)
    rmdir(studio->folder);
  sde_free(studio->folder);
  sde_free(studio->script);
  sde_free(studio->title);
  sde_free(studio->sdes);
}
