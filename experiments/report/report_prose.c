/*
 * Typography: see report_prose.h.
 */
#include "experiments/report/report_prose.h"

#include "experiments/report/report_html.h"
#include "sde/status.h"

#include <ctype.h>
#include <string.h>

/* A space at which no line breaks: a value stays beside its error. */
#define SPACE "\u00A0"

static bool is_letter(char byte)
{
  return isalpha((unsigned char)byte) || byte == '_';
}

static bool is_digit(char byte)
{
  return byte >= '0' && byte <= '9';
}

/* The length of the word that starts here: names and file names are one, with hyphens, points and
 * slashes that something follows. */
static size_t word_length(const char *at)
{
  size_t length = 1;
  while (is_letter(at[length]) || is_digit(at[length]) ||
         (at[length] != '\0' && strchr("-./", at[length]) != NULL &&
          (is_letter(at[length + 1]) || is_digit(at[length + 1]))))
    length++;
  return length;
}

static bool is_word(const char *at, size_t length, const char *word)
{
  return strlen(word) == length && strncmp(at, word, length) == 0;
}

static void add_superscript(struct text *text, const char *digits, size_t count)
{
  static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  for (size_t i = 0; i < count; i++)
    text_add(text, "%s", raised[digits[i] - '0']);
}

static size_t count_digits(const char *at)
{
  size_t count = 0;
  while (is_digit(at[count]))
    count++;
  return count;
}

/* An unsigned number, 3 or 0.2 or 5e-08; returns its length. */
static size_t add_number(struct text *text, const char *at)
{
  size_t mantissa = count_digits(at);
  if (at[mantissa] == '.' && is_digit(at[mantissa + 1]))
    mantissa += 1 + count_digits(at + mantissa + 1);
  const char *exponent = at + mantissa;
  size_t sign = exponent[0] == 'e' && (exponent[1] == '-' || exponent[1] == '+');
  size_t digits = exponent[0] == 'e' ? count_digits(exponent + 1 + sign) : 0;
  if (digits == 0 || is_letter(exponent[1 + sign + digits])) {
    text_add(text, "%.*s", (int)mantissa, at);
    return mantissa;
  }
  const char *power = exponent + 1 + sign;
  size_t zeros = 0;
  while (zeros + 1 < digits && power[zeros] == '0')
    zeros++;
  if (!is_word(at, mantissa, "1"))
    text_add(text, "%.*s" SPACE "×" SPACE, (int)mantissa, at);
  text_add(text, "10%s", sign && exponent[1] == '-' ? "⁻" : "");
  add_superscript(text, power + zeros, digits - zeros);
  return mantissa + 1 + sign + digits;
}

/* A power of a symbol, "^2"; the first power is the symbol itself. Returns its length. */
static size_t add_power(struct text *text, const char *at)
{
  size_t digits = at[0] == '^' ? count_digits(at + 1) : 0;
  if (digits == 0 || at[1 + digits] == '.')
    return 0;
  if (!is_word(at + 1, digits, "1"))
    add_superscript(text, at + 1, digits);
  return 1 + digits;
}

static const char *symbol_of(const char *at, size_t length)
{
  static const char *const symbols[][2] = {{"eta", "η"},   {"rho", "ρ"},   {"lambda", "λ"},
                                           {"theta", "θ"}, {"gamma", "γ"}, {"mu", "μ"},
                                           {"grad", "∇"}};
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
    if (is_word(at, length, symbols[i][0]))
      return symbols[i][1];
  return NULL;
}

/* A word: a symbol where it names one, and "b 4" or "m=4" as "b = 4". Returns its length. */
static size_t add_word(struct text *text, const char *at)
{
  size_t length = word_length(at);
  const char *symbol = symbol_of(at, length);
  if (symbol == NULL)
    text_add(text, "%.*s", (int)length, at);
  else
    text_add(text, "%s", symbol);
  bool operates = is_word(at, length, "grad");
  bool has_value = (symbol != NULL && !operates) || is_word(at, length, "b") ||
                   is_word(at, length, "m") || is_word(at, length, "s");
  if (operates && at[length] == ' ')
    return length + 1;
  if (symbol != NULL)
    length += add_power(text, at + length);
  if (has_value && (at[length] == ' ' || at[length] == '=') && is_digit(at[length + 1])) {
    text_add(text, SPACE "=" SPACE);
    length++;
  }
  return length;
}

/* Signs of two letters; returns how many bytes were read. */
static size_t add_sign(struct text *text, const char *at)
{
  static const char *const signs[][2] = {
      {" +- ", SPACE "±" SPACE}, {"+-", "±"}, {"->", "→"}, {"<-", "←"}, {" - ", " − "}};
  for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
    if (strncmp(at, signs[i][0], strlen(signs[i][0])) == 0) {
      text_add(text, "%s", signs[i][1]);
      return strlen(signs[i][0]);
    }
  return 0;
}

/* Is a hyphen here the sign of a number? */
static bool is_minus(const char *sentence, const char *at)
{
  return *at == '-' && (is_digit(at[1]) || (at[1] == '.' && is_digit(at[2]))) &&
         (at == sentence || strchr(" ([,:;=|", at[-1]) != NULL);
}

/* One sign or character; *norm says whether a norm is open. */
static size_t add_character(struct text *text, const char *sentence, const char *at, bool *norm)
{
  size_t length = add_sign(text, at);
  if (length > 0)
    return length;
  if (*at == '|' && (*norm || at[1] == 'g')) {
    *norm = !*norm;
    text_add(text, "‖");
  } else if (is_minus(sentence, at))
    text_add(text, "−");
  else
    text_add(text, "%c", *at);
  return 1;
}

void prose_add(struct text *text, const char *sentence)
{
  bool norm = false;
  text_add(text, "%s", "");
  for (const char *at = sentence; *at != '\0';) {
    const char *end = *at == '`' ? strchr(at + 1, '`') : NULL;
    bool after_word = at > sentence && (is_letter(at[-1]) || is_digit(at[-1]) || at[-1] == '.');
    if (end != NULL) {
      text_add(text, "%.*s", (int)(end + 1 - at), at);
      at = end + 1;
    } else if (is_letter(*at))
      at += add_word(text, at);
    else if (is_digit(*at) && !after_word)
      at += add_number(text, at);
    else
      at += add_character(text, sentence, at, &norm);
  }
}

void html_prose(struct text *page, const char *sentence)
{
  struct text text = {0};
  prose_add(&text, sentence);
  html_text(page, text.data);
  sde_free(text.data);
}

void html_prose_element(struct text *page, const char *tag, const char *attributes,
                        const char *sentence)
{
  struct text text = {0};
  prose_add(&text, sentence);
  html_element(page, tag, attributes, text.data);
  sde_free(text.data);
}
