#include "support/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/number.h"
#include "core/rng.h"
#include "core/value.h"
#include "support/failing_alloc.h"

static prl_error error;

static int setup(void **state) { return prl_runtime_new(NULL, (prl_runtime **)state, NULL); }

static int teardown(void **state) {
  prl_runtime *runtime = *state;
  if (prl_runtime_memory(runtime).live_bytes > 4096) return 1; /* a test that leaks a document */
  prl_runtime_release(runtime);
  return 0;
}

static prl_doc *parse(prl_runtime *runtime, const char *text) {
  prl_doc *doc = NULL;
  CHECK_OK(prl_json_parse(runtime, text, strlen(text), &doc, &error));
  return doc;
}

static void assert_writes(prl_runtime *runtime, const char *json, bool sorted, int indent,
                          const char *wanted) {
  prl_doc *doc = parse(runtime, json);
  char *text;
  size_t length;
  CHECK_OK(prl_json_write(runtime, &doc->root, sorted, indent, &text, &length, &error));
  assert_string_equal(text, wanted);
  assert_int_equal(length, strlen(wanted));
  prl_free(runtime, text);
  prl_doc_free(doc);
}

static void test_reads_and_writes(void **state) {
  assert_writes(*state, " {\"b\":[1,2.5,-0],\"a\":{},\"c\":[],\"d\":\"x\\ny\\u00e9\\ud83d\\ude00\\/\"} ",
                false, 0, "{\"b\":[1,2.5,-0],\"a\":{},\"c\":[],\"d\":\"x\\nyé😀/\"}");
  assert_writes(*state, "{\"b\":1,\"a\":{\"z\":null,\"y\":true},\"ab\":false}", true, 0,
                "{\"a\":{\"y\":true,\"z\":null},\"ab\":false,\"b\":1}");
  assert_writes(*state, "{\"a\":[1,{\"b\":2}]}", false, 2,
                "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ]\n}");
  assert_writes(*state, "\"\\u0000\\u001f\"", false, 0, "\"\\u0000\\u001f\"");
}

static void test_builders_and_readers(void **state) {
  prl_doc *doc;
  CHECK_OK(prl_doc_new(*state, &doc, &error));
  prl_set_map(&doc->root);
  prl_value *list = prl_put(doc, &doc->root, "list");
  prl_set_array(list);
  for (int i = 0; i < 100; i++) prl_set_number(prl_push(doc, list), i);
  prl_set_number(prl_put(doc, &doc->root, "gamma"), 0.5);
  prl_set_number(prl_put(doc, &doc->root, "gamma"), 0.25); /* replaces */
  assert_true(prl_set_string(doc, prl_put(doc, &doc->root, "name"), "watch", 5));
  prl_set_bool(prl_put(doc, &doc->root, "on"), true);
  assert_int_equal(prl_count(&doc->root), 4);
  assert_true(prl_get_number(&doc->root, "gamma", 0) == 0.25);
  assert_int_equal(prl_get_int(&doc->root, "gamma", 7), 7); /* not a whole number */
  assert_int_equal(prl_get_int(prl_get(&doc->root, "list"), "x", 3), 3);
  assert_true(prl_get_bool(&doc->root, "on", false));
  assert_string_equal(prl_get_string(&doc->root, "name", ""), "watch");
  assert_string_equal(prl_get_string(&doc->root, "gamma", "none"), "none");
  assert_true(prl_path(&doc->root, "list.100")->as.number == 99);
  assert_null(prl_path(&doc->root, "list.101"));
  assert_null(prl_path(&doc->root, "list.0"));
  assert_null(prl_path(&doc->root, "list.99999999999999999999"));
  assert_null(prl_path(&doc->root, "gamma.1"));
  assert_null(prl_item(prl_get(&doc->root, "list"), -1));
  assert_ptr_equal(prl_path(&doc->root, ""), &doc->root);
  prl_doc *other;
  CHECK_OK(prl_doc_new(*state, &other, &error));
  assert_true(prl_value_copy(other, &other->root, &doc->root));
  assert_true(prl_value_equal(&other->root, &doc->root));
  prl_doc_free(doc);
  const char *key;
  const prl_value *value;
  prl_pair(&other->root, 2, &key, &value);
  assert_string_equal(key, "name");
  prl_pair(&other->root, 4, &key, &value);
  assert_null(key);
  assert_null(value);
  prl_doc_free(other);
}

