/*
 * The Brownian path of a step: see wiener.h.
 */
#include "sde/wiener.h"

#include "sde/block.h"
#include "sde/levy_area.h"
#include "sde/status.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Arrays of the step that is composed, and of one fine step of it. */
struct arrays {
  double *dw, *time_integral, *area;
};

/* The block that was drawn last: its coarse increments, and in one interval what they add to the
 * pseudo-random ones of each fine step. Both depend on the path alone. */
struct correction {
  bool known;
  uint64_t first_path;
  size_t interval;
  double *coarse, *added, *normal;
};

struct sde_wiener_workspace {
  size_t terms; /* of the areas' series */
  struct arrays whole, fine;
  double *normal, *scratch;
  struct correction correction;
};

/* What a path draws beside its increments has its own streams, so that schemes with different
 * needs share the increments. */
enum purpose { TIME_INTEGRALS = 1, AREAS, NORMALS, AREA_SIGNS };

static struct sde_stream purpose_stream(struct sde_stream stream, enum purpose purpose)
{
  return (struct sde_stream){stream.seed, stream.stream + purpose};
}

static struct arrays arrays_new(const struct sde_wiener *wiener, size_t width)
{
  size_t size = wiener->noise_dim * width, areas = sde_levy_area_count(wiener->noise_dim) * width;
  bool time = wiener->needs & SDE_WIENER_TIME_INTEGRALS;
  bool area = wiener->needs & (SDE_WIENER_LEVY_AREAS | SDE_WIENER_WEAK_AREAS);
  return (struct arrays){.dw = sde_alloc(size, sizeof(double)),
                         .time_integral = time ? sde_alloc(size, sizeof(double)) : NULL,
                         .area = area ? sde_alloc(areas, sizeof(double)) : NULL};
}

static void arrays_free(struct arrays *arrays)
{
  sde_free(arrays->dw);
  sde_free(arrays->time_integral);
  sde_free(arrays->area);
}

struct sde_wiener_workspace *sde_wiener_workspace_new(const struct sde_wiener *wiener, size_t width)
{
  struct sde_wiener_workspace *workspace = sde_alloc(1, sizeof *workspace);
  workspace->whole = arrays_new(wiener, width);
  workspace->fine = arrays_new(wiener, width);
  if (wiener->needs & SDE_WIENER_LEVY_AREAS) {
    workspace->terms = sde_levy_area_terms(wiener->noise_dim, wiener->fine_step);
    workspace->scratch = sde_alloc(sde_levy_area_scratch(wiener->noise_dim), sizeof(double));
  }
  if (wiener->needs & SDE_WIENER_NORMALS)
    workspace->normal = sde_alloc(wiener->normals * width, sizeof(double));
  if (wiener->quasi != NULL) {
    size_t row = wiener->quasi->components * width;
    workspace->correction = (struct correction){
        .coarse = sde_alloc(sde_quasi_dimensions(wiener->quasi) * width, sizeof(double)),
        .added = sde_alloc(row, sizeof(double)),
        .normal = sde_alloc(row, sizeof(double))};
  }
  return workspace;
}

void sde_wiener_workspace_free(struct sde_wiener_workspace *workspace)
{
  if (workspace == NULL)
    return;
  arrays_free(&workspace->whole);
  arrays_free(&workspace->fine);
  sde_free(workspace->correction.coarse);
  sde_free(workspace->correction.added);
  sde_free(workspace->correction.normal);
  sde_free(workspace->normal);
  sde_free(workspace->scratch);
  sde_free(workspace);
}

void sde_wiener_increment(const struct sde_wiener *wiener, uint64_t first_path, size_t width,
                          uint64_t first, uint64_t count, double *dw, double *scratch)
{
  size_t size = wiener->noise_dim * width;
  struct sde_address at = {wiener->stream, first_path, first};
  sde_random_normals(&at, width, wiener->noise_dim, dw);
  for (uint64_t i = 1; i < count; i++) {
    at.step = first + i;
    sde_random_normals(&at, width, wiener->noise_dim, scratch);
    sde_block_add(size, 1, scratch, dw);
  }
  sde_block_scale(size, wiener->negated ? -sqrt(wiener->fine_step) : sqrt(wiener->fine_step), dw);
}

/* Given dW, I_(k,0) is normal with mean dW_k dt / 2 and variance dt^3 / 12. */
SDE_VECTOR
static void time_integrals(size_t count, double dt, const double *restrict dw,
                           double *restrict normal_then_integral)
{
  double deviation = dt * sqrt(dt / 12);
  for (size_t i = 0; i < count; i++)
    normal_then_integral[i] = dt / 2 * dw[i] + deviation * normal_then_integral[i];
}

static bool spans(const struct sde_quasi *quasi, size_t interval, uint64_t step)
{
  return quasi->begin[interval] <= step && step < quasi->begin[interval + 1];
}

/* The interval of a fine step. Beyond the last one there is none: a path that is quasi-random ends
 * where its net does. */
static size_t interval_of(const struct sde_quasi *quasi, uint64_t step)
{
  assert(step < quasi->begin[quasi->intervals]);
  size_t interval = 0;
  while (!spans(quasi, interval, step))
    interval++;
  return interval;
}

/* What an interval's fine steps are given each: their part of the quasi-random increment less that
 * of the pseudo-random one, so that they add up to the former, by a Brownian bridge between. */
