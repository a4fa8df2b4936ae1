/* The plain C loop that csv_rows is timed against: the file is read whole, memchr finds the fields that are
 * not wanted, strtod reads those that are. No quotes, no checks, no names of columns. */
#ifndef SPEC_BENCH_CSV_YARDSTICK_H
#define SPEC_BENCH_CSV_YARDSTICK_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the columns with wanted[i] (of `columns` in a line) row by row into out[row × wanted + k], for at
 * most `capacity` rows, behind the header. Returns the rows, −1 without the file or memory. */
int64_t csv_yardstick_read(const char *path, const bool *wanted, int columns, double *out, int64_t capacity);

#endif
