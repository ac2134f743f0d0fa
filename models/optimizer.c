/*
 * Optimizers: the settings of their rules, and the iterates as a process. See optimizer.h.
 */
#include "models/optimizer_gradient.h"

#include "sde/block.h"

#include <math.h>
#include <string.h>

/* Starts of the vectors beside x, under their names. */
static bool read_starts(struct optimizer *optimizer, const struct parameters *update,
                        struct sde_status *status)
{
  size_t dim = optimizer->objective->loss->dim;
  memset(optimizer->extra_start, 0, sizeof optimizer->extra_start);
  for (size_t v = 1; update != NULL && v < update_rule_vectors(optimizer->update); v++) {
    const char *name = optimizer->update->extra[v - 1].name;
    struct optimizer_vector_start *start = &optimizer->extra_start[v];
    if (!parameters_has(update, name))
      continue;
    start->value = parameters_reals(update, name, &start->count);
    if (start->count != 1 && start->count != dim)
      return sde_fail(status, SDE_INVALID,
                      "%s: %s starts at %zu numbers; give one, or one for each of %zu coordinates",
                      parameters_place(update, name), name, start->count, dim);
  }
  return true;
}

bool optimizer_read(struct optimizer *optimizer, const struct parameters *rule,
                    const struct parameters *update, struct sde_status *status)
{
  memset(optimizer->rule_setting, 0, sizeof optimizer->rule_setting);
  memset(optimizer->update_setting, 0, sizeof optimizer->update_setting);
  if (optimizer->program != NULL)
    return true;
  return read_starts(optimizer, update, status) &&
         (optimizer->rule->read == NULL || optimizer->rule->read(rule, optimizer, status)) &&
         (optimizer->update->read == NULL || optimizer->update->read(update, optimizer, status));
}

static bool same_start(struct optimizer_vector_start a, struct optimizer_vector_start b)
{
  return a.count == b.count &&
         (a.count == 0 || memcmp(a.value, b.value, a.count * sizeof *a.value) == 0);
}

bool optimizer_same_rules(const struct optimizer *a, const struct optimizer *b)
{
  bool programs = a->program != NULL && b->program != NULL;
  bool same = a->micro_batch == b->micro_batch &&
              (programs ? strcmp(a->rule->name, b->rule->name) == 0 &&
                              program_hash(a->program) == program_hash(b->program)
                        : a->rule == b->rule && a->update == b->update);
  for (size_t i = 0; i < OPTIMIZER_SETTINGS; i++)
    same = same && a->rule_setting[i] == b->rule_setting[i] &&
           a->update_setting[i] == b->update_setting[i];
  for (size_t v = 1; v < UPDATE_VECTORS_MAX; v++)
    same = same && same_start(a->extra_start[v], b->extra_start[v]);
  return same;
}

bool optimizer_steps_along_gradient(const struct optimizer *optimizer)
{
  struct update_affine affine = {0};
  if (optimizer->update->affine == NULL || update_rule_vectors(optimizer->update) > 1)
    return false;
  optimizer->update->affine(optimizer, &affine);
  return affine.state[0][0] == 0 && affine.gradient[0] == 1;
}

bool optimizer_has_smooth_limit(const struct optimizer *optimizer)
{
  return !optimizer->update->jumps || optimizer->objective->sampling == OBJECTIVE_GAUSSIAN;
}

bool optimizer_is_random(const struct optimizer *optimizer)
{
  const struct objective *objective = optimizer->objective;
  enum gradient_dependence depends = optimizer->rule->theory.depends;
  bool cut = depends == GRADIENT_OF_MICRO_BATCH && optimizer->micro_batch < optimizer->batch;
  return objective->sampling != OBJECTIVE_WITHOUT_REPLACEMENT ||
         optimizer->batch != objective->components || cut || depends == GRADIENT_OF_BATCH;
}

