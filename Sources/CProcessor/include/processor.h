#pragma once
#include <stdint.h>

/// The first processor feature that this program was compiled for and this processor lacks, or NULL.
const char *nf_probe_missing_feature(void);

/// The level of instructions that the kernels were compiled for, by its usual name: `x86-64-v3`, `aarch64`.
const char *nf_probe_kernel_set(void);

/// Whether this processor has the AVX-512 instructions that OpenBLAS's SkylakeX kernels use.
int nf_probe_has_avx512(void);

/// Whether this processor has the AVX2 and FMA instructions that OpenBLAS's Haswell kernels use.
int nf_probe_has_avx2(void);

/// The instructions that this processor has for products of bfloat16: 2 for AMX, 1 for AVX-512's, 0 for none.
int nf_probe_bfloat16_instructions(void);

/// Processors that this process may run on, or 0 where the system does not say.
int nf_probe_allowed_processors(void);

typedef float nf_probe_float8 __attribute__((ext_vector_type(8)));
typedef double nf_probe_double8 __attribute__((ext_vector_type(8)));

/// Eight floats as doubles, in one instruction. Swift's own conversions go lane by lane, and come out as shuffles beside other work.
static inline __attribute__((always_inline)) nf_probe_double8 nf_probe_widen(nf_probe_float8 x) {
  return __builtin_convertvector(x, nf_probe_double8);
}

typedef uint32_t nf_probe_words16 __attribute__((ext_vector_type(16)));
typedef uint16_t nf_probe_halves16 __attribute__((ext_vector_type(16)));

/// The upper half of each of sixteen words, in one instruction after the shift.
static inline __attribute__((always_inline)) nf_probe_halves16 nf_probe_upper_halves(nf_probe_words16 x) {
  return __builtin_convertvector(x >> 16, nf_probe_halves16);
}
