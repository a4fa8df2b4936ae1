#include "rl/experience_support.h"
#include "support/failing_alloc.h"

#include <math.h>

static void respond(prl_experience *e, uint64_t decision, float a, float b) {
  float responses[2] = {a, b};
  CHECK_OK(prl_experience_feedback(e, &decision, responses, NULL, NULL, 1, &error));
}

static void observe(prl_experience *e, uint64_t stream, float mark) {
  float observation[2] = {mark, (float)stream};
  CHECK_OK(prl_experience_observe(e, &stream, observation, 1, &error));
}

static void check_books(const prl_experience *e) {
  const char *broken = prl_experience_broken(e);
  if (broken) fail_msg("%s of the experience does not hold", broken);
}

static void in_order_of_stream_and_step(void **state) {
  (void)state;
  prl_experience *e = open_experience(small_options());
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 8, &e->options, &error));
  uint64_t first = decide(e, 30, 1, 0);
  decide(e, 20, 2, 0);
  decide(e, 30, 3, 0);
  decide(e, 20, 4, 0);
  decide(e, 30, 5, 0);
  assert_int_equal(e->n.closed, 3);
  respond(e, first, 2.5f, 4);
  check_books(e);
  prl_experience_freeze(e, &b);
  check_books(e);
  assert_int_equal(b.rows, 3);
  assert_int_equal(b.bootstraps, 2);
  const float marks[] = {2, 1, 3, 4,
                         5}; /* stream 20, stream 30, then the two successors that are not frozen */
  for (int i = 0; i < 5; i++) assert_true(b.observation[2 * i] == marks[i]);
  assert_int_equal(b.successor[0], 3);
  assert_int_equal(b.successor[1], 2);
  assert_int_equal(b.successor[2], 4);
  assert_true(b.response[2] == 2.5f && b.response[3] == 4);
  assert_true(b.response[0] == 0 && b.response[1] == -1); /* what is missing */
  assert_true(b.action[1] == 0.1f && b.log_prob[1] == -1);
  /* Feedback for what was frozen is late; the open rows still take theirs. */
  respond(e, first, 1, 1);
  assert_int_equal(e->n.late_feedback, 1);
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

static void at(prl_experience *e, int64_t seconds) {
  CHECK_OK(prl_experience_time(e, seconds * 1000000, &error));
}

/* A step lasts until what follows it is known: the last observation before the next decision or the end. */
static void steps_take_time(void **state) {
  (void)state;
  prl_experience *e = open_experience(small_options());
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 8, &e->options, &error));
  at(e, 10);
  decide(e, 1, 10, 0);
  at(e, 13);
  decide(e, 1, 11, 0); /* 3 s later */
  at(e, 20);
  observe(e, 1, 12); /* 7 s later, but then a newer one, */
  at(e, 25);
  observe(e, 1, 12);
  at(e, 26);
  decide(e, 1, 12, 0); /* and the decision: 13 s */
  decide(e, 1, 13, 0); /* at once: 0 s */
  uint64_t own = decide(e, 1, 14, 0);
  const int64_t minute = 60000000, back = -5;
  prl_experience_elapsed(e, &own, &minute, 1); /* on its own clock */
  at(e, 27);
  observe(e, 1, 15);
  at(e, 31);
  own = decide(e, 1, 15, 0);
  prl_experience_elapsed(e, &own, &back, 1); /* a clock that goes back: 0 s */
  uint64_t none[2] = {0, own + (UINT64_C(7) << 32)};
  prl_experience_elapsed(e, none, (int64_t[]){9, 9}, 2); /* decisions that are not there */
  at(e, 40);
  decide(e, 1, 16, 0);
  at(e, 42);
  float final[2] = {17, 1};
  CHECK_OK(prl_experience_finish(e, 1, false, final, &error)); /* truncated 2 s later */
  prl_experience_freeze(e, &b);
  const float elapsed[] = {3, 13, 0, 0, 60, 0, 2};
  assert_int_equal(b.rows, 7);
  for (int i = 0; i < 7; i++) assert_true(b.elapsed[i] == elapsed[i]);
  check_books(e);
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

