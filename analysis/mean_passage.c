/*
 * Mean first-passage times: see mean_passage.h. The coordinate is mirrored where the boundary is
 * below the start, so that it is always above. The inner integral is carried from piece to piece as
 * the logarithm of v(y) = e^Psi(y) int_{-inf}^y 2/s^2 e^-Psi, which neither overflows nor cancels.
 */
#include "analysis/mean_passage.h"

#include "analysis/line.h"
#include "sde/block.h"

#include <gsl/gsl_integration.h>
#include <gsl/gsl_sf_legendre.h>
#include <math.h>
#include <string.h>

/* Nodes of a piece: one block. Pieces of more than PIECES_MAX, or halved DEPTH_MAX times, mean that
 * the integrand is not one for quadrature: after more halves, all nodes of a piece are one double,
 * and agree whatever is there. */
enum { NODES = SDE_UNIT, PIECES_MAX = 20000, DEPTH_MAX = 44 };

/* How much Psi may change in a piece; how well its two halves must agree with it; by how much the
 * logarithm of the mass of a piece falls to the far end, where the rest is nothing to a double. */
static const double largest_change = 4, agreement = 1e-10, far = 45;

/* How near to a point where the noise vanishes drift and noise are still known beside their
 * rounding, as a share of that point or of the distance of the start. */
static const double nearest = 1e-10;

/* Where Psi falls behind the start by this much, it is not a deeper well but no well at all. */
static const double deepest = 1e4;

struct rule {
  double node[NODES], weight[NODES]; /* on [-1, 1], ascending */
  double cumulative[NODES * NODES];  /* [i*NODES + j]: int_-1^node_i of the j-th Lagrange basis */
};

/* The polynomial through values f_j at the nodes is sum_k (k + 1/2) (sum_j w_j P_k(x_j) f_j) P_k,
 * and int_-1^x P_k = (P_{k+1} - P_{k-1})(x) / (2k + 1). */
static void rule_make(struct rule *rule)
{
  gsl_integration_glfixed_table *table = gsl_integration_glfixed_table_alloc(NODES);
  for (size_t i = 0; i < NODES; i++)
    gsl_integration_glfixed_point(-1, 1, i, &rule->node[i], &rule->weight[i], table);
  gsl_integration_glfixed_table_free(table);
  double legendre[NODES][NODES + 1];
  for (size_t i = 0; i < NODES; i++)
    gsl_sf_legendre_Pl_array(NODES, rule->node[i], legendre[i]);
  for (size_t i = 0; i < NODES; i++)
    for (size_t j = 0; j < NODES; j++) {
      double sum = (rule->node[i] + 1) / 2;
      for (size_t k = 1; k < NODES; k++)
        sum += (legendre[i][k + 1] - legendre[i][k - 1]) / 2 * legendre[j][k];
      rule->cumulative[i * NODES + j] = rule->weight[j] * sum;
    }
}

/* Psi' and 2/s^2 at the nodes of [low, high], in the mirrored coordinate. */
struct piece {
  double low, high, slope[NODES], source[NODES];
};

/* Pieces from the boundary down. */
struct quadrature {
  struct line line;
  double sign;      /* of the mirror */
  double agreement; /* of the pieces that are now added */
  double source;    /* int 2/s^2 over the interval that is now added */
  struct rule rule;
  size_t count;
  struct piece *piece;
};

static bool piece_fill(const struct quadrature *quadrature, double low, double high,
                       struct piece *piece, struct sde_status *status)
{
  double x[NODES], drift[NODES], variance[NODES];
  for (size_t i = 0; i < NODES; i++)
    x[i] = quadrature->sign * (low + (high - low) / 2 * (1 + quadrature->rule.node[i]));
  line_at(&quadrature->line, x, drift, variance);
  piece->low = low;
  piece->high = high;
  for (size_t i = 0; i < NODES; i++) {
    piece->source[i] = 2 / variance[i];
    piece->slope[i] = -quadrature->sign * drift[i] * piece->source[i];
    if (!isfinite(piece->source[i]) || !isfinite(piece->slope[i]) || !(variance[i] > 0))
      return sde_fail(status, SDE_INVALID,
                      "drift or noise is not finite, or the noise vanishes, at %g", x[i]);
  }
  return true;
}

