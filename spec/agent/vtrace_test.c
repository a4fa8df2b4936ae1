/* V-trace in an agent: what an update makes of drawn and of frozen rows, against float64 arithmetic from what
 * the host told the agent; plans and files that are wrong. */
#include "support/runtime.h"
#include "support/scratch.h"

#include <math.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "agent/toy_plan.h"
#include "agent/verbs/verb.h"
#include "rl/returns.h"

#define COLLECT "[{\"verb\":\"collect\",\"rows\":8},"
#define REMEMBER "{\"verb\":\"remember\",\"rows\":150},"
#define UPDATES(body) "{\"verb\":\"updates\",\"ratio\":0.25,\"body\":[" body "]},"
#define SAMPLE "{\"verb\":\"sample\",\"size\":24,\"stretch\":5},"
#define VALUES "{\"verb\":\"values\"},"
#define RATIOS "{\"verb\":\"ratios\"},"
#define VTRACE "{\"verb\":\"vtrace\",\"lambda\":0.8,\"rho\":1.02,\"c\":0.99},"
#define WEIGH "{\"verb\":\"weigh\"},"
#define RUN "{\"verb\":\"run\",\"program\":\"update\"}"
#define FROZEN "{\"verb\":\"freeze\"},{\"verb\":\"rewards\"},"
#define PUBLISH "{\"verb\":\"publish\"}]"

enum { STREAMS = 4, MOST = 4000, ACTIONS = 2, CRITICS = 2 };
static const double LAMBDA = 0.8, RHO = 1.02, C = 0.99, GAMMA[CRITICS] = {0.9, 0.5};

static prl_error error;
static char path[64];

static const toy_options drawn = {.observations = 3,
                                  .actions = ACTIONS,
                                  .responses = 2,
                                  .critics = CRITICS,
                                  .density = true,
                                  .capacity = "{\"streams\":4,\"rows\":64,\"act\":3,\"tile\":16}",
                                  .live = "{\"algorithm.lr\":0.05,\"algorithm.entropy\":0.01,\"gamma\":0.9}",
                                  .schedule = COLLECT REMEMBER UPDATES(SAMPLE VALUES RATIOS VTRACE WEIGH RUN)
                                      PUBLISH};

/* ---- a host, and what it knows of each step ---- */

enum { NOT_YET = -2, TERMINATED = -1 };

typedef struct host {
  prl_agent *agent;
  int marks; /* observations so far */
  int next[MOST];
  float response[MOST][2];
  double seconds[MOST];
  int64_t version[MOST];
  int last[STREAMS]; /* the open decision of each; −1: none */
} host;

static void observe(int mark, float observation[3]) {
  observation[0] = (float)mark;
  observation[1] = (float)sin(mark);
  observation[2] = (float)cos(3.0 * mark);
  observation[0] /= 4096; /* exact */
}

static int mark_of(const prl_learner *l, int64_t row) { return (int)(l->batch.observation[3 * row] * 4096); }

/* One step of a stream. Every 5th or 7th ends the episode. */
static void step(host *h, int stream) {
  const uint64_t key = (uint64_t)stream + 50;
  const int mark = h->marks++;
  float observation[3], action[ACTIONS];
  uint64_t decision;
  if (h->last[stream] >= 0) h->next[h->last[stream]] = mark;
  observe(mark, observation);
  h->version[mark] = prl_policy_version(h->agent->policy);
  CHECK_OK(prl_agent_act(h->agent, &key, NULL, observation, 1, PRL_SAMPLE, action, &decision, &error));
  h->next[mark] = NOT_YET;
  h->last[stream] = mark;
  h->seconds[mark] = 1 + mark % 3;
  for (int i = 0; i < 2; i++) h->response[mark][i] = (float)sin(mark + 2 * i);
  const int64_t elapsed_us = (int64_t)(h->seconds[mark] * 1e6);
  prl_experience_elapsed(h->agent->experience, &decision, &elapsed_us, 1);
  CHECK_OK(prl_agent_feedback(h->agent, &decision, h->response[mark], NULL, NULL, 1, &error));
  if (mark % 5 && mark % 7) return;
  const int end = mark % 5 ? h->marks++ : TERMINATED;
  h->next[mark] = end;
  if (end >= 0) observe(end, observation);
  CHECK_OK(prl_agent_finish(h->agent, key, end < 0 ? PRL_TERMINATED : PRL_TRUNCATED, observation, &error));
  h->last[stream] = -1;
}

static void own_discounts(prl_agent *agent) {
  for (int i = 0; i < CRITICS; i++)
    agent->learner->critics[i].gamma = (prl_ref){.live = -1, .number = GAMMA[i]};
}