void optimizer_update_settings(const struct optimizer *optimizer, char text[UPDATE_SETTINGS_SIZE])
{
  text[0] = '\0';
  if (optimizer->update->describe != NULL)
    optimizer->update->describe(optimizer, text);
}

char *optimizer_update_label(const struct optimizer *optimizer)
{
  char settings[UPDATE_SETTINGS_SIZE];
  if (optimizer->program != NULL || optimizer_steps_along_gradient(optimizer))
    return NULL;
  optimizer_update_settings(optimizer, settings);
  return sde_format("%s%s%s", optimizer->update->name, settings[0] == '\0' ? "" : " ", settings);
}

struct optimizer_factors optimizer_factors_at(const struct optimizer *optimizer, double time)
{
  struct optimizer_factors factors;
  factors.eta = schedule_factor(optimizer->eta_schedule, time, &factors.eta_slope);
  factors.rho = schedule_factor(optimizer->rho_schedule, time, &factors.rho_slope);
  return factors;
}

bool optimizer_is_scheduled(const struct optimizer *optimizer)
{
  return optimizer->eta_schedule != NULL || optimizer->rho_schedule != NULL;
}

bool optimizer_varies(const struct optimizer *optimizer)
{
  const struct update_rule *update = optimizer->update;
  return optimizer_is_scheduled(optimizer) || (update->varies != NULL && update->varies(optimizer));
}

size_t optimizer_dim(const struct optimizer *optimizer)
{
  return optimizer->objective->loss->dim * update_rule_vectors(optimizer->update);
}

void optimizer_start(const struct optimizer *optimizer, const double *x, double *y)
{
  size_t dim = optimizer->objective->loss->dim, vectors = update_rule_vectors(optimizer->update);
  memcpy(y, x, dim * sizeof *y);
  for (size_t v = 1; v < vectors; v++) {
    const struct optimizer_vector_start *given = &optimizer->extra_start[v];
    for (size_t i = 0; i < dim; i++)
      y[v * dim + i] = given->value == NULL ? optimizer->update->extra[v - 1].start
                                            : given->value[given->count == 1 ? 0 : i];
  }
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
  double *w, *u;            /* dim of x and of the state, times width */
  double *other;            /* w of the second batch of SVAG */
  double *dw, *fine, *mean; /* for coupled iterates: K * width each */
};

