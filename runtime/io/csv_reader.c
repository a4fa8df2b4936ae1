/* Reads CSV in batches: quotes, line ends and chosen columns. */
#include "io/csv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/nearest.h"
#include "io/csv_fields.h"
#include "io/file.h"

#define BUFFER_SIZE (256 << 10)
#define MAX_COLUMNS 10000

enum { DELIMITER = 1, LINE_END = 2 };

struct prl_csv {
  prl_runtime *runtime;
  char *name; /* of the file, for messages */
  prl_csv_options options;
  csv_column *columns;
  int columns_count;
  int header_count;
  char *header; /* the names, terminated, one after another */
  const char **names;
  int *chosen; /* (header_count) the chosen column at each place, or −1 */
  uint8_t class[256];

  /* The source: a descriptor, or bytes of the caller. */
  int descriptor; /* −1: bytes */
  const char *source;
  size_t source_left;
  int64_t total;

  /* Bytes read and not yet taken: buffer[at, end), with a line break behind them as a sentinel. */
  char *buffer;
  size_t capacity, at, end;
  bool at_end; /* nothing more will come */
  int64_t taken;

  char *scratch; /* a quoted field without its quotes */
  size_t scratch_capacity;
  char *pool; /* the batch's texts */
  size_t pool_used, pool_capacity;
  int64_t row, line, rows, skipped;
  bool quoted; /* the present row has a quoted field, and perhaps line breaks in it */
  prl_error first_skipped, failure;
  char why[400]; /* what is wrong with the present row */
};

/* ---- bytes ---- */

static prl_status read_some(prl_csv *csv, prl_error *error) {
  size_t room = csv->capacity - csv->end - 1;
  if (csv->descriptor < 0) {
    size_t take = csv->source_left < room ? csv->source_left : room;
    if (take) memcpy(csv->buffer + csv->end, csv->source, take);
    csv->source += take;
    csv->source_left -= take;
    csv->end += take;
    csv->at_end = take == 0;
    return PRL_OK;
  }
  ssize_t got;
  do got = read(csv->descriptor, csv->buffer + csv->end, room);
  while (got < 0 && errno == EINTR);
  if (got < 0) return prl_fail_system(error, "read", csv->name, errno);
  csv->end += (size_t)got;
  csv->at_end = got == 0;
  return PRL_OK;
}

/* More bytes behind buffer[at, end): what was taken goes, a longer row gets a larger buffer. *full: the row
 * is longer than a row may be. */
static prl_status fill(prl_csv *csv, bool *full, prl_error *error) {
  *full = false;
  size_t kept = csv->end - csv->at;
  if (csv->at > 0) memmove(csv->buffer, csv->buffer + csv->at, kept);
  csv->at = 0;
  csv->end = kept;
  if (kept > (size_t)csv->options.max_row) {
    *full = true;
  } else {
    if (kept + 1 >= csv->capacity / 2 &&
        !csv_reserve(csv->runtime, &csv->buffer, &csv->capacity, csv->capacity * 2))
      return prl_fail_memory(error, csv->capacity * 2);
    prl_status status = read_some(csv, error);
    if (status) return status;
  }
  csv->buffer[csv->end] = '\n';
  return PRL_OK;
}

/* ---- rows ---- */

typedef enum verdict {
  ROW_FINE,
  ROW_BLANK,
  ROW_BAD,
  ROW_CUT /* more bytes are needed */,
  ROW_NO_MEMORY
} verdict;

/* A field of the row: its text, and the delimiter or line break behind it. */
typedef struct field {
  const char *text, *end;
  size_t length;
} field;

#define REFUSE(csv, ...) (snprintf((csv)->why, sizeof(csv)->why, __VA_ARGS__), ROW_BAD)

