/*
 * The study `converge`: strong and weak errors of every scheme against the step, on equations whose
 * solutions are known, with the orders that are fitted to them beside those that are declared.
 */
#include "experiments/convergence.h"
#include "experiments/study.h"
#include "experiments/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 16, FEWEST_POINTS = 3 };

/* How far a measured order may be from the declared one beyond its interval. */
static const double strong_tolerance = 0.1, weak_tolerance = 0.15;

static const struct parameter_key keys[] = {
    {.name = "equations",
     .type = PARAMETER_CHOICE,
     .list = true,
     .choices = EQUATION_NAMES,
     .help = "converge: what is solved; optimizer is the first SDE of the recipe; without it, all"},
    {.name = "schemes",
     .type = PARAMETER_TEXT,
     .list = true,
     .help = "converge: which schemes; without it, all of `sharpsde list schemes`"},
    {.name = "steps",
     .type = PARAMETER_COUNT,
     .list = true,
     .low = 1,
     .high = 1e6,
     .help = "converge: numbers of steps over the horizon for strong errors; without it, each "
             "equation's own"},
    {.name = "weak_steps",
     .type = PARAMETER_COUNT,
     .list = true,
     .low = 1,
     .high = 1e6,
     .help = "converge: the same for weak errors; without it, by equation and order"},
    {.name = "forced",
     .type = PARAMETER_BOOL,
     .fallback = "false",
     .help = "converge: also measure schemes on noise that they refuse, where they can be run"},
    {.name = NULL}};

/* One scheme on one equation, and what was measured. */
struct trial {
  struct convergence_task task;
  uint64_t steps[STEPS_MAX];
  struct convergence *line; /* convergence_lines(&task) of them */
};

struct converge {
  const struct recipe *recipe;
  const struct cases *cases;
  struct results *results;
  const struct equation **equation; /* NULL at the end */
  const struct sde_scheme **scheme; /* likewise */
  struct equation *optimizer;
  size_t trials, comparisons;
  struct trial *trial;
  double quantile;
};

static enum sde_noise_class noise_of(const struct trial *trial)
{
  return trial->task.equation->system.noise;
}

static double declared_order(const struct trial *trial)
{
  return trial->task.kind == ERROR_WEAK ? trial->task.scheme->weak_order
                                        : trial->task.scheme->on[noise_of(trial)].strong_order;
}

/* ---- what is to be measured ---- */

/* Is the list without repetition? */
static bool check_names(const struct parameters *common, const char *key, struct sde_status *status)
{
  size_t count;
  const char *const *names = parameters_texts(common, key, &count);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < i; k++)
      if (strcmp(names[i], names[k]) == 0)
        return sde_fail(status, SDE_INVALID, "%s: %s names %s twice", parameters_place(common, key),
                        key, names[i]);
  return true;
}

static bool choose_schemes(struct converge *converge, struct sde_status *status)
{
  const struct parameters *common = converge->recipe->common;
  size_t all = 0, count = 0;
  while (sde_schemes()[all] != NULL)
    all++;
  const char *const *names = NULL;
  if (parameters_has(common, "schemes")) {
    names = parameters_texts(common, "schemes", &count);
    if (!check_names(common, "schemes", status))
      return false;
  }
  converge->scheme = sde_alloc((names == NULL ? all : count) + 1, sizeof(void *));
  if (names == NULL)
    memcpy(converge->scheme, sde_schemes(), all * sizeof(void *));
  for (size_t i = 0; i < count; i++)
    if ((converge->scheme[i] = sde_scheme_named(names[i])) == NULL)
      return sde_fail(status, SDE_INVALID,
                      "%s: there is no scheme '%s'; `sharpsde list schemes` names them",
                      parameters_place(common, "schemes"), names[i]);
  return true;
}

/* The equation of a name among the fixed ones; NULL for the optimizer's. */
static const struct equation *fixed_equation(const char *name)
{
  for (const struct equation *const *each = equations(); *each != NULL; each++)
    if (strcmp((*each)->name, name) == 0)
      return *each;
  return NULL;
}

