#include "support/runtime.h"

#include "agent/agent.h"
#include "rl/normaliser.h"
#include "agent/toy_plan.h"

static prl_error error;

static const toy_options options = {.observations = 3,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 1,
                                    .capacity = "{\"streams\":4,\"rows\":128,\"act\":3,\"tile\":16}",
                                    .normaliser = "{\"clip\":5}",
                                    .warmup = 8,
                                    .popart = true};

/* A few steps with a budget, since the schedule may be endless. */
static void live_a_little(prl_agent *agent) {
  float observation[3] = {0.5f, -0.5f, 0.1f}, action[8], response[8] = {1};
  for (uint64_t i = 0; i < 160; i++) {
    uint64_t stream = i % 4, decision = 0;
    if (agent->shape->spec.observations != 3 || agent->shape->spec.actions > 8 ||
        agent->shape->spec.responses > 8)
      return;
    observation[0] = (float)(i % 7);
    if (prl_agent_act(agent, &stream, NULL, observation, 1, PRL_SAMPLE, action, &decision, &error)) return;
    (void)prl_agent_feedback(agent, &decision, response, NULL, NULL, 1, &error);
    if (i % 40 == 39) (void)prl_agent_learn(agent, 200, NULL, &error);
  }
}

/* Makes an agent of the document; where that works, it lives for a while. */
static prl_status try_document(toy_plan *toy) {
  prl_plan *plan = NULL;
  prl_agent *agent = NULL;
  error.message[0] = 0;
  prl_status status = toy_plan_of(runtime, toy, &plan, &error);
  if (!status) status = prl_agent_new(plan, &agent, &error);
  if (status)
    assert_true(error.message[0] != 0);
  else
    live_a_little(agent);
  prl_agent_free(agent);
  prl_plan_free(plan);
  return status;
}

/* Puts something else in place of every value of the document in turn (of the programs' many: of every 29th).
 */
static void damage(toy_plan *toy, prl_value *value, bool in_programs, int *count, int *refused) {
  static const prl_value others[] = {{.kind = PRL_NULL},
                                     {.kind = PRL_NUMBER, .as.number = -1},
                                     {.kind = PRL_NUMBER, .as.number = 1e12},
                                     {.kind = PRL_NUMBER, .as.number = 0.5},
                                     {.kind = PRL_STRING, .count = 1, .as.text = "x"},
                                     {.kind = PRL_ARRAY},
                                     {.kind = PRL_MAP}};
  prl_value kept = *value;
  bool skip = in_programs && ++*count % 29 != 0;
  for (size_t i = 0; !skip && i < sizeof others / sizeof *others; i++) {
    *value = others[i];
    *refused += try_document(toy) != PRL_OK;
  }
  *value = kept;
  if (value->kind == PRL_ARRAY)
    for (int64_t i = 0; i < value->count; i++) damage(toy, &value->as.items[i], in_programs, count, refused);
  if (value->kind == PRL_MAP)
    for (int64_t i = 0; i < value->count; i++)
      damage(toy, &value->as.items[2 * i + 1],
             in_programs || !strcmp(value->as.items[2 * i].as.text, "programs"), count, refused);
}

static void damaged_documents(void **state) {
  (void)state;
  const toy_options all[] = {options, toy_with_novelty(options), toy_with_continuation(options)};
  for (int i = 0; i < 3; i++) {
    toy_plan toy = toy_new(runtime, &all[i]);
    int count = 0, refused = 0;
    int64_t live = prl_runtime_memory(runtime).live_bytes;
    damage(&toy, &toy.document->root, false, &count, &refused);
    assert_true(refused > 300);
    assert_int_equal(prl_runtime_memory(runtime).live_bytes, live);
    CHECK_OK(try_document(&toy));
    toy_free(&toy);
  }
}

/* What sizes an agent reads constraints before they have names. */
static void a_constraint_without_a_window(void **state) {
  (void)state;
  const char *json = "[{\"name\":\"c\",\"critic\":\"c\",\"per\":\"step\",\"at_least\":1,\"window\":0}]";
  toy_plan toy = toy_new(runtime, &options);
  prl_doc *other;
  CHECK_OK(prl_json_parse(runtime, json, strlen(json), &other, &error));
  prl_value *place = prl_put(toy.document, &toy.document->root, "constraints");
  assert_non_null(place);
  *place = other->root;
  assert_int_equal(try_document(&toy), PRL_EFORMAT);
  prl_doc_free(other);
  toy_free(&toy);
}

