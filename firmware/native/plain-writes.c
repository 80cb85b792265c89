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
enum { ADDRESS, SEQUENCE, UNIT, LONGEST, SIZE, REMOVALS, COMMITTED, LEFT, NUMBERS };
/* store/record */
enum { FIRST = 1, LAST = 2, HEADER = 8 };
/* store/entries */
enum { PUT = 0, PART = 1, REMOVE = 2, FREED = 3, MOST_GROUPS = 8, MOST_PARTS = 0xffff };

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
	uint32_t part;
	uint32_t parts;
	/* Where it ends. */
	uint32_t end;
	uint8_t kind;
} Entry;

static uint32_t wordAt(const uint8_t* at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Of a record, the bytes of its entries. */
static uint32_t lengthAt(const uint8_t* record)
{
	return record[0] | (uint32_t)record[1] << 8;
}

/* And all of its own. */
static uint32_t sizeAt(const uint8_t* record, uint32_t unit)
{
	return (HEADER + lengthAt(record) + unit - 1) / unit * unit + unit;
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

/* False where it is none that this version writes. */
static bool entryAt(const uint8_t* data, uint32_t at, uint32_t end, Entry* entry)
{
	uint64_t first, low, part = 0, parts = 1, more = 0;
	if (!numberAt(data, &at, end, &first) || !numberAt(data, &at, end, &low))
		return false;
	/* A key is a whole number of 53 bits. */
	if (low > UINT32_MAX || first >> 2 >= 1u << 21)
		return false;
	entry->kind = first & 3;
	entry->high = (uint32_t)(first >> 2);
	entry->low = (uint32_t)low;
	if (entry->kind == PART && (!numberAt(data, &at, end, &part) || !numberAt(data, &at, end, &parts)))
		return false;
	if (entry->kind != FREED && !numberAt(data, &at, end, &more))
		return false;
	if (entry->kind == REMOVE || entry->kind == FREED)
		more = 0;
	if (more > end - at || part >= parts || parts > MOST_PARTS)
		return false;
	entry->part = (uint32_t)part;
	entry->parts = (uint32_t)parts;
	entry->end = at + (uint32_t)more;
	return true;
}

/* Of what is left to the program, which knows where the parts of a value lie: key, kind, part, parts, address. */
enum { KEY, KIND, OF_PART, OF_PARTS, AT, LEFT_NUMBERS };

typedef struct {
	/* Keys of records that lie in parts, which are doubles. */
	Bytes apart;
	uint8_t* entries;
	uint32_t room;
	uint32_t count;
} Left;

static bool isKeyAt(const uint8_t* at, uint64_t key)
{
	uint64_t each;
	memcpy(&each, at, sizeof each);
	return each == key;
}

/* Whatever is said of such a record is left, in its order. */
static bool isApart(const Left* left, const Entry* entry)
{
	uint64_t key = bitsOf(keyOf(entry));
	uint32_t at, index;
	for (at = 0; at + 8 <= left->apart.length; at += 8)
		if (isKeyAt(left->apart.data + at, key))
			return true;
	for (index = 0; index < left->count; index++)
		if (isKeyAt(left->entries + 8 * LEFT_NUMBERS * index, key))
			return true;
	return false;
}

/* False where there is no room. */
static bool leave(Left* left, const Entry* entry, uint32_t address)
{
	double numbers[LEFT_NUMBERS];
	if (left->count == left->room)
		return false;
	numbers[KEY] = keyOf(entry);
	numbers[KIND] = entry->kind;
	numbers[OF_PART] = entry->part;
	numbers[OF_PARTS] = entry->parts;
	numbers[AT] = address;
	memcpy(left->entries + 8 * LEFT_NUMBERS * left->count, numbers, sizeof numbers);
	left->count++;
	return true;
}

/* The end of the record at `at`; 0 where none lies there whole. */
static uint32_t recordAt(Bytes bytes, uint32_t at, const uint32_t* numbers)
{
	uint32_t unit = numbers[UNIT], rest = bytes.length - at, length, size, crc;
	const uint8_t* record = bytes.data + at;
	if (HEADER + unit > rest)
		return 0;
	length = lengthAt(record);
	size = sizeAt(record, unit);
	if (length > numbers[LONGEST] || size > rest || record[3] != (crc32cOf(record, 3, 0) & 0xff))
		return 0;
	crc = crc32cOf(record + HEADER, length, crc32cOf(record, 4, numbers[SEQUENCE]));
	return crc == wordAt(record + 4) ? at + size : 0;
}

/* The end of the write at `at`, all records of which count, since the sector is known to go on behind them; 0 where it is none that lies here whole. */
static uint32_t writeAt(Bytes bytes, uint32_t at, const uint32_t* numbers)
{
	uint32_t record, end;
	for (record = at; (end = recordAt(bytes, record, numbers)) != 0; record = end) {
		uint8_t marks = bytes.data[record + 2];
		if (((marks & FIRST) != 0) != (record == at))
			return 0;
		if (marks & LAST)
			return end;
	}
	return 0;
}

/* False for what is no entry, or where the table or what is left has no room for all: then the reference takes all of them, which comes to the same. */
static bool noteEntries(Table* table, Left* left, const uint8_t* data, uint32_t at, uint32_t end, uint32_t address, uint32_t* removals)
{
	Entry entry;
	for (; at < end; at = entry.end) {
		if (!entryAt(data, at, end, &entry))
			return false;
		if (entry.kind == FREED)
			continue;
		if (entry.kind == PART || isApart(left, &entry)) {
			if (!leave(left, &entry, address + at))
				return false;
		}
		else if (entry.kind == REMOVE) {
			drop(table, &entry);
			++*removals;
		}
		else if (!put(table, &entry, address + at))
			return false;
	}
	return true;
}

static bool noteWrite(Table* table, Left* left, Bytes bytes, uint32_t at, uint32_t end, uint32_t* numbers)
{
	uint32_t before = left->count, removals = 0, record, next;
	for (record = at; record < end; record = next) {
		uint32_t from = record + HEADER;
		next = sizeAt(bytes.data + record, numbers[UNIT]) + record;
		if (noteEntries(table, left, bytes.data, from, from + lengthAt(bytes.data + record), numbers[ADDRESS], &removals))
			continue;
		left->count = before;
		return false;
	}
	numbers[REMOVALS] += removals;
	/* The last one. */
	numbers[COMMITTED] = wordAt(bytes.data + end - numbers[UNIT]) == commitIn(numbers[SEQUENCE]);
	return true;
}

/* Of the buffers of keys, addresses, keys apart and what is left; bytes; the buffer of numbers. */
void vertebra_notePlainWrites(xsMachine* the)
{
	WritableBytes keys = writableOf(the, 0), kept = writableOf(the, 3);
	Table table = { keys.data, writableOf(the, 1).data, keys.length / 8, 0 };
	Left left = { bytesOf(the, 2), kept.data, kept.length / (8 * LEFT_NUMBERS), 0 };
	Bytes bytes = bytesOf(the, 4);
	uint8_t* given = writableOf(the, 5).data;
	uint32_t numbers[NUMBERS], at = 0, end;
	memcpy(numbers, given, sizeof numbers);
	table.size = numbers[SIZE];
	numbers[REMOVALS] = 0;
	while ((end = writeAt(bytes, at, numbers)) != 0 && noteWrite(&table, &left, bytes, at, end, numbers))
		at = end;
	numbers[SIZE] = table.size;
	numbers[LEFT] = left.count;
	memcpy(given, numbers, sizeof numbers);
	xsmcSetInteger(xsResult, (xsIntegerValue)at);
}
