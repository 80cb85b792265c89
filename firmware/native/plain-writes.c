/*
 * Notes the writes of a log that need no second look, as store/mount, store/places and store/table note them, which are the reference and
 * say what all of this is. What is not plain it leaves to them. No symbol of JavaScript is named here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "buffers.h"
#include "bulk.h"
#include "plain-writes.h"

/* As `passed` of store/pass names them. */
enum { ADDRESS, SEQUENCE, UNIT, LONGEST, SIZE, REMOVALS, COMMITTED, NUMBERS };
/* store/record */
enum { FIRST = 1, LAST = 2, HEADER = 8 };
/* store/entries */
enum { PUT = 0, PART = 1, REMOVE = 2, FREED = 3, MOST_GROUPS = 8 };

#define COMMITTED_WORD 0x56744a31u
#define ERASED 0xffffffffu

/* store/table: `places` is a power of two, and one of them at least is free. Of keys, which are doubles, the bits. */
typedef struct {
	uint8_t* keys;
	uint8_t* addresses;
	uint32_t places;
	uint32_t size;
} Table;

typedef struct {
	uint32_t low;
	uint32_t high;
	uint8_t kind;
	/* Where it ends. */
	uint32_t end;
} Entry;

static uint32_t wordAt(const uint8_t* at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t commitIn(uint32_t sequence)
{
	uint32_t word = COMMITTED_WORD ^ sequence * 0x9e3779b1u;
	return word == ERASED ? COMMITTED_WORD : word;
}

static uint64_t bitsOf(double key)
{
	uint64_t bits;
	memcpy(&bits, &key, sizeof bits);
	return bits;
}

static double keyOf(const Entry* entry)
{
	return (double)entry->high * 4294967296.0 + (double)entry->low;
}

static uint64_t keyAt(const Table* table, uint32_t place)
{
	uint64_t bits;
	memcpy(&bits, table->keys + 8 * place, sizeof bits);
	return bits;
}

static void putAt(Table* table, uint32_t place, uint64_t key, uint32_t address)
{
	memcpy(table->keys + 8 * place, &key, sizeof key);
	memcpy(table->addresses + 4 * place, &address, sizeof address);
}

static uint32_t homeOf(const Table* table, uint32_t high, uint32_t low)
{
	uint32_t mixed = (low ^ high * 0x9e3779b1u) * 0x85ebca6bu;
	return (mixed ^ mixed >> 15) & (table->places - 1);
}

static uint32_t after(const Table* table, uint32_t place)
{
	return (place + 1) & (table->places - 1);
}

static uint64_t noKey(void)
{
	return bitsOf(-1);
}

static uint32_t placeOf(const Table* table, const Entry* entry, uint64_t key)
{
	uint32_t place = homeOf(table, entry->high, entry->low);
	uint64_t none = noKey(), found;
	while ((found = keyAt(table, place)) != none && found != key)
		place = after(table, place);
	return place;
}

static uint32_t homeAt(const Table* table, uint32_t place)
{
	uint64_t bits = keyAt(table, place), key;
	double number;
	memcpy(&number, &bits, sizeof number);
	key = (uint64_t)number;
	return homeOf(table, (uint32_t)(key >> 32), (uint32_t)key);
}

static void drop(Table* table, const Entry* entry)
{
	uint64_t none = noKey();
	uint32_t hole = placeOf(table, entry, bitsOf(keyOf(entry))), next;
	if (keyAt(table, hole) == none)
		return;
	table->size--;
	for (next = after(table, hole); keyAt(table, next) != none; next = after(table, next)) {
		uint32_t home = homeAt(table, next), address;
		bool between = hole <= next ? hole < home && home <= next : hole < home || home <= next;
		if (between)
			continue;
		memcpy(&address, table->addresses + 4 * next, sizeof address);
		putAt(table, hole, keyAt(table, next), address);
		hole = next;
	}
	putAt(table, hole, none, 0);
}

/* False where the table has no place for it. */
static bool put(Table* table, const Entry* entry, uint32_t address)
{
	uint64_t key = bitsOf(keyOf(entry));
	uint32_t place = placeOf(table, entry, key);
	if (keyAt(table, place) == noKey()) {
		if (4 * (table->size + 1) > 3 * table->places)
			return false;
		table->size++;
	}
	putAt(table, place, key, address);
	return true;
}

/* As store/numbers has it; false past `end`, or where it goes on for too long. */
static bool numberAt(const uint8_t* data, uint32_t* at, uint32_t end, uint64_t* value)
{
	uint32_t groups;
	*value = 0;
	for (groups = 0; groups < MOST_GROUPS && *at < end; groups++) {
		uint8_t byte = data[(*at)++];
		*value |= (uint64_t)(byte & 0x7f) << 7 * groups;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* False where it is none, or not plain. */
static bool entryAt(const uint8_t* data, uint32_t at, uint32_t end, Entry* entry)
{
	uint64_t first, low, more = 0;
	if (!numberAt(data, &at, end, &first) || !numberAt(data, &at, end, &low) || low > UINT32_MAX)
		return false;
	/* A key is a whole number of 53 bits. */
	if (first >> 2 >= 1u << 21)
		return false;
	entry->kind = first & 3;
	entry->high = (uint32_t)(first >> 2);
	entry->low = (uint32_t)low;
	if (entry->kind == PART || ((entry->kind == PUT || entry->kind == REMOVE) && !numberAt(data, &at, end, &more)))
		return false;
	if (entry->kind == PUT && more > end - at)
		return false;
	entry->end = entry->kind == PUT ? at + (uint32_t)more : at;
	return true;
}

static bool isApart(Bytes apart, const Entry* entry)
{
	uint64_t key = bitsOf(keyOf(entry)), each;
	uint32_t at;
	for (at = 0; at + 8 <= apart.length; at += 8) {
		memcpy(&each, apart.data + at, sizeof each);
		if (each == key)
			return true;
	}
	return false;
}

/* The end of the record at `at`, which is a whole write and counts; 0 where it is none. */
static uint32_t recordAt(Bytes bytes, uint32_t at, const uint32_t* numbers, bool* committed)
{
	uint32_t unit = numbers[UNIT], rest = bytes.length - at, length, size, crc;
	const uint8_t* record = bytes.data + at;
	uint8_t marks;
	if (HEADER + unit > rest)
		return 0;
	length = record[0] | (uint32_t)record[1] << 8;
	marks = record[2];
	if (length > numbers[LONGEST] || record[3] != (crc32cOf(record, 3, 0) & 0xff))
		return 0;
	size = (HEADER + length + unit - 1) / unit * unit + unit;
	if (size > rest || (marks & (FIRST | LAST)) != (FIRST | LAST))
		return 0;
	/* It counts whatever this word says, since the sector is known to go on behind it. */
	*committed = wordAt(record + size - unit) == commitIn(numbers[SEQUENCE]);
	crc = crc32cOf(record + HEADER, length, crc32cOf(record, 4, numbers[SEQUENCE]));
	return crc == wordAt(record + 4) ? at + size : 0;
}

/* Whether all entries of a record are plain; counts the removals among them. */
static bool arePlain(const uint8_t* data, uint32_t at, uint32_t end, Bytes apart, uint32_t* removals)
{
	Entry entry;
	for (*removals = 0; at < end; at = entry.end) {
		if (!entryAt(data, at, end, &entry) || (entry.kind != FREED && isApart(apart, &entry)))
			return false;
		*removals += entry.kind == REMOVE;
	}
	return true;
}

/* False where the table has no place for all of them: then they are noted again, by the reference, which comes to the same. */
static bool noteEntries(Table* table, const uint8_t* data, uint32_t at, uint32_t end, uint32_t address)
{
	Entry entry;
	for (; at < end; at = entry.end) {
		if (!entryAt(data, at, end, &entry))
			return false;
		if (entry.kind == REMOVE)
			drop(table, &entry);
		else if (entry.kind == PUT && !put(table, &entry, address + at))
			return false;
	}
	return true;
}

/* Of the buffers of keys, addresses, keys apart; bytes; the buffer of numbers. */
void vertebra_notePlainWrites(xsMachine* the)
{
	Bytes apart = bytesOf(the, 2), bytes = bytesOf(the, 3);
	uint8_t* given = writableOf(the, 4).data;
	WritableBytes keys = writableOf(the, 0);
	Table table = { keys.data, writableOf(the, 1).data, keys.length / 8, 0 };
	uint32_t numbers[NUMBERS], at = 0;
	memcpy(numbers, given, sizeof numbers);
	table.size = numbers[SIZE];
	numbers[REMOVALS] = 0;
	for (;;) {
		bool committed;
		uint32_t end = recordAt(bytes, at, numbers, &committed), from = at + HEADER, removals;
		if (end == 0)
			break;
		uint32_t to = from + (bytes.data[at] | (uint32_t)bytes.data[at + 1] << 8);
		if (!arePlain(bytes.data, from, to, apart, &removals) || !noteEntries(&table, bytes.data, from, to, numbers[ADDRESS]))
			break;
		numbers[REMOVALS] += removals;
		numbers[COMMITTED] = committed;
		at = end;
	}
	numbers[SIZE] = table.size;
	memcpy(given, numbers, sizeof numbers);
	xsmcSetInteger(xsResult, (xsIntegerValue)at);
}
