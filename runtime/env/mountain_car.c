/* MountainCar-v0 and MountainCarContinuous-v0 (Moore 1990, "Efficient memory-based learning for robot
 * control"): a weak car must rock out of a valley. Numbers and order of operations are those of Gymnasium. */
#include "env/classic.h"

static const double lowest = -1.2, highest = 0.6, greatest_speed = 0.07, gravity = 0.0025;

enum { OPTION_MAX_STEPS, OPTION_GOAL_VELOCITY, SITE_START = 1 };

#define OPTION_ROWS(steps)                                                                                   \
  PRL_OPTION_MAX_STEPS(steps), {                                                                             \
    "goal_velocity", 0, -0.07, 0.07, "per step", "least velocity at which the goal counts as reached"        \
  }

static const prl_env_option options[] = {OPTION_ROWS(200), {0}};
static const prl_env_option continuous_options[] = {OPTION_ROWS(999), {0}};

static const prl_observation_spec observation[] = {{"position", "", -1.2f, 0.6f},
                                                   {"velocity", "per step", -0.07f, 0.07f}};
static const prl_action_spec choice[] = {{.name = "push", .choices = 3}};
static const prl_action_spec force[] = {{.name = "force", .unit = "", .low = -1, .high = 1}};
static const prl_response_spec response[] = {{.name = "reward", .unit = "", .combine = PRL_COMBINE_SUM}};

static prl_status make_spec(const prl_env_type *type, const double *option, prl_env_spec *spec,
                            prl_error *error) {
  bool continuous = type == &prl_env_mountain_car_continuous;
  *spec = (prl_env_spec){.observations = 2,
                         .actions = 1,
                         .responses = 1,
                         .action_kind = continuous ? PRL_ACTION_CONTINUOUS : PRL_ACTION_DISCRETE,
                         .observation = observation,
                         .action = continuous ? force : choice,
                         .response = response,
                         .state_size = sizeof(mountain_car_state)};
  return set_max_steps(option[OPTION_MAX_STEPS], spec, error);
}

static inline void observe(const mountain_car_state *s, float *row) {
  row[0] = (float)s->position;
  row[1] = (float)s->velocity;
}

static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  mountain_car_state *state = batch->state;
  for (int64_t i = next_masked(mask, 0, batch->n); i < batch->n; i = next_masked(mask, i + 1, batch->n)) {
    double u;
    batch->uniform(batch, i, SITE_START, 1, &u);
    state[i] = (mountain_car_state){-0.6 + 0.2 * u, 0};
    observe(&state[i], batch->observation + 2 * i);
  }
  return PRL_OK;
}

/* The car after one step with velocity already changed by its engine and the slope; at the left end it stops.
 */
static inline mountain_car_state roll(double position, double velocity) {
  velocity = bounded(velocity, -greatest_speed, greatest_speed);
  position = bounded(position + velocity, lowest, highest);
  velocity = ((position == lowest) & (velocity < 0)) ? 0 : velocity;
  return (mountain_car_state){position, velocity};
}

static prl_status step(const prl_env_batch *batch, prl_error *error) {
  const double goal = 0.5, engine = 0.001, goal_velocity = batch->options[OPTION_GOAL_VELOCITY];
  mountain_car_state *restrict state = batch->state;
  const float *restrict push = batch->action;
  float *restrict rows = batch->observation, *restrict rewards = batch->response;
  uint8_t *restrict terminated = batch->terminated;
  for (int64_t i = 0; i < batch->n; i++) {
    double position = state[i].position, sine, cosine;
    sin_cos(3 * position, &sine, &cosine);
    state[i] = roll(position, state[i].velocity + (((double)push[i] - 1) * engine + cosine * -gravity));
    terminated[i] = (state[i].position >= goal) & (state[i].velocity >= goal_velocity);
    rewards[i] = -1;
    observe(&state[i], rows + 2 * i);
  }
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

/* The engine gives at most 1, but the reward pays for the force that was asked for, as in Gymnasium. */
static prl_status step_continuous(const prl_env_batch *batch, prl_error *error) {
  const float top = (float)greatest_speed, left = (float)lowest, right = (float)highest;
  const double goal = 0.45, goal_velocity = batch->options[OPTION_GOAL_VELOCITY];
  mountain_car_state *restrict state = batch->state;
  const float *restrict asked = batch->action;
  float *restrict rows = batch->observation, *restrict rewards = batch->response;
  uint8_t *restrict terminated = batch->terminated;
  for (int64_t i = 0; i < batch->n; i++) {
    float velocity =
        (float)state[i].velocity + push_continuous(asked[i], state[i].position, batch->step[i] == 0);
    velocity = (float)bounded(velocity, -top, top);
    float position = (float)bounded(state[i].position + velocity, left, right);
    velocity = ((position == left) & (velocity < 0)) ? 0 : velocity;
    int reached = (position >= goal) & (velocity >= goal_velocity);
    state[i] = (mountain_car_state){position, velocity};
    terminated[i] = (uint8_t)reached;
    rewards[i] = (float)((reached ? 100.0 : 0.0) - (double)asked[i] * (double)asked[i] * 0.1);
    observe(&state[i], rows + 2 * i);
  }
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
