/* Pendulum-v1: a pendulum that a weak torque must swing up and hold upright; theta is 0 upright. Never
 * terminates. Numbers and order of operations are those of Gymnasium, with the torque in float32 as there. */
#include "core/kernel_tables.h"
#include "env/classic.h"
#include "env/classic/loops.h"

static const double mass = 1.0, length = 1.0;

enum { OPTION_MAX_STEPS, OPTION_G, SITE_START = 1 };
/* The sine is known from the last observation, so that a step takes one sine and cosine only. */
enum { THETA, THETA_DOT, SINE, VARIABLES };

static const prl_env_option options[] = {
    PRL_OPTION_MAX_STEPS(200),
    {"g", 10, -1e3, 1e3, "m/s2", "acceleration of gravity"},
    {0},
};

static const prl_observation_spec observation[] = {{"cos_angle", "", -1, 1, true},
                                                   {"sin_angle", "", -1, 1, true},
                                                   {"angular_velocity", "rad/s", -8, 8, true}};
static const prl_action_spec action[] = {{.name = "torque", .unit = "N m", .low = -2, .high = 2}};

static prl_status make_spec(const prl_env_type *type, const double *option, prl_env_spec *spec,
                            prl_error *error) {
  return classic_spec(observation, 3, action, VARIABLES, option[OPTION_MAX_STEPS], spec, error);
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  double *theta = variable(batch, THETA), *theta_dot = variable(batch, THETA_DOT),
         *sine = variable(batch, SINE);
  for (int64_t i = next_masked(mask, 0, batch->n); i < batch->n; i = next_masked(mask, i + 1, batch->n)) {
    double u[2], cosine;
    batch->uniform(batch, i, SITE_START, 2, u);
    theta[i] = PRL_PI * (2 * u[0] - 1);
    theta_dot[i] = 2 * u[1] - 1;
    sin_cos(theta[i], &sine[i], &cosine);
    float *row = batch->observation + 3 * i;
    row[0] = (float)cosine;
    row[1] = (float)sine[i];
    row[2] = (float)theta_dot[i];
  }
  return PRL_OK;
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const double pull = 3 * batch->options[OPTION_G] / (2 * length);
  const float push = (float)(3.0 / (mass * length * length));
  static prl_pendulum_loop *const loops[PRL_TABLES] = PRL_EACH_TABLE(prl_pendulum_loop_);
  prl_pendulum_loop *loop = loops[prl_table_index(batch->kernels)];
  loop(batch->n, pull, push, variable(batch, THETA), variable(batch, THETA_DOT), variable(batch, SINE),
       batch->action, batch->observation, batch->response);
  return PRL_OK;
}

const prl_env_type prl_env_pendulum = {
    .abi = PRL_ENV_ABI,
    .name = "pendulum",
    .summary = "Swing a pendulum up with a weak torque and hold it (Pendulum-v1)",
    .options = options,
    .spec = make_spec,
    .reset = reset,
    .step = step,
};
