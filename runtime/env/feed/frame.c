/* The steps of a feed: people come, are shown a list, watch, and stay or leave. */
#include "env/feed/frame.h"

#include <math.h>

#include "tensor/kernels.h"

/* ---- Options ---- */

const prl_env_words prl_feed_words[] = {{"episode", (const char *const[]){"session", "day", "life", NULL}},
                                        {NULL, NULL}};
const char *const prl_feed_later[] = {"history", "latent", NULL};

prl_status prl_feed_check_whole(const char *name, const char *option, double value, prl_error *error) {
  if (value == floor(value)) return PRL_OK;
  return prl_fail(error, PRL_EINVAL, "%s: %s is %g; a whole number is needed", name, option, value);
}

prl_status prl_feed_check_sizes(const char *name, const double *size, prl_error *error) {
  prl_status status = prl_feed_check_whole(name, "candidates", size[FEED_CANDIDATES], error);
  if (!status) status = prl_feed_check_whole(name, "shown", size[FEED_SHOWN], error);
  if (!status) status = prl_feed_check_whole(name, "requests", size[FEED_REQUESTS], error);
  if (!status) status = prl_feed_check_whole(name, "episode", size[FEED_EPISODE], error);
  if (!status) status = prl_feed_check_whole(name, "history", size[FEED_HISTORY], error);
  if (!status) status = prl_feed_check_whole(name, "latent", size[FEED_LATENT], error);
  if (status) return status;
  const int32_t candidates = (int32_t)size[FEED_CANDIDATES];
  if (candidates % 8)
    return prl_fail(error, PRL_EINVAL,
                    "%s: candidates is %d; a multiple of 8 from 8 to %d is needed, such as %d", name,
                    candidates, FEED_MAX_CANDIDATES, (candidates + 4) / 8 * 8);
  if (size[FEED_SHOWN] > candidates)
    return prl_fail(error, PRL_EINVAL, "%s: shown is %g, but a request has %d candidates", name,
                    size[FEED_SHOWN], candidates);
  if (size[FEED_RETURN_WAIT] != 24 * floor(size[FEED_RETURN_WAIT] / 24))
    return prl_fail(error, PRL_EINVAL, "%s: return_wait is %g h; 0, 24, 48, 72 or 96 is needed", name,
                    size[FEED_RETURN_WAIT]);
  return PRL_OK;
}

feed_rules prl_feed_rules(const double *pull, const double *size) {
  return (feed_rules){.satisfaction = (float)pull[FEED_SATISFACTION],
                      .fatigue = (float)pull[FEED_FATIGUE],
                      .lifetime = (float)size[FEED_LIFETIME],
                      .requests = (int32_t)size[FEED_REQUESTS],
                      .episode = (int32_t)size[FEED_EPISODE]};
}

void prl_feed_choose_tables(const char *name, const feed_table *const *tables,
                            const struct prl_kernels **kernels, const feed_table **table) {
  if (*kernels && (!name || strcmp(name, (*kernels)->name) == 0)) return;
  *kernels = prl_kernels_find(name);
  *table = tables[prl_table_index((*kernels)->name)];
}

/* ---- Steps ---- */

static void *user_at(const prl_env_batch *batch, const feed_frame *frame, int64_t i) {
  return (char *)batch->state + (size_t)i * frame->state_size;
}

static feed_visit *visit_of(const feed_frame *frame, void *user) {
  return (feed_visit *)(void *)((char *)user + frame->model->visit);
}

static int32_t *history_of(const feed_frame *frame, void *user) {
  return (int32_t *)(void *)((char *)user + frame->history_at);
}

static void observe(const prl_env_batch *batch, const feed_frame *frame, void *user, int64_t i) {
  float *out = batch->observation + i * frame->observations;
  frame->model->observe(frame->shared, user, out);
  const int32_t *id = history_of(frame, user);
  out += frame->observations - frame->history;
  for (int32_t k = 0; k < frame->history; k++) out[k] = (float)id[k];
}

/* A person who is new has watched nothing. */
static void forget(const feed_frame *frame, void *user) {
  int32_t *id = history_of(frame, user);
  for (int32_t k = 0; k < frame->history; k++) id[k] = -1;
}

/* Puts the ids of what was watched, the first `views` of the list, before those of earlier requests. */
static void recall(const feed_frame *frame, void *user, const int32_t *order, int32_t views) {
  int32_t *id = history_of(frame, user);
  const int32_t fresh = views < frame->history ? views : frame->history;
  memmove(id + fresh, id, (size_t)(frame->history - fresh) * sizeof *id);
  for (int32_t k = 0; k < fresh; k++) id[k] = frame->model->video(frame->shared, user, order[views - 1 - k]);
}

static float leave(const prl_env_batch *batch, const feed_frame *frame, void *user, int64_t i) {
  const float gap = frame->model->leave(frame->shared, user, batch->seed, batch->stream[i]);
  if (isinf(gap)) forget(frame, user);
  return gap;
}

static void begin_session(const feed_frame *frame, void *user) {
  frame->model->enter(frame->shared, user);
  frame->model->draw(frame->shared, user);
}

