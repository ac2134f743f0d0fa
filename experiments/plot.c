/*
 * Pictures of a run: see plot.h. Text of the user's reaches gnuplot only as an argument that its
 * script shows, and gnuplot works in a folder of its own with file names chosen here: it would run
 * backquotes in a script and commands in file names that begin with < or |.
 */
#include "experiments/plot.h"

#include "experiments/sde_label.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Half the width of a 95 % band in standard errors. */
static const double band = 1.96;

/* Values beyond the greatest are left out, and an axis is no shorter than the smallest: gnuplot's
 * arithmetic of tics would leave the range of double. */
static const double greatest = 1e100, smallest = 1e-100;

enum {
  LONGEST_BLOCK = 500, /* rows drawn of a curve: more than a panel has pixels only swell the svg */
  TITLE_WIDTH = 100,   /* bytes in a line of the title */
  CAPTION_WIDTH = 130
};

/* Texts in the order of their first appearance. */
struct names {
  size_t count;
  char **name;
};

static size_t names_index(struct names *names, const char *name)
{
  for (size_t i = 0; i < names->count; i++)
    if (strcmp(names->name[i], name) == 0)
      return i;
  char **longer = sde_alloc(names->count + 1, sizeof *longer);
  if (names->count > 0)
    memcpy(longer, names->name, names->count * sizeof *longer);
  sde_free(names->name);
  names->name = longer;
  names->name[names->count] = sde_strdup(name);
  return names->count++;
}

static void names_clear(struct names *names)
{
  for (size_t i = 0; i < names->count; i++)
    sde_free(names->name[i]);
  sde_free(names->name);
}

void plot_files_free(struct plot_files *files)
{
  names_clear(&(struct names){files->count, files->names});
  *files = (struct plot_files){0};
}

/* *text = *text followed by more; both are released. */
static void extend(char **text, char *more)
{
  char *joined = sde_format("%s%s", *text, more);
  sde_free(*text);
  sde_free(more);
  *text = joined;
}

/* ---- series.csv ---- */

enum kind { NAME, PROCESS, NUMBER, OPTIONAL };

/* Columns in their order; the header holds these names. */
static const struct {
  const char *name;
  enum kind kind;
} columns[] = {{"optimizer", NAME}, {"micro_batch", OPTIONAL}, {"batch", NUMBER},
               {"eta", NUMBER},     {"rho", NUMBER},           {"process", PROCESS},
               {"sde", OPTIONAL},   {"observable", NAME},      {"time", NUMBER},
               {"mean", OPTIONAL},  {"se", OPTIONAL},          {"n", NUMBER},
               {"diverged", NUMBER}};

enum {
  OPTIMIZER,
  MICRO_BATCH,
  BATCH,
  ETA,
  RHO,
  PROCESS_NAME,
  SDE,
  OBSERVABLE,
  TIME,
  MEAN,
  SE,
  SURVIVORS,
  DIVERGED,
  COLUMNS
};

/* What a row of each kind must hold, for the error sentence. */
static const char *const accepted[] = {[NAME] = "a name of a-z, 0-9 and - is accepted",
                                       [PROCESS] = "`iterates` or `sde` is accepted",
                                       [NUMBER] = "a number is accepted",
                                       [OPTIONAL] = "a number or nothing is accepted"};

struct row {
  size_t picture, panel;        /* indices of the table's settings and observables */
  size_t process, variant;      /* 0 for the iterates, 1 + k for the SDE of index k; of variants */
  double time, low, mean, high; /* mean is NaN where there is none to draw */
  double diverged;
};

struct table {
  size_t count;
  struct row *rows; /* by picture, panel, process, variant, time */
  struct names settings, observables, variants;
  size_t processes; /* 1 + the greatest process */
};

static void table_clear(struct table *table)
{
  sde_free(table->rows);
  names_clear(&table->settings);
  names_clear(&table->observables);
  names_clear(&table->variants);
}

/* Cut line at its commas; returns the number of fields, of which the first COLUMNS are kept. */
static size_t split(char *line, char *fields[COLUMNS])
{
  line[strcspn(line, "\r\n")] = '\0';
  size_t count = 0;
  for (char *field = line; field != NULL; count++) {
    char *comma = strchr(field, ',');
    if (comma != NULL)
      *comma++ = '\0';
    if (count < COLUMNS)
      fields[count] = field;
    field = comma;
  }
  return count;
}

