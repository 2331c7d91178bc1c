#pragma once
#include <stdint.h>

/// Loads oneDNN, once, where this machine has it, and multiplies two numbers with it.
///
/// Returns 1 where that gave the product: the library is there, in a version whose threads can be kept to the caller's, and it has
/// kernels for bfloat16 on this processor.
int nf_probe_onednn_load(void);

/// Major, minor and patch number of the library, one after another; zeros where none is loaded.
void nf_probe_onednn_version(int version[3]);

/// `c = alpha * a' * b' + beta * c` on the calling thread, row-major: `(m, k)` times `(k, n)`; factors of bfloat16, sums and output of
/// float32. `a' = a` where `transpose_a` is `N`, its transpose where it is `T`, and likewise b; `lda`, `ldb` and `ldc` are elements from
/// one row as it lies to the next.
///
/// Returns 0 where it was done. Must not be called before nf_probe_onednn_load has returned 1.
int nf_probe_onednn_multiply(char transpose_a, char transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const uint16_t *a,
                             int64_t lda, const uint16_t *b, int64_t ldb, float beta, float *c, int64_t ldc);
