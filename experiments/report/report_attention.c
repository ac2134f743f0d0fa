/*
 * What a reader must know first: see report_attention.h.
 */
#include "experiments/report/report_attention.h"

#include "experiments/report/report_prose.h"

#include <string.h>

struct list {
  struct text *items;
  size_t count;
};

/* Add a sentence, printf format; it is released by nobody else. */
static void add(struct list *list, char *sentence)
{
  html_prose_element(list->items, "li", "", sentence);
  list->count++;
  sde_free(sentence);
}

/* The lines that the run printed as warnings, which name cases and times. */
static void add_warnings(struct list *list, const struct report_run *run)
{
  static const char program[] = "sharpsde: ";
  const char *line = json_string_value(json_object_get(run->about, "warnings"));
  while (line != NULL && *line != '\0') {
    size_t length = strcspn(line, "\n");
    const char *end = line + length;
    if (strncmp(line, program, strlen(program)) == 0)
      line += strlen(program);
    /* Pictures may have been drawn since. */
    bool settled = run->pictures > 0 && strncmp(line, "no pictures: ", 13) == 0;
    if (end > line && !settled)
      add(list, sde_format("%.*s", (int)(end - line), line));
    line = end + (*end == '\n');
  }
}

/* The greatest number in the columns of a name, over all tables, and the tables that have any. */
static double greatest_in(const struct report_run *run, const char *column, struct text *files)
{
  double greatest = 0;
  for (size_t i = 0; i < run->tables; i++) {
    double found = report_table_greatest(&run->table[i].table, column);
    if (found > 0)
      text_add(files, "%s%s", files->length == 0 ? "" : ", ", run->table[i].name);
    greatest = found > greatest ? found : greatest;
  }
  return greatest;
}

/* What numbers rest on where paths diverged. */
static void add_survivors(struct text *text, const struct report_run *run)
{
  bool any = false;
  for (size_t i = 0; i < run->tables; i++) {
    size_t lost = report_table_lost(&run->table[i].table), rows = run->table[i].table.rows;
    if (lost > 0)
      text_add(text, "%s%zu of %zu rows of %s", any ? ", " : "None survived in ", lost, rows,
               run->table[i].name);
    any |= lost > 0;
  }
  text_add(text, any ? ", which have no mean. Other numbers are over the paths that survived."
                     : "Numbers are over the paths that survived.");
}

static void add_paths(struct list *list, const struct report_run *run)
{
  struct text diverged_in = {0}, censored_in = {0};
  double diverged = greatest_in(run, "diverged", &diverged_in);
  double censored = greatest_in(run, "censored", &censored_in);
  const json_t *paths = json_object_get(run->summary, "paths");
  char *of = json_is_integer(paths) ? sde_format(" of %lld", (long long)json_integer_value(paths))
                                    : sde_strdup("");
  struct text survivors = {0};
  add_survivors(&survivors, run);
  if (diverged > 0)
    add(list, sde_format("Paths diverged: up to %.0f in a row (%s). %s", diverged, diverged_in.data,
                         survivors.data));
  if (censored > 0)
    add(list, sde_format("In one setting %.0f%s paths had not escaped by the end (censored in %s). "
                         "Mean times rest on an exponential tail there.",
                         censored, of, censored_in.data));
  sde_free(of);
  sde_free(survivors.data);
  sde_free(diverged_in.data);
  sde_free(censored_in.data);
}

static void add_fits(struct list *list, const struct report_run *run)
{
  const json_t *fits = json_object_get(run->summary, "fits");
  size_t i, count = json_array_size(fits), touched = 0, without = 0;
  json_t *fit;
  json_array_foreach((json_t *)fits, i, fit)
  {
    bool unresolved = json_number_value(json_object_get(fit, "unresolved")) > 0;
    touched += unresolved;
    without += unresolved && json_is_null(json_object_get(fit, "slope"));
  }
  if (touched > 0)
    add(list, sde_format("%zu of %zu fits have points that are not clear of the sampling error or "
                         "of the scheme's: these were not fitted. %zu of them have no slope.",
                         touched, count, without));
}

size_t report_attention(struct text *items, const struct report_run *run, const char *refused)
{
  struct list list = {items, 0};
  if (run->about == NULL)
    add(&list, sde_strdup("run.json is missing: the run was not finished, or its files were copied "
                          "in part."));
  if (json_is_true(json_object_get(run->about, "failed")))
    add(&list, sde_strdup("The run failed: more paths diverged than max_diverged accepts."));
  add_paths(&list, run);
  add_warnings(&list, run);
  add_fits(&list, run);
  if (refused != NULL)
    add(&list, sde_format("A picture is not shown: %s", refused));
  if (run->pictures == 0)
    add(&list, sde_format("The pictures are missing: where gnuplot is installed, `sharpsde plot "
                          "%s` draws them and puts them here.",
                          run->directory));
  return list.count;
}
