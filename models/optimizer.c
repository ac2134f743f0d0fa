/*
 * Optimizers: the update direction of the whole family, and the iterates as a process. See
 * optimizer.h.
 */
#include "models/optimizer.h"

#include "sde/block.h"
#include "sde/vector_math.h"

#include <math.h>
#include <string.h>

const struct parameter_key optimizer_keys[] = {
    {.name = "micro_batch",
     .type = PARAMETER_COUNT,
     .list = true,
     .low = 1,
     .high = 2147483648.0,
     .help = "m, the samples that share one perturbation; it divides batch"},
    {.name = "lambda",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e9,
     .help = "rw-sam: weights are exp(lambda s_i), s_i the gradient norm of sample i; 0 is sam "
             "(default 1)"},
    {.name = "norms",
     .type = PARAMETER_CHOICE,
     .choices = "finite-difference exact",
     .help = "rw-sam: how s_i is had, by one extra forward pass (default) or exactly"},
    {.name = "delta",
     .type = PARAMETER_REAL,
     .low = 0,
     .low_open = true,
     .high = 1,
     .help = "rw-sam: step of the finite difference (default 1e-4)"},
    {.name = NULL}};

#define OPTIMIZER(id, label, what_perturbs, unit, micro, about, u, r, where)                       \
  static const struct optimizer_type id = {.name = label,                                          \
                                           .summary = about,                                       \
                                           .perturbation = what_perturbs,                          \
                                           .normalized = unit,                                     \
                                           .micro_batch = micro,                                   \
                                           .update = u,                                            \
                                           .regularizer = r,                                       \
                                           .theorem = where};
#include "models/optimizers.def"
#undef OPTIMIZER

const struct optimizer_type *const *optimizer_types(void)
{
  static const struct optimizer_type *const all[] = {
#define OPTIMIZER(id, ...) &id,
#include "models/optimizers.def"
#undef OPTIMIZER
      NULL};
  return all;
}

const struct optimizer_type *optimizer_type_named(const char *name)
{
  for (const struct optimizer_type *const *type = optimizer_types(); *type != NULL; type++)
    if (strcmp((*type)->name, name) == 0)
      return *type;
  return NULL;
}

struct optimizer_workspace {
  struct micro_batches batches;
  double *perturbation, *point, *gradient, *scratch; /* dim * width each */
  double *score, *shifted;                           /* rw-sam: batch * width; width */
};

struct optimizer_workspace *optimizer_workspace_new(const struct optimizer *optimizer, size_t width)
{
  struct optimizer_workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t size = optimizer->objective->loss->dim * width;
  workspace->batches = micro_batches_new(optimizer->objective, optimizer->micro_batch,
                                         optimizer->batch / optimizer->micro_batch, width);
  workspace->perturbation = sde_alloc(size, sizeof(double));
  workspace->point = sde_alloc(size, sizeof(double));
  workspace->gradient = sde_alloc(size, sizeof(double));
  workspace->scratch = sde_alloc(size, sizeof(double));
  if (optimizer->type->perturbation == PERTURB_REWEIGHTED_GRADIENT) {
    workspace->score = sde_alloc(optimizer->batch, width * sizeof(double));
    workspace->shifted = sde_alloc(width, sizeof(double));
  }
  return workspace;
}

void optimizer_workspace_free(struct optimizer_workspace *workspace)
{
  micro_batches_free(&workspace->batches);
  sde_free(workspace->perturbation);
  sde_free(workspace->point);
  sde_free(workspace->gradient);
  sde_free(workspace->scratch);
  sde_free(workspace->score);
  sde_free(workspace->shifted);
  sde_free(workspace);
}

SDE_VECTOR
static void sum_squares(size_t dim, size_t width, const double *restrict v, double *restrict sum)
{
  for (size_t p = 0; p < width; p++)
    sum[p] = 0;
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++)
      sum[p] += v[i * width + p] * v[i * width + p];
}