static void ends_of_episodes(void **state) {
  (void)state;
  prl_experience *e = open_experience(small_options());
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 8, &e->options, &error));
  decide(e, 1, 10, 0);
  decide(e, 1, 11, 0);
  CHECK_OK(prl_experience_finish(e, 1, true, NULL, &error));
  decide(e, 1, 12, 0);
  observe(e, 1, 90); /* known first, then the episode is cut there */
  float final[2] = {91, 1};
  CHECK_OK(prl_experience_finish(e, 1, false, final, &error));
  decide(e, 1, 13, 0);
  CHECK_OK(prl_experience_finish(e, 1, false, NULL, &error)); /* bootstraps from the observation acted on */
  decide(e, 1, 14, 0);
  observe(e, 1, 15);
  assert_int_equal(e->n.closed, 5);
  check_books(e);
  prl_experience_freeze(e, &b);
  check_books(e);
  assert_int_equal(b.rows, 5);
  const int32_t successor[] = {1, -1, 5, 6, 7};
  const uint8_t end[] = {PRL_END_NONE, PRL_END_TERMINATED, PRL_END_TRUNCATED, PRL_END_TRUNCATED,
                         PRL_END_NONE};
  const uint32_t step[] = {0, 1, 0, 0, 0};
  for (int i = 0; i < 5; i++) {
    assert_int_equal(b.successor[i], successor[i]);
    assert_int_equal(b.end[i], end[i]);
    assert_int_equal(b.step[i], step[i]);
  }
  assert_true(b.observation[10] == 91 && b.observation[12] == 13 && b.observation[14] == 15);
  /* The observed state becomes the next row, and its place is used for it. */
  uint64_t decision = decide(e, 1, 15, 0);
  assert_int_equal(e->n.live, 1);
  assert_true(decision != 0);
  CHECK_OK(prl_experience_finish(e, 1, true, NULL, &error));
  CHECK_FAILS(prl_experience_finish(e, 1, true, NULL, &error), PRL_ENAME, "no open episode");
  CHECK_FAILS(prl_experience_finish(e, 77, true, NULL, &error), PRL_ENAME, "77");
  prl_experience_freeze(e, &b);
  assert_int_equal(b.rows, 1);
  assert_int_equal(b.successor[0], -1);
  check_books(e);
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

/* Steps close with their episode, in whatever way it ends, and when the waits of its last one have passed. */
static void whole_episodes(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.whole = true;
  options.wait_us = 2000000;
  prl_experience *e = open_experience(options);
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 8, &e->options, &error));
  at(e, 1);
  decide(e, 1, 10, 0);
  decide(e, 2, 20, 0);
  at(e, 4);
  decide(e, 1, 11, 1);
  decide(e, 2, 21, 1);
  observe(e, 1, 12); /* what follows is known before the end is */
  at(e, 8);
  assert_int_equal(e->n.closed, 0);
  float final[2] = {13, 1};
  CHECK_OK(prl_experience_finish(e, 1, false, final, &error));
  assert_int_equal(e->n.closed, 2);
  decide(e, 1, 14, 1);
  CHECK_OK(prl_experience_finish(e, 1, true, NULL, &error));
  decide(e, 1, 15, 1);
  CHECK_OK(prl_experience_finish(e, 1, true, NULL, &error));
  assert_int_equal(e->n.closed, 2); /* these wait until 10 s */
  check_books(e);
  at(e, 10);
  assert_int_equal(e->n.closed, 4);
  decide(e, 1, 16, 1);
  check_books(e);
  prl_experience_freeze(e, &b);
  check_books(e);
  assert_int_equal(b.rows, 4);
  assert_int_equal(b.bootstraps, 1);
  const int32_t successor[] = {1, 4, -1, -1};
  const float marks[] = {10, 11, 14, 15, 13};
  for (int i = 0; i < 4; i++) assert_int_equal(b.successor[i], successor[i]);
  for (int i = 0; i < 5; i++) assert_true(b.observation[2 * i] == marks[i]);
  /* Where older steps are not learned from, the rest of their episode is. */
  prl_experience_version(e, 1);
  CHECK_OK(prl_experience_finish(e, 2, true, NULL, &error));
  assert_int_equal(e->n.stale_steps, 1);
  assert_int_equal(e->n.closed, 1);
  check_books(e);
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

