/* The replay memory: what it keeps, links, draws and saves. */
#include "rl/replay_support.h"
#include "support/failing_alloc.h"

#include <math.h>

/* ---- by hand ---- */

/* Each observation stands there once: a ghost becomes the row that it waited for. */
static void every_observation_once(void **state) {
  (void)state;
  bench b = open_bench(small_options(), 32);
  decide(b.e, 1, 10, 0);
  decide(b.e, 1, 11, 0);
  keep(&b); /* 10, and 11 as a ghost */
  assert_int_equal(b.m->n.filled, 2);
  assert_int_equal(b.m->n.rows, 1);
  decide(b.e, 1, 12, 0);
  decide(b.e, 1, 13, 0);
  keep(&b); /* the ghost is a row now; 12; and 13 waits */
  assert_int_equal(b.m->n.filled, 4);
  assert_int_equal(b.m->n.rows, 3);
  assert_int_equal(b.m->n.fresh, 2);
  finish(&b, 1, false, 14);
  keep(&b); /* 13, and the final observation, which stays a ghost */
  assert_int_equal(b.m->n.filled, 5);
  decide(b.e, 1, 20, 0);
  decide(b.e, 1, 21, 0);
  finish(&b, 1, true, 99);
  keep(&b); /* a terminated row has no next state */
  assert_int_equal(b.m->n.filled, 7);
  assert_int_equal(b.m->n.rows, 6);
  for (int mark = 10; mark < 14; mark++) assert_true(next_mark(b.m, (float)mark) == (float)mark + 1);
  assert_true(next_mark(b.m, 20) == 21 && next_mark(b.m, 21) == -1);
  assert_int_equal(end_at(b.m, row_of(b.m, 13)), PRL_END_TRUNCATED);
  assert_int_equal(end_at(b.m, row_of(b.m, 21)), PRL_END_TERMINATED);
  assert_int_equal(row_of(b.m, 14), -1);
  assert_int_equal(row_of(b.m, 99), -1);
  close_bench(&b);
}

/* What a row holds beside its observation. */
static void rows_are_whole(void **state) {
  (void)state;
  bench b = open_bench(small_options(), 32);
  uint64_t first = decide(b.e, 3, 10, 7);
  CHECK_OK(prl_experience_time(b.e, 2000000, &error));
  decide(b.e, 3, 11, 0);
  respond(&b, first, 2.5f, 4);
  keep(&b);
  const int64_t place = row_of(b.m, 10);
  assert_int_equal(prl_replay_find(b.m, first), place);
  assert_true(b.m->action[place] == 1 && b.m->log_prob[place] == -10 && b.m->elapsed[place] == 2);
  assert_true(b.m->response[2 * place] == 2.5f && b.m->response[2 * place + 1] == 4);
  assert_int_equal(b.m->version[place], 7);
  assert_int_equal(b.m->step[place], 0);
  close_bench(&b);
}

/* A decision that was not recorded ends the run of rows: its observation is where the last one bootstraps. */
static void cut_rows(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.rows = 2;
  bench b = open_bench(options, 32);
  decide(b.e, 1, 10, 0);
  decide(b.e, 1, 11, 0);
  assert_int_equal(decide(b.e, 1, 12, 0), 0); /* no room */
  keep(&b);
  decide(b.e, 1, 13, 0);
  decide(b.e, 1, 14, 0);
  keep(&b);
  assert_true(next_mark(b.m, 11) == 12 && row_of(b.m, 12) == -1);
  assert_int_equal(end_at(b.m, row_of(b.m, 11)), PRL_END_CUT);
  assert_true(next_mark(b.m, 13) == 14);
  close_bench(&b);
}