static void *workspace_new(const struct sde_process *process, size_t width)
{
  const struct iterates *iterates = process->context;
  struct iterates_workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->optimizer = optimizer_workspace_new(iterates->optimizer, width);
  workspace->w = sde_alloc(iterates->optimizer->objective->loss->dim, width * sizeof(double));
  workspace->u = sde_alloc(process->dim, width * sizeof(double));
  workspace->other = sde_alloc(
      iterates->optimizer->objective->svag > 1 ? iterates->optimizer->objective->loss->dim : 0,
      width * sizeof(double));
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
  sde_free(workspace->w);
  sde_free(workspace->u);
  sde_free(workspace->other);
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

/* A step of a program, with the step of x times the factor of a schedule, as for update rules. */
static void step_program(const struct optimizer *optimizer, struct iterates_workspace *workspace,
                         const struct sde_address *at, double factor, size_t width, double *y)
{
  size_t size = optimizer->objective->loss->dim * width;
  if (factor != 1)
    memcpy(workspace->w, y, size * sizeof *y);
  optimizer_run_program(optimizer, workspace->optimizer, at, (double)at->step, width, y, y);
  if (factor == 1)
    return;
  sde_block_scale(size, factor, y);
  sde_block_add(size, 1 - factor, workspace->w, y);
}

/* The stream of a step's second batch. */
static const uint64_t SECOND_BATCH = UINT64_C(0xd1b54a32d192ed03);

/* SVAG (Li, Malladi, Arora, NeurIPS 2021): l steps of eta/l with two independent batches each, w =
 * (1
 * + r)/2 w_1 + (1 - r)/2 w_2, r = sqrt(2 l - 1), of the mean of one batch and l times its
 * variance. theory.md section 12. */
static void advance_svag(const struct iterates *iterates, struct iterates_workspace *workspace,
                         uint64_t first_path, size_t width, uint64_t step, double *y)
{
  const struct optimizer *optimizer = iterates->optimizer;
  size_t size = optimizer->objective->loss->dim * width, l = optimizer->objective->svag;
  double root = sqrt(2 * (double)l - 1);
  struct optimizer now = *optimizer;
  now.eta = optimizer->eta / (double)l;
  for (size_t j = 0; j < l; j++) {
    struct sde_address first = {iterates->stream, first_path, step * l + j}, second = first;
    second.stream.stream ^= SECOND_BATCH;
    double time = ((double)step + (double)j / (double)l) * optimizer->eta;
    struct optimizer_factors factors = optimizer_factors_at(optimizer, time);
    now.rho = optimizer->rho * factors.rho;
    optimizer_gradient(&now, workspace->optimizer, &first, width, y, workspace->w);
    optimizer_gradient(&now, workspace->optimizer, &second, width, y, workspace->other);
    sde_block_scale(size, (1 + root) / 2, workspace->w);
    sde_block_add(size, (1 - root) / 2, workspace->other, workspace->w);
    update_rule_step(&now, time, factors.eta, width, workspace->w, y, workspace->u);
    if (optimizer->objective->domain != NULL)
      domain_apply(optimizer->objective->domain, width, y);
  }
}

static void advance(const struct sde_process *process, void *memory, uint64_t first_path,
                    size_t width, uint64_t step, double *y)
{
  const struct iterates *iterates = process->context;
  struct iterates_workspace *workspace = memory;
  const struct optimizer *optimizer = iterates->optimizer;
  struct sde_address at = {iterates->stream, first_path, step};
  if (optimizer->objective->svag > 1) {
    advance_svag(iterates, workspace, first_path, width, step, y);
    return;
  }
  objective_draw(optimizer->objective, &at, width, &workspace->optimizer->batches);
  if (iterates->coupled)
    couple(iterates, workspace, &at, width);
  double time = (double)step * optimizer->eta;
  struct optimizer_factors factors = optimizer_factors_at(optimizer, time);
  struct optimizer now = *optimizer;
  now.rho *= factors.rho;
  if (optimizer->program != NULL) {
    step_program(&now, workspace, &at, factors.eta, width, y);
  } else {
    optimizer_batch_gradient(&now, workspace->optimizer, &at, GRADIENT_EXACT, width, y,
                             workspace->w);
    update_rule_step(optimizer, time, factors.eta, width, workspace->w, y, workspace->u);
  }
  if (optimizer->objective->domain != NULL)
    domain_apply(optimizer->objective->domain, width, y);
}

static uint64_t fingerprint_of(const struct iterates *iterates)
{
  const struct optimizer *optimizer = iterates->optimizer;
  double end = 1000 * optimizer->eta, real[] = {optimizer->eta, optimizer->rho, 0, 0, 0, 0};
  for (size_t k = 0; k < 2; k++) {
    struct optimizer_factors factors = optimizer_factors_at(optimizer, k == 0 ? end / 10 : end);
    real[2 + 2 * k] = factors.eta;
    real[3 + 2 * k] = factors.rho;
  }
  const uint64_t all[] = {optimizer->program == NULL ? 0 : program_hash(optimizer->program),
                          sde_hash(optimizer->rule->name, strlen(optimizer->rule->name)),
                          sde_hash(optimizer->update->name, strlen(optimizer->update->name)),
                          sde_hash(real, sizeof real),
                          sde_hash(optimizer->rule_setting, sizeof optimizer->rule_setting),
                          sde_hash(optimizer->update_setting, sizeof optimizer->update_setting),
                          optimizer->batch,
                          optimizer->micro_batch,
                          optimizer->objective->svag,
                          optimizer->objective->reshuffled,
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
  *process = (struct sde_process){.dim = optimizer_dim(optimizer),
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