static void feedback_in_every_order(void **state) {
  (void)state;
  prl_experience *e = open_experience(small_options());
  uint64_t a = decide(e, 1, 1, 0), b = decide(e, 2, 2, 0);
  uint64_t decisions[] = {b, a, 0, a};
  float responses[] = {1, 5, 2, -7, 8, 8, 3, -9};
  uint8_t present[] = {1, 0, 1, 1, 1, 1, 1, 1};
  CHECK_OK(prl_experience_feedback(e, decisions, responses, present, NULL, 4, &error));
  float *of_a = e->response + 2 * ((uint32_t)a - 1), *of_b = e->response + 2 * ((uint32_t)b - 1);
  assert_true(of_a[0] == 5 && of_a[1] == -7); /* the maximum of what came, not of the missing value */
  assert_true(of_b[0] == 1 && of_b[1] == -1);
  /* The same event twice counts once; another one counts. */
  uint64_t events[] = {11, 11, 12, 0}, again[] = {a, a, a, a};
  float ones[] = {1, 0, 1, 0, 1, 0, 1, 0};
  CHECK_OK(prl_experience_feedback(e, again, ones, NULL, events, 4, &error));
  assert_true(of_a[0] == 8 && of_a[1] == 0);
  assert_int_equal(e->n.duplicate_feedback, 1);
  /* A bad row is told, the others apply. */
  uint64_t mixed[] = {a, 12345678901234u, b};
  float more[] = {NAN, 0, 1, 1, 4, 4};
  CHECK_FAILS(prl_experience_feedback(e, mixed, more, NULL, NULL, 3, &error), PRL_ENUMERIC, "response 1");
  assert_true(of_a[0] == 8 && of_b[0] == 5 && of_b[1] == 4);
  CHECK_FAILS(prl_experience_feedback(e, mixed + 1, more + 2, NULL, NULL, 2, &error), PRL_ENAME,
              "12345678901234");
  /* Event ids have a capacity. */
  for (uint64_t id = 20; id < 22; id++) CHECK_OK(prl_experience_feedback(e, &b, ones, NULL, &id, 1, &error));
  uint64_t id = 22;
  CHECK_FAILS(prl_experience_feedback(e, &b, ones, NULL, &id, 1, &error), PRL_ELIMIT, "capacity.events is 4");
  prl_experience_free(e);
}

/* Files of earlier versions say the order of event ids that were never used. */
static void event_ids_in_the_order_of_a_file(void **state) {
  (void)state;
  prl_experience *e = open_experience(small_options());
  const int32_t order[4] = {2, -1, 3, 1};
  for (int i = 0; i < 4; i++) e->events[i].next = order[i];
  float ones[] = {1, 0};
  uint64_t a = decide(e, 1, 1, 0);
  for (uint64_t id = 20; id < 25; id++) {
    assert_null(prl_experience_broken(e));
    prl_status status = prl_experience_feedback(e, &a, ones, NULL, &id, 1, &error);
    assert_int_equal(status, id < 24 ? PRL_OK : PRL_ELIMIT);
  }
  prl_experience_free(e);
}

static void last_and_first(void **state) {
  (void)state;
  static const prl_response_rule rules[] = {{0, PRL_COMBINE_LAST}, {0, PRL_COMBINE_FIRST}};
  prl_experience_options options = small_options();
  options.rules = rules;
  prl_experience *e = open_experience(options);
  uint64_t a = decide(e, 1, 1, 0);
  respond(e, a, 1, 1);
  respond(e, a, 2, 2);
  float *of_a = e->response + 2 * ((uint32_t)a - 1);
  assert_true(of_a[0] == 2 && of_a[1] == 1);
  prl_experience_free(e);
}

static void feedback_after_its_place_was_taken_again(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.rows = 1;
  options.streams = 1;
  prl_experience *e = open_experience(options);
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 1, &e->options, &error));
  uint64_t first = decide(e, 1, 1, 0);
  for (int i = 0; i < 4; i++) {
    CHECK_OK(prl_experience_finish(e, 1, true, NULL, &error));
    prl_experience_freeze(e, &b);
    assert_int_equal(b.rows, 1);
    assert_true(decide(e, 1, 2, 0) != 0);
  }
  int32_t place = (int32_t)(uint32_t)first - 1;
  assert_true(e->rows[place].generation > first >> 32 && e->rows[place].kind == PRL_ROW_REAL);
  float before = e->response[2 * place];
  respond(e, first, 1, 1);
  assert_int_equal(e->n.late_feedback, 1);
  assert_true(e->response[2 * place] == before); /* not given to the decision that is there now */
  uint64_t coming = first + (UINT64_C(1000) << 32);
  float responses[2] = {1, 1};
  CHECK_FAILS(prl_experience_feedback(e, &coming, responses, NULL, NULL, 1, &error), PRL_ENAME, "unknown");
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

