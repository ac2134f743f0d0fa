/*
 * Reading printed mathematics: see formula_reader.h.
 */
#include "tests/formula_reader.h"

#include "experiments/io/text.h"
#include "sde/status.h"

#include <check.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the world ---- */

/* Cubic losses, so that Hessians move; gradients of both signs, so that norms are no gradients. */
double world_sample(size_t i, int derivative, double x)
{
  static const double c[WORLD_SAMPLES][3] = {{1.3, 0.8, 0.5}, {-2.1, 1.7, -0.4}, {0.9, -0.6, 0.7}};
  const double *p = c[i];
  return derivative == 0   ? ((p[2] / 6 * x + p[1] / 2) * x + p[0]) * x
         : derivative == 1 ? (p[2] / 2 * x + p[1]) * x + p[0]
         : derivative == 2 ? p[2] * x + p[1]
                           : p[2];
}

double world_loss(int derivative, double x)
{
  double sum = 0;
  for (size_t i = 0; i < WORLD_SAMPLES; i++)
    sum += world_sample(i, derivative, x);
  return sum / WORLD_SAMPLES;
}

double world_potential(size_t k, int derivative, double x)
{
  static const double c[WORLD_POTENTIALS][2] = {{0.7, 0.9}, {-0.4, 0.3}};
  return derivative == 0   ? (c[k][1] / 2 * x + c[k][0]) * x
         : derivative == 1 ? c[k][1] * x + c[k][0]
                           : c[k][1];
}

double world_variance(const struct world *world, double x)
{
  double sum = 0;
  for (size_t k = 0; world->gaussian && k < WORLD_POTENTIALS; k++)
    sum += pow(world_potential(k, 1, x), 2);
  for (size_t i = 0; !world->gaussian && i < WORLD_SAMPLES; i++)
    sum += pow(world_sample(i, 1, x) - world_loss(1, x), 2) / WORLD_SAMPLES;
  return sum;
}

bool world_next_batch(struct world *world)
{
  for (size_t j = 0; j < WORLD_BATCH; j++) {
    if (++world->draw[j] < WORLD_SAMPLES)
      return true;
    world->draw[j] = 0;
  }
  return false;
}

double world_derivative(double (*function)(void *context, double x), void *context, double x)
{
  const double h = 1e-3;
  return (8 * (function(context, x + h) - function(context, x - h)) -
          (function(context, x + 2 * h) - function(context, x - 2 * h))) /
         (12 * h);
}

/* For a mean over `count` draws from `first` on. */
static double batch_mean(const struct world *world, size_t first, size_t count, int derivative,
                         double x)
{
  double sum = 0;
  for (size_t j = first; j < first + count; j++)
    sum += world_sample(world->draw[j], derivative, x);
  return sum / (double)count;
}

/* ---- values ---- */

struct reader {
  const char *at;
  struct world world;
  bool in_norm; /* the next | closes */
};

static double read_sum(struct reader *reader);
static double read_term(struct reader *reader);
static double read_factor(struct reader *reader);

static void skip(struct reader *reader)
{
  while (*reader->at == ' ')
    reader->at++;
}

static double read_between(struct reader *reader, char close, bool norm)
{
  bool outer = reader->in_norm;
  reader->at++;
  reader->in_norm = norm;
  double value = read_sum(reader);
  skip(reader);
  ck_assert_msg(*reader->at == close, "'%c' is missing before: %s", close, reader->at);
  reader->at++;
  reader->in_norm = outer;
  return norm ? fabs(value) : value;
}

/* The rest of the term where it stands, in another world. */
struct elsewhere {
  struct reader reader;
  const char *end;
};

static double term_at(void *context, double x)
{
  struct elsewhere *elsewhere = context;
  struct reader reader = elsewhere->reader;
  reader.world.x = x;
  double value = read_term(&reader);
  elsewhere->end = reader.at;
  return value;
}

static double read_gradient(struct reader *reader)
{
  struct elsewhere elsewhere = {*reader, NULL};
  double value = world_derivative(term_at, &elsewhere, reader->world.x);
  reader->at = elsewhere.end;
  return value;
}

/* Over the samples, the potentials, the micro-batches or the draws of the batch. */
static double read_sum_over(struct reader *reader, char what)
{
  size_t count = what == 'i'   ? WORLD_SAMPLES
                 : what == 'k' ? WORLD_POTENTIALS
                 : what == 'B' ? WORLD_BATCH
                               : WORLD_BATCH / reader->world.m;
  double sum = 0;
  const char *end = reader->at;
  for (size_t j = 0; j < count; j++) {
    struct reader each = *reader;
    if (what == 'I' || what == 'j')
      each.world.micro = j;
    else
      each.world.index = what == 'B' ? each.world.draw[j] : j;
    sum += read_term(&each);
    end = each.at;
  }
  reader->at = end;
  return sum;
}

