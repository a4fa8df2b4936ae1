/* Reads safetensors, trusting nothing in the file, and writes them with a digest. */
#include "io/safetensors.h"

#include <stdio.h>
#include <string.h>

#include "core/nearest.h"
#include "io/file.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors data are little-endian, and this code copies them as they are"
#endif

static const struct {
  const char *name;
  size_t size;
} dtypes[] = {{"F32", 4}, {"F64", 8}, {"I32", 4}, {"I64", 8}, {"U8", 1}, {"U64", 8}};
#define DIGEST_KEY "prl.digest"
#define DTYPES ((int)(sizeof dtypes / sizeof *dtypes))

size_t prl_st_dtype_size(prl_st_dtype dtype) { return dtypes[dtype].size; }

const char *prl_st_dtype_name(prl_st_dtype dtype) { return dtypes[dtype].name; }

prl_st_dtype prl_st_dtype_of(prl_dtype dtype) {
  static const prl_st_dtype of[] = {
      [PRL_F32] = PRL_ST_F32, [PRL_F64] = PRL_ST_F64, [PRL_I32] = PRL_ST_I32, [PRL_I64] = PRL_ST_I64};
  return of[dtype];
}

static const char *shape_text(int ndim, const int64_t *shape, char *text, size_t size) {
  size_t length = (size_t)snprintf(text, size, "(");
  for (int i = 0; i < ndim && length < size; i++)
    length += (size_t)snprintf(text + length, size - length, i ? ", %lld" : "%lld", (long long)shape[i]);
  if (length < size) snprintf(text + length, size - length, ndim == 1 ? ",)" : ")");
  return text;
}

/* Bytes of a tensor; false where they do not fit 2^53, beyond which JSON numbers are not exact. */
static bool byte_size(prl_st_dtype dtype, int ndim, const int64_t *shape, size_t *size) {
  int64_t bytes = (int64_t)dtypes[dtype].size, limit = INT64_C(1) << 53;
  for (int i = 0; i < ndim; i++)
    if (shape[i] < 0) return false;
  for (int i = 0; i < ndim; i++)
    if (shape[i] == 0) bytes = 0;
  for (int i = 0; i < ndim && bytes > 0; i++) {
    if (bytes > limit / shape[i]) return false;
    bytes *= shape[i];
  }
  *size = (size_t)bytes;
  return true;
}

/* ---- the digest ---- */

/* A header with a digest begins with the opening, then the entry: its beginning, 32 digits, a quote and a
 * comma (a space where nothing follows). Its length is a multiple of 8, so that the header's padding is the
 * same without it. */
static const char opening[] = "{\"__metadata__\":{", entry_begin[] = "\"" DIGEST_KEY "\":\"";
enum {
  OPENING = sizeof opening - 1,
  BEGIN = sizeof entry_begin - 1,
  DIGITS = 32,
  ENTRY = BEGIN + DIGITS + 2
};
_Static_assert(ENTRY % 8 == 0, "the padding would change");

/* ---- writing ---- */

prl_st_tensor prl_st_tensor_of(const char *name, const prl_tensor *tensor) {
  prl_st_tensor made = {
      .name = name, .dtype = prl_st_dtype_of(tensor->dtype), .ndim = tensor->ndim, .data = tensor->data};
  memcpy(made.shape, tensor->shape, (size_t)tensor->ndim * sizeof *tensor->shape);
  return made;
}

