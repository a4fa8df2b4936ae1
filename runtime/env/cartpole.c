/* CartPole-v1 (Barto, Sutton and Anderson 1983, "Neuronlike adaptive elements that can solve difficult
 * learning control problems", as corrected by Florian 2007): a pole on a cart, pushed left or right, to be
 * kept upright. Numbers and order of operations are those of Gymnasium. */
#include "env/classic.h"

static const double gravity = 9.8, cart_mass = 1.0, pole_mass = 0.1, half_length = 0.5, force_size = 10.0,
                    seconds = 0.02, x_limit = 2.4, theta_limit = 12 * 2 * PRL_PI / 360;

enum { OPTION_MAX_STEPS, OPTION_SUTTON_BARTO, SITE_START = 1 };

static const prl_env_option options[] = {
    PRL_OPTION_MAX_STEPS(500),
    {"sutton_barto_reward", 0, 0, 1, "",
     "1: the reward is -1 when the pole falls and 0 before, not 1 each step"},
    {0},
};

static const prl_observation_spec observation[] = {
    {"cart_position", "m", -4.8f, 4.8f},
    {"cart_velocity", "m/s", -INFINITY, INFINITY},
    {"pole_angle", "rad", -0.41887903f, 0.41887903f},
    {"pole_velocity", "rad/s", -INFINITY, INFINITY},
};
static const prl_action_spec action[] = {{.name = "push", .choices = 2}};
static const prl_response_spec response[] = {{.name = "reward", .unit = "", .combine = PRL_COMBINE_SUM}};

static prl_status make_spec(const prl_env_type *type, const double *option, prl_env_spec *spec,
                            prl_error *error) {
  *spec = (prl_env_spec){.observations = 4,
                         .actions = 1,
                         .responses = 1,
                         .action_kind = PRL_ACTION_DISCRETE,
                         .observation = observation,
                         .action = action,
                         .response = response,
                         .state_size = sizeof(cartpole_state)};
  double sutton_barto = option[OPTION_SUTTON_BARTO];
  if (sutton_barto != 0 && sutton_barto != 1)
    return prl_fail(error, PRL_EINVAL, "sutton_barto_reward is %g; 0 or 1 is accepted", sutton_barto);
  return set_max_steps(option[OPTION_MAX_STEPS], spec, error);
}

static void observe(const cartpole_state *s, float *row) {
  row[0] = (float)s->x;
  row[1] = (float)s->x_dot;
  row[2] = (float)s->theta;
  row[3] = (float)s->theta_dot;
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  cartpole_state *state = batch->state;
  for (int64_t i = next_masked(mask, 0, batch->n); i < batch->n; i = next_masked(mask, i + 1, batch->n)) {
    double u[4];
    batch->uniform(batch, i, SITE_START, 4, u);
    state[i] =
        (cartpole_state){-0.05 + 0.1 * u[0], -0.05 + 0.1 * u[1], -0.05 + 0.1 * u[2], -0.05 + 0.1 * u[3]};
    observe(&state[i], batch->observation + 4 * i);
  }
  return PRL_OK;
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const double mass = pole_mass + cart_mass, pole_moment = pole_mass * half_length;
  const float reward = batch->options[OPTION_SUTTON_BARTO] == 0 ? 1 : 0, last = reward == 1 ? 1 : -1;
  cartpole_state *restrict state = batch->state;
  const float *restrict push = batch->action;
  float *restrict rows = batch->observation, *restrict rewards = batch->response;
  uint8_t *restrict terminated = batch->terminated;
  for (int64_t i = 0; i < batch->n; i++) {
    double x = state[i].x, x_dot = state[i].x_dot, theta = state[i].theta, theta_dot = state[i].theta_dot;
    double force = push[i] == 1 ? force_size : -force_size, sine, cosine;
    sin_cos(theta, &sine, &cosine);
    double temp = (force + pole_moment * (theta_dot * theta_dot) * sine) / mass;
    double theta_acc =
        (gravity * sine - cosine * temp) / (half_length * (4.0 / 3.0 - pole_mass * (cosine * cosine) / mass));
    double x_acc = temp - pole_moment * theta_acc * cosine / mass;
    x = x + seconds * x_dot;
    x_dot = x_dot + seconds * x_acc;
    theta = theta + seconds * theta_dot;
    theta_dot = theta_dot + seconds * theta_acc;
    state[i] = (cartpole_state){x, x_dot, theta, theta_dot};
    observe(&state[i], rows + 4 * i);
    int fell = (fabs(x) > x_limit) | (fabs(theta) > theta_limit);
    terminated[i] = (uint8_t)fell;
    rewards[i] = fell ? last : reward;
  }
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