static verdict quoted_field(prl_csv *csv, const char *at, field *out) {
  const char *end = csv->buffer + csv->end, *from = ++at;
  size_t used = 0;
  csv->quoted = true;
  for (;;) {
    const char *quote = memchr(at, '"', (size_t)(end - at));
    if (!quote) return csv->at_end ? REFUSE(csv, "a quote is opened and never closed") : ROW_CUT;
    size_t piece = (size_t)(quote - from);
    if (!csv_reserve(csv->runtime, &csv->scratch, &csv->scratch_capacity, used + piece + 1))
      return ROW_NO_MEMORY;
    memcpy(csv->scratch + used, from, piece);
    used += piece;
    at = quote + 1;
    if (at == end && !csv->at_end) return ROW_CUT; /* the next byte tells whether the quote is doubled */
    if (at == end || *at != '"') break;
    csv->scratch[used++] = '"';
    from = ++at;
  }
  if (*at == '\r' && at + 1 == end && !csv->at_end) return ROW_CUT;
  if (*at == '\r' && at[1] == '\n') at++;
  *out = (field){csv->scratch, at, used};
  if (csv->class[(unsigned char)*at] == 0) return REFUSE(csv, "text follows the closing quote of a field");
  return ROW_FINE;
}

static inline verdict next_field(prl_csv *csv, const char *at, field *out) {
  if (*at == '"') return quoted_field(csv, at, out);
  const char *from = at;
  while (csv->class[(unsigned char)*at] == 0) at++;
  size_t length = (size_t)(at - from);
  if (*at == '\n' && length && at[-1] == '\r') length--;
  *out = (field){from, at, length};
  return ROW_FINE;
}

/* The common numbers at once: digits, one point, few enough of them that the result is exact. Sets *end and
 * returns true where a delimiter or line break follows; anything else goes the long way. */
static inline bool quick_number(const prl_csv *csv, csv_column *column, int64_t row, const char *at,
                                const char **end) {
  static const double power[16] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  bool negative = *at == '-';
  at += negative;
  const char *first = at;
  uint64_t mantissa = 0;
  unsigned digit;
  while ((digit = (unsigned)(unsigned char)*at - '0') < 10) mantissa = mantissa * 10 + digit, at++;
  int64_t digits = at - first, decimals = 0;
  if (*at == '.' && column->about.type <= PRL_CSV_F32) {
    const char *point = ++at;
    while ((digit = (unsigned)(unsigned char)*at - '0') < 10) mantissa = mantissa * 10 + digit, at++;
    decimals = at - point;
    digits += decimals;
  }
  /* At most 15 digits: below 2^53, and 15 decimals divide by an exact power of ten, so one rounding gives the
   * nearest double. Minus zero keeps its sign on the long way. */
  if (digits == 0 || digits > 15 || (negative && mantissa == 0)) return false;
  if (*at == '\r' && at[1] == '\n') at++;
  if (csv->class[(unsigned char)*at] == 0) return false;
  int64_t whole = negative ? -(int64_t)mantissa : (int64_t)mantissa;
  switch (column->about.type) {
  case PRL_CSV_F64:
    ((double *)column->values)[row] = (double)whole / power[decimals];
    break;
  case PRL_CSV_F32:
    ((float *)column->values)[row] = (float)((double)whole / power[decimals]);
    break;
  case PRL_CSV_I64:
    ((int64_t *)column->values)[row] = whole;
    break;
  default:
    if (whole < INT32_MIN || whole > INT32_MAX) return false;
    ((int32_t *)column->values)[row] = (int32_t)whole;
  }
  *end = at;
  return true;
}

static verdict keep_text(prl_csv *csv, csv_column *column, int64_t row, const field *f) {
  if (!csv_reserve(csv->runtime, &csv->pool, &csv->pool_capacity, csv->pool_used + f->length))
    return ROW_NO_MEMORY;
  if (f->length) memcpy(csv->pool + csv->pool_used, f->text, f->length);
  ((csv_span *)column->values)[row] = (csv_span){csv->pool_used, f->length};
  csv->pool_used += f->length;
  return ROW_FINE;
}

