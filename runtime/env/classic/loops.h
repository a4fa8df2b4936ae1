/* The loops of cartpole and pendulum, compiled once for each kernel table (runtime/env/classic/kernels).
 * Nothing in them is contracted or reassociated: all give the same bytes, so that a table only decides the
 * speed. */
#ifndef PRL_ENV_CLASSIC_LOOPS_H
#define PRL_ENV_CLASSIC_LOOPS_H

#include <stdint.h>

/* All arrays have n elements, rows n × 4. Moves the carts; writes observations, and where an episode ended 1
 * into terminated and `last` into rewards, elsewhere 0 and `reward`. */
typedef void prl_cartpole_loop(int64_t n, double *restrict x, double *restrict x_dot, double *restrict theta,
                               double *restrict theta_dot, const float *restrict push, float *restrict rows,
                               float *restrict rewards, uint8_t *restrict terminated, float reward,
                               float last);

/* θ″ = pull sin θ + push u;  reward = −(θ² + 0.1 θ′² + 0.001 u²) of the state before the step, θ in [−π, π].
 * sine is that of theta, known from the last step. rows: n × 3. */
typedef void prl_pendulum_loop(int64_t n, double pull, float push, double *restrict theta,
                               double *restrict theta_dot, double *restrict sine,
                               const float *restrict torque, float *restrict rows, float *restrict rewards);

prl_cartpole_loop prl_cartpole_loop_baseline, prl_cartpole_loop_avx2, prl_cartpole_loop_avx512;
prl_pendulum_loop prl_pendulum_loop_baseline, prl_pendulum_loop_avx2, prl_pendulum_loop_avx512;

#endif
