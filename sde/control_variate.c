/*
 * Control variates: see control_variate.h.
 */
#include "sde/control_variate.h"

#include "sde/block.h"
#include "sde/vector_math.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define LARGEST_TERM 1e300

struct sde_control_variate {
  struct sde_process process;
  const struct sde_system *system;
  struct sde_wiener wiener;
  uint64_t resolution, steps;
  double eta, evaluations;
  size_t dim, observables, records, terms;
  uint64_t *record_steps;
  double *path;        /* m: [step*dim + i], steps + 1 of them */
  double *propagator;  /* Phi: [(step*dim + i)*dim + j] */
  double *covariance;  /* C at records: [(record*dim + i)*dim + j] */
  double *coefficient; /* [(record*observables + o)*terms]: constant, then of each z_a its linear
                          term and those of z_a z_b, b <= a */
  double *mean;        /* [record*observables + o] */
};

/* ---- Y as a process ---- */

struct workspace {
  void *system;
  double *dw, *scratch, *point, *noise, *shifted;
};

static void *workspace_new(const struct sde_process *process, size_t width)
{
  const struct sde_control_variate *variate = process->context;
  struct workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t noises = variate->wiener.noise_dim * width, size = variate->dim * width;
  workspace->system = sde_system_workspace_new(variate->system, width);
  workspace->dw = sde_alloc(2 * noises + 3 * size, sizeof(double));
  workspace->scratch = workspace->dw + noises;
  workspace->point = workspace->scratch + noises;
  workspace->noise = workspace->point + size;
  workspace->shifted = workspace->noise + size;
  return workspace;
}

static void workspace_free(const struct sde_process *process, void *memory)
{
  const struct sde_control_variate *variate = process->context;
  struct workspace *workspace = memory;
  sde_system_workspace_free(variate->system, workspace->system);
  sde_free(workspace->dw);
  sde_free(workspace);
}

/* out = x + half the noise - m, of a row of paths. */
SDE_VECTOR
static void shift(size_t width, double m, const double *restrict x, const double *restrict noise,
                  double *restrict out)
{
  for (size_t p = 0; p < width; p++)
    out[p] = x[p] - m + 0.5 * noise[p];
}

/* S((m_k + m_(k+1)) / 2) dw, the same point for all lanes, is left in `noise`. */
static void noise_along(const struct sde_control_variate *variate, uint64_t step,
                        void *system_workspace, size_t width, const double *dw, double *point,
                        double *noise)
{
  size_t d = variate->dim;
  const double *m = variate->path + step * d;
  struct sde_instant at = {(double)step * variate->eta, 0, step * variate->resolution};
  for (size_t i = 0; i < d; i++)
    sde_block_fill(width, 0.5 * (m[i] + m[d + i]), point + i * width);
  variate->system->evaluate(variate->system, system_workspace, &at, width, point, dw, NULL, noise);
}

static void advance(const struct sde_process *process, void *memory, uint64_t first_path,
                    size_t width, uint64_t step, double *x)
{
  const struct sde_control_variate *variate = process->context;
  struct workspace *workspace = memory;
  size_t d = variate->dim;
  assert(step < variate->steps);
  const double *m = variate->path + step * d;
  sde_wiener_increment(&variate->wiener, first_path, width, step * variate->resolution,
                       variate->resolution, workspace->dw, workspace->scratch);
  noise_along(variate, step, workspace->system, width, workspace->dw, workspace->point,
              workspace->noise);
  for (size_t i = 0; i < d; i++)
    shift(width, m[i], x + i * width, workspace->noise + i * width, workspace->shifted + i * width);
  sde_vector_math()->affine(d, d, variate->propagator + step * d * d, m + d, width,
                            workspace->shifted, x);
  sde_block_add(d * width, 0.5, workspace->noise, x);
}

/* ---- Its moments ---- */

/* Scratch for all of a set-up: blocks that hold a difference quotient's points. */
struct setup {
  size_t width, noise_width;
  void *system, *noise_system;
  double *x, *slope, *sum, *at;      /* dim * width */
  double *dw, *point, *noise;        /* of noise_width lanes */
  double *increase, *product, *half; /* dim * dim */
};

