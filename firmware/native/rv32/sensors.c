/* native.sensors, and native.machine: what this board itself tells of the chip that it stands for. */
#include <math.h>
#include "machine.h"
#include "natives.h"

static double memoryInUse(void)
{
	Memory taken = memoryTaken();
	return (double)taken.statics + taken.tables + taken.heaps + (size_t)(stackTop - stackBottom);
}

/* Of all time since the last that asked. */
static void load(xsMachine* the)
{
	static uint64_t before = 0;
	static uint64_t waitedBefore = 0;
	uint64_t now = cyclesNow();
	double all = (double)(now - before);
	xsmcSetNumber(xsResult, all > 0 ? 1 - (double)(cyclesWaited() - waitedBefore) / all : 0);
	before = now;
	waitedBefore = cyclesWaited();
}

static void memoryUsed(xsMachine* the)
{
	xsmcSetNumber(xsResult, memoryInUse() / (1024 * 1024));
}

static void memoryPercent(xsMachine* the)
{
	xsmcSetNumber(xsResult, memoryInUse() / memoryTaken().ram * 100);
}

static void temperature(xsMachine* the)
{
	xsmcSetNumber(xsResult, NAN);
}

static void uptime(xsMachine* the)
{
	xsmcSetNumber(xsResult, monotonicMilliseconds() / 1000);
}

void defineSensors(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "load", load, 0);
	defineFunction(the, &xsVar(1), "memoryUsed", memoryUsed, 0);
	defineFunction(the, &xsVar(1), "memoryPercent", memoryPercent, 0);
	defineFunction(the, &xsVar(1), "temperature", temperature, 0);
	defineFunction(the, &xsVar(1), "uptime", uptime, 0);
	defineFrozen(the, native, "sensors", &xsVar(1));
}

/* Cycles of the processor that were not spent waiting. */
static void machineBusy(xsMachine* the)
{
	xsmcSetNumber(xsResult, (double)(cyclesNow() - cyclesWaited()));
}

/* The most that was taken: ram, statics, tables, stack, heaps. */
static void machineMemory(xsMachine* the)
{
	Memory taken = memoryTaken();
	const uint32_t all[] = { taken.ram, taken.statics, taken.tables, taken.stack, taken.heaps };
	xsIndex i;
	xsmcVars(1);
	xsmcSetNewArray(xsResult, 0);
	for (i = 0; i < sizeof all / sizeof *all; i++) {
		xsmcSetNumber(xsVar(0), all[i]);
		xsmcSetIndex(xsResult, i, xsVar(0));
	}
}

static void machineLive(xsMachine* the)
{
	xsmcSetNumber(xsResult, liveHeap(the));
}

void defineMachine(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "busy", machineBusy, 0);
	defineFunction(the, &xsVar(1), "memory", machineMemory, 0);
	defineFunction(the, &xsVar(1), "live", machineLive, 0);
	defineFrozen(the, native, "machine", &xsVar(1));
}
