/* The memory of a lua_State: what LuaJIT cannot bear to be refused, it gets. */
#include "support/check.h"

#include <lauxlib.h>
#include <lualib.h>

#include "recipe/lua_memory.h"
#include "support/failing_alloc.h"

typedef struct watched {
  prl_lua_memory memory;
  int64_t refused, kept; /* refusals that Lua saw, and those that the reserve kept from it */
} watched;

static void *serve(void *context, void *block, size_t old_size, size_t size) {
  watched *w = context;
  bool before = w->memory.refused;
  w->memory.refused = false;
  void *fresh = prl_lua_memory_serve(&w->memory, block, block ? old_size : 0, size);
  if (size > 0 && !fresh) {
    assert_true(prl_lua_memory_may_fail(&w->memory));
    w->refused++;
  }
  w->kept += w->memory.refused;
  w->memory.refused |= before;
  return fresh;
}

/* Calls of C leave the stack's top low; functions at each distance above it allocate. */
static const char text[] =
    "local function two(a, b) local t = {a} t[b] = b .. 'x' return t, function() return t end end\n"
    "local all = {}\n"
    "for i = 1, 4 do\n"
    "  do local name = ('y'):rep(i) all[#all + 1] = two(i, name) end\n"
    "  do local name = ('y'):rep(i) local a = i all[#all + 1] = two(a, name) end\n"
    "  do local name = ('y'):rep(i) local a, b = i, i all[#all + 1] = two(a, name .. b) end\n"
    "  do local name = ('y'):rep(i) local a, b, c = i, i, i all[#all + 1] = two(a + b + c, name) end\n"
    "  do local name = ('y'):rep(i) local a, b, c, d = i, i, i, i all[#all + 1] = two(a + b + c + d, name) "
    "end\n"
    "end\n";

static int run(lua_State *L) {
  luaL_openlibs(L);
  if (luaL_loadstring(L, text)) return lua_error(L);
  lua_call(L, 0, 0);
  return 0;
}

static prl_status work(prl_runtime *runtime, void *context, prl_error *error) {
  watched *w = context;
  lua_State *L;
  prl_status status = prl_lua_memory_open(&w->memory, runtime, serve, w, &L, error);
  if (status) return status;
  prl_lua_compiler_off(L);
  if (prl_lua_protect(L, run, NULL)) status = prl_fail_memory(error, 0);
  prl_lua_memory_close(&w->memory, L);
  return status;
}

/* Of one request that fails, either Lua hears, or the reserve served it and all goes on. */
static void test_refusals_come_where_they_can_be_borne(void **state) {
  (void)state;
  watched w = {0};
  for (int64_t k = 1, requests = 1; k <= requests; k += FAILING_STRIDE) {
    failing_alloc alloc = {.fail_at = k};
    prl_error error;
    int64_t kept = w.kept;
    prl_status status = failing_once(&alloc, work, &w, &error);
    if (status == PRL_OK)
      requests = alloc.requests;
    else
      requests = k + FAILING_STRIDE;
    assert_true(status == PRL_ENOMEM || alloc.requests >= k);
    if (status == PRL_ENOMEM) assert_int_equal(w.kept, kept);
    assert_int_equal(alloc.live_blocks, 0);
  }
  assert_true(w.refused > 50 && w.kept > 0);
}

/* Where the host has nothing more, the reserve lasts until an allocation that can fail. */
static void *nothing_more(void *context, void *block, size_t old_size, size_t size) {
  failing_alloc *self = context;
  if (size > 0 && self->requests >= self->fail_at) return NULL;
  return failing_alloc_fn(self, block, old_size, size);
}

static void test_memory_that_is_gone_stays_gone(void **state) {
  (void)state;
  watched w = {0};
  for (int64_t k = 1; k < 400; k += FAILING_STRIDE) {
    failing_alloc alloc = {.fail_at = k};
    prl_runtime_options options = {.alloc = nothing_more, .alloc_context = &alloc};
    prl_runtime *runtime = NULL;
    prl_error error;
    prl_status status = prl_runtime_new(&options, &runtime, &error);
    if (!status) status = work(runtime, &w, &error);
    assert_int_equal(status, PRL_ENOMEM);
    prl_runtime_release(runtime);
    assert_int_equal(alloc.live_blocks, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refusals_come_where_they_can_be_borne),
      cmocka_unit_test(test_memory_that_is_gone_stays_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
