/*
 * The equations that were solved: see report_equations.h.
 */
#include "experiments/report_equations.h"

#include "experiments/report_html.h"
#include "experiments/report_mathematics.h"
#include "experiments/sde_label.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* A scalar, or the scalars of a list with commas; "" where there is none. Released with sde_free. */
static char *text_of(struct fy_node *node)
{
  struct text text = {0};
  text_add(&text, "%s", "");
  if (node == NULL)
    return text.data;
  const char *scalar = yaml_scalar(node);
  if (scalar != NULL)
    text_add(&text, "%s", scalar);
  for (int i = 0; scalar == NULL && i < fy_node_sequence_item_count(node); i++) {
    scalar = yaml_scalar(fy_node_sequence_get_by_index(node, i));
    text_add(&text, "%s%s", i == 0 ? "" : ", ", scalar == NULL ? "?" : scalar);
    scalar = NULL;
  }
  return text.data;
}

static struct limit_options options_of(const json_t *sde)
{
  const json_t *rho = json_object_get(sde, "rho_order");
  return (struct limit_options){
      .eta_order = (int)json_integer_value(json_object_get(sde, "eta_order")),
      .rho_order = json_is_string(rho)            ? RHO_ORDER_EXACT
                   : json_integer_value(rho) == 0 ? RHO_ORDER_0
                                                  : RHO_ORDER_1,
      .variance_term = !json_is_false(json_object_get(sde, "variance_term"))};
}

char *report_sde_description(const struct report_run *run, size_t index)
{
  json_t *sde = json_copy(json_array_get(json_object_get(run->summary, "sdes"), index));
  if (!isnan(report_run_tolerance(run)))
    json_object_del(sde, "scheme");
  char *description = sde_description(sde);
  json_decref(sde);
  return description;
}

/* "b = 4, η = 0.1, ρ = 0.1, m = 2", the setting of a row. */
static void add_setting(struct text *text, const json_t *row)
{
  const json_t *micro = json_object_get(row, "micro_batch");
  text_add(text, "b = %lld, η = %g, ρ = %g",
           (long long)json_integer_value(json_object_get(row, "batch")),
           json_number_value(json_object_get(row, "eta")),
           json_number_value(json_object_get(row, "rho")));
  if (json_is_integer(micro))
    text_add(text, ", m = %lld", (long long)json_integer_value(micro));
}

/* "by euler-maruyama to 0.002; steps:paths of the levels 2:1024 4:1024" */
static void add_levels(struct text *text, const json_t *multilevel)
{
  const char *scheme = json_string_value(json_object_get(multilevel, "scheme"));
  bool missed = json_is_false(json_object_get(multilevel, "reached"));
  size_t l;
  json_t *level;
  text_add(text, ": by %s to %g%s; steps:paths of the levels", scheme == NULL ? "?" : scheme,
           json_number_value(json_object_get(multilevel, "tolerance")),
           missed ? ", which was not reached" : "");
  json_array_foreach(json_object_get(multilevel, "levels"), l, level)
  {
    text_add(text, " %lld:%lld", (long long)json_integer_value(json_object_get(level, "steps")),
             (long long)json_integer_value(json_object_get(level, "paths")));
  }
}

/* How the SDE was solved in each case of a run to a tolerance. The levels of a case are those of all
 * its observables. */
static void add_solutions(struct text *page, const struct report_run *run, const char *optimizer,
                          size_t index)
{
  const char *observable = NULL;
  size_t i;
  json_t *row;
  text_add(page, "<ul>\n");
  json_array_foreach(json_object_get(run->summary, "rows"), i, row)
  {
    const char *of = json_string_value(json_object_get(row, "optimizer"));
    const char *what = json_string_value(json_object_get(row, "observable"));
    const json_t *multilevel = json_object_get(row, "multilevel");
    observable = observable == NULL ? what : observable;
    if (of == NULL || what == NULL || multilevel == NULL || strcmp(of, optimizer) != 0 ||
        strcmp(what, observable) != 0 ||
        json_integer_value(json_object_get(row, "sde_index")) != (json_int_t)index)
      continue;
    struct text line = {0};
    add_setting(&line, row);
    add_levels(&line, multilevel);
    html_element(page, "li", "", line.data);
    sde_free(line.data);
  }
  text_add(page, "</ul>\n");
}

