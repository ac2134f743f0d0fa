/*
 * Noise classes, measured: see noise_class.h. Each property is tested on B times random vectors,
 * which has it, but for vectors of probability zero, if and only if B has.
 */
#include "sde/noise_class.h"

#include "sde/block.h"
#include "sde/random.h"

#include <math.h>
#include <string.h>

enum { POINTS = SDE_UNIT };

/* A change below `equal` of the whole is rounding. Derivatives are central differences over `shift`
 * of the scale of x: exact to about shift^2 and rounding / shift, hence `vanishing`. */
static const double equal = 1e-12, shift = 1e-5, vanishing = 1e-7;

struct probe {
  const struct sde_system *system;
  void *workspace;
  const double *centre;
  double scale; /* of x: the centre's largest coordinate, 1 for the origin */
  uint64_t draws;
};

static struct probe probe_new(const struct sde_system *system, const double *centre)
{
  struct probe probe = {system, sde_system_workspace_new(system, POINTS), centre, 0, 0};
  for (size_t i = 0; i < system->dim; i++)
    probe.scale = fmax(probe.scale, fabs(centre[i]));
  if (probe.scale == 0)
    probe.scale = 1;
  return probe;
}

/* Normals, other ones at each call: out[l*POINTS + p]. */
static void draw(struct probe *probe, size_t lanes, double *out)
{
  struct sde_address at = {sde_stream_named(0, "noise class"), 0, probe->draws++};
  sde_random_normals(&at, POINTS, lanes, out);
}

static double *random_vectors(struct probe *probe)
{
  double *v = sde_alloc(probe->system->noise_dim, POINTS * sizeof *v);
  draw(probe, probe->system->noise_dim, v);
  return v;
}

/* Points around the centre, a tenth of the scale away in each coordinate. */
static double *random_points(struct probe *probe)
{
  size_t dim = probe->system->dim;
  double *x = sde_alloc(dim, POINTS * sizeof *x);
  draw(probe, dim, x);
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < POINTS; p++)
      x[i * POINTS + p] = probe->centre[i] + 0.1 * probe->scale * x[i * POINTS + p];
  return x;
}

/* B(x) v, in memory for the caller to release. */
static double *noise_at(const struct probe *probe, const double *x, const double *v)
{
  const struct sde_system *system = probe->system;
  double *noise = sde_alloc(system->dim, POINTS * sizeof *noise);
  struct sde_instant at = {0, 0, 0};
  system->evaluate(system, probe->workspace, &at, POINTS, x, v, NULL, noise);
  return noise;
}

/* Euclidean norm over coordinates first .. last - 1 of the difference a - b (of a, for b NULL) at
 * point p. */
static double norm(size_t first, size_t last, size_t p, const double *a, const double *b)
{
  double sum = 0;
  for (size_t i = first; i < last; i++) {
    double value = a[i * POINTS + p] - (b == NULL ? 0 : b[i * POINTS + p]);
    sum += value * value;
  }
  return sqrt(sum);
}

static bool is_additive(struct probe *probe)
{
  size_t dim = probe->system->dim;
  double *x = random_points(probe), *y = random_points(probe), *v = random_vectors(probe);
  double *here = noise_at(probe, x, v), *there = noise_at(probe, y, v);
  bool additive = true;
  for (size_t p = 0; p < POINTS; p++)
    additive = additive && norm(0, dim, p, here, there) <= equal * norm(0, dim, p, here, NULL);
  sde_free(x), sde_free(y), sde_free(v), sde_free(here), sde_free(there);
  return additive;
}

/* Does entry i of B v depend on x_i and v_i alone, for each i? */
static bool is_diagonal(struct probe *probe)
{
  size_t dim = probe->system->dim;
  if (dim != probe->system->noise_dim)
    return false;
  bool diagonal = true;
  double *x = random_points(probe), *v = random_vectors(probe), *here = noise_at(probe, x, v);
  for (size_t i = 0; i < dim && diagonal; i++) {
    double *y = random_points(probe), *w = random_vectors(probe);
    memcpy(y + i * POINTS, x + i * POINTS, POINTS * sizeof *y);
    memcpy(w + i * POINTS, v + i * POINTS, POINTS * sizeof *w);
    double *there = noise_at(probe, y, w);
    for (size_t p = 0; p < POINTS; p++)
      diagonal = diagonal && norm(i, i + 1, p, here, there) <= equal * norm(0, dim, p, here, NULL);
    sde_free(y), sde_free(w), sde_free(there);
  }
  sde_free(x), sde_free(v), sde_free(here);
  return diagonal;
}

