/*
 * The study `landscape`: what an optimizer descends. In two dimensions the loss f and f + rho R of
 * each optimizer on a grid, their minima, and sample paths; in one dimension both potentials and
 * the stationary densities. arXiv 2509.18001, theorems 3.3 to 3.8; theory.md section 3.
 */
#include "analysis/effective_loss.h"
#include "analysis/minima.h"
#include "experiments/cases/case_run.h"
#include "experiments/cases/estimate.h"
#include "experiments/recipe/study.h"
#include "experiments/results/case_columns.h"
#include "experiments/results/series.h"
#include "experiments/studies/landscape_density.h"
#include "sde/block.h"
#include "sde/statistics.h"

#include <math.h>
#include <string.h>

/* A window found from the paths is wider than they are by this share, and no side is shorter than
 * this share of the other. */
static const double margin = 0.2, narrowest = 0.2;

/* A drift agrees with a gradient where they differ by at most this share of the regulariser's, or
 * of the median of that; so it must at this share of the points, for |g_I| has kinks. Not of its
 * largest: beside a pole anything would agree. */
static const double agreement = 1e-4, smooth_share = 0.99;

enum { PROBES = 21 }; /* points a side at which they are compared */

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

/* ---- sample paths ---- */

/* The sample paths of one case, of its coordinates. */
struct trail {
  const struct run_case *one;
  size_t paths, records; /* none where the recipe asks for no paths */
  uint64_t *record_steps;
  struct case_result result;
};

static uint64_t trail_paths(const struct cases *cases, const struct run_case *one)
{
  uint64_t wanted = parameters_u64(cases->recipe->common, "sample_paths");
  return wanted < one->paths ? wanted : one->paths;
}

static struct trail trail_new(const struct cases *cases, const struct run_case *one, int threads,
                              struct progress *progress, struct results *results)
{
  static const char *const names[] = {"x1", "x2"};
  struct sde_status status = {SDE_OK, ""};
  struct trail trail = {.one = one, .paths = (size_t)trail_paths(cases, one)};
  if (trail.paths == 0)
    return trail;
  struct sde_observables *coordinates =
      observables_new(cases->objective, cases->loss->dim, names, "landscape", &status);
  trail.record_steps = case_record_steps(cases, one, &trail.records);
  trail.result = case_run(&(struct case_ensemble){.cases = cases,
                                                  .one = one,
                                                  .paths = trail.paths,
                                                  .observables = coordinates,
                                                  .sample_paths = trail.paths,
                                                  .records = trail.records,
                                                  .record_steps = trail.record_steps,
                                                  .threads = threads,
                                                  .progress = progress});
  series_report_divergence(results, &trail.result);
  observables_free(coordinates);
  return trail;
}

static void trail_free(struct trail *trail)
{
  sde_free(trail->record_steps);
  case_result_free(&trail->result);
}

/* A point of a path. */
struct trail_row {
  const struct run_case *one;
  size_t side, path;
  double time, x, y;
};

static const struct columns trail_columns = {
    "paths.csv", (const struct column[]){COLUMNS_OF_CASE(trail_row),
                                         COLUMNS_OF_SIDE(trail_row),
                                         {"path", COLUMN_FIELD(trail_row, path)},
                                         {"time", COLUMN_FIELD(trail_row, time)},
                                         {"x", COLUMN_FIELD(trail_row, x)},
                                         {"y", COLUMN_FIELD(trail_row, y)},
                                         {.read = NULL}}};

static void write_trail(struct results *results, const struct cases *cases,
                        const struct trail *trail)
{
  const struct case_result *result = &trail->result;
  columns_begin(results, &trail_columns);
  for (size_t side = 0; side < case_sides(cases); side++)
    for (size_t path = 0; path < trail->paths; path++)
      for (size_t r = 0; r < trail->records; r++) {
        struct trail_row row = {.one = trail->one,
                                .side = side,
                                .path = path,
                                .time = case_time(result, r),
                                .x = case_samples(result, side, r, 0)[path],
                                .y = case_samples(result, side, r, 1)[path]};
        columns_write(results, &trail_columns, &row);
      }
}

