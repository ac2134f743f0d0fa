/*
 * The study `landscape`: what an optimizer descends. In two dimensions the loss f and f + rho R of
 * each optimizer on a grid, their minima, and sample paths; in one dimension both potentials and
 * the stationary densities. arXiv 2509.18001, theorems 3.3 to 3.8; theory.md section 3.
 */
#include "analysis/effective_loss.h"
#include "analysis/minima.h"
#include "experiments/cases/estimate.h"
#include "experiments/recipe/study.h"
#include "experiments/results/case_columns.h"
#include "experiments/studies/landscape_density.h"
#include "experiments/studies/landscape_drift.h"
#include "experiments/studies/landscape_paths.h"
#include "sde/block.h"

#include <math.h>
#include <string.h>

static const struct parameter_key keys[] = {
    {.name = "x_window",
     .type = PARAMETER_REAL,
     .list = true,
     .low = -1e100,
     .high = 1e100,
     .help = "landscape: [lowest, highest] first coordinate shown; without it, as the paths or the "
             "densities ask"},
    {.name = "y_window",
     .type = PARAMETER_REAL,
     .list = true,
     .low = -1e100,
     .high = 1e100,
     .help = "landscape: the same of the second coordinate"},
    {.name = "resolution",
     .type = PARAMETER_COUNT,
     .low = 11,
     .high = 1001,
     .fallback = "101",
     .help = "landscape: points a side of the grid, or bins of the densities"},
    {.name = "sample_paths",
     .type = PARAMETER_COUNT,
     .low = 0,
     .high = 1000,
     .fallback = "2",
     .help =
         "landscape: how many single paths of each process are drawn in two dimensions; in one, "
         "all `paths` are run to the end"},
    {.name = NULL}};

/* ---- the window ---- */

static const char *const window_keys[MINIMA_DIM] = {"x_window", "y_window"};

/* A side that is not given is left empty. */
static bool read_box(const struct cases *cases, struct minima_box *box, struct sde_status *status)
{
  const struct parameters *common = cases->recipe->common;
  *box = (struct minima_box){.dim = cases->loss->dim,
                             .resolution = (size_t)parameters_u64(common, "resolution")};
  if (box->dim > MINIMA_DIM)
    return sde_fail(status, SDE_INVALID,
                    "%s: a landscape has one or two dimensions; the loss %s has %zu",
                    parameters_place(common, "study"), cases->loss->type->name, box->dim);
  for (size_t k = 0; k < MINIMA_DIM; k++) {
    if (!parameters_has(common, window_keys[k]))
      continue;
    size_t count;
    const double *ends = parameters_reals(common, window_keys[k], &count);
    const char *place = parameters_place(common, window_keys[k]);
    if (k >= box->dim)
      return sde_fail(status, SDE_INVALID, "%s: %s is given, and the loss %s has one dimension",
                      place, window_keys[k], cases->loss->type->name);
    if (count != 2 || !(ends[0] < ends[1]))
      return sde_fail(status, SDE_INVALID,
                      "%s: %s must be two numbers [lowest, highest], the first below the second",
                      place, window_keys[k]);
    box->low[k] = ends[0];
    box->high[k] = ends[1];
  }
  return true;
}

/* ---- values and minima ---- */

/* All points of the grid, dim numbers each. */
static double *grid_of(const struct minima_box *box)
{
  size_t points = minima_points(box);
  double *x = sde_alloc(points * box->dim, sizeof *x);
  for (size_t i = 0; i < points; i++)
    minima_point(box, i, x + i * box->dim);
  return x;
}

struct grid_row {
  const struct run_case *one;
  double x, y, f, effective;
};

static const struct columns grid_columns = {
    "landscape.csv", (const struct column[]){COLUMNS_OF_CASE(grid_row),
                                             {"x", COLUMN_FIELD(grid_row, x)},
                                             {"y", COLUMN_FIELD(grid_row, y)},
                                             {"f", COLUMN_FIELD(grid_row, f)},
                                             {"effective", COLUMN_FIELD(grid_row, effective)},
                                             {.read = NULL}}};

