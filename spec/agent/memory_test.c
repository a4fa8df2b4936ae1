/* The replay memory of an agent: rewards of what is drawn, how often it is drawn, swaps, warm-ups, plans that
 * are wrong. */
#include "support/runtime.h"
#include "support/scratch.h"

#include <math.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "agent/toy_plan.h"
#include "agent/verbs/verb.h"

#define COLLECT "[{\"verb\":\"collect\",\"rows\":8},"
#define REMEMBER(rows) "{\"verb\":\"remember\",\"rows\":" #rows "},"
#define SAMPLE(size) "{\"verb\":\"sample\",\"size\":" #size ",\"steps\":3}"
#define UPDATES(ratio, start, body)                                                                          \
  "{\"verb\":\"updates\",\"ratio\":" #ratio ",\"start\":" #start ",\"body\":[" body "]},"
#define PUBLISH "{\"verb\":\"publish\"}]"

static prl_error error;
static char path[64];

static const toy_options options = {.observations = 3,
                                    .actions = 1,
                                    .responses = 2,
                                    .critics = 2,
                                    .capacity = "{\"streams\":4,\"rows\":64,\"act\":3,\"tile\":16}",
                                    .schedule = COLLECT REMEMBER(200) UPDATES(1, 0, SAMPLE(16)) PUBLISH};

/* ---- a host, and what it knows of each step ---- */

enum { MOST = 4000, NOT_YET = -2, TERMINATED = -1 };

typedef struct host {
  prl_agent *agent;
  int marks; /* observations so far; each is (mark, 0, 0) */
  int next[MOST];
  float response[MOST][2];
  double seconds[MOST];
  uint64_t decision[MOST]; /* 0: an observation alone */
  int last[4];             /* the open decision of each stream; −1: none */
  int64_t now_us;
} host;

static void follow(host *h, int stream, int mark) {
  if (h->last[stream] >= 0) h->next[h->last[stream]] = mark;
}

/* One step of a stream; it takes a time of its own. Every 5th or 7th ends the episode. */
static void step(host *h, int stream) {
  const uint64_t key = (uint64_t)stream + 50;
  const int mark = h->marks++;
  const float observation[3] = {(float)mark, 0, 0};
  float action;
  uint64_t decision;
  follow(h, stream, mark);
  CHECK_OK(prl_agent_act(h->agent, &key, NULL, observation, 1, PRL_SAMPLE, &action, &decision, &error));
  h->next[mark] = NOT_YET;
  h->last[stream] = mark;
  h->decision[mark] = decision;
  h->seconds[mark] = 1 + mark % 3;
  for (int i = 0; i < 2; i++) h->response[mark][i] = (float)sin(mark + 2 * i);
  const int64_t elapsed_us = (int64_t)(h->seconds[mark] * 1e6);
  prl_experience_elapsed(h->agent->experience, &decision, &elapsed_us, 1);
  CHECK_OK(prl_agent_feedback(h->agent, &decision, h->response[mark], NULL, NULL, 1, &error));
  if (mark % 5 && mark % 7) return;
  const int end = mark % 5 ? h->marks++ : TERMINATED;
  const float final[3] = {(float)end, 0, 0};
  h->next[mark] = end;
  CHECK_OK(prl_agent_finish(h->agent, key, end < 0 ? PRL_TERMINATED : PRL_TRUNCATED, final, &error));
  h->last[stream] = -1;
  if (end >= 0) h->next[end] = NOT_YET;
}

static void live(host *h, int steps) {
  for (int i = 0; i < steps; i++) {
    step(h, (i * i + i / 3) % 4);
    CHECK_OK(prl_agent_learn(h->agent, 0, NULL, &error));
  }
}

static host *begin(const toy_options *o) {
  static host h;
  h = (host){.agent = toy_agent(runtime, o), .last = {-1, -1, -1, -1}};
  return &h;
}

/* ---- rewards of what is drawn ---- */

