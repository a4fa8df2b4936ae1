/* UTF-8, for text that must be valid (JSON, names). */
#ifndef PRL_CORE_UTF8_H
#define PRL_CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of the character at text, 1 to 4; 0 where there is none: cut, overlong, a surrogate, beyond
 * 0x10ffff. */
size_t prl_utf8_length(const char *text, const char *end);
/* Writes the code point; returns its bytes. */
size_t prl_utf8_encode(uint32_t code, char *out);

#endif