static void check_refused(const toy_options *with, const char *path, const char *json, prl_status status,
                          const char *text) {
  toy_plan toy = toy_new(runtime, with);
  prl_doc *other;
  prl_plan *plan = NULL;
  prl_agent *agent = NULL;
  CHECK_OK(prl_json_parse(runtime, json, strlen(json), &other, &error));
  prl_value *place = (prl_value *)prl_path(&toy.document->root, path);
  assert_non_null(place);
  *place = other->root;
  error.message[0] = 0;
  prl_status got = toy_plan_of(runtime, &toy, &plan, &error);
  if (!got) got = prl_agent_new(plan, &agent, &error);
  assert_int_equal(got, status);
  if (!strstr(error.message, text)) fail_msg("\"%s\" lacks \"%s\"", error.message, text);
  prl_plan_free(plan);
  prl_doc_free(other);
  toy_free(&toy);
}

static void sentences(void **state) {
  (void)state;
  toy_options baseline = options;
  baseline.warmup = PRL_STATISTICS_ROWS - 1;
  baseline.scale = "\"baseline\"";
  check_refused(&options, "schedule.7.body.1.body.1.program", "\"updat\"", PRL_EFORMAT, "\"update\"");
  check_refused(&options, "schedule.1.rows", "129", PRL_EFORMAT, "from 1 to 128");
  check_refused(&options, "schedule.7.verb", "\"epoch\"", PRL_EFORMAT, "no verb \"epoch\"");
  check_refused(&options, "schedule.7.verb", "\"epoch\"", PRL_EFORMAT, "the nearest is \"epochs\"");
  check_refused(&options, "schedule.3.verb", "\"values\"", PRL_EFORMAT, "advantages needs rewards before it");
  check_refused(&options, "schedule.6", "{\"verb\":\"values\"}", PRL_EFORMAT, "run needs weigh before it");
  check_refused(&options, "schedule.6", "{\"verb\":\"weigh\",\"normalize\":true}", PRL_EFORMAT,
                "schedule.weigh has no field \"normalize\"; the nearest is \"normalise\"");
  check_refused(&options, "schedule.2.verb", "\"publish\"", PRL_EFORMAT, "rewards needs freeze before it");
  toy_options timed = options;
  timed.per = "minute";
  check_refused(&timed, "critics.1.per", "\"minuet\"", PRL_EFORMAT, "the nearest is \"minute\"");
  check_refused(&timed, "critics.1.per", "60", PRL_EFORMAT, "c0.per: expected a string");
  check_refused(&options, "critics.1.gamma", "\"gama\"", PRL_ENAME, "\"gamma\"");
  check_refused(&options, "critics.1.reward", "[\"r\",1]", PRL_EFORMAT, "objective.critics.c0.reward");
  check_refused(&options, "critics.1.popart.weight", "\"9.weight\"", PRL_EFORMAT, "\"value:9.weight\"");
  check_refused(&options, "optims.1.kind", "\"adan\"", PRL_ENAME, "\"adam\"");
  check_refused(&options, "optims.2.set", "\"policy\"", PRL_EFORMAT, "two optimizers");
  check_refused(&options, "capacity", "{\"stale\":\"forget\"}", PRL_EFORMAT, "keep or drop");
  check_refused(&options, "sets.1.params.1.shape", "[3,9]", PRL_EFORMAT, "\"policy:0.weight\"");
  check_refused(&options, "noise", "2", PRL_EFORMAT, "\"noise\" must be rows of 2");
  check_refused(&options, "responses.1.combine", "\"mean\"", PRL_EFORMAT, "sum, last, first or max");
  check_refused(&baseline, "seed", "1", PRL_EFORMAT, "needs 32 warm-up steps (warmup is 31)");
}

static void sentences_on_novelty(void **state) {
  (void)state;
  const toy_options o = toy_with_novelty(options);
  check_refused(&o, "novelty.observes.2", "\"o9\"", PRL_EFORMAT,
                "there is no observation \"o9\"; the nearest is");
  check_refused(&o, "novelty.observes", "[]", PRL_EFORMAT, "at least one observation");
  check_refused(&o, "novelty.critic", "\"c2\"", PRL_EFORMAT, "there is no critic \"c2\"; the nearest is \"c");
  check_refused(&o, "novelty.critic", "\"c0\"", PRL_EFORMAT, "\"c0\" is not the last critic");
  check_refused(&o, "novelty.clip", "0", PRL_EFORMAT, "novelty.clip");
  check_refused(&o, "novelty.observes", "[\"o0\"]", PRL_EFORMAT, "\"arrival\" must be rows of 1");
  check_refused(&o, "schedule.4.verb", "\"values\"", PRL_EFORMAT, "advantages needs novelty before it");
  check_refused(&options, "schedule.4.verb", "\"novelty\"", PRL_EFORMAT, "the plan does not say of what");
}

