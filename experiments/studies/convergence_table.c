/*
 * Tables of the study `converge`: see convergence_table.h.
 */
#include "experiments/studies/convergence_table.h"

#include "experiments/io/text.h"

#include <inttypes.h>
#include <math.h>

static const char *observable_name(const struct convergence *line)
{
  return line->observable == NULL ? "" : line->observable->name;
}

void convergence_write_points(struct results *results, const struct convergence_trial *trial,
                              const struct convergence *line)
{
  FILE *table = results_table(results, "converge.csv",
                              "equation,noise_class,scheme,kind,observable,forced,steps,resolution,"
                              "paths,step,error,se,resolved,declared,slope,slope_se");
  for (size_t i = 0; i < line->count; i++) {
    const struct convergence_point *point = &line->point[i];
    const double before[] = {point->step, point->error, point->se};
    const double after[] = {convergence_declared(trial), line->fit.slope, line->fit.se};
    fprintf(table, "%s,%s,%s,%s,%s,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64, trial->task.equation->name,
            sde_noise_class_name(convergence_noise(trial)), trial->task.scheme->name,
            convergence_kind(trial), observable_name(line), trial->task.forced ? "true" : "false",
            point->steps, point->resolution, point->paths);
    for (size_t k = 0; k < sizeof before / sizeof *before; k++) {
      fputc(',', table);
      results_number(table, before[k]);
    }
    fprintf(table, ",%s", point->resolved ? "true" : "false");
    for (size_t k = 0; k < sizeof after / sizeof *after; k++) {
      fputc(',', table);
      results_number(table, after[k]);
    }
    fputc('\n', table);
  }
}

json_t *convergence_summary(const struct convergence_trial *trial, const struct convergence *line)
{
  const struct convergence_task *task = &trial->task;
  json_t *points = json_array();
  for (size_t i = 0; i < line->count; i++) {
    const struct convergence_point *point = &line->point[i];
    json_array_append_new(points,
                          json_pack("{s:I, s:f, s:I, s:o, s:o, s:b}", "steps",
                                    (json_int_t)point->steps, "step", point->step, "paths",
                                    (json_int_t)point->paths, "error", results_json(point->error),
                                    "se", results_json(point->se), "resolved", point->resolved));
  }
  return json_pack(
      "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:b, s:b, s:s, s:o}", "equation",
      task->equation->name, "noise_class", sde_noise_class_name(convergence_noise(trial)), "scheme",
      task->scheme->name, "kind", convergence_kind(trial), "observable",
      line->observable == NULL ? json_null() : json_string(line->observable->name), "declared",
      task->forced ? json_null() : results_json(convergence_declared(trial)), "slope",
      results_json(line->fit.slope), "slope_se", results_json(line->fit.se), "unresolved",
      (json_int_t)(line->count - line->resolved), "exact", line->exact, "forced", task->forced,
      "against", line->against, "points", points);
}

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

void convergence_print_heading(struct results *results)
{
  results_note(results, false, "\n%-18s %-11s %-22s %-6s %-6s %-9s %-15s %-6s %s\n", "equation",
               "noise", "scheme", "error", "of", "declared", "slope +- s.e.", "points", "against");
}

void convergence_print(struct results *results, const struct convergence_trial *trial,
                       const struct convergence *line)
{
  struct text slope = {0}, declared = {0};
  slope_words(line, 1, "+-", &slope);
  if (trial->task.forced)
    text_add(&declared, "refused");
  else if (trial->task.scheme->exact)
    text_add(&declared, "exact");
  else
    text_add(&declared, "%g", convergence_declared(trial));
  results_note(results, false, "%-18s %-11s %-22s %-6s %-6s %-9s %-15s %zu/%-4zu %s\n",
               trial->task.equation->name, sde_noise_class_name(convergence_noise(trial)),
               trial->task.scheme->name, convergence_kind(trial), observable_name(line),
               declared.data, slope.data, line->resolved, line->count, line->against);
  sde_free(slope.data);
  sde_free(declared.data);
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
