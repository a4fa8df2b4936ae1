#include "bench/settle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/yardstick.h"

char *openblas_get_corename(void);

/* value: NULL removes it. Did that change anything? */
static bool set(const char *name, const char *value) {
  const char *now = getenv(name);
  if (value ? now && strcmp(now, value) == 0 : !now) return false;
  if (value) {
    setenv(name, value, 1);
  } else {
    unsetenv(name);
  }
  return true;
}

/* An OpenBLAS that does not know the processor takes kernels for AVX2; these are for AVX-512. */
static bool openblas_is_wide(void) {
  static const char *const wide[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
    if (strcasecmp(openblas_get_corename(), wide[i]) == 0) return true;
  return false;
}

static bool widest_openblas(void) {
  static const char forced[] = "SkylakeX";
  const char *asked = getenv("OPENBLAS_CORETYPE");
  if (asked && strcmp(asked, forced)) return set("OPENBLAS_CORETYPE", NULL); /* its own choice comes first */
  return !asked && !openblas_is_wide() && set("OPENBLAS_CORETYPE", forced);
}

static bool run_again(const char *table, char **argv) {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
  char *name = length > 0 ? (path[length] = '\0', strrchr(path, '/')) : NULL;
  if (name) {
    snprintf(name + 1, sizeof path - (size_t)(name + 1 - path), "perilune_bench%s",
             strcmp(table, "avx512") == 0 ? "_avx512" : "");
    execv(path, argv);
  }
  fprintf(stderr, "perilune_bench: cannot run %s: %s\n", name ? path : "itself", strerror(errno));
  return false;
}

bool bench_settle(const char *kernels, char **argv) {
  set("PERILUNE_KERNELS", kernels);
  const prl_kernels *k = prl_kernels_find(NULL);
  if (k != &prl_kernels_avx2 && k != &prl_kernels_avx512) {
    fprintf(stderr,
            "perilune_bench: the kernels \"%s\" are not for this processor or not timed; use avx2 or "
            "avx512\n",
            kernels ? kernels : "baseline");
    return false;
  }
  bool wide = k == &prl_kernels_avx512;
  bool changed = set("OPENBLAS_L2_SIZE", NULL);
  changed = set("LIBXSMM_TARGET", wide ? NULL : "hsw") || changed;
  changed = (wide ? widest_openblas() : set("OPENBLAS_CORETYPE", "Haswell")) || changed;
  return !changed && strcmp(k->name, yardstick_compiled_for()) == 0 ? true : run_again(k->name, argv);
}
