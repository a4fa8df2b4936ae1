/* People watch what they were shown, one video after the other, eight people side by side. */
#include "env/shortvideo/shortvideo.h"

#include "env/feed/feel.h"
#include "env/shortvideo/kernels/hot.h"
#include "tensor/kernels.h"

enum { CHANCES = 2 + SV_INTERACTIONS, TIMES = 2 };

/* Eight users; numbers in the order of sv_latent and sv_known. */
typedef struct sv_crowd {
  v8 taste[SV_TOPICS], trend[SV_TOPICS], memory[SV_TOPICS];
  v8 watch_level, length_taste, susceptibility, boredom, hour_length;
  v8 propensity[SV_INTERACTIONS], slope[SV_INTERACTIONS];
  feed_crowd feel;
  float tiring; /* how much fatigue turns people to shorter videos */
  v8 chance[FEED_MAX_SHOWN][CHANCES], noise[FEED_MAX_SHOWN][TIMES];
  v8 response[SV_RESPONSES];
} sv_crowd;

/* One video for each of the eight. */
typedef struct sv_videos {
  v8 vector[SV_TOPICS];
  v8 head[8]; /* intercepts of the predictions, then length */
  v8 quality, clickbait, controversy, duration, fresh;
} sv_videos;

typedef struct sv_reaction {
  v8 time, long_view, enjoyment, done[SV_INTERACTIONS];
} sv_reaction;

static void draw(const sv_shared *shared, const sv_known *known, int32_t shown, int lane, sv_crowd *crowd) {
  float chance[FEED_MAX_SHOWN * CHANCES], noise[FEED_MAX_SHOWN * TIMES];
  shared->kernels->uniforms(known->visit.key, SV_SITE_CHANCES, known->visit.session, known->visit.request,
                            shown * CHANCES, chance);
  shared->kernels->normals(known->visit.key, SV_SITE_TIMES, known->visit.session, known->visit.request,
                           shown * TIMES, noise);
  for (int p = 0; p < shown; p++) {
    for (int k = 0; k < CHANCES; k++) crowd->chance[p][k][lane] = chance[p * CHANCES + k];
    for (int k = 0; k < TIMES; k++) crowd->noise[p][k][lane] = noise[p * TIMES + k];
  }
}

static void gather(const sv_shared *shared, sv_user *const *user, int32_t shown, sv_crowd *crowd) {
  v8 hour, shift;
  for (int i = 0; i < FEED_LANES; i++) {
    const sv_latent *latent = &user[i]->latent;
    const sv_known *known = &user[i]->known;
    const float *trend = sv_trend_of(shared, known);
    for (int d = 0; d < SV_TOPICS; d++) {
      crowd->taste[d][i] = latent->taste[d];
      crowd->trend[d][i] = trend[d];
      crowd->memory[d][i] = known->memory[d];
    }
    crowd->watch_level[i] = latent->watch_level;
    crowd->length_taste[i] = latent->length_taste;
    crowd->susceptibility[i] = latent->susceptibility;
    crowd->boredom[i] = latent->boredom;
    for (int k = 0; k < SV_INTERACTIONS; k++) {
      crowd->propensity[k][i] = latent->propensity[k] + shared->constants.interaction[k];
      crowd->slope[k][i] = latent->slope[k];
    }
    crowd->feel.mood[i] = latent->mind.mood;
    crowd->feel.mood_sum[i] = latent->mind.mood_sum;
    crowd->feel.fatigue[i] = known->fatigue;
    crowd->feel.leave[i] = shared->constants.leave + latent->mind.leave_offset + 0.15f * trend[SV_TOPICS];
    hour[i] = sv_hour(known);
    shift[i] = latent->mind.clock_shift;
    draw(shared, known, shown, i, crowd);
  }
  crowd->tiring = shared->heterogeneity;
  crowd->feel.leave += feed_leave_by_hour(hour);
  crowd->hour_length = shared->constants.hour_length *
                       v8_cos_turns((hour - shared->constants.hour_length_peak - shift) * (1.0f / 24));
}

