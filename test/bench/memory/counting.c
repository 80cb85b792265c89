/*
 * The XS host as a board has it: a small machine, whose programs lie in flash, and that counts what it takes of RAM. Linked to the
 * host with --wrap, so that the engine and the host are those that run.
 */
#include "xsAll.h"
#include "xsScript.h"
#include <malloc.h>

extern void defineFunction(txMachine* the, txSlot* object, const char* name, txCallback callback, int length);
extern void fxRemapIDs(txMachine* the, txByte* code, txSize size, txID* ids);
extern char* utf8FromCesu8(const char* cesu8);
extern void __real_defineSandbox(txMachine* the, txSlot* native);
extern txScript* __real_fxParseScript(txMachine* the, void* stream, txGetter getter, txUnsigned flags);
extern txMachine* __real_fxCreateMachine(txCreation* creation, txString name, void* context, txID profileID);
extern void* __real_malloc(size_t size);
extern void* __real_calloc(size_t count, size_t size);
extern void* __real_realloc(void* block, size_t size);
extern void __real_free(void* block);

static size_t taken = 0;
static size_t peak = 0;
/* While something is made that a board has in flash. */
static int paused = 0;
/* Bytes of bytecode that lie in flash. */
static size_t inFlash = 0;

static void* count(void* block)
{
	if (!paused && block) {
		taken += malloc_usable_size(block);
		if (peak < taken)
			peak = taken;
	}
	return block;
}

static void discount(void* block)
{
	if (!paused && block)
		taken -= malloc_usable_size(block);
}

void* __wrap_malloc(size_t size)
{
	return count(__real_malloc(size));
}

void* __wrap_calloc(size_t number, size_t size)
{
	return count(__real_calloc(number, size));
}

void* __wrap_realloc(void* block, size_t size)
{
	discount(block);
	return count(__real_realloc(block, size));
}

void __wrap_free(void* block)
{
	discount(block);
	__real_free(block);
}

/* Heaps grow by little, so that what they have is what they need. STACK is the number of the stack's slots. */
txMachine* __wrap_fxCreateMachine(txCreation* creation, txString name, void* context, txID profileID)
{
	txCreation small = {
		.initialChunkSize = 4096,
		.incrementalChunkSize = 1024,
		.initialHeapCount = 1024,
		.incrementalHeapCount = 64,
		.stackCount = getenv("STACK") ? atoi(getenv("STACK")) : 1024,
		.initialKeyCount = 1600,
		.incrementalKeyCount = 64,
		.nameModulo = 127,
		.symbolModulo = 127,
		.parserBufferSize = 4096,
		.parserTableModulo = 127
	};
	return __real_fxCreateMachine(&small, name, context, profileID);
}

/* The functions in code that stays where it is need no copy of it: the opcodes say so, as those of an archive in flash do. */
static void markInPlace(txByte* code, txSize size)
{
	txByte* at = code;
	while (at < code + size) {
		txU1 opcode = *(txU1*)at;
		txS1 length = gxCodeSizes[opcode];
		if (opcode == XS_CODE_CODE_1 || opcode == XS_CODE_CODE_2 || opcode == XS_CODE_CODE_4)
			*(txU1*)at = (txU1)(opcode - XS_CODE_CODE_1 + XS_CODE_CODE_ARCHIVE_1);
		if (length > 0)
			at += length;
		else if (length == 0)
			at += 1 + sizeof(txID);
		else if (length == -1)
			at += 2 + *(txU1*)(at + 1);
		else if (length == -2) {
			txU2 index;
			c_memcpy(&index, at + 1, sizeof index);
			at += 3 + index;
		}
		else {
			txS4 index;
			c_memcpy(&index, at + 1, sizeof index);
			at += 5 + index;
		}
	}
}

