/*
 * Networks of one hidden layer: data and block kernels. See mlp_network.h.
 */
#include "models/mlp_network.h"

#include "models/mlp_scores.h"
#include "sde/block.h"
#include "sde/vector_math.h"

#include <math.h>

size_t mlp_network_dim(const struct mlp_network *network)
{
  return network->hidden * network->inputs + network->outputs * (network->hidden + 1);
}

void mlp_network_random(const struct mlp_network *network, const struct planted *planted,
                        const char *name, double scale, double *out)
{
  size_t dim = mlp_network_dim(network), first = network->hidden * network->inputs;
  planted_normals(planted, name, dim, scale, out);
  for (size_t i = 0; i < dim; i++)
    out[i] /= sqrt((double)(i < first ? network->inputs : network->hidden + 1));
}

static void set_ridge(const struct mlp_network *network, double ridge)
{
  size_t dim = mlp_network_dim(network), first = network->hidden * network->inputs;
  for (size_t i = 0; i < dim; i++) {
    bool bias = i < first ? i % network->inputs == network->inputs - 1
                          : (i - first) % (network->hidden + 1) == network->hidden;
    network->ridge[i] = bias ? 0 : ridge;
  }
}

void mlp_network_finish(struct loss *loss, struct mlp_network *network, size_t samples,
                        double ridge, const struct planted *planted)
{
  size_t dim = mlp_network_dim(network);
  double *start = sde_alloc(dim, sizeof *start);
  mlp_network_random(network, planted, "start", planted->initial_scale, start);
  network->ridge = sde_alloc(dim, sizeof(double));
  set_ridge(network, ridge);
  loss->dim = dim;
  loss->samples = samples;
  loss->start = start;
  loss->data = network;
}

void mlp_network_destroy(struct loss *loss)
{
  struct mlp_network *network = loss->data;
  if (network == NULL)
    return;
  sde_free(network->a);
  sde_free(network->y);
  sde_free(network->ridge);
  sde_free(network);
  sde_free((double *)loss->start);
}

/* For a unit of paths, [row*SDE_UNIT + p] with a row a hidden unit or a class. A dot is a
 * derivative along v. */
struct unit {
  double hidden[MLP_HIDDEN_MAX * SDE_UNIT];     /* tanh z */
  double hidden_dot[MLP_HIDDEN_MAX * SDE_UNIT]; /* its derivative */
  double delta[MLP_HIDDEN_MAX * SDE_UNIT];      /* dl/dz or its derivative */
  double score[MLP_CLASSES_MAX * SDE_UNIT];     /* s */
  double score_dot[MLP_CLASSES_MAX * SDE_UNIT];
  double share[MLP_CLASSES_MAX * SDE_UNIT];  /* softmax(s) */
  double first[MLP_CLASSES_MAX * SDE_UNIT];  /* dl/ds */
  double second[MLP_CLASSES_MAX * SDE_UNIT]; /* its derivative */
  double y[SDE_UNIT];
};

/* The score of class 0 is 0 and no output where there is one output less than classes. */
static double *outputs_of(const struct mlp_network *network, double *rows)
{
  return rows + (network->classes - network->outputs) * SDE_UNIT;
}

/* z[k*SDE_UNIT + p] = sum_j w_kj a_j for the sample of each path; stride is a constant where this
 * is inlined. */
