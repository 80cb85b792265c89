/*
 * Values as they lie in flash, in place of the module `store/packing`, which is the reference and says what all of this is: the same results for
 * the same arguments. What it wants hashed it asks for, so that it knows no cryptography and calls nothing. No symbol of JavaScript is named here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "buffers.h"
#include "items.h"
#include "packing-state.h"
#include "packing.h"

/* By rule: what is put before the bytes that are hashed, as core/wire/hash and core/wire/merkle have it. */
static const struct {
	const char* bytes;
	uint32_t length;
} domains[] = {
	[RULE_BLOCK] = { "vertebra/1 block", 17 },
	[RULE_METABLOCK] = { "vertebra/1 metablock", 21 },
	[RULE_LEAF] = { "", 1 },
	[RULE_ENTRIES] = { "vertebra/1 entries", 19 }
};

/* The content of the string whose head is at `head`, which lies there whole. */
static Place stringAt(const uint8_t* data, uint32_t head, uint32_t end)
{
	Head found = headAt(data, head, end);
	Place string = { head + found.size, head + found.size + (uint32_t)found.argument };
	return string;
}

static bool isSource(uint8_t first, uint32_t depth)
{
	return depth < DEEPEST && (first == HEADER_ARRAY || first == REFERENCE_ARRAY);
}

/* Whether a string is one item, an array, to its end. */
static bool isArrayIn(const uint8_t* data, uint32_t from, uint32_t to)
{
	return data[from] >> 5 == 4 && endOfItem(data, from, to) == (int64_t)to;
}

/* The strings of a value of so many bytes and more, and those in others, until `most` were found: into `places`, where that is not NULL. `*sources` is how many of them can be sources. */
static uint32_t listStrings(const uint8_t* data, uint32_t length, uint32_t least, uint32_t most, Place* places, uint32_t* sources)
{
	uint32_t outer[DEEPEST];
	uint32_t depth = 0, at = 0, end = length, count = 0;
	*sources = 0;
	while (count < most) {
		uint32_t head = nextString(data, at, end, least);
		Place string;
		if (head == end) {
			if (depth == 0)
				break;
			at = end;
			end = outer[--depth];
			continue;
		}
		string = stringAt(data, head, end);
		if (places)
			places[count] = string;
		count++;
		at = string.to;
		if (string.from < string.to)
			*sources += isSource(data[string.from], depth);
		if (depth < DEEPEST && isArrayIn(data, string.from, string.to)) {
			outer[depth++] = end;
			end = string.to;
			at = string.from;
		}
	}
	return count;
}

/* An ArrayBuffer of where each begins and ends, which are numbers of four bytes; empty where the value is no CBOR. */
void vertebra_stringsIn(xsMachine* the)
{
	Place places[MOST_LENT];
	Bytes value = bytesOf(the, 0);
	uint32_t count = 0, sources;
	if (endOfItem(value.data, 0, value.length) == (int64_t)value.length)
		count = listStrings(value.data, value.length, LEAST_LENT, MOST_LENT, places, &sources);
	memcpy(makeBuffer(the, count * sizeof(Place)), places, count * sizeof(Place));
}

static void enter(State* state, uint32_t phase, uint32_t from, uint32_t to)
{
	state->phase = phase;
	state->depth = phase == PHASE_ENTRIES ? DEEPEST : 0;
	state->levels[state->depth] = (Level){ from, to };
	goTo(state, from);
}

/* The item of an array that holds the entries; false where it is no such array. */
static bool findEntries(State* state, uint32_t first)
{
	const uint8_t* data = valueOf(state);
	uint32_t count = data[0] - 0x80u;
	if (count <= first || count > 23)
		return false;
	state->entries.from = 1;
	while (first--)
		state->entries.from = (uint32_t)endOfItem(data, state->entries.from, state->value);
	state->entries.to = (uint32_t)endOfItem(data, state->entries.from, state->value);
	return true;
}

