/* Environments from a shared object: the one symbol prl_env_entry, and what a careless author may have left
 * out. */
#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>

#include "core/arguments.h"
#include "core/memory.h"
#include "env/types.h"

struct prl_env_library {
  prl_runtime *runtime;
  void *handle;
  const prl_env_type *type;
};

/* dlopen looks in the system's folders for a name without a slash, which is not what a recipe means. */
static void *open_handle(prl_runtime *runtime, const char *path, prl_error *error) {
  size_t size = strlen(path) + 3;
  char *local = prl_alloc(runtime, size);
  if (!local) {
    prl_fail_memory(error, size);
    return NULL;
  }
  strcpy(local, strchr(path, '/') ? "" : "./");
  strcat(local, path);
  struct stat about; /* dlopen would wait for the writer of a pipe */
  bool other = stat(local, &about) == 0 && !S_ISREG(about.st_mode);
  void *handle = other ? NULL : dlopen(local, RTLD_NOW | RTLD_LOCAL);
  if (other)
    prl_fail(error, PRL_EIO, "cannot load the environment: %s is not a regular file", path);
  else if (!handle)
    prl_fail(error, PRL_EIO, "cannot load the environment: %s", dlerror());
  prl_free(runtime, local);
  return handle;
}

static prl_status find_type(prl_env_library *library, const char *path, prl_error *error) {
  void *symbol = dlsym(library->handle, "prl_env_entry");
  prl_env_entry_fn entry;
  if (!symbol)
    return prl_fail(error, PRL_EFORMAT,
                    "%s defines no prl_env_entry (const prl_env_type *prl_env_entry(void))", path);
  memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from an object's pointer to a function's */
  library->type = entry();
  if (!library->type) return prl_fail(error, PRL_EFORMAT, "%s: prl_env_entry returned NULL", path);
  return prl_env_check_type(library->type, PRL_EFORMAT, path, error);
}

prl_status prl_env_library_open(prl_runtime *runtime, const char *path, prl_env_library **out,
                                prl_error *error) {
  prl_error own;
  if (!error) error = &own;
  prl_status status = PRL_GIVEN(error, "runtime path out", runtime, path, out);
  if (status) return status;
  prl_env_library *library = prl_calloc(runtime, 1, sizeof *library);
  if (!library) return prl_fail_memory(error, sizeof *library);
  library->runtime = prl_runtime_retain(runtime);
  library->handle = open_handle(runtime, path, error);
  status = library->handle ? find_type(library, path, error) : error->status;
  if (status) {
    prl_env_library_close(library);
    return status;
  }
  *out = library;
  return PRL_OK;
}

const prl_env_type *prl_env_library_type(const prl_env_library *library) {
  return library ? library->type : NULL;
}

void prl_env_library_close(prl_env_library *library) {
  if (!library) return;
  prl_runtime *runtime = library->runtime;
  if (library->handle) dlclose(library->handle);
  prl_free(runtime, library);
  prl_runtime_release(runtime);
}
