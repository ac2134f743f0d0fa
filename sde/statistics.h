/*
 * Statistics: running moments that merge stably, in a fixed order, so that a result has the same
 * bits however the work was split. Chan, Golub, LeVeque, "Algorithms for computing the sample
 * variance", The American Statistician 37 (1983).
 */
#ifndef SDE_STATISTICS_H
#define SDE_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* Moments of n values: their mean and the sum m2 of squared deviations from it. */
struct sde_moments {
  double n, mean, m2;
};

/* The moments of the values[p] with alive[p], p below SDE_UNIT. */
struct sde_moments sde_moments_of_unit(const double *values, const bool *alive);

/* The moments of a[i] - b[i], or of a[i] where b is NULL, i below count, without those that are
 * NAN. */
struct sde_moments sde_moments_of_values(size_t count, const double *a, const double *b);

/* The moments of both samples together; either may be empty. */
struct sde_moments sde_moments_merged(struct sde_moments a, struct sde_moments b);

/* Unbiased variance, and standard error of the mean; NAN for fewer than two values. */
double sde_moments_variance(struct sde_moments moments);
double sde_moments_standard_error(struct sde_moments moments);

/* Mean of no value is NAN, not 0. */
double sde_moments_mean(struct sde_moments moments);

/* Two-sided normal quantile for a family of `comparisons` at a family-wise level (Bonferroni): the
 * number of standard errors beyond which one of them is significant. */
double sde_family_quantile(double level, size_t comparisons);

/* The same where the standard error was itself estimated, with this many degrees of freedom (n - 1
 * for a mean of n values; need not be whole): Student's quantile at the level that `quantile` has
 * for a normal law, so wider, and INFINITY without a degree of freedom. Student, "The probable
 * error of a mean", Biometrika 6 (1908). */
double sde_student_quantile(double quantile, double freedom);

/* Degrees of freedom of hypot(a_se, b_se), the standard error of a sum or difference of independent
 * estimates, each with its own: between the smaller and the sum of both, to the approximation of
 * Satterthwaite, Biometrics Bulletin 2 (1946), and Welch, Biometrika 34 (1947). */
double sde_welch_freedom(double a_se, double a_freedom, double b_se, double b_freedom);

/* The values that are not NAN, ascending, to out, which may be `values`; returns their number. */
size_t sde_sorted(size_t count, const double *values, double *out);

/* Distances of two samples, both ascending; NAN where either is empty. Wasserstein's of order 1,
 * int |F - G| dx = int_0^1 |F^-1(u) - G^-1(u)| du, which for equal numbers is the mean of
 * |a[i] - b[i]| (Vallender, Theory Probab. Appl. 18 (1974)); and Kolmogorov's and Smirnov's,
 * sup |F - G|. The product of the two numbers must be a size_t. */
double sde_wasserstein(size_t a_count, const double *a, size_t b_count, const double *b);
double sde_kolmogorov_smirnov(size_t a_count, const double *a, size_t b_count, const double *b);

/* What the latter exceeds with at most this probability where both samples are independent draws
 * from one law: P(D > d) <= 2 exp(-2 d^2 n m/(n + m)), proved for n = m >= 458; for fewer the 2 is
 * a little more (Wei, Dudley, Statist. Probab. Lett. 82 (2012)). NAN where either is empty. */
double sde_kolmogorov_smirnov_critical(size_t a_count, size_t b_count, double level);

#endif
