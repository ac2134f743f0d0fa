/*
 * The norm table of a recipe: see norms.h.
 */
#include "experiments/studies/norms.h"

#include "experiments/io/progress.h"
#include "experiments/io/text.h"
#include "experiments/results/columns.h"
#include "experiments/results/interval_words.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Standard errors to each side of a sampled fall. */
static double fall_quantile(const struct norm_table *table, double level)
{
  size_t sampled = 0;
  for (size_t k = 0; k < table->count; k++)
    sampled += isnan(norm_table_exact_fall(table, k));
  return sampled == 0 ? 0 : sde_family_quantile(level, sampled);
}

/* By how much E|g_s| falls from row k on, known to within half (0 where it is exact), and whether
 * it does not increase. */
static enum holds judge_fall(const struct norm_table *table, size_t k, double quantile,
                             double *fall, double *half)
{
  *fall = norm_table_exact_fall(table, k);
  *half = 0;
  if (isnan(*fall)) {
    *fall = sde_moments_mean(table->row[k].fall);
    *half = quantile * sde_moments_standard_error(table->row[k].fall);
  }
  return *fall + *half < -table->rounding    ? HOLDS_NO
         : *fall - *half >= -table->rounding ? HOLDS_YES
                                             : HOLDS_UNDECIDED;
}

enum holds norms_judge(const struct norm_table *table, double level)
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

/* A row of the table, and |g|, what E|g_s| falls to. */
struct row {
  struct norm_table_row norm;
  double full_gradient;
};

static const struct columns columns = {
    "norms.csv",
    (const struct column[]){
        {"size", NULL, "s", NULL, -8, 0, COLUMN_FIELD(row, norm.size)},
        {"mean", NULL, "measured", NULL, 12, 6,
         COLUMN_READ(row, norm.sampled, struct sde_moments, cell_mean)},
        {"se", NULL, "s.e.", " +- ", -9, 2,
         COLUMN_READ(row, norm.sampled, struct sde_moments, cell_standard_error)},
        {"exact", NULL, "exact", NULL, -16, 12, COLUMN_FIELD(row, norm.exact)},
        {"gaussian", NULL, "Gaussian closure", NULL, -16, 12, COLUMN_FIELD(row, norm.gaussian)},
        {"full_gradient", COLUMN_FIELD(row, full_gradient)},
        {"n", COLUMN_READ(row, norm.sampled, struct sde_moments, cell_count)},
        {.read = NULL}}};

static const char *const keys[] = {"size",     "mean",          "se", "exact",
                                   "gaussian", "full_gradient", "n",  NULL};

static void verdict(struct results *results, const struct norm_table *table, double level)
{
  double quantile = fall_quantile(table, level);
  struct text text = {0};
  for (size_t k = 0; k < table->count; k++) {
    const struct norm_table_row *row = &table->row[k], *next = row + 1;
    double fall, half;
    enum holds one = judge_fall(table, k, quantile, &fall, &half);
    char *to = k + 1 < table->count ? sde_format("s=%zu", next->size) : sde_strdup("|g|");
    text_add(&text, "%sfrom s=%zu to %s it falls by ", k == 0 ? "" : "; ", row->size, to);
    if (isnan(norm_table_exact_fall(table, k)))
      text_add(&text, "%s%s", interval_words(fall, half).text, results_flag(one));
    else
      text_add(&text, "%.4g (exact)%s", fabs(fall) < table->rounding ? 0 : fall, results_flag(one));
    sde_free(to);
  }
  results_verdict(results, "E|g_s| does not increase with the batch size s (proposition 3.9)",
                  norms_judge(table, level), "%s", text.data);
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
    request.normalized |= one->optimizer.rule->theory.normalized;
  }
  return request;
}

static void write_table(struct results *results, const struct norm_table *table, uint64_t draws,
                        double level)
{
  json_t *rows = json_array();
  results_note(results, false, "E|g_s| of batches of s at the start, where |g| = %.12g\n",
               table->full);
  columns_print_headings(results, &columns);
  for (size_t k = 0; k < table->count; k++) {
    struct row row = {table->row[k], table->full};
    columns_write(results, &columns, &row);
    columns_print(results, &columns, &row);
    json_array_append_new(rows, columns_json(&columns, keys, &row));
  }
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

void norms_estimate(const struct cases *cases, struct estimate *estimate)
{
  struct request request = request_of(cases);
  for (size_t k = 0; request.normalized && k < request.count; k++) {
    struct sde_process *process =
        norm_table_process_new(cases->objective, request.sizes[k], sde_stream_named(1, "norms"));
    estimate_add(estimate, process, cases->loss->dim, cases->start, 1, request.draws);
    norm_table_process_free(process);
  }
  sde_free(request.sizes);
}

void norms_report(const struct cases *cases, int threads, struct progress *progress,
                  struct results *results)
{
  const struct parameters *common = cases->recipe->common;
  struct request request = request_of(cases);
  if (request.normalized) {
    struct sde_stream stream = sde_stream_named(parameters_u64(common, "seed"), "norms");
    progress_part(progress, "E|g_s|", 0, request.draws);
    struct norm_table table = norm_table_new(
        cases->objective, cases->start, request.count, request.sizes, stream, request.draws,
        threads, progress == NULL ? NULL : progress_paths, progress, progress_keeper(progress));
    progress_ran(progress, table.own_paths, table.own_work);
    write_table(results, &table, request.draws, parameters_real(common, "level"));
    norm_table_free(&table);
  }
  sde_free(request.sizes);
}