static void finish_all(void **state) {
  (void)state;
  prl_experience *e = open_experience(small_options());
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 8, &e->options, &error));
  assert_int_equal(prl_experience_finish_all(e, false), 0);
  for (uint64_t stream = 1; stream <= 4; stream++) decide(e, stream, (float)stream, 0);
  observe(e, 3, 33);
  assert_int_equal(decide(e, 5, 1, 0), 0); /* no place */
  CHECK_OK(prl_experience_finish(e, 2, true, NULL, &error));
  assert_int_equal(prl_experience_finish_all(e, false), 3);
  assert_int_equal(prl_experience_finish_all(e, false), 0);
  assert_int_equal(e->n.closed, 4);
  prl_experience_freeze(e, &b);
  const uint8_t end[] = {PRL_END_TRUNCATED, PRL_END_TERMINATED, PRL_END_TRUNCATED, PRL_END_TRUNCATED};
  const float last[] = {1, 0, 33, 4}; /* what is bootstrapped from */
  for (int i = 0; i < 4; i++) {
    assert_int_equal(b.end[i], end[i]);
    if (b.successor[i] >= 0) assert_true(b.observation[2 * b.successor[i]] == last[i]);
  }
  for (uint64_t stream = 5; stream <= 8; stream++) assert_true(decide(e, stream, 1, 0) != 0);
  assert_int_equal(prl_experience_finish_all(e, true), 4);
  prl_experience_freeze(e, &b);
  for (int i = 0; i < 4; i++) assert_int_equal(b.end[i], PRL_END_TERMINATED);
  check_books(e);
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

static void alive_streams_are_not_idle(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.idle_us = 10;
  prl_experience *e = open_experience(options);
  decide(e, 1, 1, 0);
  decide(e, 2, 1, 0);
  uint64_t alive[] = {2, 77};
  prl_experience_alive(e, alive, 2, 1000);
  CHECK_OK(prl_experience_time(e, 1000, &error));
  assert_int_equal(e->n.idle_streams, 1);
  assert_true(!e->streams[prl_streams_find(e, 1)].open && e->streams[prl_streams_find(e, 2)].open);
  assert_int_equal(prl_streams_find(e, 77), -1);
  CHECK_OK(prl_experience_time(e, 1010, &error)); /* on its own again */
  assert_int_equal(e->n.idle_streams, 2);
  check_books(e);
  prl_experience_free(e);
}

static void full_pool_and_streams(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.rows = 3;
  options.streams = 2;
  prl_experience *e = open_experience(options);
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 3, &e->options, &error));
  for (int i = 0; i < 3; i++) assert_true(decide(e, 1, (float)i, 0) != 0);
  assert_int_equal(decide(e, 1, 3, 0), 0); /* no row: the open one closes with this observation */
  assert_int_equal(decide(e, 1, 4, 0), 0);
  assert_int_equal(e->n.closed, 3);
  assert_int_equal(e->n.dropped_steps, 2);
  assert_int_equal(decide(e, 2, 9, 0), 0);
  assert_int_equal(decide(e, 3, 9, 0), 0); /* no stream either */
  check_books(e);
  prl_experience_freeze(e, &b);
  assert_int_equal(b.rows, 3);
  assert_int_equal(b.end[2], PRL_END_CUT);
  assert_true(b.observation[2 * b.successor[2]] == 3);
  assert_true(decide(e, 1, 5, 0) != 0);
  assert_int_equal(e->rows[e->streams[0].row].step, 5);
  /* A stream between episodes with nothing left to learn is forgotten for a new one; the noise of a stream
   * that comes again is not the same. */
  CHECK_OK(prl_experience_finish(e, 2, true, NULL, &error));
  assert_true(decide(e, 3, 1, 0) != 0);
  assert_int_equal(e->n.forgotten, 1);
  CHECK_OK(prl_experience_finish(e, 3, true, NULL, &error));
  prl_experience_freeze(e, &b);
  assert_true(decide(e, 2, 1, 0) != 0);
  assert_true(e->streams[prl_streams_find(e, 2)].episode > 0);
  assert_int_equal(prl_streams_find(e, 3), -1);
  check_books(e);
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

/* Streams between episodes give their places to others before their rows are learned from; the rows are
 * learned from as they were, and feedback finds them. */
