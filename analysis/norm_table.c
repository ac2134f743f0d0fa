/*
 * The norm table: batches drawn as a process whose one step puts the batch's gradient in the place
 * of the point, all batches enumerated, and the Gaussian closure. See norm_table.h.
 */
#include "analysis/norm_table.h"

#include "models/enumeration.h"
#include "models/gaussian_norm.h"
#include "sde/block.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Multiply-adds that the enumeration of one size may cost; they also bound its memory. */
static const size_t enumeration_work = (size_t)1 << 24;

/* The gradients at the point. */
struct point {
  const struct objective *objective;
  size_t dim;
  double *gradient;   /* g */
  double *component;  /* [i*dim + k]: of f_i, or of the noise potential i */
  double *covariance; /* V, dim x dim */
};

static struct point point_new(const struct objective *objective, const double *x)
{
  const struct loss *loss = objective->loss;
  size_t d = loss->dim, n = objective->components, size = d * SDE_UNIT;
  bool potentials = objective->sampling == OBJECTIVE_GAUSSIAN;
  struct point point = {objective, d, sde_alloc(d, sizeof(double)),
                        sde_alloc(n, d * sizeof(double)), sde_alloc(d, d * sizeof(double))};
  double *block = sde_alloc(3 * size, sizeof *block), *g = block + size, *scratch = g + size;
  for (size_t k = 0; k < d; k++)
    sde_block_fill(SDE_UNIT, x[k], block + k * SDE_UNIT);
  loss_mean_gradient(loss, SDE_UNIT, block, g, scratch);
  for (size_t k = 0; k < d; k++)
    point.gradient[k] = g[k * SDE_UNIT];
  for (size_t i = 0; i < n; i++) {
    double *of = point.component + i * d;
    objective_component_gradient(objective, SDE_UNIT, i, block, g);
    for (size_t k = 0; k < d; k++)
      of[k] = g[k * SDE_UNIT];
    for (size_t j = 0; j < d; j++)
      for (size_t k = 0; k < d; k++)
        point.covariance[j * d + k] +=
            potentials ? of[j] * of[k] * objective_component_weight(objective)
                       : (of[j] - point.gradient[j]) * (of[k] - point.gradient[k]) / (double)n;
  }
  sde_free(block);
  return point;
}

static void point_free(struct point *point)
{
  sde_free(point->gradient);
  sde_free(point->component);
  sde_free(point->covariance);
}

static double length(size_t dim, const double *v)
{
  double square = 0;
  for (size_t k = 0; k < dim; k++)
    square += v[k] * v[k];
  return sqrt(square);
}

/* E|Z|, Z ~ N(g, c(s) V); NAN where V is infinite. */
static double closure(const struct point *point, size_t size)
{
  size_t d = point->dim;
  if (!objective_has_variance(point->objective))
    return NAN;
  double c = objective_batch_factor(point->objective, size), norm[SDE_UNIT];
  double *covariance = sde_alloc(d, d * sizeof *covariance);
  double *mu = sde_alloc(d * SDE_UNIT, sizeof *mu);
  for (size_t k = 0; k < d * d; k++)
    covariance[k] = c * point->covariance[k];
  for (size_t k = 0; k < d; k++)
    sde_block_fill(SDE_UNIT, point->gradient[k], mu + k * SDE_UNIT);
  struct gaussian_norm_basis *basis = gaussian_norm_basis_new(d, covariance);
  struct gaussian_norm_workspace *workspace = gaussian_norm_workspace_new(d);
  gaussian_norm_shared(basis, workspace, SDE_UNIT, mu, NULL, norm);
  gaussian_norm_workspace_free(workspace);
  gaussian_norm_basis_free(basis);
  sde_free(mu);
  sde_free(covariance);
  return norm[0];
}

/* E|g_s| over all batches of s; NAN where they are too many, or not finitely many. */
static double enumerated(const struct point *point, size_t size)
{
  size_t d = point->dim, n = point->objective->components;
  if (point->objective->sampling == OBJECTIVE_GAUSSIAN)
    return NAN;
  bool replacement = point->objective->sampling == OBJECTIVE_WITH_REPLACEMENT;
  if (enumeration_count(n, size, replacement, enumeration_work / size / d) == SIZE_MAX)
    return NAN;
  struct enumeration all = enumeration_new(n, size, replacement);
  double *mean = sde_alloc(d, sizeof *mean), sum = 0, probability = 0;
  for (size_t c = 0; c < all.count; c++) {
    memset(mean, 0, d * sizeof *mean);
    for (size_t i = 0; i < size; i++)
      for (size_t k = 0; k < d; k++)
        mean[k] += point->component[all.index[c * size + i] * d + k];
    sum += all.probability[c] * length(d, mean) / (double)size;
    probability += all.probability[c];
  }
  sde_free(mean);
  enumeration_free(&all);
  return sum / probability; /* the rounding that all probabilities share cancels */
}

/* The draws of one size as a process. */
struct draws {
  const struct objective *objective;
  size_t size;
  struct sde_stream stream;
};

struct draws_workspace {
  struct micro_batches batch;
  double *g, *scratch; /* dim * width each */
};

static void *draws_workspace_new(const struct sde_process *process, size_t width)
{
  const struct draws *draws = process->context;
  struct draws_workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->batch = micro_batches_new(draws->objective, draws->size, 1, width);
  workspace->g = sde_alloc(process->dim * width, sizeof(double));
  workspace->scratch = sde_alloc(process->dim * width, sizeof(double));
  return workspace;
}

