/*
 * What runs over every byte, in place of the modules `core/wire/bulk` and `core/wire/crc32c`, which are the reference: the same results for the
 * same arguments. The host on Linux has them in `native.bulk`; `manifests/natives` links them to a board. No symbol of JavaScript is named here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "buffers.h"
#include "bulk.h"
#include "items.h"

void vertebra_equal(xsMachine* the)
{
	Bytes a = bytesOf(the, 0);
	Bytes b = bytesOf(the, 1);
	xsmcSetBoolean(xsResult, a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0));
}

/* By what the first bytes that differ differ, as the reference has it: memcmp says only which is more. */
void vertebra_compare(xsMachine* the)
{
	Bytes a = bytesOf(the, 0);
	Bytes b = bytesOf(the, 1);
	xsUnsignedValue i;
	for (i = 0; i < a.length && i < b.length; i++) {
		if (a.data[i] != b.data[i]) {
			xsmcSetInteger(xsResult, (xsIntegerValue)a.data[i] - (xsIntegerValue)b.data[i]);
			return;
		}
	}
	xsmcSetInteger(xsResult, (xsIntegerValue)a.length - (xsIntegerValue)b.length);
}

void vertebra_isFilled(xsMachine* the)
{
	Bytes bytes = bytesOf(the, 0);
	uint8_t byte = (uint8_t)xsmcToInteger(xsArg(1));
	xsmcSetBoolean(xsResult, bytes.length == 0 || (bytes.data[0] == byte && !memcmp(bytes.data, bytes.data + 1, bytes.length - 1)));
}

/* An ArrayBuffer. */
void vertebra_joined(xsMachine* the)
{
	int count = xsmcTypeOf(xsArg(2)) == xsUndefinedType ? 2 : 3;
	xsUnsignedValue length = 0;
	uint8_t* data;
	int i;
	for (i = 0; i < count; i++)
		length += bytesOf(the, i).length;
	data = makeBuffer(the, length);
	for (i = 0; i < count; i++) {
		Bytes bytes = bytesOf(the, i);
		if (bytes.length > 0)
			memcpy(data, bytes.data, bytes.length);
		data += bytes.length;
	}
}

/* An ArrayBuffer. */
void vertebra_named(xsMachine* the)
{
	xsUnsignedValue length = (xsUnsignedValue)strlen(xsmcToString(xsArg(0)));
	uint8_t* data = makeBuffer(the, length + 1 + bytesOf(the, 1).length);
	Bytes bytes = bytesOf(the, 1);
	memcpy(data, xsmcToString(xsArg(0)), length + 1);
	if (bytes.length > 0)
		memcpy(data + length + 1, bytes.data, bytes.length);
}

/* A number of JavaScript, where it is one that an offset in memory can be. */
static uint32_t offsetOf(xsMachine* the, xsIntegerValue index, uint32_t most)
{
	double offset = xsmcToNumber(xsArg(index));
	return offset >= 0 && offset < most ? (uint32_t)offset : most;
}

void vertebra_find(xsMachine* the)
{
	Bytes wanted = bytesOf(the, 1);
	Bytes bytes = bytesOf(the, 0);
	uint32_t at = offsetOf(the, 2, bytes.length);
	xsmcSetInteger(xsResult, -1);
	while (wanted.length > 0 && wanted.length <= bytes.length - at) {
		const uint8_t* first = memchr(bytes.data + at, wanted.data[0], bytes.length - at - wanted.length + 1);
		if (!first)
			return;
		at = (uint32_t)(first - bytes.data);
		if (!memcmp(first, wanted.data, wanted.length)) {
			xsmcSetInteger(xsResult, (xsIntegerValue)at);
			return;
		}
		at++;
	}
}

void vertebra_endOfItem(xsMachine* the)
{
	Bytes bytes = bytesOf(the, 0);
	uint32_t end = offsetOf(the, 2, bytes.length);
	uint32_t at = offsetOf(the, 1, end);
	xsmcSetInteger(xsResult, (xsIntegerValue)endOfItem(bytes.data, at, end));
}

void vertebra_nextString(xsMachine* the)
{
	Bytes bytes = bytesOf(the, 0);
	uint32_t end = offsetOf(the, 2, bytes.length);
	uint32_t at = offsetOf(the, 1, end);
	xsmcSetInteger(xsResult, (xsIntegerValue)nextString(bytes.data, at, end, xsmcToNumber(xsArg(3))));
}

