/* People watch what they were shown, one video after the other, eight people side by side: the response model
 * says what they are likely to do, their state moves it, and the table of play times says how long it took.
 */
#include "env/kuairand/kuairand.h"

#include "env/feed/feel.h"
#include "env/kuairand/kernels/hot.h"
#include "tensor/kernels.h"

enum { CHANCES = 2 + KR_INTERACTIONS };

/* Eight people. */
typedef struct crowd {
  v8 memory[KR_MAX_FACTORS];
  v8 taste[KR_HEADS][KR_MAX_FACTORS]; /* factors of each head */
  v8 own[KR_ROW];                     /* biases with the hour; means over videos */
  v8 boredom;                         /* 2β */
  feed_crowd feel;
  v8 chance[FEED_MAX_SHOWN][CHANCES];
  v8 response[KR_RESPONSES];
  float tiring;
} crowd;

typedef struct reaction {
  v8 time, long_view, enjoyment, done[KR_INTERACTIONS];
} reaction;

/* In the mean of what the response model was fitted to: people were so tired and bored then already. */
static const float usual_mood = 0.1f, usual_fatigue = 0.7f, usual_repeat = 0.04f;
static const float pull = 0.65f; /* T′: ln s for 1 of interest, as shortvideo's mean slope */
static const float bored[KR_INTERACTIONS] = {0.5f, 0.5f, 0.35f, 0.25f, -0.8f}; /* ω: repetition on each */

FEED_INLINE void gather(const kr_shared *shared, kr_user *const *user, int32_t shown, crowd *c, int factors) {
  const kr_model *model = &shared->world->response;
  int32_t who[FEED_LANES];
  const float *by_hour[FEED_LANES];
  v8 hour;
  for (int i = 0; i < FEED_LANES; i++) {
    const kr_latent *latent = &user[i]->latent;
    const kr_known *known = &user[i]->known;
    float chance[FEED_MAX_SHOWN * CHANCES];
    who[i] = known->user;
    for (int d = 0; d < factors; d++) c->memory[d][i] = known->memory[d];
    c->boredom[i] = 2 * latent->boredom;
    c->feel.mood[i] = latent->mind.mood;
    c->feel.mood_sum[i] = latent->mind.mood_sum;
    c->feel.fatigue[i] = known->fatigue;
    c->feel.leave[i] = -3.8f + latent->mind.leave_offset;
    hour[i] = feed_hour(&known->visit);
    by_hour[i] = model->hour[feed_hour_of_day(&known->visit)];
    shared->kernels->uniforms(known->visit.key, KR_SITE_CHANCES, known->visit.session, known->visit.request,
                              shown * CHANCES, chance);
    for (int p = 0; p < shown; p++)
      for (int k = 0; k < CHANCES; k++) c->chance[p][k][i] = chance[p * CHANCES + k];
  }
  for (int k = 0; k < KR_HEADS; k++) {
    int32_t head[FEED_LANES];
    for (int i = 0; i < FEED_LANES; i++) head[i] = who[i] * KR_HEADS + k;
    kr_gather(model->user, factors, head, c->taste[k]);
  }
  kr_gather(model->user_row, KR_ROW, who, c->own);
  for (int k = 0; k < KR_HEADS; k++)
    for (int i = 0; i < FEED_LANES; i++) c->own[k][i] += by_hour[i][k];
  c->feel.leave += feed_leave_by_hour(hour);
  c->feel.here = (i8){-1, -1, -1, -1, -1, -1, -1, -1};
  c->tiring = shared->heterogeneity;
  for (int k = 0; k < KR_RESPONSES; k++) c->response[k] = v8_all(0);
}

/* Where x lies on an axis of n points: the interval, and how far in it; ends where the axis ends. */
FEED_INLINE i8 locate(const float *axis, int32_t n, v8 x, v8 *part) {
  i8 at = {0};
  for (int32_t j = 1; j < n - 1; j++) at -= x >= v8_all(axis[j]);
  v8 low, high;
  for (int i = 0; i < 8; i++) {
    low[i] = axis[at[i]];
    high[i] = axis[at[i] + 1];
  }
  *part = v8_clip((x - low) / (high - low), 0, 1);
  return at;
}

FEED_INLINE v8 between(v8 a, v8 b, v8 part) { return a + part * (b - a); }

/* Seconds of play: the quantile of `share` where the mean is `mean` and the video as long, linear in all
 * three.
 */
static v8 play_time(const kr_world *world, v8 mean, v8 log_duration, v8 share) {
  v8 part[3], corner[8];
  const int32_t q = world->quantiles, g = world->durations;
  i8 m = locate(world->mean_axis, world->means, mean, &part[0]);
  i8 d = locate(world->duration_axis, g, log_duration, &part[1]);
  v8 x = v8_clip(share * (float)q - 0.5f, 0, (float)(q - 1));
  i8 k = __builtin_convertvector(v8_min(x, v8_all((float)(q - 2))), i8);
  part[2] = x - __builtin_convertvector(k, v8);
  for (int i = 0; i < 8; i++) {
    const float *cell = world->play + ((size_t)m[i] * (size_t)g + (size_t)d[i]) * (size_t)q + k[i];
    for (int c = 0; c < 8; c++)
      corner[c][i] = cell[(c & 4 ? (size_t)g * (size_t)q : 0) + (c & 2 ? q : 0) + (c & 1)];
  }
  for (int c = 0; c < 4; c++) corner[c] = between(corner[2 * c], corner[2 * c + 1], part[2]);
  for (int c = 0; c < 2; c++) corner[c] = between(corner[2 * c], corner[2 * c + 1], part[1]);
  return v8_max(v8_exp(between(corner[0], corner[1], part[0])) - 1, v8_all(0));
}

