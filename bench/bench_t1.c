/*
 * T1: a linear SDE of ten dimensions through the public engine, beside plain C and beside the
 * normals alone.
 */
#include "bench/linear10.h"
#include "bench/measure.h"
#include "sde/system.h"
#include "sde/vector_math.h"

enum { STEPS = 1000, PATHS = 8192 };

/* Path-steps a second of the linear SDE through the public engine. */
double t1_speed(uint64_t paths, uint64_t steps, int threads)
{
  double a[LINEAR10_DIM * LINEAR10_DIM], s[LINEAR10_DIM * LINEAR10_DIM];
  for (size_t i = 0; i < LINEAR10_DIM; i++)
    for (size_t j = 0; j < LINEAR10_DIM; j++) {
      a[i * LINEAR10_DIM + j] = linear10_rate(i, j);
      s[i * LINEAR10_DIM + j] = linear10_noise(i, j);
    }
  struct sde_system *system = sde_linear_system_new(LINEAR10_DIM, LINEAR10_DIM, a, NULL, s);
  double speed = solution_speed(system, "euler-maruyama", linear10_start, linear10_time_step, paths,
                                steps, threads);
  sde_linear_system_free(system);
  return speed;
}

static double plain_speed(const struct bench *bench, uint64_t paths, uint64_t steps, int threads)
{
  return baseline_speed(bench, "plain_c", paths, steps, threads);
}

/* T1: the linear SDE beside plain C and the normals alone, on the same threads in turn. */
void bench_t1(const struct bench *bench)
{
  double ours[ROUNDS], plain[ROUNDS], floor[ROUNDS], to_plain[ROUNDS], to_floor[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    ours[i] = t1_speed(PATHS, STEPS, bench->threads);
    plain[i] = plain_speed(bench, PATHS, STEPS, bench->threads);
    floor[i] = normals_speed(LINEAR10_DIM, PATHS, STEPS, bench->threads);
    to_plain[i] = ours[i] / plain[i];
    to_floor[i] = ours[i] / floor[i];
  }
  row(bench, "t1", "plain-c", bench->threads, 1e-6 * median(plain, ROUNDS), "million path-steps/s",
      1, 0);
  row(bench, "t1", "engine", bench->threads, 1e-6 * median(ours, ROUNDS), "million path-steps/s",
      median(to_plain, ROUNDS), median(to_floor, ROUNDS));
  row(bench, "normals", sde_vector_math()->name, bench->threads,
      1e9 * bench->threads / (LINEAR10_DIM * median(floor, ROUNDS)), "ns a normal and thread", 0,
      0);
}
