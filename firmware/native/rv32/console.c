/* native.print, log, printError and input: lines on the second serial line, in both directions. Power is cut without a signal. */
#include <string.h>
#include "machine.h"
#include "natives.h"

#define LINE_LIMIT 256

static Callback commands;
static char line[LINE_LIMIT];
static size_t length = 0;
/* Of a line that is too long the rest is passed over. */
static bool tooLong = false;

static bool sendLine(xsMachine* the, bool wait)
{
	char* text = textArgument(the, 0);
	size_t size = strlen(text);
	bool taken;
	if (wait && roomToSend(&console) < size + 1)
		finishSending(&console);
	text[size] = '\n';
	taken = sendBytes(&console, text, size + 1);
	free(text);
	return taken;
}

static void logLine(xsMachine* the)
{
	xsmcSetBoolean(xsResult, sendLine(the, false));
}

static void printLine(xsMachine* the)
{
	sendLine(the, true);
}

static void takeLine(xsMachine* the)
{
	size_t taken = length;
	length = 0;
	if (tooLong)
		callBackNull(the, &commands);
	else
		callBackText(the, &commands, line, taken);
	tooLong = false;
}

void passCommands(xsMachine* the)
{
	uint8_t byte;
	while (commands.kept && takeReceived(&console, &byte, 1)) {
		if (byte == '\n')
			takeLine(the);
		else if (length < sizeof line)
			line[length++] = (char)byte;
		else
			tooLong = true;
	}
}

static void input(xsMachine* the)
{
	keepCallback(the, &commands, 0);
}

static void onTerminate(xsMachine* the)
{
	if (!xsmcArgc || !xsmcIsCallable(xsArg(0)))
		xsTypeError("argument 0 must be a function");
}

void defineConsole(xsMachine* the, xsSlot* native)
{
	defineFunction(the, native, "print", printLine, 1);
	defineFunction(the, native, "log", logLine, 1);
	defineFunction(the, native, "printError", printLine, 1);
	defineFunction(the, native, "input", input, 2);
	defineFunction(the, native, "onTerminate", onTerminate, 1);
}
