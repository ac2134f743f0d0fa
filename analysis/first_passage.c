/*
 * First passages: see first_passage.h. The times of a block are kept in its workspace.
 */
#include "analysis/first_passage.h"

#include "sde/block.h"
#include "sde/vector_math.h"

#include <math.h>
#include <string.h>

/* Uniform numbers are multiples of 2^-52: less probable crossings do not occur, and where no path
 * of a block has a greater probability none is drawn. */
static const double least_exponent = -36.04;

struct passage {
  struct sde_solution solution; /* of the SDE, where the inner process is one */
  const struct sde_process *inner;
  struct sde_process *owned; /* the inner one of an SDE, which advances by one substep; else NULL */
  struct first_passage_target target;
  struct sde_stream crossings;
  uint64_t substeps;
  double step; /* the time that the inner process advances by */
  bool bridge;
  double *time; /* [path] */
};

struct workspace {
  void *inner, *system;
  size_t inside;                       /* paths of the block that are still on their way */
  double *before;                      /* [i*width + p]: the state before the step */
  double *time;                        /* [p] */
  double *variance;                    /* [p]: of the coordinate's increment */
  double *dw, *noise;                  /* [k*width + p], [i*width + p] */
  double *exponent, *chance, *uniform; /* [p] */
};

static void *workspace_new(const struct sde_process *process, size_t width)
{
  const struct passage *passage = process->context;
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t bytes = width * sizeof(double);
  workspace->inner = passage->inner->workspace_new(passage->inner, width);
  workspace->before = sde_alloc(process->dim, bytes);
  workspace->time = sde_alloc(1, bytes);
  if (!passage->bridge)
    return workspace;
  const struct sde_system *system = passage->solution.system;
  workspace->system = sde_system_workspace_new(system, width);
  workspace->variance = sde_alloc(1, bytes);
  workspace->dw = sde_alloc(system->noise_dim, bytes);
  workspace->noise = sde_alloc(process->dim, bytes);
  workspace->exponent = sde_alloc(1, bytes);
  workspace->chance = sde_alloc(1, bytes);
  workspace->uniform = sde_alloc(1, bytes);
  return workspace;
}

static void workspace_free(const struct sde_process *process, void *memory)
{
  const struct passage *passage = process->context;
  struct workspace *workspace = memory;
  passage->inner->workspace_free(passage->inner, workspace->inner);
  if (passage->bridge)
    sde_system_workspace_free(passage->solution.system, workspace->system);
  sde_free(workspace->before);
  sde_free(workspace->time);
  sde_free(workspace->variance);
  sde_free(workspace->dw);
  sde_free(workspace->noise);
  sde_free(workspace->exponent);
  sde_free(workspace->chance);
  sde_free(workspace->uniform);
  sde_free(workspace);
}

/* variance[p] += noise[p]^2 h */
SDE_VECTOR
static void add_squares(size_t width, double h, const double *restrict noise,
                        double *restrict variance)
{
  for (size_t p = 0; p < width; p++)
    variance[p] += noise[p] * noise[p] * h;
}

/* The variance of the coordinate's increment over the step from x: the sum over the columns of the
 * diffusion of their squared entries. */
static void find_variance(const struct passage *passage, struct workspace *workspace,
                          const struct sde_instant *at, size_t width, const double *x)
{
  const struct sde_system *system = passage->solution.system;
  const double *noise = workspace->noise + passage->target.coordinate * width;
  sde_block_fill(width, 0, workspace->variance);
  sde_block_fill(system->noise_dim * width, 0, workspace->dw);
  for (size_t k = 0; k < system->noise_dim; k++) {
    sde_block_fill(width, 1, workspace->dw + k * width);
    system->evaluate(system, workspace->system, at, width, x, workspace->dw, NULL,
                     workspace->noise);
    sde_block_fill(width, 0, workspace->dw + k * width);
    add_squares(width, passage->step, noise, workspace->variance);
  }
}