/* Half the length times the weighted sum of the values, or of their sizes. */
static double integral(const struct rule *rule, const struct piece *piece, const double *value)
{
  double sum = 0;
  for (size_t i = 0; i < NODES; i++)
    sum += rule->weight[i] * value[i];
  return (piece->high - piece->low) / 2 * sum;
}

static double variation(const struct rule *rule, const struct piece *piece)
{
  double sum = 0;
  for (size_t i = 0; i < NODES; i++)
    sum += rule->weight[i] * fabs(piece->slope[i]);
  return (piece->high - piece->low) / 2 * sum;
}

static bool push(struct quadrature *quadrature, const struct piece *piece,
                 struct sde_status *status)
{
  if (quadrature->count == PIECES_MAX)
    return sde_fail(status, SDE_INVALID,
                    "drift and noise cannot be integrated with %d pieces of %d nodes", PIECES_MAX,
                    NODES);
  quadrature->piece[quadrature->count++] = *piece;
  return true;
}

/* Add the piece by its halves, or by halves of those where they do not agree, the upper first. */
static bool add(struct quadrature *quadrature, const struct piece *whole, size_t depth,
                struct sde_status *status)
{
  const struct rule *rule = &quadrature->rule;
  double middle = whole->low + (whole->high - whole->low) / 2;
  struct piece lower, upper;
  if (!piece_fill(quadrature, whole->low, middle, &lower, status) ||
      !piece_fill(quadrature, middle, whole->high, &upper, status))
    return false;
  double slope = integral(rule, &lower, lower.slope) + integral(rule, &upper, upper.slope);
  double source = integral(rule, &lower, lower.source) + integral(rule, &upper, upper.source);
  double off = fabs(source - integral(rule, whole, whole->source));
  bool agrees = fabs(slope - integral(rule, whole, whole->slope)) <= quadrature->agreement;
  bool flat = fmax(variation(rule, &lower), variation(rule, &upper)) <= largest_change;
  /* Around a jump of the noise halves never agree, and in the end are nothing beside the whole. */
  double scale = depth < DEPTH_MAX ? source : quadrature->source;
  if (agrees && flat && off <= quadrature->agreement * scale)
    return push(quadrature, &upper, status) && push(quadrature, &lower, status);
  if (depth == DEPTH_MAX)
    return sde_fail(status, SDE_INVALID,
                    "drift over noise cannot be integrated around %g, where it has a pole",
                    quadrature->sign * middle);
  return add(quadrature, &upper, depth + 1, status) && add(quadrature, &lower, depth + 1, status);
}

static bool add_interval(struct quadrature *quadrature, double low, double high,
                         struct sde_status *status)
{
  struct piece whole;
  if (!piece_fill(quadrature, low, high, &whole, status))
    return false;
  quadrature->source = integral(&quadrature->rule, &whole, whole.source);
  return add(quadrature, &whole, 0, status);
}

/* Where the mass has fallen by e^fall nothing needs to agree better than that allows: far out the
 * system itself may not be known better, for cancellation. */
static double agreement_after(double fall)
{
  return agreement * exp(fmin(fall, 14));
}

/* The logarithm of what a piece weighs, int e^-Psi 2/s^2, by its lower end. */
static double mass_of(const struct piece *piece, double psi)
{
  return log(piece->source[0]) - psi + log(piece->high - piece->low);
}

/* A zero of the noise on the way from `from` to `to`, in the mirrored coordinate. */
static bool find_zero(const struct quadrature *quadrature, double from, double to,
                      struct line_zero *zero)
{
  if (!line_find_zero(&quadrature->line, quadrature->sign * from, quadrature->sign * to, zero))
    return false;
  zero->x *= quadrature->sign;
  return true;
}

/* What a zero between the start and the boundary means. */
static bool refuse_ahead(const struct quadrature *quadrature, const struct line_zero *zero,
                         struct sde_status *status)
{
  double x = quadrature->sign * zero->x;
  if (zero->end == LINE_REPELS || zero->end == LINE_DRAWS)
    return sde_fail(
        status, SDE_INVALID,
        "it is infinite: the noise vanishes at %g, before the boundary, and no path gets "
        "past",
        x);
  return sde_fail(
      status, SDE_INVALID,
      "drift or noise is not finite, or the noise vanishes, at %g, between the start and "
      "the boundary",
      x);
}