static void places_with_rows_that_wait(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.streams = 2;
  prl_experience *e = open_experience(options);
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 8, &e->options, &error));
  uint64_t old = decide(e, 1, 1, 0);
  decide(e, 1, 2, 0);
  CHECK_OK(prl_experience_finish(e, 1, false, NULL, &error));
  decide(e, 2, 3, 0);
  assert_true(decide(e, 7, 4, 0) != 0); /* in the place of 1 */
  assert_int_equal(prl_streams_find(e, 1), -1);
  assert_int_equal(decide(e, 8, 5, 0), 0); /* both are open */
  respond(e, old, 9, 9);
  assert_true(decide(e, 7, 6, 0) != 0);
  CHECK_OK(prl_experience_finish(e, 7, true, NULL, &error));
  check_books(e);
  prl_experience_freeze(e, &b);
  const float mark[] = {1, 2, 4, 6};
  const int32_t successor[] = {1, 4, 3, -1};
  const uint32_t step[] = {0, 1, 0, 1};
  assert_int_equal(b.rows, 4);
  for (int i = 0; i < 4; i++) {
    assert_true(b.observation[2 * i] == mark[i]);
    assert_int_equal(b.successor[i], successor[i]);
    assert_int_equal(b.step[i], step[i]);
  }
  assert_true(b.response[0] == 9 && b.observation[8] == 2);
  /* A stream of many episodes that was forgotten does not draw the noise of one of them again. */
  for (int i = 0; i < 5; i++) {
    assert_true(decide(e, 7, 1, 0) != 0);
    CHECK_OK(prl_experience_finish(e, 7, true, NULL, &error));
    prl_experience_freeze(e, &b);
  }
  uint32_t episodes = e->streams[prl_streams_find(e, 7)].episode;
  assert_true(decide(e, 9, 1, 0) != 0 && prl_streams_find(e, 7) < 0);
  CHECK_OK(prl_experience_finish(e, 9, true, NULL, &error));
  assert_true(decide(e, 7, 1, 0) != 0);
  assert_true(e->streams[prl_streams_find(e, 7)].episode >= episodes);
  check_books(e);
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

static void a_stream_once_a_call(void **state) {
  (void)state;
  prl_experience *e = open_experience(small_options());
  uint64_t streams[] = {5, 6, 5};
  CHECK_FAILS(prl_experience_enter(e, streams, 3, &error), PRL_EINVAL, "stream 5 appears twice");
  CHECK_OK(prl_experience_enter(e, streams, 2, &error));
  streams[0] = 6, streams[1] = 5; /* the guess by place is wrong now */
  CHECK_OK(prl_experience_enter(e, streams, 2, &error));
  assert_int_equal(e->streams[e->slot[0]].key, 6);
  prl_experience_free(e);
}

static void waits_and_idle_streams(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.wait_us = 100;
  options.idle_us = 250;
  prl_experience *e = open_experience(options);
  decide(e, 1, 1, 0);
  CHECK_OK(prl_experience_time(e, 50, &error));
  decide(e, 1, 2, 0);
  decide(e, 2, 3, 0);
  assert_int_equal(e->n.closed, 0);
  CHECK_OK(prl_experience_time(e, 100, &error));
  assert_int_equal(e->n.closed, 1);
  CHECK_OK(prl_experience_time(e, 150, &error));
  assert_int_equal(e->n.closed, 1); /* waited, but nothing has followed */
  decide(e, 2, 4, 0);
  assert_int_equal(e->n.closed, 2);
  CHECK_OK(prl_experience_time(e, 300, &error));
  assert_int_equal(e->n.idle_streams, 1); /* stream 1, last seen at 50 */
  assert_int_equal(e->n.closed, 3);
  CHECK_OK(prl_experience_time(e, 400, &error));
  assert_int_equal(e->n.idle_streams, 2);
  assert_int_equal(e->n.closed, 4);
  CHECK_FAILS(prl_experience_time(e, 399, &error), PRL_EINVAL, "backwards");
  check_books(e);
  prl_experience_free(e);
}

static void stale_rows(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  prl_experience *e = open_experience(options);
  decide(e, 1, 1, 0);
  decide(e, 1, 2, 0);
  decide(e, 2, 3, 0);
  prl_experience_version(e, 1);
  assert_int_equal(e->n.closed, 0);
  assert_int_equal(e->n.stale_steps, 1);
  decide(e, 1, 4, 1); /* closes a stale row, which goes at once */
  observe(e, 2, 5);
  assert_int_equal(e->n.stale_steps, 3);
  assert_int_equal(e->n.live, 1);
  check_books(e);
  decide(e, 2, 5, 1);
  CHECK_OK(prl_experience_finish(e, 2, false, NULL, &error));
  assert_int_equal(e->n.closed, 1);
  check_books(e);
  prl_experience_free(e);
}