static host *begin(const toy_options *o) {
  static host h;
  h = (host){.agent = toy_agent(runtime, o), .last = {-1, -1, -1, -1}};
  own_discounts(h.agent);
  return &h;
}

/* ---- the same in float64 ---- */

static double param(const prl_params *set, const char *name, int64_t at) {
  return (double)((const float *)prl_params_find((prl_params *)set, name)->value.data)[at];
}

/* Output `out` of so many of the network with one hidden layer. */
static double network(const prl_params *set, const float *x, int out, int outputs) {
  double sum = param(set, "1.bias", out);
  for (int h = 0; h < TOY_HIDDEN; h++) {
    double in = param(set, "0.bias", h);
    for (int i = 0; i < 3; i++) in += (double)x[i] * param(set, "0.weight", i * TOY_HIDDEN + h);
    sum += tanh(in) * param(set, "1.weight", h * outputs + out);
  }
  return sum;
}

static const prl_params *set_of(const prl_learner *l, const char *name) {
  const int found = prl_sets_find(l->sets, name, strlen(name));
  assert_true(found >= 0);
  return l->sets->items[found];
}

static double log_density(const prl_learner *l, int64_t row) {
  const prl_params *policy = set_of(l, "policy");
  double sum = 0;
  for (int a = 0; a < ACTIONS; a++) {
    const double mean = network(policy, l->batch.observation + 3 * row, a, ACTIONS);
    const double log_std = param(policy, "log_std", a);
    const double z = ((double)l->batch.action[ACTIONS * row + a] - mean) / exp(log_std);
    sum += -0.5 * z * z - log_std - 0.5 * log(2 * 3.14159265358979323846);
  }
  return sum;
}

/* A critic's value at a place of the batch: rows, then bootstraps. */
static double value_at(const prl_learner *l, int critic, int64_t place) {
  const prl_popart *p = l->critics[critic].popart;
  return network(set_of(l, "value"), l->batch.observation + 3 * place, critic, CRITICS) * p->std + p->mean;
}

typedef struct expected {
  double ratio[64], v[64], advantage[64];
} expected;

/* v and the advantages of a critic, from the host's own record, backwards. */
static void trace(const host *h, int critic, double unit, expected *e) {
  const prl_learner *l = h->agent->learner;
  for (int64_t row = l->batch.rows - 1; row >= 0; row--) {
    const int mark = mark_of(l, row), next = h->next[mark];
    const int32_t after = l->batch.successor[row];
    const double gamma = unit > 0 ? pow(GAMMA[critic], h->seconds[mark] / unit) : GAMMA[critic];
    const double value = value_at(l, critic, row), ahead = next < 0 ? 0 : value_at(l, critic, after);
    const double rho = fmin(RHO, e->ratio[row]), c = LAMBDA * fmin(C, e->ratio[row]);
    const bool runs = after == row + 1 && after < l->batch.rows;
    assert_true(next >= 0 ? mark_of(l, after) == next : next == TERMINATED && after == -1);
    const double reward = (double)h->response[mark][critic];
    e->v[row] =
        value + rho * (reward + gamma * ahead - value) + (runs ? gamma * c * (e->v[row + 1] - ahead) : 0);
    e->advantage[row] = rho * (reward + gamma * (runs ? e->v[row + 1] : ahead) - value);
  }
}

static bool near(double a, double b) { return fabs(a - b) < 2e-5 * (1 + fabs(b)); }

static double gauge(const prl_learner *l, const char *name) {
  for (int i = 0; i < l->metrics.count; i++)
    if (!strcmp(l->metrics.names[i], name)) return l->metrics.gauges[i].sum / l->metrics.gauges[i].count;
  fail_msg("there is no metric %s", name);
  return NAN;
}

/* What was seen of an update's rows in all. */
typedef struct seen {
  int checks, terminated, truncated, runs, lagging, clipped, free;
} seen;

static void look_at_rows(const host *h, const expected *e, seen *s) {
  const prl_batch *b = &h->agent->learner->batch;
  for (int64_t row = 0; row < b->rows; row++) {
    assert_int_equal(b->version[row], h->version[mark_of(h->agent->learner, row)]);
    s->terminated += b->end[row] == PRL_END_TERMINATED;
    s->truncated += b->end[row] == PRL_END_TRUNCATED;
    s->runs += b->successor[row] == row + 1;
    s->lagging += b->version[row] < prl_policy_version(h->agent->policy);
    s->clipped += e->ratio[row] > RHO;
    s->free += e->ratio[row] < 0.9;
  }
}