/* Whether text is of this kind; *value is its number, NaN where it has none. */
static bool read_field(const char *text, enum kind kind, double *value)
{
  *value = NAN;
  if (kind == PROCESS)
    return strcmp(text, "iterates") == 0 || strcmp(text, "sde") == 0;
  if (kind == NAME)
    return text[0] != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
  if (text[0] == '\0')
    return kind == OPTIONAL;
  char *end;
  *value = strtod(text, &end);
  return *end == '\0' && (kind == OPTIONAL || isfinite(*value));
}

static void make_row(char *const fields[COLUMNS], const double value[COLUMNS], struct table *table,
                     struct row *row)
{
  double se = isfinite(value[SE]) ? value[SE] : 0;
  *row = (struct row){.time = value[TIME],
                      .low = value[MEAN] - band * se,
                      .mean = value[MEAN],
                      .high = value[MEAN] + band * se,
                      .diverged = value[DIVERGED]};
  if (!(fabs(row->low) < greatest && fabs(row->high) < greatest))
    row->mean = NAN;
  char *setting =
      sde_format("learning rate η = %.10g,  radius ρ = %.10g,  batch b = %.10g,  %.10g paths",
                 value[ETA], value[RHO], value[BATCH], value[SURVIVORS] + value[DIVERGED]);
  char *variant = isnan(value[MICRO_BATCH])
                      ? sde_strdup(fields[OPTIMIZER])
                      : sde_format("%s m=%.10g", fields[OPTIMIZER], value[MICRO_BATCH]);
  row->picture = names_index(&table->settings, setting);
  row->panel = names_index(&table->observables, fields[OBSERVABLE]);
  row->variant = names_index(&table->variants, variant);
  row->process = isnan(value[SDE]) ? 0 : 1 + (size_t)value[SDE];
  if (row->process >= table->processes)
    table->processes = row->process + 1;
  sde_free(setting);
  sde_free(variant);
}

static bool read_row(char *line, const char *path, size_t number, struct table *table,
                     struct sde_status *status)
{
  char *fields[COLUMNS];
  double value[COLUMNS];
  size_t count = split(line, fields);
  if (count != COLUMNS)
    return sde_fail(status, SDE_INVALID, "%s:%zu: the row has %zu fields; %d are needed", path,
                    number, count, COLUMNS);
  for (size_t i = 0; i < COLUMNS; i++)
    if (!read_field(fields[i], columns[i].kind, &value[i]))
      return sde_fail(status, SDE_INVALID, "%s:%zu: %s is `%s`; %s", path, number, columns[i].name,
                      fields[i], accepted[columns[i].kind]);
  bool is_sde = strcmp(fields[PROCESS_NAME], "sde") == 0;
  bool index_fits = is_sde ? value[SDE] >= 0 && value[SDE] < 1000 : isnan(value[SDE]);
  if (!index_fits)
    return sde_fail(status, SDE_INVALID,
                    "%s:%zu: sde is `%s` for process `%s`; an index from 0 is accepted for sde, "
                    "nothing for iterates",
                    path, number, fields[SDE], fields[PROCESS_NAME]);
  make_row(fields, value, table, &table->rows[table->count++]);
  return true;
}

static bool read_header(char *line, const char *path, struct sde_status *status)
{
  char *fields[COLUMNS];
  size_t count = split(line, fields);
  for (size_t i = 0; i < COLUMNS; i++)
    if (count != COLUMNS || strcmp(fields[i], columns[i].name) != 0)
      return sde_fail(status, SDE_INVALID,
                      "%s:1: this is not the header of a series table; it begins "
                      "optimizer,micro_batch,batch and has %d columns",
                      path, COLUMNS);
  return true;
}

static int compare_sizes(size_t a, size_t b)
{
  return (a > b) - (a < b);
}

static int compare_rows(const void *left, const void *right)
{
  const struct row *a = left, *b = right;
  int order = compare_sizes(a->picture, b->picture);
  if (order == 0)
    order = compare_sizes(a->panel, b->panel);
  if (order == 0)
    order = compare_sizes(a->process, b->process);
  if (order == 0)
    order = compare_sizes(a->variant, b->variant);
  return order != 0 ? order : (a->time > b->time) - (a->time < b->time);
}

static size_t count_lines(FILE *file)
{
  size_t lines = 1;
  for (int byte = getc(file); byte != EOF; byte = getc(file))
    lines += byte == '\n';
  rewind(file);
  return lines;
}

