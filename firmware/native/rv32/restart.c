/* How the board begins and ends: native.restart and native.exit. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../exits.h"
#include "machine.h"
#include "natives.h"

static Start* const kept = (Start*)(uintptr_t)0x80081FF8u;

Start takeStart(void)
{
	Start start = *kept;
	kept->magic = 0;
	return start.magic == START_MAGIC ? start : (Start){ 0 };
}

/* The status of QEMU is this one. */
void _exit(int status)
{
	finishSending(&console);
	*words(FINISHER) = status ? 0x3333u | (uint32_t)status << 16 : 0x5555u;
	for (;;)
		disableInterrupts();
}

void exit(int status)
{
	_exit(status);
}

void abort(void)
{
	stopWith(EXIT_ENGINE, "the firmware ended on a check of its own");
}

static void tellSentence(const char* format, va_list arguments)
{
	char sentence[256];
	int length = vsnprintf(sentence, sizeof sentence, format, arguments);
	finishSending(&console);
	sendBytes(&console, sentence, length < (int)sizeof sentence ? (size_t)length : sizeof sentence - 1);
}

void complain(const char* format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	tellSentence(format, arguments);
	va_end(arguments);
}

void stopWith(int status, const char* format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	tellSentence(format, arguments);
	va_end(arguments);
	if (*format && status)
		complain("\n");
	_exit(status);
}

static void exitNow(xsMachine* the)
{
	_exit((int)numberArgument(the, 0, 0, 255));
}

static Start startOf(xsMachine* the)
{
	Start start = { .magic = START_MAGIC };
	xsIntegerValue i;
	for (i = 1; i < xsmcArgc; i++) {
		char* text = textArgument(the, i);
		start.json |= !strcmp(text, "--json");
		start.halted |= !strcmp(text, "--halted");
		free(text);
	}
	return start;
}

static void restart(xsMachine* the)
{
	double until = monotonicMilliseconds() + numberArgument(the, 0, 0, 3600000);
	Start start = startOf(the);
	finishSending(&console);
	disableInterrupts();
	while (monotonicMilliseconds() < until)
		waitForInterrupt(until);
	*kept = start;
	begin();
}

static int putConsole(char byte, FILE* file)
{
	while (!sendBytes(&console, &byte, 1))
		;
	return byte;
}

/* For the engine's parser, which tells faults of its own there. */
static FILE errors = FDEV_SETUP_STREAM(putConsole, NULL, NULL, _FDEV_SETUP_WRITE);
FILE* const stderr = &errors;

void defineRestart(xsMachine* the, xsSlot* native)
{
	defineFunction(the, native, "restart", restart, 1);
	defineFunction(the, native, "exit", exitNow, 1);
}
