/* A full disk: within the body every write beyond `bytes` of a file fails (EFBIG), as with ENOSPC; and a
 * count of what is left in a folder. */
#ifndef SPEC_SUPPORT_FULL_DISK_H
#define SPEC_SUPPORT_FULL_DISK_H

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

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

static inline int files_in(const char *folder) {
  int count = 0;
  DIR *open = opendir(folder);
  if (!open) return -1;
  for (struct dirent *entry = readdir(open); entry; entry = readdir(open)) count += entry->d_name[0] != '.';
  closedir(open);
  return count;
}

#endif
