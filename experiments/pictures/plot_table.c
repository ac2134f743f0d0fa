/*
 * series.csv as pictures need it: see plot_table.h. Each field is checked before gnuplot sees what
 * is made of it.
 */
#include "experiments/pictures/plot_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Half the width of a 95 % band in standard errors. */
static const double band = 1.96;

/* Values beyond are left out: gnuplot's arithmetic of tics would leave the range of double. */
static const double greatest = 1e100;

enum kind { NAME, WORDS, PROCESS, NUMBER, OPTIONAL };

/* Columns in their order; the header holds these names. */
static const struct {
  const char *name;
  enum kind kind;
} columns[] = {{"optimizer", NAME}, {"micro_batch", OPTIONAL}, {"batch", NUMBER},
               {"eta", NUMBER},     {"rho", NUMBER},           {"process", PROCESS},
               {"sde", OPTIONAL},   {"observable", NAME},      {"time", NUMBER},
               {"mean", OPTIONAL},  {"se", OPTIONAL},          {"n", NUMBER},
               {"diverged", NUMBER}};

/* What stands behind the optimizer where the recipe names update rules. */
static const char *const update_columns[] = {"update", "update_settings"};

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
  COLUMNS,
  UPDATES = 2 /* columns of them */
};

/* What a row of each kind must hold, for the error sentence. */
static const char *const accepted[] = {[NAME] = "a name of a-z, 0-9 and - is accepted",
                                       [WORDS] = "words of a-z, 0-9, ., + and - are accepted",
                                       [PROCESS] = "`iterates` or `sde` is accepted",
                                       [NUMBER] = "a number is accepted",
                                       [OPTIONAL] = "a number or nothing is accepted"};
void plot_table_clear(struct plot_table *table)
{
  sde_free(table->rows);
  plot_names_clear(&table->settings);
  plot_names_clear(&table->observables);
  plot_names_clear(&table->variants);
}

/* The fields of a line. */
struct fields {
  char *column[COLUMNS], *update[UPDATES]; /* the latter "" where the table has none */
};

/* Cut line at its commas; returns the number of fields, of which the first ones are kept. */
static size_t cut(char *line, size_t most, char **fields)
{
  line[strcspn(line, "\r\n")] = '\0';
  size_t count = 0;
  for (char *field = line; field != NULL; count++) {
    char *comma = strchr(field, ',');
    if (comma != NULL)
      *comma++ = '\0';
    if (count < most)
      fields[count] = field;
    field = comma;
  }
  return count;
}

/* Cut a line of a table with update rules or without; false where it has another number of fields,
 * which is left in *count. */
static bool split(char *line, bool updates, struct fields *fields, size_t *count)
{
  char *all[COLUMNS + UPDATES];
  size_t more = updates ? UPDATES : 0;
  *count = cut(line, COLUMNS + UPDATES, all);
  if (*count != COLUMNS + more)
    return false;
  for (size_t i = 0; i < UPDATES; i++)
    fields->update[i] = updates ? all[1 + i] : "";
  for (size_t i = 0; i < COLUMNS; i++)
    fields->column[i] = all[i == 0 ? 0 : i + more];
  return true;
}

/* Whether text is of this kind; *value is its number, NaN where it has none. */
static bool read_field(const char *text, enum kind kind, double *value)
{
  *value = NAN;
  if (kind == PROCESS)
    return strcmp(text, "iterates") == 0 || strcmp(text, "sde") == 0;
  if (kind == NAME)
    return text[0] != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
  if (kind == WORDS)
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-+. ")] == '\0';
  if (text[0] == '\0')
    return kind == OPTIONAL;
  char *end;
  *value = strtod(text, &end);
  return *end == '\0' && (kind == OPTIONAL || isfinite(*value));
}

/* "m-usam m=2, heavy-ball friction 2"; released with sde_free. */
static char *variant_of(const struct fields *fields, double micro_batch)
{
  const char *update = fields->update[0], *settings = fields->update[1];
  char *size = isnan(micro_batch) ? sde_strdup("") : sde_format(" m=%.10g", micro_batch);
  char *variant =
      sde_format("%s%s%s%s%s%s", fields->column[OPTIMIZER], size, update[0] == '\0' ? "" : ", ",
                 update, settings[0] == '\0' ? "" : " ", settings);
  sde_free(size);
  return variant;
}

