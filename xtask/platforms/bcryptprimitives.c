/* The one function of bcryptprimitives.dll that Rust's standard library calls. Older versions of
   Wine (8, in Debian 12) lack the library, and then no program of ours could even be loaded. */

#include <windows.h>

/* RtlGenRandom, by the name it is exported under. */
BOOLEAN WINAPI SystemFunction036(void *bytes, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *bytes, SIZE_T length) {
    return SystemFunction036(bytes, (ULONG)length);
}
