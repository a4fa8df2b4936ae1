/* People of a feed: when they come and go, how they feel, and what is averaged over their requests. */
#include "env/feed/feed.h"

#include <math.h>

#include "core/rng.h"

/* Impressions of the logs on weekdays and at weekends, over their mean. */
static const float weekday_activity = 0.96f, weekend_activity = 1.10f;
static const float longest_gap = 96; /* h */

static float activity_at(const feed_clock *clock, int64_t clock_us, float shift, float *to_next_hour) {
  float hour = (float)(clock_us % FEED_DAY_US) * (1.0f / 3.6e9f) - shift;
  float whole = floorf(hour);
  *to_next_hour = 1 - (hour - whole);
  int index = ((int)whole % 24 + 24) % 24;
  bool weekend = clock->weekend[clock_us / FEED_DAY_US % clock->period];
  return clock->profile[index] * (weekend ? weekend_activity : weekday_activity);
}

/* The time at which `active` hours of a person's activity have passed: a gap drawn in hours at mean activity
 * goes slowly through the night. At most 96 h. */
static int64_t after(const feed_clock *clock, int64_t clock_us, float active, float shift) {
  double hours = 0;
  while (active > 0 && hours < longest_gap) {
    float step;
    float rate = activity_at(clock, clock_us + (int64_t)(hours * 3.6e9), shift, &step);
    if (step < 1e-4f) step = 1e-4f;
    if (rate * step >= active) step = active / rate;
    active -= rate * step;
    hours += step;
    if (active < 1e-5f) break;
  }
  return clock_us + (int64_t)((hours < longest_gap ? hours : longest_gap) * 3.6e9);
}

int64_t prl_feed_first_time(const feed_clock *clock, float share) {
  float total = 0, sum = 0;
  for (int h = 0; h < 24; h++) total += clock->profile[h];
  for (int h = 0; h < 24; h++) {
    float part = clock->profile[h] / total;
    if (share < sum + part || h == 23) return (int64_t)((h + fminf((share - sum) / part, 1)) * 3.6e9);
    sum += part;
  }
  return 0;
}

void prl_feed_birth(feed_visit *visit, uint64_t seed, uint64_t stream, uint32_t site) {
  const uint32_t person = visit->phase == FEED_UNBORN ? 0 : visit->person + 1;
  const prl_rng rng = prl_rng_make(seed, stream, site + person);
  *visit = (feed_visit){
      .clock_us = visit->clock_us, .key = {rng.key[0], rng.key[1]}, .person = person, .phase = FEED_AWAY};
}

void prl_feed_enter(feed_visit *visit, feed_mind *mind, float *fatigue) {
  visit->request = visit->videos = 0;
  visit->opened_us = visit->clock_us;
  visit->phase = FEED_PRESENT;
  mind->mood_sum = 0;
  *fatigue = 0;
}

bool prl_feed_pass(feed_visit *visit, const feed_rules *rules, float views, float app_time, bool left) {
  visit->videos += (uint32_t)views;
  visit->clock_us += (int64_t)((double)app_time * 1e6);
  visit->request++;
  return left || visit->request >= (uint32_t)rules->requests;
}

float prl_feed_away(feed_visit *visit, feed_mind *mind, const feed_clock *clock, const feed_rules *rules,
                    float noise, float chance) {
  if (visit->videos > 0) mind->slow_mood += 0.15f * (mind->mood_sum / (float)visit->videos - mind->slow_mood);
  float active = expf(mind->gap_mean - rules->satisfaction * mind->slow_mood + 0.8f * noise);
  int64_t back_us = after(clock, visit->clock_us, fmaxf(active, 0.3f), mind->clock_shift);
  float gap = (float)(back_us - visit->clock_us) * (1.0f / 3.6e9f);
  visit->clock_us = back_us;
  float risk = gap / (24 * rules->lifetime) * expf(-2 * rules->satisfaction * mind->slow_mood);
  return chance < 1 - expf(-risk) ? INFINITY : gap;
}

void prl_feed_rest(feed_visit *visit, feed_mind *mind, float *memory, int n, float gap) {
  const float fade = expf(-gap / 6), calm = expf(-gap / 3);
  for (int d = 0; d < n; d++) memory[d] *= fade;
  mind->mood = 0.6f * mind->slow_mood + 0.4f * mind->mood * calm;
  visit->session++;
  visit->phase = FEED_AWAY;
}

/* A mean of zeros ends at 0: halving for ever would reach denormal numbers, which are slow. */
void prl_feed_average(float *mean, const float *x, const int *of, int n, float rate) {
  for (int k = 0; k < n; k++) {
    mean[k] += rate * (x[of ? of[k] : k] - mean[k]);
    if (fabsf(mean[k]) < 1e-9f) mean[k] = 0;
  }
}

float *prl_feed_moment(float *out, const feed_visit *visit, bool weekend, float fatigue, float gap) {
  const float turn = feed_hour(visit) * (6.28318530718f / 24);
  *out++ = sinf(turn);
  *out++ = cosf(turn);
  *out++ = weekend;
  *out++ = visit->request == 0;
  *out++ = log1pf((float)visit->request);
  *out++ = fatigue * 20;
  *out++ = gap > 0 ? logf(gap) : 0;
  return out;
}

float *prl_feed_mind(float *out, const feed_visit *visit, const feed_mind *mind, float boredom) {
  *out++ = mind->mood;
  *out++ = mind->slow_mood;
  *out++ = visit->videos > 0 ? mind->mood_sum / (float)visit->videos : 0;
  *out++ = mind->leave_offset;
  *out++ = mind->gap_mean;
  *out++ = mind->clock_shift;
  *out++ = boredom;
  return out;
}