/* Mean and variance of a term or factor over all batches. */
static double read_moment(struct reader *reader, double (*read)(struct reader *reader),
                          bool variance)
{
  double sum = 0, square = 0;
  size_t count = 0;
  struct reader each = *reader;
  memset(each.world.draw, 0, sizeof each.world.draw);
  struct world world = each.world;
  do {
    each = *reader;
    each.world = world;
    double value = read(&each);
    sum += value;
    square += value * value;
    count++;
  } while (world_next_batch(&world));
  reader->at = each.at;
  double mean = sum / (double)count;
  return variance ? square / (double)count - mean * mean : mean;
}

static double mean_of_products(double x)
{
  double sum = 0;
  for (size_t i = 0; i < WORLD_SAMPLES; i++)
    sum += (world_sample(i, 2, x) - world_loss(2, x)) * (world_sample(i, 1, x) - world_loss(1, x));
  return sum / WORLD_SAMPLES;
}

/* The weight of rw-sam, for lambda 1. */
static double weight(const struct world *world)
{
  double sum = 0;
  for (size_t j = 0; j < WORLD_BATCH; j++)
    sum += exp(fabs(world_sample(world->draw[j], 1, world->x)));
  return exp(fabs(world_sample(world->index, 1, world->x))) / sum;
}

static bool is(const char *name, const char *word)
{
  return strcmp(name, word) == 0;
}

/* A gradient, V or a loss at a point; false where the name is none of these. */
static bool function_value(const struct world *w, const char *name, double x, double *value)
{
  if (is(name, "g"))
    *value = world_loss(1, x);
  else if (is(name, "f"))
    *value = world_loss(0, x);
  else if (is(name, "V"))
    *value = world_variance(w, x);
  else if (is(name, "g_B"))
    *value = batch_mean(w, 0, WORLD_BATCH, 1, x);
  else if (is(name, "g_I") || is(name, "g_Ij"))
    *value = batch_mean(w, w->micro * w->m, w->m, 1, x);
  else if (is(name, "g_i"))
    *value = world_sample(w->index, 1, x);
  else
    return false;
  return true;
}

/* What is printed at x alone: brackets behind it are factors. */
static bool point_value(const struct world *w, const char *name, double *value)
{
  if (is(name, "H"))
    *value = world_loss(2, w->x);
  else if (is(name, "H_I") || is(name, "H_B"))
    *value = batch_mean(w, w->micro * w->m, w->m, 2, w->x);
  else if (is(name, "phi_k"))
    *value = world_potential(w->index, 0, w->x);
  else if (is(name, "dg_i"))
    *value = world_sample(w->index, 1, w->x) - world_loss(1, w->x);
  else if (is(name, "dH_i"))
    *value = world_sample(w->index, 2, w->x) - world_loss(2, w->x);
  else if (is(name, "mean"))
    *value = mean_of_products(w->x);
  else if (is(name, "p_i"))
    *value = weight(w);
  else
    return false;
  return true;
}

/* A letter; the test fails where it means nothing. */
static double letter_value(const struct world *w, const char *name)
{
  const double b = WORLD_BATCH, n = WORLD_SAMPLES, m = (double)w->m;
  double value;
  const struct {
    const char *name;
    double value;
  } letters[] = {{"x", w->x}, {"rho", w->rho}, {"b", b}, {"n", n}, {"m", m}, {"theta", 1 / m}};
  for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
    if (is(name, letters[i].name))
      return letters[i].value;
  for (size_t i = 0; i < WORLD_DEFINITIONS && w->definition[i].name != NULL; i++)
    if (is(name, w->definition[i].name))
      return formula_value(w, w->definition[i].text);
  bool known = point_value(w, name, &value) || function_value(w, name, w->x, &value);
  ck_assert_msg(known, "'%s' means nothing", name);
  return value;
}

static double read_named(struct reader *reader, const char *name)
{
  double value;
  skip(reader);
  if (is(name, "sum"))
    ck_abort_msg("a sum over nothing: %s", reader->at);
  if (strncmp(name, "sum_", 4) == 0)
    return read_sum_over(reader, name[4]);
  if (is(name, "E"))
    return read_moment(reader, read_term, false);
  if (is(name, "Cov"))
    return read_moment(reader, read_factor, true);
  if (is(name, "tr"))
    return read_factor(reader);
  if (is(name, "grad") && strncmp(reader->at, "^2", 2) != 0)
    return read_gradient(reader);
  if (is(name, "hess") || is(name, "grad")) {
    reader->at += is(name, "grad") ? 2 : 0;
    skip(reader);
    ck_assert_msg(strncmp(reader->at, "phi_k", 5) == 0, "a Hessian of what? %s", reader->at);
    reader->at += 5;
    return world_potential(reader->world.index, 2, reader->world.x);
  }
  if (*reader->at == '(' && is(name, "c"))
    return 1 / read_between(reader, ')', false);
  if (*reader->at == '(' && function_value(&reader->world, name, 0, &value)) {
    function_value(&reader->world, name, read_between(reader, ')', false), &value);
    return value;
  }
  return letter_value(&reader->world, name);
}

