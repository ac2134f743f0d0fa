/*
 * Calls in programs: their arguments, and the nodes that they make. See program_parser.h.
 */
#include "models/lexer.h"
#include "models/program_functions.h"
#include "models/program_parser.h"

#include <string.h>

enum { ARGUMENTS_MAX = 4 };

static bool fail_type(const struct program_parser *parser, struct program_value value,
                      const char *what, enum program_type wanted)
{
  return program_fail(parser, value.at,
                      sde_format("%s takes %s, and this is %s", what, program_type_names[wanted],
                                 program_type_names[program_type_of(parser, value.node)]));
}

/* A call as it is written. `batch` is the batch that sample(k) names, from 0 on. */
struct call {
  const struct program_function *function;
  const char *at;
  size_t count;
  struct program_value argument[ARGUMENTS_MAX];
  uint32_t batch;
};

/* sample(k), the last argument of what is taken of a batch. */
static bool parse_sample(struct program_parser *parser, struct call *call)
{
  const char *at = parser->at;
  parser->at += strlen("sample");
  if (!program_accept(parser, '('))
    return program_fail_expected(parser,
                                 "'(' and the number of an independent batch, as in sample(2)");
  parser->at += strspn(parser->at, " ");
  if (parser->at[0] < '1' || parser->at[0] > '9' || lexer_is_digit(parser->at[1]))
    return program_fail_expected(parser, "the number of a batch from 1 to 9");
  call->batch = (uint32_t)(*parser->at++ - '1');
  if (!program_accept(parser, ')'))
    return program_fail_expected(parser, "')'");
  if (parser->inside)
    return program_fail(
        parser, at,
        sde_strdup("within each() the micro-batches are those of the batch that is drawn"));
  if (call->batch + 1 > parser->program->batches)
    parser->program->batches = call->batch + 1;
  return true;
}

static bool parse_argument(struct program_parser *parser, struct call *call)
{
  parser->at += strspn(parser->at, " \t\r\n");
  if (call->function->of_batch &&
      lexer_matches("sample", parser->at, lexer_name_length(parser->at)))
    return parse_sample(parser, call);
  if (call->count == ARGUMENTS_MAX)
    return program_fail(
        parser, parser->at,
        sde_format("%s has at most %zu arguments", call->function->name, call->function->most));
  return program_parse_sum(parser, &call->argument[call->count]) && ++call->count > 0;
}

static bool parse_arguments(struct program_parser *parser, struct call *call)
{
  const char *open = parser->at - 1;
  if (program_accept(parser, ')'))
    return true;
  do
    if (!parse_argument(parser, call))
      return false;
  while (program_accept(parser, ','));
  if (program_accept(parser, ')'))
    return true;
  char *expected =
      sde_format("an operator, ',' or ')' for the '(' in column %zu", program_column(parser, open));
  program_fail_expected(parser, expected);
  sde_free(expected);
  return false;
}

/* Are number and types of the arguments those of the function? */
static bool check_call(const struct program_parser *parser, const struct call *call)
{
  const struct program_function *function = call->function;
  if (call->count < function->least || call->count > function->most)
    return program_fail(parser, call->at,
                        sde_format("%s has %zu argument%s, not %zu", function->name,
                                   function->least, function->least == 1 ? "" : "s", call->count));
  for (size_t i = 0; i < call->count; i++)
    if (function->takes == PROGRAM_TAKES_VECTORS &&
        program_type_of(parser, call->argument[i].node) != PROGRAM_VECTOR)
      return fail_type(parser, call->argument[i], function->name, PROGRAM_VECTOR);
  return true;
}

/* max, min: of all coordinates of one vector, or by elements of several. */
static bool make_extreme(struct program_parser *parser, const struct call *call,
                         struct program_value *value)
{
  bool largest = call->function->op == PROGRAM_MAXIMUM;
  if (call->count == 1 && program_type_of(parser, call->argument[0].node) != PROGRAM_VECTOR)
    return fail_type(parser, call->argument[0], call->function->name, PROGRAM_VECTOR);
  uint32_t a = call->argument[0].node;
  if (call->count == 1)
    return program_make_here(
        parser, call->at,
        (struct program_node){.op = largest ? PROGRAM_LARGEST : PROGRAM_SMALLEST,
                              .type = PROGRAM_SCALAR,
                              .a = a,
                              .inside = parser->program->node[a].inside},
        &value->node);
  for (size_t i = 1; i < call->count; i++)
    if (!program_make_elementwise(parser, call->at, call->function->op, a, call->argument[i].node,
                                  &a))
      return false;
  value->node = a;
  return true;
}