static bool make_optimizer(struct converge *converge, struct sde_status *status)
{
  const struct cases *cases = converge->cases;
  if (converge->recipe->sdes == 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: the equation optimizer is the recipe's first sde, and there is none; name "
                    "other equations",
                    converge->recipe->file);
  if (cases->count > 1)
    results_note(converge->results, false,
                 "The equation optimizer is that of the first of %zu cases.\n", cases->count);
  converge->optimizer = equation_optimizer_new(cases, &cases->one[0]);
  return true;
}

static bool choose_equations(struct converge *converge, struct sde_status *status)
{
  const struct parameters *common = converge->recipe->common;
  size_t fixed = 0, count;
  while (equations()[fixed] != NULL)
    fixed++;
  const char *const *names = NULL;
  if (!parameters_has(common, "equations"))
    count = fixed + 1;
  else if (check_names(common, "equations", status))
    names = parameters_texts(common, "equations", &count);
  else
    return false;
  converge->equation = sde_alloc(count + 1, sizeof(void *));
  for (size_t i = 0; i < count; i++) {
    converge->equation[i] = names == NULL ? equations()[i] : fixed_equation(names[i]);
    if (converge->equation[i] != NULL)
      continue;
    if (!make_optimizer(converge, status))
      return false;
    converge->equation[i] = converge->optimizer;
  }
  return true;
}

static int compare_steps(const void *left, const void *right)
{
  const uint64_t *a = left, *b = right;
  return (*a > *b) - (*a < *b);
}

static const struct equation_plan *plan_of(const struct equation *equation,
                                           const struct sde_scheme *scheme, enum error_kind kind)
{
  return &equation->plan[kind == ERROR_STRONG     ? EQUATION_STRONG
                         : scheme->weak_order < 2 ? EQUATION_WEAK_1
                                                  : EQUATION_WEAK_2];
}

/* The recipe's steps, ascending, or the equation's own. */
static bool choose_steps(const struct converge *converge, struct trial *trial,
                         struct sde_status *status)
{
  const struct parameters *common = converge->recipe->common;
  const char *key = trial->task.kind == ERROR_STRONG ? "steps" : "weak_steps";
  const struct equation_plan *plan =
      plan_of(trial->task.equation, trial->task.scheme, trial->task.kind);
  trial->task.count = EQUATION_STEPS;
  memcpy(trial->steps, plan->steps, sizeof plan->steps);
  if (parameters_has(common, key)) {
    const double *given = parameters_reals(common, key, &trial->task.count);
    if (trial->task.count < FEWEST_POINTS || trial->task.count > STEPS_MAX)
      return sde_fail(status, SDE_INVALID, "%s: %s fits a slope through %d to %d points, not %zu",
                      parameters_place(common, key), key, FEWEST_POINTS, STEPS_MAX,
                      trial->task.count);
    for (size_t i = 0; i < trial->task.count; i++)
      trial->steps[i] = (uint64_t)given[i];
    qsort(trial->steps, trial->task.count, sizeof *trial->steps, compare_steps);
    for (size_t i = 1; i < trial->task.count; i++)
      if (trial->steps[i] == trial->steps[i - 1])
        return sde_fail(status, SDE_INVALID, "%s: %s names %" PRIu64 " twice",
                        parameters_place(common, key), key, trial->steps[i]);
  }
  trial->task.steps = trial->steps;
  return true;
}

/* Does the scheme run here at all? On noise that it refuses, it does if it says what a step would
 * cost there; then its strong error alone is taken, for that is the order that it would lose. */
static bool is_wanted(const struct converge *converge, const struct trial *trial)
{
  const struct sde_scheme *scheme = trial->task.scheme;
  const struct equation *equation = trial->task.equation;
  const struct sde_scheme_class *on = &scheme->on[noise_of(trial)];
  bool strong = trial->task.kind == ERROR_STRONG;
  if (trial->task.forced)
    return strong && on->evaluations > 0 && equation->strong_from <= 0.5 &&
           parameters_bool(converge->recipe->common, "forced");
  if (!strong || (scheme->exact && equation->flow != NULL))
    return true;
  bool shown = on->strong_order >= equation->strong_from && on->strong_order <= equation->strong_to;
  if (scheme->exact)
    results_note(converge->results, false,
                 "%s does not show that %s is exact on a path: its solution is not known\n",
                 equation->name, scheme->name);
  else if (!shown)
    results_note(converge->results, false, "%s does not show the strong order %g of %s: %s\n",
                 equation->name, on->strong_order, scheme->name, equation->strong_why);
  return shown && !scheme->exact;
}

