/* The table of verbs, and the README that documents it. */
#include "support/check.h"

#include <stdio.h>

#include "agent/verbs/verb.h"

static char readme[65536];

static int read_readme(void **state) {
  (void)state;
  FILE *file = fopen("runtime/agent/README.md", "rb");
  if (!file) return -1;
  size_t size = fread(readme, 1, sizeof readme - 1, file);
  readme[size] = 0;
  fclose(file);
  return 0;
}

/* A row of the README for each verb, as the entry says it, and no other row. */
static void readme_has_the_table(void **state) {
  (void)state;
  static char row[4096];
  const char *head = strstr(readme, "| verb | fields | what it does |\n|---|---|---|\n");
  assert_non_null(head);
  const char *at = strstr(head, "|---|---|---|\n") + strlen("|---|---|---|\n");
  for (const prl_verb_type *const *type = prl_verb_types; *type; type++) {
    snprintf(row, sizeof row, "| %s | %s | %s |\n", (*type)->name, (*type)->fields_text, (*type)->text);
    if (strncmp(at, row, strlen(row)) != 0) fail_msg("runtime/agent/README.md lacks the row:\n%s", row);
    at += strlen(row);
  }
  assert_true(*at != '|');
}

/* What an entry must have to be of use. */
static void entries_are_whole(void **state) {
  (void)state;
  for (const prl_verb_type *const *type = prl_verb_types; *type; type++) {
    assert_non_null((*type)->execute);
    assert_non_null((*type)->text);
    assert_ptr_equal(prl_verb_type_find((*type)->name), *type);
    assert_true(!(*type)->keys || (*type)->read); /* what may be written is read */
  }
  assert_null(prl_verb_type_find("end"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(readme_has_the_table),
                                     cmocka_unit_test(entries_are_whole)};
  return cmocka_run_group_tests(tests, read_readme, NULL);
}
