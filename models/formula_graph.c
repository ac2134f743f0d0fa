/*
 * The graph of a formula: making nodes, simplified and each once, and derivatives. See
 * formula_graph.h. Griewank and Walther, Evaluating Derivatives (2008), chapters 3 and 5.
 */
#include "models/formula_graph.h"

#include "models/formula_apply.h"
#include "sde/block.h"
#include "sde/status.h"

#include <math.h>
#include <string.h>

enum { BUCKETS = 1 << 14 };

static const uint32_t none = UINT32_MAX;

/* Exponents up to here are multiplied out: at most 2 log2 of it products. */
static const double EXPONENT_MAX = 1024;

struct formula_graph *formula_graph_new(void)
{
  struct formula_graph *graph = sde_alloc(1, sizeof *graph);
  graph->bucket = sde_alloc(BUCKETS, sizeof *graph->bucket);
  memset(graph->bucket, 0xff, BUCKETS * sizeof *graph->bucket);
  return graph;
}

void formula_graph_free(struct formula_graph *graph)
{
  if (graph == NULL)
    return;
  sde_free(graph->node);
  sde_free(graph->bucket);
  sde_free(graph);
}

static bool same(const struct formula_node *one, const struct formula_node *other)
{
  return one->op == other->op && one->a == other->a && one->b == other->b &&
         memcmp(&one->number, &other->number, sizeof one->number) == 0;
}

