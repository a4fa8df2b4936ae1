/* Calibration of the short-video simulator to the logs of KuaiRand-Pure.
 *
 *     cmake --build --preset release --target shortvideo_calibrate
 *     build/shortvideo_calibrate DIR          prints the table of runtime/env/shortvideo/CALIBRATION.md
 *     build/shortvideo_calibrate DIR --fit    first fits the constants that the logs decide, and prints them
 *
 * DIR holds log_standard_4_25_to_5_08_pure.csv. Only tab 1 is read, the feed of single videos, and only rows
 * with a duration. The simulator plays the base order. */
#include "env/shortvideo/shortvideo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env/types.h"

enum { SEEDS = 16, USERS = 512, STEPS = 32, MOST = 1 << 21, BUCKETS = 11, TIMES = 7 };

static const float edge[BUCKETS + 1] = {0, 7, 12, 18, 30, 60, 90, 120, 180, 240, 400, 1e9f};
static const float time_edge[TIMES + 1] = {0, 1, 3, 7, 18, 40, 100, 1e9f};
static const double shares[7] = {0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99};
/* Of the platform's totals in video_features_all_pure.csv: Σ download_cnt / Σ share_cnt. The log itself has
 * no downloads. */
static const double downloads_a_share = 0.90;
static const char *const done_name[SV_INTERACTIONS] = {"like",     "follow",  "share",
                                                       "download", "comment", "hate"};

typedef struct bucket {
  double share, short_play, long_view, complete, quantile[3]; /* .5 .75 .9 */
} bucket;

typedef struct figures {
  int64_t rows;
  double time[7], mean, duration[7];
  double short_play, long_view, complete, nearly;
  double rate[SV_INTERACTIONS];
  bucket by_duration[BUCKETS];
  double by_time[TIMES][SV_INTERACTIONS], time_share[TIMES];
  double user_skip;                  /* deviation between users of P(under 3 s) */
  double user_log_time;              /* of the mean log time of plays of at least 3 s */
  double user_rate[SV_INTERACTIONS]; /* P(two of a user's videos both get it) / rate² */
} figures;

static int64_t column(const char *header, const char *name) {
  int64_t i = 0;
  for (const char *at = header; at; at = strchr(at, ','), at = at ? at + 1 : NULL, i++)
    if (!strncmp(at, name, strlen(name)) && strchr(",\r\n", at[strlen(name)])) return i;
  fprintf(stderr, "the log has no column '%s'\n", name);
  exit(1);
}

static sv_trace read_logs(const char *folder) {
  static const char *const names[] = {"tab",     "duration_ms", "play_time_ms", "user_id",    "hourmin",
                                      "is_like", "is_follow",   "is_forward",   "is_comment", "is_hate"};
  char path[4096], line[4096];
  snprintf(path, sizeof path, "%s/log_standard_4_25_to_5_08_pure.csv", folder);
  FILE *file = fopen(path, "r");
  if (!file || !fgets(line, sizeof line, file)) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  int64_t at[10];
  for (int i = 0; i < 10; i++) at[i] = column(line, names[i]);
  sv_trace out = {calloc(MOST, sizeof(sv_impression)), 0, MOST};
  while (fgets(line, sizeof line, file) && out.count < MOST) {
    double cell[64] = {0}, x[10];
    int cells = 0;
    for (char *p = line; p && cells < 64; p = strchr(p, ','), p = p ? p + 1 : NULL)
      cell[cells++] = strtod(p, NULL);
    for (int i = 0; i < 10; i++) x[i] = cell[at[i]];
    if (x[0] != 1 || x[1] <= 0) continue;
    out.rows[out.count++] = (sv_impression){.user = (uint64_t)x[3],
                                            .hour = (float)floor(x[4] / 100),
                                            .duration = (float)(x[1] / 1000),
                                            .time = (float)(x[2] / 1000),
                                            .done = {x[5] > 0, x[6] > 0, x[7] > 0, 0, x[8] > 0, x[9] > 0}};
  }
  fclose(file);
  return out;
}