/* The sum over up to three steps, in double precision, as the definition says it. */
static void check_row(const host *h, const prl_learner *l, int64_t row, double gamma, int critic,
                      double unit) {
  const prl_critic *c = &l->critics[critic];
  int mark = (int)l->batch.observation[3 * row];
  double sum = 0, ahead = 1;
  for (int k = 0; k < 3 && mark >= 0 && prl_replay_find(l->memory, h->decision[mark]) >= 0; k++) {
    sum += ahead * (double)h->response[mark][critic];
    ahead *= unit > 0 ? pow(gamma, h->seconds[mark] / unit) : gamma;
    mark = h->next[mark];
  }
  const int32_t after = l->batch.successor[row];
  assert_int_equal(mark, after < 0 ? TERMINATED : (int)l->batch.observation[3 * after]);
  assert_true(fabs((double)c->reward[row] - sum / 4) < 1e-6);
  assert_true(fabs((double)c->bootstrap[row] - (mark < 0 ? 0 : ahead)) < 1e-6);
}

/* Each critic with its own discount, by step and by time, over three steps; scaled by 4. */
static void stretches_are_discounted(void **state) {
  (void)state;
  static const double gammas[] = {0.9, 0.5};
  for (int timed = 0; timed < 2; timed++) {
    toy_options o = options;
    o.per = timed ? "minute" : NULL;
    o.scale = "4";
    host *h = begin(&o);
    prl_learner *l = h->agent->learner;
    for (int i = 0; i < 2; i++) l->critics[i].gamma = (prl_ref){.live = -1, .number = gammas[i]};
    int64_t draws = 0, ends = 0;
    for (int i = 0; i < 400; i++) {
      step(h, (i * i + i / 3) % 4);
      prl_turn turn = {.waiting = false};
      while (!turn.waiting) { /* the batch is gone once it is published */
        CHECK_OK(prl_schedule_step(h->agent->schedule, &turn, &error));
        if (l->memory->n.draws == draws) continue;
        draws = l->memory->n.draws;
        assert_int_equal(l->batch.rows, 16);
        for (int64_t row = 0; row < 16; row++)
          for (int c = 0; c < 2; c++) check_row(h, l, row, gammas[c], c, timed ? 60 : 0);
        for (int64_t row = 0; row < 16; row++) ends += l->batch.successor[row] < 0;
      }
    }
    assert_true(draws > 300 && ends > 300);
    prl_agent_free(h->agent);
  }
}

/* A new objective is in force for all that is remembered: rewards are computed when rows are drawn. */
static void late_responses_change_rewards(void **state) {
  (void)state;
  host *h = begin(&options);
  prl_learner *l = h->agent->learner;
  live(h, 40);
  const int64_t late = h->agent->experience->n.late_feedback;
  for (int64_t place = 0; place < l->memory->n.filled; place++) {
    const float more[2] = {1000, 0};
    if ((l->memory->kind[place] & 255) != PRL_ROW_REAL) continue;
    CHECK_OK(prl_agent_feedback(h->agent, &l->memory->decision[place], more, NULL, NULL, 1, &error));
  }
  assert_int_equal(h->agent->experience->n.late_feedback, late + l->memory->n.rows);
  l->stretch.steps = 1;
  prl_replay_draw(l->memory, 1, 16, 1, &l->batch, &l->stretch);
  CHECK_OK(prl_rewards_draw(l, &error));
  for (int row = 0; row < 16; row++) {
    const int mark = (int)l->batch.observation[3 * row];

    assert_true(fabs((double)l->critics[0].reward[row] - 1000 - (double)h->response[mark][0]) < 1e-3);
  }
  prl_agent_free(h->agent);
}

/* ---- how often ---- */

static void updates_by_rows(void **state) {
  (void)state;
  toy_options o = options;
  o.schedule = COLLECT REMEMBER(200) UPDATES(0.3, 30, SAMPLE(16)) PUBLISH;
  host *h = begin(&o);
  const prl_replay_counts *n = &h->agent->learner->memory->n;
  int64_t before = 0; /* rows until the updates began */
  for (int i = 0; i < 300; i++) {
    live(h, 1);
    if (n->added < 30) {
      before = n->added;
      assert_int_equal(n->draws, 0);
    }
    const double due = 0.3 * (double)(n->added - before);
    if (n->added >= 30) assert_true(fabs(due - 0.5 - (double)n->draws) < 0.5 + 1e-6);
  }
  assert_true(n->added > 250 && before > 20 && n->draws > 60);
  prl_agent_free(h->agent);
}

