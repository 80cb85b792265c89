/* Bytes of JavaScript in C: what bulk.c and packing.c share, and what a manifest links of them knows of the engine. */
#ifndef VERTEBRA_BUFFERS_H
#define VERTEBRA_BUFFERS_H

#include <stddef.h>
#include <stdint.h>
#include "xsmc.h"

typedef struct {
	const uint8_t* data;
	xsUnsignedValue length;
} Bytes;

/* They move when the engine allocates: make the result first, then take these. */
static inline Bytes bytesOf(xsMachine* the, xsIntegerValue index)
{
	void* data = NULL;
	Bytes bytes = { NULL, 0 };
	xsmcGetBufferReadable(xsArg(index), &data, &bytes.length);
	bytes.data = data;
	return bytes;
}

typedef struct {
	uint8_t* data;
	xsUnsignedValue length;
} WritableBytes;

/* As `bytesOf`. */
static inline WritableBytes writableOf(xsMachine* the, xsIntegerValue index)
{
	void* data = NULL;
	WritableBytes bytes = { NULL, 0 };
	xsmcGetBufferWritable(xsArg(index), &data, &bytes.length);
	bytes.data = data;
	return bytes;
}

/* An ArrayBuffer of so many bytes as the result; where it is, until the engine allocates again. */
static inline void* makeBuffer(xsMachine* the, xsUnsignedValue length)
{
	void* data = NULL;
	xsUnsignedValue size;
	xsmcSetArrayBuffer(xsResult, NULL, (xsIntegerValue)length);
	xsmcGetBufferWritable(xsResult, &data, &size);
	return data;
}

#endif