static verdict convert_field(prl_csv *csv, csv_column *column, int64_t row, const field *f) {
  static const char *const kinds[] = {"number", "number", "whole number", "whole number"};
  if (column->about.type == PRL_CSV_TEXT) return keep_text(csv, column, row, f);
  int shown = f->length > 60 ? 60 : (int)f->length;
  switch (csv_convert(csv->runtime, column, row, f->text, f->length)) {
  case CSV_FINE:
    return ROW_FINE;
  case CSV_NO_MEMORY:
    return ROW_NO_MEMORY;
  case CSV_BEYOND_RANGE:
    return REFUSE(csv, "column %.80s: \"%.*s\" is beyond the range of the column's type", column->name, shown,
                  f->text);
  default:
    return REFUSE(csv, "column %.80s: \"%.*s\" is not a %s", column->name, shown, f->text,
                  kinds[column->about.type]);
  }
}

/* Where one of the row's fields ends: at the delimiter or line break. */
static verdict parse_field(prl_csv *csv, csv_column *column, int64_t row, const char **at,
                           verdict *row_verdict) {
  if (column && column->about.type <= PRL_CSV_I32 && quick_number(csv, column, row, *at, at)) return ROW_FINE;
  field f;
  verdict v = next_field(csv, *at, &f);
  if (v != ROW_FINE) return v;
  if (f.end == csv->buffer + csv->end && !csv->at_end) return ROW_CUT; /* convert no half field */
  if (column && *row_verdict == ROW_FINE) *row_verdict = convert_field(csv, column, row, &f);
  *at = f.end;
  return *row_verdict == ROW_NO_MEMORY ? ROW_NO_MEMORY : ROW_FINE;
}

/* Reads the row at buffer[at] into place `row` of the batch; *next is behind it. A bad value does not stop
 * it, since the row's end is wanted; where a quote hides the end, *next is the row's begin. */
static verdict parse_row(prl_csv *csv, int64_t row, const char **next) {
  const char *at = csv->buffer + csv->at, *end = csv->buffer + csv->end;
  verdict row_verdict = ROW_FINE;
  int fields = 0;
  *next = at;
  csv->quoted = false;
  bool blank = *at == '\n' || (*at == '\r' && at[1] == '\n');
  for (;; at++) {
    int column = blank || fields >= csv->header_count ? -1 : csv->chosen[fields];
    verdict v = parse_field(csv, column < 0 ? NULL : &csv->columns[column], row, &at, &row_verdict);
    if (v != ROW_FINE) return v;
    fields++;
    if (*at == '\n') break;
  }
  if (at == end && !csv->at_end) return ROW_CUT;
  *next = at + 1;
  if (blank) return ROW_BLANK;
  if (fields == csv->header_count) return row_verdict;
  if (at == end && fields < csv->header_count)
    return REFUSE(csv, "the last line is cut: it has %d of %d fields", fields, csv->header_count);
  return REFUSE(csv, "%d fields; the header has %d", fields, csv->header_count);
}

/* Takes the row away and counts its line breaks: one, unless there are some within quotes. */
static void take_row(prl_csv *csv, const char *next) {
  const char *from = csv->buffer + csv->at, *end = csv->buffer + csv->end;
  if (next > end) next = end; /* a last line without its break */
  csv->line++;
  if (csv->quoted && next > from)
    while ((from = memchr(from, '\n', (size_t)(next - 1 - from)))) csv->line++, from++;
  csv->taken += next - (csv->buffer + csv->at);
  csv->at = (size_t)(next - csv->buffer);
}

/* A row that cannot be read: the failure, or one more skipped. `next` is its end, or its begin where that is
 * unknown: then its first line is skipped. */
static prl_status bad_row(prl_csv *csv, const char *next, prl_error *error) {
  prl_error failure;
  const char *from = csv->buffer + csv->at;
  prl_fail(&failure, PRL_EFORMAT, "%s: row %lld (line %lld): %s", csv->name, (long long)csv->row,
           (long long)csv->line, csv->why);
  if (!csv->options.skip_bad) return prl_fail(error, PRL_EFORMAT, "%s", failure.message);
  if (csv->skipped++ == 0) csv->first_skipped = failure;
  if (next == from) next = (const char *)memchr(from, '\n', csv->end - csv->at + 1) + 1;
  take_row(csv, next);
  return PRL_OK;
}

