/* Looks whether bytes are valid UTF-8, and encodes code points. */
#include "core/utf8.h"

size_t prl_utf8_length(const char *text, const char *end) {
  const unsigned char *at = (const unsigned char *)text;
  if (text >= end) return 0;
  if (at[0] < 0x80) return 1;
  size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
  if (at[0] < 0xc2 || at[0] > 0xf4 || (size_t)(end - text) < size) return 0;
  for (size_t i = 1; i < size; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  if (at[0] == 0xe0 && at[1] < 0xa0) return 0; /* overlong */
  if (at[0] == 0xed && at[1] > 0x9f) return 0; /* surrogates */
  if (at[0] == 0xf0 && at[1] < 0x90) return 0; /* overlong */
  if (at[0] == 0xf4 && at[1] > 0x8f) return 0; /* beyond Unicode */
  return size;
}

size_t prl_utf8_encode(uint32_t code, char *out) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = size - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3f));
  out[0] = (char)(lead[size] | code);
  return size;
}
