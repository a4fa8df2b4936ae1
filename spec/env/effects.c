/* What the short-video simulator shows: the lift of one constant offset for everybody over the zero action,
 * for a user and a day, on the same users and chances.
 *
 *     cmake --build --preset release --target shortvideo_effects
 *     build/shortvideo_effects [users] [days]      the table of runtime/env/shortvideo/README.md
 *
 * Intervals: ratio of means, delta method, users as clusters. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env/types.h"
#include "support/env_option.h"

enum { RESPONSES = 12, SUMS = RESPONSES + 2, REQUESTS = RESPONSES, RETURNS = RESPONSES + 1, LONGEST = 4000 };

typedef struct evaluation {
  int64_t users;
  double days;
  prl_runtime *runtime;
  const prl_env_type *type;
} evaluation;

static void preset_values(const prl_env_type *type, const char *name, double *values) {
  for (int i = 0; type->options[i].name; i++) values[i] = type->options[i].value;
  for (const prl_env_preset *p = type->presets; p->name; p++)
    for (const prl_env_setting *s = p->settings; s->option && !strcmp(p->name, name); s++) {
      int index = env_option(type, s->option);
      if (index >= 0) values[index] = s->value;
    }
}

/* sums (users, SUMS): each user's responses in his first `days` days, his requests and his reported returns.
 */
static void run(const evaluation *e, const char *preset, int dimension, float offset, double *sums) {
  const int64_t n = e->users;
  double values[64];
  prl_error error;
  prl_vecenv *env;
  preset_values(e->type, preset, values);
  if (prl_vecenv_new(e->runtime, e->type, values, n, 7, 0, &env, &error)) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  const prl_env_spec *spec = prl_vecenv_spec(env);
  const size_t rows = (size_t)n;
  float *action = calloc(rows * (size_t)spec->actions, sizeof *action);
  double *hours = calloc(rows, sizeof *hours);
  prl_step step = {.action = action,
                   .observation = calloc(rows * (size_t)spec->observations, sizeof(float)),
                   .response = calloc(rows * RESPONSES, sizeof(float)),
                   .terminated = calloc(rows, 1),
                   .truncated = calloc(rows, 1),
                   .final_observation = calloc(rows * (size_t)spec->observations, sizeof(float)),
                   .elapsed_us = calloc(rows, sizeof(int64_t))};
  for (int64_t i = 0; dimension >= 0 && i < n; i++) action[i * spec->actions + dimension] = offset;
  memset(sums, 0, rows * SUMS * sizeof *sums);
  prl_vecenv_reset(env, step.observation, &error);
  int64_t active = n;
  for (int t = 0; t < LONGEST && active > 0; t++) {
    prl_vecenv_step(env, &step, &error);
    active = 0;
    for (int64_t i = 0; i < n; i++) {
      if (hours[i] >= 24 * e->days) continue;
      const float *response = step.response + i * RESPONSES;
      for (int k = 0; k < RESPONSES; k++) sums[i * SUMS + k] += response[k];
      sums[i * SUMS + REQUESTS]++;
      sums[i * SUMS + RETURNS] += response[RESPONSES - 1] > 0;
      hours[i] += (double)step.elapsed_us[i] / 3.6e9;
      active++;
    }
  }
  prl_vecenv_free(env);
  free(action), free(hours), free(step.observation), free(step.response), free(step.terminated);
  free(step.truncated), free(step.final_observation), free(step.elapsed_us);
}

static double mean(const evaluation *e, const double *sums, int k) {
  double sum = 0;
  for (int64_t i = 0; i < e->users; i++) sum += sums[i * SUMS + k];
  return sum / (double)e->users;
}

/* Percent, and half the width of its 95 % interval. */
static void lift(const evaluation *e, const double *base, const double *with, int k, double *percent,
                 double *half) {
  const double b = mean(e, base, k), ratio = mean(e, with, k) / b;
  double squares = 0;
  for (int64_t i = 0; i < e->users; i++) {
    double rest = (with[i * SUMS + k] - ratio * base[i * SUMS + k]) / b;
    squares += rest * rest;
  }
  *percent = 100 * (ratio - 1);
  *half = 196 * sqrt(squares) / (double)e->users;
}

static const struct column {
  const char *name;
  int sum;
} columns[] = {{"watch time", 0}, {"app time", 1}, {"views", 2},   {"long view", 3},    {"like", 4},
               {"follow", 5},     {"share", 6},    {"comment", 8}, {"returns", RETURNS}};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void table(const evaluation *e, const char *preset, double *base, double *with) {
  static const char *const names[] = {"watch",    "long_view", "like",      "follow",    "share",
                                      "download", "comment",   "diversity", "freshness", "duration"};
  static const struct {
    int dimension;
    float offset;
  } cases[] = {{0, -0.5f}, {0, 1}, {1, 1},     {2, -0.3f}, {2, 1},     {3, 1},
               {6, 1},     {7, 1}, {7, -0.3f}, {8, 0.5f},  {9, 0.25f}, {9, -0.25f}};
  run(e, preset, -1, 0, base);
  printf("\n`%s`, %lld users, %g days. A user and day of the zero action:", preset, (long long)e->users,
         e->days);
  for (int c = 0; c < COLUMNS; c++)
    printf(" %s %.4g%s", columns[c].name, mean(e, base, columns[c].sum) / e->days,
           c + 1 < COLUMNS ? "," : ".\n\n| offset |");
  for (int c = 0; c < COLUMNS; c++) printf(" %s |", columns[c].name);
  printf("\n|---|");
  for (int c = 0; c < COLUMNS; c++) printf("---|");
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    run(e, preset, cases[k].dimension, cases[k].offset, with);
    printf("\n| %s %+g |", names[cases[k].dimension], cases[k].offset);
    for (int c = 0; c < COLUMNS; c++) {
      double percent, half;
      lift(e, base, with, columns[c].sum, &percent, &half);
      printf(" %+.1f ± %.1f |", percent, half);
    }
    fflush(stdout);
  }
  printf("\n");
}

int main(int argc, char **argv) {
  evaluation e = {argc > 1 ? atoll(argv[1]) : 2048, argc > 2 ? atof(argv[2]) : 3, NULL, &prl_env_shortvideo};
  if (e.users < 2 || e.days <= 0 || prl_runtime_new(NULL, &e.runtime, NULL)) {
    fprintf(stderr, "usage: %s [users] [days]\n", argv[0]);
    return 2;
  }
  double *base = calloc((size_t)e.users * SUMS, sizeof *base),
         *with = calloc((size_t)e.users * SUMS, sizeof *with);
  table(&e, "strong", base, with);
  table(&e, "weak", base, with);
  free(base), free(with);
  prl_runtime_release(e.runtime);
  return 0;
}
