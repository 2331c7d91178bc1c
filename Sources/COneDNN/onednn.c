#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#include "onednn.h"

// oneDNN is loaded while the program runs, so that it is neither needed nor carried along where there is none. Both series of its ABI
// export the entry point for bfloat16 with the arguments of the public dnnl_sgemm, though no public header declares it; oneDNN's own tests
// do so as is done here. Tried with 2.6.3 and 3.2. See github.com/uxlfoundation/oneDNN, src/common/gemm.cpp.
typedef int (*float32_function)(char transpose_a, char transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                                int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
typedef int (*bfloat16_function)(char transpose_a, char transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                                 const uint16_t *a, int64_t lda, const uint16_t *b, int64_t ldb, float beta, float *c,
                                 int64_t ldc);

// The beginning of the public dnnl_version_t, the same in all releases.
struct library_version {
  int major, minor, patch;
  const char *hash;
  unsigned cpu_runtime;
};

enum { sequential_runtime = 1, openmp_runtime = 2 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static float32_function multiply_float32;
static bfloat16_function multiply_bfloat16;
static void (*set_thread_count)(int count);
static struct library_version found;
static int has_float32, has_bfloat16;

static void load(void) {
  static const char *const names[] = {"libdnnl.so.3", "libdnnl.so.2"};
  void *library = NULL;
  for (size_t i = 0; library == NULL && i < sizeof names / sizeof *names; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return;
  const struct library_version *(*version)(void) = (const struct library_version *(*)(void))dlsym(library, "dnnl_version");
  if (version == NULL) return;
  found = *version();
  // The caller's threads each multiply a part, so the library must not start more.
  if (found.cpu_runtime == openmp_runtime) {
    set_thread_count = (void (*)(int))dlsym(library, "omp_set_num_threads");
    if (set_thread_count == NULL) return;
  } else if (found.cpu_runtime != sequential_runtime) {
    return;
  }
  // 1.5 times 3: what is exported may yet have no kernels for this processor.
  multiply_float32 = (float32_function)dlsym(library, "dnnl_sgemm");
  if (multiply_float32 != NULL) {
    const float a = 1.5f, b = 3;
    float c = 0;
    has_float32 = nf_probe_onednn_multiply_float32('N', 'N', 1, 1, 1, 1, &a, 1, &b, 1, 0, &c, 1) == 0 && c == 4.5f;
  }
  multiply_bfloat16 = (bfloat16_function)dlsym(library, "dnnl_gemm_bf16bf16f32");
  if (multiply_bfloat16 != NULL) {
    const uint16_t a = 0x3FC0, b = 0x4040;
    float c = 0;
    has_bfloat16 = nf_probe_onednn_multiply_bfloat16('N', 'N', 1, 1, 1, 1, &a, 1, &b, 1, 0, &c, 1) == 0 && c == 4.5f;
  }
}

int nf_probe_onednn_has_float32(void) {
  pthread_once(&once, load);
  return has_float32;
}

int nf_probe_onednn_has_bfloat16(void) {
  pthread_once(&once, load);
  return has_bfloat16;
}

void nf_probe_onednn_version(int version[3]) {
  version[0] = found.major;
  version[1] = found.minor;
  version[2] = found.patch;
}

// OpenMP's number of threads is a setting of each thread.
static void use_this_thread_alone(void) {
  if (set_thread_count != NULL) set_thread_count(1);
}

int nf_probe_onednn_multiply_float32(char transpose_a, char transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                                     int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  use_this_thread_alone();
  return multiply_float32(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

int nf_probe_onednn_multiply_bfloat16(char transpose_a, char transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                                      const uint16_t *a, int64_t lda, const uint16_t *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  use_this_thread_alone();
  return multiply_bfloat16(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
