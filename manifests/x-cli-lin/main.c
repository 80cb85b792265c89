/* What an ordinary Linux executable needs around the modules of a manifest: the machine that was prepared when it was linked,
   `trace` as boards have it, and an exit code. */

#include "xsAll.h"
#include "mc.xs.h"

/* Out of memory, stack overflow and the like, which JavaScript can't catch. */
void fxAbort(xsMachine* the, int status)
{
	fprintf(stderr, "The machine ended: %s.\n", fxAbortString(status));
	exit(3);
}

static void trace(xsMachine* the)
{
	fputs(xsToString(xsArg(0)), stdout);
}

int main(int argc, char* argv[])
{
	txPreparation* preparation = xsPreparation();
	xsMachine* machine = xsPrepareMachine(NULL, preparation, "vertebra", NULL, NULL);
	int failed = 0;

	xsBeginHost(machine);
	{
		xsVars(1);
		xsTry {
			xsVar(0) = xsNewHostFunction(trace, 1);
			xsSet(xsGlobal, xsID("trace"), xsVar(0));
			xsResult = xsAwaitImport(preparation->main, XS_IMPORT_NAMESPACE);
		}
		xsCatch {
			fprintf(stderr, "%s\n", xsToString(xsException));
			failed = 1;
		}
	}
	xsEndHost(machine);
	xsDeleteMachine(machine);
	return failed;
}
