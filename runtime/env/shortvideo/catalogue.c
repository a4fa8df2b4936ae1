/* The catalogue of the short-video simulator: videos, what a ranker knows of them, and the calendar of
 * trends. */
#include "env/shortvideo/shortvideo.h"

#include <math.h>
#include <string.h>

#include "core/rng.h"

const sv_constants prl_shortvideo_constants = {
    .skip = 0.684f,
    .watch = 1.914f,
    .watch_sd = 1.78f,
    .skip_level = 1.218f,
    .watch_level = 0.781f,
    .length_mean = 0.491f,
    .length_best = 0.4f,
    .length_width = 0.72f,
    .length_bend = 0.83f,
    .hour_length = 0.1f,
    .hour_length_peak = 3.3f,
    .interaction = {-8.22f, -11.792f, -9.594f, -9.382f, -9.75f, -8.858f},
    .propensity = {2.631f, 2.536f, 1.2f, 1.2f, 1.421f, 2.0f},
    .by_time = {0.631f, 0.363f, 0.964f, 0.4f, 2.173f, -0.226f},
    .leave = -3.8f,
    .gap = 1.95f,
};

const float prl_shortvideo_omega[SV_INTERACTIONS] = {0.5f, 0.5f, 0.35f, 0.3f, 0.25f, -0.8f};

enum { KEY_VECTOR = 0x5101, KEY_TRAITS, KEY_TREND };

/* ln duration at the quantiles 0, 1/32, … 1 of the videos that the logs show (README.md). */
static const float log_duration[SV_QUANTILES] = {
    1.609f, 2.221f, 2.423f, 2.614f, 2.770f, 2.934f, 3.091f, 3.263f, 3.422f, 3.593f, 3.720f,
    3.857f, 4.013f, 4.124f, 4.198f, 4.276f, 4.368f, 4.448f, 4.513f, 4.585f, 4.668f, 4.747f,
    4.829f, 4.911f, 5.008f, 5.100f, 5.188f, 5.279f, 5.387f, 5.520f, 5.649f, 5.854f, 7.071f};

static float duration_quantile(double share) {
  double place = share * (SV_QUANTILES - 1);
  int i = (int)place;
  if (i > SV_QUANTILES - 2) i = SV_QUANTILES - 2;
  return log_duration[i] + (float)(place - i) * (log_duration[i + 1] - log_duration[i]);
}

enum { GRID = 12 };

/* The density of a standard normal at −3, −2.75 … 3, up to a factor. */
typedef struct grid {
  double weight[2 * GRID + 1];
} grid;

static grid normal_grid(void) {
  grid normal;
  for (int k = -GRID; k <= GRID; k++) normal.weight[k + GRID] = exp(-0.5 * (k / 4.0) * (k / 4.0));
  return normal;
}

static double normal_cdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }

/* What an average person, at interest z in a video with clickbait c, does: the expected log of the time
 * watched, and the logit of a long view (18 s, or to the end of a shorter video). One who does not skip
 * watches 2 + e^X seconds at most, X ~ N(m, s²): the mean is taken over a grid of X. */
static void expected(const sv_constants *constants, const grid *normal, double z, double c, double duration,
                     double *watch, double *long_view) {
  double skip = 1 / (1 + exp(-(constants->skip - 0.8 * (z + 0.9 * 0.6 * c))));
  double mean = constants->watch + 0.55 * (z - 0.6 * c);
  double sd =
      sqrt(constants->watch_sd * constants->watch_sd + constants->watch_level * constants->watch_level);
  double kept = 0, weights = 0, whole = log(duration);
  bool ended = false; /* from this X on the video is watched to its end */
  for (int k = -GRID; k <= GRID; k++) {
    double seconds = ended ? duration : 2 + exp(mean + sd * k / 4.0);
    ended = seconds >= duration;
    kept += normal->weight[k + GRID] * (ended ? whole : log(seconds));
    weights += normal->weight[k + GRID];
  }
  *watch = 0.6 * skip + (1 - skip) * kept / weights;
  double p = (1 - skip) * normal_cdf((mean - log(fmin(duration, 18) - 2)) / sd);
  *long_view = log(p / (1 - p));
}