static prl_status describe(prl_doc *doc, const prl_st_tensor *tensor, size_t begin, size_t size,
                           prl_error *error) {
  if (prl_get(&doc->root, tensor->name))
    return prl_fail(error, PRL_EINVAL, "the tensor \"%s\" is given twice", tensor->name);
  prl_value *entry = prl_put_new(doc, &doc->root, tensor->name, strlen(tensor->name));
  if (!entry) return prl_fail_memory(error, sizeof *entry);
  prl_set_map(entry);
  prl_value *dtype = prl_put(doc, entry, "dtype");
  bool made =
      dtype && prl_set_string(doc, dtype, dtypes[tensor->dtype].name, strlen(dtypes[tensor->dtype].name));
  prl_value *shape = made ? prl_put(doc, entry, "shape") : NULL;
  if (!shape) return prl_fail_memory(error, sizeof *entry);
  prl_set_array(shape);
  for (int i = 0; i < tensor->ndim; i++) {
    prl_value *item = prl_push(doc, shape);
    if (!item) return prl_fail_memory(error, sizeof *item);
    prl_set_number(item, (double)tensor->shape[i]);
  }
  prl_value *offsets = prl_put(doc, entry, "data_offsets");
  if (!offsets) return prl_fail_memory(error, sizeof *entry);
  prl_set_array(offsets);
  for (int i = 0; i < 2; i++) {
    prl_value *item = prl_push(doc, offsets);
    if (!item) return prl_fail_memory(error, sizeof *item);
    prl_set_number(item, (double)(begin + (i ? size : 0)));
  }
  return PRL_OK;
}

static prl_status check_metadata(const prl_value *metadata, prl_error *error) {
  if (!metadata) return PRL_OK;
  if (metadata->kind != PRL_MAP)
    return prl_fail(error, PRL_EINVAL, "the metadata of a safetensors file must be a map of texts");
  for (int64_t i = 0; i < metadata->count; i++) {
    const char *key;
    const prl_value *text;
    prl_pair(metadata, i, &key, &text);
    if (text->kind != PRL_STRING)
      return prl_fail(error, PRL_EINVAL, "the metadata \"%s\" of a safetensors file must be a text", key);
    if (strcmp(key, DIGEST_KEY) == 0)
      return prl_fail(error, PRL_EINVAL,
                      "the metadata \"" DIGEST_KEY "\" is the file's digest, not to be given");
  }
  return PRL_OK;
}

static prl_status check_tensor(const prl_st_tensor *tensor, size_t *size, prl_error *error) {
  char text[200];
  if (strcmp(tensor->name, "__metadata__") == 0)
    return prl_fail(error, PRL_EINVAL,
                    "no tensor may have the name \"__metadata__\", which the format keeps for itself");
  if (tensor->ndim < 0 || tensor->ndim > PRL_ST_MAX_DIMS ||
      !byte_size(tensor->dtype, tensor->ndim, tensor->shape, size))
    return prl_fail(error, PRL_EINVAL, "the tensor \"%s\" has the impossible shape %s", tensor->name,
                    shape_text(tensor->ndim > PRL_ST_MAX_DIMS ? PRL_ST_MAX_DIMS : tensor->ndim, tensor->shape,
                               text, sizeof text));
  return PRL_OK;
}

static const size_t element_sizes[] = {8, 4, 1};

static prl_status make_header(prl_doc *doc, const prl_st_tensor *tensors, int64_t count,
                              const prl_value *metadata, prl_error *error) {
  prl_status status = check_metadata(metadata, error);
  if (status) return status;
  prl_set_map(&doc->root);
  prl_value *to = prl_put(doc, &doc->root, "__metadata__");
  if (to) prl_set_map(to);
  if (!to || (metadata && !prl_value_copy(doc, to, metadata))) return prl_fail_memory(error, sizeof *to);
  size_t at = 0;
  for (int pass = 0; pass < 3; pass++)
    for (int64_t i = 0; i < count; i++) {
      size_t size = 0;
      if (dtypes[tensors[i].dtype].size != element_sizes[pass]) continue;
      status = check_tensor(&tensors[i], &size, error);
      if (status == PRL_OK) status = describe(doc, &tensors[i], at, size, error);
      if (status) return status;
      at += size;
    }
  return PRL_OK;
}

/* The file in its parts: the header's length, the header before and behind the digest's entry, padding,
 * tensors. */