/* An end that is told after the row before it was remembered with the observation that followed. */
static void ends_that_are_told_late(void **state) {
  (void)state;
  for (int terminated = 0; terminated < 2; terminated++) {
    bench b = open_bench(small_options(), 32);
    decide(b.e, 1, 10, 0);
    observe(&b, 1, 11);
    keep(&b);
    assert_true(next_mark(b.m, 10) == 11);
    finish(&b, 1, terminated, 12);
    assert_true(next_mark(b.m, 10) == (terminated ? -1 : 12));
    assert_int_equal(end_at(b.m, row_of(b.m, 10)), terminated ? PRL_END_TERMINATED : PRL_END_TRUNCATED);
    decide(b.e, 1, 20, 0);
    decide(b.e, 1, 21, 0);
    keep(&b);
    assert_true(next_mark(b.m, 20) == 21);
    assert_true(prl_replay_restore(b.m, b.e));
    close_bench(&b);
  }
}

/* The place of a stream is another stream's by now, and the step is the one that the ghost waited for: the
 * steps before it were dropped. Nothing links the two. */
static void slots_that_come_again(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.streams = 1;
  bench b = open_bench(options, 32);
  decide(b.e, 1, 10, 0);
  observe(&b, 1, 11);
  keep(&b); /* 10 with the ghost 11, which waits for step 1 */
  finish(&b, 1, false, 11);
  decide(b.e, 2, 20, 0); /* another stream in the same slot, whose step 0 is never kept */
  prl_experience_version(b.e, 1);
  decide(b.e, 2, 21, 1);
  decide(b.e, 2, 22, 1);
  keep(&b);
  assert_int_equal(b.e->n.stale_steps, 1);
  assert_true(row_of(b.m, 20) == -1);
  assert_true(next_mark(b.m, 10) == 11); /* and not 21, which is step 1 of the slot, too */
  assert_true(next_mark(b.m, 21) == 22);
  close_bench(&b);
}

/* The smallest ring, in which the stream's own ghost is the next to go. */
static void the_smallest_ring(void **state) {
  (void)state;
  for (int64_t places = PRL_REPLAY_LEAST; places < 7; places++) {
    bench b = open_bench(small_options(), places);
    for (int i = 0; i < 60; i++) {
      decide(b.e, 1 + (uint64_t)(i % 3 == 0), (float)i, 0);
      if (i % 4 == 3) keep(&b);
      if (i % 7 == 6) finish(&b, 1 + (uint64_t)(i % 3 == 0), i % 2 == 0, (float)i + .5f);
      assert_true(prl_replay_restore(b.m, b.e));
    }
    assert_true(b.m->n.rows >= 1 && b.m->n.filled == places);
    close_bench(&b);
  }
}

/* A stream that comes back after a whole round of the ring: its row is among the newest, not the next to go.
 */
static void a_slow_stream(void **state) {
  (void)state;
  bench b = open_bench(small_options(), 16);
  decide(b.e, 1, 1, 0);
  decide(b.e, 1, 2, 0);
  keep(&b);
  for (int i = 0; i < 12; i++) {
    decide(b.e, 2, 100 + (float)i, 0);
    keep(&b);
  }
  decide(b.e, 1, 3, 0);
  keep(&b); /* 2 became a row, in a new place, and 1 is still followed by it */
  assert_true(is_row(b.m, b.m->next[row_of(b.m, 1)]) && next_mark(b.m, 1) == 2);
  for (int i = 0; i < 7; i++) {
    decide(b.e, 2, 200 + (float)i, 0);
    keep(&b);
  }
  assert_true(next_mark(b.m, 2) == 3);
  assert_true(prl_replay_restore(b.m, b.e));
  close_bench(&b);
}

