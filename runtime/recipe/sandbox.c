/* Runs a recipe in the sandbox, and takes out what it leaves. */
#include "recipe/sandbox.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/value.h"
#include "recipe/state.h"

/* What run_prelude works on: through the registry-free light userdata of lua_cpcall. */
typedef struct evaluation {
  prl_sandbox *sandbox;
  prl_doc *doc;
  prl_error error;
  bool converting; /* the failure is `error`, from the conversion */
} evaluation;

static const prl_value_limits result_limits = {.depth = 48, .values = 50000, .bytes = 2 << 20};

/* Text with each chunk name "recipe#N" replaced by the path of file N. */
static void write_message(const prl_sandbox *s, const char *text, char *out, size_t size) {
  size_t used = 0;
  while (*text && used + 1 < size) {
    int number = 0, length = 0;
    if (strncmp(text, "recipe#", 7) == 0 && sscanf(text, PRL_RECIPE_CHUNK "%n", &number, &length) == 1 &&
        number >= 1 && number <= s->files_count) {
      const prl_recipe_file *file = &s->files[number - 1];
      int n = snprintf(out + used, size - used, file->real ? "%s" : "--set %s", file->path);
      used = used + (size_t)n < size ? used + (size_t)n : size - 1;
      text += length;
      if (!file->real && *text == ':') text += 1 + strspn(text + 1, "0123456789"); /* it has but one line */
    } else {
      out[used++] = *text++;
    }
  }
  out[used] = 0;
}

static void place(const prl_sandbox *s, char *out, size_t size) {
  if (s->file >= 1 && s->file <= s->files_count)
    snprintf(out, size, PRL_RECIPE_CHUNK ":%d: ", s->file, s->line);
  else
    snprintf(out, size, PRL_RECIPE_CHUNK ": ", 1);
}

static prl_status fail_placed(const prl_sandbox *s, const char *what, prl_error *error) {
  char at[64], text[900], message[1000];
  place(s, at, sizeof at);
  snprintf(text, sizeof text, "%s%s", strncmp(what, "recipe#", 7) == 0 ? "" : at, what);
  write_message(s, text, message, sizeof message);
  for (char *c = message; *c; c++)
    if (*c == '\n' || *c == '\r' || *c == '\t') *c = ' '; /* one sentence, one line */
  return prl_fail(error, PRL_EFORMAT, "%s", message);
}

/* What became of an evaluation that did not succeed. */
static prl_status explain(const evaluation *e, const char *raised, prl_error *error) {
  const prl_sandbox *s = e->sandbox;
  char text[600];
  switch (s->stopped) {
  case PRL_STOP_HOST:
    return prl_fail_memory(error, s->used);
  case PRL_STOP_STEPS:
    snprintf(text, sizeof text, "the recipe did not end within %lld steps: does a loop here have no end?",
             (long long)s->limits.steps);
    return fail_placed(s, text, error);
  case PRL_STOP_WORK:
    snprintf(text, sizeof text,
             "the recipe did not end within %lld ms of work: does a loop here have no end?",
             (long long)s->limits.work_ms);
    return fail_placed(s, text, error);
  case PRL_STOP_MEMORY:
    snprintf(text, sizeof text,
             "the recipe asks for too much memory: it has %zu MB at once, and %zu MB in one block",
             s->limits.memory >> 20, PRL_RECIPE_BLOCK >> 20);
    return fail_placed(s, text, error);
  case PRL_GOES_ON:
    break;
  }
  if (e->converting && e->error.status == PRL_ENOMEM)
    return prl_fail(error, PRL_ENOMEM, "%s", e->error.message);
  if (e->converting) return fail_placed(s, e->error.message, error);
  bool of_prelude = raised && strncmp(raised, PRL_PRELUDE_PLACE, strlen(PRL_PRELUDE_PLACE)) == 0;
  const char *own = of_prelude ? strchr(raised, ' ') : NULL;
  return fail_placed(s,
                     own      ? own + 1
                     : raised ? raised
                              : "the recipe raised an error that is not a string",
                     error);
}

static bool put_text(prl_doc *doc, prl_value *map, const char *key, const char *text, size_t size) {
  prl_value *to = prl_put(doc, map, key);
  return to && prl_set_string(doc, to, text, size);
}

