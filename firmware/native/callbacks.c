#include <stdlib.h>
#include <string.h>
#include "host.h"

void keepCallback(xsMachine* the, Callback* callback, int argument)
{
	if (argument >= xsmcArgc || !xsmcIsCallable(xsArg(argument)))
		xsTypeError("argument %d must be a function", argument);
	dropCallback(the, callback);
	callback->function = xsArg(argument);
	xsRemember(callback->function);
	callback->kept = true;
}

void dropCallback(xsMachine* the, Callback* callback)
{
	if (callback->kept)
		xsForget(callback->function);
	callback->kept = false;
}

/* One line of an error's own property, where it has one that says something. */
static void reportProperty(xsMachine* the, xsSlot* error, const char* name, const char* label)
{
	xsSlot value;
	char* text;
	_xsGet(the, &value, error, fxID(the, name));
	if (!isText(the, &value))
		return;
	text = textOf(the, &value);
	if (*text)
		fprintf(stderr, "%s%s\n", label, text);
	free(text);
}

/* Message, stack, and the code and remedy of a VertebraError, on the standard error. The stack of XS begins with the message. */
void reportUncaught(xsMachine* machine)
{
	fflush(stdout);
	xsBeginHost(machine);
	xsmcVars(1);
	xsVar(0) = xsException;
	xsTry {
		if (xsmcTypeOf(xsVar(0)) == xsReferenceType && xsmcHas(xsVar(0), xsID("stack"))) {
			reportProperty(the, &xsVar(0), "stack", "vertebra-xs: uncaught ");
			reportProperty(the, &xsVar(0), "code", "code: ");
			reportProperty(the, &xsVar(0), "remedy", "remedy: ");
		}
		else
			fprintf(stderr, "vertebra-xs: uncaught %s\n", xsmcToString(xsVar(0)));
	}
	xsCatch {
		fprintf(stderr, "vertebra-xs: uncaught exception that can't be told\n");
	}
	xsEndHost(machine);
}

static void callWith(xsMachine* machine, Callback* callback, void (*argument)(xsMachine*, xsSlot*, const void*, size_t), const void* data, size_t length)
{
	xsBeginHost(machine);
	xsmcVars(2);
	xsTry {
		xsVar(0) = xsAccess(callback->function);
		if (argument)
			argument(the, &xsVar(1), data, length);
		xsResult = xsCallFunction1(xsVar(0), xsUndefined, xsVar(1));
	}
	xsCatch {
		reportUncaught(the);
		exit(EXIT_UNCAUGHT);
	}
	xsEndHost(machine);
	drainJobs(machine);
}

static void asBytes(xsMachine* the, xsSlot* slot, const void* data, size_t length)
{
	setBytes(the, slot, data, (xsUnsignedValue)length);
}

static void asText(xsMachine* the, xsSlot* slot, const void* data, size_t length)
{
	setText(the, slot, data, length);
}

void callBack(xsMachine* the, Callback* callback)
{
	callWith(the, callback, NULL, NULL, 0);
}

void callBackBytes(xsMachine* the, Callback* callback, const void* data, xsUnsignedValue length)
{
	callWith(the, callback, asBytes, data, length);
}

void callBackText(xsMachine* the, Callback* callback, const char* utf8, size_t length)
{
	callWith(the, callback, asText, utf8, length);
}
