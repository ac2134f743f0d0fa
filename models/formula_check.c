/*
 * The check of a formula at a point. See formula_check.h.
 */
#include "models/formula_check.h"

#include "models/formula_apply.h"
#include "models/formula_tape.h"
#include "sde/block.h"
#include "sde/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COORDINATES_SHOWN = 6, OPERATIONS_SHOWN = 6 };

void formula_check_init(struct formula_check *check, const struct formula_graph *graph,
                        const struct formula_names *names, size_t dim, uint32_t root,
                        const char *place)
{
  *check = (struct formula_check){.graph = graph,
                                  .names = names,
                                  .dim = dim,
                                  .written = graph->count,
                                  .root = root,
                                  .gradient = sde_alloc(dim, sizeof(uint32_t)),
                                  .hessian_vector = sde_alloc(dim, sizeof(uint32_t)),
                                  .place = sde_strdup(place)};
}

void formula_check_release(struct formula_check *check)
{
  sde_free(check->gradient);
  sde_free(check->hessian_vector);
  sde_free(check->place);
}

/* All nodes that count, of SDE_UNIT samples from `first` on, the last one again where there are
 * fewer; at[node*SDE_UNIT + p]. */
static void evaluate(const struct formula_check *check, const bool *needed, size_t first,
                     size_t samples, const double *value, const double *x, double *at)
{
  for (size_t k = 0; k < check->graph->count; k++) {
    const struct formula_node *node = &check->graph->node[k];
    double *out = at + k * SDE_UNIT;
    if (!needed[k])
      continue;
    if (node->op == FORMULA_SAMPLE)
      for (size_t p = 0; p < SDE_UNIT; p++)
        out[p] = value[node->a * samples + (first + p < samples ? first + p : samples - 1)];
    else if (formula_operands(node->op) > 0)
      formula_apply(node->op, at + node->a * SDE_UNIT, at + node->b * SDE_UNIT, out);
    else
      sde_block_fill(SDE_UNIT,
                     node->op == FORMULA_PARAMETER   ? x[node->a]
                     : node->op == FORMULA_DIRECTION ? 1
                                                     : node->number,
                     out);
  }
}

/* The first node that is not finite, of the first path that has one; false where there is none. */
static bool find(const struct formula_check *check, const bool *needed, const double *at,
                 uint32_t *node, size_t *path)
{
  for (uint32_t k = 0; k < check->graph->count; k++)
    for (size_t p = 0; needed[k] && p < SDE_UNIT; p++)
      if (!isfinite(at[k * SDE_UNIT + p])) {
        *node = k;
        *path = p;
        return true;
      }
  return false;
}

/* The operation of the text that stands in a column, or the root. */
static uint32_t written_at(const struct formula_check *check, size_t column)
{
  uint32_t at = 0;
  while (at < check->written && (check->graph->node[at].column != column ||
                                 formula_operands(check->graph->node[at].op) == 0))
    at++;
  return at < check->written ? at : check->root;
}

/* "log(-1)", "1 / 0"; released with sde_free. */
static char *describe(const struct formula_check *check, uint32_t at, const double *values)
{
  const struct formula_node *node = &check->graph->node[at];
  const char *name = formula_op_name(node->op);
  double a = values[node->a * SDE_UNIT], b = values[node->b * SDE_UNIT];
  if (node->op == FORMULA_POWER)
    return sde_format("(%g)^(%g)", a, b);
  if (formula_operands(node->op) == 2)
    return sde_format("(%g) %s (%g)", a, name, b);
  return sde_format("%s(%g)", name, a);
}

/* "u = 0, v = 1"; released with sde_free. */
static char *describe_point(const struct formula_check *check, const double *x)
{
  const struct formula_names *names = check->names;
  char *text = sde_strdup("");
  for (size_t k = 0, shown = 0; k < names->count && shown <= COORDINATES_SHOWN; k++) {
    const struct formula_node *leaf = &check->graph->node[names->name[k].node];
    if (leaf->op != FORMULA_PARAMETER)
      continue;
    const char *comma = shown == 0 ? "" : ", ";
    char *longer = shown++ == COORDINATES_SHOWN
                       ? sde_format("%s%s...", text, comma)
                       : sde_format("%s%s%s = %g", text, comma, names->name[k].name, x[leaf->a]);
    sde_free(text);
    text = longer;
  }
  return text;
}

static bool blame(const struct formula_check *check, uint32_t node, size_t path, size_t sample,
                  const double *at, const double *x, struct sde_status *status)
{
  size_t column = check->graph->node[node].column;
  bool derivative = node >= check->written;
  uint32_t written = derivative ? written_at(check, column) : node;
  char *operation = describe(check, written, at + path), *point = describe_point(check, x);
  sde_fail(status, SDE_INVALID,
           "%s: expression, column %zu: at the start %s, sample %zu, %s is %s; accepted is a start "
           "where the loss is finite and twice differentiable",
           check->place, column, point, sample + 1, operation,
           derivative ? "not twice differentiable" : "not a finite number");
  sde_free(operation);
  sde_free(point);
  return false;
}

bool formula_check_at(const struct formula_check *check, size_t samples, const double *value,
                      const double *x, struct sde_status *status)
{
  size_t nodes = check->graph->count;
  double *at = sde_alloc(nodes, SDE_UNIT * sizeof *at);
  bool *needed = sde_alloc(nodes, sizeof *needed), good = true;
  formula_mark(check->graph, 1, &check->root, needed);
  formula_mark(check->graph, check->dim, check->gradient, needed);
  formula_mark(check->graph, check->dim, check->hessian_vector, needed);
  for (size_t first = 0; good && first < samples; first += SDE_UNIT) {
    uint32_t node;
    size_t path;
    evaluate(check, needed, first, samples, value, x, at);
    if (find(check, needed, at, &node, &path))
      good = blame(check, node, path, first + path, at, x, status);
  }
  sde_free(needed);
  sde_free(at);
  return good;
}

/* Tangents have poles, but none at a double. */
static bool is_partial(const struct formula_graph *graph, const struct formula_node *node)
{
  switch (node->op) {
  case FORMULA_SQRT:
  case FORMULA_LOG:
  case FORMULA_LOG1P:
  case FORMULA_POWER:
    return graph->node[node->a].varies;
  case FORMULA_DIVIDE:
    return graph->node[node->b].varies;
  default:
    return false;
  }
}

char *formula_check_partial(const struct formula_check *check)
{
  const struct formula_graph *graph = check->graph;
  bool *needed = sde_alloc(graph->count, sizeof *needed);
  char *text = NULL;
  formula_mark(graph, 1, &check->root, needed);
  for (size_t k = 0, shown = 0; k < check->written && shown <= OPERATIONS_SHOWN; k++) {
    const struct formula_node *node = &graph->node[k];
    if (!needed[k] || !is_partial(graph, node))
      continue;
    const char *before = text == NULL ? "" : text, *comma = text == NULL ? "" : ", ";
    char *longer = shown++ == OPERATIONS_SHOWN
                       ? sde_format("%s%s...", before, comma)
                       : sde_format("%s%s%s in column %zu", before, comma,
                                    formula_op_name(node->op), node->column);
    sde_free(text);
    text = longer;
  }
  sde_free(needed);
  return text;
}