static uint32_t *bucket_of(struct formula_graph *graph, const struct formula_node *node)
{
  uint64_t bits, key = ((uint64_t)node->a << 32 | node->b) * 31 + (uint64_t)node->op;
  memcpy(&bits, &node->number, sizeof bits);
  key = (key ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
  return &graph->bucket[key >> 50];
}

/* The node as it is: an earlier one that is the same, or a new one. */
static uint32_t intern(struct formula_graph *graph, struct formula_node node)
{
  uint32_t *bucket = bucket_of(graph, &node);
  for (uint32_t at = *bucket; at != none; at = graph->node[at].next)
    if (same(&graph->node[at], &node))
      return at;
  if (graph->count == graph->capacity) {
    size_t capacity = 2 * graph->capacity + 64;
    struct formula_node *grown = sde_alloc(capacity, sizeof *grown);
    if (graph->count > 0)
      memcpy(grown, graph->node, graph->count * sizeof *grown);
    sde_free(graph->node);
    graph->node = grown;
    graph->capacity = capacity;
  }
  node.column = graph->column;
  node.next = *bucket;
  graph->node[graph->count] = node;
  return *bucket = (uint32_t)graph->count++;
}

uint32_t formula_number(struct formula_graph *graph, double number)
{
  return intern(graph, (struct formula_node){.op = FORMULA_NUMBER, .number = number + 0.0});
}

uint32_t formula_leaf(struct formula_graph *graph, enum formula_op op, uint32_t which)
{
  return intern(graph,
                (struct formula_node){.op = op, .a = which, .varies = op == FORMULA_PARAMETER});
}

static uint32_t operation(struct formula_graph *graph, enum formula_op op, uint32_t a, uint32_t b)
{
  bool two = formula_operands(op) == 2;
  if ((op == FORMULA_ADD || op == FORMULA_MULTIPLY) && a > b) {
    uint32_t swapped = a;
    a = b;
    b = swapped;
  }
  bool varies = graph->node[a].varies || (two && graph->node[b].varies);
  return intern(graph, (struct formula_node){.op = op, .a = a, .b = two ? b : 0, .varies = varies});
}

static bool is_number(const struct formula_graph *graph, uint32_t at, double number)
{
  return graph->node[at].op == FORMULA_NUMBER && graph->node[at].number == number;
}

/* Is the node number * operand? */
static bool is_multiple(const struct formula_graph *graph, uint32_t at, double *number,
                        uint32_t *operand)
{
  const struct formula_node *node = &graph->node[at];
  if (node->op != FORMULA_MULTIPLY)
    return false;
  bool first = graph->node[node->a].op == FORMULA_NUMBER;
  *number = graph->node[first ? node->a : node->b].number;
  *operand = first ? node->b : node->a;
  return first || graph->node[node->b].op == FORMULA_NUMBER;
}

/* Numbers are folded by the functions that run on blocks, so that both give the same bits; not
 * where the result is not finite, which is left to be found and named. */
static bool fold(struct formula_graph *graph, enum formula_op op, uint32_t a, uint32_t b,
                 uint32_t *folded)
{
  const struct formula_node *node = graph->node;
  bool two = formula_operands(op) == 2;
  if (node[a].op != FORMULA_NUMBER || (two && node[b].op != FORMULA_NUMBER))
    return false;
  double first[SDE_UNIT], second[SDE_UNIT], out[SDE_UNIT];
  sde_block_fill(SDE_UNIT, node[a].number, first);
  sde_block_fill(SDE_UNIT, two ? node[b].number : 0, second);
  formula_apply(op, first, second, out);
  if (!isfinite(out[0]))
    return false;
  *folded = formula_number(graph, out[0]);
  return true;
}

static uint32_t negate(struct formula_graph *graph, uint32_t a)
{
  const struct formula_node node = graph->node[a];
  double number;
  uint32_t operand;
  if (node.op == FORMULA_NEGATE)
    return node.a;
  if (node.op == FORMULA_SUBTRACT)
    return operation(graph, FORMULA_SUBTRACT, node.b, node.a);
  if (is_multiple(graph, a, &number, &operand))
    return formula_make(graph, FORMULA_MULTIPLY, formula_number(graph, -number), operand);
  return operation(graph, FORMULA_NEGATE, a, 0);
}

static uint32_t add(struct formula_graph *graph, uint32_t a, uint32_t b)
{
  if (is_number(graph, a, 0))
    return b;
  if (is_number(graph, b, 0))
    return a;
  if (a == b)
    return formula_make(graph, FORMULA_MULTIPLY, formula_number(graph, 2), a);
  if (graph->node[b].op == FORMULA_NEGATE)
    return formula_make(graph, FORMULA_SUBTRACT, a, graph->node[b].a);
  if (graph->node[a].op == FORMULA_NEGATE)
    return formula_make(graph, FORMULA_SUBTRACT, b, graph->node[a].a);
  return operation(graph, FORMULA_ADD, a, b);
}

static uint32_t subtract(struct formula_graph *graph, uint32_t a, uint32_t b)
{
  if (is_number(graph, b, 0))
    return a;
  if (is_number(graph, a, 0))
    return formula_make(graph, FORMULA_NEGATE, b, 0);
  if (a == b)
    return formula_number(graph, 0);
  if (graph->node[b].op == FORMULA_NEGATE)
    return formula_make(graph, FORMULA_ADD, a, graph->node[b].a);
  return operation(graph, FORMULA_SUBTRACT, a, b);
}

static uint32_t multiply_by_number(struct formula_graph *graph, uint32_t a, uint32_t b)
{
  double number = graph->node[a].number, inner;
  uint32_t operand;
  if (number == 0)
    return a;
  if (number == 1)
    return b;
  if (number == -1)
    return formula_make(graph, FORMULA_NEGATE, b, 0);
  if (graph->node[b].op == FORMULA_NEGATE)
    return formula_make(graph, FORMULA_MULTIPLY, formula_number(graph, -number), graph->node[b].a);
  if (is_multiple(graph, b, &inner, &operand) && isfinite(number * inner) && number * inner != 0)
    return formula_make(graph, FORMULA_MULTIPLY, formula_number(graph, number * inner), operand);
  return operation(graph, FORMULA_MULTIPLY, a, b);
}

static uint32_t multiply(struct formula_graph *graph, uint32_t a, uint32_t b)
{
  const struct formula_node first = graph->node[a], second = graph->node[b];
  if (first.op == FORMULA_NUMBER)
    return multiply_by_number(graph, a, b);
  if (second.op == FORMULA_NUMBER)
    return multiply_by_number(graph, b, a);
  if (first.op == FORMULA_NEGATE)
    return formula_make(graph, FORMULA_NEGATE, formula_make(graph, FORMULA_MULTIPLY, first.a, b),
                        0);
  if (second.op == FORMULA_NEGATE)
    return formula_make(graph, FORMULA_NEGATE, formula_make(graph, FORMULA_MULTIPLY, a, second.a),
                        0);
  if (second.op == FORMULA_DIVIDE && is_number(graph, second.a, 1))
    return formula_make(graph, FORMULA_DIVIDE, a, second.b);
  if (first.op == FORMULA_DIVIDE && is_number(graph, first.a, 1))
    return formula_make(graph, FORMULA_DIVIDE, b, first.b);
  return operation(graph, FORMULA_MULTIPLY, a, b);
}

static uint32_t whole_power(struct formula_graph *graph, uint32_t base, unsigned exponent)
{
  uint32_t product = none;
  for (;; base = formula_make(graph, FORMULA_MULTIPLY, base, base)) {
    if (exponent % 2 == 1)
      product = product == none ? base : formula_make(graph, FORMULA_MULTIPLY, product, base);
    exponent /= 2;
    if (exponent == 0)
      return product;
  }
}

static uint32_t power(struct formula_graph *graph, uint32_t a, uint32_t b)
{
  double exponent = graph->node[b].number, size = fabs(exponent);
  uint32_t positive;
  if (graph->node[b].op != FORMULA_NUMBER)
    return operation(graph, FORMULA_POWER, a, b);
  if (exponent == 0)
    return formula_number(graph, 1);
  if (size == 0.5)
    positive = formula_make(graph, FORMULA_SQRT, a, 0);
  else if (size == floor(size) && size <= EXPONENT_MAX)
    positive = whole_power(graph, a, (unsigned)size);
  else
    return operation(graph, FORMULA_POWER, a, b);
  return exponent > 0 ? positive
                      : formula_make(graph, FORMULA_DIVIDE, formula_number(graph, 1), positive);
}

uint32_t formula_make(struct formula_graph *graph, enum formula_op op, uint32_t a, uint32_t b)
{
  uint32_t folded;
  if (fold(graph, op, a, b, &folded))
    return folded;
  switch (op) {
  case FORMULA_NEGATE:
    return negate(graph, a);
  case FORMULA_ADD:
    return add(graph, a, b);
  case FORMULA_SUBTRACT:
    return subtract(graph, a, b);
  case FORMULA_MULTIPLY:
    return multiply(graph, a, b);
  case FORMULA_DIVIDE:
    return is_number(graph, b, 1) ? a : operation(graph, op, a, b);
  case FORMULA_POWER:
    return power(graph, a, b);
  default:
    return operation(graph, op, a, b);
  }
}

/* d node / d its operand, for an operation of one operand. */
static uint32_t slope(struct formula_graph *graph, uint32_t at)
{
  const struct formula_node node = graph->node[at];
  uint32_t a = node.a, one = formula_number(graph, 1);
  switch (node.op) {
  case FORMULA_NEGATE:
    return formula_number(graph, -1);
  case FORMULA_SQRT:
    return formula_make(graph, FORMULA_DIVIDE, formula_number(graph, 0.5), at);
  case FORMULA_EXP:
    return at;
  case FORMULA_LOG:
    return formula_make(graph, FORMULA_DIVIDE, one, a);
  case FORMULA_LOG1P:
    return formula_make(graph, FORMULA_DIVIDE, one, formula_make(graph, FORMULA_ADD, one, a));
  case FORMULA_SIN:
    return formula_make(graph, FORMULA_COS, a, 0);
  case FORMULA_COS:
    return formula_make(graph, FORMULA_NEGATE, formula_make(graph, FORMULA_SIN, a, 0), 0);
  case FORMULA_TAN:
    return formula_make(graph, FORMULA_ADD, one, formula_make(graph, FORMULA_MULTIPLY, at, at));
  case FORMULA_ATAN:
    return formula_make(
        graph, FORMULA_DIVIDE, one,
        formula_make(graph, FORMULA_ADD, one, formula_make(graph, FORMULA_MULTIPLY, a, a)));
  case FORMULA_SINH:
    return formula_make(graph, FORMULA_COSH, a, 0);
  case FORMULA_COSH:
    return formula_make(graph, FORMULA_SINH, a, 0);
  case FORMULA_TANH:
    return formula_make(graph, FORMULA_SUBTRACT, one,
                        formula_make(graph, FORMULA_MULTIPLY, at, at));
  default: /* softplus, whose slope 1 / (1 + exp(-a)) is exp(-softplus(-a)) */
    a = formula_make(graph, FORMULA_SOFTPLUS, formula_make(graph, FORMULA_NEGATE, a, 0), 0);
    return formula_make(graph, FORMULA_EXP, formula_make(graph, FORMULA_NEGATE, a, 0), 0);
  }
}

/* d a^b / d a = b a^(b-1), d a^b / d b = a^b log a. */
static uint32_t power_slope(struct formula_graph *graph, uint32_t at, size_t which)
{
  uint32_t a = graph->node[at].a, b = graph->node[at].b;
  if (which == 1)
    return formula_make(graph, FORMULA_MULTIPLY, at, formula_make(graph, FORMULA_LOG, a, 0));
  uint32_t less = formula_make(graph, FORMULA_SUBTRACT, b, formula_number(graph, 1));
  return formula_make(graph, FORMULA_MULTIPLY, b, formula_make(graph, FORMULA_POWER, a, less));
}

/* d node / d operand 0 or 1. */
static uint32_t partial(struct formula_graph *graph, uint32_t at, size_t which)
{
  const struct formula_node node = graph->node[at];
  switch (node.op) {
  case FORMULA_ADD:
    return formula_number(graph, 1);
  case FORMULA_SUBTRACT:
    return formula_number(graph, which == 0 ? 1 : -1);
  case FORMULA_MULTIPLY:
    return which == 0 ? node.b : node.a;
  case FORMULA_DIVIDE:
    return which == 0 ? formula_make(graph, FORMULA_DIVIDE, formula_number(graph, 1), node.b)
                      : formula_make(graph, FORMULA_NEGATE,
                                     formula_make(graph, FORMULA_DIVIDE, at, node.b), 0);
  case FORMULA_POWER:
    return power_slope(graph, at, which);
  default:
    return slope(graph, at);
  }
}

/* *sum += term, where none is zero. */
static void accumulate(struct formula_graph *graph, uint32_t *sum, uint32_t term)
{
  *sum = *sum == none ? term : formula_make(graph, FORMULA_ADD, *sum, term);
}

static uint32_t *no_nodes(size_t count)
{
  uint32_t *nodes = sde_alloc(count, sizeof *nodes);
  memset(nodes, 0xff, count * sizeof *nodes);
  return nodes;
}

void formula_gradient(struct formula_graph *graph, uint32_t root, size_t dim, uint32_t *gradient)
{
  uint32_t *adjoint = no_nodes((size_t)root + 1);
  for (size_t i = 0; i < dim; i++)
    gradient[i] = none;
  adjoint[root] = formula_number(graph, 1);
  for (uint32_t at = root + 1; at-- > 0;) {
    const struct formula_node node = graph->node[at];
    const uint32_t operand[] = {node.a, node.b};
    if (adjoint[at] == none || !node.varies)
      continue;
    graph->column = node.column;
    if (node.op == FORMULA_PARAMETER)
      gradient[node.a] = adjoint[at];
    for (size_t k = 0; k < formula_operands(node.op); k++)
      if (graph->node[operand[k]].varies)
        accumulate(graph, &adjoint[operand[k]],
                   formula_make(graph, FORMULA_MULTIPLY, adjoint[at], partial(graph, at, k)));
  }
  for (size_t i = 0; i < dim; i++)
    if (gradient[i] == none)
      gradient[i] = formula_number(graph, 0);
  sde_free(adjoint);
}

void formula_along(struct formula_graph *graph, size_t count, const uint32_t *of, uint32_t *out)
{
  size_t nodes = graph->count;
  uint32_t *tangent = no_nodes(nodes), zero = formula_number(graph, 0);
  for (uint32_t at = 0; at < nodes; at++) {
    const struct formula_node node = graph->node[at];
    const uint32_t operand[] = {node.a, node.b};
    graph->column = node.column;
    if (node.op == FORMULA_PARAMETER)
      tangent[at] = formula_leaf(graph, FORMULA_DIRECTION, node.a);
    for (size_t k = 0; k < formula_operands(node.op); k++)
      if (tangent[operand[k]] != none)
        accumulate(
            graph, &tangent[at],
            formula_make(graph, FORMULA_MULTIPLY, tangent[operand[k]], partial(graph, at, k)));
  }
  for (size_t i = 0; i < count; i++)
    out[i] = tangent[of[i]] != none ? tangent[of[i]] : zero;
  sde_free(tangent);
}