/* Of a value, the item of the entries or null, and the lender or null: an ArrayBuffer, or undefined where the value stays as it is. */
void vertebra_packBegin(xsMachine* the)
{
	Bytes value = bytesOf(the, 0);
	uint32_t sources, hashes, size;
	State* state;
	bool borrows = xsmcTypeOf(xsArg(2)) != xsNullType;
	uint64_t lender = borrows ? (uint64_t)xsmcToNumber(xsArg(2)) : 0;
	bool inItems = xsmcTypeOf(xsArg(1)) != xsNullType;
	uint32_t first = inItems ? (uint32_t)xsmcToInteger(xsArg(1)) : 0;
	if (value.length < LEAST_PACKED || value.length > MOST_PACKED || endOfItem(value.data, 0, value.length) != (int64_t)value.length)
		return;
	listStrings(value.data, value.length, LEAST_PACKED, UINT32_MAX, NULL, &sources);
	hashes = 1 + 2 * (sources < MOST_SOURCES ? sources : MOST_SOURCES);
	size = (uint32_t)sizeof(State) + (HASH + 1) * hashes + 2 * value.length;
	state = makeBuffer(the, size);
	value = bytesOf(the, 0);
	memset(state, 0, sizeof(State));
	state->value = value.length;
	state->mostHashes = hashes;
	memcpy(roomOf(state) + value.length, value.data, value.length);
	put(state, borrows ? MARK_BORROWING : MARK_PACKED);
	if (borrows)
		putNumber(state, lender);
	putNumber(state, value.length);
	if (!inItems)
		enter(state, PHASE_WHOLE, 0, value.length);
	else if (!findEntries(state, first))
		xsmcSetUndefined(xsResult);
	else {
		state->wanted = (uint32_t)RULE_ENTRIES << RULE_SHIFT;
		state->of = state->entries;
		enter(state, PHASE_ENTRIES, state->entries.from, state->entries.to);
	}
}

/* Whether the hash of a source is to be asked for before it is known what follows from them. */
static bool wantsHash(State* state)
{
	Place source;
	bool isHeader;
	if (state->of.to > 0)
		return true;
	if (state->upTo == state->sourceCount)
		return false;
	source = state->sources[state->upTo];
	isHeader = valueOf(state)[source.from] == HEADER_ARRAY;
	state->of = source;
	state->wanted = (uint32_t)(isHeader ? RULE_BLOCK : RULE_LEAF) << RULE_SHIFT | state->upTo;
	return true;
}

/* The hash that was asked for. A header has two. */
static void takeHash(State* state, const uint8_t* hash)
{
	uint32_t rule = state->wanted >> RULE_SHIFT;
	memcpy(hashesOf(state) + HASH * state->hashCount, hash, HASH);
	namesOf(state)[state->hashCount++] = (uint8_t)state->wanted;
	if (rule == RULE_BLOCK)
		state->wanted = (uint32_t)RULE_METABLOCK << RULE_SHIFT | state->upTo;
	else {
		state->of.to = 0;
		if (rule != RULE_ENTRIES)
			state->upTo++;
	}
}

/* The number of the first string of these that is the one; -1 where none is. */
static int32_t numberIn(Bytes bytes, Bytes places, const uint8_t* string, uint32_t length)
{
	uint32_t count = places.length / sizeof(Place);
	uint32_t number;
	for (number = 0; number < count && number < MOST_NAMED; number++) {
		Place each;
		memcpy(&each, places.data + number * sizeof(Place), sizeof each);
		if (each.to - each.from == length && !memcmp(bytes.data + each.from, string, length))
			return (int32_t)number;
	}
	return -1;
}

static int32_t derivedName(State* state, const uint8_t* string)
{
	uint32_t i;
	for (i = 0; i < state->hashCount; i++) {
		if (!memcmp(hashesOf(state) + HASH * i, string, HASH))
			return namesOf(state)[i];
	}
	return -1;
}

typedef enum { GOES_ON, WANTS_HASH, NOT_SHORTER } Step;

typedef struct {
	Bytes bytes;
	Bytes places;
} Strings;

/* The token for a string and, in the byte below it, its number; NO_TOKEN where there is none. */
static Step tokenFor(State* state, const Strings* known, const Strings* lent, Place string, uint32_t* token)
{
	const uint8_t* data = valueOf(state) + string.from;
	uint32_t length = string.to - string.from;
	int32_t number = numberIn(known->bytes, known->places, data, length);
	*token = TOKEN_KNOWN;
	if (number < 0) {
		*token = TOKEN_LENT;
		number = numberIn(lent->bytes, lent->places, data, length);
	}
	if (number < 0 && length == HASH) {
		if (wantsHash(state))
			return WANTS_HASH;
		*token = TOKEN_DERIVED;
		number = derivedName(state, data);
	}
	*token = number < 0 ? NO_TOKEN : *token << 8 | (uint32_t)number;
	return GOES_ON;
}

