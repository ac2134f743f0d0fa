/*
 * Pictures of series.csv: see plot_series.h. Rows are regrouped into a block a curve, and series.gp
 * is told ranges and names.
 */
#include "experiments/pictures/plot_series.h"

#include "experiments/pictures/plot_studio.h"
#include "experiments/pictures/plot_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* An axis is no shorter: gnuplot's arithmetic of tics would leave the range of double. */
static const double smallest = 1e-100;

/* Rows drawn of a curve: more than a panel has pixels only swell the svg. */
enum { LONGEST_BLOCK = 500 };

/* One picture: the rows of one setting. */
struct picture {
  const struct plot_table *table;
  const struct plot_row *rows;
  size_t count;
};

/* A curve of a picture, in every panel of it. */
struct curve {
  size_t process, variant;
  double diverged; /* the most paths lost at any time; negative where the picture lacks the curve */
};

/* All curves a picture may have, processes slowest: table->processes * table->variants.count. */
static struct curve *list_curves(const struct picture *picture)
{
  size_t variants = picture->table->variants.count;
  size_t count = picture->table->processes * variants;
  struct curve *curves = sde_alloc(count, sizeof *curves);
  for (size_t i = 0; i < count; i++)
    curves[i] = (struct curve){i / variants, i % variants, -1};
  for (size_t i = 0; i < picture->count; i++) {
    const struct plot_row *row = &picture->rows[i];
    struct curve *curve = &curves[row->process * variants + row->variant];
    curve->diverged = fmax(curve->diverged, row->diverged);
  }
  return curves;
}

/* The argument CURVES of series.gp. */
static char *describe_curves(const struct picture *picture, const struct curve *curves)
{
  const struct plot_table *table = picture->table;
  char *text = sde_strdup("");
  for (size_t i = 0; i < table->processes * table->variants.count; i++)
    if (curves[i].diverged >= 0)
      plot_extend(&text, sde_format("%zu %zu %.10g ", curves[i].variant, curves[i].process,
                                    curves[i].diverged));
  return text;
}

/* The argument OPTIMIZERS of series.gp. */
static char *describe_optimizers(const struct plot_table *table)
{
  char *text = sde_strdup("");
  for (size_t i = 0; i < table->variants.count; i++)
    plot_extend(&text, sde_format("\"%s\" ", table->variants.name[i]));
  return text;
}

/* The span of a panel's bands from some time on; empty (low > high) where there are none. */
struct span {
  double low, high;
  size_t rows;
};

static struct span find_span(const struct picture *picture, size_t panel, double from)
{
  struct span span = {INFINITY, -INFINITY, 0};
  for (size_t i = 0; i < picture->count; i++) {
    const struct plot_row *row = &picture->rows[i];
    if (row->panel == panel && row->time >= from && !isnan(row->mean)) {
      span.low = fmin(span.low, row->low);
      span.high = fmax(span.high, row->high);
      span.rows++;
    }
  }
  return span;
}

/* Logarithmic where all is positive and spans more than two decades. */
static bool is_logarithmic(struct span span)
{
  return span.low > 0 && span.high / span.low > 100;
}

/* One panel of the argument PANELS: the span widened by a margin. */
static char *describe_panel(const struct picture *picture, size_t panel, double from,
                            struct span span)
{
  if (span.low > span.high)
    span = (struct span){0, 1, 0};
  bool logarithmic = is_logarithmic(span);
  if (logarithmic) {
    span.low /= 1.3;
    span.high *= 1.3;
  } else {
    double size = fmax(fabs(span.low), fabs(span.high));
    double length = span.high - span.low;
    double margin = 0.05 * (length > 1e-9 * size ? length : size);
    if (margin < smallest)
      margin = 1;
    span.low -= margin;
    span.high += margin;
  }
  return sde_format("%s %zu %.17g %.17g %.17g %d ", picture->table->observables.name[panel], panel,
                    from, span.low, span.high, logarithmic);
}

static void find_times(const struct picture *picture, double *first, double *last)
{
  *first = INFINITY;
  *last = -INFINITY;
  for (size_t i = 0; i < picture->count; i++) {
    *first = fmin(*first, picture->rows[i].time);
    *last = fmax(*last, picture->rows[i].time);
  }
}

/* Do several curves lie in a small part of some panel, a seventh of its height, from this time on?
 * Then the start hides how they differ. */
static bool is_crowded(const struct picture *picture, size_t curves, double from)
{
  for (size_t panel = 0; panel < picture->table->observables.count; panel++) {
    struct span all = find_span(picture, panel, -INFINITY), late = find_span(picture, panel, from);
    if (curves > 1 && late.rows >= 5 * curves && !is_logarithmic(all) &&
        late.high - late.low < (all.high - all.low) / 7)
      return true;
  }
  return false;
}

/* The argument PANELS of series.gp: all times and, where they would be crowded, all panels again
 * over the second half. */
