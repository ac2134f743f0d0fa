/*
 * Networks of one hidden layer, s = U (tanh(W a), 1) with inputs a whose last is 1: the sample's
 * loss l(s, y), its gradient by back-propagation and its Hessian-vector product by the R operator
 * (B. Pearlmutter, Neural Computation 6, 1994). Shared by mlp and teacher-student alone.
 */
#ifndef MODELS_MLP_NETWORK_H
#define MODELS_MLP_NETWORK_H

#include "models/loss.h"
#include "models/planted.h"

/* Activations of a unit of paths stand on the stack, so both are bounded. */
enum { MLP_HIDDEN_MAX = 64, MLP_CLASSES_MAX = 16 };

/* What stands in loss->data. The coordinates of x are the rows of W, hidden x inputs, then those of
 * U, outputs x (hidden + 1); the last of each row is a bias.
 * Squared: one output, one class, l = 1/2 (s - y)^2. Else y is a class and l = -log softmax(s)_y;
 * logistic regression of two classes has one output, and the score of class 0 is 0. */
struct mlp_network {
  size_t inputs, hidden, outputs, classes;
  double *a;     /* [sample*inputs + j] */
  double *y;     /* [sample] */
  double *ridge; /* [coordinate]; 0 for biases */
};

/* Rows for the key tables of the losses. */
#define MLP_HIDDEN_KEY                                                                             \
  {                                                                                                \
    .name = "hidden", .type = PARAMETER_COUNT, .low = 1, .high = MLP_HIDDEN_MAX, .fallback = "5",  \
    .help = "number of tanh units"                                                                 \
  }
#define MLP_RIDGE_KEY                                                                              \
  {                                                                                                \
    .name = "ridge", .type = PARAMETER_REAL, .low = 0, .high = 1e12, .fallback = "0",              \
    .help = "add ridge/2 times the squared weights, the biases left out"                           \
  }

/* The number of coordinates: of all weights and biases. */
size_t mlp_network_dim(const struct mlp_network *network);

/* out[i]: independent normals of deviation scale / sqrt(length of the row), from this stream. */
void mlp_network_random(const struct mlp_network *network, const struct planted *planted,
                        const char *name, double scale, double *out);

/* s[sample] of a network with one output at x[i]. */
void mlp_network_scores(const struct mlp_network *network, size_t samples, const double *x,
                        double *s);

/* Fill loss, but for its type, from a network whose a and y are there. The default start is random
 * by the seed and the initial scale of `planted`. */
void mlp_network_finish(struct loss *loss, struct mlp_network *network, size_t samples,
                        double ridge, const struct planted *planted);

/* The operations of struct loss_type. */
void mlp_network_destroy(struct loss *loss);
void mlp_network_value(const struct loss *loss, size_t width, struct loss_samples samples,
                       const double *x, double *value);
/* Is the class of a sample not that of the largest score? */
void mlp_network_wrong(const struct loss *loss, size_t width, struct loss_samples samples,
                       const double *x, double *wrong);
void mlp_network_gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                          const double *x, double *g);
void mlp_network_hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                                const double *x, const double *v, double *hv);

#endif