/* A scheme that is made for some equations of a class only says so when it prepares for one. */
static bool takes_equation(const struct converge *converge, const struct trial *trial)
{
  struct sde_status refused = {SDE_OK, ""};
  const struct equation *equation = trial->task.equation;
  struct sde_solution solution = {.system = &equation->system,
                                  .scheme = trial->task.scheme,
                                  .eta = equation->time,
                                  .substeps = 1,
                                  .resolution = 1,
                                  .forced = trial->task.forced};
  struct sde_process *process = sde_solution_process_new(&solution, &refused);
  sde_solution_process_free(process);
  if (process == NULL && trial->task.kind == ERROR_STRONG)
    results_note(converge->results, false, "%s by %s is left out: %s\n", equation->name,
                 trial->task.scheme->name, refused.message);
  return process != NULL;
}

static bool add_trial(struct converge *converge, const struct equation *equation,
                      const struct sde_scheme *scheme, enum error_kind kind, int threads,
                      struct sde_status *status)
{
  const struct parameters *common = converge->recipe->common;
  double paths = (double)converge->cases->one[0].paths;
  struct trial *trial = &converge->trial[converge->trials];
  *trial = (struct trial){
      .task = {.equation = equation,
               .scheme = scheme,
               .kind = kind,
               .forced = scheme->on[equation->system.noise].strong_order == 0,
               .paths = (uint64_t)ceil(paths * plan_of(equation, scheme, kind)->paths),
               .seed = parameters_u64(common, "seed"),
               .bound = parameters_real(common, "divergence_bound"),
               .threads = threads}};
  if (!is_wanted(converge, trial) || !takes_equation(converge, trial))
    return true;
  if (!choose_steps(converge, trial, status))
    return false;
  trial->line = sde_alloc(convergence_lines(&trial->task), sizeof *trial->line);
  converge->trials++;
  return true;
}

static bool make_trials(struct converge *converge, int threads, struct sde_status *status)
{
  size_t most = 0;
  if (!choose_schemes(converge, status) || !choose_equations(converge, status))
    return false;
  for (size_t e = 0; converge->equation[e] != NULL; e++)
    for (size_t s = 0; converge->scheme[s] != NULL; s++)
      most += 2;
  converge->trial = sde_alloc(most, sizeof *converge->trial);
  for (size_t e = 0; converge->equation[e] != NULL; e++)
    for (size_t s = 0; converge->scheme[s] != NULL; s++)
      for (int kind = ERROR_STRONG; kind <= ERROR_WEAK; kind++)
        if (!add_trial(converge, converge->equation[e], converge->scheme[s], kind, threads, status))
          return false;
  return converge->trials > 0 ||
         sde_fail(status, SDE_INVALID, "%s: no scheme of the recipe takes any of its equations",
                  parameters_place(converge->recipe->common, "equations"));
}

static void report_divergence(const struct converge *converge, const struct trial *trial)
{
  double most = parameters_real(converge->recipe->common, "max_diverged");
  for (size_t i = 0; i < trial->task.count; i++) {
    const struct convergence_point *point = &trial->line[0].point[i];
    if (point->diverged == 0)
      continue;
    results_note(converge->results, true,
                 "sharpsde: %s by %s at %" PRIu64 " steps: %" PRIu64 " of %" PRIu64
                 " paths diverged; the point is not fitted\n",
                 trial->task.equation->name, trial->task.scheme->name, point->steps,
                 point->diverged, point->paths);
    if ((double)point->diverged > most * (double)point->paths)
      results_fail(converge->results);
  }
}

/* The bar counts the path-steps of the cases, so work is scaled to those. */
static bool measure(struct converge *converge, struct progress *progress, struct sde_status *status)
{
  double work = 0, shown = 0;
  for (size_t i = 0; i < converge->cases->count; i++)
    shown += case_work(&converge->cases->one[i], converge->recipe->sdes, false);
  for (size_t i = 0; i < converge->trials; i++)
    work += convergence_work(&converge->trial[i].task);
  for (size_t i = 0; i < converge->trials; i++) {
    struct trial *trial = &converge->trial[i];
    if (!convergence_measure(&trial->task, progress, shown / work, trial->line, status))
      return false;
    report_divergence(converge, trial);
    converge->comparisons += convergence_lines(&trial->task);
  }
  return true;
}

