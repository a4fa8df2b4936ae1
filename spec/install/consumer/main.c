#include <perilune/core.h>
#include <stdio.h>

int main(void) {
  prl_runtime *runtime = NULL;
  prl_error error;
  if (prl_runtime_new(NULL, &runtime, &error) != PRL_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  puts(PRL_VERSION);
  prl_runtime_release(runtime);
  return 0;
}
