/*
 * Convergence of schemes: see convergence.h.
 */
#include "experiments/studies/convergence.h"

#include "sde/ensemble.h"

#include <math.h>

/* An error below this share of the solution's size is rounding. A power law is bent at finite steps
 * by about the share `bend`. */
static const double rounding = 1e-11, bend = 0.05;

/* Weak errors fall faster than the differences of paths scatter; more than this power of the steps
 * in paths is not spent on that. */
static const double growth_most = 2;

/* ---- a scheme's path beside the solution's ---- */

/* The scheme's coordinates come first, the solution's after them. */
struct beside {
  const struct convergence_task *task;
  const struct sde_process *scheme, *solution;
};

struct workspace {
  void *scheme, *solution;
};

static void *workspace_new(const struct sde_process *process, size_t width)
{
  const struct beside *beside = process->context;
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->scheme = beside->scheme->workspace_new(beside->scheme, width);
  workspace->solution = beside->solution->workspace_new(beside->solution, width);
  return workspace;
}

static void workspace_free(const struct sde_process *process, void *memory)
{
  const struct beside *beside = process->context;
  struct workspace *workspace = memory;
  beside->scheme->workspace_free(beside->scheme, workspace->scheme);
  beside->solution->workspace_free(beside->solution, workspace->solution);
  sde_free(workspace);
}

static void begin(const struct sde_process *process, void *memory, uint64_t first_path,
                  size_t width, double *x)
{
  const struct beside *beside = process->context;
  struct workspace *workspace = memory;
  sde_process_begin(beside->scheme, workspace->scheme, first_path, width, x);
  sde_process_begin(beside->solution, workspace->solution, first_path, width,
                    x + beside->scheme->dim * width);
}

static bool failed(const struct sde_process *process, const void *memory, size_t p)
{
  const struct beside *beside = process->context;
  const struct workspace *workspace = memory;
  return sde_process_failed(beside->scheme, workspace->scheme, p) ||
         sde_process_failed(beside->solution, workspace->solution, p);
}

static void advance(const struct sde_process *process, void *memory, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  const struct beside *beside = process->context;
  struct workspace *workspace = memory;
  beside->scheme->advance(beside->scheme, workspace->scheme, first_path, width, step, x);
  beside->solution->advance(beside->solution, workspace->solution, first_path, width, step,
                            x + beside->scheme->dim * width);
}

/* out: |X_h - X|^2 and |X|^2. */
static void observe_strong(const void *context, void *memory, size_t width, const double *x,
                           double *out)
{
  (void)memory;
  const struct convergence_task *task = context;
  size_t dim = task->equation->system.dim;
  for (size_t p = 0; p < 2 * width; p++)
    out[p] = 0;
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++) {
      double exact = x[(dim + i) * width + p], error = x[i * width + p] - exact;
      out[p] += error * error;
      out[width + p] += exact * exact;
    }
}

/* out: phi(X_h) - phi(X) of each observable, then phi(X) of each. */
static void observe_weak(const void *context, void *memory, size_t width, const double *x,
                         double *out)
{
  (void)memory;
  const struct convergence_task *task = context;
  const struct equation *equation = task->equation;
  for (size_t k = 0; k < equation->observables; k++) {
    double *difference = out + k * width, *exact = difference + equation->observables * width;
    equation_observe(&equation->observable[k], width, x, difference);
    equation_observe(&equation->observable[k], width, x + equation->system.dim * width, exact);
    for (size_t p = 0; p < width; p++)
      difference[p] -= exact[p];
  }
}

static uint64_t paths_at(const struct convergence_task *task, size_t i)
{
  if (task->kind == EQUATION_ERROR_STRONG)
    return task->paths;
  double strong = task->scheme->on[task->equation->system.noise].strong_order;
  double growth = fmin(growth_most, fmax(0, 2 * (task->scheme->weak_order - strong)));
  double more = (double)task->steps[i] / (double)task->steps[0];
  return (uint64_t)llround((double)task->paths * pow(more, growth));
}

static const char *kind_name(enum equation_error kind)
{
  return kind == EQUATION_ERROR_STRONG ? "strong" : "weak";
}

/* A task at one number of steps. */
struct stage {
  struct beside beside;
  struct sde_process both;
  struct equation_solution *solution;
  struct sde_process *scheme;
  double *start;
};

