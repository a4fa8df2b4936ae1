/* A recipe's text, as `perilune check` reads it: the sandbox, and where it loads, the schema, the builder and
 * the plan. */
#include <fcntl.h>

#include "fuzz.h"
#include "perilune/agent.h"
#include "recipe/sandbox.h"

static char folder[] = "/tmp/perilune-fuzz-XXXXXX", path[64];

static void clean(void) {
  unlink(path);
  rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  if (!mkdtemp(folder)) abort();
  snprintf(path, sizeof path, "%s/x.lua", folder);
  atexit(clean);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  prl_error error;
  prl_doc *doc;
  prl_plan *plan;
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || write(file, data, size) != (ssize_t)size) abort();
  close(file);
  prl_runtime *runtime = fuzz_runtime();
  prl_recipe_options options = {.limits = {.work_ms = 2000}}; /* the sanitizers are slow */
  bool sound = fuzz_ok(prl_recipe_eval(runtime, path, &options, &doc, &error), &error);
  if (sound) prl_doc_free(doc);
  const int lines = 11; /* ten mistakes and how many there are */
  if (sound && fuzz_ok_lines(prl_plan_load(runtime, path, NULL, &plan, &error), &error, lines))
    prl_plan_free(plan);
  fuzz_end(runtime);
  return 0;
}