/* ---- tables ---- */

static const char *kind_name(const struct trial *trial)
{
  return trial->task.kind == ERROR_STRONG ? "strong" : "weak";
}

static const char *observable_name(const struct convergence *line)
{
  return line->observable == NULL ? "" : line->observable->name;
}

static void write_points(struct results *results, const struct trial *trial,
                         const struct convergence *line)
{
  FILE *table = results_table(results, "converge.csv",
                              "equation,noise_class,scheme,kind,observable,forced,steps,resolution,"
                              "paths,step,error,se,resolved,declared,slope,slope_se");
  for (size_t i = 0; i < line->count; i++) {
    const struct convergence_point *point = &line->point[i];
    const double before[] = {point->step, point->error, point->se};
    const double after[] = {declared_order(trial), line->fit.slope, line->fit.se};
    fprintf(table, "%s,%s,%s,%s,%s,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64, trial->task.equation->name,
            sde_noise_class_name(noise_of(trial)), trial->task.scheme->name, kind_name(trial),
            observable_name(line), trial->task.forced ? "true" : "false", point->steps,
            point->resolution, point->paths);
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

static json_t *summary_fit(const struct trial *trial, const struct convergence *line)
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
  return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:b, s:b, s:s, s:o}", "equation",
                   task->equation->name, "noise_class", sde_noise_class_name(noise_of(trial)),
                   "scheme", task->scheme->name, "kind", kind_name(trial), "observable",
                   line->observable == NULL ? json_null() : json_string(line->observable->name),
                   "declared", task->forced ? json_null() : results_json(declared_order(trial)),
                   "slope", results_json(line->fit.slope), "slope_se", results_json(line->fit.se),
                   "unresolved", (json_int_t)(line->count - line->resolved), "exact", line->exact,
                   "forced", task->forced, "against", line->against, "points", points);
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

static void print_fit(struct results *results, const struct trial *trial,
                      const struct convergence *line)
{
  struct text slope = {0}, declared = {0};
  slope_words(line, 1, "+-", &slope);
  if (trial->task.forced)
    text_add(&declared, "refused");
  else if (trial->task.scheme->exact)
    text_add(&declared, "exact");
  else
    text_add(&declared, "%g", declared_order(trial));
  results_note(results, false, "%-18s %-11s %-22s %-6s %-6s %-9s %-15s %zu/%-4zu %s\n",
               trial->task.equation->name, sde_noise_class_name(noise_of(trial)),
               trial->task.scheme->name, kind_name(trial), observable_name(line), declared.data,
               slope.data, line->resolved, line->count, line->against);
  sde_free(slope.data);
  sde_free(declared.data);
}

/* ---- the table of schemes and classes of noise, in Markdown ---- */

/* "1.00 ± 0.01", of weak errors one an observable; the intervals are of 95 %. */
static void add_measured(const struct trial *trial, struct text *text)
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

static void write_class(const struct converge *converge, const struct sde_scheme *scheme, int noise)
{
  bool any = false;
  for (size_t e = 0; converge->equation[e] != NULL; e++) {
    struct text strong = {0}, weak = {0};
    text_add(&strong, "%s", "");
    text_add(&weak, "%s", "");
    bool measured = false;
    for (size_t i = 0; i < converge->trials; i++) {
      const struct trial *trial = &converge->trial[i];
      if (trial->task.equation != converge->equation[e] || trial->task.scheme != scheme ||
          (int)noise_of(trial) != noise)
        continue;
      measured = true;
      text_add(&strong, "%s", trial->task.forced ? "forced: " : "");
      add_measured(trial, trial->task.kind == ERROR_STRONG ? &strong : &weak);
    }
    if (measured)
      write_row(converge->results, scheme, noise, converge->equation[e]->name, strong.data,
                weak.data);
    any = any || measured;
    sde_free(strong.data);
    sde_free(weak.data);
  }
  if (!any)
    write_row(converge->results, scheme, noise, "", "", "");
}

/* ---- verdicts ---- */

/* In standard errors; NAN where paths diverged or a point has no standard error. */
static double largest_error(const struct convergence *line)
{
  double largest = 0;
  for (size_t i = 0; i < line->count; i++) {
    double ratio = line->point[i].error / line->point[i].se;
    if (!isfinite(ratio) || line->point[i].diverged > 0)
      return NAN;
    largest = fmax(largest, ratio);
  }
  return largest;
}

