/* A full disk: within the body every write beyond `bytes` of a file fails (EFBIG), as with ENOSPC; and a
 * folder of the test's own, with a count of what is left in it. */
#ifndef SPEC_SUPPORT_FULL_DISK_H
#define SPEC_SUPPORT_FULL_DISK_H

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static inline void full_disk_begin(rlim_t bytes) {
  struct rlimit limit;
  signal(SIGXFSZ, SIG_IGN); /* so that write gives an error in place of a signal */
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &limit);
}

static inline void full_disk_end(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, SIG_DFL);
}

/* Makes a fresh folder; the name is good until the next call in this buffer. */
static inline const char *test_folder(char buffer[64]) {
  strcpy(buffer, "/tmp/perilune-spec-XXXXXX");
  if (!mkdtemp(buffer)) fail_msg("no temporary folder");
  return buffer;
}

static inline int files_in(const char *folder) {
  int count = 0;
  DIR *open = opendir(folder);
  if (!open) return -1;
  for (struct dirent *entry = readdir(open); entry; entry = readdir(open)) count += entry->d_name[0] != '.';
  closedir(open);
  return count;
}

static inline void remove_folder(const char *folder) {
  char path[512];
  DIR *open = opendir(folder);
  if (!open) return;
  for (struct dirent *entry = readdir(open); entry; entry = readdir(open)) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    unlink(path);
  }
  closedir(open);
  rmdir(folder);
}

#endif
