/*
 * Tests of sde/noise_class: every class is seen for what it is, at every scale, and a declaration
 * that is not borne out is refused.
 */
#include "sde/noise_class.h"

#include "tests/testing.h"

#include <math.h>
#include <string.h>

/* Diffusions at scale s, with z = x / s, so that B has one shape at every scale. */
typedef void column(double s, size_t k, const double *z, double *b);

enum { DIM_MAX = 3 };

struct diffusion {
  const char *name;
  size_t dim, noise_dim;
  enum sde_noise_class noise;
  column *column;
};

static void constant(double s, size_t k, const double *z, double *b)
{
  (void)z;
  b[0] = s * (1 + (double)k);
  b[1] = s * (2 - 3 * (double)k);
}

static void bent(double s, size_t k, const double *z, double *b)
{
  (void)k;
  b[0] = s * z[1];
  b[1] = s * cos(z[0]);
}

static void diagonal(double s, size_t k, const double *z, double *b)
{
  memset(b, 0, DIM_MAX * sizeof *b);
  b[k] = s * sqrt(1 + z[k] * z[k]);
}

/* Of x_k alone but in each other's place: neither diagonal nor commutative. */
static void crossed(double s, size_t k, const double *z, double *b)
{
  memset(b, 0, DIM_MAX * sizeof *b);
  b[1 - k] = s * sqrt(1 + z[k] * z[k]);
}

/* Diagonal matrices times x commute. */
static void geometric(double s, size_t k, const double *z, double *b)
{
  b[0] = s * (k == 0 ? 0.4 : 0.3) * z[0];
  b[1] = s * (k == 0 ? -0.2 : 0.5) * z[1];
}

/* A small part that does not commute: of relative size 1e-3. */
static void nearly(double s, size_t k, const double *z, double *b)
{
  geometric(s, k, z, b);
  b[0] += k == 0 ? 1e-3 * s * z[1] : 0;
}

static void levy(double s, size_t k, const double *z, double *b)
{
  b[0] = k == 0 ? s : 0;
  b[1] = k == 1 ? s : 0;
  b[2] = k == 0 ? 0 : s * z[0];
}

static const struct diffusion diffusions[] = {
    {"constant", 2, 2, SDE_NOISE_ADDITIVE, constant},
    {"one constant", 2, 1, SDE_NOISE_ADDITIVE, constant},
    {"bent", 2, 1, SDE_NOISE_SCALAR, bent},
    {"diagonal", 3, 3, SDE_NOISE_DIAGONAL, diagonal},
    {"geometric", 2, 2, SDE_NOISE_COMMUTATIVE, geometric},
    {"crossed", 2, 2, SDE_NOISE_GENERAL, crossed},
    {"nearly", 2, 2, SDE_NOISE_GENERAL, nearly},
    {"Levy area", 3, 2, SDE_NOISE_GENERAL, levy},
};

enum { DIFFUSIONS = sizeof diffusions / sizeof *diffusions };

static const double scales[] = {1e-12, 1e-3, 1, 1e5, 1e12};

enum { SCALES = sizeof scales / sizeof *scales };

struct scaled {
  const struct diffusion *diffusion;
  double scale;
};

static void evaluate(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct scaled *scaled = system->context;
  ck_assert_ptr_null(drift);
  for (size_t p = 0; p < width; p++) {
    double z[DIM_MAX] = {0}, b[DIM_MAX] = {0}, sum[DIM_MAX] = {0};
    for (size_t i = 0; i < system->dim; i++)
      z[i] = x[i * width + p] / scaled->scale;
    for (size_t k = 0; k < system->noise_dim; k++) {
      scaled->diffusion->column(scaled->scale, k, z, b);
      for (size_t i = 0; i < system->dim; i++)
        sum[i] += b[i] * dw[k * width + p];
    }
    for (size_t i = 0; i < system->dim; i++)
      noise[i * width + p] = sum[i];
  }
}

static struct sde_system system_of(const struct scaled *scaled, enum sde_noise_class noise)
{
  return (struct sde_system){.name = scaled->diffusion->name,
                             .dim = scaled->diffusion->dim,
                             .noise_dim = scaled->diffusion->noise_dim,
                             .noise = noise,
                             .context = scaled,
                             .evaluate = evaluate};
}

/* Far from the origin at every scale, with a coordinate that is zero. */
static void centre_of(const struct scaled *scaled, double *centre)
{
  const double at[DIM_MAX] = {1.5 * scaled->scale, -0.7 * scaled->scale, 0};
  memcpy(centre, at, sizeof at);
}

START_TEST(every_class_is_seen)
{
  struct scaled scaled = {&diffusions[_i / SCALES], scales[_i % SCALES]};
  struct sde_system system = system_of(&scaled, SDE_NOISE_GENERAL);
  double centre[DIM_MAX];
  centre_of(&scaled, centre);
  enum sde_noise_class found = sde_noise_class_measured(&system, centre);
  ck_assert_msg(found == scaled.diffusion->noise, "%s at scale %g is seen as %s", system.name,
                scaled.scale, sde_noise_class_name(found));
}
END_TEST

/* May a diffusion of class `is` be declared as `declared`? */
static bool is_among(const struct diffusion *diffusion, enum sde_noise_class declared)
{
  switch (declared) {
  case SDE_NOISE_SCALAR:
    return diffusion->noise_dim == 1;
  case SDE_NOISE_DIAGONAL:
    return diffusion->noise == SDE_NOISE_DIAGONAL;
  case SDE_NOISE_COMMUTATIVE:
    return diffusion->noise != SDE_NOISE_GENERAL;
  default:
    return declared == SDE_NOISE_GENERAL || diffusion->noise == declared;
  }
}

START_TEST(wrong_declarations_are_refused)
{
  struct scaled scaled = {&diffusions[_i / SDE_NOISE_CLASSES], 1};
  enum sde_noise_class declared = _i % SDE_NOISE_CLASSES;
  struct sde_system system = system_of(&scaled, declared);
  struct sde_status status = {SDE_OK, ""};
  double centre[DIM_MAX];
  centre_of(&scaled, centre);
  bool good = is_among(scaled.diffusion, declared);
  ck_assert_msg(sde_noise_class_check(&system, centre, &status) == good, "%s declared %s: %s",
                system.name, sde_noise_class_name(declared), status.message);
  if (good) {
    ck_assert_int_eq(status.code, SDE_OK);
    return;
  }
  ck_assert_int_eq(status.code, SDE_INVALID);
  char *found =
      sde_format("declares %s noise, but its diffusion is %s at sample points",
                 sde_noise_class_name(declared), sde_noise_class_name(scaled.diffusion->noise));
  ck_assert_ptr_nonnull(strstr(status.message, found));
  sde_free(found);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("noise_class");
  TCase *classes = testing_case(suite, "classes");
  tcase_add_loop_test(classes, every_class_is_seen, 0, DIFFUSIONS * SCALES);
  tcase_add_loop_test(classes, wrong_declarations_are_refused, 0, DIFFUSIONS * SDE_NOISE_CLASSES);
  return testing_run(suite);
}