FEED_INLINE void react(const kr_shared *shared, const crowd *c, const v8 *video, const v8 *vector,
                       v8 duration, int p, reaction *out, int factors) {
  const kr_world *world = shared->world;
  const v8 *row = video + factors, *chance = c->chance[p];
  v8 head[KR_HEADS], match[KR_HEADS];
  for (int k = 0; k < KR_HEADS; k++) {
    match[k] = c->taste[k][0] * video[0];
    for (int d = 1; d < factors; d++) match[k] += c->taste[k][d] * video[d];
    head[k] = (c->own[k] + row[k]) + match[k];
  }
  v8 likeness = c->memory[0] * vector[0];
  for (int d = 1; d < factors; d++) likeness += c->memory[d] * vector[d];
  v8 repeat = c->boredom * likeness, tired = c->feel.fatigue - usual_fatigue;
  v8 length = (v8_log(duration) - 4) * (1 / 1.15f), again = repeat - usual_repeat;
  v8 interest =
      0.25f * (c->feel.mood - usual_mood) - 0.15f * tired - again - (0.6f * c->tiring) * tired * length;
  out->time = play_time(world, head[KR_A_WATCH] + pull * interest, row[KR_V_PLAYED], chance[0]);
  v8 one = v8_all(1);
  out->long_view = v8_where(out->time >= v8_min(duration, v8_all(18)), one, one - one);
  v8 gain = (match[KR_A_WATCH] + row[KR_V_GAIN] - c->own[KR_U_GAIN]) * world->gain_scale;
  v8 liking = (match[KR_A_LIKE] + row[KR_A_LIKE] - c->own[KR_U_LIKE]) * world->like_scale;
  out->enjoyment = 0.4f + 0.9f * gain + 0.6f * liking - repeat;
  v8 by_time = feed_by_time(out->time);
  for (int k = 0; k < KR_INTERACTIONS; k++) {
    v8 logit = head[KR_A_LIKE + k] + world->time_slope[KR_A_LIKE + k] * by_time - bored[k] * again;
    out->done[k] = v8_where(chance[2 + k] < v8_sigmoid(logit), one, one - one);
  }
}

static void count(crowd *c, const reaction *r) {
  v8 here = v8_where(c->feel.here, v8_all(1), v8_all(0)), *response = c->response;
  v8 busy = feed_busy(r->done[1] + r->done[2], r->done[3]);
  response[KR_R_WATCH_TIME] += here * r->time;
  response[KR_R_APP_TIME] += here * (r->time + busy);
  response[KR_R_VIDEO_VIEWS] += here;
  response[KR_R_LONG_VIEW] += here * r->long_view;
  for (int k = 0; k < KR_INTERACTIONS; k++) response[KR_R_LIKE + k] += here * r->done[k];
}

static void record(kr_trace *trace, int32_t lanes, const crowd *c, v8 duration, const reaction *r) {
  for (int i = 0; i < lanes && trace->count < trace->capacity; i++) {
    if (!c->feel.here[i]) continue;
    kr_impression *row = &trace->rows[trace->count++];
    *row = (kr_impression){.duration = duration[i], .time = r->time[i]};
    for (int k = 0; k < KR_INTERACTIONS; k++) row->done[k] = r->done[k][i] > 0;
  }
}

static void scatter(const kr_shared *shared, kr_user *const *user, int32_t lanes, const crowd *c,
                    float *response, bool *left) {
  for (int i = 0; i < lanes; i++, response += KR_RESPONSES) {
    kr_known *known = &user[i]->known;
    user[i]->latent.mind.mood = c->feel.mood[i];
    user[i]->latent.mind.mood_sum = c->feel.mood_sum[i];
    known->fatigue = c->feel.fatigue[i];
    for (int d = 0; d < shared->world->factors; d++) known->memory[d] = c->memory[d][i];
    for (int k = 0; k < KR_RESPONSES; k++) response[k] = c->response[k][i];
    left[i] = !c->feel.here[i];
  }
}

FEED_INLINE void watch(const kr_shared *shared, void *const *user, int32_t lanes,
                       int32_t (*order)[FEED_MAX_SHOWN], float *response, bool *left, int factors) {
  const kr_world *world = shared->world;
  kr_user *eight[FEED_LANES];
  for (int i = 0; i < FEED_LANES; i++) eight[i] = user[i < lanes ? i : 0];
  crowd c;
  gather(shared, eight, shared->shown, &c, factors);
  for (int p = 0; p < shared->shown; p++) {
    v8 video[KR_MAX_FACTORS + KR_ROW], vector[KR_MAX_FACTORS], duration;
    int32_t at[FEED_LANES];
    reaction r;
    for (int i = 0; i < FEED_LANES; i++) {
      at[i] = kr_videos(shared, eight[i])[order[i < lanes ? i : 0][p]];
      duration[i] = world->duration[at[i]];
    }
    kr_gather(world->response.video, factors + KR_ROW, at, video);
    kr_gather(world->vector, factors, at, vector);
    react(shared, &c, video, vector, duration, p, &r, factors);
    if (shared->trace) record(shared->trace, lanes, &c, duration, &r);
    count(&c, &r);
    feed_feel(&c.feel, c.memory, vector, factors, r.time, r.enjoyment, c.chance[p][1], &shared->rules);
  }
  scatter(shared, eight, lanes, &c, response, left);
}

void PRL_TABLE_OF(prl_kuairand_watch_)(const void *shared_, void *const *user, int32_t lanes,
                                       int32_t (*order)[FEED_MAX_SHOWN], float *response, bool *left) {
  const kr_shared *shared = shared_;
  KR_BY_FACTORS(shared->world->factors, watch, shared, user, lanes, order, response, left);
}

FEED_TABLE(kuairand);
