/* Which of the compiled variants this processor and its operating system can run. Asks the
 * processor itself: __builtin_cpu_supports answers no in libraries that some clangs link. */
#include <stdint.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* Whether the operating system keeps these registers: 6 for YMM, 0xe6 for ZMM too. */
static int kept(unsigned registers) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (a & registers) == registers;
}

static int has(unsigned feature) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_FMA)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & feature);
}
#else
#define kept(registers) 0
#define has(feature) 0
#endif

/* INTERFACE of library.py: counted up with every change of a function's or a struct's arguments. */
__attribute__((visibility("default"))) int64_t interface_version(void) { return 41; }

__attribute__((visibility("default"))) int64_t runs_avx512(void) {
    return kept(0xe6) && has(bit_AVX512F);
}

__attribute__((visibility("default"))) int64_t runs_avx2(void) { return kept(6) && has(bit_AVX2); }