/* The bytecode of a module, or of a program, as it lies in flash: its names are known to this machine. */
static txScript* precompiled(txMachine* the, FILE* file, txUnsigned flags)
{
	txScript* script;
	txID* ids;
	txByte* names;
	txID number;
	txID i;
	paused = 1;
	script = __real_fxParseScript(the, file, (txGetter)fgetc, flags);
	paused = 0;
	if (!script)
		return NULL;
	names = script->symbolsBuffer;
	mxDecodeID(names, number);
	ids = __real_malloc(number * sizeof(txID));
	ids[0] = XS_NO_ID;
	for (i = 1; i < number; i++) {
		ids[i] = fxNewNameC(the, (txString)names);
		names += mxStringLength((char*)names) + 1;
	}
	fxRemapIDs(the, script->codeBuffer, script->codeSize, ids);
	markInPlace(script->codeBuffer, script->codeSize);
	inFlash += (size_t)script->codeSize;
	__real_free(ids);
	__real_free(script->symbolsBuffer);
	/* So it is neither mapped again nor deleted. */
	script->symbolsBuffer = NULL;
	return script;
}

/* A source that is "flash:" and a file is that module, precompiled. */
txScript* __wrap_fxParseScript(txMachine* the, void* stream, txGetter getter, txUnsigned flags)
{
	txString source = getter == fxStringGetter ? ((txStringStream*)stream)->slot->value.string : "";
	txScript* script;
	FILE* file;
	if (c_strncmp(source, "flash:", 6))
		return __real_fxParseScript(the, stream, getter, flags);
	file = fopen(source + 6, "r");
	script = precompiled(the, file, flags);
	fclose(file);
	return script;
}

void __wrap_runProgram(txMachine* the, FILE* file, const char* path)
{
	txScript* script = precompiled(the, file, mxProgramFlag | mxDebugFlag);
	txSlot* realm = mxProgram.value.reference->next->value.module.realm;
	mxModuleInstanceInternal(mxProgram.value.reference)->value.module.id = fxID(the, (txString)path);
	fxRunScript(the, script, mxRealmGlobal(realm), C_NULL, mxRealmClosures(realm)->value.reference, C_NULL, mxProgram.value.reference);
	mxPop();
}

static void memoryFlash(txMachine* the)
{
	mxResult->kind = XS_NUMBER_KIND;
	mxResult->value.number = (txNumber)inFlash;
}

/* Bytes of RAM that are taken; the most so far, which begins anew. */
static void memoryTaken(txMachine* the)
{
	mxResult->kind = XS_NUMBER_KIND;
	mxResult->value.number = (txNumber)taken;
}

static void memoryPeak(txMachine* the)
{
	mxResult->kind = XS_NUMBER_KIND;
	mxResult->value.number = (txNumber)peak;
	peak = taken;
}

/* Bytes of heap that are in use, once what is not is collected. */
static void memoryUsed(txMachine* the)
{
	fxCollectGarbage(the);
	mxResult->kind = XS_NUMBER_KIND;
	mxResult->value.number = (txNumber)the->currentChunksSize + (txNumber)the->currentHeapCount * sizeof(txSlot);
}

/* The text of a file, without anything else being made of it. */
static void memoryText(txMachine* the)
{
	char* path = utf8FromCesu8(fxToString(the, mxArgv(0)));
	FILE* file = fopen(path, "r");
	long length;
	__wrap_free(path);
	fseek(file, 0, SEEK_END);
	length = ftell(file);
	rewind(file);
	fxStringBuffer(the, mxResult, NULL, (txSize)length);
	mxResult->value.string[fread(mxResult->value.string, 1, (size_t)length, file)] = 0;
	fclose(file);
}

void __wrap_defineSandbox(txMachine* the, txSlot* native)
{
	__real_defineSandbox(the, native);
	defineFunction(the, native, "flashed", memoryFlash, 0);
	defineFunction(the, native, "taken", memoryTaken, 0);
	defineFunction(the, native, "peak", memoryPeak, 0);
	defineFunction(the, native, "used", memoryUsed, 0);
	defineFunction(the, native, "text", memoryText, 1);
}
