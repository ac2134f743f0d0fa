/*
 * Planted data: see planted.h.
 */
#include "models/planted.h"

#include "models/scores.h"
#include "sde/block.h"
#include "sde/random.h"

#include <string.h>

/* The most numbers that a loss may hold: 1.6 gigabytes. */
static const double NUMBERS_MAX = 2e8;

bool planted_read(struct planted *planted, const struct parameters *parameters,
                  struct sde_status *status)
{
  *planted = (struct planted){.seed = parameters_u64(parameters, "seed"),
                              .labels = (size_t)parameters_u64(parameters, "labels"),
                              .sigma = parameters_real(parameters, "standard_deviation"),
                              .initial_scale = parameters_real(parameters, "initial_scale")};
  const char *key = parameters_given(parameters, "labels") ? "labels" : "standard_deviation";
  return planted->labels > 1 || planted->sigma == 0 ||
         sde_fail(status, SDE_INVALID,
                  "%s: one label has no noise; labels must be at least 2, or standard_deviation 0",
                  parameters_place(parameters, key));
}

bool planted_fits(const struct planted *planted, size_t data, size_t numbers, const char *place,
                  struct sde_status *status)
{
  double held = (double)data * (double)numbers * (double)planted->labels;
  return held <= NUMBERS_MAX ||
         sde_fail(status, SDE_INVALID,
                  "%s: %zu data, %zu numbers each, with %zu labels each are %.3g numbers; at most "
                  "%g are accepted",
                  place, data, numbers, planted->labels, held, NUMBERS_MAX);
}

void planted_normals(const struct planted *planted, const char *name, size_t count,
                     double deviation, double *out)
{
  double normals[SDE_UNIT];
  struct sde_address at = {sde_stream_named(planted->seed, name), 0, 0};
  for (size_t start = 0; start < count; start += SDE_UNIT) {
    at.first_path = start;
    sde_random_normals(&at, SDE_UNIT, 1, normals);
    for (size_t i = start; i < count && i < start + SDE_UNIT; i++)
      out[i] = deviation * normals[i - start];
  }
}

void planted_labels(const struct planted *planted, size_t data, const double *clean, double *y)
{
  double *noise = sde_alloc(planted->labels, sizeof *noise);
  scores_normal(planted->labels, planted->sigma, noise);
  for (size_t i = 0; i < data; i++)
    for (size_t l = 0; l < planted->labels; l++)
      y[i * planted->labels + l] = clean[i] + noise[l];
  sde_free(noise);
}

double *planted_features(const struct planted *planted, size_t rows, size_t features)
{
  size_t labels = planted->labels;
  double *a = sde_alloc(rows * labels, features * sizeof *a);
  double *row = sde_alloc(rows, features * sizeof *row);
  planted_normals(planted, "features", rows * features, 1, row);
  for (size_t i = 0; i < rows * labels; i++)
    memcpy(a + i * features, row + i / labels * features, features * sizeof *a);
  sde_free(row);
  return a;
}