/* The intercepts of the watch heads, and the mean slopes in interest, by a finite difference. */
static void watch_heads(sv_shared *shared) {
  const sv_constants *constants = &shared->constants;
  const grid normal = normal_grid();
  double watch_slope = 0, long_view_slope = 0;
  for (int i = 0; i < SV_ITEMS; i++) {
    sv_item *item = &shared->item[i];
    double off = (item->length - constants->length_best) / constants->length_width;
    double liked = constants->length_bend * exp(-off * off);
    double z = 0.4 + 0.6 * item->quality + liked; /* .4: mean affinity of candidates */
    double watch, long_view, watch_up, long_view_up, usual, other;
    expected(constants, &normal, z, item->clickbait, item->duration, &watch, &long_view);
    expected(constants, &normal, z + 0.1, item->clickbait, item->duration, &watch_up, &long_view_up);
    /* The watch head is the gain over videos as long: see README.md, "Predictions". */
    expected(constants, &normal, 0.4 + liked, 0.4, item->duration, &usual, &other);
    item->head[SV_WATCH] = (float)(watch - usual);
    item->head[SV_LONG_VIEW] = (float)long_view;
    watch_slope += (watch_up - watch) / (0.1 * SV_ITEMS);
    long_view_slope += (long_view_up - long_view) / (0.1 * SV_ITEMS);
  }
  shared->watch_slope = (float)watch_slope;
  shared->long_view_slope = (float)long_view_slope;
  /* The personal part is added as slope · (affinity + …): take the mean affinity out of the intercepts. */
  for (int i = 0; i < SV_ITEMS; i++) {
    shared->item[i].head[SV_WATCH] -= 0.4f * shared->watch_slope;
    shared->item[i].head[SV_LONG_VIEW] -= 0.4f * shared->long_view_slope;
  }
}

static void direction(prl_rng rng, uint32_t i, float *v) {
  prl_rng_normals(rng, i, 0, SV_TOPICS, v);
  float norm = 0;
  for (int d = 0; d < SV_TOPICS; d++) norm += v[d] * v[d];
  norm = 1 / sqrtf(norm);
  for (int d = 0; d < SV_TOPICS; d++) v[d] *= norm;
}

static void items(sv_shared *shared) {
  prl_rng vectors = prl_rng_make(shared->seed, 0, KEY_VECTOR),
          traits = prl_rng_make(shared->seed, 0, KEY_TRAITS);
  const double spread = sqrt(0.45 * 0.45 + 0.3 * 0.3 + 0.85 * 0.85);
  for (uint32_t i = 0; i < SV_ITEMS; i++) {
    sv_item *item = &shared->item[i];
    direction(vectors, i, shared->vector[i]);
    float e[12];
    prl_rng_normals(traits, i, 0, 12, e);
    float f = e[0], n = e[1], k = e[2], q = e[3]; /* funny, useful, controversial, quality */
    item->quality = q;
    item->controversy = k;
    item->clickbait = fmaxf(0, 0.9f * e[4] + 0.4f * k - 0.2f * q);
    float log_length = duration_quantile(normal_cdf((-0.45 * f + 0.3 * n + 0.85 * e[5]) / spread));
    item->duration = expf(log_length);
    item->length = (log_length - 4) / 1.15f;
    item->head[SV_LIKE] = 0.35f * f + 0.4f * q + 0.4f * e[6];
    item->head[SV_FOLLOW] = 0.5f * q + 0.25f * n + 0.55f * e[7];
    item->head[SV_SHARE] = 0.5f * f + 0.55f * n + 0.45f * e[8];
    item->head[SV_DOWNLOAD] = 0.25f * f + 0.65f * n + 0.5f * e[9];
    item->head[SV_COMMENT] = 0.75f * k + 0.2f * f + 0.45f * e[10];
    shared->length[i] = item->length;
    shared->born[i] = (uint8_t)(i % SV_LIFE);
  }
}

/* Each day a trend in R⁸, AR(.8, .6), and a day effect, AR(.7, .7); one year of days ahead of the first lets
 * both settle. Drift scales them. */
static void trends(sv_shared *shared) {
  prl_rng rng = prl_rng_make(shared->seed, 0, KEY_TREND);
  float now[SV_TOPICS + 1] = {0};
  const uint32_t settle = 365;
  for (uint32_t day = 0; day < SV_DAYS + settle; day++) {
    float e[SV_TOPICS + 1];
    prl_rng_normals(rng, 0, day, SV_TOPICS + 1, e);
    for (int d = 0; d < SV_TOPICS; d++) now[d] = 0.8f * now[d] + 0.6f * e[d];
    now[SV_TOPICS] = 0.7f * now[SV_TOPICS] + 0.7f * e[SV_TOPICS];
    if (day < settle) continue;
    for (int d = 0; d <= SV_TOPICS; d++) shared->trend[day - settle][d] = shared->drift * now[d];
  }
}

void prl_shortvideo_catalogue(sv_shared *shared) {
  for (int age = 0; age < SV_LIFE; age++) shared->fresh[age] = expf(-(float)age / 3);
  items(shared);
  watch_heads(shared);
  trends(shared);
}
