/*
 * The graph of a formula: numbers, coordinates, per-sample values and operations on them, each
 * distinct one once. Derivatives are made as nodes of the same graph, so that what the formula and
 * its derivatives share is computed once.
 */
#ifndef MODELS_FORMULA_GRAPH_H
#define MODELS_FORMULA_GRAPH_H

#include "models/formula_op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number, a leaf, or an operation on earlier nodes. */
struct formula_node {
  enum formula_op op;
  uint32_t a, b; /* operands, which are earlier nodes; of a leaf a is which one */
  double number;
  bool varies;   /* with x */
  size_t column; /* of the text, for what the user wrote and for derivatives of it */
  uint32_t next; /* in the chain of its hash */
};

/* The nodes, operands before what they are used in, and a hash table that finds them again. */
struct formula_graph {
  size_t count, capacity;
  struct formula_node *node;
  uint32_t *bucket;
  size_t column; /* that new nodes get */
};

/* An empty graph, and its release. */
struct formula_graph *formula_graph_new(void);
void formula_graph_free(struct formula_graph *graph);

/* The node of a number, a leaf, or an operation (b is ignored where there is one operand). What is
 * known is simplified: numbers are folded, x + 0 is x. Powers with a whole exponent become
 * products. */
uint32_t formula_number(struct formula_graph *graph, double number);
uint32_t formula_leaf(struct formula_graph *graph, enum formula_op op, uint32_t which);
uint32_t formula_make(struct formula_graph *graph, enum formula_op op, uint32_t a, uint32_t b);

/* gradient[i] = d root / d x[i] for i < dim, by reverse accumulation. */
void formula_gradient(struct formula_graph *graph, uint32_t root, size_t dim, uint32_t *gradient);

/* out[i] = sum_j (d of[i] / d x[j]) v[j] for i < count, by forward accumulation. */
void formula_along(struct formula_graph *graph, size_t count, const uint32_t *of, uint32_t *out);

#endif
