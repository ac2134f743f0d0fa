/*
 * The parser of programs, by recursive descent, which gives each operation its type. See
 * program_parse.h; the grammar stands in program.h.
 */
#include "models/program_parse.h"

#include "models/lexer.h"
#include "models/program_functions.h"
#include "models/program_parser.h"

#include <string.h>

/* Parentheses, signs and exponents inside one another. */
enum { DEPTH_MAX = 200 };

const char *const program_type_names[] = {"a number", "a scalar", "a vector"};

/* ---- what is wrong ---- */

size_t program_column(const struct program_parser *parser, const char *at)
{
  size_t column = 1;
  for (const char *c = parser->text; c < at; c++)
    column += lexer_begins_character(*c);
  return column;
}

/* Fail with a sentence that is released. */
bool program_fail(const struct program_parser *parser, const char *at, char *sentence)
{
  sde_fail(parser->status, SDE_INVALID, "%s: step %zu, column %zu: %s", parser->source->place,
           parser->line + 1, program_column(parser, at), sentence);
  sde_free(sentence);
  return false;
}

bool program_fail_expected(const struct program_parser *parser, const char *expected)
{
  const char *at = parser->at;
  size_t length = lexer_is_letter(*at) ? lexer_name_length(at) : 1;
  return program_fail(parser, at,
                      *at == '\0'
                          ? sde_format("expected %s, found the end", expected)
                          : sde_format("expected %s, found '%.*s'", expected, (int)length, at));
}

enum program_type program_type_of(const struct program_parser *parser, uint32_t node)
{
  return parser->program->node[node].type;
}

/* ---- operations ---- */

bool program_make_here(struct program_parser *parser, const char *at, struct program_node node,
                       uint32_t *made)
{
  return program_make(parser->program, node, made) ||
         program_fail(parser, at, sde_format("more than %d operations", PROGRAM_NODES_MAX));
}

/* An operation by elements, of one operand or two: its type is the larger of theirs. */
bool program_make_elementwise(struct program_parser *parser, const char *at, enum program_op op,
                              uint32_t a, uint32_t b, uint32_t *made)
{
  const struct program_node *of = parser->program->node;
  enum program_type type = of[a].type > of[b].type ? of[a].type : of[b].type;
  return program_make_here(
      parser, at,
      (struct program_node){
          .op = op, .type = type, .a = a, .b = b, .inside = of[a].inside || of[b].inside},
      made);
}

static bool make_literal(struct program_parser *parser, const char *at, double number,
                         uint32_t *made)
{
  return program_make_here(parser, at,
                           (struct program_node){.op = PROGRAM_LITERAL, .number = number}, made);
}

bool program_accept(struct program_parser *parser, char c)
{
  parser->at += strspn(parser->at, " \t\r\n");
  if (*parser->at != c)
    return false;
  parser->at++;
  return true;
}

static bool parse_signed(struct program_parser *parser, struct program_value *value);

/* ---- names ---- */

static struct program_variable *variable_named(struct program_parser *parser, const char *name,
                                               size_t length)
{
  for (size_t i = 0; i < parser->variables; i++)
    if (parser->variable[i].length == length && memcmp(parser->variable[i].name, name, length) == 0)
      return &parser->variable[i];
  return NULL;
}

static const struct program_constant *constant_named(const struct program_parser *parser,
                                                     const char *name, size_t length)
{
  for (size_t i = 0; i < parser->source->constants; i++)
    if (lexer_matches(parser->source->constant[i].name, name, length))
      return &parser->source->constant[i];
  return NULL;
}

/* The setting of this name, or PROGRAM_SETTINGS. */
static uint32_t setting_named(const char *name, size_t length)
{
  uint32_t i = 0;
  while (i < PROGRAM_SETTINGS && !lexer_matches(program_setting_names[i], name, length))
    i++;
  return i;
}

static bool unknown_name(struct program_parser *parser, const char *name, size_t length)
{
  char *known = sde_strdup("");
  for (size_t i = 0; i < parser->variables + parser->source->constants + PROGRAM_SETTINGS; i++) {
    size_t c = i - parser->variables, s = c - parser->source->constants;
    const struct program_variable *of = &parser->variable[i];
    char *longer = i < parser->variables ? sde_format("%s%s%.*s", known, i == 0 ? "" : ", ",
                                                      (int)of->length, of->name)
                   : c < parser->source->constants
                       ? sde_format("%s, %s", known, parser->source->constant[c].name)
                       : sde_format("%s, %s", known, program_setting_names[s]);
    sde_free(known);
    known = longer;
  }
  program_fail(parser, name,
               sde_format("unknown name '%.*s'; known here are %s", (int)length, name, known));
  sde_free(known);
  return false;
}

