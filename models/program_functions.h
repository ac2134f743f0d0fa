/*
 * The functions of programs: a table. Private to the files of program.h.
 */
#ifndef MODELS_PROGRAM_FUNCTIONS_H
#define MODELS_PROGRAM_FUNCTIONS_H

#include "models/program_graph.h"

/* Arguments of any type, of which the largest is that of the value; or vectors. */
enum program_takes { PROGRAM_TAKES_ANY, PROGRAM_TAKES_VECTORS };

/* A row of the table. */
struct program_function {
  const char *name;
  enum program_op op;
  size_t least, most; /* arguments */
  enum program_takes takes;
  enum program_type gives; /* of vectors */
  bool of_batch;           /* sample(k) may follow as the last argument */
};

/* The function of a name, or NULL; and all names, "abs, clip, ...", released with sde_free. */
const struct program_function *program_function_named(const char *name, size_t length);
char *program_function_list(void);

#endif