static void noteSource(State* state, Place string, uint32_t depth)
{
	if (isSource(valueOf(state)[string.from], depth) && state->sourceCount < MOST_SOURCES)
		state->sources[state->sourceCount++] = string;
}

static uint32_t headBytes(uint32_t length)
{
	return length < 24 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
}

/* The string whose head is at `head`. Where it wants a hash it is come to again. */
static Step packString(State* state, const Strings* known, const Strings* lent, uint32_t head)
{
	uint32_t depth = state->depth;
	Place string = stringAt(valueOf(state), head, state->levels[depth].to);
	uint32_t length = string.to - string.from;
	uint32_t token;
	/* The head is made anew: one that is longer than it need be would not come back as it was. */
	if (string.from - head != headBytes(length)) {
		state->at = string.to;
		return GOES_ON;
	}
	if (tokenFor(state, known, lent, string, &token) == WANTS_HASH)
		return WANTS_HASH;
	if (token != NO_TOKEN) {
		if (!copy(state) || !put(state, (uint8_t)(token >> 8)) || !put(state, (uint8_t)token))
			return NOT_SHORTER;
		goTo(state, string.to);
		noteSource(state, string, depth);
	}
	else if (length > MOST_NESTED || depth >= DEEPEST || !isArrayIn(valueOf(state), string.from, string.to))
		state->at = string.to;
	else {
		if (!copy(state) || !put(state, TOKEN_NESTED))
			return NOT_SHORTER;
		goTo(state, string.from);
		state->levels[++state->depth] = string;
	}
	return GOES_ON;
}

/* All that is in a phase, from where it stands. */
static Step packPhase(State* state, const Strings* known, const Strings* lent)
{
	uint32_t least = state->phase == PHASE_ENTRIES ? DEEPEST : 0;
	for (;;) {
		Level level = state->levels[state->depth];
		uint32_t head = nextString(valueOf(state), state->at, level.to, LEAST_PACKED);
		Step step;
		state->at = head;
		if (head == level.to) {
			if (state->depth == least)
				return GOES_ON;
			state->depth--;
			noteSource(state, level, state->depth);
			continue;
		}
		step = packString(state, known, lent, head);
		if (step != GOES_ON)
			return step;
	}
}

/* Phase for phase. */
static Step packAll(State* state, const Strings* known, const Strings* lent)
{
	for (;;) {
		Step step = packPhase(state, known, lent);
		if (step != GOES_ON)
			return step;
		if (!copy(state))
			return NOT_SHORTER;
		if (state->phase == PHASE_ENTRIES) {
			/* The head of the array goes as it is. */
			enter(state, PHASE_BEFORE, 0, state->entries.from);
			state->at = 1;
		}
		else if (state->phase == PHASE_BEFORE)
			enter(state, PHASE_AFTER, state->entries.to, state->value);
		else
			return GOES_ON;
	}
}

/*
 * Of a state, the hash that was asked for or undefined, the bytes and places of the strings that all know, and of those that are lent: true
 * where all is packed, false where that is not shorter, or an ArrayBuffer of which the hash is wanted.
 */
void vertebra_packOn(xsMachine* the)
{
	void* data = NULL;
	xsUnsignedValue size;
	Strings known = { bytesOf(the, 2), bytesOf(the, 3) };
	Strings lent = { bytesOf(the, 4), bytesOf(the, 5) };
	State* state;
	Step step;
	xsmcGetBufferWritable(xsArg(0), &data, &size);
	state = data;
	if (xsmcTypeOf(xsArg(1)) != xsUndefinedType)
		takeHash(state, bytesOf(the, 1).data);
	step = packAll(state, &known, &lent);
	if (step == WANTS_HASH) {
		uint32_t rule = state->wanted >> RULE_SHIFT;
		uint32_t before = domains[rule].length;
		uint32_t length = state->of.to - state->of.from;
		uint8_t* question = makeBuffer(the, before + length);
		xsmcGetBufferWritable(xsArg(0), &data, &size);
		state = data;
		memcpy(question, domains[rule].bytes, before);
		memcpy(question + before, valueOf(state) + state->of.from, length);
	}
	else
		xsmcSetBoolean(xsResult, step == GOES_ON);
}

/* What was packed: an ArrayBuffer. */
void vertebra_packed(xsMachine* the)
{
	uint32_t length = ((State*)bytesOf(the, 0).data)->length;
	uint8_t* packed = makeBuffer(the, length);
	memcpy(packed, roomOf((State*)bytesOf(the, 0).data), length);
}
