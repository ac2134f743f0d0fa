/*
 * Judging power laws and plateaus: see judgement.h.
 */
#include "experiments/studies/judgement.h"

#include "experiments/results/interval_words.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Nearer than this to a whole slope, a slope is nearer to it than to any other. */
static const double half_way = 0.5;

/* Share of the predicted slope by which a slope may miss it beyond its interval: finite eta and
 * rho bend the power law. */
static const double bend = 0.1;

/* To deny, x must be as far apart as this; eta such as 0.2, 0.1 are, but for rounding. */
static const double apart = 1.99;

enum holds judgement_slope(double slope, double half, double predicted, double tolerance)
{
  double away = fabs(slope - predicted);
  if (away - half > tolerance)
    return HOLDS_NO;
  return away + half < half_way ? HOLDS_YES : HOLDS_UNDECIDED;
}

static void add(size_t size, char *text, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(size_t size, char *text, const char *format, ...)
{
  size_t used = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, size - used, format, arguments);
  va_end(arguments);
}

/* ---- exact errors ---- */

/* Do the smallest points, on which the limit of the slope rests, have one sign? */
static bool is_settled(const struct error_line *line)
{
  bool one_sign = true;
  for (size_t i = 1; i < line->count && i < 4; i++)
    one_sign &= line->point[i].difference * line->point[0].difference > 0;
  return one_sign;
}

static enum holds judge_exact(const struct error_line *line, double predicted, size_t size,
                              char *text)
{
  double half, slope = error_line_slope_limit(line, &half), tolerance = bend * predicted;
  if (line->resolved == 0) {
    add(size, text, "no difference beyond rounding (undecided: nothing to fall)");
    return HOLDS_UNDECIDED;
  }
  add(size, text, "exact slope %.3f to within %.2g at %s -> 0", slope, half, line->axis);
  if (!(half <= tolerance) || !is_settled(line)) {
    add(size, text, " (undecided: %s: smaller %s would decide)",
        is_settled(line) ? "local slopes still move" : "it changes its sign", line->axis);
    return HOLDS_UNDECIDED;
  }
  enum holds holds = judgement_slope(slope, half, predicted, tolerance);
  if (holds != HOLDS_NO || slope < predicted)
    return holds;
  add(size, text, " (undecided: it falls faster than the bound, which nothing contradicts)");
  return HOLDS_UNDECIDED;
}

/* ---- simulated errors ---- */

static double half_of(const struct error_line_point *point, double quantile)
{
  return quantile * point->se + point->scheme_error + point->rounding;
}

static double lower(const struct error_line_point *point, double quantile)
{
  return fmax(0, fabs(point->difference) - half_of(point, quantile));
}

static double upper(const struct error_line_point *point, double quantile)
{
  return fabs(point->difference) + half_of(point, quantile);
}

/* The slope between two points and its interval; INFINITY where a size may be zero. */
struct span {
  double low, slope, high;
};

static struct span span_of(const struct error_line_point *fine,
                           const struct error_line_point *coarse, double quantile)
{
  double scale = log(coarse->x / fine->x);
  return (struct span){log(lower(coarse, quantile) / upper(fine, quantile)) / scale,
                       log(fabs(coarse->difference) / fabs(fine->difference)) / scale,
                       log(upper(coarse, quantile) / lower(fine, quantile)) / scale};
}

/* The smallest point and the two next that are each at least twice the one before: false where
 * there are not as many. */
static bool smallest_apart(const struct error_line *line, const struct error_line_point *three[3])
{
  size_t found = 0;
  for (size_t i = 0; i < line->count && found < 3; i++)
    if (found == 0 || line->point[i].x >= apart * three[found - 1]->x)
      three[found++] = &line->point[i];
  return found == 3;
}

static bool is_slow(double slope, double predicted)
{
  return slope < predicted - half_way && slope > -half_way;
}

/* Does it surely fall too slowly at the smallest x? */
static bool falls_slowly(const struct error_line *line, double predicted, double quantile)
{
  const struct error_line_point *three[3];
  if (!smallest_apart(line, three))
    return false;
  bool slow = true;
  for (size_t i = 0; i < 3; i++)
    slow &= lower(three[i], quantile) > 0 && three[i]->difference * three[0]->difference > 0;
  for (size_t i = 0; i < 2; i++)
    slow &= is_slow(span_of(three[i], three[i + 1], quantile).slope, predicted);
  struct span whole = span_of(three[0], three[2], quantile);
  return slow && is_slow(whole.high, predicted) && whole.low > -half_way;
}

/* Are there differences of both signs, each beyond its interval? */
static bool changes_sign(const struct error_line *line, double quantile)
{
  bool above = false, below = false;
  for (size_t i = 0; i < line->count; i++) {
    bool resolved = lower(&line->point[i], quantile) > 0;
    above |= resolved && line->point[i].difference > 0;
    below |= resolved && line->point[i].difference < 0;
  }
  return above && below;
}

/* By how much more paths the interval at the smallest x would be a quarter of what the power law
 * predicts there from the largest; NAN where nothing is resolved, or the scheme's error is more. */
