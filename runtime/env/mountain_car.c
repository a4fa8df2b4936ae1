/* MountainCar-v0 and MountainCarContinuous-v0 (Moore 1990, "Efficient memory-based learning for robot
 * control"): a weak car must rock out of a valley. Numbers and order of operations are those of Gymnasium. */
#include "env/classic.h"

static const double lowest = -1.2, highest = 0.6, greatest_speed = 0.07, gravity = 0.0025;

enum { OPTION_MAX_STEPS, OPTION_GOAL_VELOCITY, SITE_START = 1 };
enum { POSITION, VELOCITY, VARIABLES };

#define OPTION_ROWS(steps)                                                                                   \
  PRL_OPTION_MAX_STEPS(steps), {                                                                             \
    "goal_velocity", 0, -0.07, 0.07, "per step", "least velocity at which the goal counts as reached"        \
  }

static const prl_env_option options[] = {OPTION_ROWS(200), {0}};
static const prl_env_option continuous_options[] = {OPTION_ROWS(999), {0}};

static const prl_observation_spec observation[] = {{"position", "", -1.2f, 0.6f, true},
                                                   {"velocity", "per step", -0.07f, 0.07f, true}};
static const prl_action_spec choice[] = {{.name = "push", .choices = 3}};
static const prl_action_spec force[] = {{.name = "force", .unit = "", .low = -1, .high = 1}};

static prl_status make_spec(const prl_env_type *type, const double *option, prl_env_spec *spec,
                            prl_error *error) {
  const prl_action_spec *action = type == &prl_env_mountain_car_continuous ? force : choice;
  return classic_spec(observation, 2, action, VARIABLES, option[OPTION_MAX_STEPS], spec, error);
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  double *position = variable(batch, POSITION), *velocity = variable(batch, VELOCITY);
  for (int64_t i = next_masked(mask, 0, batch->n); i < batch->n; i = next_masked(mask, i + 1, batch->n)) {
    double u;
    batch->uniform(batch, i, SITE_START, 1, &u);
    position[i] = -0.6 + 0.2 * u;
    velocity[i] = 0;
    batch->observation[2 * i] = (float)position[i];
    batch->observation[2 * i + 1] = 0;
  }
  return PRL_OK;
}

/* Moves the cars; writes observations, and 1 into reached where an episode ends, else 0. */
static void move(int64_t n, double goal_velocity, double *restrict positions, double *restrict velocities,
                 const float *restrict push, float *restrict rows, float *restrict reached) {
  const double goal = 0.5, engine = 0.001;
  for (int64_t i = 0; i < n; i++) {
    double position = positions[i], velocity = velocities[i], sine, cosine;
    sin_cos(3 * position, &sine, &cosine);
    velocity = velocity + (((double)push[i] - 1) * engine + cosine * -gravity);
    velocity = bounded(velocity, -greatest_speed, greatest_speed);
    position = bounded(position + velocity, lowest, highest);
    double stopped = velocity < 0 ? 0 : velocity;
    velocity = position > lowest ? velocity : stopped;
    positions[i] = position;
    velocities[i] = velocity;
    rows[2 * i] = (float)position;
    rows[2 * i + 1] = (float)velocity;
    reached[i] = ((position >= goal) & (velocity >= goal_velocity)) ? 1.0f : 0.0f;
  }
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const int64_t n = batch->n;
  float *restrict rewards = batch->response;
  uint8_t *restrict terminated = batch->terminated;
  move(n, batch->options[OPTION_GOAL_VELOCITY], variable(batch, POSITION), variable(batch, VELOCITY),
       batch->action, batch->observation, rewards);
  for (int64_t i = 0; i < n; i++) terminated[i] = rewards[i] > 0;
  for (int64_t i = 0; i < n; i++) rewards[i] = -1;
  return PRL_OK;
}

/* What engine and slope add to the velocity. Gymnasium's NumPy rounds to float32 after each operation except
 * where the force was clipped (and so is a Python number) and in the first step of an episode; 999 steps show
 * the difference. */
static inline float push_continuous(float asked, double position, bool first) {
  const double engine = 0.0015;
  double sine, cosine, angle = 3 * position;
  sin_cos(first ? angle : (double)(float)angle, &sine, &cosine);
  double clipped = (asked < -1 ? -engine : engine) - gravity * cosine;
  float free = asked * (float)engine - (float)(gravity * cosine);
  return fabsf(asked) > 1 ? (float)clipped : free;
}

static void move_continuous(int64_t n, double goal_velocity, double *restrict positions,
                            double *restrict velocities, const uint32_t *restrict step,
                            const float *restrict asked, float *restrict rows, float *restrict reached) {
  const float top = (float)greatest_speed, left = (float)lowest, right = (float)highest;
  const double goal = 0.45;
  for (int64_t i = 0; i < n; i++) {
    float velocity = (float)velocities[i] + push_continuous(asked[i], positions[i], step[i] == 0);
    velocity = velocity < -top ? -top : velocity;
    velocity = velocity > top ? top : velocity;
    float position = (float)(positions[i] + velocity);
    position = position < left ? left : position;
    position = position > right ? right : position;
    float stopped = velocity < 0 ? 0 : velocity;
    velocity = position > left ? velocity : stopped;
    positions[i] = position;
    velocities[i] = velocity;
    rows[2 * i] = position;
    rows[2 * i + 1] = velocity;
    reached[i] = ((position >= goal) & (velocity >= goal_velocity)) ? 1.0f : 0.0f;
  }
}

/* The engine gives at most 1, but the reward pays for the force that was asked for, as in Gymnasium. */
static prl_status step_continuous(const prl_env_batch *batch, prl_error *error) {
  const int64_t n = batch->n;
  const float *restrict asked = batch->action;
  float *restrict rewards = batch->response;
  uint8_t *restrict terminated = batch->terminated;
  move_continuous(n, batch->options[OPTION_GOAL_VELOCITY], variable(batch, POSITION),
                  variable(batch, VELOCITY), batch->step, asked, batch->observation, rewards);
  for (int64_t i = 0; i < n; i++) terminated[i] = rewards[i] > 0;
  for (int64_t i = 0; i < n; i++)
    rewards[i] = (float)(100.0 * (double)rewards[i] - (double)asked[i] * (double)asked[i] * 0.1);
  return PRL_OK;
}

const prl_env_type prl_env_mountain_car = {
    .abi = PRL_ENV_ABI,
    .name = "mountain_car",
    .summary = "Rock a weak car out of a valley, pushing left, not at all, or right (MountainCar-v0)",
    .options = options,
    .spec = make_spec,
    .reset = reset,
    .step = step,
};

const prl_env_type prl_env_mountain_car_continuous = {
    .abi = PRL_ENV_ABI,
    .name = "mountain_car_continuous",
    .summary =
        "Rock a weak car out of a valley with a force that costs its square (MountainCarContinuous-v0)",
    .options = continuous_options,
    .spec = make_spec,
    .reset = reset,
    .step = step_continuous,
};