static inline void hidden_sums(const struct mlp_network *network, size_t width,
                               const uint32_t *restrict index, size_t stride,
                               const double *restrict w, double *restrict z)
{
  size_t inputs = network->inputs;
  for (size_t k = 0; k < network->hidden; k++, w += inputs * width, z += SDE_UNIT) {
    double sum[SDE_UNIT] = {0};
    for (size_t j = 0; j < inputs; j++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        sum[p] += network->a[index[p * stride] * inputs + j] * w[j * width + p];
    for (size_t p = 0; p < SDE_UNIT; p++)
      z[p] = sum[p];
  }
}

SDE_VECTOR
static void hidden_sums_shared(const struct mlp_network *network, size_t width,
                               const uint32_t *index, const double *w, double *z)
{
  hidden_sums(network, width, index, 0, w, z);
}

SDE_VECTOR
static void hidden_sums_own(const struct mlp_network *network, size_t width, const uint32_t *index,
                            const double *w, double *z)
{
  hidden_sums(network, width, index, 1, w, z);
}

static void hidden_sums_of(const struct mlp_network *network, size_t width,
                           struct loss_samples samples, const double *w, double *z)
{
  (samples.stride == 0 ? hidden_sums_shared : hidden_sums_own)(network, width, samples.index, w, z);
}

SDE_VECTOR
static void minus_twice_absolute(size_t count, const double *restrict z, double *restrict out)
{
  for (size_t i = 0; i < count; i++)
    out[i] = -2 * fabs(z[i]);
}

/* With e = e^-2|z|: tanh |z| = (1 - e) / (1 + e), but below 1/2, where that cancels, the [7/6]
 * Pade approximant, the 7th convergent of Lambert's continued fraction, off by 2e-16 of itself. */
SDE_VECTOR
static void finish_tanh(size_t count, const double *restrict e, double *restrict z)
{
  for (size_t i = 0; i < count; i++) {
    double q = z[i] * z[i];
    double over = z[i] * (135135 + q * (17325 + q * (378 + q)));
    double under = 135135 + q * (62370 + q * (3150 + q * 28));
    bool small = q < 0.25;
    z[i] = (small ? over : copysign(1 - e[i], z[i])) / (small ? under : 1 + e[i]);
  }
}

/* In place; count is a multiple of SDE_UNIT. */
static void tanh_of(size_t count, double *z, double *scratch)
{
  minus_twice_absolute(count, z, scratch);
  sde_vector_math()->exp(count, scratch, scratch);
  finish_tanh(count, scratch, z);
}

/* s[c*SDE_UNIT + p] = sum_k u_ck t_k + u_cH. */
SDE_VECTOR
static void score_sums(const struct mlp_network *network, size_t width, const double *restrict u,
                       const double *restrict hidden, double *restrict s)
{
  size_t count = network->hidden;
  for (size_t c = 0; c < network->outputs; c++, u += (count + 1) * width, s += SDE_UNIT) {
    for (size_t p = 0; p < SDE_UNIT; p++)
      s[p] = u[count * width + p];
    for (size_t k = 0; k < count; k++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        s[p] += u[k * width + p] * hidden[k * SDE_UNIT + p];
  }
}

/* s += sum_k u_ck t_dot_k. */
SDE_VECTOR
static void add_score_sums(const struct mlp_network *network, size_t width,
                           const double *restrict u, const double *restrict hidden_dot,
                           double *restrict s)
{
  size_t count = network->hidden;
  for (size_t c = 0; c < network->outputs; c++, u += (count + 1) * width, s += SDE_UNIT)
    for (size_t k = 0; k < count; k++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        s[p] += u[k * width + p] * hidden_dot[k * SDE_UNIT + p];
}

static const double *output_rows(const struct mlp_network *network, size_t width, const double *x)
{
  return x + network->hidden * network->inputs * width;
}

/* hidden and score. x begins at the unit, and so do the samples. */
static void forward(const struct mlp_network *network, size_t width, struct loss_samples samples,
                    const double *x, struct unit *unit)
{
  hidden_sums_of(network, width, samples, x, unit->hidden);
  tanh_of(network->hidden * SDE_UNIT, unit->hidden, unit->delta);
  sde_block_fill(SDE_UNIT, 0, unit->score);
  score_sums(network, width, output_rows(network, width, x), unit->hidden,
             outputs_of(network, unit->score));
}

/* z_dot becomes t_dot = (1 - t^2) z_dot. */
SDE_VECTOR
static void times_slope(size_t count, const double *restrict hidden, double *restrict z_dot)
{
  for (size_t i = 0; i < count; i++)
    z_dot[i] *= 1 - hidden[i] * hidden[i];
}

static void forward_dot(const struct mlp_network *network, size_t width,
                        struct loss_samples samples, const double *x, const double *v,
                        struct unit *unit)
{
  hidden_sums_of(network, width, samples, v, unit->hidden_dot);
  times_slope(network->hidden * SDE_UNIT, unit->hidden, unit->hidden_dot);
  sde_block_fill(SDE_UNIT, 0, unit->score_dot);
  double *s = outputs_of(network, unit->score_dot);
  score_sums(network, width, output_rows(network, width, v), unit->hidden, s);
  add_score_sums(network, width, output_rows(network, width, x), unit->hidden_dot, s);
}

/* y[p] of the sample of each path. */
static void set_labels(const struct mlp_network *network, struct loss_samples samples, double *y)
{
  for (size_t p = 0; p < SDE_UNIT; p++)
    y[p] = network->y[samples.index[p * samples.stride]];
}

/* sum[p] += sum_c coefficient_c u_ck for hidden unit k. */
static inline void add_back(const struct mlp_network *network, size_t width, size_t k,
                            const double *restrict u, const double *restrict coefficient,
                            double *restrict sum)
{
  size_t row = (network->hidden + 1) * width;
  for (size_t c = 0; c < network->outputs; c++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      sum[p] += coefficient[c * SDE_UNIT + p] * u[c * row + k * width + p];
}

/* delta_k = (1 - t_k^2) sum_c first_c u_ck. */
SDE_VECTOR
static void back(const struct mlp_network *network, size_t width, const double *restrict u,
                 const double *restrict first, const double *restrict hidden,
                 double *restrict delta)
{
  for (size_t k = 0; k < network->hidden; k++, hidden += SDE_UNIT, delta += SDE_UNIT) {
    double sum[SDE_UNIT] = {0};
    add_back(network, width, k, u, first, sum);
    for (size_t p = 0; p < SDE_UNIT; p++)
      delta[p] = (1 - hidden[p] * hidden[p]) * sum[p];
  }
}

/* delta_dot_k = (1 - t_k^2) sum_c (second_c u_ck + first_c v_ck)
 *             - 2 t_k t_dot_k sum_c first_c u_ck, u and v the output rows of x and of v. */
SDE_VECTOR
static void back_dot(const struct mlp_network *network, size_t width, const double *restrict u,
                     const double *restrict v, const double *restrict first,
                     const double *restrict second, const double *restrict hidden,
                     const double *restrict hidden_dot, double *restrict delta)
{
  for (size_t k = 0; k < network->hidden; k++) {
    const double *restrict t = hidden + k * SDE_UNIT, *restrict t_dot = hidden_dot + k * SDE_UNIT;
    double sum[SDE_UNIT] = {0}, sum_dot[SDE_UNIT] = {0};
    add_back(network, width, k, u, first, sum);
    add_back(network, width, k, u, second, sum_dot);
    add_back(network, width, k, v, first, sum_dot);
    for (size_t p = 0; p < SDE_UNIT; p++)
      delta[k * SDE_UNIT + p] = (1 - t[p] * t[p]) * sum_dot[p] - 2 * t[p] * t_dot[p] * sum[p];
  }
}

/* The rows of W: out_kj = delta_k a_j + ridge_kj v_kj. */
static inline void combine_hidden(const struct mlp_network *network, size_t width,
                                  const uint32_t *restrict index, size_t stride,
                                  const double *restrict delta, const double *restrict v,
                                  double *restrict out)
{
  size_t inputs = network->inputs;
  for (size_t k = 0; k < network->hidden; k++)
    for (size_t j = 0; j < inputs; j++) {
      size_t i = k * inputs + j;
      for (size_t p = 0; p < SDE_UNIT; p++)
        out[i * width + p] = delta[k * SDE_UNIT + p] * network->a[index[p * stride] * inputs + j] +
                             network->ridge[i] * v[i * width + p];
    }
}

SDE_VECTOR
static void combine_hidden_shared(const struct mlp_network *network, size_t width,
                                  const uint32_t *index, const double *delta, const double *v,
                                  double *out)
{
  combine_hidden(network, width, index, 0, delta, v, out);
}

SDE_VECTOR
static void combine_hidden_own(const struct mlp_network *network, size_t width,
                               const uint32_t *index, const double *delta, const double *v,
                               double *out)
{
  combine_hidden(network, width, index, 1, delta, v, out);
}

/* The rows of U: out_ck = coefficient_c t_k + ridge_ck v_ck, with t = 1 for the bias; with another
 * coefficient also + other_c t_dot_k. All begin at those rows but the ridge. */
SDE_VECTOR
static void combine_outputs(const struct mlp_network *network, size_t width,
                            const double *restrict coefficient, const double *restrict hidden,
                            const double *restrict other, const double *restrict hidden_dot,
                            const double *restrict v, double *restrict out)
{
  size_t count = network->hidden, row = count + 1;
  const double *ridge = network->ridge + count * network->inputs;
  for (size_t c = 0; c < network->outputs; c++, coefficient += SDE_UNIT)
    for (size_t k = 0; k < row; k++) {
      size_t i = c * row + k;
      const double *restrict t = hidden + k * SDE_UNIT, *restrict t_dot = hidden_dot + k * SDE_UNIT;
      for (size_t p = 0; p < SDE_UNIT; p++)
        out[i * width + p] = coefficient[p] * (k < count ? t[p] : 1) + ridge[i] * v[i * width + p];
      for (size_t p = 0; p < SDE_UNIT && other != NULL && k < count; p++)
        out[i * width + p] += other[c * SDE_UNIT + p] * t_dot[p];
    }
}

static void combine(const struct mlp_network *network, size_t width, struct loss_samples samples,
                    struct unit *unit, const double *v, bool dot, double *out)
{
  (samples.stride == 0 ? combine_hidden_shared : combine_hidden_own)(network, width, samples.index,
                                                                     unit->delta, v, out);
  combine_outputs(network, width, outputs_of(network, dot ? unit->second : unit->first),
                  unit->hidden, dot ? outputs_of(network, unit->first) : NULL, unit->hidden_dot,
                  output_rows(network, width, v), out + network->hidden * network->inputs * width);
}

static struct loss_samples samples_at(struct loss_samples samples, size_t start)
{
  return (struct loss_samples){samples.index + start * samples.stride, samples.stride};
}

SDE_VECTOR
static void add_ridge(size_t dim, size_t width, const double *restrict ridge,
                      const double *restrict x, double *restrict value)
{
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      value[p] += 0.5 * ridge[i] * x[i * width + p] * x[i * width + p];
}

void mlp_network_value(const struct loss *loss, size_t width, struct loss_samples samples,
                       const double *x, double *value)
{
  const struct mlp_network *network = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    struct loss_samples here = samples_at(samples, start);
    forward(network, width, here, x + start, &unit);
    set_labels(network, here, unit.y);
    mlp_scores_value(network->classes, unit.score, unit.y, unit.share, value + start);
    add_ridge(loss->dim, width, network->ridge, x + start, value + start);
  }
}

void mlp_network_wrong(const struct loss *loss, size_t width, struct loss_samples samples,
                       const double *x, double *wrong)
{
  const struct mlp_network *network = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    struct loss_samples here = samples_at(samples, start);
    forward(network, width, here, x + start, &unit);
    set_labels(network, here, unit.y);
    for (size_t p = 0; p < SDE_UNIT; p++) {
      size_t best = 0;
      for (size_t c = 1; c < network->classes; c++)
        if (unit.score[c * SDE_UNIT + p] > unit.score[best * SDE_UNIT + p])
          best = c;
      wrong[start + p] = (double)best != unit.y[p];
    }
  }
}

void mlp_network_gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                          const double *x, double *g)
{
  const struct mlp_network *network = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    struct loss_samples here = samples_at(samples, start);
    forward(network, width, here, x + start, &unit);
    set_labels(network, here, unit.y);
    mlp_scores_first(network->classes, unit.score, unit.y, unit.share, unit.first);
    back(network, width, output_rows(network, width, x + start), outputs_of(network, unit.first),
         unit.hidden, unit.delta);
    combine(network, width, here, &unit, x + start, false, g + start);
  }
}