static double read_power(struct reader *reader, double value)
{
  if (strncmp(reader->at, "^2", 2) == 0) {
    reader->at += 2;
    return value * value;
  }
  if (strncmp(reader->at, "^T", 2) == 0)
    reader->at += 2;
  return value;
}

static double read_factor(struct reader *reader)
{
  char name[16];
  size_t length = 0;
  double value;
  skip(reader);
  char first = *reader->at;
  if (first == '(')
    value = read_between(reader, ')', false);
  else if (first == '[')
    value = read_between(reader, ']', false);
  else if (first == '|')
    value = read_between(reader, '|', true);
  else if (isdigit((unsigned char)first)) {
    char *end;
    value = strtod(reader->at, &end);
    reader->at = end;
  } else {
    while (length + 1 < sizeof name && (isalpha((unsigned char)reader->at[length]) ||
                                        (length > 0 && reader->at[length] == '_')))
      length++;
    ck_assert_msg(length > 0, "no formula: %s", reader->at);
    memcpy(name, reader->at, length);
    name[length] = '\0';
    reader->at += length;
    value = read_named(reader, name);
  }
  return read_power(reader, value);
}

static double read_term(struct reader *reader)
{
  double value = read_factor(reader);
  for (;;) {
    skip(reader);
    char next = *reader->at;
    if (next == '/') {
      reader->at++;
      value /= read_factor(reader);
    } else if (isalnum((unsigned char)next) || next == '(' || next == '[' ||
               (next == '|' && !reader->in_norm))
      value *= read_factor(reader);
    else
      return value;
  }
}

static double read_sum(struct reader *reader)
{
  double sum = 0, sign = 1;
  skip(reader);
  for (bool first = true; first || *reader->at == '+' || *reader->at == '-'; first = false) {
    if (*reader->at == '+' || *reader->at == '-')
      sign = *reader->at++ == '-' ? -1 : 1;
    sum += sign * read_term(reader);
    skip(reader);
  }
  return sum;
}

double formula_value(const struct world *world, const char *formula)
{
  struct reader reader = {formula, *world, false};
  double value = read_sum(&reader);
  ck_assert_msg(*reader.at == '\0', "what is this: '%s' in '%s'", reader.at, formula);
  return value;
}

/* ---- MathML ---- */

static const char *const symbols[][2] = {
    {"ρ", "rho "},   {"η", "eta "}, {"∇", "grad "},   {"δ", "d"},      {"Σ", "Sigma "},
    {"θ", "theta "}, {"φ", "phi "}, {"−", "- "},      {"‖", "|"},      {"∑", "sum"},
    {"←", "<- "},    {"∝", "~ "},   {"λ", "lambda "}, {"γ", "gamma "}, {"μ", "mu "}};
enum { SYMBOLS = sizeof symbols / sizeof *symbols };

static const char *ascii_of(const char *symbol)
{
  for (size_t i = 0; i < SYMBOLS; i++)
    if (is(symbols[i][0], symbol))
      return symbols[i][1];
  return NULL;
}

/* A text with its symbols as words, of which none is followed by two spaces. */
static char *ascii_text(const char *at)
{
  struct text text = {0};
  text_add(&text, "%s", "");
  while (*at != '\0') {
    size_t i = 0;
    while (i < SYMBOLS && strncmp(at, symbols[i][0], strlen(symbols[i][0])) != 0)
      i++;
    const char *word = i < SYMBOLS ? symbols[i][1] : NULL;
    text_add(&text, "%.*s", word == NULL ? 1 : (int)strlen(word), word == NULL ? at : word);
    at += word == NULL ? 1 : strlen(symbols[i][0]);
    if (word != NULL && word[strlen(word) - 1] == ' ' && *at == ' ')
      at++;
  }
  text_add(&text, " ");
  return text.data;
}

static char *trimmed(const struct text *text)
{
  size_t length = text->length;
  while (length > 0 && text->data[length - 1] == ' ')
    length--;
  return sde_format("%.*s", (int)length, length == 0 ? "" : text->data);
}

/* The elements up to the end of the one that they stand in, one after the other. */
enum { CHILDREN = 64 };
struct children {
  size_t count;
  char *child[CHILDREN];
};

static struct children read_children(const char **at);

static char *joined(const struct children *children)
{
  struct text text = {0};
  text_add(&text, "%s", "");
  for (size_t i = 0; i < children->count; i++)
    text_add(&text, "%s", children->child[i]);
  return text.data;
}