/* A zero behind the start ends the way there if it repels: *end. */
static bool end_behind(const struct quadrature *quadrature, double high, double low, double *end,
                       struct sde_status *status)
{
  struct line_zero zero;
  if (isfinite(*end) || !find_zero(quadrature, high, low, &zero))
    return true;
  *end = zero.x;
  if (zero.end == LINE_REPELS)
    return true;
  if (zero.end == LINE_UNCERTAIN)
    return sde_fail(status, SDE_INVALID,
                    "the noise vanishes at %g, in a way that leaves open whether paths pass",
                    quadrature->sign * zero.x);
  return sde_fail(status, SDE_INVALID,
                  "it is infinite: the noise vanishes at %g, behind the start, and paths that come "
                  "there do not return",
                  quadrature->sign * zero.x);
}

/* The lower end of the next interval behind the start: half the way to `end`, or all of `length`;
 * *last where that is as far as numbers are good for. */
static double next_low(double high, double length, double end, double reach, double start,
                       bool *last)
{
  double limit = -reach, low = high - length;
  if (isfinite(end)) {
    limit = end + nearest * fmax(fabs(end), start - end);
    low = fmax(low, end + (high - end) / 2);
  }
  *last = low <= limit;
  return fmax(low, limit);
}

/* Go down from the start, by ever longer intervals, until one is lighter than that before it and
 * nothing beside the heaviest piece. Towards a point where the noise vanishes they become ever
 * shorter instead. */
static bool add_behind(struct quadrature *quadrature, double start, double length, double reach,
                       struct sde_status *status)
{
  const struct rule *rule = &quadrature->rule;
  double psi = 0, mass = mass_of(&quadrature->piece[quadrature->count - 1], 0), largest = mass;
  double end = -INFINITY;
  bool ended = false;
  for (double high = start; !ended;) {
    size_t i = quadrature->count;
    if (!end_behind(quadrature, high, fmax(high - length, -reach), &end, status))
      return false;
    double before = mass, low = next_low(high, length, end, reach, start, &ended);
    quadrature->agreement = agreement_after(largest - mass);
    if (!add_interval(quadrature, low, high, status))
      return false;
    for (; i < quadrature->count; i++) {
      const struct piece *piece = &quadrature->piece[i];
      psi -= integral(rule, piece, piece->slope);
      largest = fmax(largest, mass_of(piece, psi));
    }
    const struct piece *last = &quadrature->piece[quadrature->count - 1];
    mass = mass_of(last, psi) + log((high - low) / (last->high - last->low));
    if (mass < largest - far && mass < before)
      return true;
    if (psi < -deepest)
      break;
    high = low;
    length = fmin(2 * length, fmax(far / fabs(last->slope[0]), length / 2));
  }
  if (isfinite(end))
    return sde_fail(status, SDE_INVALID,
                    "the noise vanishes at %g, behind the start, and paths come closer than can be "
                    "resolved",
                    quadrature->sign * end);
  return sde_fail(status, SDE_INVALID,
                  "nothing holds the path on the other side of the boundary, within %g of zero",
                  reach);
}

/* log(e^a + e^b) */
static double log_sum(double a, double b)
{
  double larger = fmax(a, b);
  return larger == -INFINITY ? larger : larger + log1p(exp(fmin(a, b) - larger));
}

/* Over one piece: *v is the logarithm of v at its lower end, then at its upper end. Returns the
 * logarithm of the integral of v. */
static double carry(const struct rule *rule, const struct piece *piece, double *v)
{
  double half = (piece->high - piece->low) / 2;
  double psi[NODES], term[NODES], logarithm[NODES], largest = -INFINITY, sum = 0;
  for (size_t i = 0; i < NODES; i++) {
    psi[i] = 0;
    for (size_t j = 0; j < NODES; j++)
      psi[i] += half * rule->cumulative[i * NODES + j] * piece->slope[j];
    term[i] = piece->source[i] * exp(-psi[i]);
  }
  for (size_t i = 0; i < NODES; i++) {
    double inner = 0;
    for (size_t j = 0; j < NODES; j++)
      inner += half * rule->cumulative[i * NODES + j] * term[j];
    logarithm[i] = psi[i] + log_sum(*v, log(fmax(0, inner)));
    largest = fmax(largest, logarithm[i]);
  }
  for (size_t i = 0; i < NODES; i++)
    sum += rule->weight[i] * exp(logarithm[i] - largest);
  *v = integral(rule, piece, piece->slope) + log_sum(*v, log(integral(rule, piece, term)));
  return largest + log(half * sum);
}