static bool parse_name(struct program_parser *parser, struct program_value *value)
{
  const char *name = parser->at;
  size_t length = lexer_name_length(name);
  parser->at += length;
  if (program_accept(parser, '('))
    return program_parse_call(parser, name, length, value);
  const struct program_variable *variable = variable_named(parser, name, length);
  const struct program_constant *constant = constant_named(parser, name, length);
  uint32_t setting = setting_named(name, length);
  if (variable != NULL)
    value->node = variable->node;
  else if (constant != NULL)
    return make_literal(parser, name, constant->number, &value->node);
  else if (setting < PROGRAM_SETTINGS) {
    parser->program->named[setting] = true;
    return program_make_here(
        parser, name, (struct program_node){.op = PROGRAM_SETTING, .which = setting}, &value->node);
  } else if (program_function_named(name, length) != NULL || lexer_matches("each", name, length))
    return program_fail_expected(parser, "'(' after a function");
  else
    return unknown_name(parser, name, length);
  return true;
}

/* ---- expressions ---- */

static bool parse_number(struct program_parser *parser, struct program_value *value)
{
  double number;
  const char *start = parser->at, *at = start, *wrong = lexer_number(&at, &number);
  if (wrong != NULL)
    return program_fail(parser, at, sde_strdup(wrong));
  parser->at = at + strspn(at, " \t");
  if (lexer_is_letter(*parser->at) || *parser->at == '.')
    return program_fail_expected(parser, "an operator after the number (a product is written 2*x)");
  return make_literal(parser, start, number, &value->node);
}

static bool parse_primary(struct program_parser *parser, struct program_value *value)
{
  parser->at += strspn(parser->at, " \t\r\n");
  value->at = parser->at;
  if (lexer_is_digit(*parser->at) || (*parser->at == '.' && lexer_is_digit(parser->at[1])))
    return parse_number(parser, value);
  if (lexer_is_letter(*parser->at))
    return parse_name(parser, value);
  if (!program_accept(parser, '('))
    return program_fail_expected(parser, "a number, a name or '('");
  if (!program_parse_sum(parser, value))
    return false;
  return program_accept(parser, ')') || program_fail_expected(parser, "an operator or ')'");
}

static bool parse_power(struct program_parser *parser, struct program_value *value)
{
  struct program_value exponent;
  if (!parse_primary(parser, value))
    return false;
  if (!program_accept(parser, '^'))
    return true;
  const char *at = parser->at - 1;
  if (!parse_signed(parser, &exponent))
    return false;
  const struct program_node *power = &parser->program->node[exponent.node];
  if (power->op == PROGRAM_LITERAL && power->number == 2)
    return program_make_elementwise(parser, at, PROGRAM_MULTIPLY, value->node, value->node,
                                    &value->node);
  if (power->op == PROGRAM_LITERAL && power->number == 0.5)
    return program_make_elementwise(parser, at, PROGRAM_SQRT, value->node, value->node,
                                    &value->node);
  return program_make_elementwise(parser, at, PROGRAM_POWER, value->node, exponent.node,
                                  &value->node);
}

static bool parse_signed(struct program_parser *parser, struct program_value *value)
{
  bool minus = program_accept(parser, '-'), sign = minus || program_accept(parser, '+');
  const char *at = parser->at - 1;
  if (parser->depth++ == DEPTH_MAX)
    return program_fail(
        parser, parser->at,
        sde_format("nested more than %d deep; name parts of it in lines", DEPTH_MAX));
  if (!(sign ? parse_signed(parser, value) : parse_power(parser, value)))
    return false;
  parser->depth--;
  return !minus || program_make_elementwise(parser, at, PROGRAM_NEGATE, value->node, value->node,
                                            &value->node);
}

static bool parse_product(struct program_parser *parser, struct program_value *value)
{
  if (!parse_signed(parser, value))
    return false;
  for (;;) {
    bool times = program_accept(parser, '*');
    if (!times && !program_accept(parser, '/'))
      return true;
    const char *at = parser->at - 1;
    struct program_value factor;
    if (!parse_signed(parser, &factor) ||
        !program_make_elementwise(parser, at, times ? PROGRAM_MULTIPLY : PROGRAM_DIVIDE,
                                  value->node, factor.node, &value->node))
      return false;
  }
}

bool program_parse_sum(struct program_parser *parser, struct program_value *value)
{
  if (!parse_product(parser, value))
    return false;
  for (;;) {
    bool plus = program_accept(parser, '+');
    if (!plus && !program_accept(parser, '-'))
      return true;
    const char *at = parser->at - 1;
    struct program_value term;
    if (!parse_product(parser, &term) ||
        !program_make_elementwise(parser, at, plus ? PROGRAM_ADD : PROGRAM_SUBTRACT, value->node,
                                  term.node, &value->node))
      return false;
  }
}