static void stage_clear(struct stage *stage)
{
  sde_solution_process_free(stage->scheme);
  equation_solution_free(stage->solution);
  sde_free(stage->start);
}

/* The stage stays where it is until it is cleared, as it must be where it failed too. */
static bool stage_set(const struct convergence_task *task, size_t i, struct stage *stage,
                      struct sde_status *status)
{
  const struct equation *equation = task->equation;
  uint64_t steps = task->steps[i];
  size_t dim = equation->system.dim;
  char *name = sde_format("converge %s %s %d", equation->name, kind_name(task->kind), (int)steps);
  struct sde_stream stream = sde_stream_named(task->seed, name);
  sde_free(name);
  stage->solution = equation_solution_new(
      equation, task->kind, task->scheme->on[equation->system.noise].needs, steps, stream);
  struct sde_solution solved = {.system = &equation->system,
                                .scheme = task->scheme,
                                .stream = stream,
                                .eta = equation->time,
                                .substeps = steps,
                                .resolution = stage->solution->resolution,
                                .forced = task->forced};
  stage->start = sde_alloc(2 * dim, sizeof *stage->start);
  for (size_t k = 0; k < 2 * dim; k++)
    stage->start[k] = equation->start[k % dim];
  stage->scheme = sde_solution_process_new(&solved, status);
  if (stage->scheme == NULL)
    return false;
  stage->beside = (struct beside){task, stage->scheme, stage->solution->process};
  const uint64_t all[] = {stage->scheme->fingerprint, stage->solution->process->fingerprint};
  stage->both =
      (struct sde_process){.dim = 2 * dim,
                           .context = &stage->beside,
                           .workspace_new = workspace_new,
                           .workspace_free = workspace_free,
                           .begin = begin,
                           .advance = advance,
                           .failed = failed,
                           .substeps = stage->scheme->substeps + stage->solution->process->substeps,
                           .fingerprint = sde_hash(all, sizeof all)};
  return true;
}

static struct sde_ensemble_result run(const struct convergence_task *task, size_t i,
                                      const struct stage *stage, struct progress *progress)
{
  bool strong = task->kind == EQUATION_ERROR_STRONG;
  struct sde_ensemble ensemble = {
      .paths = paths_at(task, i),
      .dim = stage->both.dim,
      .start = stage->start,
      .records = 1,
      .record_steps = &(uint64_t){1},
      .processes = 1,
      .process = &(const struct sde_process *){&stage->both},
      .observables = {.count = strong ? 2 : 2 * task->equation->observables,
                      .context = task,
                      .evaluate = strong ? observe_strong : observe_weak},
      .bound = task->bound,
      .keeper = progress_keeper(progress),
      .threads = task->threads,
      .progress = progress == NULL ? NULL : progress_paths,
      .progress_context = progress};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  progress_ran(progress, result.own_paths, result.own_work);
  return result;
}

/* ---- points ---- */

static void judge_point(struct convergence_point *point, double size)
{
  point->rounding = point->error <= rounding * size && point->diverged == 0;
  point->resolved = !point->rounding && point->error > 2 * point->se && point->diverged == 0;
}

static struct sde_moments moments_of(const struct sde_ensemble_result *result, size_t observable)
{
  return sde_ensemble_moments(result, 0, 0, observable);
}

static void strong_point(const struct sde_ensemble_result *result, struct convergence_point *point)
{
  struct sde_moments square_error = moments_of(result, 0), square = moments_of(result, 1);
  point->error = sqrt(sde_moments_mean(square_error));
  point->se = sde_moments_standard_error(square_error) / (2 * point->error);
  point->mean = point->mean_se = point->expectation = NAN;
  judge_point(point, sqrt(sde_moments_mean(square)));
}

static void weak_point(const struct equation_solution *solution, size_t k, size_t observables,
                       const struct sde_ensemble_result *result, struct convergence_point *point)
{
  struct sde_moments difference = moments_of(result, k), phi = moments_of(result, observables + k);
  point->error = fabs(sde_moments_mean(difference) + solution->excess[k]);
  point->se = sde_moments_standard_error(difference);
  point->mean = sde_moments_mean(phi);
  point->mean_se = sde_moments_standard_error(phi);
  point->expectation = solution->expectation[k];
  judge_point(point, hypot(point->mean, sqrt(sde_moments_variance(phi))));
}