static void fetch(const sv_shared *shared, const int32_t *item, const int64_t *day, sv_videos *videos) {
  const float *vector[8], *head[8];
  for (int i = 0; i < FEED_LANES; i++) {
    const sv_item *row = &shared->item[item[i]];
    vector[i] = shared->vector[item[i]];
    head[i] = row->head;
    videos->quality[i] = row->quality;
    videos->clickbait[i] = row->clickbait;
    videos->controversy[i] = row->controversy;
    videos->duration[i] = row->duration;
    videos->fresh[i] = sv_fresh_of(shared, item[i], day[i]);
  }
  v8_transpose(vector, videos->vector);
  v8_transpose(head, videos->head);
}

static v8 product(const v8 *a, const v8 *b) {
  v8 sum = a[0] * b[0];
  for (int d = 1; d < SV_TOPICS; d++) sum += a[d] * b[d];
  return sum;
}

/* One who would watch longer than the video lasts: a fifth move on within its last tenth, the others stay
 * for a moment or let it loop. */
static v8 at_the_end(v8 duration, v8 noise) {
  v8 early = duration * v8_max(1 + 0.05f * (noise + 0.9f), v8_all(0.9f));
  v8 late = duration + v8_exp(v8_clip(0.2f + 2 * noise, -7, 6));
  return v8_where(noise < -0.9f, early, late);
}

/* How long each of them watches, and how much they like it. */
static void react(const sv_constants *constants, const sv_crowd *crowd, const sv_videos *video, int p,
                  sv_reaction *out) {
  const v8 length = video->head[7];
  v8 affinity = 2 * product(crowd->taste, video->vector) + 0.3f * product(crowd->trend, video->vector) +
                0.25f * video->fresh;
  v8 repeat = 2 * crowd->boredom * product(crowd->memory, video->vector);
  v8 off = (length - constants->length_best) * (1 / constants->length_width);
  v8 long_taste = (crowd->length_taste + crowd->hour_length +
                   crowd->tiring * (constants->length_mean - 0.6f * crowd->feel.fatigue)) *
                  length;
  v8 interest = affinity + 0.6f * video->quality + long_taste + constants->length_bend * v8_exp(-off * off) -
                repeat + 0.25f * crowd->feel.mood - 0.15f * crowd->feel.fatigue;
  v8 attraction = interest + 0.9f * video->clickbait * crowd->susceptibility;
  v8 skip = v8_sigmoid(constants->skip - 0.8f * attraction - constants->skip_level * crowd->watch_level);
  v8 noise = crowd->noise[p][0];
  v8 skipped = 0.6f + 0.55f * noise;
  v8 kept = constants->watch + constants->watch_level * crowd->watch_level +
            0.55f * (interest - 0.6f * video->clickbait) + constants->watch_sd * noise;
  i8 skips = crowd->chance[p][0] < skip;
  v8 time = v8_exp(v8_clip(v8_where(skips, skipped, kept), -6, 9)) + v8_where(skips, v8_all(0), v8_all(2));
  out->time = v8_where(time < video->duration, time, at_the_end(video->duration, crowd->noise[p][1]));
  v8 one = v8_all(1);
  out->long_view = v8_where(out->time >= v8_min(video->duration, v8_all(18)), one, one - one);
  out->enjoyment = affinity + 0.6f * video->quality - 0.7f * video->clickbait - 0.25f * video->controversy +
                   0.5f * long_taste - repeat;
}

static void interact(const sv_constants *constants, const sv_crowd *crowd, const sv_videos *video, int p,
                     sv_reaction *out) {
  v8 by_time = feed_by_time(out->time), one = v8_all(1);
  for (int k = 0; k < SV_INTERACTIONS; k++) {
    v8 logit =
        crowd->propensity[k] + prl_shortvideo_omega[k] * out->enjoyment + constants->by_time[k] * by_time;
    if (k < SV_INTERACTIONS - 1) logit += crowd->slope[k] * video->head[SV_LIKE + k];
    out->done[k] = v8_where(crowd->chance[p][2 + k] < v8_sigmoid(logit), one, one - one);
  }
}

