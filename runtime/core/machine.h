/* What the machine has. */
#ifndef PRL_CORE_MACHINE_H
#define PRL_CORE_MACHINE_H

#include <stdint.h>

/* Bytes of memory: of the machine, or of the control group (a container) where that allows less. */
int64_t prl_machine_memory(void);

#endif
