/* CSV (RFC 4180): a streaming reader of chosen columns for files of up to a TiB, and a writer for metrics.
 *
 *     prl_csv_column columns[] = {{"user_id", PRL_CSV_DICT}, {"play_time_ms", PRL_CSV_F64}};
 *     prl_csv_open(runtime, path, columns, 2, NULL, &csv, &error);
 *     while (prl_csv_next(csv, &rows, &error) == PRL_OK && rows > 0) … prl_csv_values(csv, 1) …
 *
 * The first line names the columns. Fields may be quoted (doubled quotes inside, line breaks too); lines end
 * in LF or CRLF; bytes of text pass through as they are; a byte order mark is skipped; empty lines are no
 * rows. The last line may lack its line break, but not a field. Numbers are plain decimals, with spaces
 * around them or quotes allowed. */
#ifndef PRL_IO_CSV_H
#define PRL_IO_CSV_H

#include "core/memory.h"

#define PRL_CSV_CAP (INT64_C(1) << 40) /* bytes of a file */

typedef enum prl_csv_type {
  PRL_CSV_F64,  /* double, exactly rounded */
  PRL_CSV_F32,  /* the same, as float */
  PRL_CSV_I64,  /* int64_t; "3.0" is 3 */
  PRL_CSV_I32,  /* int32_t */
  PRL_CSV_DICT, /* int32_t: 0, 1, … for each different text, in order of first appearance */
  PRL_CSV_HASH, /* uint64_t: XXH3-64 of the text */
  PRL_CSV_TEXT  /* prl_csv_text */
} prl_csv_type;

typedef struct prl_csv_column {
  const char *name;
  prl_csv_type type;
  bool may_be_empty; /* an empty field is `empty`; otherwise it is no number. Not for texts. */
  double empty;
} prl_csv_column;

typedef struct prl_csv_options {
  char delimiter; /* 0: comma */
  bool skip_bad; /* rows that cannot be read are left out and counted; otherwise the first ends the reading */
  int64_t batch; /* rows given at once; 0: 4,096 */
  int64_t max_row; /* bytes of a row; 0: 1 MiB */
} prl_csv_options;

typedef struct prl_csv prl_csv;

/* Opens, reads the header and finds the columns; options may be NULL. Fails: PRL_EIO, PRL_ENAME (a column
 * that the file lacks: the nearest name), PRL_EFORMAT (no header, a chosen name that appears twice in it),
 * PRL_ELIMIT (a file beyond PRL_CSV_CAP), PRL_ENOMEM. */
prl_status prl_csv_open(prl_runtime *runtime, const char *path, const prl_csv_column *columns, int count,
                        const prl_csv_options *options, prl_csv **out, prl_error *error);
/* The same from bytes that the caller keeps alive. `name` is used in messages. */
prl_status prl_csv_parse(prl_runtime *runtime, const char *name, const void *bytes, size_t size,
                         const prl_csv_column *columns, int count, const prl_csv_options *options,
                         prl_csv **out, prl_error *error);
void prl_csv_close(prl_csv *csv);

/* The next batch: *rows is 0 at the end. Fails: PRL_EFORMAT (row, line and column; a bad number, missing
 * fields, an open quote, a cut last line), PRL_ELIMIT (a row beyond max_row), PRL_EIO, PRL_ENOMEM; a failure
 * is final. */
prl_status prl_csv_next(prl_csv *csv, int64_t *rows, prl_error *error);
/* The batch's values of a chosen column (0-based), of its type; good until the next call of prl_csv_next. */
const void *prl_csv_values(const prl_csv *csv, int column);
const char *prl_csv_text(const prl_csv *csv, int column, int64_t row,
                         size_t *length); /* of the batch; not terminated */
/* The texts of a PRL_CSV_DICT column met so far. */
int64_t prl_csv_dict_count(const prl_csv *csv, int column);
const char *prl_csv_dict_text(const prl_csv *csv, int column, int64_t id,
                              size_t *length); /* not terminated */

int prl_csv_header_count(const prl_csv *csv);
const char *prl_csv_header_name(const prl_csv *csv, int index); /* terminated */
int64_t prl_csv_rows(const prl_csv *csv);                       /* read so far, without the skipped ones */
int64_t prl_csv_skipped(const prl_csv *csv);                    /* with skip_bad */
const char *prl_csv_first_skipped(const prl_csv *csv);          /* why; "" where none was */
/* For progress: bytes taken so far, and in all. */
int64_t prl_csv_bytes_read(const prl_csv *csv);
int64_t prl_csv_bytes_total(const prl_csv *csv);

/* ---- writing ---- */

typedef struct prl_csv_writer prl_csv_writer;

/* A table of numbers with fixed columns. Goes on behind the rows of an existing file whose header is the
 * same, or begins anew where `fresh`. Fails: PRL_EFORMAT (another header; a last line without an end),
 * PRL_EIO, PRL_ENOMEM. */
prl_status prl_csv_writer_open(prl_runtime *runtime, const char *path, const char *const *names, int count,
                               bool fresh, prl_csv_writer **out, prl_error *error);
/* One row, in the file before the call returns, whole or not at all. present (count) or NULL: an absent value
 * is an empty field. Numbers in the short form of core/number.h. */
prl_status prl_csv_writer_row(prl_csv_writer *writer, const double *values, const bool *present,
                              prl_error *error);
prl_status prl_csv_writer_close(prl_csv_writer *writer,
                                prl_error *error); /* frees in every case; NULL is allowed */

#endif
