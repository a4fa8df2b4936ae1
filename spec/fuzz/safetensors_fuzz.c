/* Whatever is read as safetensors has all its tensors within the file. */
#include "fuzz.h"
#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  prl_runtime *runtime = fuzz_runtime();
  prl_safetensors *file;
  if (prl_safetensors_parse(runtime, "fuzz", data, size, &file, NULL) == PRL_OK) {
    for (int64_t i = 0; i < file->count; i++) {
      const prl_st_tensor *entry = &file->tensors[i];
      prl_tensor tensor = {0};
      if (entry->size > 0 &&
          ((const uint8_t *)entry->data < data || (const uint8_t *)entry->data + entry->size > data + size))
        abort();
      if (prl_safetensors_tensor(file, entry->name, &tensor, NULL) == PRL_OK) prl_tensor_release(&tensor);
    }
    prl_safetensors_close(file);
  }
  fuzz_end(runtime);
  return 0;
}
