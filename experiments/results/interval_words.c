/*
 * Intervals in words: see interval_words.h.
 */
#include "experiments/results/interval_words.h"

#include <math.h>
#include <stdio.h>

/* Below this a number is written with an exponent. */
static const double small = 1e-4;

/* A number to so many places behind the point, which may be negative. */
static void write_number(double number, int places, size_t size, char *text)
{
  double scale = pow(10, places), rounded = round(number * scale) / scale;
  int digits = rounded == 0 ? 0 : places + (int)floor(log10(fabs(rounded)));
  if (rounded != 0 && fabs(rounded) < small)
    snprintf(text, size, "%.*e", digits < 0 ? 0 : digits, rounded);
  else
    snprintf(text, size, "%.*f", places < 0 ? 0 : places, rounded == 0 ? 0 : rounded);
}

struct interval_words interval_words(double centre, double half)
{
  struct interval_words words;
  char middle[28], low[28], high[28];
  if (!isfinite(half) || !(half > 0) || !isfinite(centre)) {
    snprintf(words.text, sizeof words.text, isfinite(half) ? "%.4g" : "%.4g, no interval", centre);
    return words;
  }
  int places = 1 - (int)floor(log10(half));
  write_number(centre, places, sizeof middle, middle);
  write_number(centre - half, places, sizeof low, low);
  write_number(centre + half, places, sizeof high, high);
  snprintf(words.text, sizeof words.text, "%s [%s, %s]", middle, low, high);
  return words;
}