SDE_VECTOR
void optimizer_normalize(size_t dim, size_t width, double *v)
{
  double square[SDE_UNIT];
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    for (size_t p = 0; p < SDE_UNIT; p++)
      square[p] = 0;
    for (size_t i = 0; i < dim; i++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        square[p] += v[i * width + start + p] * v[i * width + start + p];
    for (size_t p = 0; p < SDE_UNIT; p++)
      square[p] = square[p] > 0 ? 1 / sqrt(square[p]) : 0;
    for (size_t i = 0; i < dim; i++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        v[i * width + start + p] *= square[p];
  }
}

/* score[i*width + p] = s_i of sample i of the batch: |g_i|, or its estimate along z. */
static void score_samples(const struct optimizer *optimizer, struct optimizer_workspace *workspace,
                          const struct sde_address *at, size_t width, const double *x)
{
  const struct loss *loss = optimizer->objective->loss;
  size_t size = loss->dim * width;
  if (!optimizer->exact_norms) {
    /* z has entries +-1; its stream is the batch's with another name. */
    struct sde_address own = *at;
    own.stream.stream = ~own.stream.stream;
    sde_random_uniforms(&own, width, loss->dim, workspace->point);
    for (size_t i = 0; i < size; i++)
      workspace->point[i] = x[i] + (workspace->point[i] < 0.5 ? -1 : 1) * optimizer->delta;
  }
  for (size_t i = 0; i < optimizer->batch; i++) {
    struct loss_samples samples = {workspace->batches.index + i * width, 1};
    double *score = workspace->score + i * width;
    if (optimizer->exact_norms) {
      loss->type->gradient(loss, width, samples, x, workspace->gradient);
      sum_squares(loss->dim, width, workspace->gradient, score);
      for (size_t p = 0; p < width; p++)
        score[p] = sqrt(score[p]);
    } else {
      loss->type->value(loss, width, samples, x, score);
      loss->type->value(loss, width, samples, workspace->point, workspace->shifted);
      for (size_t p = 0; p < width; p++)
        score[p] = fabs(workspace->shifted[p] - score[p]) / optimizer->delta;
    }
  }
}

/* Shifted by the largest score. */
void optimizer_softmax(size_t batch, size_t width, double lambda, double *score)
{
  const struct sde_vector_math *math = sde_vector_math();
  double largest[SDE_UNIT], sum[SDE_UNIT];
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    for (size_t p = 0; p < SDE_UNIT; p++) {
      largest[p] = score[start + p];
      sum[p] = 0;
    }
    for (size_t i = 1; i < batch; i++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        largest[p] = fmax(largest[p], score[i * width + start + p]);
    for (size_t i = 0; i < batch; i++) {
      double *row = score + i * width + start;
      for (size_t p = 0; p < SDE_UNIT; p++)
        row[p] = lambda * (row[p] - largest[p]);
      math->exp(SDE_UNIT, row, row);
      for (size_t p = 0; p < SDE_UNIT; p++)
        sum[p] += row[p];
    }
    for (size_t i = 0; i < batch; i++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        score[i * width + start + p] /= sum[p];
  }
}

/* out = sum_i p_i g_i(x). With lambda = 0 the weights are equal, and the sum is formed as that of
 * sam is, so that the two have the same bits. */
static void reweighted_gradient(const struct optimizer *optimizer,
                                struct optimizer_workspace *workspace, const struct sde_address *at,
                                size_t width, const double *x, double *out)
{
  const struct loss *loss = optimizer->objective->loss;
  if (optimizer->lambda == 0) {
    objective_micro_gradient(optimizer->objective, width, &workspace->batches, 0, x, out,
                             workspace->scratch);
    return;
  }
  score_samples(optimizer, workspace, at, width, x);
  optimizer_softmax(optimizer->batch, width, optimizer->lambda, workspace->score);
  sde_block_fill(loss->dim * width, 0, out);
  for (size_t i = 0; i < optimizer->batch; i++) {
    struct loss_samples samples = {workspace->batches.index + i * width, 1};
    loss->type->gradient(loss, width, samples, x, workspace->gradient);
    for (size_t j = 0; j < loss->dim; j++)
      for (size_t p = 0; p < width; p++)
        out[j * width + p] += workspace->score[i * width + p] * workspace->gradient[j * width + p];
  }
}

/* The point x + rho p at which micro-batch j is evaluated. */
static const double *perturbed_point(const struct optimizer *optimizer,
                                     struct optimizer_workspace *workspace,
                                     const struct sde_address *at, size_t width, size_t j,
                                     const double *x)
{
  const struct objective *objective = optimizer->objective;
  enum perturbation by = optimizer->type->perturbation;
  if (by == PERTURB_NOTHING || optimizer->rho == 0)
    return x;
  if (by == PERTURB_FULL_GRADIENT)
    loss_mean_gradient(objective->loss, width, x, workspace->perturbation, workspace->scratch);
  else if (by == PERTURB_REWEIGHTED_GRADIENT)
    reweighted_gradient(optimizer, workspace, at, width, x, workspace->perturbation);
  else
    objective_micro_gradient(objective, width, &workspace->batches, j, x, workspace->perturbation,
                             workspace->scratch);
  if (optimizer->type->normalized)
    optimizer_normalize(objective->loss->dim, width, workspace->perturbation);
  sde_block_shift(objective->loss->dim * width, x, optimizer->rho, workspace->perturbation,
                  workspace->point);
  return workspace->point;
}

/* u with the batch that stands in the workspace. */
static void direction_of_batch(const struct optimizer *optimizer,
                               struct optimizer_workspace *workspace, const struct sde_address *at,
                               size_t width, const double *x, double *u)
{
  const struct objective *objective = optimizer->objective;
  size_t size = objective->loss->dim * width;
  memset(u, 0, size * sizeof *u);
  for (size_t j = 0; j < workspace->batches.count; j++) {
    const double *point = perturbed_point(optimizer, workspace, at, width, j, x);
    objective_micro_gradient(objective, width, &workspace->batches, j, point, workspace->gradient,
                             workspace->scratch);
    sde_block_add(size, 1 / (double)workspace->batches.count, workspace->gradient, u);
  }
}

void optimizer_direction(const struct optimizer *optimizer, struct optimizer_workspace *workspace,
                         const struct sde_address *at, size_t width, const double *x, double *u)
{
  objective_draw(optimizer->objective, at, width, &workspace->batches);
  direction_of_batch(optimizer, workspace, at, width, x, u);
}

/* The iterates as a process. */
struct iterates {
  const struct optimizer *optimizer;
  struct sde_stream stream;
  bool coupled;
  struct optimizer_coupling coupling;
};

struct iterates_workspace {
  struct optimizer_workspace *optimizer;
  double *u, *dw, *fine, *mean; /* the last three for coupled iterates: K * width each */
};

static void *workspace_new(const struct sde_process *process, size_t width)
{
  const struct iterates *iterates = process->context;
  struct iterates_workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->optimizer = optimizer_workspace_new(iterates->optimizer, width);
  workspace->u = sde_alloc(process->dim * width, sizeof(double));
  size_t noise_size = iterates->coupled ? iterates->optimizer->objective->components * width : 0;
  workspace->dw = sde_alloc(noise_size, sizeof(double));
  workspace->fine = sde_alloc(noise_size, sizeof(double));
  workspace->mean = sde_alloc(noise_size, sizeof(double));
  return workspace;
}

static void workspace_free(const struct sde_process *process, void *memory)
{
  (void)process;
  struct iterates_workspace *workspace = memory;
  optimizer_workspace_free(workspace->optimizer);
  sde_free(workspace->u);
  sde_free(workspace->dw);
  sde_free(workspace->fine);
  sde_free(workspace->mean);
  sde_free(workspace);
}

/* Replace the batch's normal draws by those of the SDE's Brownian path. */
static void couple(const struct iterates *iterates, struct iterates_workspace *workspace,
                   const struct sde_address *at, size_t width)
{
  const struct optimizer *optimizer = iterates->optimizer;
  const struct optimizer_coupling *coupling = &iterates->coupling;
  struct micro_batches *batches = &workspace->optimizer->batches;
  size_t size = optimizer->objective->components * width;
  double count = (double)batches->count;
  sde_block_fill(size, 0, workspace->mean);
  for (size_t j = 0; j < batches->count; j++)
    sde_block_add(size, 1 / count, batches->weight + j * size, workspace->mean);
  sde_wiener_increment(&coupling->wiener, at->first_path, width, at->step * coupling->resolution,
                       coupling->resolution, workspace->dw, workspace->fine);
  sde_block_scale(size, -1 / sqrt(optimizer->eta * (double)optimizer->batch), workspace->dw);
  for (size_t j = 0; j < batches->count; j++) {
    sde_block_add(size, -1, workspace->mean, batches->weight + j * size);
    sde_block_add(size, 1, workspace->dw, batches->weight + j * size);
  }
}

static void advance(const struct sde_process *process, void *memory, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  const struct iterates *iterates = process->context;
  struct iterates_workspace *workspace = memory;
  struct sde_address at = {iterates->stream, first_path, step};
  objective_draw(iterates->optimizer->objective, &at, width, &workspace->optimizer->batches);
  if (iterates->coupled)
    couple(iterates, workspace, &at, width);
  direction_of_batch(iterates->optimizer, workspace->optimizer, &at, width, x, workspace->u);
  sde_block_add(process->dim * width, -iterates->optimizer->eta, workspace->u, x);
}

static uint64_t fingerprint_of(const struct iterates *iterates)
{
  const struct optimizer *optimizer = iterates->optimizer;
  const double real[] = {optimizer->eta, optimizer->rho, optimizer->lambda, optimizer->delta};
  const uint64_t all[] = {sde_hash(optimizer->type->name, strlen(optimizer->type->name)),
                          sde_hash(real, sizeof real),
                          optimizer->batch,
                          optimizer->micro_batch,
                          optimizer->exact_norms,
                          iterates->stream.seed,
                          iterates->stream.stream,
                          iterates->coupled,
                          iterates->coupling.wiener.stream.seed,
                          iterates->coupling.wiener.stream.stream,
                          iterates->coupling.wiener.negated,
                          iterates->coupling.resolution};
  return sde_hash(all, sizeof all);
}

struct sde_process *optimizer_process_new(const struct optimizer *optimizer,
                                          struct sde_stream stream)
{
  return optimizer_coupled_process_new(optimizer, stream, NULL);
}

struct sde_process *optimizer_coupled_process_new(const struct optimizer *optimizer,
                                                  struct sde_stream stream,
                                                  const struct optimizer_coupling *coupling)
{
  struct iterates *iterates = sde_alloc(1, sizeof *iterates);
  *iterates = (struct iterates){.optimizer = optimizer, .stream = stream};
  if (coupling != NULL) {
    iterates->coupled = true;
    iterates->coupling = *coupling;
  }
  struct sde_process *process = sde_alloc(1, sizeof *process);
  *process = (struct sde_process){.dim = optimizer->objective->loss->dim,
                                  .context = iterates,
                                  .workspace_new = workspace_new,
                                  .workspace_free = workspace_free,
                                  .advance = advance,
                                  .fingerprint = fingerprint_of(iterates)};
  return process;
}

void optimizer_process_free(struct sde_process *process)
{
  if (process == NULL)
    return;
  sde_free((void *)process->context);
  sde_free(process);
}