static double more_paths(const struct error_line *line, double predicted, double quantile)
{
  const struct error_line_point *fine = &line->point[0], *coarse = &line->point[line->count - 1];
  double expected = fabs(coarse->difference) * pow(fine->x / coarse->x, predicted);
  double room = expected / 4 - fine->scheme_error - fine->rounding;
  if (!(lower(coarse, quantile) > 0) || !(room > 0))
    return NAN;
  return pow(quantile * fine->se / room, 2);
}

static void say_what_decides(const struct error_line *line, double predicted, double quantile,
                             double paths, size_t size, char *text)
{
  const struct error_line_point *three[3];
  double more = more_paths(line, predicted, quantile);
  if (!(lower(&line->point[line->count - 1], quantile) > 0))
    add(size, text,
        " (undecided: no difference is resolved at the largest %s: more paths would tell)",
        line->axis);
  else if (more > 1.2)
    add(size, text, " (undecided: about %.2g paths would decide)", more * paths);
  else if (isnan(more))
    add(size, text, " (undecided: the scheme's error hides it: more substeps would tell)");
  else if (!smallest_apart(line, three))
    add(size, text, " (undecided: a further %s, %.4g, would decide)", line->axis,
        line->point[0].x / 2);
  else
    add(size, text, " (undecided: smaller %s would decide, %.4g)", line->axis,
        line->point[0].x / 2);
}

/* The slope that decides whether the claim holds: the fitted one, or that over all x, whichever is
 * known better: with few points a fit that bends knows its slope badly. */
static struct span judged_slope(const struct error_line *line, double quantile, bool *fitted)
{
  double half = fit_half(line->fit, quantile);
  struct span whole = span_of(&line->point[0], &line->point[line->count - 1], quantile);
  *fitted = !isnan(line->fit.slope) && !(whole.high - whole.low < 2 * half);
  return *fitted ? (struct span){line->fit.slope - half, line->fit.slope, line->fit.slope + half}
                 : whole;
}

static void describe(const struct error_line *line, struct span slope, bool fitted, double quantile,
                     size_t size, char *text)
{
  const struct error_line_point *fine = &line->point[0], *coarse = &line->point[line->count - 1];
  if (fitted)
    add(size, text, "slope %s fitted", interval_words(slope.slope, slope.high - slope.slope).text);
  else
    add(size, text, "%s at %s %g, %s at %g, slope %.2f",
        interval_words(coarse->difference, half_of(coarse, quantile)).text, line->axis, coarse->x,
        interval_words(fine->difference, half_of(fine, quantile)).text, fine->x, slope.slope);
}

static enum holds judge_simulated(const struct error_line *line, double predicted, double quantile,
                                  double paths, size_t size, char *text)
{
  bool fitted;
  struct span slope = judged_slope(line, quantile, &fitted);
  struct span finest = span_of(&line->point[0], &line->point[1], quantile);
  describe(line, slope, fitted, quantile, size, text);
  if (changes_sign(line, quantile)) {
    add(size, text,
        " (undecided: it changes its sign, which nothing contradicts: smaller %s, %.4g, "
        "would decide)",
        line->axis, line->point[0].x / 2);
    return HOLDS_UNDECIDED;
  }
  if (falls_slowly(line, predicted, quantile))
    return HOLDS_NO;
  if (slope.low > predicted - half_way && slope.high < predicted + half_way &&
      !(finest.high < predicted - half_way))
    return HOLDS_YES;
  if (slope.low > predicted + bend * predicted && slope.slope > predicted + half_way)
    add(size, text, " (undecided: it falls faster than the bound, which nothing contradicts)");
  else
    say_what_decides(line, predicted, quantile, paths, size, text);
  return HOLDS_UNDECIDED;
}

enum holds judgement_fall(const struct error_line *line, double predicted, double quantile,
                          double paths, size_t size, char *text)
{
  text[0] = '\0';
  for (size_t i = 0; i < line->count; i++)
    if (isnan(line->point[i].difference)) {
      add(size, text, "no path survived (undecided: smaller %s would tell)", line->axis);
      return HOLDS_UNDECIDED;
    }
  if (line->count < 2) {
    add(size, text, "one %s (undecided: a second one, %.4g, would tell)", line->axis,
        line->count == 0 ? NAN : line->point[0].x / 2);
    return HOLDS_UNDECIDED;
  }
  return line->exact ? judge_exact(line, predicted, size, text)
                     : judge_simulated(line, predicted, quantile, paths, size, text);
}

/* ---- plateaus ---- */

enum holds judgement_plateau(const struct error_line *line, double order, double quantile,
                             size_t size, char *text)
{
  if (line->count < 3) {
    snprintf(text, size, "%zu points, three are needed", line->count);
    return HOLDS_UNDECIDED;
  }
  const struct error_line_point *smallest = &line->point[0];
  double half, rest = error_line_rest(line, order, quantile, &half);
  char *bound = sde_format("%.3g to within %.1g", rest, half);
  snprintf(text, size, "%s at %s -> 0, %.3g at %g",
           line->exact ? bound : interval_words(rest, half).text, line->axis, smallest->difference,
           smallest->x);
  sde_free(bound);
  double now = fabs(smallest->difference);
  if (fabs(rest) - half > now / 2 && error_line_is_flat(line, rest, order))
    return HOLDS_YES;
  return fabs(rest) + half < now / 4 ? HOLDS_NO : HOLDS_UNDECIDED;
}
