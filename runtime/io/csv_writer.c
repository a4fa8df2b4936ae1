/* Writes CSV row by row, and goes on in a file that has the same header. */
#include <string.h>

#include "core/number.h"
#include "io/csv.h"
#include "io/file.h"

struct prl_csv_writer {
  prl_runtime *runtime;
  prl_file_log log;
  int count;
  char *row; /* one row's text: count × PRL_NUMBER_TEXT */
};

static bool needs_quotes(const char *name) { return strpbrk(name, ",\"\r\n") != NULL; }

/* The header line in fresh memory, freed by prl_free; NULL when out of memory. */
static char *make_header(prl_runtime *runtime, const char *const *names, int count) {
  size_t size = 2;
  for (int i = 0; i < count; i++) size += 2 * strlen(names[i]) + 3;
  char *header = prl_alloc(runtime, size), *at = header;
  if (!header) return NULL;
  for (int i = 0; i < count; i++) {
    bool quotes = needs_quotes(names[i]);
    if (i) *at++ = ',';
    if (quotes) *at++ = '"';
    for (const char *c = names[i]; *c; c++) {
      if (*c == '"') *at++ = '"';
      *at++ = *c;
    }
    if (quotes) *at++ = '"';
  }
  *at++ = '\n';
  *at = 0;
  return header;
}

/* An existing file must begin with the same header and end with a whole line. */
static prl_status check_existing(prl_runtime *runtime, const char *path, const char *header,
                                 prl_error *error) {
  char *data;
  size_t size;
  prl_status status = prl_file_read(runtime, path, PRL_FILE_CAP, &data, &size, error);
  if (status) return status;
  size_t length = strlen(header), line = strcspn(data, "\n");
  if (size < length || memcmp(data, header, length) != 0)
    status = prl_fail(error, PRL_EFORMAT, "%s has the columns %.*s, and %.*s are to be written", path,
                      line < 150 ? (int)line : 150, data, length - 1 < 150 ? (int)length - 1 : 150, header);
  else if (data[size - 1] != '\n')
    status = prl_fail(error, PRL_EFORMAT, "the last line of %s is cut: its line break is missing", path);
  prl_free(runtime, data);
  return status;
}

static prl_status open_with_header(prl_csv_writer *writer, const char *path, const char *header, bool fresh,
                                   prl_error *error) {
  prl_status status = prl_file_log_open(writer->runtime, path, fresh, &writer->log, error);
  if (status) return status;
  if (writer->log.size == 0)
    status = prl_file_log_append(&writer->log, header, strlen(header), error);
  else
    status = check_existing(writer->runtime, path, header, error);
  if (status) prl_file_log_close(&writer->log, NULL);
  return status;
}

prl_status prl_csv_writer_open(prl_runtime *runtime, const char *path, const char *const *names, int count,
                               bool fresh, prl_csv_writer **out, prl_error *error) {
  prl_csv_writer *writer = prl_calloc(runtime, 1, sizeof *writer);
  if (!writer) return prl_fail_memory(error, sizeof *writer);
  writer->runtime = runtime;
  writer->count = count;
  writer->row = prl_alloc(runtime, (size_t)count * PRL_NUMBER_TEXT + 2);
  char *header = make_header(runtime, names, count);
  prl_status status = PRL_OK;
  if (!writer->row || !header)
    status = prl_fail_memory(error, (size_t)count * PRL_NUMBER_TEXT);
  else
    status = open_with_header(writer, path, header, fresh, error);
  prl_free(runtime, header);
  if (status) {
    prl_free(runtime, writer->row);
    prl_free(runtime, writer);
    return status;
  }
  *out = writer;
  return PRL_OK;
}

prl_status prl_csv_writer_row(prl_csv_writer *writer, const double *values, const bool *present,
                              prl_error *error) {
  char *at = writer->row;
  for (int i = 0; i < writer->count; i++) {
    if (i) *at++ = ',';
    if (!present || present[i]) at += prl_number_format(values[i], at);
  }
  *at++ = '\n';
  return prl_file_log_append(&writer->log, writer->row, (size_t)(at - writer->row), error);
}

prl_status prl_csv_writer_close(prl_csv_writer *writer, prl_error *error) {
  if (!writer) return PRL_OK;
  prl_status status = prl_file_log_close(&writer->log, error);
  prl_free(writer->runtime, writer->row);
  prl_free(writer->runtime, writer);
  return status;
}