/* The logarithm of the time, by all pieces from the far end up to the boundary. */
static double log_time(const struct quadrature *quadrature, double start)
{
  double v = -INFINITY, total = -INFINITY;
  for (size_t i = quadrature->count; i-- > 0;) {
    double part = carry(&quadrature->rule, &quadrature->piece[i], &v);
    if (quadrature->piece[i].low >= start)
      total = log_sum(total, part);
  }
  return total;
}

/* Every piece by its halves. */
static bool halve(struct quadrature *quadrature, struct sde_status *status)
{
  struct piece *old = quadrature->piece;
  size_t count = quadrature->count;
  bool good = true;
  quadrature->piece = sde_alloc(2 * count, sizeof *quadrature->piece);
  quadrature->count = 0;
  for (size_t i = 0; good && i < count; i++) {
    double middle = old[i].low + (old[i].high - old[i].low) / 2;
    struct piece *half = quadrature->piece + quadrature->count;
    good = piece_fill(quadrature, middle, old[i].high, &half[0], status) &&
           piece_fill(quadrature, old[i].low, middle, &half[1], status);
    quadrature->count += 2;
  }
  sde_free(old);
  return good;
}

/* In the mirrored coordinate. */
static bool solve(struct quadrature *quadrature, double start, double boundary, double reach,
                  struct mean_passage *result, struct sde_status *status)
{
  double length = (boundary - start) / 8;
  struct line_zero zero;
  if (line_vanishes(&quadrature->line, quadrature->sign * start))
    return sde_fail(status, SDE_INVALID, "the noise vanishes at the start, %g",
                    quadrature->sign * start);
  if (find_zero(quadrature, start, boundary, &zero) && zero.x <= boundary)
    return refuse_ahead(quadrature, &zero, status);
  if (!add_interval(quadrature, start, boundary, status) ||
      !add_behind(quadrature, start, length, reach, status))
    return false;
  double coarse = log_time(quadrature, start);
  if (!halve(quadrature, status))
    return false;
  result->logarithm = log_time(quadrature, start);
  result->mean = exp(result->logarithm);
  double rounding = 1e-13 * (1 + fabs(result->logarithm));
  result->relative = fabs(expm1(coarse - result->logarithm)) + rounding;
  return true;
}

static struct quadrature *quadrature_new(const struct sde_system *system, double sign)
{
  struct quadrature *quadrature = sde_alloc(1, sizeof *quadrature);
  quadrature->line = line_new(system);
  quadrature->sign = sign;
  quadrature->agreement = agreement;
  quadrature->piece = sde_alloc(PIECES_MAX, sizeof *quadrature->piece);
  rule_make(&quadrature->rule);
  return quadrature;
}

static void quadrature_free(struct quadrature *quadrature)
{
  line_free(&quadrature->line);
  sde_free(quadrature->piece);
  sde_free(quadrature);
}

bool mean_passage_time(const struct sde_system *system, double start, double boundary, double reach,
                       struct mean_passage *result, struct sde_status *status)
{
  if (system->dim != 1)
    return sde_fail(status, SDE_INVALID,
                    "an exact mean first-passage time is known in one dimension, and there are %zu",
                    system->dim);
  double sign = boundary > start ? 1 : -1;
  struct quadrature *quadrature = quadrature_new(system, sign);
  bool good = solve(quadrature, sign * start, sign * boundary, reach, result, status);
  quadrature_free(quadrature);
  return good;
}

double mean_passage_variance(const struct sde_system *system, double x)
{
  struct line line = line_new(system);
  double at[SDE_UNIT], drift[SDE_UNIT], variance[SDE_UNIT];
  sde_block_fill(SDE_UNIT, x, at);
  line_at(&line, at, drift, variance);
  line_free(&line);
  return variance[0];
}
