/*
 * The drift probe: its expected direction, the control variate, and the draws as a process whose
 * one step replaces the point by the difference of two directions. See drift_probe.h.
 */
#include "analysis/drift_probe.h"

#include "models/limit.h"
#include "sde/block.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double dot(size_t count, const double *a, const double *b)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += a[i] * b[i];
  return sum;
}

/* The mean gradient at x. */
static void mean_gradient(const struct loss *loss, const double *x, double *g)
{
  size_t d = loss->dim;
  double *block = sde_alloc(3 * d * SDE_UNIT, sizeof *block);
  double *out = block + d * SDE_UNIT, *scratch = out + d * SDE_UNIT;
  for (size_t i = 0; i < d; i++)
    sde_block_fill(SDE_UNIT, x[i], block + i * SDE_UNIT);
  loss_mean_gradient(loss, SDE_UNIT, block, out, scratch);
  for (size_t i = 0; i < d; i++)
    g[i] = out[i * SDE_UNIT];
  sde_free(block);
}

/* slope = grad tr V at x. */
static void noise_trace_gradient(const struct objective *objective, const double *x, double *slope)
{
  size_t d = objective->loss->dim, size = d * SDE_UNIT;
  double *block = sde_alloc(5 * size, sizeof *block), *out = block + size;
  for (size_t k = 0; k < d; k++)
    sde_block_fill(SDE_UNIT, x[k], block + k * SDE_UNIT);
  objective_noise_trace_gradient(objective, SDE_UNIT, block, out, out + size);
  for (size_t k = 0; k < d; k++)
    slope[k] = out[k * SDE_UNIT];
  sde_free(block);
}

/* grad E|g_I| is the mean over units of paths, one where the limit draws no random numbers. */
enum { SLOPE_UNITS = 256 };

/* mean[u*dim + i] of each unit u, by the drift of first order at rho = 1, which is -(g + slope)
 * whatever rho is. Returns the number of units. */
static size_t norm_gradient_units(const struct drift_probe *probe, const struct limit *limit,
                                  double *mean)
{
  const struct sde_system *system = limit_system(limit);
  size_t d = probe->dim, size = d * SDE_UNIT, unit = 0;
  void *workspace = sde_system_workspace_new(system, SDE_UNIT);
  double *x = sde_alloc(2 * size, sizeof *x), *drift = x + size;
  bool varies = true;
  for (size_t i = 0; i < d; i++)
    sde_block_fill(SDE_UNIT, probe->start[i], x + i * SDE_UNIT);
  for (; unit < SLOPE_UNITS && varies; unit++) {
    struct sde_instant at = {.first_path = unit * SDE_UNIT};
    system->evaluate(system, workspace, &at, SDE_UNIT, x, NULL, drift, NULL);
    varies = false;
    for (size_t i = 0; i < d; i++) {
      double *row = drift + i * SDE_UNIT, sum = 0;
      for (size_t p = 0; p < SDE_UNIT; p++) {
        sum += row[p] - row[0];
        varies |= row[p] != row[0];
      }
      mean[unit * d + i] = -(row[0] + sum / SDE_UNIT) - probe->gradient[i];
    }
  }
  sde_system_workspace_free(system, workspace);
  sde_free(x);
  return unit;
}

/* The slope grad E|g_I|, with the relative standard error of its length where it is sampled: that
 * is what it adds to the coefficient. */
static bool norm_gradient(struct drift_probe *probe, uint64_t seed, const char *place,
                          struct sde_status *status)
{
  static const struct limit_options options = {
      .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1, .variance_term = true};
  size_t d = probe->dim;
  struct optimizer unit_radius = *probe->optimizer;
  unit_radius.rho = 1;
  unit_radius.update =
      update_rule_named("sgd"); /* the slope is that of w, whatever steps along it */
  struct limit *limit =
      limit_new(&unit_radius, &options, sde_stream_named(seed, "probe slope"), place, status);
  if (limit == NULL)
    return false;
  double *mean = sde_alloc(SLOPE_UNITS * d, sizeof *mean);
  size_t units = norm_gradient_units(probe, limit, mean);
  for (size_t k = 0; k < units * d; k++)
    probe->slope[k % d] += mean[k] / (double)units;
  struct sde_moments along = {0};
  for (size_t u = 0; u < units; u++) {
    double part = dot(d, mean + u * d, probe->slope) / dot(d, probe->slope, probe->slope);
    along = sde_moments_merged(along, (struct sde_moments){.n = 1, .mean = part});
  }
  probe->predicted_se = units > 1 ? probe->predicted * sde_moments_standard_error(along) : 0;
  sde_free(mean);
  limit_free(limit);
  return true;
}