/* Where errors are more than rounding, they must be within their own standard errors; a reference,
 * which has errors of its own, decides nothing. */
static enum holds judge_exact(const struct trial *trial, const struct convergence *line,
                              double quantile)
{
  if (line->exact)
    return trial->task.scheme->exact ? HOLDS_YES : HOLDS_UNDECIDED;
  double largest = largest_error(line);
  return line->source == SOLUTION_REFERENCE || isnan(largest) ? HOLDS_UNDECIDED
         : largest > quantile                                 ? HOLDS_NO
                                                              : HOLDS_YES;
}

/* Has the scheme lost the strong order that it has on the noise that it accepts? */
static enum holds judge_forced(const struct convergence *line, double order, double half)
{
  if (line->fit.slope + half < order - strong_tolerance)
    return HOLDS_YES;
  return fit_judge(line->fit.slope, half, order, strong_tolerance) == HOLDS_YES ? HOLDS_NO
                                                                                : HOLDS_UNDECIDED;
}

static double best_strong_order(const struct sde_scheme *scheme)
{
  double best = 0;
  for (int noise = 0; noise < SDE_NOISE_CLASSES; noise++)
    best = fmax(best, scheme->on[noise].strong_order);
  return best;
}

/* What a line shows. */
static void add_evidence(const struct trial *trial, const struct convergence *line, double half,
                         struct text *evidence)
{
  if (line->exact)
    text_add(evidence, "errors are rounding");
  else if (trial->task.scheme->exact)
    text_add(evidence, "the largest error is %.2f standard errors; against: %s",
             largest_error(line), line->against);
  else if (isnan(line->fit.slope))
    text_add(evidence, "not fitted, %zu of %zu points resolved", line->resolved, line->count);
  else
    text_add(evidence,
             "slope %.3f +- %.2g over %" PRIu64 " to %" PRIu64
             " steps, %zu of %zu points resolved; against: %s",
             line->fit.slope, half, line->point[0].steps, line->point[line->count - 1].steps,
             line->resolved, line->count, line->against);
}

static void judge_fit(const struct converge *converge, const struct trial *trial,
                      const struct convergence *line)
{
  const struct convergence_task *task = &trial->task;
  double half = fit_half(line->fit, converge->quantile), declared = declared_order(trial);
  double best = best_strong_order(task->scheme);
  bool strong = task->kind == ERROR_STRONG;
  struct text claim = {0}, evidence = {0};
  enum holds holds;
  text_add(&claim, "%s on %s (%s noise): ", task->scheme->name, task->equation->name,
           sde_noise_class_name(noise_of(trial)));
  if (task->forced) {
    holds = judge_forced(line, best, half);
    text_add(&claim, "forced on noise that it refuses, it loses its strong order %g", best);
  } else if (task->scheme->exact || line->exact) {
    holds = judge_exact(trial, line, converge->quantile);
    text_add(&claim, "%s", strong ? "exact on the Brownian path" : "no weak error");
  } else {
    holds = fit_judge(line->fit.slope, half, declared, strong ? strong_tolerance : weak_tolerance);
    text_add(&claim, "%s order %g", kind_name(trial), declared);
  }
  if (line->observable != NULL)
    text_add(&claim, " in %s", line->observable->name);
  add_evidence(trial, line, half, &evidence);
  results_verdict(converge->results, claim.data, holds, "%s", evidence.data);
  sde_free(claim.data);
  sde_free(evidence.data);
}

/* The largest deviation of an equation's solutions from their known moments, in standard errors,
 * over the paths that its first scheme was held against: all schemes see the same. Returns how many
 * moments were compared. */
static size_t worst_moment(const struct converge *converge, const struct equation *equation,
                           double *worst)
{
  size_t compared = 0;
  *worst = 0;
  for (size_t i = 0; i < converge->trials && compared == 0; i++) {
    const struct trial *trial = &converge->trial[i];
    if (trial->task.equation != equation || trial->task.kind != ERROR_WEAK)
      continue;
    for (size_t k = 0; k < convergence_lines(&trial->task); k++)
      for (size_t n = 0; n < trial->task.count; n++) {
        const struct convergence_point *point = &trial->line[k].point[n];
        if (isnan(point->expectation))
          continue;
        compared++;
        double ratio = fabs(point->mean - point->expectation) / point->mean_se;
        /* No standard error, or paths lost: nothing is known any more. */
        bool known = isfinite(ratio) && point->diverged == 0 && !isnan(*worst);
        *worst = known ? fmax(*worst, ratio) : NAN;
      }
  }
  return compared;
}