static void every_third_time(void **state) {
  (void)state;
  toy_options o = options;
  o.schedule = COLLECT REMEMBER(200)
      UPDATES(1, 0, "{\"verb\":\"every\",\"count\":3,\"body\":[" SAMPLE(16) "]}") PUBLISH;
  host *h = begin(&o);
  const prl_replay_counts *n = &h->agent->learner->memory->n;
  live(h, 200);
  assert_true(n->added > 150);
  assert_int_equal(n->draws, n->added / 3);
  prl_agent_free(h->agent);
}

static void nothing_is_allocated(void **state) {
  (void)state;
  toy_options o = options;
  o.normaliser = "{\"clip\":5}";
  host *h = begin(&o);
  live(h, 100);
  const int64_t before = prl_runtime_memory(runtime).allocations;
  live(h, 500);
  assert_int_equal(prl_runtime_memory(runtime).allocations, before);
  assert_true(h->agent->learner->memory->n.filled == 200);
  prl_agent_free(h->agent);
}

/* ---- the normaliser and the warm-up ---- */

/* Raw observations are remembered, and normalised by what is in force when they are drawn. */
static void observations_are_normalised_when_drawn(void **state) {
  (void)state;
  toy_options o = options;
  o.normaliser = "{\"clip\":5}";
  host *h = begin(&o);
  prl_learner *l = h->agent->learner;
  live(h, 120);
  for (int64_t place = 0; place < l->memory->n.filled; place++) {
    const float mark = l->memory->observation[3 * place];
    assert_true(mark >= 0 && mark == floorf(mark));
  }
  prl_verb *verb = &h->agent->schedule->verbs[3];
  assert_string_equal(verb->type->name, "sample");
  prl_turn turn = {.waiting = false};
  const int64_t number = l->memory->n.draws;
  CHECK_OK(verb->type->execute(h->agent->schedule, verb, &turn, &error));
  float normalised[3 * 32];
  memcpy(normalised, l->batch.observation, sizeof normalised);
  l->memory->n.draws = number;
  prl_replay_draw(l->memory, l->shape->seed, 16, 1, &l->batch, &l->stretch);
  prl_policy_normalise(l->policy, l->batch.observed, l->batch.observation);
  for (int64_t i = 0; i < 3 * l->batch.observed; i++)
    assert_true(normalised[i] == l->batch.observation[i] && fabsf(normalised[i]) <= 5);
  prl_agent_free(h->agent);
}

/* A draw is larger than the experience: the warm-up still ends, and nothing of it is remembered. */
static void the_warmup_is_not_remembered(void **state) {
  (void)state;
  toy_options o = options;
  o.capacity = "{\"streams\":4,\"rows\":16}";
  o.schedule = COLLECT REMEMBER(200) UPDATES(1, 0, SAMPLE(128)) PUBLISH;
  o.warmup = 40;
  o.scale = "\"baseline\"";
  o.normaliser = "{\"clip\":5}";
  host *h = begin(&o);
  prl_learner *l = h->agent->learner;
  while (prl_learner_warmup_needs(l)) {
    assert_true(h->marks < 200 && prl_agent_needs(h->agent) <= 8);
    live(h, 1);
  }
  const int warm = h->marks;
  assert_int_equal(l->memory->n.added, 0);
  assert_int_equal(h->agent->experience->n.dropped_steps, 0);
  assert_true(*l->critics[0].scale > 0.3 && *l->critics[0].scale < 0.9);
  live(h, 100);
  for (int64_t place = 0; place < l->memory->n.filled; place++)
    assert_true((int)l->memory->observation[3 * place] >= warm - 1);
  assert_true(l->memory->n.draws > 80);
  prl_agent_free(h->agent);
}

/* ---- swaps ---- */

