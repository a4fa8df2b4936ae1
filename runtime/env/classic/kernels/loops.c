/* The loops of cartpole and pendulum, for one kernel table. */
#include "env/classic/loops.h"

#include "core/kernel_tables.h"
#include "env/classic.h"

static const double gravity = 9.8, cart_mass = 1.0, pole_mass = 0.1, half_length = 0.5, force_size = 10.0,
                    cart_seconds = 0.02, x_limit = 2.4, theta_limit = 12 * 2 * PRL_PI / 360;

/* Leaves 1 in fallen where an episode ends, else 0. */
static void move_carts(int64_t n, double *restrict xs, double *restrict x_dots, double *restrict thetas,
                       double *restrict theta_dots, const float *restrict push, float *restrict rows,
                       float *restrict fallen) {
  const double mass = pole_mass + cart_mass, pole_moment = pole_mass * half_length;
  for (int64_t i = 0; i < n; i++) {
    double x = xs[i], x_dot = x_dots[i], theta = thetas[i], theta_dot = theta_dots[i], sine, cosine;
    double force = push[i] == 1 ? force_size : -force_size;
    sin_cos(theta, &sine, &cosine);
    double temp = (force + pole_moment * (theta_dot * theta_dot) * sine) / mass;
    double theta_acc =
        (gravity * sine - cosine * temp) / (half_length * (4.0 / 3.0 - pole_mass * (cosine * cosine) / mass));
    double x_acc = temp - pole_moment * theta_acc * cosine / mass;
    x = x + cart_seconds * x_dot;
    x_dot = x_dot + cart_seconds * x_acc;
    theta = theta + cart_seconds * theta_dot;
    theta_dot = theta_dot + cart_seconds * theta_acc;
    xs[i] = x;
    x_dots[i] = x_dot;
    thetas[i] = theta;
    theta_dots[i] = theta_dot;
    fallen[i] = ((fabs(x) > x_limit) | (fabs(theta) > theta_limit)) ? 1.0f : 0.0f;
  }
  /* In a separate loop, since the one above is short of registers. */
  for (int64_t i = 0; i < n; i++) {
    rows[4 * i] = (float)xs[i];
    rows[4 * i + 1] = (float)x_dots[i];
    rows[4 * i + 2] = (float)thetas[i];
    rows[4 * i + 3] = (float)theta_dots[i];
  }
}

void PRL_TABLE_OF(prl_cartpole_loop_)(int64_t n, double *restrict x, double *restrict x_dot,
                                      double *restrict theta, double *restrict theta_dot,
                                      const float *restrict push, float *restrict rows,
                                      float *restrict rewards, uint8_t *restrict terminated, float reward,
                                      float last) {
  move_carts(n, x, x_dot, theta, theta_dot, push, rows, rewards);
  for (int64_t i = 0; i < n; i++) terminated[i] = rewards[i] > 0;
  for (int64_t i = 0; i < n; i++) rewards[i] = rewards[i] > 0 ? last : reward;
}

static const double swing_seconds = 0.05, greatest_speed = 8.0;
static const float greatest_torque = 2;

void PRL_TABLE_OF(prl_pendulum_loop_)(int64_t n, double pull, float push, double *restrict thetas,
                                      double *restrict theta_dots, double *restrict sines,
                                      const float *restrict torque, float *restrict rows,
                                      float *restrict rewards) {
  for (int64_t i = 0; i < n; i++) {
    double theta = thetas[i], theta_dot = theta_dots[i], sine, cosine;
    float u = torque[i] < -greatest_torque ? -greatest_torque : torque[i];
    u = u > greatest_torque ? greatest_torque : u;
    double angle = theta - 2 * PRL_PI * nearest_whole(theta / (2 * PRL_PI));
    rewards[i] = (float)-(angle * angle + 0.1 * (theta_dot * theta_dot) + (double)(0.001f * (u * u)));
    theta_dot = theta_dot + (pull * sines[i] + (double)(push * u)) * swing_seconds;
    theta_dot = bounded(theta_dot, -greatest_speed, greatest_speed);
    theta = theta + theta_dot * swing_seconds;
    sin_cos(theta, &sine, &cosine);
    thetas[i] = theta;
    theta_dots[i] = theta_dot;
    sines[i] = sine;
    rows[3 * i] = (float)cosine;
    rows[3 * i + 1] = (float)sine;
    rows[3 * i + 2] = (float)theta_dot;
  }
}