static bool read_table(const char *path, struct table *table, struct sde_status *status)
{
  FILE *file = fopen(path, "r");
  if (file == NULL)
    return sde_fail(status, SDE_INVALID, "%s: %s; a finished run leaves this table", path,
                    strerror(errno));
  table->rows = sde_alloc(count_lines(file), sizeof *table->rows);
  char line[1024] = "";
  bool ok = true;
  for (size_t number = 1; ok && fgets(line, sizeof line, file) != NULL; number++)
    ok =
        number == 1 ? read_header(line, path, status) : read_row(line, path, number, table, status);
  if (ok && ferror(file))
    ok = sde_fail(status, SDE_FAILED, "%s: %s", path, strerror(errno));
  if (ok && table->count == 0)
    ok = sde_fail(status, SDE_INVALID, "%s: the table has no rows; there is nothing to draw", path);
  fclose(file);
  qsort(table->rows, table->count, sizeof *table->rows, compare_rows);
  return ok;
}

/* ---- what gnuplot is told ---- */

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

/* One picture: the rows of one setting. */
struct picture {
  const struct table *table;
  const struct row *rows;
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
    const struct row *row = &picture->rows[i];
    struct curve *curve = &curves[row->process * variants + row->variant];
    curve->diverged = fmax(curve->diverged, row->diverged);
  }
  return curves;
}

/* The SDEs of the run's summary, or NULL where it has none. */
static json_t *read_sdes(const char *directory)
{
  char *path = sde_format("%s/summary.json", directory);
  json_t *summary = json_load_file(path, 0, NULL);
  json_t *sdes = json_incref(json_object_get(summary, "sdes"));
  json_decref(summary);
  sde_free(path);
  return sdes;
}

/* The argument CURVES of series.gp. */
static char *describe_curves(const struct picture *picture, const struct curve *curves,
                             const json_t *sdes)
{
  const struct table *table = picture->table;
  char *text = sde_strdup("");
  for (size_t i = 0; i < table->processes * table->variants.count; i++) {
    const struct curve *curve = &curves[i];
    if (curve->diverged < 0)
      continue;
    extend(&text, sde_format("\"%s, ", table->variants.name[curve->variant]));
    if (curve->process == 0)
      extend(&text, sde_strdup("iterates"));
    else if (table->processes == 2)
      extend(&text, sde_strdup("SDE"));
    else
      extend(&text, sde_label(sdes, curve->process - 1));
    if (curve->diverged > 0)
      extend(&text, sde_format(" (%.10g diverged)", curve->diverged));
    extend(&text, sde_format("\" %zu %zu ", curve->variant, curve->process));
  }
  return text;
}

/* Widen [low, high] by a margin and choose the axis: logarithmic where all is positive and spans
 * more than two decades. */
static char *describe_range(const char *observable, double low, double high)
{
  if (low > high) {
    low = 0;
    high = 1;
  }
  bool logarithmic = low > 0 && high / low > 100;
  if (logarithmic) {
    low /= 1.3;
    high *= 1.3;
  } else {
    double size = fmax(fabs(low), fabs(high));
    double margin = 0.05 * (high - low > 1e-9 * size ? high - low : size);
    if (margin < smallest)
      margin = 1;
    low -= margin;
    high += margin;
  }
  return sde_format("%s %.17g %.17g %d ", observable, low, high, logarithmic);
}

/* The argument PANELS of series.gp. */
static char *describe_panels(const struct picture *picture)
{
  const struct names *observables = &picture->table->observables;
  char *text = sde_strdup("");
  for (size_t panel = 0; panel < observables->count; panel++) {
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < picture->count; i++) {
      const struct row *row = &picture->rows[i];
      if (row->panel == panel && !isnan(row->mean)) {
        low = fmin(low, row->low);
        high = fmax(high, row->high);
      }
    }
    extend(&text, describe_range(observables->name[panel], low, high));
  }
  return text;
}

/* The rows of one curve in one panel; returns how many were written. A block without any would
 * not be counted by gnuplot, so it gets a row that is not drawn. */
static size_t write_block(FILE *file, const struct row *rows, size_t count)
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
  const struct table *table = picture->table;
  const struct row *row = picture->rows, *end = picture->rows + picture->count;
  for (size_t panel = 0; panel < table->observables.count; panel++)
    for (size_t i = 0; i < table->processes * table->variants.count; i++) {
      if (curves[i].diverged < 0)
        continue;
      const struct row *first = row;
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
  double first = INFINITY, last = -INFINITY;
  for (size_t i = 0; i < picture->count; i++) {
    first = fmin(first, picture->rows[i].time);
    last = fmax(last, picture->rows[i].time);
  }
  if (first == last) {
    double margin = first == 0 ? 1 : 0.05 * fabs(first);
    first -= margin;
    last += margin;
  }
  return sde_format("%.17g %.17g %zu", first, last, longest);
}

