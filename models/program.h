/*
 * Programs: an update rule of the user's own, as lines `name = expression` over the vectors of a
 * state y = (x, extra) and the gradients of a drawn mini-batch. Numbers, scalars (one per path) and
 * vectors (dim of the loss) are told apart before anything runs; a program is run on blocks of paths.
 *
 *   line    = name "=" sum
 *   sum     = product {("+" | "-") product}
 *   product = signed {("*" | "/") signed}
 *   signed  = ("+" | "-") signed | power
 *   power   = primary ["^" signed]
 *   primary = number | name | function "(" [sum {"," sum}] ")" | "(" sum ")"
 */
#ifndef MODELS_PROGRAM_H
#define MODELS_PROGRAM_H

#include "models/objective.h"
#include "sde/random.h"
#include "sde/status.h"

/* The most vectors of a state, x among them. */
enum { PROGRAM_VECTORS_MAX = 8 };

/* A number with a name. */
struct program_constant {
  const char *name;
  double number;
};

/* A vector of the state beside x, and where it starts: one number for all coordinates, or as many as
 * there are. */
struct program_vector {
  const char *name;
  size_t count;
  const double *start;
};

/* The text of a program: its lines in order, its constants, and the vectors of its state beside x.
 * `place` is where it stands, for what is wrong with it. */
struct program_source {
  const char *place;
  size_t lines, constants, vectors;
  const char *const *line;
  const struct program_constant *constant;
  const struct program_vector *vector;
};

struct program;

/* The program of a text, which is not kept; or NULL, and the status says
 * "PLACE: step N, column M: WHAT". */
struct program *program_new(const struct program_source *source, struct sde_status *status);
void program_free(struct program *program);

/* The vectors of the state, x, which is the first, among them; their names, and where they start. */
size_t program_vectors(const struct program *program);
const char *program_vector_name(const struct program *program, size_t vector);

/* Where a vector beside x starts: one number, or as many as there are coordinates. */
const double *program_vector_start(const struct program *program, size_t vector, size_t *count);

/* A hash of what it computes. */
uint64_t program_hash(const struct program *program);

/* Does it draw normals of its own, or a second batch? Then a batch that is given does not decide
 * where a step leads. */
bool program_draws(const struct program *program);

/* Does it take the loss of a mini-batch, which is not known where noise potentials are drawn? */
bool program_takes_batch_loss(const struct program *program);

/* Is it made of smooth operations alone: no unit, norm, sign, abs, max, min? */
bool program_is_smooth(const struct program *program);

/* Does it name this value, "rho"? */
bool program_names(const struct program *program, const char *name);

/* What a step is taken with. The batch has been drawn; `at` is the address of the step, for draws of
 * the program's own, and may be NULL where it has none. */
struct program_step {
  const struct objective *objective;
  double eta, rho, time, number; /* number of the step */
  size_t batch, micro_batch;
  const struct sde_address *at;
  struct micro_batches *batches;
};

/* Scratch of one thread for blocks of this width. */
struct program_workspace;
struct program_workspace *program_workspace_new(const struct program *program,
                                                const struct objective *objective, size_t batch,
                                                size_t micro_batch, size_t width);
void program_workspace_free(struct program_workspace *workspace);

/* One step: next[(v*d + i)*width + p] from y, of the same shape, which may be `next`. */
void program_run(const struct program *program, struct program_workspace *workspace,
                 const struct program_step *step, size_t width, const double *y, double *next);

#endif
