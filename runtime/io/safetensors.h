/* safetensors: named tensors and a map of strings in one file.
 *
 *     8 bytes  n, little-endian          the header's length, padded so that the data begin on a multiple of
 * 8 n bytes  JSON  {"__metadata__": {key: text}, name: {"dtype", "shape", "data_offsets": [begin, end]}, …}
 *     data     every byte belongs to one tensor
 *
 * Every file that is written here carries a digest, first in its metadata: "prl.digest", XXH3-128 of the file
 * as it would be without that entry. Others' files need not have one; a file that has one is read only if it
 * is right. The entry is the format's own: it is not among the metadata that are given or read.
 *
 * The reader trusts nothing: a file that breaks a rule is PRL_EFORMAT with one sentence that names the
 * tensor. */
#ifndef PRL_IO_SAFETENSORS_H
#define PRL_IO_SAFETENSORS_H

#include "core/value.h"
#include "perilune/tensor.h"

#define PRL_ST_MAX_DIMS 8
#define PRL_ST_MAX_HEADER (100 << 20) /* bytes, as in the reference implementation */

typedef enum prl_st_dtype {
  PRL_ST_F32,
  PRL_ST_F64,
  PRL_ST_I32,
  PRL_ST_I64,
  PRL_ST_U8,
  PRL_ST_U64
} prl_st_dtype;

size_t prl_st_dtype_size(prl_st_dtype dtype);
const char *prl_st_dtype_name(prl_st_dtype dtype); /* "F32" */
prl_st_dtype prl_st_dtype_of(prl_dtype dtype);

typedef struct prl_st_tensor {
  const char *name;
  prl_st_dtype dtype;
  int ndim; /* 0: one element */
  int64_t shape[PRL_ST_MAX_DIMS];
  const void *data; /* contiguous, row-major; in a file that was read: not aligned */
  size_t size;      /* bytes; filled by the reader, ignored by the writer */
} prl_st_tensor;

/* ---- writing ---- */

/* Writes the file whole or not at all; bytes go straight from each tensor to the file, larger element types
 * first, as the format's alignment asks, otherwise in the order given. metadata: a map of strings, or NULL.
 * Fails: PRL_EINVAL (a name given twice or kept by the format, a negative size, metadata that is no text or
 * "prl.digest"),
 * PRL_EFORMAT (a name that is not UTF-8), PRL_EIO, PRL_ENOMEM. */
prl_status prl_safetensors_write(prl_runtime *runtime, const char *path, const prl_st_tensor *tensors,
                                 int64_t count, const prl_value *metadata, prl_error *error);
/* An entry from a tensor of the runtime, which must be contiguous and stay alive until the write. */
prl_st_tensor prl_st_tensor_of(const char *name, const prl_tensor *tensor);

/* ---- reading ---- */

typedef struct prl_safetensors {
  prl_runtime *runtime;
  char *owned;     /* the file's bytes, or NULL where the caller keeps them */
  prl_doc *header; /* names and metadata live in it */
  int64_t count;
  prl_st_tensor *tensors;    /* in order of their data */
  const prl_value *metadata; /* a map of strings; NULL: none */
  char digest[33];           /* of the file without its digest: the same with and without one */
  bool digested;             /* it carries its digest */
} prl_safetensors;

/* Reads a file of at most `cap` bytes (0: PRL_FILE_CAP). Fails: PRL_EIO, PRL_ELIMIT, PRL_EFORMAT (also where
 * the digest is of other bytes), PRL_ENOMEM. */
prl_status prl_safetensors_open(prl_runtime *runtime, const char *path, int64_t cap, prl_safetensors **out,
                                prl_error *error);
/* The same from bytes that stay the caller's and must outlive the result. `name` is used in messages. */
prl_status prl_safetensors_parse(prl_runtime *runtime, const char *name, const void *bytes, size_t size,
                                 prl_safetensors **out, prl_error *error);
void prl_safetensors_close(prl_safetensors *file);
/* For the runtime's own kinds of files, which all carry a digest. Fails: PRL_EFORMAT: this one has none, so
 * that damage in it could not be noticed. */
prl_status prl_safetensors_need_digest(const prl_safetensors *file, const char *name, prl_error *error);
/* NULL where there is none. */
const prl_st_tensor *prl_safetensors_find(const prl_safetensors *file, const char *name);
/* A fresh tensor with a copy. Fails: PRL_ENAME (nearest name), PRL_EINVAL (U8 and U64 have no tensor: read
 * their bytes), PRL_ESHAPE (more than PRL_MAX_DIMS), PRL_ENOMEM. */
prl_status prl_safetensors_tensor(const prl_safetensors *file, const char *name, prl_tensor *out,
                                  prl_error *error);
/* The same of an entry of `tensors`, which is not looked for by its name. */
prl_status prl_safetensors_entry(const prl_safetensors *file, const prl_st_tensor *entry, prl_tensor *out,
                                 prl_error *error);
/* Copies into bytes that the caller has: dtype and shape must be those given.
 * Fails: PRL_ENAME (nearest name), PRL_ESHAPE (both printed). */
prl_status prl_safetensors_copy(const prl_safetensors *file, const char *name, prl_st_dtype dtype, int ndim,
                                const int64_t *shape, void *out, prl_error *error);
const char *prl_safetensors_text(const prl_safetensors *file,
                                 const char *key); /* of the metadata; NULL: absent */

#endif