static void test_equality_and_hash(void **state) {
  prl_doc *a = parse(*state, "{\"x\":1,\"y\":[1,\"two\"]}"),
          *b = parse(*state, "{\"y\":[1,\"two\"],\"x\":1e0}");
  prl_doc *c = parse(*state, "{\"y\":[1,\"two\"],\"x\":1.0000000000000002}");
  char ha[33], hb[33], hc[33];
  CHECK_OK(prl_value_hash(*state, &a->root, ha, &error));
  CHECK_OK(prl_value_hash(*state, &b->root, hb, &error));
  CHECK_OK(prl_value_hash(*state, &c->root, hc, &error));
  assert_true(prl_value_equal(&a->root, &b->root));
  assert_false(prl_value_equal(&a->root, &c->root));
  assert_string_equal(ha, hb);
  assert_string_not_equal(ha, hc);
  /* Kept with recipes and checkpoints: it must never change. printf '{"x":1,"y":[1,"two"]}' | xxh128sum */
  assert_string_equal(ha, "f529ca88bb4df556e503adeeaf8aefdd");
  prl_doc_free(a);
  prl_doc_free(b);
  prl_doc_free(c);
}

static void test_refuses_malformed(void **state) {
  static const struct {
    const char *text, *message;
  } bad[] = {
      {"", "line 1, column 1: the text ends where a value"},
      {"{\"a\":1,}", "'}' where a key in double quotes"},
      {"[1,]", "']' where a value"},
      {"[1 2]", "'2' where ',' or ']'"},
      {"{\"a\" 1}", "where ':'"},
      {"\n\n  nul", "line 3, column 3: 'n' where"},
      {"01", "'01' is not a number"},
      {"[.5]", "'.' where"},
      {"5.", "'5.' is not"},
      {"-", "'-' is not"},
      {"1e", "'1e' is not"},
      {"1.e3", "'1.e3' is not"},
      {"-.5", "'-.5' is not"},
      {"1-2", "'1-2' is not"},
      {"\"ab", "ends inside a string"},
      {"\"\\", "ends inside a string"},
      {"\"a\nb\"", "byte 0x0a"},
      {"\"\\x\"", "'x' where one of"},
      {"\"\\u12g4\"", "four hexadecimal"},
      {"\"\\ud800\"", "surrogate"},
      {"\"\\udc00\\ud800\"", "surrogate"},
      {"\"\xc3(\"", "0xc3 in a string is not UTF-8"},
      {"\"\xed\xa0\x80\"", "not UTF-8"},
      {"{\"a\":1,\"b\":2,\"a\":3}", "\"a\" appears twice"},
      {"{\"a\\u0000b\":1}", "NUL"},
      {"[1] x", "the end of the text"},
      {"NaN", "'N' where"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    prl_doc *doc = NULL;
    CHECK_FAILS(prl_json_parse(*state, bad[i].text, strlen(bad[i].text), &doc, &error), PRL_EFORMAT,
                bad[i].message);
    assert_null(doc);
  }
  prl_doc *doc = NULL;
  CHECK_FAILS(prl_json_parse(*state, "[1e999]", 7, &doc, &error), PRL_ENUMERIC, "1e999");
  CHECK_FAILS(prl_json_parse(*state, "\"a\0b\"", 5, &doc, &error), PRL_EFORMAT, "0x00");
}

static void test_depth(void **state) {
  char text[131];
  memset(text, '[', 64);
  memset(text + 64, ']', 64);
  text[128] = 0;
  assert_writes(*state, text, false, 0, text);
  memset(text, '[', 65);
  memset(text + 65, ']', 65);
  text[130] = 0;
  prl_doc *doc = NULL;
  CHECK_FAILS(prl_json_parse(*state, text, 130, &doc, &error), PRL_EFORMAT, "deeper than 64");
  CHECK_OK(prl_doc_new(*state, &doc, &error));
  prl_value *at = &doc->root;
  for (int i = 0; i < 66; i++) {
    prl_set_array(at);
    at = prl_push(doc, at);
  }
  char *out = NULL;
  CHECK_FAILS(prl_json_write(*state, &doc->root, false, 0, &out, NULL, &error), PRL_EFORMAT,
              "deeper than 64");
  assert_null(out);
  prl_doc_free(doc);
}

static void test_writer_refuses(void **state) {
  prl_doc *doc = parse(*state, "{\"critics\":{\"watch\":[1,2,3]}}");
  char *out = NULL;
  prl_value *number = (prl_value *)prl_path(&doc->root, "critics.watch.2");
  prl_set_number(number, -INFINITY);
  CHECK_FAILS(prl_json_write(*state, &doc->root, false, 0, &out, NULL, &error), PRL_ENUMERIC,
              "-inf, the value at critics.watch.2");
  assert_true(prl_set_string(doc, number, "\xff", 1));
  CHECK_FAILS(prl_json_write(*state, &doc->root, true, 0, &out, NULL, &error), PRL_EFORMAT,
              "critics.watch.2");
  assert_null(out);
  prl_doc_free(doc);
}

static void assert_number(double number, const char *wanted) {
  char text[PRL_NUMBER_TEXT];
  assert_int_equal(prl_number_format(number, text), strlen(wanted));
  assert_string_equal(text, wanted);
}

static void test_number_forms(void **state) {
  (void)state;
  assert_number(0, "0");
  assert_number(-0.0, "-0");
  assert_number(1e15, "1000000000000000");
  assert_number(9007199254740992.0, "9007199254740992");
  assert_number(1e20, "100000000000000000000");
  assert_number(1e21, "1e21");
  assert_number(0.1, "0.1");
  assert_number(-1e-7, "-0.0000001");
  assert_number(1e-8, "1e-8");
  assert_number(0.1 + 0.2, "0.30000000000000004");
  assert_number(123.456, "123.456");
  assert_number(5e-324, "5e-324");
  assert_number(2.2250738585072014e-308, "2.2250738585072014e-308");
  assert_number(1.7976931348623157e308, "1.7976931348623157e308");
  assert_number(NAN, "nan");
  assert_number(-INFINITY, "-inf");
}

/* Any double survives the way to text and back, and any text reads as strtod reads it. */
static void test_number_round_trips(void **state) {
  (void)state;
  prl_rng rng = prl_rng_make(11, 0, PRL_SITE_USER);
  for (uint32_t i = 0; i < 20000; i++) {
    uint32_t words[4];
    prl_rng_block(rng, 0, 0, i, 0, words);
    uint64_t bits = (uint64_t)words[0] << 32 | words[1];
    double number, back;
    memcpy(&number, &bits, sizeof number);
    if (i % 4 == 1) number = (double)(int32_t)words[0] / 1000; /* ordinary decimals */
    if (!isfinite(number)) continue;
    char text[PRL_NUMBER_TEXT];
    size_t length = prl_number_format(number, text);
    assert_true(length < PRL_NUMBER_TEXT && text[length] == 0);
    assert_true(prl_number_parse(text, length, &back));
    assert_memory_equal(&back, &number, sizeof number);
    char decimal[80];
    snprintf(decimal, sizeof decimal, "%u.%0*ue%d", words[2] >> (words[3] & 31), (int)(words[3] >> 5 & 15),
             words[1], (int)(words[3] >> 9 & 63) - 32);
    assert_true(prl_number_parse(decimal, strlen(decimal), &back));
    assert_true(back == strtod(decimal, NULL));
  }
}

static void test_number_refusals(void **state) {
  (void)state;
  static const char *const bad[] = {"",   "-",  "+",     ".",    "e5",  "1e",  "1e+",
                                    "1 ", " 1", "1.2.3", "0x10", "inf", "nan", "1,5"};
  double number = 7;
  int64_t whole = 7;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(prl_number_parse(bad[i], strlen(bad[i]), &number));
    assert_false(prl_integer_parse(bad[i], strlen(bad[i]), &whole));
  }
  assert_true(number == 7 && whole == 7);
  assert_true(prl_number_parse("+.5e1", 5, &number) && number == 5);
  assert_true(prl_integer_parse("-9223372036854775808", 20, &whole) && whole == INT64_MIN);
  assert_false(prl_integer_parse("9223372036854775808", 19, &whole));
  assert_false(prl_integer_parse("99999999999999999999", 20, &whole));
}

