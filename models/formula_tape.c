/*
 * The tape of a formula: order, slots, and the interpreter. See formula_tape.h.
 */
#include "models/formula_tape.h"

#include "models/formula_kernel.h"
#include "sde/block.h"
#include "sde/status.h"

#include <math.h>
#include <string.h>

/* Where a number of each path stands. */
enum place { SLOT, NUMBERS, COORDINATES, DIRECTIONS, OUTPUTS, PLACES };

struct location {
  enum place place;
  uint32_t index;
};

/* An operation; FORMULA_SAMPLE gathers value a.index of each path's sample, and FORMULA_NUMBER
 * copies a. */
struct instruction {
  enum formula_op op;
  struct location a, b, to;
};

struct formula_tape {
  size_t count, numbers;
  struct instruction *code;
  double *number; /* [k*SDE_UNIT + p]: each number as often as there are paths in a unit */
};

/* Nodes in the order of their evaluation, and what is known while instructions are made. */
struct planner {
  const struct formula_graph *graph;
  struct formula_tape *tape;
  uint32_t *order, *uses; /* uses[node] that are still to come */
  size_t ordered, slots, free_count;
  uint32_t *free_slot;
  struct location *location; /* of each node, once it is computed */
};

/* After its operands, the first operand first; its own stack, since sums may be long. */
static void order_from(struct planner *planner, uint32_t root, bool *done, uint32_t *stack)
{
  const struct formula_node *node = planner->graph->node;
  size_t depth = 0;
  stack[depth++] = root;
  while (depth > 0) {
    uint32_t at = stack[depth - 1];
    size_t operands = done[at] ? 0 : formula_operands(node[at].op);
    if (operands > 0 && !done[node[at].a]) {
      stack[depth++] = node[at].a;
    } else if (operands > 1 && !done[node[at].b]) {
      stack[depth++] = node[at].b;
    } else {
      depth--;
      if (!done[at])
        planner->order[planner->ordered++] = at;
      done[at] = true;
    }
  }
}

static void make_order(struct planner *planner, size_t count, const uint32_t *of)
{
  size_t nodes = planner->graph->count;
  bool *done = sde_alloc(nodes, sizeof *done);
  uint32_t *stack = sde_alloc(nodes, sizeof *stack);
  for (size_t k = 0; k < count; k++)
    order_from(planner, of[k], done, stack);
  sde_free(done);
  sde_free(stack);
}

void formula_mark(const struct formula_graph *graph, size_t count, const uint32_t *of, bool *needed)
{
  struct planner planner = {.graph = graph, .order = sde_alloc(graph->count, sizeof(uint32_t))};
  make_order(&planner, count, of);
  for (size_t k = 0; k < planner.ordered; k++)
    needed[planner.order[k]] = true;
  sde_free(planner.order);
}

static struct location take_slot(struct planner *planner)
{
  uint32_t slot = planner->free_count > 0 ? planner->free_slot[--planner->free_count]
                                          : (uint32_t)planner->slots++;
  return (struct location){SLOT, slot};
}

/* One use of a node is over. */
static void release(struct planner *planner, uint32_t at)
{
  if (--planner->uses[at] == 0 && planner->location[at].place == SLOT)
    planner->free_slot[planner->free_count++] = planner->location[at].index;
}

static struct location leaf_location(struct planner *planner, const struct formula_node *node)
{
  if (node->op == FORMULA_PARAMETER)
    return (struct location){COORDINATES, node->a};
  if (node->op == FORMULA_DIRECTION)
    return (struct location){DIRECTIONS, node->a};
  struct formula_tape *tape = planner->tape;
  sde_block_fill(SDE_UNIT, node->number, tape->number + tape->numbers * SDE_UNIT);
  return (struct location){NUMBERS, (uint32_t)tape->numbers++};
}

/* The instruction of one node; a result that is output `to` goes there at once. */
static void plan_node(struct planner *planner, uint32_t at, const struct location *to)
{
  const struct formula_node *node = &planner->graph->node[at];
  size_t operands = formula_operands(node->op);
  if (operands == 0 && node->op != FORMULA_SAMPLE) {
    planner->location[at] = leaf_location(planner, node);
    return;
  }
  struct instruction made = {.op = node->op, .a = {SLOT, node->a}};
  if (operands > 0) {
    made.a = planner->location[node->a];
    made.b = operands > 1 ? planner->location[node->b] : made.a;
    release(planner, node->a);
    if (operands > 1)
      release(planner, node->b);
  }
  made.to = to != NULL ? *to : take_slot(planner);
  planner->location[at] = made.to;
  planner->tape->code[planner->tape->count++] = made;
}

