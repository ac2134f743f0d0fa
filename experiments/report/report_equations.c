/*
 * The equations that were solved: see report_equations.h.
 */
#include "experiments/report/report_equations.h"

#include "experiments/report/report_html.h"
#include "experiments/report/report_mathematics.h"
#include "experiments/report/report_prose.h"
#include "experiments/report/report_schedule.h"
#include "experiments/results/sde_label.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* A scalar, or the scalars of a list with commas; "" where there is none. Released with sde_free.
 */
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
      .rho_order = json_is_string(rho)            ? LIMIT_RHO_ORDER_EXACT
                   : json_integer_value(rho) == 0 ? LIMIT_RHO_ORDER_0
                                                  : LIMIT_RHO_ORDER_1,
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

/* How the SDE was solved in each case of a run to a tolerance. The levels of a case are those of
 * all its observables. */
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

/* ---- which SDE serves whom ---- */

/* An optimizer of the recipe, whatever its settings; update NULL is a step along w. */
struct named {
  const struct gradient_rule *rule;
  const struct update_rule *update;
};

/* "m-usam", "m-usam with heavy-ball"; released with sde_free. */
static char *name_of(const struct named *named)
{
  return sde_format("%s%s%s", named->rule->name, named->update == NULL ? "" : " with ",
                    named->update == NULL ? "" : named->update->name);
}

/* An SDE of the recipe for one of its optimizers, and its equations as they are shown. */
struct solved {
  struct named of;
  size_t sde;
  char *equations;
  bool shown;
};

static bool is_named(const json_t *names, const char *key, const char *name)
{
  const char *value = json_string_value(json_object_get(names, key));
  return value != NULL && strcmp(value, name) == 0;
}

/* Does a form serve this optimizer? */
static bool serves(const json_t *form, const struct named *named)
{
  const json_t *optimizers = json_object_get(form, "optimizers");
  for (size_t i = 0; i < json_array_size(optimizers); i++) {
    const json_t *names = json_array_get(optimizers, i);
    if (is_named(names, "optimizer", named->rule->name) &&
        is_named(names, "update", named->update == NULL ? "sgd" : named->update->name))
      return true;
  }
  return false;
}

/* How expectations were computed, for each form that serves a member of the group. */
static void add_forms(struct text *page, const struct report_run *run, const struct solved *first,
                      const struct solved *end)
{
  const json_t *forms = json_object_get(run->about, "forms");
  for (size_t i = 0; i < json_array_size(forms); i++) {
    const json_t *form = json_array_get(forms, i);
    const char *who = json_string_value(json_object_get(form, "serves"));
    const char *how = json_string_value(json_object_get(form, "expectations"));
    const char *chosen = json_string_value(json_object_get(form, "description"));
    json_int_t sde = json_integer_value(json_object_get(form, "sde_index"));
    bool any = false;
    for (const struct solved *one = first; one < end; one++)
      any |= strcmp(one->equations, first->equations) == 0 && (json_int_t)one->sde == sde &&
             serves(form, &one->of);
    if (!any || who == NULL || how == NULL || chosen == NULL)
      continue;
    char *line = sde_format("SDE %lld of %s: %s (%s).", (long long)sde, who, how, chosen);
    html_prose_element(page, "p", "class=\"facts\"", line);
    sde_free(line);
  }
}

/* "usam, m-usam, SDE 2, ρ⁰": all of the group, by SDE. Marks them as shown. */
static char *group_name(const struct report_run *run, struct solved *first, struct solved *end)
{
  const json_t *sdes = json_object_get(run->summary, "sdes");
  struct text name = {0};
  for (size_t s = 0; s < json_array_size(sdes); s++) {
    bool any = false;
    for (struct solved *one = first; one < end; one++) {
      if (one->sde != s || strcmp(one->equations, first->equations) != 0)
        continue;
      char *own = name_of(&one->of);
      text_add(&name, "%s%s", any ? ", " : name.length > 0 ? "; " : "", own);
      sde_free(own);
      any = one->shown = true;
    }
    char *label = sde_label(sdes, s);
    if (any)
      text_add(&name, ", %s", label);
    sde_free(label);
  }
  return name.data;
}

