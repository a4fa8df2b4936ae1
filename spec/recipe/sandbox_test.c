#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recipe/sandbox.h"
#include "support/failing_alloc.h"
#include "support/scratch.h"

static prl_error error;
static char folder[64];

static int setup(void **state) {
  scratch_folder(folder);
  return prl_runtime_new(NULL, (prl_runtime **)state, NULL);
}

static int teardown(void **state) {
  prl_memory memory = prl_runtime_memory(*state);
  prl_runtime_release(*state);
  return memory.live_bytes > 4096;
}

static const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static const char *write_file(const char *name, const char *text, size_t size) {
  FILE *file = fopen(path_of(name), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, size, file), size);
  fclose(file);
  return path_of(name);
}

static const char *recipe(const char *text) { return write_file("x.lua", text, strlen(text)); }

static const char good[] =
    "return {\n"
    "  name = 'x', tags = {'a', 'b'}, algorithm = {'ppo', lr = linear {from = 1, to = 0}},\n"
    "  objective = {critics = {like = {gamma = 0.5,\n"
    "    reward = function(r) return where(gt(r.like, 2), r.share, -r.like / 4) end}}},\n"
    "}\n";

static void test_gives_plain_data(void **state) {
  prl_doc *doc;
  CHECK_OK(prl_recipe_eval(*state, recipe(good), NULL, &doc, &error));
  const prl_value *data = prl_get(&doc->root, "recipe");
  assert_string_equal(prl_get_string(data, "name", ""), "x");
  assert_int_equal(prl_get(data, "tags")->kind, PRL_ARRAY);
  assert_string_equal(prl_get_string(prl_get(data, "algorithm"), "1", ""), "ppo");
  assert_string_equal(prl_get_string(prl_path(data, "algorithm.lr"), "kind", ""), "linear");
  const prl_value *reward = prl_path(data, "objective.critics.like.reward");
  char *text;
  size_t length;
  CHECK_OK(prl_json_write(*state, reward, true, 0, &text, &length, &error));
  assert_string_equal(text, "[\"where\",[\"gt\",[\"r\",\"like\"],2],[\"r\",\"share\"],"
                            "[\"div\",[\"neg\",[\"r\",\"like\"]],4]]");
  prl_free(*state, text);
  const prl_value *reads = prl_get(prl_get(&doc->root, "reads"), "objective.critics.like.reward");
  assert_int_equal(prl_count(reads), 3);
  assert_string_equal(prl_get_string(prl_item(reads, 1), "name", ""), "share");
  assert_int_equal(prl_get_int(prl_item(reads, 1), "line", 0), 4);
  prl_doc_free(doc);
}

static void test_overrides(void **state) {
  prl_doc *doc;
  const char *set[] = {"algorithm.lr=0.5", "policy.activation=relu", "algorithm=a2c",
                       "algorithm.epochs=2 * 3"};
  prl_recipe_options options = {.set = set, .set_count = 4};
  CHECK_OK(prl_recipe_eval(*state, recipe(good), &options, &doc, &error));
  const prl_value *data = prl_get(&doc->root, "recipe");
  assert_string_equal(prl_get_string(prl_get(data, "algorithm"), "1", ""), "a2c");
  assert_null(prl_path(data, "algorithm.lr")); /* the changed first element dropped its siblings */
  assert_true(prl_get_number(prl_get(data, "algorithm"), "epochs", 0) == 6);
  assert_string_equal(prl_get_string(prl_get(data, "policy"), "activation", ""), "relu");
  prl_doc_free(doc);
  set[0] = "lr";
  CHECK_FAILS(prl_recipe_eval(*state, recipe(good), &options, &doc, &error), PRL_EFORMAT,
              "expected a path and a value");
}