static prl_status too_long(prl_csv *csv, prl_error *error) {
  const char *from = csv->buffer + csv->at;
  snprintf(csv->why, sizeof csv->why, "the row has more than %lld bytes; is a quote open?",
           (long long)csv->options.max_row);
  if (csv->options.skip_bad && memchr(from, '\n', csv->end - csv->at)) return bad_row(csv, from, error);
  return prl_fail(error, PRL_ELIMIT, "%s: row %lld (line %lld): %s", csv->name, (long long)csv->row,
                  (long long)csv->line, csv->why);
}

/* One row into the batch; *got is false for a blank line, a skipped row, and where more bytes had to be read.
 */
static prl_status one_row(prl_csv *csv, int64_t row, bool *got, prl_error *error) {
  const char *next;
  size_t pool_used = csv->pool_used;
  verdict v = parse_row(csv, row, &next);
  *got = v == ROW_FINE;
  if (v != ROW_FINE) csv->pool_used = pool_used;
  if (v == ROW_NO_MEMORY) return prl_fail_memory(error, csv->pool_capacity);
  if (v == ROW_FINE || v == ROW_BLANK) {
    take_row(csv, next);
    csv->row += *got;
    return PRL_OK;
  }
  bool full = false;
  prl_status status = v == ROW_BAD ? bad_row(csv, next, error) : fill(csv, &full, error);
  if (full && status == PRL_OK) status = too_long(csv, error);
  csv->row += v == ROW_BAD || full;
  return status;
}

prl_status prl_csv_next(prl_csv *csv, int64_t *rows, prl_error *error) {
  if (csv->failure.status) return prl_fail(error, csv->failure.status, "%s", csv->failure.message);
  int64_t count = 0;
  csv->pool_used = 0;
  while (count < csv->options.batch && !(csv->at_end && csv->at == csv->end)) {
    bool got;
    prl_status status = one_row(csv, count, &got, &csv->failure);
    if (status) return prl_fail(error, status, "%s", csv->failure.message);
    count += got;
  }
  csv->rows += count;
  *rows = count;
  return PRL_OK;
}

/* ---- opening ---- */

static prl_status new_csv(prl_runtime *runtime, const char *name, const prl_csv_options *options,
                          prl_csv **out, prl_error *error) {
  prl_csv *csv = prl_calloc(runtime, 1, sizeof *csv);
  if (!csv) return prl_fail_memory(error, sizeof *csv);
  csv->runtime = runtime;
  csv->descriptor = -1;
  csv->row = csv->line = 1;
  if (options) csv->options = *options;
  if (!csv->options.delimiter) csv->options.delimiter = ',';
  if (csv->options.batch <= 0) csv->options.batch = 4096;
  if (csv->options.max_row <= 0) csv->options.max_row = 1 << 20;
  csv->class[(unsigned char)csv->options.delimiter] = DELIMITER;
  csv->class['\n'] = LINE_END;
  csv->name = prl_strdup(runtime, name);
  if (!csv->name || !csv_reserve(runtime, &csv->buffer, &csv->capacity, BUFFER_SIZE)) {
    prl_csv_close(csv);
    return prl_fail_memory(error, BUFFER_SIZE);
  }
  csv->buffer[0] = '\n';
  *out = csv;
  return PRL_OK;
}