static void correct_interval(const struct sde_wiener *wiener, struct correction *correction,
                             size_t width)
{
  const struct sde_quasi *quasi = wiener->quasi;
  size_t components = quasi->components, size = components * width;
  uint64_t first = quasi->begin[correction->interval];
  uint64_t end = quasi->begin[correction->interval + 1];
  memset(correction->added, 0, size * sizeof(double));
  for (uint64_t step = first; step < end; step++) {
    struct sde_address at = {wiener->stream, correction->first_path, step};
    sde_random_normals(&at, width, components, correction->normal);
    sde_block_add(size, -1, correction->normal, correction->added);
  }
  sde_block_add(size, 1, correction->coarse + correction->interval * size, correction->added);
  sde_block_scale(size, 1 / (double)(end - first), correction->added);
}

/* Standard normals of a fine step that are to add up to the coarse ones. */
static void correct(const struct sde_wiener *wiener, struct correction *correction,
                    uint64_t first_path, size_t width, uint64_t step, double *normals)
{
  const struct sde_quasi *quasi = wiener->quasi;
  bool same_paths = correction->known && correction->first_path == first_path;
  if (!same_paths)
    sde_quasi_increments(quasi, first_path, width, correction->coarse);
  if (!same_paths || !spans(quasi, correction->interval, step)) {
    correction->known = true;
    correction->first_path = first_path;
    correction->interval = interval_of(quasi, step);
    correct_interval(wiener, correction, width);
  }
  sde_block_add(quasi->components * width, 1, correction->added, normals);
}

/* One fine step with all that was asked for. */
static void draw_fine(const struct sde_wiener *wiener, struct sde_wiener_workspace *workspace,
                      uint64_t first_path, size_t width, uint64_t step, struct arrays *out)
{
  size_t size = wiener->noise_dim * width;
  struct sde_address at = {wiener->stream, first_path, step};
  sde_random_normals(&at, width, wiener->noise_dim, out->dw);
  if (wiener->quasi != NULL)
    correct(wiener, &workspace->correction, first_path, width, step, out->dw);
  sde_block_scale(size, sqrt(wiener->fine_step), out->dw);
  if (out->time_integral != NULL) {
    at.stream = purpose_stream(wiener->stream, TIME_INTEGRALS);
    sde_random_normals(&at, width, wiener->noise_dim, out->time_integral);
    time_integrals(size, wiener->fine_step, out->dw, out->time_integral);
  }
  at.stream = purpose_stream(wiener->stream, AREAS);
  if (wiener->needs & SDE_WIENER_LEVY_AREAS)
    sde_levy_areas(&at, wiener->noise_dim, wiener->fine_step, workspace->terms, width, out->dw,
                   workspace->scratch, out->area);
  at.stream = purpose_stream(wiener->stream, AREA_SIGNS);
  if (wiener->needs & SDE_WIENER_WEAK_AREAS)
    sde_levy_area_signs(&at, wiener->noise_dim, wiener->fine_step, width, out->area);
  if (wiener->negated) { /* after the areas, which are made of dW */
    sde_block_scale(size, -1, out->dw);
    if (out->time_integral != NULL)
      sde_block_scale(size, -1, out->time_integral);
  }
}

/* sum += more + (w_j dw_k - w_k dw_j) / 2 */
SDE_VECTOR
static void add_area(size_t width, const double *restrict more, const double *restrict w_j,
                     const double *restrict w_k, const double *restrict dw_j,
                     const double *restrict dw_k, double *restrict sum)
{
  for (size_t p = 0; p < width; p++)
    sum[p] += more[p] + 0.5 * (w_j[p] * dw_k[p] - w_k[p] * dw_j[p]);
}

/* whole = whole followed by fine: Chen's relation. */
static void compose(const struct sde_wiener *wiener, size_t width, const struct arrays *fine,
                    struct arrays *whole)
{
  size_t size = wiener->noise_dim * width;
  if (whole->time_integral != NULL) {
    sde_block_add(size, 1, fine->time_integral, whole->time_integral);
    sde_block_add(size, wiener->fine_step, whole->dw, whole->time_integral);
  }
  if (whole->area != NULL)
    for (size_t k = 1; k < wiener->noise_dim; k++)
      for (size_t j = 0; j < k; j++) {
        size_t pair = (k * (k - 1) / 2 + j) * width;
        add_area(width, fine->area + pair, whole->dw + j * width, whole->dw + k * width,
                 fine->dw + j * width, fine->dw + k * width, whole->area + pair);
      }
  sde_block_add(size, 1, fine->dw, whole->dw);
}

struct sde_increments sde_wiener_draw(const struct sde_wiener *wiener,
                                      struct sde_wiener_workspace *workspace, uint64_t first_path,
                                      size_t width, uint64_t first, uint64_t count)
{
  struct arrays *whole = &workspace->whole;
  bool increments_alone = whole->time_integral == NULL && whole->area == NULL;
  if (increments_alone && wiener->quasi == NULL) {
    sde_wiener_increment(wiener, first_path, width, first, count, whole->dw, workspace->fine.dw);
  } else {
    draw_fine(wiener, workspace, first_path, width, first, whole);
    for (uint64_t i = 1; i < count; i++) {
      draw_fine(wiener, workspace, first_path, width, first + i, &workspace->fine);
      compose(wiener, width, &workspace->fine, whole);
    }
  }
  if (wiener->needs & SDE_WIENER_NORMALS) {
    struct sde_address at = {purpose_stream(wiener->stream, NORMALS), first_path, first};
    sde_random_normals(&at, width, wiener->normals, workspace->normal);
    if (wiener->negated)
      sde_block_scale(wiener->normals * width, -1, workspace->normal);
  }
  return (struct sde_increments){.dw = whole->dw,
                                 .time_integral = whole->time_integral,
                                 .area = whole->area,
                                 .normal = workspace->normal};
}
