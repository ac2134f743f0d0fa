/*
 * The parser of formulas. See formula_parse.h.
 */
#include "models/formula_parse.h"

#include "models/lexer.h"

#include <stdio.h>
#include <string.h>

/* Parentheses, signs and exponents inside one another. */
enum { DEPTH_MAX = 200, NAMES_SHOWN = 12 };

static const struct {
  const char *name;
  enum formula_op op;
} functions[] = {{"sqrt", FORMULA_SQRT},   {"exp", FORMULA_EXP},   {"log", FORMULA_LOG},
                 {"log1p", FORMULA_LOG1P}, {"sin", FORMULA_SIN},   {"cos", FORMULA_COS},
                 {"tan", FORMULA_TAN},     {"atan", FORMULA_ATAN}, {"sinh", FORMULA_SINH},
                 {"cosh", FORMULA_COSH},   {"tanh", FORMULA_TANH}, {"softplus", FORMULA_SOFTPLUS},
                 {"pow", FORMULA_POWER},   {"+", FORMULA_ADD},     {"-", FORMULA_SUBTRACT},
                 {"*", FORMULA_MULTIPLY},  {"/", FORMULA_DIVIDE},  {"-", FORMULA_NEGATE}};

enum { FUNCTIONS = 13, OPERATIONS = sizeof functions / sizeof *functions };

const char formula_functions[] = "sqrt, exp, log, log1p, sin, cos, tan, atan, sinh, cosh, tanh, "
                                 "softplus, pow";

/* Losses must be differentiable twice: what is not gets its own sentence. */
static const struct {
  const char *name, *instead;
} refused[] = {{"abs", "sqrt(a^2 + c^2) with a small c is smooth"},
               {"sign", "tanh(a/c) with a small c is smooth"},
               {"max", "c*softplus((a - b)/c) + b with a small c is smooth"},
               {"min", "a - c*softplus((a - b)/c) with a small c is smooth"},
               {"relu", "softplus(a) is smooth"},
               {"floor", "it has no smooth form"},
               {"ceil", "it has no smooth form"},
               {"round", "it has no smooth form"}};

struct parser {
  struct formula_graph *graph;
  struct formula_names *names;
  const char *text, *at;
  const char *counted; /* a place in the text, and its column */
  size_t column;
  const char *place, *what;
  size_t depth;
  struct sde_status *status;
};

/* The function of a name, or OPERATIONS. */
static size_t function_of(const char *text, size_t length)
{
  size_t i = 0;
  while (i < FUNCTIONS && !lexer_matches(functions[i].name, text, length))
    i++;
  return i < FUNCTIONS ? i : OPERATIONS;
}

bool formula_is_name(const char *text)
{
  size_t length = lexer_name_length(text);
  return length > 0 && text[length] == '\0' && function_of(text, length) == OPERATIONS;
}

const char *formula_op_name(enum formula_op op)
{
  size_t i = 0;
  while (i + 1 < OPERATIONS && functions[i].op != op)
    i++;
  return functions[i].name;
}

/* A place in the text, in characters, counted on or back from the place before. */
static size_t column_of(struct parser *parser, const char *at)
{
  while (parser->counted < at)
    parser->column += lexer_begins_character(*parser->counted++);
  while (parser->counted > at)
    parser->column -= lexer_begins_character(*--parser->counted);
  return parser->column;
}

static bool fail(struct parser *parser, const char *at, const char *sentence)
{
  return sde_fail(parser->status, SDE_INVALID, "%s: %s, column %zu: %s", parser->place,
                  parser->what, column_of(parser, at), sentence);
}

/* fail with a sentence that is released. */
static bool fail_with(struct parser *parser, const char *at, char *sentence)
{
  fail(parser, at, sentence);
  sde_free(sentence);
  return false;
}

/* What stands here, for a sentence; released with sde_free. */
static char *found(const char *at)
{
  size_t length = lexer_is_letter(*at) ? lexer_name_length(at) : 1;
  return *at == '\0' ? sde_strdup("the end") : sde_format("'%.*s'", (int)length, at);
}

static bool fail_expected(struct parser *parser, const char *expected)
{
  char *here = found(parser->at);
  bool double_star = parser->at > parser->text && parser->at[-1] == '*' && *parser->at == '*';
  fail_with(parser, parser->at,
            sde_format("expected %s, found %s%s", expected, here,
                       double_star ? "; a power is written a^b" : ""));
  sde_free(here);
  return false;
}

static void skip_blanks(struct parser *parser)
{
  parser->at += strspn(parser->at, " \t\r\n");
}

/* Step over a character where it stands next. */
static bool accept(struct parser *parser, char c)
{
  skip_blanks(parser);
  if (*parser->at != c)
    return false;
  parser->at++;
  return true;
}

static bool enter(struct parser *parser)
{
  return parser->depth++ < DEPTH_MAX ||
         fail_with(parser, parser->at,
                   sde_format("nested more than %d deep; name parts of it in constants, or write "
                              "the loss as a plug-in",
                              DEPTH_MAX));
}

/* The operation that is written at a place. */
static uint32_t make(struct parser *parser, const char *at, enum formula_op op, uint32_t a,
                     uint32_t b)
{
  parser->graph->column = column_of(parser, at);
  return formula_make(parser->graph, op, a, b);
}

static bool parse_sum(struct parser *parser, uint32_t *node);
static bool parse_signed(struct parser *parser, uint32_t *node);

static bool parse_number(struct parser *parser, uint32_t *node)
{
  double number;
  const char *at = parser->at, *wrong = lexer_number(&at, &number);
  if (wrong != NULL)
    return fail(parser, at, wrong);
  *node = formula_number(parser->graph, number);
  parser->at = at;
  skip_blanks(parser);
  if (lexer_is_letter(*at) || *at == '.')
    return fail_expected(parser, "an operator after the number (a product is written 2*x)");
  return true;
}

