/* Advantages and returns over ragged sequences, backwards: GAE(λ) and V-trace. */
#include "rl/returns.h"

#include <math.h>

#include "rl/experience.h"

void prl_discounts(int64_t rows, double gamma, double unit, const float *elapsed, double *discount) {
  for (int64_t i = 0; i < rows; i++)
    discount[i] = unit > 0 && gamma > 0 ? pow(gamma, (double)elapsed[i] / unit) : gamma;
}

void prl_rewards_fair(int64_t rows, const float *reward, const float *value, double mean, double std,
                      const int32_t *successor, const int32_t *end, const double *discount,
                      const float *continuation, float *fair) {
  for (int64_t i = 0; i < rows; i++) {
    const double surprise = end[i] == PRL_END_TRUNCATED ? 0 : (successor[i] >= 0) - (double)continuation[i];
    fair[i] = (float)(reward[i] - discount[i] * surprise * (value[i] * std + mean));
  }
}

void prl_gae(int64_t rows, const float *reward, const float *value, double mean, double std,
             const int32_t *successor, const double *discount, double lambda, float *advantage,
             float *returns) {
  double next_value = 0, next_advantage = 0; /* of row i + 1 */
  for (int64_t i = rows - 1; i >= 0; i--) {
    int64_t next = successor[i];
    double v = value[i] * std + mean, ahead = 0, later = 0, gamma = discount[i];
    if (next == i + 1 && next < rows) {
      ahead = next_value;
      later = next_advantage;
    } else if (next >= 0) {
      ahead = value[next] * std + mean;
    }
    double a = reward[i] + gamma * ahead - v + gamma * lambda * later;
    advantage[i] = (float)a;
    returns[i] = (float)(a + v);
    next_value = v;
    next_advantage = a;
  }
}

void prl_vtrace(int64_t rows, const float *reward, const float *value, double mean, double std,
                const int32_t *successor, const double *discount, const float *ratio,
                prl_correction correction, float *ahead, float *returns) {
  double next_value = 0, next_ahead = 0; /* of row i + 1 */
  for (int64_t i = rows - 1; i >= 0; i--) {
    const int64_t next = successor[i];
    const double rho = fmin(correction.rho, ratio[i]), c = correction.lambda * fmin(correction.c, ratio[i]);
    double v = value[i] * std + mean, after = 0, later = 0, gamma = discount[i];
    if (next == i + 1 && next < rows) {
      after = next_value;
      later = next_ahead;
    } else if (next >= 0) {
      after = value[next] * std + mean;
    }
    double all = rho * (reward[i] + gamma * after - v) + gamma * c * later;
    ahead[i] = (float)all;
    returns[i] = (float)(all + v);
    next_value = v;
    next_ahead = all;
  }
}

void prl_vtrace_advantages(int64_t rows, const float *reward, const float *value, double mean, double std,
                           const int32_t *successor, const double *discount, const float *ratio, double rho,
                           const float *returns, float *advantage) {
  for (int64_t i = 0; i < rows; i++) {
    const int64_t next = successor[i];
    double after = 0;
    if (next == i + 1 && next < rows)
      after = returns[next];
    else if (next >= 0)
      after = value[next] * std + mean;
    advantage[i] = (float)(fmin(rho, ratio[i]) * (reward[i] + discount[i] * after - (value[i] * std + mean)));
  }
}

static int64_t episode_end(const uint32_t *step, int64_t row, int64_t end) {
  do row++;
  while (row < end && step[row] > step[row - 1]);
  return row;
}

static int64_t held_until(const uint32_t *step, int64_t row, int64_t end, uint32_t every, uint32_t draw) {
  while (row < end && (every ? step[row] / every : 0) == draw) row++;
  return row;
}

/* One episode of both. */
static void differ(const uint32_t *step, prl_pair_rows r, uint32_t every, const float *returns,
                   float *difference) {
  while (r.first < r.first_end || r.second < r.second_end) {
    const uint32_t a = r.first < r.first_end ? step[r.first] : UINT32_MAX;
    const uint32_t b = r.second < r.second_end ? step[r.second] : UINT32_MAX;
    const uint32_t draw = every ? (a < b ? a : b) / every : 0;
    const int64_t until = held_until(step, r.first, r.first_end, every, draw);
    const int64_t other = held_until(step, r.second, r.second_end, every, draw);
    const double up = r.first < until ? returns[r.first] : 0, down = r.second < other ? returns[r.second] : 0;
    const int64_t own = until - r.first, its = other - r.second, common = own < its ? own : its;
    const float part = common ? (float)((up - down) / 2 / (double)common) : 0;
    for (int64_t k = 0; k < common; k++) {
      difference[r.first + k] = part;
      difference[r.second + k] = -part;
    }
    r.first = until;
    r.second = other;
  }
}

void prl_pairs_differ(const uint32_t *step, prl_pair_rows r, uint32_t every, const float *returns,
                      float *difference, prl_pair_counts *counts) {
  while (r.first < r.first_end && r.second < r.second_end) {
    const int64_t a = episode_end(step, r.first, r.first_end), b = episode_end(step, r.second, r.second_end);
    differ(step, (prl_pair_rows){r.first, a, r.second, b}, every, returns, difference);
    counts->pairs++;
    counts->alike += a - r.first == b - r.second;
    r.first = a;
    r.second = b;
  }
}
