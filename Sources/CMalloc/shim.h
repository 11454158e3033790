#ifndef LONGSHORE_CMALLOC_SHIM_H
#define LONGSHORE_CMALLOC_SHIM_H

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// The header that declares malloc_trim is glibc's alone; other C libraries have nothing like it.
static inline void longshore_malloc_trim(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#endif
