/* native.clock, native.random, native.meter */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "host.h"

static double milliseconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

/* Time goes on while the machine is suspended: a lease that ended then must not hold after. */
double monotonicMilliseconds(void)
{
	return milliseconds(CLOCK_BOOTTIME);
}

static void clockMonotonic(xsMachine* the)
{
	xsmcSetNumber(xsResult, monotonicMilliseconds());
}

static void clockWall(xsMachine* the)
{
	xsmcSetNumber(xsResult, milliseconds(CLOCK_REALTIME));
}

static void randomBytes(xsMachine* the)
{
	xsUnsignedValue count = (xsUnsignedValue)numberArgument(the, 0, 0, 65536);
	uint8_t* bytes = resultBytes(the, count);
	size_t done = 0;
	while (done < count) {
		ssize_t got = getrandom(bytes + done, count - done, 0);
		if (got < 0 && errno != EINTR)
			fail(the, "native-random", "Nothing secret can be made on this machine as it is.", "The kernel gives no random bytes: %s", strerror(errno));
		if (got > 0)
			done += (size_t)got;
	}
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
	defineFunction(the, native, "random", randomBytes, 1);
	defineFunction(the, native, "meter", meter, 0);
}
