/* The functions that XS calls of its platform. The rest of the host sees the engine through xsmc.h alone. */
#include "xsAll.h"
#include "xsScript.h"
#include "exits.h"
#include <malloc.h>

/* A board has kilobytes; a program that asks for this much on Linux runs away. */
#define MEMORY_LIMIT ((size_t)512 * 1024 * 1024)

static size_t memoryLimit = MEMORY_LIMIT;
static size_t memoryTaken = 0;

static const char outOfMemory[] = "the JavaScript machine ran out of memory.";

extern void reportUncaught(txMachine* the);
extern void complain(const char* format, ...);

static void __attribute__((noreturn)) stop(int code, const char* sentence)
{
	complain("vertebra-xs: %s\n", sentence);
	exit(code);
}

static void* counted(void* block)
{
	if (block)
		memoryTaken += malloc_usable_size(block);
	if (memoryTaken > memoryLimit)
		stop(EXIT_MEMORY, outOfMemory);
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

/* Stack overflow and memory exhaustion end an XS machine: JavaScript can't catch them, so the process ends with a code of its own. */
void fxAbort(txMachine* the, int status)
{
	switch (status) {
	case XS_NOT_ENOUGH_MEMORY_EXIT:
		stop(EXIT_MEMORY, outOfMemory);
	case XS_STACK_OVERFLOW_EXIT:
		stop(EXIT_STACK, "the JavaScript stack overflowed: a function called itself without end, or nearly.");
	case XS_TOO_MUCH_COMPUTATION_EXIT:
		stop(EXIT_COMPUTATION, "the program reached its limit of computation.");
	case XS_NO_MORE_KEYS_EXIT:
		stop(EXIT_KEYS, "the JavaScript machine ran out of property names.");
	case XS_UNHANDLED_EXCEPTION_EXIT:
	case XS_UNHANDLED_REJECTION_EXIT:
		reportUncaught(the);
		exit(EXIT_UNCAUGHT);
	default:
		stop(EXIT_ENGINE, "the JavaScript engine stopped on a check of its own.");
	}
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

void fxCreateMachinePlatform(txMachine* the)
{
}

void fxDeleteMachinePlatform(txMachine* the)
{
}

void fxQueuePromiseJobs(txMachine* the)
{
	the->promiseJobs = 1;
}

/* Runs what promises wait for, and what follows from that; a rejection that nobody handles by then ends the process. */
void drainJobs(txMachine* the)
{
	do {
		while (the->promiseJobs) {
			the->promiseJobs = 0;
			fxRunPromiseJobs(the);
		}
		fxEndJob(the);
	} while (the->promiseJobs);
	fxCheckUnhandledRejections(the, 1);
}

/* A program is one bundle: there is nothing to import at run time. */
txID fxFindModule(txMachine* the, txSlot* realm, txID moduleID, txSlot* slot)
{
	return XS_NO_ID;
}

void fxLoadModule(txMachine* the, txSlot* module, txID moduleID)
{
}

/* The meter counts bytecodes in 32 bits: it is emptied into `total` long before it wraps. */
#define METER_STEP (1u << 28)

static uint64_t total = 0;
static uint64_t totalLimit = UINT64_MAX;

static txBoolean emptyMeter(txMachine* the, txU4 index)
{
	total += index;
	the->meterIndex = 0;
	return total < totalLimit;
}

void startMeter(txMachine* the)
{
	fxBeginMetering(the, emptyMeter, METER_STEP);
}

void limitMachine(txMachine* the, double computation, double memory)
{
	total += the->meterIndex;
	totalLimit = total + (uint64_t)computation;
	memoryLimit = memoryTaken + (size_t)memory;
	fxBeginMetering(the, emptyMeter, computation < METER_STEP ? (txU4)computation : METER_STEP);
}

void liftLimits(txMachine* the)
{
	total += the->meterIndex;
	totalLimit = UINT64_MAX;
	memoryLimit = MEMORY_LIMIT;
	startMeter(the);
	mxPendingJobs.value.reference->next = NULL;
	mxUnhandledPromises.value.reference->next = NULL;
	the->promiseJobs = 0;
}

double readMeter(txMachine* the)
{
	return (double)(total + the->meterIndex);
}

const char* engineVersion(void)
{
	static char version[32];
	snprintf(version, sizeof version, "XS %d.%d.%d", XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION);
	return version;
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
