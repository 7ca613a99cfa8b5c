/* Which of the compiled variants this processor and its operating system can run. */
#include <stdint.h>

__attribute__((visibility("default"))) int64_t runs_avx512(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

__attribute__((visibility("default"))) int64_t runs_avx2(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}
