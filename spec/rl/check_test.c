/* An experience that is damaged: rl/check.c tells by name what does not hold. */
#include "rl/experience_support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Streams that run, wait, are idle and have event ids: every list has something in it. */
static prl_experience *busy_experience(void) {
  prl_experience_options options = small_options();
  options.wait_us = 10;
  options.idle_us = 100;
  prl_experience *e = open_experience(options);
  const float responses[2] = {1, 2};
  for (uint64_t stream = 1; stream <= 3; stream++) {
    uint64_t decision = decide(e, stream, 1, 0);
    CHECK_OK(prl_experience_feedback(e, &decision, responses, NULL, &stream, 1, &error));
    decide(e, stream, 2, 0);
  }
  CHECK_OK(prl_experience_finish(e, 3, true, NULL, &error));
  CHECK_OK(prl_experience_time(e, 10, &error));
  decide(e, 1, 3, 0);
  prl_batch b;
  CHECK_OK(prl_batch_init(&b, runtime, 2, &e->options, &error));
  prl_experience_freeze(e, &b); /* some places are free */
  prl_batch_deinit(&b, runtime);
  assert_true(e->n.free_count > 0 && e->n.wait_head >= 0 && e->n.idle_head >= 0);
  return e;
}

static void break_at(prl_experience *e, int which) {
  int32_t *first = &e->streams[e->slot[0]].first;
  switch (which) {
  case 0:
    e->n.live++;
    break;
  case 1:
    e->n.closed++;
    break;
  case 2:
    e->rows[*first].elapsed = -1;
    break;
  case 3:
    e->streams[0].used = 0;
    break;
  case 4:
    e->n.free_count--;
    break;
  case 5:
    e->free[e->n.free_head] = *first;
    break;
  case 6:
    e->rows[*first].stream++;
    break;
  case 7:
    e->streams[0].last = -1;
    break;
  case 8:
    e->n.wait_tail = e->n.wait_head = -1;
    break;
  case 9:
    e->rows[e->n.wait_head].wait_next = (int32_t)e->n.wait_head;
    break;
  case 10:
    e->n.idle_head = e->streams[e->n.idle_head].newer;
    break;
  case 11:
    e->streams[e->n.idle_head].newer = -1;
    break;
  case 12:
    e->n.event_head = -1;
    break;
  case 13:
    e->streams[0].key ^= 64;
    break;
  case 14:
    e->rows[*first].time = e->n.now + 1; /* what follows it would have come before it */
    break;
  }
}

/* Each thing that may break is seen, and told by name. */
static void what_is_broken_is_told(void **state) {
  (void)state;
  static const char *const told[] = {"the list of a stream",
                                     "the list of a stream",
                                     "a row",
                                     "the slots of streams",
                                     "the list of a stream",
                                     "the ring of free places",
                                     "the list of a stream",
                                     "the list of a stream",
                                     "the list of rows that wait",
                                     "the list of rows that wait",
                                     "the list of open streams",
                                     "the list of open streams",
                                     "the event ids",
                                     "the table of streams",
                                     "a row"};
  for (int i = 0; i < (int)(sizeof told / sizeof *told); i++) {
    prl_experience *e = busy_experience();
    assert_null(prl_experience_broken(e));
    break_at(e, i);
    const char *broken = prl_experience_broken(e);
    if (!broken || strcmp(broken, told[i]))
      fail_msg("break %d is told as %s", i, broken ? broken : "nothing");
    prl_experience_free(e);
  }
}

/* A debug build looks for itself: the change after which something is broken ends the process. */
static void debug_builds_look(void **state) {
  (void)state;
#ifdef NDEBUG
  skip();
#else
  prl_experience *e = busy_experience();
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    (void)!freopen("/dev/null", "w", stderr);
    e->n.wait_tail = -1;
    (void)prl_experience_time(e, e->n.now, NULL);
    _exit(0);
  }
  int ended = 0;
  assert_int_equal(waitpid(child, &ended, 0), child);
  assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT);
  prl_experience_free(e);
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_broken_is_told),
                                     cmocka_unit_test(debug_builds_look)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
