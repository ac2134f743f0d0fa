/*
 * What the parser of programs hands from one of its files to another: program_parse.c reads lines,
 * names and signs, program_call.c the calls of functions. Private to these.
 */
#ifndef MODELS_PROGRAM_PARSER_H
#define MODELS_PROGRAM_PARSER_H

#include "models/program_graph.h"

/* The most names that lines give. */
enum { PROGRAM_NAMES_MAX = 256 };

/* What a line before this one, or the state, has given a name. */
struct program_variable {
  const char *name;
  size_t length;
  uint32_t node;
};

/* Where the parser is. */
struct program_parser {
  struct program *program;
  const struct program_source *source;
  size_t line, depth, variables;
  const char *text, *at;
  struct program_variable variable[PROGRAM_NAMES_MAX];
  bool inside; /* of each() */
  struct sde_status *status;
};

/* A value, and where it is written. */
struct program_value {
  uint32_t node;
  const char *at;
};

/* "a number", "a scalar", "a vector". */
extern const char *const program_type_names[];

/* The column of a place in the line, in characters from 1. */
size_t program_column(const struct program_parser *parser, const char *at);

/* Fail at a place with a sentence, which is released; or here, where something else is expected. */
bool program_fail(const struct program_parser *parser, const char *at, char *sentence);
bool program_fail_expected(const struct program_parser *parser, const char *expected);

/* Step over a character, and blanks before it, where it stands next. */
bool program_accept(struct program_parser *parser, char c);

/* The type of a node. */
enum program_type program_type_of(const struct program_parser *parser, uint32_t node);

/* A node for what is written at a place; false where there are too many. */
bool program_make_here(struct program_parser *parser, const char *at, struct program_node node,
                       uint32_t *made);

/* An operation by elements, of one operand (a is b) or two: its type is the larger of theirs. */
bool program_make_elementwise(struct program_parser *parser, const char *at, enum program_op op,
                              uint32_t a, uint32_t b, uint32_t *made);

/* A sum; and a call, after its name and '('. */
bool program_parse_sum(struct program_parser *parser, struct program_value *value);
bool program_parse_call(struct program_parser *parser, const char *name, size_t length,
                        struct program_value *value);

#endif
