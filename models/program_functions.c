/*
 * The functions of programs. See program_functions.h.
 */
#include "models/program_functions.h"

#include "models/lexer.h"

#define ANY(name, op, least, most)                                                                 \
  {                                                                                                \
    name, op, least, most, PROGRAM_TAKES_ANY, PROGRAM_NUMBER, false                                \
  }
#define VECTORS(name, op, count, gives, of_batch)                                                  \
  {                                                                                                \
    name, op, count, count, PROGRAM_TAKES_VECTORS, gives, of_batch                                 \
  }

static const struct program_function functions[] = {
    ANY("sqrt", PROGRAM_SQRT, 1, 1),
    ANY("exp", PROGRAM_EXP, 1, 1),
    ANY("log", PROGRAM_LOG, 1, 1),
    ANY("sin", PROGRAM_SIN, 1, 1),
    ANY("cos", PROGRAM_COS, 1, 1),
    ANY("tanh", PROGRAM_TANH, 1, 1),
    ANY("abs", PROGRAM_ABS, 1, 1),
    ANY("sign", PROGRAM_SIGN, 1, 1),
    ANY("floor", PROGRAM_FLOOR, 1, 1),
    ANY("mod", PROGRAM_MOD, 2, 2),
    ANY("max", PROGRAM_MAXIMUM, 1, 4),
    ANY("min", PROGRAM_MINIMUM, 1, 4),
    ANY("clip", PROGRAM_CLIP, 3, 3),
    VECTORS("dot", PROGRAM_DOT, 2, PROGRAM_SCALAR, false),
    VECTORS("norm", PROGRAM_NORM, 1, PROGRAM_SCALAR, false),
    VECTORS("unit", PROGRAM_UNIT, 1, PROGRAM_VECTOR, false),
    VECTORS("sum", PROGRAM_SUM, 1, PROGRAM_SCALAR, false),
    VECTORS("mean", PROGRAM_MEAN, 1, PROGRAM_SCALAR, false),
    VECTORS("grad", PROGRAM_GRADIENT, 1, PROGRAM_VECTOR, true),
    VECTORS("hess", PROGRAM_HESSIAN, 2, PROGRAM_VECTOR, true),
    VECTORS("loss", PROGRAM_LOSS, 1, PROGRAM_SCALAR, true),
    VECTORS("full_grad", PROGRAM_FULL_GRADIENT, 1, PROGRAM_VECTOR, false),
    VECTORS("full_hess", PROGRAM_FULL_HESSIAN, 2, PROGRAM_VECTOR, false),
    VECTORS("full_loss", PROGRAM_FULL_LOSS, 1, PROGRAM_SCALAR, false),
    VECTORS("normal", PROGRAM_NORMAL, 0, PROGRAM_VECTOR, false),
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

const struct program_function *program_function_named(const char *name, size_t length)
{
  for (size_t i = 0; i < FUNCTIONS; i++)
    if (lexer_matches(functions[i].name, name, length))
      return &functions[i];
  return NULL;
}

char *program_function_list(void)
{
  char *list = sde_strdup("each");
  for (size_t i = 0; i < FUNCTIONS; i++) {
    char *longer = sde_format("%s, %s", list, functions[i].name);
    sde_free(list);
    list = longer;
  }
  return list;
}