/* Adds one catalogue's and its users' videos to the trace. */
static void simulate(const sv_constants *constants, const char *preset, uint64_t seed, sv_trace *out) {
  const prl_env_type *type = &prl_env_shortvideo;
  double values[64];
  int count = 0;
  for (; type->options[count].name; count++) values[count] = type->options[count].value;
  for (const prl_env_preset *p = type->presets; p->name; p++)
    for (const prl_env_setting *s = p->settings; s->option; s++)
      for (int i = 0; i < count; i++)
        if (!strcmp(p->name, preset) && !strcmp(type->options[i].name, s->option)) values[i] = s->value;
  prl_env_spec spec = {0};
  prl_error error;
  if (type->spec(type, values, &spec, &error)) exit(1);
  sv_shared *shared = calloc(1, spec.shared_size);
  type->open(type, values, seed, shared, &error);
  shared->constants = *constants;
  prl_shortvideo_catalogue(shared);
  shared->trace = out;
  uint64_t stream[USERS];
  for (int i = 0; i < USERS; i++) stream[i] = (uint64_t)i;
  prl_env_batch batch = {.shared = shared,
                         .options = values,
                         .state = calloc(USERS, spec.state_size),
                         .n = USERS,
                         .seed = seed,
                         .stream = stream,
                         .action = calloc(USERS * SV_WEIGHTS, sizeof(float)),
                         .observation = calloc((size_t)(USERS * spec.observations), sizeof(float)),
                         .response = calloc(USERS * SV_RESPONSES, sizeof(float)),
                         .terminated = calloc(USERS, 1),
                         .elapsed_us = calloc(USERS, sizeof(int64_t))};
  type->reset(&batch, NULL, &error);
  for (int k = 0; k < STEPS; k++) {
    memset(batch.response, 0, USERS * SV_RESPONSES * sizeof(float));
    memset(batch.terminated, 0, USERS);
    type->step(&batch, &error);
    type->reset(&batch, batch.terminated, &error);
  }
  free(batch.state), free((void *)batch.action), free(batch.observation), free(batch.response);
  free(batch.terminated), free(batch.elapsed_us), free(shared);
}

