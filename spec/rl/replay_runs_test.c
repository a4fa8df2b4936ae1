/* Draws of runs: rows of a stream that follow each other, as rows of a batch. */
#include "rl/replay_support.h"

#include <math.h>

/* Episodes by what their marks begin with: 0–9 terminated, 100–104 truncated at 105, 200 truncated at 201,
 * 300–320 runs, with 321 as its newest observation. Streams take turns, so that neighbours of an episode are
 * no neighbours in the ring. */
static bench filled(void) {
  prl_experience_options options = small_options();
  options.rows = 64;
  bench whole = open_bench(options, 64), *b = &whole;
  b->stretch.steps = 1;
  for (int i = 0; i < 22; i++) {
    if (i < 10) respond(b, decide(b->e, 1, (float)i, 0), (float)i, 0);
    if (i == 9) finish(b, 1, true, 0);
    if (i < 5) respond(b, decide(b->e, 2, 100 + (float)i, 1), 100 + (float)i, 0);
    if (i == 4) finish(b, 2, false, 105);
    if (i == 6) respond(b, decide(b->e, 2, 200, 2), 200, 0);
    if (i == 6) finish(b, 2, false, 201);
    respond(b, decide(b->e, 3, 300 + (float)i, 3), 300 + (float)i, 0);
    if (i % 4 == 3) keep(b);
  }
  keep(b);
  return whole;
}

static int last_of(int first) { return first < 10 ? 9 : first < 200 ? 104 : first < 300 ? 200 : 320; }

static float mark(const prl_batch *b, int64_t place) { return b->observation[2 * place]; }

/* Rows from `row` on are a run of at most `most`. Returns the row after it. */
static int64_t check_run(const bench *b, int64_t row, int64_t most) {
  const prl_batch *d = &b->drawn;
  const int first = (int)mark(d, row), last = last_of(first);
  int64_t length = last - first + 1 < most ? last - first + 1 : most;
  if (length > d->rows - row) length = d->rows - row;
  for (int64_t k = 0; k < length; k++) {
    const int32_t next = d->successor[row + k];
    const int here = first + (int)k;
    assert_true(mark(d, row + k) == (float)here);
    assert_true(b->stretch.response[2 * (row + k)] == (float)here && b->stretch.length[row + k] == 1);
    assert_int_equal(d->version[row + k], here / 100);
    if (k + 1 < length)
      assert_true(next == row + k + 1 && d->end[row + k] == PRL_END_NONE);
    else if (here == 9)
      assert_true(next == -1 && d->end[row + k] == PRL_END_TERMINATED);
    else
      assert_true(next >= d->rows && next < d->observed && mark(d, next) == (float)here + 1);
    if (here == 104 || here == 200) assert_int_equal(d->end[row + k], PRL_END_TRUNCATED);
  }
  return row + length;
}

static void runs_follow_the_stream(void **state) {
  (void)state;
  bench b = filled();
  const int64_t mosts[] = {1, 2, 4, 16, DRAWN};
  for (size_t k = 0; k < sizeof mosts / sizeof *mosts; k++) {
    bool seen[400] = {false};
    int64_t row = 0, runs = 0;
    prl_replay_draw(b.m, 1, DRAWN, mosts[k], &b.drawn, &b.stretch);
    assert_true(b.drawn.rows == DRAWN && b.drawn.observed == DRAWN + b.drawn.bootstraps);
    for (; row < DRAWN; runs++) row = check_run(&b, row, mosts[k]);
    assert_int_equal(row, DRAWN);
    assert_true(mosts[k] == 1 ? runs == DRAWN : runs < DRAWN);
    for (row = 0; row < DRAWN; row++) seen[(int)mark(&b.drawn, row)] = true;
    for (int i = 0; i < 321; i++)
      assert_int_equal(seen[i], i < 10 || (i >= 100 && i < 105) || i == 200 || i >= 300);
  }
  close_bench(&b);
}

/* The last run ends where the batch is full, and bootstraps from its own next row. */
static void a_full_batch_cuts(void **state) {
  (void)state;
  bench b = filled();
  int cut = 0;
  for (int i = 0; i < 50; i++) {
    prl_replay_draw(b.m, 2, 7, 5, &b.drawn, &b.stretch);
    for (int64_t row = 0; row < 7;) {
      const int64_t end = check_run(&b, row, 5);
      cut += end == 7 && end - row < 5 && (int)mark(&b.drawn, 6) != last_of((int)mark(&b.drawn, 6));
      row = end;
    }
  }
  assert_true(cut > 10);
  close_bench(&b);
}

/* Each row of the ring begins a run with the same probability: a row of an episode is drawn as often as rows
 * before it begin a run that reaches it. χ² with 36 degrees of freedom exceeds 68 once in a thousand seeds.
 */
static void beginnings_are_uniform(void **state) {
  (void)state;
  bench b = filled();
  int count[400] = {0}, runs = 0;
  double chi = 0;
  for (int i = 0; i < 100; i++) {
    prl_replay_draw(b.m, 5, DRAWN, 3, &b.drawn, &b.stretch);
    for (int64_t row = 0; row < DRAWN; row = check_run(&b, row, 3), runs++) count[(int)mark(&b.drawn, row)]++;
  }
  assert_int_equal(b.m->n.rows, 37);
  for (int i = 0; i < 321; i++)
    if (row_of(b.m, (float)i) >= 0)
      chi += (count[i] - runs / 37.0) * (count[i] - runs / 37.0) / (runs / 37.0);
  if (chi > 68) fail_msg("chi-square is %g", chi);
  close_bench(&b);
}

static void draws_are_addressed(void **state) {
  (void)state;
  bench b = filled();
  float one[2 * DRAWN];
  prl_replay_draw(b.m, 5, DRAWN, 4, &b.drawn, &b.stretch);
  memcpy(one, b.drawn.observation, sizeof one);
  prl_replay_draw(b.m, 5, DRAWN, 4, &b.drawn, &b.stretch);
  assert_memory_not_equal(one, b.drawn.observation, sizeof one); /* the next draw */
  b.m->n.draws = 0;
  prl_replay_draw(b.m, 5, DRAWN, 4, &b.drawn, &b.stretch);
  assert_memory_equal(one, b.drawn.observation, sizeof one);
  b.m->n.draws = 0;
  prl_replay_draw(b.m, 6, DRAWN, 4, &b.drawn, &b.stretch);
  assert_memory_not_equal(one, b.drawn.observation, sizeof one); /* another seed */
  close_bench(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_follow_the_stream), cmocka_unit_test(a_full_batch_cuts),
      cmocka_unit_test(beginnings_are_uniform), cmocka_unit_test(draws_are_addressed)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