static void count(sv_crowd *crowd, const sv_reaction *reaction) {
  v8 here = v8_where(crowd->feel.here, v8_all(1), v8_all(0)), *response = crowd->response;
  v8 busy = feed_busy(reaction->done[1] + reaction->done[2] + reaction->done[3], reaction->done[4]);
  response[SV_R_WATCH_TIME] += here * reaction->time;
  response[SV_R_APP_TIME] += here * (reaction->time + busy);
  response[SV_R_VIDEO_VIEWS] += here;
  response[SV_R_LONG_VIEW] += here * reaction->long_view;
  for (int k = 0; k < SV_INTERACTIONS; k++) response[SV_R_LIKE + k] += here * reaction->done[k];
}

static void record(sv_trace *trace, sv_user *const *user, int32_t lanes, const sv_crowd *crowd,
                   const sv_videos *video, const sv_reaction *reaction) {
  for (int i = 0; i < lanes && trace->count < trace->capacity; i++) {
    if (!crowd->feel.here[i]) continue;
    sv_impression *row = &trace->rows[trace->count++];
    const sv_known *known = &user[i]->known;
    *row = (sv_impression){.user = (uint64_t)known->visit.key[1] << 32 | known->visit.key[0],
                           .hour = sv_hour(known),
                           .duration = video->duration[i],
                           .time = reaction->time[i]};
    for (int k = 0; k < SV_INTERACTIONS; k++) row->done[k] = reaction->done[k][i] > 0;
  }
}

static void scatter(sv_user *const *user, int32_t lanes, const sv_crowd *crowd, float *response, bool *left) {
  for (int i = 0; i < lanes; i++, response += SV_RESPONSES) {
    sv_latent *latent = &user[i]->latent;
    sv_known *known = &user[i]->known;
    latent->mind.mood = crowd->feel.mood[i];
    latent->mind.mood_sum = crowd->feel.mood_sum[i];
    for (int d = 0; d < SV_TOPICS; d++) known->memory[d] = crowd->memory[d][i];
    known->fatigue = crowd->feel.fatigue[i];
    for (int k = 0; k < SV_RESPONSES; k++) response[k] = crowd->response[k][i];
    left[i] = !crowd->feel.here[i];
  }
}

void PRL_TABLE_OF(prl_shortvideo_watch_)(const void *shared_, void *const *user, int32_t lanes,
                                         int32_t (*order)[FEED_MAX_SHOWN], float *response, bool *left) {
  const sv_shared *shared = shared_;
  sv_user *eight[FEED_LANES];
  int64_t day[FEED_LANES];
  for (int i = 0; i < FEED_LANES; i++) {
    eight[i] = user[i < lanes ? i : 0];
    day[i] = sv_day(&eight[i]->known);
  }
  const int32_t shown = shared->by_item ? 1 : shared->shown;
  sv_crowd crowd;
  gather(shared, eight, shown, &crowd);
  memset(crowd.response, 0, sizeof crowd.response);
  crowd.feel.here = (i8){-1, -1, -1, -1, -1, -1, -1, -1};
  for (int p = 0; p < shown; p++) {
    int32_t item[FEED_LANES];
    for (int i = 0; i < FEED_LANES; i++) item[i] = sv_items(shared, eight[i])[order[i < lanes ? i : 0][p]];
    sv_videos video;
    sv_reaction reaction;
    fetch(shared, item, day, &video);
    react(&shared->constants, &crowd, &video, p, &reaction);
    interact(&shared->constants, &crowd, &video, p, &reaction);
    if (shared->trace) record(shared->trace, eight, lanes, &crowd, &video, &reaction);
    count(&crowd, &reaction);
    feed_feel(&crowd.feel, crowd.memory, video.vector, SV_TOPICS, reaction.time, reaction.enjoyment,
              crowd.chance[p][1], &shared->rules);
  }
  scatter(eight, lanes, &crowd, response, left);
}

FEED_TABLE(shortvideo);
