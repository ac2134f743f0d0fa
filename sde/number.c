/*
 * Numbers as text: see number.h.
 */
#include "sde/number.h"

#include <locale.h>

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

struct sde_numerals sde_numerals_begin(void)
{
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  return (struct sde_numerals){plain, uselocale(plain)};
}

void sde_numerals_end(struct sde_numerals numerals)
{
  uselocale(numerals.before);
  freelocale(numerals.plain);
}

/* digits * 10^exponent, of which the digits have been counted up to the largest whole number that
 * is exact. */
struct decimal {
  bool negative, exact;
  uint64_t digits;
  long exponent;
};

static const uint64_t DIGITS_MOST = UINT64_C(1) << DBL_MANT_DIG;
static const long EXPONENT_MOST = 100000;

static bool is_digit(char byte)
{
  return byte >= '0' && byte <= '9';
}

/* Digits from *at on; how many there are. */
static size_t read_digits(const char **at, const char *end, bool fraction, struct decimal *decimal)
{
  const char *begun = *at;
  for (; *at < end && is_digit(**at); ++*at) {
    uint64_t longer = 10 * decimal->digits + (uint64_t)(**at - '0');
    decimal->exact = decimal->exact && longer <= DIGITS_MOST;
    if (decimal->exact)
      decimal->digits = longer;
    decimal->exponent -= fraction;
  }
  return (size_t)(*at - begun);
}

static bool read_exponent(const char *at, const char *end, struct decimal *decimal)
{
  bool negative = at < end && *at == '-';
  at += at < end && (*at == '-' || *at == '+');
  long exponent = 0;
  const char *begun = at;
  for (; at < end && is_digit(*at); at++)
    exponent = exponent < EXPONENT_MOST ? 10 * exponent + (*at - '0') : exponent;
  decimal->exponent += negative ? -exponent : exponent;
  return at > begun && at == end;
}

static bool parse(size_t length, const char *text, struct decimal *decimal)
{
  const char *at = text, *end = text + length;
  *decimal = (struct decimal){.exact = true};
  decimal->negative = at < end && *at == '-';
  at += at < end && (*at == '-' || *at == '+');
  size_t count = read_digits(&at, end, false, decimal);
  if (at < end && *at == '.') {
    at++;
    count += read_digits(&at, end, true, decimal);
  }
  if (count == 0)
    return false;
  return at == end || ((*at == 'e' || *at == 'E') && read_exponent(at + 1, end, decimal));
}

/* By the C library, of a text that parse accepted. */
static bool convert(size_t length, const char *text, double *number)
{
  struct sde_numerals numerals = sde_numerals_begin();
  char *end;
  errno = 0;
  *number = strtod(text, &end) + 0.0; /* no negative zero */
  bool good = end == text + length && isfinite(*number) && (errno == 0 || *number != 0);
  sde_numerals_end(numerals);
  return good;
}

bool sde_number_read(size_t length, const char *text, double *number)
{
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  enum { POWERS = sizeof powers / sizeof *powers };
  struct decimal decimal;
  *number = 0;
  if (!parse(length, text, &decimal))
    return false;
  if (!decimal.exact || labs(decimal.exponent) >= POWERS)
    return convert(length, text, number);
  /* Both numbers are exact, so that their product or quotient is rounded once. W. D. Clinger, How
   * to read floating point numbers accurately, PLDI 1990. */
  double digits = (double)decimal.digits;
  *number =
      decimal.exponent < 0 ? digits / powers[-decimal.exponent] : digits * powers[decimal.exponent];
  if (decimal.negative)
    *number = 0 - *number;
  return true;
}
