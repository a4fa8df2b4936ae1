/* Files and folders of a test's own, which go away with its process, also after a failed check. */
#ifndef SPEC_SUPPORT_SCRATCH_H
#define SPEC_SUPPORT_SCRATCH_H

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_root[32];

static inline void scratch_clear(void) {
  char command[64];
  snprintf(command, sizeof command, "rm -rf '%s'", scratch_root);
  if (system(command)) perror(scratch_root);
}

/* A path where nothing is yet; what stands beside it goes away, too. */
static inline const char *scratch_path(char path[64]) {
  static int count;
  if (!*scratch_root) {
    strcpy(scratch_root, "/tmp/perilune_test_XXXXXX");
    if (!mkdtemp(scratch_root) || atexit(scratch_clear)) fail_msg("no temporary folder");
  }
  snprintf(path, 64, "%s/%d", scratch_root, ++count);
  return path;
}

/* A new folder. */
static inline const char *scratch_folder(char path[64]) {
  if (mkdir(scratch_path(path), 0700)) fail_msg("no temporary folder");
  return path;
}

#endif
