#ifndef NF_PROBE_CRC32C_H
#define NF_PROBE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether the processor has an instruction for CRC-32C.
bool nf_probe_has_crc32c(void);

/// The checksum register after `count` more bytes. Only where `nf_probe_has_crc32c` is true.
uint32_t nf_probe_crc32c(uint32_t state, const void *bytes, size_t count);

#endif