/* exponent[p] = -2 a b / variance. Returns whether any path inside has one that counts. */
SDE_VECTOR
static bool find_exponents(size_t width, double boundary, const double *restrict before,
                           const double *restrict x, const double *restrict variance,
                           const double *restrict time, double *restrict exponent)
{
  size_t counting = 0;
  for (size_t p = 0; p < width; p++) {
    exponent[p] = -2 * (boundary - before[p]) * (boundary - x[p]) / variance[p];
    counting += (time[p] == INFINITY) & (exponent[p] > least_exponent) & (exponent[p] <= 0);
  }
  return counting > 0;
}

/* Is the variance the same at all steps? Then `begin` finds it. */
static bool is_constant(const struct passage *passage)
{
  return passage->solution.system->noise == SDE_NOISE_ADDITIVE;
}

/* Set the chances that the step has crossed and come back; false where none has. */
static bool draw_crossings(const struct passage *passage, struct workspace *workspace,
                           const struct sde_instant *at, size_t width, const double *x)
{
  size_t offset = passage->target.coordinate * width;
  if (!is_constant(passage))
    find_variance(passage, workspace, at, width, workspace->before);
  if (!find_exponents(width, passage->target.boundary, workspace->before + offset, x + offset,
                      workspace->variance, workspace->time, workspace->exponent))
    return false;
  struct sde_address address = {passage->crossings, at->first_path, at->step};
  sde_vector_math()->exp(width, workspace->exponent, workspace->chance);
  sde_random_uniforms(&address, width, 1, workspace->uniform);
  return true;
}

static bool is_outside(const struct sde_process *process, const double *x, size_t width, size_t p)
{
  const struct passage *passage = process->context;
  for (size_t i = 0; i < process->dim; i++)
    if (!(fabs(x[i * width + p]) <= passage->target.bound))
      return true;
  return false;
}

/* How far it is from the coordinate's value to the boundary; negative beyond it. */
static double distance(const struct passage *passage, double value)
{
  double ahead = passage->target.boundary - value;
  return passage->target.above ? ahead : -ahead;
}

static void stop(const struct passage *passage, struct workspace *workspace, uint64_t first_path,
                 size_t p, double time)
{
  workspace->time[p] = time;
  workspace->inside--;
  if (first_path + p < passage->target.paths)
    passage->time[first_path + p] = time;
}

/* Stop the paths that the step from `before` to x took across the boundary, or that diverged in
 * it. */
static void stop_paths(const struct sde_process *process, struct workspace *workspace,
                       uint64_t first_path, size_t width, uint64_t index, bool drawn,
                       const double *x)
{
  const struct passage *passage = process->context;
  size_t offset = passage->target.coordinate * width;
  for (size_t p = 0; p < width; p++) {
    if (workspace->time[p] != INFINITY)
      continue;
    double a = distance(passage, workspace->before[offset + p]);
    double b = distance(passage, x[offset + p]);
    bool between = drawn && workspace->exponent[p] > least_exponent &&
                   workspace->uniform[p] < workspace->chance[p];
    if (is_outside(process, x, width, p))
      stop(passage, workspace, first_path, p, NAN);
    else if (b <= 0 || between) {
      double share = passage->owned == NULL ? 1 : a / (a + fabs(b));
      stop(passage, workspace, first_path, p, ((double)index + share) * passage->step);
    }
  }
}

/* Paths that were stopped stay where they are. */
SDE_VECTOR
static void hold(size_t dim, size_t width, const double *restrict time,
                 const double *restrict before, double *restrict x)
{
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++)
      x[i * width + p] = time[p] == INFINITY ? x[i * width + p] : before[i * width + p];
}

static void begin(const struct sde_process *process, void *memory, uint64_t first_path,
                  size_t width, double *x)
{
  const struct passage *passage = process->context;
  struct workspace *workspace = memory;
  sde_process_begin(passage->inner, workspace->inner, first_path, width, x);
  if (passage->bridge && is_constant(passage))
    find_variance(passage, workspace, &(struct sde_instant){0, first_path, 0}, width, x);
  workspace->inside = width;
  sde_block_fill(width, INFINITY, workspace->time);
  const double *start = x + passage->target.coordinate * width;
  for (size_t p = 0; p < width; p++) {
    if (first_path + p < passage->target.paths)
      passage->time[first_path + p] = INFINITY;
    if (is_outside(process, x, width, p))
      stop(passage, workspace, first_path, p, NAN);
    else if (distance(passage, start[p]) <= 0)
      stop(passage, workspace, first_path, p, 0);
  }
}

