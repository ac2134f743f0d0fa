/*
 * The distance of the laws of two samples: Wasserstein's of order 1 with its noise floor, and
 * Kolmogorov's and Smirnov's.
 */
#ifndef ANALYSIS_DISTANCE_H
#define ANALYSIS_DISTANCE_H

#include "sde/random.h"

#include <stddef.h>
#include <stdint.h>

/* Distances between two samples. The floor is what their Wasserstein distance would be were the
 * laws equal: the mean over random splits of both samples together, and the spread of such a
 * distance is floor_sd.
 *
 * Where iterates and SDE share their Brownian paths the samples depend on each other. Each is still
 * a sample of its law, so that the distance of the laws is estimated as ever, but the splits are
 * independent: floor and critical value are then too large, and a distance above them stands the
 * more. */
struct distance {
  size_t n, sde_n; /* survivors */
  double wasserstein, floor, floor_sd;
  double kolmogorov_smirnov, critical;
  double scheme; /* the scheme's part of the first; NAN where not measured */
};

/* The distances between `count` values of each, NAN for diverged paths. The splits are drawn from
 * the stream at this step. NAN where no path survived. */
struct distance distance_between(size_t count, const double *iterates, const double *solution,
                                 struct sde_stream stream, uint64_t step, double level);

#endif