static struct setup setup_new(const struct sde_control_variate *variate)
{
  size_t d = variate->dim, width = sde_block_padded(2 * d + 1);
  struct setup setup = {.width = width, .noise_width = SDE_UNIT};
  setup.system = sde_system_workspace_new(variate->system, width);
  setup.noise_system = sde_system_workspace_new(variate->system, SDE_UNIT);
  setup.x = sde_alloc(4 * d, width * sizeof(double));
  setup.slope = setup.x + d * width;
  setup.sum = setup.slope + d * width;
  setup.at = setup.sum + d * width;
  setup.dw = sde_alloc(variate->wiener.noise_dim + 2 * d, SDE_UNIT * sizeof(double));
  setup.point = setup.dw + variate->wiener.noise_dim * SDE_UNIT;
  setup.noise = setup.point + d * SDE_UNIT;
  setup.increase = sde_alloc(3 * d, d * sizeof(double));
  setup.product = setup.increase + d * d;
  setup.half = setup.product + d * d;
  return setup;
}

static void setup_free(const struct sde_control_variate *variate, struct setup *setup)
{
  sde_system_workspace_free(variate->system, setup->system);
  sde_system_workspace_free(variate->system, setup->noise_system);
  sde_free(setup->x);
  sde_free(setup->dw);
  sde_free(setup->increase);
}

/* setup->x one learning-rate step on along the drift. */
static void flow(struct sde_control_variate *variate, struct setup *setup, uint64_t step)
{
  static const double later[] = {0, 0.5, 0.5, 1}, weight[] = {1, 2, 2, 1};
  size_t size = variate->dim * setup->width;
  sde_block_fill(size, 0, setup->slope);
  sde_block_fill(size, 0, setup->sum);
  for (size_t stage = 0; stage < 4; stage++) {
    struct sde_instant at = {((double)step + later[stage]) * variate->eta, 0,
                             step * variate->resolution};
    sde_block_shift(size, setup->x, later[stage] * variate->eta, setup->slope, setup->at);
    variate->system->evaluate(variate->system, setup->system, &at, setup->width, setup->at, NULL,
                              setup->slope, NULL);
    sde_block_add(size, weight[stage], setup->slope, setup->sum);
  }
  sde_block_add(size, variate->eta / 6, setup->sum, setup->x);
  variate->evaluations += 4 * (double)setup->width;
}

/* Of a central first difference, of a function whose size and scale are those of 1 + |m|: the error
 * h^2 f'''/6 + epsilon f/h is least near h = epsilon^(1/3), 6e-6. */
static double difference_step(double m)
{
  return 1e-5 * (1 + fabs(m));
}

/* m_(k+1) and Phi_k from m_k, by central differences. */
static void set_step(struct sde_control_variate *variate, struct setup *setup, uint64_t step)
{
  size_t d = variate->dim, width = setup->width;
  const double *m = variate->path + step * d;
  double *next = variate->path + (step + 1) * d, *phi = variate->propagator + step * d * d;
  for (size_t i = 0; i < d; i++) {
    double h = difference_step(m[i]);
    sde_block_fill(width, m[i], setup->x + i * width);
    setup->x[i * width + 1 + 2 * i] += h;
    setup->x[i * width + 2 + 2 * i] -= h;
  }
  flow(variate, setup, step);
  for (size_t i = 0; i < d; i++) {
    const double *row = setup->x + i * width;
    next[i] = row[0];
    for (size_t j = 0; j < d; j++)
      phi[i * d + j] = (row[1 + 2 * j] - row[2 + 2 * j]) / (2 * difference_step(m[j]));
  }
}

