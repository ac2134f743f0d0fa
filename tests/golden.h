/*
 * The golden case: a quadratic with n = 4 samples in d = 2, and its reference values as printed in
 * theory.md section 9.
 */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <stddef.h>

enum { GOLDEN_SAMPLES = 4, GOLDEN_BATCH = 4 };

/* A_i by rows, then b_i. */
static const double golden_samples[GOLDEN_SAMPLES][6] = {{2, .5, .5, 1, 1, 0},
                                                         {1, -.25, -.25, .5, -.5, 1},
                                                         {1.5, 0, 0, 2, 0, -1},
                                                         {.5, .25, .25, .5, .5, .5}};
static const double golden_start[2] = {1.5, -1};
static const double golden_rho = 0.1;

/* At golden_start. */
static const double golden_value = 1.46875;
static const double golden_gradient[2] = {1.5, -0.9375};
static const double golden_noise[4] = {0.84375, -0.3046875, -0.3046875, 0.36328125};
static const double golden_noise_trace = 1.20703125;
static const double golden_noise_trace_gradient[2] = {0.890625, -0.15625};

/* E u there, to the printed digits. */
struct golden_mean {
  const char *optimizer, *sampling;
  size_t micro_batch;
  double mean[2], tolerance;
};
static const struct golden_mean golden_means[] = {
    {"m-usam", "with-replacement", 1, {1.7203125, -1.0203125}, 1e-10},
    {"m-usam", "with-replacement", 2, {1.698046875, -1.01640625}, 1e-10},
    {"m-usam", "with-replacement", 4, {1.6869140625, -1.014453125}, 1e-10},
    {"usam", "with-replacement", 4, {1.6869140625, -1.014453125}, 1e-10},
    {"m-usam", "without-replacement", 2, {1.690625, -1.015104167}, 5e-10},
    {"n-usam", "with-replacement", 4, {1.67578125, -1.0125}, 1e-10},
    {"n-usam", "without-replacement", 4, {1.67578125, -1.0125}, 1e-10},
};
enum { GOLDEN_MEANS = sizeof golden_means / sizeof *golden_means };

/* Cov u of one micro-batch, m = b = 1, with replacement. */
static const double golden_covariance[4] = {1.10312744140625, -0.38450439453125, -0.38450439453125,
                                            0.46178466796875};

/* The sam form: E u to the printed digits, and E|g_I|, by which F = grad(f + rho E|g_I|). */
struct golden_norm {
  const char *optimizer, *sampling;
  size_t micro_batch;
  double mean[2], norm;
};
static const struct golden_norm golden_norms[] = {
    {"m-sam", "with-replacement", 1, {1.59848933, -0.97489066}, 1.884187177872},
    {"m-sam", "with-replacement", 2, {1.60056237, -0.97600595}, 1.813452810266},
    {"m-sam", "with-replacement", 4, {1.60023790, -0.97764550}, 1.787244961116},
    {"sam", "with-replacement", 4, {1.60023790, -0.97764550}, 1.787244961116},
    {"m-sam", "without-replacement", 2, {1.60125338, -0.97637771}, 1.789874687731},
    {"n-sam", "with-replacement", 4, {1.59937480, -0.97989992}, 1.768871462261},
    {"n-sam", "without-replacement", 4, {1.59937480, -0.97989992}, 1.768871462261},
};
enum { GOLDEN_NORMS = sizeof golden_norms / sizeof *golden_norms };

/* E f at golden_time for a batch of 4: of the iterates, and of the SDE of first and of second
 * order in eta whose Sigma is not expanded in rho. */
struct golden_loss {
  const char *optimizer;
  size_t micro_batch;
  double eta, iterates, sde, sde2;
};
static const double golden_time = 2;
static const struct golden_loss golden_losses[] = {
    {"sgd", 4, 0.1, -0.003130556323, 0.001566582754, -0.003335643108},
    {"sgd", 4, 0.05, -0.003297244309, -0.000823784492, -0.003342119310},
    {"n-usam", 4, 0.1, -0.011072402509, -0.007387434725, -0.011325117736},
    {"n-usam", 4, 0.05, -0.011542387464, -0.009568904059, -0.011598563055},
    {"usam", 4, 0.1, -0.009613381150, -0.005996897106, -0.009988469681},
    {"usam", 4, 0.05, -0.010632242543, -0.008673625392, -0.010718415211},
    {"m-usam", 2, 0.1, -0.009201391314, -0.005583979923, -0.009578390979},
    {"m-usam", 2, 0.05, -0.010217462920, -0.008257285468, -0.010303957735},
    {"m-usam", 1, 0.1, -0.008337415557, -0.004720062475, -0.008718241721},
    {"m-usam", 1, 0.05, -0.009347282371, -0.007384981132, -0.009434422963},
};
enum { GOLDEN_LOSSES = sizeof golden_losses / sizeof *golden_losses };

#endif
