#include "log.h"

void log_add(host_log *log, const log_entry *entries, int count) {
  pthread_mutex_lock(&log->lock);
  for (int i = 0; i < count; i++) {
    if (log->added - log->taken < LOG_ENTRIES)
      log->entries[log->added++ % LOG_ENTRIES] = entries[i];
    else
      log->lost++;
  }
  pthread_mutex_unlock(&log->lock);
}

int log_take(host_log *log, log_entry *entries, int most) {
  int count = 0;
  pthread_mutex_lock(&log->lock);
  while (count < most && log->taken < log->added) entries[count++] = log->entries[log->taken++ % LOG_ENTRIES];
  pthread_mutex_unlock(&log->lock);
  return count;
}

bool log_is_half_full(host_log *log) {
  pthread_mutex_lock(&log->lock);
  const bool half = log->added - log->taken > LOG_ENTRIES / 2;
  pthread_mutex_unlock(&log->lock);
  return half;
}