static void advance(const struct sde_process *process, void *memory, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  const struct passage *passage = process->context;
  struct workspace *workspace = memory;
  uint64_t stride = passage->bridge ? passage->solution.resolution / passage->substeps : 1;
  for (uint64_t i = 0; i < passage->substeps && workspace->inside > 0; i++) {
    uint64_t index = step * passage->substeps + i;
    struct sde_instant at = {(double)index * passage->step, first_path, index * stride};
    memcpy(workspace->before, x, process->dim * width * sizeof *x);
    passage->inner->advance(passage->inner, workspace->inner, first_path, width, index, x);
    hold(process->dim, width, workspace->time, workspace->before, x);
    bool drawn = passage->bridge && draw_crossings(passage, workspace, &at, width, x);
    stop_paths(process, workspace, first_path, width, index, drawn, x);
  }
}

static bool failed(const struct sde_process *process, const void *memory, size_t p)
{
  const struct passage *passage = process->context;
  const struct workspace *workspace = memory;
  return sde_process_failed(passage->inner, workspace->inner, p);
}

static struct sde_process *process_of(struct passage made, size_t dim)
{
  struct passage *passage = sde_alloc(1, sizeof *passage);
  *passage = made;
  passage->time = sde_alloc((size_t)made.target.paths, sizeof(double));
  const uint64_t all[] = {made.inner->fingerprint, made.crossings.seed, made.crossings.stream,
                          made.substeps, made.bridge};
  struct sde_process *process = sde_alloc(1, sizeof *process);
  *process = (struct sde_process){.dim = dim,
                                  .context = passage,
                                  .workspace_new = workspace_new,
                                  .workspace_free = workspace_free,
                                  .begin = begin,
                                  .advance = advance,
                                  .failed = failed,
                                  .kept_rows = 1,
                                  .kept_paths = (size_t)made.target.paths,
                                  .kept = passage->time,
                                  .fingerprint = sde_hash(all, sizeof all),
                                  .substeps = made.substeps,
                                  .solution = made.owned == NULL ? NULL : &passage->solution};
  return process;
}

struct sde_process *first_passage_of_iterates(const struct sde_process *iterates, double eta,
                                              const struct first_passage_target *target)
{
  return process_of(
      (struct passage){.inner = iterates, .target = *target, .substeps = 1, .step = eta},
      iterates->dim);
}

/* The diffusion of the system holds the root of the learning rate, so that time may be cut as one
 * likes: substeps as learning-rate steps of their own see the same Brownian path. */
struct sde_process *first_passage_of_solution(const struct sde_solution *solution,
                                              const struct first_passage_target *target,
                                              struct sde_stream crossings, bool bridge,
                                              struct sde_status *status)
{
  struct sde_solution substep = *solution;
  substep.eta = solution->eta / (double)solution->substeps;
  substep.substeps = 1;
  substep.resolution = solution->resolution / solution->substeps;
  struct sde_process *inner = sde_solution_process_new(&substep, status);
  if (inner == NULL)
    return NULL;
  return process_of((struct passage){.solution = *solution,
                                     .inner = inner,
                                     .owned = inner,
                                     .target = *target,
                                     .crossings = crossings,
                                     .substeps = solution->substeps,
                                     .step = substep.eta,
                                     .bridge = bridge},
                    inner->dim);
}

void first_passage_free(struct sde_process *process)
{
  if (process == NULL)
    return;
  struct passage *passage = (struct passage *)process->context;
  sde_solution_process_free(passage->owned);
  sde_free(passage->time);
  sde_free(passage);
  sde_free(process);
}

const double *first_passage_times(const struct sde_process *process)
{
  return ((const struct passage *)process->context)->time;
}
