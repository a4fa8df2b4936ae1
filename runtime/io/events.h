/* TensorBoard's event files: scalars under their usual names. A file is a sequence of records in TFRecord
 * framing
 *
 *     u64 length · u32 masked crc32c of the length · the event · u32 masked crc32c of the event
 *
 * and an event is a protocol buffer {1: wall time (double), 2: step (int64), 3: "brain.Event:2" in the first,
 * 5: summary {1: value {1: tag, 2: simple value (float)}} in the others}. */
#ifndef PRL_IO_EVENTS_H
#define PRL_IO_EVENTS_H

#include "io/file.h"

#define PRL_EVENTS_MAX_TAG 1000 /* bytes */

typedef struct prl_events prl_events;

/* crc32c (Castagnoli) of the bytes, as iSCSI and TFRecord define it. */
uint32_t prl_crc32c(const void *data, size_t size);

/* Makes <folder>/events.out.tfevents.<seconds of wall_time>.<host>.<process>.<n>, a name that no file has
 * yet. wall_time: seconds since 1970. Fails: PRL_EIO, PRL_ENOMEM. */
prl_status prl_events_open(prl_runtime *runtime, const char *folder, double wall_time, prl_events **out,
                           prl_error *error);
/* Continues an event file after its first `size` bytes, which prl_events_size gave when it was flushed;
 * what stands behind them is cut off. Fails: PRL_EIO, PRL_EFORMAT (it is shorter), PRL_ENOMEM. */
prl_status prl_events_reopen(prl_runtime *runtime, const char *path, int64_t size, prl_events **out,
                             prl_error *error);
/* Adds one scalar; it reaches the file at a flush, when some have gathered, or at the close. NaN and
 * infinities are written as they are. Fails: PRL_EINVAL (an empty or too long tag), PRL_EIO. */
prl_status prl_events_scalar(prl_events *events, const char *tag, int64_t step, double value,
                             double wall_time, prl_error *error);
/* Fails: PRL_EIO; what has gathered stays, for a later flush, and the file holds whole records only. */
prl_status prl_events_flush(prl_events *events, prl_error *error);
/* The bytes in the file; what has gathered since the last flush is not in it. */
int64_t prl_events_size(const prl_events *events);
const char *prl_events_path(const prl_events *events);
/* Flushes, closes and frees, in every case. NULL is allowed. */
prl_status prl_events_close(prl_events *events, prl_error *error);

#endif
