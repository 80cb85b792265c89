/* native.clock, native.meter, and how long this board computed. */
#include <math.h>
#include <sys/time.h>
#include "../host.h"
#include "machine.h"

/* The timer counts at 10 MHz. */
double monotonicMilliseconds(void)
{
	volatile uint32_t* time = words(CLINT + 0xBFF8);
	uint32_t high;
	uint32_t low;
	do {
		high = time[1];
		low = time[0];
	} while (high != time[1]);
	return ((double)high * 4294967296.0 + low) / 10000;
}

static void clockMonotonic(xsMachine* the)
{
	xsmcSetNumber(xsResult, monotonicMilliseconds());
}

/* Nanoseconds since 1970; who reads the low word holds the high one. */
static double wallMilliseconds(void)
{
	uint32_t low = words(REAL_TIME_CLOCK)[0];
	uint32_t high = words(REAL_TIME_CLOCK)[1];
	return ((double)high * 4294967296.0 + low) / 1e6;
}

static void clockWall(xsMachine* the)
{
	xsmcSetNumber(xsResult, wallMilliseconds());
}

/* For the engine's Date. */
int gettimeofday(struct timeval* restrict now, void* restrict zone)
{
	double milliseconds = wallMilliseconds();
	now->tv_sec = (time_t)(milliseconds / 1000);
	now->tv_usec = (suseconds_t)(fmod(milliseconds, 1000) * 1000);
	return 0;
}

static void meter(xsMachine* the)
{
	xsmcSetNumber(xsResult, readMeter(the));
}

void defineClock(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "monotonic", clockMonotonic, 0);
	defineFunction(the, &xsVar(1), "wall", clockWall, 0);
	defineFrozen(the, native, "clock", &xsVar(1));
	defineFunction(the, native, "meter", meter, 0);
}
