/*
 * The parser of formulas: text to a node of the graph, by recursive descent.
 *
 *   sum     = product {("+" | "-") product}
 *   product = signed {("*" | "/") signed}
 *   signed  = ("+" | "-") signed | power
 *   power   = primary ["^" signed]                   -x^2 is -(x^2), 2^3^2 is 2^(3^2)
 *   primary = number | name | function "(" sum {"," sum} ")" | "(" sum ")"
 */
#ifndef MODELS_FORMULA_PARSE_H
#define MODELS_FORMULA_PARSE_H

#include "models/formula_graph.h"
#include "sde/status.h"

/* A name that may stand in a formula, and what it is. */
struct formula_name {
  const char *name;
  uint32_t node;
  bool used; /* set where a formula names it */
};

/* All names that may stand in a formula. */
struct formula_names {
  size_t count;
  struct formula_name *name;
};

/* The node of a text; where it is no formula, false and the status says
 * "PLACE: WHAT, column N: ...", columns being counted in characters from 1. */
bool formula_parse(struct formula_graph *graph, struct formula_names *names, const char *text,
                   const char *place, const char *what, uint32_t *root, struct sde_status *status);

/* May this be a name of the user's: a letter, then letters, digits and _, and no function? Bytes
 * beyond ASCII count as letters. */
bool formula_is_name(const char *text);

/* The function of an operation, "exp"; or the sign, "*". */
const char *formula_op_name(enum formula_op op);

/* All functions, "exp, log, ...". */
extern const char formula_functions[];

#endif
