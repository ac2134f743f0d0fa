/*
 * Comparison of runs: see report_comparison.h. Both tables are made of labelled cells: the label
 * names the row, the run the column.
 */
#include "experiments/report/report_comparison.h"

#include "experiments/report/report_html.h"
#include "experiments/report/report_prose.h"

#include <libfyaml.h>
#include <string.h>

/* Rows of a table at most. */
enum { ROWS_MOST = 60 };

struct cell {
  char *label, *value;
  size_t run;
};

struct cells {
  size_t count, capacity;
  struct cell *cell;
};

/* Takes both texts. */
static void add(struct cells *cells, char *label, char *value, size_t run)
{
  if (cells->count == cells->capacity) {
    cells->capacity = 2 * cells->capacity + 64;
    struct cell *longer = sde_alloc(cells->capacity, sizeof *longer);
    if (cells->count > 0)
      memcpy(longer, cells->cell, cells->count * sizeof *longer);
    sde_free(cells->cell);
    cells->cell = longer;
  }
  cells->cell[cells->count++] = (struct cell){label, value, run};
}

static void cells_free(struct cells *cells)
{
  for (size_t i = 0; i < cells->count; i++) {
    sde_free(cells->cell[i].label);
    sde_free(cells->cell[i].value);
  }
  sde_free(cells->cell);
}

static const char *value_of(const struct cells *cells, const char *label, size_t run)
{
  for (size_t i = 0; i < cells->count; i++)
    if (cells->cell[i].run == run && strcmp(cells->cell[i].label, label) == 0)
      return cells->cell[i].value;
  return NULL;
}

static bool is_first(const struct cells *cells, size_t index)
{
  for (size_t i = 0; i < index; i++)
    if (strcmp(cells->cell[i].label, cells->cell[index].label) == 0)
      return false;
  return true;
}

/* Have all runs the same value, or none? */
static bool is_same(const struct cells *cells, const char *label, size_t runs)
{
  const char *first = value_of(cells, label, 0);
  for (size_t run = 1; run < runs; run++) {
    const char *value = value_of(cells, label, run);
    if (first == NULL ? value != NULL : value == NULL || strcmp(first, value) != 0)
      return false;
  }
  return true;
}

static bool is_shared(const struct cells *cells, const char *label, size_t runs)
{
  size_t having = 0;
  for (size_t run = 0; run < runs; run++)
    having += value_of(cells, label, run) != NULL;
  return having >= 2;
}

char *report_run_name(const struct report_run *run)
{
  const char *end = run->directory + strlen(run->directory);
  while (end > run->directory + 1 && end[-1] == '/')
    end--;
  const char *start = end;
  while (start > run->directory && start[-1] != '/')
    start--;
  return sde_format("%.*s", (int)(end - start), start);
}

static void begin_table(struct text *page, size_t runs, const struct report_run *run,
                        const char *caption, const char *heading)
{
  text_add(page,
           "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">"
           "<table class=\"compared\"><caption>%s</caption><thead><tr>"
           "<th scope=\"col\">%s</th>",
           caption, caption, heading);
  for (size_t r = 0; r < runs; r++) {
    char *name = report_run_name(&run[r]);
    html_element(page, "th", "scope=\"col\"", name);
    sde_free(name);
  }
  text_add(page, "</tr></thead>\n<tbody>\n");
}

/* The rows that are wanted; of more than ROWS_MOST the first. */
static void add_table(struct text *page, size_t runs, const struct report_run *run,
                      const struct cells *cells, bool shared, const char *caption,
                      const char *heading)
{
  size_t rows = 0, left_out = 0;
  for (size_t i = 0; i < cells->count; i++) {
    const char *label = cells->cell[i].label;
    if (!is_first(cells, i) ||
        (shared ? !is_shared(cells, label, runs) : is_same(cells, label, runs)))
      continue;
    if (rows == ROWS_MOST) {
      left_out++;
      continue;
    }
    if (rows++ == 0)
      begin_table(page, runs, run, caption, heading);
    text_add(page, "<tr>");
    (shared ? html_prose_element : html_element)(page, "td", "", label);
    for (size_t r = 0; r < runs; r++) {
      const char *value = value_of(cells, label, r);
      (shared ? html_prose_element : html_element)(page, "td", "", value == NULL ? "" : value);
    }
    text_add(page, "</tr>\n");
  }
  if (rows > 0)
    text_add(page, "</tbody></table></div>\n");
  if (left_out > 0)
    text_add(page, "<p class=\"quiet\">%zu more rows are left out.</p>\n", left_out);
}

/* ---- keys ---- */

static bool is_leaf(struct fy_node *node)
{
  void *previous = NULL;
  struct fy_node *item;
  if (fy_node_is_mapping(node))
    return false;
  while (fy_node_is_sequence(node) && (item = fy_node_sequence_iterate(node, &previous)) != NULL)
    if (!fy_node_is_scalar(item))
      return false;
  return true;
}

static char *leaf_text(struct fy_node *node)
{
  struct text text = {0};
  void *previous = NULL;
  struct fy_node *item;
  const char *scalar = fy_node_is_sequence(node) ? "" : yaml_scalar(node);
  text_add(&text, "%s", scalar == NULL ? "" : scalar);
  while (fy_node_is_sequence(node) && (item = fy_node_sequence_iterate(node, &previous)) != NULL) {
    scalar = yaml_scalar(item);
    text_add(&text, "%s%s", text.length == 0 ? "" : ", ", scalar == NULL ? "" : scalar);
  }
  return text.data;
}