/* ---- gnuplot ---- */

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
static char *find_script(const char *name, struct sde_status *status)
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

static bool run_gnuplot(const char *folder, char *const arguments[], struct sde_status *status)
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

/* ---- pictures ---- */

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

/* Where pictures are made and where they go. */
struct studio {
  const char *directory; /* of the run */
  char *folder;          /* inside it: gnuplot works here */
  char *script;
  char *title;  /* and caption, parted by a form feed, which neither of them can hold */
  json_t *sdes; /* of the summary */
  unsigned wanted;
  struct plot_files *files;
};

static char *heading(const struct plot_wish *wish)
{
  char *title = wrap_text(wish->title, TITLE_WIDTH);
  if (wish->caption != NULL && wish->caption[0] != '\0') {
    extend(&title, sde_strdup("\f"));
    extend(&title, wrap_text(wish->caption, CAPTION_WIDTH));
  }
  return title;
}

static bool draw_format(const struct studio *studio, size_t format, const char *name,
                        char *const details[4], struct sde_status *status)
{
  char *file = sde_format("%s.%s", name, formats[format].extension);
  char *made = sde_format("%s/%s", studio->folder, file);
  char *final = sde_format("%s/%s", studio->directory, file);
  char *arguments[] = {
      "gnuplot",  "-d",          "-c",       studio->script, (char *)formats[format].extension,
      file,       studio->title, details[0], details[1],     details[2],
      details[3], NULL};
  bool ok = run_gnuplot(studio->folder, arguments, status);
  if (ok && !ends_with(made, formats[format].ending))
    ok = sde_fail(status, SDE_FAILED, "%s: gnuplot could not write it whole; is the disk full?",
                  final);
  if (ok && rename(made, final) != 0)
    ok = sde_fail(status, SDE_FAILED, "%s: %s", final, strerror(errno));
  if (ok) {
    struct names names = {studio->files->count, studio->files->names};
    names_index(&names, file);
    *studio->files = (struct plot_files){names.count, names.name};
  } else
    unlink(made);
  sde_free(file);
  sde_free(made);
  sde_free(final);
  return ok;
}

/* Draw a picture in each of the formats that are wanted. */
static bool draw_formats(const struct studio *studio, const char *name, char *const details[4],
                         struct sde_status *status)
{
  bool ok = true;
  for (size_t i = 0; ok && i < FORMATS; i++)
    if (studio->wanted & 1U << i)
      ok = draw_format(studio, i, name, details, status);
  return ok;
}

static bool draw_picture(const struct studio *studio, const struct picture *picture,
                         const char *name, struct sde_status *status)
{
  struct curve *curves = list_curves(picture);
  char *data = sde_format("%s/curves.dat", studio->folder);
  size_t longest = 0;
  bool ok = write_curves(data, picture, curves, &longest, status);
  if (ok) {
    char *details[4] = {picture->table->settings.name[picture->rows[0].picture],
                        describe_times(picture, longest), describe_panels(picture),
                        describe_curves(picture, curves, studio->sdes)};
    ok = draw_formats(studio, name, details, status);
    for (size_t i = 1; i < 4; i++)
      sde_free(details[i]);
  }
  unlink(data);
  sde_free(data);
  sde_free(curves);
  return ok;
}

