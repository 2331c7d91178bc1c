#pragma once

/// The first processor feature that this program was compiled for and this processor lacks, or NULL.
const char *nf_probe_missing_feature(void);

/// Whether this processor has the AVX-512 instructions that OpenBLAS's SkylakeX kernels use.
int nf_probe_has_avx512(void);