/* Point i of each line. */
static void set_points(const struct convergence_task *task, size_t i,
                       const struct equation_solution *solution,
                       const struct sde_ensemble_result *result, struct convergence *line)
{
  for (size_t k = 0; k < convergence_lines(task); k++) {
    struct convergence_point *point = &line[k].point[i];
    *point = (struct convergence_point){.step = task->equation->time / (double)task->steps[i],
                                        .steps = task->steps[i],
                                        .resolution = solution->resolution,
                                        .paths = paths_at(task, i),
                                        .diverged = sde_ensemble_diverged(result, 0, 0)};
    if (task->kind == EQUATION_ERROR_STRONG)
      strong_point(result, point);
    else
      weak_point(solution, k, task->equation->observables, result, point);
    if (i > 0)
      continue;
    line[k].source = solution->source;
    line[k].against = equation_solution_described(solution, task->steps[i]);
  }
}

static bool measure_at(const struct convergence_task *task, size_t i, struct progress *progress,
                       struct convergence *line, struct sde_status *status)
{
  struct stage stage = {.scheme = NULL};
  bool good = stage_set(task, i, &stage, status);
  if (good) {
    struct sde_ensemble_result result = run(task, i, &stage, progress);
    set_points(task, i, stage.solution, &result, line);
    sde_ensemble_result_free(&result);
  }
  stage_clear(&stage);
  return good;
}

/* Timed at the fewest steps: the time of a path-step is the same at more. */
void convergence_estimate(const struct convergence_task *task, struct estimate *estimate)
{
  struct sde_status status = {SDE_OK, ""};
  struct estimate first = {.stopwatch = estimate->stopwatch};
  for (size_t i = 0; i < task->count; i++) {
    struct stage stage = {.scheme = NULL};
    if (stage_set(task, i, &stage, &status)) {
      double work = (double)stage.both.substeps * (double)paths_at(task, i);
      if (i == 0)
        estimate_add(&first, &stage.both, stage.both.dim, stage.start, 1, paths_at(task, i));
      estimate->path_steps += work;
      estimate->seconds += first.seconds * work / first.path_steps;
    }
    stage_clear(&stage);
  }
}

/* ---- lines ---- */

size_t convergence_lines(const struct convergence_task *task)
{
  return task->kind == EQUATION_ERROR_STRONG ? 1 : task->equation->observables;
}

double convergence_work(const struct convergence_task *task)
{
  double work = 0;
  for (size_t i = 0; i < task->count; i++)
    work += (double)task->steps[i] * (double)paths_at(task, i);
  return work;
}

static void fit_line(struct convergence *line)
{
  double *x = sde_alloc(3 * line->count, sizeof *x);
  double *error = x + line->count, *se = error + line->count;
  line->exact = true;
  for (size_t i = 0; i < line->count; i++) {
    const struct convergence_point *point = &line->point[i];
    line->exact = line->exact && point->rounding;
    if (!point->resolved)
      continue;
    x[line->resolved] = point->step;
    error[line->resolved] = point->error;
    se[line->resolved++] = point->se;
  }
  line->fit = fit_bent_power(line->resolved, x, error, se, bend);
  sde_free(x);
}

bool convergence_measure(const struct convergence_task *task, struct progress *progress,
                         double work_unit, struct convergence *line, struct sde_status *status)
{
  size_t lines = convergence_lines(task);
  for (size_t k = 0; k < lines; k++)
    line[k] = (struct convergence){
        .observable = task->kind == EQUATION_ERROR_STRONG ? NULL : &task->equation->observable[k],
        .count = task->count,
        .point = sde_alloc(task->count, sizeof *line->point)};
  bool good = true;
  for (size_t i = 0; good && i < task->count; i++) {
    double work = (double)task->steps[i] * (double)paths_at(task, i);
    progress_part(progress, task->equation->name, work_unit * work, paths_at(task, i));
    good = measure_at(task, i, progress, line, status);
  }
  for (size_t k = 0; k < lines; k++)
    if (good)
      fit_line(&line[k]);
    else
      convergence_clear(&line[k]);
  return good;
}

void convergence_clear(struct convergence *line)
{
  sde_free(line->point);
  sde_free(line->against);
  *line = (struct convergence){.point = NULL};
}
