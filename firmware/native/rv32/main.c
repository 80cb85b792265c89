/* The board's program on bare metal: the natives of native.ts over the machine's parts, and one loop. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../exits.h"
#include "machine.h"
#include "natives.h"
#include "program.h"

/* What is always the same of a board: where its things lie on this one. One that was made with no provision is given its identity over its line. */
static const char* const ownArguments[] = { "--flash", "journal", "--board", "board.json", "--serial", "uart0" };

static void addArgument(xsMachine* the, const char* text)
{
	xsIndex length;
	setText(the, &xsVar(2), text, strlen(text));
	xsmcGet(xsResult, xsVar(1), xsID("length"));
	length = (xsIndex)xsmcToInteger(xsResult);
	xsmcSetIndex(xsVar(1), length, xsVar(2));
}

static void defineArguments(xsMachine* the)
{
	Start start = takeStart();
	char reset[4];
	size_t i;
	xsmcSetNewArray(xsVar(1), 0);
	addArgument(the, hasProvision() ? "--provision" : "--identity");
	addArgument(the, hasProvision() ? "provision" : "identity");
	for (i = 0; i < sizeof ownArguments / sizeof *ownArguments; i++)
		addArgument(the, ownArguments[i]);
	if (start.json)
		addArgument(the, "--json");
	if (start.halted)
		addArgument(the, "--halted");
	if (start.reset) {
		snprintf(reset, sizeof reset, "%u", start.reset);
		addArgument(the, "--reset");
		addArgument(the, reset);
	}
	defineFrozen(the, &xsVar(0), "arguments", &xsVar(1));
}

static void defineNative(xsMachine* the)
{
	xsmcVars(3);
	xsmcSetNewObject(xsVar(0));
	defineText(the, &xsVar(0), "engine", engineVersion());
	defineArguments(the);
	xsmcSetInteger(xsVar(1), (xsIntegerValue)(ramEnd - (uint8_t*)RAM + sizeof(Start)));
	defineFrozen(the, &xsVar(0), "memory", &xsVar(1));
	defineBulk(the, &xsVar(0));
	defineClock(the, &xsVar(0));
	defineTimer(the, &xsVar(0));
	defineRandom(the, &xsVar(0));
	defineSerial(the, &xsVar(0));
	defineFile(the, &xsVar(0));
	defineFlash(the, &xsVar(0));
	defineSodium(the, &xsVar(0));
	defineSensors(the, &xsVar(0));
	defineProcess(the, &xsVar(0));
	defineConsole(the, &xsVar(0));
	defineSandbox(the, &xsVar(0));
	defineRestart(the, &xsVar(0));
	defineMachine(the, &xsVar(0));
	defineFrozen(the, &xsGlobal, "native", &xsVar(0));
}

/* The heaps begin with what the program takes once it is loaded, and grow by little: what they have is what they need, and the collector,
   which runs before they grow, does not run at every step of the start. */
static xsMachine* createMachine(bool compiling)
{
	xsCreation creation = {
		.initialChunkSize = 24 * 1024,
		.incrementalChunkSize = 4 * 1024,
		.initialHeapCount = 8 * 1024,
		.incrementalHeapCount = 256,
		.stackCount = compiling ? 16 * 1024 : 2048,
		.initialKeyCount = 3072,
		.incrementalKeyCount = 64,
		.nameModulo = 509,
		.symbolModulo = 31,
		.parserBufferSize = compiling ? 1024 * 1024 : 1024,
		.parserTableModulo = compiling ? 1993 : 1
	};
	fxInitializeSharedCluster();
	return xsCreateMachine(&creation, "vertebra", NULL);
}

void runLoop(xsMachine* the)
{
	double until;
	for (;;) {
		/* What is due comes first: it may let go of an actuator. */
		runTimers(the);
		passReceived(the);
		passCommands(the);
		disableInterrupts();
		until = fmin(nextTimer(), nextReceived());
		if (!hasReceived(&console) && until > monotonicMilliseconds())
			waitForInterrupt(until);
		enableInterrupts();
	}
}

/* From start.S. */
void board(void)
{
	bool compiling = isToCompile();
	xsMachine* machine;
	openUarts();
	enableInterrupts();
	openMemory(compiling ? (uint8_t*)RAM + COMPILING_RAM : ramEnd);
	machine = createMachine(compiling);
	if (compiling) {
		compileProgram(machine);
		exit(0);
	}
	knowProgram(machine);
	stripIntrinsics(machine);
	startMeter(machine);
	xsBeginHost(machine);
	defineNative(the);
	runProgramInPlace(the);
	xsEndHost(machine);
	shrinkStack(machine, 1536);
	drainJobs(machine);
	runLoop(machine);
}
