#include "bench/env_yardstick.h"
#include "core/rng.h"
#include "env/classic.h" /* sin_cos and next_masked only */

#include <stdlib.h>

/* One array for each variable, so that the loops over all instances vectorise without a shuffle. */
struct env_yardstick {
  bool pendulum;
  int64_t n;
  uint64_t seed;
  double *variable[4];
  uint32_t *episode, *step;
  uint8_t *ended;
};

void env_yardstick_free(env_yardstick *y) {
  if (!y) return;
  for (int k = 0; k < 4; k++) free(y->variable[k]);
  free(y->episode);
  free(y->step);
  free(y->ended);
  free(y);
}

env_yardstick *env_yardstick_new(const char *name, int64_t n, uint64_t seed) {
  bool pendulum = !strcmp(name, "pendulum");
  if (!pendulum && strcmp(name, "cartpole") != 0) return NULL;
  env_yardstick *y = calloc(1, sizeof *y);
  if (!y) return NULL;
  y->pendulum = pendulum;
  y->n = n;
  y->seed = seed;
  bool whole = true;
  for (int k = 0; k < 4; k++) whole &= (y->variable[k] = calloc((size_t)n, sizeof(double))) != NULL;
  whole &= (y->episode = calloc((size_t)n, sizeof(uint32_t))) != NULL;
  whole &= (y->step = calloc((size_t)n, sizeof(uint32_t))) != NULL;
  whole &= (y->ended = calloc((size_t)n, 1)) != NULL;
  if (whole) return y;
  env_yardstick_free(y);
  return NULL;
}

static void start(env_yardstick *y, int64_t i, float *row) {
  uint32_t word[4];
  double u[4];
  prl_rng_block(prl_rng_make(y->seed, (uint64_t)i, PRL_SITE_ENV + 1), 0, y->episode[i], 0, 0, word);
  for (int k = 0; k < 4; k++) u[k] = ((double)word[k] + 0.5) * 0x1p-32;
  if (!y->pendulum) {
    for (int k = 0; k < 4; k++) row[k] = (float)(y->variable[k][i] = -0.05 + 0.1 * u[k]);
    return;
  }
  double theta = PRL_PI * (2 * u[0] - 1), theta_dot = 2 * u[1] - 1, sine, cosine;
  sin_cos(theta, &sine, &cosine);
  y->variable[0][i] = theta;
  y->variable[1][i] = theta_dot;
  y->variable[2][i] = sine;
  row[0] = (float)cosine;
  row[1] = (float)sine;
  row[2] = (float)theta_dot;
}

void env_yardstick_reset(env_yardstick *y, float *observation) {
  for (int64_t i = 0; i < y->n; i++) start(y, i, observation + i * (y->pendulum ? 3 : 4));
}

static void cartpole_loop(int64_t n, double *restrict vx, double *restrict vx_dot, double *restrict vtheta,
                          double *restrict vtheta_dot, const float *restrict action, float *restrict row,
                          float *restrict reward) {
  const double mass = 1.1, pole_moment = 0.1 * 0.5;
  for (int64_t i = 0; i < n; i++) {
    double x = vx[i], x_dot = vx_dot[i], theta = vtheta[i], theta_dot = vtheta_dot[i], sine, cosine;
    sin_cos(theta, &sine, &cosine);
    double temp = ((action[i] == 1 ? 10.0 : -10.0) + pole_moment * (theta_dot * theta_dot) * sine) / mass;
    double theta_acc = (9.8 * sine - cosine * temp) / (0.5 * (4.0 / 3.0 - 0.1 * (cosine * cosine) / mass));
    double x_acc = temp - pole_moment * theta_acc * cosine / mass;
    x += 0.02 * x_dot;
    x_dot += 0.02 * x_acc;
    theta += 0.02 * theta_dot;
    theta_dot += 0.02 * theta_acc;
    vx[i] = x;
    vx_dot[i] = x_dot;
    vtheta[i] = theta;
    vtheta_dot[i] = theta_dot;
    row[4 * i] = (float)x;
    row[4 * i + 1] = (float)x_dot;
    row[4 * i + 2] = (float)theta;
    row[4 * i + 3] = (float)theta_dot;
    reward[i] = ((fabs(x) > 2.4) | (fabs(theta) > 12 * 2 * PRL_PI / 360)) ? 1.0f : 0.0f;
  }
}

/* The loop leaves 1 in reward where the pole fell. */
static void cartpole_flags(int64_t n, float *restrict reward, uint8_t *restrict terminated) {
  for (int64_t i = 0; i < n; i++) terminated[i] = reward[i] > 0;
  for (int64_t i = 0; i < n; i++) reward[i] = 1;
}

static void pendulum_loop(int64_t n, double *restrict vtheta, double *restrict vtheta_dot,
                          double *restrict vsine, const float *restrict action, float *restrict row,
                          float *restrict reward) {
  for (int64_t i = 0; i < n; i++) {
    double theta = vtheta[i], theta_dot = vtheta_dot[i], sine, cosine;
    float u = action[i] < -2 ? -2 : action[i];
    u = u > 2 ? 2 : u;
    double angle = theta - 2 * PRL_PI * nearest_whole(theta / (2 * PRL_PI));
    reward[i] = (float)-(angle * angle + 0.1 * (theta_dot * theta_dot) + (double)(0.001f * (u * u)));
    theta_dot += (15.0 * vsine[i] + (double)(3.0f * u)) * 0.05;
    theta_dot = theta_dot < -8 ? -8 : theta_dot;
    theta_dot = theta_dot > 8 ? 8 : theta_dot;
    theta += theta_dot * 0.05;
    sin_cos(theta, &sine, &cosine);
    vtheta[i] = theta;
    vtheta_dot[i] = theta_dot;
    vsine[i] = sine;
    row[3 * i] = (float)cosine;
    row[3 * i + 1] = (float)sine;
    row[3 * i + 2] = (float)theta_dot;
  }
}

static bool count(env_yardstick *y, const prl_step *out) {
  const uint32_t limit = y->pendulum ? 200 : 500;
  uint32_t *restrict step = y->step;
  uint8_t *restrict ended = y->ended, *restrict truncated = out->truncated, any = 0;
  const uint8_t *restrict terminated = out->terminated;
  const int64_t n = y->n;
  for (int64_t i = 0; i < n; i++) step[i]++;
  for (int64_t i = 0; i < n; i++) truncated[i] = step[i] >= limit;
  for (int64_t i = 0; i < n; i++) any |= ended[i] = truncated[i] | terminated[i];
  return any;
}

void env_yardstick_step(env_yardstick *y, const prl_step *out) {
  int64_t width = y->pendulum ? 3 : 4;
  double **v = y->variable;
  if (y->pendulum) {
    pendulum_loop(y->n, v[0], v[1], v[2], out->action, out->observation, out->response);
    memset(out->terminated, 0, (size_t)y->n);
  } else {
    cartpole_loop(y->n, v[0], v[1], v[2], v[3], out->action, out->observation, out->response);
    cartpole_flags(y->n, out->response, out->terminated);
  }
  if (!count(y, out)) return;
  for (int64_t i = next_masked(y->ended, 0, y->n); i < y->n; i = next_masked(y->ended, i + 1, y->n)) {
    for (int64_t k = 0; k < width; k++)
      out->final_observation[width * i + k] = out->observation[width * i + k];
    y->episode[i]++;
    y->step[i] = 0;
    start(y, i, out->observation + width * i);
  }
}