static void draws_workspace_free(const struct sde_process *process, void *memory)
{
  (void)process;
  struct draws_workspace *workspace = memory;
  micro_batches_free(&workspace->batch);
  sde_free(workspace->g);
  sde_free(workspace->scratch);
  sde_free(workspace);
}

static void draw(const struct sde_process *process, void *memory, uint64_t first_path, size_t width,
                 uint64_t step, double *x)
{
  const struct draws *draws = process->context;
  struct draws_workspace *w = memory;
  struct sde_address at = {draws->stream, first_path, step};
  objective_draw(draws->objective, &at, width, &w->batch);
  objective_micro_gradient(draws->objective, width, &w->batch, 0, x, w->g, w->scratch);
  memcpy(x, w->g, process->dim * width * sizeof *x);
}

SDE_VECTOR
static void lengths(size_t dim, size_t width, const double *restrict g, double *restrict out)
{
  for (size_t p = 0; p < width; p++)
    out[p] = 0;
  for (size_t k = 0; k < dim; k++)
    for (size_t p = 0; p < width; p++)
      out[p] += g[k * width + p] * g[k * width + p];
  for (size_t p = 0; p < width; p++)
    out[p] = sqrt(out[p]);
}

static void observe(const void *context, void *workspace, size_t width, const double *g,
                    double *out)
{
  (void)workspace;
  const struct objective *objective = context;
  lengths(objective->loss->dim, width, g, out);
}

struct sde_process *norm_table_process_new(const struct objective *objective, size_t size,
                                           struct sde_stream stream)
{
  struct draws *draws = sde_alloc(1, sizeof *draws);
  *draws = (struct draws){objective, size, stream};
  struct sde_process *process = sde_alloc(1, sizeof *process);
  *process = (struct sde_process){.dim = objective->loss->dim,
                                  .context = draws,
                                  .workspace_new = draws_workspace_new,
                                  .workspace_free = draws_workspace_free,
                                  .advance = draw,
                                  .fingerprint = sde_hash(&stream, sizeof stream)};
  return process;
}

void norm_table_process_free(struct sde_process *process)
{
  sde_free((void *)process->context);
  sde_free(process);
}

/* Fill in what is sampled. */
static void sample(struct norm_table *table, const struct objective *objective, const double *x,
                   struct sde_stream stream, uint64_t paths, int threads,
                   void (*progress)(void *context, uint64_t paths_done), void *progress_context,
                   const struct sde_keeper *keeper)
{
  static const uint64_t last = 1;
  size_t count = table->count;
  struct sde_process **process = sde_alloc(count, sizeof *process);
  struct sde_pair *pair = sde_alloc(count, sizeof *pair);
  for (size_t k = 0; k < count; k++) {
    process[k] = norm_table_process_new(objective, table->row[k].size, stream);
    pair[k] = (struct sde_pair){k, k + 1};
  }
  struct sde_ensemble ensemble = {
      .paths = paths,
      .dim = objective->loss->dim,
      .start = x,
      .records = 1,
      .record_steps = &last,
      .processes = count,
      .process = (const struct sde_process *const *)process,
      .pairs = count - 1,
      .pair = pair,
      .observables = {.count = 1, .context = objective, .evaluate = observe},
      .bound = DBL_MAX,
      .keeper = keeper,
      .threads = threads,
      .progress = progress,
      .progress_context = progress_context};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  table->own_paths = result.own_paths;
  table->own_work = result.own_work;
  for (size_t k = 0; k < count; k++) {
    struct norm_table_row *row = &table->row[k];
    row->sampled = sde_ensemble_moments(&result, k, 0, 0);
    row->fall = row->sampled;
    row->fall.mean -= table->full;
    if (k + 1 < count)
      row->fall = sde_ensemble_difference(&result, k, 0, 0);
    uint64_t not_finite = sde_ensemble_diverged(&result, k, 0);
    if (not_finite > table->not_finite)
      table->not_finite = not_finite;
  }
  sde_ensemble_result_free(&result);
  sde_free(pair);
  for (size_t k = 0; k < count; k++)
    norm_table_process_free(process[k]);
  sde_free(process);
}

struct norm_table norm_table_new(const struct objective *objective, const double *x, size_t count,
                                 const size_t *sizes, struct sde_stream stream, uint64_t draws,
                                 int threads, void (*progress)(void *context, uint64_t paths_done),
                                 void *progress_context, const struct sde_keeper *keeper)
{
  struct norm_table table = {.count = count, .row = sde_alloc(count, sizeof *table.row)};
  struct point point = point_new(objective, x);
  table.full = length(point.dim, point.gradient);
  double square = table.full * table.full;
  for (size_t k = 0; k < point.dim; k++)
    square += point.covariance[k * point.dim + k];
  table.rounding = 1e-12 * sqrt(square);
  for (size_t k = 0; k < count; k++) {
    struct norm_table_row *row = &table.row[k];
    row->size = sizes[k];
    row->gaussian = closure(&point, row->size);
    row->exact = objective_is_gaussian(objective) ? row->gaussian : enumerated(&point, row->size);
  }
  point_free(&point);
  sample(&table, objective, x, stream, draws, threads, progress, progress_context, keeper);
  return table;
}

void norm_table_free(struct norm_table *table)
{
  sde_free(table->row);
}

double norm_table_exact_fall(const struct norm_table *table, size_t k)
{
  return table->row[k].exact - (k + 1 < table->count ? table->row[k + 1].exact : table->full);
}
