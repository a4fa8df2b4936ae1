/* CartPole-v1 (Barto, Sutton and Anderson 1983, "Neuronlike adaptive elements that can solve difficult
 * learning control problems", as corrected by Florian 2007): a pole on a cart, pushed left or right, to be
 * kept upright. Numbers and order of operations are those of Gymnasium. */
#include "core/kernel_tables.h"
#include "env/classic.h"
#include "env/classic/loops.h"

enum { OPTION_MAX_STEPS, OPTION_SUTTON_BARTO, SITE_START = 1 };
enum { X, X_DOT, THETA, THETA_DOT, VARIABLES };

static const prl_env_option options[] = {
    PRL_OPTION_MAX_STEPS(500),
    {"sutton_barto_reward", 0, 0, 1, "",
     "1: the reward is -1 when the pole falls and 0 before, not 1 each step"},
    {0},
};

static const prl_observation_spec observation[] = {
    {"cart_position", "m", -4.8f, 4.8f, true},
    {"cart_velocity", "m/s", -INFINITY, INFINITY, true},
    {"pole_angle", "rad", -0.41887903f, 0.41887903f, true},
    {"pole_velocity", "rad/s", -INFINITY, INFINITY, true},
};
static const prl_action_spec action[] = {{.name = "push", .choices = 2}};

static prl_status make_spec(const prl_env_type *type, const double *option, prl_env_spec *spec,
                            prl_error *error) {
  double sutton_barto = option[OPTION_SUTTON_BARTO];
  if (sutton_barto != 0 && sutton_barto != 1)
    return prl_fail(error, PRL_EINVAL, "sutton_barto_reward is %g; 0 or 1 is accepted", sutton_barto);
  return classic_spec(observation, 4, action, VARIABLES, option[OPTION_MAX_STEPS], spec, error);
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  for (int64_t i = next_masked(mask, 0, batch->n); i < batch->n; i = next_masked(mask, i + 1, batch->n)) {
    double u[4];
    batch->uniform(batch, i, SITE_START, 4, u);
    for (int k = 0; k < VARIABLES; k++) {
      double start = -0.05 + 0.1 * u[k];
      variable(batch, k)[i] = start;
      batch->observation[4 * i + k] = (float)start;
    }
  }
  return PRL_OK;
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const float reward = batch->options[OPTION_SUTTON_BARTO] == 0 ? 1 : 0, last = reward == 1 ? 1 : -1;
  static prl_cartpole_loop *const loops[PRL_TABLES] = PRL_EACH_TABLE(prl_cartpole_loop_);
  prl_cartpole_loop *loop = loops[prl_table_index(batch->kernels)];
  loop(batch->n, variable(batch, X), variable(batch, X_DOT), variable(batch, THETA),
       variable(batch, THETA_DOT), batch->action, batch->observation, batch->response, batch->terminated,
       reward, last);
  return PRL_OK;
}

const prl_env_type prl_env_cartpole = {
    .abi = PRL_ENV_ABI,
    .name = "cartpole",
    .summary = "Keep a pole upright on a cart that is pushed left or right (CartPole-v1)",
    .options = options,
    .spec = make_spec,
    .reset = reset,
    .step = step,
};
