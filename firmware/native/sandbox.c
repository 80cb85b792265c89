/* What a machine needs that runs other people's code: intrinsics that nobody can change, and limits that end it. */
#include "host.h"

void fx_lockdown(xsMachine* the);
void fx_harden(xsMachine* the);

static void limit(xsMachine* the)
{
	double computation = numberArgument(the, 0, 1, 4e9);
	double memory = numberArgument(the, 1, 1, 1e9);
	limitMachine(the, computation, memory);
}

void defineSandbox(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "lockdown", fx_lockdown, 0);
	defineFunction(the, &xsVar(1), "harden", fx_harden, 1);
	defineFunction(the, &xsVar(1), "limit", limit, 2);
	defineFrozen(the, native, "sandbox", &xsVar(1));
}
