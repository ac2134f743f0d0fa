/*
 * Frames: Newton's method for the drift's zero, scales from the drift's slope and the noise there,
 * and points of interpolation. See affine_frame.h.
 */
#include "models/affine_frame.h"

#include "sde/block.h"
#include "sde/status.h"

#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

/* The first Newton step may miss by its slope's rounding, where unit steps are far too small or too
 * large; those that follow know the scale. */
enum { NEWTON_STEPS = 4 };

static size_t triangle(size_t n)
{
  return n * (n + 1) / 2;
}

static struct affine_frame *frame_alloc(size_t dim)
{
  struct affine_frame *frame = sde_alloc(1, sizeof *frame);
  *frame =
      (struct affine_frame){dim, sde_alloc(dim, sizeof(double)), sde_alloc(dim, sizeof(double)),
                            sde_alloc(dim, sizeof(double)), sde_alloc(dim, sizeof(double))};
  return frame;
}

struct affine_frame *affine_frame_unit(size_t dim)
{
  struct affine_frame *frame = frame_alloc(dim);
  sde_block_fill(dim, 1, frame->step);
  return frame;
}

void affine_frame_free(struct affine_frame *frame)
{
  if (frame == NULL)
    return;
  sde_free(frame->centre);
  sde_free(frame->step);
  sde_free(frame->spread);
  sde_free(frame->offset);
  sde_free(frame);
}

/* Points of interpolation, a path each, in steps from the centre: 0; e_a at 1 + a; -e_a at
 * 1 + d + a; and e_a + e_b, b < a, at 1 + 2d + a(a-1)/2 + b. */
size_t affine_plus_point(size_t j)
{
  return 1 + j;
}

size_t affine_minus_point(size_t d, size_t j)
{
  return 1 + d + j;
}

static size_t sum_point(size_t d, size_t a, size_t b)
{
  return 1 + 2 * d + a * (a - 1) / 2 + b;
}

size_t affine_points(size_t d)
{
  return sde_block_padded(1 + 2 * d + triangle(d) - d);
}

void affine_set_points(const struct affine_frame *frame, size_t width, double *x)
{
  size_t d = frame->dim;
  for (size_t a = 0; a < d; a++)
    sde_block_fill(width, frame->centre[a], x + a * width);
  for (size_t a = 0; a < d; a++) {
    x[a * width + affine_plus_point(a)] += frame->step[a];
    x[a * width + affine_minus_point(d, a)] -= frame->step[a];
    for (size_t b = 0; b < a; b++) {
      x[a * width + sum_point(d, a, b)] += frame->step[a];
      x[b * width + sum_point(d, a, b)] += frame->step[b];
    }
  }
}

void affine_interpolate(const struct affine_frame *frame, const double *value, double *coefficient)
{
  size_t d = frame->dim;
  double *linear = coefficient + triangle(d), *square = coefficient;
  linear[d] = value[0];
  for (size_t a = 0; a < d; a++) {
    double plus = value[affine_plus_point(a)], minus = value[affine_minus_point(d, a)];
    linear[a] = (plus - minus) / 2;
    square[triangle(a) + a] = (plus - value[0] + minus - value[0]) / 2;
  }
  for (size_t a = 0; a < d; a++)
    for (size_t b = 0; b < a; b++)
      square[triangle(a) + b] = value[sum_point(d, a, b)] - value[0] - linear[a] - linear[b] -
                                square[triangle(a) + a] - square[triangle(b) + b];
  for (size_t a = 0; a < d; a++) {
    linear[a] /= frame->step[a];
    for (size_t b = 0; b <= a; b++)
      square[triangle(a) + b] = square[triangle(a) + b] / frame->step[a] / frame->step[b];
  }
}

/* value[i] = a_i(x), slope[i*d + j] = d a_i / d x_j by differences over step[j]. */
static void drift_at(const struct sde_system *general, const double *x, const double *step,
                     double *value, double *slope)
{
  size_t d = general->dim, width = sde_block_padded(1 + d);
  double *block = sde_alloc(d, width * sizeof *block), *drift = sde_alloc(d, width * sizeof *drift);
  void *workspace = sde_system_workspace_new(general, width);
  for (size_t i = 0; i < d; i++) {
    sde_block_fill(width, x[i], block + i * width);
    block[i * width + affine_plus_point(i)] += step[i];
  }
  general->evaluate(general, workspace, &(struct sde_instant){0, 0, 0}, width, block, NULL, drift,
                    NULL);
  for (size_t i = 0; i < d; i++) {
    value[i] = drift[i * width];
    for (size_t j = 0; j < d; j++) {
      double moved = block[j * width + affine_plus_point(j)] - x[j];
      slope[i * d + j] = (drift[i * width + affine_plus_point(j)] - value[i]) / moved;
    }
  }
  sde_system_workspace_free(general, workspace);
  sde_free(block);
  sde_free(drift);
}

/* move = -slope^+ value, coordinates being scaled by the diagonal of the slope: directions in which
 * the drift has no slope to rounding are not moved in. */