static void write_grid(struct results *results, const struct run_case *one,
                       const struct minima_box *box, const double *x, const double *f,
                       const double *value)
{
  for (size_t i = 0; i < minima_points(box); i++) {
    struct grid_row row = {one, x[2 * i], x[2 * i + 1], f[i], value[i]};
    columns_write(results, &grid_columns, &row);
  }
}

/* A minimum of a function of a case. */
struct minimum_row {
  const struct run_case *one;
  const char *function;
  double x, y, value, least_curvature, largest_curvature; /* y NAN in one dimension */
  bool flat;
  const char *note;
};

static struct cell flat_digit(const void *flat)
{
  return cell_of_whole(*(const bool *)flat);
}

static const struct columns minimum_columns = {
    "minima.csv",
    (const struct column[]){
        COLUMNS_OF_CASE(minimum_row),
        {"function", NULL, "function", NULL, -10, 0, COLUMN_FIELD(minimum_row, function)},
        {"x", NULL, "x", NULL, 11, 5, COLUMN_FIELD(minimum_row, x)},
        {"y", NULL, "y", NULL, 11, 5, COLUMN_FIELD(minimum_row, y)},
        {"value", NULL, "value", NULL, 11, 5, COLUMN_FIELD(minimum_row, value)},
        {"least_curvature", COLUMN_FIELD(minimum_row, least_curvature)},
        {"largest_curvature", COLUMN_FIELD(minimum_row, largest_curvature)},
        {"flat", "", COLUMN_READ(minimum_row, flat, bool, flat_digit)},
        {.key = "flat", COLUMN_FIELD(minimum_row, flat)},
        {.heading = "", COLUMN_FIELD(minimum_row, note)},
        {.read = NULL}}};

static const char *const keys_of_minima[] = {KEYS_OF_CASE, "function", "x", "y",
                                             "value",      "flat",     NULL};

/* What stands for the points of a curve that is flat, or for no minimum. */
static void print_note(struct results *results, struct minimum_row row, const char *note)
{
  row.x = row.y = NAN;
  row.note = note;
  columns_print(results, &minimum_columns, &row);
}

/* The rows of the minima of one function, and what a person reads of them. */
static void write_minima(struct results *results, json_t *rows, const struct run_case *one,
                         const char *function, size_t dim, const struct minimum *minima,
                         size_t count)
{
  struct minimum_row row = {.one = one, .function = function, .value = NAN};
  size_t flat = 0;
  columns_begin(results, &minimum_columns);
  for (size_t i = 0; i < count; i++) {
    const struct minimum *at = &minima[i];
    row.x = at->x[0];
    row.y = dim == 2 ? at->x[1] : NAN;
    row.value = at->value;
    row.least_curvature = at->curvature[0];
    row.largest_curvature = at->curvature[dim - 1];
    row.flat = at->flat;
    flat += at->flat;
    columns_write(results, &minimum_columns, &row);
    json_array_append_new(rows, columns_json(&minimum_columns, keys_of_minima, &row));
    if (!at->flat)
      columns_print(results, &minimum_columns, &row);
  }
  if (flat > 0) {
    char *note = sde_format("a curve, %zu points of it found", flat);
    row.value = minima[0].value;
    print_note(results, row, note);
    sde_free(note);
  }
  if (count == 0)
    print_note(results, row, "none in the window");
}

/* ---- the study ---- */

/* What of f + rho R a person should know, if anything. */
static void note_form(struct results *results, const struct run_case *one,
                      const struct effective_loss *effective)
{
  char *label = case_label(one);
  if (effective == NULL)
    results_note(results, false, "%s: no f + rho R is known in closed form\n", label);
  else if (effective_loss_norm(effective) == EFFECTIVE_LOSS_CLOSURE)
    results_note(results, false, "%s: E|g_I| as if g_I were normal: it cannot be enumerated\n",
                 label);
  sde_free(label);
}

