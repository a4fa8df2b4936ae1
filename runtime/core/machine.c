/* The memory of the machine or of the container, whichever is less. */
#include "core/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* A container sees its own limit here (cgroup v2); "max", or no such file: none. */
static int64_t group_limit(void) {
  int64_t limit = INT64_MAX;
  FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
  if (!file) return limit;
  if (fscanf(file, "%" SCNd64, &limit) != 1) limit = INT64_MAX;
  fclose(file);
  return limit;
}

int64_t prl_machine_memory(void) {
  int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE), limit = group_limit();
  int64_t bytes = pages > 0 && size > 0 ? pages * size : INT64_MAX;
  return bytes < limit ? bytes : limit;
}