/* Are the solutions what they are taken for? */
static void judge_moments(const struct converge *converge, const struct equation *equation)
{
  double worst;
  size_t compared = worst_moment(converge, equation, &worst);
  if (compared == 0)
    return;
  char *claim = sde_format("%s: the %s that schemes are held against %s known moments",
                           equation->name, equation->flow != NULL ? "solutions" : "paths",
                           equation->flow != NULL ? "have their" : "have Euler-Maruyama's");
  results_verdict(converge->results, claim,
                  isnan(worst)                  ? HOLDS_UNDECIDED
                  : worst <= converge->quantile ? HOLDS_YES
                                                : HOLDS_NO,
                  "the largest of %zu deviations is %.2f standard errors", compared, worst);
  sde_free(claim);
}

/* ---- the study ---- */

static void report(struct converge *converge)
{
  struct results *results = converge->results;
  json_t *fits = json_array();
  double worst;
  for (size_t e = 0; converge->equation[e] != NULL; e++)
    converge->comparisons += worst_moment(converge, converge->equation[e], &worst);
  converge->quantile = sde_family_quantile(parameters_real(converge->recipe->common, "level"),
                                           converge->comparisons);
  for (size_t e = 0; converge->equation[e] != NULL; e++)
    results_note(results, false, "%-18s %s\n", converge->equation[e]->name,
                 converge->equation[e]->formula);
  results_note(results, false, "\n%-18s %-11s %-22s %-6s %-6s %-9s %-15s %-6s %s\n", "equation",
               "noise", "scheme", "error", "of", "declared", "slope +- s.e.", "points", "against");
  for (size_t i = 0; i < converge->trials; i++)
    for (size_t k = 0; k < convergence_lines(&converge->trial[i].task); k++) {
      const struct trial *trial = &converge->trial[i];
      write_points(results, trial, &trial->line[k]);
      print_fit(results, trial, &trial->line[k]);
      judge_fit(converge, trial, &trial->line[k]);
      json_array_append_new(fits, summary_fit(trial, &trial->line[k]));
    }
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "fits", fits);
  for (size_t e = 0; converge->equation[e] != NULL; e++)
    judge_moments(converge, converge->equation[e]);
  for (size_t s = 0; converge->scheme[s] != NULL; s++)
    for (int noise = 0; noise < SDE_NOISE_CLASSES; noise++)
      write_class(converge, converge->scheme[s], noise);
}

static void clear(struct converge *converge)
{
  for (size_t i = 0; i < converge->trials; i++) {
    struct trial *trial = &converge->trial[i];
    for (size_t k = 0; k < convergence_lines(&trial->task); k++)
      convergence_clear(&trial->line[k]);
    sde_free(trial->line);
  }
  sde_free(converge->trial);
  sde_free(converge->equation);
  sde_free(converge->scheme);
  equation_optimizer_free(converge->optimizer);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  struct converge converge = {.recipe = recipe, .cases = cases, .results = results};
  bool good = make_trials(&converge, threads, status) && measure(&converge, progress, status);
  if (good)
    report(&converge);
  clear(&converge);
  return good;
}

static bool estimate(const struct cases *cases, struct estimate *estimate,
                     struct sde_status *status)
{
  struct results *notes = results_new(cases->recipe);
  struct converge converge = {.recipe = cases->recipe, .cases = cases, .results = notes};
  bool good = make_trials(&converge, 0, status);
  for (size_t i = 0; good && i < converge.trials; i++)
    convergence_estimate(&converge.trial[i].task, estimate);
  clear(&converge);
  results_free(notes);
  return good;
}

static const char *const unused[] = {"records", "observables", "tolerance", "variance_reduction",
                                     NULL};

extern const struct study_type study_converge;
const struct study_type study_converge = {
    .name = "converge",
    .summary = "strong and weak errors of the schemes against the step, with fitted orders",
    .keys = keys,
    .unused = unused,
    .estimate = estimate,
    .run = run,
};