/* ---- lines ---- */

/* The vector of the state with this name, or the number of vectors. */
static size_t vector_named(const struct program *program, const char *name, size_t length)
{
  size_t v = 0;
  while (v < program->vectors && !lexer_matches(program->name[v], name, length))
    v++;
  return v;
}

/* May a line, a constant or a vector have this name? */
static bool check_name(struct program_parser *parser, const char *name, size_t length)
{
  if (program_function_named(name, length) != NULL || lexer_matches("each", name, length) ||
      lexer_matches("sample", name, length))
    return program_fail(parser, name, sde_format("'%.*s' is a function", (int)length, name));
  if (setting_named(name, length) < PROGRAM_SETTINGS)
    return program_fail(
        parser, name,
        sde_format("'%.*s' is known already and takes no new value; choose another name",
                   (int)length, name));
  return true;
}

static bool assign(struct program_parser *parser, const char *name, size_t length,
                   struct program_value value)
{
  struct program *program = parser->program;
  size_t vector = vector_named(program, name, length);
  struct program_variable *variable = variable_named(parser, name, length);
  if (variable != NULL &&
      program_type_of(parser, variable->node) != program_type_of(parser, value.node))
    return program_fail(parser, name,
                        sde_format("%.*s is %s, and its new value is %s", (int)length, name,
                                   program_type_names[program_type_of(parser, variable->node)],
                                   program_type_names[program_type_of(parser, value.node)]));
  if (variable == NULL && parser->variables == PROGRAM_NAMES_MAX)
    return program_fail(parser, name, sde_format("more than %d names", PROGRAM_NAMES_MAX));
  if (variable == NULL)
    variable = &parser->variable[parser->variables++];
  *variable = (struct program_variable){name, length, value.node};
  if (vector < program->vectors)
    program->next[vector] = value.node;
  return true;
}

static bool parse_line(struct program_parser *parser)
{
  struct program_value value;
  parser->at = parser->text + strspn(parser->text, " \t\r\n");
  const char *name = parser->at;
  size_t length = lexer_name_length(name);
  if (length == 0)
    return program_fail_expected(parser, "a line `name = expression`");
  parser->at += length;
  if (!program_accept(parser, '='))
    return program_fail_expected(parser, "'=' after the name that takes the value");
  if (!check_name(parser, name, length))
    return false;
  if (constant_named(parser, name, length) != NULL)
    return program_fail(
        parser, name, sde_format("'%.*s' is a constant and takes no new value", (int)length, name));
  if (!program_parse_sum(parser, &value))
    return false;
  parser->at += strspn(parser->at, " \t\r\n");
  if (*parser->at != '\0')
    return program_fail_expected(parser, "an operator or the end");
  return assign(parser, name, length, value);
}

/* The name of constant i, or of vector i - constants. */
static const char *given_name(const struct program_source *source, size_t i)
{
  return i < source->constants ? source->constant[i].name
                               : source->vector[i - source->constants].name;
}

/* Names of constants and of the state are names, each is there once, and none has another meaning. */
static bool check_given(const struct program_source *source, size_t i, struct sde_status *status)
{
  const char *name = given_name(source, i);
  size_t length = lexer_name_length(name);
  bool taken = strcmp(name, "x") == 0 || setting_named(name, length) < PROGRAM_SETTINGS ||
               program_function_named(name, length) != NULL ||
               lexer_matches("each", name, length) || lexer_matches("sample", name, length);
  if (length == 0 || name[length] != '\0')
    return sde_fail(status, SDE_INVALID, "%s: '%s' is no name: letters, digits and _",
                    source->place, name);
  for (size_t k = 0; k < i; k++)
    taken = taken || strcmp(given_name(source, k), name) == 0;
  return !taken || sde_fail(status, SDE_INVALID, "%s: the name '%s' is taken; choose another",
                            source->place, name);
}

bool program_parse(struct program *program, const struct program_source *source,
                   struct sde_status *status)
{
  struct program_parser parser = {.program = program, .source = source, .status = status};
  for (size_t i = 0; i < source->constants + source->vectors; i++)
    if (!check_given(source, i, status))
      return false;
  for (size_t v = 0; v < program->vectors; v++)
    parser.variable[parser.variables++] =
        (struct program_variable){program->name[v], strlen(program->name[v]), program->next[v]};
  for (; parser.line < source->lines; parser.line++) {
    parser.text = source->line[parser.line];
    parser.depth = 0;
    if (!parse_line(&parser))
      return false;
  }
  const struct program_node *end = &program->node[program->next[0]];
  return end->op != PROGRAM_STATE || end->which != 0 ||
         sde_fail(status, SDE_INVALID,
                  "%s: no line gives x a new value; one such as "
                  "`x = x - eta*grad(x)` is needed",
                  source->place);
}
