/* Acrobot-v1 (Sutton 1996, "Generalization in reinforcement learning: successful examples using sparse coarse
 * coding"; Sutton and Barto 2018, section 11.3, whose equations are used): two links hang from a joint; a
 * torque between them swings the tip above a line. Numbers and order of operations are those of Gymnasium. */
#include "env/classic.h"

static const double link_mass_1 = 1.0, link_mass_2 = 1.0, link_length_1 = 1.0, centre_1 = 0.5, centre_2 = 0.5,
                    inertia_1 = 1.0, inertia_2 = 1.0, gravity = 9.8, seconds = 0.2,
                    greatest_speed_1 = 4 * PRL_PI, greatest_speed_2 = 9 * PRL_PI;

enum { OPTION_MAX_STEPS, SITE_START = 1 };

static const prl_env_option options[] = {PRL_OPTION_MAX_STEPS(500), {0}};

static const prl_observation_spec observation[] = {
    {"cos_angle_1", "", -1, 1},
    {"sin_angle_1", "", -1, 1},
    {"cos_angle_2", "", -1, 1},
    {"sin_angle_2", "", -1, 1},
    {"angular_velocity_1", "rad/s", -12.566371f, 12.566371f},
    {"angular_velocity_2", "rad/s", -28.274334f, 28.274334f},
};
static const prl_action_spec action[] = {{.name = "torque", .unit = "", .choices = 3}};
static const prl_response_spec response[] = {{.name = "reward", .unit = "", .combine = PRL_COMBINE_SUM}};

static prl_status make_spec(const prl_env_type *type, const double *option, prl_env_spec *spec,
                            prl_error *error) {
  *spec = (prl_env_spec){.observations = 6,
                         .actions = 1,
                         .responses = 1,
                         .action_kind = PRL_ACTION_DISCRETE,
                         .observation = observation,
                         .action = action,
                         .response = response,
                         .state_size = sizeof(acrobot_state)};
  return set_max_steps(option[OPTION_MAX_STEPS], spec, error);
}

/* Writes the observation; returns cos θ1 + cos(θ1 + θ2), minus the height of the tip. */
static inline double observe(const acrobot_state *s, float *row) {
  double sine_1, cosine_1, sine_2, cosine_2, sine, cosine;
  sin_cos(s->theta1, &sine_1, &cosine_1);
  sin_cos(s->theta2, &sine_2, &cosine_2);
  sin_cos(s->theta2 + s->theta1, &sine, &cosine);
  row[0] = (float)cosine_1;
  row[1] = (float)sine_1;
  row[2] = (float)cosine_2;
  row[3] = (float)sine_2;
  row[4] = (float)s->theta1_dot;
  row[5] = (float)s->theta2_dot;
  return cosine_1 + cosine;
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  acrobot_state *state = batch->state;
  for (int64_t i = next_masked(mask, 0, batch->n); i < batch->n; i = next_masked(mask, i + 1, batch->n)) {
    double u[4];
    batch->uniform(batch, i, SITE_START, 4, u);
    for (int k = 0; k < 4; k++) u[k] = (float)(-0.1 + 0.2 * u[k]); /* Gymnasium starts from float32 */
    state[i] = (acrobot_state){u[0], u[1], u[2], u[3]};
    observe(&state[i], batch->observation + 6 * i);
  }
  return PRL_OK;
}

