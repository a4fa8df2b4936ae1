/* Whole steps, episodes and days of streams. */
#include "rl/units.h"

#include <math.h>
#include <string.h>

#include "core/read.h"

static const double day_seconds = 86400;

prl_status prl_per_read(const prl_value *map, const char *where, prl_per *out, prl_error *error) {
  static const char *const units[] = {"step", "episode", "user_day"};
  const char *per;
  prl_status status = prl_read_string(map, where, "per", &per, error);
  if (status) return status;
  int found = prl_read_word(per, units, 3);
  if (found < 0) return prl_read_fail(where, "per", "step, episode or user_day", error);
  *out = (prl_per)found;
  return PRL_OK;
}

static int64_t running(const prl_units *u) { return u->per == PRL_PER_STEP ? 0 : u->streams; }

int prl_units_list(prl_units *u, prl_piece pieces[PRL_UNITS_PIECES]) {
  const int64_t number = sizeof(double);
  const prl_piece all[PRL_UNITS_PIECES] = {{&u->sum, running(u), u->width * number, true},
                                           {&u->gone, running(u), number, true},
                                           {&u->whole, u->width, number, true}};
  memcpy(pieces, all, sizeof all);
  return PRL_UNITS_PIECES;
}

prl_status prl_units_blocks(const prl_units *u, const char *prefix, prl_blocks *blocks, prl_error *error) {
  if (!running(u)) return PRL_OK;
  prl_status status =
      prl_blocks_add_named(blocks, prefix, "sum", PRL_F64, u->streams * u->width, u->sum, error);
  return status ? status : prl_blocks_add_named(blocks, prefix, "gone", PRL_F64, u->streams, u->gone, error);
}

static bool ends_day(prl_units *u, const prl_batch *b, int64_t row) {
  double *gone = &u->gone[b->stream[row]];
  *gone += (double)b->elapsed[row];
  if (*gone < day_seconds) return false;
  *gone = fmod(*gone, day_seconds);
  return true;
}

static bool ends_episode(prl_units *u, const prl_batch *b, int64_t row) {
  double *gone = &u->gone[b->stream[row]];
  const int32_t end = b->end[row];
  const bool whole = ++*gone == (double)b->step[row] + 1;
  if (end != PRL_END_TERMINATED && end != PRL_END_TRUNCATED) return false;
  *gone = 0;
  return whole;
}

static void start(prl_units *u, double *sum, int32_t stream) {
  memset(sum, 0, (size_t)u->width * sizeof *sum);
  if (u->per != PRL_PER_STEP) u->gone[stream] = 0;
}

static bool ends(prl_units *u, const prl_batch *b, int64_t row) {
  return u->per == PRL_PER_STEP || (u->per == PRL_PER_DAY ? ends_day(u, b, row) : ends_episode(u, b, row));
}

const double *prl_units_add(prl_units *u, const prl_batch *b, int64_t row, const float *values) {
  const bool steps = u->per == PRL_PER_STEP;
  double *sum = steps ? u->whole : u->sum + b->stream[row] * u->width;
  if (steps || (u->per == PRL_PER_EPISODE && b->step[row] == 0)) start(u, sum, b->stream[row]);
  for (int64_t i = 0; i < u->width; i++) sum[i] += (double)values[i];
  if (!ends(u, b, row)) return NULL;
  if (steps) return sum;
  memcpy(u->whole, sum, (size_t)u->width * sizeof *sum);
  memset(sum, 0, (size_t)u->width * sizeof *sum);
  return u->whole;
}
