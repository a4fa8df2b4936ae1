/* Linked into every C test and the bench: where the best kernel table is asked for, it is the one that
 * PERILUNE_KERNELS names (the linker's --wrap), so that spec/run can run a test under each table. The library
 * reads no environment. */
#include <stdlib.h>

#include "core/kernel_tables.h"

int __real_prl_table_find(const char *name);
int __wrap_prl_table_find(const char *name);

int __wrap_prl_table_find(const char *name) {
  return __real_prl_table_find(name ? name : getenv("PERILUNE_KERNELS"));
}