/* The minima of f, or of f + rho R, given its values on the grid. */
static void report_function(const struct run_case *one, struct effective_loss *effective,
                            bool plain, const struct minima_box *box, const double *values,
                            struct results *results, json_t *rows)
{
  struct effective_loss_function evaluated = {effective, plain};
  size_t count;
  struct minimum *minima = minima_find(box, values, effective_loss_function_at, &evaluated, &count);
  write_minima(results, rows, one, plain ? "loss" : "effective", box->dim, minima, count);
  sde_free(minima);
}

/* The grid, the minima and the drifts of one case. The loss is that of plain SGD. */
static void report_case(const struct cases *cases, const struct run_case *one,
                        const struct minima_box *box, const double *x, struct results *results,
                        json_t *rows)
{
  struct optimizer sgd = one->optimizer;
  sgd.rule = gradient_rule_named("sgd");
  sgd.update = update_rule_named("sgd");
  struct effective_loss *loss = effective_loss_new(&sgd);
  struct effective_loss *effective = effective_loss_new(&one->optimizer);
  size_t points = minima_points(box);
  double *f = sde_alloc(2 * points, sizeof *f), *value = f + points;
  note_form(results, one, effective);
  sde_block_fill(points, NAN, value);
  effective_loss_at(loss, points, x, f, NULL);
  if (effective != NULL)
    effective_loss_at(effective, points, x, NULL, value);
  if (box->dim == 2)
    write_grid(results, one, box, x, f, value);
  report_function(one, loss, true, box, f, results, rows);
  if (effective != NULL)
    report_function(one, effective, false, box, value, results, rows);
  for (size_t s = 0; effective != NULL && s < cases->recipe->sdes; s++)
    landscape_drift_judge(results, one, s, effective, box);
  sde_free(f);
  effective_loss_free(loss);
  effective_loss_free(effective);
}

static void report_minima(const struct cases *cases, const struct minima_box *box,
                          struct results *results)
{
  double *x = grid_of(box);
  json_t *rows = json_array();
  results_note(results, false, "Minima of the loss f and of the effective one, f + rho R\n");
  columns_print_headings(results, &minimum_columns);
  for (size_t i = 0; i < cases->count; i++)
    report_case(cases, &cases->one[i], box, x, results, rows);
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "minima", rows);
  sde_free(x);
}

static bool read(const struct cases *cases, struct minima_box *box, struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  return read_box(cases, box, status) &&
         (box->dim > 1 || recipe->sdes > 0 ||
          sde_fail(status, SDE_INVALID, "%s: no sde is given; a stationary density is that of one",
                   parameters_place(recipe->common, "study")));
}

static bool check(const struct cases *cases, struct sde_status *status)
{
  struct minima_box box;
  return read(cases, &box, status);
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  struct minima_box box;
  (void)recipe;
  if (!read(cases, &box, status))
    return false;
  if (box.dim == 1)
    landscape_density_report(cases, &box, threads, progress, results);
  else
    landscape_paths_run(cases, &box, threads, progress, results);
  report_minima(cases, &box, results);
  return true;
}

/* In one dimension all paths are run to the end; else a few to be drawn, without companions. */
static bool estimate(const struct cases *cases, struct estimate *estimate,
                     struct sde_status *status)
{
  (void)status;
  bool density = cases->loss->dim == 1;
  for (size_t i = 0; i < cases->count; i++)
    estimate_add_case(estimate, cases, &cases->one[i], density,
                      density ? cases->one[i].paths : landscape_paths_count(cases, &cases->one[i]));
  return true;
}

static const char *const unused[] = {"observables", "tolerance", "variance_reduction", NULL};

extern const struct study_type study_landscape;
const struct study_type study_landscape = {
    .name = "landscape",
    .summary = "f and f + rho R with their minima and paths; in one dimension stationary densities",
    .keys = keys,
    .unused = unused,
    .companions = true,
    .check = check,
    .estimate = estimate,
    .run = run,
};