static const char seed_text[] =
    "{\"name\":\"watch \\u00e9\\ud83d\\ude00\",\"gamma\":0.95,\"list\":[1,-2.5e-3,true,null,"
    "{\"deep\":[[[]]],\"x\":\"\"}],\"hash\":\"00ff\",\"z\":1e22}";

/* Mutated JSON is read or refused, and what is read survives writing. */
static void test_mutations(void **state) {
  prl_rng rng = prl_rng_make(5, 0, PRL_SITE_USER);
  int read = 0;
  for (uint32_t i = 0; i < 20000; i++) {
    char text[sizeof seed_text + 8];
    size_t length = sizeof seed_text - 1;
    memcpy(text, seed_text, length);
    uint32_t words[4];
    prl_rng_block(rng, 0, 0, i, 0, words);
    for (int m = 0; m < 1 + (int)(words[3] & 1); m++) {
      size_t at = words[m] % length;
      static const char pool[] = "[]{}\",:\\0123456789eE+-.truefalsn \n\t\xc3\xff\x01";
      text[at] = pool[(words[m] >> 16) % (sizeof pool - 1)];
    }
    if (words[3] & 2) length = words[2] % (length + 1);
    char *exact = malloc(length + 1); /* so that the sanitizer sees a read past the end */
    memcpy(exact, text, length);
    prl_doc *doc = NULL, *again = NULL;
    if (prl_json_parse(*state, exact, length, &doc, &error) == PRL_OK) {
      char *out;
      size_t size;
      CHECK_OK(prl_json_write(*state, &doc->root, i & 1, (int)(i & 3), &out, &size, &error));
      CHECK_OK(prl_json_parse(*state, out, size, &again, &error));
      assert_true(prl_value_equal(&doc->root, &again->root));
      prl_free(*state, out);
      prl_doc_free(again);
      prl_doc_free(doc);
      read++;
    } else {
      assert_true(error.status == PRL_EFORMAT || error.status == PRL_ENUMERIC);
    }
    free(exact);
  }
  assert_true(read > 500);
}

