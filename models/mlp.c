/*
 * A network of one hidden layer of tanh units on the rows of a CSV file, with squared, logistic or
 * softmax loss. Values, gradients and Hessian-vector products are those of mlp_network.h.
 */
#include "models/features.h"
#include "models/mlp_network.h"

#include <string.h>

static const struct parameter_key keys[] = {
    FEATURES_KEYS,
    {.name = "output",
     .type = PARAMETER_CHOICE,
     .choices = "squared logistic softmax",
     .required = true,
     .help = "squared for a number as target, logistic for two classes, softmax for several"},
    FEATURES_STANDARDIZE_TARGET_KEY,
    FEATURES_POSITIVE_KEY,
    MLP_HIDDEN_KEY,
    MLP_RIDGE_KEY,
    {.name = "seed",
     .type = PARAMETER_COUNT,
     .low = 0,
     .high = 9007199254740992.0,
     .fallback = "1",
     .help = "seed of the default start, apart from the seed of the run"},
    {.name = "initial_scale",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e6,
     .fallback = "0.5",
     .help = "standard deviation of the default start, times the root of the inputs of a unit"},
    {.name = NULL}};

/* The number of different targets, at most one more than there may be; which[] holds them,
 * ascending. */
static size_t find_classes(size_t samples, const double *y, double which[MLP_CLASSES_MAX + 1])
{
  size_t count = 0;
  for (size_t i = 0; i < samples && count <= MLP_CLASSES_MAX; i++) {
    size_t at = 0;
    while (at < count && which[at] < y[i])
      at++;
    if (at < count && which[at] == y[i])
      continue;
    memmove(which + at + 1, which + at, (count - at) * sizeof *which);
    which[at] = y[i];
    count++;
  }
  return count;
}

/* The targets become the numbers of their classes, in ascending order. */
static bool set_classes(struct mlp_network *network, size_t samples, size_t held_out,
                        const struct parameters *parameters, struct sde_status *status)
{
  double which[MLP_CLASSES_MAX + 1];
  size_t count = find_classes(samples, network->y, which);
  if (count < 2 || count > MLP_CLASSES_MAX)
    return sde_fail(status, SDE_INVALID,
                    "%s: the target has %s; output: softmax takes 2 to %d classes%s",
                    parameters_place(parameters, "data"),
                    count < 2 ? "one value in all rows" : "more different values than classes",
                    MLP_CLASSES_MAX, count < 2 ? "" : ", output: squared takes any numbers");
  for (size_t i = 0; i < samples + held_out; i++) {
    size_t class = 0;
    while (class < count && which[class] != network->y[i])
      class ++;
    if (class == count)
      return sde_fail(status, SDE_INVALID,
                      "%s: a row that is held out has the target %g, which no other row has",
                      parameters_place(parameters, "data"), network->y[i]);
    network->y[i] = (double)class;
  }
  network->classes = network->outputs = count;
  return true;
}

/* A key about the target that this output does not look at. */
static bool refuse_key(const struct parameters *parameters, const char *key, const char *wanted,
                       struct sde_status *status)
{
  const char *output = parameters_text(parameters, "output");
  return !parameters_given(parameters, key) || strcmp(output, wanted) == 0 ||
         sde_fail(status, SDE_INVALID,
                  "%s: %s has no effect with output: %s; leave it out, or set output: %s",
                  parameters_place(parameters, key), key, output, wanted);
}

static bool set_target(struct mlp_network *network, size_t samples, size_t held_out,
                       const struct parameters *parameters, struct sde_status *status)
{
  const char *output = parameters_text(parameters, "output");
  if (strcmp(output, "softmax") == 0)
    return set_classes(network, samples, held_out, parameters, status);
  network->outputs = 1;
  network->classes = strcmp(output, "logistic") == 0 ? 2 : 1;
  return network->classes == 2 || !parameters_bool(parameters, "standardize_target") ||
         features_standardize_target(samples, held_out, network->y, parameters, status);
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  struct features features = {0};
  struct mlp_network *network = sde_alloc(1, sizeof *network);
  struct planted planted = {.seed = parameters_u64(parameters, "seed"),
                            .initial_scale = parameters_real(parameters, "initial_scale")};
  bool classes = strcmp(parameters_text(parameters, "output"), "logistic") == 0;
  bool good = refuse_key(parameters, "positive", "logistic", status) &&
              refuse_key(parameters, "standardize_target", "squared", status);
  good = good && features_read(&features, parameters, true, classes, status);
  loss->data = network;
  network->inputs = features.columns;
  network->hidden = (size_t)parameters_u64(parameters, "hidden");
  network->a = features.a;
  network->y = features.y;
  loss->note = features.note;
  if (!good || !set_target(network, features.samples, features.held_out, parameters, status))
    return false;
  mlp_network_finish(loss, network, features.samples, parameters_real(parameters, "ridge"),
                     &planted);
  loss->held_out = features.held_out;
  loss->classes = network->classes > 1 ? network->classes : 0;
  return true;
}

extern const struct loss_type loss_mlp;
const struct loss_type loss_mlp = {
    .name = "mlp",
    .summary = "a network of one hidden layer of tanh units on the rows of a CSV file",
    .keys = keys,
    .create = create,
    .destroy = mlp_network_destroy,
    .value = mlp_network_value,
    .wrong = mlp_network_wrong,
    .gradient = mlp_network_gradient,
    .hessian_vector = mlp_network_hessian_vector,
};