static prl_status write_parts(prl_runtime *runtime, prl_file_out *out, const char *header, size_t length,
                              const prl_st_tensor *tensors, int64_t count, prl_error *error) {
  uint64_t padded = (length + 7) / 8 * 8;
  char digest[DIGITS + 1], entry[ENTRY + 1];
  prl_span *parts = prl_calloc(runtime, (size_t)count + 5, sizeof *parts);
  if (!parts) return prl_fail_memory(error, ((size_t)count + 5) * sizeof *parts);
  parts[0] = (prl_span){&padded, sizeof padded};
  parts[1] = (prl_span){header, OPENING};
  parts[3] = (prl_span){header + OPENING, length - OPENING};
  parts[4] = (prl_span){"        ", padded - length};
  int64_t made = 5;
  for (int pass = 0; pass < 3; pass++)
    for (int64_t i = 0; i < count; i++) {
      if (dtypes[tensors[i].dtype].size != element_sizes[pass]) continue;
      parts[made].data = tensors[i].data;
      byte_size(tensors[i].dtype, tensors[i].ndim, tensors[i].shape, &parts[made++].size);
    }
  prl_hash_spans(parts, made, digest);
  padded += ENTRY;
  snprintf(entry, sizeof entry, "%s%s\"%c", entry_begin, digest, header[OPENING] == '}' ? ' ' : ',');
  parts[2] = (prl_span){entry, ENTRY};
  prl_status status = PRL_OK;
  for (int64_t i = 0; i < made && !status; i++)
    if (parts[i].size > 0) status = prl_file_out_write(out, parts[i].data, parts[i].size, error);
  prl_free(runtime, parts);
  return status;
}

prl_status prl_safetensors_write(prl_runtime *runtime, const char *path, const prl_st_tensor *tensors,
                                 int64_t count, const prl_value *metadata, prl_error *error) {
  prl_doc *doc;
  char *header = NULL;
  size_t length = 0;
  prl_file_out *out = NULL;
  prl_status status = prl_doc_new(runtime, &doc, error);
  if (status) return status;
  status = make_header(doc, tensors, count, metadata, error);
  if (status == PRL_OK) status = prl_json_write(runtime, &doc->root, false, 0, &header, &length, error);
  prl_doc_free(doc);
  if (status == PRL_OK) status = prl_file_out_open(runtime, path, &out, error);
  if (status == PRL_OK) status = write_parts(runtime, out, header, length, tensors, count, error);
  prl_free(runtime, header);
  if (status == PRL_OK) return prl_file_out_commit(out, error);
  prl_file_out_abort(out);
  return status;
}

/* ---- reading ---- */

typedef struct reader {
  const char *name; /* of the file */
  const char *data; /* behind the header */
  size_t size;
  prl_error *error;
} reader;

#define BAD(r, ...) prl_fail((r)->error, PRL_EFORMAT, __VA_ARGS__)

static prl_status wrong_digest(const reader *r, const char *carried, const char *found) {
  return BAD(r, "%s is damaged or was changed: it carries the digest %.32s, and its bytes give %s", r->name,
             carried, found);
}

/* Before anything of the header is believed. */
static prl_status read_digest(const reader *r, const char *bytes, size_t size, uint64_t length,
                              prl_safetensors *file) {
  const char *header = bytes + 8, *entry = header + OPENING;
  file->digested = length >= OPENING + ENTRY && memcmp(header, opening, OPENING) == 0 &&
                   memcmp(entry, entry_begin, BEGIN) == 0;
  if (!file->digested) {
    prl_hash_bytes(bytes, size, file->digest);
    return PRL_OK;
  }
  uint64_t without = length - ENTRY;
  const prl_span parts[] = {
      {&without, sizeof without}, {header, OPENING}, {entry + ENTRY, size - 8 - OPENING - ENTRY}};
  prl_hash_spans(parts, 3, file->digest);
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* a fuzzer does not guess digests; it must come to what is \
                                                    behind */
  if (memcmp(entry + BEGIN, file->digest, DIGITS) != 0) return wrong_digest(r, entry + BEGIN, file->digest);
#endif
  return PRL_OK;
}

/* A whole number that JSON gives exactly. */
static bool whole(const prl_value *value, int64_t *out) {
  if (!value || value->kind != PRL_NUMBER || !(value->as.number >= 0 && value->as.number <= 0x1p53))
    return false;
  *out = (int64_t)value->as.number;
  return (double)*out == value->as.number;
}

