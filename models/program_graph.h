/*
 * The graph of a program: values and operations on them, each distinct one once, with their types.
 * Private to the files of program.h.
 */
#ifndef MODELS_PROGRAM_GRAPH_H
#define MODELS_PROGRAM_GRAPH_H

#include "models/program.h"

#include <stdint.h>

/* A number is the same for all paths, a scalar has one value per path, a vector dim of them. Their
 * order is that of broadcasting. */
enum program_type { PROGRAM_NUMBER, PROGRAM_SCALAR, PROGRAM_VECTOR };

/* What a node is. */
enum program_op {
  PROGRAM_LITERAL, /* a number that does not change */
  PROGRAM_SETTING, /* one of enum program_setting */
  PROGRAM_STATE,   /* vector `which` of y */
  PROGRAM_NEGATE,  /* by elements, as those up to MINIMUM */
  PROGRAM_SQRT,
  PROGRAM_EXP,
  PROGRAM_LOG,
  PROGRAM_SIN,
  PROGRAM_COS,
  PROGRAM_TANH,
  PROGRAM_ABS,
  PROGRAM_SIGN,
  PROGRAM_FLOOR,
  PROGRAM_ADD,
  PROGRAM_SUBTRACT,
  PROGRAM_MULTIPLY,
  PROGRAM_DIVIDE,
  PROGRAM_POWER,
  PROGRAM_MAXIMUM,
  PROGRAM_MINIMUM,
  PROGRAM_CLIP, /* functions alone: a minimum of a maximum; a - b floor(a/b) */
  PROGRAM_MOD,
  PROGRAM_DOT, /* of vectors, as what follows */
  PROGRAM_NORM,
  PROGRAM_SUM,
  PROGRAM_MEAN,
  PROGRAM_LARGEST,
  PROGRAM_SMALLEST,
  PROGRAM_UNIT,
  PROGRAM_GRADIENT, /* of the batch `which`, or within each() of one of its micro-batches */
  PROGRAM_HESSIAN,
  PROGRAM_LOSS,
  PROGRAM_FULL_GRADIENT,
  PROGRAM_FULL_HESSIAN,
  PROGRAM_FULL_LOSS,
  PROGRAM_NORMAL, /* the draw `which` of this program */
  PROGRAM_EACH    /* the mean of a over the micro-batches */
};

/* Numbers of a run that lines may name. */
enum program_setting {
  PROGRAM_ETA,
  PROGRAM_RHO,
  PROGRAM_BATCH,
  PROGRAM_MICRO_BATCH,
  PROGRAM_STEP,
  PROGRAM_TIME,
  PROGRAM_DIMENSION,
  PROGRAM_SAMPLES,
  PROGRAM_SETTINGS
};

/* A value: a leaf, or an operation on earlier nodes. */
struct program_node {
  enum program_op op;
  enum program_type type;
  uint32_t a, b;  /* operands, earlier nodes */
  uint32_t which; /* a setting, a vector of the state, a batch, a draw */
  double number;
  bool inside; /* of each(): an evaluation for each micro-batch */
};

/* The most nodes of a program: beyond, it is refused. */
enum { PROGRAM_NODES_MAX = 4096 };

/* What an each() evaluates for each micro-batch, in order. */
struct program_loop {
  size_t count;
  uint32_t *node;
};

/* A program: its nodes, and of the state the names, the starts and the new values. */
struct program {
  size_t count, capacity, vectors, draws, inside_draws, batches, loops;
  struct program_node *node;
  bool *needed;              /* [node] for the new state */
  struct program_loop *loop; /* of EACH `which` */
  char **name;               /* [vector] */
  double **start;            /* [vector][coordinate], or one number for all */
  size_t *starts;            /* [vector] */
  uint32_t *next;            /* [vector]: the node of its new value */
  bool named[PROGRAM_SETTINGS];
};

/* The node of an operation: one that is there already where it has the same value; false where there
 * are too many. */
bool program_make(struct program *program, struct program_node node, uint32_t *made);

/* "eta", "rho", ... of a setting. */
extern const char *const program_setting_names[PROGRAM_SETTINGS];

#endif
