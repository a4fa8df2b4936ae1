/* Reads files whole, writes them whole or not at all, and appends lines to logs. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE 65536
#define MAX_TEMPS 1000 /* temporary files that killed processes of the same id may have left */

prl_status prl_fail_system(prl_error *error, const char *action, const char *path, int code) {
  char reason[128];
  if (strerror_r(code, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", code);
  return prl_fail(error, PRL_EIO, "cannot %s %s: %s", action, path, reason);
}

/* ---- reading ---- */

/* O_NONBLOCK: opening a pipe must not wait for its writer; of a regular file it changes nothing. */
prl_status prl_file_open(const char *path, int64_t cap, int *descriptor, int64_t *size, prl_error *error) {
  int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (opened < 0) return prl_fail_system(error, "open", path, errno);
  struct stat about;
  prl_status status = PRL_OK;
  if (fstat(opened, &about) != 0)
    status = prl_fail_system(error, "look at", path, errno);
  else if (S_ISDIR(about.st_mode))
    status = prl_fail_system(error, "read", path, EISDIR);
  else if (!S_ISREG(about.st_mode))
    status = prl_fail(error, PRL_EIO, "cannot read %s: it is not a regular file", path);
  else if (about.st_size > cap)
    status =
        prl_fail(error, PRL_ELIMIT, "%s has %lld bytes, and files of more than %lld bytes are not read here",
                 path, (long long)about.st_size, (long long)cap);
  if (status) {
    close(opened);
    return status;
  }
  *descriptor = opened;
  *size = (int64_t)about.st_size;
  return PRL_OK;
}

/* The size that was told is where to begin: the file may grow meanwhile, and the system's own files tell 0.
 */
static prl_status read_descriptor(prl_runtime *runtime, const char *path, int descriptor, int64_t told,
                                  int64_t cap, char **data, size_t *size, prl_error *error) {
  size_t used = 0, capacity = told > 0 ? (size_t)told + 2 : 4096;
  char *bytes = prl_alloc(runtime, capacity);
  if (!bytes) return prl_fail_memory(error, capacity);
  prl_status status = PRL_OK;
  while (status == PRL_OK) {
    if (used + 1 >= capacity) {
      char *grown = prl_realloc(runtime, bytes, capacity * 2);
      if (!grown) status = prl_fail_memory(error, capacity * 2);
      if (!grown) break;
      bytes = grown;
      capacity *= 2;
    }
    ssize_t got = read(descriptor, bytes + used, capacity - used - 1);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status = prl_fail_system(error, "read", path, errno);
    if (got > 0) used += (size_t)got;
    if ((int64_t)used > cap)
      status = prl_fail(error, PRL_ELIMIT, "%s has more than %lld bytes, the most that are read", path,
                        (long long)cap);
  }
  if (status) {
    prl_free(runtime, bytes);
    return status;
  }
  bytes[used] = 0;
  *data = bytes;
  *size = used;
  return PRL_OK;
}

prl_status prl_file_read(prl_runtime *runtime, const char *path, int64_t cap, char **data, size_t *size,
                         prl_error *error) {
  int descriptor;
  int64_t told;
  prl_status status = prl_file_open(path, cap, &descriptor, &told, error);
  if (status) return status;
  status = read_descriptor(runtime, path, descriptor, told, cap, data, size, error);
  close(descriptor);
  return status;
}

/* ---- whole or not at all ---- */

struct prl_file_out {
  prl_runtime *runtime;
  char *path, *temp;
  int descriptor;
  size_t used;
  char buffer[BUFFER_SIZE];
};

static int write_all(int descriptor, const char *data, size_t size) {
  while (size > 0) {
    ssize_t done = write(descriptor, data, size < (1 << 30) ? size : (1 << 30));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    data += done;
    size -= (size_t)done;
  }
  return 0;
}

/* Where the bytes go: a link's target, so that renaming replaces the file and not the link. */
static prl_status resolve(prl_file_out *out, const char *path, mode_t *mode, prl_error *error) {
  char target[PATH_MAX];
  struct stat about;
  *mode = 0;
  if (lstat(path, &about) == 0 && S_ISLNK(about.st_mode) && realpath(path, target)) path = target;
  if (stat(path, &about) == 0) {
    if (!S_ISREG(about.st_mode))
      return prl_fail(error, PRL_EIO, "cannot write %s: it is not a plain file", path);
    *mode = about.st_mode & 07777;
  }
  out->path = prl_strdup(out->runtime, path);
  out->temp = prl_alloc(out->runtime, strlen(path) + 40);
  if (!out->path || !out->temp) return prl_fail_memory(error, strlen(path) + 40);
  return PRL_OK;
}

static prl_status open_temp(prl_file_out *out, mode_t mode, prl_error *error) {
  for (int i = 0; i < MAX_TEMPS; i++) {
    sprintf(out->temp, "%s.%ld.%d.tmp", out->path, (long)getpid(), i);
    out->descriptor = open(out->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (out->descriptor >= 0) {
      if (mode)
        fchmod(out->descriptor, mode); /* where the owner differs this fails, and the umask's mode is right */
      return PRL_OK;
    }
    if (errno != EEXIST) break;
  }
  return prl_fail_system(error, "write", out->path, errno);
}

static void out_free(prl_file_out *out) {
  prl_free(out->runtime, out->path);
  prl_free(out->runtime, out->temp);
  prl_free(out->runtime, out);
}

prl_status prl_file_out_open(prl_runtime *runtime, const char *path, prl_file_out **out, prl_error *error) {
  prl_file_out *made = prl_alloc(runtime, sizeof *made);
  if (!made) return prl_fail_memory(error, sizeof *made);
  made->runtime = runtime;
  made->path = made->temp = NULL;
  made->used = 0;
  mode_t mode;
  prl_status status = resolve(made, path, &mode, error);
  if (status == PRL_OK) status = open_temp(made, mode, error);
  if (status) {
    out_free(made);
    return status;
  }
  *out = made;
  return PRL_OK;
}

static prl_status flush(prl_file_out *out, prl_error *error) {
  int code = write_all(out->descriptor, out->buffer, out->used);
  out->used = 0;
  return code ? prl_fail_system(error, "write", out->path, code) : PRL_OK;
}

prl_status prl_file_out_write(prl_file_out *out, const void *data, size_t size, prl_error *error) {
  if (out->used + size > BUFFER_SIZE) {
    prl_status status = flush(out, error);
    if (status) return status;
  }
  if (size > BUFFER_SIZE) {
    int code = write_all(out->descriptor, data, size);
    return code ? prl_fail_system(error, "write", out->path, code) : PRL_OK;
  }
  memcpy(out->buffer + out->used, data, size);
  out->used += size;
  return PRL_OK;
}

/* A rename lives in the folder: without this, a power cut may bring the old file back. Some file systems
 * refuse to flush a folder; the file itself is safe by then. */
static void flush_folder(const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  size_t length = slash ? (size_t)(slash - path) + 1 : 0;
  if (length >= sizeof folder) return;
  memcpy(folder, path, length);
  memcpy(folder + length, ".", 2);
  int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

prl_status prl_file_out_commit(prl_file_out *out, prl_error *error) {
  prl_status status = flush(out, error);
  if (status == PRL_OK && fsync(out->descriptor) != 0)
    status = prl_fail_system(error, "write", out->path, errno);
  if (status) {
    prl_file_out_abort(out);
    return status;
  }
  int closed = close(out->descriptor);
  if (closed != 0 || rename(out->temp, out->path) != 0) {
    status = prl_fail_system(error, closed != 0 ? "write" : "rename to", out->path, errno);
    unlink(out->temp);
  } else {
    flush_folder(out->path);
  }
  out_free(out);
  return status;
}

void prl_file_out_abort(prl_file_out *out) {
  if (!out) return;
  close(out->descriptor);
  unlink(out->temp);
  out_free(out);
}

prl_status prl_file_write_whole(prl_runtime *runtime, const char *path, const void *data, size_t size,
                                prl_error *error) {
  prl_file_out *out;
  prl_status status = prl_file_out_open(runtime, path, &out, error);
  if (status) return status;
  status = prl_file_out_write(out, data, size, error);
  if (status == PRL_OK) return prl_file_out_commit(out, error);
  prl_file_out_abort(out);
  return status;
}

/* ---- growing ---- */

prl_status prl_file_log_open(prl_runtime *runtime, const char *path, bool fresh, prl_file_log *log,
                             prl_error *error) {
  char *copy = prl_strdup(runtime, path);
  if (!copy) return prl_fail_memory(error, strlen(path) + 1);
  int descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (fresh ? O_TRUNC : 0), 0666);
  off_t size = descriptor < 0 ? -1 : lseek(descriptor, 0, SEEK_END);
  if (descriptor >= 0 && size < 0 && errno == ESPIPE) size = 0; /* a pipe or a device */
  if (size < 0) {
    prl_status status = prl_fail_system(error, "open", path, errno);
    if (descriptor >= 0) close(descriptor);
    prl_free(runtime, copy);
    return status;
  }
  *log = (prl_file_log){.runtime = runtime, .path = copy, .descriptor = descriptor, .size = size};
  return PRL_OK;
}

prl_status prl_file_log_append(prl_file_log *log, const void *data, size_t size, prl_error *error) {
  int code = write_all(log->descriptor, data, size);
  if (code) {
    /* Where this fails too, the file is no plain one, and there is nothing to cut back. */
    if (ftruncate(log->descriptor, (off_t)log->size) != 0) errno = code;
    return prl_fail_system(error, "write", log->path, code);
  }
  log->size += (int64_t)size;
  return PRL_OK;
}

prl_status prl_file_log_cut(prl_file_log *log, int64_t size, prl_error *error) {
  if (size < 0 || size > log->size)
    return prl_fail(error, PRL_EFORMAT, "%s has %lld bytes, and %lld are to be left", log->path,
                    (long long)log->size, (long long)size);
  if (ftruncate(log->descriptor, (off_t)size) != 0) return prl_fail_system(error, "write", log->path, errno);
  log->size = size;
  return PRL_OK;
}

prl_status prl_file_log_close(prl_file_log *log, prl_error *error) {
  if (log->descriptor < 0) return PRL_OK;
  prl_status status = PRL_OK;
  if (close(log->descriptor) != 0) status = prl_fail_system(error, "write", log->path, errno);
  prl_free(log->runtime, log->path);
  log->descriptor = -1;
  log->path = NULL;
  return status;
}

prl_status prl_file_append(prl_runtime *runtime, const char *path, const void *data, size_t size,
                           prl_error *error) {
  prl_file_log log = {0};
  prl_status status = prl_file_log_open(runtime, path, false, &log, error);
  if (status) return status;
  const int64_t before = log.size;
  status = prl_file_log_append(&log, data, size, error);
  if (!status && fsync(log.descriptor) != 0) {
    status = prl_fail_system(error, "write", path, errno);
    (void)prl_file_log_cut(&log, before, NULL); /* where this fails too, nothing is left to try */
  }
  prl_error after;
  const prl_status closed = prl_file_log_close(&log, status ? &after : error);
  if (status || closed) return status ? status : closed;
  if (before == 0) flush_folder(path);
  return PRL_OK;
}