void prl_csv_close(prl_csv *csv) {
  if (!csv) return;
  prl_runtime *runtime = csv->runtime;
  for (int i = 0; csv->columns && i < csv->columns_count; i++) {
    prl_free(runtime, csv->columns[i].name);
    prl_free(runtime, csv->columns[i].values);
    csv_dict_free(runtime, &csv->columns[i].dict);
  }
  if (csv->descriptor >= 0) close(csv->descriptor);
  prl_free(runtime, csv->columns);
  prl_free(runtime, csv->name);
  prl_free(runtime, csv->header);
  prl_free(runtime, csv->names);
  prl_free(runtime, csv->chosen);
  prl_free(runtime, csv->buffer);
  prl_free(runtime, csv->scratch);
  prl_free(runtime, csv->pool);
  prl_free(runtime, csv);
}

/* The header's names, terminated, in csv->header, which has room for all bytes at hand; *count of them. */
static verdict header_fields(prl_csv *csv, int *count, const char **next) {
  const char *at = csv->buffer + csv->at, *end = csv->buffer + csv->end;
  char *to = csv->header;
  *count = 0;
  if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3; /* a byte order mark */
  for (;; at++) {
    field f;
    verdict v = next_field(csv, at, &f);
    if (v != ROW_FINE) return v;
    if (f.end == end && !csv->at_end) return ROW_CUT;
    if (f.length) memcpy(to, f.text, f.length);
    to[f.length] = 0;
    to += f.length + 1;
    ++*count;
    at = f.end;
    if (*at == '\n') break;
  }
  *next = at + 1;
  return ROW_FINE;
}

static prl_status read_header(prl_csv *csv, prl_error *error) {
  size_t capacity = 0;
  const char *next = NULL;
  for (;;) {
    if (!csv_reserve(csv->runtime, &csv->header, &capacity, csv->end - csv->at + 2))
      return prl_fail_memory(error, csv->end - csv->at + 2);
    verdict v = header_fields(csv, &csv->header_count, &next);
    if (v == ROW_FINE) break;
    if (v == ROW_NO_MEMORY) return prl_fail_memory(error, csv->scratch_capacity);
    if (v == ROW_BAD)
      return prl_fail(error, PRL_EFORMAT, "%s: the header is malformed: %s", csv->name, csv->why);
    bool full;
    prl_status status = fill(csv, &full, error);
    if (status) return status;
    if (full)
      return prl_fail(error, PRL_ELIMIT, "%s: the header has more than %lld bytes; is a quote open?",
                      csv->name, (long long)csv->options.max_row);
  }
  if (csv->end == 0)
    return prl_fail(error, PRL_EFORMAT, "%s is empty: a first line with the columns' names is needed",
                    csv->name);
  if (csv->header_count > MAX_COLUMNS)
    return prl_fail(error, PRL_ELIMIT, "%s has %d columns; at most %d are read", csv->name, csv->header_count,
                    MAX_COLUMNS);
  csv->names = prl_alloc(csv->runtime, (size_t)csv->header_count * sizeof *csv->names);
  csv->chosen = prl_alloc(csv->runtime, (size_t)csv->header_count * sizeof *csv->chosen);
  if (!csv->names || !csv->chosen)
    return prl_fail_memory(error, (size_t)csv->header_count * sizeof *csv->names);
  const char *name = csv->header;
  for (int i = 0; i < csv->header_count; i++, name += strlen(name) + 1) csv->names[i] = name;
  take_row(csv, next);
  return PRL_OK;
}

/* The place of a chosen column in the header. */
static prl_status find_column(const prl_csv *csv, const char *name, int *place, prl_error *error) {
  *place = -1;
  for (int i = 0; i < csv->header_count; i++) {
    if (strcmp(csv->names[i], name) != 0) continue;
    if (*place >= 0) return prl_fail(error, PRL_EFORMAT, "%s has two columns \"%.80s\"", csv->name, name);
    *place = i;
  }
  if (*place >= 0) return PRL_OK;
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < csv->header_count; i++) prl_nearest_offer(&nearest, csv->names[i]);
  return prl_fail(error, PRL_ENAME, "%s has no column \"%.80s\"%s", csv->name, name,
                  prl_nearest_hint(&nearest));
}