/* Control variates with mean zero leave the mean as it is and take variance away. The batch's own
 * g_gamma - g takes all of order 1; where the micro-batch perturbs, its first-order effect
 * rho H (g_gamma - g) / (typical length of g_I, where normalised) goes as well. So the direction
 * counts as u - (g_gamma - g) - C (g_gamma - g) with C the control. */
static void set_control(struct drift_probe *probe, const double *hessian)
{
  const struct optimizer *optimizer = probe->optimizer;
  const struct objective *objective = optimizer->objective;
  size_t d = probe->dim;
  double factor = optimizer->rho;
  if (!gradient_rule_sees_noise(optimizer->rule))
    factor = 0;
  else if (optimizer->rule->theory.normalized) {
    double *x = sde_alloc((3 * d + 1) * SDE_UNIT, sizeof *x), *trace = x + d * SDE_UNIT;
    for (size_t i = 0; i < d; i++)
      sde_block_fill(SDE_UNIT, probe->start[i], x + i * SDE_UNIT);
    objective_noise_trace(objective, SDE_UNIT, x, trace, trace + SDE_UNIT);
    double c = objective_batch_factor(objective, optimizer->micro_batch);
    double square = dot(d, probe->gradient, probe->gradient) + c * trace[0];
    factor = square > 0 ? factor / sqrt(square) : 0;
    sde_free(x);
  }
  for (size_t k = 0; k < d * d; k++)
    probe->control[k] = factor * hessian[k];
}

static bool has_norm(const struct gradient_rule *rule)
{
  return (rule->theory.regularizer & REGULARIZER_NORMS) != 0;
}

const char *drift_probe_slope(const struct gradient_rule *rule)
{
  bool others = (rule->theory.regularizer & ~(unsigned)REGULARIZER_NORMS) != 0;
  return has_norm(rule) ? (others ? "grad R" : "grad E|g_I|") : "grad tr V";
}

/* The rules whose R is known and not 0, for a sentence; released with sde_free. */
static char *names_accepted(void)
{
  char *names = sde_strdup("");
  for (const struct gradient_rule *const *rule = gradient_rules(); *rule != NULL; rule++)
    if ((*rule)->theory.regularizer != 0) {
      char *more = sde_format("%s%s%s", names, names[0] == '\0' ? "" : ", ", (*rule)->name);
      sde_free(names);
      names = more;
    }
  return names;
}

static bool accepts(const struct optimizer *optimizer, const char *place, struct sde_status *status)
{
  if (optimizer->rule->theory.regularizer == 0) {
    char *names = names_accepted();
    sde_fail(status, SDE_INVALID,
             "%s: %s has no regulariser in closed form; the study regularizer takes %s", place,
             optimizer->rule->name, names);
    sde_free(names);
    return false;
  }
  if (!(optimizer->rho > 0))
    return sde_fail(status, SDE_INVALID,
                    "%s: with rho 0 nothing is perturbed; the study regularizer needs rho above 0",
                    place);
  if (!objective_has_variance(optimizer->objective))
    return sde_fail(status, SDE_INVALID,
                    "%s: assumptions fail: infinite variance: without tr V there is no "
                    "regularisation to measure; degrees_of_freedom must be above 2",
                    place);
  return true;
}