static void oldest_first(void **state) {
  (void)state;
  prl_experience *e = open_experience(small_options());
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 3, &e->options, &error));
  for (int i = 0; i < 4; i++) {
    decide(e, 2, (float)(10 * i), 0);
    decide(e, 1, (float)(10 * i + 1), 0);
  }
  prl_experience_freeze(e, &b);
  assert_int_equal(b.rows, 3);
  const float marks[] = {1, 0, 10, 11, 20};
  for (int i = 0; i < 5; i++) assert_true(b.observation[2 * i] == marks[i]);
  check_books(e);
  prl_experience_freeze(e, &b);
  assert_int_equal(b.rows, 3);
  assert_true(b.observation[0] == 11 && b.observation[4] == 20);
  check_books(e);
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

/* A long random life keeps its books, and never asks for memory. */
static void random_life(void **state) {
  (void)state;
  prl_experience_options options = small_options();
  options.wait_us = 3;
  options.idle_us = 40;
  prl_experience *e = open_experience(options);
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 5, &e->options, &error));
  int64_t before = prl_runtime_memory(runtime).allocations;
  uint32_t word = 1;
  uint64_t version = 0, recent[8] = {0};
  for (int i = 0; i < 20000; i++) {
    word = word * 1664525u + 1013904223u;
    uint64_t stream = (word >> 8) % 7;
    int what = (int)((word >> 16) % 16);
    float responses[2] = {1, 2}, observation[2] = {0, 0};
    if (what < 7)
      recent[i % 8] = decide(e, stream, 1, version);
    else if (what < 9)
      (void)prl_experience_observe(e, &stream, observation, 1, NULL);
    else if (what < 11)
      (void)prl_experience_finish(e, stream, what == 9, NULL, NULL);
    else if (what < 13)
      (void)prl_experience_feedback(e, &recent[word % 8], responses, NULL, &stream, 1, NULL);
    else if (what < 14)
      CHECK_OK(prl_experience_time(e, e->n.now + (int64_t)(word % 5), &error));
    else if (what < 15)
      prl_experience_freeze(e, &b);
    else if (i % 3 == 0)
      prl_experience_version(e, ++version);
    check_books(e);
  }
  assert_int_equal(prl_runtime_memory(runtime).allocations, before);
  prl_batch_deinit(&b, runtime);
  prl_experience_free(e);
}

static void options_out_of_bounds(void **state) {
  (void)state;
  prl_experience *e = NULL;
  prl_experience_options options = small_options();
  options.streams = 0;
  CHECK_FAILS(prl_experience_new(runtime, &options, &e, &error), PRL_EINVAL,
              "capacity.streams is 0; it must be from 1 to 268435456");
  options = small_options();
  options.events = (INT64_C(1) << 28) + 1;
  CHECK_FAILS(prl_experience_new(runtime, &options, &e, &error), PRL_EINVAL,
              "capacity.events is 268435457; it must be from 0 to 268435456");
  options = small_options();
  options.idle_us = PRL_COUNT_MOST + 1;
  CHECK_FAILS(prl_experience_new(runtime, &options, &e, &error), PRL_EINVAL,
              "capacity.idle_us is 1152921504606846977; it must be from 0 to 1152921504606846976");
  assert_null(e);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(in_order_of_stream_and_step),
                                     cmocka_unit_test(steps_take_time),
                                     cmocka_unit_test(whole_episodes),
                                     cmocka_unit_test(ends_of_episodes),
                                     cmocka_unit_test(feedback_in_every_order),
                                     cmocka_unit_test(event_ids_in_the_order_of_a_file),
                                     cmocka_unit_test(last_and_first),
                                     cmocka_unit_test(feedback_after_its_place_was_taken_again),
                                     cmocka_unit_test(finish_all),
                                     cmocka_unit_test(places_with_rows_that_wait),
                                     cmocka_unit_test(alive_streams_are_not_idle),
                                     cmocka_unit_test(full_pool_and_streams),
                                     cmocka_unit_test(a_stream_once_a_call),
                                     cmocka_unit_test(waits_and_idle_streams),
                                     cmocka_unit_test(stale_rows),
                                     cmocka_unit_test(oldest_first),
                                     cmocka_unit_test(random_life),
                                     cmocka_unit_test(options_out_of_bounds)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
