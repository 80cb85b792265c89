/* The functions that XS calls of its platform, of any host. The rest of a host sees the engine through xsmc.h alone. */
#include "xsAll.h"
#include "engine.h"
#include "exits.h"

static const char outOfMemory[] = "the JavaScript machine ran out of memory.";

extern void reportUncaught(txMachine* the);
extern void complain(const char* format, ...);

static void __attribute__((noreturn)) stop(int code, const char* sentence)
{
	complain("vertebra-xs: %s\n", sentence);
	exit(code);
}

void stopOutOfMemory(void)
{
	stop(EXIT_MEMORY, outOfMemory);
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
	limitMemory(memory);
	fxBeginMetering(the, emptyMeter, computation < METER_STEP ? (txU4)computation : METER_STEP);
}

void liftLimits(txMachine* the)
{
	total += the->meterIndex;
	totalLimit = UINT64_MAX;
	limitMemory(C_INFINITY);
	startMeter(the);
	mxPendingJobs.value.reference->next = NULL;
	mxUnhandledPromises.value.reference->next = NULL;
	the->promiseJobs = 0;
}

double readMeter(txMachine* the)
{
	return (double)(total + the->meterIndex);
}

double liveHeap(txMachine* the)
{
	fxCollectGarbage(the);
	return (txNumber)the->currentChunksSize + (txNumber)the->currentHeapCount * sizeof(txSlot);
}

const char* engineVersion(void)
{
	static char version[32];
	snprintf(version, sizeof version, "XS %d.%d.%d", XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION);
	return version;
}
