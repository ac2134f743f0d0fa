/*
 * The graph of a formula: numbers, coordinates, per-sample values and operations on them, each
 * distinct one once. Derivatives are made as nodes of the same graph, so that what the formula and
 * its derivatives share is computed once.
 */
#ifndef MODELS_FORMULA_GRAPH_H
#define MODELS_FORMULA_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a node is: a leaf, an operation on one operand, or one on two. */
enum formula_op {
  FORMULA_NUMBER,
  FORMULA_PARAMETER, /* leaf: x[a], a coordinate */
  FORMULA_DIRECTION, /* leaf: v[a] */
  FORMULA_SAMPLE,    /* leaf: the sample's value a */
  FORMULA_NEGATE,
  FORMULA_SQRT,
  FORMULA_EXP,
  FORMULA_LOG,
  FORMULA_LOG1P,
  FORMULA_SIN,
  FORMULA_COS,
  FORMULA_TAN,
  FORMULA_ATAN,
  FORMULA_SINH,
  FORMULA_COSH,
  FORMULA_TANH,
  FORMULA_SOFTPLUS, /* log(1 + exp(a)), without overflow */
  FORMULA_ADD,      /* this and what follows: of two operands */
  FORMULA_SUBTRACT,
  FORMULA_MULTIPLY,
  FORMULA_DIVIDE,
  FORMULA_POWER
};

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

/* How many of a and b are operands: 0 for a leaf, else 1 or 2. */
size_t formula_operands(enum formula_op op);

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
