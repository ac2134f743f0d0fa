/*
 * The norm table: batches drawn as a process whose one step puts the batch's gradient in the place
 * of the point, all batches enumerated, and the Gaussian closure. See norm_table.h.
 */
#include "experiments/studies/norm_table.h"

#include "experiments/io/progress.h"
#include "experiments/io/text.h"
#include "models/enumeration.h"
#include "models/gaussian_norm.h"
#include "sde/block.h"

#include <float.h>
#include <inttypes.h>
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

static struct sde_process draws_process(const struct draws *draws)
{
  return (struct sde_process){.dim = draws->objective->loss->dim,
                              .context = draws,
                              .workspace_new = draws_workspace_new,
                              .workspace_free = draws_workspace_free,
                              .advance = draw};
}

/* Fill in what is sampled. */
static void sample(struct norm_table *table, const struct objective *objective, const double *x,
                   struct sde_stream stream, uint64_t paths, int threads, struct progress *progress)
{
  static const uint64_t last = 1;
  size_t count = table->count;
  struct draws *draws = sde_alloc(count, sizeof *draws);
  struct sde_process *process = sde_alloc(count, sizeof *process);
  const struct sde_process **list = sde_alloc(count, sizeof *list);
  struct sde_pair *pair = sde_alloc(count, sizeof *pair);
  for (size_t k = 0; k < count; k++) {
    draws[k] = (struct draws){objective, table->row[k].size, stream};
    process[k] = draws_process(&draws[k]);
    process[k].fingerprint = sde_hash(&stream, sizeof stream);
    list[k] = &process[k];
    pair[k] = (struct sde_pair){k, k + 1};
  }
  struct sde_ensemble ensemble = {
      .paths = paths,
      .dim = objective->loss->dim,
      .start = x,
      .records = 1,
      .record_steps = &last,
      .processes = count,
      .process = list,
      .pairs = count - 1,
      .pair = pair,
      .observables = {.count = 1, .context = objective, .evaluate = observe},
      .bound = DBL_MAX,
      .threads = threads,
      .progress = progress == NULL ? NULL : progress_paths,
      .progress_context = progress};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  progress_ran(progress, result.own_paths, result.own_work);
  for (size_t k = 0; k < count; k++) {
    struct norm_row *row = &table->row[k];
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
  sde_free(list);
  sde_free(process);
  sde_free(draws);
}

struct norm_table norm_table_new(const struct objective *objective, const double *x, size_t count,
                                 const size_t *sizes, struct sde_stream stream, uint64_t draws,
                                 int threads, struct progress *progress)
{
  struct norm_table table = {.count = count, .row = sde_alloc(count, sizeof *table.row)};
  struct point point = point_new(objective, x);
  table.full = length(point.dim, point.gradient);
  double square = table.full * table.full;
  for (size_t k = 0; k < point.dim; k++)
    square += point.covariance[k * point.dim + k];
  table.rounding = 1e-12 * sqrt(square);
  for (size_t k = 0; k < count; k++) {
    struct norm_row *row = &table.row[k];
    row->size = sizes[k];
    row->gaussian = closure(&point, row->size);
    row->exact = objective_is_gaussian(objective) ? row->gaussian : enumerated(&point, row->size);
  }
  point_free(&point);
  sample(&table, objective, x, stream, draws, threads, progress);
  return table;
}

void norm_table_free(struct norm_table *table)
{
  sde_free(table->row);
}

/* The fall from one size to the next, or to |g|, where it is known exactly; else NAN. */
static double exact_fall(const struct norm_table *table, size_t k)
{
  return table->row[k].exact - (k + 1 < table->count ? table->row[k + 1].exact : table->full);
}

/* Standard errors to each side of a sampled fall. */
static double fall_quantile(const struct norm_table *table, double level)
{
  size_t sampled = 0;
  for (size_t k = 0; k < table->count; k++)
    sampled += isnan(exact_fall(table, k));
  return sampled == 0 ? 0 : sde_family_quantile(level, sampled);
}

/* By how much E|g_s| falls from row k on, known to within half (0 where it is exact), and whether it
 * does not increase. */
static enum holds judge_fall(const struct norm_table *table, size_t k, double quantile,
                             double *fall, double *half)
{
  *fall = exact_fall(table, k);
  *half = 0;
  if (isnan(*fall)) {
    *fall = sde_moments_mean(table->row[k].fall);
    *half = quantile * sde_moments_standard_error(table->row[k].fall);
  }
  return *fall + *half < -table->rounding    ? HOLDS_NO
         : *fall - *half >= -table->rounding ? HOLDS_YES
                                             : HOLDS_UNDECIDED;
}

enum holds norm_table_judge(const struct norm_table *table, double level)
{
  double quantile = fall_quantile(table, level), fall, half;
  enum holds holds = HOLDS_YES;
  for (size_t k = 0; k < table->count; k++) {
    enum holds one = judge_fall(table, k, quantile, &fall, &half);
    if (one == HOLDS_NO)
      return HOLDS_NO;
    if (one == HOLDS_UNDECIDED)
      holds = HOLDS_UNDECIDED;
  }
  return holds;
}

static void write_row(struct results *results, json_t *rows, const struct norm_row *row,
                      double full)
{
  double mean = sde_moments_mean(row->sampled), se = sde_moments_standard_error(row->sampled);
  const double numbers[] = {mean, se, row->exact, row->gaussian, full};
  FILE *table = results_table(results, "norms.csv", "size,mean,se,exact,gaussian,full_gradient,n");
  fprintf(table, "%zu,", row->size);
  for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
    results_number(table, numbers[k]);
    fputc(',', table);
  }
  fprintf(table, "%.0f\n", row->sampled.n);
  json_array_append_new(rows, json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:I}", "size",
                                        (json_int_t)row->size, "mean", results_json(mean), "se",
                                        results_json(se), "exact", results_json(row->exact),
                                        "gaussian", results_json(row->gaussian), "full_gradient",
                                        results_json(full), "n", (json_int_t)row->sampled.n));
  char *exact = isnan(row->exact) ? sde_strdup("") : sde_format("%.12g", row->exact);
  results_note(results, false, "%-8zu %12.6g +- %-9.2g %-16s %.12g\n", row->size, mean, se, exact,
               row->gaussian);
  sde_free(exact);
}