static void a_swap_keeps_the_memory(void **state) {
  (void)state;
  prl_plan *plan = toy_made(runtime, &options);
  static host one;
  one = *begin(&options);
  live(&one, 123);
  static host other;
  other = *begin(&options);
  live(&other, 123);
  const int64_t draws = other.agent->learner->memory->n.draws;
  CHECK_OK(prl_agent_swap(other.agent, plan, &error));
  assert_int_equal(other.agent->learner->memory->n.draws, draws);
  const uint64_t known = one.agent->learner->memory->decision[one.agent->learner->memory->n.head - 2];
  assert_true(prl_replay_find(other.agent->learner->memory, known) ==
              prl_replay_find(one.agent->learner->memory, known));
  live(&one, 200);
  live(&other, 200);
  const prl_blocks *x = &one.agent->blocks, *y = &other.agent->blocks;
  for (int i = 0; i < x->count; i++)
    if (!strncmp(x->items[i].name, "memory.", 7) || !strncmp(x->items[i].name, "experience.", 11))
      assert_memory_equal(x->items[i].data, y->items[i].data,
                          (size_t)prl_block_count(&x->items[i]) * prl_dtype_size(x->items[i].dtype));
  assert_true(one.agent->learner->memory->n.filled == 200);
  prl_agent_free(one.agent);
  prl_agent_free(other.agent);
  prl_plan_free(plan);
}

/* Rows that came before are not counted again, whatever the new plan counts by. */
static void a_swap_brings_no_flood_of_updates(void **state) {
  (void)state;
  host *h = begin(&options);
  live(h, 123);
  prl_plan *plan = toy_made(runtime, &options);
  CHECK_OK(prl_agent_swap(h->agent, plan, &error));
  const prl_replay_counts *n = &h->agent->learner->memory->n;
  const int64_t draws = n->draws, added = n->added;
  live(h, 50);
  assert_int_equal(n->draws - draws, n->added - added);
  prl_plan_free(plan);
  prl_agent_free(h->agent);
}

/* Each remembered row is that of its decision, with what was reported and what came next. */
static void check_memory(const host *h, const prl_replay *m, int64_t places) {
  int64_t rows = 0;
  assert_int_equal(m->places, places);
  for (int64_t i = 0; i < m->n.filled; i++) {
    if (!prl_replay_is_row(m, i)) continue;
    const int mark = (int)m->observation[3 * i];
    rows++;
    assert_true(m->decision[i] == h->decision[mark]);
    assert_int_equal(prl_replay_find(m, m->decision[i]), i);
    assert_true(m->response[2 * i] == h->response[mark][0] && m->response[2 * i + 1] == h->response[mark][1]);
    assert_int_equal(m->next[i] < 0 ? TERMINATED : (int)m->observation[3 * m->next[i]], h->next[mark]);
  }
  assert_true(rows == m->n.rows && rows > 100);
}

/* A larger memory, more rows and more streams: all that is there goes on, also behind a rollback. */
static void capacities_grow(void **state) {
  (void)state;
  for (int steps = 120; steps < 900;
       steps += 190) { /* before the ring is full, and at several of its heads */
    host *h = begin(&options);
    toy_options o = options;
    o.schedule = COLLECT REMEMBER(300) UPDATES(1, 0, SAMPLE(16)) PUBLISH;
    o.capacity = "{\"streams\":6,\"rows\":100,\"act\":3,\"tile\":16}";
    prl_plan *plan = toy_made(runtime, &o);
    live(h, steps);
    const int64_t rows = h->agent->learner->memory->n.rows, live_rows = h->agent->experience->n.live;
    check_memory(h, h->agent->learner->memory, 200);
    CHECK_OK(prl_agent_swap(h->agent, plan, &error));
    assert_null(prl_experience_broken(h->agent->experience));
    assert_int_equal(h->agent->experience->n.live, live_rows);
    assert_int_equal(h->agent->learner->memory->n.rows, rows);
    check_memory(h, h->agent->learner->memory, 300);
    assert_true(prl_replay_restore(h->agent->learner->memory, h->agent->experience));
    live(h, 300);
    assert_null(prl_experience_broken(h->agent->experience));
    assert_true(h->agent->learner->memory->n.filled == 300);
    check_memory(h, h->agent->learner->memory, 300);
    CHECK_OK(prl_agent_rollback(h->agent, &error)); /* what was learned; rooms stay */
    check_memory(h, h->agent->learner->memory, 300);
    assert_int_equal(h->agent->experience->options.streams, 6);
    live(h, 50);
    assert_null(prl_experience_broken(h->agent->experience));
    check_memory(h, h->agent->learner->memory, 300);
    prl_plan_free(plan);
    prl_agent_free(h->agent);
  }
}

