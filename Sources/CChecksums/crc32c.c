// CRC-32C by the processor's own instruction, some ten times as fast as tables. The instruction is asked for at run time, so
// that the program starts on processors without it.
#include "crc32c.h"

#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

bool nf_probe_has_crc32c(void) { return __builtin_cpu_supports("sse4.2"); }

__attribute__((target("sse4.2"))) uint32_t nf_probe_crc32c(uint32_t state, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  uint64_t wide = state;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, sizeof word);
    wide = _mm_crc32_u64(wide, word);
  }
  uint32_t narrow = (uint32_t)wide;
  for (; count > 0; count -= 1, next += 1) narrow = _mm_crc32_u8(narrow, *next);
  return narrow;
}

#elif defined(__aarch64__) && defined(__linux__)

#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

bool nf_probe_has_crc32c(void) { return getauxval(AT_HWCAP) & HWCAP_CRC32; }

__attribute__((target("+crc"))) uint32_t nf_probe_crc32c(uint32_t state, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, sizeof word);
    state = __crc32cd(state, word);
  }
  for (; count > 0; count -= 1, next += 1) state = __crc32cb(state, *next);
  return state;
}

#else

bool nf_probe_has_crc32c(void) { return false; }

uint32_t nf_probe_crc32c(uint32_t state, const void *bytes, size_t count) {
  (void)bytes;
  (void)count;
  return state;
}

#endif