static void count_uses(struct planner *planner)
{
  for (size_t k = 0; k < planner->ordered; k++) {
    const struct formula_node *node = &planner->graph->node[planner->order[k]];
    size_t operands = formula_operands(node->op);
    if (operands > 0)
      planner->uses[node->a]++;
    if (operands > 1)
      planner->uses[node->b]++;
  }
}

static void plan(struct planner *planner, size_t outputs, const uint32_t *output)
{
  uint32_t *first = sde_alloc(planner->graph->count, sizeof *first); /* output of a node, plus 1 */
  for (size_t k = outputs; k-- > 0;)
    first[output[k]] = (uint32_t)k + 1;
  for (size_t k = 0; k < planner->ordered; k++) {
    uint32_t at = planner->order[k];
    struct location to = {OUTPUTS, first[at] - 1};
    plan_node(planner, at, first[at] > 0 ? &to : NULL);
  }
  for (size_t k = 0; k < outputs; k++) {
    struct location from = planner->location[output[k]], to = {OUTPUTS, (uint32_t)k};
    if (from.place != OUTPUTS || from.index != to.index)
      planner->tape->code[planner->tape->count++] =
          (struct instruction){FORMULA_NUMBER, from, from, to};
  }
  sde_free(first);
}

struct formula_tape *formula_tape_new(const struct formula_graph *graph, size_t outputs,
                                      const uint32_t *output, size_t *slots)
{
  size_t nodes = graph->count;
  struct formula_tape *tape = sde_alloc(1, sizeof *tape);
  struct planner planner = {.graph = graph,
                            .tape = tape,
                            .order = sde_alloc(nodes, sizeof(uint32_t)),
                            .uses = sde_alloc(nodes, sizeof(uint32_t)),
                            .free_slot = sde_alloc(nodes, sizeof(uint32_t)),
                            .location = sde_alloc(nodes, sizeof(struct location))};
  make_order(&planner, outputs, output);
  size_t numbers = 0;
  for (size_t k = 0; k < planner.ordered; k++)
    numbers += graph->node[planner.order[k]].op == FORMULA_NUMBER;
  tape->code = sde_alloc(planner.ordered + outputs, sizeof *tape->code);
  tape->number = sde_alloc(numbers, SDE_UNIT * sizeof *tape->number);
  count_uses(&planner);
  plan(&planner, outputs, output);
  *slots = planner.slots;
  sde_free(planner.order);
  sde_free(planner.uses);
  sde_free(planner.free_slot);
  sde_free(planner.location);
  if (*slots <= FORMULA_SLOTS)
    return tape;
  formula_tape_free(tape);
  return NULL;
}

void formula_tape_free(struct formula_tape *tape)
{
  if (tape == NULL)
    return;
  sde_free(tape->code);
  sde_free(tape->number);
  sde_free(tape);
}

/* Strides other than 0 and 1 do not occur often enough to be worth code of their own. */
static inline void gather(const double *value, const uint32_t *index, size_t stride, double *out)
{
  if (stride == 0)
    EACH = value[index[0]];
  else if (stride == 1)
    EACH = value[index[p]];
  else
    EACH = value[index[p * stride]];
}

SDE_VECTOR
void formula_tape_run(const struct formula_tape *tape, size_t width, struct loss_samples samples,
                      const double *value, size_t count, const double *x, const double *v,
                      double *out)
{
  _Alignas(64) double slot[FORMULA_SLOTS * SDE_UNIT];
  const size_t stride[PLACES] = {SDE_UNIT, SDE_UNIT, width, width, width};
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    const double *from[PLACES] = {slot, tape->number, x + start, v == NULL ? NULL : v + start,
                                  out + start};
    double *to[PLACES] = {[SLOT] = slot, [OUTPUTS] = out + start};
    const uint32_t *index = samples.index + start * samples.stride;
    for (size_t k = 0; k < tape->count; k++) {
      const struct instruction at = tape->code[k];
      double *target = to[at.to.place] + at.to.index * stride[at.to.place];
      if (at.op == FORMULA_SAMPLE)
        gather(value + at.a.index * count, index, samples.stride, target);
      else
        apply(at.op, from[at.a.place] + at.a.index * stride[at.a.place],
              from[at.b.place] + at.b.index * stride[at.b.place], target);
    }
  }
}
