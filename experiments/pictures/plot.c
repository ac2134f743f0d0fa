/*
 * Pictures of a run: see plot.h. Which there are is the table experiments/pictures/pictures.def;
 * how one is made stands in plot_studio.c, and what series.gp is told in plot_series.c.
 */
#include "experiments/pictures/plot.h"

#include "experiments/pictures/plot_coordinates.h"
#include "experiments/pictures/plot_names.h"
#include "experiments/pictures/plot_series.h"
#include "experiments/pictures/plot_studio.h"
#include "experiments/pictures/plot_tables.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct picture {
  const char *study, *script;
  bool always;        /* every run of the study leaves the tables */
  const char *tables; /* their names, separated by spaces */
};

static const struct picture pictures[] = {
#define PICTURE(study, script, always, tables) {#study, #script, always, tables},
#include "experiments/pictures/pictures.def"
#undef PICTURE
};

enum { PICTURES = sizeof pictures / sizeof pictures[0] };

void plot_files_free(struct plot_files *files)
{
  plot_names_clear(&(struct plot_names){files->count, files->names});
  *files = (struct plot_files){0};
}

/* Is the first of these tables there? */
static bool has_table(const char *directory, const char *names)
{
  char *table = sde_format("%s/%.*s", directory, (int)strcspn(names, " "), names);
  bool has = access(table, R_OK) == 0;
  sde_free(table);
  return has;
}

/* Are all tables of a picture there? The status names the first that is not. */
static bool has_tables(const char *directory, const struct picture *picture,
                       struct sde_status *status)
{
  for (const char *name = picture->tables; *name != '\0'; name += strspn(name, " ")) {
    int length = (int)strcspn(name, " ");
    if (!has_table(directory, name))
      return sde_fail(status, SDE_INVALID, "%s/%.*s: %s; a finished run leaves this table",
                      directory, length, name, strerror(errno));
    name += length;
  }
  return true;
}

/* A picture by the script of its name, which reads the tables itself. */
static bool draw_script(const char *directory, const struct picture *picture,
                        const struct plot_wish *wish, struct plot_files *files,
                        struct sde_status *status)
{
  char *script = sde_format("%s.gp", picture->script);
  struct plot_studio studio;
  bool ok = plot_studio_open(&studio, directory, script, wish, files, status);
  if (ok) {
    char *details[PLOT_DETAILS] = {plot_coordinates(directory), NULL};
    ok = plot_tables_place(directory, studio.folder, picture->tables, status) &&
         plot_studio_draw(&studio, picture->script, details, status);
    plot_tables_remove(studio.folder, picture->tables);
    sde_free(details[0]);
  }
  plot_studio_close(&studio);
  sde_free(script);
  return ok;
}

/* "compare, trajectory, ...", released with sde_free. */
static char *list_studies(void)
{
  char *names = sde_strdup(pictures[0].study);
  for (size_t i = 1; i < PICTURES; i++)
    if (strcmp(pictures[i].study, pictures[i - 1].study) != 0)
      plot_extend(&names, sde_format(", %s", pictures[i].study));
  return names;
}

/* Is there anything to draw? A run to a tolerance has means at the end time alone, and no curves
 * over time. */
static bool is_due(const char *directory, const struct picture *picture)
{
  if (strcmp(picture->script, "series") == 0)
    return !has_table(directory, "multilevel.csv");
  return picture->always || has_table(directory, picture->tables);
}

/* Which of the formats a picture has: landscapes alone can move. */
static unsigned possible(const char *script)
{
  unsigned stills = PLOT_SVG | PLOT_PNG | PLOT_PDF;
  return strcmp(script, "landscape") == 0 ? stills | PLOT_GIF : stills;
}

static bool draw(const char *directory, const struct picture *picture, const struct plot_wish *wish,
                 struct plot_files *files, struct sde_status *status)
{
  struct plot_wish granted = *wish;
  granted.formats &= possible(picture->script);
  if (granted.formats == 0 || !is_due(directory, picture))
    return true;
  if (!has_tables(directory, picture, status))
    return false;
  return strcmp(picture->script, "series") == 0
             ? plot_series(directory, &granted, files, status)
             : draw_script(directory, picture, &granted, files, status);
}

bool plot_run_as(const char *directory, const char *study, const struct plot_wish *wish,
                 struct plot_files *files, struct sde_status *status)
{
  *files = (struct plot_files){0};
  bool known = false, ok = true;
  for (size_t i = 0; ok && i < PICTURES; i++)
    if (strcmp(pictures[i].study, study) == 0) {
      known = true;
      ok = draw(directory, &pictures[i], wish, files, status);
    }
  if (known && ok && files->count == 0 && wish->formats == PLOT_GIF)
    return sde_fail(status, SDE_INVALID,
                    "%s: nothing here moves; a gif is drawn of the paths of a landscape in two "
                    "dimensions",
                    directory);
  if (known)
    return ok;
  char *names = list_studies();
  sde_fail(status, SDE_INVALID, "%s: there are no pictures for the study `%s`; there are for %s",
           directory, study, names);
  sde_free(names);
  return false;
}

bool plot_run(const char *directory, const char *study, const char *title, struct plot_files *files,
              struct sde_status *status)
{
  struct plot_wish wish = {.title = title, .formats = PLOT_SVG | PLOT_PNG};
  return plot_run_as(directory, study, &wish, files, status);
}