static void stretches(void **state) {
  (void)state;
  bench b = open_bench(small_options(), 64);
  for (int i = 0; i < 6; i++) respond(&b, decide(b.e, 1, (float)i, 0), (float)i, 0);
  finish(&b, 1, true, 0);
  keep(&b);
  for (int i = 10; i < 13; i++) respond(&b, decide(b.e, 1, (float)i, 0), (float)i, 0);
  finish(&b, 1, false, 13);
  for (int i = 20; i < 23; i++) respond(&b, decide(b.e, 1, (float)i, 0), (float)i, 0);
  keep(&b); /* 22 is the newest observation */
  prl_replay_draw(b.m, 1, DRAWN, 1, &b.drawn, &b.stretch);
  bool seen[32] = {false};
  for (int row = 0; row < DRAWN; row++) {
    const float mark = b.drawn.observation[2 * row];
    const int first = (int)mark, last = first < 10 ? 5 : first < 20 ? 12 : 21;
    const int length = last - first + 1 < STEPS ? last - first + 1 : STEPS;
    seen[first] = true;
    assert_int_equal(b.stretch.length[row], length);
    for (int k = 0; k < length; k++)
      assert_true(b.stretch.response[2 * (row * STEPS + k)] == mark + (float)k);
    const bool terminated = first < 10 && first + length > 5;
    assert_int_equal(b.drawn.successor[row] < 0, terminated);
    if (!terminated) assert_true(b.drawn.observation[2 * b.drawn.successor[row]] == mark + (float)length);
    assert_int_equal(b.drawn.end[row], terminated                            ? PRL_END_TERMINATED
                                       : first >= 10 && first + length == 13 ? PRL_END_TRUNCATED
                                                                             : PRL_END_NONE);
  }
  for (int i = 0; i < 22; i++) assert_int_equal(seen[i], i < 6 || (i >= 10 && i < 13) || i >= 20);
  close_bench(&b);
}

/* ---- late responses ---- */

static void late_responses(void **state) {
  (void)state;
  bench b = open_bench(small_options(), 5);
  uint64_t first = decide(b.e, 1, 10, 0), second = decide(b.e, 1, 11, 0);
  respond(&b, first, 2, 3);
  keep(&b);
  respond(&b, first, 1, 2); /* a sum, and a maximum that stays */
  const int64_t place = row_of(b.m, 10);
  assert_true(b.m->response[2 * place] == 3 && b.m->response[2 * place + 1] == 3);
  assert_int_equal(b.e->n.late_feedback, 1);
  respond(&b, second, 5, 5); /* open: not late, although its observation is here */
  assert_int_equal(b.e->n.late_feedback, 1);
  assert_int_equal(prl_replay_find(b.m, second), -1);
  const float wrong[2] = {1, NAN};
  CHECK_FAILS(prl_experience_feedback(b.e, &first, wrong, NULL, NULL, 1, &error), PRL_ENUMERIC, "is nan");
  const uint8_t one[2] = {1, 0};
  CHECK_OK(prl_experience_feedback(b.e, &first, wrong, one, NULL, 1, &error));
  assert_true(b.m->response[2 * place] == 4 && b.m->response[2 * place + 1] == 3);
  decide(b.e, 1, 12, 0);
  keep(&b);
  const int64_t next = row_of(b.m, 11);
  assert_true(b.m->response[2 * next] == 5 && b.m->response[2 * next + 1] == 5);
  for (int i = 13; i < 17; i++) { /* the place of the first one is taken */
    decide(b.e, 1, (float)i, 0);
    keep(&b);
  }
  float before[10];
  memcpy(before, b.m->response, sizeof before);
  respond(&b, first, 100, 100);
  assert_int_equal(b.e->n.late_feedback, 4);
  assert_memory_equal(before, b.m->response, sizeof before);
  close_bench(&b);
}

/* What a response that never came had for a value makes way for the one that comes late. */
static void late_where_none_had_come(void **state) {
  (void)state;
  bench b = open_bench(small_options(), 8);
  uint64_t first = decide(b.e, 1, 10, 0);
  decide(b.e, 1, 11, 0);
  keep(&b);
  const int64_t place = row_of(b.m, 10);
  assert_true(b.m->response[2 * place + 1] == -1); /* missing */
  respond(&b, first, 1, -7);
  assert_true(b.m->response[2 * place] == 1 && b.m->response[2 * place + 1] == -7);
  close_bench(&b);
}

/* ---- drawing ---- */

