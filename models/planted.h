/*
 * Planted data: what losses whose answer is known share. Their numbers are random but depend on
 * the loss's own key `seed` alone. Label noise is a finite sum too: each datum stands there with
 * each of L labels y + sigma eps_l, eps_l normal scores of mean 0 and mean square 1, so that over
 * the samples the squared losses are those without noise plus a constant, and the noise does not
 * vanish at their minima, as it does where noisy labels can be fitted (label-noise SGD: G. Blanc
 * et al., COLT 2020).
 */
#ifndef MODELS_PLANTED_H
#define MODELS_PLANTED_H

#include "models/parameters.h"
#include "sde/status.h"

/* Rows for the key tables of the losses; `deviation` is the default of standard_deviation. */
#define PLANTED_KEYS(labels_fallback, deviation, scale, scale_help)                                \
  {.name = "seed",                                                                                 \
   .type = PARAMETER_COUNT,                                                                        \
   .low = 0,                                                                                       \
   .high = 9007199254740992.0,                                                                     \
   .fallback = "1",                                                                                \
   .help = "seed of the planted data and the default start, apart from the seed of the run"},      \
      {.name = "labels",                                                                           \
       .type = PARAMETER_COUNT,                                                                    \
       .low = 1,                                                                                   \
       .high = 1e4,                                                                                \
       .fallback = labels_fallback,                                                                \
       .help = "number L of labels y + sigma eps_l of each datum, each a sample; eps_l are "       \
               "normal scores with mean 0 and variance 1"},                                        \
      {.name = "standard_deviation",                                                               \
       .type = PARAMETER_REAL,                                                                     \
       .low = 0,                                                                                   \
       .high = 1e6,                                                                                \
       .fallback = deviation,                                                                      \
       .help = "standard deviation sigma of the label noise; above 0 it needs 2 labels or more"},  \
  {                                                                                                \
    .name = "initial_scale", .type = PARAMETER_REAL, .low = 0, .high = 1e6, .fallback = scale,     \
    .help = scale_help                                                                             \
  }

/* What the planted losses have in common. */
struct planted {
  uint64_t seed;
  size_t labels;
  double sigma, initial_scale;
};

/* Read the keys above; false, and the status says why, where one label is to be noisy. */
bool planted_read(struct planted *planted, const struct parameters *parameters,
                  struct sde_status *status);

/* Can these data with their labels be held? If not, the status says why; `place` is where the
 * number of data was asked for. */
bool planted_fits(const struct planted *planted, size_t data, size_t numbers, const char *place,
                  struct sde_status *status);

/* count normals of this deviation; each name is its own stream. */
void planted_normals(const struct planted *planted, const char *name, size_t count,
                     double deviation, double *out);

/* One number a datum to y[datum*labels + l] = clean[datum] + sigma eps_l. */
void planted_labels(const struct planted *planted, size_t data, const double *clean, double *y);

/* rows * labels rows of standard normals, a[(row*labels + l)*features + j], the same for each l. */
double *planted_features(const struct planted *planted, size_t rows, size_t features);

#endif
