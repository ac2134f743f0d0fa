/*
 * Control variates: beside the solution of an Ito equation a linear one on the same Brownian path,
 * whose moments are known exactly, so that what the two have in common need not be sampled. For
 * the pairs of an ensemble that have a factor and a mean.
 */
#ifndef SDE_CONTROL_VARIATE_H
#define SDE_CONTROL_VARIATE_H

#include "sde/ensemble.h"
#include "sde/process.h"

/* The most numbers that its matrices may take: 256 MB. */
#define SDE_CONTROL_VARIATE_LARGEST 0x1p25

/* For dX = a(X) dt + S(X) dW: the deterministic path m' = a(m) from the start on, by the classical
 * Runge-Kutta method in learning-rate steps, and Y = m + z with z linearised around it (van Kampen,
 * "Stochastic Processes in Physics and Chemistry", 1992, chapter X, to first order): over step k
 *   z_(k+1) = Phi_k (z_k + s/2) + s/2,  s = S((m_k + m_(k+1)) / 2) dW,
 * where Phi_k is the derivative of m_(k+1) by m_k. As a discrete process that is linear with normal
 * noise, so that z has mean 0 and a covariance C followed exactly: Y has no time step's error, and
 * whatever Phi_k leaves out costs correlation, never a bias. For an observable phi the control is
 * c(y) = q(y - m), with the quadratic polynomial q that has the values of phi(m + .) at 0,
 * +-h_i e_i and h_i e_i + h_j e_j, h_i being z_i's standard deviation; E c(Y) follows from C. */
struct sde_control_variate;

/* Has the solution's system one, over so many learning-rate steps? If not, the status says why. */
bool sde_control_variate_accepts(const struct sde_solution *solution, uint64_t steps,
                                 struct sde_status *status);

/* For the path that `solution` takes (its scheme and substeps do not matter) from `start` on, with
 * controls at the records, record_steps[record] learning-rate steps later, in ascending order.
 * `start` holds the first `dim` coordinates; the others start at 0. The
 * path must not be quasi-random. NULL, and the status says why, where the above does not accept the
 * solution, or the deterministic path leaves the box |x_i| <= bound. What the solution's system
 * points to must outlive it. */
struct sde_control_variate *sde_control_variate_new(const struct sde_solution *solution, size_t dim,
                                                    const double *start, double bound,
                                                    const struct sde_observables *observables,
                                                    size_t records, const uint64_t *record_steps,
                                                    struct sde_status *status);
void sde_control_variate_free(struct sde_control_variate *variate);

/* Y as a process, with the same start; and the controls, for an ensemble. */
const struct sde_process *sde_control_variate_process(const struct sde_control_variate *variate);
struct sde_variate sde_control_variate_functions(const struct sde_control_variate *variate);

/* E c: [record*observables + observable]. */
const double *sde_control_variate_mean(const struct sde_control_variate *variate);

/* m and C where record stands: mean[i], covariance[i*dim + j]. */
void sde_control_variate_moments(const struct sde_control_variate *variate, size_t record,
                                 double *mean, double *covariance);

/* Evaluations of the system, of one path each, that making it took; each path takes one per step.
 */
double sde_control_variate_evaluations(const struct sde_control_variate *variate);

/* The factor that leaves least variance in phi - factor c, from moments of phi, c and phi - c on
 * the same paths: Cov(phi, c) / Var c; 0 where either does not vary, or not beyond rounding. */
double sde_control_variate_factor(struct sde_moments observed, struct sde_moments control,
                                  struct sde_moments difference);

#endif