/* 30 rows among 30 ghosts: χ² with 29 degrees of freedom exceeds 58.3 once in a thousand seeds. */
static void draws_are_uniform(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.rows = 64;
  bench b = open_bench(options, 60);
  for (int i = 0; i < 40; i++) { /* the first ten are gone */
    decide(b.e, 1, (float)i, 0);
    finish(&b, 1, false, -1);
    keep(&b);
  }
  assert_int_equal(b.m->n.rows, 30);
  int count[40] = {0}, draws = 400;
  for (int i = 0; i < draws; i++) {
    prl_replay_draw(b.m, 5, DRAWN, 1, &b.drawn, &b.stretch);
    for (int row = 0; row < DRAWN; row++) count[(int)b.drawn.observation[2 * row]]++;
  }
  const double expected = draws * DRAWN / 30.0;
  double chi = 0;
  for (int i = 10; i < 40; i++) chi += (count[i] - expected) * (count[i] - expected) / expected;
  for (int i = 0; i < 10; i++) assert_int_equal(count[i], 0);
  if (chi > 58.3) fail_msg("chi-square is %g", chi);
  close_bench(&b);
}

static void draws_are_addressed(void **state) {
  (void)state;
  bench b = open_bench(small_options(), 64);
  for (int i = 0; i < 30; i++) {
    decide(b.e, 1, (float)i, 0);
    keep(&b);
  }
  float one[2 * DRAWN];
  prl_replay_draw(b.m, 5, DRAWN, 1, &b.drawn, &b.stretch);
  memcpy(one, b.drawn.observation, sizeof one);
  prl_replay_draw(b.m, 5, DRAWN, 1, &b.drawn, &b.stretch);
  assert_memory_not_equal(one, b.drawn.observation, sizeof one); /* the next draw */
  b.m->n.draws = 0;
  prl_replay_draw(b.m, 5, DRAWN, 1, &b.drawn, &b.stretch);
  assert_memory_equal(one, b.drawn.observation, sizeof one);
  b.m->n.draws = 0;
  prl_replay_draw(b.m, 6, DRAWN, 1, &b.drawn, &b.stretch);
  assert_memory_not_equal(one, b.drawn.observation, sizeof one); /* another seed */
  close_bench(&b);
}

/* ---- saving ---- */

static void what_is_damaged_is_refused(void **state) {
  (void)state;
  bench b = open_bench(small_options(), 12);
  for (int i = 0; i < 9; i++) {
    decide(b.e, 1 + (uint64_t)(i % 2), (float)i, 0);
    keep(&b);
  }
  finish(&b, 1, false, 50);
  finish(&b, 2, true, 60);
  decide(b.e, 3, 70, 0);
  decide(b.e, 3, 71, 0);
  keep(&b);
  prl_replay *m = b.m;
  assert_true(prl_replay_restore(m, b.e));
  int64_t *counts[] = {&m->n.head, &m->n.filled, &m->n.rows, &m->n.added, &m->n.fresh, &m->n.draws};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    for (int wrong = 0; wrong < 2; wrong++) {
      const int64_t kept = *counts[i];
      *counts[i] = wrong ? INT64_MAX : -1;
      assert_false(prl_replay_restore(m, b.e));
      *counts[i] = kept;
    }
  const int64_t first = row_of(m, 70);
  int32_t *numbers[] = {&m->next[first], &m->stream[first], &m->kind[first]};
  const int32_t wrong[] = {-2, -1, (int32_t)first, 1000, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
      const int32_t kept = *numbers[i];
      if (wrong[k] == kept || (i == 1 && wrong[k] == (int32_t)first && first < 4)) continue;
      *numbers[i] = wrong[k];
      if (prl_replay_restore(m, b.e)) fail_msg("number %d as %d is taken", (int)i, (int)wrong[k]);
      *numbers[i] = kept;
    }
  m->version[first] = -1;
  assert_false(prl_replay_restore(m, b.e));
  m->version[first] = 0;
  const int32_t objectives[] = {-1, 1, INT32_MAX}; /* it was never changed */
  for (size_t k = 0; k < sizeof objectives / sizeof *objectives; k++) {
    m->objective[first] = objectives[k];
    assert_false(prl_replay_restore(m, b.e));
  }
  m->objective[first] = 0;
  const uint64_t kept = m->decision[first], ids[] = {0, kept + 1000, kept + ((uint64_t)1 << 32), UINT64_MAX};
  for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
    m->decision[first] = ids[k];
    if (prl_replay_restore(m, b.e)) fail_msg("decision %llu is taken", (unsigned long long)ids[k]);
  }
  m->decision[first] = m->decision[row_of(m, 4)]; /* of two rows */
  assert_false(prl_replay_restore(m, b.e));
  m->decision[first] = kept;
  assert_true(prl_replay_restore(m, b.e));
  close_bench(&b);
}

