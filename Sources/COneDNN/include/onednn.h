#pragma once
#include <stdint.h>

/// Loads oneDNN, once, where this machine has it, and multiplies two numbers of float32 with it.
///
/// Returns 1 where that gave the product: the library is there, in a version whose threads can be kept to the caller's.
int nf_probe_onednn_has_float32(void);

/// The same of bfloat16: beside the library, it has kernels for bfloat16 on this processor.
int nf_probe_onednn_has_bfloat16(void);

/// Major, minor and patch number of the library, one after another; zeros where none is loaded.
void nf_probe_onednn_version(int version[3]);

/// `c = alpha * a' * b' + beta * c` on the calling thread, row-major: `(m, k)` times `(k, n)`. `a' = a` where `transpose_a` is `N`, its
/// transpose where it is `T`, and likewise b; `lda`, `ldb` and `ldc` are elements from one row as it lies to the next.
///
/// Returns 0 where it was done. Must not be called before nf_probe_onednn_has_float32 has returned 1.
int nf_probe_onednn_multiply_float32(char transpose_a, char transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                                     int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

/// The same with factors of bfloat16, sums and output of float32.
///
/// Must not be called before nf_probe_onednn_has_bfloat16 has returned 1.
int nf_probe_onednn_multiply_bfloat16(char transpose_a, char transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                                      const uint16_t *a, int64_t lda, const uint16_t *b, int64_t ldb, float beta, float *c, int64_t ldc);