/* setup->increase = eta S S^T at the middle of step k, column by column of S. */
static void set_increase(struct sde_control_variate *variate, struct setup *setup, uint64_t step)
{
  size_t d = variate->dim, noises = variate->wiener.noise_dim, width = setup->noise_width;
  memset(setup->increase, 0, d * d * sizeof(double));
  for (size_t first = 0; first < noises; first += width) {
    memset(setup->dw, 0, noises * width * sizeof(double));
    for (size_t p = 0; p < width && first + p < noises; p++)
      setup->dw[(first + p) * width + p] = 1;
    noise_along(variate, step, setup->noise_system, width, setup->dw, setup->point, setup->noise);
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++)
        for (size_t p = 0; p < width; p++)
          setup->increase[i * d + j] +=
              variate->eta * setup->noise[i * width + p] * setup->noise[j * width + p];
    variate->evaluations += (double)width;
  }
}

/* out = a b, or a b^T, of dim x dim matrices. */
static void multiply(size_t d, const double *a, const double *b, bool transposed, double *out)
{
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++) {
      double sum = 0;
      for (size_t k = 0; k < d; k++)
        sum += a[i * d + k] * (transposed ? b[j * d + k] : b[k * d + j]);
      out[i * d + j] = sum;
    }
}

/* With Q = Cov s: C becomes Phi (C + Q/4) Phi^T + (Phi Q + Q Phi^T)/4 + Q/4. */
static void set_covariance(const struct sde_control_variate *variate, struct setup *setup,
                           uint64_t step, double *c)
{
  size_t d = variate->dim;
  const double *phi = variate->propagator + step * d * d, *q = setup->increase;
  for (size_t i = 0; i < d * d; i++)
    c[i] += q[i] / 4;
  multiply(d, phi, c, false, setup->half);
  multiply(d, setup->half, phi, true, c);
  multiply(d, phi, q, false, setup->product);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      c[i * d + j] += (setup->product[i * d + j] + setup->product[j * d + i] + q[i * d + j]) / 4;
}

static bool is_within(size_t count, double bound, const double *numbers)
{
  for (size_t i = 0; i < count; i++)
    if (!(fabs(numbers[i]) <= bound))
      return false;
  return true;
}

/* m, Phi and C from the start, which stands in the path, up to the last record. */
static bool follow(struct sde_control_variate *variate, double bound, struct sde_status *status)
{
  size_t d = variate->dim, record = 0;
  struct setup setup = setup_new(variate);
  double *c = sde_alloc(d, d * sizeof *c);
  bool good = true;
  for (uint64_t step = 0; good; step++) {
    for (; record < variate->records && variate->record_steps[record] == step; record++)
      memcpy(variate->covariance + record * d * d, c, d * d * sizeof *c);
    if (step == variate->steps)
      break;
    set_step(variate, &setup, step);
    set_increase(variate, &setup, step);
    set_covariance(variate, &setup, step, c);
    good = is_within(d, bound, variate->path + (step + 1) * d) && is_within(d * d, INFINITY, c);
    if (!good)
      sde_fail(status, SDE_INVALID,
               "no control variate: without noise the SDE leaves the bound %g at time %g", bound,
               (double)(step + 1) * variate->eta);
  }
  sde_free(c);
  setup_free(variate, &setup);
  return good;
}

/* ---- Controls ---- */

/* The points of one polynomial: lane 0 is 0, then +h_i, -h_i and the sums. */
static size_t points_of(size_t d)
{
  return 1 + 2 * d + d * (d - 1) / 2;
}

/* h_i is z_i's standard deviation, but at least what second differences bear: their error
 * h^2 f''''/12 + 4 epsilon f/h^2 is least near h = epsilon^(1/4), 1e-4. Without noise, as at the
 * start, z_i would have h_i = 0. */
static void set_points(const struct sde_control_variate *variate, size_t record, size_t width,
                       double *h, double *x)
{
  size_t d = variate->dim, sum = 1 + 2 * d;
  const double *m = variate->path + variate->record_steps[record] * d;
  for (size_t i = 0; i < d; i++) {
    double variance = variate->covariance[(record * d + i) * d + i];
    h[i] = fmax(sqrt(fmax(variance, 0)), 1e-4 * (1 + fabs(m[i])));
    sde_block_fill(width, m[i], x + i * width);
    x[i * width + 1 + 2 * i] += h[i];
    x[i * width + 2 + 2 * i] -= h[i];
  }
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < i; j++, sum++) {
      x[i * width + sum] += h[i];
      x[j * width + sum] += h[j];
    }
}