static void verdict(struct results *results, const struct norm_table *table, double level)
{
  double quantile = fall_quantile(table, level);
  struct text text = {0};
  for (size_t k = 0; k < table->count; k++) {
    const struct norm_row *row = &table->row[k], *next = row + 1;
    double fall, half;
    enum holds one = judge_fall(table, k, quantile, &fall, &half);
    char *to = k + 1 < table->count ? sde_format("s=%zu", next->size) : sde_strdup("|g|");
    text_add(&text, "%sfrom s=%zu to %s it falls by ", k == 0 ? "" : "; ", row->size, to);
    if (isnan(exact_fall(table, k)))
      text_add(&text, "%.4g +- %.2g%s", fall, half, results_flag(one));
    else
      text_add(&text, "%.4g (exact)%s", fabs(fall) < table->rounding ? 0 : fall, results_flag(one));
    sde_free(to);
  }
  results_verdict(results, "E|g_s| does not increase with the batch size s (proposition 3.9)",
                  norm_table_judge(table, level), "%s", text.data);
  sde_free(text.data);
}

/* Insert a size where it is missing; sizes ascend. Returns their number. */
static size_t insert_size(size_t count, size_t *sizes, size_t size)
{
  size_t at = count;
  while (at > 0 && sizes[at - 1] >= size)
    at--;
  if (at < count && sizes[at] == size)
    return count;
  memmove(sizes + at + 1, sizes + at, (count - at) * sizeof *sizes);
  sizes[at] = size;
  return count + 1;
}

/* What a table is asked for. */
struct request {
  size_t count, *sizes;
  uint64_t draws;
  bool normalized; /* is any optimizer? */
};

static struct request request_of(const struct cases *cases)
{
  struct request request = {.sizes = sde_alloc(2 * cases->count + 1, sizeof(size_t))};
  for (size_t i = 0; i < cases->count; i++) {
    const struct run_case *one = &cases->one[i];
    request.count = insert_size(request.count, request.sizes, one->optimizer.micro_batch);
    request.count = insert_size(request.count, request.sizes, one->optimizer.batch);
    request.draws = one->paths > request.draws ? one->paths : request.draws;
    request.normalized |= one->optimizer.type->normalized;
  }
  return request;
}

static void write_table(struct results *results, const struct norm_table *table, uint64_t draws,
                        double level)
{
  json_t *rows = json_array();
  results_note(results, false,
               "E|g_s| of batches of s at the start, where |g| = %.12g\n%-8s %-25s %-16s %s\n",
               table->full, "s", "    measured", "exact", "Gaussian closure");
  for (size_t k = 0; k < table->count; k++)
    write_row(results, rows, &table->row[k], table->full);
  results_note(results, false, "\n");
  json_object_set_new(results_summary(results), "norms", rows);
  if (table->not_finite > 0) {
    results_note(results, true,
                 "sharpsde: E|g_s|: %" PRIu64 " of %" PRIu64
                 " gradients are not finite and were left out\n",
                 table->not_finite, draws);
    results_fail(results);
  }
  verdict(results, table, level);
}

void norm_table_estimate(const struct cases *cases, struct estimate *estimate)
{
  struct request request = request_of(cases);
  for (size_t k = 0; request.normalized && k < request.count; k++) {
    struct draws draws = {cases->objective, request.sizes[k], sde_stream_named(1, "norms")};
    struct sde_process process = draws_process(&draws);
    estimate_add(estimate, &process, cases->start, 1, request.draws);
  }
  sde_free(request.sizes);
}

void norm_table_report(const struct cases *cases, int threads, struct progress *progress,
                       struct results *results)
{
  const struct parameters *common = cases->recipe->common;
  struct request request = request_of(cases);
  if (request.normalized) {
    struct sde_stream stream = sde_stream_named(parameters_u64(common, "seed"), "norms");
    progress_part(progress, "E|g_s|", 0, request.draws);
    struct norm_table table =
        norm_table_new(cases->objective, cases->start, request.count, request.sizes, stream,
                       request.draws, threads, progress);
    write_table(results, &table, request.draws, parameters_real(common, "level"));
    norm_table_free(&table);
  }
  sde_free(request.sizes);
}