static void test_files(void **state) {
  prl_doc *doc;
  CHECK_FAILS(prl_recipe_eval(*state, path_of("absent.lua"), NULL, &doc, &error), PRL_EIO, "No such file");
  CHECK_FAILS(prl_recipe_eval(*state, folder, NULL, &doc, &error), PRL_EIO, "Is a directory");
  CHECK_FAILS(prl_recipe_eval(*state, write_file("b.lua", "\x1bLJ\2", 4), NULL, &doc, &error), PRL_EFORMAT,
              "bytecode");
  CHECK_FAILS(prl_recipe_eval(*state, write_file("z.lua", "return {}\0x", 11), NULL, &doc, &error),
              PRL_EFORMAT, "byte 10 is zero");
  assert_int_equal(mkfifo(path_of("pipe.lua"), 0600), 0);
  CHECK_FAILS(prl_recipe_eval(*state, recipe("return require 'pipe'"), NULL, &doc, &error), PRL_EFORMAT,
              "not a regular file");
  char link[128];
  snprintf(link, sizeof link, "%s", path_of("link.lua"));
  assert_int_equal(symlink("/etc/hostname", link), 0);
  CHECK_FAILS(prl_recipe_eval(*state, recipe("return require 'link'"), NULL, &doc, &error), PRL_EFORMAT,
              "leads out of the recipe's folder");
  write_file("base.lua", "return {name = 'base'}", 22);
  CHECK_OK(
      prl_recipe_eval(*state, recipe("return extend(require 'base', {tags = {'t'}})"), NULL, &doc, &error));
  assert_string_equal(prl_get_string(prl_get(&doc->root, "recipe"), "name", ""), "base");
  assert_int_equal(prl_count(prl_get(&doc->root, "files")), 2);
  prl_doc_free(doc);
  const char *running = "return extend(running, {tags = {'t'}})";
  CHECK_FAILS(prl_recipe_eval(*state, recipe(running), NULL, &doc, &error), PRL_EFORMAT,
              "running is the recipe in force of a training");
  char base[128];
  snprintf(base, sizeof base, "%s", path_of("base.lua"));
  CHECK_OK(prl_recipe_eval(*state, recipe(running), &(prl_recipe_options){.running = base}, &doc, &error));
  assert_string_equal(prl_get_string(prl_get(&doc->root, "recipe"), "name", ""), "base");
  prl_doc_free(doc);
}

static char *repeated(const char *text, int times) {
  size_t n = strlen(text);
  char *out = malloc(n * (size_t)times + 100);
  assert_non_null(out);
  for (int i = 0; i < times; i++) memcpy(out + n * (size_t)i, text, n);
  out[n * (size_t)times] = 0;
  return out;
}

static void refuses(prl_runtime *runtime, const char *text, const char *sentence) {
  prl_doc *doc;
  CHECK_FAILS(prl_recipe_eval(runtime, recipe(text), NULL, &doc, &error), PRL_EFORMAT, sentence);
}

/* What is refused before it is parsed, and what the clock ends while it is: the chain of `or` is linked to
 * its end for each of them, which takes seconds. */
static void test_texts(void **state) {
  char *text = repeated("-- a comment of 20 b", (PRL_RECIPE_FILE_BYTES / 20) + 1);
  refuses(*state, text, "x.lua: the file is too long: a recipe's files have at most 256 KiB each");
  text[PRL_RECIPE_FILE_BYTES - 1] = 0;
  write_file("a.lua", text, strlen(text));
  write_file("b.lua", text, strlen(text));
  write_file("c.lua", text, strlen(text));
  write_file("d.lua", text, strlen(text));
  refuses(*state, "for _, n in ipairs {'a', 'b', 'c', 'd'} do require(n) end return {}",
          "d.lua: with this file the recipe is too long: its files have at most 1024 KiB in all");
  free(text);
  text = repeated("goto a ", PRL_RECIPE_GOTOS + 1);
  refuses(*state, text, "x.lua: a recipe has at most 1000 gotos");
  free(text);
  text = repeated("a or ", 30000);
  memcpy(text, "x = ", 4);
  strcat(text, "a");
  prl_doc *doc;
  prl_recipe_options options = {.limits = {.work_ms = 20}};
  CHECK_FAILS(prl_recipe_eval(*state, recipe(text), &options, &doc, &error), PRL_EFORMAT,
              "x.lua: the recipe did not end within 20 ms of work");
  free(text);
  refuses(*state, "\xef\xbb\xbf\x1bLJ\2\2", "bytecode"); /* behind a byte order mark */
}

