/* What XS wants to know of its platform: bare metal, RV32, gcc and picolibc. Included by xsPlatform.h before anything else. */
#ifndef VERTEBRA_PLATFORM_H
#define VERTEBRA_PLATFORM_H

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef mxLittleEndian
#define mxLittleEndian 1
#define mxExport extern
#define mxImport extern
#define XS_FUNCTION_NORETURN __attribute__((noreturn))

#define mxMachinePlatform \
	int promiseJobs; \
	void* waiterCondition; \
	void* waiterData; \
	void* waiterLink;

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultSharedChunks 1

/* XS strings are CESU-8: `text.c` converts where they meet the outside. */
#define mxCESU8 1

#endif
