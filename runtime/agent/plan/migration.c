/* The list of what becomes of an agent's parts in a swap. */
#include "agent/plan/migration.h"

#include <stdarg.h>
#include <string.h>

#include "core/number.h"

prl_status prl_migration_new(prl_runtime *runtime, prl_migration **out, prl_error *error) {
  prl_migration *m = prl_calloc(runtime, 1, sizeof *m);
  if (!m) return prl_fail_memory(error, sizeof *m);
  m->runtime = runtime;
  prl_arena_init(&m->arena, runtime);
  *out = m;
  return PRL_OK;
}

void prl_migration_free(prl_migration *m) {
  if (!m) return;
  prl_runtime *runtime = m->runtime;
  prl_arena_deinit(&m->arena);
  prl_free(runtime, m->items);
  prl_free(runtime, m);
}

static bool grow(prl_migration *m) {
  const int capacity = m->capacity ? 2 * m->capacity : 32;
  prl_migrated *items = prl_realloc(m->runtime, m->items, (size_t)capacity * sizeof *items);
  if (!items) return false;
  m->items = items;
  m->capacity = capacity;
  return true;
}

void prl_migration_note(prl_migration *m, const prl_migrated *entry, const char *reason, ...) {
  char text[400];
  va_list arguments;
  if (!m || m->failed) return;
  va_start(arguments, reason);
  prl_vformat(text, sizeof text, reason, arguments);
  va_end(arguments);
  const char *name = entry->name ? entry->name : "";
  char *own = prl_arena_text(&m->arena, name, strlen(name));
  char *why = prl_arena_text(&m->arena, text, strlen(text));
  if (!own || !why || (m->count == m->capacity && !grow(m))) {
    m->failed = true;
    return;
  }
  prl_migrated *to = &m->items[m->count++];
  *to = *entry;
  to->name = own;
  to->reason = why;
}