/* At the verb behind `vtrace` and `weigh`: all that the update reads. first: the only draw of the update, so
 * that its metrics are of these rows. statistics: of PopArt, as they were for the values. */
static void check_update(const host *h, double unit, bool first, seen *s) {
  const prl_learner *l = h->agent->learner;
  const prl_batch *b = &l->batch;
  static expected e;
  double sum[64] = {0}, lag = 0, over = 0;
  for (int64_t row = 0; row < b->rows; row++) {
    e.ratio[row] = exp(log_density(l, row) - (double)b->log_prob[row]);
    assert_true(near((double)l->ratio[row], e.ratio[row]));
    lag += (double)(prl_policy_version(l->policy) - b->version[row]) / (double)b->rows;
    over += (double)((double)l->ratio[row] > RHO) / (double)b->rows;
  }
  for (int i = 0; i < CRITICS; i++) {
    const prl_critic *c = &l->critics[i];
    trace(h, i, unit, &e);
    for (int64_t row = 0; row < b->rows; row++) {
      assert_true(near((double)c->returns[row] * c->popart->std + c->popart->mean, e.v[row]));
      assert_true(near((double)c->advantage[row], e.advantage[row]));
      sum[row] += (i + 1) * e.advantage[row]; /* weights 1 and 2 */
    }
  }
  for (int64_t row = 0; row < b->rows; row++) assert_true(near((double)l->advantage[row], sum[row]));
  if (first) assert_true(near(gauge(l, "lag"), lag) && near(gauge(l, "clip_rate/rho"), over));
  look_at_rows(h, &e, s);
  s->checks++;
}

static seen live(host *h, int steps, double unit) {
  const prl_schedule *s = h->agent->schedule;
  seen all = {0};
  for (int i = 0; i < steps; i++) {
    step(h, (i * i + i / 3) % STREAMS);
    prl_turn turn = {.waiting = false};
    int checks = 0;
    while (!turn.waiting) {
      const int64_t at = s->at;
      CHECK_OK(prl_schedule_step(h->agent->schedule, &turn, &error));
      if (turn.updated) checks = 0;
      if (strcmp(s->verbs[at].type->name, "weigh")) continue;
      check_update(h, unit, checks++ == 0, &all);
    }
  }
  return all;
}

static void drawn_rows(void **state) {
  (void)state;
  for (int popart = 0; popart < 2; popart++)
    for (int timed = 0; timed < 2; timed++) {
      toy_options o = drawn;
      o.popart = popart;
      o.per = timed ? "minute" : NULL;
      host *h = begin(&o);
      const seen s = live(h, 500, timed ? 60 : 0);
      assert_true(s.checks > 100 && s.terminated > 200 && s.truncated > 100 && s.runs > 1000);
      assert_true(s.lagging > 1000 && s.clipped > 200 && s.free > 200);
      prl_agent_free(h->agent);
    }
}

/* Steps that close after the next policy is published were acted by the one before: frozen rows, too, are
 * corrected. */
static void frozen_rows(void **state) {
  (void)state;
  toy_options o = drawn;
  o.schedule = COLLECT FROZEN VALUES RATIOS VTRACE WEIGH RUN "," PUBLISH;
  host *h = begin(&o);
  const seen s = live(h, 500, 0);
  assert_true(s.checks > 50 && s.terminated > 50 && s.truncated > 30 && s.runs > 100);
  assert_true(s.lagging > 50 && s.lagging < 50 * s.checks && s.free > 10);
  prl_agent_free(h->agent);
}

/* The policy that learns has acted, and the bounds do not hold it back: the returns of GAE. */
static void on_policy_it_is_gae(void **state) {
  (void)state;
  toy_options o = drawn;
  o.schedule = COLLECT FROZEN VALUES RATIOS "{\"verb\":\"vtrace\",\"lambda\":0.8,\"rho\":2,\"c\":2}," WEIGH
      PUBLISH; /* nothing is learned: no version differs */
  host *h = begin(&o);
  prl_learner *l = h->agent->learner;
  int checks = 0;
  for (int i = 0; i < 200; i++) {
    step(h, (i * i + i / 3) % STREAMS);
    prl_turn turn = {.waiting = false};
    while (!turn.waiting) {
      const int64_t at = h->agent->schedule->at;
      CHECK_OK(prl_schedule_step(h->agent->schedule, &turn, &error));
      if (strcmp(h->agent->schedule->verbs[at].type->name, "weigh")) continue;
      for (int c = 0; c < CRITICS; c++) {
        float advantage[64], returns[64];
        double discount[64];
        prl_discounts(l->batch.rows, GAMMA[c], 0, NULL, discount);
        prl_gae(l->batch.rows, l->critics[c].reward, l->critics[c].value, 0, 1, l->batch.successor, discount,
                LAMBDA, advantage, returns);
        for (int64_t row = 0; row < l->batch.rows; row++) {
          assert_true(fabsf(l->ratio[row] - 1) < 1e-5f);
          assert_true(fabsf(returns[row] - l->critics[c].returns[row]) < 1e-5f * (1 + fabsf(returns[row])));
        }
      }
      checks++;
    }
  }
  assert_true(checks > 15);
  prl_agent_free(h->agent);
}

