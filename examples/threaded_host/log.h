/* The host's log: what its threads decided and what came of it, in one order. */
#ifndef LOG_H
#define LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOG_OBSERVATIONS = 2, LOG_RESPONSES = 2, LOG_ENTRIES = 4096 };

/* A decision, as prl_agent_record takes it, and what followed. */
typedef struct log_entry {
  uint64_t stream, number, version;
  float observation[LOG_OBSERVATIONS], drawn, log_prob;
  float response[LOG_RESPONSES];
  bool ends; /* the session, with this decision */
} log_entry;

/* A ring. Its lock is held while entries are copied, and for nothing else. */
typedef struct host_log {
  pthread_mutex_t lock;
  log_entry entries[LOG_ENTRIES];
  int64_t added, taken, lost;
} host_log;

/* Entries that find no room are lost: who acts does not wait. */
void log_add(host_log *log, const log_entry *entries, int count);
int log_take(host_log *log, log_entry *entries, int most); /* how many there were */
bool log_is_half_full(host_log *log);

#endif
