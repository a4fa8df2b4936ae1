/* Files, read whole and written whole or not at all. Every failure is PRL_EIO with the path and the system's
 * reason. */
#ifndef PRL_IO_FILE_H
#define PRL_IO_FILE_H

#include "core/memory.h"

/* PRL_EIO: "cannot open runs/a.csv: No such file or directory". `code` is an errno. */
prl_status prl_fail_system(prl_error *error, const char *action, const char *path, int code);

/* The most that is read at once of a file of data: checkpoints, rankers, worlds. */
#define PRL_FILE_CAP (INT64_C(16) << 30)

/* Opens a regular file of at most `cap` bytes for reading: nothing that the library reads is a pipe, a device
 * or a folder, of which some never end and some never begin. Fails: PRL_EIO, PRL_ELIMIT. */
prl_status prl_file_open(const char *path, int64_t cap, int *descriptor, int64_t *size, prl_error *error);
/* All bytes of such a file, with a NUL behind them; freed by prl_free. Fails: as prl_file_open, PRL_ENOMEM.
 */
prl_status prl_file_read(prl_runtime *runtime, const char *path, int64_t cap, char **data, size_t *size,
                         prl_error *error);

/* A file that comes into being at once: bytes go to a temporary file beside it, which commit flushes to the
 * disk and renames. Until then, and after any failure, the old file remains and abort leaves nothing behind.
 * A symbolic link is followed; the mode of an existing file is kept. */
typedef struct prl_file_out prl_file_out;

/* Fails: PRL_EIO (also if something other than a regular file is at the path), PRL_ENOMEM. */
prl_status prl_file_out_open(prl_runtime *runtime, const char *path, prl_file_out **out, prl_error *error);
/* After a failure only abort is left to do. */
prl_status prl_file_out_write(prl_file_out *out, const void *data, size_t size, prl_error *error);
/* Frees `out` in every case. */
prl_status prl_file_out_commit(prl_file_out *out, prl_error *error);
void prl_file_out_abort(prl_file_out *out); /* NULL is allowed */

prl_status prl_file_write_whole(prl_runtime *runtime, const char *path, const void *data, size_t size,
                                prl_error *error);

/* Appends to a file, which is made where absent: whole or not at all, and on the disk when it returns. Fails:
 * PRL_EIO, PRL_ENOMEM. */
prl_status prl_file_append(prl_runtime *runtime, const char *path, const void *data, size_t size,
                           prl_error *error);

/* A file that grows: each append is there whole or not at all (where the disk is full, the file is cut back).
 */
typedef struct prl_file_log {
  prl_runtime *runtime;
  char *path;
  int descriptor; /* -1: closed */
  int64_t size;
} prl_file_log;

/* Opens for appending; made where absent, emptied where `fresh`. size is what is there already. */
prl_status prl_file_log_open(prl_runtime *runtime, const char *path, bool fresh, prl_file_log *log,
                             prl_error *error);
prl_status prl_file_log_append(prl_file_log *log, const void *data, size_t size, prl_error *error);
/* Leaves the first `size` bytes, of which there must be as many. */
prl_status prl_file_log_cut(prl_file_log *log, int64_t size, prl_error *error);
prl_status prl_file_log_close(prl_file_log *log,
                              prl_error *error); /* frees in every case; a second call does nothing */

#endif
