/* Whatever JSON is read survives being written and read again. */
#include "fuzz.h"
#include "core/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  prl_runtime *runtime = fuzz_runtime();
  prl_doc *doc, *again;
  char *text;
  size_t length;
  if (prl_json_parse(runtime, (const char *)data, size, &doc, NULL) == PRL_OK) {
    if (prl_json_write(runtime, &doc->root, size & 1, (int)(size & 2), &text, &length, NULL)) abort();
    if (prl_json_parse(runtime, text, length, &again, NULL)) abort();
    if (!prl_value_equal(&doc->root, &again->root)) abort();
    prl_doc_free(again);
    prl_free(runtime, text);
    prl_doc_free(doc);
  }
  fuzz_end(runtime);
  return 0;
}