#define PADDED_DIGITS 12

void vertebra_numberAtEnd(xsMachine* the)
{
	const char* text = xsmcToString(xsArg(0));
	const char* slash = strrchr(text, '/');
	uint64_t number = 0;
	size_t digits, i;
	xsmcSetInteger(xsResult, -1);
	if (!slash)
		return;
	digits = strlen(++slash);
	if (digits == 0 || digits > PADDED_DIGITS || (digits < PADDED_DIGITS && digits > 1 && *slash == '0'))
		return;
	for (i = 0; i < digits; i++) {
		if (slash[i] < '0' || slash[i] > '9')
			return;
		number = 10 * number + (uint64_t)(slash[i] - '0');
	}
	if (number <= INT32_MAX)
		xsmcSetInteger(xsResult, (xsIntegerValue)number);
	else if (number <= UINT32_MAX)
		xsmcSetNumber(xsResult, (double)number);
}

static int digitOf(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	character |= 0x20;
	return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* An ArrayBuffer, or undefined where the text is none of whole bytes in hex. */
void vertebra_bytesFromHex(xsMachine* the)
{
	const char* text = xsmcToString(xsArg(0));
	uint32_t length = (uint32_t)strlen(text);
	uint8_t* to;
	uint32_t i;
	for (i = 0; i < length; i++) {
		if (digitOf(text[i]) < 0)
			return;
	}
	if (length % 2 != 0)
		return;
	to = makeBuffer(the, length / 2);
	text = xsmcToString(xsArg(0));
	for (i = 0; i < length / 2; i++)
		to[i] = (uint8_t)(digitOf(text[2 * i]) << 4 | digitOf(text[2 * i + 1]));
}

void vertebra_toHex(xsMachine* the)
{
	static const char digits[] = "0123456789abcdef";
	Bytes bytes = bytesOf(the, 0);
	xsUnsignedValue i;
	char* text;
	xsmcSetStringBuffer(xsResult, NULL, (xsIntegerValue)(2 * bytes.length));
	text = xsmcToString(xsResult);
	bytes = bytesOf(the, 0);
	for (i = 0; i < bytes.length; i++) {
		text[2 * i] = digits[bytes.data[i] >> 4];
		text[2 * i + 1] = digits[bytes.data[i] & 15];
	}
	text[2 * bytes.length] = 0;
}

/* CRC of the sixteen nibbles for the Castagnoli polynomial, reflected: 64 bytes of flash instead of 1 KB. */
static const uint32_t nibbles[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75
};

uint32_t crc32cOf(const uint8_t* data, uint32_t length, uint32_t before)
{
	uint32_t crc = ~before;
	uint32_t i;
	for (i = 0; i < length; i++) {
		crc ^= data[i];
		crc = (crc >> 4) ^ nibbles[crc & 15];
		crc = (crc >> 4) ^ nibbles[crc & 15];
	}
	return ~crc;
}

void vertebra_crc32c(xsMachine* the)
{
	Bytes bytes = bytesOf(the, 0);
	/* An unsigned number of 32 bits is an integer for the engine up to 2^31 - 1 only. */
	double before = xsmcArgc > 1 ? xsmcToNumber(xsArg(1)) : 0;
	uint32_t crc = crc32cOf(bytes.data, bytes.length, (uint32_t)before);
	if (crc <= INT32_MAX)
		xsmcSetInteger(xsResult, (xsIntegerValue)crc);
	else
		xsmcSetNumber(xsResult, (double)crc);
}

/*
 * The engine keeps text as UTF-8, but U+0000 as C0 80, and where it is built for CESU-8 a character beyond U+FFFF as two encoded surrogates.
 * It made it itself, so it needs no checks but for surrogates that stand alone.
 */
static bool isSurrogate(const uint8_t* at, uint8_t least, uint8_t most)
{
	return at[0] == 0xED && at[1] >= least && at[1] <= most;
}

/* Bytes of UTF-8 that a text becomes, put into `to` where it is not NULL; -1 for a lone surrogate. */
int32_t putUtf8(const uint8_t* from, uint8_t* to)
{
	int32_t length = 0;
	while (*from) {
		if (isSurrogate(from, 0xA0, 0xBF)) {
			uint32_t high, low, point;
			if (!isSurrogate(from, 0xA0, 0xAF) || !isSurrogate(from + 3, 0xB0, 0xBF))
				return -1;
			high = ((uint32_t)(from[1] & 0x0F) << 6) | (from[2] & 0x3F);
			low = ((uint32_t)(from[4] & 0x0F) << 6) | (from[5] & 0x3F);
			point = 0x10000 + (high << 10) + low;
			if (to) {
				to[length] = (uint8_t)(0xF0 | point >> 18);
				to[length + 1] = (uint8_t)(0x80 | (point >> 12 & 0x3F));
				to[length + 2] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
				to[length + 3] = (uint8_t)(0x80 | (point & 0x3F));
			}
			length += 4;
			from += 6;
		}
		else if (from[0] == 0xC0) {
			if (to)
				to[length] = 0;
			length++;
			from += 2;
		}
		else {
			if (to)
				to[length] = *from;
			length++;
			from++;
		}
	}
	return length;
}

/* An ArrayBuffer, or undefined for a lone surrogate. */
void vertebra_utf8FromText(xsMachine* the)
{
	int32_t length = putUtf8((const uint8_t*)xsmcToString(xsArg(0)), NULL);
	uint8_t* data;
	if (length < 0)
		return;
	data = makeBuffer(the, (xsUnsignedValue)length);
	putUtf8((const uint8_t*)xsmcToString(xsArg(0)), data);
}

static uint32_t sequenceLength(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xC0)
		return 0;
	if (first < 0xE0)
		return 2;
	if (first < 0xF0)
		return 3;
	return first < 0xF8 ? 4 : 0;
}

