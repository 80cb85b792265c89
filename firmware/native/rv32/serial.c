/* native.serial: the cable, the board's first serial line. */
#include "machine.h"
#include "natives.h"

#define PIECE 512

static Callback received;

void passReceived(xsMachine* the)
{
	uint8_t bytes[PIECE];
	size_t length;
	if (received.kept && (length = takeReceived(&serialLine, bytes, sizeof bytes)) > 0)
		callBackBytes(the, &received, bytes, (xsUnsignedValue)length);
}

static void openPort(xsMachine* the)
{
	keepCallback(the, &received, 2);
	xsmcSetInteger(xsResult, 0);
}

static void writePort(xsMachine* the)
{
	Bytes bytes = bytesArgument(the, 1);
	xsmcSetBoolean(xsResult, sendBytes(&serialLine, bytes.data, bytes.length));
}

/* Nobody else can set it. */
static void repair(xsMachine* the)
{
	xsmcSetBoolean(xsResult, 0);
}

static void closePort(xsMachine* the)
{
	dropCallback(the, &received);
}

void defineSerial(xsMachine* the, xsSlot* native)
{
	xsmcSetNewObject(xsVar(1));
	defineFunction(the, &xsVar(1), "openPort", openPort, 4);
	defineFunction(the, &xsVar(1), "write", writePort, 2);
	defineFunction(the, &xsVar(1), "repair", repair, 1);
	defineFunction(the, &xsVar(1), "close", closePort, 1);
	defineFrozen(the, native, "serial", &xsVar(1));
}