static prl_status read_dtype(const reader *r, const prl_value *entry, prl_st_tensor *to) {
  const char *dtype = prl_get_string(entry, "dtype", NULL);
  if (!dtype) return BAD(r, "%s: the tensor \"%.80s\" has no dtype", r->name, to->name);
  for (int i = 0; i < DTYPES; i++) {
    if (strcmp(dtype, dtypes[i].name) != 0) continue;
    to->dtype = (prl_st_dtype)i;
    return PRL_OK;
  }
  return BAD(r, "%s: the tensor \"%.80s\" has the dtype \"%.20s\"; F32, F64, I32, I64, U8 and U64 are read",
             r->name, to->name, dtype);
}

static prl_status read_entry(const reader *r, const char *name, const prl_value *entry, prl_st_tensor *to) {
  to->name = name;
  if (entry->kind != PRL_MAP) return BAD(r, "%s: the entry of the tensor \"%.80s\" is no map", r->name, name);
  prl_status status = read_dtype(r, entry, to);
  if (status) return status;
  const prl_value *shape = prl_get(entry, "shape"), *offsets = prl_get(entry, "data_offsets");
  if (!shape || shape->kind != PRL_ARRAY || shape->count > PRL_ST_MAX_DIMS)
    return BAD(r, "%s: the shape of the tensor \"%.80s\" is not a list of at most %d sizes", r->name, name,
               PRL_ST_MAX_DIMS);
  to->ndim = (int)shape->count;
  for (int i = 0; i < to->ndim; i++)
    if (!whole(prl_item(shape, i), &to->shape[i]))
      return BAD(r, "%s: size %d of the tensor \"%.80s\" is not a whole number of at least 0", r->name, i + 1,
                 name);
  int64_t begin, end;
  if (prl_count(offsets) != 2 || !whole(prl_item(offsets, 0), &begin) || !whole(prl_item(offsets, 1), &end) ||
      begin > end)
    return BAD(r, "%s: the data_offsets of the tensor \"%.80s\" are not two rising whole numbers", r->name,
               name);
  if ((uint64_t)end > r->size)
    return BAD(
        r, "%s: the tensor \"%.80s\" ends at byte %lld of %zu bytes of data: the file is cut or malformed",
        r->name, name, (long long)end, r->size);
  char text[200];
  if (!byte_size(to->dtype, to->ndim, to->shape, &to->size) || to->size != (size_t)(end - begin))
    return BAD(r, "%s: the tensor \"%.80s\" %s of %s has %lld bytes of data", r->name, name,
               dtypes[to->dtype].name, shape_text(to->ndim, to->shape, text, sizeof text),
               (long long)(end - begin));
  to->data = r->data + begin;
  return PRL_OK;
}

static bool before(const prl_st_tensor *a, const prl_st_tensor *b) {
  return a->data != b->data ? (const char *)a->data < (const char *)b->data : a->size < b->size;
}

/* In order of their data. Files are written in order or nearly so: runs are merged in place of a general
 * sort, from `spare`, which has room for all. */
static void sort_tensors(prl_st_tensor *tensors, prl_st_tensor *spare, int64_t count) {
  for (int64_t width = 1; width < count; width *= 2)
    for (int64_t low = 0; low + width < count; low += 2 * width) {
      int64_t middle = low + width, high = middle + width < count ? middle + width : count;
      if (!before(&tensors[middle], &tensors[middle - 1])) continue;
      memcpy(spare, tensors + low, (size_t)width * sizeof *spare);
      int64_t a = 0, b = middle, to = low;
      while (a < width)
        tensors[to++] = b < high && before(&tensors[b], &spare[a]) ? tensors[b++] : spare[a++];
    }
}

static prl_status check_cover(const reader *r, const prl_st_tensor *tensors, int64_t count) {
  size_t at = 0;
  for (int64_t i = 0; i < count; i++) {
    size_t begin = (size_t)((const char *)tensors[i].data - r->data);
    if (begin < at)
      return BAD(r, "%s: the tensors \"%.80s\" and \"%.80s\" overlap", r->name, tensors[i - 1].name,
                 tensors[i].name);
    if (begin > at) return BAD(r, "%s: bytes %zu to %zu of the data belong to no tensor", r->name, at, begin);
    at = begin + tensors[i].size;
  }
  if (at < r->size)
    return BAD(r, "%s: bytes %zu to %zu of the data belong to no tensor", r->name, at, r->size);
  return PRL_OK;
}

