/* Tables of kernels: what is compiled once for each kind of processor, known here by name and index alone.
 * What stands in a table is for its room to say: the arithmetic of tensors (tensor/kernels.h), the loops of
 * simulators (env). */
#ifndef PRL_CORE_KERNEL_TABLES_H
#define PRL_CORE_KERNEL_TABLES_H

#include "perilune/core.h"

/* All that are compiled, from the plainest (CMakeLists.txt); whatever is compiled once for each is indexed
 * alike. */
enum { PRL_TABLES = 3 };
#define PRL_EACH_TABLE(x)                                                                                    \
  { x##baseline, x##avx2, x##avx512 }
#define PRL_EACH_TABLE_NAME                                                                                  \
  { "baseline", "avx2", "avx512" }
#define PRL_TABLE_NAMES "baseline, avx2 or avx512"

/* In a file that is compiled for each: the name with that of its table behind it. */
#define PRL_TABLE_JOIN_(name, table) name##table
#define PRL_TABLE_JOIN(name, table) PRL_TABLE_JOIN_(name, table)
#define PRL_TABLE_OF(name) PRL_TABLE_JOIN(name, PRL_TABLE)

/* The table of that name; NULL asks for the best one. −1 where the name is unknown or the processor lacks it.
 */
int prl_table_find(const char *name);
const char *prl_table_name(int table);
int prl_table_index(const char *name); /* of a table that there is, whether the processor has it or not */
int prl_runtime_table(const prl_runtime *runtime);

#endif