/* What no count of instructions sees, since each instruction is slow: the cap on work ends it. */
static void test_slow_instructions(void **state) {
  static const char *const slow[] = {
      "local a = ('x'):rep(1e6) .. 'a' local b = ('x'):rep(1e6) .. 'b' while true do local c = a < b end",
      "local a = ('0'):rep(1e6) .. '1' local n = 0 while true do n = n + a end",
      ("local t = {} for i = 1, 6e4 do t['k' .. i] = i end for i = 1, 6e4 - 1 do t['k' .. i] = nil end "
       "while true do next(t) end"),
  };
  prl_doc *doc;
  prl_recipe_options options = {.limits = {.steps = 100000000, .work_ms = 50}};
  for (size_t i = 0; i < sizeof slow / sizeof *slow; i++)
    CHECK_FAILS(prl_recipe_eval(*state, recipe(slow[i]), &options, &doc, &error), PRL_EFORMAT,
                "within 50 ms of work");
}

static void test_limits(void **state) {
  prl_doc *doc;
  prl_recipe_options options = {.limits = {.steps = 200000}};
  CHECK_FAILS(
      prl_recipe_eval(*state, recipe("local i = 0\nwhile true do i = i + 1 end"), &options, &doc, &error),
      PRL_EFORMAT, "x.lua:2: the recipe did not end within 200000 steps");
  options = (prl_recipe_options){.limits = {.memory = 4 << 20}};
  CHECK_FAILS(prl_recipe_eval(*state, recipe("local t = {}\nfor i = 1, 1e9 do t[i] = {} end"), &options, &doc,
                              &error),
              PRL_EFORMAT, "x.lua:2: the recipe asks for too much memory: it has 4 MB at once");
}

static prl_status evaluate(prl_runtime *runtime, void *context, prl_error *failure) {
  prl_doc *doc;
  prl_status status = prl_recipe_eval(runtime, context, NULL, &doc, failure);
  if (!status) prl_doc_free(doc);
  return status;
}

static void test_every_allocation_may_fail(void **state) {
  char path[128];
  snprintf(path, sizeof path, "%s", recipe(good));
  assert_true(fail_each_request(evaluate, path, true) > 100);
}

/* After a call of C the stack's top is where that left it. Functions at each distance above it allocate. */
static void write_deep(char *text, size_t size, const char *loop) {
  size_t used = (size_t)snprintf(text, size,
                                 "local function two(a, b) local t = {a} t[b] = b .. 'x' return t end\n"
                                 "local all = {}\n%s\n",
                                 loop);
  for (int locals = 0; locals < 10; locals++) {
    used += (size_t)snprintf(text + used, size - used, "do local name = ('y'):rep(i)");
    for (int k = 0; k < locals; k++) used += (size_t)snprintf(text + used, size - used, " local l%d = i", k);
    used += (size_t)snprintf(text + used, size - used, " all[#all + 1] = two(i, name) end\n");
  }
  snprintf(text + used, size - used, "end\nreturn {name = 'x', algorithm = {'ppo'}}\n");
}

/* A recipe that asks for too much is refused wherever it does (recipe/lua_memory.h). */
static void test_caps_hold_in_deep_frames(void **state) {
  char text[4096];
  write_deep(text, sizeof text, "for i = 1, 1e9 do");
  const char *path = recipe(text);
  prl_doc *doc;
  for (size_t more = 0; more < 300; more++) {
    prl_recipe_options options = {.limits = {.memory = ((size_t)1 << 20) + more * 48}};
    CHECK_FAILS(prl_recipe_eval(*state, path, &options, &doc, &error), PRL_EFORMAT,
                "the recipe asks for too much memory");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_gives_plain_data, setup, teardown),
      cmocka_unit_test_setup_teardown(test_overrides, setup, teardown),
      cmocka_unit_test_setup_teardown(test_files, setup, teardown),
      cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
      cmocka_unit_test_setup_teardown(test_slow_instructions, setup, teardown),
      cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
      cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, setup, teardown),
      cmocka_unit_test_setup_teardown(test_caps_hold_in_deep_frames, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
