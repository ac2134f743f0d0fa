/*
 * The words of formulas and of programs. See lexer.h.
 */
#include "models/lexer.h"

#include "sde/number.h"

#include <string.h>

bool lexer_is_digit(char byte)
{
  return byte >= '0' && byte <= '9';
}

bool lexer_is_letter(char byte)
{
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
         (unsigned char)byte >= 0x80;
}

bool lexer_begins_character(char byte)
{
  return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t lexer_name_length(const char *text)
{
  size_t length = 0;
  while (lexer_is_letter(text[length]) || (length > 0 && lexer_is_digit(text[length])))
    length++;
  return length;
}

bool lexer_matches(const char *name, const char *text, size_t length)
{
  return strlen(name) == length && memcmp(name, text, length) == 0;
}

const char *lexer_number(const char **at, double *number)
{
  static const char digits[] = "0123456789";
  const char *start = *at, *end = start + strspn(start, digits);
  if (*end == '.')
    end += 1 + strspn(end + 1, digits);
  if (*end == 'e' || *end == 'E') {
    const char *exponent = end + 1 + (end[1] == '-' || end[1] == '+');
    if (!lexer_is_digit(*exponent)) {
      *at = end;
      return "the exponent of a number needs digits, as in 1e-3";
    }
    end = exponent + strspn(exponent, digits);
  }
  if (!sde_number_read((size_t)(end - start), start, number))
    return "the number is beyond the range from 1e-307 to 1e308";
  *at = end;
  return NULL;
}
