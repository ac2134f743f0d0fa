/*
 * Averages over time: see averages.h.
 */
#include "analysis/averages.h"

#include "sde/block.h"

#include <math.h>
#include <string.h>

struct averages averages_new(size_t observables, const char *const *name, size_t dim)
{
  size_t d = dim <= AVERAGES_LARGEST_DIM ? dim : 0;
  struct averages made = {.observables = observables, .products = d * (d + 1) / 2, .dim = d};
  made.reported = made.observables + made.products;
  made.all = made.reported + d;
  made.name = sde_alloc(made.reported, sizeof *made.name);
  for (size_t o = 0; o < made.observables; o++)
    made.name[o] = sde_strdup(name[o]);
  for (size_t i = 0, q = made.observables; i < d; i++)
    for (size_t k = 0; k <= i; k++)
      made.name[q++] = sde_format("cov%zu%zu", k + 1, i + 1);
  return made;
}

void averages_free(struct averages *quantities)
{
  for (size_t q = 0; q < quantities->reported; q++)
    sde_free(quantities->name[q]);
  sde_free(quantities->name);
}

/* A process that advances as another does, and averages along the way; the sums of a block are in
 * its workspace. */
struct averaged {
  const struct sde_process *inner;
  struct averages_plan plan;
  double *average; /* [quantity*paths + path]; NAN of a path that diverged */
};

struct workspace {
  void *inner, *observables;
  double *value, *sum; /* [quantity*width + p] */
};

static void *workspace_new(const struct sde_process *process, size_t width)
{
  const struct averaged *averaged = process->context;
  const struct sde_observables *observables = averaged->plan.observables;
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->inner = averaged->inner->workspace_new(averaged->inner, width);
  workspace->observables = observables->workspace_new(observables->context, width);
  workspace->value = sde_alloc(averaged->plan.quantities->all, width * sizeof(double));
  workspace->sum = sde_alloc(averaged->plan.quantities->all, width * sizeof(double));
  return workspace;
}

static void workspace_free(const struct sde_process *process, void *memory)
{
  const struct averaged *averaged = process->context;
  struct workspace *workspace = memory;
  averaged->inner->workspace_free(averaged->inner, workspace->inner);
  averaged->plan.observables->workspace_free(workspace->observables);
  sde_free(workspace->value);
  sde_free(workspace->sum);
  sde_free(workspace);
}

/* All quantities at x, into value[quantity*width + p]. */
static void evaluate(const struct averaged *averaged, struct workspace *workspace, size_t width,
                     const double *x)
{
  const struct averages *quantities = averaged->plan.quantities;
  averaged->plan.observables->evaluate(averaged->plan.observables->context, workspace->observables,
                                       width, x, workspace->value);
  double *product = workspace->value + quantities->observables * width;
  for (size_t i = 0; i < quantities->dim; i++)
    for (size_t k = 0; k <= i; k++, product += width)
      for (size_t p = 0; p < width; p++)
        product[p] = x[i * width + p] * x[k * width + p];
  memcpy(product, x, quantities->dim * width * sizeof *x);
}

/* A path beyond the bound keeps no averages, even if it came back: its sums become NAN. */
static void drop_diverged(const struct averaged *averaged, size_t width, const double *x,
                          double *sum)
{
  for (size_t i = 0; i < averaged->inner->dim; i++)
    for (size_t p = 0; p < width; p++)
      if (!(fabs(x[i * width + p]) <= averaged->plan.bound))
        for (size_t q = 0; q < averaged->plan.quantities->all; q++)
          sum[q * width + p] = NAN;
}

static void begin(const struct sde_process *process, void *memory, uint64_t first_path,
                  size_t width, double *x)
{
  const struct averaged *averaged = process->context;
  struct workspace *workspace = memory;
  sde_block_fill(averaged->plan.quantities->all * width, 0, workspace->sum);
  sde_process_begin(averaged->inner, workspace->inner, first_path, width, x);
  drop_diverged(averaged, width, x, workspace->sum);
}

static void advance(const struct sde_process *process, void *memory, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  const struct averaged *averaged = process->context;
  struct workspace *workspace = memory;
  size_t all = averaged->plan.quantities->all;
  averaged->inner->advance(averaged->inner, workspace->inner, first_path, width, step, x);
  drop_diverged(averaged, width, x, workspace->sum);
  if (step < averaged->plan.burn)
    return;
  evaluate(averaged, workspace, width, x);
  for (size_t i = 0; i < all * width; i++)
    workspace->sum[i] += workspace->value[i];
  if (step + 1 < averaged->plan.steps)
    return;
  double count = (double)(averaged->plan.steps - averaged->plan.burn);
  for (size_t q = 0; q < all; q++)
    for (size_t p = 0; p < width && first_path + p < averaged->plan.paths; p++)
      averaged->average[q * averaged->plan.paths + first_path + p] =
          workspace->sum[q * width + p] / count;
}

static bool failed(const struct sde_process *process, const void *memory, size_t p)
{
  const struct averaged *averaged = process->context;
  const struct workspace *workspace = memory;
  return sde_process_failed(averaged->inner, workspace->inner, p);
}

struct sde_process *averages_process_new(const struct averages_plan *plan,
                                         const struct sde_process *inner)
{
  struct averaged *averaged = sde_alloc(1, sizeof *averaged);
  averaged->inner = inner;
  averaged->plan = *plan;
  averaged->average = sde_alloc(plan->quantities->all, plan->paths * sizeof(double));
  struct sde_process *process = sde_alloc(1, sizeof *process);
  *process = (struct sde_process){.dim = inner->dim,
                                  .context = averaged,
                                  .workspace_new = workspace_new,
                                  .workspace_free = workspace_free,
                                  .begin = begin,
                                  .advance = advance,
                                  .failed = failed,
                                  .kept_rows = plan->quantities->all,
                                  .kept_paths = (size_t)plan->paths,
                                  .kept = averaged->average,
                                  .fingerprint = inner->fingerprint,
                                  .substeps = inner->substeps,
                                  .solution = inner->solution};
  return process;
}

double *averages_of(const struct sde_process *process)
{
  return ((const struct averaged *)process->context)->average;
}

void averages_process_free(struct sde_process *process)
{
  sde_free(averages_of(process));
  sde_free((void *)process->context);
  sde_free(process);
}

void averages_linearise(const struct averages *quantities, uint64_t paths, double *average)
{
  double *product = average + quantities->observables * paths;
  double *x = average + quantities->reported * paths;
  double mean[AVERAGES_LARGEST_DIM];
  for (size_t i = 0; i < quantities->dim; i++)
    mean[i] = sde_moments_mean(sde_moments_of_values(paths, x + i * paths, NULL));
  for (size_t i = 0; i < quantities->dim; i++)
    for (size_t k = 0; k <= i; k++, product += paths)
      for (uint64_t p = 0; p < paths; p++)
        product[p] += mean[i] * mean[k] - mean[k] * x[i * paths + p] - mean[i] * x[k * paths + p];
}
