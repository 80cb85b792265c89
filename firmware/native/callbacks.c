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
		complain("%s%s\n", label, text);
	free(text);
}

/* Message, stack, and the code and remedy of a VertebraError, on the standard error. The stack of XS begins with the message. */
void reportUncaught(xsMachine* machine)
{
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
			complain("vertebra-xs: uncaught %s\n", xsmcToString(xsVar(0)));
	}
	xsCatch {
		complain("vertebra-xs: uncaught exception that can't be told\n");
	}
	xsEndHost(machine);
}

typedef struct {
	const void* data;
	size_t length;
	int status;
} Given;

/* `arguments` makes xsVar(1) and xsVar(2) of what is given. */
static void callWith(xsMachine* machine, Callback* callback, bool once, void (*arguments)(xsMachine*, const Given*), const Given* given)
{
	xsBeginHost(machine);
	xsmcVars(3);
	xsTry {
		xsVar(0) = xsAccess(callback->function);
		if (once)
			dropCallback(the, callback);
		if (arguments)
			arguments(the, given);
		xsResult = xsCallFunction2(xsVar(0), xsUndefined, xsVar(1), xsVar(2));
	}
	xsCatch {
		reportUncaught(the);
		exit(EXIT_UNCAUGHT);
	}
	xsEndHost(machine);
	drainJobs(machine);
}

static void bytesGiven(xsMachine* the, const Given* given)
{
	setBytes(the, &xsVar(1), given->data, (xsUnsignedValue)given->length);
}

static void nullGiven(xsMachine* the, const Given* given)
{
	xsmcSetNull(xsVar(1));
}

static void textGiven(xsMachine* the, const Given* given)
{
	setText(the, &xsVar(1), given->data, given->length);
}

static void endGiven(xsMachine* the, const Given* given)
{
	xsmcSetInteger(xsVar(1), given->status);
	setText(the, &xsVar(2), given->data, given->length);
}

void callBack(xsMachine* the, Callback* callback)
{
	callWith(the, callback, false, NULL, NULL);
}

void callBackNull(xsMachine* the, Callback* callback)
{
	callWith(the, callback, false, nullGiven, NULL);
}

void callBackBytes(xsMachine* the, Callback* callback, const void* data, xsUnsignedValue length)
{
	callWith(the, callback, false, bytesGiven, &(Given){ .data = data, .length = length });
}

void callBackText(xsMachine* the, Callback* callback, const char* utf8, size_t length)
{
	callWith(the, callback, false, textGiven, &(Given){ .data = utf8, .length = length });
}

void callBackEnd(xsMachine* the, Callback* callback, int status, const char* utf8, size_t length)
{
	callWith(the, callback, true, endGiven, &(Given){ .data = utf8, .length = length, .status = status });
}
