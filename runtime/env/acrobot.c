/* Acrobot-v1 (Sutton 1996, "Generalization in reinforcement learning: successful examples using sparse coarse
 * coding"; Sutton and Barto 2018, section 11.3, whose equations are used): two links hang from a joint; a
 * torque between them swings the tip above a line. Numbers and order of operations are those of Gymnasium.
 *
 * Sines and cosines are libm's, as there: the motion is chaotic, and a difference in their last bit grows
 * past 1e-5 within an episode. */
#include "env/classic.h"

static const double link_mass_1 = 1.0, link_mass_2 = 1.0, link_length_1 = 1.0, centre_1 = 0.5, centre_2 = 0.5,
                    inertia_1 = 1.0, inertia_2 = 1.0, gravity = 9.8, seconds = 0.2,
                    greatest_speed_1 = 4 * PRL_PI, greatest_speed_2 = 9 * PRL_PI;

enum { OPTION_MAX_STEPS, SITE_START = 1 };
enum { THETA_1, THETA_2, THETA_1_DOT, THETA_2_DOT, VARIABLES };

static const prl_env_option options[] = {PRL_OPTION_MAX_STEPS(500), {0}};

static const prl_observation_spec observation[] = {
    {"cos_angle_1", "", -1, 1, true},
    {"sin_angle_1", "", -1, 1, true},
    {"cos_angle_2", "", -1, 1, true},
    {"sin_angle_2", "", -1, 1, true},
    {"angular_velocity_1", "rad/s", -12.566371f, 12.566371f, true},
    {"angular_velocity_2", "rad/s", -28.274334f, 28.274334f, true},
};
static const prl_action_spec action[] = {{.name = "torque", .unit = "", .choices = 3}};

static prl_status make_spec(const prl_env_type *type, const double *option, prl_env_spec *spec,
                            prl_error *error) {
  return classic_spec(observation, 6, action, VARIABLES, option[OPTION_MAX_STEPS], spec, error);
}

/* One instance's variables, or their derivatives. */
typedef struct point {
  double theta1, theta2, theta1_dot, theta2_dot;
} point;

/* Writes the observation; returns −cos θ1 − cos(θ1 + θ2), the height of the tip. */
static inline double observe(point s, float *row) {
  double cosine_1 = cos(s.theta1);
  row[0] = (float)cosine_1;
  row[1] = (float)sin(s.theta1);
  row[2] = (float)cos(s.theta2);
  row[3] = (float)sin(s.theta2);
  row[4] = (float)s.theta1_dot;
  row[5] = (float)s.theta2_dot;
  return -cosine_1 - cos(s.theta2 + s.theta1);
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  for (int64_t i = next_masked(mask, 0, batch->n); i < batch->n; i = next_masked(mask, i + 1, batch->n)) {
    double u[4];
    batch->uniform(batch, i, SITE_START, 4, u);
    for (int k = 0; k < VARIABLES; k++) {
      u[k] = (float)(-0.1 + 0.2 * u[k]); /* Gymnasium starts from float32 */
      variable(batch, k)[i] = u[k];
    }
    observe((point){u[0], u[1], u[2], u[3]}, batch->observation + 6 * i);
  }
  return PRL_OK;
}

/* The time derivative of the state under a torque at the second joint. */
static inline point derivative(point s, double torque) {
  double sine_2 = sin(s.theta2), cosine_2 = cos(s.theta2);
  double cosine_12 = cos(s.theta1 + s.theta2 - PRL_PI / 2), cosine_1 = cos(s.theta1 - PRL_PI / 2);
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
  return (point){s.theta1_dot, s.theta2_dot, acc1, acc2};
}

static inline point moved(point s, double t, point d) {
  return (point){s.theta1 + t * d.theta1, s.theta2 + t * d.theta2, s.theta1_dot + t * d.theta1_dot,
                 s.theta2_dot + t * d.theta2_dot};
}

static inline double weighted(double k1, double k2, double k3, double k4) {
  return k1 + 2 * k2 + 2 * k3 + k4;
}

/* One step of the classic Runge–Kutta method of fourth order, then angles in [−π, π] and speeds within their
 * limits. */
static inline point integrate(point s, double torque) {
  point k1 = derivative(s, torque);
  point k2 = derivative(moved(s, seconds / 2, k1), torque);
  point k3 = derivative(moved(s, seconds / 2, k2), torque);
  point k4 = derivative(moved(s, seconds, k3), torque);
  point sum = {weighted(k1.theta1, k2.theta1, k3.theta1, k4.theta1),
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

/* Moves the links; writes observations, and 0 into rewards where the tip is above the line, else −1. */
static void move(int64_t n, double *restrict theta1, double *restrict theta2, double *restrict theta1_dot,
                 double *restrict theta2_dot, const float *restrict choice, float *restrict rows,
                 float *restrict rewards) {
  for (int64_t i = 0; i < n; i++) {
    point now = {theta1[i], theta2[i], theta1_dot[i], theta2_dot[i]};
    now = integrate(now, (double)choice[i] - 1);
    theta1[i] = now.theta1;
    theta2[i] = now.theta2;
    theta1_dot[i] = now.theta1_dot;
    theta2_dot[i] = now.theta2_dot;
    rewards[i] = observe(now, rows + 6 * i) > 1.0 ? 0.0f : -1.0f;
  }
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const int64_t n = batch->n;
  float *restrict rewards = batch->response;
  uint8_t *restrict terminated = batch->terminated;
  move(n, variable(batch, THETA_1), variable(batch, THETA_2), variable(batch, THETA_1_DOT),
       variable(batch, THETA_2_DOT), batch->action, batch->observation, rewards);
  for (int64_t i = 0; i < n; i++) terminated[i] = rewards[i] == 0;
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