/* The polynomial's terms from its values, and its mean, with C at `covariance`. */
static double set_terms(size_t d, const double *h, const double *covariance, const double *value,
                        double *term)
{
  size_t sum = 1 + 2 * d;
  double mean = *term++ = value[0];
  for (size_t i = 0; i < d; i++) {
    double up = value[1 + 2 * i], down = value[2 + 2 * i];
    *term++ = (up - down) / (2 * h[i]);
    for (size_t j = 0; j < i; j++) {
      double both = value[sum++], other = value[1 + 2 * j];
      mean += covariance[i * d + j] * (*term++ = (both - up - other + value[0]) / (h[i] * h[j]));
    }
    mean += covariance[i * d + i] * (*term++ = (up + down - 2 * value[0]) / (2 * h[i] * h[i]));
  }
  return mean;
}

/* An observable without values there has the control 0, which gains nothing. So has one whose terms
 * are not finite, or so large (LARGEST_TERM) that sums with z would not be. */
static void set_controls(struct sde_control_variate *variate,
                         const struct sde_observables *observables)
{
  size_t d = variate->dim, width = sde_block_padded(points_of(d));
  double *x = sde_alloc(d, width * sizeof *x), *h = sde_alloc(d, sizeof *h);
  double *value = sde_alloc(observables->count, width * sizeof *value);
  void *workspace = observables->workspace_new == NULL
                        ? NULL
                        : observables->workspace_new(observables->context, width);
  for (size_t record = 0; record < variate->records; record++) {
    set_points(variate, record, width, h, x);
    observables->evaluate(observables->context, workspace, width, x, value);
    for (size_t o = 0; o < observables->count; o++) {
      size_t row = record * observables->count + o;
      double *term = variate->coefficient + row * variate->terms;
      variate->mean[row] =
          set_terms(d, h, variate->covariance + record * d * d, value + o * width, term);
      if (!is_within(variate->terms, LARGEST_TERM, term) || !isfinite(variate->mean[row])) {
        memset(term, 0, variate->terms * sizeof *term);
        variate->mean[row] = 0;
      }
    }
  }
  if (observables->workspace_free != NULL)
    observables->workspace_free(workspace);
  sde_free(value);
  sde_free(h);
  sde_free(x);
}

/* out += z_a (linear + sum_(b <= a) square_b z_b) over a unit of paths, z = y - m; returns where
 * the next terms stand. */