prl_status prl_feed_reset(const prl_env_batch *batch, const uint8_t *mask, const feed_frame *frame) {
  for (int64_t i = 0; i < batch->n; i++) {
    if (mask && !mask[i]) continue;
    void *user = user_at(batch, frame, i);
    const feed_visit *visit = visit_of(frame, user);
    if (visit->phase == FEED_UNBORN) {
      frame->model->birth(frame->shared, user, batch->seed, batch->stream[i]);
      forget(frame, user);
    }
    /* Someone else ended the episode: the session is over all the same. */
    if (visit->phase == FEED_PRESENT) (void)leave(batch, frame, user, i);
    begin_session(frame, user);
    observe(batch, frame, user, i);
  }
  return PRL_OK;
}

/* The offsets in force, and the videos shown. */
static void choose(const feed_frame *frame, const void *user, const float *action, float *offset,
                   int32_t *order) {
  const feed_model *model = frame->model;
  if (frame->by_item) {
    memset(offset, 0, (size_t)model->weights * sizeof *offset);
    order[0] = (int32_t)action[0];
    return;
  }
  float weight[FEED_MAX_WEIGHTS];
  for (int k = 0; k < model->weights; k++) {
    offset[k] = fminf(fmaxf(action[k], model->weight[k].low), model->weight[k].high);
    weight[k] = frame->base[k] + offset[k];
  }
  frame->table->rank(frame->shared, user, weight, frame->shown, order);
}

/* Whether the episode ends with a session that began at opened_us, a gap in hours before the next one. A
 * return ends where its definition does, so that an end is a termination. */
static bool ends_episode(const feed_frame *frame, const feed_visit *visit, int64_t opened_us, float gap) {
  if (isinf(gap) || frame->rules->episode == FEED_SESSION) return true;
  return frame->rules->episode == FEED_DAY && opened_us / FEED_DAY_US != feed_day(visit);
}

/* Responses that a session's end tells, and what comes after it. */
static void close_session(const prl_env_batch *batch, const feed_frame *frame, int64_t i) {
  const feed_model *model = frame->model;
  void *user = user_at(batch, frame, i);
  const feed_visit *visit = visit_of(frame, user);
  const int64_t opened_us = visit->opened_us;
  float *response = batch->response + i * model->responses;
  response[model->depth] = (float)visit->videos;
  const float gap = leave(batch, frame, user, i);
  if (frame->return_wait > 0) response[model->return_time] = fminf(gap, frame->return_wait);
  batch->terminated[i] = ends_episode(frame, visit, opened_us, gap);
  if (batch->terminated[i]) return;
  begin_session(frame, user);
  observe(batch, frame, user, i);
}

/* After the videos: what production records; then the next candidates, or the end of the session. */
static void conclude(const prl_env_batch *batch, const feed_frame *frame, int64_t i, const float *offset,
                     const int32_t *order, bool left) {
  enum { APP_TIME = 1, VIDEO_VIEWS = 2 };
  const feed_model *model = frame->model;
  void *user = user_at(batch, frame, i);
  feed_visit *visit = visit_of(frame, user);
  float *response = batch->response + i * model->responses;
  const int64_t before_us = visit->clock_us;
  if (frame->return_wait == 0 && visit->request == 0)
    memcpy(&response[model->return_time], (char *)user + model->gap, sizeof(float));
  model->remember(user, response, offset);
  recall(frame, user, order, (int32_t)response[VIDEO_VIEWS]);
  const bool over = prl_feed_pass(visit, frame->rules, response[VIDEO_VIEWS], response[APP_TIME], left);
  if (!over) model->draw(frame->shared, user);
  observe(batch, frame, user, i);
  if (over) close_session(batch, frame, i);
  batch->elapsed_us[i] = visit->clock_us - before_us;
}

prl_status prl_feed_step(const prl_env_batch *batch, const feed_frame *frame) {
  const feed_model *model = frame->model;
  const int32_t actions = frame->by_item ? 1 : model->weights;
  for (int64_t first = 0; first < batch->n; first += FEED_LANES) {
    const int32_t lanes = batch->n - first < FEED_LANES ? (int32_t)(batch->n - first) : FEED_LANES;
    void *user[FEED_LANES];
    int32_t order[FEED_LANES][FEED_MAX_SHOWN];
    float offset[FEED_LANES][FEED_MAX_WEIGHTS];
    bool left[FEED_LANES];
    for (int32_t i = 0; i < lanes; i++) {
      user[i] = user_at(batch, frame, first + i);
      choose(frame, user[i], batch->action + (first + i) * actions, offset[i], order[i]);
    }
    frame->table->watch(frame->shared, user, lanes, order, batch->response + first * model->responses, left);
    for (int32_t i = 0; i < lanes; i++) conclude(batch, frame, first + i, offset[i], order[i], left[i]);
  }
  return PRL_OK;
}

/* ---- Saved state ---- */

bool prl_feed_sound(const feed_visit *visit, const feed_mind *mind, const int32_t *history, int32_t count,
                    int32_t videos) {
  for (int32_t k = 0; k < count; k++)
    if (history[k] < -1 || history[k] >= videos) return false;
  if (visit->phase == FEED_UNBORN) return true;
  return visit->phase > 0 && visit->phase <= FEED_PRESENT && visit->clock_us >= 0 &&
         visit->clock_us < INT64_MAX / 2 && fabsf(mind->clock_shift) < 1000;
}
