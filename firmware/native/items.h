/* Items of CBOR as they lie in bytes, as core/wire/items looks at them: what bulk.c and packing.c share. */
#ifndef VERTEBRA_ITEMS_H
#define VERTEBRA_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

#define DEEPEST_ITEM 16

typedef struct {
	uint32_t size;
	uint8_t kind;
	uint64_t argument;
} Head;

/* Size 0 where none lies there whole, or it is a tag, or a length that is open. */
static inline Head headAt(const uint8_t* data, uint32_t at, uint32_t end)
{
	Head head = { 0, 0, 0 };
	uint32_t low, size, i;
	if (at >= end)
		return head;
	head.kind = data[at] >> 5;
	low = data[at] & 31;
	size = low < 24 ? 1 : 1 + (1u << (low - 24));
	if (head.kind == 6 || low > 27 || size > end - at)
		return head;
	head.size = size;
	head.argument = size == 1 ? low : 0;
	for (i = 1; i < size; i++)
		head.argument = head.argument << 8 | data[at + i];
	return head;
}

/* -1 where no item lies there whole. */
static inline int64_t endOfItem(const uint8_t* data, uint32_t at, uint32_t end)
{
	/* Items that are left of each that it lies in; twice what does not fit in 64 bits is as many as there can't be, either way. */
	uint64_t left[DEEPEST_ITEM + 1] = { 1 };
	int depth = 0;
	while (depth >= 0) {
		Head head = headAt(data, at, end);
		if (head.size == 0)
			return -1;
		at += head.size;
		left[depth]--;
		if (head.kind == 2 || head.kind == 3) {
			if (head.argument > end - at)
				return -1;
			at += (uint32_t)head.argument;
		}
		else if ((head.kind == 4 || head.kind == 5) && head.argument > 0) {
			if (depth == DEEPEST_ITEM)
				return -1;
			left[++depth] = head.argument > UINT32_MAX ? UINT64_MAX : head.kind == 4 ? head.argument : 2 * head.argument;
		}
		while (depth >= 0 && left[depth] == 0)
			depth--;
	}
	return at;
}

/* Where the next byte string of `least` bytes or more begins of the items from `at` to `end`, which are whole; `end` where none does. */
static inline uint32_t nextString(const uint8_t* data, uint32_t at, uint32_t end, double least)
{
	while (at < end) {
		Head head = headAt(data, at, end);
		if (head.size == 0)
			return end;
		if (head.kind == 2 && (double)head.argument >= least)
			return at;
		at += head.size;
		if (head.kind == 2 || head.kind == 3)
			at = head.argument > end - at ? end : at + (uint32_t)head.argument;
	}
	return end;
}

#endif
