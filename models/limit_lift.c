/*
 * The direction of a state from that of the gradient, where the update rule is affine: E U and Cov
 * U as polynomials in the state. theory.md section 12. See limit_forms.h.
 */
#include "models/limit_forms.h"

#include "models/affine_limit.h"

/* What is lifted: dim is that of the state, d that of x. */
struct lifted {
  size_t dim, d, pairs;
  double eta;
  const struct update_affine *update;
  const struct affine_frame *frame;
  const struct affine_coefficients *learnt;
};

/* Row i of E U, a coordinate of vector v: its constant, and its slopes. */
static void lift_mean(const struct lifted *lifted, size_t i, double *constant, double *slope)
{
  size_t d = lifted->d, v = i / d, own = i % d, vectors = lifted->dim / d;
  double of_gradient = lifted->update->gradient[v];
  *constant = -of_gradient * lifted->learnt->constant[own];
  for (size_t j = 0; j < d; j++)
    slope[j] = -of_gradient * lifted->learnt->matrix[own * d + j];
  for (size_t s = 0; s < vectors; s++) {
    *constant += lifted->update->state[v][s] * lifted->frame->centre[s * d + own];
    slope[s * d + own] += lifted->update->state[v][s];
  }
}

/* Entry (i, k) of Cov U: that of w in the products of x alone. */
static void lift_covariance(const struct lifted *lifted, size_t i, size_t k, double *to)
{
  size_t d = lifted->d, dim = lifted->dim, a = i % d, b = k % d;
  size_t high = a > b ? a : b, low = a > b ? b : a;
  const double *from =
      lifted->learnt->tensor + (high * (high + 1) / 2 + low) * (d + 1) * (d + 2) / 2;
  double factor = lifted->update->gradient[i / d] * lifted->update->gradient[k / d] / lifted->eta;
  for (size_t row = 0; row <= d; row++)
    for (size_t column = 0; column <= row; column++) {
      size_t r = row < d ? row : dim, c = column < d ? column : dim;
      to[r * (r + 1) / 2 + c] = factor * from[row * (row + 1) / 2 + column];
    }
}

struct sde_linear_direction *limit_lift(const struct optimizer *optimizer,
                                        const struct update_affine *update,
                                        const struct affine_frame *frame,
                                        const struct affine_coefficients *learnt)
{
  size_t dim = optimizer_dim(optimizer);
  struct lifted lifted = {.dim = dim,
                          .d = optimizer->objective->loss->dim,
                          .pairs = (dim + 1) * (dim + 2) / 2,
                          .eta = optimizer->eta,
                          .update = update,
                          .frame = frame,
                          .learnt = learnt};
  double *matrix = sde_alloc(dim, dim * sizeof *matrix);
  double *constant = sde_alloc(dim, sizeof *constant);
  double *covariance = sde_alloc(dim * (dim + 1) / 2, lifted.pairs * sizeof *covariance);
  for (size_t i = 0; i < dim; i++) {
    lift_mean(&lifted, i, &constant[i], matrix + i * dim);
    for (size_t k = 0; k <= i; k++)
      lift_covariance(&lifted, i, k, covariance + (i * (i + 1) / 2 + k) * lifted.pairs);
  }
  struct sde_linear_direction *direction = sde_alloc(1, sizeof *direction);
  *direction = (struct sde_linear_direction){dim, matrix, constant, covariance};
  return direction;
}

void limit_direction_free(struct sde_linear_direction *direction)
{
  if (direction == NULL)
    return;
  sde_free((double *)direction->matrix);
  sde_free((double *)direction->constant);
  sde_free((double *)direction->covariance);
  sde_free(direction);
}
