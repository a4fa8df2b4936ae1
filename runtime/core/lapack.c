/* OpenBLAS is found where it was at the build or by name, and opened when it is first needed. */
#include "core/lapack.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

const char *const prl_lapack_places[] = {PRL_OPENBLAS, "libopenblas.so.0", NULL};

/* ISO C has no cast from an object's pointer to a function's. */
static bool find(void *handle, const char *name, void *function) {
  void *symbol = dlsym(handle, name);
  memcpy(function, &symbol, sizeof symbol);
  return symbol != NULL;
}

static bool find_all(void *handle, prl_lapack *out) {
  return find(handle, "sgeqrf_", &out->sgeqrf) && find(handle, "sorgqr_", &out->sorgqr) &&
         find(handle, "dpotrf_", &out->dpotrf) && find(handle, "dpotri_", &out->dpotri) &&
         find(handle, "dtrsm_", &out->dtrsm) && find(handle, "dsyrk_", &out->dsyrk) &&
         find(handle, "dgemm_", &out->dgemm);
}

prl_status prl_lapack_load(const char *const *places, const char *use, prl_lapack *out, prl_error *error) {
  void *handle = NULL;
  for (; *places && !handle; places++) handle = dlopen(*places, RTLD_LAZY | RTLD_LOCAL);
  prl_lapack found;
  if (handle && find_all(handle, &found)) {
    *out = found;
    return PRL_OK;
  }
  return prl_fail(error, PRL_EABSENT, "%s need OpenBLAS (Debian's libopenblas0-serial): %s", use, dlerror());
}
