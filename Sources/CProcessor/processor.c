#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#endif
#include <stddef.h>

#include "processor.h"

int nf_probe_allowed_processors(void) {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return 0;
}

// The compiler's macros say what it was allowed to use; only C sees them. Compiled with the same -march as the kernels.

#if defined(__x86_64__)
#define REQUIRE(feature) if (!__builtin_cpu_supports(feature)) return feature;

const char *nf_probe_missing_feature(void) {
  __builtin_cpu_init();
#ifdef __SSE4_2__
  REQUIRE("sse4.2")
#endif
#ifdef __POPCNT__
  REQUIRE("popcnt")
#endif
#ifdef __AVX__
  REQUIRE("avx")
#endif
#ifdef __AVX2__
  REQUIRE("avx2")
#endif
#ifdef __FMA__
  REQUIRE("fma")
#endif
#ifdef __BMI2__
  REQUIRE("bmi2")
#endif
#ifdef __AVX512F__
  REQUIRE("avx512f")
#endif
#ifdef __AVX512BW__
  REQUIRE("avx512bw")
#endif
#ifdef __AVX512DQ__
  REQUIRE("avx512dq")
#endif
#ifdef __AVX512VL__
  REQUIRE("avx512vl")
#endif
#ifdef __AVX512VBMI__
  REQUIRE("avx512vbmi")
#endif
#ifdef __AVX512VBMI2__
  REQUIRE("avx512vbmi2")
#endif
#ifdef __AVX512VNNI__
  REQUIRE("avx512vnni")
#endif
#ifdef __AVX512BF16__
  REQUIRE("avx512bf16")
#endif
  return NULL;
}

const char *nf_probe_kernel_set(void) {
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512CD__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
  return "x86-64-v4";
#elif defined(__AVX2__) && defined(__FMA__) && defined(__BMI2__)
  return "x86-64-v3";
#elif defined(__SSE4_2__) && defined(__POPCNT__)
  return "x86-64-v2";
#else
  return "x86-64";
#endif
}

int nf_probe_has_avx512(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512cd");
}

int nf_probe_has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

int nf_probe_bfloat16_instructions(void) {
  __builtin_cpu_init();
  if (!nf_probe_has_avx512()) return 0;
  if (__builtin_cpu_supports("amx-bf16")) return 2;
  return __builtin_cpu_supports("avx512bf16") ? 1 : 0;
}

int nf_probe_has_fast_bfloat16(void) {
  __builtin_cpu_init();
  int instructions = nf_probe_bfloat16_instructions();
  // Of Intel's, Cooper Lake alone has a multiplier of full width behind those of AVX-512.
  return instructions == 2 || (instructions == 1 && (!__builtin_cpu_is("intel") || __builtin_cpu_is("cooperlake")));
}
#else
const char *nf_probe_missing_feature(void) { return NULL; }

const char *nf_probe_kernel_set(void) {
#ifdef __aarch64__
  return "aarch64";
#else
  return "generic";
#endif
}

int nf_probe_has_avx512(void) { return 0; }
int nf_probe_has_avx2(void) { return 0; }
int nf_probe_bfloat16_instructions(void) { return 0; }
int nf_probe_has_fast_bfloat16(void) { return 0; }
#endif