static void add_sde(struct text *page, const struct report_run *run,
                    const struct optimizer_type *type, size_t index, const char *id, int level)
{
  const json_t *sdes = json_object_get(run->summary, "sdes"), *sde = json_array_get(sdes, index);
  struct limit_options options = options_of(sde);
  char *label = sde_label(sdes, index), *description = report_sde_description(run, index);
  char *heading = sde_format("%s, %s", type->name, label);
  char *part = sde_format("sde-%zu", index);
  html_heading(page, level, id, part, heading);
  html_element(page, "p", "class=\"facts\"", description);
  if (!isnan(report_run_tolerance(run)))
    add_solutions(page, run, type->name, index);
  char *sampling = text_of(yaml_get(yaml_get(yaml_root(run->recipe), "noise"), "sampling"));
  mathematics_sde(page, type, &options, strcmp(sampling, "gaussian") == 0);
  sde_free(sampling);
  sde_free(part);
  sde_free(heading);
  sde_free(description);
  sde_free(label);
}

/* "with m = 4, 2, 1, rho = 0.1, b = 16, eta = 0.1" */
static void add_values(struct text *page, const struct report_run *run, struct fy_node *optimizer)
{
  static const struct {
    const char *key, *symbol;
  } values[] = {{"batch", "b"}, {"eta", "η"}, {"rho", "ρ"}};
  char *micro = text_of(yaml_get(optimizer, "micro_batch"));
  text_add(page, "<p class=\"facts\">");
  if (micro[0] != '\0') {
    text_add(page, "m = ");
    html_text(page, micro);
    text_add(page, "; ");
  }
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    char *value = text_of(yaml_get(yaml_root(run->recipe), values[i].key));
    text_add(page, "%s%s = ", i == 0 ? "" : "; ", values[i].symbol);
    html_text(page, value);
    sde_free(value);
  }
  text_add(page, "</p>\n");
  sde_free(micro);
}

/* The theorem as a sentence; where there is none, what stands behind "none; ". */
static void add_source(struct text *page, const struct optimizer_type *type)
{
  static const char none[] = "none; ";
  bool has = strncmp(type->theorem, none, strlen(none)) != 0;
  const char *source = has ? type->theorem : type->theorem + strlen(none);
  char *sentence = sde_format("%c%s.", toupper((unsigned char)source[0]), source + 1);
  html_element(page, "p", "class=\"mathnote\"", sentence);
  sde_free(sentence);
}

static void add_optimizer(struct text *page, const struct report_run *run,
                          struct fy_node *optimizer, const char *id, int level)
{
  const char *name = yaml_scalar(yaml_get(optimizer, "name"));
  const struct optimizer_type *type = name == NULL ? NULL : optimizer_type_named(name);
  if (type == NULL)
    return;
  char *heading = sde_format("%s: %s", type->name, type->summary);
  html_heading(page, level, id, "update", heading);
  add_values(page, run, optimizer);
  mathematics_update(page, type);
  add_source(page, type);
  for (size_t s = 0; s < json_array_size(json_object_get(run->summary, "sdes")); s++)
    add_sde(page, run, type, s, id, level + 1);
  sde_free(heading);
}

/* The names of a summary's fits, each once. */
static void add_converge(struct text *page, const struct report_run *run)
{
  const json_t *fits = json_object_get(run->summary, "fits");
  const char *before = "";
  size_t i;
  json_t *fit;
  text_add(page, "<p>Schemes were measured on these equations:</p>\n");
  struct text seen = {0};
  text_add(&seen, " ");
  json_array_foreach((json_t *)fits, i, fit)
  {
    const char *name = json_string_value(json_object_get(fit, "equation"));
    if (name == NULL || strcmp(name, before) == 0 || text_is_one_of(name, seen.data))
      continue;
    before = name;
    text_add(&seen, "%s ", name);
    html_element(page, "p", "class=\"facts\"", name);
    if (!mathematics_equation(page, name))
      html_element(page, "p", "", "The first SDE of the recipe's first optimizer, below.");
  }
  sde_free(seen.data);
}

void report_equations(struct text *page, const struct report_run *run, const char *prefix,
                      int level)
{
  struct fy_node *root = yaml_root(run->recipe), *list = yaml_get(root, "optimizers");
  char *sampling = text_of(yaml_get(yaml_get(root, "noise"), "sampling"));
  if (strcmp(run->study, "converge") == 0)
    add_converge(page, run);
  if (json_array_size(json_object_get(run->summary, "sdes")) == 0)
    text_add(page, "<p>This run solved no SDE: it shows the optimizers themselves.</p>\n");
  for (int i = 0; list != NULL && i < fy_node_sequence_item_count(list); i++) {
    char *id = sde_format("%soptimizer-%d-", prefix, i);
    add_optimizer(page, run, fy_node_sequence_get_by_index(list, i), id, level);
    sde_free(id);
  }
  mathematics_symbols(page, sampling);
  sde_free(sampling);
}
