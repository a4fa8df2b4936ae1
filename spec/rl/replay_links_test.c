/* The links of a replay memory, against a record of everything that was ever decided. */
#include "rl/replay_support.h"

enum { MARKS = 40000, KEYS = 24 };

typedef struct origin { /* of an observation: 0 is the first of an episode */
  uint32_t stream, episode, step;
} origin;

typedef struct world {
  bench b;
  uint32_t seed;
  int marks;
  origin origins[MARKS];
  uint32_t episode[KEYS], step[KEYS];
  bool open[KEYS];
  float kept[MARKS]; /* marks of the rows in the order in which they were remembered */
  int kept_count;
  uint64_t version;
} world;

static uint32_t chance(world *w, uint32_t below) {
  w->seed = w->seed * 1664525u + 1013904223u;
  return (w->seed >> 8) % below;
}

static float new_mark(world *w, uint32_t key, uint32_t step) {
  w->origins[w->marks] = (origin){key, w->episode[key], step};
  return (float)w->marks++;
}

static void some_event(world *w) {
  const uint32_t key = chance(w, KEYS), kind = chance(w, 12);
  if (kind < 8) {
    const float mark = new_mark(w, key, w->step[key]);
    const int64_t before = w->b.e->n.dropped_steps;
    const uint64_t decision = decide(w->b.e, key, mark, w->version);
    if (decision) respond(&w->b, decision, mark, 0);
    const bool known = decision || (w->b.e->n.dropped_steps > before && prl_streams_find(w->b.e, key) >= 0);
    if (!known) return;
    w->open[key] = true;
    w->step[key]++;
  } else if (!w->open[key] || prl_streams_find(w->b.e, key) < 0)
    return;
  else if (kind < 10) {
    observe(&w->b, key, new_mark(w, key, w->step[key]));
  } else {
    finish(&w->b, key, kind == 10, new_mark(w, key, w->step[key]));
    w->open[key] = false;
    w->step[key] = 0;
    w->episode[key]++;
  }
}

static void remember(world *w) {
  w->b.frozen.most = 1 + chance(w, 8);
  if (chance(w, 10) == 0) prl_experience_version(w->b.e, ++w->version);
  keep(&w->b);
  for (int64_t i = 0; i < w->b.frozen.rows; i++) w->kept[w->kept_count++] = w->b.frozen.observation[2 * i];
}

static bool follows(const world *w, float one, float other) {
  const origin a = w->origins[(int)one], b = w->origins[(int)other];
  return a.stream == b.stream && a.episode == b.episode && a.step + 1 == b.step;
}

static void check_links(const world *w) {
  const prl_replay *m = w->b.m;
  for (int64_t place = 0; place < m->n.filled; place++) {
    if (!is_row(m, place) || m->next[place] < 0) continue;
    const float mark = mark_at(m, place), next = mark_at(m, m->next[place]);
    if (!follows(w, mark, next)) fail_msg("observation %g follows %g", (double)next, (double)mark);
    assert_true(m->response[2 * place] == mark);
    assert_int_equal(prl_replay_find(m, m->decision[place]), place);
  }
  /* Each of the newest rows is there: a row takes two places at most and stays for half a round. */
  for (int i = w->kept_count; i > 0 && i > w->kept_count - (int)(m->places / 4); i--)
    if (row_of(m, w->kept[i - 1]) < 0)
      fail_msg("row %g is gone, %d rows later", (double)w->kept[i - 1], w->kept_count - i);
}

static void check_draws(world *w) {
  prl_replay_draw(w->b.m, 9, 32, 1, &w->b.drawn, &w->b.stretch);
  for (int row = 0; row < 32; row++) {
    float mark = w->b.drawn.observation[2 * row];
    for (int k = 1; k < w->b.stretch.length[row]; k++) {
      const float next = w->b.stretch.response[2 * (row * STEPS + k)];
      assert_true(follows(w, mark, next));
      mark = next;
    }
    const int32_t after = w->b.drawn.successor[row];
    if (after >= 0) assert_true(follows(w, mark, w->b.drawn.observation[2 * after]));
  }
}

/* Streams come and go through few slots; rows are dropped, stale, cut, frozen in parts: no row is ever
 * followed by anything but the next observation of its own episode. */
static void no_row_follows_another_streams(void **state) {
  (void)state;
  static world w;
  static const int64_t rings[] = {2, 3, 9, 33, 200};
  for (size_t ring = 0; ring < sizeof rings / sizeof *rings; ring++)
    for (uint32_t seed = 1; seed <= 4; seed++) {
      prl_experience_options options = small_options();
      options.streams = 5, options.rows = 12;
      w = (world){.b = open_bench(options, rings[ring]), .seed = seed};
      for (int i = 0; i < 12000 && w.marks < MARKS - 2; i++) {
        some_event(&w);
        if (chance(&w, 5) == 0) remember(&w);
        if (chance(&w, 20) || !w.b.m->n.rows) continue;
        check_links(&w);
        check_draws(&w);
        assert_true(prl_replay_restore(w.b.m, w.b.e));
      }
      assert_true(w.kept_count > 1000 && w.b.e->n.stale_steps > 20 && w.b.e->n.dropped_steps > 20);
      assert_true(w.b.e->n.forgotten > 100);
      close_bench(&w.b);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_row_follows_another_streams)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
