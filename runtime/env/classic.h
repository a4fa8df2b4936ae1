/* What the classic control environments share: branch-free arithmetic that the compiler vectorises. Included
 * by them and by their tests only.
 *
 * Dynamics follow Gymnasium operation by operation in float64, so that a trajectory drifts from it by
 * rounding alone. */
#ifndef PRL_ENV_CLASSIC_H
#define PRL_ENV_CLASSIC_H

#include "env/mask.h"
#include "env/types.h"

#include <math.h>
#include <string.h>

#define PRL_PI 3.14159265358979323846

/* State is an array of n float64 for each variable, one after the other, so that a step vectorises. The loops
 * take them as restrict parameters: the compiler gives up on as many run-time checks of aliasing. */

/* Array k of the slab; each environment numbers its variables. */
static inline double *variable(const prl_env_batch *batch, int64_t k) {
  return (double *)batch->state + k * batch->n;
}

/* ---- Options that every classic environment has. ---- */

#define PRL_OPTION_MAX_STEPS(steps)                                                                          \
  { "max_steps", steps, 0, 1e9, "steps", "an episode is truncated after this many steps; 0: never" }

/* The spec that all of them share: one response, `reward`; one dimension of action, discrete where it has
 * choices; so many variables of state. */
static inline prl_status classic_spec(const prl_observation_spec *observation, int32_t observations,
                                      const prl_action_spec *action, int64_t variables, double max_steps,
                                      prl_env_spec *spec, prl_error *error) {
  static const prl_response_spec response[] = {{.name = "reward", .unit = "", .combine = PRL_COMBINE_SUM}};
  if (max_steps != floor(max_steps))
    return prl_fail(error, PRL_EINVAL, "max_steps is %g; a whole number is needed", max_steps);
  *spec = (prl_env_spec){.observations = observations,
                         .actions = 1,
                         .responses = 1,
                         .action_kind = action->choices ? PRL_ACTION_DISCRETE : PRL_ACTION_CONTINUOUS,
                         .observation = observation,
                         .action = action,
                         .response = response,
                         .max_steps = (int64_t)max_steps,
                         .state_size = (size_t)variables * sizeof(double),
                         .divisible = true};
  return PRL_OK;
}

/* ---- Arithmetic ---- */

static inline double bounded(double x, double low, double high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/* The nearest whole number, ties to even, for |x| < 2⁵¹: adding 1.5 × 2⁵² leaves no room for a fraction. */
#define PRL_ROUND_MAGIC 6755399441055744.0
static inline double nearest_whole(double x) { return (x + PRL_ROUND_MAGIC) - PRL_ROUND_MAGIC; }

/* Sine and cosine of x for |x| < 10⁵, within 2 × 10⁻¹⁶ absolute: x = j·π/2 + r with π/2 in three parts (Cody
 * and Waite 1980), Taylor series on |r| ≤ π/4 to r¹⁵ and r¹⁶, then a swap and signs by the quadrant, all
 * without a branch. */
static inline void sin_cos(double x, double *sine, double *cosine) {
  double shifted = x * (2 / PRL_PI) + PRL_ROUND_MAGIC, j = shifted - PRL_ROUND_MAGIC;
  uint64_t quadrant; /* its low bits, since the magic number's own are 0 */
  memcpy(&quadrant, &shifted, 8);
  /* The first two parts have 33 bits: j times them is exact for |j| < 2²⁰. */
  double r = x - j * 0x1.921fb544p+0;
  r = r - j * 0x1.0b4611a6p-34;
  r = r - j * 0x1.3198a2e037073p-69;
  double z = r * r;
  double s = -1.0 / 1307674368000.0;
  s = s * z + 1.0 / 6227020800.0;
  s = s * z - 1.0 / 39916800.0;
  s = s * z + 1.0 / 362880.0;
  s = s * z - 1.0 / 5040.0;
  s = s * z + 1.0 / 120.0;
  s = s * z - 1.0 / 6.0;
  s = s * z * r + r;
  double c = 1.0 / 20922789888000.0;
  c = c * z - 1.0 / 87178291200.0;
  c = c * z + 1.0 / 479001600.0;
  c = c * z - 1.0 / 3628800.0;
  c = c * z + 1.0 / 40320.0;
  c = c * z - 1.0 / 720.0;
  c = c * z + 1.0 / 24.0;
  c = c * z * z - 0.5 * z + 1.0;
  uint64_t si, ci, swap = 0 - (quadrant & 1);
  memcpy(&si, &s, 8);
  memcpy(&ci, &c, 8);
  uint64_t differ = (si ^ ci) & swap;
  si = si ^ differ ^ ((quadrant & 2) << 62);
  ci = ci ^ differ ^ (((quadrant + 1) & 2) << 62);
  memcpy(sine, &si, 8);
  memcpy(cosine, &ci, 8);
}

#endif
