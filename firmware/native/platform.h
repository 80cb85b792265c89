/* What XS wants to know of its platform: 64-bit or 32-bit Linux with gcc. Included by xsPlatform.h before anything else. */
#ifndef VERTEBRA_PLATFORM_H
#define VERTEBRA_PLATFORM_H

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#undef mxLittleEndian
#define mxLittleEndian 1
#undef mxLinux
#define mxLinux 1
#define mxExport extern
#define mxImport extern
#define XS_FUNCTION_NORETURN __attribute__((noreturn))
#define mxUseGCCAtomics 1
#define mxUsePOSIXThreads 1

/* All that the engine takes is counted, that of its parser too: a limit of memory holds for it. */
extern void* takeMemory(size_t size);
extern void* takeZeroedMemory(size_t count, size_t size);
extern void* retakeMemory(void* block, size_t size);
extern void giveMemoryBack(void* block);
#define c_malloc takeMemory
#define c_calloc takeZeroedMemory
#define c_realloc retakeMemory
#define c_free giveMemoryBack
#define c_malloc_uint32 takeMemory
#define c_free_uint32 giveMemoryBack

#define mxMachinePlatform \
	int promiseJobs; \
	void* waiterCondition; \
	void* waiterData; \
	void* waiterLink;

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultParseScript 1
#define mxUseDefaultSharedChunks 1

#if INTPTR_MAX == INT64_MAX
	#define mx32bitID 1
#endif

/* XS strings are CESU-8: `text.c` converts where they meet the outside. */
#define mxCESU8 1

#endif