static void swaps_of_other_memories(void **state) {
  (void)state;
  host *h = begin(&options);
  live(h, 60);
  toy_options o = options;
  o.schedule = COLLECT REMEMBER(199) UPDATES(1, 0, SAMPLE(16)) PUBLISH;
  prl_plan *plan = toy_made(runtime, &o);
  CHECK_FAILS(prl_agent_swap(h->agent, plan, &error), PRL_EINVAL,
              "the replay memory has 199 rows in the new plan and 200 in the running agent "
              "(algorithm.memory); it must "
              "not have fewer");
  prl_plan_free(plan);
  o.schedule = COLLECT TOY_PLAIN_ESTIMATE PUBLISH;
  plan = toy_made(runtime, &o); /* an algorithm without memory lets it go */
  CHECK_OK(prl_agent_swap(h->agent, plan, &error));
  assert_null(h->agent->learner->memory);
  live(h, 60);
  prl_plan_free(plan);
  plan = toy_made(runtime, &options); /* and one with memory begins with an empty one */
  CHECK_OK(prl_agent_swap(h->agent, plan, &error));
  const int64_t held = h->agent->experience->n.live;
  live(h, 60);
  assert_true(h->agent->learner->memory->n.added <= 60 + held && h->agent->learner->memory->n.added > 40);
  prl_plan_free(plan);
  prl_agent_free(h->agent);
}

/* ---- files ---- */

/* The agent as it is, saved, does not load. */
static void check_damaged(prl_agent *agent) {
  prl_agent *loaded = NULL;
  CHECK_OK(prl_agent_save(agent, NULL, path, &error));
  CHECK_FAILS(prl_agent_load(runtime, path, &loaded, &error), PRL_EFORMAT, "damaged");
}

static void damaged_files(void **state) {
  (void)state;
  toy_options o = options;
  o.schedule = COLLECT REMEMBER(200)
      UPDATES(0.3, 0, "{\"verb\":\"every\",\"count\":3,\"body\":[" SAMPLE(16) "]}") PUBLISH;
  host *h = begin(&o);
  live(h, 60);
  prl_replay *m = h->agent->learner->memory;
  int64_t *numbers[] = {&m->n.rows, &m->n.added, &m->n.fresh, &m->n.draws, NULL,
                        NULL,       NULL,        NULL,        NULL,        NULL};
  int count = 4;
  for (int verb = 0; verb < h->agent->schedule->count; verb++)
    for (int i = 0; i < h->agent->schedule->verbs[verb].type->cursor; i++)
      numbers[count++] = &h->agent->schedule->verbs[verb].cursor[i];
  assert_int_equal(count, 10);
  for (int i = 0; i < count; i++) {
    const int64_t kept = *numbers[i];
    *numbers[i] = -1;
    check_damaged(h->agent);
    *numbers[i] = kept;
  }
  const int rests[] = {6, 9}; /* what is left over: a part of one turn, less than three times */
  const int64_t wrong[] = {INT64_C(1) << 32, 3};
  for (int i = 0; i < 2; i++) {
    const int64_t kept = *numbers[rests[i]];
    *numbers[rests[i]] = wrong[i];
    check_damaged(h->agent);
    *numbers[rests[i]] = kept;
  }
  m->next[0] = 0;
  check_damaged(h->agent);
  prl_agent_free(h->agent);
}

/* ---- plans that are wrong ---- */