SDE_VECTOR
static const double *add_terms(size_t a, size_t width, const double *m, const double *y,
                               const double *term, double *out)
{
  double row[SDE_UNIT];
  double linear = *term++;
  for (size_t p = 0; p < SDE_UNIT; p++)
    row[p] = linear;
  for (size_t b = 0; b <= a; b++, term++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      row[p] += *term * (y[b * width + p] - m[b]);
  for (size_t p = 0; p < SDE_UNIT; p++)
    out[p] += row[p] * (y[a * width + p] - m[a]);
  return term;
}

static void evaluate(const void *context, size_t record, size_t width, const double *y, double *out)
{
  const struct sde_control_variate *variate = context;
  const double *m = variate->path + variate->record_steps[record] * variate->dim;
  for (size_t o = 0; o < variate->observables; o++)
    for (size_t first = 0; first < width; first += SDE_UNIT) {
      const double *term =
          variate->coefficient + (record * variate->observables + o) * variate->terms;
      double *values = out + o * width + first;
      sde_block_fill(SDE_UNIT, *term++, values);
      for (size_t a = 0; a < variate->dim; a++)
        term = add_terms(a, width, m, y + first, term, values);
    }
}

/* ---- Both ---- */

bool sde_control_variate_accepts(const struct sde_solution *solution, uint64_t steps,
                                 struct sde_status *status)
{
  double d = (double)solution->system->dim;
  if (solution->system->draws)
    return sde_fail(status, SDE_INVALID,
                    "no control variate: the SDE draws random numbers afresh each step, so that no "
                    "moments of a linearised one are known");
  if (solution->quasi != NULL)
    return sde_fail(status, SDE_INVALID,
                    "no control variate: the SDE's Brownian paths are quasi-random; pseudo-random "
                    "ones are accepted");
  if (d * d * ((double)steps + d) > SDE_CONTROL_VARIATE_LARGEST)
    return sde_fail(status, SDE_INVALID,
                    "no control variate: %g steps of a %g x %g matrix; at most %g numbers are "
                    "accepted",
                    (double)steps, d, d, SDE_CONTROL_VARIATE_LARGEST);
  return true;
}

struct sde_control_variate *sde_control_variate_new(const struct sde_solution *solution, size_t dim,
                                                    const double *start, double bound,
                                                    const struct sde_observables *observables,
                                                    size_t records, const uint64_t *record_steps,
                                                    struct sde_status *status)
{
  uint64_t steps = record_steps[records - 1];
  if (!sde_control_variate_accepts(solution, steps, status))
    return NULL;
  struct sde_control_variate *variate = sde_alloc(1, sizeof *variate);
  size_t d = solution->system->dim;
  *variate = (struct sde_control_variate){
      .process = {.dim = d,
                  .context = variate,
                  .workspace_new = workspace_new,
                  .workspace_free = workspace_free,
                  .advance = advance,
                  .fingerprint = sde_hash(&solution->stream, sizeof solution->stream)},
      .system = solution->system,
      .wiener = {.stream = solution->stream,
                 .noise_dim = solution->system->noise_dim,
                 .fine_step = solution->eta / (double)solution->resolution,
                 .negated = solution->negated},
      .resolution = solution->resolution,
      .steps = steps,
      .eta = solution->eta,
      .dim = d,
      .observables = observables->count,
      .records = records,
      .terms = (d + 1) * (d + 2) / 2,
      .record_steps = sde_alloc(records, sizeof(uint64_t)),
      .path = sde_alloc((size_t)steps + 1, d * sizeof(double)),
      .propagator = sde_alloc((size_t)steps * d, d * sizeof(double)),
      .covariance = sde_alloc(records * d, d * sizeof(double)),
      .mean = sde_alloc(records * observables->count, sizeof(double))};
  variate->coefficient = sde_alloc(records * observables->count, variate->terms * sizeof(double));
  memcpy(variate->record_steps, record_steps, records * sizeof *record_steps);
  assert(dim <= d);
  memcpy(variate->path, start, dim * sizeof *start);
  if (follow(variate, bound, status)) {
    set_controls(variate, observables);
    return variate;
  }
  sde_control_variate_free(variate);
  return NULL;
}

void sde_control_variate_free(struct sde_control_variate *variate)
{
  if (variate == NULL)
    return;
  sde_free(variate->record_steps);
  sde_free(variate->path);
  sde_free(variate->propagator);
  sde_free(variate->covariance);
  sde_free(variate->coefficient);
  sde_free(variate->mean);
  sde_free(variate);
}

const struct sde_process *sde_control_variate_process(const struct sde_control_variate *variate)
{
  return &variate->process;
}

struct sde_variate sde_control_variate_functions(const struct sde_control_variate *variate)
{
  return (struct sde_variate){variate, evaluate};
}

const double *sde_control_variate_mean(const struct sde_control_variate *variate)
{
  return variate->mean;
}

void sde_control_variate_moments(const struct sde_control_variate *variate, size_t record,
                                 double *mean, double *covariance)
{
  size_t d = variate->dim;
  memcpy(mean, variate->path + variate->record_steps[record] * d, d * sizeof *mean);
  memcpy(covariance, variate->covariance + record * d * d, d * d * sizeof *covariance);
}

double sde_control_variate_evaluations(const struct sde_control_variate *variate)
{
  return variate->evaluations;
}

double sde_control_variate_factor(struct sde_moments observed, struct sde_moments control,
                                  struct sde_moments difference)
{
  double v = sde_moments_variance(observed), c = sde_moments_variance(control);
  double factor = (v + c - sde_moments_variance(difference)) / (2 * c);
  return c > 1e-12 * v && isfinite(factor) ? factor : 0;
}