/* Overrides stay in the list, so that the numbers in `reads` are positions in it. */
static prl_status write_files(evaluation *e) {
  prl_value *files = prl_put(e->doc, &e->doc->root, "files");
  if (!files) return prl_fail_memory(&e->error, sizeof *files);
  prl_set_array(files);
  for (int i = 0; i < e->sandbox->files_count; i++) {
    const prl_recipe_file *file = &e->sandbox->files[i];
    prl_value *item = prl_push(e->doc, files);
    if (item) prl_set_map(item);
    bool ok = item && put_text(e->doc, item, "path", file->path, strlen(file->path)) &&
              put_text(e->doc, item, "text", file->text, file->size);
    prl_value *is_override = ok ? prl_put(e->doc, item, "override") : NULL;
    if (!is_override) return prl_fail_memory(&e->error, file->size);
    prl_set_bool(is_override, !file->real);
  }
  return PRL_OK;
}

static prl_status convert(lua_State *L, evaluation *e) {
  static const char *const names[] = {"recipe", "reads", "set", "defects", "sweep"};
  prl_doc *doc = e->doc;
  int first = lua_gettop(L) - 4;
  prl_set_map(&doc->root);
  for (int i = 0; i < 5; i++) {
    prl_value *to = prl_put(doc, &doc->root, names[i]);
    if (!to) return prl_fail_memory(&e->error, sizeof *to);
    prl_status status = prl_value_from_lua(L, first + i, &result_limits, doc, to, &e->error);
    if (status) return status;
  }
  return write_files(e);
}

/* Under lua_cpcall: library, prelude, recipe, result. */
static int run_prelude(lua_State *L) {
  evaluation *e = lua_touserdata(L, 1);
  lua_settop(L, 0);
  prl_sandbox_library(L);
  lua_getfield(L, 1, "embedded");
  lua_pushliteral(L, "perilune.recipe.prelude");
  lua_call(L, 1, 1);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 5);
  prl_sandbox_check(L);
  luaL_checkstack(L, 200, NULL);
  e->converting = true;
  if (convert(L, e)) return luaL_error(L, "conversion");
  e->converting = false;
  return 0;
}

/* An override is a file without a place: its text is "path=expression". */
static prl_status add_overrides(prl_sandbox *s, const prl_recipe_options *options, prl_error *error) {
  for (int i = 0; options && i < options->set_count; i++) {
    const char *text = options->set[i];
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
      return prl_fail(error, PRL_EFORMAT, "--set %s: expected a path and a value, such as algorithm.lr=1e-3",
                      text);
    if (s->files_count == PRL_RECIPE_FILES || strlen(text) > 4096)
      return prl_fail(error, PRL_EFORMAT, "--set %.80s: too many overrides, or too long", text);
    prl_recipe_file *file = &s->files[s->files_count++];
    memset(file, 0, sizeof *file);
    file->path = prl_strdup(s->runtime, text);
    file->text = prl_strdup(s->runtime, text);
    file->size = strlen(text);
    if (!file->path || !file->text) return prl_fail_memory(error, file->size);
  }
  return PRL_OK;
}

static prl_status evaluate(prl_sandbox *s, prl_doc **out, prl_error *error) {
  lua_State *L;
  prl_status status = prl_sandbox_open(s, &L, error);
  if (status) return status;
  evaluation e = {.sandbox = s};
  status = prl_doc_new(s->runtime, &e.doc, error);
  if (!status && prl_lua_protect(L, run_prelude, &e)) {
    bool text = lua_type(L, -1) == LUA_TSTRING; /* of a number, lua_tostring would ask for memory */
    status = explain(&e, text ? lua_tostring(L, -1) : NULL, error);
    prl_doc_free(e.doc);
  } else if (!status) {
    *out = e.doc;
  }
  prl_lua_memory_close(&s->memory, L);
  return status;
}

prl_status prl_recipe_eval(prl_runtime *runtime, const char *path, const prl_recipe_options *options,
                           prl_doc **out, prl_error *error) {
  prl_sandbox *s = prl_calloc(runtime, 1, sizeof *s);
  if (!s) return prl_fail_memory(error, sizeof *s);
  s->runtime = runtime;
  if (options) s->limits = options->limits;
  if (options) s->running = options->running;
  prl_status status = prl_sandbox_main(s, path, error);
  if (!status) status = add_overrides(s, options, error);
  if (!status) status = evaluate(s, out, error);
  prl_sandbox_close(s);
  prl_free(runtime, s);
  return status;
}
