/* The first byte chooses options; the rest is a CSV whose first two columns are read as numbers and as text.
 */
#include "fuzz.h"
#include "io/csv.h"

static void read_all(prl_runtime *runtime, const uint8_t *data, size_t size, const prl_csv_options *options,
                     const prl_csv_column *columns, int count) {
  prl_csv *csv;
  if (prl_csv_parse(runtime, "fuzz", data, size, columns, count, options, &csv, NULL)) return;
  int64_t rows = 1, total = 0;
  prl_status status = PRL_OK;
  while (rows > 0 && (status = prl_csv_next(csv, &rows, NULL)) == PRL_OK) {
    for (int64_t r = 0; r < rows; r++) {
      size_t length;
      const char *text = prl_csv_text(csv, 1, r, &length);
      volatile char last = length ? text[length - 1] : 0;
      (void)last;
    }
    total += rows;
  }
  if (status == PRL_OK && (prl_csv_bytes_read(csv) != (int64_t)size || total != prl_csv_rows(csv))) abort();
  if (status == PRL_EFORMAT && options->skip_bad) abort();
  prl_csv_close(csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  prl_runtime *runtime = fuzz_runtime();
  const prl_csv_options options = {
      .skip_bad = data[0] & 1, .batch = 1 + (data[0] >> 1 & 3), .max_row = 20 + (data[0] & 0xf0)};
  const prl_csv_column columns[] = {
      {"a", (prl_csv_type)(data[0] >> 3 & 3)}, {"b", PRL_CSV_TEXT}, {"c", PRL_CSV_DICT}};
  read_all(runtime, data + 1, size - 1, &options, columns, size & 1 ? 3 : 2);
  fuzz_end(runtime);
  return 0;
}