/* The slope and its coefficient. */
static bool set_slope(struct drift_probe *probe, uint64_t seed, const char *place,
                      struct sde_status *status)
{
  const struct optimizer *optimizer = probe->optimizer;
  const struct objective *objective = optimizer->objective;
  unsigned terms = optimizer->rule->theory.regularizer;
  bool good = true;
  if (has_norm(optimizer->rule)) {
    probe->predicted = optimizer->rho;
    good = norm_gradient(probe, seed, place, status);
  } else {
    bool varies = (terms & REGULARIZER_HALF_NOISE_TRACE) != 0;
    double c = varies ? objective_batch_factor(objective, optimizer->micro_batch) : 0;
    probe->predicted = optimizer->rho * c / 2;
    noise_trace_gradient(objective, probe->start, probe->slope);
  }
  double length = sqrt(dot(probe->dim, probe->slope, probe->slope));
  if (good && !(length > 0))
    good = sde_fail(status, SDE_INVALID,
                    "%s: %s vanishes at start, so %s has no regularisation to measure there; "
                    "another start, or noise by index sampling of unlike samples, is needed",
                    place, drift_probe_slope(optimizer->rule), optimizer->rule->name);
  probe->rounding = 1e-12 * sqrt(dot(probe->dim, probe->gradient, probe->gradient)) / length;
  return good;
}

/* The base, and the control variate: what takes a Hessian. */
static void set_base(struct drift_probe *probe)
{
  const struct optimizer *optimizer = probe->optimizer;
  size_t d = probe->dim;
  double *hessian = sde_alloc(d, d * sizeof *hessian);
  loss_mean_hessian(optimizer->objective->loss, probe->start, hessian);
  probe->control = sde_alloc(d, d * sizeof *probe->control);
  set_control(probe, hessian);
  memcpy(probe->base, probe->gradient, d * sizeof *probe->base);
  bool squared = (optimizer->rule->theory.regularizer & REGULARIZER_HALF_SQUARED_GRADIENT) != 0;
  for (size_t i = 0; i < d && squared && !has_norm(optimizer->rule); i++)
    probe->base[i] += optimizer->rho * dot(d, hessian + i * d, probe->gradient);
  sde_free(hessian);
}

/* All that may be refused: a probe without base and control. */
static struct drift_probe *begin(const struct optimizer *optimizer, const double *x, uint64_t seed,
                                 const char *place, struct sde_status *status)
{
  if (!accepts(optimizer, place, status))
    return NULL;
  struct drift_probe *probe = sde_alloc(1, sizeof *probe);
  size_t d = optimizer->objective->loss->dim;
  probe->optimizer = optimizer;
  probe->plain = *optimizer;
  probe->plain.rule = gradient_rule_named("sgd");
  probe->dim = d;
  probe->start = sde_alloc(d, sizeof *probe->start);
  probe->gradient = sde_alloc(d, sizeof *probe->gradient);
  probe->base = sde_alloc(d, sizeof *probe->base);
  probe->slope = sde_alloc(d, sizeof *probe->slope);
  memcpy(probe->start, x, d * sizeof *x);
  mean_gradient(optimizer->objective->loss, probe->start, probe->gradient);
  if (set_slope(probe, seed, place, status))
    return probe;
  drift_probe_free(probe);
  return NULL;
}

bool drift_probe_check(const struct optimizer *optimizer, const double *x, uint64_t seed,
                       const char *place, struct sde_status *status)
{
  struct drift_probe *probe = begin(optimizer, x, seed, place, status);
  bool good = probe != NULL;
  drift_probe_free(probe);
  return good;
}

struct drift_probe *drift_probe_new(const struct optimizer *optimizer, const double *x,
                                    uint64_t seed, const char *place, struct sde_status *status)
{
  struct drift_probe *probe = begin(optimizer, x, seed, place, status);
  if (probe != NULL)
    set_base(probe);
  return probe;
}

void drift_probe_free(struct drift_probe *probe)
{
  if (probe == NULL)
    return;
  sde_free(probe->start);
  sde_free(probe->gradient);
  sde_free(probe->base);
  sde_free(probe->slope);
  sde_free(probe->control);
  sde_free(probe);
}

/* The draws as a process: its one step replaces x by the direction less its controls. */
struct draws {
  const struct drift_probe *probe;
  struct sde_stream stream;
};

struct draws_workspace {
  struct optimizer_workspace *optimizer, *plain;
  double *u, *noise; /* dim * width each */
};