static void newton_move(size_t d, const double *value, const double *slope, double *move)
{
  double *scale = sde_alloc(d, sizeof *scale), largest = 0;
  gsl_matrix *a = gsl_matrix_alloc(d, d);
  gsl_vector *left = gsl_vector_alloc(d), *right = gsl_vector_alloc(d), *work = gsl_vector_alloc(d);
  gsl_vector *out = gsl_vector_calloc(d), *rest = gsl_vector_alloc(d);
  gsl_permutation *order = gsl_permutation_alloc(d);
  size_t rank;
  for (size_t i = 0; i < d; i++)
    scale[i] = slope[i * d + i] != 0 ? 1 / sqrt(fabs(slope[i * d + i])) : 1;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++) {
      gsl_matrix_set(a, i, j, scale[i] * slope[i * d + j] * scale[j]);
      largest = fmax(largest, fabs(gsl_matrix_get(a, i, j)));
    }
  if (largest > 0) {
    gsl_linalg_COD_decomp_e(a, left, right, order, 1e-10 * largest, &rank, work);
    for (size_t i = 0; i < d; i++)
      gsl_vector_set(work, i, -scale[i] * value[i]);
    gsl_linalg_COD_lssolve(a, left, right, order, rank, work, out, rest);
  }
  for (size_t i = 0; i < d; i++)
    move[i] = scale[i] * gsl_vector_get(out, i);
  gsl_matrix_free(a);
  gsl_vector_free(left);
  gsl_vector_free(right);
  gsl_vector_free(work);
  gsl_vector_free(out);
  gsl_vector_free(rest);
  gsl_permutation_free(order);
  sde_free(scale);
}

static bool all_finite(size_t count, const double *values)
{
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i]))
      return false;
  return true;
}

/* The centre from the start, and the slope there. Differences over the largest move so far have the
 * digits of the way that paths go. */
static void find_centre(const struct sde_system *general, struct affine_frame *frame, double *slope)
{
  size_t d = frame->dim;
  double *value = sde_alloc(d, sizeof *value), *move = sde_alloc(d, sizeof *move);
  double *kept = sde_alloc(d, sizeof *kept);
  for (size_t i = 0; i < d; i++)
    frame->step[i] = fmax(1, fabs(frame->centre[i]));
  for (int k = 0; k < NEWTON_STEPS; k++) {
    drift_at(general, frame->centre, frame->step, value, slope);
    if (!all_finite(d, value) || !all_finite(d * d, slope))
      break;
    newton_move(d, value, slope, move);
    memcpy(kept, frame->centre, d * sizeof *kept);
    sde_block_add(d, 1, move, frame->centre);
    if (!all_finite(d, frame->centre)) {
      memcpy(frame->centre, kept, d * sizeof *kept);
      break;
    }
    for (size_t i = 0; i < d; i++)
      frame->step[i] = fmax(frame->step[i], fabs(move[i]));
  }
  sde_free(value);
  sde_free(move);
  sde_free(kept);
}

/* variance[i] = sum_k b_ik^2 at the centre: a path for each k. */
static void variances(const struct sde_system *general, const double *centre, double *variance)
{
  size_t d = general->dim, count = general->noise_dim, width = sde_block_padded(count);
  double *block = sde_alloc(d, width * sizeof *block), *noise = sde_alloc(d, width * sizeof *noise);
  double *dw = sde_alloc(count, width * sizeof *dw);
  void *workspace = sde_system_workspace_new(general, width);
  for (size_t i = 0; i < d; i++)
    sde_block_fill(width, centre[i], block + i * width);
  for (size_t k = 0; k < count; k++)
    dw[k * width + k] = 1;
  general->evaluate(general, workspace, &(struct sde_instant){0, 0, 0}, width, block, dw, NULL,
                    noise);
  for (size_t i = 0; i < d; i++) {
    variance[i] = 0;
    for (size_t k = 0; k < count; k++)
      variance[i] += noise[i * width + k] * noise[i * width + k];
  }
  sde_system_workspace_free(general, workspace);
  sde_free(block);
  sde_free(noise);
  sde_free(dw);
}

/* With M = |slope| the way y from the centre to the start has the size E = sum_ij M_ij |y_i y_j|,
 * of the loss there over that at the centre: so has step_i = (E / M_ii)^(1/2) along one coordinate,
 * wherever y itself leads. variance / 2 M_ii is that at rest of coordinate i by itself. */
static void set_scales(struct affine_frame *frame, const double *slope, const double *variance)
{
  size_t d = frame->dim;
  double size = 0;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++)
      size += fabs(slope[i * d + j] * frame->offset[i] * frame->offset[j]);
  for (size_t i = 0; i < d; i++) {
    double own = fabs(slope[i * d + i]);
    double spread = own > 0 ? sqrt(variance[i] / (2 * own)) : 0;
    double step = own > 0 ? fmax(sqrt(size / own), spread) : fabs(frame->offset[i]);
    frame->spread[i] = isfinite(spread) ? spread : 0;
    step = fmax(step, 0x1p-36 * fabs(frame->centre[i])); /* or it would be lost in the centre */
    frame->step[i] = isfinite(step) && step > 0 ? ldexp(1, ilogb(step) + 1) : 1;
  }
}

/* Digits that the centre cannot share with centre +- step are dropped. */
static void round_centre(struct affine_frame *frame, const double *start)
{
  for (size_t i = 0; i < frame->dim; i++) {
    int exponent;
    frexp(frame->centre[i], &exponent);
    double last = fmax(ldexp(1, exponent - 48), 0x1p-44 * frame->step[i]);
    frame->centre[i] = nearbyint(frame->centre[i] / last) * last;
    frame->offset[i] = (start == NULL ? 0 : start[i]) - frame->centre[i];
  }
}

struct affine_frame *affine_frame_new(const struct sde_system *general, const double *start)
{
  size_t d = general->dim;
  struct affine_frame *frame = frame_alloc(d);
  double *slope = sde_alloc(d, d * sizeof *slope), *variance = sde_alloc(d, sizeof *variance);
  if (start != NULL)
    memcpy(frame->centre, start, d * sizeof *start);
  find_centre(general, frame, slope);
  for (size_t i = 0; i < d; i++)
    frame->offset[i] = (start == NULL ? 0 : start[i]) - frame->centre[i];
  variances(general, frame->centre, variance);
  set_scales(frame, slope, variance);
  round_centre(frame, start);
  sde_free(slope);
  sde_free(variance);
  return frame;
}
