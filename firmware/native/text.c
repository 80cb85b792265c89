/* XS keeps text as CESU-8: a character beyond U+FFFF as two encoded surrogates, and U+0000 as C0 80. */
#include <stdlib.h>
#include <string.h>
#include "host.h"

static char* putUtf8(char* at, uint32_t point)
{
	if (point < 0x80)
		*at++ = (char)point;
	else if (point < 0x800) {
		*at++ = (char)(0xC0 | point >> 6);
		*at++ = (char)(0x80 | (point & 0x3F));
	}
	else if (point < 0x10000) {
		*at++ = (char)(0xE0 | point >> 12);
		*at++ = (char)(0x80 | (point >> 6 & 0x3F));
		*at++ = (char)(0x80 | (point & 0x3F));
	}
	else {
		*at++ = (char)(0xF0 | point >> 18);
		*at++ = (char)(0x80 | (point >> 12 & 0x3F));
		*at++ = (char)(0x80 | (point >> 6 & 0x3F));
		*at++ = (char)(0x80 | (point & 0x3F));
	}
	return at;
}

/* The surrogate encoded at `at`, or 0 where there is none: ED A0..BF xx. */
static uint32_t surrogateAt(const uint8_t* at)
{
	if (at[0] != 0xED || at[1] < 0xA0 || at[1] > 0xBF || (at[2] & 0xC0) != 0x80)
		return 0;
	return 0xD000 | (uint32_t)(at[1] & 0x3F) << 6 | (at[2] & 0x3F);
}

char* utf8FromCesu8(const char* cesu8)
{
	const uint8_t* from = (const uint8_t*)cesu8;
	char* result = malloc(strlen(cesu8) * 3 / 2 + 1);
	char* at = result;
	if (!result)
		return NULL;
	while (*from) {
		uint32_t high = surrogateAt(from);
		uint32_t low = high >= 0xD800 && high < 0xDC00 ? surrogateAt(from + 3) : 0;
		if (low >= 0xDC00) {
			at = putUtf8(at, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
			from += 6;
		}
		else if (high) {
			/* A surrogate alone is not text. */
			at = putUtf8(at, 0xFFFD);
			from += 3;
		}
		else if (from[0] == 0xC0 && from[1] == 0x80) {
			/* A zero would end a string of C: here it is shown as what can't be shown. */
			at = putUtf8(at, 0xFFFD);
			from += 2;
		}
		else
			*at++ = (char)*from++;
	}
	*at = 0;
	return result;
}

/* The code point at `from` and how many bytes it takes; a byte that is no UTF-8 is U+FFFD. */
static uint32_t pointAt(const uint8_t* from, size_t left, size_t* taken)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = from[0] < 0x80 ? 1 : from[0] >= 0xF0 ? 4 : from[0] >= 0xE0 ? 3 : 2;
	uint32_t point = length == 1 ? from[0] : from[0] & (0x7F >> length);
	size_t i;
	*taken = 1;
	if (length > left || (from[0] >= 0x80 && from[0] < 0xC2) || from[0] > 0xF4)
		return 0xFFFD;
	for (i = 1; i < length; i++) {
		if ((from[i] & 0xC0) != 0x80)
			return 0xFFFD;
		point = point << 6 | (from[i] & 0x3F);
	}
	if (point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
		return 0xFFFD;
	*taken = length;
	return point;
}

char* cesu8FromUtf8(const char* utf8, size_t length, size_t* resultLength)
{
	const uint8_t* from = (const uint8_t*)utf8;
	char* result = malloc(length * 3 + 1);
	char* at = result;
	if (!result)
		return NULL;
	while (length) {
		size_t taken;
		uint32_t point = pointAt(from, length, &taken);
		if (point == 0) {
			*at++ = (char)0xC0;
			*at++ = (char)0x80;
		}
		else if (point >= 0x10000) {
			at = putUtf8(at, 0xD800 + ((point - 0x10000) >> 10));
			at = putUtf8(at, 0xDC00 + ((point - 0x10000) & 0x3FF));
		}
		else
			at = putUtf8(at, point);
		from += taken;
		length -= taken;
	}
	*at = 0;
	*resultLength = (size_t)(at - result);
	return result;
}