/* The digest's entry is looked at by then (read_digest) and left out; one that another program moved on is of
 * other bytes. */
static prl_status read_metadata(const reader *r, prl_value *metadata, const prl_safetensors *file) {
  if (metadata->kind != PRL_MAP) return BAD(r, "%s: __metadata__ is no map", r->name);
  if (file->digested) {
    metadata->as.items += 2;
    metadata->count--;
  }
  for (int64_t i = 0; i < metadata->count; i++) {
    const char *key;
    const prl_value *text;
    prl_pair(metadata, i, &key, &text);
    if (text->kind != PRL_STRING) return BAD(r, "%s: the metadata \"%.80s\" is no text", r->name, key);
    if (strcmp(key, DIGEST_KEY) == 0) return wrong_digest(r, text->as.text, file->digest);
  }
  return PRL_OK;
}

static prl_status read_entries(const reader *r, prl_safetensors *file) {
  const prl_value *root = &file->header->root;
  /* Twice the room: the second half is for the sort. */
  file->tensors = prl_calloc(file->runtime, 2 * (size_t)root->count, sizeof *file->tensors);
  if (!file->tensors) return prl_fail_memory(r->error, 2 * (size_t)root->count * sizeof *file->tensors);
  for (int64_t i = 0; i < root->count; i++) {
    const char *name;
    const prl_value *entry;
    prl_pair(root, i, &name, &entry);
    prl_status status;
    if (strcmp(name, "__metadata__") == 0) {
      prl_value *metadata = &file->header->root.as.items[2 * i + 1];
      status = read_metadata(r, metadata, file);
      file->metadata = metadata;
    } else {
      status = read_entry(r, name, entry, &file->tensors[file->count++]);
    }
    if (status) return status;
  }
  sort_tensors(file->tensors, file->tensors + root->count, file->count);
  return check_cover(r, file->tensors, file->count);
}

static prl_status read_header(reader *r, const char *bytes, size_t size, prl_safetensors *file) {
  uint64_t length;
  if (size < 8) return BAD(r, "%s: %zu bytes are too few for a safetensors file", r->name, size);
  memcpy(&length, bytes, 8);
  if (length > PRL_ST_MAX_HEADER)
    return BAD(r, "%s: no safetensors file: one begins with the size of its header, at most %d bytes",
               r->name, PRL_ST_MAX_HEADER);
  if (length > size - 8)
    return BAD(r,
               "%s: the header claims %llu bytes, and %zu follow: the file is cut or is no safetensors file",
               r->name, (unsigned long long)length, size - 8);
  r->data = bytes + 8 + length;
  r->size = size - 8 - (size_t)length;
  prl_status status = read_digest(r, bytes, size, length, file);
  if (status) return status;
  prl_error inner;
  status = prl_json_parse(file->runtime, bytes + 8, (size_t)length, &file->header, &inner);
  if (status == PRL_ENOMEM) return prl_fail(r->error, status, "%s", inner.message);
  if (status) return BAD(r, "%s: the header is malformed: %.300s", r->name, inner.message);
  if (file->header->root.kind != PRL_MAP) return BAD(r, "%s: the header is no map", r->name);
  return PRL_OK;
}

prl_status prl_safetensors_parse(prl_runtime *runtime, const char *name, const void *bytes, size_t size,
                                 prl_safetensors **out, prl_error *error) {
  prl_safetensors *file = prl_calloc(runtime, 1, sizeof *file);
  if (!file) return prl_fail_memory(error, sizeof *file);
  file->runtime = runtime;
  reader r = {.name = name, .error = error};
  prl_status status = read_header(&r, bytes, size, file);
  if (status == PRL_OK) status = read_entries(&r, file);
  if (status) {
    prl_safetensors_close(file);
    return status;
  }
  *out = file;
  return PRL_OK;
}

prl_status prl_safetensors_open(prl_runtime *runtime, const char *path, int64_t cap, prl_safetensors **out,
                                prl_error *error) {
  char *bytes;
  size_t size;
  prl_status status = prl_file_read(runtime, path, cap ? cap : PRL_FILE_CAP, &bytes, &size, error);
  if (status) return status;
  status = prl_safetensors_parse(runtime, path, bytes, size, out, error);
  if (status)
    prl_free(runtime, bytes);
  else
    (*out)->owned = bytes;
  return status;
}