/* Where a side is empty: around the start and the paths. */
static void find_window(const struct cases *cases, const struct trail *trails,
                        struct minima_box *box)
{
  double low[MINIMA_DIM], high[MINIMA_DIM], longest = 0;
  for (size_t k = 0; k < MINIMA_DIM; k++) {
    low[k] = high[k] = cases->start[k];
    for (size_t i = 0; i < cases->count; i++)
      for (size_t side = 0; side < case_sides(cases); side++)
        for (size_t r = 0; r < trails[i].records; r++)
          for (size_t path = 0; path < trails[i].paths; path++) {
            double x = case_samples(&trails[i].result, side, r, k)[path];
            low[k] = fmin(low[k], x); /* NAN, of a diverged path, does not count */
            high[k] = fmax(high[k], x);
          }
    longest = fmax(longest, high[k] - low[k]);
  }
  if (!(longest > 0))
    longest = 1;
  for (size_t k = 0; k < MINIMA_DIM; k++) {
    if (box->low[k] < box->high[k])
      continue;
    double middle = (low[k] + high[k]) / 2, side = fmax(high[k] - low[k], narrowest * longest);
    box->low[k] = middle - (0.5 + margin) * side;
    box->high[k] = middle + (0.5 + margin) * side;
  }
}

/* ---- values and minima ---- */

/* What is evaluated at single points: f alone, or f + rho R. */
struct evaluated {
  struct effective_loss *effective;
  bool plain;
};

static double evaluate(void *context, const double *x)
{
  const struct evaluated *evaluated = context;
  double value;
  effective_loss_at(evaluated->effective, 1, x, evaluated->plain ? &value : NULL,
                    evaluated->plain ? NULL : &value);
  return value;
}

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

/* ---- does the drift descend f + rho R? ---- */

/* The gradient of the function by central differences of fourth order. */
static void gradient_at(struct evaluated *evaluated, const struct minima_box *box, const double *x,
                        double *gradient)
{
  static const double step = 1e-4; /* of the side */
  for (size_t k = 0; k < box->dim; k++) {
    double h = step * (box->high[k] - box->low[k]), y[MINIMA_DIM], near[2], wide[2];
    memcpy(y, x, box->dim * sizeof *x);
    for (int sign = 0; sign < 2; sign++) {
      y[k] = x[k] + (2 * sign - 1) * h;
      near[sign] = evaluate(evaluated, y);
      y[k] = x[k] + (2 * sign - 1) * 2 * h;
      wide[sign] = evaluate(evaluated, y);
    }
    gradient[k] = (8 * (near[1] - near[0]) - (wide[1] - wide[0])) / (12 * h);
  }
}

/* The drift of a system at x. */
static void drift_at(const struct sde_system *system, void *workspace, const double *x,
                     double *drift)
{
  const struct sde_instant at = {0, 0, 0};
  double block[MINIMA_DIM * SDE_UNIT], out[MINIMA_DIM * SDE_UNIT];
  for (size_t k = 0; k < system->dim; k++)
    sde_block_fill(SDE_UNIT, x[k], block + k * SDE_UNIT);
  system->evaluate(system, workspace, &at, SDE_UNIT, block, NULL, out, NULL);
  for (size_t k = 0; k < system->dim; k++)
    drift[k] = out[k * SDE_UNIT];
}

/* The number in the middle of those that are not NAN. */
static double median_of(size_t count, const double *values)
{
  double *sorted = sde_alloc(count, sizeof *sorted);
  size_t finite = sde_sorted(count, values, sorted);
  double middle = finite == 0 ? NAN : sorted[finite / 2];
  sde_free(sorted);
  return middle;
}

/* Errors over the slope there or, where that is larger, its median over all points; what the
 * differences leave of the largest does not count. */
static void make_relative(size_t points, const double *slope, double noticed, double *error)
{
  double median = median_of(points, slope);
  for (size_t i = 0; i < points; i++)
    error[i] = error[i] == 0 ? 0 : error[i] / fmax(fmax(slope[i], median), noticed);
}

static double largest_of(size_t count, const double *values)
{
  double largest = 0;
  for (size_t i = 0; i < count; i++)
    largest = fmax(largest, values[i]); /* NAN does not count */
  return largest;
}

/* At the points of a coarse grid, the length of drift + grad(f + rho R) over that of grad f where
 * rho R vanishes, or else of rho grad R. Where one of them is not finite, as outside of the domain
 * of the loss, the point says nothing: its error is NAN. Released with sde_free. */