static void make_row(const struct fields *fields, const double value[COLUMNS],
                     struct plot_table *table, struct plot_row *row)
{
  double se = isfinite(value[SE]) ? value[SE] : 0;
  *row = (struct plot_row){.time = value[TIME],
                           .low = value[MEAN] - band * se,
                           .mean = value[MEAN],
                           .high = value[MEAN] + band * se,
                           .diverged = value[DIVERGED]};
  if (!(fabs(row->low) < greatest && fabs(row->high) < greatest))
    row->mean = NAN;
  char *setting =
      sde_format("learning rate η = %.10g,  radius ρ = %.10g,  batch b = %.10g,  %.10g paths",
                 value[ETA], value[RHO], value[BATCH], value[SURVIVORS] + value[DIVERGED]);
  char *variant = variant_of(fields, value[MICRO_BATCH]);
  row->picture = plot_names_index(&table->settings, setting);
  row->panel = plot_names_index(&table->observables, fields->column[OBSERVABLE]);
  row->variant = plot_names_index(&table->variants, variant);
  row->process = isnan(value[SDE]) ? 0 : 1 + (size_t)value[SDE];
  if (row->process >= table->processes)
    table->processes = row->process + 1;
  sde_free(setting);
  sde_free(variant);
}

static bool read_row(char *line, const char *path, size_t number, struct plot_table *table,
                     struct sde_status *status)
{
  struct fields fields;
  double value[COLUMNS];
  size_t count;
  if (!split(line, table->updates, &fields, &count))
    return sde_fail(status, SDE_INVALID, "%s:%zu: the row has %zu fields; %d are needed", path,
                    number, count, COLUMNS + (table->updates ? UPDATES : 0));
  for (size_t i = 0; i < COLUMNS; i++)
    if (!read_field(fields.column[i], columns[i].kind, &value[i]))
      return sde_fail(status, SDE_INVALID, "%s:%zu: %s is `%s`; %s", path, number, columns[i].name,
                      fields.column[i], accepted[columns[i].kind]);
  double unused;
  for (size_t i = 0; i < UPDATES; i++)
    if (!read_field(fields.update[i], WORDS, &unused))
      return sde_fail(status, SDE_INVALID, "%s:%zu: %s is `%s`; %s", path, number,
                      update_columns[i], fields.update[i], accepted[WORDS]);
  bool is_sde = strcmp(fields.column[PROCESS_NAME], "sde") == 0;
  bool index_fits = is_sde ? value[SDE] >= 0 && value[SDE] < 1000 : isnan(value[SDE]);
  if (!index_fits)
    return sde_fail(status, SDE_INVALID,
                    "%s:%zu: sde is `%s` for process `%s`; an index from 0 is accepted for sde, "
                    "nothing for iterates",
                    path, number, fields.column[SDE], fields.column[PROCESS_NAME]);
  make_row(&fields, value, table, &table->rows[table->count++]);
  return true;
}

static bool read_header(char *line, const char *path, struct plot_table *table,
                        struct sde_status *status)
{
  struct fields fields;
  size_t count;
  table->updates = strstr(line, ",update,") != NULL;
  bool whole = split(line, table->updates, &fields, &count);
  for (size_t i = 0; i < COLUMNS; i++)
    if (!whole || strcmp(fields.column[i], columns[i].name) != 0)
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
  const struct plot_row *a = left, *b = right;
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

bool plot_table_read(const char *path, struct plot_table *table, struct sde_status *status)
{
  FILE *file = fopen(path, "r");
  if (file == NULL)
    return sde_fail(status, SDE_INVALID, "%s: %s; a finished run leaves this table", path,
                    strerror(errno));
  table->rows = sde_alloc(count_lines(file), sizeof *table->rows);
  char line[1024] = "";
  bool ok = true;
  for (size_t number = 1; ok && fgets(line, sizeof line, file) != NULL; number++)
    ok = number == 1 ? read_header(line, path, table, status)
                     : read_row(line, path, number, table, status);
  if (ok && ferror(file))
    ok = sde_fail(status, SDE_FAILED, "%s: %s", path, strerror(errno));
  if (ok && table->count == 0)
    ok = sde_fail(status, SDE_INVALID, "%s: the table has no rows; there is nothing to draw", path);
  fclose(file);
  qsort(table->rows, table->count, sizeof *table->rows, compare_rows);
  return ok;
}
