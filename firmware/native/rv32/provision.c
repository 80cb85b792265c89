/* native.readFile: what the board was made with, in the first sector of its flash. */
#include <string.h>
#include "../host.h"
#include "machine.h"
#include "natives.h"

#define MAGIC "vertebra provision 1"

/* Then as many parts, each its name (24 bytes, with zeros), its length (4) and its FNV-1a sum (4), and the bytes, at a multiple of 4. */
typedef struct {
	char magic[24];
	uint32_t parts;
} Sector;

typedef struct {
	char name[24];
	uint32_t length;
	uint32_t sum;
	uint8_t bytes[];
} Part;

static uint32_t sumOf(const uint8_t* bytes, size_t length)
{
	uint32_t sum = 0x811C9DC5u;
	while (length--)
		sum = (sum ^ *bytes++) * 0x01000193u;
	return sum;
}

static bool isWhole(const Sector* sector)
{
	return !memcmp(sector->magic, MAGIC, sizeof MAGIC);
}

/* Whatever its bytes are. */
static const Part* seekPart(const char* name)
{
	const Sector* sector = (const Sector*)BOARD_FLASH;
	const uint8_t* at = (const uint8_t*)(sector + 1);
	const uint8_t* end = (const uint8_t*)BOARD_FLASH + BOARD_SECTOR;
	uint32_t left;
	if (!isWhole(sector))
		return NULL;
	for (left = sector->parts; left && at + sizeof(Part) <= end; left--) {
		const Part* part = (const Part*)at;
		if (part->length > (size_t)(end - part->bytes))
			return NULL;
		if (!strncmp(part->name, name, sizeof part->name))
			return part;
		at = part->bytes + ((part->length + 3) & ~3u);
	}
	return NULL;
}

/* One that is damaged is one, too: a board that had an identity gets no other. */
bool hasProvision(void)
{
	return !isWhole((const Sector*)BOARD_FLASH) || seekPart("provision");
}

static void readFile(xsMachine* the)
{
	char* name = textArgument(the, 0);
	const Part* part = seekPart(name);
	free(name);
	if (!part || sumOf(part->bytes, part->length) != part->sum)
		fail(the, "provision-damaged", "Provision the board anew: make its flash file again from its provision.", "The first sector of the flash holds no whole provision");
	memcpy(resultBytes(the, part->length), part->bytes, part->length);
}

void defineFile(xsMachine* the, xsSlot* native)
{
	defineFunction(the, native, "readFile", readFile, 1);
}
