#pragma once
#include <cblas.h>

// LAPACK's own entry point, which the library has and its headers here do not declare. The lengths of the two texts follow the other
// arguments, as Fortran compilers pass them.
void dsyevd_(const char *jobz, const char *uplo, const blasint *n, double *a, const blasint *lda, double *w, double *work,
             const blasint *lwork, blasint *iwork, const blasint *liwork, blasint *info, size_t jobz_length, size_t uplo_length);