/* One picture a setting. */
static bool draw_table(const struct studio *studio, const struct table *table,
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

static bool draw_series(const char *directory, const struct plot_wish *wish,
                        struct plot_files *files, struct sde_status *status)
{
  struct table table = {0};
  char *path = sde_format("%s/series.csv", directory);
  struct studio studio = {.directory = directory, .wanted = wish->formats, .files = files};
  bool ok = read_table(path, &table, status);
  if (ok)
    ok = (studio.script = find_script("series.gp", status)) != NULL;
  if (ok) {
    studio.folder = sde_format("%s/.plot-XXXXXX", directory);
    studio.title = heading(wish);
    studio.sdes = read_sdes(directory);
    if (mkdtemp(studio.folder) != NULL) {
      ok = draw_table(&studio, &table, status);
      rmdir(studio.folder);
    } else
      ok = sde_fail(status, SDE_FAILED, "%s: %s", directory, strerror(errno));
  }
  sde_free(studio.folder);
  sde_free(studio.title);
  sde_free(studio.script);
  json_decref(studio.sdes);
  table_clear(&table);
  sde_free(path);
  return ok;
}

/* The argument SDES of the scripts: a name in quotes for each SDE. */
static char *describe_sdes(const char *directory)
{
  json_t *sdes = read_sdes(directory);
  char *text = sde_strdup("");
  for (size_t i = 0; i < json_array_size(sdes); i++) {
    char *label = sde_label(sdes, i);
    extend(&text, sde_format("\"%s\" ", label));
    sde_free(label);
  }
  json_decref(sdes);
  return text;
}

/* One picture NAME by the script NAME.gp, which reads the table NAME.csv itself. */
static bool draw_script(const char *directory, const char *name, const struct plot_wish *wish,
                        struct plot_files *files, struct sde_status *status)
{
  char *file = sde_format("%s.gp", name), *table = sde_format("%s/%s.csv", directory, name);
  struct studio studio = {.directory = directory, .wanted = wish->formats, .files = files};
  bool ok = access(table, R_OK) == 0 ||
            sde_fail(status, SDE_INVALID, "%s: %s; a finished run leaves this table", table,
                     strerror(errno));
  ok = ok && (studio.script = find_script(file, status)) != NULL;
  studio.folder = sde_format("%s/.plot-XXXXXX", directory);
  studio.title = heading(wish);
  if (ok && mkdtemp(studio.folder) == NULL)
    ok = sde_fail(status, SDE_FAILED, "%s: %s", directory, strerror(errno));
  else if (ok) {
    char *const details[4] = {describe_sdes(directory)};
    ok = draw_formats(&studio, name, details, status);
    sde_free(details[0]);
    rmdir(studio.folder);
  }
  sde_free(studio.folder);
  sde_free(studio.title);
  sde_free(studio.script);
  sde_free(table);
  sde_free(file);
  return ok;
}

/* What each study's pictures are drawn by: series.gp, or a script of this name from the table of
 * this name. Rows of one study stand together. */
static const struct {
  const char *study, *script; /* NULL for series.gp */
  bool optional;              /* not every run of the study leaves the table */
} pictures[] = {
    {"compare", NULL, false},        {"compare", "distances", true},
    {"trajectory", NULL, false},     {"regularizer", "regularizer", false},
    {"regularizer", "norms", true},  {"order", "order", false},
    {"converge", "converge", false}, {"stationary", NULL, false},
    {"escape", "escape", false},     {"landscape", "landscape", true},
    {"landscape", "density", true},
};

enum { PICTURES = sizeof pictures / sizeof pictures[0] };

static bool has_table(const char *directory, const char *name)
{
  char *table = sde_format("%s/%s.csv", directory, name);
  bool has = access(table, F_OK) == 0;
  sde_free(table);
  return has;
}

/* "compare, trajectory, ...", released with sde_free. */
static char *list_studies(void)
{
  char *names = sde_strdup(pictures[0].study);
  for (size_t i = 1; i < PICTURES; i++)
    if (strcmp(pictures[i].study, pictures[i - 1].study) != 0)
      extend(&names, sde_format(", %s", pictures[i].study));
  return names;
}

/* A run to a tolerance has means at the end time alone, and no curves over time to draw. */
static bool has_picture(const char *directory, const char *script, bool optional)
{
  if (script == NULL)
    return !has_table(directory, "multilevel");
  return !optional || has_table(directory, script);
}

/* Which of the formats a picture has: landscapes alone can move. */
static unsigned possible(const char *script)
{
  unsigned stills = PLOT_SVG | PLOT_PNG | PLOT_PDF;
  return script != NULL && strcmp(script, "landscape") == 0 ? stills | PLOT_GIF : stills;
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

bool plot_run_as(const char *directory, const char *study, const struct plot_wish *wish,
                 struct plot_files *files, struct sde_status *status)
{
  *files = (struct plot_files){0};
  bool known = false, ok = true;
  for (size_t i = 0; ok && i < PICTURES; i++) {
    const char *script = pictures[i].script;
    struct plot_wish granted = *wish;
    granted.formats &= possible(script);
    if (strcmp(pictures[i].study, study) != 0)
      continue;
    known = true;
    if (granted.formats != 0 && has_picture(directory, script, pictures[i].optional))
      ok = script == NULL ? draw_series(directory, &granted, files, status)
                          : draw_script(directory, script, &granted, files, status);
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
  struct plot_wish wish = {title, NULL, PLOT_SVG | PLOT_PNG};
  return plot_run_as(directory, study, &wish, files, status);
}