void mlp_network_hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                                const double *x, const double *v, double *hv)
{
  const struct mlp_network *network = loss->data;
  struct unit unit;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    struct loss_samples here = samples_at(samples, start);
    forward(network, width, here, x + start, &unit);
    set_labels(network, here, unit.y);
    mlp_scores_first(network->classes, unit.score, unit.y, unit.share, unit.first);
    forward_dot(network, width, here, x + start, v + start, &unit);
    mlp_scores_second(network->classes, unit.share, unit.score_dot, unit.second);
    back_dot(network, width, output_rows(network, width, x + start),
             output_rows(network, width, v + start), outputs_of(network, unit.first),
             outputs_of(network, unit.second), unit.hidden, unit.hidden_dot, unit.delta);
    combine(network, width, here, &unit, v + start, true, hv + start);
  }
}

/* One sample a path: the same kernels with x repeated over the unit. */
void mlp_network_scores(const struct mlp_network *network, size_t samples, const double *x,
                        double *s)
{
  size_t dim = mlp_network_dim(network);
  double *repeated = sde_alloc(dim, SDE_UNIT * sizeof *repeated);
  struct unit unit;
  uint32_t index[SDE_UNIT];
  for (size_t i = 0; i < dim; i++)
    sde_block_fill(SDE_UNIT, x[i], repeated + i * SDE_UNIT);
  for (size_t start = 0; start < samples; start += SDE_UNIT) {
    for (size_t p = 0; p < SDE_UNIT; p++)
      index[p] = (uint32_t)(start + p < samples ? start + p : samples - 1);
    forward(network, SDE_UNIT, (struct loss_samples){index, 1}, repeated, &unit);
    for (size_t p = 0; p < SDE_UNIT && start + p < samples; p++)
      s[start + p] = unit.score[p];
  }
  sde_free(repeated);
}