static void nothing_is_allocated(void **state) {
  (void)state;
  host *h = begin(&drawn);
  live(h, 100, 0);
  const int64_t before = prl_runtime_memory(runtime).allocations;
  live(h, 500, 0);
  assert_int_equal(prl_runtime_memory(runtime).allocations, before);
  assert_true(h->agent->learner->memory->n.filled == 150);
  prl_agent_free(h->agent);
}

/* ---- files ---- */

static void finish_update(prl_agent *agent) {
  prl_turn turn = {.updated = false};
  while (!turn.updated) CHECK_OK(prl_schedule_step(agent->schedule, &turn, &error));
}

/* Stops at a verb that is half done: between two tiles, or two critics. */
static void goes_on_from_inside(void **state) {
  (void)state;
  const struct {
    const char *verb;
    int64_t done;
  } places[] = {{"values", 32}, {"ratios", 16}, {"vtrace", 1}, {"weigh", 0}};
  for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
    toy_options o = drawn;
    o.popart = true;
    host *h = begin(&o);
    prl_schedule *s = h->agent->schedule;
    prl_agent *loaded;
    live(h, 100, 0);
    for (;;) {
      const prl_verb *verb = &s->verbs[s->at];
      if (!strcmp(verb->type->name, places[k].verb) &&
          (!verb->type->cursor || *verb->cursor == places[k].done))
        break;
      prl_turn turn = {.waiting = false};
      CHECK_OK(prl_schedule_step(s, &turn, &error));
      if (turn.waiting) step(h, h->marks % STREAMS);
    }
    CHECK_OK(prl_agent_save(h->agent, NULL, path, &error));
    CHECK_OK(prl_agent_load(runtime, path, &loaded, &error));
    own_discounts(loaded);
    finish_update(h->agent);
    finish_update(loaded);
    const prl_blocks *x = &h->agent->blocks, *y = &loaded->blocks;
    assert_int_equal(x->count, y->count);
    for (int i = 0; i < x->count; i++) {
      const int64_t count = prl_block_count(&x->items[i]);
      assert_int_equal(count, prl_block_count(&y->items[i]));
      assert_memory_equal(x->items[i].data, y->items[i].data,
                          (size_t)count * prl_dtype_size(x->items[i].dtype));
    }
    prl_agent_free(loaded);
    prl_agent_free(h->agent);
  }
}

/* ---- what is refused ---- */

/* A row whose action was chosen without a density has one that is not finite. */
static void rows_without_a_density(void **state) {
  (void)state;
  host *h = begin(&drawn);
  prl_learner *l = h->agent->learner;
  live(h, 100, 0);
  for (int64_t place = 0; place < l->memory->n.filled; place++) l->memory->log_prob[place] = NAN;
  prl_turn turn = {.waiting = false};
  prl_status status = PRL_OK;
  while (!status && h->marks < 200) {
    step(h, h->marks % STREAMS);
    for (turn.waiting = false; !status && !turn.waiting;)
      status = prl_schedule_step(h->agent->schedule, &turn, &error);
  }
  assert_int_equal(status, PRL_ESTATE);
  assert_non_null(strstr(error.message, "ratios compares the policy's densities with those of what acted"));
  assert_non_null(strstr(error.message, "without one (nan)"));
  prl_agent_free(h->agent);
}

static void check_damaged(prl_agent *agent) {
  prl_agent *loaded = NULL;
  CHECK_OK(prl_agent_save(agent, NULL, path, &error));
  CHECK_FAILS(prl_agent_load(runtime, path, &loaded, &error), PRL_EFORMAT, "damaged");
}