/* clip(a, low, high) = min(max(a, low), high) */
static bool make_clip(struct program_parser *parser, const struct call *call,
                      struct program_value *value)
{
  const struct program_value *of = call->argument;
  uint32_t raised;
  return program_make_elementwise(parser, call->at, PROGRAM_MAXIMUM, of[0].node, of[1].node,
                                  &raised) &&
         program_make_elementwise(parser, call->at, PROGRAM_MINIMUM, raised, of[2].node,
                                  &value->node);
}

/* mod(a, b) = a - b floor(a/b) */
static bool make_mod(struct program_parser *parser, const struct call *call,
                     struct program_value *value)
{
  uint32_t a = call->argument[0].node, b = call->argument[1].node, of;
  return program_make_elementwise(parser, call->at, PROGRAM_DIVIDE, a, b, &of) &&
         program_make_elementwise(parser, call->at, PROGRAM_FLOOR, of, of, &of) &&
         program_make_elementwise(parser, call->at, PROGRAM_MULTIPLY, b, of, &of) &&
         program_make_elementwise(parser, call->at, PROGRAM_SUBTRACT, a, of, &value->node);
}

static bool make_call(struct program_parser *parser, const struct call *call,
                      struct program_value *value)
{
  const struct program_function *function = call->function;
  struct program *program = parser->program;
  uint32_t a = call->count > 0 ? call->argument[0].node : 0;
  uint32_t b = call->count > 1 ? call->argument[1].node : a;
  if (function->op == PROGRAM_MAXIMUM || function->op == PROGRAM_MINIMUM)
    return make_extreme(parser, call, value);
  if (function->op == PROGRAM_MOD)
    return make_mod(parser, call, value);
  if (function->op == PROGRAM_CLIP)
    return make_clip(parser, call, value);
  if (function->takes == PROGRAM_TAKES_ANY)
    return program_make_elementwise(parser, call->at, function->op, a, b, &value->node);
  struct program_node node = {.op = function->op,
                              .type = function->gives,
                              .a = a,
                              .b = b,
                              .which = call->batch,
                              .inside = parser->inside && (function->of_batch || call->count == 0)};
  node.inside |= call->count > 0 && (program->node[a].inside || program->node[b].inside);
  if (function->op == PROGRAM_NORMAL)
    node.which = (uint32_t)(parser->inside ? program->inside_draws++ : program->draws++);
  return program_make_here(parser, call->at, node, &value->node);
}

/* each(a): of what varies with the micro-batch the mean. */
static bool parse_each(struct program_parser *parser, const char *at, struct program_value *value)
{
  struct program_value of;
  const char *open = parser->at - 1;
  if (parser->inside)
    return program_fail(parser, at, sde_strdup("each() stands within each()"));
  parser->inside = true;
  bool good = program_parse_sum(parser, &of);
  parser->inside = false;
  if (!good)
    return false;
  if (!program_accept(parser, ')')) {
    char *expected =
        sde_format("an operator or ')' for the '(' in column %zu", program_column(parser, open));
    program_fail_expected(parser, expected);
    sde_free(expected);
    return false;
  }
  if (!parser->program->node[of.node].inside)
    return program_fail(
        parser, at,
        sde_strdup("each() is the mean over the micro-batches, and nothing within it is "
                   "taken of one, as grad(x) is"));
  parser->program->loops++;
  return program_make_here(parser, at,
                           (struct program_node){.op = PROGRAM_EACH,
                                                 .type = program_type_of(parser, of.node),
                                                 .a = of.node,
                                                 .b = of.node,
                                                 .which = (uint32_t)parser->program->loops - 1},
                           &value->node);
}

bool program_parse_call(struct program_parser *parser, const char *name, size_t length,
                        struct program_value *value)
{
  if (lexer_matches("each", name, length))
    return parse_each(parser, name, value);
  struct call call = {.function = program_function_named(name, length), .at = name};
  if (call.function == NULL) {
    char *known = program_function_list();
    program_fail(parser, name,
                 sde_format("unknown function '%.*s'; known are %s", (int)length, name, known));
    sde_free(known);
    return false;
  }
  return parse_arguments(parser, &call) && check_call(parser, &call) &&
         make_call(parser, &call, value);
}