void prl_safetensors_close(prl_safetensors *file) {
  if (!file) return;
  prl_runtime *runtime = file->runtime;
  prl_free(runtime, file->tensors);
  prl_doc_free(file->header);
  prl_free(runtime, file->owned);
  prl_free(runtime, file);
}

prl_status prl_safetensors_need_digest(const prl_safetensors *file, const char *name, prl_error *error) {
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  if (!file->digested)
    return prl_fail(
        error, PRL_EFORMAT,
        "%s carries no digest: it is damaged, or older than digests, and whether it is whole cannot be "
        "known",
        name);
#endif
  return PRL_OK;
}

const prl_st_tensor *prl_safetensors_find(const prl_safetensors *file, const char *name) {
  for (int64_t i = 0; i < file->count; i++)
    if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
  return NULL;
}

static prl_status need(const prl_safetensors *file, const char *name, const prl_st_tensor **out,
                       prl_error *error) {
  *out = prl_safetensors_find(file, name);
  if (*out) return PRL_OK;
  prl_nearest nearest = prl_nearest_begin(name);
  for (int64_t i = 0; i < file->count; i++) prl_nearest_offer(&nearest, file->tensors[i].name);
  return prl_fail(error, PRL_ENAME, "the file has no tensor \"%.80s\"%s", name, prl_nearest_hint(&nearest));
}

prl_status prl_safetensors_entry(const prl_safetensors *file, const prl_st_tensor *entry, prl_tensor *out,
                                 prl_error *error) {
  static const prl_dtype of[] = {
      [PRL_ST_F32] = PRL_F32, [PRL_ST_F64] = PRL_F64, [PRL_ST_I32] = PRL_I32, [PRL_ST_I64] = PRL_I64};
  if (entry->dtype == PRL_ST_U8 || entry->dtype == PRL_ST_U64)
    return prl_fail(error, PRL_EINVAL, "the tensor \"%.80s\" is %s, of which the runtime has no tensors",
                    entry->name, dtypes[entry->dtype].name);
  if (entry->ndim > PRL_MAX_DIMS)
    return prl_fail(error, PRL_ESHAPE, "the tensor \"%.80s\" has %d dimensions; at most %d are read",
                    entry->name, entry->ndim, PRL_MAX_DIMS);
  prl_status status = prl_tensor_new(file->runtime, of[entry->dtype], entry->ndim, entry->shape, out, error);
  if (status == PRL_OK && entry->size > 0) memcpy(out->data, entry->data, entry->size);
  return status;
}

prl_status prl_safetensors_tensor(const prl_safetensors *file, const char *name, prl_tensor *out,
                                  prl_error *error) {
  const prl_st_tensor *entry;
  prl_status status = need(file, name, &entry, error);
  return status ? status : prl_safetensors_entry(file, entry, out, error);
}

prl_status prl_safetensors_copy(const prl_safetensors *file, const char *name, prl_st_dtype dtype, int ndim,
                                const int64_t *shape, void *out, prl_error *error) {
  const prl_st_tensor *entry;
  prl_status status = need(file, name, &entry, error);
  if (status) return status;
  bool same = entry->dtype == dtype && entry->ndim == ndim;
  for (int i = 0; same && i < ndim; i++) same = entry->shape[i] == shape[i];
  char has[120], wanted[120];
  if (!same)
    return prl_fail(error, PRL_ESHAPE, "the tensor \"%.80s\" is %s %s in the file, where %s %s is needed",
                    name, dtypes[entry->dtype].name, shape_text(entry->ndim, entry->shape, has, sizeof has),
                    dtypes[dtype].name, shape_text(ndim, shape, wanted, sizeof wanted));
  if (entry->size > 0) memcpy(out, entry->data, entry->size);
  return PRL_OK;
}

const char *prl_safetensors_text(const prl_safetensors *file, const char *key) {
  return file->metadata ? prl_get_string(file->metadata, key, NULL) : NULL;
}