/* The equations of a group, once, and who was solved by them and how. */
static void add_group(struct text *page, const struct report_run *run, struct solved *first,
                      struct solved *end, const char *id, int level)
{
  char *name = group_name(run, first, end);
  html_heading(page, level, id, "", name);
  size_t sdes = json_array_size(json_object_get(run->summary, "sdes"));
  for (size_t s = 0; s < sdes; s++) {
    const struct solved *one = first;
    while (one < end && (one->sde != s || strcmp(one->equations, first->equations) != 0))
      one++;
    if (one == end)
      continue;
    char *description = report_sde_description(run, s);
    char *line = sde_format("SDE %zu: %s.", s, description);
    html_element(page, "p", "class=\"facts\"", line);
    sde_free(line);
    sde_free(description);
  }
  for (const struct solved *one = first; one < end && !isnan(report_run_tolerance(run)); one++)
    if (strcmp(one->equations, first->equations) == 0)
      add_solutions(page, run, one->of.rule->name, one->sde);
  text_add(page, "%s", first->equations);
  add_forms(page, run, first, end);
  sde_free(name);
}

/* The gradient rule whose SDE this is, where that is not the optimizer's own. */
static const struct gradient_rule *rule_of(const json_t *sde, const struct gradient_rule *own)
{
  const char *of = json_string_value(json_object_get(sde, "of"));
  const struct gradient_rule *rule = of == NULL ? NULL : gradient_rule_named(of);
  return rule == NULL ? own : rule;
}

/* Every SDE of every optimizer; equations that several have are shown with the first of them. */
static void add_sdes(struct text *page, const struct report_run *run, size_t count,
                     const struct named *named, const char *prefix, int level)
{
  const json_t *sdes = json_object_get(run->summary, "sdes");
  size_t each = json_array_size(sdes);
  struct solved *solved = sde_alloc(count * each + 1, sizeof *solved), *end = solved + count * each;
  char *sampling = text_of(yaml_get(yaml_get(yaml_root(run->recipe), "noise"), "sampling"));
  for (struct solved *one = solved; one < end; one++) {
    struct text equations = {0};
    size_t index = (size_t)(one - solved);
    one->of = named[index / each];
    one->sde = index % each;
    struct limit_options options = options_of(json_array_get(sdes, one->sde));
    bool gaussian = strcmp(sampling, "gaussian") == 0;
    const struct gradient_rule *rule = rule_of(json_array_get(sdes, one->sde), one->of.rule);
    if (one->of.update == NULL)
      mathematics_sde(&equations, rule, &options, gaussian);
    else
      mathematics_state_sde(&equations, rule, one->of.update, &options, gaussian);
    one->equations = equations.data;
  }
  for (struct solved *one = solved; one < end; one++) {
    char *id = sde_format("%ssde-%zu", prefix, (size_t)(one - solved));
    if (!one->shown)
      add_group(page, run, one, end, id, level);
    sde_free(id);
  }
  for (struct solved *one = solved; one < end; one++)
    sde_free(one->equations);
  sde_free(sampling);
  sde_free(solved);
}

/* ---- optimizers ---- */

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
static void add_source(struct text *page, const struct gradient_rule *rule)
{
  static const char none[] = "none; ";
  bool has = strncmp(rule->theorem, none, strlen(none)) != 0;
  const char *source = has ? rule->theorem : rule->theorem + strlen(none);
  char *sentence = sde_format("%c%s.", toupper((unsigned char)source[0]), source + 1);
  html_element(page, "p", "class=\"mathnote\"", sentence);
  sde_free(sentence);
}

/* The rule is NULL where the recipe names none. */
static struct named named_by(struct fy_node *optimizer)
{
  const char *name = yaml_scalar(yaml_get(optimizer, "name"));
  struct fy_node *update = yaml_get(optimizer, "update");
  const char *by = update == NULL ? NULL : yaml_scalar(yaml_get(update, "name"));
  struct named named = {.rule = name == NULL ? NULL : gradient_rule_named(name),
                        .update = by == NULL ? NULL : update_rule_named(by)};
  struct optimizer any = {.update = named.update, .eta = 1};
  if (named.update != NULL && optimizer_steps_along_gradient(&any))
    named.update = NULL;
  return named;
}