static void *draws_workspace_new(const struct sde_process *process, size_t width)
{
  const struct draws *draws = process->context;
  struct draws_workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->optimizer = optimizer_workspace_new(draws->probe->optimizer, width);
  workspace->plain = optimizer_workspace_new(&draws->probe->plain, width);
  workspace->u = sde_alloc(process->dim * width, sizeof(double));
  workspace->noise = sde_alloc(process->dim * width, sizeof(double));
  return workspace;
}

static void draws_workspace_free(const struct sde_process *process, void *memory)
{
  (void)process;
  struct draws_workspace *workspace = memory;
  optimizer_workspace_free(workspace->optimizer);
  optimizer_workspace_free(workspace->plain);
  sde_free(workspace->u);
  sde_free(workspace->noise);
  sde_free(workspace);
}

static void draw(const struct sde_process *process, void *memory, uint64_t first_path, size_t width,
                 uint64_t step, double *x)
{
  const struct draws *draws = process->context;
  const struct drift_probe *probe = draws->probe;
  struct draws_workspace *w = memory;
  struct sde_address at = {draws->stream, first_path, step};
  size_t d = probe->dim;
  optimizer_gradient(probe->optimizer, w->optimizer, &at, width, x, w->u);
  optimizer_gradient(&probe->plain, w->plain, &at, width, x, w->noise);
  for (size_t k = 0; k < d * width; k++)
    w->noise[k] -= probe->gradient[k / width];
  memcpy(x, w->u, d * width * sizeof *x);
  sde_block_add(d * width, -1, w->noise, x);
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < d; k++)
      if (probe->control[i * d + k] != 0)
        sde_block_add(width, -probe->control[i * d + k], w->noise + k * width, x + i * width);
}

/* Observable 0 is the coefficient of one draw, observable 1 + i the direction's coordinate i. */
static void observe(const void *context, void *workspace, size_t width, const double *u,
                    double *out)
{
  (void)workspace;
  const struct drift_probe *probe = context;
  double square = dot(probe->dim, probe->slope, probe->slope);
  memcpy(out + width, u, probe->dim * width * sizeof *u);
  sde_block_fill(width, -dot(probe->dim, probe->base, probe->slope) / square, out);
  for (size_t i = 0; i < probe->dim; i++)
    sde_block_add(width, probe->slope[i] / square, u + i * width, out);
}

struct drift_probe_result drift_probe_run(const struct drift_probe *probe, struct sde_stream stream,
                                          uint64_t paths, int threads,
                                          void (*progress)(void *context, uint64_t paths_done),
                                          void *progress_context, const struct sde_keeper *keeper)
{
  static const uint64_t last = 1;
  struct draws draws = {probe, stream};
  struct sde_process process = {.dim = probe->dim,
                                .context = &draws,
                                .workspace_new = draws_workspace_new,
                                .workspace_free = draws_workspace_free,
                                .advance = draw,
                                .fingerprint = sde_hash(&stream, sizeof stream),
                                .substeps = DRIFT_PROBE_STEPS};
  const struct sde_process *list[] = {&process};
  struct sde_ensemble ensemble = {
      .paths = paths,
      .dim = probe->dim,
      .start = probe->start,
      .records = 1,
      .record_steps = &last,
      .processes = 1,
      .process = list,
      .observables = {.count = 1 + probe->dim, .context = probe, .evaluate = observe},
      .bound = DBL_MAX,
      .keeper = keeper,
      .threads = threads,
      .progress = progress,
      .progress_context = progress_context};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  struct drift_probe_result probed = {.coefficient = sde_ensemble_moments(&result, 0, 0, 0),
                                      .direction = sde_alloc(probe->dim, sizeof *probed.direction),
                                      .not_finite = sde_ensemble_diverged(&result, 0, 0),
                                      .own_paths = result.own_paths,
                                      .own_work = result.own_work};
  for (size_t i = 0; i < probe->dim; i++)
    probed.direction[i] = sde_ensemble_moments(&result, 0, 0, 1 + i);
  probed.se = hypot(sde_moments_standard_error(probed.coefficient), probe->predicted_se);
  sde_ensemble_result_free(&result);
  return probed;
}

void drift_probe_result_free(struct drift_probe_result *result)
{
  sde_free(result->direction);
}