static void sentences_on_continuation(void **state) {
  (void)state;
  const toy_options o = toy_with_continuation(options);
  toy_options late = o;
  late.schedule =
      "[{\"verb\":\"collect\",\"rows\":8},{\"verb\":\"freeze\"},{\"verb\":\"rewards\"},{\"verb\":\"values\"},"
      "{\"verb\":\"advantages\"},{\"verb\":\"continuation\"},{\"verb\":\"publish\"}]";
  check_refused(&late, "seed", "1", PRL_EFORMAT, "advantages needs continuation before it");
  check_refused(&options, "schedule.4.verb", "\"continuation\"", PRL_EFORMAT,
                "continuation without a program");
  check_refused(&o, "programs.continuation.values.1.name", "\"respons\"", PRL_EFORMAT, "\"response\"");
}

/* What making an agent comes to where the program "update" reads one input under another name; text: what the
 * sentence then holds. */
static void check_renamed(const toy_options *with, const char *from, const char *to, prl_status status,
                          const char *text) {
  toy_plan toy = toy_new(runtime, with);
  prl_plan *plan = NULL;
  prl_agent *agent = NULL;
  const prl_value *list = prl_path(&toy.document->root, "programs.update.values");
  int renamed = 0;
  for (int64_t i = 0; i < prl_count(list); i++) {
    prl_value *one = (prl_value *)prl_item(list, i), *name = (prl_value *)prl_get(one, "name");
    if (strcmp(prl_get_string(one, "kind", ""), "input") || strcmp(prl_get_string(one, "name", ""), from))
      continue;
    renamed += prl_set_string(toy.document, name, to, strlen(to));
  }
  assert_int_equal(renamed, 1);
  error.message[0] = 0;
  prl_status got = toy_plan_of(runtime, &toy, &plan, &error);
  if (!got) got = prl_agent_new(plan, &agent, &error);
  assert_int_equal(got, status);
  if (!strstr(error.message, text)) fail_msg("\"%s\" lacks \"%s\"", error.message, text);
  prl_agent_free(agent);
  prl_plan_free(plan);
  toy_free(&toy);
}

static void inputs_that_are_not_there(void **state) {
  (void)state;
  toy_options plain = {.observations = 3, .actions = 1, .responses = 1, .critics = 1};
  toy_options normalised = plain, raw = plain;
  normalised.normaliser = "{\"clip\":5}";
  raw.normaliser = "{\"clip\":5,\"raw\":true}";
  check_renamed(&plain, "obs", "raw_obs", PRL_OK, "");
  check_renamed(&normalised, "obs", "raw_obs", PRL_EFORMAT, "\"raw_obs\"");
  check_renamed(&raw, "obs", "raw_obs", PRL_OK, "");
  check_renamed(&plain, "log_prob", "arm", PRL_EFORMAT, "\"arm\"");
}

static double value_at(const char *scalar, double step) {
  char text[256];
  prl_doc *doc;
  prl_live *live;
  snprintf(text, sizeof text, "{\"x\":%s}", scalar);
  CHECK_OK(prl_json_parse(runtime, text, strlen(text), &doc, &error));
  CHECK_OK(prl_live_new(runtime, &doc->root, &live, &error));
  double value = prl_live_value(live, 0, step);
  prl_live_free(live);
  prl_doc_free(doc);
  return value;
}

static void schedules_of_scalars(void **state) {
  (void)state;
  const char *linear = "{\"kind\":\"linear\",\"from\":2,\"to\":4,\"over\":100}";
  assert_true(value_at("0.5", 1e9) == 0.5);
  assert_true(value_at(linear, 0) == 2 && value_at(linear, 25) == 2.5 && value_at(linear, 1000) == 4);
  const char *cosine = "{\"kind\":\"cosine\",\"from\":2,\"to\":4,\"over\":100}";
  assert_true(value_at(cosine, 0) == 2 && fabs(value_at(cosine, 50) - 3) < 1e-12 &&
              value_at(cosine, 100) == 4);
  const char *warmup = "{\"kind\":\"warmup\",\"to\":4,\"over\":100}";
  assert_true(value_at(warmup, 0) == 0 && value_at(warmup, 50) == 2 && value_at(warmup, 200) == 4);
  const char *points = "{\"kind\":\"piecewise\",\"points\":[[10,1],[20,3],[30,0]]}";
  assert_true(value_at(points, 0) == 1 && value_at(points, 15) == 2 && value_at(points, 25) == 1.5 &&
              value_at(points, 99) == 0);
  const char *tree = "{\"kind\":\"expression\",\"tree\":[\"min\",[\"div\",[\"r\",0],10],5]}";
  assert_true(value_at(tree, 20) == 2 && value_at(tree, 1000) == 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(damaged_documents),
                                     cmocka_unit_test(sentences),
                                     cmocka_unit_test(sentences_on_novelty),
                                     cmocka_unit_test(sentences_on_continuation),
                                     cmocka_unit_test(inputs_that_are_not_there),
                                     cmocka_unit_test(schedules_of_scalars),
                                     cmocka_unit_test(a_constraint_without_a_window)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