/* Takes the label, "sde.0.scheme". */
static void add_keys(struct cells *cells, struct fy_node *node, char *label, size_t run)
{
  void *previous = NULL;
  if (is_leaf(node)) {
    add(cells, label, leaf_text(node), run);
    return;
  }
  const char *dot = *label == '\0' ? "" : ".";
  struct fy_node_pair *pair;
  struct fy_node *item;
  if (fy_node_is_mapping(node))
    while ((pair = fy_node_mapping_iterate(node, &previous)) != NULL)
      add_keys(cells, fy_node_pair_value(pair),
               sde_format("%s%s%s", label, dot, yaml_scalar(fy_node_pair_key(pair))), run);
  else
    for (size_t i = 0; (item = fy_node_sequence_iterate(node, &previous)) != NULL; i++)
      add_keys(cells, item, sde_format("%s%s%zu", label, dot, i), run);
  sde_free(label);
}

void report_differing_keys(struct text *page, size_t runs, const struct report_run *run)
{
  struct cells cells = {0};
  for (size_t r = 0; r < runs; r++)
    if (run[r].recipe != NULL)
      add_keys(&cells, yaml_root(run[r].recipe), sde_strdup(""), r);
  add_table(page, runs, run, &cells, false, "Keys that differ", "key");
  cells_free(&cells);
}

/* ---- means ---- */

static bool has_mean(const json_t *object, const char *mean)
{
  return json_is_number(json_object_get(object, mean));
}

/* Takes the label. */
static void add_mean(struct cells *cells, char *label, const json_t *object, const char *mean,
                     size_t run)
{
  double se = json_number_value(json_object_get(object, "se"));
  double value = json_number_value(json_object_get(object, mean));
  add(cells, label, sde_format("%.5g +- %.2g", value, se), run);
}

/* Do the rows of a run have several values of a field? */
static bool varies_in(const json_t *rows, const char *field)
{
  const json_t *first = json_object_get(json_array_get(rows, 0), field);
  for (size_t i = 1; i < json_array_size(rows); i++)
    if (!json_equal(json_object_get(json_array_get(rows, i), field), first))
      return true;
  return false;
}

/* Does some run have it? Then the field is part of all labels. */
static bool varies(size_t runs, const struct report_run *run, const char *field)
{
  bool found = false;
  for (size_t r = 0; r < runs; r++)
    found |= varies_in(json_object_get(run[r].summary, "rows"), field);
  return found;
}

/* "m-usam m=2, eta 0.1, loss". */
static char *label_of(size_t runs, const struct report_run *run, const json_t *row)
{
  static const char *const numbers[] = {"batch", "eta", "rho"};
  static const char *const words[] = {"observable", "process"};
  struct text text = {0};
  const char *optimizer = json_string_value(json_object_get(row, "optimizer"));
  const json_t *m = json_object_get(row, "micro_batch");
  text_add(&text, "%s", optimizer == NULL ? "" : optimizer);
  if (json_is_integer(m))
    text_add(&text, " m=%lld", (long long)json_integer_value(m));
  for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
    const json_t *value = json_object_get(row, numbers[k]);
    if (json_is_number(value) && varies(runs, run, numbers[k]))
      text_add(&text, ", %s %g", numbers[k], json_number_value(value));
  }
  for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
    const char *word = json_string_value(json_object_get(row, words[k]));
    if (word != NULL)
      text_add(&text, ", %s", word);
  }
  return text.data;
}

/* A row of the run of some index. */
static void add_row(struct cells *cells, size_t runs, const struct report_run *all,
                    const json_t *row, size_t run)
{
  const json_t *index = json_object_get(row, "sde_index");
  const json_t *sides[] = {json_object_get(row, "iterates"), json_object_get(row, "sde")};
  long long sde = (long long)json_integer_value(index);
  char *label = label_of(runs, all, row);
  if (has_mean(row, "coefficient"))
    add_mean(cells, sde_format("%s, coefficient", label), row, "coefficient", run);
  if (has_mean(row, "mean"))
    add_mean(cells, json_is_integer(index) ? sde_format("%s %lld", label, sde) : sde_strdup(label),
             row, "mean", run);
  if (has_mean(sides[0], "mean") && sde == 0)
    add_mean(cells, sde_format("%s, iterates", label), sides[0], "mean", run);
  if (has_mean(sides[1], "mean"))
    add_mean(cells, sde_format("%s, SDE %lld", label, sde), sides[1], "mean", run);
  sde_free(label);
}

void report_common_means(struct text *page, size_t runs, const struct report_run *run)
{
  struct cells cells = {0};
  for (size_t r = 0; r < runs; r++) {
    const json_t *rows = json_object_get(run[r].summary, "rows");
    for (size_t i = 0; i < json_array_size(rows); i++)
      add_row(&cells, runs, run, json_array_get(rows, i), r);
  }
  add_table(page, runs, run, &cells, true, "Means of two runs or more, ± one standard error",
            "mean of");
  cells_free(&cells);
}