static const struct {
  const char *schedule, *told;
} cases[] = {
    {COLLECT "{\"verb\":\"freeze\"}," SAMPLE(16) "," PUBLISH, "sample needs remember before it"},
    {COLLECT REMEMBER(200) "{\"verb\":\"sample\",\"sise\":4}," PUBLISH,
     "schedule.sample has no field \"sise\"; the nearest is \"size\""},
    {COLLECT REMEMBER(200) "{\"verb\":\"sample\"}," PUBLISH, "size"},
    {COLLECT REMEMBER(200) "{\"verb\":\"sample\",\"size\":0}," PUBLISH, "size"},
    {COLLECT REMEMBER(200) "{\"verb\":\"sample\",\"size\":4,\"steps\":0}," PUBLISH, "steps"},
    {COLLECT REMEMBER(200) "{\"verb\":\"sample\",\"size\":-4}," PUBLISH, "schedule.sample.size is -4"},
    {COLLECT REMEMBER(19) SAMPLE(16) "," PUBLISH,
     "schedule.remember.rows is 19; an update brings up to 8 rows of 4 streams, and 20 are needed"},
    {COLLECT REMEMBER(200) SAMPLE(201) "," PUBLISH, "is 200, less than the 201 rows of a draw"},
    {COLLECT REMEMBER(200) REMEMBER(200) SAMPLE(16) "," PUBLISH, "remember comes once"},
    {COLLECT "{\"verb\":\"freeze\"}," REMEMBER(200) SAMPLE(16) "," PUBLISH,
     "rows are frozen once, by freeze or by remember; remember is the second"},
    {COLLECT REMEMBER(200) SAMPLE(16) ",{\"verb\":\"freeze\"}," PUBLISH,
     "rows are frozen once, by freeze or by remember; freeze is the second"},
    {COLLECT REMEMBER(200) "{\"verb\":\"minibatches\",\"size\":4,\"body\":[" SAMPLE(16) "]}," PUBLISH,
     "sample inside minibatches"},
    {COLLECT "{\"verb\":\"freeze\"},{\"verb\":\"updates\",\"body\":[]}," PUBLISH,
     "updates needs remember before it"},
    {COLLECT REMEMBER(200) "{\"verb\":\"every\",\"body\":[]}," PUBLISH, "count"},
    {COLLECT REMEMBER(200) "{\"verb\":\"every\",\"count\":0,\"body\":[]}," PUBLISH, "count"},
    {COLLECT REMEMBER(200) SAMPLE(16) ",{\"verb\":\"rewards\"}," PUBLISH,
     "rewards needs what freeze makes, which a verb before it has replaced by a draw"},
    {COLLECT REMEMBER(200) SAMPLE(16) ",{\"verb\":\"values\"},{\"verb\":\"advantages\"}," PUBLISH,
     "advantages needs what freeze makes, which a verb before it has replaced by a draw"},
    /* the second turn begins with the drawn rows of the first */
    {COLLECT REMEMBER(200) "{\"verb\":\"values\"},{\"verb\":\"advantages\"},{\"verb\":\"weigh\"},{\"verb\":"
                           "\"epochs\",\"count\":2,"
                           "\"body\":[{\"verb\":\"run\",\"program\":\"update\"}," SAMPLE(16) "]}," PUBLISH,
     "run needs what advantages makes, which a verb before it has replaced by a draw"},
    {COLLECT REMEMBER(200) "{\"verb\":\"values\"},{\"verb\":\"advantages\"},{\"verb\":\"weigh\"}," SAMPLE(
         16) ",{\"verb\":\"run\",\"program\":\"update\"}," PUBLISH,
     "run needs what advantages makes, which a verb before it has replaced by a draw"}};

static void refused_plans(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    toy_options o = options;
    prl_agent *agent = NULL;
    o.schedule = cases[i].schedule;
    prl_plan *plan = toy_made(runtime, &o);
    CHECK_FAILS(prl_agent_new(plan, &agent, &error), PRL_EFORMAT, cases[i].told);
    prl_plan_free(plan);
  }
}

static int setup(void **state) {
  scratch_path(path);
  return open_runtime(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(stretches_are_discounted),
                                     cmocka_unit_test(late_responses_change_rewards),
                                     cmocka_unit_test(updates_by_rows),
                                     cmocka_unit_test(every_third_time),
                                     cmocka_unit_test(nothing_is_allocated),
                                     cmocka_unit_test(observations_are_normalised_when_drawn),
                                     cmocka_unit_test(the_warmup_is_not_remembered),
                                     cmocka_unit_test(a_swap_keeps_the_memory),
                                     cmocka_unit_test(a_swap_brings_no_flood_of_updates),
                                     cmocka_unit_test(capacities_grow),
                                     cmocka_unit_test(swaps_of_other_memories),
                                     cmocka_unit_test(damaged_files),
                                     cmocka_unit_test(refused_plans)};
  return cmocka_run_group_tests(tests, setup, close_runtime);
}
