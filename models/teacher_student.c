/*
 * Teacher and student: a network of one hidden layer of tanh units learns, by squared loss, what a
 * random network of its kind says about Gaussian inputs, with label noise. A student with as many
 * hidden units as the teacher, or more, can reproduce it.
 */
#include "models/mlp_network.h"
#include "sde/block.h"

#include <string.h>

static const struct parameter_key keys[] = {
    {.name = "rows",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e7,
     .fallback = "50",
     .help = "number of inputs a_i, vectors of independent standard normals"},
    {.name = "inputs",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e5,
     .fallback = "4",
     .help = "length of the inputs"},
    MLP_HIDDEN_KEY,
    {.name = "teacher_hidden",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = MLP_HIDDEN_MAX,
     .fallback = "2",
     .help = "number of tanh units of the teacher"},
    {.name = "teacher_scale",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e6,
     .fallback = "2",
     .help = "standard deviation of the teacher's weights, times the root of the inputs of a unit"},
    MLP_RIDGE_KEY,
    PLANTED_KEYS("2", "0.3", "0.5",
                 "standard deviation of the default start, times the root of the inputs of a unit"),
    {.name = NULL}};

/* Gaussian inputs, a 1 after each. */
static double *inputs_new(const struct planted *planted, size_t rows, size_t inputs)
{
  double *gaussian = planted_features(planted, rows, inputs);
  double *a = sde_alloc(rows * planted->labels, (inputs + 1) * sizeof *a);
  for (size_t i = 0; i < rows * planted->labels; i++) {
    memcpy(a + i * (inputs + 1), gaussian + i * inputs, inputs * sizeof *a);
    a[i * (inputs + 1) + inputs] = 1;
  }
  sde_free(gaussian);
  return a;
}

/* y = teacher + noise, a row of labels for each datum. */
static void set_labels(struct mlp_network *network, const struct planted *planted, size_t rows,
                       size_t teacher_hidden, double teacher_scale)
{
  struct mlp_network teacher = *network;
  teacher.hidden = teacher_hidden;
  size_t samples = rows * planted->labels;
  double *x = sde_alloc(mlp_network_dim(&teacher), sizeof *x);
  double *clean = sde_alloc(samples, sizeof *clean);
  mlp_network_random(&teacher, planted, "teacher", teacher_scale, x);
  mlp_network_scores(&teacher, samples, x, clean);
  for (size_t i = 0; i < rows; i++)
    clean[i] = clean[i * planted->labels];
  network->y = sde_alloc(samples, sizeof(double));
  planted_labels(planted, rows, clean, network->y);
  sde_free(x);
  sde_free(clean);
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  size_t rows = (size_t)parameters_u64(parameters, "rows");
  size_t inputs = (size_t)parameters_u64(parameters, "inputs");
  struct planted planted;
  if (!planted_read(&planted, parameters, status) ||
      !planted_fits(&planted, rows, inputs + 2, parameters_place(parameters, "rows"), status))
    return false;
  struct mlp_network *network = sde_alloc(1, sizeof *network);
  *network = (struct mlp_network){.inputs = inputs + 1,
                                  .hidden = (size_t)parameters_u64(parameters, "hidden"),
                                  .outputs = 1,
                                  .classes = 1,
                                  .a = inputs_new(&planted, rows, inputs)};
  set_labels(network, &planted, rows, (size_t)parameters_u64(parameters, "teacher_hidden"),
             parameters_real(parameters, "teacher_scale"));
  mlp_network_finish(loss, network, rows * planted.labels, parameters_real(parameters, "ridge"),
                     &planted);
  return true;
}

extern const struct loss_type loss_teacher_student;
const struct loss_type loss_teacher_student = {
    .name = "teacher-student",
    .summary = "a network of tanh units learns a random one of its kind from noisy labels",
    .keys = keys,
    .create = create,
    .destroy = mlp_network_destroy,
    .value = mlp_network_value,
    .gradient = mlp_network_gradient,
    .hessian_vector = mlp_network_hessian_vector,
};