/* "with heavy-ball: SGD with momentum ...; what is held fixed" */
static void add_update(struct text *page, const struct update_rule *update)
{
  char *line = sde_format("The update rule %s: %s. As η goes to 0 it holds fixed %s.", update->name,
                          update->summary, update->fixed);
  html_prose_element(page, "p", "class=\"mathnote\"", line);
  sde_free(line);
}

static void add_optimizer(struct text *page, const struct report_run *run,
                          struct fy_node *optimizer, const struct named *named, const char *id,
                          int level)
{
  char *name = name_of(named), *heading = sde_format("%s: %s", name, named->rule->summary);
  html_heading(page, level, id, "update", heading);
  add_values(page, run, optimizer);
  mathematics_update(page, named->rule, named->update);
  if (named->update != NULL)
    add_update(page, named->update);
  add_source(page, named->rule);
  sde_free(heading);
  sde_free(name);
}

/* The texts of a list, or the one text, as lines of code. */
static void add_lines(struct text *page, struct fy_node *texts)
{
  void *previous = NULL;
  struct fy_node *item;
  text_add(page, "<pre>");
  while ((item = texts == NULL                ? NULL
                 : fy_node_is_sequence(texts) ? fy_node_sequence_iterate(texts, &previous)
                                              : (previous == NULL ? texts : NULL)) != NULL) {
    const char *line = yaml_scalar(item);
    html_text(page, line == NULL ? "" : line);
    text_add(page, "\n");
    previous = item == texts ? item : previous;
  }
  text_add(page, "</pre>\n");
}

/* An optimizer that is lines of the recipe: what stands there. Theory knows nothing more of it. */
static void add_own_rule(struct text *page, const struct report_run *run, struct fy_node *optimizer,
                         const char *id, int level)
{
  static const char *const keys[][2] = {
      {"constants", "Constants"}, {"state", "Beside x, and where it starts"}, {"step", "A step"}};
  const char *label = yaml_scalar(yaml_get(optimizer, "label"));
  char *heading = sde_format("%s: lines of the recipe", label == NULL ? "rule" : label);
  html_heading(page, level, id, "update", heading);
  add_values(page, run, optimizer);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    struct fy_node *texts = yaml_get(optimizer, keys[i][0]);
    if (texts == NULL)
      continue;
    html_element(page, "p", "", keys[i][1]);
    add_lines(page, texts);
  }
  if (json_array_size(json_object_get(run->summary, "sdes")) > 0)
    html_prose_element(page, "p", "class=\"mathnote\"",
                       "Its SDE is dY = -F dt + sqrt(eta) Sigma^(1/2) dW with F the mean and Sigma "
                       "the covariance of (y - y')/eta, from all batches or, where they are too "
                       "many or it draws numbers itself, from fresh ones per step.");
  sde_free(heading);
}

/* The optimizers one by one, then their SDEs. */
static void add_optimizers(struct text *page, const struct report_run *run, struct fy_node *list,
                           const char *prefix, int level)
{
  size_t room = list == NULL ? 0 : (size_t)fy_node_sequence_item_count(list), count = 0;
  struct named *all = sde_alloc(room + 1, sizeof *all);
  for (size_t i = 0; i < room; i++) {
    struct fy_node *optimizer = fy_node_sequence_get_by_index(list, (int)i);
    struct named named = named_by(optimizer);
    char *id = sde_format("%soptimizer-%zu-", prefix, i);
    if (named.rule != NULL)
      add_optimizer(page, run, optimizer, &named, id, level);
    else
      add_own_rule(page, run, optimizer, id, level);
    sde_free(id);
    if (named.rule == NULL)
      continue;
    bool seen = false;
    for (size_t k = 0; k < count; k++)
      seen |= all[k].rule == named.rule && all[k].update == named.update;
    if (!seen)
      all[count++] = named;
  }
  add_sdes(page, run, count, all, prefix, level);
  sde_free(all);
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
  report_schedules(page, run);
  add_optimizers(page, run, list, prefix, level);
  mathematics_symbols(page, sampling);
  sde_free(sampling);
}