static prl_status choose_columns(prl_csv *csv, const prl_csv_column *columns, int count, prl_error *error) {
  csv->columns = prl_calloc(csv->runtime, (size_t)count, sizeof *csv->columns);
  if (!csv->columns) return prl_fail_memory(error, (size_t)count * sizeof *csv->columns);
  csv->columns_count = count;
  for (int i = 0; i < csv->header_count; i++) csv->chosen[i] = -1;
  for (int i = 0; i < count; i++) {
    csv_column *column = &csv->columns[i];
    int place;
    prl_status status = find_column(csv, columns[i].name, &place, error);
    if (status) return status;
    if (csv->chosen[place] >= 0)
      return prl_fail(error, PRL_EINVAL, "the column \"%.80s\" of %s is chosen twice", columns[i].name,
                      csv->name);
    csv->chosen[place] = i;
    column->about = columns[i];
    column->name = prl_strdup(csv->runtime, columns[i].name);
    column->values = prl_calloc(csv->runtime, (size_t)csv->options.batch, csv_type_size(columns[i].type));
    if (!column->name || !column->values)
      return prl_fail_memory(error, (size_t)csv->options.batch * csv_type_size(columns[i].type));
    column->about.name = column->name;
  }
  return PRL_OK;
}

static prl_status begin(prl_csv *csv, const prl_csv_column *columns, int count, prl_csv **out,
                        prl_error *error) {
  prl_status status = read_header(csv, error);
  if (status == PRL_OK) status = choose_columns(csv, columns, count, error);
  if (status)
    prl_csv_close(csv);
  else
    *out = csv;
  return status;
}

prl_status prl_csv_open(prl_runtime *runtime, const char *path, const prl_csv_column *columns, int count,
                        const prl_csv_options *options, prl_csv **out, prl_error *error) {
  prl_csv *csv = NULL;
  prl_status status = new_csv(runtime, path, options, &csv, error);
  if (status) return status;
  status = prl_file_open(path, PRL_CSV_CAP, &csv->descriptor, &csv->total, error);
  if (status) {
    prl_csv_close(csv);
    return status;
  }
  return begin(csv, columns, count, out, error);
}

prl_status prl_csv_parse(prl_runtime *runtime, const char *name, const void *bytes, size_t size,
                         const prl_csv_column *columns, int count, const prl_csv_options *options,
                         prl_csv **out, prl_error *error) {
  prl_csv *csv = NULL;
  prl_status status = new_csv(runtime, name, options, &csv, error);
  if (status) return status;
  csv->source = bytes;
  csv->source_left = size;
  csv->total = (int64_t)size;
  return begin(csv, columns, count, out, error);
}

/* ---- what was read ---- */

const void *prl_csv_values(const prl_csv *csv, int column) { return csv->columns[column].values; }

const char *prl_csv_text(const prl_csv *csv, int column, int64_t row, size_t *length) {
  const csv_span *span = (const csv_span *)csv->columns[column].values + row;
  *length = span->length;
  return csv->pool ? csv->pool + span->offset : "";
}

int64_t prl_csv_dict_count(const prl_csv *csv, int column) { return csv->columns[column].dict.count; }

const char *prl_csv_dict_text(const prl_csv *csv, int column, int64_t id, size_t *length) {
  const csv_dict *dict = &csv->columns[column].dict;
  *length = dict->entries[id].length;
  return dict->pool ? dict->pool + dict->entries[id].offset : "";
}

int prl_csv_header_count(const prl_csv *csv) { return csv->header_count; }

const char *prl_csv_header_name(const prl_csv *csv, int index) { return csv->names[index]; }

int64_t prl_csv_rows(const prl_csv *csv) { return csv->rows; }

int64_t prl_csv_skipped(const prl_csv *csv) { return csv->skipped; }

const char *prl_csv_first_skipped(const prl_csv *csv) { return csv->first_skipped.message; }

int64_t prl_csv_bytes_read(const prl_csv *csv) { return csv->taken; }

int64_t prl_csv_bytes_total(const prl_csv *csv) { return csv->total; }
