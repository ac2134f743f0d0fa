/*
 * Optimizers: a gradient rule, which gives a random vector w(x), times an update rule, which turns
 * w into a step of a state y = (x, extra), y <- y - eta U. theory.md sections 2 and 12. The
 * iterates are a process of the state's dimension.
 */
#ifndef MODELS_OPTIMIZER_H
#define MODELS_OPTIMIZER_H

#include "models/gradient_rule.h"
#include "models/objective.h"
#include "models/program.h"
#include "models/schedule.h"
#include "models/update_rule.h"
#include "sde/process.h"
#include "sde/wiener.h"

enum { OPTIMIZER_SETTINGS = 8 };

/* Where a vector beside x starts: one number, or dim of them, which the giver owns. NULL: where the
 * rule says. */
struct optimizer_vector_start {
  size_t count;
  const double *value;
};

/* An optimizer on an objective, with its settings; filled in by the caller. */
struct optimizer {
  const struct gradient_rule *rule;
  const struct update_rule *update;
  const struct program *program; /* lines of the user's own, for both rules; else NULL */
  const struct objective *objective;
  double eta, rho;
  size_t batch, micro_batch; /* micro_batch is the batch where the rule has none */
  /* Schedules of eta and rho, which must outlive the optimizer; NULL: they are constant. */
  const struct schedule *eta_schedule, *rho_schedule;
  /* Values of the rules' own keys, set by optimizer_read: each rule's file says what is where. */
  double rule_setting[OPTIMIZER_SETTINGS], update_setting[OPTIMIZER_SETTINGS];
  /* Where the vectors beside x start, as the update rule's parameters give it. */
  struct optimizer_vector_start extra_start[UPDATE_VECTORS_MAX];
};

/* The rules' own settings from the parameters of the gradient rule and of the update rule, of which
 * either may be NULL; the other members are set before. False, and the status says why, where a
 * rule does not accept them. */
bool optimizer_read(struct optimizer *optimizer, const struct parameters *rule,
                    const struct parameters *update, struct sde_status *status);

/* Are they the same optimizer but for objective, eta, rho and batch? */
bool optimizer_same_rules(const struct optimizer *a, const struct optimizer *b);

/* Is U = w, so that the step is that of SGD along w, and what is known of that holds? */
bool optimizer_steps_along_gradient(const struct optimizer *optimizer);

/* Are F and Sigma smooth, as the weak orders of theory.md section 3 need? Not those of an update
 * that jumps, where w takes the values of finitely many samples. */
bool optimizer_has_smooth_limit(const struct optimizer *optimizer);

/* Is a step random? It is not where the batch is always all samples and nothing else is drawn. */
bool optimizer_is_random(const struct optimizer *optimizer);

/* The update rule's settings for people, "friction 2" or "". */
void optimizer_update_settings(const struct optimizer *optimizer, char text[UPDATE_SETTINGS_SIZE]);

/* The update rule with them, "heavy-ball friction 2", released with sde_free; NULL where U = w. */
char *optimizer_update_label(const struct optimizer *optimizer);

/* Factors of eta and rho at a time, and their derivatives. The first multiplies the step of x
 * alone, as PyTorch's schedulers do: x <- x - eta s U_x, while extra <- extra - eta U_extra. */
struct optimizer_factors {
  double eta, rho, eta_slope, rho_slope;
};
/* Those at a time; and whether there is a schedule at all. */
struct optimizer_factors optimizer_factors_at(const struct optimizer *optimizer, double time);
bool optimizer_is_scheduled(const struct optimizer *optimizer);

/* Does its direction depend on time, by a schedule or by its update rule? */
bool optimizer_varies(const struct optimizer *optimizer);

/* The dimension of the state, and where it starts: y = (x, extra), from dim numbers x. */
size_t optimizer_dim(const struct optimizer *optimizer);
void optimizer_start(const struct optimizer *optimizer, const double *x, double *y);

/* Scratch of one thread for blocks of this width. */
struct optimizer_workspace;
struct optimizer_workspace *optimizer_workspace_new(const struct optimizer *optimizer,
                                                    size_t width);
void optimizer_workspace_free(struct optimizer_workspace *workspace);

/* The gradient rule's w[i*width + p] at x, with the batch drawn at the address. */
void optimizer_gradient(const struct optimizer *optimizer, struct optimizer_workspace *workspace,
                        const struct sde_address *at, size_t width, const double *x, double *w);

/* The Brownian path of an SDE, to drive iterates with Gaussian noise: its noise_dim is the number
 * of noise potentials, which may be the first of the Wiener processes that drive the SDE, and a
 * learning-rate step spans `resolution` of its fine steps. */
struct optimizer_coupling {
  struct sde_wiener wiener;
  uint64_t resolution;
};

/* The discrete iterates as a process that draws from the stream; the optimizer must outlive it.
 * With a coupling (Gaussian noise only; NULL for none), the batch mean of step k is
 * xi = -dW/sqrt(eta b), dW the SDE's increment over that step, and the micro-batches' draws are
 * xi_j = xi + (zeta_j - mean of zeta)/sqrt(m) with fresh zeta: common random numbers (theory.md,
 * section 7). */
struct sde_process *optimizer_process_new(const struct optimizer *optimizer,
                                          struct sde_stream stream);
struct sde_process *optimizer_coupled_process_new(const struct optimizer *optimizer,
                                                  struct sde_stream stream,
                                                  const struct optimizer_coupling *coupling);
void optimizer_process_free(struct sde_process *process);

/* A perturb that is e <- e/|e|. */
void gradient_perturb_by_unit(const struct gradient_draw *draw, size_t width, const double *x,
                              double *e);

#endif
