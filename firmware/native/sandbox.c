/* What a machine needs that runs other people's code: intrinsics that nobody can change, and limits that end it. */
#include <sys/time.h>
#include "host.h"

void fx_lockdown(xsMachine* the);
void fx_harden(xsMachine* the);

void endAfter(double milliseconds)
{
	struct itimerval limit = { { 0, 0 }, { (time_t)(milliseconds / 1000), (suseconds_t)(milliseconds * 1000) % 1000000 } };
	setitimer(ITIMER_REAL, &limit, NULL);
}

static void limit(xsMachine* the)
{
	double computation = numberArgument(the, 0, 1, 4e9);
	double memory = numberArgument(the, 1, 1, 1e9);
	double milliseconds = numberArgument(the, 2, 1, 3600000);
	limitMachine(the, computation, memory);
	endAfter(milliseconds);
}

static void lift(xsMachine* the)
{
	liftLimits(the);
	endAfter(0);
}

void defineSandbox(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "lockdown", fx_lockdown, 0);
	defineFunction(the, &xsVar(1), "harden", fx_harden, 1);
	defineFunction(the, &xsVar(1), "limit", limit, 3);
	defineFunction(the, &xsVar(1), "lift", lift, 0);
	defineFrozen(the, native, "sandbox", &xsVar(1));
}