/* Bytes that the engine's text of so much UTF-8 takes; or ~ the offset of what is no UTF-8, which is negative. */
static int32_t lengthOfText(Bytes bytes)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t offset = 0;
	int32_t result = 0;
	while (offset < bytes.length) {
		uint8_t first = bytes.data[offset];
		uint32_t length = sequenceLength(first);
		uint32_t point = length == 1 ? first : first & (0x7Fu >> length);
		uint32_t i;
		if (length == 0 || offset + length > bytes.length)
			return ~(int32_t)offset;
		for (i = 1; i < length; i++) {
			uint8_t next = bytes.data[offset + i];
			if ((next & 0xC0) != 0x80)
				return ~(int32_t)(offset + i);
			point = point << 6 | (next & 0x3F);
		}
		if (point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
			return ~(int32_t)offset;
		offset += length;
		result += point == 0 ? 2 : (int32_t)length;
#if mxCESU8
		if (length == 4)
			result += 2;
#endif
	}
	return result;
}

static void putText(Bytes bytes, uint8_t* to)
{
	uint32_t offset = 0;
	while (offset < bytes.length) {
		const uint8_t* from = bytes.data + offset;
#if mxCESU8
		if (from[0] >= 0xF0) {
			uint32_t point = ((uint32_t)(from[0] & 7) << 18 | (uint32_t)(from[1] & 0x3F) << 12 | (uint32_t)(from[2] & 0x3F) << 6 | (from[3] & 0x3F)) - 0x10000;
			*to++ = 0xED;
			*to++ = (uint8_t)(0xA0 | point >> 16);
			*to++ = (uint8_t)(0x80 | (point >> 10 & 0x3F));
			*to++ = 0xED;
			*to++ = (uint8_t)(0xB0 | (point >> 6 & 0x0F));
			*to++ = (uint8_t)(0x80 | (point & 0x3F));
			offset += 4;
			continue;
		}
#endif
		if (*from == 0) {
			*to++ = 0xC0;
			*to++ = 0x80;
		}
		else
			*to++ = *from;
		offset++;
	}
	*to = 0;
}

/* The text, or the offset of what is no UTF-8. */
void vertebra_textFromUtf8(xsMachine* the)
{
	int32_t length = lengthOfText(bytesOf(the, 0));
	if (length < 0) {
		xsmcSetInteger(xsResult, ~length);
		return;
	}
	xsmcSetStringBuffer(xsResult, NULL, length);
	putText(bytesOf(the, 0), (uint8_t*)xsmcToString(xsResult));
}