static char *known_names(const struct formula_names *names)
{
  char *list = sde_strdup("");
  for (size_t i = 0; i < names->count; i++) {
    bool last = i == NAMES_SHOWN;
    char *longer =
        sde_format("%s%s%s", list, i == 0 ? "" : ", ", last ? "..." : names->name[i].name);
    sde_free(list);
    list = longer;
    if (last)
      break;
  }
  return list;
}

static bool unknown_name(struct parser *parser, const char *name, size_t length)
{
  char *list = known_names(parser->names);
  fail_with(parser, name, sde_format("unknown name '%.*s'; known are %s", (int)length, name, list));
  sde_free(list);
  return false;
}

static bool unknown_function(struct parser *parser, const char *name, size_t length)
{
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (lexer_matches(refused[i].name, name, length))
      return fail_with(parser, name,
                       sde_format("%s is not differentiable everywhere, and a loss must be; %s",
                                  refused[i].name, refused[i].instead));
  return fail_with(
      parser, name,
      sde_format("unknown function '%.*s'; known are %s", (int)length, name, formula_functions));
}

static bool close(struct parser *parser, const char *open)
{
  if (accept(parser, ')'))
    return true;
  char *expected =
      sde_format("an operator or ')' for the '(' in column %zu", column_of(parser, open));
  fail_expected(parser, expected);
  sde_free(expected);
  return false;
}

static bool parse_call(struct parser *parser, const char *name, size_t length, uint32_t *node)
{
  size_t function = function_of(name, length);
  const char *open = parser->at - 1;
  uint32_t a, b = 0;
  if (function == OPERATIONS)
    return unknown_function(parser, name, length);
  if (!parse_sum(parser, &a))
    return false;
  if (functions[function].op == FORMULA_POWER &&
      ((!accept(parser, ',') && !fail_expected(parser, "',': pow has two arguments")) ||
       !parse_sum(parser, &b)))
    return false;
  if (functions[function].op != FORMULA_POWER && accept(parser, ','))
    return fail_with(parser, parser->at - 1,
                     sde_format("%s has one argument", functions[function].name));
  *node = make(parser, name, functions[function].op, a, b);
  return close(parser, open);
}

static bool parse_name(struct parser *parser, uint32_t *node)
{
  const char *name = parser->at;
  size_t length = lexer_name_length(name);
  parser->at += length;
  if (accept(parser, '('))
    return parse_call(parser, name, length, node);
  for (size_t i = 0; i < parser->names->count; i++)
    if (lexer_matches(parser->names->name[i].name, name, length)) {
      parser->names->name[i].used = true;
      *node = parser->names->name[i].node;
      return true;
    }
  return function_of(name, length) < OPERATIONS ? fail_expected(parser, "'(' after a function")
                                                : unknown_name(parser, name, length);
}

static bool parse_primary(struct parser *parser, uint32_t *node)
{
  skip_blanks(parser);
  const char *at = parser->at;
  if (lexer_is_digit(*at) || (*at == '.' && lexer_is_digit(at[1])))
    return parse_number(parser, node);
  if (lexer_is_letter(*at))
    return parse_name(parser, node);
  if (accept(parser, '('))
    return parse_sum(parser, node) && close(parser, at);
  return fail_expected(parser, "a number, a name or '('");
}

static bool parse_power(struct parser *parser, uint32_t *node)
{
  uint32_t exponent;
  if (!parse_primary(parser, node))
    return false;
  if (!accept(parser, '^'))
    return true;
  const char *at = parser->at - 1;
  if (!parse_signed(parser, &exponent))
    return false;
  *node = make(parser, at, FORMULA_POWER, *node, exponent);
  return true;
}

static bool parse_signed(struct parser *parser, uint32_t *node)
{
  bool minus = accept(parser, '-'), sign = minus || accept(parser, '+');
  const char *at = parser->at - 1;
  if (!enter(parser) || !(sign ? parse_signed(parser, node) : parse_power(parser, node)))
    return false;
  parser->depth--;
  if (minus)
    *node = make(parser, at, FORMULA_NEGATE, *node, 0);
  return true;
}

static bool parse_product(struct parser *parser, uint32_t *node)
{
  if (!parse_signed(parser, node))
    return false;
  for (;;) {
    bool times = accept(parser, '*');
    if (!times && !accept(parser, '/'))
      return true;
    const char *at = parser->at - 1;
    uint32_t factor;
    if (!parse_signed(parser, &factor))
      return false;
    *node = make(parser, at, times ? FORMULA_MULTIPLY : FORMULA_DIVIDE, *node, factor);
  }
}

static bool parse_sum(struct parser *parser, uint32_t *node)
{
  if (!parse_product(parser, node))
    return false;
  for (;;) {
    bool plus = accept(parser, '+');
    if (!plus && !accept(parser, '-'))
      return true;
    const char *at = parser->at - 1;
    uint32_t term;
    if (!parse_product(parser, &term))
      return false;
    *node = make(parser, at, plus ? FORMULA_ADD : FORMULA_SUBTRACT, *node, term);
  }
}

bool formula_parse(struct formula_graph *graph, struct formula_names *names, const char *text,
                   const char *place, const char *what, uint32_t *root, struct sde_status *status)
{
  struct parser parser = {.graph = graph,
                          .names = names,
                          .text = text,
                          .at = text,
                          .counted = text,
                          .column = 1,
                          .place = place,
                          .what = what,
                          .status = status};
  if (!parse_sum(&parser, root))
    return false;
  skip_blanks(&parser);
  return *parser.at == '\0' || fail_expected(&parser, "an operator or the end");
}