/* The time derivative of the state under a torque at the second joint. */
static inline acrobot_state derivative(acrobot_state s, double torque) {
  double sine_2, cosine_2, cosine_12, cosine_1, unused;
  sin_cos(s.theta2, &sine_2, &cosine_2);
  sin_cos(s.theta1 + s.theta2 - PRL_PI / 2, &unused, &cosine_12);
  sin_cos(s.theta1 - PRL_PI / 2, &unused, &cosine_1);
  double lever = link_mass_2 * link_length_1 * centre_2;
  double d1 = link_mass_1 * (centre_1 * centre_1) +
              link_mass_2 * (link_length_1 * link_length_1 + centre_2 * centre_2 +
                             2 * link_length_1 * centre_2 * cosine_2) +
              inertia_1 + inertia_2;
  double d2 = link_mass_2 * (centre_2 * centre_2 + link_length_1 * centre_2 * cosine_2) + inertia_2;
  double phi2 = link_mass_2 * centre_2 * gravity * cosine_12;
  double phi1 = -lever * (s.theta2_dot * s.theta2_dot) * sine_2 -
                2 * lever * s.theta2_dot * s.theta1_dot * sine_2 +
                (link_mass_1 * centre_1 + link_mass_2 * link_length_1) * gravity * cosine_1 + phi2;
  double acc2 = (torque + d2 / d1 * phi1 - lever * (s.theta1_dot * s.theta1_dot) * sine_2 - phi2) /
                (link_mass_2 * (centre_2 * centre_2) + inertia_2 - d2 * d2 / d1);
  double acc1 = -(d2 * acc2 + phi1) / d1;
  return (acrobot_state){s.theta1_dot, s.theta2_dot, acc1, acc2};
}

static inline acrobot_state moved(acrobot_state s, double t, acrobot_state d) {
  return (acrobot_state){s.theta1 + t * d.theta1, s.theta2 + t * d.theta2, s.theta1_dot + t * d.theta1_dot,
                         s.theta2_dot + t * d.theta2_dot};
}

static inline double weighted(double k1, double k2, double k3, double k4) {
  return k1 + 2 * k2 + 2 * k3 + k4;
}

/* One step of the classic Runge–Kutta method of fourth order, then angles in [−π, π] and speeds within their
 * limits. */
static inline acrobot_state integrate(acrobot_state s, double torque) {
  acrobot_state k1 = derivative(s, torque);
  acrobot_state k2 = derivative(moved(s, seconds / 2, k1), torque);
  acrobot_state k3 = derivative(moved(s, seconds / 2, k2), torque);
  acrobot_state k4 = derivative(moved(s, seconds, k3), torque);
  acrobot_state sum = {weighted(k1.theta1, k2.theta1, k3.theta1, k4.theta1),
                       weighted(k1.theta2, k2.theta2, k3.theta2, k4.theta2),
                       weighted(k1.theta1_dot, k2.theta1_dot, k3.theta1_dot, k4.theta1_dot),
                       weighted(k1.theta2_dot, k2.theta2_dot, k3.theta2_dot, k4.theta2_dot)};
  s = moved(s, seconds / 6, sum);
  s.theta1 = s.theta1 - 2 * PRL_PI * nearest_whole(s.theta1 / (2 * PRL_PI));
  s.theta2 = s.theta2 - 2 * PRL_PI * nearest_whole(s.theta2 / (2 * PRL_PI));
  s.theta1_dot = bounded(s.theta1_dot, -greatest_speed_1, greatest_speed_1);
  s.theta2_dot = bounded(s.theta2_dot, -greatest_speed_2, greatest_speed_2);
  return s;
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  acrobot_state *restrict state = batch->state;
  const float *restrict choice = batch->action;
  float *restrict rows = batch->observation, *restrict rewards = batch->response;
  uint8_t *restrict terminated = batch->terminated;
  for (int64_t i = 0; i < batch->n; i++) {
    state[i] = integrate(state[i], (double)choice[i] - 1);
    double depth = observe(&state[i], rows + 6 * i);
    int reached = -depth > 1.0;
    terminated[i] = (uint8_t)reached;
    rewards[i] = reached ? 0 : -1;
  }
  return PRL_OK;
}

const prl_env_type prl_env_acrobot = {
    .abi = PRL_ENV_ABI,
    .name = "acrobot",
    .summary = "Swing the tip of two hanging links above a line by a torque between them (Acrobot-v1)",
    .options = options,
    .spec = make_spec,
    .reset = reset,
    .step = step,
};