static char *describe_panels(const struct picture *picture, size_t curves)
{
  double first, last;
  find_times(picture, &first, &last);
  char *text = sde_strdup("");
  for (size_t panel = 0; panel < picture->table->observables.count; panel++)
    plot_extend(&text, describe_panel(picture, panel, first, find_span(picture, panel, first)));
  double half = 0.5 * (first + last);
  if (is_crowded(picture, curves, half))
    for (size_t panel = 0; panel < picture->table->observables.count; panel++)
      plot_extend(&text, describe_panel(picture, panel, half, find_span(picture, panel, half)));
  return text;
}

/* The rows of one curve in one panel; returns how many were written. A block without any would
 * not be counted by gnuplot, so it gets a row that is not drawn. */
static size_t write_block(FILE *file, const struct plot_row *rows, size_t count)
{
  size_t stride = 1 + (count > 0 ? count - 1 : 0) / LONGEST_BLOCK;
  size_t written = 0;
  for (size_t i = 0; i < count; i++) {
    if (i % stride != 0 && i != count - 1)
      continue;
    if (isnan(rows[i].mean))
      fprintf(file, "%.17g NaN NaN NaN\n", rows[i].time);
    else
      fprintf(file, "%.17g %.17g %.17g %.17g\n", rows[i].time, rows[i].mean, rows[i].low,
              rows[i].high);
    written++;
  }
  fputs(written == 0 ? "NaN NaN NaN NaN\n\n\n" : "\n\n", file);
  return written;
}

/* curves.dat of series.gp; *longest is the greatest number of rows in a block. */
static bool write_curves(const char *path, const struct picture *picture,
                         const struct curve *curves, size_t *longest, struct sde_status *status)
{
  FILE *file = fopen(path, "w");
  if (file == NULL)
    return sde_fail(status, SDE_FAILED, "%s: %s", path, strerror(errno));
  const struct plot_table *table = picture->table;
  const struct plot_row *row = picture->rows, *end = picture->rows + picture->count;
  for (size_t panel = 0; panel < table->observables.count; panel++)
    for (size_t i = 0; i < table->processes * table->variants.count; i++) {
      if (curves[i].diverged < 0)
        continue;
      const struct plot_row *first = row;
      while (row < end && row->panel == panel && row->process == curves[i].process &&
             row->variant == curves[i].variant)
        row++;
      size_t written = write_block(file, first, (size_t)(row - first));
      *longest = written > *longest ? written : *longest;
    }
  bool ok = !ferror(file);
  if (fclose(file) != 0 || !ok)
    return sde_fail(status, SDE_FAILED, "%s: %s", path, strerror(errno));
  return true;
}

/* The argument TIMES of series.gp. */
static char *describe_times(const struct picture *picture, size_t longest)
{
  double first, last;
  find_times(picture, &first, &last);
  if (first == last) {
    double margin = first == 0 ? 1 : 0.05 * fabs(first);
    first -= margin;
    last += margin;
  }
  return sde_format("%.17g %.17g %zu", first, last, longest);
}

static size_t count_drawn(const struct picture *picture, const struct curve *curves)
{
  size_t count = 0;
  for (size_t i = 0; i < picture->table->processes * picture->table->variants.count; i++)
    count += curves[i].diverged >= 0;
  return count;
}

static bool draw_picture(const struct plot_studio *studio, const struct picture *picture,
                         const char *name, struct sde_status *status)
{
  struct curve *curves = list_curves(picture);
  char *data = sde_format("%s/curves.dat", studio->folder);
  size_t longest = 0;
  bool ok = write_curves(data, picture, curves, &longest, status);
  if (ok) {
    const struct plot_table *table = picture->table;
    char *details[PLOT_DETAILS] = {table->settings.name[picture->rows[0].picture],
                                   describe_times(picture, longest),
                                   describe_panels(picture, count_drawn(picture, curves)),
                                   describe_curves(picture, curves), describe_optimizers(table)};
    ok = plot_studio_draw(studio, name, details, status);
    for (size_t i = 1; i < PLOT_DETAILS; i++)
      sde_free(details[i]);
  }
  unlink(data);
  sde_free(data);
  sde_free(curves);
  return ok;
}

/* One picture a setting. */
static bool draw_table(const struct plot_studio *studio, const struct plot_table *table,
                       struct sde_status *status)
{
  bool ok = true;
  for (size_t begin = 0, end = 0; ok && begin < table->count; begin = end) {
    while (end < table->count && table->rows[end].picture == table->rows[begin].picture)
      end++;
    struct picture picture = {table, &table->rows[begin], end - begin};
    char *name = table->settings.count == 1
                     ? sde_strdup("series")
                     : sde_format("series-%zu", table->rows[begin].picture + 1);
    ok = draw_picture(studio, &picture, name, status);
    sde_free(name);
  }
  return ok;
}

bool plot_series(const char *directory, const struct plot_wish *wish, struct plot_files *files,
                 struct sde_status *status)
{
  struct plot_table table = {0};
  char *path = sde_format("%s/series.csv", directory);
  bool ok = plot_table_read(path, &table, status);
  if (ok) {
    struct plot_studio studio;
    ok = plot_studio_open(&studio, directory, "series.gp", wish, files, status) &&
         draw_table(&studio, &table, status);
    plot_studio_close(&studio);
  }
  plot_table_clear(&table);
  sde_free(path);
  return ok;
}
