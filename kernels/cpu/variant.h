/* How the functions of one instruction set are named: VARIANT is set by the build. Everything else
 * is static, so that no code of one set ends up in another. */
#pragma once

#define JOIN(name, variant) name##_##variant
#define EXPAND(name, variant) JOIN(name, variant)
#define PUBLIC(name) __attribute__((visibility("default"))) EXPAND(name, VARIANT)
