/* A cart on a rail in gusty wind: keep it near the origin with little force. A template for an environment of
 * your own: one file, one header, nothing to link. See README.md. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "perilune/env.h"

/* 1. One instance's state. Plain numbers only: Perilune owns the bytes, zeroes them, and saves them with a
 * checkpoint. */
typedef struct cart {
  double position, velocity, wind;
} cart;

/* 2. Options that a recipe may give: env = {c = "./regulator.so", wind = 0.8}. Name, default, range, unit,
 * meaning. */
enum { WIND, MAX_STEPS };
static const prl_env_option options[] = {
    {"wind", 0.5, 0, 5, "N", "greatest change of the wind in a step"},
    {"max_steps", 400, 0, 1e6, "steps", "an episode is truncated after as many steps; 0: never"},
    {0},
};

/* 3. What an agent sees (and whether its actions can move that), does, and is told. Reports use the names and
 * units; a recipe's rewards use the responses. */
static const prl_observation_spec observation[] = {{"position", "m", -5, 5, true},
                                                   {"velocity", "m/s", -INFINITY, INFINITY, true},
                                                   {"wind", "N", -INFINITY, INFINITY, false}};
static const prl_action_spec action[] = {{.name = "force", .unit = "N", .low = -3, .high = 3}};
enum { DISTANCE, EFFORT };
static const prl_response_spec response[] = {
    {.name = "distance", .unit = "m", .combine = PRL_COMBINE_SUM},
    {.name = "effort", .unit = "N2", .combine = PRL_COMBINE_SUM},
};

/* 4. Names for the random draws, so that what a reset draws never moves what a step draws. */
enum { DRAW_START, DRAW_WIND };

static const double step_seconds = 0.05, friction = 0.2;

static prl_status make_spec(const prl_env_type *type, const double *option, prl_env_spec *spec,
                            prl_error *error) {
  (void)type;
  if (option[MAX_STEPS] != floor(option[MAX_STEPS])) {
    snprintf(error->message, sizeof error->message, "max_steps is %g; a whole number is needed",
             option[MAX_STEPS]);
    return error->status = PRL_EINVAL;
  }
  spec->observations = 3;
  spec->actions = 1;
  spec->responses = 2;
  spec->action_kind = PRL_ACTION_CONTINUOUS;
  spec->observation = observation;
  spec->action = action;
  spec->response = response;
  spec->max_steps = (int64_t)option[MAX_STEPS];
  spec->state_size = sizeof(cart);
  spec->divisible = true; /* a step changes its own instances alone: several workers may train in it */
  return PRL_OK;
}

static void observe(const cart *c, float *row) {
  row[0] = (float)c->position;
  row[1] = (float)c->velocity;
  row[2] = (float)c->wind;
}

/* 5. Begins the episode of the instances that the mask names (all, where it is NULL). */
static prl_status reset(const prl_env_batch *batch, const uint8_t *mask, prl_error *error) {
  (void)error;
  cart *carts = batch->state;
  for (int64_t i = 0; i < batch->n; i++) {
    if (mask && !mask[i]) continue;
    double u[2];
    batch->uniform(batch, i, DRAW_START, 2, u);
    carts[i] = (cart){.position = 2 * u[0] - 1, .velocity = u[1] - 0.5};
    observe(&carts[i], batch->observation + 3 * i);
  }
  return PRL_OK;
}

/* 6. Moves every instance by one step. Actions are finite numbers, perhaps out of bounds: clip them. Perilune
 * counts the steps, truncates, keeps the final observation and calls reset. */
static prl_status step(const prl_env_batch *batch, prl_error *error) {
  (void)error;
  cart *carts = batch->state;
  for (int64_t i = 0; i < batch->n; i++) {
    cart *c = &carts[i];
    double u, force = fmin(fmax(batch->action[i], action->low), action->high);
    batch->uniform(batch, i, DRAW_WIND, 1, &u);
    c->wind = 0.9 * c->wind + batch->options[WIND] * (2 * u - 1);
    c->velocity += step_seconds * (force + c->wind - friction * c->velocity);
    c->position += step_seconds * c->velocity;
    observe(c, batch->observation + 3 * i);
    batch->response[2 * i + DISTANCE] = (float)fabs(c->position);
    batch->response[2 * i + EFFORT] = (float)(force * force);
    batch->terminated[i] = fabs(c->position) > 5;
    batch->elapsed_us[i] = 50000;
  }
  return PRL_OK;
}

/* 7. The one symbol that Perilune looks for. */
static const prl_env_type regulator = {
    .abi = PRL_ENV_ABI,
    .name = "regulator",
    .summary = "Keep a cart near the origin in gusty wind, with little force",
    .options = options,
    .spec = make_spec,
    .reset = reset,
    .step = step,
};

PRL_API const prl_env_type *prl_env_entry(void);
const prl_env_type *prl_env_entry(void) { return &regulator; }
