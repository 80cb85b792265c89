/* native.flash: the board's NOR flash, by the Intel command set (CFI 0001): two chips of 16 bits beside each other, sectors of 256 KB. */
#include <stdlib.h>
#include <string.h>
#include "../host.h"
#include "machine.h"

/* To both chips at once. */
#define BOTH(command) ((uint32_t)(command) << 16 | (command))
#define PROGRAM_WORD BOTH(0x40)
#define ERASE BOTH(0x20)
#define CONFIRM BOTH(0xD0)
#define CLEAR_STATUS BOTH(0x50)
#define READ_ARRAY BOTH(0xFF)
#define READY BOTH(0x80)
#define FAILED BOTH(0x3A)
#define PATIENCE_MS 5000
/* Words that are programmed in one go. */
#define PIECE 64

/* A flash that is not there, or stuck, must not hold up the board for ever. */
static const char* ended(volatile uint32_t* cell)
{
	double patience = monotonicMilliseconds() + PATIENCE_MS;
	uint32_t status;
	do
		status = *cell;
	while ((status & READY) != READY && monotonicMilliseconds() < patience);
	if ((status & READY) != READY)
		return "it does not answer";
	return status & FAILED ? "it refused" : NULL;
}

static const char* finish(volatile uint32_t* cell, const char* reason)
{
	if (reason)
		*cell = CLEAR_STATUS;
	*cell = READ_ARRAY;
	return reason;
}

/* Programs these words, which lie in RAM. The flash answers with its status until all are in it, and only then is it read again. */
static const char* programPiece(volatile uint32_t* cells, const uint32_t* piece, uint32_t count)
{
	const char* reason = NULL;
	uint32_t i;
	for (i = 0; i < count && !reason; i++) {
		cells[i] = PROGRAM_WORD;
		cells[i] = piece[i];
		reason = ended(&cells[i]);
	}
	reason = finish(cells, reason);
	for (i = 0; i < count && !reason; i++) {
		if (cells[i] != piece[i])
			reason = "it holds something else";
	}
	return reason;
}

/* QEMU overwrites, where the cells of NOR flash only ever lose bits: what would set one is anded here, so that nobody relies on it. */
const char* programWords(uint32_t offset, const uint8_t* bytes, uint32_t length)
{
	const char* reason = NULL;
	while (length && !reason) {
		uint32_t piece[PIECE];
		volatile uint32_t* cells = words(BOARD_FLASH + (offset & ~3u));
		uint32_t within = offset & 3;
		uint32_t taken = sizeof piece - within < length ? sizeof piece - within : length;
		uint32_t count = (within + taken + 3) / 4;
		uint32_t i;
		memset(piece, 0xFF, sizeof piece);
		memcpy((uint8_t*)piece + within, bytes, taken);
		for (i = 0; i < count; i++)
			piece[i] &= cells[i];
		reason = programPiece(cells, piece, count);
		offset += taken;
		bytes += taken;
		length -= taken;
	}
	return reason;
}

bool isErasedFlash(uint32_t offset, uint32_t length)
{
	volatile uint32_t* cell = words(BOARD_FLASH + offset);
	while (length && *cell == UINT32_MAX) {
		cell++;
		length -= 4;
	}
	return length == 0;
}

const char* eraseSector(uint32_t sector)
{
	volatile uint32_t* cell = words(BOARD_FLASH + sector * BOARD_SECTOR);
	const char* reason;
	*cell = ERASE;
	*cell = CONFIRM;
	reason = finish(cell, ended(cell));
	return reason || isErasedFlash(sector * BOARD_SECTOR, BOARD_SECTOR) ? reason : "not all of it was erased";
}

static void check(xsMachine* the, const char* reason, const char* deed, unsigned where)
{
	if (reason)
		fail(the, "flash-io", "Give the board another flash.", "The flash can't be %s at byte %u: %s", deed, where, reason);
}

/* What is opened by its name: the first sector of each, and how many. */
static const struct {
	const char* name;
	uint32_t first;
	uint32_t sectors;
} areas[] = { { "journal", 1, JOURNAL_SECTORS }, { "identity", IDENTITY_SECTOR, 1 } };

#define AREAS (sizeof areas / sizeof *areas)

static void openFlash(xsMachine* the)
{
	char* name = textArgument(the, 0);
	size_t area = 0;
	while (area < AREAS && strcmp(name, areas[area].name))
		area++;
	free(name);
	if (area == AREAS)
		xsUnknownError("the flash has no such area");
	xsmcSetInteger(xsResult, (xsIntegerValue)area);
}

typedef struct {
	uint32_t first;
	uint32_t size;
	uint32_t offset;
} Place;

/* Of an area that is open, and the offset in it. */
static Place placeArgument(xsMachine* the)
{
	size_t area = (size_t)numberArgument(the, 0, 0, AREAS - 1);
	uint32_t size = areas[area].sectors * BOARD_SECTOR;
	return (Place){ areas[area].first * BOARD_SECTOR, size, (uint32_t)numberArgument(the, 1, 0, size) };
}

static void readFlash(xsMachine* the)
{
	Place place = placeArgument(the);
	uint32_t length = (uint32_t)numberArgument(the, 2, 0, (double)(place.size - place.offset));
	uint8_t* bytes = resultBytes(the, length);
	memcpy(bytes, (const void*)(uintptr_t)(BOARD_FLASH + place.first + place.offset), length);
}

static void programFlash(xsMachine* the)
{
	Place place = placeArgument(the);
	Bytes bytes = bytesArgument(the, 2);
	if (bytes.length > place.size - place.offset)
		xsRangeError("the program reaches past the flash");
	check(the, programWords(place.first + place.offset, bytes.data, bytes.length), "programmed", (unsigned)place.offset);
}

static void eraseFlash(xsMachine* the)
{
	size_t area = (size_t)numberArgument(the, 0, 0, AREAS - 1);
	uint32_t sector = (uint32_t)numberArgument(the, 1, 0, areas[area].sectors - 1);
	check(the, eraseSector(areas[area].first + sector), "erased", (unsigned)(sector * BOARD_SECTOR));
}

/* A command that has ended is durable: QEMU has written it to its file. */
static void syncFlash(xsMachine* the)
{
}

void defineFlash(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	xsmcSetInteger(xsVar(2), JOURNAL_SECTORS * BOARD_SECTOR);
	_xsDefine(the, &xsVar(1), xsID("size"), &xsVar(2), xsDontDelete | xsDontSet);
	xsmcSetInteger(xsVar(2), BOARD_SECTOR);
	_xsDefine(the, &xsVar(1), xsID("sectorSize"), &xsVar(2), xsDontDelete | xsDontSet);
	defineFunction(the, &xsVar(1), "open", openFlash, 3);
	defineFunction(the, &xsVar(1), "read", readFlash, 3);
	defineFunction(the, &xsVar(1), "program", programFlash, 3);
	defineFunction(the, &xsVar(1), "erase", eraseFlash, 2);
	defineFunction(the, &xsVar(1), "sync", syncFlash, 1);
	defineFrozen(the, native, "flash", &xsVar(1));
}