static double *drift_errors(const struct sde_system *system, struct effective_loss *effective,
                            const struct minima_box *box, size_t *points)
{
  struct minima_box probes = *box;
  probes.resolution = PROBES;
  struct evaluated whole = {effective, false}, plain = {effective, true};
  void *workspace = sde_system_workspace_new(system, SDE_UNIT);
  *points = minima_points(&probes);
  double *error = sde_alloc(*points, sizeof *error);
  double *part = sde_alloc(2 * *points, sizeof *part), *all = part + *points;
  for (size_t i = 0; i < *points; i++) {
    double x[MINIMA_DIM], drift[MINIMA_DIM], gradient[MINIMA_DIM], of_loss[MINIMA_DIM];
    minima_point(&probes, i, x);
    drift_at(system, workspace, x, drift);
    gradient_at(&whole, box, x, gradient);
    gradient_at(&plain, box, x, of_loss);
    for (size_t k = 0; k < box->dim; k++) {
      error[i] = hypot(error[i], drift[k] + gradient[k]);
      part[i] = hypot(part[i], gradient[k] - of_loss[k]);
      all[i] = hypot(all[i], of_loss[k]);
    }
    if (!isfinite(error[i]) || !isfinite(part[i]) || !isfinite(all[i]))
      error[i] = part[i] = all[i] = NAN;
  }
  double noticed = 1e-8 * largest_of(*points, all), slope = largest_of(*points, part);
  make_relative(*points, slope > noticed ? part : all, fmax(noticed, 1e-6 * slope), error);
  sde_system_workspace_free(system, workspace);
  sde_free(part);
  return error;
}

static void judge_drift(struct results *results, const struct run_case *one, size_t s,
                        struct effective_loss *effective, const struct minima_box *box)
{
  const struct limit *limit = one->sde[s].limit;
  const struct limit_options *options = limit_options_of(limit);
  if (options->eta_order != 1 || options->rho_order == LIMIT_RHO_ORDER_EXACT ||
      limit_uses_directions(limit) || !optimizer_steps_along_gradient(&one->optimizer))
    return;
  size_t points, finite = 0, agreeing = 0;
  double *error = drift_errors(limit_system(limit), effective, box, &points);
  for (size_t i = 0; i < points; i++) {
    finite += isfinite(error[i]);
    agreeing += error[i] <= agreement;
  }
  char *left_out = finite == points ? sde_strdup("")
                                    : sde_format("; %zu more, where it is not finite, are left out",
                                                 points - finite);
  char *label = case_label(one);
  char *claim = sde_format("%s, b %zu, eta %g, rho %g: SDE %zu descends f + rho R on average",
                           label, one->optimizer.batch, one->optimizer.eta, one->optimizer.rho, s);
  if (finite == 0)
    results_verdict(results, claim, HOLDS_UNDECIDED,
                    "neither drift nor gradient is finite at any of %zu points of the window",
                    points);
  else
    results_verdict(
        results, claim, (double)agreeing >= smooth_share * (double)finite ? HOLDS_YES : HOLDS_NO,
        "its drift is minus the gradient, to %g of rho |grad R| or its median, at %zu of "
        "%zu points%s; at most they differ by %.2g of it",
        agreement, agreeing, finite, left_out, largest_of(points, error));
  sde_free(left_out);
  sde_free(claim);
  sde_free(label);
  sde_free(error);
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
  struct evaluated evaluated = {effective, plain};
  size_t count;
  struct minimum *minima = minima_find(box, values, evaluate, &evaluated, &count);
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
    judge_drift(results, one, s, effective, box);
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

static void run_paths(const struct cases *cases, struct minima_box *box, int threads,
                      struct progress *progress, struct results *results)
{
  struct trail *trails = sde_alloc(cases->count, sizeof *trails);
  for (size_t i = 0; i < cases->count; i++) {
    trails[i] = trail_new(cases, &cases->one[i], threads, progress, results);
    write_trail(results, cases, &trails[i]);
  }
  find_window(cases, trails, box);
  for (size_t i = 0; i < cases->count; i++)
    trail_free(&trails[i]);
  sde_free(trails);
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
    run_paths(cases, &box, threads, progress, results);
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
                      density ? cases->one[i].paths : trail_paths(cases, &cases->one[i]));
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