/* point = x + shift * scale * direction / |direction|, path by path; x where direction is 0. */
static void shifted(const struct probe *probe, const double *x, double sign,
                    const double *direction, double *point)
{
  size_t dim = probe->system->dim;
  for (size_t p = 0; p < POINTS; p++) {
    double length = norm(0, dim, p, direction, NULL);
    double factor = length > 0 ? sign * shift * probe->scale / length : 0;
    for (size_t i = p; i < dim * POINTS; i += POINTS)
      point[i] = x[i] + factor * direction[i];
  }
}

/* D(B v)[direction] at x, times 2 * shift * scale / |direction|. */
static double *difference(const struct probe *probe, const double *x, const double *v,
                          const double *direction)
{
  size_t size = probe->system->dim * POINTS;
  double *point = sde_alloc(size, sizeof *point);
  shifted(probe, x, 1, direction, point);
  double *forward = noise_at(probe, point, v);
  shifted(probe, x, -1, direction, point);
  double *backward = noise_at(probe, point, v);
  sde_block_add(size, -1, backward, forward);
  sde_free(point), sde_free(backward);
  return forward;
}

/* D(B v)[B u] and D(B u)[B v] have to agree; both are here in units of the same 1 / (2 shift
 * scale), and rounding is a part of |B u| |B v|. */
static bool commutes_at(size_t dim, size_t p, const double *along_u, const double *along_v,
                        const double *one, const double *other)
{
  double u = norm(0, dim, p, along_u, NULL), v = norm(0, dim, p, along_v, NULL), sum = 0;
  for (size_t i = p; i < dim * POINTS; i += POINTS)
    sum += pow(one[i] * u - other[i] * v, 2);
  return sqrt(sum) <= vanishing * 2 * shift * u * v;
}

/* With u and v constant vectors, D(B v)[B u] = D(B u)[B v] for all of them if and only if
 * Db_k b_j = Db_j b_k for all j, k. */
static bool is_commutative(struct probe *probe)
{
  size_t dim = probe->system->dim;
  double *x = random_points(probe), *u = random_vectors(probe), *v = random_vectors(probe);
  double *along_u = noise_at(probe, x, u), *along_v = noise_at(probe, x, v);
  double *one = difference(probe, x, v, along_u), *other = difference(probe, x, u, along_v);
  bool commutative = true;
  for (size_t p = 0; p < POINTS; p++)
    commutative = commutative && commutes_at(dim, p, along_u, along_v, one, other);
  sde_free(x), sde_free(u), sde_free(v), sde_free(along_u), sde_free(along_v);
  sde_free(one), sde_free(other);
  return commutative;
}

static bool has_class(struct probe *probe, enum sde_noise_class noise)
{
  switch (noise) {
  case SDE_NOISE_ADDITIVE:
    return is_additive(probe);
  case SDE_NOISE_SCALAR:
    return probe->system->noise_dim == 1;
  case SDE_NOISE_DIAGONAL:
    return is_diagonal(probe);
  case SDE_NOISE_COMMUTATIVE:
    return is_commutative(probe);
  default:
    return true;
  }
}

enum sde_noise_class sde_noise_class_measured(const struct sde_system *system, const double *centre)
{
  struct probe probe = probe_new(system, centre);
  enum sde_noise_class noise = SDE_NOISE_ADDITIVE;
  while (!has_class(&probe, noise))
    noise++;
  sde_system_workspace_free(system, probe.workspace);
  return noise;
}

bool sde_noise_class_check(const struct sde_system *system, const double *centre,
                           struct sde_status *status)
{
  struct probe probe = probe_new(system, centre);
  bool borne_out = has_class(&probe, system->noise);
  sde_system_workspace_free(system, probe.workspace);
  if (borne_out)
    return true;
  return sde_fail(status, SDE_INVALID,
                  "the system %s declares %s noise, but its diffusion is %s at sample points "
                  "around the start; schemes would lose their orders",
                  system->name, sde_noise_class_name(system->noise),
                  sde_noise_class_name(sde_noise_class_measured(system, centre)));
}
