/*
 * Tables of the study `converge`: see convergence_table.h.
 */
#include "experiments/studies/convergence_table.h"

#include "experiments/io/text.h"
#include "experiments/results/columns.h"

#include <math.h>

/* A point of a line, and what was fitted to the line. */
struct row {
  const struct convergence_trial *trial;
  const struct convergence *line;
  const char *equation, *noise, *scheme, *kind, *observable; /* the last NULL for strong errors */
  struct convergence_point point;
  double slope, slope_se;
  size_t unresolved;
  bool exact, forced;
  const char *against;
};

/* "0.98 +- 0.02", "exact", "2 of 4 points resolved"; behind the sign stand `width` standard errors,
 * rounded up. */
static void slope_words(const struct convergence *line, double width, const char *sign,
                        struct text *text)
{
  if (line->exact)
    text_add(text, "exact");
  else if (isnan(line->fit.slope))
    text_add(text, "%zu of %zu points resolved", line->resolved, line->count);
  else
    text_add(text, "%.2f %s %.2f", line->fit.slope, sign, ceil(100 * width * line->fit.se) / 100);
}

static struct cell slope_cell(const void *row)
{
  struct text text = {0};
  slope_words(((const struct row *)row)->line, 1, "+-", &text);
  return cell_of_made_text(text.data);
}

static struct cell declared(const void *row)
{
  return cell_of_real(convergence_declared(((const struct row *)row)->trial));
}

/* Nothing is declared where a scheme refuses such noise. */
static struct cell declared_unless_forced(const void *row)
{
  return ((const struct row *)row)->forced ? cell_of_text(NULL) : declared(row);
}

static struct cell declared_words(const void *given)
{
  const struct row *row = given;
  if (row->forced)
    return cell_of_text("refused");
  return row->trial->task.scheme->exact ? cell_of_text("exact") : declared(row);
}

static struct cell resolved_words(const void *row)
{
  const struct convergence *line = ((const struct row *)row)->line;
  return cell_of_made_text(sde_format("%zu/%zu", line->resolved, line->count));
}

static const struct columns columns = {
    "converge.csv", (const struct column[]){
                        {"equation", NULL, "equation", NULL, -18, 0, COLUMN_FIELD(row, equation)},
                        {"noise_class", NULL, "noise", NULL, -11, 0, COLUMN_FIELD(row, noise)},
                        {"scheme", NULL, "scheme", NULL, -22, 0, COLUMN_FIELD(row, scheme)},
                        {"kind", NULL, "error", NULL, -6, 0, COLUMN_FIELD(row, kind)},
                        {"observable", NULL, "of", NULL, -6, 0, COLUMN_FIELD(row, observable)},
                        {"forced", COLUMN_FIELD(row, forced)},
                        {"steps", COLUMN_FIELD(row, point.steps)},
                        {"resolution", COLUMN_FIELD(row, point.resolution)},
                        {"paths", COLUMN_FIELD(row, point.paths)},
                        {"step", COLUMN_FIELD(row, point.step)},
                        {"error", COLUMN_FIELD(row, point.error)},
                        {"se", COLUMN_FIELD(row, point.se)},
                        {"resolved", COLUMN_FIELD(row, point.resolved)},
                        {"declared", "", COLUMN_OF_ROW(declared)},
                        {.key = "declared", COLUMN_OF_ROW(declared_unless_forced)},
                        {.heading = "declared", .width = -9, COLUMN_OF_ROW(declared_words)},
                        {"slope", COLUMN_FIELD(row, slope)},
                        {"slope_se", COLUMN_FIELD(row, slope_se)},
                        {.heading = "slope +- s.e.", .width = -15, COLUMN_OF_ROW(slope_cell)},
                        {.heading = "points", .width = -6, COLUMN_OF_ROW(resolved_words)},
                        {.key = "unresolved", COLUMN_FIELD(row, unresolved)},
                        {.key = "exact", COLUMN_FIELD(row, exact)},
                        {.key = "against", .heading = "against", COLUMN_FIELD(row, against)},
                        {.read = NULL}}};

static const char *const keys_of_fits[] = {
    "equation", "noise_class", "scheme", "kind",   "observable", "declared", "slope",
    "slope_se", "unresolved",  "exact",  "forced", "against",    NULL};
static const char *const keys_of_points[] = {"steps", "step",     "paths", "error",
                                             "se",    "resolved", NULL};

