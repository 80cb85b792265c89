/* What packing.c has come to, and how it puts bytes. */
#ifndef VERTEBRA_PACKING_STATE_H
#define VERTEBRA_PACKING_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* As store/packed has them. */
enum { MARK_PACKED = 0xC6, MARK_BORROWING = 0xC7 };
enum { TOKEN_KNOWN = 0xC0, TOKEN_DERIVED = 0xC1, TOKEN_NESTED = 0xC2, TOKEN_LENT = 0xC3, NO_TOKEN = 0 };
enum { RULE_BLOCK, RULE_METABLOCK, RULE_LEAF, RULE_ENTRIES, RULE_SHIFT = 6 };
enum { HEADER_ARRAY = 0x87, REFERENCE_ARRAY = 0x85 };
#define MOST_SOURCES (1u << RULE_SHIFT)
#define DEEPEST 5
#define LEAST_PACKED 24u
#define MOST_NESTED 0xFFFFu
#define MOST_PACKED (1u << 20)
#define MOST_NAMED 256u
#define MOST_LENT 64u
#define LEAST_LENT 32u
#define HASH 32u

typedef struct {
	uint32_t from;
	uint32_t to;
} Place;

/* A string that is looked into: where it begins and ends. The first of them is what is packed in a phase, all of it. */
typedef Place Level;

/* The parts of an array whose entries go first, since a header before them names their hash; or all of a value. */
enum { PHASE_ENTRIES, PHASE_BEFORE, PHASE_AFTER, PHASE_WHOLE };

/* What a packing has come to. Behind it lie the hashes, their names, the room for what is packed, and the value, as many bytes. */
typedef struct {
	uint32_t value;
	uint32_t phase;
	/* The item of the entries. */
	Place entries;
	/* How far the value is looked at, and how far it is packed: what lies between goes as it is. */
	uint32_t at;
	uint32_t copied;
	/* Bytes that are packed. */
	uint32_t length;
	uint32_t depth;
	Level levels[DEEPEST + 1];
	Place sources[MOST_SOURCES];
	uint32_t sourceCount;
	/* Sources whose hashes were asked for, and hashes that are here; of the next one the name and what it is of. */
	uint32_t upTo;
	uint32_t hashCount;
	uint32_t mostHashes;
	uint32_t wanted;
	Place of;
} State;

static inline uint8_t* hashesOf(State* state)
{
	return (uint8_t*)(state + 1);
}

static inline uint8_t* namesOf(State* state)
{
	return hashesOf(state) + HASH * state->mostHashes;
}

static inline uint8_t* roomOf(State* state)
{
	return namesOf(state) + state->mostHashes;
}

static inline const uint8_t* valueOf(State* state)
{
	return roomOf(state) + state->value;
}

static inline bool put(State* state, uint8_t byte)
{
	roomOf(state)[state->length++] = byte;
	return state->length < state->value;
}

/* Takes over what was looked at and lies as it is. */
static inline bool copy(State* state)
{
	uint32_t more = state->at - state->copied;
	if (state->length + more >= state->value)
		return false;
	memcpy(roomOf(state) + state->length, valueOf(state) + state->copied, more);
	state->length += more;
	state->copied = state->at;
	return true;
}

static inline void goTo(State* state, uint32_t at)
{
	state->at = at;
	state->copied = at;
}

static inline void putNumber(State* state, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put(state, (uint8_t)(value | 0x80));
	put(state, (uint8_t)value);
}

#endif
