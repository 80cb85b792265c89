/* native.process and native.sandbox: what this board can't do, each with its reason. */
#include "../host.h"

static void none(xsMachine* the)
{
	fail(the, "sandbox-none", "Let another member of the world run the behaviors.", "This board has no room to compile the behavior of a saga");
}

void defineProcess(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "start", none, 4);
	defineFrozen(the, native, "process", &xsVar(1));
}

void defineSandbox(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "lockdown", none, 0);
	defineFunction(the, &xsVar(1), "harden", none, 1);
	defineFunction(the, &xsVar(1), "limit", none, 3);
	defineFunction(the, &xsVar(1), "lift", none, 0);
	defineFrozen(the, native, "sandbox", &xsVar(1));
}
