/* What XS takes of a Linux machine: memory, and the text of a program. */
#include "xsAll.h"
#include "xsScript.h"
#include "engine.h"
#include <malloc.h>

/* A board has kilobytes; a program that asks for this much on Linux runs away. */
#define MEMORY_LIMIT ((size_t)512 * 1024 * 1024)

static size_t memoryLimit = MEMORY_LIMIT;
static size_t memoryTaken = 0;

static void* counted(void* block)
{
	if (block)
		memoryTaken += malloc_usable_size(block);
	if (memoryTaken > memoryLimit)
		stopOutOfMemory();
	return block;
}

void* takeMemory(size_t size)
{
	return counted(malloc(size));
}

void* takeZeroedMemory(size_t count, size_t size)
{
	return counted(calloc(count, size));
}

void* retakeMemory(void* block, size_t size)
{
	size_t before = block ? malloc_usable_size(block) : 0;
	void* after = realloc(block, size);
	if (after)
		memoryTaken -= before;
	return counted(after);
}

void giveMemoryBack(void* block)
{
	if (block)
		memoryTaken -= malloc_usable_size(block);
	free(block);
}

void limitMemory(double more)
{
	memoryLimit = more == C_INFINITY ? MEMORY_LIMIT : memoryTaken + (size_t)more;
}

void* fxAllocateChunks(txMachine* the, txSize size)
{
	return c_malloc(size);
}

void fxFreeChunks(txMachine* the, void* chunks)
{
	c_free(chunks);
}

txSlot* fxAllocateSlots(txMachine* the, txSize count)
{
	return (txSlot*)c_malloc(count * sizeof(txSlot));
}

void fxFreeSlots(txMachine* the, void* slots)
{
	c_free(slots);
}

void runProgram(txMachine* the, FILE* file, const char* path)
{
	txParser _parser;
	txParser* parser = &_parser;
	txParserJump jump;
	txScript* script = NULL;
	txSlot* realm = mxProgram.value.reference->next->value.module.realm;
	fxInitializeParser(parser, the, the->parserBufferSize, the->parserTableModulo);
	parser->firstJump = &jump;
	if (c_setjmp(jump.jmp_buf) == 0) {
		txString map = NULL;
		parser->path = fxNewParserSymbol(parser, (txString)path);
		fxParserTree(parser, file, (txGetter)fgetc, mxProgramFlag | mxDebugFlag, &map);
		fxParserHoist(parser);
		fxParserBind(parser);
		script = fxParserCode(parser);
	}
	fxTerminateParser(parser);
	mxModuleInstanceInternal(mxProgram.value.reference)->value.module.id = fxID(the, (txString)path);
	fxRunScript(the, script, mxRealmGlobal(realm), C_NULL, mxRealmClosures(realm)->value.reference, C_NULL, mxProgram.value.reference);
	mxPop();
}
