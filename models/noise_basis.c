/*
 * Bases for noise: see noise_basis.h.
 */
#include "models/noise_basis.h"

#include "sde/block.h"
#include "sde/random.h"

#include <gsl/gsl_eigen.h>
#include <math.h>

/* h[i*dim + k] of the full loss at x, made symmetric to the last bit. */
static bool hessian(const struct loss *loss, const double *x, double *h)
{
  size_t d = loss->dim;
  bool finite = true;
  loss_mean_hessian(loss, x, h);
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k <= i; k++) {
      h[i * d + k] = h[k * d + i] = (h[i * d + k] + h[k * d + i]) / 2;
      finite = finite && isfinite(h[i * d + k]);
    }
  return finite;
}

/* Descending, with GSL; h is destroyed. */
static void decompose(size_t d, double *h, double *eigenvalue, double *vector)
{
  gsl_matrix_view matrix = gsl_matrix_view_array(h, d, d);
  gsl_matrix_view vectors = gsl_matrix_view_array(vector, d, d);
  gsl_vector_view values = gsl_vector_view_array(eigenvalue, d);
  gsl_eigen_symmv_workspace *workspace = gsl_eigen_symmv_alloc(d);
  gsl_eigen_symmv(&matrix.matrix, &values.vector, &vectors.matrix, workspace);
  gsl_eigen_symmv_sort(&values.vector, &vectors.matrix, GSL_EIGEN_SORT_VAL_DESC);
  gsl_eigen_symmv_free(workspace);
}

bool noise_hessian_basis(const struct loss *loss, const double *x, const char *place,
                         double *eigenvalue, double *vector, struct sde_status *status)
{
  if (x == NULL)
    return sde_fail(status, SDE_INVALID,
                    "%s: this noise takes the Hessian at start, and the loss %s has no default; "
                    "give start, a list of %zu numbers",
                    place, loss->type->name, loss->dim);
  double *h = sde_alloc(loss->dim, loss->dim * sizeof *h);
  bool finite = hessian(loss, x, h);
  if (finite)
    decompose(loss->dim, h, eigenvalue, vector);
  sde_free(h);
  return finite ||
         sde_fail(status, SDE_INVALID,
                  "%s: the Hessian at start is not finite; another start is needed", place);
}

/* v -= (v.u) u for the columns u before column k, then v /= |v|; twice is enough (Kahan, Parlett).
 */
static void orthonormalise(size_t dim, size_t count, size_t k, double *vector)
{
  for (int pass = 0; pass < 2; pass++)
    for (size_t j = 0; j <= k; j++) {
      double along = 0;
      for (size_t i = 0; i < dim; i++)
        along += vector[i * count + j] * vector[i * count + k];
      for (size_t i = 0; i < dim; i++)
        if (j < k)
          vector[i * count + k] -= along * vector[i * count + j];
        else
          vector[i * count + k] /= sqrt(along);
    }
}

/* Gram-Schmidt on normal vectors. */
void noise_random_basis(size_t dim, size_t count, uint64_t seed, double *vector)
{
  double *normal = sde_alloc(dim, SDE_UNIT * sizeof *normal);
  for (size_t k = 0; k < count; k++) {
    struct sde_address at = {sde_stream_named(seed, "noise directions"), 0, k};
    sde_random_normals(&at, SDE_UNIT, dim, normal);
    for (size_t i = 0; i < dim; i++)
      vector[i * count + k] = normal[i * SDE_UNIT];
    orthonormalise(dim, count, k, vector);
  }
  sde_free(normal);
}
