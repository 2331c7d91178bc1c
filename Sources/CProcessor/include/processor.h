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

/// Whether products of bfloat16 are faster with them than those of float32.
int nf_probe_has_fast_bfloat16(void);

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

typedef float nf_probe_float16 __attribute__((ext_vector_type(16)));
typedef int32_t nf_probe_int16 __attribute__((ext_vector_type(16)));
typedef int64_t nf_probe_long8 __attribute__((ext_vector_type(8)));

/// The lanes from `lower` up to `upper`, `other` in those beside. Swift's own comparisons with a vector of numbers go lane by lane, through memory.
static inline __attribute__((always_inline)) nf_probe_float16 nf_probe_keep_floats(
    nf_probe_float16 x, int32_t lower, int32_t upper, float other) {
  const nf_probe_int16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return ((lane >= lower) & (lane < upper)) ? x : (nf_probe_float16)other;
}

/// The same of doubles.
static inline __attribute__((always_inline)) nf_probe_double8 nf_probe_keep_doubles(
    nf_probe_double8 x, int64_t lower, int64_t upper, double other) {
  const nf_probe_long8 lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return ((lane >= lower) & (lane < upper)) ? x : (nf_probe_double8)other;
}

/// `x y + sum` of each lane: rounded once where the kernels' processor has an instruction for it, else twice. Swift's `addingProduct` rounds once
/// everywhere, where there is none by a call for every number.
static inline __attribute__((always_inline)) nf_probe_float16 nf_probe_multiply_add_floats(
    nf_probe_float16 x, nf_probe_float16 y, nf_probe_float16 sum) {
#pragma clang fp contract(on)
  return x * y + sum;
}

/// The same of doubles.
static inline __attribute__((always_inline)) nf_probe_double8 nf_probe_multiply_add_doubles(
    nf_probe_double8 x, nf_probe_double8 y, nf_probe_double8 sum) {
#pragma clang fp contract(on)
  return x * y + sum;
}

/// The first bytes of a vector, fewer than it has. Number by number a row's end takes as long as sixteen whole vectors.
static inline __attribute__((always_inline)) void nf_probe_copy_part(char *to, const char *from, long bytes) {
#define NF_PROBE_COPY(size) \
  if (bytes & size) { \
    __builtin_memcpy(to, from, size); \
    to += size; \
    from += size; \
  }
  NF_PROBE_COPY(32)
  NF_PROBE_COPY(16)
  NF_PROBE_COPY(8)
  NF_PROBE_COPY(4)
#undef NF_PROBE_COPY
}

/// The first `count` floats from an address on, zero in the other lanes; reads nothing behind them.
static inline __attribute__((always_inline)) nf_probe_float16 nf_probe_load_floats(const float *from, long count) {
#ifdef __AVX__
  typedef int32_t int8_lanes __attribute__((vector_size(32)));
  typedef float float8_lanes __attribute__((vector_size(32)));
  const int8_lanes lane = {0, 1, 2, 3, 4, 5, 6, 7};
  const int32_t kept = (int32_t)count;
  union {
    float8_lanes halves[2];
    nf_probe_float16 whole;
  } lanes;
  lanes.halves[0] = __builtin_ia32_maskloadps256((const float8_lanes *)from, lane < kept);
  lanes.halves[1] = __builtin_ia32_maskloadps256((const float8_lanes *)(from + 8), lane < kept - 8);
  return lanes.whole;
#else
  nf_probe_float16 lanes = 0;
  nf_probe_copy_part((char *)&lanes, (const char *)from, count * (long)sizeof *from);
  return lanes;
#endif
}

/// The same of doubles.
static inline __attribute__((always_inline)) nf_probe_double8 nf_probe_load_doubles(const double *from, long count) {
  nf_probe_double8 lanes = 0;
  nf_probe_copy_part((char *)&lanes, (const char *)from, count * (long)sizeof *from);
  return lanes;
}

/// Stores the first `count` lanes, fewer than there are.
static inline __attribute__((always_inline)) void nf_probe_store_floats(nf_probe_float16 x, long count, float *to) {
  nf_probe_copy_part((char *)to, (const char *)&x, count * (long)sizeof *to);
}

/// The same of doubles.
static inline __attribute__((always_inline)) void nf_probe_store_doubles(nf_probe_double8 x, long count, double *to) {
  nf_probe_copy_part((char *)to, (const char *)&x, count * (long)sizeof *to);
}

#define nf_probe_low(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define nf_probe_high(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define nf_probe_low_pairs(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define nf_probe_high_pairs(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define nf_probe_low_halves(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define nf_probe_high_halves(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)

/// Eight rows of eight floats, `stride` apart, as eight columns: rows `columnStride` apart. Three rounds of exchanges: of numbers,
/// of pairs, of halves.
static inline __attribute__((always_inline)) void nf_probe_transpose8(
    const float *rows, long stride, float *columns, long columnStride) {
  nf_probe_float8 r[8], a[8], b[8];
  for (int i = 0; i < 8; i++) __builtin_memcpy(&r[i], rows + i * stride, sizeof r[i]);
  for (int i = 0; i < 8; i += 2) {
    a[i] = nf_probe_low(r[i], r[i + 1]);
    a[i + 1] = nf_probe_high(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    b[i] = nf_probe_low_pairs(a[i], a[i + 2]);
    b[i + 1] = nf_probe_high_pairs(a[i], a[i + 2]);
    b[i + 2] = nf_probe_low_pairs(a[i + 1], a[i + 3]);
    b[i + 3] = nf_probe_high_pairs(a[i + 1], a[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    r[i] = nf_probe_low_halves(b[i], b[i + 4]);
    r[i + 4] = nf_probe_high_halves(b[i], b[i + 4]);
  }
  for (int i = 0; i < 8; i++) __builtin_memcpy(columns + i * columnStride, &r[i], sizeof r[i]);
}

/// Whether the kernels are compiled for vector registers of 64 bytes, of which there are thirty-two.
#ifdef __AVX512F__
#define nf_probe_wide_registers 1
#else
#define nf_probe_wide_registers 0
#endif
