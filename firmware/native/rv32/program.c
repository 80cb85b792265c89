/* The program of the board: bytecode that lies in flash and is run there. This same firmware makes it of the source, in a machine with more RAM,
   since the numbers of names hold for one firmware alone. */
#include "xsAll.h"
#include "xsScript.h"
#include "../exits.h"
#include "machine.h"
#include "program.h"

#define MAGIC 0x50535856u

extern void fxRemapIDs(txMachine* the, txByte* code, txSize size, txID* ids);

/* Then names: the number of each (2 bytes) and its text with a zero; then the code. */
typedef struct {
	uint32_t magic;
	uint32_t length;
	uint32_t sum;
	uint32_t names;
	uint32_t code;
	uint32_t codeSize;
} Header;

static const Header* const header = (const Header*)PROGRAM;

static uint32_t sumOf(const uint8_t* bytes, size_t length)
{
	uint32_t sum = 0x811C9DC5u;
	while (length--)
		sum = (sum ^ *bytes++) * 0x01000193u;
	return sum;
}

/* Functions and texts of code that stays where it is need no copy of it: the opcodes say so, as those of an archive in flash do. */
static void markInPlace(txByte* code, txSize size)
{
	txByte* at = code;
	while (at < code + size) {
		txU1 opcode = *(txU1*)at;
		txS1 length = gxCodeSizes[opcode];
		if (opcode == XS_CODE_CODE_1 || opcode == XS_CODE_CODE_2 || opcode == XS_CODE_CODE_4)
			*(txU1*)at = (txU1)(opcode - XS_CODE_CODE_1 + XS_CODE_CODE_ARCHIVE_1);
		else if (opcode == XS_CODE_STRING_1 || opcode == XS_CODE_STRING_2 || opcode == XS_CODE_STRING_4)
			*(txU1*)at = (txU1)(opcode - XS_CODE_STRING_1 + XS_CODE_STRING_ARCHIVE_1);
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

typedef struct {
	const uint8_t* at;
	const uint8_t* end;
} Source;

static int nextOf(void* source)
{
	Source* from = source;
	return from->at < from->end ? *from->at++ : -1;
}

static txScript* parse(txMachine* the, Source* source)
{
	txParser _parser;
	txParser* parser = &_parser;
	txParserJump jump;
	txScript* script = NULL;
	fxInitializeParser(parser, the, the->parserBufferSize, the->parserTableModulo);
	parser->firstJump = &jump;
	if (c_setjmp(jump.jmp_buf) == 0) {
		fxParserTree(parser, source, nextOf, mxProgramFlag, NULL);
		fxParserHoist(parser);
		fxParserBind(parser);
		script = fxParserCode(parser);
	}
	fxTerminateParser(parser);
	return script;
}

/* Sends it on the console, as it is. */
static void send(const void* bytes, size_t length)
{
	const uint8_t* from = bytes;
	while (length) {
		size_t some = length < 1024 ? length : 1024;
		while (!sendBytes(&console, from, some))
			;
		from += some;
		length -= some;
	}
}

/* How many bytes the names take in the program; their numbers are left in `ids`, and, where `into` is given, they are written there. */
static size_t nameAll(txMachine* the, const txByte* names, txID count, txID* ids, uint8_t* into)
{
	size_t length = 0;
	txID i;
	for (i = 1; i < count; i++) {
		size_t size = c_strlen((const char*)names) + 1;
		ids[i] = fxNewNameC(the, (txString)names);
		if (into) {
			c_memcpy(into + length, &ids[i], 2);
			c_memcpy(into + length + 2, names, size);
		}
		length += 2 + size;
		names += size;
	}
	return length;
}

/* What the board's flash holds where it is to compile; the text of the source follows. */
typedef struct {
	char magic[24];
	uint32_t length;
} SourceHeader;

static const SourceHeader* const toCompile = (const SourceHeader*)BOARD_FLASH;

bool isToCompile(void)
{
	return !c_strncmp(toCompile->magic, "vertebra source 1", sizeof toCompile->magic);
}

void compileProgram(void* machine)
{
	txMachine* the = machine;
	const uint8_t* text = (const uint8_t*)(toCompile + 1);
	Source source = { text, text + toCompile->length };
	txScript* script;
	const txByte* names;
	txID count;
	txID* ids;
	size_t namesLength;
	size_t length;
	uint8_t* image;
	Header* made;
	script = parse(the, &source);
	if (!script)
		stopWith(EXIT_USAGE, "the program is no JavaScript that the engine understands");
	names = (const txByte*)script->symbolsBuffer;
	mxDecodeID(names, count);
	ids = c_malloc(count * sizeof(txID));
	ids[0] = XS_NO_ID;
	namesLength = (nameAll(the, names, count, ids, NULL) + 7) & ~(size_t)7;
	fxRemapIDs(the, script->codeBuffer, script->codeSize, ids);
	markInPlace(script->codeBuffer, script->codeSize);
	length = sizeof(Header) + namesLength + (size_t)script->codeSize;
	image = c_calloc(length, 1);
	if (!image || length > PROGRAM_LIMIT)
		stopWith(EXIT_MEMORY, "the program has %u bytes of bytecode, and there is room for %u", (unsigned)length, (unsigned)PROGRAM_LIMIT);
	nameAll(the, names, count, ids, image + sizeof(Header));
	c_memcpy(image + sizeof(Header) + namesLength, script->codeBuffer, (size_t)script->codeSize);
	made = (Header*)image;
	made->magic = MAGIC;
	made->length = (uint32_t)length;
	made->names = count;
	made->code = (uint32_t)(sizeof(Header) + namesLength);
	made->codeSize = (uint32_t)script->codeSize;
	made->sum = sumOf(image + sizeof(Header), length - sizeof(Header));
	send(image, length);
}

/* Of the engine's own names, which stand in the program: a bit each. */
static uint8_t named[(XS_ID_COUNT + 7) / 8];

bool isNamed(int id)
{
	return named[id / 8] >> (id % 8) & 1;
}

/* Names are found where they lie, too. */
static void knowNames(txMachine* the)
{
	const uint8_t* at = (const uint8_t*)(header + 1);
	txID i;
	for (i = 1; i < header->names; i++) {
		txID id = (txID)(at[0] | at[1] << 8);
		if (fxNewNameX(the, (txString)at + 2) != id)
			stopWith(EXIT_ENGINE, "the program in flash was made by another firmware");
		if (id < XS_ID_COUNT)
			named[id / 8] |= (uint8_t)(1 << (id % 8));
		at += 3 + c_strlen((const char*)at + 2);
	}
}

void knowProgram(void* machine)
{
	if (header->magic != MAGIC || header->length > PROGRAM_LIMIT || header->code + header->codeSize != header->length
		|| header->sum != sumOf((const uint8_t*)(header + 1), header->length - sizeof(Header)))
		stopWith(EXIT_ENGINE, "no program lies in flash, or it is damaged");
	knowNames(machine);
}

void runProgramInPlace(void* machine)
{
	txMachine* the = machine;
	txSlot* realm = mxProgram.value.reference->next->value.module.realm;
	txScript script;
	c_memset(&script, 0, sizeof script);
	script.codeBuffer = (txByte*)header + header->code;
	script.codeSize = (txSize)header->codeSize;
	mxModuleInstanceInternal(mxProgram.value.reference)->value.module.id = fxID(the, "program");
	fxRunScript(the, &script, mxRealmGlobal(realm), C_NULL, mxRealmClosures(realm)->value.reference, C_NULL, mxProgram.value.reference);
	mxPop();
}

/* What came over the air, as a behavior, is source: there is no room here to compile it. */
txScript* fxParseScript(txMachine* the, void* stream, txGetter getter, txUnsigned flags)
{
	return C_NULL;
}