/* In brackets unless it is one letter or number. */
static char *grouped(const char *text)
{
  struct text plain = {(char *)text, strlen(text), 0};
  char *bare = trimmed(&plain);
  bool single = strpbrk(bare, " +-*/(|") == NULL;
  char *out = single ? sde_strdup(bare) : sde_format("(%s)", bare);
  sde_free(bare);
  return out;
}

static char *combine(const char *tag, const struct children *of)
{
  char *first = of->count > 0 ? grouped(of->child[0]) : sde_strdup("");
  char *second = of->count > 1 ? grouped(of->child[1]) : sde_strdup(""), *out;
  if (is(tag, "mfrac"))
    out = sde_format("(%s/%s) ", first, second);
  else if (is(tag, "msqrt"))
    out = sde_format("sqrt%s%s%s ", first[0] == '(' ? "" : "(", first, first[0] == '(' ? "" : ")");
  else if (is(tag, "msub"))
    out = sde_format("%s_%s ", first, second);
  else if (is(tag, "msup"))
    out = sde_format("%s^%s ", strpbrk(of->child[0], "|(") != NULL ? of->child[0] : first, second);
  else if (is(tag, "munder") && is(first, "sum"))
    out = sde_format("sum_%s ", strstr(second, "in") != NULL ? "B" : second);
  else if (is(tag, "munder"))
    out = sde_strdup(of->child[0]); /* a term with its name below */
  else
    out = joined(of);
  sde_free(first);
  sde_free(second);
  return out;
}

static char *read_leaf(const char *tag, const char *text)
{
  const char *ascii = ascii_of(text);
  if (is(tag, "mspace"))
    return sde_strdup(" ");
  if (is(text, "∈"))
    return sde_strdup("in ");
  if (ascii != NULL)
    return sde_strdup(ascii);
  if (is(tag, "mtext"))
    return ascii_text(text);
  if (is(tag, "mo"))
    return sde_format("%s%s", text, strpbrk(text, "+=,") != NULL ? " " : "");
  return sde_format("%s ", text);
}

/* One element, from its < on. */
static char *read_element(const char **at)
{
  char tag[16] = "";
  size_t length = strcspn(*at + 1, " >");
  ck_assert_msg(**at == '<' && length < sizeof tag, "no element: %.40s", *at);
  memcpy(tag, *at + 1, length);
  *at = strchr(*at, '>') + 1;
  if (is(tag, "mi") || is(tag, "mo") || is(tag, "mn") || is(tag, "mtext") || is(tag, "mspace")) {
    char *text = sde_format("%.*s", (int)strcspn(*at, "<"), *at), *leaf = read_leaf(tag, text);
    *at = strchr(strchr(*at, '<'), '>') + 1;
    sde_free(text);
    return leaf;
  }
  struct children of = read_children(at);
  char *out = combine(tag, &of);
  for (size_t i = 0; i < of.count; i++)
    sde_free(of.child[i]);
  return out;
}

static struct children read_children(const char **at)
{
  struct children of = {0};
  while (strncmp(*at, "</", 2) != 0) {
    ck_assert_uint_lt(of.count, CHILDREN);
    of.child[of.count++] = read_element(at);
  }
  *at = strchr(*at, '>') + 1;
  return of;
}

char *formula_of_mathml(const char *page, const char **end)
{
  *end = strstr(page, "<math");
  return *end == NULL ? NULL : read_element(end);
}

/* ---- texts ---- */

char *formula_defined(const char *statements, const char *name)
{
  int depth = 0;
  for (const char *start = statements, *at = statements;; at++) {
    depth +=
        (*at != '\0' && strchr("([", *at) != NULL) - (*at != '\0' && strchr(")]", *at) != NULL);
    if (*at != '\0' && (*at != ',' || depth > 0))
      continue;
    start += strspn(start, " ");
    size_t length = strlen(name);
    if (strncmp(start, name, length) == 0 && start[length + strspn(start + length, " ")] == '=') {
      start += length + strspn(start + length, " ") + 1;
      struct text plain = {(char *)start + strspn(start, " "), 0, 0};
      plain.length = (size_t)(at - plain.data);
      return trimmed(&plain);
    }
    if (*at == '\0')
      return NULL;
    start = at + 1;
  }
}

char *formula_compact(const char *text)
{
  struct text out = {0};
  text_add(&out, "%s", "");
  for (; *text != '\0'; text++)
    if (!isspace((unsigned char)*text))
      text_add(&out, "%c", *text);
  return out.data;
}

char *formula_replaced(const char *text, const char *from, const char *to)
{
  struct text out = {0};
  const char *next;
  text_add(&out, "%s", "");
  for (; (next = strstr(text, from)) != NULL; text = next + strlen(from))
    text_add(&out, "%.*s%s", (int)(next - text), text, to);
  text_add(&out, "%s", text);
  return out.data;
}