static void damaged_files(void **state) {
  (void)state;
  host *h = begin(&drawn);
  prl_learner *l = h->agent->learner;
  prl_agent *loaded;
  live(h, 60, 0);
  while (strcmp(prl_schedule_verb(h->agent->schedule), "vtrace")) { /* inside of an update */
    prl_turn turn = {.waiting = false};
    CHECK_OK(prl_schedule_step(h->agent->schedule, &turn, &error));
    if (turn.waiting) step(h, h->marks % STREAMS);
  }
  CHECK_OK(prl_agent_save(h->agent, NULL, path, &error));
  CHECK_OK(prl_agent_load(runtime, path, &loaded, &error));
  prl_agent_free(loaded);
  int64_t *versions[] = {&l->batch.version[3], &l->memory->version[0]};
  for (int i = 0; i < 2; i++)
    for (int wrong = 0; wrong < 2; wrong++) {
      const int64_t kept = *versions[i];
      *versions[i] = wrong ? prl_policy_version(l->policy) + 1 : -1;
      check_damaged(h->agent);
      *versions[i] = kept;
    }
  l->ratio[3] = -1;
  check_damaged(h->agent);
  prl_agent_free(h->agent);
}

static const struct {
  const char *schedule, *told;
} cases[] = {
    {COLLECT REMEMBER "{\"verb\":\"sample\",\"size\":4,\"stretch\":5}," PUBLISH,
     "schedule.sample.stretch is 5, more than the 4 rows of a draw"},
    {COLLECT REMEMBER "{\"verb\":\"sample\",\"size\":4,\"stretch\":0}," PUBLISH, "stretch"},
    {COLLECT REMEMBER "{\"verb\":\"sample\",\"size\":8,\"stretch\":4,\"steps\":3}," PUBLISH,
     "schedule.sample.stretch is 4: its rows are drawn uniformly and follow each other by one step; steps is "
     "3, priority 0"},
    {COLLECT REMEMBER "{\"verb\":\"sample\",\"size\":8,\"stretch\":4,\"priority\":0.5}," PUBLISH,
     "steps is 1, priority 0.5"},
    {COLLECT REMEMBER "{\"verb\":\"sample\",\"size\":8,\"strech\":4}," PUBLISH, "the nearest is \"stretch\""},
    {COLLECT REMEMBER SAMPLE VALUES VTRACE WEIGH PUBLISH, "vtrace needs ratios before it"},
    {COLLECT REMEMBER SAMPLE RATIOS VTRACE WEIGH PUBLISH, "vtrace needs values before it"},
    {COLLECT REMEMBER VALUES RATIOS SAMPLE VALUES VTRACE WEIGH PUBLISH,
     "vtrace needs what ratios makes, which a verb before it has replaced by a draw"},
    {COLLECT REMEMBER SAMPLE VALUES RATIOS VTRACE RUN "," PUBLISH, "run needs weigh before it"},
    {COLLECT REMEMBER "{\"verb\":\"sample\",\"size\":8,\"steps\":3}," VALUES RATIOS VTRACE WEIGH PUBLISH,
     "vtrace corrects each step by its own ratio, and sample draws rows with the rewards of 3 steps; a "
     "stretch is needed there"},
    {COLLECT FROZEN VALUES RATIOS "{\"verb\":\"vtrace\",\"roh\":1}," WEIGH PUBLISH,
     "schedule.vtrace has no field \"roh\"; the nearest is \"rho\""},
    {COLLECT FROZEN VALUES "{\"verb\":\"ratio\"}," PUBLISH,
     "there is no verb \"ratio\"; the nearest is \"ratios\""}};

static prl_status make(const toy_options *o) {
  toy_plan toy = toy_new(runtime, o);
  prl_plan *plan;
  prl_agent *agent = NULL;
  CHECK_OK(prl_plan_new_from(runtime, &toy.document, toy.tensors, 9, &plan, &error));
  toy_free(&toy);
  prl_status status = prl_agent_new(plan, &agent, &error);
  prl_plan_free(plan);
  if (!status) prl_agent_free(agent);
  return status;
}

static void refused_plans(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    toy_options o = drawn;
    o.schedule = cases[i].schedule;
    CHECK_FAILS(make(&o), PRL_EFORMAT, cases[i].told);
  }
  toy_options o = drawn;
  o.density = false;
  CHECK_FAILS(make(&o), PRL_EFORMAT, "ratios without a program \"density\"");
}

static int setup(void **state) {
  scratch_path(path);
  return open_runtime(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(drawn_rows),          cmocka_unit_test(frozen_rows),
      cmocka_unit_test(on_policy_it_is_gae), cmocka_unit_test(nothing_is_allocated),
      cmocka_unit_test(goes_on_from_inside), cmocka_unit_test(rows_without_a_density),
      cmocka_unit_test(damaged_files),       cmocka_unit_test(refused_plans)};
  return cmocka_run_group_tests(tests, setup, close_runtime);
}