static int by_float(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static int by_user(const void *a, const void *b) {
  uint64_t x = ((const sv_impression *)a)->user, y = ((const sv_impression *)b)->user;
  return (x > y) - (x < y);
}

/* Sorted copy's quantiles; offset picks time or duration. */
static void quantiles(const sv_impression *rows, int64_t n, size_t offset, const double *at, int count,
                      double *out) {
  float *x = malloc((size_t)n * sizeof *x + 1);
  for (int64_t i = 0; i < n; i++) memcpy(&x[i], (const char *)&rows[i] + offset, sizeof *x);
  qsort(x, (size_t)n, sizeof *x, by_float);
  for (int k = 0; k < count; k++) out[k] = n ? x[(int64_t)(at[k] * (double)(n - 1))] : NAN;
  free(x);
}

static bool is_long(const sv_impression *row) { return row->time >= fminf(row->duration, 18); }

static void measure_durations(const sv_impression *rows, int64_t n, figures *out) {
  sv_impression *part = malloc((size_t)n * sizeof *part);
  for (int b = 0; b < BUCKETS; b++) {
    bucket *to = &out->by_duration[b];
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
      if (rows[i].duration >= edge[b] && rows[i].duration < edge[b + 1]) part[count++] = rows[i];
    *to = (bucket){.share = (double)count / (double)n};
    for (int64_t i = 0; i < count; i++) {
      to->short_play += (part[i].time < 3) / (double)count;
      to->long_view += is_long(&part[i]) / (double)count;
      to->complete += (part[i].time >= part[i].duration) / (double)count;
    }
    const double at[3] = {0.5, 0.75, 0.9};
    quantiles(part, count, offsetof(sv_impression, time), at, 3, to->quantile);
  }
  free(part);
}

/* The mean product over pairs of a user's rows, and the mean with the same weight for each user. */
static double pairs(const sv_impression *rows, int64_t n, double (*of)(const sv_impression *, int), int k,
                    double *mean) {
  double sum = 0, count = 0, products = 0, couples = 0;
  for (int64_t i = 0; i < n;) {
    double s = 0, s2 = 0, m = 0;
    int64_t j = i;
    for (; j < n && rows[j].user == rows[i].user; j++) {
      double x = of(&rows[j], k);
      if (isnan(x)) continue;
      s += x, s2 += x * x, m++;
    }
    if (m < 2) { /* no pair */
      i = j;
      continue;
    }
    /* each user with as many pairs as rows, so that heavy users do not decide alone */
    sum += s, count += m, products += (s * s - s2) / (m - 1), couples += m;
    i = j;
  }
  *mean = sum / count;
  return products / couples;
}

static double of_skip(const sv_impression *row, int k) { return row->time < 3; }
static double of_log(const sv_impression *row, int k) { return row->time < 3 ? NAN : log(row->time); }
static double of_done(const sv_impression *row, int k) { return row->done[k]; }

static figures measure(sv_trace trace) {
  sv_impression *rows = trace.rows;
  const int64_t n = trace.count;
  figures out = {.rows = n};
  qsort(rows, (size_t)n, sizeof *rows, by_user);
  quantiles(rows, n, offsetof(sv_impression, time), shares, 7, out.time);
  quantiles(rows, n, offsetof(sv_impression, duration), shares, 7, out.duration);
  for (int64_t i = 0; i < n; i++) {
    const sv_impression *row = &rows[i];
    out.mean += row->time / (double)n;
    out.short_play += (row->time < 3) / (double)n;
    out.long_view += is_long(row) / (double)n;
    out.complete += (row->time >= row->duration) / (double)n;
    out.nearly += (row->time >= 0.9f * row->duration) / (double)n;
    int t = 0;
    while (row->time >= time_edge[t + 1]) t++;
    out.time_share[t]++;
    for (int k = 0; k < SV_INTERACTIONS; k++) {
      out.rate[k] += row->done[k] / (double)n;
      out.by_time[t][k] += row->done[k];
    }
  }
  for (int t = 0; t < TIMES; t++) {
    for (int k = 0; k < SV_INTERACTIONS; k++) out.by_time[t][k] /= out.time_share[t];
    out.time_share[t] /= (double)n;
  }
  measure_durations(rows, n, &out);
  double mean, both = pairs(rows, n, of_skip, 0, &mean);
  out.user_skip = sqrt(both - mean * mean);
  both = pairs(rows, n, of_log, 0, &mean);
  out.user_log_time = sqrt(both - mean * mean);
  for (int k = 0; k < SV_INTERACTIONS; k++) {
    both = pairs(rows, n, of_done, k, &mean);
    out.user_rate[k] = both / (mean * mean);
  }
  return out;
}

static figures world(const sv_constants *constants, const char *preset) {
  sv_trace trace = {calloc(MOST, sizeof(sv_impression)), 0, MOST};
  for (int k = 0; k < SEEDS; k++) simulate(constants, preset, 20220425 + (uint64_t)k, &trace);
  figures out = measure(trace);
  free(trace.rows);
  return out;
}

static void row(const char *name, int digits, double logs, double strong, double weak) {
  if (isnan(logs))
    printf("| %s | not in the logs | %.*f | %.*f |\n", name, digits, strong, digits, weak);
  else
    printf("| %s | %.*f | %.*f | %.*f |\n", name, digits, logs, digits, strong, digits, weak);
}

static void print_table(const figures *l, const figures *s, const figures *w) {
  char name[100];
  printf("| one video | logs | strong | weak |\n|---|---|---|---|\n");
  for (int k = 0; k < 7; k++) {
    snprintf(name, sizeof name, "play time, quantile %g (s)", shares[k]);
    row(name, 2, l->time[k], s->time[k], w->time[k]);
  }
  row("play time, mean (s)", 2, l->mean, s->mean, w->mean);
  row("played under 3 s", 4, l->short_play, s->short_play, w->short_play);
  row("long view", 4, l->long_view, s->long_view, w->long_view);
  row("played to the end", 4, l->complete, s->complete, w->complete);
  row("played to 0.9 of the duration", 4, l->nearly, s->nearly, w->nearly);
  for (int k = 0; k < 7; k++) {
    snprintf(name, sizeof name, "duration, quantile %g (s)", shares[k]);
    row(name, 1, l->duration[k], s->duration[k], w->duration[k]);
  }
  for (int k = 0; k < SV_INTERACTIONS; k++)
    row(done_name[k], 5, k == 3 ? NAN : l->rate[k], s->rate[k], w->rate[k]);
  row("between users: deviation of P(under 3 s)", 3, l->user_skip, s->user_skip, w->user_skip);
  row("between users: deviation of ln time above 3 s", 3, l->user_log_time, s->user_log_time,
      w->user_log_time);
  for (int k = 0; k < SV_INTERACTIONS; k++) {
    snprintf(name, sizeof name, "between users: E[rate²]/E[rate]², %s", done_name[k]);
    row(name, 1, k == 3 ? NAN : l->user_rate[k], s->user_rate[k], w->user_rate[k]);
  }
  printf("\nBy duration, logs / strong:\n\n| duration (s) | share | under 3 s | long view | to the end | "
         "median (s) | "
         "quantile .75 | .9 |\n|---|---|---|---|---|---|---|---|\n");
  for (int b = 0; b < BUCKETS; b++) {
    const bucket *x = &l->by_duration[b], *y = &s->by_duration[b];
    if (b == BUCKETS - 1)
      printf("| %g – ", edge[b]);
    else
      printf("| %g – %g ", edge[b], edge[b + 1]);
    printf("| %.3f / %.3f | %.3f / %.3f | %.3f / %.3f | %.3f / %.3f | %.1f / %.1f | %.1f / %.1f | %.0f / "
           "%.0f |\n",
           x->share, y->share, x->short_play, y->short_play, x->long_view, y->long_view, x->complete,
           y->complete, x->quantile[0], y->quantile[0], x->quantile[1], y->quantile[1], x->quantile[2],
           y->quantile[2]);
  }
  printf("\nBy time played, logs / strong, per thousand videos:\n\n| played (s) | share | like | follow | "
         "share | comment | "
         "hate |\n|---|---|---|---|---|---|---|\n");
  const int shown[5] = {0, 1, 2, 4, 5};
  for (int t = 0; t < TIMES; t++) {
    if (t == TIMES - 1)
      printf("| %g – ", time_edge[t]);
    else
      printf("| %g – %g ", time_edge[t], time_edge[t + 1]);
    printf("| %.3f / %.3f ", l->time_share[t], s->time_share[t]);
    for (int k = 0; k < 5; k++)
      printf("| %.2f / %.2f ", 1e3 * l->by_time[t][shown[k]], 1e3 * s->by_time[t][shown[k]]);
    printf("|\n");
  }
}

static double logit(double p) { return log(p / (1 - p)); }

/* The share of plays longer than t, from the shares by time. */
static double beyond(const figures *f, int from) {
  double sum = 0;
  for (int t = from; t < TIMES; t++) sum += f->time_share[t];
  return sum;
}

/* One damped step of every fitted constant towards the figure that it decides most. */
static void improve(const figures *logs, const figures *now, sv_constants *c) {
  const double pace = 0.6;
  c->skip_level += (float)(pace * 4 * (logs->user_skip - now->user_skip));
  c->watch_level += (float)(pace * 1.3 * (logs->user_log_time - now->user_log_time));
  double tail = logit(beyond(logs, 6)) - logit(beyond(now, 6));   /* over 100 s */
  double middle = logit(beyond(logs, 4)) - logit(beyond(now, 4)); /* over 18 s */
  c->skip += (float)(pace * (logit(logs->short_play) - logit(now->short_play)));
  c->watch += (float)(pace * (1.2 * middle - 0.3 * tail));
  c->watch_sd += (float)(pace * 0.5 * (tail - middle));
  const bucket *x = logs->by_duration, *y = now->by_duration;
  double left =
      (logit(x[3].short_play) - logit(x[5].short_play)) - (logit(y[3].short_play) - logit(y[5].short_play));
  double right =
      (logit(x[9].short_play) - logit(x[5].short_play)) - (logit(y[9].short_play) - logit(y[5].short_play));
  c->length_bend += (float)(pace * 0.6 * (left + right));
  c->length_mean += (float)(pace * 0.35 * (left - right));
  for (int k = 0; k < SV_INTERACTIONS; k++) {
    double target = k == 3 ? downloads_a_share * logs->rate[2] : logs->rate[k];
    c->interaction[k] += (float)(pace * log(target / now->rate[k]));
    if (k == 0 || k == 1 || k == 4) /* the others are too rare to tell */
      c->propensity[k] += (float)(pace * 0.3 * log(logs->user_rate[k] / now->user_rate[k]));
    if (k == 3) continue;
    /* the slope of the log rate from plays of 3–7 s to plays of 40–100 s; 2.4: the difference of ln(1 + time)
     */
    double slope =
        log(logs->by_time[5][k] / logs->by_time[2][k]) - log(now->by_time[5][k] / now->by_time[2][k]);
    if (isfinite(slope)) c->by_time[k] += (float)(pace * 0.7 * slope / 2.4);
  }
}

static void print_constants(const sv_constants *c) {
  printf(".skip = %.3ff, .watch = %.3ff, .watch_sd = %.3ff,\n.skip_level = %.3ff, .watch_level = %.3ff,\n"
         ".length_mean = %.3ff, .length_best = %.3ff, .length_bend = %.3ff,\n.interaction = {",
         c->skip, c->watch, c->watch_sd, c->skip_level, c->watch_level, c->length_mean, c->length_best,
         c->length_bend);
  for (int k = 0; k < SV_INTERACTIONS; k++) printf("%s%.3ff", k ? ", " : "", c->interaction[k]);
  printf("},\n.by_time = {");
  for (int k = 0; k < SV_INTERACTIONS; k++) printf("%s%.3ff", k ? ", " : "", c->by_time[k]);
  printf("},\n.propensity = {");
  for (int k = 0; k < SV_INTERACTIONS; k++) printf("%s%.3ff", k ? ", " : "", c->propensity[k]);
  printf("},\n\n");
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s DIR [--fit]\n", argv[0]);
    return 2;
  }
  sv_trace trace = read_logs(argv[1]);
  figures logs = measure(trace);
  free(trace.rows);
  sv_constants constants = prl_shortvideo_constants;
  if (argc > 2 && !strcmp(argv[2], "--fit")) {
    for (int round = 0; round < 12; round++) {
      figures now = world(&constants, "strong");
      improve(&logs, &now, &constants);
    }
    print_constants(&constants);
  }
  figures strong = world(&constants, "strong"), weak = world(&constants, "weak");
  printf("%lld videos of the logs, %lld of the simulator.\n\n", (long long)logs.rows, (long long)strong.rows);
  print_table(&logs, &strong, &weak);
  return 0;
}
