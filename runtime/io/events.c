/* Writes event files: records with their checksums, scalars as TensorBoard reads them. */
#include "io/events.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE 16384
#define MAX_EVENT (PRL_EVENTS_MAX_TAG + 64)

struct prl_events {
  prl_runtime *runtime;
  prl_file_log log;
  size_t used;
  unsigned char buffer[BUFFER_SIZE];
};

/* One bit at a time: a few hundred events a second need no table. The polynomial is 0x1edc6f41, reflected. */
uint32_t prl_crc32c(const void *data, size_t size) {
  const unsigned char *at = data;
  uint32_t crc = ~UINT32_C(0);
  for (size_t i = 0; i < size; i++) {
    crc ^= at[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (UINT32_C(0x82f63b78) & (0 - (crc & 1)));
  }
  return ~crc;
}

/* TFRecord rotates and shifts a sum, so that a file of records can lie inside a record. */
static uint32_t masked_crc(const void *data, size_t size) {
  uint32_t crc = prl_crc32c(data, size);
  return (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8);
}

/* ---- protocol buffers, as much as an event needs: fields are a tag byte (number << 3 | wire type) and a
 * value ---- */

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static unsigned char *put_varint(unsigned char *at, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = (unsigned char)(value | 0x80);
  *at++ = (unsigned char)value;
  return at;
}

static unsigned char *put_bytes(unsigned char *at, int field, const void *data, size_t size) {
  *at++ = (unsigned char)(field << 3 | BYTES);
  at = put_varint(at, size);
  memcpy(at, data, size);
  return at + size;
}

static unsigned char *put_fixed(unsigned char *at, int field, int wire, const void *value) {
  size_t size = wire == FIXED64 ? 8 : 4;
  *at++ = (unsigned char)(field << 3 | wire);
  memcpy(at, value, size);
  return at + size;
}

static unsigned char *put_head(unsigned char *at, double wall_time, int64_t step) {
  at = put_fixed(at, 1, FIXED64, &wall_time);
  *at++ = 2 << 3 | VARINT;
  return put_varint(at, (uint64_t)step);
}

static prl_status append(prl_events *events, const unsigned char *event, size_t size, prl_error *error) {
  if (events->used + size + 16 > BUFFER_SIZE) {
    prl_status status = prl_events_flush(events, error);
    if (status) return status;
  }
  unsigned char *at = events->buffer + events->used;
  uint64_t length = size;
  uint32_t length_sum = masked_crc(&length, 8), sum = masked_crc(event, size);
  memcpy(at, &length, 8);
  memcpy(at + 8, &length_sum, 4);
  memcpy(at + 12, event, size);
  memcpy(at + 12 + size, &sum, 4);
  events->used += size + 16;
  return PRL_OK;
}

static prl_status open_log(prl_runtime *runtime, const char *folder, double wall_time, prl_file_log *log,
                           prl_error *error) {
  char host[65] = "localhost", path[PATH_MAX];
  if (gethostname(host, sizeof host - 1) != 0 || !host[0]) strcpy(host, "localhost");
  for (int n = 0;; n++) {
    int length = snprintf(path, sizeof path, "%s/events.out.tfevents.%010lld.%s.%ld.%d", folder,
                          (long long)wall_time, host, (long)getpid(), n);
    if (length >= (int)sizeof path)
      return prl_fail(error, PRL_EIO, "the folder's name is too long: %.80s…", folder);
    if (access(path, F_OK) != 0) return prl_file_log_open(runtime, path, false, log, error);
  }
}

prl_status prl_events_open(prl_runtime *runtime, const char *folder, double wall_time, prl_events **out,
                           prl_error *error) {
  static const char version[] = "brain.Event:2";
  prl_events *events = prl_alloc(runtime, sizeof *events);
  if (!events) return prl_fail_memory(error, sizeof *events);
  events->runtime = runtime;
  events->used = 0;
  prl_status status = open_log(runtime, folder, wall_time, &events->log, error);
  if (status) {
    prl_free(runtime, events);
    return status;
  }
  unsigned char event[64], *at = put_head(event, wall_time, 0);
  at = put_bytes(at, 3, version, sizeof version - 1);
  append(events, event, (size_t)(at - event), NULL); /* the buffer is empty: this cannot fail */
  status = prl_events_flush(events, error);
  if (status) {
    events->used = 0;
    unlink(events->log.path);
    prl_events_close(events, NULL);
    return status;
  }
  *out = events;
  return PRL_OK;
}

prl_status prl_events_reopen(prl_runtime *runtime, const char *path, int64_t size, prl_events **out,
                             prl_error *error) {
  if (access(path, F_OK) != 0) return prl_fail_system(error, "open", path, errno);
  prl_events *events = prl_alloc(runtime, sizeof *events);
  if (!events) return prl_fail_memory(error, sizeof *events);
  events->runtime = runtime;
  events->used = 0;
  prl_status status = prl_file_log_open(runtime, path, false, &events->log, error);
  if (status) {
    prl_free(runtime, events);
    return status;
  }
  status = prl_file_log_cut(&events->log, size, error);
  if (status)
    prl_events_close(events, NULL);
  else
    *out = events;
  return status;
}

prl_status prl_events_scalar(prl_events *events, const char *tag, int64_t step, double value,
                             double wall_time, prl_error *error) {
  unsigned char item[MAX_EVENT], summary[MAX_EVENT], event[MAX_EVENT + 32];
  size_t length = strlen(tag);
  if (length == 0 || length > PRL_EVENTS_MAX_TAG)
    return prl_fail(error, PRL_EINVAL, "a tag has 1 to %d bytes, not %zu", PRL_EVENTS_MAX_TAG, length);
  float simple = (float)value;
  unsigned char *at = put_bytes(item, 1, tag, length);
  at = put_fixed(at, 2, FIXED32, &simple);
  at = put_bytes(summary, 1, item, (size_t)(at - item));
  size_t summary_size = (size_t)(at - summary);
  at = put_head(event, wall_time, step);
  at = put_bytes(at, 5, summary, summary_size);
  return append(events, event, (size_t)(at - event), error);
}

prl_status prl_events_flush(prl_events *events, prl_error *error) {
  prl_status status = prl_file_log_append(&events->log, events->buffer, events->used, error);
  if (status == PRL_OK) events->used = 0;
  return status;
}

int64_t prl_events_size(const prl_events *events) { return events->log.size; }

const char *prl_events_path(const prl_events *events) { return events->log.path; }

prl_status prl_events_close(prl_events *events, prl_error *error) {
  if (!events) return PRL_OK;
  prl_status status = events->used ? prl_events_flush(events, error) : PRL_OK;
  prl_status closed = prl_file_log_close(&events->log, status ? NULL : error);
  prl_free(events->runtime, events);
  return status ? status : closed;
}
