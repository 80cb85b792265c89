/* The RAM that is left beside static data and the stack: tables from `malloc`, then the engine's heaps, chunks from below and slots from above. */
#include <errno.h>
#include "xsAll.h"
#include "../engine.h"
#include "machine.h"

/* Tables of names, and what C takes for a moment. */
#define TABLES (20 * 1024)
#define PATTERN 0x5AA5C33Cu

static uint8_t* tablesEnd = NULL;
static uint8_t* tablesTop = NULL;
static uint8_t* chunksEnd = NULL;
static uint8_t* slotsStart = NULL;
static uint8_t* end = NULL;
/* What the engine's stack gave back. */
static txSlot* spare = NULL;
static txSlot* spareEnd = NULL;
static size_t heapLimit = SIZE_MAX;

void openMemory(uint8_t* ram)
{
	end = ram;
	tablesEnd = freeStart;
	/* A machine with more RAM than the board's is one that compiles: its parser takes megabytes. */
	tablesTop = freeStart + (ram == (uint8_t*)ramEnd ? TABLES : (size_t)(ram - freeStart) / 2);
	chunksEnd = tablesTop;
	slotsStart = ram;
}

/* For malloc. */
void* sbrk(ptrdiff_t more)
{
	uint8_t* before = tablesEnd;
	if (more > tablesTop - tablesEnd) {
		errno = ENOMEM;
		return (void*)-1;
	}
	tablesEnd += more;
	return before;
}

static size_t heaps(void)
{
	return (size_t)(chunksEnd - tablesTop) + (size_t)(end - slotsStart);
}

void limitMemory(double more)
{
	heapLimit = more == INFINITY ? SIZE_MAX : heaps() + (size_t)more;
}

/* Blocks that follow each other are one for the engine; so both heaps grow towards each other, without a gap. */
static bool fits(size_t size)
{
	return size <= (size_t)(slotsStart - chunksEnd) && (heapLimit == SIZE_MAX || heaps() + size <= heapLimit);
}

void* fxAllocateChunks(txMachine* the, txSize size)
{
	uint8_t* block = chunksEnd;
	if (!fits((size_t)size))
		stopOutOfMemory();
	chunksEnd += size;
	return block;
}

/* Only a machine that ends gives them back. */
void fxFreeChunks(txMachine* the, void* chunks)
{
}

txSlot* fxAllocateSlots(txMachine* the, txSize count)
{
	size_t size = (size_t)count * sizeof(txSlot);
	txSlot* slots = spare;
	if (count <= spareEnd - spare) {
		spare += count;
		return slots;
	}
	if (!fits(size))
		stopOutOfMemory();
	slotsStart -= size;
	return (txSlot*)slotsStart;
}

/* The stack lies above the slots: they grow into what it does not need once the program was run, whose names lay on it all at once. */
void shrinkStack(void* machine, int slots)
{
	txMachine* the = machine;
	spare = the->stackBottom;
	spareEnd = the->stackTop - slots;
	the->stackBottom = spareEnd;
}

void fxFreeSlots(txMachine* the, void* slots)
{
}

/* In the place of the engine's own, which asks Linux. */
char* __wrap_fxCStackLimit(void)
{
	return (char*)stackBottom + 4 * 1024;
}

static uint32_t stackUsed(void)
{
	const uint32_t* word = (const uint32_t*)stackBottom;
	while (word < (const uint32_t*)stackTop && *word == PATTERN)
		word++;
	return (uint32_t)((const uint8_t*)stackTop - (const uint8_t*)word);
}

Memory memoryTaken(void)
{
	return (Memory){
		.ram = (uint32_t)(end - (uint8_t*)RAM),
		.statics = (uint32_t)(stackBottom - (uint8_t*)RAM),
		.tables = (uint32_t)(tablesEnd - freeStart),
		.stack = stackUsed(),
		.heaps = (uint32_t)heaps()
	};
}
