/*
 * The tape of a formula: nodes of its graph in an order of evaluation, as instructions on blocks of
 * paths. Each instruction runs over SDE_UNIT paths, so intermediate values stay in cache.
 */
#ifndef MODELS_FORMULA_TAPE_H
#define MODELS_FORMULA_TAPE_H

#include "models/formula_graph.h"
#include "models/loss.h"

/* Intermediate values that a tape may hold at once: SDE_UNIT numbers each, 64 KB of stack. */
enum { FORMULA_SLOTS = 256 };

struct formula_tape;

/* The tape that computes these nodes, its outputs. *slots is how many intermediate values it holds
 * at once; where they are more than FORMULA_SLOTS there is no tape, and NULL is returned. */
struct formula_tape *formula_tape_new(const struct formula_graph *graph, size_t outputs,
                                      const uint32_t *output, size_t *slots);
void formula_tape_free(struct formula_tape *tape);

/* out[k*width + p] = output k at x[i*width + p] and v[i*width + p], for the sample that each path
 * looks at; value[a*count + i] is value a of sample i. width is a multiple of SDE_UNIT; v may be
 * NULL where the nodes do not ask for it. */
void formula_tape_run(const struct formula_tape *tape, size_t width, struct loss_samples samples,
                      const double *value, size_t count, const double *x, const double *v,
                      double *out);

/* Which nodes do these need, themselves included? needed[node] is set. */
void formula_mark(const struct formula_graph *graph, size_t count, const uint32_t *of,
                  bool *needed);

#endif
