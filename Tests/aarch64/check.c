// What scripts/aarch64-check.sh runs: the C parts against known answers.
#include <stdio.h>
#include <string.h>

#include "crc32c.h"
#include "processor.h"

// Bit by bit, from the polynomial.
static uint32_t plain(uint32_t state, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    state ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) state = state >> 1 ^ (state & 1 ? 0x82F63B78 : 0);
  }
  return state;
}

static int failures = 0;

static void expect(int holds, const char *what) {
  if (!holds) failures++;
  printf("%s: %s\n", holds ? "ok" : "WRONG", what);
}

int main(void) {
  expect(nf_probe_has_crc32c(), "the processor has the instruction");
  // RFC 3720, B.4, and the check value of CRC-32C.
  expect(~nf_probe_crc32c(~0u, "123456789", 9) == 0xE3069283, "CRC-32C of 123456789");
  uint8_t bytes[300] = {0};
  expect(~nf_probe_crc32c(~0u, bytes, 32) == 0x8A9136AA, "CRC-32C of 32 zeros");
  int isEqual = 1;
  for (int i = 0; i < 300; i++) bytes[i] = (uint8_t)(i * 73 + 5);
  for (size_t start = 0; start < 9; start++)
    for (size_t count = 0; start + count <= 300; count++)
      isEqual &= nf_probe_crc32c(start, bytes + start, count) == plain(start, bytes + start, count);
  expect(isEqual, "every length at every alignment, beside the polynomial");
  expect(strcmp(nf_probe_kernel_set(), "aarch64") == 0, "the name of the kernel set");
  expect(nf_probe_missing_feature() == NULL, "no feature is missing");
  expect(nf_probe_allowed_processors() > 0, "processors are counted");
  nf_probe_float8 x = {1, -2, 0.5f, 4, 1e-30f, 6, 7, 8};
  nf_probe_double8 wide = nf_probe_widen(x);
  int isWide = 1;
  for (int i = 0; i < 8; i++) isWide &= wide[i] == (double)x[i];
  expect(isWide, "eight floats as doubles");
  return failures != 0;
}