static struct row row_of(const struct convergence_trial *trial, const struct convergence *line,
                         size_t point)
{
  return (struct row){.trial = trial,
                      .line = line,
                      .equation = trial->task.equation->name,
                      .noise = sde_noise_class_name(convergence_noise(trial)),
                      .scheme = trial->task.scheme->name,
                      .kind = convergence_kind(trial),
                      .observable = line->observable == NULL ? NULL : line->observable->name,
                      .point = line->point[point],
                      .slope = line->fit.slope,
                      .slope_se = line->fit.se,
                      .unresolved = line->count - line->resolved,
                      .exact = line->exact,
                      .forced = trial->task.forced,
                      .against = line->against};
}

void convergence_print_headings(struct results *results)
{
  results_note(results, false, "\n");
  columns_print_headings(results, &columns);
}

json_t *convergence_report(struct results *results, const struct convergence_trial *trial,
                           const struct convergence *line)
{
  json_t *points = json_array();
  for (size_t i = 0; i < line->count; i++) {
    struct row row = row_of(trial, line, i);
    columns_write(results, &columns, &row);
    json_array_append_new(points, columns_json(&columns, keys_of_points, &row));
  }
  struct row row = row_of(trial, line, 0);
  columns_print(results, &columns, &row);
  json_t *fit = columns_json(&columns, keys_of_fits, &row);
  json_object_set_new(fit, "points", points);
  return fit;
}

/* ---- the table of schemes and classes of noise, in Markdown ---- */

/* "1.00 ± 0.01", of weak errors one an observable; the intervals are of 95 %. */
static void add_measured(const struct convergence_trial *trial, struct text *text)
{
  for (size_t k = 0; k < convergence_lines(&trial->task); k++) {
    const struct convergence *line = &trial->line[k];
    text_add(text, "%s", k == 0 ? "" : "; ");
    slope_words(line, 1.96, "±", text);
    if (line->observable != NULL && !line->exact)
      text_add(text, " (%s)", line->observable->name);
  }
}

static void add_order(double order, struct text *text)
{
  if (isinf(order))
    text_add(text, "exact");
  else
    text_add(text, "%g", order);
}

static void write_row(struct results *results, const struct sde_scheme *scheme, int noise,
                      const char *equation, const char *strong, const char *weak)
{
  const struct sde_scheme_class *on = &scheme->on[noise];
  struct text orders = {0}, cost = {0};
  if (on->strong_order > 0) {
    add_order(on->strong_order, &orders);
    text_add(&orders, " | %s | ", strong);
    add_order(scheme->weak_order, &orders);
    text_add(&orders, " | %s", weak);
    text_add(&cost, "%g", on->evaluations);
    if (on->evaluations_a_noise > 0)
      text_add(&cost, " + %g m", on->evaluations_a_noise);
  } else {
    text_add(&orders, "refused | %s | refused |", strong);
    text_add(&cost, "%s", "");
  }
  fprintf(results_table(results, "schemes.md",
                        "| scheme | noise | on | strong order | measured | weak order | measured | "
                        "evaluations |\n| --- | --- | --- | --- | --- | --- | --- | --- |"),
          "| %s | %s | %s | %s | %s |\n", scheme->name,
          sde_noise_class_name((enum sde_noise_class)noise), equation, orders.data, cost.data);
  sde_free(orders.data);
  sde_free(cost.data);
}

static void write_class(const struct convergence_trials *trials, const struct sde_scheme *scheme,
                        int noise)
{
  bool any = false;
  for (size_t e = 0; trials->equation[e] != NULL; e++) {
    struct text strong = {0}, weak = {0};
    text_add(&strong, "%s", "");
    text_add(&weak, "%s", "");
    bool measured = false;
    for (size_t i = 0; i < trials->count; i++) {
      const struct convergence_trial *trial = &trials->trial[i];
      if (trial->task.equation != trials->equation[e] || trial->task.scheme != scheme ||
          (int)convergence_noise(trial) != noise)
        continue;
      measured = true;
      text_add(&strong, "%s", trial->task.forced ? "forced: " : "");
      add_measured(trial, trial->task.kind == EQUATION_ERROR_STRONG ? &strong : &weak);
    }
    if (measured)
      write_row(trials->results, scheme, noise, trials->equation[e]->name, strong.data, weak.data);
    any = any || measured;
    sde_free(strong.data);
    sde_free(weak.data);
  }
  if (!any)
    write_row(trials->results, scheme, noise, "", "", "");
}

void convergence_write_schemes(const struct convergence_trials *trials)
{
  for (size_t s = 0; trials->scheme[s] != NULL; s++)
    for (int noise = 0; noise < SDE_NOISE_CLASSES; noise++)
      write_class(trials, trials->scheme[s], noise);
}
