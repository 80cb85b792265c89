/* vertebra-xs PROGRAM.js [arguments…]: runs a bundle in the XS engine with the natives of native.ts. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "host.h"

static void defineNative(xsMachine* the, int count, char* arguments[])
{
	int i;
	xsmcVars(3);
	xsmcSetNewObject(xsVar(0));
	defineText(the, &xsVar(0), "engine", engineVersion());
	xsmcSetNewArray(xsVar(1), 0);
	for (i = 0; i < count; i++) {
		setText(the, &xsVar(2), arguments[i], strlen(arguments[i]));
		xsmcSetIndex(xsVar(1), (xsIndex)i, xsVar(2));
	}
	defineFrozen(the, &xsVar(0), "arguments", &xsVar(1));
	defineBulk(the, &xsVar(0));
	defineClock(the, &xsVar(0));
	defineTimer(the, &xsVar(0));
	defineSerial(the, &xsVar(0));
	defineFile(the, &xsVar(0));
	defineFlash(the, &xsVar(0));
	defineSodium(the, &xsVar(0));
	defineSensors(the, &xsVar(0));
	defineProcess(the, &xsVar(0));
	defineConsole(the, &xsVar(0));
	defineSandbox(the, &xsVar(0));
	defineFrozen(the, &xsGlobal, "native", &xsVar(0));
}

static xsMachine* createMachine(void)
{
	xsCreation creation = {
		.initialChunkSize = 1024 * 1024,
		.incrementalChunkSize = 1024 * 1024,
		.initialHeapCount = 64 * 1024,
		.incrementalHeapCount = 64 * 1024,
		.stackCount = 16 * 1024,
		.initialKeyCount = 8 * 1024,
		.incrementalKeyCount = 8 * 1024,
		.nameModulo = 1993,
		.symbolModulo = 127,
		.parserBufferSize = 1024 * 1024,
		.parserTableModulo = 1993
	};
	fxInitializeSharedCluster();
	return xsCreateMachine(&creation, "vertebra", NULL);
}

char** commandLine;

/* Where one is closed, the next file that is opened would take its place, and lines meant for people would go into it. */
static void openStandardStreams(void)
{
	int fd;
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			exit(EXIT_USAGE);
	}
}

int main(int argc, char* argv[])
{
	xsMachine* machine;
	FILE* file;
	commandLine = argv;
	openStandardStreams();
	if (argc < 2) {
		fprintf(stderr, "usage: vertebra-xs PROGRAM.js [arguments…]\n");
		return EXIT_USAGE;
	}
	file = fopen(argv[1], "re");
	if (!file) {
		fprintf(stderr, "vertebra-xs: %s can't be read: %s\n", argv[1], strerror(errno));
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	/* What a file may not have is told by the write. */
	signal(SIGXFSZ, SIG_IGN);
	atexit(finishOutputs);
	atexit(closeSerials);
	machine = createMachine();
	startMeter(machine);
	xsBeginHost(machine);
	defineNative(the, argc - 2, argv + 2);
	runProgram(the, file, argv[1]);
	xsEndHost(machine);
	fclose(file);
	drainJobs(machine);
	runLoop(machine);
	return 0;
}