/* Its blocks, copied into another one, are the same memory: rows are found, ghosts wait. */
static void blocks_are_all_of_it(void **state) {
  (void)state;
  bench b = open_bench(small_options(), 12);
  uint64_t late = 0;
  for (int i = 0; i < 20; i++) {
    late = decide(b.e, 1, (float)i, 0);
    keep(&b);
  }
  prl_replay *other;
  CHECK_OK(prl_replay_new(runtime, &b.e->options, 12, &other, &error));
  prl_blocks from, to;
  prl_blocks_init(&from, runtime);
  prl_blocks_init(&to, runtime);
  CHECK_OK(prl_replay_blocks(b.m, &from, &error));
  CHECK_OK(prl_replay_blocks(other, &to, &error));
  for (int i = 0; i < from.count; i++) {
    const size_t bytes = (size_t)prl_block_count(&from.items[i]) * prl_dtype_size(from.items[i].dtype);
    memcpy(to.items[i].data, from.items[i].data, bytes);
  }
  assert_true(prl_replay_restore(other, b.e));
  decide(b.e, 1, 20, 0);
  prl_experience_freeze(b.e, &b.frozen);
  prl_replay_add(b.m, &b.frozen);
  prl_replay_add(other, &b.frozen);
  for (int i = 0; i < from.count; i++) {
    const size_t bytes = (size_t)prl_block_count(&from.items[i]) * prl_dtype_size(from.items[i].dtype);
    assert_memory_equal(from.items[i].data, to.items[i].data, bytes);
  }
  assert_int_equal(prl_replay_find(other, late), row_of(other, 19));
  assert_true(next_mark(other, 19) == 20);
  prl_blocks_deinit(&from);
  prl_blocks_deinit(&to);
  prl_replay_free(other);
  close_bench(&b);
}

/* ---- memory ---- */

static prl_status make_one(prl_runtime *of, void *context, prl_error *why) {
  prl_experience_options options = small_options();
  options.kept = true;
  prl_replay *m;
  prl_batch batch;
  prl_status status = prl_replay_new(of, &options, 32, &m, why);
  if (status) return status;
  prl_replay_free(m);
  status = prl_batch_init(&batch, of, 8, &options, why);
  if (!status) prl_batch_deinit(&batch, of);
  return status;
}

static void allocation_failures(void **state) {
  (void)state;
  assert_true(fail_each_allocation(make_one, NULL) > 20);
}

static void takes_what_it_says(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  prl_replay *m;
  const int64_t before = prl_runtime_memory(runtime).live_bytes;
  CHECK_OK(prl_replay_new(runtime, &options, 1000, &m, &error));
  const int64_t taken = prl_runtime_memory(runtime).live_bytes - before - (int64_t)sizeof *m;
  assert_int_equal(taken, prl_replay_bytes(&options, 1000));
  prl_replay_free(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_observation_once),
                                     cmocka_unit_test(rows_are_whole),
                                     cmocka_unit_test(cut_rows),
                                     cmocka_unit_test(slots_that_come_again),
                                     cmocka_unit_test(ends_that_are_told_late),
                                     cmocka_unit_test(the_smallest_ring),
                                     cmocka_unit_test(a_slow_stream),
                                     cmocka_unit_test(stretches),
                                     cmocka_unit_test(late_responses),
                                     cmocka_unit_test(late_where_none_had_come),
                                     cmocka_unit_test(draws_are_uniform),
                                     cmocka_unit_test(draws_are_addressed),
                                     cmocka_unit_test(what_is_damaged_is_refused),
                                     cmocka_unit_test(blocks_are_all_of_it),
                                     cmocka_unit_test(allocation_failures),
                                     cmocka_unit_test(takes_what_it_says)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