static prl_status read_copy_write(prl_runtime *runtime, void *context, prl_error *e) {
  (void)context;
  prl_doc *doc = NULL, *copy = NULL;
  char *text = NULL, hash[33];
  prl_status status = prl_json_parse(runtime, seed_text, sizeof seed_text - 1, &doc, e);
  if (status == PRL_OK) status = prl_doc_new(runtime, &copy, e);
  if (status == PRL_OK && !prl_value_copy(copy, &copy->root, &doc->root)) status = prl_fail_memory(e, 1);
  if (status == PRL_OK) status = prl_json_write(runtime, &copy->root, true, 2, &text, NULL, e);
  if (status == PRL_OK) status = prl_value_hash(runtime, &copy->root, hash, e);
  prl_free(runtime, text);
  prl_doc_free(copy);
  prl_doc_free(doc);
  return status;
}

static void test_failing_allocations(void **state) {
  (void)state;
  assert_true(fail_each_allocation(read_copy_write, NULL) > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_reads_and_writes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_builders_and_readers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_equality_and_hash, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refuses_malformed, setup, teardown),
      cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
      cmocka_unit_test_setup_teardown(test_writer_refuses, setup, teardown),
      cmocka_unit_test(test_number_forms),
      cmocka_unit_test(test_number_round_trips),
      cmocka_unit_test(test_number_refusals),
      cmocka_unit_test_setup_teardown(test_mutations, setup, teardown),
      cmocka_unit_test(test_failing_allocations),
  };
  return cmocka_run_group_tests_name("core/value", tests, NULL, NULL);
}
