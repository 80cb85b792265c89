/*
 * The encoding of what is plain, at once: integers, booleans, null, texts, byte strings, and arrays of these. It is that of core/wire/cbor, which
 * is the reference, and encodes all else and says what can't be encoded.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "buffers.h"
#include "bulk.h"
#include "items.h"

#define LARGEST_INTEGER 9007199254740991.0

/* First it is counted how many bytes that are, where `counts`; then they are written into the result, where the engine may have moved it meanwhile. */
typedef struct {
	uint32_t length;
	bool counts;
} Writer;

static uint8_t* roomFor(xsMachine* the, Writer* writer, uint32_t more)
{
	uint32_t at = writer->length;
	void* data = NULL;
	xsUnsignedValue size;
	writer->length += more;
	if (writer->counts)
		return NULL;
	xsmcGetBufferWritable(xsResult, &data, &size);
	return (uint8_t*)data + at;
}

static void putHead(xsMachine* the, Writer* writer, uint8_t kind, uint64_t argument)
{
	uint32_t width = argument < 24 ? 0 : argument < 0x100 ? 1 : argument < 0x10000 ? 2 : argument <= UINT32_MAX ? 4 : 8;
	uint8_t low = width == 0 ? (uint8_t)argument : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27;
	uint8_t* to = roomFor(the, writer, 1 + width);
	if (!to)
		return;
	*to++ = (uint8_t)(kind << 5 | low);
	while (width--)
		*to++ = (uint8_t)(argument >> 8 * width);
}

static bool putNumber(xsMachine* the, Writer* writer, double value)
{
	if (!(fabs(value) <= LARGEST_INTEGER) || value != floor(value))
		return false;
	putHead(the, writer, value < 0 ? 1 : 0, (uint64_t)(value < 0 ? -1 - value : value));
	return true;
}

static void putSimple(xsMachine* the, Writer* writer, uint8_t byte)
{
	uint8_t* to = roomFor(the, writer, 1);
	if (to)
		*to = byte;
}

static bool putText(xsMachine* the, Writer* writer, xsSlot* text)
{
	int32_t length = putUtf8((const uint8_t*)xsmcToString(*text), NULL);
	uint8_t* to;
	if (length < 0)
		return false;
	putHead(the, writer, 3, (uint64_t)length);
	to = roomFor(the, writer, (uint32_t)length);
	if (to)
		putUtf8((const uint8_t*)xsmcToString(*text), to);
	return true;
}

static void putBytes(xsMachine* the, Writer* writer, xsSlot* bytes)
{
	void* data = NULL;
	xsUnsignedValue length;
	uint8_t* to;
	xsmcGetBufferReadable(*bytes, &data, &length);
	putHead(the, writer, 2, length);
	to = roomFor(the, writer, length);
	if (to && length > 0)
		memcpy(to, data, length);
}

static bool putItem(xsMachine* the, Writer* writer, xsSlot* item, int depth);

/* The items stand in a variable by depth, where the collector finds them. */
static bool putArray(xsMachine* the, Writer* writer, xsSlot* array, int depth)
{
	uint32_t count, i;
	if (depth == DEEPEST_ITEM)
		return false;
	xsmcGet(xsVar(depth), *array, xsID("length"));
	count = (uint32_t)xsmcToInteger(xsVar(depth));
	putHead(the, writer, 4, count);
	for (i = 0; i < count; i++) {
		xsmcGetIndex(xsVar(depth), *array, i);
		if (!putItem(the, writer, &xsVar(depth), depth + 1) || writer->length > INT32_MAX / 2)
			return false;
	}
	return true;
}

static bool putItem(xsMachine* the, Writer* writer, xsSlot* item, int depth)
{
	switch (xsmcTypeOf(*item)) {
	case xsIntegerType:
	case xsNumberType:
		return putNumber(the, writer, xsmcToNumber(*item));
	case xsNullType:
		putSimple(the, writer, 0xF6);
		return true;
	case xsBooleanType:
		putSimple(the, writer, xsmcToBoolean(*item) ? 0xF5 : 0xF4);
		return true;
	case xsStringType:
	case xsStringXType:
		return putText(the, writer, item);
	case xsReferenceType:
		if (xsmcIsInstanceOf(*item, xsArg(2)))
			return putArray(the, writer, item, depth);
		if (!xsmcIsInstanceOf(*item, xsArg(1)))
			return false;
		putBytes(the, writer, item);
		return true;
	default:
		return false;
	}
}

/* Of a value and the prototypes of byte strings and arrays: an ArrayBuffer, or undefined where it is not plain. */
void vertebra_encodePlain(xsMachine* the)
{
	Writer writer = { 0, true };
	xsmcVars(DEEPEST_ITEM);
	if (!putItem(the, &writer, &xsArg(0), 0))
		return;
	makeBuffer(the, writer.length);
	writer = (Writer){ 0, false };
	putItem(the, &writer, &xsArg(0), 0);
}
